//! SQL of observer keys and of alerts.

use crate::access::Permit;
use crate::base::db::{Db, DbError, Row, Tx, params};
use garth_core::Micros;

type Result<T> = std::result::Result<T, DbError>;

/// An observer key as it is stored, but for the hash of its secret.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The first characters of its secret.
    pub prefix: String,
    /// Who made it, as a principal.
    pub created_by: String,
    /// When it was made.
    pub created_at: Micros,
    /// When it was used last, to a minute.
    pub last_used_at: Option<Micros>,
}

const COLUMNS: &str = "SELECT id, name, prefix, created_by, created_at, last_used_at FROM observer_keys";

fn stored(row: &Row) -> Result<Stored> {
    Ok(Stored {
        id: row.text(0)?.to_owned(),
        name: row.text(1)?.to_owned(),
        prefix: row.text(2)?.to_owned(),
        created_by: row.text(3)?.to_owned(),
        created_at: row.int(4)?,
        last_used_at: row.opt_int(5)?,
    })
}

pub(super) async fn insert(tx: &mut Tx, _: &Permit, key: &Stored, hash: &str) -> Result<()> {
    let sql = "INSERT INTO observer_keys (id, name, prefix, secret_hash, created_by, created_at, last_used_at) \
               VALUES ($1, $2, $3, $4, $5, $6, NULL)";
    let values = params![&key.id, &key.name, &key.prefix, hash, &key.created_by, key.created_at];
    tx.execute(sql, &values).await.map(drop)
}

pub(super) async fn count(tx: &mut Tx) -> Result<i64> {
    tx.query("SELECT COUNT(*) FROM observer_keys", &[]).await?.first().map_or(Ok(0), |row| row.int(0))
}

pub(super) async fn get(tx: &mut Tx, id: &str) -> Result<Option<Stored>> {
    tx.query_opt(&format!("{COLUMNS} WHERE id = $1"), &params![id]).await?.as_ref().map(stored).transpose()
}

pub(super) async fn delete(tx: &mut Tx, _: &Permit, id: &str) -> Result<()> {
    tx.execute("DELETE FROM observer_keys WHERE id = $1", &params![id]).await.map(drop)
}

/// The key of a secret's hash.
pub(super) async fn with_secret(db: &Db, hash: &str) -> Result<Option<Stored>> {
    db.query_opt(&format!("{COLUMNS} WHERE secret_hash = $1"), &params![hash]).await?.as_ref().map(stored).transpose()
}

pub(super) async fn used(tx: &mut Tx, _: &Permit, id: &str, at: Micros) -> Result<()> {
    tx.execute("UPDATE observer_keys SET last_used_at = $2 WHERE id = $1", &params![id, at]).await.map(drop)
}

/// A page of them, oldest first.
pub(super) async fn page(db: &Db, after: (i64, &str), limit: usize) -> Result<Vec<Stored>> {
    let sql =
        format!("{COLUMNS} WHERE created_at > $1 OR (created_at = $1 AND id > $2) ORDER BY created_at, id LIMIT $3");
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = db.scan(&sql, params![after.0, after.1, limit].to_vec()).await?;
    rows.iter().map(stored).collect()
}

/// What is red: what it is, and whether somebody was told.
pub(super) async fn alerts(tx: &mut Tx) -> Result<Vec<(String, Option<Micros>)>> {
    let rows = tx.query("SELECT subject, told_at FROM alerts ORDER BY subject", &[]).await?;
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.opt_int(1)?))).collect()
}

/// The same, read without a change.
pub(super) async fn alerts_now(db: &Db) -> Result<Vec<(String, Option<Micros>)>> {
    let rows = db.query("SELECT subject, told_at FROM alerts ORDER BY subject", &[]).await?;
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.opt_int(1)?))).collect()
}

pub(super) async fn alert(tx: &mut Tx, _: &Permit, subject: &str, since: Micros) -> Result<()> {
    let sql = "INSERT INTO alerts (subject, since, told_at) VALUES ($1, $2, NULL)";
    tx.execute(sql, &params![subject, since]).await.map(drop)
}

pub(super) async fn calm(tx: &mut Tx, _: &Permit, subject: &str) -> Result<()> {
    tx.execute("DELETE FROM alerts WHERE subject = $1", &params![subject]).await.map(drop)
}

/// Somebody is told of all that is red, or of that one subject.
pub(super) async fn told(tx: &mut Tx, _: &Permit, subject: Option<&str>, at: Micros) -> Result<()> {
    let sql = "UPDATE alerts SET told_at = $1 WHERE subject = COALESCE($2, subject)";
    tx.execute(sql, &params![at, subject]).await.map(drop)
}
