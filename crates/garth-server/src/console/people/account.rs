//! One's own account: what one is called, where one begins, how pages look.

use super::super::look::{Choice, named};
use super::super::seat::{Seat, Wrong};
use super::super::shell::Shell;
use super::start::{Waiting, waiting};
use crate::base::error::{Error, Result};
use crate::base::http::{PageRequest, Query};
use crate::base::text::{self, PAGE_MAX};
use crate::sessions::{self, MePatch};
use crate::spaces::{self, Filter, SpaceView};
use askama::Template;
use axum::response::Response;

/// The fields of the form.
const FIELDS: [&str; 2] = ["/name", "/default_space"];

#[derive(Template)]
#[template(path = "account.html")]
struct Account {
    frame: Shell,
    tab: &'static str,
    name: String,
    email: Option<String>,
    verified: bool,
    invitations: Vec<Waiting>,
    /// The spaces where they could begin; none where there is nothing to choose.
    choices: Vec<Choice>,
    /// Are there more of them than stand there?
    many: bool,
    q: String,
    wrong: Wrong,
}

/// The page.
pub async fn show(seat: &Seat) -> Result<Response> {
    shown(seat, None, Wrong::default()).await
}

async fn shown(seat: &Seat, tried: Option<(String, String)>, wrong: Wrong) -> Result<Response> {
    let (ctx, mut query) = (&seat.ctx, Query::new(&seat.uri)?);
    let q = query.one("q").unwrap_or_default();
    if seat.looks() {
        query.done()?;
    }
    let invitations = waiting(ctx).await?;
    let frame = Shell::outside(seat, "/account")?;
    let user = {
        let dir = ctx.directory();
        dir.users.info(ctx.user(&dir)?).ok_or(Error::Unauthenticated)?.clone()
    };
    let own = user.default_space.and_then(|id| spaces::get(ctx, &id.to_string()).ok());
    let sought = Some(q.clone()).filter(|q| !q.trim().is_empty());
    let found = spaces::list(ctx, &Filter { q: sought.clone(), ..Filter::default() }, &PageRequest::first(PAGE_MAX))?;
    let many = found.next.is_some() || sought.is_some();
    let mut places = found.items;
    if let Some(own) = own.as_ref().filter(|own| places.iter().all(|place| place.info.id != own.info.id)) {
        places.insert(0, own.clone());
    }
    let picked = match &tried {
        Some((_, space)) => space.clone(),
        None => own.as_ref().map(|own| own.info.id.to_string()).unwrap_or_default(),
    };
    let choice = |place: &SpaceView| Choice::new(&place.info.id.to_string(), &named(&place.path), &picked);
    let mut choices: Vec<Choice> = places.iter().map(choice).collect();
    if choices.len() > 1 || many {
        choices.insert(0, Choice::new("", "The one that I looked at last", &picked));
    } else {
        choices.clear();
    }
    let verified = user.email.as_deref().map(text::folded).is_some_and(|email| user.verified_email == Some(email));
    let page = Account {
        frame,
        tab: "profile",
        name: tried.map_or_else(|| user.name.clone(), |(name, _)| name),
        email: user.email.clone(),
        verified,
        invitations,
        choices,
        many,
        q,
        wrong,
    };
    Ok(seat.page_as(page.wrong.status, &page))
}

/// Saves what one is called and where one begins.
pub async fn save(seat: &Seat, name: String, space: Option<String>) -> Result<Response> {
    let default_space = space.clone().map(|space| Some(space).filter(|space| !space.is_empty()));
    match sessions::update_me(&seat.ctx, MePatch { name: Some(name.clone()), default_space }).await {
        Ok(_) => Ok(seat.done("/account", "Your account is saved.")),
        Err(error) => {
            let wrong = seat.refused(error, &FIELDS)?;
            shown(seat, Some((name, space.unwrap_or_default())), wrong).await
        }
    }
}
