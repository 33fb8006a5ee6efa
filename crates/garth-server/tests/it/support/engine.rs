//! A place for one story's data: a folder for SQLite, a database of its own on PostgreSQL; and a look into it that
//! does not ask the server.

use garth_server::base::db::Target;
use std::collections::BTreeMap;
use std::path::PathBuf;
use tokio_postgres::{NoTls, SimpleQueryMessage};

/// The two engines every story is told on.
#[derive(Clone, Copy, PartialEq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// Tables whose name contains one of these may change while a request is refused: they are bookkeeping.
const BOOKKEEPING: [&str; 6] = ["audit", "session", "sign_in", "last_used", "login_samples", "api_calls"];

/// Where one installation keeps what it keeps.
pub struct Place {
    folder: PathBuf,
    database: Option<Database>,
}

struct Database {
    server: String,
    name: String,
}

impl Place {
    /// A fresh, empty place; `None` for PostgreSQL when no server was named.
    pub async fn make(engine: Engine) -> Option<Place> {
        let name = format!("garth_test_{}", random());
        let database = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => {
                let server = std::env::var("TEST_DATABASE").ok().filter(|url| !url.is_empty())?;
                run(&server, &format!("CREATE DATABASE {name}")).await;
                Some(Database { server, name: name.clone() })
            }
        };
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).expect("a temporary folder");
        Some(Place { folder, database })
    }

    /// The engine it is for.
    pub fn engine(&self) -> Engine {
        if self.database.is_some() { Engine::Postgres } else { Engine::Sqlite }
    }

    /// The data directory: keys, the setup token and, on SQLite, the database itself.
    pub fn folder(&self) -> PathBuf {
        self.folder.clone()
    }

    /// What the server opens.
    pub fn target(&self) -> Target {
        match &self.database {
            None => Target::Sqlite(self.file()),
            Some(database) => Target::Postgres(database.url()),
        }
    }

    /// Everything stored but the bookkeeping, table by table, each row as text.
    pub async fn dump(&self) -> BTreeMap<String, Vec<String>> {
        let mut tables = self.everything().await;
        tables.retain(|name, _| !BOOKKEEPING.iter().any(|word| name.contains(word)));
        for rows in tables.values_mut() {
            rows.sort();
        }
        tables
    }

    /// Does something to what is stored, behind the server's back.
    pub async fn meddle(&self, sql: &str) {
        match &self.database {
            None => {
                let db = rusqlite::Connection::open(self.file()).expect("the database file opens");
                db.busy_timeout(std::time::Duration::from_secs(10)).expect("patience");
                db.execute_batch(sql).expect(sql);
            }
            Some(database) => drop(run(&database.url(), sql).await),
        }
    }

    /// Everything stored, the bookkeeping as well.
    pub async fn everything(&self) -> BTreeMap<String, Vec<String>> {
        match &self.database {
            None => dump_sqlite(self.file()),
            Some(database) => dump_postgres(&database.url()).await,
        }
    }

    /// Leaves nothing behind.
    pub async fn remove(&self) {
        if let Some(database) = &self.database {
            run(&database.server, &format!("DROP DATABASE {} WITH (FORCE)", database.name)).await;
        }
        // A file that cannot be removed must not hide how the story ended.
        let _ = std::fs::remove_dir_all(&self.folder);
    }

    fn file(&self) -> PathBuf {
        self.folder.join("garth.db")
    }
}

impl Database {
    /// The server's address with the database at its end exchanged for this one.
    fn url(&self) -> String {
        let (base, options) = self.server.split_once('?').unwrap_or((&self.server, ""));
        let authority_end = base.find("://").map_or(0, |at| at + 3);
        let base = match base[authority_end..].find('/') {
            Some(slash) => &base[..authority_end + slash],
            None => base,
        };
        let separator = if options.is_empty() { "" } else { "?" };
        format!("{base}/{}{separator}{options}", self.name)
    }
}

fn dump_sqlite(file: PathBuf) -> BTreeMap<String, Vec<String>> {
    let db = rusqlite::Connection::open_with_flags(file, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)
        .expect("the database file opens");
    let mut names = db
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        .expect("a schema");
    let names: Vec<String> =
        names.query_map([], |row| row.get(0)).expect("tables").map(|name| name.expect("a name")).collect();
    let mut tables = BTreeMap::new();
    for name in names {
        let mut select = db.prepare(&format!("SELECT * FROM \"{name}\"")).expect("a table");
        let columns = select.column_count();
        let rows = select
            .query_map([], |row| {
                let values: Result<Vec<rusqlite::types::Value>, _> = (0..columns).map(|i| row.get(i)).collect();
                Ok(format!("{:?}", values?))
            })
            .expect("rows")
            .map(|row| row.expect("a row"))
            .collect();
        tables.insert(name, rows);
    }
    tables
}

/// Every table in one statement on one connection: a connection costs the server more than its answer.
async fn dump_postgres(url: &str) -> BTreeMap<String, Vec<String>> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("TEST_DATABASE answers");
    let served = tokio::spawn(connection);
    let names = client.query("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'", &[]).await;
    let names: Vec<String> = names.expect("a schema").iter().map(|row| row.get(0)).collect();
    let rows_of = |name: &String| format!("SELECT '{name}', t::text FROM \"{name}\" t");
    let sql = names.iter().map(rows_of).collect::<Vec<_>>().join(" UNION ALL ");
    let mut tables: BTreeMap<String, Vec<String>> = names.into_iter().map(|name| (name, Vec::new())).collect();
    for row in client.query(&sql, &[]).await.expect("rows") {
        tables.entry(row.get(0)).or_default().push(row.get(1));
    }
    drop(client);
    let _ = served.await;
    tables
}

/// Runs one statement on a connection of its own and gives the first column of the answer.
async fn run(url: &str, sql: &str) -> Vec<String> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("TEST_DATABASE answers");
    let served = tokio::spawn(connection);
    let messages = client.simple_query(sql).await.expect(sql);
    drop(client);
    let _ = served.await;
    let first = |message: SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or("NULL").to_owned()),
        _ => None,
    };
    messages.into_iter().filter_map(first).collect()
}

fn random() -> String {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).expect("random bytes");
    format!("{:016x}", u64::from_le_bytes(bytes))
}
