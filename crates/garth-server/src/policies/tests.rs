//! Stories about named policies: made once, used in many places, edited in one.

use crate::support::*;

stories! {
    a_named_policy_is_edited_in_one_place,
    a_named_policys_name_is_for_everyone_and_its_text_for_its_editors,
    editors_change_a_policy_and_do_not_lose_it,
    a_named_policy_that_does_not_fit_is_refused,
    a_named_policy_in_use_is_not_deleted,
    a_changed_policy_is_on_record_where_it_decides,
    names_of_policies_are_unique,
}

const POLICIES: &str = "/api/v1/policies";

async fn named(by: &Person, name: &str, policy: Value) -> String {
    by.post(POLICIES, json!({"name": name, "policy": policy})).await.created().id()
}

async fn a_named_policy_is_edited_in_one_place(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    ada.kind_with("note", json!({"default_view": "nobody"})).await;
    g.home().await;
    let insiders = named(&ada, "insiders", json!({"users": [ada.principal()]})).await;
    let by_name = json!({"named": insiders});
    ada.patch("/api/v1/kinds/note", json!({"default_view": {"named": "@insiders"}})).await.ok();
    let club = ada.space("Club").with("view", json!({"named": "@insiders"})).create().await;
    assert_eq!(club["view"], by_name, "it is kept by its id: renaming changes nothing");
    let open = ada.space("Open").with("view", json!("users")).create().await;
    let task = ada.resource("task", "Guarded").space(&open).view(by_name.clone()).create().await;
    let note = ada.resource("note", "By its kind").space(&open).create().await;
    let rules = json!({"rules": [{"effect": "allow", "who": by_name}], "default": "deny"});
    let nested = ada.resource("task", "By rules").space(&open).view(rules).create().await;
    let seen = async |person: &Person| {
        let mut seen = Vec::new();
        for thing in [&club, &task, &note, &nested] {
            seen.push(person.get(&thing.url("")).await.status == 200);
        }
        seen
    };
    assert_eq!(seen(&ada).await, [true; 4]);
    assert_eq!(seen(&lin).await, [false; 4]);
    let url = format!("{POLICIES}/{insiders}");
    let both = json!({"users": [ada.principal(), lin.principal()]});
    ada.patch(&url, json!({"policy": both, "name": "members of the club"})).await.ok();
    assert_eq!(seen(&lin).await, [true; 4], "one change counts everywhere");
    ada.patch(&url, json!({"policy": "nobody"})).await.ok();
    assert_eq!(seen(&lin).await, [false; 4]);
    g.restart().await;
    assert_eq!(seen(&lin).await, [false; 4]);
}

async fn a_named_policys_name_is_for_everyone_and_its_text_for_its_editors(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo] = [g.person("lin").await, g.person("bo").await];
    g.home().await;
    let crew = ada.group("crew", &[&lin]).await;
    let body = json!({"name": "insiders", "policy": {"users": [ada.principal()]},
        "edit": {"groups_any": [format!("group:{}", crew.id)]}});
    let id = ada.post(POLICIES, body).await.created().id();
    let url = format!("{POLICIES}/{id}");
    for person in [&ada, &lin] {
        assert!(person.get(&url).await.ok()["policy"].is_object(), "{}", person.username);
    }
    let shown = bo.get(&url).await.ok();
    assert_eq!(shown["name"], "insiders");
    assert!(shown["policy"].is_null() && shown["edit"].is_null(), "{shown}");
    assert_eq!(bo.get(POLICIES).await.ok().names(), ["insiders"]);
    let never = strange(&id);
    let missing = bo.get(&format!("{POLICIES}/{never}")).await;
    assert_eq!(missing.status, 404);
    g.anonymous().get(&url).await.not_signed_in();
}

async fn editors_change_a_policy_and_do_not_lose_it(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo] = [g.person("lin").await, g.person("bo").await];
    g.home().await;
    let edit = json!({"users": [lin.principal()]});
    let id = ada.post(POLICIES, json!({"name": "mine", "policy": "users", "edit": edit})).await.created().id();
    let url = format!("{POLICIES}/{id}");
    lin.patch(&url, json!({"policy": "members"})).await.ok();
    g.unchanged(async || {
        bo.patch(&url, json!({"policy": "nobody"})).await.refused(403, "forbidden");
        bo.delete(&url).await.refused(403, "forbidden");
        bo.post(POLICIES, json!({"name": "his", "policy": "users"})).await.refused(403, "forbidden");
        lin.patch(&url, json!({"edit": {"users": [bo.principal()]}})).await.refused(409, "lockout");
        // Together with a policy that is good, too: all of it or nothing.
        lin.patch(&url, json!({"policy": "users", "edit": "nobody"})).await.refused(409, "lockout");
        lin.patch(&url, json!({"policy": {"users": [format!("user:{}", strange(&bo.id))]}}))
            .await
            .invalid("/policy/users/0");
    })
    .await;
}

async fn a_named_policy_that_does_not_fit_is_refused(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    let home = g.home().await;
    let plain = named(&ada, "plain", json!("users")).await;
    let own = json!({"rules": [{"effect": "allow", "who": "owner"}], "default": "deny"});
    let owners = named(&ada, "owners", own.clone()).await;
    let hours =
        json!({"rules": [{"effect": "allow", "who": "users", "when": {"weekdays": ["mon"]}}], "default": "deny"});
    let mondays = named(&ada, "mondays", hours).await;
    ada.patch(&home.url(""), json!({"view": {"named": plain}})).await.ok();
    g.unchanged(async || {
        for id in [&owners, &mondays] {
            ada.patch(&home.url(""), json!({"view": {"named": id}})).await.invalid("/view");
        }
        ada.patch(&home.url(""), json!({"edit": {"named": owners}})).await.invalid("/edit");
        // Nor can one that a gate asks become such a one, directly or by way of another.
        ada.patch(&format!("{POLICIES}/{plain}"), json!({"policy": own})).await.refused(409, "conflict");
        ada.patch(&format!("{POLICIES}/{plain}"), json!({"policy": {"named": mondays}})).await.refused(409, "conflict");
        // Nor name itself.
        ada.patch(&format!("{POLICIES}/{plain}"), json!({"policy": {"named": plain}})).await.invalid("/policy");
        ada.patch(&home.url(""), json!({"view": {"named": strange(&plain)}})).await.invalid("/view/named");
    })
    .await;
}

async fn a_named_policy_in_use_is_not_deleted(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    let home = g.home().await;
    let id = named(&ada, "insiders", json!("users")).await;
    let url = format!("{POLICIES}/{id}");
    let task = ada.resource("task", "Guarded").space(&home).view(json!({"named": id})).create().await;
    g.unchanged(async || ada.delete(&url).await.refused(409, "conflict")).await;
    ada.delete(&task.url("")).await.done();
    let unused = named(&ada, "unused", json!("users")).await;
    ada.delete(&format!("{POLICIES}/{unused}")).await.done();
    ada.get(&format!("{POLICIES}/{unused}")).await.refused(404, "not_found");
}

async fn a_changed_policy_is_on_record_where_it_decides(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    g.home().await;
    let id = named(&ada, "insiders", json!({"users": [lin.principal()]})).await;
    let club = ada.space("Club").admin(&lin).with("view", json!({"named": id})).create().await;
    ada.patch(&format!("{POLICIES}/{id}"), json!({"policy": "users"})).await.ok();
    let told = lin.get(&club.url("/audit?action=policy.update")).await.ok();
    assert_eq!(told.items().len(), 1);
    assert!(!told.items()[0].to_string().contains("users"), "its text is for its editors: {told}");
    let whole = ada.get("/api/v1/audit?action=policy.update").await.ok();
    assert_eq!(whole.items()[0]["after"]["policy"], "users");
}

async fn names_of_policies_are_unique(g: Garth) {
    let ada = g.admin().await;
    named(&ada, "insiders", json!("users")).await;
    let other = named(&ada, "others", json!("users")).await;
    g.unchanged(async || {
        ada.post(POLICIES, json!({"name": "insiders", "policy": "users"})).await.refused(409, "conflict");
        ada.post(POLICIES, json!({"name": "@insiders", "policy": "users"})).await.invalid("/name");
        ada.patch(&format!("{POLICIES}/{other}"), json!({"name": "insiders"})).await.refused(409, "conflict");
    })
    .await;
}
