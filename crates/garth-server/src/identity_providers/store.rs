//! SQL of identity providers, of who somebody is there, and of logout tokens.

use super::{Choices, Identity, Provider};
use crate::access::Permit;
use crate::base::db::{Db, DbError, Row, Tx, params};
use garth_core::Micros;
use uuid::Uuid;

type Result<T> = std::result::Result<T, DbError>;

const PROVIDERS: &str = "SELECT id, slug, issuer, name, client_id, client_secret, choices, enabled, created_at, updated_at \
                         FROM identity_providers";

/// All of them, by name.
pub(super) async fn all(db: &Db) -> Result<Vec<Provider>> {
    db.query(&format!("{PROVIDERS} ORDER BY name, id"), &[]).await?.iter().map(provider).collect()
}

/// All of them as a change sees them.
pub(super) async fn all_in(tx: &mut Tx) -> Result<Vec<Provider>> {
    tx.query(&format!("{PROVIDERS} ORDER BY name, id"), &[]).await?.iter().map(provider).collect()
}

pub(super) async fn by_id_in(tx: &mut Tx, id: Uuid) -> Result<Option<Provider>> {
    let row = tx.query_opt(&format!("{PROVIDERS} WHERE id = $1"), &params![id.to_string()]).await?;
    row.as_ref().map(provider).transpose()
}

fn provider(row: &Row) -> Result<Provider> {
    let choices: Choices = serde_json::from_str(row.text(6)?)
        .map_err(|e| DbError::Other(format!("a stored identity provider cannot be read: {e}")))?;
    Ok(Provider {
        id: id(row, 0)?,
        slug: row.text(1)?.to_owned(),
        issuer: row.text(2)?.to_owned(),
        name: row.text(3)?.to_owned(),
        client_id: row.text(4)?.to_owned(),
        sealed_secret: row.text(5)?.to_owned(),
        choices,
        enabled: row.bool(7)?,
        created_at: row.int(8)?,
        updated_at: row.int(9)?,
    })
}

fn id(row: &Row, column: usize) -> Result<Uuid> {
    Uuid::try_parse(row.text(column)?).map_err(|_| DbError::Other(format!("column {column} does not hold an id")))
}

fn choices(provider: &Provider) -> Result<String> {
    serde_json::to_string(&provider.choices).map_err(|e| DbError::Other(format!("choices cannot be written: {e}")))
}

pub(super) async fn insert(tx: &mut Tx, _: &Permit, new: &Provider) -> Result<()> {
    let sql = "INSERT INTO identity_providers (id, slug, issuer, name, client_id, client_secret, choices, enabled, \
               created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let (id, choices) = (new.id.to_string(), choices(new)?);
    let values = params![
        id,
        &new.slug,
        &new.issuer,
        &new.name,
        &new.client_id,
        &new.sealed_secret,
        choices,
        new.enabled,
        new.created_at,
        new.updated_at
    ];
    tx.execute(sql, &values).await.map(drop)
}

pub(super) async fn update(tx: &mut Tx, _: &Permit, new: &Provider) -> Result<()> {
    let sql = "UPDATE identity_providers SET name = $2, client_id = $3, client_secret = $4, choices = $5, enabled = $6, \
               updated_at = $7 WHERE id = $1";
    let choices = choices(new)?;
    let values = params![
        new.id.to_string(),
        &new.name,
        &new.client_id,
        &new.sealed_secret,
        choices,
        new.enabled,
        new.updated_at
    ];
    tx.execute(sql, &values).await.map(drop)
}

pub(super) async fn exchange_secret(tx: &mut Tx, _: &Permit, id: Uuid, sealed: &str) -> Result<()> {
    let sql = "UPDATE identity_providers SET client_secret = $2 WHERE id = $1";
    tx.execute(sql, &params![id.to_string(), sealed]).await.map(drop)
}

pub(super) async fn delete(tx: &mut Tx, _: &Permit, id: Uuid) -> Result<()> {
    let id = id.to_string();
    tx.execute("DELETE FROM external_identities WHERE provider_id = $1", &params![&id]).await?;
    tx.execute("DELETE FROM identity_providers WHERE id = $1", &params![&id]).await.map(drop)
}

/// Whom an issuer's subject is here, with the id of that link.
pub(super) async fn whom(tx: &mut Tx, issuer: &str, subject: &str) -> Result<Option<(Uuid, Uuid)>> {
    let sql = "SELECT id, user_id FROM external_identities WHERE issuer = $1 AND subject = $2";
    let row = tx.query_opt(sql, &params![issuer, subject]).await?;
    row.as_ref().map(|row| Ok((id(row, 0)?, id(row, 1)?))).transpose()
}

/// A new link between somebody at a provider and a user here.
pub(super) struct Link<'a> {
    pub id: Uuid,
    pub provider: &'a Provider,
    pub subject: &'a str,
    pub user: Uuid,
    pub email: Option<&'a str>,
}

pub(super) async fn link(tx: &mut Tx, _: &Permit, link: &Link<'_>, now: Micros) -> Result<()> {
    let sql = "INSERT INTO external_identities (id, provider_id, issuer, subject, user_id, email, created_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let (id, provider, user) = (link.id.to_string(), link.provider.id.to_string(), link.user.to_string());
    let values = params![id, provider, &link.provider.issuer, link.subject, user, link.email, now];
    tx.execute(sql, &values).await.map(drop)
}

pub(super) async fn unlink(tx: &mut Tx, _: &Permit, id: Uuid) -> Result<()> {
    tx.execute("DELETE FROM external_identities WHERE id = $1", &params![id.to_string()]).await.map(drop)
}

const OF_USER: &str = "SELECT e.id, e.provider_id, p.slug, p.name, e.subject, e.email, e.created_at, p.enabled \
                       FROM external_identities e JOIN identity_providers p ON p.id = e.provider_id \
                       WHERE e.user_id = $1 ORDER BY e.created_at, e.id";

/// Who a user is at providers.
pub(super) async fn of_user(db: &Db, user: Uuid) -> Result<Vec<Identity>> {
    db.query(OF_USER, &params![user.to_string()]).await?.iter().map(identity).collect()
}

/// The same as a change sees it.
pub(super) async fn of_user_in(tx: &mut Tx, user: Uuid) -> Result<Vec<Identity>> {
    tx.query(OF_USER, &params![user.to_string()]).await?.iter().map(identity).collect()
}

fn identity(row: &Row) -> Result<Identity> {
    Ok(Identity {
        id: id(row, 0)?,
        provider: id(row, 1)?,
        slug: row.text(2)?.to_owned(),
        provider_name: row.text(3)?.to_owned(),
        subject: row.text(4)?.to_owned(),
        email: row.opt_text(5)?.map(str::to_owned),
        created_at: row.int(6)?,
        enabled: row.bool(7)?,
    })
}

/// Can a user sign in without a provider: by a password or a passkey?
pub(super) async fn has_own_way(tx: &mut Tx, user: Uuid) -> Result<bool> {
    let sql = "SELECT 1 FROM users WHERE id = $1 AND password IS NOT NULL \
               UNION ALL SELECT 1 FROM passkeys WHERE user_id = $1";
    Ok(!tx.query(sql, &params![user.to_string()]).await?.is_empty())
}

/// A logout token that was carried out, and whose sessions it ended.
pub(super) struct Spent<'a> {
    pub id: &'a str,
    pub until: Micros,
    pub provider: Uuid,
    pub subject: Option<&'a str>,
    pub session: Option<&'a str>,
}

/// Notes that a logout token was carried out; answers whether it was not before. Those that are too old to come again go.
pub(super) async fn spend(tx: &mut Tx, _: &Permit, spent: &Spent<'_>, now: Micros) -> Result<bool> {
    tx.execute("DELETE FROM spent_logout_tokens WHERE until <= $1", &params![now]).await?;
    let sql = "INSERT INTO spent_logout_tokens (id, until, provider_id, subject, sid, at) \
               VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING";
    let Spent { id, until, subject, session, .. } = *spent;
    let values = params![id, until, spent.provider.to_string(), subject, session, now];
    Ok(tx.execute(sql, &values).await? > 0)
}

/// What the logouts of a provider since then ended: of whom, and which session, as it said it.
pub(super) async fn logouts_since(
    tx: &mut Tx,
    provider: Uuid,
    since: Micros,
) -> Result<Vec<(Option<String>, Option<String>)>> {
    let sql = "SELECT subject, sid FROM spent_logout_tokens WHERE provider_id = $1 AND at > $2";
    let rows = tx.query(sql, &params![provider.to_string(), since]).await?;
    let text = |row: &Row, column| row.opt_text(column).map(|text| text.map(str::to_owned));
    rows.iter().map(|row| Ok((text(row, 0)?, text(row, 1)?))).collect()
}
