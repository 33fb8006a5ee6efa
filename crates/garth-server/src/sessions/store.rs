//! SQL of signing in: passwords, sign-up tokens, recovery codes, sessions. Who is disabled is not found by what
//! they could get in with.

use super::links::{KeptPasskey, Link};
use super::outside::{Outside, Theirs};
use crate::access::Permit;
use crate::base::db::{Db, DbError, Row, Tx, params};
use garth_core::Micros;
use serde_json::json;
use uuid::Uuid;

type Result<T> = std::result::Result<T, DbError>;

/// What somebody signs in with.
pub(super) struct Login {
    pub user: Uuid,
    /// The hash of their password, if they have one.
    pub hash: Option<String>,
    /// Is that not enough?
    pub passkey_required: bool,
}

/// What the enabled user of a name, as it is compared, signs in with.
pub(super) async fn login(db: &Db, handle: &str) -> Result<Option<Login>> {
    let sql = "SELECT id, password, passkey_required FROM users WHERE handle = $1 AND disabled = 0";
    let Some(row) = db.query_opt(sql, &params![plain(handle)]).await? else { return Ok(None) };
    let user = Uuid::try_parse(row.text(0)?).unwrap_or_default();
    Ok(Some(Login { user, hash: row.opt_text(1)?.map(str::to_owned), passkey_required: row.bool(2)? }))
}

/// Does that account ask for a passkey after the password?
pub(super) async fn passkey_required(tx: &mut Tx, user: Uuid) -> Result<bool> {
    let row = tx.query_opt("SELECT passkey_required FROM users WHERE id = $1", &params![user.to_string()]).await?;
    row.map_or(Ok(false), |row| row.bool(0))
}

/// A name with a NUL is nobody's, and PostgreSQL would not look for it.
fn plain(handle: &str) -> &str {
    if handle.contains('\0') { "" } else { handle }
}

pub(super) async fn password_in(tx: &mut Tx, user: Uuid) -> Result<Option<String>> {
    let sql = "SELECT password FROM users WHERE id = $1";
    let row = tx.query_opt(sql, &params![user.to_string()]).await?;
    Ok(row.as_ref().map(|r| r.opt_text(0)).transpose()?.flatten().map(str::to_owned))
}

pub(super) async fn set_password(tx: &mut Tx, _: &Permit, user: Uuid, hash: &str) -> Result<()> {
    let sql = "UPDATE users SET password = $2 WHERE id = $1";
    tx.execute(sql, &params![user.to_string(), hash]).await.map(drop)
}

/// The user that a sign-up token is for, while it is good.
pub(super) async fn signup(db: &Db, hash: &str, now: Micros) -> Result<Option<Uuid>> {
    let sql = "SELECT t.user_id FROM signup_tokens t JOIN users u ON u.id = t.user_id \
               WHERE t.token_hash = $1 AND t.expires_at > $2 AND u.disabled = 0";
    let row = db.query_opt(sql, &params![hash, now]).await?;
    Ok(row.as_ref().map(|r| r.text(0)).transpose()?.and_then(|id| Uuid::try_parse(id).ok()))
}

/// Makes every sign-up link of a user worthless.
pub(super) async fn forget_signups(tx: &mut Tx, _: &Permit, user: Uuid) -> Result<()> {
    tx.execute("DELETE FROM signup_tokens WHERE user_id = $1", &params![user.to_string()]).await.map(drop)
}

/// Uses a sign-up token up: it and every other one of its user are gone.
pub(super) async fn take_signup(tx: &mut Tx, _: &Permit, hash: &str, now: Micros) -> Result<Option<Uuid>> {
    let sql = "SELECT user_id FROM signup_tokens WHERE token_hash = $1 AND expires_at > $2";
    let Some(row) = tx.query_opt(sql, &params![hash, now]).await? else { return Ok(None) };
    let user = row.text(0)?.to_owned();
    tx.execute("DELETE FROM signup_tokens WHERE user_id = $1", &params![&user]).await?;
    Ok(Uuid::try_parse(&user).ok())
}

pub(super) async fn set_recovery_codes(tx: &mut Tx, _: &Permit, user: Uuid, hashes: &[String]) -> Result<()> {
    let user = user.to_string();
    tx.execute("DELETE FROM recovery_codes WHERE user_id = $1", &params![&user]).await?;
    for hash in hashes {
        tx.execute("INSERT INTO recovery_codes (user_id, code_hash) VALUES ($1, $2)", &params![&user, hash]).await?;
    }
    Ok(())
}

/// The enabled user of a name whose recovery code that is.
pub(super) async fn recovery(db: &Db, handle: &str, code_hash: &str) -> Result<Option<Uuid>> {
    let sql = "SELECT u.id FROM users u JOIN recovery_codes c ON c.user_id = u.id AND c.code_hash = $2 \
               WHERE u.handle = $1 AND u.disabled = 0";
    let row = db.query_opt(sql, &params![plain(handle), code_hash]).await?;
    Ok(row.as_ref().map(|r| r.text(0)).transpose()?.and_then(|id| Uuid::try_parse(id).ok()))
}

/// Uses a recovery code up and answers how many are left; nothing when it is not there (any more).
pub(super) async fn take_recovery_code(tx: &mut Tx, _: &Permit, user: Uuid, hash: &str) -> Result<Option<i64>> {
    let user = user.to_string();
    let sql = "SELECT COUNT(*) FROM recovery_codes WHERE user_id = $1";
    let before = tx.query(sql, &params![&user]).await?.first().map_or(Ok(0), |r| r.int(0))?;
    tx.execute("DELETE FROM recovery_codes WHERE user_id = $1 AND code_hash = $2", &params![&user, hash]).await?;
    let after = tx.query(sql, &params![&user]).await?.first().map_or(Ok(0), |r| r.int(0))?;
    Ok((after < before).then_some(after))
}

/// A session as it is written.
pub(super) struct NewSession<'a> {
    pub id: Uuid,
    pub hash: &'a str,
    pub user: Uuid,
    pub expires_at: Micros,
    pub device: &'a str,
    pub brings: &'a super::admission::Brings,
    pub passkey: Option<Uuid>,
}

/// Writes a session, and clears away the user's expired ones.
pub(super) async fn insert(tx: &mut Tx, _: &Permit, session: &NewSession<'_>, now: Micros) -> Result<()> {
    let user = session.user.to_string();
    tx.execute("DELETE FROM sessions WHERE user_id = $1 AND expires_at <= $2", &params![&user, now]).await?;
    let sql = "INSERT INTO sessions (id, token_hash, user_id, created_at, expires_at, device, system_admin, roles, \
               teams, passkey_id, used_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $4)";
    let (id, brings) = (session.id.to_string(), session.brings);
    let (roles, teams) = (json!(brings.roles).to_string(), brings.teams.as_ref().map(|t| json!(t).to_string()));
    let (hash, expires_at, device) = (session.hash, session.expires_at, session.device);
    let passkey = session.passkey.map(|passkey| passkey.to_string());
    let values = params![id, hash, &user, now, expires_at, device, brings.system_admin, roles, teams, passkey];
    tx.execute(sql, &values).await.map(drop)
}

pub(super) async fn delete(tx: &mut Tx, _: &Permit, id: Uuid) -> Result<()> {
    tx.execute("DELETE FROM sessions WHERE id = $1", &params![id.to_string()]).await.map(drop)
}

/// The good sessions of a user, oldest first.
pub(super) async fn of_user(tx: &mut Tx, user: Uuid, now: Micros) -> Result<Vec<Uuid>> {
    let sql = "SELECT id FROM sessions WHERE user_id = $1 AND expires_at > $2 ORDER BY created_at, id";
    let rows = tx.query(sql, &params![user.to_string(), now]).await?;
    rows.iter().map(|r| Ok(Uuid::try_parse(r.text(0)?).unwrap_or_default())).collect()
}

/// The sessions of a user that began with a passkey.
pub(super) async fn of_passkey(tx: &mut Tx, user: Uuid, passkey: Uuid) -> Result<Vec<Uuid>> {
    let sql = "SELECT id FROM sessions WHERE user_id = $1 AND passkey_id = $2";
    let rows = tx.query(sql, &params![user.to_string(), passkey.to_string()]).await?;
    rows.iter().map(|r| Ok(Uuid::try_parse(r.text(0)?).unwrap_or_default())).collect()
}

/// The sessions of a user that have not expired as they are listed: id, made, ends, device.
pub(super) async fn list(db: &Db, user: Uuid, now: Micros) -> Result<Vec<(String, Micros, Micros, String)>> {
    let sql = "SELECT id, created_at, expires_at, device FROM sessions WHERE user_id = $1 AND expires_at > $2 \
               ORDER BY created_at DESC, id DESC LIMIT 100";
    let rows = db.query(sql, &params![user.to_string(), now]).await?;
    rows.iter().map(|r| Ok((r.text(0)?.to_owned(), r.int(1)?, r.int(2)?, r.text(3)?.to_owned()))).collect()
}

pub(super) async fn update_me(tx: &mut Tx, _: &Permit, user: Uuid, name: &str, space: Option<Uuid>) -> Result<()> {
    let sql = "UPDATE users SET name = $2, default_space = $3 WHERE id = $1";
    tx.execute(sql, &params![user.to_string(), name, space.map(|s| s.to_string())]).await.map(drop)
}

/// Is that user somebody whom an enabled provider knows by that subject?
pub(super) async fn knows(tx: &mut Tx, provider: Uuid, subject: &str, user: Uuid) -> Result<bool> {
    let sql = "SELECT 1 FROM identity_providers p JOIN external_identities e ON e.provider_id = p.id \
               WHERE p.id = $1 AND p.enabled = 1 AND e.subject = $2 AND e.user_id = $3";
    Ok(!tx.query(sql, &params![provider.to_string(), subject, user.to_string()]).await?.is_empty())
}

/// The links of a user with identity providers, oldest first.
pub(super) async fn links(tx: &mut Tx, user: Uuid) -> Result<Vec<Link>> {
    let sql = "SELECT e.id, p.slug, p.name, p.enabled, e.subject, e.email, e.created_at \
               FROM external_identities e JOIN identity_providers p ON p.id = e.provider_id \
               WHERE e.user_id = $1 ORDER BY e.created_at, e.id";
    let one = |row: &Row| {
        Ok(Link {
            id: row.text(0)?.to_owned(),
            slug: row.text(1)?.to_owned(),
            provider: row.text(2)?.to_owned(),
            enabled: row.bool(3)?,
            subject: row.text(4)?.to_owned(),
            email: row.opt_text(5)?.map(str::to_owned),
            created_at: row.int(6)?,
        })
    };
    tx.query(sql, &params![user.to_string()]).await?.iter().map(one).collect()
}

/// The passkeys of a user, oldest first.
pub(super) async fn passkeys(tx: &mut Tx, user: Uuid) -> Result<Vec<KeptPasskey>> {
    let sql = "SELECT id, name, created_at FROM passkeys WHERE user_id = $1 ORDER BY created_at, id";
    let one = |row: &Row| {
        Ok(KeptPasskey { id: row.text(0)?.to_owned(), name: row.text(1)?.to_owned(), created_at: row.int(2)? })
    };
    tx.query(sql, &params![user.to_string()]).await?.iter().map(one).collect()
}

/// Notes with a session where it began.
pub(super) async fn mark(tx: &mut Tx, _: &Permit, hash: &str, outside: &Outside) -> Result<()> {
    let sql = "UPDATE sessions SET provider_id = $2, provider_subject = $3, provider_sid = $4, provider_hint = $5 \
               WHERE token_hash = $1";
    let (provider, sid, hint) = (outside.provider.to_string(), outside.sid.as_deref(), outside.hint.as_deref());
    tx.execute(sql, &params![hash, provider, &outside.subject, sid, hint]).await.map(drop)
}

/// The sessions that began at a provider: those of a subject, or of that name there, or all.
pub(super) async fn of_provider(
    tx: &mut Tx,
    provider: Uuid,
    subject: Option<&str>,
    sid: Option<&str>,
) -> Result<Vec<Theirs>> {
    let (narrower, value) = match (subject, sid) {
        (Some(subject), _) => ("AND provider_subject = $2", subject),
        (None, Some(sid)) => ("AND provider_sid = $2", sid),
        (None, None) => ("AND provider_id <> $2", ""),
    };
    let sql = format!("SELECT id, provider_subject, provider_sid FROM sessions WHERE provider_id = $1 {narrower}");
    let rows = tx.query(&sql, &params![provider.to_string(), value]).await?;
    let one = |row: &Row| {
        let subject = row.opt_text(1)?.unwrap_or_default().to_owned();
        let sid = row.opt_text(2)?.map(str::to_owned);
        Ok(Theirs { id: Uuid::try_parse(row.text(0)?).unwrap_or_default(), subject, sid })
    };
    rows.iter().map(one).collect()
}

/// The provider that a session began at, and the sealed token that ends it there.
pub(super) async fn provider_of(db: &Db, session: Uuid) -> Result<Option<(Uuid, Option<String>)>> {
    let sql = "SELECT provider_id, provider_hint FROM sessions WHERE id = $1 AND provider_id IS NOT NULL";
    let Some(row) = db.query_opt(sql, &params![session.to_string()]).await? else { return Ok(None) };
    Ok(Some((Uuid::try_parse(row.text(0)?).unwrap_or_default(), row.opt_text(1)?.map(str::to_owned))))
}
