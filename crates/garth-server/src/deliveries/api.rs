//! Deliveries over HTTP: the test of an interface, and where the links of letters lead.

use super::recipients::{self, Wish};
use super::{Outcome, pages, test};
use crate::access::{App, Bearer, Ctx};
use crate::base::error::{Error, Problem, Result};
use crate::base::html;
use crate::base::http::{CREDENTIAL_BYTES, Json};
use axum::Form;
use axum::extract::{DefaultBodyLimit, Path};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// What became of a test.
#[derive(Serialize, ToSchema)]
pub struct DeliveryTest {
    /// `delivered`, `failed`, or `withheld` in a dry run.
    #[schema(value_type = String)]
    state: &'static str,
    /// One sentence.
    detail: String,
}

impl From<Outcome> for DeliveryTest {
    fn from(outcome: Outcome) -> Self {
        Self { state: outcome.state, detail: outcome.detail }
    }
}

/// How long somebody wants nothing.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Snooze {
    /// 5 to 11,520: 8 days.
    minutes: i64,
}

/// The routes of deliveries.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    let links = OpenApiRouter::new()
        .routes(routes!(choices))
        .routes(routes!(snooze))
        .routes(routes!(unsubscribe))
        .routes(routes!(subscribe))
        .layer(DefaultBodyLimit::max(CREDENTIAL_BYTES));
    OpenApiRouter::new().routes(routes!(test_delivery)).merge(links)
}

/// Send a test by a delivery interface
///
/// By mail it goes to whoever asks, or to the interface's sender where no address of theirs is known.
#[utoipa::path(post, path = "/api/v1/deliveries/{id}/test", tag = "deliveries", params(("id" = String, Path, description = "The interface's id or code")),
    responses((status = 200, description = "What became of it", body = DeliveryTest), (status = "default", description = "A problem", body = Problem)))]
async fn test_delivery(ctx: Ctx, Path(id): Path<String>) -> Result<Json<DeliveryTest>> {
    Ok(Json(test(&ctx, &id).await?.into()))
}

/// The page of a letter's link: snooze or unsubscribe
///
/// Nothing is changed by looking at it, whoever's program does so.
#[utoipa::path(get, path = "/mail/{token}", tag = "pages", security(()), params(("token" = String, Path, description = "What stands in the letter")),
    responses((status = 200, description = "A page", content_type = "text/html", body = String),
        (status = "default", description = "A problem; a page for who wants one", content((Problem = "application/problem+json"), (String = "text/html")))))]
async fn choices(Bearer(ctx): Bearer, headers: HeaderMap, Path(token): Path<String>) -> Response {
    match recipients::standing(&ctx.app, &token).await {
        Ok((link, until)) => pages::choice(&token, &link, until, None),
        Err(error) => told(&ctx, error, &headers),
    }
}

/// Send no reports for a while
#[utoipa::path(post, path = "/mail/{token}/snooze", tag = "pages", security(()), params(("token" = String, Path, description = "What stands in the letter")),
    request_body(content = Snooze, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "A page", content_type = "text/html", body = String),
        (status = "default", description = "A problem; a page for who wants one", content((Problem = "application/problem+json"), (String = "text/html")))))]
async fn snooze(
    Bearer(ctx): Bearer,
    headers: HeaderMap,
    Path(token): Path<String>,
    Form(form): Form<Snooze>,
) -> Response {
    done(&ctx, &headers, &token, Wish::Snooze(form.minutes), "They are snoozed.").await
}

/// Send no reports any more; mail programs ask for it by one request (RFC 8058)
#[utoipa::path(post, path = "/mail/{token}/unsubscribe", tag = "pages", security(()), params(("token" = String, Path, description = "What stands in the letter")),
    responses((status = 200, description = "A page", content_type = "text/html", body = String),
        (status = "default", description = "A problem; a page for who wants one", content((Problem = "application/problem+json"), (String = "text/html")))))]
async fn unsubscribe(Bearer(ctx): Bearer, headers: HeaderMap, Path(token): Path<String>) -> Response {
    done(&ctx, &headers, &token, Wish::Unsubscribe, "You have unsubscribed.").await
}

/// Send reports again
#[utoipa::path(post, path = "/mail/{token}/subscribe", tag = "pages", security(()), params(("token" = String, Path, description = "What stands in the letter")),
    responses((status = 200, description = "A page", content_type = "text/html", body = String),
        (status = "default", description = "A problem; a page for who wants one", content((Problem = "application/problem+json"), (String = "text/html")))))]
async fn subscribe(Bearer(ctx): Bearer, headers: HeaderMap, Path(token): Path<String>) -> Response {
    done(&ctx, &headers, &token, Wish::Subscribe, "They are sent again.").await
}

async fn done(ctx: &Ctx, headers: &HeaderMap, token: &str, wish: Wish, words: &str) -> Response {
    let shown = async {
        recipients::wish(ctx, token, wish).await?;
        recipients::standing(&ctx.app, token).await
    };
    let words = if ctx.dry_run { "This was only tried: nothing has changed." } else { words };
    match shown.await {
        Ok((link, until)) => pages::choice(token, &link, until, Some(words)),
        Err(error) => told(ctx, error, headers),
    }
}

fn told(ctx: &Ctx, error: Error, headers: &HeaderMap) -> Response {
    html::problem(error, headers, &ctx.request_id)
}
