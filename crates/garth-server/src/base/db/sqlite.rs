//! SQLite: one connection per reading thread, one for the writer, WAL in between.

use std::cell::RefCell;
use std::ffi::CStr;
use std::fs::{DirBuilder, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, Statement, ToSql, ffi};

use super::turns::Turns;
use super::{DbError, Mode, Row, Step, Value, Words, in_words};
use crate::base::clock;

const WORDS: Words = Words {
    list: ["(SELECT value FROM json_each(", "))"],
    ints: ["(SELECT CAST(value AS INTEGER) AS value FROM json_each(", "))"],
};

/// Long reads at a time; more would only take turns on the same disk.
const SCANS: usize = 4;
/// Prepared statements a connection keeps.
const STATEMENTS: usize = 512;
/// Only a checkpoint or a backup by hand ever makes anybody wait.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the writer waits for readers when it could as well try again later.
const HASTE: Duration = Duration::from_millis(50);
/// Steps of SQLite's machine between two looks at whether a statement has had its time: about a millisecond.
const STEPS: i32 = 10_000;

/// A database file.
pub(super) struct Store {
    path: PathBuf,
    turns: Arc<Turns>,
    /// How long a read may take; `None` on the command line.
    limit: Option<Duration>,
}

impl Store {
    /// Finds or makes the file's folder and, to serve, locks it against a second server.
    pub(super) fn open(path: &Path, mode: Mode, limit: Option<Duration>) -> Result<(Store, Option<File>), DbError> {
        let store = Store { path: path.to_owned(), turns: Turns::new(SCANS), limit };
        let claim = match mode {
            Mode::Serve => Some(lock_folder(path.parent().unwrap_or(Path::new(".")))?),
            Mode::ReadOnly if path.exists() => None,
            Mode::ReadOnly => return Err(DbError::Unavailable(format!("there is none at {}", path.display()))),
        };
        Ok((store, claim))
    }

    /// A connection to the file: one that may write, or one that cannot.
    pub(super) fn connect(&self, mode: Mode) -> Result<Connection, DbError> {
        let flags = match mode {
            Mode::Serve => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
            Mode::ReadOnly => OpenFlags::SQLITE_OPEN_READ_ONLY,
        };
        let connection = Connection::open_with_flags(&self.path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(PATIENCE)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        // "name" in double quotes is a column and never a text, as in PostgreSQL.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
        if mode == Mode::Serve {
            connection
                .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")?;
            // What is deleted is overwritten: nobody finds in the file what a deleted space held.
            connection.query_row("PRAGMA secure_delete = ON", [], |_| Ok(()))?;
        }
        // 16 MiB of pages per connection.
        connection
            .execute_batch("PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;")?;
        Ok(connection)
    }
}

pub(super) fn lock_folder(folder: &Path) -> Result<File, DbError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    // The database holds everybody's data: a folder we make is its owner's alone.
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let trouble = |error: std::io::Error| DbError::Unavailable(format!("{}: {error}", folder.display()));
    builder.create(folder).map_err(trouble)?;
    let file = File::create(folder.join("lock")).map_err(trouble)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(DbError::AlreadyRunning),
        Err(TryLockError::Error(error)) => Err(trouble(error)),
    }
}

thread_local! {
    /// The statement this thread is at.
    static RUNNING: RefCell<Running> = const { RefCell::new(Running { begun: None, cancelled: None }) };
    /// This thread's reading connections. Almost always exactly one; tests open many databases in turn.
    static READERS: RefCell<Vec<(Weak<Store>, Connection)>> = const { RefCell::new(Vec::new()) };
}

/// Since when a statement has been looked at, and whether it is still wanted.
struct Running {
    begun: Option<Instant>,
    cancelled: Option<Arc<AtomicBool>>,
}

/// A statement begins; its time is taken at the first look, so that a short one pays for no clock.
fn begin_statement() {
    RUNNING.with_borrow_mut(|running| running.begun = None);
}

/// Ends every statement of the connection that takes longer than that, or that nobody waits for any more.
pub(super) fn limit(connection: &mut Connection, limit: Duration) -> Result<(), DbError> {
    let over = move || {
        RUNNING.with_borrow_mut(|running| {
            let now = clock::monotonic();
            let begun = *running.begun.get_or_insert(now);
            let unwanted = running.cancelled.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed));
            unwanted || now.duration_since(begun) >= limit
        })
    };
    Ok(connection.progress_handler(STEPS, Some(over))?)
}

/// Says, by being dropped, that nobody waits for a long read any more.
struct Wanted(Arc<AtomicBool>);

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Reads with this thread's connection. Nothing stays open between two reads: every statement is finished before this
/// returns, so each read sees the newest commit.
pub(super) fn read<T>(store: &Arc<Store>, work: impl FnOnce(&Connection) -> Result<T, DbError>) -> Result<T, DbError> {
    READERS.with_borrow_mut(|readers| {
        let known = readers.iter().position(|(of, _)| std::ptr::eq(of.as_ptr(), Arc::as_ptr(store)));
        let at = match known {
            Some(at) => at,
            None => {
                readers.retain(|(of, _)| of.strong_count() > 0);
                let mut connection = store.connect(Mode::ReadOnly)?;
                if let Some(time) = store.limit {
                    limit(&mut connection, time)?;
                }
                readers.push((Arc::downgrade(store), connection));
                readers.len() - 1
            }
        };
        let answer = work(&readers[at].1);
        if matches!(answer, Err(DbError::Unavailable(_))) {
            // The file may have been moved or replaced: the next read opens it again.
            readers.swap_remove(at);
        }
        answer
    })
}

/// Reads on the pool of blocking threads. When the asker goes away, the read ends.
pub(super) async fn scan(store: &Arc<Store>, asker: u64, sql: String, values: Vec<Value>) -> Result<Vec<Row>, DbError> {
    let store = store.clone();
    let turn = store.turns.take(asker).await;
    let cancelled = Arc::new(AtomicBool::new(false));
    let wanted = Wanted(cancelled.clone());
    let answer = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        if cancelled.load(Ordering::Relaxed) {
            return Err(DbError::TimedOut);
        }
        RUNNING.with_borrow_mut(|running| running.cancelled = Some(cancelled));
        let answer = read(&store, |connection| query(connection, &sql, &values));
        RUNNING.with_borrow_mut(|running| running.cancelled = None);
        answer
    });
    let answer = answer.await.unwrap_or_else(|_| Err(DbError::Other("a long read did not finish".to_owned())));
    drop(wanted);
    answer
}

pub(super) fn execute(connection: &Connection, sql: &str, values: &[Value]) -> Result<u64, DbError> {
    begin_statement();
    let mut statement = connection.prepare_cached(&in_words(sql, &WORDS))?;
    bind(&mut statement, values)?;
    Ok(statement.raw_execute()? as u64)
}

pub(super) fn query(connection: &Connection, sql: &str, values: &[Value]) -> Result<Vec<Row>, DbError> {
    let mut answer = Vec::new();
    each(connection, sql, values, |row| {
        answer.push(row);
        Ok(())
    })?;
    Ok(answer)
}

/// Hands over one row after the other, so that a large answer is never in memory as a whole.
pub(super) fn each(
    connection: &Connection,
    sql: &str,
    values: &[Value],
    mut take: impl FnMut(Row) -> Result<(), DbError>,
) -> Result<(), DbError> {
    begin_statement();
    let mut statement = connection.prepare_cached(&in_words(sql, &WORDS))?;
    bind(&mut statement, values)?;
    let columns = statement.column_count();
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        take(self::row(row, columns)?)?;
    }
    Ok(())
}

/// A row with that many columns.
pub(super) fn row(found: &rusqlite::Row<'_>, columns: usize) -> Result<Row, DbError> {
    let mut values = Vec::with_capacity(columns);
    for column in 0..columns {
        values.push(match found.get_ref(column)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => Value::Int(number),
            ValueRef::Text(text) => match std::str::from_utf8(text) {
                Ok(text) => Value::Text(text.to_owned()),
                Err(_) => return Err(DbError::Other(format!("column {column} is not UTF-8"))),
            },
            ValueRef::Real(_) | ValueRef::Blob(_) => {
                return Err(DbError::Other(format!("column {column} is neither TEXT nor BIGINT")));
            }
        });
    }
    Ok(Row(values))
}

/// `$1` is a name to SQLite, numbered by where it first appears: so parameters are bound by name.
fn bind(statement: &mut Statement<'_>, values: &[Value]) -> Result<(), DbError> {
    if statement.parameter_count() != values.len() {
        let wanted = statement.parameter_count();
        return Err(DbError::Other(format!("the statement has {wanted} parameters and was given {}", values.len())));
    }
    for (index, value) in values.iter().enumerate() {
        match NAMES.get(index) {
            Some(name) => statement.raw_bind_parameter(*name, value)?,
            None => statement.raw_bind_parameter(format!("${}", index + 1).as_str(), value)?,
        }
    }
    Ok(())
}

/// Names of parameters, ready made, so that binding allocates nothing; a longer statement pays for its own.
const NAMES: [&CStr; 24] = [
    c"$1", c"$2", c"$3", c"$4", c"$5", c"$6", c"$7", c"$8", c"$9", c"$10", c"$11", c"$12", c"$13", c"$14", c"$15",
    c"$16", c"$17", c"$18", c"$19", c"$20", c"$21", c"$22", c"$23", c"$24",
];

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Int(number) => ValueRef::Integer(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

pub(super) fn step(connection: &Connection, step: Step) -> Result<(), DbError> {
    let statements: &[&str] = match step {
        Step::Begin => &["BEGIN IMMEDIATE", "SAVEPOINT operation"],
        Step::Next => &["RELEASE operation", "SAVEPOINT operation"],
        Step::Undo => &["ROLLBACK TO operation"],
        Step::Commit => &["RELEASE operation", "COMMIT"],
        Step::Abandon => &["ROLLBACK"],
    };
    for sql in statements {
        begin_statement();
        let done = connection.prepare_cached(sql)?.raw_execute();
        match done {
            Err(error) if *sql == "COMMIT" && in_doubt(&error) => return Err(DbError::InDoubt(error.to_string())),
            done => done?,
        };
    }
    Ok(())
}

/// A commit whose sync failed may lie in the log all the same, and count after a crash. One that could not be written
/// whole does not.
fn in_doubt(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure) && code != Some(ffi::SQLITE_IOERR_WRITE)
}

/// Makes sure that the open transaction, if there still is one, is undone.
pub(super) fn undo(connection: &Connection) -> Result<(), DbError> {
    if connection.is_autocommit() {
        // SQLite did it by itself.
        return Ok(());
    }
    step(connection, Step::Abandon)
}

/// A commit of nothing in particular: after it the disk is known to take commits, and what a failed one may have left
/// in the log is written over.
pub(super) fn prove(connection: &Connection) -> Result<(), DbError> {
    let mark: i32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    Ok(connection.execute_batch(&format!("PRAGMA user_version = {}", mark.wrapping_add(1) & i32::MAX))?)
}

/// Copies the log into the file and empties it, so that nothing of before is left in it. Answers whether nobody was in
/// the way.
pub(super) fn settle(connection: &Connection) -> Result<bool, DbError> {
    // Whoever reads goes on reading; the writer does not wait for them.
    connection.busy_timeout(HASTE)?;
    let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    connection.busy_timeout(PATIENCE)?;
    Ok(busy? == 0)
}

pub(super) fn script(connection: &Connection, sql: &str) -> Result<(), DbError> {
    Ok(connection.execute_batch(sql)?)
}

/// Closes the writer's connection and leaves the file whole, with an empty log beside it.
pub(super) fn close(connection: Connection) -> Result<(), DbError> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    connection.close().map_err(|(_, error)| error.into())
}

impl From<rusqlite::Error> for DbError {
    fn from(error: rusqlite::Error) -> DbError {
        let Some(code) = error.sqlite_error().copied() else {
            return DbError::Other(error.to_string());
        };
        match code.extended_code {
            ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
                return DbError::Unique;
            }
            // A trigger is how SQLite does ON DELETE RESTRICT; we have none of our own.
            ffi::SQLITE_CONSTRAINT_FOREIGNKEY | ffi::SQLITE_CONSTRAINT_TRIGGER => return DbError::ForeignKey,
            _ => {}
        }
        match code.code {
            ErrorCode::OperationInterrupted => DbError::TimedOut,
            ErrorCode::ReadOnly
            | ErrorCode::PermissionDenied
            | ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::OutOfMemory
            | ErrorCode::SystemIoFailure
            | ErrorCode::DiskFull
            | ErrorCode::CannotOpen
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase => DbError::Unavailable(error.to_string()),
            _ => DbError::Other(error.to_string()),
        }
    }
}
