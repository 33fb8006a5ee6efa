//! Roles: named sets of permissions.
//!
//! Everyone signed in sees them; system administrators make, change and delete custom ones.
//! The built-in ones cannot be changed. What a role's permissions become is on record in
//! every space where the role is granted.

pub mod api;
mod store;

use crate::access::{Ctx, Write, page_of, spaces_with_role, write};
use crate::base::error::{Error, Result};
use crate::base::http::{Page, PageRequest};
use crate::base::{ids, text};
use crate::directory::{BUILT_IN_ROLES, Change, Directory, Quota, RoleInfo};
use garth_core::{Role, RoleIx, RoleKind};
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

/// Most permissions of one role (`docs/limits.md`).
pub const PERMISSIONS: usize = 200;
/// Longest permission, in bytes.
const PERMISSION_BYTES: usize = 128;
/// Most grants of one role that are counted.
pub const COUNTED: u64 = 10_000;
/// Slugs that no custom role has: by them policies may call the built-in ones.
const RESERVED: [&str; 6] = ["reader", "writer", "admin", "space-reader", "space-writer", "space-admin"];

/// A role as everyone signed in sees it.
#[derive(Clone, Debug)]
pub struct Shown {
    /// What is known of the role.
    pub info: Arc<RoleInfo>,
    /// Its patterns; those of a built-in role written out.
    pub permissions: Vec<String>,
    /// Is it there from the start and for ever?
    pub built_in: bool,
    /// How many grants give it, [`COUNTED`] at most; told to system administrators who ask for this very role.
    pub grants: Option<u64>,
}

/// A permission, as everyone signed in sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// As it is written in roles: `task:write`.
    pub name: String,
    /// The built-in roles that hold it.
    pub built_in: Vec<String>,
}

/// Makes a role.
///
/// # Errors
/// 403 for all but system administrators, 409 when the name is taken, 422 for permissions nobody knows.
pub async fn create(ctx: &Ctx, name: String, permissions: Vec<String>) -> Result<Shown> {
    write(ctx, "role.create", async move |w: &mut Write<'_>| {
        let permit = w.system_admin()?;
        let name = free_name(w.dir(), &name, None)?;
        let permissions = known_permissions(w.dir(), permissions)?;
        let (now, id) = (w.now, ids::new_id(w.now));
        let slug = slug_for(w.dir(), &name);
        store::insert(w.tx(), &permit, id, (&name, &slug), &json!(permissions).to_string(), now).await?;
        w.changed(Change::Role(id)).await?;
        let after = json!({ "name": name, "permissions": permissions });
        w.record_widely(&[], "role", id.to_string(), Value::Null, after).await?;
        let (ix, info) = known(w.dir(), &id.to_string())?;
        Ok(shown(w.dir(), ix, &info))
    })
    .await
}

/// One role, by name or id.
///
/// # Errors
/// 401, 404.
pub async fn get(ctx: &Ctx, id: &str) -> Result<Shown> {
    let dir = ctx.directory();
    let caller = ctx.somebody(&dir)?;
    let (ix, info) = known(&dir, id)?;
    let mut shown = shown(&dir, ix, &info);
    if caller.system || caller.system_admin {
        shown.grants = Some(store::grants(&ctx.db(), info.id, COUNTED).await?);
    }
    Ok(shown)
}

/// Every permission there is, by name.
///
/// # Errors
/// 401, or 422 for a cursor that is not good.
pub fn permissions(ctx: &Ctx, page: &PageRequest) -> Result<Page<Permission>> {
    let dir = ctx.directory();
    let caller = ctx.somebody(&dir)?;
    let all = dir.permissions().into_iter();
    let found = page_of(&dir, &caller, "permissions", page, all, |name| (name.clone(), Uuid::nil()))?;
    let built_in = |name: &str| {
        let permission = dir.permission(name);
        let holds = |role: &str| {
            let held = dir.role_ref(role).and_then(|ix| dir.world.role(ix)).zip(permission);
            held.is_some_and(|(role, permission)| role.allows(permission))
        };
        BUILT_IN_ROLES.iter().filter(|role| holds(role)).map(|role| (*role).to_owned()).collect()
    };
    Ok(found.map(|name| Permission { built_in: built_in(&name), name }))
}

/// Every permission there is, by name, each with which of those roles hold it.
///
/// # Errors
/// 401, or 422 for a cursor that is not good.
pub fn matrix(ctx: &Ctx, roles: &[Shown], page: &PageRequest) -> Result<Page<(String, Vec<bool>)>> {
    let found = permissions(ctx, page)?;
    let dir = ctx.directory();
    let held = |name: &str| {
        let permission = dir.permission(name);
        let holds = |role: &Shown| {
            let role = dir.roles.by_id::<RoleIx>(&role.info.id).and_then(|ix| dir.world.role(ix));
            role.zip(permission).is_some_and(|(role, permission)| role.allows(permission))
        };
        roles.iter().map(holds).collect()
    };
    Ok(found.map(|permission| (permission.name.clone(), held(&permission.name))))
}

/// All roles, by name.
///
/// # Errors
/// 401, or 422 for a cursor that is not good.
pub fn list(ctx: &Ctx, page: &PageRequest) -> Result<Page<Shown>> {
    let dir = ctx.directory();
    let caller = ctx.somebody(&dir)?;
    let all = dir.roles.iter::<RoleIx>();
    let found = page_of(&dir, &caller, "roles", page, all, |(_, info)| (info.name.clone(), info.id))?;
    Ok(found.map(|(ix, info)| shown(&dir, ix, info)))
}

/// Changes a custom role; what is not given stays.
///
/// # Errors
/// 403, 404, 409 for a built-in role, a name that is taken, or a last administrator; 422.
pub async fn update(ctx: &Ctx, id: String, name: Option<String>, permissions: Option<Vec<String>>) -> Result<Shown> {
    write(ctx, "role.update", async move |w: &mut Write<'_>| {
        let permit = w.system_admin()?;
        let (ix, before) = custom(w.dir(), &id)?;
        let name = name.as_deref().map_or(Ok(before.name.clone()), |name| free_name(w.dir(), name, Some(ix)))?;
        let permissions = match permissions {
            Some(permissions) => known_permissions(w.dir(), permissions)?,
            None => before.permissions.clone(),
        };
        let was = json!({ "name": before.name, "permissions": before.permissions });
        let is = json!({ "name": name, "permissions": permissions });
        if was != is {
            store::update(w.tx(), &permit, before.id, &name, &json!(permissions).to_string()).await?;
            w.changed(Change::Role(before.id)).await?;
            let spaces = spaces_with_role(w.dir(), ix);
            w.record_widely(&spaces, "role", before.id.to_string(), was, is).await?;
        }
        let (ix, info) = known(w.dir(), &before.id.to_string())?;
        Ok(shown(w.dir(), ix, &info))
    })
    .await
}

/// Deletes a custom role that is granted nowhere.
///
/// # Errors
/// 403, 404, 409 for a built-in role or one that is in use.
pub async fn delete(ctx: &Ctx, id: String) -> Result<()> {
    write(ctx, "role.delete", async move |w: &mut Write<'_>| {
        let permit = w.system_admin()?;
        let (ix, info) = custom(w.dir(), &id)?;
        if store::granted(w.tx(), info.id).await? {
            return Err(Error::conflict("conflict", "the role is in use by a grant"));
        }
        let takes = |quota: &Quota| quota.roles.as_ref().is_some_and(|roles| roles.contains(&ix));
        if w.dir().quotas.values().any(|quotas| quotas.iter().any(takes)) {
            return Err(Error::conflict("conflict", "the role is in use by a quota"));
        }
        store::delete(w.tx(), &permit, info.id).await?;
        w.changed(Change::Role(info.id)).await?;
        let was = json!({ "name": info.name, "permissions": info.permissions });
        w.record_widely(&[], "role", info.id.to_string(), was, Value::Null).await
    })
    .await
}

fn free_name(dir: &Directory, name: &str, own: Option<RoleIx>) -> Result<String> {
    let name = text::handle("/name", name)?;
    // Roles are named by name or id: a name that could be another's id would be a trap.
    if Uuid::try_parse(&name).is_ok() {
        return Err(Error::field("/name", "must not look like an id"));
    }
    match dir.roles.by_name::<RoleIx>(&name) {
        Some(other) if Some(other) != own => Err(Error::conflict("conflict", "a role of that name exists already")),
        _ => Ok(name),
    }
}

/// A slug that no other role has.
fn slug_for(dir: &Directory, name: &str) -> String {
    let taken = |slug: &str| RESERVED.contains(&slug) || dir.roles.iter::<RoleIx>().any(|(_, role)| role.slug == slug);
    text::free_slug(name, taken)
}

/// The permissions as they were written, each once.
fn known_permissions(dir: &Directory, permissions: Vec<String>) -> Result<Vec<String>> {
    if permissions.len() > PERMISSIONS {
        return Err(Error::field("/permissions", format!("must be at most {PERMISSIONS} permissions")));
    }
    if let Some(at) = permissions.iter().position(|p| p.len() > PERMISSION_BYTES) {
        let message = format!("must be at most {PERMISSION_BYTES} bytes long");
        return Err(Error::field(format!("/permissions/{at}"), message));
    }
    dir.patterns("/permissions", &permissions)?;
    let mut once: Vec<String> = Vec::with_capacity(permissions.len());
    for permission in permissions {
        if !once.contains(&permission) {
            once.push(permission);
        }
    }
    Ok(once)
}

fn known(dir: &Directory, id: &str) -> Result<(RoleIx, Arc<RoleInfo>)> {
    let ix = dir.role_ref(id).ok_or(Error::NotFound)?;
    Ok((ix, Arc::clone(dir.roles.info(ix).ok_or(Error::NotFound)?)))
}

/// A role that may be changed.
fn custom(dir: &Directory, id: &str) -> Result<(RoleIx, Arc<RoleInfo>)> {
    let (ix, info) = known(dir, id)?;
    if built_in(&info) {
        return Err(Error::conflict("conflict", "built-in roles cannot be changed or deleted"));
    }
    Ok((ix, info))
}

fn built_in(info: &RoleInfo) -> bool {
    BUILT_IN_ROLES.contains(&info.name.as_str())
}

fn shown(dir: &Directory, ix: RoleIx, info: &Arc<RoleInfo>) -> Shown {
    let permissions = dir.world.role(ix).map_or_else(Vec::new, |role| written(dir, role, info));
    Shown { info: Arc::clone(info), permissions, built_in: built_in(info), grants: None }
}

/// A role's patterns; the writer's single permissions are the kinds' own verbs and the system's.
fn written(dir: &Directory, role: &Role, info: &RoleInfo) -> Vec<String> {
    let own = |list: &[&str]| list.iter().map(|p| (*p).to_owned()).collect();
    match role.kind {
        RoleKind::Admin => own(&["*:*"]),
        RoleKind::Reader => own(&["*:read"]),
        RoleKind::Writer => {
            let mut all: Vec<String> = own(&["*:read", "*:write"]);
            let single = |p: &String| !p.ends_with(":read") && !p.ends_with(":write");
            let allowed = |p: &String| dir.permission(p).is_some_and(|p| role.allows(p));
            all.extend(dir.permissions().into_iter().filter(|p| single(p) && allowed(p)));
            all
        }
        RoleKind::Custom => info.permissions.clone(),
    }
}
