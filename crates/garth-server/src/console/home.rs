//! The first page of a space: what is here, what was changed lately, how much is used, and who is here.

use super::audit::Row;
use super::frame::{Frame, Section, plural, told};
use super::health::{self, Concern};
use super::jobs::one::{Line, line};
use super::look::{Bar, Chip, Face};
use super::names::Names;
use super::seat::{Seat, Wrong};
use crate::audit::{self, Filter};
use crate::base::error::{Error, Result};
use crate::base::http::PageRequest;
use crate::base::text::PAGE_MAX;
use crate::{grants, quotas};
use askama::Template;
use axum::response::Response;
use garth_core::KindIx;

/// Changes on the page.
const CHANGES: usize = 8;
/// People on the page.
const PEOPLE: usize = 10;

#[derive(Template)]
#[template(path = "space.html")]
struct Home {
    frame: Frame,
    description: String,
    kinds: Vec<Tile>,
    /// For those who may read the audit.
    changes: Option<Vec<Row>>,
    bars: Vec<Bar>,
    /// For administrators.
    concerns: Option<Vec<Concern>>,
    /// How the jobs are.
    jobs: Option<Line>,
    /// For members.
    people: Option<Vec<Person>>,
    more_people: bool,
}

/// A kind, and how many of it are here.
struct Tile {
    href: String,
    count: String,
    label: String,
}

/// Somebody who is here.
pub struct Person {
    pub name: String,
    pub face: Face,
    pub chip: Option<Chip>,
}

/// What is there for those who may; nothing for others.
pub fn if_allowed<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(Error::Forbidden(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn first(limit: usize) -> PageRequest {
    PageRequest::first(limit)
}

/// The page.
pub async fn show(seat: &Seat, space: &str) -> Result<Response> {
    let frame = Frame::new(seat, space, Section::Home).await?;
    let (ctx, id) = (&seat.ctx, frame.space.id);
    let changes = match frame.may("space:admin") {
        true => if_allowed(audit::of_space(ctx, space, Filter::default(), &first(CHANGES)).await)?,
        false => None,
    };
    let meters = if_allowed(quotas::list(ctx, space, &first(PAGE_MAX)).await)?;
    let members = if_allowed(grants::members(ctx, space, &first(PEOPLE)))?;
    let dir = ctx.directory();
    let caller = ctx.caller(&dir)?;
    let names = Names::new(&dir, &caller, ctx.now());
    let tile = |(ix, count): (&KindIx, &i64)| {
        let kind = &dir.kinds.info(*ix)?.definition;
        let href = format!("{}{}", frame.home(), super::look::address("/resources", &[("kind", &kind.name)]));
        Some(Tile { href, count: told(*count), label: plural(kind) })
    };
    let mut kinds: Vec<Tile> = frame.numbers.iter().filter_map(tile).collect();
    kinds.sort_by(|one, other| one.label.cmp(&other.label));
    let limited = meters.into_iter().flat_map(|page| page.items).filter(|meter| meter.limit.is_some());
    let bars: Vec<Bar> = limited.map(|meter| Bar::new(meter, ctx.now())).collect();
    let concerns = health::of(seat, &frame, &bars).await?;
    let jobs = line(seat, &frame).await?;
    let more_people = members.as_ref().is_some_and(|page| page.next.is_some());
    let person = |member: grants::Member| Person {
        name: member.user.called().to_owned(),
        face: Face::new(&member.user.name, &member.user.id),
        chip: member.role.as_deref().map(Chip::new),
    };
    let page = Home {
        description: frame.space.description.clone(),
        kinds,
        changes: changes.map(|page| page.items.into_iter().map(|entry| Row::new(&names, entry, ctx.now())).collect()),
        bars,
        concerns,
        jobs,
        people: members.map(|page| page.items.into_iter().map(person).collect()),
        more_people,
        frame,
    };
    Ok(Frame::shown(seat, id, &Wrong::default(), &page))
}
