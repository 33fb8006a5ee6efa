//! What the Spaces of Phorge do, row by row of `reference/phorge.md`: the default space, who sees what, and who locks
//! themselves out; policies have a file of their own. Each story bears the number of its row; where it speaks of a leak, the leak is closed here.
//! Rows about archiving, moving and searching are told beside those nouns.

use crate::support::*;

#[path = "phorge/policies.rs"]
mod policies;

stories! {
    p1_01_without_spaces_nobody_meets_the_concept,
    p1_02_the_first_space_is_the_default_for_ever,
    p1_03_the_default_has_one_encoding,
    p1_05_what_lies_in_a_space_goes_with_it,
    p1_06_a_space_only_takes_away,
    p1_07_no_exception_passes_the_gate,
    p1_08_the_owner_of_a_task_is_an_exception_and_its_author_none,
    p1_11_public_needs_both_and_never_edits,
    p1_12_an_administrator_matches_admins_and_nothing_else,
    p1_14_who_may_create_spaces_is_a_setting,
    p1_15_editing_a_space_needs_its_own_policies,
    p1_16_self_lockout_is_judged_after_the_whole_request,
    p1_18_a_new_resource_goes_to_a_space_one_sees,
    p1_25_controls_appear_with_the_second_visible_space,
    p1_28_who_sees_no_space_is_told_so_and_signs_out,
}

const RESOURCES: &str = "/api/v1/resources";

async fn p1_01_without_spaces_nobody_meets_the_concept(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    let task = lin.resource("task", "Fix the lift").create().await;
    for person in [&ada, &lin] {
        let me = person.get("/api/v1/me").await.ok();
        assert_eq!((&me["controls"], &me["notice"], &me["default_space"]), (&json!(false), &Value::Null, &Value::Null));
        assert_eq!(person.get(RESOURCES).await.ok().each("id"), std::slice::from_ref(&task.id));
        let spaces = person.get("/api/v1/spaces").await.ok();
        assert_eq!(spaces.items().len(), 1, "the one that everything is in");
        assert_eq!((&spaces.items()[0]["name"], &spaces.items()[0]["default"]), (&json!(""), &json!(true)));
    }
    // Everybody is a writer in it, and nobody has to say where.
    lin.patch(&task.url(""), json!({"name": "Mend the lift"})).await.ok();
    assert!(lin.may("write", "task", &task.id).await);
}

async fn p1_02_the_first_space_is_the_default_for_ever(g: Garth) {
    let ada = g.admin().await;
    let home = ada.space("Home").with("view", json!("users")).create().await;
    let other = ada.space("Other").create().await;
    assert_eq!((&home["default"], &other["default"]), (&json!(true), &json!(false)));
    g.unchanged(async || {
        ada.patch(&other.url(""), json!({"default": true})).await.invalid("/default");
        ada.patch(&home.url(""), json!({"default": false})).await.invalid("/default");
        ada.patch(&home.url(""), json!({"sealed": true})).await.refused_somehow();
        ada.delete(&home.url("?confirm=Home")).await.refused(409, "conflict");
    })
    .await;
    // Archived it stays the default, and is not deleted either.
    ada.call(axum::http::Method::POST, &home.url("/archive")).await.ok();
    g.unchanged(async || ada.delete(&home.url("?confirm=Home")).await.refused(409, "conflict")).await;
    assert_eq!(ada.get(&home.url("")).await.ok()["default"], true);
}

async fn p1_03_the_default_has_one_encoding(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    let before = ada.resource("task", "Before any space").create().await;
    let rows = g.rows("resources").await;
    let home = ada.space("Home").with("view", json!("users")).create().await;
    assert_eq!(g.rows("resources").await, rows, "no row is rewritten");
    assert_eq!(before["space"], home.id, "it was there from the start, under the same id");
    let implied = ada.resource("task", "Nowhere said").create().await;
    let named = ada.resource("task", "Said").space(&home).create().await;
    for task in [&before, &implied, &named] {
        assert_eq!(ada.get(&task.url("")).await.ok()["space"], home.id);
    }
    let found = ada.get(&format!("{RESOURCES}?space={}", home.id)).await.ok();
    assert_eq!(found.items().len(), 3, "a list of the default finds them all");
    // Moving to where it lies is no change, however it came there.
    let moved = ada.post(&before.url("/move"), json!({"space": home.id})).await.ok();
    assert_eq!(moved["version"], before["version"]);
    g.unchanged(async || {
        for odd in [json!(""), json!(null), json!("default")] {
            ada.post(&before.url("/move"), json!({"space": odd})).await.invalid("/space");
        }
    })
    .await;
}

async fn p1_05_what_lies_in_a_space_goes_with_it(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    g.home().await;
    let atlas = ada.space("Atlas").create().await;
    let task = ada.resource("task", "Inside").space(&atlas).create().await;
    ada.call(axum::http::Method::POST, &atlas.url("/archive")).await.ok();
    ada.delete(&atlas.url("?confirm=Atlas")).await.done();
    ada.get(&task.url("")).await.refused(404, "not_found");
    assert!(!g.rows("resources").await.iter().any(|row| row.contains(&task.id)), "nothing is stranded");
}

async fn p1_06_a_space_only_takes_away(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo] = [g.person("lin").await, g.person("bo").await];
    ada.kind("task").await;
    g.home().await;
    let edit = json!({"users": [ada.principal()]});
    let atlas = ada.space("Atlas").with("view", json!("users")).with("edit", edit).create().await;
    ada.grant(&atlas, &lin, "writer").await;
    let task = ada.resource("task", "Fix").space(&atlas).create().await;
    // Who may not edit the space edits what lies in it; who passes its gate sees no contents by that.
    lin.patch(&atlas.url(""), json!({"name": "Mine"})).await.refused(403, "forbidden");
    lin.patch(&task.url(""), json!({"name": "Fixed"})).await.ok();
    bo.get(&atlas.url("")).await.ok();
    bo.get(&task.url("")).await.refused(404, "not_found");
    // A policy of the resource that lets everybody in is worth nothing behind a gate that does not.
    ada.patch(&task.url(""), json!({"view": "users", "edit": "users"})).await.ok();
    bo.patch(&task.url(""), json!({"name": "By bo"})).await.ok();
    ada.patch(&atlas.url(""), json!({"view": "members"})).await.ok();
    bo.get(&task.url("")).await.refused(404, "not_found");
}

async fn p1_07_no_exception_passes_the_gate(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo] = [g.person("lin").await, g.person("bo").await];
    let all = json!({"author": ["view", "edit"], "owner": ["view", "edit"], "subscribers": ["view", "edit"]});
    ada.kind_with("task", json!({"exceptions": all})).await;
    g.home().await;
    let atlas = ada.space("Atlas").admin(&bo).create().await;
    let grant = ada.grant_by_registry(&atlas, &lin, "writer").await;
    let subscribers = json!([lin.principal()]);
    let task = lin.resource("task", "Hers").space(&atlas).owner(&lin).with("subscribers", subscribers).create().await;
    ada.delete(&format!("/api/v1/registry/spaces/{}/grants/{}", atlas.id, grant.id)).await.done();
    for person in [&lin, &ada] {
        let missing = person.get(&format!("{RESOURCES}/{}", strange(&task.id))).await;
        assert_missing(&person.get(&task.url("")).await, &task.id, &missing, &strange(&task.id));
        assert!(!person.get(RESOURCES).await.ok().each("id").contains(&task.id));
        person.get(&atlas.url("")).await.refused(404, "not_found");
    }
}

async fn p1_08_the_owner_of_a_task_is_an_exception_and_its_author_none(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo] = [g.person("lin").await, g.person("bo").await];
    ada.kind_with("task", json!({"exceptions": {"owner": ["view", "edit"]}})).await;
    g.home().await;
    let shut = json!({"users": [ada.principal()]});
    let task = lin.resource("task", "Handed over").owner(&bo).create().await;
    ada.patch(&task.url(""), json!({"view": shut, "edit": shut})).await.ok();
    lin.get(&task.url("")).await.refused(404, "not_found");
    bo.patch(&task.url(""), json!({"name": "Done"})).await.ok();
}

async fn p1_11_public_needs_both_and_never_edits(g: Garth) {
    let ada = g.admin().await;
    ada.kind("page").await;
    g.home().await;
    let shut = ada.space("Shut").with("view", json!("users")).create().await;
    let open = ada.space("Open").with("view", json!("public")).create().await;
    let page = |space: &Thing, view: &str| {
        ada.resource("page", "Page").space(space).view(json!(view)).edit(json!("public")).create()
    };
    let (both, half, other) = (page(&open, "public").await, page(&open, "users").await, page(&shut, "public").await);
    let nobody = g.anonymous();
    for thing in [&both, &half, &other] {
        nobody.get(&thing.url("")).await.not_signed_in();
    }
    ada.patch("/api/v1/settings", json!({"public_access": true})).await.ok();
    nobody.get(&both.url("")).await.ok();
    for thing in [&half, &other] {
        nobody.get(&thing.url("")).await.not_signed_in();
    }
    assert_eq!(nobody.get(RESOURCES).await.ok().each("id"), std::slice::from_ref(&both.id));
    g.unchanged(async || nobody.patch(&both.url(""), json!({"name": "Defaced"})).await.not_signed_in()).await;
}

async fn p1_12_an_administrator_matches_admins_and_nothing_else(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    g.home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    let task = lin.resource("task", "Hers").space(&atlas).create().await;
    ada.get(&atlas.url("")).await.refused(404, "not_found");
    ada.get(&task.url("")).await.refused(404, "not_found");
    let rules = json!([{"effect": "allow", "who": "admins"}, {"effect": "allow", "who": "members"}]);
    let admins = json!({"rules": rules, "default": "deny"});
    lin.patch(&atlas.url(""), json!({"view": admins})).await.ok();
    ada.get(&atlas.url("")).await.ok();
    ada.get(&task.url("")).await.refused(404, "not_found");
    lin.patch(&task.url(""), json!({"view": admins})).await.ok();
    ada.get(&task.url("")).await.ok();
}

async fn p1_14_who_may_create_spaces_is_a_setting(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo] = [g.person("lin").await, g.person("bo").await];
    let home = g.home().await;
    g.unchanged(async || lin.space("Mine").send().await.refused(403, "forbidden")).await;
    let made = ada.space("Defaults").create().await;
    assert_eq!((&made["view"], &made["edit"]), (&json!("members"), &json!({"permission": "space:admin"})));
    ada.patch("/api/v1/settings", json!({"create_spaces": "space_admins"})).await.ok();
    let team = ada.space("Team").under(&home).admin(&lin).create().await;
    lin.space("Below").under(&team).create().await;
    g.unchanged(async || {
        lin.space("Root").send().await.refused(403, "forbidden");
        bo.space("Below").under(&home).send().await.refused(403, "forbidden");
    })
    .await;
    ada.patch("/api/v1/settings", json!({"create_spaces": "users"})).await.ok();
    let mine = bo.space("Mine").create().await;
    assert_eq!(mine["access"]["role"], "admin", "and whoever makes one is in charge of it");
}

async fn p1_15_editing_a_space_needs_its_own_policies(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo] = [g.person("lin").await, g.person("bo").await];
    g.home().await;
    let both = json!({"users": [lin.principal(), ada.principal()]});
    let atlas = ada.space("Atlas").with("view", both.clone()).with("edit", both).create().await;
    lin.patch(&atlas.url(""), json!({"description": "Hers to change"})).await.ok();
    // Whoever made it has no way of their own: out of the policies is out.
    let only_lin = json!({"users": [lin.principal()]});
    lin.patch(&atlas.url(""), json!({"view": only_lin, "edit": only_lin})).await.ok();
    g.unchanged(async || {
        for person in [&ada, &bo] {
            person.patch(&atlas.url(""), json!({"name": "Taken"})).await.refused(404, "not_found");
            person.call(axum::http::Method::POST, &atlas.url("/archive")).await.refused(404, "not_found");
        }
    })
    .await;
    lin.call(axum::http::Method::POST, &atlas.url("/archive")).await.ok();
}

async fn p1_16_self_lockout_is_judged_after_the_whole_request(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind_with("task", json!({"exceptions": {"owner": ["view", "edit"]}})).await;
    g.home().await;
    // The owner comes in the same request as the policy that shuts everybody else out.
    let own = lin.resource("task", "Hers").view(json!("nobody")).edit(json!("nobody")).owner(&lin).create().await;
    let by = json!({"rules": [{"effect": "allow", "who": "subscribers"}], "default": "deny"});
    let followed = lin.resource("task", "Followed").view(by.clone()).edit(by.clone());
    followed.with("subscribers", json!([lin.principal()])).create().await;
    g.unchanged(async || {
        // Nothing is assumed that the request does not say.
        lin.resource("task", "Not followed").view(by.clone()).send().await.refused(409, "lockout");
        lin.patch(&own.url(""), json!({"owner": ada.principal()})).await.refused(409, "lockout");
        lin.resource("task", "Nobody's").view(json!("nobody")).send().await.refused(409, "lockout");
        // Seeing is not enough, nor is editing alone.
        lin.resource("task", "Only seen").edit(json!("nobody")).send().await.refused(409, "lockout");
        let batch =
            json!({"resources": [{"kind": "task", "name": "Good"}, {"kind": "task", "name": "Bad", "view": "nobody"}]});
        lin.post(&format!("{RESOURCES}/batch"), batch).await.refused(409, "lockout");
    })
    .await;
    // Everybody else may be locked out, and the policy may change together with the owner.
    lin.patch(&own.url(""), json!({"owner": null, "view": "users", "edit": "users"})).await.ok();
}

async fn p1_18_a_new_resource_goes_to_a_space_one_sees(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    let home = g.closed_home().await;
    g.unchanged(async || lin.resource("task", "Nowhere").send().await.invalid("/space")).await;
    let old = ada.space("Old").create().await;
    g.pass(SECOND);
    let new = ada.space("New").create().await;
    for space in [&new, &old] {
        ada.grant(space, &lin, "writer").await;
    }
    assert_eq!(lin.resource("task", "To the oldest").create().await["space"], old.id);
    ada.call(axum::http::Method::POST, &old.url("/archive")).await.ok();
    assert_eq!(lin.resource("task", "Not to an archived one").create().await["space"], new.id);
    ada.grant(&home, &lin, "writer").await;
    assert_eq!(lin.resource("task", "To the default").create().await["space"], home.id);
    lin.patch("/api/v1/me", json!({"default_space": new.id})).await.ok();
    assert_eq!(lin.resource("task", "To her own").create().await["space"], new.id);
    // All of them archived: it is refused, and does not vanish into one (Q1).
    for space in [&home, &new] {
        ada.call(axum::http::Method::POST, &space.url("/archive")).await.ok();
    }
    g.unchanged(async || lin.resource("task", "Nowhere").send().await.invalid("/space")).await;
}

async fn p1_25_controls_appear_with_the_second_visible_space(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let home = g.home().await;
    let atlas = ada.space("Atlas").create().await;
    let me = |person: &Person| person.get("/api/v1/me");
    assert_eq!(me(&ada).await.ok()["controls"], true);
    let seen = me(&lin).await.ok();
    assert_eq!((&seen["controls"], seen["spaces"].as_array().map(Vec::len)), (&json!(false), Some(1)));
    ada.grant(&atlas, &lin, "reader").await;
    assert_eq!(me(&lin).await.ok()["controls"], true);
    // Archived ones count.
    ada.call(axum::http::Method::POST, &atlas.url("/archive")).await.ok();
    let seen = me(&lin).await.ok();
    assert_eq!(seen["controls"], true);
    // A label is shown for what is not the default: each says whether it is.
    let defaults: Vec<&Value> =
        seen["spaces"].as_array().expect("spaces").iter().filter(|space| space["default"] == true).collect();
    assert_eq!(defaults.len(), 1);
    assert_eq!(defaults[0]["id"], home.id);
}

async fn p1_28_who_sees_no_space_is_told_so_and_signs_out(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    g.closed_home().await;
    let me = lin.get("/api/v1/me").await.ok();
    assert_eq!((&me["spaces"], &me["controls"]), (&json!([]), &json!(false)));
    assert!(me["notice"].as_str().is_some_and(|text| text.contains("no space") && text.contains("sign out")), "{me}");
    for list in ["/api/v1/spaces", RESOURCES, "/api/v1/groups"] {
        assert!(lin.get(list).await.ok().items().is_empty(), "{list}");
    }
    lin.get("/api/v1/kinds").await.ok();
    lin.get("/api/v1/me/sessions").await.ok();
    lin.patch("/api/v1/me", json!({"name": "Lin"})).await.ok();
    g.unchanged(async || lin.resource("task", "Nowhere").send().await.invalid("/space")).await;
    // The same words for everybody: nothing tells how many spaces there are.
    let bo = g.person("bo").await;
    ada.space("Another").create().await;
    assert_eq!(bo.get("/api/v1/me").await.ok()["notice"], me["notice"]);
    lin.call(axum::http::Method::POST, "/api/v1/logout").await.done();
    lin.get("/api/v1/me").await.not_signed_in();
}
