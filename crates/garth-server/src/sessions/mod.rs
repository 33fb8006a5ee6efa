//! Signing in and out, the first administrator, one's own account.
//!
//! A session is an opaque token of 256 random bits; its hash is what is stored, and it is
//! looked up on every request. Nobody sets another's password.

mod admission;
pub mod api;
pub mod device;
mod joining;
mod links;
mod me;
mod outside;
mod proof;
mod recovery;
mod store;

pub use admission::{Admission, Teams, admit, admit_as};
pub use links::{Kept, KeptPasskey, Link};
pub use me::{Me, MePatch, MySpace, Session, end, list, me, set_password, update_me};
pub use outside::{HINT_BYTES, Outside, Which, began_at, end_of_provider, ended_meanwhile, enter, meant, seal_hint};
pub use proof::{Proved, RECENT_SECONDS, prove, shown};
pub use recovery::{RECOVERY_CODES, recover, renew};

use self::device::device_name;
use crate::access::{Ctx, Permit, Record, Who, Write, write};
use crate::base::error::{Error, Result};
use crate::base::{ids, text};
use crate::directory::{Change, UserInfo};
use crate::invitations;
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
    /// The ways in that outlive it, where a password was set anew.
    pub kept: Kept,
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
/// 404 when the setup is done, 403 for a wrong token, 422, 429 after too many wrong tokens.
pub async fn set_up(ctx: &Ctx, setup: Setup) -> Result<SignedIn> {
    let expected = ctx.app.setup_token().ok_or(Error::NotFound)?;
    let _turn = ctx.hashing()?;
    let guess = ctx.guess(None)?;
    // Compared by hash, so that the time tells nothing of the token.
    if ids::token_hash(&expected) != ids::token_hash(&setup.token) {
        return Err(Error::Forbidden("the setup token is wrong; the server printed it when it started".to_owned()));
    }
    guess.right();
    let (user, space) = (setup.user, setup.space);
    let hints = [Some(user.username.as_str()), user.name.as_deref(), user.email.as_deref()];
    let hints: Vec<&str> = hints.into_iter().flatten().collect();
    ctx.app.passwords.require_strong("/password", &setup.password, &hints).await?;
    let hash = ctx.app.passwords.hash(setup.password).await?;
    let signed_in = write(ctx, "setup", async move |w: &mut Write<'_>| {
        if w.dir().users.iter::<UserIx>().next().is_some() {
            return Err(Error::NotFound);
        }
        let permit = w.by_secret();
        let id = users::make(w, &permit, &user, true).await?;
        store::set_password(w.tx(), &permit, id, &hash).await?;
        let recovery_codes = recovery::make_codes(w, &permit, id).await?;
        let signed_in = begin(w, &permit, &Admission::first(id), "setup", Error::NotFound).await?;
        if let Some(name) = space {
            let name = text::name("/space", &name)?;
            let ix = w.dir().users.by_id::<UserIx>(&id).ok_or(Error::NotFound)?;
            w.caller = Caller::user(&w.dir().world, ix).ok_or(Error::NotFound)?;
            spaces::name_default(w, NewSpace { name, ..NewSpace::default() }).await?;
        }
        Ok(SignedIn { recovery_codes, ..signed_in })
    })
    .await?;
    if !ctx.dry_run {
        ctx.app.end_setup();
    }
    Ok(signed_in)
}

/// Begins an account with the one-time token that a system administrator passed on, or with that of an invitation (see
/// [`joining::join`]).
///
/// # Errors
/// 404 for a token that is unknown, used or expired, or of a disabled account; 422 for a password that will not do;
/// 403 `login_refused`, which leaves the token as it is; 429 after too many tokens that were none.
pub async fn sign_up(ctx: &Ctx, token: String, password: String, name: Option<String>) -> Result<SignedIn> {
    if invitations::is_token(&token) {
        return joining::join(ctx, token, password, name).await;
    }
    let token_hash = ids::token_hash(&token);
    let _turn = ctx.hashing()?;
    let guess = ctx.guess(None)?;
    // Looked at first, so that only those who hold a token can make the server hash a password.
    let found = store::signup(&ctx.app.db, &token_hash, ctx.now()).await.map_err(Error::from);
    let (guess, user) = guess.verified(found)?;
    let user = user.ok_or(Error::NotFound)?;
    guess.right();
    let name = name.map(|n| text::name("/name", &n)).transpose()?;
    require_strong(ctx, user, "/password", &password, name.as_deref()).await?;
    let admission = admit(ctx, user, Teams::Unasked).await?;
    let hash = ctx.app.passwords.hash(password).await?;
    let anonymous = ctx.with_credential(Who::Anonymous);
    write(&anonymous, "signup", async move |w: &mut Write<'_>| {
        let permit = w.by_secret();
        let now = w.now;
        let id = store::take_signup(w.tx(), &permit, &token_hash, now).await?.ok_or(Error::NotFound)?;
        if id != admission.user() {
            return Err(Error::NotFound);
        }
        store::set_password(w.tx(), &permit, id, &hash).await?;
        // The token may have replaced an earlier password: whoever came in by that one is out.
        let ended = users::end_sessions(w, &permit, id).await?;
        if let Some(name) = name {
            let space = w.dir().users.by_id::<UserIx>(&id).and_then(|ix| w.dir().users.info(ix)?.default_space);
            store::update_me(w.tx(), &permit, id, &name, space).await?;
            w.changed(Change::User(id)).await?;
        }
        let recovery_codes = recovery::make_codes(w, &permit, id).await?;
        let signed_in = begin(w, &permit, &admission, "signup", Error::NotFound).await?;
        let kept = Kept::of(w, id).await?;
        if ended > 0 || !kept.is_empty() {
            let mut after = json!({ "sessions_ended": ended });
            kept.tell(&mut after);
            let target_id = id.to_string();
            w.record(Record { space: None, target_type: "user", target_id, before: Value::Null, after }).await?;
        }
        Ok(SignedIn { recovery_codes, kept, ..signed_in })
    })
    .await
}

/// Signs in. An unknown name, a wrong password and a disabled account answer alike and cost alike.
///
/// # Errors
/// 401 `wrong_credentials`; 401 `passkey_required` where the account asks for a passkey as well; 403 `login_refused` by the
/// login policies; 429 after too many wrong ones.
pub async fn sign_in(ctx: &Ctx, username: &str, password: String, device: &str) -> Result<SignedIn> {
    in_earnest(ctx)?;
    let (guess, proved) = prove(ctx, username, password).await?;
    if proved.passkey_required() {
        // Half of what it takes: it neither counts as wrong nor clears what was.
        guess.undone();
        return Err(Error::PasskeyRequired);
    }
    let device = device_name(device);
    // The password was right, whatever the login policies say of its owner: that is no wrong guess.
    let (guess, admission) = match admit(ctx, proved.user(), Teams::Unasked).await {
        Ok(admission) => (guess, admission),
        Err(error) => {
            guess.right();
            return Err(error);
        }
    };
    let anonymous = ctx.with_credential(Who::Anonymous);
    let signed_in = write(&anonymous, "login", async move |w: &mut Write<'_>| {
        // The password may have been changed while this one was verified.
        proved.is_enough(w).await?;
        let permit = w.by_secret();
        begin(w, &permit, &admission, &device, WRONG).await
    })
    .await;
    guess.judged(signed_in)
}

const WRONG: Error = Error::WrongCredentials("username or password");

/// Requires that a new password of that user is hard to guess, also for those who know them.
async fn require_strong(ctx: &Ctx, user: Uuid, pointer: &str, password: &str, name: Option<&str>) -> Result<()> {
    let dir = ctx.directory();
    let info = dir.users.by_id::<UserIx>(&user).and_then(|ix| dir.users.info(ix)).ok_or(Error::NotFound)?;
    let hints = [Some(info.username.as_str()), Some(info.name.as_str()), info.email.as_deref(), name];
    let hints: Vec<&str> = hints.into_iter().flatten().collect();
    ctx.app.passwords.require_strong(pointer, password, &hints).await
}

/// Signing in and recovering are not tried out: that would confirm a secret without a record of it. Nor is what shows a
/// secret once: that one would be good for nothing.
///
/// # Errors
/// 422 for what is to be tried only.
pub fn in_earnest(ctx: &Ctx) -> Result<()> {
    if ctx.dry_run { Err(Error::field("?dry_run", "what signs in or is shown once is not tried out")) } else { Ok(()) }
}

/// Begins a session of an enabled user who was admitted; any other is refused with `refusal`.
///
/// # Errors
/// That one; 409 where the login policies would be told something else by now.
pub async fn begin(
    w: &mut Write<'_>,
    permit: &Permit,
    admission: &Admission,
    device: &str,
    refusal: Error,
) -> Result<SignedIn> {
    let user = admission.user();
    let found = w.dir().users.by_id::<UserIx>(&user).and_then(|ix| {
        let facts = w.dir().world.user(ix).filter(|u| u.enabled)?;
        Some((facts.system_admin, Arc::clone(w.dir().users.info(ix)?)))
    });
    let (system_admin, info) = found.ok_or(refusal)?;
    admission.still_holds(w)?;
    let (now, token, id) = (w.now, ids::new_token("gs_"), ids::new_id(w.now));
    let there = store::of_user(w.tx(), user, now).await?;
    for oldest in there.iter().take((there.len() + 1).saturating_sub(SESSIONS)) {
        end_one(w, permit, *oldest).await?;
    }
    let expires_at = now + SESSION_SECONDS * 1_000_000;
    let hash = ids::token_hash(&token);
    let (brings, passkey) = (admission.brings(), admission.passkey());
    let session = store::NewSession { id, hash: &hash, user, expires_at, device, brings, passkey };
    store::insert(w.tx(), permit, &session, now).await?;
    w.changed(Change::Session(id)).await?;
    let target_id = user.to_string();
    let mut after = json!({ "session": id, "device": device });
    if admission.brings().system_admin {
        after["system_admin"] = json!(true);
    }
    if let Some(passkey) = passkey {
        after["passkey"] = json!(passkey);
    }
    w.record(Record { space: None, target_type: "user", target_id, before: Value::Null, after }).await?;
    admission.record(w, permit).await?;
    let system_admin = system_admin || admission.brings().system_admin;
    let (recovery_codes, kept) = (Vec::new(), Kept::default());
    Ok(SignedIn { token, user: info, system_admin, expires_at, recovery_codes, kept })
}

/// Ends the good sessions of a user, but for one that is kept, and answers how many.
async fn end_sessions(w: &mut Write<'_>, permit: &Permit, user: Uuid, keep: Option<Uuid>) -> Result<usize> {
    let now = w.now;
    let ending: Vec<Uuid> =
        store::of_user(w.tx(), user, now).await?.into_iter().filter(|id| Some(*id) != keep).collect();
    for session in &ending {
        end_one(w, permit, *session).await?;
    }
    Ok(ending.len())
}

/// Ends the sessions of a user that began with a passkey, but for one that is kept, and answers how many.
///
/// # Errors
/// When the store fails.
pub async fn end_of_passkey(
    w: &mut Write<'_>,
    permit: &Permit,
    user: Uuid,
    passkey: Uuid,
    keep: Uuid,
) -> Result<usize> {
    let ending: Vec<Uuid> =
        store::of_passkey(w.tx(), user, passkey).await?.into_iter().filter(|session| *session != keep).collect();
    for session in &ending {
        end_one(w, permit, *session).await?;
    }
    Ok(ending.len())
}

async fn end_one(w: &mut Write<'_>, permit: &Permit, session: Uuid) -> Result<()> {
    store::delete(w.tx(), permit, session).await?;
    w.changed(Change::Session(session)).await
}

/// Ends the session the request came with.
///
/// # Errors
/// 401 without one.
pub async fn sign_out(ctx: &Ctx) -> Result<()> {
    let id = ctx.session(&ctx.directory())?.id;
    end(ctx, Some(id.to_string())).await
}
