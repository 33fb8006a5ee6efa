//! The shape of a database: its tables, columns, indexes and references; and what one lacks against another.

use std::collections::{BTreeMap, BTreeSet};

use super::{DbError, Session, Tx, migrate, params};

/// The tables of a database, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// By name.
    pub tables: BTreeMap<String, Table>,
}

/// One table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// In their order.
    pub columns: Vec<Column>,
    /// Every index with its columns, by name; those an engine makes by itself for a key have names of its own.
    pub indexes: BTreeMap<String, Vec<String>>,
    /// The sets of columns of which no two rows have the same.
    pub keys: BTreeSet<Vec<String>>,
    /// Column, and the table and column it points at.
    pub references: BTreeSet<(String, String, String)>,
}

/// One column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Text, or else a number.
    pub text: bool,
    /// Is there always something in it?
    pub always: bool,
}

impl Shape {
    /// What this program expects: made by running its migrations in memory.
    ///
    /// # Errors
    /// When they do not run, which the tests of the store would have shown.
    pub async fn expected() -> Result<Shape, DbError> {
        let mut tx = Tx::new(Session::Sqlite(rusqlite::Connection::open_in_memory()?));
        migrate::run_all(&mut tx).await?;
        Shape::of(&mut tx).await
    }

    /// The shape of an open database.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn of(tx: &mut Tx) -> Result<Shape, DbError> {
        let words = match tx.session {
            Session::Sqlite(_) => SQLITE,
            Session::Postgres(_) => POSTGRES,
        };
        let mut shape = Shape::default();
        for row in tx.query(words.tables, &[]).await? {
            let name = row.text(0)?.to_owned();
            shape.tables.insert(name.clone(), table(tx, &words, &name).await?);
        }
        Ok(shape)
    }

    /// The tables so that each comes after those it points at.
    pub fn in_order(&self) -> Vec<&str> {
        let mut order: Vec<&str> = Vec::new();
        while order.len() < self.tables.len() {
            let before = order.len();
            for (name, table) in &self.tables {
                let waits = |(_, to, _): &(String, String, String)| {
                    to != name && self.tables.contains_key(to) && !order.contains(&to.as_str())
                };
                if !order.contains(&name.as_str()) && !table.references.iter().any(waits) {
                    order.push(name);
                }
            }
            if order.len() == before {
                // A circle: there is none in ours, and any order is as good.
                order.extend(
                    self.tables.keys().map(String::as_str).filter(|name| !order.contains(name)).collect::<Vec<_>>(),
                );
            }
        }
        order
    }

    /// What is not as expected: where, and what is wrong there. More tables or indexes than expected are nobody's
    /// concern.
    pub fn lacks(&self, expected: &Shape) -> Vec<(String, String)> {
        let mut wrong = Vec::new();
        for (name, wanted) in &expected.tables {
            let Some(found) = self.tables.get(name) else {
                wrong.push((format!("table {name}"), "is missing".to_owned()));
                continue;
            };
            found.lacks(name, wanted, &mut wrong);
        }
        wrong
    }
}

impl Table {
    fn lacks(&self, table: &str, expected: &Table, wrong: &mut Vec<(String, String)>) {
        for wanted in &expected.columns {
            let place = format!("column {table}.{}", wanted.name);
            match self.columns.iter().find(|column| column.name == wanted.name) {
                None => wrong.push((place, "is missing".to_owned())),
                Some(found) if found.text != wanted.text => wrong.push((place, "holds another type".to_owned())),
                Some(found) if found.always != wanted.always => {
                    wrong.push((place, "allows or forbids NULL where it should not".to_owned()));
                }
                Some(_) => {}
            }
        }
        // The names of automatic indexes are the engine's; their keys are compared below.
        for (name, columns) in expected.indexes.iter().filter(|(name, _)| !name.starts_with("sqlite_autoindex")) {
            match self.indexes.get(name) {
                None => wrong.push((format!("index {name}"), "is missing".to_owned())),
                Some(found) if found != columns => {
                    wrong.push((
                        format!("index {name}"),
                        format!("is on {} instead of {}", found.join(", "), columns.join(", ")),
                    ));
                }
                Some(_) => {}
            }
        }
        for columns in expected.keys.difference(&self.keys) {
            wrong.push((format!("table {table}"), format!("does not keep {} unique", columns.join(", "))));
        }
        for (column, to, key) in expected.references.difference(&self.references) {
            wrong.push((format!("column {table}.{column}"), format!("is not held to {to}.{key}")));
        }
    }
}

/// How an engine is asked about its tables; every question but the first is about the table `$1`.
struct Words {
    /// The names of the tables.
    tables: &'static str,
    /// Name, type, whether NULL is forbidden, and whether it is part of the primary key.
    columns: &'static str,
    /// Name of the index, whether it is unique, and one of its columns; in the order of the columns.
    indexes: &'static str,
    /// Column, table and column pointed at.
    references: &'static str,
}

const SQLITE: Words = Words {
    tables: "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
    columns: "SELECT name, type, \"notnull\", pk FROM pragma_table_info($1) ORDER BY cid",
    indexes: "SELECT l.name, l.\"unique\", i.name FROM pragma_index_list($1) AS l, pragma_index_info(l.name) AS i \
              ORDER BY l.name, i.seqno",
    references: "SELECT \"from\", \"table\", \"to\" FROM pragma_foreign_key_list($1)",
};

const POSTGRES: Words = Words {
    tables: "SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1",
    columns: "SELECT CAST(column_name AS TEXT), upper(CAST(data_type AS TEXT)), is_nullable = 'NO', 0 \
              FROM information_schema.columns \
              WHERE table_schema = current_schema() AND CAST(table_name AS TEXT) = $1 ORDER BY ordinal_position",
    indexes: "SELECT CAST(i.relname AS TEXT), x.indisunique, CAST(a.attname AS TEXT) FROM pg_index x \
              JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid \
              JOIN pg_namespace n ON n.oid = t.relnamespace JOIN pg_attribute a ON a.attrelid = i.oid \
              WHERE n.nspname = current_schema() AND CAST(t.relname AS TEXT) = $1 AND x.indisvalid \
              ORDER BY i.relname, a.attnum",
    references: "SELECT CAST(a.attname AS TEXT), CAST(r.relname AS TEXT), CAST(b.attname AS TEXT) FROM pg_constraint c \
                 JOIN pg_class t ON t.oid = c.conrelid JOIN pg_class r ON r.oid = c.confrelid \
                 JOIN pg_namespace n ON n.oid = t.relnamespace \
                 JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] \
                 JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = c.confkey[1] \
                 WHERE c.contype = 'f' AND n.nspname = current_schema() AND CAST(t.relname AS TEXT) = $1",
};

async fn table(tx: &mut Tx, words: &Words, name: &str) -> Result<Table, DbError> {
    let mut table = Table::default();
    let mut primary = Vec::new();
    for row in tx.query(words.columns, &params![name]).await? {
        let key = row.int(3)?;
        if key > 0 {
            primary.push((key, row.text(0)?.to_owned()));
        }
        let always = row.bool(2)? || key > 0;
        table.columns.push(Column { name: row.text(0)?.to_owned(), text: row.text(1)? == "TEXT", always });
    }
    let mut unique = BTreeSet::new();
    for row in tx.query(words.indexes, &params![name]).await? {
        let index = row.text(0)?.to_owned();
        if row.bool(1)? {
            unique.insert(index.clone());
        }
        table.indexes.entry(index).or_default().push(row.text(2)?.to_owned());
    }
    let keys = table.indexes.iter().filter(|(index, _)| unique.contains(*index));
    table.keys = keys.map(|(_, columns)| columns.clone()).collect();
    if !primary.is_empty() {
        primary.sort();
        table.keys.insert(primary.into_iter().map(|(_, column)| column).collect());
    }
    for row in tx.query(words.references, &params![name]).await? {
        table.references.insert((row.text(0)?.to_owned(), row.text(1)?.to_owned(), row.text(2)?.to_owned()));
    }
    Ok(table)
}
