//! SQL of backups: what a file says of itself, the digest of all that is in it, what a restore takes away, and those that
//! the server makes by itself.

use super::Made;
use crate::access::Permit;
use crate::base::db::{Db, DbError, Progress, Row, Tx, Value, params};
use crate::base::ids::hex;
use garth_core::Micros;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

type Result<T> = std::result::Result<T, DbError>;

/// Rows between two reports.
const ROWS: u64 = 4_096;

/// How many rows each table of a file has; of what a backup says of itself, none.
pub(super) async fn counts(tx: &mut Tx) -> Result<BTreeMap<String, u64>> {
    let mut counts = BTreeMap::new();
    for table in tables(tx).await? {
        let row = tx.query_opt(&format!("SELECT count(*) FROM {}", quoted(&table)), &[]).await?;
        let count = row.map_or(Ok(0), |row| row.int(0))?;
        counts.insert(table, u64::try_from(count).unwrap_or(0));
    }
    Ok(counts)
}

async fn tables(tx: &mut Tx) -> Result<Vec<String>> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'backup' \
               AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
    tx.query(sql, &[]).await?.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}

/// SHA-256 over the header, the schema and every row: nothing can be cut off, changed or added without its changing.
pub(super) async fn digest(tx: &mut Tx, header: &str, all: u64, progress: Progress<'_>) -> Result<String> {
    let mut digest = Sha256::new();
    update(&mut digest, &Value::from(header));
    let schema = "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE tbl_name <> 'backup' ORDER BY type, name";
    tx.each(schema, &[], |row| {
        row.values().iter().for_each(|value| update(&mut digest, value));
        Ok(())
    })
    .await?;
    let mut done = 0;
    for table in tables(tx).await? {
        update(&mut digest, &Value::from(&table));
        let each = |row: Row| {
            row.values().iter().for_each(|value| update(&mut digest, value));
            done += 1;
            if done % ROWS == 0 {
                progress(done, all);
            }
            Ok(())
        };
        tx.each(&format!("SELECT * FROM {} ORDER BY rowid", quoted(&table)), &[], each).await?;
    }
    progress(all, all);
    Ok(hex(&digest.finalize()))
}

/// Each value with its type and length before it, so that no two contents make the same bytes.
fn update(digest: &mut Sha256, value: &Value) {
    match value {
        Value::Null => digest.update([0]),
        Value::Int(number) => {
            digest.update([1]);
            digest.update(number.to_be_bytes());
        }
        Value::Text(text) => {
            digest.update([2]);
            digest.update((text.len() as u64).to_be_bytes());
            digest.update(text.as_bytes());
        }
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Writes what a backup says of itself.
pub(super) async fn write_about(tx: &mut Tx, about: &[(&str, &str)]) -> Result<()> {
    tx.execute("CREATE TABLE backup (name TEXT PRIMARY KEY, value TEXT NOT NULL)", &[]).await?;
    for (name, value) in about {
        tx.execute("INSERT INTO backup (name, value) VALUES ($1, $2)", &params![*name, *value]).await?;
    }
    Ok(())
}

/// What a backup says of itself under that name; `None` when it says nothing, or is no backup.
pub(super) async fn about(tx: &mut Tx, name: &str) -> Result<Option<String>> {
    let there = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'backup'";
    if tx.query_opt(there, &[]).await?.is_none() {
        return Ok(None);
    }
    let row = tx.query_opt("SELECT value FROM backup WHERE name = $1", &params![name]).await?;
    row.map(|row| row.text(0).map(str::to_owned)).transpose()
}

/// Takes away what a backup says of itself: what is left is a database.
pub(super) async fn drop_about(tx: &mut Tx) -> Result<()> {
    tx.execute("DROP TABLE backup", &[]).await.map(drop)
}

/// What the installation's key is known by.
pub(super) async fn key_proof(tx: &mut Tx) -> Result<Option<String>> {
    let row = tx.query_opt("SELECT value FROM installation WHERE name = 'key_proof'", &[]).await?;
    row.map(|row| row.text(0).map(str::to_owned)).transpose()
}

pub(super) async fn schema(tx: &mut Tx) -> Result<i64> {
    let row = tx.query_opt("SELECT max(version) FROM schema_migrations", &[]).await?;
    row.map_or(Ok(0), |row| row.int(0))
}

/// Ends every session; says how many there were that had not ended by themselves.
pub(super) async fn end_sessions(tx: &mut Tx, _: &Permit, now: Micros) -> Result<u64> {
    tx.execute("DELETE FROM sessions WHERE expires_at <= $1", &params![now]).await?;
    tx.execute("DELETE FROM sessions", &[]).await
}

/// Makes every sign-up and reset link and every invitation worth nothing, and forgets answers that were kept for repeated requests.
pub(super) async fn forget_promises(tx: &mut Tx, _: &Permit) -> Result<()> {
    tx.execute("DELETE FROM signup_tokens", &[]).await?;
    tx.execute("DELETE FROM invitations", &[]).await?;
    tx.execute("DELETE FROM idempotency_keys", &[]).await.map(drop)
}

/// Disables every API key until somebody rotates it; says how many in which space.
pub(super) async fn disable_keys(tx: &mut Tx, _: &Permit) -> Result<Vec<(String, i64)>> {
    let sql = "SELECT space_id, count(*) FROM api_keys WHERE disabled = 0 GROUP BY space_id ORDER BY space_id";
    let rows = tx.query(sql, &[]).await?;
    let found = rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.int(1)?))).collect::<Result<_>>()?;
    let sql =
        "UPDATE api_keys SET disabled = 1, old_hash = NULL, old_until = NULL, old_prefix = NULL WHERE disabled = 0";
    tx.execute(sql, &[]).await?;
    Ok(found)
}

/// Lets nothing go on that was going on when the backup was made: runs of jobs that waited or went on do not happen anew,
/// and backups neither. Says how many runs.
pub(super) async fn cancel_runs(tx: &mut Tx, permit: &Permit, now: Micros) -> Result<u64> {
    let detail = "it was under way when the backup was made that was restored";
    settle_running(tx, permit, now, detail).await?;
    tx.execute("DELETE FROM backups WHERE state = 'planned'", &[]).await?;
    let attempts =
        "UPDATE job_attempts SET state = 'cancelled', finished_at = $1, detail = $2 WHERE finished_at IS NULL";
    tx.execute(attempts, &params![now, detail]).await?;
    let runs = "UPDATE job_runs SET state = CASE WHEN state IN ('queued', 'running') THEN 'cancelled' ELSE state END, \
                detail = $2, finished_at = $1, next_attempt_at = NULL, leased_by = NULL, leased_until = NULL \
                WHERE finished_at IS NULL";
    tx.execute(runs, &params![now, detail]).await
}

/// Takes the keys away that observers have; says how many. These cannot be rotated; another is made in a moment.
pub(super) async fn forget_observers(tx: &mut Tx, _: &Permit) -> Result<u64> {
    tx.execute("DELETE FROM observer_keys", &[]).await
}

const SCHEDULED: &str = "SELECT id, due_at, state, schedule, started_at, finished_at, file, size_bytes, row_count, error \
                         FROM backups";

fn scheduled(row: &Row) -> Result<Made> {
    Ok(Made {
        id: row.text(0)?.to_owned(),
        due_at: row.int(1)?,
        state: row.text(2)?.to_owned(),
        schedule: row.text(3)?.to_owned(),
        started_at: row.opt_int(4)?,
        finished_at: row.opt_int(5)?,
        file: row.opt_text(6)?.map(str::to_owned),
        size_bytes: row.opt_int(7)?,
        rows: row.opt_int(8)?,
        error: row.text(9)?.to_owned(),
    })
}

fn bound(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX)
}

/// The latest, the one that is planned first.
pub(super) async fn latest(db: &Db, most: usize) -> Result<Vec<Made>> {
    let rows = db.query(&format!("{SCHEDULED} ORDER BY due_at DESC LIMIT $1"), &params![bound(most)]).await?;
    rows.iter().map(scheduled).collect()
}

/// The one that was to be made by now.
pub(super) async fn due(db: &Db, now: Micros) -> Result<Option<Made>> {
    let sql = format!("{SCHEDULED} WHERE state = 'planned' AND due_at <= $1 ORDER BY due_at LIMIT 1");
    db.query(&sql, &params![now]).await?.first().map(scheduled).transpose()
}

/// Those whose files are kept, the latest first.
pub(super) async fn with_files(db: &Db) -> Result<Vec<Made>> {
    let rows = db.query(&format!("{SCHEDULED} WHERE file IS NOT NULL ORDER BY due_at DESC"), &[]).await?;
    rows.iter().map(scheduled).collect()
}

/// Plans one for that time; says whether it is planned now. One that was to be made then is planned once more, unless its
/// file is there, or it is being made: the clock was put back.
pub(super) async fn plan(tx: &mut Tx, _: &Permit, id: &str, due: Micros, words: &str) -> Result<bool> {
    let sql = "INSERT INTO backups (id, due_at, state, schedule, error) VALUES ($1, $2, 'planned', $3, '') \
               ON CONFLICT (due_at) DO UPDATE SET state = 'planned', schedule = excluded.schedule, \
               started_at = NULL, finished_at = NULL, size_bytes = NULL, row_count = NULL, error = '' \
               WHERE backups.file IS NULL AND backups.state <> 'running'";
    Ok(tx.execute(sql, &params![id, due, words]).await? > 0)
}

/// Begins one that is planned; says whether it still was.
pub(super) async fn take(tx: &mut Tx, _: &Permit, id: &str, now: Micros) -> Result<bool> {
    let sql = "UPDATE backups SET state = 'running', started_at = $2 WHERE id = $1 AND state = 'planned'";
    Ok(tx.execute(sql, &params![id, now]).await? > 0)
}

/// Says of those that were planned until that time that they were missed, and lets go of those that are not due yet.
pub(super) async fn skip_planned(tx: &mut Tx, _: &Permit, now: Micros, until: Micros, why: &str) -> Result<()> {
    let sql =
        "UPDATE backups SET state = 'skipped', finished_at = $1, error = $2 WHERE state = 'planned' AND due_at <= $3";
    tx.execute(sql, &params![now, why, until]).await?;
    tx.execute("DELETE FROM backups WHERE state = 'planned' AND due_at > $1", &params![now]).await.map(drop)
}

/// Says of those that are begun that they failed.
pub(super) async fn settle_running(tx: &mut Tx, _: &Permit, now: Micros, why: &str) -> Result<()> {
    let sql = "UPDATE backups SET state = 'failed', finished_at = $1, error = $2 WHERE state = 'running'";
    tx.execute(sql, &params![now, why]).await.map(drop)
}

pub(super) async fn end(tx: &mut Tx, _: &Permit, made: &Made, now: Micros) -> Result<()> {
    let sql = "UPDATE backups SET state = $2, finished_at = $3, file = $4, size_bytes = $5, row_count = $6, error = $7 \
               WHERE id = $1";
    let (size, rows) = (made.size_bytes, made.rows);
    let file = made.file.as_deref();
    let values = params![made.id.as_str(), made.state.as_str(), now, file, size, rows, made.error.as_str()];
    tx.execute(sql, &values).await.map(drop)
}

/// Forgets the oldest whose files are gone, so that not more than so many are remembered besides.
pub(super) async fn forget_beyond(tx: &mut Tx, _: &Permit, most: usize) -> Result<()> {
    let sql = "DELETE FROM backups WHERE file IS NULL AND state <> 'planned' AND due_at < \
               (SELECT min(due_at) FROM (SELECT due_at FROM backups ORDER BY due_at DESC LIMIT $1) AS latest)";
    tx.execute(sql, &params![bound(most)]).await.map(drop)
}

pub(super) async fn without_files(tx: &mut Tx, _: &Permit, gone: &[String]) -> Result<()> {
    for id in gone {
        tx.execute("UPDATE backups SET file = NULL WHERE id = $1", &params![id.as_str()]).await?;
    }
    Ok(())
}
