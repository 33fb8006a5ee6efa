//! SQL of users, their sign-up tokens, and what ends with an account.

use crate::access::Permit;
use crate::base::db::{Db, DbError, Row, Tx, params};
use garth_core::Micros;
use uuid::Uuid;

type Result<T> = std::result::Result<T, DbError>;

/// What is stored of a new user.
pub(super) struct NewRow<'a> {
    pub id: Uuid,
    pub username: &'a str,
    pub handle: &'a str,
    pub name: &'a str,
    pub email: Option<&'a str>,
    pub system_admin: bool,
}

pub(super) async fn insert(tx: &mut Tx, _: &Permit, user: &NewRow<'_>, now: Micros) -> Result<()> {
    let sql = "INSERT INTO users (id, username, handle, name, email, password, system_admin, disabled, deleted_at, \
               default_space, created_at) VALUES ($1, $2, $3, $4, $5, NULL, $6, 0, NULL, NULL, $7)";
    let values =
        params![user.id.to_string(), user.username, user.handle, user.name, user.email, user.system_admin, now];
    tx.execute(sql, &values).await.map(drop)
}

pub(super) async fn insert_signup(tx: &mut Tx, _: &Permit, hash: &str, id: Uuid, expires_at: Micros) -> Result<()> {
    let sql = "INSERT INTO signup_tokens (token_hash, user_id, expires_at) VALUES ($1, $2, $3)";
    tx.execute(sql, &params![hash, id.to_string(), expires_at]).await.map(drop)
}

/// Makes every sign-up token of a user worth nothing.
pub(super) async fn forget_signups(tx: &mut Tx, _: &Permit, id: Uuid) -> Result<()> {
    tx.execute("DELETE FROM signup_tokens WHERE user_id = $1", &params![id.to_string()]).await.map(drop)
}

pub(super) async fn update(
    tx: &mut Tx,
    _: &Permit,
    id: Uuid,
    name: &str,
    email: Option<&str>,
    system_admin: bool,
    disabled: bool,
) -> Result<()> {
    let sql = "UPDATE users SET name = $2, email = $3, system_admin = $4, disabled = $5 WHERE id = $1";
    tx.execute(sql, &params![id.to_string(), name, email, system_admin, disabled]).await.map(drop)
}

/// The accounts whose owner has proved to read that address.
pub(super) async fn verified(tx: &mut Tx, handle: &str) -> Result<Vec<Uuid>> {
    let rows = tx.query("SELECT id FROM users WHERE verified_email = $1 ORDER BY id", &params![handle]).await?;
    rows.iter().map(|row| read_id(row, 0)).collect()
}

/// The same, read without a change.
pub(super) async fn reading(db: &Db, handle: &str) -> Result<Vec<Uuid>> {
    let rows = db.query("SELECT id FROM users WHERE verified_email = $1 ORDER BY id", &params![handle]).await?;
    rows.iter().map(|row| read_id(row, 0)).collect()
}

/// Notes which address the owner of an account has proved to read, as it is compared and as it is written; it is the
/// account's address where that has none.
pub(super) async fn set_verified(tx: &mut Tx, _: &Permit, id: Uuid, address: Option<(&str, &str)>) -> Result<()> {
    let sql = "UPDATE users SET verified_email = $2, email = COALESCE(email, $3) WHERE id = $1";
    let (handle, written) = address.unzip();
    tx.execute(sql, &params![id.to_string(), handle, written]).await.map(drop)
}

/// Takes away all sessions of a user and answers which they were.
pub(super) async fn end_sessions(tx: &mut Tx, _: &Permit, id: Uuid) -> Result<Vec<Uuid>> {
    let user = id.to_string();
    let rows = tx.query("SELECT id FROM sessions WHERE user_id = $1", &params![&user]).await?;
    tx.execute("DELETE FROM sessions WHERE user_id = $1", &params![&user]).await?;
    rows.iter().map(|row| read_id(row, 0)).collect()
}

/// Leaves of a user what keeps an author for what they made, and nothing else.
pub(super) async fn delete(tx: &mut Tx, _: &Permit, id: Uuid, now: Micros) -> Result<()> {
    let (user, principal) = (id.to_string(), format!("user:{id}"));
    tx.execute("DELETE FROM signup_tokens WHERE user_id = $1", &params![&user]).await?;
    tx.execute("DELETE FROM recovery_codes WHERE user_id = $1", &params![&user]).await?;
    tx.execute("DELETE FROM passkeys WHERE user_id = $1", &params![&user]).await?;
    tx.execute("DELETE FROM login_samples WHERE user_id = $1", &params![&user]).await?;
    tx.execute("DELETE FROM group_members WHERE member = $1", &params![&principal]).await?;
    tx.execute("DELETE FROM external_identities WHERE user_id = $1", &params![&user]).await?;
    tx.execute("DELETE FROM grants WHERE principal = $1", &params![&principal]).await?;
    // Whoever holds an earlier version of what they followed is to read it again.
    let followed = "UPDATE resources SET version = version + 1 WHERE id IN \
                    (SELECT resource_id FROM resource_subscribers WHERE subscriber = $1)";
    tx.execute(followed, &params![&principal]).await?;
    tx.execute("DELETE FROM resource_subscribers WHERE subscriber = $1", &params![&principal]).await?;
    // To who sent it, what they were invited to looks as it did.
    tx.execute("UPDATE invitations SET user_id = NULL WHERE user_id = $1", &params![&user]).await?;
    let sql = "UPDATE users SET username = '', handle = $1, name = 'deleted', email = NULL, password = NULL, \
               system_admin = 0, disabled = 1, deleted_at = $2, default_space = NULL, verified_email = NULL \
               WHERE id = $1";
    tx.execute(sql, &params![&user, now]).await.map(drop)
}

/// Which users a page is to have.
pub(super) struct Sought {
    /// Patterns for handle and name.
    pub like: Option<(String, String)>,
    pub disabled: Option<bool>,
    pub system_admin: Option<bool>,
}

/// A page of users in the order of their handles, which come along.
pub(super) async fn page(db: &Db, after: &str, sought: &Sought, limit: usize) -> Result<Vec<(Uuid, String)>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let disabled = match sought.disabled {
        None => "",
        Some(true) => " AND disabled = 1",
        Some(false) => " AND disabled = 0",
    };
    let admin = match sought.system_admin {
        None => "",
        Some(true) => " AND system_admin = 1",
        Some(false) => " AND system_admin = 0",
    };
    let start = format!("SELECT id, handle FROM users WHERE deleted_at IS NULL AND handle > $1{disabled}{admin}");
    let rows = match &sought.like {
        None => {
            let sql = format!("{start} ORDER BY handle LIMIT $2");
            db.scan(&sql, params![after, limit].to_vec()).await?
        }
        Some((handle, name)) => {
            let like = "(handle LIKE $3 ESCAPE '\\' OR LOWER(name) LIKE $4 ESCAPE '\\')";
            let sql = format!("{start} AND {like} ORDER BY handle LIMIT $2");
            db.scan(&sql, params![after, limit, handle, name].to_vec()).await?
        }
    };
    rows.iter().map(|row| Ok((read_id(row, 0)?, row.text(1)?.to_owned()))).collect()
}

fn read_id(row: &Row, column: usize) -> Result<Uuid> {
    Uuid::try_parse(row.text(column)?).map_err(|_| DbError::Other(format!("column {column} does not hold an id")))
}
