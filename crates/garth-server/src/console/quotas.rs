//! The quotas of a space: every meter, how much of it is used, and when it begins anew.

use super::frame::{Frame, Section};
use super::look::{Bar, address};
use super::seat::{Seat, Wrong};
use crate::base::error::{Error, Result};
use crate::base::http::Query;
use crate::quotas;
use askama::Template;
use axum::response::Response;

#[derive(Template)]
#[template(path = "quotas.html")]
struct Quotas {
    frame: Frame,
    bars: Vec<Bar>,
    next: Option<String>,
}

/// The page.
pub async fn show(seat: &Seat, space: &str) -> Result<Response> {
    let frame = Frame::new(seat, space, Section::Quotas).await?;
    let mut query = Query::new(&seat.uri)?;
    let page = query.page();
    query.done()?;
    let found = match quotas::list(&seat.ctx, space, &page).await {
        Err(error @ Error::Forbidden(_)) => return frame.closed(seat, error),
        other => other?,
    };
    let next = found.next.map(|cursor| address(&frame.at("/quotas"), &[("cursor", &cursor)]));
    let bars = found.items.into_iter().map(|meter| Bar::new(meter, seat.ctx.now())).collect();
    let id = frame.space.id;
    Ok(Frame::shown(seat, id, &Wrong::default(), &Quotas { frame, bars, next }))
}
