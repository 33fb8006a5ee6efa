//! Making and changing a resource, by a form made of its kind's schema.

use super::audit::principal;
use super::fields::{Fields, one};
use super::form::{self, Field, Named};
use super::frame::{Frame, Section, plural};
use super::look::address;
use super::resources::{definition, elsewhere, held};
use super::seat::{Seat, Wrong};
use crate::access::Viewer;
use crate::base::error::{Error, Result};
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
    fields: Vec<Field>,
    wrong: Wrong,
}

/// What a form begins with.
struct Draft {
    name: String,
    labels: String,
    owner: String,
    version: Option<i64>,
    fields: Vec<Field>,
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
fn places(fields: &[Field]) -> Vec<&str> {
    ["/name"].into_iter().chain(fields.iter().map(|field| field.wrong.as_str())).chain(["/labels", "/owner"]).collect()
}

/// What the fields may name that are references: some of what may be used in the space.
async fn others(seat: &Seat, space: &str, kind: &Definition) -> Result<Vec<Named>> {
    let mut all = Vec::new();
    for reference in kind.references.iter().filter(|reference| reference.pointer.matches('/').count() == 1) {
        let filter =
            Filter { kinds: vec![reference.kind.clone()], order: Some("name".to_owned()), ..Filter::default() };
        let page = PageRequest::first(PAGE_MAX);
        let found = shares::usable(&seat.ctx, space, &filter, &page).await?;
        let choices = found.items.into_iter().map(|usable| usable.resource).map(|view| {
            let label = format!("{} ({})", view.row.name, view.row.code);
            (view.row.id, label)
        });
        all.push(Named { pointer: reference.pointer.clone(), choices: choices.collect() });
    }
    Ok(all)
}

/// The kind that a new one is to be of.
fn wanted(seat: &Seat) -> Result<Definition> {
    let mut query = Query::new(&seat.uri)?;
    let kind = query.one("kind").unwrap_or_default();
    query.done()?;
    definition(&seat.ctx, &kind).ok_or_else(|| Error::field("?kind", "is not a known kind"))
}

/// The form of a new one.
pub async fn new(seat: &Seat, space: &str) -> Result<Response> {
    crate::spaces::get(&seat.ctx, space)?;
    let kind = wanted(seat)?;
    let fields = form::fields(&kind, &json!({}), &others(seat, space, &kind).await?, None);
    let draft = Draft { name: String::new(), labels: String::new(), owner: String::new(), version: None, fields };
    made(seat, space, &kind, draft, Wrong::default()).await
}

async fn made(seat: &Seat, space: &str, kind: &Definition, draft: Draft, wrong: Wrong) -> Result<Response> {
    let frame = Frame::new(seat, space, Section::Resources(kind.name.clone())).await?;
    if !frame.may(&format!("{}:write", kind.name)) {
        let why = format!("this needs {}:write", kind.name);
        return frame.closed(seat, Error::Forbidden(why));
    }
    let id = frame.space.id;
    let Draft { name, labels, owner, version, fields } = draft;
    let noun = kind.name.replace('_', " ");
    let page = Edit {
        heading: format!("New {noun}"),
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
    let fields = form::fields(&kind, &json!({}), &others(seat, space, &kind).await?, Some(&sent));
    let name = one(&sent, "name").to_owned();
    let tried = async {
        let body = form::read(&fields, &sent, false)?;
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
            let wrong = seat.refused(error, &places(&fields))?;
            let (labels, owner) = (one(&sent, "labels").to_owned(), one(&sent, "owner").to_owned());
            let draft = Draft { name, labels, owner, version: None, fields };
            made(seat, space, &kind, draft, wrong).await
        }
    }
}

/// The form of one that is there.
pub async fn edit(seat: &Seat, space: &str, id: &str) -> Result<Response> {
    changed(seat, space, id, None).await
}

async fn changed(seat: &Seat, space: &str, id: &str, tried: Option<(Fields, Error)>) -> Result<Response> {
    let (frame, view, kind) = held(seat, space, id).await?;
    if let Some(there) = elsewhere(&frame, &view) {
        return Ok(crate::identity_providers::browser::to(&format!("{there}/edit")));
    }
    if !resources::editable(&seat.ctx, &view)? {
        return frame
            .closed(seat, Error::Forbidden(format!("its edit policy, or {}:write, does not let you", kind.name)));
    }
    let others = others(seat, space, &kind).await?;
    let sent = tried.as_ref().map(|(sent, _)| sent.as_slice());
    let fields = form::fields(&kind, &view.body, &others, sent);
    let (name, labels, version) = match sent {
        Some(sent) => (one(sent, "name").to_owned(), one(sent, "labels").to_owned(), one(sent, "version").parse().ok()),
        None => (view.row.name.clone(), view.row.labels.join(", "), Some(view.row.version)),
    };
    let owner = sent.map_or_else(|| called(seat, &view.row.owner), |sent| one(sent, "owner").to_owned());
    let wrong = match tried {
        Some((_, error)) => seat.refused(error, &places(&fields))?,
        None => Wrong::default(),
    };
    let (place, own) = (frame.space.id, frame.at(&format!("/resources/{}", view.row.code)));
    let page = Edit {
        heading: format!("Edit {}", view.row.name),
        action: format!("{own}/edit"),
        button: "Save".to_owned(),
        kind: None,
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
    let tried = async {
        let fields = form::fields(&kind, &view.body, &others(seat, space, &kind).await?, None);
        let mut body: Value = form::read(&fields, &sent, true)?;
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
        Err(error) => changed(seat, space, &id, Some((sent, error))).await,
    }
}
