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

const MEMBERS: &str = "SELECT member FROM group_members WHERE group_id = $1 ORDER BY member";

pub(super) async fn members(tx: &mut Tx, id: Uuid) -> Result<Vec<String>> {
    let rows = tx.query(MEMBERS, &params![id.to_string()]).await?;
    rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}

pub(super) async fn members_read(db: &Db, id: Uuid) -> Result<Vec<String>> {
    let rows = db.scan(MEMBERS, params![id.to_string()].to_vec()).await?;
    rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}

/// Answers whether the member was not there yet.
pub(super) async fn add_member(tx: &mut Tx, _: &Permit, id: Uuid, member: &str) -> Result<bool> {
    let sql = "INSERT INTO group_members (group_id, member) VALUES ($1, $2) ON CONFLICT (group_id, member) DO NOTHING";
    Ok(tx.execute(sql, &params![id.to_string(), member]).await? > 0)
}

/// Answers whether the member was there.
pub(super) async fn remove_member(tx: &mut Tx, _: &Permit, id: Uuid, member: &str) -> Result<bool> {
    let sql = "DELETE FROM group_members WHERE group_id = $1 AND member = $2";
    Ok(tx.execute(sql, &params![id.to_string(), member]).await? > 0)
}
