//! Passkeys: keys in somebody's devices that sign them in, alone or after the password (WebAuthn).
//!
//! Everybody manages their own and nobody another's. What signs in is the device, which verifies its owner; the server keeps a
//! public key. No answer tells whether somebody has a passkey, but to who has their password.

pub mod api;
mod ceremonies;
#[cfg_attr(not(feature = "passkeys"), path = "none.rs")]
mod relying;
mod sign_in;
mod store;

pub use ceremonies::{CEREMONIES, CEREMONIES_EACH, CEREMONY_SECONDS};
pub use sign_in::{begin_sign_in, finish_sign_in};

use crate::access::{Ctx, Record, Write, write};
use crate::base::error::{Error, Result};
use crate::base::{ids, text};
use crate::sessions;
use ceremonies::Ceremonies;
use garth_core::{Micros, UserIx};
use relying::{Registering, Relying, relying};
use serde_json::{Value, json};
use store::Stored;
use uuid::Uuid;

/// Passkeys of one user.
pub const PASSKEYS: usize = 20;

/// A passkey, as its owner sees it.
#[derive(Clone, Debug)]
pub struct Passkey {
    /// Its id.
    pub id: Uuid,
    /// What its owner calls it.
    pub name: String,
    /// When it was made.
    pub created_at: Micros,
    /// When somebody signed in with it last.
    pub last_used_at: Option<Micros>,
}

impl Passkey {
    fn of(stored: &Stored) -> Self {
        let Stored { id, name, created_at, last_used_at, .. } = stored;
        Self { id: *id, name: name.clone(), created_at: *created_at, last_used_at: *last_used_at }
    }
}

/// Somebody's passkeys, and what they need them for.
#[derive(Clone, Debug)]
pub struct Own {
    /// Those they have, oldest first.
    pub passkeys: Vec<Passkey>,
    /// Is one asked for after the password?
    pub required: bool,
    /// Recovery codes that are left: the way back in when every passkey is lost.
    pub recovery_codes_left: i64,
}

/// A ceremony that has begun.
#[derive(Clone, Debug)]
pub struct Began {
    /// Its name, a secret of who began it.
    pub ceremony: String,
    /// Until when it can be ended.
    pub expires_at: Micros,
    /// What the authenticator is asked, as WebAuthn writes it in JSON.
    pub options: Value,
}

/// A passkey that somebody is making: for this session, and its user.
#[derive(Clone)]
struct Making {
    session: Uuid,
    user: Uuid,
    state: Registering,
}

/// Can there be passkeys at all? Not where the public address of this server is a number, or has no HTTPS.
pub fn available(ctx: &Ctx) -> bool {
    Relying::of(&ctx.app.public_url).is_some()
}

fn unavailable() -> Error {
    let why = "this server can do no passkeys: its public address must be a name with HTTPS, or localhost";
    Error::conflict("conflict", why)
}

/// The caller's passkeys.
///
/// # Errors
/// 401 for anybody who is not a user, 403 for an API key.
pub async fn list(ctx: &Ctx) -> Result<Own> {
    let user = myself(ctx)?;
    let passkeys = store::of_user(&ctx.app.db, user).await?.iter().map(Passkey::of).collect();
    let (required, recovery_codes_left) = store::second_factor(&ctx.app.db, user).await?;
    Ok(Own { passkeys, required, recovery_codes_left })
}

fn myself(ctx: &Ctx) -> Result<Uuid> {
    let dir = ctx.directory();
    Ok(dir.users.info(ctx.user(&dir)?).ok_or(Error::Unauthenticated)?.id)
}

/// Begins to make a passkey, for whoever shows that they are who signed in: see [`sessions::shown`].
///
/// # Errors
/// 401, 403; 409 where there are too many, or this server can do none; 429.
pub async fn begin(ctx: &Ctx, current: Option<String>) -> Result<Began> {
    ctx.user(&ctx.directory())?;
    let relying = relying(&ctx.app.public_url)?;
    let (session, user) = sessions::shown(ctx, current).await?;
    let own = store::of_user(&ctx.app.db, user).await?;
    room(own.len())?;
    let dir = ctx.directory();
    let info = dir.users.by_id::<UserIx>(&user).and_then(|ix| dir.users.info(ix)).ok_or(Error::Unauthenticated)?;
    let known: Vec<String> = own.into_iter().map(|passkey| passkey.credential_id).collect();
    let (options, state) = relying.register(user, &info.username, &info.name, &known)?;
    let (ceremony, expires_at) = Ceremonies::begin(ctx, Making { session, user, state });
    Ok(Began { ceremony, expires_at, options })
}

fn room(own: usize) -> Result<()> {
    if own < PASSKEYS {
        return Ok(());
    }
    Err(Error::conflict("conflict", format!("an account has at most {PASSKEYS} passkeys; remove one first")))
}

/// Keeps the passkey that was made.
///
/// # Errors
/// 401, 403; 409 `sign_in_over` for a ceremony that is not the caller's, or over; 409 for a passkey that is there; 422.
pub async fn finish(ctx: &Ctx, ceremony: &str, name: &str, answer: Value) -> Result<Passkey> {
    let current = ctx.session(&ctx.directory())?.id;
    let relying = relying(&ctx.app.public_url)?;
    let name = text::name("/name", name)?;
    let making: Making = Ceremonies::end(ctx, ceremony, |making: &Making| making.session == current)?;
    let made = relying.made(answer, &making.state)?;
    write(ctx, "passkey.create", async move |w: &mut Write<'_>| {
        let (permit, user) = own(w)?;
        if user != making.user {
            return Err(Error::Unauthenticated);
        }
        room(store::of_user_in(w.tx(), user).await?.len())?;
        if store::taken(w.tx(), &made.credential_id).await? {
            return Err(Error::conflict("conflict", "this passkey is there already"));
        }
        let (credential_id, credential, created_at) = (made.credential_id, made.credential, w.now);
        let id = ids::new_id(created_at);
        let passkey = Stored { id, user, credential_id, name, credential, created_at, last_used_at: None };
        store::insert(w.tx(), &permit, &passkey).await?;
        record(w, user, Value::Null, state(&passkey)).await?;
        Ok(Passkey::of(&passkey))
    })
    .await
}

/// Calls one of the caller's passkeys otherwise.
///
/// # Errors
/// 401, 403; 404 for one that is not theirs; 422.
pub async fn rename(ctx: &Ctx, id: &str, name: &str) -> Result<Passkey> {
    ctx.user(&ctx.directory())?;
    let (id, name) = (ids::read_id(id).ok_or(Error::NotFound)?, text::name("/name", name)?);
    write(ctx, "passkey.update", async move |w: &mut Write<'_>| {
        let (permit, user) = own(w)?;
        let (before, _) = one(w, user, id).await?;
        let after = Stored { name, ..before.clone() };
        if after.name != before.name {
            store::rename(w.tx(), &permit, id, &after.name).await?;
            record(w, user, state(&before), state(&after)).await?;
        }
        Ok(Passkey::of(&after))
    })
    .await
}

/// Removes one of the caller's passkeys. The sessions that began with it end, but for the one that asks.
///
/// # Errors
/// 401, 403; 404 for one that is not theirs; 409 for the last one, where the account asks for one after the password or
/// nobody could sign in any more.
pub async fn remove(ctx: &Ctx, id: &str) -> Result<()> {
    let current = ctx.session(&ctx.directory())?.id;
    let id = ids::read_id(id).ok_or(Error::NotFound)?;
    write(ctx, "passkey.delete", async move |w: &mut Write<'_>| {
        let (permit, user) = own(w)?;
        let (passkey, last) = one(w, user, id).await?;
        if last && store::required(w.tx(), user).await? {
            let why = "your account asks for a passkey after the password, and this is the last one: make another one, or \
                       stop asking for it first";
            return Err(Error::conflict("conflict", why));
        }
        if last && !store::has_another_way(w.tx(), user).await? {
            return Err(Error::conflict("conflict", "it is your only way to sign in: make another one first"));
        }
        store::delete(w.tx(), &permit, id).await?;
        let ended = sessions::end_of_passkey(w, &permit, user, id, current).await?;
        record(w, user, state(&passkey), json!({ "sessions_ended": ended })).await
    })
    .await
}

/// Asks for a passkey after the caller's password from now on, or no more, for whoever shows that they are who signed
/// in: see [`sessions::shown`].
///
/// # Errors
/// 401, 403; 409 without a passkey; 429.
pub async fn require(ctx: &Ctx, required: bool, current: Option<String>) -> Result<()> {
    ctx.user(&ctx.directory())?;
    sessions::shown(ctx, current).await?;
    write(ctx, "me.second_factor", async move |w: &mut Write<'_>| {
        let (permit, user) = own(w)?;
        if required && store::of_user_in(w.tx(), user).await?.is_empty() {
            return Err(Error::conflict("conflict", "make a passkey first"));
        }
        let before = store::required(w.tx(), user).await?;
        if before != required {
            store::set_required(w.tx(), &permit, user, required).await?;
            let told = |required: bool| json!({ "passkey_required": required });
            record(w, user, told(before), told(required)).await?;
        }
        Ok(())
    })
    .await
}

fn own(w: &Write<'_>) -> Result<(crate::access::Permit, Uuid)> {
    let (permit, ix) = w.own()?;
    Ok((permit, w.dir().users.info(ix).ok_or(Error::Unauthenticated)?.id))
}

/// One of somebody's own, and whether it is their last.
async fn one(w: &mut Write<'_>, user: Uuid, id: Uuid) -> Result<(Stored, bool)> {
    let all = store::of_user_in(w.tx(), user).await?;
    let last = all.len() == 1;
    Ok((all.into_iter().find(|passkey| passkey.id == id).ok_or(Error::NotFound)?, last))
}

async fn record(w: &mut Write<'_>, user: Uuid, before: Value, after: Value) -> Result<()> {
    w.record(Record { space: None, target_type: "user", target_id: user.to_string(), before, after }).await
}

/// What the audit keeps of one.
fn state(passkey: &Stored) -> Value {
    json!({ "passkey": passkey.id, "name": passkey.name })
}
