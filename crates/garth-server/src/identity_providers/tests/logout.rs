//! Signing out: by oneself, here and at the provider; and because the provider says so.

use super::*;
use axum::http::Method;

stories! {
    signing_out_leads_on_to_the_provider,
    signing_out_is_begun_by_our_own_pages_only,
    a_provider_ends_sessions_at_once,
    n61_a_provider_names_the_session_that_is_over,
    n58_a_logout_token_that_is_none_ends_nothing,
}

async fn signing_out_leads_on_to_the_provider(g: Garth) {
    let idp = Idp::start().await;
    idp.install(&g, json!({})).await;
    let browser = Browser::new(&g);
    let lin = idp.person(&g, &browser, "corp", "u1").await;
    let other = idp.person(&g, &Browser::new(&g), "corp", "u1").await;
    let out = browser.submit("/auth/logout", &[]).await.expect_status(303);
    let location = out.header("location").to_owned();
    assert!(
        location.starts_with(&format!("{}/end?client_id=garth&post_logout_redirect_uri=", idp.url())),
        "{location}"
    );
    let asked = browser::parameters(&location);
    assert_eq!(asked["post_logout_redirect_uri"], format!("{PUBLIC_URL}/sign-in"));
    assert_eq!(asked["id_token_hint"].split('.').count(), 3);
    assert!(browser.cookie("__Host-garth").is_none());
    lin.get("/api/v1/me").await.not_signed_in();
    other.get("/api/v1/me").await.ok();
    // The token is sealed where it lies.
    assert!(!g.rows("sessions").await.concat().contains("eyJ"));
    // Somebody with a password is at home here alone.
    g.person("bo").await;
    browser.submit("/sign-in", &[("username", "bo"), ("password", &password("bo"))]).await.expect_status(303);
    let out = browser.submit("/auth/logout", &[]).await.expect_status(303);
    assert_eq!(out.header("location"), "/sign-in");
    // And a provider that does not say where to sign out is left alone.
    idp.knobs().discovery = json!({"end_session_endpoint": null});
    g.restart().await;
    idp.person(&g, &browser, "corp", "u1").await;
    assert_eq!(browser.submit("/auth/logout", &[]).await.expect_status(303).header("location"), "/sign-in");
}

async fn signing_out_is_begun_by_our_own_pages_only(g: Garth) {
    let browser = Browser::new(&g);
    g.admin().await;
    browser.submit("/sign-in", &[("username", "ada"), ("password", &password("ada"))]).await.expect_status(303);
    for (name, value) in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site"), ("origin", "null")] {
        browser.bare(Method::POST, "/auth/logout").header(name, value).await.refused(403, "forbidden");
    }
    browser.bare(Method::POST, "/auth/logout").await.refused(403, "forbidden");
    browser.bare(Method::GET, "/auth/logout").await.refused(405, "method_not_allowed");
    browser.bare(Method::GET, "/api/v1/me").await.ok();
}

pub(super) async fn send(g: &Garth, token: &str) -> Answer {
    let body = browser::form(&[("logout_token", token)]);
    let call = g.anonymous().call(Method::POST, "/auth/oidc/corp/backchannel-logout");
    call.raw("application/x-www-form-urlencoded", body).await
}

async fn a_provider_ends_sessions_at_once(g: Garth) {
    let idp = Idp::start().await;
    idp.install(&g, json!({})).await;
    let lin = idp.person(&g, &Browser::new(&g), "corp", "u1").await;
    let again = idp.person(&g, &Browser::new(&g), "corp", "u1").await;
    let mia = idp.person(&g, &Browser::new(&g), "corp", "u2").await;
    let token = idp.logout_token(json!({"sub": "u1"}));
    let answer = send(&g, &token).await.ok();
    assert_eq!(answer.header("cache-control"), "no-store");
    for gone in [&lin, &again] {
        gone.get("/api/v1/me").await.not_signed_in();
    }
    mia.get("/api/v1/me").await.ok();
    // Once: it does not end what begins later.
    let later = idp.person(&g, &Browser::new(&g), "corp", "u1").await;
    send(&g, &token).await.refused(400, "malformed");
    g.restart().await;
    send(&g, &token).await.refused(400, "malformed");
    later.get("/api/v1/me").await.ok();
    let audit = g.admin().await.get("/api/v1/audit?action=identity.logout").await.ok().items();
    assert_eq!(audit[0]["after"]["sessions_ended"], 2, "{}", audit[0]);
}

async fn n61_a_provider_names_the_session_that_is_over(g: Garth) {
    let idp = Idp::start().await;
    idp.install(&g, json!({})).await;
    let mut people = Vec::new();
    for sid in [json!("s1"), json!("s2"), Value::Null] {
        merge(&mut idp.knobs().claims, &json!({ "sid": sid }));
        people.push(idp.person(&g, &Browser::new(&g), "corp", "u1").await);
    }
    send(&g, &idp.logout_token(json!({"sid": "s1"}))).await.ok();
    people[0].get("/api/v1/me").await.not_signed_in();
    people[1].get("/api/v1/me").await.ok();
    people[2].get("/api/v1/me").await.ok();
    // With the person's name as well, those go too of which it cannot be told.
    send(&g, &idp.logout_token(json!({"sid": "s3", "sub": "u1"}))).await.ok();
    people[1].get("/api/v1/me").await.ok();
    people[2].get("/api/v1/me").await.not_signed_in();
    // Of somebody else nothing ends.
    send(&g, &idp.logout_token(json!({"sid": "s2", "sub": "u2"}))).await.ok();
    people[1].get("/api/v1/me").await.ok();
    send(&g, &idp.logout_token(json!({"sub": "u1"}))).await.ok();
    people[1].get("/api/v1/me").await.not_signed_in();
}

async fn n58_a_logout_token_that_is_none_ends_nothing(g: Garth) {
    let (idp, other) = (Idp::start().await, Idp::start().await);
    idp.install(&g, json!({})).await;
    let lin = idp.person(&g, &Browser::new(&g), "corp", "u1").await;
    let now = g.app().clock.now() / SECOND;
    other.knobs().now = now;
    g.expects_warning("is not believed");
    let usual = json!({"iss": idp.url(), "aud": "garth", "iat": now, "jti": "x", "sub": "u1",
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}}});
    let mut tokens: Vec<String> = [
        json!({"sub": "u1", "nonce": "n"}),
        json!({"sub": "u1", "events": null}),
        json!({"sub": "u1", "events": {}}),
        json!({"sub": "u1", "jti": null}),
        json!({"sub": "u1", "iat": now - 601}),
        json!({"sub": "u1", "iat": now + 61}),
        json!({"sub": "u1", "exp": now - 61}),
        json!({"sub": "u1", "aud": "other"}),
        json!({"sub": "u1", "iss": other.url()}),
        json!({}),
    ]
    .into_iter()
    .map(|over| idp.logout_token(over))
    .collect();
    for signed in [Signed::Not, Signed::Confused, Signed::Foreign, Signed::As("x".to_owned())] {
        tokens.push(idp.sign(&usual, "logout+jwt", &signed));
    }
    tokens.push(idp.sign(&usual, "at+jwt", &Signed::Headed(json!({"alg": "ES256", "kid": "one", "typ": "at+jwt"}))));
    tokens.push(other.logout_token(json!({"sub": "u1"})));
    g.unchanged(async || {
        for token in &tokens {
            send(&g, token).await.refused(400, "malformed");
        }
        let call = g.anonymous().call(Method::POST, "/auth/oidc/corp/backchannel-logout");
        call.raw("application/x-www-form-urlencoded", "other=x").await.refused_somehow();
        let call = g.anonymous().call(Method::POST, "/auth/oidc/corp/backchannel-logout");
        call.json(json!({"logout_token": idp.logout_token(json!({"sub": "u1"}))})).await.refused_somehow();
        let call = g.anonymous().call(Method::POST, "/auth/oidc/other/backchannel-logout");
        call.raw("application/x-www-form-urlencoded", "logout_token=x").await.refused(404, "not_found");
    })
    .await;
    lin.get("/api/v1/me").await.ok();
    send(&g, &idp.sign(&usual, "JWT", &Signed::Well)).await.ok();
    lin.get("/api/v1/me").await.not_signed_in();
}
