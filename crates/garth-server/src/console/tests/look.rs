//! How stories look at pages.

use super::text;
use crate::support::*;

/// Requires that a page says each of these.
#[track_caller]
pub fn has(html: &str, parts: &[&str]) {
    for part in parts {
        assert!(html.contains(part), "no {part}: {html}");
    }
}

/// Requires that it says none of these.
#[track_caller]
pub fn lacks(html: &str, parts: &[&str]) {
    for part in parts {
        assert!(!html.contains(part), "{part}: {html}");
    }
}

/// What a page says between two texts.
#[track_caller]
pub fn between<'t>(html: &'t str, start: &str, end: &str) -> &'t str {
    let (_, rest) = html.split_once(start).unwrap_or_else(|| panic!("no {start}: {html}"));
    rest.split_once(end).unwrap_or_else(|| panic!("no {end}: {html}")).0
}

/// A page.
pub async fn html(browser: &Browser, path: &str) -> String {
    text(&browser.visit(path).await.ok())
}

/// A page of something hidden and one of something that never was: the same, but for the names and the request's id.
#[track_caller]
pub fn same_page(hidden: &Answer, its_name: &str, missing: &Answer, other: &str) {
    let plain = |answer: &Answer, name: &str| {
        let id = answer.header("x-request-id");
        (answer.status, answer.headers.len(), text(answer).replace(id, "(id)").replace(name, "(name)"))
    };
    assert_eq!(plain(hidden, its_name), plain(missing, other));
}
