//! SQL of groups and their members.

use crate::access::Permit;
use crate::base::db::{Db, DbError, Tx, params};
use garth_core::Micros;
use uuid::Uuid;

type Result<T> = std::result::Result<T, DbError>;

pub(super) async fn insert(tx: &mut Tx, _: &Permit, id: Uuid, name: &str, now: Micros) -> Result<()> {
    let sql = "INSERT INTO groups (id, name, created_at) VALUES ($1, $2, $3)";
    tx.execute(sql, &params![id.to_string(), name, now]).await.map(drop)
}

pub(super) async fn rename(tx: &mut Tx, _: &Permit, id: Uuid, name: &str) -> Result<()> {
    tx.execute("UPDATE groups SET name = $2 WHERE id = $1", &params![id.to_string(), name]).await.map(drop)
}

pub(super) async fn delete(tx: &mut Tx, _: &Permit, id: Uuid) -> Result<()> {
    tx.execute("DELETE FROM group_members WHERE group_id = $1", &params![id.to_string()]).await?;
    tx.execute("DELETE FROM groups WHERE id = $1", &params![id.to_string()]).await.map(drop)
}

const MEMBERS: &str = "SELECT DISTINCT member FROM group_members WHERE group_id = $1 ORDER BY member";

pub(super) async fn members(tx: &mut Tx, id: Uuid) -> Result<Vec<String>> {
    let rows = tx.query(MEMBERS, &params![id.to_string()]).await?;
    rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}

pub(super) async fn members_read(db: &Db, id: Uuid) -> Result<Vec<String>> {
    let rows = db.scan(MEMBERS, params![id.to_string()].to_vec()).await?;
    rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}

/// Answers whether the member was not there yet by that hand: `''` is somebody's, else it is a provider's id.
pub(super) async fn add_member(tx: &mut Tx, _: &Permit, id: Uuid, member: &str, source: &str) -> Result<bool> {
    let sql = "INSERT INTO group_members (group_id, member, source) VALUES ($1, $2, $3) \
               ON CONFLICT (group_id, member, source) DO NOTHING";
    Ok(tx.execute(sql, &params![id.to_string(), member, source]).await? > 0)
}

/// Answers whether the member was there by that hand.
pub(super) async fn remove_member(tx: &mut Tx, _: &Permit, id: Uuid, member: &str, source: &str) -> Result<bool> {
    let sql = "DELETE FROM group_members WHERE group_id = $1 AND member = $2 AND source = $3";
    Ok(tx.execute(sql, &params![id.to_string(), member, source]).await? > 0)
}

/// Is it a member, by whatever hand?
pub(super) async fn contains(tx: &mut Tx, id: Uuid, member: &str) -> Result<bool> {
    let sql = "SELECT 1 FROM group_members WHERE group_id = $1 AND member = $2";
    Ok(!tx.query(sql, &params![id.to_string(), member]).await?.is_empty())
}

/// The groups that a provider put a member into.
pub(super) async fn by_source(tx: &mut Tx, member: &str, source: &str) -> Result<Vec<Uuid>> {
    let sql = "SELECT group_id FROM group_members WHERE member = $1 AND source = $2 ORDER BY group_id";
    let rows = tx.query(sql, &params![member, source]).await?;
    rows.iter().map(|row| Ok(Uuid::try_parse(row.text(0)?).unwrap_or_default())).collect()
}

/// Everybody whom a provider put into a group.
pub(super) async fn members_by_source(tx: &mut Tx, source: &str) -> Result<Vec<String>> {
    let sql = "SELECT DISTINCT member FROM group_members WHERE source = $1 ORDER BY member";
    let rows = tx.query(sql, &params![source]).await?;
    rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}
