//! The groups of an installation, and making another one.

use super::super::look::{Moment, address};
use super::super::seat::{Seat, Wrong};
use super::super::shell::Shell;
use crate::base::error::{Error, Result};
use crate::base::http::{PageRequest, Query};
use crate::base::text::PAGE_DEFAULT;
use crate::groups;
use askama::Template;
use axum::response::Response;
use garth_core::{GroupIx, Principal};

#[derive(Template)]
#[template(path = "groups.html")]
struct Groups {
    frame: Shell,
    rows: Vec<Row>,
    next: Option<String>,
    name: String,
    wrong: Wrong,
}

struct Row {
    id: String,
    name: String,
    people: usize,
    spaces: usize,
    made: Moment,
}

/// The page.
pub fn show(seat: &Seat) -> Result<Response> {
    shown(seat, String::new(), Wrong::default())
}

fn shown(seat: &Seat, name: String, wrong: Wrong) -> Result<Response> {
    let ctx = &seat.ctx;
    ctx.system_admin(&ctx.directory())?;
    let mut page = PageRequest::first(PAGE_DEFAULT);
    if seat.looks() {
        let mut query = Query::new(&seat.uri)?;
        page = query.page();
        query.done()?;
    }
    let found = groups::list(ctx, &page)?;
    let next = found.next.map(|next| address("/system/groups", &[("cursor", &next)]));
    let dir = ctx.directory();
    let mut rows = Vec::new();
    for info in found.items {
        let Some(ix) = dir.groups.by_id::<GroupIx>(&info.id) else { continue };
        rows.push(Row {
            id: info.id.to_string(),
            name: info.name.clone(),
            people: dir.world.group(ix).map_or(0, |group| group.members().len()),
            spaces: dir.world.granted(Principal::Group(ix)).len(),
            made: Moment::new(info.created_at, ctx.now()),
        });
    }
    let page = Groups { frame: Shell::outside(seat, "/system/groups")?, rows, next, name, wrong };
    Ok(seat.page_as(page.wrong.status, &page))
}

/// Makes a group.
pub async fn create(seat: &Seat, name: String) -> Result<Response> {
    match groups::create(&seat.ctx, name.trim().to_owned()).await {
        Ok(info) => {
            let said = format!("{} is made. Now put people into it.", info.name);
            Ok(seat.done(&format!("/system/groups/{}", info.id), &said))
        }
        Err(error) => {
            seat.ctx.system_admin(&seat.ctx.directory())?;
            let wrong = seat.refused(taken(error), &["/name"])?;
            shown(seat, name, wrong)
        }
    }
}

/// That a name is taken is told at the name.
pub fn taken(error: Error) -> Error {
    match error {
        Error::Conflict("conflict", why) => Error::field("/name", why),
        other => other,
    }
}
