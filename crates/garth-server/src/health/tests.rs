//! Stories about being asked whether one is well.

use crate::support::*;
use axum::http::Method;
use garth_server::base::db::DbError;

stories! {
    a_server_that_runs_says_so_to_anybody,
    health_tells_nothing_else,
    a_second_server_on_the_same_data_is_refused,
    a_server_without_the_installations_key_does_not_start,
    metrics_are_for_those_who_run_the_server,
    n78_metrics_name_nobody,
}

async fn a_server_that_runs_says_so_to_anybody(g: Garth) {
    let lin = g.person("lin").await;
    for path in ["/healthz", "/readyz"] {
        let before = g.anonymous().get(path).await.ok();
        g.anonymous().call(Method::HEAD, path).await.ok();
        g.anonymous().call(Method::POST, path).await.problem(405);
        lin.get(path).await.ok();
        g.restart().await;
        assert_same(&before, &g.anonymous().get(path).await.ok());
    }
}

async fn health_tells_nothing_else(g: Garth) {
    g.home().await;
    for path in ["/healthz", "/readyz"] {
        let answer = g.anonymous().get(path).await.ok();
        let text = String::from_utf8_lossy(&answer.bytes).to_lowercase();
        for word in ["postgres", "sqlite", "/tmp", "password", "home", "ada"] {
            assert!(!text.contains(word), "{answer}");
        }
    }
}

async fn a_second_server_on_the_same_data_is_refused(g: Garth) {
    let ada = g.admin().await;
    let why = g.second_server().await.expect_err("one server at a time");
    assert!(matches!(why, DbError::AlreadyRunning), "{why}");
    assert!(why.to_string().len() > 40, "a sentence that says why: {why}");
    // The one that runs did not notice.
    ada.get("/api/v1/me").await.ok();
    ada.group("crew", &[]).await;
}

async fn a_server_without_the_installations_key_does_not_start(g: Garth) {
    let ada = g.admin().await;
    for key in [None, Some("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"), Some("nonsense")] {
        let why = g.start_with_key(key).await.expect_err("nothing that was sealed would open").to_string();
        assert!(why.contains("key"), "a sentence that says why: {why}");
    }
    ada.get("/api/v1/me").await.ok();
}

/// The lines of `/metrics`, as Ada reads them.
async fn figures(g: &Garth) -> String {
    let answer = g.admin().await.get("/metrics").await.ok();
    assert!(answer.header("content-type").starts_with("application/openmetrics-text"), "{answer}");
    String::from_utf8(answer.bytes).expect("text")
}

async fn metrics_are_for_those_who_run_the_server(g: Garth) {
    let lin = g.person("lin").await;
    g.anonymous().get("/metrics").await.not_signed_in();
    lin.get("/metrics").await.refused(403, "forbidden");
    let atlas = g.admin().await.space("Atlas").admin(&lin).create().await;
    lin.get("/api/v1/spaces").await.ok();
    lin.get("/api/v1/spaces").await.ok();
    lin.get("/api/v1/nothing-here").await.refused(404, "not_found");
    let question = |action: &str| lin.question(action, "space", &atlas.id);
    for action in ["read", "write", "dance"] {
        lin.post("/access/v1/evaluation", question(action)).await.ok();
    }
    lin.post("/api/v1/explain", question("read")).await.ok();
    let stranger = g.person("bo").await.question("read", "space", &atlas.id);
    lin.post("/access/v1/evaluation", stranger).await.refused(403, "forbidden");
    let text = figures(&g).await;
    for line in [
        r#"garth_decision_duration_seconds_count{endpoint="evaluation",outcome="allowed"} 2"#,
        r#"garth_decision_duration_seconds_count{endpoint="evaluation",outcome="denied"} 1"#,
        r#"garth_decision_duration_seconds_count{endpoint="evaluation",outcome="failed"} 1"#,
        r#"garth_decision_duration_seconds_count{endpoint="explain",outcome="allowed"} 1"#,
        "garth_store_ready 1",
        "garth_writer_queue_operations 0",
        r#"garth_http_request_duration_seconds_count{route="/api/v1/spaces",method="GET",status="2xx"} 2"#,
        r#"garth_http_request_duration_seconds_count{route="/metrics",method="GET",status="4xx"} 2"#,
        r#"garth_http_request_duration_seconds_count{route="other",method="GET",status="4xx"} 1"#,
    ] {
        assert!(text.lines().any(|one| one == line), "{line}\n{text}");
    }
    let value = |name: &str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name}\n{text}"))
    };
    assert!(value("garth_writer_commit_duration_seconds_count") > 2.0);
    assert!(value("garth_writer_group_operations_sum") >= value("garth_writer_commit_duration_seconds_count"));
    assert!((0.0..600.0).contains(&value("garth_last_change_age_seconds")));
    if cfg!(target_os = "linux") {
        assert!(value("garth_resident_memory_bytes") > 1e6);
    }
}

/// Whatever is asked for and by whom: labels are patterns, methods and classes, and there are only so many of them.
async fn n78_metrics_name_nobody(g: Garth) {
    let lin = g.person("lin").await;
    let atlas = g.admin().await.space("Atlas").admin(&lin).create().await;
    g.admin().await.kind("task").await;
    let task = lin.resource("task", "Fix the lift").space(&atlas).create().await;
    for path in [
        atlas.url(""),
        task.url(""),
        "/api/v1/users/@lin".to_owned(),
        "/api/v1/resources?q=Atlas".to_owned(),
        "/Atlas/lin".to_owned(),
        format!("/{}", lin.token.clone().expect("a token")),
    ] {
        lin.get(&path).await;
        g.anonymous().call(Method::from_bytes(b"LIN").expect("a method"), &path).await;
    }
    let document = g.anonymous().get("/api/v1/openapi.json").await.ok();
    let text = figures(&g).await;
    let code = task["code"].as_str().expect("a code");
    for secret in [&atlas.id, &task.id, &lin.id, code, &lin.token.clone().expect("a token")] {
        assert!(!text.contains(secret), "{secret} in\n{text}");
    }
    let mut routes = 0;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let labels = line.split_once('{').and_then(|(_, rest)| rest.split_once("\"}")).map_or("", |(labels, _)| labels);
        for (name, value) in labels.split("\",").filter_map(|label| label.split_once("=\"")) {
            let known = match name {
                "route" => value == "other" || !document["paths"][value].is_null(),
                "method" => ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "other"].contains(&value),
                "status" => ["1xx", "2xx", "3xx", "4xx", "5xx"].contains(&value),
                "le" => value == "+Inf" || value.parse::<f64>().is_ok(),
                "version" => value == env!("CARGO_PKG_VERSION"),
                "endpoint" | "outcome" => value.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
                _ => false,
            };
            assert!(known, "{name}={value}: {line}");
            routes += usize::from(name == "route");
        }
    }
    assert!(routes > 20, "{text}");
}
