//! What came back, and what a story expects of it.

use axum::http::{HeaderMap, Method, StatusCode};
use serde_json::Value;
use std::ops::Index;

/// One HTTP answer with the call it answers, so that a failed expectation shows both.
#[derive(Clone)]
pub struct Answer {
    pub method: Method,
    pub path: String,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
    /// The body read as JSON; null when it is none.
    pub json: Value,
}

impl Answer {
    #[track_caller]
    pub fn expect_status(self, status: u16) -> Answer {
        assert!(self.status == status, "expected {status}: {self}");
        self
    }

    /// 200 with JSON.
    #[track_caller]
    pub fn ok(self) -> Answer {
        self.expect_status(200)
    }

    /// 201 with what was created.
    #[track_caller]
    pub fn created(self) -> Answer {
        self.expect_status(201)
    }

    /// Any success: for calls whose answer carries nothing.
    #[track_caller]
    pub fn done(self) -> Answer {
        assert!(self.status.is_success(), "expected success: {self}");
        self
    }

    /// A refusal as the contract writes it: problem+json, complete, with this status and code.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Answer {
        let answer = self.problem(status);
        assert!(answer.json["code"] == code, "expected {status} {code}: {answer}");
        answer
    }

    /// A refusal with this status whose code the contract leaves open.
    #[track_caller]
    pub fn problem(self, status: u16) -> Answer {
        assert!(self.status == status, "expected {status}: {self}");
        self.refused_somehow()
    }

    /// 503 with this code, and when to try again.
    #[track_caller]
    pub fn unavailable(self, code: &str) -> Answer {
        assert!(self.status == 503 && self.json["code"] == code, "expected 503 {code}: {self}");
        assert!(self.headers.contains_key("retry-after"), "{self}");
        self
    }

    /// 401, with the way to sign in.
    #[track_caller]
    pub fn not_signed_in(self) -> Answer {
        let answer = self.problem(401);
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "no WWW-Authenticate: {answer}");
        answer
    }

    /// Refused, whatever the status: a complete problem all the same.
    #[track_caller]
    pub fn refused_somehow(self) -> Answer {
        assert!(self.status.is_client_error(), "expected a refusal: {self}");
        assert!(self.header("content-type").starts_with("application/problem+json"), "not a problem: {self}");
        assert!(self.json["status"] == self.status.as_u16(), "body and status line differ: {self}");
        for field in ["type", "title", "code", "detail", "request_id"] {
            let filled = self.json[field].as_str().is_some_and(|text| !text.is_empty());
            assert!(filled, "the problem says no {field}: {self}");
        }
        self
    }

    /// 422 that points at the field, as a JSON pointer.
    #[track_caller]
    pub fn invalid(self, pointer: &str) -> Answer {
        let answer = self.refused(422, "invalid");
        let errors = answer.json["errors"].as_array().cloned().unwrap_or_default();
        let pointed = errors.iter().any(|error| error["pointer"] == pointer && error["message"].is_string());
        assert!(pointed, "no error points at {pointer}: {answer}");
        answer
    }

    /// The text of a field that must be there.
    #[track_caller]
    pub fn text(&self, field: &str) -> String {
        self.json[field].as_str().unwrap_or_else(|| panic!("no text in {field}: {self}")).to_owned()
    }

    #[track_caller]
    pub fn id(&self) -> String {
        self.text("id")
    }

    /// A header's text; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// The items of a list.
    #[track_caller]
    pub fn items(&self) -> Vec<Value> {
        self.json["items"].as_array().unwrap_or_else(|| panic!("not a list: {self}")).clone()
    }

    /// One field of every item, in the list's order.
    #[track_caller]
    pub fn each(&self, field: &str) -> Vec<String> {
        self.items().iter().map(|item| item[field].as_str().unwrap_or("(null)").to_owned()).collect()
    }

    /// The names of the items, in the list's order.
    #[track_caller]
    pub fn names(&self) -> Vec<String> {
        self.each("name")
    }

    /// Everything a caller can compare between two answers: the status, the headers and the body to the byte, but for
    /// the number of the request.
    pub fn visible(&self) -> (StatusCode, Vec<(String, String)>, String) {
        let mut headers: Vec<_> = self
            .headers
            .iter()
            .filter(|(name, _)| *name != "x-request-id" && *name != "date")
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        headers.sort();
        let body = String::from_utf8_lossy(&self.bytes).into_owned();
        let body = match self.json["request_id"].as_str() {
            Some(id) if !id.is_empty() => body.replace(id, "(request)"),
            _ => body,
        };
        (self.status, headers, body)
    }
}

/// Two answers nobody can tell apart.
#[track_caller]
pub fn assert_same(one: &Answer, other: &Answer) {
    assert_eq!(one.visible(), other.visible(), "two answers that must be alike differ:\n{one}\n{other}");
}

/// Hidden is missing: the answers about a hidden thing and about one that never existed cannot be told apart. What the
/// caller named may be repeated to them, so it is taken out of both.
#[track_caller]
pub fn assert_missing(hidden: &Answer, hidden_name: &str, missing: &Answer, missing_name: &str) {
    let about = |answer: &Answer, name: &str| {
        let (status, headers, body) = answer.visible();
        (status, headers, body.replace(name, "(named)"))
    };
    assert_eq!(
        about(hidden, hidden_name),
        about(missing, missing_name),
        "hidden and missing differ:\n{hidden}\n{missing}"
    );
}

/// An id that looks like this one and never existed.
pub fn strange(id: &str) -> String {
    let last = id.chars().last().expect("an id");
    let other = if last == '0' { '1' } else { '0' };
    format!("{}{other}", &id[..id.len() - last.len_utf8()])
}

/// The same texts in alphabetical order: for answers whose order means nothing.
pub fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts
}

impl Index<&str> for Answer {
    type Output = Value;

    fn index(&self, field: &str) -> &Value {
        &self.json[field]
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body = String::from_utf8_lossy(&self.bytes);
        write!(f, "{} {} → {}\n{body}", self.method, self.path, self.status)
    }
}
