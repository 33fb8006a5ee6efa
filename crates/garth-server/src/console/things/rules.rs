//! A policy as a form: plain words first, rules of one's own, and JSON for whatever else a policy can be.

use crate::access::Viewer;
use crate::base::error::{Error, Result};
use crate::base::http::parse_json;
use crate::console::fields::{many, one};
use crate::directory::Directory;
use crate::directory::policy::Sees;
use garth_core::Principal;
use serde_json::{Value, json};

/// Rules that the form writes; a longer policy is JSON.
pub const RULES: usize = 40;

/// Somebody who reads a policy: whom they may not know of has no name.
pub struct Eyes<'a> {
    pub dir: &'a Directory,
    pub viewer: Viewer<'a>,
}

/// One of the two policies of a resource, on the form.
pub struct Side {
    /// `view` or `edit`.
    pub name: &'static str,
    /// Which of the ways below.
    pub form: String,
    /// Usernames, a line each.
    pub people: String,
    /// Names of groups, likewise.
    pub groups: String,
    /// The id of a named policy.
    pub named: String,
    pub rules: Vec<Rule>,
    /// What holds for everybody else: `allow` or `deny`.
    pub rest: String,
    pub json: String,
}

/// A rule, as it is written.
#[derive(Clone, Default)]
pub struct Rule {
    pub effect: String,
    pub who: String,
    pub what: String,
}

impl Rule {
    /// For the template: is it that one?
    pub fn is(&self, who: &str) -> bool {
        self.who == who
    }
}

/// What a rule can be about, with what is written beside it.
pub const WHO: [(&str, &str); 10] = [
    ("author", "whoever made it"),
    ("owner", "its owner"),
    ("subscribers", "whoever follows it"),
    ("members", "everybody with a role here"),
    ("users", "everybody signed in"),
    ("user", "these people…"),
    ("group", "these groups…"),
    ("permission", "whoever holds the permission…"),
    ("named", "whom the named policy lets…"),
    ("json", "a rule as JSON…"),
];

impl Side {
    /// The form of a policy as it is stored; of none, the kind's counts.
    pub fn of(eyes: &Eyes<'_>, name: &'static str, policy: Option<&Value>) -> Self {
        let mut side = Self {
            name,
            form: "kind".to_owned(),
            people: String::new(),
            groups: String::new(),
            named: String::new(),
            rules: Vec::new(),
            rest: "deny".to_owned(),
            json: String::new(),
        };
        let Some(policy) = policy else { return side };
        side.json = serde_json::to_string_pretty(policy).unwrap_or_default();
        side.form = side.read(eyes, policy).unwrap_or("json").to_owned();
        side
    }

    /// Which form it fits, filled in; `None` where it is more than the form can say.
    fn read(&mut self, eyes: &Eyes<'_>, policy: &Value) -> Option<&'static str> {
        match policy {
            Value::String(word) if word == "members" => return Some("members"),
            Value::String(word) if word == "users" => return Some("users"),
            Value::String(_) => return None,
            _ if policy["permission"] == "space:admin" => return Some("admins"),
            _ => {}
        }
        if let Some(id) = policy["named"].as_str() {
            id.clone_into(&mut self.named);
            return Some("named");
        }
        if policy["users"].is_array() || policy["groups_any"].is_array() {
            self.people = names(eyes, &policy["users"]);
            self.groups = names(eyes, &policy["groups_any"]);
            return Some("people");
        }
        let rules = policy["rules"].as_array().filter(|rules| rules.len() <= RULES)?;
        policy["default"].as_str()?.clone_into(&mut self.rest);
        if let [one, other] = rules.as_slice()
            && let (allow, deny) = ("allow", "deny")
            && (&one["effect"], &other["effect"], &policy["default"]) == (&json!(allow), &json!(allow), &json!(deny))
            && one["who"]["users"].is_array()
            && other["who"]["groups_any"].is_array()
            && [one, other].iter().all(|rule| rule.as_object().is_some_and(|rule| rule.len() == 2))
        {
            self.people = names(eyes, &one["who"]["users"]);
            self.groups = names(eyes, &other["who"]["groups_any"]);
            return Some("people");
        }
        self.rules = rules.iter().map(|rule| rule_of(eyes, rule)).collect();
        Some("custom")
    }

    /// The form as it was sent.
    pub fn sent(name: &'static str, sent: &[(String, String)]) -> Self {
        let text = |field: &str| one(sent, &format!("{name}.{field}")).to_owned();
        let each = |field: &str| many(sent, &format!("{name}.rule.{field}"));
        let (effects, who, what) = (each("effect"), each("who"), each("what"));
        let rules = effects.into_iter().zip(who).zip(what).take(RULES);
        let rules = rules.map(|((effect, who), what)| Rule { effect, who, what });
        let form = text("form");
        let rest = text("rest");
        Self {
            name,
            form: if form.is_empty() { "kind".to_owned() } else { form },
            people: text("people"),
            groups: text("groups"),
            named: text("named"),
            // What is about nobody was taken out.
            rules: rules.filter(|rule| !rule.who.is_empty()).collect(),
            rest: if rest.is_empty() { "deny".to_owned() } else { rest },
            json: text("json"),
        }
    }

    /// For the template: is it that form?
    pub fn is(&self, form: &str) -> bool {
        self.form == form
    }

    /// What is asked for; `None` is the kind's.
    ///
    /// # Errors
    /// 422 at the side, for JSON that is none, and for nobody.
    pub fn policy(&self) -> Result<Option<Value>> {
        let wrong = |why: &str| Error::field(format!("/{}", self.name), why);
        let principals =
            |text: &str, of: &str| -> Vec<String> { written(text).map(|name| principal(&name, of)).collect() };
        Ok(Some(match self.form.as_str() {
            "kind" => return Ok(None),
            "members" => json!("members"),
            "users" => json!("users"),
            "admins" => json!({"permission": "space:admin"}),
            "named" if self.named.is_empty() => return Err(wrong("choose one of the named policies")),
            "named" => json!({"named": self.named}),
            "people" => {
                let (people, groups) = (principals(&self.people, "user"), principals(&self.groups, "group"));
                match (people.is_empty(), groups.is_empty()) {
                    (true, true) => return Err(wrong("name at least one of them")),
                    (false, true) => json!({"users": people}),
                    (true, false) => json!({"groups_any": groups}),
                    (false, false) => json!({"default": "deny", "rules": [
                        {"effect": "allow", "who": {"users": people}},
                        {"effect": "allow", "who": {"groups_any": groups}}]}),
                }
            }
            "custom" => {
                let rules = self.rules.iter().map(|rule| value_of(rule).map_err(wrong)).collect::<Result<Vec<_>>>()?;
                json!({"rules": rules, "default": self.rest})
            }
            _ => parse_json(self.json.as_bytes()).map_err(|_| wrong("must be JSON"))?,
        }))
    }
}

/// Names as they are typed: a line or a comma between them.
fn written(text: &str) -> impl Iterator<Item = String> {
    text.split([',', '\n']).map(|name| name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// A principal by what was typed: a name, or as the API writes it.
fn principal(name: &str, of: &str) -> String {
    if name.contains(':') { name.to_owned() } else { format!("{of}:@{}", name.trim_start_matches('@')) }
}

/// Who they are, by name; others as they are written.
fn names(eyes: &Eyes<'_>, list: &Value) -> String {
    let dir = eyes.dir;
    let name = |text: &str| match dir.principal(text).filter(|found| eyes.viewer.principal(*found)) {
        Some(Principal::User(user)) => dir.users.info(user).map(|user| user.username.clone()),
        Some(Principal::Group(group)) => dir.groups.info(group).map(|group| group.name.clone()),
        Some(Principal::Everyone) => Some("everyone".to_owned()),
        _ => None,
    };
    let each = list.as_array().into_iter().flatten().filter_map(Value::as_str);
    each.map(|text| name(text).unwrap_or_else(|| text.to_owned())).collect::<Vec<_>>().join("\n")
}

fn rule_of(eyes: &Eyes<'_>, rule: &Value) -> Rule {
    let who = &rule["who"];
    let effect = rule["effect"].as_str().unwrap_or("deny").to_owned();
    let plain = rule.as_object().is_some_and(|fields| fields.len() == 2);
    let (word, what) = match who {
        Value::String(word) if WHO.iter().any(|(known, _)| known == word) => (word.as_str(), String::new()),
        _ if who["users"].is_array() => ("user", names(eyes, &who["users"]).replace('\n', ", ")),
        _ if who["groups_any"].is_array() => ("group", names(eyes, &who["groups_any"]).replace('\n', ", ")),
        _ if who["permission"].is_string() => ("permission", who["permission"].as_str().unwrap_or_default().to_owned()),
        _ if who["named"].is_string() => ("named", who["named"].as_str().unwrap_or_default().to_owned()),
        _ => ("json", rule.to_string()),
    };
    match plain {
        true => Rule { effect, who: word.to_owned(), what },
        false => Rule { effect, who: "json".to_owned(), what: rule.to_string() },
    }
}

fn value_of(rule: &Rule) -> std::result::Result<Value, &'static str> {
    let list = |of: &str| -> Vec<String> { written(&rule.what).map(|name| principal(&name, of)).collect() };
    let what = rule.what.trim();
    let who = match rule.who.as_str() {
        word @ ("author" | "owner" | "subscribers" | "members" | "users") => json!(word),
        "user" => json!({"users": list("user")}),
        "group" => json!({"groups_any": list("group")}),
        "permission" => json!({"permission": what}),
        "named" => {
            json!({"named": if what.contains('-') { what.to_owned() } else { format!("@{}", what.trim_start_matches('@')) }})
        }
        "json" => return parse_json(what.as_bytes()).map_err(|_| "has a rule that must be JSON"),
        _ => return Err("has a rule about nobody that is known"),
    };
    Ok(json!({"effect": rule.effect, "who": who}))
}

/// A policy in a few plain words, for whoever may read it.
pub fn words(eyes: &Eyes<'_>, policy: Option<&Value>, several: &str, verb: &str) -> String {
    let Some(policy) = policy else {
        return format!("Whoever may {verb} {several} here");
    };
    match policy {
        Value::String(word) => match word.as_str() {
            "public" => "Anybody, signed in or not".to_owned(),
            "users" => "Everybody signed in who can see the space".to_owned(),
            "members" => "Everybody with a role here".to_owned(),
            "admins" => "System administrators who can see the space".to_owned(),
            _ => "Nobody".to_owned(),
        },
        _ if policy["permission"] == "space:admin" => "Only administrators of the space".to_owned(),
        _ if policy["permission"].is_string() => {
            format!("Whoever holds {}", policy["permission"].as_str().unwrap_or_default())
        }
        _ if policy["users"].is_array() => format!("Only {}", names(eyes, &policy["users"]).replace('\n', ", ")),
        _ if policy["groups_any"].is_array() => {
            format!("Only members of {}", names(eyes, &policy["groups_any"]).replace('\n', ", "))
        }
        _ if policy["named"].is_string() => "Whom a named policy lets".to_owned(),
        _ if policy["rules"].is_array() => "Whom its own rules let".to_owned(),
        _ => "Members of certain groups".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(pairs: &[(&str, &str)]) -> Side {
        let pairs: Vec<(String, String)> = pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        Side::sent("view", &pairs)
    }

    #[test]
    fn a_form_becomes_a_policy() {
        for (pairs, is) in [
            (vec![], None),
            (vec![("view.form", "members")], Some(json!("members"))),
            (vec![("view.form", "admins")], Some(json!({"permission": "space:admin"}))),
            (
                vec![("view.form", "people"), ("view.people", "bo\r\n@lin, user:1")],
                Some(json!({"users": ["user:@bo", "user:@lin", "user:1"]})),
            ),
            (
                vec![("view.form", "people"), ("view.people", "bo"), ("view.groups", "crew")],
                Some(json!({"default": "deny", "rules": [{"effect": "allow", "who": {"users": ["user:@bo"]}},
                    {"effect": "allow", "who": {"groups_any": ["group:@crew"]}}]})),
            ),
            (
                vec![
                    ("view.form", "custom"),
                    ("view.rule.effect", "deny"),
                    ("view.rule.who", "user"),
                    ("view.rule.what", "bo"),
                    ("view.rule.effect", "allow"),
                    ("view.rule.who", ""),
                    ("view.rule.what", ""),
                    ("view.rule.effect", "allow"),
                    ("view.rule.who", "author"),
                    ("view.rule.what", ""),
                    ("view.rest", "allow"),
                ],
                Some(json!({"default": "allow", "rules": [{"effect": "deny", "who": {"users": ["user:@bo"]}},
                    {"effect": "allow", "who": "author"}]})),
            ),
            (vec![("view.form", "json"), ("view.json", "{\"groups_all\": []}")], Some(json!({"groups_all": []}))),
        ] {
            assert_eq!(sent(&pairs).policy().expect("a policy"), is, "{pairs:?}");
        }
        for pairs in [
            vec![("view.form", "people")],
            vec![("view.form", "named")],
            vec![("view.form", "json"), ("view.json", "{")],
            vec![
                ("view.form", "custom"),
                ("view.rule.effect", "allow"),
                ("view.rule.who", "json"),
                ("view.rule.what", "x"),
            ],
        ] {
            assert!(matches!(sent(&pairs).policy(), Err(Error::Invalid(_))), "{pairs:?}");
        }
    }
}
