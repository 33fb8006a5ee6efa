//! Stories about AuthZEN among others: the fixture of its certification, and the decisions of its interoperability
//! events, loaded from `/scenarios` as anybody would.

use super::{EVALUATION, EVALUATIONS};
use crate::support::*;
use garth_server::access::Ctx;
use garth_server::decisions::search::{self, Part};
use garth_server::decisions::{Entity, Question, evaluate_each};
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

/// Rules 1 to 4 and the searches. Rules 5 to 8 want the properties of the request.
async fn authzen_certification_fixture_is_answered(g: Garth) {
    let (ctx, installed) = installed(&g, "authzen-certification.yaml").await;
    let record = |name: &str| installed.resource("record", name).expect("a record").id.clone();
    let [one, two] = [record("record-1"), record("record-2")];
    let (alice, bob) = (person(&g, "alice").await, person(&g, "bob").await);
    let ids = BTreeMap::from([("alice", &alice.id), ("bob", &bob.id), ("record-1", &one), ("record-2", &two)]);
    let user = |name: &str| Entity { kind: "user", id: ids[name] };
    let resource = |name: &str| Entity { kind: "record", id: ids[name] };

    // Basic and batch, each about themselves over HTTP, and all at once by the command line.
    let fixture = [("alice", "read", true), ("alice", "write", true), ("bob", "read", true), ("bob", "write", false)];
    for (who, action, decision) in fixture {
        let who = if who == "alice" { &alice } else { &bob };
        let answer = who.post(EVALUATION, who.question(action, "record", &one)).await.ok();
        assert_eq!(answer["decision"], decision, "{} {action}", who.username);
    }
    let mut batch = bob.question("read", "record", &one);
    batch["evaluations"] = json!([{"action": {"name": "read"}}, {"action": {"name": "write"}}]);
    let answer = bob.post(EVALUATIONS, batch).await.ok();
    assert_eq!(super::batch::decisions(&answer), [true, false]);
    let ask = |who, action| Question { subject: user(who), action, resource: resource("record-1") };
    let questions: Vec<_> = fixture.iter().map(|(who, action, _)| ask(who, action)).collect();
    let outcomes = evaluate_each(&ctx, &questions).await.expect("answers");
    for ((who, action, decision), outcome) in fixture.iter().zip(outcomes) {
        let allowed = outcome.expect("an answer") == garth_core::Outcome::Allowed;
        assert_eq!(allowed, *decision, "{who} {action}");
    }

    let all = Part { after: None, limit: 100 };
    let readers = search::subjects(&ctx, "user", "read", &resource("record-1"), &all).await.expect("an answer").items;
    assert!(readers.contains(&alice.id) && readers.contains(&bob.id), "{readers:?}");
    let writers = search::subjects(&ctx, "user", "write", &resource("record-2"), &all).await.expect("an answer").items;
    assert!(writers.contains(&bob.id) && !writers.contains(&alice.id), "{writers:?}");
    let read = search::resources(&ctx, &user("alice"), "read", "record", &all).await.expect("an answer").items;
    assert!(read.contains(&one), "{read:?}");
    let written = search::resources(&ctx, &user("bob"), "write", "record", &all).await.expect("an answer").items;
    assert_eq!(written, [two.clone()]);
    let names = search::actions(&ctx, &user("alice"), &resource("record-1"), &all).await.expect("an answer").items;
    assert!(names.contains(&"read".to_owned()) && names.contains(&"write".to_owned()), "{names:?}");
    let names = search::actions(&ctx, &user("bob"), &resource("record-2"), &all).await.expect("an answer").items;
    assert!(names.contains(&"write".to_owned()), "{names:?}");
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
