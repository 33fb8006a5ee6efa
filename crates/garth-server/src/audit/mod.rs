//! Audit: what was changed and refused, per space and for the system.

pub mod api;
mod store;

pub use crate::access::AuditEntry as Entry;
pub use store::Filter;

use crate::access::{self, ACTOR, ASKED, Actors, Ctx, Viewer, visible_space};
use crate::base::error::Result;
use crate::base::http::{Page, PageRequest};
use crate::directory::Directory;
use crate::{kinds, resources};
use garth_core::{Action, Caller, KindIx, Micros, Permission, SpaceIx, Target};
use serde_json::Value;

/// A page of a space's audit, newest first (its administrators).
///
/// # Errors
/// 404, 403, 422 for a cursor that is not good.
pub async fn of_space(ctx: &Ctx, id: &str, filter: Filter, page: &PageRequest) -> Result<Page<Entry>> {
    let space = administered(ctx, id)?;
    let entries = list(ctx, space, filter, page).await?;
    // Asked again now that they are read: whoever may no more meanwhile is shown none.
    administered(ctx, id).map(|_| entries)
}

/// The id of a space that the caller administers.
fn administered(ctx: &Ctx, id: &str) -> Result<String> {
    let dir = ctx.directory();
    let caller = ctx.somebody(&dir)?;
    let space = visible_space(&dir, &caller, id, ctx.now())?;
    access::check(&dir, &caller, Target::Space(space), Action::Use(Permission::SPACE_ADMIN), ctx.now())?;
    Ok(dir.space_id(space).map(|id| id.to_string()).unwrap_or_default())
}

/// A page of the system's audit, newest first (system administrators). It tells of users, groups,
/// kinds, settings and the registry; never of what is in a space.
///
/// # Errors
/// 401, 403, 422 for a cursor that is not good.
pub async fn of_system(ctx: &Ctx, filter: Filter, page: &PageRequest) -> Result<Page<Entry>> {
    ctx.system_admin(&ctx.directory())?;
    let entries = list(ctx, String::new(), filter, page).await?;
    ctx.system_admin(&ctx.directory()).map(|_| entries)
}

async fn list(ctx: &Ctx, space: String, filter: Filter, request: &PageRequest) -> Result<Page<Entry>> {
    ctx.app.flush_refusals().await?;
    let dir = ctx.directory();
    let caller = ctx.somebody(&dir)?;
    // Whoever may not view a resource is told of it as of one that never did anything.
    if let Some(name) = filter.actor.as_deref().and_then(|actor| actor.strip_prefix(ACTOR)) {
        let actors = Actors::read(ctx, [name]).await?;
        let dir = ctx.directory();
        if actors.seen(&dir, &ctx.somebody(&dir)?, name, ctx.now()).is_none() {
            return Ok(Page { items: Vec::new(), next: None });
        }
    }
    let query = format!("audit of {space} {filter:?}");
    let before = match &request.cursor {
        Some(cursor) => {
            let (seq, _) = access::read_cursor(&dir, &caller, &query, cursor)?;
            seq.parse().unwrap_or(i64::MAX)
        }
        None => i64::MAX,
    };
    let mut items = store::list(&ctx.db(), &space, &filter, before, request.limit + 1).await?;
    let place = dir.space_ref(&space);
    let more = items.len() > request.limit;
    items.truncate(request.limit);
    let next = items.last().filter(|_| more);
    let next = next.map(|(seq, e)| access::cursor(&dir, &caller, &query, &seq.to_string(), &e.id)).transpose()?;
    let mut items: Vec<Entry> = items.into_iter().map(|(_, entry)| entry).collect();
    let named: Vec<String> = items.iter().flat_map(actors_of).collect();
    let actors = Actors::read(ctx, named.iter().map(String::as_str)).await?;
    // Entries first, the picture second: what was hidden before the answer is not shown.
    let dir = ctx.directory();
    let caller = ctx.somebody(&dir)?;
    let viewer = Viewer::new(&dir, &caller, ctx.now());
    for entry in &mut items {
        without_hidden(entry, |name| actors.seen(&dir, &caller, name, ctx.now()).is_some());
        if entry.action.starts_with(ASKED) {
            continue;
        }
        for state in [&mut entry.before, &mut entry.after] {
            if place.is_some_and(|place| !viewable(&dir, &caller, place, &entry.target_type, state, ctx.now())) {
                state.clear();
            }
            mask(&dir, &entry.target_type, state);
            veil(&dir, &viewer, state);
        }
    }
    Ok(Page { items, next })
}

/// The ids of resources that an entry names: its actor, and who holds a grant or what was attached.
fn actors_of(entry: &Entry) -> Vec<String> {
    let actor = entry.actor.strip_prefix(ACTOR).map(str::to_owned);
    let (_, named) = naming(&entry.target_type);
    actor.into_iter().chain([&entry.before, &entry.after].into_iter().filter_map(|state| named(state))).collect()
}

/// Where what was written down of such a target may name a resource: in which field, and how it is read.
fn naming(target_type: &str) -> (&'static str, fn(&str) -> Option<String>) {
    if target_type == "grant" { ("principal", holder) } else { ("attached", attached) }
}

/// The id of what was attached, of what was written down of the one it was attached to.
fn attached(state: &str) -> Option<String> {
    if !state.contains("\"attached\"") {
        return None;
    }
    let read: Value = serde_json::from_str(state).ok()?;
    read["attached"].as_str().map(str::to_owned)
}

/// The id of the resource that holds a grant, of what was written down of the grant.
fn holder(state: &str) -> Option<String> {
    let read: Value = serde_json::from_str(state).ok()?;
    read["principal"].as_str()?.strip_prefix(ACTOR).map(str::to_owned)
}

/// Takes the resources out of an entry that its reader may not view: an actor is `resource` then, a holder or what was
/// attached null.
fn without_hidden(entry: &mut Entry, seen: impl Fn(&str) -> bool) {
    if entry.actor.strip_prefix(ACTOR).is_some_and(|name| !seen(name)) {
        entry.actor = ACTOR.trim_end_matches(':').to_owned();
    }
    let (field, named) = naming(&entry.target_type);
    for state in [&mut entry.before, &mut entry.after] {
        if named(state).is_some_and(|name| !seen(&name))
            && let Ok(mut read) = serde_json::from_str::<Value>(state)
        {
            read[field] = Value::Null;
            *state = read.to_string();
        }
    }
}

/// What was written down in the open before its field became secret is not shown any more.
fn mask(dir: &Directory, target_type: &str, state: &mut String) {
    let kind = dir.kinds.by_name::<KindIx>(target_type).and_then(|kind| dir.kinds.info(kind));
    let Some(kind) = kind.filter(|kind| !kind.definition.secret_fields.is_empty() && !state.is_empty()) else { return };
    if let Ok(mut read) = serde_json::from_str::<Value>(state) {
        resources::masked(kind, &mut read["body"]);
        *state = read.to_string();
    }
}

/// Of the spaces that a resource was shared to, those are told that the reader can see.
fn veil(dir: &Directory, viewer: &Viewer<'_>, state: &mut String) {
    if !state.contains("\"shares\"") {
        return;
    }
    if let Ok(mut read) = serde_json::from_str::<Value>(state)
        && let Some(Value::Array(shares)) = read.get_mut("shares")
    {
        let seen = |id: &Value| id.as_str().and_then(|id| dir.space_ref(id)).is_some_and(|space| viewer.space(space));
        shares.retain(seen);
        *state = read.to_string();
    }
}

/// May the reader view the thing as it was then? The space's administrators learn that something was
/// done to any resource of theirs; what is in it, its own view policy says, here too. No kind is called as what else there is.
fn viewable(dir: &Directory, reader: &Caller, space: SpaceIx, target_type: &str, state: &str, now: Micros) -> bool {
    if reader.system || state.is_empty() || kinds::form::is_noun(target_type) {
        return true;
    }
    // A kind that is gone, or policies that no resource has any more: nobody can tell.
    let Some(kind) = dir.kinds.by_name::<KindIx>(target_type) else { return false };
    let state: Value = serde_json::from_str(state).unwrap_or_default();
    if state["shared"] == true {
        // That something of another space was shared to this one, and nothing of what it is.
        return true;
    }
    let stored = |field: &str| if state[field].is_null() { String::new() } else { state[field].to_string() };
    let Some(class) = dir.class(&(space, kind, stored("view"), stored("edit"), stored("shares"))) else { return false };
    let principal = |field: &str| state[field].as_str().unwrap_or_default().to_owned();
    let me = access::identity(dir, reader).unwrap_or_default();
    let subscriber = state["subscribers"].as_array().is_some_and(|list| list.iter().any(|s| s.as_str() == Some(&me)));
    let facts = access::facts(dir, reader, &principal("author"), &principal("owner"), subscriber);
    dir.world.decide(reader, Target::Resource(class, facts), Action::Read, now).allowed()
}
