//! The policies of a resource: who may see it and who may edit it, in plain words or by rules, and who that would be.

use super::super::frame::Frame;
use super::super::home::if_allowed;
use super::super::look::{Chip, Choice, Face};
use super::super::names::Names;
use super::super::resources::{elsewhere, held};
use super::super::seat::{Seat, Wrong};
use super::rules::{Eyes, Rule, Side, WHO};
use super::sight::Moves;
use super::told::refused;
use crate::access::Viewer;
use crate::base::error::{Error, Result};
use crate::base::http::PageRequest;
use crate::base::text::PAGE_MAX;
use crate::console::fields::{Fields, one};
use crate::grants::{self, Member};
use crate::previews::{self, Preview, Seen};
use crate::resources::{self, ResourcePatch, ResourceView};
use crate::{identity_providers, policies};
use askama::Template;
use axum::response::Response;
use garth_core::SpaceIx;
use serde_json::{Map, Value, json};

/// The fields at which something can be told.
const FIELDS: [&str; 2] = ["/view", "/edit"];

#[derive(Template)]
#[template(path = "policies.html")]
struct Page {
    frame: Frame,
    heading: String,
    name: String,
    action: String,
    back: String,
    version: i64,
    kind: String,
    sides: Vec<Side>,
    named: Vec<Choice>,
    who: [(&'static str, &'static str); 10],
    /// Was something tried, and not saved yet?
    tried: bool,
    moves: Option<Moves>,
    groups: Vec<Group>,
    more: bool,
    wrong: Wrong,
}

/// People whose right comes from the same place.
struct Group {
    title: String,
    loses: bool,
    people: Vec<Person>,
}

/// Somebody who would see it.
struct Person {
    name: String,
    face: Face,
    chip: Option<Chip>,
    edits: bool,
    fresh: bool,
}

impl Page {
    /// What a side is about.
    fn title(&self, side: &Side) -> &'static str {
        if side.name == "view" { "Who may see it" } else { "Who may edit it" }
    }

    /// The permission of its kind that counts without a policy of its own.
    fn usual(&self, side: &Side) -> String {
        format!("{}:{}", self.kind, if side.name == "view" { "read" } else { "write" })
    }
}

/// The page.
pub async fn show(seat: &Seat, space: &str, id: &str) -> Result<Response> {
    shown(seat, space, id, None, None).await
}

/// What was tried: the sides as they were sent, and what was wrong with them.
type Tried = Vec<Side>;

async fn shown(seat: &Seat, space: &str, id: &str, tried: Option<Tried>, error: Option<Error>) -> Result<Response> {
    let (frame, view, kind) = held(seat, space, id).await?;
    if let Some(there) = elsewhere(&frame, &view) {
        return Ok(identity_providers::browser::to(&format!("{there}/policies")));
    }
    if !resources::editable(&seat.ctx, &view)? {
        let why = format!("its edit policy, or {}:write, does not let you", kind.name);
        return frame.closed(seat, Error::Forbidden(why));
    }
    let ctx = &seat.ctx;
    let mut wrong = match error {
        Some(error) => wrong_of(seat, error)?,
        None => Wrong::default(),
    };
    let place = frame.space.id.to_string();
    let members = if_allowed(grants::members(ctx, &place, &PageRequest::first(PAGE_MAX)))?;
    let (members, more) = members.map_or((Vec::new(), false), |page| (page.items, page.next.is_some()));
    let is_tried = tried.is_some();
    let change = match &tried {
        Some(sides) => change_of(sides),
        None => Ok(Map::new()),
    };
    let mut found = None;
    if wrong.page.is_none() && wrong.first().is_none() {
        let sight = match change {
            Ok(change) => sight(seat, &view, change, &members).await,
            Err(error) => Err(error),
        };
        match sight {
            Ok(sight) => found = Some(sight),
            Err(error) => wrong = wrong_of(seat, error)?,
        }
    }
    let named = policies::list(ctx, &PageRequest::first(PAGE_MAX))?.items;
    let dir = ctx.directory();
    let caller = ctx.caller(&dir)?;
    let names = Names::new(&dir, &caller, ctx.now());
    let eyes = Eyes { dir: &dir, viewer: Viewer::new(&dir, &caller, ctx.now()) };
    let sides = tried.unwrap_or_else(|| {
        vec![Side::of(&eyes, "view", view.view.as_ref()), Side::of(&eyes, "edit", view.edit.as_ref())]
    });
    let moves = found
        .as_ref()
        .filter(|_| is_tried)
        .map(|(preview, _)| Moves::of(&names, std::slice::from_ref(preview), &view.row.name));
    let groups = found.map(|(_, seen)| groups(&dir, &names, &members, &seen)).unwrap_or_default();
    let own = frame.at(&format!("/resources/{}", view.row.code));
    let page = Page {
        heading: format!("Who may see and edit {}", view.row.name),
        action: format!("{own}/policies"),
        back: own,
        version: view.row.version,
        name: view.row.name,
        kind: kind.name,
        named: named.iter().map(|policy| Choice::new(&policy.info.id.to_string(), &policy.info.name, "")).collect(),
        who: WHO,
        tried: is_tried,
        sides,
        moves,
        groups,
        more,
        wrong,
        frame,
    };
    let id = page.frame.space.id;
    Ok(Frame::shown(seat, id, &page.wrong, &page))
}

/// What was wrong; a preview tells it of the change.
fn wrong_of(seat: &Seat, error: Error) -> Result<Wrong> {
    match error.without("/change") {
        error @ Error::Invalid(_) => seat.refused(error, &FIELDS),
        error => refused(seat, error),
    }
}

/// The change that both sides ask for.
fn change_of(sides: &[Side]) -> Result<Map<String, Value>> {
    let mut change = Map::new();
    for side in sides {
        change.insert(side.name.to_owned(), side.policy()?.unwrap_or(Value::Null));
    }
    Ok(change)
}

async fn sight(
    seat: &Seat,
    view: &ResourceView,
    mut change: Map<String, Value>,
    members: &[Member],
) -> Result<(Preview, Vec<Seen>)> {
    change.insert("type".to_owned(), json!("resource"));
    change.insert("resource".to_owned(), json!(view.row.id));
    let people: Vec<uuid::Uuid> = members.iter().map(|member| member.user.id).collect();
    previews::sight(&seat.ctx, view, change, &people).await
}

/// The people who would see it, by where their right comes from; and those who could no longer.
fn groups(dir: &crate::directory::Directory, names: &Names<'_>, members: &[Member], seen: &[Seen]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut gone = Vec::new();
    for member in members {
        let Some(seen) = seen.iter().find(|seen| seen.user == member.user.id) else { continue };
        let person = Person {
            name: member.user.called().to_owned(),
            face: Face::new(&member.user.name, &member.user.id),
            chip: member.role.as_deref().map(Chip::new),
            edits: seen.then.write,
            fresh: seen.then.read && !seen.now.read,
        };
        if !seen.then.read {
            if seen.now.read {
                gone.push(person);
            }
            continue;
        }
        let title = whence(dir, names, member);
        match groups.iter_mut().find(|group| group.title == title) {
            Some(group) => group.people.push(person),
            None => groups.push(Group { title, loses: false, people: vec![person] }),
        }
    }
    if !gone.is_empty() {
        groups.insert(0, Group { title: "Can no longer see it".to_owned(), loses: true, people: gone });
    }
    groups
}

/// Where somebody's right to be here comes from.
fn whence(dir: &crate::directory::Directory, names: &Names<'_>, member: &Member) -> String {
    let Some(source) = member.sources.first() else { return "In other ways".to_owned() };
    let place = source.space.and_then(|id| dir.spaces.by_id::<SpaceIx>(&id)).and_then(|ix| dir.spaces.info(ix));
    let place = place.map(|info| super::super::look::named(&info.name));
    match (source.from, source.group, place) {
        ("direct", ..) => "By a role of their own here".to_owned(),
        ("group", Some(group), _) => format!("By the group {}", names.of(&format!("group:{group}"))),
        ("group", None, _) => "By a group".to_owned(),
        ("ancestor", _, Some(place)) => format!("From {place}, above"),
        ("ancestor", _, None) => "From a space above".to_owned(),
        ("everyone", ..) => "As everyone who is signed in".to_owned(),
        ("inherits", ..) => "From a space below that inherits".to_owned(),
        _ => "By a login policy, while they are signed in".to_owned(),
    }
}

/// What a button of the form does: a row more, a preview, or saving.
pub async fn act(seat: &Seat, space: &str, id: String, sent: Fields) -> Result<Response> {
    let mut sides = vec![Side::sent("view", &sent), Side::sent("edit", &sent)];
    let doing = one(&sent, "do").to_owned();
    if let Some(name) = doing.strip_prefix("add.") {
        for side in sides.iter_mut().filter(|side| side.name == name) {
            "custom".clone_into(&mut side.form);
            side.rules.push(Rule { effect: "allow".to_owned(), who: "members".to_owned(), what: String::new() });
        }
    }
    if doing != "save" {
        return shown(seat, space, &id, Some(sides), None).await;
    }
    let (frame, view, _) = held(seat, space, &id).await?;
    let there = frame.at(&format!("/resources/{}", view.row.code));
    let tried = async {
        let mut policies = Vec::new();
        for side in &sides {
            policies.push(side.policy()?);
        }
        let version = match one(&sent, "version") {
            "" => None,
            text => Some(text.parse().map_err(|_| Error::field("/version", "must be a number"))?),
        };
        let edit = policies.pop();
        let patch = ResourcePatch { view: policies.pop(), edit, ..ResourcePatch::default() };
        resources::update(&seat.ctx, view.row.id.clone(), patch, version).await
    };
    match tried.await {
        Ok(view) => Ok(seat.done(&there, &format!("Who may see and edit {} is saved.", view.row.name))),
        Err(error) => shown(seat, space, &id, Some(sides), Some(error)).await,
    }
}
