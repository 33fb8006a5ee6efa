//! Backups that the running server makes by itself, on a schedule, into a folder.
//!
//! The one that is due next is a row of the store, so that each is begun once and one that was missed is known. The row
//! is taken in one transaction before anything is made; a server that ends meanwhile leaves it begun, and the next one
//! says that it failed. Older files go only after a good new one is there.

use super::{Header, Result, make, refused, store, trouble};
use crate::access::{App, Config, Ctx, Permit, Record, Write, write};
use crate::base::clock;
use crate::base::error;
use crate::base::ids;
use crate::base::schedule::Schedule;
use garth_core::Micros;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The most files that are kept.
pub const KEEP_MAX: usize = 1_000;
/// How late one may begin; a later one was missed, and is not made up for.
const LATE: Micros = 5 * 60 * 1_000_000;
/// Backups that are remembered, with or without their files.
const HISTORY: usize = 1_000;
/// Backups that monitoring is told of.
const LATELY: usize = 20;
/// How often the server looks whether one is due.
const LOOK: Duration = Duration::from_secs(15);
/// What each file's name begins with.
const PREFIX: &str = "garth-scheduled-";

/// What is to be backed up when, and where to.
#[derive(Clone)]
pub struct Plan {
    /// How the installation is set up.
    pub config: Config,
    /// The folder of the files.
    pub folder: PathBuf,
    /// When.
    pub schedule: Schedule,
    /// How many files are kept.
    pub keep: usize,
    /// What they are sealed under.
    pub passphrase: Option<String>,
}

/// A backup that was made, is being made, or was to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Its id.
    pub id: String,
    /// When it was due.
    pub due_at: Micros,
    /// `planned`, `running`, `succeeded`, `failed` or `skipped`.
    pub state: String,
    /// The schedule that it came by, in plain words.
    pub schedule: String,
    /// When it was begun.
    pub started_at: Option<Micros>,
    /// When it ended.
    pub finished_at: Option<Micros>,
    /// The name of its file, as long as that is kept.
    pub file: Option<String>,
    /// How large that is.
    pub size_bytes: Option<i64>,
    /// Rows in it.
    pub rows: Option<i64>,
    /// What went wrong, as a sentence; empty where nothing did.
    pub error: String,
}

/// What monitoring knows of them.
#[derive(Clone, Debug, Default)]
pub struct Scheduled {
    /// The one that is due next; `None` where the server makes none.
    pub next: Option<Made>,
    /// Those before, the latest first.
    pub last: Vec<Made>,
}

/// Which backup is due next, and what became of the last ones. For monitoring, which decides who sees what of it.
///
/// # Errors
/// When the store fails.
pub async fn lately(app: &Arc<App>) -> error::Result<Scheduled> {
    let mut last = store::latest(&app.db, LATELY).await?;
    let next = last.iter().position(|made| made.state == "planned").map(|at| last.remove(at));
    last.retain(|made| made.state != "planned");
    Ok(Scheduled { next, last })
}

/// Begins: what an earlier server left is settled, and the next one is planned. One that was due while no server ran is
/// missed, unless that was only a moment ago: then it is made. Without a plan, none is due any more.
///
/// # Errors
/// When the store fails.
pub async fn begin(app: &Arc<App>, plan: Option<&Plan>) -> Result<()> {
    if let Some(plan) = plan {
        clear(&plan.folder, "");
        plan.config.data_dir.iter().for_each(|folder| clear(folder, super::WORKING));
    }
    let schedule = plan.map(|plan| plan.schedule.clone());
    write(&system(app), "backup.plan", async move |w: &mut Write<'_>| {
        let (permit, now) = (w.system()?, w.now);
        let left = "the server ended while it was made";
        store::settle_running(w.tx(), &permit, now, left).await?;
        let missed = if schedule.is_some() { now - LATE } else { now };
        store::skip_planned(w.tx(), &permit, now, missed, "no server ran when it was due").await?;
        match &schedule {
            Some(schedule) => plan_next(w, &permit, schedule).await,
            None => Ok(()),
        }
    })
    .await?;
    Ok(())
}

/// Plans the next one. After the clock was put back, there may be files for times that come once more: these stay, and
/// the next time without one is taken.
async fn plan_next(w: &mut Write<'_>, permit: &Permit, schedule: &Schedule) -> error::Result<()> {
    let (now, words) = (w.now, schedule.words());
    let mut after = now;
    while let Some(due) = schedule.next_after(after) {
        if store::plan(w.tx(), permit, &ids::new_id(now).to_string(), due, &words).await? {
            break;
        }
        after = due;
    }
    Ok(())
}

/// Makes the backup that is due, if one is; says whether one was.
///
/// # Errors
/// When the store fails. A backup that fails is on record, and no error.
pub async fn work_once(app: &Arc<App>, plan: &Plan) -> Result<bool> {
    let now = app.clock.now();
    let due = store::due(&app.db, now).await?;
    let Some(due) = due else { return Ok(false) };
    let (id, at, schedule) = (due.id.clone(), due.due_at, plan.schedule.clone());
    let taken = write(&system(app), "backup.begin", async move |w: &mut Write<'_>| {
        let (permit, now) = (w.system()?, w.now);
        let late = now - at > LATE;
        let taken = match late {
            true => {
                let why = "it was due more than five minutes before";
                store::skip_planned(w.tx(), &permit, now, now - LATE, why).await?;
                false
            }
            false => store::take(w.tx(), &permit, &id, now).await?,
        };
        plan_next(w, &permit, &schedule).await?;
        Ok(taken)
    })
    .await?;
    if taken {
        let ended = made(plan, due.due_at).await;
        end(app, plan, &due, ended).await?;
    }
    Ok(taken)
}

/// Makes backups as they come due, for as long as the server runs.
pub async fn work(app: Arc<App>, plan: Plan) {
    let mut every = tokio::time::interval(LOOK);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        if let Err(e) = work_once(&app, &plan).await {
            tracing::warn!(error = %e, "the schedule of backups could not be read; it is tried again");
        }
    }
}

/// Copying, hashing and sealing keep a processor busy: that is not done where requests are answered.
async fn made(plan: &Plan, due: Micros) -> std::result::Result<(String, Header, u64), String> {
    let name = name(due);
    let (plan, file) = (plan.clone(), plan.folder.join(&name));
    let run = tokio::runtime::Handle::current();
    let made = tokio::task::spawn_blocking(move || {
        let made = run.block_on(make(&plan.config, &file, plan.passphrase.as_deref(), &mut |_, _, _| {}));
        made.map(|header| (header, std::fs::metadata(&file).map_or(0, |found| found.len())))
    });
    match made.await {
        Ok(Ok((header, size))) => Ok((name, header, size)),
        Ok(Err(why)) => Err(why.to_string()),
        Err(_) => Err("The backup was broken off.".to_owned()),
    }
}

/// `garth-scheduled-2031-05-04T08-00-00Z.backup`
fn name(due: Micros) -> String {
    let text = clock::to_text(due);
    let second = text.split('.').next().unwrap_or_default().replace(':', "-");
    format!("{PREFIX}{second}Z.backup")
}

/// Puts on record what became of one, and lets files go that are too many by now.
async fn end(
    app: &Arc<App>,
    plan: &Plan,
    due: &Made,
    ended: std::result::Result<(String, Header, u64), String>,
) -> Result<()> {
    let (file, size, rows, error) = match ended {
        Ok((name, header, size)) => (Some(name), Some(size), Some(header.all_rows()), String::new()),
        Err(why) => (None, None, None, why),
    };
    let good = file.is_some();
    match good {
        true => tracing::info!(file = file.as_deref(), bytes = size, "a scheduled backup was made"),
        false => tracing::error!(%error, "a scheduled backup failed"),
    }
    let count = |number: Option<u64>| number.map(|number| i64::try_from(number).unwrap_or(i64::MAX));
    let ended = Made {
        state: if good { "succeeded" } else { "failed" }.to_owned(),
        file,
        size_bytes: count(size),
        rows: count(rows),
        error,
        ..due.clone()
    };
    write(&system(app), "backup.make", async move |w: &mut Write<'_>| {
        let (permit, now) = (w.system()?, w.now);
        store::end(w.tx(), &permit, &ended, now).await?;
        store::forget_beyond(w.tx(), &permit, HISTORY).await?;
        let after = json!({
            "backup": ended.id, "state": ended.state, "due_at": clock::to_text(ended.due_at), "file": ended.file,
            "size_bytes": ended.size_bytes, "rows": ended.rows, "error": ended.error,
        });
        let target_id = String::new();
        w.record(Record { space: None, target_type: "installation", target_id, before: Value::Null, after }).await
    })
    .await?;
    if good { prune(app, plan).await } else { Ok(()) }
}

/// Takes the files away that are more than are kept, the oldest first. One that cannot be removed is tried again.
async fn prune(app: &Arc<App>, plan: &Plan) -> Result<()> {
    let kept = store::with_files(&app.db).await?;
    let mut gone = Vec::new();
    for made in kept.iter().skip(plan.keep.max(1)) {
        // The name is one of ours, whatever the row says.
        let file = plan.folder.join(name(made.due_at));
        match std::fs::remove_file(&file) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(error = %e, file = %file.display(), "an old backup could not be removed");
            }
            _ => gone.push(made.id.clone()),
        }
    }
    if gone.is_empty() {
        return Ok(());
    }
    write(&system(app), "backup.prune", async move |w: &mut Write<'_>| {
        let permit = w.system()?;
        store::without_files(w.tx(), &permit, &gone).await?;
        Ok(())
    })
    .await?;
    Ok(())
}

fn system(app: &Arc<App>) -> Ctx {
    Ctx::system(Arc::clone(app))
}

/// Requires a folder that this server can write to: found out before it starts, and not in the night.
///
/// # Errors
/// When there is no such folder, or it cannot be written to.
pub fn expect_folder(folder: &Path) -> Result<()> {
    if !folder.is_dir() {
        return Err(refused(format!("There is no folder {} for backups.", folder.display())));
    }
    let probe = folder.join(format!("{PREFIX}{}.partial", ids::new_token("")));
    std::fs::write(&probe, "").and_then(|()| std::fs::remove_file(&probe)).map_err(|e| trouble(folder, &e))
}

/// Removes what a server left that ended while it made a scheduled backup.
fn clear(folder: &Path, before: &str) {
    let ours = |name: &str| {
        name.strip_prefix(before).is_some_and(|name| name.starts_with(PREFIX)) && name.ends_with(".partial")
    };
    let Ok(found) = std::fs::read_dir(folder) else { return };
    for entry in found.filter_map(std::result::Result::ok) {
        if entry.file_name().to_str().is_some_and(ours) {
            // What cannot be removed now is removed at the next start.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}
