//! Changing a resource: its fields, its space, its archive state, its end.

use super::body::Before;
use super::store::{self, Stored, followers};
use super::{
    ResourceView, body, bound, keep_access, may_put, missing, moving, name_of, own_policy, people, person, record,
    references, requirements, state, target_of, view_of,
};
use crate::access::{self, ACTOR, ChangedRow, Ctx, Ends, Permit, Write, keep_links, named_space, unused, write};
use crate::base::error::{Error, Result};
use crate::base::text;
use crate::directory::{KindInfo, windows_text};
use crate::grants;
use garth_core::{Action, Class, ClassIx, Permission, SpaceIx, Target};
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
pub(super) struct Held {
    pub row: Stored,
    pub class: Class,
    pub kind: Arc<KindInfo>,
    pub permit: Permit,
}

/// A resource, whoever asks for it, with where it lies and what it is.
pub(super) struct Placed {
    pub row: Stored,
    pub class: Class,
    pub kind: Arc<KindInfo>,
    /// What the caller is to it.
    pub target: Target,
}

/// The resource of that id or code; whether the caller may do anything with it is not asked.
pub(super) async fn find(w: &mut Write<'_>, id: &str) -> Result<Placed> {
    let mut code = String::new();
    let row = match name_of(id, &mut code) {
        Some(name) => store::get_in(w.tx(), &name).await?,
        None => None,
    };
    let row = row.ok_or_else(|| missing(&w.caller))?;
    let target = target_of(w.dir(), &w.caller, &row, w.now);
    let gone = || Error::internal("a resource of a class that is gone");
    let class = w.dir().world.class(row.class).ok_or_else(gone)?.clone();
    let kind = Arc::clone(w.dir().kinds.info(class.kind).ok_or_else(gone)?);
    w.refused_in(class.space, &kind.definition.name, row.id.clone());
    Ok(Placed { row, class, kind, target })
}

/// The resource of that id or code, if the caller may edit it and it is of that version.
pub(super) async fn hold(w: &mut Write<'_>, id: &str, version: Option<i64>) -> Result<Held> {
    let Placed { row, class, kind, target } = find(w, id).await?;
    let permit = w.may(target, Action::Write)?;
    if version.is_some_and(|v| v != row.version) {
        return Err(Error::conflict("version_mismatch", "the resource has changed since you read it"));
    }
    Ok(Held { row, class, kind, permit })
}

/// Changes a resource, its space included, all of it or nothing.
///
/// # Errors
/// 404, 403, 409 `version_mismatch`, `archived`, `attached` or `lockout`, 422.
pub async fn update(ctx: &Ctx, id: String, patch: ResourcePatch, version: Option<i64>) -> Result<ResourceView> {
    write(ctx, "resource.update", async move |w: &mut Write<'_>| change(w, &id, patch, version).await).await
}

/// Moves a resource, and what follows it; ids and codes stay. To the space it lies in is no change.
///
/// # Errors
/// 404, 403 at either end, 409 `archived` or `attached`, 422 for a space that is hidden or unknown.
pub async fn move_to(ctx: &Ctx, id: String, space: String, version: Option<i64>) -> Result<ResourceView> {
    let patch = ResourcePatch { space: Some(space), ..ResourcePatch::default() };
    write(ctx, "resource.move", async move |w: &mut Write<'_>| change(w, &id, patch, version).await).await
}

async fn change(w: &mut Write<'_>, id: &str, patch: ResourcePatch, version: Option<i64>) -> Result<ResourceView> {
    let held = hold(w, id, version).await?;
    let space = match &patch.space {
        Some(id) => named_space(w.dir(), &w.caller, "/space", id, w.now)?,
        None => held.class.space,
    };
    if space == held.class.space {
        let class = new_class(w, &held, space, &patch).await?;
        return alter(w, held, space, class, patch).await;
    }
    may_put(w, held.class.kind, space)?;
    let along = moving::along(w, std::slice::from_ref(&held), space).await?;
    let moved: Vec<String> = std::iter::once(&held).chain(&along).map(|held| held.row.id.clone()).collect();
    let class = place(w, &held, space, &patch).await?;
    let along = moving::place_all(w, along, space).await?;
    let view = alter(w, held, space, class, patch).await?;
    moving::settle(w, along, space).await?;
    keep_links(w, Ends::Resources(&moved)).await?;
    Ok(view)
}

/// Puts a resource into the class that it will have, so that others find it where it goes.
pub(super) async fn place(w: &mut Write<'_>, held: &Held, space: SpaceIx, patch: &ResourcePatch) -> Result<ClassIx> {
    let class = new_class(w, held, space, patch).await?;
    followers::place(w, &held.permit, &held.row.id, class).await?;
    Ok(class)
}

/// Makes a resource what it is to be in that space and class, and records it.
pub(super) async fn alter(
    w: &mut Write<'_>,
    held: Held,
    space: SpaceIx,
    new: ClassIx,
    patch: ResourcePatch,
) -> Result<ResourceView> {
    let Held { row: before, class, kind, permit } = held;
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
    row.class = new;
    if patch.body.is_some() || space != class.space {
        let (mut whole, sealed) = body::read(&before.body, &before.secrets)?;
        let bare = body::mark_all(&mut whole, Some(&kind), &sealed);
        if let Some(patch) = &patch.body {
            let was = whole.clone();
            // What is secret cannot be merged with by whoever does not know it: an object takes its place.
            let anew = |pointer: &&String| patch.pointer(pointer).is_some_and(|v| v.is_object() && !body::is_marker(v));
            for pointer in kind.definition.secret_fields.iter().filter(anew) {
                body::take(&mut whole, pointer);
            }
            body::merge(&mut whole, patch);
            bound::require_given(&kind, &was, &whole)?;
        }
        body::unmark(&mut whole, bare);
        references::resolve(w, &kind, space, &mut whole).await?;
        if patch.body.is_some() {
            references::follow(w, &permit, &row.id, &references::leaders(&kind, &whole)).await?;
        }
        row.requires = requirements::of(&kind, &whole);
        let kept = Some(Before { resource: &row.id, space: class.space, sealed: &sealed });
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
    if row.requires != before.requires {
        requirements::keep(w, &permit, &mut row).await?;
    } else if space != class.space && !row.requires.is_empty() {
        // What it requires may have gone along.
        row.needed = store::requirements_of(w.tx(), &row.id).await?;
    }
    let judged = |row: &Stored| (row.class, row.owner.clone(), row.subscribers.clone(), row.requires.clone());
    if judged(&row) != judged(&before) {
        keep_access(w, &row)?;
    }
    w.row_changed(|| ChangedRow { name: before.name.clone(), before: before.about(), after: row.about() });
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

async fn new_class(w: &mut Write<'_>, held: &Held, space: SpaceIx, patch: &ResourcePatch) -> Result<ClassIx> {
    if space == held.class.space && patch.view.is_none() && patch.edit.is_none() {
        return Ok(held.row.class);
    }
    let info = Arc::clone(w.dir().class_info(held.row.class).ok_or(Error::NotFound)?);
    let policy = |w: &Write<'_>, given: &Option<Option<Value>>, was: &Option<Value>, pointer: &str| match given {
        Some(Some(given)) => own_policy(w, given, pointer),
        Some(None) => Ok(String::new()),
        None => Ok(was.as_ref().map(Value::to_string).unwrap_or_default()),
    };
    let view = policy(w, &patch.view, &info.view, "/view")?;
    let edit = policy(w, &patch.edit, &info.edit, "/edit")?;
    // Shares go along with who administers the space it goes to: they are its administrators' to open. One to the space
    // that it lies in from now on would be none.
    let administers = Action::Use(Permission::SPACE_ADMIN);
    let kept = space == held.class.space
        || w.dir().world.decide(&w.caller, Target::Space(space), administers, w.now).allowed();
    let here = w.dir().space_id(space).map(|id| id.to_string()).unwrap_or_default();
    let windows = info.windows.iter().filter(|window| kept && **window != here).cloned().collect();
    let windows = windows_text(windows);
    w.class((space, held.class.kind, view, edit, windows)).await
}

/// Archives a resource, or takes it back: an archived one leaves the lists that do not ask for it.
///
/// # Errors
/// 404, 403, 409 `attached` while something is attached to it.
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
        if archived {
            unused(w, &before.id).await?;
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

/// Deletes a resource; the roles that it holds go with it.
///
/// # Errors
/// 404, 403, 409 `version_mismatch`, `attached` while something is attached to it, or `conflict` while something else requires it.
pub async fn delete(ctx: &Ctx, id: String, version: Option<i64>) -> Result<()> {
    write(ctx, "resource.delete", async move |w: &mut Write<'_>| {
        let Held { row, class, kind, permit } = hold(w, &id, version).await?;
        requirements::not_required(w, &row.id).await?;
        unused(w, &row.id).await?;
        let was = state(w.dir(), &row);
        let actor = w.dir().principal(&format!("{ACTOR}{}", row.id));
        if let Some(actor) = actor {
            grants::take_all(w, &permit, actor).await?;
        }
        store::delete(w, &permit, &row).await?;
        w.keep_count().await?;
        record(w, class.space, &kind, &row, was, Value::Null).await
    })
    .await
}
