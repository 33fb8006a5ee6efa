//! Stories about AuthZEN among others: the fixture of its certification, and the decisions of its interoperability
//! events, loaded from `/scenarios` as anybody would.

use super::{EVALUATION, EVALUATIONS};
use crate::support::*;
use garth_server::access::Ctx;
use garth_server::scenarios::{self, Answer as Answered, DEMO_PASSWORD, Installed};
use std::collections::BTreeMap;

stories! {
    authzen_certification_fixture_is_answered,
    authzen_interop_todo_vectors_are_answered,
}

/// Loads a file and finds its things again; everything it expects follows.
async fn installed(g: &Garth, file: &str) -> (Ctx, Installed) {
    let path = format!("{}/../../scenarios/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect("the file");
    let scenario = scenarios::read(file, &text).unwrap_or_else(|e| panic!("{e}"));
    scenarios::load(&g.app(), &scenario, DEMO_PASSWORD).await.unwrap_or_else(|e| panic!("{e}"));
    let ctx = Ctx::system(g.app());
    let installed = Installed::find(&ctx, &scenario).await.expect("everything is there");
    for expectation in &scenario.expect {
        let answer: Answered = installed.ask(&ctx, expectation).expect("an answer");
        assert_eq!(answer, expectation.answer(), "{file}, {expectation}");
    }
    (ctx, installed)
}

async fn person(g: &Garth, username: &str) -> Person {
    let body = json!({"username": username, "password": DEMO_PASSWORD});
    let session = g.anonymous().post("/api/v1/login", body).await.ok();
    let id = session["user"]["id"].as_str().expect("a user").to_owned();
    Person { g: g.clone(), id, username: username.to_owned(), token: Some(session.text("token")) }
}

/// An application of that space: a key that may ask about others, and nothing else.
async fn application(g: &Garth, admin: &Person, space: &str) -> Person {
    admin.role("asker", &["decision:ask"]).await;
    let url = format!("/api/v1/spaces/{space}/api-keys");
    let key = admin.post(&url, json!({"name": "pdp", "role": "asker"})).await.created();
    Person { g: g.clone(), id: key.id(), username: "pdp".to_owned(), token: Some(key.text("secret")) }
}

/// The eight decisions, alone and in batches, and the six searches, as an application asks them.
async fn authzen_certification_fixture_is_answered(g: Garth) {
    let (_, installed) = installed(&g, "authzen-certification.yaml").await;
    let olga = person(&g, "olga").await;
    let app = application(&g, &olga, installed.space("Records").expect("a space")).await;
    let record = |name: &str| installed.resource("record", name).expect("a record").id.clone();
    let ids = BTreeMap::from([
        ("alice", person(&g, "alice").await.id),
        ("bob", person(&g, "bob").await.id),
        ("record-1", record("record-1")),
        ("record-2", record("record-2")),
    ]);
    let entity =
        |kind: &str, name: &str, properties: Value| json!({"type": kind, "id": ids[name], "properties": properties});
    let user = |name: &str, properties: Value| entity("user", name, properties);
    let resource = |name: &str, properties: Value| entity("record", name, properties);
    let (none, archived, admin) = (json!({}), json!({"status": "archived"}), json!({"role": "admin"}));
    let ask = |subject: Value, name: &str, properties: &Value, resource: Value| json!({"subject": subject, "action": {"name": name, "properties": properties}, "resource": resource});
    let rows = [
        (ask(user("alice", none.clone()), "read", &none, resource("record-1", none.clone())), true),
        (ask(user("alice", none.clone()), "write", &none, resource("record-1", none.clone())), true),
        (ask(user("bob", none.clone()), "read", &none, resource("record-1", none.clone())), true),
        (ask(user("bob", none.clone()), "write", &none, resource("record-1", none.clone())), false),
        (ask(user("alice", none.clone()), "write", &none, resource("record-2", archived.clone())), false),
        (ask(user("alice", none.clone()), "write", &none, resource("record-1", archived.clone())), false),
        (ask(user("bob", admin.clone()), "write", &none, resource("record-2", archived.clone())), true),
        (ask(user("alice", none.clone()), "delete", &json!({"soft": true}), resource("record-1", none.clone())), true),
        (
            ask(user("alice", none.clone()), "delete", &json!({"soft": false}), resource("record-1", none.clone())),
            false,
        ),
        // The admin writes archived records only, and a manager is none.
        (ask(user("bob", admin.clone()), "write", &none, resource("record-1", json!({"status": "active"}))), false),
        (ask(user("alice", json!({"role": "manager"})), "write", &none, resource("record-2", archived.clone())), false),
        (ask(user("alice", json!({"role": "manager"})), "write", &none, resource("record-1", none.clone())), true),
        // What is of another type is not understood, and denies.
        (
            ask(user("alice", none.clone()), "delete", &json!({"soft": "true"}), resource("record-1", none.clone())),
            false,
        ),
    ];
    for (question, decision) in &rows {
        assert_eq!(app.post(EVALUATION, question.clone()).await.ok()["decision"], *decision, "{question}");
    }
    let questions: Vec<&Value> = rows.iter().map(|(question, _)| question).collect();
    let batch = app.post(EVALUATIONS, json!({"evaluations": questions})).await.ok();
    assert_eq!(super::batch::decisions(&batch), rows.iter().map(|(_, decision)| *decision).collect::<Vec<_>>());

    let found = async |search: &str, body: Value| {
        let answer = app.post(&format!("/access/v1/search/{search}"), body).await.ok();
        let results = answer["results"].as_array().expect("results").clone();
        let text = |one: &Value| one["id"].as_str().or(one["name"].as_str()).expect("an id or a name").to_owned();
        results.iter().map(text).collect::<Vec<_>>()
    };
    let searched = |mut body: Value, part: &str| {
        body[part].as_object_mut().expect("a part").remove("id");
        body
    };
    let readers = found("subject", searched(rows[0].0.clone(), "subject")).await;
    assert!(readers.contains(&ids["alice"]) && readers.contains(&ids["bob"]), "{readers:?}");
    let read = found("resource", searched(rows[0].0.clone(), "resource")).await;
    assert!(read.contains(&ids["record-1"]), "{read:?}");
    let actions = found("action", rows[0].0.clone()).await;
    assert!(actions.contains(&"read".to_owned()) && actions.contains(&"write".to_owned()), "{actions:?}");
    let writers =
        searched(ask(json!({"type": "user"}), "write", &none, resource("record-2", archived.clone())), "subject");
    let writers = found("subject", writers).await;
    assert!(writers.contains(&ids["bob"]) && !writers.contains(&ids["alice"]), "{writers:?}");
    let written =
        searched(ask(user("bob", admin.clone()), "write", &none, resource("record-2", none.clone())), "resource");
    let written = found("resource", written).await;
    assert!(written.contains(&ids["record-2"]) && !written.contains(&ids["record-1"]), "{written:?}");
    let actions = found("action", ask(user("bob", admin), "x", &none, resource("record-2", archived))).await;
    assert!(actions.contains(&"write".to_owned()), "{actions:?}");
}

/// The words of the vectors in ours.
fn ours(action: &str) -> &'static str {
    match action {
        "can_read_user" | "can_read_todos" => "read",
        "can_update_todo" | "can_delete_todo" => "write",
        "can_create_todo" => "todo:create",
        other => panic!("unheard of: {other}"),
    }
}

async fn authzen_interop_todo_vectors_are_answered(g: Garth) {
    let (_, installed) = installed(&g, "authzen-todo.yaml").await;
    let vectors: Value =
        serde_json::from_str(include_str!("../../../tests/it/vectors/authzen-todo.json")).expect("JSON");
    let rows = |name: &str| vectors[name].as_array().expect("rows").clone();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let thing = |kind: &Value, name: &Value| {
        let kind = if kind == "user" { "profile" } else { "todo" };
        json!({"type": kind, "id": installed.resource(kind, &text(name)).expect("a thing").id})
    };
    let mut people = BTreeMap::new();
    for name in ["rick", "morty", "summer", "beth", "jerry"] {
        people.insert(name.to_owned(), person(&g, name).await);
    }
    assert_eq!((rows("evaluation").len(), rows("evaluations").len()), (40, 3));
    for row in rows("evaluation") {
        let who = &people[&text(&row[0])];
        let mut question = who.question(ours(&text(&row[1])), "", "");
        question["resource"] = thing(&row[2], &row[3]);
        assert_eq!(who.post(EVALUATION, question).await.ok()["decision"], row[4], "{row}");
    }
    for row in rows("evaluations") {
        let who = &people[&text(&row[0])];
        let mut questions = who.question(ours(&text(&row[1])), "todo", "");
        let names = row[3].as_array().expect("names").iter();
        questions["evaluations"] = names.map(|name| json!({"resource": thing(&row[2], name)})).collect();
        let answer = who.post(EVALUATIONS, questions).await.ok();
        assert_eq!(json!(super::batch::decisions(&answer)), row[4], "{row}");
    }
}
