//! SQL of calls with the keys of a space, by day.

use crate::base::db::{Db, DbError, Tx, params};

/// Days that are kept.
const KEPT: i64 = 40;

/// Adds to the calls of a day; answers how many they are then. A space that is gone has none.
pub(in crate::access) async fn add(tx: &mut Tx, space: &str, day: i64, by: i64) -> Result<i64, DbError> {
    let sql = "INSERT INTO api_calls (space_id, day, taken) SELECT id, $2, $3 FROM spaces WHERE id = $1 \
               ON CONFLICT (space_id, day) DO UPDATE SET taken = api_calls.taken + excluded.taken RETURNING taken";
    let taken = tx.query_opt(sql, &params![space, day, by]).await?.map_or(Ok(0), |row| row.int(0))?;
    if taken == by {
        // The first of the day.
        let sql = "DELETE FROM api_calls WHERE space_id = $1 AND day < $2";
        tx.execute(sql, &params![space, day - KEPT]).await?;
    }
    Ok(taken)
}

const TAKEN: &str = "SELECT taken FROM api_calls WHERE space_id = $1 AND day = $2";

/// The calls of a day, those included that a server may still let through.
pub(in crate::access) async fn taken_in(tx: &mut Tx, space: &str, day: i64) -> Result<i64, DbError> {
    tx.query_opt(TAKEN, &params![space, day]).await?.map_or(Ok(0), |row| row.int(0))
}

/// The same, for reading.
pub(in crate::access) async fn taken(db: &Db, space: &str, day: i64) -> Result<i64, DbError> {
    db.query_opt(TAKEN, &params![space, day]).await?.map_or(Ok(0), |row| row.int(0))
}
