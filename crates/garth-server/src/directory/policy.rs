//! Policies as JSON, read into the form that decides.
//!
//! One reader serves both ends: at save its complaints refuse the request, at load
//! whatever it complains about denies everyone (`MODEL.md`, "Policies").

use crate::base::clock;
use crate::base::error::{ERRORS, FieldError};
use crate::base::text::pointer as step;
use crate::directory::Directory;
use garth_core::{
    Asked, Effect, Fact, Given, MAX_POLICY_DEPTH, Moon, Part, Policy, PolicyIx, Principal, Rule, UserIx, When, Who,
};
use serde_json::{Map, Value, json};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// Most users, groups or rules in one list of a policy.
pub const LIST_MAX: usize = 500;
/// Most properties that a rule asks for.
pub const GIVEN_MAX: usize = 16;
/// Longest name, and longest text, of a property that a rule asks for, in bytes.
pub const PROPERTY_MAX: usize = 255;

/// Policies that are one word.
const WORDS: [&str; 5] = ["public", "users", "members", "admins", "nobody"];

/// Where a policy stands; not every form fits everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A space's view policy: no author or owner there, no time windows, no properties of the question.
    Gate,
    /// A space's edit policy: no author or owner there.
    SpaceEdit,
    /// A policy of a resource, of a kind, or kept under a name.
    Resource,
}

/// What a policy may name.
pub trait Sees {
    /// May the one who writes the policy see that principal?
    fn principal(&self, principal: Principal) -> bool;
    /// May they use that named policy?
    fn policy(&self, policy: PolicyIx) -> bool;
}

/// Sees everything: the system, and what was saved before.
pub struct All;

impl Sees for All {
    fn principal(&self, _: Principal) -> bool {
        true
    }

    fn policy(&self, _: PolicyIx) -> bool {
        true
    }
}

/// A policy that was read.
pub struct Read {
    /// What decides; [`Policy::Unknown`] where something could not be read.
    pub policy: Policy,
    /// The same JSON with every name turned into an id and every list sorted: what is stored.
    pub canonical: Value,
    /// What is wrong with it.
    pub errors: Vec<FieldError>,
}

/// A policy in a request or an answer, for the description of the interface: a word, or an object with one form.
pub struct Written;

impl PartialSchema for Written {
    fn schema() -> RefOr<Schema> {
        let words = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(WORDS));
        let text =
            "Who passes: one of `permission`, `users`, `groups_any`, `groups_all`, `named`; or `rules` with `default`";
        let form = ObjectBuilder::new().schema_type(Type::Object).description(Some(text));
        OneOfBuilder::new().item(words).item(form).into()
    }
}

impl ToSchema for Written {}

/// Reads a policy.
pub fn read(directory: &Directory, value: &Value, pointer: &str, place: Place, sees: &dyn Sees) -> Read {
    let mut reader = Reader { directory, place, sees, errors: Vec::new() };
    let (policy, canonical) = reader.policy(value, pointer, 1);
    if reader.errors.is_empty() && policy.depth(&directory.world) > MAX_POLICY_DEPTH {
        reader.refuse(pointer, format!("nests deeper than {MAX_POLICY_DEPTH}, named policies included"));
    }
    let world = &directory.world;
    let windows = place == Place::Gate && (policy.mentions_time(world) || policy.mentions_given(world));
    let relations = place != Place::Resource && policy.mentions_facts(&directory.world);
    if reader.errors.is_empty() && (windows || relations) {
        reader.refuse(pointer, "names a policy that does not fit here");
    }
    Read { policy, canonical, errors: reader.errors }
}

/// Reads what was stored: anything wrong denies.
pub fn compile(directory: &Directory, stored: &str, place: Place) -> Policy {
    let Ok(value) = serde_json::from_str::<Value>(stored) else { return Policy::Unknown };
    let read = read(directory, &value, "", place, &All);
    if read.errors.is_empty() { read.policy } else { Policy::Unknown }
}

struct Reader<'a> {
    directory: &'a Directory,
    place: Place,
    sees: &'a dyn Sees,
    errors: Vec<FieldError>,
}

impl Reader<'_> {
    fn refuse(&mut self, pointer: &str, message: impl Into<String>) {
        // One mistake refuses the policy; of thousands, the first are told.
        if self.errors.len() == ERRORS {
            return;
        }
        self.errors.push(FieldError { pointer: pointer.to_owned(), message: message.into() });
    }

    fn unknown(&mut self, pointer: &str, message: impl Into<String>) -> (Policy, Value) {
        self.refuse(pointer, message);
        (Policy::Unknown, Value::Null)
    }

    fn policy(&mut self, value: &Value, pointer: &str, depth: usize) -> (Policy, Value) {
        const FORMS: &str = "must be public, users, members, admins, nobody, or an object with one of permission, users, groups_any, groups_all, named, rules";
        if depth > MAX_POLICY_DEPTH {
            return self.unknown(pointer, format!("nests deeper than {MAX_POLICY_DEPTH}"));
        }
        match value {
            Value::String(word) => {
                let policy = match word.as_str() {
                    "public" => Policy::Public,
                    "users" => Policy::Users,
                    "members" => Policy::Members,
                    "admins" => Policy::Admins,
                    "nobody" => Policy::Nobody,
                    _ => return self.unknown(pointer, FORMS),
                };
                (policy, value.clone())
            }
            Value::Object(object) if object.contains_key("rules") => self.rules(object, pointer, depth),
            Value::Object(object) => match object.iter().next() {
                Some((form, inner)) if object.len() == 1 => self.form(form, inner, &step(pointer, form)),
                _ => self.unknown(pointer, FORMS),
            },
            _ => self.unknown(pointer, FORMS),
        }
    }

    fn form(&mut self, form: &str, inner: &Value, pointer: &str) -> (Policy, Value) {
        match form {
            "permission" => {
                let name = inner.as_str().unwrap_or_default();
                match self.directory.permission(name) {
                    Some(permission) => (Policy::Permission(permission), json!({ "permission": name })),
                    None => self.unknown(pointer, "is not a known permission"),
                }
            }
            "users" => {
                let principals = self.principals(inner, pointer, |p| matches!(p, Principal::User(_)), "a user");
                let users: Vec<UserIx> = principals
                    .iter()
                    .filter_map(|p| if let Principal::User(user) = p { Some(*user) } else { None })
                    .collect();
                (Policy::These(users.into()), json!({ "users": self.names(&principals) }))
            }
            "groups_any" | "groups_all" => {
                let fits = |p| matches!(p, Principal::Group(_) | Principal::Everyone);
                let groups = self.principals(inner, pointer, fits, "a group");
                let canonical = json!({ form: self.names(&groups) });
                let groups = groups.into();
                (if form == "groups_any" { Policy::GroupsAny(groups) } else { Policy::GroupsAll(groups) }, canonical)
            }
            "named" => {
                let found = inner.as_str().and_then(|text| self.directory.policy_ref(text));
                match found.filter(|ix| self.sees.policy(*ix)) {
                    Some(ix) => {
                        let id = self.directory.policies.info(ix).map(|p| p.id.to_string());
                        (Policy::Named(ix), json!({ "named": id }))
                    }
                    None => self.unknown(pointer, "is not a known policy"),
                }
            }
            _ => self.unknown(pointer, "is not a form of policy"),
        }
    }

    fn names(&self, principals: &[Principal]) -> Vec<String> {
        principals.iter().map(|p| self.directory.principal_text(*p)).collect()
    }

    fn principals(
        &mut self,
        list: &Value,
        pointer: &str,
        fits: impl Fn(Principal) -> bool,
        what: &str,
    ) -> Vec<Principal> {
        let Some(list) = list.as_array().filter(|l| l.len() <= LIST_MAX) else {
            self.refuse(pointer, format!("must be a list of at most {LIST_MAX}"));
            return Vec::new();
        };
        let mut found = Vec::new();
        for (at, item) in list.iter().enumerate() {
            let principal = item.as_str().and_then(|text| self.directory.principal(text));
            match principal.filter(|p| fits(*p) && self.sees.principal(*p)) {
                Some(principal) if found.contains(&principal) => {}
                Some(principal) => found.push(principal),
                None => self.refuse(&step(pointer, &at.to_string()), format!("is not {what} you can see")),
            }
        }
        found.sort_unstable();
        found
    }

    fn rules(&mut self, object: &Map<String, Value>, pointer: &str, depth: usize) -> (Policy, Value) {
        for key in object.keys().filter(|k| !matches!(k.as_str(), "rules" | "default")) {
            self.refuse(&step(pointer, key), "is not a field of a policy with rules");
        }
        let default = match object.get("default").and_then(effect) {
            Some(default) => default,
            None => return self.unknown(&step(pointer, "default"), "must be allow or deny"),
        };
        let at = step(pointer, "rules");
        let Some(list) = object.get("rules").and_then(Value::as_array).filter(|l| l.len() <= LIST_MAX) else {
            return self.unknown(&at, format!("must be a list of at most {LIST_MAX}"));
        };
        let mut rules = Vec::with_capacity(list.len());
        let mut canonical = Vec::with_capacity(list.len());
        for (number, rule) in list.iter().enumerate() {
            let (rule, text) = self.rule(rule, &step(&at, &number.to_string()), depth);
            rules.push(rule);
            canonical.push(text);
        }
        let canonical = json!({ "rules": canonical, "default": effect_text(default) });
        (Policy::Rules(rules.into(), default), canonical)
    }

    fn rule(&mut self, rule: &Value, pointer: &str, depth: usize) -> (Rule, Value) {
        let denies_all = Rule { effect: Effect::Deny, who: Who::Policy(Policy::Unknown), when: None, given: [].into() };
        let Some(object) = rule.as_object() else {
            self.refuse(pointer, "must be an object with effect, who and, if wanted, when and given");
            return (denies_all, Value::Null);
        };
        for key in object.keys().filter(|k| !matches!(k.as_str(), "effect" | "who" | "when" | "given")) {
            self.refuse(&step(pointer, key), "is not a field of a rule");
        }
        let Some(effect) = object.get("effect").and_then(effect) else {
            self.refuse(&step(pointer, "effect"), "must be allow or deny");
            return (denies_all, Value::Null);
        };
        let at = step(pointer, "who");
        let (who, who_text) = match object.get("who") {
            Some(Value::String(word)) if matches!(word.as_str(), "author" | "owner" | "subscribers") => {
                if self.place != Place::Resource {
                    self.refuse(&at, "fits the policies of resources only");
                }
                let who = match word.as_str() {
                    "author" => Who::Author,
                    "owner" => Who::Owner,
                    _ => Who::Subscribers,
                };
                (who, json!(word))
            }
            Some(inner) => {
                let (policy, text) = self.policy(inner, &at, depth + 1);
                (Who::Policy(policy), text)
            }
            None => {
                self.refuse(&at, "is missing");
                return (denies_all, Value::Null);
            }
        };
        let mut canonical = json!({ "effect": effect_text(effect), "who": who_text });
        let when = object.get("when").map(|window| {
            if self.place == Place::Gate {
                self.refuse(&step(pointer, "when"), "does not fit a space's gate");
            }
            canonical["when"] = window.clone();
            self.when(window, &step(pointer, "when"))
        });
        let mut given = Vec::new();
        if let Some(asked) = object.get("given") {
            if self.place == Place::Gate {
                self.refuse(&step(pointer, "given"), "does not fit a space's gate");
            }
            canonical["given"] = asked.clone();
            given = self.given(asked, &step(pointer, "given"));
        }
        (Rule { effect, who, when, given: given.into() }, canonical)
    }

    /// `{"resource": {"status": "archived"}, "action": {"soft": {"is": true, "otherwise": false}}}`.
    fn given(&mut self, parts: &Value, pointer: &str) -> Vec<Asked> {
        let mut all = Vec::new();
        let Some(parts) = parts.as_object().filter(|o| !o.is_empty()) else {
            self.refuse(pointer, "must be an object with subject, resource or action");
            return all;
        };
        for (part, properties) in parts {
            let at = step(pointer, part);
            let of = match part.as_str() {
                "subject" => Part::Subject,
                "resource" => Part::Resource,
                "action" => Part::Action,
                _ => {
                    self.refuse(&at, "is not subject, resource or action");
                    continue;
                }
            };
            let Some(properties) = properties.as_object().filter(|o| !o.is_empty()) else {
                self.refuse(&at, "must be an object of properties and the values they must have");
                continue;
            };
            for (name, value) in properties {
                let at = step(&at, name);
                match asked(of, name, value) {
                    Some(asked) => all.push(asked),
                    None => self.refuse(&at, "must be true, false, a whole number or a text, or an object with is and, of the same type, otherwise"),
                }
            }
        }
        if all.len() > GIVEN_MAX {
            self.refuse(pointer, format!("asks for more than {GIVEN_MAX} properties"));
        }
        all
    }

    fn when(&mut self, window: &Value, pointer: &str) -> When {
        let mut when = When::default();
        let Some(object) = window.as_object().filter(|o| !o.is_empty()) else {
            self.refuse(pointer, "must be an object with from, until, weekdays, hours or moon");
            return when;
        };
        for (key, value) in object {
            let at = step(pointer, key);
            let fits = match key.as_str() {
                "from" => value.as_str().and_then(clock::from_text).map(|t| when.from = Some(t)),
                "until" => value.as_str().and_then(clock::from_text).map(|t| when.until = Some(t)),
                "weekdays" => weekdays(value).map(|days| when.weekdays = days),
                "hours" => hours(value).map(|hours| when.hours = Some(hours)),
                "moon" => moon(value).map(|moon| when.moon = Some(moon)),
                _ => None,
            };
            if fits.is_none() {
                self.refuse(&at, "is not a time window: from and until take RFC 3339, weekdays mon to sun, hours {\"from\": \"08:00\", \"to\": \"18:00\"} in UTC, moon new, waxing, full or waning");
            }
        }
        when
    }
}

/// What a JSON value is as a property: a flag, a whole number, a text, or something nobody can ask for.
fn fact(value: &Value) -> Fact {
    match value {
        Value::Bool(flag) => Fact::Flag(*flag),
        Value::Number(number) => number.as_i64().map_or(Fact::Other, Fact::Number),
        Value::String(text) => Fact::Text(text.as_str().into()),
        _ => Fact::Other,
    }
}

/// What a question says; of a text that is too long for any rule, only that it is one.
fn said(value: &Value) -> Fact {
    match value {
        Value::String(text) if text.len() > PROPERTY_MAX => Fact::Text("\u{0}".into()),
        value => fact(value),
    }
}

/// The properties that came with a question: of its subject, its resource and its action, where they are objects.
pub fn given(subject: &Value, resource: &Value, action: &Value) -> Given {
    let parts = [(Part::Subject, subject), (Part::Resource, resource), (Part::Action, action)];
    let all = parts.into_iter().flat_map(|(of, value)| {
        let properties = value.as_object().into_iter().flatten();
        // No rule asks for a longer name, and none can equal a longer text: of such there is only the type.
        let known = properties.filter(|(name, _)| name.len() <= PROPERTY_MAX);
        known.map(move |(name, value)| (of, name.as_str().into(), said(value)))
    });
    Given::new(all.collect())
}

fn asked(of: Part, name: &str, value: &Value) -> Option<Asked> {
    let (equals, otherwise) = match value.as_object() {
        Some(object) => {
            let known = object.keys().all(|k| matches!(k.as_str(), "is" | "otherwise"));
            (fact(object.get("is").filter(|_| known)?), object.get("otherwise").map(fact))
        }
        None => (fact(value), None),
    };
    let alike = equals.same_type(otherwise.as_ref().unwrap_or(&equals));
    let short = |fact: &Fact| !matches!(fact, Fact::Text(text) if text.len() > PROPERTY_MAX);
    let fits = alike && name.len() <= PROPERTY_MAX && short(&equals) && otherwise.iter().all(short);
    fits.then(|| Asked { of, name: name.into(), equals, otherwise })
}

fn effect(value: &Value) -> Option<Effect> {
    match value.as_str()? {
        "allow" => Some(Effect::Allow),
        "deny" => Some(Effect::Deny),
        _ => None,
    }
}

fn effect_text(effect: Effect) -> &'static str {
    if effect == Effect::Allow { "allow" } else { "deny" }
}

fn weekdays(value: &Value) -> Option<u8> {
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let days = value.as_array().filter(|d| !d.is_empty() && d.len() <= DAYS.len())?;
    days.iter().try_fold(0, |mask, day| Some(mask | 1 << DAYS.iter().position(|d| Some(*d) == day.as_str())?))
}

fn hours(value: &Value) -> Option<(u16, u16)> {
    let object = value.as_object().filter(|o| o.len() == 2)?;
    let minute = |key: &str| {
        let (hour, minute) = object.get(key)?.as_str()?.split_once(':')?;
        let (hour, minute) = (hour.parse::<u16>().ok()?, minute.parse::<u16>().ok()?);
        (minute < 60 && (hour < 24 || (hour == 24 && minute == 0))).then_some(hour * 60 + minute)
    };
    Some((minute("from")?, minute("to")?))
}

fn moon(value: &Value) -> Option<Moon> {
    match value.as_str()? {
        "new" => Some(Moon::New),
        "waxing" => Some(Moon::Waxing),
        "full" => Some(Moon::Full),
        "waning" => Some(Moon::Waning),
        _ => None,
    }
}
