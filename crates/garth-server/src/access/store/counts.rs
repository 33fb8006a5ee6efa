//! SQL of how many resources of a kind lie in a space.

use crate::base::db::{DbError, Tx, params};

/// Adds to a count; answers what it is then.
pub(in crate::access) async fn add(tx: &mut Tx, space: &str, kind: &str, by: i64) -> Result<i64, DbError> {
    let sql = "INSERT INTO resource_counts (space_id, kind_id, number) VALUES ($1, $2, $3) \
               ON CONFLICT (space_id, kind_id) DO UPDATE SET number = resource_counts.number + excluded.number \
               RETURNING number";
    tx.query_opt(sql, &params![space, kind, by]).await?.map_or(Ok(0), |row| row.int(0))
}

/// How many there are of all kinds.
pub(in crate::access) async fn all(tx: &mut Tx, space: &str) -> Result<i64, DbError> {
    let sql = "SELECT CAST(COALESCE(SUM(number), 0) AS BIGINT) FROM resource_counts WHERE space_id = $1";
    tx.query_opt(sql, &params![space]).await?.map_or(Ok(0), |row| row.int(0))
}
