//! Stories about requests that are sent again: an `Idempotency-Key` has a POST carried out once.

use crate::support::*;

stories! {
    a_post_sent_again_is_carried_out_once,
    a_key_is_good_for_one_request_only,
    a_key_belongs_to_its_caller_and_its_route,
    requests_that_race_are_carried_out_once,
    what_was_refused_may_be_tried_again,
    a_kept_answer_outlives_a_restart_and_not_a_day,
    a_lost_answer_is_not_a_second_change,
    n74_a_kept_answer_hides_its_secrets,
    n34_who_lost_sight_is_told_nothing_again,
    a_key_has_a_form,
}

const KEY: &str = "idempotency-key";

async fn a_post_sent_again_is_carried_out_once(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    let task = json!({"kind": "task", "name": "Fix the lift"});
    let send = || ada.post("/api/v1/resources", task.clone()).header(KEY, "\"monday\"");
    let first = send().await.created();
    assert!(!first.headers.contains_key("idempotency-replayed"));
    let again = g.unchanged(async || send().await.created()).await;
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!((first.bytes, first.headers["etag"].clone()), (again.bytes, again.headers["etag"].clone()));
    // With or without the quotes of the standard it is the same key.
    let bare = ada.post("/api/v1/resources", task.clone()).header(KEY, "monday").await.created();
    assert_eq!(bare.header("idempotency-replayed"), "true");
    assert_eq!(ada.get("/api/v1/resources?kind=task").await.ok().items().len(), 1);
    // Answers without a body are kept as well.
    let archive = || {
        ada.call(axum::http::Method::POST, &format!("/api/v1/resources/{}/archive", again.json["id"].as_str().unwrap()))
            .header(KEY, "tuesday")
    };
    let first = archive().await.done();
    let again = g.unchanged(async || archive().await.done()).await;
    assert_eq!((first.status, first.bytes), (again.status, again.bytes));
}

async fn a_key_is_good_for_one_request_only(g: Garth) {
    let ada = g.admin().await;
    ada.post("/api/v1/groups", json!({"name": "crew"})).header(KEY, "k").await.created();
    g.unchanged(async || {
        ada.post("/api/v1/groups", json!({"name": "band"})).header(KEY, "k").await.invalid("Idempotency-Key");
        ada.post("/api/v1/groups?dry_run=true", json!({"name": "crew"}))
            .header(KEY, "k")
            .await
            .invalid("Idempotency-Key");
    })
    .await;
}

async fn a_key_belongs_to_its_caller_and_its_route(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    let task = json!({"kind": "task", "name": "Fix the lift"});
    let one = ada.post("/api/v1/resources", task.clone()).header(KEY, "k").await.created();
    let other = lin.post("/api/v1/resources", task.clone()).header(KEY, "k").await.created();
    assert_ne!(one.id(), other.id());
    ada.post("/api/v1/groups", json!({"name": "crew"})).header(KEY, "k").await.created();
    // Another session of the same person is the same caller.
    let again = g.anonymous().sign_in("lin").await.post("/api/v1/resources", task).header(KEY, "k").await.created();
    assert_eq!(again.id(), other.id());
    // Nobody is told from nobody: without a credential the key means nothing.
    let body = json!({"username": "lin", "password": password("lin")});
    let first = g.anonymous().post("/api/v1/login", body.clone()).header(KEY, "k").await.ok();
    let second = g.anonymous().post("/api/v1/login", body).header(KEY, "k").await.ok();
    assert_ne!(first.text("token"), second.text("token"));
}

async fn requests_that_race_are_carried_out_once(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    for round in 0..10 {
        let name = format!("task-{round}");
        let send = || ada.post("/api/v1/resources", json!({"kind": "task", "name": name})).header(KEY, &name);
        let answers = race((0..8).map(|_| send()).collect()).await;
        let fresh = answers.iter().filter(|a| a.status == 201 && !a.headers.contains_key("idempotency-replayed"));
        assert_eq!(fresh.count(), 1);
        for answer in answers.into_iter().filter(|a| a.status != 201) {
            answer.refused(409, "conflict");
        }
        assert_eq!(ada.get(&format!("/api/v1/resources?q=task-{round}")).await.ok().items().len(), 1);
    }
}

async fn what_was_refused_may_be_tried_again(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    g.closed_home().await;
    let atlas = ada.space("Atlas").create().await;
    let grant = ada.grant(&atlas, &lin, "reader").await;
    let send = || lin.resource("task", "Fix the lift").space(&atlas).send().header(KEY, "k");
    g.unchanged(async || send().await.refused(403, "forbidden")).await;
    ada.revoke(&atlas, &grant).await;
    ada.grant(&atlas, &lin, "writer").await;
    send().await.created();
}

async fn a_kept_answer_outlives_a_restart_and_not_a_day(g: Garth) {
    let ada = g.admin().await;
    let send = || ada.post("/api/v1/groups", json!({"name": "crew"})).header(KEY, "k");
    let first = send().await.created();
    g.restart().await;
    g.pass((24 * 60 * 60 - 1) * SECOND);
    assert_eq!(send().await.created().bytes, first.bytes);
    g.pass(2 * SECOND);
    send().await.refused(409, "conflict");
    ada.delete(&format!("/api/v1/groups/{}", first.id())).await.done();
    assert_ne!(send().await.created().id(), first.id());
    assert_eq!(g.rows("idempotency_keys").await.len(), 1, "what is too old is forgotten");
}

async fn a_lost_answer_is_not_a_second_change(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    let send = || ada.post("/api/v1/resources", json!({"kind": "task", "name": "Fix"})).header(KEY, "k");
    send().await.created();
    // As if the server had died between the change and its answer.
    g.meddle("UPDATE idempotency_keys SET answer = ''").await;
    g.restart().await;
    let told = g.unchanged(async || send().await.refused(409, "conflict")).await;
    assert!(told.text("detail").contains("carried out"), "{told}");
}

async fn n74_a_kept_answer_hides_its_secrets(g: Garth) {
    let ada = g.admin().await;
    let send = || ada.post("/api/v1/users", json!({"username": "lin"})).header(KEY, "k");
    let token = send().await.created().text("signup_token");
    assert_eq!(send().await.created().text("signup_token"), token);
    let rows = g.rows("idempotency_keys").await;
    assert!(rows.len() == 1 && !rows[0].contains(&token) && !rows[0].contains("lin"), "{rows:?}");
}

async fn n34_who_lost_sight_is_told_nothing_again(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    g.closed_home().await;
    let atlas = ada.space("Atlas").create().await;
    let grant = ada.grant(&atlas, &lin, "writer").await;
    let send = || lin.resource("task", "Fix the lift").space(&atlas).send().header(KEY, "k");
    send().await.created();
    ada.revoke(&atlas, &grant).await;
    g.unchanged(async || send().await.refused(404, "not_found")).await;

    ada.patch(&format!("/api/v1/users/{}", lin.id), json!({"system_admin": true})).await.ok();
    let send = || lin.post("/api/v1/users", json!({"username": "bo"})).header(KEY, "k");
    send().await.created();
    ada.patch(&format!("/api/v1/users/{}", lin.id), json!({"system_admin": false})).await.ok();
    g.unchanged(async || send().await.refused(403, "forbidden")).await;
}

async fn a_key_has_a_form(g: Garth) {
    let ada = g.admin().await;
    let body = json!({"name": "crew"});
    g.unchanged(async || {
        for wrong in ["", "\"\"", "two words", "a\"b", "é", &"k".repeat(256)] {
            ada.post("/api/v1/groups", body.clone()).header(KEY, wrong).await.invalid("Idempotency-Key");
        }
    })
    .await;
    ada.post("/api/v1/groups", body).header(KEY, &"k".repeat(255)).await.created();
}
