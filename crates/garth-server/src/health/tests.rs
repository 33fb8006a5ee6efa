//! Stories about being asked whether one is well.

use crate::support::*;
use axum::http::Method;
use garth_server::base::db::DbError;

stories! {
    a_server_that_runs_says_so_to_anybody,
    health_tells_nothing_else,
    a_second_server_on_the_same_data_is_refused,
    a_server_without_the_installations_key_does_not_start,
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
