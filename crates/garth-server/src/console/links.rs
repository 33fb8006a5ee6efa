//! Where the links lead that are handed out: invitations, and the ways to a first or a new password. Their tokens come in
//! bodies only: they stand behind the `#` of a link, which browsers send to no server, so that no log has them.

use super::api::{live, sentence};
use super::pages::{Accept, SignUp, Welcome, Within, Wrong};
use crate::access::{App, Cookie, Ctx, Visitor, Who};
use crate::base::error::{Error, Problem};
use crate::base::html;
use crate::base::http::CREDENTIAL_BYTES;
use crate::directory::UserInfo;
use crate::identity_providers::browser::{leave_earlier, to, with_cookie};
use crate::{invitations, sessions};
use askama::Template;
use axum::Form;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// What the form of an invitation sends.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationForm {
    /// The token of its link, or the whole link.
    token: String,
}

/// What the form of somebody sends who chooses a password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignUpForm {
    /// The token of a link, or the whole link.
    token: String,
    password: String,
    /// What people call them; empty for none.
    #[serde(default)]
    name: Option<String>,
}

/// The routes of the pages that links lead to.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(invitation_page, accept_invitation))
        .routes(routes!(sign_up_page, sign_up))
        .layer(DefaultBodyLimit::max(CREDENTIAL_BYTES))
}

/// The page that the link of an invitation leads to
///
/// It tells nothing of the invitation: the token behind the `#` stays in the browser until somebody sends the form.
#[utoipa::path(get, path = "/invitation", tag = "pages", security(()),
    responses((status = 200, description = "A page", content_type = "text/html", body = String),
        (status = "default", description = "A problem; a page for who wants one", content((Problem = "application/problem+json"), (String = "text/html")))))]
async fn invitation_page(Visitor(ctx): Visitor) -> Response {
    match named(&ctx) {
        Some(user) => shown(StatusCode::OK, &Accept::new(&user, "", Wrong::default())),
        None => shown(StatusCode::OK, &SignUp::new(true, None, "", "", Wrong::default())),
    }
}

/// Accept an invitation with the account that a browser is signed in with
#[utoipa::path(post, path = "/invitation", tag = "pages", security(()),
    request_body(content = InvitationForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "A page: where one came in", content_type = "text/html", body = String), (status = 303, description = "To the sign-in page, and back"),
        (status = "default", description = "A problem; a page for who wants one", content((Problem = "application/problem+json"), (String = "text/html")))))]
async fn accept_invitation(Visitor(ctx): Visitor, headers: HeaderMap, Form(form): Form<InvitationForm>) -> Response {
    if ctx.who == Who::Anonymous && html::wanted(&headers) {
        return to("/sign-in?return=/invitation");
    }
    let token = token(&form.token);
    match invitations::accept(&ctx, token.to_owned()).await {
        Ok(joined) => shown(StatusCode::OK, &Within::new(&joined)),
        Err(error) => {
            let told = "This invitation is good no more, or it is for somebody else.";
            let wrong = wrong(&error, told).filter(|_| html::wanted(&headers));
            match (wrong, named(&ctx)) {
                (Some(wrong), Some(user)) => refused(&error, &Accept::new(&user, token, wrong)),
                _ => html::problem(error, &headers, &ctx.request_id),
            }
        }
    }
}

/// The page that the link of an account leads to: its owner chooses a password
#[utoipa::path(get, path = "/signup", tag = "pages", security(()),
    responses((status = 200, description = "A page", content_type = "text/html", body = String),
        (status = "default", description = "A problem; a page for who wants one", content((Problem = "application/problem+json"), (String = "text/html")))))]
async fn sign_up_page(Visitor(ctx): Visitor) -> Response {
    let user = named(&ctx);
    shown(StatusCode::OK, &SignUp::new(false, user.as_deref(), "", "", Wrong::default()))
}

/// Begin an account with its one-time token, set a new password with one, or join by an invitation as somebody new; the
/// browser is signed in then
#[utoipa::path(post, path = "/signup", tag = "pages", security(()),
    request_body(content = SignUpForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "A page, with recovery codes", content_type = "text/html", body = String),
        (status = "default", description = "A problem; a page for who wants one", content((Problem = "application/problem+json"), (String = "text/html")))))]
async fn sign_up(Visitor(ctx): Visitor, headers: HeaderMap, Form(form): Form<SignUpForm>) -> Response {
    let (token, name) = (token(&form.token), form.name.unwrap_or_default());
    let given = Some(name.clone()).filter(|name| !name.trim().is_empty());
    let made = async {
        sessions::in_earnest(&ctx)?;
        sessions::sign_up(&ctx, token.to_owned(), form.password, given).await
    };
    match made.await {
        Ok(signed_in) => {
            leave_earlier(&ctx, &headers).await;
            let cookie = Cookie::Session.set(&ctx.app, &signed_in.token, sessions::SESSION_SECONDS);
            with_cookie(shown(StatusCode::OK, &Welcome::new(&signed_in)), cookie)
        }
        Err(error) => {
            let invited = invitations::is_token(token);
            let told = match invited {
                true => {
                    "This invitation is good no more, or it is for an account that is there: then sign in to accept it."
                }
                false => "This link is good no more: each is good once, and for some days. Ask for another one.",
            };
            match wrong(&error, told).filter(|_| html::wanted(&headers)) {
                Some(wrong) => {
                    let user = named(&ctx);
                    refused(&error, &SignUp::new(invited, user.as_deref(), token, &name, wrong))
                }
                None => html::problem(error, &headers, &ctx.request_id),
            }
        }
    }
}

/// The token of what somebody pasted: a link, or what stands behind its `#`.
fn token(given: &str) -> &str {
    given.rsplit('#').next().unwrap_or_default().trim()
}

/// Whose browser it is, while somebody is signed in there.
fn named(ctx: &Ctx) -> Option<Arc<UserInfo>> {
    if !matches!(ctx.who, Who::Session(_)) {
        return None;
    }
    let dir = ctx.directory();
    let user = ctx.user(&dir).ok()?;
    dir.users.info(user).map(Arc::clone)
}

fn shown(status: StatusCode, page: &impl Template) -> Response {
    live(status, true, page, &[])
}

/// The page once more, with what was wrong.
fn refused(error: &Error, page: &impl Template) -> Response {
    let status = StatusCode::from_u16(error.problem().status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
    let mut response = shown(status, page);
    if let Some(seconds) = error.retry_after() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// What to tell, and at which field; nothing of what the form is not to blame for. `missing` is said of the token.
fn wrong(error: &Error, missing: &str) -> Option<Wrong> {
    let mut wrong = Wrong::default();
    match error {
        Error::NotFound => wrong.token = Some(missing.to_owned()),
        Error::Invalid(fields) => {
            for field in fields {
                let told = |what: &str| Some(sentence(&format!("{what} {}", field.message)));
                match field.pointer.as_str() {
                    "/password" => wrong.password = told("the password"),
                    "/name" => wrong.name = told("the name"),
                    pointer => wrong.page = told(pointer.trim_start_matches(['/', '?'])),
                }
            }
        }
        Error::Conflict(..) | Error::LoginRefused | Error::RateLimited(_) | Error::Overloaded => {
            wrong.page = Some(sentence(&error.problem().detail));
        }
        _ => return None,
    }
    Some(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_taken_as_people_paste_it() {
        for given in ["invite_x", " invite_x\n", "https://garth.example/invitation#invite_x ", "#invite_x"] {
            assert_eq!(token(given), "invite_x", "{given}");
        }
        assert_eq!(token("https://garth.example/invitation#"), "");
    }
}
