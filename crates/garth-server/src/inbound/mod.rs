//! Mail that comes in: addresses of spaces, and what becomes of what is sent to them.
//!
//! An address belongs to a space and to a kind. A letter to it becomes a resource of that kind there, made by whoever wrote
//! it: somebody with an account, who has proved that they read the address it is from, with the rights that they have for
//! good. Everything else is turned away in the dialogue, always at the same point and with the same words, and nothing of it
//! is kept: nobody learns by writing which addresses there are, whose they are, or what they may do.

pub mod api;
mod authentic;
mod conversation;
mod door;
pub(crate) mod letter;
mod receive;
mod store;
pub(crate) mod wire;

pub use door::{CONNECTIONS, Door, LETTERS, Tls};
pub use letter::{ATTACHMENTS, CONTENT_BYTES, TEXT_BYTES};
pub use wire::LETTER_BYTES;

use crate::access::{self, Ctx, Permit, Record, Write, archived, identity, visible_space, write};
use crate::base::error::{Error, Result};
use crate::base::http::{Page, PageRequest};
use crate::base::ids;
use crate::base::mail::Incoming;
use crate::resources::body;
use garth_core::{Action, Caller, KindIx, Micros, Permission, SpaceIx, Target};
use letter::Letter;
use serde_json::{Value, json};
use store::Stored;

/// Most addresses of one space.
pub const ADDRESSES: i64 = 100;
/// Longest prefix of an address.
pub const PREFIX_BYTES: usize = 24;

/// An address of a space.
#[derive(Clone, Debug)]
pub struct Inbound {
    /// Its id.
    pub id: String,
    /// The address: prefix, random part, and the installation's mail domain.
    pub address: String,
    /// What was asked for in front of the random part.
    pub prefix: String,
    /// The kind of what mail to it becomes.
    pub kind: String,
    /// When it was made.
    pub created_at: Micros,
}

/// Addresses of a space.
///
/// # Errors
/// 404, 403.
pub async fn list(ctx: &Ctx, space: &str, page: &PageRequest) -> Result<Page<Inbound>> {
    let dir = ctx.directory();
    let (caller, id) = reads(ctx, &dir, space)?;
    let query = format!("inbound addresses of {id}");
    let (at, after) = match &page.cursor {
        Some(cursor) => access::read_cursor(&dir, &caller, &query, cursor)?,
        None => (i64::MIN.to_string(), String::new()),
    };
    let after = (at.parse().unwrap_or(i64::MIN), after.as_str());
    let mut items = store::of_space(&ctx.db(), &id, after, page.limit + 1).await?;
    // Asked again now that they are read: whoever may no more meanwhile is shown none.
    let dir = ctx.directory();
    let (caller, _) = reads(ctx, &dir, space)?;
    let more = items.len() > page.limit;
    items.truncate(page.limit);
    let next = items.last().filter(|_| more);
    let next = next.map(|a| access::cursor(&dir, &caller, &query, &a.created_at.to_string(), &a.id)).transpose()?;
    let domain = domain(ctx);
    Ok(Page { items: items.into_iter().map(|address| shown(address, &domain)).collect(), next })
}

/// Makes an address.
///
/// # Errors
/// 404, 403; 409 `archived`, or `conflict` where no mail comes in and when the space has [`ADDRESSES`]; 422.
pub async fn create(ctx: &Ctx, space: String, prefix: String, kind: String) -> Result<Inbound> {
    let incoming = ctx.app.incoming.clone();
    write(ctx, "inbound_address.create", async move |w: &mut Write<'_>| {
        let (permit, ix) = manage(w, &space)?;
        let prefix = read_prefix(&prefix)?;
        let kind = fitting(w, &kind)?;
        if archived(&w.dir().world, ix) {
            return Err(Error::conflict("archived", "the space is archived: nothing comes in there"));
        }
        let Some(Incoming { domain, .. }) = incoming else {
            return Err(Error::conflict("conflict", "no mail comes in here: this server listens to no mail server"));
        };
        let space = w.dir().space_id(ix).ok_or(Error::NotFound)?.to_string();
        if store::count(w.tx(), &space).await? >= ADDRESSES {
            let why = format!("the space has {ADDRESSES} addresses; take one away first");
            return Err(Error::conflict("conflict", why));
        }
        let now = w.now;
        let address = Stored {
            id: ids::new_id(now).to_string(),
            space,
            local_part: format!("{prefix}-{}", ids::hex(&ids::random::<16>())),
            prefix,
            kind,
            created_at: now,
        };
        let by = identity(w.dir(), &w.caller).unwrap_or_else(|| "system".to_owned());
        store::insert(w.tx(), &permit, &address, &by).await?;
        let after = state(&address, &domain);
        record(w, ix, &address.id, Value::Null, after).await?;
        Ok(shown(address, &domain))
    })
    .await
}

/// Takes an address away.
///
/// # Errors
/// 404, 403.
pub async fn delete(ctx: &Ctx, space: String, id: String) -> Result<()> {
    let domain = domain(ctx);
    write(ctx, "inbound_address.delete", async move |w: &mut Write<'_>| {
        let (permit, ix) = manage(w, &space)?;
        let space = w.dir().space_id(ix).ok_or(Error::NotFound)?.to_string();
        let found = match ids::read_id(&id) {
            Some(_) => store::get(w.tx(), &id).await?,
            None => None,
        };
        let address = found.filter(|address| address.space == space).ok_or(Error::NotFound)?;
        store::delete(w.tx(), &permit, &address.id).await?;
        let before = state(&address, &domain);
        record(w, ix, &address.id, before, Value::Null).await
    })
    .await
}

/// The domain of every address, if mail comes in.
fn domain(ctx: &Ctx) -> String {
    ctx.app.incoming.as_ref().map(|incoming| incoming.domain.clone()).unwrap_or_default()
}

fn read_prefix(given: &str) -> Result<String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let edge = |c: Option<char>| c.is_some_and(|c| c != '-');
    let fits = (1..=PREFIX_BYTES).contains(&given.len())
        && given.bytes().all(plain)
        && edge(given.chars().next())
        && edge(given.chars().next_back());
    let why = || format!("must be 1 to {PREFIX_BYTES} lower-case letters, digits and hyphens, without one at an end");
    if fits { Ok(given.to_owned()) } else { Err(Error::field("/prefix", why())) }
}

/// The name of a kind that letters fit.
fn fitting(w: &Write<'_>, name: &str) -> Result<String> {
    let ix = w.dir().kinds.by_name::<KindIx>(name);
    let info = ix.and_then(|ix| w.dir().kinds.info(ix)).ok_or_else(|| Error::field("/kind", "is not a known kind"))?;
    let sample = Letter::sample().body(&info.definition.schema, "2031-05-04T08:00:00Z");
    body::fits(info, &sample).map_err(|error| match error {
        Error::Invalid(complaints) => {
            let first = complaints.first().map(|one| format!("{}: {}", one.pointer, one.message)).unwrap_or_default();
            Error::field("/kind", format!("is not a kind that letters fit; its schema says {first}"))
        }
        other => other,
    })?;
    Ok(info.definition.name.clone())
}

/// The space, if the caller may manage its addresses.
fn manage(w: &mut Write<'_>, space: &str) -> Result<(Permit, SpaceIx)> {
    let ix = visible_space(w.dir(), &w.caller, space, w.now)?;
    Ok((w.may(Target::Space(ix), Action::Use(Permission::SPACE_ADMIN))?, ix))
}

/// The caller and the id of the space, if they may read of its addresses.
fn reads(ctx: &Ctx, dir: &crate::directory::Directory, space: &str) -> Result<(Caller, String)> {
    let caller = ctx.somebody(dir)?;
    let ix = visible_space(dir, &caller, space, ctx.now())?;
    access::check(dir, &caller, Target::Space(ix), Action::Use(Permission::SPACE_ADMIN), ctx.now())?;
    let id = dir.space_id(ix).ok_or(Error::NotFound)?.to_string();
    Ok((caller, id))
}

fn shown(address: Stored, domain: &str) -> Inbound {
    Inbound {
        address: format!("{}@{domain}", address.local_part),
        id: address.id,
        prefix: address.prefix,
        kind: address.kind,
        created_at: address.created_at,
    }
}

/// What the audit keeps of an address.
fn state(address: &Stored, domain: &str) -> Value {
    json!({ "address": format!("{}@{domain}", address.local_part), "kind": address.kind })
}

async fn record(w: &mut Write<'_>, space: SpaceIx, id: &str, before: Value, after: Value) -> Result<()> {
    let target_id = id.to_owned();
    w.record(Record { space: Some(space), target_type: "inbound_address", target_id, before, after }).await
}
