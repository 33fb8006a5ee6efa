//! Chance with a seed: the same seed gives the same requests, on every machine.
//!
//! A request is written with tokens in the places of ids, `«v.space.0»`, that each installation fills with its own
//! ([`super::twins::Book`]). `v` is visible, `h` hidden, `r` was never there, `m` was made by an earlier request. So
//! requests can be left out, and those that are left still mean the same: that is what shrinking needs.

use serde_json::{Value, json};

/// How many things of each sort everybody who asks may see. The twins make just as many.
pub const VISIBLE: [(&str, u64); 11] = [
    ("space", 7),
    ("resource", 12),
    ("code", 12),
    ("user", 4),
    ("group", 3),
    ("role", 2),
    ("kind", 4),
    ("policy", 1),
    ("grant", 6),
    ("key", 3),
    ("session", 1),
];

/// How many hidden ones can be named, in the installation that has any.
pub const HIDDEN: [(&str, u64); 8] =
    [("space", 8), ("resource", 10), ("code", 10), ("user", 4), ("group", 3), ("grant", 2), ("key", 2), ("session", 1)];

/// Who asks. Nobody of them sees anything hidden.
pub const CALLERS: [(&str, u64); 6] = [("kim", 60), ("bo", 12), ("key", 12), ("asker", 6), ("out", 5), ("nobody", 5)];

/// The group with strangers among its members: the third that the twins make.
const CHOIR: &str = "«v.group.2»";

/// Names that things have, visible and hidden ones; and some that nothing has.
pub const NAMES: [&str; 12] = [
    "Atlas",
    "Beta",
    "Vault",
    "Zeta",
    "Fix the lift",
    "Paint the door",
    "Secret plan",
    "a",
    "Ghost",
    "zz top",
    "Attic",
    "Über alles",
];
/// Names of people likewise.
pub const USERNAMES: [&str; 10] =
    ["kim", "bo", "gus", "lin", "mia", "aaron", "kimberly", "nobody-at-all", "KIM", "zack"];
pub const LABELS: [&str; 7] = ["lift", "door", "urgent", "ghostly", "none", "autoattach:lift", "autoattach:*"];

/// An earlier list that can be gone on with.
#[derive(Clone)]
struct Earlier {
    number: usize,
    route: &'static str,
    by: &'static str,
    path: String,
}

pub struct Dice {
    state: u64,
    /// The number of the request that is being made.
    pub number: usize,
    /// Who sends it.
    pub by: &'static str,
    /// It is asked for with `dry_run=true`.
    pub dry: bool,
    lists: Vec<Earlier>,
    made: Vec<(&'static str, usize)>,
}

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice { state: seed, number: 0, by: "kim", dry: false, lists: Vec::new(), made: Vec::new() }
    }

    /// SplitMix64.
    pub fn roll(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    /// True in so many of a hundred cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }

    /// One of these by their weights.
    pub fn weighted<T: Copy>(&mut self, of: &[(T, u64)]) -> T {
        let mut at = self.below(of.iter().map(|(_, weight)| weight).sum());
        for (one, weight) in of {
            if at < *weight {
                return *one;
            }
            at -= weight;
        }
        unreachable!("the weights add up")
    }

    /// An id of a noun: visible, hidden, never there, made by an earlier request, of another noun, or no id at all.
    pub fn id(&mut self, noun: &str) -> String {
        let count = |of: &[(&str, u64)]| of.iter().find(|(name, _)| *name == noun).map_or(0, |(_, count)| *count);
        let (visible, hidden) = (count(&VISIBLE), count(&HIDDEN));
        let made: Vec<usize> = self.made.iter().filter(|(what, _)| *what == noun).map(|(_, at)| *at).collect();
        match self.below(100) {
            0..52 if visible > 0 => format!("«v.{noun}.{}»", self.below(visible)),
            52..74 if hidden > 0 => format!("«h.{noun}.{}»", self.below(hidden)),
            74..90 if !made.is_empty() => format!("«m.{noun}.{}»", self.one(&made)),
            90 => self.one(&["x", "%20", "..", "@", "T-0000-0000", "00000000-0000-0000-0000-000000000000"]).into(),
            91 => format!("«v.{}.0»", self.one(&["space", "resource", "user", "group"])),
            92..94 => format!("«h.{}.0»", self.one(&["space", "resource", "user", "group"])),
            _ => format!("«r.{noun}.{}»", self.below(5)),
        }
    }

    /// A resource by id or by code.
    pub fn resource(&mut self) -> String {
        let noun = self.one(&["resource", "resource", "code"]);
        self.id(noun)
    }

    pub fn principal(&mut self) -> String {
        match self.below(10) {
            0..4 => format!("user:{}", self.id("user")),
            4..6 => format!("user:@{}", self.one(&USERNAMES)),
            6 => {
                let group = self.id("group");
                // Its members have strangers among them. Whoever lets it into a space of theirs shares that with them, and
                // they are hidden no more: only tried here.
                self.dry |= group == CHOIR;
                format!("group:{group}")
            }
            7 => format!("group:@{}", self.one(&["crew", "ops", "ghosts", "no-group"])),
            8 if self.chance(50) => format!("key:{}", self.id("key")),
            8 => format!("resource:{}", self.resource()),
            _ => {
                // Whoever lets everyone into a space of theirs sees everyone from then on, and it is hidden no more: only
                // tried here.
                self.dry = true;
                "group:everyone".to_owned()
            }
        }
    }

    pub fn person(&mut self) -> String {
        if self.chance(70) { format!("user:{}", self.id("user")) } else { format!("user:@{}", self.one(&USERNAMES)) }
    }

    pub fn group(&mut self) -> String {
        if self.chance(70) { format!("group:{}", self.id("group")) } else { "group:@ghosts".to_owned() }
    }

    pub fn role(&mut self) -> String {
        self.one(&["reader", "writer", "admin", "triager", "asker", "no-role"]).to_owned()
    }

    pub fn kind(&mut self) -> String {
        self.weighted(&[("task", 60), ("note", 15), ("login", 8), ("pool", 8), ("no-kind", 4), ("«v.kind.0»", 5)])
            .into()
    }

    pub fn name(&mut self) -> String {
        self.one(&NAMES).to_owned()
    }

    pub fn labels(&mut self) -> Value {
        let count = self.below(3);
        (0..count).map(|_| json!(self.one(&LABELS))).collect()
    }

    /// A time around the hour in which the stories play.
    pub fn time(&mut self) -> String {
        let minute = self.below(60);
        format!("2031-05-04T{:02}:{minute:02}:00Z", 7 + self.below(3))
    }

    /// A policy of any form, hidden people, groups and names in it.
    pub fn policy(&mut self) -> Value {
        match self.below(14) {
            0 => json!("users"),
            1..3 => json!("members"),
            3 => json!("public"),
            4 => json!("nobody"),
            5 => json!("admins"),
            6 => json!({"permission": self.one(&["task:write", "task:read", "note:write", "ghost:read"])}),
            7 => json!({"users": [self.person(), "user:@kim"]}),
            8 => json!({"users": [self.person()]}),
            9 => json!({"groups_any": [self.group(), "group:@crew"]}),
            10 => json!({"groups_all": [self.group()]}),
            11 => json!({"named": if self.chance(60) { "«v.policy.0»".to_owned() } else { self.id("policy") }}),
            12 => json!({"rules": [
                {"effect": "deny", "who": {"users": [self.person()]}},
                {"effect": "allow", "who": self.one(&["owner", "author", "members"])}], "default": "deny"}),
            _ => json!({"rules": [{"effect": "allow", "who": {"groups_any": [self.group()]}}], "default": "allow"}),
        }
    }

    /// The subject of a question: mostly who asks, because others ask in vain.
    pub fn subject(&mut self) -> Value {
        let own = match self.by {
            "kim" => Some(("user", "«v.user.0»")),
            "bo" => Some(("user", "«v.user.1»")),
            "key" => Some(("key", "«v.key.0»")),
            "asker" => None,
            _ => Some(("user", "@kim")),
        };
        let subject = match own {
            Some((sort, id)) if self.chance(75) => json!({"type": sort, "id": id}),
            _ => match self.below(5) {
                4 => json!({"type": "resource", "id": self.resource()}),
                0 => json!({"type": "group", "id": self.id("group")}),
                1 => json!({"type": "key", "id": self.id("key")}),
                2 => json!({"type": "user", "id": format!("@{}", self.one(&USERNAMES))}),
                _ => json!({"type": "user", "id": self.id("user")}),
            },
        };
        self.described(subject)
    }

    /// Now and then with properties.
    pub fn described(&mut self, mut part: Value) -> Value {
        if self.chance(10) {
            part["properties"] = json!({"region": self.one(&["north", "south"])});
        }
        part
    }

    pub fn action(&mut self) -> Value {
        let actions = ["read", "write", "delete", "task:triage", "triage", "space:admin", "task:write", "fly"];
        let action = json!({"name": self.one(&actions)});
        self.described(action)
    }

    /// What a question is about.
    pub fn target(&mut self) -> Value {
        let target = match self.below(4) {
            0 => json!({"type": "space", "id": self.id("space")}),
            1 => json!({"type": self.one(&["note", "login", "pool", "ghost"]), "id": self.resource()}),
            _ => json!({"type": "task", "id": self.resource()}),
        };
        self.described(target)
    }

    /// The next page of an earlier list of that route: who asked, its address and which request it was.
    pub fn go_on(&mut self, route: &str) -> Option<(&'static str, String, usize)> {
        let lists: Vec<&Earlier> = self.lists.iter().rev().filter(|list| list.route == route).take(8).collect();
        let lists: Vec<Earlier> = lists.into_iter().cloned().collect();
        let list = lists.get(self.below(lists.len().max(1) as u64) as usize)?;
        // Sometimes somebody else's.
        let by = if self.chance(10) { self.by } else { list.by };
        Some((by, list.path.clone(), list.number))
    }

    /// Remembers that this request asks for a list, and what it makes.
    pub fn remember(&mut self, route: &'static str, path: &str, lists: bool, makes: &[&'static str]) {
        if lists {
            let (number, by) = (self.number, self.by);
            self.lists.push(Earlier { number, route, by, path: path.to_owned() });
        }
        if !self.dry {
            self.made.extend(makes.iter().map(|noun| (*noun, self.number)));
        }
    }
}
