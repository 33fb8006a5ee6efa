//! The store: the same SQL on SQLite and PostgreSQL, many readers and one writer.
//!
//! A statement is written once: `$1` placeholders, TEXT and BIGINT columns, JSON as TEXT, flags as 0 and 1.
//! Two words are ours: `LIST($1)` and `INTS($1)` turn a JSON array parameter into a set of rows with one
//! column called `value`, so `id IN LIST($1)` reads the same on both engines.
//!
//! [`Db`] reads, and only reads. Everything that changes goes through [`Writer::run`].

mod migrate;
mod postgres;
mod shape;
mod sqlite;
#[cfg(test)]
mod tests;
mod turns;
mod whole;
mod writer;

use std::borrow::Cow;
use std::collections::hash_map::DefaultHasher;
use std::fs::File;
use std::hash::{Hash, Hasher};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub use migrate::{Migration, expect_schema, known_schema};
pub use shape::Shape;
pub use whole::{Progress, claim_folder, load, open_file};
pub use writer::{QUEUE, Writer};

/// What a column or a parameter can hold. There is nothing else in the database. Texts are ordered by their bytes, as
/// both engines order them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// Nothing there.
    Null,
    /// A number, a time in microseconds, or a flag (0 or 1).
    Int(i64),
    /// Text, an id, a hash, or JSON.
    Text(String),
}

macro_rules! value_from {
    ($($from:ty, $name:ident => $value:expr;)*) => {
        $(impl From<$from> for Value {
            fn from($name: $from) -> Value {
                $value
            }
        })*
    };
}

value_from! {
    i64, number => Value::Int(number);
    i32, number => Value::Int(i64::from(number));
    u32, number => Value::Int(i64::from(number));
    bool, flag => Value::Int(i64::from(flag));
    &str, text => Value::Text(text.to_owned());
    String, text => Value::Text(text);
    &String, text => Value::Text(text.clone());
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}

/// The parameters of a statement, in order: `params![id, name]` is `[Value; 2]`.
macro_rules! params {
    () => { [] as [$crate::base::db::Value; 0] };
    ($($value:expr),+ $(,)?) => { [$($crate::base::db::Value::from($value)),+] };
}
pub(crate) use params;

/// One row of an answer; columns are counted from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row(Vec<Value>);

impl Row {
    /// Every value, in the order of the columns.
    pub fn values(&self) -> &[Value] {
        &self.0
    }

    /// The text in a column.
    pub fn text(&self, column: usize) -> Result<&str, DbError> {
        self.opt_text(column)?.ok_or_else(|| unexpected(column, "text"))
    }

    /// The number in a column.
    pub fn int(&self, column: usize) -> Result<i64, DbError> {
        self.opt_int(column)?.ok_or_else(|| unexpected(column, "a number"))
    }

    /// The flag in a column.
    pub fn bool(&self, column: usize) -> Result<bool, DbError> {
        Ok(self.int(column)? != 0)
    }

    /// The text in a column that may be null.
    pub fn opt_text(&self, column: usize) -> Result<Option<&str>, DbError> {
        match self.0.get(column) {
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::Null) => Ok(None),
            Some(Value::Int(_)) | None => Err(unexpected(column, "text")),
        }
    }

    /// The number in a column that may be null.
    pub fn opt_int(&self, column: usize) -> Result<Option<i64>, DbError> {
        match self.0.get(column) {
            Some(Value::Int(number)) => Ok(Some(*number)),
            Some(Value::Null) => Ok(None),
            Some(Value::Text(_)) | None => Err(unexpected(column, "a number")),
        }
    }
}

fn unexpected(column: usize, wanted: &str) -> DbError {
    DbError::Other(format!("column {column} does not hold {wanted}"))
}

/// Why the store did not do it. For logs and for code, never for clients; it holds no value of any parameter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DbError {
    /// A value that must be unique is there already.
    #[error("a value that must be unique is there already")]
    Unique,
    /// A row that is referred to is missing, or a row that is to go is still referred to.
    #[error("a reference points at nothing, or would do so afterwards")]
    ForeignKey,
    /// The database cannot answer now; asking again later is reasonable.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// A commit failed in a way that leaves open whether it will be there after a crash.
    #[error("the database is not available: the outcome of a commit is unknown: {0}")]
    InDoubt(String),
    /// A statement took longer than it may, or nobody waited for it any more.
    #[error("a statement took too long and was ended")]
    TimedOut,
    /// The database has seen a newer Garth.
    #[error(
        "This database was written by a newer Garth (schema {found}; this one knows {known}). \
         Install that version or restore a backup."
    )]
    NewerSchema {
        /// The schema in the database.
        found: i64,
        /// The newest schema this program knows.
        known: i64,
    },
    /// A server holds this database.
    #[error("Another Garth server is running on this database. Stop it first.")]
    AlreadyRunning,
    /// Anything else: a mistake in a statement, a broken file.
    #[error("{0}")]
    Other(String),
}

/// Rows that one statement inserts: more make it longer to prepare than it saves.
const ROWS_AT_ONCE: usize = 32;

/// Where the data lives.
#[derive(Clone)]
pub enum Target {
    /// A file; it is made when it is missing, together with its folder.
    Sqlite(PathBuf),
    /// A `postgres://` URL. `sslmode` is `disable`, `prefer` or `require`; `sslrootcert` names a PEM file.
    Postgres(String),
}

/// What a program wants with the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Be the one server: claim the database and bring its schema up to date.
    Serve,
    /// Only look; claims nothing, changes nothing, and needs exactly the schema this program knows.
    ReadOnly,
}

/// How long statements of a server may take. The command line, which one can interrupt, waits as long as it takes,
/// and so do migrations and the loading of the picture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// One that reads.
    pub read: Duration,
    /// One of the writer, for which everybody who writes is waiting.
    pub write: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { read: Duration::from_secs(10), write: Duration::from_secs(25) }
    }
}

/// An open database, for reading. Clones are cheap and mean the same database.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
    /// On whose behalf long reads are asked for, as a hash.
    asker: u64,
}

struct Inner {
    engine: Engine,
    ready: AtomicBool,
    migrations: &'static [Migration],
    patience: Patience,
    /// Held from `open` until the writer takes it over.
    claim: Mutex<Option<Claim>>,
}

enum Engine {
    Sqlite(Arc<sqlite::Store>),
    Postgres(Box<postgres::Store>),
}

/// What keeps a second server away: a locked file, or a connection that holds an advisory lock.
enum Claim {
    Sqlite(File),
    Postgres(Box<postgres::Session>),
}

impl Db {
    /// Opens the database; see [`Mode`] for what that includes.
    pub async fn open(target: &Target, mode: Mode) -> Result<Db, DbError> {
        Db::open_with(target, mode, migrate::MIGRATIONS, Patience::default()).await
    }

    /// As [`Db::open`], with another list of migrations and other limits of time.
    pub(crate) async fn open_with(
        target: &Target,
        mode: Mode,
        migrations: &'static [Migration],
        patience: Patience,
    ) -> Result<Db, DbError> {
        let limit = (mode == Mode::Serve).then_some(patience.read);
        let (engine, claim) = match target {
            Target::Sqlite(path) => {
                let (store, claim) = sqlite::Store::open(path, mode, limit)?;
                let mut tx = Tx::new(Session::Sqlite(store.connect(mode)?));
                migrate::prepare(&mut tx, mode, migrations).await?;
                (Engine::Sqlite(Arc::new(store)), claim.map(Claim::Sqlite))
            }
            Target::Postgres(url) => {
                let (store, session) = postgres::Store::open(url, mode, limit).await?;
                let mut tx = Tx::new(Session::Postgres(session));
                migrate::prepare(&mut tx, mode, migrations).await?;
                let claim = match tx.session {
                    Session::Postgres(session) if mode == Mode::Serve => Some(Claim::Postgres(Box::new(session))),
                    _ => None,
                };
                (Engine::Postgres(Box::new(store)), claim)
            }
        };
        let (ready, claim) = (AtomicBool::new(true), Mutex::new(claim));
        Ok(Db { inner: Arc::new(Inner { engine, ready, migrations, patience, claim }), asker: 0 })
    }

    /// The same database, asked on somebody's behalf: long reads are shared out fairly among those who ask.
    pub fn on_behalf_of(&self, asker: impl Hash) -> Db {
        let mut hasher = DefaultHasher::new();
        asker.hash(&mut hasher);
        Db { inner: Arc::clone(&self.inner), asker: hasher.finish() }
    }

    /// Whether this program knows what is in the database. While it does not, every read and write is refused.
    pub fn ready(&self) -> bool {
        let beating = match &self.inner.engine {
            Engine::Sqlite(_) => true,
            Engine::Postgres(store) => store.beating(),
        };
        beating && self.inner.ready.load(Ordering::Acquire)
    }

    /// A short read. On SQLite it runs right here, without giving up the thread.
    pub async fn query(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, DbError> {
        self.expect_ready()?;
        match &self.inner.engine {
            Engine::Sqlite(store) => sqlite::read(store, |connection| sqlite::query(connection, sql, values)),
            Engine::Postgres(store) => store.query(sql, values).await,
        }
    }

    /// A short read of one row; the first, if there are more.
    pub async fn query_opt(&self, sql: &str, values: &[Value]) -> Result<Option<Row>, DbError> {
        Ok(self.query(sql, values).await?.into_iter().next())
    }

    /// A long read: a search, an export. It does not hold up the thread that asks, it waits its turn among the other
    /// long ones, and it ends when nobody waits for it any more.
    pub async fn scan(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>, DbError> {
        self.expect_ready()?;
        match &self.inner.engine {
            Engine::Sqlite(store) => sqlite::scan(store, self.asker, sql.to_owned(), values).await,
            Engine::Postgres(store) => store.scan(self.asker, sql, &values).await,
        }
    }

    fn expect_ready(&self) -> Result<(), DbError> {
        if self.ready() {
            return Ok(());
        }
        Err(DbError::Unavailable("the server has lost touch with it".to_owned()))
    }

    fn set_ready(&self, ready: bool) {
        self.inner.ready.store(ready, Ordering::Release);
        if let (false, Engine::Postgres(store)) = (ready, &self.inner.engine) {
            store.cut();
        }
    }

    /// Hands the claim of `open` to the writer: the file as it is; the lock of PostgreSQL is let go, because the
    /// writer's own connection takes it.
    async fn take_claim(&self) -> Result<Option<File>, DbError> {
        let claim = self.inner.claim.lock().unwrap_or_else(PoisonError::into_inner).take();
        match claim {
            Some(Claim::Sqlite(file)) => Ok(Some(file)),
            Some(Claim::Postgres(session)) => session.close().await.map(|()| None),
            None => Err(DbError::Other("the database is open for reading only, or has its writer already".to_owned())),
        }
    }

    /// A connection that may write, on a database that is ours and has the schema we know.
    async fn writing(&self) -> Result<Tx, DbError> {
        let session = match &self.inner.engine {
            Engine::Sqlite(store) => Session::Sqlite(store.connect(Mode::Serve)?),
            Engine::Postgres(store) => Session::Postgres(store.claim().await?),
        };
        let mut tx = Tx::new(session);
        // Another server may have been here since `open`.
        migrate::expect_known(&mut tx, self.inner.migrations).await?;
        Ok(tx)
    }
}

/// The open transaction an operation of the [`Writer`] works in.
///
/// The first statement that fails ends the operation, on both engines: it can only be rolled back. To insert
/// what may be there already, say `ON CONFLICT`.
pub struct Tx {
    session: Session,
    failed: bool,
}

enum Session {
    Sqlite(rusqlite::Connection),
    Postgres(postgres::Session),
}

/// The moves of a shared commit: one transaction, and a savepoint around each operation in it.
#[derive(Clone, Copy)]
enum Step {
    Begin,
    Next,
    Undo,
    Commit,
    Abandon,
}

impl Tx {
    fn new(session: Session) -> Tx {
        Tx { session, failed: false }
    }

    /// Runs a statement and says how many rows it changed.
    pub async fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, DbError> {
        self.expect_sound()?;
        let changed = match &mut self.session {
            Session::Sqlite(connection) => sqlite::execute(connection, sql, values),
            Session::Postgres(session) => session.execute(sql, values).await,
        };
        self.failed = changed.is_err();
        changed
    }

    /// Inserts many rows by few statements. `insert` ends with `VALUES`; every row has as many values as it names columns.
    pub async fn insert_all(&mut self, insert: &str, rows: Vec<Vec<Value>>) -> Result<(), DbError> {
        for rows in rows.chunks(ROWS_AT_ONCE) {
            let mut sql = insert.to_owned();
            let mut number = 0;
            for (at, row) in rows.iter().enumerate() {
                sql.push_str(if at == 0 { " (" } else { ", (" });
                for column in 0..row.len() {
                    number += 1;
                    sql.push_str(if column == 0 { "$" } else { ", $" });
                    sql.push_str(&number.to_string());
                }
                sql.push(')');
            }
            self.execute(&sql, &rows.concat()).await?;
        }
        Ok(())
    }

    /// Runs a statement and returns its rows; a `RETURNING` counts as well.
    pub async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, DbError> {
        self.expect_sound()?;
        let rows = match &mut self.session {
            Session::Sqlite(connection) => sqlite::query(connection, sql, values),
            Session::Postgres(session) => session.query(sql, values).await,
        };
        self.failed = rows.is_err();
        rows
    }

    /// As [`Tx::query`], handing over one row after the other: for an answer that may be too large for memory.
    pub async fn each(
        &mut self,
        sql: &str,
        values: &[Value],
        take: impl FnMut(Row) -> Result<(), DbError>,
    ) -> Result<(), DbError> {
        self.expect_sound()?;
        let answer = match &mut self.session {
            Session::Sqlite(connection) => sqlite::each(connection, sql, values, take),
            Session::Postgres(session) => session.each(sql, values, take).await,
        };
        self.failed = answer.is_err();
        answer
    }

    /// As [`Tx::query`], for the one row; the first, if there are more.
    pub async fn query_opt(&mut self, sql: &str, values: &[Value]) -> Result<Option<Row>, DbError> {
        Ok(self.query(sql, values).await?.into_iter().next())
    }

    /// PostgreSQL ends a transaction at its first error and SQLite does not; here both do.
    fn expect_sound(&self) -> Result<(), DbError> {
        if self.failed {
            return Err(DbError::Other("an earlier statement of this operation failed".to_owned()));
        }
        Ok(())
    }

    async fn step(&mut self, step: Step) -> Result<(), DbError> {
        self.failed = false;
        match &mut self.session {
            Session::Sqlite(connection) => sqlite::step(connection, step),
            Session::Postgres(session) => session.step(step).await,
        }
    }

    /// Several statements without parameters, as a migration has them.
    async fn script(&mut self, sql: &str) -> Result<(), DbError> {
        match &mut self.session {
            Session::Sqlite(connection) => sqlite::script(connection, sql),
            Session::Postgres(session) => session.script(sql).await,
        }
    }

    /// From now on a statement that takes longer is ended.
    async fn limit(&mut self, limit: Duration) -> Result<(), DbError> {
        match &mut self.session {
            Session::Sqlite(connection) => sqlite::limit(connection, limit),
            Session::Postgres(session) => session.limit(limit).await,
        }
    }

    /// After a failure: makes sure that nothing of the transaction is left. `Ok` says that the database holds what it
    /// held before it.
    async fn undo(&mut self) -> Result<(), DbError> {
        self.failed = false;
        match &mut self.session {
            Session::Sqlite(connection) => sqlite::undo(connection),
            Session::Postgres(session) => session.undo().await,
        }
    }

    /// Shows by a commit that the disk takes commits. A PostgreSQL server sees to its own disk.
    async fn prove(&mut self) -> Result<(), DbError> {
        match &mut self.session {
            Session::Sqlite(connection) => sqlite::prove(connection),
            Session::Postgres(_) => Ok(()),
        }
    }

    /// Outside of a transaction: lets go of what was taken away and is still held for the way back. Answers whether it is
    /// gone; not while somebody reads an older state. PostgreSQL sees to that by itself (`VACUUM`).
    async fn settle(&mut self) -> Result<bool, DbError> {
        match &mut self.session {
            Session::Sqlite(connection) => sqlite::settle(connection),
            Session::Postgres(_) => Ok(true),
        }
    }

    /// Returns when the connection is gone: never, for a file.
    async fn lost(&mut self) {
        match &mut self.session {
            Session::Sqlite(_) => std::future::pending().await,
            Session::Postgres(session) => session.lost().await,
        }
    }

    async fn close(self) -> Result<(), DbError> {
        match self.session {
            Session::Sqlite(connection) => sqlite::close(connection),
            Session::Postgres(session) => session.close().await,
        }
    }
}

/// How an engine writes our two words, around the placeholder.
struct Words {
    list: [&'static str; 2],
    ints: [&'static str; 2],
}

/// Puts an engine's words for `LIST($n)` and `INTS($n)`. A statement without them is passed through as it is; with
/// them it costs less than looking a rewritten text up would.
fn in_words<'a>(sql: &'a str, words: &Words) -> Cow<'a, str> {
    let mut rest = sql;
    let mut written = String::new();
    while let Some((at, [before, after])) = next_word(rest, words) {
        let Some(end) = rest[at..].find(')') else { break };
        written.push_str(&rest[..at]);
        written.push_str(before);
        written.push_str(&rest[at + "LIST(".len()..at + end]);
        written.push_str(after);
        rest = &rest[at + end + 1..];
    }
    if written.is_empty() {
        return Cow::Borrowed(sql);
    }
    written.push_str(rest);
    Cow::Owned(written)
}

fn next_word(sql: &str, words: &Words) -> Option<(usize, [&'static str; 2])> {
    let list = sql.find("LIST($").map(|at| (at, words.list));
    let ints = sql.find("INTS($").map(|at| (at, words.ints));
    match (list, ints) {
        (Some(list), Some(ints)) => Some(if list.0 < ints.0 { list } else { ints }),
        (list, ints) => list.or(ints),
    }
}
