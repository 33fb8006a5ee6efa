//! Stories about what holds for every route: problems that look alike, bodies that are read strictly, paths that are
//! taken literally, and answers that nobody keeps for somebody else.

use crate::support::*;
use axum::http::Method;

stories! {
    every_refusal_is_a_problem,
    a_body_is_read_strictly,
    a_body_has_a_size,
    no_text_carries_a_nul,
    queries_are_read_strictly,
    a_path_is_taken_literally,
    a_method_is_what_it_says,
    the_anonymous_learn_nothing,
    n16_no_answer_is_kept_for_somebody_else,
    every_answer_protects_who_reads_it,
    a_request_id_is_given_or_kept,
    the_smallest_mistake_is_pointed_at,
    garbage_is_refused_everywhere,
}

async fn every_refusal_is_a_problem(g: Garth) {
    let lin = g.person("lin").await;
    lin.get("/api/v1/nothing-here").await.refused(404, "not_found");
    lin.get("/nothing-here").await.refused(404, "not_found");
    lin.get("/api/v1/spaces/none").await.refused(404, "not_found");
    let answer = lin.call(Method::PUT, "/api/v1/login").json(json!({})).await.problem(405);
    assert!(answer.header("allow").contains("POST"), "{answer}");
    lin.call(Method::DELETE, "/api/v1/me").await.problem(405);
    let plain = lin.call(Method::POST, "/api/v1/resources").raw("text/plain", "{}");
    plain.await.problem(415);
    lin.call(Method::POST, "/api/v1/resources").raw("", "{}").await.problem(415);
    lin.call(Method::POST, "/api/v1/resources").raw("application/json; charset=utf-8", "{}").await.problem(422);
}

async fn a_body_is_read_strictly(g: Garth) {
    let ada = g.admin().await;
    g.unchanged(async || {
        for bad in [
            "",
            "{",
            "}",
            "nonsense",
            "{\"name\": \"x\",}",
            "{\"name\": \"x\"} {}",
            "{'name': 'x'}",
            "{\"name\": \"\\ud800\"}",
            "{\"name\": 1e999999}",
            "{\"name\": \"x\", \"name\": \"y\"}",
            "{\"name\": \"x\", \"labels\": [], \"labels\": []}",
            "\u{feff}{\"name\": \"x\"}",
        ] {
            let answer = ada.call(Method::POST, "/api/v1/spaces").raw("application/json", bad).await.refused_somehow();
            assert!(answer.status == 400 || answer.status == 422, "{bad}: {answer}");
        }
        let not_text = [b"{\"name\": \"".as_slice(), &[0xff, 0xfe], b"\"}"].concat();
        ada.call(Method::POST, "/api/v1/spaces").raw("application/json", not_text).await.refused_somehow();
        for (body, pointer) in [
            (json!({"name": "x", "nmae": "y"}), "/nmae"),
            (json!({"name": "x", "a/b~c": 1}), "/a~1b~0c"),
            (json!({"name": ["x"]}), "/name"),
            (json!({"name": "x", "labels": {}}), "/labels"),
            (json!({"name": "x", "inherits": "yes"}), "/inherits"),
        ] {
            ada.post("/api/v1/spaces", body).await.invalid(pointer);
        }
        for body in [json!([]), json!("x"), json!(7), Value::Null] {
            let answer = ada.post("/api/v1/spaces", body).await.refused_somehow();
            assert!(answer.status == 400 || answer.status == 422, "{answer}");
        }
    })
    .await;
    // Duplicates are found at every depth, in free bodies too.
    ada.kind("task").await;
    let body = r#"{"kind": "task", "name": "x", "body": {"a": [{"b": 1, "b": 2}]}}"#;
    g.unchanged(async || {
        ada.call(Method::POST, "/api/v1/resources").raw("application/json", body).await.refused_somehow();
    })
    .await;
}

async fn a_body_has_a_size(g: Garth) {
    let lin = g.person("lin").await;
    let big = " ".repeat((1 << 20) + 1);
    for path in ["/api/v1/resources", "/api/v1/spaces", "/access/v1/evaluation", "/api/v1/explain"] {
        lin.call(Method::POST, path).raw("application/json", big.as_bytes()).await.problem(413);
    }
    g.anonymous().call(Method::POST, "/api/v1/login").raw("application/json", big.as_bytes()).await.problem(413);
    let padded = format!("{}{}", " ".repeat((1 << 20) - 2), "{}");
    lin.call(Method::POST, "/api/v1/resources").raw("application/json", padded).await.problem(422);
}

async fn no_text_carries_a_nul(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    let home = g.home().await;
    let nul = "a\u{0}b";
    g.unchanged(async || {
        ada.space(nul).send().await.invalid("/name");
        ada.space("x").with("description", json!(nul)).send().await.invalid("/description");
        ada.space("x").with("labels", json!([nul])).send().await.invalid("/labels/0");
        ada.resource("task", "x").labels(&[nul]).send().await.invalid("/labels/0");
        ada.patch(&home.url(""), json!({"name": nul})).await.invalid("/name");
        ada.post("/api/v1/groups", json!({"name": nul})).await.invalid("/name");
        ada.post("/api/v1/users", json!({"username": "x", "name": nul})).await.invalid("/name");
        ada.post("/api/v1/users", json!({"username": "x", "email": nul})).await.invalid("/email");
        g.anonymous().post("/api/v1/login", json!({"username": nul, "password": nul})).await.refused_somehow();
    })
    .await;
    // A free body may hold any text; what it holds comes back as it was, on both engines.
    let odd = json!({"text": "tab\t line\n quote\" \u{1f511} \u{202e} \u{7f}", "big": 9_007_199_254_740_993_i64});
    let task = ada.resource("task", "Odd").body(odd.clone()).create().await;
    assert_eq!(ada.get(&task.url("")).await.ok()["body"], odd);
    let with_nul = ada.resource("task", "Nul").body(json!({"text": nul, nul: 1})).send().await;
    assert!(with_nul.status == 201 || with_nul.status == 422, "{with_nul}");
    for path in ["/api/v1/resources?q=%00", "/api/v1/spaces?path=%00", "/api/v1/resources?label=%00&owner=%00"] {
        let answer = ada.get(path).await;
        assert!(answer.status == 200 || answer.status == 422, "{answer}");
    }
}

async fn queries_are_read_strictly(g: Garth) {
    let lin = g.person("lin").await;
    for path in ["/api/v1/resources", "/api/v1/spaces"] {
        lin.get(&format!("{path}?limit=two")).await.invalid("?limit");
        lin.get(&format!("{path}?limit=1&limit=2")).await.refused(422, "invalid");
        lin.get(&format!("{path}?colour=red")).await.invalid("?colour");
        lin.get(&format!("{path}?cursor=%ff%fe")).await.refused(422, "invalid");
    }
}

async fn a_path_is_taken_literally(g: Garth) {
    let ada = g.admin().await;
    let home = g.home().await;
    for path in [
        "/api/v1//users",
        "/api//v1/users",
        "//api/v1/users",
        "/api/v1/users/",
        "/api/v1/users;x=y",
        "/API/v1/users",
        "/api/v1/Users",
        "/api/v1/./users",
        "/api/v1/spaces/../users",
        "/healthz/../api/v1/users",
        "/api/v1/%75sers/%2e%2e",
        "/api/v1/%2575sers",
        "/api%2fv1%2fusers",
        "/api/v1/users%00",
        "/api/v1/users%20",
        "/api/v1/users%2f",
        "/api/v1/openapi.json/../users",
    ] {
        let nobody = g.anonymous().get(path).await;
        assert!(nobody.status == 401 || nobody.status == 404, "{nobody}");
        ada.get(path).await.refused_somehow();
    }
    // An encoded letter is that letter: the same route with the same locks.
    g.anonymous().get("/api/v1/%75sers").await.refused_somehow();
    ada.get(&format!("{}/", home.url(""))).await.refused_somehow();
}

async fn a_method_is_what_it_says(g: Garth) {
    let ada = g.admin().await;
    let home = g.home().await;
    g.unchanged(async || {
        for header in ["x-http-method-override", "x-http-method", "x-method-override"] {
            ada.get(&home.url("")).header(header, "DELETE").await.ok();
            ada.post("/api/v1/spaces", json!({})).header(header, "GET").await.refused(422, "invalid");
        }
        for method in ["HEAD", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get"] {
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            for path in ["/api/v1/users", "/api/v1/me", "/access/v1/evaluation", &home.url("")] {
                let answer = g.anonymous().call(method.clone(), path).await;
                assert!(answer.status.is_client_error(), "{answer}");
            }
        }
    })
    .await;
}

async fn the_anonymous_learn_nothing(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    let home = g.home().await;
    let task = ada.resource("task", "Fix the lift").create().await;
    let group = ada.group("crew", &[]).await;
    let nobody = g.anonymous();
    for (there, id) in [
        (home.url(""), &home.id),
        (home.url("/grants"), &home.id),
        (home.url("/members"), &home.id),
        (home.url("/audit"), &home.id),
        (task.url(""), &task.id),
        (group.url(""), &group.id),
        (format!("/api/v1/users/{}", ada.id), &ada.id),
        (format!("/api/v1/registry/spaces/{}/grants", home.id), &home.id),
    ] {
        let nowhere = strange(id);
        let missing = nobody.get(&there.replace(id.as_str(), &nowhere)).await;
        assert_missing(&nobody.get(&there).await.not_signed_in(), id, &missing, &nowhere);
    }
    // Nor does a body that is wrong tell more than one that is right.
    let wrong = nobody.post("/api/v1/spaces", json!({"nmae": 7})).await.not_signed_in();
    assert_same(&wrong, &nobody.post("/api/v1/spaces", json!({"name": "x"})).await);
}

async fn n16_no_answer_is_kept_for_somebody_else(g: Garth) {
    let lin = g.person("lin").await;
    let home = g.home().await;
    for path in ["/api/v1/me", "/api/v1/spaces", "/api/v1/resources", &home.url(""), "/api/v1/spaces/none"] {
        let answer = lin.get(path).await;
        assert!(answer.header("cache-control").contains("no-store"), "{path}: {:?}", answer.headers);
    }
    let login = json!({"username": "lin", "password": password("lin")});
    let session = g.anonymous().post("/api/v1/login", login).await.ok();
    assert!(session.header("cache-control").contains("no-store"), "{:?}", session.headers);
    for answer in [session, lin.get("/api/v1/me").await] {
        assert_eq!(answer.header("vary"), "Authorization, Cookie", "{:?}", answer.headers);
    }
}

/// Nothing in an answer of ours is run, framed, guessed at or kept, whoever asked and however it ended.
async fn every_answer_protects_who_reads_it(g: Garth) {
    let lin = g.person("lin").await;
    let big = vec![b' '; (1 << 20) + 1];
    let calls = [
        lin.get("/api/v1/me"),
        lin.get("/api/v1/openapi.json"),
        lin.get("/api/v1/nothing-here"),
        lin.get("/api/v1/users%00"),
        lin.get("/metrics"),
        lin.post("/api/v1/spaces", json!({"name": "Atlas"})),
        lin.post("/api/v1/spaces", json!({"nmae": "Atlas"})),
        lin.call(Method::POST, "/api/v1/spaces").raw("text/plain", "{}"),
        lin.call(Method::POST, "/api/v1/spaces").raw("application/json", big),
        lin.call(Method::PUT, "/api/v1/login"),
        g.anonymous().get("/healthz"),
        g.anonymous().get("/api/v1/me"),
        g.anonymous().call(Method::HEAD, "/readyz"),
    ];
    for call in calls {
        let answer = call.await;
        for (header, value) in [
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("cross-origin-resource-policy", "same-origin"),
            ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            // The public address of stories is https.
            ("strict-transport-security", "max-age=31536000"),
        ] {
            assert_eq!(answer.header(header), value, "{header}: {answer}");
        }
    }
}

async fn a_request_id_is_given_or_kept(g: Garth) {
    let lin = g.person("lin").await;
    let one = lin.get("/api/v1/spaces/none").await;
    let two = lin.get("/api/v1/spaces/none").await;
    assert_ne!(one.text("request_id"), two.text("request_id"));
    assert_eq!(one.header("x-request-id"), one.text("request_id"));
    let mine = lin.get("/api/v1/spaces/none").header("x-request-id", "mine-7").await;
    assert_eq!((mine.header("x-request-id"), mine.text("request_id").as_str()), ("mine-7", "mine-7"));
    // One that could confuse a log is not repeated into the body as it is, and never an error of ours.
    let odd = "x".repeat(5_000);
    lin.get("/api/v1/me").header("x-request-id", &odd).await.ok();
    lin.get("/api/v1/me").header("x-request-id", "").await.ok();
}

async fn the_smallest_mistake_is_pointed_at(g: Garth) {
    let ada = g.admin().await;
    g.home().await;
    let body = json!({"name": "", "labels": ["", "ok"], "description": 7, "view": "whoever"});
    let answer = ada.post("/api/v1/spaces", body).await.refused(422, "invalid");
    let errors = answer["errors"].as_array().expect("errors");
    assert!(!errors.is_empty());
    for error in errors {
        assert!(error["pointer"].is_string() && error["message"].is_string(), "{answer}");
        assert_eq!(error.as_object().map(serde_json::Map::len), Some(2), "{answer}");
    }
}

/// Whatever is thrown at a route by somebody who may use it: a refusal, never a failure of ours (`Call` checks that).
async fn garbage_is_refused_everywhere(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    let home = g.home().await;
    let task = ada.resource("task", "Fix the lift").create().await;
    let routes = [
        (Method::POST, "/api/v1/login".to_owned()),
        (Method::POST, "/api/v1/signup".to_owned()),
        (Method::POST, "/api/v1/setup".to_owned()),
        (Method::PATCH, "/api/v1/me".to_owned()),
        (Method::POST, "/api/v1/users".to_owned()),
        (Method::PATCH, format!("/api/v1/users/{}", ada.id)),
        (Method::POST, "/api/v1/groups".to_owned()),
        (Method::POST, "/api/v1/roles".to_owned()),
        (Method::POST, "/api/v1/kinds".to_owned()),
        (Method::PATCH, "/api/v1/settings".to_owned()),
        (Method::POST, "/api/v1/spaces".to_owned()),
        (Method::PATCH, home.url("")),
        (Method::POST, home.url("/grants")),
        (Method::POST, "/api/v1/resources".to_owned()),
        (Method::POST, "/api/v1/resources/batch".to_owned()),
        (Method::PATCH, task.url("")),
        (Method::POST, task.url("/move")),
        (Method::POST, "/access/v1/evaluation".to_owned()),
        (Method::POST, "/access/v1/evaluations".to_owned()),
        (Method::POST, "/api/v1/explain".to_owned()),
    ];
    let bodies = [
        "",
        "null",
        "[]",
        "7",
        "\"x\"",
        "{\"\": 1}",
        "{\"name\": {\"name\": {}}}",
        "{\"username\": [], \"password\": {}, \"token\": 7, \"member\": null, \"principal\": [], \"role\": 7}",
        "{\"name\": 123456789012345678901234567890, \"kind\": 1e308, \"space\": -1}",
        "{\"resources\": [null, [], {}], \"evaluations\": {}}",
        "{\"view\": {\"rules\": {}}, \"schema\": 7, \"permissions\": {\"a\": 1}}",
    ];
    g.unchanged(async || {
        for (method, path) in &routes {
            for body in bodies {
                ada.call(method.clone(), path).raw("application/json", body).await.refused_somehow();
            }
        }
    })
    .await;
}
