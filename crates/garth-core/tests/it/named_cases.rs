//! Cases that have a name: Spacelift's official picture, sealed spaces and keys, rows of
//! Phorge's behaviour.

use crate::oracle::{Asker, Class, Plan, Space, grant};
use crate::worlds::{NOW, build, caller, nested, permission};
use garth_core::{
    Action, Asked, By, Caller, ClassIx, Effect, Fact, Facts, Given, GroupIx, KeyIx, Outcome, Part, Policy,
};
use garth_core::{PolicyIx, Principal, Rule, Sight, SpaceIx, Target, UserIx, When, Who, World};

use crate::office::*;

// ---- Spacelift ----

#[test]
fn the_official_picture_of_role_propagation() {
    let members = || Policy::Members;
    let mut plan = office();
    plan.spaces = [
        (0, space(None, false, members(), vec![])),               // root
        (1, space(Some(0), true, members(), vec![])),             // access propagates up
        (2, space(Some(1), true, members(), vec![to(MAYA, 1)])),  // write access space
        (3, space(Some(0), true, members(), vec![to(MAYA, 2)])),  // admin access space
        (4, space(Some(3), false, members(), vec![])),            // access propagates down
        (5, space(Some(0), true, members(), vec![])),             // legacy
        (6, space(Some(5), false, members(), vec![to(MAYA, 0)])), // read access space
    ]
    .into();
    let world = build(&plan);
    let expected = [(0, vec![0]), (1, vec![0]), (2, vec![1]), (3, vec![2]), (4, vec![2]), (5, vec![]), (6, vec![0])];
    for (ix, held) in expected {
        assert_eq!(roles(&world, MAYA, ix), held, "space {ix}");
        assert_eq!(sees(&world, MAYA, ix), !held.is_empty(), "space {ix}");
    }
    // Nobody else sees any of it.
    assert!((0..7).all(|ix| !sees(&world, BO, ix) && !sees(&world, ROOT_ADMIN, ix)));
}

/// `reach(S, R)`: S is R, or R is above S and every space from S up to R, that one left out, inherits.
#[test]
fn resources_reach_as_in_the_formula() {
    let plain = |parent: Option<u32>, inherits| space(parent, inherits, Policy::Members, vec![]);
    let mut plan = office();
    plan.kinds.get_mut(&0).unwrap().shareable = true;
    plan.kinds.insert(1, task(&[]));
    plan.spaces = [
        (0, plain(None, false)),    // root
        (1, plain(Some(0), true)),  // platform
        (2, plain(Some(1), true)),  // R&D Team
        (3, plain(Some(2), true)),  // dev
        (4, plain(Some(2), false)), // prod
        (5, plain(Some(4), true)),  // prod/eu
        (6, plain(Some(0), true)),  // legacy
        (7, plain(None, false)),    // elsewhere
    ]
    .into();
    // Each space has something shareable of its own, and something that is not.
    for ix in 0..8 {
        plan.classes.insert(ix, class(ix, 0));
        plan.classes.insert(10 + ix, class(ix, 1));
    }
    let reached: [(u32, &[u32]); 8] = [
        (0, &[0]),
        (1, &[0, 1]),
        (2, &[0, 1, 2]),
        (3, &[0, 1, 2, 3]),
        (4, &[4]),    // the flag at the lower end of a link decides about it
        (5, &[4, 5]), // and cuts off everything below it as well
        (6, &[0, 6]), // siblings share nothing
        (7, &[7]),
    ];
    let world = build(&plan);
    for (from, to) in reached {
        for lies in 0..8 {
            // A parent never uses what its children own.
            assert_eq!(
                world.may_use(SpaceIx(from), ClassIx(lies)),
                to.contains(&lies),
                "{from} uses what lies in {lies}"
            );
            assert_eq!(world.may_use(SpaceIx(from), ClassIx(10 + lies)), from == lies, "not shareable: {from} {lies}");
        }
    }
    // A share reaches the space it is made to, and those that inherit from it without a gap.
    plan.classes.get_mut(&7).unwrap().windows = vec![2];
    plan.classes.get_mut(&17).unwrap().windows = vec![2];
    let world = build(&plan);
    for from in 0..8 {
        let reaches = [2, 3, 7].contains(&from);
        assert_eq!(world.may_use(SpaceIx(from), ClassIx(7)), reaches, "{from} uses what is shared to 2");
        assert_eq!(world.may_use(SpaceIx(from), ClassIx(17)), from == 7, "what is not shareable is not shared: {from}");
    }
}

#[test]
fn a_share_shows_one_thing_through_the_other_gate() {
    let mut plan = office();
    plan.kinds.get_mut(&0).unwrap().shareable = true;
    let only_maya = || Policy::These([UserIx(MAYA)].into());
    plan.spaces = [
        (0, space(None, false, only_maya(), vec![to(MAYA, 2)])), // the source
        (1, space(None, false, Policy::Users, vec![to(BO, 2)])), // the target
        (2, space(Some(1), true, Policy::Members, vec![to(ROOT_ADMIN, TRIAGER)])),
    ]
    .into();
    plan.classes.insert(0, class(0, 0));
    let through = |plan: &Plan, ix: u32, facts: Facts, action: Action| {
        let world = build(plan);
        let decision = world.decide(&user(&world, ix), Target::Resource(ClassIx(0), facts), action, NOW);
        (decision.outcome, decision.window)
    };
    let read = |plan: &Plan, ix| through(plan, ix, Facts::default(), Action::Read);
    let missing = (Outcome::Missing, None);
    assert_eq!((read(&plan, BO), read(&plan, ROOT_ADMIN)), (missing, missing));
    plan.classes.get_mut(&0).unwrap().windows = vec![1];
    let seen = (Outcome::Allowed, Some(SpaceIx(1)));
    assert_eq!((read(&plan, MAYA), read(&plan, BO)), ((Outcome::Allowed, None), seen));
    // Whoever inherits from the target is a reader there.
    assert_eq!(read(&plan, ROOT_ADMIN), seen);
    // It is seen and no more, whatever they may do in the space it is shared to; and its space stays hidden.
    for action in [Action::Write, Action::Use(permission("task:write")), Action::Use(permission("task:triage"))] {
        let wanted = if let Action::Use(permission) = action { permission } else { permission("task:write") };
        assert_eq!(through(&plan, BO, Facts::default(), action), (Outcome::Forbidden(Some(wanted)), Some(SpaceIx(1))));
    }
    assert!(!sees(&build(&plan), BO, 0));
    // Passing the gate grants nothing: without a role there the default view policy is as closed as anywhere.
    plan.spaces.get_mut(&1).unwrap().grants.clear();
    plan.spaces.get_mut(&2).unwrap().grants.clear();
    assert_eq!(read(&plan, BO), missing);
    // Its own view policy is asked with what the caller is there; so are exceptions.
    plan.classes.get_mut(&0).unwrap().view = Some(Policy::Users);
    assert_eq!(read(&plan, BO), seen);
    plan.classes.get_mut(&0).unwrap().view = Some(Policy::Nobody);
    assert_eq!(read(&plan, BO), missing);
    plan.kinds.get_mut(&0).unwrap().exceptions = [("owner", "view")].into();
    let owner = Facts { owner: true, ..Facts::default() };
    assert_eq!(through(&plan, BO, owner, Action::Read), seen);
    // What requires something hidden is hidden here too, and a kind that is not shareable any more shows nothing.
    assert_eq!(through(&plan, BO, Facts { barred: true, ..owner }, Action::Read), missing);
    plan.kinds.get_mut(&0).unwrap().shareable = false;
    assert_eq!(through(&plan, BO, owner, Action::Read), missing);
}

#[test]
fn a_key_sees_what_is_shared_to_its_home() {
    let mut plan = office();
    plan.kinds.get_mut(&0).unwrap().shareable = true;
    let shut = || space(None, false, Policy::Nobody, vec![]);
    let reads = |key| grant(Principal::Key(KeyIx(key)), 0);
    plan.spaces = [(0, shut()), (1, shut()), (2, shut())].into();
    plan.keys = [(0, 1), (1, 2)].into();
    plan.spaces.get_mut(&1).unwrap().grants.push(reads(0));
    plan.spaces.get_mut(&2).unwrap().grants.push(reads(1));
    plan.classes.insert(0, shared_to(1));
    let world = build(&plan);
    let sees = |key| {
        let caller = caller(&world, Asker::Key(key)).unwrap();
        world.decide(&caller, Target::Resource(ClassIx(0), Facts::default()), Action::Read, NOW).allowed()
    };
    assert!(sees(0) && !sees(1));
}

/// Something in the first space that is shared to that one.
fn shared_to(window: u32) -> Class {
    Class { windows: vec![window], ..class(0, 0) }
}

#[test]
fn the_upward_reader_never_flows_down_to_siblings() {
    let mut plan = office();
    plan.spaces = [
        (0, space(None, false, Policy::Members, vec![])),
        (1, space(Some(0), true, Policy::Members, vec![to(MAYA, 2)])),
        (2, space(Some(0), true, Policy::Members, vec![])),
        (3, space(Some(0), true, Policy::Users, vec![])),
    ]
    .into();
    let world = build(&plan);
    assert_eq!((roles(&world, MAYA, 0), roles(&world, MAYA, 2), roles(&world, MAYA, 3)), (vec![0], vec![], vec![]));
}

#[test]
fn a_hidden_space_gives_nothing_up_or_down() {
    let mut plan = office();
    plan.spaces = [
        (0, space(None, false, Policy::Members, vec![])),
        (1, space(Some(0), true, Policy::These([UserIx(BO)].into()), vec![to(MAYA, 2)])),
        (2, space(Some(1), true, Policy::Members, vec![])),
        (3, space(Some(1), true, Policy::Members, vec![to(MAYA, TRIAGER)])),
    ]
    .into();
    let world = build(&plan);
    assert_eq!(roles(&world, MAYA, 0), Vec::<u32>::new(), "nothing above");
    assert_eq!(roles(&world, MAYA, 2), Vec::<u32>::new(), "nothing below");
    assert_eq!(roles(&world, MAYA, 3), [TRIAGER], "what is granted below stays");
    assert!(!sees(&world, MAYA, 1) && sees(&world, MAYA, 3));
}

/// N46: inheriting makes readers above; turning it off takes effect at once.
#[test]
fn turning_inheritance_off_takes_the_reader_away() {
    let mut plan = office();
    plan.spaces = [
        (0, space(None, false, Policy::Members, vec![])),
        (1, space(Some(0), true, Policy::Members, vec![to(MAYA, TRIAGER)])),
    ]
    .into();
    assert_eq!(roles(&build(&plan), MAYA, 0), [0]);
    plan.spaces.get_mut(&1).unwrap().inherits = false;
    assert!(!sees(&build(&plan), MAYA, 0));
}

/// A gate that closes on readers, two levels below the one asked about. The engine once
/// missed it, looking only at spaces that had grants of their own.
#[test]
fn a_reader_from_a_grandchild_may_close_its_parents_gate() {
    let shut_to_readers = rules([deny(Policy::Permission(permission("task:read")))], Effect::Allow);
    let mut plan = office();
    plan.spaces = [
        (0, space(None, false, Policy::Members, vec![])),
        (1, space(Some(0), true, shut_to_readers, vec![to(MAYA, TRIAGER)])),
        (2, space(Some(1), true, Policy::Members, vec![])),
    ]
    .into();
    let world = build(&plan);
    assert!(!sees(&world, MAYA, 1) && !sees(&world, MAYA, 0));
    let sight = Sight::new(&world, &user(&world, MAYA), NOW);
    assert_eq!(sight.visible().map(|(ix, _)| ix.0).collect::<Vec<_>>(), [2]);
}

// ---- sealed spaces and keys ----

#[test]
fn a_sealed_space_counts_direct_grants_only_and_cuts_what_flows() {
    let to_group = |role| grant(Principal::Group(GroupIx(0)), role);
    let mut plan = office();
    let vault = Space {
        sealed: true,
        ..space(Some(0), true, Policy::Members, vec![to_group(2), grant(Principal::Everyone, 2), to(BO, 1)])
    };
    plan.spaces = [
        (0, space(None, false, Policy::Members, vec![to(MAYA, 2)])),
        (1, vault),
        (2, space(Some(1), true, Policy::Members, vec![])),
        (3, space(Some(1), true, Policy::Members, vec![to(MAYA, TRIAGER)])),
    ]
    .into();
    let world = build(&plan);
    assert!(!sees(&world, MAYA, 1), "neither from above, nor by a group, nor from below");
    assert!(!sees(&world, MAYA, 2), "what lies below a sealed space gets nothing from above it");
    assert_eq!(roles(&world, MAYA, 3), [TRIAGER]);
    assert_eq!((roles(&world, BO, 1), roles(&world, BO, 2), roles(&world, BO, 0)), (vec![1], vec![1], vec![0]));
}

#[test]
fn a_key_lives_in_its_home_and_below() {
    let key = Principal::Key(KeyIx(0));
    let mut plan = office();
    plan.keys = [(0, 1)].into();
    plan.public_access = true;
    plan.spaces = [
        (0, space(None, false, Policy::Public, vec![grant(key, 2)])),
        (1, space(Some(0), true, Policy::Nobody, vec![grant(key, 1)])),
        (2, space(Some(1), false, Policy::Members, vec![])),
        (3, space(Some(1), false, Policy::Users, vec![])),
        (4, space(Some(1), false, Policy::These([UserIx(MAYA)].into()), vec![])),
        (5, space(None, false, Policy::Public, vec![])),
    ]
    .into();
    let world = build(&plan);
    let caller = caller(&world, Asker::Key(0)).unwrap();
    let held = |ix| world.standing(&caller, SpaceIx(ix), NOW);
    let seen: Vec<u32> = (0..6).filter(|ix| held(*ix).gate).collect();
    assert_eq!(seen, [1, 2, 3], "its home always, below where the gates let it, nothing else though it be public");
    // A grant above its home, which cannot be made, would count for nothing.
    assert_eq!(held(1).roles.as_slice(), [World::WRITER]);
    assert_eq!(held(2).roles.as_slice(), [World::WRITER]);
}

// ---- Phorge ----

/// 1.7, N17: neither author, assignee, subscriber, creator nor administrator passes the gate.
#[test]
fn no_exception_passes_the_gate() {
    let mut plan = office();
    let everything: Vec<_> =
        ["author", "owner", "subscribers"].into_iter().flat_map(|who| [(who, "view"), (who, "edit")]).collect();
    plan.kinds.insert(0, task(&everything));
    plan.spaces.insert(0, space(None, false, Policy::These([UserIx(MAYA)].into()), vec![to(BO, 2), to(ROOT_ADMIN, 2)]));
    for ix in [BO, ROOT_ADMIN] {
        for bits in 0..8 {
            let decision = on_a_task(&plan, ix, Policy::Public, Policy::Public, Facts::from_bits(bits), Action::Read);
            assert_eq!(decision.outcome, Outcome::Missing);
            assert_eq!(decision.view.by, By::Unasked, "the gate is asked before anything else");
        }
    }
}

/// 1.8: the owner of a task passes its own policies, the author does not.
#[test]
fn the_owner_of_a_task_is_an_exception_and_its_author_none() {
    let mut plan = office();
    plan.kinds.insert(0, task(&[("owner", "view"), ("owner", "edit")]));
    let ask = |facts, action| on_a_task(&plan, MAYA, Policy::Nobody, Policy::Nobody, facts, action);
    let (author, owner) = (Facts::from_bits(1), Facts::from_bits(2));
    assert_eq!(ask(author, Action::Read).outcome, Outcome::Missing);
    assert!(ask(owner, Action::Read).allowed() && ask(owner, Action::Write).allowed());
    assert_eq!(ask(owner, Action::Write).action.by, By::Exception);
}

/// 1.9: what must be seen before it is asked by its own gate and policies; whatever is not there bars as well, and no
/// exception helps.
#[test]
fn what_requires_something_hidden_is_hidden() {
    let mut plan = office();
    plan.kinds.insert(0, task(&[("owner", "view"), ("owner", "edit")]));
    plan.spaces.insert(1, space(None, false, Policy::Members, vec![to(BO, 1)]));
    plan.classes.insert(1, class(1, 0));
    plan.spaces.insert(0, space(None, false, Policy::Users, vec![to(MAYA, 1), to(BO, 1)]));
    let world = build(&plan);
    let other = Some((ClassIx(1), Facts::default()));
    let sees_all =
        |ix, required: &[Option<(ClassIx, Facts)>]| world.sees_all(&user(&world, ix), required.iter().copied(), NOW);
    assert!(sees_all(BO, &[other]) && sees_all(BO, &[]));
    assert!(!sees_all(MAYA, &[other]) && !sees_all(BO, &[other, None]));
    let owner = Facts { barred: true, ..Facts::from_bits(7) };
    for action in [Action::Read, Action::Write] {
        let barred = on_a_task(&plan, MAYA, Policy::Users, Policy::Users, owner, action);
        assert_eq!((barred.outcome, barred.view.by), (Outcome::Missing, By::Required));
    }
}

/// 1.11: `public` means `users` where public access is off, and on anything but view.
#[test]
fn public_is_users_without_public_access_and_on_edits() {
    let mut plan = office();
    plan.spaces.insert(0, Space { edit: Policy::Public, ..space(None, false, Policy::Public, vec![]) });
    plan.classes.insert(0, Class { view: Some(Policy::Public), edit: Some(Policy::Public), ..class(0, 0) });
    let targets = [Target::Space(SpaceIx(0)), Target::Resource(ClassIx(0), Facts::default())];
    for (public_access, seen) in [(false, false), (true, true)] {
        plan.public_access = public_access;
        let world = build(&plan);
        for target in targets {
            let answer = |caller: &Caller, action| world.decide(caller, target, action, NOW).allowed();
            assert_eq!(answer(&Caller::anonymous(), Action::Read), seen);
            assert!(!answer(&Caller::anonymous(), Action::Write));
            assert!(answer(&user(&world, BO), Action::Write), "any signed-in user edits");
        }
    }
}

/// 1.32: an unknown policy denies everyone, administrators and members too.
#[test]
fn an_unknown_policy_denies_everyone() {
    for unknown in [Policy::Unknown, Policy::Named(PolicyIx(9))] {
        let mut plan = office();
        plan.spaces.insert(0, space(None, false, unknown, vec![to(MAYA, 2), to(ROOT_ADMIN, 2)]));
        let world = build(&plan);
        assert!(!sees(&world, MAYA, 0) && !sees(&world, ROOT_ADMIN, 0));
    }
}

/// 1.33: first match decides; no rule at all leaves the default; an unknown rule denies.
#[test]
fn rules_are_read_in_order() {
    let maya = || Policy::These([UserIx(MAYA)].into());
    assert!(maya_passes(rules([allow(maya()), deny(Policy::Users)], Effect::Deny)));
    assert!(!maya_passes(rules([deny(Policy::Users), allow(maya())], Effect::Allow)));
    assert!(maya_passes(rules([], Effect::Allow)) && !maya_passes(rules([], Effect::Deny)));
    for broken in [Policy::Unknown, Policy::Named(PolicyIx(9)), nested(Policy::Unknown, 3)] {
        assert!(!maya_passes(rules([allow(broken.clone())], Effect::Allow)));
        assert!(!maya_passes(rules([deny(broken.clone())], Effect::Allow)), "an error turns no deny rule off (N21)");
        assert!(!maya_passes(rules([allow(maya()), deny(broken)], Effect::Allow)), "wherever in the list it stands");
    }
}

/// 1.34: an empty list matches nobody, `groups_all` included (Phorge: everybody).
#[test]
fn an_empty_list_of_groups_matches_nobody() {
    let group = |ix| Principal::Group(GroupIx(ix));
    assert!(!maya_passes(Policy::GroupsAll([].into())) && !maya_passes(Policy::GroupsAny([].into())));
    assert!(maya_passes(Policy::GroupsAll([group(0), Principal::Everyone].into())));
    assert!(!maya_passes(Policy::GroupsAll([group(0), group(8)].into())));
    assert!(maya_passes(Policy::GroupsAny([group(8), group(0)].into())));
}

/// 1.35: subscribers, owner and author fit a resource and nothing else.
#[test]
fn a_rule_about_a_resource_denies_everyone_on_a_space() {
    for who in [Who::Author, Who::Owner, Who::Subscribers] {
        let rule = Rule { effect: Effect::Deny, who, when: None, given: [].into() };
        let policy = rules([allow(Policy::Users), rule], Effect::Allow);
        assert!(!maya_passes(policy.clone()));
        assert!(!maya_passes(Policy::Rules([allow(policy.clone())].into(), Effect::Allow)), "nested");
        let mut plan = office();
        plan.spaces.insert(0, Space { edit: policy.clone(), ..space(None, false, Policy::Users, vec![]) });
        let world = build(&plan);
        assert!(!world.decide(&user(&world, MAYA), Target::Space(SpaceIx(0)), Action::Write, NOW).allowed());
        let facts = Facts::default();
        assert!(
            on_a_task(&office(), MAYA, policy.clone(), policy, facts, Action::Write).allowed(),
            "on a task it fits"
        );
    }
}

/// Time windows do not fit a gate, and do fit all else.
#[test]
fn a_window_in_a_gate_denies_everyone() {
    let always = Rule { when: Some(When::default()), ..allow(Policy::Users) };
    let policy = rules([always], Effect::Allow);
    assert!(!maya_passes(policy.clone()));
    let mut plan = office();
    plan.spaces.insert(0, Space { edit: policy.clone(), ..space(None, false, Policy::Users, vec![]) });
    let world = build(&plan);
    assert!(world.decide(&user(&world, MAYA), Target::Space(SpaceIx(0)), Action::Write, NOW).allowed());
    assert!(on_a_task(&office(), MAYA, policy.clone(), policy, Facts::default(), Action::Write).allowed());
}

/// 1.36: `members of P` works for people who have no way to see P, inside P's own space too.
#[test]
fn membership_is_looked_up_as_the_system() {
    let mut plan = office();
    let gate = Policy::GroupsAny([Principal::Group(GroupIx(0))].into());
    plan.spaces.insert(0, space(None, false, gate, vec![]));
    let world = build(&plan);
    assert!(sees(&world, MAYA, 0) && !sees(&world, BO, 0));
    assert!(roles(&world, MAYA, 0).is_empty(), "passing a gate gives no role");
}

/// What AuthZEN's certification asks: the same rules, decided by what comes with the question.
#[test]
fn n21_n22_properties_of_the_question_decide() {
    let asks =
        |of, name: &str, equals: Fact, otherwise: Option<Fact>| Asked { of, name: name.into(), equals, otherwise };
    let text = |text: &str| Fact::Text(text.into());
    let archived = asks(Part::Resource, "status", text("archived"), Some(text("active")));
    let admin = asks(Part::Subject, "role", text("admin"), Some(text("")));
    let edit = rules(
        [
            Rule { given: [archived.clone(), admin].into(), ..allow(Policy::Users) },
            Rule { given: [archived].into(), ..deny(Policy::Users) },
        ],
        Effect::Allow,
    );
    let may = |edit: &Policy, said: &[(Part, &str, Fact)]| {
        let mut plan = office();
        plan.spaces.insert(0, space(None, false, Policy::Users, vec![to(MAYA, 0)]));
        plan.classes.insert(0, Class { edit: Some(edit.clone()), ..class(0, 0) });
        let world = build(&plan);
        let mut caller = user(&world, MAYA);
        caller.given = Given::new(said.iter().map(|(of, name, fact)| (*of, (*name).into(), fact.clone())).collect());
        world.decide(&caller, Target::Resource(ClassIx(0), Facts::default()), Action::Write, NOW).allowed()
    };
    let status = |value: Fact| (Part::Resource, "status", value);
    let role = |name: &str| (Part::Subject, "role", text(name));
    assert!(may(&edit, &[]));
    assert!(may(&edit, &[role("manager")]));
    assert!(!may(&edit, &[status(text("archived"))]));
    assert!(may(&edit, &[status(text("archived")), role("admin")]));
    // Of another type: nobody, whatever the default says.
    assert!(!may(&edit, &[status(Fact::Flag(true))]));
    assert!(!may(&edit, &[status(Fact::Other)]));
    // Asked for, not told and not assumed: the deny rule is not turned off.
    let soft = asks(Part::Action, "soft", Fact::Flag(false), None);
    let hard = rules([Rule { given: [soft].into(), ..deny(Policy::Users) }], Effect::Allow);
    assert!(!may(&hard, &[]));
    assert!(!may(&hard, &[(Part::Action, "soft", Fact::Flag(false))]));
    assert!(may(&hard, &[(Part::Action, "soft", Fact::Flag(true))]));
}
