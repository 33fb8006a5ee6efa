//! Stories about too much at once: what is over the bounds is turned away at once, and nobody takes the whole server.

use crate::support::*;
use garth_server::Limits;
use std::time::Duration;

stories! {
    what_is_too_much_is_turned_away_at_once,
    n81_one_caller_does_not_take_the_whole_server,
    what_takes_too_long_is_given_up,
}

async fn what_is_too_much_is_turned_away_at_once(g: Garth) {
    g.admin().await;
    g.limit(Limits { in_flight: 1, ..g.limits() }).await;
    let body = json!({"username": "ada", "password": password("ada")});
    let logins = (0..6).map(|_| g.anonymous().post("/api/v1/login", body.clone()).may_fail()).collect();
    let answers = race(logins).await;
    assert!(answers.iter().any(|a| a.status == 200), "one is answered");
    let shed: Vec<_> = answers.into_iter().filter(|a| a.status != 200).collect();
    assert!(!shed.is_empty(), "hashing takes long enough for the others to meet it");
    for answer in shed {
        assert_eq!(answer.header("retry-after"), "1");
        answer.unavailable("overloaded");
    }
    g.anonymous().get("/healthz").await.ok();
    g.admin().await.get("/api/v1/me").await.ok();
}

async fn n81_one_caller_does_not_take_the_whole_server(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    g.limit(Limits { in_flight_each: 2, ..g.limits() }).await;
    let change = json!({"current": "not her password at all", "new": "another long sentence of hers"});
    let mut calls: Vec<_> =
        (0..8).map(|_| lin.call(axum::http::Method::PUT, "/api/v1/me/password").json(change.clone())).collect();
    calls.push(ada.get("/api/v1/me"));
    let mut answers = race(calls).await;
    answers.pop().expect("Ada's").ok();
    let refused: Vec<_> = answers.into_iter().filter(|a| a.status == 429).collect();
    assert!(!refused.is_empty(), "two at a time, and eight came");
    for answer in refused {
        assert_eq!(answer.header("retry-after"), "1");
        answer.refused(429, "rate_limited");
    }
    lin.get("/api/v1/me").await.ok();
}

async fn what_takes_too_long_is_given_up(g: Garth) {
    g.admin().await;
    g.limit(Limits { request: Duration::from_millis(1), ..g.limits() }).await;
    let body = json!({"username": "ada", "password": password("ada")});
    let answer = g.anonymous().post("/api/v1/login", body).may_fail().await;
    assert_eq!(answer.header("retry-after"), "1");
    answer.unavailable("timeout");
    g.anonymous().get("/healthz").await.ok();
    g.limit(Limits { request: Duration::from_secs(30), ..g.limits() }).await;
    g.anonymous().sign_in("ada").await.get("/api/v1/me").await.ok();
}
