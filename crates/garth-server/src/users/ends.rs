//! How accounts end: by a system administrator's hand, or, where the installation wants that, with the last membership.
//!
//! What an account ends with is its sessions, one-time links, recovery codes, direct grants, memberships of groups,
//! links to identity providers and subscriptions. What its person made stays, and so do the API keys they made: those
//! belong to their spaces.

use super::{known, state, store};
use crate::access::{Ctx, Permit, Record, Write, write};
use crate::base::error::Result;
use crate::directory::{Change, Directory, UserInfo};
use crate::policies;
use garth_core::{Caller, GroupIx, Micros, Principal, SpaceIx, UserIx};
use hashbrown::HashSet;
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

/// What the audit calls the end of an account, also as a part of another change.
const DELETE: &str = "user.delete";

/// Ends every session of an account. Who was signed in can sign in again: to keep them out, disable the account.
///
/// # Errors
/// 403 for all but system administrators, 404.
pub async fn end_all_sessions(ctx: &Ctx, id: String) -> Result<()> {
    write(ctx, "user.end_sessions", async move |w: &mut Write<'_>| {
        let permit = w.system_admin()?;
        let (_, info) = known(w.dir(), &id)?;
        let ended = end_sessions(w, &permit, info.id).await?;
        let (target_id, after) = (info.id.to_string(), json!({ "sessions_ended": ended }));
        w.record(Record { space: None, target_type: "user", target_id, before: Value::Null, after }).await
    })
    .await
}

/// Ends every session of a user and answers how many; the caller of this has decided that it may be.
///
/// # Errors
/// When the store fails.
pub async fn end_sessions(w: &mut Write<'_>, permit: &Permit, user: Uuid) -> Result<usize> {
    let ended = store::end_sessions(w.tx(), permit, user).await?;
    for session in &ended {
        w.changed(Change::Session(*session)).await?;
    }
    Ok(ended.len())
}

/// Deletes an account with everything that ends with it.
///
/// # Errors
/// 403, 404, 409 `last_admin`.
pub async fn delete(ctx: &Ctx, id: String) -> Result<()> {
    write(ctx, DELETE, async move |w: &mut Write<'_>| {
        let permit = w.system_admin()?;
        let (ix, info) = known(w.dir(), &id)?;
        end(w, &permit, ix, &info).await
    })
    .await
}

/// Somebody was taken out of a space or a group: where the installation wants that, their account ends if nothing gives
/// them a role anywhere any more, and something did before. Accounts of system administrators stay. Answers whether it
/// ended. A preview does not tell: it would say that they are in no other space. The caller of this has decided that they
/// may be taken out.
///
/// # Errors
/// When the store fails.
pub async fn end_with_last_membership(w: &mut Write<'_>, permit: &Permit, user: UserIx) -> Result<bool> {
    let Some(info) = w.dir().users.info(user).filter(|info| !info.deleted).cloned() else { return Ok(false) };
    let ends = w.dir().settings.delete_with_last_membership && !w.is_preview();
    if !ends || !belongs(w.before(), user, w.now) || belongs(w.dir(), user, w.now) {
        return Ok(false);
    }
    end(w, permit, user, &info).await?;
    Ok(true)
}

/// Does anything give them a role anywhere, or the installation to manage?
fn belongs(dir: &Directory, user: UserIx, now: Micros) -> bool {
    let Some(facts) = dir.world.user(user) else { return false };
    if facts.system_admin || dir.brought_by(user, now).is_some() {
        return true;
    }
    let groups = closure(dir, &facts.groups).into_iter().map(Principal::Group);
    let mut who = [Principal::User(user), Principal::Everyone].into_iter().chain(groups);
    who.any(|principal| {
        dir.world.granted(principal).iter().filter_map(|space| dir.world.space(*space)).any(|space| {
            let counts = !space.sealed || matches!(principal, Principal::User(_));
            counts && space.grants().iter().any(|grant| grant.principal == principal && grant.holds(now))
        })
    })
}

/// Some groups and all that contain them, whether or not their member is enabled.
fn closure(dir: &Directory, groups: &[GroupIx]) -> HashSet<GroupIx> {
    groups.iter().filter_map(|group| Caller::group(&dir.world, *group)).flat_map(|caller| caller.groups).collect()
}

async fn end(w: &mut Write<'_>, permit: &Permit, ix: UserIx, before: &Arc<UserInfo>) -> Result<()> {
    let was_admin = w.dir().world.user(ix).is_some_and(|u| u.system_admin);
    let granted = w.dir().world.granted(Principal::User(ix)).to_vec();
    let touched = held(w.dir(), ix);
    let now = w.now;
    end_sessions(w, permit, before.id).await?;
    store::delete(w.tx(), permit, before.id, now).await?;
    w.resources_gone();
    for space in &granted {
        if let Some(id) = w.dir().space_id(*space) {
            w.changed(Change::Grants(id)).await?;
        }
    }
    w.changed(Change::User(before.id)).await?;
    let target_id = before.id.to_string();
    for (space, was) in touched {
        // A space's administrators learn what its member held there, and nothing else of the account.
        let (target_id, after) = (target_id.clone(), Value::Null);
        let record = Record { space: Some(space), target_type: "user", target_id, before: was, after };
        w.record_as(DELETE, record).await?;
    }
    let was = state(before, was_admin);
    let record = Record { space: None, target_type: "user", target_id, before: was, after: Value::Null };
    w.record_as(DELETE, record).await
}

/// Every space a user holds something in or is named by a policy of, directly or through groups, with what its
/// administrators may know of that: the roles granted directly, and who it is where they can see them as a member.
pub(super) fn held(dir: &Directory, user: UserIx) -> Vec<(SpaceIx, Value)> {
    let Some((facts, info)) = dir.world.user(user).zip(dir.users.info(user)) else { return Vec::new() };
    let groups = closure(dir, &facts.groups);
    let me = Principal::User(user);
    let mut spaces = policies::reached(dir, &facts.groups);
    spaces.extend_from_slice(dir.world.granted(me));
    spaces.sort_unstable();
    spaces.dedup();
    let told = |space: &SpaceIx| {
        let grants = dir.world.space(*space).map(|s| s.grants()).unwrap_or_default();
        let own = grants.iter().filter(|grant| grant.principal == me);
        let roles: Vec<&str> = own.map(|grant| dir.role_name(grant.role)).collect();
        let by_group = |p: Principal| matches!(p, Principal::Group(group) if groups.contains(&group));
        let member = grants.iter().any(|grant| grant.principal == me || by_group(grant.principal));
        match member {
            true => json!({ "username": info.username, "name": info.name, "roles": roles }),
            false => json!({ "roles": roles }),
        }
    };
    spaces.iter().map(|space| (*space, told(space))).collect()
}
