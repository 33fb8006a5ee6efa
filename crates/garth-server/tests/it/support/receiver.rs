//! A server on loopback that keeps what it is sent and answers what it is told to: webhooks, buckets, AI providers.

use super::{Value, json};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Came {
    pub method: Method,
    /// Path and query.
    pub path: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Came {
    pub fn header(&self, name: &str) -> String {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

/// What it answers.
#[derive(Clone, Debug)]
pub struct Says {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl Says {
    pub fn status(status: u16) -> Says {
        Says { status, headers: Vec::new(), body: String::new() }
    }

    pub fn with(mut self, header: &'static str, value: &str) -> Says {
        self.headers.push((header, value.to_owned()));
        self
    }

    /// As an AI provider answers.
    pub fn words(text: &str, tokens: Option<i64>) -> Says {
        let usage = tokens.map(|tokens| json!({"total_tokens": tokens}));
        let body = json!({"choices": [{"message": {"role": "assistant", "content": text}}], "usage": usage});
        Says { body: body.to_string(), ..Says::status(200) }
    }
}

#[derive(Clone)]
pub struct Receiver {
    url: String,
    inner: Arc<Inner>,
}

struct Inner {
    came: Mutex<Vec<Came>>,
    next: Mutex<VecDeque<Says>>,
    usual: Mutex<Says>,
}

impl Receiver {
    pub async fn start() -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let inner =
            Arc::new(Inner { came: Mutex::default(), next: Mutex::default(), usual: Mutex::new(Says::status(200)) });
        let router = Router::new().fallback(take).with_state(Arc::clone(&inner));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Receiver { url, inner }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Its host and port.
    pub fn authority(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// What it answers to the next request, once.
    pub fn next(&self, says: Says) {
        self.inner.next.lock().unwrap().push_back(says);
    }

    /// What it answers to all others.
    pub fn always(&self, says: Says) {
        *self.inner.usual.lock().unwrap() = says;
    }

    /// Everything that came and nobody has looked at.
    pub fn came(&self) -> Vec<Came> {
        std::mem::take(&mut *self.inner.came.lock().unwrap())
    }

    /// The one request that came.
    #[track_caller]
    pub fn one(&self) -> Came {
        let mut came = self.came();
        assert_eq!(came.len(), 1, "one request: {came:?}");
        came.remove(0)
    }
}

async fn take(State(inner): State<Arc<Inner>>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    inner.came.lock().unwrap().push(Came { method, path, headers, body: body.to_vec() });
    let says = inner.next.lock().unwrap().pop_front().unwrap_or_else(|| inner.usual.lock().unwrap().clone());
    let mut answer = (StatusCode::from_u16(says.status).expect("a status"), says.body).into_response();
    for (name, value) in says.headers {
        answer.headers_mut().insert(name, value.parse().expect("a header"));
    }
    answer
}
