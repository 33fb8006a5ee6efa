//! The kinds that are there from the start: `job`, `delivery` and `ai_provider`.
//!
//! Their definitions belong to the program. They are written into the store at start where they are missing or of an
//! earlier version, so that everything else finds kinds where kinds are. Their ids are the same in every installation.

use super::{Definition, Directory, KindInfo, Reference};
use garth_core::KindIx;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// One of the kinds that are there from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuiltIn {
    /// What is done again and again.
    Job,
    /// How a report leaves this server.
    Delivery,
    /// Who writes summaries.
    AiProvider,
}

/// Most delivery interfaces of one job.
pub const JOB_DELIVERIES: usize = 20;
/// Most recipients of one entry of a job's deliveries.
pub const JOB_RECIPIENTS: usize = 100;
/// Longest instructions to whoever writes a job's summary, in characters.
pub const INSTRUCTIONS: usize = 4_000;
/// Most retries of a run: as many as the ladder has rungs.
pub const RETRIES: usize = 10;
/// The longest time between two reports that a job can ask for, in seconds: a year.
pub const THROTTLE_SECONDS: i64 = 366 * 24 * 60 * 60;
/// Most days that an audit digest looks back.
pub const DIGEST_DAYS: i64 = 90;
/// The longest that a job can ask its runs to be kept, but for ever, in days.
pub const KEEP_DAYS: i64 = 36_500;

impl BuiltIn {
    /// All of them; those that others refer to come first.
    pub const ALL: [Self; 3] = [Self::Delivery, Self::AiProvider, Self::Job];

    /// The kind's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Job => "job",
            Self::Delivery => "delivery",
            Self::AiProvider => "ai_provider",
        }
    }

    /// The kind's id.
    pub fn id(self) -> Uuid {
        Uuid::from_u128(match self {
            Self::Job => 0x0000_0000_0000_7000_8000_0000_0000_0010,
            Self::Delivery => 0x0000_0000_0000_7000_8000_0000_0000_0011,
            Self::AiProvider => 0x0000_0000_0000_7000_8000_0000_0000_0012,
        })
    }

    /// What its codes begin with: the first of these that no other kind has.
    pub fn prefixes(self) -> [&'static str; 3] {
        match self {
            Self::Job => ["J", "JOB", "GJOB"],
            Self::Delivery => ["D", "DLV", "GDLV"],
            Self::AiProvider => ["AI", "AIP", "GAIP"],
        }
    }

    /// Which of them has that id.
    pub fn of(id: &Uuid) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.id() == *id)
    }

    /// Its slot, unless somebody had made a kind of that name before there was this one.
    pub fn kind(self, dir: &Directory) -> Option<KindIx> {
        dir.kinds.by_id(&self.id())
    }

    /// Do only the administrators of a space make, move and copy such things into it? They carry credentials, and what
    /// leaves the space leaves by them.
    pub fn is_kept_by_admins(self) -> bool {
        matches!(self, Self::Delivery | Self::AiProvider)
    }

    /// Secrets that are sent to where other fields lead, and those fields: with the secret kept, whoever may change where it
    /// goes could read it there.
    pub fn bound_secrets(self) -> &'static [(&'static str, &'static [&'static str])] {
        match self {
            Self::Job => &[],
            Self::Delivery => &[("/password", &["/host", "/port", "/security", "/ca"]), ("/headers", &["/url"])],
            Self::AiProvider => &[("/api_key", &["/endpoint"])],
        }
    }

    /// How it is defined by this program.
    pub fn definition(self, prefix: &str) -> Definition {
        let plural = match self {
            Self::Job => "jobs",
            Self::Delivery => "deliveries",
            Self::AiProvider => "AI providers",
        };
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let refers = |pointer: &str, kind: Self| Reference {
            pointer: pointer.to_owned(),
            kind: kind.name().to_owned(),
            requires: None,
            follows: false,
        };
        // System administrators need a role there to come so far: the gate and the view are asked first.
        let keepers = json!({
            "rules": [
                {"effect": "allow", "who": {"permission": "space:admin"}},
                {"effect": "allow", "who": "admins"},
            ],
            "default": "deny",
        });
        Definition {
            name: self.name().to_owned(),
            plural: Some(plural.to_owned()),
            prefix: prefix.to_owned(),
            schema: match self {
                Self::Job => job(),
                Self::Delivery => delivery(),
                Self::AiProvider => ai_provider(),
            },
            shareable: self.is_kept_by_admins(),
            secret_fields: match self {
                Self::Job => Vec::new(),
                Self::Delivery => {
                    texts(&["/password", "/secret", "/previous_secret", "/secret_access_key", "/headers"])
                }
                Self::AiProvider => texts(&["/api_key"]),
            },
            search_fields: Vec::new(),
            references: match self {
                Self::Job => vec![
                    refers("/deliveries/*/delivery", Self::Delivery),
                    refers("/summary/provider", Self::AiProvider),
                ],
                _ => Vec::new(),
            },
            default_view: None,
            default_edit: self.is_kept_by_admins().then_some(keepers),
            exceptions: match self {
                Self::Job => BTreeMap::from([("owner".to_owned(), texts(&["view", "edit"]))]),
                _ => BTreeMap::new(),
            },
            permissions: match self {
                Self::Job => texts(&["job:run"]),
                Self::Delivery => texts(&["delivery:test"]),
                Self::AiProvider => texts(&["ai_provider:test"]),
            },
        }
    }
}

impl KindInfo {
    /// Which of the kinds that are there from the start it is.
    pub fn built_in(&self) -> Option<BuiltIn> {
        BuiltIn::of(&self.id)
    }
}

fn job() -> Value {
    let formats = json!({
        "type": "array", "maxItems": 4, "uniqueItems": true, "items": {"enum": ["html", "pdf", "csv", "json"]},
    });
    let address = json!({"type": "string", "minLength": 3, "maxLength": 320});
    let recipient = json!({
        "anyOf": [
            address,
            {
                "type": "object",
                "additionalProperties": false,
                "required": ["address"],
                "properties": {"address": address, "individual": {"type": "boolean"}},
            },
        ],
    });
    let entry = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["delivery"],
        "properties": {
            "delivery": {"type": "string", "maxLength": 64},
            "recipients": {"type": "array", "maxItems": JOB_RECIPIENTS, "items": recipient},
            "formats": formats,
        },
    });
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["report"],
        "properties": {
            "schedule": {"type": ["string", "null"], "maxLength": 200},
            "time_zone": {"type": "string", "minLength": 1, "maxLength": 64, "default": "UTC"},
            "report": {
                "type": "object",
                "additionalProperties": false,
                "required": ["type"],
                "properties": {
                    "type": {"enum": ["access_review", "audit_digest", "usage", "search", "page"]},
                    "days": {"type": "integer", "minimum": 1, "maximum": DIGEST_DAYS},
                    "query": {"type": "object"},
                    "url": {"type": "string", "maxLength": 2048},
                },
            },
            "deliveries": {"type": "array", "maxItems": JOB_DELIVERIES, "items": entry},
            "summary": {
                "type": "object",
                "additionalProperties": false,
                "required": ["provider"],
                "properties": {
                    "provider": {"type": "string", "maxLength": 64},
                    "instructions": {"type": "string", "maxLength": INSTRUCTIONS},
                },
            },
            "throttle_seconds": {"type": "integer", "minimum": 0, "maximum": THROTTLE_SECONDS},
            "retries": {"type": "integer", "minimum": 0, "maximum": RETRIES, "default": 3},
            "keep_days": {"type": "integer", "minimum": 0, "maximum": KEEP_DAYS, "default": 183},
            "enabled": {"type": "boolean", "default": true},
        },
    })
}

fn delivery() -> Value {
    let text = |most: u32| json!({"type": "string", "minLength": 1, "maxLength": most});
    let when = |kind: &str, fields: &[&str]| {
        json!({
            "if": {"required": ["type"], "properties": {"type": {"const": kind}}},
            "then": {"required": fields},
        })
    };
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["type"],
        "properties": {
            "type": {"enum": ["smtp", "webhook", "s3", "folder"]},
            "host": text(255),
            "port": {"type": "integer", "minimum": 1, "maximum": 65_535},
            "security": {"enum": ["none", "starttls", "tls"]},
            "username": text(320),
            "password": text(1_024),
            "ca": text(16_384),
            "from": text(320),
            "from_name": text(255),
            "url": text(2_048),
            "method": {"enum": ["POST", "PUT"]},
            "headers": {
                "type": "object",
                "maxProperties": 32,
                "propertyNames": {"maxLength": 128},
                "additionalProperties": {"type": "string", "maxLength": 4_096},
            },
            "secret": text(1_024),
            "previous_secret": text(1_024),
            "endpoint": text(2_048),
            "region": text(64),
            "bucket": text(63),
            "prefix": {"type": "string", "maxLength": 512},
            "access_key_id": text(128),
            "secret_access_key": text(1_024),
            "path": text(1_024),
        },
        "allOf": [
            when("smtp", &["host", "port", "security", "from"]),
            when("webhook", &["url", "secret"]),
            when("s3", &["region", "bucket", "access_key_id", "secret_access_key"]),
            when("folder", &["path"]),
        ],
    })
}

fn ai_provider() -> Value {
    let tokens = json!({"type": ["integer", "null"], "minimum": 0, "maximum": 1_000_000_000_000_i64});
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["endpoint", "model", "api_key"],
        "properties": {
            "endpoint": {"type": "string", "minLength": 1, "maxLength": 2_048},
            "model": {"type": "string", "minLength": 1, "maxLength": 200},
            "api_key": {"type": "string", "minLength": 1, "maxLength": 1_024},
            "daily_tokens": tokens,
            "weekly_tokens": tokens,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::schema;

    #[test]
    fn their_schemas_are_good() {
        for kind in BuiltIn::ALL {
            let definition = kind.definition(kind.prefixes()[0]);
            assert!(schema::work(&definition.schema).is_ok(), "{}", kind.name());
            assert!(jsonschema::validator_for(&definition.schema).is_ok(), "{}", kind.name());
            assert_eq!(BuiltIn::of(&kind.id()), Some(kind));
        }
    }
}
