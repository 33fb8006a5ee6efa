//! Random worlds: proptest makes a [`Plan`], from which both the oracle and the engine
//! are fed; [`change`] turns a built world into another one through the setters.

use crate::oracle::{Asker, Class, Exceptions, Kind, Plan, Space, User, WORDS};
use garth_core::{
    Action, Asked, Brought, Caller, ClassIx, Effect, Fact, Given, Grant, GroupIx, KeyIx, KindIx, Micros, Moon,
};
use garth_core::{
    Part, Pattern, Permission, Policy, PolicyIx, Principal, ResourceIx, Role, RoleIx, Rule, SpaceIx, UserIx, When, Who,
    Word, World,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// 2026-11-21 12:00 UTC, a Saturday under a waxing moon. Grants expire about now.
pub const NOW: Micros = 1_795_262_400_000_000;

/// How many of each there are in a complete world; one more of each is named and unknown.
pub const SPACES: u32 = 9;
pub const USERS: u32 = 6;
pub const GROUPS: u32 = 5;
pub const KEYS: u32 = 3;
pub const RESOURCES: u32 = 2;
const POLICIES: u32 = 5;
const KINDS: u32 = 3;
const CLASSES: u32 = 10;
const CUSTOM_ROLES: std::ops::Range<u32> = 3..6;
pub const UNKNOWN: u32 = 77;

/// Which worlds are wanted.
#[derive(Clone, Copy)]
pub struct Shape {
    /// Every index is taken, so that another world can be reached by the setters.
    pub complete: bool,
    /// Rules that deny, and a default that allows.
    pub denies: bool,
    /// Parents that do not exist, circles of spaces.
    pub malformed: bool,
    /// Nearly every link inherits, and many gates close on those who may read.
    pub rising: bool,
}

pub const ANY: Shape = Shape { complete: false, denies: true, malformed: false, rising: false };

pub fn askers() -> Vec<Asker> {
    let mut all = vec![Asker::System, Asker::Anonymous, Asker::Everyone];
    all.extend((0..=USERS).map(Asker::User));
    all.extend((0..=USERS).map(Asker::Session));
    all.extend((0..2).chain([GROUPS]).map(Asker::Group));
    all.extend((0..=KEYS).map(Asker::Key));
    all.extend((0..RESOURCES).map(Asker::Resource));
    all
}

pub fn permission(text: &str) -> Permission {
    let (noun, verb) = text.split_once(':').unwrap();
    Permission { noun: word(noun), verb: word(verb) }
}

fn word(text: &str) -> Word {
    Word(WORDS.iter().position(|w| *w == text).unwrap() as u32)
}

pub fn pattern(text: &str) -> Pattern {
    let (noun, verb) = text.split_once(':').unwrap();
    let part = |text: &str| (text != "*").then(|| word(text));
    Pattern { noun: part(noun), verb: part(verb) }
}

pub fn actions() -> Vec<Action> {
    let asked =
        ["task:read", "task:write", "task:triage", "report:share", "meter:consume", "space:admin", "decision:ask"];
    [Action::Read, Action::Write].into_iter().chain(asked.map(|text| Action::Use(permission(text)))).collect()
}

// ---- feeding the engine ----

pub fn build(plan: &Plan) -> World {
    let mut world = World::new();
    for text in WORDS {
        world.words.intern(text);
    }
    change(&mut world, &Plan::default(), plan);
    world
}

/// Turns the engine's world of one plan into that of another.
pub fn change(world: &mut World, from: &Plan, to: &Plan) {
    world.public_access = to.public_access;
    people(world, from, to);
    spaces(world, from, to);
    for (ix, kind) in &to.kinds {
        world.set_kind(KindIx(*ix), engine_kind(kind));
    }
    for ix in from.kinds.keys().filter(|ix| !to.kinds.contains_key(ix)) {
        world.remove_kind(KindIx(*ix));
    }
    for (ix, policy) in &to.policies {
        world.set_policy(PolicyIx(*ix), policy.clone());
    }
    for ix in from.policies.keys().filter(|ix| !to.policies.contains_key(ix)) {
        world.remove_policy(PolicyIx(*ix));
    }
    for (ix, class) in &to.classes {
        let arc = |policy: &Option<Policy>| policy.clone().map(Arc::new);
        let (space, kind) = (SpaceIx(class.space), KindIx(class.kind));
        let windows = class.windows.iter().copied().map(SpaceIx).collect();
        let (view, edit) = (arc(&class.view), arc(&class.edit));
        world.set_class(ClassIx(*ix), garth_core::Class { space, kind, view, edit, windows });
    }
}

fn people(world: &mut World, from: &Plan, to: &Plan) {
    for ix in to.groups.keys().filter(|ix| !from.groups.contains_key(ix)) {
        world.set_group(GroupIx(*ix), &[]);
    }
    for (ix, parents) in &to.groups {
        world.set_group(GroupIx(*ix), &group_ixs(parents));
    }
    for (ix, user) in &to.users {
        world.set_user(UserIx(*ix), user.enabled, user.system_admin, &group_ixs(&user.groups));
    }
    for ix in from.groups.keys().filter(|ix| !to.groups.contains_key(ix)) {
        world.remove_group(GroupIx(*ix));
    }
    for (ix, patterns) in &to.roles {
        let patterns: Vec<Pattern> = patterns.iter().map(|p| pattern(p)).collect();
        world.set_role(RoleIx(*ix), Role::custom(patterns));
    }
    for ix in from.roles.keys().filter(|ix| !to.roles.contains_key(ix)) {
        world.remove_role(RoleIx(*ix));
    }
}

fn group_ixs(list: &[u32]) -> Vec<GroupIx> {
    list.iter().map(|g| GroupIx(*g)).collect()
}

fn spaces(world: &mut World, from: &Plan, to: &Plan) {
    let mut waiting: Vec<u32> = to.spaces.keys().copied().collect();
    while !waiting.is_empty() {
        // Parents first; what has none to wait for, because the plan is malformed, goes as it is.
        let ready = |ix: &u32| to.spaces[ix].parent.is_none_or(|p| !waiting.contains(&p) || p == *ix);
        let next = waiting.iter().position(ready).unwrap_or(0);
        let ix = waiting.remove(next);
        let plan = &to.spaces[&ix];
        let mut space = garth_core::Space::new(plan.parent.map(SpaceIx), plan.view.clone(), plan.edit.clone());
        space.inherits = plan.inherits;
        space.sealed = plan.sealed;
        space.archived = plan.archived;
        world.set_space(SpaceIx(ix), space);
        world.set_grants(SpaceIx(ix), plan.grants.clone());
    }
    for ix in from.spaces.keys().filter(|ix| !to.spaces.contains_key(ix)) {
        world.remove_space(SpaceIx(*ix));
    }
    for ix in from.keys.keys().chain(to.keys.keys()) {
        world.set_key(KeyIx(*ix), to.keys.get(ix).map(|home| SpaceIx(*home)));
    }
}

fn engine_kind(kind: &Kind) -> garth_core::Kind {
    let has = |who: &'static str| (kind.exceptions.contains(&(who, "view")), kind.exceptions.contains(&(who, "edit")));
    garth_core::Kind {
        noun: word(kind.noun),
        default_view: kind.default_view.clone().map(Arc::new),
        default_edit: kind.default_edit.clone().map(Arc::new),
        exceptions: garth_core::Exceptions {
            author: has("author"),
            owner: has("owner"),
            subscribers: has("subscribers"),
        },
        shareable: kind.shareable,
    }
}

pub fn caller(world: &World, asker: Asker) -> Option<Caller> {
    match asker {
        Asker::System => Some(Caller::system()),
        Asker::Anonymous => Some(Caller::anonymous()),
        Asker::Everyone => Some(Caller::everyone()),
        Asker::User(ix) | Asker::Session(ix) => Caller::user(world, UserIx(ix)),
        Asker::Group(ix) => Caller::group(world, GroupIx(ix)),
        Asker::Key(ix) => Caller::key(world, KeyIx(ix)),
        Asker::Resource(ix) => Some(Caller::resource(ResourceIx(ix))),
    }
}

/// As [`caller`], with what the plan's questions say.
pub fn asking(plan: &Plan, world: &World, asker: Asker) -> Option<Caller> {
    let given = plan.given.iter().map(|(of, name, fact)| (*of, (*name).into(), fact.clone())).collect();
    let mut caller = caller(world, asker)?;
    caller.given = Given::new(given);
    if let Asker::Session(ix) = asker {
        caller = caller.with(brought(plan, ix).as_ref());
    }
    Some(caller)
}

fn brought(plan: &Plan, user: u32) -> Option<Arc<Brought>> {
    let (roles, system_admin) = plan.brought.get(&user)?;
    let roles = roles.iter().map(|(space, role)| (SpaceIx(*space), RoleIx(*role))).collect();
    Some(Arc::new(Brought::new(*system_admin, roles, [0; 32])))
}

// ---- chance ----

pub fn plan(shape: Shape) -> impl Strategy<Value = Plan> {
    let people = (
        vec(user(), USERS as usize),
        vec(vec(0..=GROUPS, 0..3), GROUPS as usize),
        vec(vec(role_pattern(), 0..4), CUSTOM_ROLES.len()),
        vec(kind(shape), KINDS as usize),
        vec(policy(shape), POLICIES as usize),
    );
    let places = (
        vec(space(shape), SPACES as usize),
        Just((0..SPACES).collect::<Vec<u32>>()).prop_shuffle(),
        vec(class(shape), CLASSES as usize),
        vec(0..SPACES, KEYS as usize),
        vec((vec((0..=SPACES, a_role()), 0..4), prop::bool::weighted(0.2)), USERS as usize),
    );
    // Which of each are left out.
    let left_out = vec(prop::bool::weighted(if shape.complete { 0.0 } else { 0.1 }), 40);
    (people, places, left_out, any::<bool>(), given()).prop_map(
        move |(people, places, left_out, public_access, given)| {
            let (users, groups, roles, kinds, policies) = people;
            let (spaces, order, classes, keys, brought) = places;
            let mut plan = Plan { public_access, given, ..Plan::default() };
            let mut out = left_out.into_iter();
            let mut keep = move || !out.next().unwrap_or(false);
            plan.users = number(users, 0, || true);
            plan.groups = number(groups, 0, &mut keep);
            plan.roles = number(roles, CUSTOM_ROLES.start, &mut keep);
            plan.kinds = number(kinds, 0, &mut keep);
            plan.policies = number(policies, 0, &mut keep);
            plan.classes = number(classes, 0, || true);
            plan.keys = number(keys, 0, &mut keep);
            plan.brought = number(brought, 0, || true);
            for (place, (draw, mut space)) in spaces.into_iter().enumerate() {
                space.parent =
                    parent(shape, draw, place, &order).filter(|p| shape.malformed || plan.spaces.contains_key(p));
                if keep() {
                    plan.spaces.insert(order[place], space);
                }
            }
            plan
        },
    )
}

/// A forest: who stands earlier in the order may be the parent of who stands later.
fn parent(shape: Shape, draw: Option<usize>, place: usize, order: &[u32]) -> Option<u32> {
    let draw = draw?;
    match (shape.malformed, place) {
        (true, _) => Some(order.get(draw % (order.len() + 1)).copied().unwrap_or(UNKNOWN)),
        (false, 0) => None,
        (false, _) => Some(order[draw % place]),
    }
}

fn number<T>(items: Vec<T>, first: u32, mut keep: impl FnMut() -> bool) -> BTreeMap<u32, T> {
    (first..).zip(items).filter(|_| keep()).collect()
}

fn user() -> impl Strategy<Value = User> {
    (prop::bool::weighted(0.9), prop::bool::weighted(0.2), vec(0..=GROUPS, 0..3)).prop_map(
        |(enabled, system_admin, mut groups)| {
            groups.sort_unstable();
            groups.dedup();
            User { enabled, system_admin, groups }
        },
    )
}

fn role_pattern() -> impl Strategy<Value = String> {
    let noun = prop::sample::select(vec!["*", "task", "report", "space", "meter", "decision"]);
    let verb = prop::sample::select(vec!["*", "read", "write", "triage", "share", "admin", "consume", "ask"]);
    (noun, verb).prop_map(|(noun, verb)| format!("{noun}:{verb}"))
}

fn space(shape: Shape) -> impl Strategy<Value = (Option<usize>, Space)> {
    let gate = prop_oneof![6 => Just(Policy::Members), 4 => Just(Policy::Users), 1 => Just(Policy::Public), 7 => space_policy(shape)];
    let shut_to_readers = || {
        let readers = Who::Policy(Policy::Permission(permission("task:read")));
        Policy::Rules([Rule { effect: Effect::Deny, who: readers, when: None, given: [].into() }].into(), Effect::Allow)
    };
    let rising = shape.rising;
    let gate =
        (gate, any::<bool>()).prop_map(move |(gate, shut)| if rising && shut { shut_to_readers() } else { gate });
    let many = prop::bool::weighted(0.08);
    (
        option::weighted(0.8, 0..1_000usize),
        prop::bool::weighted(if rising { 0.9 } else { 0.5 }),
        prop::bool::weighted(0.12),
        any::<bool>(),
        gate,
        policy(shape),
    )
        .prop_flat_map(move |(draw, inherits, sealed, archived, view, edit)| {
            (vec(a_grant(), 0..if rising { 3 } else { 8 }), many).prop_map(move |(mut grants, many)| {
                if many {
                    // More than the engine looks through one by one.
                    let others = |n| Principal::User(UserIx(1_000 + n));
                    grants.extend((0..80).map(|n| crate::oracle::grant(others(n), n % 4)));
                }
                let (view, edit) = (view.clone(), edit.clone());
                (draw, Space { parent: None, inherits, sealed, archived, view, edit, grants })
            })
        })
}

fn a_grant() -> impl Strategy<Value = Grant> {
    let principal = prop_oneof![
        6 => (0..=USERS).prop_map(|ix| Principal::User(UserIx(ix))),
        4 => (0..=GROUPS).prop_map(|ix| Principal::Group(GroupIx(ix))),
        1 => Just(Principal::Everyone),
        2 => (0..=KEYS).prop_map(|ix| Principal::Key(KeyIx(ix))),
        2 => (0..RESOURCES).prop_map(|ix| Principal::Resource(ResourceIx(ix))),
    ];
    (principal, a_role(), option::weighted(0.3, NOW - 1..=NOW + 2)).prop_map(|(principal, role, expires_at)| Grant {
        principal,
        role: RoleIx(role),
        expires_at,
    })
}

fn a_role() -> impl Strategy<Value = u32> {
    prop_oneof![3 => 0..3u32, 4 => CUSTOM_ROLES, 1 => Just(UNKNOWN)]
}

fn kind(shape: Shape) -> impl Strategy<Value = Kind> {
    let pairs = ["author", "owner", "subscribers"].into_iter().flat_map(|who| [(who, "view"), (who, "edit")]);
    let exceptions = prop::sample::subsequence(pairs.collect::<Vec<_>>(), 0..4);
    let default = || option::weighted(0.25, policy(shape));
    let shareable = prop::bool::weighted(0.8);
    (prop::sample::select(vec!["task", "report"]), default(), default(), exceptions, shareable).prop_map(
        |(noun, default_view, default_edit, exceptions, shareable)| {
            let exceptions: Exceptions = exceptions.into_iter().collect();
            Kind { noun, default_view, default_edit, exceptions, shareable }
        },
    )
}

fn class(shape: Shape) -> impl Strategy<Value = Class> {
    let own = || option::weighted(0.4, policy(shape));
    // The spaces it is shared to, one of them unknown; sorted, each once.
    let windows =
        prop_oneof![1 => Just(vec![]), 1 => prop::sample::subsequence((0..=SPACES).collect::<Vec<_>>(), 1..4)];
    (0..=SPACES, prop_oneof![20 => 0..KINDS, 1 => Just(UNKNOWN)], own(), own(), windows).prop_map(
        |(space, kind, view, edit, mut windows)| {
            windows.retain(|window| *window != space);
            Class { space, kind, view, edit, windows }
        },
    )
}

/// Mostly what fits everywhere, now and then anything.
fn space_policy(shape: Shape) -> BoxedStrategy<Policy> {
    prop_oneof![6 => policy_of(shape, false), 1 => policy_of(shape, true)].boxed()
}

fn policy(shape: Shape) -> BoxedStrategy<Policy> {
    policy_of(shape, true)
}

/// `wild` ones have windows and people of a resource in their rules, and broken parts.
fn policy_of(shape: Shape, wild: bool) -> BoxedStrategy<Policy> {
    let groups = || {
        let any_group =
            prop_oneof![9 => (0..=GROUPS).prop_map(|g| Principal::Group(GroupIx(g))), 1 => Just(Principal::Everyone)];
        vec(any_group, 0..3).prop_map(Arc::<[Principal]>::from)
    };
    let asked = ["task:read", "task:write", "report:read", "task:triage", "space:admin"];
    let leaf = prop_oneof![
        3 => Just(Policy::Public),
        3 => Just(Policy::Users),
        6 => Just(Policy::Members),
        2 => Just(Policy::Admins),
        1 => Just(Policy::Nobody),
        6 => prop::sample::select(asked.to_vec()).prop_map(|p| Policy::Permission(permission(p))),
        4 => vec(0..=USERS, 0..4).prop_map(|u| Policy::These(u.into_iter().map(UserIx).collect())),
        3 => groups().prop_map(Policy::GroupsAny),
        2 => groups().prop_map(Policy::GroupsAll),
        2 => (0..=POLICIES).prop_map(|p| Policy::Named(PolicyIx(p))),
    ];
    let broken = prop_oneof![Just(Policy::Unknown), (13..18usize).prop_map(|levels| nested(Policy::Users, levels)),];
    let leaf = prop_oneof![40 => leaf, u32::from(wild) => broken];
    leaf.prop_recursive(3, 12, 3, move |inner| {
        let effect = move || {
            let odds = if shape.denies { 0.6 } else { 1.0 };
            prop::bool::weighted(odds).prop_map(|allow| if allow { Effect::Allow } else { Effect::Deny })
        };
        let default =
            prop_oneof![2 => Just(Effect::Deny), 1 => Just(if shape.denies { Effect::Allow } else { Effect::Deny })];
        let wild_odds = if wild { 4 } else { 0 };
        let when = prop_oneof![20 => Just(None), wild_odds => window().prop_map(Some)];
        let who = prop_oneof![
            12 => inner.prop_map(Who::Policy),
            wild_odds => prop::sample::select(vec![Who::Author, Who::Owner, Who::Subscribers]),
        ];
        let given = prop_oneof![20 => Just(Vec::new()), wild_odds => vec(asks(), 1..3)];
        let rule = (effect(), who, when, given).prop_map(|(effect, who, when, given)| Rule {
            effect,
            who,
            when,
            given: given.into(),
        });
        (vec(rule, 0..4), default).prop_map(|(rules, default)| Policy::Rules(rules.into(), default))
    })
    .boxed()
}

/// A policy inside so many rule lists; itself included it is `levels + 1` deep.
pub fn nested(inner: Policy, levels: usize) -> Policy {
    (0..levels).fold(inner, |policy, _| {
        let rule = Rule { effect: Effect::Allow, who: Who::Policy(policy), when: None, given: [].into() };
        Policy::Rules([rule].into(), Effect::Deny)
    })
}

fn property() -> impl Strategy<Value = (Part, &'static str)> {
    (
        prop::sample::select(vec![Part::Subject, Part::Resource, Part::Action]),
        prop::sample::select(vec!["status", "soft"]),
    )
}

fn fact() -> impl Strategy<Value = Fact> {
    let text = prop::sample::select(vec!["active", "archived"]).prop_map(|t| Fact::Text(t.into()));
    prop_oneof![4 => text, 2 => any::<bool>().prop_map(Fact::Flag), 1 => (0..2i64).prop_map(Fact::Number)]
}

/// Mostly with something to take where the question does not tell.
fn asks() -> impl Strategy<Value = Asked> {
    (property(), fact(), option::weighted(0.7, fact())).prop_map(|((of, name), equals, otherwise)| Asked {
        of,
        name: name.into(),
        equals,
        otherwise,
    })
}

/// What a question may say.
fn given() -> impl Strategy<Value = Vec<(Part, &'static str, Fact)>> {
    let odd = prop_oneof![9 => fact(), 1 => Just(Fact::Other)];
    vec((property(), odd).prop_map(|((of, name), fact)| (of, name, fact)), 0..4)
}

fn window() -> impl Strategy<Value = When> {
    let moment = || option::weighted(0.4, NOW - 1..=NOW + 2);
    let hours = option::weighted(0.3, (0..1_440u16, 0..1_440u16));
    let moon = option::weighted(0.3, prop::sample::select(vec![Moon::New, Moon::Waxing, Moon::Full, Moon::Waning]));
    let weekdays = prop_oneof![2 => Just(0u8), 1 => any::<u8>()];
    (moment(), moment(), weekdays, hours, moon).prop_map(|(from, until, weekdays, hours, moon)| When {
        from,
        until,
        weekdays,
        hours,
        moon,
    })
}
