//! The world that everybody is measured on: seeded, so that every run and every machine makes the same.
//!
//! Space 0 is the default space, 1 the warehouse, in which half of all resources lie, 2 an empty one, 3 to 22 those of
//! Vera, who sees the same in a world of any size; the others form trees of depth 6 at most. Every space is open to its
//! members; a third of those that have a parent inherit. User 0 is Ada, who administers the installation, the warehouse and the empty
//! space; user 1 is Vera.

/// How large a world is.
#[derive(Clone, Copy)]
pub struct Size {
    pub name: &'static str,
    pub spaces: usize,
    pub users: usize,
    pub groups: usize,
    pub grants: usize,
    pub resources: usize,
    /// How deep a tree of spaces is at most.
    pub depth: usize,
}

impl Size {
    pub const M: Size =
        Size { name: "M", spaces: 10_000, users: 50_000, groups: 50_000, grants: 200_000, resources: 1_000_000, depth: 6 };
    /// Many spaces in deep trees, and little in them.
    pub const TREE: Size =
        Size { name: "tree", spaces: 100_000, grants: 1_000_000, resources: 10_000, depth: 12, ..Self::M };

    pub fn of(name: &str) -> Option<Size> {
        match name {
            "S" => Some(Size { name: "S", ..Self::M.part(10) }),
            "M" => Some(Self::M),
            "L" => Some(Size {
                name: "L",
                spaces: 100_000,
                users: 500_000,
                groups: 500_000,
                grants: 2_000_000,
                resources: 10_000_000,
                depth: 6,
            }),
            _ => None,
        }
    }

    /// So many times smaller.
    pub fn part(self, by: usize) -> Size {
        Size {
            name: "",
            spaces: self.spaces / by,
            users: self.users / by,
            groups: self.groups / by,
            grants: self.grants / by,
            resources: self.resources / by,
            depth: self.depth,
        }
    }
}

pub const KINDS: usize = 10;
pub const WAREHOUSE: u32 = 1;
pub const EMPTY: u32 = 2;
pub const VERAS: std::ops::Range<u32> = 3..23;
const VERAS_RESOURCES: usize = 2_000;
pub const ADA: u32 = 0;
pub const VERA: u32 = 1;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Who {
    User(u32),
    Group(u32),
}

// Garth's built-in roles are 0 reader, 1 writer, 2 admin.
const READER: u8 = 0;
const ADMIN: u8 = 2;

pub struct Space {
    pub parent: Option<u32>,
    pub inherits: bool,
}

pub struct Workload {
    pub size: Size,
    pub spaces: Vec<Space>,
    /// The groups of each user.
    pub groups_of: Vec<Vec<u32>>,
    /// Of each space: who holds which role.
    pub grants: Vec<Vec<(Who, u8)>>,
    /// The class of each resource; see [`class`].
    pub resources: Vec<u32>,
}

/// Every space has one class for each kind.
pub fn class(space: u32, kind: usize) -> u32 {
    space * KINDS as u32 + kind as u32 + 1
}

pub fn space_of(class: u32) -> u32 {
    (class - 1) / KINDS as u32
}

pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed ^ 0x9E37_79B9_7F4A_7C15)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn roll(&mut self, below: usize) -> usize {
        (self.next() % below as u64) as usize
    }

    /// Small numbers more often than large ones, roughly as Zipf has it.
    pub fn skewed(&mut self, below: usize) -> usize {
        let (a, b) = (self.roll(below), self.roll(below));
        a * b / below
    }
}

impl Workload {
    pub fn new(size: Size) -> Self {
        let mut dice = Dice::new(size.spaces as u64);
        let own = VERAS.end as usize;
        let mut spaces: Vec<Space> = (0..own).map(|_| Space { parent: None, inherits: false }).collect();
        let mut depth = vec![1; own];
        for ix in own..size.spaces {
            let near = own + dice.roll((ix - own).max(1));
            let parent = (ix >= own + 50 && depth[near] < size.depth).then_some(near);
            depth.push(parent.map_or(1, |p| depth[p] + 1));
            let inherits = parent.is_some() && dice.roll(3) == 0;
            spaces.push(Space { parent: parent.map(|p| p as u32), inherits });
        }
        let mut groups_of = vec![Vec::new(); 2];
        groups_of.extend((2..size.users).map(|_| {
            let mut groups: Vec<u32> = (0..21).map(|_| dice.skewed(size.groups) as u32).collect();
            groups.sort_unstable();
            groups.dedup();
            groups
        }));
        let mut grants = vec![Vec::new(); own];
        grants[WAREHOUSE as usize].push((Who::User(ADA), ADMIN));
        grants[EMPTY as usize].push((Who::User(ADA), ADMIN));
        for space in VERAS {
            grants[space as usize].push((Who::User(VERA), READER));
        }
        let each = size.grants / size.spaces;
        grants.extend((own..size.spaces).map(|_| {
            let mut here: Vec<(Who, u8)> = Vec::new();
            while here.len() < each {
                let who = match dice.roll(10) {
                    0..7 => Who::Group(dice.skewed(size.groups) as u32),
                    _ => Who::User(2 + dice.roll(size.users - 2) as u32),
                };
                let role = dice.roll(3) as u8;
                if !here.contains(&(who, role)) {
                    here.push((who, role));
                }
            }
            here
        }));
        let resources = (0..size.resources).map(|number| {
            let space = match number {
                0..VERAS_RESOURCES => VERAS.start + (number % VERAS.len()) as u32,
                _ if number % 2 == 0 => WAREHOUSE,
                _ => (own + dice.roll(size.spaces - own)) as u32,
            };
            class(space, dice.roll(KINDS))
        });
        let resources = resources.collect();
        Self { size, spaces, groups_of, grants, resources }
    }

    /// Some users whose like there are many.
    pub fn some_users(&self, how_many: usize) -> Vec<u32> {
        let mut dice = Dice::new(7);
        (0..how_many).map(|_| 2 + dice.roll(self.size.users - 2) as u32).collect()
    }
}
