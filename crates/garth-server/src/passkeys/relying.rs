//! What authenticators rely on: this server under its public name, and the library that verifies what they sign.
//!
//! What the library would log of what strangers send is for nobody to read, and is not logged.

use super::unavailable;
use crate::base::error::{Error, Result};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::time::Duration;
use tracing::subscriber::{NoSubscriber, with_default};
use uuid::Uuid;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential, Url,
    WebauthnError,
};
use webauthn_rs::{Webauthn, WebauthnBuilder};

/// What is remembered of a passkey that is being made.
pub(super) type Registering = PasskeyRegistration;
/// What is remembered of somebody who was asked for a passkey.
pub(super) type Asking = DiscoverableAuthentication;

/// The server as authenticators know it.
pub(super) struct Relying(Webauthn);

/// A passkey that was made.
pub(super) struct Made {
    /// What the authenticator calls it.
    pub credential_id: String,
    /// What is stored of it.
    pub credential: String,
}

/// Why a passkey is not believed.
pub(super) enum Disbelieved {
    /// It signed less often than it had before: there may be a copy of it.
    Copied,
    /// Anything else.
    Wrong,
}

impl Relying {
    /// The server at that address; `None` where browsers know no passkeys: at a number, or without HTTPS anywhere but on one's
    /// own machine.
    pub(super) fn of(public_url: &str) -> Option<Self> {
        let origin = Url::parse(public_url).ok()?;
        let host = origin.domain()?.to_owned();
        let own = host == "localhost" || host.ends_with(".localhost");
        if !(origin.scheme() == "https" || (own && origin.scheme() == "http")) {
            return None;
        }
        let builder = WebauthnBuilder::new(&host, &origin).ok()?;
        let wait = Duration::from_secs(super::CEREMONY_SECONDS.unsigned_abs());
        builder.rp_name("Garth").timeout(wait).build().ok().map(Self)
    }

    /// What an authenticator is asked to make for somebody, who has those already. It is to be found without a username, and
    /// to verify its owner.
    pub(super) fn register(
        &self,
        user: Uuid,
        username: &str,
        name: &str,
        known: &[String],
    ) -> Result<(Value, Registering)> {
        let begun = quiet(|| self.0.start_passkey_registration(user, username, name, None));
        let (options, state) = begun.map_err(fault)?;
        let mut options = serde_json::to_value(options.public_key).map_err(fault)?;
        // One that is there already is refused where it would be kept, with a sentence that says so.
        options["excludeCredentials"] = descriptors(known);
        // The library leaves that to the authenticator.
        options["authenticatorSelection"]["residentKey"] = json!("required");
        options["authenticatorSelection"]["requireResidentKey"] = json!(true);
        Ok((options, state))
    }

    /// The passkey that was made.
    ///
    /// # Errors
    /// 422 for anything else.
    pub(super) fn made(&self, answer: Value, state: &Registering) -> Result<Made> {
        let answer: RegisterPublicKeyCredential = serde_json::from_value(answer).map_err(|_| unreadable())?;
        let made = quiet(|| self.0.finish_passkey_registration(&answer, state));
        let passkey = made.map_err(|why| {
            tracing::debug!(%why, "what is to be a passkey is none");
            Error::field("/credential", "is not the passkey that was asked for")
        })?;
        let credential = serde_json::to_string(&passkey).map_err(fault)?;
        Ok(Made { credential_id: URL_SAFE_NO_PAD.encode(passkey.cred_id()), credential })
    }

    /// What an authenticator is asked to sign: with one of those passkeys, or with any that it finds.
    pub(super) fn ask(&self, known: Option<&[String]>) -> Result<(Value, Asking)> {
        let (options, state) = quiet(|| self.0.start_discoverable_authentication()).map_err(fault)?;
        let mut options = serde_json::to_value(options.public_key).map_err(fault)?;
        if let Some(known) = known {
            options["allowCredentials"] = descriptors(known);
        }
        Ok((options, state))
    }

    /// Verifies what a passkey signed, and answers what is stored of it from now on.
    pub(super) fn proved(&self, answer: &Answer, state: Asking, credential: &str) -> Result<String, Disbelieved> {
        let mut passkey: Passkey = serde_json::from_str(credential).map_err(|_| Disbelieved::Wrong)?;
        // The library looks at that where passkeys are made, and not where they sign.
        if answer.is_from_within() {
            return Err(Disbelieved::Wrong);
        }
        let proved = quiet(|| self.0.finish_discoverable_authentication_v2(&answer.0, state, &passkey));
        let proved = proved.map_err(|why| match why {
            WebauthnError::CredentialPossibleCompromise => Disbelieved::Copied,
            why => {
                tracing::debug!(%why, "a passkey is not believed");
                Disbelieved::Wrong
            }
        })?;
        passkey.update_credential(&proved);
        serde_json::to_string(&passkey).map_err(|_| Disbelieved::Wrong)
    }
}

/// What an authenticator answers to who is asked for a passkey.
pub(super) struct Answer(PublicKeyCredential);

impl Answer {
    /// Reads it.
    ///
    /// # Errors
    /// 422 for what is none.
    pub(super) fn read(answer: Value) -> Result<Self> {
        serde_json::from_value(answer).map(Self).map_err(|_| unreadable())
    }

    /// What the authenticator calls the passkey.
    pub(super) fn credential_id(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.get_credential_id())
    }

    /// Whose it is, if it says so.
    pub(super) fn user(&self) -> Option<Uuid> {
        Uuid::from_slice(self.0.get_user_unique_id()?).ok()
    }

    /// Was it asked for from within another site's page? What cannot be read counts as that.
    fn is_from_within(&self) -> bool {
        let client: Option<Value> = serde_json::from_slice(&self.0.response.client_data_json).ok();
        client.is_none_or(|client| client.get("crossOrigin").is_some_and(|within| *within != json!(false)))
    }

    /// Does it say whose it is?
    pub(super) fn says_whose(&self) -> bool {
        self.0.get_user_unique_id().is_some()
    }
}

/// The server under its public name.
///
/// # Errors
/// 409 where it has none that passkeys could belong to.
pub(super) fn relying(public_url: &str) -> Result<Relying> {
    Relying::of(public_url).ok_or_else(unavailable)
}

/// Passkeys as authenticators are told of them.
fn descriptors(credential_ids: &[String]) -> Value {
    credential_ids.iter().map(|id| json!({ "type": "public-key", "id": id })).collect()
}

fn unreadable() -> Error {
    Error::field("/credential", "must be what navigator.credentials gave, as JSON with base64url")
}

fn fault(error: impl std::fmt::Display) -> Error {
    Error::internal(format!("passkeys: {error}"))
}

fn quiet<T>(work: impl FnOnce() -> T) -> T {
    with_default(NoSubscriber::default(), work)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_need_a_name_and_https() {
        for good in
            ["https://garth.example", "https://garth.example:8443/x", "http://localhost:7400", "http://a.localhost"]
        {
            assert!(Relying::of(good).is_some(), "{good}");
        }
        for bad in ["http://garth.example", "https://127.0.0.1", "http://127.0.0.1:7400", "https://[::1]", "garth", ""]
        {
            assert!(Relying::of(bad).is_none(), "{bad}");
        }
    }
}
