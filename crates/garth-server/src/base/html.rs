//! Pages: what they may do in a browser, and the one that says a sentence.
//!
//! A page takes nothing from elsewhere and runs no script, but for our own file where it has one; it says so to the browser in
//! its content security policy.

use crate::base::error::Error;
use crate::base::ids;
use askama::Template;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::sync::LazyLock;

/// The stylesheet of every page.
pub const STYLE: &str = include_str!("../../templates/style.css");

/// Its file name: another one whenever it changes, so that a browser can keep it for ever.
pub static STYLE_NAME: LazyLock<String> = LazyLock::new(|| format!("garth-{}.css", &ids::token_hash(STYLE)[..12]));

/// The script of the pages that passkeys are used on.
pub const SCRIPT: &str = include_str!("../../templates/passkeys.js");

/// Its file name, which changes with it as well.
pub static SCRIPT_NAME: LazyLock<String> = LazyLock::new(|| format!("garth-{}.js", &ids::token_hash(SCRIPT)[..12]));

/// The script of the pages inside: menus, the palette, copying.
pub const CONSOLE_SCRIPT: &str = include_str!("../../templates/console.js");

/// Its file name.
pub static CONSOLE_SCRIPT_NAME: LazyLock<String> =
    LazyLock::new(|| format!("garth-{}.js", &ids::token_hash(CONSOLE_SCRIPT)[..12]));

/// The script of the pages that links lead to: it takes the token out of the address.
pub const LINK_SCRIPT: &str = include_str!("../../templates/links.js");

/// Its file name.
pub static LINK_SCRIPT_NAME: LazyLock<String> =
    LazyLock::new(|| format!("garth-{}.js", &ids::token_hash(LINK_SCRIPT)[..12]));

/// Does whoever asks want a page to look at?
pub fn wanted(headers: &HeaderMap) -> bool {
    let accepts = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepts
        .flat_map(|value| value.split(','))
        .any(|one| one.split(';').next().unwrap_or_default().trim() == "text/html")
}

/// A page. Its forms lead to this server, and to those origins.
pub fn page(status: StatusCode, template: &impl Template, forms: &[String]) -> Response {
    answer(status, template, forms, "")
}

/// The same with our script, which asks this server and nobody else.
pub fn page_with_script(status: StatusCode, template: &impl Template, forms: &[String]) -> Response {
    answer(status, template, forms, " script-src 'self'; connect-src 'self';")
}

fn answer(status: StatusCode, template: &impl Template, forms: &[String], script: &str) -> Response {
    let html = match template.render() {
        Ok(html) => html,
        Err(e) => return Error::internal(format!("a page could not be written: {e}")).into_response(),
    };
    let forms: String = forms.iter().filter(|origin| plain(origin)).map(|origin| format!(" {origin}")).collect();
    let policy = format!(
        "default-src 'none';{script} style-src 'self'; img-src 'self'; form-action 'self'{forms}; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    let mut response = (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    // Without any referrer browsers say `Origin: null` of a page's own forms, which would be another site's to us.
    response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

/// Nothing in it could be read as another part of a policy.
fn plain(origin: &str) -> bool {
    origin.bytes().all(|b| b.is_ascii_alphanumeric() || b":/.-_[]".contains(&b))
}

/// A page that says one thing, and where to go from there.
#[derive(Template)]
#[template(path = "message.html")]
pub struct Message<'a> {
    /// The heading.
    pub title: &'a str,
    /// What it says.
    pub text: &'a str,
    /// Where to go.
    pub to: &'a str,
    /// What that is called.
    pub go: &'a str,
    /// For problems: the request's number, by which the log knows more.
    pub request_id: Option<&'a str>,
    /// The stylesheet's name.
    pub style: &'a str,
}

impl Message<'_> {
    /// The answer, with that status.
    pub fn answer(&self, status: StatusCode) -> Response {
        page(status, self, &[])
    }
}

/// An error for whoever looks at pages; for everybody else it stays what it is.
pub fn problem(error: Error, headers: &HeaderMap, request_id: &str) -> Response {
    problem_to(error, headers, request_id, ("/sign-in", "Go to sign-in"))
}

/// The same, with where to go from there and what that is called.
pub fn problem_to(error: Error, headers: &HeaderMap, request_id: &str, (to, go): (&str, &str)) -> Response {
    if !wanted(headers) {
        return error.into_response();
    }
    let retry = error.retry_after();
    let problem = error.problem();
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut text = problem.detail.clone();
    if let Some(first) = text.get(..1) {
        text = format!("{}{}.", first.to_uppercase(), &text[1..]);
    }
    let title = match &error {
        Error::NotFound => {
            "There is nothing at this address, or it is not yours to see. If somebody sent you the link, ask them."
                .clone_into(&mut text);
            "Not found"
        }
        Error::Forbidden(_) => "Not allowed",
        _ => "That did not work",
    };
    let mut response =
        Message { title, text: &text, to, go, request_id: Some(request_id), style: &STYLE_NAME }.answer(status);
    if let Some(seconds) = retry {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Error::Internal(why) = error {
        response.extensions_mut().insert(crate::base::error::Why(why));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_for_those_who_want_one() {
        let with = |value: &'static str| HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(value))]);
        assert!(wanted(&with("text/html,application/xhtml+xml,*/*;q=0.8")));
        for other in ["*/*", "application/json", "text/htmlx", ""] {
            assert!(!wanted(&with(other)), "{other}");
        }
        assert!(!wanted(&HeaderMap::new()));
    }

    #[test]
    fn what_a_page_says_is_text() {
        let message = Message {
            title: "<b>",
            text: "\"><script>alert(1)</script>",
            to: "/",
            go: "x",
            request_id: None,
            style: &STYLE_NAME,
        };
        let html = message.render().expect("a page");
        assert!(!html.contains("<b>") && !html.contains("<script>"), "{html}");
        assert!(!plain("https://x; script-src *") && plain("https://idp.example:8443"));
    }
}
