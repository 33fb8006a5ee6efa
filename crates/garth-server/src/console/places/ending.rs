//! Archiving a space and taking it back, deleting it, leaving it; and where somebody begins.

use super::settings;
use crate::base::error::{Error, Result};
use crate::console::frame::{Frame, Section};
use crate::console::look::{capital, named, noun, number};
use crate::console::seat::{Seat, Wrong};
use crate::grants;
use crate::sessions::{self, MePatch};
use crate::spaces::{self, Gone};
use askama::Template;
use axum::response::Response;

#[derive(Template)]
#[template(path = "space_delete.html")]
struct Delete {
    frame: Frame,
    /// What goes with it; where it cannot be deleted, why.
    gone: Option<Vec<String>>,
    why: Option<String>,
    confirm: String,
    wrong: Wrong,
}

/// Archives it, or takes it back.
pub async fn archive(seat: &Seat, space: &str, archive: bool) -> Result<Response> {
    match spaces::archive(&seat.ctx, space.to_owned(), archive).await {
        Ok(view) => {
            let name = named(&view.info.name);
            let there = format!("/s/{space}/settings");
            Ok(match archive {
                true => seat.done_but(&there, &format!("{name} is archived."), &format!("/s/{space}/activate")),
                false => seat.done_but(&there, &format!("{name} is back."), &format!("/s/{space}/archive")),
            })
        }
        Err(error) => settings::refused(seat, space, error).await,
    }
}

/// Makes it the space where the caller begins, or the installation's again.
pub async fn usual(seat: &Seat, space: &str, chosen: bool) -> Result<Response> {
    let name = named(&spaces::get(&seat.ctx, space)?.info.name);
    let patch = MePatch { default_space: Some(chosen.then(|| space.to_owned())), ..MePatch::default() };
    match sessions::update_me(&seat.ctx, patch).await {
        Ok(_) => {
            let said = match chosen {
                true => format!("{name} is where you begin now, and where something new of yours goes."),
                false => "You begin where the installation says again.".to_owned(),
            };
            Ok(seat.done(&format!("/s/{space}/settings"), &said))
        }
        Err(error) => settings::refused(seat, space, error).await,
    }
}

/// Gives up what the caller holds there.
pub async fn leave(seat: &Seat, space: &str) -> Result<Response> {
    let name = named(&spaces::get(&seat.ctx, space)?.info.name);
    match grants::leave(&seat.ctx, space.to_owned()).await {
        Ok(true) => Ok(seat.done("/sign-in", "Your account has ended with your last space.")),
        Ok(false) if spaces::get(&seat.ctx, space).is_ok() => {
            let said = format!("You gave up your role in {name}. What you see of it still comes from elsewhere.");
            Ok(seat.done(&format!("/s/{space}"), &said))
        }
        Ok(false) => Ok(seat.done("/spaces", &format!("You have left {name}."))),
        Err(error) => settings::refused(seat, space, error).await,
    }
}

/// What goes with a space, in words.
fn told(gone: &Gone) -> Vec<String> {
    let some = |count: usize, one: &str, several: &str| match count {
        1 => format!("1 {one}"),
        count => format!("{} {several}", number(i64::try_from(count).unwrap_or(i64::MAX))),
    };
    let mut all = Vec::new();
    for (kind, count) in &gone.resources {
        let kind = noun(kind);
        all.push(some(usize::try_from(*count).unwrap_or(usize::MAX), &kind, &format!("{kind}s")));
    }
    if gone.grants > 0 {
        all.push(some(gone.grants, "role that somebody holds here", "roles that people hold here"));
    }
    if gone.api_keys > 0 {
        all.push(some(gone.api_keys, "API key", "API keys"));
    }
    all
}

/// The page that asks for the name: it tries to delete, and tells what would go.
pub async fn ask(seat: &Seat, space: &str) -> Result<Response> {
    asked(seat, space, String::new(), Wrong::default()).await
}

async fn asked(seat: &Seat, space: &str, confirm: String, wrong: Wrong) -> Result<Response> {
    let name = spaces::get(&seat.ctx, space)?.info.name.clone();
    let frame = Frame::new(seat, space, Section::Settings).await?;
    if !frame.may("space:admin") {
        return frame.closed(seat, Error::Forbidden("this needs space:admin".to_owned()));
    }
    let (trying, _) = seat.ctx.trying();
    let (gone, why) = match spaces::delete(&trying, space.to_owned(), Some(name)).await {
        Ok(gone) => (Some(told(&gone)), None),
        Err(error @ Error::Forbidden(_)) => return frame.closed(seat, error),
        Err(error) => (None, Some(seat.refused(error, &[])?.page.unwrap_or_default())),
    };
    let id = frame.space.id;
    let page = Delete { frame, gone, why: why.map(|why| capital(&why)), confirm, wrong };
    Ok(Frame::shown(seat, id, &page.wrong, &page))
}

/// Deletes it.
pub async fn delete(seat: &Seat, space: &str, confirm: String) -> Result<Response> {
    match spaces::delete(&seat.ctx, space.to_owned(), Some(confirm.clone())).await {
        Ok(gone) => {
            let went = told(&gone);
            let with = if went.is_empty() { String::new() } else { format!(", and with it {}", went.join(", ")) };
            Ok(seat.done("/spaces", &format!("{confirm} is deleted{with}.")))
        }
        Err(error) => {
            let wrong = seat.refused(error, &["?confirm"])?;
            asked(seat, space, confirm, wrong).await
        }
    }
}
