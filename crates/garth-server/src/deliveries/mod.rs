//! Delivery interfaces: how a report leaves this server.
//!
//! A parcel is handed over by letters ([`letters`]), a webhook ([`webhook`]), into a bucket ([`s3`]) or into a folder
//! ([`folder`]). Whoever took it is kept by a commit of its own as soon as they did, so that an attempt after a crash leaves
//! them out; what was begun and not acknowledged is sent again under the same id.

pub mod api;
mod folder;
mod letters;
mod pages;
mod recipients;
mod s3;
mod store;
mod webhook;

pub use recipients::{Recipient, check_recipients};

use crate::access::{App, Ctx, Record, Write, write};
use crate::base::error::{FieldError, Result};
use crate::base::ids;
use crate::base::tries::Tries;
use crate::directory::BuiltIn;
use crate::resources;
use garth_core::Micros;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// The name of the kind.
pub const KIND: &str = "delivery";

const SECOND: Micros = 1_000_000;
const DAY: Micros = 24 * 60 * 60 * SECOND;
/// So long it is known whom a parcel reached: longer than the last retry is away.
const REACHED_KEPT: Micros = 30 * DAY;
/// How often what is too old goes.
const FORGET: Micros = 60 * 60 * SECOND;

/// A file that goes along.
#[derive(Clone, Debug)]
pub struct Attached {
    /// Its name, safe in a path and in a header.
    pub name: String,
    /// Its media type.
    pub media_type: &'static str,
    /// Its bytes.
    pub bytes: Arc<Vec<u8>>,
}

/// What is to be delivered.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// The same at every attempt to deliver the same: `webhook-id`, and the name in a folder.
    pub id: String,
    /// The job, whose links to snooze and to unsubscribe it are.
    pub job: String,
    /// The interface, as the job's entry names it: addresses are snoozed and unsubscribed with it, in whichever place it is.
    pub entry: String,
    /// What it is about; no line breaks.
    pub title: String,
    /// What it says, in plain words.
    pub text: String,
    /// The same as HTML, where there is such.
    pub html: Option<String>,
    /// The files.
    pub files: Vec<Attached>,
    /// `recipients` of the job's entry, as it was saved: `[{address, individual}]`; empty for interfaces without any.
    pub recipients: Value,
    /// Recipients (or `""` for interfaces without any) that an earlier attempt reached: they are not sent it again.
    pub reached: Vec<String>,
}

/// What became of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// `delivered`, `failed` or `withheld` (everybody it was for has snoozed or unsubscribed it).
    pub state: &'static str,
    /// One sentence, without secrets and without anything that the other side answered.
    pub detail: String,
    /// Whom it reached in this attempt.
    pub reached: Vec<String>,
    /// May another attempt help?
    pub again: bool,
    /// Not before that time, where the other side said so.
    pub later: Option<Micros>,
}

impl Outcome {
    fn delivered(detail: impl Into<String>) -> Self {
        Self { state: "delivered", detail: detail.into(), reached: Vec::new(), again: false, later: None }
    }

    fn withheld(detail: &str) -> Self {
        Self { state: "withheld", ..Self::delivered(detail) }
    }

    fn failed(detail: impl Into<String>, again: bool) -> Self {
        Self { state: "failed", again, ..Self::delivered(detail) }
    }
}

/// Is that the body of a delivery interface? Beyond what the kind's schema says. Secrets may be left out, or be marked as
/// kept; those that are there are looked at.
///
/// # Errors
/// What is wrong, each with its place, `/body` in front.
pub fn check(app: &App, body: &Value) -> std::result::Result<(), Vec<FieldError>> {
    let wrong = match text(body, "type") {
        "smtp" => letters::check(body),
        "webhook" => webhook::check(app, body),
        "s3" => s3::check(app, body),
        "folder" => folder::check(app, body),
        _ => vec![wrong("/body/type", "must be smtp, webhook, s3 or folder")],
    };
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// Delivers. `body` is the interface's, with its secrets opened.
pub async fn deliver(app: &Arc<App>, body: &Value, parcel: &Parcel) -> Outcome {
    forget(app).await;
    let kept = match store::reached(&app.db, &parcel.id).await {
        Ok(kept) => kept,
        Err(error) => {
            tracing::warn!(%error, "whom a parcel reached could not be read; it is not delivered now");
            return Outcome::failed("The store could not be read.", true);
        }
    };
    let mut parcel = parcel.clone();
    parcel.title = parcel.title.replace(|c: char| c.is_control(), " ");
    parcel.reached.extend(kept);
    if text(body, "type") == "smtp" {
        return letters::deliver(app, body, &parcel).await;
    }
    if !parcel.reached.is_empty() {
        return Outcome::delivered("It was taken in an earlier attempt.");
    }
    let mut outcome = match text(body, "type") {
        "webhook" => webhook::deliver(app, body, &parcel).await,
        "s3" => s3::deliver(app, body, &parcel).await,
        "folder" => folder::deliver(app, body, &parcel).await,
        _ => Outcome::failed("Its type is none that is known.", false),
    };
    if outcome.state == "delivered" {
        keep_reached(app, &parcel.id, "").await;
        outcome.reached.push(String::new());
    }
    outcome
}

/// Keeps that somebody took a parcel, before anything else happens.
async fn keep_reached(app: &Arc<App>, parcel: &str, recipient: &str) {
    let (parcel, recipient) = (parcel.to_owned(), recipient.to_owned());
    let ctx = Ctx::system(Arc::clone(app));
    let kept = write(&ctx, "delivery.reached", async move |w: &mut Write<'_>| {
        let (permit, now) = (w.system()?, w.now);
        Ok(store::keep_reached(w.tx(), &permit, &parcel, &recipient, now).await?)
    });
    if let Err(error) = kept.await {
        // Whoever asked for the delivery still learns of it, and keeps it with the run.
        tracing::warn!(%error, "it could not be written down at once that a parcel was taken");
    }
}

/// When what is too old went last.
#[derive(Default)]
struct Forgotten(AtomicI64);

/// Takes away what nobody asks about any more, now and then.
async fn forget(app: &Arc<App>) {
    let (last, now) = (app.memory.of::<Forgotten>(), app.clock.now());
    if now - last.0.load(Ordering::Relaxed) < FORGET {
        return;
    }
    last.0.store(now, Ordering::Relaxed);
    let ctx = Ctx::system(Arc::clone(app));
    let done = write(&ctx, "delivery.forget", async move |w: &mut Write<'_>| {
        let permit = w.system()?;
        Ok(store::forget(w.tx(), &permit, now - REACHED_KEPT, now).await?)
    });
    if let Err(error) = done.await {
        tracing::warn!(%error, "old marks of deliveries could not be taken away");
    }
}

/// Tries of interfaces, counted by interface.
#[derive(Default)]
struct Tested(Tries);

/// Sends a test by an interface: `delivered` or `failed`, and why; in a dry run nothing is sent, and it is `withheld`.
///
/// # Errors
/// 404, 403 without `delivery:test`, 429 when it was tried often lately.
pub async fn test(ctx: &Ctx, delivery: &str) -> Result<Outcome> {
    let interface = resources::opened_to_test(ctx, delivery, BuiltIn::Delivery).await?;
    if ctx.dry_run {
        return Ok(Outcome::withheld("A dry run sends nothing."));
    }
    ctx.app.memory.of::<Tested>().0.take(&interface.row.id, &ctx.app.clock)?;
    let parcel = Parcel {
        id: format!("test{}", ids::new_id(ctx.now()).simple()),
        job: String::new(),
        entry: String::new(),
        title: "A test from Garth".to_owned(),
        text:
            "This is a test of a delivery interface. It was asked for by somebody who looks after it; reports that are \
               sent by it will reach you the same way.\n"
                .to_owned(),
        html: None,
        files: Vec::new(),
        recipients: json!([{ "address": tester(ctx, &interface.body), "individual": false }]),
        reached: Vec::new(),
    };
    webhook::wake(&ctx.app, &interface.body).await;
    let outcome = deliver(&ctx.app, &interface.body, &parcel).await;
    let (told, space, id) = (outcome.state, interface.space, interface.row.id);
    write(ctx, "delivery.test", async move |w: &mut Write<'_>| {
        let after = json!({ "state": told });
        w.record(Record { space: Some(space), target_type: KIND, target_id: id, before: Value::Null, after }).await
    })
    .await?;
    Ok(outcome)
}

/// Who gets a test by mail: whoever asks for it, or else the sender. Nobody writes to strangers by it.
fn tester(ctx: &Ctx, body: &Value) -> String {
    let dir = ctx.directory();
    let own = ctx.user(&dir).ok().and_then(|user| dir.users.info(user)).and_then(|user| user.email.clone());
    own.unwrap_or_else(|| text(body, "from").to_owned())
}

/// A field that is a text; empty when it is none.
fn text<'a>(body: &'a Value, field: &str) -> &'a str {
    body[field].as_str().unwrap_or_default()
}

fn wrong(pointer: impl Into<String>, message: impl Into<String>) -> FieldError {
    FieldError { pointer: pointer.into(), message: message.into() }
}
