//! What somebody holds, and where: as far as the registry of spaces shows it.

use crate::access::{Ctx, registered};
use crate::base::error::{Error, Result};
use crate::directory::GroupInfo;
use garth_core::{Caller, GroupIx, Micros, Principal, SpaceIx};
use hashbrown::HashSet;
use std::sync::Arc;
use uuid::Uuid;

/// A role that is granted to somebody.
#[derive(Clone, Debug)]
pub struct Held {
    /// In that space.
    pub space: Uuid,
    /// The names from its root to it; sealed ones cut it.
    pub path: String,
    /// The role's name.
    pub role: String,
    /// Which of their groups it is granted to; none where it is to themselves.
    pub group: Option<Arc<GroupInfo>>,
    /// When it ends.
    pub expires_at: Option<Micros>,
}

/// The roles that are granted to a user or a group, and to the groups that they are in, by space. Of sealed spaces nothing is
/// told: the registry does not show them.
///
/// # Errors
/// 401 or 403 for all but system administrators, 404.
pub fn held(ctx: &Ctx, principal: &str) -> Result<Vec<Held>> {
    let dir = ctx.directory();
    let caller = ctx.system_admin(&dir)?;
    let who = dir.principal(principal).ok_or(Error::NotFound)?;
    let direct: Vec<GroupIx> = match who {
        Principal::User(user) => dir.world.user(user).map(|user| user.groups.to_vec()).unwrap_or_default(),
        Principal::Group(group) => dir.world.group(group).map(|group| group.parents.to_vec()).unwrap_or_default(),
        _ => Vec::new(),
    };
    let groups: HashSet<GroupIx> =
        direct.iter().filter_map(|group| Caller::group(&dir.world, *group)).flat_map(|caller| caller.groups).collect();
    let mut found = Vec::new();
    for holder in std::iter::once(who).chain(groups.into_iter().map(Principal::Group)) {
        let group = match holder {
            Principal::Group(group) if holder != who => dir.groups.info(group).map(Arc::clone),
            _ => None,
        };
        let spaces = dir.world.granted(holder).iter().copied().filter(|space| registered(&dir, &caller, *space));
        for (space, facts) in spaces.filter_map(|space| Some((space, dir.world.space(space)?))) {
            let shown = |ix: &SpaceIx| *ix == space || registered(&dir, &caller, *ix);
            let chain = dir.world.ancestry(space);
            let mut names: Vec<&str> = chain
                .iter()
                .take_while(|ix| shown(ix))
                .filter_map(|ix| dir.spaces.info(*ix))
                .map(|info| info.name.as_str())
                .collect();
            names.reverse();
            let Some(id) = dir.space_id(space) else { continue };
            for grant in facts.grants().iter().filter(|grant| grant.principal == holder && grant.holds(ctx.now())) {
                found.push(Held {
                    space: id,
                    path: names.join("/"),
                    role: dir.role_name(grant.role).to_owned(),
                    group: group.clone(),
                    expires_at: grant.expires_at,
                });
            }
        }
    }
    found.sort_by(|one, other| (&one.path, one.space, &one.role).cmp(&(&other.path, other.space, &other.role)));
    Ok(found)
}
