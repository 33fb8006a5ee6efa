//! The keys of spaces, when the installation's or their own is exchanged.

use super::store;
use crate::access::{Permit, Record, Write};
use crate::base::error::{Error, Result};
use crate::base::secrets::Vault;
use garth_core::SpaceIx;
use serde_json::{Value, json};

/// Spaces between two reports.
const REPORT: u64 = 256;

/// Wraps the keys of every space by another key of the installation; answers how many there were.
///
/// # Errors
/// When a key does not open, or the store fails.
pub async fn rewrap(w: &mut Write<'_>, permit: &Permit, next: &Vault, told: &dyn Fn(u64, u64)) -> Result<u64> {
    let keyed: Vec<SpaceIx> =
        w.dir().spaces.iter().filter(|(_, info)| !info.secret_key.is_empty()).map(|(ix, _)| ix).collect();
    let (mut done, all) = (0, keyed.len() as u64);
    for ix in keyed {
        let info = w.dir().spaces.info(ix).ok_or(Error::NotFound)?;
        let id = info.id;
        let key = w.dir().vault.rewrapped(next, &id.to_string(), &info.secret_key)?;
        store::exchange_secret_key(w.tx(), permit, id, &key).await?;
        w.rekeyed(permit, ix, key);
        done += 1;
        if done % REPORT == 0 || done == all {
            told(done, all);
        }
    }
    Ok(done)
}

/// Puts a newer key before the one a space has. One that has two already goes on with them; one that never had a secret
/// has nothing to exchange.
///
/// # Errors
/// When the store fails.
pub async fn begin_exchange(w: &mut Write<'_>, permit: &Permit, ix: SpaceIx) -> Result<()> {
    let info = w.dir().spaces.info(ix).ok_or(Error::NotFound)?;
    let key = w.dir().vault.exchange_space_key(&info.id.to_string(), &info.secret_key)?;
    if key == info.secret_key {
        return Ok(());
    }
    put(w, permit, ix, key, json!({ "secret_key": "rotating" })).await
}

/// Takes the former key of a space away: nothing lies under it any more.
///
/// # Errors
/// 404 when the space is not there any more.
pub async fn end_exchange(w: &mut Write<'_>, permit: &Permit, ix: SpaceIx) -> Result<()> {
    let info = w.dir().spaces.info(ix).ok_or(Error::NotFound)?;
    if !Vault::exchanging(&info.secret_key) {
        return Ok(());
    }
    let key = Vault::newest_alone(&info.secret_key).to_owned();
    put(w, permit, ix, key, json!({ "secret_key": "rotated" })).await
}

async fn put(w: &mut Write<'_>, permit: &Permit, ix: SpaceIx, key: String, after: Value) -> Result<()> {
    let id = w.dir().space_id(ix).ok_or(Error::NotFound)?;
    store::exchange_secret_key(w.tx(), permit, id, &key).await?;
    w.rekeyed(permit, ix, key);
    let (target_id, before) = (id.to_string(), Value::Null);
    w.record(Record { space: Some(ix), target_type: "space", target_id, before, after }).await
}
