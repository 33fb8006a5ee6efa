//! Making and changing a resource, by a form made of its kind's schema.

use super::audit::principal;
use super::fields::{Fields, one};
use super::form::{self, Field, Named};
use super::frame::{Frame, Section, plural};
use super::jobs::form::{JobForm, Typed, change};
use super::jobs::one::built_in;
use super::jobs::{DELIVERY, JOB, interface};
use super::look::{address, noun};
use super::resources::{definition, elsewhere, held};
use super::seat::{Seat, Wrong};
use crate::access::Viewer;
use crate::base::error::{Error, FieldError, Result};
use crate::base::http::{PageRequest, Query};
use crate::base::text::PAGE_MAX;
use crate::directory::Definition;
use crate::directory::policy::Sees;
use crate::resources::{self, Filter, NewResource, ResourcePatch, shares};
use askama::Template;
use axum::response::Response;
use garth_core::Principal;
use serde_json::{Value, json};

#[derive(Template)]
#[template(path = "edit.html")]
struct Edit {
    frame: Frame,
    heading: String,
    action: String,
    button: String,
    back: String,
    back_label: String,
    name: String,
    labels: String,
    owner: String,
    version: Option<i64>,
    /// Of a new one.
    kind: Option<String>,
    /// By which way a delivery interface delivers.
    way: String,
    /// Of a job.
    job: Option<JobForm>,
    fields: Vec<Field>,
    wrong: Wrong,
}

/// What a form begins with.
struct Draft {
    name: String,
    labels: String,
    owner: String,
    version: Option<i64>,
    own: Own,
    fields: Vec<Field>,
}

/// What the form of one of the kinds that come with the program has of its own.
#[derive(Default)]
struct Own {
    way: String,
    job: Option<Typed>,
    /// Is there to be a row more for a delivery?
    more: bool,
}

impl Own {
    /// Of a body, or of what was sent.
    fn of(seat: &Seat, kind: &Definition, way: &str, body: &Value, sent: Option<&[(String, String)]>) -> Self {
        if !built_in(&seat.ctx, &kind.name) {
            return Self::default();
        }
        let typed = || sent.map_or_else(|| Typed::read(body), Typed::sent);
        Self {
            way: if kind.name == DELIVERY { way.to_owned() } else { String::new() },
            job: (kind.name == JOB).then(typed),
            more: sent.is_some_and(|sent| one(sent, "then") == "more"),
        }
    }
}

/// Is the form only to be looked at once more, with a row more or with what a schedule comes to?
fn looks(sent: &[(String, String)]) -> bool {
    matches!(one(sent, "then"), "more" | "look")
}

/// The fields of a kind; of those that come with the program, the ones that are like any other kind's, with their words.
async fn fields_of(
    seat: &Seat,
    space: &str,
    kind: &Definition,
    way: &str,
    body: &Value,
    sent: Option<&[(String, String)]>,
) -> Result<Vec<Field>> {
    if built_in(&seat.ctx, &kind.name) {
        let mut fields = form::fields(&interface::shown(kind, way), body, &[], sent);
        interface::arrange(&kind.name, way, &mut fields);
        return Ok(fields);
    }
    Ok(form::fields(kind, body, &others(seat, space, kind).await?, sent))
}

/// The body that a form sent, as far as its kind has more than fields.
///
/// # Errors
/// 422 at everything that cannot be read.
fn body_of(own: &Own, fields: &[Field], sent: &[(String, String)], before: Option<&Value>) -> Result<Value> {
    let read = form::read(fields, sent, before.is_some());
    let Some(job) = &own.job else {
        let mut body = read?;
        if !own.way.is_empty() && before.is_none() {
            body["type"] = json!(own.way);
        }
        return Ok(body);
    };
    let mut wrong: Vec<FieldError> = Vec::new();
    let mut kept = |error: Error| match error {
        Error::Invalid(list) => {
            wrong.extend(list);
            Ok(())
        }
        error => Err(error),
    };
    let mut body = json!({});
    match read {
        Ok(read) => body = read,
        Err(error) => kept(error)?,
    }
    match job.body() {
        Ok(more) => {
            let empty = json!({});
            // What a job had and has no more is taken out of it.
            let own_before: Value = super::jobs::form::OWN
                .iter()
                .filter_map(|at| {
                    let name = at.trim_start_matches('/');
                    Some((name.to_owned(), before.unwrap_or(&empty).get(name)?.clone()))
                })
                .collect::<serde_json::Map<String, Value>>()
                .into();
            let changed = change(&own_before, Value::Object(more));
            for (name, value) in changed.as_object().into_iter().flatten() {
                body[name] = value.clone();
            }
        }
        Err(error) => kept(error)?,
    }
    if wrong.is_empty() { Ok(body) } else { Err(Error::Invalid(wrong)) }
}

pub fn labels(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|label| !label.is_empty()).map(str::to_owned).collect()
}

/// Who is to own it, if the form says; nobody where it was left empty.
fn owner(seat: &Seat, sent: &[(String, String)]) -> Result<Option<Option<String>>> {
    let Some((_, typed)) = sent.iter().find(|(own, _)| own == "owner") else { return Ok(None) };
    let typed = typed.trim();
    Ok(Some((!typed.is_empty()).then(|| principal(seat, typed)).transpose()?))
}

/// The name that the reader signs in with.
fn username(seat: &Seat) -> String {
    let dir = seat.ctx.directory();
    let me = seat.ctx.user(&dir).ok().and_then(|me| dir.users.info(me));
    me.map(|me| me.username.clone()).unwrap_or_default()
}

/// How an owner is typed: by the username, of somebody whom the reader may know of.
fn called(seat: &Seat, owner: &str) -> String {
    let dir = seat.ctx.directory();
    let Ok(caller) = seat.ctx.caller(&dir) else { return owner.to_owned() };
    let viewer = Viewer::new(&dir, &caller, seat.ctx.now());
    match dir.principal(owner).filter(|found| viewer.principal(*found)) {
        Some(Principal::User(user)) => dir.users.info(user).map(|user| user.username.clone()).unwrap_or_default(),
        _ => owner.to_owned(),
    }
}

/// The pointers at which something can be told on the form.
fn places(own: &Own, fields: &[Field]) -> Vec<String> {
    let job = own.job.as_ref().map(|job| JobForm::places(job.rows())).unwrap_or_default();
    let fields = fields.iter().map(|field| field.wrong.clone());
    let ends = ["/labels", "/owner"].map(str::to_owned);
    ["/name".to_owned()].into_iter().chain(job).chain(fields).chain(ends).collect()
}

/// What was wrong, each at its place on the form.
fn told(seat: &Seat, error: Error, own: &Own, fields: &[Field]) -> Result<Wrong> {
    let places = places(own, fields);
    let places: Vec<&str> = places.iter().map(String::as_str).collect();
    seat.refused(error, &places)
}

/// What the fields may name that are references: some of what may be used in the space.
async fn others(seat: &Seat, space: &str, kind: &Definition) -> Result<Vec<Named>> {
    let mut all = Vec::new();
    for reference in kind.references.iter().filter(|reference| reference.pointer.matches('/').count() == 1) {
        let filter =
            Filter { kinds: vec![reference.kind.clone()], order: Some("name".to_owned()), ..Filter::default() };
        let page = PageRequest::first(PAGE_MAX);
        let found = shares::usable(&seat.ctx, space, &filter, &page).await?;
        let more = found.next.is_some();
        let choices = found.items.into_iter().map(|usable| usable.resource).map(|view| {
            let label = format!("{} ({})", view.row.name, view.row.code);
            (view.row.id, label)
        });
        all.push(Named { pointer: reference.pointer.clone(), choices: choices.collect(), more });
    }
    Ok(all)
}

/// The kind that a new one is to be of, and the way by which an interface is to deliver.
fn wanted(seat: &Seat) -> Result<(Definition, String)> {
    let mut query = Query::new(&seat.uri)?;
    let kind = query.one("kind").unwrap_or_default();
    let way = query.one("type").unwrap_or_default();
    query.done()?;
    let kind = definition(&seat.ctx, &kind).ok_or_else(|| Error::field("?kind", "is not a known kind"))?;
    Ok((kind, way))
}

/// The form of a new one.
pub async fn new(seat: &Seat, space: &str) -> Result<Response> {
    crate::spaces::get(&seat.ctx, space)?;
    let (kind, way) = wanted(seat)?;
    if kind.name == DELIVERY && built_in(&seat.ctx, DELIVERY) && interface::way(&way).is_none() {
        return interface::pick(seat, space).await;
    }
    let fields = fields_of(seat, space, &kind, &way, &json!({}), None).await?;
    let own = Own::of(seat, &kind, &way, &json!({}), None);
    // A job sees what its owner sees, so it begins with one.
    let owner = if own.job.is_some() { username(seat) } else { String::new() };
    let draft = Draft { name: String::new(), labels: String::new(), owner, version: None, own, fields };
    made(seat, space, &kind, draft, Wrong::default()).await
}

async fn made(seat: &Seat, space: &str, kind: &Definition, draft: Draft, wrong: Wrong) -> Result<Response> {
    let frame = Frame::new(seat, space, Section::Resources(kind.name.clone())).await?;
    if !frame.may_make(&kind.name) {
        let why = match frame.may(&format!("{}:write", kind.name)) {
            true => format!("administrators of the space make {}", plural(kind)),
            false => format!("this needs {}:write", kind.name),
        };
        return frame.closed(seat, Error::Forbidden(why));
    }
    let id = frame.space.id;
    let Draft { name, labels, owner, version, own, fields } = draft;
    let noun = noun(&kind.name);
    let job = match own.job {
        Some(typed) => Some(JobForm::new(seat, &frame, typed, own.more).await?),
        None => None,
    };
    let page = Edit {
        heading: format!("New {noun}"),
        way: own.way,
        job,
        action: frame.at("/new"),
        kind: Some(kind.name.clone()),
        button: format!("Make the {noun}"),
        back: address(&frame.at("/resources"), &[("kind", &kind.name)]),
        back_label: plural(kind),
        frame,
        name,
        labels,
        owner,
        version,
        fields,
        wrong,
    };
    Ok(Frame::shown(seat, id, &page.wrong, &page))
}

/// Makes one.
pub async fn create(seat: &Seat, space: &str, sent: Fields) -> Result<Response> {
    crate::spaces::get(&seat.ctx, space)?;
    let kind = definition(&seat.ctx, one(&sent, "kind")).ok_or_else(|| Error::field("/kind", "is not a known kind"))?;
    let way = one(&sent, "type");
    let fields = fields_of(seat, space, &kind, way, &json!({}), Some(&sent)).await?;
    let own = Own::of(seat, &kind, way, &json!({}), Some(&sent));
    let name = one(&sent, "name").to_owned();
    if looks(&sent) {
        let (labels, owner) = (one(&sent, "labels").to_owned(), one(&sent, "owner").to_owned());
        let draft = Draft { name, labels, owner, version: None, own, fields };
        return made(seat, space, &kind, draft, Wrong::default()).await;
    }
    let tried = async {
        let body = body_of(&own, &fields, &sent, None)?;
        let new = NewResource {
            kind: kind.name.clone(),
            space: Some(space.to_owned()),
            name: name.clone(),
            body: Some(body),
            labels: labels(one(&sent, "labels")),
            owner: owner(seat, &sent)?.flatten(),
            ..NewResource::default()
        };
        resources::create(&seat.ctx, new).await
    };
    match tried.await {
        Ok(view) => {
            let there = format!("/s/{space}/resources/{}", view.row.code);
            Ok(seat.done(&there, &format!("{} is made.", view.row.name)))
        }
        Err(error) => {
            let wrong = told(seat, error, &own, &fields)?;
            let (labels, owner) = (one(&sent, "labels").to_owned(), one(&sent, "owner").to_owned());
            let draft = Draft { name, labels, owner, version: None, own, fields };
            made(seat, space, &kind, draft, wrong).await
        }
    }
}

/// The form of one that is there.
pub async fn edit(seat: &Seat, space: &str, id: &str) -> Result<Response> {
    changed(seat, space, id, None).await
}

async fn changed(seat: &Seat, space: &str, id: &str, tried: Option<(Fields, Option<Error>)>) -> Result<Response> {
    let (frame, view, kind) = held(seat, space, id).await?;
    if let Some(there) = elsewhere(&frame, &view) {
        return Ok(crate::identity_providers::browser::to(&format!("{there}/edit")));
    }
    if !resources::editable(&seat.ctx, &view)? {
        return frame
            .closed(seat, Error::Forbidden(format!("its edit policy, or {}:write, does not let you", kind.name)));
    }
    let sent = tried.as_ref().map(|(sent, _)| sent.as_slice());
    let way = view.body["type"].as_str().unwrap_or_default();
    let fields = fields_of(seat, space, &kind, way, &view.body, sent).await?;
    let form = Own::of(seat, &kind, way, &view.body, sent);
    let (name, labels, version) = match sent {
        Some(sent) => (one(sent, "name").to_owned(), one(sent, "labels").to_owned(), one(sent, "version").parse().ok()),
        None => (view.row.name.clone(), view.row.labels.join(", "), Some(view.row.version)),
    };
    let owner = sent.map_or_else(|| called(seat, &view.row.owner), |sent| one(sent, "owner").to_owned());
    let wrong = match tried {
        Some((_, Some(error))) => told(seat, error, &form, &fields)?,
        _ => Wrong::default(),
    };
    let job = match form.job {
        Some(typed) => Some(JobForm::new(seat, &frame, typed, form.more).await?),
        None => None,
    };
    let (place, own) = (frame.space.id, frame.at(&format!("/resources/{}", view.row.code)));
    let page = Edit {
        heading: format!("Edit {}", view.row.name),
        action: format!("{own}/edit"),
        button: "Save".to_owned(),
        kind: None,
        way: form.way,
        job,
        back: own,
        back_label: view.row.name,
        frame,
        name,
        labels,
        owner,
        version,
        fields,
        wrong,
    };
    Ok(Frame::shown(seat, place, &page.wrong, &page))
}

/// Changes one.
pub async fn update(seat: &Seat, space: &str, id: String, sent: Fields) -> Result<Response> {
    let (frame, view, kind) = held(seat, space, &id).await?;
    let own = frame.at(&format!("/resources/{}", view.row.code));
    if looks(&sent) {
        return changed(seat, space, &id, Some((sent, None))).await;
    }
    let tried = async {
        let way = view.body["type"].as_str().unwrap_or_default();
        let fields = fields_of(seat, space, &kind, way, &view.body, None).await?;
        let form = Own::of(seat, &kind, way, &view.body, Some(&sent));
        let mut body: Value = body_of(&form, &fields, &sent, Some(&view.body))?;
        if fields.iter().any(|field| field.pointer == "/") {
            // It was written whole: what is not there any more goes.
            for name in view.body.as_object().into_iter().flat_map(|before| before.keys()) {
                if body.get(name).is_none() {
                    body[name] = Value::Null;
                }
            }
        }
        let version = match one(&sent, "version") {
            "" => None,
            text => Some(text.parse().map_err(|_| Error::field("/version", "must be a number"))?),
        };
        let patch = ResourcePatch {
            name: Some(one(&sent, "name").to_owned()),
            body: Some(body),
            labels: Some(labels(one(&sent, "labels"))),
            // Who stays it need not be somebody whom the editor sees.
            owner: owner(seat, &sent)?.filter(|new| new.as_deref().unwrap_or_default() != view.row.owner),
            ..ResourcePatch::default()
        };
        resources::update(&seat.ctx, view.row.id.clone(), patch, version).await
    };
    match tried.await {
        Ok(view) => Ok(seat.done(&own, &format!("{} is saved.", view.row.name))),
        Err(error) => changed(seat, space, &id, Some((sent, Some(error)))).await,
    }
}
