//! Reports by a webhook, as Standard Webhooks 1.0.0 says: an id that stays the same, a time, and a signature of both with
//! the exact body, by every secret while one is exchanged for another.

use super::{DAY, Outcome, Parcel, SECOND, store, text, wrong};
use crate::access::{App, Ctx, Write, write};
use crate::base::clock;
use crate::base::error::FieldError;
use crate::base::fetch::{Ask, Failed, Fetched, Url};
use crate::base::ids;
use crate::resources::is_marker;
use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use garth_core::Micros;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// The longest that an endpoint may take (Standard Webhooks: 15 to 30 s).
pub const TIME: Duration = Duration::from_secs(20);
/// Most headers of the interface's own.
pub const HEADERS: usize = 32;
/// Largest of their values, in bytes.
pub const HEADER_BYTES: usize = 4_096;
/// Bytes of a secret, as the standard wants them.
pub const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// Largest body; files that would make it larger are named in it, without their bytes.
pub const BODY_BYTES: usize = 1024 * 1024;
/// The longest that an endpoint may ask us to wait.
const WAIT: Micros = DAY;

/// Headers that are ours, or the connection's.
const OURS: [&str; 9] =
    ["host", "content-length", "content-type", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect"];

pub(super) fn check(app: &App, body: &Value) -> Vec<FieldError> {
    let mut found = Vec::new();
    if let Err(failed) = Url::read(text(body, "url"), app.limits.allow_private_targets) {
        found.push(wrong("/body/url", failed.to_string()));
    }
    if !["", "POST", "PUT"].contains(&text(body, "method")) {
        found.push(wrong("/body/method", "must be POST or PUT"));
    }
    for field in ["secret", "previous_secret"] {
        let given = body.get(field).filter(|value| !is_marker(value));
        if given.is_some_and(|value| value.as_str().and_then(secret).is_none()) {
            found.push(wrong(format!("/body/{field}"), "must be whsec_ and 24 to 64 bytes in base64"));
        }
    }
    if let Some(headers) = body.get("headers").filter(|value| !is_marker(value)) {
        found.extend(headers_wrong(headers));
    }
    found
}

fn headers_wrong(headers: &Value) -> Option<FieldError> {
    let fields = headers.as_object();
    let fits = fields.is_some_and(|fields| {
        let mut names: Vec<String> = fields.keys().map(|name| name.to_lowercase()).collect();
        names.sort();
        names.dedup();
        names.len() == fields.len()
            && fields.len() <= HEADERS
            && fields.iter().all(|(name, value)| value.as_str().is_some_and(|value| header(name, value).is_some()))
    });
    let why = format!(
        "must be at most {HEADERS} headers, each a text of at most {HEADER_BYTES} bytes, and none that this server sets"
    );
    (!fits).then(|| wrong("/body/headers", why))
}

/// A header of the interface's own, if it may be sent.
fn header(name: &str, value: &str) -> Option<(HeaderName, String)> {
    let lower = name.to_ascii_lowercase();
    let ours = OURS.contains(&lower.as_str()) || lower.starts_with("webhook-") || lower.starts_with("proxy-");
    let read = HeaderName::from_bytes(lower.as_bytes()).ok().filter(|_| !ours)?;
    let fits = value.len() <= HEADER_BYTES && value.is_ascii() && HeaderValue::from_str(value).is_ok();
    fits.then(|| (read, value.to_owned()))
}

/// The bytes of a secret.
fn secret(text: &str) -> Option<Vec<u8>> {
    let bytes = BASE64.decode(text.strip_prefix("whsec_")?).ok()?;
    SECRET_BYTES.contains(&bytes.len()).then_some(bytes)
}

/// The signatures of a body, by every secret that the interface has.
fn signatures(body: &Value, id: &str, seconds: i64, sent: &[u8]) -> Option<String> {
    let secrets = ["secret", "previous_secret"].map(|field| secret(text(body, field)));
    let [Some(_), _] = secrets else { return None };
    let sign = |key: Vec<u8>| {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).ok()?;
        mac.update(format!("{id}.{seconds}.").as_bytes());
        mac.update(sent);
        Some(format!("v1,{}", BASE64.encode(mac.finalize().into_bytes())))
    };
    Some(secrets.into_iter().flatten().filter_map(sign).collect::<Vec<_>>().join(" "))
}

/// What is sent: its type, its time, and the report.
fn payload(app: &App, parcel: &Parcel) -> Vec<u8> {
    let test = parcel.job.is_empty();
    let mut left = BODY_BYTES / 2;
    let text = cut(&parcel.text, left / 2);
    left -= text.len();
    let files: Vec<Value> = parcel
        .files
        .iter()
        .map(|file| {
            let encoded = file.bytes.len().div_ceil(3) * 4;
            let fits = encoded <= left;
            left -= if fits { encoded } else { 0 };
            let content = fits.then(|| BASE64.encode(file.bytes.as_slice()));
            json!({"name": file.name, "media_type": file.media_type, "size_bytes": file.bytes.len(),
                   "content_base64": content})
        })
        .collect();
    let data = json!({"job": Some(&parcel.job).filter(|_| !test), "title": parcel.title, "text": text, "files": files});
    let event = if test { "delivery.test" } else { "job.report" };
    json!({"type": event, "timestamp": clock::to_text(app.clock.now()), "data": data}).to_string().into_bytes()
}

/// The beginning of a text.
fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// What an endpoint's rest is kept under. The secret is a part of it, so that nobody rests the endpoint of another space.
fn endpoint(body: &Value) -> String {
    ids::hash_of(&[text(body, "url").as_bytes(), text(body, "secret").as_bytes()])
}

pub(super) async fn deliver(app: &Arc<App>, body: &Value, parcel: &Parcel) -> Outcome {
    let (endpoint, now) = (endpoint(body), app.clock.now());
    match store::rest(&app.db, &endpoint).await {
        Ok(Some(None)) => {
            return Outcome::failed("The endpoint said earlier that it is gone (410); test it anew.", false);
        }
        Ok(Some(Some(until))) if until > now => {
            let detail = format!("The endpoint asked to be left alone until {}.", clock::to_text(until));
            return Outcome { later: Some(until), ..Outcome::failed(detail, true) };
        }
        Ok(_) => {}
        Err(error) => {
            tracing::warn!(%error, "whether an endpoint rests could not be read; nothing is sent to it now");
            return Outcome::failed("The store could not be read.", true);
        }
    }
    let private = app.limits.allow_private_targets;
    let Ok(url) = Url::read(text(body, "url"), private) else {
        return Outcome::failed("Its address is none that this server asks.", false);
    };
    let (sent, seconds) = (payload(app, parcel), now.div_euclid(SECOND));
    let Some(signatures) = signatures(body, &parcel.id, seconds, &sent) else {
        return Outcome::failed("Its secret is none that can sign.", false);
    };
    let method = if text(body, "method") == "PUT" { Method::PUT } else { Method::POST };
    let mut ask = Ask::send_body(method, &url, "application/json", Bytes::from(sent), private).within(TIME);
    let own = body["headers"].as_object().into_iter().flatten();
    for (name, value) in own.filter_map(|(name, value)| header(name, value.as_str()?)) {
        ask = ask.with(name, value);
    }
    ask = ask
        .with(HeaderName::from_static("webhook-id"), parcel.id.clone())
        .with(HeaderName::from_static("webhook-timestamp"), seconds.to_string())
        .with(HeaderName::from_static("webhook-signature"), signatures);
    match ask.unread().send().await {
        Ok(answer) => judged(app, &endpoint, &answer).await,
        // Whatever it answered, it did answer: what cannot be read is not looked at.
        Err(failed @ (Failed::Refused(_) | Failed::Tls)) => {
            Outcome::failed(format!("It was not sent: {failed}."), false)
        }
        Err(failed) => Outcome::failed(format!("It was not taken: {failed}."), true),
    }
}

/// What the endpoint's status says: 2xx is taken, 410 ends it, everything else may be mended.
async fn judged(app: &Arc<App>, endpoint: &str, answer: &Fetched) -> Outcome {
    let status = answer.status;
    if status.is_success() {
        return Outcome::delivered(format!("The endpoint took it ({}).", status.as_u16()));
    }
    if status == StatusCode::GONE {
        rest(app, endpoint, None).await;
        return Outcome::failed("The endpoint says that it is gone (410); nothing more is sent to it.", false);
    }
    if status.is_redirection() {
        let detail = format!("The endpoint is elsewhere ({}), and this server does not follow.", status.as_u16());
        return Outcome::failed(detail, false);
    }
    let mut later = None;
    let slow = [StatusCode::TOO_MANY_REQUESTS, StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE];
    if slow.contains(&status) || status == StatusCode::GATEWAY_TIMEOUT {
        let now = app.clock.now();
        if let Some(wait) = answer.retry_after.as_deref().and_then(|said| wait(said, now)) {
            later = Some(now + wait);
            rest(app, endpoint, later).await;
        }
    }
    Outcome { later, ..Outcome::failed(format!("The endpoint answered {}.", status.as_u16()), true) }
}

/// How long `Retry-After` asks to wait: seconds, or a date.
fn wait(said: &str, now: Micros) -> Option<Micros> {
    let seconds = said.trim().parse::<u32>().ok().map(|seconds| i64::from(seconds) * SECOND);
    let date = || jiff::fmt::rfc2822::parse(said.trim()).ok().map(|at| at.timestamp().as_microsecond() - now);
    seconds.or_else(date).filter(|wait| *wait > 0).map(|wait| wait.min(WAIT))
}

async fn rest(app: &Arc<App>, endpoint: &str, until: Option<Micros>) {
    let endpoint = endpoint.to_owned();
    let ctx = Ctx::system(Arc::clone(app));
    let kept = write(&ctx, "delivery.rest", async move |w: &mut Write<'_>| {
        let (permit, now) = (w.system()?, w.now);
        Ok(store::keep_rest(w.tx(), &permit, &endpoint, until, now).await?)
    });
    if let Err(error) = kept.await {
        tracing::warn!(%error, "it could not be written down that an endpoint wants rest");
    }
}

/// Ends the rest of an interface's endpoint: somebody tests it anew.
pub(super) async fn wake(app: &Arc<App>, body: &Value) {
    let endpoint = endpoint(body);
    if text(body, "type") != "webhook" || matches!(store::rest(&app.db, &endpoint).await, Ok(None)) {
        return;
    }
    let ctx = Ctx::system(Arc::clone(app));
    let ended = write(&ctx, "delivery.wake", async move |w: &mut Write<'_>| {
        let permit = w.system()?;
        Ok(store::end_rest(w.tx(), &permit, &endpoint).await?)
    });
    if let Err(error) = ended.await {
        tracing::warn!(%error, "the rest of an endpoint could not be ended");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signed_as_the_standard_shows() {
        // The example of the standard's own libraries.
        let body = json!({"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"});
        let signed = signatures(&body, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signed.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
        let two = json!({"secret": body["secret"], "previous_secret": "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"});
        let signed = signatures(&two, "a", 1, b"{}").expect("two");
        assert_eq!(signed.split(' ').count(), 2);
        assert!(signatures(&json!({"secret": "whsec_AAAA"}), "a", 1, b"{}").is_none(), "too short");
    }

    #[test]
    fn headers_of_ones_own_take_nothing_over() {
        for (name, value) in [
            ("Host", "x"),
            ("content-length", "1"),
            ("Webhook-Id", "x"),
            ("a b", "x"),
            ("x", "a\r\nb"),
            ("x", "ä"),
            ("", "x"),
        ] {
            assert!(header(name, value).is_none(), "{name}");
            assert!(headers_wrong(&json!({ name: value })).is_some(), "{name}");
        }
        assert!(headers_wrong(&json!({"Authorization": "Bearer x", "X-Room": "lifts"})).is_none());
        assert!(headers_wrong(&json!({"x-room": "a", "X-Room": "b"})).is_some());
    }

    #[test]
    fn waiting_is_told_in_seconds_or_by_a_date() {
        let now = clock::from_text("1994-11-06T08:49:07Z").expect("a time");
        assert_eq!(wait("120", now), Some(120 * SECOND));
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(30 * SECOND));
        assert_eq!(wait("99999999", now), Some(WAIT));
        for odd in ["", "-1", "0", "soon", "Sun, 06 Nov 1994 08:49:00 GMT"] {
            assert_eq!(wait(odd, now), None, "{odd}");
        }
    }
}
