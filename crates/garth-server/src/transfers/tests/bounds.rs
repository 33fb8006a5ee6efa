//! Stories about what exports and imports may take: how large, how many at a time, how long, and what ends one early.

use super::{export, file, import, yard};
use crate::support::*;
use axum::body::{Body, BodyDataStream};
use axum::http::{Method, Request};
use futures_util::StreamExt;
use garth_server::Limits;
use std::time::Duration;
use tower::ServiceExt;

stories! {
    imports_have_limits,
    n34_a_revoke_ends_an_export,
    n81_exports_and_imports_leave_room_for_others,
    n31_a_reader_who_takes_nothing_is_given_up,
}

async fn imports_have_limits(g: Garth) {
    let y = yard(&g).await;
    let send = |text: Vec<u8>| y.lin.call(Method::POST, &y.atlas.url("/import")).raw("application/x-ndjson", text);
    const MOST: usize = 64 * 1024 * 1024;
    g.unchanged(async || {
        send(vec![b' '; MOST]).await.invalid("/lines/2");
        send(vec![b' '; MOST + 1]).await.refused(413, "too_large");
        let call = send(vec![b' '; MOST + 1]).header("idempotency-key", "much");
        call.await.refused(413, "too_large");
    })
    .await;
    // Of many secrets that stay behind, the first thousand are told.
    y.ada.kind_with("safe", json!({"prefix": "SF", "secret_fields": ["/pin"]})).await;
    let safes = vec![json!({"kind": "safe", "name": "x", "body": {"pin": {"secret": true}}}); 1_001];
    let done = import(&y.lin, &y.atlas, "", &file(&safes)).await.ok();
    assert_eq!(done["secrets_left_out"], 1_001);
    assert_eq!(done["secrets"].as_array().map(Vec::len), Some(1_000));
    let made = export(&y.lin, &y.atlas).await;
    assert_eq!(made.last(), Some(&json!({"type": "end", "resources": 1_001})));
    let codes: std::collections::BTreeSet<_> = made.iter().filter_map(|line| line["code"].as_str()).collect();
    assert_eq!(codes.len(), 1_001);
}

/// An export whose reader takes one piece after the other.
async fn begin(by: &Person, space: &Thing) -> (u16, BodyDataStream) {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = space.url("/export").parse().expect("a path");
    let token = format!("Bearer {}", by.token.as_ref().expect("a token"));
    request.headers_mut().insert("authorization", token.parse().expect("a header"));
    let response = garth_server::router(by.g.app()).oneshot(request).await.expect("an answer");
    (response.status().as_u16(), response.into_body().into_data_stream())
}

/// Enough for several pieces.
async fn plenty(by: &Person, space: &Thing) {
    let body = json!({"text": "x".repeat(20_000)});
    let many = vec![json!({"kind": "task", "name": "x", "body": body}); 350];
    import(by, space, "", &file(&many)).await.ok();
}

async fn n34_a_revoke_ends_an_export(g: Garth) {
    let y = yard(&g).await;
    plenty(&y.lin, &y.atlas).await;
    let (status, mut body) = begin(&y.bo, &y.atlas).await;
    assert_eq!(status, 200);
    let mut text = body.next().await.expect("a piece").expect("whole").to_vec();
    let grants = y.lin.get(&y.atlas.url("/grants")).await.ok().items();
    let own = grants.iter().find(|grant| grant["principal"] == y.bo.principal()).expect("bo's");
    y.lin.delete(&y.atlas.url(&format!("/grants/{}", own["id"].as_str().expect("an id")))).await.done();
    while let Some(piece) = body.next().await {
        text.extend(piece.expect("it ends in order"));
    }
    let text = String::from_utf8(text).expect("text");
    let last: Value = serde_json::from_str(text.lines().last().expect("a line")).expect("JSON");
    assert_eq!((&last["type"], &last["code"]), (&json!("error"), &json!("not_found")), "{last}");
    assert!(text.lines().count() < 350, "what was not read yet is not told");
}

async fn n81_exports_and_imports_leave_room_for_others(g: Garth) {
    let y = yard(&g).await;
    plenty(&y.lin, &y.atlas).await;
    let (first, second) = (begin(&y.lin, &y.atlas).await, begin(&y.lin, &y.atlas).await);
    assert_eq!((first.0, second.0), (200, 200));
    y.lin.get(&y.atlas.url("/export")).await.refused(429, "rate_limited");
    g.unchanged(async || {
        let lines = file(&[json!({"kind": "task", "name": "x"})]);
        import(&y.lin, &y.atlas, "", &lines).await.refused(429, "rate_limited");
    })
    .await;
    // Everybody else, and all other work, goes on.
    assert_eq!(export(&y.bo, &y.atlas).await.last(), Some(&json!({"type": "end", "resources": 350})));
    y.lin.get(&y.atlas.url("")).await.ok();
    drop((first, second));
    eventually("a place is free again", async || y.lin.get(&y.atlas.url("/export")).await.status == 200).await;
}

async fn n31_a_reader_who_takes_nothing_is_given_up(g: Garth) {
    let y = yard(&g).await;
    plenty(&y.lin, &y.atlas).await;
    g.limit(Limits { request: Duration::from_millis(1_500), ..g.limits() }).await;
    let (status, mut body) = begin(&y.lin, &y.atlas).await;
    let (other, idle) = begin(&y.lin, &y.atlas).await;
    assert_eq!((status, other), (200, 200));
    eventually("the places are free again", async || y.lin.get(&y.atlas.url("/export")).await.status == 200).await;
    // What was cut off does not end as if it were whole.
    let mut cut = false;
    while let Some(piece) = body.next().await {
        cut = piece.is_err();
    }
    assert!(cut, "the end of a connection, not of an export");
    drop(idle);
}
