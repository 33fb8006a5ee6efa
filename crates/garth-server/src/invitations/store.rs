//! SQL of invitations. One that was accepted, revoked or sent anew stays until its time is over: it counts among what
//! its inviter has sent.

use crate::access::Permit;
use crate::base::db::{Db, DbError, Row, Tx, params};
use garth_core::Micros;

type Result<T> = std::result::Result<T, DbError>;

/// An invitation as it is stored, but for the hash of its token.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its id.
    pub id: String,
    /// The space it leads into.
    pub space: String,
    /// The role's id.
    pub role: String,
    /// Who invites, as a principal.
    pub invited_by: String,
    /// A username or an address, as the inviter wrote it.
    pub to: String,
    /// The same as it is compared.
    pub handle: String,
    /// Is it an address?
    pub by_address: bool,
    /// Whose username it was when it was made.
    pub user: Option<String>,
    /// Was the link mailed, and shown to nobody?
    pub mailed: bool,
    /// When it was made.
    pub created_at: Micros,
    /// When it ends by itself.
    pub expires_at: Micros,
}

const COLUMNS: &str = "SELECT id, space_id, role_id, invited_by, sent_to, handle, by_address, user_id, mailed, \
                       created_at, expires_at FROM invitations";
/// Neither used nor taken back.
const OPEN: &str = "ended_at IS NULL";

fn stored(row: &Row) -> Result<Stored> {
    Ok(Stored {
        id: row.text(0)?.to_owned(),
        space: row.text(1)?.to_owned(),
        role: row.text(2)?.to_owned(),
        invited_by: row.text(3)?.to_owned(),
        to: row.text(4)?.to_owned(),
        handle: row.text(5)?.to_owned(),
        by_address: row.bool(6)?,
        user: row.opt_text(7)?.map(str::to_owned),
        mailed: row.bool(8)?,
        created_at: row.int(9)?,
        expires_at: row.int(10)?,
    })
}

pub(super) async fn insert(tx: &mut Tx, _: &Permit, new: &Stored, hash: &str, counted_to: &str) -> Result<()> {
    let sql = "INSERT INTO invitations (id, token_hash, space_id, role_id, invited_by, sent_to, handle, by_address, \
               user_id, mailed, created_at, expires_at, counted_to, ended_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, NULL)";
    let values = params![
        &new.id,
        hash,
        &new.space,
        &new.role,
        &new.invited_by,
        &new.to,
        &new.handle,
        new.by_address,
        new.user.as_deref(),
        new.mailed,
        new.created_at,
        new.expires_at,
        counted_to
    ];
    tx.execute(sql, &values).await.map(drop)
}

/// Takes an open one from everybody; answers whether it was open.
pub(super) async fn end(tx: &mut Tx, _: &Permit, id: &str, now: Micros) -> Result<bool> {
    let sql = format!("UPDATE invitations SET ended_at = $2 WHERE id = $1 AND {OPEN}");
    Ok(tx.execute(&sql, &params![id, now]).await? > 0)
}

/// The open ones of a space that were sent to the same.
pub(super) async fn earlier(tx: &mut Tx, space: &str, handle: &str, now: Micros) -> Result<Vec<Stored>> {
    let sql = format!("{COLUMNS} WHERE space_id = $1 AND handle = $2 AND expires_at > $3 AND {OPEN} ORDER BY id");
    tx.query(&sql, &params![space, handle, now]).await?.iter().map(stored).collect()
}

/// Forgets those whose time is over.
pub(super) async fn forget(tx: &mut Tx, _: &Permit, now: Micros) -> Result<()> {
    tx.execute("DELETE FROM invitations WHERE expires_at <= $1", &params![now]).await.map(drop)
}

/// How many of a space are open.
pub(super) async fn pending(tx: &mut Tx, space: &str, now: Micros) -> Result<i64> {
    let sql = format!("SELECT COUNT(*) FROM invitations WHERE space_id = $1 AND expires_at > $2 AND {OPEN}");
    tx.query(&sql, &params![space, now]).await?.first().map_or(Ok(0), |row| row.int(0))
}

/// When the last but so many were sent that count to the same, if that was after `since`.
pub(super) async fn sent(tx: &mut Tx, counted_to: &str, since: Micros, but: i64) -> Result<Option<Micros>> {
    let sql = "SELECT created_at FROM invitations WHERE counted_to = $1 AND created_at > $2 \
               ORDER BY created_at DESC LIMIT 1 OFFSET $3";
    tx.query(sql, &params![counted_to, since, but]).await?.first().map(|row| row.int(0)).transpose()
}

/// How many were mailed to somebody after `since`, by anybody.
pub(super) async fn mailed(tx: &mut Tx, handle: &str, since: Micros) -> Result<i64> {
    let sql = "SELECT COUNT(*) FROM invitations WHERE handle = $1 AND created_at > $2 AND mailed = 1";
    tx.query(sql, &params![handle, since]).await?.first().map_or(Ok(0), |row| row.int(0))
}

/// The open one of a token's hash, read without a change.
pub(super) async fn with_token(db: &Db, hash: &str, now: Micros) -> Result<Option<Stored>> {
    let sql = format!("{COLUMNS} WHERE token_hash = $1 AND expires_at > $2 AND {OPEN}");
    db.query_opt(&sql, &params![hash, now]).await?.as_ref().map(stored).transpose()
}

/// The same inside a change.
pub(super) async fn with_token_in(tx: &mut Tx, hash: &str, now: Micros) -> Result<Option<Stored>> {
    let sql = format!("{COLUMNS} WHERE token_hash = $1 AND expires_at > $2 AND {OPEN}");
    tx.query_opt(&sql, &params![hash, now]).await?.as_ref().map(stored).transpose()
}

/// The open one of an id.
pub(super) async fn with_id(tx: &mut Tx, id: &str, now: Micros) -> Result<Option<Stored>> {
    let sql = format!("{COLUMNS} WHERE id = $1 AND expires_at > $2 AND {OPEN}");
    tx.query_opt(&sql, &params![id, now]).await?.as_ref().map(stored).transpose()
}

/// A page of a space's open ones, oldest first.
pub(super) async fn of_space(
    db: &Db,
    space: &str,
    now: Micros,
    after: (i64, &str),
    limit: usize,
) -> Result<Vec<Stored>> {
    let sql = format!(
        "{COLUMNS} WHERE space_id = $1 AND expires_at > $2 AND {OPEN} \
         AND (created_at > $3 OR (created_at = $3 AND id > $4)) ORDER BY created_at, id LIMIT $5"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = db.scan(&sql, params![space, now, after.0, after.1, limit].to_vec()).await?;
    rows.iter().map(stored).collect()
}

/// A page of the open ones that are addressed to somebody, oldest first: to their username, or to the address that they
/// have proved to read.
pub(super) async fn to_user(
    db: &Db,
    user: &str,
    address: &str,
    now: Micros,
    after: (i64, &str),
    limit: usize,
) -> Result<Vec<Stored>> {
    let sql = format!(
        "{COLUMNS} WHERE (user_id = $1 OR (by_address = 1 AND handle = $2)) AND expires_at > $3 AND {OPEN} \
         AND (created_at > $4 OR (created_at = $4 AND id > $5)) ORDER BY created_at, id LIMIT $6"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = db.scan(&sql, params![user, address, now, after.0, after.1, limit].to_vec()).await?;
    rows.iter().map(stored).collect()
}
