//! One attempt of a run: whoever it runs for is judged, the report made, and each delivery begun, done and written down.

use super::kept::{self, BEGUN, Ended, Entry, Stored};
use super::{State, store};
use crate::access::{App, Ctx, Record, Write, write};
use crate::ai_providers::{self, Refused};
use crate::base::error::{Error, Result};
use crate::base::{clock, ids, text};
use crate::deliveries::{self, Attached, Outcome, Parcel};
use crate::directory::BuiltIn;
use crate::reports::{self, Format, Report};
use crate::resources::{self, Opened};
use garth_core::Micros;
use serde_json::{Value, json};
use std::sync::Arc;

/// When a run is tried again, in microseconds after its first failure.
pub const LADDER: [Micros; 10] = {
    const MINUTE: Micros = 60 * 1_000_000;
    const HOUR: Micros = 60 * MINUTE;
    const DAY: Micros = 24 * HOUR;
    [5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 12 * HOUR, DAY, 2 * DAY, 3 * DAY]
};
/// How much of a report an AI provider is given, and a letter says, in bytes.
pub const WORDS: usize = 32 * 1024;

/// What is said of an interface that a job may not use.
const HIDDEN: &str = "it is not there for whoever the job runs for, or its space may not use it";
/// Largest report, in bytes as it is kept.
pub const REPORT_BYTES: usize = 16 * 1024 * 1024;
/// Reports of one job that are kept; of older runs the history stays.
pub const REPORTS: i64 = 100;

/// What came of an attempt.
pub(super) struct Finish {
    pub state: State,
    detail: String,
    /// May another attempt help?
    again: bool,
    /// Not before that time.
    later: Option<Micros>,
    /// A budget is used up: the job pauses, and this is why.
    pause: Option<String>,
    /// What is not written down yet of deliveries.
    entries: Vec<Entry>,
    /// The report that is not written down yet.
    report: Option<String>,
    /// What the next report compares with, where this one was handed over.
    found: Option<Value>,
    /// Somebody got the report.
    reached: bool,
}

impl Finish {
    fn of(state: State, detail: impl Into<String>, again: bool) -> Self {
        let (entries, report, found) = (Vec::new(), None, None);
        Self { state, detail: detail.into(), again, later: None, pause: None, entries, report, found, reached: false }
    }

    /// It is not done, and will not be.
    fn skipped(why: &str) -> Self {
        Self::of(State::Skipped, why, false)
    }

    /// It did not work out.
    pub fn failed(why: impl Into<String>, again: bool) -> Self {
        Self::of(State::Failed, why, again)
    }
}

/// Makes an attempt at a run that this server has taken. `None` where it was cancelled meanwhile, or its job is gone.
///
/// # Errors
/// When the store fails.
pub(super) async fn attempt(app: &Arc<App>, me: &str, run: &Stored) -> Result<Option<Finish>> {
    let job = match resources::opened(&Ctx::system(Arc::clone(app)), &run.job, BuiltIn::Job, None).await {
        Ok(job) => job,
        Err(Error::NotFound) => return Ok(None),
        Err(error) => return Err(error),
    };
    let standing = store::standing(&app.db, &run.job).await?;
    if job.archived {
        return Ok(Some(Finish::skipped("the job is archived, or the space it lies in")));
    }
    if run.scheduled && !kept::enabled(&job.body) {
        return Ok(Some(Finish::skipped("the job was switched off meanwhile")));
    }
    if standing.paused.is_some() {
        return Ok(Some(Finish::skipped("the job is paused")));
    }
    let owner = job.row.owner.strip_prefix("user:").and_then(ids::read_id);
    let Some(id) = ids::read_id(&job.row.id) else { return Err(Error::internal("a job without an id")) };
    let ctx = Ctx::for_resource(Arc::clone(app), id, owner);
    if ctx.caller(&ctx.directory()).is_err() {
        let why = "there is nobody whose rights it could have: no role is attached to the job, and it has no owner who can \
                   sign in";
        return Ok(Some(Finish::failed(why, false)));
    }
    // Every attempt hands over the same report, unless the job is another one since: whoever changed it answers for it now.
    let same = run.started_at.is_some_and(|began| job.row.updated_at <= began);
    let (report, made) = match store::report(&app.db, &run.id).await?.filter(|_| same) {
        Some(made) => {
            (serde_json::from_str(&made).map_err(|e| Error::internal(format!("a report is damaged: {e}")))?, None)
        }
        None => match make(&ctx, &job, standing.found.as_deref()).await {
            Ok(report) => {
                let made = serde_json::to_string(&report)
                    .map_err(|e| Error::internal(format!("a report cannot be written: {e}")))?;
                if made.len() > REPORT_BYTES {
                    return Ok(Some(Finish::failed("the report is larger than 16 MiB: let it find less", false)));
                }
                (report, Some(made))
            }
            Err(finish) => return Ok(Some(*finish)),
        },
    };
    let throttle = job.body.get("throttle_seconds").and_then(Value::as_i64).unwrap_or(0) * 1_000_000;
    let since = standing.delivered_at.map(|at| app.clock.now() - at);
    // What this run handed over is no other report: who has not got it still does.
    let reached = |entry: &Entry| entry.state == "delivered" || entry.state == BEGUN || !entry.reached.is_empty();
    let begun = store::entries(&app.db, &run.id).await?.iter().any(reached);
    if run.scheduled && !begun && since.is_some_and(|since| since < throttle) {
        let why = "withheld: the last report was delivered so lately that the job's throttle asks for silence";
        let entries = specs(&job.body).into_iter().map(|spec| spec.entry("withheld", why, Vec::new())).collect();
        return Ok(Some(Finish { entries, report: made, ..Finish::skipped(why) }));
    }
    let mut handing = Handing { app, ctx: &ctx, me, run, job: &job, report: Arc::new(report), made };
    handing.all().await
}

/// Makes the report, with its summary where the job asks for one.
async fn make(ctx: &Ctx, job: &Opened, found: Option<&str>) -> std::result::Result<Report, Box<Finish>> {
    let before: Option<Value> = found.and_then(|found| serde_json::from_str(found).ok());
    let spec = job.body.get("report").unwrap_or(&Value::Null);
    let made = reports::make(ctx, &job.row.name, &job.space_id, spec, before.as_ref()).await;
    let mut report = made.map_err(|error| {
        // What is asked for wrongly is asked for wrongly the next time, too.
        let again = !matches!(error, Error::Invalid(_));
        Box::new(Finish::failed(said("the report was not made", &error), again))
    })?;
    let Some(summary) = job.body.get("summary").filter(|summary| summary.is_object()) else { return Ok(report) };
    let provider = summary.get("provider").and_then(Value::as_str).unwrap_or_default();
    let provider = match resources::opened(ctx, provider, BuiltIn::AiProvider, Some(job.space)).await {
        Ok(provider) if !provider.archived => provider,
        Ok(_) | Err(Error::NotFound) => {
            let why = "the AI provider is not there for whoever the job runs for, or its space may not use it";
            return Err(Box::new(Finish::failed(why, true)));
        }
        Err(error) => return Err(Box::new(Finish::failed(said("there is no summary", &error), true))),
    };
    let instructions = summary.get("instructions").and_then(Value::as_str).unwrap_or_default();
    let words = report.words(WORDS);
    let asked =
        ai_providers::summarise(&ctx.app, &provider.row.id, &provider.space_id, &provider.body, instructions, &words);
    match asked.await {
        Ok(summary) => report.summary = Some(summary),
        Err(Refused::Budget(why)) => {
            let pause = Some(why.clone());
            return Err(Box::new(Finish { pause, ..Finish::skipped(&format!("the job is paused: {why}")) }));
        }
        Err(Refused::Failed(why)) => return Err(Box::new(Finish::failed(format!("there is no summary: {why}"), true))),
    }
    Ok(report)
}

/// What an error says to whoever looks after the job.
fn said(what: &str, error: &Error) -> String {
    match error {
        Error::NotFound | Error::Unauthenticated => {
            format!("{what}: what it is of is hidden from whoever the job runs for, or is not there")
        }
        Error::Internal(why) => {
            tracing::warn!(error = %why, "a run of a job failed");
            format!("{what}: the server failed, and its log says why")
        }
        Error::Invalid(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|field| format!("{} {}", field.pointer, field.message)).collect();
            format!("{what}: {}", fields.join("; "))
        }
        other => format!("{what}: {other}"),
    }
}

/// One entry of a job's deliveries.
struct Spec {
    entry: String,
    delivery: String,
    place: i64,
    recipients: Value,
    formats: Vec<Format>,
}

impl Spec {
    fn entry(&self, state: &str, detail: &str, reached: Vec<String>) -> Entry {
        let (entry, delivery) = (self.entry.clone(), self.delivery.clone());
        Entry { entry, delivery, place: self.place, state: state.to_owned(), detail: detail.to_owned(), reached }
    }
}

/// The entries of a job's body. An entry is known by its interface, so that another order changes nothing of whom it is
/// withheld from.
fn specs(body: &Value) -> Vec<Spec> {
    let list = body.get("deliveries").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut specs: Vec<Spec> = Vec::new();
    for (place, item) in list.iter().enumerate() {
        let Some(delivery) = item.get("delivery").and_then(Value::as_str) else { continue };
        let before = specs.iter().filter(|spec| spec.delivery == delivery).count();
        let entry = if before == 0 { delivery.to_owned() } else { format!("{delivery}-{}", before + 1) };
        let formats = item.get("formats").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let mut formats: Vec<Format> = formats.iter().filter_map(|name| Format::of(name.as_str()?)).collect();
        if formats.is_empty() {
            formats.push(Format::Pdf);
        }
        let place = i64::try_from(place).unwrap_or(i64::MAX);
        let recipients = recipients(item.get("recipients"));
        specs.push(Spec { entry, delivery: delivery.to_owned(), place, recipients, formats });
    }
    specs
}

/// Recipients as deliveries read them: an address alone is one person's.
fn recipients(given: Option<&Value>) -> Value {
    let list = given.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let each = list.iter().map(|item| match item {
        Value::String(address) => json!({ "address": address, "individual": true }),
        item => {
            let individual = item.get("individual").and_then(Value::as_bool).unwrap_or(true);
            json!({ "address": item.get("address"), "individual": individual })
        }
    });
    each.collect()
}

/// Hands a report over, delivery by delivery.
struct Handing<'a> {
    app: &'a Arc<App>,
    ctx: &'a Ctx,
    me: &'a str,
    run: &'a Stored,
    job: &'a Opened,
    report: Arc<Report>,
    /// The report, while it is not written down.
    made: Option<String>,
}

impl Handing<'_> {
    async fn all(&mut self) -> Result<Option<Finish>> {
        let specs = specs(&self.job.body);
        let earlier = store::entries(&self.app.db, &self.run.id).await?;
        let (mut ended, mut again, mut later): (Vec<Entry>, bool, Option<Micros>) = (Vec::new(), false, None);
        // One that asks to be left alone does not keep the others waiting.
        let mut soon = false;
        let mut unwritten: Vec<Entry> = Vec::new();
        for spec in &specs {
            let before = earlier.iter().find(|entry| entry.entry == spec.entry);
            if let Some(done) = before.filter(|entry| matches!(entry.state.as_str(), "delivered" | "withheld")) {
                ended.push(done.clone());
                continue;
            }
            let reached = before.map(|entry| entry.reached.clone()).unwrap_or_default();
            let opened =
                match resources::opened(self.ctx, &spec.delivery, BuiltIn::Delivery, Some(self.job.space)).await {
                    Ok(opened) if !opened.archived => opened,
                    Ok(_) | Err(Error::NotFound) => {
                        let why = HIDDEN;
                        let entry = spec.entry("failed", why, reached);
                        (again, soon) = (true, true);
                        unwritten.push(entry.clone());
                        ended.push(entry);
                        continue;
                    }
                    Err(error) => return Err(error),
                };
            let parcel = match self.parcel(spec, &opened, reached.clone()).await {
                Ok(parcel) => parcel,
                Err(error) => {
                    let entry = spec.entry("failed", &said("the report could not be written", &error), reached);
                    (again, soon) = (true, true);
                    unwritten.push(entry.clone());
                    ended.push(entry);
                    continue;
                }
            };
            // It is begun before anything leaves. What a stopped server had begun is done again, under the same id.
            unwritten.push(spec.entry(BEGUN, "", reached.clone()));
            if !keep(self.app, self.me, self.run, self.made.take(), std::mem::take(&mut unwritten)).await? {
                return Ok(None);
            }
            let outcome = deliveries::deliver(self.app, &opened.body, &parcel).await;
            self.app.figures.delivered(outcome.state);
            if outcome.state == "failed" && outcome.again {
                again = true;
                soon |= outcome.later.is_none();
                later = later.max(outcome.later);
            }
            let entry = done(spec, outcome, reached);
            unwritten.push(entry.clone());
            ended.push(entry);
            // The last one is written down with the end of the attempt, the others at once.
            if ended.len() < specs.len()
                && !keep(self.app, self.me, self.run, None, std::mem::take(&mut unwritten)).await?
            {
                return Ok(None);
            }
        }
        let (state, detail) = verdict(&ended);
        let got = ended.iter().any(|entry| entry.state == "delivered" || !entry.reached.is_empty());
        let handed = matches!(state, State::Succeeded | State::PartlyDelivered);
        let found = handed.then(|| self.report.state.clone());
        let reached = got || (handed && ended.is_empty());
        let (entries, report, later) = (unwritten, self.made.take(), later.filter(|_| !soon));
        Ok(Some(Finish { state, detail, again, later, pause: None, entries, report, found, reached }))
    }

    /// What is handed over by one entry.
    async fn parcel(&self, spec: &Spec, opened: &Opened, reached: Vec<String>) -> Result<Parcel> {
        let letter = opened.body.get("type").and_then(Value::as_str) == Some("smtp");
        // What a letter says is written last.
        let formats = spec.formats.iter().copied().chain(letter.then_some(Format::Html)).collect();
        let pen = reports::pen(self.app).await?;
        let mut written = reports::written(pen, Arc::clone(&self.report), formats).await?;
        let html = written.split_off(spec.formats.len()).pop();
        let slug = text::slug(&self.job.row.name);
        let slug = if slug.is_empty() { "report" } else { slug.as_str() };
        let date = clock::to_text(self.run.due_at);
        let date = date.get(..10).unwrap_or_default();
        let attached = |(format, bytes): (Format, Vec<u8>)| Attached {
            name: format!("{slug}-{date}.{}", format.name()),
            media_type: format.media_type(),
            bytes: Arc::new(bytes),
        };
        Ok(Parcel {
            id: format!("{}-{}", self.run.id, spec.entry),
            job: self.job.row.id.clone(),
            entry: spec.delivery.clone(),
            title: self.report.title.chars().map(|c| if c.is_control() { ' ' } else { c }).collect(),
            text: self.report.words(WORDS),
            html: html.map(|html| String::from_utf8_lossy(&html).into_owned()),
            files: spec.formats.iter().copied().zip(written).map(attached).collect(),
            recipients: spec.recipients.clone(),
            reached,
        })
    }
}

/// How a delivery stands after it was done.
fn done(spec: &Spec, outcome: Outcome, mut reached: Vec<String>) -> Entry {
    for recipient in outcome.reached {
        if !reached.contains(&recipient) {
            reached.push(recipient);
        }
    }
    spec.entry(outcome.state, &outcome.detail, reached)
}

/// What the deliveries of a run come to.
fn verdict(ended: &[Entry]) -> (State, String) {
    let failed: Vec<&Entry> = ended.iter().filter(|entry| entry.state == "failed").collect();
    let Some(first) = failed.first() else {
        let words = match ended.len() {
            0 => "the report was made".to_owned(),
            1 => "the report was made and handed over".to_owned(),
            number => format!("the report was made and handed over {number} times"),
        };
        return (State::Succeeded, words);
    };
    let why = &first.detail;
    if ended.iter().any(|entry| entry.state == "delivered" || !entry.reached.is_empty()) {
        let (failed, all) = (failed.len(), ended.len());
        return (State::PartlyDelivered, format!("of {all} deliveries {failed} did not reach everybody: {why}"));
    }
    (State::Failed, format!("the report reached nobody: {why}"))
}

/// Writes down what came about, if the run is still this server's.
async fn keep(app: &Arc<App>, me: &str, run: &Stored, report: Option<String>, entries: Vec<Entry>) -> Result<bool> {
    let (me, run) = (me.to_owned(), run.id.clone());
    write(&Ctx::system(Arc::clone(app)), "job.deliver", async move |w: &mut Write<'_>| {
        let permit = w.system()?;
        if !store::held(w.tx(), &run, &me).await? {
            return Ok(false);
        }
        if let Some(report) = &report {
            store::keep_report(w.tx(), &permit, &run, report).await?;
        }
        for entry in &entries {
            keep_entry(w, &run, entry).await?;
        }
        Ok(true)
    })
    .await
}

async fn keep_entry(w: &mut Write<'_>, run: &str, entry: &Entry) -> Result<()> {
    let permit = w.system()?;
    store::keep_entry(w.tx(), &permit, run, entry).await?;
    match entry.state.as_str() {
        "delivered" => super::note_lately(w, &permit, &entry.delivery, State::Succeeded, None).await,
        // Who may not see an interface does not colour it.
        "failed" if entry.detail == HIDDEN => Ok(()),
        "failed" => super::note_lately(w, &permit, &entry.delivery, State::Failed, Some(&entry.detail)).await,
        _ => Ok(()),
    }
}

/// Ends an attempt: the run with it, unless there is to be another.
///
/// # Errors
/// When the store fails.
pub(super) async fn finish(app: &Arc<App>, me: &str, run: &Stored, finish: Finish) -> Result<()> {
    let (me, run) = (me.to_owned(), run.clone());
    let state = finish.state;
    let over = write(&Ctx::system(Arc::clone(app)), "job.finish", async move |w: &mut Write<'_>| {
        let permit = w.system()?;
        if !store::held(w.tx(), &run.id, &me).await? {
            return Ok(false);
        }
        let job = store::job(w.tx(), &run.job).await?.ok_or(Error::NotFound)?;
        let body: Value = serde_json::from_str(&job.body).unwrap_or_default();
        if let Some(report) = &finish.report {
            store::keep_report(w.tx(), &permit, &run.id, report).await?;
        }
        for entry in &finish.entries {
            keep_entry(w, &run.id, entry).await?;
        }
        let now = w.now;
        let ended = next(&run, &finish, &body, now);
        store::end(w.tx(), &permit, &run, &ended, now).await?;
        if let Some(why) = &finish.pause {
            store::pause(w.tx(), &permit, &run.job, Some((why, now)), None).await?;
        }
        if let Some(found) = &finish.found {
            store::keep_found(w.tx(), &permit, &run.job, &found.to_string()).await?;
        }
        if finish.reached {
            store::keep_delivered(w.tx(), &permit, &run.job, now).await?;
        }
        let over = ended.next_attempt_at.is_none();
        store::forget_reports(w.tx(), &permit, &run.job, REPORTS).await?;
        if over {
            conclude(w, &run, &job, &finish).await?;
        }
        Ok(over)
    })
    .await?;
    if over {
        app.figures.job_run(state.name());
    }
    Ok(())
}

/// What comes after an attempt.
fn next(run: &Stored, finish: &Finish, body: &Value, now: Micros) -> Ended {
    let tried = matches!(finish.state, State::Failed | State::PartlyDelivered);
    let failures = run.failures + i64::from(tried);
    let failed_at = run.failed_at.or_else(|| tried.then_some(now));
    let retries = body.get("retries").and_then(Value::as_i64).unwrap_or(kept::RETRIES);
    let rung = usize::try_from(failures - 1).ok().and_then(|rung| LADDER.get(rung));
    let (next_attempt_at, failed_at) = match (rung, failed_at) {
        (Some(rung), Some(first)) if tried && finish.again && failures <= retries => {
            // Where it waits longer, the rest of the ladder moves along.
            let first = finish.later.map_or(first, |later| first.max(later - rung));
            (Some((first + rung).max(now)), Some(first))
        }
        (_, failed_at) => (None, failed_at),
    };
    Ended { state: finish.state, detail: finish.detail.clone(), next_attempt_at, failures, failed_at }
}

/// A run is over: monitoring is told, and it is on record with the job as the one that acted.
async fn conclude(w: &mut Write<'_>, run: &Stored, job: &kept::Job, finish: &Finish) -> Result<()> {
    let permit = w.system()?;
    if matches!(finish.state, State::Succeeded | State::PartlyDelivered | State::Failed) || finish.pause.is_some() {
        let state = if finish.pause.is_some() { State::Failed } else { finish.state };
        let error = (state != State::Succeeded).then_some(finish.detail.as_str());
        super::note_lately(w, &permit, &run.job, state, error).await?;
    }
    let space = w.dir().world.class(job.class).map(|class| class.space);
    w.acts_for(&permit, &run.job);
    let after = json!({ "run": run.id, "state": finish.state.name(), "attempts": run.attempts });
    let record = Record { space, target_type: "job", target_id: run.job.clone(), before: Value::Null, after };
    w.record(record).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_known_by_its_interface() {
        let body = json!({"deliveries": [{"delivery": "a"}, {"delivery": "b", "formats": ["csv", "json"]}, {"delivery": "a",
            "recipients": ["x@y.example", {"address": "z@y.example", "individual": false}]}]});
        let specs = specs(&body);
        let entries: Vec<&str> = specs.iter().map(|spec| spec.entry.as_str()).collect();
        assert_eq!(entries, ["a", "b", "a-2"]);
        assert_eq!((specs[0].formats.as_slice(), specs[1].formats.len()), (&[Format::Pdf][..], 2));
        assert_eq!(
            specs[2].recipients,
            json!([{"address": "x@y.example", "individual": true},
            {"address": "z@y.example", "individual": false}])
        );
    }

    #[test]
    fn a_run_is_tried_again_on_the_ladder() {
        let minute = 60 * 1_000_000;
        let mut run = Stored::new("r".to_owned(), "j", true, 0);
        let failed = |again| Finish::failed("no", again);
        let (mut at, mut times) = (1_000, Vec::new());
        for _ in 0..5 {
            let ended = next(&run, &failed(true), &json!({}), at);
            (run.failures, run.failed_at) = (ended.failures, ended.failed_at);
            let Some(next) = ended.next_attempt_at else { break };
            times.push((next - 1_000) / minute);
            at = next;
        }
        assert_eq!(times, [5, 15, 30], "three by default, counted from the first failure");
        let fresh = Stored::new("r".to_owned(), "j", true, 0);
        assert!(next(&fresh, &failed(false), &json!({}), 1).next_attempt_at.is_none(), "where no other attempt helps");
        assert!(next(&fresh, &failed(true), &json!({"retries": 0}), 1).next_attempt_at.is_none());
        assert!(next(&fresh, &Finish::skipped("x"), &json!({}), 1).next_attempt_at.is_none());
        // Who asks to be left alone is not asked before.
        let later = |later| Finish { later: Some(later), ..failed(true) };
        assert_eq!(next(&fresh, &later(60 * minute), &json!({}), 1).next_attempt_at, Some(60 * minute));
        assert_eq!(next(&fresh, &later(minute), &json!({}), 1).next_attempt_at, Some(5 * minute + 1));
        let mut asked = fresh.clone();
        let ended = next(&asked, &later(60 * minute), &json!({}), 1);
        (asked.failures, asked.failed_at) = (ended.failures, ended.failed_at);
        let ended = next(&asked, &failed(true), &json!({}), 60 * minute);
        assert_eq!(ended.next_attempt_at, Some(70 * minute), "the next rung is as far away as ever");
    }

    #[test]
    fn some_are_not_all() {
        let entry = |state: &str, reached: &[&str]| Entry {
            entry: "a".to_owned(),
            delivery: "a".to_owned(),
            place: 0,
            state: state.to_owned(),
            detail: "why".to_owned(),
            reached: reached.iter().map(|to| (*to).to_owned()).collect(),
        };
        assert_eq!(verdict(&[]).0, State::Succeeded);
        assert_eq!(verdict(&[entry("delivered", &[""]), entry("withheld", &[])]).0, State::Succeeded);
        assert_eq!(verdict(&[entry("delivered", &[""]), entry("failed", &[])]).0, State::PartlyDelivered);
        assert_eq!(verdict(&[entry("failed", &["a@b"])]).0, State::PartlyDelivered);
        assert_eq!(verdict(&[entry("failed", &[])]).0, State::Failed);
    }
}
