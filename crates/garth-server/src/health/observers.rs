//! Observer keys: for programs that watch the installation and may do nothing else.
//!
//! Such a key opens `/api/v1/health` and no other door. Its secret is 256 random bits, shown once; its hash is kept.

use super::store;
pub use super::store::Stored;
use crate::access::{self, App, Ctx, OBSERVER_PREFIX, Record, Write, identity, write};
use crate::base::error::{Error, Result};
use crate::base::http::{Page, PageRequest};
use crate::base::{ids, text};
use garth_core::{Caller, Micros};
use serde_json::{Value, json};
use std::sync::Arc;

/// Most of them.
pub const KEYS: i64 = 100;
/// So many characters of a secret are kept, by which people tell keys apart.
const PREFIX_CHARS: usize = OBSERVER_PREFIX.len() + 6;
/// When a key was used is written down once in so long.
const USED: Micros = 60 * 1_000_000;

/// Makes a key; answers it with its secret, which is shown this once.
///
/// # Errors
/// 401, 403 for all but system administrators of the installation's own, 409 `conflict` when there are [`KEYS`], 422.
pub async fn create(ctx: &Ctx, name: String) -> Result<(Stored, String)> {
    write(ctx, "observer_key.create", async move |w: &mut Write<'_>| {
        let permit = w.stored_system_admin()?;
        let name = text::name("/name", &name)?;
        if store::count(w.tx()).await? >= KEYS {
            return Err(Error::conflict("conflict", format!("there are {KEYS} observer keys; revoke one first")));
        }
        let (now, secret) = (w.now, ids::new_token(OBSERVER_PREFIX));
        let key = Stored {
            id: ids::new_id(now).to_string(),
            name,
            prefix: secret.chars().take(PREFIX_CHARS).collect(),
            created_by: identity(w.dir(), &w.caller).unwrap_or_else(|| "system".to_owned()),
            created_at: now,
            last_used_at: None,
        };
        store::insert(w.tx(), &permit, &key, &ids::token_hash(&secret)).await?;
        record(w, &key.id, Value::Null, state(&key)).await?;
        Ok((key, secret))
    })
    .await
}

/// The keys, oldest first.
///
/// # Errors
/// 401, 403 for all but system administrators, 422 for a cursor that is not good.
pub async fn list(ctx: &Ctx, page: &PageRequest) -> Result<Page<Stored>> {
    let dir = ctx.directory();
    let caller: Caller = ctx.system_admin(&dir)?;
    let query = "observer keys";
    let (at, after) = match &page.cursor {
        Some(cursor) => access::read_cursor(&dir, &caller, query, cursor)?,
        None => (i64::MIN.to_string(), String::new()),
    };
    let after = (at.parse().unwrap_or(i64::MIN), after.as_str());
    let mut items = store::page(&ctx.db(), after, page.limit + 1).await?;
    let dir = ctx.directory();
    let caller = ctx.system_admin(&dir)?;
    let more = items.len() > page.limit;
    items.truncate(page.limit);
    let next = items.last().filter(|_| more);
    let next = next.map(|k| access::cursor(&dir, &caller, query, &k.created_at.to_string(), &k.id)).transpose()?;
    Ok(Page { items, next })
}

/// Revokes a key: from the answer on it opens nothing.
///
/// # Errors
/// 401, 403 for all but system administrators, 404.
pub async fn revoke(ctx: &Ctx, id: String) -> Result<()> {
    write(ctx, "observer_key.delete", async move |w: &mut Write<'_>| {
        let permit = w.system_admin()?;
        let found = match ids::read_id(&id) {
            Some(_) => store::get(w.tx(), &id).await?,
            None => None,
        };
        let key = found.ok_or(Error::NotFound)?;
        store::delete(w.tx(), &permit, &key.id).await?;
        record(w, &key.id, state(&key), Value::Null).await
    })
    .await
}

/// Requires that this is the secret of a key, and notes that it was used; answers its hash, for [`still`].
///
/// # Errors
/// 401 for one that is unknown or revoked.
pub async fn admit(app: &Arc<App>, secret: &str) -> Result<String> {
    let hash = ids::token_hash(secret);
    let key = store::with_secret(&app.db, &hash).await?.ok_or(Error::Unauthenticated)?;
    let now = app.clock.now();
    if key.last_used_at.is_none_or(|at| now - at >= USED) {
        let ctx = Ctx::system(Arc::clone(app));
        let id = key.id;
        let noted = write(&ctx, "observer_key.use", async move |w: &mut Write<'_>| {
            let permit = w.system()?;
            store::used(w.tx(), &permit, &id, now).await.map_err(Into::into)
        });
        // What cannot be written down now is written the next time.
        if let Err(error) = noted.await {
            tracing::debug!(%error, "when an observer key was used could not be written");
        }
    }
    Ok(hash)
}

/// Requires that the key of that hash is there still.
///
/// # Errors
/// 401 when it was revoked.
pub async fn still(app: &App, hash: &str) -> Result<()> {
    store::with_secret(&app.db, hash).await?.map(drop).ok_or(Error::Unauthenticated)
}

/// What the audit keeps of a key: never its secret.
fn state(key: &Stored) -> Value {
    json!({ "name": key.name, "prefix": key.prefix })
}

async fn record(w: &mut Write<'_>, id: &str, before: Value, after: Value) -> Result<()> {
    let target_id = id.to_owned();
    w.record(Record { space: None, target_type: "observer_key", target_id, before, after }).await
}
