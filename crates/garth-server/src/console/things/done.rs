//! What was moved or copied, with links to where it is now.

use super::super::frame::{Frame, Section};
use super::super::seat::{Seat, Wrong};
use super::picked::asked;
use super::targets::name_of;
use crate::base::error::{Error, Result};
use crate::console::fields::{many, one};
use crate::resources;
use askama::Template;
use axum::response::Response;

/// Most that the page lists.
const LISTED: usize = 60;

#[derive(Template)]
#[template(path = "moved.html")]
struct Done {
    frame: Frame,
    place: String,
    there: String,
    rows: Vec<Row>,
    more: bool,
}

struct Row {
    name: String,
    code: String,
    href: String,
    word: &'static str,
}

/// The address of the page.
pub fn address<'a>(frame: &Frame, to: &str, items: impl Iterator<Item = (&'a str, String)>) -> String {
    let mut texts: Vec<String> = items.map(|(word, id)| format!("{id}:{word}")).take(LISTED + 1).collect();
    let more = if texts.len() > LISTED { "true" } else { "" };
    texts.truncate(LISTED);
    let pairs: Vec<(&str, &str)> =
        texts.iter().map(|text| ("item", text.as_str())).chain([("space", to), ("more", more)]).collect();
    super::super::look::address(&frame.at("/selected/done"), &pairs)
}

/// How an outcome is told.
fn word(outcome: &str) -> &'static str {
    match outcome {
        "moved" => "moved",
        "along" => "went along",
        "renamed" => "copied under another name",
        "replaced" => "replaced",
        "skipped" => "was there already",
        _ => "copied",
    }
}

/// The page.
pub async fn show(seat: &Seat, space: &str) -> Result<Response> {
    let pairs = asked(seat, &["space", "more"], &["item"]);
    let frame = Frame::new(seat, space, Section::Resources(String::new())).await?;
    let pairs = pairs?;
    let mut items = many(&pairs, "item");
    items.truncate(LISTED);
    let mut rows = Vec::new();
    for item in items {
        let Some((id, outcome)) = item.split_once(':') else { continue };
        match resources::get(&seat.ctx, id).await {
            Ok(view) => {
                let home = view.space.map_or_else(|| frame.home(), |home| format!("/s/{home}"));
                let href = format!("{home}/resources/{}", view.row.code);
                rows.push(Row { name: view.row.name, code: view.row.code, href, word: word(outcome) });
            }
            Err(Error::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    let (there, place) = match name_of(seat, one(&pairs, "space")) {
        Some((id, name)) => (format!("/s/{id}/resources"), name),
        None => (frame.at("/resources"), frame.space.name.clone()),
    };
    let id = frame.space.id;
    let page = Done { frame, place, there, rows, more: one(&pairs, "more") == "true" };
    Ok(Frame::shown(seat, id, &Wrong::default(), &page))
}
