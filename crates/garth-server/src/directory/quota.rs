//! What limits how much of a meter a space may use.

use garth_core::{RoleIx, SpaceIx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Over what a meter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// What is there now: it comes back when it is given back.
    Stored,
    /// Since midnight UTC.
    Daily,
    /// In so many seconds before now.
    RollingSeconds(i64),
}

/// A quota that new spaces begin with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DefaultQuota {
    /// What it counts.
    pub meter: String,
    /// How much there may be, 0 to 999,999,999,999,999; null is unlimited.
    #[serde(deserialize_with = "said")]
    #[schema(required = true)]
    pub limit: Option<i64>,
    /// Over what it counts.
    pub window: Window,
}

/// For a limit, which may be null and must be there: one that was forgotten is not "unlimited".
///
/// # Errors
/// When it is no number.
pub fn said<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    Option::deserialize(deserializer)
}

/// A quota of a space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Whose it is.
    pub space: SpaceIx,
    /// What it counts: `api.daily`, `resources`, `resources.<kind>`, or an application's own name.
    pub meter: String,
    /// How much there may be; unlimited if `None`.
    pub limit: Option<i64>,
    /// Over what it counts.
    pub window: Window,
    /// Only holders of one of these may take of it; whoever may consume at all if `None`.
    pub roles: Option<Vec<RoleIx>>,
}

/// The meter of calls with the keys of a space.
pub const API_DAILY: &str = "api.daily";
/// The meter of all resources in a space; those of a kind have its name after a dot.
pub const RESOURCES: &str = "resources";

/// The meter of the resources of a kind.
pub fn meter_of_kind(kind: &str) -> String {
    format!("{RESOURCES}.{kind}")
}
