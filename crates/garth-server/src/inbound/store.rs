//! SQL of the addresses of spaces.

use crate::access::Permit;
use crate::base::db::{Db, DbError, Row, Tx, params};
use garth_core::Micros;

type Result<T> = std::result::Result<T, DbError>;

/// An address as it is stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its id.
    pub id: String,
    /// Its space.
    pub space: String,
    /// What stands in front of the `@`.
    pub local_part: String,
    /// What was asked for of it.
    pub prefix: String,
    /// The name of the kind.
    pub kind: String,
    /// When it was made.
    pub created_at: Micros,
}

const COLUMNS: &str = "SELECT id, space_id, local_part, prefix, kind, created_at FROM inbound_addresses";

fn stored(row: &Row) -> Result<Stored> {
    Ok(Stored {
        id: row.text(0)?.to_owned(),
        space: row.text(1)?.to_owned(),
        local_part: row.text(2)?.to_owned(),
        prefix: row.text(3)?.to_owned(),
        kind: row.text(4)?.to_owned(),
        created_at: row.int(5)?,
    })
}

pub(super) async fn insert(tx: &mut Tx, _: &Permit, new: &Stored, created_by: &str) -> Result<()> {
    let sql = "INSERT INTO inbound_addresses (id, space_id, local_part, prefix, kind, created_by, created_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let values =
        params![&new.id, &new.space, &new.local_part, &new.prefix, &new.kind, created_by.to_owned(), new.created_at];
    tx.execute(sql, &values).await.map(drop)
}

pub(super) async fn delete(tx: &mut Tx, _: &Permit, id: &str) -> Result<()> {
    tx.execute("DELETE FROM inbound_addresses WHERE id = $1", &params![id]).await.map(drop)
}

pub(super) async fn count(tx: &mut Tx, space: &str) -> Result<i64> {
    let sql = "SELECT COUNT(*) FROM inbound_addresses WHERE space_id = $1";
    tx.query(sql, &params![space]).await?.first().map_or(Ok(0), |row| row.int(0))
}

pub(super) async fn get(tx: &mut Tx, id: &str) -> Result<Option<Stored>> {
    let sql = format!("{COLUMNS} WHERE id = $1");
    tx.query_opt(&sql, &params![id]).await?.as_ref().map(stored).transpose()
}

/// The address of that local part.
pub(super) async fn named(tx: &mut Tx, local_part: &str) -> Result<Option<Stored>> {
    let sql = format!("{COLUMNS} WHERE local_part = $1");
    tx.query_opt(&sql, &params![local_part]).await?.as_ref().map(stored).transpose()
}

/// A page of a space's addresses, oldest first.
pub(super) async fn of_space(db: &Db, space: &str, after: (i64, &str), limit: usize) -> Result<Vec<Stored>> {
    let sql = format!(
        "{COLUMNS} WHERE space_id = $1 AND (created_at > $2 OR (created_at = $2 AND id > $3)) \
         ORDER BY created_at, id LIMIT $4"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = db.scan(&sql, params![space, after.0, after.1, limit].to_vec()).await?;
    rows.iter().map(stored).collect()
}
