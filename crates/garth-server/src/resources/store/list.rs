//! SQL of lists: index scans over the classes a caller may see, with nothing to discard.
//!
//! A caller with few classes reads one scan per class, merged; one with many reads the order
//! and skips what is of other classes. Classes that are seen by author, owner or subscribers
//! only are read from the caller's own side: what they made, own, subscribe to.

use super::{COLUMNS, Result, Stored, complete, stored};
use crate::base::db::{Db, Value};
use garth_core::{ClassIx, Reach};

/// Classes up to which each gets a scan of its own; SQLite joins at most 500.
const SCANS: usize = 64;

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
    /// Archived resources, too?
    pub archived: bool,
    /// With all of these labels.
    pub labels: Vec<String>,
    /// Owned by one of these principals.
    pub owners: Vec<String>,
    /// Made by one of these principals.
    pub authors: Vec<String>,
    /// With that in its name, lower case; or of that code.
    pub q: Option<(String, String)>,
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

    fn classes(&mut self, classes: &[ClassIx]) -> String {
        let list = serde_json::json!(classes.iter().map(|c| c.0).collect::<Vec<_>>()).to_string();
        format!("INTS({})", self.value(list))
    }
}

/// A page of the resources in that reach. `me` is how the caller stands as author, owner and subscriber.
pub(in crate::resources) async fn page(
    db: &Db,
    reach: &Reach,
    me: Option<&str>,
    wanted: &Wanted,
) -> Result<Vec<Stored>> {
    let mut sql = Sql::default();
    let rest = rest(&mut sql, wanted);
    full(&mut sql, reach, &rest);
    partial(&mut sql, reach, me, &rest);
    if sql.branches.is_empty() {
        return Ok(Vec::new());
    }
    let text = match &sql.branches[..] {
        [only] => only.clone(),
        many => {
            let parts: Vec<String> = many.iter().map(|b| format!("SELECT * FROM ({b}) AS b")).collect();
            let limit = sql.value(limit(wanted));
            format!("{} ORDER BY {} LIMIT {limit}", parts.join(" UNION ALL "), order(wanted, ""))
        }
    };
    let rows = db.scan(&text, sql.values).await?;
    let mut rows = rows.iter().map(stored).collect::<Result<Vec<_>>>()?;
    complete(db, &mut rows).await?;
    Ok(rows)
}

fn limit(wanted: &Wanted) -> i64 {
    i64::try_from(wanted.limit).unwrap_or(i64::MAX)
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
    for label in &wanted.labels {
        let label = sql.value(label);
        conditions.push_str(&format!(
            " AND EXISTS (SELECT 1 FROM resource_labels l WHERE l.resource_id = r.id AND l.label = {label})"
        ));
    }
    for (column, list) in [("owner", &wanted.owners), ("author", &wanted.authors)] {
        if !list.is_empty() {
            let list = sql.value(serde_json::json!(list).to_string());
            conditions.push_str(&format!(" AND r.{column} IN LIST({list})"));
        }
    }
    if let Some((part, code)) = &wanted.q {
        let escaped = part.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        let (part, code) = (sql.value(format!("%{escaped}%")), sql.value(code));
        conditions.push_str(&format!(" AND (r.name_key LIKE {part} ESCAPE '\\' OR r.code = {code})"));
    }
    if let Some((key, id)) = &wanted.after {
        let (key, id) = (sql.value(key.clone()), sql.value(id));
        let (column, than) = (column(wanted.key), if wanted.descending { "<" } else { ">" });
        conditions.push_str(&format!(" AND (r.{column} {than} {key} OR (r.{column} = {key} AND r.id {than} {id}))"));
    }
    let limit = sql.value(limit(wanted));
    format!("{conditions} ORDER BY {} LIMIT {limit}", order(wanted, "r."))
}

/// The classes whose every resource is seen.
fn full(sql: &mut Sql, reach: &Reach, rest: &str) {
    if reach.full.len() <= SCANS {
        for class in &reach.full {
            let class = sql.value(class.0);
            sql.branches.push(format!("SELECT {COLUMNS} FROM resources r WHERE r.class_id = {class}{rest}"));
        }
    } else {
        // The plus keeps the class out of the choice of index: the order is scanned.
        let classes = sql.classes(&reach.full);
        sql.branches.push(format!("SELECT {COLUMNS} FROM resources r WHERE +r.class_id IN {classes}{rest}"));
    }
}

/// The classes of which some resources are seen, by what the caller is to them. The branches
/// share no row: each leaves to the one before it what that one has.
fn partial(sql: &mut Sql, reach: &Reach, me: Option<&str>, rest: &str) {
    let with = |bit: u8| -> Vec<ClassIx> {
        reach.partial.iter().filter(|(_, mask)| mask & 1 << bit != 0).map(|(class, _)| *class).collect()
    };
    let Some(me) = me else {
        let classes = with(0);
        if !classes.is_empty() {
            let classes = sql.classes(&classes);
            sql.branches.push(format!("SELECT {COLUMNS} FROM resources r WHERE r.class_id IN {classes}{rest}"));
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
        sql.branches.push(format!("SELECT {COLUMNS} FROM resources r WHERE {side} AND {condition}{rest}"));
    }
}
