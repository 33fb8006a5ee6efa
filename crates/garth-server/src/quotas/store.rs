//! SQL of quotas, and of the units that were taken of applications' meters.

use super::meter::Now;
use crate::access::Permit;
use crate::base::db::{Db, DbError, Row, Tx, params};

type Result<T> = std::result::Result<T, DbError>;

/// Writes a quota: its limit, its window and roles as JSON.
pub(super) async fn put(
    tx: &mut Tx,
    _: &Permit,
    (space, meter): (&str, &str),
    limit: Option<i64>,
    window: &str,
    roles: Option<&str>,
) -> Result<()> {
    let sql = "INSERT INTO quotas (space_id, meter, most, period, roles) VALUES ($1, $2, $3, $4, $5) \
               ON CONFLICT (space_id, meter) DO UPDATE SET most = excluded.most, period = excluded.period, \
               roles = excluded.roles";
    tx.execute(sql, &params![space, meter, limit, window, roles]).await.map(drop)
}

pub(super) async fn delete(tx: &mut Tx, permit: &Permit, space: &str, meter: &str) -> Result<()> {
    forget(tx, permit, space, meter).await?;
    tx.execute("DELETE FROM quotas WHERE space_id = $1 AND meter = $2", &params![space, meter]).await.map(drop)
}

/// Forgets what was taken of a meter.
pub(super) async fn forget(tx: &mut Tx, _: &Permit, space: &str, meter: &str) -> Result<()> {
    tx.execute("DELETE FROM meter_units WHERE space_id = $1 AND meter = $2", &params![space, meter]).await.map(drop)
}

const USED: &str = "SELECT CAST(COALESCE(SUM(units), 0) AS BIGINT), MIN(slot) FROM meter_units \
                    WHERE space_id = $1 AND meter = $2 AND slot >= $3 AND slot <= $4";

/// What counts of a meter, and the first slot that something counts of.
fn sum(row: Option<Row>) -> Result<(i64, Option<i64>)> {
    row.map_or(Ok((0, None)), |row| Ok((row.int(0)?, row.opt_int(1)?)))
}

pub(super) async fn used(db: &Db, space: &str, meter: &str, now: Now) -> Result<(i64, Option<i64>)> {
    sum(db.query_opt(USED, &params![space, meter, now.first, now.last]).await?)
}

pub(super) async fn used_in(tx: &mut Tx, space: &str, meter: &str, now: Now) -> Result<(i64, Option<i64>)> {
    sum(tx.query_opt(USED, &params![space, meter, now.first, now.last]).await?)
}

/// Units by slot, the first first.
pub(super) async fn slots(tx: &mut Tx, space: &str, meter: &str, now: Now) -> Result<Vec<(i64, i64)>> {
    let sql = "SELECT slot, units FROM meter_units WHERE space_id = $1 AND meter = $2 AND slot >= $3 AND slot <= $4 \
               ORDER BY slot";
    let rows = tx.query(sql, &params![space, meter, now.first, now.last]).await?;
    rows.iter().map(|row| Ok((row.int(0)?, row.int(1)?))).collect()
}

/// Adds units, and forgets those that have long ceased to count.
pub(super) async fn add(tx: &mut Tx, _: &Permit, (space, meter): (&str, &str), now: Now, units: i64) -> Result<()> {
    let sql = "DELETE FROM meter_units WHERE space_id = $1 AND meter = $2 AND slot < $3";
    tx.execute(sql, &params![space, meter, now.kept()]).await?;
    let sql = "INSERT INTO meter_units (space_id, meter, slot, units) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (space_id, meter, slot) DO UPDATE SET units = meter_units.units + excluded.units";
    tx.execute(sql, &params![space, meter, now.slot, units]).await.map(drop)
}
