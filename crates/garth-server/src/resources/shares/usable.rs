//! What may be used in a space: what lies there, what it inherits, and what is shared to it.

use super::super::ResourceView;
use super::super::list::{Filter, found, still_seen};
use super::super::origin::{Origin, origin};
use crate::access::{Ctx, archived, visible_space};
use crate::base::error::Result;
use crate::base::http::{Page, PageRequest};
use crate::directory::Directory;
use garth_core::{ClassIx, SpaceIx};

/// Something that may be used in a space.
#[derive(Clone, Debug)]
pub struct Usable {
    /// What.
    pub resource: ResourceView,
    /// Why.
    pub origin: Origin,
}

/// A page of the resources that the caller may see and that what lies in the space may use. Of the filter, kinds, words
/// and order count; archived things are left out.
///
/// # Errors
/// 404 when the space is hidden or missing, 401, 422 for an unknown order and for a cursor that is not good.
pub async fn usable(ctx: &Ctx, id: &str, filter: &Filter, request: &PageRequest) -> Result<Page<Usable>> {
    let (dir, now) = (ctx.directory(), ctx.now());
    let caller = ctx.reader(&dir)?;
    let space = visible_space(&dir, &caller, id, now)?;
    let reach = dir.world.reach_of(&caller, classes(&dir, space, filter), now);
    let query = format!("usable in {id} {filter:?}");
    let (mut rows, next) = found(ctx, &dir, &caller, filter, &query, request, reach).await?;
    // The rows first and the picture second: what may not be used any more is not shown.
    let dir = ctx.directory();
    let caller = ctx.caller(&dir)?;
    visible_space(&dir, &caller, id, now)?;
    rows.retain(|row| dir.world.may_use(space, row.class));
    let from = |view: &ResourceView| origin(&dir, &caller, space, view.row.class, now);
    let usable = |resource: ResourceView| Usable { origin: from(&resource), resource };
    Ok(Page { items: still_seen(ctx, rows)?.into_iter().map(usable).collect(), next })
}

/// The classes of everything that may be used there, each once.
fn classes(dir: &Directory, space: SpaceIx, filter: &Filter) -> Vec<ClassIx> {
    let world = &dir.world;
    let kinds: Vec<_> = filter.kinds.iter().filter_map(|kind| dir.kind_ref(kind)).collect();
    let there = world.reached(space).into_iter().filter_map(|ix| world.space(ix));
    let mut classes: Vec<ClassIx> = there.flat_map(|at| at.classes().iter().chain(at.shared())).copied().collect();
    classes.sort_unstable();
    classes.dedup();
    classes.retain(|ix| {
        let Some(class) = world.class(*ix) else { return false };
        let wanted = filter.kinds.is_empty() || kinds.contains(&class.kind);
        // The space was named itself; elsewhere, what lies in an archived one is left out.
        wanted && world.may_use(space, *ix) && (class.space == space || !archived(world, class.space))
    });
    classes
}
