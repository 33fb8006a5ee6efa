//! Stories about getting in and out: setup, signup, login, logout and what `/me` says. Getting back in, and guessing,
//! have files of their own.

use crate::support::*;
use axum::http::Method;

#[path = "tests/guessing.rs"]
mod guessing;
#[path = "tests/recovery.rs"]
mod recovery;

stories! {
    setup_happens_once,
    setup_wants_the_printed_token,
    two_at_once_cannot_both_be_the_first,
    the_setup_token_outlives_a_restart,
    me_tells_who_i_am,
    signup_works_once,
    a_refused_signup_leaves_the_link_usable,
    login_tells_nobody_whether_a_name_exists,
    logout_ends_this_session_at_once_and_no_other,
    a_bad_credential_is_never_taken_for_anonymous,
    sessions_outlive_a_restart_and_ended_ones_stay_ended,
    people_set_their_own_name_and_default_space,
    a_lost_default_gives_way_to_the_oldest_space_that_is_left,
    my_sessions_are_listed_and_ended_one_by_one_or_all,
    a_session_that_nobody_uses_ends,
}

async fn setup_happens_once(g: Garth) {
    let nobody = g.anonymous();
    assert_eq!(nobody.get("/api/v1/setup").await.ok()["needed"], true);
    let token = g.setup_token().expect("a token at first start");
    let written = std::fs::read_to_string(g.folder().join("setup-token")).expect("DIR/setup-token");
    assert_eq!(written.trim(), token);

    let ada = g.admin().await;
    let me = ada.get("/api/v1/me").await.ok();
    assert_eq!(me["user"]["username"], "ada");
    assert_eq!(me["user"]["system_admin"], true);

    assert_eq!(nobody.get("/api/v1/setup").await.ok()["needed"], false);
    assert_eq!(g.setup_token(), None);
    assert!(!g.folder().join("setup-token").exists(), "the token's file is gone once it was used");
    let again = json!({"token": token, "username": "eve", "password": password("eve")});
    g.unchanged(async || nobody.post("/api/v1/setup", again).await.refused_somehow()).await;
}

async fn setup_wants_the_printed_token(g: Garth) {
    let nobody = g.anonymous();
    let token = g.setup_token().expect("a token");
    let person = |token: &str| json!({"token": token, "username": "eve", "password": password("eve")});
    let wrong = [strange(&token), token[..token.len() - 1].to_owned(), format!("{token}x"), String::new()];
    g.unchanged(async || {
        for wrong in wrong {
            nobody.post("/api/v1/setup", person(&wrong)).await.refused_somehow();
        }
        let short = json!({"token": token, "username": "eve", "password": "short"});
        nobody.post("/api/v1/setup", short).await.invalid("/password");
    })
    .await;
    assert_eq!(nobody.get("/api/v1/setup").await.ok()["needed"], true);
    nobody.post("/api/v1/setup", person(&token)).await.done();
}

async fn two_at_once_cannot_both_be_the_first(g: Garth) {
    let token = g.setup_token().expect("a token");
    let calls = ["eve", "mallory", "oscar"]
        .map(|name| json!({"token": token, "username": name, "password": password(name)}))
        .map(|body| g.anonymous().post("/api/v1/setup", body));
    let answers = race(calls.into()).await;
    let first: Vec<_> = answers.iter().filter(|answer| answer.status.is_success()).collect();
    assert_eq!(first.len(), 1, "exactly one may be the first");
}

async fn the_setup_token_outlives_a_restart(g: Garth) {
    let token = g.setup_token();
    assert!(token.is_some());
    g.restart().await;
    assert_eq!(g.setup_token(), token);
    g.admin().await;
    g.restart().await;
    assert_eq!(g.setup_token(), None);
}

async fn me_tells_who_i_am(g: Garth) {
    let lin = g.person("lin").await;
    let me = lin.get("/api/v1/me").await.ok();
    assert_eq!(me["user"]["id"], lin.id);
    assert_eq!(me["user"]["username"], "lin");
    assert_eq!(me["user"]["system_admin"], false);
    assert_eq!(me["controls"], false, "users of one space never meet the concept");

    let home = g.home().await;
    let atlas = g.admin().await.space("Atlas").admin(&lin).create().await;
    let me = lin.get("/api/v1/me").await.ok();
    assert_eq!(me["controls"], true);
    let spaces = me["spaces"].as_array().expect("spaces");
    let find = |space: &Thing| spaces.iter().find(|seen| seen["id"] == space.id).expect("a visible space");
    assert_eq!(find(&home)["default"], true);
    assert_eq!(find(&home)["role"], "writer");
    assert_eq!(find(&atlas)["role"], "admin");
    assert_eq!(find(&atlas)["path"], "Atlas");
    assert_eq!(find(&atlas)["archived"], false);
    assert_eq!(spaces.len(), 2);

    g.anonymous().get("/api/v1/me").await.not_signed_in();
}

async fn signup_works_once(g: Garth) {
    let ada = g.admin().await;
    let user = ada.post("/api/v1/users", json!({"username": "lin"})).await.created();
    let token = user.text("signup_token");
    let body = json!({"token": token, "password": password("lin"), "name": "Lin"});
    let session = g.anonymous().post("/api/v1/signup", body.clone()).await.done();
    assert_eq!(session["user"]["id"], user["id"]);
    assert_eq!(session["user"]["name"], "Lin");

    let lin = g.anonymous().with_token(&session.text("token"));
    assert_eq!(lin.get("/api/v1/me").await.ok()["user"]["username"], "lin");
    g.unchanged(async || {
        let used = g.anonymous().post("/api/v1/signup", body).await.refused_somehow();
        let never = json!({"token": strange(&token), "password": password("lin")});
        assert_same(&used, &g.anonymous().post("/api/v1/signup", never).await);
    })
    .await;

    let calls = (0..4).map(|_| {
        let body = json!({"token": token, "password": password("eve")});
        g.anonymous().post("/api/v1/signup", body)
    });
    for answer in race(calls.collect()).await {
        answer.refused_somehow();
    }
    g.anonymous().sign_in("lin").await;
}

async fn a_refused_signup_leaves_the_link_usable(g: Garth) {
    let ada = g.admin().await;
    let user = ada.post("/api/v1/users", json!({"username": "lin"})).await.created();
    let token = user.text("signup_token");
    let with = |password: &str| json!({"token": token, "password": password});
    g.unchanged(async || {
        g.anonymous().post("/api/v1/signup", with("seven77")).await.invalid("/password");
        g.anonymous().post("/api/v1/signup", with(&"x".repeat(1025))).await.invalid("/password");
        let unknown = json!({"token": token, "password": password("lin"), "system_admin": true});
        g.anonymous().post("/api/v1/signup", unknown).await.invalid("/system_admin");
    })
    .await;
    g.anonymous().post("/api/v1/signup", with(&password("lin"))).await.done();
}

async fn login_tells_nobody_whether_a_name_exists(g: Garth) {
    let ada = g.admin().await;
    let bo = g.person("bo").await;
    g.person("lin").await;
    ada.post("/api/v1/users", json!({"username": "nils"})).await.created();
    ada.patch(&format!("/api/v1/users/{}", bo.id), json!({"disabled": true})).await.ok();

    let login = |name: &str, password: &str| {
        g.anonymous().post("/api/v1/login", json!({"username": name, "password": password}))
    };
    let unknown = login("nobody-of-this-name", "correct horse battery").await.problem(401);
    assert_same(&unknown, &login("lin", "wrong horse battery").await);
    assert_same(&unknown, &login("lin", "").await);
    assert_same(&unknown, &login("nils", "not signed up yet").await);
    assert_same(&unknown, &login("bo", &password("bo")).await);
    assert_same(&unknown, &login("lin", &format!("{} ", password("lin"))).await);
    let session = login("lin", &password("lin")).await.ok();
    assert!(!session.text("expires_at").is_empty());
    assert_eq!(session["user"]["username"], "lin");
}

async fn logout_ends_this_session_at_once_and_no_other(g: Garth) {
    let desk = g.person("lin").await;
    let phone = desk.sign_in("lin").await;
    assert_ne!(desk.token, phone.token);
    desk.call(Method::POST, "/api/v1/logout").await.done();
    desk.get("/api/v1/me").await.not_signed_in();
    desk.call(Method::POST, "/api/v1/logout").await.not_signed_in();
    phone.get("/api/v1/me").await.ok();
}

async fn a_bad_credential_is_never_taken_for_anonymous(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    ada.patch("/api/v1/settings", json!({"public_access": true})).await.ok();
    g.home().await;
    let site = ada.space("Site").with("view", json!("public")).create().await;
    let page = ada.resource("task", "Welcome").space(&site).view(json!("public")).create().await;

    g.anonymous().get(&page.url("")).await.ok();
    g.anonymous().with_token("garbage").get(&page.url("")).await.not_signed_in();
    let lin = g.person("lin").await;
    lin.get(&page.url("")).await.ok();
    lin.call(Method::POST, "/api/v1/logout").await.done();
    lin.get(&page.url("")).await.not_signed_in();
}

async fn sessions_outlive_a_restart_and_ended_ones_stay_ended(g: Garth) {
    let lin = g.person("lin").await;
    let bo = g.person("bo").await;
    bo.call(Method::POST, "/api/v1/logout").await.done();
    g.restart().await;
    lin.get("/api/v1/me").await.ok();
    bo.get("/api/v1/me").await.not_signed_in();
}

async fn people_set_their_own_name_and_default_space(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    let home = g.home().await;
    let atlas = ada.space("Atlas").create().await;
    let grant = ada.grant(&atlas, &lin, "writer").await;
    let hidden = ada.space("Hidden").create().await;

    let plain = lin.resource("task", "Where the installation says").create().await;
    assert_eq!(plain["space"], home.id);
    let me = lin.patch("/api/v1/me", json!({"name": "Lin Chen", "default_space": atlas.id})).await.ok();
    assert_eq!(me["user"]["name"], "Lin Chen");
    assert_eq!(me["default_space"], atlas.id);
    let own = lin.resource("task", "Where I say").create().await;
    assert_eq!(own["space"], atlas.id);

    g.unchanged(async || {
        let refused = |id: &str| lin.patch("/api/v1/me", json!({"default_space": id}));
        let to_hidden = refused(&hidden.id).await.invalid("/default_space");
        let missing = strange(&hidden.id);
        assert_missing(&to_hidden, &hidden.id, &refused(&missing).await, &missing);
        lin.patch("/api/v1/me", json!({"system_admin": true})).await.invalid("/system_admin");
    })
    .await;

    // A default that became hidden is passed over, and is null while it is hidden.
    ada.revoke(&atlas, &grant).await;
    assert_eq!(lin.get("/api/v1/me").await.ok()["default_space"], Value::Null);
    let passed = lin.resource("task", "Home again").create().await;
    assert_eq!(passed["space"], home.id);
}

async fn a_lost_default_gives_way_to_the_oldest_space_that_is_left(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    g.closed_home().await;
    ada.patch("/api/v1/settings", json!({"create_spaces": "users"})).await.ok();
    let me = async || {
        let me = lin.get("/api/v1/me").await.ok();
        (me["default_space"].clone(), me["usual_space"].clone())
    };
    assert_eq!(me().await, (Value::Null, Value::Null), "who is nowhere begins nowhere");
    let mut spaces = Vec::new();
    for name in ["Old", "Middle", "New"] {
        spaces.push(lin.space(name).create().await);
        g.pass(SECOND);
    }
    let [old, middle, new] = [0, 1, 2].map(|at| spaces[at].clone());
    assert_eq!(old["access"]["role"], "admin", "whoever makes a space is its admin");
    // Making one chooses no default: until somebody does, the oldest is where they begin.
    assert_eq!(me().await, (Value::Null, json!(old.id)));
    lin.patch("/api/v1/me", json!({"default_space": new.id})).await.ok();
    // Working elsewhere changes nothing.
    for space in [&old, &middle] {
        lin.get(&space.url("")).await.ok();
        lin.resource("task", "Elsewhere").space(space).create().await;
        lin.sign_in("lin").await.get(&format!("/api/v1/resources?space={}", space.id)).await.ok();
        assert_eq!(me().await, (json!(new.id), json!(new.id)));
    }
    // Lost in one way or another: the oldest that is left, where things go as well.
    let lands = async || lin.resource("task", "Anywhere").create().await["space"].clone();
    ada.grant_by_registry(&new, &ada, "admin").await;
    lin.post(&new.url("/leave"), json!({})).await.done();
    assert_eq!(me().await, (Value::Null, json!(old.id)));
    assert_eq!(lands().await, old.id);
    lin.post(&old.url("/archive"), json!({})).await.ok();
    assert_eq!(me().await, (Value::Null, json!(middle.id)), "an archived one is passed over");
    assert_eq!(lands().await, middle.id);
    // Who is let in again finds it as it was: it was lost, not forgotten.
    ada.grant(&new, &lin, "reader").await;
    assert_eq!(me().await, (json!(new.id), json!(new.id)));
    ada.post(&new.url("/archive"), json!({})).await.ok();
    assert_eq!(me().await, (json!(new.id), json!(middle.id)));
    ada.delete(&new.url("?confirm=New")).await.ok();
    assert_eq!(me().await, (Value::Null, json!(middle.id)));
    g.restart().await;
    assert_eq!(me().await, (Value::Null, json!(middle.id)));
}

async fn my_sessions_are_listed_and_ended_one_by_one_or_all(g: Garth) {
    let desk = g.person("lin").await;
    let bo = g.person("bo").await;
    let path = "/api/v1/me/sessions";
    let login = |device: &str| {
        let body = json!({"username": "lin", "password": password("lin")});
        g.anonymous().post("/api/v1/login", body).header("user-agent", device)
    };
    g.pass(SECOND);
    let phone = desk.with_token(&login("A phone").await.ok().text("token"));
    g.pass(SECOND);
    let tablet = desk.with_token(&login(&"x".repeat(300)).await.ok().text("token"));

    let listed = phone.get(path).await.ok();
    assert_eq!(listed["next"], Value::Null);
    let items = listed.items();
    assert_eq!(items.len(), 3, "newest first: {listed}");
    assert_eq!(items[0]["device"], "x".repeat(50));
    assert_eq!(items[1]["device"], "A phone");
    let current: Vec<_> = items.iter().map(|item| item["current"] == true).collect();
    assert_eq!(current, [false, true, false]);
    assert!(items[1]["created_at"].as_str().is_some_and(|at| at.starts_with("2031-05-04T08:00:01")), "{listed}");
    assert!(items[1]["expires_at"].as_str().is_some_and(|at| at.starts_with("2031-05-18T08:00:01")), "{listed}");
    let text = String::from_utf8_lossy(&listed.bytes).into_owned();
    for token in [&desk, &phone, &tablet].map(|one| one.token.clone().expect("a token")) {
        assert!(!text.contains(&token) && !text.contains("hash"), "{listed}");
    }

    let id = items[0]["id"].as_str().expect("an id");
    let one = format!("{path}/{id}");
    g.unchanged(async || {
        let hidden = bo.delete(&one).await.refused(404, "not_found");
        assert_missing(&hidden, id, &bo.delete(&format!("{path}/{}", strange(id))).await, &strange(id));
        g.anonymous().delete(&one).await.not_signed_in();
        g.anonymous().get(path).await.not_signed_in();
    })
    .await;
    tablet.get("/api/v1/me").await.ok();
    desk.delete(&one).await.done();
    tablet.get("/api/v1/me").await.not_signed_in();
    desk.delete(&one).await.refused(404, "not_found");

    desk.delete(path).await.done();
    phone.get("/api/v1/me").await.not_signed_in();
    desk.get("/api/v1/me").await.ok();
    bo.get("/api/v1/me").await.ok();
    assert_eq!(desk.get(path).await.ok().items().len(), 1);

    // A session ends by itself after fourteen days, and is not listed then.
    g.pass(14 * 24 * 3_600 * SECOND - 1);
    g.anonymous().sign_in("lin").await;
    g.pass(SECOND);
    desk.get("/api/v1/me").await.not_signed_in();
    assert_eq!(g.anonymous().sign_in("lin").await.get(path).await.ok().items().len(), 2);
}

async fn a_session_that_nobody_uses_ends(g: Garth) {
    const DAY: i64 = 24 * 3_600 * SECOND;
    let lin = g.person("lin").await;
    let (used, idle) = (lin.sign_in("lin").await, lin.sign_in("lin").await);
    for _ in 0..6 {
        g.pass(DAY);
        used.get("/api/v1/me").await.ok();
    }
    g.pass(DAY - SECOND);
    idle.get("/api/v1/me").await.ok();
    g.pass(SECOND);
    lin.get("/api/v1/me").await.not_signed_in();
    let listed = used.get("/api/v1/me/sessions").await.ok();
    assert_eq!(listed.items().len(), 2, "{listed}");
    let current = listed.items().into_iter().find(|one| one["current"] == true).expect("this one");
    assert!(current["last_used_at"].as_str().is_some_and(|at| at.starts_with("2031-05-11T08:00:00")), "{listed}");
    // When it was used is remembered by the next server.
    let one = lin.sign_in("lin").await;
    g.pass(5 * DAY);
    one.get("/api/v1/me").await.ok();
    g.restart().await;
    g.pass(5 * DAY);
    one.get("/api/v1/me").await.ok();
    g.pass(5 * DAY);
    one.get("/api/v1/me").await.not_signed_in();
}
