//! SQL of spaces.

use crate::access::Permit;
use crate::base::db::{DbError, Tx, params};
use garth_core::Micros;
use uuid::Uuid;

type Result<T> = std::result::Result<T, DbError>;

/// A space as it is written.
pub(super) struct Row {
    pub id: Uuid,
    pub name: String,
    pub description: String,
    pub labels: String,
    pub view: String,
    pub edit: String,
    pub parent: Option<Uuid>,
    pub inherits: bool,
    pub sealed: bool,
    pub secret_key: String,
    pub now: Micros,
}

pub(super) async fn insert(tx: &mut Tx, _: &Permit, row: &Row) -> Result<()> {
    let sql = "INSERT INTO spaces (id, name, description, parent_id, view_policy, edit_policy, inherits, sealed, \
               archived, labels, default_mark, secret_key, version, created_at, updated_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, NULL, $10, 1, $11, $11)";
    let values = params![
        row.id.to_string(),
        &row.name,
        &row.description,
        row.parent.map(|p| p.to_string()),
        &row.view,
        &row.edit,
        row.inherits,
        row.sealed,
        &row.labels,
        &row.secret_key,
        row.now
    ];
    tx.execute(sql, &values).await.map(drop)
}

/// Gives the default space its name; only while it has none.
pub(super) async fn name_default(tx: &mut Tx, _: &Permit, row: &Row) -> Result<()> {
    let sql = "UPDATE spaces SET name = $2, description = $3, view_policy = $4, edit_policy = $5, labels = $6, \
               secret_key = CASE WHEN secret_key = '' THEN $7 ELSE secret_key END, version = version + 1, \
               updated_at = $8 WHERE id = $1 AND name = ''";
    let values = params![
        row.id.to_string(),
        &row.name,
        &row.description,
        &row.view,
        &row.edit,
        &row.labels,
        &row.secret_key,
        row.now
    ];
    tx.execute(sql, &values).await.map(drop)
}

/// Writes every field that can change; the caller has filled in what stays.
pub(super) async fn update(tx: &mut Tx, _: &Permit, row: &Row) -> Result<()> {
    let sql = "UPDATE spaces SET name = $2, description = $3, parent_id = $4, view_policy = $5, edit_policy = $6, \
               inherits = $7, sealed = $8, labels = $9, version = version + 1, updated_at = $10 WHERE id = $1";
    let values = params![
        row.id.to_string(),
        &row.name,
        &row.description,
        row.parent.map(|p| p.to_string()),
        &row.view,
        &row.edit,
        row.inherits,
        row.sealed,
        &row.labels,
        row.now
    ];
    tx.execute(sql, &values).await.map(drop)
}

pub(super) async fn set_archived(tx: &mut Tx, _: &Permit, id: Uuid, archived: bool, now: Micros) -> Result<()> {
    let sql = "UPDATE spaces SET archived = $2, version = version + 1, updated_at = $3 WHERE id = $1";
    tx.execute(sql, &params![id.to_string(), archived, now]).await.map(drop)
}

/// Keeps the wrapped key of a space that had none yet.
pub(super) async fn set_secret_key(tx: &mut Tx, _: &Permit, id: Uuid, key: &str) -> Result<()> {
    let sql = "UPDATE spaces SET secret_key = $2 WHERE id = $1 AND secret_key = ''";
    tx.execute(sql, &params![id.to_string(), key]).await.map(drop)
}

/// Gives a new space a quota: its meter, its limit, its window as JSON.
pub(super) async fn insert_quota(
    tx: &mut Tx,
    _: &Permit,
    space: Uuid,
    (meter, limit, window): (&str, Option<i64>, &str),
) -> Result<()> {
    let sql = "INSERT INTO quotas (space_id, meter, most, period, roles) VALUES ($1, $2, $3, $4, NULL)";
    tx.execute(sql, &params![space.to_string(), meter, limit, window]).await.map(drop)
}

/// Resources of a class that stand alike to somebody, and how many they are.
pub(super) struct Alike {
    pub class: i64,
    pub author: bool,
    pub owner: bool,
    pub subscriber: bool,
    pub count: i64,
}

/// How many resources a space holds, told apart by what they are to that principal; without those that require others,
/// which the principal may not see.
pub(super) async fn contents(tx: &mut Tx, id: Uuid, me: &str) -> Result<Vec<Alike>> {
    let sql = "SELECT r.class_id, CASE WHEN r.author = $2 THEN 1 ELSE 0 END AS author_is, \
               CASE WHEN r.owner = $2 THEN 1 ELSE 0 END AS owner_is, CASE WHEN EXISTS (SELECT 1 \
               FROM resource_subscribers s WHERE s.resource_id = r.id AND s.subscriber = $2) THEN 1 ELSE 0 END \
               AS subscriber_is, COUNT(*) FROM resources r JOIN access_classes c ON c.id = r.class_id \
               WHERE c.space_id = $1 AND NOT EXISTS (SELECT 1 FROM resource_requirements q WHERE q.resource_id = r.id) \
               GROUP BY r.class_id, author_is, owner_is, subscriber_is";
    let read = |row: &crate::base::db::Row| {
        let (author, owner, subscriber) = (row.bool(1)?, row.bool(2)?, row.bool(3)?);
        Ok(Alike { class: row.int(0)?, author, owner, subscriber, count: row.int(4)? })
    };
    tx.query(sql, &params![id.to_string(), me]).await?.iter().map(read).collect()
}

/// Does something that lies elsewhere require something in the space?
pub(super) async fn required_elsewhere(tx: &mut Tx, id: Uuid) -> Result<bool> {
    let sql = "SELECT 1 FROM access_classes c JOIN resources t ON t.class_id = c.id \
               JOIN resource_requirements q ON q.required_id = t.id AND q.direct = 1 \
               JOIN resources r ON r.id = q.resource_id JOIN access_classes o ON o.id = r.class_id \
               WHERE c.space_id = $1 AND o.space_id <> $1 LIMIT 1";
    Ok(tx.query_opt(sql, &params![id.to_string()]).await?.is_some())
}

/// Which of these resources (a JSON list of ids) lie in the space.
pub(super) async fn inside(tx: &mut Tx, id: Uuid, resources: &str) -> Result<Vec<String>> {
    let sql = "SELECT r.id FROM resources r JOIN access_classes c ON c.id = r.class_id \
               WHERE c.space_id = $1 AND r.id IN LIST($2) ORDER BY r.id";
    let rows = tx.query(sql, &params![id.to_string(), resources]).await?;
    rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}

/// Puts other wrapped keys of a space in the place of those it has.
pub(super) async fn exchange_secret_key(tx: &mut Tx, _: &Permit, id: Uuid, key: &str) -> Result<()> {
    tx.execute("UPDATE spaces SET secret_key = $2 WHERE id = $1", &params![id.to_string(), key]).await.map(drop)
}

/// Takes a space away with everything in it; its key goes with the row.
pub(super) async fn delete(tx: &mut Tx, _: &Permit, id: Uuid) -> Result<()> {
    let inside = "SELECT r.id FROM resources r JOIN access_classes c ON c.id = r.class_id WHERE c.space_id = $1";
    let numbers = inside.replace("r.id", "r.number");
    for sql in [
        format!("DELETE FROM resource_terms WHERE resource_number IN ({numbers})"),
        format!("DELETE FROM resource_words WHERE resource_number IN ({numbers})"),
        format!("DELETE FROM attachments WHERE consumer_id IN ({inside})"),
        format!("DELETE FROM resource_offers WHERE resource_id IN ({inside})"),
        format!("DELETE FROM resource_labels WHERE resource_id IN ({inside})"),
        format!("DELETE FROM resource_subscribers WHERE resource_id IN ({inside})"),
        format!("DELETE FROM resource_followers WHERE leader_id IN ({inside}) OR follower_id IN ({inside})"),
        format!("DELETE FROM resource_requirements WHERE resource_id IN ({inside})"),
        "DELETE FROM resources WHERE class_id IN (SELECT id FROM access_classes WHERE space_id = $1)".to_owned(),
        "DELETE FROM access_classes WHERE space_id = $1".to_owned(),
        "DELETE FROM grants WHERE space_id = $1".to_owned(),
        "DELETE FROM quotas WHERE space_id = $1".to_owned(),
        "DELETE FROM meter_units WHERE space_id = $1".to_owned(),
        "DELETE FROM api_calls WHERE space_id = $1".to_owned(),
        "DELETE FROM resource_counts WHERE space_id = $1".to_owned(),
        "UPDATE users SET default_space = NULL WHERE default_space = $1".to_owned(),
        // What was sent stays counted; to whom is forgotten.
        "UPDATE invitations SET token_hash = id, sent_to = '', handle = '', user_id = NULL, ended_at = created_at \
         WHERE space_id = $1"
            .to_owned(),
        "DELETE FROM inbound_addresses WHERE space_id = $1".to_owned(),
        "DELETE FROM spaces WHERE id = $1".to_owned(),
    ] {
        tx.execute(&sql, &params![id.to_string()]).await?;
    }
    Ok(())
}
