//! What somebody shows of who they are: their password, or that they signed in just now.

use super::me::{myself, verify_current};
use super::{WRONG, store};
use crate::access::{Ctx, Write};
use crate::base::attempts::Guess;
use crate::base::error::{Error, Result};
use crate::base::text;
use uuid::Uuid;

/// How young a session must be to change how somebody gets in without the current password, in seconds.
pub const RECENT_SECONDS: i64 = 10 * 60;

/// Somebody whose password was right.
#[derive(Clone)]
pub struct Proved {
    user: Uuid,
    /// The hash that it fitted.
    hash: Option<String>,
    passkey_required: bool,
}

impl Proved {
    /// Who.
    pub fn user(&self) -> Uuid {
        self.user
    }

    /// Does the account ask for a passkey as well?
    pub fn passkey_required(&self) -> bool {
        self.passkey_required
    }

    /// Requires that the password is still the one that was verified.
    ///
    /// # Errors
    /// 401 where it was changed meanwhile.
    pub async fn still_holds(&self, w: &mut Write<'_>) -> Result<()> {
        if store::password_in(w.tx(), self.user).await? == self.hash { Ok(()) } else { Err(WRONG) }
    }

    /// Requires the same, and that the account does not ask for a passkey (by now).
    pub(super) async fn is_enough(&self, w: &mut Write<'_>) -> Result<()> {
        self.still_holds(w).await?;
        if store::passkey_required(w.tx(), self.user).await? { Err(Error::PasskeyRequired) } else { Ok(()) }
    }
}

/// Verifies a password. An unknown name, a wrong password and a disabled account answer alike and cost alike. The guess is
/// still counted: whoever asks says what becomes of it.
///
/// # Errors
/// 401 `wrong_credentials`; 429 after too many wrong ones.
pub async fn prove<'a>(ctx: &'a Ctx, username: &str, password: String) -> Result<(Guess<'a>, Proved)> {
    let _turn = ctx.hashing()?;
    let handle = text::folded(username.trim());
    let guess = ctx.guess(Some(&handle))?;
    let (guess, found) = guess.verified(store::login(&ctx.app.db, &handle).await.map_err(Error::from))?;
    let hash = found.as_ref().and_then(|found| found.hash.clone());
    let (guess, fits) = guess.verified(ctx.app.passwords.verify(password, hash.clone()).await)?;
    let store::Login { user, passkey_required, .. } = found.filter(|_| fits).ok_or(WRONG)?;
    Ok((guess, Proved { user, hash, passkey_required }))
}

/// The caller's session and id, where they show that they are who signed in: by the current password, or by having signed in
/// within the last ten minutes. A new way in is not for whoever found an open session.
///
/// # Errors
/// 401; 403 where they do not; 429 after too many wrong passwords.
pub async fn shown(ctx: &Ctx, current: Option<String>) -> Result<(Uuid, Uuid)> {
    match current {
        Some(current) => {
            let _turn = ctx.hashing()?;
            let (guess, ..) = verify_current(ctx, current).await?;
            guess.right();
        }
        None if ctx.now() - ctx.session(&ctx.directory())?.created_at > RECENT_SECONDS * 1_000_000 => {
            let why =
                "give the current password, or sign in anew first: without it this is done within ten minutes of that";
            return Err(Error::Forbidden(why.to_owned()));
        }
        None => {}
    }
    myself(ctx)
}
