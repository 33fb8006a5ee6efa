//! A browser: keeps cookies, says where its requests come from, and follows nothing by itself.

use super::{Answer, Call, Garth, PUBLIC_URL, percent};
use axum::http::Method;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// A browser with its cookies.
#[derive(Clone)]
pub struct Browser {
    g: Garth,
    cookies: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Browser {
    pub fn new(g: &Garth) -> Browser {
        Browser { g: g.clone(), cookies: Arc::default() }
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().unwrap().get(name).cloned()
    }

    pub fn set_cookie(&self, name: &str, value: &str) {
        self.cookies.lock().unwrap().insert(name.to_owned(), value.to_owned());
    }

    /// A request with the cookies and no more.
    pub fn bare(&self, method: Method, path: &str) -> Call {
        let cookies = self.cookies.lock().unwrap();
        let line = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let call = self.g.anonymous().call(method, path);
        if line.is_empty() { call } else { call.header("cookie", &line) }
    }

    /// Somebody goes to a page.
    pub async fn visit(&self, path: &str) -> Answer {
        self.keep(self.bare(Method::GET, path).header("accept", "text/html,*/*;q=0.8").await)
    }

    /// Somebody sends a form of a page of this server.
    pub async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let call = self.bare(Method::POST, path).header("accept", "text/html,*/*;q=0.8");
        let call = call.header("origin", PUBLIC_URL).header("sec-fetch-site", "same-origin");
        self.keep(call.raw("application/x-www-form-urlencoded", form(fields)).await)
    }

    /// Keeps the cookies of an answer.
    pub fn keep(&self, answer: Answer) -> Answer {
        for line in answer.headers.get_all("set-cookie") {
            let line = line.to_str().expect("a cookie");
            let (name, rest) = line.split_once('=').expect("a name");
            let value = rest.split(';').next().expect("a value").to_owned();
            let mut cookies = self.cookies.lock().unwrap();
            if line.contains("Max-Age=0") {
                drop(cookies.remove(name))
            } else {
                drop(cookies.insert(name.to_owned(), value))
            }
        }
        answer
    }
}

/// Fields as a form sends them.
pub fn form(fields: &[(&str, &str)]) -> String {
    fields.iter().map(|(name, value)| format!("{name}={}", percent(value))).collect::<Vec<_>>().join("&")
}

/// The parameters of an address's query.
pub fn parameters(address: &str) -> BTreeMap<String, String> {
    let query = address.split_once('?').map_or("", |(_, query)| query);
    let plain = |text: &str| {
        let mut bytes = Vec::new();
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            match byte {
                b'%' => {
                    let hex = [rest.next().expect("a digit"), rest.next().expect("a digit")];
                    bytes.push(u8::from_str_radix(std::str::from_utf8(&hex).expect("text"), 16).expect("hex"));
                }
                b'+' => bytes.push(b' '),
                byte => bytes.push(byte),
            }
        }
        String::from_utf8(bytes).expect("text")
    };
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), plain(value)))
        .collect()
}
