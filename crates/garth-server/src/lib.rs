//! Garth, the server. Modules in reading order: what everything stands on, the picture that
//! decisions read, the one place that enforces, and then one folder per noun.

pub mod access;
pub mod base;
pub mod directory;

pub mod ai_providers;
pub mod api_keys;
pub mod audit;
pub mod backup;
pub mod console;
pub mod decisions;
pub mod deliveries;
pub mod grants;
pub mod groups;
pub mod health;
pub mod identity_providers;
pub mod inbound;
pub mod invitations;
pub mod jobs;
pub mod kinds;
pub mod local;
pub mod login_policies;
pub mod passkeys;
pub mod policies;
pub mod previews;
pub mod questions;
pub mod quotas;
pub mod reports;
pub mod resources;
pub mod roles;
pub mod rotation;
pub mod scenarios;
pub mod sessions;
pub mod settings;
pub mod spaces;
pub mod transfers;
pub mod users;
pub mod verify;

/// Parsers without a public door, for the targets in `fuzz/`.
#[doc(hidden)]
pub mod fuzzing {
    pub use crate::base::words::{Cutter, PARTS, WORD_BYTES, cut, sought};
    pub use crate::inbound::letter::{ATTACHMENTS, CONTENT_BYTES, Letter, TEXT_BYTES, read as read_letter};
    pub use crate::inbound::wire::{LETTER_BYTES, LINE_BYTES, Letter as Arriving, Line as SmtpLine, line as smtp_line};
    pub use crate::kinds::form::json_pointer;
    pub use crate::resources::body::{merge, put, take};
    pub use crate::transfers::wire::{File, Line, read, write};
}

pub use access::{App, Config, Ctx, Limits};

/// What the nouns say of a body of one of Garth's own kinds, beyond its schema.
///
/// # Errors
/// What is wrong, each with its place.
pub fn body_check(app: &App, kind: BuiltIn, body: &Value) -> Result<(), Vec<FieldError>> {
    match kind {
        BuiltIn::Job => jobs::check(body),
        BuiltIn::Delivery => deliveries::check(app, body),
        BuiltIn::AiProvider => ai_providers::check(app, body),
    }
}

use access::Anyone;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use base::error::{Error, FieldError};
use base::html;
use base::http::{Outermost, RequestId, finish};
use directory::BuiltIn;
use serde_json::Value;
use std::sync::{Arc, LazyLock};
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

#[derive(OpenApi)]
#[openapi(
    info(title = "Garth", description = "Spaces: enclosed places with resources, people and policies of their own."),
    security(("bearer" = []))
)]
struct Api;

/// Every route of every noun, with its description.
fn described() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(Api::openapi())
        .merge(sessions::api::routes())
        .merge(passkeys::api::routes())
        .merge(users::api::routes())
        .merge(groups::api::routes())
        .merge(roles::api::routes())
        .merge(kinds::api::routes())
        .merge(policies::api::routes())
        .merge(login_policies::api::routes())
        .merge(settings::api::routes())
        .merge(spaces::api::routes())
        .merge(grants::api::routes())
        .merge(api_keys::api::routes())
        .merge(invitations::api::routes())
        .merge(inbound::api::routes())
        .merge(quotas::api::routes())
        .merge(resources::api::routes())
        .merge(resources::attachments::api::routes())
        .merge(resources::copies::api::routes())
        .merge(resources::shares::api::routes())
        .merge(transfers::api::routes())
        .merge(jobs::api::routes())
        .merge(deliveries::api::routes())
        .merge(ai_providers::api::routes())
        .merge(decisions::api::routes())
        .merge(previews::api::routes())
        .merge(audit::api::routes())
        .merge(health::api::routes())
        .merge(identity_providers::api::routes())
        .merge(identity_providers::browser::routes())
        .merge(console::api::routes())
        .merge(console::routes::routes())
        .merge(console::links::routes())
        .merge(console::people::routes::routes())
        .merge(console::system::routes::routes())
        .merge(console::places::routes::routes())
        .merge(console::things::routes::routes())
        .routes(routes!(openapi_json))
}

/// The OpenAPI 3.1 document of every route.
pub fn openapi() -> Value {
    let mut document = described().into_openapi();
    let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    document.components.get_or_insert_default().security_schemes.insert("bearer".to_owned(), scheme.into());
    let mut document = serde_json::to_value(document).unwrap_or_default();
    problems(&mut document);
    // Handlers are called alike in every noun; the names of operations are unique.
    let paths = document["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut());
    for operation in paths.filter_map(Value::as_object_mut).flat_map(|path| path.values_mut()) {
        if let (Some(tag), Some(name)) = (operation["tags"][0].as_str(), operation["operationId"].as_str()) {
            operation["operationId"] = Value::String(format!("{tag}_{name}"));
        }
    }
    document
}

/// Answers that are problems are so by their content type as well.
fn problems(document: &mut Value) {
    match document {
        Value::Object(fields) => {
            if fields.get("application/json").is_some_and(|c| c["schema"]["$ref"] == "#/components/schemas/Problem") {
                let content = fields.remove("application/json").unwrap_or_default();
                fields.insert("application/problem+json".to_owned(), content);
            }
            fields.values_mut().for_each(problems);
        }
        Value::Array(items) => items.iter_mut().for_each(problems),
        _ => {}
    }
}

/// This document
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "health", security(()),
    responses((status = 200, description = "The OpenAPI 3.1 document", body = Object)))]
async fn openapi_json(_: Anyone) -> Response {
    // Written once: everybody may ask for it.
    static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(openapi().to_string()));
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.clone()).into_response()
}

/// The server's router.
pub fn router(app: Arc<App>) -> Router {
    router_with(app, Router::new())
}

/// The same with other routes behind the same layers: the bench has a handler there that does nothing.
#[doc(hidden)]
pub fn router_with(app: Arc<App>, more: Router<Arc<App>>) -> Router {
    let (routes, document) = described().split_for_parts();
    app.figures.know_routes(document.paths.paths.into_keys());
    let mut routes = routes.merge(more);
    if let Some((path, discovery)) = decisions::api::beside(&app) {
        routes = routes.route(&path, discovery);
    }
    let outermost = outermost(&app);
    routes
        .fallback(async |request: Request| nowhere(Error::NotFound, &request))
        .method_not_allowed_fallback(async |request: Request| nowhere(Error::MethodNotAllowed, &request))
        .layer(from_fn_with_state((outermost, Arc::clone(&app)), outside))
        .with_state(app)
}

/// There is no such address: a page for people, a problem for programs and for everything that is theirs.
fn nowhere(error: Error, request: &Request) -> Response {
    let id = request.extensions().get::<RequestId>().map(|id| id.0.as_str()).unwrap_or_default();
    match request.uri().path().split('/').nth(1) {
        Some("api" | "access" | ".well-known") => error.into_response(),
        _ => html::problem_to(error, request.headers(), id, ("/", "Go to your spaces")),
    }
}

/// The router of a listener that nobody but the collector of metrics reaches: `/metrics` without a credential.
pub fn metrics_router(app: Arc<App>) -> Router {
    let outermost = outermost(&app);
    health::api::open_routes()
        .fallback(async || -> Response { Error::NotFound.into_response() })
        .layer(from_fn_with_state(outermost, alone))
        .with_state(app)
}

async fn outside(State((outermost, app)): State<(Outermost, Arc<App>)>, request: Request, next: Next) -> Response {
    finish(&outermost, request, |request| access::front(app, request, next)).await
}

async fn alone(State(outermost): State<Outermost>, request: Request, next: Next) -> Response {
    finish(&outermost, request, |request| next.run(request)).await
}

fn outermost(app: &App) -> Outermost {
    Outermost { figures: Arc::clone(&app.figures), https: app.public_url.starts_with("https://") }
}
