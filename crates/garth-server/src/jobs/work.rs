//! Doing what is due: runs are taken, a few at a time and fairly, done, and given back where a server left them.

use super::kept::Stored;
use super::running::{self, Finish};
use super::{firing, store};
use crate::access::{App, Ctx, Write, write};
use crate::base::error::Result;
use crate::base::ids;
use futures_util::future::join_all;
use garth_core::Micros;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};
use tracing::Instrument;

/// Runs at a time.
pub const AT_ONCE: usize = 4;
/// Runs of one space at a time: one place is left for the others, whatever that space has waiting.
pub const OF_A_SPACE: usize = AT_ONCE - 1;
/// The longest that an attempt may take.
pub const ATTEMPT: Duration = Duration::from_secs(10 * 60);
/// For so long a run is believed to be this server's, in microseconds: longer than any attempt.
const LEASE: Micros = 15 * 60 * 1_000_000;
/// After so many interruptions of a run, another one counts as a failure: what stops a server is not begun for ever.
const INTERRUPTIONS: i64 = 3;
/// Waiting runs that are looked at.
const LOOKED_AT: i64 = 64;
/// How often it is looked whether something is due.
const LOOK: Duration = Duration::from_secs(1);
/// How often runs that are too old go, in microseconds.
const PRUNE: Micros = 60 * 60 * 1_000_000;
/// Runs that go in one change.
const PRUNED: i64 = 500;

/// What this server does of it.
struct Worker {
    /// What it is called in leases: another at each start. One server at a time serves a database, so whatever another one
    /// had begun is left.
    me: String,
    /// The spaces of the runs that go on.
    busy: Mutex<Vec<String>>,
    pruned: Mutex<Option<Micros>>,
}

impl Default for Worker {
    fn default() -> Self {
        Self { me: ids::new_request_id(), busy: Mutex::default(), pruned: Mutex::default() }
    }
}

/// A run that this server has taken. Its space has its place back when it goes.
struct Taken {
    run: Stored,
    space: String,
    worker: Arc<Worker>,
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut busy = self.worker.busy.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = busy.iter().position(|space| *space == self.space) {
            busy.swap_remove(at);
        }
    }
}

/// Does what is due now, and returns when it is done. Stories call it; the server does so on a timer.
///
/// # Errors
/// When the store fails.
pub(super) async fn once(app: &Arc<App>) -> Result<usize> {
    let mut done = 0;
    prepare(app).await?;
    loop {
        let taken = take(app).await?;
        if taken.is_empty() {
            return Ok(done);
        }
        done += taken.len();
        join_all(taken.into_iter().map(|taken| carry_out(Arc::clone(app), taken))).await;
    }
}

/// Does what is due for as long as the server runs.
pub(super) async fn always(app: Arc<App>) {
    let mut every = interval(LOOK);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut going = JoinSet::new();
    loop {
        tokio::select! {
            _ = every.tick() => {
                if let Err(error) = prepare(&app).await {
                    tracing::warn!(%error, "it could not be looked which jobs are due; it is tried again");
                }
            }
            Some(_) = going.join_next() => {}
        }
        match take(&app).await {
            Ok(taken) => {
                for taken in taken {
                    going.spawn(carry_out(Arc::clone(&app), taken));
                }
            }
            Err(error) => tracing::warn!(%error, "runs that wait could not be taken; it is tried again"),
        }
    }
}

async fn prepare(app: &Arc<App>) -> Result<()> {
    firing::read_changed(app).await?;
    firing::fire(app).await?;
    prune(app).await
}

/// Takes runs whose time has come, as many as there are places for.
async fn take(app: &Arc<App>) -> Result<Vec<Taken>> {
    let worker = app.memory.of::<Worker>();
    let now = app.clock.now();
    give_back(app, &worker.me, now).await?;
    let busy = worker.busy.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if busy.len() >= AT_ONCE {
        return Ok(Vec::new());
    }
    let waiting = store::waiting(&app.db, now, LOOKED_AT).await?;
    let chosen = choose(&busy, waiting);
    if chosen.is_empty() {
        return Ok(Vec::new());
    }
    let me = worker.me.clone();
    let taken = write(&Ctx::system(Arc::clone(app)), "job.start", async move |w: &mut Write<'_>| {
        let (permit, now) = (w.system()?, w.now);
        let mut taken = Vec::new();
        for (run, space) in chosen {
            taken.extend(store::take(w.tx(), &permit, &run, &me, now, now + LEASE).await?.map(|run| (run, space)));
        }
        Ok(taken)
    })
    .await?;
    let mut busy = worker.busy.lock().unwrap_or_else(PoisonError::into_inner);
    busy.extend(taken.iter().map(|(_, space)| space.clone()));
    drop(busy);
    Ok(taken.into_iter().map(|(run, space)| Taken { run, space, worker: Arc::clone(&worker) }).collect())
}

/// Which of those that wait are taken: always one of the space that has the fewest going, of several the one in front.
fn choose(busy: &[String], mut waiting: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut spaces: Vec<String> = busy.to_vec();
    let mut chosen = Vec::new();
    while spaces.len() < AT_ONCE {
        let going = |space: &String| spaces.iter().filter(|other| *other == space).count();
        let next = waiting.iter().enumerate().map(|(at, (_, space))| (going(space), at));
        let Some((_, at)) = next.min().filter(|(going, _)| *going < OF_A_SPACE) else { break };
        let (run, space) = waiting.remove(at);
        spaces.push(space.clone());
        chosen.push((run, space));
    }
    chosen
}

/// Gives runs back that were left in the middle: their next attempt is due at once. What they had handed over and written
/// down is not handed over again.
async fn give_back(app: &Arc<App>, me: &str, now: Micros) -> Result<()> {
    let left = store::left(&app.db, me, now, LOOKED_AT).await?;
    if left.is_empty() {
        return Ok(());
    }
    let me = me.to_owned();
    write(&Ctx::system(Arc::clone(app)), "job.give_back", async move |w: &mut Write<'_>| {
        let (permit, now) = (w.system()?, w.now);
        for run in &left {
            let why = "the server stopped in the middle of it";
            store::give_back(w.tx(), &permit, run, (&me, now), why).await?;
        }
        Ok(())
    })
    .await
}

/// Makes an attempt, and ends it whatever comes.
async fn carry_out(app: Arc<App>, taken: Taken) {
    let run = taken.run.clone();
    let span = tracing::info_span!("job_run", run = %run.id, attempt = run.attempts);
    let told = app.spans.begin(&app.clock, "job run");
    let (me, worker_run) = (taken.worker.me.clone(), run.clone());
    let attempt = {
        let (app, me) = (Arc::clone(&app), me.clone());
        async move { running::attempt(&app, &me, &worker_run).await }.instrument(span)
    };
    let finish = if run.interruptions > INTERRUPTIONS {
        Some(Finish::failed("servers stopped in the middle of it again and again", false))
    } else {
        // A task of its own: whatever goes wrong in it ends it, and not this.
        let mut task = tokio::spawn(attempt);
        match timeout(ATTEMPT, &mut task).await {
            Ok(Ok(Ok(finish))) => finish,
            Ok(Ok(Err(error))) => {
                tracing::warn!(%error, "an attempt at a run could not be written down");
                Some(Finish::failed("the server failed, and its log says why", true))
            }
            Ok(Err(_)) => Some(Finish::failed("the server failed, and its log says why", true)),
            Err(_) => {
                task.abort();
                Some(Finish::failed("it took longer than 10 minutes and was stopped", true))
            }
        }
    };
    let Some(finish) = finish else { return };
    told.ends(finish.state.name());
    if let Err(error) = running::finish(&app, &me, &run, finish).await {
        // It is given back when its lease is over.
        tracing::warn!(%error, "the end of a run could not be written down");
    }
}

/// Takes runs away that are older than their jobs keep them, from time to time.
async fn prune(app: &Arc<App>) -> Result<()> {
    let worker = app.memory.of::<Worker>();
    let now = app.clock.now();
    {
        let mut pruned = worker.pruned.lock().unwrap_or_else(PoisonError::into_inner);
        if pruned.is_some_and(|last| now - last < PRUNE) {
            return Ok(());
        }
        *pruned = Some(now);
    }
    loop {
        let gone = write(&Ctx::system(Arc::clone(app)), "run.expire", async |w: &mut Write<'_>| {
            let (permit, now) = (w.system()?, w.now);
            Ok(store::prune(w.tx(), &permit, now, PRUNED).await?)
        })
        .await?;
        if gone == 0 {
            return Ok(());
        }
        app.leaves_remains();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_space_waits_for_all_of_another() {
        let names = |list: &[(&str, &str)]| -> Vec<(String, String)> {
            list.iter().map(|(run, space)| ((*run).to_owned(), (*space).to_owned())).collect()
        };
        let runs = |chosen: Vec<(String, String)>| chosen.into_iter().map(|(run, _)| run).collect::<Vec<_>>();
        let waiting = names(&[("a1", "a"), ("b1", "b"), ("a2", "a"), ("a3", "a"), ("a4", "a"), ("a5", "a")]);
        assert_eq!(runs(choose(&[], waiting.clone())), ["a1", "b1", "a2", "a3"]);
        let alone = names(&[("a1", "a"), ("a2", "a"), ("a3", "a"), ("a4", "a")]);
        assert_eq!(runs(choose(&[], alone)), ["a1", "a2", "a3"], "one place is left for the others");
        let busy = ["a".to_owned(), "a".to_owned(), "a".to_owned()];
        assert_eq!(runs(choose(&busy, waiting)), ["b1"]);
    }
}
