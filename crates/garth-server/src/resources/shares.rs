//! Shares: windows that a space opens on single resources of its own, for other spaces.
//!
//! Where a resource is shared to is a part of its access class, so that sharing puts it into another class, and lists,
//! checks and searches ask of that class what they ask of any. A share changes nothing of the resource: no field, no
//! version. Somebody who sees it through a share is told of that space and of no other.

pub mod api;
mod usable;

pub use usable::{Usable, usable};

use super::edit::{Placed, find};
use super::store::{Stored, followers};
use super::{look, record, state, target_of};
use crate::access::{self, ChangedRow, Ctx, Ends, Permit, Record, Write, archived, check, named_space, page_of, write};
use crate::base::error::{Error, FieldError, Result};
use crate::base::http::{Page, PageRequest};
use crate::directory::{Directory, windows_text};
use garth_core::{Action, Caller, Class, Micros, Permission, SpaceIx, Target, Words};
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

/// Most other spaces that a resource is shared to.
pub const SHARES: usize = 64;

/// A space that a resource is shared to, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// The id of the space.
    pub space: Uuid,
    /// What the space is called.
    pub name: String,
}

/// The spaces that a resource is shared to, as far as the caller may know of them, by name.
///
/// # Errors
/// 404 when the resource is hidden or missing, 401 for anonymous callers, 422 for a cursor that is not good.
pub async fn list(ctx: &Ctx, id: &str, request: &PageRequest) -> Result<Page<Share>> {
    let ((dir, caller, row), now) = (look(ctx, id).await?, ctx.now());
    let query = format!("shares of {}", row.id);
    page_of(&dir, &caller, &query, request, known(&dir, &caller, &row, now).into_iter(), |share| {
        (share.name.clone(), share.space)
    })
}

/// Opens a window on a resource for another space. Answers whether it was not open already.
///
/// # Errors
/// 404, 403 at either end, 409 `archived`, 422 for a kind that is not shareable and for a space that is hidden or
/// unknown, is the one it lies in, or is one too many.
pub async fn share(ctx: &Ctx, id: String, space: String) -> Result<(Share, bool)> {
    write(ctx, "resource.share", async move |w: &mut Write<'_>| {
        let (permit, held) = administer(w, &id).await?;
        let mut windows = open(w.dir(), &held.class);
        let space = may_open(w, &held, &windows, "/space", &space)?;
        let fresh = !windows.contains(&space);
        if fresh {
            windows.push(space);
            put(w, &permit, held, windows, "/space").await?;
        }
        Ok((shown(w.dir(), space).ok_or(Error::NotFound)?, fresh))
    })
    .await
}

/// Opens windows for just these other spaces, all of them or nothing, and shuts the others. One for a space that the
/// caller cannot see stays as it is: it is neither told nor lost.
///
/// # Errors
/// As [`share`], with pointers into the list.
pub async fn replace(ctx: &Ctx, id: String, spaces: Vec<String>) -> Result<Vec<Share>> {
    write(ctx, "resource.share", async move |w: &mut Write<'_>| {
        let (permit, held) = administer(w, &id).await?;
        if spaces.len() > SHARES {
            return Err(Error::field("/spaces", format!("must be at most {SHARES}")));
        }
        let before = open(w.dir(), &held.class);
        let (mut wanted, mut wrong) = (Vec::with_capacity(spaces.len()), Vec::new());
        for (at, text) in spaces.iter().enumerate() {
            let pointer = format!("/spaces/{at}");
            match may_open(w, &held, &before, &pointer, text) {
                Ok(space) if !wanted.contains(&space) => wanted.push(space),
                Ok(_) => wrong.push(FieldError { pointer, message: "is given twice".to_owned() }),
                Err(Error::Invalid(fields)) => wrong.extend(fields),
                Err(other) => return Err(other),
            }
        }
        if !wrong.is_empty() {
            return Err(Error::Invalid(wrong));
        }
        let row = put(w, &permit, held, wanted, "/spaces").await?;
        let mut shares = known(w.dir(), &w.caller, &row, w.now);
        shares.sort_by(|a, b| (&a.name, a.space).cmp(&(&b.name, b.space)));
        Ok(shares)
    })
    .await
}

/// Shuts the window of a space: an administrator of the space that the resource lies in may, and at the other end whoever
/// may share there.
///
/// # Errors
/// 404 also for a window that the caller does not know of and does not administer the source of; 403.
pub async fn unshare(ctx: &Ctx, id: String, space: String) -> Result<()> {
    write(ctx, "resource.unshare", async move |w: &mut Write<'_>| {
        let held = seen(w, &id).await?;
        let at_source = Action::Use(Permission::SPACE_ADMIN);
        let administers = w.dir().world.decide(&w.caller, held.target, at_source, w.now).allowed();
        let known = known(w.dir(), &w.caller, &held.row, w.now);
        let named = w.dir().space_ref(&space);
        let told = named.and_then(|space| w.dir().space_id(space));
        let space = match named {
            Some(space) if known.iter().any(|share| Some(share.space) == told) => space,
            // Whoever administers the source shuts any window there is; whether there was one is not told.
            hidden if administers && hidden.is_none_or(|space| !sees(w.dir(), &w.caller, space, w.now)) => {
                let permit = w.may(held.target, at_source)?;
                let windows = open(w.dir(), &held.class).into_iter().filter(|window| Some(*window) != hidden).collect();
                return put(w, &permit, held, windows, "").await.map(drop);
            }
            _ => return Err(Error::NotFound),
        };
        let (there, sharing) = (Target::Space(space), Action::Use(sharing(w.dir(), &held.class)?));
        let permit = match w.dir().world.decide(&w.caller, there, sharing, w.now).allowed() {
            true => w.may(there, sharing)?,
            false => w.may(held.target, Action::Use(Permission::SPACE_ADMIN))?,
        };
        let windows = open(w.dir(), &held.class).into_iter().filter(|window| *window != space).collect();
        put(w, &permit, held, windows, "").await.map(drop)
    })
    .await
}

/// The resource, if the caller may look at it.
async fn seen(w: &mut Write<'_>, id: &str) -> Result<Placed> {
    let found = find(w, id).await?;
    check(w.dir(), &w.caller, found.target, Action::Read, w.now)?;
    Ok(found)
}

/// The resource, if the caller administers the space it lies in.
async fn administer(w: &mut Write<'_>, id: &str) -> Result<(Permit, Placed)> {
    let held = seen(w, id).await?;
    let permit = w.may(held.target, Action::Use(Permission::SPACE_ADMIN))?;
    Ok((permit, held))
}

/// The space of that id, if the caller may open a window there, or one is open already.
fn may_open(w: &mut Write<'_>, held: &Placed, windows: &[SpaceIx], pointer: &str, id: &str) -> Result<SpaceIx> {
    let space = named_space(w.dir(), &w.caller, pointer, id, w.now)?;
    if space == held.class.space {
        return Err(Error::field(pointer, "is the space that it lies in"));
    }
    if windows.contains(&space) {
        return Ok(space);
    }
    if !held.kind.definition.shareable {
        return Err(Error::field(pointer, "cannot be: resources of this kind are not shareable"));
    }
    w.may(Target::Space(space), Action::Use(sharing(w.dir(), &held.class)?))?;
    if archived(&w.dir().world, space) {
        return Err(Error::conflict("archived", "the space is archived: nothing can be shared to it"));
    }
    Ok(space)
}

/// The permission to share things of that class, asked for at the receiving end.
fn sharing(dir: &Directory, class: &Class) -> Result<Permission> {
    let noun = dir.world.kind(class.kind).ok_or(Error::NotFound)?.noun;
    Ok(Permission { noun, verb: Words::SHARE })
}

/// The windows of a class that lead anywhere: those of deleted spaces do not.
fn open(dir: &Directory, class: &Class) -> Vec<SpaceIx> {
    class.windows.iter().copied().filter(|window| dir.space_id(*window).is_some()).collect()
}

fn sees(dir: &Directory, caller: &Caller, space: SpaceIx, now: Micros) -> bool {
    dir.world.decide(caller, Target::Space(space), Action::Read, now).allowed()
}

fn shown(dir: &Directory, space: SpaceIx) -> Option<Share> {
    dir.spaces.info(space).map(|info| Share { space: info.id, name: info.name.clone() })
}

/// The windows that somebody may know of who sees the resource: where it lies, those of spaces that they see; through
/// windows, the ones that they see it through.
fn known(dir: &Directory, caller: &Caller, row: &Stored, now: Micros) -> Vec<Share> {
    let target = target_of(dir, caller, row, now);
    let (Some(class), Target::Resource(ix, facts)) = (dir.world.class(row.class), target) else { return Vec::new() };
    let windows: Vec<SpaceIx> = match dir.world.decide(caller, target, Action::Read, now).window {
        None => open(dir, class).into_iter().filter(|window| sees(dir, caller, *window, now)).collect(),
        Some(_) => dir.world.windows_seen(caller, ix, facts, now).map(|(window, ..)| window).collect(),
    };
    windows.into_iter().filter_map(|window| shown(dir, window)).collect()
}

/// Gives a resource just these windows, and records it at both ends. The one place where shares change.
async fn put(w: &mut Write<'_>, permit: &Permit, held: Placed, windows: Vec<SpaceIx>, pointer: &str) -> Result<Stored> {
    let Placed { row: before, class, kind, .. } = held;
    let were = open(w.dir(), &class);
    let opened: Vec<SpaceIx> = windows.iter().copied().filter(|window| !were.contains(window)).collect();
    let shut: Vec<SpaceIx> = were.iter().copied().filter(|window| !windows.contains(window)).collect();
    if opened.is_empty() && shut.is_empty() {
        return Ok(before);
    }
    if windows.len() > SHARES {
        return Err(Error::field(pointer, format!("would make more than {SHARES} spaces that it is shared to")));
    }
    let info = Arc::clone(w.dir().class_info(before.class).ok_or(Error::NotFound)?);
    let [view, edit] = [&info.view, &info.edit].map(|own| own.as_ref().map(Value::to_string).unwrap_or_default());
    let ids = windows.iter().filter_map(|window| w.dir().space_id(*window)).map(|id| id.to_string()).collect();
    let new = w.class((class.space, class.kind, view, edit, windows_text(ids))).await?;
    let was = state(w.dir(), &before);
    followers::place(w, permit, &before.id, new).await?;
    let row = Stored { class: new, ..before.clone() };
    let is = state(w.dir(), &row);
    w.row_changed(|| ChangedRow { name: before.name.clone(), before: before.about(), after: row.about() });
    if !shut.is_empty() {
        access::keep_links(w, Ends::Resources(std::slice::from_ref(&row.id))).await?;
    }
    record(w, class.space, &kind, &row, was, is).await?;
    for (window, opens) in opened.into_iter().map(|at| (at, true)).chain(shut.into_iter().map(|at| (at, false))) {
        // The other end sees that it was shared there, and not from where.
        let (target_type, target_id) = (kind.definition.name.as_str(), row.id.clone());
        let (with, without) = (json!({ "shared": true }), Value::Null);
        let (before, after) = if opens { (without, with) } else { (with, without) };
        w.record(Record { space: Some(window), target_type, target_id, before, after }).await?;
    }
    Ok(row)
}
