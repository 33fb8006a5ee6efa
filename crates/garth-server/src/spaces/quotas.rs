//! What a new space may use from the start: the quotas that the installation's settings say.

use super::store;
use crate::access::{Permit, Record, Write};
use crate::base::error::{Error, Result};
use crate::directory::Change;
use garth_core::SpaceIx;
use serde_json::{Value, json};
use std::sync::Arc;

/// Gives a space that is new its quotas.
///
/// # Errors
/// When the store fails.
pub(super) async fn begin(w: &mut Write<'_>, permit: &Permit, ix: SpaceIx) -> Result<()> {
    let settings = Arc::clone(&w.dir().settings);
    if settings.default_quotas.is_empty() {
        return Ok(());
    }
    let id = w.dir().space_id(ix).ok_or(Error::NotFound)?;
    for quota in &settings.default_quotas {
        store::insert_quota(w.tx(), permit, id, (&quota.meter, quota.limit, &json!(quota.window).to_string())).await?;
        let after = json!({ "limit": quota.limit, "window": quota.window, "roles": null });
        let (target_type, target_id) = ("meter", quota.meter.clone());
        w.record(Record { space: Some(ix), target_type, target_id, before: Value::Null, after }).await?;
    }
    w.changed(Change::Quotas(id)).await
}
