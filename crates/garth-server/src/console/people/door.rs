//! The doors for whoever is not signed in: making the first administrator, and coming back with a recovery code.

use super::super::pages::{WayIn, Welcome, ways_in};
use super::super::seat::{Seat, Wrong};
use super::routes::{RecoverForm, SetupForm};
use super::{at, typed};
use crate::access::{Cookie, Ctx, Who};
use crate::base::error::{Error, Result};
use crate::base::html::{self, LINK_SCRIPT_NAME, STYLE_NAME};
use crate::base::ids;
use crate::identity_providers::browser::{device, leave_earlier, with_cookie};
use crate::passkeys;
use crate::sessions::{self, Setup, SignedIn};
use crate::users::NewUser;
use askama::Template;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;

/// The fields of the two forms.
const SETUP: [&str; 6] = ["/token", "/username", "/name", "/email", "/password", "/space"];
const RECOVER: [&str; 3] = ["/username", "/recovery_code", "/new_password"];

#[derive(Template)]
#[template(path = "set_up.html")]
struct SetUp {
    form: SetupForm,
    wrong: Wrong,
    style: &'static str,
}

#[derive(Template)]
#[template(path = "recover.html")]
struct Recover {
    username: String,
    wrong: Wrong,
    style: &'static str,
}

/// Somebody is back.
#[derive(Template)]
#[template(path = "recovered.html")]
struct Recovered {
    name: String,
    username: String,
    ways: Vec<WayIn>,
    /// Recovery codes that are left.
    left: Option<i64>,
    script: &'static str,
    style: &'static str,
}

/// The page of a fresh installation; missing like any other once somebody is there.
pub fn setup_page(seat: &Seat) -> Result<Response> {
    if !seat.ctx.app.needs_setup() {
        return Err(Error::NotFound);
    }
    let page = SetUp { form: SetupForm::default(), wrong: Wrong::default(), style: &STYLE_NAME };
    Ok(html::page(StatusCode::OK, &page, &[]))
}

/// Makes the first administrator, signs them in, and shows their recovery codes.
pub async fn set_up(seat: &Seat, form: SetupForm) -> Result<Response> {
    if !seat.ctx.app.needs_setup() {
        return Err(Error::NotFound);
    }
    let user =
        NewUser { username: form.username.trim().to_owned(), name: typed(&form.name), email: typed(&form.email) };
    let (token, password) = (form.token.trim().to_owned(), form.password.clone());
    let setup = Setup { token, user, password, space: typed(&form.space) };
    let made = async {
        sessions::in_earnest(&seat.ctx)?;
        sessions::set_up(&seat.ctx, setup).await
    };
    match made.await {
        Ok(signed_in) => {
            Ok(entered(&seat.ctx, &signed_in, html::page_with_script(StatusCode::OK, &Welcome::new(&signed_in), &[])))
        }
        Err(error) => {
            let retry = error.retry_after();
            let wrong = seat.refused(at("/token", error), &SETUP)?;
            let page = SetUp { form: SetupForm { password: String::new(), ..form }, wrong, style: &STYLE_NAME };
            Ok(again(html::page(page.wrong.status, &page, &[]), retry))
        }
    }
}

/// The page of who has lost their password.
pub fn recover_page() -> Response {
    let page = Recover { username: String::new(), wrong: Wrong::default(), style: &STYLE_NAME };
    html::page(StatusCode::OK, &page, &[])
}

/// Sets a new password with a recovery code, signs in, and tells what outlives it.
pub async fn recover(seat: &Seat, headers: &HeaderMap, form: RecoverForm) -> Result<Response> {
    let ctx = &seat.ctx;
    let RecoverForm { username, recovery_code, new_password } = form;
    match sessions::recover(ctx, &username, &recovery_code, new_password, device(headers)).await {
        Ok(signed_in) => {
            leave_earlier(ctx, headers).await;
            let theirs = ctx.with_credential(Who::Session(ids::token_hash(&signed_in.token)));
            let left = passkeys::list(&theirs).await.ok().map(|own| own.recovery_codes_left);
            let page = Recovered {
                name: signed_in.user.name.clone(),
                username: signed_in.user.username.clone(),
                ways: ways_in(&signed_in.kept),
                left,
                script: &LINK_SCRIPT_NAME,
                style: &STYLE_NAME,
            };
            Ok(entered(ctx, &signed_in, html::page_with_script(StatusCode::OK, &page, &[])))
        }
        Err(error) => {
            let retry = error.retry_after();
            let wrong = seat.refused(error, &RECOVER)?;
            let page = Recover { username, wrong, style: &STYLE_NAME };
            Ok(again(html::page(page.wrong.status, &page, &[]), retry))
        }
    }
}

/// The same answer to a browser that is signed in from now on.
fn entered(ctx: &Ctx, signed_in: &SignedIn, response: Response) -> Response {
    with_cookie(response, Cookie::Session.set(&ctx.app, &signed_in.token, sessions::SESSION_SECONDS))
}

/// A form that is shown once more: after how long it is worth another try, where that is known.
fn again(mut response: Response, retry: Option<u64>) -> Response {
    if let Some(seconds) = retry {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
