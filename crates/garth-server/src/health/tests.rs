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
    how_the_jobs_are_is_told_as_far_as_somebody_may_know,
    an_observer_key_opens_one_door_until_it_is_revoked,
    observer_keys_have_limits,
    alerts_have_limits,
    alerts_are_tried_before_they_are_needed,
    every_figure_of_the_dashboard_is_there,
    what_turns_red_is_told_once,
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
                "endpoint" | "outcome" | "noun" | "colour" | "state" => {
                    value.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
                }
                _ => false,
            };
            assert!(known, "{name}={value}: {line}");
            routes += usize::from(name == "route");
        }
    }
    assert!(routes > 20, "{text}");
}

async fn how_the_jobs_are_is_told_as_far_as_somebody_may_know(g: Garth) {
    let (ada, lin) = (g.admin().await, g.person("lin").await);
    let secret = ada.post("/api/v1/observer-keys", json!({"name": "Watcher"})).await.created().text("secret");
    let observer = g.anonymous().with_token(&secret);
    let path = "/api/v1/health";
    let tell = async |what: &str| drop(ada.patch("/api/v1/settings", json!({ "public_health": what })).await.ok());

    // At first one colour for all of it: how much there is, and of what, is nobody's business.
    for anybody in [&g.anonymous(), &lin] {
        assert_eq!(anybody.get(path).await.ok().json, json!({"status": "gray"}));
    }
    let none = json!({"red": 0, "yellow": 0, "gray": 0, "green": 0});
    for seeing in [&observer, &ada] {
        let answer = seeing.get(path).await.ok();
        assert_eq!(answer["counts"], json!({"jobs": none, "deliveries": none}));
        assert_eq!((&answer["jobs"], &answer["deliveries"], &answer["more"]), (&json!([]), &json!([]), &json!(false)));
    }
    tell("counts").await;
    let answer = g.anonymous().get(path).await.ok();
    assert_eq!(answer.json, json!({"status": "gray", "counts": {"jobs": none, "deliveries": none}}));
    tell("nothing").await;
    g.anonymous().get(path).await.not_signed_in();
    lin.get(path).await.refused(403, "forbidden");
    for seeing in [&observer, &ada] {
        seeing.get(path).await.ok();
    }
    tell("colour").await;
    g.anonymous().get(path).await.ok();
    ada.patch("/api/v1/settings", json!({"public_health": "all"})).await.invalid("/public_health");
    g.anonymous().get("/api/v1/health?names=true").await.invalid("?names");
}

async fn an_observer_key_opens_one_door_until_it_is_revoked(g: Garth) {
    let (ada, lin) = (g.admin().await, g.person("lin").await);
    let keys = "/api/v1/observer-keys";
    g.unchanged(async || {
        lin.post(keys, json!({"name": "Mine"})).await.refused(403, "forbidden");
        lin.get(keys).await.refused(403, "forbidden");
        g.anonymous().get(keys).await.not_signed_in();
    })
    .await;
    let made = ada.post(keys, json!({"name": "Watcher"})).await.created();
    let secret = made.text("secret");
    assert!(secret.starts_with("garth_obs_") && secret.starts_with(&made.text("prefix")), "{made}");
    let observer = g.anonymous().with_token(&secret);
    observer.get("/api/v1/health").await.ok();
    g.unchanged(async || {
        for path in ["/api/v1/me", "/api/v1/spaces", "/api/v1/resources", keys, "/metrics", "/api/v1/settings"] {
            observer.get(path).await.not_signed_in();
        }
        observer.post(keys, json!({"name": "Another"})).await.not_signed_in();
        g.anonymous().with_token("garth_obs_guessed").get("/api/v1/health").await.not_signed_in();
        g.anonymous().with_token("guessed").get("/api/v1/health").await.not_signed_in();
        lin.delete(&format!("{keys}/{}", made.id())).await.refused(403, "forbidden");
        ada.delete(&format!("{keys}/{}", lin.id)).await.refused(404, "not_found");
    })
    .await;
    let listed = ada.get(keys).await.ok().items();
    assert_eq!(listed[0]["last_used_at"], json!(g.time_in(0)), "{listed:?}");
    assert!(!listed[0].to_string().contains(&secret) && listed[0].get("secret").is_none());
    assert!(!g.rows("observer_keys").await.concat().contains(&secret));
    g.pass(90 * SECOND);
    observer.get("/api/v1/health").await.ok();
    assert_eq!(ada.get(keys).await.ok().items()[0]["last_used_at"], json!(g.time_in(0)));
    ada.delete(&format!("{keys}/{}", made.id())).await.done();
    observer.get("/api/v1/health").await.not_signed_in();
    let actions: Vec<Value> = ada.get("/api/v1/audit").await.ok().items().iter().map(|e| e["action"].clone()).collect();
    for action in ["observer_key.create", "observer_key.delete"] {
        assert!(actions.contains(&json!(action)), "{action}: {actions:?}");
    }
}

async fn observer_keys_have_limits(g: Garth) {
    let ada = g.admin().await;
    let new = |name: &str| ada.post("/api/v1/observer-keys", json!({ "name": name }));
    for n in 0..100 {
        g.pass(1_000);
        new(&format!("key {n}")).await.created();
    }
    g.unchanged(async || {
        new("over").await.refused(409, "conflict");
        new("").await.invalid("/name");
        new(&"n".repeat(256)).await.invalid("/name");
    })
    .await;
    assert_eq!(ada.all_pages("/api/v1/observer-keys", 33).await.len(), 100);
}

async fn alerts_have_limits(g: Garth) {
    let ada = g.admin().await;
    let set = |alerts: Value| ada.patch("/api/v1/settings", json!({ "alerts": alerts }));
    let people: Vec<String> = (0..10).map(|n| format!("a{n}@example.org")).collect();
    for (check, gap) in [(1, 5), (1_440, 10_080)] {
        let alerts = json!({"recipients": people, "check_minutes": check, "gap_minutes": gap});
        assert_eq!(set(alerts.clone()).await.ok()["alerts"], alerts);
    }
    g.unchanged(async || {
        let many: Vec<String> = (0..11).map(|n| format!("a{n}@example.org")).collect();
        set(json!({ "recipients": many })).await.invalid("/alerts/recipients");
        for wrong in ["", "lin", "lin@corp", "a b@example.org"] {
            set(json!({ "recipients": ["a@example.org", wrong] })).await.invalid("/alerts/recipients/1");
        }
        for wrong in [0, 1_441] {
            set(json!({ "check_minutes": wrong })).await.invalid("/alerts/check_minutes");
        }
        for wrong in [4, 10_081] {
            set(json!({ "gap_minutes": wrong })).await.invalid("/alerts/gap_minutes");
        }
        set(json!({"to": "a@example.org"})).await.invalid("/alerts/to");
    })
    .await;
}

async fn alerts_are_tried_before_they_are_needed(g: Garth) {
    let (ada, lin) = (g.admin().await, g.person("lin").await);
    let tried = async || ada.post("/api/v1/alerts/test", json!({})).await.ok();
    lin.post("/api/v1/alerts/test", json!({})).await.refused(403, "forbidden");
    assert_eq!(tried().await["state"], "failed");
    let alerts = json!({"recipients": ["ops@example.org"], "check_minutes": 1, "gap_minutes": 5});
    ada.patch("/api/v1/settings", json!({ "alerts": alerts })).await.ok();
    assert_eq!(tried().await["state"], "failed");
    let server = smtp::MailServer::start().await;
    smtp::with_mail(&g, &server).await;
    ada.post("/api/v1/alerts/test?dry_run=true", json!({})).await.ok();
    assert_eq!(tried().await["state"], "sent");
    let letter = server.letter().await;
    assert_eq!(letter.to, ["ops@example.org"]);
    assert!(letter.text.contains(PUBLIC_URL), "{letter:?}");
    // With nothing red, nobody is written to.
    assert_eq!(garth_server::health::alerts::watch_once(&g.app()).await.expect("a look"), 0);
    assert!(server.quiet().await);
}

/// What the dashboard draws is measured.
async fn every_figure_of_the_dashboard_is_there(g: Garth) {
    let ada = g.admin().await;
    garth_server::health::alerts::watch_once(&g.app()).await.expect("a look");
    g.app().figures.job_run("succeeded");
    g.app().figures.letter(garth_server::base::metrics::Received::Accepted);
    ada.post("/access/v1/evaluation", ada.question("read", "space", &g.home().await.id)).await.ok();
    let text = figures(&g).await;
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let dashboard = std::fs::read_to_string(root.join("deploy/grafana/garth.json")).expect("the dashboard");
    let dashboard: Value = serde_json::from_str(&dashboard).expect("JSON");
    let mut drawn = 0;
    for panel in dashboard["panels"].as_array().expect("panels") {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let query = target["expr"].as_str().expect("a query");
            for name in
                query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|n| n.starts_with("garth_"))
            {
                let suffixes = ["_bucket", "_count", "_sum", "_total", "_info"];
                let family = suffixes.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name);
                assert!(text.contains(&format!("# TYPE {family} ")), "{name} of “{}” in\n{text}", panel["title"]);
                drawn += 1;
            }
        }
    }
    assert!(drawn > 10, "{drawn}");
}

async fn what_turns_red_is_told_once(g: Garth) {
    let (ada, lin) = (g.admin().await, g.person("lin").await);
    let server = smtp::MailServer::start().await;
    smtp::with_mail(&g, &server).await;
    let alerts = json!({"recipients": ["ops@example.org"], "check_minutes": 1, "gap_minutes": 60});
    ada.patch("/api/v1/settings", json!({ "alerts": alerts })).await.ok();
    let secret = ada.post("/api/v1/observer-keys", json!({"name": "Watcher"})).await.created().text("secret");
    let observer = g.anonymous().with_token(&secret);
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    let vault = ada.space("Vault").sealed().admin(&lin).create().await;
    // Nobody may ask a private address, so each of its runs fails.
    let failing = async |name: &str, space: &Thing| {
        let report = json!({"type": "page", "url": "https://127.0.0.1:1/"});
        let job = lin.resource("job", name).space(space).owner(&lin);
        let job = job.body(json!({"report": report, "retries": 0, "schedule": "@daily"})).create().await;
        lin.post(&format!("/api/v1/jobs/{}/run", job.id), json!({})).await.expect_status(202);
        while garth_server::jobs::work_once(&g.app()).await.expect("work") > 0 {}
    };
    let look = async || garth_server::health::alerts::watch_once(&g.app()).await.expect("a look");
    assert_eq!(look().await, 0);
    failing("Hidden", &vault).await;
    assert_eq!(g.anonymous().get("/api/v1/health").await.ok().json, json!({"status": "gray"}));
    assert_eq!(look().await, 0);
    failing("Digest", &atlas).await;
    let (seen, told) = (observer.get("/api/v1/health").await.ok(), ada.get("/api/v1/health").await.ok());
    for answer in [&seen, &told] {
        assert_eq!(answer["status"], "red");
        assert_eq!(answer["counts"]["jobs"], json!({"red": 1, "yellow": 0, "gray": 0, "green": 0}));
        let job = &answer["jobs"][0];
        assert_eq!(
            (&job["name"], &job["space_name"], &job["schedule"]),
            (&json!("Digest"), &json!("Atlas"), &json!("@daily"))
        );
        assert_eq!((&job["status"], &job["last"]), (&json!("red"), &json!(["failed"])), "{answer}");
    }
    assert!(seen["jobs"][0].get("error").is_none() && told["jobs"][0]["error"].is_string(), "{told}");
    g.pass(11 * SECOND);
    assert_eq!(g.anonymous().get("/api/v1/health").await.ok().json, json!({"status": "red"}));
    // One letter, and no second one of the same: not in time, not after a restart.
    assert_eq!(look().await, 1);
    let letter = server.letter().await;
    assert!(letter.text.contains("“Digest” in the space “Atlas”") && !letter.text.contains("Hidden"), "{letter:?}");
    g.pass(2 * 60 * 60 * SECOND);
    smtp::with_mail(&g, &server).await;
    assert_eq!(look().await, 0);
    // The next thing is told at once where the last letter is long ago; the one after it waits.
    failing("Usage", &atlas).await;
    assert_eq!(look().await, 1);
    assert!(!server.letter().await.text.contains("Digest"));
    failing("Review", &atlas).await;
    assert_eq!(look().await, 0);
    g.pass(60 * 60 * SECOND);
    // A mail server that is away takes nothing: it is told as soon as that is back, and a test says so meanwhile.
    g.expects_warning("a mail server did not take an alert");
    server.behave(smtp::Manners { busy: 2, ..smtp::Manners::default() });
    assert_eq!(look().await, 0);
    let tested = ada.post("/api/v1/alerts/test", json!({})).await.ok();
    assert_eq!(tested["state"], "failed");
    assert!(tested.text("detail").contains("did not take it for ops@example.org: it refused"), "{tested}");
    assert_eq!(look().await, 1);
    assert!(server.letter().await.text.contains("Review"));
    assert_eq!(look().await, 0);
    assert!(server.quiet().await);
}
