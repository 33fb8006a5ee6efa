//! Kinds: types of resources.
//!
//! Everyone signed in sees them; system administrators make, change and delete them. Name
//! and prefix are for ever, since permissions and codes are made of them.

pub mod api;
pub(crate) mod form;
mod store;

use crate::access::{Ctx, Ends, Permit, Record, Viewer, Write, keep_links, page_of, redacted, write};
use crate::base::error::{Error, FieldError, Result};
use crate::base::http::{Page, PageRequest};
use crate::base::{ids, text};
use crate::directory::policy::{self, Place};
use crate::directory::{Change, Definition, Directory, KindInfo, Reference, meter_of_kind};
use crate::policies::{self, Holder};
use garth_core::{Caller, KindIx, RoleIx, SpaceIx};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// What to change of a kind; what is not given stays.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// The name; it must be the one it has.
    pub name: Option<String>,
    /// The prefix; it must be the one it has.
    pub prefix: Option<String>,
    /// What several are called.
    pub plural: Option<String>,
    /// The schema of bodies.
    pub schema: Option<Value>,
    /// May resources be attached and shared?
    pub shareable: Option<bool>,
    /// Fields that are never read back.
    pub secret_fields: Option<Vec<String>>,
    /// Fields whose words its resources are found by.
    pub search_fields: Option<Vec<String>>,
    /// Fields that name other resources.
    pub references: Option<Vec<Reference>>,
    /// The default view policy; `Some(None)` goes back to holders of `<kind>:read`.
    pub default_view: Option<Option<Value>>,
    /// The default edit policy; `Some(None)` goes back to holders of `<kind>:write`.
    pub default_edit: Option<Option<Value>>,
    /// What author, owner and subscribers may always do.
    pub exceptions: Option<BTreeMap<String, Vec<String>>>,
    /// Permissions of its own.
    pub permissions: Option<Vec<String>>,
}

/// A kind as somebody sees it.
pub struct Shown {
    /// What is known of it.
    pub info: Arc<KindInfo>,
    /// How it was defined; its policies without the people and groups that the reader cannot see.
    pub definition: Definition,
    /// Are the words of all its resources cut as they count? Told to system administrators: how long it takes tells
    /// how many there are.
    pub search_ready: Option<bool>,
}

/// Defines a kind.
///
/// # Errors
/// 403 for all but system administrators, 409 when the name or the prefix is taken, 422.
pub async fn create(ctx: &Ctx, definition: Definition) -> Result<Arc<KindInfo>> {
    write(ctx, "kind.create", async move |w: &mut Write<'_>| {
        let permit = w.system_admin()?;
        form::check(w.dir(), &definition)?;
        free(w.dir(), &definition)?;
        let (now, id) = (w.now, ids::new_id(w.now));
        let mut definition = definition;
        let plural = definition.plural.take().unwrap_or_else(|| format!("{}s", definition.name));
        definition.plural = Some(text::name("/plural", &plural)?);
        let view = definition.default_view.take();
        let edit = definition.default_edit.take();
        let stored = written(&definition)?.to_string();
        let cut = next_cut(w);
        let names = (definition.name.as_str(), definition.prefix.as_str());
        store::insert(w.tx(), &permit, id, names, &stored, cut, now).await?;
        w.changed(Change::Kind(id)).await?;
        // Only now are the kind's own permissions known, which its policies may name.
        definition.default_view = view;
        definition.default_edit = edit;
        read_policies(w, &mut definition, true, true)?;
        if definition.default_view.is_some() || definition.default_edit.is_some() {
            save(w, &permit, id, &definition).await?;
        }
        let (target_id, after) = (id.to_string(), written(&definition)?);
        w.record(Record { space: None, target_type: "kind", target_id, before: Value::Null, after }).await?;
        known(w.dir(), &id.to_string()).map(|(_, info)| info)
    })
    .await
}

/// A number for a cut of words that no kind ever had: that of the change which is told next.
fn next_cut(w: &Write<'_>) -> i64 {
    w.dir().last_change + 1
}

fn free(dir: &Directory, definition: &Definition) -> Result<()> {
    if dir.kinds.by_name::<KindIx>(&definition.name).is_some() {
        return Err(Error::conflict("conflict", "a kind of that name exists already"));
    }
    if dir.kinds.iter::<KindIx>().any(|(_, kind)| kind.definition.prefix == definition.prefix) {
        return Err(Error::conflict("conflict", "a kind of that prefix exists already"));
    }
    Ok(())
}

/// The kind of a name or an id, whoever asks.
///
/// # Errors
/// 404.
pub fn known(dir: &Directory, id: &str) -> Result<(KindIx, Arc<KindInfo>)> {
    let ix = dir.kind_ref(id).ok_or(Error::NotFound)?;
    Ok((ix, Arc::clone(dir.kinds.info(ix).ok_or(Error::NotFound)?)))
}

/// One kind, by name or id.
///
/// # Errors
/// 401, 404.
pub fn get(ctx: &Ctx, id: &str) -> Result<Shown> {
    let dir = ctx.directory();
    let caller = ctx.somebody(&dir)?;
    let (_, info) = known(&dir, id)?;
    Ok(shown(&dir, &caller, &Viewer::new(&dir, &caller, ctx.now()), &info))
}

/// All kinds, by name.
///
/// # Errors
/// 401, or 422 for a cursor that is not good.
pub fn list(ctx: &Ctx, page: &PageRequest) -> Result<Page<Shown>> {
    let dir = ctx.directory();
    let caller = ctx.somebody(&dir)?;
    let all = dir.kinds.iter::<KindIx>().map(|(_, info)| info);
    let page = page_of(&dir, &caller, "kinds", page, all, |info| (info.definition.name.clone(), info.id))?;
    let viewer = Viewer::new(&dir, &caller, ctx.now());
    Ok(page.map(|info| shown(&dir, &caller, &viewer, info)))
}

fn shown(dir: &Directory, caller: &Caller, viewer: &Viewer<'_>, info: &Arc<KindInfo>) -> Shown {
    let mut definition = info.definition.clone();
    for policy in [&mut definition.default_view, &mut definition.default_edit].into_iter().flatten() {
        *policy = redacted(dir, viewer, policy);
    }
    let search_ready = Some(info.search_ready).filter(|_| caller.system || caller.system_admin);
    Shown { info: Arc::clone(info), definition, search_ready }
}

/// Changes a kind; what its resources hold already stays as it is. After a change of the fields that they are found by,
/// a resource is found by its name and labels only until it is cut anew.
///
/// # Errors
/// 403, 404, 409 `attached` when it is not to be shareable any more while something in another space uses a resource of it,
/// 409 `conflict` when a permission that goes is in use, or when other references would be required although there are
/// resources of the kind; 422.
pub async fn update(ctx: &Ctx, id: String, changes: Changes) -> Result<Arc<KindInfo>> {
    write(ctx, "kind.update", async move |w: &mut Write<'_>| {
        let permit = w.system_admin()?;
        let (ix, before) = known(w.dir(), &id)?;
        own(&before)?;
        let (views, edits) = (changes.default_view.is_some(), changes.default_edit.is_some());
        let mut definition = changed(&before.definition, changes)?;
        form::check(w.dir(), &definition)?;
        if required(&before.definition) != required(&definition) && store::used(w.tx(), before.id).await? {
            let detail = "what must be seen before a resource is written down with it, so that cannot change while \
                          there are resources of the kind";
            return Err(Error::conflict("conflict", detail));
        }
        // First the permissions, then the policies that may name them.
        let policies = (definition.default_view.take(), definition.default_edit.take());
        definition.default_view.clone_from(&before.definition.default_view);
        definition.default_edit.clone_from(&before.definition.default_edit);
        save(w, &permit, before.id, &definition).await?;
        (definition.default_view, definition.default_edit) = policies;
        read_policies(w, &mut definition, views, edits)?;
        if definition.search_fields != before.definition.search_fields {
            let cut = next_cut(w);
            store::cut_anew(w.tx(), &permit, before.id, cut).await?;
        }
        save(w, &permit, before.id, &definition).await?;
        if before.definition.shareable && !definition.shareable {
            keep_links(w, Ends::Kind(ix)).await?;
        }
        for gone in before.definition.permissions.iter().filter(|p| !definition.permissions.contains(p)) {
            unused(w.dir(), gone, None)?;
        }
        record_update(w, ix, &before, &definition).await?;
        known(w.dir(), &before.id.to_string()).map(|(_, info)| info)
    })
    .await
}

/// Requires that the kind is not one of Garth's own, which are as this version of it defines them.
fn own(info: &KindInfo) -> Result<()> {
    match info.built_in() {
        None => Ok(()),
        Some(_) => Err(Error::conflict("conflict", "the kind is one of Garth's own: it stays as it is")),
    }
}

/// The references that must be seen, by pointer and kind.
fn required(definition: &Definition) -> Vec<(&str, &str)> {
    let references = definition.references.iter().filter(|reference| reference.requires.is_some());
    let mut required: Vec<_> = references.map(|r| (r.pointer.as_str(), r.kind.as_str())).collect();
    required.sort_unstable();
    required
}

fn changed(before: &Definition, changes: Changes) -> Result<Definition> {
    let mut wrong = Vec::new();
    let mut fixed = |pointer: &str, given: Option<String>, is: &str| {
        if given.is_some_and(|given| given != is) {
            let message = "cannot be changed: permissions and codes are made of it".to_owned();
            wrong.push(FieldError { pointer: pointer.to_owned(), message });
        }
    };
    fixed("/name", changes.name, &before.name);
    fixed("/prefix", changes.prefix, &before.prefix);
    if !wrong.is_empty() {
        return Err(Error::Invalid(wrong));
    }
    let plural = changes.plural.map(|plural| text::name("/plural", &plural)).transpose()?;
    Ok(Definition {
        name: before.name.clone(),
        plural: plural.or_else(|| before.plural.clone()),
        prefix: before.prefix.clone(),
        schema: changes.schema.unwrap_or_else(|| before.schema.clone()),
        shareable: changes.shareable.unwrap_or(before.shareable),
        secret_fields: changes.secret_fields.unwrap_or_else(|| before.secret_fields.clone()),
        search_fields: changes.search_fields.unwrap_or_else(|| before.search_fields.clone()),
        references: changes.references.unwrap_or_else(|| before.references.clone()),
        default_view: changes.default_view.unwrap_or_else(|| before.default_view.clone()),
        default_edit: changes.default_edit.unwrap_or_else(|| before.default_edit.clone()),
        exceptions: changes.exceptions.unwrap_or_else(|| before.exceptions.clone()),
        permissions: changes.permissions.unwrap_or_else(|| before.permissions.clone()),
    })
}

/// Reads the default policies that were given and puts what is stored of them in their place.
fn read_policies(w: &Write<'_>, definition: &mut Definition, views: bool, edits: bool) -> Result<()> {
    let viewer = Viewer::new(w.dir(), &w.caller, w.now);
    let mut wrong = Vec::new();
    let fields = [
        (&mut definition.default_view, "/default_view", views),
        (&mut definition.default_edit, "/default_edit", edits),
    ];
    for (field, pointer, given) in fields {
        let Some(value) = field.as_mut().filter(|_| given) else { continue };
        let read = policy::read(w.dir(), value, pointer, Place::Resource, &viewer);
        wrong.extend(read.errors);
        *value = read.canonical;
    }
    if wrong.is_empty() { Ok(()) } else { Err(Error::Invalid(wrong)) }
}

async fn save(w: &mut Write<'_>, permit: &Permit, id: Uuid, definition: &Definition) -> Result<()> {
    store::update(w.tx(), permit, id, &written(definition)?.to_string()).await?;
    w.changed(Change::Kind(id)).await
}

/// The whole change in the system's log; in the spaces that hold such resources, what decides.
async fn record_update(w: &mut Write<'_>, ix: KindIx, before: &KindInfo, after: &Definition) -> Result<()> {
    let target_id = before.id.to_string();
    let decides = |d: &Definition| json!({ "default_view": d.default_view, "default_edit": d.default_edit, "exceptions": d.exceptions });
    let (mut was, mut is) = (decides(&before.definition), decides(after));
    if before.definition.shareable != after.shareable {
        // It opens windows on what is shared, or shuts them.
        (was["shareable"], is["shareable"]) = (json!(before.definition.shareable), json!(after.shareable));
    }
    if was != is {
        for space in spaces_with_kind(w.dir(), ix) {
            let (target_id, before, after) = (target_id.clone(), was.clone(), is.clone());
            w.record(Record { space: Some(space), target_type: "kind", target_id, before, after }).await?;
        }
    }
    if before.definition == *after {
        return Ok(());
    }
    let (before, after) = (written(&before.definition)?, written(after)?);
    w.record(Record { space: None, target_type: "kind", target_id, before, after }).await
}

/// The spaces in which resources of that kind lie or lay, or which they are or were shared to.
fn spaces_with_kind(dir: &Directory, kind: KindIx) -> Vec<SpaceIx> {
    let mut spaces: Vec<SpaceIx> = dir
        .world
        .classes()
        .filter(|(_, class)| class.kind == kind)
        .flat_map(|(_, c)| policies::decides_in(c))
        .collect();
    spaces.sort_unstable();
    spaces.dedup();
    spaces
}

/// Deletes a kind that nothing uses.
///
/// # Errors
/// 403, 404, 409 while resources, another kind, a role or a policy use it.
pub async fn delete(ctx: &Ctx, id: String) -> Result<()> {
    write(ctx, "kind.delete", async move |w: &mut Write<'_>| {
        let permit = w.system_admin()?;
        let (ix, info) = known(w.dir(), &id)?;
        own(&info)?;
        if store::used(w.tx(), info.id).await? {
            return Err(Error::conflict("conflict", "the kind is in use by resources"));
        }
        let name = &info.definition.name;
        let refers = |other: &KindInfo| other.definition.references.iter().any(|r| r.kind == *name);
        if w.dir().kinds.iter::<KindIx>().any(|(other, kind)| other != ix && refers(kind)) {
            return Err(Error::conflict("conflict", "the kind is in use by a reference of another kind"));
        }
        let meter = meter_of_kind(name);
        let counted = w.dir().quotas.values().any(|quotas| quotas.iter().any(|quota| quota.meter == meter));
        if counted || w.dir().settings.default_quotas.iter().any(|quota| quota.meter == meter) {
            return Err(Error::conflict("conflict", "the kind is in use by a quota"));
        }
        for verb in w.dir().verbs(name) {
            unused(w.dir(), &format!("{name}:{verb}"), Some(ix))?;
        }
        unused(w.dir(), &format!("{name}:*"), Some(ix))?;
        store::delete(w.tx(), &permit, info.id).await?;
        w.changed(Change::Kind(info.id)).await?;
        let before = written(&info.definition)?;
        let target_id = info.id.to_string();
        w.record(Record { space: None, target_type: "kind", target_id, before, after: Value::Null }).await
    })
    .await
}

/// Requires that no role and no stored policy, but the kind's own, names that permission.
fn unused(dir: &Directory, permission: &str, own: Option<KindIx>) -> Result<()> {
    let refuse = |by: &str| Err(Error::conflict("conflict", format!("{permission} is in use by a {by}")));
    if dir.roles.iter::<RoleIx>().any(|(_, role)| role.permissions.iter().any(|p| p == permission)) {
        return refuse("role");
    }
    let others = policies::uses(dir, permission);
    if others.iter().any(|holder| own.is_none_or(|own| *holder != Holder::Kind(own))) {
        return refuse("policy");
    }
    Ok(())
}

/// A definition as it is stored and answered.
fn written(definition: &Definition) -> Result<Value> {
    serde_json::to_value(definition).map_err(|e| Error::internal(format!("a kind cannot be written: {e}")))
}
