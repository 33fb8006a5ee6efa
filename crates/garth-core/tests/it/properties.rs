//! What must hold in every world, tried on random ones.
//!
//! `PROPTEST_CASES` sets how many worlds each property tries.

use crate::oracle::{self, Asker, Outcome, Plan};
use crate::worlds::{ANY, NOW, SPACES, Shape, UNKNOWN, actions, askers, asking, build, change, plan};
use garth_core::{Action, Caller, Candidates, ClassIx, Facts, Flow, GroupIx, KeyIx, Named, Policy, Principal};
use garth_core::{Reach, ResourceIx, RoleIx, Sight, SpaceIx, Standing, Target, UserIx, World};
use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence, TestError, TestRunner};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

const TIMES: [i64; 3] = [NOW - 1, NOW, NOW + 1];

fn try_all<S: Strategy>(cases: u32, strategy: S, test: impl Fn(S::Value)) -> u32 {
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/regressions.txt");
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok());
    let cases = asked.unwrap_or(cases);
    let config = Config {
        cases,
        max_shrink_iters: 4_000,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(kept))),
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&strategy, |value| {
        test(value);
        Ok(())
    });
    match outcome {
        Ok(()) => cases,
        Err(TestError::Fail(why, world)) => panic!("{why}\n{world:#?}"),
        Err(why) => panic!("{why}"),
    }
}

fn targets(plan: &Plan) -> Vec<Target> {
    let spaces = (0..=SPACES).map(|ix| Target::Space(SpaceIx(ix)));
    let classes = plan.classes.keys().copied().chain([UNKNOWN]);
    let facts = |bits: u8| Facts { barred: bits == 8, ..Facts::from_bits(bits.min(7)) };
    let resources = classes.flat_map(|ix| (0..9).map(move |bits| Target::Resource(ClassIx(ix), facts(bits))));
    spaces.chain(resources).collect()
}

fn in_words(decision: &garth_core::Decision) -> Outcome {
    match decision.outcome {
        garth_core::Outcome::Allowed => Outcome::Allowed,
        garth_core::Outcome::Missing => Outcome::Missing,
        garth_core::Outcome::Forbidden(Some(permission)) => Outcome::Forbidden(oracle::spell(permission)),
        garth_core::Outcome::Forbidden(None) => Outcome::Forbidden("nothing".to_owned()),
    }
}

fn plain(standing: &Standing) -> oracle::Standing {
    oracle::Standing { gate: standing.gate, roles: standing.roles.iter().map(|r| r.0).collect() }
}

/// Everyone who is let in at all, on both sides.
fn callers(plan: &Plan, world: &World) -> Vec<(Asker, Caller)> {
    let mut both = Vec::new();
    for asker in askers() {
        let caller = asking(plan, world, asker);
        assert_eq!(caller.is_some(), plan.accepts(asker), "{asker:?} is let in");
        both.extend(caller.map(|c| (asker, c)));
    }
    both
}

/// How many decisions ended how.
#[derive(Debug, Default)]
struct Tally {
    allowed: u64,
    forbidden: u64,
    missing: u64,
}

/// Engine = oracle, for every caller, target and action at that time.
fn agree(plan: &Plan, world: &World, now: i64, tally: &mut Tally) {
    for (asker, caller) in callers(plan, world) {
        let standings = stand_alike(plan, world, asker, &caller, now);
        for target in targets(plan) {
            for action in actions() {
                let decision = world.decide(&caller, target, action, now);
                let expected = plan.decide(asker, &standings, target, action, now);
                assert_eq!(in_words(&decision), expected, "{asker:?} {action:?} {target:?}: {decision:?}");
                assert_eq!(decision.allowed(), expected == Outcome::Allowed);
                match expected {
                    Outcome::Allowed => tally.allowed += 1,
                    Outcome::Forbidden(_) => tally.forbidden += 1,
                    Outcome::Missing => tally.missing += 1,
                }
            }
        }
    }
}

/// Gate and roles in every space, asked for one by one and for all at once.
fn stand_alike(plan: &Plan, world: &World, asker: Asker, caller: &Caller, now: i64) -> BTreeMap<u32, oracle::Standing> {
    let standings = plan.standings(asker, now);
    let sight = Sight::new(world, caller, now);
    for ix in 0..=SPACES {
        let space = SpaceIx(ix);
        let expected = standings.get(&ix).cloned().unwrap_or_default();
        let standing = world.standing(caller, space, now);
        assert_eq!(plain(&standing), expected, "{asker:?} in space {ix}");
        let seen = sight.get(space).cloned().unwrap_or_default();
        assert_eq!(plain(&seen), expected, "{asker:?} in space {ix}, looking at all");
    }
    standings
}

/// Where much rises, and gates close on what rose.
#[test]
fn roles_rise_as_in_the_model() {
    let shape = Shape { rising: true, ..ANY };
    try_all(250, plan(shape), |plan| {
        let world = build(&plan);
        for (asker, caller) in callers(&plan, &world) {
            stand_alike(&plan, &world, asker, &caller, NOW);
        }
    });
}

#[test]
fn the_engine_answers_as_the_model() {
    let tally = RefCell::new(Tally::default());
    let cases = try_all(40, (plan(ANY), prop::sample::select(TIMES.to_vec())), |(plan, now)| {
        agree(&plan, &build(&plan), now, &mut tally.borrow_mut());
    });
    let Tally { allowed, forbidden, missing } = tally.into_inner();
    let all = allowed + forbidden + missing;
    println!("{all} decisions in {cases} worlds: {allowed} allowed, {forbidden} forbidden, {missing} missing");
    // The worlds must be worth the trouble.
    assert!(all >= u64::from(cases) * 10_000);
    assert!(cases < 20 || [allowed, forbidden, missing].iter().all(|n| n * 20 > all));
}

/// Broken spaces are missing, and nothing hangs or overflows.
#[test]
fn broken_trees_answer_as_the_model() {
    let shape = Shape { malformed: true, ..ANY };
    try_all(15, plan(shape), |plan| agree(&plan, &build(&plan), NOW, &mut Tally::default()));
}

#[test]
fn a_changed_world_equals_one_built_fresh() {
    let complete = Shape { complete: true, ..ANY };
    try_all(40, (plan(complete), plan(complete), plan(ANY)), |(first, second, last)| {
        let mut changed = build(&first);
        change(&mut changed, &first, &second);
        let kept = changed.clone();
        change(&mut changed, &second, &last);
        same(&last, &changed, &build(&last));
        // The older snapshot did not move.
        same(&second, &kept, &build(&second));
    });
}

fn same(plan: &Plan, changed: &World, fresh: &World) {
    let sorted = |list: &[SpaceIx]| list.iter().copied().collect::<BTreeSet<_>>();
    let classes = |list: &[ClassIx]| list.iter().copied().collect::<BTreeSet<_>>();
    assert_eq!(sorted(changed.roots()), sorted(fresh.roots()));
    let users = |list: &[UserIx]| list.iter().copied().collect::<BTreeSet<_>>();
    assert_eq!(users(changed.system_admins()), users(fresh.system_admins()));
    for ix in plan.groups.keys().copied().map(GroupIx) {
        let (a, b) = (changed.group(ix).unwrap().members(), fresh.group(ix).unwrap().members());
        assert!(users(a) == users(b) && a.len() == b.len(), "members of {ix:?}: {a:?} {b:?}");
    }
    assert_eq!(changed.system_admins().len(), plan.users.values().filter(|u| u.enabled && u.system_admin).count());
    for ix in (0..SPACES).map(SpaceIx) {
        let (Some(a), Some(b)) = (changed.space(ix), fresh.space(ix)) else {
            assert_eq!(changed.space(ix).is_some(), fresh.space(ix).is_some());
            continue;
        };
        assert_eq!(sorted(a.children()), sorted(b.children()), "children of {ix:?}");
        assert_eq!(sorted(a.heirs()), sorted(b.heirs()), "inheriting children of {ix:?}");
        assert!(a.children().len() == sorted(a.children()).len() && a.heirs().len() == sorted(a.heirs()).len());
        assert_eq!(classes(a.classes()), classes(b.classes()), "classes of {ix:?}");
        assert_eq!(classes(a.shared()), classes(b.shared()), "classes shared to {ix:?}");
        assert_eq!(a.shared().len(), classes(a.shared()).len(), "each once");
        assert_eq!(a.grants(), b.grants(), "grants of {ix:?}");
        assert_eq!(changed.has_admin(ix), fresh.has_admin(ix));
        assert_eq!(fresh.has_admin(ix), plan.has_admin(ix.0), "somebody in charge of {ix:?}");
    }
    for (asker, caller) in callers(plan, fresh) {
        let again = asking(plan, changed, asker).unwrap();
        for principal in caller.principals().filter(|p| fresh.knows(*p)) {
            assert_eq!(sorted(changed.granted(principal)), sorted(fresh.granted(principal)), "grants to {principal:?}");
        }
        for ix in (0..SPACES).map(SpaceIx) {
            let (a, b) = (changed.standing(&again, ix, NOW), fresh.standing(&caller, ix, NOW));
            assert_eq!(plain(&a), plain(&b), "{asker:?} in {ix:?}");
        }
        let all = |world: &World, caller: &Caller| masks(&world.reach(caller, NOW, |_| true));
        assert_eq!(all(changed, &again), all(fresh, &caller));
    }
}

fn masks(reach: &Reach) -> BTreeMap<ClassIx, u8> {
    let full = reach.full.iter().map(|ix| (*ix, u8::MAX));
    let seen: Vec<(ClassIx, u8)> = full.chain(reach.partial.iter().copied()).collect();
    let by_class: BTreeMap<_, _> = seen.iter().copied().collect();
    assert_eq!(by_class.len(), seen.len(), "a class is listed once");
    by_class
}

/// A list shows exactly what a check allows to read.
#[test]
fn list_equals_check() {
    try_all(60, plan(ANY), |plan| {
        let world = build(&plan);
        for (asker, caller) in callers(&plan, &world) {
            let all = masks(&world.reach(&caller, NOW, |_| true));
            for ix in plan.classes.keys().copied().chain([UNKNOWN]).map(ClassIx) {
                let seen = |bits: &u8| {
                    world.decide(&caller, Target::Resource(ix, Facts::from_bits(*bits)), Action::Read, NOW).allowed()
                };
                let mask = (0..8u8).filter(seen).fold(0, |mask, bits| mask | 1 << bits);
                assert_eq!(all.get(&ix).copied().unwrap_or(0), mask, "{asker:?} and class {ix:?}");
            }
            let some: Vec<SpaceIx> = (0..SPACES).step_by(2).chain([UNKNOWN]).map(SpaceIx).collect();
            // A hidden space is empty, also of what is seen elsewhere.
            let sees = |space: SpaceIx| {
                world.space(space).is_some() && (caller.system || world.standing(&caller, space, NOW).gate)
            };
            let lies_there = |ix: &ClassIx| {
                let space = world.class(*ix).unwrap().space;
                some.contains(&space) && sees(space)
            };
            let restricted: BTreeMap<_, _> =
                all.iter().filter(|(ix, _)| lies_there(ix)).map(|(ix, mask)| (*ix, *mask)).collect();
            assert_eq!(masks(&world.reach_in(&caller, &some, NOW, |_| true)), restricted, "{asker:?} in some spaces");
            let named: Vec<ClassIx> = plan.classes.keys().copied().step_by(2).chain([UNKNOWN]).map(ClassIx).collect();
            let of_these = all.iter().filter(|(ix, _)| named.contains(ix)).map(|(ix, mask)| (*ix, *mask)).collect();
            assert_eq!(masks(&world.reach_of(&caller, named.clone(), NOW)), of_these, "{asker:?} of some classes");
            let tasks = masks(&world.reach(&caller, NOW, |class| class.kind.0 == 0));
            assert!(tasks.iter().all(|(ix, mask)| world.class(*ix).unwrap().kind.0 == 0 && all.get(ix) == Some(mask)));
        }
    });
}

/// What may be used where is as the model has it, in every tree.
#[test]
fn reach_of_resources_is_as_in_the_model() {
    let tally = RefCell::new((0_u32, 0_u32));
    for shape in [ANY, Shape { rising: true, ..ANY }, Shape { malformed: true, ..ANY }] {
        try_all(60, plan(shape), |plan| {
            let world = build(&plan);
            for space in 0..=SPACES {
                for class in plan.classes.keys().copied().chain([UNKNOWN]) {
                    let expected = plan.may_use(space, class);
                    assert_eq!(world.may_use(SpaceIx(space), ClassIx(class)), expected, "{space} uses {class}");
                    let (may, may_not) = &mut *tally.borrow_mut();
                    *if expected { may } else { may_not } += 1;
                }
            }
        });
    }
    let (may, may_not) = tally.into_inner();
    assert!(may * 20 > may_not, "the worlds must be worth the trouble: {may} {may_not}");
}

/// What can be done to resources is exactly what a check allows, for every action.
#[test]
fn a_search_for_resources_equals_check() {
    try_all(40, plan(ANY), |plan| {
        let world = build(&plan);
        for (asker, caller) in callers(&plan, &world) {
            for action in actions() {
                let all = masks(&world.reach_for(&caller, action, NOW, |_| true));
                for ix in plan.classes.keys().copied().chain([UNKNOWN]).map(ClassIx) {
                    let may = |bits: &u8| {
                        world.decide(&caller, Target::Resource(ix, Facts::from_bits(*bits)), action, NOW).allowed()
                    };
                    let mask = (0..8u8).filter(may).fold(0, |mask, bits| mask | 1 << bits);
                    assert_eq!(all.get(&ix).copied().unwrap_or(0), mask, "{asker:?} {action:?} class {ix:?}");
                }
            }
        }
    });
}

/// Nobody may who is not among the candidates.
#[test]
fn whoever_may_is_a_candidate() {
    let tally = RefCell::new((0_u32, 0_u32));
    for shape in [ANY, Shape { rising: true, ..ANY }, Shape { malformed: true, ..ANY }] {
        try_all(25, plan(shape), |plan| {
            let world = build(&plan);
            let named = Named {
                author: Some(Principal::User(UserIx(0))),
                owner: Some(Principal::User(UserIx(1))),
                subscribers: [1, 2, UNKNOWN].map(|ix| Principal::User(UserIx(ix))).to_vec(),
            };
            let spaces = (0..=SPACES).map(|ix| Target::Space(SpaceIx(ix)));
            let classes = plan.classes.keys().copied().chain([UNKNOWN]);
            let classes = classes.map(|ix| Target::Resource(ClassIx(ix), Facts::default()));
            let mut people = callers(&plan, &world);
            // A search knows what is stored, and no session.
            people.retain(|(asker, _)| !matches!(asker, Asker::Session(_)));
            for target in spaces.chain(classes) {
                for action in actions() {
                    let candidates = world.candidates(target, &named, action, NOW);
                    let Candidates::Among(list) = candidates else {
                        tally.borrow_mut().0 += 1;
                        continue;
                    };
                    tally.borrow_mut().1 += 1;
                    for (asker, caller) in people.iter().filter(|(_, caller)| caller.who.is_some()) {
                        let is = |p: Option<Principal>| p.is_some() && p == caller.who;
                        let facts = Facts {
                            author: is(named.author),
                            owner: is(named.owner),
                            subscriber: caller.who.is_some_and(|who| named.subscribers.contains(&who)),
                            barred: false,
                        };
                        let target = match target {
                            Target::Resource(class, _) => Target::Resource(class, facts),
                            space => space,
                        };
                        // An api key is known by the grant in its home.
                        if let Some(Principal::Key(key)) = caller.who
                            && !world.key_home(key).and_then(|home| world.space(home)).is_some_and(|home| {
                                home.grants().iter().any(|grant| grant.principal == Principal::Key(key))
                            })
                        {
                            continue;
                        }
                        let listed = list.iter().any(|p| caller.is(*p));
                        let may = world.decide(caller, target, action, NOW).allowed();
                        assert!(listed || !may, "{asker:?} may {action:?} {target:?}, and is not among {list:?}");
                    }
                }
            }
            for ix in plan.groups.keys().copied().map(GroupIx) {
                let members: BTreeSet<UserIx> = world.members(ix).collect();
                let is_member = |user: UserIx| Caller::user(&world, user).is_some_and(|c| c.groups.contains(&ix));
                let expected: BTreeSet<UserIx> =
                    world.users().map(|(user, _)| user).filter(|u| is_member(*u)).collect();
                assert_eq!(members, expected, "members of {ix:?}");
            }
        });
    }
    let (anybody, among) = tally.into_inner();
    assert!(among > anybody, "the worlds must be worth the trouble: {anybody} {among}");
}

/// What is said about where roles come from is complete and true.
#[test]
fn every_role_has_a_source_and_every_source_a_role() {
    try_all(60, plan(ANY), |plan| {
        let world = build(&plan);
        for (asker, caller) in callers(&plan, &world).into_iter().filter(|(a, _)| *a != Asker::System) {
            for ix in (0..=SPACES).map(SpaceIx) {
                let standing = world.standing(&caller, ix, NOW);
                let sources = world.sources(&caller, ix, NOW);
                let named: BTreeSet<RoleIx> = sources.iter().map(|s| s.role).collect();
                let held: BTreeSet<RoleIx> = standing.roles.iter().copied().collect();
                // Reader from below is not held beside a built-in role, which contains it.
                let beside: Vec<&RoleIx> = named.difference(&held).collect();
                assert!(held.is_subset(&named), "{asker:?} in {ix:?}: {held:?} {sources:?}");
                assert!(beside.is_empty() || beside == [&World::READER], "{asker:?} in {ix:?}: {beside:?}");
                for source in sources {
                    let way = world.lineage(ix).unwrap();
                    let granted = |p: Principal| {
                        let grants = &plan.spaces[&source.space.0].grants;
                        grants.iter().any(|g| g.principal == p && g.role == source.role && g.holds(NOW))
                    };
                    let there = plan.standing(asker, source.space.0, NOW);
                    if source.session {
                        let Asker::Session(user) = asker else { panic!("{asker:?} has no session: {source:?}") };
                        assert!(plan.brought[&user].0.contains(&(source.space.0, source.role.0)), "{source:?}");
                        assert!(!plan.spaces[&source.space.0].sealed && way.contains(&source.space));
                        assert_eq!(source.flow == Flow::Here, source.space == ix);
                        continue;
                    }
                    match source.flow {
                        Flow::Here => assert!(source.space == ix && granted(source.principal.unwrap())),
                        Flow::Above => {
                            assert!(source.space != ix && way.contains(&source.space));
                            assert!(granted(source.principal.unwrap()));
                        }
                        Flow::Below => {
                            let child = &plan.spaces[&source.space.0];
                            assert!(child.parent == Some(ix.0) && child.inherits && there.gate);
                            assert!(source.principal.is_none() && !there.roles.is_empty());
                        }
                    }
                }
            }
        }
    });
}

/// Law 1: whoever does not pass the gate finds nothing, whatever they are to it.
#[test]
fn n17_the_gate_is_absolute() {
    try_all(60, plan(ANY), |plan| {
        let world = build(&plan);
        for (asker, caller) in callers(&plan, &world).into_iter().filter(|(a, _)| *a != Asker::System) {
            for target in targets(&plan) {
                let class = if let Target::Resource(ix, _) = target { world.class(ix) } else { None };
                let space = if let Target::Space(ix) = target { Some(ix) } else { class.map(|c| c.space) };
                let passes = |ix: &SpaceIx| world.standing(&caller, *ix, NOW).gate;
                let windows = class.map_or(&[][..], |class| &class.windows);
                let at_a_window = windows.iter().any(passes);
                if space.is_some_and(|ix| passes(&ix)) {
                    continue;
                }
                for action in actions() {
                    let decision = world.decide(&caller, target, action, NOW);
                    // What its own space shares is seen through the gate of the space it is shared to, and no more.
                    let seen = decision.outcome != garth_core::Outcome::Missing;
                    assert!(!seen || at_a_window, "{asker:?} {action:?} {target:?}");
                    assert!(action == Action::Read || !decision.allowed(), "{asker:?} {action:?} {target:?}");
                    assert!(
                        !seen || decision.window.is_some_and(|window| windows.contains(&window) && passes(&window))
                    );
                }
            }
        }
    });
}

/// A closed gate shuts out everybody but the space's own keys and the command line.
#[test]
fn nobody_passes_a_gate_for_nobody() {
    try_all(40, (plan(ANY), 0..SPACES), |(mut plan, shut)| {
        let Some(space) = plan.spaces.get_mut(&shut) else { return };
        space.view = Policy::Nobody;
        // What it shares is seen elsewhere.
        plan.classes.values_mut().filter(|class| class.space == shut).for_each(|class| class.windows.clear());
        let world = build(&plan);
        for (asker, caller) in callers(&plan, &world) {
            let inside = asker == Asker::System || caller.home == Some(SpaceIx(shut));
            for target in targets(&plan).into_iter().filter(|t| lies_in(&plan, *t, shut) && !inside) {
                assert!(!world.decide(&caller, target, Action::Read, NOW).allowed(), "{asker:?} {target:?}");
            }
        }
    });
}

fn lies_in(plan: &Plan, target: Target, space: u32) -> bool {
    match target {
        Target::Space(ix) => ix.0 == space,
        Target::Resource(ix, _) => plan.classes.get(&ix.0).is_some_and(|c| c.space == space),
    }
}

/// What cannot be known is missing to all, the command line included.
#[test]
fn unknown_indices_are_missing() {
    try_all(20, (plan(ANY), prop::sample::select(vec![UNKNOWN, 1 << 20, u32::MAX])), |(plan, unknown)| {
        let world = build(&plan);
        assert!(Caller::user(&world, UserIx(unknown)).is_none());
        assert!(Caller::group(&world, GroupIx(unknown)).is_none());
        assert!(Caller::key(&world, KeyIx(unknown)).is_none());
        let mut strangers = vec![Caller::resource(ResourceIx(unknown))];
        let mut stranger = Caller::anonymous();
        stranger.who = Some(Principal::User(UserIx(unknown)));
        strangers.push(stranger);
        let mut stranger = Caller::everyone();
        stranger.home = Some(SpaceIx(unknown));
        strangers.push(stranger);
        for caller in callers(&plan, &world).into_iter().map(|(_, c)| c).chain(strangers) {
            for action in actions() {
                for target in [Target::Space(SpaceIx(unknown)), Target::Resource(ClassIx(unknown), Facts::from_bits(7))]
                {
                    assert_eq!(world.decide(&caller, target, action, NOW).outcome, garth_core::Outcome::Missing);
                }
            }
            assert_eq!(world.standing(&caller, SpaceIx(unknown), NOW), Standing::default());
            assert!(world.sources(&caller, SpaceIx(unknown), NOW).is_empty());
            assert_eq!(world.reach_in(&caller, &[SpaceIx(unknown)], NOW, |_| true), Reach::default());
            if caller.home == Some(SpaceIx(unknown)) {
                assert_eq!(world.reach(&caller, NOW, |_| true), Reach::default());
                assert_eq!(Sight::new(&world, &caller, NOW).visible().count(), 0);
            }
        }
    });
}

// ---- what takes away never gives ----

/// One thing less in a world: a grant, a link, a membership, an open gate, a seal more.
fn take_away(plan: &Plan, what: u8, place: u32) -> Plan {
    let mut less = plan.clone();
    if let Some(space) = less.spaces.get_mut(&place) {
        match what {
            0 if !space.grants.is_empty() => drop(space.grants.remove(0)),
            1 => space.inherits = false,
            2 => space.view = Policy::Nobody,
            3 => space.sealed = true,
            4 => drop(less.groups.remove(&(place % 5))),
            5 => drop(less.roles.remove(&(3 + place % 3))),
            6 => drop(less.policies.remove(&(place % 5))),
            7 => less.public_access = false,
            8 => less.users.get_mut(&(place % 6)).unwrap().system_admin = false,
            9 => less.classes.values_mut().for_each(|class| class.windows.retain(|window| *window != place)),
            10 => less.kinds.values_mut().for_each(|kind| kind.shareable = false),
            11 => drop(less.brought.remove(&(place % 6))),
            _ => {}
        }
    }
    less
}

/// Where no rule denies and no default allows, policies only open: more roles never close
/// anything. So whatever is taken away takes away only.
#[test]
fn taking_away_never_lets_more_through() {
    let shape = Shape { denies: false, ..ANY };
    try_all(60, (plan(shape), 0..12u8, 0..SPACES), |(plan, what, place)| {
        let less = take_away(&plan, what, place);
        let (before, after) = (build(&plan), build(&less));
        for (asker, caller) in callers(&less, &after) {
            let was = asking(&plan, &before, asker).unwrap();
            for target in targets(&plan) {
                for action in actions() {
                    let allowed = after.decide(&caller, target, action, NOW).allowed();
                    let allowed_before = before.decide(&was, target, action, NOW).allowed();
                    assert!(allowed_before || !allowed, "{asker:?} {action:?} {target:?} gained by losing");
                }
            }
        }
    });
}

/// The system administrator's flag opens only what says `admins`.
#[test]
fn the_flag_opens_nothing_that_does_not_name_it() {
    fn without(policy: &Policy) -> Policy {
        match policy {
            Policy::Admins => Policy::Members,
            Policy::Rules(rules, default) => {
                let rules = rules.iter().map(|rule| {
                    let who = match &rule.who {
                        garth_core::Who::Policy(inner) => garth_core::Who::Policy(without(inner)),
                        other => other.clone(),
                    };
                    garth_core::Rule { who, ..rule.clone() }
                });
                Policy::Rules(rules.collect(), *default)
            }
            other => other.clone(),
        }
    }
    try_all(30, plan(ANY), |mut plan| {
        plan.spaces.values_mut().for_each(|s| (s.view, s.edit) = (without(&s.view), without(&s.edit)));
        plan.policies.values_mut().for_each(|p| *p = without(p));
        let clean = |policy: &mut Option<Policy>| *policy = policy.as_ref().map(without);
        plan.kinds
            .values_mut()
            .for_each(|k| [&mut k.default_view, &mut k.default_edit].map(clean).into_iter().collect());
        plan.classes.values_mut().for_each(|c| [&mut c.view, &mut c.edit].map(clean).into_iter().collect());
        let world = build(&plan);
        for (_, caller) in callers(&plan, &world).into_iter().filter(|(a, _)| matches!(a, Asker::User(_))) {
            let mut flipped = caller.clone();
            flipped.system_admin = !caller.system_admin;
            for target in targets(&plan) {
                for action in actions() {
                    let answer = |caller: &Caller| world.decide(caller, target, action, NOW).outcome;
                    assert_eq!(answer(&caller), answer(&flipped));
                }
            }
        }
    });
}
