//! SQL of copying: what there is of a name.

use super::{Asked, Result, read_asked};
use crate::base::db::{Tx, params};

/// A resource of a name that was looked for.
pub(in crate::resources) struct Named {
    /// What a decision needs of it.
    pub asked: Asked,
    /// Its name.
    pub name: String,
    /// Does that principal subscribe to it?
    pub subscriber: bool,
}

/// The resources of these classes (a JSON list) that bear one of these names (another), oldest first, so many at most.
pub(in crate::resources) async fn of(
    tx: &mut Tx,
    classes: String,
    names: String,
    me: &str,
    most: usize,
) -> Result<Vec<Named>> {
    let sql = "SELECT r.id, r.class_id, r.author, r.owner, r.name, \
               CASE WHEN EXISTS (SELECT 1 FROM resource_subscribers s WHERE s.resource_id = r.id AND s.subscriber = $3) \
               THEN 1 ELSE 0 END FROM resources r WHERE r.class_id IN INTS($1) AND r.name IN LIST($2) \
               ORDER BY r.created_at, r.id LIMIT $4";
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let rows = tx.query(sql, &params![classes, names, me, most]).await?;
    let read = |row| Ok(Named { asked: read_asked(row)?, name: row.text(4)?.to_owned(), subscriber: row.bool(5)? });
    rows.iter().map(read).collect()
}
