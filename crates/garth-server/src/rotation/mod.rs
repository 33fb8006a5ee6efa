//! Rotating keys: the installation's, under which every space's lies, and that of one space, under which its secrets lie.
//! Both are done on the server, beside everybody else's work.

use crate::access::{Ctx, Exchanged, Permit, Write, exchange_key, write};
use crate::base::error::{Error, Result};
use crate::base::secrets::Vault;
use crate::base::told::Told;
use crate::identity_providers;
use crate::resources;
use crate::spaces;
use garth_core::{ClassIx, SpaceIx};

/// Passes over a space after which something must be wrong: each finds only what changed during the one before.
const PASSES: usize = 10;

/// Exchanges the installation's key for a new one, or the given one: every space's key is wrapped by it, new keys bind the
/// audit and seal kept answers from now on, and what was written under the former ones is still read. One transaction.
///
/// # Errors
/// For all but the command line, and as [`exchange_key`].
pub async fn installation(ctx: &Ctx, given: Option<Vault>, told: Told) -> Result<Exchanged> {
    exchange_key(ctx, given, async move |w: &mut Write<'_>, permit: &Permit, next: &Vault| {
        identity_providers::rewrap(w, permit, next).await?;
        spaces::rewrap(w, permit, next, &|done, all| told("Wrapping", done, all)).await
    })
    .await
}

/// Exchanges the key of one space: its secrets are sealed anew, some hundreds at a time, while everybody goes on working.
/// One that was cut off goes on where it stopped. Answers how many resources had secrets that were sealed anew. On record
/// in the space when it begins and when it has come to its end.
///
/// # Errors
/// For all but the command line; 404 when the space is not there, or is deleted meanwhile.
pub async fn space(ctx: &Ctx, space: String, told: Told) -> Result<u64> {
    let id = space.clone();
    let begin = async move |w: &mut Write<'_>| {
        let permit = w.system()?;
        let ix = w.dir().space_ref(&id).ok_or(Error::NotFound)?;
        spaces::begin_exchange(w, &permit, ix).await?;
        Ok(ix)
    };
    let ix = write(ctx, "space.rotate_key", begin).await?;
    let mut resealed = 0;
    for pass in 0..=PASSES {
        let found = look_through(ctx, ix, &told).await?;
        resealed += found;
        if found == 0 {
            break;
        }
        if pass == PASSES {
            return Err(Error::conflict(
                "conflict",
                "secrets of the former key turn up again and again; try once more",
            ));
        }
    }
    let end = async move |w: &mut Write<'_>| {
        let permit = w.system()?;
        spaces::end_exchange(w, &permit, ix).await
    };
    write(ctx, "space.rotate_key", end).await?;
    ctx.app.leaves_remains();
    Ok(resealed)
}

/// Seals every secret of a space anew that lies under its former key.
async fn look_through(ctx: &Ctx, ix: SpaceIx, told: &Told) -> Result<u64> {
    let dir = ctx.directory();
    let classes: Vec<ClassIx> = dir.world.classes().filter(|(_, c)| c.space == ix).map(|(class, _)| class).collect();
    drop(dir);
    let mut resealed = 0;
    for (at, class) in classes.iter().enumerate() {
        let mut after = None;
        loop {
            told("Sealing", at as u64, classes.len() as u64);
            let (found, next) = resources::reseal(ctx, ix, *class, after).await?;
            resealed += found;
            match next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
    }
    told("Sealing", classes.len() as u64, classes.len() as u64);
    Ok(resealed)
}
