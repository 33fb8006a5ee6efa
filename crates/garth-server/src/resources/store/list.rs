//! SQL of lists: index scans over the classes a caller may see, with nothing to discard.
//!
//! A caller with few classes reads one scan per class, merged; one who sees most of them reads
//! the order and skips what is of other classes. Classes that are seen by author, owner or subscribers
//! only are read from the caller's own side: what they made, own, subscribe to.

use super::{BODILESS, COLUMNS, Result, Stored, complete_all, stored};
use crate::base::db::{Db, Value, params};
use crate::base::words::Part;
use garth_core::{ClassIx, Micros, Reach};
use std::cmp::Ordering;

/// Classes that share a statement, each with a scan of its own; SQLite joins at most 500.
const SCANS: usize = 64;
/// Statements up to which many classes are still read one by one.
const STATEMENTS: usize = 32;

/// Resources with a word up to which they are read one by one, instead of met on the way through the order.
const FEW: usize = 5_000;
/// Words of a search of which it is looked how many resources have them.
const TRIED: usize = 3;

/// What a list is ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// When it was changed last.
    Updated,
    /// When it was made.
    Created,
    /// Its name, bytewise.
    Name,
}

/// Which rows are wanted, all conditions together.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What the list is ordered by.
    pub key: Key,
    /// Largest first?
    pub descending: bool,
    /// Where the page before ended: the key and the id.
    pub after: Option<(Value, String)>,
    /// Rows at most.
    pub limit: usize,
    /// With their bodies, which may be large?
    pub bodies: bool,
    /// Archived resources, too?
    pub archived: bool,
    /// With all of these labels, each given once.
    pub labels: Vec<String>,
    /// Owned by one of these principals.
    pub owners: Vec<String>,
    /// Made by one of these principals.
    pub authors: Vec<String>,
    /// Made (`Created`) or changed last (`Updated`) before that time (`true`), or not before it.
    pub times: Vec<(Key, bool, Micros)>,
    /// With these words.
    pub text: Option<Text>,
    /// How many classes there are, of which the caller sees some.
    pub classes: usize,
}

/// The words that somebody looks for.
#[derive(Clone, Debug)]
pub struct Text {
    /// Each of them must stand there; there is one at least.
    pub parts: Vec<Part>,
    /// Or it is of that code; empty for none.
    pub code: String,
    /// The cuts of bodies' words that count.
    pub cuts: Vec<i64>,
}

impl Wanted {
    /// Which of two rows comes first.
    fn compare(&self, a: &Stored, b: &Stored) -> Ordering {
        let by_key = match self.key {
            Key::Updated => a.updated_at.cmp(&b.updated_at),
            Key::Created => a.created_at.cmp(&b.created_at),
            Key::Name => a.name.cmp(&b.name),
        };
        let order = by_key.then_with(|| a.id.cmp(&b.id));
        if self.descending { order.reverse() } else { order }
    }
}

/// A statement under construction.
#[derive(Default)]
struct Sql {
    branches: Vec<String>,
    values: Vec<Value>,
}

impl Sql {
    fn value(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    /// The branches as one statement, in order and no longer than wanted.
    fn finish(mut self, wanted: &Wanted) -> (String, Vec<Value>) {
        let text = match &self.branches[..] {
            [only] => only.clone(),
            many => {
                let parts: Vec<String> = many.iter().map(|b| format!("SELECT * FROM ({b}) AS b")).collect();
                let union = parts.join(" UNION ALL ");
                let limit = self.value(limit(wanted));
                format!("{union} ORDER BY {} LIMIT {limit}", order(wanted, ""))
            }
        };
        (text, self.values)
    }

    fn classes(&mut self, classes: &[ClassIx]) -> String {
        self.ints(&classes.iter().map(|c| i64::from(c.0)).collect::<Vec<_>>())
    }

    fn ints(&mut self, ints: &[i64]) -> String {
        format!("INTS({})", self.value(serde_json::json!(ints).to_string()))
    }
}

/// A page of the resources in that reach, and where it ends if there is more. `me` is how the caller stands as
/// author, owner and subscriber. What changed while it was read is answered as it is now: it is to be asked once more
/// whether the caller may see it.
pub(in crate::resources) async fn page(
    db: &Db,
    reach: &Reach,
    me: Option<&str>,
    wanted: &Wanted,
) -> Result<(Vec<Stored>, Option<(String, String)>)> {
    let mut rows = Vec::new();
    let few = few(db, &reach.full, wanted).await?;
    let statements = statements(reach, me, wanted, few.as_deref());
    let merged = statements.len() > 1;
    for sql in statements {
        let (text, values) = sql.finish(wanted);
        for row in &db.scan(&text, values).await? {
            rows.push(stored(row)?);
        }
    }
    if merged {
        rows.sort_by(|a, b| wanted.compare(a, b));
    }
    let more = rows.len() > wanted.limit;
    rows.truncate(wanted.limit);
    let end = rows.last().filter(|_| more).map(|row| {
        let key = match wanted.key {
            Key::Updated => row.updated_at.to_string(),
            Key::Created => row.created_at.to_string(),
            Key::Name => row.name.clone(),
        };
        (key, row.id.clone())
    });
    Ok((complete_all(db, rows).await?, end))
}

/// The statements that together read the page. A caller with few classes, or with many that are
/// still the lesser part, reads one scan a class; one who sees most reads the order and skips the rest.
///
/// Where the words leave few resources, those are read by their numbers.
fn statements(reach: &Reach, me: Option<&str>, wanted: &Wanted, few: Option<&[i64]>) -> Vec<Sql> {
    let begin = || {
        let mut sql = Sql::default();
        let rest = rest(&mut sql, wanted);
        (sql, rest)
    };
    let columns = columns(wanted);
    let mut statements = Vec::new();
    let most = reach.full.len() * 2 > wanted.classes || reach.full.len() > SCANS * STATEMENTS;
    if let Some(numbers) = few {
        let (mut sql, rest) = begin();
        let (numbers, classes) = (sql.ints(numbers), sql.classes(&reach.full));
        sql.branches.push(format!(
            "SELECT {columns} FROM resources r WHERE r.number IN {numbers} AND (r.class_id IN {classes}) IS TRUE{rest}"
        ));
        statements.push(sql);
    } else if most && reach.full.len() > SCANS {
        let (mut sql, rest) = begin();
        // IS TRUE keeps the class out of the choice of index and of joins: the order is scanned.
        let classes = sql.classes(&reach.full);
        sql.branches.push(format!("SELECT {columns} FROM resources r WHERE (r.class_id IN {classes}) IS TRUE{rest}"));
        statements.push(sql);
    } else {
        for classes in reach.full.chunks(SCANS) {
            let (mut sql, rest) = begin();
            for class in classes {
                let class = sql.value(class.0);
                sql.branches.push(format!("SELECT {columns} FROM resources r WHERE r.class_id = {class}{rest}"));
            }
            statements.push(sql);
        }
    }
    let (mut sql, rest) = begin();
    partial(&mut sql, columns, reach, me, &rest);
    if !sql.branches.is_empty() {
        statements.push(sql);
    }
    statements
}

/// One more than is wanted tells whether there is more.
fn limit(wanted: &Wanted) -> i64 {
    i64::try_from(wanted.limit).map_or(i64::MAX, |limit| limit.saturating_add(1))
}

fn columns(wanted: &Wanted) -> &'static str {
    if wanted.bodies { COLUMNS } else { BODILESS }
}

fn column(key: Key) -> &'static str {
    match key {
        Key::Updated => "updated_at",
        Key::Created => "created_at",
        Key::Name => "name",
    }
}

fn order(wanted: &Wanted, table: &str) -> String {
    let direction = if wanted.descending { "DESC" } else { "ASC" };
    format!("{table}{} {direction}, {table}id {direction}", column(wanted.key))
}

/// Everything of a branch but its classes: the filters, where to begin, order and limit.
fn rest(sql: &mut Sql, wanted: &Wanted) -> String {
    let mut conditions = String::new();
    if !wanted.archived {
        conditions.push_str(" AND r.archived = 0");
    }
    if let Some(label) = wanted.labels.first() {
        let label = sql.value(label);
        conditions.push_str(&format!(
            " AND EXISTS (SELECT 1 FROM resource_labels l WHERE l.resource_id = r.id AND l.label = {label})"
        ));
    }
    if wanted.labels.len() > 1 {
        // Counted in one go: PostgreSQL takes seconds to plan a statement of many EXISTS.
        let (all, labels) = (wanted.labels.len(), sql.value(serde_json::json!(wanted.labels).to_string()));
        conditions.push_str(&format!(
            " AND (SELECT COUNT(*) FROM resource_labels l WHERE l.resource_id = r.id AND l.label IN LIST({labels})) = {all}"
        ));
    }
    for (column, list) in [("owner", &wanted.owners), ("author", &wanted.authors)] {
        if !list.is_empty() {
            let list = sql.value(serde_json::json!(list).to_string());
            conditions.push_str(&format!(" AND r.{column} IN LIST({list})"));
        }
    }
    for (key, before, at) in &wanted.times {
        let (column, than, at) = (column(*key), if *before { "<" } else { ">=" }, sql.value(*at));
        conditions.push_str(&format!(" AND r.{column} {than} {at}"));
    }
    if let Some(text) = &wanted.text {
        conditions.push_str(&format!(" AND {}", found(sql, text)));
    }
    if let Some((key, id)) = &wanted.after {
        let (key, id) = (sql.value(key.clone()), sql.value(id));
        let (column, than) = (column(wanted.key), if wanted.descending { "<" } else { ">" });
        conditions.push_str(&format!(" AND (r.{column} {than} {key} OR (r.{column} = {key} AND r.id {than} {id}))"));
    }
    let limit = sql.value(limit(wanted));
    format!("{conditions} ORDER BY {} LIMIT {limit}", order(wanted, "r."))
}

/// That a resource holds the words, judged on the words as they stand; what is quicker is only a choice among rows.
fn found(sql: &mut Sql, text: &Text) -> String {
    let cuts = sql.ints(&text.cuts);
    let parts = text.parts.iter().map(|part| {
        let pattern = sql.value(part.pattern());
        format!("(w.head LIKE {pattern} ESCAPE '\\' OR (w.cut IN {cuts} AND w.body LIKE {pattern} ESCAPE '\\'))")
    });
    let parts: Vec<String> = parts.collect();
    // A value and not an EXISTS: neither engine may turn it into a join and leave the order that it was told.
    let words =
        format!("(SELECT 1 FROM resource_words w WHERE w.resource_number = r.number AND {}) = 1", parts.join(" AND "));
    if text.code.is_empty() {
        return words;
    }
    let code = sql.value(&text.code);
    format!("(r.code = {code} OR {words})")
}

/// The numbers of the resources among which those with the words are, as long as they are few: read from the words of
/// the classes that the caller sees whole, so that what lies in others costs nothing. `None` when there are many: then
/// they are soon met on the way through the order.
async fn few(db: &Db, full: &[ClassIx], wanted: &Wanted) -> Result<Option<Vec<i64>>> {
    let Some(text) = wanted.text.as_ref().filter(|_| !full.is_empty()) else { return Ok(None) };
    let mut words: Vec<(&str, bool)> = text.parts.iter().map(Part::rarest).collect();
    // Whole words first, the long ones before the short.
    words.sort_by_key(|(word, begins)| (*begins, std::cmp::Reverse(word.len())));
    for (word, begins) in words.into_iter().take(TRIED) {
        let mut sql = Sql::default();
        let (classes, from) = (sql.classes(full), sql.value(word));
        let term = if begins {
            // No word holds the last character that there is.
            format!("t.term >= {from} AND t.term < {}", sql.value(format!("{word}\u{10FFFF}")))
        } else {
            format!("t.term = {from}")
        };
        let most = sql.value(i64::try_from(FEW + 1).unwrap_or(i64::MAX));
        let statement = format!(
            "SELECT t.resource_number FROM resource_terms t WHERE t.class_id IN {classes} AND {term} LIMIT {most}"
        );
        let rows = db.scan(&statement, sql.values).await?;
        if rows.len() > FEW {
            continue;
        }
        let mut numbers = rows.iter().map(|row| row.int(0)).collect::<Result<Vec<_>>>()?;
        if !text.code.is_empty() {
            let row = db.query_opt("SELECT number FROM resources WHERE code = $1", &params![&text.code]).await?;
            numbers.extend(row.map(|row| row.int(0)).transpose()?);
        }
        return Ok(Some(numbers));
    }
    Ok(None)
}

/// The classes of which some resources are seen, by what the caller is to them. The branches
/// share no row: each leaves to the one before it what that one has.
fn partial(sql: &mut Sql, columns: &str, reach: &Reach, me: Option<&str>, rest: &str) {
    let with = |bit: u8| -> Vec<ClassIx> {
        reach.partial.iter().filter(|(_, mask)| mask & 1 << bit != 0).map(|(class, _)| *class).collect()
    };
    let Some(me) = me else {
        let classes = with(0);
        if !classes.is_empty() {
            let classes = sql.classes(&classes);
            sql.branches.push(format!("SELECT {columns} FROM resources r WHERE r.class_id IN {classes}{rest}"));
        }
        return;
    };
    if reach.partial.is_empty() {
        return;
    }
    let me = sql.value(me);
    let subscribed = format!("SELECT s.resource_id FROM resource_subscribers s WHERE s.subscriber = {me}");
    let is = |column: &str, yes: bool| format!("r.{column} {} {me}", if yes { "=" } else { "<>" });
    let is_subscribed = |yes: bool| format!("r.id {}IN ({subscribed})", if yes { "" } else { "NOT " });
    // Bit 0 author, bit 1 owner, bit 2 subscriber, as `garth_core::Facts::bits`.
    let branches: [(String, &[u8]); 4] = [
        (is("author", true), &[1, 3, 5, 7]),
        (format!("{} AND {}", is("owner", true), is("author", false)), &[2, 6]),
        (format!("{} AND {} AND {}", is_subscribed(true), is("author", false), is("owner", false)), &[4]),
        (format!("{} AND {} AND {}", is("author", false), is("owner", false), is_subscribed(false)), &[0]),
    ];
    for (side, combinations) in branches {
        let lists: Vec<Vec<ClassIx>> = combinations.iter().map(|bit| with(*bit)).collect();
        let condition = match lists.split_first() {
            Some((first, others)) if others.iter().all(|l| l == first) => {
                if first.is_empty() {
                    continue;
                }
                format!("r.class_id IN {}", sql.classes(first))
            }
            _ => {
                let each: Vec<String> = combinations
                    .iter()
                    .zip(&lists)
                    .filter(|(_, classes)| !classes.is_empty())
                    .map(|(bits, classes)| {
                        let (owner, subscriber) = (is("owner", bits & 2 != 0), is_subscribed(bits & 4 != 0));
                        format!("({owner} AND {subscriber} AND r.class_id IN {})", sql.classes(classes))
                    })
                    .collect();
                format!("({})", each.join(" OR "))
            }
        };
        sql.branches.push(format!("SELECT {columns} FROM resources r WHERE {side} AND {condition}{rest}"));
    }
}
