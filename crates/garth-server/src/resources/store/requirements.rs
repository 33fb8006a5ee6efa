//! SQL of what must be seen before a resource: which ids a body names, and what those require in turn.

use super::{Asked, Stored, read_asked};
use crate::access::{Needed, Permit};
use crate::base::db::{Db, DbError, Row, Tx, params};
use garth_core::ClassIx;
use hashbrown::HashMap;

type Result<T> = std::result::Result<T, DbError>;

/// A branch beside the row, its labels and its subscribers, in the columns of the row: the required id stands for the
/// code, whether it is direct for the archive state.
pub(super) const PART: &str = "SELECT r.id, q.required_id, COALESCE(t.class_id, -1), '', '', '', COALESCE(t.author, ''), COALESCE(t.owner, ''), \
     q.direct, 0, 0, 0, 3, COALESCE(s.subscriber, '') FROM resources r \
     JOIN resource_requirements q ON q.resource_id = r.id LEFT JOIN resources t ON t.id = q.required_id \
     LEFT JOIN resource_subscribers s ON s.resource_id = t.id";

/// Of many rows, each with the version it belongs to, and that also where there is nothing to tell.
const OF_MANY: &str = "SELECT r.id, r.version, COALESCE(q.required_id, ''), COALESCE(t.class_id, -1), COALESCE(t.author, ''), \
     COALESCE(t.owner, ''), COALESCE(s.subscriber, '') FROM resources r \
     LEFT JOIN resource_requirements q ON q.resource_id = r.id LEFT JOIN resources t ON t.id = q.required_id \
     LEFT JOIN resource_subscribers s ON s.resource_id = t.id AND s.subscriber = $2 WHERE r.id IN LIST($1)";

/// Adds to a list what one row of an answer says of a required resource, whose columns are those: id, class, author,
/// owner, a follower.
fn add(list: &mut Vec<Needed>, row: &Row, columns: [usize; 5]) -> Result<()> {
    let [id, class, author, owner, follower] = columns;
    let id = row.text(id)?;
    if id.is_empty() {
        return Ok(());
    }
    let place = list.iter().position(|needed| needed.id == id);
    if place.is_none() {
        list.push(Needed {
            id: id.to_owned(),
            class: u32::try_from(row.int(class)?).ok().map(ClassIx),
            author: row.text(author)?.to_owned(),
            owner: row.text(owner)?.to_owned(),
            subscribers: Vec::new(),
        });
    }
    let place = place.unwrap_or(list.len() - 1);
    let follower = row.text(follower)?;
    if let Some(needed) = list.get_mut(place).filter(|_| !follower.is_empty()) {
        needed.subscribers.push(follower.to_owned());
    }
    Ok(())
}

/// Reads a row of [`PART`].
pub(super) fn add_part(stored: &mut Stored, row: &Row) -> Result<()> {
    let id = row.text(1)?;
    if row.bool(8)? && !stored.requires.iter().any(|known| known == id) {
        stored.requires.push(id.to_owned());
    }
    add(&mut stored.needed, row, [1, 2, 6, 7, 13])
}

pub(super) fn in_order(stored: &mut Stored) {
    stored.requires.sort_unstable();
    stored.needed.sort_unstable_by(|one, other| one.id.cmp(&other.id));
}

/// Adds to rows what must be seen before them, as one asker needs it, and answers whether it belongs to the rows as
/// they were read.
pub(super) async fn attach(rows: &mut [Stored], db: &Db, ids: &str, me: &str) -> Result<bool> {
    let place: HashMap<String, usize> = rows.iter().enumerate().map(|(at, r)| (r.id.clone(), at)).collect();
    let mut met = vec![false; rows.len()];
    let mut same = true;
    for one in &db.query(OF_MANY, &params![ids, me]).await? {
        let Some(at) = place.get(one.text(0)?).copied() else { continue };
        let (Some(row), Some(met)) = (rows.get_mut(at), met.get_mut(at)) else { continue };
        same &= one.int(1)? == row.version;
        *met = true;
        add(&mut row.needed, one, [2, 3, 4, 5, 6])?;
    }
    Ok(same && !met.contains(&false))
}

/// What checks need of resources before which others must be seen, all of it as of one moment. `people` are the
/// followers that matter, as a JSON list; everybody without.
pub(in crate::resources) async fn asked_needing(db: &Db, ids: &str, people: Option<&str>) -> Result<Vec<Asked>> {
    let only = if people.is_some() { " AND s.subscriber IN LIST($2)" } else { "" };
    let sql = format!(
        "SELECT r.id, r.class_id, r.author, r.owner, COALESCE(q.required_id, ''), COALESCE(t.class_id, -1), \
         COALESCE(t.author, ''), COALESCE(t.owner, ''), COALESCE(s.subscriber, '') FROM resources r \
         LEFT JOIN resource_requirements q ON q.resource_id = r.id LEFT JOIN resources t ON t.id = q.required_id \
         LEFT JOIN resource_subscribers s ON s.resource_id = t.id{only} WHERE r.id IN LIST($1) ORDER BY r.id"
    );
    let rows = match people {
        Some(people) => db.query(&sql, &params![ids, people]).await?,
        None => db.query(&sql, &params![ids]).await?,
    };
    let mut found: Vec<Asked> = Vec::new();
    for row in &rows {
        if found.last().is_none_or(|last| Ok(last.id.as_str()) != row.text(0)) {
            found.push(read_asked(row)?);
        }
        if let Some(last) = found.last_mut() {
            add(&mut last.needed, row, [4, 5, 6, 7, 8])?;
        }
    }
    Ok(found)
}

/// Writes what a resource's body requires in the place of all that was written of it.
pub(in crate::resources) async fn put_direct(tx: &mut Tx, _: &Permit, id: &str, requires: &[String]) -> Result<()> {
    tx.execute("DELETE FROM resource_requirements WHERE resource_id = $1", &params![id]).await?;
    for required in requires {
        let sql = "INSERT INTO resource_requirements (resource_id, required_id, direct) VALUES ($1, $2, 1)";
        tx.execute(sql, &params![id, required]).await?;
    }
    Ok(())
}

/// Writes what a resource requires by way of others.
pub(in crate::resources) async fn put_indirect(tx: &mut Tx, _: &Permit, id: &str, requires: &[String]) -> Result<()> {
    tx.execute("DELETE FROM resource_requirements WHERE resource_id = $1 AND direct = 0", &params![id]).await?;
    for required in requires {
        let sql = "INSERT INTO resource_requirements (resource_id, required_id, direct) VALUES ($1, $2, 0)";
        tx.execute(sql, &params![id, required]).await?;
    }
    Ok(())
}

/// What requires a resource, directly or not, but for itself; so many at most.
pub(in crate::resources) async fn dependents(tx: &mut Tx, id: &str, most: usize) -> Result<Vec<String>> {
    let sql = format!(
        "SELECT resource_id FROM resource_requirements WHERE required_id = $1 AND resource_id <> $1 \
         ORDER BY resource_id LIMIT {most}"
    );
    tx.query(&sql, &params![id]).await?.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
}

/// What the bodies of these resources (a JSON list of ids) require: pairs.
pub(in crate::resources) async fn direct(tx: &mut Tx, ids: &str) -> Result<Vec<(String, String)>> {
    let sql = "SELECT resource_id, required_id FROM resource_requirements WHERE direct = 1 AND resource_id IN LIST($1)";
    let rows = tx.query(sql, &params![ids]).await?;
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned()))).collect()
}
