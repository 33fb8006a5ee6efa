//! SQL of lists: index scans over the classes a caller may see, with nothing to discard.
//!
//! A page is found in three steps. The first asks each class for the key of its first row, by one look into an index a
//! class: only the classes whose first rows are foremost can have rows on the page. The second reads the places of the
//! page, one scan a class, and no bodies. The third reads the rows. A caller with few classes needs no first step; one
//! who sees most of all classes reads the order and skips what is of other classes. Classes that are seen by author,
//! owner or subscribers only are read from the caller's own side: what they made, own, subscribe to.

use super::{BODILESS, COLUMNS, Result, Stored, complete_all, stored};
use crate::base::db::{Db, DbError, Row, Value, params};
use crate::base::words::Part;
use garth_core::{ClassIx, Micros, Reach};
use hashbrown::HashMap;
use std::cmp::Ordering;

/// Classes that share a statement, each with a scan of its own; SQLite joins at most 500.
const SCANS: usize = 64;
/// How many scans a statement has: few lengths, so that statements are prepared once. What is over finds nothing.
const LENGTHS: [usize; 4] = [1, 4, 16, SCANS];
/// Classes up to which each is asked for its first row.
const ASKED: usize = 2_048;
/// How often a page is begun anew because all that was foremost went away meanwhile.
const ROUNDS: usize = 4;
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
    /// What of the things that must be seen before others the caller sees; `None` where nothing that is wanted requires
    /// anything.
    pub needs: Option<Needs>,
}

/// What the caller sees of what must be seen before other things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needs {
    /// The classes.
    pub reach: Reach,
    /// How the caller stands as author, owner and subscriber.
    pub me: Option<String>,
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
    /// Which of two rows comes first, by key and id.
    fn compare(&self, a: &(Value, String), b: &(Value, String)) -> Ordering {
        if self.descending { b.cmp(a) } else { a.cmp(b) }
    }

    /// Does that key come after the other?
    fn beyond(&self, key: &Value, other: &Value) -> bool {
        if self.descending { key < other } else { key > other }
    }
}

/// A statement under construction.
#[derive(Default)]
pub(super) struct Sql {
    branches: Vec<String>,
    pub(super) values: Vec<Value>,
}

impl Sql {
    pub(super) fn value(&mut self, value: impl Into<Value>) -> String {
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

    /// Adds the places of what that condition and the rest let through.
    fn branch(&mut self, wanted: &Wanted, condition: &str, rest: &str) {
        let column = column(wanted.key);
        self.branches.push(format!("SELECT r.id, r.{column} FROM resources r WHERE {condition}{rest}"));
    }

    pub(super) fn classes(&mut self, classes: &[ClassIx]) -> String {
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
    for _ in 0..ROUNDS {
        let Places { mut places, horizon } = places(db, reach, me, wanted).await?;
        if places.is_empty() && horizon.is_some() {
            continue;
        }
        let more = places.len() > wanted.limit || horizon.is_some();
        places.truncate(wanted.limit);
        let end = places.last().filter(|_| more).map(|(key, id)| {
            let key = match key {
                Value::Text(name) => name.clone(),
                Value::Int(time) => time.to_string(),
                Value::Null => String::new(),
            };
            (key, id.clone())
        });
        let asker = wanted.needs.as_ref().map(|needs| needs.me.as_deref().unwrap_or_default());
        return Ok((complete_all(db, rows(db, &places, wanted).await?, asker).await?, end));
    }
    Err(DbError::Unavailable("a list changed faster than it could be read".to_owned()))
}

/// How many resources there are in each of these reaches, without the archived ones, and of each no more than `most`: what
/// is beyond is not looked at. Each reach comes with what of it must be seen before it, if something must.
pub(in crate::resources) async fn numbers(
    db: &Db,
    reaches: &[(Needs, Option<&Needs>)],
    most: i64,
) -> Result<Vec<(usize, i64)>> {
    let mut sql = Sql::default();
    let most = sql.value(most);
    let mut parts = Vec::new();
    for (at, (eyes, needs)) in reaches.iter().enumerate() {
        let seen = seen(&mut sql, eyes, "r");
        let barred = needs.map(|needs| barred(&mut sql, needs)).unwrap_or_default();
        parts.push(format!(
            "SELECT {at}, COUNT(*) FROM \
             (SELECT 1 FROM resources r WHERE r.archived = 0 AND ({seen}){barred} LIMIT {most}) AS counted"
        ));
    }
    if parts.is_empty() {
        return Ok(Vec::new());
    }
    let rows = db.scan(&parts.join(" UNION ALL "), sql.values).await?;
    rows.iter().map(|row| Ok((usize::try_from(row.int(0)?).unwrap_or(usize::MAX), row.int(1)?))).collect()
}

/// How many resources of each kind lie in a space, without the archived ones: as it is kept with every change.
pub(in crate::resources) async fn counts(db: &Db, space: &str) -> Result<Vec<(String, i64)>> {
    let sql = "SELECT kind_id, number FROM resource_counts WHERE space_id = $1 AND number > 0";
    let rows = db.scan(sql, vec![Value::Text(space.to_owned())]).await?;
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.int(1)?))).collect()
}

/// Keys and ids of rows in the wanted order: at least those of the page and one more, if there are so many.
struct Places {
    places: Vec<(Value, String)>,
    /// Where the order ends for now, if it does: classes were left out that have rows beyond this key.
    horizon: Option<Value>,
}

async fn places(db: &Db, reach: &Reach, me: Option<&str>, wanted: &Wanted) -> Result<Places> {
    let mut horizon = None;
    let mut statements = if let Some(numbers) = few(db, &reach.full, wanted).await? {
        vec![by_number(&numbers, &reach.full, wanted)]
    } else if reach.full.len() <= SCANS {
        scans(&reach.full, wanted)
    } else if reach.full.len() * 2 > wanted.classes || reach.full.len() > ASKED {
        vec![in_order(&reach.full, wanted)]
    } else {
        let (foremost, end) = foremost(db, &reach.full, wanted).await?;
        horizon = end;
        scans(&foremost, wanted)
    };
    statements.extend(partial(reach, me, wanted));
    let mut places = Vec::new();
    for sql in statements {
        let (text, values) = sql.finish(wanted);
        for row in &db.scan(&text, values).await? {
            places.push((key(row, 1, wanted)?.ok_or_else(no_key)?, row.text(0)?.to_owned()));
        }
    }
    places.sort_by(|a, b| wanted.compare(a, b));
    if let Some(end) = &horizon {
        places.retain(|(key, _)| !wanted.beyond(key, end));
    }
    Ok(Places { places, horizon })
}

fn no_key() -> DbError {
    DbError::Other("a row without the key of its order".to_owned())
}

fn key(row: &Row, column: usize, wanted: &Wanted) -> Result<Option<Value>> {
    Ok(match wanted.key {
        Key::Name => row.opt_text(column)?.map(Value::from),
        Key::Updated | Key::Created => row.opt_int(column)?.map(Value::from),
    })
}

/// The classes whose first rows are foremost; and the key up to which no other has rows, where some were left out.
async fn foremost(db: &Db, classes: &[ClassIx], wanted: &Wanted) -> Result<(Vec<ClassIx>, Option<Value>)> {
    let mut sql = Sql::default();
    let rest = rest(&mut sql, wanted, 1);
    let (column, list) = (column(wanted.key), sql.classes(classes));
    let text = format!(
        "SELECT c.value, (SELECT r.{column} FROM resources r WHERE r.class_id = c.value{rest}) AS head FROM {list} AS c"
    );
    let mut heads = Vec::new();
    for row in &db.scan(&text, sql.values).await? {
        if let Some(head) = key(row, 1, wanted)? {
            let class = u32::try_from(row.int(0)?).map_err(|_| DbError::Other("a class out of range".to_owned()))?;
            heads.push((head, ClassIx(class)));
        }
    }
    heads.sort_unstable();
    if wanted.descending {
        heads.reverse();
    }
    let end = heads.get(wanted.limit).map(|(head, _)| head.clone());
    let near = heads.iter().take_while(|(head, _)| end.as_ref().is_none_or(|end| !wanted.beyond(head, end))).count();
    let horizon = end.filter(|_| near < heads.len());
    heads.truncate(near);
    Ok((heads.into_iter().map(|(_, class)| class).collect(), horizon))
}

/// The rows at those places, in their order; what is gone meanwhile is left out.
async fn rows(db: &Db, places: &[(Value, String)], wanted: &Wanted) -> Result<Vec<Stored>> {
    let columns = if wanted.bodies { COLUMNS } else { BODILESS };
    let ids = serde_json::json!(places.iter().map(|(_, id)| id.as_str()).collect::<Vec<_>>()).to_string();
    let found = db.query(&format!("SELECT {columns} FROM resources r WHERE r.id IN LIST($1)"), &params![ids]).await?;
    let mut found: HashMap<String, Stored> =
        found.iter().map(|row| stored(row).map(|row| (row.id.clone(), row))).collect::<Result<_>>()?;
    Ok(places.iter().filter_map(|(_, id)| found.remove(id)).collect())
}

/// One scan a class.
fn scans(classes: &[ClassIx], wanted: &Wanted) -> Vec<Sql> {
    let statement = |classes: &[ClassIx]| {
        let mut sql = Sql::default();
        let rest = rest(&mut sql, wanted, limit(wanted));
        let length = LENGTHS.into_iter().find(|length| *length >= classes.len()).unwrap_or(SCANS);
        let classes = classes.iter().map(|class| i64::from(class.0)).chain(std::iter::repeat(-1));
        for class in classes.take(length) {
            let class = sql.value(class);
            sql.branch(wanted, &format!("r.class_id = {class}"), &rest);
        }
        sql
    };
    classes.chunks(SCANS).map(statement).collect()
}

/// The order, and what is of other classes skipped.
fn in_order(classes: &[ClassIx], wanted: &Wanted) -> Sql {
    let mut sql = Sql::default();
    let (rest, classes) = (rest(&mut sql, wanted, limit(wanted)), sql.classes(classes));
    // IS TRUE keeps the class out of the choice of index and of joins.
    sql.branch(wanted, &format!("(r.class_id IN {classes}) IS TRUE"), &rest);
    sql
}

/// The few that the words leave, read by their numbers.
fn by_number(numbers: &[i64], classes: &[ClassIx], wanted: &Wanted) -> Sql {
    let mut sql = Sql::default();
    let rest = rest(&mut sql, wanted, limit(wanted));
    let (numbers, classes) = (sql.ints(numbers), sql.classes(classes));
    sql.branch(wanted, &format!("r.number IN {numbers} AND (r.class_id IN {classes}) IS TRUE"), &rest);
    sql
}

/// One more than is wanted tells whether there is more.
fn limit(wanted: &Wanted) -> i64 {
    i64::try_from(wanted.limit).map_or(i64::MAX, |limit| limit.saturating_add(1))
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
fn rest(sql: &mut Sql, wanted: &Wanted, limit: i64) -> String {
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
    if let Some(needs) = &wanted.needs {
        conditions.push_str(&barred(sql, needs));
    }
    if let Some((key, id)) = &wanted.after {
        let (key, id) = (sql.value(key.clone()), sql.value(id));
        let (column, than) = (column(wanted.key), if wanted.descending { "<" } else { ">" });
        conditions.push_str(&format!(" AND (r.{column} {than} {key} OR (r.{column} = {key} AND r.id {than} {id}))"));
    }
    let limit = sql.value(limit);
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

/// That nothing is hidden which must be seen before a resource `r`, to be put after other conditions.
pub(super) fn barred(sql: &mut Sql, needs: &Needs) -> String {
    let seen = seen(sql, needs, "t");
    format!(
        " AND NOT EXISTS (SELECT 1 FROM resource_requirements q LEFT JOIN resources t ON t.id = q.required_id \
         WHERE q.resource_id = r.id AND (t.id IS NULL OR t.id = r.id OR NOT ({seen})))"
    )
}

/// Whether the caller sees a resource `t`, as the statement calls it.
pub(super) fn seen(sql: &mut Sql, needs: &Needs, t: &str) -> String {
    let mut ways = Vec::new();
    if !needs.reach.full.is_empty() {
        ways.push(format!("{t}.class_id IN {}", sql.classes(&needs.reach.full)));
    }
    // A value that no part of the statement names would be refused.
    let me = needs.me.as_ref().filter(|_| !needs.reach.partial.is_empty()).map(|me| sql.value(me));
    for bits in 0..8_u8 {
        let with = needs.reach.partial.iter().filter(|(_, mask)| mask & 1 << bits != 0);
        let classes: Vec<ClassIx> = with.map(|(class, _)| *class).collect();
        if classes.is_empty() || (me.is_none() && bits > 0) {
            continue;
        }
        let mut way = format!("{t}.class_id IN {}", sql.classes(&classes));
        if let Some(me) = &me {
            let is = |bit: u8| if bits & bit != 0 { "=" } else { "<>" };
            let follows = if bits & 4 != 0 { "" } else { "NOT " };
            way.push_str(&format!(
                " AND {t}.author {} {me} AND {t}.owner {} {me} AND {follows}EXISTS (SELECT 1 \
                 FROM resource_subscribers s WHERE s.resource_id = {t}.id AND s.subscriber = {me})",
                is(1),
                is(2)
            ));
        }
        ways.push(format!("({way})"));
    }
    if ways.is_empty() { "1 = 0".to_owned() } else { ways.join(" OR ") }
}

/// The classes of which some resources are seen, by what the caller is to them. The branches
/// share no row: each leaves to the one before it what that one has.
fn partial(reach: &Reach, me: Option<&str>, wanted: &Wanted) -> Option<Sql> {
    let with = |bit: u8| -> Vec<ClassIx> {
        reach.partial.iter().filter(|(_, mask)| mask & 1 << bit != 0).map(|(class, _)| *class).collect()
    };
    let mut sql = Sql::default();
    let rest = rest(&mut sql, wanted, limit(wanted));
    let Some(me) = me else {
        let classes = with(0);
        if !classes.is_empty() {
            let classes = sql.classes(&classes);
            sql.branch(wanted, &format!("r.class_id IN {classes}"), &rest);
        }
        return Some(sql).filter(|sql| !sql.branches.is_empty());
    };
    if reach.partial.is_empty() {
        return None;
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
        sql.branch(wanted, &format!("{side} AND {condition}"), &rest);
    }
    Some(sql).filter(|sql| !sql.branches.is_empty())
}
