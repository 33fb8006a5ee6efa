//! Stories about the pages that links lead to: who comes in by them, what they say when a link or a password is no good, and
//! what they keep to themselves.

use super::look::between;
use super::{signed_in, text};
use crate::support::*;
use axum::http::Method;

stories! {
    a_link_leads_to_a_page_that_knows_nothing_of_its_token,
    an_account_begins_by_its_page,
    somebody_new_comes_in_by_the_page,
    an_invitation_is_accepted_by_the_page,
    whoever_has_an_account_is_told_so_on_the_page,
    the_page_of_a_new_password_shows_which_ways_in_are_left,
    no_other_site_brings_anybody_in,
}

/// The path that a link leads to, and its token.
fn parts(link: &str) -> (&str, &str) {
    link.strip_prefix(PUBLIC_URL).expect("a link of ours").split_once('#').expect("a token")
}

async fn a_link_leads_to_a_page_that_knows_nothing_of_its_token(g: Garth) {
    let ada = g.admin().await;
    let atlas = ada.space("Atlas").create().await;
    let invited = ada.invite(&atlas, "mara@example.org", "reader").await.text("link");
    let account = ada.post("/api/v1/users", json!({"username": "lin"})).await.created().text("signup_link");
    let (nobody, bo) = (Browser::new(&g), g.person("bo").await);
    let browser = signed_in(&g, &bo.username).await;
    for (link, who, parts_of_it) in [
        (&invited, &nobody, ["You are invited", "href=\"/sign-in?return=/invitation\"", "action=\"/signup\""]),
        (&invited, &browser, ["You are signed in as <b>bo</b>", "Accept the invitation", "action=\"/invitation\""]),
        (&account, &nobody, ["Choose a password", "autocomplete=\"new-password\"", "action=\"/signup\""]),
        (&account, &browser, ["Choose a password", "Going on signs you out", "action=\"/signup\""]),
    ] {
        let (path, token) = parts(link);
        let page = who.visit(path).await.ok();
        assert!(page.header("content-type").starts_with("text/html"), "{page}");
        let html = text(&page);
        for part in parts_of_it {
            assert!(html.contains(part), "{part}: {html}");
        }
        assert!(!html.contains(token) && !html.contains("Atlas") && !html.contains("mara"), "{html}");
        // Without our script the link is pasted: the field is there, and nothing hides it.
        assert!(between(&html, "<div data-link-row", "</div>").contains("name=\"token\" value=\"\""), "{html}");
        // A session that is over is none.
        assert_eq!(g.anonymous().get(path).header("cookie", "__Host-garth=gs_x").await.ok().status, 200);
    }
    let html = text(&nobody.visit("/invitation").await.ok());
    let script = text(&nobody.visit(between(&html, "<script src=\"", "\"")).await.ok());
    for part in ["location.hash", "history.replaceState", "sessionStorage", "removeItem"] {
        assert!(script.contains(part), "{part}: {script}");
    }
    for odd in ["fetch(", "XMLHttpRequest", "localStorage", "cookie"] {
        assert!(!script.contains(odd), "{odd}: {script}");
    }
    // Whoever signs in to accept is brought back.
    let page = text(&nobody.visit("/sign-in?return=/invitation").await.ok());
    assert!(page.contains("name=\"return\" value=\"/invitation\""), "{page}");
}

async fn an_account_begins_by_its_page(g: Garth) {
    let ada = g.admin().await;
    let account = ada.post("/api/v1/users", json!({"username": "lin"})).await.created();
    let link = account.text("signup_link");
    let (_, token) = parts(&link);
    let browser = Browser::new(&g);
    let send = |name: &str, password: &str| {
        let fields = [("token", token), ("name", name), ("password", password)].map(|(k, v)| (k, v.to_owned()));
        let browser = browser.clone();
        async move {
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            browser.submit("/signup", &fields).await
        }
    };
    g.unchanged(async || {
        let weak = text(&send("Lin <L>", "short").await.expect_status(422));
        assert!(weak.contains("The password must be at least 8 characters long."), "{weak}");
        assert!(between(&weak, "<input id=\"password\"", ">").contains("aria-invalid=\"true\" autofocus"), "{weak}");
        assert!(weak.contains("role=\"alert\" id=\"password-wrong\""), "{weak}");
        assert!(!between(&weak, "<input id=\"name\"", ">").contains("aria-invalid"), "{weak}");
        // What was typed is still there, but for the password.
        assert!(weak.contains(&format!("value=\"{token}\"")) && weak.contains("value=\"Lin &#60;L&#62;\""), "{weak}");
        assert!(!weak.contains("short") && !weak.contains("data-link-over"), "{weak}");
        let long = text(&send(&"n".repeat(256), &password("lin")).await.expect_status(422));
        assert!(between(&long, "id=\"name-wrong\">", "<").starts_with("The name must be 1 to"), "{long}");
        assert!(browser.cookie("__Host-garth").is_none());
    })
    .await;
    let page = send(" Lin ", &password("lin")).await.ok();
    assert_eq!((page.header("cache-control"), page.header("referrer-policy")), ("no-store", "same-origin"));
    let html = text(&page);
    assert!(html.contains("You are signed in, Lin") && html.contains("<code>lin</code>"), "{html}");
    assert!(html.contains("data-link-over=\"invitation signup\"") && !html.contains("Other ways in"), "{html}");
    assert_eq!(browser.bare(Method::GET, "/api/v1/me").await.ok()["user"]["name"], "Lin");
    // The codes are those of the account.
    let codes: Vec<&str> = html.split("<li><code>").skip(1).filter_map(|rest| rest.split('<').next()).collect();
    assert_eq!(codes.len(), 5, "{html}");
    let body = json!({"username": "lin", "recovery_code": codes[4], "new_password": "quite another staple 7"});
    g.anonymous().post("/api/v1/recover", body).await.ok();
    // A link is good once; the page says so at its field, and keeps it no more.
    g.unchanged(async || {
        let secret = password("lin");
        for gone in [token, "", "x"] {
            let fields = [("token", gone), ("password", secret.as_str())];
            let used = text(&Browser::new(&g).submit("/signup", &fields).await.expect_status(404));
            assert!(between(&used, "id=\"token-wrong\">", "<").starts_with("This link is good no more"), "{used}");
            assert!(used.contains("data-link-over=\"signup\""), "{used}");
        }
    })
    .await;
}

async fn somebody_new_comes_in_by_the_page(g: Garth) {
    let ada = g.admin().await;
    g.closed_home().await;
    let atlas = ada.space("Atlas").create().await;
    let link = ada.invite(&atlas, "mara@example.org", "writer").await.text("link");
    // Somebody else was signed in there: their session ends.
    let bo = g.person("bo").await;
    let browser = signed_in(&g, "bo").await;
    let old = browser.cookie("__Host-garth").expect("a session");
    let secret = password("somebody new");
    // The whole link is as good as its token, as people paste it.
    let fields = [("token", link.as_str()), ("name", ""), ("password", &secret)];
    let html = text(&browser.submit("/signup", &fields).await.ok());
    let username = between(&html, "Your username is <code>", "<").to_owned();
    assert!(username.starts_with("mara-") && html.matches("<li><code>").count() == 5, "{html}");
    let me = browser.bare(Method::GET, "/api/v1/me").await.ok();
    assert_eq!((&me["user"]["username"], &me["default_space"]), (&json!(username), &json!(atlas.id)));
    bo.with_token(&old).get("/api/v1/me").await.not_signed_in();
    assert!(text(&browser.visit("/spaces").await.ok()).contains("Atlas"));
    Browser::new(&g).submit("/sign-in", &[("username", &username), ("password", &secret)]).await.expect_status(303);
    g.unchanged(async || {
        let used = text(&Browser::new(&g).submit("/signup", &fields).await.expect_status(404));
        assert!(used.contains("This invitation is good no more") && used.contains("Sign in to accept"), "{used}");
        assert!(used.contains("data-link-over=\"invitation\""), "{used}");
    })
    .await;
}

async fn an_invitation_is_accepted_by_the_page(g: Garth) {
    let ada = g.admin().await;
    g.closed_home().await;
    let atlas = ada.space("Atlas").create().await;
    g.person("bo").await;
    g.person("eve").await;
    let invited = ada.invite(&atlas, "bo", "writer").await;
    let (link, token) = (invited.text("link"), invited.text("token"));
    let nobody = Browser::new(&g);
    let eve = signed_in(&g, "eve").await;
    g.unchanged(async || {
        // Whoever is not signed in does that first, and comes back.
        let there = nobody.submit("/invitation", &[("token", &token)]).await.expect_status(303);
        assert_eq!(there.header("location"), "/sign-in?return=/invitation");
        let others = eve.submit("/invitation", &[("token", &token)]).await.expect_status(404);
        assert!(text(&others).contains("This invitation is good no more, or it is for somebody else."), "{others}");
        assert!(
            text(&others).contains("data-link-over=\"invitation\"") && !text(&others).contains("Atlas"),
            "{others}"
        );
        let unknown = eve.submit("/invitation", &[("token", &strange(&token))]).await.expect_status(404);
        assert_missing(&others, &token, &unknown, &strange(&token));
        // A program gets problems.
        let call = |browser: &Browser| browser.bare(Method::POST, "/invitation").header("origin", PUBLIC_URL);
        let body = browser::form(&[("token", &token)]);
        let form = "application/x-www-form-urlencoded";
        call(&nobody).raw(form, body.clone()).await.not_signed_in();
        call(&eve).raw(form, body).await.refused(404, "not_found");
        eve.submit("/invitation?dry_run=true", &[("token", &token)]).await.expect_status(404);
    })
    .await;
    let (browser, secret) = (Browser::new(&g), password("bo"));
    let fields = [("username", "bo"), ("password", secret.as_str()), ("return", "/invitation")];
    assert_eq!(browser.submit("/sign-in", &fields).await.expect_status(303).header("location"), "/invitation");
    g.unchanged(async || {
        let tried = browser.submit("/invitation?dry_run=true", &[("token", &token)]).await.ok();
        assert!(text(&tried).contains("Atlas"), "{tried}");
    })
    .await;
    let html = text(&browser.submit("/invitation", &[("token", &link)]).await.ok());
    assert!(html.contains("You are in Atlas") && html.contains("<span class=\"chip writer\">writer</span>"), "{html}");
    assert!(html.contains("data-link-over=\"invitation\""), "{html}");
    let me = browser.bare(Method::GET, "/api/v1/me").await.ok();
    assert_eq!(me["spaces"][0]["name"], "Atlas", "{me}");
    g.unchanged(async || {
        browser.submit("/invitation", &[("token", &link)]).await.expect_status(404);
    })
    .await;
}

async fn whoever_has_an_account_is_told_so_on_the_page(g: Garth) {
    let ada = g.admin().await;
    let server = smtp::MailServer::start().await;
    smtp::with_mail(&g, &server).await;
    let atlas = ada.space("Atlas").create().await;
    let known = json!({"username": "known@example.org"});
    ada.post("/api/v1/users", known).await.created();
    ada.invite(&atlas, "known@example.org", "reader").await;
    let letter = server.letter().await;
    let (path, token) = (parts(&letter.link()).0.to_owned(), letter.token());
    assert_eq!(path, "/invitation");
    let secret = password("somebody new");
    let fields = [("token", token.as_str()), ("password", secret.as_str())];
    g.unchanged(async || {
        let page = text(&Browser::new(&g).submit("/signup", &fields).await.expect_status(409));
        assert!(between(&page, "<p class=\"error\" role=\"alert\">", "<").contains("sign in, and accept"), "{page}");
        // The link is still good, and kept.
        assert!(page.contains(&format!("value=\"{token}\"")) && !page.contains("data-link-over"), "{page}");
    })
    .await;
}

async fn the_page_of_a_new_password_shows_which_ways_in_are_left(g: Garth) {
    let lin = g.person("lin").await;
    let begun = lin.post("/api/v1/me/passkeys/begin", json!({})).await.ok();
    let credential = Authenticator::new().make(&begun["options"]);
    let body = json!({"ceremony": begun["ceremony"], "name": "Odd <phone>", "credential": credential});
    lin.post("/api/v1/me/passkeys/finish", body).await.created();
    lin.call(Method::PUT, "/api/v1/me/second-factor").json(json!({"required": true})).await.done();
    let ctx = garth_server::Ctx::system(g.app());
    let (_, token) = garth_server::users::reset_link(&ctx, lin.id.clone()).await.expect("a link");
    let browser = Browser::new(&g);
    let fields = [("token", token.as_str()), ("password", "quite another staple 7")];
    let html = text(&browser.submit("/signup", &fields).await.ok());
    let ways = between(&html, "Other ways in", "</ul>");
    assert!(ways.contains("Odd &#60;phone&#62;") && ways.contains("Passkey, made on 2031-05-04"), "{html}");
    // The browser is signed in, though the account asks for a passkey: it can be turned off there.
    let me = browser.bare(Method::GET, "/api/v1/me").await.ok();
    assert_eq!(me["user"]["username"], "lin");
    lin.get("/api/v1/me").await.not_signed_in();
}

async fn no_other_site_brings_anybody_in(g: Garth) {
    let ada = g.admin().await;
    let atlas = ada.space("Atlas").create().await;
    let bo = g.person("bo").await;
    let browser = signed_in(&g, &bo.username).await;
    let account = ada.post("/api/v1/users", json!({"username": "lin"})).await.created().text("signup_token");
    let token = ada.invite(&atlas, "bo", "reader").await.text("token");
    let form = "application/x-www-form-urlencoded";
    g.unchanged(async || {
        let join = browser::form(&[("token", &account), ("password", &password("lin"))]);
        let accept = browser::form(&[("token", &token)]);
        for origin in ["https://evil.example", "null", "http://garth.example"] {
            let call = |path: &str| browser.bare(Method::POST, path).header("origin", origin);
            call("/signup").raw(form, join.clone()).await.refused(403, "forbidden");
            call("/invitation").raw(form, accept.clone()).await.refused(403, "forbidden");
            let call = g.anonymous().call(Method::POST, "/signup").header("origin", origin);
            call.raw(form, join.clone()).await.refused(403, "forbidden");
        }
        // Nobody is signed in to try it, and nothing but the fields is taken.
        let call = |path: &str| g.anonymous().call(Method::POST, path).header("origin", PUBLIC_URL);
        call("/signup?dry_run=true").raw(form, join).await.invalid("?dry_run");
        call("/signup").raw(form, "token=x").await.refused_somehow();
        call("/signup").raw(form, "token=x&password=y&admin=true").await.refused_somehow();
        call("/invitation").raw(form, "").await.refused_somehow();
        let large = format!("token={}", "x".repeat(20 * 1024));
        call("/invitation").raw(form, large).await.refused(413, "too_large");
    })
    .await;
}
