//! What is stored of jobs and runs, as rows hold it.

use super::State;
use crate::base::schedule::Schedule;
use garth_core::{ClassIx, Micros};
use serde_json::{Value, json};

/// Days that a run is kept where its job says nothing: half a year.
pub const KEEP_DAYS: i64 = 183;
/// Retries of a run where its job says nothing.
pub const RETRIES: i64 = 3;
/// The time zone where a job says nothing.
pub const TIME_ZONE: &str = "UTC";

/// A job as a change finds it.
pub(super) struct Job {
    pub version: i64,
    pub body: String,
    pub archived: bool,
    pub updated_at: Micros,
    pub class: ClassIx,
    /// What the scheduler keeps of it, from the first time on that it looked.
    pub kept: Option<Kept>,
}

/// What the scheduler keeps of a job.
pub(super) struct Kept {
    /// As [`Timing::text`] wrote it.
    pub timing: String,
    pub next_at: Option<Micros>,
    pub paused: bool,
    /// Which version of the job it was made of.
    pub version: i64,
}

/// What is known of a job besides its body.
#[derive(Default)]
pub(super) struct Standing {
    pub paused: Option<String>,
    pub paused_at: Option<Micros>,
    pub delivered_at: Option<Micros>,
    pub found: Option<String>,
}

/// A run.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub id: String,
    pub job: String,
    pub scheduled: bool,
    pub due_at: Micros,
    pub state: String,
    pub detail: String,
    pub started_at: Option<Micros>,
    pub finished_at: Option<Micros>,
    pub next_attempt_at: Option<Micros>,
    pub attempts: i64,
    pub failures: i64,
    pub interruptions: i64,
    pub failed_at: Option<Micros>,
}

impl Stored {
    /// A run that waits for its first attempt, or one that is over before it began.
    pub fn new(id: String, job: &str, scheduled: bool, due_at: Micros) -> Self {
        Self {
            id,
            job: job.to_owned(),
            scheduled,
            due_at,
            state: State::Queued.name().to_owned(),
            detail: String::new(),
            started_at: None,
            finished_at: None,
            next_attempt_at: Some(due_at),
            attempts: 0,
            failures: 0,
            interruptions: 0,
            failed_at: None,
        }
    }

    /// The same, over before it began.
    pub fn skipped(self, why: &str, now: Micros) -> Self {
        let (state, detail) = (State::Skipped.name().to_owned(), why.to_owned());
        Self { state, detail, finished_at: Some(now), next_attempt_at: None, ..self }
    }
}

/// How a delivery of a run stands.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Which entry of the job.
    pub entry: String,
    /// The interface.
    pub delivery: String,
    /// Its place among the job's deliveries.
    pub place: i64,
    /// `begun`, or as it ended: `delivered`, `failed`, `withheld`.
    pub state: String,
    pub detail: String,
    /// Whom it reached so far.
    pub reached: Vec<String>,
}

/// That something left this server, and has not been answered for as yet.
pub(super) const BEGUN: &str = "begun";

/// How an attempt ended, and what is next.
pub(super) struct Ended {
    pub state: State,
    pub detail: String,
    pub next_attempt_at: Option<Micros>,
    pub failures: i64,
    pub failed_at: Option<Micros>,
}

/// When a job is due by itself.
pub(super) struct Timing {
    schedule: Option<(String, String)>,
}

impl Timing {
    /// Of a job's body; one that is switched off is never due.
    pub fn of(body: &Value, archived: bool) -> Self {
        let on = enabled(body) && !archived;
        let schedule = body.get("schedule").and_then(Value::as_str).filter(|_| on);
        Self { schedule: schedule.map(|text| (text.to_owned(), time_zone(body).to_owned())) }
    }

    /// Of what was kept of it.
    pub fn kept(text: &str) -> Self {
        Self { schedule: serde_json::from_str(text).ok() }
    }

    /// How it is kept.
    pub fn text(&self) -> String {
        self.schedule.as_ref().map(|schedule| json!(schedule).to_string()).unwrap_or_default()
    }

    /// The first time after that one; `None` where it never is.
    pub fn next_after(&self, after: Micros) -> Option<Micros> {
        let (schedule, zone) = self.schedule.as_ref()?;
        Schedule::read(schedule, zone).ok()?.next_after(after)
    }
}

/// Is a job with that body switched on?
pub(super) fn enabled(body: &Value) -> bool {
    body.get("enabled").and_then(Value::as_bool).unwrap_or(true)
}

/// The time zone of a job with that body.
pub(super) fn time_zone(body: &Value) -> &str {
    body.get("time_zone").and_then(Value::as_str).unwrap_or(TIME_ZONE)
}

/// How many days its runs are kept; `None` is for ever, which is written as 0.
pub(super) fn keep_days(body: &Value) -> Option<i64> {
    Some(body.get("keep_days").and_then(Value::as_i64).unwrap_or(KEEP_DAYS)).filter(|days| *days > 0)
}
