//! Somebody who sends requests: a person who is signed in, or nobody.

use super::{Answer, Garth, Value, json};
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body_util::BodyExt;
use std::future::{Future, IntoFuture};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use tower::ServiceExt;

/// A caller. Cloning gives the same person with the same session.
#[derive(Clone)]
pub struct Person {
    pub g: Garth,
    pub id: String,
    pub username: String,
    pub token: Option<String>,
}

impl Person {
    /// The first system administrator, by the setup token.
    pub(super) async fn first(g: &Garth) -> Person {
        let body = json!({
            "token": g.setup_token().expect("a fresh installation has a setup token"),
            "username": "ada", "password": password("ada"), "name": "Ada",
        });
        g.anonymous().post("/api/v1/setup", body).await.done();
        g.anonymous().sign_in("ada").await
    }

    /// Made by the administrator, signed up through the one-time link.
    pub(super) async fn sign_up(g: &Garth, username: &str) -> Person {
        let user = g.admin().await.post("/api/v1/users", json!({"username": username})).await.created();
        let body = json!({"token": user.text("signup_token"), "password": password(username)});
        let session = g.anonymous().post("/api/v1/signup", body).await.done();
        Person { g: g.clone(), id: user.id(), username: username.to_owned(), token: Some(session.text("token")) }
    }

    pub(super) fn nobody(g: &Garth) -> Person {
        Person { g: g.clone(), id: String::new(), username: String::new(), token: None }
    }

    /// A new session of the person with this username.
    pub async fn sign_in(&self, username: &str) -> Person {
        let body = json!({"username": username, "password": password(username)});
        let session = self.g.anonymous().post("/api/v1/login", body).await.ok();
        let id = session["user"]["id"].as_str().expect("a user").to_owned();
        Person { g: self.g.clone(), id, username: username.to_owned(), token: Some(session.text("token")) }
    }

    /// The same person with another credential.
    pub fn with_token(&self, token: &str) -> Person {
        Person { token: Some(token.to_owned()), ..self.clone() }
    }

    /// As grants and policies write it.
    pub fn principal(&self) -> String {
        format!("{}:{}", self.what(), self.id)
    }

    /// `user`, or `key` for an application with a key.
    fn what(&self) -> &'static str {
        if self.token.as_ref().is_some_and(|token| token.starts_with("gk_")) { "key" } else { "user" }
    }

    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    pub fn post(&self, path: &str, body: Value) -> Call {
        self.call(Method::POST, path).json(body)
    }

    pub fn patch(&self, path: &str, body: Value) -> Call {
        self.call(Method::PATCH, path).json(body)
    }

    pub fn delete(&self, path: &str) -> Call {
        self.call(Method::DELETE, path)
    }

    /// Any request: headers and bodies of any shape can be put on it before it is awaited.
    pub fn call(&self, method: Method, path: &str) -> Call {
        let mut headers = HeaderMap::new();
        if let Some(token) = &self.token {
            headers.insert("authorization", format!("Bearer {token}").parse().expect("a token is a header"));
        }
        Call {
            g: self.g.clone(),
            method,
            path: path.to_owned(),
            headers,
            body: Vec::new(),
            may_fail: false,
            address: IpAddr::from([127, 0, 0, 1]),
        }
    }

    /// Every item of a list, page by page. Fails if an item comes twice or a page is longer than asked for.
    pub async fn all_pages(&self, path: &str, limit: usize) -> Vec<Value> {
        let separator = if path.contains('?') { '&' } else { '?' };
        let (mut items, mut next) = (Vec::<Value>::new(), None::<String>);
        loop {
            let cursor = next.map(|cursor| format!("&cursor={}", percent(&cursor))).unwrap_or_default();
            let page = self.get(&format!("{path}{separator}limit={limit}{cursor}")).await.ok();
            assert!(page.items().len() <= limit, "a page longer than its limit: {page}");
            for item in page.items() {
                assert!(!items.contains(&item), "listed twice: {item}");
                items.push(item);
            }
            match page["next"].as_str() {
                Some(cursor) => next = Some(cursor.to_owned()),
                None => return items,
            }
            assert!(!page.items().is_empty(), "an empty page that says there is more: {page}");
        }
    }

    /// The decision on one question, asked over AuthZEN.
    pub async fn may(&self, action: &str, kind: &str, id: &str) -> bool {
        let answer = self.post("/access/v1/evaluation", self.question(action, kind, id)).await.ok();
        answer["decision"].as_bool().expect("a decision")
    }

    /// An AuthZEN question about oneself.
    pub fn question(&self, action: &str, kind: &str, id: &str) -> Value {
        json!({
            "subject": {"type": self.what(), "id": self.id},
            "action": {"name": action},
            "resource": {"type": kind, "id": id},
        })
    }
}

/// Everybody's password is long, and known from the username.
pub fn password(username: &str) -> String {
    format!("correct horse battery {username}")
}

/// Percent-encodes what a query value may not contain.
pub fn percent(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    text.as_bytes()
        .iter()
        .map(|byte| if plain(byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// A request that is sent when it is awaited.
pub struct Call {
    g: Garth,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Vec<u8>,
    may_fail: bool,
    address: IpAddr,
}

impl Call {
    /// The story is about a server that cannot answer: a 5xx is what it expects.
    pub fn may_fail(mut self) -> Call {
        self.may_fail = true;
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Call {
        let name: HeaderName = name.parse().expect("a header's name");
        self.headers.insert(name, HeaderValue::from_str(value).expect("a header's value"));
        self
    }

    pub fn json(self, body: Value) -> Call {
        self.raw("application/json", body.to_string().into_bytes())
    }

    /// From a client's own address.
    pub fn from(mut self, address: &str) -> Call {
        self.address = address.parse().expect("an address");
        self
    }

    /// A body that need not be JSON at all; an empty content type sends none.
    pub fn raw(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Call {
        self.body = body.into();
        if content_type.is_empty() {
            self.headers.remove("content-type");
            return self;
        }
        self.header("content-type", content_type)
    }

    async fn send(self) -> Answer {
        let mut request = Request::new(Body::from(self.body));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.path.parse().expect("a path");
        *request.headers_mut() = self.headers;
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from((self.address, 50_000))));
        let response = self.g.router().oneshot(request).await.expect("the router never fails");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes().to_vec();
        let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let answer =
            Answer { method: self.method, path: self.path, status: parts.status, headers: parts.headers, bytes, json };
        assert!(self.may_fail || !answer.status.is_server_error(), "nothing a client sends gives a 5xx: {answer}");
        answer
    }
}

/// Sends all of these at once and gives the answers in their order.
pub async fn race(calls: Vec<Call>) -> Vec<Answer> {
    let sent: Vec<_> = calls.into_iter().map(|call| tokio::spawn(call.into_future())).collect();
    let mut answers = Vec::new();
    for call in sent {
        answers.push(call.await.expect("an answer"));
    }
    answers
}

impl IntoFuture for Call {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
