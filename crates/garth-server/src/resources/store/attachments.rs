//! SQL of attachments: the explicit ones, what attaches itself by its labels, and pages of both.

use super::list::{Needs, Sql, barred, seen};
use super::{BODILESS, Result, Stored, complete_all, stored};
use crate::access::{Permit, Write};
use crate::base::db::{Db, Tx, params};
use garth_core::{ClassIx, Micros};
use hashbrown::HashMap;

/// Writes which labels of a resource attach it by themselves, in the place of those that were written.
pub(in crate::resources) async fn offer(
    tx: &mut Tx,
    _: &Permit,
    id: &str,
    class: ClassIx,
    labels: &[&str],
) -> Result<()> {
    tx.execute("DELETE FROM resource_offers WHERE resource_id = $1", &params![id]).await?;
    for label in labels {
        let sql = "INSERT INTO resource_offers (class_id, label, resource_id) VALUES ($1, $2, $3)";
        tx.execute(sql, &params![class.0, *label, id]).await?;
    }
    Ok(())
}

/// The same of many new resources: class, label and id.
pub(in crate::resources) async fn offer_all(
    tx: &mut Tx,
    _: &Permit,
    offers: Vec<(ClassIx, String, String)>,
) -> Result<()> {
    let rows = offers.into_iter().map(|(class, label, id)| params![class.0, label, id].to_vec()).collect();
    tx.insert_all("INSERT INTO resource_offers (class_id, label, resource_id) VALUES", rows).await
}

/// Tells of which class a resource is from now on.
pub(in crate::resources) async fn place(tx: &mut Tx, _: &Permit, id: &str, class: ClassIx) -> Result<()> {
    for sql in [
        "UPDATE resource_offers SET class_id = $2 WHERE resource_id = $1",
        "UPDATE attachments SET consumer_class = $2 WHERE consumer_id = $1",
        "UPDATE attachments SET provider_class = $2 WHERE provider_id = $1",
    ] {
        tx.execute(sql, &params![id, class.0]).await?;
    }
    Ok(())
}

/// Forgets what a resource that goes used, and what it offered.
pub(in crate::resources) async fn forget(tx: &mut Tx, _: &Permit, id: &str) -> Result<()> {
    tx.execute("DELETE FROM resource_offers WHERE resource_id = $1", &params![id]).await?;
    tx.execute("DELETE FROM attachments WHERE consumer_id = $1", &params![id]).await.map(drop)
}

/// Writes a link.
pub(in crate::resources) async fn attach(
    w: &mut Write<'_>,
    _: &Permit,
    consumer: &Stored,
    provider: &Stored,
    by: &str,
) -> Result<()> {
    let sql = "INSERT INTO attachments (consumer_id, provider_id, consumer_class, provider_class, created_by, \
               created_at) VALUES ($1, $2, $3, $4, $5, $6)";
    let values = params![&consumer.id, &provider.id, consumer.class.0, provider.class.0, by, w.now];
    w.tx().execute(sql, &values).await.map(drop)
}

/// Takes a link away; answers whether it was there.
pub(in crate::resources) async fn detach(tx: &mut Tx, _: &Permit, consumer: &str, provider: &str) -> Result<bool> {
    let sql = "DELETE FROM attachments WHERE consumer_id = $1 AND provider_id = $2";
    Ok(tx.execute(sql, &params![consumer, provider]).await? > 0)
}

/// Is there that link? And how many others does the consumer have?
pub(in crate::resources) async fn linked(tx: &mut Tx, consumer: &str, provider: &str) -> Result<(bool, usize)> {
    let sql = "SELECT provider_id FROM attachments WHERE consumer_id = $1";
    let rows = tx.query(sql, &params![consumer]).await?;
    let mut there = false;
    for row in &rows {
        there |= row.text(0)? == provider;
    }
    Ok((there, rows.len()))
}

/// The classes of what a resource uses explicitly (`true`), or of what uses it.
pub(in crate::resources) async fn classes(db: &Db, id: &str, uses: bool) -> Result<Vec<ClassIx>> {
    let sql = if uses {
        "SELECT DISTINCT a.provider_class FROM attachments a WHERE a.consumer_id = $1"
    } else {
        "SELECT DISTINCT a.consumer_class FROM attachments a WHERE a.provider_id = $1"
    };
    db.query(sql, &params![id]).await?.iter().map(|row| super::class(row.int(0)?)).collect()
}

/// What somebody sees of the other ends.
pub(in crate::resources) struct Seen {
    /// The classes, and how the caller stands as author, owner and subscriber.
    pub them: Needs,
    /// What they see of what must be seen before others; `None` where nothing requires anything.
    pub needs: Option<Needs>,
}

impl Seen {
    fn condition(&self, sql: &mut Sql) -> String {
        let mut condition = format!("({})", seen(sql, &self.them, "r"));
        if let Some(needs) = &self.needs {
            condition.push_str(&barred(sql, needs));
        }
        condition
    }
}

/// A page of what a resource uses explicitly, in the order in which it was attached: when, and the id.
pub(in crate::resources) async fn explicit(
    db: &Db,
    consumer: &str,
    by: &Seen,
    after: Option<(Micros, &str)>,
    limit: usize,
) -> Result<Vec<(Micros, String)>> {
    let mut sql = Sql::default();
    let (consumer, seen) = (sql.value(consumer), by.condition(&mut sql));
    let (at, id) = after.unwrap_or((i64::MIN, ""));
    let (at, id) = (sql.value(at), sql.value(id));
    let text = format!(
        "SELECT a.created_at, r.id FROM attachments a JOIN resources r ON r.id = a.provider_id \
         WHERE a.consumer_id = {consumer} AND {seen} AND (a.created_at > {at} OR (a.created_at = {at} AND r.id > {id})) \
         ORDER BY a.created_at, r.id LIMIT {limit}"
    );
    let rows = db.query(&text, &sql.values).await?;
    rows.iter().map(|row| Ok((row.int(0)?, row.text(1)?.to_owned()))).collect()
}

/// A page of what is attached to a resource by labels, by name: name and id. What is attached explicitly as well is not
/// among it. Read from the labels of the classes that are seen: nothing else costs anything.
pub(in crate::resources) async fn automatic(
    db: &Db,
    consumer: &str,
    labels: &[&str],
    by: &Seen,
    after: Option<(&str, &str)>,
    limit: usize,
) -> Result<Vec<(String, String)>> {
    let mut sql = Sql::default();
    let classes: Vec<ClassIx> =
        by.them.reach.full.iter().copied().chain(by.them.reach.partial.iter().map(|(class, _)| *class)).collect();
    let (classes, consumer) = (sql.classes(&classes), sql.value(consumer));
    let labels = sql.value(serde_json::json!(labels).to_string());
    let seen = by.condition(&mut sql);
    let beyond = match after {
        Some((name, id)) => {
            let (name, id) = (sql.value(name), sql.value(id));
            format!(" AND (r.name > {name} OR (r.name = {name} AND r.id > {id}))")
        }
        None => String::new(),
    };
    // MATERIALIZED and CROSS JOIN: both engines begin with the labels, not with the order.
    let text = format!(
        "WITH found AS MATERIALIZED (SELECT DISTINCT r.name, r.id FROM resource_offers o \
         CROSS JOIN resources r WHERE o.class_id IN {classes} AND o.label IN LIST({labels}) AND r.id = o.resource_id \
         AND r.archived = 0 AND r.id <> {consumer} AND {seen}{beyond} AND NOT EXISTS (SELECT 1 FROM attachments a \
         WHERE a.consumer_id = {consumer} AND a.provider_id = r.id)) \
         SELECT name, id FROM found ORDER BY name, id LIMIT {limit}"
    );
    let rows = db.scan(&text, sql.values).await?;
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned()))).collect()
}

/// A page of what uses a resource explicitly, by id.
pub(in crate::resources) async fn consumers(
    db: &Db,
    provider: &str,
    by: &Seen,
    after: &str,
    limit: usize,
) -> Result<Vec<String>> {
    let mut sql = Sql::default();
    let (provider, after, seen) = (sql.value(provider), sql.value(after), by.condition(&mut sql));
    let text = format!(
        "SELECT r.id FROM attachments a JOIN resources r ON r.id = a.consumer_id \
         WHERE a.provider_id = {provider} AND a.consumer_id > {after} AND {seen} ORDER BY a.consumer_id LIMIT {limit}"
    );
    let rows = db.scan(&text, sql.values).await?;
    rows.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
}

/// The resources of these ids without their bodies, by id. `asker` is whose subscriptions count where something must be
/// seen before others.
pub(in crate::resources) async fn rows(db: &Db, ids: &[&str], asker: Option<&str>) -> Result<HashMap<String, Stored>> {
    let ids = serde_json::json!(ids).to_string();
    let sql = format!("SELECT {BODILESS} FROM resources r WHERE r.id IN LIST($1)");
    let rows = db.query(&sql, &params![ids]).await?.iter().map(stored).collect::<Result<Vec<_>>>()?;
    let rows = complete_all(db, rows, asker).await?;
    Ok(rows.into_iter().map(|row| (row.id.clone(), row)).collect())
}
