//! Labelling, archiving and deleting what is selected: what will happen, and what was done with each. Each is its own
//! change, as if it were made alone: one that is refused holds up no other.

use super::super::frame::Frame;
use super::super::look::sentence;
use super::super::seat::{Seat, Wrong};
use super::picked::{Line, Picked, asked, line, nothing};
use super::told::told;
use crate::base::error::{Error, Result};
use crate::base::text::LABELS;
use crate::console::fields::{Fields, many, one};
use crate::resources::{self, ResourcePatch, ResourceView};
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use std::collections::{BTreeSet, HashSet};

/// What is done with all that is selected.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Label,
    Archive,
    Delete,
}

impl Act {
    fn tail(self) -> &'static str {
        match self {
            Self::Label => "/selected/labels",
            Self::Archive => "/selected/archive",
            Self::Delete => "/selected/delete",
        }
    }

    fn verb(self) -> &'static str {
        match self {
            Self::Label => "Label",
            Self::Archive => "Archive",
            Self::Delete => "Delete",
        }
    }

    /// What is said when it is done.
    fn done(self, count: &str, several: bool) -> String {
        let are = if several { "are" } else { "is" };
        match self {
            Self::Label => format!("The labels of {count} are changed."),
            Self::Archive => format!("{count} {are} archived: lists leave them out."),
            Self::Delete => format!("{count} {are} deleted."),
        }
    }
}

#[derive(Template)]
#[template(path = "bulk.html")]
struct Page {
    frame: Frame,
    heading: String,
    consequence: &'static str,
    button: String,
    action: String,
    back: String,
    act: &'static str,
    codes: Vec<String>,
    lines: Vec<Line>,
    /// Those of them that the caller may not change.
    fixed: usize,
    gone: usize,
    /// Labels that one of them bears, and whether they are to go.
    labels: Vec<(String, bool)>,
    add: String,
    count: usize,
    wrong: Wrong,
}

#[derive(Template)]
#[template(path = "bulk_done.html")]
struct Outcomes {
    frame: Frame,
    heading: String,
    back: String,
    rows: Vec<Row>,
    wrong: Wrong,
}

/// What was done with one.
struct Row {
    line: Line,
    done: bool,
    there: bool,
    why: String,
}

/// The page.
pub async fn show(seat: &Seat, space: &str, act: Act) -> Result<Response> {
    let pairs = asked(seat, &[], &["r"]);
    crate::spaces::get(&seat.ctx, space)?;
    shown(seat, space, act, &pairs?, Wrong::default()).await
}

async fn shown(seat: &Seat, space: &str, act: Act, pairs: &Fields, wrong: Wrong) -> Result<Response> {
    let (frame, picked) = Picked::read(seat, space, pairs).await?;
    if picked.views.is_empty() {
        return Ok(nothing(seat, &picked));
    }
    let mut fixed = 0;
    for view in &picked.views {
        fixed += usize::from(!resources::editable(&seat.ctx, view)?);
    }
    let going: HashSet<String> = many(pairs, "take").into_iter().collect();
    let labels: BTreeSet<&String> = picked.views.iter().flat_map(|view| &view.row.labels).collect();
    let labels = labels.into_iter().map(|label| (label.clone(), going.contains(label))).collect();
    let count = picked.count(seat);
    let id = frame.space.id;
    let page = Page {
        heading: match act {
            Act::Label => format!("Labels of {count}"),
            act => format!("{} {count}", act.verb()),
        },
        consequence: match act {
            Act::Label => "Labels are added to each of them, and taken from each that bears them.",
            Act::Archive => "Lists leave them out from then on. Links to them still work, and they can be taken back.",
            Act::Delete => "They go for good, with the roles that they hold. Nobody can bring them back.",
        },
        button: match act {
            Act::Label => format!("Change the labels of {count}"),
            act => format!("{} {count}", act.verb()),
        },
        action: frame.at(act.tail()),
        back: picked.list.clone(),
        act: act.verb(),
        codes: picked.codes(),
        lines: picked.lines(&frame),
        count: picked.views.len(),
        gone: picked.gone,
        add: one(pairs, "add").to_owned(),
        labels,
        fixed,
        wrong,
        frame,
    };
    Ok(Frame::shown(seat, id, &page.wrong, &page))
}

/// Does it.
pub async fn act(seat: &Seat, space: &str, act: Act, pairs: Fields) -> Result<Response> {
    let (frame, picked) = Picked::read(seat, space, &pairs).await?;
    if picked.views.is_empty() {
        return Ok(nothing(seat, &picked));
    }
    let count = picked.views.len();
    if act == Act::Delete && one(&pairs, "count").trim() != count.to_string() {
        let error = Error::field("/count", format!("type {count}, so that nothing goes by mistake"));
        let wrong = seat.refused(error, &["/count"])?;
        return shown(seat, space, act, &pairs, wrong).await;
    }
    let add: BTreeSet<String> = split(one(&pairs, "add")).into_iter().collect();
    let take: HashSet<String> = many(&pairs, "take").into_iter().collect();
    if add.len() > LABELS {
        let wrong = seat.refused(Error::field("/add", format!("must be at most {LABELS} labels")), &["/add"])?;
        return shown(seat, space, act, &pairs, wrong).await;
    }
    let mut rows = Vec::new();
    for view in &picked.views {
        let result = match act {
            Act::Label => label(seat, view, &add, &take).await,
            Act::Archive => resources::archive(&seat.ctx, view.row.id.clone(), true).await.map(drop),
            Act::Delete => resources::delete(&seat.ctx, view.row.id.clone(), None).await,
        };
        let (done, why) = match result {
            Ok(()) => (true, String::new()),
            // Where something is done, it is not hidden behind what happened to another.
            Err(error) if rows.iter().any(|row: &Row| row.done) => (false, sentence(&error.to_string())),
            Err(error) => (false, told(seat, error)?),
        };
        rows.push(Row { line: line(&frame, view), done, there: !done || act != Act::Delete, why });
    }
    let refused = rows.iter().filter(|row| !row.done).count();
    if refused == 0 {
        let text = act.done(&picked.count(seat), count > 1);
        return Ok(seat.done(&picked.list, &text));
    }
    let status = if refused == count { StatusCode::CONFLICT } else { StatusCode::OK };
    let told = match (refused, count) {
        (1, 1) => "It was refused, and nothing was changed.".to_owned(),
        (refused, count) if refused == count => "All of it was refused, and nothing was changed.".to_owned(),
        (refused, count) => format!("{} of {count} are done; {refused} could not be.", count - refused),
    };
    let id = frame.space.id;
    let wrong = Wrong::whole(status, told);
    let heading = format!("{} {}", act.verb(), picked.count(seat));
    let page = Outcomes { heading, back: picked.list.clone(), rows, wrong, frame };
    Ok(Frame::shown(seat, id, &page.wrong, &page))
}

/// Labels as they are typed.
pub fn split(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|label| !label.is_empty()).map(str::to_owned).collect()
}

async fn label(seat: &Seat, view: &ResourceView, add: &BTreeSet<String>, take: &HashSet<String>) -> Result<()> {
    let mut labels: Vec<String> = view.row.labels.iter().filter(|label| !take.contains(*label)).cloned().collect();
    for label in add {
        if !labels.contains(label) {
            labels.push(label.clone());
        }
    }
    let patch = ResourcePatch { labels: Some(labels), ..ResourcePatch::default() };
    resources::update(&seat.ctx, view.row.id.clone(), patch, None).await.map(drop)
}
