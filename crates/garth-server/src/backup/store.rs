//! SQL of backups: what a file says of itself, the digest of all that is in it, and what a restore takes away.

use crate::access::Permit;
use crate::base::db::{DbError, Progress, Row, Tx, Value, params};
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

/// Disables every API key until somebody rotates it, and takes every observer key away; says how many in which space.
pub(super) async fn disable_keys(tx: &mut Tx, _: &Permit) -> Result<Vec<(String, i64)>> {
    let sql = "SELECT space_id, count(*) FROM api_keys WHERE disabled = 0 GROUP BY space_id ORDER BY space_id";
    let rows = tx.query(sql, &[]).await?;
    let found = rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.int(1)?))).collect::<Result<_>>()?;
    let sql =
        "UPDATE api_keys SET disabled = 1, old_hash = NULL, old_until = NULL, old_prefix = NULL WHERE disabled = 0";
    tx.execute(sql, &[]).await?;
    // These cannot be rotated; another is made in a moment.
    tx.execute("DELETE FROM observer_keys", &[]).await?;
    Ok(found)
}
