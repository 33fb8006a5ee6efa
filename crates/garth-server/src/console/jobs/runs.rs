//! All runs of a job.

use super::one::{Ran, shown};
use crate::base::error::{Error, Result};
use crate::base::http::Query;
use crate::console::frame::Frame;
use crate::console::look::address;
use crate::console::resources::{elsewhere, held};
use crate::console::seat::{Seat, Wrong};
use crate::identity_providers::browser::to;
use crate::jobs;
use askama::Template;
use axum::response::Response;

#[derive(Template)]
#[template(path = "jobs/runs.html")]
struct Page {
    frame: Frame,
    name: String,
    address: String,
    runs: Vec<Ran>,
    may_run: bool,
    next: Option<String>,
}

/// The page.
pub async fn show(seat: &Seat, space: &str, id: &str) -> Result<Response> {
    let (frame, view, _) = held(seat, space, id).await?;
    if let Some(there) = elsewhere(&frame, &view) {
        return Ok(to(&format!("{there}/runs")));
    }
    if view.kind != super::JOB || !super::one::built_in(&seat.ctx, &view.kind) {
        return Err(Error::NotFound);
    }
    let mut query = Query::new(&seat.uri)?;
    let page = query.page();
    query.done()?;
    let found = jobs::runs(&seat.ctx, &view.row.id, &page).await?;
    let found = shown(&seat.ctx, &frame, found).await?;
    let own = frame.at(&format!("/resources/{}", view.row.code));
    let place = frame.space.id;
    let page = Page {
        next: found.next.map(|cursor| address(&format!("{own}/runs"), &[("cursor", &cursor)])),
        runs: found.items,
        may_run: !frame.space.archived && frame.may("job:run"),
        name: view.row.name,
        address: own,
        frame,
    };
    Ok(Frame::shown(seat, place, &Wrong::default(), &page))
}
