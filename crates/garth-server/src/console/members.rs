//! Who has what in a space, and why; and how people come in and go.

use super::frame::{Frame, Section};
use super::look::{Chip, Face, Moment, address};
use super::names::{Names, called};
use super::roles::{RoleChoice, choices};
use super::seat::{Seat, Wrong};
use crate::access::Ctx;
use crate::base::error::{Error, Result};
use crate::base::http::{PageRequest, Query};
use crate::base::text::PAGE_MAX;
use crate::grants::{self, GrantPatch, Member, MemberSource};
use crate::invitations::{self, Invited, NewInvitation, Shown};
use crate::sessions;
use askama::Template;
use axum::response::Response;
use garth_core::SpaceIx;

/// The fields of the form that invites.
pub const FIELDS: [&str; 2] = ["/to", "/role"];

#[derive(Template)]
#[template(path = "members.html")]
struct Members {
    frame: Frame,
    manages: bool,
    rows: Vec<Row>,
    next: Option<String>,
    pending: Vec<Pending>,
    roles: Vec<RoleChoice>,
    to: String,
    role: String,
    link: Option<Link>,
    wrong: Wrong,
}

/// Somebody who holds a role.
struct Row {
    id: String,
    name: String,
    username: String,
    face: Face,
    me: bool,
    chip: Option<Chip>,
    /// The role that is their own here.
    own: String,
    sources: Vec<String>,
    /// Why they cannot be changed here.
    fixed: Option<String>,
    /// What it means to remove them.
    consequence: String,
}

/// Somebody who is invited.
struct Pending {
    id: String,
    to: String,
    chip: Chip,
    at: Moment,
    until: Moment,
    good: bool,
}

/// A link that is shown this once.
struct Link {
    to: String,
    url: String,
}

/// What was tried on the page.
#[derive(Default)]
pub struct Tried {
    pub to: String,
    pub role: String,
    pub wrong: Wrong,
}

/// The page.
pub async fn show(seat: &Seat, space: &str) -> Result<Response> {
    shown(seat, space, Tried::default(), None).await
}

/// The page once more, with what was refused.
pub async fn again(seat: &Seat, space: &str, tried: Tried) -> Result<Response> {
    shown(seat, space, tried, None).await
}

async fn shown(seat: &Seat, space: &str, tried: Tried, link: Option<Link>) -> Result<Response> {
    let frame = Frame::new(seat, space, Section::Members).await?;
    let ctx = &seat.ctx;
    let page = if seat.looks() { wanted(seat)? } else { first() };
    let found = match grants::members(ctx, space, &page) {
        Err(error @ Error::Forbidden(_)) => return frame.closed(seat, error),
        other => other?,
    };
    let manages = frame.may("space:admin");
    let pending = if manages { invitations::list(ctx, space, &first()).await?.items } else { Vec::new() };
    let roles = if manages { choices(ctx)? } else { Vec::new() };
    let next = found.next.map(|cursor| address(&frame.at("/members"), &[("cursor", &cursor)]));
    let last = if manages { last_admin(ctx, space, &found.items).await } else { None };
    let dir = ctx.directory();
    let caller = ctx.caller(&dir)?;
    let names = Names::new(&dir, &caller, ctx.now());
    let rows = found.items.into_iter().map(|member| row(ctx, &frame, &names, member, last.as_ref())).collect();
    let id = frame.space.id;
    let Tried { to, role, wrong } = tried;
    let role = if role.is_empty() { "reader".to_owned() } else { role };
    let pending = pending.into_iter().map(|shown| waiting(ctx, shown)).collect();
    let page = Members { frame, manages, rows, next, pending, roles, to, role, link, wrong };
    Ok(Frame::shown(seat, id, &page.wrong, &page))
}

fn first() -> PageRequest {
    PageRequest::first(PAGE_MAX)
}

fn wanted(seat: &Seat) -> Result<PageRequest> {
    let mut query = Query::new(&seat.uri)?;
    let page = query.page();
    query.done()?;
    Ok(page)
}

fn waiting(ctx: &Ctx, shown: Shown) -> Pending {
    let invitation = shown.invitation;
    Pending {
        id: invitation.id,
        to: invitation.to,
        chip: Chip::new(&shown.role),
        at: Moment::new(invitation.created_at, ctx.now()),
        until: Moment::new(invitation.expires_at, ctx.now()),
        good: shown.good,
    }
}

/// Whom the space cannot lose, and why, in the words of whoever would refuse it. Only one who is the only administrator
/// on the page can be that; removing them is tried, and undone.
async fn last_admin(ctx: &Ctx, space: &str, members: &[Member]) -> Option<(String, String)> {
    let admins = |member: &&Member| member.sources.iter().any(|s| s.from == "direct" && s.role == "admin");
    let mut admins = members.iter().filter(admins);
    let (Some(only), None) = (admins.next(), admins.next()) else { return None };
    let (trying, _) = ctx.trying();
    let id = only.user.id.to_string();
    match grants::remove(&trying, space.to_owned(), id.clone()).await {
        Err(Error::Conflict("last_admin", why)) => Some((id, why)),
        _ => None,
    }
}

fn row(ctx: &Ctx, frame: &Frame, names: &Names<'_>, member: Member, last: Option<&(String, String)>) -> Row {
    let user = &member.user;
    let name = user.called().to_owned();
    let (own, others): (Vec<&MemberSource>, Vec<&MemberSource>) =
        member.sources.iter().partition(|source| source.from == "direct");
    let whence = |source: &MemberSource| whence(ctx, names, source);
    let fixed = match (last, own.first()) {
        (Some((id, why)), _) if *id == user.id.to_string() => Some(format!(
            "{name} is the last administrator of {}. Make somebody else an administrator first. ({})",
            frame.space.name,
            super::look::sentence(why).trim_end_matches('.')
        )),
        (_, None) => {
            let all: Vec<String> = others.iter().map(|source| whence(source)).collect();
            Some(format!("{name} has no role of their own here: {}. It is changed there.", all.join("; ")))
        }
        _ => None,
    };
    let lost: Vec<&str> = own.iter().map(|source| source.role.as_str()).collect();
    let mut consequence = format!("{name} is no longer {} in {}.", lost.join(", "), frame.space.name);
    if !others.is_empty() {
        let kept: Vec<String> = others.iter().map(|source| whence(source)).collect();
        consequence.push_str(&format!(" What comes from elsewhere stays: {}.", kept.join("; ")));
    } else if ctx.directory().settings.delete_with_last_membership {
        consequence.push_str(" If this is their only space, their account ends with it.");
    }
    Row {
        id: user.id.to_string(),
        username: user.username.clone(),
        face: Face::new(&name, &user.id),
        me: user.id == frame.me.id,
        chip: member.role.as_deref().map(Chip::new),
        own: own.first().map(|source| source.role.clone()).unwrap_or_default(),
        sources: member.sources.iter().map(whence).collect(),
        fixed,
        consequence,
        name,
    }
}

/// Where a role comes from, in words.
pub fn whence(ctx: &Ctx, names: &Names<'_>, source: &MemberSource) -> String {
    let role = &source.role;
    let dir = ctx.directory();
    let place = source.space.and_then(|id| dir.spaces.by_id::<SpaceIx>(&id)).and_then(|ix| dir.spaces.info(ix));
    let place = place.map(|info| super::look::named(&info.name));
    match (source.from, source.group, place) {
        ("direct", ..) => format!("{role}, given to them"),
        ("group", Some(group), _) => format!("{role}, by the group {}", names.of(&format!("group:{group}"))),
        ("group", None, _) => format!("{role}, by a group"),
        ("ancestor", _, Some(place)) => format!("{role}, from {place} above"),
        ("ancestor", _, None) => format!("{role}, from a space above"),
        ("everyone", ..) => format!("{role}, as everyone who is signed in"),
        ("inherits", ..) => format!("{role}, from a space below that inherits"),
        ("login_policy", ..) => format!("{role}, by a login policy, while they are signed in"),
        (other, ..) => format!("{role}, {other}"),
    }
}

/// Invites somebody.
pub async fn invite(seat: &Seat, space: &str, to: String, role: String) -> Result<Response> {
    let new = NewInvitation { to: to.clone(), role: role.clone() };
    match invitations::create(&seat.ctx, space.to_owned(), new).await {
        Err(error) => {
            let wrong = seat.refused(error, &FIELDS)?;
            again(seat, space, Tried { to, role, wrong }).await
        }
        Ok(Invited { shown: invited, token: Some(token) }) => {
            sessions::in_earnest(&seat.ctx)?;
            let url = invitations::link(&seat.ctx.app.public_url, &token);
            shown(seat, space, Tried::default(), Some(Link { to: invited.invitation.to, url })).await
        }
        Ok(Invited { shown: invited, token: None }) => {
            let said =
                format!("{} is invited as {}. The link is on its way to them.", invited.invitation.to, invited.role);
            Ok(seat.done(&format!("/s/{space}/members"), &said))
        }
    }
}

/// Takes an invitation back.
pub async fn take_back(seat: &Seat, space: &str, invitation: String) -> Result<Response> {
    let done = invitations::revoke(&seat.ctx, space.to_owned(), invitation).await;
    ended(seat, space, done, "The invitation is taken back: its link is good no more.").await
}

/// Gives a member another role.
pub async fn change_role(seat: &Seat, space: &str, user: String, role: String) -> Result<Response> {
    let name = called(seat, &format!("user:{user}"))?;
    let said = format!("{name} is {role} now.");
    let patch = GrantPatch { role: Some(role), expires_at: None };
    let done = grants::set_role(&seat.ctx, space.to_owned(), user, patch).await.map(drop);
    ended(seat, space, done, &said).await
}

/// Takes a member out.
pub async fn remove(seat: &Seat, space: &str, user: String) -> Result<Response> {
    let name = called(seat, &format!("user:{user}"))?;
    let done = grants::remove(&seat.ctx, space.to_owned(), user).await;
    ended(seat, space, done, &format!("{name} was removed.")).await
}

async fn ended(seat: &Seat, space: &str, done: Result<()>, said: &str) -> Result<Response> {
    match done {
        Ok(()) => {
            // Whoever took their own way in has nothing to come back to.
            let sees = crate::spaces::get(&seat.ctx, space).is_ok();
            let there = if sees { format!("/s/{space}/members") } else { "/".to_owned() };
            Ok(seat.done(&there, said))
        }
        Err(error) => {
            let wrong = seat.refused(error, &FIELDS)?;
            again(seat, space, Tried { wrong, ..Tried::default() }).await
        }
    }
}
