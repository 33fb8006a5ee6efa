//! Garth, the server. Modules in reading order: what everything stands on, the picture that
//! decisions read, the one place that enforces, and then one folder per noun.

pub mod access;
pub mod base;
pub mod directory;

pub mod audit;
pub mod decisions;
pub mod grants;
pub mod groups;
pub mod health;
pub mod kinds;
pub mod policies;
pub mod questions;
pub mod resources;
pub mod roles;
pub mod scenarios;
pub mod sessions;
pub mod settings;
pub mod spaces;
pub mod users;

pub use access::{App, Config, Ctx};

use axum::Router;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base::error::Error;
use base::http::Json;
use std::sync::Arc;
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;

#[derive(OpenApi)]
#[openapi(
    info(title = "Garth", description = "Spaces: enclosed places with resources, people and policies of their own."),
    security(("bearer" = []))
)]
struct Api;

/// Every route of every noun, with its description.
fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(Api::openapi())
        .merge(sessions::api::routes())
        .merge(users::api::routes())
        .merge(groups::api::routes())
        .merge(roles::api::routes())
        .merge(kinds::api::routes())
        .merge(policies::api::routes())
        .merge(settings::api::routes())
        .merge(spaces::api::routes())
        .merge(grants::api::routes())
        .merge(resources::api::routes())
        .merge(decisions::api::routes())
        .merge(audit::api::routes())
        .merge(health::api::routes())
}

/// The OpenAPI 3.1 document of every route.
pub fn openapi() -> Document {
    let mut document = routes().into_openapi();
    let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    document.components.get_or_insert_default().security_schemes.insert("bearer".to_owned(), scheme.into());
    document
}

/// The server's router.
pub fn router(app: Arc<App>) -> Router {
    let document: Arc<serde_json::Value> = Arc::new(serde_json::to_value(openapi()).unwrap_or_default());
    let (routes, _) = routes().split_for_parts();
    routes
        .route("/api/v1/openapi.json", get(async move || Json(&*document).into_response()))
        .fallback(async || -> Response { Error::NotFound.into_response() })
        .method_not_allowed_fallback(async || -> Response { Error::MethodNotAllowed.into_response() })
        .layer(from_fn(base::http::finish))
        .with_state(app)
}
