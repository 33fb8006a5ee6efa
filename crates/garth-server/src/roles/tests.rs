//! Stories about roles: the three that are built in, and those an installation makes for itself.

use crate::support::*;

#[path = "tests/custom.rs"]
mod custom;

stories! {
    the_built_in_roles_are_there_and_stay_as_they_are,
    a_custom_role_gives_what_it_lists,
    a_change_of_a_role_counts_at_once,
    permissions_nobody_knows_are_listed,
    only_system_administrators_change_roles,
    a_role_in_use_is_not_deleted,
    names_are_unique_and_the_built_in_ones_reserved,
}

async fn the_built_in_roles_are_there_and_stay_as_they_are(g: Garth) {
    let ada = g.admin().await;
    let roles = g.person("lin").await.get("/api/v1/roles").await.ok().items();
    for name in ["reader", "writer", "admin"] {
        let role = roles.iter().find(|role| role["name"] == name).expect("a built-in role");
        let url = format!("/api/v1/roles/{}", role["id"].as_str().expect("an id"));
        g.unchanged(async || {
            ada.patch(&url, json!({"permissions": ["task:read"]})).await.refused_somehow();
            ada.patch(&url, json!({"name": "other"})).await.refused_somehow();
            ada.delete(&url).await.refused_somehow();
        })
        .await;
    }
}

async fn a_custom_role_gives_what_it_lists(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind_with("task", json!({"permissions": ["task:triage", "task:close"]})).await;
    ada.kind("report").await;
    g.home().await;
    let atlas = ada.space("Atlas").create().await;
    let task = ada.resource("task", "Fix the lift").space(&atlas).create().await;
    let report = ada.resource("report", "Lifts in March").space(&atlas).create().await;

    let triager = ada.role("triager", &["task:read", "task:triage"]).await;
    assert_eq!(triager["permissions"], json!(["task:read", "task:triage"]));
    ada.grant(&atlas, &lin, "triager").await;
    assert!(lin.may("read", "task", &task.id).await);
    assert!(lin.may("task:triage", "task", &task.id).await);
    assert!(!lin.may("task:close", "task", &task.id).await);
    assert!(!lin.may("write", "task", &task.id).await);
    assert!(!lin.may("read", "report", &report.id).await, "the role says nothing of reports");
    lin.get(&report.url("")).await.refused(404, "not_found");
    let denied = lin.patch(&task.url(""), json!({"name": "Fixed"})).await.refused(403, "forbidden");
    assert!(denied.text("detail").contains("task:write"), "the lacking permission is named: {denied}");

    let shown = lin.get(&atlas.url("")).await.ok();
    assert_eq!(shown["access"]["role"], "triager");
    assert_eq!(shown["access"]["roles"], json!(["triager"]));
}

async fn a_change_of_a_role_counts_at_once(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    g.home().await;
    let atlas = ada.space("Atlas").create().await;
    let task = ada.resource("task", "Fix the lift").space(&atlas).create().await;
    let role = ada.role("tasker", &["task:*"]).await;
    ada.grant(&atlas, &lin, "tasker").await;
    lin.patch(&task.url(""), json!({"labels": ["seen"]})).await.ok();
    ada.patch(&role.url(""), json!({"permissions": ["task:read"]})).await.ok();
    lin.patch(&task.url(""), json!({"labels": ["again"]})).await.refused(403, "forbidden");
    ada.patch(&role.url(""), json!({"permissions": []})).await.ok();
    lin.get(&task.url("")).await.refused(404, "not_found");
    lin.get(&atlas.url("")).await.ok();
    g.restart().await;
    lin.get(&task.url("")).await.refused(404, "not_found");
}

async fn permissions_nobody_knows_are_listed(g: Garth) {
    let ada = g.admin().await;
    ada.kind_with("task", json!({"permissions": ["task:triage"]})).await;
    let body = json!({"name": "odd", "permissions": ["task:triage", "tsk:read", "task:fly", "*:read", ""]});
    g.unchanged(async || {
        let answer = ada.post("/api/v1/roles", body).await.refused(422, "invalid");
        let pointers: Vec<_> =
            answer["errors"].as_array().expect("errors").iter().map(|error| error["pointer"].clone()).collect();
        assert_eq!(pointers, [json!("/permissions/1"), json!("/permissions/2"), json!("/permissions/4")]);
        ada.post("/api/v1/roles", json!({"name": "odd", "permissions": "task:read"})).await.invalid("/permissions");
        ada.post("/api/v1/roles", json!({"name": "odd", "permission": []})).await.invalid("/permission");
    })
    .await;
}

async fn only_system_administrators_change_roles(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let role = ada.role("nothing", &[]).await;
    g.unchanged(async || {
        let body = json!({"name": "all", "permissions": []});
        lin.post("/api/v1/roles", body.clone()).await.refused(403, "forbidden");
        lin.patch(&role.url(""), json!({"permissions": []})).await.refused(403, "forbidden");
        lin.delete(&role.url("")).await.refused(403, "forbidden");
        g.anonymous().post("/api/v1/roles", body).await.not_signed_in();
        g.anonymous().get("/api/v1/roles").await.not_signed_in();
    })
    .await;
}

async fn a_role_in_use_is_not_deleted(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    let home = g.home().await;
    let role = ada.role("looker", &["task:read"]).await;
    let grant = ada.grant(&home, &lin, "looker").await;
    g.unchanged(async || ada.delete(&role.url("")).await.refused(409, "conflict")).await;
    ada.revoke(&home, &grant).await;
    ada.delete(&role.url("")).await.done();
    ada.get(&role.url("")).await.refused(404, "not_found");
    let body = json!({"principal": lin.principal(), "role": "looker"});
    ada.post(&home.url("/grants"), body).await.invalid("/role");
}

async fn names_are_unique_and_the_built_in_ones_reserved(g: Garth) {
    let ada = g.admin().await;
    ada.role("helper", &[]).await;
    g.unchanged(async || {
        let named = |name: &str| ada.post("/api/v1/roles", json!({"name": name, "permissions": []}));
        named("helper").await.refused(409, "conflict");
        for reserved in ["reader", "writer", "admin"] {
            named(reserved).await.refused_somehow();
        }
        for bad in ["", " ", "a\u{0}b", &"x".repeat(256)] {
            named(bad).await.invalid("/name");
        }
    })
    .await;
}
