//! Stories about what is mailed: what a letter says, what it proves, and what becomes of letters that cannot be sent.

use super::{atlas, join};
use crate::support::smtp::{MailServer, Manners, with_mail};
use crate::support::*;
use garth_server::base::mail::Security;

stories! {
    somebody_new_comes_in_by_a_letter,
    a_letter_proves_the_address_of_an_account,
    a_username_is_written_to_where_its_address_is_known,
    n56_nobody_verifies_an_address_but_by_reading_it,
    an_address_is_one_accounts_at_a_time,
    a_letter_is_tried_again,
    letters_go_over_tls,
    nothing_is_said_in_the_clear_where_tls_is_asked_for,
    what_cannot_be_sent_is_not_promised,
}

async fn somebody_new_comes_in_by_a_letter(g: Garth) {
    let (_, lin, atlas) = atlas(&g).await;
    let server = MailServer::start().await;
    with_mail(&g, &server).await;
    lin.patch(&atlas.url(""), json!({"name": "Café “Lift”"})).await.ok();
    let invited = lin.invite(&atlas, "New.Person@example.org", "writer").await;
    assert_eq!(invited["mailed"], true);
    assert!(
        invited["token"].is_null() && invited["link"].is_null(),
        "whoever invites is not shown the link: {invited}"
    );

    let letter = server.letter().await;
    assert_eq!(letter.to, ["New.Person@example.org"]);
    assert_eq!(letter.from, "garth@garth.example");
    assert!(letter.head.contains("Auto-Submitted: auto-generated"), "{}", letter.head);
    assert!(letter.head.contains("Date: Sun, 04 May 2031"), "the server's own clock: {}", letter.head);
    for part in ["lin", "Café “Lift”", "writer", "2031-05-11"] {
        assert!(letter.text.contains(part), "{part}: {}", letter.text);
    }
    assert!(letter.link().starts_with(&format!("{PUBLIC_URL}/invitation#invite_")), "{}", letter.link());

    let body = json!({"token": letter.token(), "password": password("somebody new"), "name": "New"});
    let session = g.anonymous().post("/api/v1/signup", body.clone()).await.created();
    let user = &session["user"];
    assert_eq!((&user["username"], &user["name"]), (&json!("New.Person@example.org"), &json!("New")));
    assert_eq!((&user["email"], &user["email_verified"]), (&json!("New.Person@example.org"), &json!(true)));
    assert_eq!(user["system_admin"], false);
    let new = g.anonymous().with_token(&session.text("token"));
    assert_eq!(new.get(&atlas.url("")).await.ok()["access"]["role"], "writer");
    assert_eq!(new.get("/api/v1/me").await.ok()["default_space"], atlas.id);
    g.unchanged(async || {
        let used = g.anonymous().post("/api/v1/signup", body).await.refused(404, "not_found");
        assert_same(&used, &join(&g, &strange(&letter.token())).await);
    })
    .await;
    let login = json!({"username": "new.person@example.org", "password": password("somebody new")});
    g.anonymous().post("/api/v1/login", login).await.ok();

    // The next one is listed to them, and accepted without the link.
    let beta = g.admin().await.space("Beta").create().await;
    let next = g.admin().await.invite(&beta, "new.person@EXAMPLE.org", "reader").await;
    server.letter().await;
    assert_eq!(new.get("/api/v1/me/invitations").await.ok().each("id"), [next.id()]);
    new.accept(&next.id()).await.ok();
    // As somebody new they would be somebody else, and are told so: they read the address.
    g.admin().await.invite(&beta, "new.person@example.org", "writer").await;
    let third = server.letter().await.token();
    g.unchanged(async || {
        let twice = join(&g, &third).await.refused(409, "conflict");
        assert!(twice.text("detail").contains("sign in, and accept"), "{twice}");
    })
    .await;
    new.accept(&third).await.ok();
}

async fn a_letter_proves_the_address_of_an_account(g: Garth) {
    let (ada, lin, atlas) = atlas(&g).await;
    let server = MailServer::start().await;
    with_mail(&g, &server).await;
    let (bo, eve) = (g.person("bo").await, g.person("eve").await);
    ada.patch(&format!("/api/v1/users/{}", bo.id), json!({"email": "bo@example.org"})).await.ok();
    let invited = lin.invite(&atlas, "bo@example.org", "reader").await;
    let token = server.letter().await.token();
    // What an administrator has noted is not proved: the list does not show it, the letter does it.
    assert!(bo.get("/api/v1/me/invitations").await.ok().items().is_empty());
    g.unchanged(async || {
        bo.accept(&invited.id()).await.refused(404, "not_found");
        eve.accept(&token).await.refused(404, "not_found");
    })
    .await;
    assert_eq!(bo.get("/api/v1/me").await.ok()["user"]["email_verified"], false);
    bo.accept(&token).await.ok();
    assert_eq!(bo.get("/api/v1/me").await.ok()["user"]["email_verified"], true);
    g.restart_with(|config| config.mail = Some(server.settings())).await;
    let again = lin.invite(&atlas, "BO@example.org", "writer").await;
    assert_eq!(bo.get("/api/v1/me/invitations").await.ok().each("id"), [again.id()]);
    assert!(eve.get("/api/v1/me/invitations").await.ok().items().is_empty());
    bo.accept(&again.id()).await.ok();
    assert_eq!(bo.get(&atlas.url("")).await.ok()["access"]["role"], "writer");
}

async fn a_username_is_written_to_where_its_address_is_known(g: Garth) {
    let (ada, lin, atlas) = atlas(&g).await;
    let server = MailServer::start().await;
    with_mail(&g, &server).await;
    let (bo, kim) = (g.person("bo").await, g.person("kim").await);
    ada.patch(&format!("/api/v1/users/{}", bo.id), json!({"email": "bo@example.org"})).await.ok();
    lin.invite(&atlas, "kim", "reader").await;
    lin.invite(&atlas, "nobody-at-all", "reader").await;
    lin.invite(&atlas, "bo", "reader").await;
    let letter = server.letter().await;
    assert_eq!(letter.to, ["bo@example.org"], "the others have no address");
    assert!(server.quiet().await);
    bo.accept(&letter.token()).await.ok();
    assert_eq!(bo.get("/api/v1/me").await.ok()["user"]["email_verified"], false, "it was the name that was invited");
    let mine = kim.get("/api/v1/me/invitations").await.ok();
    kim.accept(&mine.each("id")[0]).await.ok();
}

async fn n56_nobody_verifies_an_address_but_by_reading_it(g: Garth) {
    let (ada, lin, atlas) = atlas(&g).await;
    let server = MailServer::start().await;
    with_mail(&g, &server).await;
    let bo = g.person("bo").await;
    let account = format!("/api/v1/users/{}", bo.id);
    g.unchanged(async || {
        for field in ["email_verified", "verified_email"] {
            ada.patch(&account, json!({field: true})).await.invalid(&format!("/{field}"));
            bo.patch("/api/v1/me", json!({field: true})).await.invalid(&format!("/{field}"));
            let new = json!({"username": "zoe", "email": "zoe@example.org", field: true});
            ada.post("/api/v1/users", new).await.invalid(&format!("/{field}"));
        }
        bo.patch("/api/v1/me", json!({"email": "lin@example.org"})).await.invalid("/email");
        ada.patch(&account, json!({"password": password("eve")})).await.invalid("/password");
    })
    .await;
    ada.patch(&account, json!({"email": "bo@example.org"})).await.ok();
    let verified = async || bo.get("/api/v1/me").await.ok()["user"]["email_verified"].clone();
    assert_eq!(verified().await, false);
    lin.invite(&atlas, "bo@example.org", "reader").await;
    bo.accept(&server.letter().await.token()).await.ok();
    assert_eq!(verified().await, true);
    // Saying the same leaves it, saying another one takes it away, and saying the first again does not bring it back.
    ada.patch(&account, json!({"email": "bo@example.org", "name": "Bo"})).await.ok();
    assert_eq!(verified().await, true);
    ada.patch(&account, json!({"email": "other@example.org"})).await.ok();
    assert_eq!(verified().await, false);
    ada.patch(&account, json!({"email": "bo@example.org"})).await.ok();
    assert_eq!(verified().await, false);
    lin.invite(&atlas, "bo@example.org", "writer").await;
    assert!(bo.get("/api/v1/me/invitations").await.ok().items().is_empty());
}

async fn an_address_is_one_accounts_at_a_time(g: Garth) {
    let (ada, lin, atlas) = atlas(&g).await;
    let server = MailServer::start().await;
    with_mail(&g, &server).await;
    let (bo, eve) = (g.person("bo").await, g.person("eve").await);
    for person in [&bo, &eve] {
        let account = format!("/api/v1/users/{}", person.id);
        ada.patch(&account, json!({"email": "desk@example.org"})).await.ok();
        lin.invite(&atlas, "desk@example.org", "reader").await;
        person.accept(&server.letter().await.token()).await.ok();
    }
    // Whoever proved it last reads it now.
    let verified = async |person: &Person| person.get("/api/v1/me").await.ok()["user"]["email_verified"].clone();
    assert_eq!((verified(&bo).await, verified(&eve).await), (json!(false), json!(true)));
    let next = lin.invite(&atlas, "desk@example.org", "writer").await;
    assert!(bo.get("/api/v1/me/invitations").await.ok().items().is_empty());
    assert_eq!(eve.get("/api/v1/me/invitations").await.ok().each("id"), [next.id()]);
}

async fn a_letter_is_tried_again(g: Garth) {
    let (_, lin, atlas) = atlas(&g).await;
    let server = MailServer::start().await;
    with_mail(&g, &server).await;
    server.behave(Manners { busy: 1, ..Manners::default() });
    lin.invite(&atlas, "new@example.org", "reader").await;
    assert_eq!(server.letter().await.to, ["new@example.org"], "the first try met a busy server");
    // A recipient that the mail server does not know is no trouble of the operator's, and nobody is told.
    server.behave(Manners { recipient: Some("550 <ghost@example.org> is nobody here"), ..Manners::default() });
    let ghost = lin.invite(&atlas, "ghost@example.org", "reader").await;
    assert_eq!(ghost["mailed"], true);
    eventually("the mail server says no", async || {
        server.heard().iter().any(|line| line.starts_with("RCPT TO:<ghost@example.org>"))
    })
    .await;
    server.behave(Manners::default());
    lin.invite(&atlas, "last@example.org", "reader").await;
    assert_eq!(server.letter().await.to, ["last@example.org"]);
}

async fn letters_go_over_tls(g: Garth) {
    let (_, lin, atlas) = atlas(&g).await;
    let server = MailServer::start().await;
    for security in [Security::StartTls, Security::Tls] {
        server.behave(Manners { tls: Some(security), ..Manners::default() });
        g.restart_with(|config| config.mail = Some(server.settings_over(security))).await;
        lin.invite(&atlas, "new@example.org", "reader").await;
        assert_eq!(server.letter().await.to, ["new@example.org"], "{security:?}");
    }
    // Who it signs in as, and everything else, was said inside.
    let heard = server.heard();
    let open: Vec<&String> = heard.iter().filter(|line| !line.starts_with("(tls) ")).collect();
    assert!(open.iter().all(|line| line.starts_with("EHLO") || line.starts_with("STARTTLS")), "{heard:#?}");
    assert_eq!(heard.iter().filter(|line| line.starts_with("(tls) AUTH PLAIN")).count(), 2, "{heard:#?}");
}

async fn nothing_is_said_in_the_clear_where_tls_is_asked_for(g: Garth) {
    let (_, lin, atlas) = atlas(&g).await;
    let server = MailServer::start().await;
    g.expects_warning("a letter could not be handed to the mail server");
    g.restart_with(|config| config.mail = Some(server.settings_over(Security::StartTls))).await;
    lin.invite(&atlas, "new@example.org", "reader").await;
    eventually("the mail server is asked", async || !server.heard().is_empty()).await;
    // What follows in the same server's order has come after it.
    with_mail(&g, &server).await;
    lin.invite(&atlas, "other@example.org", "reader").await;
    assert_eq!(server.letter().await.to, ["other@example.org"]);
    let heard = server.heard().join("\n");
    assert!(!heard.contains("new@example.org") && !heard.contains("AUTH"), "{heard}");
}

async fn what_cannot_be_sent_is_not_promised(g: Garth) {
    let (ada, lin, atlas) = atlas(&g).await;
    let server = MailServer::start().await;
    with_mail(&g, &server).await;
    server.behave(Manners { silent: true, ..Manners::default() });
    g.expects_warning("letters could not be sent before the end");
    let mut inviters = vec![lin.clone()];
    for name in ["bo", "kim"] {
        let other = g.person(name).await;
        ada.grant_by_registry(&atlas, &other, "admin").await;
        inviters.push(other);
    }
    // 256 wait, four are being sent, and one is in the hand of whoever sends them.
    let invite = |number: usize| {
        let body = json!({"to": format!("new{number}@example.org"), "role": "reader"});
        inviters[number / 150].post(&atlas.url("/invitations"), body)
    };
    let mut number = 0;
    let full = loop {
        let answer = invite(number).may_fail().await;
        if answer.status != 202 {
            break answer;
        }
        number += 1;
        assert!(number < 300, "the queue has no end");
    };
    full.unavailable("overloaded");
    assert!((256..=262).contains(&number), "{number}");
    g.unchanged(async || invite(number).may_fail().await.unavailable("overloaded")).await;
    // Everything else goes on.
    lin.get(&atlas.url("/invitations?limit=1")).await.ok();
}
