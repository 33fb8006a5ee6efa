//! Moving a space to another place in the tree: who gains and who loses is shown before it is done.

use super::create::{PARENTS, choices};
use super::preview::{self, Moves};
use super::routes::MoveForm;
use crate::base::error::{Error, Result};
use crate::base::http::Query;
use crate::console::fields::begun;
use crate::console::frame::{Frame, Section};
use crate::console::look::{Choice, named};
use crate::console::seat::{Seat, Wrong};
use crate::spaces::{self, Ground, SpacePatch, SpaceView};
use askama::Template;
use axum::response::Response;
use serde_json::{Map, Value, json};

const FIELDS: [&str; 2] = ["/parent", "/inherits"];

#[derive(Template)]
#[template(path = "space_move.html")]
struct Page {
    frame: Frame,
    ground: Ground,
    parents: Vec<Choice>,
    /// What the places are searched by.
    q: String,
    /// Where it lies now, and where it is to lie.
    now: String,
    parent: String,
    to: String,
    inherits: bool,
    moves: Option<Moves>,
    wrong: Wrong,
}

/// The form; with the preview once a place is named.
pub async fn show(seat: &Seat, space: &str) -> Result<Response> {
    let mut query = Query::new(&seat.uri)?;
    let (parent, inherits) = (query.one("parent"), query.flag("inherits"));
    let q = query.one("q").unwrap_or_default();
    query.done()?;
    let view = spaces::get(&seat.ctx, space)?;
    match parent {
        None => {
            let parent = view.parent.map(|id| id.to_string()).unwrap_or_default();
            let form = MoveForm { parent, inherits: view.inherits.to_string() };
            page(seat, space, &view, form, &q, (None, Wrong::default())).await
        }
        Some(parent) => {
            let form = MoveForm { parent, inherits: inherits.to_string() };
            if !view.permissions.iter().any(|held| held == "space:admin") {
                return page(seat, space, &view, form, &q, (None, Wrong::default())).await;
            }
            let mut change = Map::from_iter([("type".to_owned(), json!("space")), ("space".to_owned(), json!(space))]);
            let (parent, inherits) = wanted(&view, &form);
            change.insert("parent".to_owned(), parent.map_or(Value::Null, Value::String));
            change.extend(inherits.map(|inherits| ("inherits".to_owned(), json!(inherits))));
            let told = match preview::moves(seat, change).await {
                Ok(moves) => (Some(moves), Wrong::default()),
                Err(error) => (None, seat.refused(error, &FIELDS)?),
            };
            page(seat, space, &view, form, &q, told).await
        }
    }
}

/// The parent and the inheriting that a form asks for. A parent out of sight stays as it is, and so what comes from it.
fn wanted(view: &SpaceView, form: &MoveForm) -> (Option<String>, Option<bool>) {
    let parent = Some(form.parent.clone()).filter(|parent| !parent.is_empty());
    let inherits = match (&parent, view.parent) {
        (None, None) => None,
        (None, Some(_)) => Some(false),
        (Some(_), _) => Some(form.inherits == "true"),
    };
    (parent, inherits)
}

async fn page(
    seat: &Seat,
    space: &str,
    view: &SpaceView,
    form: MoveForm,
    q: &str,
    (moves, mut wrong): (Option<Moves>, Wrong),
) -> Result<Response> {
    let frame = Frame::new(seat, space, Section::Settings).await?;
    if !frame.may("space:admin") {
        return frame.closed(seat, Error::Forbidden("this needs space:admin".to_owned()));
    }
    let words = Some(begun(q)).filter(|q| !q.is_empty());
    let ground = match spaces::ground_for(&seat.ctx, view, words.as_deref(), PARENTS) {
        Ok(ground) => ground,
        Err(error) => {
            wrong = seat.refused(error, &["?q"])?;
            spaces::ground_for(&seat.ctx, view, None, PARENTS)?
        }
    };
    let parents = choices(seat, &ground, &form.parent);
    let to = match spaces::get(&seat.ctx, &form.parent) {
        Ok(parent) => format!("below {}", named(&parent.info.name)),
        Err(_) => "to the top, beside the roots".to_owned(),
    };
    let now = match view.parent.and_then(|id| spaces::get(&seat.ctx, &id.to_string()).ok()) {
        Some(parent) => format!("It lies below {} now.", named(&parent.info.name)),
        None => "It lies at the top now.".to_owned(),
    };
    let id = frame.space.id;
    let (parent, inherits) = (form.parent, form.inherits == "true");
    let page = Page { frame, ground, parents, q: q.to_owned(), now, parent, to, inherits, moves, wrong };
    Ok(Frame::shown(seat, id, &page.wrong, &page))
}

/// Moves it.
pub async fn update(seat: &Seat, space: &str, form: MoveForm) -> Result<Response> {
    let view = spaces::get(&seat.ctx, space)?;
    let (parent, inherits) = wanted(&view, &form);
    let patch = SpacePatch { parent: Some(parent), inherits, ..SpacePatch::default() };
    match spaces::update(&seat.ctx, space.to_owned(), patch, None).await {
        Ok(view) => {
            let (name, path) = (named(&view.info.name), view.path);
            let said = match view.parent {
                Some(_) => format!("{name} lies at {path} now."),
                None => format!("{name} lies at the top now."),
            };
            Ok(seat.done(&format!("/s/{space}/settings"), &said))
        }
        Err(error) => {
            let wrong = seat.refused(error, &FIELDS)?;
            page(seat, space, &view, form, "", (None, wrong)).await
        }
    }
}
