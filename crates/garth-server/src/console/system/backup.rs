//! Backups: they are made on the server's machine, by hand or by a schedule of its configuration. This page tells how, and
//! what became of the last ones.

use crate::audit::{self, Filter};
use crate::backup::{self, Made};
use crate::base::error::Result;
use crate::base::http::PageRequest;
use crate::console::look::{Moment, number, sentence};
use crate::console::seat::Seat;
use crate::console::shell::Shell;
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

const HERE: &str = "/system/backup";

#[derive(Template)]
#[template(path = "system/backup.html")]
struct Page {
    frame: Shell,
    sqlite: bool,
    /// When this installation was restored from one, if it was.
    restored: Option<Moment>,
    /// The one that the server makes next by itself, and by which schedule.
    next: Option<(Moment, String)>,
    last: Vec<Line>,
}

/// A backup that the server made, or was to make.
struct Line {
    due: Moment,
    tone: &'static str,
    icon: &'static str,
    word: &'static str,
    file: String,
    size: String,
    error: String,
}

impl Line {
    fn new(made: Made, now: i64) -> Self {
        let (tone, icon, word) = match made.state.as_str() {
            "succeeded" => ("good", "done", "made"),
            "failed" => ("bad", "alert", "failed"),
            "skipped" => ("near", "warning", "missed"),
            "running" => ("none", "clock", "going on"),
            _ => ("none", "clock", "waiting"),
        };
        let size = match made.size_bytes {
            Some(bytes) if bytes >= 1_048_576 => format!("{} MiB", number(bytes / 1_048_576)),
            Some(bytes) => format!("{} KiB", number(bytes.max(1_024) / 1_024)),
            None => String::new(),
        };
        let error = if made.error.is_empty() { String::new() } else { sentence(&made.error) };
        Self { due: Moment::new(made.due_at, now), tone, icon, word, file: made.file.unwrap_or_default(), size, error }
    }
}

/// The page.
pub async fn show(seat: &Seat) -> Result<Response> {
    let filter = Filter { action: Some("installation.restore".to_owned()), ..Filter::default() };
    let last = audit::of_system(&seat.ctx, filter, &PageRequest::first(1)).await?;
    let sqlite = seat.ctx.app.db.engine() == "sqlite";
    let restored = last.items.first().map(|entry| Moment::new(entry.at, seat.ctx.now()));
    let scheduled = backup::lately(&seat.ctx.app).await?;
    let now = seat.ctx.now();
    let page = Page {
        frame: Shell::outside(seat, HERE)?,
        sqlite,
        restored,
        next: scheduled.next.map(|made| (Moment::new(made.due_at, now), made.schedule)),
        last: scheduled.last.into_iter().map(|made| Line::new(made, now)).collect(),
    };
    Ok(seat.page_as(StatusCode::OK, &page))
}
