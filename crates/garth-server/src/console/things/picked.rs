//! What is selected in a list: named in an address or a form, and looked at by whoever may.

use super::super::fields::{Fields, many};
use super::super::frame::{Frame, Section};
use super::super::look::{address, noun};
use super::super::resources::definition;
use super::super::seat::Seat;
use crate::base::error::{Error, Result};
use crate::base::http::Query;
use crate::base::text::PAGE_MAX;
use crate::resources::{self, ResourceView};

/// Most that is selected at once: a page of a list.
pub const PICKED: usize = PAGE_MAX;

/// What an address says, of these names and no other.
///
/// # Errors
/// 422 for another name.
pub fn asked(seat: &Seat, once: &[&str], often: &[&str]) -> Result<Fields> {
    let mut query = Query::new(&seat.uri)?;
    let mut pairs = Vec::new();
    for name in often {
        pairs.extend(query.many(name).into_iter().map(|value| ((*name).to_owned(), value)));
    }
    for name in once {
        pairs.extend(query.one(name).map(|value| ((*name).to_owned(), value)));
    }
    query.done().map(|()| pairs)
}

/// What was selected.
pub struct Picked {
    /// Those that lie here and that the caller sees.
    pub views: Vec<ResourceView>,
    /// How many more were named.
    pub gone: usize,
    /// Where they were selected.
    pub list: String,
}

/// One of them, on a page.
pub struct Line {
    pub name: String,
    pub code: String,
    pub kind: String,
    pub href: String,
    pub archived: bool,
    pub labels: Vec<String>,
}

impl Picked {
    /// Reads what is named by `r`.
    ///
    /// # Errors
    /// 404 when the space is hidden or missing, 422 for too many.
    pub async fn read(seat: &Seat, space: &str, pairs: &[(String, String)]) -> Result<(Frame, Self)> {
        let here = crate::spaces::get(&seat.ctx, space)?;
        let mut named = many(pairs, "r");
        named.dedup();
        if named.len() > PICKED {
            return Err(Error::field("?r", format!("must be at most {PICKED}")));
        }
        let (mut views, mut gone): (Vec<ResourceView>, usize) = (Vec::new(), 0);
        for name in &named {
            match resources::get(&seat.ctx, name).await {
                Ok(view) if view.space == Some(here.info.id) => {
                    if views.iter().all(|other| other.row.id != view.row.id) {
                        views.push(view);
                    }
                }
                Ok(_) | Err(Error::NotFound) => gone += 1,
                Err(error) => return Err(error),
            }
        }
        let kind = views.first().map(|view| view.kind.clone()).unwrap_or_default();
        let kind = if views.iter().all(|view| view.kind == kind) { kind } else { String::new() };
        let frame = Frame::new(seat, space, Section::Resources(kind.clone())).await?;
        let list = address(&frame.at("/resources"), &[("kind", &kind)]);
        Ok((frame, Self { views, gone, list }))
    }

    /// How many of what, as a page says it.
    pub fn count(&self, seat: &Seat) -> String {
        counted(seat, &self.views)
    }

    /// Their ids.
    pub fn ids(&self) -> Vec<String> {
        self.views.iter().map(|view| view.row.id.clone()).collect()
    }

    /// Their codes, for forms.
    pub fn codes(&self) -> Vec<String> {
        self.views.iter().map(|view| view.row.code.clone()).collect()
    }

    /// The permissions to write things of their kinds, each once.
    pub fn writes(&self) -> Vec<String> {
        let mut all: Vec<String> = self.views.iter().map(|view| format!("{}:write", view.kind)).collect();
        all.sort();
        all.dedup();
        all
    }

    /// As they stand on a page.
    pub fn lines(&self, frame: &Frame) -> Vec<Line> {
        self.views.iter().map(|view| line(frame, view)).collect()
    }
}

/// One as it stands on a page.
pub fn line(frame: &Frame, view: &ResourceView) -> Line {
    Line {
        name: view.row.name.clone(),
        code: view.row.code.clone(),
        kind: noun(&view.kind),
        href: frame.at(&format!("/resources/{}", view.row.code)),
        archived: view.row.archived,
        labels: view.row.labels.clone(),
    }
}

/// How many of what: “3 jobs”.
pub fn counted(seat: &Seat, views: &[ResourceView]) -> String {
    let kind = views.first().map(|view| view.kind.as_str()).unwrap_or_default();
    let one = views.iter().all(|view| view.kind == kind);
    let defined = definition(&seat.ctx, kind).filter(|_| one);
    match (views.len(), defined) {
        (1, Some(kind)) => format!("1 {}", noun(&kind.name)),
        (number, Some(kind)) => format!("{number} {}", kind.plural.unwrap_or(kind.name).replace('_', " ")),
        (1, None) => "1 thing".to_owned(),
        (number, None) => format!("{number} things"),
    }
}

/// Nothing is selected: back to the list, which says so.
pub fn nothing(seat: &Seat, picked: &Picked) -> axum::response::Response {
    let said = if picked.gone > 0 { "What was selected is not here any more." } else { "Nothing is selected yet." };
    seat.done(&picked.list, said)
}
