//! Changing a resource: its fields, its space, its archive state, its end.

use super::store::{self, Stored};
use super::{
    ResourceView, body, keep_access, may_put, missing, name_of, own_policy, people, person, record, references, state,
    target_of, view_of,
};
use crate::access::{self, Ctx, Permit, Write, named_space, write};
use crate::base::error::{Error, Result};
use crate::base::text;
use crate::directory::KindInfo;
use garth_core::{Action, Class, SpaceIx};
use serde_json::Value;
use std::sync::Arc;

/// What is to change; `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct ResourcePatch {
    /// Another name.
    pub name: Option<String>,
    /// A merge patch (RFC 7396) of the body.
    pub body: Option<Value>,
    /// Other labels.
    pub labels: Option<Vec<String>>,
    /// Another view policy; `Some(None)` is the kind's.
    pub view: Option<Option<Value>>,
    /// Another edit policy; `Some(None)` is the kind's.
    pub edit: Option<Option<Value>>,
    /// Another owner; `Some(None)` is nobody.
    pub owner: Option<Option<String>>,
    /// Other subscribers.
    pub subscribers: Option<Vec<String>>,
    /// Another space.
    pub space: Option<String>,
}

/// A resource that the caller may edit, with what belongs to it.
struct Held {
    row: Stored,
    class: Class,
    kind: Arc<KindInfo>,
    permit: Permit,
}

async fn hold(w: &mut Write<'_>, id: &str, version: Option<i64>) -> Result<Held> {
    let mut code = String::new();
    let row = match name_of(id, &mut code) {
        Some(name) => store::get_in(w.tx(), &name).await?,
        None => None,
    };
    let row = row.ok_or_else(|| missing(&w.caller))?;
    let target = target_of(w.dir(), &w.caller, &row);
    let gone = || Error::internal("a resource of a class that is gone");
    let class = w.dir().world.class(row.class).ok_or_else(gone)?.clone();
    let kind = Arc::clone(w.dir().kinds.info(class.kind).ok_or_else(gone)?);
    w.refused_in(class.space, &kind.definition.name, row.id.clone());
    let permit = w.may(target, Action::Write)?;
    if version.is_some_and(|v| v != row.version) {
        return Err(Error::conflict("version_mismatch", "the resource has changed since you read it"));
    }
    Ok(Held { row, class, kind, permit })
}

/// Changes a resource, its space included, all of it or nothing.
///
/// # Errors
/// 404, 403, 409 `version_mismatch`, `archived` or `lockout`, 422.
pub async fn update(ctx: &Ctx, id: String, patch: ResourcePatch, version: Option<i64>) -> Result<ResourceView> {
    write(ctx, "resource.update", async move |w: &mut Write<'_>| change(w, &id, patch, version).await).await
}

/// Moves a resource; its id and code stay. To the space it lies in is no change.
///
/// # Errors
/// 404, 403 at either end, 409 `archived`, 422 for a space that is hidden or unknown.
pub async fn move_to(ctx: &Ctx, id: String, space: String, version: Option<i64>) -> Result<ResourceView> {
    let patch = ResourcePatch { space: Some(space), ..ResourcePatch::default() };
    write(ctx, "resource.move", async move |w: &mut Write<'_>| change(w, &id, patch, version).await).await
}

async fn change(w: &mut Write<'_>, id: &str, patch: ResourcePatch, version: Option<i64>) -> Result<ResourceView> {
    let Held { row: before, class, kind, permit } = hold(w, id, version).await?;
    let space = match &patch.space {
        Some(id) => named_space(w.dir(), &w.caller, "/space", id, w.now)?,
        None => class.space,
    };
    if space != class.space {
        may_put(w, class.kind, space)?;
    }
    let was = state(w.dir(), &before);
    let mut row = before.clone();
    if let Some(name) = &patch.name {
        row.name = text::name("/name", name)?;
    }
    if let Some(labels) = &patch.labels {
        row.labels = text::labels("/labels", labels)?;
    }
    if let Some(owner) = &patch.owner {
        row.owner = owner.as_deref().map(|text| person(w, "/owner", text)).transpose()?.unwrap_or_default();
    }
    if let Some(subscribers) = &patch.subscribers {
        row.subscribers = people(w, "/subscribers", subscribers)?;
    }
    row.class = new_class(w, &before, &class, space, &patch).await?;
    if patch.body.is_some() || space != class.space {
        let (mut whole, sealed) = body::read(&before.body, &before.secrets)?;
        let bare = body::mark_all(&mut whole, Some(&kind), &sealed);
        if let Some(patch) = &patch.body {
            body::merge(&mut whole, patch);
        }
        body::unmark(&mut whole, bare);
        references::resolve(w, &kind, space, &mut whole).await?;
        let kept = Some((class.space, &sealed));
        let stored = body::prepare(w, &permit, &kind, &row.id, space, whole, kept).await?;
        row.body = stored.open;
        row.secrets = stored.sealed;
    }
    if row == before {
        return view_of(w.dir(), &w.caller, before, w.now);
    }
    row.version += 1;
    row.updated_at = w.now;
    if row.secrets == before.secrets && space == class.space {
        // While the key of the space is exchanged, whatever is touched goes under the newer one.
        let info = w.dir().spaces.info(space).ok_or(Error::NotFound)?;
        let sealed = body::resealed(&w.dir().vault, &info.id.to_string(), &info.secret_key, &row.id, &row.secrets)?;
        row.secrets = sealed.unwrap_or(row.secrets);
    }
    store::update(w, &permit, &before, &row).await?;
    if row.class != before.class || row.owner != before.owner || row.subscribers != before.subscribers {
        keep_access(w, &row)?;
    }
    let is = state(w.dir(), &row);
    if space != class.space {
        // The space it left sees that it went, but not where to or what became of it.
        record(w, class.space, &kind, &row, was, Value::Null).await?;
        record(w, space, &kind, &row, Value::Null, is).await?;
    } else {
        record(w, space, &kind, &row, was, is).await?;
    }
    view_of(w.dir(), &w.caller, row, w.now)
}

async fn new_class(
    w: &mut Write<'_>,
    before: &Stored,
    class: &Class,
    space: SpaceIx,
    patch: &ResourcePatch,
) -> Result<garth_core::ClassIx> {
    if space == class.space && patch.view.is_none() && patch.edit.is_none() {
        return Ok(before.class);
    }
    let info = Arc::clone(w.dir().class_info(before.class).ok_or(Error::NotFound)?);
    let policy = |w: &Write<'_>, given: &Option<Option<Value>>, was: &Option<Value>, pointer: &str| match given {
        Some(Some(given)) => own_policy(w, given, pointer),
        Some(None) => Ok(String::new()),
        None => Ok(was.as_ref().map(Value::to_string).unwrap_or_default()),
    };
    let view = policy(w, &patch.view, &info.view, "/view")?;
    let edit = policy(w, &patch.edit, &info.edit, "/edit")?;
    w.class((space, class.kind, view, edit)).await
}

/// Archives a resource, or takes it back: an archived one leaves the lists that do not ask for it.
///
/// # Errors
/// 404, 403.
pub async fn archive(ctx: &Ctx, id: String, archived: bool) -> Result<ResourceView> {
    let action = if archived { "resource.archive" } else { "resource.activate" };
    write(ctx, action, async move |w: &mut Write<'_>| {
        let Held { row: before, class, kind, permit } = hold(w, &id, None).await?;
        if before.archived == archived {
            return view_of(w.dir(), &w.caller, before, w.now);
        }
        if !archived && access::archived(&w.dir().world, class.space) {
            return Err(Error::conflict("archived", "the space is archived"));
        }
        let was = state(w.dir(), &before);
        let row = Stored { archived, version: before.version + 1, updated_at: w.now, ..before.clone() };
        store::update(w, &permit, &before, &row).await?;
        let is = state(w.dir(), &row);
        record(w, class.space, &kind, &row, was, is).await?;
        view_of(w.dir(), &w.caller, row, w.now)
    })
    .await
}

/// Deletes a resource.
///
/// # Errors
/// 404, 403, 409 `version_mismatch`.
pub async fn delete(ctx: &Ctx, id: String, version: Option<i64>) -> Result<()> {
    write(ctx, "resource.delete", async move |w: &mut Write<'_>| {
        let Held { row, class, kind, permit } = hold(w, &id, version).await?;
        let was = state(w.dir(), &row);
        store::delete(w, &permit, &row.id).await?;
        w.keep_count().await?;
        record(w, class.space, &kind, &row, was, Value::Null).await
    })
    .await
}
