//! What is due: which jobs there are and when, and a run for each time that has come.

use super::kept::{self, Stored, Timing};
use super::{State, store};
use crate::access::{App, Ctx, Permit, Write, archived, write};
use crate::base::error::Result;
use crate::base::{clock, ids};
use crate::directory::BuiltIn;
use garth_core::Micros;
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// How late a firing may be, in microseconds: what was due longer ago is recorded and not run.
pub const LATE: Micros = 5 * 60 * 1_000_000;
/// Jobs that are looked at in one change.
const AT_ONCE: i64 = 500;
/// Most missed firings of a job that are counted.
const MISSED: usize = 1_000;

/// When it was looked last whether jobs changed.
#[derive(Default)]
struct Looked(Mutex<Option<Instant>>);

/// Reads what changed of jobs since it was looked last.
///
/// # Errors
/// When the store fails.
pub(super) async fn read_changed(app: &Arc<App>) -> Result<()> {
    let looked = app.memory.of::<Looked>();
    let last = *looked.0.lock().unwrap_or_else(PoisonError::into_inner);
    // Nothing was written since: nothing changed.
    if last.is_some_and(|last| app.since_change().is_some_and(|since| since > last.elapsed())) {
        return Ok(());
    }
    let started = clock::monotonic();
    while BuiltIn::Job.kind(&app.directory()).is_some() {
        let changed = store::changed(&app.db, BuiltIn::Job.id(), AT_ONCE).await?;
        if changed.is_empty() {
            break;
        }
        write(&Ctx::system(Arc::clone(app)), "job.schedule", async move |w: &mut Write<'_>| {
            let permit = w.system()?;
            for id in &changed {
                read(w, &permit, id).await?;
            }
            Ok(())
        })
        .await?;
    }
    *looked.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(started);
    Ok(())
}

/// Keeps when a job is due, as it is now. A change of something else than its schedule moves nothing.
async fn read(w: &mut Write<'_>, permit: &Permit, id: &str) -> Result<()> {
    let Some(job) = store::job(w.tx(), id).await? else { return Ok(()) };
    if job.kept.as_ref().is_some_and(|kept| kept.version == job.version) {
        return Ok(());
    }
    let body: Value = serde_json::from_str(&job.body).unwrap_or_default();
    let timing = Timing::of(&body, job.archived);
    let text = timing.text();
    let next_at = match &job.kept {
        Some(kept) if kept.paused => None,
        Some(kept) if kept.timing == text => kept.next_at,
        // What was due by it since it was saved is not lost; what was saved long ago begins now.
        _ => timing.next_after(job.updated_at.max(w.now - LATE)),
    };
    store::keep_timing(w.tx(), permit, (id, job.version), &text, next_at, kept::keep_days(&body)).await?;
    Ok(())
}

/// Makes a run for each time that has come.
///
/// # Errors
/// When the store fails.
pub(super) async fn fire(app: &Arc<App>) -> Result<()> {
    loop {
        let due = store::due(&app.db, app.clock.now(), AT_ONCE).await?;
        if due.is_empty() {
            return Ok(());
        }
        write(&Ctx::system(Arc::clone(app)), "job.fire", async move |w: &mut Write<'_>| {
            let permit = w.system()?;
            for id in &due {
                fire_one(w, &permit, id).await?;
            }
            Ok(())
        })
        .await?;
    }
}

async fn fire_one(w: &mut Write<'_>, permit: &Permit, id: &str) -> Result<()> {
    let now = w.now;
    let Some(job) = store::job(w.tx(), id).await? else { return Ok(()) };
    let Some((kept, due)) = job.kept.as_ref().and_then(|kept| Some((kept, kept.next_at.filter(|due| *due <= now)?)))
    else {
        return Ok(());
    };
    let timing = Timing::kept(&kept.timing);
    let space = w.dir().world.class(job.class).map(|class| class.space);
    if job.archived || space.is_none_or(|space| archived(&w.dir().world, space)) {
        // An archived space has no schedule; it goes on when it is active again.
        store::keep_next(w.tx(), permit, id, timing.next_after(now)).await?;
        return Ok(());
    }
    let (mut at, mut missed, mut last) = (Some(due), 0, due);
    while let Some(time) = at.filter(|time| *time < now - LATE) {
        (missed, last) = (missed + 1, time);
        at = if missed < MISSED { timing.next_after(time) } else { timing.next_after(now - LATE - 1) };
    }
    if missed > 0 {
        let run = Stored::new(ids::new_id(now).to_string(), id, true, due).skipped(&missed_words(missed, last), now);
        if store::insert(w.tx(), permit, &run).await? {
            super::note_lately(w, permit, id, State::Skipped, None).await?;
        }
    }
    while let Some(time) = at.filter(|time| *time <= now) {
        let mut run = Stored::new(ids::new_id(now).to_string(), id, true, time);
        if store::under_way(w.tx(), id).await? > 0 {
            run = run.skipped("the run before it had not ended by then", now);
        }
        store::insert(w.tx(), permit, &run).await?;
        at = timing.next_after(time);
    }
    store::keep_next(w.tx(), permit, id, at).await?;
    Ok(())
}

fn missed_words(missed: usize, last: Micros) -> String {
    match missed {
        1 => "no server ran when it was due; what is missed is not run late".to_owned(),
        _ => {
            let more =
                if missed < MISSED { format!("{} more times", missed - 1) } else { "many more times".to_owned() };
            let last = clock::to_text(last);
            format!("no server ran when it was due, nor {more} until {last}; what is missed is not run late")
        }
    }
}
