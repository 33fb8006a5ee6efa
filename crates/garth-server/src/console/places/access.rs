//! Who sees what in a space: what somebody may see, who may do something, and why or why not.

use super::persons::{self, Pick};
use crate::access::Step;
use crate::base::error::{Error, Result};
use crate::base::http::{PageRequest, Query};
use crate::console::frame::{Frame, Section};
use crate::console::look::{Chip, Choice, Face, address, capital, noun, sentence};
use crate::console::members::whence;
use crate::console::names::Names;
use crate::console::seat::{Seat, Wrong};
use crate::decisions::explore::{self, Somebody, Way};
use crate::decisions::{self, Entity, Question, search};
use crate::resources::{self, Filter, ResourceView};
use askama::Template;
use axum::response::Response;
use garth_core::Given;
use std::collections::BTreeMap;

/// Resources that are offered without asking.
const OFFERED: usize = 50;
/// How the space itself is written among its resources.
const SPACE: &str = "space";

#[derive(Template)]
#[template(path = "access.html")]
struct Page {
    frame: Frame,
    manages: bool,
    who: String,
    what: String,
    actions: Vec<Choice>,
    people: Vec<Pick>,
    things: Vec<Pick>,
    answer: Answer,
    wrong: Wrong,
}

/// What is told.
enum Answer {
    /// Nothing could be.
    Nothing,
    Sees(Sees),
    People(People),
    Why(Box<Why>),
}

/// What somebody may see.
struct Sees {
    name: String,
    face: Face,
    chip: Option<Chip>,
    gate: bool,
    sources: Vec<String>,
    things: Vec<Thing>,
    next: Option<String>,
    why: String,
}

/// A resource, and what they may do to it.
struct Thing {
    name: String,
    code: String,
    kind: String,
    href: String,
    why: String,
    reads: bool,
    writes: bool,
}

/// Who may do something, by where they have it from.
struct People {
    heading: String,
    groups: Vec<Group>,
    next: Option<String>,
    count: usize,
}

/// People who have it from the same place.
struct Group {
    title: String,
    people: Vec<Person>,
}

/// Somebody who may.
struct Person {
    name: String,
    username: String,
    face: Face,
    why: String,
}

/// A decision, step by step.
struct Why {
    sentence: String,
    yes: bool,
    gates: Vec<Gate>,
}

/// A step of a decision.
struct Gate {
    title: &'static str,
    asks: &'static str,
    /// `open`, `shut` or `unasked`.
    state: &'static str,
    word: &'static str,
    because: String,
    /// Did it decide?
    decided: bool,
    /// Who could open it.
    help: Option<(String, String)>,
}

/// What was asked.
struct Asked {
    who: String,
    what: String,
    action: String,
    page: PageRequest,
}

/// The page.
pub async fn show(seat: &Seat, space: &str) -> Result<Response> {
    let mut query = Query::new(&seat.uri)?;
    let mut text = |name| query.one(name).unwrap_or_default().trim().to_owned();
    let (who, what, action) = (text("who"), text("what"), text("action"));
    let page = query.page();
    query.done()?;
    let frame = Frame::new(seat, space, Section::Access).await?;
    let manages = frame.may("space:admin");
    // Everybody asks about themselves; about others, administrators.
    let who = if who.is_empty() && !manages { frame.me.username.clone() } else { who };
    let what = if who.is_empty() && what.is_empty() { SPACE.to_owned() } else { what };
    let asked = Asked { who, what, action: if action.is_empty() { "read".to_owned() } else { action }, page };
    let (answer, kind, wrong) = match answered(seat, &frame, &asked).await {
        Ok((answer, kind)) => (answer, kind, Wrong::default()),
        Err(error @ (Error::Invalid(_) | Error::Forbidden(_))) => {
            let wrong = seat.refused(error, &["?who", "?what", "?action", "?cursor"])?;
            (Answer::Nothing, String::new(), wrong)
        }
        Err(error) => return Err(error),
    };
    let people = if manages { persons::people(seat).await? } else { Vec::new() };
    let page = Page {
        manages,
        actions: actions(seat, &kind, &asked.action),
        people,
        things: things(seat, space).await?,
        who: asked.who,
        what: asked.what,
        answer,
        wrong,
        frame,
    };
    let id = page.frame.space.id;
    Ok(Frame::shown(seat, id, &page.wrong, &page))
}

/// What can be asked of a thing of that kind.
fn actions(seat: &Seat, kind: &str, picked: &str) -> Vec<Choice> {
    let word = |name: &str| match name {
        "read" => "see".to_owned(),
        "write" => "change".to_owned(),
        "delete" => "delete".to_owned(),
        other => other.to_owned(),
    };
    let mut names = vec!["read".to_owned(), "write".to_owned()];
    if !kind.is_empty() {
        let more = search::names(&seat.ctx.directory(), kind);
        names.extend(more.into_iter().filter(|name| name != "read" && name != "write"));
    }
    names.iter().map(|name| Choice::new(name, &word(name), picked)).collect()
}

/// Some of what lies here, by name.
async fn things(seat: &Seat, space: &str) -> Result<Vec<Pick>> {
    let filter = Filter { spaces: vec![space.to_owned()], order: Some("name".to_owned()), ..Filter::default() };
    let found = resources::list(&seat.ctx, &filter, &PageRequest::first(OFFERED)).await?;
    let all = found.items.into_iter().map(|view| Pick { value: view.row.code.clone(), label: view.row.name.clone() });
    Ok(std::iter::once(Pick { value: SPACE.to_owned(), label: "the space itself".to_owned() }).chain(all).collect())
}

/// What a question is about: its kind, its id, and what it is called.
async fn named(seat: &Seat, frame: &Frame, what: &str) -> Result<(String, String, String)> {
    if what.eq_ignore_ascii_case(SPACE) || what == frame.space.id.to_string() {
        return Ok((SPACE.to_owned(), frame.space.id.to_string(), frame.space.name.clone()));
    }
    let found = match resources::get(&seat.ctx, what).await {
        Ok(view) if view.space == Some(frame.space.id) => Some(view),
        Ok(_) | Err(Error::NotFound) => None,
        Err(error) => return Err(error),
    };
    let view: ResourceView = found.ok_or_else(|| Error::field("?what", "is nothing here that you can see"))?;
    Ok((view.kind, view.row.id, view.row.name))
}

async fn answered(seat: &Seat, frame: &Frame, asked: &Asked) -> Result<(Answer, String)> {
    if asked.what.is_empty() {
        return Ok((Answer::Sees(sees(seat, frame, asked).await?), String::new()));
    }
    // Whether one may ask about them at all comes before what it is about.
    if !asked.who.is_empty() {
        let held = explore::held(&seat.ctx, &frame.space.id.to_string(), &persons::user(&asked.who))?;
        let (kind, id, name) = named(seat, frame, &asked.what).await?;
        let why = why(seat, frame, asked, &held, (&kind, &id, &name)).await?;
        return Ok((Answer::Why(Box::new(why)), kind));
    }
    let (kind, id, name) = named(seat, frame, &asked.what).await?;
    let people = people(seat, frame, asked, (&kind, &id, &name)).await?;
    Ok((Answer::People(people), kind))
}

/// The address of a question.
fn ask(frame: &Frame, who: &str, what: &str, action: &str) -> String {
    let action = if action == "read" { "" } else { action };
    address(&frame.at("/access"), &[("who", who), ("what", what), ("action", action)])
}

async fn sees(seat: &Seat, frame: &Frame, asked: &Asked) -> Result<Sees> {
    let (ctx, space) = (&seat.ctx, frame.space.id.to_string());
    let who = persons::user(&asked.who);
    let held = explore::held(ctx, &space, &who)?;
    let filter = Filter { spaces: vec![space.clone()], archived: true, ..Filter::default() };
    let found = resources::list(ctx, &filter, &asked.page).await?;
    let told = explore::told(ctx, &space, &who, found.items).await?;
    let dir = ctx.directory();
    let caller = ctx.caller(&dir)?;
    let names = Names::new(&dir, &caller, ctx.now());
    let name = held.user.called().to_owned();
    let username = held.user.username.clone();
    let thing = |one: explore::Told| {
        let row = one.view.row;
        Thing {
            href: format!("{}/resources/{}", frame.home(), row.code),
            why: ask(frame, &username, &row.code, if one.reads { "write" } else { "read" }),
            kind: noun(&one.view.kind),
            name: row.name,
            code: row.code,
            reads: one.reads,
            writes: one.writes,
        }
    };
    let pairs = |cursor: &str| address(&frame.at("/access"), &[("who", &asked.who), ("cursor", cursor)]);
    Ok(Sees {
        face: Face::new(&name, &held.user.id),
        chip: held.role.as_deref().map(Chip::new),
        gate: held.gate,
        sources: held.sources.iter().map(|source| whence(ctx, &names, source)).collect(),
        things: told.into_iter().map(thing).collect(),
        next: found.next.as_deref().map(pairs),
        why: ask(frame, &held.user.username, SPACE, "read"),
        name,
    })
}

/// What is to be done, in words.
fn doing(action: &str, name: &str) -> String {
    match action {
        "read" => format!("see {name}"),
        "write" => format!("change {name}"),
        "delete" => format!("delete {name}"),
        permission => format!("use {permission} on {name}"),
    }
}

async fn people(seat: &Seat, frame: &Frame, asked: &Asked, (kind, id, name): (&str, &str, &str)) -> Result<People> {
    let (ctx, space) = (&seat.ctx, frame.space.id.to_string());
    let thing = Entity { kind, id };
    let found = explore::people(ctx, &space, &thing, &asked.action, &asked.page).await?;
    let dir = ctx.directory();
    let caller = ctx.caller(&dir)?;
    let names = Names::new(&dir, &caller, ctx.now());
    let count = found.items.len();
    let mut groups: BTreeMap<(u8, String), Vec<Person>> = BTreeMap::new();
    for Somebody { user, by, sources } in found.items {
        let person = || Person {
            name: user.called().to_owned(),
            username: user.username.clone(),
            face: Face::new(user.called(), &user.id),
            why: ask(frame, &user.username, &asked.what, &asked.action),
        };
        let mut titles: Vec<(u8, String)> = match by {
            Way::Policy => vec![(5, "By the resource's own policy".to_owned())],
            Way::Exception => vec![(6, "As its author, owner or subscriber".to_owned())],
            Way::Elsewhere => vec![(7, "Because it is shared to another space".to_owned())],
            _ if sources.is_empty() => vec![(8, "By the view policy alone, without a role".to_owned())],
            Way::Role | Way::Gate | Way::SpaceEdit | Way::KindPolicy => sources
                .iter()
                .map(|source| {
                    let rank = match source.from {
                        "direct" => 0,
                        "group" => 1,
                        "ancestor" => 2,
                        "everyone" => 3,
                        _ => 4,
                    };
                    (rank, capital(&whence(ctx, &names, source)))
                })
                .collect(),
        };
        titles.sort();
        titles.dedup();
        for title in titles {
            groups.entry(title).or_default().push(person());
        }
    }
    let next = found.next.map(|cursor| {
        let pairs = [("what", asked.what.as_str()), ("action", &asked.action), ("cursor", &cursor)];
        address(&frame.at("/access"), &pairs)
    });
    Ok(People {
        heading: format!("Who may {}", doing(&asked.action, name)),
        groups: groups.into_iter().map(|((_, title), people)| Group { title, people }).collect(),
        next,
        count,
    })
}

async fn why(
    seat: &Seat,
    frame: &Frame,
    asked: &Asked,
    held: &explore::Held,
    (kind, id, name): (&str, &str, &str),
) -> Result<Why> {
    let user = held.user.id.to_string();
    let question = Question {
        subject: Entity { kind: "user", id: &user },
        action: &asked.action,
        resource: Entity { kind, id },
        given: Given::default(),
    };
    let explained = decisions::explain(&seat.ctx, &question).await?;
    let manages = frame.may("space:admin");
    // What comes after the step that refused was not asked; that no role is held refuses nothing by itself.
    let decided = match explained.decision {
        true if asked.action == "read" => explained.steps.iter().position(|step| step.step == "view"),
        true => explained.steps.iter().rposition(|step| step.outcome == "passed"),
        false => explained.steps.iter().position(|step| step.outcome == "refused" && step.step != "roles"),
    };
    let after = |at: usize| !explained.decision && decided.is_some_and(|decided| at > decided);
    let person = if held.itself { "You".to_owned() } else { held.user.called().to_owned() };
    let gate = |(at, step): (usize, Step)| {
        let help = (step.outcome == "refused" && !explained.decision && !after(at))
            .then(|| help(frame, step.step, &held.user.username, &asked.what, manages));
        let (title, asks) = match step.step {
            "gate" => ("Gate", "May they into the space?"),
            "roles" => ("Roles", "What are they there?"),
            "view" => ("View", "May they see it?"),
            _ => ("Action", "May they do that?"),
        };
        let (state, word) = match step.outcome {
            _ if after(at) => ("unasked", "not asked"),
            "passed" => ("open", "open"),
            "refused" if step.step == "roles" => ("shut", "none"),
            "refused" => ("shut", "closed"),
            _ => ("unasked", "not asked"),
        };
        let because = if step.because.is_empty() { String::new() } else { sentence(&step.because) };
        Gate { title, asks, state, word, because, decided: decided == Some(at), help: help.flatten() }
    };
    let (yes, doing) = (explained.decision, doing(&asked.action, name));
    let sentence = format!("{person} {} {doing}.", if yes { "may" } else { "may not" });
    Ok(Why { sentence, yes, gates: explained.steps.iter().cloned().enumerate().map(gate).collect() })
}

/// Who could open a gate that is shut, and what that is called.
fn help(frame: &Frame, step: &str, who: &str, what: &str, manages: bool) -> Option<(String, String)> {
    let give = || {
        let to = address(&frame.at("/members/grants"), &[("principal", who)]);
        (format!("{to}#add"), "Give them a role".to_owned())
    };
    let admins = || (ask(frame, "", SPACE, "space:admin"), "Who administers this space".to_owned());
    match step {
        _ if !manages => Some((frame.at("/members"), "Whom to ask".to_owned())),
        "gate" => Some(give()),
        "roles" => Some(give()),
        _ if what == SPACE => Some(admins()),
        _ => Some((ask(frame, "", what, "write"), "Who may change it".to_owned())),
    }
}
