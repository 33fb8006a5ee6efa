//! What is left of the ways in when a password was set anew: links with identity providers and passkeys outlive it. They are
//! shown to whoever did it, and on record, so that one that somebody else made does not stay unnoticed.

use super::store;
use crate::access::Write;
use crate::base::error::Result;
use garth_core::Micros;
use serde_json::{Value, json};
use uuid::Uuid;

/// A provider by which an account can be signed in to.
#[derive(Clone, Debug)]
pub struct Link {
    /// The id of the link, by which its owner ends it.
    pub id: String,
    /// The provider's name in addresses.
    pub slug: String,
    /// What people call the provider.
    pub provider: String,
    /// Can somebody sign in by it at the moment?
    pub enabled: bool,
    /// What its owner is told apart by there.
    pub subject: String,
    /// The address that the provider had verified.
    pub email: Option<String>,
    /// Since when.
    pub created_at: Micros,
}

/// A passkey by which an account can be signed in to.
#[derive(Clone, Debug)]
pub struct KeptPasskey {
    /// Its id, by which its owner removes it.
    pub id: String,
    /// What its owner called it.
    pub name: String,
    /// Since when.
    pub created_at: Micros,
}

/// The ways in that an account keeps, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// The links with identity providers.
    pub identities: Vec<Link>,
    /// The passkeys.
    pub passkeys: Vec<KeptPasskey>,
}

impl Kept {
    /// What that account keeps.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn of(w: &mut Write<'_>, user: Uuid) -> Result<Self> {
        Ok(Self { identities: store::links(w.tx(), user).await?, passkeys: store::passkeys(w.tx(), user).await? })
    }

    /// Is there no way in but the password?
    pub fn is_empty(&self) -> bool {
        self.identities.is_empty() && self.passkeys.is_empty()
    }

    /// Adds to what the audit tells of a new password.
    pub(super) fn tell(&self, after: &mut Value) {
        let link = |link: &Link| json!({ "identity_provider": link.slug, "subject": link.subject });
        let passkey = |passkey: &KeptPasskey| json!({ "passkey": passkey.id, "name": passkey.name });
        after["identities_kept"] = self.identities.iter().map(link).collect();
        after["passkeys_kept"] = self.passkeys.iter().map(passkey).collect();
    }
}
