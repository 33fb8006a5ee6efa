//! How long one decision takes in process, on workload M (or `GARTH_BENCH_SIZE=S`).
//!
//! M: 10,000 spaces of depth up to 6, 50,000 users, 50,000 groups (21 a user), 200,000 grants
//! (70 % to groups), 100,000 access classes. Run with `cargo bench -p garth-core`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use garth_core::*;
use std::hint::black_box;
use std::time::Instant;

/// A generator of its own, so that every run and every machine makes the same world.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below as u64) as usize
    }

    /// Small numbers more often than large ones, roughly as Zipf has it.
    fn skewed(&mut self, below: usize) -> usize {
        let (a, b) = (self.roll(below), self.roll(below));
        a * b / below
    }
}

fn world(dice: &mut Dice, spaces: usize, users: usize) -> World {
    let mut world = World::new();
    let kinds: Vec<KindIx> = (0..10).map(KindIx).collect();
    for kind in &kinds {
        let noun = world.words.intern(&format!("kind{}", kind.0));
        world.set_kind(*kind, Kind { noun, default_view: None, default_edit: None, exceptions: Exceptions::default() });
    }
    let mut depth = vec![1; spaces];
    for ix in 0..spaces {
        let parent = (ix >= 50).then(|| dice.roll(ix)).filter(|p| depth[*p] < 6);
        depth[ix] = parent.map_or(1, |p| depth[p] + 1);
        let edit = Policy::Permission(Permission::SPACE_ADMIN);
        let mut space = Space::new(parent.map(|p| SpaceIx(p as u32)), Policy::Members, edit);
        space.inherits = parent.is_some() && dice.roll(3) == 0;
        world.set_space(SpaceIx(ix as u32), space);
    }
    for group in 0..users {
        world.set_group(GroupIx(group as u32), &[]);
    }
    for user in 0..users {
        let mut groups: Vec<GroupIx> = (0..21).map(|_| GroupIx(dice.skewed(users) as u32)).collect();
        groups.sort_unstable();
        groups.dedup();
        world.set_user(UserIx(user as u32), true, false, &groups);
    }
    let roles = [World::READER, World::WRITER, World::ADMIN];
    for space in 0..spaces {
        let grants = (0..20).map(|_| {
            let principal = match dice.roll(10) {
                0..7 => Principal::Group(GroupIx(dice.skewed(users) as u32)),
                _ => Principal::User(UserIx(dice.roll(users) as u32)),
            };
            Grant { principal, role: roles[dice.roll(3)], expires_at: None }
        });
        let grants = grants.collect();
        world.set_grants(SpaceIx(space as u32), grants);
        for (at, kind) in kinds.iter().enumerate() {
            let class = Class { space: SpaceIx(space as u32), kind: *kind, view: None, edit: None };
            world.set_class(ClassIx((space * kinds.len() + at) as u32 + 1), class);
        }
    }
    world
}

fn report(what: &str, mut nanos: Vec<u64>) {
    nanos.sort_unstable();
    let at = |share: f64| nanos[((nanos.len() - 1) as f64 * share) as usize] as f64 / 1_000.0;
    println!("{what:<44} median {:>9.3} µs   p99 {:>9.3} µs   n {}", at(0.5), at(0.99), nanos.len());
}

fn timed<T>(mut work: impl FnMut() -> T) -> u64 {
    let start = Instant::now();
    black_box(work());
    start.elapsed().as_nanos() as u64
}

fn main() {
    let small = std::env::var("GARTH_BENCH_SIZE").is_ok_and(|s| s == "S");
    let (spaces, users) = if small { (1_000, 5_000) } else { (10_000, 50_000) };
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let world = world(&mut dice, spaces, users);
    let classes = spaces * 10;
    let callers: Vec<Caller> =
        (0..500).map(|_| Caller::user(&world, UserIx(dice.roll(users) as u32)).unwrap()).collect();
    let mut allowed = 0;

    let mut times = Vec::new();
    for _ in 0..200_000 {
        let caller = &callers[dice.roll(callers.len())];
        let target = Target::Resource(ClassIx(dice.roll(classes) as u32 + 1), Facts::default());
        let action = if dice.roll(2) == 0 { Action::Read } else { Action::Write };
        times.push(timed(|| world.decide(caller, target, action, 0).allowed()));
        allowed += usize::from(world.decide(caller, target, action, 0).allowed());
    }
    report("one decision, random resource", times);
    println!("{:<44} {:.1} %", "  of them allowed", allowed as f64 / 2_000.0);

    let mut times = Vec::new();
    for caller in &callers {
        let reach = world.reach(caller, 0, |_| true);
        for class in reach.full.iter().take(20) {
            let target = Target::Resource(*class, Facts::default());
            times.push(timed(|| world.decide(caller, target, Action::Read, 0).allowed()));
        }
    }
    report("one decision, allowed", times);
    let mut times = Vec::new();
    for _ in 0..100_000 {
        let caller = &callers[dice.roll(callers.len())];
        let space = SpaceIx(dice.roll(spaces) as u32);
        if world.space(space).unwrap().heirs().is_empty() {
            times.push(timed(|| world.decide(caller, Target::Space(space), Action::Read, 0).allowed()));
        }
    }
    report("a space without heirs", times);
    let mut by_heirs: Vec<u32> = (0..spaces as u32).collect();
    by_heirs.sort_by_key(|ix| std::cmp::Reverse(world.space(SpaceIx(*ix)).unwrap().heirs().len()));
    let mut times = Vec::new();
    let mut hits = 0;
    for caller in &callers {
        for ix in by_heirs.iter().take(50) {
            times.push(timed(|| world.decide(caller, Target::Space(SpaceIx(*ix)), Action::Read, 0).allowed()));
            hits += usize::from(world.decide(caller, Target::Space(SpaceIx(*ix)), Action::Read, 0).allowed());
        }
    }
    let n = times.len();
    report("a space with many heirs", times);
    println!("  allowed {:.1} %", hits as f64 * 100.0 / n as f64);
    report(
        "the caller with its groups",
        (0..20_000).map(|_| timed(|| Caller::user(&world, UserIx(dice.roll(users) as u32)))).collect(),
    );
    report("reach over every space", callers.iter().map(|c| timed(|| world.reach(c, 0, |_| true))).collect());
    let mut next = world.clone();
    let grants: Vec<Grant> = world.space(SpaceIx(7)).unwrap().grants().to_vec();
    report(
        "the next snapshot with a grant changed",
        (0..2_000)
            .map(|_| {
                timed(|| {
                    let before = next.clone();
                    next.set_grants(SpaceIx(7), grants.clone());
                    before
                })
            })
            .collect(),
    );
}
