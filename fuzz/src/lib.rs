//! What is fuzzed: every reader of what others wrote, each with what must hold whatever it is given.
//!
//! A target is a function over bytes that panics when a promise is broken. `fuzz/run` feeds them from a fuzzer;
//! `tests/seeds.rs` runs the seeds in `fuzz/seeds/<target>/` through them, those of mended faults among them.

mod requests;
mod texts;
mod trees;
mod yard;

pub use yard::Yard;

/// Something that reads what others wrote.
pub struct Target {
    /// What it is called: the name of its folder of seeds.
    pub name: &'static str,
    /// Reads these bytes; panics when a promise is broken.
    pub run: fn(&Yard, &[u8]),
}

const fn target(name: &'static str, run: fn(&Yard, &[u8])) -> Target {
    Target { name, run }
}

/// Every target.
pub const TARGETS: &[Target] = &[
    target("addresses", texts::addresses),
    target("authzen", requests::authzen),
    target("codes", texts::codes),
    target("cursors", texts::cursors),
    target("etags", texts::etags),
    target("filters", requests::filters),
    target("imports", texts::imports),
    target("json", trees::json),
    target("letters", texts::letters),
    target("merge", trees::merge),
    target("names", texts::names),
    target("pointers", trees::pointers),
    target("policies", trees::policies),
    target("policies-grown", trees::policies_grown),
    target("principals", texts::principals),
    target("queries", texts::queries),
    target("rego", texts::rego),
    target("scenarios", texts::scenarios),
    target("searches", texts::searches),
    target("smtp", texts::smtp),
    target("times", texts::times),
];

/// The names of the targets.
pub fn names() -> Vec<&'static str> {
    TARGETS.iter().map(|target| target.name).collect()
}
