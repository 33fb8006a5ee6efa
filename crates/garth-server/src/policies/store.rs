//! SQL of named policies.

use crate::access::Permit;
use crate::base::db::{DbError, Tx, params};
use garth_core::Micros;
use uuid::Uuid;

type Result<T> = std::result::Result<T, DbError>;

pub(super) async fn insert(
    tx: &mut Tx,
    _: &Permit,
    id: Uuid,
    name: &str,
    policy: &str,
    edit: &str,
    now: Micros,
) -> Result<()> {
    let sql = "INSERT INTO policies (id, name, policy, edit, created_at) VALUES ($1, $2, $3, $4, $5)";
    tx.execute(sql, &params![id.to_string(), name, policy, edit, now]).await.map(drop)
}

pub(super) async fn update(tx: &mut Tx, _: &Permit, id: Uuid, name: &str, policy: &str, edit: &str) -> Result<()> {
    let sql = "UPDATE policies SET name = $2, policy = $3, edit = $4 WHERE id = $1";
    tx.execute(sql, &params![id.to_string(), name, policy, edit]).await.map(drop)
}

pub(super) async fn delete(tx: &mut Tx, _: &Permit, id: Uuid) -> Result<()> {
    tx.execute("DELETE FROM policies WHERE id = $1", &params![id.to_string()]).await.map(drop)
}
