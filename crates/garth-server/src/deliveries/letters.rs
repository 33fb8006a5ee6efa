//! Reports by mail: a letter for each recipient, by the mail server that the interface names.

use super::recipients::{self, Link, Recipient};
use super::{Outcome, Parcel, keep_reached, text, wrong};
use crate::access::App;
use crate::base::error::FieldError;
use crate::base::mail::{NotTaken, Security, Smtp, deliverable};
use crate::base::relay::{Mailing, Relay};
use crate::base::{clock, ids};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// Most bytes of the files of one letter, before they are encoded; larger ones are left out, and the letter says so.
pub const FILES_BYTES: usize = 15 * 1024 * 1024;

/// So long after the first one no other letter of a report is begun in one attempt; the next attempt goes on there.
pub const TIME: Duration = Duration::from_secs(300);

pub(super) fn check(body: &Value) -> Vec<FieldError> {
    let mut found = Vec::new();
    if !deliverable(text(body, "from")) {
        found.push(wrong("/body/from", "must be an e-mail address"));
    }
    let host = text(body, "host");
    let named = |host: &str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    if host.is_empty() || !(named(host) || host.parse::<std::net::IpAddr>().is_ok()) {
        found.push(wrong("/body/host", "must be a name or an address without a port, such as mail.example.org"));
    }
    if body["from_name"].as_str().is_some_and(|name| name.chars().any(char::is_control)) {
        found.push(wrong("/body/from_name", "must be plain characters"));
    }
    let certified = text(body, "ca").contains("-----BEGIN CERTIFICATE-----");
    if body.get("ca").is_some() && (!certified || smtp(body).check().is_err()) {
        found.push(wrong("/body/ca", "must be a certificate authority as PEM"));
    }
    let (user, password) = (body.get("username").is_some(), body.get("password").is_some());
    if password && !user {
        found.push(wrong("/body/username", "belongs to the password"));
    }
    if user && text(body, "security") == "none" {
        let why = "must be starttls or tls: a password is not sent over a connection that anybody can read";
        found.push(wrong("/body/security", why));
    }
    found
}

/// The mail server of an interface.
fn smtp(body: &Value) -> Smtp {
    let from = text(body, "from");
    let name = text(body, "from_name").replace(['"', '\\'], "'");
    let given = |field: &str| body[field].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    Smtp {
        host: text(body, "host").to_owned(),
        port: body["port"].as_u64().and_then(|port| u16::try_from(port).ok()),
        security: match text(body, "security") {
            "none" => Security::None,
            "tls" => Security::Tls,
            _ => Security::StartTls,
        },
        credentials: given("username").zip(given("password")),
        from: if name.trim().is_empty() { from.to_owned() } else { format!("\"{name}\" <{from}>") },
        ca: given("ca").map(String::into_bytes),
    }
}

pub(super) async fn deliver(app: &Arc<App>, body: &Value, parcel: &Parcel) -> Outcome {
    let all = recipients::read(&parcel.recipients);
    if all.is_empty() {
        return Outcome::failed("It has no recipients.", false);
    }
    let silent = match recipients::silent(app, &parcel.job, &parcel.entry).await {
        Ok(silent) => silent,
        Err(error) => {
            tracing::warn!(%error, "who wants a report could not be read; it is not delivered now");
            return Outcome::failed("The store could not be read.", true);
        }
    };
    let had = |one: &&Recipient| parcel.reached.iter().any(|known| recipients::same(known, &one.address));
    let wants = |one: &&Recipient| !(one.individual && silent.contains(&recipients::key(&one.address)));
    let waiting: Vec<&Recipient> = all.iter().filter(|one| !had(one) && wants(one)).collect();
    if waiting.is_empty() {
        return match all.iter().any(|one| had(&one)) {
            true => Outcome::delivered("It was taken in an earlier attempt."),
            false => Outcome::withheld("Everybody it is for has snoozed or unsubscribed it."),
        };
    }
    let relay = match Relay::find(smtp(body), app.limits.allow_private_targets, app.clock.clone()).await {
        Ok(relay) => relay,
        Err(not) => return Outcome::failed(format!("The mail server did not take it: {}.", not.why), not.again),
    };
    let mut reached = Vec::new();
    let (mut failed, mut again, mut why): (usize, bool, Option<NotTaken>) = (0, false, None);
    let began = clock::monotonic();
    for (at, one) in waiting.iter().enumerate() {
        if began.elapsed() > TIME {
            again = true;
            failed += waiting.len() - at;
            why.get_or_insert(NotTaken::now("it takes too long"));
            break;
        }
        match relay.hand_over(&mailing(app, parcel, one)).await {
            Ok(()) => {
                keep_reached(app, &parcel.id, &one.address).await;
                reached.push(one.address.clone());
            }
            Err(not) => {
                again |= not.again;
                failed += 1;
                let goes_on = not.recipient;
                why.get_or_insert(not);
                if !goes_on {
                    // It is the server: the others would fare no better.
                    failed += waiting.len() - at - 1;
                    break;
                }
            }
        }
    }
    let Some(why) = why else {
        return Outcome {
            reached,
            ..Outcome::delivered(format!("Handed to the mail server for {}.", people(waiting.len())))
        };
    };
    let code = why.code.map(|code| format!(" ({code})")).unwrap_or_default();
    let detail =
        format!("The mail server did not take it for {failed} of {}: {}{code}.", people(waiting.len()), why.why);
    Outcome { reached, ..Outcome::failed(detail, again) }
}

fn people(count: usize) -> String {
    if count == 1 { "1 recipient".to_owned() } else { format!("{count} recipients") }
}

/// The letter to one of them, with links of their own if they are an individual.
fn mailing(app: &App, parcel: &Parcel, one: &Recipient) -> Mailing {
    let (mut text, mut html) = (parcel.text.clone(), parcel.html.clone());
    let mut left = FILES_BYTES;
    let mut files = Vec::new();
    for file in &parcel.files {
        if file.bytes.len() > left {
            text.push_str(&format!("\nThe file {} is too large for a letter, and is left out.\n", file.name));
            continue;
        }
        left -= file.bytes.len();
        files.push((file.name.clone(), file.media_type, Arc::clone(&file.bytes)));
    }
    let mut unsubscribe = None;
    if one.individual && !parcel.job.is_empty() {
        let link = Link { job: parcel.job.clone(), entry: parcel.entry.clone(), address: one.address.clone() };
        let page = format!("{}/mail/{}", app.public_url, link.token(app));
        text.push_str(&format!("\n-- \nSnooze or unsubscribe these reports: {page}\n"));
        html = html.map(|html| with_foot(&html, &page));
        unsubscribe = Some(format!("{page}/unsubscribe"));
    }
    let id = ids::hash_of(&[parcel.id.as_bytes(), recipients::key(&one.address).as_bytes()]);
    Mailing { to: one.address.clone(), subject: parcel.title.clone(), text, html, files, id, unsubscribe }
}

/// A page with a line at its end. The link holds nothing that HTML reads.
fn with_foot(html: &str, link: &str) -> String {
    let foot = format!("<p><small><a href=\"{link}\">Snooze or unsubscribe these reports</a></small></p>");
    match html.rfind("</body>") {
        Some(at) => format!("{}{foot}{}", &html[..at], &html[at..]),
        None => format!("{html}{foot}"),
    }
}
