//! SQL of jobs: what the scheduler keeps of them, their runs, attempts and deliveries.

use super::kept::{Ended, Entry, Job, Kept, Standing, Stored};
use crate::access::Permit;
use crate::base::db::{Db, DbError, Row, Tx, params};
use garth_core::Micros;
use uuid::Uuid;

type Result<T> = std::result::Result<T, DbError>;

/// Jobs whose state is older than they are, some at a time.
pub(super) async fn changed(db: &Db, kind: Uuid, most: i64) -> Result<Vec<String>> {
    let sql = "SELECT r.id FROM access_classes c JOIN resources r ON r.class_id = c.id WHERE c.kind_id = $1 AND NOT EXISTS \
               (SELECT 1 FROM job_states s WHERE s.job_id = r.id AND s.version = r.version) LIMIT $2";
    let rows = db.scan(sql, vec![kind.to_string().into(), most.into()]).await?;
    rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}

/// A job as this change finds it, with what is kept of it.
pub(super) async fn job(tx: &mut Tx, id: &str) -> Result<Option<Job>> {
    let sql = "SELECT r.version, r.body, r.archived, r.updated_at, r.class_id, s.timing, s.next_at, s.paused, s.version \
               FROM resources r LEFT JOIN job_states s ON s.job_id = r.id WHERE r.id = $1";
    let Some(row) = tx.query_opt(sql, &params![id]).await? else { return Ok(None) };
    let class = u32::try_from(row.int(4)?).map_err(|_| DbError::Other("a class out of range".to_owned()))?;
    let kept = match row.opt_text(5)? {
        None => None,
        Some(timing) => Some(Kept {
            timing: timing.to_owned(),
            next_at: row.opt_int(6)?,
            paused: row.opt_text(7)?.is_some(),
            version: row.int(8)?,
        }),
    };
    Ok(Some(Job {
        version: row.int(0)?,
        body: row.text(1)?.to_owned(),
        archived: row.bool(2)?,
        updated_at: row.int(3)?,
        class: garth_core::ClassIx(class),
        kept,
    }))
}

/// Keeps which version of a job was read, and when it is due.
pub(super) async fn keep_timing(
    tx: &mut Tx,
    _: &Permit,
    (job, version): (&str, i64),
    timing: &str,
    next_at: Option<Micros>,
    keep_days: Option<i64>,
) -> Result<()> {
    let sql = "INSERT INTO job_states (job_id, version, timing, next_at, keep_days) VALUES ($1, $2, $3, $4, $5) \
               ON CONFLICT (job_id) DO UPDATE SET version = excluded.version, timing = excluded.timing, \
               next_at = excluded.next_at, keep_days = excluded.keep_days";
    tx.execute(sql, &params![job, version, timing, next_at, keep_days]).await.map(drop)
}

/// Jobs that are due, the longest first.
pub(super) async fn due(db: &Db, now: Micros, most: i64) -> Result<Vec<String>> {
    let sql = "SELECT job_id FROM job_states WHERE next_at <= $1 ORDER BY next_at, job_id LIMIT $2";
    let rows = db.query(sql, &params![now, most]).await?;
    rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}

/// When a job is due next.
pub(super) async fn keep_next(tx: &mut Tx, _: &Permit, job: &str, next_at: Option<Micros>) -> Result<()> {
    tx.execute("UPDATE job_states SET next_at = $2 WHERE job_id = $1", &params![job, next_at]).await.map(drop)
}

/// Pauses a job, or lets it go on.
pub(super) async fn pause(
    tx: &mut Tx,
    _: &Permit,
    job: &str,
    paused: Option<(&str, Micros)>,
    next_at: Option<Micros>,
) -> Result<()> {
    let (why, at) = paused.map_or((None, None), |(why, at)| (Some(why), Some(at)));
    let sql = "UPDATE job_states SET paused = $2, paused_at = $3, next_at = $4 WHERE job_id = $1";
    tx.execute(sql, &params![job, why, at, next_at]).await.map(drop)
}

/// What is known of a job besides its body: why and since when it is paused.
pub(super) async fn standing(db: &Db, job: &str) -> Result<Standing> {
    let sql = "SELECT paused, paused_at, delivered_at, found FROM job_states WHERE job_id = $1";
    let Some(row) = db.query_opt(sql, &params![job]).await? else { return Ok(Standing::default()) };
    Ok(Standing {
        paused: row.opt_text(0)?.map(str::to_owned),
        paused_at: row.opt_int(1)?,
        delivered_at: row.opt_int(2)?,
        found: row.opt_text(3)?.map(str::to_owned),
    })
}

/// Puts a run there; `false` where that firing is there already.
pub(super) async fn insert(tx: &mut Tx, _: &Permit, run: &Stored) -> Result<bool> {
    let sql = "INSERT INTO job_runs (id, job_id, scheduled, due_at, state, detail, finished_at, next_attempt_at, attempts, \
               failures, interruptions) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, 0) ON CONFLICT DO NOTHING";
    let values = params![
        &run.id,
        &run.job,
        run.scheduled,
        run.due_at,
        &run.state,
        &run.detail,
        run.finished_at,
        run.next_attempt_at
    ];
    Ok(tx.execute(sql, &values).await? > 0)
}

/// Does a run of that job go on, or wait for its first attempt? How many do?
pub(super) async fn under_way(tx: &mut Tx, job: &str) -> Result<i64> {
    let sql = "SELECT COUNT(*) FROM job_runs WHERE job_id = $1 AND state IN ('queued', 'running')";
    tx.query_opt(sql, &params![job]).await?.map_or(Ok(0), |row| row.int(0))
}

/// Runs that another server left in the middle, and those of this one that nobody does any more.
pub(super) async fn left(db: &Db, me: &str, now: Micros, most: i64) -> Result<Vec<String>> {
    let sql =
        "SELECT id FROM job_runs WHERE leased_until IS NOT NULL AND (leased_by <> $1 OR leased_until <= $2) LIMIT $3";
    let rows = db.query(sql, &params![me, now, most]).await?;
    rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}

/// Gives a run back that was left in the middle: its attempt has ended, the next is due at once, or as often as that
/// happened already it counts as a failure.
pub(super) async fn give_back(tx: &mut Tx, _: &Permit, run: &str, (me, now): (&str, Micros), why: &str) -> Result<()> {
    let sql = "UPDATE job_attempts SET state = 'failed', finished_at = $2, detail = $3 WHERE run_id = $1 AND finished_at IS NULL";
    tx.execute(sql, &params![run, now, why]).await?;
    let sql = "UPDATE job_runs SET state = 'queued', leased_by = NULL, leased_until = NULL, next_attempt_at = $2, \
               interruptions = interruptions + 1 WHERE id = $1 AND leased_until IS NOT NULL AND (leased_by <> $3 OR leased_until <= $2)";
    tx.execute(sql, &params![run, now, me]).await.map(drop)
}

/// Runs whose attempt is due, with their spaces: of each space the one that waits longest first, so that none waits for
/// all of another's.
pub(super) async fn waiting(db: &Db, now: Micros, most: i64) -> Result<Vec<(String, String)>> {
    let sql = "SELECT id, space_id FROM (SELECT q.id AS id, c.space_id AS space_id, q.next_attempt_at AS at, \
               ROW_NUMBER() OVER (PARTITION BY c.space_id ORDER BY q.next_attempt_at, q.id) AS place \
               FROM job_runs q JOIN resources r ON r.id = q.job_id JOIN access_classes c ON c.id = r.class_id \
               WHERE q.next_attempt_at <= $1) w ORDER BY place, at, id LIMIT $2";
    let rows = db.scan(sql, vec![now.into(), most.into()]).await?;
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned()))).collect()
}

/// Takes a run for this server, where its attempt is still due.
pub(super) async fn take(
    tx: &mut Tx,
    _: &Permit,
    run: &str,
    me: &str,
    now: Micros,
    until: Micros,
) -> Result<Option<Stored>> {
    let sql = "UPDATE job_runs SET state = 'running', next_attempt_at = NULL, leased_by = $2, leased_until = $4, \
               started_at = COALESCE(started_at, $3), attempts = attempts + 1 WHERE id = $1 AND next_attempt_at <= $3";
    if tx.execute(sql, &params![run, me, now, until]).await? == 0 {
        return Ok(None);
    }
    let sql = "INSERT INTO job_attempts (run_id, number, started_at, state, detail) \
               SELECT id, attempts, $2, 'running', '' FROM job_runs WHERE id = $1";
    tx.execute(sql, &params![run, now]).await?;
    let row = tx.query_opt(&format!("SELECT {COLUMNS} FROM job_runs WHERE id = $1"), &params![run]).await?;
    row.map(|row| stored(&row)).transpose()
}

/// Is the run still this server's? It may have been cancelled meanwhile.
pub(super) async fn held(tx: &mut Tx, run: &str, me: &str) -> Result<bool> {
    let sql = "SELECT id FROM job_runs WHERE id = $1 AND leased_by = $2";
    Ok(tx.query_opt(sql, &params![run, me]).await?.is_some())
}

pub(super) async fn keep_report(tx: &mut Tx, _: &Permit, run: &str, report: &str) -> Result<()> {
    tx.execute("UPDATE job_runs SET report = $2 WHERE id = $1", &params![run, report]).await.map(drop)
}

/// Lets the reports of older runs of a job go.
pub(super) async fn forget_reports(tx: &mut Tx, _: &Permit, job: &str, kept: i64) -> Result<()> {
    let sql = "UPDATE job_runs SET report = NULL WHERE job_id = $1 AND report IS NOT NULL AND finished_at IS NOT NULL \
               AND id NOT IN (SELECT id FROM job_runs WHERE job_id = $1 ORDER BY due_at DESC, id DESC LIMIT $2)";
    tx.execute(sql, &params![job, kept]).await.map(drop)
}

pub(super) async fn keep_found(tx: &mut Tx, _: &Permit, job: &str, found: &str) -> Result<()> {
    tx.execute("UPDATE job_states SET found = $2 WHERE job_id = $1", &params![job, found]).await.map(drop)
}

pub(super) async fn keep_delivered(tx: &mut Tx, _: &Permit, job: &str, at: Micros) -> Result<()> {
    tx.execute("UPDATE job_states SET delivered_at = $2 WHERE job_id = $1", &params![job, at]).await.map(drop)
}

/// Writes down how a delivery of a run stands.
pub(super) async fn keep_entry(tx: &mut Tx, _: &Permit, run: &str, entry: &Entry) -> Result<()> {
    let sql = "INSERT INTO job_deliveries (run_id, entry, delivery_id, place, state, detail, reached) \
               VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (run_id, entry) DO UPDATE SET state = excluded.state, \
               detail = excluded.detail, reached = excluded.reached, place = excluded.place";
    let reached = serde_json::json!(entry.reached).to_string();
    let values = params![run, &entry.entry, &entry.delivery, entry.place, &entry.state, &entry.detail, reached];
    tx.execute(sql, &values).await.map(drop)
}

pub(super) async fn entries(db: &Db, run: &str) -> Result<Vec<Entry>> {
    let sql = "SELECT entry, delivery_id, place, state, detail, reached FROM job_deliveries WHERE run_id = $1 ORDER BY place, entry";
    let rows = db.query(sql, &params![run]).await?;
    rows.iter().map(entry).collect()
}

fn entry(row: &Row) -> Result<Entry> {
    Ok(Entry {
        entry: row.text(0)?.to_owned(),
        delivery: row.text(1)?.to_owned(),
        place: row.int(2)?,
        state: row.text(3)?.to_owned(),
        detail: row.text(4)?.to_owned(),
        reached: serde_json::from_str(row.text(5)?).unwrap_or_default(),
    })
}

/// Ends an attempt, and the run with it unless another is due.
pub(super) async fn end(tx: &mut Tx, _: &Permit, run: &Stored, ended: &Ended, now: Micros) -> Result<()> {
    let sql = "UPDATE job_attempts SET state = $3, finished_at = $4, detail = $5 WHERE run_id = $1 AND number = $2";
    tx.execute(sql, &params![&run.id, run.attempts, ended.state.name(), now, &ended.detail]).await?;
    let finished = ended.next_attempt_at.is_none().then_some(now);
    let sql = "UPDATE job_runs SET state = $2, detail = $3, finished_at = $4, next_attempt_at = $5, failures = $6, \
               failed_at = $7, leased_by = NULL, leased_until = NULL WHERE id = $1";
    let values = params![
        &run.id,
        ended.state.name(),
        &ended.detail,
        finished,
        ended.next_attempt_at,
        ended.failures,
        ended.failed_at
    ];
    tx.execute(sql, &values).await.map(drop)
}

/// The states that are kept of a job or of an interface, the latest first.
pub(super) async fn lately_of(tx: &mut Tx, resource: &str) -> Result<String> {
    let row = tx.query_opt("SELECT states FROM job_lately WHERE resource_id = $1", &params![resource]).await?;
    row.map_or(Ok(String::new()), |row| row.text(0).map(str::to_owned))
}

/// Keeps them, where that resource is still there.
pub(super) async fn keep_lately(
    tx: &mut Tx,
    _: &Permit,
    resource: &str,
    (states, at): (&str, Micros),
    error: Option<&str>,
) -> Result<()> {
    let sql = "INSERT INTO job_lately (resource_id, states, at, error) SELECT id, $2, $3, $4 FROM resources WHERE id = $1 \
               ON CONFLICT (resource_id) DO UPDATE SET states = excluded.states, at = excluded.at, \
               error = COALESCE(excluded.error, job_lately.error)";
    tx.execute(sql, &params![resource, states, at, error]).await.map(drop)
}

/// The jobs that are paused, each with the reason.
pub(super) async fn paused(db: &Db) -> Result<Vec<(String, String)>> {
    let rows = db.query("SELECT job_id, paused FROM job_states WHERE paused IS NOT NULL ORDER BY job_id", &[]).await?;
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned()))).collect()
}

/// Of all resources of a kind: id, states, time and error; empty states for those of which nothing is kept.
pub(super) async fn lately(db: &Db, kind: Uuid) -> Result<Vec<(String, String, Option<Micros>, Option<String>)>> {
    let sql = "SELECT r.id, COALESCE(l.states, ''), l.at, l.error FROM access_classes c JOIN resources r ON r.class_id = c.id \
               LEFT JOIN job_lately l ON l.resource_id = r.id WHERE c.kind_id = $1 ORDER BY r.id";
    let rows = db.scan(sql, vec![kind.to_string().into()]).await?;
    let read = |row: &Row| {
        Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned(), row.opt_int(2)?, row.opt_text(3)?.map(str::to_owned)))
    };
    rows.iter().map(read).collect()
}

const COLUMNS: &str = "id, job_id, scheduled, due_at, state, detail, started_at, finished_at, next_attempt_at, attempts, \
                       failures, interruptions, failed_at";

fn stored(row: &Row) -> Result<Stored> {
    Ok(Stored {
        id: row.text(0)?.to_owned(),
        job: row.text(1)?.to_owned(),
        scheduled: row.bool(2)?,
        due_at: row.int(3)?,
        state: row.text(4)?.to_owned(),
        detail: row.text(5)?.to_owned(),
        started_at: row.opt_int(6)?,
        finished_at: row.opt_int(7)?,
        next_attempt_at: row.opt_int(8)?,
        attempts: row.int(9)?,
        failures: row.int(10)?,
        interruptions: row.int(11)?,
        failed_at: row.opt_int(12)?,
    })
}

/// One run.
pub(super) async fn get(db: &Db, id: &str) -> Result<Option<Stored>> {
    let row = db.query_opt(&format!("SELECT {COLUMNS} FROM job_runs WHERE id = $1"), &params![id]).await?;
    row.map(|row| stored(&row)).transpose()
}

/// The runs of a job behind that place, the latest first.
pub(super) async fn list(db: &Db, job: &str, (at, id): (Micros, &str), most: usize) -> Result<Vec<Stored>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM job_runs WHERE job_id = $1 AND (due_at < $2 OR (due_at = $2 AND id < $3)) \
         ORDER BY due_at DESC, id DESC LIMIT $4"
    );
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let rows = db.scan(&sql, vec![job.into(), at.into(), id.into(), most.into()]).await?;
    rows.iter().map(stored).collect()
}

/// The attempts of these runs, in order: run, number, beginning, end, state and sentence.
#[allow(clippy::type_complexity)]
pub(super) async fn attempts(
    db: &Db,
    runs: &str,
) -> Result<Vec<(String, u32, Micros, Option<Micros>, String, String)>> {
    let sql = "SELECT run_id, number, started_at, finished_at, state, detail FROM job_attempts WHERE run_id IN LIST($1) \
               ORDER BY run_id, number";
    let rows = db.query(sql, &params![runs]).await?;
    let read = |row: &Row| {
        let number = u32::try_from(row.int(1)?).unwrap_or(u32::MAX);
        let (state, detail) = (row.text(4)?.to_owned(), row.text(5)?.to_owned());
        Ok((row.text(0)?.to_owned(), number, row.int(2)?, row.opt_int(3)?, state, detail))
    };
    rows.iter().map(read).collect()
}

/// What became of the deliveries of these runs, in order.
pub(super) async fn handed(db: &Db, runs: &str) -> Result<Vec<(String, Entry)>> {
    let sql = "SELECT entry, delivery_id, place, state, detail, reached, run_id FROM job_deliveries WHERE run_id IN LIST($1) \
               ORDER BY run_id, place, entry";
    let rows = db.query(sql, &params![runs]).await?;
    rows.iter().map(|row| Ok((row.text(6)?.to_owned(), entry(row)?))).collect()
}

/// Which of these runs have a report.
pub(super) async fn made(db: &Db, runs: &str) -> Result<Vec<String>> {
    let sql = "SELECT id FROM job_runs WHERE id IN LIST($1) AND report IS NOT NULL";
    let rows = db.query(sql, &params![runs]).await?;
    rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}

/// The report of a run, as JSON.
pub(super) async fn report(db: &Db, run: &str) -> Result<Option<String>> {
    let row = db.query_opt("SELECT report FROM job_runs WHERE id = $1", &params![run]).await?;
    row.map_or(Ok(None), |row| Ok(row.opt_text(0)?.map(str::to_owned)))
}

pub(super) async fn delete(tx: &mut Tx, _: &Permit, run: &str) -> Result<u64> {
    tx.execute("DELETE FROM job_runs WHERE id = $1", &params![run]).await
}

/// Takes some runs away that are older than their jobs keep them.
pub(super) async fn prune(tx: &mut Tx, _: &Permit, now: Micros, most: i64) -> Result<u64> {
    let sql = "DELETE FROM job_runs WHERE id IN (SELECT q.id FROM job_runs q JOIN job_states s ON s.job_id = q.job_id \
               WHERE q.finished_at IS NOT NULL AND s.keep_days IS NOT NULL AND q.finished_at < $1 - s.keep_days * 86400000000 \
               LIMIT $2)";
    tx.execute(sql, &params![now, most]).await
}
