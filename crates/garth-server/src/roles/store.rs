//! SQL of roles.

use crate::access::Permit;
use crate::base::db::{Db, DbError, Tx, params};
use garth_core::Micros;
use uuid::Uuid;

type Result<T> = std::result::Result<T, DbError>;

pub(super) async fn insert(
    tx: &mut Tx,
    _: &Permit,
    id: Uuid,
    (name, slug): (&str, &str),
    permissions: &str,
    now: Micros,
) -> Result<()> {
    let sql = "INSERT INTO roles (id, name, permissions, created_at, slug) VALUES ($1, $2, $3, $4, $5)";
    tx.execute(sql, &params![id.to_string(), name, permissions, now, slug]).await.map(drop)
}

pub(super) async fn update(tx: &mut Tx, _: &Permit, id: Uuid, name: &str, permissions: &str) -> Result<()> {
    let sql = "UPDATE roles SET name = $2, permissions = $3 WHERE id = $1";
    tx.execute(sql, &params![id.to_string(), name, permissions]).await.map(drop)
}

pub(super) async fn delete(tx: &mut Tx, _: &Permit, id: Uuid) -> Result<()> {
    tx.execute("DELETE FROM roles WHERE id = $1", &params![id.to_string()]).await.map(drop)
}

/// Is there a grant of that role, in force or not?
pub(super) async fn granted(tx: &mut Tx, id: Uuid) -> Result<bool> {
    let sql = "SELECT id FROM grants WHERE role_id = $1 LIMIT 1";
    Ok(tx.query_opt(sql, &params![id.to_string()]).await?.is_some())
}

/// How many grants give that role, `most` at most; without those of sealed spaces, which are nobody's business outside.
pub(super) async fn grants(db: &Db, id: Uuid, most: u64) -> Result<u64> {
    let sql = "SELECT COUNT(*) FROM (SELECT g.id FROM grants g JOIN spaces s ON s.id = g.space_id \
               WHERE g.role_id = $1 AND s.sealed = 0 LIMIT $2) AS few";
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let row = db.query_opt(sql, &params![id.to_string(), most]).await?;
    Ok(row.map_or(Ok(0), |row| row.int(0))?.unsigned_abs())
}
