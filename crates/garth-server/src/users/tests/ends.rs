//! Stories about how accounts end: what stops, what stays, and what an installation may choose.

use crate::support::*;
use axum::http::Method;

stories! {
    what_ends_with_an_account_and_what_stays,
    a_disabled_account_holds_nothing_until_it_is_enabled,
    n56_nobody_speaks_for_another_persons_account,
    an_account_stays_without_a_membership,
    an_installation_may_let_accounts_end_with_the_last_membership,
    what_gives_a_role_keeps_an_account,
    an_account_ends_once_and_whole,
}

fn url(person: &Person) -> String {
    format!("/api/v1/users/{}", person.id)
}

async fn what_ends_with_an_account_and_what_stays(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo] = [g.person("lin").await, g.person("bo").await];
    ada.kind("task").await;
    g.closed_home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    let beta = ada.space("Beta").admin(&lin).create().await;
    let crew = ada.group("crew", &[&bo]).await;
    ada.grant_by_registry(&beta, &crew, "reader").await;
    ada.grant_by_registry(&atlas, &bo, "admin").await;
    let named =
        json!({"rules": [{"effect": "allow", "who": {"users": [bo.principal(), lin.principal()]}}], "default": "deny"});
    let task = bo.resource("task", "Fix the lift").space(&atlas).view(named).owner(&bo).create().await;
    let people = json!({"subscribers": [lin.principal(), bo.principal()]});
    let version = lin.patch(&task.url(""), people).await.ok()["version"].as_i64().expect("a version");
    let etag = lin.get(&task.url("")).await.ok().header("etag").to_owned();
    let key = bo.key(&atlas, "nightly", "reader").await;
    let phone = bo.sign_in("bo").await;
    let codes = bo.post("/api/v1/me/recovery-codes", json!({"current": password("bo")})).await.ok();
    let signup = ada.post("/api/v1/users", json!({"username": "kim"})).await.created();

    g.unchanged(async || {
        ada.delete(&format!("{}?dry_run=true", url(&bo))).await.done();
        lin.delete(&url(&bo)).await.refused(403, "forbidden");
    })
    .await;
    ada.delete(&url(&bo)).await.expect_status(204);

    // What stops: their sessions, their ways in, what they held and belonged to, and what they followed.
    let recover =
        json!({"username": "bo", "recovery_code": codes["recovery_codes"][0], "new_password": "quite another staple"});
    g.unchanged(async || {
        for token in [&bo, &phone] {
            token.get("/api/v1/me").await.not_signed_in();
            token.get(&task.url("")).await.not_signed_in();
        }
        let login = json!({"username": "bo", "password": password("bo")});
        g.anonymous().post("/api/v1/login", login).await.refused(401, "wrong_credentials");
        g.anonymous().post("/api/v1/recover", recover).await.refused(401, "wrong_credentials");
        for by in [&ada, &lin] {
            by.get(&url(&bo)).await.refused(404, "not_found");
        }
        ada.patch(&url(&bo), json!({"disabled": false})).await.refused(404, "not_found");
        ada.delete(&url(&bo)).await.refused(404, "not_found");
        let member = json!({"member": bo.principal()});
        ada.post(&crew.url("/members"), member).await.invalid("/member");
        let grant = json!({"principal": bo.principal(), "role": "reader"});
        ada.post(&format!("/api/v1/registry/spaces/{}/grants", atlas.id), grant).await.invalid("/principal");
        lin.patch(&task.url(""), json!({"owner": bo.principal()})).await.invalid("/owner");
    })
    .await;
    assert_eq!(lin.get(&atlas.url("/members")).await.ok().each("username"), ["lin"]);
    assert!(!lin.get(&atlas.url("/grants")).await.ok().each("principal").contains(&bo.principal()));
    assert!(ada.get(&crew.url("/members")).await.ok().items().is_empty());
    let answer = lin.get(&task.url("")).header("if-none-match", &etag).await.ok();
    assert_eq!(answer["subscribers"], json!([lin.principal()]));
    assert_eq!(answer["version"], version + 1, "whoever holds the former version reads it again");
    for table in ["sessions", "recovery_codes", "signup_tokens", "group_members", "grants", "resource_subscribers"] {
        // A grant that they gave, to their key, is no grant to them.
        let left = g.rows(table).await.into_iter().filter(|row| row.contains(&bo.id) && !row.contains("key:"));
        let left: Vec<_> = left.collect();
        assert!(left.is_empty(), "{table}: {left:?}");
    }

    // What stays: what they made, with its author and owner by their id; keys, which belong to the space; the record.
    assert_eq!(answer["author"], bo.principal());
    assert_eq!(answer["owner"], bo.principal());
    key.get("/api/v1/resources").await.ok();
    let audit = lin.get(&atlas.url("/audit?action=user.delete")).await.ok().items();
    assert_eq!((audit.len(), &audit[0]["before"]["roles"]), (1, &json!(["admin"])));
    assert_eq!(audit[0]["before"]["username"], "bo");
    let made = lin.get(&atlas.url(&format!("/audit?actor={}", bo.principal()))).await.ok();
    assert!(!made.items().is_empty());
    assert_eq!(lin.get(&beta.url("/audit?action=user.delete")).await.ok().items().len(), 1);
    g.restart().await;
    bo.get("/api/v1/me").await.not_signed_in();
    assert_eq!(lin.get(&task.url("")).await.ok()["author"], bo.principal());

    // An account that nobody has begun ends with its link.
    ada.delete("/api/v1/users/@kim").await.done();
    let token = json!({"token": signup.text("signup_token"), "password": password("kim")});
    g.anonymous().post("/api/v1/signup", token).await.refused(404, "not_found");
}

async fn a_disabled_account_holds_nothing_until_it_is_enabled(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo, mia] = [g.person("lin").await, g.person("bo").await, g.person("mia").await];
    ada.kind("task").await;
    g.closed_home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    let room = ada.space("Room").admin(&mia).create().await;
    ada.grant_by_registry(&atlas, &bo, "writer").await;
    let crew = ada.group("crew", &[&bo]).await;
    ada.grant_by_registry(&atlas, &crew, "reader").await;
    // Room's gate names the group; bo is nobody there.
    let gate = json!({"rules": [
        {"effect": "deny", "who": {"groups_any": [crew.principal()]}},
        {"effect": "allow", "who": "members"},
    ], "default": "deny"});
    ada.grant_by_registry(&room, &ada, "admin").await;
    ada.patch(&room.url(""), json!({"view": gate})).await.ok();
    ada.patch(&url(&bo), json!({"disabled": true})).await.ok();
    ada.patch(&url(&bo), json!({"disabled": true, "name": "Bo B."})).await.ok();
    assert_eq!(lin.get(&atlas.url("/members")).await.ok().each("username"), ["lin"]);
    lin.get(&url(&bo)).await.refused(404, "not_found");
    // Meanwhile they can be taken out, or be given another role: the space's administrators see their grant.
    lin.patch(&atlas.url(&format!("/members/{}", bo.id)), json!({"role": "reader"})).await.ok();
    ada.patch(&url(&bo), json!({"disabled": false})).await.ok();
    let bo = g.anonymous().sign_in("bo").await;
    assert_eq!(bo.get(&atlas.url("")).await.ok()["access"]["role"], "reader");

    // On record where they hold something, with who it is; where only a policy names a group of theirs, with the id alone.
    let audit = lin.get(&atlas.url("/audit?action=user.update")).await.ok().items();
    let disabled = |entry: &Value, when: &str| entry[when]["disabled"].clone();
    assert_eq!(audit.len(), 2);
    assert_eq!((disabled(&audit[0], "before"), disabled(&audit[0], "after")), (json!(true), json!(false)));
    assert_eq!((disabled(&audit[1], "before"), disabled(&audit[1], "after")), (json!(false), json!(true)));
    assert_eq!(audit[0]["after"]["username"], "bo");
    let audit = mia.get(&room.url("/audit?action=user.update")).await.ok();
    assert_eq!(audit.items().len(), 2);
    assert!(!audit.json.to_string().contains("\"bo\""), "{audit}");
}

async fn n56_nobody_speaks_for_another_persons_account(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo] = [g.person("lin").await, g.person("bo").await];
    g.closed_home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    ada.grant_by_registry(&atlas, &bo, "reader").await;
    let member = atlas.url(&format!("/members/{}", bo.id));
    g.unchanged(async || {
        for field in ["password", "email", "email_verified", "username", "name", "disabled", "default_space"] {
            let mut body = json!({"role": "reader"});
            body[field] = json!("x");
            lin.patch(&member, body).await.invalid(&format!("/{field}"));
        }
        for field in ["password", "email_verified", "recovery_codes", "default_space", "username", "deleted"] {
            ada.patch(&url(&bo), json!({field: "x"})).await.invalid(&format!("/{field}"));
            bo.patch("/api/v1/me", json!({field: true})).await.problem(422);
        }
        bo.patch("/api/v1/me", json!({"email": "bo@atlas.example"})).await.invalid("/email");
        for (method, path) in [(Method::PATCH, url(&bo)), (Method::DELETE, url(&bo)), (Method::DELETE, url(&lin))] {
            lin.call(method, &path).json(json!({})).await.refused(403, "forbidden");
        }
    })
    .await;
}

async fn an_account_stays_without_a_membership(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo] = [g.person("lin").await, g.person("bo").await];
    g.closed_home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    ada.grant_by_registry(&atlas, &bo, "reader").await;
    lin.delete(&atlas.url(&format!("/members/{}", bo.id))).await.done();
    assert_eq!(bo.get("/api/v1/me").await.ok()["user"]["username"], "bo");
    ada.get(&url(&bo)).await.ok();
}

async fn an_installation_may_let_accounts_end_with_the_last_membership(g: Garth) {
    let ada = g.admin().await;
    let mut people = Vec::new();
    for name in ["lin", "ann", "ben", "cem", "dan", "eva"] {
        people.push(g.person(name).await);
    }
    let [lin, ann, ben, cem, dan, eva] = <[Person; 6]>::try_from(people).unwrap_or_else(|_| panic!("six people"));
    ada.kind("task").await;
    g.closed_home().await;
    let [atlas, beta] = [ada.space("Atlas").admin(&lin).create().await, ada.space("Beta").admin(&lin).create().await];
    ada.grant_by_registry(&atlas, &ann, "writer").await;
    ada.grant_by_registry(&atlas, &ann, "reader").await;
    let of_ben = ada.grant_by_registry(&atlas, &ben, "reader").await;
    ada.grant_by_registry(&atlas, &cem, "reader").await;
    let crew = ada.group("crew", &[&dan]).await;
    ada.grant_by_registry(&atlas, &crew, "reader").await;
    ada.grant_by_registry(&atlas, &eva, "reader").await;
    ada.grant_by_registry(&beta, &eva, "reader").await;
    let task = ann.resource("task", "Fix the lift").space(&atlas).create().await;
    let wish = ada.patch("/api/v1/settings", json!({"delete_with_last_membership": true})).await.ok();
    assert_eq!(wish["delete_with_last_membership"], true);

    // Somebody else takes them out: the answer is the same whether or not their account ends.
    let member = |person: &Person| atlas.url(&format!("/members/{}", person.id));
    g.unchanged(async || lin.delete(&format!("{}?dry_run=true", member(&ann))).await.done()).await;
    let gone = lin.delete(&member(&ann)).await.expect_status(204);
    assert_same(&gone, &lin.delete(&member(&eva)).await.expect_status(204));
    ann.get("/api/v1/me").await.not_signed_in();
    eva.get("/api/v1/me").await.ok();
    // Strangers or gone: to lin it is one.
    lin.get(&url(&ann)).await.refused(404, "not_found");
    ada.get(&url(&ann)).await.refused(404, "not_found");
    assert_eq!(lin.get(&task.url("")).await.ok()["author"], ann.principal());
    lin.delete(&atlas.url(&format!("/grants/{}", of_ben.id))).await.expect_status(204);
    ben.get("/api/v1/me").await.not_signed_in();
    // They leave by themselves, and are told.
    g.unchanged(async || {
        let tried = cem.post(&atlas.url("/leave?dry_run=true"), json!({})).await.ok();
        assert_eq!(tried["account_deleted"], true);
    })
    .await;
    let left = cem.post(&atlas.url("/leave"), json!({})).header("idempotency-key", "once").await.ok();
    assert_eq!(left["account_deleted"], true);
    cem.get("/api/v1/me").await.not_signed_in();
    cem.post(&atlas.url("/leave"), json!({})).header("idempotency-key", "once").await.not_signed_in();
    // A group was all that gave them a role.
    ada.delete(&crew.url(&format!("/members/{}", dan.principal()))).await.done();
    dan.get("/api/v1/me").await.not_signed_in();

    // On record for system administrators, with who did it; the space's record tells of its own grants only.
    let audit = ada.get("/api/v1/audit?action=user.delete&limit=100").await.ok().items();
    assert_eq!(audit.len(), 4);
    assert!(audit.iter().any(|entry| entry["actor"] == lin.principal() && entry["before"]["username"] == "ann"));
    assert!(audit.iter().any(|entry| entry["actor"] == cem.principal() && entry["before"]["username"] == "cem"));
    assert!(lin.get(&atlas.url("/audit?action=user.delete")).await.ok().items().is_empty());
    // The name is free, and whoever has it next is somebody else.
    let again = g.person("ann").await;
    again.get(&task.url("")).await.refused(404, "not_found");
}

async fn what_gives_a_role_keeps_an_account(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo, kim] = [g.person("lin").await, g.person("bo").await, g.person("kim").await];
    ada.patch("/api/v1/settings", json!({"delete_with_last_membership": true})).await.ok();
    let home = g.home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    let out = async |person: &Person| {
        ada.grant_by_registry(&atlas, person, "reader").await;
        lin.delete(&atlas.url(&format!("/members/{}", person.id))).await.done();
        person.get("/api/v1/me").await.ok();
    };
    // Everyone has a role at home.
    out(&bo).await;
    let everyone = ada.get(&home.url("/grants")).await.ok().items();
    let everyone = everyone.iter().find(|grant| grant["principal"] == "group:everyone").expect("a grant");
    ada.delete(&home.url(&format!("/grants/{}", everyone["id"].as_str().expect("an id")))).await.done();
    // A group in a group holds one somewhere.
    let inner = ada.group("inner", &[&bo]).await;
    let outer = ada.group("outer", &[&inner]).await;
    let of_outer = ada.grant_by_registry(&home, &outer, "reader").await;
    out(&bo).await;
    // What nobody takes away from this person in particular ends no account: a group's grant, a space, time.
    ada.revoke(&home, &of_outer).await;
    bo.get("/api/v1/me").await.ok();
    let until = json!({"principal": kim.principal(), "role": "writer", "expires_at": g.time_in(SECOND)});
    ada.post(&format!("/api/v1/registry/spaces/{}/grants", atlas.id), until).await.created();
    g.pass(2 * SECOND);
    kim.get("/api/v1/me").await.ok();
    let room = ada.space("Room").admin(&lin).create().await;
    ada.grant_by_registry(&room, &kim, "reader").await;
    lin.post(&room.url("/archive"), json!({})).await.ok();
    lin.delete(&room.url("?confirm=Room")).await.ok();
    kim.get("/api/v1/me").await.ok();
    // Nor does the account of somebody end who manages the installation.
    ada.patch(&url(&kim), json!({"system_admin": true})).await.ok();
    out(&kim).await;
    // What is over keeps nobody.
    ada.patch(&url(&kim), json!({"system_admin": false})).await.ok();
    let until = json!({"principal": kim.principal(), "role": "reader", "expires_at": g.time_in(SECOND)});
    ada.post(&format!("/api/v1/registry/spaces/{}/grants", home.id), until).await.created();
    g.pass(2 * SECOND);
    ada.grant_by_registry(&atlas, &kim, "writer").await;
    lin.delete(&atlas.url(&format!("/members/{}", kim.id))).await.done();
    kim.get("/api/v1/me").await.not_signed_in();
    // What gave nothing takes nothing: somebody new is put into a group without a role, and out of it again.
    let new = g.person("new").await;
    let empty = ada.group("empty", &[&new]).await;
    ada.delete(&empty.url(&format!("/members/{}", new.principal()))).await.done();
    new.get("/api/v1/me").await.ok();
    let until = json!({"principal": new.principal(), "role": "reader", "expires_at": g.time_in(SECOND)});
    let over = ada.post(&format!("/api/v1/registry/spaces/{}/grants", home.id), until).await.created();
    g.pass(2 * SECOND);
    ada.delete(&format!("/api/v1/registry/spaces/{}/grants/{}", home.id, over.id())).await.done();
    new.get("/api/v1/me").await.ok();
}

/// Two take somebody out of their last two spaces at once; the account ends with the later of the two, and once.
async fn an_account_ends_once_and_whole(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    g.closed_home().await;
    let [atlas, beta] = [ada.space("Atlas").admin(&lin).create().await, ada.space("Beta").admin(&lin).create().await];
    ada.patch("/api/v1/settings", json!({"delete_with_last_membership": true})).await.ok();
    for round in 0..20 {
        let user = ada.post("/api/v1/users", json!({"username": format!("person{round}")})).await.created();
        let principal = format!("user:{}", user.id());
        for space in [&atlas, &beta] {
            ada.grant_by_registry(space, principal.as_str(), "reader").await;
        }
        let out = |space: &Thing| lin.delete(&space.url(&format!("/members/{}", user.id())));
        for answer in race(vec![out(&atlas), out(&beta)]).await {
            answer.expect_status(204);
        }
        ada.get(&format!("/api/v1/users/{}", user.id())).await.refused(404, "not_found");
    }
    assert_eq!(ada.all_pages("/api/v1/audit?action=user.delete", 100).await.len(), 20);
}
