//! Stories about accounts: who makes them, disables them, deletes them, and that somebody stays in charge.

use crate::support::*;
use axum::http::Method;
use garth_server::Limits;

#[path = "tests/directory.rs"]
mod directory;
#[path = "tests/ends.rs"]
mod ends;

stories! {
    a_system_administrator_makes_accounts,
    only_system_administrators_manage_accounts,
    n14_no_link_follows_the_host_header,
    nobody_sets_another_persons_password,
    usernames_are_unique_and_bounded,
    accounts_are_listed_page_by_page_without_secrets,
    disabled_means_out_at_once,
    disabling_meets_requests_under_way,
    an_administrator_ends_somebodys_sessions,
    n67_names_follow_one_rule_and_ids_are_exact,
    the_last_system_administrator_stays,
    two_administrators_cannot_demote_each_other_at_once,
    the_last_admin_of_a_space_is_neither_disabled_nor_deleted,
    a_name_used_again_inherits_nothing,
    strangers_do_not_see_one_another,
}

fn url(person: &Person) -> String {
    format!("/api/v1/users/{}", person.id)
}

async fn a_system_administrator_makes_accounts(g: Garth) {
    let ada = g.admin().await;
    let body = json!({"username": "lin", "name": "Lin Chen", "email": "lin@atlas.example"});
    let lin = ada.post("/api/v1/users", body).await.created();
    assert_eq!(lin["username"], "lin");
    assert_eq!(lin["name"], "Lin Chen");
    assert_eq!(lin["email"], "lin@atlas.example");
    assert_eq!(lin["system_admin"], false);
    assert_eq!(lin["disabled"], false);
    assert!(lin.text("signup_link").contains(&lin.text("signup_token")));

    let one = format!("/api/v1/users/{}", lin.id());
    assert_eq!(ada.get(&one).await.ok()["email"], "lin@atlas.example");
    let patch = json!({"name": "Lin", "email": "lin@example.org", "system_admin": true});
    let patched = ada.patch(&one, patch).await.ok();
    assert_eq!(patched["name"], "Lin");
    assert_eq!(patched["email"], "lin@example.org");
    assert_eq!(patched["system_admin"], true);

    ada.delete(&one).await.done();
    ada.get(&one).await.refused(404, "not_found");
    ada.patch(&one, json!({"name": "Gone"})).await.refused(404, "not_found");
}

async fn only_system_administrators_manage_accounts(g: Garth) {
    let lin = g.person("lin").await;
    let bo = g.person("bo").await;
    g.unchanged(async || {
        for (method, path, body) in [
            (Method::POST, "/api/v1/users".to_owned(), json!({"username": "eve"})),
            (Method::PATCH, url(&bo), json!({"disabled": true})),
            (Method::PATCH, url(&lin), json!({"system_admin": true})),
            (Method::DELETE, url(&bo), Value::Null),
        ] {
            let call = |by: &Person| {
                let call = by.call(method.clone(), &path);
                if body.is_null() { call } else { call.json(body.clone()) }
            };
            call(&lin).await.refused(403, "forbidden");
            call(&g.anonymous()).await.not_signed_in();
        }
    })
    .await;
}

async fn n14_no_link_follows_the_host_header(g: Garth) {
    let ada = g.admin().await;
    let proxies = vec!["127.0.0.1/32".parse().expect("a network")];
    g.limit(Limits { trusted_proxies: proxies, ..g.limits() }).await;
    let user = ada
        .post("/api/v1/users", json!({"username": "lin"}))
        .header("host", "evil.example")
        .header("x-forwarded-host", "evil.example")
        .header("forwarded", "host=evil.example")
        .await
        .created();
    assert!(user.text("signup_link").starts_with(PUBLIC_URL), "{user}");
    assert!(!String::from_utf8_lossy(&user.bytes).contains("evil"), "{user}");
    let discovery = g
        .anonymous()
        .get("/.well-known/authzen-configuration")
        .header("host", "evil.example")
        .header("x-forwarded-host", "evil.example")
        .header("x-forwarded-proto", "gopher")
        .header("forwarded", "for=1.2.3.4;host=evil.example;proto=gopher")
        .await
        .ok();
    assert_same(&discovery, &g.anonymous().get("/.well-known/authzen-configuration").await);
}

async fn nobody_sets_another_persons_password(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    g.unchanged(async || {
        let created = json!({"username": "eve", "password": password("eve")});
        ada.post("/api/v1/users", created).await.invalid("/password");
        ada.patch(&url(&lin), json!({"password": password("eve")})).await.invalid("/password");
        ada.patch(&url(&lin), json!({"email_verified": true})).await.invalid("/email_verified");
    })
    .await;
    g.anonymous().sign_in("lin").await;
}

async fn usernames_are_unique_and_bounded(g: Garth) {
    let ada = g.admin().await;
    g.person("lin").await;
    g.unchanged(async || {
        ada.post("/api/v1/users", json!({"username": "lin"})).await.refused(409, "conflict");
        ada.post("/api/v1/users", json!({"username": "LIN"})).await.refused(409, "conflict");
        ada.post("/api/v1/users", json!({"username": " lin "})).await.refused_somehow();
        ada.post("/api/v1/users", json!({})).await.invalid("/username");
        ada.post("/api/v1/users", json!({"username": 7})).await.invalid("/username");
        for bad in ["", "  ", &"x".repeat(256), "a\u{0}b", "a\nb"] {
            ada.post("/api/v1/users", json!({"username": bad})).await.invalid("/username");
        }
    })
    .await;
    let racing = (0..6).map(|_| ada.post("/api/v1/users", json!({"username": "kim"}))).collect();
    let answers = race(racing).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    for answer in answers.into_iter().filter(|answer| answer.status != 201) {
        answer.refused(409, "conflict");
    }
}

async fn accounts_are_listed_page_by_page_without_secrets(g: Garth) {
    let ada = g.admin().await;
    for number in 0..7 {
        ada.post("/api/v1/users", json!({"username": format!("person{number}")})).await.created();
    }
    let all: Vec<_> = ada.all_pages("/api/v1/users", 3).await;
    assert_eq!(all.len(), 8);
    for user in &all {
        let fields = user.as_object().expect("a user");
        for secret in fields.keys() {
            let harmless = !["token", "hash", "link", "codes"].iter().any(|word| secret.contains(word));
            assert!(harmless, "a list of users carries {secret}");
        }
    }
}

async fn disabled_means_out_at_once(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let phone = lin.sign_in("lin").await;
    let codes = lin.post("/api/v1/me/recovery-codes", json!({"current": password("lin")})).await.ok();
    let code = codes["recovery_codes"][0].clone();
    lin.get("/api/v1/me").await.ok();
    ada.patch(&url(&lin), json!({"disabled": true})).await.ok();

    let login = json!({"username": "lin", "password": password("lin")});
    let recover = json!({"username": "lin", "recovery_code": code, "new_password": "quite another staple"});
    g.unchanged(async || {
        lin.get("/api/v1/me").await.not_signed_in();
        phone.get("/api/v1/me/sessions").await.not_signed_in();
        lin.post("/access/v1/evaluation", lin.question("read", "space", &lin.id)).await.not_signed_in();
        g.anonymous().post("/api/v1/login", login).await.refused(401, "wrong_credentials");
        g.anonymous().post("/api/v1/recover", recover.clone()).await.refused(401, "wrong_credentials");
    })
    .await;
    g.restart().await;
    lin.get("/api/v1/me").await.not_signed_in();

    // Enabled again, they sign in anew: what was ended stays ended.
    ada.patch(&url(&lin), json!({"disabled": false})).await.ok();
    lin.get("/api/v1/me").await.not_signed_in();
    phone.get("/api/v1/me").await.not_signed_in();
    g.anonymous().sign_in("lin").await;
    g.anonymous().post("/api/v1/recover", recover).await.ok();

    // Who has not signed up yet does not get in by the link either, until they are enabled.
    let bo = ada.post("/api/v1/users", json!({"username": "bo"})).await.created();
    let signup = json!({"token": bo.text("signup_token"), "password": password("bo")});
    let strange = json!({"token": strange(&bo.text("signup_token")), "password": password("bo")});
    let account = format!("/api/v1/users/{}", bo.id());
    ada.patch(&account, json!({"disabled": true})).await.ok();
    g.unchanged(async || {
        let refused = g.anonymous().post("/api/v1/signup", signup.clone()).await.refused(404, "not_found");
        assert_same(&refused, &g.anonymous().post("/api/v1/signup", strange).await);
    })
    .await;
    ada.patch(&account, json!({"disabled": false})).await.ok();
    g.anonymous().post("/api/v1/signup", signup).await.created();
}

async fn disabling_meets_requests_under_way(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let body = json!({"username": "lin", "password": password("lin")});
    let mut calls: Vec<_> = (0..6).map(|_| g.anonymous().post("/api/v1/login", body.clone())).collect();
    calls.push(ada.patch(&url(&lin), json!({"disabled": true})));
    calls.extend((0..6).map(|number| lin.patch("/api/v1/me", json!({"name": format!("Lin {number}")}))));
    // Some came before and some after; none of them left a way in behind.
    for answer in race(calls).await {
        if let Some(token) = answer["token"].as_str() {
            lin.with_token(token).get("/api/v1/me").await.not_signed_in();
        }
    }
    lin.get("/api/v1/me").await.not_signed_in();
}

async fn an_administrator_ends_somebodys_sessions(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let phone = lin.sign_in("lin").await;
    let bo = g.person("bo").await;
    let sessions = |of: &Person| format!("{}/sessions", url(of));
    g.unchanged(async || {
        bo.delete(&sessions(&lin)).await.refused(403, "forbidden");
        lin.delete(&sessions(&lin)).await.refused(403, "forbidden");
        g.anonymous().delete(&sessions(&lin)).await.not_signed_in();
        ada.delete(&format!("/api/v1/users/{}/sessions", strange(&lin.id))).await.refused(404, "not_found");
    })
    .await;
    lin.get("/api/v1/me").await.ok();
    ada.delete(&sessions(&lin)).await.done();
    lin.get("/api/v1/me").await.not_signed_in();
    phone.get("/api/v1/me").await.not_signed_in();
    bo.get("/api/v1/me").await.ok();
    g.anonymous().sign_in("lin").await.get("/api/v1/me").await.ok();
    let record = ada.all_pages("/api/v1/audit?action=user.end_sessions", 100).await;
    let done = record.iter().find(|entry| entry["outcome"] == "done").expect("on record");
    assert_eq!(done["target"]["id"], lin.id);
    assert_eq!(done["after"]["sessions_ended"], 2);
}

async fn n67_names_follow_one_rule_and_ids_are_exact(g: Garth) {
    let ada = g.admin().await;
    let (composed, apart) = ("Ren\u{e9}e", "Rene\u{301}e");
    let user = ada.post("/api/v1/users", json!({"username": apart})).await.created();
    assert_eq!(user["username"], composed);
    let signup = json!({"token": user.text("signup_token"), "password": password("x")});
    g.anonymous().post("/api/v1/signup", signup).await.created();
    for name in [composed, apart, "REN\u{c9}E", "rENE\u{301}e"] {
        g.unchanged(async || {
            ada.post("/api/v1/users", json!({"username": name})).await.refused(409, "conflict");
        })
        .await;
        g.anonymous().post("/api/v1/login", json!({"username": name, "password": password("x")})).await.ok();
        let found = ada.get(&format!("/api/v1/users/@{}", percent(name))).await.ok();
        assert_eq!(found["id"], user["id"]);
        let listed = ada.get(&format!("/api/v1/users?q={}", percent(name))).await.ok();
        assert_eq!(listed.items().len(), 1);
    }
    // Groups, roles and named policies: the same rule, but with regard to case.
    let named = |name: &str| {
        let policy = json!({"name": name, "policy": "users", "edit": "admins"});
        let role = json!({"name": name, "permissions": ["space:admin"]});
        [("groups", json!({"name": name})), ("roles", role), ("policies", policy)]
    };
    for ((noun, first), (_, second)) in named(apart).into_iter().zip(named(composed)) {
        let path = format!("/api/v1/{noun}");
        let made = ada.post(&path, first).await.created();
        assert_eq!(made["name"], composed);
        ada.post(&path, second).await.refused(409, "conflict");
        let at = if noun == "roles" { "" } else { "@" };
        for name in [composed, apart] {
            assert_eq!(ada.get(&format!("{path}/{at}{}", percent(name))).await.ok()["id"], made["id"]);
        }
        ada.get(&format!("{path}/{at}{}", percent("REN\u{c9}E"))).await.refused(404, "not_found");
        ada.get(&format!("{path}/{}", made.id().to_uppercase())).await.refused(404, "not_found");
        g.restart().await;
        assert_eq!(ada.get(&format!("{path}/{at}{}", percent(apart))).await.ok()["id"], made["id"]);
    }
    // Ids are compared to the byte: in another form they are nobody's.
    for odd in [user.id().to_uppercase(), user.id().replace('-', ""), format!("{{{}}}", user.id())] {
        ada.get(&format!("/api/v1/users/{}", percent(&odd))).await.refused(404, "not_found");
    }
    let home = g.home().await;
    ada.get(&format!("/api/v1/spaces/{}", home.id.to_uppercase())).await.refused(404, "not_found");
    let grant = json!({"principal": format!("user:{}", user.id().to_uppercase()), "role": "reader"});
    g.unchanged(async || ada.post(&home.url("/grants"), grant).await.invalid("/principal")).await;
}

async fn the_last_system_administrator_stays(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    g.unchanged(async || {
        ada.patch(&url(&ada), json!({"system_admin": false})).await.refused(409, "last_admin");
        ada.patch(&url(&ada), json!({"disabled": true})).await.refused(409, "last_admin");
        ada.delete(&url(&ada)).await.refused(409, "last_admin");
    })
    .await;
    // A disabled administrator is in charge of nothing, so Ada is still the last.
    ada.patch(&url(&lin), json!({"system_admin": true})).await.ok();
    ada.patch(&url(&lin), json!({"disabled": true})).await.ok();
    ada.patch(&url(&ada), json!({"system_admin": false})).await.refused(409, "last_admin");
    ada.patch(&url(&lin), json!({"disabled": false})).await.ok();
    ada.patch(&url(&ada), json!({"system_admin": false})).await.ok();
    ada.post("/api/v1/users", json!({"username": "eve"})).await.refused(403, "forbidden");
}

async fn two_administrators_cannot_demote_each_other_at_once(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.patch(&url(&lin), json!({"system_admin": true})).await.ok();
    let demote = |by: &Person, whom: &Person| by.patch(&url(whom), json!({"system_admin": false}));
    let answers = race(vec![demote(&ada, &lin), demote(&lin, &ada)]).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
}

async fn the_last_admin_of_a_space_is_neither_disabled_nor_deleted(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let bo = g.person("bo").await;
    g.home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    g.unchanged(async || {
        ada.patch(&url(&lin), json!({"disabled": true})).await.refused(409, "last_admin");
        ada.delete(&url(&lin)).await.refused(409, "last_admin");
    })
    .await;
    lin.grant(&atlas, &bo, "admin").await;
    ada.delete(&url(&lin)).await.done();
    lin.get("/api/v1/me").await.not_signed_in();
    g.unchanged(async || ada.delete(&url(&bo)).await.refused(409, "last_admin")).await;
}

async fn a_name_used_again_inherits_nothing(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    g.home().await;
    let atlas = ada.space("Atlas").create().await;
    ada.grant(&atlas, &lin, "writer").await;
    let owner = json!({"users": [lin.principal()]});
    ada.group("triage", &[&lin]).await;
    lin.resource("task", "Lin's own").space(&atlas).view(owner).owner(&lin).create().await;
    ada.delete(&url(&lin)).await.done();

    let new = g.person("lin").await;
    assert_ne!(new.id, lin.id);
    new.get(&atlas.url("")).await.refused(404, "not_found");
    assert!(new.get(&format!("/api/v1/resources?space={}", atlas.id)).await.ok().items().is_empty());
    lin.get("/api/v1/me").await.not_signed_in();
}

async fn strangers_do_not_see_one_another(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let bo = g.person("bo").await;
    g.closed_home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;

    let one = lin.get(&url(&bo)).await.refused_somehow();
    let missing = strange(&bo.id);
    assert_missing(&one, &bo.id, &lin.get(&format!("/api/v1/users/{missing}")).await, &missing);
    let grant = |to: &str| lin.post(&atlas.url("/grants"), json!({"principal": to, "role": "reader"}));
    g.unchanged(async || {
        let to_stranger = grant(&bo.principal()).await.invalid("/principal");
        assert_missing(&to_stranger, &bo.id, &grant(&format!("user:{missing}")).await, &missing);
        let by_name = grant("user:@bo").await.invalid("/principal");
        assert_missing(&by_name, "bo", &grant("user:@zz").await, "zz");
    })
    .await;
}
