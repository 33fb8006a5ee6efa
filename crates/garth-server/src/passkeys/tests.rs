//! Stories about passkeys: making them, signing in with them, losing them. What an authenticator gets wrong has a file of its
//! own.

use crate::support::*;
use axum::http::Method;

#[path = "tests/disbelieved.rs"]
mod disbelieved;
#[path = "tests/kept.rs"]
mod kept;

stories! {
    a_passkey_signs_in_alone,
    a_password_is_not_enough_where_a_passkey_is_asked_for,
    a_recovery_code_is_the_way_back_in_without_the_passkey,
    the_last_passkey_is_not_removed_by_mistake,
    a_new_way_in_is_not_for_whoever_found_an_open_session,
    passkeys_are_their_owners_alone,
    an_account_has_so_many_passkeys,
    asking_for_a_passkey_tells_nobody_whether_a_name_exists,
    login_policies_judge_passkeys_too,
    whoever_is_disabled_or_deleted_has_no_passkeys,
    where_there_can_be_none_they_say_so,
    the_pages_sign_in_with_a_passkey,
    n56_nobody_sets_anothers_password_passkeys_or_verifies_themselves,
}

const OWN: &str = "/api/v1/me/passkeys";
const BEGIN: &str = "/api/v1/me/passkeys/begin";
const FINISH: &str = "/api/v1/me/passkeys/finish";
const FACTOR: &str = "/api/v1/me/second-factor";
const ASK: &str = "/api/v1/login/passkey/begin";
const ENTER: &str = "/api/v1/login/passkey/finish";

/// Somebody makes a passkey in that device.
async fn add(person: &Person, device: &mut Authenticator, name: &str) -> Answer {
    let begun = person.post(BEGIN, json!({})).await.ok();
    let credential = device.make(&begun["options"]);
    person.post(FINISH, json!({"ceremony": begun["ceremony"], "name": name, "credential": credential})).await.created()
}

/// Somebody with a passkey in a new device.
async fn with_passkey(g: &Garth, username: &str) -> (Person, Authenticator) {
    let (person, mut device) = (g.person(username).await, Authenticator::new());
    add(&person, &mut device, "A phone").await;
    (person, device)
}

/// What a device answers to those who asked for it.
fn enter(g: &Garth, asked: &Answer, device: &mut Authenticator) -> Call {
    let credential = device.sign(&asked["options"]);
    g.anonymous().post(ENTER, json!({"ceremony": asked["ceremony"], "credential": credential}))
}

/// Signs in with a passkey and nothing else.
async fn alone(g: &Garth, device: &mut Authenticator) -> Answer {
    let asked = g.anonymous().post(ASK, json!({})).await.ok();
    enter(g, &asked, device).header("user-agent", "a phone").await
}

fn by_password(g: &Garth, username: &str, path: &str) -> Call {
    g.anonymous().post(path, json!({"username": username, "password": password(username)}))
}

async fn a_passkey_signs_in_alone(g: Garth) {
    let (lin, mut device) = (g.person("lin").await, Authenticator::new());
    let begun = lin.post(BEGIN, json!({"current": password("lin")})).await.ok();
    let options = &begun["options"];
    assert_eq!((&options["rp"]["id"], &options["user"]["name"]), (&json!("garth.example"), &json!("lin")), "{begun}");
    let wanted = &options["authenticatorSelection"];
    assert_eq!((&wanted["residentKey"], &wanted["userVerification"]), (&json!("required"), &json!("required")));
    let credential = device.make(options);
    let body = json!({"ceremony": begun["ceremony"], "name": " My phone ", "credential": credential});
    g.unchanged(async || {
        let tried = lin.post(&format!("{FINISH}?dry_run=true"), body.clone()).await.created();
        assert_eq!(tried["name"], "My phone");
    })
    .await;
    let passkey = lin.post(FINISH, body).await.created();
    let own = lin.get(OWN).await.ok();
    assert_eq!(
        (&own["items"], &own["required"], &own["recovery_codes_left"]),
        (&json!([passkey.json]), &json!(false), &json!(5))
    );
    // Whoever has one already is not asked to make it again.
    let again = lin.post(BEGIN, json!({})).await.ok();
    assert_eq!(again["options"]["excludeCredentials"][0]["id"], credential["id"], "{again}");

    g.pass(SECOND);
    let asked = g.anonymous().post(ASK, json!({})).await.ok();
    assert_eq!(asked["options"]["allowCredentials"], json!([]), "nobody is named");
    assert_eq!(asked["options"]["userVerification"], "required");
    let begun = enter(&g, &asked, &mut device).header("user-agent", "a phone").await.ok();
    assert_eq!(begun["user"]["id"], lin.id);
    let phone = lin.with_token(&begun.text("token"));
    let sessions = phone.get("/api/v1/me/sessions").await.ok();
    assert_eq!((&sessions.items()[0]["device"], &sessions.items()[0]["current"]), (&json!("a phone"), &json!(true)));
    assert!(!lin.get(OWN).await.ok()["items"][0]["last_used_at"].is_null());
    // The password is as good as ever.
    by_password(&g, "lin", "/api/v1/login").await.ok();
    let audit = g.admin().await.get("/api/v1/audit?action=login").await.ok();
    assert!(audit.items().iter().any(|entry| entry["after"]["passkey"] == passkey["id"]), "{audit}");
    // It is as good after a restart, and called otherwise.
    g.restart().await;
    let renamed = phone.patch(&format!("{OWN}/{}", passkey.id()), json!({"name": "Old phone"})).await.ok();
    assert_eq!(renamed["name"], "Old phone");
    alone(&g, &mut device).await.ok();
    for wrong in ["", " ", &"n".repeat(256)] {
        phone.patch(&format!("{OWN}/{}", passkey.id()), json!({ "name": wrong })).await.invalid("/name");
    }
}

async fn a_password_is_not_enough_where_a_passkey_is_asked_for(g: Garth) {
    let lin = g.person("lin").await;
    g.unchanged(async || lin.call(Method::PUT, FACTOR).json(json!({"required": true})).await.refused(409, "conflict"))
        .await;
    let mut device = Authenticator::new();
    add(&lin, &mut device, "A key").await;
    lin.call(Method::PUT, FACTOR).json(json!({"required": true, "current": password("lin")})).await.done();
    assert_eq!(lin.get(OWN).await.ok()["required"], true);

    by_password(&g, "lin", "/api/v1/login").await.refused(401, "passkey_required");
    // Who does not know the password does not learn of it.
    let wrong = json!({"username": "lin", "password": "guess"});
    g.anonymous().post("/api/v1/login", wrong.clone()).await.refused(401, "wrong_credentials");
    g.anonymous().post(ASK, wrong).await.refused(401, "wrong_credentials");

    let asked = by_password(&g, "lin", ASK).await.ok();
    assert!(device.is_named(&asked["options"]), "{asked}");
    // It need not say whose it is: that is known. Nor is another's passkey enough.
    let (_, mut other) = with_passkey(&g, "bo").await;
    g.unchanged(async || enter(&g, &asked, &mut other).await.refused(401, "wrong_credentials")).await;
    let asked = by_password(&g, "lin", ASK).await.ok();
    device.user = None;
    let begun = enter(&g, &asked, &mut device).await.ok();
    assert_eq!(begun["user"]["id"], lin.id);
    // A password that was changed meanwhile is none.
    let asked = by_password(&g, "lin", ASK).await.ok();
    let body = json!({"current": password("lin"), "new": "quite another staple 7"});
    lin.call(Method::PUT, "/api/v1/me/password").json(body).await.done();
    enter(&g, &asked, &mut device).await.refused(401, "wrong_credentials");
    // Who has no passkey is told so, to the password.
    g.person("gus").await;
    by_password(&g, "gus", ASK).await.refused(409, "conflict");
    g.anonymous().post(ASK, json!({"username": "lin"})).await.invalid("/password");
    g.anonymous().post(ASK, json!({"password": "x"})).await.invalid("/username");
    // Asked for no more, the password is enough.
    let back = json!({"required": false, "current": "quite another staple 7"});
    lin.call(Method::PUT, FACTOR).json(back).await.done();
    g.anonymous().post("/api/v1/login", json!({"username": "lin", "password": "quite another staple 7"})).await.ok();
    let audit = g.admin().await.get("/api/v1/audit?action=me.second_factor").await.ok();
    assert_eq!(audit.items().len(), 2, "{audit}");
    assert_eq!(audit.items()[0]["before"], json!({"passkey_required": true}));
}

async fn a_recovery_code_is_the_way_back_in_without_the_passkey(g: Garth) {
    let (lin, mut lost) = with_passkey(&g, "lin").await;
    lin.call(Method::PUT, FACTOR).json(json!({"required": true})).await.done();
    let codes = lin.post("/api/v1/me/recovery-codes", json!({"current": password("lin")})).await.ok();
    let thief = lin.with_token(&alone(&g, &mut lost).await.ok().text("token"));
    thief.get("/api/v1/me").await.ok();

    let new = "quite another staple 7";
    let code = json!({"username": "lin", "recovery_code": codes["recovery_codes"][0], "new_password": new});
    let back = lin.with_token(&g.anonymous().post("/api/v1/recover", code).await.ok().text("token"));
    thief.get("/api/v1/me").await.not_signed_in();
    assert_eq!(back.get(OWN).await.ok()["recovery_codes_left"], 4);
    // The account still asks for a passkey: another one takes the place of the lost one, whose sessions end with it.
    let thief = lin.with_token(&alone(&g, &mut lost).await.ok().text("token"));
    let mut found = Authenticator::new();
    let old = back.get(OWN).await.ok()["items"][0]["id"].as_str().expect("an id").to_owned();
    add(&back, &mut found, "A new phone").await;
    back.delete(&format!("{OWN}/{old}")).await.done();
    thief.get("/api/v1/me").await.not_signed_in();
    back.get("/api/v1/me").await.ok();
    alone(&g, &mut lost).await.refused(401, "wrong_credentials");
    alone(&g, &mut found).await.ok();
}

async fn the_last_passkey_is_not_removed_by_mistake(g: Garth) {
    let (lin, mut device) = with_passkey(&g, "lin").await;
    let first = lin.get(OWN).await.ok()["items"][0]["id"].as_str().expect("an id").to_owned();
    lin.call(Method::PUT, FACTOR).json(json!({"required": true})).await.done();
    g.unchanged(async || lin.delete(&format!("{OWN}/{first}")).await.refused(409, "conflict")).await;
    alone(&g, &mut device).await.ok();
    let second = add(&lin, &mut Authenticator::new(), "A key").await.id();
    lin.delete(&format!("{OWN}/{first}")).await.done();
    lin.delete(&format!("{OWN}/{first}")).await.refused(404, "not_found");
    lin.delete(&format!("{OWN}/{second}")).await.refused(409, "conflict");
    lin.call(Method::PUT, FACTOR).json(json!({"required": false})).await.done();
    // Nor where nobody could get in any more.
    g.meddle(&format!("UPDATE users SET password = NULL WHERE id = '{}'", lin.id)).await;
    g.unchanged(async || lin.delete(&format!("{OWN}/{second}")).await.refused(409, "conflict")).await;
    let third = add(&lin, &mut Authenticator::new(), "Another").await.id();
    lin.delete(&format!("{OWN}/{third}")).await.done();
}

async fn a_new_way_in_is_not_for_whoever_found_an_open_session(g: Garth) {
    let (lin, _) = with_passkey(&g, "lin").await;
    g.pass(10 * 60 * SECOND);
    let begun = lin.post(BEGIN, json!({})).await.ok();
    lin.call(Method::PUT, FACTOR).json(json!({"required": true})).await.done();
    g.pass(SECOND);
    g.unchanged(async || {
        for (verb, path, body) in [
            (Method::POST, BEGIN, json!({})),
            (Method::POST, BEGIN, json!({"current": "guess"})),
            (Method::PUT, FACTOR, json!({"required": false})),
            (Method::PUT, FACTOR, json!({"required": false, "current": "guess"})),
        ] {
            lin.call(verb, path).json(body).await.refused(403, "forbidden");
        }
        for _ in 0..8 {
            lin.post(BEGIN, json!({"current": "guess"})).await.refused(403, "forbidden");
        }
        // These were guesses of the password.
        lin.post(BEGIN, json!({"current": password("lin")})).await.refused(429, "rate_limited");
    })
    .await;
    g.pass(15 * 60 * SECOND);
    lin.post(BEGIN, json!({"current": password("lin")})).await.ok();
    // What was begun in time was over long ago.
    let credential = Authenticator::new().make(&begun["options"]);
    let late = json!({"ceremony": begun["ceremony"], "name": "Late", "credential": credential});
    lin.post(FINISH, late).await.refused(409, "sign_in_over");
}

async fn passkeys_are_their_owners_alone(g: Garth) {
    let (lin, _) = with_passkey(&g, "lin").await;
    let (ada, bo) = (g.admin().await, g.person("bo").await);
    let id = lin.get(OWN).await.ok()["items"][0]["id"].as_str().expect("an id").to_owned();
    let (there, nowhere) = (format!("{OWN}/{id}"), format!("{OWN}/{}", strange(&id)));
    let key = ada.key(&g.home().await, "app", "admin").await;
    let elsewhere = lin.sign_in("lin").await;
    g.unchanged(async || {
        for stranger in [&ada, &bo] {
            let hidden = stranger.delete(&there).await.refused(404, "not_found");
            assert_missing(&hidden, &id, &stranger.delete(&nowhere).await, &strange(&id));
            let hidden = stranger.patch(&there, json!({"name": "Mine"})).await.refused(404, "not_found");
            assert_missing(&hidden, &id, &stranger.patch(&nowhere, json!({"name": "Mine"})).await, &strange(&id));
            assert_eq!(stranger.get(OWN).await.ok()["items"], json!([]));
        }
        for (verb, path) in [(Method::GET, OWN), (Method::POST, BEGIN), (Method::DELETE, there.as_str())] {
            key.call(verb.clone(), path).json(json!({})).await.refused(403, "forbidden");
            g.anonymous().call(verb, path).json(json!({})).await.not_signed_in();
        }
        // One that is begun belongs to its session.
        let begun = lin.post(BEGIN, json!({})).await.ok();
        let credential = Authenticator::new().make(&begun["options"]);
        let body = json!({"ceremony": begun["ceremony"], "name": "Mine", "credential": credential});
        bo.post(FINISH, body.clone()).await.refused(409, "sign_in_over");
        elsewhere.post(FINISH, body).await.refused(409, "sign_in_over");
    })
    .await;
}

async fn an_account_has_so_many_passkeys(g: Garth) {
    let lin = g.person("lin").await;
    let late = lin.post(BEGIN, json!({})).await.ok();
    for n in 0..20 {
        add(&lin, &mut Authenticator::new(), &format!("Key {n}")).await;
    }
    g.unchanged(async || {
        lin.post(BEGIN, json!({})).await.refused(409, "conflict");
        let credential = Authenticator::new().make(&late["options"]);
        let body = json!({"ceremony": late["ceremony"], "name": "Key 20", "credential": credential});
        lin.post(FINISH, body).await.refused(409, "conflict");
    })
    .await;
    assert_eq!(lin.get(OWN).await.ok().items().len(), 20);
}

async fn asking_for_a_passkey_tells_nobody_whether_a_name_exists(g: Garth) {
    let (lin, _) = with_passkey(&g, "lin").await;
    let (bo, _) = with_passkey(&g, "bo").await;
    g.person("gus").await;
    g.admin().await.patch(&format!("/api/v1/users/{}", bo.id), json!({"disabled": true})).await.ok();
    let cost = async |username: &str, password: &str| {
        let before = g.app().passwords.hashed();
        let answer = g.anonymous().post(ASK, json!({"username": username, "password": password})).await;
        (answer.refused(401, "wrong_credentials"), g.app().passwords.hashed() - before)
    };
    g.unchanged(async || {
        let (unknown, hashes) = cost("nobody-of-this-name", "guess").await;
        assert_eq!(hashes, 1);
        for (name, password) in
            [("lin", "guess"), ("gus", "guess"), ("bo", &password("bo")), ("lin\u{0}", "x"), ("", "")]
        {
            let (answer, same) = cost(name, password).await;
            assert_same(&unknown, &answer);
            assert_eq!(same, hashes, "{name}");
        }
    })
    .await;
    // Half of what it takes does not clear what was guessed before.
    for _ in 0..8 {
        cost("lin", "guess").await;
        by_password(&g, "lin", ASK).await.ok();
    }
    cost("lin", "guess").await;
    by_password(&g, "lin", ASK).await.refused(429, "rate_limited");
    by_password(&g, "lin", "/api/v1/login").await.refused(429, "rate_limited");
    lin.get("/api/v1/me").await.ok();
}

async fn login_policies_judge_passkeys_too(g: Garth) {
    let ada = g.admin().await;
    let (lin, mut device) = with_passkey(&g, "lin").await;
    let mut of_ada = Authenticator::new();
    add(&ada, &mut of_ada, "A key").await;
    let atlas = ada.space("Atlas").create().await;
    let rego = format!(
        "package garth\nallow if input.session.login != \"lin\"\nspace_write contains \"{}\" if input.session.login == \"bo\"",
        atlas.id
    );
    let (bo, mut of_bo) = with_passkey(&g, "bo").await;
    let policy = json!({"name": "not lin", "rego": rego, "version": "v1", "enabled": true});
    ada.post("/api/v1/login-policies", policy).await.created();
    lin.get("/api/v1/me").await.not_signed_in();
    g.unchanged(async || alone(&g, &mut device).await.refused(403, "login_refused")).await;
    // It was no wrong guess, however often.
    for _ in 0..11 {
        alone(&g, &mut device).await.refused(403, "login_refused");
    }
    let bo = bo.with_token(&alone(&g, &mut of_bo).await.ok().text("token"));
    assert_eq!(bo.get(&atlas.url("")).await.ok()["access"]["role"], "writer");
    // Local administrators are exempt.
    alone(&g, &mut of_ada).await.ok();
}

async fn whoever_is_disabled_or_deleted_has_no_passkeys(g: Garth) {
    let ada = g.admin().await;
    let (lin, mut device) = with_passkey(&g, "lin").await;
    let account = format!("/api/v1/users/{}", lin.id);
    ada.patch(&account, json!({"disabled": true})).await.ok();
    let stranger = alone(&g, &mut Authenticator::new()).await.refused(401, "wrong_credentials");
    assert_same(&stranger, &alone(&g, &mut device).await);
    ada.patch(&account, json!({"disabled": false})).await.ok();
    alone(&g, &mut device).await.ok();
    ada.delete(&account).await.done();
    assert_same(&stranger, &alone(&g, &mut device).await);
    assert!(g.rows("passkeys").await.is_empty());
}

async fn where_there_can_be_none_they_say_so(g: Garth) {
    let (lin, mut device) = with_passkey(&g, "lin").await;
    let options = g.anonymous().get("/api/v1/sign-in-options").await.ok();
    assert_eq!(options["passkey"], true);
    lin.call(Method::PUT, FACTOR).json(json!({"required": true})).await.done();
    let asked = g.anonymous().post(ASK, json!({})).await.ok();
    g.restart_with(|config| config.public_url = "http://127.0.0.1:7400".to_owned()).await;
    assert_eq!(g.anonymous().get("/api/v1/sign-in-options").await.ok()["passkey"], false);
    g.unchanged(async || {
        g.anonymous().post(ASK, json!({})).await.refused(409, "conflict");
        enter(&g, &asked, &mut device).await.refused(409, "conflict");
        lin.post(BEGIN, json!({})).await.refused(409, "conflict");
    })
    .await;
    // Nobody gets in with less for it.
    by_password(&g, "lin", "/api/v1/login").await.refused(401, "passkey_required");
    let page = Browser::new(&g).visit("/sign-in").await.ok();
    assert!(!String::from_utf8_lossy(&page.bytes).contains("passkey"), "{page}");
    assert!(!page.header("content-security-policy").contains("script"), "{page}");
}

async fn the_pages_sign_in_with_a_passkey(g: Garth) {
    let (lin, mut device) = with_passkey(&g, "lin").await;
    let html = |page: &Answer| String::from_utf8(page.bytes.clone()).expect("text");
    let browser = Browser::new(&g);
    let page = browser.visit("/sign-in?return=/s/1").await.ok();
    assert!(html(&page).contains("Sign in with a passkey"), "{page}");
    let policy = page.header("content-security-policy");
    assert!(policy.contains("script-src 'self'; connect-src 'self'") && !policy.contains("unsafe"), "{policy}");
    // What the script does.
    let asked = browser.bare(Method::POST, ASK).json(json!({})).await.ok();
    let credential = device.sign(&asked["options"]).to_string();
    let ceremony = asked.text("ceremony");
    let fields = [("ceremony", ceremony.as_str()), ("credential", &credential), ("return", "/s/1")];
    // Another site cannot: nobody is signed in as somebody else by it.
    let form = browser::form(&fields);
    let forged = browser.bare(Method::POST, "/sign-in/passkey").header("origin", "https://evil.example");
    forged.raw("application/x-www-form-urlencoded", form).await.refused(403, "forbidden");
    let entered = browser.submit("/sign-in/passkey", &fields).await.expect_status(303);
    assert_eq!(entered.header("location"), "/s/1");
    let home = html(&browser.visit("/account/security").await.ok());
    for part in ["A phone", "used last on", "2031-05-04", "does not ask for a passkey", "You have 5 left"] {
        assert!(home.contains(part), "{part}: {home}");
    }
    let over = browser::form(&fields);
    let again = Browser::new(&g);
    let page = again.submit("/sign-in/passkey", &fields).await.expect_status(409);
    assert!(html(&page).contains("took too long"), "{page} {over}");
    let page = again.submit("/sign-in/passkey", &[("ceremony", "x"), ("credential", "no json")]).await;
    assert_eq!(page.status, 422, "{page}");

    // After the password.
    lin.call(Method::PUT, FACTOR).json(json!({"required": true})).await.done();
    let browser = Browser::new(&g);
    let secret = password("lin");
    let fields = [("username", "lin"), ("password", secret.as_str()), ("return", "/s/2")];
    let page = browser.submit("/sign-in", &fields).await.ok();
    assert!(html(&page).contains("Now your passkey") && browser.cookie("__Host-garth").is_none(), "{page}");
    let value = |name: &str| {
        let html = html(&page);
        let (_, rest) = html.split_once(name).expect("a value");
        rest.split('"').next().expect("its end").replace("&#34;", "\"")
    };
    let options: Value = serde_json::from_str(&value("data-options=\"")).expect("options");
    assert!(device.is_named(&options), "{options}");
    let credential = device.sign(&options).to_string();
    let ceremony = value("name=\"ceremony\" value=\"");
    let fields = [("ceremony", ceremony.as_str()), ("credential", &credential), ("return", "/s/2")];
    let entered = browser.submit("/sign-in/passkey", &fields).await.expect_status(303);
    assert_eq!(entered.header("location"), "/s/2");
    assert!(html(&browser.visit("/account/security").await.ok()).contains("asks for a passkey after the password"));
}

async fn n56_nobody_sets_anothers_password_passkeys_or_verifies_themselves(g: Garth) {
    let ada = g.admin().await;
    let (lin, mut device) = with_passkey(&g, "lin").await;
    let account = format!("/api/v1/users/{}", lin.id);
    g.unchanged(async || {
        for (field, value) in [
            ("password", json!("quite another staple 7")),
            ("recovery_codes", json!([])),
            ("passkey_required", json!(false)),
            ("email_verified", json!(true)),
        ] {
            ada.patch(&account, json!({ field: value })).await.invalid(&format!("/{field}"));
            lin.patch("/api/v1/me", json!({ field: value })).await.invalid(&format!("/{field}"));
            let new = json!({"username": "new", field: value});
            ada.post("/api/v1/users", new).await.invalid(&format!("/{field}"));
        }
        lin.patch("/api/v1/me", json!({"email": "ada@example.org"})).await.invalid("/email");
        for path in ["/password", "/recovery-codes", "/passkeys", "/passkeys/begin", "/second-factor"] {
            for verb in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                ada.call(verb, &format!("{account}{path}")).json(json!({})).await.refused(404, "not_found");
            }
        }
        // One's own password is no key to another's.
        for (verb, path) in [(Method::POST, "/api/v1/me/recovery-codes"), (Method::PUT, "/api/v1/me/password")] {
            let body = match path.ends_with("codes") {
                true => json!({"current": password("ada")}),
                false => json!({"current": password("ada"), "new": "quite another staple 7"}),
            };
            lin.call(verb, path).json(body).await.refused(403, "forbidden");
        }
    })
    .await;
    // What a system administrator can do is end the sessions; the ways in stay.
    ada.delete(&format!("{account}/sessions")).await.done();
    lin.get("/api/v1/me").await.not_signed_in();
    by_password(&g, "lin", "/api/v1/login").await.ok();
    alone(&g, &mut device).await.ok();
}
