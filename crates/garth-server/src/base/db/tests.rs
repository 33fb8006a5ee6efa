//! The store, on both engines. PostgreSQL takes part when `TEST_DATABASE` names a database on a server where
//! databases can be made.

mod limits;
mod writing;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use super::*;

const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        name: "things",
        sql: "CREATE TABLE things (name TEXT PRIMARY KEY, size BIGINT NOT NULL DEFAULT 0, note TEXT);
              CREATE TABLE parts (id BIGINT PRIMARY KEY, thing TEXT NOT NULL REFERENCES things (name) ON DELETE RESTRICT);",
    },
    Migration {
        version: 2,
        name: "promises",
        sql: "CREATE TABLE promises (
                  id BIGINT PRIMARY KEY,
                  thing TEXT REFERENCES things (name) DEFERRABLE INITIALLY DEFERRED
              );",
    },
];

/// The picture the writer keeps in these tests: the names of the things, in order.
type Names = Vec<String>;
type Published = Arc<Mutex<Vec<Names>>>;

/// A database of a test's own.
struct Place {
    target: Target,
    folder: PathBuf,
    name: String,
}

/// Runs a test on SQLite and, where there is one, on PostgreSQL.
async fn on_both(test: impl AsyncFn(&Place)) {
    on_sqlite(&test).await;
    on_postgres(&test).await;
}

async fn on_sqlite(test: impl AsyncFn(&Place)) {
    let name = fresh_name();
    let folder = std::env::temp_dir().join(&name);
    let place = Place { target: Target::Sqlite(folder.join("garth.db")), folder, name };
    test(&place).await;
    std::fs::remove_dir_all(&place.folder).unwrap();
}

async fn on_postgres(test: impl AsyncFn(&Place)) {
    let Ok(server) = std::env::var("TEST_DATABASE") else {
        eprintln!("TEST_DATABASE is not set: PostgreSQL was skipped");
        return;
    };
    let name = fresh_name();
    admin(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
    admin(&format!("CREATE DATABASE {name}")).await;
    let (start, _) = server.rsplit_once('/').unwrap();
    let place = Place { target: Target::Postgres(format!("{start}/{name}")), folder: PathBuf::new(), name };
    test(&place).await;
    admin(&format!("DROP DATABASE {} WITH (FORCE)", place.name)).await;
}

fn fresh_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("garth_db_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A statement on the PostgreSQL server, beside everything under test.
async fn admin(sql: &str) {
    raw(&std::env::var("TEST_DATABASE").unwrap(), sql).await;
}

async fn raw(url: &str, sql: &str) {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(sql).await.unwrap();
}

impl Place {
    async fn db(&self) -> Db {
        Db::open_with(&self.target, Mode::Serve, MIGRATIONS, Patience::default()).await.unwrap()
    }

    async fn writer(&self) -> (Db, Writer<Names>, Published) {
        let db = self.db().await;
        let published = Published::default();
        let keep = published.clone();
        let publish = move |names: &mut Vec<String>| keep.lock().unwrap().push(names.clone());
        let (writer, names) = Writer::start(db.clone(), load, publish).await.unwrap();
        assert_eq!(names, names_in(&db).await);
        (db, writer, published)
    }
}

async fn load(tx: &mut Tx) -> Result<Names, DbError> {
    let rows = tx.query("SELECT name FROM things ORDER BY name", &[]).await?;
    rows.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
}

async fn names_in(db: &Db) -> Names {
    let rows = db.query("SELECT name FROM things ORDER BY name", &[]).await.unwrap();
    rows.iter().map(|row| row.text(0).unwrap().to_owned()).collect()
}

async fn add(writer: &Writer<Names>, name: &str) -> Result<(), DbError> {
    let name = name.to_owned();
    writer.run(async move |tx, names| insert(tx, names, &name).await).await
}

async fn insert(tx: &mut Tx, names: &mut Names, name: &str) -> Result<(), DbError> {
    tx.execute("INSERT INTO things (name) VALUES ($1)", &params![name]).await?;
    names.push(name.to_owned());
    names.sort();
    Ok(())
}

fn unavailable<T>(result: Result<T, DbError>) -> bool {
    matches!(result, Err(DbError::Unavailable(_)))
}

#[tokio::test]
async fn the_same_statements_give_the_same_answers() {
    on_both(async |place| {
        let (db, writer, _) = place.writer().await;
        writer
            .run(async |tx, _| -> Result<(), DbError> {
                let insert = "INSERT INTO things (name, size, note) VALUES ($1, $2, $3)";
                assert_eq!(tx.execute(insert, &params!["beta", 2u32, None::<&str>]).await?, 1);
                assert_eq!(tx.execute(insert, &params!["Álfa", 7i64, "x"]).await?, 1);
                assert_eq!(tx.execute(insert, &params!["Zulu", true, Some(String::from("y"))]).await?, 1);
                let upsert = "INSERT INTO things (name, size) VALUES ($1, $2)
                              ON CONFLICT (name) DO UPDATE SET size = things.size + excluded.size RETURNING size";
                let row = tx.query_opt(upsert, &params![&String::from("beta"), 40i64]).await?.unwrap();
                assert_eq!(row.int(0)?, 42);
                assert_eq!(tx.execute("UPDATE things SET note = $2 WHERE size >= $1", &params![1, "z"]).await?, 3);
                Ok(())
            })
            .await
            .unwrap();

        // Bytewise order: capitals first, accents last.
        assert_eq!(names_in(&db).await, ["Zulu", "beta", "Álfa"]);
        let sql = "SELECT name, size, note, NULL FROM things WHERE $1 = name";
        let row = db.query_opt(sql, &params!["Zulu"]).await.unwrap().unwrap();
        assert_eq!((row.text(0), row.int(1), row.bool(1)), (Ok("Zulu"), Ok(1), Ok(true)));
        assert_eq!((row.opt_text(2), row.opt_text(3), row.opt_int(3)), (Ok(Some("z")), Ok(None), Ok(None)));
        assert!(row.text(1).is_err() && row.int(0).is_err() && row.text(3).is_err() && row.opt_int(4).is_err());

        for (sql, values, wanted) in [
            ("SELECT count(*) FROM things", params![].to_vec(), 3),
            ("SELECT EXISTS (SELECT 1 FROM things WHERE size > $1)", params![41].to_vec(), 1),
            ("SELECT CAST(sum(size) AS BIGINT) FROM things WHERE name <> $1", params!["beta"].to_vec(), 8),
            ("SELECT CASE WHEN $1 = 1 THEN size ELSE 0 END FROM things LIMIT $2", params![false, 1].to_vec(), 0),
            (
                "WITH RECURSIVE up (n) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT n + 1 FROM up WHERE n < 10)
                 SELECT max(n) FROM up",
                params![1].to_vec(),
                10,
            ),
        ] {
            let row = db.query_opt(sql, &values).await.unwrap().unwrap();
            assert_eq!(row.int(0), Ok(wanted), "{sql}");
            assert_eq!(db.scan(sql, values).await.unwrap(), [row]);
        }
        assert!(db.query_opt("SELECT 1 FROM things WHERE name = $1", &params!["none"]).await.unwrap().is_none());

        // Wrong counts, wrong names and a text in double quotes are mistakes on both.
        assert!(db.query("SELECT 1 FROM things WHERE name = $1", &[]).await.is_err());
        assert!(db.query("SELECT 1 FROM things", &params![1]).await.is_err());
        assert!(db.query("SELECT nothing FROM things", &[]).await.is_err());
        assert!(db.query("SELECT 1 FROM things WHERE name = \"beta\"", &[]).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn a_json_array_is_a_set() {
    on_both(async |place| {
        let (db, writer, _) = place.writer().await;
        for name in ["a", "b", "c"] {
            add(&writer, name).await.unwrap();
        }
        writer
            .run(async |tx, _| {
                let sql = "INSERT INTO parts (id, thing) SELECT value, $1 FROM INTS($2) AS ids";
                tx.execute(sql, &params!["a", "[1, 2, 40000000000]"]).await
            })
            .await
            .unwrap();
        let sql = "SELECT name FROM things WHERE name IN LIST($1) AND name NOT IN LIST($2) AND $1 <> $2";
        let rows = db.query(sql, &params![r#"["a", "b", "z\"z"]"#, r#"["b"]"#]).await.unwrap();
        assert_eq!(rows, [Row(params!["a"].to_vec())]);
        let sql = "SELECT count(*) FROM parts WHERE id IN INTS($1)";
        for (set, count) in [(Some("[2, 40000000000, 5]"), 2), (Some(r#"["1"]"#), 1), (Some("[]"), 0), (None, 0)] {
            assert_eq!(db.query_opt(sql, &params![set]).await.unwrap().unwrap().int(0), Ok(count));
        }
    })
    .await;
}

#[test]
fn only_our_words_are_replaced() {
    let words = Words { list: ["<", ">"], ints: ["[", "]"] };
    assert!(matches!(in_words("SELECT MYLIST FROM t WHERE x = $1", &words), Cow::Borrowed(_)));
    assert_eq!(in_words("a IN INTS($12) OR b IN LIST($3) OR INTS($1)", &words), "a IN [$12] OR b IN <$3> OR [$1]");
}

#[tokio::test]
async fn violations_are_told_apart() {
    on_both(async |place| {
        let (_, writer, _) = place.writer().await;
        add(&writer, "a").await.unwrap();
        let run = async |sql: &'static str, values: Vec<Value>| {
            writer.run(async move |tx: &mut Tx, _: &mut Names| tx.execute(sql, &values).await).await
        };
        let part = "INSERT INTO parts (id, thing) VALUES ($1, $2)";
        assert_eq!(run(part, params![1, "a"].to_vec()).await, Ok(1));
        assert_eq!(run(part, params![1, "a"].to_vec()).await, Err(DbError::Unique));
        assert_eq!(run(part, params![2, "missing"].to_vec()).await, Err(DbError::ForeignKey));
        assert_eq!(run("DELETE FROM things WHERE name = $1", params!["a"].to_vec()).await, Err(DbError::ForeignKey));
        assert_eq!(run("INSERT INTO things (name) VALUES ($1)", params!["a"].to_vec()).await, Err(DbError::Unique));
        // No error repeats a value.
        let null =
            run("INSERT INTO things (name, size) VALUES ($1, $2)", params!["secret", None::<i64>].to_vec()).await;
        let cast = run("UPDATE things SET size = size + CAST($1 AS BIGINT)", params!["secret"].to_vec()).await;
        for error in [null.unwrap_err(), cast.err().unwrap_or(DbError::Unique)] {
            assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
        }
    })
    .await;
}

#[tokio::test]
async fn readers_cannot_write() {
    on_both(async |place| {
        let (db, writer, _) = place.writer().await;
        let sql = "INSERT INTO things (name) VALUES ('sneaky') RETURNING name";
        assert!(db.query(sql, &[]).await.is_err());
        assert!(db.scan(sql, vec![]).await.is_err());
        assert_eq!(names_in(&db).await.len(), 0);
        add(&writer, "a").await.unwrap();
        assert_eq!(names_in(&db).await, ["a"]);
    })
    .await;
}

#[tokio::test]
async fn schemas_grow_and_newer_ones_are_refused() {
    on_both(async |place| {
        let open = async |mode, known: usize| {
            Db::open_with(&place.target, mode, &MIGRATIONS[..known], Patience::default()).await.map(drop)
        };
        assert!(open(Mode::ReadOnly, 1).await.is_err());
        open(Mode::Serve, 1).await.unwrap();
        assert!(matches!(open(Mode::ReadOnly, 2).await, Err(DbError::Other(_))));
        open(Mode::Serve, 2).await.unwrap();
        open(Mode::Serve, 2).await.unwrap();
        let newer = Err(DbError::NewerSchema { found: 2, known: 1 });
        assert_eq!(open(Mode::Serve, 1).await, newer);
        assert_eq!(open(Mode::ReadOnly, 1).await, newer);

        let db = Db::open_with(&place.target, Mode::ReadOnly, MIGRATIONS, Patience::default()).await.unwrap();
        let sql = "SELECT version, name, applied_at > 1700000000000000 FROM schema_migrations ORDER BY version";
        let rows = db.query(sql, &[]).await.unwrap();
        assert_eq!(rows, [Row(params![1, "things", true].to_vec()), Row(params![2, "promises", true].to_vec())]);
        let writer = Writer::start(db, load, |_| {}).await;
        assert!(writer.is_err(), "a database opened for reading has no writer");
    })
    .await;
}

#[tokio::test]
async fn the_real_schema_is_made_on_both_engines() {
    on_both(async |place| {
        Db::open(&place.target, Mode::Serve).await.unwrap();
        Db::open(&place.target, Mode::ReadOnly).await.unwrap();
    })
    .await;
}

#[test]
fn migrations_are_counted_without_gaps() {
    for (index, migration) in migrate::MIGRATIONS.iter().enumerate() {
        assert_eq!(migration.version, index as i64 + 1, "{}", migration.name);
    }
}

#[tokio::test]
async fn what_is_there_when_search_comes_waits_for_being_cut() {
    on_both(async |place| {
        let all = migrate::MIGRATIONS;
        let before = all.iter().position(|migration| migration.name == "search").unwrap();
        let former = Db::open_with(&place.target, Mode::Serve, &all[..before], Patience::default()).await.unwrap();
        let (writer, ()) = Writer::start(former.clone(), async |_: &mut Tx| Ok(()), |_: &mut ()| {}).await.unwrap();
        let fill = async |tx: &mut Tx, (): &mut ()| {
            let kind =
                "INSERT INTO kinds (id, name, prefix, definition, created_at) VALUES ('k', 'task', 'T', '{}', 1)";
            tx.execute(kind, &[]).await
        };
        writer.run::<u64, DbError, _>(fill).await.unwrap();
        writer.shutdown().await;
        drop((writer, former));
        let db = Db::open(&place.target, Mode::Serve).await.unwrap();
        let row = db.query_opt("SELECT search_cut, search_next FROM kinds", &[]).await.unwrap().unwrap();
        assert_eq!((row.int(0), row.opt_int(1)), (Ok(0), Ok(Some(0))));
        assert!(db.query("SELECT 1 FROM resource_words", &[]).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_broken_migration_changes_nothing() {
    const BROKEN: &[Migration] = &[Migration {
        version: 1,
        name: "broken",
        sql: "CREATE TABLE half (id BIGINT); CREATE TABLE half (id BIGINT);",
    }];
    on_both(async |place| {
        let error = Db::open_with(&place.target, Mode::Serve, BROKEN, Patience::default()).await.map(drop).unwrap_err();
        assert!(error.to_string().starts_with("migration 1 (broken) failed: "), "{error}");
        place.db().await;
    })
    .await;
}

#[tokio::test]
async fn a_second_server_is_refused() {
    on_both(async |place| {
        let open = async |mode| Db::open_with(&place.target, mode, MIGRATIONS, Patience::default()).await;
        let db = place.db().await;
        assert!(matches!(open(Mode::Serve).await, Err(DbError::AlreadyRunning)), "between open and start");
        drop(db);
        let (db, writer, _) = place.writer().await;
        assert!(matches!(open(Mode::Serve).await, Err(DbError::AlreadyRunning)));
        assert!(Writer::start(db.clone(), load, |_| {}).await.is_err(), "one writer");
        names_in(&open(Mode::ReadOnly).await.unwrap()).await;
        add(&writer, "a").await.unwrap();

        writer.shutdown().await;
        assert!(!db.ready());
        assert!(unavailable(add(&writer, "b").await) && unavailable(db.query("SELECT 1", &[]).await));
        let (_db, writer, _) = place.writer().await;
        add(&writer, "b").await.unwrap();
    })
    .await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_thread_lets_go_of_databases_that_are_closed() {
    on_sqlite(async |first| {
        let db = first.db().await;
        names_in(&db).await;
        drop(db);
        on_sqlite(async |second| {
            let db = second.db().await;
            names_in(&db).await;
            let open: Vec<PathBuf> = std::fs::read_dir("/proc/self/fd")
                .unwrap()
                .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
                .collect();
            assert!(open.iter().any(|file| file.starts_with(&second.folder)));
            assert!(!open.iter().any(|file| file.starts_with(&first.folder)));
        })
        .await;
    })
    .await;
}

#[test]
fn callers_can_be_spawned() {
    fn sendable(_: impl Send) {}
    fn check(db: &Db, writer: &Writer<Names>, target: &Target) {
        sendable(Db::open(target, Mode::Serve));
        sendable(db.query_opt("SELECT 1", &[]));
        sendable(db.scan("SELECT 1", vec![]));
        sendable(writer.run(async |tx: &mut Tx, names: &mut Names| insert(tx, names, "a").await));
        sendable(writer.shutdown());
        sendable(Writer::start(db.clone(), load, |_| {}));
    }
    let _ = check;
}
