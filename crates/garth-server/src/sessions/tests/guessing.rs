//! Stories about guessing: how often somebody may be wrong, from where, and that nobody else pays for it.

use crate::support::*;
use axum::http::Method;
use garth_server::Limits;

stories! {
    ten_wrong_passwords_are_enough,
    a_right_password_clears_the_count,
    many_at_once_are_no_way_around_the_limit,
    nobody_elses_address_locks_me_out,
    an_address_is_limited_whatever_the_name,
    n76_a_limit_tells_nobody_what_is_there,
    recovery_codes_and_current_passwords_count_too,
    tokens_are_guessed_a_hundred_times_and_no_more,
    a_client_behind_a_proxy_is_told_by_the_proxy_only,
    a_whole_64_is_one_address,
    n80_the_anonymous_have_a_pace,
    n54_only_the_exact_token_is_a_credential,
}

const MINUTE: i64 = 60 * SECOND;

fn login(g: &Garth, username: &str, password: &str) -> Call {
    g.anonymous().post("/api/v1/login", json!({"username": username, "password": password}))
}

fn wrong(g: &Garth, username: &str) -> Call {
    login(g, username, "wrong horse battery")
}

async fn ten_wrong_passwords_are_enough(g: Garth) {
    let lin = g.person("lin").await;
    for _ in 0..10 {
        wrong(&g, "lin").await.refused(401, "wrong_credentials");
        g.pass(SECOND);
    }
    let before = g.app().passwords.hashed();
    let refused = g.unchanged(async || wrong(&g, "lin").await.refused(429, "rate_limited")).await;
    assert_eq!(refused.header("retry-after"), "890");
    // The right one neither, nor the same name written otherwise; and nothing was hashed for it.
    assert_same(&refused, &login(&g, "lin", &password("lin")).await);
    assert_same(&refused, &login(&g, " LIN ", &password("lin")).await);
    assert_eq!(g.app().passwords.hashed(), before);
    // Who is in stays in, and other accounts are not concerned.
    lin.get("/api/v1/me").await.ok();
    g.person("bo").await.sign_in("bo").await;
    g.pass(890 * SECOND);
    login(&g, "lin", &password("lin")).await.ok();
}

async fn a_right_password_clears_the_count(g: Garth) {
    g.person("lin").await;
    for _ in 0..3 {
        for _ in 0..9 {
            wrong(&g, "lin").await.problem(401);
        }
        login(&g, "lin", &password("lin")).await.ok();
    }
}

async fn many_at_once_are_no_way_around_the_limit(g: Garth) {
    g.person("lin").await;
    let before = g.app().passwords.hashed();
    let answers = race((0..30).map(|_| wrong(&g, "lin")).collect()).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 401).count(), 10);
    assert_eq!(answers.iter().filter(|answer| answer.status == 429).count(), 20);
    assert_eq!(g.app().passwords.hashed() - before, 10);
    login(&g, "lin", &password("lin")).await.problem(429);
}

async fn nobody_elses_address_locks_me_out(g: Garth) {
    g.person("lin").await;
    for _ in 0..12 {
        wrong(&g, "lin").from("203.0.113.9").await.refused_somehow();
    }
    wrong(&g, "lin").from("203.0.113.9").await.problem(429);
    login(&g, "lin", &password("lin")).from("198.51.100.1").await.ok();
}

async fn an_address_is_limited_whatever_the_name(g: Garth) {
    g.person("lin").await;
    for number in 0..100 {
        wrong(&g, &format!("person{}", number / 9)).from("203.0.113.9").await.problem(401);
    }
    let refused = login(&g, "lin", &password("lin")).from("203.0.113.9").await.refused(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), "900");
    let recover = json!({"username": "lin", "recovery_code": "x", "new_password": "quite another staple"});
    g.anonymous().post("/api/v1/recover", recover).from("203.0.113.9").await.problem(429);
    login(&g, "lin", &password("lin")).from("203.0.113.10").await.ok();
    g.pass(15 * MINUTE);
    login(&g, "lin", &password("lin")).from("203.0.113.9").await.ok();
}

async fn n76_a_limit_tells_nobody_what_is_there(g: Garth) {
    let lin = g.person("lin").await;
    for _ in 0..10 {
        assert_same(&wrong(&g, "lin").await, &wrong(&g, "nobody-of-this-name").await);
    }
    let known = wrong(&g, "lin").await.refused(429, "rate_limited");
    assert_same(&known, &wrong(&g, "nobody-of-this-name").await);

    g.closed_home().await;
    let hidden = g.admin().await.space("Hidden").create().await;
    let missing = hidden.url("").replace(&hidden.id, &strange(&hidden.id));
    g.limit(Limits { anonymous_per_second: 1, ..g.limits() }).await;
    assert_missing(&lin.get(&hidden.url("")).await, &hidden.id, &lin.get(&missing).await, &strange(&hidden.id));
    let over = async |path: &str, address: &str| {
        let first = g.anonymous().get(path).from(address).await;
        (first, g.anonymous().get(path).from(address).await.refused(429, "rate_limited"))
    };
    let (one, other) = (over(&hidden.url(""), "203.0.113.1").await, over(&missing, "203.0.113.2").await);
    assert_same(&one.0, &other.0);
    assert_same(&one.1, &other.1);
}

async fn recovery_codes_and_current_passwords_count_too(g: Garth) {
    let lin = g.person("lin").await;
    let recover = || {
        let body = json!({"username": "lin", "recovery_code": "aaaaa", "new_password": "quite another staple"});
        g.anonymous().post("/api/v1/recover", body)
    };
    let change = |current: &str| {
        let body = json!({"current": current, "new": "quite another staple"});
        lin.call(Method::PUT, "/api/v1/me/password").json(body)
    };
    let codes = |current: &str| lin.post("/api/v1/me/recovery-codes", json!({"current": current}));
    for _ in 0..3 {
        recover().await.problem(401);
        change("wrong horse").await.problem(403);
        codes("wrong horse").await.problem(403);
    }
    wrong(&g, "lin").await.problem(401);
    // Ten in all: together they are guesses of one account.
    g.unchanged(async || {
        recover().await.refused(429, "rate_limited");
        change(&password("lin")).await.refused(429, "rate_limited");
        codes(&password("lin")).await.refused(429, "rate_limited");
        login(&g, "lin", &password("lin")).await.refused(429, "rate_limited");
    })
    .await;
    codes(&password("lin")).from("198.51.100.1").await.ok();
    g.pass(15 * MINUTE);
    change(&password("lin")).await.done();
}

async fn tokens_are_guessed_a_hundred_times_and_no_more(g: Garth) {
    let token = g.setup_token().expect("a token");
    let setup = |token: &str| {
        let body = json!({"token": token, "username": "ada", "password": password("ada")});
        g.anonymous().post("/api/v1/setup", body).from("203.0.113.9")
    };
    for _ in 0..100 {
        setup(&strange(&token)).await.problem(403);
    }
    g.unchanged(async || setup(&token).await.refused(429, "rate_limited")).await;
    g.pass(15 * MINUTE);

    let ada = g.admin().await;
    let user = ada.post("/api/v1/users", json!({"username": "lin"})).await.created();
    let signup = |token: &str| {
        g.anonymous().post("/api/v1/signup", json!({"token": token, "password": password("lin")})).from("203.0.113.9")
    };
    let token = user.text("signup_token");
    for _ in 0..100 {
        signup(&strange(&token)).await.problem(404);
    }
    let before = g.app().passwords.hashed();
    g.unchanged(async || signup(&token).await.refused(429, "rate_limited")).await;
    assert_eq!(g.app().passwords.hashed(), before);
    signup(&token).from("198.51.100.1").await.created();
}

async fn a_client_behind_a_proxy_is_told_by_the_proxy_only(g: Garth) {
    g.person("lin").await;
    let proxies = vec!["10.0.0.0/8".parse().expect("a network")];
    g.limit(Limits { trusted_proxies: proxies, ..g.limits() }).await;
    let through = |proxy: &str, told: &str| wrong(&g, "lin").from(proxy).header("x-forwarded-for", told);
    for number in 0..10 {
        // What a client writes itself stands to the left of what the proxy writes.
        through("10.0.0.1", &format!("192.0.2.{number}, 203.0.113.9")).await.problem(401);
    }
    through("10.0.0.2", "203.0.113.9").await.problem(429);
    wrong(&g, "lin").from("10.0.0.2").header("forwarded", "for=203.0.113.9").await.problem(429);
    wrong(&g, "lin").from("203.0.113.9").await.problem(429);
    through("10.0.0.1", "203.0.113.10").await.problem(401);
    // Nobody else is believed, so that nobody changes their address by a header, nor takes another's.
    for number in 0..10 {
        through("198.51.100.7", &format!("192.0.2.{number}")).await.problem(401);
    }
    through("198.51.100.7", "192.0.2.77").await.problem(429);
    wrong(&g, "lin").from("192.0.2.1").await.problem(401);
}

async fn a_whole_64_is_one_address(g: Garth) {
    g.person("lin").await;
    for number in 0..10 {
        wrong(&g, "lin").from(&format!("2001:db8:7:7::{number:x}")).await.problem(401);
    }
    wrong(&g, "lin").from("2001:db8:7:7:ffff::1").await.problem(429);
    wrong(&g, "lin").from("2001:db8:7:8::1").await.problem(401);
    for _ in 0..10 {
        wrong(&g, "lin").from("::ffff:203.0.113.9").await.problem(401);
    }
    wrong(&g, "lin").from("203.0.113.9").await.problem(429);
}

async fn n80_the_anonymous_have_a_pace(g: Garth) {
    let lin = g.person("lin").await;
    g.limit(Limits { anonymous_per_second: 20, ..g.limits() }).await;
    let nobody = g.anonymous();
    let paths = ["/api/v1/setup", "/api/v1/openapi.json", "/api/v1/spaces", "/nothing-here", "/api/v1/me"];
    for number in 0..20 {
        let answer = nobody.get(paths[number % paths.len()]).from("203.0.113.9").await;
        assert_ne!(answer.status, 429, "{answer}");
    }
    for path in paths {
        let refused = nobody.get(path).from("203.0.113.9").await.refused(429, "rate_limited");
        assert_eq!(refused.header("retry-after"), "1");
    }
    // A credential that is none is no way around it; a good one does not pay for its neighbours.
    let garbage = nobody.with_token("gs_garbage");
    garbage.get("/api/v1/me").from("203.0.113.9").await.refused(429, "rate_limited");
    garbage.get("/api/v1/openapi.json").from("203.0.113.9").await.refused(429, "rate_limited");
    lin.get("/api/v1/me").from("203.0.113.9").await.ok();
    // Nor do others, and who asks whether the server is well is always told.
    nobody.get("/api/v1/setup").from("203.0.113.10").await.ok();
    for _ in 0..30 {
        nobody.get("/healthz").from("203.0.113.9").await.ok();
        nobody.get("/readyz").from("203.0.113.9").await.ok();
    }
    for _ in 0..20 {
        garbage.get("/api/v1/me").from("203.0.113.11").await.not_signed_in();
    }
    garbage.get("/api/v1/me").from("203.0.113.11").await.problem(429);
    g.pass(SECOND);
    nobody.get("/api/v1/setup").from("203.0.113.9").await.ok();
}

async fn n54_only_the_exact_token_is_a_credential(g: Garth) {
    let lin = g.person("lin").await;
    let token = lin.token.clone().expect("a token");
    let me = "/api/v1/me";
    let flipped: String =
        token.chars().map(|c| if c.is_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }).collect();
    let encoded = percent(&token).replace('_', "%5F");
    let bare = token.trim_start_matches("gs_");
    for bad in [&token[..token.len() - 1], &token[1..], &format!("{token}A"), &strange(&token), &flipped, "x", ""] {
        lin.with_token(bad).get(me).await.not_signed_in();
    }
    for bad in [&encoded, bare, &format!("{token} {token}"), &format!("\"{token}\""), &format!("{token},{token}")] {
        lin.with_token(bad).get(me).await.not_signed_in();
    }
    let nobody = g.anonymous();
    nobody.get(me).header("authorization", &format!("Basic {token}")).await.not_signed_in();
    nobody.get(me).header("authorization", &token).await.not_signed_in();
    nobody.get(me).header("cookie", &format!("token={token}")).await.not_signed_in();
    nobody.get(&format!("{me}?token={token}")).await.not_signed_in();
    nobody.get(&format!("{me}?access_token={token}")).await.not_signed_in();
    // The scheme's name is written in any case (RFC 9110).
    nobody.get(me).header("authorization", &format!("bearer {token}")).await.ok();
}
