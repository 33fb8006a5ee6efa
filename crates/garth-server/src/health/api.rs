//! Health over HTTP, open to everybody and telling nothing else; figures, for those who run the server.

use crate::access::{App, Ctx};
use crate::base::error::{Error, Problem, Result};
use crate::base::http::Json;
use crate::base::metrics::MEDIA_TYPE;
use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
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
    OpenApiRouter::new().routes(routes!(healthz)).routes(routes!(readyz)).routes(routes!(metrics))
}

/// The routes of a listener that only the collector of metrics reaches.
pub fn open_routes() -> Router<Arc<App>> {
    Router::new().route("/metrics", axum::routing::get(async |State(app): State<Arc<App>>| figures(app).await))
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

/// Figures in OpenMetrics' format, for system administrators
#[utoipa::path(get, path = "/metrics", tag = "health",
    responses((status = 200, description = "Every figure", body = String, content_type = "application/openmetrics-text"), (status = "default", description = "A problem", body = Problem)))]
async fn metrics(ctx: Ctx) -> Result<Response> {
    ctx.system_admin(&ctx.directory())?;
    figures(ctx.app).await
}

/// On a thread of its own: a million grants may have to be looked at.
async fn figures(app: Arc<App>) -> Result<Response> {
    let text = tokio::task::spawn_blocking(move || app.metrics()).await;
    let text = text.map_err(|_| Error::internal("the figures could not be told"))?;
    Ok(([(header::CONTENT_TYPE, MEDIA_TYPE)], text).into_response())
}
