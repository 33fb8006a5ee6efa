//! SQL of passkeys, and of accounts that ask for one.

use crate::access::Permit;
use crate::base::db::{Db, DbError, Row, Tx, params};
use garth_core::Micros;
use uuid::Uuid;

type Result<T> = std::result::Result<T, DbError>;

/// A passkey as it is stored.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub id: Uuid,
    pub user: Uuid,
    pub credential_id: String,
    pub name: String,
    pub credential: String,
    pub created_at: Micros,
    pub last_used_at: Option<Micros>,
}

const PASSKEYS: &str = "SELECT p.id, p.user_id, p.credential_id, p.name, p.credential, p.created_at, p.last_used_at \
                        FROM passkeys p";

fn read(row: &Row) -> Result<Stored> {
    let id = |column| row.text(column).map(|text| Uuid::try_parse(text).unwrap_or_default());
    Ok(Stored {
        id: id(0)?,
        user: id(1)?,
        credential_id: row.text(2)?.to_owned(),
        name: row.text(3)?.to_owned(),
        credential: row.text(4)?.to_owned(),
        created_at: row.int(5)?,
        last_used_at: row.opt_int(6)?,
    })
}

/// Those of a user, oldest first.
pub(super) async fn of_user(db: &Db, user: Uuid) -> Result<Vec<Stored>> {
    let sql = format!("{PASSKEYS} WHERE p.user_id = $1 ORDER BY p.created_at, p.id");
    db.query(&sql, &params![user.to_string()]).await?.iter().map(read).collect()
}

/// The same inside a change.
pub(super) async fn of_user_in(tx: &mut Tx, user: Uuid) -> Result<Vec<Stored>> {
    let sql = format!("{PASSKEYS} WHERE p.user_id = $1 ORDER BY p.created_at, p.id");
    tx.query(&sql, &params![user.to_string()]).await?.iter().map(read).collect()
}

/// The one that an authenticator calls so, unless its user is disabled.
pub(super) async fn called(db: &Db, credential_id: &str) -> Result<Option<Stored>> {
    let sql = format!("{PASSKEYS} JOIN users u ON u.id = p.user_id AND u.disabled = 0 WHERE p.credential_id = $1");
    db.query_opt(&sql, &params![credential_id]).await?.as_ref().map(read).transpose()
}

/// Is a passkey of that name of an authenticator's there, whosever it is?
pub(super) async fn taken(tx: &mut Tx, credential_id: &str) -> Result<bool> {
    Ok(tx.query_opt("SELECT 1 FROM passkeys WHERE credential_id = $1", &params![credential_id]).await?.is_some())
}

pub(super) async fn insert(tx: &mut Tx, _: &Permit, passkey: &Stored) -> Result<()> {
    let sql = "INSERT INTO passkeys (id, user_id, credential_id, name, credential, created_at, last_used_at) \
               VALUES ($1, $2, $3, $4, $5, $6, NULL)";
    let (id, user) = (passkey.id.to_string(), passkey.user.to_string());
    let Stored { credential_id, name, credential, created_at, .. } = passkey;
    tx.execute(sql, &params![id, user, credential_id, name, credential, *created_at]).await.map(drop)
}

pub(super) async fn rename(tx: &mut Tx, _: &Permit, id: Uuid, name: &str) -> Result<()> {
    tx.execute("UPDATE passkeys SET name = $2 WHERE id = $1", &params![id.to_string(), name]).await.map(drop)
}

/// Keeps that it was used. Answers no where it is gone, or was used meanwhile by whoever signed as often.
pub(super) async fn keep_use(tx: &mut Tx, _: &Permit, passkey: &Stored, credential: &str, now: Micros) -> Result<bool> {
    let sql = "UPDATE passkeys SET credential = $3, last_used_at = $4 WHERE id = $1 AND credential = $2";
    let values = params![passkey.id.to_string(), &passkey.credential, credential, now];
    Ok(tx.execute(sql, &values).await? > 0)
}

pub(super) async fn delete(tx: &mut Tx, _: &Permit, id: Uuid) -> Result<()> {
    tx.execute("DELETE FROM passkeys WHERE id = $1", &params![id.to_string()]).await.map(drop)
}

/// Can that user sign in without a passkey: by a password, or by an enabled provider that knows them?
pub(super) async fn has_another_way(tx: &mut Tx, user: Uuid) -> Result<bool> {
    let sql = "SELECT 1 FROM users WHERE id = $1 AND password IS NOT NULL \
               UNION ALL SELECT 1 FROM external_identities e JOIN identity_providers p ON p.id = e.provider_id \
               WHERE e.user_id = $1 AND p.enabled = 1";
    Ok(!tx.query(sql, &params![user.to_string()]).await?.is_empty())
}

/// Does that account ask for a passkey after the password, and how many recovery codes are left to it?
pub(super) async fn second_factor(db: &Db, user: Uuid) -> Result<(bool, i64)> {
    let sql = "SELECT passkey_required, (SELECT COUNT(*) FROM recovery_codes c WHERE c.user_id = u.id) \
               FROM users u WHERE u.id = $1";
    let row = db.query_opt(sql, &params![user.to_string()]).await?;
    row.map_or(Ok((false, 0)), |row| Ok((row.bool(0)?, row.int(1)?)))
}

/// Does that account ask for a passkey after the password?
pub(super) async fn required(tx: &mut Tx, user: Uuid) -> Result<bool> {
    let row = tx.query_opt("SELECT passkey_required FROM users WHERE id = $1", &params![user.to_string()]).await?;
    row.map_or(Ok(false), |row| row.bool(0))
}

pub(super) async fn set_required(tx: &mut Tx, _: &Permit, user: Uuid, required: bool) -> Result<()> {
    let sql = "UPDATE users SET passkey_required = $2 WHERE id = $1";
    tx.execute(sql, &params![user.to_string(), required]).await.map(drop)
}
