//! `Idempotency-Key`: a POST that is sent again is not carried out again
//! (draft-ietf-httpapi-idempotency-key-header).
//!
//! The key is kept in the transaction of the change it stands for, so that no crash can part the two.
//! The answer is kept right after it, sealed, because it may hold a secret that is shown once. If the
//! server dies between the two, the request is still not carried out twice: the caller is told to look.

use crate::access::bounds::{self, IMPORT_BYTES};
use crate::access::{App, Ctx, Who, seen_as, store};
use crate::base::db::{DbError, Tx};
use crate::base::error::{Error, Result};
use crate::base::http::{BATCH_BYTES, REQUEST_BYTES};
use crate::base::ids;
use crate::directory::Directory;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use garth_core::{Micros, Target};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};

/// How long an answer is kept.
pub const KEPT_SECONDS: i64 = 24 * 60 * 60;
/// Longest key, in bytes.
pub const KEY_BYTES: usize = 255;

const NAME: &str = "Idempotency-Key";
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// What a request is known again by.
pub struct Once {
    /// A hash of the caller, the route and the key.
    pub scope: String,
    /// A hash of what is asked for.
    pub request: String,
    /// Was it kept with a change?
    pub kept: AtomicBool,
}

/// What was kept of a request.
pub struct Kept {
    /// A hash of what was asked for.
    pub request: String,
    /// The spaces it was about, of those that its caller saw, with spaces between; none for the system's.
    pub spaces: String,
    /// Was it done by a system administrator?
    pub system_admin: bool,
    /// The answer, sealed; empty if the server died before it was given.
    pub answer: String,
}

/// An answer as it is kept.
#[derive(Serialize, Deserialize)]
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

/// Carries a request out; a POST with an `Idempotency-Key` once.
pub(super) async fn once(app: &Arc<App>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST || !request.headers().contains_key(NAME) {
        return next.run(request).await;
    }
    Box::pin(carry_out(app, request, next)).await.unwrap_or_else(IntoResponse::into_response)
}

async fn carry_out(app: &Arc<App>, request: Request, next: Next) -> Result<Response> {
    let (mut parts, body) = request.into_parts();
    let ctx = Ctx::of(&parts, app)?;
    if ctx.who == Who::Anonymous {
        // Nobody could be told from anybody else.
        return Ok(next.run(Request::from_parts(parts, body)).await);
    }
    // Taken before the body is read, and found again by the handler: the caller's part is one for all of it.
    let ctx = ctx.busy()?;
    if let Some(busy) = ctx.part() {
        parts.extensions.insert(busy);
    }
    let limit = match parts.uri.path() {
        _ if bounds::import(&parts) => IMPORT_BYTES,
        path if path.ends_with("/batch") => BATCH_BYTES,
        _ => REQUEST_BYTES,
    };
    if limit == IMPORT_BYTES {
        // Before the body is read, too; the handler finds it.
        parts.extensions.insert(Arc::new(ctx.import_lane()?));
    }
    let key = key(&parts.headers)?;
    let caller = seen_as(&ctx.directory(), &ctx.caller(&ctx.directory())?);
    let bytes = match Limited::new(body, limit).collect().await {
        Ok(body) => body.to_bytes(),
        Err(e) if e.downcast_ref::<LengthLimitError>().is_some() => return Err(Error::TooLarge(limit)),
        Err(_) => return Err(Error::Malformed("the body ended early".to_owned())),
    };
    let scope = ids::hash_of(&[caller.as_bytes(), parts.uri.path().as_bytes(), key.as_bytes()]);
    let request = ids::hash_of(&[parts.uri.query().unwrap_or_default().as_bytes(), &bytes]);
    let running = Running::begin(app, &scope)?;
    if let Some(kept) = store::kept(&app.db, &scope, ctx.now() - KEPT_SECONDS * 1_000_000).await? {
        return again(&ctx, &scope, &request, &kept);
    }
    let once = Arc::new(Once { scope, request, kept: AtomicBool::new(false) });
    parts.extensions.insert(Arc::clone(&once));
    // A task of its own: it comes to its end, and the answer is kept, also when the caller has gone away.
    let app = Arc::clone(app);
    let task = tokio::spawn(async move {
        let _running = running;
        let response = next.run(Request::from_parts(parts, Body::from(bytes))).await;
        if !once.kept.load(Ordering::Acquire) || !response.status().is_success() {
            return Ok(response);
        }
        keep_answer(&app, &once, response).await
    });
    task.await.map_err(|_| Error::internal("the handler panicked"))?
}

/// The key of a request: a structured-field string, or the same without its quotes.
fn key(headers: &HeaderMap) -> Result<String> {
    let wrong = || Error::field(NAME, format!("must be one text of 1 to {KEY_BYTES} visible ASCII characters"));
    let mut given = headers.get_all(NAME).iter();
    let (Some(text), None) = (given.next(), given.next()) else { return Err(wrong()) };
    let text = text.to_str().map_err(|_| wrong())?.trim();
    let text = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(text);
    let fits = (1..=KEY_BYTES).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
    if fits { Ok(text.to_owned()) } else { Err(wrong()) }
}

/// The answer to a request that was carried out before.
fn again(ctx: &Ctx, scope: &str, request: &str, kept: &Kept) -> Result<Response> {
    if kept.request != request {
        return Err(Error::field(NAME, "was used for another request"));
    }
    // None was kept, or the installation's key was exchanged twice since.
    let opened = ctx.directory().vault.open_answer(scope, &kept.answer);
    let Some(answer) = opened.ok().filter(|_| !kept.answer.is_empty()) else {
        return Err(Error::conflict(
            "conflict",
            "this request was carried out, but its answer was lost; look before you send it under another key",
        ));
    };
    let answer: Answer =
        serde_json::from_slice(&answer).map_err(|e| Error::internal(format!("a kept answer cannot be read: {e}")))?;
    if !answer.body.is_empty() {
        still_sees(ctx, kept)?;
    }
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = (status, answer.body).into_response();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

/// Who has lost sight of the space since, or is no system administrator any more, is told nothing again.
fn still_sees(ctx: &Ctx, kept: &Kept) -> Result<()> {
    let dir = ctx.directory();
    let caller = ctx.caller(&dir)?;
    if kept.system_admin && !caller.system_admin {
        return Err(Error::Forbidden("this needs a system administrator".to_owned()));
    }
    for space in kept.spaces.split_whitespace() {
        let space = dir.space_ref(space).ok_or(Error::NotFound)?;
        if !dir.world.decide(&caller, Target::Space(space), garth_core::Action::Read, ctx.now()).allowed() {
            return Err(Error::NotFound);
        }
    }
    Ok(())
}

async fn keep_answer(app: &Arc<App>, once: &Arc<Once>, response: Response) -> Result<Response> {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.map_err(|e| Error::internal(format!("an answer ended early: {e}")))?.to_bytes();
    let of = |name: HeaderName| {
        let value = parts.headers.get(&name)?.to_str().ok()?.to_owned();
        Some((name.to_string(), value))
    };
    let answer = Answer {
        status: parts.status.as_u16(),
        headers: [header::CONTENT_TYPE, header::ETAG, header::LOCATION].into_iter().filter_map(of).collect(),
        body: String::from_utf8_lossy(&bytes).into_owned(),
    };
    let text = serde_json::to_vec(&answer).map_err(|e| Error::internal(format!("an answer cannot be kept: {e}")))?;
    let scope = once.scope.clone();
    let writer = app.writer.as_ref().ok_or_else(|| Error::internal("the store is open for reading only"))?;
    let kept: Result<(), DbError> =
        writer.run(async move |tx: &mut Tx, dir: &mut Directory| keep_sealed(tx, dir, &scope, &text).await).await;
    if let Err(error) = kept {
        // The change is made and told; only a repetition would be answered with "look yourself".
        tracing::warn!(%error, "the answer to a request with an Idempotency-Key could not be kept");
    }
    Ok(Response::from_parts(parts, Body::from(bytes)))
}

/// On the writer, because the key may just have been exchanged.
async fn keep_sealed(tx: &mut Tx, dir: &Directory, scope: &str, answer: &[u8]) -> Result<(), DbError> {
    let sealed = dir.vault.seal_answer(scope, answer).map_err(|e| DbError::Other(e.to_string()))?;
    store::keep_answer(tx, scope, &sealed).await
}

/// Keeps the key of a request with its change.
///
/// # Errors
/// When the store fails.
pub(super) async fn keep(tx: &mut Tx, once: &Once, space: &str, system_admin: bool, now: Micros) -> Result<()> {
    store::keep_once(tx, once, space, system_admin, now, now - KEPT_SECONDS * 1_000_000).await?;
    once.kept.store(true, Ordering::Release);
    Ok(())
}

/// A request that is being carried out; the same one again has to wait for its end.
struct Running {
    app: Arc<App>,
    scope: String,
}

impl Running {
    fn begin(app: &Arc<App>, scope: &str) -> Result<Self> {
        let mut running = app.running.lock().unwrap_or_else(PoisonError::into_inner);
        if !running.insert(scope.to_owned()) {
            return Err(Error::conflict("conflict", "the same request is still being carried out"));
        }
        Ok(Self { app: Arc::clone(app), scope: scope.to_owned() })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.app.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.scope);
    }
}
