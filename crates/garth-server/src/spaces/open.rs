//! Spaces that somebody may put things into.

use super::Beside;
use crate::access::{Ctx, Viewer, archived, path, role_names};
use crate::base::error::Result;
use crate::base::words;
use crate::directory::SpaceInfo;
use garth_core::SpaceIx;
use std::sync::Arc;
use uuid::Uuid;

/// The active spaces in which the caller holds some permissions, but for one.
pub struct Open {
    /// How many there are, whatever was looked for.
    pub all: usize,
    /// The first of those that were looked for, by name.
    pub some: Vec<Beside>,
    /// Are there more of those?
    pub more: bool,
}

/// Where somebody holds all of these permissions: at most so many of those spaces with these words in name or labels.
///
/// # Errors
/// 401 for whoever is nobody, 422 for words that cannot be looked for.
pub fn open(ctx: &Ctx, permissions: &[String], but: Uuid, q: Option<&str>, most: usize) -> Result<Open> {
    let (dir, now) = (ctx.directory(), ctx.now());
    let caller = ctx.somebody(&dir)?;
    let viewer = Viewer::new(&dir, &caller, now);
    let sought = q.map(words::sought).transpose()?.unwrap_or_default();
    let needed: Option<Vec<_>> = permissions.iter().map(|name| dir.permission(name)).collect();
    let holds = |ix: SpaceIx| {
        let standing = viewer.standing(ix).filter(|standing| standing.gate);
        let (Some(standing), Some(needed)) = (standing, &needed) else { return false };
        needed.iter().all(|permission| dir.world.roles_allow(&standing.roles, *permission))
    };
    let fits = |ix: SpaceIx, info: &SpaceInfo| info.id != but && !archived(&dir.world, ix) && holds(ix);
    let mut found: Vec<(SpaceIx, &Arc<SpaceInfo>)> = dir.spaces.iter().filter(|(ix, info)| fits(*ix, info)).collect();
    let all = found.len();
    found.retain(|(_, info)| sought.iter().all(|part| part.stands_in(info.words())));
    found.sort_unstable_by(|one, other| (&one.1.name, one.1.id).cmp(&(&other.1.name, other.1.id)));
    let more = found.len() > most;
    let beside = |(ix, info): (SpaceIx, &Arc<SpaceInfo>)| Beside {
        info: Arc::clone(info),
        path: path(&dir, &viewer, ix),
        role: viewer.standing(ix).and_then(|standing| role_names(&dir, &standing.roles).0),
        archived: false,
        usual: false,
    };
    Ok(Open { all, some: found.into_iter().take(most).map(beside).collect(), more })
}
