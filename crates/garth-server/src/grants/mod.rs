//! Grants: who holds what role where; and members, the people who follow from them.
//!
//! Administrators of a space manage its grants; system administrators do so through the
//! registry, for spaces that are not sealed, and the space's own audit shows it.

pub mod api;
mod held;
mod members;
mod membership;
mod store;

pub use held::{Held, held};
pub use members::{Member, MemberSource, list as members, sources};
pub use membership::{leave, remove, set_role};
pub use store::Stored;

use crate::access::{
    self, ACTOR, Actors, Ctx, Permit, Record, Viewer, Write, identity, registered, visible_space, write,
};
use crate::base::error::{Error, Result};
use crate::base::http::{Page, PageRequest};
use crate::base::ids;
use crate::directory::policy::Sees;
use crate::directory::{Change, Directory};
use crate::users;
use garth_core::permission::covers;
use garth_core::{Action, Caller, Micros, Permission, Principal, RoleIx, RoleKind, SpaceIx, Target};
use serde_json::{Value, json};

/// The source of the grant that is an API key's own role.
pub const KEY: &str = "key";

/// By which door a caller manages grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// As an administrator of the space, inside it.
    Space,
    /// As a system administrator, from the registry.
    Registry,
}

/// The space, if the caller may manage its grants by that door.
fn manage(w: &mut Write<'_>, door: Door, id: &str) -> Result<(Permit, SpaceIx)> {
    match door {
        Door::Space => {
            let ix = visible_space(w.dir(), &w.caller, id, w.now)?;
            Ok((w.may(Target::Space(ix), Action::Use(Permission::SPACE_ADMIN))?, ix))
        }
        Door::Registry => {
            let permit = w.system_admin()?;
            let open = w.dir().space_ref(id).filter(|ix| registered(w.dir(), &w.caller, *ix));
            Ok((permit, open.ok_or(Error::NotFound)?))
        }
    }
}

/// The principal a body names, if the caller may grant to it: whoever they can see, and anybody
/// for system administrators at the registry.
///
/// # Errors
/// 422 at the pointer, the same for strangers and for what does not exist.
pub fn nameable(
    dir: &Directory,
    caller: &Caller,
    pointer: &str,
    text: &str,
    now: Micros,
    anybody: bool,
) -> Result<Principal> {
    let unknown = || unknown(pointer);
    let viewer = Viewer::new(dir, caller, now);
    let Some(principal) = dir.principal(text) else {
        viewer.nobody();
        return Err(unknown());
    };
    if let Principal::Resource(_) = principal {
        return Err(unknown());
    }
    let gone = matches!(principal, Principal::User(user) if dir.users.info(user).is_none_or(|u| u.deleted));
    let sealed = |key| dir.world.key_home(key).is_none_or(|home| !registered(dir, caller, home));
    let anybody = anybody && !matches!(principal, Principal::Key(key) if sealed(key));
    let seen = anybody || caller.system || viewer.principal(principal);
    if seen && !gone { Ok(principal) } else { Err(unknown()) }
}

/// A key holds roles in its own space and below; elsewhere it is refused like an unknown one.
///
/// # Errors
/// 422 at the pointer.
pub fn reaches(dir: &Directory, pointer: &str, space: SpaceIx, principal: Principal) -> Result<()> {
    match principal {
        Principal::Key(key) if dir.world.key_home(key).is_none_or(|home| !dir.world.within(space, home)) => {
            Err(unknown(pointer))
        }
        _ => Ok(()),
    }
}

fn unknown(pointer: &str) -> Error {
    Error::field(pointer, "is not a user, a group, a key or a resource you can see")
}

/// A page of the grants made in a space, oldest first.
///
/// # Errors
/// 404, 403, 422 for a cursor that is not good.
pub async fn list(ctx: &Ctx, door: Door, id: &str, page: &PageRequest) -> Result<Page<Stored>> {
    let dir = ctx.directory();
    let (caller, space) = reads(ctx, &dir, door, id)?;
    let query = format!("grants of {space}");
    let (at, after) = match &page.cursor {
        Some(cursor) => access::read_cursor(&dir, &caller, &query, cursor)?,
        None => (i64::MIN.to_string(), String::new()),
    };
    let after = (at.parse().unwrap_or(i64::MIN), after.as_str());
    let mut items = store::list(&ctx.db(), &space, after, page.limit + 1).await?;
    let actors = Actors::read(ctx, items.iter().filter_map(|grant| grant.principal.strip_prefix(ACTOR))).await?;
    // Asked again now that they are read: whoever may no more meanwhile is shown none.
    let dir = ctx.directory();
    let (caller, _) = reads(ctx, &dir, door, id)?;
    for grant in &mut items {
        let actor = grant.principal.strip_prefix(ACTOR);
        if actor.is_some_and(|name| actors.seen(&dir, &caller, name, ctx.now()).is_none()) {
            grant.principal.clear();
        }
    }
    let more = items.len() > page.limit;
    items.truncate(page.limit);
    let next = items.last().filter(|_| more);
    let next = next.map(|g| access::cursor(&dir, &caller, &query, &g.created_at.to_string(), &g.id)).transpose()?;
    Ok(Page { items, next })
}

/// The caller and the id of the space, if they may read its grants by that door.
fn reads(ctx: &Ctx, dir: &Directory, door: Door, id: &str) -> Result<(Caller, String)> {
    let caller = ctx.somebody(dir)?;
    let space = match door {
        Door::Space => {
            let ix = visible_space(dir, &caller, id, ctx.now())?;
            access::check(dir, &caller, Target::Space(ix), Action::Use(Permission::SPACE_ADMIN), ctx.now())?;
            ix
        }
        Door::Registry => {
            ctx.system_admin(dir)?;
            dir.space_ref(id).filter(|ix| registered(dir, &caller, *ix)).ok_or(Error::NotFound)?
        }
    };
    let space = dir.space_id(space).ok_or(Error::NotFound)?.to_string();
    Ok((caller, space))
}

/// What a grant is to be.
#[derive(Clone, Debug)]
pub struct NewGrant {
    /// Who is to hold the role.
    pub principal: String,
    /// The role's name or id.
    pub role: String,
    /// When it ends; never without.
    pub expires_at: Option<Micros>,
}

/// Grants a role; answers the grant and whether it is new.
///
/// # Errors
/// 404, 403 (also for a role with permissions the giver lacks), 422.
pub async fn grant(ctx: &Ctx, door: Door, id: String, new: NewGrant) -> Result<(Stored, bool)> {
    write(ctx, "grant.create", async move |w: &mut Write<'_>| grant_in(w, door, &id, &new).await).await
}

/// The same as a part of another change.
///
/// # Errors
/// As [`grant`].
pub async fn grant_in(w: &mut Write<'_>, door: Door, id: &str, new: &NewGrant) -> Result<(Stored, bool)> {
    let (permit, space) = manage(w, door, id)?;
    let principal = holder(w, door, space, &new.principal).await?;
    let role = w.dir().role_ref(&new.role).ok_or_else(|| Error::field("/role", "is not a known role"))?;
    if door == Door::Space {
        may_give(w, space, role)?;
    }
    may_hold(w.dir(), space, principal, role)?;
    // The command line writes down what was, too: a scenario has grants that are over.
    if !w.caller.system {
        ends_later("/expires_at", new.expires_at, w.now)?;
    }
    put(w, &permit, space, principal, role, new.expires_at, "direct").await
}

/// Whom a grant is to name. A resource holds roles for what acts on its behalf: whoever makes it hold one must be able to
/// edit it, by either door.
async fn holder(w: &mut Write<'_>, door: Door, space: SpaceIx, text: &str) -> Result<Principal> {
    if let Some(name) = text.strip_prefix(ACTOR) {
        return access::actor(w, name).await?.ok_or_else(|| unknown("/principal"));
    }
    let principal = nameable(w.dir(), &w.caller, "/principal", text, w.now, door == Door::Registry)?;
    reaches(w.dir(), "/principal", space, principal)?;
    Ok(principal)
}

/// Nobody gives a role with permissions they lack, neither by a grant nor by what makes roles flow in.
/// (The registry does not ask for it.)
///
/// # Errors
/// 403.
pub fn may_give(w: &mut Write<'_>, space: SpaceIx, role: RoleIx) -> Result<()> {
    if w.caller.system || holds_all_of(w.dir(), &w.caller, space, role, w.now) {
        return Ok(());
    }
    let id = w.dir().space_id(space).unwrap_or_default().to_string();
    w.refused_in(space, "space", id);
    Err(Error::Forbidden("you cannot give a role with permissions that you lack".to_owned()))
}

/// Does somebody hold every permission of a role in a space?
pub fn holds_all_of(dir: &Directory, caller: &Caller, space: SpaceIx, role: RoleIx, now: Micros) -> bool {
    let world = &dir.world;
    let standing = world.standing(caller, space, now);
    let held = standing.roles.iter().filter_map(|r| world.role(*r));
    world.role(role).is_some_and(|wanted| covers(held, wanted))
}

/// A sealed space takes only direct grants to users and keys, and of roles that nobody can change: whoever
/// edits a role could make its holders the masters of the space.
///
/// # Errors
/// 422.
pub fn may_hold(dir: &Directory, space: SpaceIx, principal: Principal, role: RoleIx) -> Result<()> {
    if dir.world.space(space).is_none_or(|s| !s.sealed) {
        return Ok(());
    }
    if !matches!(principal, Principal::User(_) | Principal::Key(_)) {
        return Err(Error::field("/principal", "a sealed space takes grants to users and keys only"));
    }
    if dir.world.role(role).is_none_or(|r| r.kind == RoleKind::Custom) {
        return Err(Error::field("/role", "a sealed space takes built-in roles only"));
    }
    Ok(())
}

fn ends_later(pointer: &str, expires_at: Option<Micros>, now: Micros) -> Result<()> {
    match expires_at {
        Some(at) if at <= now => Err(Error::field(pointer, "must lie in the future")),
        _ => Ok(()),
    }
}

/// Puts a grant in place and on record. One that is there stays as it is, unless it has
/// expired: then it begins anew. The caller of this has decided that it may be.
///
/// # Errors
/// When the store fails.
pub async fn put(
    w: &mut Write<'_>,
    permit: &Permit,
    space: SpaceIx,
    principal: Principal,
    role: RoleIx,
    expires_at: Option<Micros>,
    source: &str,
) -> Result<(Stored, bool)> {
    let by = identity(w.dir(), &w.caller).unwrap_or_else(|| "system".to_owned());
    put_by(w, permit, space, principal, role, expires_at, (source, by)).await
}

/// The same, with who gives it besides where it comes from.
async fn put_by(
    w: &mut Write<'_>,
    permit: &Permit,
    space: SpaceIx,
    principal: Principal,
    role: RoleIx,
    expires_at: Option<Micros>,
    (source, granted_by): (&str, String),
) -> Result<(Stored, bool)> {
    let space_id = w.dir().space_id(space).ok_or(Error::NotFound)?;
    let role_id = w.dir().roles.info(role).ok_or(Error::NotFound)?.id.to_string();
    let holder = w.dir().principal_text(principal);
    let id = space_id.to_string();
    if let Some(there) = store::find(w.tx(), &id, &holder, &role_id).await? {
        if there.expires_at.is_none_or(|end| w.now < end) {
            return Ok((there, false));
        }
        let before = state(w.dir(), &there);
        store::update(w.tx(), permit, &there.id, &role_id, expires_at).await?;
        let there = Stored { expires_at, ..there };
        recorded(w, space, &there, before, state(w.dir(), &there)).await?;
        return Ok((there, false));
    }
    let grant = Stored {
        id: ids::new_id(w.now).to_string(),
        principal: holder,
        role: role_id,
        expires_at,
        source: source.to_owned(),
        granted_by,
        created_at: w.now,
    };
    store::insert(w.tx(), permit, &id, &grant).await?;
    recorded(w, space, &grant, Value::Null, state(w.dir(), &grant)).await?;
    Ok((grant, true))
}

/// Puts a grant in place that does not end, on record; one that would end is made to last. Answers whether anything
/// changed. The caller of this has decided that it may be.
///
/// # Errors
/// When the store fails.
pub async fn put_for_good(
    w: &mut Write<'_>,
    permit: &Permit,
    space: SpaceIx,
    principal: Principal,
    role: RoleIx,
) -> Result<bool> {
    let by = identity(w.dir(), &w.caller).unwrap_or_else(|| "system".to_owned());
    put_for_good_by(w, permit, space, principal, role, by).await
}

/// The same in somebody else's name, as a principal: whoever invited the holder.
///
/// # Errors
/// When the store fails.
pub async fn put_for_good_by(
    w: &mut Write<'_>,
    permit: &Permit,
    space: SpaceIx,
    principal: Principal,
    role: RoleIx,
    by: String,
) -> Result<bool> {
    let (there, new) = put_by(w, permit, space, principal, role, None, ("direct", by)).await?;
    if new || there.expires_at.is_none() {
        return Ok(new);
    }
    let before = state(w.dir(), &there);
    store::update(w.tx(), permit, &there.id, &there.role, None).await?;
    let there = Stored { expires_at: None, ..there };
    recorded(w, space, &there, before, state(w.dir(), &there)).await?;
    Ok(true)
}

async fn recorded(w: &mut Write<'_>, space: SpaceIx, grant: &Stored, before: Value, after: Value) -> Result<()> {
    let id = w.dir().space_id(space).ok_or(Error::NotFound)?;
    w.changed(Change::Grants(id)).await?;
    let record = Record { space: Some(space), target_type: "grant", target_id: grant.id.clone(), before, after };
    w.record(record).await
}

fn state(dir: &Directory, grant: &Stored) -> Value {
    let role = dir.role_ref(&grant.role).map(|r| dir.role_name(r).to_owned());
    let expires_at = grant.expires_at.map(crate::base::clock::to_text);
    json!({ "principal": grant.principal, "role": role, "expires_at": expires_at })
}

/// What is to change of a grant; `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct GrantPatch {
    /// Another role.
    pub role: Option<String>,
    /// Another end; `Some(None)` is never.
    pub expires_at: Option<Option<Micros>>,
}

/// Changes a grant's role or end.
///
/// # Errors
/// 404, 403, 409 `last_admin` or `conflict`, 422.
pub async fn update(ctx: &Ctx, door: Door, space: String, id: String, patch: GrantPatch) -> Result<Stored> {
    write(ctx, "grant.update", async move |w: &mut Write<'_>| {
        let (permit, ix) = manage(w, door, &space)?;
        let space_id = w.dir().space_id(ix).ok_or(Error::NotFound)?.to_string();
        let there = store::get(w.tx(), &space_id, &id).await?.ok_or(Error::NotFound)?;
        of_a_key(&there)?;
        if let Some(name) = there.principal.strip_prefix(ACTOR) {
            // Another role, or a longer time, is a new attachment.
            if access::actor(w, name).await?.is_none() {
                w.refused_in(ix, "grant", there.id.clone());
                return Err(Error::Forbidden(HIDDEN_ACTOR.to_owned()));
            }
        }
        let mut after = there.clone();
        let role = match &patch.role {
            Some(role) => Some(w.dir().role_ref(role).ok_or_else(|| Error::field("/role", "is not a known role"))?),
            None => w.dir().role_ref(&there.role).filter(|_| patch.expires_at.is_some()),
        };
        if let Some(role) = role {
            if door == Door::Space {
                may_give(w, ix, role)?;
            }
            if let Some(holder) = w.dir().principal(&there.principal) {
                may_hold(w.dir(), ix, holder, role)?;
            }
            after.role = w.dir().roles.info(role).ok_or(Error::NotFound)?.id.to_string();
        }
        if let Some(end) = patch.expires_at {
            ends_later("/expires_at", end, w.now)?;
            after.expires_at = end;
        }
        if after.role != there.role && store::find(w.tx(), &space_id, &there.principal, &after.role).await?.is_some() {
            return Err(Error::conflict("conflict", "that principal holds this role here by another grant"));
        }
        store::update(w.tx(), &permit, &there.id, &after.role, after.expires_at).await?;
        let (was, is) = (state(w.dir(), &there), state(w.dir(), &after));
        recorded(w, ix, &after, was, is).await?;
        Ok(after)
    })
    .await
}

const HIDDEN_ACTOR: &str =
    "a role that a resource holds is changed by those who may edit the resource; you can revoke it";

/// Revokes a grant: from the answer on, nothing is decided by it. It may have been a person's last membership, with which
/// accounts can end.
///
/// # Errors
/// 404, 403, 409 `last_admin`.
pub async fn revoke(ctx: &Ctx, door: Door, space: String, id: String) -> Result<()> {
    write(ctx, "grant.delete", async move |w: &mut Write<'_>| {
        let (permit, ix) = manage(w, door, &space)?;
        let space_id = w.dir().space_id(ix).ok_or(Error::NotFound)?.to_string();
        let there = store::get(w.tx(), &space_id, &id).await?.ok_or(Error::NotFound)?;
        of_a_key(&there)?;
        take(w, &permit, ix, &there).await?;
        if let Some(Principal::User(user)) = w.dir().principal(&there.principal) {
            users::end_with_last_membership(w, &permit, user).await?;
        }
        Ok(())
    })
    .await
}

/// What a key was made with stays while the key is there.
fn of_a_key(grant: &Stored) -> Result<()> {
    if grant.source == KEY {
        return Err(Error::conflict("conflict", "this is the role of an API key; revoke the key itself"));
    }
    Ok(())
}

async fn take(w: &mut Write<'_>, permit: &Permit, space: SpaceIx, grant: &Stored) -> Result<()> {
    store::delete(w.tx(), permit, &grant.id).await?;
    let before = state(w.dir(), grant);
    recorded(w, space, grant, before, Value::Null).await
}

/// Takes away everything that is granted to a principal, wherever that is.
///
/// # Errors
/// When the store fails.
pub async fn take_all(w: &mut Write<'_>, permit: &Permit, principal: Principal) -> Result<()> {
    let holder = w.dir().principal_text(principal);
    for id in store::spaces_of(w.tx(), &holder).await? {
        let space = w.dir().space_ref(&id).ok_or(Error::NotFound)?;
        for grant in store::of_principal(w.tx(), &id, &holder).await? {
            take(w, permit, space, &grant).await?;
        }
    }
    Ok(())
}

/// The role that a key was made with ends as the key does. The caller of this has decided that it may be.
///
/// # Errors
/// When the store fails.
pub async fn end_with_key(
    w: &mut Write<'_>,
    permit: &Permit,
    space: SpaceIx,
    key: Principal,
    expires_at: Option<Micros>,
) -> Result<()> {
    let id = w.dir().space_id(space).ok_or(Error::NotFound)?.to_string();
    let holder = w.dir().principal_text(key);
    let own = store::of_principal(w.tx(), &id, &holder).await?.into_iter().find(|grant| grant.source == KEY);
    let Some(there) = own else { return Ok(()) };
    store::update(w.tx(), permit, &there.id, &there.role, expires_at).await?;
    let after = Stored { expires_at, ..there.clone() };
    let (was, is) = (state(w.dir(), &there), state(w.dir(), &after));
    recorded(w, space, &after, was, is).await
}

/// Could the caller give everything that is granted to a principal? Asked before its credential is handed out anew.
///
/// # Errors
/// 403.
pub async fn may_give_all(w: &mut Write<'_>, principal: Principal) -> Result<()> {
    let holder = w.dir().principal_text(principal);
    for id in store::spaces_of(w.tx(), &holder).await? {
        let space = w.dir().space_ref(&id).ok_or(Error::NotFound)?;
        for grant in store::of_principal(w.tx(), &id, &holder).await? {
            if let Some(role) = w.dir().role_ref(&grant.role) {
                may_give(w, space, role)?;
            }
        }
    }
    Ok(())
}
