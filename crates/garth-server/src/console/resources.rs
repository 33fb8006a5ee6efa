//! The resources of a space: lists with filters in the address, and one by one.

use super::audit::{Row as Change, principal};
use super::form;
use super::frame::{Frame, Make, Section, plural};
use super::home::if_allowed;
use super::jobs::one::{Lately, More, Tried, built_in, lately, more, recipients, told as told_job};
use super::jobs::{JOB, form::OWN, interface::shown};
use super::look::{Moment, address, capital, kind_icon, noun};
use super::names::Names;
use super::seat::{Seat, Wrong};
use super::things::links::Links;
use super::things::picked::{Line, line};
use super::things::rules::{Eyes, words};
use crate::access::{Ctx, Viewer};
use crate::audit;
use crate::base::error::{Error, Result};
use crate::base::http::{Page, PageRequest, Query};
use crate::base::text::pointer;
use crate::directory::Definition;
use crate::resources::{self, Filter, Outward, ResourceView};
use askama::Template;
use axum::response::Response;
use garth_core::KindIx;

/// References of a resource that its page follows, each way.
const AROUND: usize = 50;
/// Changes of it that its page lists.
const HISTORY: usize = 20;

#[derive(Template)]
#[template(path = "resources.html")]
struct List {
    frame: Frame,
    heading: String,
    kind: String,
    q: String,
    label: String,
    owner: String,
    order: String,
    archived: bool,
    filtered: bool,
    clear: String,
    rows: Vec<Row>,
    /// May some of it be selected, to do something with it?
    picks: bool,
    /// Are they jobs, of which more is told?
    jobs: bool,
    /// May they be run?
    runs: bool,
    icon: &'static str,
    next: Option<String>,
    new: Option<Make>,
    wrong: Wrong,
}

struct Row {
    href: String,
    name: String,
    code: String,
    kind: String,
    labels: Vec<String>,
    owner: String,
    archived: bool,
    updated: Moment,
    /// Of a job.
    lately: Option<Lately>,
}

/// How that kind is defined.
pub fn definition(ctx: &Ctx, kind: &str) -> Option<Definition> {
    let dir = ctx.directory();
    dir.kinds.by_name::<KindIx>(kind).and_then(|ix| dir.kinds.info(ix)).map(|info| info.definition.clone())
}

/// The list.
pub async fn list(seat: &Seat, space: &str) -> Result<Response> {
    let mut query = Query::new(&seat.uri)?;
    let mut one = |name: &str| query.one(name).unwrap_or_default().trim().to_owned();
    let (kind, q, label, owner, order) = (one("kind"), one("q"), one("label"), one("owner"), one("order"));
    let (archived, page) = (query.flag("archived"), query.page());
    let read = query.done();
    let mut frame = Frame::new(seat, space, Section::Resources(kind.clone())).await?;
    read?;
    let ctx = &seat.ctx;
    let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let filter = Filter {
        kinds: some(&kind).into_iter().collect(),
        spaces: vec![frame.space.id.to_string()],
        labels: some(&label).into_iter().collect(),
        owners: some(&owner).map(|owner| principal(seat, &owner)).transpose()?.into_iter().collect(),
        q: some(&q),
        order: some(&order),
        archived,
        ..Filter::default()
    };
    let (found, wrong) = match resources::list(ctx, &filter, &page).await {
        Ok(found) => (Some(found), Wrong::default()),
        Err(error) => (None, seat.refused(error, &[])?),
    };
    let own = frame.at("/resources");
    let flag = if archived { "true" } else { "" };
    let pairs: [(&str, &str); 6] = [
        ("kind", kind.as_str()),
        ("q", &q),
        ("label", &label),
        ("owner", &owner),
        ("order", &order),
        ("archived", flag),
    ];
    let next = found.as_ref().and_then(|found| found.next.as_ref()).map(|cursor| {
        let all: Vec<(&str, &str)> = pairs.into_iter().chain([("cursor", cursor.as_str())]).collect();
        address(&own, &all)
    });
    let jobs = kind == JOB && built_in(ctx, JOB);
    let mut views: Vec<(ResourceView, Option<Lately>)> = Vec::new();
    for view in found.into_iter().flat_map(|found| found.items) {
        let lately = if jobs { lately(ctx, &view).await? } else { None };
        views.push((view, lately));
    }
    let dir = ctx.directory();
    let caller = ctx.caller(&dir)?;
    let names = Names::new(&dir, &caller, ctx.now());
    let defined = definition(ctx, &kind);
    let way = address(&frame.at("/new"), &[("kind", &kind)]);
    let new = frame.makes.iter().position(|make| make.href == way).map(|at| frame.makes.swap_remove(at));
    let row = |view: ResourceView| Row {
        href: frame.at(&format!("/resources/{}", view.row.code)),
        owner: if view.row.owner.is_empty() { String::new() } else { names.of(&view.row.owner) },
        name: view.row.name,
        code: view.row.code,
        kind: view.kind,
        labels: view.row.labels,
        archived: view.row.archived,
        updated: Moment::new(view.row.updated_at, ctx.now()),
        lately: None,
    };
    let rows: Vec<Row> = views.into_iter().map(|(view, lately)| Row { lately, ..row(view) }).collect();
    let kind_name = kind.clone();
    let runs = jobs && !frame.space.archived && frame.may("job:run");
    let picks = rows.iter().any(|row| frame.may(&format!("{}:write", row.kind)));
    let id = frame.space.id;
    let page = List {
        heading: defined.as_ref().map_or_else(|| "Everything here".to_owned(), plural),
        clear: address(&own, &[("kind", &kind)]),
        filtered: pairs.iter().any(|(name, value)| *name != "kind" && *name != "order" && !value.is_empty()),
        frame,
        kind,
        q,
        label,
        owner,
        order,
        archived,
        rows,
        picks,
        jobs,
        runs,
        icon: kind_icon(&kind_name),
        next,
        new,
        wrong,
    };
    Ok(Frame::shown(seat, id, &page.wrong, &page))
}

#[derive(Template)]
#[template(path = "resource.html")]
struct One {
    frame: Frame,
    id: String,
    name: String,
    code: String,
    kind: String,
    labels: Vec<String>,
    archived: bool,
    /// Does it lie in another space?
    shared: bool,
    body: Vec<Fact>,
    secrets: Vec<String>,
    owner: String,
    author: String,
    created: Moment,
    updated: Moment,
    version: i64,
    seen_by: String,
    edited_by: String,
    links: Links,
    inward: Vec<Line>,
    /// For those who may read the audit.
    history: Option<Vec<Change>>,
    older: bool,
    may_edit: bool,
    address: String,
    back: String,
    back_label: String,
    /// Of one of the kinds that come with the program.
    more: More,
    wrong: Wrong,
}

/// A field of the body; references as links, as far as the reader sees what they name.
struct Fact {
    title: String,
    value: String,
    links: Vec<Reference>,
    /// What is said besides the links.
    rest: String,
}

impl Fact {
    fn plain(title: String, value: String) -> Self {
        Self { title, value, links: Vec::new(), rest: String::new() }
    }
}

struct Reference {
    href: String,
    name: String,
}

/// A resource in the frame of a space; one that is hidden is missing, as below a space that is.
pub async fn held(seat: &Seat, space: &str, id: &str) -> Result<(Frame, ResourceView, Definition)> {
    let view = resources::get(&seat.ctx, id).await?;
    let defined = definition(&seat.ctx, &view.kind).ok_or(Error::NotFound)?;
    let frame = Frame::new(seat, space, Section::Resources(view.kind.clone())).await?;
    Ok((frame, view, defined))
}

/// Where a resource is looked at that lies in another space which the caller sees.
pub fn elsewhere(frame: &Frame, view: &ResourceView) -> Option<String> {
    let home = view.space.filter(|home| *home != frame.space.id)?;
    Some(format!("/s/{home}/resources/{}", view.row.code))
}

/// One resource.
pub async fn show(seat: &Seat, space: &str, id: &str, wrong: Wrong) -> Result<Response> {
    show_tried(seat, space, id, wrong, None).await
}

/// The same, with what came of trying it.
pub async fn show_tried(seat: &Seat, space: &str, id: &str, wrong: Wrong, tried: Option<Tried>) -> Result<Response> {
    let (frame, view, defined) = held(seat, space, id).await?;
    if let Some(there) = elsewhere(&frame, &view) {
        return Ok(crate::identity_providers::browser::to(&there));
    }
    let ctx = &seat.ctx;
    let may_edit = resources::editable(ctx, &view)?;
    let links = Links::of(seat, &frame, &view, may_edit).await?;
    let outward = resources::outward(ctx, &view, AROUND).await?;
    let inward = resources::inward(ctx, &view, AROUND).await?;
    let known = |other: &ResourceView| links.used_by.iter().any(|linked| linked.id == other.row.id);
    let inward = inward.iter().filter(|other| !known(other)).map(|other| line(&frame, other)).collect();
    let history = history(seat, &frame, &view).await?;
    let more = more(seat, &frame, &view, tried).await?;
    let own = built_in(ctx, &view.kind);
    let dir = ctx.directory();
    let caller = ctx.caller(&dir)?;
    let row = &view.row;
    let names = Names::new(&dir, &caller, ctx.now()).on(&row.id, &row.name);
    let eyes = Eyes { dir: &dir, viewer: Viewer::new(&dir, &caller, ctx.now()) };
    let several = plural(&defined).to_lowercase();
    let place = frame.space.id;
    let (history, older) = match history {
        Some(page) => {
            let older = page.next.is_some();
            let rows = page.items.into_iter().map(|entry| Change::new(&names, entry, ctx.now()));
            (Some(rows.collect()), older)
        }
        None => (None, false),
    };
    let page = One {
        body: match own && view.kind == JOB {
            true => job_facts(ctx, &frame, &defined, &view, &outward),
            false if own => {
                let way = view.body["type"].as_str().unwrap_or_default();
                facts(&frame, &shown(&defined, way), &view, &outward)
            }
            false => facts(&frame, &defined, &view, &outward),
        },
        secrets: form::secrets(&defined, &view.body),
        owner: names.of(&row.owner),
        author: names.of(&row.author),
        created: Moment::new(row.created_at, ctx.now()),
        updated: Moment::new(row.updated_at, ctx.now()),
        seen_by: words(&eyes, view.view.as_ref(), &several, "see"),
        edited_by: words(&eyes, view.edit.as_ref(), &several, "edit"),
        shared: view.space.is_none(),
        back: address(&frame.at("/resources"), &[("kind", &view.kind)]),
        back_label: plural(&defined),
        address: frame.at(&format!("/resources/{}", row.code)),
        kind: capital(&noun(&view.kind)),
        id: row.id.clone(),
        name: row.name.clone(),
        code: row.code.clone(),
        labels: row.labels.clone(),
        archived: row.archived,
        version: row.version,
        links,
        inward,
        history,
        older,
        may_edit,
        more,
        wrong,
        frame,
    };
    Ok(Frame::shown(seat, place, &page.wrong, &page))
}

/// The body of a job: what it does in words, to whom it goes, and the rest field by field.
fn job_facts(ctx: &Ctx, frame: &Frame, kind: &Definition, view: &ResourceView, outward: &[Outward]) -> Vec<Fact> {
    let said = told_job(ctx, &view.body).into_iter();
    let mut all: Vec<Fact> = said.map(|(title, value)| Fact::plain(title.to_owned(), value)).collect();
    let named = |place: &str| outward.iter().find(|reference| reference.place == place).and_then(|it| it.to.as_ref());
    let mut names = |title: &str, place: &str, rest: String| {
        let seen = named(place);
        let link = |other: &ResourceView| {
            let home = other.space.unwrap_or(frame.space.id);
            Reference { href: format!("/s/{home}/resources/{}", other.row.code), name: other.row.name.clone() }
        };
        let value = match rest.as_str() {
            "" => "what is gone, or not yours to see".to_owned(),
            rest => format!("what is gone, or not yours to see: {rest}"),
        };
        all.push(Fact { title: title.to_owned(), value, links: seen.map(link).into_iter().collect(), rest });
    };
    for (at, entry) in view.body["deliveries"].as_array().into_iter().flatten().enumerate() {
        let formats = entry["formats"].as_array().into_iter().flatten().filter_map(serde_json::Value::as_str);
        let formats = formats.map(str::to_uppercase).collect::<Vec<_>>().join(", ");
        let parts = [recipients(entry), formats].into_iter().filter(|part| !part.is_empty());
        names("Goes out by", &format!("/deliveries/{at}/delivery"), parts.collect::<Vec<_>>().join(" · "));
    }
    if view.body["summary"].is_object() {
        let instructions = view.body["summary"]["instructions"].as_str().unwrap_or_default().to_owned();
        names("Summary by", "/summary/provider", instructions);
    }
    let own = |name: &str| OWN.contains(&pointer("", name).as_str()) || name == "enabled";
    let rest = form::told(&shown(kind, ""), &view.body).into_iter();
    all.extend(rest.filter(|(name, ..)| !own(name)).map(|(_, title, value)| Fact::plain(title, value)));
    all
}

/// The body, field by field.
fn facts(frame: &Frame, kind: &Definition, view: &ResourceView, outward: &[Outward]) -> Vec<Fact> {
    let fact = |(name, title, value): (String, String, String)| {
        let at = pointer("", &name);
        let rest = |reference: &Outward| reference.place.strip_prefix(&at).map(str::to_owned);
        let below = |rest: &String| rest.is_empty() || rest.starts_with('/');
        let here: Vec<&Outward> = outward.iter().filter(|it| rest(it).is_some_and(|rest| below(&rest))).collect();
        let plain = |reference: &&Outward| rest(reference).is_some_and(|rest| rest.matches('/').count() < 2);
        let all = here.iter().all(|reference| reference.to.is_some() && plain(reference));
        let link = |reference: &&Outward| {
            let other = reference.to.as_ref()?;
            let home = other.space.unwrap_or(frame.space.id);
            Some(Reference { href: format!("/s/{home}/resources/{}", other.row.code), name: other.row.name.clone() })
        };
        // Of a field that holds more than references, its text says more.
        let links = if all { here.iter().filter_map(link).collect() } else { Vec::new() };
        Fact { title, value, links, rest: String::new() }
    };
    form::told(kind, &view.body).into_iter().map(fact).collect()
}

/// What was done with it, newest first; for those who may read that.
async fn history(seat: &Seat, frame: &Frame, view: &ResourceView) -> Result<Option<Page<audit::Entry>>> {
    if view.space != Some(frame.space.id) || !frame.may("space:admin") {
        return Ok(None);
    }
    let filter = audit::Filter { target: Some(view.row.id.clone()), ..audit::Filter::default() };
    let page = PageRequest::first(HISTORY);
    if_allowed(audit::of_space(&seat.ctx, &frame.space.id.to_string(), filter, &page).await)
}

/// What is done to one resource by a button.
pub enum Deed {
    Archive,
    Activate,
    Delete,
}

/// Does it.
pub async fn act(seat: &Seat, space: &str, id: String, deed: Deed) -> Result<Response> {
    let (frame, view, _) = held(seat, space, &id).await?;
    let (name, own) = (view.row.name.clone(), frame.at(&format!("/resources/{}", view.row.code)));
    let list = address(&frame.at("/resources"), &[("kind", &view.kind)]);
    let done = match deed {
        Deed::Archive => resources::archive(&seat.ctx, view.row.id, true).await.map(drop),
        Deed::Activate => resources::archive(&seat.ctx, view.row.id, false).await.map(drop),
        Deed::Delete => resources::delete(&seat.ctx, view.row.id, None).await,
    };
    match (done, deed) {
        (Ok(()), Deed::Archive) => {
            let said = format!("{name} is archived: lists leave it out.");
            Ok(seat.done_but(&own, &said, &format!("{own}/activate")))
        }
        (Ok(()), Deed::Activate) => Ok(seat.done(&own, &format!("{name} is back."))),
        (Ok(()), Deed::Delete) => Ok(seat.done(&list, &format!("{name} is deleted."))),
        (Err(error), _) => {
            let wrong = seat.refused(error, &[])?;
            show(seat, space, &id, wrong).await
        }
    }
}
