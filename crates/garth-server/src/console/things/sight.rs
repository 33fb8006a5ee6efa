//! Who gains and who loses what by a change, in sentences.

use super::super::look::capital;
use super::super::names::Names;
use crate::previews::Preview;

/// People that one sentence names.
const NAMED: usize = 6;

/// What a change moves for people.
#[derive(Default)]
pub struct Moves {
    /// Each with whether it takes something away.
    pub lines: Vec<Said>,
    /// Is that everybody whom the caller can see?
    pub complete: bool,
}

/// A sentence about some people.
pub struct Said {
    pub text: String,
    pub loses: bool,
}

/// What people could do, and in which of the sentences they stand.
#[derive(Default)]
struct Sorted {
    sees: Vec<String>,
    unsees: Vec<String>,
    more: Vec<String>,
    less: Vec<String>,
}

impl Moves {
    /// Of previews of resources; `what` is what they are called in a sentence.
    pub fn of(names: &Names<'_>, previews: &[Preview], what: &str) -> Self {
        let mut sorted = Sorted::default();
        let items = previews.iter().flat_map(|preview| &preview.items).filter(|item| item.thing.kind != "space");
        for item in items {
            let name = match &item.username {
                Some(_) => names.of(&item.principal),
                None if item.principal.starts_with("key:") => "an API key".to_owned(),
                None => "a resource that holds roles".to_owned(),
            };
            let has = |list: &[String]| list.iter().any(|action| action == "read");
            if has(&item.gains) {
                push(&mut sorted.sees, name);
            } else if has(&item.loses) {
                push(&mut sorted.unsees, name);
            } else {
                if !item.gains.is_empty() {
                    push(&mut sorted.more, name.clone());
                }
                if !item.loses.is_empty() {
                    push(&mut sorted.less, name);
                }
            }
        }
        let Sorted { mut sees, mut unsees, mut more, mut less } = sorted;
        // People first, what is no person last.
        for list in [&mut sees, &mut unsees, &mut more, &mut less] {
            list.sort_by_key(|name| matches!(name.as_str(), "an API key" | "a resource that holds roles"));
        }
        let all = [
            (unsees, "can no longer see", true),
            (less, "can do less with", true),
            (sees, "will see", false),
            (more, "can do more with", false),
        ];
        let line = |(people, verb, loses): (Vec<String>, &str, bool)| {
            let text = format!("{} {verb} {what}.", listed(&people));
            // Usernames stay as they are written.
            let text = if text.starts_with("an ") || text.starts_with("a ") { capital(&text) } else { text };
            (!people.is_empty()).then_some(Said { text, loses })
        };
        let complete = previews.iter().all(|preview| preview.complete);
        Self { lines: all.into_iter().filter_map(line).collect(), complete }
    }
}

fn push(list: &mut Vec<String>, name: String) {
    if !list.contains(&name) {
        list.push(name);
    }
}

/// “Ada, Bo and 3 others”.
pub fn listed(people: &[String]) -> String {
    let (named, rest) = people.split_at(people.len().min(NAMED));
    match (named, rest.len()) {
        ([], _) => "Nobody".to_owned(),
        ([only], 0) => only.clone(),
        ([first @ .., last], 0) => format!("{} and {last}", first.join(", ")),
        (named, 1) => format!("{} and 1 other", named.join(", ")),
        (named, more) => format!("{} and {more} others", named.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_listed_as_somebody_would_say_it() {
        let people = |number: usize| (0..number).map(|at| format!("P{at}")).collect::<Vec<_>>();
        for (number, is) in [
            (0, "Nobody"),
            (1, "P0"),
            (2, "P0 and P1"),
            (3, "P0, P1 and P2"),
            (7, "P0, P1, P2, P3, P4, P5 and 1 other"),
            (9, "P0, P1, P2, P3, P4, P5 and 3 others"),
        ] {
            assert_eq!(listed(&people(number)), is);
        }
    }
}
