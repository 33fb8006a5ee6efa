//! The body of a resource: checked against its kind's schema, its references followed, its
//! secret fields sealed and never shown.

use crate::access::{Permit, Write};
use crate::base::error::{Error, FieldError, Result};
use crate::base::secrets::Vault;
use crate::directory::{Directory, KindInfo};
use crate::spaces;
use garth_core::SpaceIx;
use serde_json::{Map, Value, json};

/// Largest body, in bytes of JSON (`API.md`, ground rules).
pub const BODY_BYTES: usize = 256 * 1024;
/// Most complaints of a schema that are listed.
const COMPLAINTS: usize = 20;

/// A body as it is stored: in the open, and sealed.
pub struct Stored {
    /// Without the secret fields.
    pub open: String,
    /// Sealed values by pointer, as a JSON object.
    pub sealed: String,
}

/// What a body was before: whose secrets may stay.
#[derive(Clone, Copy)]
pub struct Before<'a> {
    /// The resource that holds them; not the one that is written where this is a copy of it.
    pub resource: &'a str,
    /// The space under whose key they are sealed.
    pub space: SpaceIx,
    /// Sealed values by pointer.
    pub sealed: &'a Map<String, Value>,
}

/// What stands for a secret in every answer.
fn marker() -> Value {
    json!({ "secret": true })
}

/// Does this stand for a secret?
pub fn is_marker(value: &Value) -> bool {
    *value == marker()
}

/// Reads what was stored: the open body, and the sealed values by pointer.
///
/// # Errors
/// When what was stored is damaged.
pub fn read(open: &str, sealed: &str) -> Result<(Value, Map<String, Value>)> {
    let damaged = |e: serde_json::Error| Error::internal(format!("a stored body cannot be read: {e}"));
    Ok((serde_json::from_str(open).map_err(damaged)?, serde_json::from_str(sealed).map_err(damaged)?))
}

/// The body as it is shown: `{"secret": true}` where a secret is.
///
/// # Errors
/// When what was stored is damaged.
pub fn shown(kind: Option<&KindInfo>, open: &str, sealed: &str) -> Result<Value> {
    let (mut body, sealed) = read(open, sealed)?;
    mark_all(&mut body, kind, &sealed);
    Ok(body)
}

/// Marks every secret: what is sealed, and what was stored in the open before its field became
/// secret. Answers the latter.
pub fn mark_all(body: &mut Value, kind: Option<&KindInfo>, sealed: &Map<String, Value>) -> Vec<(String, Value)> {
    let fields = kind.map_or(&[][..], |kind| &kind.definition.secret_fields);
    let mut bare = Vec::new();
    for pointer in fields.iter().filter(|pointer| !sealed.contains_key(*pointer)) {
        if let Some(value) = body.pointer(pointer) {
            bare.push((pointer.clone(), value.clone()));
            mark(body, pointer);
        }
    }
    for pointer in sealed.keys() {
        mark(body, pointer);
    }
    bare
}

/// Puts back what was stored in the open and is unchanged, so that it is sealed.
pub fn unmark(body: &mut Value, bare: Vec<(String, Value)>) {
    for (pointer, value) in bare {
        if body.pointer(&pointer) == Some(&marker()) {
            put(body, &pointer, value);
        }
    }
}

/// Puts `{"secret": true}` at a pointer.
fn mark(body: &mut Value, pointer: &str) {
    put(body, pointer, marker());
}

/// JSON Merge Patch (RFC 7396).
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    if let Value::Object(object) = target {
        for (key, value) in patch {
            if value.is_null() {
                object.remove(key);
            } else {
                merge(object.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
    }
}

/// Checks a body and splits it for storing. A secret field that is `{"secret": true}` keeps the
/// value that `before` holds, opened under the key of the space it lay in.
///
/// # Errors
/// 422 with pointers under `/body`.
pub async fn prepare(
    w: &mut Write<'_>,
    permit: &Permit,
    kind: &KindInfo,
    resource: &str,
    space: SpaceIx,
    mut body: Value,
    before: Option<Before<'_>>,
) -> Result<Stored> {
    if !body.is_object() {
        return Err(Error::field("/body", "must be an object"));
    }
    let mut secrets: Vec<(&String, Option<Value>)> = Vec::new();
    let fields = &kind.definition.secret_fields;
    // What was sealed under an earlier definition of the kind stays sealed while it is kept.
    let earlier = before.iter().flat_map(|before| before.sealed.keys());
    let earlier = earlier.filter(|p| !fields.contains(p) && body.pointer(p) == Some(&marker()));
    for pointer in fields.iter().chain(earlier) {
        match body.pointer(pointer) {
            None => {}
            Some(value) if *value == marker() => secrets.push((pointer, None)),
            Some(value) => secrets.push((pointer, Some(value.clone()))),
        }
    }
    let pointers: Vec<&String> = secrets.iter().map(|(pointer, _)| *pointer).collect();
    let whole = with_kept(w.dir(), &w.dir().vault, &body, &secrets, before)?;
    check(kind, &whole, &pointers)?;
    if let Some(built_in) = kind.built_in() {
        (w.app.body_check)(&w.app, built_in, &whole).map_err(Error::Invalid)?;
    }
    for (pointer, _) in &secrets {
        take(&mut body, pointer);
    }
    let open = body.to_string();
    let mut sealed = Map::new();
    if !secrets.is_empty() {
        let key = spaces::secret_key(w, permit, space).await?;
        let here = w.dir().space_id(space).ok_or(Error::NotFound)?.to_string();
        for (pointer, given) in secrets {
            let plain = match given {
                Some(value) => value.to_string().into_bytes(),
                None => kept(w.dir(), &w.dir().vault, pointer, before)?,
            };
            let text = w.dir().vault.seal(&here, &key, &place(resource, pointer), &plain)?;
            sealed.insert(pointer.clone(), Value::String(text));
        }
    }
    let stored = Stored { open, sealed: Value::Object(sealed).to_string() };
    let sealed_bytes = if stored.sealed == "{}" { 0 } else { stored.sealed.len() };
    if stored.open.len() + sealed_bytes > BODY_BYTES {
        return Err(Error::field("/body", format!("must be at most {BODY_BYTES} bytes of JSON")));
    }
    Ok(stored)
}

/// What a sealed value is bound to.
fn place(resource: &str, pointer: &str) -> String {
    format!("resource/{resource}{pointer}")
}

/// A stored body with its secrets in their places, in the open.
///
/// # Errors
/// When what was stored is damaged, or does not open.
pub(super) fn opened(vault: &Vault, space: &str, wrapped: &str, row: &super::Stored) -> Result<Value> {
    let (mut body, sealed) = read(&row.body, &row.secrets)?;
    for (pointer, value) in &sealed {
        let text = value.as_str().unwrap_or_default();
        let plain = vault.open_sealed(space, wrapped, &place(&row.id, pointer), text)?;
        let plain = serde_json::from_slice(&plain).map_err(|_| Error::internal("a secret is damaged"))?;
        put(&mut body, pointer, plain);
    }
    Ok(body)
}

/// The pointers of the sealed values of a resource that do not open.
///
/// # Errors
/// When what was stored is no JSON object.
pub fn closed_secrets(vault: &Vault, space: &str, wrapped: &str, resource: &str, sealed: &str) -> Result<Vec<String>> {
    let (_, sealed) = read("null", sealed)?;
    let closed = |(pointer, value): &(&String, &Value)| {
        let opened = value.as_str().map(|text| vault.open_sealed(space, wrapped, &place(resource, pointer), text));
        !matches!(opened, Some(Ok(_)))
    };
    Ok(sealed.iter().filter(closed).map(|(pointer, _)| pointer.clone()).collect())
}

/// The sealed values of a resource sealed anew under the newest key of its space; `None` when they all are.
///
/// # Errors
/// When what was stored is damaged, or does not open.
pub fn resealed(vault: &Vault, space: &str, wrapped: &str, resource: &str, sealed: &str) -> Result<Option<String>> {
    if sealed == "{}" || !Vault::exchanging(wrapped) {
        return Ok(None);
    }
    let (_, mut sealed) = read("null", sealed)?;
    let mut changed = false;
    for (pointer, value) in &mut sealed {
        let (place, text) = (place(resource, pointer), value.as_str().unwrap_or_default());
        if !vault.under_newest(space, wrapped, &place, text) {
            let plain = vault.open_sealed(space, wrapped, &place, text)?;
            *value = Value::String(vault.seal(space, wrapped, &place, &plain)?);
            changed = true;
        }
    }
    Ok(changed.then(|| Value::Object(sealed).to_string()))
}

/// Hides the values of a kind's secret fields in a body that was written down in the open, before they were secret.
pub fn masked(kind: &KindInfo, body: &mut Value) {
    for pointer in &kind.definition.secret_fields {
        if body.pointer(pointer).is_some() {
            mark(body, pointer);
        }
    }
}

/// Opens the value that a secret field holds already.
fn kept(dir: &Directory, vault: &Vault, pointer: &str, before: Option<Before<'_>>) -> Result<Vec<u8>> {
    let none = || Error::field(format!("/body{pointer}"), "holds no secret yet that could stay");
    let Before { resource, space, sealed } = before.ok_or_else(none)?;
    let text = sealed.get(pointer).and_then(Value::as_str).ok_or_else(none)?;
    let info = dir.spaces.info(space).ok_or_else(none)?;
    vault.open_sealed(&info.id.to_string(), &info.secret_key, &place(resource, pointer), text)
}

/// The body with the kept secrets in place, as the schema is to judge it.
fn with_kept(
    dir: &Directory,
    vault: &Vault,
    body: &Value,
    secrets: &[(&String, Option<Value>)],
    before: Option<Before<'_>>,
) -> Result<Value> {
    let mut whole = body.clone();
    for (pointer, _) in secrets.iter().filter(|(_, given)| given.is_none()) {
        let plain = kept(dir, vault, pointer, before)?;
        let value = serde_json::from_slice(&plain).map_err(|_| Error::internal("a secret is damaged"))?;
        put(&mut whole, pointer, value);
    }
    Ok(whole)
}

/// Is that a body of that kind, as far as its schema says?
///
/// # Errors
/// 422 with pointers under `/body`.
pub(crate) fn fits(kind: &KindInfo, body: &Value) -> Result<()> {
    check(kind, body, &[])
}

/// The schema's complaints, without the values they complain about: one of them may be a secret.
fn check(kind: &KindInfo, body: &Value, secrets: &[&String]) -> Result<()> {
    let Some(validator) = &kind.validator else {
        return Err(Error::internal("a kind's schema cannot be read"));
    };
    if let Some(most) = kind.body_depth.filter(|most| deeper(body, *most)) {
        return Err(Error::field(
            "/body",
            format!("nests deeper than {most}: its schema leads to itself in several ways"),
        ));
    }
    let complaint = |at: String, message: String| {
        // A path inside a secret, and the names of what is in it, are a part of it.
        let secret =
            secrets.iter().find(|s| at.strip_prefix(s.as_str()).is_some_and(|r| r.is_empty() || r.starts_with('/')));
        match secret {
            Some(secret) => FieldError { pointer: format!("/body{secret}"), message: UNFIT.to_owned() },
            None => FieldError { pointer: format!("/body{at}"), message },
        }
    };
    let complaints = validator.iter_errors(body).take(COMPLAINTS);
    let mut errors: Vec<FieldError> =
        complaints.map(|e| complaint(e.instance_path().to_string(), e.masked().to_string())).collect();
    // How often a secret does not fit tells of it, too.
    errors.dedup();
    if errors.is_empty() { Ok(()) } else { Err(Error::Invalid(errors)) }
}

/// What is told of a secret that the schema refuses, whatever the reason.
const UNFIT: &str = "does not fit the schema of its kind";

/// Does it nest deeper than that?
fn deeper(value: &Value, most: usize) -> bool {
    match value {
        Value::Array(items) => most == 0 || items.iter().any(|item| deeper(item, most - 1)),
        Value::Object(fields) => most == 0 || fields.values().any(|field| deeper(field, most - 1)),
        _ => false,
    }
}

fn split(pointer: &str) -> Option<(&str, String)> {
    let (parent, key) = pointer.rsplit_once('/')?;
    Some((parent, key.replace("~1", "/").replace("~0", "~")))
}

/// Puts a value at a pointer, making the objects on the way.
pub fn put(body: &mut Value, pointer: &str, value: Value) {
    let Some((parent, key)) = split(pointer) else { return };
    if body.pointer(parent).is_none() {
        put(body, parent, json!({}));
    }
    match body.pointer_mut(parent) {
        Some(Value::Object(object)) => drop(object.insert(key, value)),
        Some(Value::Array(list)) => {
            if let Some(place) = key.parse::<usize>().ok().and_then(|at| list.get_mut(at)) {
                *place = value;
            }
        }
        _ => {}
    }
}

/// Takes the value at a pointer out of a body; in a list, null keeps its place.
pub fn take(body: &mut Value, pointer: &str) {
    let Some((parent, key)) = split(pointer) else { return };
    if let Some(Value::Object(object)) = body.pointer_mut(parent) {
        object.remove(&key);
    } else {
        put(body, pointer, Value::Null);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merge_patch_does_what_rfc_7396_shows() {
        for (target, patch, result) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!(["a"]), json!({"a": "b", "c": null}), json!({"a": "b"})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            let mut merged = target;
            merge(&mut merged, &patch);
            assert_eq!(merged, result);
        }
    }

    #[test]
    fn secrets_are_marked_where_they_were() {
        let body = shown(None, r#"{"host":"mail"}"#, r#"{"/password":"x","/deep/key":"y"}"#).expect("shown");
        assert_eq!(body, json!({"host": "mail", "password": {"secret": true}, "deep": {"key": {"secret": true}}}));
    }
}
