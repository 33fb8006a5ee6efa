//! Spaces beside each other, for somebody who goes from one to another.

use crate::access::{Ctx, Viewer, archived, path, role_names, usual_space};
use crate::base::error::Result;
use crate::directory::SpaceInfo;
use garth_core::SpaceIx;
use std::sync::Arc;
use uuid::Uuid;

/// Some of the spaces that a caller sees.
pub struct Around {
    /// How many they see.
    pub seen: usize,
    /// The first of them: those looked at lately, then by name.
    pub some: Vec<Beside>,
}

/// A space as it stands in a list of one's own.
pub struct Beside {
    /// What is known of it.
    pub info: Arc<SpaceInfo>,
    /// The visible names from its root to it, joined by `/`.
    pub path: String,
    /// The strongest built-in role held, else the first custom one.
    pub role: Option<String>,
    /// Is it, or something above it, archived?
    pub archived: bool,
    /// Is it where the caller begins?
    pub usual: bool,
}

/// At most so many of the spaces that the caller sees: first those of `recent`, in that order.
///
/// # Errors
/// 401 for whoever is nobody.
pub fn around(ctx: &Ctx, recent: &[Uuid], most: usize) -> Result<Around> {
    let (dir, now) = (ctx.directory(), ctx.now());
    let caller = ctx.somebody(&dir)?;
    let viewer = Viewer::new(&dir, &caller, now);
    let mut all: Vec<(SpaceIx, &Arc<SpaceInfo>)> = dir.spaces.iter().filter(|(ix, _)| viewer.space(*ix)).collect();
    let seen = all.len();
    let at = |info: &SpaceInfo| recent.iter().position(|id| *id == info.id).unwrap_or(recent.len());
    let order = |one: &(SpaceIx, &Arc<SpaceInfo>), other: &(SpaceIx, &Arc<SpaceInfo>)| {
        (at(one.1), &one.1.name, one.1.id).cmp(&(at(other.1), &other.1.name, other.1.id))
    };
    // Of thousands a few are wanted: the others need no order.
    if most < seen {
        all.select_nth_unstable_by(most, order);
        all.truncate(most);
    }
    all.sort_unstable_by(order);
    let usual = usual_space(&dir, &viewer, &caller);
    let beside = |(ix, info): (SpaceIx, &Arc<SpaceInfo>)| Beside {
        info: Arc::clone(info),
        path: path(&dir, &viewer, ix),
        role: viewer.standing(ix).and_then(|standing| role_names(&dir, &standing.roles).0),
        archived: archived(&dir.world, ix),
        usual: usual == Some(ix),
    };
    Ok(Around { seen, some: all.into_iter().map(beside).collect() })
}

/// Where the caller begins, and puts what they say no space of.
///
/// # Errors
/// 401 for whoever is nobody.
pub fn usual(ctx: &Ctx) -> Result<Option<Uuid>> {
    let dir = ctx.directory();
    let caller = ctx.somebody(&dir)?;
    let viewer = Viewer::new(&dir, &caller, ctx.now());
    Ok(usual_space(&dir, &viewer, &caller).and_then(|ix| dir.space_id(ix)))
}
