//! A provider, or whoever stands between, that lies (`reference/attacks.md` N57–N62, N64, N79).

use super::*;
use crate::support::idp::callback;
use std::collections::BTreeMap;

stories! {
    n57_a_token_that_is_not_for_us_now_signs_nobody_in,
    n58_an_answer_belongs_to_one_sign_in_of_one_browser_at_one_provider,
    n59_an_unknown_key_is_looked_for_once_a_minute,
    n60_an_address_links_nobody,
    n61_a_disabled_provider_lets_nobody_in_and_ends_its_sessions,
    n62_groups_that_cannot_be_known_give_nothing_and_that_is_said,
    n64_nobody_is_led_away_after_signing_in,
    n79_a_provider_is_asked_at_no_private_address,
    n79_a_provider_that_leads_elsewhere_or_floods_is_not_followed,
    sign_ins_that_fail_count_against_the_address,
}

/// A sign-in up to the way back.
async fn begun(g: &Garth, idp: &Idp, browser: &Browser, slug: &str) -> BTreeMap<String, String> {
    let began = browser.visit(&format!("/auth/oidc/{slug}/start")).await.expect_status(303);
    idp.knobs().now = g.app().clock.now() / SECOND;
    idp.consent(began.header("location"))
}

async fn n57_a_token_that_is_not_for_us_now_signs_nobody_in(g: Garth) {
    let idp = Idp::start().await;
    idp.install(&g, json!({})).await;
    g.expects_warning("is not believed");
    let now = g.app().clock.now() / SECOND;
    let url = idp.url().to_owned();
    let claims = [
        json!({"aud": null}),
        json!({"aud": "other"}),
        json!({"aud": ["other"]}),
        json!({"aud": ["garth", "other"]}),
        json!({"aud": ["garth", "other"], "azp": "other"}),
        json!({"azp": "other"}),
        json!({"iss": format!("{url}/")}),
        json!({"iss": url.to_uppercase()}),
        json!({"iss": "https://other.example"}),
        json!({"iss": null}),
        json!({"exp": now - 60}),
        json!({"exp": null}),
        json!({"iat": now - 601}),
        json!({"iat": now + 61}),
        json!({"iat": null}),
        json!({"nbf": now + 61}),
        json!({"nonce": "other"}),
        json!({"nonce": null}),
        json!({"sub": null}),
        json!({"sub": ""}),
        json!({"sub": 1}),
        json!({"at_hash": "AAAA"}),
    ];
    let heads = [
        Signed::Not,
        Signed::Confused,
        Signed::Foreign,
        Signed::Headed(json!({"alg": "None", "kid": "one"})),
        Signed::Headed(json!({"alg": "ES384", "kid": "one"})),
        Signed::Headed(json!({"alg": "RS256", "kid": "one"})),
        Signed::Headed(json!({"alg": "EdDSA", "kid": "one"})),
        Signed::Headed(json!({"alg": "ES256", "kid": "two"})),
        Signed::Headed(json!({"alg": "ES256", "kid": "three"})),
        Signed::Headed(json!({"alg": "ES256", "kid": "one", "crit": ["exp"]})),
        Signed::Headed(json!({"kid": "one"})),
        Signed::As(String::new()),
        Signed::As("a.b.c".to_owned()),
        Signed::As("x".repeat(70_000)),
    ];
    // From many places: what fails counts.
    let browser = Browser::new(&g);
    g.unchanged(async || {
        for claims in claims {
            idp.knobs().claims = claims.clone();
            let answer = idp.sign_in(&g, &browser, "corp").await;
            assert!(answer.status == 401 && answer.header("set-cookie").is_empty(), "{claims}: {answer}");
            assert!(browser.cookie("__Host-garth").is_none(), "{claims}");
        }
        idp.knobs().claims = json!({});
        for head in heads {
            idp.knobs().signed = head.clone();
            let answer = idp.sign_in(&g, &browser, "corp").await;
            assert!(answer.status == 401 && browser.cookie("__Host-garth").is_none(), "{head:?}: {answer}");
        }
        idp.knobs().signed = Signed::Well;
        for tokens in [
            (200, json!({})),
            (200, json!({"id_token": 1})),
            (200, json!([])),
            (400, json!({"error": "invalid_grant"})),
            (500, json!({})),
        ] {
            idp.knobs().tokens = Some(tokens);
            idp.sign_in(&g, &browser, "corp").await.expect_status(401);
        }
        idp.knobs().tokens = None;
    })
    .await;
    // What is right is taken: several audiences with us named, another algorithm of its own, no key named where there is one.
    idp.knobs().claims = json!({"aud": ["garth", "other"], "azp": "garth", "sub": "u1"});
    idp.person(&g, &browser, "corp", "u1").await;
    idp.knobs().signed = Signed::Edwards;
    idp.person(&g, &browser, "corp", "u1").await;
    idp.knobs().signed = Signed::Headed(json!({"alg": "ES256"}));
    idp.person(&g, &browser, "corp", "u1").await;
}

async fn n58_an_answer_belongs_to_one_sign_in_of_one_browser_at_one_provider(g: Garth) {
    let (idp, other) = (Idp::start().await, Idp::start().await);
    idp.install(&g, json!({})).await;
    other.install(&g, json!({"slug": "other", "name": "Other"})).await;
    g.expects_warning("is not believed");
    let browser = Browser::new(&g);
    let with = |answer: &BTreeMap<String, String>, name: &str, value: Option<&str>| {
        let mut answer = answer.clone();
        match value {
            Some(value) => drop(answer.insert(name.to_owned(), value.to_owned())),
            None => drop(answer.remove(name)),
        }
        answer
    };
    g.unchanged(async || {
        // The state: missing, unknown, in another spelling, twice.
        let answer = begun(&g, &idp, &browser, "corp").await;
        browser.visit(&callback("corp", &with(&answer, "state", None))).await.expect_status(409);
        browser.visit(&callback("corp", &with(&answer, "state", Some("x")))).await.expect_status(409);
        let upper = answer["state"].to_uppercase();
        browser.visit(&callback("corp", &with(&answer, "state", Some(&upper)))).await.expect_status(409);
        let twice = format!("{}&state={}", callback("corp", &answer), answer["state"]);
        browser.visit(&twice).await.expect_status(422);
        // The browser: another one, or one without the cookie. The sign-in is over then for everybody.
        for wrong in [None, Some("x".repeat(52))] {
            let answer = begun(&g, &idp, &browser, "corp").await;
            let stranger = Browser::new(&g);
            if let Some(wrong) = &wrong {
                stranger.set_cookie("__Host-garth-sign-in", wrong);
            }
            stranger.visit(&callback("corp", &answer)).await.expect_status(409);
            browser.visit(&callback("corp", &answer)).await.expect_status(409);
        }
        // The provider: another one's way back, with the first one's code, and the other way round.
        let answer = begun(&g, &idp, &browser, "corp").await;
        browser.visit(&callback("other", &answer)).await.expect_status(409);
        let (mine, theirs) = (begun(&g, &idp, &browser, "corp").await, begun(&g, &other, &browser, "other").await);
        let mixed = with(&mine, "code", Some(&theirs["code"]));
        browser.visit(&callback("corp", &mixed)).await.expect_status(401);
        // Who it says it is, where it says that at all.
        let answer = begun(&g, &idp, &browser, "corp").await;
        browser.visit(&callback("corp", &with(&answer, "iss", Some(other.url())))).await.expect_status(401);
        // A code of another sign-in of the same browser: its verifier and nonce are others.
        let (one, two) = (begun(&g, &idp, &browser, "corp").await, begun(&g, &idp, &browser, "corp").await);
        let crossed = with(&one, "code", Some(&two["code"]));
        browser.visit(&callback("corp", &crossed)).await.expect_status(401);
        // No code, an error, and a code that the provider does not know.
        let answer = begun(&g, &idp, &browser, "corp").await;
        browser.visit(&callback("corp", &with(&answer, "code", None))).await.expect_status(409);
        let answer = with(&begun(&g, &idp, &browser, "corp").await, "error", Some("access_denied"));
        let told = browser.visit(&callback("corp", &answer)).await.expect_status(409);
        assert!(String::from_utf8_lossy(&told.bytes).contains("did not sign you in"), "{told}");
        let answer = begun(&g, &idp, &browser, "corp").await;
        browser.visit(&callback("corp", &with(&answer, "code", Some("code-0")))).await.expect_status(401);
        // Too late.
        let answer = begun(&g, &idp, &browser, "corp").await;
        g.pass(600 * SECOND);
        browser.visit(&callback("corp", &answer)).await.expect_status(409);
    })
    .await;
    // Once it is used, it is used; a provider that announces to say who it is has to.
    let answer = with(&begun(&g, &idp, &browser, "corp").await, "iss", Some(idp.url()));
    browser.visit(&callback("corp", &answer)).await.expect_status(303);
    let asked = idp.knobs().asked_tokens;
    browser.visit(&callback("corp", &answer)).await.expect_status(409);
    assert_eq!(idp.knobs().asked_tokens, asked, "the code was not sent twice");
    idp.knobs().discovery = json!({"authorization_response_iss_parameter_supported": true});
    g.restart().await;
    let answer = begun(&g, &idp, &browser, "corp").await;
    browser.visit(&callback("corp", &answer)).await.expect_status(401);
    let answer = with(&begun(&g, &idp, &browser, "corp").await, "iss", Some(idp.url()));
    browser.visit(&callback("corp", &answer)).await.expect_status(303);
}

async fn n59_an_unknown_key_is_looked_for_once_a_minute(g: Garth) {
    let idp = Idp::start().await;
    idp.install(&g, json!({})).await;
    g.expects_warning("is not believed");
    let browser = Browser::new(&g);
    idp.person(&g, &browser, "corp", "u1").await;
    let asked = idp.knobs().asked_keys;
    // The provider has a new key: it is found, by asking once.
    idp.knobs().keys = Some(json!([idp.key_named("new")]));
    idp.knobs().signed = Signed::Headed(json!({"alg": "ES256", "kid": "new"}));
    idp.person(&g, &browser, "corp", "u1").await;
    assert_eq!(idp.knobs().asked_keys, asked + 1);
    // Whoever makes names up makes nobody ask.
    for n in 0..20 {
        idp.knobs().signed = Signed::Headed(json!({"alg": "ES256", "kid": format!("made up {n}")}));
        idp.sign_in(&g, &browser, "corp").await.expect_status(401);
    }
    assert_eq!(idp.knobs().asked_keys, asked + 1);
    g.pass(60 * SECOND);
    for n in 0..5 {
        idp.knobs().signed = Signed::Headed(json!({"alg": "ES256", "kid": format!("made up {n}")}));
        idp.sign_in(&g, &browser, "corp").await.expect_status(401);
    }
    assert_eq!(idp.knobs().asked_keys, asked + 2);
    // A key that is taken back is good no longer than keys are kept.
    idp.knobs().keys = Some(json!([idp.key_named("newest")]));
    g.pass(600 * SECOND);
    idp.knobs().signed = Signed::Headed(json!({"alg": "ES256", "kid": "new"}));
    idp.sign_in(&g, &browser, "corp").await.expect_status(401);
}

async fn n60_an_address_links_nobody(g: Garth) {
    let (idp, other) = (Idp::start().await, Idp::start().await);
    idp.install(&g, json!({})).await;
    other.install(&g, json!({"slug": "other", "name": "Other"})).await;
    let ada = g.admin().await;
    let said = json!({"email": "boss@corp.example", "email_verified": true, "preferred_username": "boss"});
    let local =
        ada.post("/api/v1/users", json!({"username": "boss", "email": "boss@corp.example"})).await.created().id();
    idp.knobs().claims = said.clone();
    let boss = idp.person(&g, &Browser::new(&g), "corp", "u1").await;
    assert_ne!(boss.id, local);
    // The same subject at another provider, with the same address, is somebody else.
    other.knobs().claims = said.clone();
    let mallory = other.person(&g, &Browser::new(&g), "other", "u1").await;
    assert!(mallory.id != boss.id && mallory.id != local);
    // An address that nobody verified is not even shown.
    merge(&mut other.knobs().claims, &json!({"email_verified": false}));
    let unverified = other.person(&g, &Browser::new(&g), "other", "u2").await;
    assert!(unverified.id != boss.id && unverified.id != mallory.id);
    assert_eq!(unverified.get("/api/v1/me").await.ok()["user"]["email"], Value::Null);
    assert_eq!(unverified.get("/api/v1/me/identities").await.ok().items()[0]["email"], Value::Null);
    // Subjects are told apart to the byte.
    let upper = idp.person(&g, &Browser::new(&g), "corp", "U1").await;
    assert_ne!(upper.id, boss.id);
}

async fn n61_a_disabled_provider_lets_nobody_in_and_ends_its_sessions(g: Garth) {
    let (idp, other) = (Idp::start().await, Idp::start().await);
    let corp = idp.install(&g, json!({})).await;
    other.install(&g, json!({"slug": "other", "name": "Other"})).await;
    let ada = g.admin().await;
    let browser = Browser::new(&g);
    let (lin, mia) =
        (idp.person(&g, &browser, "corp", "u1").await, other.person(&g, &Browser::new(&g), "other", "u1").await);
    let halfway = begun(&g, &idp, &browser, "corp").await;
    let url = format!("/api/v1/identity-providers/{}", corp.id());
    ada.patch(&url, json!({"enabled": false})).await.ok();
    lin.get("/api/v1/me").await.not_signed_in();
    mia.get("/api/v1/me").await.ok();
    browser.visit(&callback("corp", &halfway)).await.expect_status(404);
    browser.visit("/auth/oidc/corp/start").await.expect_status(404);
    ada.patch(&url, json!({"enabled": true})).await.ok();
    lin.get("/api/v1/me").await.not_signed_in();
    idp.person(&g, &browser, "corp", "u1").await;
}

async fn n62_groups_that_cannot_be_known_give_nothing_and_that_is_said(g: Garth) {
    let idp = Idp::start().await;
    let corp = idp.install(&g, json!({"groups_claim": "groups"})).await;
    let ada = g.admin().await;
    let crew = ada.group("crew", &[]).await;
    g.closed_home().await;
    let atlas = ada.space("Atlas").create().await;
    ada.grant_by_registry(&atlas, &crew, "writer").await;
    g.expects_warning("groups are unknown");
    g.expects_warning("could not be read");
    let browser = Browser::new(&g);
    let thousands: Vec<String> = (0..2_500).map(|n| format!("group {n}")).collect();
    for odd in [
        json!({"groups": null}),
        json!({"groups": null, "_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://graph"}}}),
        json!({"groups": null, "hasgroups": true}),
        json!({"groups": ["crew"], "hasgroups": true}),
        json!({"groups": ["crew"], "_claim_names": {"groups": "src1"}}),
        json!({"groups": {"crew": true}}),
        json!({"groups": 7}),
        json!({"groups": true}),
        json!({"groups": ["crew", 7]}),
        json!({"groups": [["crew"]]}),
        json!({"groups": thousands}),
    ] {
        idp.knobs().claims = json!({"groups": ["crew"]});
        let lin = idp.person(&g, &Browser::new(&g), "corp", "u1").await;
        lin.get(&atlas.url("")).await.ok();
        merge(&mut idp.knobs().claims, &odd);
        let told = idp.sign_in(&g, &browser, "corp").await.expect_status(200);
        assert!(String::from_utf8_lossy(&told.bytes).contains("by way of groups"), "{odd:.60}: {told}");
        lin.get(&atlas.url("")).await.refused(404, "not_found");
        // They are signed in all the same, with what is theirs otherwise.
        let me = browser.bare(axum::http::Method::GET, "/api/v1/me").await.ok();
        assert_eq!(me["spaces"], json!([]));
        let audit = ada.get("/api/v1/audit?action=identity.sign_in&limit=1").await.ok().items();
        assert!(audit[0]["after"]["groups_unknown"].is_string(), "{odd:.60}: {}", audit[0]);
    }
    // Where login policies judge, no policy can tell what is unknown: nobody gets in by it.
    let policy = ada
        .login_policy("no contractors", "package garth\nallow := true\ndeny if \"contractors\" in input.session.teams")
        .await;
    ada.patch(&format!("/api/v1/login-policies/{policy}"), json!({"enabled": true})).await.ok();
    idp.knobs().claims = json!({"groups": ["crew"]});
    idp.sign_in(&g, &Browser::new(&g), "corp").await.expect_status(303);
    merge(&mut idp.knobs().claims, &json!({"groups": null, "hasgroups": true}));
    idp.sign_in(&g, &Browser::new(&g), "corp").await.expect_status(403);
    ada.delete(&format!("/api/v1/login-policies/{policy}")).await.done();
    // The same where userinfo is asked and says nothing, or not that; what is about somebody else is not believed at all.
    ada.patch(&format!("/api/v1/identity-providers/{}", corp.id()), json!({"groups_from": "userinfo"})).await.ok();
    idp.knobs().claims = json!({"groups": ["crew"], "sub": "u1"});
    idp.knobs().userinfo = json!({"sub": "u1"});
    let told = idp.sign_in(&g, &browser, "corp").await.expect_status(200);
    assert!(String::from_utf8_lossy(&told.bytes).contains("by way of groups"));
    idp.knobs().discovery = json!({"userinfo_endpoint": format!("{}/nothing", idp.url())});
    g.restart().await;
    idp.sign_in(&g, &browser, "corp").await.expect_status(200);
    idp.knobs().discovery = json!({});
    idp.knobs().userinfo = json!({"sub": "u2", "groups": ["crew"]});
    g.restart().await;
    g.expects_warning("somebody else");
    idp.sign_in(&g, &browser, "corp").await.expect_status(401);
}

async fn n64_nobody_is_led_away_after_signing_in(g: Garth) {
    let idp = Idp::start().await;
    idp.install(&g, json!({})).await;
    let odd = [
        "https://evil.example",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\evil.example",
        "//a@evil.example",
        "/\n/evil.example",
        "/%0d%0aset-cookie:x=y",
        "/%5cevil.example",
        "/%2f%2fevil.example",
        "javascript:alert(1)",
        "x",
        "",
    ];
    for odd in odd {
        let browser = Browser::new(&g);
        let began = browser.visit(&format!("/auth/oidc/corp/start?return={}", percent(odd))).await.expect_status(303);
        let back = idp.consent(began.header("location"));
        idp.knobs().now = g.app().clock.now() / SECOND;
        let ended = browser.visit(&callback("corp", &back)).await.expect_status(303);
        assert_eq!(ended.header("location"), "/", "{odd:?}");
        // The same by password, and for who is signed in already.
        let plain = Browser::new(&g);
        let fields = [("username", "ada"), ("password", &password("ada")), ("return", odd)];
        assert_eq!(plain.submit("/sign-in", &fields).await.expect_status(303).header("location"), "/", "{odd:?}");
        let there = plain.visit(&format!("/sign-in?return={}", percent(odd))).await.expect_status(303);
        assert_eq!(there.header("location"), "/", "{odd:?}");
    }
}

async fn n79_a_provider_is_asked_at_no_private_address(g: Garth) {
    let idp = Idp::start().await;
    let corp = idp.install(&g, json!({})).await;
    // Allowed no more by whoever runs the server: the provider's own choice counts for nothing.
    private_targets(&g, false).await;
    let before = idp.knobs().asked_keys;
    let ada = g.admin().await;
    let told = ada.post(&format!("/api/v1/identity-providers/{}/test", corp.id()), json!({})).await.ok();
    assert_eq!(told["reachable"], false);
    g.expects_warning("cannot be used");
    g.anonymous().get("/auth/oidc/corp/start").await.refused(409, "provider_unavailable");
    for issuer in [
        "https://127.0.0.1:1",
        "https://localhost:1",
        "https://[::1]:1",
        "https://[::ffff:10.0.0.1]",
        "https://169.254.169.254",
        "https://10.0.0.1",
        "https://192.168.1.1",
        "https://0.0.0.0",
        "https://[fd00:ec2::254]",
    ] {
        let body = json!({"name": "Odd", "slug": "odd", "issuer": issuer, "client_id": "x"});
        let tried = ada.post("/api/v1/identity-providers?dry_run=true", body).await.created();
        let detail = tried["check"]["detail"].as_str().expect("a sentence");
        assert!(detail.contains("private address"), "{issuer}: {detail}");
    }
    assert_eq!(idp.knobs().asked_keys, before, "nobody asked");
    // It can be disabled all the same.
    let url = format!("/api/v1/identity-providers/{}", corp.id());
    ada.patch(&url, json!({"name": "Corp 2"})).await.invalid("/allow_private");
    assert_eq!(ada.patch(&url, json!({"enabled": false})).await.ok()["enabled"], false);
    // Where the server allows it, the provider must say so as well.
    private_targets(&g, true).await;
    let body = json!({"name": "Odd", "slug": "odd", "issuer": "https://127.0.0.1:1", "client_id": "x"});
    let tried = ada.post("/api/v1/identity-providers?dry_run=true", body).await.created();
    assert!(tried["check"]["detail"].as_str().is_some_and(|detail| detail.contains("private address")), "{tried}");
}

async fn n79_a_provider_that_leads_elsewhere_or_floods_is_not_followed(g: Garth) {
    let (idp, other) = (Idp::start().await, Idp::start().await);
    let corp = idp.install(&g, json!({})).await;
    let ada = g.admin().await;
    let test = async || {
        let url = format!("/api/v1/identity-providers/{}/test", corp.id());
        let told = ada.post(&url, json!({})).await.ok();
        (told["reachable"] == true, told["detail"].as_str().expect("a sentence").to_owned())
    };
    assert!(test().await.0);
    idp.knobs().redirect = Some(format!("{}/.well-known/openid-configuration", other.url()));
    assert!(test().await.1.contains("answered 307"));
    idp.knobs().redirect = None;
    for (odd, says) in [
        (json!({"issuer": other.url()}), "another issuer"),
        (json!({"issuer": format!("{}/", idp.url())}), "another issuer"),
        (json!({"jwks_uri": null}), "lacks jwks_uri"),
        (json!({"token_endpoint": 7}), "lacks token_endpoint"),
        (json!({"authorization_endpoint": "javascript:alert(1)"}), "address that"),
        (json!({"jwks_uri": "file:///etc/passwd"}), "address that"),
        (json!({"token_endpoint": "http://me:pw@127.0.0.1/"}), "address that"),
        (json!({"id_token_signing_alg_values_supported": ["none", "HS256"]}), "no way that is accepted"),
        (json!({"jwks_uri": format!("{}/nothing", idp.url())}), "not a set of keys"),
        (json!({"flood": "x".repeat(600_000)}), "512 KiB"),
    ] {
        idp.knobs().discovery = odd.clone();
        let (reachable, detail) = test().await;
        assert!(!reachable && detail.contains(says), "{odd:.80}: {detail}");
    }
}

async fn sign_ins_that_fail_count_against_the_address(g: Garth) {
    let idp = Idp::start().await;
    idp.install(&g, json!({})).await;
    let nobody = g.anonymous();
    for _ in 0..100 {
        nobody.get("/auth/oidc/corp/callback?state=x&code=y").from("192.0.2.7").await.refused(409, "sign_in_over");
    }
    nobody.get("/auth/oidc/corp/callback?state=x&code=y").from("192.0.2.7").await.refused(429, "rate_limited");
    nobody.get("/auth/oidc/corp/callback?state=x&code=y").from("192.0.2.8").await.refused(409, "sign_in_over");
}
