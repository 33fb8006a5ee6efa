//! Signing in and out, the first administrator, one's own account.
//!
//! A session is an opaque token of 256 random bits; its hash is what is stored, and it is
//! looked up on every request. Nobody sets another's password.

pub mod api;
mod me;
mod store;

pub use me::{Me, MePatch, MySpace, Session, end, list, me, set_password, update_me};

use crate::access::{Ctx, Permit, Record, Who, Write, write};
use crate::base::error::{Error, Result};
use crate::base::passwords::Passwords;
use crate::base::{ids, text};
use crate::directory::{Change, UserInfo};
use crate::spaces::{self, NewSpace};
use crate::users::{self, NewUser};
use garth_core::{Caller, Micros, UserIx};
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

/// How long a session lasts.
pub const SESSION_SECONDS: i64 = 14 * 24 * 60 * 60;
/// Most sessions of one user; the oldest make room.
pub const SESSIONS: usize = 100;
/// Recovery codes that a person gets.
pub const RECOVERY_CODES: usize = 5;
/// Longest name of a device that is kept.
const DEVICE_BYTES: usize = 200;

/// Somebody who has just signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The token; shown this once.
    pub token: String,
    /// Who.
    pub user: Arc<UserInfo>,
    /// Do they manage the installation?
    pub system_admin: bool,
    /// When the session ends.
    pub expires_at: Micros,
    /// Recovery codes, where new ones were made; shown this once.
    pub recovery_codes: Vec<String>,
}

/// The first account.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The token that the server printed at its first start.
    pub token: String,
    /// Who it is for.
    pub user: NewUser,
    /// Their password.
    pub password: String,
    /// A name for the default space, if it is to have one from the start.
    pub space: Option<String>,
}

/// Makes the first system administrator, while there is no user at all.
///
/// # Errors
/// 404 when the setup is done, 403 for a wrong token, 422.
pub async fn set_up(ctx: &Ctx, setup: Setup) -> Result<SignedIn> {
    let expected = ctx.app.setup_token().ok_or(Error::NotFound)?;
    // Compared by hash, so that the time tells nothing of the token.
    if ids::token_hash(&expected) != ids::token_hash(&setup.token) {
        return Err(Error::Forbidden("the setup token is wrong; the server printed it when it started".to_owned()));
    }
    Passwords::check("/password", &setup.password)?;
    let hash = ctx.app.passwords.hash(setup.password).await?;
    let (user, space) = (setup.user, setup.space);
    let signed_in = write(ctx, "setup", async move |w: &mut Write<'_>| {
        if w.dir().users.iter::<UserIx>().next().is_some() {
            return Err(Error::NotFound);
        }
        let permit = w.by_secret();
        let id = users::make(w, &permit, &user, true).await?;
        store::set_password(w.tx(), &permit, id, &hash).await?;
        let signed_in = begin(w, &permit, id, "setup").await?;
        if let Some(name) = space {
            let name = text::name("/space", &name)?;
            let ix = w.dir().users.by_id::<UserIx>(&id).ok_or(Error::NotFound)?;
            w.caller = Caller::user(&w.dir().world, ix).ok_or(Error::NotFound)?;
            spaces::name_default(w, NewSpace { name, ..NewSpace::default() }).await?;
        }
        Ok(signed_in)
    })
    .await?;
    if !ctx.dry_run {
        ctx.app.end_setup();
    }
    Ok(signed_in)
}

/// Begins an account with the one-time token that a system administrator passed on.
///
/// # Errors
/// 404 for a token that is unknown, used or expired; 422 for a password that will not do.
pub async fn sign_up(ctx: &Ctx, token: String, password: String, name: Option<String>) -> Result<SignedIn> {
    let token_hash = ids::token_hash(&token);
    // Looked at first, so that only those who hold a token can make the server hash a password.
    if !store::signup(&ctx.app.db, &token_hash, ctx.now()).await? {
        return Err(Error::NotFound);
    }
    Passwords::check("/password", &password)?;
    let name = name.map(|n| text::name("/name", &n)).transpose()?;
    let hash = ctx.app.passwords.hash(password).await?;
    let anonymous = ctx.with_credential(Who::Anonymous);
    write(&anonymous, "signup", async move |w: &mut Write<'_>| {
        let permit = w.by_secret();
        let now = w.now;
        let id = store::take_signup(w.tx(), &permit, &token_hash, now).await?.ok_or(Error::NotFound)?;
        store::set_password(w.tx(), &permit, id, &hash).await?;
        // The token may have replaced an earlier password: whoever came in by that one is out.
        users::end_sessions(w, &permit, id).await?;
        if let Some(name) = name {
            let space = w.dir().users.by_id::<UserIx>(&id).and_then(|ix| w.dir().users.info(ix)?.default_space);
            store::update_me(w.tx(), &permit, id, &name, space).await?;
            w.changed(Change::User(id)).await?;
        }
        let codes = new_recovery_codes(w, &permit, id).await?;
        let signed_in = begin(w, &permit, id, "signup").await?;
        Ok(SignedIn { recovery_codes: codes, ..signed_in })
    })
    .await
}

/// Signs in. An unknown name, a wrong password and a disabled account answer alike and cost alike.
///
/// # Errors
/// 401 `wrong_credentials`.
pub async fn sign_in(ctx: &Ctx, username: &str, password: String, device: &str) -> Result<SignedIn> {
    let handle = username.trim().to_lowercase();
    // A name with a NUL is nobody's, and PostgreSQL would not look for it.
    let found = if handle.contains('\0') { None } else { store::password(&ctx.app.db, &handle).await? };
    let (user, hash) = found.map_or((None, None), |(id, hash)| (Uuid::try_parse(&id).ok(), hash));
    let fits = ctx.app.passwords.verify(password, hash.clone()).await?;
    let user = user.filter(|_| fits).ok_or(Error::WrongCredentials)?;
    let device: String = device.chars().filter(|c| !c.is_control()).take(DEVICE_BYTES / 4).collect();
    let anonymous = ctx.with_credential(Who::Anonymous);
    write(&anonymous, "login", async move |w: &mut Write<'_>| {
        // The password may have been changed while this one was verified.
        if store::password_in(w.tx(), user).await? != hash {
            return Err(Error::WrongCredentials);
        }
        let permit = w.by_secret();
        begin(w, &permit, user, &device).await
    })
    .await
}

/// Begins a session of an enabled user.
async fn begin(w: &mut Write<'_>, permit: &Permit, user: Uuid, device: &str) -> Result<SignedIn> {
    let ix: UserIx = w.dir().users.by_id(&user).ok_or(Error::WrongCredentials)?;
    let facts = w.dir().world.user(ix).filter(|u| u.enabled).ok_or(Error::WrongCredentials)?;
    let system_admin = facts.system_admin;
    let info = Arc::clone(w.dir().users.info(ix).ok_or(Error::WrongCredentials)?);
    let (now, token, id) = (w.now, ids::new_token("gs_"), ids::new_id(w.now));
    let there = store::of_user(w.tx(), user, now).await?;
    for oldest in there.iter().take((there.len() + 1).saturating_sub(SESSIONS)) {
        store::delete(w.tx(), permit, *oldest).await?;
        w.changed(Change::Session(*oldest)).await?;
    }
    let expires_at = now + SESSION_SECONDS * 1_000_000;
    let hash = ids::token_hash(&token);
    let session = store::NewSession { id, hash: &hash, user, expires_at, device };
    store::insert(w.tx(), permit, &session, now).await?;
    w.changed(Change::Session(id)).await?;
    let target_id = user.to_string();
    let after = json!({ "session": id, "device": device });
    w.record(Record { space: None, target_type: "user", target_id, before: Value::Null, after }).await?;
    Ok(SignedIn { token, user: info, system_admin, expires_at, recovery_codes: Vec::new() })
}

/// Five new recovery codes; the old ones are worth nothing from now on.
async fn new_recovery_codes(w: &mut Write<'_>, permit: &Permit, user: Uuid) -> Result<Vec<String>> {
    let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| recovery_code()).collect();
    let hashes: Vec<String> = codes.iter().map(|code| ids::token_hash(code)).collect();
    store::set_recovery_codes(w.tx(), permit, user, &hashes).await?;
    Ok(codes)
}

/// A code of 100 random bits in groups that people can copy.
fn recovery_code() -> String {
    let token = ids::new_token("");
    let digits: Vec<char> = token.chars().take(20).collect();
    digits.chunks(5).map(String::from_iter).collect::<Vec<_>>().join("-")
}

/// Ends the session the request came with.
///
/// # Errors
/// 401 without one.
pub async fn sign_out(ctx: &Ctx) -> Result<()> {
    let id = ctx.session(&ctx.directory())?.id;
    end(ctx, Some(id.to_string())).await
}
