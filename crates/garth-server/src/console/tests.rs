//! Stories about the pages, and about the session that a browser's cookie holds.

use crate::support::*;
use axum::http::Method;

#[path = "tests/inside.rs"]
mod inside;
#[path = "tests/jobs.rs"]
mod jobs;
#[path = "tests/links.rs"]
mod links;
#[path = "tests/look.rs"]
mod look;
#[path = "tests/people.rs"]
mod people;
#[path = "tests/places.rs"]
mod places;
#[path = "tests/system.rs"]
mod system;
#[path = "tests/things.rs"]
mod things;

stories! {
    somebody_signs_in_by_the_page_and_out_again,
    a_wrong_password_and_an_unknown_name_look_alike_on_the_page,
    a_page_takes_nothing_from_elsewhere_and_runs_our_script_alone,
    what_people_write_is_text_on_every_page,
    a_cookie_counts_only_for_requests_of_our_own_pages,
    a_cookie_is_a_session_like_any_other,
    pages_are_for_people_and_problems_for_programs,
    over_plain_http_the_cookie_has_a_plain_name,
}

fn text(answer: &Answer) -> String {
    String::from_utf8(answer.bytes.clone()).expect("text")
}

async fn signed_in(g: &Garth, username: &str) -> Browser {
    let browser = Browser::new(g);
    let fields = [("username", username), ("password", &password(username))];
    browser.submit("/sign-in", &fields).await.expect_status(303);
    browser
}

async fn somebody_signs_in_by_the_page_and_out_again(g: Garth) {
    g.admin().await;
    let browser = Browser::new(&g);
    assert_eq!(browser.visit("/").await.expect_status(303).header("location"), "/sign-in");
    let page = browser.visit("/sign-in?return=/x").await.ok();
    assert!(page.header("content-type").starts_with("text/html"), "{page}");
    assert!(text(&page).contains("name=\"return\" value=\"/x\""), "{page}");
    let fields = [("username", "ada"), ("password", &password("ada")), ("return", "/x")];
    let there = browser.submit("/sign-in", &fields).await.expect_status(303);
    assert_eq!(there.header("location"), "/x");
    let cookie = there.header("set-cookie");
    assert!(
        cookie.starts_with("__Host-garth=gs_") && cookie.contains("; Secure") && cookie.contains("; HttpOnly"),
        "{cookie}"
    );
    assert_eq!(browser.visit("/sign-in").await.expect_status(303).header("location"), "/");
    let home = text(&browser.visit("/account").await.ok());
    assert!(home.contains("Ada") && home.contains("system administrator"), "{home}");
    let old = browser.cookie("__Host-garth").expect("a session");
    // Signing in again gives another session, and the one before is over.
    let fields = [("username", "ada"), ("password", &password("ada"))];
    browser.submit("/sign-in", &fields).await.expect_status(303);
    assert_ne!(browser.cookie("__Host-garth").as_deref(), Some(old.as_str()));
    assert_eq!(browser.submit("/auth/logout", &[]).await.expect_status(303).header("location"), "/sign-in");
    assert!(browser.cookie("__Host-garth").is_none());
    browser.set_cookie("__Host-garth", &old);
    let there = browser.visit("/").await.expect_status(303);
    assert_eq!((there.header("location"), there.header("set-cookie")), ("/sign-in", ""));
}

async fn a_wrong_password_and_an_unknown_name_look_alike_on_the_page(g: Garth) {
    g.admin().await;
    let browser = Browser::new(&g);
    g.unchanged(async || {
        let wrong = browser.submit("/sign-in", &[("username", "ada"), ("password", "wrong")]).await.expect_status(401);
        let unknown =
            browser.submit("/sign-in", &[("username", "eve"), ("password", "wrong")]).await.expect_status(401);
        assert_missing(&wrong, "ada", &unknown, "eve");
        assert!(text(&wrong).contains("Username or password is wrong."), "{wrong}");
        assert!(text(&wrong).contains("value=\"ada\"") && !text(&wrong).contains("value=\"wrong\""), "{wrong}");
        assert!(browser.cookie("__Host-garth").is_none());
        for _ in 0..9 {
            browser.submit("/sign-in", &[("username", "ada"), ("password", "wrong")]).await.expect_status(401);
        }
        let limited = browser.submit("/sign-in", &[("username", "ada"), ("password", &password("ada"))]).await;
        assert!(limited.status == 429 && !limited.header("retry-after").is_empty(), "{limited}");
        assert!(text(&limited).contains("Too many attempts"), "{limited}");
        // A form of another site signs nobody in.
        let body = browser::form(&[("username", "ada"), ("password", &password("ada"))]);
        for origin in ["https://evil.example", "null", "http://garth.example", "https://garth.example.evil.example"] {
            let call = g.anonymous().call(Method::POST, "/sign-in").header("origin", origin);
            call.raw("application/x-www-form-urlencoded", body.clone()).await.refused(403, "forbidden");
        }
        let call = g.anonymous().call(Method::POST, "/sign-in");
        call.raw("application/x-www-form-urlencoded", body).await.refused(403, "forbidden");
        let call = g.anonymous().call(Method::POST, "/sign-in").header("origin", PUBLIC_URL);
        call.raw("application/x-www-form-urlencoded", "username=ada").await.refused_somehow();
        let call = g.anonymous().call(Method::POST, "/sign-in?dry_run=true").header("origin", PUBLIC_URL);
        call.raw("application/x-www-form-urlencoded", "username=eve&password=x").await.invalid("?dry_run");
    })
    .await;
}

async fn a_page_takes_nothing_from_elsewhere_and_runs_our_script_alone(g: Garth) {
    g.admin().await;
    let browser = signed_in(&g, "ada").await;
    let nobody = Browser::new(&g);
    for (who, path) in [
        (&nobody, "/sign-in"),
        (&browser, "/account"),
        (&nobody, "/signup"),
        (&nobody, "/invitation"),
        (&browser, "/invitation"),
    ] {
        let page = who.visit(path).await.ok();
        let policy = page.header("content-security-policy");
        for part in [
            "default-src 'none'",
            "style-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "script-src 'self'",
            "connect-src 'self'",
        ] {
            assert!(policy.contains(part), "{part}: {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
        let html = text(&page);
        assert!(
            html.matches("<script").count() == 1
                && html.contains("<script src=\"/assets/garth-")
                && !html.contains("style=")
                && !html.contains("<style")
                && !html.contains(" onclick")
                && !html.contains(" onload"),
            "{html}"
        );
        assert!(!html.contains("http://") && !html.contains("https://"), "{html}");
        assert_eq!(page.header("cache-control"), "no-store");
        // With `no-referrer` a browser would send the page's own forms with `Origin: null`.
        assert_eq!(page.header("referrer-policy"), "same-origin");
        let style = html.split("href=\"").find_map(|part| part.strip_prefix("/assets/")).expect("a stylesheet");
        let style = style.split('"').next().expect("a name");
        let sheet = who.visit(&format!("/assets/{style}")).await.ok();
        assert!(sheet.header("content-type").starts_with("text/css"), "{:?}", sheet.headers);
        assert!(sheet.header("cache-control").contains("immutable"));
        assert!(!text(&sheet).contains("url(") && !text(&sheet).contains("@import"));
        let script = html.split("src=\"").find_map(|part| part.strip_prefix("/assets/")).expect("a script");
        let script = who.visit(&format!("/assets/{}", script.split('"').next().expect("a name"))).await.ok();
        assert!(script.header("content-type").starts_with("text/javascript"), "{:?}", script.headers);
        for odd in ["eval(", "innerHTML", "insertAdjacent", "document.write", "http:", "https:"] {
            assert!(!text(&script).contains(odd), "{odd}");
        }
    }
    g.anonymous().get("/assets/garth-000000000000.css").await.refused(404, "not_found");
    g.anonymous().get("/assets/..%2fstyle.css").await.refused(404, "not_found");
}

async fn what_people_write_is_text_on_every_page(g: Garth) {
    let ada = g.admin().await;
    let name = "<script>alert(1)</script>\"'&";
    ada.patch("/api/v1/me", json!({"name": name})).await.ok();
    ada.space(name).create().await;
    ada.post(
        "/api/v1/identity-providers",
        json!({"name": name, "slug": "odd", "issuer": "https://127.0.0.1:1", "client_id": "x"}),
    )
    .await
    .created();
    let browser = signed_in(&g, "ada").await;
    let wrong = Browser::new(&g).submit("/sign-in", &[("username", name), ("password", "x")]).await.expect_status(401);
    for page in [
        browser.visit("/account").await.ok(),
        browser.visit("/account/security").await.ok(),
        Browser::new(&g).visit("/sign-in").await.ok(),
        wrong,
    ] {
        let html = text(&page);
        assert!(!html.contains("<script>") && html.contains("&#60;script&#62;"), "{html}");
    }
}

async fn a_cookie_counts_only_for_requests_of_our_own_pages(g: Garth) {
    g.admin().await;
    let browser = signed_in(&g, "ada").await;
    let path = "/api/v1/groups";
    let make = |headers: &[(&str, &str)]| {
        let mut call = browser.bare(Method::POST, path).json(json!({"name": "crew"}));
        for (name, value) in headers {
            call = call.header(name, value);
        }
        call
    };
    g.unchanged(async || {
        for wrong in [
            &[][..],
            &[("origin", "https://evil.example")],
            &[("origin", "null")],
            &[("origin", "http://garth.example")],
            &[("origin", "https://garth.example:8443")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
            &[("origin", PUBLIC_URL), ("sec-fetch-site", "cross-site")],
            &[("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")],
            &[("origin", "https://evil.example"), ("host", "garth.example")],
        ] {
            make(wrong).await.refused(403, "forbidden");
        }
        for verb in [Method::PUT, Method::PATCH, Method::DELETE] {
            browser.bare(verb, "/api/v1/me").await.refused_somehow();
        }
        // Two of them are none.
        let token = browser.cookie("__Host-garth").expect("a session");
        let call =
            g.anonymous().get("/api/v1/me").header("cookie", &format!("__Host-garth={token}; __Host-garth={token}"));
        call.await.not_signed_in();
        // The name that plain connections use is nothing here.
        g.anonymous().get("/api/v1/me").header("cookie", &format!("garth={token}")).await.not_signed_in();
    })
    .await;
    // Reading is free: another site's page is not shown the answer.
    browser.bare(Method::GET, path).header("origin", "https://evil.example").await.ok();
    make(&[("origin", PUBLIC_URL)]).await.created();
    let same = browser.bare(Method::POST, path).json(json!({"name": "ops"})).header("sec-fetch-site", "same-origin");
    same.await.created();
    let by_host = browser.bare(Method::POST, path).json(json!({"name": "third"}));
    by_host.header("origin", "https://here.example").header("host", "here.example").await.created();
}

async fn a_cookie_is_a_session_like_any_other(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let atlas = ada.space("Atlas").create().await;
    let key = ada.key(&atlas, "app", "reader").await;
    let browser = signed_in(&g, "lin").await;
    let token = browser.cookie("__Host-garth").expect("a session");
    // A bearer token wins, good or bad; a key is no cookie.
    let both =
        |bearer: &str| browser.bare(Method::GET, "/api/v1/me").header("authorization", &format!("Bearer {bearer}"));
    let owner = ada.token.clone().expect("a token");
    assert_eq!(both(&owner).await.ok()["user"]["username"], "ada");
    both("gs_0000000000000000000000000000000000000000000000000000").await.not_signed_in();
    let secret = key.token.clone().expect("a secret");
    g.anonymous().get("/api/v1/spaces").header("cookie", &format!("__Host-garth={secret}")).await.not_signed_in();
    // Listed among one's sessions, and ended like them.
    assert_eq!(lin.get("/api/v1/me/sessions").await.ok().items().len(), 2);
    lin.delete("/api/v1/me/sessions").await.done();
    browser.bare(Method::GET, "/api/v1/me").await.not_signed_in();
    let page = browser.visit("/").await.expect_status(303);
    assert_eq!((page.header("location"), page.header("set-cookie")), ("/sign-in", ""));
    // In a header it is what it is in a cookie, while it is good.
    let browser = signed_in(&g, "lin").await;
    assert_ne!(browser.cookie("__Host-garth"), Some(token));
    g.pass(14 * 24 * 60 * 60 * SECOND);
    browser.bare(Method::GET, "/api/v1/me").await.not_signed_in();
}

async fn pages_are_for_people_and_problems_for_programs(g: Garth) {
    g.admin().await;
    let browser = Browser::new(&g);
    let page = browser.visit("/auth/oidc/none/start").await.expect_status(404);
    assert!(
        page.header("content-type").starts_with("text/html") && text(&page).contains("<h1>Not found</h1>"),
        "{page}"
    );
    let id = page.header("x-request-id").to_owned();
    assert!(!id.is_empty() && text(&page).contains(&id), "{page}");
    g.anonymous().get("/auth/oidc/none/start").await.refused(404, "not_found");
    g.anonymous().get("/auth/oidc/none/start").header("accept", "application/json").await.refused(404, "not_found");
    // An application is nobody who has a page.
    let ada = g.admin().await;
    let key = ada.key(&g.home().await, "app", "reader").await;
    key.get("/").await.refused(403, "forbidden");
}

async fn over_plain_http_the_cookie_has_a_plain_name(g: Garth) {
    g.admin().await;
    g.restart_with(|config| config.public_url = "http://127.0.0.1:7400".to_owned()).await;
    let browser = Browser::new(&g);
    let body = browser::form(&[("username", "ada"), ("password", &password("ada"))]);
    let call = browser.bare(Method::POST, "/sign-in").header("origin", "http://127.0.0.1:7400");
    let there = browser.keep(call.raw("application/x-www-form-urlencoded", body).await.expect_status(303));
    let cookie = there.header("set-cookie");
    assert!(cookie.starts_with("garth=gs_") && !cookie.contains("Secure") && cookie.contains("; HttpOnly"), "{cookie}");
    browser.bare(Method::GET, "/api/v1/me").await.ok();
}
