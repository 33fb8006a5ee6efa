//! What browsers do to sign in and out by a provider, and how a provider ends sessions.

use super::flow::{self, Answer, Ended};
use super::logout;
use crate::access::{Anyone, App, Cookie, Ctx, Visitor, Who};
use crate::base::error::{Error, Problem, Result};
use crate::base::html::{self, Message, STYLE_NAME};
use crate::base::http::{CREDENTIAL_BYTES, Query};
use crate::sessions;
use axum::Form;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// What a provider sends to end sessions.
#[derive(Deserialize, ToSchema)]
pub struct BackchannelLogout {
    /// A JWT signed by the provider.
    logout_token: String,
}

/// The routes of browsers and providers.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(start))
        .routes(routes!(callback))
        .routes(routes!(link))
        .routes(routes!(backchannel_logout))
        .routes(routes!(log_out))
        .layer(DefaultBodyLimit::max(CREDENTIAL_BYTES))
}

/// Takes a browser to another address.
pub fn to(address: &str) -> Response {
    match HeaderValue::from_str(address) {
        // A page of ours may know from which other one somebody comes; nobody else learns it.
        Ok(address) => {
            let policy = HeaderValue::from_static("same-origin");
            (StatusCode::SEE_OTHER, [(header::LOCATION, address), (header::REFERRER_POLICY, policy)]).into_response()
        }
        Err(_) => Error::internal("an address cannot be sent").into_response(),
    }
}

/// The same answer with a cookie.
pub fn with_cookie(mut response: Response, cookie: HeaderValue) -> Response {
    response.headers_mut().append(header::SET_COOKIE, cookie);
    response
}

/// Somebody has signed in anew: the session that this browser had before is over.
pub async fn leave_earlier(ctx: &Ctx, headers: &HeaderMap) {
    let by_cookie = matches!(ctx.who, Who::Session(_)) && !headers.contains_key(header::AUTHORIZATION);
    if by_cookie && let Err(error) = sessions::sign_out(ctx).await {
        // It may have ended by itself just now.
        tracing::info!(%error, "the earlier session of a browser could not be ended");
    }
}

/// What a browser calls itself.
pub fn device(headers: &HeaderMap) -> &str {
    headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default()
}

/// Begin to sign in by a provider: a browser is taken there
#[utoipa::path(get, path = "/auth/oidc/{slug}/start", tag = "browsers", security(()),
    params(("slug" = String, Path, description = "The provider's name in addresses"),
        ("return" = Option<String>, Query, description = "A path of this server to come back to")),
    responses((status = 303, description = "To the provider"), (status = "default", description = "A problem; a page for who wants one", content((Problem = "application/problem+json"), (String = "text/html")))))]
async fn start(Visitor(ctx): Visitor, Path(slug): Path<String>, uri: Uri, headers: HeaderMap) -> Response {
    let began = async {
        let mut query = Query::new(&uri)?;
        let back = query.one("return");
        query.done()?;
        let cookie = Cookie::SignIn.read(&ctx.app, &headers).ok().flatten();
        flow::start(&ctx, &slug, back.as_deref(), cookie, false).await
    };
    began.await.map_or_else(|error| html::problem(error, &headers, &ctx.request_id), |began| onward(&ctx, began))
}

fn onward(ctx: &Ctx, began: flow::Began) -> Response {
    with_cookie(to(&began.url), Cookie::SignIn.set(&ctx.app, &began.cookie, flow::FLOW_SECONDS))
}

/// Let one's own account be known by a provider as well: a browser that is signed in is taken there
#[utoipa::path(post, path = "/auth/oidc/{slug}/link", tag = "browsers",
    params(("slug" = String, Path, description = "The provider's name in addresses")),
    responses((status = 303, description = "To the provider"), (status = "default", description = "A problem; a page for who wants one", content((Problem = "application/problem+json"), (String = "text/html")))))]
async fn link(ctx: Ctx, Path(slug): Path<String>, headers: HeaderMap) -> Response {
    let began = async {
        sessions::in_earnest(&ctx)?;
        let cookie = Cookie::SignIn.read(&ctx.app, &headers).ok().flatten();
        flow::start(&ctx, &slug, None, cookie, true).await
    };
    began.await.map_or_else(|error| html::problem(error, &headers, &ctx.request_id), |began| onward(&ctx, began))
}

/// Where a provider sends a browser back to
#[utoipa::path(get, path = "/auth/oidc/{slug}/callback", tag = "browsers", security(()),
    params(("slug" = String, Path, description = "The provider's name in addresses"),
        ("state" = Option<String>, Query, description = "Which sign-in it is"),
        ("code" = Option<String>, Query, description = "What the provider gives its tokens for"),
        ("iss" = Option<String>, Query, description = "Who the provider says it is"),
        ("error" = Option<String>, Query, description = "Why there is no code")),
    responses((status = 303, description = "Signed in"),
        (status = 200, description = "Signed in, and something to know about it", content_type = "text/html", body = String),
        (status = "default", description = "A problem; a page for who wants one", content((Problem = "application/problem+json"), (String = "text/html")))))]
async fn callback(Visitor(ctx): Visitor, Path(slug): Path<String>, uri: Uri, headers: HeaderMap) -> Response {
    let ended = async {
        // Providers add parameters of their own; those are passed over.
        let mut query = Query::new(&uri)?;
        let answer = Answer {
            state: query.one("state"),
            code: query.one("code"),
            error: query.one("error"),
            iss: query.one("iss"),
        };
        query.sound()?;
        let cookie = Cookie::SignIn.read(&ctx.app, &headers).ok().flatten();
        flow::callback(&ctx, &slug, answer, cookie, device(&headers)).await
    };
    match ended.await {
        Err(error) => html::problem(error, &headers, &ctx.request_id),
        Ok(Ended::Linked) => to("/account/security"),
        Ok(Ended::In { signed_in, back, notice }) => {
            leave_earlier(&ctx, &headers).await;
            let response = match notice {
                None => to(&back),
                Some(why) => {
                    let text = format!(
                        "But {why}. So whatever is yours by way of groups is not yours this time. Tell whoever manages the \
                         sign-in of your organisation."
                    );
                    let (title, go) = ("You are signed in", "Continue");
                    let message = Message { title, text: &text, to: &back, go, request_id: None, style: &STYLE_NAME };
                    message.answer(StatusCode::OK)
                }
            };
            with_cookie(response, Cookie::Session.set(&ctx.app, &signed_in.token, sessions::SESSION_SECONDS))
        }
    }
}

/// End sessions because the provider says so
#[utoipa::path(post, path = "/auth/oidc/{slug}/backchannel-logout", tag = "browsers", security(()),
    params(("slug" = String, Path, description = "The provider's name in addresses")),
    request_body(content = BackchannelLogout, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "They are ended"), (status = "default", description = "A problem", body = Problem)))]
async fn backchannel_logout(
    Anyone(ctx): Anyone,
    Path(slug): Path<String>,
    Form(body): Form<BackchannelLogout>,
) -> Result<StatusCode> {
    sessions::in_earnest(&ctx)?;
    super::backchannel(&ctx, &slug, &body.logout_token).await.map(|_| StatusCode::OK)
}

/// Sign a browser out, here and at the provider it signed in by
#[utoipa::path(post, path = "/auth/logout", tag = "browsers",
    responses((status = 303, description = "To the provider, or to the sign-in page"), (status = "default", description = "A problem; a page for who wants one", content((Problem = "application/problem+json"), (String = "text/html")))))]
async fn log_out(State(app): State<Arc<App>>, ctx: Ctx, headers: HeaderMap) -> Response {
    let done = async {
        sessions::in_earnest(&ctx)?;
        let onward = logout::onward(&ctx).await?;
        sessions::sign_out(&ctx).await?;
        Ok(onward)
    };
    match done.await {
        Err(error) => html::problem(error, &headers, &ctx.request_id),
        Ok(onward) => with_cookie(to(onward.as_deref().unwrap_or("/sign-in")), Cookie::Session.set(&app, "", 0)),
    }
}
