//! Garth's server on a workload: started in this process, asked through its router, or over a socket.

use crate::fill;
use crate::measure::{Times, timed};
use crate::workload::Workload;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::http::{Request, StatusCode};
use axum::routing::post;
use garth_server::base::clock::Clock;
use garth_server::base::db::Target;
use garth_server::{App, Config, Ctx, Limits, router_with};
use http_body_util::BodyExt;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tower::ServiceExt;

pub struct Server {
    pub app: Arc<App>,
    pub routes: Router,
    pub folder: PathBuf,
}

/// How long a request may take, and how many at a time: nothing is turned away while it is measured.
fn limits() -> Limits {
    Limits { request: Duration::from_secs(600), in_flight: 100_000, in_flight_each: 100_000, ..Limits::default() }
}

/// The database of a folder: SQLite in it, or one of its own on the PostgreSQL that is named.
pub fn target(folder: &Path, postgres: Option<&str>) -> Target {
    match postgres {
        Some(url) => Target::Postgres(url.to_owned()),
        None => Target::Sqlite(folder.join("garth.db")),
    }
}

/// Where a handler answers that takes a credential and a body and does nothing, behind the layers of every route.
pub const NOTHING: &str = "/nothing";
/// The same without our layers and without a credential: the HTTP library alone.
pub const BARE: &str = "/bare";

impl Server {
    pub async fn open(folder: &Path, postgres: Option<&str>) -> Server {
        let config = Config {
            target: target(folder, postgres),
            data_dir: Some(folder.to_owned()),
            public_url: "http://garth".to_owned(),
            capabilities: Vec::new(),
            clock: Clock::default(),
            limits: limits(),
            mail: None,
            incoming: None,
            body_check: garth_server::body_check,
        };
        let app = App::open(config).await.expect("the server opens");
        let nothing = || ([(CONTENT_TYPE, "application/json")], r#"{"decision":true}"#);
        let ours = Router::new().route(NOTHING, post(async move |_: Ctx, _: Bytes| nothing()));
        let routes = router_with(Arc::clone(&app), ours).route(BARE, post(async move |_: Bytes| nothing()));
        Server { routes, app, folder: folder.to_owned() }
    }

    /// Makes an installation of a workload; answers how long the rows took.
    pub async fn fill(folder: &Path, postgres: Option<&str>, load: Workload, sessions: Vec<u32>) -> Duration {
        std::fs::create_dir_all(folder).expect("a folder");
        // In a process of its own, so that nothing here keeps the database open.
        crate::started(folder, postgres);
        let start = Instant::now();
        match postgres {
            None => {
                let file = folder.join("garth.db");
                let sql = "SELECT value FROM installation WHERE name = 'code_key'";
                let key: String = rusqlite::Connection::open(&file).unwrap().query_row(sql, [], |r| r.get(0)).unwrap();
                fill::sqlite(&file, fill::tables(load, sessions, &unhex(&key)));
            }
            Some(url) => {
                let db = connect(url).await;
                let sql = "SELECT value FROM installation WHERE name = 'code_key'";
                let key: String = db.query_one(sql, &[]).await.unwrap().get(0);
                fill::postgres(&db, fill::tables(load, sessions, &unhex(&key))).await;
            }
        }
        start.elapsed()
    }

    pub async fn ask(&self, method: &str, path: &str, user: u32, body: Option<Value>) -> (StatusCode, Value) {
        let (status, bytes) = self.raw(method, path, &fill::token(user), body.map(|b| b.to_string())).await;
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    /// As [`Server::ask`], and it must be done.
    pub async fn done(&self, method: &str, path: &str, user: u32, body: Option<Value>) -> Value {
        let (status, answer) = self.ask(method, path, user, body).await;
        assert!(status.is_success(), "{method} {path}: {status} {answer}");
        answer
    }

    pub async fn raw(&self, method: &str, path: &str, token: &str, body: Option<String>) -> (StatusCode, Vec<u8>) {
        let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {token}"));
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(Body::from(body)),
            None => request.body(Body::empty()),
        };
        let response = self.routes.clone().oneshot(request.unwrap()).await.unwrap();
        let status = response.status();
        (status, response.into_body().collect().await.unwrap().to_bytes().to_vec())
    }

    /// What the same request takes in the server alone, without a network.
    pub async fn alone(&self, method: &str, path: &str, user: u32, body: Option<&Value>, times: usize) -> Times {
        self.alone_as(method, path, &fill::token(user), body, times).await
    }

    /// The same for somebody with that token.
    pub async fn alone_as(&self, method: &str, path: &str, token: &str, body: Option<&Value>, times: usize) -> Times {
        let body = body.map(Value::to_string);
        let mut nanos = Vec::new();
        for _ in 0..times {
            let start = Instant::now();
            let (status, answer) = self.raw(method, path, token, body.clone()).await;
            nanos.push(start.elapsed().as_nanos() as u64);
            assert!(status.is_success(), "{method} {path}: {status} {}", String::from_utf8_lossy(&answer));
        }
        Times::new(nanos)
    }

    /// Serves on a port of its own.
    pub async fn listen(&self) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = self.routes.clone();
        // As `garth serve` does.
        tokio::spawn(self.app.clone().keep_house());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        address
    }
}

fn unhex(text: &str) -> [u8; 32] {
    let bytes = (0..32).map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).expect("a key"));
    bytes.collect::<Vec<u8>>().try_into().expect("32 bytes")
}

pub async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect("PostgreSQL");
    tokio::spawn(connection);
    client
}

/// A request as it goes over the wire.
pub fn wire(method: &str, path: &str, user: u32, body: &str) -> Arc<Vec<u8>> {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: garth\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        fill::token(user),
        body.len()
    );
    Arc::new(format!("{head}{body}").into_bytes())
}

/// Sends the same request over and over on so many connections; answers how many were answered a second.
pub async fn rate(address: SocketAddr, request: &Arc<Vec<u8>>, connections: usize, seconds: f64) -> f64 {
    let tasks: Vec<_> = (0..connections)
        .map(|_| {
            let request = Arc::clone(request);
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.set_nodelay(true).unwrap();
                let (mut answered, mut buffer) = (0, vec![0; 64 * 1024]);
                let end = Instant::now() + Duration::from_secs_f64(seconds);
                while Instant::now() < end {
                    stream.write_all(&request).await.unwrap();
                    let read = stream.read(&mut buffer).await.unwrap();
                    let head = String::from_utf8_lossy(&buffer[..read.min(200)]).into_owned();
                    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
                    answered += 1;
                }
                answered
            })
        })
        .collect();
    let mut all = 0;
    for task in tasks {
        all += task.await.unwrap();
    }
    f64::from(all) / seconds
}

/// Many times one short thing on the disk that the folder lies on.
pub fn disk(folder: &Path, times: usize) -> Times {
    use std::io::Write;
    let path = folder.join("sync");
    let mut file = std::fs::File::create(&path).unwrap();
    let sync = |file: &mut std::fs::File| {
        file.write_all(&[7; 4_096]).unwrap();
        file.sync_data().unwrap();
    };
    let times = Times::new((0..times).map(|_| timed(|| sync(&mut file))).collect());
    std::fs::remove_file(path).unwrap();
    times
}
