//! Stories about evaluations: many questions at once.

use super::{EVALUATION, EVALUATIONS, Fixture, fixture, lacking, transport};
use crate::support::*;

stories! {
    authzen_evaluations_answers_in_order,
    authzen_evaluations_items_inherit_defaults_whole,
    authzen_evaluations_items_override_defaults_whole,
    authzen_evaluations_semantics,
    authzen_evaluations_wrong_items_fail_alone,
    authzen_evaluations_wrong_payloads_fail_whole,
    authzen_evaluations_without_items_is_one_question,
    authzen_evaluations_transport,
    authzen_evaluations_is_repeatable_to_the_byte,
    n26_a_batch_answers_as_each_question_alone,
    n30_a_batch_keeps_order_and_duplicates_up_to_its_limit,
}

/// The decisions of a batch, in order.
#[track_caller]
pub fn decisions(answer: &Answer) -> Vec<bool> {
    assert!(answer["decision"].is_null(), "no decision beside the items: {answer}");
    let items = answer["evaluations"].as_array().unwrap_or_else(|| panic!("no items: {answer}"));
    items.iter().map(|item| item["decision"].as_bool().unwrap_or_else(|| panic!("no decision: {answer}"))).collect()
}

fn record(id: &str) -> Value {
    json!({"resource": {"type": "record", "id": id}})
}

fn action(name: &str) -> Value {
    json!({"action": {"name": name}})
}

async fn authzen_evaluations_answers_in_order(g: Garth) {
    let Fixture { alice, bob, records, .. } = fixture(&g).await;
    // The array form, with a subject and an action for all.
    let mut body = json!({"subject": {"type": "user", "id": alice.id}, "action": {"name": "read"}});
    body["evaluations"] = json!([record(&records[0]), record(&records[1]), record(&strange(&records[0]))]);
    assert_eq!(decisions(&alice.post(EVALUATIONS, body).await.ok()), [true, true, false]);
    // The fixture's decisions, and their order.
    let mut body = bob.question("read", "record", &records[0]);
    body["evaluations"] = json!([action("read"), action("write")]);
    assert_eq!(decisions(&bob.post(EVALUATIONS, body).await.ok()), [true, false]);
    // Items that say all.
    let whole = |name: &str| bob.question(name, "record", &records[0]);
    let body = json!({"evaluations": [whole("write"), whole("read"), whole("write")]});
    let answer = bob.post(EVALUATIONS, body).await.ok();
    assert_eq!(decisions(&answer), [false, true, false]);
    assert_eq!(answer.header("content-type"), "application/json");
    for item in answer["evaluations"].as_array().expect("items") {
        assert!(item["context"].is_null() || item["context"].is_object(), "{answer}");
    }
}

async fn authzen_evaluations_items_inherit_defaults_whole(g: Garth) {
    let f = fixture(&g).await;
    let mut body = f.question();
    body["context"] = json!({"time": "2025-06-27T18:03-07:00"});
    body["subject"]["properties"] = json!({"department": "Sales"});
    body["resource"]["properties"] = json!({"status": "active"});
    body["evaluations"] = json!([
        {},
        {"context": {"time": "2025-06-27T19:00-07:00", "source": "batch-override"}},
        {"unknown": {"field": null}},
    ]);
    assert_eq!(decisions(&f.alice.post(EVALUATIONS, body).await.ok()), [true, true, true]);
}

async fn authzen_evaluations_items_override_defaults_whole(g: Garth) {
    let f = fixture(&g).await;
    let mut body = f.question();
    body["evaluations"] = json!([
        {"resource": {"type": "record", "id": f.records[1]}},
        {"resource": {"type": "record", "id": strange(&f.records[1])}},
        {"resource": {"id": f.records[1]}},
        {"resource": {"type": "record"}},
        {"subject": {"id": f.alice.id}},
        {"action": {}},
        {"action": {"name": "fly"}},
        {"action": {"name": "write", "properties": {"soft": true}}},
    ]);
    let answer = f.alice.post(EVALUATIONS, body).await.ok();
    // A part that is given lacks what it does not say: it borrows nothing from the default.
    assert_eq!(decisions(&answer), [true, false, false, false, false, false, false, true]);
    for item in 2..=5_usize {
        assert_eq!(answer["evaluations"][item]["context"]["error"]["status"], 400, "{answer}");
    }
    // Defaults need not be whole where every item says its own.
    let mut body = json!({"subject": {"type": "user"}, "action": {"name": "read"}, "resource": {"type": "record"}});
    body["evaluations"] = json!([f.question(), f.alice.question("write", "record", &f.records[0])]);
    assert_eq!(decisions(&f.alice.post(EVALUATIONS, body).await.ok()), [true, true]);
}

async fn authzen_evaluations_semantics(g: Garth) {
    let Fixture { bob, records, .. } = fixture(&g).await;
    let batch = |names: &[&str], options: Option<Value>| {
        let mut body = bob.question("read", "record", &records[0]);
        body["evaluations"] = names.iter().map(|name| action(name)).collect();
        if let Some(options) = options {
            body["options"] = options;
        }
        body
    };
    let names = ["read", "write", "read", "write"];
    let semantic = |name: &str| Some(json!({"evaluations_semantic": name, "another_option": [1]}));
    for (options, names, expected) in [
        (None, &names[..], &[true, false, true, false][..]),
        (Some(json!({})), &names, &[true, false, true, false]),
        (semantic("execute_all"), &names, &[true, false, true, false]),
        (semantic("deny_on_first_deny"), &names, &[true, false]),
        (semantic("deny_on_first_deny"), &["read", "read"], &[true, true]),
        (semantic("permit_on_first_permit"), &names, &[true]),
        (semantic("permit_on_first_permit"), &["write", "write", "read", "write"], &[false, false, true]),
        (semantic("permit_on_first_permit"), &["write", "write"], &[false, false]),
    ] {
        let answer = bob.post(EVALUATIONS, batch(names, options.clone())).await.ok();
        assert_eq!(decisions(&answer), expected, "{options:?}");
    }
    // An item that is wrong is a no.
    let mut body = batch(&["read", "read", "read"], semantic("deny_on_first_deny"));
    body["evaluations"][1] = json!({"action": {}});
    assert_eq!(decisions(&bob.post(EVALUATIONS, body).await.ok()), [true, false]);
    for options in [
        json!({"evaluations_semantic": "guess"}),
        json!({"evaluations_semantic": ""}),
        json!({"evaluations_semantic": 7}),
        json!({"evaluations_semantic": null}),
        json!("execute_all"),
        json!([]),
        Value::Null,
    ] {
        bob.post(EVALUATIONS, batch(&names, Some(options))).await.refused(400, "malformed");
    }
}

async fn authzen_evaluations_wrong_items_fail_alone(g: Garth) {
    let Fixture { alice, bob, records, .. } = fixture(&g).await;
    let good = alice.question("read", "record", &records[0]);
    let mut other = good.clone();
    other["subject"]["id"] = json!(bob.id);
    let mut items = vec![good.clone()];
    items.extend(lacking(&good, &super::REQUIRED).into_iter().map(|(_, body)| body));
    items.extend([json!({}), json!(7), json!("x"), json!([]), Value::Null, json!({"action": 7})]);
    let mut odd = good.clone();
    odd["context"] = json!("odd");
    items.push(odd);
    let mut odd = good.clone();
    odd["resource"]["properties"] = Value::Null;
    items.extend([odd, other, good]);
    let answer = alice.post(EVALUATIONS, json!({"evaluations": items})).await.ok();
    let last = items.len() - 1;
    for (at, decision) in decisions(&answer).into_iter().enumerate() {
        let item = &answer["evaluations"][at];
        assert_eq!(decision, at == 0 || at == last, "{at}: {item}");
        let status = match at {
            0 => continue,
            _ if at == last => continue,
            _ if at == last - 1 => 403,
            _ => 400,
        };
        assert_eq!(item["context"]["error"]["status"], status, "{at}: {item}");
        assert!(item["context"]["error"]["message"].as_str().is_some_and(|text| !text.is_empty()), "{at}: {item}");
    }
}

async fn authzen_evaluations_wrong_payloads_fail_whole(g: Garth) {
    let f = fixture(&g).await;
    for evaluations in [json!({}), json!({"1": f.question()}), json!("all"), json!(7), json!(true), Value::Null] {
        let mut body = f.question();
        body["evaluations"] = evaluations;
        f.alice.post(EVALUATIONS, body).await.refused(400, "malformed");
    }
    for name in ["subject", "action", "resource", "context"] {
        let mut body = json!({"evaluations": [f.question()]});
        body[name] = json!("alice");
        f.alice.post(EVALUATIONS, body).await.refused(400, "malformed");
    }
}

async fn authzen_evaluations_without_items_is_one_question(g: Garth) {
    let f = fixture(&g).await;
    for name in ["read", "record:delete", "fly"] {
        let mut body = f.alice.question(name, "record", &f.records[0]);
        let single = f.alice.post(EVALUATION, body.clone()).await.ok();
        assert_same(&single, &f.alice.post(EVALUATIONS, body.clone()).await);
        body["evaluations"] = json!([]);
        assert_same(&single, &f.alice.post(EVALUATIONS, body).await);
    }
    f.alice.post(EVALUATIONS, json!({"evaluations": []})).await.refused(400, "malformed");
}

async fn authzen_evaluations_transport(g: Garth) {
    let f = fixture(&g).await;
    let mut body = f.question();
    body["evaluations"] = json!([{}, action("write")]);
    transport(&f.alice, EVALUATIONS, &body).await;
}

async fn authzen_evaluations_is_repeatable_to_the_byte(g: Garth) {
    let f = fixture(&g).await;
    let mut body = f.question();
    body["evaluations"] = json!([{}, action("write"), action("fly"), {"subject": 7}, record(&strange(&f.records[0]))]);
    let first = f.alice.post(EVALUATIONS, body.clone()).await.ok();
    for _ in 0..3 {
        g.pass(SECOND);
        assert_eq!(f.alice.post(EVALUATIONS, body.clone()).await.ok().bytes, first.bytes);
    }
}

/// Where gates, roles, policies, owners and subscribers all have their say.
async fn n26_a_batch_answers_as_each_question_alone(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo] = [g.person("lin").await, g.person("bo").await];
    ada.kind_with("task", json!({"exceptions": {"owner": ["view", "edit"]}, "permissions": ["task:triage"]})).await;
    ada.kind("report").await;
    let home = g.home().await;
    let dark = ada.space("Dark").create().await;
    let atlas = ada.space("Atlas").create().await;
    ada.grant(&atlas, &bo, "reader").await;
    let followers = json!({"rules": [{"effect": "allow", "who": "subscribers"}], "default": "deny"});
    let mut things = Vec::new();
    for (number, space) in [&home, &dark, &atlas].into_iter().cycle().take(12).enumerate() {
        let kind = if number % 4 == 3 { "report" } else { "task" };
        let mut thing = ada.resource(kind, &format!("Thing {number}")).space(space);
        if number % 2 == 0 {
            thing = thing.owner(&bo);
        }
        let thing = thing.create().await;
        if number % 3 == 2 {
            let patch = json!({"subscribers": [lin.principal(), ada.principal()]});
            ada.patch(&thing.url(""), patch).await.ok();
            ada.patch(&thing.url(""), json!({"edit": followers})).await.ok();
        }
        things.push((kind, thing));
    }
    for person in [&ada, &lin, &bo] {
        let mut questions = Vec::new();
        for (kind, thing) in &things {
            let code = thing["code"].as_str().expect("a code");
            for action in ["read", "write", "triage", "task:triage", "report:read"] {
                questions.push(person.question(action, kind, &thing.id));
                questions.push(person.question(action, kind, code));
                questions.push(person.question(action, "task", &thing.id));
            }
        }
        for space in [&home, &dark, &atlas] {
            questions.push(person.question("read", "space", &space.id));
            questions.push(person.question("task:write", "space", &space.id));
        }
        let batch = person.post(EVALUATIONS, json!({"evaluations": questions})).await.ok();
        let mut allowed = 0;
        for (at, question) in questions.iter().enumerate() {
            let single = person.post(EVALUATION, question.clone()).await.ok();
            assert_eq!(batch["evaluations"][at], single.json, "{} {question}", person.username);
            allowed += usize::from(single["decision"] == true);
        }
        assert!(allowed > 10 && allowed < questions.len() - 10, "{}: {allowed}", person.username);
    }
}

async fn n30_a_batch_keeps_order_and_duplicates_up_to_its_limit(g: Garth) {
    let f = fixture(&g).await;
    let items = |count: usize| -> Vec<Value> {
        (0..count)
            .map(|at| match at % 4 {
                0 => record(&f.records[0]),
                1 => record(&strange(&f.records[0])),
                2 => json!({"resource": 7}),
                _ => record(&f.records[1]),
            })
            .collect()
    };
    for count in [1, 2, 7, 999, 1_000] {
        let mut body = f.question();
        body["evaluations"] = json!(items(count));
        let answer = f.alice.post(EVALUATIONS, body).await.ok();
        let expected: Vec<bool> = (0..count).map(|at| matches!(at % 4, 0 | 3)).collect();
        assert_eq!(decisions(&answer), expected);
    }
    let mut body = f.question();
    body["evaluations"] = json!(items(1_001));
    let refused = f.alice.post(EVALUATIONS, body).await.refused(400, "malformed");
    assert!(refused.text("detail").contains("1000"), "{refused}");
}
