//! All spaces of somebody, to go from one to another; and how pages look to them.

use super::fields::begun;
use super::frame::Section;
use super::look::{Chip, Face, above, address, named};
use super::seat::{KEPT_SECONDS, Seat};
use super::shell::Shell;
use crate::access::Cookie;
use crate::base::error::{Error, Result};
use crate::base::http::Query;
use crate::identity_providers::browser::to;
use crate::identity_providers::local_path;
use crate::spaces::{self, Filter, SpaceView};
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use uuid::Uuid;

#[derive(Template)]
#[template(path = "spaces.html")]
struct Spaces {
    q: String,
    section: String,
    clear: String,
    places: Vec<Place>,
    next: Option<String>,
    wrong: Option<String>,
    /// May the caller make spaces?
    makes: bool,
    frame: Shell,
}

/// A space in the list.
struct Place {
    name: String,
    above: Option<String>,
    face: Face,
    chip: Option<Chip>,
    archived: bool,
    usual: bool,
    href: String,
}

impl Place {
    fn new(space: SpaceView, section: &Section, usual: Option<Uuid>) -> Self {
        let name = named(&space.info.name);
        Self {
            above: above(&space.path, &space.info.name),
            face: Face::new(&name, &space.info.id),
            chip: space.role.as_deref().map(Chip::new),
            archived: space.archived,
            usual: usual == Some(space.info.id),
            href: section.of(&space.info.id, space.role.as_deref()),
            name,
        }
    }
}

/// The page.
pub async fn show(seat: &Seat) -> Result<Response> {
    let mut query = Query::new(&seat.uri)?;
    let (q, section) = (query.one("q").unwrap_or_default(), query.one("section").unwrap_or_default());
    let page = query.page();
    query.done()?;
    let filter = Filter { archived: true, q: Some(begun(&q)).filter(|q| !q.is_empty()), ..Filter::default() };
    let (found, wrong) = match spaces::list(&seat.ctx, &filter, &page) {
        Ok(found) => (Some(found), None),
        Err(error @ Error::Invalid(_)) => {
            let wrong = seat.refused(error, &["?q"])?;
            (None, wrong.at("?q").map(str::to_owned).or(wrong.page))
        }
        Err(error) => return Err(error),
    };
    let usual = spaces::usual(&seat.ctx)?;
    let next = found.as_ref().and_then(|found| found.next.as_ref());
    let next = next.map(|cursor| address("/spaces", &[("q", &q), ("section", &section), ("cursor", cursor)]));
    let into = Section::read(&section);
    let places = found.into_iter().flat_map(|found| found.items).map(|space| Place::new(space, &into, usual)).collect();
    let clear = address("/spaces", &[("section", &section)]);
    let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let frame = Shell::outside(seat, "/spaces")?;
    let makes = spaces::may_make(&seat.ctx)?;
    let page = Spaces { q, section, clear, places, next, wrong, makes, frame };
    Ok(seat.page_as(status, &page))
}

/// How pages look from now on, in this browser.
pub fn look(seat: &Seat, theme: &str, back: Option<&str>) -> Result<Response> {
    let response = to(&local_path(back));
    match theme {
        "light" | "dark" => Ok(seat.keep(response, Cookie::Theme, theme, KEPT_SECONDS)),
        "system" => Ok(seat.keep(response, Cookie::Theme, "", 0)),
        _ => Err(Error::field("/theme", "must be light, dark or system")),
    }
}
