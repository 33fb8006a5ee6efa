//! Sessions of people whom an identity provider has verified: how they begin, and how the provider ends them.

use super::device::device_name;
use super::{Admission, SignedIn, begin, end_one, store};
use crate::access::{Ctx, Permit, Write};
use crate::base::error::{Error, Result};
use crate::base::secrets;
use uuid::Uuid;

/// Longest ID token that is kept to sign out at the provider with, in bytes.
pub const HINT_BYTES: usize = 4_096;
/// What a kept ID token is sealed for.
const HINT: &str = "session/provider_hint";

/// Who an identity provider says has signed in.
#[derive(Clone, Debug)]
pub struct Outside {
    /// The provider.
    pub provider: Uuid,
    /// What it tells them apart by.
    pub subject: String,
    /// What it calls the session.
    pub sid: Option<String>,
    /// The ID token, sealed, by which it ends its own session.
    pub hint: Option<String>,
}

/// Why somebody who was on their way in does not come in: their provider was disabled, their account unlinked or
/// disabled, or the provider has ended their sessions since they set out.
pub fn ended_meanwhile() -> Error {
    Error::Forbidden("this sign-in was ended meanwhile; try again".to_owned())
}

/// Begins a session of somebody whom a provider has verified and the login policies have admitted, in the change that
/// writes down who they are.
///
/// # Errors
/// 403 when the account is disabled, or is not known by that provider (any more); 409 `conflict` when the login
/// policies would be told something else by now.
pub async fn enter(
    w: &mut Write<'_>,
    permit: &Permit,
    admission: &Admission,
    device: &str,
    outside: &Outside,
) -> Result<SignedIn> {
    // The provider may have been disabled since it was asked, and the account unlinked.
    if !store::knows(w.tx(), outside.provider, &outside.subject, admission.user()).await? {
        return Err(ended_meanwhile());
    }
    let signed_in = begin(w, permit, admission, &device_name(device), ended_meanwhile()).await?;
    store::mark(w.tx(), permit, &crate::base::ids::token_hash(&signed_in.token), outside).await?;
    Ok(signed_in)
}

/// Which of a provider's sessions.
#[derive(Clone, Debug)]
pub enum Which {
    /// All.
    All,
    /// Those of somebody, but for one.
    Of {
        /// Of whom.
        subject: String,
        /// Which one is kept.
        but: Option<Uuid>,
    },
    /// The one of that name; without a name, or of those that have none, all of somebody.
    Ended {
        /// Of whom.
        subject: Option<String>,
        /// What the provider calls it.
        session: Option<String>,
    },
}

/// Ends sessions that began at a provider, and answers how many.
///
/// # Errors
/// When the store fails.
pub async fn end_of_provider(w: &mut Write<'_>, permit: &Permit, provider: Uuid, which: Which) -> Result<usize> {
    let (subject, sid) = match &which {
        Which::All => (None, None),
        Which::Of { subject, .. } => (Some(subject.as_str()), None),
        Which::Ended { subject, session } => (subject.as_deref(), session.as_deref()),
    };
    let there = store::of_provider(w.tx(), provider, subject, sid).await?;
    let ending: Vec<Uuid> = there.into_iter().filter(|one| one.is(&which)).map(|one| one.id).collect();
    for session in &ending {
        end_one(w, permit, *session).await?;
    }
    Ok(ending.len())
}

/// A session that began at a provider.
pub(super) struct Theirs {
    pub id: Uuid,
    pub subject: String,
    pub sid: Option<String>,
}

impl Theirs {
    fn is(&self, which: &Which) -> bool {
        match which {
            Which::All => true,
            Which::Of { subject, but } => self.subject == *subject && Some(self.id) != *but,
            Which::Ended { subject, session } => {
                meant(subject.as_deref(), session.as_deref(), &self.subject, self.sid.as_deref())
            }
        }
    }
}

/// When a provider ends a subject's sessions, or the session of a name, or both: is one of that subject and name meant?
pub fn meant(subject: Option<&str>, session: Option<&str>, whose: &str, sid: Option<&str>) -> bool {
    let theirs = subject.is_none_or(|subject| subject == whose);
    match (session, sid) {
        (Some(named), Some(own)) => theirs && named == own,
        // It cannot be told which one it is: none of somebody's is left.
        _ => theirs && subject.is_some(),
    }
}

/// An ID token as it is kept with a session; a long one is not.
///
/// # Errors
/// When sealing fails.
pub fn seal_hint(ctx: &Ctx, token: &str) -> Result<Option<String>> {
    if token.len() > HINT_BYTES {
        return Ok(None);
    }
    secrets::seal(&ctx.directory().vault.key_for(HINT), HINT, token.as_bytes()).map(Some)
}

/// Where the caller's session began, and the ID token of that.
///
/// # Errors
/// 401 without a session.
pub async fn began_at(ctx: &Ctx) -> Result<Option<(Uuid, Option<String>)>> {
    let dir = ctx.directory();
    let session = ctx.session(&dir)?.id;
    let Some((provider, hint)) = store::provider_of(&ctx.app.db, session).await? else { return Ok(None) };
    // Sealed under an earlier key of the installation, it is not there any more: signing out works without.
    let opened = hint.and_then(|hint| secrets::open(&dir.vault.key_for(HINT), HINT, &hint).ok());
    Ok(Some((provider, opened.and_then(|token| String::from_utf8(token).ok()))))
}
