//! What a check costs over HTTP, beside a handler that does nothing, in one run on loopback.
//!
//! `cargo bench -p garth-server`. Client and server share the machine; only the ratio counts.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use garth_server::base::clock::Clock;
use garth_server::base::db::Target;
use garth_server::{App, Config, router};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const SECONDS: u64 = 3;

/// Sends the same request over and over on one connection; answers how often it was answered.
async fn load(address: std::net::SocketAddr, request: Arc<Vec<u8>>) -> u64 {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut answered, mut buffer) = (0, vec![0; 16 * 1024]);
    let end = Instant::now() + Duration::from_secs(SECONDS);
    while Instant::now() < end {
        stream.write_all(&request).await.unwrap();
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(buffer[..read].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&buffer[..read]));
        answered += 1;
    }
    answered
}

async fn rate(address: std::net::SocketAddr, request: &Arc<Vec<u8>>, connections: usize) -> u64 {
    let tasks: Vec<_> = (0..connections).map(|_| tokio::spawn(load(address, Arc::clone(request)))).collect();
    let mut all = 0;
    for task in tasks {
        all += task.await.unwrap();
    }
    all / SECONDS
}

/// What a request takes in the server alone, without a network: the mean in microseconds.
async fn alone(router: &axum::Router, method: &str, path: &str, token: &str, body: &str) -> f64 {
    use http_body_util::BodyExt;
    use tower::ServiceExt;
    const TIMES: u32 = 20_000;
    let start = Instant::now();
    for _ in 0..TIMES {
        let request = axum::http::Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {token}"))
            .body(axum::body::Body::from(body.to_owned()))
            .unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        assert!(response.status().is_success());
        response.into_body().collect().await.unwrap();
    }
    start.elapsed().as_secs_f64() * 1e6 / f64::from(TIMES)
}

fn request(method: &str, path: &str, token: &str, body: &str) -> Arc<Vec<u8>> {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: garth\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    Arc::new(format!("{head}{body}").into_bytes())
}

async fn call(
    router: &axum::Router,
    method: &str,
    path: &str,
    token: &str,
    body: serde_json::Value,
) -> serde_json::Value {
    use tower::ServiceExt;
    let mut request =
        axum::http::Request::builder().method(method).uri(path).header("content-type", "application/json");
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let response =
        router.clone().oneshot(request.body(axum::body::Body::from(body.to_string())).unwrap()).await.unwrap();
    assert!(response.status().is_success(), "{method} {path} {}", response.status());
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let folder = std::env::temp_dir().join(format!("garth-bench-{}", std::process::id()));
    let target = match std::env::var("GARTH_BENCH_DATABASE") {
        Ok(url) => Target::Postgres(url),
        Err(_) => Target::Sqlite(folder.join("garth.db")),
    };
    let config = Config {
        target,
        data_dir: Some(folder.clone()),
        public_url: "http://garth".to_owned(),
        clock: Clock::default(),
        limits: garth_server::Limits::default(),
    };
    let app = App::open(config).await.unwrap();
    let routes = router(Arc::clone(&app));
    let setup = serde_json::json!({"token": app.setup_token(), "username": "ada", "password": "correct horse battery", "space": "Atlas"});
    let ada = call(&routes, "POST", "/api/v1/setup", "", setup).await;
    let (token, id) = (ada["token"].as_str().unwrap(), ada["user"]["id"].as_str().unwrap());
    call(&routes, "POST", "/api/v1/kinds", token, serde_json::json!({"name": "task", "prefix": "T"})).await;
    let task =
        call(&routes, "POST", "/api/v1/resources", token, serde_json::json!({"kind": "task", "name": "Fix"})).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let local = routes.clone();
    tokio::spawn(async move { axum::serve(listener, routes).await });

    let question = serde_json::json!({
        "subject": {"type": "user", "id": id}, "action": {"name": "read"}, "resource": {"type": "task", "id": task["id"]}
    });
    // Does nothing, in our own stack: the same router and the same layers.
    let noop = request("GET", "/healthz", token, "");
    let check = request("POST", "/access/v1/evaluation", token, &question.to_string());
    let list = request("GET", "/api/v1/resources?limit=50", token, "");
    let parts =
        [("no-op", "GET", "/healthz", String::new()), ("check", "POST", "/access/v1/evaluation", question.to_string())];
    for (name, method, path, body) in parts {
        println!("{name:<8} {:>7.1} µs of server time", alone(&local, method, path, token, &body).await);
    }
    println!("connections   no-op/s   check/s   ratio    list/s");
    for connections in [1, 8, 32] {
        let (a, b) = (rate(address, &noop, connections).await, rate(address, &check, connections).await);
        let c = rate(address, &list, connections).await;
        println!("{connections:>11} {a:>9} {b:>9} {:>7.2} {c:>9}", b as f64 / a as f64);
    }
    app.shutdown().await;
    let _ = std::fs::remove_dir_all(folder);
}
