//! SQL of login policies: themselves, the sessions that end with a change of them, and samples.

use crate::access::Permit;
use crate::base::db::{Db, DbError, Tx, params};
use crate::base::rego::Version;
use garth_core::Micros;
use uuid::Uuid;

type Result<T> = std::result::Result<T, DbError>;

/// A policy as it is written.
pub(super) struct Row<'a> {
    pub id: Uuid,
    pub name: &'a str,
    pub rego: &'a str,
    pub version: Version,
    pub enabled: bool,
}

pub(super) async fn insert(tx: &mut Tx, _: &Permit, row: &Row<'_>, now: Micros) -> Result<()> {
    let sql = "INSERT INTO login_policies (id, name, rego, version, enabled, created_at, updated_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $6)";
    let values = params![row.id.to_string(), row.name, row.rego, row.version.as_str(), row.enabled, now];
    tx.execute(sql, &values).await.map(drop)
}

pub(super) async fn update(tx: &mut Tx, _: &Permit, row: &Row<'_>, now: Micros) -> Result<()> {
    let sql = "UPDATE login_policies SET name = $2, rego = $3, version = $4, enabled = $5, updated_at = $6 \
               WHERE id = $1";
    let values = params![row.id.to_string(), row.name, row.rego, row.version.as_str(), row.enabled, now];
    tx.execute(sql, &values).await.map(drop)
}

pub(super) async fn delete(tx: &mut Tx, _: &Permit, id: Uuid) -> Result<()> {
    tx.execute("DELETE FROM login_policies WHERE id = $1", &params![id.to_string()]).await.map(drop)
}

/// Ends every session but one, and answers how many.
pub(super) async fn end_sessions(tx: &mut Tx, _: &Permit, keep: Option<Uuid>) -> Result<u64> {
    let keep = keep.map(|id| id.to_string()).unwrap_or_default();
    tx.execute("DELETE FROM sessions WHERE id <> $1", &params![keep]).await
}

/// Keeps a sample; those that are too many or too old go.
pub(super) async fn insert_sample(
    tx: &mut Tx,
    _: &Permit,
    sample: &super::Sample,
    since: Micros,
    (most, most_refused): (i64, i64),
) -> Result<()> {
    let sql = "INSERT INTO login_samples (id, at, user_id, refused, input, policies, result) \
               VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let (id, user) = (sample.id.to_string(), sample.user.map(|user| user.to_string()));
    let (input, policies, result) = (sample.input.to_string(), sample.policies.to_string(), sample.result.to_string());
    tx.execute(sql, &params![id, sample.at, user, sample.refused, input, policies, result]).await?;
    let sql = "DELETE FROM login_samples WHERE refused = 1 AND id NOT IN \
               (SELECT id FROM login_samples WHERE refused = 1 ORDER BY at DESC, id DESC LIMIT $1)";
    tx.execute(sql, &params![most_refused]).await?;
    let sql = "DELETE FROM login_samples WHERE at <= $1 OR id NOT IN \
               (SELECT id FROM login_samples ORDER BY at DESC, id DESC LIMIT $2)";
    tx.execute(sql, &params![since, most]).await.map(drop)
}

/// The samples since then, the last first: id, when, who (or nobody), refused or not, input, policies, result.
pub(super) async fn samples(db: &Db, since: Micros, most: i64) -> Result<Vec<[String; 7]>> {
    let sql = "SELECT id, at, user_id, refused, input, policies, result FROM login_samples WHERE at > $1 \
               ORDER BY at DESC, id DESC LIMIT $2";
    let text = |row: &crate::base::db::Row, column| row.text(column).map(str::to_owned);
    let rows = db.scan(sql, params![since, most].to_vec()).await?;
    let one = |row: &crate::base::db::Row| {
        let user = row.opt_text(2)?.unwrap_or_default().to_owned();
        let (at, refused) = (row.int(1)?.to_string(), row.int(3)?.to_string());
        Ok([text(row, 0)?, at, user, refused, text(row, 4)?, text(row, 5)?, text(row, 6)?])
    };
    rows.iter().map(one).collect()
}
