//! Backups: they are made on the server's machine, and this page tells how.

use crate::audit::{self, Filter};
use crate::base::error::Result;
use crate::base::http::PageRequest;
use crate::console::look::Moment;
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
}

/// The page.
pub async fn show(seat: &Seat) -> Result<Response> {
    let filter = Filter { action: Some("installation.restore".to_owned()), ..Filter::default() };
    let last = audit::of_system(&seat.ctx, filter, &PageRequest::first(1)).await?;
    let sqlite = seat.ctx.app.db.engine() == "sqlite";
    let restored = last.items.first().map(|entry| Moment::new(entry.at, seat.ctx.now()));
    Ok(seat.page_as(StatusCode::OK, &Page { frame: Shell::outside(seat, HERE)?, sqlite, restored }))
}
