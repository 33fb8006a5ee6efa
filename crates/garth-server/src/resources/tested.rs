//! Resources of Garth's own kinds that somebody tries.

use super::{Opened, opened, target_of};
use crate::access::{self, Ctx};
use crate::base::error::{Error, Result};
use crate::directory::BuiltIn;
use garth_core::Action;

/// Opens one for a caller who may see it and may test it where it lies.
///
/// # Errors
/// 404 when it is hidden, missing or of another kind, 403 without the kind's permission to test.
pub(crate) async fn opened_to_test(ctx: &Ctx, id: &str, kind: BuiltIn) -> Result<Opened> {
    let opened = opened(ctx, id, kind, None).await?;
    let dir = ctx.directory();
    let caller = ctx.caller(&dir)?;
    let permission = dir.permission(&format!("{}:test", kind.name())).ok_or(Error::NotFound)?;
    let target = target_of(&dir, &caller, &opened.row, ctx.now());
    access::check(&dir, &caller, target, Action::Use(permission), ctx.now())?;
    Ok(opened)
}
