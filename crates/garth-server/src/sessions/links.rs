//! What is left of the ways in when a password was set anew: links with identity providers outlive it. They are shown
//! to whoever did it, and on record, so that one that somebody else made does not stay unnoticed.

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

/// The links that an account keeps.
///
/// # Errors
/// When the store fails.
pub(super) async fn kept(w: &mut Write<'_>, user: Uuid) -> Result<Vec<Link>> {
    Ok(store::links(w.tx(), user).await?)
}

/// What the audit tells of them.
pub(super) fn told(links: &[Link]) -> Value {
    links.iter().map(|link| json!({ "identity_provider": link.slug, "subject": link.subject })).collect()
}
