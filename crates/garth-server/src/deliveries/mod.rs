//! Delivery interfaces: how a report leaves this server.

use crate::access::{App, Ctx};
use crate::base::error::{Error, FieldError, Result};
use serde_json::Value;
use std::sync::Arc;

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
    /// The job's entry: its place among the job's deliveries. Snoozed and unsubscribed addresses are this entry's.
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
}

/// Is that the body of a delivery interface? Beyond what the kind's schema says.
///
/// # Errors
/// What is wrong, each with its place, `/body` in front.
pub fn check(_app: &App, _body: &Value) -> std::result::Result<(), Vec<FieldError>> {
    Ok(())
}

/// Delivers. `body` is the interface's, with its secrets opened.
pub async fn deliver(_app: &Arc<App>, _body: &Value, _parcel: &Parcel) -> Outcome {
    Outcome { state: "failed", detail: "not built".to_owned(), reached: Vec::new(), again: false }
}

/// Sends a test by an interface: `delivered` or `failed`, and why.
///
/// # Errors
/// 404, 403 without `delivery:test`.
pub async fn test(_ctx: &Ctx, _delivery: &str) -> Result<Outcome> {
    Err(Error::internal("not built"))
}
