//! Stories about AuthZEN, rule by rule as `reference/standards.md` 5.1 has them; every module of the conformance suite
//! has its twin here. What decisions say is told in `access/tests.rs`.

use crate::support::*;
use axum::http::Method;

#[path = "tests/actors.rs"]
mod actors;
#[path = "tests/batch.rs"]
mod batch;
#[path = "tests/discovery.rs"]
mod discovery;
#[path = "tests/interop.rs"]
mod interop;
#[path = "tests/search.rs"]
mod search;

stories! {
    authzen_evaluation_answers_the_fixture,
    authzen_evaluation_takes_context_and_properties_and_ignores_what_it_does_not_know,
    authzen_evaluation_wants_every_required_field,
    authzen_evaluation_wants_the_right_types,
    authzen_evaluation_reads_i_json_only,
    authzen_evaluation_takes_json_by_post_only,
    authzen_evaluation_wants_a_credential,
    authzen_evaluation_is_forbidden_about_others,
    authzen_evaluation_is_repeatable_to_the_byte,
    authzen_evaluation_echoes_the_request_id,
    authzen_evaluation_knows_no_strange_ids,
}

pub const EVALUATION: &str = "/access/v1/evaluation";
pub const EVALUATIONS: &str = "/access/v1/evaluations";

/// The suite's fixture: alice writes records, bob reads them. Each asks about themselves.
pub struct Fixture {
    pub alice: Person,
    pub bob: Person,
    pub space: Thing,
    pub records: [String; 2],
}

pub async fn fixture(g: &Garth) -> Fixture {
    let ada = g.admin().await;
    let [alice, bob] = [g.person("alice").await, g.person("bob").await];
    ada.kind_with("record", json!({"permissions": ["record:delete"]})).await;
    g.closed_home().await;
    let space = ada.space("Records").create().await;
    ada.grant(&space, &alice, "writer").await;
    ada.grant(&space, &bob, "reader").await;
    let one = ada.resource("record", "record-1").space(&space).create().await;
    // Searches find the older one first.
    g.pass(SECOND);
    let two = ada.resource("record", "record-2").space(&space).create().await;
    Fixture { alice, bob, space, records: [one.id, two.id] }
}

impl Fixture {
    /// What alice asks: may she read record-1?
    pub fn question(&self) -> Value {
        self.alice.question("read", "record", &self.records[0])
    }
}

async fn authzen_evaluation_answers_the_fixture(g: Garth) {
    let Fixture { alice, bob, records, .. } = fixture(&g).await;
    for (person, action, decision) in
        [(&alice, "read", true), (&alice, "write", true), (&bob, "read", true), (&bob, "write", false)]
    {
        let answer = person.post(EVALUATION, person.question(action, "record", &records[0])).await.ok();
        assert_eq!(answer["decision"], decision, "{} {action}", person.username);
        assert_eq!(answer.header("content-type"), "application/json");
        assert!(answer["context"].is_null() || answer["context"].is_object(), "{answer}");
    }
}

async fn authzen_evaluation_takes_context_and_properties_and_ignores_what_it_does_not_know(g: Garth) {
    let f = fixture(&g).await;
    let plain = f.alice.post(EVALUATION, f.question()).await.ok();
    assert_eq!(plain["decision"], true);
    let set = |pointer: &str, value: Value| {
        let mut body = f.question();
        let (parent, field) = pointer.rsplit_once('/').expect("a pointer");
        body.pointer_mut(parent).expect("a place")[field] = value;
        body
    };
    for (twin, body) in [
        ("optional context", set("/context", json!({"time": "2025-06-27T18:03-07:00", "ip": "192.168.1.1"}))),
        (
            "extra properties of the subject",
            set("/subject/properties", json!({"department": "Sales", "role": "manager"})),
        ),
        ("extra properties of the action", set("/action/properties", json!({"method": "GET"}))),
        ("extra properties of the resource", set("/resource/properties", json!({"status": "active", "owner": "bob"}))),
        ("unknown fields at top level", set("/futureField", json!({"nested": true, "null": null}))),
        ("unknown fields in the subject", set("/subject/foo", json!("bar"))),
        ("unknown fields in the action", set("/action/foo", json!(7))),
        ("unknown fields in the resource", set("/resource/foo", json!([1, 2]))),
        ("evaluations mean nothing here", set("/evaluations", json!("odd"))),
        ("options mean nothing here", set("/options", json!(7))),
    ] {
        let answer = f.alice.post(EVALUATION, body).await;
        assert_eq!(answer.visible(), plain.visible(), "{twin}");
    }
    // The order of members does not matter.
    let (id, record) = (&f.alice.id, &f.records[0]);
    let turned = format!(
        r#"{{"resource":{{"id":"{record}","type":"record"}},"action":{{"name":"read"}},"subject":{{"id":"{id}","type":"user"}}}}"#
    );
    assert_same(&plain, &f.alice.call(Method::POST, EVALUATION).raw("application/json", turned).await);
}

/// Every body that lacks something required, by what it lacks.
pub fn lacking(good: &Value, pointers: &[&'static str]) -> Vec<(&'static str, Value)> {
    let without = |pointer: &&'static str| {
        let mut body = good.clone();
        let (parent, field) = pointer.rsplit_once('/').expect("a pointer");
        let parent = body.pointer_mut(parent).expect("a parent").as_object_mut().expect("an object");
        assert!(parent.remove(field).is_some(), "{pointer}");
        (*pointer, body)
    };
    pointers.iter().map(without).collect()
}

pub const REQUIRED: [&str; 8] = [
    "/subject",
    "/subject/type",
    "/subject/id",
    "/action",
    "/action/name",
    "/resource",
    "/resource/type",
    "/resource/id",
];

async fn authzen_evaluation_wants_every_required_field(g: Garth) {
    let f = fixture(&g).await;
    for path in [EVALUATION, EVALUATIONS] {
        for (missing, body) in lacking(&f.question(), &REQUIRED) {
            let answer = f.alice.post(path, body).await.refused(400, "malformed");
            let named = missing.trim_start_matches('/').replace('/', ".");
            assert!(answer.text("detail").contains(&named), "{answer} names {named}");
        }
    }
}

async fn authzen_evaluation_wants_the_right_types(g: Garth) {
    let f = fixture(&g).await;
    let with = |pointer: &str, value: Value| {
        let mut body = f.question();
        let (parent, field) = pointer.rsplit_once('/').expect("a pointer");
        body.pointer_mut(parent).expect("a place")[field] = value;
        body
    };
    let strange = [json!("text"), json!(7), json!(true), json!([]), Value::Null];
    for path in [EVALUATION, EVALUATIONS] {
        for pointer in ["/subject", "/action", "/resource", "/context"] {
            for value in &strange {
                f.alice.post(path, with(pointer, value.clone())).await.refused(400, "malformed");
            }
        }
        for pointer in ["/subject/properties", "/action/properties", "/resource/properties"] {
            for value in &strange {
                f.alice.post(path, with(pointer, value.clone())).await.refused(400, "malformed");
            }
        }
        for pointer in ["/subject/type", "/subject/id", "/action/name", "/resource/type", "/resource/id"] {
            for value in [json!(7), json!(true), json!([]), json!({}), Value::Null] {
                f.alice.post(path, with(pointer, value)).await.refused(400, "malformed");
            }
        }
        for whole in [json!([f.question()]), json!([]), json!("question"), json!(7), Value::Null, json!({})] {
            f.alice.post(path, whole).await.refused(400, "malformed");
        }
    }
}

/// Bodies that are no JSON, or no I-JSON.
pub fn not_i_json(good: &Value) -> Vec<Vec<u8>> {
    let with = |odd: &str| good.to_string().replacen('{', &format!("{{{odd},"), 1);
    let twice = with(r#""odd":1,"odd":2"#);
    let surrogate = with(r#""odd":"\ud800""#);
    let mut bodies: Vec<Vec<u8>> = ["", " ", "{", "nonsense", "{\"subject\":", "\u{0}", "{} {}", "NaN"]
        .map(|text| text.as_bytes().to_vec())
        .into();
    bodies.extend([twice.into_bytes(), surrogate.into_bytes(), b"\"\xff\"".to_vec()]);
    bodies.extend([vec![b'['; 50_000], br#"{"a":"#.repeat(30_000)]);
    bodies.push(with(r#""odd":1e999"#).into_bytes());
    bodies
}

async fn authzen_evaluation_reads_i_json_only(g: Garth) {
    let f = fixture(&g).await;
    for path in [EVALUATION, EVALUATIONS] {
        for body in not_i_json(&f.question()) {
            f.alice.call(Method::POST, path).raw("application/json", body).await.refused(400, "malformed");
        }
        let long = f.alice.question("read", "record", &"x".repeat(1024 * 1024));
        f.alice.post(path, long).await.refused(413, "too_large");
    }
}

/// The suite's transport set, for any of the endpoints: `good` is answered with 200.
pub async fn transport(by: &Person, path: &str, good: &Value) {
    let plain = by.post(path, good.clone()).await.ok();
    for content_type in ["application/json; charset=utf-8", "application/json;charset=UTF-8", "Application/JSON"] {
        let answer = by.call(Method::POST, path).raw(content_type, good.to_string()).await;
        assert_eq!(answer.visible(), plain.visible(), "{content_type}");
    }
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "text/json", ""] {
        let answer = by.call(Method::POST, path).raw(content_type, good.to_string()).await.refused_somehow();
        assert!(answer.status == 400 || answer.status == 415, "{content_type}: {answer}");
    }
    for body in not_i_json(good) {
        by.call(Method::POST, path).raw("application/json", body).await.refused(400, "malformed");
    }
    by.post(path, json!([good])).await.refused(400, "malformed");
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
        let answer = by.call(method, path).json(good.clone()).await.problem(405);
        assert_eq!(answer.header("allow"), "POST", "{answer}");
    }
    let nobody = by.g.anonymous();
    for body in [good.clone(), json!({}), json!("odd")] {
        nobody.post(path, body.clone()).await.not_signed_in();
        by.with_token("invalid").post(path, body).await.not_signed_in();
    }
    let basic = nobody.post(path, good.clone()).header("authorization", "Basic YTpi").await;
    basic.not_signed_in();
    let echoed = by.post(path, good.clone()).header("x-request-id", "bfe9eb29-ab87-4ca3-be83-a1d5d8305716").await.ok();
    assert_eq!(echoed.header("x-request-id"), "bfe9eb29-ab87-4ca3-be83-a1d5d8305716");
    assert!(!plain.header("x-request-id").is_empty(), "absent: one is made");
}

async fn authzen_evaluation_takes_json_by_post_only(g: Garth) {
    let f = fixture(&g).await;
    transport(&f.alice, EVALUATION, &f.question()).await;
}

async fn authzen_evaluation_wants_a_credential(g: Garth) {
    let f = fixture(&g).await;
    let again = g.anonymous().sign_in("alice").await;
    again.post(EVALUATION, f.question()).await.ok();
    again.post("/api/v1/logout", json!({})).await.done();
    again.post(EVALUATION, f.question()).await.not_signed_in();
    // A denied decision is no 401 and no 403.
    let denied = f.bob.post(EVALUATION, f.bob.question("write", "record", &f.records[0])).await.ok();
    assert_eq!(denied["decision"], false);
}

async fn authzen_evaluation_is_forbidden_about_others(g: Garth) {
    let f = fixture(&g).await;
    let about = |kind: &str, id: &str| {
        let mut body = f.question();
        body["subject"] = json!({"type": kind, "id": id});
        body
    };
    let nobody = strange(&f.bob.id);
    for asker in [&f.alice, &g.admin().await] {
        let known = asker.post(EVALUATION, about("user", &f.bob.id)).await.refused(403, "forbidden");
        let unknown = asker.post(EVALUATION, about("user", &nobody)).await;
        assert_missing(&known, &f.bob.id, &unknown, &nobody);
        for (kind, id) in [("group", "everyone"), ("key", nobody.as_str()), ("spaceship", "x"), ("", "")] {
            asker.post(EVALUATION, about(kind, id)).await.refused(403, "forbidden");
        }
    }
    // By any of their names, it is themselves.
    for id in ["@alice", "@ALICE"] {
        assert_eq!(f.alice.post(EVALUATION, about("user", id)).await.ok()["decision"], true, "{id}");
    }
}

async fn authzen_evaluation_is_repeatable_to_the_byte(g: Garth) {
    let f = fixture(&g).await;
    for body in
        [f.question(), f.alice.question("record:delete", "record", &f.records[0]), f.alice.question("x", "y", "z")]
    {
        let first = f.alice.post(EVALUATION, body.clone()).await.ok();
        for _ in 0..3 {
            g.pass(SECOND);
            assert_eq!(f.alice.post(EVALUATION, body.clone()).await.ok().bytes, first.bytes);
        }
    }
}

async fn authzen_evaluation_echoes_the_request_id(g: Garth) {
    let f = fixture(&g).await;
    for path in [EVALUATION, EVALUATIONS] {
        let refused = f.alice.post(path, json!({})).header("x-request-id", "mine-7").await.refused(400, "malformed");
        assert_eq!(refused.header("x-request-id"), "mine-7");
        let nobody = g.anonymous().post(path, json!({})).header("x-request-id", "mine-8").await.not_signed_in();
        assert_eq!(nobody.header("x-request-id"), "mine-8");
    }
}

/// N66: ids are looked for as they are, whatever they hold.
async fn authzen_evaluation_knows_no_strange_ids(g: Garth) {
    let f = fixture(&g).await;
    let record = &f.records[0];
    let ids = [
        "",
        " ",
        "\u{0}",
        "a\u{0}b",
        "|",
        "a|b",
        "user:x",
        "\u{202e}x",
        "\u{1}",
        "ß",
        "' OR 1=1 --",
        "%",
        "*",
        "../..",
    ];
    for id in ids.map(str::to_owned).into_iter().chain([
        format!("{record}|"),
        format!("{record}\u{0}"),
        format!(" {record}"),
        record.to_uppercase(),
        record.replace('-', ""),
        format!("{{{record}}}"),
        format!("urn:uuid:{record}"),
    ]) {
        for (action, kind, id) in
            [("read", "record", id.as_str()), ("read", id.as_str(), record), (id.as_str(), "record", record)]
        {
            let answer = f.alice.post(EVALUATION, f.alice.question(action, kind, id)).await.ok();
            assert_eq!(answer["decision"], false, "{action:?} {kind:?} {id:?}");
        }
    }
}
