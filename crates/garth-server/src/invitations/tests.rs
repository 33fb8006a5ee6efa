//! Stories about invitations: who may invite, what everybody is told, and how people come in. What must fail, and what is
//! mailed, have files of their own.

use crate::support::*;

#[path = "tests/bounds.rs"]
mod bounds;
#[path = "tests/mailed.rs"]
mod mailed;

stories! {
    an_invited_account_accepts_what_is_addressed_to_it,
    whoever_exists_the_answer_is_the_same,
    a_link_that_was_shown_proves_nothing,
    only_administrators_invite_and_only_to_what_they_hold,
    an_application_invites_while_its_key_is_good,
    a_role_that_came_with_a_session_invites_nobody,
    nobody_comes_into_an_archived_space,
    a_sealed_space_invites_to_built_in_roles,
    what_is_deleted_takes_its_invitations_along,
    an_invitation_outlives_a_restart_and_is_on_record,
    an_invitation_for_good_makes_a_passing_grant_last,
    login_policies_are_asked_about_whoever_joins,
    invitations_are_listed_page_by_page,
    what_is_tried_invites_nobody,
}

impl Person {
    /// Invites somebody into a space: the answer.
    pub async fn invite(&self, space: &Thing, to: &str, role: &str) -> Answer {
        self.post(&space.url("/invitations"), json!({"to": to, "role": role})).await.expect_status(202)
    }

    /// Accepts by a token or an id.
    pub fn accept(&self, named: &str) -> Call {
        self.post(&format!("/api/v1/invitations/{named}/accept"), json!({}))
    }
}

/// Joins as somebody new.
pub fn join(g: &Garth, token: &str) -> Call {
    g.anonymous().post("/api/v1/signup", json!({"token": token, "password": password("somebody new")}))
}

/// Atlas of lin's, in an installation where people are strangers.
pub async fn atlas(g: &Garth) -> (Person, Person, Thing) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    g.closed_home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    (ada, lin, atlas)
}

async fn an_invited_account_accepts_what_is_addressed_to_it(g: Garth) {
    let (_, lin, atlas) = atlas(&g).await;
    let (bo, eve) = (g.person("bo").await, g.person("eve").await);
    // Strangers: a grant would tell whether there is a Bo.
    g.unchanged(async || {
        let grant = json!({"principal": "user:@bo", "role": "writer"});
        lin.post(&atlas.url("/grants"), grant).await.invalid("/principal");
    })
    .await;
    let invited = lin.invite(&atlas, "bo", "writer").await;
    assert_eq!((&invited["to"], &invited["role"], &invited["good"]), (&json!("bo"), &json!("writer"), &json!(true)));
    assert_eq!((&invited["mailed"], &invited["invited_by"]), (&json!(false), &json!(lin.principal())));
    assert_eq!(invited["expires_at"], g.time_in(7 * 24 * 60 * 60 * SECOND));
    assert_eq!(invited.text("link"), format!("{PUBLIC_URL}/invitation#{}", invited.text("token")));
    let listed = lin.get(&atlas.url("/invitations")).await.ok();
    assert_eq!(listed.each("id"), [invited.id()]);
    assert!(!String::from_utf8_lossy(&listed.bytes).contains("invite_"), "the token is shown once: {listed}");

    let mine = bo.get("/api/v1/me/invitations").await.ok();
    assert_eq!(mine.each("id"), [invited.id()]);
    let one = &mine.items()[0];
    assert_eq!((&one["space"], &one["space_name"]), (&json!(atlas.id), &json!("Atlas")));
    assert_eq!((&one["role"], &one["invited_by"]), (&json!("writer"), &json!("lin")));
    bo.get(&atlas.url("")).await.refused(404, "not_found");
    assert!(eve.get("/api/v1/me/invitations").await.ok().items().is_empty());
    g.unchanged(async || {
        for named in [invited.id(), invited.text("token")] {
            let others = eve.accept(&named).await.refused(404, "not_found");
            assert_missing(&others, &named, &eve.accept(&strange(&named)).await, &strange(&named));
            g.anonymous().accept(&named).await.not_signed_in();
        }
        join(&g, &invited.text("token")).await.refused(404, "not_found");
    })
    .await;

    let joined = bo.accept(&invited.id()).await.ok();
    assert_eq!(joined.json, json!({"space": atlas.id, "space_name": "Atlas", "role": "writer"}));
    assert_eq!(bo.get(&atlas.url("")).await.ok()["access"]["role"], "writer");
    assert!(bo.get("/api/v1/me/invitations").await.ok().items().is_empty());
    assert!(lin.get(&atlas.url("/invitations")).await.ok().items().is_empty());
    let grants = lin.get(&atlas.url("/grants")).await.ok().items();
    let grant = grants.iter().find(|grant| grant["principal"] == bo.principal()).expect("a grant");
    assert_eq!(grant["granted_by"], lin.principal(), "it stands in the inviter's name");
    g.unchanged(async || {
        for named in [invited.id(), invited.text("token")] {
            bo.accept(&named).await.refused(404, "not_found");
        }
    })
    .await;

    // By the link as well as from the list, in whatever case the name was written.
    let again = lin.invite(&atlas, " @BO ", "admin").await;
    assert_eq!(again["to"], "BO");
    bo.accept(&again.text("token")).await.ok();
    assert_eq!(bo.get(&atlas.url("")).await.ok()["access"]["role"], "admin");
    assert_eq!(bo.get("/api/v1/me").await.ok()["default_space"], Value::Null, "joining is no choice of a default");
}

/// What an inviter is told, but for what is random and what they wrote.
fn told(answer: &Answer) -> (axum::http::StatusCode, Vec<(String, Value)>) {
    let fields = answer.json.as_object().expect("an answer");
    let shown = |(name, value): (&String, &Value)| match name.as_str() {
        "id" | "token" | "link" => (name.clone(), json!(value.as_str().expect("a text").len())),
        "to" => (name.clone(), Value::Null),
        _ => (name.clone(), value.clone()),
    };
    (answer.status, fields.iter().map(shown).collect())
}

async fn whoever_exists_the_answer_is_the_same(g: Garth) {
    let (ada, lin, atlas) = atlas(&g).await;
    g.person("bo").await;
    let off = g.person("off").await;
    ada.patch(&format!("/api/v1/users/{}", off.id), json!({"disabled": true})).await.ok();
    let known = json!({"username": "known@example.org", "email": "known@example.org"});
    ada.post("/api/v1/users", known).await.created();
    let server = smtp::MailServer::start().await;
    for mailed in [false, true] {
        if mailed {
            smtp::with_mail(&g, &server).await;
        }
        let nobody = lin.invite(&atlas, "nobody-at-all", "reader").await;
        for to in ["bo", "lin", "off", "known@example.org", "unknown@example.org"] {
            let somebody = lin.invite(&atlas, to, "reader").await;
            assert_eq!(told(&somebody), told(&nobody), "{to}, {mailed}: {somebody}\n{nobody}");
        }
        for invitation in lin.get(&atlas.url("/invitations")).await.ok().items() {
            assert_eq!((&invitation["good"], &invitation["mailed"]), (&json!(true), &json!(mailed)), "{invitation}");
        }
        // Each row as it is stored has the same columns filled, but for whose the username is.
        assert_eq!(lin.get(&atlas.url("/invitations")).await.ok().items().len(), 6);
    }
    for _ in 0..2 {
        let letter = server.letter().await;
        assert!(letter.to[0].ends_with("@example.org"), "{letter:?}");
    }
    // A name that somebody gets later is not theirs whom it was meant for.
    let lia = g.person("nobody-at-all").await;
    assert!(lia.get("/api/v1/me/invitations").await.ok().items().is_empty());
}

async fn a_link_that_was_shown_proves_nothing(g: Garth) {
    let (ada, lin, atlas) = atlas(&g).await;
    ada.post("/api/v1/users", json!({"username": "known@example.org"})).await.created();
    // Whether there is an account of that name makes no difference to whoever holds the link.
    let mut sessions = Vec::new();
    for to in ["new@example.org", "known@example.org"] {
        let invited = lin.invite(&atlas, to, "reader").await;
        let session = join(&g, &invited.text("token")).await.created();
        assert_eq!(session["user"]["email"], Value::Null);
        assert_eq!(session["user"]["email_verified"], false);
        let (local, _) = to.split_once('@').expect("an address");
        let username = session["user"]["username"].as_str().expect("a name").to_owned();
        let tail = username.strip_prefix(&format!("{local}-")).expect("a tail behind what was before the @");
        assert_eq!((tail.len(), &session["user"]["name"]), (6, &json!(local)));
        assert_eq!(session["recovery_codes"].as_array().map(Vec::len), Some(5));
        sessions.push(session);
    }
    let new = g.anonymous().with_token(&sessions[0].text("token"));
    let me = new.get("/api/v1/me").await.ok();
    assert_eq!((&me["default_space"], &me["usual_space"]), (&json!(atlas.id), &json!(atlas.id)));
    assert_eq!(me["spaces"].as_array().map(Vec::len), Some(1));
    assert_eq!(new.get(&atlas.url("")).await.ok()["access"]["role"], "reader");
    // The next one to that address is not theirs by having had the first.
    let next = lin.invite(&atlas, "new@example.org", "writer").await;
    assert!(new.get("/api/v1/me/invitations").await.ok().items().is_empty());
    g.unchanged(async || {
        new.accept(&next.id()).await.refused(404, "not_found");
        new.accept(&next.text("token")).await.refused(404, "not_found");
    })
    .await;
    // They sign in with the name they were given.
    let username = sessions[0]["user"]["username"].as_str().expect("a name");
    let body = json!({"username": username, "password": password("somebody new")});
    g.anonymous().post("/api/v1/login", body).await.ok();
}

async fn only_administrators_invite_and_only_to_what_they_hold(g: Garth) {
    let (ada, lin, atlas) = atlas(&g).await;
    let (bo, eve, kim) = (g.person("bo").await, g.person("eve").await, g.person("kim").await);
    ada.grant_by_registry(&atlas, &bo, "writer").await;
    // Kim may let people in, and knows of tasks only.
    ada.role("host", &["space:admin", "task:*"]).await;
    ada.role("tasks", &["task:read"]).await;
    ada.grant_by_registry(&atlas, &kim, "host").await;
    let pending = lin.invite(&atlas, "new@example.org", "reader").await;
    let one = atlas.url(&format!("/invitations/{}", pending.id()));
    let invite = |by: &Person, role: &str| by.post(&atlas.url("/invitations"), json!({"to": "zoe", "role": role}));
    g.unchanged(async || {
        for (by, status) in [(&bo, 403), (&eve, 404), (&ada, 404)] {
            invite(by, "reader").await.problem(status);
            by.get(&atlas.url("/invitations")).await.problem(status);
            by.delete(&one).await.problem(status);
        }
        invite(&g.anonymous(), "reader").await.not_signed_in();
        let denied = invite(&kim, "admin").await.refused(403, "forbidden");
        assert!(denied.text("detail").contains("permissions that you lack"), "{denied}");
        invite(&kim, "writer").await.refused(403, "forbidden");
        invite(&lin, "no-such-role").await.invalid("/role");
        for wrong in
            ["", "  ", "two words", "a@b@c.org", "a..b@example.org", "x@-.org.", "group:crew", "a/b@example.org"]
        {
            lin.post(&atlas.url("/invitations"), json!({"to": wrong, "role": "reader"})).await.invalid("/to");
        }
        lin.post(&atlas.url("/invitations"), json!({"to": "zoe"})).await.invalid("/role");
        let extra = json!({"to": "zoe", "role": "reader", "expires_at": "2040-01-01T00:00:00Z"});
        lin.post(&atlas.url("/invitations"), extra).await.invalid("/expires_at");
        lin.delete(&atlas.url(&format!("/invitations/{}", strange(&pending.id())))).await.refused(404, "not_found");
    })
    .await;
    invite(&kim, "tasks").await.expect_status(202);
    invite(&kim, "host").await.expect_status(202);
    lin.delete(&one).await.done();
    g.unchanged(async || lin.delete(&one).await.refused(404, "not_found")).await;
}

async fn an_application_invites_while_its_key_is_good(g: Garth) {
    let (_, lin, atlas) = atlas(&g).await;
    let bo = g.person("bo").await;
    let key = lin.key(&atlas, "portal", "admin").await;
    let invited = key.invite(&atlas, "bo", "reader").await;
    assert_eq!(invited["invited_by"], key.principal());
    assert_eq!(bo.get("/api/v1/me/invitations").await.ok().items()[0]["invited_by"], Value::Null);
    key.get("/api/v1/me/invitations").await.refused(403, "forbidden");
    key.accept(&invited.id()).await.refused(403, "forbidden");
    lin.delete(&atlas.url(&format!("/api-keys/{}", key.id))).await.done();
    g.unchanged(async || {
        bo.accept(&invited.id()).await.refused(404, "not_found");
        bo.accept(&invited.text("token")).await.refused(404, "not_found");
    })
    .await;
    assert!(bo.get("/api/v1/me/invitations").await.ok().items().is_empty());
    assert_eq!(lin.get(&atlas.url("/invitations")).await.ok().items()[0]["good"], false);
}

async fn a_role_that_came_with_a_session_invites_nobody(g: Garth) {
    let (ada, _, atlas) = atlas(&g).await;
    g.person("bo").await;
    let rego = format!(
        "package garth\nallow if input.session.member\nspace_admin contains \"{}\" if input.session.login == \"bo\"",
        atlas.id
    );
    let policy = json!({"name": "bo administers", "rego": rego, "version": "v1", "enabled": true});
    ada.post("/api/v1/login-policies", policy).await.created();
    let bo = g.anonymous().sign_in("bo").await;
    assert_eq!(bo.get(&atlas.url("")).await.ok()["access"]["role"], "admin");
    let invite = || bo.post(&atlas.url("/invitations"), json!({"to": "zoe", "role": "reader"}));
    g.unchanged(async || {
        let denied = invite().await.refused(403, "forbidden");
        assert!(denied.text("detail").contains("ends with your session"), "{denied}");
    })
    .await;
    ada.grant_by_registry(&atlas, &bo, "admin").await;
    invite().await.expect_status(202);
}

async fn nobody_comes_into_an_archived_space(g: Garth) {
    let (_, lin, atlas) = atlas(&g).await;
    let bo = g.person("bo").await;
    let invited = lin.invite(&atlas, "bo", "reader").await;
    let new = lin.invite(&atlas, "new@example.org", "reader").await;
    lin.post(&atlas.url("/archive"), json!({})).await.ok();
    g.unchanged(async || {
        bo.accept(&invited.id()).await.refused(409, "archived");
        join(&g, &new.text("token")).await.refused(409, "archived");
        let more = json!({"to": "zoe", "role": "reader"});
        lin.post(&atlas.url("/invitations"), more).await.refused(409, "archived");
    })
    .await;
    lin.post(&atlas.url("/activate"), json!({})).await.ok();
    bo.accept(&invited.id()).await.ok();
    join(&g, &new.text("token")).await.created();
}

async fn a_sealed_space_invites_to_built_in_roles(g: Garth) {
    let (ada, lin, _) = atlas(&g).await;
    let bo = g.person("bo").await;
    ada.role("tasks", &["task:read"]).await;
    let vault = ada.space("Vault").sealed().admin(&lin).create().await;
    g.unchanged(async || {
        lin.post(&vault.url("/invitations"), json!({"to": "bo", "role": "tasks"})).await.invalid("/role");
    })
    .await;
    let invited = lin.invite(&vault, "bo", "reader").await;
    // Nothing of it is in the system's log, nor does the registry help.
    let log = ada.get("/api/v1/audit?limit=100").await.ok();
    assert!(!String::from_utf8_lossy(&log.bytes).contains(&vault.id), "{log}");
    // Whoever manages accounts gives nobody the address that is invited.
    let address = lin.invite(&vault, "new@example.org", "reader").await;
    ada.patch(&format!("/api/v1/users/{}", ada.id), json!({"email": "new@example.org"})).await.ok();
    assert!(ada.get("/api/v1/me/invitations").await.ok().items().is_empty());
    g.unchanged(async || ada.accept(&address.id()).await.refused(404, "not_found")).await;
    bo.accept(&invited.id()).await.ok();
    assert_eq!(bo.get(&vault.url("")).await.ok()["access"]["role"], "reader");
}

async fn what_is_deleted_takes_its_invitations_along(g: Garth) {
    let (ada, lin, atlas) = atlas(&g).await;
    let (bo, kim) = (g.person("bo").await, g.person("kim").await);
    let role = ada.role("tasks", &["task:read"]).await;
    let invited = lin.invite(&atlas, "bo", "tasks").await;
    ada.delete(&role.url("")).await.done();
    g.unchanged(async || bo.accept(&invited.id()).await.refused(404, "not_found")).await;
    assert_eq!(lin.get(&atlas.url("/invitations")).await.ok().items()[0]["good"], false);

    // Of an account that is deleted nothing is left to whoever gets the name.
    lin.invite(&atlas, "kim", "reader").await;
    ada.delete(&format!("/api/v1/users/{}", kim.id)).await.done();
    let other = g.person("kim").await;
    assert!(other.get("/api/v1/me/invitations").await.ok().items().is_empty());

    let last = lin.invite(&atlas, "bo", "reader").await;
    let new = lin.invite(&atlas, "new@example.org", "reader").await;
    lin.post(&atlas.url("/archive"), json!({})).await.ok();
    lin.delete(&atlas.url("?confirm=Atlas")).await.ok();
    g.unchanged(async || {
        bo.accept(&last.id()).await.refused(404, "not_found");
        bo.accept(&last.text("token")).await.refused(404, "not_found");
        join(&g, &new.text("token")).await.refused(404, "not_found");
    })
    .await;
    for row in g.rows("invitations").await {
        assert!(!row.contains("example.org") && !row.contains("bo\""), "{row}");
    }
}

async fn an_invitation_outlives_a_restart_and_is_on_record(g: Garth) {
    let (_, lin, atlas) = atlas(&g).await;
    let bo = g.person("bo").await;
    let (one, two) = (lin.invite(&atlas, "bo", "reader").await, lin.invite(&atlas, "zoe", "reader").await);
    g.restart().await;
    bo.accept(&one.id()).await.ok();
    lin.delete(&atlas.url(&format!("/invitations/{}", two.id()))).await.done();
    let entries = lin.get(&atlas.url("/audit?limit=100")).await.ok();
    let of = |id: &str| {
        let target = json!({"type": "invitation", "id": id});
        let found = entries.items().into_iter().filter(|entry| entry["target"] == target);
        let found = found.map(|entry| entry["action"].as_str().expect("an action").to_owned());
        sorted(found.collect())
    };
    assert_eq!(of(&one.id()), ["invitation.accept", "invitation.create"], "{entries}");
    assert_eq!(of(&two.id()), ["invitation.create", "invitation.delete"]);
    let made = entries.items().into_iter().find(|entry| entry["action"] == "invitation.create").expect("a record");
    assert_eq!((&made["after"]["to"], &made["after"]["role"]), (&json!("zoe"), &json!("reader")), "{made}");
    let text = String::from_utf8_lossy(&entries.bytes).into_owned();
    assert!(!text.contains(&one.text("token")) && !text.contains("invite_"), "{text}");
    for row in g.rows("invitations").await {
        assert!(!row.contains("invite_"), "the token is stored as a hash: {row}");
    }
}

async fn an_invitation_for_good_makes_a_passing_grant_last(g: Garth) {
    let (ada, lin, atlas) = atlas(&g).await;
    let bo = g.person("bo").await;
    let passing = json!({"principal": bo.principal(), "role": "reader", "expires_at": g.time_in(60 * SECOND)});
    ada.post(&format!("/api/v1/registry/spaces/{}/grants", atlas.id), passing).await.created();
    let invited = lin.invite(&atlas, "bo", "reader").await;
    bo.accept(&invited.id()).await.ok();
    g.pass(61 * SECOND);
    assert_eq!(bo.get(&atlas.url("")).await.ok()["access"]["role"], "reader");
}

async fn login_policies_are_asked_about_whoever_joins(g: Garth) {
    let (ada, lin, atlas) = atlas(&g).await;
    let server = smtp::MailServer::start().await;
    smtp::with_mail(&g, &server).await;
    let rego = "package garth\nallow if input.session.member\ndeny if endswith(input.session.login, \"@example.org\")\n\
                sample if true";
    let policy = json!({"name": "not from there", "rego": rego, "version": "v1", "enabled": true});
    let policy = ada.post("/api/v1/login-policies", policy).await.created();
    let lin = lin.sign_in("lin").await;
    lin.invite(&atlas, "new@example.org", "reader").await;
    let token = server.letter().await.token();
    g.unchanged(async || {
        join(&g, &token).await.refused(403, "login_refused");
        lin.get(&atlas.url("/members")).await.ok();
    })
    .await;
    assert_eq!(lin.get(&atlas.url("/invitations")).await.ok().items().len(), 1, "the invitation is as it was");
    let elsewhere = json!({"rego": rego.replace("@example.org", "@evil.example")});
    ada.patch(&format!("/api/v1/login-policies/{}", policy.id()), elsewhere).await.ok();
    let session = join(&g, &token).await.created();
    assert_eq!(session["user"]["username"], "new@example.org");
}

async fn invitations_are_listed_page_by_page(g: Garth) {
    let (ada, lin, atlas) = atlas(&g).await;
    let bo = g.person("bo").await;
    let mut made = Vec::new();
    for number in 0..7 {
        made.push(lin.invite(&atlas, &format!("new{number}@example.org"), "reader").await.id());
        g.pass(SECOND);
    }
    let mut to_bo = Vec::new();
    for number in 0..5 {
        let space = ada.space(&format!("Space {number}")).create().await;
        to_bo.push(ada.invite(&space, "bo", "reader").await.id());
        g.pass(SECOND);
    }
    let ids = |items: Vec<Value>| -> Vec<String> {
        items.iter().map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
    };
    for limit in [1, 3, 100] {
        assert_eq!(ids(lin.all_pages(&atlas.url("/invitations"), limit).await), made);
        assert_eq!(ids(bo.all_pages("/api/v1/me/invitations", limit).await), to_bo);
    }
    let cursor = lin.get(&atlas.url("/invitations?limit=2")).await.ok().text("next");
    bo.get(&format!("/api/v1/me/invitations?cursor={}", percent(&cursor))).await.invalid("?cursor");
    lin.get(&atlas.url("/invitations?state=open")).await.invalid("?state");
}

async fn what_is_tried_invites_nobody(g: Garth) {
    let (_, lin, atlas) = atlas(&g).await;
    let server = smtp::MailServer::start().await;
    smtp::with_mail(&g, &server).await;
    let bo = g.person("bo").await;
    let body = json!({"to": "new@example.org", "role": "reader"});
    let kept = lin.invite(&atlas, "bo", "reader").await;
    g.unchanged(async || {
        lin.post(&atlas.url("/invitations?dry_run=true"), body.clone()).await.expect_status(202);
        bo.post(&format!("/api/v1/invitations/{}/accept?dry_run=true", kept.id()), json!({})).await.ok();
        lin.delete(&atlas.url(&format!("/invitations/{}?dry_run=true", kept.id()))).await.done();
    })
    .await;
    // Sent again under its key, the request is not carried out again: one letter.
    let post = || lin.post(&atlas.url("/invitations"), body.clone()).header("idempotency-key", "once");
    let (first, second) = (post().await.expect_status(202), post().await.expect_status(202));
    assert_eq!(first.json, second.json);
    let token = server.letter().await.token();
    assert!(server.quiet().await, "only one was sent");
    let dry = json!({"token": token, "password": password("somebody new")});
    g.unchanged(async || g.anonymous().post("/api/v1/signup?dry_run=true", dry).await.created()).await;
    join(&g, &token).await.created();
}
