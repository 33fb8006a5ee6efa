//! The API keys of a space: made, exchanged, revoked; each secret is shown once.

use super::frame::{Frame, Section};
use super::look::{Chip, Moment, address, day};
use super::names::Names;
use super::roles::{RoleChoice, choices};
use super::seat::{Seat, Wrong};
use crate::access::Ctx;
use crate::api_keys::{self, Creator, Issued, NewKey, Shown};
use crate::base::error::{Error, Result};
use crate::base::http::{PageRequest, Query};
use crate::base::text::PAGE_DEFAULT;
use crate::sessions;
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use garth_core::Micros;

/// The fields of the form that makes one.
const FIELDS: [&str; 3] = ["/name", "/role", "/expires_at"];
/// A key that ends within so long is told to end soon, in microseconds: a week.
const SOON: Micros = 7 * 24 * 60 * 60 * 1_000_000;

#[derive(Template)]
#[template(path = "keys.html")]
struct Keys {
    frame: Frame,
    keys: Vec<Row>,
    next: Option<String>,
    roles: Vec<RoleChoice>,
    name: String,
    role: String,
    expires: String,
    wrong: Wrong,
}

struct Row {
    id: String,
    name: String,
    prefix: String,
    old: Option<(String, Moment)>,
    chip: Chip,
    made: Moment,
    by: String,
    used: Option<Moment>,
    ends: Option<Moment>,
    /// What to mind, and its colour.
    word: Option<(&'static str, &'static str)>,
}

impl Row {
    fn new(ctx: &Ctx, names: &Names<'_>, shown: Shown) -> Self {
        let now = ctx.now();
        let moment = |at| Moment::new(at, now);
        let Shown { key, role, last_used_at, creator } = shown;
        let word = match key.expires_at {
            Some(end) if end <= now => Some(("expired", "bad")),
            _ if key.disabled => Some(("disabled: exchange its secret", "bad")),
            Some(end) if end - now < SOON => Some(("ends soon", "near")),
            _ => None,
        };
        let by = match creator {
            Creator::Gone => "somebody who is no member any more".to_owned(),
            Creator::Administrator | Creator::Member => names.of(&key.created_by),
        };
        Self {
            old: key.old_prefix.zip(key.old_until.filter(|until| *until > now).map(moment)),
            chip: Chip::new(&role),
            made: moment(key.created_at),
            used: last_used_at.map(moment),
            ends: key.expires_at.map(moment),
            id: key.id,
            name: key.name,
            prefix: key.prefix,
            by,
            word,
        }
    }
}

/// What was tried on the page.
#[derive(Default)]
pub struct Tried {
    pub name: String,
    pub role: String,
    pub expires: String,
    pub wrong: Wrong,
}

/// The page.
pub async fn show(seat: &Seat, space: &str) -> Result<Response> {
    again(seat, space, Tried::default()).await
}

async fn again(seat: &Seat, space: &str, tried: Tried) -> Result<Response> {
    let frame = Frame::new(seat, space, Section::Keys).await?;
    let page = if seat.looks() { wanted(seat)? } else { PageRequest::first(PAGE_DEFAULT) };
    let ctx = &seat.ctx;
    let found = match api_keys::list(ctx, space, None, &page).await {
        Err(error @ Error::Forbidden(_)) => return frame.closed(seat, error),
        other => other?,
    };
    let next = found.next.map(|cursor| address(&frame.at("/keys"), &[("cursor", &cursor)]));
    let roles = choices(ctx)?;
    let dir = ctx.directory();
    let caller = ctx.caller(&dir)?;
    let names = Names::new(&dir, &caller, ctx.now());
    let keys = found.items.into_iter().map(|key| Row::new(ctx, &names, key)).collect();
    let Tried { name, role, expires, wrong } = tried;
    let role = if role.is_empty() { "reader".to_owned() } else { role };
    let id = frame.space.id;
    let page = Keys { frame, keys, next, roles, name, role, expires, wrong };
    Ok(Frame::shown(seat, id, &page.wrong, &page))
}

fn wanted(seat: &Seat) -> Result<PageRequest> {
    let mut query = Query::new(&seat.uri)?;
    let page = query.page();
    query.done()?;
    Ok(page)
}

/// A secret, this once.
#[derive(Template)]
#[template(path = "key.html")]
struct Revealed {
    frame: Frame,
    name: String,
    chip: Chip,
    secret: String,
    url: String,
    rotated: bool,
    old: Option<Moment>,
}

async fn revealed(seat: &Seat, space: &str, issued: Issued, rotated: bool) -> Result<Response> {
    sessions::in_earnest(&seat.ctx)?;
    let frame = Frame::new(seat, space, Section::Keys).await?;
    let key = issued.key.key;
    let page = Revealed {
        url: format!("{}/api/v1/resources?space={}", seat.ctx.app.public_url.trim_end_matches('/'), frame.space.id),
        frame,
        name: key.name,
        chip: Chip::new(&issued.key.role),
        secret: issued.secret,
        rotated,
        old: key.old_until.map(|until| Moment::new(until, seat.ctx.now())),
    };
    Ok(seat.page_as(StatusCode::OK, &page))
}

/// Makes a key, and shows its secret this once.
pub async fn create(seat: &Seat, space: &str, tried: Tried) -> Result<Response> {
    let made = async {
        let expires_at = match tried.expires.as_str() {
            "" => None,
            // Until the end of that day.
            text => Some(day(text, 1).ok_or_else(|| Error::field("/expires_at", "must be a day such as 2031-05-04"))?),
        };
        let new = NewKey { name: tried.name.clone(), role: tried.role.clone(), expires_at };
        api_keys::create(&seat.ctx, space.to_owned(), new).await
    };
    match made.await {
        Ok(issued) => revealed(seat, space, issued, false).await,
        Err(error) => {
            let wrong = seat.refused(error, &FIELDS)?;
            again(seat, space, Tried { wrong, ..tried }).await
        }
    }
}

/// Exchanges a key's secret, and shows the new one this once.
pub async fn rotate(seat: &Seat, space: &str, key: String, grace: &str) -> Result<Response> {
    let grace = grace.parse().unwrap_or(-1);
    match api_keys::rotate(&seat.ctx, space.to_owned(), key, grace).await {
        Ok(issued) => revealed(seat, space, issued, true).await,
        Err(error) => {
            let wrong = seat.refused(error, &FIELDS)?;
            again(seat, space, Tried { wrong, ..Tried::default() }).await
        }
    }
}

/// Revokes a key.
pub async fn revoke(seat: &Seat, space: &str, key: String) -> Result<Response> {
    match api_keys::revoke(&seat.ctx, space.to_owned(), key).await {
        Ok(()) => Ok(seat.done(&format!("/s/{space}/keys"), "The key is revoked: it opens nothing any more.")),
        Err(error) => {
            let wrong = seat.refused(error, &FIELDS)?;
            again(seat, space, Tried { wrong, ..Tried::default() }).await
        }
    }
}
