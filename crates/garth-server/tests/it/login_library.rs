//! The library of login policies in `scenarios/login-policies`: every case asked of the engine itself and, where it is
//! about one policy, over HTTP as a draft. The cases L01 to L50 are those of the original.

use crate::support::*;
use garth_server::base::rego::{Input, Policy, Version};
use garth_server::login_policies::{CONTRACT, Decision, Outputs, TIME, combine};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/login-policies")
}

/// The text of a policy of the library, or a text of its own (which is v1).
fn policy(named: &str) -> (String, &'static str) {
    if named.starts_with("package ") {
        return (named.to_owned(), "v1");
    }
    let file = folder().join(format!("{named}.rego"));
    let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let version = if text.contains("\n# version: v0\n") { "v0" } else { "v1" };
    (text, version)
}

fn cases() -> (Value, Vec<Value>) {
    let text = std::fs::read_to_string(folder().join("cases.yaml")).expect("the cases");
    let file: Value = serde_saphyr::from_str(&text).expect("YAML");
    let cases = file["cases"].as_array().expect("cases").clone();
    (file["default"].clone(), cases)
}

/// The default input with what the case changes.
fn input(default: &Value, case: &Value) -> Value {
    let mut input = default.clone();
    for part in ["request", "session"] {
        for (name, value) in case[part].as_object().into_iter().flatten() {
            input[part][name] = value.clone();
        }
    }
    for part in ["spaces", "roles", "slack"] {
        if let Some(value) = case.get(part) {
            input[part] = value.clone();
        }
    }
    if case["without_teams"] == true {
        input["session"].as_object_mut().expect("a session").remove("teams");
    }
    input
}

/// Outputs as the cases write them: what is false or empty is left out.
fn told(outputs: &Value) -> BTreeMap<String, Value> {
    let nothing = |value: &Value| {
        *value == json!(false) || value.as_array().is_some_and(Vec::is_empty) || *value == json!({}) || value.is_null()
    };
    let all = outputs.as_object().into_iter().flatten();
    all.filter(|(_, value)| !nothing(value)).map(|(name, value)| (name.clone(), sorted_sets(value))).collect()
}

fn sorted_sets(value: &Value) -> Value {
    match value {
        Value::Array(list) => json!(list.iter().filter_map(Value::as_str).collect::<BTreeSet<_>>()),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), sorted_sets(value))).collect(),
        other => other.clone(),
    }
}

fn json_of(o: &Outputs) -> Value {
    json!({
        "allow": o.allow, "deny": o.deny, "admin": o.admin, "deny_admin": o.deny_admin, "sample": o.sample,
        "space_read": o.space_read, "space_write": o.space_write, "space_admin": o.space_admin, "team": o.team,
        "roles": o.roles,
    })
}

/// Does a case give any role that its input knows?
fn granted(outputs: &Outputs, input: &Value) -> bool {
    let spaces: BTreeSet<&str> =
        input["spaces"].as_array().into_iter().flatten().filter_map(|space| space["id"].as_str()).collect();
    outputs.granted().any(|(space, _)| spaces.contains(space))
}

#[test]
fn every_case_of_the_library_is_answered_as_it_must_be() {
    let (default, cases) = cases();
    let mut wrong = Vec::new();
    for case in &cases {
        let name = case["name"].as_str().expect("a name");
        let input = input(&default, case);
        let mut outputs = Vec::new();
        let mut fault = None;
        for named in case["policies"].as_array().expect("policies") {
            let (text, version) = policy(named.as_str().expect("a text"));
            let version: Version = version.parse().expect("a version");
            let read =
                Policy::read(&text, version, &CONTRACT).and_then(|policy| policy.ask(&Input::of(&input), TIME * 10));
            match read {
                Ok(answers) => outputs.push(Outputs::of(answers)),
                Err(found) => fault = Some(found),
            }
        }
        if case["unreadable"] == true || fault.is_some() {
            if case["unreadable"] != true || fault.is_none() {
                wrong.push(format!("{name}: {fault:?}"));
            }
            continue;
        }
        let none = outputs.is_empty();
        let all = combine(outputs);
        let decision = Decision::of(&all, granted(&all, &input));
        // Without any policy members come in: nobody is asked.
        let decision = if none { Decision::Member } else { decision };
        if told(&json_of(&all)) != told(&case["outputs"]) || decision.as_str() != case["decision"] {
            wrong.push(format!("{name}: {decision:?} {:?}\n   not {case}", told(&json_of(&all))));
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn every_policy_of_the_library_has_a_case_and_says_what_it_is_for() {
    let (_, cases) = cases();
    let asked: BTreeSet<&str> = cases
        .iter()
        .flat_map(|case| case["policies"].as_array().into_iter().flatten())
        .filter_map(Value::as_str)
        .collect();
    let mut found = 0;
    for part in ["spacelift", "ready"] {
        for file in std::fs::read_dir(folder().join(part)).expect("a folder") {
            let path = file.expect("a file").path();
            let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).expect("a text");
            let heads = ["# title: ", "# version: v", "# what: "];
            assert!(text.lines().zip(heads).all(|(line, head)| line.starts_with(head)), "{stem} has no title: {text}");
            assert!(asked.contains(format!("{part}/{stem}").as_str()), "no case asks {part}/{stem}");
            found += 1;
        }
    }
    assert!(found >= 26, "{found} policies");
}

#[test]
fn the_library_over_http() {
    crate::support::tell(Engine::Sqlite, "the_library_over_http", drafts_are_answered_like_the_library);
}

async fn drafts_are_answered_like_the_library(g: Garth) {
    let ada = g.admin().await;
    let (default, cases) = cases();
    for case in cases.iter().filter(|case| case["policies"].as_array().is_some_and(|policies| policies.len() == 1)) {
        let name = case["name"].as_str().expect("a name");
        let (rego, version) = policy(case["policies"][0].as_str().expect("a text"));
        let draft = json!({"rego": rego, "version": version, "input": input(&default, case)});
        let answer = ada.post("/api/v1/login-policies/simulate", draft).await.ok();
        if case["unreadable"] == true {
            assert!(answer["error"].is_string() && answer["decision"] == "refused", "{name}: {answer}");
            continue;
        }
        assert!(answer["error"].is_null(), "{name}: {answer}");
        assert_eq!(told(&answer["outputs"]), told(&case["outputs"]), "{name}: {answer}");
        // Roles in spaces that the input does not list are told as ignored.
        assert_eq!(answer["decision"], case["decision"], "{name}: {answer}");
    }
}
