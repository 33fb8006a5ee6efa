//! Decisions in process: Garth's engine on the workload.

use crate::measure::{Table, Times, timed, us};
use crate::workload::{Dice, KINDS, Who, Workload, class};
use garth_core::*;

pub fn world(load: &Workload) -> World {
    let mut world = World::new();
    for kind in 0..KINDS {
        let noun = world.words.intern(&format!("kind{kind}"));
        let kind = KindIx(kind as u32);
        world.set_kind(
            kind,
            Kind { noun, default_view: None, default_edit: None, exceptions: Exceptions::default(), shareable: false },
        );
    }
    for (ix, space) in load.spaces.iter().enumerate() {
        let edit = Policy::Permission(Permission::SPACE_ADMIN);
        let mut new = Space::new(space.parent.map(SpaceIx), Policy::Members, edit);
        new.inherits = space.inherits;
        world.set_space(SpaceIx(ix as u32), new);
    }
    for group in 0..load.size.groups {
        world.set_group(GroupIx(group as u32), &[]);
    }
    for (user, groups) in load.groups_of.iter().enumerate() {
        let groups: Vec<GroupIx> = groups.iter().copied().map(GroupIx).collect();
        world.set_user(UserIx(user as u32), true, false, &groups);
    }
    for (space, grants) in load.grants.iter().enumerate() {
        let grants = grants.iter().map(|(who, role)| Grant {
            principal: match who {
                Who::User(ix) => Principal::User(UserIx(*ix)),
                Who::Group(ix) => Principal::Group(GroupIx(*ix)),
            },
            role: RoleIx(u32::from(*role)),
            expires_at: None,
        });
        world.set_grants(SpaceIx(space as u32), grants.collect());
        for kind in 0..KINDS {
            let new = Class {
                space: SpaceIx(space as u32),
                kind: KindIx(kind as u32),
                view: None,
                edit: None,
                windows: Default::default(),
            };
            world.set_class(ClassIx(class(space as u32, kind)), new);
        }
    }
    world
}

/// A user, a class of a resource, and whether it is to be written; the same for every peer.
pub type Question = (u32, u32, bool);

pub fn questions(load: &Workload, how_many: usize) -> Vec<Question> {
    let users = load.some_users(500);
    let mut dice = Dice::new(99);
    let any = |dice: &mut Dice| class(dice.roll(load.size.spaces) as u32, dice.roll(KINDS));
    (0..how_many).map(|_| (users[dice.roll(users.len())], any(&mut dice), dice.roll(2) == 0)).collect()
}

pub fn answer(world: &World, caller: &Caller, (_, class, writes): Question) -> bool {
    let action = if writes { Action::Write } else { Action::Read };
    world.decide(caller, Target::Resource(ClassIx(class), Facts::default()), action, 0).allowed()
}

pub struct Decisions {
    pub random: Times,
    pub with_caller: Times,
}

pub fn decisions(load: &Workload, world: &World, table: &mut Table) -> Decisions {
    let callers: std::collections::HashMap<u32, Caller> =
        load.some_users(500).into_iter().map(|u| (u, Caller::user(world, UserIx(u)).unwrap())).collect();
    let asked = questions(load, 200_000);
    let allowed = asked.iter().filter(|q| answer(world, &callers[&q.0], **q)).count();
    let random = asked.iter().map(|q| {
        let caller = &callers[&q.0];
        timed(|| answer(world, caller, *q))
    });
    let random = Times::new(random.collect());
    let with_caller = asked
        .iter()
        .take(50_000)
        .map(|q| timed(|| Caller::user(world, UserIx(q.0)).is_some_and(|caller| answer(world, &caller, *q))));
    let with_caller = Times::new(with_caller.collect());
    let mut seen = Vec::new();
    for caller in callers.values() {
        let reach = world.reach(caller, 0, |_| true);
        seen.extend(reach.full.iter().step_by(7).take(20).map(|class| {
            let target = Target::Resource(*class, Facts::default());
            timed(|| world.decide(caller, target, Action::Read, 0).allowed())
        }));
    }
    let mut by_heirs: Vec<u32> = (0..load.size.spaces as u32).collect();
    by_heirs.sort_by_key(|ix| std::cmp::Reverse(world.space(SpaceIx(*ix)).unwrap().heirs().len()));
    let mut tops = Vec::new();
    for caller in callers.values() {
        for ix in by_heirs.iter().take(50) {
            tops.push(timed(|| world.decide(caller, Target::Space(SpaceIx(*ix)), Action::Read, 0).allowed()));
        }
    }
    let share = allowed as f64 * 100.0 / asked.len() as f64;
    let mut line = |what: String, times: &Times| {
        let (median, p99) = (times.median(), times.p99());
        let met = Some(median < 1.0 && p99 < 5.0);
        table.add(what, format!("{} (p99 {})", us(median), us(p99)), "", None, "< 1 µs, p99 < 5 µs", met);
    };
    line(format!("one decision in process, any resource ({share:.0} % allowed)"), &random);
    line("one decision, a resource the caller sees".to_owned(), &Times::new(seen));
    line("one decision, the 50 spaces with most heirs".to_owned(), &Times::new(tops));
    let (median, p99) = (with_caller.median(), with_caller.p99());
    table.add(
        "one decision, the caller's groups looked up first",
        format!("{} (p99 {})", us(median), us(p99)),
        "",
        None,
        "",
        None,
    );
    let reach = Times::new(callers.values().map(|c| timed(|| world.reach(c, 0, |_| true))).collect());
    table.add(
        "reach over all spaces and classes",
        format!("{} (p99 {})", us(reach.median()), us(reach.p99())),
        "",
        None,
        "part of the first page",
        None,
    );
    Decisions { random, with_caller }
}
