//! Discovery: what this decision point is called and where it answers.
//!
//! All of it comes from the configuration, never from a request (`policy_decision_point` keeps decision points from
//! being mixed up). The identifier is an https address without query and fragment; plain http is told of on this
//! machine only, for trying things out. Any other server says nothing, like one that knows no such path.

use crate::access::App;
use crate::base::error::{Error, Result};
use crate::base::http::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::routing::{MethodRouter, get};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

const WELL_KNOWN: &str = "/.well-known/authzen-configuration";

/// The route of discovery.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(configuration))
}

/// The metadata of a decision point.
#[derive(Serialize, ToSchema)]
pub struct AuthzenConfiguration {
    /// What it is called: the public URL that was configured.
    policy_decision_point: String,
    /// One question.
    access_evaluation_endpoint: String,
    /// Many questions.
    access_evaluations_endpoint: String,
    /// Who may do that to this?
    search_subject_endpoint: String,
    /// What may they do that to?
    search_resource_endpoint: String,
    /// What may they do to it?
    search_action_endpoint: String,
    /// URNs of what else it can do, as configured; not there when there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    capabilities: Vec<String>,
}

/// What this decision point is called and where it answers (AuthZEN 1.0)
#[utoipa::path(get, path = "/.well-known/authzen-configuration", tag = "decisions", security(()),
    responses((status = 200, description = "The metadata", body = AuthzenConfiguration), (status = 404, description = "The public URL is no identifier of the standard", body = crate::base::error::Problem)))]
async fn configuration(State(app): State<Arc<App>>) -> Result<Json<AuthzenConfiguration>> {
    let url = &app.public_url;
    path_of(url).ok_or(Error::NotFound)?;
    let endpoint = |path: &str| format!("{url}/access/v1/{path}");
    Ok(Json(AuthzenConfiguration {
        policy_decision_point: url.clone(),
        access_evaluation_endpoint: endpoint("evaluation"),
        access_evaluations_endpoint: endpoint("evaluations"),
        search_subject_endpoint: endpoint("search/subject"),
        search_resource_endpoint: endpoint("search/resource"),
        search_action_endpoint: endpoint("search/action"),
        capabilities: app.capabilities.clone(),
    }))
}

/// For a public URL with a path: where the standard has its metadata, between host and path. Any other path there is
/// as unknown as any other.
pub fn beside(app: &App) -> Option<(String, MethodRouter<Arc<App>>)> {
    let path = path_of(&app.public_url).filter(|path| !path.is_empty())?;
    // A path of the router's own language would mean something else.
    let plain = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-._~%".contains(&byte));
    plain.then(|| (format!("{WELL_KNOWN}{path}"), get(configuration)))
}

/// The path of an identifier of the standard, without a slash at its end; `None` if it is none.
fn path_of(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok().filter(|_| !url.contains(['?', '#', '@']))?;
    let host = uri.host().filter(|host| !host.is_empty())?;
    let here = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    let fits = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => here,
        _ => false,
    };
    fits.then(|| uri.path().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_https_without_query_and_fragment() {
        for (url, path) in [
            ("https://garth.example", Some("")),
            ("https://garth.example:8443/", Some("")),
            ("https://garth.example/tenant1", Some("/tenant1")),
            ("https://garth.example/a/b/", Some("/a/b")),
            ("http://127.0.0.1:7400", Some("")),
            ("http://localhost:7400/x", Some("/x")),
            ("http://garth.example", None),
            ("https://garth.example?x", None),
            ("https://garth.example/#x", None),
            ("https://me@garth.example", None),
            ("ftp://garth.example", None),
            ("garth.example", None),
            ("https://", None),
            ("", None),
        ] {
            assert_eq!(path_of(url).as_deref(), path, "{url}");
        }
    }
}
