//! Policies: who passes.
//!
//! One compiled form serves check, list, write, explain and preview. Whatever cannot
//! be understood denies everyone, also when the default says allow (`MODEL.md`, law 11).

use crate::caller::Caller;
use crate::decide::Facts;
use crate::given::{Asked, Given};
use crate::ids::{PolicyIx, Principal, UserIx};
use crate::permission::Permission;
use crate::standing::Roles;
use crate::when::When;
use crate::world::World;
use crate::{MAX_POLICY_DEPTH, MAX_POLICY_PARTS, Micros};
use std::sync::Arc;

/// Who passes. The forms are those of `MODEL.md`, "Policies".
#[derive(Clone, Debug, PartialEq)]
pub enum Policy {
    /// Anyone, signed in or not; means `Users` where public access is off, and on anything but view.
    Public,
    /// Anyone signed in.
    Users,
    /// Holders of any role in the space.
    Members,
    /// System administrators.
    Admins,
    /// Nobody.
    Nobody,
    /// Holders of that permission in the space.
    Permission(Permission),
    /// These users.
    These(Arc<[UserIx]>),
    /// Members of at least one of these; an empty list matches nobody.
    GroupsAny(Arc<[Principal]>),
    /// Members of every one of these; an empty list matches nobody.
    GroupsAll(Arc<[Principal]>),
    /// A policy kept elsewhere.
    Named(PolicyIx),
    /// The first rule that matches decides, else the default.
    Rules(Arc<[Rule]>, Effect),
    /// Something this version cannot read, or that does not fit where it stands.
    Unknown,
}

/// What a rule does when it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Lets through.
    Allow,
    /// Refuses.
    Deny,
}

/// One rule of [`Policy::Rules`].
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// What happens when it matches.
    pub effect: Effect,
    /// Whom it matches.
    pub who: Who,
    /// When it matches; always, if not given.
    pub when: Option<When>,
    /// Properties of the question, all of which it needs to match.
    pub given: Arc<[Asked]>,
}

/// Whom a rule matches.
#[derive(Clone, Debug, PartialEq)]
pub enum Who {
    /// Whoever passes that policy.
    Policy(Policy),
    /// The resource's author.
    Author,
    /// The resource's owner.
    Owner,
    /// The resource's subscribers.
    Subscribers,
}

/// Where a policy stands; not every rule fits everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A space's view policy: no author, owner or subscribers there, no `when` and no `given`.
    Gate,
    /// A space's edit policy: no author, owner or subscribers there.
    Space,
    /// A resource's policy: everything fits.
    Resource,
}

/// The circumstances a policy is asked in.
pub(crate) struct Circumstances<'a> {
    pub world: &'a World,
    pub caller: &'a Caller,
    /// The caller's roles in the space the policy is asked in.
    pub roles: &'a Roles,
    /// What the caller is to the resource; `None` where there is no resource.
    pub facts: Option<Facts>,
    /// True when the question is about seeing; `public` means `users` on all else.
    pub viewing: bool,
    pub now: Micros,
}

impl Circumstances<'_> {
    fn place(&self) -> Place {
        match (self.facts, self.viewing) {
            (Some(_), _) => Place::Resource,
            (None, true) => Place::Gate,
            (None, false) => Place::Space,
        }
    }
}

impl Policy {
    /// Does the caller pass?
    pub(crate) fn passes(&self, at: &Circumstances<'_>) -> bool {
        let nests = matches!(self, Policy::Named(_) | Policy::Rules(..));
        (!nests || self.part_fits(at.world, at.place(), Some(&at.caller.given), 1, false, &mut { MAX_POLICY_PARTS }))
            && self.judge(at)
    }

    /// Can every part be understood in that place? One part that cannot (an unknown
    /// rule, an owner in a gate, a named policy that is gone, a deny rule that names
    /// nobody known), or more parts than are allowed, and the policy denies everyone:
    /// an error inside a deny rule must not turn that rule off. What a question says is looked
    /// at when it is asked: a property that it lacks, or that is of another type, is such an error.
    pub fn fits(&self, world: &World, place: Place) -> bool {
        self.part_fits(world, place, None, 1, false, &mut { MAX_POLICY_PARTS })
    }

    fn part_fits(
        &self,
        world: &World,
        place: Place,
        given: Option<&Given>,
        depth: usize,
        denies: bool,
        left: &mut usize,
    ) -> bool {
        if depth > MAX_POLICY_DEPTH || *left == 0 {
            return false;
        }
        *left -= 1;
        match self {
            Policy::Unknown => false,
            Policy::Named(named) => {
                world.policy(*named).is_some_and(|p| p.part_fits(world, place, given, depth + 1, denies, left))
            }
            Policy::Rules(rules, _) => rules.iter().all(|rule| {
                let denies = denies || rule.effect == Effect::Deny;
                let in_place = (rule.when.is_none() && rule.given.is_empty()) || place != Place::Gate;
                in_place
                    && given.is_none_or(|given| rule.given.iter().all(|asked| asked.understood(given)))
                    && match &rule.who {
                        Who::Policy(inner) => inner.part_fits(world, place, given, depth + 1, denies, left),
                        Who::Author | Who::Owner | Who::Subscribers => place == Place::Resource,
                    }
            }),
            // Somebody unknown lets nobody in; where they were to be kept out, nobody knows whom.
            Policy::These(users) => !denies || users.iter().all(|u| world.user(*u).is_some()),
            Policy::GroupsAny(groups) | Policy::GroupsAll(groups) => !denies || groups.iter().all(|g| world.knows(*g)),
            _ => true,
        }
    }

    /// Asked only of what fits, which is why this always ends.
    fn judge(&self, at: &Circumstances<'_>) -> bool {
        match self {
            Policy::Public => at.caller.signed_in() || (at.viewing && at.world.public_access),
            Policy::Users => at.caller.signed_in(),
            Policy::Members => !at.roles.is_empty(),
            Policy::Admins => at.caller.system_admin,
            Policy::Nobody | Policy::Unknown => false,
            Policy::Permission(permission) => at.world.roles_allow(at.roles, *permission),
            Policy::These(users) => users.iter().any(|u| at.caller.who == Some(Principal::User(*u))),
            Policy::GroupsAny(groups) => groups.iter().any(|g| at.caller.is(*g)),
            Policy::GroupsAll(groups) => !groups.is_empty() && groups.iter().all(|g| at.caller.is(*g)),
            Policy::Named(named) => at.world.policy(*named).is_some_and(|p| p.judge(at)),
            Policy::Rules(rules, default) => {
                let first = rules.iter().find(|rule| rule.matches(at));
                first.map_or(*default, |rule| rule.effect) == Effect::Allow
            }
        }
    }

    /// Does nobody pass who holds no role in the space? No is a safe answer.
    pub(crate) fn needs_a_role(&self) -> bool {
        matches!(self, Policy::Members | Policy::Permission(_) | Policy::Nobody | Policy::Unknown)
    }

    /// Does the answer depend on whether the caller is author, owner or subscriber?
    pub fn mentions_facts(&self, world: &World) -> bool {
        self.any(world, 1, &mut { MAX_POLICY_PARTS }, &|rule| !matches!(rule.who, Who::Policy(_)))
    }

    /// Does the answer change by time alone?
    pub fn mentions_time(&self, world: &World) -> bool {
        self.any(world, 1, &mut { MAX_POLICY_PARTS }, &|rule| rule.when.is_some())
    }

    /// Does the answer depend on what comes with the question?
    pub fn mentions_given(&self, world: &World) -> bool {
        self.any(world, 1, &mut { MAX_POLICY_PARTS }, &|rule| !rule.given.is_empty())
    }

    /// Has one of its rules that property? What does not fit, and so denies whatever its
    /// rules say, may be answered either way.
    fn any(&self, world: &World, depth: usize, left: &mut usize, test: &impl Fn(&Rule) -> bool) -> bool {
        if depth > MAX_POLICY_DEPTH || *left == 0 {
            return false;
        }
        *left -= 1;
        match self {
            Policy::Named(policy) => world.policy(*policy).is_some_and(|p| p.any(world, depth + 1, left, test)),
            Policy::Rules(rules, _) => rules.iter().any(|rule| {
                test(rule) || matches!(&rule.who, Who::Policy(inner) if inner.any(world, depth + 1, left, test))
            }),
            _ => false,
        }
    }

    /// How deep it nests, itself being 1, named policies followed; more than
    /// [`MAX_POLICY_DEPTH`] (a cycle, say) or than [`MAX_POLICY_PARTS`] is answered as
    /// one more than that depth.
    pub fn depth(&self, world: &World) -> usize {
        fn walk(policy: &Policy, world: &World, depth: usize, left: &mut usize) -> usize {
            if depth > MAX_POLICY_DEPTH || *left == 0 {
                return MAX_POLICY_DEPTH + 1;
            }
            *left -= 1;
            match policy {
                Policy::Named(named) => world.policy(*named).map_or(depth, |p| walk(p, world, depth + 1, left)),
                Policy::Rules(rules, _) => rules
                    .iter()
                    .map(|rule| match &rule.who {
                        Who::Policy(inner) => walk(inner, world, depth + 1, left),
                        _ => depth,
                    })
                    .max()
                    .unwrap_or(depth),
                _ => depth,
            }
        }
        walk(self, world, 1, &mut { MAX_POLICY_PARTS })
    }
}

impl Rule {
    fn matches(&self, at: &Circumstances<'_>) -> bool {
        let facts = at.facts.unwrap_or_default();
        self.when.as_ref().is_none_or(|when| when.holds(at.now))
            && self.given.iter().all(|asked| asked.holds(&at.caller.given))
            && match &self.who {
                Who::Policy(policy) => policy.judge(at),
                Who::Author => facts.author,
                Who::Owner => facts.owner,
                Who::Subscribers => facts.subscriber,
            }
    }
}
