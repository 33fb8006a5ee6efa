//! Whose questions a caller may ask, and about which spaces: the one place that says so.
//!
//! Everybody asks about themselves. An application's key asks about anybody, in its own space and
//! below, wherever it holds `decision:ask`; outside, everything is to it what does not exist. The
//! command line asks about all.

use crate::access::Ctx;
use crate::base::error::{Error, Result};
use crate::directory::Directory;
use garth_core::{Action, Caller, Micros, Permission, Principal, Sight, SpaceIx, Target};

/// A caller who asks.
pub struct Asking {
    caller: Caller,
    now: Micros,
    others: bool,
}

impl Asking {
    /// The caller of a request, in that picture.
    ///
    /// # Errors
    /// 401 when nobody is signed in.
    pub fn of(ctx: &Ctx, dir: &Directory) -> Result<Self> {
        let (caller, now) = (ctx.somebody(dir)?, ctx.now());
        let others = caller.system || caller.home.is_some_and(|home| asks_there(dir, &caller, home, now));
        Ok(Self { caller, now, others })
    }

    /// Who asks.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// May they ask about others at all?
    pub fn others(&self) -> bool {
        self.others
    }

    /// Is that the caller?
    pub fn itself(&self, subject: Option<Principal>) -> bool {
        subject.is_some() && subject == self.caller.who
    }

    /// Requires that they may ask about that subject, which need not exist.
    ///
    /// # Errors
    /// 403, for unknown subjects like for known ones.
    pub fn about(&self, subject: Option<Principal>) -> Result<()> {
        if self.others || self.itself(subject) {
            return Ok(());
        }
        Err(Error::Forbidden("a caller may ask about itself; asking about others needs decision:ask".to_owned()))
    }

    /// May they ask about that subject there? Where not, the answer is that of something missing.
    pub fn there(&self, dir: &Directory, subject: Option<Principal>, target: Target) -> bool {
        self.caller.system
            || self.itself(subject)
            || space_of(dir, target).is_some_and(|space| asks_there(dir, &self.caller, space, self.now))
    }

    /// The spaces where they may ask about that subject.
    pub fn spaces(&self, dir: &Directory, subject: Option<Principal>) -> Spaces {
        if self.caller.system || self.itself(subject) {
            return Spaces(None);
        }
        Spaces(Some(Sight::new(&dir.world, &self.caller, self.now)))
    }
}

/// The spaces that a question may be about.
pub struct Spaces(Option<Sight>);

impl Spaces {
    /// Is that space one of them?
    pub fn hold(&self, dir: &Directory, space: SpaceIx) -> bool {
        self.0.as_ref().is_none_or(|sight| {
            let standing = sight.get(space).filter(|standing| standing.gate);
            standing.is_some_and(|s| dir.world.roles_allow(&s.roles, Permission::DECISION_ASK))
        })
    }
}

fn asks_there(dir: &Directory, caller: &Caller, space: SpaceIx, now: Micros) -> bool {
    dir.world.decide(caller, Target::Space(space), Action::Use(Permission::DECISION_ASK), now).allowed()
}

/// The space that something is or lies in.
pub fn space_of(dir: &Directory, target: Target) -> Option<SpaceIx> {
    match target {
        Target::Space(space) => Some(space),
        Target::Resource(class, _) => dir.world.class(class).map(|c| c.space),
    }
}
