//! Stories about taking units: windows, idempotency, and takers who race.

use super::Office;
use crate::support::*;

stories! {
    n84_of_takers_at_the_limit_less_one_one_succeeds,
    n84_of_creates_at_the_limit_less_one_one_succeeds,
    racing_takers_of_many_units_never_pass_the_limit,
    what_was_taken_today_comes_back_at_midnight,
    a_rolling_window_lets_go_as_it_took,
    a_meter_without_room_lets_nothing_through,
    n83_a_clock_that_is_set_back_fills_no_meter_again,
    units_are_taken_once_however_often_they_are_sent,
    another_window_counts_anew_and_another_limit_does_not,
    n69_counts_neither_overflow_nor_wrap,
}

/// Racing rounds (issue 6).
const ROUNDS: usize = 1_000;
const TAKERS: usize = 4;

fn successes(answers: &[Answer]) -> usize {
    answers.iter().filter(|answer| answer.status.is_success()).count()
}

async fn n84_of_takers_at_the_limit_less_one_one_succeeds(g: Garth) {
    let o = Office::make(&g).await;
    o.ada.quota(&o.atlas, "seats", json!(5), json!("stored")).await.ok();
    o.lin.consume(&o.atlas, "seats", 4).await.ok();
    for round in 0..ROUNDS {
        let answers = race((0..TAKERS).map(|_| o.lin.consume(&o.atlas, "seats", 1)).collect()).await;
        assert_eq!(successes(&answers), 1, "round {round}");
        for answer in answers.into_iter().filter(|answer| !answer.status.is_success()) {
            answer.refused(403, "quota_exceeded");
        }
        assert_eq!(o.lin.consume(&o.atlas, "seats", -1).await.ok()["used"], 4, "round {round}");
    }
}

async fn n84_of_creates_at_the_limit_less_one_one_succeeds(g: Garth) {
    let o = Office::make(&g).await;
    o.stored("resources", 3).await;
    o.stored("resources.task", 100).await;
    o.task("One").await.created();
    o.task("Two").await.created();
    for round in 0..ROUNDS {
        let answers = race((0..2).map(|_| o.task("Three")).collect()).await;
        assert_eq!(successes(&answers), 1, "round {round}");
        let made = answers.iter().find(|answer| answer.status.is_success()).expect("one");
        o.lin.delete(&format!("/api/v1/resources/{}", made.id())).await.done();
    }
    assert_eq!(o.used("resources").await, 2);
}

async fn racing_takers_of_many_units_never_pass_the_limit(g: Garth) {
    let o = Office::make(&g).await;
    o.ada.quota(&o.atlas, "tokens", json!(100), json!({"rolling_seconds": 3_600})).await.ok();
    let mut taken = 0;
    for _ in 0..20 {
        let calls = (1..=5).map(|units| o.lin.consume(&o.atlas, "tokens", units)).collect();
        for (units, answer) in (1..=5).zip(race(calls).await) {
            if answer.status.is_success() {
                taken += units;
            } else {
                answer.refused(429, "quota_exceeded");
            }
        }
    }
    assert_eq!(taken, 100, "all of it, and no more");
    assert_eq!(o.used("tokens").await, 100);
}

async fn what_was_taken_today_comes_back_at_midnight(g: Garth) {
    let o = Office::make(&g).await;
    o.ada.quota(&o.atlas, "llm", json!(10), json!("daily")).await.ok();
    let taken = o.lin.consume(&o.atlas, "llm", 7).await.ok();
    assert_eq!((&taken["used"], &taken["remaining"], &taken["limit"]), (&json!(7), &json!(3), &json!(10)));
    assert_eq!(taken["resets_at"], "2031-05-05T00:00:00.000000Z");
    // 16 hours are left of the day.
    assert_eq!(taken.header("ratelimit-policy"), "\"llm\";q=10;w=86400");
    assert_eq!(taken.header("ratelimit"), "\"llm\";r=3;t=57600");
    g.pass(SECOND / 2);
    let refused = g.unchanged(async || o.lin.consume(&o.atlas, "llm", 4).await.refused(429, "quota_exceeded")).await;
    assert_eq!((refused.header("retry-after"), refused.header("ratelimit")), ("57600", "\"llm\";r=3;t=57600"));
    assert!(refused.text("detail").contains("its limit of 10"), "{refused}");
    o.lin.consume(&o.atlas, "llm", 3).await.ok();
    assert_eq!(o.lin.meter(&o.atlas, "llm").await["state"], "full");
    // More than ever fits is not a matter of time.
    o.lin.consume(&o.atlas, "llm", 11).await.invalid("/units");
    g.pass(57_600 * SECOND - SECOND / 2 - 1);
    o.lin.consume(&o.atlas, "llm", 1).await.refused(429, "quota_exceeded");
    g.pass(1);
    assert_eq!(o.lin.meter(&o.atlas, "llm").await["used"], 0);
    assert_eq!(o.lin.consume(&o.atlas, "llm", 10).await.ok()["used"], 10);
    // The headers are a draft, and may be left out.
    o.ada.patch("/api/v1/settings", json!({"omit_rate_limits": true})).await.ok();
    let refused = o.lin.consume(&o.atlas, "llm", 1).await.refused(429, "quota_exceeded");
    assert!(!refused.headers.contains_key("ratelimit") && !refused.headers.contains_key("ratelimit-policy"));
    assert_eq!(refused.header("retry-after"), "86400");
}

async fn n83_a_clock_that_is_set_back_fills_no_meter_again(g: Garth) {
    let o = Office::make(&g).await;
    o.ada.quota(&o.atlas, "llm", json!(10), json!("daily")).await.ok();
    o.ada.quota(&o.atlas, "mail", json!(10), json!({"rolling_seconds": 3_600})).await.ok();
    for (meter, ahead) in [("llm", 57_600 * SECOND), ("mail", 3_607 * SECOND)] {
        o.lin.consume(&o.atlas, meter, 10).await.ok();
        g.pass(ahead);
        o.lin.consume(&o.atlas, meter, 1).await.ok();
        g.pass(-ahead);
        g.unchanged(async || o.lin.consume(&o.atlas, meter, 1).await.refused(429, "quota_exceeded")).await;
        g.pass(ahead);
    }
}

async fn a_meter_without_room_lets_nothing_through(g: Garth) {
    let o = Office::make(&g).await;
    for (meter, window) in [("llm", json!("daily")), ("mail", json!({"rolling_seconds": 3_600}))] {
        o.ada.quota(&o.atlas, meter, json!(0), window).await.ok();
        g.unchanged(async || {
            let refused = o.lin.consume(&o.atlas, meter, 1).await.refused(429, "quota_exceeded");
            assert!(refused.headers.contains_key("retry-after"), "{refused}");
        })
        .await;
    }
}

async fn a_rolling_window_lets_go_as_it_took(g: Garth) {
    let o = Office::make(&g).await;
    o.ada.quota(&o.atlas, "llm", json!(3), json!({"rolling_seconds": 60})).await.ok();
    for _ in 0..3 {
        o.lin.consume(&o.atlas, "llm", 1).await.ok();
        g.pass(10 * SECOND);
    }
    // The first comes back 60 seconds after it was taken, a six-hundredth of that late at the most.
    let refused = o.lin.consume(&o.atlas, "llm", 1).await.refused(429, "quota_exceeded");
    assert_eq!((refused.header("retry-after"), refused.header("ratelimit")), ("31", "\"llm\";r=0;t=31"));
    let two = o.lin.consume(&o.atlas, "llm", 2).await.refused(429, "quota_exceeded");
    assert_eq!(two.header("retry-after"), "41", "for two of them");
    g.pass(30 * SECOND - 1);
    o.lin.consume(&o.atlas, "llm", 1).await.refused(429, "quota_exceeded");
    g.pass(1 + SECOND / 10);
    assert_eq!(o.lin.meter(&o.atlas, "llm").await["used"], 2);
    assert_eq!(o.lin.consume(&o.atlas, "llm", 1).await.ok()["used"], 3);
    o.lin.consume(&o.atlas, "llm", 1).await.refused(429, "quota_exceeded");
    g.pass(10 * SECOND);
    o.lin.consume(&o.atlas, "llm", 1).await.ok();
    g.pass(61 * SECOND);
    assert_eq!(o.lin.meter(&o.atlas, "llm").await["used"], 0);
    g.pass(61 * SECOND);
    o.lin.consume(&o.atlas, "llm", 3).await.ok();
    assert_eq!(
        g.rows("meter_units").await.len(),
        1,
        "what would not count though the clock were set back is forgotten"
    );
}

async fn units_are_taken_once_however_often_they_are_sent(g: Garth) {
    let o = Office::make(&g).await;
    o.ada.quota(&o.atlas, "llm", json!(10), json!("daily")).await.ok();
    let key = o.lin.key(&o.atlas, "application", "writer").await;
    let take = |units: i64| key.consume(&o.atlas, "llm", units).header("idempotency-key", "\"one\"");
    let first = take(4).await.ok();
    let again = take(4).await.ok();
    assert_eq!((first.json.clone(), again.header("idempotency-replayed")), (again.json.clone(), "true"));
    take(5).await.invalid("Idempotency-Key");
    g.restart().await;
    assert_eq!(take(4).await.ok().json, first.json, "as it was answered");
    let racing = race((0..8).map(|_| take(4)).collect()).await;
    assert!(racing.iter().all(|answer| answer.status.is_success() || answer.status == 409));
    assert_eq!(o.used("llm").await, 4);
    // What was refused was not taken, and may be sent again.
    let more = |units: i64| key.consume(&o.atlas, "llm", units).header("idempotency-key", "\"two\"");
    more(9).await.refused(429, "quota_exceeded");
    o.ada.quota(&o.atlas, "llm", json!(20), json!("daily")).await.ok();
    assert_eq!(more(9).await.ok()["used"], 13);
    // Trying takes nothing.
    let url = o.atlas.url("/quotas/llm/consume?dry_run=true");
    assert_eq!(g.unchanged(async || key.post(&url, json!({"units": 2})).await.ok()).await["used"], 15);
    // Who sees the space no more is not told again.
    o.lin.delete(&o.atlas.url(&format!("/api-keys/{}", key.id))).await.done();
    take(4).await.not_signed_in();
}

async fn another_window_counts_anew_and_another_limit_does_not(g: Garth) {
    let o = Office::make(&g).await;
    o.ada.quota(&o.atlas, "llm", json!(10), json!("daily")).await.ok();
    o.lin.consume(&o.atlas, "llm", 8).await.ok();
    o.ada.quota(&o.atlas, "llm", json!(5), json!("daily")).await.ok();
    assert_eq!(o.used("llm").await, 8);
    assert_eq!(o.lin.meter(&o.atlas, "llm").await["state"], "full");
    o.lin.consume(&o.atlas, "llm", 1).await.refused(429, "quota_exceeded");
    o.ada.quota(&o.atlas, "llm", json!(null), json!("daily")).await.ok();
    let taken = o.lin.consume(&o.atlas, "llm", 1).await.ok();
    assert_eq!((&taken["used"], &taken["remaining"]), (&json!(9), &Value::Null));
    assert!(!taken.headers.contains_key("ratelimit"), "nothing limits it");
    o.ada.quota(&o.atlas, "llm", json!(10), json!("stored")).await.ok();
    assert_eq!(o.used("llm").await, 0);
    let taken = o.lin.consume(&o.atlas, "llm", 10).await.ok();
    assert!(!taken.headers.contains_key("ratelimit"), "it is no rate");
    o.lin.consume(&o.atlas, "llm", 1).await.refused(403, "quota_exceeded");
    // Deleted and set again, it begins with nothing.
    o.ada.delete(&o.atlas.url("/quotas/llm")).await.done();
    o.lin.consume(&o.atlas, "llm", 1).await.refused(404, "not_found");
    o.ada.quota(&o.atlas, "llm", json!(10), json!("stored")).await.ok();
    assert_eq!(o.used("llm").await, 0);
}

async fn n69_counts_neither_overflow_nor_wrap(g: Garth) {
    let o = Office::make(&g).await;
    o.ada.quota(&o.atlas, "llm", json!(999_999_999_999_999_i64), json!("stored")).await.ok();
    g.meddle(&format!(
        "INSERT INTO meter_units (space_id, meter, slot, units) VALUES ('{}', 'llm', 0, 999999999999998)",
        o.atlas.id
    ))
    .await;
    o.lin.consume(&o.atlas, "llm", 2).await.refused(403, "quota_exceeded");
    o.lin.consume(&o.atlas, "llm", 1_000_000_000).await.refused(403, "quota_exceeded");
    o.lin.consume(&o.atlas, "llm", 1).await.ok();
    o.ada.quota(&o.atlas, "llm", json!(null), json!("stored")).await.ok();
    o.lin.consume(&o.atlas, "llm", 1).await.refused(403, "quota_exceeded");
    o.lin.consume(&o.atlas, "llm", -1_000_000_000).await.ok();
}
