//! What a request may cost: its time, and its place among all that are being answered.
//!
//! More than the server takes on is turned away at once (503 and `Retry-After`) instead of waiting in
//! a queue without end. What says whether the server lives is answered all the same.

use crate::access::{App, Busy, Ctx};
use crate::base::error::{Error, Result};
use axum::extract::Request;
use axum::http::Method;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Paths that are answered however much there is to do.
const ALWAYS: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// Is it answered however much there is to do?
pub(super) fn exempt(request: &Request) -> bool {
    ALWAYS.contains(&request.uri().path())
}

/// Exports at a time; imports at a time, each with its whole body in memory; both together of one caller.
pub const EXPORTS: usize = 16;
/// See [`EXPORTS`].
pub const IMPORTS: usize = 2;
/// See [`EXPORTS`].
pub const TRANSFERS_EACH: usize = 2;
/// The longest that an import may take, from the first byte to the answer.
pub const IMPORT_TIME: Duration = Duration::from_secs(300);
/// Largest body of an import, in bytes.
pub const IMPORT_BYTES: usize = 64 * 1024 * 1024;

/// Is it an import, which is larger and takes longer than other requests?
pub(super) fn import(request: &Parts) -> bool {
    request.method == Method::POST && request.uri.path().ends_with("/import")
}

/// A place among those that send or get a whole space; given back by being dropped.
pub struct Lane {
    _place: OwnedSemaphorePermit,
    _busy: Option<Busy>,
}

impl Ctx {
    /// A place for an export.
    ///
    /// # Errors
    /// 503 when there is none left, 429 when the caller has too many already.
    pub fn export_lane(&self) -> Result<Lane> {
        self.lane(&self.app.exports)
    }

    /// A place for an import.
    ///
    /// # Errors
    /// As for an export.
    pub fn import_lane(&self) -> Result<Lane> {
        self.lane(&self.app.imports)
    }

    fn lane(&self, places: &Arc<Semaphore>) -> Result<Lane> {
        let take = |share| self.app.transfers.take(share, TRANSFERS_EACH).ok_or(Error::RateLimited(1));
        let busy = self.share().map(take).transpose()?;
        let place = Arc::clone(places).try_acquire_owned().map_err(|_| Error::Overloaded)?;
        Ok(Lane { _place: place, _busy: busy })
    }
}

/// How long a request may take.
pub(super) fn time(app: &App, request: &Request) -> Duration {
    let import = request.method() == Method::POST && request.uri().path().ends_with("/import");
    if import { app.limits.request.max(IMPORT_TIME) } else { app.limits.request }
}

/// Answers within the time limit, or turns the request away.
pub(super) async fn bounded(app: &App, time: Duration, answer: impl Future<Output = Response>) -> Response {
    let Ok(_place) = app.places.try_acquire() else { return Error::Overloaded.into_response() };
    match tokio::time::timeout(time, answer).await {
        Ok(response) => response,
        Err(_) => Error::TimedOut.into_response(),
    }
}
