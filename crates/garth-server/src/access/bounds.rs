//! What a request may cost: its time, and its place among all that are being answered.
//!
//! More than the server takes on is turned away at once (503 and `Retry-After`) instead of waiting in
//! a queue without end. What says whether the server lives is answered all the same.

use crate::access::App;
use crate::base::error::Error;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};

/// Paths that are answered however much there is to do.
const ALWAYS: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// Is it answered however much there is to do?
pub(super) fn exempt(request: &Request) -> bool {
    ALWAYS.contains(&request.uri().path())
}

/// Answers within the time limit, or turns the request away.
pub(super) async fn bounded(app: &App, answer: impl Future<Output = Response>) -> Response {
    let Ok(_place) = app.places.try_acquire() else { return Error::Overloaded.into_response() };
    match tokio::time::timeout(app.limits.request, answer).await {
        Ok(response) => response,
        Err(_) => Error::TimedOut.into_response(),
    }
}
