//! Stories about whose a job is: it runs with its owner's rights, so it is made one's own by saying what it does.

use crate::support::*;

stories! {
    a_job_is_owned_by_whoever_makes_it,
    nobody_lets_a_job_run_as_somebody_else,
    whoever_changes_what_a_job_does_owns_it,
    a_job_that_is_copied_belongs_to_who_copies_it,
}

const RESOURCES: &str = "/api/v1/resources";

/// Lin and Bo write in Atlas, which Ada administers.
async fn yard(g: &Garth) -> (Person, Person, Person, Thing) {
    let ada = g.admin().await;
    let [lin, bo] = [g.person("lin").await, g.person("bo").await];
    g.closed_home().await;
    let atlas = ada.space("Atlas").create().await;
    ada.grant_by_registry(&atlas, &lin, "writer").await;
    ada.grant_by_registry(&atlas, &bo, "writer").await;
    (ada, lin, bo, atlas)
}

fn usage() -> Value {
    json!({"report": {"type": "usage"}})
}

async fn a_job_is_owned_by_whoever_makes_it(g: Garth) {
    let (ada, lin, _, atlas) = yard(&g).await;
    let made = lin.resource("job", "Usage").space(&atlas).body(usage()).create().await;
    assert_eq!(lin.get(&made.url("")).await.ok().json["owner"], json!(lin.principal()));
    // A key is no person, and so its job is nobody's.
    let key = ada.key(&atlas, "robot", "writer").await;
    let made = key.resource("job", "By a key").space(&atlas).body(usage()).create().await;
    assert_eq!(key.get(&made.url("")).await.ok().json["owner"], Value::Null);
}

async fn nobody_lets_a_job_run_as_somebody_else(g: Garth) {
    let (ada, lin, bo, atlas) = yard(&g).await;
    lin.resource("job", "Usage").space(&atlas).body(usage()).owner(&ada).send().await.invalid("/owner");
    let made = lin.resource("job", "Usage").space(&atlas).body(usage()).owner(&lin).create().await;
    lin.patch(&made.url(""), json!({"owner": ada.principal()})).await.invalid("/owner");
    bo.patch(&made.url(""), json!({"owner": ada.principal()})).await.invalid("/owner");
    let taken = bo.patch(&made.url(""), json!({"owner": bo.principal()})).await.ok();
    assert_eq!(taken.json["owner"], json!(bo.principal()), "to take it over is one's own to do");
    let left = bo.patch(&made.url(""), json!({"owner": null})).await.ok();
    assert_eq!(left.json["owner"], Value::Null);
}

async fn whoever_changes_what_a_job_does_owns_it(g: Garth) {
    let (ada, lin, bo, atlas) = yard(&g).await;
    let made = ada.resource("job", "Usage").space(&atlas).body(usage()).create().await;
    let owner = async |answer: Answer| answer.ok().json["owner"].clone();
    // To name it, or to switch it off and on, changes nothing of what it does.
    for change in [json!({"name": "Use"}), json!({"body": {"enabled": false}}), json!({"body": {"enabled": true}})] {
        assert_eq!(owner(lin.patch(&made.url(""), change).await).await, json!(ada.principal()));
    }
    let change = json!({"body": {"report": {"type": "search", "query": {"kind": "task"}}}, "owner": ada.principal()});
    assert_eq!(owner(lin.patch(&made.url(""), change).await).await, json!(lin.principal()));
    // Who carries it elsewhere did not write it: it is nobody's there, until somebody takes it over.
    let beta = ada.space("Beta").create().await;
    ada.grant_by_registry(&beta, &bo, "writer").await;
    bo.post(&made.url("/move"), json!({"space": beta.id})).await.ok();
    assert_eq!(owner(bo.get(&made.url("")).await).await, Value::Null);
    assert_eq!(owner(bo.patch(&made.url(""), json!({"owner": bo.principal()})).await).await, json!(bo.principal()));
    bo.post(&made.url("/move"), json!({"space": atlas.id})).await.ok();
    assert_eq!(owner(bo.get(&made.url("")).await).await, json!(bo.principal()), "one's own goes along");
}

async fn a_job_that_is_copied_belongs_to_who_copies_it(g: Garth) {
    let (ada, lin, _, atlas) = yard(&g).await;
    let made = ada.resource("job", "Usage").space(&atlas).body(usage()).create().await;
    let beta = ada.space("Beta").create().await;
    ada.grant_by_registry(&beta, &lin, "writer").await;
    let copies = json!({"resources": [made.id]});
    let copied = lin.post(&beta.url("/copies"), copies).await.ok();
    let copy = copied.json["items"][0]["copy"].as_str().expect("a copy").to_owned();
    let owner = lin.get(&format!("{RESOURCES}/{copy}")).await.ok().json["owner"].clone();
    assert_eq!(owner, json!(lin.principal()));
    // A replacement does what the other did: it belongs to whoever put it there.
    let gamma = ada.space("Gamma").create().await;
    ada.grant_by_registry(&gamma, &lin, "writer").await;
    let there = ada.resource("job", "Usage").space(&gamma).body(usage()).create().await;
    let copies = json!({"resources": [made.id], "on_conflict": "replace"});
    lin.post(&gamma.url("/copies"), copies).await.ok();
    assert_eq!(ada.get(&there.url("")).await.ok().json["owner"], json!(lin.principal()));
}
