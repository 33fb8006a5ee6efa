//! Readers of trees: JSON, merge patches, pointers, policies.

use crate::Yard;
use garth_core::{Action, Class, ClassIx, Facts, KindIx, MAX_POLICY_DEPTH, Place as Stands, Policy, Reach, Target};
use garth_server::base::error::Error;
use garth_server::base::http::{JSON_DEPTH, parse_json};
use garth_server::base::text;
use garth_server::directory::Directory;
use garth_server::directory::policy::{self, All, Place};
use garth_server::fuzzing::{json_pointer, merge as merge_patch, put, take};
use serde_json::{Value, json};
use std::sync::Arc;

/// How deep a value nests, lists and objects counted.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// What is accepted is what any reader of JSON makes of it, no deeper than allowed, and is written and read without
/// change; what is refused is told to be malformed.
pub fn json(_: &Yard, bytes: &[u8]) {
    let plain = serde_json::from_slice::<Value>(bytes);
    match parse_json(bytes) {
        Ok(value) => {
            assert_eq!(Some(&value), plain.as_ref().ok());
            assert!(depth(&value) <= JSON_DEPTH);
            let written = value.to_string();
            assert_eq!(parse_json(written.as_bytes()).ok().as_ref(), Some(&value), "{written}");
        }
        Err(Error::Malformed(why)) => {
            assert!(plain.is_err() || why.contains("twice") || why.contains("deeper"), "{why}");
        }
        Err(other) => panic!("not told as malformed: {other}"),
    }
}

/// Two documents with a NUL between them, as JSON that a request may hold.
fn two(bytes: &[u8]) -> Option<(Value, Value)> {
    let at = bytes.iter().position(|byte| *byte == 0)?;
    Some((parse_json(&bytes[..at]).ok()?, parse_json(&bytes[at + 1..]).ok()?))
}

/// A patch that is applied twice changes nothing the second time; an empty one changes nothing at all; nothing gets
/// deeper than the deeper of the two, and no field is null that was not before.
pub fn merge(_: &Yard, bytes: &[u8]) {
    let Some((target, patch)) = two(bytes) else { return };
    let mut once = target.clone();
    merge_patch(&mut once, &patch);
    let mut twice = once.clone();
    merge_patch(&mut twice, &patch);
    assert_eq!(once, twice, "{target} {patch}");
    assert!(depth(&once) <= depth(&target).max(depth(&patch)));
    let Value::Object(fields) = &patch else {
        assert_eq!(once, patch);
        return;
    };
    for (key, value) in fields {
        match value {
            Value::Null => assert!(once.get(key).is_none(), "{key} stays: {once}"),
            Value::Object(_) => assert!(once[key].is_object()),
            other => assert_eq!(&once[key], other),
        }
    }
    if let Value::Object(before) = &target {
        assert!(before.iter().filter(|(key, _)| !fields.contains_key(*key)).all(|(key, value)| &once[key] == value));
        let mut same = target.clone();
        merge_patch(&mut same, &json!({}));
        assert_eq!(same, target);
    }
}

/// A pointer of a kind finds what was put there, and nothing once it was taken; the rest of the body stays.
pub fn pointers(_: &Yard, bytes: &[u8]) {
    let Some(at) = bytes.iter().position(|byte| *byte == 0) else { return };
    let Some(pointer) = std::str::from_utf8(&bytes[..at]).ok().filter(|pointer| json_pointer(pointer)) else { return };
    assert!(pointer.len() <= text::NAME_BYTES && pointer.starts_with('/'));
    let Ok(body @ Value::Object(_)) = parse_json(&bytes[at + 1..]) else { return };
    let there = body.pointer(pointer).is_some();
    let mut changed = body.clone();
    put(&mut changed, pointer, json!("secret"));
    if there {
        // What is there can always be marked: a secret is never shown because its place was hard to reach.
        assert_eq!(changed.pointer(pointer), Some(&json!("secret")), "{pointer} {body}");
    }
    let mut without = body.clone();
    take(&mut without, pointer);
    assert!(without.pointer(pointer).is_none_or(Value::is_null), "{pointer} {without}");
    if let (true, Some(value)) = (there, body.pointer(pointer)) {
        put(&mut without, pointer, value.clone());
        assert_eq!(without, body, "taken and put back: {pointer}");
    }
    let steps = pointer.split('/').count();
    assert!(depth(&changed) <= depth(&body) + steps);
}

/// Policies as JSON.
pub fn policies(yard: &Yard, bytes: &[u8]) {
    if let Ok(value) = parse_json(bytes) {
        check_policy(yard, &value);
    }
}

/// Policies that are grown from the bytes, so that most of them are nearly right.
pub fn policies_grown(yard: &Yard, bytes: &[u8]) {
    let mut bytes = bytes.iter().copied();
    let value = grow(&mut bytes, 0);
    check_policy(yard, &value);
}

fn grow(bytes: &mut impl Iterator<Item = u8>, depth: usize) -> Value {
    const WORDS: [&str; 7] = ["public", "users", "members", "admins", "nobody", "author", "root"];
    const PERMISSIONS: [&str; 6] =
        ["task:read", "task:close", "note:write", "space:admin", "decision:ask", "task:none"];
    const NAMES: [&str; 6] = ["user:@lin", "user:@bo", "group:@crew", "group:everyone", "user:@nobody", "key:1"];
    let mut next = || bytes.next().unwrap_or(0);
    let pick = |list: &[&str], by: u8| json!(list[usize::from(by) % list.len()]);
    match next() % 8 {
        0 | 1 => pick(&WORDS, next()),
        2 => json!({ "permission": pick(&PERMISSIONS, next()) }),
        3 => json!({ "users": (0..next() % 4).map(|_| pick(&NAMES, next())).collect::<Vec<_>>() }),
        4 => {
            let form = if next() % 2 == 0 { "groups_any" } else { "groups_all" };
            json!({ form: (0..next() % 4).map(|_| pick(&NAMES, next())).collect::<Vec<_>>() })
        }
        5 => json!({ "named": pick(&["@crew", "@nested", "@none"], next()) }),
        _ => {
            let default = pick(&["allow", "deny", "maybe"], next() % 10);
            let count = if depth > 20 { 0 } else { next() % 4 };
            let mut rules = Vec::new();
            for _ in 0..count {
                let (effect, window) = (bytes.next().unwrap_or(0), bytes.next().unwrap_or(0));
                let who = match bytes.next().unwrap_or(0) % 6 {
                    0 => json!("author"),
                    1 => json!("owner"),
                    2 => json!("subscribers"),
                    _ => grow(bytes, depth + 1),
                };
                let mut rule = json!({ "effect": pick(&["allow", "deny"], effect), "who": who });
                if let Some(when) = grow_window(window) {
                    rule["when"] = when;
                }
                rules.push(rule);
            }
            json!({ "rules": rules, "default": default })
        }
    }
}

fn grow_window(by: u8) -> Option<Value> {
    match by % 12 {
        0 => Some(json!({ "hours": { "from": "08:00", "to": format!("{:02}:00", by / 10) } })),
        1 => Some(json!({ "weekdays": ["mon", "sun"] })),
        2 => Some(json!({ "moon": "full" })),
        3 => Some(json!({ "from": "2031-05-04T00:00:00Z", "until": "2031-05-04T09:00:00+02:00" })),
        4 => Some(json!({})),
        _ => None,
    }
}

/// What is accepted can be understood where it stands, is stored in one way that means the same, and a list shows by
/// it what a check allows.
fn check_policy(yard: &Yard, value: &Value) {
    let dir = yard.directory();
    for (place, stands) in
        [(Place::Gate, Stands::Gate), (Place::SpaceEdit, Stands::Space), (Place::Resource, Stands::Resource)]
    {
        let read = policy::read(&dir, value, "/view", place, &All);
        for error in &read.errors {
            assert!(error.pointer.starts_with("/view") && !error.message.is_empty(), "{error:?}");
        }
        if !read.errors.is_empty() {
            assert_eq!(
                policy::compile(&dir, &value.to_string(), place),
                Policy::Unknown,
                "refused, and means something"
            );
            continue;
        }
        assert!(read.policy.fits(&dir.world, stands), "accepted at {place:?} and denies everyone: {value}");
        assert!(read.policy.depth(&dir.world) <= MAX_POLICY_DEPTH);
        assert_eq!(
            policy::compile(&dir, &read.canonical.to_string(), place),
            read.policy,
            "{value} {}",
            read.canonical
        );
        let again = policy::read(&dir, &read.canonical, "", place, &All);
        assert_eq!(again.canonical, read.canonical);
        match place {
            Place::Resource => list_is_check(yard, &dir, &read.policy),
            Place::Gate => gate_is_absolute(yard, &dir, &read.policy),
            Place::SpaceEdit => {}
        }
    }
}

/// For every caller and every relation to the resource.
fn list_is_check(yard: &Yard, dir: &Directory, policy: &Policy) {
    let mut world = dir.world.clone();
    let class = ClassIx(world.classes().map(|(ix, _)| ix.0 + 1).max().unwrap_or(0));
    let space = dir.space_ref(&yard.space).expect("the yard");
    let kind: KindIx = dir.kind_ref("task").expect("tasks");
    let windows = Arc::default();
    world.set_class(class, Class { space, kind, view: Some(Arc::new(policy.clone())), edit: None, windows });
    for caller in yard.callers(dir) {
        let reach = world.reach(&caller, yard.now(), |_| true);
        for bits in 0..8 {
            let target = Target::Resource(class, Facts::from_bits(bits));
            let seen = world.decide(&caller, target, Action::Read, yard.now()).allowed();
            assert_eq!(seen, shows(&reach, class, bits), "{caller:?} {bits} {policy:?}");
        }
    }
}

fn shows(reach: &Reach, class: ClassIx, bits: u8) -> bool {
    let partly = reach.partial.iter().any(|(ix, mask)| *ix == class && mask & 1 << bits != 0);
    partly || reach.full.contains(&class)
}

/// Who does not pass the gate sees nothing in the space, whatever they hold there.
fn gate_is_absolute(yard: &Yard, dir: &Directory, policy: &Policy) {
    let mut world = dir.world.clone();
    let ix = dir.space_ref(&yard.space).expect("the yard");
    let mut space = world.space(ix).expect("the yard").clone();
    space.view = Arc::new(policy.clone());
    world.set_space(ix, space);
    for caller in yard.callers(dir) {
        let inside = world.decide(&caller, Target::Space(ix), Action::Read, yard.now()).allowed();
        let classes: Vec<ClassIx> = world.classes().filter(|(_, class)| class.space == ix).map(|(ix, _)| ix).collect();
        for class in classes {
            let target = Target::Resource(class, Facts::from_bits(7));
            let seen = world.decide(&caller, target, Action::Read, yard.now()).allowed();
            assert!(inside || !seen, "{caller:?} {policy:?}");
        }
    }
}
