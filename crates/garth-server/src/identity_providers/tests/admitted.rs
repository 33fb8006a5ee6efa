//! Stories about the last step of a sign-in: whoever is refused there leaves nothing behind, no logout is outrun,
//! groups are those that the provider may fill, and links are neither forgotten nor cut off by mistake.

use super::logout::send;
use super::*;

stories! {
    whoever_login_policies_refuse_leaves_nothing_behind,
    whoever_is_refused_stays_in_the_groups_they_were_in,
    login_policies_are_told_what_would_be,
    one_person_who_comes_twice_at_once_gets_one_account,
    n61_no_sign_in_outruns_a_logout,
    n80_refused_sign_ins_are_sampled_at_a_pace,
    links_outlive_a_new_password_and_are_shown,
    a_disabled_provider_is_no_way_in,
    a_provider_fills_only_groups_that_it_may,
    n48_no_provider_speaks_of_groups_that_are_not_its_own,
}

/// Keeps a login policy in v1 that is asked.
async fn policy(g: &Garth, rego: &str) -> String {
    let ada = g.admin().await;
    let id = ada.login_policy("the door", rego).await;
    ada.patch(&format!("/api/v1/login-policies/{id}"), json!({"enabled": true})).await.ok();
    id
}

async fn whoever_login_policies_refuse_leaves_nothing_behind(g: Garth) {
    let idp = Idp::start().await;
    idp.install(&g, json!({"groups_claim": "groups"})).await;
    let ada = g.admin().await;
    ada.group("crew", &[]).await;
    let rego = "package garth\nsample := true\nallow if \"crew\" in input.session.teams\n\
                deny if input.session.login == \"mia@corp\"";
    let door = policy(&g, rego).await;
    idp.knobs().claims = json!({"preferred_username": "mia", "groups": ["crew"], "sub": "mia"});
    let browser = Browser::new(&g);
    g.unchanged(async || {
        for _ in 0..3 {
            let refused = idp.sign_in(&g, &browser, "corp").await.expect_status(403);
            assert!(refused.header("set-cookie").is_empty() && browser.cookie("__Host-garth").is_none());
        }
    })
    .await;
    // It is on record all the same, by the name that the account would have had, and can be looked at.
    let record = ada.get("/api/v1/audit?action=login&outcome=refused").await.ok().items();
    assert_eq!(record[0]["after"], json!({"denied_by": ["the door"], "username": "mia@corp"}));
    let samples = ada.get("/api/v1/login-policies/samples").await.ok().items();
    assert_eq!((&samples[0]["user"], &samples[0]["input"]["session"]["login"]), (&Value::Null, &json!("mia@corp")));
    assert_eq!(samples[0]["input"]["session"]["teams"], json!(["crew"]));
    assert_eq!(ada.get("/api/v1/audit?action=identity.sign_in").await.ok().items(), [Value::Null; 0]);
    // No failed sign-in is counted for it: who comes next from there is let in.
    g.pass(SECOND);
    merge(&mut idp.knobs().claims, &json!({"preferred_username": "lin"}));
    let lin = idp.person(&g, &browser, "corp", "lin").await;
    assert_eq!((lin.username.as_str(), groups_of(&g, &lin).await), ("lin@corp", vec!["crew".to_owned()]));
    let samples = ada.get("/api/v1/login-policies/samples").await.ok().items();
    assert_eq!(samples[0]["user"], lin.id);
    // Without the policy Mia comes in, as somebody who was never here.
    ada.delete(&format!("/api/v1/login-policies/{door}")).await.done();
    merge(&mut idp.knobs().claims, &json!({"preferred_username": "mia"}));
    assert_eq!(idp.person(&g, &browser, "corp", "mia").await.username, "mia@corp");
    let made = ada.get("/api/v1/audit?action=identity.sign_in&limit=100").await.ok().items();
    assert!(made.iter().any(|entry| entry["after"]["username"] == "mia@corp"), "{made:?}");
    let begun = ada.get("/api/v1/audit?action=login&outcome=done").await.ok().items();
    assert!(begun[0]["after"]["session"].is_string(), "{begun:?}");
}

async fn whoever_is_refused_stays_in_the_groups_they_were_in(g: Garth) {
    let idp = Idp::start().await;
    idp.install(&g, json!({"groups_claim": "groups"})).await;
    let ada = g.admin().await;
    ada.group("crew", &[]).await;
    ada.group("ops", &[]).await;
    idp.knobs().claims = json!({"groups": ["crew"]});
    let lin = idp.person(&g, &Browser::new(&g), "corp", "u1").await;
    policy(&g, "package garth\nallow := true\ndeny if \"ops\" in input.session.teams").await;
    idp.knobs().claims = json!({"groups": ["ops"]});
    g.unchanged(async || {
        idp.sign_in(&g, &Browser::new(&g), "corp").await.expect_status(403);
        // So it is when the groups cannot be known.
        g.expects_warning("groups are unknown");
        idp.knobs().claims = json!({});
        idp.sign_in(&g, &Browser::new(&g), "corp").await.expect_status(403);
    })
    .await;
    assert_eq!(groups_of(&g, &lin).await, ["crew"]);
    idp.knobs().claims = json!({"groups": []});
    idp.person(&g, &Browser::new(&g), "corp", "u1").await;
    assert_eq!(groups_of(&g, &lin).await, [""; 0]);
}

async fn login_policies_are_told_what_would_be(g: Garth) {
    let idp = Idp::start().await;
    idp.install(&g, json!({"groups_claim": "groups"})).await;
    let ada = g.admin().await;
    g.closed_home().await;
    let atlas = ada.space("Atlas").create().await;
    // A group here that contains the provider's: known only once the membership would be there.
    let (crew, all) = (ada.group("crew", &[]).await, ada.group("all hands", &[]).await);
    ada.post(&all.url("/members"), json!({"member": crew.principal()})).await.done();
    let rego = format!(
        "package garth\nallow if input.session.teams == [\"all hands\", \"crew\", \"elsewhere\"]\n\
         space_write contains \"{}\" if input.session.login == \"lin@corp\"",
        atlas.id
    );
    policy(&g, &rego).await;
    idp.knobs().claims = json!({"preferred_username": "lin", "groups": ["crew", "elsewhere"]});
    let lin = idp.person(&g, &Browser::new(&g), "corp", "u1").await;
    assert_eq!(lin.get(&atlas.url("")).await.ok()["access"]["role"], "writer");
    let told = ada.get(&atlas.url("/audit?action=login")).await.ok().items();
    assert_eq!(told[0]["after"], json!({"roles": ["writer"], "by": "login policy"}));
    // Again, with the account that is there by now; and not without the groups.
    idp.person(&g, &Browser::new(&g), "corp", "u1").await;
    idp.knobs().claims = json!({"preferred_username": "bo", "groups": ["elsewhere"], "sub": "u2"});
    g.unchanged(async || drop(idp.sign_in(&g, &Browser::new(&g), "corp").await.expect_status(403))).await;
}

async fn one_person_who_comes_twice_at_once_gets_one_account(g: Garth) {
    let idp = Idp::start().await;
    idp.install(&g, json!({})).await;
    policy(&g, "package garth\nallow := true").await;
    idp.knobs().now = g.app().clock.now() / SECOND;
    for round in 0..5 {
        merge(&mut idp.knobs().claims, &json!({"preferred_username": "lin", "sub": format!("u{round}")}));
        let mut ways = Vec::new();
        for _ in 0..4 {
            let browser = Browser::new(&g);
            let began = browser.visit("/auth/oidc/corp/start").await.expect_status(303);
            let back = idp::callback("corp", &idp.consent(began.header("location")));
            ways.push(browser.bare(axum::http::Method::GET, &back));
        }
        let answers = race(ways).await;
        // Whoever was judged as somebody new while the other became that one tries again.
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
        assert!(statuses.iter().all(|status| [303, 409].contains(status)) && statuses.contains(&303), "{statuses:?}");
        assert_eq!(g.rows("external_identities").await.len(), round + 1);
    }
}

/// A sign-in up to the way back, which comes two seconds later.
async fn under_way(g: &Garth, idp: &Idp, claims: Value) -> (Browser, String) {
    let browser = Browser::new(g);
    let began = browser.visit("/auth/oidc/corp/start").await.expect_status(303);
    let back = idp::callback("corp", &idp.consent(began.header("location")));
    g.pass(SECOND);
    idp.knobs().now = g.app().clock.now() / SECOND;
    idp.knobs().claims = claims;
    (browser, back)
}

async fn n61_no_sign_in_outruns_a_logout(g: Garth) {
    let idp = Idp::start().await;
    idp.install(&g, json!({})).await;
    let lin = idp.person(&g, &Browser::new(&g), "corp", "u1").await;
    // (what the sign-in is of, what the logout is of, whether it ends that)
    let cases = [
        (json!({"sub": "u1"}), json!({"sub": "u1"}), true),
        (json!({"sub": "u1", "sid": "s1"}), json!({"sub": "u1"}), true),
        (json!({"sub": "u1", "sid": "s1"}), json!({"sid": "s1"}), true),
        (json!({"sub": "u1"}), json!({"sub": "u1", "sid": "s1"}), true),
        (json!({"sub": "u1", "sid": "s1"}), json!({"sid": "s2"}), false),
        (json!({"sub": "u1", "sid": "s1"}), json!({"sub": "u1", "sid": "s2"}), false),
        (json!({"sub": "u1", "sid": "s1"}), json!({"sub": "u2"}), false),
        (json!({"sub": "u1"}), json!({"sid": "s1"}), false),
        // Somebody who would get their account by it gets none.
        (json!({"sub": "new"}), json!({"sub": "new"}), true),
    ];
    for (claims, ending, ends) in cases {
        let (browser, back) = under_way(&g, &idp, claims.clone()).await;
        send(&g, &idp.logout_token(ending.clone())).await.ok();
        g.pass(SECOND);
        idp.knobs().now = g.app().clock.now() / SECOND;
        if ends {
            g.unchanged(async || {
                let refused = browser.visit(&back).await.expect_status(403);
                assert!(refused.header("set-cookie").is_empty(), "{claims} {ending}: {refused}");
            })
            .await;
            assert!(browser.cookie("__Host-garth").is_none(), "{claims} {ending}");
        } else {
            browser.visit(&back).await.expect_status(303);
        }
        // Whoever sets out after it comes in.
        g.pass(SECOND);
        let (browser, back) = under_way(&g, &idp, claims).await;
        browser.visit(&back).await.expect_status(303);
    }
    // A logout that another provider sends ends nothing here.
    let other = Idp::start().await;
    other.install(&g, json!({"slug": "other", "name": "Other"})).await;
    let (browser, back) = under_way(&g, &idp, json!({"sub": "u1"})).await;
    other.knobs().now = g.app().clock.now() / SECOND;
    let body = browser::form(&[("logout_token", &other.logout_token(json!({"sub": "u1"})))]);
    let call = g.anonymous().call(axum::http::Method::POST, "/auth/oidc/other/backchannel-logout");
    call.raw("application/x-www-form-urlencoded", body).await.ok();
    browser.visit(&back).await.expect_status(303);
    // What is remembered of logouts goes when nobody can be under way any more who set out before.
    assert!(g.rows("spent_logout_tokens").await.len() > 5);
    g.pass(20 * 60 * SECOND);
    idp.knobs().now = g.app().clock.now() / SECOND;
    send(&g, &idp.logout_token(json!({"sub": "u1"}))).await.ok();
    assert_eq!(g.rows("spent_logout_tokens").await.len(), 1);
    lin.get("/api/v1/me").await.not_signed_in();
}

async fn n80_refused_sign_ins_are_sampled_at_a_pace(g: Garth) {
    let idp = Idp::start().await;
    idp.install(&g, json!({})).await;
    policy(&g, "package garth\nsample := true\nallow if input.session.login == \"lin@corp\"").await;
    merge(&mut idp.knobs().claims, &json!({"preferred_username": "lin"}));
    let lin = idp.person(&g, &Browser::new(&g), "corp", "lin").await;
    let samples = async || g.rows("login_samples").await.len();
    let refused = async |name: String| {
        merge(&mut idp.knobs().claims, &json!({"preferred_username": name, "sub": name}));
        idp.sign_in(&g, &Browser::new(&g), "corp").await.expect_status(403);
    };
    // One of each name in a minute, and ten in all.
    for _ in 0..3 {
        refused("bo".to_owned()).await;
    }
    assert_eq!(samples().await, 2);
    for n in 0..15 {
        refused(format!("bo {n}")).await;
    }
    assert_eq!(samples().await, 11);
    // Half of what is kept may be theirs, and they crowd nobody out.
    for _ in 0..5 {
        g.pass(60 * SECOND);
        for n in 0..11 {
            refused(format!("bo {n}")).await;
        }
    }
    assert_eq!(samples().await, 51);
    let kept = g.admin().await.get("/api/v1/login-policies/samples").await.ok().items();
    assert!(kept.iter().any(|sample| sample["user"] == lin.id));
}

/// Links the account of a browser's session with a provider.
async fn link(g: &Garth, idp: &Idp, browser: &Browser, slug: &str, subject: &str) {
    let began = browser.submit(&format!("/auth/oidc/{slug}/link"), &[]).await.expect_status(303);
    let back = idp.consent(began.header("location"));
    idp.knobs().now = g.app().clock.now() / SECOND;
    merge(&mut idp.knobs().claims, &json!({ "sub": subject }));
    browser.visit(&idp::callback(slug, &back)).await.expect_status(303);
}

async fn links_outlive_a_new_password_and_are_shown(g: Garth) {
    let idp = Idp::start().await;
    let corp = idp.install(&g, json!({"create_users": false})).await;
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let codes = lin.post("/api/v1/me/recovery-codes", json!({"current": password("lin")})).await.ok();
    let recover = |at: usize| {
        let body = json!({"username": "lin", "recovery_code": codes["recovery_codes"][at],
                          "new_password": "another correct horse battery"});
        g.anonymous().post("/api/v1/recover", body)
    };
    // Nothing to tell where there is no link.
    let begun = recover(0).await.ok();
    assert_eq!(begun["identities"], Value::Null);
    let browser = Browser::new(&g);
    let fields = [("username", "lin"), ("password", "another correct horse battery")];
    browser.submit("/sign-in", &fields).await.expect_status(303);
    link(&g, &idp, &browser, "corp", "u7").await;
    let there = idp.person(&g, &Browser::new(&g), "corp", "u7").await;
    assert_eq!(there.id, lin.id);

    let begun = recover(1).await.ok();
    there.get("/api/v1/me").await.not_signed_in();
    let kept = &begun["identities"][0];
    let provider = json!({"name": "Corp", "slug": "corp", "enabled": true});
    assert_eq!((&kept["provider"], &kept["subject"]), (&provider, &json!("u7")), "{begun}");
    let told = json!([{"identity_provider": "corp", "subject": "u7"}]);
    let record = ada.get("/api/v1/audit?action=recover").await.ok().items();
    assert!(record.iter().any(|entry| entry["after"]["identities_kept"] == told), "{record:?}");
    // It still leads in, until its owner ends it with the very id that was shown.
    idp.person(&g, &Browser::new(&g), "corp", "u7").await;
    // A new password by the server's own link tells the same.
    let url = format!("/api/v1/identity-providers/{}", corp.id());
    ada.patch(&url, json!({"enabled": false})).await.ok();
    let ctx = garth_server::Ctx::system(g.app());
    let (_, token) = garth_server::users::reset_link(&ctx, lin.id.clone()).await.expect("a link");
    let body = json!({"token": token, "password": "a third correct horse battery"});
    let begun = g.anonymous().post("/api/v1/signup", body).await.created();
    assert_eq!(begun["identities"][0]["provider"]["enabled"], false, "{begun}");
    let record = ada.get("/api/v1/audit?action=signup").await.ok().items();
    assert!(record.iter().any(|entry| entry["after"]["identities_kept"] == told), "{record:?}");
    let lin = lin.with_token(&begun.text("token"));
    let change = json!({"current": "a third correct horse battery", "new": "a fourth correct horse battery"});
    lin.call(axum::http::Method::PUT, "/api/v1/me/password").json(change).await.done();
    let record = ada.get("/api/v1/audit?action=me.password").await.ok().items();
    assert_eq!(record[0]["after"]["identities_kept"], told);
    ada.patch(&url, json!({"enabled": true})).await.ok();
    let id = kept["id"].as_str().expect("an id");
    lin.delete(&format!("/api/v1/me/identities/{id}")).await.done();
    idp.sign_in(&g, &Browser::new(&g), "corp").await.expect_status(403);
}

async fn a_disabled_provider_is_no_way_in(g: Garth) {
    let (idp, other) = (Idp::start().await, Idp::start().await);
    idp.install(&g, json!({})).await;
    let second = other.install(&g, json!({"slug": "other", "name": "Other"})).await;
    let ada = g.admin().await;
    let browser = Browser::new(&g);
    let lin = idp.person(&g, &browser, "corp", "u1").await;
    link(&g, &other, &browser, "other", "u1").await;
    let own = lin.get("/api/v1/me/identities").await.ok().items();
    let way = |slug: &str| {
        let found = own.iter().find(|identity| identity["provider"]["slug"] == slug).expect("a link");
        format!("/api/v1/me/identities/{}", found["id"].as_str().expect("an id"))
    };
    let url = format!("/api/v1/identity-providers/{}", second.id());
    ada.patch(&url, json!({"enabled": false})).await.ok();
    g.unchanged(async || lin.delete(&way("corp")).await.refused(409, "conflict")).await;
    // The one that leads nowhere can go.
    lin.delete(&format!("{}?dry_run=true", way("other"))).await.done();
    ada.patch(&url, json!({"enabled": true})).await.ok();
    lin.delete(&way("corp")).await.done();
    g.unchanged(async || lin.delete(&way("other")).await.refused(409, "conflict")).await;
    other.knobs().claims = json!({});
    assert_eq!(other.person(&g, &Browser::new(&g), "other", "u1").await.id, lin.id);
}

async fn a_provider_fills_only_groups_that_it_may(g: Garth) {
    let idp = Idp::start().await;
    let corp = idp.install(&g, json!({"groups_claim": "groups"})).await;
    assert_eq!(corp["groups_allowed"], Value::Null, "any, if nothing is said");
    let ada = g.admin().await;
    for name in ["crew", "corp-dev", "corp-ops", "chiefs"] {
        ada.group(name, &[]).await;
    }
    idp.knobs().claims = json!({"groups": ["crew", "corp-dev", "corp-ops", "chiefs"]});
    let lin = idp.person(&g, &Browser::new(&g), "corp", "u1").await;
    assert_eq!(groups_of(&g, &lin).await, ["chiefs", "corp-dev", "corp-ops", "crew"]);
    let url = format!("/api/v1/identity-providers/{}", corp.id());
    // What it may not fill any more ends with the answer.
    let changed = ada.patch(&url, json!({"groups_allowed": ["corp-*", "crew"]})).await.ok();
    assert_eq!(changed["groups_allowed"], json!(["corp-*", "crew"]));
    assert_eq!(groups_of(&g, &lin).await, ["corp-dev", "corp-ops", "crew"]);
    let record = ada.get("/api/v1/audit?action=identity_provider.update").await.ok().items();
    assert!(record.iter().any(|entry| entry["after"]["memberships_ended"] == 1), "{record:?}");
    idp.person(&g, &Browser::new(&g), "corp", "u1").await;
    assert_eq!(groups_of(&g, &lin).await, ["corp-dev", "corp-ops", "crew"]);
    for (allowed, are) in [
        (json!([]), vec![]),
        (json!(["corp-"]), vec![]),
        (json!(["Crew", "corp-d*"]), vec!["corp-dev"]),
        (json!(["*"]), vec!["chiefs", "corp-dev", "corp-ops", "crew"]),
        (Value::Null, vec!["chiefs", "corp-dev", "corp-ops", "crew"]),
    ] {
        ada.patch(&url, json!({ "groups_allowed": allowed })).await.ok();
        g.restart().await;
        idp.person(&g, &Browser::new(&g), "corp", "u1").await;
        assert_eq!(groups_of(&g, &lin).await, are, "{allowed}");
    }
    // By hand it is as ever.
    ada.patch(&url, json!({"groups_allowed": vec!["x".repeat(255); 500]})).await.ok();
    assert_eq!(groups_of(&g, &lin).await, [""; 0]);
    g.unchanged(async || {
        for wrong in [json!(vec!["x"; 501]), json!([""]), json!(["x".repeat(256)]), json!(["a\nb"])] {
            ada.patch(&url, json!({ "groups_allowed": wrong })).await.invalid("/groups_allowed");
        }
        ada.patch(&url, json!({"groups_allowed": "crew"})).await.invalid("/groups_allowed");
    })
    .await;
    // An administrator who narrows it orphans no space by that, as by no other change of theirs.
    ada.patch(&url, json!({"groups_allowed": ["chiefs"]})).await.ok();
    idp.person(&g, &Browser::new(&g), "corp", "u1").await;
    g.closed_home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    let chiefs = ada.get("/api/v1/groups").await.ok().items();
    let chiefs = chiefs.iter().find(|group| group["name"] == "chiefs").expect("a group")["id"].clone();
    let chiefs = format!("group:{}", chiefs.as_str().expect("an id"));
    ada.grant_by_registry(&atlas, chiefs.as_str(), "admin").await;
    idp.person(&g, &Browser::new(&g), "corp", "u1").await.post(&atlas.url("/leave"), json!({})).await.done();
    g.unchanged(async || ada.patch(&url, json!({"groups_allowed": []})).await.refused(409, "last_admin")).await;
}

async fn n48_no_provider_speaks_of_groups_that_are_not_its_own(g: Garth) {
    let (idp, guests) = (Idp::start().await, Idp::start().await);
    idp.install(&g, json!({"groups_claim": "groups"})).await;
    let body = json!({"slug": "guests", "name": "Guests", "groups_claim": "groups", "groups_allowed": ["guest-*"]});
    guests.install(&g, body).await;
    let ada = g.admin().await;
    let chiefs = ada.group("chiefs", &[]).await;
    g.closed_home().await;
    let atlas = ada.space("Atlas").create().await;
    ada.grant_by_registry(&atlas, &chiefs, "admin").await;
    // Neither does it make somebody a member, nor do login policies hear of it.
    policy(&g, "package garth\nallow := true\nadmin if \"chiefs\" in input.session.teams").await;
    for provider in [&idp, &guests] {
        provider.knobs().claims = json!({"groups": ["chiefs", "guest-list"]});
    }
    let stranger = guests.person(&g, &Browser::new(&g), "guests", "u1").await;
    assert_eq!(stranger.get("/api/v1/me").await.ok()["user"]["system_admin"], false);
    assert_eq!(groups_of(&g, &stranger).await, [""; 0]);
    stranger.get(&atlas.url("")).await.refused(404, "not_found");
    let sessions = stranger.get("/api/v1/me/sessions").await.ok().items();
    assert_eq!(sessions[0]["teams"], json!(["guest-list"]));
    let lin = idp.person(&g, &Browser::new(&g), "corp", "u1").await;
    assert_eq!(lin.get("/api/v1/me").await.ok()["user"]["system_admin"], true);
}
