//! Moving what is selected to another space: where to, what would become of each, and done.

use super::super::frame::Frame;
use super::super::look::address;
use super::super::names::Names;
use super::super::seat::{Seat, Wrong};
use super::done;
use super::picked::{Line, Picked, asked, line, nothing};
use super::sight::Moves;
use super::targets::{self, Targets, name_of};
use super::told::{refused, told};
use crate::access::Ctx;
use crate::base::error::{Error, Result};
use crate::console::fields::{Fields, one};
use crate::previews;
use crate::resources::{self, Moved, ResourceView};
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// Of so many of them it is worked out who gains and who loses sight.
const SIGHTS: usize = 5;

/// Choosing a space; for moving and for copying.
#[derive(Template)]
#[template(path = "target.html")]
pub struct Choose {
    pub frame: Frame,
    pub heading: String,
    pub verb: &'static str,
    pub action: String,
    pub back: String,
    pub codes: Vec<String>,
    pub lines: Vec<Line>,
    pub gone: usize,
    pub targets: Targets,
    pub wrong: Wrong,
}

#[derive(Template)]
#[template(path = "move.html")]
struct Preview {
    frame: Frame,
    heading: String,
    button: String,
    action: String,
    back: String,
    another: String,
    to: String,
    codes: Vec<String>,
    rows: Vec<Row>,
    gone: usize,
    /// May all of it go?
    good: bool,
    /// The way to move only those that may.
    rest: Option<(String, usize)>,
    moves: Option<Moves>,
    wrong: Wrong,
}

/// What would become of one.
struct Row {
    line: Line,
    word: &'static str,
    bad: bool,
    why: String,
}

/// The same request, which only tries.
pub fn trying(seat: &Seat) -> Ctx {
    let mut ctx = seat.ctx.clone();
    ctx.dry_run = true;
    ctx
}

/// An address with what is selected, and more.
pub fn with(path: &str, codes: &[String], more: &[(&str, &str)]) -> String {
    let pairs: Vec<(&str, &str)> = codes.iter().map(|code| ("r", code.as_str())).chain(more.iter().copied()).collect();
    address(path, &pairs)
}

/// The page.
pub async fn show(seat: &Seat, space: &str) -> Result<Response> {
    let pairs = asked(seat, &["space", "q"], &["r"]);
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
        Some((id, place)) => preview(seat, frame, picked, (&id.to_string(), place), wrong).await,
        None if to.is_empty() => choose(seat, frame, &picked, one(pairs, "q"), ("Move", "move"), wrong),
        None => {
            let closed = Error::field("/space", "that space is not there, or not for you to move things to");
            let wrong = if wrong.status == StatusCode::OK { refused(seat, closed)? } else { wrong };
            choose(seat, frame, &picked, "", ("Move", "move"), wrong)
        }
    }
}

/// The page on which a space is chosen.
pub fn choose(
    seat: &Seat,
    frame: Frame,
    picked: &Picked,
    q: &str,
    (verb, tail): (&'static str, &str),
    wrong: Wrong,
) -> Result<Response> {
    let id = frame.space.id;
    let page = Choose {
        heading: format!("{verb} {}", picked.count(seat)),
        verb,
        action: frame.at(&format!("/selected/{tail}")),
        back: picked.list.clone(),
        codes: picked.codes(),
        lines: picked.lines(&frame),
        gone: picked.gone,
        targets: Targets::find(seat, &picked.writes(), id, q)?,
        wrong,
        frame,
    };
    let status =
        if page.targets.wrong.status == StatusCode::OK { page.wrong.status } else { page.targets.wrong.status };
    let wrong = Wrong::whole(status, String::new());
    Ok(Frame::shown(seat, id, &wrong, &page))
}

async fn preview(
    seat: &Seat,
    frame: Frame,
    picked: Picked,
    (to, place): (&str, String),
    mut wrong: Wrong,
) -> Result<Response> {
    let id = frame.space.id;
    let ctx = trying(seat);
    let mut rows = Vec::new();
    let mut able = Vec::new();
    let good = match resources::move_all(&ctx, picked.ids(), to.to_owned()).await {
        Ok(Moved { items, followed }) => {
            let goes = items.iter().map(|view| row(&frame, view, "Moves", String::new(), false));
            let why = "It follows what is moved.";
            rows.extend(goes);
            rows.extend(followed.iter().map(|view| row(&frame, view, "Goes along", why.to_owned(), false)));
            true
        }
        Err(error) => {
            let whole = told(seat, error)?;
            // Of several, each is tried alone: so it is told which of them stand in the way.
            for view in &picked.views {
                let alone = match picked.views.len() {
                    1 => Err(whole.clone()),
                    // Whoever may not change it makes no work, either.
                    _ if !resources::editable(&ctx, view)? => Err("You may not change it.".to_owned()),
                    _ => match resources::move_all(&ctx, vec![view.row.id.clone()], to.to_owned()).await {
                        Ok(_) => Ok(()),
                        Err(error) => Err(told(seat, error)?),
                    },
                };
                match alone {
                    Ok(()) => {
                        able.push(view.row.code.clone());
                        rows.push(row(&frame, view, "Can move", String::new(), false));
                    }
                    Err(why) => rows.push(row(&frame, view, "Stays", why, true)),
                }
            }
            if able.len() == picked.views.len() && wrong.page.is_none() {
                wrong.page = Some(whole);
            }
            false
        }
    };
    let moves = if good { Some(sight(seat, &picked.views, to).await?) } else { None };
    let action = frame.at("/selected/move");
    let codes = picked.codes();
    let part = !able.is_empty() && able.len() < codes.len();
    let page = Preview {
        heading: format!("Move {} to {place}", picked.count(seat)),
        button: format!("Move {}", picked.count(seat)),
        back: picked.list.clone(),
        another: with(&action, &codes, &[]),
        rest: part.then(|| (with(&action, &able, &[("space", to)]), able.len())),
        to: to.to_owned(),
        gone: picked.gone,
        action,
        codes,
        rows,
        good,
        moves,
        wrong,
        frame,
    };
    Ok(Frame::shown(seat, id, &page.wrong, &page))
}

fn row(frame: &Frame, view: &ResourceView, word: &'static str, why: String, bad: bool) -> Row {
    Row { line: line(frame, view), word, bad, why }
}

/// Who gains and who loses sight of the first of them.
async fn sight(seat: &Seat, views: &[ResourceView], to: &str) -> Result<Moves> {
    let mut found = Vec::new();
    for view in views.iter().take(SIGHTS) {
        let change = json!({"type": "move", "resource": view.row.id, "space": to});
        match previews::preview(&seat.ctx, change.as_object().cloned().unwrap_or_else(Map::<String, Value>::new)).await
        {
            Ok(preview) => found.push(preview),
            // It was gone while others were looked at: what happens is told when it is done.
            Err(Error::Invalid(_) | Error::Forbidden(_) | Error::Conflict(..)) => {}
            Err(error) => return Err(error),
        }
    }
    let (dir, now) = (seat.ctx.directory(), seat.ctx.now());
    let caller = seat.ctx.caller(&dir)?;
    let what = if views.len() == 1 { "it" } else { "some of it" };
    let mut moves = Moves::of(&Names::new(&dir, &caller, now), &found, what);
    moves.complete &= views.len() <= SIGHTS;
    Ok(moves)
}

/// Moves them.
pub async fn act(seat: &Seat, space: &str, pairs: Fields) -> Result<Response> {
    let (frame, picked) = Picked::read(seat, space, &pairs).await?;
    if picked.views.is_empty() {
        return Ok(nothing(seat, &picked));
    }
    let to = one(&pairs, "space").to_owned();
    match resources::move_all(&seat.ctx, picked.ids(), to.clone()).await {
        // What is only tried is shown as what would happen.
        Ok(_) if seat.ctx.dry_run => shown(seat, space, &pairs, Wrong::default()).await,
        Ok(Moved { items, followed }) => {
            let place = name_of(seat, &to).map(|(_, name)| name).unwrap_or_default();
            let said = format!("{} moved to {place}.", super::picked::counted(seat, &items));
            let items = items.iter().map(|view| ("moved", view.row.id.clone()));
            let all = items.chain(followed.iter().map(|view| ("along", view.row.id.clone())));
            Ok(seat.done(&done::address(&frame, &to, all), &said))
        }
        Err(error) => {
            let wrong = refused(seat, error)?;
            shown(seat, space, &pairs, wrong).await
        }
    }
}
