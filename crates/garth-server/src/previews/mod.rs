//! Previews: who would gain and who would lose what by a change, before it is made.
//!
//! The change is tried by the very operation that would make it, with the rights it asks for, and undone; the two
//! pictures it was judged by are compared outside the writer, for those people and places where it could have moved
//! anything. So a preview says what would happen because it is what happened, once, to nobody.

pub mod api;
mod change;
mod compare;
mod scope;
mod sight;

pub use compare::{Item, Thing};
pub use sight::{Seen, Sight, sight};

use crate::access::{ACTOR, Actors, Ctx, Pictures};
use crate::base::error::{Error, Result};
use crate::resources;
use scope::Scope;
use serde_json::{Map, Value};
use std::sync::Arc;

/// Most spaces that a preview looks at.
pub const SPACES: usize = 200;
/// Most resources with policies of their own that a preview looks at.
pub const RESOURCES: usize = 100;
/// Most times that somebody's rights to something are compared.
pub const COMPARISONS: usize = 20_000;
/// Most lines of an answer.
pub const ITEMS: usize = 500;

/// What a change would move.
#[derive(Clone, Debug)]
pub struct Preview {
    /// Who would gain or lose what, by principal, spaces before resources.
    pub items: Vec<Item>,
    /// Is that everything? Not where the work came to one of the limits.
    pub complete: bool,
}

/// What a change would move, of people and things that the caller can see.
///
/// # Errors
/// Whatever the change itself would be refused with, with pointers below `/change`; what is hidden or missing is 422.
pub async fn preview(ctx: &Ctx, change: Map<String, Value>) -> Result<Preview> {
    let pictures = pictures(ctx, change).await?;
    told(ctx, &pictures).await
}

/// Tries a change: everything as it is, and as it would be.
async fn pictures(ctx: &Ctx, change: Map<String, Value>) -> Result<Arc<Pictures>> {
    let (trying, tried) = ctx.trying();
    change::attempt(&trying, change).await?;
    tried.take().map(Arc::new).ok_or_else(|| Error::internal("a change was tried and left no pictures"))
}

/// What differs between the two, of people and things that the caller can see.
async fn told(ctx: &Ctx, pictures: &Arc<Pictures>) -> Result<Preview> {
    let scope = aside(ctx, pictures, |ctx, pictures| Scope::of(&ctx, &pictures)).await?;
    let caller = ctx.caller(&pictures.before)?;
    let (rows, all) = match scope.reach.full.is_empty() && scope.reach.partial.is_empty() {
        true => (Vec::new(), true),
        false => resources::some(ctx, &pictures.before, &caller, &scope.reach, RESOURCES).await?,
    };
    let compared = aside(ctx, pictures, move |ctx, pictures| compare::compare(&ctx, &pictures, &scope, rows)).await?;
    let told = without_hidden(ctx, compared).await?;
    Ok(compare::cut(Preview { complete: told.complete && all, ..still_seen(ctx, pictures, told)? }))
}

/// Takes out what would be told of resources, as holders of roles, that the caller may not view.
async fn without_hidden(ctx: &Ctx, mut preview: Preview) -> Result<Preview> {
    let names = preview.items.iter().filter_map(|item| item.principal.strip_prefix(ACTOR));
    let actors = Actors::read(ctx, names).await?;
    let dir = ctx.directory();
    let caller = ctx.caller(&dir)?;
    preview.items.retain(|item| {
        let name = item.principal.strip_prefix(ACTOR);
        name.is_none_or(|name| actors.seen(&dir, &caller, name, ctx.now()).is_some())
    });
    Ok(preview)
}

/// Does something that takes a while without awaiting anything where nobody waits for it.
async fn aside<T: Send + 'static>(
    ctx: &Ctx,
    pictures: &Arc<Pictures>,
    work: impl FnOnce(Ctx, Arc<Pictures>) -> Result<T> + Send + 'static,
) -> Result<T> {
    let (ctx, pictures) = (ctx.clone(), Arc::clone(pictures));
    let ended = tokio::task::spawn_blocking(move || work(ctx, pictures)).await;
    ended.map_err(|_| Error::internal("a comparison did not end"))?
}

/// What changed meanwhile is looked at once more: who lost sight of somebody or something is not told of it.
fn still_seen(ctx: &Ctx, pictures: &Pictures, mut preview: Preview) -> Result<Preview> {
    let newest = ctx.directory();
    if newest.last_change != pictures.before.last_change {
        let caller = ctx.caller(&newest)?;
        let eyes = compare::Eyes::new(&newest, &caller, ctx.now());
        preview.items.retain(|item| eyes.person(item.who) && eyes.thing(item));
    }
    Ok(preview)
}
