//! SQL of resources: one at a time here, lists in [`list`], what they are found by in [`words`], who moves with them
//! in [`followers`].

pub(super) mod attachments;
pub(super) mod followers;
pub(super) mod list;
pub(super) mod names;
pub(super) mod requirements;
pub(super) mod words;

use crate::access::{Needed, Permit, Write};
use crate::base::db::{Db, DbError, Row, Tx, Value, params};
use crate::resources::attachments::offered;
use crate::resources::words::Words;
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
    /// The ids of what its body says must be seen before it, sorted.
    pub requires: Vec<String>,
    /// All that must be seen before it, what is required by way of others too, sorted by id.
    pub needed: Vec<Needed>,
}

const COLUMNS: &str = "r.id, r.code, r.class_id, r.name, r.body, r.secrets, r.author, r.owner, r.archived, r.version, \
                       r.created_at, r.updated_at";

/// The same with nothing in the place of body and secrets.
const BODILESS: &str = "r.id, r.code, r.class_id, r.name, '' AS body, '' AS secrets, r.author, r.owner, r.archived, \
                        r.version, r.created_at, r.updated_at";

fn class(stored: i64) -> Result<ClassIx> {
    u32::try_from(stored).map(ClassIx).map_err(|_| DbError::Other("a class out of range".to_owned()))
}

fn stored(row: &Row) -> Result<Stored> {
    Ok(Stored {
        id: row.text(0)?.to_owned(),
        code: row.text(1)?.to_owned(),
        class: class(row.int(2)?)?,
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
        requires: Vec::new(),
        needed: Vec::new(),
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

// Each with the version of the row it belongs to, and that also where there is nothing else to tell.
const LABELS: &str = "SELECT r.id, r.version, l.label FROM resources r LEFT JOIN resource_labels l \
                      ON l.resource_id = r.id WHERE r.id IN LIST($1) ORDER BY l.label";
const SUBSCRIBERS: &str = "SELECT r.id, r.version, s.subscriber FROM resources r LEFT JOIN resource_subscribers s \
                           ON s.resource_id = r.id WHERE r.id IN LIST($1) ORDER BY s.subscriber";

fn ids(rows: &[Stored]) -> String {
    serde_json::json!(rows.iter().map(|r| r.id.as_str()).collect::<Vec<_>>()).to_string()
}

/// Adds labels and subscribers, and answers whether all of them belong to the rows as they were read.
fn attach(rows: &mut [Stored], labels: &[Row], subscribers: &[Row]) -> Result<bool> {
    let place: HashMap<String, usize> = rows.iter().enumerate().map(|(at, r)| (r.id.clone(), at)).collect();
    let mut same = true;
    for (list, pairs) in [(true, labels), (false, subscribers)] {
        let mut met = vec![false; rows.len()];
        for pair in pairs {
            let Some(at) = place.get(pair.text(0)?).copied() else { continue };
            let (Some(row), Some(met)) = (rows.get_mut(at), met.get_mut(at)) else { continue };
            same &= pair.int(1)? == row.version;
            *met = true;
            if let Some(text) = pair.opt_text(2)? {
                let list = if list { &mut row.labels } else { &mut row.subscribers };
                list.push(text.to_owned());
            }
        }
        same &= !met.contains(&false);
    }
    Ok(same)
}

/// A row with its labels and subscribers: one statement sees them as they were at one moment. What is moved or
/// changed meanwhile must not be shown half as it was, half as it is where nobody may see it.
fn whole(column: &str) -> String {
    // In the place of the row's own columns but the id.
    let none = "'', 0, '', '', '', '', '', 0, 0, 0, 0";
    format!(
        "SELECT {COLUMNS}, 0 AS part, '' AS word FROM resources r WHERE {column} = $1 \
         UNION ALL SELECT r.id, {none}, 1, l.label FROM resources r \
         JOIN resource_labels l ON l.resource_id = r.id WHERE {column} = $1 \
         UNION ALL SELECT r.id, {none}, 2, s.subscriber FROM resources r \
         JOIN resource_subscribers s ON s.resource_id = r.id WHERE {column} = $1 \
         UNION ALL {} WHERE {column} = $1 ORDER BY part, word",
        requirements::PART
    )
}

fn assemble(rows: &[Row]) -> Result<Option<Stored>> {
    let Some((first, rest)) = rows.split_first() else { return Ok(None) };
    let mut row = stored(first)?;
    for part in rest {
        match part.int(12)? {
            1 => row.labels.push(part.text(13)?.to_owned()),
            2 => row.subscribers.push(part.text(13)?.to_owned()),
            _ => requirements::add_part(&mut row, part)?,
        }
    }
    requirements::in_order(&mut row);
    Ok(Some(row))
}

pub(super) async fn get(db: &Db, name: &Name<'_>) -> Result<Option<Stored>> {
    let (column, value) = name.parts();
    assemble(&db.query(&whole(column), &params![value]).await?)
}

pub(super) async fn get_in(tx: &mut Tx, name: &Name<'_>) -> Result<Option<Stored>> {
    let (column, value) = name.parts();
    assemble(&tx.query(&whole(column), &params![value]).await?)
}

/// All that must be seen before a resource, as it is in the open transaction.
pub(super) async fn requirements_of(tx: &mut Tx, id: &str) -> Result<Vec<Needed>> {
    let row = get_in(tx, &Name::Id(id)).await?;
    Ok(row.map(|row| row.needed).unwrap_or_default())
}

/// Adds labels and subscribers to rows that were read, and what they require where somebody asks for that; answers
/// whether they belong to them.
async fn complete(db: &Db, rows: &mut [Stored], asker: Option<&str>) -> Result<bool> {
    let ids = ids(rows);
    let labels = db.query(LABELS, &params![&ids]).await?;
    let subscribers = db.query(SUBSCRIBERS, &params![&ids]).await?;
    let same = attach(rows, &labels, &subscribers)?;
    match asker {
        Some(me) => Ok(same & requirements::attach(rows, db, &ids, me).await?),
        None => Ok(same),
    }
}

/// The same for a page: when something changed in between, each row is read again, whole. Who may see it is asked
/// anew by the caller of this.
async fn complete_all(db: &Db, mut rows: Vec<Stored>, asker: Option<&str>) -> Result<Vec<Stored>> {
    if rows.is_empty() {
        return Ok(rows);
    }
    let bare = rows.clone();
    if complete(db, &mut rows, asker).await? {
        return Ok(rows);
    }
    let mut again = Vec::with_capacity(bare.len());
    for row in &bare {
        again.extend(get(db, &Name::Id(&row.id)).await?);
    }
    Ok(again)
}

/// What a check needs of a resource, and no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Its id.
    pub id: String,
    /// Space, kind and policies.
    pub class: ClassIx,
    /// Who made it, as a principal.
    pub author: String,
    /// Who owns it, as a principal; empty for nobody.
    pub owner: String,
    /// What must be seen before it; of its followers only those who were asked about.
    pub needed: Vec<Needed>,
}

fn read_asked(row: &Row) -> Result<Asked> {
    Ok(Asked {
        id: row.text(0)?.to_owned(),
        class: class(row.int(1)?)?,
        author: row.text(2)?.to_owned(),
        owner: row.text(3)?.to_owned(),
        needed: Vec::new(),
    })
}

pub(super) async fn asked(db: &Db, name: &Name<'_>) -> Result<Option<Asked>> {
    let (column, value) = name.parts();
    let sql = match column {
        "r.id" => "SELECT r.id, r.class_id, r.author, r.owner FROM resources r WHERE r.id = $1",
        _ => "SELECT r.id, r.class_id, r.author, r.owner FROM resources r WHERE r.code = $1",
    };
    db.query_opt(sql, &params![value]).await?.as_ref().map(read_asked).transpose()
}

/// The same with everybody who subscribes, as principals.
pub(super) async fn asked_whole(db: &Db, name: &Name<'_>) -> Result<Option<(Asked, Vec<String>)>> {
    let (column, value) = name.parts();
    let sql = format!(
        "SELECT r.id, r.class_id, r.author, r.owner, s.subscriber FROM resources r \
         LEFT JOIN resource_subscribers s ON s.resource_id = r.id WHERE {column} = $1"
    );
    let rows = db.query(&sql, &params![value]).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let mut subscribers = Vec::new();
    for row in &rows {
        subscribers.extend(row.opt_text(4)?.map(str::to_owned));
    }
    Ok(Some((read_asked(first)?, subscribers)))
}

/// The same for a JSON list of ids; what is not there is left out.
pub(super) async fn asked_by_ids(db: &Db, ids: String) -> Result<Vec<Asked>> {
    let sql = "SELECT r.id, r.class_id, r.author, r.owner FROM resources r WHERE r.id IN LIST($1)";
    db.query(sql, &params![ids]).await?.iter().map(read_asked).collect()
}

/// The same for a JSON list of codes, each with its code.
pub(super) async fn asked_by_codes(db: &Db, codes: String) -> Result<Vec<(String, Asked)>> {
    let sql = "SELECT r.id, r.class_id, r.author, r.owner, r.code FROM resources r WHERE r.code IN LIST($1)";
    let rows = db.query(sql, &params![codes]).await?;
    rows.iter().map(|row| Ok((row.text(4)?.to_owned(), read_asked(row)?))).collect()
}

/// Which of these people subscribe to which of these resources, both as JSON lists: pairs of id and principal.
pub(super) async fn subscriptions(db: &Db, ids: String, people: String) -> Result<Vec<(String, String)>> {
    let sql = "SELECT s.resource_id, s.subscriber FROM resource_subscribers s \
               WHERE s.resource_id IN LIST($1) AND s.subscriber IN LIST($2)";
    let rows = db.query(sql, &params![ids, people]).await?;
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned()))).collect()
}

/// Sealed values of a class's resources, in the order in which they were made: id, when, sealed.
pub(super) async fn sealed(
    db: &Db,
    class: ClassIx,
    after: Option<&(Micros, String)>,
    limit: usize,
) -> Result<Vec<(String, Micros, String)>> {
    let (at, id) = after.map_or((i64::MIN, ""), |(at, id)| (*at, id.as_str()));
    let sql = "SELECT r.id, r.created_at, r.secrets FROM resources r WHERE r.class_id = $1 \
               AND (r.created_at > $2 OR (r.created_at = $2 AND r.id > $3)) ORDER BY r.created_at, r.id LIMIT $4";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = db.scan(sql, params![class.0, at, id, limit].to_vec()).await?;
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.int(1)?, row.text(2)?.to_owned()))).collect()
}

/// Class and sealed values of one resource.
pub(super) async fn sealed_in(tx: &mut Tx, id: &str) -> Result<Option<(ClassIx, String)>> {
    let row = tx.query_opt("SELECT class_id, secrets FROM resources WHERE id = $1", &params![id]).await?;
    let Some(row) = row else { return Ok(None) };
    let class = u32::try_from(row.int(0)?).map_err(|_| DbError::Other("a class out of range".to_owned()))?;
    Ok(Some((ClassIx(class), row.text(1)?.to_owned())))
}

/// Writes the same secrets sealed otherwise: nobody sees a difference.
pub(super) async fn set_sealed(w: &mut Write<'_>, _: &Permit, id: &str, sealed: &str) -> Result<()> {
    w.tx().execute("UPDATE resources SET secrets = $2 WHERE id = $1", &params![id, sealed]).await.map(drop)
}

pub(super) async fn subscribed(db: &Db, id: &str, subscriber: &str) -> Result<bool> {
    let sql = "SELECT 1 FROM resource_subscribers WHERE resource_id = $1 AND subscriber = $2";
    Ok(db.query_opt(sql, &params![id, subscriber]).await?.is_some())
}

const INSERT: &str = "INSERT INTO resources (id, number, code, class_id, name, name_key, body, secrets, author, owner, \
                      archived, version, created_at, updated_at) VALUES";

/// Writes a new resource, and what it is found by.
pub(super) async fn insert(w: &mut Write<'_>, permit: &Permit, row: &Stored, number: i64) -> Result<()> {
    let words = words_of(w, row);
    w.counted(row.class, i64::from(!row.archived));
    let tx = w.tx();
    let sql = format!("{INSERT} ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)");
    tx.execute(&sql, &values(row, number)).await?;
    put_labels(tx, permit, &row.id, &row.labels).await?;
    put_subscribers(tx, permit, &row.id, &row.subscribers).await?;
    attachments::offer_all(tx, permit, offers(row).collect()).await?;
    words::insert(tx, permit, number, row.class, &words).await
}

/// Writes many new rows, each with its number, with their labels and subscribers and what they are found by.
pub(super) async fn insert_all(
    w: &mut Write<'_>,
    permit: &Permit,
    rows: impl Iterator<Item = (i64, &Stored)>,
) -> Result<()> {
    let (mut all, mut labels, mut subscribers, mut words) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut offered = Vec::new();
    for (number, row) in rows {
        all.push(values(row, number).to_vec());
        labels.extend(row.labels.iter().map(|label| params![&row.id, label].to_vec()));
        subscribers.extend(row.subscribers.iter().map(|who| params![&row.id, who].to_vec()));
        w.counted(row.class, i64::from(!row.archived));
        words.push((number, row.class, words_of(w, row)));
        offered.extend(offers(row));
    }
    let tx = w.tx();
    tx.insert_all(INSERT, all).await?;
    tx.insert_all("INSERT INTO resource_labels (resource_id, label) VALUES", labels).await?;
    tx.insert_all("INSERT INTO resource_subscribers (resource_id, subscriber) VALUES", subscribers).await?;
    attachments::offer_all(tx, permit, offered).await?;
    words::insert_all(tx, permit, &words).await
}

/// The labels by which a resource attaches itself, as they are stored: class, label, id.
fn offers(row: &Stored) -> impl Iterator<Item = (ClassIx, String, String)> {
    offered(&row.labels).map(|label| (row.class, label.to_owned(), row.id.clone()))
}

fn values(row: &Stored, number: i64) -> [Value; 14] {
    params![
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
    ]
}

/// What a resource is found by.
fn words_of(w: &Write<'_>, row: &Stored) -> Words {
    let kind = w.dir().world.class(row.class).and_then(|class| w.dir().kinds.info(class.kind));
    Words::of(kind.map(|kind| &**kind), &row.name, &row.labels, &row.body)
}

/// Writes what may change of a row, and its labels, its subscribers and what it is found by where they did.
pub(super) async fn update(w: &mut Write<'_>, permit: &Permit, before: &Stored, row: &Stored) -> Result<()> {
    w.resource_changed(&row.id);
    w.counted(before.class, -i64::from(!before.archived));
    w.counted(row.class, i64::from(!row.archived));
    let same =
        row.class == before.class && row.name == before.name && row.labels == before.labels && row.body == before.body;
    let words = (!same).then(|| words_of(w, row));
    let tx = w.tx();
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
        let labels: Vec<&str> = offered(&row.labels).collect();
        attachments::offer(tx, permit, &row.id, row.class, &labels).await?;
    }
    if row.class != before.class {
        attachments::place(tx, permit, &row.id, row.class).await?;
    }
    if row.subscribers != before.subscribers {
        tx.execute("DELETE FROM resource_subscribers WHERE resource_id = $1", &params![&row.id]).await?;
        put_subscribers(tx, permit, &row.id, &row.subscribers).await?;
    }
    if let Some(words) = words {
        let number = words::number(tx, &row.id).await?;
        words::replace(tx, permit, number, row.class, &words).await?;
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

pub(super) async fn delete(w: &mut Write<'_>, permit: &Permit, row: &Stored) -> Result<()> {
    let id = row.id.as_str();
    w.resource_changed(id);
    w.counted(row.class, -i64::from(!row.archived));
    let tx = w.tx();
    words::delete(tx, permit, id).await?;
    attachments::forget(tx, permit, id).await?;
    tx.execute("DELETE FROM resource_labels WHERE resource_id = $1", &params![id]).await?;
    tx.execute("DELETE FROM resource_subscribers WHERE resource_id = $1", &params![id]).await?;
    tx.execute("DELETE FROM resource_followers WHERE leader_id = $1 OR follower_id = $1", &params![id]).await?;
    tx.execute("DELETE FROM resource_requirements WHERE resource_id = $1", &params![id]).await?;
    tx.execute("DELETE FROM resources WHERE id = $1", &params![id]).await.map(drop)
}
