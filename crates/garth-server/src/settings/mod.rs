//! Settings: what holds for the whole installation.

pub mod api;
mod store;

use crate::access::{Ctx, Record, Write, write};
use crate::base::error::{Error, Result};
use crate::base::{mail, text};
use crate::directory::{Alerts, Change, CreateSpaces, DefaultQuota, PublicHealth, Settings};
use crate::quotas;
use serde_json::Value;
use std::sync::Arc;

/// What to change; what is not given stays.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Does `public` include callers who are not signed in?
    pub public_access: Option<bool>,
    /// Who may create spaces.
    pub create_spaces: Option<CreateSpaces>,
    /// Days that audit entries are kept; `Some(None)` is for ever.
    pub audit_days: Option<Option<u32>>,
    /// Are answers without the headers `RateLimit` and `RateLimit-Policy`?
    pub omit_rate_limits: Option<bool>,
    /// The quotas that new spaces begin with.
    pub default_quotas: Option<Vec<DefaultQuota>>,
    /// Does an account end with the last membership?
    pub delete_with_last_membership: Option<bool>,
    /// What of the installation's health is told to everybody who asks.
    pub public_health: Option<PublicHealth>,
    /// Whom this server writes to when something turns red.
    pub alerts: Option<Alerts>,
}

/// Days that audit entries may be kept, at least and at most.
pub const AUDIT_DAYS: std::ops::RangeInclusive<u32> = 30..=36_500;

/// Most addresses that alerts go to.
pub const ALERTED: usize = 10;
/// Minutes from one look at the installation's health to the next.
pub const CHECK_MINUTES: std::ops::RangeInclusive<u32> = 1..=1_440;
/// Minutes from one letter of alerts to the next, at least.
pub const GAP_MINUTES: std::ops::RangeInclusive<u32> = 5..=10_080;

/// The settings.
///
/// # Errors
/// 401, or 403 for all but system administrators.
pub fn get(ctx: &Ctx) -> Result<Arc<Settings>> {
    let dir = ctx.directory();
    ctx.system_admin(&dir)?;
    Ok(Arc::clone(&dir.settings))
}

/// Changes settings.
///
/// # Errors
/// 401, or 403 for all but system administrators.
pub async fn update(ctx: &Ctx, changes: Changes) -> Result<Arc<Settings>> {
    write(ctx, "settings.update", async move |w: &mut Write<'_>| {
        let permit = w.system_admin()?;
        let before = Arc::clone(&w.dir().settings);
        let mut after = (*before).clone();
        after.public_access = changes.public_access.unwrap_or(after.public_access);
        after.create_spaces = changes.create_spaces.unwrap_or(after.create_spaces);
        after.omit_rate_limits = changes.omit_rate_limits.unwrap_or(after.omit_rate_limits);
        after.delete_with_last_membership =
            changes.delete_with_last_membership.unwrap_or(after.delete_with_last_membership);
        if let Some(days) = changes.audit_days {
            if days.is_some_and(|days| !AUDIT_DAYS.contains(&days)) {
                let (least, most) = (AUDIT_DAYS.start(), AUDIT_DAYS.end());
                return Err(Error::field("/audit_days", format!("must be null or a number from {least} to {most}")));
            }
            after.audit_days = days;
        }
        if let Some(list) = changes.default_quotas {
            quotas::fit(w.dir(), "/default_quotas", &list)?;
            after.default_quotas = list;
        }
        after.public_health = changes.public_health.unwrap_or(after.public_health);
        if let Some(alerts) = changes.alerts {
            after.alerts = alerted(alerts)?;
        }
        if after != *before {
            let (was, is) = (state(&before)?, state(&after)?);
            store::save(w.tx(), &permit, &is.to_string()).await?;
            w.changed(Change::Settings).await?;
            let target_id = String::new();
            w.record(Record { space: None, target_type: "settings", target_id, before: was, after: is }).await?;
        }
        Ok(Arc::clone(&w.dir().settings))
    })
    .await
}

/// Whom alerts go to and how often, as far as that can be.
fn alerted(mut alerts: Alerts) -> Result<Alerts> {
    if alerts.recipients.len() > ALERTED {
        return Err(Error::field("/alerts/recipients", format!("must be at most {ALERTED} addresses")));
    }
    for (at, address) in alerts.recipients.iter_mut().enumerate() {
        let pointer = format!("/alerts/recipients/{at}");
        *address = text::email(&pointer, address)?;
        if !mail::deliverable(address) {
            return Err(Error::field(pointer, "must be an address that letters can go to"));
        }
    }
    let within = |name: &str, minutes: u32, range: &std::ops::RangeInclusive<u32>| {
        let (least, most) = (range.start(), range.end());
        let why = || Error::field(format!("/alerts/{name}"), format!("must be a number from {least} to {most}"));
        if range.contains(&minutes) { Ok(()) } else { Err(why()) }
    };
    within("check_minutes", alerts.check_minutes, &CHECK_MINUTES)?;
    within("gap_minutes", alerts.gap_minutes, &GAP_MINUTES)?;
    Ok(alerts)
}

/// The settings as they are stored.
fn state(settings: &Settings) -> Result<Value> {
    serde_json::to_value(settings).map_err(|e| Error::internal(format!("settings cannot be written: {e}")))
}
