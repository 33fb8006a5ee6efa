//! Forms made of a kind's JSON Schema: a field for each property that the generator knows, and JSON for what it does not.

use super::look::{Choice, capital};
use crate::base::error::{Error, FieldError, Result};
use crate::base::http::parse_json;
use crate::base::text::pointer;
use crate::directory::Definition;
use serde_json::{Map, Value, json};
use std::collections::HashSet;

/// Longest text that is written in one line.
const LINE: u64 = 255;

/// A field of a form.
pub struct Field {
    /// Its name on the page; ours.
    pub id: String,
    /// Its name in what is sent: the pointer into the body.
    pub pointer: String,
    /// Where it is told what is wrong with it.
    pub wrong: String,
    pub title: String,
    pub hint: String,
    /// How it is written: `text`, `area`, `number`, `date`, `check`, `choice`, `several`, `lines`, `secret` or `json`.
    pub sort: &'static str,
    pub value: String,
    pub required: bool,
    pub choices: Vec<Choice>,
    integer: bool,
}

/// Another resource that a field may name.
pub struct Named {
    pub pointer: String,
    pub choices: Vec<(String, String)>,
    /// Are there more than these? Then it is written, and not chosen.
    pub more: bool,
}

/// The fields of a kind, filled with a body, or with what was sent.
pub fn fields(kind: &Definition, body: &Value, others: &[Named], sent: Option<&[(String, String)]>) -> Vec<Field> {
    let properties = kind.schema["properties"].as_object();
    let mut found: Vec<Field> = match properties {
        Some(properties) if !properties.is_empty() => {
            properties.iter().map(|(name, schema)| field(kind, name, schema, body, others)).collect()
        }
        // A schema that names no field: all of it is JSON.
        _ => vec![Field {
            pointer: "/".to_owned(),
            wrong: "/body".to_owned(),
            title: "Content".to_owned(),
            hint: "A JSON object.".to_owned(),
            sort: "json",
            value: pretty(body),
            required: false,
            choices: Vec::new(),
            integer: false,
            id: String::new(),
        }],
    };
    // What must be said comes first; a schema's properties have no order of their own.
    found.sort_by_key(|field| !field.required);
    for (at, field) in found.iter_mut().enumerate() {
        field.id = format!("f{at}");
        let Some(sent) = sent else { continue };
        let given = sent.iter().find(|(name, _)| *name == field.pointer).map(|(_, value)| value.clone());
        let all: HashSet<&String> =
            sent.iter().filter(|(name, _)| *name == field.pointer).map(|(_, value)| value).collect();
        // A secret is not sent back to the page; what holds one stands there as it was saved.
        let inner = format!("{}/", field.pointer.trim_end_matches('/'));
        let holds = |secret: &String| *secret == field.pointer || secret.starts_with(&inner);
        if !kind.secret_fields.iter().any(holds) {
            field.value = given.unwrap_or_default();
        }
        for choice in &mut field.choices {
            choice.picked = all.contains(&choice.value);
        }
    }
    found
}

fn pretty(value: &Value) -> String {
    if value.is_null() { String::new() } else { serde_json::to_string_pretty(value).unwrap_or_default() }
}

fn field(kind: &Definition, name: &str, schema: &Value, body: &Value, others: &[Named]) -> Field {
    let at = pointer("", name);
    let value = &body[name];
    let value = if value.is_null() && body.as_object().is_none_or(Map::is_empty) { &schema["default"] } else { value };
    let text = |field: &str| schema[field].as_str().unwrap_or_default();
    let required = kind.schema["required"].as_array().is_some_and(|list| list.iter().any(|one| one == name));
    let title =
        if text("title").is_empty() { capital(&name.replace(['_', '-'], " ")) } else { text("title").to_owned() };
    let mut hint = text("description").to_owned();
    let mut choices: Vec<Choice> = Vec::new();
    let plain = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let secret = kind.secret_fields.contains(&at);
    let inner = kind.secret_fields.iter().any(|field| field.starts_with(&format!("{at}/")));
    let named = others.iter().find(|other| other.pointer == at);
    if named.is_some_and(|named| named.more) {
        hint = format!("{hint} Write its code, as J-FM34-V7FQ: there are too many to choose from.").trim().to_owned();
    }
    let named = named.filter(|named| !named.more);
    let words = schema["enum"].as_array().filter(|all| all.iter().all(Value::is_string));
    let long = schema["maxLength"].as_u64().is_some_and(|longest| longest > LINE) || plain.contains('\n');
    let of_texts = schema["items"]["type"] == "string" && schema["items"]["enum"].is_null();
    let mut shown = plain.clone();
    let sort = match (type_of(schema), text("format")) {
        (Some("string"), _) if secret => {
            shown = String::new();
            let set = value["secret"] == true;
            hint = format!("{hint}{}", if set { " It is set; leave this empty to keep it." } else { "" })
                .trim()
                .to_owned();
            "secret"
        }
        _ if secret || inner => {
            hint = format!("{hint} A secret that stays as it is is written {{\"secret\": true}}.").trim().to_owned();
            shown = pretty(value);
            "json"
        }
        (Some("string") | None, _) if named.is_some() => {
            let all = named.into_iter().flat_map(|named| &named.choices);
            choices = all.map(|(id, label)| Choice::new(id, label, &plain)).collect();
            if !plain.is_empty() && choices.iter().all(|choice| !choice.picked) {
                choices.push(Choice::new(&plain, &plain, &plain));
            }
            "choice"
        }
        (Some("array"), _) if named.is_some() && of_texts => {
            let listed: Vec<&str> = value.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let all = named.into_iter().flat_map(|named| &named.choices);
            choices = all.map(|(id, label)| Choice::new(id, label, "")).collect();
            // What the reader cannot see, or was not listed, is kept as it is written.
            for id in &listed {
                if choices.iter().all(|choice| choice.value != *id) {
                    choices.push(Choice::new(id, id, ""));
                }
            }
            for choice in &mut choices {
                choice.picked = listed.contains(&choice.value.as_str());
            }
            "several"
        }
        (_, _) if words.is_some() => {
            let all = words.into_iter().flatten().filter_map(Value::as_str);
            choices = all.map(|word| Choice::new(word, word, &plain)).collect();
            "choice"
        }
        (Some("string"), "date") => "date",
        (Some("string"), _) if long => "area",
        (Some("string"), _) => "text",
        (Some("integer" | "number"), _) => "number",
        (Some("boolean"), _) => "check",
        (Some("array"), _) if of_texts => {
            let lines = value.as_array().into_iter().flatten().filter_map(Value::as_str);
            shown = lines.collect::<Vec<_>>().join("\n");
            hint = format!("{hint} One a line.").trim().to_owned();
            "lines"
        }
        _ => {
            shown = pretty(value);
            hint = format!("{hint} As JSON.").trim().to_owned();
            "json"
        }
    };
    Field {
        id: String::new(),
        wrong: format!("/body{at}"),
        pointer: at,
        title,
        hint,
        sort,
        value: shown,
        required,
        choices,
        integer: type_of(schema) == Some("integer"),
    }
}

/// The one type of a property, null aside.
fn type_of(schema: &Value) -> Option<&str> {
    let Some(types) = schema["type"].as_array() else { return schema["type"].as_str() };
    let mut types = types.iter().filter_map(Value::as_str).filter(|word| *word != "null");
    match (types.next(), types.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

/// The body that was sent: for a new one without what was left empty, for a change with null in its place.
///
/// # Errors
/// 422 at the fields that cannot be read.
pub fn read(fields: &[Field], sent: &[(String, String)], change: bool) -> Result<Value> {
    let mut body = Map::new();
    let mut wrong = Vec::new();
    for field in fields {
        let mut each = sent.iter().filter(|(name, _)| *name == field.pointer).map(|(_, value)| value.as_str());
        // Each that was ticked is sent by itself.
        let lines = (field.sort == "several").then(|| each.by_ref().collect::<Vec<_>>().join("\n"));
        let given = lines.as_deref().or_else(|| each.next());
        let name = field.pointer.trim_start_matches('/').replace("~1", "/").replace("~0", "~");
        match value(field, given.unwrap_or_default()) {
            Ok(Some(whole)) if field.pointer == "/" => match whole {
                Value::Object(object) => body = object,
                _ => {
                    wrong.push(FieldError { pointer: field.wrong.clone(), message: "must be a JSON object".to_owned() })
                }
            },
            Ok(Some(value)) => drop(body.insert(name, value)),
            // A secret that is not said stays.
            Ok(None) if change && field.sort != "secret" && field.pointer != "/" => {
                drop(body.insert(name, Value::Null))
            }
            Ok(None) => {}
            Err(message) => wrong.push(FieldError { pointer: field.wrong.clone(), message }),
        }
    }
    if wrong.is_empty() { Ok(Value::Object(body)) } else { Err(Error::Invalid(wrong)) }
}

fn value(field: &Field, given: &str) -> Result<Option<Value>, String> {
    // Browsers send lines with a carriage return.
    let given = given.replace("\r\n", "\n");
    let trimmed = given.trim();
    match field.sort {
        "check" => Ok(Some(Value::Bool(trimmed == "true"))),
        "lines" | "several" => {
            let lines: Vec<&str> = given.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
            Ok(if lines.is_empty() { None } else { Some(json!(lines)) })
        }
        _ if trimmed.is_empty() => Ok(None),
        "number" => match (trimmed.parse::<i64>(), trimmed.parse::<f64>()) {
            (Ok(whole), _) => Ok(Some(json!(whole))),
            (_, Ok(number)) if number.is_finite() && !field.integer => Ok(Some(json!(number))),
            _ => Err(if field.integer { "must be a whole number" } else { "must be a number" }.to_owned()),
        },
        "json" => parse_json(trimmed.as_bytes()).map(Some).map_err(|_| "must be JSON".to_owned()),
        _ => Ok(Some(Value::String(given))),
    }
}

/// The titles of the secrets that are set.
pub fn secrets(kind: &Definition, body: &Value) -> Vec<String> {
    let set = kind.secret_fields.iter().filter(|at| body.pointer(at).is_some_and(|value| value["secret"] == true));
    set.map(|at| title(kind, &at.trim_start_matches('/').replace("~1", "/").replace("~0", "~"))).collect()
}

fn title(kind: &Definition, name: &str) -> String {
    let given = kind.schema["properties"][name]["title"].as_str().map(str::to_owned);
    given.unwrap_or_else(|| capital(&name.replace(['_', '-', '/'], " ")))
}

/// A body as it is read on a page: each property with its name, its title and what it says.
pub fn told(kind: &Definition, body: &Value) -> Vec<(String, String, String)> {
    let Some(body) = body.as_object() else { return Vec::new() };
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::Array(list) if list.iter().all(Value::is_string) => {
            list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
        }
        value if value["secret"] == true => "set, and shown to nobody".to_owned(),
        other => pretty(other),
    };
    body.iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.clone(), title(kind, name), text(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(schema: Value) -> Definition {
        let written = json!({"name": "job", "prefix": "J", "schema": schema, "secret_fields": ["/token"]});
        serde_json::from_value(written).expect("a kind")
    }

    fn every() -> Definition {
        kind(json!({"type": "object", "required": ["schedule"], "properties": {
            "schedule": {"type": "string", "title": "When", "description": "As cron writes it."},
            "text": {"type": "string", "maxLength": 4000},
            "retries": {"type": "integer"},
            "share": {"type": "number"},
            "enabled": {"type": "boolean", "default": true},
            "level": {"enum": ["low", "high"]},
            "tags": {"type": "array", "items": {"type": "string"}},
            "token": {"type": "string"},
            "steps": {"type": "array", "items": {"type": "object"}},
        }}))
    }

    fn sorts(fields: &[Field]) -> Vec<(&str, &str)> {
        fields.iter().map(|field| (field.pointer.as_str(), field.sort)).collect()
    }

    #[test]
    fn every_property_has_its_field() {
        let fields = fields(&every(), &json!({}), &[], None);
        let mut found = sorts(&fields);
        found.sort_unstable();
        let is = [
            ("/enabled", "check"),
            ("/level", "choice"),
            ("/retries", "number"),
            ("/schedule", "text"),
            ("/share", "number"),
            ("/steps", "json"),
            ("/tags", "lines"),
            ("/text", "area"),
            ("/token", "secret"),
        ];
        assert_eq!(found, is);
        let schedule = fields.iter().find(|field| field.pointer == "/schedule").expect("a field");
        assert_eq!(
            (schedule.title.as_str(), schedule.hint.as_str(), schedule.required),
            ("When", "As cron writes it.", true)
        );
        assert_eq!(fields.iter().find(|field| field.sort == "check").map(|field| field.value.as_str()), Some("true"));
    }

    #[test]
    fn what_is_sent_becomes_a_body() {
        let fields = fields(&every(), &json!({}), &[], None);
        let pairs = |list: &[(&str, &str)]| -> Vec<(String, String)> {
            list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let sent = pairs(&[
            ("/schedule", "0 8 * * 1"),
            ("/text", "a\r\nb"),
            ("/retries", "3"),
            ("/share", "0.5"),
            ("/level", "low"),
            ("/tags", "one\r\n\r\n two "),
            ("/token", ""),
            ("/steps", "[{\"x\": 1}]"),
        ]);
        let body = read(&fields, &sent, false).expect("a body");
        let is = json!({"schedule": "0 8 * * 1", "text": "a\nb", "retries": 3, "share": 0.5, "enabled": false, "level": "low",
            "tags": ["one", "two"], "steps": [{"x": 1}]});
        assert_eq!(body, is);
        let emptied = read(&fields, &pairs(&[("/schedule", "x")]), true).expect("a patch");
        assert_eq!((&emptied["text"], emptied.get("token"), &emptied["tags"]), (&Value::Null, None, &Value::Null));
        let Err(Error::Invalid(wrong)) =
            read(&fields, &pairs(&[("/retries", "1.5"), ("/steps", "{"), ("/share", "NaN")]), false)
        else {
            panic!("these are no numbers");
        };
        let mut at: Vec<&str> = wrong.iter().map(|wrong| wrong.pointer.as_str()).collect();
        at.sort_unstable();
        assert_eq!(at, ["/body/retries", "/body/share", "/body/steps"]);
    }

    #[test]
    fn references_are_picked() {
        let kind = kind(json!({"type": "object", "properties": {
            "one": {"type": ["string", "null"]}, "many": {"type": "array", "items": {"type": "string"}}}}));
        let choices = vec![("a".to_owned(), "A".to_owned()), ("b".to_owned(), "B".to_owned())];
        let others =
            ["/one", "/many"].map(|at| Named { pointer: at.to_owned(), choices: choices.clone(), more: false });
        let all = fields(&kind, &json!({"one": "b", "many": ["b", "gone"]}), &others, None);
        assert_eq!(sorts(&all), [("/many", "several"), ("/one", "choice")]);
        let picked = |field: &Field| -> Vec<String> {
            field.choices.iter().filter(|choice| choice.picked).map(|choice| choice.value.clone()).collect()
        };
        assert_eq!(all.iter().map(picked).collect::<Vec<_>>(), [vec!["b", "gone"], vec!["b"]]);
        let sent =
            [("/many", "a"), ("/many", "b"), ("/one", "")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(read(&all, &sent, true).expect("a body"), json!({"many": ["a", "b"], "one": null}));
        let again = fields(&kind, &json!({}), &others, Some(&sent));
        assert_eq!(again.iter().map(picked).collect::<Vec<_>>(), [vec!["a", "b"], vec![]]);
    }

    #[test]
    fn a_schema_without_fields_is_one_field_of_json() {
        let kind = kind(json!({"type": "object"}));
        let all = fields(&kind, &json!({"a": 1}), &[], None);
        assert_eq!(sorts(&all), [("/", "json")]);
        let sent = [("/".to_owned(), "{\"b\": 2}".to_owned())];
        assert_eq!(read(&all, &sent, false).expect("a body"), json!({"b": 2}));
        let sent = [("/".to_owned(), "[1]".to_owned())];
        assert!(matches!(read(&all, &sent, false), Err(Error::Invalid(_))));
    }

    #[test]
    fn a_secret_never_comes_back() {
        let body = json!({"token": {"secret": true}, "schedule": "x"});
        let all = fields(&every(), &body, &[], None);
        let token = all.iter().find(|field| field.sort == "secret").expect("a field");
        assert!(token.value.is_empty() && token.hint.contains("It is set"), "{}", token.hint);
        let sent = [("/token".to_owned(), "hush".to_owned())];
        let again = fields(&every(), &body, &[], Some(&sent));
        assert!(again.iter().all(|field| !field.value.contains("hush")));
        let token = ("token".to_owned(), "Token".to_owned(), "set, and shown to nobody".to_owned());
        assert!(told(&every(), &body).contains(&token));
        assert_eq!(secrets(&every(), &body), ["Token"]);
    }
}
