//! Stories about AI providers: what they are told, what they cost, and who may ask.

use crate::support::receiver::{Receiver, Says};
use crate::support::*;
use garth_server::Limits;
use garth_server::ai_providers::{Refused, summarise};

stories! {
    a_provider_is_checked_when_it_is_saved,
    a_provider_writes_a_summary_of_the_words_alone,
    a_budget_is_kept_over_windows_that_roll,
    two_calls_at_the_end_of_a_budget_do_not_both_pass,
    what_went_wrong_costs_what_it_may_have_cost,
    who_may_test_a_provider_and_see_what_it_used,
    n79_providers_lead_to_no_private_address,
}

const DAY: i64 = 86_400 * SECOND;

async fn open(g: &Garth) {
    g.limit(Limits { allow_private_targets: true, ..g.limits() }).await;
}

fn body(receiver: &Receiver, daily: Value, weekly: Value) -> Value {
    json!({"endpoint": receiver.url("/v1"), "model": "small", "api_key": "sk-deep-secret",
           "daily_tokens": daily, "weekly_tokens": weekly})
}

/// A provider of Ada's, and the id of its space.
async fn provider(g: &Garth, body: &Value) -> (Person, Thing, Thing) {
    let ada = g.admin().await;
    let home = g.home().await;
    let provider = ada.resource("ai_provider", "Writer").space(&home).body(body.clone()).create().await;
    (ada, home, provider)
}

async fn ask(g: &Garth, provider: &Thing, space: &Thing, body: &Value) -> Result<String, Refused> {
    summarise(&g.app(), &provider.id, &space.id, body, "In one sentence.", "Two people joined.").await
}

async fn used(by: &Person, provider: &Thing) -> Vec<i64> {
    let usage = by.get(&format!("/api/v1/ai-providers/{}/usage", provider.id)).await.ok();
    usage.items().iter().map(|item| item["used"].as_i64().expect("a number")).collect()
}

#[track_caller]
fn budget(refused: Result<String, Refused>) -> String {
    match refused {
        Err(Refused::Budget(why)) => why,
        other => panic!("expected the budget to refuse: {other:?}"),
    }
}

#[track_caller]
fn failed(refused: Result<String, Refused>) -> String {
    match refused {
        Err(Refused::Failed(why)) => why,
        other => panic!("expected a failure: {other:?}"),
    }
}

async fn a_provider_is_checked_when_it_is_saved(g: Garth) {
    let ada = g.admin().await;
    let home = g.home().await;
    let good = json!({"endpoint": "https://ai.example/v1", "model": "small", "api_key": "sk-deep-secret"});
    g.unchanged(async || {
        for (field, value, pointer) in [
            ("endpoint", json!("http://ai.example/v1"), "/body/endpoint"),
            ("endpoint", json!("https://ai.example/v1?key=x"), "/body/endpoint"),
            ("endpoint", json!("https://me:pw@ai.example/v1"), "/body/endpoint"),
            ("model", json!(" "), "/body/model"),
            ("api_key", json!("a b\n"), "/body/api_key"),
            ("daily_tokens", json!(-1), "/body/daily_tokens"),
        ] {
            let mut body = good.clone();
            body[field] = value;
            ada.resource("ai_provider", "Writer").space(&home).body(body).send().await.invalid(pointer);
        }
        let mut body = good.clone();
        (body["daily_tokens"], body["weekly_tokens"]) = (json!(1_000), json!(999));
        ada.resource("ai_provider", "Writer").space(&home).body(body).send().await.invalid("/body/weekly_tokens");
    })
    .await;
    let made = ada.resource("ai_provider", "Writer").space(&home).body(good).create().await;
    assert_eq!(made["body"]["api_key"], json!({"secret": true}));
    // One budget at a time, judged as it is after the change.
    ada.patch(&made.url(""), json!({"body": {"daily_tokens": 500, "weekly_tokens": 500}})).await.ok();
    ada.patch(&made.url(""), json!({"body": {"daily_tokens": 501}})).await.invalid("/body/weekly_tokens");
    // A key is for the server that it was given for: it follows to no other one.
    let (endpoint, key) = ("https://elsewhere.example/v1", json!({"secret": true}));
    g.unchanged(async || {
        ada.patch(&made.url(""), json!({"body": {"endpoint": endpoint}})).await.invalid("/body/api_key");
        let kept = json!({"body": {"endpoint": endpoint, "api_key": key}});
        ada.patch(&made.url(""), kept).await.invalid("/body/api_key");
    })
    .await;
    ada.patch(&made.url(""), json!({"body": {"endpoint": endpoint, "api_key": "another"}})).await.ok();
}

async fn a_provider_writes_a_summary_of_the_words_alone(g: Garth) {
    let receiver = Receiver::start().await;
    open(&g).await;
    let body = body(&receiver, json!(null), json!(null));
    let (ada, home, provider) = provider(&g, &body).await;
    receiver.next(Says::words("  Two people\u{202e} joined.\u{7}\n\n\n\nNobody left. ", Some(77)));
    assert_eq!(ask(&g, &provider, &home, &body).await.expect("a summary"), "Two people joined.\n\nNobody left.");
    let came = receiver.one();
    assert_eq!(
        (came.path.as_str(), came.header("authorization").as_str()),
        ("/v1/chat/completions", "Bearer sk-deep-secret")
    );
    let said = came.json();
    assert_eq!(
        (said["model"].as_str(), said["messages"][1]["content"].as_str()),
        (Some("small"), Some("Two people joined."))
    );
    assert!(said["messages"][0]["content"].as_str().is_some_and(|text| text.contains("In one sentence.")));
    assert!(said["max_tokens"].as_i64().is_some_and(|most| most > 0) && said.get("tools").is_none());
    assert_eq!(used(&ada, &provider).await, [77, 77]);
    // Without a count of its own, one by length is taken: of what was sent and what came.
    receiver.next(Says::words(&"word ".repeat(300), None));
    ask(&g, &provider, &home, &body).await.expect("a summary");
    let now = used(&ada, &provider).await[0];
    assert!((77 + 500..77 + 1_000).contains(&now), "{now}");
}

async fn a_budget_is_kept_over_windows_that_roll(g: Garth) {
    let receiver = Receiver::start().await;
    open(&g).await;
    receiver.always(Says::words("Fine.", Some(1_500)));
    let body = body(&receiver, json!(3_000), json!(6_000));
    let (ada, home, provider) = provider(&g, &body).await;
    ask(&g, &provider, &home, &body).await.expect("room");
    g.pass(3_600 * SECOND);
    // A call may use some thousand tokens, and 1,500 are left.
    ask(&g, &provider, &home, &body).await.expect("room");
    let why = budget(ask(&g, &provider, &home, &body).await);
    assert!(why.contains("daily budget of 3000 tokens") && why.contains("2031-05-05T08:00:00"), "{why}");
    assert_eq!(receiver.came().len(), 2, "who is over the budget is not asked");
    // A day after the first call, there is room for one more.
    g.pass(DAY - 3_600 * SECOND);
    ask(&g, &provider, &home, &body).await.expect("room again");
    budget(ask(&g, &provider, &home, &body).await);
    // And in a week there is an end to that as well.
    g.pass(2 * DAY);
    ask(&g, &provider, &home, &body).await.expect("the fourth");
    g.pass(DAY);
    let why = budget(ask(&g, &provider, &home, &body).await);
    assert!(why.contains("weekly budget of 6000 tokens"), "{why}");
    g.restart().await;
    budget(ask(&g, &provider, &home, &body).await);
    g.pass(4 * DAY);
    ask(&g, &provider, &home, &body).await.expect("another week");
    // A budget that no call fits into says so; another provider has its own.
    let mut tiny = body.clone();
    tiny["daily_tokens"] = json!(100);
    let why = budget(ask(&g, &provider, &home, &tiny).await);
    assert!(why.contains("raise it first"), "{why}");
    let ada = ada.sign_in("ada").await;
    let other = ada.resource("ai_provider", "Other").space(&home).body(body.clone()).create().await;
    assert_eq!(used(&ada, &other).await, [0, 0]);
    ask(&g, &other, &home, &body).await.expect("its own budget");
}

async fn two_calls_at_the_end_of_a_budget_do_not_both_pass(g: Garth) {
    let receiver = Receiver::start().await;
    open(&g).await;
    receiver.always(Says::words("Fine.", Some(900)));
    let body = body(&receiver, json!(1_500), json!(null));
    let (ada, home, provider) = provider(&g, &body).await;
    let calls = (0..8).map(|_| ask(&g, &provider, &home, &body));
    let answers = futures_util::future::join_all(calls).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
    assert_eq!(receiver.came().len(), 1);
    assert_eq!(used(&ada, &provider).await, [900, 900]);
}

async fn what_went_wrong_costs_what_it_may_have_cost(g: Garth) {
    let receiver = Receiver::start().await;
    open(&g).await;
    let body = body(&receiver, json!(null), json!(null));
    let (ada, home, provider) = provider(&g, &body).await;
    for status in [400, 401, 404, 429, 500, 302] {
        receiver.next(Says { body: "sk-deep-secret is wrong".to_owned(), ..Says::status(status) });
        let why = failed(ask(&g, &provider, &home, &body).await);
        assert!(why.contains(&status.to_string()) && !why.contains("sk-"), "{why}");
    }
    let gone = json!({"endpoint": "http://127.0.0.1:9/v1", "model": "m", "api_key": "k"});
    failed(ask(&g, &provider, &home, &gone).await);
    assert_eq!(used(&ada, &provider).await, [0, 0]);
    // It worked for us, and what it said cannot be read: that may have cost something.
    receiver.next(Says { body: "no JSON".to_owned(), ..Says::status(200) });
    failed(ask(&g, &provider, &home, &body).await);
    let once = used(&ada, &provider).await[0];
    assert!(once > 800);
    // So may what somebody in between did not wait for.
    receiver.next(Says::status(504));
    failed(ask(&g, &provider, &home, &body).await);
    assert_eq!(used(&ada, &provider).await[0], 2 * once);
}

async fn who_may_test_a_provider_and_see_what_it_used(g: Garth) {
    let receiver = Receiver::start().await;
    open(&g).await;
    receiver.always(Says::words("ready", Some(12)));
    let ada = g.admin().await;
    let (rea, wes, eve) = (g.person("rea").await, g.person("wes").await, g.person("eve").await);
    g.home().await;
    let atlas = ada.space("Atlas").create().await;
    ada.grant(&atlas, &rea, "reader").await;
    ada.grant(&atlas, &wes, "writer").await;
    let body = body(&receiver, json!(5_000), json!(null));
    let provider = ada.resource("ai_provider", "Writer").space(&atlas).body(body.clone()).create().await;
    let test = |id: &str| format!("/api/v1/ai-providers/{id}/test");
    let usage = |id: &str| format!("/api/v1/ai-providers/{id}/usage");
    let never = strange(&provider.id);
    g.unchanged(async || {
        let (hidden, missing) =
            (eve.post(&test(&provider.id), json!({})).await, eve.post(&test(&never), json!({})).await);
        assert_missing(&hidden.refused(404, "not_found"), &provider.id, &missing, &never);
        let (hidden, missing) = (eve.get(&usage(&provider.id)).await, eve.get(&usage(&never)).await);
        assert_missing(&hidden.refused(404, "not_found"), &provider.id, &missing, &never);
        rea.post(&test(&provider.id), json!({})).await.refused(403, "forbidden");
        assert_eq!(
            wes.post(&format!("{}?dry_run=true", test(&provider.id)), json!({})).await.ok()["state"],
            "withheld"
        );
        g.anonymous().get(&usage(&provider.id)).await.not_signed_in();
        // A writer cannot make, change or copy one, nor lead the key elsewhere.
        wes.patch(&provider.url(""), json!({"body": {"endpoint": "https://elsewhere.example/"}}))
            .await
            .refused(403, "forbidden");
        wes.resource("ai_provider", "Mine").space(&atlas).body(body.clone()).send().await.refused(403, "forbidden");
    })
    .await;
    assert!(receiver.came().is_empty());
    assert_eq!(wes.post(&test(&provider.id), json!({})).await.ok()["state"], "answered");
    let seen = rea.get(&usage(&provider.id)).await.ok();
    assert_eq!(
        seen.items()[0],
        json!({"window": "daily", "limit": 5_000, "used": 12, "resets_at": "2031-05-05T08:00:00.000000Z"})
    );
    assert_eq!(seen.items()[1]["limit"], Value::Null);
    receiver.next(Says::status(401));
    let failed = wes.post(&test(&provider.id), json!({})).await.ok();
    assert_eq!(failed["state"], "failed");
    assert!(!failed.to_string().contains("sk-deep"));
}

async fn n79_providers_lead_to_no_private_address(g: Garth) {
    let receiver = Receiver::start().await;
    let (ada, home) = (g.admin().await, g.home().await);
    let port = receiver.authority().rsplit(':').next().expect("a port").to_owned();
    let good = json!({"endpoint": "https://ai.example/v1", "model": "small", "api_key": "k"});
    let provider = ada.resource("ai_provider", "Writer").space(&home).body(good).create().await;
    for host in ["https://127.0.0.1", "https://localhost", "https://[::1]", "http://127.0.0.1"] {
        let body = json!({"endpoint": format!("{host}:{port}/v1"), "model": "small", "api_key": "k"});
        failed(ask(&g, &provider, &home, &body).await);
    }
    assert!(receiver.came().is_empty());
}
