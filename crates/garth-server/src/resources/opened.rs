//! Bodies with their secrets opened: for what the server itself does by a resource, never for an answer.

use super::body;
use super::look;
use super::store::Stored;
use crate::access::{Ctx, archived};
use crate::base::error::{Error, Result};
use crate::directory::BuiltIn;
use garth_core::SpaceIx;
use serde_json::Value;

/// A resource of one of Garth's own kinds, with its secrets in the open.
pub(crate) struct Opened {
    /// What is stored of it.
    pub row: Stored,
    /// Its space.
    pub space: SpaceIx,
    /// The id of its space.
    pub space_id: String,
    /// Its body, secrets in their places.
    pub body: Value,
    /// Is it archived, or its space, or one above that?
    pub archived: bool,
}

/// The resource of that id or code, if it is of that kind and whoever `ctx` is may view it; with `user`, only if what lies
/// in that space may use it. Judged now, whatever was so when somebody named it.
///
/// # Errors
/// 404 alike for what is hidden, missing, of another kind, or not for that space to use.
pub(crate) async fn opened(ctx: &Ctx, id: &str, kind: BuiltIn, user: Option<SpaceIx>) -> Result<Opened> {
    let (dir, _, row) = look(ctx, id).await?;
    let class = dir.world.class(row.class).filter(|class| kind.kind(&dir) == Some(class.kind));
    let space = class.ok_or(Error::NotFound)?.space;
    if user.is_some_and(|user| !dir.world.may_use(user, row.class)) {
        return Err(Error::NotFound);
    }
    let info = dir.spaces.info(space).ok_or(Error::NotFound)?;
    let space_id = info.id.to_string();
    let body = body::opened(&dir.vault, &space_id, &info.secret_key, &row)?;
    let archived = row.archived || archived(&dir.world, space);
    Ok(Opened { row, space, space_id, body, archived })
}
