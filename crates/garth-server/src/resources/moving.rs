//! Moving several resources at once: those that were named, and those that follow them.
//!
//! First all of them are put where they go, then each is judged there: what refers to one another may go together.

use super::edit::{Held, ResourcePatch, alter, hold, place};
use super::store::followers;
use super::{BATCH, ResourceView, may_put, view_of};
use crate::access::{Ctx, Ends, Write, keep_links, named_space, write};
use crate::base::error::{Error, FieldError, Result};
use garth_core::{ClassIx, SpaceIx};
use hashbrown::{HashMap, HashSet};
use serde_json::json;

/// Most followers that one move looks at, those that stay where they are included.
pub const FOLLOWERS: usize = 2_000;

/// What went.
pub struct Moved {
    /// The resources that were named, in that order.
    pub items: Vec<ResourceView>,
    /// Those that went along because they follow one of them.
    pub followed: Vec<ResourceView>,
}

/// Moves up to 500 resources, those that follow included; all of them or none. One that lies there already stays as
/// it is.
///
/// # Errors
/// 403 at either end, 409 `archived`, `attached`, `lockout`, or `conflict` when more than 500 would go; 422 with a pointer to each
/// that is hidden or unknown, and for a space that is.
pub async fn move_all(ctx: &Ctx, ids: Vec<String>, space: String) -> Result<Moved> {
    if ids.is_empty() || ids.len() > BATCH {
        return Err(Error::field("/resources", format!("must be 1 to {BATCH} resources")));
    }
    write(ctx, "resource.move", async move |w: &mut Write<'_>| {
        let space = named_space(w.dir(), &w.caller, "/space", &space, w.now)?;
        let (mut going, mut items) = (Vec::new(), Vec::new());
        for (at, held) in hold_all(w, &ids).await?.into_iter().enumerate() {
            if held.class.space == space {
                items.push((at, view_of(w.dir(), &w.caller, held.row, w.now)?));
            } else {
                at_item(at, may_put(w, held.class.kind, space).map(drop))?;
                going.push((at, held));
            }
        }
        let (places, held): (Vec<usize>, Vec<Held>) = going.into_iter().unzip();
        let along = along(w, &held, space).await?;
        let moved: Vec<String> = held.iter().chain(&along).map(|held| held.row.id.clone()).collect();
        let mut placed = Vec::new();
        for (at, held) in places.into_iter().zip(held) {
            let class = at_item(at, place(w, &held, space, &ResourcePatch::default()).await)?;
            placed.push((at, held, class));
        }
        let along = place_all(w, along, space).await?;
        for (at, held, class) in placed {
            items.push((at, at_item(at, alter(w, held, space, class, ResourcePatch::default()).await)?));
        }
        let followed = settle(w, along, space).await?;
        keep_links(w, Ends::Resources(&moved)).await?;
        items.sort_by_key(|(at, _)| *at);
        Ok(Moved { items: items.into_iter().map(|(_, view)| view).collect(), followed })
    })
    .await
}

/// Each of them, if the caller may edit it; what is wrong with their names is told of all at once.
async fn hold_all(w: &mut Write<'_>, ids: &[String]) -> Result<Vec<Held>> {
    let (mut all, mut wrong, mut met) = (Vec::new(), Vec::new(), HashSet::new());
    for (at, id) in ids.iter().enumerate() {
        let mut refuse =
            |message: &str| wrong.push(FieldError { pointer: format!("/resources/{at}"), message: message.to_owned() });
        match hold(w, id, None).await {
            Ok(held) if met.insert(held.row.id.clone()) => all.push(held),
            Ok(_) => refuse("is given twice"),
            Err(Error::NotFound | Error::Unauthenticated) => refuse("is not a resource you can see"),
            Err(other) => return at_item(at, Err(other)),
        }
    }
    if wrong.is_empty() { Ok(all) } else { Err(Error::Invalid(wrong)) }
}

/// An error about one item of the list, which it names.
fn at_item<T>(at: usize, result: Result<T>) -> Result<T> {
    result.map_err(|error| match error {
        Error::Invalid(fields) => {
            let at_it = |f: FieldError| FieldError {
                pointer: format!("/resources/{at}"),
                message: format!("{} {}", f.pointer, f.message),
            };
            Error::Invalid(fields.into_iter().map(at_it).collect())
        }
        Error::Forbidden(why) => Error::Forbidden(format!("/resources/{at}: {why}")),
        Error::Conflict(code, why) => Error::Conflict(code, format!("/resources/{at}: {why}")),
        other => other,
    })
}

/// Those that go along when these move: what follows them and lies where they lie, and what follows that. One that
/// the caller cannot see stays where it is, as if it were not there.
///
/// # Errors
/// 403 when one that the caller can see may not be moved by them; 409 `conflict` when they are too many.
pub(super) async fn along(w: &mut Write<'_>, named: &[Held], space: SpaceIx) -> Result<Vec<Held>> {
    let mut lay: HashMap<String, SpaceIx> = named.iter().map(|h| (h.row.id.clone(), h.class.space)).collect();
    let mut front: Vec<String> = lay.keys().cloned().collect();
    let (mut found, mut looked) = (Vec::new(), 0);
    while !front.is_empty() {
        let rows = followers::of(w.tx(), json!(front).to_string(), FOLLOWERS - looked + 1).await?;
        looked += rows.len();
        if looked > FOLLOWERS {
            return Err(too_many());
        }
        front.clear();
        for row in rows {
            let there = w.dir().world.class(row.asked.class).map(|c| c.space);
            if lay.contains_key(&row.asked.id) || there == Some(space) || there != lay.get(&row.leader).copied() {
                continue;
            }
            let held = match hold(w, &row.asked.id, None).await {
                Err(Error::NotFound | Error::Unauthenticated) => continue,
                held => of_follower(&row.code, held)?,
            };
            of_follower(&row.code, may_put(w, held.class.kind, space))?;
            lay.insert(row.asked.id.clone(), held.class.space);
            front.push(row.asked.id);
            found.push(held);
        }
    }
    if named.len() + found.len() > BATCH { Err(too_many()) } else { Ok(found) }
}

fn too_many() -> Error {
    Error::conflict("conflict", format!("more than {BATCH} resources would move: too many follow what you named"))
}

/// A follower that has its new place in the store, and what it was.
pub(super) type Placed = (Held, ClassIx);

/// Puts followers where they go.
///
/// # Errors
/// When the store fails.
pub(super) async fn place_all(w: &mut Write<'_>, along: Vec<Held>, space: SpaceIx) -> Result<Vec<Placed>> {
    let mut placed = Vec::with_capacity(along.len());
    for held in along {
        let class = place(w, &held, space, &ResourcePatch::default()).await?;
        placed.push((held, class));
    }
    Ok(placed)
}

/// Judges followers where they are now, and records that they went.
///
/// # Errors
/// 409 when one of them cannot be there, or its mover could not see and edit it there.
pub(super) async fn settle(w: &mut Write<'_>, along: Vec<Placed>, space: SpaceIx) -> Result<Vec<ResourceView>> {
    let mut views = Vec::with_capacity(along.len());
    for (held, class) in along {
        let code = held.row.code.clone();
        views.push(of_follower(&code, alter(w, held, space, class, ResourcePatch::default()).await)?);
    }
    Ok(views)
}

/// An error about what was not named, but goes along.
fn of_follower<T>(code: &str, result: Result<T>) -> Result<T> {
    result.map_err(|error| match error {
        Error::Invalid(fields) => {
            let why: Vec<String> = fields.iter().map(|f| format!("{} {}", f.pointer, f.message)).collect();
            Error::conflict("conflict", format!("{code} follows it and cannot go along: {}", why.join("; ")))
        }
        Error::Forbidden(why) => Error::Forbidden(format!("{code} follows it and would go along: {why}")),
        Error::Conflict(code_of_error, why) => {
            Error::Conflict(code_of_error, format!("{code} follows it and would go along: {why}"))
        }
        other => other,
    })
}
