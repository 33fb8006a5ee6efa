//! What the page of a job, of a delivery interface or of a provider says besides what every page of a thing says.

use super::form::REPORTS;
use super::look::{LATELY, Mark, Marks};
use super::when::Told;
use super::{DELIVERY, JOB, PROVIDER};
use crate::access::Ctx;
use crate::base::error::{Error, Result};
use crate::base::http::{Page, PageRequest};
use crate::console::frame::Frame;
use crate::console::look::{Moment, number, sentence};
use crate::console::seat::Seat;
use crate::directory::KindInfo;
use crate::jobs::{self, Run, State};
use crate::resources::{self, ResourceView};
use garth_core::{KindIx, Micros};
use serde_json::Value;
use std::collections::HashMap;

/// Runs that the page of a job tells; a page of its own has all.
const RUNS: usize = 10;
/// Jobs whose runs are looked at for the home of a space.
const LOOKED_AT: usize = 25;

/// Is that name the name of one of the kinds that came with the program, and not one that somebody made before?
pub fn built_in(ctx: &Ctx, kind: &str) -> bool {
    let dir = ctx.directory();
    let info = dir.kinds.by_name::<KindIx>(kind).and_then(|ix| dir.kinds.info(ix));
    info.is_some_and(|info| KindInfo::built_in(info).is_some())
}

/// What is to be said besides.
pub enum More {
    /// Of a job.
    Job(Box<Job>),
    /// Of what can be tried: `tries` says whether whoever looks may.
    Tried {
        tries: bool,
        told: Option<Tried>,
        bars: Vec<Budget>,
    },
    Nothing,
}

impl More {
    /// Is there something to press?
    pub fn acts(&self) -> bool {
        match self {
            Self::Job(job) => job.may_run,
            Self::Tried { tries, .. } => *tries,
            Self::Nothing => false,
        }
    }
}

/// What came of trying it.
pub struct Tried {
    pub well: bool,
    pub detail: String,
}

/// How much of a budget is used.
pub struct Budget {
    pub name: &'static str,
    pub told: String,
    pub used: i64,
    pub limit: Option<i64>,
    pub state: &'static str,
}

impl Budget {
    /// Of what is used and what may be.
    pub fn new(name: &'static str, used: i64, limit: Option<i64>) -> Self {
        let told = match limit {
            Some(limit) => format!("{} of {}", number(used), number(limit)),
            None => format!("{}, unlimited", number(used)),
        };
        let state = match limit {
            Some(limit) if used >= limit => "full",
            // From four fifths on.
            Some(limit) if used.saturating_mul(5) >= limit.saturating_mul(4) => "near",
            _ => "",
        };
        Self { name, told, used, limit: limit.map(|limit| limit.max(1)), state }
    }
}

/// A job.
pub struct Job {
    pub enabled: bool,
    /// Why a budget paused it, and when.
    pub paused: Option<(String, Moment)>,
    pub next: Option<Moment>,
    pub marks: Marks,
    pub runs: Vec<Ran>,
    /// Where all of them are.
    pub all: Option<String>,
    pub may_run: bool,
    pub may_switch: bool,
}

/// A run.
pub struct Ran {
    pub id: String,
    pub mark: Mark,
    pub trigger: &'static str,
    pub at: Moment,
    pub took: String,
    /// One sentence on how it ended.
    pub detail: String,
    pub next: Option<Moment>,
    pub attempts: Vec<Tries>,
    pub deliveries: Vec<Handed>,
    pub formats: Vec<&'static str>,
    /// How many of the deliveries did, in words.
    pub reached: String,
}

/// An attempt.
pub struct Tries {
    pub number: u32,
    pub mark: Mark,
    pub at: Moment,
    pub took: String,
    pub detail: String,
}

/// What became of a delivery.
pub struct Handed {
    pub name: String,
    pub href: Option<String>,
    pub tone: &'static str,
    pub word: &'static str,
    pub detail: String,
}

/// A sentence, where something is said.
fn said(detail: &str) -> String {
    if detail.is_empty() { String::new() } else { sentence(detail) }
}

fn took(from: Option<Micros>, to: Option<Micros>) -> String {
    let (Some(from), Some(to)) = (from, to) else { return String::new() };
    let millis = (to - from).max(0) / 1_000;
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!("{}.{} s", millis / 1_000, millis % 1_000 / 100),
        _ => format!("{} min {} s", millis / 60_000, millis % 60_000 / 1_000),
    }
}

/// The names of what a run delivered by, as far as the reader sees it.
#[derive(Default)]
pub struct Names(HashMap<String, Option<(String, String)>>);

impl Names {
    async fn of(&mut self, ctx: &Ctx, frame: &Frame, id: &str) -> Result<Option<(String, String)>> {
        if let Some(known) = self.0.get(id) {
            return Ok(known.clone());
        }
        let found = match resources::get(ctx, id).await {
            Ok(view) => {
                let home = view.space.unwrap_or(frame.space.id);
                Some((view.row.name, format!("/s/{home}/resources/{}", view.row.code)))
            }
            Err(Error::NotFound) => None,
            Err(error) => return Err(error),
        };
        self.0.insert(id.to_owned(), found.clone());
        Ok(found)
    }
}

/// A run as it is shown.
pub async fn ran(ctx: &Ctx, frame: &Frame, names: &mut Names, run: Run) -> Result<Ran> {
    let now = ctx.now();
    let mut deliveries = Vec::new();
    for handed in run.deliveries {
        let (tone, word) = match handed.state {
            "delivered" => ("good", "delivered"),
            "withheld" => ("none", "withheld"),
            _ => ("bad", "failed"),
        };
        let named = names.of(ctx, frame, &handed.delivery).await?;
        let (name, href) = match named {
            Some((name, href)) => (name, Some(href)),
            None => ("an interface that is gone, or not yours to see".to_owned(), None),
        };
        deliveries.push(Handed { name, href, tone, word, detail: said(&handed.detail) });
    }
    let tries = |attempt: jobs::Attempt| Tries {
        number: attempt.number,
        mark: Mark::of(attempt.state),
        at: Moment::new(attempt.started_at, now),
        took: took(Some(attempt.started_at), attempt.finished_at),
        detail: said(&attempt.detail),
    };
    let well = deliveries.iter().filter(|handed| handed.word == "delivered").count();
    Ok(Ran {
        mark: Mark::of(run.state),
        trigger: if run.trigger == "manual" { "run by hand" } else { "by the schedule" },
        at: Moment::new(run.created_at, now),
        took: took(run.started_at, run.finished_at),
        detail: said(&run.detail),
        next: run.next_attempt_at.map(|at| Moment::new(at, now)),
        attempts: run.attempts.into_iter().map(tries).collect(),
        reached: if deliveries.is_empty() {
            String::new()
        } else {
            format!("{well} of {} delivered", deliveries.len())
        },
        deliveries,
        formats: run.formats,
        id: run.id,
    })
}

/// The runs of a job, as they are shown.
pub async fn shown(ctx: &Ctx, frame: &Frame, page: Page<Run>) -> Result<Page<Ran>> {
    let mut names = Names::default();
    let mut items = Vec::with_capacity(page.items.len());
    for run in page.items {
        items.push(ran(ctx, frame, &mut names, run).await?);
    }
    Ok(Page { items, next: page.next })
}

/// What is to be said of a thing besides.
pub async fn more(seat: &Seat, frame: &Frame, view: &ResourceView, tried: Option<Tried>) -> Result<More> {
    if !built_in(&seat.ctx, &view.kind) {
        return Ok(More::Nothing);
    }
    let open = !frame.space.archived && !view.row.archived;
    match view.kind.as_str() {
        JOB => Ok(More::Job(Box::new(job(seat, frame, view, open).await?))),
        DELIVERY => Ok(More::Tried { tries: open && frame.may("delivery:test"), told: tried, bars: Vec::new() }),
        PROVIDER => {
            let bars = super::act::budgets(seat, view).await?;
            Ok(More::Tried { tries: open && frame.may("ai_provider:test"), told: tried, bars })
        }
        _ => Ok(More::Nothing),
    }
}

async fn job(seat: &Seat, frame: &Frame, view: &ResourceView, open: bool) -> Result<Job> {
    let ctx = &seat.ctx;
    let found = jobs::runs(ctx, &view.row.id, &PageRequest { limit: RUNS, cursor: None }).await?;
    let states: Vec<State> = found.items.iter().map(|run| run.state).collect();
    let status = jobs::status(ctx, &view.row.id).await?;
    let page = shown(ctx, frame, found).await?;
    Ok(Job {
        enabled: status.enabled,
        paused: status.paused.map(|(why, at)| (sentence(&why), Moment::new(at, ctx.now()))),
        next: status.next.first().map(|at| Moment::new(*at, ctx.now())),
        marks: Marks::of(&states),
        all: page.next.is_some().then(|| frame.at(&format!("/resources/{}/runs", view.row.code))),
        runs: page.items,
        may_run: open && frame.may("job:run"),
        may_switch: open && resources::editable(ctx, view)?,
    })
}

/// What a list says beside a job.
pub struct Lately {
    pub marks: Marks,
    pub next: Option<Moment>,
    pub off: bool,
    pub may_switch: bool,
}

/// The same of a job in a list.
pub async fn lately(ctx: &Ctx, view: &ResourceView) -> Result<Option<Lately>> {
    let off = view.body["enabled"] == false;
    let Some(marks) = marks(ctx, view).await? else { return Ok(None) };
    let Some(next) = still(if off { Ok(None) } else { jobs::next_due(ctx, &view.row.id).await })? else {
        return Ok(None);
    };
    let may_switch = !view.row.archived && resources::editable(ctx, view)?;
    Ok(Some(Lately { marks, next: next.map(|at| Moment::new(at, ctx.now())), off, may_switch }))
}

/// The marks of its last runs.
async fn marks(ctx: &Ctx, view: &ResourceView) -> Result<Option<Marks>> {
    let few = PageRequest { limit: LATELY, cursor: None };
    let Some(runs) = still(jobs::runs(ctx, &view.row.id, &few).await)? else { return Ok(None) };
    let states: Vec<State> = runs.items.iter().map(|run| run.state).collect();
    Ok(Some(Marks::of(&states)))
}

/// Nothing of what went while the page was made.
fn still<T>(found: Result<T>) -> Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(Error::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// How the jobs of a space are, in one line.
pub struct Line {
    pub tone: &'static str,
    pub icon: &'static str,
    pub text: String,
    pub href: String,
}

/// That line; of the jobs that were changed last, as far as the reader sees them.
pub async fn line(seat: &Seat, frame: &Frame) -> Result<Option<Line>> {
    let ctx = &seat.ctx;
    if !built_in(ctx, JOB) || frame.space.archived {
        return Ok(None);
    }
    let filter = resources::Filter {
        kinds: vec![JOB.to_owned()],
        spaces: vec![frame.space.id.to_string()],
        ..resources::Filter::default()
    };
    let found = resources::list(ctx, &filter, &PageRequest { limit: LOOKED_AT, cursor: None }).await?;
    let (mut all, mut bad, mut near) = (0_usize, Vec::new(), Vec::new());
    for view in &found.items {
        let Some(marks) = marks(ctx, view).await? else { continue };
        all += 1;
        match marks.tone {
            "bad" => bad.push(view.row.name.clone()),
            "near" => near.push(view.row.name.clone()),
            _ => {}
        }
    }
    if all == 0 {
        return Ok(None);
    }
    let (tone, icon, text) = match (bad.as_slice(), near.as_slice()) {
        ([], []) if all == 1 => ("good", "done", "The job here has not failed lately.".to_owned()),
        ([], []) => ("good", "done", format!("None of the {all} jobs here failed lately.")),
        ([], [one]) => ("near", "warning", format!("{one} failed at times.")),
        ([], some) => ("near", "warning", format!("{} of {all} jobs failed at times.", some.len())),
        ([one], _) => ("bad", "alert", format!("{one} failed each time lately.")),
        (some, _) => ("bad", "alert", format!("{} of {all} jobs failed each time lately.", some.len())),
    };
    let href = crate::console::look::address(&frame.at("/resources"), &[("kind", JOB)]);
    Ok(Some(Line { tone, icon, text, href }))
}

/// A field of a job, told in words: its title and what it says.
pub fn told(ctx: &Ctx, body: &Value) -> Vec<(&'static str, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let zone = body["time_zone"].as_str().unwrap_or("UTC");
    let mut all = Vec::new();
    let when = match body["schedule"].as_str() {
        None => "only when somebody runs it".to_owned(),
        Some(schedule) => {
            let words = Told::of(schedule, zone, ctx.now()).map(|told| told.words);
            words.map_or_else(|| format!("{schedule}, {zone}"), |words| format!("{words} ({schedule})"))
        }
    };
    all.push(("When", when));
    let report = &body["report"];
    let name = REPORTS.iter().find(|(word, _)| report["type"] == *word).map(|(_, label)| (*label).to_owned());
    all.push(("Report", name.unwrap_or_else(|| text(&report["type"]))));
    if let Some(days) = report["days"].as_i64() {
        all.push(("Days", days.to_string()));
    }
    if let Some(query) = report["query"].as_object() {
        let each = |(name, value): (&String, &Value)| match value.as_str() {
            Some(value) => format!("{name}={value}"),
            None => format!("{name}={value}"),
        };
        all.push(("It searches", query.iter().map(each).collect::<Vec<_>>().join("\n")));
    }
    if let Some(url) = report["url"].as_str() {
        all.push(("Address", url.to_owned()));
    }
    all
}

/// Whom a job's report goes to by which interface.
pub fn recipients(entry: &Value) -> String {
    let all = entry["recipients"].as_array().into_iter().flatten();
    let one = |recipient: &Value| {
        let address = recipient.as_str().or_else(|| recipient["address"].as_str())?;
        let group = recipient["individual"] == false;
        Some(if group { format!("{address} (group)") } else { address.to_owned() })
    };
    all.filter_map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn how_long_it_took_is_told_in_what_fits() {
        let second = 1_000_000;
        for (micros, is) in [(0, "0 ms"), (1_500, "1 ms"), (1_560_000, "1.5 s"), (61 * second, "1 min 1 s")] {
            assert_eq!(took(Some(0), Some(micros)), is);
        }
        assert_eq!(took(None, Some(1)), "");
    }

    #[test]
    fn recipients_are_told_with_how_they_get_it() {
        let entry = json!({"recipients": ["a@b.example", {"address": "all@b.example", "individual": false}]});
        assert_eq!(recipients(&entry), "a@b.example, all@b.example (group)");
    }

    #[test]
    fn a_budget_is_near_from_four_fifths_on() {
        let state = |used, limit| Budget::new("x", used, limit).state;
        assert_eq!(
            [state(79, Some(100)), state(80, Some(100)), state(100, Some(100)), state(5, None)],
            ["", "near", "full", ""]
        );
        assert_eq!(state(0, Some(0)), "full");
    }
}
