//! Among whom everybody is who may: what a search for subjects looks at, instead of at everybody.
//!
//! Each condition of a decision (gate, view, action) lets through at most those whom its grants,
//! its policy and its exceptions name. The condition that names the fewest is enough: whoever
//! passes all of them passes that one. Whether a candidate really may, the decision says.

use crate::decide::{Action, Target};
use crate::ids::{GroupIx, Principal, SpaceIx, UserIx};
use crate::permission::{Permission, Words};
use crate::policy::{Effect, Place, Policy, Who};
use crate::world::{Class, Grant, Kind, Space, World};
use crate::{MAX_POLICY_DEPTH, Micros};
use smallvec::SmallVec;

/// Whom a resource names itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Who made it.
    pub author: Option<Principal>,
    /// Who owns it.
    pub owner: Option<Principal>,
    /// Who follows it.
    pub subscribers: Vec<Principal>,
}

/// Among whom everybody is who may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Candidates {
    /// Whoever is signed in may be.
    Anybody,
    /// These, and the members of those that are groups; each once, in order.
    Among(Vec<Principal>),
}

impl Candidates {
    fn nobody() -> Self {
        Self::Among(Vec::new())
    }

    fn of(principals: impl IntoIterator<Item = Principal>) -> Self {
        let mut list: Vec<Principal> = principals.into_iter().collect();
        if list.contains(&Principal::Everyone) {
            return Self::Anybody;
        }
        list.sort_unstable();
        list.dedup();
        Self::Among(list)
    }

    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Among(some), Self::Among(more)) => Self::of(some.into_iter().chain(more)),
            _ => Self::Anybody,
        }
    }
}

impl World {
    /// Among whom everybody is who may do that to a target that names those people itself. What the
    /// target says of the caller does not matter. The command line and the anonymous are not meant, nor
    /// is an api key to which its own space grants nothing.
    pub fn candidates(&self, target: Target, named: &Named, action: Action, now: Micros) -> Candidates {
        let (place, of) = match target {
            Target::Space(ix) => (ix, None),
            Target::Resource(class, _) => {
                let of = self.class(class).and_then(|class| Some((class, self.kind(class.kind)?)));
                let Some((class, kind)) = of else { return Candidates::nobody() };
                (class.space, Some((class, kind)))
            }
        };
        // Through a window things are seen, and nothing else can be done to them.
        let windows = of.filter(|_| action == Action::Read).map_or(&[][..], |(class, _)| self.windows(class));
        let spaces = std::iter::once(&place).chain(windows).filter_map(|ix| Some((*ix, self.space(*ix)?)));
        spaces.fold(Candidates::nobody(), |all, (ix, space)| {
            all.or(Asked { world: self, ix, space, of, named, now }.fewest(action))
        })
    }

    /// The enabled users who are members of a group, nested groups included; some may come twice.
    pub fn members(&self, group: GroupIx) -> impl Iterator<Item = UserIx> {
        let groups = self.group_and_below(group);
        groups.into_iter().filter_map(|ix| self.group(ix)).flat_map(|group| group.members().iter().copied())
    }

    /// How many people would have to be looked at.
    fn count(&self, candidates: &Candidates) -> usize {
        let one = |principal: &Principal| match principal {
            Principal::Group(group) => {
                let groups = self.group_and_below(*group).into_iter();
                groups.filter_map(|ix| self.group(ix)).map(|group| group.members().len()).sum()
            }
            _ => 1,
        };
        match candidates {
            Candidates::Anybody => usize::MAX,
            Candidates::Among(list) => list.iter().map(one).sum(),
        }
    }
}

/// What is asked about.
struct Asked<'a> {
    world: &'a World,
    ix: SpaceIx,
    space: &'a Space,
    of: Option<(&'a Class, &'a Kind)>,
    named: &'a Named,
    now: Micros,
}

impl Asked<'_> {
    /// Of the conditions, the one that lets through the fewest.
    fn fewest(&self, action: Action) -> Candidates {
        let gate = self.gate();
        let mut fewest = (self.world.count(&gate), gate);
        for condition in [self.view(), self.action(action)].into_iter().flatten() {
            let count = self.world.count(&condition);
            if count < fewest.0 {
                fewest = (count, condition);
            }
        }
        fewest.1
    }

    /// Who may pass the gate. An api key passes that of its own space, where its grant lies, whatever the policy says.
    fn gate(&self) -> Candidates {
        let keys = self.space.grants().iter().map(|g| g.principal).filter(|p| matches!(p, Principal::Key(_)));
        self.policy(&self.space.view, Place::Gate).or(Candidates::of(keys))
    }

    /// Who may see the resource; nothing to say of a space, whose gate is all.
    fn view(&self) -> Option<Candidates> {
        let (class, kind) = self.of?;
        let e = kind.exceptions;
        let excepted = self.excepted(e.author.0, e.owner.0, e.subscribers.0);
        let policy = class.view.as_deref().or(kind.default_view.as_deref());
        Some(excepted.or(self.asked(policy, Permission::read(kind.noun))))
    }

    /// Who may do it.
    fn action(&self, action: Action) -> Option<Candidates> {
        match (action, self.of) {
            (Action::Read, _) => None,
            (Action::Use(permission), _) => Some(self.holders(Some(permission))),
            (Action::Write, None) => Some(self.policy(&self.space.edit, Place::Space)),
            (Action::Write, Some((class, kind))) => {
                let e = kind.exceptions;
                let excepted = self.excepted(e.author.1, e.owner.1, e.subscribers.1);
                let policy = class.edit.as_deref().or(kind.default_edit.as_deref());
                Some(excepted.or(self.asked(policy, Permission::write(kind.noun))))
            }
        }
    }

    fn excepted(&self, author: bool, owner: bool, subscribers: bool) -> Candidates {
        let named = self.named;
        let followers = named.subscribers.iter().copied().filter(|_| subscribers);
        let one = named.author.filter(|_| author).into_iter().chain(named.owner.filter(|_| owner));
        Candidates::of(one.chain(followers))
    }

    /// Whom a resource's policy, or the permission that stands for a missing one, lets through.
    fn asked(&self, policy: Option<&Policy>, otherwise: Permission) -> Candidates {
        policy.map_or_else(|| self.holders(Some(otherwise)), |policy| self.policy(policy, Place::Resource))
    }

    fn policy(&self, policy: &Policy, place: Place) -> Candidates {
        if policy.fits(self.world, place) { self.part(policy, 1) } else { Candidates::nobody() }
    }

    fn part(&self, policy: &Policy, depth: usize) -> Candidates {
        if depth > MAX_POLICY_DEPTH {
            return Candidates::nobody();
        }
        match policy {
            Policy::Public | Policy::Users | Policy::Rules(_, Effect::Allow) => Candidates::Anybody,
            Policy::Members => self.holders(None),
            Policy::Permission(permission) => self.holders(Some(*permission)),
            Policy::Admins => Candidates::of(self.world.system_admins().iter().copied().map(Principal::User)),
            Policy::Nobody | Policy::Unknown => Candidates::nobody(),
            Policy::These(users) => Candidates::of(users.iter().copied().map(Principal::User)),
            Policy::GroupsAny(groups) => Candidates::of(groups.iter().copied()),
            Policy::GroupsAll(groups) => {
                let each = groups.iter().copied().map(|group| Candidates::of([group]));
                let counted = each.map(|one| (self.world.count(&one), one));
                counted.min_by_key(|(count, _)| *count).map_or_else(Candidates::nobody, |(_, fewest)| fewest)
            }
            Policy::Named(named) => {
                self.world.policy(*named).map_or_else(Candidates::nobody, |policy| self.part(policy, depth + 1))
            }
            Policy::Rules(rules, Effect::Deny) => {
                let allow = rules.iter().filter(|rule| rule.effect == Effect::Allow);
                allow.map(|rule| self.who(&rule.who, depth)).fold(Candidates::nobody(), Candidates::or)
            }
        }
    }

    fn who(&self, who: &Who, depth: usize) -> Candidates {
        match who {
            Who::Policy(policy) => self.part(policy, depth + 1),
            Who::Author => self.excepted(true, false, false),
            Who::Owner => self.excepted(false, true, false),
            Who::Subscribers => self.excepted(false, false, true),
        }
    }

    /// Who may hold that permission in the space, or any role at all: whom grants name here and above, and
    /// below it, where holding any role makes a reader of what is inherited from.
    fn holders(&self, permission: Option<Permission>) -> Candidates {
        let world = self.world;
        let rises = !self.space.sealed
            && !self.space.heirs().is_empty()
            && permission.is_none_or(|permission| permission.verb == Words::READ);
        let carries = |grant: &Grant| {
            let role = world.role(grant.role).filter(|_| grant.holds(self.now));
            role.is_some_and(|role| rises || permission.is_none_or(|permission| role.allows(permission)))
        };
        let mut found: Vec<Principal> = Vec::new();
        let mut take = |space: &Space| {
            let counts = |p: Principal| !space.sealed || matches!(p, Principal::User(_) | Principal::Key(_));
            let grants = space.grants().iter().filter(|grant| counts(grant.principal) && carries(grant));
            found.extend(grants.map(|grant| grant.principal));
        };
        if self.space.sealed {
            take(self.space);
        } else {
            world.ancestry(self.ix).iter().filter_map(|ix| world.space(*ix)).for_each(&mut take);
        }
        let mut below: SmallVec<[SpaceIx; 12]> = SmallVec::new();
        if rises {
            below.extend_from_slice(self.space.heirs());
        }
        // Ends also where the data goes in a circle: no space is under another more often than there are spaces.
        let mut left = world.space_slots();
        while let Some(space) = below.pop().and_then(|ix| world.space(ix)) {
            take(space);
            if left == 0 {
                return Candidates::Anybody;
            }
            left -= 1;
            below.extend_from_slice(space.heirs());
        }
        Candidates::of(found)
    }
}
