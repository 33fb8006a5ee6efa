//! Users: accounts of people.
//!
//! System administrators manage them and never learn or set a password; others see the
//! people they share a space with. A deleted account leaves a row without a name, so that
//! what its person made keeps an author, and a later account of that name inherits nothing.

pub mod api;
mod ends;
mod list;
mod store;

pub use ends::{delete, end_all_sessions, end_sessions, end_with_last_membership};
pub use list::{Filter, list};

use crate::access::{App, Ctx, Permit, Record, Viewer, Write, write};
use crate::base::error::{Error, Result};
use crate::base::{ids, text};
use crate::directory::{Change, Directory, UserInfo};
use garth_core::{Caller, Micros, Principal, UserIx};
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

/// How long a sign-up link is good for.
pub const SIGNUP_SECONDS: i64 = 7 * 24 * 60 * 60;
/// What sign-up tokens begin with.
const SIGNUP_PREFIX: &str = "signup_";
/// How long a link to a new password is good for.
pub const RESET_SECONDS: i64 = 24 * 60 * 60;
/// What tokens for a new password begin with.
const RESET_PREFIX: &str = "reset_";

/// A person to make an account for.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The unique name they will sign in with.
    pub username: String,
    /// What people call them; the username if not given.
    pub name: Option<String>,
    /// Where to write to them.
    pub email: Option<String>,
}

/// What to change of an account; what is not given stays.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// What people call them.
    pub name: Option<String>,
    /// Where to write to them; `Some(None)` forgets it.
    pub email: Option<Option<String>>,
    /// Do they manage the installation?
    pub system_admin: Option<bool>,
    /// Are they kept out?
    pub disabled: Option<bool>,
}

/// An account as somebody may see it.
#[derive(Clone, Debug)]
pub struct Account {
    /// What is known of the user.
    pub info: Arc<UserInfo>,
    /// Do they manage the installation?
    pub system_admin: bool,
    /// Their address, for system administrators and for themselves.
    pub email: Option<String>,
}

/// Makes an account. Its person signs up with the token, which is good for a week and shown this once.
///
/// # Errors
/// 403 for all but system administrators, 409 when the username is taken, 422.
pub async fn create(ctx: &Ctx, new: NewUser) -> Result<(Arc<UserInfo>, String)> {
    let answer = write(ctx, "user.create", async move |w: &mut Write<'_>| {
        let permit = w.system_admin()?;
        invite(w, &permit, &new, false).await
    });
    answer.await
}

/// Makes a system administrator, on the server only: to have one at all, or one more when nobody can help.
///
/// # Errors
/// 403 for all but the command line, 409 when the username is taken, 422.
pub async fn create_admin(ctx: &Ctx, new: NewUser) -> Result<(Arc<UserInfo>, String)> {
    let answer = write(ctx, "user.create", async move |w: &mut Write<'_>| {
        let permit = w.system()?;
        invite(w, &permit, &new, true).await
    });
    answer.await
}

/// An account and the token that its person signs up with.
async fn invite(
    w: &mut Write<'_>,
    permit: &Permit,
    new: &NewUser,
    system_admin: bool,
) -> Result<(Arc<UserInfo>, String)> {
    let id = make(w, permit, new, system_admin).await?;
    let token = ids::new_token(SIGNUP_PREFIX);
    let expires_at: Micros = w.now + SIGNUP_SECONDS * 1_000_000;
    store::insert_signup(w.tx(), permit, &ids::token_hash(&token), id, expires_at).await?;
    let (_, info) = known(w.dir(), &id.to_string())?;
    Ok((info, token))
}

/// A token by which the owner of an account sets a new password, on the server only; good for a day and shown this once.
/// Earlier tokens of theirs are worth nothing from now on. It is used like a sign-up token.
///
/// # Errors
/// 403 for all but the command line, 404.
pub async fn reset_link(ctx: &Ctx, id: String) -> Result<(Arc<UserInfo>, String)> {
    write(ctx, "user.reset_link", async move |w: &mut Write<'_>| {
        let permit = w.system()?;
        let (_, info) = known(w.dir(), &id)?;
        let token = ids::new_token(RESET_PREFIX);
        let expires_at: Micros = w.now + RESET_SECONDS * 1_000_000;
        store::forget_signups(w.tx(), &permit, info.id).await?;
        store::insert_signup(w.tx(), &permit, &ids::token_hash(&token), info.id, expires_at).await?;
        let (target_id, before) = (info.id.to_string(), Value::Null);
        let after = json!({ "expires_at": crate::base::clock::to_text(expires_at) });
        w.record(Record { space: None, target_type: "user", target_id, before, after }).await?;
        Ok((info, token))
    })
    .await
}

/// Makes an account without a password; the caller of this has decided that it may be.
///
/// # Errors
/// 409 when the username is taken, 422.
pub async fn make(w: &mut Write<'_>, permit: &Permit, new: &NewUser, system_admin: bool) -> Result<Uuid> {
    let id = ids::new_id(w.now);
    make_as(w, permit, id, new, system_admin).await
}

/// The same under an id that was chosen before.
///
/// # Errors
/// As [`make`].
pub async fn make_as(w: &mut Write<'_>, permit: &Permit, id: Uuid, new: &NewUser, system_admin: bool) -> Result<Uuid> {
    let (username, handle) = username("/username", &new.username)?;
    let name = new.name.as_deref().map_or(Ok(username.clone()), |name| text::name("/name", name))?;
    let email = new.email.as_deref().map(|email| text::email("/email", email)).transpose()?;
    if w.dir().users.by_name::<UserIx>(&handle).is_some() {
        return Err(Error::conflict("conflict", "a user of that name exists already"));
    }
    let now = w.now;
    let (username, handle, name) = (&username, &handle, &name);
    let row = store::NewRow { id, username, handle, name, email: email.as_deref(), system_admin };
    store::insert(w.tx(), permit, &row, now).await?;
    w.changed(Change::User(id)).await?;
    let (_, info) = known(w.dir(), &id.to_string())?;
    let after = state(&info, system_admin);
    w.record(Record { space: None, target_type: "user", target_id: id.to_string(), before: Value::Null, after })
        .await?;
    Ok(id)
}

/// Somebody has proved that they read an address: it is theirs from now on, and no other account's any more. Where the
/// account has no address yet, it gets this one.
///
/// # Errors
/// When the store fails.
pub async fn verify_email(w: &mut Write<'_>, permit: &Permit, id: Uuid, address: &str) -> Result<()> {
    let handle = text::folded(address);
    for other in store::verified(w.tx(), &handle).await? {
        if other != id {
            store::set_verified(w.tx(), permit, other, None).await?;
            w.changed(Change::User(other)).await?;
            recorded_address(w, other, false).await?;
        }
    }
    let (_, before) = known(w.dir(), &id.to_string())?;
    if before.verified_email.as_ref() == Some(&handle) {
        return Ok(());
    }
    store::set_verified(w.tx(), permit, id, Some((handle.as_str(), address))).await?;
    w.changed(Change::User(id)).await?;
    recorded_address(w, id, true).await
}

async fn recorded_address(w: &mut Write<'_>, id: Uuid, verified: bool) -> Result<()> {
    let (before, after) = (json!({ "email_verified": !verified }), json!({ "email_verified": verified }));
    w.record(Record { space: None, target_type: "user", target_id: id.to_string(), before, after }).await
}

/// Whoever has proved that they read an address, while their account is enabled.
///
/// # Errors
/// When the store fails.
pub async fn reader_of(app: &App, address: &str) -> Result<Option<Uuid>> {
    let found = store::reading(&app.db, &text::folded(address)).await?;
    let dir = app.directory();
    let enabled = |id: &Uuid| {
        let ix = dir.users.by_id::<UserIx>(id);
        ix.and_then(|ix| dir.world.user(ix)).is_some_and(|user| user.enabled)
    };
    match found.as_slice() {
        [id] if enabled(id) => Ok(Some(*id)),
        _ => Ok(None),
    }
}

/// Does somebody still read that address?
pub fn reads(dir: &Directory, id: Uuid, address: &str) -> bool {
    let info = dir.users.by_id::<UserIx>(&id).and_then(|ix| dir.users.info(ix));
    info.is_some_and(|info| info.verified_email.as_deref() == Some(&text::folded(address)))
}

/// A username as it is stored, and as it is compared.
///
/// # Errors
/// 422 at the pointer.
pub fn username(pointer: &str, given: &str) -> Result<(String, String)> {
    let username = text::handle(pointer, given)?;
    // The handle of a deleted user is their id.
    if Uuid::try_parse(&username).is_ok() {
        return Err(Error::field(pointer, "must not look like an id"));
    }
    let handle = text::folded(&username);
    Ok((username, handle))
}

/// One account the caller can see, by id or `@username`.
///
/// # Errors
/// 404 when it is hidden or missing.
pub fn get(ctx: &Ctx, id: &str) -> Result<Account> {
    let dir = ctx.directory();
    let caller = ctx.somebody(&dir)?;
    let viewer = Viewer::new(&dir, &caller, ctx.now());
    match known(&dir, id) {
        Ok((ix, info)) if viewer.user(ix) => Ok(seen(&dir, &caller, ix, &info)),
        Ok(_) => Err(Error::NotFound),
        Err(missing) => {
            viewer.nobody();
            Err(missing)
        }
    }
}

/// Changes an account. A disabled one loses its sessions at once, and so does one that login policies are asked about from
/// now on.
///
/// # Errors
/// 403, 404, 409 `last_admin`, 422.
pub async fn update(ctx: &Ctx, id: String, changes: Changes) -> Result<Account> {
    write(ctx, "user.update", async move |w: &mut Write<'_>| {
        let permit = w.system_admin()?;
        let (ix, before) = known(w.dir(), &id)?;
        let was_admin = w.dir().world.user(ix).is_some_and(|u| u.system_admin);
        let name = changes.name.as_deref().map_or(Ok(before.name.clone()), |name| text::name("/name", name))?;
        let email = match &changes.email {
            Some(given) => given.as_deref().map(|email| text::email("/email", email)).transpose()?,
            None => before.email.clone(),
        };
        let system_admin = changes.system_admin.unwrap_or(was_admin);
        if system_admin && !was_admin {
            w.stored_system_admin()?;
        }
        let disabled = changes.disabled.unwrap_or(before.disabled);
        store::update(w.tx(), &permit, before.id, &name, email.as_deref(), system_admin, disabled).await?;
        if email != before.email && before.verified_email.is_some() {
            // Whoever says that the address is another one proves nothing, and takes back what was proved.
            store::set_verified(w.tx(), &permit, before.id, None).await?;
        }
        // Login policies were never asked about an administrator; of whoever is none any more they are.
        let judged = was_admin && !system_admin && w.dir().login_policies.iter().any(|policy| policy.enabled);
        if disabled || judged {
            end_sessions(w, &permit, before.id).await?;
        }
        let touched = if disabled == before.disabled { Vec::new() } else { ends::held(w.dir(), ix) };
        w.changed(Change::User(before.id)).await?;
        // What they hold stops counting, or counts again: the administrators of the spaces see that.
        for (space, held) in touched {
            let told = |disabled: bool| {
                let mut told = held.clone();
                told["disabled"] = json!(disabled);
                told
            };
            let (was, is, target_id) = (told(before.disabled), told(disabled), before.id.to_string());
            w.record(Record { space: Some(space), target_type: "user", target_id, before: was, after: is }).await?;
        }
        let (ix, after) = known(w.dir(), &before.id.to_string())?;
        let (was, is) = (state(&before, was_admin), state(&after, system_admin));
        if was != is {
            let target_id = after.id.to_string();
            w.record(Record { space: None, target_type: "user", target_id, before: was, after: is }).await?;
        }
        Ok(seen(w.dir(), &w.caller, ix, &after))
    })
    .await
}

/// The user of an id or `@username`, whoever asks; a deleted one is missing.
fn known(dir: &Directory, id: &str) -> Result<(UserIx, Arc<UserInfo>)> {
    let ix = dir.user_ref(id).ok_or(Error::NotFound)?;
    let info = dir.users.info(ix).filter(|info| !info.deleted).ok_or(Error::NotFound)?;
    Ok((ix, Arc::clone(info)))
}

fn manages(caller: &Caller) -> bool {
    caller.system || caller.system_admin
}

fn seen(dir: &Directory, caller: &Caller, ix: UserIx, info: &Arc<UserInfo>) -> Account {
    let private = manages(caller) || caller.who == Some(Principal::User(ix));
    Account {
        info: Arc::clone(info),
        system_admin: dir.world.user(ix).is_some_and(|u| u.system_admin),
        email: info.email.clone().filter(|_| private),
    }
}

/// What the audit keeps of an account.
fn state(info: &UserInfo, system_admin: bool) -> Value {
    json!({
        "username": info.username,
        "name": info.name,
        "email": info.email,
        "system_admin": system_admin,
        "disabled": info.disabled,
    })
}
