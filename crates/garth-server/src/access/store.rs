//! SQL of enforcement: the audit entry, the change-log row, and the interning of classes.

use crate::base::db::{Db, DbError, Tx, params};
use crate::directory::Change;
use garth_core::Micros;

/// One change or refusal, as it is stored.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    /// A random id.
    pub id: String,
    /// When.
    pub at: Micros,
    /// The space whose administrators see it; empty for the system's.
    pub space: String,
    /// Who did it, as a principal, or `system` or `anonymous`.
    pub actor: String,
    /// By what credential.
    pub credential: String,
    /// What, as `space.create`.
    pub action: String,
    /// The type of what it was done to.
    pub target_type: String,
    /// Its id.
    pub target_id: String,
    /// `done` or `refused`.
    pub outcome: String,
    /// The state before, as JSON; empty if there was none.
    pub before: String,
    /// The state after, as JSON; empty if there is none.
    pub after: String,
    /// The request that did it.
    pub request_id: String,
}

pub(super) async fn insert_audit(tx: &mut Tx, e: &AuditEntry) -> Result<(), DbError> {
    let sql = "INSERT INTO audit (id, at, space_id, actor, credential, action, target_type, target_id, outcome, \
               before_state, after_state, request_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    let values = params![
        &e.id,
        e.at,
        &e.space,
        &e.actor,
        &e.credential,
        &e.action,
        &e.target_type,
        &e.target_id,
        &e.outcome,
        &e.before,
        &e.after,
        &e.request_id
    ];
    tx.execute(sql, &values).await.map(drop)
}

pub(super) async fn insert_change(tx: &mut Tx, seq: i64, change: &Change, at: Micros) -> Result<(), DbError> {
    let (noun, id) = change.parts();
    let sql = "INSERT INTO changes (seq, noun, id, at) VALUES ($1, $2, $3, $4)";
    tx.execute(sql, &params![seq, noun, id, at]).await.map(drop)
}

/// Keeps the number that the next resource gets, for when those with the highest are gone.
pub(super) async fn keep_count(tx: &mut Tx, next: i64) -> Result<(), DbError> {
    let sql = "INSERT INTO installation (name, value) VALUES ('next_number', $1) \
               ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    tx.execute(sql, &params![next.to_string()]).await.map(drop)
}

pub(super) async fn insert_class(
    tx: &mut Tx,
    id: u32,
    space: &str,
    kind: &str,
    view: &str,
    edit: &str,
) -> Result<(), DbError> {
    let sql =
        "INSERT INTO access_classes (id, space_id, kind_id, view_policy, edit_policy) VALUES ($1, $2, $3, $4, $5)";
    tx.execute(sql, &params![id, space, kind, view, edit]).await.map(drop)
}

/// What tells the installation's key from any other, if one was ever used.
pub(super) async fn key_proof(db: &Db) -> Result<Option<String>, DbError> {
    let row = db.query_opt("SELECT value FROM installation WHERE name = 'key_proof'", &[]).await?;
    row.map(|row| row.text(0).map(str::to_owned)).transpose()
}

pub(super) async fn keep_key_proof(tx: &mut Tx, proof: &str) -> Result<(), DbError> {
    let sql = "INSERT INTO installation (name, value) VALUES ('key_proof', $1)";
    tx.execute(sql, &params![proof]).await.map(drop)
}
