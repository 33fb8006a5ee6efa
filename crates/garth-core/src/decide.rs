//! The decision, in the order of `MODEL.md`: gate, roles, view, action.
//!
//! A resource that its own space does not show to the caller is looked for through its windows: the spaces it is shared
//! to. There the gate, the caller's roles and the resource's view policy are asked once more; seeing is all that a window
//! gives.
//!
//! One function serves check, explain and preview, so that they cannot disagree; the
//! list ([`crate::reach`]) asks the same view policy through the same code.

use crate::Micros;
use crate::caller::Caller;
use crate::ids::{ClassIx, SpaceIx};
use crate::permission::Permission;
use crate::policy::{Circumstances, Policy};
use crate::standing::Standing;
use crate::world::{Class, Kind, World};

/// What the caller is to the resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Made it.
    pub author: bool,
    /// Owns it.
    pub owner: bool,
    /// Subscribes to it.
    pub subscriber: bool,
    /// May not see something that must be seen before it ([`World::sees_all`]).
    pub barred: bool,
}

impl Facts {
    /// One of the eight combinations, by number: bit 0 author, bit 1 owner, bit 2 subscriber.
    pub fn from_bits(bits: u8) -> Self {
        Self { author: bits & 1 != 0, owner: bits & 2 != 0, subscriber: bits & 4 != 0, barred: false }
    }

    /// The number of the combination; whether it is barred is no part of it.
    pub fn bits(self) -> u8 {
        u8::from(self.author) | u8::from(self.owner) << 1 | u8::from(self.subscriber) << 2
    }
}

/// What is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A space itself, or something to be done in it.
    Space(SpaceIx),
    /// A resource: its access class and what the caller is to it.
    Resource(ClassIx, Facts),
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// See it.
    Read,
    /// Edit, move or delete it: asks the edit policy.
    Write,
    /// Anything else: asks for that permission in the space.
    Use(Permission),
}

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Yes.
    Allowed,
    /// To this caller it does not exist.
    Missing,
    /// Visible, but not allowed; the permission that would be needed, where one would do.
    Forbidden(Option<Permission>),
}

/// What decided a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The step was not reached.
    Unasked,
    /// The command line sees all.
    System,
    /// The space's view policy.
    Gate,
    /// The space's edit policy.
    SpaceEdit,
    /// The resource's own policy.
    Policy,
    /// The default policy of its kind.
    KindPolicy,
    /// An exception of its kind for author, owner or subscribers.
    Exception,
    /// Something that must be seen before it is not.
    Required,
    /// Holding, or lacking, a permission.
    Permission(Permission),
    /// It is seen through a space it is shared to, and there it can be looked at only.
    Window,
}

/// The answer of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Did it let through?
    pub allowed: bool,
    /// What decided.
    pub by: By,
}

impl Answer {
    const UNASKED: Self = Self { allowed: false, by: By::Unasked };
}

/// A decision with what each step said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// How it ends.
    pub outcome: Outcome,
    /// Gate and roles in the space; where it is seen through a window, in that one.
    pub standing: Standing,
    /// The view step.
    pub view: Answer,
    /// The action step.
    pub action: Answer,
    /// The space it is shared to and seen through, where the space it lies in does not show it.
    pub window: Option<SpaceIx>,
}

impl Decision {
    /// Yes?
    pub fn allowed(&self) -> bool {
        self.outcome == Outcome::Allowed
    }

    fn missing(standing: Standing, view: Answer) -> Self {
        Self { outcome: Outcome::Missing, standing, view, action: Answer::UNASKED, window: None }
    }
}

impl World {
    /// May the caller do that? Anything unknown is missing.
    pub fn decide(&self, caller: &Caller, target: Target, action: Action, now: Micros) -> Decision {
        if caller.system {
            return self.decide_for_system(target);
        }
        let space = match target {
            Target::Space(space) => Some(space),
            Target::Resource(class, _) => self.class(class).map(|c| c.space),
        };
        match space {
            Some(space) => {
                let standing = self.standing(caller, space, now);
                self.decide_with(caller, standing, target, action, now)
            }
            None => Decision::missing(Standing::default(), Answer::UNASKED),
        }
    }

    /// Does the caller see every one of these? What a resource requires is asked for by its own view policies and
    /// gate, and without the properties of a question that is about something else. `None` is what is not there.
    pub fn sees_all(
        &self,
        caller: &Caller,
        mut required: impl Iterator<Item = Option<(ClassIx, Facts)>>,
        now: Micros,
    ) -> bool {
        let plain = caller.plain();
        required.all(|one| {
            one.is_some_and(|(class, facts)| {
                self.decide(&plain, Target::Resource(class, facts), Action::Read, now).allowed()
            })
        })
    }

    /// The same when the caller's standing in the space, or in the one where a resource lies, is known already.
    pub fn decide_with(
        &self,
        caller: &Caller,
        standing: Standing,
        target: Target,
        action: Action,
        now: Micros,
    ) -> Decision {
        let own = self.decide_there(caller, standing, target, action, now);
        match target {
            // What requires something hidden is hidden through every window.
            Target::Resource(class, facts) if own.outcome == Outcome::Missing && !facts.barred => {
                self.windows_seen(caller, class, facts, now).next().map_or(own, |(window, standing, view)| {
                    let refused = Answer { allowed: false, by: By::Window };
                    let (outcome, answer) = match action {
                        Action::Read => (Outcome::Allowed, view),
                        Action::Use(permission) => (Outcome::Forbidden(Some(permission)), refused),
                        Action::Write => (Outcome::Forbidden(self.usual_permission(target)), refused),
                    };
                    Decision { outcome, standing, view, action: answer, window: Some(window) }
                })
            }
            _ => own,
        }
    }

    /// The spaces that a resource is shared to and through which the caller sees it, with what they are there and what
    /// let them see it. What must be seen before it is asked for elsewhere.
    pub fn windows_seen(
        &self,
        caller: &Caller,
        class: ClassIx,
        facts: Facts,
        now: Micros,
    ) -> impl Iterator<Item = (SpaceIx, Standing, Answer)> {
        let class = self.class(class).filter(|class| !class.windows.is_empty());
        let class = class.and_then(|class| Some((class, self.kind(class.kind)?)));
        let windows = class.map_or(&[][..], |(class, _)| self.windows(class));
        windows.iter().filter_map(move |window| {
            let (class, kind) = class?;
            let standing = Some(self.standing(caller, *window, now)).filter(|standing| standing.gate)?;
            let view = self.view_step(caller, &standing, class, kind, facts, now);
            view.allowed.then_some((*window, standing, view))
        })
    }

    /// Does the caller pass the gate of the space where resources of that class lie, or of one they are shared to?
    pub fn passes_a_gate(&self, caller: &Caller, class: ClassIx, now: Micros) -> bool {
        let Some(class) = self.class(class) else { return false };
        let spaces = std::iter::once(&class.space).chain(self.windows(class));
        caller.system || spaces.into_iter().any(|space| self.standing(caller, *space, now).gate)
    }

    /// The decision in the space itself, or where the resource lies.
    fn decide_there(
        &self,
        caller: &Caller,
        standing: Standing,
        target: Target,
        action: Action,
        now: Micros,
    ) -> Decision {
        if !standing.gate {
            return Decision::missing(standing, Answer::UNASKED);
        }
        let (view, action) = match target {
            Target::Space(ix) => {
                let view = Answer { allowed: true, by: By::Gate };
                (view, self.space_action(caller, &standing, ix, action, view, now))
            }
            Target::Resource(class, facts) => {
                let Some((class, kind)) = self.class(class).and_then(|c| Some((c, self.kind(c.kind)?))) else {
                    return Decision::missing(standing, Answer::UNASKED);
                };
                let mut view = self.view_step(caller, &standing, class, kind, facts, now);
                if view.allowed && facts.barred {
                    view = Answer { allowed: false, by: By::Required };
                }
                if !view.allowed {
                    return Decision::missing(standing, view);
                }
                (view, self.resource_action(caller, &standing, class, kind, facts, action, view, now))
            }
        };
        let outcome = match action {
            Answer { allowed: true, .. } => Outcome::Allowed,
            Answer { by: By::Permission(permission), .. } => Outcome::Forbidden(Some(permission)),
            _ => Outcome::Forbidden(self.usual_permission(target)),
        };
        Decision { outcome, standing, view, action, window: None }
    }

    fn decide_for_system(&self, target: Target) -> Decision {
        let exists = match target {
            Target::Space(space) => self.space(space).is_some(),
            Target::Resource(class, _) => self.class(class).is_some(),
        };
        if !exists {
            return Decision::missing(Standing::default(), Answer::UNASKED);
        }
        let yes = Answer { allowed: true, by: By::System };
        let standing = Standing { gate: true, roles: [Self::ADMIN].into_iter().collect() };
        Decision { outcome: Outcome::Allowed, standing, view: yes, action: yes, window: None }
    }

    /// The permission whose holders may usually write there.
    fn usual_permission(&self, target: Target) -> Option<Permission> {
        match target {
            Target::Space(_) => Some(Permission::SPACE_ADMIN),
            Target::Resource(class, _) => {
                let kind = self.kind(self.class(class)?.kind)?;
                Some(Permission::write(kind.noun))
            }
        }
    }

    fn space_action(
        &self,
        caller: &Caller,
        standing: &Standing,
        ix: SpaceIx,
        action: Action,
        view: Answer,
        now: Micros,
    ) -> Answer {
        match action {
            Action::Read => view,
            Action::Write => {
                let allowed = self.space(ix).is_some_and(|s| self.asks(&s.edit, caller, standing, None, false, now));
                Answer { allowed, by: By::SpaceEdit }
            }
            Action::Use(permission) => self.holds(standing, permission),
        }
    }

    fn holds(&self, standing: &Standing, permission: Permission) -> Answer {
        Answer { allowed: self.roles_allow(&standing.roles, permission), by: By::Permission(permission) }
    }

    pub(crate) fn view_step(
        &self,
        caller: &Caller,
        standing: &Standing,
        class: &Class,
        kind: &Kind,
        facts: Facts,
        now: Micros,
    ) -> Answer {
        let e = kind.exceptions;
        if (facts.author && e.author.0) || (facts.owner && e.owner.0) || (facts.subscriber && e.subscribers.0) {
            return Answer { allowed: true, by: By::Exception };
        }
        match (&class.view, &kind.default_view) {
            (Some(own), _) => {
                Answer { allowed: self.asks(own, caller, standing, Some(facts), true, now), by: By::Policy }
            }
            (None, Some(default)) => {
                Answer { allowed: self.asks(default, caller, standing, Some(facts), true, now), by: By::KindPolicy }
            }
            (None, None) => self.holds(standing, Permission::read(kind.noun)),
        }
    }

    #[allow(clippy::too_many_arguments)] // the step's circumstances, once
    pub(crate) fn resource_action(
        &self,
        caller: &Caller,
        standing: &Standing,
        class: &Class,
        kind: &Kind,
        facts: Facts,
        action: Action,
        view: Answer,
        now: Micros,
    ) -> Answer {
        let e = kind.exceptions;
        match action {
            Action::Read => view,
            Action::Use(permission) => self.holds(standing, permission),
            Action::Write
                if (facts.author && e.author.1)
                    || (facts.owner && e.owner.1)
                    || (facts.subscriber && e.subscribers.1) =>
            {
                Answer { allowed: true, by: By::Exception }
            }
            Action::Write => match (&class.edit, &kind.default_edit) {
                (Some(own), _) => {
                    Answer { allowed: self.asks(own, caller, standing, Some(facts), false, now), by: By::Policy }
                }
                (None, Some(default)) => Answer {
                    allowed: self.asks(default, caller, standing, Some(facts), false, now),
                    by: By::KindPolicy,
                },
                (None, None) => self.holds(standing, Permission::write(kind.noun)),
            },
        }
    }

    fn asks(
        &self,
        policy: &Policy,
        caller: &Caller,
        standing: &Standing,
        facts: Option<Facts>,
        viewing: bool,
        now: Micros,
    ) -> bool {
        policy.passes(&Circumstances { world: self, caller, roles: &standing.roles, facts, viewing, now })
    }

    /// Would that policy, asked in that space about nothing in particular, let the caller through?
    pub fn passes(&self, policy: &Policy, caller: &Caller, standing: &Standing, now: Micros) -> bool {
        self.asks(policy, caller, standing, None, false, now)
    }
}
