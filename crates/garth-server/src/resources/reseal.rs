//! Sealing secrets anew while the key of their space is exchanged.

use super::{body, store};
use crate::access::{Ctx, Write, write};
use crate::base::error::{Error, Result};
use garth_core::{ClassIx, Micros, SpaceIx};

/// Rows that are looked at, and at most written, at a time.
const STEP: usize = 200;

/// Where a pass over a class is: behind the row that was made then and has that id.
pub type After = (Micros, String);

/// Looks through some resources of a class for secrets that lie under the former key of their space, and seals those anew.
/// Nothing else of them changes, no version and no time. Answers how many there were, and where to go on.
///
/// # Errors
/// For all but the command line; 404 when the space is not there any more.
pub async fn reseal(ctx: &Ctx, space: SpaceIx, class: ClassIx, after: Option<After>) -> Result<(u64, Option<After>)> {
    let rows = store::sealed(&ctx.app.db, class, after.as_ref(), STEP).await?;
    let next = rows.last().filter(|_| rows.len() == STEP).map(|(id, at, _)| (*at, id.clone()));
    // The rows first and the picture second: a key that came meanwhile is known.
    let dir = ctx.directory();
    let info = dir.spaces.info(space).ok_or(Error::NotFound)?;
    let (here, wrapped) = (info.id.to_string(), info.secret_key.as_str());
    let mut stale = Vec::new();
    for (id, _, sealed) in &rows {
        if body::resealed(&dir.vault, &here, wrapped, id, sealed)?.is_some() {
            stale.push(id.clone());
        }
    }
    if stale.is_empty() {
        return Ok((0, next));
    }
    let done = write(ctx, "space.rotate_key", async move |w: &mut Write<'_>| {
        let permit = w.system()?;
        let mut done = 0;
        for id in stale {
            // It may have been changed, moved or deleted meanwhile.
            let Some((class, sealed)) = store::sealed_in(w.tx(), &id).await? else { continue };
            if w.dir().world.class(class).is_none_or(|c| c.space != space) {
                continue;
            }
            let info = w.dir().spaces.info(space).ok_or(Error::NotFound)?;
            let (here, wrapped) = (info.id.to_string(), info.secret_key.clone());
            if let Some(sealed) = body::resealed(&w.dir().vault, &here, &wrapped, &id, &sealed)? {
                store::set_sealed(w, &permit, &id, &sealed).await?;
                done += 1;
            }
        }
        Ok(done)
    })
    .await?;
    Ok((done, next))
}
