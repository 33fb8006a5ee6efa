//! Exchanging the installation's key, so that whenever the machine stops, the next start finds the key that fits:
//! the new one is written beside the old one first, then everything changes over in one transaction, then the file is
//! renamed (`base/secrets/file`).

use crate::access::{Ctx, Permit, Record, Write, write};
use crate::base::error::{Error, Result};
use crate::base::secrets::Vault;
use crate::base::secrets::file::{self, Source};
use serde_json::json;
use std::sync::PoisonError;

/// What was done.
#[derive(Clone, Debug)]
pub struct Exchanged {
    /// What the new key is called.
    pub key: String,
    /// Spaces whose keys it wraps now.
    pub spaces: u64,
    /// Where the key came from: the file is in its place, the environment is for whoever starts the server.
    pub source: Source,
}

/// Exchanges the installation's key for the given one, or for a new one. `rewrap` wraps what lies under it. On record
/// in the system's log.
///
/// # Errors
/// For all but the command line; while another exchange is going on; when the key came from the environment and no new one
/// is given, is the same, or cannot be written. Nothing has changed then, unless the answer is that the store cannot be
/// reached: then the next start finds out.
pub async fn exchange_key<F>(ctx: &Ctx, given: Option<Vault>, rewrap: F) -> Result<Exchanged>
where
    F: for<'w, 'a> AsyncFnOnce(&'w mut Write<'a>, &'w Permit, &'w Vault) -> Result<u64> + Send + 'static,
{
    let keys = &ctx.app.keys;
    let _one = keys.exchange.try_lock().map_err(|_| Error::conflict("conflict", "another rotation is going on"))?;
    let source = keys.source.clone().ok_or_else(|| Error::internal("the store is open for reading only"))?;
    let now = ctx.directory().vault.clone();
    let next = match (given, &source) {
        (Some(next), _) if next.same(&now) => {
            return Err(Error::conflict("conflict", "this is the key that is in use already"));
        }
        (Some(next), _) => next,
        (None, Source::Folder(_)) => Vault::fresh(),
        (None, Source::Variable) => {
            return Err(Error::conflict(
                "conflict",
                format!(
                    "the key comes from {}, which only you can change: make a new key, give it with --new-key FILE, and \
                     put it into the variable before the next start",
                    file::VARIABLE
                ),
            ));
        }
    };
    if let Source::Folder(folder) = &source {
        file::settle(folder, &now).and_then(|()| file::keep_next(&next, folder)).map_err(|e| {
            Error::conflict("conflict", format!("the new key cannot be written to {}: {e}", folder.display()))
        })?;
    }
    keys.known.lock().unwrap_or_else(PoisonError::into_inner).push(next.clone());
    let (before, after) = (now.fingerprint(), next.fingerprint());
    let called = after.clone();
    let changing = next.clone();
    let done = write(ctx, "installation.rotate_key", async move |w: &mut Write<'_>| {
        let permit = w.system()?;
        let (next, ring) = w.dir().vault.followed_by(&changing)?;
        let spaces = rewrap(w, &permit, &next).await?;
        w.put_vault(&permit, next, &ring).await?;
        let (target_id, before, after) = (String::new(), json!({ "key": before }), json!({ "key": after }));
        w.record(Record { space: None, target_type: "installation", target_id, before, after }).await?;
        Ok(spaces)
    })
    .await;
    // Nobody knows how a commit ended that was not answered: both files stay, and both keys are tried.
    if matches!(done, Err(Error::Unavailable)) {
        return done.map(|_| Exchanged { key: called, spaces: 0, source });
    }
    let kept = if done.is_ok() { next } else { now };
    *keys.known.lock().unwrap_or_else(PoisonError::into_inner) = vec![kept];
    let folder = match &source {
        Source::Folder(folder) => Some(folder),
        Source::Variable => None,
    };
    match (done, folder) {
        (Ok(spaces), folder) => {
            ctx.app.leaves_remains();
            if let Some(Err(error)) = folder.map(|folder| file::put_in_place(folder)) {
                // The next start does it.
                tracing::warn!(%error, "the new key is in use, but its file could not be renamed");
            }
            Ok(Exchanged { key: called, spaces, source })
        }
        (Err(error), folder) => {
            folder.into_iter().for_each(|folder| file::take_back(folder));
            Err(error)
        }
    }
}
