//! Attachments: what a resource uses. The explicit ones are links that somebody made; others follow from the labels
//! of what is shareable, `autoattach:*` and `autoattach:<label>`, and are worked out when somebody asks.
//!
//! A link holds while the consumer's space may use the provider's resources. Whatever would break one is refused: see
//! [`crate::access::keep_links`].

pub mod api;

use super::edit::{Held, hold};
use super::list::needs;
use super::origin::{Origin, origin};
use super::store::attachments::{self as store, Seen};
use super::store::list::Needs;
use super::store::{self as rows, Stored};
use super::{look, name_of, record, state, target_of};
use crate::access::{self, Ctx, Record, Write, archived, identity, write};
use crate::base::error::{Error, Result};
use crate::base::http::{Page, PageRequest};
use crate::directory::Directory;
use garth_core::{Action, Caller, Class, ClassIx, Micros, SpaceIx, Target};
use serde_json::{Value, json};

/// Most resources that one has attached explicitly.
pub const ATTACHMENTS: usize = 500;
/// How a label begins that attaches its resource by itself; behind it stands the label of consumers, or `*` for all.
pub const AUTOATTACH: &str = "autoattach:";

/// How something is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Somebody attached it.
    Explicit,
    /// It attaches itself by its labels.
    Automatic,
}

/// Something that is attached to a resource.
#[derive(Clone, Debug)]
pub struct Attached {
    /// What, without its body.
    pub resource: Stored,
    /// The name of its kind.
    pub kind: String,
    /// How.
    pub mode: Mode,
    /// Where it comes from.
    pub origin: Origin,
}

/// A resource that uses another one.
#[derive(Clone, Debug)]
pub struct Consumer {
    /// Which, without its body.
    pub resource: Stored,
    /// The name of its kind.
    pub kind: String,
}

/// Of which labels a resource attaches itself to whatever bears them: those of its own that begin so, without that.
pub(super) fn offered(labels: &[String]) -> impl Iterator<Item = &str> {
    labels.iter().filter_map(|label| label.strip_prefix(AUTOATTACH)).filter(|label| !label.is_empty())
}

/// Attaches a resource to another one.
///
/// # Errors
/// 404, 403 without edit on the consumer; 422 for a provider that is hidden or unknown, of a kind that is not shareable,
/// or out of reach of the consumer's space; 409 `archived`, or `conflict` when it is attached already, explicitly or by
/// a label, or too much is.
pub async fn attach(ctx: &Ctx, id: String, provider: String) -> Result<Attached> {
    write(ctx, "attachment.create", async move |w: &mut Write<'_>| {
        let Held { row: consumer, class, kind, permit } = hold(w, &id, None).await?;
        let unknown = || Error::field("/resource", "is not a resource you can see");
        let provider = seen(w, &provider).await?.ok_or_else(unknown)?;
        let other = w.dir().world.class(provider.class).ok_or_else(unknown)?.clone();
        may_use(w.dir(), &consumer, class.space, &provider, &other)?;
        if let Some(label) = covers(w.dir(), &consumer.labels, class.space, &provider) {
            let detail = format!("its label {AUTOATTACH}{label} attaches it already");
            return Err(Error::conflict("conflict", detail));
        }
        let (there, count) = store::linked(w.tx(), &consumer.id, &provider.id).await?;
        if there {
            return Err(Error::conflict("conflict", "it is attached already"));
        }
        if count >= ATTACHMENTS {
            return Err(Error::conflict("conflict", format!("a resource has at most {ATTACHMENTS} attachments")));
        }
        let by = identity(w.dir(), &w.caller).unwrap_or_default();
        store::attach(w, &permit, &consumer, &provider, &by).await?;
        let after = with_attached(w.dir(), &consumer, &provider.id);
        record(w, class.space, &kind, &consumer, Value::Null, after).await?;
        tell_provider(w, class.space, &provider, &other, true).await?;
        shown(w.dir(), &w.caller, class.space, (provider, Mode::Explicit), w.now)
    })
    .await
}

/// Takes an explicit attachment away. One to a resource that the caller cannot see is as if it were not there.
///
/// # Errors
/// 404 for either end and where there is no such attachment, 403 without edit on the consumer; 409 `conflict` for one
/// that follows from a label.
pub async fn detach(ctx: &Ctx, id: String, provider: String) -> Result<()> {
    write(ctx, "attachment.delete", async move |w: &mut Write<'_>| {
        let Held { row: consumer, class, kind, permit } = hold(w, &id, None).await?;
        let provider = seen(w, &provider).await?.ok_or(Error::NotFound)?;
        let other = w.dir().world.class(provider.class).ok_or(Error::NotFound)?.clone();
        if !store::detach(w.tx(), &permit, &consumer.id, &provider.id).await? {
            return Err(match covers(w.dir(), &consumer.labels, class.space, &provider) {
                Some(label) if provider.id != consumer.id => {
                    let detail = format!("its label {AUTOATTACH}{label} attaches it: take that label away");
                    Error::conflict("conflict", detail)
                }
                _ => Error::NotFound,
            });
        }
        let before = with_attached(w.dir(), &consumer, &provider.id);
        record(w, class.space, &kind, &consumer, before, Value::Null).await?;
        tell_provider(w, class.space, &provider, &other, false).await
    })
    .await
}

/// What is on record of a consumer, and what is attached to it; told to who may view both.
fn with_attached(dir: &Directory, consumer: &Stored, provider: &str) -> Value {
    let mut state = state(dir, consumer);
    state["attached"] = json!(provider);
    state
}

/// The resource of that id or code, if the caller can see it.
async fn seen(w: &mut Write<'_>, text: &str) -> Result<Option<Stored>> {
    let mut code = String::new();
    let Some(name) = name_of(text, &mut code) else { return Ok(None) };
    let Some(row) = rows::get_in(w.tx(), &name).await? else { return Ok(None) };
    let target = target_of(w.dir(), &w.caller, &row, w.now);
    Ok(Some(row).filter(|_| w.dir().world.decide(&w.caller, target, Action::Read, w.now).allowed()))
}

/// May the provider, which the caller can see, be attached to that consumer?
fn may_use(dir: &Directory, consumer: &Stored, space: SpaceIx, provider: &Stored, class: &Class) -> Result<()> {
    if provider.id == consumer.id {
        return Err(Error::field("/resource", "cannot be attached to itself"));
    }
    if !dir.kinds.info(class.kind).is_some_and(|kind| kind.definition.shareable) {
        return Err(Error::field("/resource", "is of a kind that cannot be attached"));
    }
    if !dir.world.may_use(space, provider.class) {
        let why = "lies where the other one's space cannot use it: neither there, nor above along inheriting links";
        return Err(Error::field("/resource", why));
    }
    if consumer.archived || archived(&dir.world, space) {
        return Err(Error::conflict("archived", "it is archived: nothing can be attached to it"));
    }
    if provider.archived || archived(&dir.world, class.space) {
        return Err(Error::conflict("archived", "what is archived cannot be attached"));
    }
    Ok(())
}

/// Which label of the provider attaches it to consumers with these labels in that space, if one does.
fn covers<'p>(dir: &Directory, labels: &[String], space: SpaceIx, provider: &'p Stored) -> Option<&'p str> {
    let class = dir.world.class(provider.class)?;
    let offers = dir.kinds.info(class.kind).is_some_and(|kind| kind.definition.shareable) && !provider.archived;
    let near = offers && dir.world.reached(space).contains(&class.space) && !archived(&dir.world, class.space);
    let fits = |label: &&str| *label == "*" || labels.iter().any(|own| own == label);
    offered(&provider.labels).find(|label| near && fits(label))
}

/// The space of the provider sees that something elsewhere uses it, or does no more; not what.
async fn tell_provider(w: &mut Write<'_>, space: SpaceIx, provider: &Stored, class: &Class, on: bool) -> Result<()> {
    if class.space == space {
        return Ok(());
    }
    let kind = w.dir().kinds.info(class.kind).map(|kind| kind.definition.name.clone()).unwrap_or_default();
    let state = json!({ "attached_to": "something in another space" });
    let (before, after) = if on { (Value::Null, state) } else { (state, Value::Null) };
    let target_id = provider.id.clone();
    w.record(Record { space: Some(class.space), target_type: &kind, target_id, before, after }).await
}

fn shown(dir: &Directory, caller: &Caller, space: SpaceIx, row: (Stored, Mode), now: Micros) -> Result<Attached> {
    let (resource, mode) = row;
    let kind = dir.world.class(resource.class).and_then(|class| dir.kinds.info(class.kind));
    let kind = kind.ok_or_else(|| Error::internal("a resource of a class that is gone"))?.definition.name.clone();
    let origin = origin(dir, caller, space, resource.class, now);
    Ok(Attached { resource, kind, mode, origin })
}

/// One end of attachments, which the caller can see.
async fn end(ctx: &Ctx, id: &str) -> Result<(Stored, SpaceIx)> {
    let (dir, _, row) = look(ctx, id).await?;
    let space = dir.world.class(row.class).map(|class| class.space).ok_or(Error::NotFound)?;
    Ok((row, space))
}

fn seen_of(dir: &Directory, caller: &Caller, classes: &[ClassIx], now: Micros) -> Seen {
    let reach = dir.world.reach_of(caller, classes.iter().copied(), now);
    let needs = needs(dir, caller, &reach, now);
    Seen { them: Needs { reach, me: identity(dir, caller) }, needs }
}

/// The classes of what could attach itself to something in that space.
fn offering(dir: &Directory, space: SpaceIx) -> Vec<ClassIx> {
    let spaces = dir.world.reached(space).into_iter().filter(|ix| !archived(&dir.world, *ix));
    let classes = spaces.filter_map(|ix| dir.world.space(ix)).flat_map(|space| space.classes().iter().copied());
    let shareable = |class: &ClassIx| {
        let kind = dir.world.class(*class).and_then(|class| dir.kinds.info(class.kind));
        kind.is_some_and(|kind| kind.definition.shareable)
    };
    classes.filter(shareable).collect()
}

/// A page of what is attached to a resource, of what the caller may see: first the explicit ones in the order in which
/// they were attached, then those that attach themselves, by name.
///
/// # Errors
/// 404 when the resource is hidden or missing, 401, 422 for a cursor that is not good.
pub async fn list(ctx: &Ctx, id: &str, request: &PageRequest) -> Result<Page<Attached>> {
    let (consumer, space) = end(ctx, id).await?;
    let (dir, now) = (ctx.directory(), ctx.now());
    let caller = ctx.reader(&dir)?;
    if !dir.world.decide(&caller, Target::Space(space), Action::Read, now).allowed() {
        // It is seen through a share: what it uses, and from where, would tell of the space it lies in.
        return Ok(Page { items: Vec::new(), next: None });
    }
    let query = format!("attachments of {}", consumer.id);
    let after = request.cursor.as_ref().map(|cursor| access::read_cursor(&dir, &caller, &query, cursor)).transpose()?;
    let (mut explicit, mut automatic) = (None, None);
    if let Some((key, id)) = &after {
        match key.strip_prefix("by name ") {
            Some(name) => automatic = Some((name, id.as_str())),
            None => explicit = Some((key.parse::<Micros>().unwrap_or_default(), id.as_str())),
        }
    }
    // Where to go on behind each, with its mode.
    let mut places: Vec<(String, String, Mode)> = Vec::new();
    let db = ctx.db();
    if automatic.is_none() {
        let classes = store::classes(&db, &consumer.id, true).await?;
        let seen = seen_of(&dir, &caller, &classes, now);
        let found = store::explicit(&db, &consumer.id, &seen, explicit, request.limit + 1).await?;
        places.extend(found.into_iter().map(|(at, id)| (at.to_string(), id, Mode::Explicit)));
    }
    if places.len() <= request.limit {
        let labels: Vec<&str> = std::iter::once("*").chain(consumer.labels.iter().map(String::as_str)).collect();
        let seen = seen_of(&dir, &caller, &offering(&dir, space), now);
        let left = request.limit + 1 - places.len();
        let found = store::automatic(&db, &consumer.id, &labels, &seen, automatic, left).await?;
        places.extend(found.into_iter().map(|(name, id)| (format!("by name {name}"), id, Mode::Automatic)));
    }
    let more = places.len() > request.limit;
    places.truncate(request.limit);
    let last = places.last().filter(|_| more);
    let next = last.map(|(key, id, _)| access::cursor(&dir, &caller, &query, key, id)).transpose()?;
    let places = places.iter().map(|(_, id, mode)| (id.as_str(), *mode));
    let rows = still_seen(ctx, &consumer, places).await?;
    // What may not be used any more is not shown.
    let dir = ctx.directory();
    let caller = ctx.reader(&dir)?;
    let items = rows.into_iter().filter(|(row, _)| dir.world.may_use(space, row.class));
    let items = items.map(|row| shown(&dir, &caller, space, row, now)).collect::<Result<_>>()?;
    Ok(Page { items, next })
}

/// A page of what a resource is attached to explicitly, of what the caller may see, by id.
///
/// # Errors
/// 404 when the resource is hidden or missing, 401, 422 for a cursor that is not good.
pub async fn consumers(ctx: &Ctx, id: &str, request: &PageRequest) -> Result<Page<Consumer>> {
    let (provider, _) = end(ctx, id).await?;
    let (dir, now) = (ctx.directory(), ctx.now());
    let caller = ctx.reader(&dir)?;
    let query = format!("consumers of {}", provider.id);
    let after = request.cursor.as_ref().map(|cursor| access::read_cursor(&dir, &caller, &query, cursor)).transpose()?;
    let after = after.map(|(_, id)| id).unwrap_or_default();
    let db = ctx.db();
    let seen = seen_of(&dir, &caller, &store::classes(&db, &provider.id, false).await?, now);
    let mut ids = store::consumers(&db, &provider.id, &seen, &after, request.limit + 1).await?;
    let more = ids.len() > request.limit;
    ids.truncate(request.limit);
    let last = ids.last().filter(|_| more);
    let next = last.map(|id| access::cursor(&dir, &caller, &query, "", id)).transpose()?;
    let rows = still_seen(ctx, &provider, ids.iter().map(|id| (id.as_str(), ()))).await?;
    let dir = ctx.directory();
    let kind = |row: &Stored| {
        let class = dir.world.class(row.class)?;
        dir.kinds.info(class.kind).map(|kind| kind.definition.name.clone())
    };
    let items = rows.into_iter().filter_map(|(row, ())| Some(Consumer { kind: kind(&row)?, resource: row })).collect();
    Ok(Page { items, next })
}

/// The rows of these ids, in their order. Access, or a row itself, may have changed meanwhile: each is asked about again,
/// and so is whether the caller still sees the one whose attachments they are.
async fn still_seen<'p, T>(
    ctx: &Ctx,
    whose: &Stored,
    places: impl Iterator<Item = (&'p str, T)>,
) -> Result<Vec<(Stored, T)>> {
    let places: Vec<(&str, T)> = places.collect();
    let ids: Vec<&str> = places.iter().map(|(id, _)| *id).collect();
    let me = {
        let dir = ctx.directory();
        identity(&dir, &ctx.caller(&dir)?).unwrap_or_default()
    };
    let mut rows = store::rows(&ctx.db(), &ids, Some(&me)).await?;
    let (dir, now) = (ctx.directory(), ctx.now());
    let caller = ctx.caller(&dir)?;
    access::check(&dir, &caller, target_of(&dir, &caller, whose, now), Action::Read, now)?;
    let seen =
        |row: &Stored| dir.world.decide(&caller, target_of(&dir, &caller, row, now), Action::Read, now).allowed();
    Ok(places.into_iter().filter_map(|(id, more)| Some((rows.remove(id).filter(&seen)?, more))).collect())
}
