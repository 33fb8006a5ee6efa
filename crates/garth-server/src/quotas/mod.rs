//! Quotas: how much of a meter a space may use (`MODEL.md`, "Quotas, keys, meters").
//!
//! Some meters the server counts by itself: calls with the space's keys (`access/calls`), and resources
//! (`access/counts`). Others are an application's own, and it takes units of them. System administrators set limits, for
//! which they need no way into the space; members read them. A quota is of its space alone: what lies below has its own.
//!
//! Of resources, everybody is told the number of those that they see; the limit is on all of them. So a refusal may
//! show that something unseen exists, and no more.

pub mod api;
mod consume;
mod meter;
mod store;

pub use consume::{Consumed, UNITS, consume};
pub use meter::{METER_BYTES, ROLLING_SECONDS};

use crate::access::{Ctx, Permit, Record, Write, calls_today, nearly, page_of, registered, visible_space, write};
use crate::base::clock;
use crate::base::error::{Error, FieldError, Result};
use crate::base::http::{Page, PageRequest};
use crate::directory::{API_DAILY, Change, DefaultQuota, Directory, Quota, RESOURCES, Window, meter_of_kind};
use crate::resources;
use garth_core::{Action, Caller, KindIx, Micros, RoleIx, SpaceIx, Target};
use meter::Meter;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Most quotas of one space (`docs/limits.md`).
pub const QUOTAS: usize = 100;
/// Highest limit: the highest number that a header can tell.
pub const MOST: i64 = 999_999_999_999_999;
/// Most roles that one quota names.
pub const ROLES: usize = 100;

/// What a quota is to be.
#[derive(Clone, Debug)]
pub struct NewQuota {
    /// How much there may be; unlimited if `None`.
    pub limit: Option<i64>,
    /// Over what it counts.
    pub window: Window,
    /// The names or ids of the roles that may take of it; whoever may consume at all if `None`.
    pub roles: Option<Vec<String>>,
}

/// How full a meter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// There is room.
    Open,
    /// At 80 % of its limit.
    Near,
    /// At its limit.
    Full,
}

impl State {
    fn of(used: i64, limit: Option<i64>) -> Self {
        match limit {
            Some(limit) if used >= limit => Self::Full,
            Some(limit) if nearly(used, limit) => Self::Near,
            _ => Self::Open,
        }
    }
}

/// A meter of a space, as somebody sees it.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Its name.
    pub meter: String,
    /// How much there may be; unlimited if `None`.
    pub limit: Option<i64>,
    /// How much there is, of resources those that the reader sees; `None` for who has no way into the space.
    pub used: Option<i64>,
    /// Over what it counts.
    pub window: Window,
    /// When all or the first of it comes back, where it does so by itself.
    pub resets_at: Option<Micros>,
    /// The names of the roles that may take of it; whoever may consume at all if `None`.
    pub roles: Option<Vec<String>>,
    /// How full it is, as far as the reader is told.
    pub state: Option<State>,
}

/// A page of the meters of a space, by name: those of the server, of kinds that are limited or that the reader sees
/// resources of, and those of applications.
///
/// # Errors
/// 401; 404; 403 for who holds no role in the space and is no system administrator; 422 for a cursor that is not good.
pub async fn list(ctx: &Ctx, space: &str, page: &PageRequest) -> Result<Page<Shown>> {
    let (_, ix, inside) = reads(ctx, &ctx.directory(), space)?;
    let numbers = if inside { Some(resources::numbers(ctx, ix, i64::MAX).await?) } else { None };
    // Asked again now that they are counted: whoever may no more meanwhile is told nothing.
    let dir = ctx.directory();
    let (caller, ix, still) = reads(ctx, &dir, space)?;
    let id = dir.space_id(ix).ok_or(Error::NotFound)?;
    let numbers = numbers.filter(|_| still);
    let names = names(&dir, ix, numbers.as_ref());
    let query = format!("quotas of {id}");
    let names = page_of(&dir, &caller, &query, page, names.into_iter(), |name| (name.clone(), Uuid::nil()))?;
    let mut items = Vec::with_capacity(names.items.len());
    for name in names.items {
        items.push(shown(ctx, &dir, ix, name, numbers.as_ref()).await?);
    }
    let (_, _, still) = reads(ctx, &ctx.directory(), space)?;
    if inside && !still {
        return Err(Error::NotFound);
    }
    Ok(Page { items, next: names.next })
}

/// The caller, the space, and whether they have a way into it; if they may read its quotas.
fn reads(ctx: &Ctx, dir: &Directory, space: &str) -> Result<(Caller, SpaceIx, bool)> {
    let caller = ctx.somebody(dir)?;
    let manages = caller.system || caller.system_admin;
    match visible_space(dir, &caller, space, ctx.now()) {
        Ok(ix) if manages || !roles_of(dir, &caller, ix, ctx.now()).is_empty() => Ok((caller, ix, true)),
        Ok(_) => Err(Error::Forbidden("this is for people and keys with a role in the space".to_owned())),
        Err(hidden) => {
            let ix = dir.space_ref(space).filter(|ix| manages && registered(dir, &caller, *ix)).ok_or(hidden)?;
            Ok((caller, ix, false))
        }
    }
}

/// The roles that somebody holds in a space.
fn roles_of(dir: &Directory, caller: &Caller, space: SpaceIx, now: Micros) -> Vec<RoleIx> {
    let decision = dir.world.decide(caller, Target::Space(space), Action::Read, now);
    decision.standing.roles.iter().copied().collect()
}

/// The names of the meters that are told.
fn names(dir: &Directory, space: SpaceIx, numbers: Option<&BTreeMap<KindIx, i64>>) -> BTreeSet<String> {
    let mut names = BTreeSet::from([API_DAILY.to_owned(), RESOURCES.to_owned()]);
    names.extend(dir.quotas.get(&space).into_iter().flat_map(|all| all.iter()).map(|quota| quota.meter.clone()));
    let seen = numbers.into_iter().flatten().filter_map(|(kind, _)| dir.kinds.info(*kind));
    names.extend(seen.map(|kind| meter_of_kind(&kind.definition.name)));
    names
}

/// One meter. `numbers` are those of the resources that the reader sees; `None` for who has no way into the space.
async fn shown(
    ctx: &Ctx,
    dir: &Directory,
    space: SpaceIx,
    name: String,
    numbers: Option<&BTreeMap<KindIx, i64>>,
) -> Result<Shown> {
    let quota = dir.quota(space, &name);
    let id = dir.space_id(space).ok_or(Error::NotFound)?;
    let (window, used, resets_at) = match Meter::read(dir, &name) {
        Ok(Meter::Calls) => {
            let used = if numbers.is_some() { Some(calls_today(ctx, id).await?) } else { None };
            let slot = meter::slots(Window::Daily, ctx.now()).slot;
            (Window::Daily, used, meter::back_at(Window::Daily, slot))
        }
        Ok(Meter::Resources(None)) => (Window::Stored, numbers.map(|all| all.values().sum()), None),
        Ok(Meter::Resources(Some(kind))) => {
            (Window::Stored, numbers.map(|all| all.get(&kind).copied().unwrap_or_default()), None)
        }
        Ok(Meter::Own) | Err(_) => {
            let window = quota.map_or(Window::Stored, |quota| quota.window);
            if numbers.is_none() {
                (window, None, None)
            } else {
                let now = meter::slots(window, ctx.now());
                let (used, first) = store::used(&ctx.db(), &id.to_string(), &name, now).await?;
                let first = if window == Window::Daily { Some(now.slot) } else { first };
                (window, Some(used), first.and_then(|slot| meter::back_at(window, slot)))
            }
        }
    };
    let limit = quota.and_then(|quota| quota.limit);
    let roles = quota.and_then(|quota| quota.roles.as_ref());
    Ok(Shown {
        meter: name,
        limit,
        used,
        window,
        resets_at,
        roles: roles.map(|roles| role_names(dir, roles)),
        state: used.map(|used| State::of(used, limit)),
    })
}

fn role_names(dir: &Directory, roles: &[RoleIx]) -> Vec<String> {
    let mut names: Vec<String> = roles.iter().map(|role| dir.role_name(*role).to_owned()).collect();
    names.sort_unstable();
    names
}

/// Sets a quota. Lowering a limit takes nothing away: from then on no more comes until there is room. Another window
/// begins to count anew.
///
/// # Errors
/// 404; 403 for all but system administrators; 409 `conflict` when the space has [`QUOTAS`]; 422.
pub async fn put(ctx: &Ctx, space: String, name: String, new: NewQuota) -> Result<Shown> {
    let asked = (space.clone(), name.clone());
    let (quota, meter) = write(ctx, "quota.set", async move |w: &mut Write<'_>| {
        let (permit, ix) = manage(w, &space)?;
        let meter = Meter::read(w.dir(), &name)?;
        meter.fits(new.window)?;
        fits_limit(new.limit)?;
        let roles = new.roles.as_ref().map(|roles| named_roles(w.dir(), &meter, roles)).transpose()?;
        let id = w.dir().space_id(ix).ok_or(Error::NotFound)?;
        let before = w.dir().quota(ix, &name).cloned();
        if before.is_none() && w.dir().quotas.get(&ix).is_some_and(|all| all.len() >= QUOTAS) {
            return Err(Error::conflict("conflict", format!("the space has {QUOTAS} quotas; delete one first")));
        }
        let after = Quota { space: ix, meter: name.clone(), limit: new.limit, window: new.window, roles };
        if before.as_ref() != Some(&after) {
            let place = id.to_string();
            if before.as_ref().is_some_and(|before| before.window != after.window) {
                store::forget(w.tx(), &permit, &place, &name).await?;
            }
            let role_ids = after.roles.as_ref().map(|roles| {
                let ids = roles.iter().filter_map(|role| w.dir().roles.info(*role)).map(|role| role.id);
                json!(ids.collect::<Vec<Uuid>>()).to_string()
            });
            let window = json!(after.window).to_string();
            let of = (place.as_str(), name.as_str());
            store::put(w.tx(), &permit, of, after.limit, &window, role_ids.as_deref()).await?;
            w.changed(Change::Quotas(id)).await?;
            let (was, is) = (state(w.dir(), before.as_ref()), state(w.dir(), Some(&after)));
            record(w, ix, &name, was, is).await?;
        }
        Ok((after, meter))
    })
    .await?;
    // What is told of it follows from the picture; what was only tried is not in it.
    let (dir, (space, name)) = (ctx.directory(), asked);
    let (_, ix, inside) = reads(ctx, &dir, &space)?;
    let numbers = match inside {
        // It is set: that they cannot be counted at the moment refuses nothing.
        true if matches!(meter, Meter::Resources(_)) => resources::numbers(ctx, ix, i64::MAX).await.ok(),
        true => Some(BTreeMap::new()),
        false => None,
    };
    let shown = shown(ctx, &dir, ix, name, numbers.as_ref()).await?;
    let roles = quota.roles.as_ref().map(|roles| role_names(&dir, roles));
    let state = shown.used.map(|used| State::of(used, quota.limit));
    let resets_at = if shown.window == quota.window { shown.resets_at } else { None };
    Ok(Shown { limit: quota.limit, window: quota.window, resets_at, roles, state, ..shown })
}

/// Can new spaces begin with these quotas?
///
/// # Errors
/// 422 below the pointer.
pub fn fit(dir: &Directory, pointer: &str, quotas: &[DefaultQuota]) -> Result<()> {
    if quotas.len() > QUOTAS {
        return Err(Error::field(pointer, format!("must be at most {QUOTAS} quotas")));
    }
    for (at, quota) in quotas.iter().enumerate() {
        let fits = Meter::read(dir, &quota.meter).and_then(|meter| meter.fits(quota.window));
        let fits = fits.and_then(|()| fits_limit(quota.limit));
        let twice = quotas.iter().take(at).any(|other| other.meter == quota.meter);
        let fits = if twice { Err(Error::field("/meter", "is given twice")) } else { fits };
        fits.map_err(|error| match error {
            Error::Invalid(fields) => {
                let below = |f: FieldError| FieldError { pointer: format!("{pointer}/{at}{}", f.pointer), ..f };
                Error::Invalid(fields.into_iter().map(below).collect())
            }
            other => other,
        })?;
    }
    Ok(())
}

fn fits_limit(limit: Option<i64>) -> Result<()> {
    if limit.is_none_or(|limit| (0..=MOST).contains(&limit)) {
        return Ok(());
    }
    Err(Error::field("/limit", format!("must be null or a number from 0 to {MOST}")))
}

/// Deletes a quota: the meter is unlimited from then on, and an application's own is there no more.
///
/// # Errors
/// 404, also when there is none of that meter; 403 for all but system administrators.
pub async fn delete(ctx: &Ctx, space: String, name: String) -> Result<()> {
    write(ctx, "quota.delete", async move |w: &mut Write<'_>| {
        let (permit, ix) = manage(w, &space)?;
        let before = w.dir().quota(ix, &name).cloned().ok_or(Error::NotFound)?;
        let id = w.dir().space_id(ix).ok_or(Error::NotFound)?;
        store::delete(w.tx(), &permit, &id.to_string(), &name).await?;
        w.changed(Change::Quotas(id)).await?;
        let was = state(w.dir(), Some(&before));
        record(w, ix, &name, was, Value::Null).await
    })
    .await
}

/// The space, if the caller may set its quotas: hidden and missing are told alike to everybody else.
fn manage(w: &mut Write<'_>, space: &str) -> Result<(Permit, SpaceIx)> {
    let seen = visible_space(w.dir(), &w.caller, space, w.now);
    let permit = match w.system_admin() {
        Ok(permit) => permit,
        Err(refused) => {
            let ix = seen?;
            w.refused_in(ix, "space", space.to_owned());
            return Err(refused);
        }
    };
    let entry = w.dir().space_ref(space).filter(|ix| registered(w.dir(), &w.caller, *ix));
    Ok((permit, seen.ok().or(entry).ok_or(Error::NotFound)?))
}

fn named_roles(dir: &Directory, meter: &Meter, names: &[String]) -> Result<Vec<RoleIx>> {
    if *meter != Meter::Own {
        return Err(Error::field("/roles", "must be null: the server counts this meter, whoever it is"));
    }
    if names.is_empty() || names.len() > ROLES {
        return Err(Error::field("/roles", format!("must be null or 1 to {ROLES} roles")));
    }
    let role = |(at, name): (usize, &String)| {
        dir.role_ref(name).ok_or_else(|| Error::field(format!("/roles/{at}"), "is not a known role"))
    };
    let mut roles = names.iter().enumerate().map(role).collect::<Result<Vec<RoleIx>>>()?;
    roles.sort_unstable();
    roles.dedup();
    Ok(roles)
}

/// On record where the administrators of the space see it, and with the system's, which a sealed space is not in.
async fn record(w: &mut Write<'_>, space: SpaceIx, meter: &str, before: Value, after: Value) -> Result<()> {
    let of_system = |state: &Value| match state.clone() {
        Value::Object(mut fields) => {
            fields.insert("space".to_owned(), json!(w.dir().space_id(space)));
            Value::Object(fields)
        }
        other => other,
    };
    let wide = (of_system(&before), of_system(&after));
    let (target_type, target_id) = ("meter", meter.to_owned());
    w.record(Record { space: Some(space), target_type, target_id: target_id.clone(), before, after }).await?;
    if w.dir().world.space(space).is_some_and(|space| !space.sealed) {
        w.record(Record { space: None, target_type, target_id, before: wide.0, after: wide.1 }).await?;
    }
    Ok(())
}

/// What an audit entry tells of a quota.
fn state(dir: &Directory, quota: Option<&Quota>) -> Value {
    let Some(quota) = quota else { return Value::Null };
    json!({
        "limit": quota.limit,
        "window": quota.window,
        "roles": quota.roles.as_ref().map(|roles| role_names(dir, roles)),
    })
}

/// A time as it is answered.
fn time(at: Option<Micros>) -> Option<String> {
    at.map(clock::to_text)
}
