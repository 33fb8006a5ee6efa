//! Mail that comes in: addresses of spaces, and what becomes of what is sent to them.

use crate::access::Ctx;
use crate::base::error::{Error, Result};
use crate::base::http::{Page, PageRequest};
use garth_core::Micros;

/// An address of a space.
#[derive(Clone, Debug)]
pub struct Inbound {
    /// Its id.
    pub id: String,
    /// The address: prefix, random part, and the installation's mail domain.
    pub address: String,
    /// What was asked for in front of the random part.
    pub prefix: String,
    /// The kind of what mail to it becomes.
    pub kind: String,
    /// When it was made.
    pub created_at: Micros,
}

/// Addresses of a space.
///
/// # Errors
/// 404, 403.
pub async fn list(_ctx: &Ctx, _space: &str, _page: &PageRequest) -> Result<Page<Inbound>> {
    Err(Error::internal("not built"))
}

/// Makes an address.
///
/// # Errors
/// 404, 403, 409 `archived`, 422.
pub async fn create(_ctx: &Ctx, _space: String, _prefix: String, _kind: String) -> Result<Inbound> {
    Err(Error::internal("not built"))
}

/// Takes an address away.
///
/// # Errors
/// 404, 403.
pub async fn delete(_ctx: &Ctx, _space: String, _id: String) -> Result<()> {
    Err(Error::internal("not built"))
}
