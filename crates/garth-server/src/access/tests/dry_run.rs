//! Stories about asking what would happen: `dry_run=true` answers like the change and changes nothing.

use crate::support::*;

stories! {
    what_would_happen_is_told_and_does_not_happen,
    a_dry_run_is_refused_like_the_change,
    a_dry_run_has_two_answers_only,
    a_setup_can_be_tried,
    what_was_tried_is_not_on_record_as_done,
}

async fn what_would_happen_is_told_and_does_not_happen(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    let home = g.home().await;
    let task = ada.resource("task", "Fix the lift").create().await;
    let space = g
        .unchanged(async || {
            let made = ada.post("/api/v1/spaces?dry_run=true", json!({"name": "Atlas"})).await.created();
            assert_eq!(made["name"], "Atlas");
            let named = ada.patch(&task.url("?dry_run=true"), json!({"name": "Fixed"})).await.ok();
            assert_eq!((named["name"].as_str(), named["version"].as_i64()), (Some("Fixed"), Some(2)));
            let me = ada.patch("/api/v1/me?dry_run=true", json!({"name": "Countess"})).await.ok();
            assert_eq!(me["user"]["name"], "Countess");
            let grant = json!({"principal": lin.principal(), "role": "admin"});
            ada.post(&home.url("/grants?dry_run=true"), grant).await.created();
            ada.delete(&task.url("?dry_run=true")).await.done();
            ada.call(axum::http::Method::POST, "/api/v1/logout?dry_run=true").await.done();
            made
        })
        .await;
    ada.get(&format!("/api/v1/spaces/{}", space.id())).await.refused(404, "not_found");
    assert_eq!(ada.get(&task.url("")).await.ok()["name"], "Fix the lift");
    // In earnest it is as it was told.
    assert_eq!(ada.patch(&task.url("?dry_run=false"), json!({"name": "Fixed"})).await.ok()["version"], 2);
}

async fn a_dry_run_is_refused_like_the_change(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    let home = g.home().await;
    g.unchanged(async || {
        lin.post("/api/v1/users?dry_run=true", json!({"username": "bo"})).await.refused(403, "forbidden");
        g.anonymous().post("/api/v1/users?dry_run=true", json!({"username": "bo"})).await.not_signed_in();
        ada.post("/api/v1/resources?dry_run=true", json!({"kind": "task"})).await.invalid("/name");
        let grants = ada.get(&home.url("/grants")).await.ok().items();
        let own = grants.iter().find(|grant| grant["principal"] == ada.principal()).expect("her own grant");
        let path = home.url(&format!("/grants/{}?dry_run=true", own["id"].as_str().unwrap()));
        ada.delete(&path).await.refused(409, "last_admin");
    })
    .await;
}

async fn a_dry_run_has_two_answers_only(g: Garth) {
    let ada = g.admin().await;
    g.unchanged(async || {
        for wrong in ["?dry_run=maybe", "?dry_run=true&dry_run=true", "?dry-run=true", "?dry_run=TRUE"] {
            ada.post(&format!("/api/v1/groups{wrong}"), json!({"name": "crew"})).await.problem(422);
        }
    })
    .await;
}

async fn a_setup_can_be_tried(g: Garth) {
    let token = g.setup_token().expect("a fresh installation");
    let body = json!({"token": token, "username": "ada", "password": password("ada"), "space": "Home"});
    g.unchanged(async || g.anonymous().post("/api/v1/setup?dry_run=true", body.clone()).await.created()).await;
    assert_eq!(g.anonymous().get("/api/v1/setup").await.ok()["needed"], true);
    g.anonymous().post("/api/v1/setup", body).await.created();
}

async fn what_was_tried_is_not_on_record_as_done(g: Garth) {
    let ada = g.admin().await;
    ada.post("/api/v1/groups?dry_run=true", json!({"name": "crew"})).await.created();
    let record = ada.all_pages("/api/v1/audit?action=group.create", 50).await;
    assert!(record.is_empty(), "{record:?}");
}
