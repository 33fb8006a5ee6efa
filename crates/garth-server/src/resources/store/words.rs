//! SQL of the words that resources are found by.

use super::Result;
use crate::access::Permit;
use crate::base::db::{Row, Tx, params};
use crate::resources::words::Words;
use garth_core::ClassIx;
use hashbrown::HashSet;
use uuid::Uuid;

/// Resources that are cut in one change.
const SOME: usize = 100;
/// Numbers that are looked through for them.
const LOOKED_AT: i64 = 10_000;

/// Writes the words of a new resource.
pub(in crate::resources) async fn insert(
    tx: &mut Tx,
    permit: &Permit,
    number: i64,
    class: ClassIx,
    words: &Words,
) -> Result<()> {
    put_words(tx, number, words).await?;
    put_terms(tx, permit, number, class, &words.terms()).await
}

/// Writes the words of many new resources, each with its number and class.
pub(in crate::resources) async fn insert_all(
    tx: &mut Tx,
    _: &Permit,
    resources: &[(i64, ClassIx, Words)],
) -> Result<()> {
    let words =
        resources.iter().map(|(number, _, words)| params![*number, words.cut, &words.head, &words.body].to_vec());
    let sql = "INSERT INTO resource_words (resource_number, cut, head, body) VALUES";
    tx.insert_all(sql, words.collect()).await?;
    let mut terms = Vec::new();
    for (number, class, words) in resources {
        terms.extend(words.terms().iter().map(|term| params![*number, term, class.0].to_vec()));
    }
    tx.insert_all("INSERT INTO resource_terms (resource_number, term, class_id) VALUES", terms).await
}

/// Writes the words of a resource anew: only what is not there yet as it is to be.
pub(in crate::resources) async fn replace(
    tx: &mut Tx,
    permit: &Permit,
    number: i64,
    class: ClassIx,
    words: &Words,
) -> Result<()> {
    let sql = "SELECT term, class_id FROM resource_terms WHERE resource_number = $1";
    let rows = tx.query(sql, &params![number]).await?;
    let mut there = HashSet::new();
    let mut moved = false;
    for row in &rows {
        there.insert(row.text(0)?);
        moved |= row.int(1)? != i64::from(class.0);
    }
    let terms = words.terms();
    let (_, fresh): (Vec<_>, Vec<_>) = terms.iter().cloned().partition(|term| there.contains(term.as_str()));
    let gone: Vec<&str> =
        there.into_iter().filter(|term| terms.binary_search_by(|t| t.as_str().cmp(term)).is_err()).collect();
    if !gone.is_empty() {
        let sql = "DELETE FROM resource_terms WHERE resource_number = $1 AND term IN LIST($2)";
        tx.execute(sql, &params![number, serde_json::json!(gone).to_string()]).await?;
    }
    if moved {
        let sql = "UPDATE resource_terms SET class_id = $2 WHERE resource_number = $1 AND class_id <> $2";
        tx.execute(sql, &params![number, class.0]).await?;
    }
    put_words(tx, number, words).await?;
    put_terms(tx, permit, number, class, &fresh).await
}

/// The number of the resource of an id.
pub(in crate::resources) async fn number(tx: &mut Tx, id: &str) -> Result<i64> {
    let row = tx.query_opt("SELECT number FROM resources WHERE id = $1", &params![id]).await?;
    row.map_or(Ok(0), |row| row.int(0))
}

pub(in crate::resources) async fn delete(tx: &mut Tx, _: &Permit, id: &str) -> Result<()> {
    for table in ["resource_terms", "resource_words"] {
        let sql = format!("DELETE FROM {table} WHERE resource_number = (SELECT number FROM resources WHERE id = $1)");
        tx.execute(&sql, &params![id]).await?;
    }
    Ok(())
}

async fn put_words(tx: &mut Tx, number: i64, words: &Words) -> Result<()> {
    let sql = "INSERT INTO resource_words (resource_number, cut, head, body) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (resource_number) DO UPDATE SET cut = $2, head = $3, body = $4";
    tx.execute(sql, &params![number, words.cut, &words.head, &words.body]).await.map(drop)
}

/// All of them in one statement.
async fn put_terms(tx: &mut Tx, _: &Permit, number: i64, class: ClassIx, terms: &[String]) -> Result<()> {
    if terms.is_empty() {
        return Ok(());
    }
    let sql = "INSERT INTO resource_terms (resource_number, term, class_id) \
               SELECT CAST($1 AS BIGINT), value, CAST($2 AS BIGINT) FROM LIST($3) AS terms";
    tx.execute(sql, &params![number, class.0, serde_json::json!(terms).to_string()]).await.map(drop)
}

/// Up to which number the resources of a kind are cut; `None` when none waits.
pub(in crate::resources) async fn done(tx: &mut Tx, kind: Uuid) -> Result<Option<i64>> {
    let row = tx.query_opt("SELECT search_next FROM kinds WHERE id = $1", &params![kind.to_string()]).await?;
    row.map_or(Ok(None), |row| row.opt_int(0))
}

pub(in crate::resources) async fn set_done(tx: &mut Tx, _: &Permit, kind: Uuid, up_to: Option<i64>) -> Result<()> {
    let sql = "UPDATE kinds SET search_next = $2 WHERE id = $1";
    tx.execute(sql, &params![kind.to_string(), up_to]).await.map(drop)
}

/// A resource that waits for being cut.
pub(in crate::resources) struct Waiting {
    pub(in crate::resources) number: i64,
    pub(in crate::resources) class: ClassIx,
    pub(in crate::resources) name: String,
    pub(in crate::resources) body: String,
    pub(in crate::resources) labels: Vec<String>,
}

/// Some of them.
pub(in crate::resources) struct Batch {
    pub(in crate::resources) rows: Vec<Waiting>,
    /// The number up to which there are no others of the kind.
    pub(in crate::resources) up_to: i64,
}

/// The resources of a kind that come next after a number.
pub(in crate::resources) async fn next(tx: &mut Tx, kind: Uuid, after: i64) -> Result<Batch> {
    let end = after + LOOKED_AT;
    let sql = format!(
        "SELECT r.number, r.class_id, r.name, r.body FROM resources r JOIN access_classes c ON c.id = r.class_id \
         WHERE r.number > $1 AND r.number <= $2 AND c.kind_id = $3 ORDER BY r.number LIMIT {SOME}"
    );
    let rows = tx.query(&sql, &params![after, end, kind.to_string()]).await?;
    let mut rows = rows.iter().map(waiting).collect::<Result<Vec<_>>>()?;
    let numbers = serde_json::json!(rows.iter().map(|row| row.number).collect::<Vec<_>>()).to_string();
    let sql = "SELECT r.number, l.label FROM resources r JOIN resource_labels l ON l.resource_id = r.id \
               WHERE r.number IN INTS($1) ORDER BY l.label";
    for label in &tx.query(sql, &params![numbers]).await? {
        let number = label.int(0)?;
        if let Ok(at) = rows.binary_search_by_key(&number, |row| row.number) {
            rows[at].labels.push(label.text(1)?.to_owned());
        }
    }
    let up_to = rows.last().filter(|_| rows.len() == SOME).map_or(end, |row| row.number);
    Ok(Batch { rows, up_to })
}

fn waiting(row: &Row) -> Result<Waiting> {
    Ok(Waiting {
        number: row.int(0)?,
        class: super::class(row.int(1)?)?,
        name: row.text(2)?.to_owned(),
        body: row.text(3)?.to_owned(),
        labels: Vec::new(),
    })
}
