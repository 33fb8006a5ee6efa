//! Where somebody begins: in a space of theirs, or, where they see none, with what they can do next.

use super::super::look::{Chip, Moment};
use super::super::seat::{Seat, Wrong};
use super::super::shell::Shell;
use super::typed;
use crate::access::Ctx;
use crate::base::error::{Error, Result};
use crate::base::http::PageRequest;
use crate::base::text::PAGE_MAX;
use crate::directory::CreateSpaces;
use crate::identity_providers::browser::to;
use crate::invitations;
use crate::spaces::{self, NewSpace};
use askama::Template;
use axum::response::Response;

#[derive(Template)]
#[template(path = "start.html")]
struct Start {
    frame: Shell,
    invitations: Vec<Waiting>,
    /// May they make a space of their own?
    makes: bool,
    name: String,
    wrong: Wrong,
}

/// An invitation that waits for whoever looks.
pub struct Waiting {
    pub id: String,
    pub space: String,
    pub chip: Chip,
    pub by: Option<String>,
    pub until: Moment,
}

/// The invitations that wait for the caller.
pub async fn waiting(ctx: &Ctx) -> Result<Vec<Waiting>> {
    let found = invitations::mine(ctx, &PageRequest::first(PAGE_MAX)).await?;
    let one = |invitation: invitations::Mine| Waiting {
        id: invitation.id,
        space: super::super::look::named(&invitation.space_name),
        chip: Chip::new(&invitation.role),
        by: invitation.invited_by,
        until: Moment::new(invitation.expires_at, ctx.now()),
    };
    Ok(found.items.into_iter().map(one).collect())
}

/// Leads to the space that somebody chose as their default, else to the one that they looked at last, else to where
/// everybody begins.
pub async fn show(seat: &Seat) -> Result<Response> {
    let ctx = &seat.ctx;
    let own = {
        let dir = ctx.directory();
        dir.users.info(ctx.user(&dir)?).ok_or(Error::Unauthenticated)?.default_space
    };
    let open = |id: &uuid::Uuid| spaces::get(ctx, &id.to_string()).is_ok_and(|space| !space.archived);
    let there = own.into_iter().chain(seat.recent()).find(open);
    if let Some(id) = there.map_or_else(|| spaces::usual(ctx), |id| Ok(Some(id)))? {
        return Ok(to(&format!("/s/{id}")));
    }
    let frame = Shell::outside(seat, "")?;
    match frame.switcher {
        // What they see is archived, all of it.
        Some(_) => Ok(to("/spaces")),
        None => shown(seat, frame, String::new(), Wrong::default()).await,
    }
}

async fn shown(seat: &Seat, frame: Shell, name: String, wrong: Wrong) -> Result<Response> {
    let ctx = &seat.ctx;
    let invitations = waiting(ctx).await?;
    let makes = frame.system || ctx.directory().settings.create_spaces == CreateSpaces::Users;
    let page = Start { frame, invitations, makes, name, wrong };
    Ok(seat.page_as(page.wrong.status, &page))
}

/// Makes a space for whoever has none.
pub async fn make(seat: &Seat, name: String) -> Result<Response> {
    let new = NewSpace { name: typed(&name).unwrap_or_default(), ..NewSpace::default() };
    match spaces::create(&seat.ctx, new).await {
        Ok((space, _)) => {
            let said = format!("{} is made, and you are its administrator.", space.info.name);
            Ok(seat.done(&format!("/s/{}", space.info.id), &said))
        }
        Err(error) => {
            let wrong = seat.refused(error, &["/name"])?;
            shown(seat, Shell::outside(seat, "")?, name, wrong).await
        }
    }
}

/// Accepts an invitation that waited.
pub async fn accept(seat: &Seat, id: String) -> Result<Response> {
    let joined = invitations::accept(&seat.ctx, id).await?;
    let said = format!("You are in {}, as {}.", super::super::look::named(&joined.space_name), joined.role);
    Ok(seat.done(&format!("/s/{}", joined.space), &said))
}
