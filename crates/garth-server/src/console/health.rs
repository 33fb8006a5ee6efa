//! What an administrator should look after in a space: keys that end, that whoever made is gone, or that nobody uses; limits
//! that are near; and whether one person alone is in charge.

use super::frame::Frame;
use super::home::if_allowed;
use super::look::{Bar, Moment};
use super::seat::Seat;
use crate::access::DAY;
use crate::api_keys::{self, Creator};
use crate::base::error::Result;
use crate::base::http::PageRequest;
use crate::base::text::PAGE_MAX;
use crate::grants;
use garth_core::Micros;

/// So long before its end it is told of a key.
const SOON: Micros = 14 * DAY;
/// A key that nobody used for so long is forgotten.
const UNUSED: Micros = 90 * DAY;
/// Most that is told at once.
const TOLD: usize = 6;

/// Something to look after.
pub struct Concern {
    pub text: String,
    pub icon: &'static str,
    pub href: String,
}

/// What is to be looked after; for administrators, of the first hundred keys and members.
///
/// # Errors
/// 401 when the session has ended, 404 when the space is hidden by now.
pub async fn of(seat: &Seat, frame: &Frame, bars: &[Bar]) -> Result<Option<Vec<Concern>>> {
    if !frame.may("space:admin") || frame.space.archived {
        return Ok(None);
    }
    let (ctx, space) = (&seat.ctx, frame.space.id.to_string());
    let all = PageRequest::first(PAGE_MAX);
    let now = ctx.now();
    let mut found = Vec::new();
    let mut tell = |icon, tail: &str, text: String| found.push(Concern { text, icon, href: frame.at(tail) });
    for bar in bars {
        if let Some(word) = bar.word {
            tell("gauge", "/quotas", format!("{} is {word}.", super::look::capital(&bar.name)));
        }
    }
    let members = if_allowed(grants::members(ctx, &space, &all))?;
    if let Some(page) = members.filter(|page| page.next.is_none()) {
        let mut admins = page.items.iter().filter(|member| member.role.as_deref() == Some("admin"));
        if let (Some(only), None) = (admins.next(), admins.next()) {
            let user = &only.user;
            let name = if user.name.is_empty() { &user.username } else { &user.name };
            tell("person", "/members", format!("{name} alone is in charge here."));
        }
    }
    let keys = if_allowed(api_keys::list(ctx, &space, None, &all).await)?;
    for shown in keys.into_iter().flat_map(|page| page.items) {
        let name = &shown.key.name;
        let ends = shown.key.expires_at;
        let used = shown.last_used_at.unwrap_or(shown.key.created_at);
        let text = match (ends, shown.creator) {
            (Some(at), _) if at <= now => format!("The key {name} has ended, and opens nothing."),
            (Some(at), _) if at - now < SOON => format!("The key {name} ends {}.", Moment::new(at, now).ago),
            (_, Creator::Gone) => format!("Whoever made the key {name} is no member any more."),
            _ if now - used > UNUSED => format!("Nobody has used the key {name} for 90 days."),
            _ => continue,
        };
        tell("key", "/keys", text);
    }
    found.truncate(TOLD);
    Ok(Some(found))
}
