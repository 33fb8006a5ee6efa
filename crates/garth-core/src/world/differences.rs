//! What differs between two worlds of one installation, the later made from the earlier: where a change could have
//! moved a decision.

use crate::ids::{GroupIx, KindIx, PolicyIx, Principal, SpaceIx, UserIx};
use crate::world::{Grant, Kind, Space, World};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Everything that differs and that a decision could ask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// Spaces that are otherwise than before.
    pub spaces: Vec<SpaceDifference>,
    /// Users who are in other groups than before, or enabled or system administrators where they were not, or no more.
    pub users: Vec<UserIx>,
    /// Groups that lie in other groups than before.
    pub groups: Vec<GroupIx>,
    /// Named policies of which something else is said.
    pub policies: Vec<PolicyIx>,
    /// Kinds whose default policies or exceptions are others, or that are shareable where they were not, or no more.
    pub kinds: Vec<KindIx>,
}

/// How a space differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpaceDifference {
    /// Which.
    pub space: SpaceIx,
    /// Its policies, its place in the tree, or whether it inherits or is sealed.
    pub itself: bool,
    /// Whether it is archived.
    pub archived: bool,
    /// Whom grants name that came, went or became others.
    pub granted: Vec<Principal>,
}

impl World {
    /// What differs from `before`.
    pub fn differences(&self, before: &World) -> Differences {
        let slots = |now: usize, then: usize| 0..now.max(then) as u32;
        let same = |now: Option<&Arc<Space>>, then: Option<&Arc<Space>>| match (now, then) {
            (Some(now), Some(then)) => Arc::ptr_eq(now, then),
            (now, then) => now.is_none() && then.is_none(),
        };
        let mut found = Differences::default();
        for ix in slots(self.spaces.len(), before.spaces.len()).map(SpaceIx) {
            let (now, then) = (self.spaces.get(ix.slot()), before.spaces.get(ix.slot()));
            if !same(now, then) {
                let difference = of_space(ix, now.map(|s| &**s), then.map(|s| &**s));
                found.spaces.extend(difference);
            }
        }
        for ix in slots(self.users.len(), before.users.len()).map(UserIx) {
            let facts = |world: &World| {
                world.user(ix).map(|user| {
                    let mut groups = user.groups.clone();
                    groups.sort_unstable();
                    (user.enabled, user.system_admin, groups)
                })
            };
            let shared = matches!((self.users.get(ix.slot()), before.users.get(ix.slot())),
                (Some(now), Some(then)) if Arc::ptr_eq(now, then));
            if !shared && facts(self) != facts(before) {
                found.users.push(ix);
            }
        }
        for ix in slots(self.groups.len(), before.groups.len()).map(GroupIx) {
            let parents = |world: &World| {
                world.group(ix).map(|group| {
                    let mut parents = group.parents.clone();
                    parents.sort_unstable();
                    parents
                })
            };
            let shared = matches!((self.groups.get(ix.slot()), before.groups.get(ix.slot())),
                (Some(now), Some(then)) if Arc::ptr_eq(now, then));
            if !shared && parents(self) != parents(before) {
                found.groups.push(ix);
            }
        }
        let policies = slots(self.policies.len(), before.policies.len()).map(PolicyIx);
        found.policies = policies.filter(|ix| self.policy(*ix) != before.policy(*ix)).collect();
        let decides = |world: &World, ix: KindIx| {
            let of =
                |kind: &Kind| (kind.default_view.clone(), kind.default_edit.clone(), kind.exceptions, kind.shareable);
            world.kind(ix).map(of)
        };
        let kinds = slots(self.kinds.len(), before.kinds.len()).map(KindIx);
        found.kinds = kinds.filter(|ix| decides(self, *ix) != decides(before, *ix)).collect();
        found
    }
}

fn of_space(space: SpaceIx, now: Option<&Space>, then: Option<&Space>) -> Option<SpaceDifference> {
    let place = |s: &Space| (s.parent, s.inherits, s.sealed);
    let policies = |s: &Space| (Arc::clone(&s.view), Arc::clone(&s.edit));
    let itself = now.map(place) != then.map(place) || now.map(policies) != then.map(policies);
    let archived = now.map(|s| s.archived) != then.map(|s| s.archived);
    let (now, then) = (now.map_or(&[][..], Space::grants), then.map_or(&[][..], Space::grants));
    let mut granted: Vec<Principal> = Vec::new();
    if now != then {
        let (now, then): (BTreeSet<&Grant>, BTreeSet<&Grant>) = (now.iter().collect(), then.iter().collect());
        granted.extend(now.symmetric_difference(&then).map(|grant| grant.principal));
        granted.sort_unstable();
        granted.dedup();
    }
    (itself || archived || !granted.is_empty()).then_some(SpaceDifference { space, itself, archived, granted })
}
