//! SQL of AI providers: what they used.

use crate::access::Permit;
use crate::base::db::{Db, DbError, Tx, params};
use garth_core::Micros;

type Result<T> = std::result::Result<T, DbError>;

const SUM: &str = "SELECT COALESCE(SUM(tokens), 0) FROM ai_usage WHERE provider_id = $1 AND at > $2";

/// Tokens that a provider used since then, reserved ones included.
pub(super) async fn used(db: &Db, provider: &str, since: Micros) -> Result<i64> {
    let row = db.query_opt(&format!("SELECT CAST(({SUM}) AS BIGINT)"), &params![provider, since]).await?;
    row.map_or(Ok(0), |row| row.int(0))
}

/// What was used since then, the oldest first: when, and how much.
pub(super) async fn each(tx: &mut Tx, provider: &str, since: Micros) -> Result<Vec<(Micros, i64)>> {
    let sql = "SELECT at, tokens FROM ai_usage WHERE provider_id = $1 AND at > $2 ORDER BY at, id";
    let rows = tx.query(sql, &params![provider, since]).await?;
    rows.iter().map(|row| Ok((row.int(0)?, row.int(1)?))).collect()
}

/// When the first of what was used since then was used.
pub(super) async fn first(db: &Db, provider: &str, since: Micros) -> Result<Option<Micros>> {
    let sql = "SELECT MIN(at) FROM ai_usage WHERE provider_id = $1 AND at > $2 AND tokens > 0";
    let row = db.query_opt(sql, &params![provider, since]).await?;
    row.map_or(Ok(None), |row| row.opt_int(0))
}

pub(super) async fn reserve(
    tx: &mut Tx,
    _: &Permit,
    id: &str,
    (provider, space): (&str, &str),
    tokens: i64,
    at: Micros,
) -> Result<()> {
    let sql = "INSERT INTO ai_usage (id, provider_id, space_id, at, tokens, settled) VALUES ($1, $2, $3, $4, $5, 0)";
    tx.execute(sql, &params![id, provider, space, at, tokens]).await.map(drop)
}

pub(super) async fn settle(tx: &mut Tx, _: &Permit, id: &str, tokens: i64) -> Result<()> {
    tx.execute("UPDATE ai_usage SET tokens = $2, settled = 1 WHERE id = $1", &params![id, tokens]).await.map(drop)
}

/// Takes away what counts in no window any more.
pub(super) async fn forget(tx: &mut Tx, _: &Permit, before: Micros) -> Result<()> {
    tx.execute("DELETE FROM ai_usage WHERE at <= $1", &params![before]).await.map(drop)
}
