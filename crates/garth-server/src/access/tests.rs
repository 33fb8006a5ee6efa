//! Stories about asking: AuthZEN evaluation and evaluations as the standard tells them, and explain.

use crate::support::*;
use axum::http::Method;

#[path = "tests/attacks.rs"]
mod attacks;
#[path = "tests/bounds.rs"]
mod bounds;
#[path = "tests/dry_run.rs"]
mod dry_run;
#[path = "tests/negative.rs"]
mod negative;
#[path = "tests/once.rs"]
mod once;

stories! {
    a_question_gets_its_decision,
    a_space_is_asked_for_its_gate_and_for_what_may_be_made_in_it,
    what_is_unknown_is_denied,
    a_caller_asks_about_itself,
    what_the_standard_lets_one_add_changes_nothing,
    what_the_standard_forbids_is_refused,
    only_posts_by_those_who_signed_in_are_answered,
    the_same_question_gets_the_same_bytes,
    a_request_id_comes_back,
    a_batch_is_answered_in_order,
    a_batch_without_items_is_one_question,
    defaults_are_replaced_whole,
    a_semantic_may_end_a_batch_early,
    an_odd_item_fails_alone,
    a_batch_has_a_limit,
    explain_says_why,
    n77_explain_names_nothing_the_caller_may_not_see,
    check_list_and_explain_agree,
}

const EVALUATION: &str = "/access/v1/evaluation";
const EVALUATIONS: &str = "/access/v1/evaluations";

/// Lin is a writer of Atlas, Bo a reader; one task lies there.
struct World {
    ada: Person,
    lin: Person,
    bo: Person,
    atlas: Thing,
    task: Thing,
}

async fn world(g: &Garth) -> World {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let bo = g.person("bo").await;
    ada.kind_with("task", json!({"permissions": ["task:triage"]})).await;
    ada.kind("report").await;
    g.home().await;
    let atlas = ada.space("Atlas").create().await;
    ada.grant(&atlas, &lin, "writer").await;
    ada.grant(&atlas, &bo, "reader").await;
    let task = ada.resource("task", "Fix the lift").space(&atlas).create().await;
    World { ada, lin, bo, atlas, task }
}

async fn a_question_gets_its_decision(g: Garth) {
    let World { lin, bo, task, .. } = world(&g).await;
    let kim = g.person("kim").await;
    for (person, action, decision) in [
        (&lin, "read", true),
        (&lin, "write", true),
        (&lin, "task:triage", true),
        (&lin, "task:read", true),
        (&lin, "task:write", true),
        (&bo, "read", true),
        (&bo, "write", false),
        (&bo, "task:triage", false),
        (&kim, "read", false),
        (&kim, "task:triage", false),
    ] {
        let answer = person.post(EVALUATION, person.question(action, "task", &task.id)).await.ok();
        assert_eq!(answer["decision"], decision, "{} {action}", person.username);
        assert!(answer["context"].is_null() || answer["context"].is_object(), "{answer}");
        assert!(answer.header("content-type").starts_with("application/json"), "{answer}");
    }
}

async fn a_space_is_asked_for_its_gate_and_for_what_may_be_made_in_it(g: Garth) {
    let World { ada, lin, bo, atlas, .. } = world(&g).await;
    let kim = g.person("kim").await;
    for (person, action, decision) in [
        (&bo, "read", true),
        (&kim, "read", false),
        (&lin, "task:write", true),
        (&bo, "task:write", false),
        (&kim, "task:write", false),
        (&ada, "space:admin", true),
        (&lin, "space:admin", false),
        (&ada, "write", true),
        (&lin, "write", false),
    ] {
        assert_eq!(person.may(action, "space", &atlas.id).await, decision, "{} {action}", person.username);
    }
}

async fn what_is_unknown_is_denied(g: Garth) {
    let World { ada, task, atlas, .. } = world(&g).await;
    for (action, kind, id) in [
        ("read", "task", strange(&task.id)),
        ("read", "report", task.id.clone()),
        ("read", "space", task.id.clone()),
        ("read", "task", atlas.id.clone()),
        ("read", "unheard-of", task.id.clone()),
        ("fly", "task", task.id.clone()),
        ("task:fly", "task", task.id.clone()),
        ("report:read", "task", task.id.clone()),
        ("*", "task", task.id.clone()),
        ("task:*", "task", task.id.clone()),
        ("READ", "task", task.id.clone()),
        ("read ", "task", task.id.clone()),
        ("read", "task", task.id.to_uppercase()),
        ("read", "task", "x".repeat(10_000)),
        ("read", "task", "' OR 1=1 --".to_owned()),
    ] {
        assert!(!ada.may(action, kind, &id).await, "{action} {kind} {id}");
    }
}

async fn a_caller_asks_about_itself(g: Garth) {
    let World { ada, lin, bo, task, .. } = world(&g).await;
    // Others are asked about by applications: an existing and an unknown person are refused alike.
    let mut question = lin.question("read", "task", &task.id);
    let about = |mut question: Value, id: &str| {
        question["subject"]["id"] = json!(id);
        question
    };
    for person in [&lin, &ada] {
        let other = person.post(EVALUATION, about(question.clone(), &bo.id)).await.problem(403);
        let nobody = strange(&bo.id);
        let unknown = person.post(EVALUATION, about(question.clone(), &nobody)).await;
        assert_missing(&other, &bo.id, &unknown, &nobody);
    }
    question["subject"] = json!({"type": "group", "id": "everyone"});
    lin.post(EVALUATION, question.clone()).await.problem(403);
    question["subject"] = json!({"type": "robot", "id": lin.id});
    let answer = lin.post(EVALUATION, question).await;
    assert!(answer.status == 403 || answer["decision"] == false, "{answer}");
}

async fn what_the_standard_lets_one_add_changes_nothing(g: Garth) {
    let World { lin, bo, task, .. } = world(&g).await;
    let plain = lin.post(EVALUATION, lin.question("write", "task", &task.id)).await.ok();
    let mut more = lin.question("write", "task", &task.id);
    more["context"] = json!({"time": "2031-05-04T08:00:00Z", "deep": {"er": [1, 2]}});
    more["unknown"] = json!("ignored");
    more["subject"]["properties"] = json!({"role": "reader", "department": "none"});
    more["subject"]["colour"] = json!("red");
    more["action"]["properties"] = json!({"soft": true});
    more["resource"]["properties"] = json!({"status": "archived"});
    more["resource"]["colour"] = json!(7);
    assert_same(&plain, &lin.post(EVALUATION, more.clone()).await);
    let text = more.to_string();
    assert_same(&plain, &lin.call(Method::POST, EVALUATION).raw("application/json; charset=utf-8", text).await);
    // Nobody becomes more by saying so.
    let mut boast = bo.question("write", "task", &task.id);
    boast["subject"]["properties"] = json!({"role": "admin", "roles": ["admin"], "system_admin": true});
    boast["context"] = json!({"role": "admin"});
    assert_eq!(bo.post(EVALUATION, boast).await.ok()["decision"], false);
    let shuffled = format!(
        r#"{{"resource":{{"id":"{}","type":"task"}},"action":{{"name":"write"}},"subject":{{"id":"{}","type":"user"}}}}"#,
        task.id, lin.id
    );
    assert_same(&plain, &lin.call(Method::POST, EVALUATION).raw("application/json", shuffled).await);
}

async fn what_the_standard_forbids_is_refused(g: Garth) {
    let World { lin, task, .. } = world(&g).await;
    let good = lin.question("read", "task", &task.id);
    let without = |pointer: &str| {
        let mut body = good.clone();
        let (parent, field) = pointer.rsplit_once('/').expect("a pointer");
        let parent = body.pointer_mut(parent).expect("a parent").as_object_mut().expect("an object");
        parent.remove(field);
        body
    };
    let with = |pointer: &str, value: Value| {
        let mut body = good.clone();
        *body.pointer_mut(pointer).expect("a place") = value;
        body
    };
    let mut bodies: Vec<String> = [
        without("/subject"),
        without("/action"),
        without("/resource"),
        without("/subject/type"),
        without("/subject/id"),
        without("/action/name"),
        without("/resource/type"),
        without("/resource/id"),
        with("/subject", json!("lin")),
        with("/subject", Value::Null),
        with("/subject/id", json!(7)),
        with("/action", json!("read")),
        with("/action/name", json!(7)),
        with("/action/name", Value::Null),
        with("/resource", json!([])),
        with("/resource/id", json!({})),
        json!([good]),
        json!("question"),
        Value::Null,
    ]
    .iter()
    .map(Value::to_string)
    .collect();
    bodies.extend(["", "{", "{}", "nonsense", "{\"subject\":", "\u{0}"].map(str::to_owned));
    let twice = good.to_string().replacen('{', r#"{"action":{"name":"write"},"#, 1);
    bodies.push(twice);
    bodies.push("[".repeat(50_000));
    bodies.push(
        r#"{"subject":{"type":"user","id":"\ud800"},"action":{"name":"read"},"resource":{"type":"task","id":"x"}}"#
            .to_owned(),
    );
    for body in bodies {
        for path in [EVALUATION, EVALUATIONS] {
            lin.call(Method::POST, path).raw("application/json", body.as_bytes()).await.problem(400);
        }
    }
    for content_type in ["text/plain", "application/x-www-form-urlencoded", ""] {
        let answer = lin.call(Method::POST, EVALUATION).raw(content_type, good.to_string()).await.refused_somehow();
        assert!(answer.status == 400 || answer.status == 415, "{answer}");
    }
}

async fn only_posts_by_those_who_signed_in_are_answered(g: Garth) {
    let World { lin, task, .. } = world(&g).await;
    let question = lin.question("read", "task", &task.id);
    for path in [EVALUATION, EVALUATIONS] {
        g.anonymous().post(path, question.clone()).await.not_signed_in();
        g.anonymous().post(path, json!({})).await.not_signed_in();
        lin.with_token("garbage").post(path, question.clone()).await.not_signed_in();
        for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
            let answer = lin.call(method, path).json(question.clone()).await.problem(405);
            assert!(answer.header("allow").contains("POST"), "{answer}");
        }
    }
}

async fn the_same_question_gets_the_same_bytes(g: Garth) {
    let World { lin, bo, task, atlas, .. } = world(&g).await;
    for (person, body) in [
        (&lin, lin.question("write", "task", &task.id)),
        (&bo, bo.question("write", "task", &task.id)),
        (&bo, bo.question("read", "space", &atlas.id)),
        (&bo, bo.question("read", "task", &strange(&task.id))),
    ] {
        let first = person.post(EVALUATION, body.clone()).await.ok();
        for _ in 0..3 {
            g.pass(SECOND);
            assert_eq!(person.post(EVALUATION, body.clone()).await.ok().bytes, first.bytes);
        }
        let mut batch = body.clone();
        batch["evaluations"] = json!([{}, {"action": {"name": "read"}}]);
        let first = person.post(EVALUATIONS, batch.clone()).await.ok();
        g.pass(SECOND);
        assert_eq!(person.post(EVALUATIONS, batch).await.ok().bytes, first.bytes);
    }
}

async fn a_request_id_comes_back(g: Garth) {
    let World { lin, task, .. } = world(&g).await;
    let question = lin.question("read", "task", &task.id);
    for path in [EVALUATION, EVALUATIONS] {
        let answer =
            lin.post(path, question.clone()).header("x-request-id", "bfe9eb29-ab87-4ca3-be83-a1d5d8305716").await;
        assert_eq!(answer.ok().header("x-request-id"), "bfe9eb29-ab87-4ca3-be83-a1d5d8305716");
        let refused = lin.post(path, json!({})).header("x-request-id", "mine").await.problem(400);
        assert_eq!(refused.header("x-request-id"), "mine");
    }
}

/// The decisions of a batch, in order.
#[track_caller]
fn decisions(answer: &Answer) -> Vec<bool> {
    assert!(answer["decision"].is_null(), "no decision beside the items: {answer}");
    let items = answer["evaluations"].as_array().unwrap_or_else(|| panic!("no items: {answer}"));
    items.iter().map(|item| item["decision"].as_bool().unwrap_or_else(|| panic!("no decision: {answer}"))).collect()
}

async fn a_batch_is_answered_in_order(g: Garth) {
    let World { bo, task, atlas, .. } = world(&g).await;
    let read = bo.question("read", "task", &task.id);
    let write = bo.question("write", "task", &task.id);
    let gate = bo.question("read", "space", &atlas.id);
    let items = json!([read, write, gate, write, read, read]);
    let answer = bo.post(EVALUATIONS, json!({"evaluations": items})).await.ok();
    assert_eq!(decisions(&answer), [true, false, true, false, true, true]);
    let one = bo.post(EVALUATION, write).await.ok();
    assert_eq!(answer["evaluations"][1], one.json, "an item is answered as the question alone");
}

async fn a_batch_without_items_is_one_question(g: Garth) {
    let World { lin, task, .. } = world(&g).await;
    let mut question = lin.question("write", "task", &task.id);
    let single = lin.post(EVALUATION, question.clone()).await.ok();
    assert_same(&single, &lin.post(EVALUATIONS, question.clone()).await);
    question["evaluations"] = json!([]);
    assert_same(&single, &lin.post(EVALUATIONS, question).await);
    lin.post(EVALUATIONS, json!({"evaluations": []})).await.problem(400);
}

async fn defaults_are_replaced_whole(g: Garth) {
    let World { bo, task, atlas, .. } = world(&g).await;
    let mut body = bo.question("read", "task", &task.id);
    body["context"] = json!({"time": "now"});
    body["evaluations"] = json!([
        {},
        {"action": {"name": "write"}},
        {"resource": {"type": "space", "id": atlas.id}},
        {"resource": {"type": "task", "id": strange(&task.id)}},
        {"context": {}},
        {"resource": {"type": "space"}},
    ]);
    let answer = bo.post(EVALUATIONS, body).await.ok();
    // The last item's resource has no id: it does not borrow the default's.
    assert_eq!(decisions(&answer), [true, false, true, false, true, false]);
    assert!(answer["evaluations"][5]["context"]["error"].is_object(), "{answer}");
}

async fn a_semantic_may_end_a_batch_early(g: Garth) {
    let World { bo, task, .. } = world(&g).await;
    let actions = ["read", "write", "read", "task:triage"];
    let mut body = bo.question("read", "task", &task.id);
    body["evaluations"] = actions.iter().map(|name| json!({"action": {"name": name}})).collect();
    for (semantic, expected) in [
        ("execute_all", vec![true, false, true, false]),
        ("deny_on_first_deny", vec![true, false]),
        ("permit_on_first_permit", vec![true]),
    ] {
        body["options"] = json!({"evaluations_semantic": semantic, "unknown": 1});
        assert_eq!(decisions(&bo.post(EVALUATIONS, body.clone()).await.ok()), expected, "{semantic}");
    }
    for options in [json!({"evaluations_semantic": "guess"}), json!({"evaluations_semantic": 7}), json!("all")] {
        body["options"] = options;
        bo.post(EVALUATIONS, body.clone()).await.problem(400);
    }
}

async fn an_odd_item_fails_alone(g: Garth) {
    let World { lin, bo, task, .. } = world(&g).await;
    let good = lin.question("read", "task", &task.id);
    let odd = json!([good, {}, {"subject": {"type": "user", "id": lin.id}}, {"action": {"name": 7}}, good]);
    let answer = lin.post(EVALUATIONS, json!({"evaluations": odd})).await.ok();
    assert_eq!(decisions(&answer), [true, false, false, false, true]);
    for item in 1..=3_usize {
        let error = &answer["evaluations"][item]["context"]["error"];
        assert!(error["status"].is_u64() && error["message"].is_string(), "{answer}");
    }
    // A question about somebody else fails alone too, and tells nothing.
    let mut other = good.clone();
    other["subject"]["id"] = json!(bo.id);
    let answer = lin.post(EVALUATIONS, json!({"evaluations": [good, other]})).await;
    assert!(answer.status == 403 || decisions(&answer) == [true, false], "{answer}");
    for malformed in [json!({"evaluations": {}}), json!({"evaluations": "all"}), json!({"evaluations": [7]})] {
        let answer = lin.post(EVALUATIONS, malformed.clone()).await;
        assert!(answer.status == 400 || decisions(&answer) == [false], "{malformed}: {answer}");
    }
}

async fn a_batch_has_a_limit(g: Garth) {
    let World { lin, task, .. } = world(&g).await;
    let mut body = lin.question("read", "task", &task.id);
    body["evaluations"] = json!(vec![json!({}); 1_000]);
    assert_eq!(decisions(&lin.post(EVALUATIONS, body.clone()).await.ok()), vec![true; 1_000]);
    body["evaluations"] = json!(vec![json!({}); 1_001]);
    lin.post(EVALUATIONS, body).await.refused_somehow();
}

async fn explain_says_why(g: Garth) {
    let World { ada, lin, bo, task, atlas } = world(&g).await;
    let explain = async |by: &Person, action: &str, kind: &str, id: &str| {
        let answer = by.post("/api/v1/explain", by.question(action, kind, id)).await.ok();
        let steps = answer["steps"].as_array().expect("steps").clone();
        for step in &steps {
            for field in ["step", "outcome"] {
                assert!(step[field].as_str().is_some_and(|text| !text.is_empty()), "{answer}");
            }
            assert!(step["because"].is_string(), "{answer}");
        }
        let names: Vec<_> = steps.iter().map(|step| step["step"].as_str().expect("a step").to_owned()).collect();
        (answer["decision"].as_bool().expect("a decision"), names, answer)
    };
    let (decision, steps, _) = explain(&lin, "write", "task", &task.id).await;
    assert!(decision);
    assert_eq!(steps, ["gate", "roles", "view", "action"]);
    let (decision, steps, answer) = explain(&bo, "write", "task", &task.id).await;
    assert!(!decision);
    assert_eq!(steps, ["gate", "roles", "view", "action"]);
    assert!(answer["steps"][3].to_string().contains("task:write"), "the lacking permission is named: {answer}");
    assert!(answer["steps"][1].to_string().contains("reader"), "the role held is named: {answer}");
    let (decision, steps, _) = explain(&bo, "read", "space", &atlas.id).await;
    assert!(decision);
    assert_eq!(steps[0], "gate");
    let only_ada = json!({"users": [ada.principal()]});
    ada.patch(&task.url(""), json!({"view": only_ada})).await.ok();
    let hidden = explain(&bo, "read", "task", &task.id).await;
    assert!(!hidden.0);
    g.anonymous().post("/api/v1/explain", lin.question("read", "task", &task.id)).await.not_signed_in();
    for bad in [json!({}), json!([]), json!({"subject": {}})] {
        lin.post("/api/v1/explain", bad).await.refused_somehow();
    }
}

async fn n77_explain_names_nothing_the_caller_may_not_see(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let spy = g.person("spy").await;
    ada.kind("task").await;
    g.closed_home().await;
    let above = ada.space("Above-the-clouds").create().await;
    let atlas = ada.space("Atlas").under(&above).create().await;
    let crew = ada.group("secret-crew", &[&spy]).await;
    ada.grant(&atlas, &lin, "reader").await;
    let view = json!({"rules": [
        {"effect": "deny", "who": {"groups_any": [format!("group:{}", crew.id)]}},
        {"effect": "deny", "who": {"users": [spy.principal()]}},
        {"effect": "allow", "who": "members"},
    ], "default": "deny"});
    let seen = ada.resource("task", "Seen").space(&atlas).view(view).create().await;
    let only_ada = json!({"users": [ada.principal()]});
    let unseen = ada.resource("task", "Unseen-thing").space(&atlas).view(only_ada).create().await;
    let dark = ada.space("Dark-side").create().await;
    let far = ada.resource("task", "Far-thing").space(&dark).create().await;
    for (action, kind, id) in [
        ("read", "task", &seen.id),
        ("write", "task", &seen.id),
        ("read", "task", &unseen.id),
        ("read", "task", &far.id),
        ("read", "space", &dark.id),
        ("read", "space", &above.id),
    ] {
        let answer = lin.post("/api/v1/explain", lin.question(action, kind, id)).await.ok();
        let text = String::from_utf8_lossy(&answer.bytes).into_owned();
        let names = ["secret-crew", "spy", "Above-the-clouds", "Unseen-thing", "Far-thing", "Dark-side"];
        for secret in names.into_iter().chain([&crew, &above, &dark].map(|thing| thing.id.as_str())) {
            let asked_for = secret == id.as_str();
            assert!(asked_for || !text.contains(secret), "{secret} is named: {answer}");
        }
        let seen_or_not = answer["decision"] == true || id == &seen.id;
        if !seen_or_not {
            let never = strange(id);
            let missing = lin.post("/api/v1/explain", lin.question(action, kind, &never)).await;
            assert_missing(&answer, id, &missing, &never);
        }
    }
}

async fn check_list_and_explain_agree(g: Garth) {
    let World { ada, lin, bo, atlas, .. } = world(&g).await;
    let kim = g.person("kim").await;
    for (number, view) in [json!("members"), json!("admins"), json!({"users": [lin.principal(), ada.principal()]})]
        .into_iter()
        .enumerate()
    {
        ada.resource("task", &format!("Task {number}")).space(&atlas).view(view).create().await;
    }
    let all = ada.all_pages("/api/v1/resources", 100).await;
    for person in [&ada, &lin, &bo, &kim] {
        let listed = person.get("/api/v1/resources?limit=100").await.ok().each("id");
        for task in &all {
            let id = task["id"].as_str().expect("an id");
            for action in ["read", "write", "task:triage"] {
                let decision = person.may(action, "task", id).await;
                let explained = person.post("/api/v1/explain", person.question(action, "task", id)).await.ok();
                assert_eq!(explained["decision"], decision, "{} {action} {id}", person.username);
                if action == "read" {
                    assert_eq!(listed.iter().any(|one| one == id), decision, "{} {id}", person.username);
                }
            }
        }
    }
}
