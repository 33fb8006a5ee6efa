//! SQL of lists: index scans over the classes a caller may see, with nothing to discard.
//!
//! A caller with few classes reads one scan per class, merged; one who sees most of them reads
//! the order and skips what is of other classes. Classes that are seen by author, owner or subscribers
//! only are read from the caller's own side: what they made, own, subscribe to.

use super::{BODILESS, COLUMNS, Result, Stored, complete_all, stored};
use crate::base::db::{Db, Value};
use garth_core::{ClassIx, Reach};
use std::cmp::Ordering;

/// Classes that share a statement, each with a scan of its own; SQLite joins at most 500.
const SCANS: usize = 64;
/// Statements up to which many classes are still read one by one.
const STATEMENTS: usize = 32;

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
    /// With that in its name, lower case; or of that code.
    pub q: Option<(String, String)>,
    /// How many classes there are, of which the caller sees some.
    pub classes: usize,
    /// What of the things that must be seen before others the caller sees; `None` where nothing that is wanted requires
    /// anything.
    pub needs: Option<Needs>,
}

/// What the caller sees of what must be seen before other things.
#[derive(Clone, Debug)]
pub struct Needs {
    /// The classes.
    pub reach: Reach,
    /// How the caller stands as author, owner and subscriber.
    pub me: Option<String>,
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
        let list = serde_json::json!(classes.iter().map(|c| c.0).collect::<Vec<_>>()).to_string();
        format!("INTS({})", self.value(list))
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
    let statements = statements(reach, me, wanted);
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
    let asker = wanted.needs.as_ref().map(|needs| needs.me.as_deref().unwrap_or_default());
    Ok((complete_all(db, rows, asker).await?, end))
}

/// The statements that together read the page. A caller with few classes, or with many that are
/// still the lesser part, reads one scan a class; one who sees most reads the order and skips the rest.
fn statements(reach: &Reach, me: Option<&str>, wanted: &Wanted) -> Vec<Sql> {
    let begin = || {
        let mut sql = Sql::default();
        let rest = rest(&mut sql, wanted);
        (sql, rest)
    };
    let columns = columns(wanted);
    let mut statements = Vec::new();
    let most = reach.full.len() * 2 > wanted.classes || reach.full.len() > SCANS * STATEMENTS;
    if most && reach.full.len() > SCANS {
        let (mut sql, rest) = begin();
        // The plus keeps the class out of the choice of index: the order is scanned.
        let classes = sql.classes(&reach.full);
        sql.branches.push(format!("SELECT {columns} FROM resources r WHERE +r.class_id IN {classes}{rest}"));
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
    if let Some((part, code)) = &wanted.q {
        let escaped = part.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        let (part, code) = (sql.value(format!("%{escaped}%")), sql.value(code));
        conditions.push_str(&format!(" AND (r.name_key LIKE {part} ESCAPE '\\' OR r.code = {code})"));
    }
    if let Some(needs) = &wanted.needs {
        let seen = seen(sql, needs);
        conditions.push_str(&format!(
            " AND NOT EXISTS (SELECT 1 FROM resource_requirements q LEFT JOIN resources t ON t.id = q.required_id \
             WHERE q.resource_id = r.id AND (t.id IS NULL OR t.id = r.id OR NOT ({seen})))"
        ));
    }
    if let Some((key, id)) = &wanted.after {
        let (key, id) = (sql.value(key.clone()), sql.value(id));
        let (column, than) = (column(wanted.key), if wanted.descending { "<" } else { ">" });
        conditions.push_str(&format!(" AND (r.{column} {than} {key} OR (r.{column} = {key} AND r.id {than} {id}))"));
    }
    let limit = sql.value(limit(wanted));
    format!("{conditions} ORDER BY {} LIMIT {limit}", order(wanted, "r."))
}

/// Whether the caller sees a required resource `t`.
fn seen(sql: &mut Sql, needs: &Needs) -> String {
    let mut ways = Vec::new();
    if !needs.reach.full.is_empty() {
        ways.push(format!("t.class_id IN {}", sql.classes(&needs.reach.full)));
    }
    // A value that no part of the statement names would be refused.
    let me = needs.me.as_ref().filter(|_| !needs.reach.partial.is_empty()).map(|me| sql.value(me));
    for bits in 0..8_u8 {
        let with = needs.reach.partial.iter().filter(|(_, mask)| mask & 1 << bits != 0);
        let classes: Vec<ClassIx> = with.map(|(class, _)| *class).collect();
        if classes.is_empty() || (me.is_none() && bits > 0) {
            continue;
        }
        let mut way = format!("t.class_id IN {}", sql.classes(&classes));
        if let Some(me) = &me {
            let is = |bit: u8| if bits & bit != 0 { "=" } else { "<>" };
            let follows = if bits & 4 != 0 { "" } else { "NOT " };
            way.push_str(&format!(
                " AND t.author {} {me} AND t.owner {} {me} AND {follows}EXISTS (SELECT 1 FROM resource_subscribers s \
                 WHERE s.resource_id = t.id AND s.subscriber = {me})",
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
