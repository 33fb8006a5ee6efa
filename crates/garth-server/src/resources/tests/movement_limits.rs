//! How much one move and one copy may take, at the edge and over it; and that it is counted before work is done.

use crate::support::*;

stories! {
    n47_what_one_move_and_one_copy_take_is_bounded,
    hidden_followers_are_looked_at_only_so_far,
    bodies_of_one_copy_have_a_limit,
    what_a_copy_refers_to_has_a_limit,
    names_of_copies_are_counted_so_far,
}

const BATCH: &str = "/api/v1/resources/batch";

async fn two_spaces(g: &Garth) -> (Person, Thing, Thing) {
    let ada = g.admin().await;
    g.home().await;
    let (here, there) = (ada.space("Here").create().await, ada.space("There").create().await);
    (ada, here, there)
}

/// Makes so many at once and answers their ids.
async fn many(by: &Person, one: impl Fn(usize) -> Value, count: usize) -> Vec<String> {
    let resources: Vec<Value> = (0..count).map(one).collect();
    by.post(BATCH, json!({ "resources": resources })).await.created().each("id")
}

async fn n47_what_one_move_and_one_copy_take_is_bounded(g: Garth) {
    let (ada, here, there) = two_spaces(&g).await;
    let lists = json!([{"pointer": "/uses", "kind": "part"}, {"pointer": "/on", "kind": "part", "follows": true}]);
    ada.kind_with("part", json!({ "references": lists })).await;
    let part = |body: Value| json!({"kind": "part", "name": "Part", "space": here.id, "body": body});
    let leaves = many(&ada, |_| part(json!({})), 500).await;
    let hub = ada.resource("part", "Hub").space(&here).body(json!({ "uses": leaves })).create().await;

    // A copy: five hundred, what comes along included; the preview says no more than the copy does.
    let copy = |body: Value, dry: &str| ada.post(&there.url(&format!("/copies{dry}")), body);
    let with = |ids: &[String], default: &str| json!({"resources": ids, "default_reference": default});
    let order = with(std::slice::from_ref(&hub.id), "copy");
    g.unchanged(async || {
        for dry in ["", "?dry_run=true"] {
            copy(order.clone(), dry).await.invalid("/resources");
        }
        let too_many: Vec<String> = leaves.iter().chain([&hub.id]).cloned().collect();
        copy(with(&too_many, "exclude"), "").await.invalid("/resources");
    })
    .await;
    ada.patch(&hub.url(""), json!({"body": {"uses": leaves[..499]}})).await.ok();
    assert_eq!(copy(order, "").await.ok().items().len(), 500);
    // A batch: as many, each once.
    let move_all = |ids: &[String], to: &Thing| {
        ada.post("/api/v1/resources/batch-move", json!({"resources": ids, "space": to.id}))
    };
    let named: Vec<String> = leaves.iter().chain([&hub.id]).cloned().collect();
    g.unchanged(async || move_all(&named, &there).await.invalid("/resources")).await;
    ada.delete(&hub.url("")).await.done();
    assert_eq!(move_all(&leaves, &there).await.ok().items().len(), 500);

    // A move: as many, what follows included, at one stroke or one after another.
    let leader = ada.resource("part", "Leader").space(&here).create().await;
    let followers = many(&ada, |_| part(json!({"on": leader.id})), 500).await;
    let move_it = || ada.post(&leader.url("/move"), json!({"space": there.id}));
    g.unchanged(async || {
        move_it().await.refused(409, "conflict");
        ada.patch(&leader.url(""), json!({"space": there.id, "name": "Gone"})).await.refused(409, "conflict");
    })
    .await;
    ada.delete(&format!("/api/v1/resources/{}", followers[0])).await.done();
    move_it().await.ok();
    let inside = ada.all_pages(&format!("/api/v1/resources?space={}", here.id), 100).await;
    assert!(inside.is_empty(), "{}", inside.len());
    let mut last = ada.resource("part", "First of a row").space(&here).create().await;
    let first = last.clone();
    for _ in 0..60 {
        last = ada.resource("part", "Next").space(&here).body(json!({"on": last.id})).create().await;
    }
    ada.post(&first.url("/move"), json!({"space": there.id})).await.ok();
    assert_eq!(ada.get(&last.url("")).await.ok()["space"], there.id, "however long the row is");
}

async fn hidden_followers_are_looked_at_only_so_far(g: Garth) {
    let (ada, here, there) = two_spaces(&g).await;
    let lin = g.person("lin").await;
    for space in [&here, &there] {
        ada.grant(space, &lin, "writer").await;
    }
    ada.kind_with("part", json!({"references": [{"pointer": "/on", "kind": "part", "follows": true}]})).await;
    let leader = lin.resource("part", "Leader").space(&here).create().await;
    let only_ada = json!({"users": [ada.principal()]});
    let shy = |_| {
        let body = json!({"on": leader.id});
        json!({"kind": "part", "name": "Shy", "space": here.id, "body": body, "view": only_ada})
    };
    for _ in 0..4 {
        many(&ada, shy, 500).await;
    }
    let dry = leader.url("/move?dry_run=true");
    let order = json!({"space": there.id});
    g.unchanged(async || lin.post(&dry, order.clone()).await.ok()).await;
    many(&ada, shy, 1).await;
    g.unchanged(async || lin.post(&dry, order).await.refused(409, "conflict")).await;
}

async fn bodies_of_one_copy_have_a_limit(g: Garth) {
    let (ada, here, there) = two_spaces(&g).await;
    ada.kind("page").await;
    let page = |_| {
        let body = json!({"text": "x".repeat(255 * 1024)});
        json!({"kind": "page", "name": "Page", "space": here.id, "body": body})
    };
    let mut pages = many(&ada, page, 33).await;
    pages.extend(many(&ada, page, 32).await);
    let copy = |ids: &[String]| ada.post(&there.url("/copies"), json!({ "resources": ids }));
    g.unchanged(async || copy(&pages).await.invalid("/resources")).await;
    assert_eq!(copy(&pages[..64]).await.ok().items().len(), 64);
}

async fn what_a_copy_refers_to_has_a_limit(g: Garth) {
    let (ada, here, there) = two_spaces(&g).await;
    let kind = ada.kind("part").await;
    let ids: Vec<String> = (0..2_001).map(|n| uuid::Uuid::from_u128(n + 1).to_string()).collect();
    let hub = |count: usize| ada.resource("part", "Hub").space(&here).body(json!({"uses": ids[..count]})).create();
    let (edge, over) = (hub(2_000).await, hub(2_001).await);
    ada.patch(&kind.url(""), json!({"references": [{"pointer": "/uses", "kind": "part"}]})).await.ok();
    let copy = |hub: &Thing, said: usize| {
        let references: serde_json::Map<String, Value> =
            ids[..said].iter().map(|id| (id.clone(), json!("exclude"))).collect();
        ada.post(&there.url("/copies"), json!({"resources": [hub.id], "references": references}))
    };
    g.unchanged(async || {
        copy(&over, 0).await.invalid("/resources");
        copy(&edge, 501).await.invalid("/references");
    })
    .await;
    copy(&edge, 500).await.ok();
}

async fn names_of_copies_are_counted_so_far(g: Garth) {
    let (ada, here, there) = two_spaces(&g).await;
    ada.kind("task").await;
    let task = ada.resource("task", "Lift").space(&here).create().await;
    ada.resource("task", "Lift").space(&there).create().await;
    let name = |n: usize| if n == 0 { "Lift (copy)".to_owned() } else { format!("Lift (copy {})", n + 1) };
    let made = many(&ada, |n| json!({"kind": "task", "name": name(n), "space": there.id}), 500).await;
    let order = json!({"resources": [task.id]});
    g.unchanged(async || {
        let refused = ada.post(&there.url("/copies"), order.clone()).await.refused(409, "conflict");
        assert_eq!(refused.each("outcome"), ["not_allowed"]);
    })
    .await;
    ada.delete(&format!("/api/v1/resources/{}", made[499])).await.done();
    assert_eq!(ada.post(&there.url("/copies"), order).await.ok().names(), ["Lift (copy 500)"]);
}
