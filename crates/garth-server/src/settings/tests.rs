//! Stories about the settings of an installation.

use crate::support::*;

stories! {
    settings_begin_closed,
    only_system_administrators_read_and_change_settings,
    an_unknown_setting_or_value_is_refused,
    public_access_opens_and_shuts_at_once,
}

async fn settings_begin_closed(g: Garth) {
    let ada = g.admin().await;
    let settings = ada.get("/api/v1/settings").await.ok();
    assert_eq!(settings["public_access"], false);
    assert_eq!(settings["create_spaces"], "system_admins");
    let changed = ada.patch("/api/v1/settings", json!({"create_spaces": "users"})).await.ok();
    assert_eq!(changed["create_spaces"], "users");
    assert_eq!(changed["public_access"], false, "what was not named stays");
    g.restart().await;
    assert_eq!(ada.get("/api/v1/settings").await.ok()["create_spaces"], "users");
}

async fn only_system_administrators_read_and_change_settings(g: Garth) {
    g.admin().await;
    let lin = g.person("lin").await;
    g.unchanged(async || {
        lin.get("/api/v1/settings").await.refused(403, "forbidden");
        lin.patch("/api/v1/settings", json!({"public_access": true})).await.refused(403, "forbidden");
        g.anonymous().get("/api/v1/settings").await.not_signed_in();
        g.anonymous().patch("/api/v1/settings", json!({"public_access": true})).await.not_signed_in();
    })
    .await;
}

async fn an_unknown_setting_or_value_is_refused(g: Garth) {
    let ada = g.admin().await;
    let before = ada.get("/api/v1/settings").await.ok();
    g.unchanged(async || {
        let patch = |body: Value| ada.patch("/api/v1/settings", body);
        patch(json!({"create_spaces": "anybody"})).await.invalid("/create_spaces");
        patch(json!({"public_access": "yes"})).await.invalid("/public_access");
        patch(json!({"public_access": true, "colour": "red"})).await.invalid("/colour");
    })
    .await;
    assert_eq!(ada.get("/api/v1/settings").await.ok().json, before.json);
}

async fn public_access_opens_and_shuts_at_once(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("page").await;
    g.home().await;
    let site = ada.space("Site").with("view", json!("public")).create().await;
    let open = ada.resource("page", "Welcome").space(&site).view(json!("public")).create().await;
    let shut = ada.resource("page", "Drafts").space(&site).create().await;
    let nobody = g.anonymous();

    // Off: "public" means everybody who is signed in, and the anonymous learn nothing.
    lin.get(&open.url("")).await.ok();
    let off = nobody.get(&open.url("")).await.not_signed_in();
    assert_missing(&off, &open.id, &nobody.get("/api/v1/resources/none").await, "none");

    ada.patch("/api/v1/settings", json!({"public_access": true})).await.ok();
    assert_eq!(nobody.get(&open.url("")).await.ok()["name"], "Welcome");
    assert_eq!(nobody.get(&site.url("")).await.ok()["name"], "Site");
    let hidden = nobody.get(&shut.url("")).await.not_signed_in();
    assert_missing(&hidden, &shut.id, &nobody.get("/api/v1/resources/none").await, "none");
    // Whatever the policies say, the anonymous only look.
    ada.patch(&open.url(""), json!({"edit": "users"})).await.ok();
    g.unchanged(async || {
        nobody.patch(&open.url(""), json!({"name": "Defaced"})).await.not_signed_in();
        nobody.delete(&open.url("")).await.not_signed_in();
    })
    .await;

    ada.patch("/api/v1/settings", json!({"public_access": false})).await.ok();
    nobody.get(&open.url("")).await.not_signed_in();
}
