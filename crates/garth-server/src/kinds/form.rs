//! What a definition of a kind may look like.
//!
//! Everything wrong is told at once. The default policies are not read here: they may name
//! permissions of the kind itself, which are known once it is.

use crate::base::error::{Error, FieldError, Result};
use crate::base::text::{self, pointer as step};
use crate::directory::{Definition, Directory, schema};
use garth_core::KindIx;
use serde_json::Value;

/// Longest name of a kind or of a verb, in bytes (`docs/limits.md`).
pub const WORD_BYTES: usize = 63;
/// Longest prefix of codes.
pub const PREFIX_BYTES: usize = 8;
/// Largest schema, in bytes of JSON.
pub const SCHEMA_BYTES: usize = 64 * 1024;
/// Most secret fields, most fields to be found by, and most references, of one kind.
pub const POINTERS: usize = 64;
/// Most permissions of one kind's own.
pub const VERBS: usize = 100;

/// The system's nouns: a kind of that name would be taken for one of them.
const NOUNS: [&str; 14] = [
    "space",
    "meter",
    "decision",
    "user",
    "group",
    "key",
    "invitation",
    "inbound_address",
    "resource",
    "role",
    "kind",
    "policy",
    "grant",
    "settings",
];
/// Is that one of the system's nouns, which no kind is called?
pub fn is_noun(name: &str) -> bool {
    NOUNS.contains(&name)
}

/// What can be done to every kind, and what only the system's nouns know.
const VERBS_OF_ALL: [&str; 4] = ["read", "write", "share", "admin"];

/// Requires a definition that makes sense.
///
/// # Errors
/// 422 at everything wrong.
pub(super) fn check(dir: &Directory, definition: &Definition) -> Result<()> {
    let mut form = Form { wrong: Vec::new() };
    form.name(&definition.name);
    form.prefix(&definition.prefix);
    if let Some(Err(Error::Invalid(wrong))) = definition.plural.as_deref().map(|p| text::name("/plural", p)) {
        form.wrong.extend(wrong);
    }
    form.schema(&definition.schema);
    form.secrets(&definition.secret_fields);
    form.searched(definition);
    form.references(dir, definition);
    form.exceptions(definition);
    form.permissions(definition);
    if form.wrong.is_empty() { Ok(()) } else { Err(Error::Invalid(form.wrong)) }
}

struct Form {
    wrong: Vec<FieldError>,
}

impl Form {
    fn refuse(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.wrong.push(FieldError { pointer: pointer.into(), message: message.into() });
    }

    fn name(&mut self, name: &str) {
        let fits = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
        if !word(name, fits) {
            self.refuse("/name", format!("must be a to z, 0 to 9 and _, a letter first, at most {WORD_BYTES} long"));
        } else if is_noun(name) {
            self.refuse("/name", "is a word of Garth's own");
        }
    }

    fn prefix(&mut self, prefix: &str) {
        let fits = prefix.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
        let long = (1..=PREFIX_BYTES).contains(&prefix.len());
        if !fits || !long || !prefix.starts_with(|c: char| c.is_ascii_uppercase()) {
            self.refuse("/prefix", format!("must be 1 to {PREFIX_BYTES} of A to Z and 0 to 9, a letter first"));
        }
    }

    fn schema(&mut self, schema: &Value) {
        if !schema.is_object() {
            return self.refuse("/schema", "must be a JSON Schema, an object");
        }
        if schema.to_string().len() > SCHEMA_BYTES {
            return self.refuse("/schema", format!("must be at most {SCHEMA_BYTES} bytes long"));
        }
        let found = self.wrong.len();
        self.stays_inside(schema, "/schema");
        if self.wrong.len() > found {
            return;
        }
        if let Err(why) = schema::work(schema) {
            return self.refuse("/schema", why);
        }
        if let Err(e) = jsonschema::validator_for(schema) {
            self.refuse(format!("/schema{}", e.instance_path()), format!("is not a JSON Schema: {}", e.masked()));
        }
    }

    /// A schema refers to its own parts only: neither to a file nor over the network.
    fn stays_inside(&mut self, schema: &Value, at: &str) {
        match schema {
            Value::Object(fields) => {
                for (key, value) in fields {
                    let at = step(at, key);
                    let refers = matches!(key.as_str(), "$ref" | "$dynamicRef" | "$recursiveRef");
                    if refers && value.as_str().is_some_and(|target| !target.starts_with('#')) {
                        self.refuse(&at, "must refer to a part of this schema, #/…");
                    }
                    // What `#` means inside would depend on it.
                    if key == "$id" && value.is_string() && at != "/schema/$id" {
                        self.refuse(&at, "may stand at the top only");
                    }
                    self.stays_inside(value, &at);
                }
            }
            Value::Array(items) => {
                for (number, item) in items.iter().enumerate() {
                    self.stays_inside(item, &step(at, &number.to_string()));
                }
            }
            _ => {}
        }
    }

    fn secrets(&mut self, fields: &[String]) {
        self.pointers("/secret_fields", fields.iter().map(String::as_str), |at| format!("/secret_fields/{at}"));
        for (number, _) in fields.iter().enumerate().filter(|(_, field)| field.split('/').any(|step| step == "*")) {
            // In a reference it stands for every item; here it would name one field, and keep nothing secret.
            self.refuse(format!("/secret_fields/{number}"), "names one field each: * stands for nothing here");
        }
        for (number, field) in fields.iter().enumerate() {
            if fields.iter().any(|other| field.strip_prefix(other.as_str()).is_some_and(|rest| rest.starts_with('/'))) {
                self.refuse(format!("/secret_fields/{number}"), "lies inside another secret field");
            }
        }
    }

    fn searched(&mut self, definition: &Definition) {
        let fields = &definition.search_fields;
        self.pointers("/search_fields", fields.iter().map(String::as_str), |at| format!("/search_fields/{at}"));
        let inside = |one: &str, other: &str| {
            one.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        for (number, field) in fields.iter().enumerate().take(POINTERS) {
            if definition.secret_fields.iter().any(|secret| inside(field, secret) || inside(secret, field)) {
                self.refuse(format!("/search_fields/{number}"), "is secret, or holds a secret: nobody may find it");
            }
        }
    }

    /// JSON pointers below the root, each once.
    fn pointers<'a>(&mut self, list: &str, fields: impl Iterator<Item = &'a str>, place: impl Fn(usize) -> String) {
        let mut met: Vec<&str> = Vec::new();
        for (at, field) in fields.enumerate() {
            if at >= POINTERS {
                return self.refuse(list, format!("must be at most {POINTERS}"));
            }
            if !json_pointer(field) {
                self.refuse(place(at), "must be a JSON Pointer such as /token");
            } else if met.contains(&field) {
                self.refuse(place(at), "is given twice");
            }
            met.push(field);
        }
    }

    fn references(&mut self, dir: &Directory, definition: &Definition) {
        let references = &definition.references;
        let fields = references.iter().map(|r| r.pointer.as_str());
        self.pointers("/references", fields, |at| format!("/references/{at}/pointer"));
        for (number, reference) in references.iter().enumerate().take(POINTERS) {
            let at = format!("/references/{number}");
            if reference.kind != definition.name && dir.kinds.by_name::<KindIx>(&reference.kind).is_none() {
                self.refuse(format!("{at}/kind"), "is not a known kind");
            }
            if reference.requires.as_ref().is_some_and(|requires| requires != "view") {
                self.refuse(format!("{at}/requires"), "must be view");
            }
            let secret = |field: &String| {
                reference
                    .pointer
                    .strip_prefix(field.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            if definition.secret_fields.iter().any(secret) {
                self.refuse(format!("{at}/pointer"), "is secret, and a secret names nothing");
            }
        }
    }

    fn exceptions(&mut self, definition: &Definition) {
        for (who, what) in &definition.exceptions {
            let at = step("/exceptions", who);
            if !matches!(who.as_str(), "author" | "owner" | "subscribers") {
                self.refuse(&at, "must be author, owner or subscribers");
            }
            for (number, what) in what.iter().enumerate() {
                if !matches!(what.as_str(), "view" | "edit") {
                    self.refuse(format!("{at}/{number}"), "must be view or edit");
                } else if number >= 2 {
                    self.refuse(format!("{at}/{number}"), "is given twice");
                }
            }
        }
    }

    fn permissions(&mut self, definition: &Definition) {
        if definition.permissions.len() > VERBS {
            return self.refuse("/permissions", format!("must be at most {VERBS}"));
        }
        let fits = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'_' | b'-');
        for (number, permission) in definition.permissions.iter().enumerate() {
            let at = format!("/permissions/{number}");
            match permission.split_once(':') {
                Some((noun, verb)) if noun == definition.name && word(verb, fits) => {
                    if VERBS_OF_ALL.contains(&verb) {
                        self.refuse(at, format!("{verb} is a verb of Garth's own"));
                    } else if definition.permissions.iter().take(number).any(|p| p == permission) {
                        self.refuse(at, "is given twice");
                    }
                }
                _ => {
                    self.refuse(at, format!("must be {}:<verb>, the verb of a to z, 0 to 9, _ and -", definition.name))
                }
            }
        }
    }
}

/// A letter, then what fits, not too long.
fn word(text: &str, fits: impl Fn(u8) -> bool) -> bool {
    (1..=WORD_BYTES).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(fits)
}

/// A JSON Pointer (RFC 6901) below the root.
pub fn json_pointer(text: &str) -> bool {
    let escapes = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    text.starts_with('/') && text.len() <= text::NAME_BYTES && escapes && !text.chars().any(char::is_control)
}
