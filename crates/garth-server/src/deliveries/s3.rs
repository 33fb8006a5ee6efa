//! Reports into a bucket that speaks S3: one object a file, signed as AWS Signature Version 4 says.
//!
//! Addresses are in path style (`endpoint/bucket/key`), which AWS and the servers that speak like it take. An object of the
//! same parcel has the same key at every attempt: putting it again changes nothing.

use super::{Outcome, Parcel, text, wrong};
use crate::access::App;
use crate::base::clock;
use crate::base::error::FieldError;
use crate::base::fetch::{Ask, Failed, Url, encoded};
use crate::base::ids;
use axum::body::Bytes;
use axum::http::{HeaderName, Method};
use garth_core::Micros;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;

/// The longest that one object may take.
pub const TIME: Duration = Duration::from_secs(120);
/// Longest prefix of keys, in bytes.
pub const PREFIX_BYTES: usize = 512;

pub(super) fn check(app: &App, body: &Value) -> Vec<FieldError> {
    let mut found = Vec::new();
    let (region, bucket, prefix) = (text(body, "region"), text(body, "bucket"), text(body, "prefix"));
    let plain =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if region.is_empty() || region.len() > 64 || !plain(region) {
        found.push(wrong("/body/region", "must be a region such as eu-central-1"));
    }
    let named = bucket.split('.').all(|part| !part.is_empty() && plain(part));
    if !(3..=63).contains(&bucket.len()) || !named {
        found.push(wrong("/body/bucket", "must be a bucket: 3 to 63 of a-z, 0-9, dots and hyphens"));
    }
    if prefix.len() > PREFIX_BYTES
        || prefix.starts_with('/')
        || prefix.split('/').any(|part| [".", ".."].contains(&part))
    {
        found.push(wrong("/body/prefix", "must be at most 512 bytes, and no path out of the bucket"));
    }
    if prefix.chars().any(char::is_control) {
        found.push(wrong("/body/prefix", "must be plain characters"));
    }
    if body.get("endpoint").is_some_and(|value| !value.is_null()) {
        match Url::read(text(body, "endpoint"), app.limits.allow_private_targets) {
            Err(failed) => found.push(wrong("/body/endpoint", failed.to_string())),
            Ok(url) if url.path() != "/" || url.query().is_some() => {
                found.push(wrong("/body/endpoint", "must be scheme, host and port only"));
            }
            Ok(_) => {}
        }
    }
    if text(body, "access_key_id").is_empty() {
        found.push(wrong("/body/access_key_id", "must not be empty"));
    }
    found
}

/// Where the buckets are.
fn origin(body: &Value) -> String {
    match text(body, "endpoint").trim_end_matches('/') {
        "" => format!("https://s3.{}.amazonaws.com", text(body, "region")),
        endpoint => endpoint.to_owned(),
    }
}

pub(super) async fn deliver(app: &Arc<App>, body: &Value, parcel: &Parcel) -> Outcome {
    let words = || ("report.txt".to_owned(), "text/plain; charset=utf-8", Arc::new(parcel.text.clone().into_bytes()));
    let mut files: Vec<_> =
        parcel.files.iter().map(|file| (file.name.clone(), file.media_type, Arc::clone(&file.bytes))).collect();
    if files.is_empty() {
        files.push(words());
    }
    let count = files.len();
    for (name, media_type, bytes) in files {
        let key = format!("{}{}/{name}", text(body, "prefix"), parcel.id);
        let put = put(app, body, &key, media_type, Bytes::from(bytes.to_vec())).await;
        if let Err((why, again)) = put {
            return Outcome::failed(format!("The bucket did not take it: {why}."), again);
        }
    }
    Outcome::delivered(if count == 1 { "1 object was put.".to_owned() } else { format!("{count} objects were put.") })
}

async fn put(
    app: &Arc<App>,
    body: &Value,
    key: &str,
    media_type: &str,
    bytes: Bytes,
) -> std::result::Result<(), (String, bool)> {
    let path = format!("/{}/{}", text(body, "bucket"), key.split('/').map(encoded).collect::<Vec<_>>().join("/"));
    let private = app.limits.allow_private_targets;
    let url = Url::read(&format!("{}{path}", origin(body)), private);
    let url = url.map_err(|_| ("its address is none that this server asks".to_owned(), false))?;
    let (hash, time) = (ids::hex(&Sha256::digest(&bytes)), stamp(app.clock.now()));
    let headers = [("host", url.authority()), ("x-amz-content-sha256", &hash), ("x-amz-date", &time)];
    let signer = Signer {
        region: text(body, "region"),
        id: text(body, "access_key_id"),
        secret: text(body, "secret_access_key"),
        time: &time,
    };
    let authorization = signer.authorization("PUT", &path, &headers, &hash);
    let ask = Ask::send_body(Method::PUT, &url, media_type, bytes, private)
        .authorized(Some(authorization))
        .with(HeaderName::from_static("x-amz-content-sha256"), hash.clone())
        .with(HeaderName::from_static("x-amz-date"), time.clone())
        .within(TIME);
    match ask.unread().send().await {
        Ok(answer) if answer.status.is_success() => Ok(()),
        // What it does not allow, or does not know, another attempt does not mend.
        Ok(answer) => Err((
            format!("it answered {}", answer.status.as_u16()),
            answer.status.is_server_error() || matches!(answer.status.as_u16(), 408 | 409 | 425 | 429),
        )),
        Err(failed) => {
            let lasting = matches!(failed, Failed::Refused(_) | Failed::Tls);
            Err((failed.to_string(), !lasting))
        }
    }
}

/// A time as the signature writes it: `20130524T000000Z`.
fn stamp(now: Micros) -> String {
    let text = clock::to_text(now);
    let whole = text.split(['.', 'Z']).next().unwrap_or_default();
    format!("{}Z", whole.replace(['-', ':'], ""))
}

/// Who signs, for where and when.
struct Signer<'a> {
    region: &'a str,
    id: &'a str,
    secret: &'a str,
    time: &'a str,
}

impl Signer<'_> {
    /// The `Authorization` header of a request with those headers, in the order of their names.
    fn authorization(&self, method: &str, path: &str, headers: &[(&str, &str)], hash: &str) -> String {
        let signed: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let signed = signed.join(";");
        let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let request = format!("{method}\n{path}\n\n{lines}\n{signed}\n{hash}");
        let day = self.time.get(..8).unwrap_or_default();
        let scope = format!("{day}/{}/s3/aws4_request", self.region);
        let text = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{}", self.time, ids::hex(&Sha256::digest(&request)));
        let first = mac(format!("AWS4{}", self.secret).as_bytes(), day);
        let key = [self.region, "s3", "aws4_request"].iter().fold(first, |key, part| mac(&key, part));
        let signature = ids::hex(&mac(&key, &text));
        format!("AWS4-HMAC-SHA256 Credential={}/{scope},SignedHeaders={signed},Signature={signature}", self.id)
    }
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    // A key of any length is taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of "Authenticating Requests: Using the Authorization Header (AWS Signature Version 4)".
    #[test]
    fn signed_as_aws_shows() {
        let signer = Signer {
            region: "us-east-1",
            id: "AKIAIOSFODNN7EXAMPLE",
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            time: "20130524T000000Z",
        };
        let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let get = signer.authorization(
            "GET",
            "/test.txt",
            &[
                ("host", "examplebucket.s3.amazonaws.com"),
                ("range", "bytes=0-9"),
                ("x-amz-content-sha256", nothing),
                ("x-amz-date", "20130524T000000Z"),
            ],
            nothing,
        );
        let expected = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
                        SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,\
                        Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";
        assert_eq!(get, expected);
        let hash = ids::hex(&Sha256::digest(b"Welcome to Amazon S3."));
        let put = signer.authorization(
            "PUT",
            "/test%24file.text",
            &[
                ("date", "Fri, 24 May 2013 00:00:00 GMT"),
                ("host", "examplebucket.s3.amazonaws.com"),
                ("x-amz-content-sha256", &hash),
                ("x-amz-date", "20130524T000000Z"),
                ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            ],
            &hash,
        );
        assert!(put.ends_with("98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"), "{put}");
    }

    #[test]
    fn a_time_is_written_without_what_parts_it() {
        let at = clock::from_text("2013-05-24T00:00:00.5Z").expect("a time");
        assert_eq!(stamp(at), "20130524T000000Z");
    }
}
