//! Where somebody is signed in, and how they end that.

use super::super::look::Moment;
use super::super::seat::Seat;
use super::super::shell::Shell;
use crate::base::error::Result;
use crate::sessions::device::is_browser;
use crate::sessions::{self, Session};
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

const PAGE: &str = "/account/sessions";

#[derive(Template)]
#[template(path = "sessions.html")]
struct Sessions {
    frame: Shell,
    tab: &'static str,
    rows: Vec<Row>,
}

struct Row {
    id: String,
    device: String,
    current: bool,
    began: Moment,
    used: Moment,
    ends: Moment,
}

/// What somebody signed in with, in words.
fn called(device: &str) -> String {
    match device {
        "setup" => "The set-up of this installation".to_owned(),
        "signup" => "The link of your account or invitation".to_owned(),
        "" => "Unknown".to_owned(),
        browser if is_browser(browser) => browser.to_owned(),
        // It says so itself.
        other => format!("Unknown (“{other}”)"),
    }
}

/// The page.
pub async fn show(seat: &Seat) -> Result<Response> {
    let ctx = &seat.ctx;
    let moment = |at| Moment::new(at, ctx.now());
    let row = |session: Session| Row {
        device: called(&session.device),
        current: session.current,
        began: moment(session.created_at),
        used: moment(session.last_used_at),
        ends: moment(session.expires_at),
        id: session.id,
    };
    let mut rows: Vec<Row> = sessions::list(ctx).await?.into_iter().map(row).collect();
    rows.sort_by_key(|row| !row.current);
    let page = Sessions { frame: Shell::outside(seat, "/account")?, tab: "sessions", rows };
    Ok(seat.page_as(StatusCode::OK, &page))
}

/// Ends one of them, or all the others.
pub async fn end(seat: &Seat, id: Option<String>) -> Result<Response> {
    let said = match &id {
        Some(_) => "That session has ended.",
        None => "You are signed out everywhere else.",
    };
    sessions::end(&seat.ctx, id).await?;
    Ok(seat.done(PAGE, said))
}
