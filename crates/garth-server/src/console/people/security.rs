//! How somebody gets in: their password, passkeys, recovery codes, and who else vouches for them.

use super::super::look::Moment;
use super::super::seat::{Seat, Wrong};
use super::super::shell::Shell;
use super::at;
use crate::base::error::Result;
use crate::base::html::SCRIPT_NAME;
use crate::identity_providers;
use crate::passkeys;
use crate::sessions;
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

const PAGE: &str = "/account/security";

#[derive(Template)]
#[template(path = "security.html")]
struct Security {
    frame: Shell,
    tab: &'static str,
    /// Can this server do passkeys?
    available: bool,
    own: Vec<Passkey>,
    /// Is one asked for after the password?
    required: bool,
    /// Recovery codes that are left.
    codes: i64,
    ways: Vec<Way>,
    offered: Vec<Offer>,
    tried: Tried,
    passkeys_script: &'static str,
}

struct Passkey {
    id: String,
    name: String,
    made: Moment,
    used: Option<Moment>,
}

/// Somebody who vouches for them.
struct Way {
    id: String,
    name: String,
    detail: String,
    since: Moment,
    enabled: bool,
}

/// Somebody who could.
struct Offer {
    name: String,
    slug: String,
}

#[derive(Template)]
#[template(path = "codes.html")]
struct Codes {
    frame: Shell,
    codes: Vec<String>,
}

/// What was wrong, by form.
#[derive(Default)]
struct Tried {
    password: Wrong,
    codes: Wrong,
    factor: Wrong,
    other: Wrong,
}

impl Tried {
    fn status(&self) -> StatusCode {
        let all = [&self.password, &self.codes, &self.factor, &self.other];
        all.into_iter().map(|wrong| wrong.status).find(|status| *status != StatusCode::OK).unwrap_or(StatusCode::OK)
    }
}

/// The page.
pub async fn show(seat: &Seat) -> Result<Response> {
    shown(seat, Tried::default()).await
}

async fn shown(seat: &Seat, tried: Tried) -> Result<Response> {
    let ctx = &seat.ctx;
    let providers = identity_providers::offered(ctx).await?;
    let identities = identity_providers::identities(ctx).await?;
    let own = passkeys::list(ctx).await?;
    let frame = Shell::outside(seat, "/account")?;
    let moment = |at| Moment::new(at, ctx.now());
    let offered = providers.iter().filter(|provider| identities.iter().all(|one| one.provider != provider.id));
    let page = Security {
        frame,
        tab: "security",
        available: passkeys::available(ctx),
        required: own.required,
        codes: own.recovery_codes_left,
        own: own
            .passkeys
            .into_iter()
            .map(|one| Passkey {
                id: one.id.to_string(),
                made: moment(one.created_at),
                used: one.last_used_at.map(moment),
                name: one.name,
            })
            .collect(),
        offered: offered.map(|one| Offer { name: one.name.clone(), slug: one.slug.clone() }).collect(),
        ways: identities
            .into_iter()
            .map(|one| Way {
                id: one.id.to_string(),
                name: one.provider_name,
                detail: one.email.unwrap_or(one.subject),
                since: moment(one.created_at),
                enabled: one.enabled,
            })
            .collect(),
        tried,
        passkeys_script: &SCRIPT_NAME,
    };
    // Linking leads to the provider in the end.
    let forms = identity_providers::origins(ctx, &providers);
    Ok(seat.page_to(page.tried.status(), &page, &forms))
}

/// Changes the password.
pub async fn set_password(seat: &Seat, current: String, new: String) -> Result<Response> {
    match sessions::set_password(&seat.ctx, current, new).await {
        Ok(()) => Ok(seat.done(PAGE, "Your password is changed. Everywhere else you are signed out.")),
        Err(error) => {
            let password = seat.refused(at("/current", error), &["/current", "/new"])?;
            shown(seat, Tried { password, ..Tried::default() }).await
        }
    }
}

/// Makes new recovery codes, and shows them this once.
pub async fn renew_codes(seat: &Seat, current: String) -> Result<Response> {
    match sessions::renew(&seat.ctx, current).await {
        Ok(codes) => {
            sessions::in_earnest(&seat.ctx)?;
            let page = Codes { frame: Shell::outside(seat, "/account")?, codes };
            Ok(seat.page_as(StatusCode::OK, &page))
        }
        Err(error) => {
            let codes = seat.refused(at("/current", error), &["/current"])?;
            shown(seat, Tried { codes, ..Tried::default() }).await
        }
    }
}

/// Asks for a passkey after the password, or no more.
pub async fn ask(seat: &Seat, required: bool, current: Option<String>) -> Result<Response> {
    match passkeys::require(&seat.ctx, required, current).await {
        Ok(()) if required => Ok(seat.done(PAGE, "After your password you are asked for a passkey from now on.")),
        Ok(()) => Ok(seat.done(PAGE, "Your password alone signs you in from now on.")),
        Err(error) => {
            let factor = seat.refused(at("/current", error), &["/current"])?;
            shown(seat, Tried { factor, ..Tried::default() }).await
        }
    }
}

/// Calls a passkey otherwise.
pub async fn rename(seat: &Seat, id: &str, name: &str) -> Result<Response> {
    match passkeys::rename(&seat.ctx, id, name).await {
        Ok(passkey) => Ok(seat.done(PAGE, &format!("The passkey is called {} now.", passkey.name))),
        Err(error) => {
            let other = seat.refused(error, &[])?;
            shown(seat, Tried { other, ..Tried::default() }).await
        }
    }
}

/// Removes a passkey.
pub async fn remove(seat: &Seat, id: &str) -> Result<Response> {
    ended(seat, passkeys::remove(&seat.ctx, id).await, "The passkey is removed, and its sessions have ended.").await
}

/// Ends a link with a provider.
pub async fn unlink(seat: &Seat, id: &str) -> Result<Response> {
    let done = identity_providers::unlink(&seat.ctx, id).await;
    ended(seat, done, "The link has ended, and so have the sessions that began there.").await
}

async fn ended(seat: &Seat, done: Result<()>, said: &str) -> Result<Response> {
    match done {
        Ok(()) => Ok(seat.done(PAGE, said)),
        Err(error) => {
            let other = seat.refused(error, &[])?;
            shown(seat, Tried { other, ..Tried::default() }).await
        }
    }
}
