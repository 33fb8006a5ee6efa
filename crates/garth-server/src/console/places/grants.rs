//! The roles that are given in a space: to people, groups, everyone, keys and resources; until when, and by whom.

use super::persons::{self, Pick};
use super::routes::{GivenForm, NewGrantForm};
use crate::access::DAY;
use crate::base::clock;
use crate::base::error::{Error, Result};
use crate::base::http::{PageRequest, Query};
use crate::base::text::PAGE_DEFAULT;
use crate::console::frame::{Frame, Section};
use crate::console::look::{Chip, Face, Moment, address, capital, day, sentence};
use crate::console::names::{Names, called};
use crate::console::roles::{RoleChoice, choices};
use crate::console::seat::{Seat, Wrong};
use crate::grants::{self, Door, GrantPatch, KEY, NewGrant, Stored};
use askama::Template;
use axum::response::Response;
use garth_core::Micros;
use uuid::Uuid;

/// The fields of the form.
const FIELDS: [&str; 3] = ["/principal", "/role", "/expires_at"];
/// A day, so that an end is told as its last day.

#[derive(Template)]
#[template(path = "grants.html")]
struct Page {
    frame: Frame,
    rows: Vec<Row>,
    next: Option<String>,
    picks: Vec<Pick>,
    roles: Vec<RoleChoice>,
    tried: NewGrantForm,
    wrong: Wrong,
}

/// A role that somebody holds.
struct Row {
    id: String,
    name: String,
    /// What holds it, in a word.
    sort: &'static str,
    face: Face,
    chip: Chip,
    role: String,
    ends: Option<Moment>,
    over: bool,
    /// The last day, as a field has it.
    last: String,
    by: String,
    at: Moment,
    /// Is it the role that an API key was made with?
    of_key: bool,
}

/// The page.
pub async fn show(seat: &Seat, space: &str) -> Result<Response> {
    let mut query = Query::new(&seat.uri)?;
    let page = query.page();
    let principal = query.one("principal").unwrap_or_default();
    query.done()?;
    shown(seat, space, &page, NewGrantForm { principal, ..NewGrantForm::default() }, Wrong::default()).await
}

async fn shown(seat: &Seat, space: &str, page: &PageRequest, tried: NewGrantForm, wrong: Wrong) -> Result<Response> {
    let frame = Frame::new(seat, space, Section::Members).await?;
    let ctx = &seat.ctx;
    let found = match grants::list(ctx, Door::Space, space, page).await {
        Err(error @ Error::Forbidden(_)) => return frame.closed(seat, error),
        other => other?,
    };
    let next = found.next.map(|cursor| address(&frame.at("/members/grants"), &[("cursor", &cursor)]));
    let (picks, roles) = (persons::anybody(seat).await?, choices(ctx)?);
    let dir = ctx.directory();
    let caller = ctx.caller(&dir)?;
    let names = Names::new(&dir, &caller, ctx.now());
    let role =
        |grant: &Stored| dir.role_ref(&grant.role).map(|role| dir.role_name(role).to_owned()).unwrap_or_default();
    let rows = found.items.into_iter().map(|grant| row(&names, role(&grant), grant, ctx.now())).collect();
    let role = if tried.role.is_empty() { "reader".to_owned() } else { tried.role };
    let tried = NewGrantForm { role, ..tried };
    let id = frame.space.id;
    let page = Page { frame, rows, next, picks, roles, tried, wrong };
    Ok(Frame::shown(seat, id, &page.wrong, &page))
}

fn row(names: &Names<'_>, role: String, grant: Stored, now: Micros) -> Row {
    let (sort, id) = grant.principal.split_once(':').unwrap_or(("resource", ""));
    let name = match (sort, grant.principal.as_str()) {
        (_, "group:everyone") => "Everyone who is signed in".to_owned(),
        (_, "") => "A resource".to_owned(),
        (_, principal) => names.of(principal),
    };
    let sort = match sort {
        "user" => "",
        "group" if id == "everyone" => "",
        "group" => "group",
        "key" => "API key",
        _ => "resource",
    };
    Row {
        face: Face::new(&name, &Uuid::try_parse(id).unwrap_or_default()),
        name,
        sort,
        chip: Chip::new(&role),
        role,
        over: grant.expires_at.is_some_and(|end| end <= now),
        // An end at midnight is the end of the day before.
        last: grant
            .expires_at
            .map(|end| clock::to_text(end - DAY / 2).get(..10).unwrap_or_default().to_owned())
            .unwrap_or_default(),
        ends: grant.expires_at.map(|end| Moment::new(end, now)),
        by: names.of(&grant.granted_by),
        at: Moment::new(grant.created_at, now),
        of_key: grant.source == KEY,
        id: grant.id,
    }
}

/// The end that a field's day stands for.
fn until(text: &str) -> Result<Option<Micros>> {
    match text {
        "" => Ok(None),
        text => match day(text, 1) {
            Some(end) => Ok(Some(end)),
            None => Err(Error::field("/expires_at", "must be a day such as 2031-05-04")),
        },
    }
}

fn first() -> PageRequest {
    PageRequest::first(PAGE_DEFAULT)
}

/// Gives a role.
pub async fn give(seat: &Seat, space: &str, tried: NewGrantForm) -> Result<Response> {
    let given = async {
        let principal = persons::principal(&tried.principal);
        let new = NewGrant { principal, role: tried.role.clone(), expires_at: until(&tried.expires)? };
        grants::grant(&seat.ctx, Door::Space, space.to_owned(), new).await
    };
    match given.await {
        Ok((grant, true)) => {
            let said = format!("{} is {} here now.", called(seat, &grant.principal)?, tried.role);
            Ok(seat.done(&format!("/s/{space}/members/grants"), &capital(&said)))
        }
        Ok((grant, false)) => {
            let said = format!("{} holds that role already.", called(seat, &grant.principal)?);
            Ok(seat.done(&format!("/s/{space}/members/grants"), &capital(&said)))
        }
        Err(error) => {
            let wrong = seat.refused(error, &FIELDS)?;
            shown(seat, space, &first(), tried, wrong).await
        }
    }
}

/// Changes a role or its end.
pub async fn change(seat: &Seat, space: &str, grant: String, form: GivenForm) -> Result<Response> {
    let changed = async {
        let patch = GrantPatch { role: Some(form.role.clone()), expires_at: Some(until(&form.expires)?) };
        grants::update(&seat.ctx, Door::Space, space.to_owned(), grant, patch).await
    };
    match changed.await {
        Ok(grant) => {
            let said = format!("{} is {} here now.", called(seat, &grant.principal)?, form.role);
            Ok(seat.done(&format!("/s/{space}/members/grants"), &capital(&said)))
        }
        Err(error) => told(seat, space, error).await,
    }
}

/// Takes a role away.
pub async fn revoke(seat: &Seat, space: &str, grant: String) -> Result<Response> {
    match grants::revoke(&seat.ctx, Door::Space, space.to_owned(), grant).await {
        Ok(()) => {
            let sees = crate::spaces::get(&seat.ctx, space).is_ok();
            let there = if sees { format!("/s/{space}/members/grants") } else { "/".to_owned() };
            Ok(seat.done(&there, "The role is taken away. What comes from elsewhere stays."))
        }
        Err(error) => told(seat, space, error).await,
    }
}

/// What was refused, above the list.
async fn told(seat: &Seat, space: &str, error: Error) -> Result<Response> {
    let mut wrong = seat.refused(error, &[])?;
    wrong.page = wrong.page.map(|why| sentence(&why));
    shown(seat, space, &first(), NewGrantForm::default(), wrong).await
}
