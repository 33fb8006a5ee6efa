//! Jobs: what is to be done again and again, its runs, and what became of them.
//!
//! `firing` makes a run of each time that has come, once; `work` takes runs, a few at a time and fairly; `running` is one
//! attempt of one. A run is judged when it runs: it has the rights of the roles that are attached to its job, or of the
//! job's owner.

pub mod api;
mod firing;
mod kept;
mod running;
mod store;
mod work;

pub use firing::LATE;
pub use kept::{KEEP_DAYS, RETRIES, TIME_ZONE};
pub use running::{LADDER, REPORT_BYTES, REPORTS, WORDS};
pub use work::{AT_ONCE, ATTEMPT, OF_A_SPACE};

use crate::access::{self, App, Ctx, Permit, Record, Write, archived, write};
use crate::base::error::{Error, FieldError, Result};
use crate::base::http::{Page, PageRequest};
use crate::base::schedule::Schedule;
use crate::base::{ids, text};
use crate::directory::BuiltIn;
use crate::reports::{self, Format, Report};
use crate::resources::{self, ResourcePatch, ResourceView};
use garth_core::{Action, Micros, Permission};
use kept::{BEGUN, Stored, Timing};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

/// Runs of a job that wait or go on at the same time, at most: more are not asked for.
pub const WAITING: i64 = 10;
/// How many states monitoring looks at.
const LATELY: usize = 5;

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

impl State {
    const ALL: [Self; 7] = [
        Self::Queued,
        Self::Running,
        Self::Succeeded,
        Self::PartlyDelivered,
        Self::Failed,
        Self::Skipped,
        Self::Cancelled,
    ];

    /// How it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::PartlyDelivered => "partly_delivered",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of that name; one that nobody knows has failed.
    fn of(name: &str) -> Self {
        Self::ALL.into_iter().find(|state| state.name() == name).unwrap_or(Self::Failed)
    }
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
    /// One sentence on that; empty while it waits or goes on.
    pub detail: String,
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

/// How a job stands.
#[derive(Clone, Debug)]
pub struct Status {
    /// The job.
    pub job: String,
    /// Is it switched on?
    pub enabled: bool,
    /// Its schedule in plain words; `None` without one.
    pub schedule: Option<String>,
    /// The next times it is due, three at most; none where it is off, paused, archived, or without a schedule.
    pub next: Vec<Micros>,
    /// Why a budget paused it, and when.
    pub paused: Option<(String, Micros)>,
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
    let mut wrong = Vec::new();
    let mut refuse = |pointer: String, message: String| wrong.push(FieldError { pointer, message });
    let zone = kept::time_zone(body);
    // By a schedule that is good, what is wrong is the zone.
    match (Schedule::read("@daily", zone), body.get("schedule").and_then(Value::as_str)) {
        (Err(message), _) => refuse("/body/time_zone".to_owned(), message),
        (Ok(_), Some(schedule)) => {
            if let Err(message) = Schedule::read(schedule, zone) {
                refuse("/body/schedule".to_owned(), message);
            }
        }
        (Ok(_), None) => {}
    }
    let entries = body.get("deliveries").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for (at, entry) in entries.iter().enumerate() {
        let recipients = entry.get("recipients").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for (number, recipient) in recipients.iter().enumerate() {
            let (address, pointer) = match recipient {
                Value::String(address) => {
                    (Some(address.as_str()), format!("/body/deliveries/{at}/recipients/{number}"))
                }
                other => {
                    let pointer = format!("/body/deliveries/{at}/recipients/{number}/address");
                    (other.get("address").and_then(Value::as_str), pointer)
                }
            };
            if let Some(Err(Error::Invalid(fields))) = address.map(|address| text::email(&pointer, address)) {
                wrong.extend(fields);
            }
        }
    }
    if let Err(fields) = reports::check(body.get("report").unwrap_or(&Value::Null)) {
        wrong.extend(fields);
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// The job of that id or code, as the caller sees it.
async fn seen(ctx: &Ctx, job: &str) -> Result<ResourceView> {
    let view = resources::get(ctx, job).await?;
    let dir = ctx.directory();
    let kind = dir.world.class(view.row.class).map(|class| class.kind);
    if kind.is_some() && kind == BuiltIn::Job.kind(&dir) { Ok(view) } else { Err(Error::NotFound) }
}

/// Runs a job now.
///
/// # Errors
/// 404, 403 without `job:run`, 409 where its space is archived, where it is paused, or when too many of its runs wait.
pub async fn run(ctx: &Ctx, job: &str) -> Result<Run> {
    let job = seen(ctx, job).await?.row.id;
    let run = write(ctx, "job.run", async move |w: &mut Write<'_>| {
        let permission = w.dir().permission("job:run").ok_or(Error::NotFound)?;
        let (permit, row, space) = resources::may(w, &job, Action::Use(permission)).await?;
        if row.archived || archived(&w.dir().world, space) {
            return Err(Error::conflict("archived", "the job is archived, or the space it lies in"));
        }
        let paused = store::job(w.tx(), &job).await?.and_then(|job| job.kept).is_some_and(|kept| kept.paused);
        if paused {
            return Err(Error::conflict("conflict", "a budget paused the job: let it go on first"));
        }
        if store::under_way(w.tx(), &job).await? >= WAITING {
            let detail = format!("{WAITING} runs of the job wait or go on already");
            return Err(Error::conflict("conflict", detail));
        }
        let run = Stored::new(ids::new_id(w.now).to_string(), &job, false, w.now);
        store::insert(w.tx(), &permit, &run).await?;
        let after = json!({ "run": run.id });
        w.record(Record { space: Some(space), target_type: "job", target_id: job, before: Value::Null, after }).await?;
        Ok(run)
    })
    .await?;
    Ok(shown(run))
}

/// The runs of a job, the latest first.
///
/// # Errors
/// 404.
pub async fn runs(ctx: &Ctx, job: &str, page: &PageRequest) -> Result<Page<Run>> {
    let job = seen(ctx, job).await?.row.id;
    let dir = ctx.directory();
    let caller = ctx.caller(&dir)?;
    let query = format!("runs of {job}");
    let (at, id) = match &page.cursor {
        Some(cursor) => access::read_cursor(&dir, &caller, &query, cursor)?,
        None => (i64::MAX.to_string(), String::new()),
    };
    let at = at.parse().unwrap_or(i64::MAX);
    let mut rows = store::list(&ctx.db(), &job, (at, &id), page.limit + 1).await?;
    let more = rows.len() > page.limit;
    rows.truncate(page.limit);
    let next = rows.last().filter(|_| more);
    let next = next.map(|run| access::cursor(&dir, &caller, &query, &run.due_at.to_string(), &run.id)).transpose()?;
    let items = whole(ctx, rows).await?;
    // Asked again now that they are read: whoever may no more meanwhile is shown none.
    seen(ctx, &job).await?;
    Ok(Page { items, next })
}

/// One run.
///
/// # Errors
/// 404.
pub async fn get(ctx: &Ctx, run: &str) -> Result<Run> {
    let row = found(ctx, run).await?;
    let job = row.job.clone();
    let run = whole(ctx, vec![row]).await?.pop().ok_or(Error::NotFound)?;
    seen(ctx, &job).await?;
    Ok(run)
}

/// The run of that id, if the caller sees its job.
async fn found(ctx: &Ctx, run: &str) -> Result<Stored> {
    let row = match ids::read_id(run) {
        Some(_) => store::get(&ctx.db(), run).await?,
        None => None,
    };
    let row = row.ok_or(Error::NotFound)?;
    seen(ctx, &row.job).await?;
    Ok(row)
}

/// The report of a run, written down, and a name for it.
///
/// # Errors
/// 404, also where there is no report; 403 without `job:read` in the job's space; 429 while the caller is sent two already, 503
/// while too many are.
pub async fn report(ctx: &Ctx, run: &str, format: Format) -> Result<(String, Vec<u8>)> {
    let row = found(ctx, run).await?;
    let (_lane, pen) = (ctx.export_lane()?, reports::pen(&ctx.app).await?);
    let report = store::report(&ctx.db(), &row.id).await?.ok_or(Error::NotFound)?;
    // Once it is read: whoever may no more meanwhile does not get it.
    let view = seen(ctx, &row.job).await?;
    let dir = ctx.directory();
    let caller = ctx.caller(&dir)?;
    let noun = dir.world.words.get(BuiltIn::Job.name()).ok_or(Error::NotFound)?;
    let target = resources::target_of(&dir, &caller, &view.row, ctx.now());
    access::check(&dir, &caller, target, Action::Use(Permission::read(noun)), ctx.now())?;
    let damaged = |e: serde_json::Error| Error::internal(format!("a report is damaged: {e}"));
    let report: Report = serde_json::from_str(&report).map_err(damaged)?;
    // What it told of the space that the job lay in before is not for whoever sees the job where it lies now.
    let here = dir.world.class(view.row.class).and_then(|class| dir.space_id(class.space)).map(|id| id.to_string());
    if report.content["space"]["id"].as_str() != here.as_deref() {
        return Err(Error::NotFound);
    }
    let slug = text::slug(&view.row.name);
    let slug = if slug.is_empty() { "report" } else { slug.as_str() };
    let name = format!("{slug}.{}", format.name());
    let mut written = reports::written(pen, Arc::new(report), vec![format]).await?;
    Ok((name, written.pop().ok_or_else(|| Error::internal("a report in no format"))?))
}

/// Runs with their attempts and deliveries.
async fn whole(ctx: &Ctx, rows: Vec<Stored>) -> Result<Vec<Run>> {
    let db = ctx.db();
    let ids = json!(rows.iter().map(|run| run.id.as_str()).collect::<Vec<_>>()).to_string();
    let mut attempts: HashMap<String, Vec<Attempt>> = HashMap::new();
    for (run, number, started_at, finished_at, state, detail) in store::attempts(&db, &ids).await? {
        let attempt = Attempt { number, started_at, finished_at, state: State::of(&state), detail };
        attempts.entry(run).or_default().push(attempt);
    }
    let mut handed: HashMap<String, Vec<Handed>> = HashMap::new();
    for (run, entry) in store::handed(&db, &ids).await? {
        let state = match entry.state.as_str() {
            // Nobody knows as yet.
            BEGUN => continue,
            "delivered" => "delivered",
            "withheld" => "withheld",
            _ => "failed",
        };
        handed.entry(run).or_default().push(Handed { delivery: entry.delivery, state, detail: entry.detail });
    }
    let made = store::made(&db, &ids).await?;
    let each = rows.into_iter().map(|row| {
        let (attempts, deliveries) = (attempts.remove(&row.id), handed.remove(&row.id));
        let mut run = shown(row);
        if made.contains(&run.id) {
            run.formats = Format::ALL.map(Format::name).to_vec();
        }
        run.attempts = attempts.unwrap_or_default();
        run.deliveries = deliveries.unwrap_or_default();
        run
    });
    Ok(each.collect())
}

fn shown(row: Stored) -> Run {
    Run {
        id: row.id,
        job: row.job,
        trigger: if row.scheduled { "schedule" } else { "manual" },
        state: State::of(&row.state),
        detail: row.detail,
        created_at: row.due_at,
        started_at: row.started_at,
        finished_at: row.finished_at,
        next_attempt_at: row.next_attempt_at.filter(|_| row.attempts > 0),
        attempts: Vec::new(),
        deliveries: Vec::new(),
        formats: Vec::new(),
    }
}

/// Takes a run away with its report; one that goes on or waits is cancelled first.
///
/// # Errors
/// 404, 403.
pub async fn delete(ctx: &Ctx, run: &str) -> Result<()> {
    let row = found(ctx, run).await?;
    let app = Arc::clone(&ctx.app);
    write(ctx, "run.delete", async move |w: &mut Write<'_>| {
        let (permit, _, space) = resources::may(w, &row.job, Action::Write).await?;
        if store::delete(w.tx(), &permit, &row.id).await? == 0 {
            return Err(Error::NotFound);
        }
        let before = json!({ "run": row.id, "state": row.state });
        let record = Record { space: Some(space), target_type: "job", target_id: row.job, before, after: Value::Null };
        w.record(record).await
    })
    .await?;
    app.leaves_remains();
    Ok(())
}

/// Lets jobs go on that a budget paused.
///
/// # Errors
/// 404, 403, 409 where nothing paused it.
pub async fn resume(ctx: &Ctx, job: &str) -> Result<()> {
    let job = seen(ctx, job).await?.row.id;
    write(ctx, "job.resume", async move |w: &mut Write<'_>| {
        let (permit, row, space) = resources::may(w, &job, Action::Write).await?;
        let kept = store::job(w.tx(), &job).await?.and_then(|job| job.kept).filter(|kept| kept.paused);
        if kept.is_none() {
            return Err(Error::conflict("conflict", "nothing paused the job"));
        }
        let body: Value = serde_json::from_str(&row.body).unwrap_or_default();
        let next_at = Timing::of(&body, row.archived).next_after(w.now);
        store::pause(w.tx(), &permit, &job, None, next_at).await?;
        let (before, after) = (json!({ "paused": true }), json!({ "paused": false }));
        w.record(Record { space: Some(space), target_type: "job", target_id: job, before, after }).await
    })
    .await
}

/// Switches a job on or off: the same as a change of `enabled` in its body.
///
/// # Errors
/// 404, 403.
pub async fn enable(ctx: &Ctx, job: &str, on: bool) -> Result<()> {
    let job = seen(ctx, job).await?.row.id;
    let patch = ResourcePatch { body: Some(json!({ "enabled": on })), ..ResourcePatch::default() };
    resources::update(ctx, job, patch, None).await.map(drop)
}

/// How a job stands.
///
/// # Errors
/// 404.
pub async fn status(ctx: &Ctx, job: &str) -> Result<Status> {
    let id = seen(ctx, job).await?.row.id;
    let standing = store::standing(&ctx.db(), &id).await?;
    let view = seen(ctx, &id).await?;
    let dir = ctx.directory();
    let space = dir.world.class(view.row.class).map(|class| class.space);
    let off = view.row.archived || space.is_none_or(|space| archived(&dir.world, space));
    let paused = standing.paused.map(|why| (why, standing.paused_at.unwrap_or_default()));
    let mut next = Vec::new();
    if paused.is_none() {
        let timing = Timing::of(&view.body, off);
        let mut at = timing.next_after(ctx.now());
        while let Some(time) = at.filter(|_| next.len() < 3) {
            next.push(time);
            at = timing.next_after(time);
        }
    }
    let schedule = view.body.get("schedule").and_then(Value::as_str);
    let schedule = schedule.and_then(|text| Schedule::read(text, kept::time_zone(&view.body)).ok());
    let schedule = schedule.map(|schedule| schedule.words());
    Ok(Status { job: id, enabled: kept::enabled(&view.body), schedule, next, paused })
}

/// When a job is due next, after that time; `None` where it is off, paused, or without a schedule.
///
/// # Errors
/// 404.
pub async fn next_due(ctx: &Ctx, job: &str) -> Result<Option<Micros>> {
    Ok(status(ctx, job).await?.next.first().copied())
}

/// What all jobs, and all delivery interfaces, came to lately. For monitoring, which decides who sees what of it.
///
/// # Errors
/// When the store fails.
pub async fn lately(app: &Arc<App>) -> Result<(Vec<Lately>, Vec<Lately>)> {
    let all = async |kind: BuiltIn| -> Result<Vec<Lately>> {
        let rows = store::lately(&app.db, kind.id()).await?;
        let each = rows.into_iter().map(|(resource, states, at, error)| {
            let last = states.split(',').filter(|state| !state.is_empty()).map(State::of).collect();
            Lately { resource, last, at, error }
        });
        Ok(each.collect())
    };
    Ok((all(BuiltIn::Job).await?, all(BuiltIn::Delivery).await?))
}

/// The jobs that a budget paused, each with the reason. For monitoring, like [`lately`].
///
/// # Errors
/// When the store fails.
pub async fn paused(app: &Arc<App>) -> Result<Vec<(String, String)>> {
    Ok(store::paused(&app.db).await?)
}

/// Puts a state in front of those that monitoring looks at.
async fn note_lately(
    w: &mut Write<'_>,
    permit: &Permit,
    resource: &str,
    state: State,
    error: Option<&str>,
) -> Result<()> {
    let before = store::lately_of(w.tx(), resource).await?;
    let states = std::iter::once(state.name()).chain(before.split(',').filter(|state| !state.is_empty()));
    let states: Vec<&str> = states.take(LATELY).collect();
    let now = w.now;
    Ok(store::keep_lately(w.tx(), permit, resource, (&states.join(","), now), error).await?)
}

/// Does what is due now, and returns when it is done. Stories call it; the server does so on a timer.
///
/// # Errors
/// When the store fails.
pub async fn work_once(app: &Arc<App>) -> Result<usize> {
    work::once(app).await
}

/// Does what is due for as long as the server runs.
pub async fn work(app: Arc<App>) {
    work::always(app).await;
}
