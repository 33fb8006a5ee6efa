//! What must follow from a scenario: one question each, and the answer the model gives.

use crate::directory::Definition;
use crate::scenarios::file::{Person, Resource};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// One question and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// The line of the file it stands on.
    pub line: u64,
    /// Who asks: `user:@name` or `anonymous`.
    pub who: String,
    /// What is asked, and the answer.
    pub asks: Asks,
    /// Why it must be so, in words.
    pub because: String,
}

/// A question with its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asks {
    /// May they do that?
    May {
        /// `read`, `write` or a permission.
        action: String,
        /// What it is to be done to.
        what: What,
        /// Is it allowed?
        allowed: bool,
    },
    /// What do they see?
    Lists {
        /// The kind's name.
        kind: String,
        /// The path of the space that is looked into; the whole file's spaces if none.
        space: Option<String>,
        /// Exactly these names, in any order.
        names: BTreeSet<String>,
    },
}

/// What is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A space, by its path.
    Space(String),
    /// A resource.
    Resource {
        /// Its kind's name.
        kind: String,
        /// Its name.
        name: String,
    },
}

impl Expectation {
    /// The username of who asks; none for anonymous.
    pub fn username(&self) -> Option<&str> {
        self.who.strip_prefix("user:@")
    }

    /// Requires that the file knows whom and what it asks about.
    pub(super) fn fits(
        &self,
        paths: &BTreeSet<String>,
        people: &[Person],
        resources: &[Resource],
    ) -> Result<(), String> {
        if let Some(name) = self.username()
            && !people.iter().any(|person| person.username == name)
        {
            return Err(format!("there is nobody called {name}"));
        }
        let resource = |kind: &str, name: &str| match resources.iter().any(|r| r.kind == kind && r.name == name) {
            true => Ok(()),
            false => Err(format!("there is no {kind} {name}")),
        };
        let space = |path: &String| match paths.contains(path) {
            true => Ok(()),
            false => Err(format!("there is no space {path}")),
        };
        match &self.asks {
            Asks::May { what: What::Space(path), .. } => space(path),
            Asks::May { what: What::Resource { kind, name }, .. } => resource(kind, name),
            Asks::Lists { kind, space: inside, names } => {
                inside.as_ref().map_or(Ok(()), space)?;
                names.iter().try_for_each(|name| resource(kind, name))
            }
        }
    }
}

/// The question in a few words, for whoever reads a failure.
impl std::fmt::Display for Expectation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let who = &self.who;
        match &self.asks {
            Asks::May { action, what: What::Space(path), allowed } => {
                write!(f, "line {}: {who} {action} space {path}: {}", self.line, word(*allowed))
            }
            Asks::May { action, what: What::Resource { kind, name }, allowed } => {
                write!(f, "line {}: {who} {action} {kind} “{name}”: {}", self.line, word(*allowed))
            }
            Asks::Lists { kind, space, names } => {
                let inside = space.as_ref().map(|path| format!(" in {path}")).unwrap_or_default();
                write!(f, "line {}: {who} lists {kind}{inside}: {names:?}", self.line)
            }
        }?;
        write!(f, ", because {}", self.because)
    }
}

fn word(allowed: bool) -> &'static str {
    if allowed { "allow" } else { "deny" }
}

/// Reads one line: the key that is a kind's name, or `space`, says what it is about.
pub(super) fn read(
    mut line: BTreeMap<String, Value>,
    number: u64,
    kinds: &[Definition],
) -> Result<Expectation, String> {
    let who = text(&mut line, "who")?;
    if who != "anonymous" && !who.starts_with("user:@") {
        return Err("who must be user:@name or anonymous".to_owned());
    }
    let because = text(&mut line, "because")?;
    let asks = if line.contains_key("lists") { lists(&mut line, kinds)? } else { may(&mut line, kinds)? };
    match line.into_keys().next() {
        Some(key) => Err(format!("{key} is not known here")),
        None => Ok(Expectation { line: number, who, asks, because }),
    }
}

fn lists(line: &mut BTreeMap<String, Value>, kinds: &[Definition]) -> Result<Asks, String> {
    let kind = text(line, "lists")?;
    if !kinds.iter().any(|k| k.name == kind) {
        return Err(format!("there is no kind {kind}"));
    }
    let space = if line.contains_key("in") { Some(text(line, "in")?) } else { None };
    let Some(Value::Array(list)) = line.remove("names") else { return Err("names must be a list".to_owned()) };
    let mut names = BTreeSet::new();
    for name in list {
        match name {
            Value::String(name) => names.insert(name),
            _ => return Err("names must be text; put them into quotes".to_owned()),
        };
    }
    Ok(Asks::Lists { kind, space, names })
}

fn may(line: &mut BTreeMap<String, Value>, kinds: &[Definition]) -> Result<Asks, String> {
    let action = text(line, "may")?;
    let allowed = match text(line, "answer")?.as_str() {
        "allow" => true,
        "deny" => false,
        _ => return Err("answer must be allow or deny".to_owned()),
    };
    let about = line.keys().find(|key| *key == "space" || kinds.iter().any(|k| k.name == **key)).cloned();
    let Some(about) = about else {
        return Err("it must say space or the name of a kind, with what is meant".to_owned());
    };
    let named = text(line, &about)?;
    let what = if about == "space" { What::Space(named) } else { What::Resource { kind: about, name: named } };
    Ok(Asks::May { action, what, allowed })
}

fn text(line: &mut BTreeMap<String, Value>, key: &str) -> Result<String, String> {
    match line.remove(key) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(format!("{key} must be text; put it into quotes")),
        None => Err(format!("{key} is missing")),
    }
}
