//! Roles: which permissions each of them holds, as a table; making and changing those of one's own.

use super::{by_line, ended, first, lines, refused, stuck, wanted};
use crate::base::error::{Error, Result};
use crate::base::http::PageRequest;
use crate::base::text::PAGE_MAX;
use crate::console::fields::{Fields, many, one};
use crate::console::look::{Chip, address, number};
use crate::console::seat::{Seat, Wrong};
use crate::console::shell::Shell;
use crate::roles::{self, COUNTED, Shown};
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

const HERE: &str = "/system/roles";
const FIELDS: [&str; 2] = ["/name", "/permissions"];
/// Patterns for every kind that a form has boxes for, with what each means.
const EVERY: [(&str, &str); 4] = [
    ("*:read", "read everything"),
    ("*:write", "write everything"),
    ("*:share", "share everything"),
    ("*:*", "do everything"),
];

#[derive(Template)]
#[template(path = "system/roles.html")]
struct Roles {
    frame: Shell,
    heads: Vec<Head>,
    parts: Vec<Part>,
    next: Option<String>,
}

/// A role at the head of its column.
struct Head {
    href: String,
    name: String,
    chip: Chip,
    built_in: bool,
}

/// A kind, or a noun of the system's, with what can be done to it.
struct Part {
    noun: String,
    rows: Vec<Row>,
}

/// A permission, and which roles hold it.
struct Row {
    verb: String,
    cells: Vec<bool>,
}

#[derive(Template)]
#[template(path = "system/role.html")]
struct Role {
    frame: Shell,
    heading: String,
    action: String,
    there: bool,
    built_in: bool,
    name: String,
    slug: String,
    grants: Option<String>,
    every: Vec<Tick>,
    parts: Vec<Boxes>,
    others: String,
    stuck: Option<String>,
    wrong: Wrong,
}

/// The boxes of a noun.
struct Boxes {
    noun: String,
    boxes: Vec<Tick>,
}

/// A permission to tick.
struct Tick {
    permission: String,
    label: String,
    ticked: bool,
}

/// How strong a role is: the built-in ones first.
fn rank(role: &Shown) -> u8 {
    match role.info.name.as_str() {
        "reader" if role.built_in => 0,
        "writer" if role.built_in => 1,
        "admin" if role.built_in => 2,
        _ => 3,
    }
}

/// The table.
pub fn list(seat: &Seat) -> Result<Response> {
    let page = wanted(seat)?;
    let mut all = roles::list(&seat.ctx, &first())?.items;
    all.sort_by_key(rank);
    let rows = PageRequest { limit: PAGE_MAX, ..page };
    let found = roles::matrix(&seat.ctx, &all, &rows)?;
    let next = found.next.map(|cursor| address(HERE, &[("cursor", &cursor)]));
    let mut parts: Vec<Part> = Vec::new();
    for (permission, held) in found.items {
        let (noun, verb) = permission.split_once(':').unwrap_or((&permission, ""));
        let row = Row { verb: verb.to_owned(), cells: held };
        match parts.last_mut().filter(|part| part.noun == noun) {
            Some(part) => part.rows.push(row),
            None => parts.push(Part { noun: noun.to_owned(), rows: vec![row] }),
        }
    }
    let head = |role: &Shown| Head {
        href: format!("{HERE}/{}", role.info.id),
        name: role.info.name.clone(),
        chip: Chip::new(&role.info.name),
        built_in: role.built_in,
    };
    let heads = all.iter().map(head).collect();
    let frame = Shell::outside(seat, HERE)?;
    Ok(seat.page_as(StatusCode::OK, &Roles { frame, heads, parts, next }))
}

/// The form of a new one.
pub fn new(seat: &Seat) -> Result<Response> {
    seat.ctx.system_admin(&seat.ctx.directory())?;
    shown(seat, None, String::new(), &[], Wrong::default())
}

fn shown(
    seat: &Seat,
    there: Option<(Shown, Option<String>)>,
    name: String,
    held: &[String],
    wrong: Wrong,
) -> Result<Response> {
    let frame = Shell::outside(seat, HERE)?;
    let ticked = |permission: &str| held.iter().any(|own| own == permission);
    let tick = |permission: &str, label: &str| Tick {
        permission: permission.to_owned(),
        label: label.to_owned(),
        ticked: ticked(permission),
    };
    let every: Vec<Tick> = EVERY.iter().map(|(permission, label)| tick(permission, label)).collect();
    let mut parts: Vec<Boxes> = Vec::new();
    for permission in roles::permissions(&seat.ctx, &first())?.items {
        let (noun, verb) = permission.name.split_once(':').unwrap_or((&permission.name, ""));
        let one = tick(&permission.name, verb);
        match parts.last_mut().filter(|part| part.noun == noun) {
            Some(part) => part.boxes.push(one),
            None => parts.push(Boxes { noun: noun.to_owned(), boxes: vec![one] }),
        }
    }
    for part in &mut parts {
        part.boxes.push(tick(&format!("{}:*", part.noun), "everything"));
    }
    let boxed = |own: &String| {
        let all = every.iter().chain(parts.iter().flat_map(|part| &part.boxes));
        all.into_iter().any(|one| one.permission == *own)
    };
    let others: Vec<&str> = held.iter().filter(|own| !boxed(own)).map(String::as_str).collect();
    let others = others.join("\n");
    let info = there.as_ref().map(|(role, _)| &role.info);
    let built_in = there.as_ref().is_some_and(|(role, _)| role.built_in);
    let grants = there.as_ref().and_then(|(role, _)| role.grants).map(|grants| match grants {
        0 => "Nobody holds it.".to_owned(),
        1 => "It is given once.".to_owned(),
        many if many >= COUNTED => format!("It is given {} times or more.", number(many.cast_signed())),
        many => format!("It is given {} times.", number(many.cast_signed())),
    });
    let page = Role {
        heading: info.map_or_else(|| "New role".to_owned(), |info| info.name.clone()),
        action: info.map_or_else(|| format!("{HERE}/new"), |info| format!("{HERE}/{}", info.id)),
        there: info.is_some(),
        slug: info.map(|info| info.slug.clone()).unwrap_or_default(),
        stuck: there.and_then(|(_, stuck)| stuck),
        frame,
        built_in,
        name,
        grants,
        every,
        parts,
        others,
        wrong,
    };
    Ok(seat.page_as(page.wrong.status, &page))
}

/// The permissions that were sent: ticked, or written.
fn permissions(sent: &Fields) -> Vec<String> {
    let mut all: Vec<String> = many(sent, "permission");
    all.extend(lines(one(sent, "others")));
    all
}

/// Makes one.
pub async fn create(seat: &Seat, sent: Fields) -> Result<Response> {
    let (name, permissions) = (one(&sent, "name").to_owned(), permissions(&sent));
    match roles::create(&seat.ctx, name.clone(), permissions.clone()).await {
        Ok(role) => Ok(seat.done(HERE, &format!("The role {} is made.", role.info.name))),
        Err(error) => {
            let wrong = refused(seat, by_line(error, "/permissions", &permissions), &FIELDS)?;
            shown(seat, None, name, &permissions, wrong)
        }
    }
}

/// The role, with why it cannot be deleted.
async fn there(seat: &Seat, id: &str) -> Result<(Shown, Option<String>)> {
    let role = roles::get(&seat.ctx, id).await?;
    let may = seat.ctx.system_admin(&seat.ctx.directory()).is_ok() && !role.built_in;
    let why = if may { stuck(roles::delete(&seat.ctx.trying().0, role.info.id.to_string()).await) } else { None };
    Ok((role, why))
}

/// One of them.
pub async fn show(seat: &Seat, id: &str) -> Result<Response> {
    let there = there(seat, id).await?;
    let (name, held) = (there.0.info.name.clone(), there.0.permissions.clone());
    shown(seat, Some(there), name, &held, Wrong::default())
}

/// Changes one.
pub async fn update(seat: &Seat, id: &str, sent: Fields) -> Result<Response> {
    let (name, permissions) = (one(&sent, "name").to_owned(), permissions(&sent));
    let done = roles::update(&seat.ctx, id.to_owned(), Some(name.clone()), Some(permissions.clone())).await;
    match done {
        Ok(role) => {
            Ok(seat.done(HERE, &format!("{} is saved, and counts at once wherever it is given.", role.info.name)))
        }
        Err(Error::NotFound) => Err(Error::NotFound),
        Err(error) => {
            let wrong = refused(seat, by_line(error, "/permissions", &permissions), &FIELDS)?;
            shown(seat, Some(there(seat, id).await?), name, &permissions, wrong)
        }
    }
}

/// Deletes one that is given to nobody.
pub async fn delete(seat: &Seat, id: &str) -> Result<Response> {
    let name = roles::get(&seat.ctx, id).await?.info.name.clone();
    let done = roles::delete(&seat.ctx, id.to_owned()).await;
    ended(seat, done, HERE, &format!("The role {name} is gone."), &format!("{HERE}/{id}"))
}
