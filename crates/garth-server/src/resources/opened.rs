//! A resource with its secrets opened, for this server's own use of what it says: never for an answer.

use super::{body, look, target_of};
use crate::access::{self, Ctx};
use crate::base::error::{Error, Result};
use garth_core::{Action, SpaceIx};
use serde_json::Value;

/// A resource as this server uses it.
pub(crate) struct Opened {
    /// Its id.
    pub id: String,
    /// The space it lies in.
    pub space: SpaceIx,
    /// Its body, secrets included.
    pub body: Value,
}

/// Opens a resource of that kind for a caller who may see it and holds that permission of its kind where it lies.
///
/// # Errors
/// 404 when it is hidden, missing or of another kind, 403 without the permission.
pub(crate) async fn opened(ctx: &Ctx, id: &str, kind: &str, verb: &str) -> Result<Opened> {
    let (dir, caller, row) = look(ctx, id).await?;
    let class = dir.world.class(row.class).ok_or(Error::NotFound)?;
    let of = dir.kinds.info(class.kind).filter(|info| info.definition.name == kind);
    of.ok_or(Error::NotFound)?;
    let permission = dir.permission(&format!("{kind}:{verb}")).ok_or(Error::NotFound)?;
    let target = target_of(&dir, &caller, &row, ctx.now());
    access::check(&dir, &caller, target, Action::Use(permission), ctx.now())?;
    let body = body::opened(&dir, class.space, &row.id, &row.body, &row.secrets)?;
    Ok(Opened { id: row.id, space: class.space, body })
}
