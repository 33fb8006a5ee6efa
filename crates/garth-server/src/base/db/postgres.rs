//! PostgreSQL: a pool of connections that can only read, and the writer's own, which holds the lock.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{
    ClientWrapper, Hook, HookError, Manager, ManagerConfig, Pool, PoolError, RecyclingMethod, Runtime,
};
use futures_util::TryStreamExt;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::sync::oneshot;
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{DbError, Mode, Row, Step, Value, Words, in_words};

const WORDS: Words = Words {
    list: ["(SELECT value FROM json_array_elements_text(CAST(CAST(", " AS TEXT) AS json)))"],
    ints: ["(SELECT CAST(value AS BIGINT) AS value FROM json_array_elements_text(CAST(CAST(", " AS TEXT) AS json)))"],
};

/// Connections that read at the same time.
const CONNECTIONS: usize = 16;
/// Prepared statements a connection keeps before it starts afresh; each costs the server some memory.
const STATEMENTS: usize = 512;
/// How long to wait for a connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// A peer that says nothing for this long is gone.
const SILENCE: Duration = Duration::from_secs(20);
/// The advisory lock of the one server ("garth" in ASCII).
const LOCK: i64 = 0x67_61_72_74_68;
/// The database notices a little late that a server which stopped a moment ago has let go.
const LOCK_TRIES: u32 = 5;
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// A database on a PostgreSQL server.
pub(super) struct Store {
    pool: Pool,
    config: Config,
    tls: MakeRustlsConnect,
}

impl Store {
    /// Connects once, to know that it works; to serve, that connection holds the lock.
    pub(super) async fn open(url: &str, mode: Mode) -> Result<(Store, Session), DbError> {
        let (mut config, tls) = configure(url)?;
        let mut session = Session::connect(&config, &tls).await;
        if session.is_err() && config.get_ssl_mode() == SslMode::Prefer {
            // "prefer" asks for no promise: a certificate we cannot check is no reason to stay away.
            config.ssl_mode(SslMode::Disable);
            session = session.or(Session::connect(&config, &tls).await);
            if session.is_ok() {
                tracing::warn!("talking to PostgreSQL without TLS; with sslmode=require it would be refused");
            }
        }
        let session = session?;
        if mode == Mode::Serve {
            session.lock().await?;
        }
        let manager = Manager::from_config(
            config.clone(),
            tls.clone(),
            // A connection that broke is found out by using it, not by asking before every use.
            ManagerConfig { recycling_method: RecyclingMethod::Fast },
        );
        let pool = Pool::builder(manager)
            .max_size(CONNECTIONS)
            .wait_timeout(Some(PATIENCE))
            .create_timeout(Some(PATIENCE))
            .runtime(Runtime::Tokio1)
            .post_create(Hook::async_fn(|client, _| {
                // A read that writes fails here as it does on SQLite.
                let read_only = client.batch_execute("SET default_transaction_read_only = on");
                Box::pin(async { read_only.await.map_err(HookError::Backend) })
            }))
            .build()
            .map_err(|error| DbError::Other(error.to_string()))?;
        Ok((Store { pool, config, tls }, session))
    }

    pub(super) async fn query(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, DbError> {
        let client = self.pool.get().await.map_err(pool_error)?;
        query(&client, sql, values).await
    }

    /// The writer's connection, with the lock.
    pub(super) async fn claim(&self) -> Result<Session, DbError> {
        let session = Session::connect(&self.config, &self.tls).await?;
        session.lock().await?;
        Ok(session)
    }
}

/// A connection of our own, outside the pool.
pub(super) struct Session {
    client: ClientWrapper,
    lost: oneshot::Receiver<()>,
    due: Option<Due>,
}

/// A step that goes out with the next statement.
#[derive(Clone, Copy)]
enum Due {
    Begin,
    Next,
}

impl Session {
    async fn connect(config: &Config, tls: &MakeRustlsConnect) -> Result<Session, DbError> {
        let (client, connection) = config.connect(tls.clone()).await.map_err(connect_error)?;
        let (gone, lost) = oneshot::channel();
        let task = tokio::spawn(async move {
            // Why it ended, the next statement says; that it ended, the receiver learns by losing its sender.
            let _ = connection.await;
            drop(gone);
        });
        let client = ClientWrapper::new(client, task);
        // The server's side notices a dead client too, or the lock would outlive us for hours.
        let keepalives = "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3";
        client.batch_execute(keepalives).await?;
        Ok(Session { client, lost, due: None })
    }

    async fn lock(&self) -> Result<(), DbError> {
        for attempt in 1..=LOCK_TRIES {
            let rows = query(&self.client, "SELECT pg_try_advisory_lock($1)", &[Value::Int(LOCK)]).await?;
            if rows.first().is_some_and(|row| row.bool(0) == Ok(true)) {
                return Ok(());
            }
            if attempt < LOCK_TRIES {
                tokio::time::sleep(LOCK_PAUSE).await;
            }
        }
        Err(DbError::AlreadyRunning)
    }

    pub(super) async fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, DbError> {
        self.after_step(async |client| {
            let statement = prepare(client, sql).await?;
            Ok(client.execute_raw(&statement, values).await?)
        })
        .await
    }

    pub(super) async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, DbError> {
        self.after_step(async |client| query(client, sql, values).await).await
    }

    pub(super) async fn script(&mut self, sql: &str) -> Result<(), DbError> {
        self.after_step(async |client| Ok(client.batch_execute(sql).await?)).await
    }

    /// Sends the step that is due and the statement after it in one go: they travel in this order, and the wait is
    /// for one round trip instead of two. Should the step fail, so does the statement, in the aborted transaction.
    async fn after_step<T>(
        &mut self,
        statement: impl AsyncFnOnce(&ClientWrapper) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        let step = match self.due.take() {
            None => return statement(&self.client).await,
            Some(Due::Begin) => "BEGIN; SAVEPOINT operation",
            Some(Due::Next) => "RELEASE SAVEPOINT operation; SAVEPOINT operation",
        };
        let (step, answer) = tokio::join!(biased; self.client.batch_execute(step), statement(&self.client));
        step?;
        answer
    }

    pub(super) async fn step(&mut self, step: Step) -> Result<(), DbError> {
        let sql = match (step, self.due) {
            (Step::Begin, _) => {
                self.due = Some(Due::Begin);
                return Ok(());
            }
            // What is due still is: there was no statement since.
            (Step::Next | Step::Undo, Some(_)) => return Ok(()),
            (Step::Next, None) => {
                self.due = Some(Due::Next);
                return Ok(());
            }
            (Step::Undo, None) => "ROLLBACK TO SAVEPOINT operation",
            (Step::Commit | Step::Abandon, Some(Due::Begin)) => {
                self.due = None;
                return Ok(());
            }
            (Step::Commit, _) => "RELEASE SAVEPOINT operation; COMMIT",
            (Step::Abandon, _) => "ROLLBACK",
        };
        self.due = None;
        Ok(self.client.batch_execute(sql).await?)
    }

    pub(super) async fn lost(&mut self) {
        // Nothing is ever sent: this returns when the connection has ended.
        let _ = (&mut self.lost).await;
    }

    /// Lets go of the lock first, so that the next server need not wait for the connection to end.
    pub(super) async fn close(mut self) -> Result<(), DbError> {
        self.script("SELECT pg_advisory_unlock_all()").await
    }
}

async fn prepare(client: &ClientWrapper, sql: &str) -> Result<tokio_postgres::Statement, DbError> {
    if client.statement_cache.size() > STATEMENTS {
        client.statement_cache.clear();
    }
    Ok(client.prepare_cached(&in_words(sql, &WORDS)).await?)
}

async fn query(client: &ClientWrapper, sql: &str, values: &[Value]) -> Result<Vec<Row>, DbError> {
    let statement = prepare(client, sql).await?;
    let rows = client.query_raw(&statement, values).await?;
    let columns = statement.columns().len();
    rows.map_err(DbError::from)
        .and_then(async |row| {
            let values = (0..columns).map(|column| row.try_get(column)).collect::<Result<_, _>>()?;
            Ok(Row(values))
        })
        .try_collect()
        .await
}

impl ToSql for Value {
    fn to_sql(&self, wanted: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match (self, wanted) {
            (Value::Null, _) => Ok(IsNull::Yes),
            (Value::Int(number), &Type::INT8) => number.to_sql(wanted, out),
            // The server gives this type to a placeholder that meets a number written in the statement.
            (Value::Int(number), &Type::INT4) => i32::try_from(*number)?.to_sql(wanted, out),
            (Value::Text(text), &(Type::TEXT | Type::VARCHAR | Type::NAME | Type::UNKNOWN | Type::JSON)) => {
                text.to_sql(wanted, out)
            }
            (Value::Int(_), _) => Err(format!("a number was given where {wanted} is wanted").into()),
            (Value::Text(_), _) => Err(format!("text was given where {wanted} is wanted").into()),
        }
    }

    /// Which values fit is seen when they are written.
    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(found: &Type, raw: &'a [u8]) -> Result<Value, Box<dyn std::error::Error + Sync + Send>> {
        Ok(match *found {
            Type::INT8 => Value::Int(i64::from_sql(found, raw)?),
            Type::INT4 => Value::Int(i32::from_sql(found, raw)?.into()),
            // SQLite has no truth values, only 0 and 1.
            Type::BOOL => Value::Int(bool::from_sql(found, raw)?.into()),
            _ => Value::Text(<&str>::from_sql(found, raw)?.to_owned()),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Value, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Value::Null)
    }

    fn accepts(found: &Type) -> bool {
        matches!(
            *found,
            Type::INT8 | Type::INT4 | Type::BOOL | Type::TEXT | Type::VARCHAR | Type::NAME | Type::UNKNOWN | Type::JSON
        )
    }
}

/// Reads the URL; what it leaves open about dead connections is set to seconds instead of hours.
fn configure(url: &str) -> Result<(Config, MakeRustlsConnect), DbError> {
    let (url, root_certificates) = split_root_certificates(url);
    let mut config: Config = url.parse().map_err(|error: tokio_postgres::Error| {
        let reason = error.source().map(ToString::to_string).unwrap_or_default();
        DbError::Other(format!("the URL of the PostgreSQL database cannot be read: {reason}"))
    })?;
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(PATIENCE);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(SILENCE);
    }
    config.keepalives_idle(SILENCE / 2).keepalives_interval(SILENCE / 4).keepalives_retries(2);
    if config.get_application_name().is_none() {
        config.application_name("garth");
    }
    Ok((config, tls(root_certificates.as_deref())?))
}

/// Takes `sslrootcert=FILE` out of the URL, which the driver does not know.
fn split_root_certificates(url: &str) -> (String, Option<String>) {
    let Some((base, query)) = url.split_once('?') else {
        return (url.to_owned(), None);
    };
    let mut file = None;
    let mut rest = Vec::new();
    for pair in query.split('&') {
        match pair.strip_prefix("sslrootcert=") {
            Some(path) => file = Some(path.to_owned()),
            None => rest.push(pair),
        }
    }
    (format!("{base}?{}", rest.join("&")), file)
}

/// TLS that checks the server's certificate against the given file, or else against the public authorities.
fn tls(root_certificates: Option<&str>) -> Result<MakeRustlsConnect, DbError> {
    let mut roots = rustls::RootCertStore::empty();
    match root_certificates {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(file) => {
            let unreadable = |error: &dyn std::fmt::Display| DbError::Other(format!("sslrootcert={file}: {error}"));
            for certificate in CertificateDer::pem_file_iter(file).map_err(|error| unreadable(&error))? {
                let certificate = certificate.map_err(|error| unreadable(&error))?;
                roots.add(certificate).map_err(|error| unreadable(&error))?;
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| DbError::Other(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

fn pool_error(error: PoolError) -> DbError {
    match error {
        PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => connect_error(error),
        error => DbError::Unavailable(error.to_string()),
    }
}

/// Whatever keeps us from connecting, the database is not there for us.
fn connect_error(error: tokio_postgres::Error) -> DbError {
    DbError::Unavailable(describe(&error))
}

impl From<tokio_postgres::Error> for DbError {
    fn from(error: tokio_postgres::Error) -> DbError {
        let Some(code) = error.code() else {
            let io = error.source().is_some_and(|source| source.is::<std::io::Error>());
            return match error.is_closed() || io {
                true => DbError::Unavailable(describe(&error)),
                false => DbError::Other(describe(&error)),
            };
        };
        match *code {
            SqlState::UNIQUE_VIOLATION => return DbError::Unique,
            SqlState::FOREIGN_KEY_VIOLATION | SqlState::RESTRICT_VIOLATION => return DbError::ForeignKey,
            _ => {}
        }
        // Connection, out of resources, being shut down, system error; taken by others; a standby now.
        let passing = ["08", "53", "57", "58", "40", "55"].iter().any(|class| code.code().starts_with(class));
        match passing || *code == SqlState::READ_ONLY_SQL_TRANSACTION {
            true => DbError::Unavailable(describe(&error)),
            false => DbError::Other(describe(&error)),
        }
    }
}

/// What may be logged. The server's own words can quote a value, except where they are about the statement (42), the
/// connection (08, 57) or signing in (28, 3D).
fn describe(error: &tokio_postgres::Error) -> String {
    let Some(database) = error.as_db_error() else {
        return match error.source() {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        };
    };
    let code = database.code().code();
    if ["42", "08", "57", "28", "3D"].iter().any(|class| code.starts_with(class)) {
        return format!("{} (SQLSTATE {code})", database.message());
    }
    let place = [database.table(), database.column(), database.constraint()];
    let place: Vec<&str> = place.into_iter().flatten().collect();
    format!("SQLSTATE {code} {}", place.join(" ")).trim_end().to_owned()
}
