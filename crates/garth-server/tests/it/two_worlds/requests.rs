//! Requests out of chance: from a seed and the OpenAPI document, the same for both worlds.

use super::dice::{CALLERS, Dice};
use super::routes::{self, Entry};
use crate::support::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// One request, with tokens in the places of ids.
#[derive(Clone)]
pub struct Ask {
    pub number: usize,
    pub by: &'static str,
    pub route: &'static str,
    pub path: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Option<String>,
    pub address: String,
    /// What is made, if it is answered with 201.
    pub makes: &'static [&'static str],
}

impl Ask {
    pub fn method(&self) -> &'static str {
        self.route.split_once(' ').map_or("GET", |(method, _)| method)
    }

    /// All that is sent, as one text.
    pub fn text(&self) -> String {
        let headers: String = self.headers.iter().map(|(name, value)| format!("\n    {name}: {value}")).collect();
        let body = self.body.as_deref().map(|body| format!("\n    {body}")).unwrap_or_default();
        format!("{} {}{headers}{body}", self.method(), self.path)
    }

    /// Does it change anything if it is carried out?
    pub fn earnest(&self) -> bool {
        self.method() != "GET" && !self.path.contains("dry_run=true")
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} {}: {}", self.number, self.by, self.text())
    }
}

/// What the OpenAPI document tells of a route.
#[derive(Default)]
pub struct Told {
    pub parameters: Vec<String>,
    pub if_match: bool,
    /// The fields of its body, as `resources/*/name`.
    pub fields: BTreeSet<String>,
}

/// Every route that is described, as `GET /api/v1/spaces/{id}`.
pub async fn described(g: &Garth) -> BTreeMap<String, Told> {
    let document = g.anonymous().get("/api/v1/openapi.json").await.ok();
    let mut all = BTreeMap::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            if !operation["responses"].is_object() {
                continue;
            }
            let mut told = Told::default();
            for one in operation["parameters"].as_array().into_iter().flatten() {
                let name = one["name"].as_str().expect("a name");
                match one["in"].as_str().expect("a place") {
                    "query" => told.parameters.push(name.to_owned()),
                    "header" => told.if_match |= name == "If-Match",
                    _ => {}
                }
            }
            for (_, content) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
                fields(&document.json, &content["schema"], "", 0, &mut told.fields);
            }
            all.insert(format!("{} {path}", method.to_uppercase()), told);
        }
    }
    all
}

/// The fields that a schema tells of. Policies, and what is free, are not looked into.
fn fields(document: &Value, schema: &Value, at: &str, depth: usize, found: &mut BTreeSet<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        // Policies are written in many forms; each of them comes out of `Dice::policy`.
        if !reference.ends_with("/Written") && depth < 6 {
            let schema = document.pointer(reference.trim_start_matches('#')).expect("a reference that leads somewhere");
            fields(document, schema, at, depth + 1, found);
        }
        return;
    }
    for part in ["oneOf", "anyOf", "allOf"] {
        for one in schema[part].as_array().into_iter().flatten() {
            fields(document, one, at, depth + 1, found);
        }
    }
    if schema["items"].is_object() {
        fields(document, &schema["items"], &format!("{at}*/"), depth + 1, found);
    }
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        found.insert(format!("{at}{name}"));
        fields(document, inner, &format!("{at}{name}/"), depth + 1, found);
    }
}

/// Makes requests, one after the other.
pub struct Maker<'t> {
    pub dice: Dice,
    described: &'t BTreeMap<String, Told>,
    entries: Vec<Entry>,
}

impl<'t> Maker<'t> {
    pub fn new(seed: u64, described: &'t BTreeMap<String, Told>) -> Maker<'t> {
        Maker { dice: Dice::new(seed), described, entries: routes::entries() }
    }

    /// The next request.
    pub fn next(&mut self) -> Ask {
        let mut at = self.dice.below(self.entries.iter().map(|entry| entry.weight).sum());
        let mut entries = self.entries.iter();
        let index = entries.position(|entry| {
            let found = at < entry.weight;
            at = at.wrapping_sub(entry.weight);
            found
        });
        self.of(index.expect("the weights add up"))
    }

    /// A request to that route.
    pub fn of(&mut self, index: usize) -> Ask {
        let entry = &self.entries[index];
        let none = Told::default();
        let told = self.described.get(entry.route).unwrap_or(&none);
        let (method, template) = entry.route.split_once(' ').expect("a method and a path");
        let dice = &mut self.dice;
        dice.number += 1;
        dice.by = dice.weighted(&CALLERS);
        dice.dry = entry.dry_only || (method != "GET" && dice.chance(25));
        let body = entry.body.map(|body| body(dice).to_string());
        let lists = told.parameters.iter().any(|name| name == "cursor");
        let path = match dice.go_on(entry.route) {
            Some((by, path, list)) if lists && dice.chance(35) => {
                dice.by = by;
                let sign = if path.contains('?') { '&' } else { '?' };
                format!("{path}{sign}cursor=«c.cursor.{list}»")
            }
            _ => {
                let path = filled(dice, template);
                let path = asked(dice, path, &told.parameters);
                if lists {
                    dice.remember(entry.route, &path, true, &[]);
                }
                path
            }
        };
        // Where something hidden may lie below, deleting is refused: the one bit that may be told (`allowed`). In earnest the
        // worlds would go different ways from there.
        let below = path.contains("«v.space.0»") || path.contains("«v.space.1»");
        dice.dry |= entry.route == "DELETE /api/v1/spaces/{id}" && below;
        let path = match (method != "GET" && dice.dry, path.contains('?')) {
            (false, _) => path,
            (true, false) => format!("{path}?dry_run=true"),
            (true, true) => format!("{path}&dry_run=true"),
        };
        let makes: &[&'static str] = match entry.route {
            "POST /api/v1/resources" | "POST /api/v1/resources/batch" => &["resource", "code"],
            "POST /api/v1/spaces" => &["space"],
            "POST /api/v1/spaces/{id}/grants" => &["grant"],
            "POST /api/v1/spaces/{id}/api-keys" => &["key"],
            _ => &[],
        };
        dice.remember(entry.route, "", false, makes);
        let headers = headers(dice, method, told);
        let address = format!("10.0.0.{}", dice.below(6));
        Ask { number: dice.number, by: dice.by, route: entry.route, path, headers, body, address, makes }
    }
}

/// The path with ids in the places of its names.
fn filled(dice: &mut Dice, template: &str) -> String {
    let mut path = String::new();
    // What kim administers, so that what administrators may do is done, too: Beta with its grants and its key, or Gamma.
    let own = if dice.chance(40) { Some(dice.one(&["1", "1", "2"])) } else { None };
    for (at, step) in template.split('/').enumerate() {
        if at > 0 {
            path.push('/');
        }
        match step.strip_prefix('{').and_then(|step| step.strip_suffix('}')) {
            None => path.push_str(step),
            Some(name) => {
                let noun = routes::noun_of(template, name).unwrap_or_else(|| panic!("{template}: what is {{{name}}}?"));
                path.push_str(&match noun {
                    "resource" => dice.resource(),
                    "principal" => dice.principal(),
                    "meter" => dice.one(&["llm", "llm", "api.daily", "resources", "resources.task", "x"]).to_owned(),
                    "space" if own.is_some() => format!("«v.space.{}»", own.unwrap_or_default()),
                    "grant" if own == Some("1") && dice.chance(60) => {
                        dice.one(&["«v.grant.4»", "«v.grant.5»"]).to_owned()
                    }
                    "key" if own == Some("1") && dice.chance(60) => "«v.key.2»".to_owned(),
                    "user" if dice.chance(20) => format!("@{}", dice.one(&super::dice::USERNAMES)),
                    "group" if dice.chance(20) => format!("@{}", dice.one(&["crew", "ghosts", "no-group"])),
                    noun => dice.id(noun),
                });
            }
        }
    }
    path
}

/// The path with some of its parameters after it.
fn asked(dice: &mut Dice, path: String, parameters: &[String]) -> String {
    let mut pairs = Vec::new();
    for name in parameters.iter().filter(|name| !matches!(name.as_str(), "cursor" | "dry_run")) {
        let often = match name.as_str() {
            "confirm" => 95,
            "limit" => 50,
            "order" | "archived" => 30,
            "space" => 20,
            _ => 10,
        };
        while dice.chance(often) {
            let value = routes::parameter(dice, name);
            let value = value.unwrap_or_else(|| panic!("{path}: what could be asked for with {name}?"));
            pairs.push(format!("{name}={}", if value.starts_with('«') { value } else { escaped(&value) }));
            // Some may be said twice, whether that is allowed or not.
            if often > 40 || !dice.chance(15) {
                break;
            }
        }
    }
    if dice.chance(1) && parameters.iter().any(|name| name == "cursor") {
        pairs.push(format!("cursor={}", dice.one(&["x", "AAAA", "%00"])));
    }
    if pairs.is_empty() { path } else { format!("{path}?{}", pairs.join("&")) }
}

/// Percent-encoded, but for tokens in it.
fn escaped(text: &str) -> String {
    match text.split_once('«') {
        Some((before, token)) => format!("{}«{token}", percent(before)),
        None => percent(text),
    }
}

fn headers(dice: &mut Dice, method: &str, told: &Told) -> Vec<(&'static str, String)> {
    let mut headers = Vec::new();
    if told.if_match && dice.chance(35) {
        let stale = format!("\"{}\"", 1 + dice.below(3));
        headers.push(("if-match", dice.one(&[stale.as_str(), "*", "\"x\"", "W/\"1\""]).to_owned()));
    }
    if method == "GET" && dice.chance(5) {
        headers.push(("if-none-match", format!("\"{}\"", 1 + dice.below(3))));
    }
    if method == "POST" && dice.chance(15) {
        headers.push(("idempotency-key", format!("\"key-{}\"", dice.below(12))));
    }
    headers
}
