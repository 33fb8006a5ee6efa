//! Jobs: what is to be done again and again, its runs, and what became of them.

use crate::access::{App, Ctx};
use crate::base::error::{Error, FieldError, Result};
use crate::base::http::{Page, PageRequest};
use crate::reports;
use garth_core::Micros;
use serde_json::Value;
use std::sync::Arc;

/// How a run, or one of its attempts, is or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It waits for its turn.
    Queued,
    /// It is going on.
    Running,
    /// The report was made and reached everybody.
    Succeeded,
    /// It reached some.
    PartlyDelivered,
    /// It reached nobody, or was not made.
    Failed,
    /// It was not done: throttled, missed, or switched off meanwhile.
    Skipped,
    /// Somebody stopped it.
    Cancelled,
}

/// What became of one delivery of a run.
#[derive(Clone, Debug)]
pub struct Handed {
    /// The delivery interface.
    pub delivery: String,
    /// `delivered`, `failed` or `withheld`.
    pub state: &'static str,
    /// One sentence, without secrets.
    pub detail: String,
}

/// One attempt of a run.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// When it began.
    pub started_at: Micros,
    /// When it ended.
    pub finished_at: Option<Micros>,
    /// How it ended.
    pub state: State,
    /// One sentence.
    pub detail: String,
}

/// A run, as somebody who may see its job sees it.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// The job.
    pub job: String,
    /// `schedule` or `manual`.
    pub trigger: &'static str,
    /// How it is.
    pub state: State,
    /// When it was due or asked for.
    pub created_at: Micros,
    /// When its first attempt began.
    pub started_at: Option<Micros>,
    /// When the last one ended; `None` while retries wait.
    pub finished_at: Option<Micros>,
    /// When the next attempt is due.
    pub next_attempt_at: Option<Micros>,
    /// Its attempts, in order.
    pub attempts: Vec<Attempt>,
    /// What became of each delivery.
    pub deliveries: Vec<Handed>,
    /// The formats in which its report can be had; empty without one.
    pub formats: Vec<&'static str>,
}

/// What monitoring knows of a job or of a delivery interface.
#[derive(Clone, Debug)]
pub struct Lately {
    /// The resource.
    pub resource: String,
    /// What the last five runs (or deliveries) came to, the latest first.
    pub last: Vec<State>,
    /// When the last one ended.
    pub at: Option<Micros>,
    /// What the last failure said.
    pub error: Option<String>,
}

/// Is that the body of a job? Beyond what the kind's schema says.
///
/// # Errors
/// What is wrong, each with its place, `/body` in front.
pub fn check(body: &Value) -> std::result::Result<(), Vec<FieldError>> {
    reports::check(body.get("report").unwrap_or(&Value::Null))
}

/// Runs a job now.
///
/// # Errors
/// 404, 403 without `job:run`, 409 where its space is archived.
pub async fn run(_ctx: &Ctx, _job: &str) -> Result<Run> {
    Err(Error::internal("not built"))
}

/// The runs of a job, the latest first.
///
/// # Errors
/// 404.
pub async fn runs(_ctx: &Ctx, _job: &str, _page: &PageRequest) -> Result<Page<Run>> {
    Err(Error::internal("not built"))
}

/// One run.
///
/// # Errors
/// 404.
pub async fn get(_ctx: &Ctx, _run: &str) -> Result<Run> {
    Err(Error::internal("not built"))
}

/// Takes a run away with its report; one that goes on or waits is cancelled first.
///
/// # Errors
/// 404, 403.
pub async fn delete(_ctx: &Ctx, _run: &str) -> Result<()> {
    Err(Error::internal("not built"))
}

/// Lets jobs go on that a budget paused.
///
/// # Errors
/// 404, 403, 409 where nothing paused it.
pub async fn resume(_ctx: &Ctx, _job: &str) -> Result<()> {
    Err(Error::internal("not built"))
}

/// When a job is due next, after that time; `None` where it is off, paused, or without a schedule.
///
/// # Errors
/// 404.
pub async fn next_due(_ctx: &Ctx, _job: &str) -> Result<Option<Micros>> {
    Err(Error::internal("not built"))
}

/// What all jobs, and all delivery interfaces, came to lately. For monitoring, which decides who sees what of it.
///
/// # Errors
/// When the store fails.
pub async fn lately(_app: &Arc<App>) -> Result<(Vec<Lately>, Vec<Lately>)> {
    Ok((Vec::new(), Vec::new()))
}

/// Does what is due now, and returns when it is done. Stories call it; the server does so on a timer.
///
/// # Errors
/// When the store fails.
pub async fn work_once(_app: &Arc<App>) -> Result<usize> {
    Ok(0)
}
