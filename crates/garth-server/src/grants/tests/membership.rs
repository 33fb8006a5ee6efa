//! Stories about one person in a space: another role, taken out, left; and with whom a space is left.

use crate::support::*;

stories! {
    a_member_is_given_another_role_as_a_whole,
    a_member_is_taken_out_as_a_whole,
    what_a_group_gives_is_not_taken_from_one_person,
    who_is_no_member_is_nobody,
    n48_nobody_makes_a_member_hold_what_they_lack,
    whoever_leaves_is_out_at_once,
    n49_the_last_admin_is_no_member_less,
    what_a_session_brings_is_nobody_in_charge,
    the_registry_tells_who_is_in_charge,
}

fn member(space: &Thing, person: &Person) -> String {
    space.url(&format!("/members/{}", person.id))
}

/// What somebody holds in a space by grants of their own, `role` or `role until …`.
async fn own(by: &Person, space: &Thing, person: &Person) -> Vec<String> {
    let grants = by.get(&space.url("/grants")).await.ok().items();
    let own = grants.iter().filter(|grant| grant["principal"] == person.principal());
    let text = |grant: &Value| match grant["expires_at"].as_str() {
        Some(end) => format!("{} until {end}", grant["role"].as_str().expect("a role")),
        None => grant["role"].as_str().expect("a role").to_owned(),
    };
    sorted(own.map(text).collect())
}

async fn a_member_is_given_another_role_as_a_whole(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo] = [g.person("lin").await, g.person("bo").await];
    ada.kind("task").await;
    g.home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    let first = lin.grant(&atlas, &bo, "writer").await;
    g.pass(SECOND);
    lin.grant(&atlas, &bo, "reader").await;
    let changed = lin.patch(&member(&atlas, &bo), json!({"role": "admin"})).await.ok();
    assert_eq!((changed.id(), &changed["role"], &changed["expires_at"]), (first.id, &json!("admin"), &Value::Null));
    assert_eq!(own(&lin, &atlas, &bo).await, ["admin"]);
    bo.get(&atlas.url("/grants")).await.ok();
    let audit = lin.get(&atlas.url("/audit?action=member.update")).await.ok().items();
    assert_eq!(audit.len(), 2, "the one that went and the one that was changed: {audit:?}");

    // A role that is there already is the one that stays; an end stays unless it is said.
    let end = g.time_in(3600 * SECOND);
    lin.patch(&member(&atlas, &bo), json!({"role": "reader", "expires_at": end})).await.ok();
    assert_eq!(own(&lin, &atlas, &bo).await, [format!("reader until {end}")]);
    lin.grant(&atlas, &bo, "writer").await;
    lin.patch(&member(&atlas, &bo), json!({"role": "writer"})).await.ok();
    assert_eq!(own(&lin, &atlas, &bo).await, ["writer"]);
    g.unchanged(async || {
        lin.patch(&member(&atlas, &bo), json!({"role": "writer"})).await.ok();
        lin.patch(&atlas.url("/members/@bo?dry_run=true"), json!({"role": "reader"})).await.ok();
    })
    .await;
    lin.patch(&atlas.url("/members/@bo"), json!({"role": "reader", "expires_at": end})).await.ok();

    // What is over gives nothing, and comes back only for a time that is said.
    g.pass(2 * 3600 * SECOND);
    bo.get(&atlas.url("")).await.refused(404, "not_found");
    g.unchanged(async || {
        lin.patch(&member(&atlas, &bo), json!({"role": "writer"})).await.invalid("/expires_at");
        let past = json!({"role": "writer", "expires_at": g.time_in(-SECOND)});
        lin.patch(&member(&atlas, &bo), past).await.invalid("/expires_at");
        lin.patch(&member(&atlas, &bo), json!({"role": "emperor", "expires_at": null})).await.invalid("/role");
        lin.patch(&member(&atlas, &bo), json!({"expires_at": null})).await.invalid("/role");
        lin.patch(&member(&atlas, &bo), json!({"role": "reader", "who": "bo"})).await.invalid("/who");
    })
    .await;
    lin.patch(&member(&atlas, &bo), json!({"role": "writer", "expires_at": null})).await.ok();
    assert_eq!(own(&lin, &atlas, &bo).await, ["writer"]);
    bo.resource("task", "Fix the lift").space(&atlas).create().await;
}

async fn a_member_is_taken_out_as_a_whole(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo, kim] = [g.person("lin").await, g.person("bo").await, g.person("kim").await];
    g.closed_home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    for role in ["reader", "writer"] {
        ada.grant_by_registry(&atlas, &bo, role).await;
    }
    ada.grant_by_registry(&atlas, &kim, "writer").await;
    let phone = bo.sign_in("bo").await;
    g.unchanged(async || {
        kim.delete(&member(&atlas, &bo)).await.refused(403, "forbidden");
        kim.patch(&member(&atlas, &bo), json!({"role": "reader"})).await.refused(403, "forbidden");
        g.anonymous().delete(&member(&atlas, &bo)).await.not_signed_in();
        lin.delete(&atlas.url(&format!("/members/{}?dry_run=true", bo.id))).await.done();
    })
    .await;
    lin.delete(&member(&atlas, &bo)).await.expect_status(204);
    // Whatever token they hold.
    for token in [&bo, &phone] {
        token.get(&atlas.url("")).await.refused(404, "not_found");
        assert!(token.get("/api/v1/me").await.ok()["spaces"].as_array().expect("spaces").is_empty());
    }
    let audit = lin.get(&atlas.url("/audit?action=member.remove&outcome=done")).await.ok();
    assert_eq!(audit.each("outcome"), ["done", "done"]);
    // Out they are strangers: the same request again tells no more than one about nobody.
    g.unchanged(async || {
        let missing = strange(&bo.id);
        let again = lin.delete(&member(&atlas, &bo)).await.refused(404, "not_found");
        assert_missing(&again, &bo.id, &lin.delete(&atlas.url(&format!("/members/{missing}"))).await, &missing);
        lin.get(&format!("/api/v1/users/{}", bo.id)).await.refused(404, "not_found");
    })
    .await;
    // A grant that is over is taken along.
    let until = json!({"principal": bo.principal(), "role": "reader", "expires_at": g.time_in(SECOND)});
    ada.post(&format!("/api/v1/registry/spaces/{}/grants", atlas.id), until).await.created();
    g.pass(2 * SECOND);
    lin.delete(&member(&atlas, &bo)).await.done();
    assert!(own(&lin, &atlas, &bo).await.is_empty());
}

async fn what_a_group_gives_is_not_taken_from_one_person(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo, kim] = [g.person("lin").await, g.person("bo").await, g.person("kim").await];
    g.closed_home().await;
    let root = ada.space("Root").admin(&lin).create().await;
    let atlas = ada.space("Atlas").under(&root).admin(&lin).create().await;
    let crew = ada.group("crew", &[&bo]).await;
    ada.grant_by_registry(&atlas, &crew, "reader").await;
    ada.grant_by_registry(&root, &kim, "reader").await;
    g.unchanged(async || {
        for person in [&bo, &kim] {
            lin.delete(&member(&atlas, person)).await.refused(409, "conflict");
            lin.patch(&member(&atlas, person), json!({"role": "writer"})).await.refused(409, "conflict");
            person.post(&atlas.url("/leave"), json!({})).await.refused(409, "conflict");
        }
    })
    .await;
    // What is their own goes, and the group's stays.
    ada.grant_by_registry(&atlas, &bo, "writer").await;
    lin.delete(&member(&atlas, &bo)).await.done();
    assert_eq!(bo.get(&atlas.url("")).await.ok()["access"]["role"], "reader");
}

async fn who_is_no_member_is_nobody(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo, mia] = [g.person("lin").await, g.person("bo").await, g.person("mia").await];
    g.closed_home().await;
    let [atlas, beta, vault] = [
        ada.space("Atlas").admin(&lin).create().await,
        ada.space("Beta").admin(&lin).create().await,
        ada.space("Vault").admin(&mia).create().await,
    ];
    ada.grant_by_registry(&beta, &bo, "reader").await;
    let nobody = strange(&mia.id);
    let calls: [fn(&Person, &str) -> Call; 2] =
        [|by, path| by.delete(path), |by, path| by.patch(path, json!({"role": "reader"}))];
    g.unchanged(async || {
        // Bo is known to lin from elsewhere, mia is hidden, the third never was: here they are one.
        for (one, other) in [(&bo.id, &nobody), (&mia.id, &nobody), (&"@mia".to_owned(), &"@zzz".to_owned())] {
            let [one, other] = [one, other].map(|id| atlas.url(&format!("/members/{id}")));
            for call in calls {
                let there = call(&lin, &one).await.refused(404, "not_found");
                assert_same(&there, &call(&lin, &other).await);
            }
        }
        for by in [&lin, &ada] {
            by.delete(&member(&vault, &mia)).await.refused(404, "not_found");
            by.patch(&member(&vault, &mia), json!({"role": "reader"})).await.refused(404, "not_found");
        }
    })
    .await;
}

async fn n48_nobody_makes_a_member_hold_what_they_lack(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo, kim] = [g.person("lin").await, g.person("bo").await, g.person("kim").await];
    ada.kind("task").await;
    g.closed_home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    ada.role("steward", &["space:admin", "task:read"]).await;
    ada.grant_by_registry(&atlas, &bo, "steward").await;
    ada.grant_by_registry(&atlas, &kim, "reader").await;
    let key = lin.key(&atlas, "steward", "steward").await;
    g.unchanged(async || {
        for role in ["admin", "writer", "reader"] {
            for whom in [&kim, &bo] {
                bo.patch(&member(&atlas, whom), json!({"role": role})).await.refused(403, "forbidden");
                key.patch(&member(&atlas, whom), json!({"role": role})).await.refused(403, "forbidden");
            }
        }
    })
    .await;
    bo.patch(&member(&atlas, &kim), json!({"role": "steward"})).await.ok();
    // A sealed space takes built-in roles only.
    let vault = ada.space("Vault").sealed().admin(&lin).create().await;
    lin.grant(&vault, &kim, "reader").await;
    g.unchanged(async || lin.patch(&member(&vault, &kim), json!({"role": "steward"})).await.invalid("/role")).await;
}

async fn whoever_leaves_is_out_at_once(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo] = [g.person("lin").await, g.person("bo").await];
    g.closed_home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    for role in ["reader", "writer"] {
        ada.grant_by_registry(&atlas, &bo, role).await;
    }
    g.unchanged(async || {
        let tried = bo.post(&atlas.url("/leave?dry_run=true"), json!({})).await.ok();
        assert_eq!(tried["account_deleted"], false);
    })
    .await;
    assert_eq!(bo.post(&atlas.url("/leave"), json!({})).await.ok()["account_deleted"], false);
    bo.get(&atlas.url("")).await.refused(404, "not_found");
    bo.post(&atlas.url("/leave"), json!({})).await.refused(404, "not_found");
    let notice = bo.get("/api/v1/me").await.ok();
    assert!(notice["notice"].is_string(), "in no space, and told so: {notice}");
    assert_eq!(lin.get(&atlas.url("/audit?action=space.leave")).await.ok().items().len(), 2);
    g.restart().await;
    bo.get(&atlas.url("")).await.refused(404, "not_found");
}

async fn n49_the_last_admin_is_no_member_less(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo] = [g.person("lin").await, g.person("bo").await];
    ada.kind("task").await;
    g.closed_home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    ada.grant_by_registry(&atlas, &bo, "writer").await;
    let key = lin.key(&atlas, "boss", "admin").await;
    let end = g.time_in(3600 * SECOND);
    g.unchanged(async || {
        for by in [&lin, &key] {
            by.delete(&member(&atlas, &lin)).await.refused(409, "last_admin");
            by.patch(&member(&atlas, &lin), json!({"role": "writer"})).await.refused(409, "last_admin");
            let for_a_time = json!({"role": "admin", "expires_at": end});
            by.patch(&member(&atlas, &lin), for_a_time).await.refused(409, "last_admin");
        }
        lin.delete(&atlas.url(&format!("/members/{}?dry_run=true", lin.id))).await.refused(409, "last_admin");
    })
    .await;
    // By a role of one's own making, which is edited away; in a space that moves, is archived, and comes back.
    let top = ada.space("Top").admin(&lin).create().await;
    lin.patch(&atlas.url(""), json!({"parent": top.id})).await.ok();
    let keeper = ada.role("keeper", &["space:admin", "task:read"]).await;
    lin.grant(&atlas, &lin, "keeper").await;
    lin.patch(&member(&atlas, &lin), json!({"role": "keeper"})).await.ok();
    lin.post(&top.url("/archive"), json!({})).await.ok();
    g.unchanged(async || {
        ada.patch(&keeper.url(""), json!({"permissions": ["task:read"]})).await.refused(409, "last_admin");
        ada.delete(&keeper.url("")).await.refused(409, "conflict");
        lin.delete(&member(&atlas, &lin)).await.refused(409, "last_admin");
        ada.patch(&format!("/api/v1/users/{}", lin.id), json!({"disabled": true})).await.refused(409, "last_admin");
    })
    .await;
    lin.patch(&member(&atlas, &bo), json!({"role": "keeper"})).await.ok();
    lin.delete(&member(&atlas, &lin)).await.done();
    g.unchanged(async || {
        ada.patch(&keeper.url(""), json!({"permissions": ["task:read"]})).await.refused(409, "last_admin");
    })
    .await;
}

/// A login policy makes somebody administrator for a session: the space relies on others.
async fn what_a_session_brings_is_nobody_in_charge(g: Garth) {
    let ada = g.admin().await;
    g.closed_home().await;
    let bo = g.person("bo").await;
    let atlas = ada.space("Atlas").create().await;
    let rego =
        format!("package garth\nallow if true\nspace_admin contains {:?} if input.session.login == \"bo\"", atlas.id);
    let policy = json!({"name": "chiefs", "rego": rego, "version": "v1", "enabled": true});
    ada.post("/api/v1/login-policies", policy).await.created();
    let bo = bo.sign_in("bo").await;
    bo.get(&atlas.url("/grants")).await.ok();
    g.unchanged(async || {
        ada.post(&atlas.url("/leave"), json!({})).await.refused(409, "last_admin");
        bo.delete(&member(&atlas, &ada)).await.refused(409, "last_admin");
        // What the session brings is not taken from one person either.
        ada.delete(&member(&atlas, &bo)).await.refused(409, "conflict");
    })
    .await;
}

async fn the_registry_tells_who_is_in_charge(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let charge =
        async |of: &str| sorted(ada.get(&format!("/api/v1/registry/spaces?in_charge={of}")).await.ok().names());
    assert_eq!(charge("nobody").await, [""], "the default space that nobody has named");
    g.home().await;
    let top = ada.space("Top").admin(&lin).create().await;
    let below = lin.space("Below").under(&top).with("admins", json!([])).send().await;
    below.refused(403, "forbidden");
    ada.patch("/api/v1/settings", json!({"create_spaces": "space_admins"})).await.ok();
    let below = lin.space("Below").under(&top).with("admins", json!([])).create().await;
    let vault = lin.space("Vault").under(&top).sealed().create().await;
    assert_eq!(charge("own").await, ["Home", "Top"], "what is sealed is in no registry");
    assert_eq!(charge("above").await, ["Below"]);
    assert!(charge("nobody").await.is_empty());
    let entry = async |space: &Thing| ada.get(&format!("/api/v1/registry/spaces/{}", space.id)).await;
    assert_eq!(entry(&below).await.ok()["in_charge"], "above");
    assert_eq!(entry(&top).await.ok()["in_charge"], "own");
    entry(&vault).await.refused(404, "not_found");
    g.unchanged(async || {
        ada.get("/api/v1/registry/spaces?in_charge=everybody").await.invalid("?in_charge");
        lin.get("/api/v1/registry/spaces?in_charge=nobody").await.refused(403, "forbidden");
    })
    .await;
}
