//! SQL of deliveries: whom parcels reached, who does not want them, which endpoints rest.

use crate::access::Permit;
use crate::base::db::{Db, DbError, Tx, params};
use garth_core::Micros;

type Result<T> = std::result::Result<T, DbError>;

/// Whom a parcel reached.
pub(super) async fn reached(db: &Db, parcel: &str) -> Result<Vec<String>> {
    let sql = "SELECT recipient FROM delivery_reached WHERE parcel = $1 ORDER BY recipient";
    let rows = db.query(sql, &params![parcel]).await?;
    rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}

pub(super) async fn keep_reached(tx: &mut Tx, _: &Permit, parcel: &str, recipient: &str, at: Micros) -> Result<()> {
    let sql = "INSERT INTO delivery_reached (parcel, recipient, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    tx.execute(sql, &params![parcel, recipient, at]).await.map(drop)
}

/// Takes away what no attempt asks about any more, and the wishes about jobs that are gone.
pub(super) async fn forget(tx: &mut Tx, _: &Permit, before: Micros, now: Micros) -> Result<()> {
    tx.execute("DELETE FROM delivery_reached WHERE at < $1", &params![before]).await?;
    tx.execute("DELETE FROM delivery_rests WHERE until IS NOT NULL AND until <= $1", &params![now]).await?;
    tx.execute("DELETE FROM delivery_silences WHERE until IS NOT NULL AND until <= $1", &params![now]).await?;
    let gone = "DELETE FROM delivery_silences WHERE NOT EXISTS (SELECT 1 FROM resources r WHERE r.id = job_id)";
    tx.execute(gone, &[]).await.map(drop)
}

/// Who does not want what that entry sends, each until when; `None` is for good.
pub(super) async fn silences(db: &Db, job: &str, entry: &str) -> Result<Vec<(String, Option<Micros>)>> {
    let sql = "SELECT address, until FROM delivery_silences WHERE job_id = $1 AND entry = $2 ORDER BY address";
    let rows = db.query(sql, &params![job, entry]).await?;
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.opt_int(1)?))).collect()
}

/// Until when one address does not want what that entry sends, as this change finds it: `Some(None)` is for good.
pub(super) async fn silence(tx: &mut Tx, (job, entry, address): (&str, &str, &str)) -> Result<Option<Option<Micros>>> {
    let sql = "SELECT until FROM delivery_silences WHERE job_id = $1 AND entry = $2 AND address = $3";
    let row = tx.query_opt(sql, &params![job, entry, address]).await?;
    row.map(|row| row.opt_int(0)).transpose()
}

/// Keeps the wish of one address, in the place of an earlier one.
pub(super) async fn keep_silence(
    tx: &mut Tx,
    _: &Permit,
    (job, entry, address): (&str, &str, &str),
    until: Option<Micros>,
    at: Micros,
) -> Result<()> {
    let sql = "INSERT INTO delivery_silences (job_id, entry, address, until, at) VALUES ($1, $2, $3, $4, $5) \
               ON CONFLICT (job_id, entry, address) DO UPDATE SET until = excluded.until, at = excluded.at";
    tx.execute(sql, &params![job, entry, address, until, at]).await.map(drop)
}

pub(super) async fn end_silence(tx: &mut Tx, _: &Permit, (job, entry, address): (&str, &str, &str)) -> Result<()> {
    let sql = "DELETE FROM delivery_silences WHERE job_id = $1 AND entry = $2 AND address = $3";
    tx.execute(sql, &params![job, entry, address]).await.map(drop)
}

/// Does an endpoint rest: `Some(None)` for good, `Some(until)` for a while.
pub(super) async fn rest(db: &Db, endpoint: &str) -> Result<Option<Option<Micros>>> {
    let row = db.query_opt("SELECT until FROM delivery_rests WHERE endpoint = $1", &params![endpoint]).await?;
    row.map(|row| row.opt_int(0)).transpose()
}

pub(super) async fn keep_rest(
    tx: &mut Tx,
    _: &Permit,
    endpoint: &str,
    until: Option<Micros>,
    at: Micros,
) -> Result<()> {
    let sql = "INSERT INTO delivery_rests (endpoint, until, at) VALUES ($1, $2, $3) \
               ON CONFLICT (endpoint) DO UPDATE SET until = excluded.until, at = excluded.at";
    tx.execute(sql, &params![endpoint, until, at]).await.map(drop)
}

pub(super) async fn end_rest(tx: &mut Tx, _: &Permit, endpoint: &str) -> Result<()> {
    tx.execute("DELETE FROM delivery_rests WHERE endpoint = $1", &params![endpoint]).await.map(drop)
}
