//! Stories about calls with keys: counted, limited exactly, and paid for with hardly a commit.

use super::Office;
use crate::support::*;

stories! {
    calls_with_keys_are_counted_and_limited_by_the_day,
    n84_of_calls_at_the_limit_less_one_one_succeeds,
    n83_a_restart_lets_no_call_more_through,
    a_changed_limit_holds_from_the_next_call_on,
    a_call_costs_hardly_a_commit,
    every_call_counts_and_nothing_else_does,
}

/// Racing rounds (issue 6); each sets the limit anew.
const ROUNDS: usize = 1_000;

/// What a key asks: something cheap.
fn call(key: &Person, space: &Thing) -> Call {
    key.get(&space.url(""))
}

fn successes(answers: &[Answer]) -> usize {
    answers.iter().filter(|answer| answer.status.is_success()).count()
}

async fn calls_with_keys_are_counted_and_limited_by_the_day(g: Garth) {
    let o = Office::make(&g).await;
    let keys = [o.lin.key(&o.atlas, "one", "reader").await, o.lin.key(&o.atlas, "two", "writer").await];
    let free = call(&keys[0], &o.atlas).await.ok();
    assert!(!free.headers.contains_key("ratelimit"), "nothing limits it");
    o.ada.quota(&o.atlas, "api.daily", json!(11), json!("daily")).await.ok();
    assert_eq!(o.used("api.daily").await, 1, "what was called before counts");
    for left in (0..10).rev() {
        let answer = call(&keys[left % 2], &o.atlas).await.ok();
        assert_eq!(answer.header("ratelimit-policy"), "\"api.daily\";q=11;w=86400");
        assert_eq!(answer.header("ratelimit"), format!("\"api.daily\";r={left};t=57600"));
        assert_eq!(o.used("api.daily").await, 11 - left as i64);
    }
    g.unchanged(async || {
        for key in &keys {
            let refused = call(key, &o.atlas).await.refused(429, "quota_exceeded");
            assert_eq!(
                (refused.header("retry-after"), refused.header("ratelimit")),
                ("57600", "\"api.daily\";r=0;t=57600")
            );
            // Whatever is asked, and nothing of it is done.
            let new = json!({"kind": "task", "name": "No", "space": o.atlas.id});
            key.post("/api/v1/resources", new).await.refused(429, "quota_exceeded");
        }
    })
    .await;
    let meter = o.bo.meter(&o.atlas, "api.daily").await;
    assert_eq!(
        (&meter["used"], &meter["state"], &meter["resets_at"]),
        (&json!(11), &json!("full"), &json!("2031-05-05T00:00:00.000000Z"))
    );
    let near = o.lin.get(&o.atlas.url("/audit?action=quota.near")).await.ok().items();
    assert_eq!((near.len(), &near[0]["target"]["id"], &near[0]["actor"]), (1, &json!("api.daily"), &json!("system")));
    // People are not counted, nor limited.
    o.lin.get(&o.atlas.url("")).await.ok();
    g.pass(57_600 * SECOND);
    assert_eq!(o.used("api.daily").await, 0);
    assert_eq!(call(&keys[0], &o.atlas).await.ok().header("ratelimit"), "\"api.daily\";r=10;t=86400");
    o.ada.patch("/api/v1/settings", json!({"omit_rate_limits": true})).await.ok();
    assert!(!call(&keys[0], &o.atlas).await.ok().headers.contains_key("ratelimit"));
}

async fn n84_of_calls_at_the_limit_less_one_one_succeeds(g: Garth) {
    let o = Office::make(&g).await;
    let key = o.lin.key(&o.atlas, "application", "reader").await;
    for round in 1..=ROUNDS {
        o.ada.quota(&o.atlas, "api.daily", json!(round), json!("daily")).await.ok();
        let answers = race((0..4).map(|_| call(&key, &o.atlas)).collect()).await;
        assert_eq!(successes(&answers), 1, "round {round}");
    }
    assert_eq!(o.used("api.daily").await, ROUNDS as i64);
    // And many at once, of a day's worth.
    o.ada.quota(&o.atlas, "api.daily", json!(ROUNDS + 500), json!("daily")).await.ok();
    let mut passed = 0;
    for _ in 0..7 {
        passed += successes(&race((0..100).map(|_| call(&key, &o.atlas)).collect()).await);
    }
    assert_eq!(passed, 500);
}

async fn n83_a_restart_lets_no_call_more_through(g: Garth) {
    let o = Office::make(&g).await;
    let key = o.lin.key(&o.atlas, "application", "reader").await;
    o.ada.quota(&o.atlas, "api.daily", json!(400), json!("daily")).await.ok();
    let mut passed = 0;
    for round in 0..20 {
        for _ in 0..(round * 7) % 40 {
            passed += i64::from(call(&key, &o.atlas).await.status.is_success());
        }
        // A server that ends gives back what it did not spend.
        g.restart().await;
        assert_eq!(o.used("api.daily").await, passed);
    }
    while call(&key, &o.atlas).await.status.is_success() {
        passed += 1;
    }
    assert_eq!(passed, 400, "none is lost, and none more comes through");
    // Another server with a slower clock takes from the same day, and one of yesterday from yesterday's.
    g.pass(-3_600 * SECOND);
    call(&key, &o.atlas).await.refused(429, "quota_exceeded");
    g.pass(3_600 * SECOND);
    call(&key, &o.atlas).await.refused(429, "quota_exceeded");
}

async fn a_changed_limit_holds_from_the_next_call_on(g: Garth) {
    let o = Office::make(&g).await;
    let key = o.lin.key(&o.atlas, "application", "reader").await;
    o.ada.quota(&o.atlas, "api.daily", json!(100_000), json!("daily")).await.ok();
    for _ in 0..100 {
        call(&key, &o.atlas).await.ok();
    }
    // A large block is in memory now; it is worth nothing under another limit.
    o.ada.quota(&o.atlas, "api.daily", json!(101), json!("daily")).await.ok();
    call(&key, &o.atlas).await.ok();
    call(&key, &o.atlas).await.refused(429, "quota_exceeded");
    o.ada.quota(&o.atlas, "api.daily", json!(50), json!("daily")).await.ok();
    call(&key, &o.atlas).await.refused(429, "quota_exceeded");
    assert_eq!(o.used("api.daily").await, 101);
    o.ada.quota(&o.atlas, "api.daily", json!(103), json!("daily")).await.ok();
    call(&key, &o.atlas).await.ok();
    o.ada.delete(&o.atlas.url("/quotas/api.daily")).await.done();
    for _ in 0..5 {
        call(&key, &o.atlas).await.ok();
    }
    assert_eq!(o.used("api.daily").await, 107);
    o.ada.quota(&o.atlas, "api.daily", json!(108), json!("daily")).await.ok();
    call(&key, &o.atlas).await.ok();
    call(&key, &o.atlas).await.refused(429, "quota_exceeded");
    o.ada.quota(&o.atlas, "api.daily", json!(0), json!("daily")).await.ok();
    call(&key, &o.atlas).await.refused(429, "quota_exceeded");
    o.ada.quota(&o.atlas, "api.daily", json!(null), json!("daily")).await.ok();
    call(&key, &o.atlas).await.ok();
}

async fn a_call_costs_hardly_a_commit(g: Garth) {
    let o = Office::make(&g).await;
    let key = o.lin.key(&o.atlas, "application", "reader").await;
    o.ada.quota(&o.atlas, "api.daily", json!(1_000_000), json!("daily")).await.ok();
    // Blocks of 1, 2, 4 and so on up to 512 hold 1,023 calls; the next has 1,024.
    for _ in 0..1_024 {
        call(&key, &o.atlas).await.ok();
    }
    let written = g.rows("api_calls").await;
    assert!(written.len() == 1 && written[0].contains("2047"), "{written:?}");
    for _ in 0..1_000 {
        call(&key, &o.atlas).await.ok();
    }
    assert_eq!(g.rows("api_calls").await, written, "a thousand calls, and not one commit");
    assert_eq!(o.used("api.daily").await, 2_024);
}

async fn every_call_counts_and_nothing_else_does(g: Garth) {
    let o = Office::make(&g).await;
    let key = o.lin.key(&o.atlas, "application", "writer").await;
    let doomed = o.lin.key(&o.atlas, "doomed", "writer").await;
    let unknown = key.with_token("gk_00000000000000000000000000000000000000000000000000000");
    o.ada.quota(&o.atlas, "api.daily", json!(1_000), json!("daily")).await.ok();
    let mut counted = 0;
    let mut used = async |by: i64, what: &str| {
        counted += by;
        assert_eq!(o.used("api.daily").await, counted, "{what}");
    };
    key.get("/api/v1/nothing-here").await.refused(404, "not_found");
    used(1, "what fails counts").await;
    key.post("/api/v1/resources", json!({"kind": "none"})).await.refused_somehow();
    used(1, "what is refused counts").await;
    let new = json!({"kind": "task", "name": "Once", "space": o.atlas.id});
    for _ in 0..2 {
        key.post("/api/v1/resources", new.clone()).header("idempotency-key", "\"k\"").await.created();
    }
    used(2, "each sending counts, once").await;
    key.post("/access/v1/evaluation", key.question("read", "space", &o.atlas.id)).await.ok();
    used(1, "a question counts").await;
    unknown.get(&o.atlas.url("")).await.not_signed_in();
    o.lin.delete(&o.atlas.url(&format!("/api-keys/{}", doomed.id))).await.done();
    doomed.get(&o.atlas.url("")).await.not_signed_in();
    o.lin.get(&o.atlas.url("")).await.ok();
    g.anonymous().get("/healthz").await.ok();
    used(0, "a key that opens nothing does not count, nor do people").await;
    // The space's keys together, and each space for itself.
    let zoo = o.ada.space("Zoo").admin(&o.lin).create().await;
    let other = o.lin.key(&zoo, "other", "reader").await;
    assert!(!other.get(&zoo.url("")).await.ok().headers.contains_key("ratelimit"));
    used(0, "another space's calls are its own").await;
    assert_eq!(o.lin.meter(&zoo, "api.daily").await["used"], 1);
}
