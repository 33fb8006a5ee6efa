//! Who would gain and who would lose what by a change, before it is made: in sentences.

use crate::base::error::Result;
use crate::console::look::{Face, named};
use crate::console::seat::Seat;
use crate::directory::Directory;
use crate::previews::{self, Item};
use garth_core::Principal;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use uuid::Uuid;

/// People that a page tells of; of more, the number.
const TOLD: usize = 50;
/// Permissions that a line names.
const NAMED: usize = 3;

/// What a change would move.
pub struct Moves {
    pub summary: String,
    pub people: Vec<Person>,
    /// How many more people there are.
    pub more: usize,
    /// Is that everything?
    pub complete: bool,
}

/// Somebody who would gain or lose.
pub struct Person {
    pub name: String,
    pub face: Face,
    pub gains: Vec<String>,
    pub loses: Vec<String>,
}

/// What a change would move.
///
/// # Errors
/// As the change itself would be refused, with its own pointers.
pub async fn moves(seat: &Seat, change: Map<String, Value>) -> Result<Moves> {
    let found = previews::preview(&seat.ctx, change).await.map_err(|error| error.without("/change"))?;
    let dir = seat.ctx.directory();
    let mut people: BTreeMap<String, Person> = BTreeMap::new();
    for item in found.items {
        let person = people.entry(item.principal.clone()).or_insert_with(|| person(&dir, &item));
        let thing = if item.thing.kind == "space" { named(&item.thing.name) } else { item.thing.name.clone() };
        for (list, actions) in [(&mut person.gains, &item.gains), (&mut person.loses, &item.loses)] {
            if !actions.is_empty() {
                list.push(words(&thing, item.thing.kind == "space", actions));
            }
        }
    }
    let count = |some: &dyn Fn(&Person) -> bool| people.values().filter(|person| some(person)).count();
    let gain = count(&|person| !person.gains.is_empty());
    let lose = count(&|person| !person.loses.is_empty());
    let summary = match (gain, lose) {
        (0, 0) => "Nobody gains or loses anything.".to_owned(),
        (gain, 0) => format!("{}, and nobody loses anything.", told(gain, "gains", "gain")),
        (0, lose) => format!("{}, and nobody gains anything.", told(lose, "loses", "lose")),
        (gain, lose) => format!("{}, and {lose} lose something.", told(gain, "gains", "gain")),
    };
    let more = people.len().saturating_sub(TOLD);
    Ok(Moves { summary, people: people.into_values().take(TOLD).collect(), more, complete: found.complete })
}

fn told(number: usize, one: &str, several: &str) -> String {
    if number == 1 { format!("1 person {one} something") } else { format!("{number} people {several} something") }
}

fn person(dir: &Directory, item: &Item) -> Person {
    let id = item.principal.split_once(':').and_then(|(_, id)| Uuid::try_parse(id).ok()).unwrap_or_default();
    let name = match item.who {
        Principal::User(user) => {
            let own = dir.users.info(user).map(|user| user.name.clone()).filter(|name| !name.is_empty());
            own.or_else(|| item.username.clone()).unwrap_or_default()
        }
        Principal::Key(_) => "An API key".to_owned(),
        _ => "A resource".to_owned(),
    };
    Person { face: Face::new(&name, &id), name, gains: Vec::new(), loses: Vec::new() }
}

/// What may be done, in a few words.
fn words(thing: &str, space: bool, actions: &[String]) -> String {
    let has = |name: &str| actions.iter().any(|action| action == name);
    let mut some = Vec::new();
    if has("read") {
        some.push("seeing it".to_owned());
    }
    if space && has("space:admin") {
        some.push("administering it".to_owned());
        return format!("{thing}: {}", some.join(", "));
    }
    if has("write") {
        some.push("changing it".to_owned());
    }
    let others: Vec<&String> = actions.iter().filter(|action| *action != "read" && *action != "write").collect();
    some.extend(others.iter().take(NAMED).map(|action| (*action).clone()));
    let more = others.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more permissions") } else { String::new() };
    format!("{thing}: {}{more}", some.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_is_told_in_few_words() {
        let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let all = list(&["job:read", "job:run", "job:write", "read", "space:admin", "task:read", "write"]);
        assert_eq!(words("Atlas", true, &all), "Atlas: seeing it, administering it");
        let some = list(&["job:read", "job:run", "note:read", "read", "task:read"]);
        assert_eq!(
            words("Atlas", true, &some),
            "Atlas: seeing it, job:read, job:run, note:read and 1 more permissions"
        );
        assert_eq!(words("Lift", false, &list(&["write"])), "Lift: changing it");
    }
}
