//! The attacks, the limits, and what was once wrong here.

use crate::oracle::{Asker, Place, Plan, Space, grant};
use crate::worlds::{NOW, build, nested, permission};
use garth_core::permission::covers;
use garth_core::{Action, ClassIx, Effect, Facts, Grant, GroupIx, KeyIx, Policy, PolicyIx};
use garth_core::{Principal, Role, RoleIx, RoleKind, Rule, Sight, SpaceIx, UserIx, When, World};
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::office::*;

/// N19: two conditions on two ways to the same thing; each alone, both, neither.
#[test]
fn n19_two_windows_on_two_rules_are_asked_apart() {
    let from = |at| Some(When { from: Some(at), ..When::default() });
    for (first, second, seen) in
        [(NOW, NOW + 1, true), (NOW + 1, NOW, true), (NOW, NOW, true), (NOW + 1, NOW + 1, false)]
    {
        let rule = |at, who| Rule { when: from(at), ..allow(who) };
        let policy = rules([rule(first, Policy::Users), rule(second, Policy::Members)], Effect::Deny);
        let answer = on_a_task(&office(), MAYA, policy, Policy::Nobody, Facts::default(), Action::Read);
        assert_eq!(answer.allowed(), seen, "{first} {second}");
    }
}

/// N18: what any step refuses, nothing elsewhere allows: no grant, no role, no other policy, in whatever order and
/// however often; and a rule that refuses first is not outdone by those behind it, nested or not.
#[test]
fn n18_deny_beats_every_allow() {
    let roles_of_maya = [vec![to(MAYA, 2)], vec![to(MAYA, 0), to(MAYA, 1), to(MAYA, 2)], vec![to(MAYA, 2); 3]];
    for grants in roles_of_maya {
        let mut plan = office();
        plan.spaces.insert(0, space(None, false, Policy::Members, grants));
        let ask = |plan: &Plan, view: Policy, edit: Policy, action| {
            on_a_task(plan, MAYA, view, edit, Facts::from_bits(7), action).allowed()
        };
        assert!(ask(&plan, Policy::Users, Policy::Users, Action::Write), "nothing refuses");
        assert!(!ask(&plan, Policy::Nobody, Policy::Users, Action::Write), "the view refuses");
        assert!(!ask(&plan, Policy::Users, Policy::Nobody, Action::Write), "the edit refuses");
        plan.spaces.get_mut(&0).unwrap().view = Policy::Nobody;
        assert!(!ask(&plan, Policy::Users, Policy::Users, Action::Read), "the gate refuses");
    }
    let allows = [Policy::Users, Policy::Members, Policy::These([UserIx(MAYA)].into()), Policy::Public];
    for first in 0..allows.len() {
        let mut behind: Vec<Rule> = allows.iter().cloned().map(allow).collect();
        behind.rotate_left(first);
        behind.extend(behind.clone());
        let refused = |who| rules(std::iter::once(deny(who)).chain(behind.clone()), Effect::Allow);
        assert!(!maya_passes(refused(Policy::Users)));
        assert!(!maya_passes(refused(rules([allow(Policy::Users)], Effect::Deny))), "a nested one");
        assert!(!maya_passes(rules([allow(refused(Policy::Users))], Effect::Deny)), "inside another");
    }
}

/// N20: an everyone-grant beside ordinary ones, a group, a deny, ids before and after.
#[test]
fn n20_everyone_beside_others_adds_and_takes_nothing() {
    let mut plan = office();
    let everyone = grant(Principal::Everyone, TRIAGER);
    let group = grant(Principal::Group(GroupIx(0)), 1);
    let crowd = (5..90).map(|ix| to(ix, 2));
    plan.spaces.insert(0, space(None, false, Policy::Members, crowd.chain([group, everyone, to(BO, 0)]).collect()));
    let world = build(&plan);
    assert_eq!((roles(&world, MAYA, 0), roles(&world, BO, 0)), (vec![1, TRIAGER], vec![0, TRIAGER]));
    assert_eq!(roles(&world, ROOT_ADMIN, 0), [TRIAGER]);
    let gate = rules([deny(Policy::These([UserIx(BO)].into()))], Effect::Allow);
    plan.spaces.get_mut(&0).unwrap().view = gate;
    let world = build(&plan);
    assert!(sees(&world, MAYA, 0) && !sees(&world, BO, 0));
}

/// A deny rule whose group is gone denies everyone; an allow rule just lets nobody in.
#[test]
fn n21_a_deny_rule_that_names_nobody_known_denies_everyone() {
    let gone = || Policy::GroupsAny([Principal::Group(GroupIx(8))].into());
    let stranger = || Policy::These([UserIx(88)].into());
    for unknown in [gone(), stranger()] {
        assert!(!maya_passes(rules([deny(unknown.clone())], Effect::Allow)));
        assert!(!maya_passes(rules([deny(rules([allow(unknown.clone())], Effect::Deny))], Effect::Allow)), "nested");
        assert!(maya_passes(rules([allow(unknown), allow(Policy::Users)], Effect::Deny)));
    }
}

/// N39: exactly at the expiry, one tick before and after, and the same right by another way.
#[test]
fn n39_a_grant_ends_exactly_at_its_expiry() {
    let ends = |at| Grant { expires_at: Some(at), ..to(MAYA, 1) };
    let group = grant(Principal::Group(GroupIx(0)), 0);
    for (grants, before, at) in [
        (vec![ends(NOW)], vec![1], vec![]),
        (vec![ends(NOW), group], vec![0, 1], vec![0]),
        (vec![ends(NOW), Grant { expires_at: Some(NOW + 1), ..group }], vec![0, 1], vec![0]),
    ] {
        let mut plan = office();
        plan.spaces.insert(0, space(None, false, Policy::Members, grants));
        let world = build(&plan);
        let held = |now| {
            let standing = world.standing(&user(&world, MAYA), SpaceIx(0), now);
            assert_eq!(standing.gate, !standing.roles.is_empty());
            standing.roles.iter().map(|r| r.0).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
        };
        assert_eq!((held(NOW - 1), held(NOW)), (before, at));
    }
}

#[test]
fn a_role_that_is_gone_makes_nobody_a_member() {
    let mut plan = office();
    plan.spaces.insert(0, space(None, false, Policy::Members, vec![to(MAYA, 55)]));
    let world = build(&plan);
    assert!(!sees(&world, MAYA, 0) && roles(&world, MAYA, 0).is_empty());
    assert!(world.sources(&user(&world, MAYA), SpaceIx(0), NOW).is_empty());
}

#[test]
fn circles_of_groups_end() {
    let mut plan = office();
    plan.groups = [(0, vec![1]), (1, vec![2]), (2, vec![0, 2])].into();
    plan.spaces.insert(0, space(None, false, Policy::Members, vec![grant(Principal::Group(GroupIx(2)), 2)]));
    let world = build(&plan);
    assert_eq!(roles(&world, MAYA, 0), [2]);
    assert!(world.has_admin(SpaceIx(0)), "Maya is in the circle");
    assert_eq!(world.group_and_below(GroupIx(2)).len(), 3);
    plan.users.get_mut(&MAYA).unwrap().enabled = false;
    assert!(!build(&plan).has_admin(SpaceIx(0)), "nobody enabled is left in it");
}

/// Law 6 counts grants without expiry to enabled users and to groups with an enabled member.
#[test]
fn who_counts_as_somebody_in_charge() {
    let keeper = 4;
    let group = |ix| Principal::Group(GroupIx(ix));
    let expiring = Grant { expires_at: Some(NOW + 1_000), ..to(MAYA, 2) };
    for (granted, sealed, in_charge) in [
        (to(MAYA, 2), false, true),
        (to(MAYA, 2), true, true),
        (to(MAYA, 1), false, false),
        (to(MAYA, keeper), false, true),
        (expiring, false, false),
        (to(BO, 2), false, false),
        (to(44, 2), false, false),
        (grant(group(0), 2), false, true),
        (grant(group(1), 2), false, true),
        (grant(group(2), 2), false, false),
        (grant(group(0), 2), true, false),
        (grant(Principal::Everyone, 2), false, true),
        (grant(Principal::Everyone, 2), true, false),
        (grant(Principal::Key(KeyIx(0)), 2), false, false),
    ] {
        let mut plan = office();
        plan.roles.insert(keeper, vec!["space:*".to_owned()]);
        plan.groups = [(0, vec![1]), (1, vec![]), (2, vec![1])].into();
        plan.users.get_mut(&BO).unwrap().enabled = false;
        plan.users.get_mut(&BO).unwrap().groups = vec![2];
        plan.spaces.insert(0, Space { sealed, ..space(None, false, Policy::Members, vec![granted]) });
        assert_eq!(build(&plan).has_admin(SpaceIx(0)), in_charge, "{granted:?}, sealed {sealed}");
        assert_eq!(plan.has_admin(0), in_charge);
    }
}

/// The same group named twice counts once, and leaving it once is leaving it.
#[test]
fn a_membership_counts_once() {
    let mut plan = office();
    plan.spaces.insert(0, space(None, false, Policy::Members, vec![grant(Principal::Group(GroupIx(0)), 2)]));
    let mut world = build(&plan);
    world.set_user(UserIx(MAYA), true, false, &[GroupIx(0), GroupIx(0)]);
    world.set_user(UserIx(MAYA), true, false, &[GroupIx(0)]);
    assert!(world.has_admin(SpaceIx(0)));
    world.set_user(UserIx(MAYA), true, false, &[]);
    assert!(!world.has_admin(SpaceIx(0)));
}

/// N47: the deepest tree works from end to end; one deeper is missing; circles are missing.
#[test]
fn trees_end_at_their_limit() {
    let mut plan = office();
    for ix in 0..40u32 {
        let grants = if ix == 31 { vec![to(MAYA, TRIAGER)] } else { vec![] };
        plan.spaces.insert(ix, space(ix.checked_sub(1), true, Policy::Members, grants));
    }
    let world = build(&plan);
    let seen = |world: &World, ix: u32| {
        let asked = sees(world, MAYA, ix);
        let sight = Sight::new(world, &user(world, MAYA), NOW);
        assert_eq!(sight.get(SpaceIx(ix)).is_some_and(|s| s.gate), asked, "space {ix}");
        assert_eq!(plan.standing(Asker::User(MAYA), ix, NOW).gate, ix < 32);
        asked
    };
    assert!((0..32).all(|ix| seen(&world, ix)));
    assert!((32..40).all(|ix| !seen(&world, ix)));

    let mut circle = office();
    circle.spaces = [
        (0, space(Some(1), true, Policy::Users, vec![to(MAYA, TRIAGER)])),
        (1, space(Some(0), true, Policy::Users, vec![])),
        (2, space(Some(2), true, Policy::Users, vec![to(MAYA, TRIAGER)])),
        (3, space(Some(99), true, Policy::Users, vec![to(MAYA, TRIAGER)])),
    ]
    .into();
    let mut world = build(&circle);
    // Even when every link of the circle is known from both ends.
    for ix in [0, 1] {
        let other = garth_core::Space::new(None, Policy::Users, Policy::Users);
        world.set_space(SpaceIx(ix), other);
    }
    for ix in [0, 1] {
        let mut other = garth_core::Space::new(Some(SpaceIx(1 - ix)), Policy::Users, Policy::Users);
        other.inherits = true;
        world.set_space(SpaceIx(ix), other);
    }
    assert!((0..4).all(|ix| !sees(&world, MAYA, ix)));
    assert_eq!(Sight::new(&world, &user(&world, MAYA), NOW).visible().count(), 0);
}

#[test]
fn policies_nest_sixteen_deep_and_no_deeper() {
    for (levels, passes) in [(14, true), (15, true), (16, false), (40, false)] {
        let policy = nested(Policy::Users, levels);
        assert_eq!(maya_passes(policy.clone()), passes, "{levels}");
        assert_eq!(policy.depth(&World::new()), (levels + 1).min(17));
    }
    let mut plan = office();
    plan.policies = [(0, Policy::Named(PolicyIx(1))), (1, Policy::Named(PolicyIx(0)))].into();
    plan.spaces.insert(0, space(None, false, Policy::Named(PolicyIx(0)), vec![to(MAYA, 2)]));
    assert!(!sees(&build(&plan), MAYA, 0), "a circle of named policies denies");
}

/// Ten named policies a level, sixteen levels: 10^15 parts if anybody followed them all.
#[test]
fn a_bomb_of_named_policies_denies_at_once() {
    let mut plan = office();
    for ix in 0..14 {
        let next = std::iter::repeat_with(|| deny(Policy::Named(PolicyIx(ix + 1)))).take(10);
        plan.policies.insert(ix, rules(next, Effect::Deny));
    }
    plan.policies.insert(14, Policy::Nobody);
    plan.spaces.insert(0, space(None, false, Policy::Named(PolicyIx(0)), vec![to(MAYA, 2)]));
    let world = build(&plan);
    assert!(!sees(&world, MAYA, 0));
    let bomb = Policy::Named(PolicyIx(0));
    assert_eq!(bomb.depth(&world), 17);
    assert!(!bomb.mentions_time(&world) && !bomb.fits(&world, garth_core::Place::Gate));
    assert!(!plan.understood(&bomb, Place::Gate));
    assert!(!on_a_task(&plan, MAYA, bomb.clone(), bomb, Facts::default(), Action::Read).allowed());
}

/// A class that is put into another space is listed there and no longer here.
#[test]
fn a_class_lies_in_one_space() {
    let mut plan = office();
    plan.spaces = [
        (0, space(None, false, Policy::Members, vec![to(MAYA, 0)])),
        (1, space(None, false, Policy::Members, vec![to(BO, 0)])),
    ]
    .into();
    plan.classes.insert(0, class(0, 0));
    let mut world = build(&plan);
    let lists = |world: &World, ix| world.reach(&user(world, ix), NOW, |_| true).full;
    assert_eq!((lists(&world, MAYA), lists(&world, BO)), (vec![ClassIx(0)], vec![]));
    let there = garth_core::Class { space: SpaceIx(1), ..world.class(ClassIx(0)).unwrap().clone() };
    world.set_class(ClassIx(0), there);
    assert_eq!((lists(&world, MAYA), lists(&world, BO)), (vec![], vec![ClassIx(0)]));
}

/// Nobody gives a role with permissions they lack: what `covers` says yes to is covered.
#[test]
fn covering_a_role_means_holding_all_of_it() {
    let texts = ["*:*", "*:read", "*:write", "task:*", "task:read", "task:share", "space:*", "space:admin", "meter:*"];
    let mut all: Vec<Role> = [RoleKind::Reader, RoleKind::Writer, RoleKind::Admin].map(Role::built_in).into();
    for first in texts {
        all.push(Role::custom([crate::worlds::pattern(first)]));
        all.push(Role::custom([crate::worlds::pattern(first), crate::worlds::pattern("task:triage")]));
    }
    let nouns = ["space", "meter", "decision", "task", "report"];
    let verbs = ["read", "write", "share", "admin", "consume", "ask", "triage"];
    let every: Vec<_> = nouns.iter().flat_map(|n| verbs.map(|v| permission(&format!("{n}:{v}")))).collect();
    let pairs = all.iter().flat_map(|a| std::iter::repeat(a).zip(&all));
    for ((held, also), wanted) in pairs.flat_map(|pair| std::iter::repeat(pair).zip(&all)) {
        let covered = covers([held, also].into_iter(), wanted);
        let lacking = every.iter().find(|p| wanted.allows(**p) && !held.allows(**p) && !also.allows(**p));
        assert!(!covered || lacking.is_none(), "{held:?} and {also:?} lack {lacking:?} of {wanted:?}");
    }
    assert!(all.iter().all(|role| covers(std::iter::once(role), role)), "everybody covers their own role");
    let nothing: [&Role; 0] = [];
    assert!(covers(nothing.into_iter(), &Role { kind: RoleKind::Custom, patterns: Arc::from([]) }));
}

/// The same world, caller and time: the same answer, whatever changed in between elsewhere (N23).
#[test]
fn n23_a_snapshot_answers_as_it_was() {
    let mut plan = office();
    plan.spaces.insert(0, space(None, false, Policy::Members, vec![to(MAYA, 1)]));
    let before = build(&plan);
    let mut after = before.clone();
    after.set_grants(SpaceIx(0), vec![]);
    after.set_role(RoleIx(TRIAGER), Role::custom([]));
    assert!(sees(&before, MAYA, 0) && !sees(&after, MAYA, 0));
}
