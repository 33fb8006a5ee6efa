//! Stories about the three searches: what they find is what evaluating each one would allow, page by page.

use super::{Fixture, fixture, lacking, transport};
use crate::support::*;
use garth_core::Given;
use garth_server::access::Ctx;
use garth_server::decisions::search::{self, Part};
use garth_server::decisions::{Entity, Question, evaluate_each};
use std::collections::BTreeSet;

stories! {
    authzen_search_subject_by_a_person_finds_at_most_themselves,
    authzen_search_resource_finds_what_the_subject_may,
    authzen_search_action_names_what_the_subject_may,
    authzen_search_ignores_what_is_searched_for_and_what_it_does_not_know,
    authzen_search_of_unknown_ids_and_types_is_empty,
    authzen_search_wants_every_required_field,
    authzen_search_wants_the_right_types,
    authzen_search_transport,
    authzen_search_is_forbidden_about_others,
    authzen_search_by_an_application_finds_everybody_where_it_may_ask,
    authzen_search_by_an_application_finds_nothing_elsewhere,
    authzen_search_pages_go_on_by_token,
    authzen_search_tokens_need_no_limit_and_take_no_other,
    authzen_search_answers_for_archived_things_as_before,
    n05_a_token_is_refused_for_another_caller_and_another_search,
    n25_pages_of_a_resource_search_are_what_checks_allow,
    n26_subjects_and_actions_found_are_what_checks_allow,
    n27_what_changes_between_pages_is_not_found_and_nothing_is_skipped,
    n29_searches_with_properties_are_what_checks_with_them_allow,
    n33_questions_at_once_with_other_properties_do_not_touch_each_other,
    n68_a_malformed_token_is_an_error,
}

const SUBJECT: &str = "/access/v1/search/subject";
const RESOURCE: &str = "/access/v1/search/resource";
const ACTION: &str = "/access/v1/search/action";

/// The three searches of the fixture, as alice asks them about herself.
fn searches(f: &Fixture) -> [(&'static str, Value); 3] {
    let mut subject = f.question();
    subject["subject"] = json!({"type": "user"});
    let mut resource = f.question();
    resource["resource"] = json!({"type": "record"});
    let mut action = f.question();
    action.as_object_mut().expect("an object").remove("action");
    [(SUBJECT, subject), (RESOURCE, resource), (ACTION, action)]
}

/// The ids or names that were found.
#[track_caller]
fn found(answer: &Answer) -> Vec<String> {
    let results = answer["results"].as_array().unwrap_or_else(|| panic!("no results: {answer}"));
    let text = |one: &Value| one["id"].as_str().or(one["name"].as_str()).map(str::to_owned);
    results.iter().map(|one| text(one).unwrap_or_else(|| panic!("neither id nor name: {answer}"))).collect()
}

/// All pages of a search; none is longer than its limit, none comes twice.
async fn pages(by: &Person, path: &str, body: &Value, limit: usize) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut page = json!({"limit": limit});
    loop {
        let mut body = body.clone();
        body["page"] = page;
        let answer = by.post(path, body).await.ok();
        let items = found(&answer);
        assert!(items.len() <= limit, "{answer}");
        assert_eq!(answer["page"]["count"], items.len(), "{answer}");
        for item in items {
            assert!(!all.contains(&item), "found twice: {item}");
            all.push(item);
        }
        match answer["page"]["next_token"].as_str() {
            Some("") => return all,
            Some(token) => page = json!({"token": token}),
            None => panic!("no next_token: {answer}"),
        }
    }
}

async fn authzen_search_subject_by_a_person_finds_at_most_themselves(g: Garth) {
    let f = fixture(&g).await;
    let [(_, body), ..] = searches(&f);
    assert_eq!(
        f.alice.post(SUBJECT, body.clone()).await.ok().json,
        json!({"results": [{"type": "user", "id": f.alice.id}]})
    );
    assert_eq!(found(&f.bob.post(SUBJECT, body.clone()).await.ok()), [f.bob.id.as_str()]);
    let mut write = body.clone();
    write["action"]["name"] = json!("write");
    assert!(found(&f.bob.post(SUBJECT, write).await.ok()).is_empty());
    assert!(found(&g.admin().await.post(SUBJECT, body.clone()).await.ok()).len() <= 1);
    let mut group = body.clone();
    group["subject"]["type"] = json!("group");
    assert!(found(&f.alice.post(SUBJECT, group).await.ok()).is_empty());
    // Hidden is missing.
    let eve = g.person("eve").await;
    let hidden = eve.post(SUBJECT, body.clone()).await.ok();
    let mut unknown = body;
    unknown["resource"]["id"] = json!(strange(&f.records[0]));
    assert_same(&hidden, &eve.post(SUBJECT, unknown).await);
}

async fn authzen_search_resource_finds_what_the_subject_may(g: Garth) {
    let f = fixture(&g).await;
    let [_, (_, body), _] = searches(&f);
    let answer = f.alice.post(RESOURCE, body.clone()).await.ok();
    let each: Vec<Value> = f.records.iter().map(|id| json!({"type": "record", "id": id})).collect();
    assert_eq!(answer.json, json!({"results": each}), "oldest first");
    let ask = async |by: &Person, action: &str, kind: &str| {
        let mut body = by.question(action, kind, "ignored");
        body["resource"] = json!({"type": kind});
        found(&by.post(RESOURCE, body).await.ok())
    };
    assert_eq!(ask(&f.bob, "read", "record").await, f.records);
    assert!(ask(&f.bob, "write", "record").await.is_empty());
    assert_eq!(ask(&f.alice, "record:delete", "record").await, f.records);
    assert_eq!(ask(&f.alice, "delete", "record").await, f.records);
    let spaces = ask(&f.alice, "read", "space").await;
    assert_eq!(spaces, [f.space.id.as_str()]);
    assert_eq!(ask(&f.alice, "record:write", "space").await, spaces);
    assert_eq!(ask(&f.bob, "read", "space").await, spaces);
    assert!(ask(&f.bob, "record:write", "space").await.is_empty());
    assert!(ask(&g.person("eve").await, "read", "record").await.is_empty());
}

async fn authzen_search_action_names_what_the_subject_may(g: Garth) {
    let f = fixture(&g).await;
    let ask = async |by: &Person, kind: &str, id: &str| {
        let mut body = by.question("ignored", kind, id);
        body.as_object_mut().expect("an object").remove("action");
        found(&by.post(ACTION, body).await.ok())
    };
    assert_eq!(ask(&f.alice, "record", &f.records[0]).await, ["read", "record:delete", "write"]);
    assert_eq!(ask(&f.bob, "record", &f.records[0]).await, ["read"]);
    let reads = ["ai_provider:read", "delivery:read", "job:read", "read", "record:read"];
    assert_eq!(ask(&f.bob, "space", &f.space.id).await, reads);
    assert!(ask(&g.person("eve").await, "record", &f.records[0]).await.is_empty());
}

async fn authzen_search_ignores_what_is_searched_for_and_what_it_does_not_know(g: Garth) {
    let f = fixture(&g).await;
    for (path, body) in searches(&f) {
        let plain = f.alice.post(path, body.clone()).await.ok();
        assert!(!found(&plain).is_empty(), "{plain}");
        let searched = path.rsplit('/').next().expect("a name");
        let mut more = body.clone();
        more["context"] = json!({"time": "2025-06-27T18:03-07:00"});
        more["futureField"] = json!({"nested": null});
        for part in ["subject", "resource"] {
            more[part]["properties"] = json!({"role": "manager", "status": "active"});
            more[part]["foo"] = json!(7);
        }
        let field = if searched == "action" { "name" } else { "id" };
        more[searched][field] = json!("whatever");
        assert_same(&plain, &f.alice.post(path, more.clone()).await);
        // A page with unknown fields is accepted; it comes first.
        more["page"] = json!({"limit": 50, "properties": {"sort": "id"}, "futureField": true});
        let paged = f.alice.post(path, more).await.ok();
        let text = String::from_utf8_lossy(&paged.bytes).into_owned();
        assert!(text.starts_with("{\"page\":{"), "{paged}");
        assert_eq!(paged["page"]["next_token"], "");
        assert_eq!(found(&paged), found(&plain));
    }
}

async fn authzen_search_of_unknown_ids_and_types_is_empty(g: Garth) {
    let f = fixture(&g).await;
    let empty = json!({"results": []});
    for (path, body) in searches(&f) {
        let searched = path.rsplit('/').next().expect("a name");
        for part in ["subject", "resource"] {
            for (field, value) in [("type", "spaceship"), ("type", ""), ("id", "nonexistent"), ("id", "")] {
                let mut odd = body.clone();
                odd[part][field] = json!(value);
                let answer = f.alice.post(path, odd).await;
                match (part, searched) {
                    // About whom else she may not even ask.
                    ("subject", "resource" | "action") => drop(answer.refused(403, "forbidden")),
                    _ if field == "id" && part == searched => assert!(!found(&answer.ok()).is_empty()),
                    _ => assert_eq!(answer.ok().json, empty, "{path} {part} {field}"),
                }
            }
        }
        if searched != "action" {
            let mut odd = body.clone();
            odd["action"]["name"] = json!("fly");
            assert_eq!(f.alice.post(path, odd).await.ok().json, empty);
        }
    }
}

async fn authzen_search_wants_every_required_field(g: Garth) {
    let f = fixture(&g).await;
    let [(_, subject), (_, resource), (_, action)] = searches(&f);
    let wanted: [(&str, Value, &[&str]); 3] = [
        (
            SUBJECT,
            subject,
            &["/subject", "/subject/type", "/action", "/action/name", "/resource", "/resource/type", "/resource/id"],
        ),
        (
            RESOURCE,
            resource,
            &["/subject", "/subject/type", "/subject/id", "/action", "/action/name", "/resource", "/resource/type"],
        ),
        (ACTION, action, &["/subject", "/subject/type", "/subject/id", "/resource", "/resource/type", "/resource/id"]),
    ];
    for (path, good, pointers) in wanted {
        for (missing, body) in lacking(&good, pointers) {
            let answer = f.alice.post(path, body).await.refused(400, "malformed");
            let named = missing.trim_start_matches('/').replace('/', ".");
            assert!(answer.text("detail").contains(&named), "{answer} names {named}");
        }
    }
}

async fn authzen_search_wants_the_right_types(g: Garth) {
    let f = fixture(&g).await;
    for (path, body) in searches(&f) {
        for part in ["subject", "resource", "context", "page"] {
            for value in [json!("text"), json!(7), json!([]), Value::Null] {
                let mut odd = body.clone();
                odd[part] = value;
                f.alice.post(path, odd).await.refused(400, "malformed");
            }
        }
        for page in [
            json!({"limit": -1}),
            json!({"limit": 1.5}),
            json!({"limit": "10"}),
            json!({"limit": null}),
            json!({"token": 7}),
            json!({"token": null}),
            json!({"properties": 7}),
        ] {
            let mut odd = body.clone();
            odd["page"] = page;
            f.alice.post(path, odd).await.refused(400, "malformed");
        }
        // More than there is to have is no mistake.
        for limit in [json!(1_000_000), json!(u64::MAX), json!(1e30), json!(7.0)] {
            let mut large = body.clone();
            large["page"] = json!({"limit": limit});
            f.alice.post(path, large).await.ok();
        }
    }
}

async fn authzen_search_transport(g: Garth) {
    let f = fixture(&g).await;
    for (path, body) in searches(&f) {
        transport(&f.alice, path, &body).await;
        let first = f.alice.post(path, body.clone()).await.ok();
        g.pass(SECOND);
        assert_eq!(f.alice.post(path, body).await.ok().bytes, first.bytes, "repeatable");
    }
}

async fn authzen_search_is_forbidden_about_others(g: Garth) {
    let f = fixture(&g).await;
    let [_, resource, action] = searches(&f);
    for (path, body) in [resource, action] {
        for asker in [&f.bob, &g.admin().await] {
            let known = asker.post(path, body.clone()).await.refused(403, "forbidden");
            let nobody = strange(&f.alice.id);
            let mut unknown = body.clone();
            unknown["subject"]["id"] = json!(nobody);
            assert_missing(&known, &f.alice.id, &asker.post(path, unknown).await, &nobody);
        }
    }
}

/// An application of the fixture: a key of the records' space that may ask about others, and nothing else.
async fn application(g: &Garth, f: &Fixture) -> (Thing, Person) {
    let ada = g.admin().await;
    ada.role("asker", &["decision:ask"]).await;
    (f.space.clone(), ada.key(&f.space, "app", "asker").await)
}

fn subjects_of(kind: &str, action: &str, of: &str, id: &str) -> Value {
    json!({"subject": {"type": kind}, "action": {"name": action}, "resource": {"type": of, "id": id}})
}

async fn authzen_search_by_an_application_finds_everybody_where_it_may_ask(g: Garth) {
    let f = fixture(&g).await;
    let ada = g.admin().await;
    let (space, app) = application(&g, &f).await;
    let [kim, lou] = [g.person("kim").await, g.person("lou").await];
    let crew = ada.group("crew", &[&kim]).await;
    let staff = ada.group("staff", &[&crew, &lou]).await;
    let below = ada.space("Below").under(&space).create().await;
    ada.grant(&below, &staff, "reader").await;
    g.pass(SECOND);
    let deep = ada.resource("record", "deep").space(&below).create().await;
    let reader = ada.key(&below, "reader", "reader").await;
    let record = &f.records[0];
    let ids = |people: &[&str]| sorted(people.iter().map(|id| (*id).to_owned()).collect());
    let [alice, bob] = [&f.alice.id, &f.bob.id];
    for (kind, action, of, id, expected) in [
        ("user", "read", "record", record, ids(&[&ada.id, alice, bob])),
        ("user", "write", "record", record, ids(&[&ada.id, alice])),
        ("user", "read", "record", &deep.id, ids(&[&ada.id, alice, bob, &kim.id, &lou.id])),
        ("user", "read", "space", &below.id, ids(&[&ada.id, alice, bob, &kim.id, &lou.id])),
        ("user", "space:admin", "space", &below.id, ids(&[&ada.id])),
        ("group", "read", "record", &deep.id, ids(&[&crew.id, &staff.id])),
        ("group", "read", "record", record, ids(&[])),
        ("key", "read", "record", &deep.id, ids(&[&reader.id])),
        ("key", "read", "record", record, ids(&[])),
        ("key", "read", "space", &space.id, ids(&[&app.id])),
    ] {
        let body = subjects_of(kind, action, of, id);
        for limit in [1, 2, 100] {
            assert_eq!(pages(&app, SUBJECT, &body, limit).await, expected, "{kind} {action} {of}");
        }
        for id in &expected {
            let mut question = body.clone();
            question["subject"]["id"] = json!(id);
            assert_eq!(app.post(super::EVALUATION, question).await.ok()["decision"], true, "{kind} {id} {action} {of}");
        }
    }
    // What others may, there.
    let mut body = f.bob.question("read", "record", "x");
    body["resource"] = json!({"type": "record"});
    assert_eq!(
        found(&app.post(RESOURCE, body.clone()).await.ok()),
        [&f.records[..], std::slice::from_ref(&deep.id)].concat()
    );
    body["subject"]["id"] = json!(kim.id);
    assert_eq!(found(&app.post(RESOURCE, body.clone()).await.ok()), std::slice::from_ref(&deep.id));
    body["resource"] = json!({"type": "space"});
    assert_eq!(found(&app.post(RESOURCE, body).await.ok()), std::slice::from_ref(&below.id));
    let body = f.alice.question("x", "record", record);
    assert_eq!(found(&app.post(ACTION, body).await.ok()), ["read", "record:delete", "write"]);
    // Somebody who may no longer is not found.
    ada.patch(&format!("/api/v1/users/{}", kim.id), json!({"disabled": true})).await.ok();
    ada.delete(&below.url(&format!("/api-keys/{}", reader.id))).await.done();
    let users = app.post(SUBJECT, subjects_of("user", "read", "record", &deep.id)).await.ok();
    assert_eq!(found(&users), ids(&[&ada.id, alice, bob, &lou.id]));
    assert!(found(&app.post(SUBJECT, subjects_of("key", "read", "record", &deep.id)).await.ok()).is_empty());
}

async fn authzen_search_by_an_application_finds_nothing_elsewhere(g: Garth) {
    let f = fixture(&g).await;
    let ada = g.admin().await;
    let (space, app) = application(&g, &f).await;
    let zoo = ada.space("Zoo").create().await;
    ada.grant(&zoo, &f.alice, "writer").await;
    let lion = ada.resource("record", "lion").space(&zoo).create().await;
    // Below its space and behind a gate that it does not pass.
    let shut = ada
        .space("Shut")
        .under(&space)
        .with("view", json!({"users": [ada.principal(), f.alice.principal()]}))
        .create()
        .await;
    let kept = ada.resource("record", "kept").space(&shut).create().await;
    for (of, id) in [("record", &lion.id), ("space", &zoo.id), ("record", &kept.id), ("space", &shut.id)] {
        let nowhere = strange(id);
        for kind in ["user", "group", "key"] {
            let there = app.post(SUBJECT, subjects_of(kind, "read", of, id)).await.ok();
            assert!(found(&there).is_empty(), "{there}");
            assert_same(&there, &app.post(SUBJECT, subjects_of(kind, "read", of, &nowhere)).await);
        }
        let there = app.post(ACTION, f.alice.question("x", of, id)).await.ok();
        assert!(found(&there).is_empty(), "{there}");
        assert_same(&there, &app.post(ACTION, f.alice.question("x", of, &nowhere)).await);
    }
    let mut body = f.alice.question("read", "record", "x");
    body["resource"] = json!({"type": "record"});
    assert_eq!(found(&app.post(RESOURCE, body.clone()).await.ok()), f.records, "neither the lion nor what is kept");
    body["subject"]["id"] = json!(strange(&f.alice.id));
    assert_eq!(app.post(RESOURCE, body.clone()).await.ok().json, json!({"results": []}));
    body["subject"] = json!({"type": "spaceship", "id": "x"});
    assert_eq!(app.post(RESOURCE, body).await.ok().json, json!({"results": []}));
    // A key that may not ask is refused, and finds itself.
    let plain = ada.key(&space, "plain", "reader").await;
    let mut body = f.alice.question("read", "record", &f.records[0]);
    plain.post(ACTION, body.clone()).await.refused(403, "forbidden");
    body["resource"] = json!({"type": "record"});
    plain.post(RESOURCE, body).await.refused(403, "forbidden");
    let read = |kind: &str| plain.post(SUBJECT, subjects_of(kind, "read", "record", &f.records[0]));
    assert_eq!(found(&read("key").await.ok()), [plain.id.as_str()]);
    assert!(found(&read("user").await.ok()).is_empty());
}

/// Records enough for several pages, all in alice's space; their ids, oldest first.
async fn many(g: &Garth, f: &Fixture, count: usize) -> Vec<String> {
    let ada = g.admin().await;
    g.pass(SECOND);
    let record = |n| json!({"kind": "record", "name": format!("record {n}"), "space": f.space.id});
    let each: Vec<Value> = (0..count).map(record).collect();
    let made = ada.post("/api/v1/resources/batch", json!({"resources": each})).await.done();
    // All of the same time: their ids say which comes first.
    sorted(made.each("id"))
}

async fn authzen_search_pages_go_on_by_token(g: Garth) {
    let f = fixture(&g).await;
    many(&g, &f, 9).await;
    let [_, (path, body), _] = searches(&f);
    let whole = found(&f.alice.post(path, body.clone()).await.ok());
    assert_eq!(whole.len(), 11);
    for limit in [1, 2, 5, 10, 11, 12] {
        assert_eq!(pages(&f.alice, path, &body, limit).await, whole, "by {limit}");
    }
    let mut first = body.clone();
    first["page"] = json!({"limit": 4});
    let answer = f.alice.post(path, first.clone()).await.ok();
    assert!(String::from_utf8_lossy(&answer.bytes).starts_with("{\"page\":{"), "{answer}");
    assert_eq!((found(&answer), &answer["page"]["count"]), (whole[..4].to_vec(), &json!(4)));
    // Nothing is a page too.
    first["page"] = json!({"limit": 0});
    let none = f.alice.post(path, first.clone()).await.ok();
    assert!(found(&none).is_empty());
    assert_ne!(none["page"]["next_token"], "");
    // Actions and spaces page alike.
    let [.., (path, body)] = searches(&f);
    assert_eq!(pages(&f.alice, path, &body, 1).await, ["read", "record:delete", "write"]);
    let mut body = f.alice.question("read", "space", "x");
    body["resource"] = json!({"type": "space"});
    assert_eq!(pages(&f.alice, RESOURCE, &body, 1).await.len(), 1);
}

async fn authzen_search_tokens_need_no_limit_and_take_no_other(g: Garth) {
    let f = fixture(&g).await;
    many(&g, &f, 9).await;
    let [_, (path, body), _] = searches(&f);
    let ask = |page: Value, change: &dyn Fn(&mut Value)| {
        let mut body = body.clone();
        body["page"] = page;
        change(&mut body);
        f.alice.post(path, body)
    };
    let same = |_: &mut Value| {};
    let first = ask(json!({"limit": 3}), &same).await.ok();
    let token = first["page"]["next_token"].as_str().expect("a token").to_owned();
    let second = ask(json!({"token": token}), &same).await.ok();
    assert_eq!(found(&second).len(), 3, "the limit is inherited");
    assert_eq!(found(&ask(json!({"token": token, "limit": 3}), &same).await.ok()), found(&second));
    for limit in [2, 4, 0, 100] {
        ask(json!({"token": token, "limit": limit}), &same).await.refused(400, "malformed");
    }
    // Members in another order and unknown fields are no change; anything that could matter is.
    ask(json!({"token": token, "other": 1}), &|body| body["unknown"] = json!(1)).await.ok();
    let changes: [&dyn Fn(&mut Value); 6] = [
        &|body| body["action"]["name"] = json!("write"),
        &|body| body["subject"]["id"] = json!("@alice"),
        &|body| body["resource"]["type"] = json!("space"),
        &|body| body["context"] = json!({"time": "now"}),
        &|body| body["subject"]["properties"] = json!({"role": "admin"}),
        &|body| body["action"]["properties"] = json!({"soft": true}),
    ];
    for change in changes {
        ask(json!({"token": token}), change).await.refused(400, "malformed");
    }
}

async fn authzen_search_answers_for_archived_things_as_before(g: Garth) {
    let f = fixture(&g).await;
    let ada = g.admin().await;
    let mut before = Vec::new();
    for (path, body) in searches(&f) {
        before.push(f.alice.post(path, body).await.ok());
    }
    ada.post(&format!("/api/v1/resources/{}/archive", f.records[0]), json!({})).await.done();
    ada.post(&f.space.url("/archive"), json!({})).await.done();
    assert!(f.alice.get("/api/v1/resources").await.ok().items().is_empty(), "lists leave it out");
    for ((path, body), before) in searches(&f).into_iter().zip(before) {
        assert_same(&before, &f.alice.post(path, body).await);
    }
}

async fn n05_a_token_is_refused_for_another_caller_and_another_search(g: Garth) {
    let f = fixture(&g).await;
    many(&g, &f, 3).await;
    let read_by = |by: &Person| {
        let mut body = by.question("read", "record", "x");
        body["resource"] = json!({"type": "record"});
        body
    };
    let with = |mut body: Value, page: Value| {
        body["page"] = page;
        body
    };
    let mine = f.alice.post(RESOURCE, with(read_by(&f.alice), json!({"limit": 2}))).await.ok();
    let token = json!({"token": mine["page"]["next_token"]});
    f.alice.post(RESOURCE, with(read_by(&f.alice), token.clone())).await.ok();
    // Another session is the same person.
    g.anonymous().sign_in("alice").await.post(RESOURCE, with(read_by(&f.alice), token.clone())).await.ok();
    f.bob.post(RESOURCE, with(read_by(&f.bob), token.clone())).await.refused(400, "malformed");
    let [(_, subject), _, (_, action)] = searches(&f);
    f.alice.post(SUBJECT, with(subject, token.clone())).await.refused(400, "malformed");
    f.alice.post(ACTION, with(action, token)).await.refused(400, "malformed");
}

async fn n68_a_malformed_token_is_an_error(g: Garth) {
    let f = fixture(&g).await;
    many(&g, &f, 3).await;
    let [_, (path, body), _] = searches(&f);
    let with = |page: Value| {
        let mut body = body.clone();
        body["page"] = page;
        f.alice.post(path, body)
    };
    let token = with(json!({"limit": 2})).await.ok()["page"]["next_token"].as_str().expect("a token").to_owned();
    let list = f.alice.get("/api/v1/resources?limit=2").await.ok().text("next");
    let half = &token[..token.len() / 2];
    for bad in ["", " ", half, &token[1..], &format!("{token}A"), "|", "x|y", "\u{0}", "é", &"A".repeat(100_000), &list]
    {
        with(json!({"token": bad})).await.refused(400, "malformed");
    }
}

/// Records that only whoever is said to be on duty may see, and softly delete.
async fn on_duty(g: &Garth, f: &Fixture) -> Vec<String> {
    let ada = g.admin().await;
    let given = |of: &str, name: &str| json!({of: {name: {"is": true, "otherwise": false}}});
    let rules = |of: &str, name: &str| {
        json!({"rules": [
            {"effect": "allow", "who": {"users": [ada.principal()]}},
            {"effect": "allow", "who": "members", "given": given(of, name)},
        ], "default": "deny"})
    };
    let mut made = Vec::new();
    for number in 0..3 {
        g.pass(SECOND);
        let record = ada.resource("record", &format!("duty {number}")).space(&f.space);
        let view = rules(if number == 2 { "resource" } else { "subject" }, "duty");
        made.push(record.view(view).with("edit", rules("action", "soft")).create().await.id);
    }
    made
}

async fn n29_searches_with_properties_are_what_checks_with_them_allow(g: Garth) {
    let f = fixture(&g).await;
    let records = [f.records.to_vec(), on_duty(&g, &f).await].concat();
    let (_, app) = application(&g, &f).await;
    let ada = g.admin().await;
    let users = sorted(vec![ada.id.clone(), f.alice.id.clone(), f.bob.id.clone()]);
    let mut differ = BTreeSet::new();
    for (subject, action, resource) in [
        (json!({}), json!({}), json!({})),
        (json!({"duty": true}), json!({}), json!({})),
        (json!({"duty": true}), json!({"soft": true}), json!({})),
        (json!({"duty": true}), json!({"soft": "true"}), json!({"duty": true})),
        (json!({"duty": false}), json!({"soft": true}), json!({"duty": true})),
        (json!({"duty": 1}), json!({"soft": null}), json!({"duty": [true]})),
    ] {
        for name in ["read", "write"] {
            let ask = |user: &str, record: &str| {
                json!({
                    "subject": {"type": "user", "id": user, "properties": subject},
                    "action": {"name": name, "properties": action},
                    "resource": {"type": "record", "id": record, "properties": resource},
                })
            };
            let may = async |user: &str, record: &str| {
                app.post(super::EVALUATION, ask(user, record)).await.ok()["decision"] == true
            };
            let mut all = Vec::new();
            for user in &users {
                let mut allowed = Vec::new();
                for record in &records {
                    if may(user, record).await {
                        allowed.push(record.clone());
                    }
                }
                assert_eq!(pages(&app, RESOURCE, &ask(user, "x"), 2).await, allowed, "{user} {name}");
                all.extend(allowed);
            }
            for record in &records {
                let mut allowed = Vec::new();
                for user in &users {
                    if may(user, record).await {
                        allowed.push(user.clone());
                    }
                    let names = found(&app.post(ACTION, ask(user, record)).await.ok());
                    // A search for actions knows no properties of one.
                    if action == json!({}) {
                        assert_eq!(names.contains(&name.to_owned()), may(user, record).await, "{user} {name}");
                    }
                }
                assert_eq!(pages(&app, SUBJECT, &ask("x", record), 2).await, allowed, "{record} {name}");
            }
            differ.insert(all);
        }
    }
    assert!(differ.len() > 4, "worth the trouble: {differ:?}");
}

async fn n33_questions_at_once_with_other_properties_do_not_touch_each_other(g: Garth) {
    let f = fixture(&g).await;
    let record = on_duty(&g, &f).await.remove(0);
    let ask = |duty: bool| {
        let mut body = f.bob.question("read", "record", &record);
        body["subject"]["properties"] = json!({"duty": duty});
        body
    };
    // In one batch, of the same subject about the same resource.
    let questions: Vec<Value> = (0..20).map(|n| ask(n % 3 == 0)).collect();
    let answer = f.bob.post(super::EVALUATIONS, json!({"evaluations": questions})).await.ok();
    assert_eq!(super::batch::decisions(&answer), (0..20).map(|n| n % 3 == 0).collect::<Vec<_>>());
    // And side by side, checks and lists.
    let search = |duty: bool| {
        let mut body = ask(duty);
        body["resource"] = json!({"type": "record"});
        body
    };
    for _ in 0..5 {
        let calls = (0..20).map(|n| match n % 2 {
            0 => f.bob.post(super::EVALUATION, ask(n % 3 == 0)),
            _ => f.bob.post(RESOURCE, search(n % 3 == 0)),
        });
        for (n, answer) in race(calls.collect()).await.into_iter().enumerate() {
            let answer = answer.ok();
            let yes = if n % 2 == 0 { answer["decision"] == true } else { found(&answer).contains(&record) };
            assert_eq!(yes, n % 3 == 0, "{answer}");
        }
    }
}

/// A world where gates, roles from above and below, groups, policies, owners and subscribers all have their say.
struct Busy {
    people: Vec<Person>,
    spaces: Vec<Thing>,
    groups: Vec<Thing>,
    /// Kind and id.
    things: Vec<(String, String)>,
}

async fn busy(g: &Garth, count: usize) -> Busy {
    let ada = g.admin().await;
    let [lin, bo, kim, eve] =
        [g.person("lin").await, g.person("bo").await, g.person("kim").await, g.person("eve").await];
    let gone = g.person("gone").await;
    ada.kind_with("task", json!({"exceptions": {"owner": ["view", "edit"]}, "permissions": ["task:triage"]})).await;
    ada.kind_with("report", json!({"exceptions": {"subscribers": ["view"]}})).await;
    let home = g.home().await;
    let crew = ada.group("crew", &[&bo]).await;
    let staff = ada.group("staff", &[&crew, &kim]).await;
    ada.role("triager", &["task:triage", "task:read"]).await;
    let atlas = ada.space("Atlas").create().await;
    let child = ada.space("Child").under(&atlas).inherits().create().await;
    let dark = ada.space("Dark").create().await;
    let named = ada.space("Named").with("view", json!({"users": [ada.principal(), lin.principal()]})).create().await;
    let open = ada.space("Open").with("view", json!("users")).create().await;
    ada.grant(&atlas, &lin, "triager").await;
    ada.grant(&atlas, &gone, "writer").await;
    ada.grant(&child, &crew, "writer").await;
    ada.grant(&open, &staff, "reader").await;
    ada.grant(&named, "group:everyone", "reader").await;
    ada.patch(&format!("/api/v1/users/{}", gone.id), json!({"disabled": true})).await.ok();
    let followers = json!({"rules": [
        {"effect": "allow", "who": {"users": [ada.principal()]}}, {"effect": "allow", "who": "subscribers"},
    ], "default": "deny"});
    let not_bo = json!({"rules": [{"effect": "deny", "who": {"users": [bo.principal()]}}], "default": "allow"});
    let crew_and_staff = json!({"groups_all": [format!("group:{}", crew.id), format!("group:{}", staff.id)]});
    let in_both = json!({"rules": [
        {"effect": "allow", "who": {"users": [ada.principal()]}}, {"effect": "allow", "who": crew_and_staff},
    ], "default": "deny"});
    let views =
        [None, Some(json!("users")), Some(followers), None, Some(json!("members")), Some(not_bo), Some(in_both)];
    let edits = [None, Some(json!("users")), None, Some(json!("admins"))];
    let spaces = vec![home, atlas, child, dark, named, open];
    let mut resources = Vec::new();
    for number in 0..count {
        let mut resource = json!({
            "kind": if number % 5 == 0 { "report" } else { "task" },
            "name": format!("Number {number:03}"),
            "space": spaces[number % spaces.len()].id,
            "owner": if number % 3 == 0 { json!(bo.principal()) } else { Value::Null },
            "subscribers": if number % 2 == 0 { json!([lin.principal(), eve.principal()]) } else { json!([bo.principal()]) },
        });
        if let Some(view) = &views[(number / 6) % views.len()] {
            resource["view"] = view.clone();
        }
        if let Some(edit) = &edits[(number / 7) % edits.len()] {
            resource["edit"] = edit.clone();
        }
        resources.push(resource);
    }
    let made = ada.post("/api/v1/resources/batch", json!({"resources": resources})).await.done();
    let text = |item: &Value, field: &str| item[field].as_str().expect("a text").to_owned();
    let things = made.items().iter().map(|item| (text(item, "kind"), text(item, "id"))).collect();
    Busy { people: vec![ada, lin, bo, kim, eve, gone], spaces, groups: vec![crew, staff], things }
}

const SIZES: [usize; 8] = [1, 2, 5, 16, 53, 54, 100, 1_000];

async fn n25_pages_of_a_resource_search_are_what_checks_allow(g: Garth) {
    let world = busy(&g, 132).await;
    let mut some = 0;
    for person in &world.people[..5] {
        for (kind, action) in
            [("task", "read"), ("task", "write"), ("task", "task:triage"), ("report", "read"), ("report", "share")]
        {
            let ids: Vec<&String> = world.things.iter().filter(|(of, _)| of == kind).map(|(_, id)| id).collect();
            let mut batch = person.question(action, kind, "x");
            batch["evaluations"] = ids.iter().map(|id| json!({"resource": {"type": kind, "id": id}})).collect();
            let decisions = super::batch::decisions(&person.post(super::EVALUATIONS, batch).await.ok());
            let allowed: BTreeSet<&String> =
                ids.into_iter().zip(decisions).filter(|(_, yes)| *yes).map(|(id, _)| id).collect();
            some += allowed.len();
            let mut body = person.question(action, kind, "x");
            body["resource"] = json!({"type": kind});
            let sizes = if action == "read" { &SIZES[..] } else { &SIZES[3..5] };
            let mut order = None;
            for limit in sizes {
                let all = pages(person, RESOURCE, &body, *limit).await;
                assert_eq!(all.iter().collect::<BTreeSet<_>>(), allowed, "{} {action} {kind}", person.username);
                assert_eq!(*order.get_or_insert_with(|| all.clone()), all, "one order for every size");
            }
        }
    }
    assert!(some > 300, "worth the trouble: {some}");
}

/// The command line asks about all; each search must say what evaluating each one says.
async fn n26_subjects_and_actions_found_are_what_checks_allow(g: Garth) {
    let world = busy(&g, 48).await;
    let ctx = Ctx::system(g.app());
    let mut users: Vec<String> = world.people.iter().map(|person| person.id.clone()).collect();
    users.sort();
    let mut groups: Vec<String> = world.groups.iter().map(|group| group.id.clone()).collect();
    groups.sort();
    groups.push("everyone".to_owned());
    let targets: Vec<(&str, &str)> = world
        .things
        .iter()
        .map(|(kind, id)| (kind.as_str(), id.as_str()))
        .chain(world.spaces.iter().map(|space| ("space", space.id.as_str())))
        .collect();
    let (mut found_subjects, mut found_actions) = (0, 0);
    for (at, (kind, id)) in targets.into_iter().enumerate() {
        let resource = Entity { kind, id };
        let actions = match kind {
            "space" => &["read", "write", "task:write", "space:admin"][..],
            "task" => &["read", "write", "task:triage"],
            _ => &["read", "write", "report:share"],
        };
        for action in actions {
            for (of, ids) in [("user", &users), ("group", &groups)] {
                let ask = |id| Question { subject: Entity { kind: of, id }, action, resource, given: Given::default() };
                let questions: Vec<Question<'_>> = ids.iter().map(|id| ask(id.as_str())).collect();
                let outcomes = evaluate_each(&ctx, &questions).await.expect("answers");
                let yes = |outcome: &Result<_, _>| matches!(outcome, Ok(garth_core::Outcome::Allowed));
                let allowed: Vec<&String> =
                    ids.iter().zip(&outcomes).filter(|(_, o)| yes(o)).map(|(id, _)| id).collect();
                for limit in [1, 2, 5, 1_000] {
                    let mut part = Part { after: None, limit };
                    let mut all = Vec::new();
                    loop {
                        let page = search::subjects(&ctx, of, action, &resource, &Given::default(), &part)
                            .await
                            .expect("an answer");
                        assert!(page.items.len() <= limit);
                        all.extend(page.items);
                        part.after = page.next;
                        if part.after.is_none() {
                            break;
                        }
                    }
                    assert_eq!(all.iter().collect::<Vec<_>>(), allowed, "{of} {action} {kind} {at}, by {limit}");
                }
                found_subjects += allowed.len();
            }
        }
        // What each may do to it, of everything that could be asked.
        for user in &users {
            let subject = Entity { kind: "user", id: user };
            let part = Part { after: None, limit: 1_000 };
            let names =
                search::actions(&ctx, &subject, &resource, &Given::default(), &part).await.expect("an answer").items;
            let every = [
                "read",
                "write",
                "task:triage",
                "task:share",
                "report:share",
                "task:write",
                "space:admin",
                "report:read",
            ];
            let questions: Vec<Question<'_>> =
                every.iter().map(|action| Question { subject, action, resource, given: Given::default() }).collect();
            let outcomes = evaluate_each(&ctx, &questions).await.expect("answers");
            for (action, outcome) in every.iter().zip(outcomes) {
                let named = names.iter().any(|name| name == action);
                // `task:write` of a task is its `write`.
                let other_name = kind != "space" && (action.ends_with(":read") || action.ends_with(":write"));
                let allowed = matches!(outcome, Ok(garth_core::Outcome::Allowed));
                assert!(named == allowed || (other_name && !named), "{user} {action} {kind} {at}: {names:?}");
            }
            found_actions += names.len();
        }
    }
    assert!(found_subjects > 300 && found_actions > 300, "worth the trouble: {found_subjects} {found_actions}");
}

async fn n27_what_changes_between_pages_is_not_found_and_nothing_is_skipped(g: Garth) {
    let f = fixture(&g).await;
    let ada = g.admin().await;
    let all = [f.records.to_vec(), many(&g, &f, 8).await].concat();
    let dark = ada.space("Dark").create().await;
    let [_, (path, body), _] = searches(&f);
    let page = |token: Option<&Value>| {
        let mut body = body.clone();
        body["page"] = token.map_or(json!({"limit": 3}), |token| json!({"token": token}));
        f.alice.post(path, body)
    };
    let url = |at: usize| format!("/api/v1/resources/{}", all[at]);
    let first = page(None).await.ok();
    assert_eq!(found(&first), all[..3]);
    ada.delete(&url(1)).await.done();
    ada.delete(&url(3)).await.done();
    ada.patch(&url(4), json!({"view": {"users": [ada.principal()]}})).await.ok();
    ada.post(&format!("{}/move", url(5)), json!({"space": dark.id})).await.done();
    ada.patch(&url(6), json!({"name": "renamed"})).await.ok();
    let second = page(Some(&first["page"]["next_token"])).await.ok();
    assert_eq!(found(&second), all[6..9]);
    let grants = ada.get(&f.space.url("/grants")).await.ok();
    let mine = grants.items().into_iter().find(|grant| grant["principal"] == f.alice.principal()).expect("her grant");
    ada.delete(&f.space.url(&format!("/grants/{}", mine["id"].as_str().expect("an id")))).await.done();
    let third = page(Some(&second["page"]["next_token"])).await.ok();
    assert!(found(&third).is_empty(), "{third}");
    assert_eq!(third["page"]["next_token"], "");
}
