//! Copying what is selected to another space: where to, what becomes of what it refers to, what would become of each,
//! and done. The preview is the dry run of the copying itself.

use super::super::frame::Frame;
use super::super::look::{Choice as Picks, sentence};
use super::super::seat::{Seat, Wrong};
use super::done;
use super::moving::{choose, trying, with};
use super::picked::{Line, Picked, asked, line, nothing};
use super::targets::{self, name_of};
use super::told::{in_words, refused, told};
use crate::access::Ctx;
use crate::base::error::{Error, Result};
use crate::base::http::PageRequest;
use crate::console::fields::{Fields, many, one};
use crate::resources::copies::{self, Choice, Item, OnConflict, Order, Outcome};
use crate::resources::{self, Filter, ResourceView, shares};
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use std::collections::BTreeMap;
use uuid::Uuid;

/// References that the page has a choice for.
const REFERENCES: usize = 60;
/// Things that are looked at to find them.
const LOOKED_AT: usize = 100;
/// Things of the target that may stand for another one.
const INSTEAD: usize = 50;

#[derive(Template)]
#[template(path = "copy.html")]
struct Page {
    frame: Frame,
    heading: String,
    action: String,
    back: String,
    another: String,
    to: String,
    place: String,
    codes: Vec<String>,
    gone: usize,
    conflict: String,
    references: Vec<Reference>,
    rows: Vec<Row>,
    /// What would happen, counted: “2 new, 1 renamed”.
    summary: String,
    good: bool,
    button: String,
    wrong: Wrong,
}

/// Something that is referred to, and what becomes of it.
struct Reference {
    id: String,
    line: Line,
    by: String,
    choices: Vec<Picks>,
}

/// What would become of one.
struct Row {
    line: Line,
    word: &'static str,
    bad: bool,
    as_name: Option<String>,
    why: String,
}

/// Everything that is referred to, with what was chosen.
#[derive(Default)]
struct Referred {
    shown: Vec<Reference>,
    chosen: BTreeMap<String, Choice>,
    views: BTreeMap<String, ResourceView>,
}

/// The page.
pub async fn show(seat: &Seat, space: &str) -> Result<Response> {
    let pairs = asked(seat, &["space", "q", "conflict"], &["r", "ref"]);
    crate::spaces::get(&seat.ctx, space)?;
    shown(seat, space, &pairs?, Wrong::default()).await
}

async fn shown(seat: &Seat, space: &str, pairs: &Fields, wrong: Wrong) -> Result<Response> {
    let (frame, picked) = Picked::read(seat, space, pairs).await?;
    if picked.views.is_empty() {
        return Ok(nothing(seat, &picked));
    }
    let to = one(pairs, "space");
    // Whoever may put nothing there makes no work.
    let open = |id: &Uuid| *id != frame.space.id && targets::open(seat, to, &picked.writes());
    match name_of(seat, to).filter(|(id, _)| open(id)) {
        Some((id, place)) => preview(seat, frame, picked, pairs, (id.to_string(), place), wrong).await,
        None if to.is_empty() => choose(seat, frame, &picked, one(pairs, "q"), ("Copy", "copy"), wrong),
        None => {
            let closed = Error::field("/space", "that space is not there, or not for you to copy things to");
            let wrong = if wrong.status == StatusCode::OK { refused(seat, closed)? } else { wrong };
            choose(seat, frame, &picked, "", ("Copy", "copy"), wrong)
        }
    }
}

fn on_conflict(word: &str) -> OnConflict {
    match word {
        "skip" => OnConflict::Skip,
        "replace" => OnConflict::Replace,
        _ => OnConflict::Rename,
    }
}

/// How an outcome is told, and whether it stands in the way.
fn word(outcome: Outcome) -> (&'static str, bool) {
    match outcome {
        Outcome::Copied => ("New", false),
        Outcome::Renamed => ("Renamed", false),
        Outcome::Replaced => ("Replaces", false),
        Outcome::Skipped => ("Skipped", false),
        Outcome::MissingReference => ("Missing reference", true),
        Outcome::NotAllowed => ("Not allowed", true),
    }
}

async fn preview(
    seat: &Seat,
    frame: Frame,
    picked: Picked,
    pairs: &Fields,
    (to, place): (String, String),
    mut wrong: Wrong,
) -> Result<Response> {
    let id = frame.space.id;
    let referred = referred(seat, &frame, &picked, &to, pairs).await?;
    let items = match attempt(&trying(seat), &picked, &referred, &to, pairs).await {
        Ok(items) => items,
        Err(error) => {
            let why = told(seat, error)?;
            wrong.page.get_or_insert(why);
            Vec::new()
        }
    };
    let mut rows = Vec::new();
    for item in &items {
        rows.extend(row(seat, &frame, &picked, &referred, item).await?);
    }
    let goes = items.iter().filter(|item| is_made(item.outcome)).count();
    let good = goes > 0 && items.iter().all(|item| !word(item.outcome).1);
    let action = frame.at("/selected/copy");
    let codes = picked.codes();
    let page = Page {
        heading: format!("Copy {} to {place}", picked.count(seat)),
        button: if goes == 1 { "Copy 1 thing".to_owned() } else { format!("Copy {goes} things") },
        summary: summary(&items),
        back: picked.list.clone(),
        another: with(&action, &codes, &[]),
        conflict: one(pairs, "conflict").to_owned(),
        gone: picked.gone,
        references: referred.shown,
        action,
        to,
        place,
        codes,
        rows,
        good,
        wrong,
        frame,
    };
    Ok(Frame::shown(seat, id, &page.wrong, &page))
}

fn is_made(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Copied | Outcome::Renamed | Outcome::Replaced)
}

/// “2 new, 1 skipped”.
fn summary(items: &[Item]) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for item in items {
        let told = word(item.outcome).0;
        match counts.iter_mut().find(|(word, _)| *word == told) {
            Some((_, count)) => *count += 1,
            None => counts.push((told, 1)),
        }
    }
    let each: Vec<String> =
        counts.into_iter().map(|(word, count)| format!("{count} {}", word.to_lowercase())).collect();
    each.join(", ")
}

async fn row(seat: &Seat, frame: &Frame, picked: &Picked, referred: &Referred, item: &Item) -> Result<Option<Row>> {
    let known = picked.views.iter().find(|view| view.row.id == item.source);
    let view = match known.or_else(|| referred.views.get(&item.source)) {
        Some(view) => view.clone(),
        None => match resources::get(&seat.ctx, &item.source).await {
            Ok(view) => view,
            Err(Error::NotFound) => return Ok(None),
            Err(error) => return Err(error),
        },
    };
    let (word, bad) = word(item.outcome);
    let as_name = item.name.clone().filter(|name| *name != view.row.name);
    let why = item.reason.as_deref().map(|why| sentence(&in_words(why))).unwrap_or_default();
    Ok(Some(Row { line: line(frame, &view), word, bad, as_name, why }))
}

/// What the selected things refer to, and what those that are copied as well refer to in turn: of what the caller sees.
async fn referred(seat: &Seat, frame: &Frame, picked: &Picked, to: &str, pairs: &Fields) -> Result<Referred> {
    let said: BTreeMap<String, String> = many(pairs, "ref")
        .iter()
        .filter_map(|text| text.split_once(':').map(|(id, way)| (id.to_owned(), way.to_owned())))
        .collect();
    let mut found = Referred::default();
    let mut waiting: Vec<ResourceView> = Vec::new();
    let mut instead: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    let mut at = 0;
    let several = picked.views.len();
    // What is more than the page shows is not looked for.
    while found.shown.len() < REFERENCES && at < LOOKED_AT.max(several) {
        let along = at.checked_sub(several).and_then(|at| waiting.get(at)).cloned();
        let Some(view) = picked.views.get(at).or(along.as_ref()) else { break };
        at += 1;
        for reference in resources::outward(&seat.ctx, view, REFERENCES).await? {
            let Some(other) = reference.to else { continue };
            if let Some(known) = found.shown.iter_mut().find(|known| known.id == reference.id) {
                if !known.by.split(", ").any(|name| name == view.row.name) {
                    known.by = format!("{}, {}", known.by, view.row.name);
                }
                continue;
            }
            let selected = picked.views.iter().any(|view| view.row.id == reference.id);
            if selected || found.shown.len() == REFERENCES {
                continue;
            }
            if !instead.contains_key(&other.kind) {
                instead.insert(other.kind.clone(), usable(seat, to, &other.kind).await?);
            }
            let there = instead.get(&other.kind).map(Vec::as_slice).unwrap_or_default();
            let keeps = there.iter().any(|(id, _)| *id == other.row.id);
            let usual = match (keeps, other.space == Some(frame.space.id)) {
                (true, _) => format!("use:{}", other.row.id),
                (false, true) => "copy".to_owned(),
                (false, false) => "leave".to_owned(),
            };
            let way = said.get(&other.row.id).cloned().unwrap_or(usual);
            let choices = choices(&other, there, &way);
            found.chosen.insert(other.row.id.clone(), choice(&way));
            if way == "copy" {
                waiting.push(other.clone());
            }
            let line = line_at(frame, &other);
            found.shown.push(Reference { id: other.row.id.clone(), line, by: view.row.name.clone(), choices });
            found.views.insert(other.row.id.clone(), other);
        }
    }
    Ok(found)
}

fn line_at(frame: &Frame, view: &ResourceView) -> Line {
    let home = view.space.unwrap_or(frame.space.id);
    Line { href: format!("/s/{home}/resources/{}", view.row.code), ..line(frame, view) }
}

fn choice(way: &str) -> Choice {
    match way.split_once(':') {
        Some(("use", other)) => Choice::Use(other.to_owned()),
        _ if way == "copy" => Choice::Copy,
        _ => Choice::Exclude,
    }
}

/// What may be done with one thing that is referred to.
fn choices(other: &ResourceView, there: &[(String, String)], way: &str) -> Vec<Picks> {
    let id = &other.row.id;
    let picked = format!("{id}:{way}");
    let one = |way: &str, label: &str| Picks::new(&format!("{id}:{way}"), label, &picked);
    let mut all = Vec::new();
    if there.iter().any(|(own, _)| own == id) {
        all.push(one(&format!("use:{id}"), "Keep the reference: it can be used there"));
    }
    all.push(one("copy", "Copy it, too"));
    all.push(one("leave", "Leave the reference out"));
    for (instead, name) in there.iter().filter(|(own, _)| own != id) {
        all.push(one(&format!("use:{instead}"), &format!("Use {name} instead")));
    }
    all
}

/// What of that kind may be used in the target, by name.
async fn usable(seat: &Seat, to: &str, kind: &str) -> Result<Vec<(String, String)>> {
    let filter = Filter { kinds: vec![kind.to_owned()], order: Some("name".to_owned()), ..Filter::default() };
    let page = PageRequest::first(INSTEAD);
    let found = shares::usable(&seat.ctx, to, &filter, &page).await?.items;
    let label = |usable: shares::Usable| {
        let row = usable.resource.row;
        (row.id, format!("{} ({})", row.name, row.code))
    };
    Ok(found.into_iter().map(label).collect())
}

/// Copies, or tries to. What is said of things that nothing refers to any more, because what did is not copied, is let go.
async fn attempt(ctx: &Ctx, picked: &Picked, referred: &Referred, to: &str, pairs: &Fields) -> Result<Vec<Item>> {
    let mut order = Order {
        resources: picked.ids(),
        references: referred.chosen.clone(),
        default_reference: Choice::Exclude,
        on_conflict: on_conflict(one(pairs, "conflict")),
    };
    match copies::copy(ctx, to.to_owned(), order.clone()).await {
        Err(Error::Invalid(fields)) => {
            let before = order.references.len();
            let wrong: Vec<&str> =
                fields.iter().filter_map(|field| field.pointer.strip_prefix("/references/")).collect();
            order.references.retain(|id, way| !wrong.contains(&id.as_str()) || matches!(way, Choice::Use(_)));
            if order.references.len() == before {
                return Err(Error::Invalid(fields));
            }
            copies::copy(ctx, to.to_owned(), order).await
        }
        other => other,
    }
}

/// Copies them.
pub async fn act(seat: &Seat, space: &str, pairs: Fields) -> Result<Response> {
    let (frame, picked) = Picked::read(seat, space, &pairs).await?;
    if picked.views.is_empty() {
        return Ok(nothing(seat, &picked));
    }
    let to = one(&pairs, "space").to_owned();
    let open = |id: &Uuid| *id != frame.space.id && targets::open(seat, &to, &picked.writes());
    let Some((id, place)) = name_of(seat, &to).filter(|(id, _)| open(id)) else {
        return shown(seat, space, &pairs, Wrong::default()).await;
    };
    let to = id.to_string();
    let referred = referred(seat, &frame, &picked, &to, &pairs).await?;
    match attempt(&seat.ctx, &picked, &referred, &to, &pairs).await {
        // What is only tried is shown as what would happen.
        Ok(_) if seat.ctx.dry_run => shown(seat, space, &pairs, Wrong::default()).await,
        Ok(items) => {
            let made = items.iter().filter(|item| is_made(item.outcome)).count();
            let things = if made == 1 { "1 thing is" } else { &format!("{made} things are") };
            let outcome = |item: &Item| match item.outcome {
                Outcome::Renamed => "renamed",
                Outcome::Replaced => "replaced",
                Outcome::Skipped => "skipped",
                _ => "copied",
            };
            let listed = items.iter().filter_map(|item| Some((outcome(item), item.copy.clone()?)));
            Ok(seat.done(&done::address(&frame, &to, listed), &format!("{things} copied to {place}.")))
        }
        Err(error) => {
            let wrong = refused(seat, error)?;
            shown(seat, space, &pairs, wrong).await
        }
    }
}
