//! Stories about grants: who gives which role to whom, until when, that a space stays in charge of somebody, and what
//! a system administrator's registry shows.

use crate::support::*;

#[path = "tests/actors.rs"]
pub mod actors;
#[path = "tests/membership.rs"]
mod membership;

stories! {
    a_grant_counts_in_the_next_request,
    a_revoke_counts_in_the_next_request,
    a_revoke_holds_while_many_ask,
    a_repeated_grant_is_the_same_grant,
    a_grant_ends_when_it_expires,
    of_two_ways_in_the_longer_one_counts,
    only_admins_of_the_space_grant,
    nobody_grants_what_they_lack,
    strangers_are_refused_like_unknown_people,
    what_is_no_principal_role_or_time_is_refused,
    a_grant_of_another_space_is_missing_here,
    everyone_and_groups_hold_grants,
    the_last_admin_stays,
    two_admins_cannot_remove_each_other_at_once,
    an_admin_for_a_time_is_no_admin_to_rely_on,
    members_are_listed_with_where_from,
    the_registry_shows_entries_and_never_contents,
    a_sealed_space_is_in_no_registry,
    a_system_administrator_comes_in_by_a_grant_that_is_seen,
}

async fn a_grant_counts_in_the_next_request(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    g.home().await;
    let atlas = ada.space("Atlas").create().await;
    let task = ada.resource("task", "Fix the lift").space(&atlas).create().await;
    lin.get(&task.url("")).await.refused(404, "not_found");

    let grant = ada.grant(&atlas, &lin, "reader").await;
    assert_eq!(grant["principal"], lin.principal());
    assert_eq!(grant["role"], "reader");
    assert_eq!(grant["expires_at"], Value::Null);
    assert_eq!(grant["granted_by"], ada.principal());
    assert_eq!(grant["created_at"], g.time_in(0));
    lin.get(&task.url("")).await.ok();
    lin.patch(&task.url(""), json!({"name": "Fixed"})).await.refused(403, "forbidden");

    let url = atlas.url(&format!("/grants/{}", grant.id));
    assert_eq!(ada.patch(&url, json!({"role": "writer"})).await.ok()["role"], "writer");
    lin.patch(&task.url(""), json!({"name": "Fixed"})).await.ok();
    ada.patch(&url, json!({"role": "reader"})).await.ok();
    lin.patch(&task.url(""), json!({"name": "Broken"})).await.refused(403, "forbidden");
    let listed = ada.get(&atlas.url("/grants")).await.ok();
    assert!(listed.each("id").contains(&grant.id), "{listed}");
}

async fn a_revoke_counts_in_the_next_request(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    g.home().await;
    let atlas = ada.space("Atlas").create().await;
    let task = ada.resource("task", "Fix the lift").space(&atlas).create().await;
    for _ in 0..10 {
        let grant = ada.grant(&atlas, &lin, "writer").await;
        assert!(lin.may("write", "task", &task.id).await);
        assert_eq!(lin.get("/api/v1/resources?kind=task").await.ok().each("id"), [task.id.as_str()]);
        ada.revoke(&atlas, &grant).await;
        assert!(!lin.may("read", "task", &task.id).await);
        assert!(lin.get("/api/v1/resources?kind=task").await.ok().items().is_empty());
        lin.get(&task.url("")).await.refused(404, "not_found");
        let explained = lin.post("/api/v1/explain", lin.question("read", "task", &task.id)).await.ok();
        assert_eq!(explained["decision"], false);
        ada.delete(&atlas.url(&format!("/grants/{}", grant.id))).await.refused(404, "not_found");
    }
    g.restart().await;
    lin.get(&task.url("")).await.refused(404, "not_found");
}

/// No answer that was begun before the revoke leaves anything behind that allows one after it.
async fn a_revoke_holds_while_many_ask(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    g.home().await;
    let atlas = ada.space("Atlas").create().await;
    let task = ada.resource("task", "Fix the lift").space(&atlas).create().await;
    let ask = || {
        [
            lin.get(&task.url("")),
            lin.get("/api/v1/resources?kind=task"),
            lin.post("/access/v1/evaluation", lin.question("read", "task", &task.id)),
        ]
    };
    for _ in 0..5 {
        let grant = ada.grant(&atlas, &lin, "reader").await;
        let mut calls: Vec<_> = (0..10).flat_map(|_| ask()).collect();
        calls.insert(15, ada.delete(&atlas.url(&format!("/grants/{}", grant.id))));
        race(calls).await.remove(15).done();
        for answer in race((0..5).flat_map(|_| ask()).collect()).await {
            let text = String::from_utf8_lossy(&answer.bytes).into_owned();
            assert!(answer.status == 404 || !text.contains("true") && !text.contains(&task.id), "{answer}");
        }
    }
}

async fn a_repeated_grant_is_the_same_grant(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let home = g.home().await;
    let grant = ada.grant(&home, &lin, "reader").await;
    let body = json!({"principal": "user:@lin", "role": "reader"});
    g.unchanged(async || {
        let again = ada.post(&home.url("/grants"), body.clone()).await.ok();
        assert_eq!(again["id"], grant.id);
    })
    .await;
    ada.grant(&home, &lin, "writer").await;
    let of_lin = ada.get(&home.url("/grants")).await.ok().each("principal");
    assert_eq!(of_lin.iter().filter(|principal| **principal == lin.principal()).count(), 2);

    let bo = g.person("bo").await;
    let racing = (0..6).map(|_| ada.post(&home.url("/grants"), json!({"principal": bo.principal(), "role": "reader"})));
    let answers = race(racing.collect()).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert!(answers.iter().all(|answer| answer["id"] == answers[0]["id"]));
}

async fn a_grant_ends_when_it_expires(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    g.home().await;
    let atlas = ada.space("Atlas").create().await;
    let task = ada.resource("task", "Fix the lift").space(&atlas).create().await;
    let until = g.time_in(60 * SECOND);
    let body = json!({"principal": lin.principal(), "role": "reader", "expires_at": until});
    let grant = ada.post(&atlas.url("/grants"), body).await.created();
    assert_eq!(grant["expires_at"], until);

    g.pass(60 * SECOND - 1);
    lin.get(&task.url("")).await.ok();
    assert!(lin.may("read", "task", &task.id).await);
    g.pass(1);
    lin.get(&task.url("")).await.refused(404, "not_found");
    assert!(!lin.may("read", "task", &task.id).await);
    assert!(lin.get("/api/v1/resources?kind=task").await.ok().items().is_empty());
    assert!(!lin.get("/api/v1/spaces").await.ok().names().contains(&"Atlas".to_owned()));
    let members = ada.get(&atlas.url("/members")).await.ok();
    assert!(!members.each("principal").contains(&lin.principal()), "{members}");
    g.pass(1);
    lin.get(&task.url("")).await.refused(404, "not_found");

    // It can be granted anew, and a running grant can be made to end.
    let body = json!({"principal": lin.principal(), "role": "reader"});
    let anew = ada.post(&atlas.url("/grants"), body).await.done();
    assert_eq!(anew["expires_at"], Value::Null);
    lin.get(&task.url("")).await.ok();
    let url = atlas.url(&format!("/grants/{}", anew.id()));
    ada.patch(&url, json!({"expires_at": g.time_in(SECOND)})).await.ok();
    g.restart().await;
    lin.get(&task.url("")).await.ok();
    g.pass(SECOND);
    lin.get(&task.url("")).await.refused(404, "not_found");
    g.restart().await;
    lin.get(&task.url("")).await.refused(404, "not_found");
}

async fn of_two_ways_in_the_longer_one_counts(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    g.home().await;
    let atlas = ada.space("Atlas").create().await;
    let crew = ada.group("crew", &[&lin]).await;
    let until = |principal: String, seconds: i64| {
        let body = json!({"principal": principal, "role": "reader", "expires_at": g.time_in(seconds * SECOND)});
        ada.post(&atlas.url("/grants"), body)
    };
    until(lin.principal(), 10).await.created();
    until(format!("group:{}", crew.id), 20).await.created();
    g.pass(10 * SECOND);
    lin.get(&atlas.url("")).await.ok();
    g.pass(10 * SECOND);
    lin.get(&atlas.url("")).await.refused(404, "not_found");
}

async fn only_admins_of_the_space_grant(g: Garth) {
    let ada = g.admin().await;
    let boss = g.person("boss").await;
    let lin = g.person("lin").await;
    let bo = g.person("bo").await;
    g.home().await;
    let parent = ada.space("Parent").create().await;
    let atlas = ada.space("Atlas").under(&parent).create().await;
    ada.grant(&atlas, &boss, "admin").await;
    let grant = boss.grant(&atlas, &lin, "writer").await;
    let body = json!({"principal": bo.principal(), "role": "reader"});
    g.unchanged(async || {
        lin.post(&atlas.url("/grants"), body.clone()).await.refused(403, "forbidden");
        let url = atlas.url(&format!("/grants/{}", grant.id));
        lin.patch(&url, json!({"role": "admin"})).await.refused(403, "forbidden");
        lin.delete(&url).await.refused(403, "forbidden");
        bo.post(&atlas.url("/grants"), body.clone()).await.refused(404, "not_found");
        bo.delete(&url).await.refused(404, "not_found");
        g.anonymous().post(&atlas.url("/grants"), body.clone()).await.not_signed_in();
        // Being in charge of a space is nothing to the one above.
        boss.post(&parent.url("/grants"), json!({"principal": boss.principal(), "role": "admin"}))
            .await
            .refused(404, "not_found");
    })
    .await;
    boss.post(&atlas.url("/grants"), body).await.created();
}

async fn nobody_grants_what_they_lack(g: Garth) {
    let ada = g.admin().await;
    let keeper = g.person("keeper").await;
    let bo = g.person("bo").await;
    ada.kind("task").await;
    ada.role("doorkeeper", &["space:admin", "task:read"]).await;
    ada.role("looker", &["task:read"]).await;
    ada.role("doer", &["task:read", "task:write"]).await;
    g.home().await;
    let atlas = ada.space("Atlas").create().await;
    ada.grant(&atlas, &keeper, "doorkeeper").await;
    let grant = |role: &str| {
        let body = json!({"principal": bo.principal(), "role": role});
        keeper.post(&atlas.url("/grants"), body)
    };
    g.unchanged(async || {
        for role in ["admin", "writer", "reader", "doer"] {
            grant(role).await.refused(403, "forbidden");
        }
        let own = json!({"principal": keeper.principal(), "role": "admin"});
        keeper.post(&atlas.url("/grants"), own).await.refused(403, "forbidden");
    })
    .await;
    let looker = grant("looker").await.created();
    grant("doorkeeper").await.created();
    g.unchanged(async || {
        let url = atlas.url(&format!("/grants/{}", looker.id()));
        keeper.patch(&url, json!({"role": "doer"})).await.refused(403, "forbidden");
    })
    .await;
}

async fn strangers_are_refused_like_unknown_people(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let bo = g.person("bo").await;
    g.closed_home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    let club = ada.group("club", &[&bo]).await;
    let grant = |by: &Person, to: &str| by.post(&atlas.url("/grants"), json!({"principal": to, "role": "reader"}));
    g.unchanged(async || {
        let nobody = strange(&bo.id);
        let refused = grant(&lin, &bo.principal()).await.invalid("/principal");
        assert_missing(&refused, &bo.id, &grant(&lin, &format!("user:{nobody}")).await, &nobody);
        let refused = grant(&lin, "group:@club").await.invalid("/principal");
        assert_missing(&refused, "club", &grant(&lin, "group:@clab").await, "clab");
    })
    .await;
    // Whoever shares a space, or is a member, is seen and can be granted to.
    let other = ada.space("Other").create().await;
    ada.grant(&other, &lin, "reader").await;
    ada.grant(&other, &bo, "reader").await;
    grant(&lin, "user:@bo").await.created();
    ada.post(&club.url("/members"), json!({"member": lin.principal()})).await.done();
    grant(&lin, "group:@club").await.created();
}

async fn what_is_no_principal_role_or_time_is_refused(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let home = g.home().await;
    let grant = |body: Value| ada.post(&home.url("/grants"), body);
    let with = |field: &str, value: Value| {
        let mut body = json!({"principal": lin.principal(), "role": "reader"});
        body[field] = value;
        grant(body)
    };
    g.unchanged(async || {
        for bad in ["", "lin", "user:", "user:@", "user:@nobody", "robot:x", "user:a|b", "group:", "user:\u{0}"] {
            with("principal", json!(bad)).await.invalid("/principal");
        }
        with("principal", json!(["user:@lin"])).await.invalid("/principal");
        for bad in ["", "owner", "Reader", "reader "] {
            with("role", json!(bad)).await.invalid("/role");
        }
        for bad in [json!("tomorrow"), json!("2031-13-01T00:00:00Z"), json!("2031-05-05"), json!(7)] {
            with("expires_at", bad).await.invalid("/expires_at");
        }
        with("colour", json!("red")).await.invalid("/colour");
        grant(json!({"principal": lin.principal()})).await.invalid("/role");
        grant(json!({"role": "reader"})).await.invalid("/principal");
    })
    .await;
}

async fn a_grant_of_another_space_is_missing_here(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    g.home().await;
    let mine = ada.space("Mine").admin(&lin).create().await;
    let theirs = ada.space("Theirs").create().await;
    let grant = ada.grant(&theirs, &lin, "reader").await;
    let under = |space: &Thing, id: &str| space.url(&format!("/grants/{id}"));
    g.unchanged(async || {
        let wrong = lin.delete(&under(&mine, &grant.id)).await.refused(404, "not_found");
        let nothing = strange(&grant.id);
        assert_missing(&wrong, &grant.id, &lin.delete(&under(&mine, &nothing)).await, &nothing);
        lin.patch(&under(&mine, &grant.id), json!({"role": "admin"})).await.refused(404, "not_found");
    })
    .await;
}

async fn everyone_and_groups_hold_grants(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let bo = g.person("bo").await;
    g.closed_home().await;
    let atlas = ada.space("Atlas").create().await;
    let crew = ada.group("crew", &[&lin]).await;
    ada.grant(&atlas, &crew, "writer").await;
    assert_eq!(lin.get(&atlas.url("")).await.ok()["access"]["role"], "writer");
    bo.get(&atlas.url("")).await.refused(404, "not_found");

    let all = ada.grant(&atlas, "group:everyone", "reader").await;
    assert_eq!(all["principal"], "group:everyone");
    assert_eq!(bo.get(&atlas.url("")).await.ok()["access"]["role"], "reader");
    assert_eq!(lin.get(&atlas.url("")).await.ok()["access"]["role"], "writer", "roles only add");
    g.anonymous().get(&atlas.url("")).await.not_signed_in();
    ada.revoke(&atlas, &all).await;
    bo.get(&atlas.url("")).await.refused(404, "not_found");
}

async fn the_last_admin_stays(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let bo = g.person("bo").await;
    g.home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    let own = lin.get(&atlas.url("/grants")).await.ok().each("id").remove(0);
    let url = atlas.url(&format!("/grants/{own}"));
    g.unchanged(async || {
        lin.delete(&url).await.refused(409, "last_admin");
        lin.patch(&url, json!({"role": "writer"})).await.refused(409, "last_admin");
        lin.patch(&url, json!({"expires_at": g.time_in(60 * SECOND)})).await.refused(409, "last_admin");
    })
    .await;
    // An admin who cannot sign in, or a group of nobody, is nobody in charge.
    ada.patch(&format!("/api/v1/users/{}", bo.id), json!({"disabled": true})).await.ok();
    ada.grant_by_registry(&atlas, &bo, "admin").await;
    let empty = ada.group("empty", &[]).await;
    ada.grant_by_registry(&atlas, &empty, "admin").await;
    g.unchanged(async || lin.delete(&url).await.refused(409, "last_admin")).await;
    ada.patch(&format!("/api/v1/users/{}", bo.id), json!({"disabled": false})).await.ok();
    lin.delete(&url).await.done();
    lin.get(&atlas.url("")).await.refused(404, "not_found");
}

async fn two_admins_cannot_remove_each_other_at_once(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let bo = g.person("bo").await;
    g.home().await;
    for round in 0..5 {
        let atlas = ada.space(&format!("Atlas {round}")).admin(&lin).admin(&bo).create().await;
        let grants = lin.get(&atlas.url("/grants")).await.ok().items();
        let of = |person: &Person| {
            let grant = grants.iter().find(|grant| grant["principal"] == person.principal()).expect("a grant");
            atlas.url(&format!("/grants/{}", grant["id"].as_str().expect("an id")))
        };
        let answers = race(vec![lin.delete(&of(&bo)), bo.delete(&of(&lin))]).await;
        assert_eq!(answers.iter().filter(|answer| answer.status.is_success()).count(), 1);
    }
}

async fn an_admin_for_a_time_is_no_admin_to_rely_on(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let bo = g.person("bo").await;
    g.home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    let own = lin.get(&atlas.url("/grants")).await.ok().each("id").remove(0);
    let body = json!({"principal": bo.principal(), "role": "admin", "expires_at": g.time_in(3600 * SECOND)});
    lin.post(&atlas.url("/grants"), body).await.created();
    g.unchanged(async || {
        let url = atlas.url(&format!("/grants/{own}"));
        lin.delete(&url).await.refused(409, "last_admin");
        bo.delete(&url).await.refused(409, "last_admin");
    })
    .await;
}

async fn members_are_listed_with_where_from(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo, kim] = [g.person("lin").await, g.person("bo").await, g.person("kim").await];
    g.closed_home().await;
    let root = ada.space("Root").create().await;
    let child = ada.space("Child").under(&root).create().await;
    let crew = ada.group("crew", &[&bo]).await;
    ada.grant(&child, &lin, "writer").await;
    ada.grant(&child, &lin, "reader").await;
    ada.grant(&child, &crew, "reader").await;
    ada.grant(&root, &bo, "writer").await;

    let members = lin.all_pages(&child.url("/members"), 1).await;
    let find = |person: &Person| members.iter().find(|member| member["principal"] == person.principal());
    let of_lin = find(&lin).expect("lin");
    assert_eq!(of_lin["username"], "lin");
    assert_eq!(of_lin["role"], "writer");
    let from = |member: &Value| {
        let sources = member["sources"].as_array().expect("sources");
        let one = |source: &Value| {
            format!("{}:{}", source["from"].as_str().expect("from"), source["role"].as_str().expect("role"))
        };
        sorted(sources.iter().map(one).collect())
    };
    assert_eq!(from(of_lin), ["direct:reader", "direct:writer"]);
    let of_bo = find(&bo).expect("bo");
    assert_eq!(of_bo["role"], "writer");
    // Lin does not see the root: that the role comes from above is told, not from where.
    assert_eq!(from(of_bo), ["ancestor:writer", "group:reader"]);
    assert!(!of_bo.to_string().contains(&root.id), "a hidden ancestor is not named: {of_bo}");
    assert!(find(&kim).is_none());

    let as_admin = ada.get(&child.url("/members")).await.ok();
    assert!(as_admin.items().iter().any(|member| member.to_string().contains(&root.id)), "{as_admin}");
    kim.get(&child.url("/members")).await.refused(404, "not_found");

    ada.grant(&child, "group:everyone", "reader").await;
    let members = ada.get(&child.url("/members")).await.ok().items();
    let of_kim = members.iter().find(|member| member["principal"] == kim.principal()).expect("kim");
    assert_eq!(from(of_kim), ["everyone:reader"]);
}

async fn the_registry_shows_entries_and_never_contents(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    g.home().await;
    let atlas = ada.space("Atlas").admin(&lin).with("description", json!("Hush, a plan")).create().await;
    let task = lin.resource("task", "Hush, a task").space(&atlas).create().await;

    let registry = ada.get("/api/v1/registry/spaces").await.ok();
    let entry = registry.items().into_iter().find(|space| space["id"] == atlas.id).expect("an entry");
    assert_eq!(entry["name"], "Atlas");
    assert!(!String::from_utf8_lossy(&registry.bytes).contains("Hush"), "{registry}");
    let grants = ada.get(&format!("/api/v1/registry/spaces/{}/grants", atlas.id)).await.ok();
    assert_eq!(grants.each("principal"), [lin.principal()]);

    ada.get(&atlas.url("")).await.refused(404, "not_found");
    ada.get(&atlas.url("/grants")).await.refused(404, "not_found");
    ada.get(&atlas.url("/members")).await.refused(404, "not_found");
    ada.get(&atlas.url("/audit")).await.refused(404, "not_found");
    ada.get(&task.url("")).await.refused(404, "not_found");
    assert!(ada.get(&format!("/api/v1/resources?space={}", atlas.id)).await.ok().items().is_empty());
    g.unchanged(async || {
        lin.get("/api/v1/registry/spaces").await.refused(403, "forbidden");
        lin.get(&format!("/api/v1/registry/spaces/{}/grants", atlas.id)).await.refused(403, "forbidden");
        g.anonymous().get("/api/v1/registry/spaces").await.not_signed_in();
    })
    .await;
}

async fn a_sealed_space_is_in_no_registry(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    g.home().await;
    let crew = ada.group("crew", &[&lin]).await;
    g.unchanged(async || ada.space("Vault").sealed().admin(&crew).send().await.refused_somehow()).await;
    let vault = ada.space("Vault").sealed().admin(&lin).create().await;
    assert!(!ada.get("/api/v1/registry/spaces").await.ok().each("id").contains(&vault.id));
    let grants = |id: &str| format!("/api/v1/registry/spaces/{id}/grants");
    let body = json!({"principal": ada.principal(), "role": "admin"});
    g.unchanged(async || {
        let nowhere = strange(&vault.id);
        let hidden = ada.get(&grants(&vault.id)).await.refused(404, "not_found");
        assert_missing(&hidden, &vault.id, &ada.get(&grants(&nowhere)).await, &nowhere);
        let hidden = ada.post(&grants(&vault.id), body.clone()).await.refused(404, "not_found");
        assert_missing(&hidden, &vault.id, &ada.post(&grants(&nowhere), body.clone()).await, &nowhere);
        for group in ["group:everyone", "group:@crew"] {
            lin.post(&vault.url("/grants"), json!({"principal": group, "role": "reader"})).await.refused_somehow();
        }
    })
    .await;
    let bo = g.person("bo").await;
    lin.grant(&vault, &bo, "reader").await;
    bo.get(&vault.url("")).await.ok();
}

async fn a_system_administrator_comes_in_by_a_grant_that_is_seen(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    g.home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    ada.get(&atlas.url("")).await.refused(404, "not_found");
    let grant = ada.grant_by_registry(&atlas, &ada, "reader").await;
    ada.get(&atlas.url("")).await.ok();
    let audit = lin.get(&atlas.url("/audit")).await.ok();
    let seen = audit.items().into_iter().any(|entry| {
        entry["actor"] == ada.principal() && entry["target"]["id"] == grant.id && entry["outcome"] == "done"
    });
    assert!(seen, "the space's admin sees who let themselves in: {audit}");
    let url = format!("/api/v1/registry/spaces/{}/grants/{}", atlas.id, grant.id);
    ada.delete(&url).await.done();
    ada.get(&atlas.url("")).await.refused(404, "not_found");
}
