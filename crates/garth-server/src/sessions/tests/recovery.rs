//! Stories about getting back in with a recovery code, and about what a new password must be.

use crate::support::*;
use axum::http::Method;

stories! {
    a_recovery_code_sets_a_new_password_once,
    codes_are_taken_as_people_type_them,
    recovery_tells_nobody_whether_a_name_exists,
    a_code_used_twice_at_once_is_used_once,
    a_refused_recovery_leaves_the_code_usable,
    new_codes_make_the_old_ones_worthless,
    setup_and_signup_hand_out_codes,
    a_new_password_is_hard_to_guess,
    a_password_changes_with_the_current_one_only,
    n74_no_secret_of_an_account_is_on_record,
}

const RECOVER: &str = "/api/v1/recover";
const CODES: &str = "/api/v1/me/recovery-codes";
const NEW: &str = "quite another staple 7";

fn recover(g: &Garth, username: &str, code: &str) -> Call {
    g.anonymous().post(RECOVER, json!({"username": username, "recovery_code": code, "new_password": NEW}))
}

fn login(g: &Garth, username: &str, password: &str) -> Call {
    g.anonymous().post("/api/v1/login", json!({"username": username, "password": password}))
}

/// New codes of somebody.
async fn codes_of(person: &Person) -> Vec<String> {
    let answer = person.post(CODES, json!({"current": password(&person.username)})).await.ok();
    let codes = answer["recovery_codes"].as_array().expect("codes").iter();
    codes.map(|code| code.as_str().expect("a code").to_owned()).collect()
}

async fn a_recovery_code_sets_a_new_password_once(g: Garth) {
    let lin = g.person("lin").await;
    let phone = lin.sign_in("lin").await;
    let codes = codes_of(&lin).await;
    assert_eq!(codes.len(), 5);

    let session = recover(&g, "Lin", &codes[0]).header("user-agent", "a borrowed laptop").await.ok();
    assert_eq!(session["user"]["id"], lin.id);
    assert!(!session.text("expires_at").is_empty());
    // Every session that was there is over; the new one is good.
    lin.get("/api/v1/me").await.not_signed_in();
    phone.get("/api/v1/me").await.not_signed_in();
    let back = lin.with_token(&session.text("token"));
    let sessions = back.get("/api/v1/me/sessions").await.ok().items();
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0]["device"], "a borrowed laptop");

    login(&g, "lin", &password("lin")).await.problem(401);
    login(&g, "lin", NEW).await.ok();
    g.unchanged(async || recover(&g, "lin", &codes[0]).await.refused(401, "wrong_credentials")).await;
    back.get("/api/v1/me").await.ok();
    recover(&g, "lin", &codes[1]).await.ok();
    back.get("/api/v1/me").await.not_signed_in();
}

async fn codes_are_taken_as_people_type_them(g: Garth) {
    let lin = g.person("lin").await;
    let codes = codes_of(&lin).await;
    recover(&g, " LIN ", &codes[0].to_uppercase().replace('-', " ")).await.ok();
    recover(&g, "lin", &format!("  {}\n", codes[1].replace('-', ""))).await.ok();
    recover(&g, "lin", &codes[2].replace('0', "O").replace('1', "l")).await.ok();
    g.unchanged(async || {
        for wrong in [&codes[3][..codes[3].len() - 1], &format!("{}0", codes[3]), &strange(&codes[3]), "", "\u{0}"] {
            recover(&g, "lin", wrong).await.refused(401, "wrong_credentials");
        }
    })
    .await;
    recover(&g, "lin", &codes[3]).await.ok();
}

async fn recovery_tells_nobody_whether_a_name_exists(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let bo = g.person("bo").await;
    let codes = codes_of(&lin).await;
    let of_bo = codes_of(&bo).await;
    recover(&g, "lin", &codes[0]).await.ok();
    ada.patch(&format!("/api/v1/users/{}", bo.id), json!({"disabled": true})).await.ok();

    // What it costs is counted in hashes: one, whatever is wrong.
    let hashed = async |name: &str, code: &str| {
        let before = g.app().passwords.hashed();
        let answer = recover(&g, name, code).await.refused(401, "wrong_credentials");
        (answer, g.app().passwords.hashed() - before)
    };
    g.unchanged(async || {
        let (unknown, cost) = hashed("nobody-of-this-name", &codes[1]).await;
        assert_eq!(cost, 1);
        for (name, code) in
            [("lin", "aaaaa-aaaaa-aaaaa-aaaaa"), ("lin", &codes[0]), ("bo", &of_bo[0]), ("ada", &codes[1])]
        {
            let (answer, same) = hashed(name, code).await;
            assert_same(&unknown, &answer);
            assert_eq!(same, cost, "{name}");
        }
    })
    .await;
    // So it is at the door: a disabled account with its right password costs what an unknown name does.
    let cost = async |name: &str, password: &str| {
        let before = g.app().passwords.hashed();
        login(&g, name, password).await.refused(401, "wrong_credentials");
        g.app().passwords.hashed() - before
    };
    assert_eq!(cost("nobody-of-this-name", "correct horse").await, 1);
    assert_eq!(cost("lin", "wrong horse").await, 1);
    assert_eq!(cost("bo", &password("bo")).await, 1);
}

async fn a_code_used_twice_at_once_is_used_once(g: Garth) {
    let lin = g.person("lin").await;
    let code = codes_of(&lin).await.remove(0);
    let answers = race((0..5).map(|_| recover(&g, "lin", &code)).collect()).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    for answer in answers.into_iter().filter(|answer| answer.status != 200) {
        answer.refused(401, "wrong_credentials");
    }
    let left = g.rows("recovery_codes").await;
    assert_eq!(left.iter().filter(|row| row.contains(&lin.id)).count(), 4);
}

async fn a_refused_recovery_leaves_the_code_usable(g: Garth) {
    let lin = g.person("lin").await;
    let code = codes_of(&lin).await.remove(0);
    let with = |new: &str| json!({"username": "lin", "recovery_code": code, "new_password": new});
    g.unchanged(async || {
        for weak in ["seven77", &"x".repeat(1025), "password1", "qwertyuiop", "lin lin lin"] {
            g.anonymous().post(RECOVER, with(weak)).await.invalid("/new_password");
        }
        let strange = json!({"username": "lin", "recovery_code": code, "new_password": NEW, "disabled": false});
        g.anonymous().post(RECOVER, strange).await.invalid("/disabled");
        let large = json!({"username": "l".repeat(16 * 1024), "recovery_code": code, "new_password": NEW});
        g.anonymous().post(RECOVER, large).await.problem(413);
        g.anonymous().call(Method::GET, RECOVER).await.problem(405);
    })
    .await;
    // Without the code nobody learns how a password is judged, for that depends on the person.
    let guess = json!({"username": "lin", "recovery_code": "aaaaa", "new_password": "password1"});
    g.anonymous().post(RECOVER, guess).await.refused(401, "wrong_credentials");
    lin.get("/api/v1/me").await.ok();
    g.anonymous().post(RECOVER, with(NEW)).await.ok();
}

async fn new_codes_make_the_old_ones_worthless(g: Garth) {
    let lin = g.person("lin").await;
    let old = codes_of(&lin).await;
    g.unchanged(async || {
        lin.post(CODES, json!({"current": "wrong horse battery"})).await.refused(403, "forbidden");
        lin.post(CODES, json!({})).await.invalid("/current");
        g.anonymous().post(CODES, json!({"current": password("lin")})).await.not_signed_in();
    })
    .await;
    let new = codes_of(&lin).await;
    assert!(new.iter().all(|code| !old.contains(code)));
    let stored = g.rows("recovery_codes").await;
    assert!(!stored.iter().any(|row| new.iter().any(|code| row.contains(code.as_str()))), "only hashes are stored");
    recover(&g, "lin", &old[0]).await.refused(401, "wrong_credentials");
    recover(&g, "lin", &new[0]).await.ok();
}

async fn setup_and_signup_hand_out_codes(g: Garth) {
    let token = g.setup_token().expect("a token");
    let body = json!({"token": token, "username": "ada", "password": password("ada")});
    let setup = g.anonymous().post("/api/v1/setup", body).await.created();
    assert_eq!(setup["recovery_codes"].as_array().map(Vec::len), Some(5));
    let code = setup["recovery_codes"][0].as_str().expect("a code").to_owned();
    let session = recover(&g, "ada", &code).await.ok();
    assert_eq!(session["recovery_codes"], Value::Null, "codes are shown once");
    let ada = g.anonymous().with_token(&session.text("token"));
    assert_eq!(ada.get("/api/v1/me").await.ok()["user"]["system_admin"], true);

    let lin = ada.post("/api/v1/users", json!({"username": "lin"})).await.created();
    let body = json!({"token": lin.text("signup_token"), "password": password("lin")});
    let signed_up = g.anonymous().post("/api/v1/signup", body).await.created();
    assert_eq!(signed_up["recovery_codes"].as_array().map(Vec::len), Some(5));
}

async fn a_new_password_is_hard_to_guess(g: Garth) {
    let token = g.setup_token().expect("a token");
    let setup = |password: &str| {
        let person = json!({"token": token, "username": "ada", "password": password, "name": "Ada Okonkwo"});
        g.anonymous().post("/api/v1/setup", person)
    };
    g.unchanged(async || {
        let refused = setup("password").await.invalid("/password");
        let message = refused["errors"][0]["message"].as_str().expect("a sentence").to_owned();
        assert_eq!(message, "is too easy to guess: this is a top-10 common password");
        for weak in ["12345678", "aaaaaaaaaaaaaaaa", "ada okonkwo", "AdaOkonkwo1", "2031-05-04", "qazwsxedc"] {
            let message = setup(weak).await.invalid("/password")["errors"][0]["message"].to_string();
            assert!(message.starts_with("\"is too easy to guess: ") && !message.contains(weak), "{weak}: {message}");
        }
    })
    .await;
    // Long ones and odd ones are judged as well, and quickly.
    setup(&"😀é\u{202e}".repeat(100)).await.invalid("/password");
    let ada = g.admin().await;
    let user = ada.post("/api/v1/users", json!({"username": "lin", "email": "lin.chen@atlas.example"})).await.created();
    let signup = |password: &str| {
        let body = json!({"token": user.text("signup_token"), "password": password, "name": "Lin Chen"});
        g.anonymous().post("/api/v1/signup", body)
    };
    g.unchanged(async || {
        for weak in ["lin.chen@atlas.example", "Lin Chen 1", "iloveyou"] {
            signup(weak).await.invalid("/password");
        }
    })
    .await;
    let session = signup(&password("lin")).await.created();
    let lin = g.anonymous().with_token(&session.text("token"));
    let change =
        |new: &str| lin.call(Method::PUT, "/api/v1/me/password").json(json!({"current": password("lin"), "new": new}));
    g.unchanged(async || change("lin.chen@atlas.example").await.invalid("/new")).await;
    change(NEW).await.done();
}

async fn a_password_changes_with_the_current_one_only(g: Garth) {
    let desk = g.person("lin").await;
    let phone = desk.sign_in("lin").await;
    let change =
        |current: &str| desk.call(Method::PUT, "/api/v1/me/password").json(json!({"current": current, "new": NEW}));
    g.unchanged(async || {
        change("wrong horse battery").await.refused(403, "forbidden");
        change("").await.refused(403, "forbidden");
    })
    .await;
    phone.get("/api/v1/me").await.ok();
    change(&password("lin")).await.done();
    desk.get("/api/v1/me").await.ok();
    phone.get("/api/v1/me").await.not_signed_in();
    login(&g, "lin", &password("lin")).await.problem(401);
    login(&g, "lin", NEW).await.ok();
    // Recovery codes stay what they are: they are for the one who forgot, not for the one who knows.
    let answers = race((0..3).map(|_| change(NEW)).collect()).await;
    assert!(answers.iter().any(|answer| answer.status.is_success()));
}

async fn n74_no_secret_of_an_account_is_on_record(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let codes = codes_of(&lin).await;
    let session = recover(&g, "lin", &codes[0]).await.ok();
    let lin = lin.with_token(&session.text("token"));
    let change = json!({"current": NEW, "new": password("lin")});
    lin.call(Method::PUT, "/api/v1/me/password").json(change).await.done();
    let new = codes_of(&lin).await;
    recover(&g, "lin", &codes[0]).await.problem(401);

    let record = ada.all_pages("/api/v1/audit", 100).await;
    for action in ["recover", "me.password", "me.recovery_codes"] {
        let found = record.iter().find(|entry| entry["action"] == action).unwrap_or_else(|| panic!("no {action}"));
        assert_eq!(found["target"]["id"], lin.id, "{found}");
    }
    let text = Value::from(record).to_string();
    let secrets = [NEW.to_owned(), password("lin"), session.text("token"), lin.token.expect("a token")];
    for secret in secrets.iter().chain(&codes).chain(&new) {
        assert!(!text.contains(secret.as_str()), "on record: {secret}");
        assert!(!text.contains(&secret.replace('-', "")));
    }
    assert!(!text.contains("argon2"));
}
