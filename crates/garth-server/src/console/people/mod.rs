//! The pages about people: their own account, how they come in and come back, and who else is here.

mod account;
mod door;
mod group;
mod groups;
pub mod routes;
mod security;
mod signed_in;
mod start;
mod user;
mod users;

pub use start::show as start;

use super::look::{Chip, Moment};
use crate::access::Ctx;
use crate::base::error::Error;
use crate::grants::Held;

/// Roles that a page lists of somebody; of more, the number is told.
const ROLES: usize = 100;

/// A role that somebody holds, as a page shows it.
struct RoleRow {
    path: String,
    chip: Chip,
    /// The group by which they hold it.
    group: Option<String>,
    until: Option<Moment>,
}

/// What somebody holds, and how much more there is.
fn role_rows(ctx: &Ctx, held: Vec<Held>) -> (Vec<RoleRow>, usize) {
    let more = held.len().saturating_sub(ROLES);
    let row = |held: Held| RoleRow {
        path: super::look::named(&held.path),
        chip: Chip::new(&held.role),
        group: held.group.map(|group| group.name.clone()),
        until: held.expires_at.map(|at| Moment::new(at, ctx.now())),
    };
    (held.into_iter().take(ROLES).map(row).collect(), more)
}

/// What was typed, unless that is nothing.
fn typed(text: &str) -> Option<String> {
    Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A refusal that a field of the form is to blame for, at that field.
fn at(pointer: &str, error: Error) -> Error {
    match error {
        Error::Forbidden(why) => Error::field(pointer, why),
        other => other,
    }
}
