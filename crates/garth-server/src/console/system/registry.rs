//! The registry: every space that is not sealed, who is in charge of it, and its quotas; never what is in it.

use super::settings::{WINDOWS, limit, window, window_text};
use super::{first, refused};
use crate::access::InCharge;
use crate::base::error::{Error, Result};
use crate::base::http::Query;
use crate::console::fields::{Fields, one};
use crate::console::look::{Chip, Choice, Face, Moment, address, named, number};
use crate::console::names::Names;
use crate::console::places::persons;
use crate::console::roles::{RoleChoice, choices};
use crate::console::seat::{Seat, Wrong};
use crate::console::shell::Shell;
use crate::grants::{self, Door, NewGrant, Stored};
use crate::quotas::{self, NewQuota};
use crate::spaces::{self, Entry};
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

const HERE: &str = "/system/registry";
const FIELDS: [&str; 5] = ["/principal", "/role", "/meter", "/limit", "/window"];

#[derive(Template)]
#[template(path = "system/registry.html")]
struct Registry {
    frame: Shell,
    q: String,
    charges: Vec<Choice>,
    filtered: bool,
    rows: Vec<Row>,
    next: Option<String>,
}

/// A space in the list.
struct Row {
    id: String,
    name: String,
    above: Option<String>,
    face: Face,
    archived: bool,
    default: bool,
    charge: InCharge,
}

impl Row {
    fn new(entry: &Entry) -> Self {
        let name = named(&entry.info.name);
        Self {
            id: entry.info.id.to_string(),
            above: crate::console::look::above(&entry.path, &entry.info.name),
            face: Face::new(&name, &entry.info.id),
            archived: entry.archived,
            default: entry.info.default,
            charge: entry.in_charge,
            name,
        }
    }

    /// Who is in charge of it, in words.
    fn charged(&self) -> &'static str {
        match self.charge {
            InCharge::Own => "an administrator of its own",
            InCharge::Above => "an administrator above it",
            InCharge::Nobody => "nobody",
        }
    }

    fn orphaned(&self) -> bool {
        self.charge == InCharge::Nobody
    }
}

#[derive(Template)]
#[template(path = "system/registry_space.html")]
struct Space {
    frame: Shell,
    row: Row,
    made: Moment,
    grants: Vec<Grant>,
    more: bool,
    roles: Vec<RoleChoice>,
    meters: Vec<Meter>,
    windows: Vec<Choice>,
    tried: Tried,
    wrong: Wrong,
}

/// Who holds what there.
struct Grant {
    id: String,
    who: String,
    chip: Chip,
    until: Option<Moment>,
    /// Is it the role of an API key?
    key: bool,
}

/// What is limited there.
struct Meter {
    name: String,
    limit: String,
    window: String,
    limited: bool,
}

/// What was typed.
#[derive(Default)]
struct Tried {
    to: String,
    role: String,
    meter: String,
    limit: String,
    window: String,
    seconds: String,
    wrong: Wrong,
}

/// The list.
pub fn list(seat: &Seat) -> Result<Response> {
    let mut query = Query::new(&seat.uri)?;
    let mut one = |name: &str| query.one(name).unwrap_or_default().trim().to_owned();
    let (q, charge) = (one("q"), one("in_charge"));
    let all = [InCharge::Own, InCharge::Above, InCharge::Nobody];
    let wanted = all.into_iter().find(|known| known.text() == charge);
    if wanted.is_none() && !charge.is_empty() {
        query.refuse("in_charge", "must be own, above or nobody");
    }
    let page = query.page();
    query.done()?;
    let sought = Some(q.as_str()).filter(|q| !q.is_empty());
    let found = spaces::registry(&seat.ctx, &page, wanted, sought)?;
    let pairs = [("q", q.as_str()), ("in_charge", &charge)];
    let next = found.next.map(|cursor| {
        let all: Vec<(&str, &str)> = pairs.into_iter().chain([("cursor", cursor.as_str())]).collect();
        address(HERE, &all)
    });
    let words = [("own", "an administrator of their own"), ("above", "an administrator above"), ("nobody", "nobody")];
    let page = Registry {
        frame: Shell::outside(seat, HERE)?,
        charges: words.map(|(value, label)| Choice::new(value, label, &charge)).into_iter().collect(),
        filtered: !q.is_empty() || !charge.is_empty(),
        rows: found.items.iter().map(Row::new).collect(),
        q,
        next,
    };
    Ok(seat.page_as(StatusCode::OK, &page))
}

/// One space, without its contents.
pub async fn show(seat: &Seat, id: &str) -> Result<Response> {
    shown(seat, id, Tried::default()).await
}

async fn shown(seat: &Seat, id: &str, tried: Tried) -> Result<Response> {
    let ctx = &seat.ctx;
    let entry = spaces::registry_entry(ctx, id)?;
    let held = grants::list(ctx, Door::Registry, id, &first()).await?;
    let meters = quotas::list(ctx, id, &first()).await?;
    let (dir, now) = (ctx.directory(), ctx.now());
    let caller = ctx.caller(&dir)?;
    let names = Names::new(&dir, &caller, now);
    let grant = |grant: Stored| Grant {
        who: names.of(&grant.principal),
        chip: Chip::new(dir.role_ref(&grant.role).map_or("?", |role| dir.role_name(role))),
        until: grant.expires_at.map(|at| Moment::new(at, now)),
        key: grant.source == grants::KEY,
        id: grant.id,
    };
    let meter = |meter: quotas::Shown| Meter {
        limited: meter.limit.is_some(),
        limit: meter.limit.map_or_else(|| "unlimited".to_owned(), number),
        window: window_text(meter.window),
        name: meter.meter,
    };
    let mut tried = tried;
    let wrong = std::mem::take(&mut tried.wrong);
    if tried.role.is_empty() {
        "admin".clone_into(&mut tried.role);
    }
    let page = Space {
        frame: Shell::outside(seat, HERE)?,
        made: Moment::new(entry.info.created_at, now),
        row: Row::new(&entry),
        more: held.next.is_some(),
        grants: held.items.into_iter().map(grant).collect(),
        roles: choices(ctx)?,
        meters: meters.items.into_iter().map(meter).collect(),
        windows: WINDOWS.map(|(value, label)| Choice::new(value, label, &tried.window)).into_iter().collect(),
        tried,
        wrong,
    };
    Ok(seat.page_as(page.wrong.status, &page))
}

/// Gives somebody a role there.
pub async fn give(seat: &Seat, id: &str, sent: Fields) -> Result<Response> {
    let (to, role) = (one(&sent, "to").trim().to_owned(), one(&sent, "role").to_owned());
    let new = NewGrant { principal: persons::principal(&to), role: role.clone(), expires_at: None };
    match grants::grant(&seat.ctx, Door::Registry, id.to_owned(), new).await {
        Ok(_) => {
            let name = named(&spaces::registry_entry(&seat.ctx, id)?.info.name);
            Ok(seat.done(&format!("{HERE}/{id}"), &format!("{to} is {role} in {name} now; its audit says so.")))
        }
        Err(error @ Error::NotFound) => Err(error),
        Err(error) => {
            let wrong = refused(seat, error, &FIELDS)?;
            shown(seat, id, Tried { to, role, wrong, ..Tried::default() }).await
        }
    }
}

/// Takes a role away.
pub async fn take(seat: &Seat, id: &str, grant: &str) -> Result<Response> {
    let done = grants::revoke(&seat.ctx, Door::Registry, id.to_owned(), grant.to_owned()).await;
    again(seat, id, done, "The role is taken away; the space's audit says so.").await
}

/// It is done, or the page says why not.
async fn again(seat: &Seat, id: &str, done: Result<()>, said: &str) -> Result<Response> {
    match done {
        Ok(()) => Ok(seat.done(&format!("{HERE}/{id}"), said)),
        Err(error @ Error::NotFound) => Err(error),
        Err(error) => {
            let wrong = refused(seat, error, &FIELDS)?;
            shown(seat, id, Tried { wrong, ..Tried::default() }).await
        }
    }
}

/// Sets a limit.
pub async fn set_quota(seat: &Seat, id: &str, sent: Fields) -> Result<Response> {
    let text = |name: &str| one(&sent, name).trim().to_owned();
    let (meter, given, chosen, seconds) = (text("meter"), text("limit"), text("window"), text("seconds"));
    let set = async {
        let (limit, window) = (limit("/limit", &given)?, window("/window", &chosen, &seconds)?);
        quotas::put(&seat.ctx, id.to_owned(), meter.clone(), NewQuota { limit, window, roles: None }).await
    };
    match set.await {
        Ok(_) => Ok(seat.done(&format!("{HERE}/{id}"), &format!("The limit of {meter} is set."))),
        Err(error @ Error::NotFound) => Err(error),
        Err(error) => {
            // Who may not at all is told that, whatever else is wrong.
            seat.ctx.system_admin(&seat.ctx.directory())?;
            let wrong = refused(seat, error, &FIELDS)?;
            shown(seat, id, Tried { meter, limit: given, window: chosen, seconds, wrong, ..Tried::default() }).await
        }
    }
}

/// Takes a limit away.
pub async fn end_quota(seat: &Seat, id: &str, sent: Fields) -> Result<Response> {
    let meter = one(&sent, "meter").to_owned();
    let done = quotas::delete(&seat.ctx, id.to_owned(), meter.clone()).await;
    again(seat, id, done, &format!("{meter} is unlimited now.")).await
}
