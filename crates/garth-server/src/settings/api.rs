//! Settings over HTTP.

use crate::access::{App, Ctx};
use crate::base::error::{Problem, Result};
use crate::base::http::{Input, Json, given, some};
use crate::directory::{Alerts, CreateSpaces, DefaultQuota, PublicHealth, Settings};
use crate::settings;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// What to change; what is not given stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettingsChanges {
    /// Does `public` include callers who are not signed in?
    #[serde(default, deserialize_with = "some")]
    public_access: Option<bool>,
    /// Who may create spaces.
    #[serde(default, deserialize_with = "some")]
    create_spaces: Option<CreateSpaces>,
    /// Days that audit entries are kept, 30 to 36,500; null: for ever.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>)]
    audit_days: Option<Option<u32>>,
    /// Are answers without the headers `RateLimit` and `RateLimit-Policy`, which are not a standard yet?
    #[serde(default, deserialize_with = "some")]
    omit_rate_limits: Option<bool>,
    /// The quotas that new spaces begin with.
    #[serde(default, deserialize_with = "some")]
    default_quotas: Option<Vec<DefaultQuota>>,
    /// Does an account end when its person is taken out of, or leaves, the last space or group that gave them a role?
    #[serde(default, deserialize_with = "some")]
    delete_with_last_membership: Option<bool>,
    /// What of the installation's health is told to everybody who asks.
    #[serde(default, deserialize_with = "some")]
    public_health: Option<PublicHealth>,
    /// Whom this server writes to when something turns red.
    #[serde(default, deserialize_with = "some")]
    alerts: Option<Alerts>,
}

/// The routes of settings.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(get, update))
}

/// The installation's settings
#[utoipa::path(get, path = "/api/v1/settings", tag = "settings",
    responses((status = 200, description = "The settings", body = Settings), (status = "default", description = "A problem", body = Problem)))]
async fn get(ctx: Ctx) -> Result<Json<Settings>> {
    Ok(Json((*settings::get(&ctx)?).clone()))
}

/// Change settings
#[utoipa::path(patch, path = "/api/v1/settings", tag = "settings", request_body = SettingsChanges,
    responses((status = 200, description = "The settings", body = Settings), (status = "default", description = "A problem", body = Problem)))]
async fn update(ctx: Ctx, Input(body): Input<SettingsChanges>) -> Result<Json<Settings>> {
    let changes = settings::Changes {
        public_access: body.public_access,
        create_spaces: body.create_spaces,
        audit_days: body.audit_days,
        omit_rate_limits: body.omit_rate_limits,
        default_quotas: body.default_quotas,
        delete_with_last_membership: body.delete_with_last_membership,
        public_health: body.public_health,
        alerts: body.alerts,
    };
    Ok(Json((*settings::update(&ctx, changes).await?).clone()))
}
