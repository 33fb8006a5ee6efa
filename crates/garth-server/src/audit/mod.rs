//! Audit: what was changed and refused, per space and for the system.

pub mod api;
mod store;

pub use store::{Entry, Filter};

use crate::access::{self, Ctx, visible_space};
use crate::base::error::Result;
use crate::base::http::{Page, PageRequest};
use garth_core::{Action, Permission, Target};

/// A page of a space's audit, newest first (its administrators).
///
/// # Errors
/// 404, 403, 422 for a cursor that is not good.
pub async fn of_space(ctx: &Ctx, id: &str, filter: Filter, page: &PageRequest) -> Result<Page<Entry>> {
    let dir = ctx.directory();
    let caller = ctx.somebody(&dir)?;
    let space = visible_space(&dir, &caller, id, ctx.now())?;
    access::check(&dir, &caller, Target::Space(space), Action::Use(Permission::SPACE_ADMIN), ctx.now())?;
    let id = dir.space_id(space).map(|id| id.to_string()).unwrap_or_default();
    list(ctx, id, filter, page).await
}

/// A page of the system's audit, newest first (system administrators). It tells of users, groups,
/// kinds, settings and the registry; never of what is in a space.
///
/// # Errors
/// 401, 403, 422 for a cursor that is not good.
pub async fn of_system(ctx: &Ctx, filter: Filter, page: &PageRequest) -> Result<Page<Entry>> {
    ctx.system_admin(&ctx.directory())?;
    list(ctx, String::new(), filter, page).await
}

async fn list(ctx: &Ctx, space: String, filter: Filter, request: &PageRequest) -> Result<Page<Entry>> {
    ctx.app.flush_refusals().await?;
    let dir = ctx.directory();
    let caller = ctx.somebody(&dir)?;
    let query = format!("audit of {space} {filter:?}");
    let after = match &request.cursor {
        Some(cursor) => {
            let (at, id) = access::read_cursor(&dir, &caller, &query, cursor)?;
            (at.parse().unwrap_or(i64::MAX), id)
        }
        None => (i64::MAX, String::new()),
    };
    let mut items = store::list(&ctx.app.db, &space, &filter, after, request.limit + 1).await?;
    let more = items.len() > request.limit;
    items.truncate(request.limit);
    let next = items.last().filter(|_| more);
    let next = next.map(|e| access::cursor(&dir, &caller, &query, &e.at.to_string(), &e.id));
    Ok(Page { items, next })
}
