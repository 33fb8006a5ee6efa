//! Signing in with a passkey: alone, or after the password.
//!
//! Alone, nobody says who they are before the passkey does: the same is asked of everybody, and there is no name to try. After
//! the password, which is verified first, as a guess like any other, the authenticator is told which passkeys are meant.

use super::ceremonies::Ceremonies;
use super::relying::{Answer, Asking, Disbelieved, relying};
use super::{Began, store};
use crate::access::{Ctx, Who, Write, note_refusal, write};
use crate::base::error::{Error, Result};
use crate::sessions::device::device_name;
use crate::sessions::{self, Proved, SignedIn, Teams};
use serde_json::{Value, json};

/// The same for every passkey that is not believed, there or not.
const WRONG: Error = Error::WrongCredentials("this passkey, or what it signed,");

/// Somebody who was asked for a passkey.
#[derive(Clone)]
struct Asked {
    state: Asking,
    /// Whose password was right before.
    proved: Option<Proved>,
}

/// Asks for a passkey: any, or one of whoever has that username and password.
///
/// # Errors
/// 401 `wrong_credentials`; 409 where that account has no passkey, or this server can do none; 429.
pub async fn begin_sign_in(ctx: &Ctx, by: Option<(&str, String)>) -> Result<Began> {
    sessions::in_earnest(ctx)?;
    let relying = relying(&ctx.app.public_url)?;
    let (known, proved) = match by {
        None => (None, None),
        Some((username, password)) => {
            let (guess, proved) = sessions::prove(ctx, username, password).await?;
            let own = store::of_user(&ctx.app.db, proved.user()).await.map_err(Error::from);
            let (guess, own) = guess.verified(own)?;
            // It was right, and half of what it takes: it neither counts as wrong nor clears what was.
            guess.undone();
            if own.is_empty() {
                return Err(Error::conflict("conflict", "this account has no passkey; sign in with the password"));
            }
            (Some(own.into_iter().map(|passkey| passkey.credential_id).collect::<Vec<_>>()), Some(proved))
        }
    };
    let (options, state) = relying.ask(known.as_deref())?;
    let (ceremony, expires_at) = Ceremonies::begin(ctx, Asked { state, proved });
    Ok(Began { ceremony, expires_at, options })
}

/// Signs in with what the authenticator answered, which counts as a guess.
///
/// # Errors
/// 401 `wrong_credentials` for a passkey that is not believed; 403 `login_refused` by the login policies; 409
/// `sign_in_over` for a ceremony that is over; 422; 429.
pub async fn finish_sign_in(ctx: &Ctx, ceremony: &str, answer: Value, device: &str) -> Result<SignedIn> {
    sessions::in_earnest(ctx)?;
    let relying = relying(&ctx.app.public_url)?;
    let answer = Answer::read(answer)?;
    let credential_id = answer.credential_id();
    let device = device_name(device);
    let guess = ctx.guess(Some(&format!("passkey {credential_id}")))?;
    let asked: Asked = Ceremonies::end(ctx, ceremony, |_| true)?;
    let (guess, found) = guess.verified(store::called(&ctx.app.db, &credential_id).await.map_err(Error::from))?;
    let whose = |passkey: &store::Stored| match &asked.proved {
        // An authenticator need not say whose it is where it was told which are meant.
        Some(proved) => proved.user() == passkey.user && (!answer.says_whose() || answer.user() == Some(passkey.user)),
        None => answer.user() == Some(passkey.user),
    };
    let passkey = found.filter(whose).ok_or(WRONG)?;
    let credential = relying.proved(&answer, asked.state, &passkey.credential).map_err(|why| {
        if let Disbelieved::Copied = why {
            let why =
                json!({ "passkey": passkey.id, "error": "its signature counter went back: it may have been copied" });
            note_refusal(ctx, "login", "user", passkey.user.to_string(), &why);
            tracing::warn!(
                "the signature counter of a passkey went back: it may have been copied; nobody was signed in"
            );
        }
        WRONG
    })?;
    // It was right, whatever the login policies say of its owner: that is no wrong guess.
    let (guess, admission) = match sessions::admit(ctx, passkey.user, Teams::Unasked).await {
        Ok(admission) => (guess, admission.with_passkey(passkey.id)),
        Err(error) => {
            guess.right();
            return Err(error);
        }
    };
    let (anonymous, proved) = (ctx.with_credential(Who::Anonymous), asked.proved);
    let signed_in = write(&anonymous, "login", async move |w: &mut Write<'_>| {
        if let Some(proved) = proved {
            proved.still_holds(w).await?;
        }
        let (permit, now) = (w.by_secret(), w.now);
        // It may have been removed meanwhile, or a copy of it have been faster.
        if !store::keep_use(w.tx(), &permit, &passkey, &credential, now).await? {
            return Err(WRONG);
        }
        sessions::begin(w, &permit, &admission, &device, WRONG).await
    })
    .await;
    guess.judged(signed_in)
}
