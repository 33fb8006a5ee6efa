//! Functions that call themselves, directly or by way of others: the library would follow them until its stack is used
//! up, which ends the whole program. (Of rules that need themselves it takes care by itself.)

use super::Fault;
use super::text::{Part, parts};
use std::collections::{BTreeMap, BTreeSet};

/// A rule as it was read: its path, how often it is defined, and whether it is a function.
pub(super) struct Defined<'a> {
    pub path: &'a str,
    pub times: usize,
    pub function: bool,
}

/// Requires that no function leads to itself. Whatever names a function, called or not, belongs to the rule whose definition
/// began last, and each definition must begin a line, so that none is taken for part of another. Only the input may be
/// replaced by `with`: a function in the place of another would close circles that nobody sees here.
///
/// # Errors
/// At a name that closes a circle, at the default of a function, at a `with` of anything else than the input, or where
/// definitions and lines do not match.
pub(super) fn refuse(text: &str, package: &str, rules: &[Defined<'_>]) -> Result<(), Fault> {
    let named: Vec<(usize, Part<'_>)> = parts(text).collect();
    let after = |place: usize| named.get(place + 1).map(|(_, part)| part);
    for (place, (at, part)) in named.iter().enumerate() {
        if *part == Part::Name("with") && !matches!(after(place), Some(Part::Name(name)) if first_step(name) == "input")
        {
            return Err(Fault::at(text, *at, "only the input can be replaced by with".to_owned()));
        }
    }
    let functions: BTreeSet<&str> = rules.iter().filter(|rule| rule.function).map(|rule| rule.path).collect();
    if functions.is_empty() {
        return Ok(());
    }
    let path = |name: &str| if name.starts_with("data.") { name.to_owned() } else { format!("{package}.{name}") };
    // By the first step after the package: the others of a path may stand in brackets.
    let own = |path: &str| path.strip_prefix(package).and_then(|rest| rest.strip_prefix('.')).map(first_step);
    let mut expected: BTreeMap<String, usize> = BTreeMap::new();
    for rule in rules {
        if let Some(step) = own(rule.path) {
            *expected.entry(step).or_default() += rule.times;
        }
    }
    let mut met: BTreeMap<String, usize> = BTreeMap::new();
    let mut leads: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let (mut inside, mut depth) = (None, 0_usize);
    for (place, (at, part)) in named.iter().enumerate() {
        match part {
            Part::Sign('[' | '{' | '(') => depth += 1,
            Part::Sign(']' | '}' | ')') => depth = depth.saturating_sub(1),
            Part::Name(name) => {
                let called = after(place) == Some(&Part::Sign('('));
                let function = functions.get(path(name).as_str()).copied();
                let step = first_step(name);
                let default = place.checked_sub(1).and_then(|before| named.get(before));
                if function.is_some() && default.is_some_and(|(_, before)| *before == Part::Name("default")) {
                    return Err(Fault::at(text, *at, "a function has no default here".to_owned()));
                }
                if depth == 0 && begins_a_line(text, *at) && expected.contains_key(&step) {
                    *met.entry(step).or_default() += 1;
                    inside = function.filter(|_| called);
                } else if let (Some(caller), Some(function)) = (inside, function) {
                    leads.entry(caller).or_default().insert(function);
                    if reaches(&leads, function, caller) {
                        return Err(Fault::at(text, *at, format!("{name} would lead to itself")));
                    }
                }
            }
            _ => {}
        }
    }
    if met == expected {
        return Ok(());
    }
    Err(Fault::of(
        "in a policy with functions each definition of a rule must begin a line, and nothing else with its name",
    ))
}

fn first_step(name: &str) -> String {
    name.split(['.', '[']).next().unwrap_or_default().to_owned()
}

fn begins_a_line(text: &str, at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    before.rsplit('\n').next().is_some_and(|line| line.trim().is_empty())
}

/// Does one lead to the other, over any number of calls?
fn reaches(leads: &BTreeMap<&str, BTreeSet<&str>>, from: &str, to: &str) -> bool {
    let mut seen = BTreeSet::from([from]);
    let mut next = vec![from];
    while let Some(function) = next.pop() {
        if function == to {
            return true;
        }
        next.extend(leads.get(function).into_iter().flatten().copied().filter(|more| seen.insert(*more)));
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_are_found() {
        let of = |text: &str, rules: &[(&str, bool)]| {
            let rules: Vec<Defined<'_>> =
                rules.iter().map(|(path, function)| Defined { path, times: 1, function: *function }).collect();
            refuse(text, "data.garth", &rules).is_ok()
        };
        let (f, g, allow) = (("data.garth.f", true), ("data.garth.g", true), ("data.garth.allow", false));
        assert!(of("f(x) := g(x)\ng(x) := x", &[f, g]));
        assert!(of("g(x) := x\nf(x) := [g(y) | some y in x]\nallow if f(1)", &[f, g, allow]));
        assert!(of("g(x) if {\n  x == 1\n}\n\n# f(\nallow if {\n  g(2)\n}", &[g, allow]));
        assert!(!of("f(x) := f(x)", &[f]));
        assert!(!of("f(x) := data.garth.f(x)", &[f]));
        assert!(!of("f(x) := g(x)\ng(x) := f(x)", &[f, g]));
        assert!(!of("g(x) := 1 f(x) := f(x)", &[f, g]));
        assert!(!of("f(x) := g(\n  f(x))\ng(x) := x", &[f, g]));
        // A line that goes on with the name of a rule could hide whose call it is.
        assert!(!of("f(x) if\nallow == f(x)\nallow := 1", &[f, allow]));
        assert!(of("allow := allow", &[allow]));
        // One function in the place of another, and one that is named and not called.
        assert!(!of("f(x) := y if { y := abs(x) with abs as f }\nallow if f(1)", &[f, allow]));
        assert!(!of("f(x) := y if { y := g(x) with data.garth.g as f }\ng(x) := x", &[f, g]));
        assert!(!of("allow if abs(1) with abs as 1", &[allow]));
        assert!(of("allow if g(1) with input.x as 1\ng(x) := x", &[allow, g]));
        assert!(!of("default f(_) := [y | y := f(1)]\nf(x) := 1 if x == 2\nallow if f(1)", &[f, allow]));
    }
}
