//! Stories about the pages of people: the first administrator, where somebody begins, one's own account, the way back in, and
//! the accounts and groups of an installation.

use super::look::{between, has, html, lacks};
use super::{signed_in, text};
use crate::support::*;

stories! {
    the_first_administrator_comes_in_by_the_page,
    somebody_begins_in_a_space_of_theirs,
    an_account_is_changed_on_its_pages,
    a_lost_password_is_set_anew_on_the_page,
    accounts_are_managed_on_the_pages,
    groups_are_managed_on_the_pages,
}

/// Two pages that tell nobody apart, but for the request's id.
#[track_caller]
fn same_page(one: &Answer, other: &Answer) {
    let plain = |answer: &Answer| {
        (answer.status, answer.headers.len(), text(answer).replace(answer.header("x-request-id"), "(id)"))
    };
    assert_eq!(plain(one), plain(other));
}

/// The codes that a page shows.
fn codes(html: &str) -> Vec<String> {
    let codes = html.split("<li><code>").skip(1).filter_map(|rest| rest.split('<').next());
    codes.map(str::to_owned).collect()
}

async fn the_first_administrator_comes_in_by_the_page(g: Garth) {
    let browser = Browser::new(&g);
    assert_eq!(browser.visit("/").await.expect_status(303).header("location"), "/setup");
    has(&html(&browser, "/sign-in").await, &["href=\"/setup\""]);
    has(&html(&browser, "/setup").await, &["Setup token", "setup-token", "action=\"/setup\""]);
    let token = g.setup_token().expect("a token");
    let secret = password("ada");
    let fields = |token: &str, password: &str| {
        let all = [
            ("token", token),
            ("username", "ada"),
            ("password", password),
            ("name", "Ada <b>"),
            ("space", "Marketing"),
        ];
        all.map(|(name, value)| (name, value.to_owned()))
    };
    let send = async |token: &str, password: &str| {
        let fields = fields(token, password);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        browser.submit("/setup", &fields).await
    };
    g.unchanged(async || {
        let wrong = text(&send("setup_wrong", &secret).await.expect_status(422));
        has(&wrong, &["id=\"token.wrong\"", "The setup token is wrong", "value=\"Ada &#60;b&#62;\"", "autofocus"]);
        lacks(&wrong, &[&secret, "Ada <b>"]);
        let weak = text(&send(&token, "password").await.expect_status(422));
        has(&weak, &["id=\"password.wrong\"", "value=\"Marketing\""]);
        assert!(browser.cookie("__Host-garth").is_none());
    })
    .await;
    let page = text(&send(&format!(" {token}\n"), &secret).await.ok());
    has(
        &page,
        &["You are signed in, Ada &#60;b&#62;", "they are shown this once", "data-copy=\"codes\"", "data-print"],
    );
    assert_eq!(codes(&page).len(), 5);
    let there = browser.visit("/").await.expect_status(303);
    has(there.header("location"), &["/s/"]);
    has(&html(&browser, there.header("location")).await, &["Marketing"]);
    // From now on there is no such page, like any other.
    let nobody = Browser::new(&g);
    g.unchanged(async || {
        let missing = nobody.visit("/nowhere").await.expect_status(404);
        same_page(&nobody.visit("/setup").await.expect_status(404), &missing);
        same_page(&browser.visit("/setup").await.expect_status(404), &missing);
        send(&token, &secret).await.expect_status(404);
        g.anonymous().get("/setup").await.refused(404, "not_found");
        lacks(&html(&nobody, "/sign-in").await, &["/setup"]);
    })
    .await;
}

async fn somebody_begins_in_a_space_of_theirs(g: Garth) {
    let ada = g.admin().await;
    g.closed_home().await;
    let lin = g.person("lin").await;
    let browser = signed_in(&g, "lin").await;
    let none = html(&browser, "/").await;
    has(&none, &["You have no space yet", "invite <b>lin</b>", "Sign out"]);
    lacks(&none, &["action=\"/account/space\"", "System"]);
    g.unchanged(async || {
        let refused = browser.submit("/account/space", &[("name", "Mine")]).await.expect_status(403);
        has(&text(&refused), &["role=\"alert\""]);
    })
    .await;
    // Invited, they are told so, and come in.
    let atlas = ada.space("Atlas").create().await;
    ada.post(&atlas.url("/invitations"), json!({"to": "lin", "role": "writer"})).await;
    let page = html(&browser, "/").await;
    has(&page, &["You are invited", "Atlas", "Ada invites you", "chip writer"]);
    has(&html(&browser, "/account").await, &["Invitations for you", "Join Atlas"]);
    let join = format!("/account/invitations/{}/accept", between(&page, "/account/invitations/", "/accept"));
    let there = browser.submit(&join, &[]).await.expect_status(303);
    assert_eq!(there.header("location"), format!("/s/{}", atlas.id));
    has(&html(&browser, there.header("location")).await, &["You are in Atlas, as writer."]);
    assert_eq!(browser.visit("/").await.expect_status(303).header("location"), format!("/s/{}", atlas.id));
    g.unchanged(async || browser.submit(&join, &[]).await.expect_status(404)).await;
    // Where anybody may make a space, so may they.
    ada.patch("/api/v1/settings", json!({"create_spaces": "users"})).await.ok();
    let made = browser.submit("/account/space", &[("name", "Mine")]).await.expect_status(303);
    let mine = made.header("location").to_owned();
    has(&html(&browser, &mine).await, &["Mine is made"]);
    // The last one that was looked at comes first, unless they chose one.
    assert_eq!(browser.visit("/").await.expect_status(303).header("location"), mine);
    let page = html(&browser, "/account").await;
    has(&page, &["Where you begin", &format!("value=\"{}\"", atlas.id)]);
    let choose = async |space: &str| browser.submit("/account", &[("name", "Lin"), ("default_space", space)]).await;
    choose(&atlas.id).await.expect_status(303);
    assert_eq!(browser.visit("/").await.expect_status(303).header("location"), format!("/s/{}", atlas.id));
    let hidden = ada.space("Zqhidden").create().await;
    g.unchanged(async || {
        let refused = text(&choose(&hidden.id).await.expect_status(422));
        has(&refused, &["id=\"default_space.wrong\"", "Is not a space you can see."]);
        lacks(&refused, &["Zqhidden"]);
    })
    .await;
    // One that they see no more, or that is archived, leads nowhere.
    ada.post(&atlas.url("/archive"), json!({})).await.ok();
    assert_eq!(browser.visit("/").await.expect_status(303).header("location"), mine);
    choose("").await.expect_status(303);
    assert_eq!(lin.get("/api/v1/me").await.ok()["default_space"], Value::Null);
    has(&html(&browser, "/account?q=mine").await, &["Mine"]);
}

async fn an_account_is_changed_on_its_pages(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let browser = signed_in(&g, "lin").await;
    let odd = "<script>alert(1)</script>";
    let done = browser.submit("/account", &[("name", odd)]).await.expect_status(303);
    assert_eq!(done.header("location"), "/account");
    let page = html(&browser, "/account").await;
    has(&page, &["Your account is saved.", "&#60;script&#62;", "None is known", "aria-current=\"page\""]);
    lacks(&page, &[odd, "System", "Where you begin"]);
    ada.patch(&format!("/api/v1/users/{}", lin.id), json!({"email": "lin@example.org"})).await.ok();
    has(&html(&browser, "/account").await, &["lin@example.org", "not proved"]);
    let wrong = browser.submit("/account", &[("name", "")]).await.expect_status(422);
    has(&text(&wrong), &["id=\"name.wrong\""]);

    // Where they are signed in, and nowhere else any more.
    let page = html(&browser, "/account/sessions").await;
    has(&page, &["this one", "The link of your account or invitation", "Sign out everywhere else"]);
    let theirs = between(&page, "/account/sessions/", "/end").to_owned();
    let other = ada.get("/api/v1/me/sessions").await.ok().items();
    let other = other.first().and_then(|session| session["id"].as_str()).expect("a session").to_owned();
    g.unchanged(async || {
        let foreign = browser.submit(&format!("/account/sessions/{other}/end"), &[]).await.expect_status(404);
        let never = browser.submit(&format!("/account/sessions/{}/end", strange(&other)), &[]).await.expect_status(404);
        same_page(&foreign, &never);
    })
    .await;
    let done = browser.submit(&format!("/account/sessions/{theirs}/end"), &[]).await.expect_status(303);
    assert_eq!(done.header("location"), "/account/sessions");
    lin.get("/api/v1/me").await.not_signed_in();
    let page = html(&browser, "/account/sessions").await;
    has(&page, &["That session has ended."]);
    lacks(&page, &["Sign out everywhere else"]);

    // The password: wrong, weak, changed.
    let (old, new) = (password("lin"), "quite another staple 7");
    let elsewhere = signed_in(&g, "lin").await;
    let send = async |current: &str, new: &str| {
        browser.submit("/account/password", &[("current", current), ("new", new)]).await
    };
    g.unchanged(async || {
        let wrong = text(&send("not-it-7", new).await.expect_status(422));
        has(&wrong, &["id=\"current.wrong\"", "The current password is wrong.", "aria-invalid=\"true\""]);
        lacks(&wrong, &[new, "not-it-7"]);
        has(&text(&send(&old, "password").await.expect_status(422)), &["id=\"new.wrong\""]);
        let wrong = browser.submit("/account/recovery-codes", &[("current", "guess")]).await.expect_status(422);
        has(&text(&wrong), &["id=\"codes-current.wrong\""]);
        // Nor does a form of another site.
        let forged =
            browser.bare(axum::http::Method::POST, "/account/password").header("origin", "https://evil.example");
        let body = browser::form(&[("current", &old), ("new", new)]);
        forged.raw("application/x-www-form-urlencoded", body).await.refused(403, "forbidden");
    })
    .await;
    let done = send(&old, new).await.expect_status(303);
    assert_eq!(done.header("location"), "/account/security");
    has(&html(&browser, "/account/security").await, &["Your password is changed", "You have 5 left"]);
    assert_eq!(elsewhere.visit("/account").await.expect_status(303).header("location"), "/sign-in?return=%2Faccount");
    let sent = elsewhere.submit("/account/password", &[("current", ""), ("new", "")]).await.expect_status(303);
    assert_eq!(sent.header("location"), "/sign-in?return=%2Faccount");

    // New codes are shown once.
    let page = text(&browser.submit("/account/recovery-codes", &[("current", new)]).await.ok());
    assert_eq!(codes(&page).len(), 5);
    lacks(&html(&browser, "/account/security").await, &[&codes(&page)[0]]);
    // An application has no account.
    let key = ada.key(&g.home().await, "app", "reader").await;
    key.get("/account").await.refused(403, "forbidden");
}

async fn a_lost_password_is_set_anew_on_the_page(g: Garth) {
    let kim = g.person("kim").await;
    let mine = kim.post("/api/v1/me/recovery-codes", json!({"current": password("kim")})).await.ok();
    let code = mine["recovery_codes"][0].as_str().expect("a code").to_owned();
    let browser = Browser::new(&g);
    has(&html(&browser, "/sign-in").await, &["href=\"/recover\""]);
    has(&html(&browser, "/recover").await, &["Recovery code", "action=\"/recover\""]);
    let new = "quite another staple 7";
    let send = async |username: &str, code: &str, password: &str| {
        let fields = [("username", username), ("recovery_code", code), ("new_password", password)];
        browser.submit("/recover", &fields).await
    };
    g.unchanged(async || {
        // Whoever there is or is not, the answer is the same.
        let wrong = send("kim", "00000-00000-00000-00000", new).await.expect_status(401);
        let nobody = send("zoe", "00000-00000-00000-00000", new).await.expect_status(401);
        assert_missing(&wrong, "kim", &nobody, "zoe");
        has(&text(&wrong), &["Username or recovery code is wrong.", "value=\"kim\""]);
        lacks(&text(&wrong), &["00000-00000", new]);
        // Too easy a password leaves the code as it is.
        has(&text(&send("kim", &code, "password").await.expect_status(422)), &["id=\"password.wrong\""]);
        assert!(browser.cookie("__Host-garth").is_none());
    })
    .await;
    let page = text(&send("kim", &code.to_uppercase(), new).await.ok());
    has(&page, &["You are signed in, kim", "4 recovery codes are left", "/account/security"]);
    lacks(&page, &["Other ways in"]);
    kim.get("/api/v1/me").await.not_signed_in();
    browser.bare(axum::http::Method::GET, "/api/v1/me").await.ok();
    g.unchanged(async || send("kim", &code, new).await.expect_status(401)).await;
}

async fn accounts_are_managed_on_the_pages(g: Garth) {
    let ada = g.admin().await;
    g.closed_home().await;
    let (lin, bo) = (g.person("lin").await, g.person("bo").await);
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    ada.patch("/api/v1/settings", json!({"create_spaces": "space_admins"})).await.ok();
    let sealed = lin.space("Zqsealed").under(&atlas).sealed().send().await;
    let crew = ada.group("crew", &[&bo]).await;
    ada.grant_by_registry(&atlas, &crew, "writer").await;
    let browser = signed_in(&g, "ada").await;
    let other = signed_in(&g, "bo").await;
    let account = |person: &Person, tail: &str| format!("/system/users/{}{tail}", person.id);
    // For those alone who administer the installation.
    g.unchanged(async || {
        for path in ["/system/users".to_owned(), account(&lin, ""), account(&bo, ""), "/system/users/x".to_owned()] {
            let closed = other.visit(&path).await.expect_status(403);
            lacks(&text(&closed), &[">lin<", &lin.id]);
        }
        for (path, fields) in [
            ("/system/users".to_owned(), vec![("username", "new")]),
            (account(&lin, ""), vec![("name", "Eve")]),
            (account(&lin, "/enabled"), vec![("enabled", "false")]),
            (account(&bo, "/administrator"), vec![("system_admin", "true")]),
            (account(&lin, "/sign-out"), vec![]),
            (account(&lin, "/delete"), vec![("confirm", "lin")]),
        ] {
            other.submit(&path, &fields).await.expect_status(403);
        }
    })
    .await;
    let all = html(&browser, "/system/users").await;
    has(&all, &["ada", "lin", "bo", "administrator", "can sign in", "(you)", "aria-current=\"page\""]);
    let found = html(&browser, "/system/users?q=li&state=active").await;
    has(&found, &[&account(&lin, "")]);
    lacks(&found, &[&account(&bo, "")]);
    lacks(&html(&browser, "/system/users?state=admins").await, &[&account(&lin, "")]);
    has(&html(&browser, "/system/users?state=disabled").await, &["Nobody found"]);
    browser.visit("/system/users?state=x").await.expect_status(422);

    // A new one: the link is shown once, and begins the account.
    g.unchanged(async || {
        let taken = browser.submit("/system/users", &[("username", "lin"), ("name", "Other <b>")]).await;
        has(&text(&taken.expect_status(422)), &["id=\"username.wrong\"", "value=\"Other &#60;b&#62;\""]);
    })
    .await;
    let page =
        text(&browser.submit("/system/users", &[("username", "mara"), ("name", "Mara"), ("email", "")]).await.ok());
    let token = between(&page, "/signup#", "</code>").to_owned();
    has(&page, &["The link for Mara", "It is shown this once"]);
    lacks(&html(&browser, "/system/users").await, &[&token]);
    g.anonymous().post("/api/v1/signup", json!({"token": token, "password": password("mara")})).await.created();

    // What somebody holds, as the registry shows it.
    assert_eq!(sealed.status, 201, "{sealed}");
    let page = html(&browser, &account(&lin, "")).await;
    has(&page, &["Atlas", "chip admin", "1 role in a space", "garth admin reset-link lin"]);
    lacks(&page, &["Zqsealed"]);
    has(
        &html(&browser, &account(&bo, "")).await,
        &["by the group crew", &format!("/system/groups/{}", crew.id), "1 group,"],
    );

    // Changed, kept out, let in, signed out.
    let done =
        browser.submit(&account(&bo, ""), &[("name", "Bo A."), ("email", "bo@example.org")]).await.expect_status(303);
    assert_eq!(done.header("location"), account(&bo, ""));
    has(&html(&browser, &account(&bo, "")).await, &["Bo A. is saved.", "value=\"bo@example.org\""]);
    let wrong = browser.submit(&account(&bo, ""), &[("name", "Bo"), ("email", "nowhere")]).await.expect_status(422);
    has(&text(&wrong), &["id=\"email.wrong\"", "value=\"nowhere\""]);
    browser.submit(&account(&bo, "/enabled"), &[("enabled", "false")]).await.expect_status(303);
    bo.get("/api/v1/me").await.not_signed_in();
    has(&html(&browser, &account(&bo, "")).await, &["Bo A. can no longer sign in", "disabled", "Let Bo A. in"]);
    browser.submit(&account(&bo, "/enabled"), &[("enabled", "true")]).await.expect_status(303);
    let bo = g.anonymous().sign_in("bo").await;
    browser.submit(&account(&bo, "/sign-out"), &[]).await.expect_status(303);
    bo.get("/api/v1/me").await.not_signed_in();
    browser.submit(&account(&bo, "/administrator"), &[("system_admin", "true")]).await.expect_status(303);
    has(&html(&browser, "/system/users?state=admins").await, &[&account(&bo, "")]);
    browser.submit(&account(&bo, "/administrator"), &[("system_admin", "false")]).await.expect_status(303);

    // The last administrator stays one; an account ends for whoever types its name.
    g.unchanged(async || {
        let last = browser.submit(&account(&ada, "/enabled"), &[("enabled", "false")]).await.expect_status(409);
        has(&text(&last), &["role=\"alert\"", "administrator"]);
        let wrong = browser.submit(&account(&bo, "/delete"), &[("confirm", "lin")]).await.expect_status(422);
        has(&text(&wrong), &["id=\"confirm.wrong\"", "Type bo to go on."]);
    })
    .await;
    let done = browser.submit(&account(&bo, "/delete"), &[("confirm", "bo")]).await.expect_status(303);
    assert_eq!(done.header("location"), "/system/users");
    has(&html(&browser, "/system/users").await, &["The account of Bo A. has ended."]);
    let gone = browser.visit(&account(&bo, "")).await.expect_status(404);
    same_page(&gone, &browser.visit(&format!("/system/users/{}", strange(&bo.id))).await.expect_status(404));
}

async fn groups_are_managed_on_the_pages(g: Garth) {
    let ada = g.admin().await;
    g.closed_home().await;
    let (lin, bo) = (g.person("lin").await, g.person("bo").await);
    let atlas = ada.space("Atlas").create().await;
    let browser = signed_in(&g, "ada").await;
    has(&html(&browser, "/system/groups").await, &["No group yet"]);
    let made = browser.submit("/system/groups", &[("name", "Crew <b>")]).await.expect_status(303);
    let crew = made.header("location").to_owned();
    let id = crew.trim_start_matches("/system/groups/").to_owned();
    has(&html(&browser, &crew).await, &["Crew &#60;b&#62; is made.", "Nobody yet"]);
    let others = ada.group("others", &[&bo]).await;
    let at = |tail: &str| format!("{crew}{tail}");
    let member = signed_in(&g, "lin").await;
    g.unchanged(async || {
        for (path, fields) in [
            ("/system/groups".to_owned(), vec![("name", "mine")]),
            (at(""), vec![("name", "mine")]),
            (at("/members"), vec![("person", "lin")]),
            (at(&format!("/members/{}/remove", bo.principal())), vec![]),
            (at("/delete"), vec![]),
        ] {
            member.submit(&path, &fields).await.expect_status(403);
        }
        for path in ["/system/groups", &crew] {
            lacks(&text(&member.visit(path).await.expect_status(403)), &["Crew"]);
        }
        let taken = browser.submit("/system/groups", &[("name", "others")]).await.expect_status(422);
        has(&text(&taken), &["id=\"name.wrong\"", "value=\"others\""]);
        let nobody = browser.submit(&at("/members"), &[("person", "eve")]).await.expect_status(422);
        has(&text(&nobody), &["id=\"person.wrong\"", "value=\"eve\"", "Is not a user or a group."]);
        let circle = browser.submit(&at("/members"), &[("group", &id)]).await.expect_status(422);
        has(&text(&circle), &["The group would contain itself."]);
    })
    .await;
    browser.submit(&at("/members"), &[("person", "@lin")]).await.expect_status(303);
    browser.submit(&at("/members"), &[("group", &others.id)]).await.expect_status(303);
    let page = html(&browser, &crew).await;
    has(
        &page,
        &[&format!("/system/users/{}", lin.id), &format!("/system/groups/{}", others.id), "others is in the group."],
    );
    ada.grant_by_registry(&atlas, &others, "reader").await;
    ada.post(
        &format!("/api/v1/registry/spaces/{}/grants", atlas.id),
        json!({"principal": format!("group:{id}"), "role": "writer"}),
    )
    .await
    .created();
    has(&html(&browser, &crew).await, &["chip writer", "It is in use"]);
    has(&html(&browser, &format!("/system/groups/{}", others.id)).await, &["chip reader", "by the group Crew", &crew]);
    g.unchanged(async || {
        let used = browser.submit(&at("/delete"), &[]).await.expect_status(409);
        has(&text(&used), &["The group is in use"]);
    })
    .await;
    browser.submit(&at(&format!("/members/{}/remove", lin.principal())), &[]).await.expect_status(303);
    lacks(&html(&browser, &crew).await, &[&format!("/system/users/{}", lin.id)]);
    browser.submit(&at(""), &[("name", "Night shift")]).await.expect_status(303);
    has(&html(&browser, "/system/groups").await, &["Night shift", "others"]);
    let (gone, never) = (format!("/system/groups/{}", strange(&id)), format!("/system/groups/{}", strange(&others.id)));
    same_page(&browser.visit(&gone).await.expect_status(404), &browser.visit(&never).await.expect_status(404));
    let done = ada.group("spare", &[]).await;
    let done = browser.submit(&format!("/system/groups/{}/delete", done.id), &[]).await.expect_status(303);
    assert_eq!(done.header("location"), "/system/groups");
    lacks(&html(&browser, "/system/groups").await, &[">spare<"]);
}
