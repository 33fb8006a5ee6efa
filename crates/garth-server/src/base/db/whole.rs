//! A whole database at once: one moment of it to read, all of it into a file, a file into an empty database.
//!
//! The file is a SQLite database that stands alone: no log beside it, and nothing in it that was deleted before.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::{Db, DbError, Engine, Mode, Row, Session, Shape, Target, Tx, Value, migrate, postgres, sqlite};

/// Told now and then how much is done, and of how much.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64);

/// How often a copy that runs elsewhere is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// Rows between two reports.
const ROWS: u64 = 4_096;

impl Db {
    /// A connection of its own on which every read sees the same moment, however long it is kept. It cannot write.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn snapshot(&self) -> Result<Tx, DbError> {
        self.expect_ready()?;
        match &self.inner.engine {
            Engine::Sqlite(store) => {
                let connection = store.connect(Mode::ReadOnly)?;
                // The moment is that of the first read.
                connection.execute_batch("BEGIN")?;
                connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
                Ok(Tx::new(Session::Sqlite(connection)))
            }
            Engine::Postgres(store) => Ok(Tx::new(Session::Postgres(store.snapshot().await?))),
        }
    }

    /// What the engine is called.
    pub fn engine(&self) -> &'static str {
        match &self.inner.engine {
            Engine::Sqlite(_) => "sqlite",
            Engine::Postgres(_) => "postgres",
        }
    }

    /// Copies everything, as of one moment, into a file, which is empty or not there. Nobody waits for it.
    ///
    /// # Errors
    /// When the database cannot be read or the file not be written; what is in the file then is of no use.
    pub async fn copy_into(&self, file: &Path, progress: Progress<'_>) -> Result<(), DbError> {
        match &self.inner.engine {
            Engine::Sqlite(store) => copy_sqlite(store.connect(Mode::ReadOnly)?, file, progress).await,
            Engine::Postgres(_) => copy_rows(self.snapshot().await?, file, progress).await,
        }
    }
}

/// VACUUM INTO reads in one transaction, so that it is one moment. The backup interface would begin afresh with every
/// write of the server, and would carry along the remains of deleted rows.
async fn copy_sqlite(connection: Connection, file: &Path, progress: Progress<'_>) -> Result<(), DbError> {
    let pages = "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
    let all: i64 = connection.query_row(pages, [], |row| row.get(0))?;
    let all = u64::try_from(all).unwrap_or(0);
    let name = file.to_str().ok_or_else(|| DbError::Other("the name of the file is not UTF-8".to_owned()))?.to_owned();
    let mut copying =
        tokio::task::spawn_blocking(move || connection.execute("VACUUM INTO ?1", [name]).map_err(DbError::from));
    loop {
        match tokio::time::timeout(LOOK, &mut copying).await {
            Ok(done) => {
                done.unwrap_or_else(|_| Err(DbError::Other("the copy did not finish".to_owned())))?;
                progress(all, all);
                return Ok(());
            }
            Err(_) => progress(std::fs::metadata(file).map_or(0, |found| found.len()).min(all), all),
        }
    }
}

/// Row by row, in the order in which tables point at one another.
async fn copy_rows(mut from: Tx, file: &Path, progress: Progress<'_>) -> Result<(), DbError> {
    let connection = Connection::open(file)?;
    // Should this machine stop now, the file is thrown away: nothing in it need be safe before its end.
    connection
        .execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; BEGIN")?;
    let mut into = Tx::new(Session::Sqlite(connection));
    migrate::run_all(&mut into).await?;
    into.execute("DELETE FROM schema_migrations", &[]).await?;
    let shape = Shape::of(&mut into).await?;
    let Session::Sqlite(connection) = &into.session else {
        return Err(DbError::Other("the copy is a file".to_owned()));
    };
    let mut all = 0;
    for table in shape.tables.keys() {
        let counted = from.query_opt(&format!("SELECT count(*) FROM {table}"), &[]).await?;
        all += counted.map_or(Ok(0), |row| row.int(0))?;
    }
    let all = u64::try_from(all).unwrap_or(0);
    let mut done = 0;
    for (name, table) in &shape.tables {
        let columns = columns(table);
        let places: Vec<String> = (1..=table.columns.len()).map(|at| format!("${at}")).collect();
        let insert = format!("INSERT INTO {name} ({columns}) VALUES ({})", places.join(", "));
        let each = |row: Row| {
            sqlite::execute(connection, &insert, row.values())?;
            done += 1;
            if done % ROWS == 0 {
                progress(done, all);
            }
            Ok(())
        };
        from.each(&format!("SELECT {columns} FROM {name}"), &[], each).await?;
    }
    connection.execute_batch("COMMIT")?;
    progress(all, all);
    Ok(())
}

/// Opens a file that [`Db::copy_into`] made, outside of any server.
///
/// # Errors
/// When it is not there, or no database.
pub fn open_file(file: &Path, may_write: bool) -> Result<Tx, DbError> {
    let flags = if may_write { OpenFlags::SQLITE_OPEN_READ_WRITE } else { OpenFlags::SQLITE_OPEN_READ_ONLY };
    let connection = Connection::open_with_flags(file, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.execute_batch("PRAGMA cache_size = -16384; PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = OFF;")?;
    Ok(Tx::new(Session::Sqlite(connection)))
}

/// Makes a data folder its owner's alone if it is not there, and keeps servers and others out of it for as long as
/// the answer lives.
///
/// # Errors
/// [`DbError::AlreadyRunning`] when somebody holds it.
pub fn claim_folder(folder: &Path) -> Result<File, DbError> {
    sqlite::lock_folder(folder)
}

impl Target {
    /// Is there nothing at all at that place yet?
    ///
    /// # Errors
    /// When that cannot be found out, or a server holds the database.
    pub async fn vacant(&self) -> Result<bool, DbError> {
        match self {
            Target::Sqlite(path) => {
                // A log without its database would be taken for that of the next one.
                let beside = ["", "-wal", "-shm", "-journal"];
                let there = |suffix: &&str| {
                    let mut name = path.as_os_str().to_owned();
                    name.push(suffix);
                    Path::new(&name).exists()
                };
                Ok(!beside.iter().any(there))
            }
            Target::Postgres(url) => {
                let (_, session) = postgres::Store::open(url, Mode::ReadOnly, None).await?;
                vacant(&mut Tx::new(Session::Postgres(session))).await
            }
        }
    }
}

/// None of our tables is there.
async fn vacant(tx: &mut Tx) -> Result<bool, DbError> {
    let expected = Shape::expected().await?;
    let found = Shape::of(tx).await?;
    Ok(!expected.tables.keys().any(|table| found.tables.contains_key(table)))
}

/// Puts everything of a file with our newest schema into a PostgreSQL database that is empty: all of it or nothing, in
/// one transaction.
///
/// # Errors
/// When a server holds the database, when it is not empty, or when anything fails: then it is as it was.
pub async fn load(url: &str, file: &Path, progress: Progress<'_>) -> Result<(), DbError> {
    let (_, session) = postgres::Store::open(url, Mode::Serve, None).await?;
    let mut into = Tx::new(Session::Postgres(session));
    if !vacant(&mut into).await? {
        return Err(DbError::Other("the database is not empty any more".to_owned()));
    }
    if let Session::Postgres(session) = &mut into.session {
        session.begin_long().await?;
    }
    migrate::run_all(&mut into).await?;
    into.execute("DELETE FROM schema_migrations", &[]).await?;
    let mut from = open_file(file, false)?;
    let shape = Shape::of(&mut from).await?;
    let (Session::Sqlite(from), Session::Postgres(session)) = (&from.session, &mut into.session) else {
        return Err(DbError::Other("a file is put into PostgreSQL".to_owned()));
    };
    let count = |table: &str| from.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0));
    let mut all = 0;
    for table in shape.tables.keys() {
        all += u64::try_from(count(table)?).unwrap_or(0);
    }
    let mut done = 0;
    for name in shape.in_order() {
        let Some(columns) = shape.tables.get(name).map(columns) else { continue };
        let mut statement = from.prepare(&format!("SELECT {columns} FROM {name} ORDER BY rowid"))?;
        let mut rows = statement.query([])?;
        let wide = shape.tables.get(name).map_or(0, |table| table.columns.len());
        let next = |lines: &mut Vec<u8>, enough: usize| {
            while lines.len() < enough {
                let Some(row) = rows.next()? else { break };
                sqlite::row(row, wide).map(|row| write_line(lines, row.values()))?;
                done += 1;
            }
            progress(done, all);
            Ok(())
        };
        session.copy_in(&format!("{name} ({columns})"), next).await?;
    }
    session.script("COMMIT").await?;
    into.close().await
}

fn columns(table: &super::shape::Table) -> String {
    let quoted: Vec<String> = table.columns.iter().map(|column| format!("\"{}\"", column.name)).collect();
    quoted.join(", ")
}

/// A row in COPY's text format.
fn write_line(lines: &mut Vec<u8>, values: &[Value]) {
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            lines.push(b'\t');
        }
        match value {
            Value::Null => lines.extend_from_slice(b"\\N"),
            Value::Int(number) => lines.extend_from_slice(number.to_string().as_bytes()),
            Value::Text(text) => {
                for byte in text.bytes() {
                    match byte {
                        b'\\' => lines.extend_from_slice(b"\\\\"),
                        b'\t' => lines.extend_from_slice(b"\\t"),
                        b'\n' => lines.extend_from_slice(b"\\n"),
                        b'\r' => lines.extend_from_slice(b"\\r"),
                        byte => lines.push(byte),
                    }
                }
            }
        }
    }
    lines.push(b'\n');
}

impl Tx {
    /// What the engine itself finds wrong with the database; nothing is good news. PostgreSQL has no such question.
    ///
    /// # Errors
    /// When it cannot even be asked.
    pub async fn complaints(&mut self) -> Result<Vec<String>, DbError> {
        if !matches!(self.session, Session::Sqlite(_)) {
            return Ok(Vec::new());
        }
        let rows = self.query("PRAGMA integrity_check(20)", &[]).await?;
        let lines: Result<Vec<String>, DbError> = rows.iter().map(|row| row.text(0).map(str::to_owned)).collect();
        Ok(lines?.into_iter().filter(|line| line != "ok").collect())
    }
}
