//! Changing a key without another secret: what it is called, when it ends, and when the secret before the last rotation
//! does.

use super::{Shown, Stored, changed, known, manage, outlived, outlives_maker, shown, state, still_good, store};
use crate::access::{Ctx, Write, write};
use crate::base::error::{Error, Result};
use crate::base::text;
use crate::grants;
use garth_core::Micros;

/// What to change; what is not given stays.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// What people call it.
    pub name: Option<String>,
    /// Another end; `Some(None)` is never.
    pub expires_at: Option<Option<Micros>>,
    /// An earlier end of the secret before the last rotation; `Some(None)` is at once.
    pub old_until: Option<Option<Micros>>,
}

/// Changes a key. Its end can be brought forward by whoever manages the keys of its space, and put off by those who
/// could make such a key; the end of an old secret can only be brought forward.
///
/// # Errors
/// 404; 403 for all but administrators of the space, and for a later end when the key holds permissions the caller
/// lacks; 409 `conflict` for another end of a key that has expired; 422.
pub async fn update(ctx: &Ctx, space: String, id: String, changes: Changes) -> Result<Shown> {
    write(ctx, "key.update", async move |w: &mut Write<'_>| {
        let (permit, ix) = manage(w, &space)?;
        let (before, principal) = known(w, ix, &id).await?;
        let now = w.now;
        let mut after = before.clone();
        if let Some(name) = &changes.name {
            after.name = text::name("/name", name)?;
        }
        if let Some(end) = changes.expires_at.filter(|end| *end != before.expires_at) {
            still_good(&before, now)?;
            if end.is_some_and(|end| end <= now) {
                return Err(Error::field("/expires_at", "must lie in the future; to end the key now, revoke it"));
            }
            if later(end, before.expires_at) {
                // Whoever makes it last longer gives what it holds.
                grants::may_give_all(w, principal).await?;
                if outlives_maker(w, end) {
                    return Err(outlived());
                }
            }
            after.expires_at = end;
        }
        if let Some(end) = changes.old_until {
            after.old_until = old_until(&before, end, now)?;
            after.old_prefix = before.old_prefix.clone().filter(|_| after.old_until.is_some());
        }
        let (was, is) = (state(w.dir(), &before), state(w.dir(), &after));
        if was == is {
            return Ok(shown(w.dir(), before, ix, now));
        }
        store::update(w.tx(), &permit, &after).await?;
        if after.expires_at != before.expires_at {
            grants::end_with_key(w, &permit, ix, principal, after.expires_at).await?;
        }
        changed(w, ix, &after.id, was, is).await?;
        Ok(shown(w.dir(), after, ix, now))
    })
    .await
}

/// Does it end later than before?
fn later(end: Option<Micros>, before: Option<Micros>) -> bool {
    before.is_some_and(|before| end.is_none_or(|end| end > before))
}

/// When the old secret is to die: at once, or at an earlier time than it would.
fn old_until(key: &Stored, end: Option<Micros>, now: Micros) -> Result<Option<Micros>> {
    let lives = key.old_until.filter(|until| now < *until);
    match (end, lives) {
        (None, _) => Ok(None),
        (Some(end), Some(until)) if end <= until && now < end => Ok(Some(end)),
        _ => Err(Error::field("/old_secret_until", "must be null, or earlier than it is and in the future")),
    }
}
