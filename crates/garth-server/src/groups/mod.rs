//! Groups: named sets of users and groups.
//!
//! System administrators manage them; a group is seen by its members and where it holds a
//! grant. What changes a group's members is on record in every space the group reaches.

pub mod api;
mod store;

use crate::access::{Ctx, Permit, Viewer, Write, write};
use crate::base::error::{Error, Result};
use crate::base::http::{Page, PageRequest};
use crate::base::{ids, text};
use crate::directory::{Change, Directory, GroupInfo};
use crate::{policies, users};
use garth_core::{Caller, GroupIx, MAX_GROUP_DEPTH, Principal};
use hashbrown::HashSet;
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

/// Most groups that may name one user or group directly (`docs/limits.md`).
pub const GROUPS_PER_MEMBER: usize = 500;
/// The source of a membership that somebody made; others bear the id of their identity provider.
const BY_HAND: &str = "";

/// Makes an empty group.
///
/// # Errors
/// 403 for all but system administrators, 409 when the name is taken, 422.
pub async fn create(ctx: &Ctx, name: String) -> Result<Arc<GroupInfo>> {
    write(ctx, "group.create", async move |w: &mut Write<'_>| {
        let permit = w.system_admin()?;
        let name = free_name(w.dir(), &name, None)?;
        let id = ids::new_id(w.now);
        let now = w.now;
        store::insert(w.tx(), &permit, id, &name, now).await?;
        w.changed(Change::Group(id)).await?;
        w.record_widely(&[], "group", id.to_string(), Value::Null, json!({ "name": name })).await?;
        known(w.dir(), &id.to_string()).map(|(_, info)| info)
    })
    .await
}

fn free_name(dir: &Directory, name: &str, own: Option<GroupIx>) -> Result<String> {
    let name = text::name("/name", &text::composed(name))?;
    if name.starts_with('@') || name == "everyone" {
        return Err(Error::field("/name", "must not begin with '@', and everyone is built in"));
    }
    match dir.groups.by_name::<GroupIx>(&name) {
        Some(other) if Some(other) != own => Err(Error::conflict("conflict", "a group of that name exists already")),
        _ => Ok(name),
    }
}

/// The group of an id, whoever asks.
fn known(dir: &Directory, id: &str) -> Result<(GroupIx, Arc<GroupInfo>)> {
    let ix = dir.group_ref(id).ok_or(Error::NotFound)?;
    Ok((ix, Arc::clone(dir.groups.info(ix).ok_or(Error::NotFound)?)))
}

/// One group the caller can see.
///
/// # Errors
/// 404 when it is hidden or missing.
pub fn get(ctx: &Ctx, id: &str) -> Result<Arc<GroupInfo>> {
    let dir = ctx.directory();
    let caller = ctx.somebody(&dir)?;
    let (ix, info) = known(&dir, id)?;
    if Viewer::new(&dir, &caller, ctx.now()).group(ix) { Ok(info) } else { Err(Error::NotFound) }
}

/// The groups the caller can see, by name.
///
/// # Errors
/// 401, or 422 for a cursor that is not good.
pub fn list(ctx: &Ctx, page: &PageRequest) -> Result<Page<Arc<GroupInfo>>> {
    let dir = ctx.directory();
    let caller = ctx.somebody(&dir)?;
    let viewer = Viewer::new(&dir, &caller, ctx.now());
    let seen = dir.groups.iter::<GroupIx>().filter(|(ix, _)| viewer.group(*ix)).map(|(_, info)| Arc::clone(info));
    crate::access::page_of(&dir, &caller, "groups", page, seen, |g| (g.name.clone(), g.id))
}

/// The groups that name a user or a group directly, by name.
///
/// # Errors
/// 401 or 403 for all but system administrators, 404.
pub fn naming(ctx: &Ctx, member: &str) -> Result<Vec<Arc<GroupInfo>>> {
    let dir = ctx.directory();
    ctx.system_admin(&dir)?;
    let groups = match dir.principal(member).ok_or(Error::NotFound)? {
        Principal::User(user) => dir.world.user(user).map(|user| user.groups.clone()),
        Principal::Group(group) => dir.world.group(group).map(|group| group.parents.clone()),
        _ => None,
    };
    let groups = groups.unwrap_or_default();
    let mut found: Vec<Arc<GroupInfo>> = groups.iter().filter_map(|ix| dir.groups.info(*ix)).map(Arc::clone).collect();
    found.sort_unstable_by(|one, other| (&one.name, one.id).cmp(&(&other.name, other.id)));
    Ok(found)
}

/// Renames a group.
///
/// # Errors
/// 403, 404, 409 when the name is taken, 422.
pub async fn rename(ctx: &Ctx, id: String, name: String) -> Result<Arc<GroupInfo>> {
    write(ctx, "group.update", async move |w: &mut Write<'_>| {
        let permit = w.system_admin()?;
        let (ix, before) = known(w.dir(), &id)?;
        let name = free_name(w.dir(), &name, Some(ix))?;
        store::rename(w.tx(), &permit, before.id, &name).await?;
        w.changed(Change::Group(before.id)).await?;
        let spaces = policies::reached(w.dir(), &[ix]);
        let (was, is) = (json!({ "name": before.name }), json!({ "name": name }));
        w.record_widely(&spaces, "group", before.id.to_string(), was, is).await?;
        known(w.dir(), &id).map(|(_, info)| info)
    })
    .await
}

/// Deletes a group that nothing uses.
///
/// # Errors
/// 403, 404, and 409 while a grant, a policy or another group names it.
pub async fn delete(ctx: &Ctx, id: String) -> Result<()> {
    write(ctx, "group.delete", async move |w: &mut Write<'_>| {
        let permit = w.system_admin()?;
        let (ix, info) = known(w.dir(), &id)?;
        let used = !w.dir().world.granted(Principal::Group(ix)).is_empty()
            || w.dir().world.group(ix).is_some_and(|g| !g.parents.is_empty())
            || policies::names(w.dir(), &format!("group:{}", info.id));
        if used {
            return Err(Error::conflict("conflict", "the group is in use by a grant, a policy or another group"));
        }
        let members = store::members(w.tx(), info.id).await?;
        store::delete(w.tx(), &permit, info.id).await?;
        for member in members {
            changed_member(w, &member).await?;
        }
        w.changed(Change::Group(info.id)).await?;
        w.record_widely(&[], "group", info.id.to_string(), json!({ "name": info.name }), Value::Null).await
    })
    .await
}

/// Who a group names directly, in order.
///
/// # Errors
/// 404 when the group is hidden or missing.
pub async fn members(ctx: &Ctx, id: &str, page: &PageRequest) -> Result<Page<String>> {
    let info = get(ctx, id)?;
    let members = store::members_read(&ctx.db(), info.id).await?;
    // Asked again now that they are read: who sees the group no more meanwhile is shown none.
    get(ctx, id)?;
    let dir = ctx.directory();
    let caller = ctx.somebody(&dir)?;
    let viewer = Viewer::new(&dir, &caller, ctx.now());
    let seen = members.into_iter().filter(|m| match dir.principal(m) {
        Some(Principal::User(user)) => viewer.user(user),
        Some(Principal::Group(group)) => viewer.group(group),
        _ => false,
    });
    crate::access::page_of(&dir, &caller, &format!("members of {}", info.id), page, seen, |m| (m.clone(), Uuid::nil()))
}

/// Puts a user or a group into a group; one that is in it stays in it.
///
/// # Errors
/// 403, 404, 409 when it would close a circle, 422 for an unknown member or too deep a nesting.
pub async fn add_member(ctx: &Ctx, id: String, member: String) -> Result<()> {
    write(ctx, "group.member.add", async move |w: &mut Write<'_>| {
        let permit = w.system_admin()?;
        let (ix, info) = known(w.dir(), &id)?;
        let unknown = || Error::field("/member", "is not a user or a group");
        let member = w.dir().principal(&member).ok_or_else(unknown)?;
        let caller = match member {
            Principal::User(user) if w.dir().users.info(user).is_none_or(|u| u.deleted) => return Err(unknown()),
            Principal::User(user) => Caller::user(&w.dir().world, user),
            Principal::Group(group) => {
                fits(w.dir(), ix, group)?;
                Caller::group(&w.dir().world, group)
            }
            _ => return Err(unknown()),
        };
        if caller.is_some_and(|c| c.groups.len() >= GROUPS_PER_MEMBER) {
            return Err(Error::field("/member", format!("is in {GROUPS_PER_MEMBER} groups already")));
        }
        change_member(w, &permit, ix, &info, member, true).await
    })
    .await
}

/// Takes a user or a group out of a group. It may have been a user's last membership, with which accounts can end.
///
/// # Errors
/// 403, 404 (also when it is not in it), 409 when a space would lose its last administrator, or when it is an identity
/// provider that says they are in it.
pub async fn remove_member(ctx: &Ctx, id: String, member: String) -> Result<()> {
    write(ctx, "group.member.remove", async move |w: &mut Write<'_>| {
        let permit = w.system_admin()?;
        let (ix, info) = known(w.dir(), &id)?;
        let member = w.dir().principal(&member).ok_or(Error::NotFound)?;
        change_member(w, &permit, ix, &info, member, false).await?;
        if let Principal::User(user) = member {
            users::end_with_last_membership(w, &permit, user).await?;
        }
        Ok(())
    })
    .await
}

/// No circle, and no deeper than allowed: the chain above the group, the new link, and the chain below the member.
fn fits(dir: &Directory, group: GroupIx, member: GroupIx) -> Result<()> {
    let below = dir.world.group_and_below(member);
    if below.contains(&group) {
        return Err(Error::conflict("conflict", "the group would contain itself"));
    }
    if links_above(dir, &[group], |_| true) + 1 + links_below(dir, member, &below) > MAX_GROUP_DEPTH {
        return Err(Error::field("/member", format!("groups may be nested {MAX_GROUP_DEPTH} links deep")));
    }
    Ok(())
}

/// The longest chain of links above some groups: how many steps up until nothing is left. Each group is met once
/// a step, however many ways lead to it.
fn links_above(dir: &Directory, groups: &[GroupIx], counts: impl Fn(&GroupIx) -> bool) -> usize {
    let mut level = groups.to_vec();
    for links in 0..=MAX_GROUP_DEPTH {
        let facts = level.iter().filter_map(|group| dir.world.group(*group));
        level = facts.flat_map(|facts| facts.parents.iter().copied()).filter(&counts).collect();
        level.sort_unstable();
        level.dedup();
        if level.is_empty() {
            return links;
        }
    }
    MAX_GROUP_DEPTH + 1
}

/// The longest chain of links below a group; `below` is it and all that it contains.
fn links_below(dir: &Directory, group: GroupIx, below: &[GroupIx]) -> usize {
    let below: HashSet<GroupIx> = below.iter().copied().collect();
    // Upwards from all of them, without leaving them: the longest such chain ends at the top.
    let starts: Vec<GroupIx> = below.iter().copied().filter(|g| *g != group).collect();
    if starts.is_empty() { 0 } else { links_above(dir, &starts, |g| below.contains(g)) }
}

async fn change_member(
    w: &mut Write<'_>,
    permit: &Permit,
    group: GroupIx,
    info: &GroupInfo,
    member: Principal,
    put: bool,
) -> Result<()> {
    let text = w.dir().principal_text(member);
    let before = policies::reached(w.dir(), &[group]);
    let changed = match put {
        true => store::add_member(w.tx(), permit, info.id, &text, BY_HAND).await?,
        false => store::remove_member(w.tx(), permit, info.id, &text, BY_HAND).await?,
    };
    let stays = store::contains(w.tx(), info.id, &text).await?;
    match (changed, put, stays) {
        (true, _, _) => {}
        (false, true, _) => return Ok(()),
        (false, false, false) => return Err(Error::NotFound),
        (false, false, true) => {
            let why = "an identity provider makes them a member, and only it can end that";
            return Err(Error::conflict("conflict", why));
        }
    }
    changed_member(w, &text).await?;
    let state = json!({ "group": info.name, "member": text });
    let (was, is) = if put { (Value::Null, state) } else { (state, Value::Null) };
    w.record_widely(&before, "group", info.id.to_string(), was, is).await
}

/// Makes a user a member of just these groups by that provider's word. What somebody did by hand, or another provider
/// says, stays as it is. On record as other changes of members are; answers the names of the groups that came and went.
///
/// # Errors
/// When the store fails.
pub async fn dictate(
    w: &mut Write<'_>,
    permit: &Permit,
    provider: (Uuid, &str),
    user: Uuid,
    groups: &[GroupIx],
) -> Result<(Vec<String>, Vec<String>)> {
    let (source, member) = (provider.0.to_string(), format!("user:{user}"));
    let there = store::by_source(w.tx(), &member, &source).await?;
    let there: Vec<GroupIx> = there.iter().filter_map(|id| w.dir().groups.by_id(id)).collect();
    let come: Vec<GroupIx> = groups.iter().copied().filter(|group| !there.contains(group)).collect();
    let gone: Vec<GroupIx> = there.into_iter().filter(|group| !groups.contains(group)).collect();
    let mut named = (Vec::new(), Vec::new());
    for (group, put) in come.into_iter().map(|g| (g, true)).chain(gone.into_iter().map(|g| (g, false))) {
        let info = Arc::clone(w.dir().groups.info(group).ok_or(Error::NotFound)?);
        let before = policies::reached(w.dir(), &[group]);
        match put {
            true => store::add_member(w.tx(), permit, info.id, &member, &source).await?,
            false => store::remove_member(w.tx(), permit, info.id, &member, &source).await?,
        };
        changed_member(w, &member).await?;
        let state = json!({ "group": info.name, "member": member, "identity_provider": provider.1 });
        let (was, is) = if put { (Value::Null, state) } else { (state, Value::Null) };
        w.record_widely(&before, "group", info.id.to_string(), was, is).await?;
        if put { named.0.push(info.name.clone()) } else { named.1.push(info.name.clone()) }
    }
    Ok(named)
}

/// Ends every membership that a provider made, as [`dictate`] does for one user.
///
/// # Errors
/// When the store fails.
pub async fn dictate_nothing(w: &mut Write<'_>, permit: &Permit, provider: (Uuid, &str)) -> Result<()> {
    for member in store::members_by_source(w.tx(), &provider.0.to_string()).await? {
        if let Some(user) = member.strip_prefix("user:").and_then(|id| Uuid::try_parse(id).ok()) {
            dictate(w, permit, provider, user, &[]).await?;
        }
    }
    Ok(())
}

/// Ends the memberships that a provider made in groups whose names it may not say, as [`dictate`] does for one user,
/// and answers how many.
///
/// # Errors
/// When the store fails.
pub async fn dictate_only(
    w: &mut Write<'_>,
    permit: &Permit,
    provider: (Uuid, &str),
    may: impl Fn(&str) -> bool,
) -> Result<usize> {
    let source = provider.0.to_string();
    let mut ended = 0;
    for member in store::members_by_source(w.tx(), &source).await? {
        let Some(user) = member.strip_prefix("user:").and_then(|id| Uuid::try_parse(id).ok()) else { continue };
        let there = store::by_source(w.tx(), &member, &source).await?;
        let stays = there.iter().filter_map(|id| w.dir().groups.by_id::<GroupIx>(id));
        let stays: Vec<GroupIx> =
            stays.filter(|ix| w.dir().groups.info(*ix).is_some_and(|group| may(&group.name))).collect();
        if stays.len() < there.len() {
            ended += dictate(w, permit, provider, user, &stays).await?.1.len();
        }
    }
    Ok(ended)
}

async fn changed_member(w: &mut Write<'_>, member: &str) -> Result<()> {
    let change = match member.split_once(':').map(|(kind, id)| (kind, Uuid::try_parse(id))) {
        Some(("user", Ok(id))) => Change::User(id),
        Some(("group", Ok(id))) => Change::Group(id),
        _ => return Ok(()),
    };
    w.changed(change).await
}
