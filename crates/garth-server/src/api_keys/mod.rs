//! API keys: the way in for applications.
//!
//! A key belongs to one space and carries a role there; for it everything outside that space and what lies
//! below is missing (`MODEL.md`, "Who can do what"). The role is a grant to `key:<id>`, so that decisions,
//! roles in use and explanations work as for people. The secret is 256 random bits, shown once; its hash is
//! what is stored, and it is looked up on every request. A key belongs to its space and not to whoever made
//! it: it stays as it is when they leave, and the list says that they have ([`Creator`]).

pub mod api;
mod change;
mod store;

pub use change::{Changes, update};
pub use store::Stored;

use crate::access::{self, Ctx, KEY_PREFIX, Permit, Record, Write, archived, identity, visible_space, works, write};
use crate::base::error::{Error, Result};
use crate::base::http::{Page, PageRequest};
use crate::base::{clock, ids, text};
use crate::directory::{Change, Directory};
use crate::grants;
use garth_core::{Action, Caller, KeyIx, Micros, Permission, Principal, SpaceIx, Target};
use serde_json::{Value, json};
use uuid::Uuid;

/// Most keys of one space (`docs/limits.md`).
pub const KEYS: i64 = 500;
/// Longest time that an old secret lives on after a rotation, in seconds.
pub const GRACE_SECONDS: i64 = 7 * 24 * 60 * 60;
/// So many characters of a secret are kept, by which people tell keys apart: 30 of its 256 random bits.
const PREFIX_CHARS: usize = KEY_PREFIX.len() + 6;

/// What a new key is to be.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// What people call it; need not be unique.
    pub name: String,
    /// The name or id of the role it carries.
    pub role: String,
    /// When it ends; never without.
    pub expires_at: Option<Micros>,
}

/// What whoever made a key is in its space by now. It says no more than the list of members does: who has left and
/// whose account is disabled or deleted are told alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Creator {
    /// Could make such a key today, or is the command line.
    Administrator,
    /// Holds a role in the space, but manages no keys any more.
    Member,
    /// Holds no role there any more, or is no more.
    Gone,
}

impl Creator {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Member => "member",
            Self::Gone => "gone",
        }
    }

    fn of(dir: &Directory, key: &Stored, space: SpaceIx, now: Micros) -> Self {
        let caller = match dir.principal(&key.created_by) {
            // No id is called so: what the command line makes is the system's.
            None if key.created_by == "system" => return Self::Administrator,
            Some(Principal::User(user)) => dir.as_seen(user, now),
            Some(Principal::Key(maker)) => {
                let works = dir.keys.info(maker).is_some_and(|maker| works(dir, maker, now));
                Caller::key(&dir.world, maker).filter(|_| works)
            }
            _ => None,
        };
        let Some(caller) = caller else { return Self::Gone };
        let manages = Action::Use(Permission::SPACE_ADMIN);
        let decision = dir.world.decide(&caller, Target::Space(space), manages, now);
        match decision.allowed() {
            true => Self::Administrator,
            false if decision.standing.gate && !decision.standing.roles.is_empty() => Self::Member,
            false => Self::Gone,
        }
    }
}

/// A key as the administrators of its space see it.
#[derive(Clone, Debug)]
pub struct Shown {
    /// What is stored, but for the secret.
    pub key: Stored,
    /// The name of its role.
    pub role: String,
    /// When it was used last, to a minute.
    pub last_used_at: Option<Micros>,
    /// What whoever made it is there by now.
    pub creator: Creator,
}

/// A key whose secret is new.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The key.
    pub key: Shown,
    /// Its secret; shown this once.
    pub secret: String,
}

/// Makes a key.
///
/// # Errors
/// 404; 403 for all but administrators of the space, and for a role with permissions the maker lacks; 409
/// `archived`, or `conflict` when the space has [`KEYS`] keys; 422.
pub async fn create(ctx: &Ctx, space: String, new: NewKey) -> Result<Issued> {
    write(ctx, "key.create", async move |w: &mut Write<'_>| {
        let (permit, ix) = manage(w, &space)?;
        let name = text::name("/name", &new.name)?;
        let role = w.dir().role_ref(&new.role).ok_or_else(|| Error::field("/role", "is not a known role"))?;
        let (now, id, secret) = (w.now, ids::new_id(w.now), ids::new_token(KEY_PREFIX));
        grants::may_give(w, ix, role)?;
        if new.expires_at.is_some_and(|end| end <= now) {
            return Err(Error::field("/expires_at", "must lie in the future"));
        }
        if outlives_maker(w, new.expires_at) {
            return Err(outlived());
        }
        if archived(&w.dir().world, ix) {
            return Err(Error::conflict("archived", "the space is archived: its keys open nothing"));
        }
        let space_id = w.dir().space_id(ix).ok_or(Error::NotFound)?.to_string();
        if store::count(w.tx(), &space_id).await? >= KEYS {
            return Err(Error::conflict("conflict", format!("the space has {KEYS} keys; revoke one first")));
        }
        let key = Stored {
            id: id.to_string(),
            name,
            prefix: prefix(&secret),
            old_prefix: None,
            role: w.dir().roles.info(role).ok_or(Error::NotFound)?.id.to_string(),
            expires_at: new.expires_at,
            old_until: None,
            disabled: false,
            created_by: identity(w.dir(), &w.caller).unwrap_or_else(|| "system".to_owned()),
            created_at: now,
        };
        store::insert(w.tx(), &permit, &space_id, &key, &ids::token_hash(&secret)).await?;
        w.changed(Change::Key(id)).await?;
        let key_ix: KeyIx = w.dir().keys.by_id(&id).ok_or_else(|| Error::internal("a key went missing"))?;
        let principal = Principal::Key(key_ix);
        grants::may_hold(w.dir(), ix, principal, role)?;
        grants::put(w, &permit, ix, principal, role, key.expires_at, grants::KEY).await?;
        let after = state(w.dir(), &key);
        w.record(Record { space: Some(ix), target_type: "key", target_id: key.id.clone(), before: Value::Null, after })
            .await?;
        Ok(Issued { key: shown(w.dir(), key, ix, now), secret })
    })
    .await
}

fn outlived() -> Error {
    Error::field("/expires_at", "must not be later than the end of the key that makes it")
}

/// The first characters of a secret.
fn prefix(secret: &str) -> String {
    secret.chars().take(PREFIX_CHARS).collect()
}

/// The keys of a space, oldest first (its administrators): all, or those whose secret begins so. That finds the key of
/// a secret that turned up somewhere, by what is kept of it.
///
/// # Errors
/// 404, 403, 422 for a cursor that is not good, and for a longer beginning than is kept: a secret does not belong into
/// an address.
pub async fn list(ctx: &Ctx, space: &str, begins: Option<&str>, page: &PageRequest) -> Result<Page<Shown>> {
    let dir = ctx.directory();
    let (caller, _, id) = reads(ctx, &dir, space)?;
    let begins = begins.unwrap_or_default();
    if begins.len() > PREFIX_CHARS {
        let why = format!("must be the first {PREFIX_CHARS} characters of a secret at most, never a secret");
        return Err(Error::field("?prefix", why));
    }
    let query = format!("keys of {id} {begins}");
    let (at, after) = match &page.cursor {
        Some(cursor) => access::read_cursor(&dir, &caller, &query, cursor)?,
        None => (i64::MIN.to_string(), String::new()),
    };
    let after = (at.parse().unwrap_or(i64::MIN), after.as_str());
    let mut items = store::list(&ctx.db(), &id, begins, after, page.limit + 1).await?;
    // Asked again now that they are read: whoever may no more meanwhile is shown none.
    let dir = ctx.directory();
    let (caller, ix, _) = reads(ctx, &dir, space)?;
    let more = items.len() > page.limit;
    items.truncate(page.limit);
    let next = items.last().filter(|_| more);
    let next = next.map(|k| access::cursor(&dir, &caller, &query, &k.created_at.to_string(), &k.id)).transpose()?;
    let now = ctx.now();
    Ok(Page { items: items.into_iter().map(|key| shown(&dir, key, ix, now)).collect(), next })
}

/// One key (the administrators of its space).
///
/// # Errors
/// 404, 403.
pub async fn get(ctx: &Ctx, space: &str, id: &str) -> Result<Shown> {
    let (_, _, space_id) = reads(ctx, &ctx.directory(), space)?;
    let key = store::get(&ctx.db(), &space_id, id).await?;
    let dir = ctx.directory();
    let (_, ix, _) = reads(ctx, &dir, space)?;
    Ok(shown(&dir, key.ok_or(Error::NotFound)?, ix, ctx.now()))
}

/// Gives a key a new secret. The old one dies at once, or after `grace` seconds; one that still lived from an
/// earlier rotation dies at once in any case. A key that a restore disabled works again, by its new secret only.
///
/// # Errors
/// 404; 403 for all but administrators of the space, and when the key holds permissions the caller lacks; 409
/// `conflict` when it has expired; 422 for too long a grace.
pub async fn rotate(ctx: &Ctx, space: String, id: String, grace: i64) -> Result<Issued> {
    if !(0..=GRACE_SECONDS).contains(&grace) {
        return Err(Error::field("/grace_seconds", format!("must be 0 to {GRACE_SECONDS}")));
    }
    write(ctx, "key.rotate", async move |w: &mut Write<'_>| {
        let (permit, ix) = manage(w, &space)?;
        let (before, principal) = known(w, ix, &id).await?;
        // Whoever gets the secret gets what the key holds.
        grants::may_give_all(w, principal).await?;
        if outlives_maker(w, before.expires_at) {
            return Err(Error::Forbidden("a key cannot renew one that outlives it".to_owned()));
        }
        still_good(&before, w.now)?;
        let secret = ids::new_token(KEY_PREFIX);
        let old_until = Some(w.now + grace * 1_000_000).filter(|_| grace > 0 && !before.disabled);
        let old_prefix = old_until.map(|_| before.prefix.clone());
        let after = Stored { prefix: prefix(&secret), old_prefix, old_until, disabled: false, ..before.clone() };
        store::rotate(w.tx(), &permit, &after, &ids::token_hash(&secret)).await?;
        changed(w, ix, &after.id, state(w.dir(), &before), state(w.dir(), &after)).await?;
        Ok(Issued { key: shown(w.dir(), after, ix, w.now), secret })
    })
    .await
}

/// Requires that a key has not expired: what has ended stays ended.
fn still_good(key: &Stored, now: Micros) -> Result<()> {
    match key.expires_at {
        Some(end) if end <= now => Err(Error::conflict("conflict", "the key has expired; make another one")),
        _ => Ok(()),
    }
}

/// Revokes a key: from the answer on it opens nothing, and everything that was granted to it is gone.
///
/// # Errors
/// 404, 403.
pub async fn revoke(ctx: &Ctx, space: String, id: String) -> Result<()> {
    write(ctx, "key.delete", async move |w: &mut Write<'_>| {
        let (permit, ix) = manage(w, &space)?;
        let (key, principal) = known(w, ix, &id).await?;
        end(w, &permit, ix, key, principal).await
    })
    .await
}

/// Revokes every key of a space, which is going.
///
/// # Errors
/// When the store fails.
pub async fn end_all(w: &mut Write<'_>, permit: &Permit, space: SpaceIx) -> Result<usize> {
    let id = w.dir().space_id(space).ok_or(Error::NotFound)?.to_string();
    let all = store::of_space(w.tx(), &id).await?;
    for key in &all {
        let (key, principal) = known(w, space, key).await?;
        end(w, permit, space, key, principal).await?;
    }
    Ok(all.len())
}

async fn end(w: &mut Write<'_>, permit: &Permit, space: SpaceIx, key: Stored, principal: Principal) -> Result<()> {
    grants::take_all(w, permit, principal).await?;
    store::delete(w.tx(), permit, &key.id).await?;
    let before = state(w.dir(), &key);
    changed(w, space, &key.id, before, Value::Null).await
}

async fn changed(w: &mut Write<'_>, space: SpaceIx, id: &str, before: Value, after: Value) -> Result<()> {
    w.changed(Change::Key(Uuid::try_parse(id).unwrap_or_default())).await?;
    let target_id = id.to_owned();
    w.record(Record { space: Some(space), target_type: "key", target_id, before, after }).await
}

/// The space, if the caller may manage its keys.
fn manage(w: &mut Write<'_>, space: &str) -> Result<(Permit, SpaceIx)> {
    let ix = visible_space(w.dir(), &w.caller, space, w.now)?;
    Ok((w.may(Target::Space(ix), Action::Use(Permission::SPACE_ADMIN))?, ix))
}

/// The caller, and the space with its id, if they may read of its keys.
fn reads(ctx: &Ctx, dir: &Directory, space: &str) -> Result<(Caller, SpaceIx, String)> {
    let caller = ctx.somebody(dir)?;
    let ix = visible_space(dir, &caller, space, ctx.now())?;
    access::check(dir, &caller, Target::Space(ix), Action::Use(Permission::SPACE_ADMIN), ctx.now())?;
    let id = dir.space_id(ix).ok_or(Error::NotFound)?.to_string();
    Ok((caller, ix, id))
}

/// A key of that very space; one of another space is missing here.
async fn known(w: &mut Write<'_>, space: SpaceIx, id: &str) -> Result<(Stored, Principal)> {
    let space_id = w.dir().space_id(space).ok_or(Error::NotFound)?.to_string();
    let key = store::get_in(w.tx(), &space_id, id).await?.ok_or(Error::NotFound)?;
    let ix = w.dir().principal(&format!("key:{}", key.id)).ok_or(Error::NotFound)?;
    Ok((key, ix))
}

/// Would a key of that end outlive the key that hands it out, or the secret which that showed? People have no end.
fn outlives_maker(w: &Write<'_>, expires_at: Option<Micros>) -> bool {
    w.ends_at.is_some_and(|end| expires_at.is_none_or(|wanted| wanted > end))
}

fn shown(dir: &Directory, key: Stored, space: SpaceIx, now: Micros) -> Shown {
    let role = dir.role_ref(&key.role).map(|role| dir.role_name(role).to_owned()).unwrap_or_default();
    let id = Uuid::try_parse(&key.id).unwrap_or_default();
    let info = dir.keys.by_id::<KeyIx>(&id).and_then(|ix| dir.keys.info(ix));
    let creator = Creator::of(dir, &key, space, now);
    Shown { role, last_used_at: info.and_then(|info| info.used.at()), creator, key }
}

/// What the audit keeps of a key: never its secret, nor a hash of it.
fn state(dir: &Directory, key: &Stored) -> Value {
    json!({
        "name": key.name,
        "prefix": key.prefix,
        "role": dir.role_ref(&key.role).map(|role| dir.role_name(role).to_owned()),
        "expires_at": key.expires_at.map(clock::to_text),
        "old_secret_until": key.old_until.map(clock::to_text),
        "disabled": key.disabled,
    })
}
