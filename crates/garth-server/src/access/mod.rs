//! The one place that enforces: who is asking, check, reach, write.
//!
//! Reading asks [`Ctx::caller`] and the directory's world. Writing goes through [`write()`],
//! and only it hands out the [`Permit`] that every store write takes: the decision, the
//! change, its audit entry and its change-log row are one transaction.

mod actors;
mod app;
mod arrival;
mod asks;
mod bounds;
mod built_in;
mod calls;
mod chain;
mod cookie;
mod counts;
mod ctx;
mod exchange;
mod explain;
mod front;
mod links;
mod needs;
mod once;
mod page;
mod people;
mod pictures;
mod places;
mod sees;
mod share;
mod store;
mod who;
mod write;

pub use actors::{ACTOR, Actors, actor};
pub use app::{App, BodyCheck, Config, Limits};
pub use arrival::Arrival;
pub use asks::{ASKED, Ask, QUESTIONS};
pub use bounds::{EXPORTS, IMPORT_BYTES, IMPORT_TIME, IMPORTS, Lane, TRANSFERS_EACH};
pub use calls::{DAY, calls_today};
pub use chain::{ChainKey, ChainReport, chains, check_chain};
pub use cookie::Cookie;
pub use counts::nearly;
pub use ctx::{Anyone, AtPage, Bearer, Ctx, KEY_PREFIX, OBSERVER_PREFIX, Reader, Visitor, Who, observer_secret, works};
pub use exchange::{Exchanged, exchange_key};
pub use explain::{Explanation, Step, explain};
pub use front::front;
pub use links::{Ends, keep_links, unused, unused_outside};
pub use needs::{Needed, barred};
pub use once::{KEPT_SECONDS, KEY_BYTES};
pub use page::{cursor, page_of, read_cursor};
pub use people::{People, near};
pub use pictures::{ChangedRow, Pictures, Tried};
pub use places::{
    InCharge, archived, in_charge, named_space, path, redacted, registered, role_names, usual_space, visible_space,
};
pub use sees::Viewer;
pub use share::{Busy, Share};
pub use store::AuditEntry;
pub use who::{About, Allowed, AllowedActor, RoleSource, Sought, caller_of, candidates, subjects, who, who_acts};
pub use write::{Permit, Record, Write, note_refusal, spaces_with_role, write};

use crate::base::error::{Error, Result};
use crate::base::ids;
use crate::directory::Directory;
use garth_core::{Action, Caller, Decision, Facts, Outcome, Principal, Target};

/// Turns a decision into an answer: hidden is missing, visible but not allowed says what is lacking.
///
/// # Errors
/// 404 or 403; 401 where an anonymous caller is refused, existing or not.
pub fn require(dir: &Directory, caller: &Caller, decision: &Decision) -> Result<()> {
    match decision.outcome {
        Outcome::Allowed => Ok(()),
        _ if caller.who.is_none() && !caller.system => Err(Error::Unauthenticated),
        Outcome::Missing => Err(Error::NotFound),
        Outcome::Forbidden(permission) => Err(Error::Forbidden(lacking(dir, permission))),
    }
}

/// Decides and requires yes.
///
/// # Errors
/// As [`require`].
pub fn check(dir: &Directory, caller: &Caller, target: Target, action: Action, now: garth_core::Micros) -> Result<()> {
    require(dir, caller, &dir.world.decide(caller, target, action, now))
}

fn lacking(dir: &Directory, permission: Option<garth_core::Permission>) -> String {
    match permission {
        Some(permission) => format!("this needs {}", dir.words().permission(permission)),
        None => "its policy does not allow you this".to_owned(),
    }
}

/// What the caller is to a resource whose author, owner and subscribers are those.
pub fn facts(dir: &Directory, caller: &Caller, author: &str, owner: &str, subscriber: bool) -> Facts {
    let Some(me) = identity(dir, caller) else { return Facts::default() };
    Facts { author: author == me, owner: owner == me, subscriber, barred: false }
}

/// What a cursor or a kept answer is good for: that caller, with what their session brings. Two sessions of one
/// person may see different things.
fn seen_as(dir: &Directory, caller: &Caller) -> String {
    let who = identity(dir, caller).unwrap_or_default();
    match &caller.brought {
        Some(brought) => format!("{who} {}", ids::hex(&brought.mark)),
        None => who,
    }
}

/// How the caller is written as author or owner; nobody for callers that cannot be one.
pub fn identity(dir: &Directory, caller: &Caller) -> Option<String> {
    match caller.who {
        Some(who @ (Principal::User(_) | Principal::Key(_))) => Some(dir.principal_text(who)),
        _ => None,
    }
}
