//! The ways by which a report leaves, and the fields that each of them has; the words of the fields of a job and of a
//! provider as well.

use super::{DELIVERY, JOB, PROVIDER};
use crate::base::error::{Error, Result};
use crate::console::form::Field;
use crate::console::frame::{Frame, Section};
use crate::console::look::address;
use crate::console::seat::{Seat, Wrong};
use crate::directory::Definition;
use askama::Template;
use axum::response::Response;
use serde_json::{Map, Value, json};

/// A field: its name, what it is called, what is said of it, and whether it must be there.
type Told = (&'static str, &'static str, &'static str, bool);

/// A way by which a report leaves.
pub struct Way {
    pub word: &'static str,
    pub label: &'static str,
    /// As it stands beside a name.
    pub called: &'static str,
    pub about: &'static str,
    pub icon: &'static str,
    fields: &'static [Told],
}

/// All of them.
pub const WAYS: [Way; 4] = [
    Way {
        word: "smtp",
        label: "Letters by a mail server",
        called: "letters",
        about: "To people and lists, by SMTP. Whoever gets a letter alone can put it off or do without it.",
        icon: "mail",
        fields: &[
            ("host", "Mail server", "Such as smtp.example.org.", true),
            ("port", "Port", "587 for STARTTLS, 465 for TLS.", true),
            ("security", "Security", "starttls and tls check the server's certificate; none sends in the clear.", true),
            ("username", "Username", "", false),
            ("password", "Password", "", false),
            ("from", "Sender's address", "", true),
            ("from_name", "Sender's name", "", false),
            ("ca", "Certificate authority", "One of your own, as PEM, believed beside the public ones.", false),
        ],
    },
    Way {
        word: "webhook",
        label: "A web address",
        called: "webhook",
        about: "A signed request to a server of yours, as Standard Webhooks has it.",
        icon: "link",
        fields: &[
            ("url", "Address", "https:// and where to.", true),
            ("secret", "Signing secret", "whsec_ and 24 to 64 bytes in base64.", true),
            (
                "previous_secret",
                "Signing secret before it",
                "While a rotation lasts, requests are signed with both.",
                false,
            ),
            ("method", "Method", "POST, if nothing is said.", false),
            ("headers", "More headers", "Such as {\"X-Team\": \"ops\"}.", false),
        ],
    },
    Way {
        word: "s3",
        label: "An S3 bucket",
        called: "bucket",
        about: "Files in a bucket of Amazon S3, MinIO or what speaks like them.",
        icon: "registry",
        fields: &[
            ("endpoint", "Endpoint", "Of other than Amazon's: https:// and where it is.", false),
            ("region", "Region", "", true),
            ("bucket", "Bucket", "", true),
            ("prefix", "Prefix", "What the names of the files begin with.", false),
            ("access_key_id", "Access key id", "", true),
            ("secret_access_key", "Secret access key", "", true),
        ],
    },
    Way {
        word: "folder",
        label: "A folder of the server",
        called: "folder",
        about: "Files below one of the folders that the server's configuration allows.",
        icon: "archive",
        fields: &[("path", "Folder", "A whole path, below GARTH_DELIVERY_FOLDERS.", true)],
    },
];

/// The fields of a job that are like those of any other kind.
const OF_JOB: [Told; 4] = [
    ("enabled", "It runs by its schedule", "Switched off, it runs when somebody runs it.", false),
    (
        "throttle_seconds",
        "At most one report in so many seconds",
        "A run by the schedule that comes sooner is not delivered. Left empty, each is.",
        false,
    ),
    ("retries", "Tries after a failure", "0 to 10, after 5 minutes, 15, 30, an hour, and so on. Left empty, 3.", false),
    ("keep_days", "Days that its runs are kept", "0 is for ever. Left empty, 183.", false),
];

/// The fields of a provider.
const OF_PROVIDER: [Told; 5] = [
    ("endpoint", "Address", "What /chat/completions is below, such as https://api.example.org/v1.", true),
    ("model", "Model", "", true),
    ("api_key", "API key", "", true),
    ("daily_tokens", "Tokens in 24 hours", "At most so many, of all jobs together. Left empty, no limit.", false),
    ("weekly_tokens", "Tokens in 7 days", "Not less than in 24 hours. Left empty, no limit.", false),
];

/// The way of that word.
pub fn way(word: &str) -> Option<&'static Way> {
    WAYS.iter().find(|way| way.word == word)
}

/// What it is called beside a name; nothing for no way.
pub fn called(word: &str) -> &'static str {
    way(word).map_or("", |way| way.called)
}

fn told(kind: &str, word: &str) -> &'static [Told] {
    match kind {
        JOB => &OF_JOB,
        PROVIDER => &OF_PROVIDER,
        DELIVERY => way(word).map_or(&[], |way| way.fields),
        _ => &[],
    }
}

/// A kind with the fields that its form shows alone, each with its words. `word` is the way of a delivery interface.
pub fn shown(kind: &Definition, word: &str) -> Definition {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (name, title, about, needed) in told(&kind.name, word) {
        let mut schema = kind.schema["properties"][*name].clone();
        if !schema.is_object() {
            continue;
        }
        schema["title"] = json!(title);
        schema["description"] = json!(about);
        // Forms tell a long text by its longest length; of these only certificates have more than one line.
        if let Some(schema) = schema.as_object_mut().filter(|_| *name != "ca") {
            schema.remove("maxLength");
        }
        properties.insert((*name).to_owned(), schema);
        if *needed {
            required.push(json!(name));
        }
    }
    let mut shown = kind.clone();
    shown.schema = json!({"type": "object", "properties": properties, "required": Value::Array(required)});
    shown
}

/// Puts fields into the order in which they are told.
pub fn arrange(kind: &str, word: &str, fields: &mut [Field]) {
    let all = told(kind, word);
    let place = |field: &Field| all.iter().position(|(name, ..)| field.pointer.strip_prefix('/') == Some(*name));
    fields.sort_by_key(|field| place(field).unwrap_or(usize::MAX));
    for (at, field) in fields.iter_mut().enumerate() {
        field.id = format!("f{at}");
    }
}

/// The ways, to choose from before there is a form.
#[derive(Template)]
#[template(path = "jobs/ways.html")]
struct Ways {
    frame: Frame,
    ways: Vec<(String, &'static Way)>,
    back: String,
}

/// The page that asks by which way.
pub async fn pick(seat: &Seat, space: &str) -> Result<Response> {
    let frame = Frame::new(seat, space, Section::Resources(DELIVERY.to_owned())).await?;
    if !frame.may_make(DELIVERY) {
        return frame.closed(seat, Error::Forbidden("administrators of the space make delivery interfaces".to_owned()));
    }
    let own = frame.at("/new");
    let to = |way: &'static Way| (address(&own, &[("kind", DELIVERY), ("type", way.word)]), way);
    let (id, back) = (frame.space.id, address(&frame.at("/resources"), &[("kind", DELIVERY)]));
    let page = Ways { ways: WAYS.iter().map(to).collect(), frame, back };
    Ok(Frame::shown(seat, id, &Wrong::default(), &page))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::form;
    use crate::directory::BuiltIn;

    #[test]
    fn every_field_of_the_kinds_has_its_words() {
        for kind in BuiltIn::ALL {
            let definition = kind.definition("X");
            let words: Vec<&str> = match kind {
                BuiltIn::Delivery => vec!["smtp", "webhook", "s3", "folder"],
                _ => vec![""],
            };
            let mut named: Vec<String> = Vec::new();
            for word in words {
                let shown = shown(&definition, word);
                let mut fields = form::fields(&shown, &json!({}), &[], None);
                arrange(&definition.name, word, &mut fields);
                named.extend(fields.iter().map(|field| field.pointer.clone()));
                let required = fields.iter().filter(|field| field.required).map(|field| field.pointer.as_str());
                assert!(required.count() > 0 || kind == BuiltIn::Job, "{word}");
            }
            named.extend(if kind == BuiltIn::Job {
                super::super::form::OWN.map(str::to_owned).to_vec()
            } else {
                vec![]
            });
            for name in definition.schema["properties"].as_object().expect("fields").keys() {
                let own = kind == BuiltIn::Delivery && name == "type";
                assert!(own || named.contains(&format!("/{name}")), "{} has no field for {name}", definition.name);
            }
        }
    }

    #[test]
    fn secrets_stay_secrets() {
        let definition = BuiltIn::Delivery.definition("D");
        let saved = json!({"type": "smtp", "host": "mail", "password": {"secret": true}});
        let fields = form::fields(&shown(&definition, "smtp"), &saved, &[], None);
        let password = fields.iter().find(|field| field.pointer == "/password").expect("a field");
        assert_eq!((password.sort, password.value.as_str()), ("secret", ""));
    }
}
