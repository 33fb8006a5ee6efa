//! Brings the schema up to date, and refuses one that is not ours.
//!
//! A migration is one file for both engines. It says TEXT and BIGINT; see [`in_engine`] for what they become.

use super::{DbError, Mode, Session, Step, Tx, Value};

/// One step of the schema. Never edited once it has been released.
pub struct Migration {
    /// Counted from 1, without gaps.
    pub version: i64,
    /// What it does, in a word or two.
    pub name: &'static str,
    /// Statements that both engines understand.
    pub sql: &'static str,
}

/// Every step, in order.
pub(super) const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "foundation", sql: include_str!("../../../migrations/0001_foundation.sql") },
    Migration { version: 2, name: "solid ground", sql: include_str!("../../../migrations/0002_solid_ground.sql") },
    Migration { version: 3, name: "policies", sql: include_str!("../../../migrations/0003_policies.sql") },
    Migration { version: 4, name: "movement", sql: include_str!("../../../migrations/0004_movement.sql") },
    Migration { version: 5, name: "search", sql: include_str!("../../../migrations/0005_search.sql") },
    Migration { version: 6, name: "lists", sql: include_str!("../../../migrations/0006_lists.sql") },
    Migration { version: 7, name: "shares", sql: include_str!("../../../migrations/0007_shares.sql") },
    Migration { version: 8, name: "attachments", sql: include_str!("../../../migrations/0008_attachments.sql") },
    Migration { version: 9, name: "roles", sql: include_str!("../../../migrations/0009_roles.sql") },
    Migration {
        version: 10,
        name: "identity providers",
        sql: include_str!("../../../migrations/0010_identity_providers.sql"),
    },
    Migration { version: 11, name: "login policies", sql: include_str!("../../../migrations/0011_login_policies.sql") },
    Migration { version: 12, name: "invitations", sql: include_str!("../../../migrations/0012_invitations.sql") },
    Migration { version: 13, name: "quotas", sql: include_str!("../../../migrations/0013_quotas.sql") },
    Migration { version: 14, name: "passkeys", sql: include_str!("../../../migrations/0014_passkeys.sql") },
    Migration { version: 15, name: "keys", sql: include_str!("../../../migrations/0015_keys.sql") },
    Migration { version: 16, name: "jobs", sql: include_str!("../../../migrations/0016_jobs.sql") },
    Migration { version: 17, name: "deliveries", sql: include_str!("../../../migrations/0017_deliveries.sql") },
    Migration { version: 18, name: "inbound", sql: include_str!("../../../migrations/0018_inbound.sql") },
    Migration { version: 19, name: "backups", sql: include_str!("../../../migrations/0019_backups.sql") },
];

/// To serve, runs what is missing; to read, checks that nothing is.
pub(super) async fn prepare(tx: &mut Tx, mode: Mode, migrations: &[Migration]) -> Result<(), DbError> {
    if mode == Mode::ReadOnly {
        return expect_known(tx, migrations).await;
    }
    let found = version(tx).await?;
    let known = newest(migrations);
    if found > known {
        return Err(DbError::NewerSchema { found, known });
    }
    for migration in migrations.iter().filter(|migration| migration.version > found) {
        apply(tx, migration).await.map_err(|error| {
            DbError::Other(format!("migration {} ({}) failed: {error}", migration.version, migration.name))
        })?;
        tracing::info!(version = migration.version, name = migration.name, "schema brought up to date");
    }
    Ok(())
}

/// Makes our whole schema in an empty database, in whatever transaction is open.
pub(super) async fn run_all(tx: &mut Tx) -> Result<(), DbError> {
    for migration in MIGRATIONS {
        note(tx, migration).await?;
    }
    Ok(())
}

/// Refuses a schema that this program does not know yet.
///
/// # Errors
/// [`DbError::NewerSchema`].
pub fn expect_schema(found: i64) -> Result<(), DbError> {
    let known = newest(MIGRATIONS);
    if found > known { Err(DbError::NewerSchema { found, known }) } else { Ok(()) }
}

/// Refuses a schema that is not exactly the one this program knows.
pub(super) async fn expect_known(tx: &mut Tx, migrations: &[Migration]) -> Result<(), DbError> {
    let found = version(tx).await?;
    let known = newest(migrations);
    match found.cmp(&known) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(DbError::NewerSchema { found, known }),
        std::cmp::Ordering::Less => Err(DbError::Other(format!(
            "This database has an older schema ({found}; this Garth knows {known}). Start the server on it once."
        ))),
    }
}

/// The schema that this program knows; a server that runs has brought its database there.
pub fn known_schema() -> i64 {
    newest(MIGRATIONS)
}

fn newest(migrations: &[Migration]) -> i64 {
    migrations.last().map_or(0, |migration| migration.version)
}

/// The version in the database; 0 when Garth has never been here.
async fn version(tx: &mut Tx) -> Result<i64, DbError> {
    let exists = match tx.session {
        Session::Sqlite(_) => "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migrations'",
        Session::Postgres(_) => "SELECT 1 WHERE to_regclass('schema_migrations') IS NOT NULL",
    };
    if tx.query_opt(exists, &[]).await?.is_none() {
        return Ok(0);
    }
    let newest = tx.query_opt("SELECT max(version) FROM schema_migrations", &[]).await?;
    Ok(newest.map_or(Ok(None), |row| row.opt_int(0))?.unwrap_or(0))
}

/// A migration and the note that it ran are one commit.
async fn apply(tx: &mut Tx, migration: &Migration) -> Result<(), DbError> {
    tx.step(Step::Begin).await?;
    let done = note(tx, migration).await;
    let end = tx.step(if done.is_ok() { Step::Commit } else { Step::Abandon }).await;
    done.and(end)
}

async fn note(tx: &mut Tx, migration: &Migration) -> Result<(), DbError> {
    let notes = "CREATE TABLE IF NOT EXISTS schema_migrations (
        version BIGINT PRIMARY KEY,
        name TEXT NOT NULL,
        applied_at BIGINT NOT NULL
    )";
    tx.script(&in_engine(&tx.session, notes)).await?;
    tx.script(&in_engine(&tx.session, migration.sql)).await?;
    // The database's own clock: nothing is decided by this time.
    let insert = match tx.session {
        Session::Sqlite(_) => {
            "INSERT INTO schema_migrations (version, name, applied_at)
             VALUES ($1, $2, CAST(unixepoch('subsec') * 1000000 AS INTEGER))"
        }
        Session::Postgres(_) => {
            "INSERT INTO schema_migrations (version, name, applied_at)
             VALUES ($1, $2, CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT))"
        }
    };
    tx.execute(insert, &[Value::Int(migration.version), migration.name.into()]).await?;
    Ok(())
}

/// PostgreSQL sorts text by the rules of a language unless told otherwise: `COLLATE "C"` sorts it by its bytes, as
/// SQLite does. SQLite keeps a second tree for a key called BIGINT and none for one called INTEGER.
fn in_engine(session: &Session, sql: &str) -> String {
    match session {
        Session::Sqlite(_) => replace_word(sql, "BIGINT", "INTEGER"),
        Session::Postgres(_) => replace_word(sql, "TEXT", "TEXT COLLATE \"C\""),
    }
}

fn replace_word(sql: &str, word: &str, by: &str) -> String {
    let part_of_word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let mut written = String::with_capacity(sql.len());
    let mut from = 0;
    for (at, _) in sql.match_indices(word) {
        let before = at.checked_sub(1).and_then(|before| sql.as_bytes().get(before));
        let after = sql.as_bytes().get(at + word.len());
        if part_of_word(before) || part_of_word(after) {
            continue;
        }
        written.push_str(&sql[from..at]);
        written.push_str(by);
        from = at + word.len();
    }
    written.push_str(&sql[from..]);
    written
}
