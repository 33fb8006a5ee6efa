//! The small world that the named cases are told in: Maya, Bo, an administrator, one kind.

use crate::oracle::{Asker, Class, Exceptions, Kind, Plan, Space, User, grant};
use crate::worlds::{NOW, build, caller};
use garth_core::{Action, Caller, ClassIx, Decision, Effect, Facts, Grant, Policy};
use garth_core::{Principal, Rule, SpaceIx, Target, UserIx, Who, World};
use std::collections::BTreeSet;

pub const MAYA: u32 = 0;
pub const BO: u32 = 1;
pub const ROOT_ADMIN: u32 = 2;
pub const TRIAGER: u32 = 3;

/// Maya and Bo, a system administrator, a kind `task`, a role `triager`, no space.
pub fn office() -> Plan {
    let user = |system_admin, groups: &[u32]| User { enabled: true, system_admin, groups: groups.to_vec() };
    Plan {
        users: [(MAYA, user(false, &[0])), (BO, user(false, &[])), (ROOT_ADMIN, user(true, &[]))].into(),
        groups: [(0, vec![])].into(),
        roles: [(TRIAGER, vec!["task:triage".to_owned()])].into(),
        kinds: [(0, task(&[]))].into(),
        ..Plan::default()
    }
}

pub fn task(exceptions: &[(&'static str, &'static str)]) -> Kind {
    let exceptions: Exceptions = exceptions.iter().copied().collect();
    Kind { noun: "task", default_view: None, default_edit: None, exceptions, shareable: false }
}

pub fn space(parent: Option<u32>, inherits: bool, view: Policy, grants: Vec<Grant>) -> Space {
    Space { parent, inherits, sealed: false, archived: false, view, edit: Policy::Admins, grants }
}

/// Resources of a kind in a space, without policies of their own.
pub fn class(space: u32, kind: u32) -> Class {
    Class { space, kind, view: None, edit: None, windows: vec![] }
}

pub fn to(user: u32, role: u32) -> Grant {
    grant(Principal::User(UserIx(user)), role)
}

pub fn allow(who: Policy) -> Rule {
    Rule { effect: Effect::Allow, who: Who::Policy(who), when: None, given: [].into() }
}

pub fn deny(who: Policy) -> Rule {
    Rule { effect: Effect::Deny, ..allow(who) }
}

pub fn rules(list: impl IntoIterator<Item = Rule>, default: Effect) -> Policy {
    Policy::Rules(list.into_iter().collect(), default)
}

pub fn user(world: &World, ix: u32) -> Caller {
    caller(world, Asker::User(ix)).unwrap()
}

pub fn sees(world: &World, ix: u32, space: u32) -> bool {
    world.decide(&user(world, ix), Target::Space(SpaceIx(space)), Action::Read, NOW).allowed()
}

pub fn roles(world: &World, ix: u32, space: u32) -> Vec<u32> {
    let roles: BTreeSet<u32> =
        world.standing(&user(world, ix), SpaceIx(space), NOW).roles.iter().map(|r| r.0).collect();
    roles.into_iter().collect()
}

/// May Maya see a space with that gate? She is a member of it, as a triager.
pub fn maya_passes(gate: Policy) -> bool {
    let mut plan = office();
    plan.spaces.insert(0, space(None, false, gate, vec![to(MAYA, TRIAGER)]));
    sees(&build(&plan), MAYA, 0)
}

/// Asks about one task in a space open to all users, in which Maya is a writer.
pub fn on_a_task(plan: &Plan, ix: u32, view: Policy, edit: Policy, facts: Facts, action: Action) -> Decision {
    let mut plan = plan.clone();
    plan.spaces.entry(0).or_insert_with(|| space(None, false, Policy::Users, vec![to(MAYA, 1)]));
    plan.classes.insert(0, Class { view: Some(view), edit: Some(edit), ..class(0, 0) });
    let world = build(&plan);
    world.decide(&user(&world, ix), Target::Resource(ClassIx(0), facts), action, NOW)
}
