//! The audit of a space: what was changed and refused, with what was there before and after.

use super::frame::{Frame, Section};
use super::look::{Choice, Moment, address, day};
use super::names::{DEEDS, Names, deed};
use super::seat::{Seat, Wrong};
use crate::access::Viewer;
use crate::audit::{self, Entry, Filter};
use crate::base::clock;
use crate::base::error::{Error, Result};
use crate::base::http::{Page, Query};
use crate::directory::policy::Sees;
use askama::Template;
use axum::response::Response;
use garth_core::Micros;
use serde_json::Value;
use std::collections::BTreeSet;

#[derive(Template)]
#[template(path = "audit.html")]
struct Audit {
    frame: Frame,
    list: List,
}

/// A page of a record, with what it was filtered by.
pub struct List {
    /// Where it is.
    pub own: String,
    pub rows: Vec<Row>,
    pub next: Option<String>,
    pub actions: Vec<Choice>,
    pub actor: String,
    pub outcome: String,
    pub from: String,
    pub to: String,
    /// The one thing that it is of, where it is of one.
    pub target: String,
    pub filtered: bool,
    /// Where the same is as a file.
    pub csv: String,
    pub json: String,
}

/// An entry, as it is read.
pub struct Row {
    pub who: String,
    pub did: String,
    pub what: String,
    pub refused: bool,
    pub at: Moment,
    pub action: String,
    pub credential: String,
    pub request_id: String,
    pub fields: Vec<Field>,
}

/// A field that is another one than before.
pub struct Field {
    pub name: String,
    pub before: String,
    pub after: String,
}

impl Row {
    /// The entry for somebody who reads those names.
    pub fn new(names: &Names<'_>, entry: Entry, now: Micros) -> Self {
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap_or(Value::Null);
        let (before, after) = (read(&entry.before), read(&entry.after));
        Self {
            who: names.of(&entry.actor),
            did: deed(&entry.action, &entry.target_type).to_owned(),
            what: names.target(&entry, &before, &after),
            refused: entry.outcome == "refused",
            at: Moment::new(entry.at, now),
            action: entry.action,
            credential: entry.credential,
            request_id: entry.request_id,
            fields: fields(&before, &after),
        }
    }
}

/// What differs between two states, field by field.
fn fields(before: &Value, after: &Value) -> Vec<Field> {
    let keys =
        |state: &Value| state.as_object().map(|o| o.keys().cloned().collect::<BTreeSet<_>>()).unwrap_or_default();
    let told = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let all: BTreeSet<String> = keys(before).union(&keys(after)).cloned().collect();
    let differ = all.into_iter().filter(|key| before[key] != after[key]);
    differ.map(|key| Field { before: told(&before[&key]), after: told(&after[&key]), name: key }).collect()
}

/// A time of a filter: a day, or a moment as the API writes it.
fn time(query: &mut Query, name: &str, given: &str, later: i64) -> Option<Micros> {
    let at = day(given, later).or_else(|| clock::from_text(given));
    if at.is_none() && !given.is_empty() {
        query.refuse(name, "must be a day such as 2031-05-04");
    }
    at
}

/// Which entries somebody wants, as an address says it.
pub struct Wanted {
    actor: String,
    action: String,
    target: String,
    outcome: String,
    from: String,
    to: String,
    pub filter: Filter,
}

impl Wanted {
    /// Reads it.
    ///
    /// # Errors
    /// 401.
    pub fn read(seat: &Seat, query: &mut Query) -> Result<Self> {
        let mut one = |name: &str| query.one(name).unwrap_or_default().trim().to_owned();
        let (actor, action, outcome) = (one("actor"), one("action"), one("outcome"));
        let (from, to, target) = (one("from"), one("to"), one("target"));
        if !matches!(outcome.as_str(), "" | "done" | "refused") {
            query.refuse("outcome", "must be done or refused");
        }
        let filter = Filter {
            actor: (!actor.is_empty()).then(|| principal(seat, &actor)).transpose()?,
            action: Some(action.clone()).filter(|text| !text.is_empty()),
            target: Some(target.clone()).filter(|text| !text.is_empty()),
            outcome: Some(outcome.clone()).filter(|text| !text.is_empty()),
            from: time(query, "from", &from, 0),
            // The last day is a part of what is wanted.
            to: time(query, "to", &to, 1),
        };
        Ok(Self { actor, action, target, outcome, from, to, filter })
    }

    /// The address of that, with one parameter more.
    fn at<'s>(&'s self, path: &str, more: (&'s str, &'s str)) -> String {
        address(path, &self.pairs().into_iter().chain([more]).collect::<Vec<_>>())
    }

    fn pairs(&self) -> [(&str, &str); 6] {
        [
            ("actor", self.actor.as_str()),
            ("action", &self.action),
            ("target", &self.target),
            ("outcome", &self.outcome),
            ("from", &self.from),
            ("to", &self.to),
        ]
    }
}

impl List {
    /// The entries of the record at that address; `deeds` is what is usually done there.
    pub fn new(
        seat: &Seat,
        own: &str,
        wanted: Wanted,
        found: Page<Entry>,
        deeds: impl Iterator<Item = (&'static str, &'static str)>,
    ) -> Result<Self> {
        let (ctx, dir) = (&seat.ctx, seat.ctx.directory());
        let caller = ctx.caller(&dir)?;
        let names = Names::new(&dir, &caller, ctx.now());
        let action = wanted.action.as_str();
        let mut actions: Vec<Choice> =
            deeds.map(|(code, words)| Choice::new(code, &format!("{words} ({code})"), action)).collect();
        if !action.is_empty() && actions.iter().all(|choice| !choice.picked) {
            actions.push(Choice::new(action, action, action));
        }
        let file = format!("{own}/export");
        Ok(Self {
            rows: found.items.into_iter().map(|entry| Row::new(&names, entry, ctx.now())).collect(),
            next: found.next.map(|cursor| wanted.at(own, ("cursor", &cursor))),
            filtered: wanted.pairs().iter().any(|(_, value)| !value.is_empty()),
            csv: wanted.at(&file, ("format", "csv")),
            json: wanted.at(&file, ("format", "json")),
            own: own.to_owned(),
            actions,
            actor: wanted.actor,
            outcome: wanted.outcome,
            target: wanted.target,
            from: wanted.from,
            to: wanted.to,
        })
    }
}

/// The page.
pub async fn show(seat: &Seat, space: &str) -> Result<Response> {
    let frame = Frame::new(seat, space, Section::Audit).await?;
    let mut query = Query::new(&seat.uri)?;
    let wanted = Wanted::read(seat, &mut query)?;
    let page = query.page();
    query.done()?;
    let found = match audit::of_space(&seat.ctx, space, wanted.filter.clone(), &page).await {
        Err(error @ Error::Forbidden(_)) => return frame.closed(seat, error),
        other => other?,
    };
    let list = List::new(seat, &frame.at("/audit"), wanted, found, DEEDS.into_iter())?;
    let id = frame.space.id;
    Ok(Frame::shown(seat, id, &Wrong::default(), &Audit { frame, list }))
}

/// A principal as the audit writes it: people are typed by their username. The name of one whom the caller does not see
/// stays as it was typed, like a name that nobody has.
///
/// # Errors
/// 401.
pub fn principal(seat: &Seat, typed: &str) -> Result<String> {
    let (ctx, dir) = (&seat.ctx, seat.ctx.directory());
    let caller = ctx.caller(&dir)?;
    let viewer = Viewer::new(&dir, &caller, ctx.now());
    let text = if typed.contains(':') { typed.to_owned() } else { format!("user:@{}", typed.trim_start_matches('@')) };
    Ok(match dir.principal(&text).filter(|found| viewer.principal(*found)) {
        Some(found) => dir.principal_text(found),
        None => text,
    })
}
