//! SQL of API keys.

use crate::access::Permit;
use crate::base::db::{Db, DbError, Row, Tx, params};
use garth_core::Micros;

type Result<T> = std::result::Result<T, DbError>;

/// A key as it is stored, but for the hashes of its secrets.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The first characters of its secret.
    pub prefix: String,
    /// Those of the secret before the last rotation, where that one was given a grace.
    pub old_prefix: Option<String>,
    /// The role's id.
    pub role: String,
    /// When it ends.
    pub expires_at: Option<Micros>,
    /// When the secret before the last rotation dies.
    pub old_until: Option<Micros>,
    /// Opens nothing until it is rotated.
    pub disabled: bool,
    /// Who made it, as a principal.
    pub created_by: String,
    /// When it was made.
    pub created_at: Micros,
}

const COLUMNS: &str = "SELECT id, name, prefix, role_id, expires_at, old_until, disabled, created_by, created_at, \
                       old_prefix FROM api_keys";

fn stored(row: &Row) -> Result<Stored> {
    Ok(Stored {
        id: row.text(0)?.to_owned(),
        name: row.text(1)?.to_owned(),
        prefix: row.text(2)?.to_owned(),
        role: row.text(3)?.to_owned(),
        expires_at: row.opt_int(4)?,
        old_until: row.opt_int(5)?,
        disabled: row.bool(6)?,
        created_by: row.text(7)?.to_owned(),
        created_at: row.int(8)?,
        old_prefix: row.opt_text(9)?.map(str::to_owned),
    })
}

/// A page of a space's keys whose secrets begin so, this one or the one before, oldest first.
pub(super) async fn list(db: &Db, space: &str, begins: &str, after: (i64, &str), limit: usize) -> Result<Vec<Stored>> {
    let sql = format!(
        "{COLUMNS} WHERE space_id = $1 AND (created_at > $2 OR (created_at = $2 AND id > $3)) \
         AND (substr(prefix, 1, length($4)) = $4 OR substr(old_prefix, 1, length($4)) = $4) \
         ORDER BY created_at, id LIMIT $5"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = db.scan(&sql, params![space, after.0, after.1, begins, limit].to_vec()).await?;
    rows.iter().map(stored).collect()
}

const ONE: &str = " WHERE space_id = $1 AND id = $2";

pub(super) async fn get(db: &Db, space: &str, id: &str) -> Result<Option<Stored>> {
    let row = db.query_opt(&format!("{COLUMNS}{ONE}"), &params![space, id]).await?;
    row.as_ref().map(stored).transpose()
}

pub(super) async fn get_in(tx: &mut Tx, space: &str, id: &str) -> Result<Option<Stored>> {
    let row = tx.query_opt(&format!("{COLUMNS}{ONE}"), &params![space, id]).await?;
    row.as_ref().map(stored).transpose()
}

pub(super) async fn count(tx: &mut Tx, space: &str) -> Result<i64> {
    let rows = tx.query("SELECT COUNT(*) FROM api_keys WHERE space_id = $1", &params![space]).await?;
    rows.first().map_or(Ok(0), |row| row.int(0))
}

/// The ids of all keys of a space.
pub(super) async fn of_space(tx: &mut Tx, space: &str) -> Result<Vec<String>> {
    let rows = tx.query("SELECT id FROM api_keys WHERE space_id = $1 ORDER BY id", &params![space]).await?;
    rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}

pub(super) async fn insert(tx: &mut Tx, _: &Permit, space: &str, key: &Stored, hash: &str) -> Result<()> {
    let sql = "INSERT INTO api_keys (id, space_id, name, prefix, secret_hash, old_hash, old_until, role_id, \
               expires_at, disabled, created_by, created_at) \
               VALUES ($1, $2, $3, $4, $5, NULL, NULL, $6, $7, 0, $8, $9)";
    let values = params![
        &key.id,
        space,
        &key.name,
        &key.prefix,
        hash,
        &key.role,
        key.expires_at,
        &key.created_by,
        key.created_at
    ];
    tx.execute(sql, &values).await.map(drop)
}

/// Exchanges the secret; the one before lives on until `key.old_until`, if that says so.
pub(super) async fn rotate(tx: &mut Tx, _: &Permit, key: &Stored, hash: &str) -> Result<()> {
    let keep = if key.old_until.is_some() { "secret_hash" } else { "NULL" };
    let sql = format!(
        "UPDATE api_keys SET old_hash = {keep}, old_until = $2, secret_hash = $3, prefix = $4, old_prefix = $5, \
         disabled = 0 WHERE id = $1"
    );
    let old_prefix = key.old_prefix.as_deref();
    tx.execute(&sql, &params![&key.id, key.old_until, hash, &key.prefix, old_prefix]).await.map(drop)
}

/// Writes what can be changed without another secret; an old one that is to die at once is forgotten.
pub(super) async fn update(tx: &mut Tx, _: &Permit, key: &Stored) -> Result<()> {
    let keep = if key.old_until.is_some() { "old_hash" } else { "NULL" };
    let sql = format!(
        "UPDATE api_keys SET name = $2, expires_at = $3, old_hash = {keep}, old_until = $4, old_prefix = $5 \
         WHERE id = $1"
    );
    let old_prefix = key.old_prefix.as_deref();
    tx.execute(&sql, &params![&key.id, &key.name, key.expires_at, key.old_until, old_prefix]).await.map(drop)
}

pub(super) async fn delete(tx: &mut Tx, _: &Permit, id: &str) -> Result<()> {
    tx.execute("DELETE FROM api_key_last_used WHERE key_id = $1", &params![id]).await?;
    tx.execute("DELETE FROM api_keys WHERE id = $1", &params![id]).await.map(drop)
}
