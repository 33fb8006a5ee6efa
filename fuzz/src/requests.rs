//! Readers that are reached through the whole server: questions and lists.

use crate::Yard;
use crate::yard::Answer;

/// Whatever was sent: no fault of ours, and a refusal is a whole problem document.
fn answered(answer: &Answer) {
    let body = String::from_utf8_lossy(&answer.bytes);
    assert!(!answer.status.is_server_error(), "{} {body}", answer.status);
    if answer.status.is_client_error() {
        assert_eq!(
            answer.headers.get("content-type").map(|kind| kind.as_bytes()),
            Some(&b"application/problem+json"[..])
        );
        let problem = answer.json();
        assert_eq!(problem["status"], answer.status.as_u16(), "{body}");
        assert!(problem["code"].is_string() && problem["request_id"].is_string(), "{body}");
    }
}

/// Questions: the first byte says which call, the rest is its body. The same question gets the same bytes.
pub fn authzen(yard: &Yard, bytes: &[u8]) {
    const CALLS: [&str; 6] = [
        "/access/v1/evaluation",
        "/access/v1/evaluations",
        "/access/v1/search/subject",
        "/access/v1/search/resource",
        "/access/v1/search/action",
        "/api/v1/explain",
    ];
    let Some((which, body)) = bytes.split_first() else { return };
    let path = CALLS[usize::from(*which) % CALLS.len()];
    let Some(body) = placed(yard, body) else { return };
    let ask = || yard.ask("POST", path, &[("x-request-id", b"same")], body.clone().into_bytes()).expect("a request");
    let answer = ask();
    answered(&answer);
    assert_eq!(answer.bytes, ask().bytes, "{path} {body}");
    if answer.status.is_success() {
        let said = answer.json();
        match path {
            "/access/v1/evaluation" | "/api/v1/explain" => assert!(said["decision"].is_boolean(), "{said}"),
            "/access/v1/evaluations" => {
                let one = said["decision"].is_boolean();
                let many = said["evaluations"].as_array();
                assert!(one || many.is_some_and(|all| all.iter().all(|one| one["decision"].is_boolean())), "{said}");
            }
            _ => assert!(said["results"].is_array(), "{said}"),
        }
    }
}

/// Lists: the first byte says which, the rest is its query. No page is longer than it may be, and its cursor is good
/// for the next one.
pub fn filters(yard: &Yard, bytes: &[u8]) {
    const LISTS: [&str; 8] = ["resources", "spaces", "me/sessions", "groups", "kinds", "policies", "roles", "users"];
    let Some((which, query)) = bytes.split_first() else { return };
    // What follows a # is never sent.
    let Some(query) = placed(yard, query).filter(|query| !query.contains('#')) else { return };
    let list = LISTS[usize::from(*which) % LISTS.len()];
    let Some(answer) = yard.ask("GET", &format!("/api/v1/{list}?{query}"), &[], Vec::new()) else { return };
    answered(&answer);
    if answer.status.is_success() {
        let page = answer.json();
        let items = page["items"].as_array().unwrap_or_else(|| panic!("no list: {page}"));
        assert!(items.len() <= 100);
        if let Some(cursor) = page["next"].as_str() {
            let cursor = cursor.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
            let next = yard.ask("GET", &format!("/api/v1/{list}?{query}&cursor={cursor}"), &[], Vec::new());
            let next = next.expect("a request that was sent before");
            // A query that held a cursor itself is refused now, for it holds two.
            assert!(next.status.is_success() || query.contains("cursor"), "{query}");
            answered(&next);
            assert!(
                next.json()["items"].as_array().is_some_and(|more| more.iter().all(|item| !items.contains(item)))
                    || query.contains("cursor")
            );
        }
        for item in items {
            assert!(list != "resources" || item["id"] == yard.task.as_str(), "not Lin's to see: {item}");
        }
    }
}

/// The bytes as text, with the ids of the yard where a seed names them.
fn placed(yard: &Yard, bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let ids = [("LIN", &yard.lin), ("SPACE", &yard.space), ("TASK", &yard.task)];
    Some(ids.into_iter().fold(text.to_owned(), |text, (name, id)| text.replace(name, id)))
}
