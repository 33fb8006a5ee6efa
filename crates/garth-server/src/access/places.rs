//! Which spaces a caller can see, and how they are named to them.

use crate::access::{self, Viewer};
use crate::base::error::{Error, Result};
use crate::directory::Directory;
use crate::directory::policy::Sees;
use garth_core::{Action, Caller, Micros, Principal, RoleIx, RoleKind, Roles, SpaceIx, Target, World};
use serde_json::Value;

/// The space of an id that the caller can see.
///
/// # Errors
/// 404 when it is hidden or missing, 401 for anonymous callers.
pub fn visible_space(dir: &Directory, caller: &Caller, id: &str, now: Micros) -> Result<SpaceIx> {
    let missing = || if caller.who.is_none() && !caller.system { Error::Unauthenticated } else { Error::NotFound };
    let space = dir.space_ref(id).ok_or_else(missing)?;
    access::check(dir, caller, Target::Space(space), Action::Read, now)?;
    Ok(space)
}

/// The space that a body names at a pointer: hidden and unknown are refused alike.
///
/// # Errors
/// 422 at the pointer.
pub fn named_space(dir: &Directory, caller: &Caller, pointer: &str, id: &str, now: Micros) -> Result<SpaceIx> {
    visible_space(dir, caller, id, now).map_err(|_| Error::field(pointer, "is not a space you can see"))
}

/// Where something new goes when nobody says, and where somebody begins: the caller's own default (a key's is the space it
/// belongs to), else the installation's, else the oldest that is left; each only if visible and active.
pub fn usual_space(dir: &Directory, viewer: &Viewer<'_>, caller: &Caller) -> Option<SpaceIx> {
    let fits = |ix: &SpaceIx| viewer.space(*ix) && !archived(&dir.world, *ix);
    let own = match caller.who {
        Some(Principal::User(user)) => dir.users.info(user).and_then(|u| u.default_space),
        _ => None,
    };
    let own = own.and_then(|id| dir.spaces.by_id::<SpaceIx>(&id)).or(caller.home).filter(&fits);
    own.or_else(|| Some(dir.default_space).filter(&fits)).or_else(|| {
        let all = dir.spaces.iter::<SpaceIx>().filter(|(ix, _)| fits(ix));
        all.min_by_key(|(_, info)| (info.created_at, info.id)).map(|(ix, _)| ix)
    })
}

/// Is the space, or one above it, archived?
pub fn archived(world: &World, space: SpaceIx) -> bool {
    world.ancestry(space).iter().any(|ix| world.space(*ix).is_some_and(|s| s.archived))
}

/// Does the registry of system administrators show that space? Sealed ones to the command line only.
pub fn registered(dir: &Directory, caller: &Caller, ix: SpaceIx) -> bool {
    dir.world.space(ix).is_some_and(|s| !s.sealed) || caller.system
}

/// Who is in charge of a space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InCharge {
    /// An administrator of its own, whom the space cannot lose.
    Own,
    /// Nobody of its own, and an administrator of a space above it.
    Above,
    /// Nobody.
    Nobody,
}

impl InCharge {
    /// How it is written.
    pub fn text(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Above => "above",
            Self::Nobody => "nobody",
        }
    }
}

/// Who is in charge of a space: of it and of those above it, as far as roles flow down, the nearest that has an
/// administrator of its own.
pub fn in_charge(world: &World, space: SpaceIx) -> InCharge {
    if world.has_admin(space) {
        return InCharge::Own;
    }
    // Nothing flows into a sealed space.
    let chain = world.ancestry(space);
    let open = chain.iter().take_while(|ix| world.space(**ix).is_some_and(|s| !s.sealed)).count();
    let above = chain.iter().skip(1).take(open).any(|ix| world.has_admin(*ix));
    if above { InCharge::Above } else { InCharge::Nobody }
}

/// The names from the root to the space, as far up as the viewer can see without a gap.
pub fn path(dir: &Directory, viewer: &Viewer<'_>, space: SpaceIx) -> String {
    let chain = dir.world.ancestry(space);
    let seen = chain.iter().take_while(|ix| **ix == space || viewer.space(**ix));
    let mut names: Vec<&str> = seen.filter_map(|ix| dir.spaces.info(*ix)).map(|s| s.name.as_str()).collect();
    names.reverse();
    names.join("/")
}

/// Role names of a caller in a space: the strongest built-in one or the first custom one, and all.
pub fn role_names(dir: &Directory, roles: &Roles) -> (Option<String>, Vec<String>) {
    let strength = |role: &RoleIx| match dir.world.role(*role).map(|r| r.kind) {
        Some(RoleKind::Admin) => 0,
        Some(RoleKind::Writer) => 1,
        Some(RoleKind::Reader) => 2,
        _ => 3,
    };
    let mut sorted: Vec<(i32, &str)> = roles.iter().map(|r| (strength(r), dir.role_name(*r))).collect();
    sorted.sort_unstable();
    let names: Vec<String> = sorted.iter().map(|(_, name)| (*name).to_owned()).collect();
    (names.first().cloned(), names)
}

/// A policy without the people and groups the viewer cannot see.
pub fn redacted(dir: &Directory, viewer: &Viewer<'_>, policy: &Value) -> Value {
    match policy {
        Value::Array(list) => Value::Array(
            list.iter()
                .filter(|item| {
                    let principal = item.as_str().and_then(|text| dir.principal(text));
                    principal.is_none_or(|p| viewer.principal(p))
                })
                .map(|item| redacted(dir, viewer, item))
                .collect(),
        ),
        Value::Object(object) => {
            Value::Object(object.iter().map(|(key, value)| (key.clone(), redacted(dir, viewer, value))).collect())
        }
        other => other.clone(),
    }
}
