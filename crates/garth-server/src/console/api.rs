//! The pages over HTTP.

use super::pages::{AskPasskey, SignIn};
use super::people;
use super::seat::Seat;
use crate::access::{App, Cookie, Ctx, Visitor, Who};
use crate::base::error::{Error, Problem, Result};
use crate::base::html::{self, page, page_with_script};
use crate::base::html::{
    CONSOLE_SCRIPT, CONSOLE_SCRIPT_NAME, LINK_SCRIPT, LINK_SCRIPT_NAME, SCRIPT, SCRIPT_NAME, STYLE, STYLE_NAME,
};
use crate::base::http::{CREDENTIAL_BYTES, Query};
use crate::identity_providers::browser::{device, leave_earlier, to, with_cookie};
use crate::identity_providers::{self, local_path};
use crate::passkeys;
use crate::sessions::{self, SignedIn};
use askama::Template;
use axum::Form;
use axum::extract::{DefaultBodyLimit, Path};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// What the form of the sign-in page sends.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignInForm {
    username: String,
    password: String,
    /// A path of this server to go to.
    #[serde(default)]
    r#return: Option<String>,
}

/// What the script of the sign-in page sends.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyForm {
    ceremony: String,
    /// What `navigator.credentials.get` gave, as JSON with base64url.
    credential: String,
    /// A path of this server to go to.
    #[serde(default)]
    r#return: Option<String>,
}

/// The routes of the pages.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(home))
        .routes(routes!(sign_in_page, sign_in))
        .routes(routes!(sign_in_by_passkey))
        .routes(routes!(asset))
        .layer(DefaultBodyLimit::max(CREDENTIAL_BYTES))
}

/// Where somebody begins: in a space of theirs, or with what they can do to have one
#[utoipa::path(get, path = "/", tag = "pages", security(()),
    responses((status = 200, description = "A page", content_type = "text/html", body = String), (status = 303, description = "To a space, to the sign-in page, or to the set-up"),
        (status = "default", description = "A problem; a page for who wants one", content((Problem = "application/problem+json"), (String = "text/html")))))]
async fn home(Visitor(ctx): Visitor, uri: Uri, headers: HeaderMap) -> Response {
    if ctx.who == Who::Anonymous {
        return to(if ctx.app.needs_setup() { "/setup" } else { "/sign-in" });
    }
    let seat = Seat::looking(ctx, uri, headers);
    seat.answer(people::start(&seat)).await
}

/// The sign-in page
#[utoipa::path(get, path = "/sign-in", tag = "pages", security(()),
    params(("return" = Option<String>, Query, description = "A path of this server to go to")),
    responses((status = 200, description = "A page", content_type = "text/html", body = String), (status = 303, description = "Signed in already"),
        (status = "default", description = "A problem; a page for who wants one", content((Problem = "application/problem+json"), (String = "text/html")))))]
async fn sign_in_page(Visitor(ctx): Visitor, uri: Uri, headers: HeaderMap) -> Response {
    let shown = async {
        // Providers bring people back here with parameters of their own.
        let mut query = Query::new(&uri)?;
        let back = local_path(query.one("return").as_deref());
        query.sound()?;
        if matches!(ctx.who, Who::Session(_)) {
            return Ok(to(&back));
        }
        let providers = identity_providers::offered(&ctx).await?;
        let shown = SignIn::new(&ctx, &providers, &back);
        Ok(live(StatusCode::OK, shown.passkeys, &shown, &[]))
    };
    shown.await.unwrap_or_else(|error| html::problem(error, &headers, &ctx.request_id))
}

/// Sign a browser in with a password
#[utoipa::path(post, path = "/sign-in", tag = "pages", security(()),
    request_body(content = SignInForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "Signed in"), (status = "default", description = "A problem; a page for who wants one", content((Problem = "application/problem+json"), (String = "text/html")))))]
async fn sign_in(Visitor(ctx): Visitor, headers: HeaderMap, Form(form): Form<SignInForm>) -> Response {
    let back = local_path(form.r#return.as_deref());
    match sessions::sign_in(&ctx, &form.username, form.password.clone(), device(&headers)).await {
        Ok(signed_in) => entered(&ctx, &signed_in, &back, &headers).await,
        Err(Error::PasskeyRequired) if html::wanted(&headers) => {
            let asked = passkeys::begin_sign_in(&ctx, Some((&form.username, form.password))).await;
            let page = asked.map(|began| page_with_script(StatusCode::OK, &AskPasskey::new(&began, &back), &[]));
            page.unwrap_or_else(|error| html::problem(error, &headers, &ctx.request_id))
        }
        Err(error) => again(&ctx, error, &form.username, &back, &headers)
            .await
            .unwrap_or_else(|error| html::problem(error, &headers, &ctx.request_id)),
    }
}

/// Sign a browser in with what a passkey signed
#[utoipa::path(post, path = "/sign-in/passkey", tag = "pages", security(()),
    request_body(content = PasskeyForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "Signed in"), (status = "default", description = "A problem; a page for who wants one", content((Problem = "application/problem+json"), (String = "text/html")))))]
async fn sign_in_by_passkey(Visitor(ctx): Visitor, headers: HeaderMap, Form(form): Form<PasskeyForm>) -> Response {
    let back = local_path(form.r#return.as_deref());
    let signed_in = async {
        let answer = serde_json::from_str(&form.credential)
            .map_err(|_| Error::field("/credential", "must be what navigator.credentials gave, as JSON"))?;
        passkeys::finish_sign_in(&ctx, &form.ceremony, answer, device(&headers)).await
    };
    match signed_in.await {
        Ok(signed_in) => entered(&ctx, &signed_in, &back, &headers).await,
        Err(error) => again(&ctx, error, "", &back, &headers)
            .await
            .unwrap_or_else(|error| html::problem(error, &headers, &ctx.request_id)),
    }
}

/// Somebody has signed in, and goes where they wanted to.
async fn entered(ctx: &Ctx, signed_in: &SignedIn, back: &str, headers: &HeaderMap) -> Response {
    leave_earlier(ctx, headers).await;
    let cookie = Cookie::Session.set(&ctx.app, &signed_in.token, sessions::SESSION_SECONDS);
    with_cookie(to(back), cookie)
}

/// A page, with our script where it has one.
pub(super) fn live(status: StatusCode, script: bool, template: &impl Template, forms: &[String]) -> Response {
    if script { page_with_script(status, template, forms) } else { page(status, template, forms) }
}

/// The page once more, with what was wrong.
async fn again(ctx: &Ctx, error: Error, username: &str, back: &str, headers: &HeaderMap) -> Result<Response> {
    let told = matches!(
        error,
        Error::WrongCredentials(_) | Error::RateLimited(_) | Error::Forbidden(_) | Error::Conflict("sign_in_over", _)
    );
    if !told || !html::wanted(headers) {
        return Err(error);
    }
    let providers = identity_providers::offered(ctx).await?;
    let problem = error.problem();
    let shown = SignIn { error: Some(sentence(&problem.detail)), username, ..SignIn::new(ctx, &providers, back) };
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::UNAUTHORIZED);
    let mut response = live(status, shown.passkeys, &shown, &[]);
    if let Some(seconds) = error.retry_after() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    Ok(response)
}

/// As it stands on a page: with a capital letter and a full stop.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

/// A file that pages are shown with
#[utoipa::path(get, path = "/assets/{name}", tag = "pages", security(()), params(("name" = String, Path, description = "The file's name")),
    responses((status = 200, description = "The file", content((String = "text/css"), (String = "text/javascript"))), (status = "default", description = "A problem", body = Problem)))]
async fn asset(Path(name): Path<String>) -> Result<Response> {
    let (media, text) = match name {
        name if name == *STYLE_NAME => ("text/css; charset=utf-8", STYLE),
        name if name == *CONSOLE_SCRIPT_NAME => ("text/javascript; charset=utf-8", CONSOLE_SCRIPT),
        name if name == *SCRIPT_NAME => ("text/javascript; charset=utf-8", SCRIPT),
        name if name == *LINK_SCRIPT_NAME => ("text/javascript; charset=utf-8", LINK_SCRIPT),
        _ => return Err(Error::NotFound),
    };
    // The name changes with what is in it.
    let kept = "public, max-age=31536000, immutable";
    Ok(([(header::CONTENT_TYPE, media), (header::CACHE_CONTROL, kept)], text).into_response())
}
