//! Whose questions a caller may ask, and about which spaces: the one place that says so.
//!
//! Everybody asks about themselves. An application's key asks about anybody, wherever in its own space and
//! below it holds `decision:ask`; outside, everything is to it what does not exist, and a key that may not
//! even ask in its own space is refused. The command line asks about all.

use crate::access::Ctx;
use crate::base::error::{Error, Result};
use crate::directory::Directory;
use garth_core::{Action, Caller, Decision, Micros, Outcome, Permission, Principal, Sight, SpaceIx, Target};

/// A caller who asks.
pub struct Asking {
    caller: Caller,
    now: Micros,
    /// May it ask about others in its own space?
    at_home: bool,
}

impl Asking {
    /// The caller of a request, in that picture.
    ///
    /// # Errors
    /// 401 when nobody is signed in.
    pub fn of(ctx: &Ctx, dir: &Directory) -> Result<Self> {
        let (caller, now) = (ctx.somebody(dir)?, ctx.now());
        let at_home = caller.home.is_some_and(|home| asks_there(dir, &caller, home, now));
        Ok(Self { caller, now, at_home })
    }

    /// Who asks.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Is that the caller?
    pub fn itself(&self, subject: Option<Principal>) -> bool {
        subject.is_some() && subject == self.caller.who
    }

    /// May the caller ask about anybody who could be that subject, wherever it is?
    fn freely(&self, subject: Option<Principal>) -> bool {
        self.caller.system || self.itself(subject)
    }

    /// May they ask about others in that space?
    pub fn there(&self, dir: &Directory, space: SpaceIx) -> bool {
        self.caller.system || (self.caller.home.is_some() && asks_there(dir, &self.caller, space, self.now))
    }

    /// How a decision about a subject ends for them. What somebody else sees only where the caller may not ask, because it
    /// is shared to there, is missing: who is in a space that shares receive is that space's own business.
    pub fn outcome(&self, dir: &Directory, subject: Option<Principal>, decision: &Decision) -> Outcome {
        let beyond = decision.window.is_some_and(|window| !self.freely(subject) && !self.there(dir, window));
        if beyond { Outcome::Missing } else { decision.outcome }
    }

    /// Whether they may ask about that subject, which need not exist, at a place where [`Asking::there`] says that. Where
    /// not, the answer is that of something missing.
    ///
    /// # Errors
    /// 403 for who may not ask about others, whether these exist or not.
    pub fn about(&self, subject: Option<Principal>, there: impl FnOnce() -> bool) -> Result<bool> {
        if self.freely(subject) {
            return Ok(true);
        }
        if self.caller.home.is_some() && there() {
            return Ok(true);
        }
        if self.at_home { Ok(false) } else { Err(not_others()) }
    }

    /// The target, where they may ask about that subject there.
    ///
    /// # Errors
    /// As [`Asking::about`].
    pub fn target(&self, dir: &Directory, who: Option<Principal>, target: Option<Target>) -> Result<Option<Target>> {
        let there = || target.and_then(|target| space_of(dir, target)).is_some_and(|space| self.there(dir, space));
        Ok(if self.about(who, there)? { target } else { None })
    }

    /// The spaces where they may ask about that subject.
    ///
    /// # Errors
    /// 403 where there is none.
    pub fn spaces(&self, dir: &Directory, subject: Option<Principal>) -> Result<Spaces> {
        if self.freely(subject) {
            return Ok(Spaces(None));
        }
        if self.caller.home.is_none() {
            return Err(not_others());
        }
        let sight = Sight::new(&dir.world, &self.caller, self.now);
        let spaces = Spaces(Some(sight));
        if spaces.any(dir) { Ok(spaces) } else { Err(not_others()) }
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

    fn any(&self, dir: &Directory) -> bool {
        self.0.as_ref().is_none_or(|sight| sight.visible().any(|(space, _)| self.hold(dir, space)))
    }
}

fn not_others() -> Error {
    Error::Forbidden("a caller may ask about itself; asking about others needs decision:ask".to_owned())
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
