//! SQL of resources: one at a time here, lists in [`list`].

pub(super) mod list;

use crate::access::Permit;
use crate::base::db::{Db, DbError, Row, Tx, params};
use garth_core::{ClassIx, Micros};
use hashbrown::HashMap;

type Result<T> = std::result::Result<T, DbError>;

/// A resource as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// Its id, for ever.
    pub id: String,
    /// Its short name, for ever.
    pub code: String,
    /// Space, kind and policies.
    pub class: ClassIx,
    /// What it is called.
    pub name: String,
    /// Its body as JSON, secret fields left out.
    pub body: String,
    /// Sealed values of secret fields, as a JSON object by pointer.
    pub secrets: String,
    /// Who made it, as a principal.
    pub author: String,
    /// Who owns it, as a principal; empty for nobody.
    pub owner: String,
    /// Left out of lists.
    pub archived: bool,
    /// Counts its changes.
    pub version: i64,
    /// When it was made.
    pub created_at: Micros,
    /// When it was changed last.
    pub updated_at: Micros,
    /// Free words, sorted.
    pub labels: Vec<String>,
    /// Who wants to know of it, as principals, sorted.
    pub subscribers: Vec<String>,
}

const COLUMNS: &str = "r.id, r.code, r.class_id, r.name, r.body, r.secrets, r.author, r.owner, r.archived, r.version, \
                       r.created_at, r.updated_at";

fn stored(row: &Row) -> Result<Stored> {
    let class = u32::try_from(row.int(2)?).map_err(|_| DbError::Other("a class out of range".to_owned()))?;
    Ok(Stored {
        id: row.text(0)?.to_owned(),
        code: row.text(1)?.to_owned(),
        class: ClassIx(class),
        name: row.text(3)?.to_owned(),
        body: row.text(4)?.to_owned(),
        secrets: row.text(5)?.to_owned(),
        author: row.text(6)?.to_owned(),
        owner: row.text(7)?.to_owned(),
        archived: row.bool(8)?,
        version: row.int(9)?,
        created_at: row.int(10)?,
        updated_at: row.int(11)?,
        labels: Vec::new(),
        subscribers: Vec::new(),
    })
}

/// How a resource is named in a path or a body.
pub enum Name<'a> {
    /// By its id.
    Id(&'a str),
    /// By its code, as it is stored.
    Code(&'a str),
}

impl Name<'_> {
    fn parts(&self) -> (&'static str, &str) {
        match self {
            Name::Id(id) => ("r.id", id),
            Name::Code(code) => ("r.code", code),
        }
    }
}

const LABELS: &str = "SELECT resource_id, label FROM resource_labels WHERE resource_id IN LIST($1) ORDER BY label";
const SUBSCRIBERS: &str =
    "SELECT resource_id, subscriber FROM resource_subscribers WHERE resource_id IN LIST($1) ORDER BY subscriber";

fn ids(rows: &[Stored]) -> String {
    serde_json::json!(rows.iter().map(|r| r.id.as_str()).collect::<Vec<_>>()).to_string()
}

fn attach(rows: &mut [Stored], labels: &[Row], subscribers: &[Row]) -> Result<()> {
    let place: HashMap<String, usize> = rows.iter().enumerate().map(|(at, r)| (r.id.clone(), at)).collect();
    for (list, pairs) in [(true, labels), (false, subscribers)] {
        for pair in pairs {
            if let Some(row) = place.get(pair.text(0)?).and_then(|at| rows.get_mut(*at)) {
                let list = if list { &mut row.labels } else { &mut row.subscribers };
                list.push(pair.text(1)?.to_owned());
            }
        }
    }
    Ok(())
}

pub(super) async fn get(db: &Db, name: &Name<'_>) -> Result<Option<Stored>> {
    let (column, value) = name.parts();
    let sql = format!("SELECT {COLUMNS} FROM resources r WHERE {column} = $1");
    let Some(row) = db.query_opt(&sql, &params![value]).await? else { return Ok(None) };
    let mut rows = [stored(&row)?];
    complete(db, &mut rows).await?;
    let [row] = rows;
    Ok(Some(row))
}

/// Adds labels and subscribers to rows that were read.
pub(super) async fn complete(db: &Db, rows: &mut [Stored]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let ids = ids(rows);
    let labels = db.query(LABELS, &params![&ids]).await?;
    let subscribers = db.query(SUBSCRIBERS, &params![&ids]).await?;
    attach(rows, &labels, &subscribers)
}

pub(super) async fn get_in(tx: &mut Tx, name: &Name<'_>) -> Result<Option<Stored>> {
    let (column, value) = name.parts();
    let sql = format!("SELECT {COLUMNS} FROM resources r WHERE {column} = $1");
    let Some(row) = tx.query_opt(&sql, &params![value]).await? else { return Ok(None) };
    let mut rows = [stored(&row)?];
    let ids = ids(&rows);
    let labels = tx.query(LABELS, &params![&ids]).await?;
    let subscribers = tx.query(SUBSCRIBERS, &params![&ids]).await?;
    attach(&mut rows, &labels, &subscribers)?;
    let [row] = rows;
    Ok(Some(row))
}

/// What a check needs of a resource, and no more: class, author, owner.
pub(super) async fn facts(db: &Db, name: &Name<'_>) -> Result<Option<(String, ClassIx, String, String)>> {
    let (column, value) = name.parts();
    let sql = match column {
        "r.id" => "SELECT r.id, r.class_id, r.author, r.owner FROM resources r WHERE r.id = $1",
        _ => "SELECT r.id, r.class_id, r.author, r.owner FROM resources r WHERE r.code = $1",
    };
    let Some(row) = db.query_opt(sql, &params![value]).await? else { return Ok(None) };
    let class = u32::try_from(row.int(1)?).map_err(|_| DbError::Other("a class out of range".to_owned()))?;
    Ok(Some((row.text(0)?.to_owned(), ClassIx(class), row.text(2)?.to_owned(), row.text(3)?.to_owned())))
}

pub(super) async fn subscribed(db: &Db, id: &str, subscriber: &str) -> Result<bool> {
    let sql = "SELECT 1 FROM resource_subscribers WHERE resource_id = $1 AND subscriber = $2";
    Ok(db.query_opt(sql, &params![id, subscriber]).await?.is_some())
}

pub(super) async fn insert(tx: &mut Tx, permit: &Permit, row: &Stored, number: i64) -> Result<()> {
    let sql = "INSERT INTO resources (id, number, code, class_id, name, name_key, body, secrets, author, owner, archived, \
               version, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    let values = params![
        &row.id,
        number,
        &row.code,
        row.class.0,
        &row.name,
        row.name.to_lowercase(),
        &row.body,
        &row.secrets,
        &row.author,
        &row.owner,
        row.archived,
        row.version,
        row.created_at,
        row.updated_at
    ];
    tx.execute(sql, &values).await?;
    put_labels(tx, permit, &row.id, &row.labels).await?;
    put_subscribers(tx, permit, &row.id, &row.subscribers).await
}

/// Writes what may change of a row, and its labels and subscribers where they did.
pub(super) async fn update(tx: &mut Tx, permit: &Permit, before: &Stored, row: &Stored) -> Result<()> {
    let sql = "UPDATE resources SET class_id = $2, name = $3, name_key = $4, body = $5, secrets = $6, owner = $7, \
               archived = $8, version = $9, updated_at = $10 WHERE id = $1";
    let values = params![
        &row.id,
        row.class.0,
        &row.name,
        row.name.to_lowercase(),
        &row.body,
        &row.secrets,
        &row.owner,
        row.archived,
        row.version,
        row.updated_at
    ];
    tx.execute(sql, &values).await?;
    if row.labels != before.labels {
        tx.execute("DELETE FROM resource_labels WHERE resource_id = $1", &params![&row.id]).await?;
        put_labels(tx, permit, &row.id, &row.labels).await?;
    }
    if row.subscribers != before.subscribers {
        tx.execute("DELETE FROM resource_subscribers WHERE resource_id = $1", &params![&row.id]).await?;
        put_subscribers(tx, permit, &row.id, &row.subscribers).await?;
    }
    Ok(())
}

async fn put_labels(tx: &mut Tx, _: &Permit, id: &str, labels: &[String]) -> Result<()> {
    for label in labels {
        let sql = "INSERT INTO resource_labels (resource_id, label) VALUES ($1, $2)";
        tx.execute(sql, &params![id, label]).await?;
    }
    Ok(())
}

async fn put_subscribers(tx: &mut Tx, _: &Permit, id: &str, subscribers: &[String]) -> Result<()> {
    for subscriber in subscribers {
        let sql = "INSERT INTO resource_subscribers (resource_id, subscriber) VALUES ($1, $2)";
        tx.execute(sql, &params![id, subscriber]).await?;
    }
    Ok(())
}

pub(super) async fn delete(tx: &mut Tx, _: &Permit, id: &str) -> Result<()> {
    tx.execute("DELETE FROM resource_labels WHERE resource_id = $1", &params![id]).await?;
    tx.execute("DELETE FROM resource_subscribers WHERE resource_id = $1", &params![id]).await?;
    tx.execute("DELETE FROM resources WHERE id = $1", &params![id]).await.map(drop)
}
