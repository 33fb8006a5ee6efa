//! SQL of grants.

use crate::access::Permit;
use crate::base::db::{Db, DbError, Row, Tx, params};
use garth_core::Micros;

type Result<T> = std::result::Result<T, DbError>;

/// A grant as it is stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its id.
    pub id: String,
    /// Who holds the role; in a list, empty for a resource that the reader may not view.
    pub principal: String,
    /// The role's id.
    pub role: String,
    /// When it ends.
    pub expires_at: Option<Micros>,
    /// How it came to be: `direct`, or `key` for the role of an API key.
    pub source: String,
    /// Who gave it.
    pub granted_by: String,
    /// When it was given.
    pub created_at: Micros,
}

const COLUMNS: &str = "SELECT id, principal, role_id, expires_at, source, granted_by, created_at FROM grants";

fn stored(row: &Row) -> Result<Stored> {
    Ok(Stored {
        id: row.text(0)?.to_owned(),
        principal: row.text(1)?.to_owned(),
        role: row.text(2)?.to_owned(),
        expires_at: row.opt_int(3)?,
        source: row.text(4)?.to_owned(),
        granted_by: row.text(5)?.to_owned(),
        created_at: row.int(6)?,
    })
}

/// A page of a space's grants, oldest first.
pub(super) async fn list(db: &Db, space: &str, after: (i64, &str), limit: usize) -> Result<Vec<Stored>> {
    let sql = format!(
        "{COLUMNS} WHERE space_id = $1 AND (created_at > $2 OR (created_at = $2 AND id > $3)) \
         ORDER BY created_at, id LIMIT $4"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = db.scan(&sql, params![space, after.0, after.1, limit].to_vec()).await?;
    rows.iter().map(stored).collect()
}

pub(super) async fn get(tx: &mut Tx, space: &str, id: &str) -> Result<Option<Stored>> {
    let row = tx.query_opt(&format!("{COLUMNS} WHERE space_id = $1 AND id = $2"), &params![space, id]).await?;
    row.as_ref().map(stored).transpose()
}

pub(super) async fn find(tx: &mut Tx, space: &str, principal: &str, role: &str) -> Result<Option<Stored>> {
    let sql = format!("{COLUMNS} WHERE space_id = $1 AND principal = $2 AND role_id = $3");
    let row = tx.query_opt(&sql, &params![space, principal, role]).await?;
    row.as_ref().map(stored).transpose()
}

pub(super) async fn of_principal(tx: &mut Tx, space: &str, principal: &str) -> Result<Vec<Stored>> {
    let sql = format!("{COLUMNS} WHERE space_id = $1 AND principal = $2 ORDER BY created_at, id");
    let rows = tx.query(&sql, &params![space, principal]).await?;
    rows.iter().map(stored).collect()
}

/// The spaces in which something is granted to a principal.
pub(super) async fn spaces_of(tx: &mut Tx, principal: &str) -> Result<Vec<String>> {
    let sql = "SELECT DISTINCT space_id FROM grants WHERE principal = $1 ORDER BY space_id";
    let rows = tx.query(sql, &params![principal]).await?;
    rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}

pub(super) async fn insert(tx: &mut Tx, _: &Permit, space: &str, grant: &Stored) -> Result<()> {
    let sql = "INSERT INTO grants (id, space_id, principal, role_id, expires_at, source, granted_by, created_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let values = params![
        &grant.id,
        space,
        &grant.principal,
        &grant.role,
        grant.expires_at,
        &grant.source,
        &grant.granted_by,
        grant.created_at
    ];
    tx.execute(sql, &values).await.map(drop)
}

pub(super) async fn update(tx: &mut Tx, _: &Permit, id: &str, role: &str, expires_at: Option<Micros>) -> Result<()> {
    let sql = "UPDATE grants SET role_id = $2, expires_at = $3 WHERE id = $1";
    tx.execute(sql, &params![id, role, expires_at]).await.map(drop)
}

pub(super) async fn delete(tx: &mut Tx, _: &Permit, id: &str) -> Result<()> {
    tx.execute("DELETE FROM grants WHERE id = $1", &params![id]).await.map(drop)
}
