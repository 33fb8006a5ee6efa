//! Health over HTTP; open to everybody, and telling nothing else.

use crate::access::App;
use crate::base::error::{Error, Problem, Result};
use crate::base::http::Json;
use axum::extract::State;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// How it is.
#[derive(Serialize, ToSchema)]
pub struct Health {
    #[schema(value_type = String)]
    status: &'static str,
}

/// The routes of health.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(healthz)).routes(routes!(readyz))
}

/// Is the process alive?
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, description = "Alive", body = Health)))]
async fn healthz() -> Json<Health> {
    Json(Health { status: "alive" })
}

/// Can it answer?
#[utoipa::path(get, path = "/readyz", tag = "health",
    responses((status = 200, description = "Ready", body = Health), (status = 503, description = "It has lost its store", body = Problem)))]
async fn readyz(State(app): State<Arc<App>>) -> Result<Json<Health>> {
    if app.ready() { Ok(Json(Health { status: "ready" })) } else { Err(Error::Unavailable) }
}
