//! Whose a job is. It runs with its owner's rights, so nobody may let it run with another's: it belongs to whoever said
//! last what it does, and is given to nobody else.

use super::store::Stored;
use crate::access::{Write, identity};
use crate::base::error::{Error, Result};
use crate::directory::{BuiltIn, KindInfo};
use garth_core::Principal;
use serde_json::Value;

/// What may be changed of a job without it becoming one's own: whether it runs at all.
const SWITCH: &str = "enabled";

/// The owner of a new resource: of a job whoever makes it, of everything else whoever is named.
///
/// # Errors
/// 422 for a job that is to be somebody else's.
pub(super) fn made(w: &Write<'_>, kind: &KindInfo, named: Option<String>) -> Result<String> {
    let Some(me) = maker(w, kind) else { return Ok(named.unwrap_or_default()) };
    match named {
        Some(owner) if owner != me => Err(others()),
        _ => Ok(me),
    }
}

/// The owner of a resource after a change, where `after` has the one that was asked for. A job whose body is
/// another belongs to whoever changed it; one that somebody else moved belongs to nobody.
///
/// # Errors
/// 422 for a job that is to be somebody else's.
pub(super) fn changed(w: &Write<'_>, kind: &KindInfo, moved: bool, before: &Stored, after: &Stored) -> Result<String> {
    let Some(me) = maker(w, kind) else { return Ok(after.owner.clone()) };
    if after.owner != before.owner && !after.owner.is_empty() && after.owner != me {
        return Err(others());
    }
    if does(before) != does(after) || (moved && before.owner == me) {
        return Ok(me);
    }
    // Who only carries it elsewhere did not write it, and does not lend it their eyes.
    Ok(if moved { String::new() } else { after.owner.clone() })
}

/// The owner of what is copied or comes out of a file: of a job whoever brings it, of everything else the one it has.
pub(super) fn brought(w: &Write<'_>, kind: &KindInfo, owner: String) -> String {
    maker(w, kind).unwrap_or(owner)
}

/// Whose a job is that the caller makes: theirs, and nobody's where they are no person. `None` where the rule does not
/// apply: to all other kinds, and to the command line on the server.
fn maker(w: &Write<'_>, kind: &KindInfo) -> Option<String> {
    if kind.built_in() != Some(BuiltIn::Job) || w.caller.system {
        return None;
    }
    let person = matches!(w.caller.who, Some(Principal::User(_)));
    Some(if person { identity(w.dir(), &w.caller).unwrap_or_default() } else { String::new() })
}

/// What a job does: its body but for the switch.
fn does(row: &Stored) -> Value {
    let mut body: Value = serde_json::from_str(&row.body).unwrap_or_default();
    if let Some(body) = body.as_object_mut() {
        body.remove(SWITCH);
    }
    body
}

fn others() -> Error {
    Error::field("/owner", "must be yourself or nobody: a job runs with the rights of its owner")
}
