//! The page that the links of letters lead to.

use super::recipients::Link;
use crate::base::clock;
use crate::base::html::{STYLE_NAME, page};
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use garth_core::Micros;

/// How long one can snooze, as the page offers it.
const CHOICES: [(i64, &str); 7] = [
    (5, "5 minutes"),
    (60, "an hour"),
    (240, "4 hours"),
    (1_440, "a day"),
    (2_880, "2 days"),
    (5_760, "4 days"),
    (11_520, "8 days"),
];

#[derive(Template)]
#[template(path = "mail_choice.html")]
struct Choice<'a> {
    done: Option<&'a str>,
    address: &'a str,
    standing: String,
    unsubscribed: bool,
    silent: bool,
    token: &'a str,
    choices: &'a [(i64, &'a str)],
    style: &'a str,
}

/// What somebody can choose by their link, and what holds now; `done` is what they just did.
pub(super) fn choice(token: &str, link: &Link, until: Option<Option<Micros>>, done: Option<&str>) -> Response {
    let standing = match until {
        None => "They are being sent.".to_owned(),
        Some(None) => "You have unsubscribed: none are sent.".to_owned(),
        Some(Some(until)) => format!("You have snoozed them until {}.", words(until)),
    };
    let choice = Choice {
        done,
        address: &link.address,
        standing,
        unsubscribed: until == Some(None),
        silent: until.is_some(),
        token,
        choices: &CHOICES,
        style: &STYLE_NAME,
    };
    page(StatusCode::OK, &choice, &[])
}

/// A time as people read it, to the minute.
fn words(at: Micros) -> String {
    let text = clock::to_text(at);
    format!("{} UTC", text.get(..16).unwrap_or_default().replace('T', ", "))
}
