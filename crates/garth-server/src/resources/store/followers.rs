//! SQL of moving: who follows whom, and where a resource lies.

use super::{Asked, Result, attachments, read_asked};
use crate::access::{Permit, Write};
use crate::base::db::{Db, Tx, params};
use garth_core::ClassIx;

/// Puts a resource into another class before anything else of it changes.
pub(in crate::resources) async fn place(w: &mut Write<'_>, permit: &Permit, id: &str, class: ClassIx) -> Result<()> {
    w.resource_changed(id);
    let tx = w.tx();
    tx.execute("UPDATE resources SET class_id = $2 WHERE id = $1", &params![id, class.0]).await?;
    let terms = "UPDATE resource_terms SET class_id = $2 \
                 WHERE resource_number = (SELECT number FROM resources WHERE id = $1)";
    tx.execute(terms, &params![id, class.0]).await?;
    attachments::place(tx, permit, id, class).await
}

/// Somebody who follows.
pub(in crate::resources) struct Follower {
    /// The id of whom they follow.
    pub leader: String,
    /// What a decision needs of the follower.
    pub asked: Asked,
    /// The follower's code.
    pub code: String,
}

/// Who follows one of these (a JSON list of ids), so many at most.
pub(in crate::resources) async fn of(tx: &mut Tx, leaders: String, most: usize) -> Result<Vec<Follower>> {
    let sql = "SELECT r.id, r.class_id, r.author, r.owner, f.leader_id, r.code FROM resource_followers f \
               JOIN resources r ON r.id = f.follower_id WHERE f.leader_id IN LIST($1) \
               ORDER BY f.leader_id, f.follower_id LIMIT $2";
    let rows = tx.query(sql, &params![leaders, i64::try_from(most).unwrap_or(i64::MAX)]).await?;
    let read = |row| {
        let asked = read_asked(row)?;
        Ok(Follower { leader: row.text(4)?.to_owned(), asked, code: row.text(5)?.to_owned() })
    };
    rows.iter().map(read).collect()
}

/// The ids of what follows a resource or requires it by its own body, so many at most.
pub(in crate::resources) async fn near(db: &Db, id: &str, most: usize) -> Result<Vec<String>> {
    let sql = "SELECT follower_id FROM resource_followers WHERE leader_id = $1 UNION \
               SELECT resource_id FROM resource_requirements WHERE required_id = $1 AND direct = 1 AND resource_id <> $1 \
               ORDER BY 1 LIMIT $2";
    let rows = db.query(sql, &params![id, i64::try_from(most).unwrap_or(i64::MAX)]).await?;
    rows.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
}

/// Writes down whom a resource follows.
pub(in crate::resources) async fn put(tx: &mut Tx, _: &Permit, follower: &str, leaders: &[String]) -> Result<()> {
    for leader in leaders {
        let sql = "INSERT INTO resource_followers (leader_id, follower_id) VALUES ($1, $2)";
        tx.execute(sql, &params![leader, follower]).await?;
    }
    Ok(())
}

/// Forgets whom a resource followed.
pub(in crate::resources) async fn forget(tx: &mut Tx, _: &Permit, follower: &str) -> Result<()> {
    tx.execute("DELETE FROM resource_followers WHERE follower_id = $1", &params![follower]).await.map(drop)
}
