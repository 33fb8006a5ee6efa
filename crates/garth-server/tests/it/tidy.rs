//! The rules of the house as tests: where SQL, clocks and arrows may be, and what no file may hold.
//!
//! They read the source as text. That is crude and enough: a rule that is broken by accident is broken plainly.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// One source file: its path from the root of the repository, and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// The lines that are the program: without comments, and without the tests at the end of a file.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let program = self.text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        program.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    fn at(&self, line: usize) -> String {
        format!("{}:{}", self.path, line + 1)
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository")
}

/// Every Rust file of the three crates.
fn sources() -> Vec<Source> {
    let root = root();
    let mut found = Vec::new();
    let mut folders = vec![root.join("crates")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("a text");
                let path = path.strip_prefix(&root).expect("inside").to_string_lossy().into_owned();
                found.push(Source { path, text });
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

/// The text of every Rust file, tests too.
pub fn all_sources() -> String {
    sources().into_iter().map(|source| source.text).collect()
}

/// The program itself: no stories, no unit tests in files of their own.
fn program() -> Vec<Source> {
    let tests = |path: &str| path.contains("/tests/") || path.contains("/benches/") || path.ends_with("/tests.rs");
    sources().into_iter().filter(|source| !tests(&source.path)).collect()
}

/// Lines that hold one of these words, outside the files that may.
fn lines_with(words: &[&str], may: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for source in program().iter().filter(|source| !may(&source.path)) {
        for (number, line) in source.code() {
            if words.iter().any(|word| line.contains(word)) {
                found.push(format!("{}  {}", source.at(number), line.trim()));
            }
        }
    }
    found
}

const SERVER: &str = "crates/garth-server/src/";

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<_> = sources().into_iter().filter(|s| !s.text.starts_with("//! ")).map(|s| s.path).collect();
    assert!(silent.is_empty(), "these files do not begin with a line of //! on what they are for: {silent:#?}");
}

#[test]
fn sql_stays_in_stores() {
    let may = |path: &str| {
        path.ends_with("/store.rs")
            || path.contains("/store/")
            || path == "crates/garth-server/src/directory/load.rs"
            || path == "crates/garth-server/src/base/db.rs"
            || path.starts_with("crates/garth-server/src/base/db/")
    };
    let sql = [
        "SELECT ",
        "INSERT INTO ",
        "DELETE FROM ",
        "CREATE TABLE",
        "ALTER TABLE",
        "DROP TABLE",
        "WITH RECURSIVE",
        "ON CONFLICT",
    ];
    let mut found = lines_with(&sql, may);
    let update = lines_with(&["UPDATE "], may);
    found.extend(update.into_iter().filter(|line| line.contains(" SET ") || line.ends_with(" SET")));
    assert!(found.is_empty(), "SQL outside a store: {found:#?}");
}

#[test]
fn a_store_is_private_to_its_noun() {
    let mut found = lines_with(&["pub mod store", "pub(crate) mod store"], |_| false);
    for source in program() {
        let own = module_of(&source.path).unwrap_or_default();
        for (number, line) in source.code() {
            let foreign = line.match_indices("crate::").any(|(start, found)| {
                let mut steps = line[start + found.len()..].split("::");
                let noun = steps.next().unwrap_or_default();
                noun != own && steps.next().is_some_and(|step| step.starts_with("store"))
            });
            if foreign {
                found.push(format!("{}  {}", source.at(number), line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "a store is seen from outside its noun: {found:#?}");
}

#[test]
fn nothing_is_left_to_do() {
    let found = lines_with(&["todo!(", "unimplemented!(", "dbg!(", "TODO", "FIXME", "XXX"], |_| false);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn one_place_reads_the_clock() {
    let clocks = ["SystemTime::now", "Instant::now", "Timestamp::now", "Zoned::now", "UtcDateTime::now"];
    let found = lines_with(&clocks, |path| path == "crates/garth-server/src/base/clock.rs");
    assert!(found.is_empty(), "a clock outside base/clock.rs: {found:#?}");
}

#[test]
fn the_server_never_gives_up_by_unwrap() {
    let found = lines_with(&[".unwrap()", "panic!(", "unreachable!("], |path| !path.starts_with(SERVER));
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn core_is_pure() {
    let impure = [
        "std::fs",
        "std::net",
        "std::io",
        "std::env",
        "std::time",
        "std::process",
        "std::thread",
        "async ",
        ".await",
        "serde",
        "println!",
    ];
    let found = lines_with(&impure, |path| !path.starts_with("crates/garth-core/src/"));
    assert!(found.is_empty(), "core does no I/O and reads no clock: {found:#?}");

    let manifest = std::fs::read_to_string(root().join("crates/garth-core/Cargo.toml")).expect("a manifest");
    let needs: BTreeSet<&str> = manifest
        .lines()
        .skip_while(|line| *line != "[dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty())
        .collect();
    let pure = BTreeSet::from(["hashbrown", "smallvec"]);
    assert!(needs.is_subset(&pure), "core stands on std and small pure crates: {needs:?}");
}

/// How high a module of the server stands: arrows point down only.
fn height(module: &str) -> u8 {
    match module {
        "base" => 1,
        "directory" => 2,
        "access" => 3,
        "lib" => 5,
        _ => 4,
    }
}

/// The server's modules and which others each of them names.
fn arrows() -> BTreeMap<String, BTreeMap<String, String>> {
    let modules: BTreeSet<String> =
        program().iter().filter_map(|source| module_of(&source.path)).filter(|module| module != "lib").collect();
    let mut arrows: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for source in program() {
        let Some(from) = module_of(&source.path) else { continue };
        let code: Vec<_> = source.code().collect();
        for (at, (number, line)) in code.iter().enumerate() {
            for (start, _) in line.match_indices("crate::") {
                let after = &line[start + "crate::".len()..];
                // `use crate::{a, b::c}` may run over several lines.
                let named: String = match after.strip_prefix('{') {
                    None => after.to_owned(),
                    Some(rest) => {
                        let following = code[at + 1..].iter().map(|(_, line)| *line);
                        let text: Vec<_> = std::iter::once(rest).chain(following).collect();
                        text.join(" ").split(';').next().unwrap_or_default().to_owned()
                    }
                };
                let listed = after.starts_with('{');
                for to in names(&named, listed).filter(|to| modules.contains(to) && *to != from) {
                    let place = source.at(*number);
                    arrows.entry(from.clone()).or_default().entry(to).or_insert(place);
                }
            }
        }
    }
    arrows
}

/// The first step of a path, or of each path in a braced list.
fn names(text: &str, listed: bool) -> impl Iterator<Item = String> {
    let first = |path: &str| -> String {
        path.trim_start().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
    };
    let mut found = Vec::new();
    if listed {
        let mut depth = 0;
        let mut start = 0;
        for (at, c) in text.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    found.push(first(&text[start..at]));
                    start = at + 1;
                }
                _ => {}
            }
        }
        found.push(first(&text[start..]));
    } else {
        found.push(first(text));
    }
    found.into_iter()
}

fn module_of(path: &str) -> Option<String> {
    let inside = path.strip_prefix(SERVER)?;
    Some(inside.split('/').next()?.trim_end_matches(".rs").to_owned())
}

#[test]
fn arrows_point_down() {
    let mut wrong = Vec::new();
    for (from, names) in arrows() {
        for (to, place) in names.into_iter().filter(|(to, _)| height(to) > height(&from)) {
            wrong.push(format!("{place}: {from} must not know {to}"));
        }
    }
    assert!(wrong.is_empty(), "lib → nouns → access → directory → base: {wrong:#?}");
}

#[test]
fn arrows_between_nouns_form_no_circle() {
    let mut arrows = arrows();
    arrows.retain(|from, _| height(from) == 4);
    for names in arrows.values_mut() {
        names.retain(|to, _| height(to) == 4);
    }
    // Take away whoever points at nobody that is left, until nobody is left or a circle is.
    loop {
        let left: BTreeSet<String> = arrows.keys().cloned().collect();
        let before = left.len();
        arrows.retain(|_, names| names.keys().any(|to| left.contains(to)));
        if arrows.len() == before {
            break;
        }
    }
    assert!(arrows.is_empty(), "nouns in a circle, or pointing at one: {arrows:#?}");
}

#[test]
fn only_access_makes_permits() {
    let made = lines_with(&["Permit {", "Permit("], |path| path.starts_with("crates/garth-server/src/access/"));
    let made: Vec<_> = made.into_iter().filter(|line| !line.contains("&Permit")).collect();
    assert!(made.is_empty(), "a permit is made outside access: {made:#?}");
}
/// The rows of `reference/attacks.md` that are to be kept by now; later ones add themselves with their issues.
const ATTACKS: [std::ops::RangeInclusive<u32>; 5] = [1..=37, 39..=39, 41..=50, 52..=82, 84..=84];

/// Each row of the list of what must fail has a test of its name, `nNN_what_must_fail`.
#[test]
fn every_attack_has_its_test() {
    let texts: String = sources().iter().map(|source| source.text.as_str()).collect();
    let missing: Vec<String> = ATTACKS
        .into_iter()
        .flatten()
        .map(|number| format!("fn n{number:02}_"))
        .filter(|name| !texts.contains(name.as_str()))
        .collect();
    assert!(missing.is_empty(), "no test keeps these rows: {missing:?}");
}
