//! SQL of the installation's settings.

use crate::access::Permit;
use crate::base::db::{DbError, Tx, params};

pub(super) async fn save(tx: &mut Tx, _: &Permit, settings: &str) -> Result<(), DbError> {
    tx.execute("UPDATE installation SET value = $1 WHERE name = 'settings'", &params![settings]).await.map(drop)
}
