//! Named policies: kept in one place, used in many.
//!
//! Everyone signed in sees their names, their editors the text. A change counts at once
//! wherever the policy is used, and is on record in every space where it decides.

pub mod api;
mod store;
mod uses;

pub use uses::{Holder, decides_in, holders, names, reached, spaces_naming, uses};

use crate::access::{Ctx, Permit, Record, Viewer, Write, page_of, write};
use crate::base::error::{Error, Result};
use crate::base::http::{Page, PageRequest};
use crate::base::{ids, text};
use crate::directory::policy::{self, Place};
use crate::directory::{Change, Directory, PolicyInfo};
use garth_core::{Caller, Micros, PolicyIx, SpaceIx, Standing};
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

/// A policy to keep under a name.
#[derive(Clone, Debug)]
pub struct NewPolicy {
    /// Its unique name.
    pub name: String,
    /// Who passes.
    pub policy: Value,
    /// Who may change it; system administrators if not given.
    pub edit: Option<Value>,
}

/// What to change; what is not given stays.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Its unique name.
    pub name: Option<String>,
    /// Who passes.
    pub policy: Option<Value>,
    /// Who may change it.
    pub edit: Option<Value>,
}

/// A named policy as somebody may see it.
#[derive(Clone, Debug)]
pub struct Shown {
    /// What is known of it.
    pub info: Arc<PolicyInfo>,
    /// May the one who looks see its text?
    pub text: bool,
}

/// Keeps a policy under a name.
///
/// # Errors
/// 403 for all but system administrators, 409 when the name is taken, 422.
pub async fn create(ctx: &Ctx, new: NewPolicy) -> Result<Shown> {
    write(ctx, "policy.create", async move |w: &mut Write<'_>| {
        let permit = w.system_admin()?;
        let name = free_name(w.dir(), &new.name, None)?;
        let policy = read(w, &new.policy, "/policy", Place::Resource)?;
        let edit = new.edit.unwrap_or_else(|| json!("admins"));
        let edit = read(w, &edit, "/edit", Place::SpaceEdit)?;
        let (now, id) = (w.now, ids::new_id(w.now));
        store::insert(w.tx(), &permit, id, &name, &policy.to_string(), &edit.to_string(), now).await?;
        w.changed(Change::Policy(id)).await?;
        let after = json!({ "name": name, "policy": policy, "edit": edit });
        w.record(Record { space: None, target_type: "policy", target_id: id.to_string(), before: Value::Null, after })
            .await?;
        let (_, info) = known(w.dir(), &id.to_string())?;
        Ok(Shown { info, text: true })
    })
    .await
}

/// One named policy.
///
/// # Errors
/// 401, 404.
pub fn get(ctx: &Ctx, id: &str) -> Result<Shown> {
    let dir = ctx.directory();
    let caller = ctx.somebody(&dir)?;
    let (_, info) = known(&dir, id)?;
    Ok(shown(&dir, &caller, &info, ctx.now()))
}

/// Something that uses a named policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    /// `view of a space`, `edit of a space`, `kind`, `policy`, `editors`.
    pub what: &'static str,
    /// What the space, kind or policy is called.
    pub name: String,
    /// The space's id, or the other's.
    pub id: Uuid,
}

/// What uses a named policy, as far as the caller may know of it: of spaces those that they see; of resources nothing.
///
/// # Errors
/// 401; 404; 403 for all but its editors and system administrators.
pub fn used(ctx: &Ctx, id: &str) -> Result<Vec<Use>> {
    let (dir, now) = (ctx.directory(), ctx.now());
    let caller = ctx.somebody(&dir)?;
    let (ix, info) = known(&dir, id)?;
    if !edits(&dir, &caller, &info, now) {
        return Err(Error::Forbidden("this needs a system administrator or an editor of the policy".to_owned()));
    }
    let viewer = Viewer::new(&dir, &caller, now);
    let space = |what: &'static str, space: SpaceIx| {
        let info = dir.spaces.info(space).filter(|_| viewer.space(space))?;
        Some(Use { what, name: info.name.clone(), id: info.id })
    };
    let told = |holder: Holder| match holder {
        Holder::SpaceView(ix) => space("view of a space", ix),
        Holder::SpaceEdit(ix) => space("edit of a space", ix),
        Holder::Class(_) => None,
        Holder::Kind(kind) => {
            dir.kinds.info(kind).map(|kind| Use { what: "kind", name: kind.definition.name.clone(), id: kind.id })
        }
        Holder::Named(other) => {
            dir.policies.info(other).map(|other| Use { what: "policy", name: other.name.clone(), id: other.id })
        }
        Holder::Editors(other) if other == ix => None,
        Holder::Editors(other) => {
            dir.policies.info(other).map(|other| Use { what: "editors", name: other.name.clone(), id: other.id })
        }
    };
    let mut found: Vec<Use> = uses(&dir, &info.id.to_string()).into_iter().filter_map(told).collect();
    found.sort();
    found.dedup();
    Ok(found)
}

/// All named policies, by name.
///
/// # Errors
/// 401, or 422 for a cursor that is not good.
pub fn list(ctx: &Ctx, page: &PageRequest) -> Result<Page<Shown>> {
    let dir = ctx.directory();
    let caller = ctx.somebody(&dir)?;
    let all = dir.policies.iter::<PolicyIx>().map(|(_, info)| info);
    let found = page_of(&dir, &caller, "policies", page, all, |info| (info.name.clone(), info.id))?;
    Ok(found.map(|info| shown(&dir, &caller, info, ctx.now())))
}

/// Changes a named policy, and with it everything that uses it.
///
/// # Errors
/// 403 for all but its editors and system administrators, 404, 409 when the name is taken, when it would not
/// fit any more where it is used, or when the editor would lose it (`lockout`); 422.
pub async fn update(ctx: &Ctx, id: String, changes: Changes) -> Result<Shown> {
    write(ctx, "policy.update", async move |w: &mut Write<'_>| {
        let (permit, ix, before) = editable(w, &id)?;
        let name = match &changes.name {
            Some(name) => free_name(w.dir(), name, Some(ix))?,
            None => before.name.clone(),
        };
        let policy = match &changes.policy {
            Some(policy) => read(w, policy, "/policy", Place::Resource)?,
            None => before.policy.clone(),
        };
        let edit = match &changes.edit {
            Some(edit) => read(w, edit, "/edit", Place::SpaceEdit)?,
            None => before.edit.clone(),
        };
        let was = json!({ "name": before.name, "policy": before.policy, "edit": before.edit });
        let is = json!({ "name": name, "policy": policy, "edit": edit });
        if was == is {
            return Ok(Shown { info: before, text: true });
        }
        store::update(w.tx(), &permit, before.id, &name, &policy.to_string(), &edit.to_string()).await?;
        w.changed(Change::Policy(before.id)).await?;
        let holders = uses::holders(w.dir(), ix);
        uses::still_fit(w.dir(), ix, &holders)?;
        let (_, info) = known(w.dir(), &before.id.to_string())?;
        if !edits(w.dir(), &w.caller, &info, w.now) {
            return Err(Error::conflict("lockout", "you could not change the policy any more"));
        }
        let spaces = uses::spaces_of(w.dir(), &holders);
        record_update(w, &spaces, &info, was, is).await?;
        Ok(Shown { info, text: true })
    })
    .await
}

/// The whole change in the system's log; in the spaces where the policy decides, that it changed: its text is
/// for its editors.
async fn record_update(
    w: &mut Write<'_>,
    spaces: &[garth_core::SpaceIx],
    info: &PolicyInfo,
    was: Value,
    is: Value,
) -> Result<()> {
    let target_id = info.id.to_string();
    let changed: Vec<&str> = ["name", "policy", "edit"].into_iter().filter(|field| was[*field] != is[*field]).collect();
    let told = (json!({ "name": was["name"] }), json!({ "name": is["name"], "changed": changed }));
    for space in spaces {
        let (before, after) = told.clone();
        let target_id = target_id.clone();
        w.record(Record { space: Some(*space), target_type: "policy", target_id, before, after }).await?;
    }
    w.record(Record { space: None, target_type: "policy", target_id, before: was, after: is }).await
}

/// Deletes a named policy that nothing uses.
///
/// # Errors
/// 403 for all but its editors and system administrators, 404, 409 while something uses it.
pub async fn delete(ctx: &Ctx, id: String) -> Result<()> {
    write(ctx, "policy.delete", async move |w: &mut Write<'_>| {
        let (permit, ix, info) = editable(w, &id)?;
        let target_id = info.id.to_string();
        if uses(w.dir(), &target_id).iter().any(|holder| *holder != Holder::Editors(ix)) {
            return Err(Error::conflict("conflict", "the policy is in use"));
        }
        store::delete(w.tx(), &permit, info.id).await?;
        w.changed(Change::Policy(info.id)).await?;
        let before = json!({ "name": info.name, "policy": info.policy, "edit": info.edit });
        w.record(Record { space: None, target_type: "policy", target_id, before, after: Value::Null }).await
    })
    .await
}

/// Requires somebody who may change the policy.
fn editable(w: &Write<'_>, id: &str) -> Result<(Permit, PolicyIx, Arc<PolicyInfo>)> {
    if w.caller.system || w.caller.system_admin {
        let permit = w.system_admin()?;
        return known(w.dir(), id).map(|(ix, info)| (permit, ix, info));
    }
    // Who edits a policy answers for it as for what is their own.
    let (permit, _) = w.own()?;
    let (ix, info) = known(w.dir(), id)?;
    if edits(w.dir(), &w.caller, &info, w.now) {
        return Ok((permit, ix, info));
    }
    Err(Error::Forbidden("this needs a system administrator or an editor of the policy".to_owned()))
}

/// (A named policy lies in no space, and for a key everything outside its own is missing.)
fn edits(dir: &Directory, caller: &Caller, info: &PolicyInfo, now: Micros) -> bool {
    let passes = || dir.world.passes(&info.editors, caller, &Standing::default(), now);
    caller.system || caller.system_admin || (caller.home.is_none() && passes())
}

fn shown(dir: &Directory, caller: &Caller, info: &Arc<PolicyInfo>, now: Micros) -> Shown {
    Shown { info: Arc::clone(info), text: edits(dir, caller, info, now) }
}

/// Reads a policy as the caller may write it, and answers what is stored of it.
fn read(w: &Write<'_>, value: &Value, pointer: &str, place: Place) -> Result<Value> {
    let viewer = Viewer::new(w.dir(), &w.caller, w.now);
    let read = policy::read(w.dir(), value, pointer, place, &viewer);
    if read.errors.is_empty() { Ok(read.canonical) } else { Err(Error::Invalid(read.errors)) }
}

fn free_name(dir: &Directory, name: &str, own: Option<PolicyIx>) -> Result<String> {
    let name = text::name("/name", &text::composed(name))?;
    if name.starts_with('@') {
        return Err(Error::field("/name", "must not begin with '@'"));
    }
    match dir.policies.by_name::<PolicyIx>(&name) {
        Some(other) if Some(other) != own => Err(Error::conflict("conflict", "a policy of that name exists already")),
        _ => Ok(name),
    }
}

/// The policy of an id or `@name`, whoever asks.
fn known(dir: &Directory, id: &str) -> Result<(PolicyIx, Arc<PolicyInfo>)> {
    let ix = dir.policy_ref(id).ok_or(Error::NotFound)?;
    Ok((ix, Arc::clone(dir.policies.info(ix).ok_or(Error::NotFound)?)))
}
