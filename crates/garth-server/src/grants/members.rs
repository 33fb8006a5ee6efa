//! Members: everybody who holds a role in a space, and where from.

use crate::access::{self, Ctx, People, Viewer, near, role_names, visible_space};
use crate::base::error::{Error, Result};
use crate::base::http::{Page, PageRequest};
use crate::directory::{Directory, UserInfo};
use garth_core::{Action, Caller, Flow, Micros, Principal, SpaceIx, Target, UserIx};
use hashbrown::HashSet;
use std::sync::Arc;
use uuid::Uuid;

/// Somebody who holds a role in a space.
#[derive(Clone, Debug)]
pub struct Member {
    /// Who.
    pub user: Arc<UserInfo>,
    /// The strongest built-in role, else the first custom one.
    pub role: Option<String>,
    /// Every role.
    pub roles: Vec<String>,
    /// Where each comes from.
    pub sources: Vec<MemberSource>,
}

/// Where a role comes from, as far as the reader may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberSource {
    /// The role's name.
    pub role: String,
    /// `direct`, `group`, `ancestor`, `everyone`, `inherits`, or `login_policy` (by somebody's session, while it lasts).
    pub from: &'static str,
    /// The space it was granted in; `None` where the reader cannot see it.
    pub space: Option<Uuid>,
    /// The group it was granted to, likewise.
    pub group: Option<Uuid>,
}

/// A page of a space's effective members, by username.
///
/// # Errors
/// 404; 403 for those who pass the gate and are no members themselves; 422 for a cursor that is not good.
pub fn list(ctx: &Ctx, id: &str, page: &PageRequest) -> Result<Page<Member>> {
    let (dir, now) = (ctx.directory(), ctx.now());
    let caller = ctx.somebody(&dir)?;
    let space = visible_space(&dir, &caller, id, now)?;
    let standing = dir.world.decide(&caller, Target::Space(space), Action::Read, now).standing;
    if standing.roles.is_empty() {
        return Err(Error::Forbidden("only members see the members of a space".to_owned()));
    }
    let viewer = Viewer::new(&dir, &caller, now);
    let query = format!("members of {}", dir.space_id(space).unwrap_or_default());
    let after = match &page.cursor {
        Some(cursor) => access::read_cursor(&dir, &caller, &query, cursor)?.0,
        None => String::new(),
    };
    let key = |user: &UserInfo| (user.username.to_lowercase(), user.id);
    let candidates =
        candidates(&dir, space, now).into_iter().filter_map(|ix| Some((ix, Arc::clone(dir.users.info(ix)?))));
    let mut candidates: Vec<_> = candidates.filter(|(_, user)| key(user).0 > after).collect();
    candidates.sort_by_cached_key(|(_, user)| key(user));
    // Who holds nothing after all (a closed gate on the way, an expired grant) is sorted out before the page is
    // cut, and nobody is asked about who comes after it.
    let seen = candidates.into_iter().filter(|(ix, _)| holds(&dir, *ix, space, now)).take(page.limit + 1);
    let page = access::page_of(&dir, &caller, &query, page, seen, |(_, user)| key(user))?;
    let items = page.items.into_iter().filter_map(|(ix, user)| member(&dir, &viewer, ix, user, space, now)).collect();
    Ok(Page { items, next: page.next })
}

/// Is that user a member of the space?
pub(super) fn holds(dir: &Directory, user: UserIx, space: SpaceIx, now: Micros) -> bool {
    dir.as_seen(user, now).is_some_and(|caller| {
        let standing = dir.world.standing(&caller, space, now);
        standing.gate && !standing.roles.is_empty()
    })
}

/// Everybody whom a grant, or what a session brings, could reach.
fn candidates(dir: &Directory, space: SpaceIx, now: Micros) -> HashSet<UserIx> {
    match near(dir, [space], now) {
        People::Everybody => dir.world.users().filter(|(_, user)| user.enabled).map(|(ix, _)| ix).collect(),
        People::These(people) => people,
    }
}

fn member(
    dir: &Directory,
    viewer: &Viewer<'_>,
    ix: UserIx,
    user: Arc<UserInfo>,
    space: SpaceIx,
    now: Micros,
) -> Option<Member> {
    let caller = dir.as_seen(ix, now)?;
    let standing = dir.world.standing(&caller, space, now);
    let (role, roles) = role_names(dir, &standing.roles);
    Some(Member { user, role, roles, sources: sources(dir, viewer, &caller, space, now) })
}

/// Where a caller's roles in a space come from, as far as the viewer may see it.
pub fn sources(
    dir: &Directory,
    viewer: &Viewer<'_>,
    caller: &Caller,
    space: SpaceIx,
    now: Micros,
) -> Vec<MemberSource> {
    let mut found: Vec<MemberSource> = Vec::new();
    for source in dir.world.sources(caller, space, now) {
        let group = match source.principal {
            Some(Principal::Group(group)) if viewer.group(group) => dir.groups.info(group).map(|g| g.id),
            _ => None,
        };
        let from = match (source.flow, source.principal) {
            _ if source.session => "login_policy",
            (Flow::Below, _) => "inherits",
            (Flow::Above, _) => "ancestor",
            (Flow::Here, Some(Principal::Everyone)) => "everyone",
            (Flow::Here, Some(Principal::Group(_))) => "group",
            (Flow::Here, _) => "direct",
        };
        let source = MemberSource {
            role: dir.role_name(source.role).to_owned(),
            from,
            space: Some(source.space).filter(|s| viewer.space(*s)).and_then(|s| dir.space_id(s)),
            group,
        };
        // Two hidden places look the same, and how many there are is nobody's business.
        if !found.contains(&source) {
            found.push(source);
        }
    }
    found
}
