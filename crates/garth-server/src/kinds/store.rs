//! SQL of kinds.

use crate::access::Permit;
use crate::base::db::{DbError, Tx, params};
use garth_core::Micros;
use uuid::Uuid;

type Result<T> = std::result::Result<T, DbError>;

pub(super) async fn insert(
    tx: &mut Tx,
    _: &Permit,
    id: Uuid,
    (name, prefix): (&str, &str),
    definition: &str,
    cut: i64,
    now: Micros,
) -> Result<()> {
    let sql =
        "INSERT INTO kinds (id, name, prefix, definition, search_cut, created_at) VALUES ($1, $2, $3, $4, $5, $6)";
    tx.execute(sql, &params![id.to_string(), name, prefix, definition, cut, now]).await.map(drop)
}

pub(super) async fn update(tx: &mut Tx, _: &Permit, id: Uuid, definition: &str) -> Result<()> {
    tx.execute("UPDATE kinds SET definition = $2 WHERE id = $1", &params![id.to_string(), definition]).await.map(drop)
}

/// From now on another cut of the words of its resources counts; what is there already waits for being cut anew.
pub(super) async fn cut_anew(tx: &mut Tx, _: &Permit, id: Uuid, cut: i64) -> Result<()> {
    let sql = "UPDATE kinds SET search_cut = $2, search_next = 0 WHERE id = $1";
    tx.execute(sql, &params![id.to_string(), cut]).await.map(drop)
}

/// Takes a kind away, and the classes that its last resources have left behind.
pub(super) async fn delete(tx: &mut Tx, _: &Permit, id: Uuid) -> Result<()> {
    tx.execute("DELETE FROM access_classes WHERE kind_id = $1", &params![id.to_string()]).await?;
    tx.execute("DELETE FROM resource_counts WHERE kind_id = $1", &params![id.to_string()]).await?;
    tx.execute("DELETE FROM kinds WHERE id = $1", &params![id.to_string()]).await.map(drop)
}

/// Is there a resource of that kind?
pub(super) async fn used(tx: &mut Tx, id: Uuid) -> Result<bool> {
    let sql = "SELECT r.id FROM resources r JOIN access_classes c ON c.id = r.class_id WHERE c.kind_id = $1 LIMIT 1";
    Ok(tx.query_opt(sql, &params![id.to_string()]).await?.is_some())
}
