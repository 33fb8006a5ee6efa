//! PostgreSQL: a pool of connections that can only read, and the writer's own, which holds the lock.

mod connect;
mod pulse;
mod words;

use std::io::Cursor;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use deadpool_postgres::{
    ClientWrapper, Hook, HookError, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime,
};
use futures_util::{SinkExt, TryStreamExt};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::turns::Turns;
use super::{DbError, Mode, Row, Step, Value, Words, in_words};
use connect::configure;
use pulse::Pulse;
use words::{connect_error, pool_error};

const WORDS: Words = Words {
    list: ["(SELECT value FROM json_array_elements_text(CAST(CAST(", " AS TEXT) AS json)))"],
    ints: ["(SELECT CAST(value AS BIGINT) AS value FROM json_array_elements_text(CAST(CAST(", " AS TEXT) AS json)))"],
};

/// Connections that read at the same time.
const CONNECTIONS: usize = 16;
/// Of them, how many long reads take at a time; the others are for short ones.
const SCANS: usize = 8;
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
/// The database is told to end a statement at its limit; if it has not said so by then, it is not there.
const GRACE: Duration = Duration::from_secs(2);

/// A database on a PostgreSQL server.
pub(super) struct Store {
    pool: Pool,
    config: Config,
    tls: MakeRustlsConnect,
    turns: Arc<Turns>,
    /// How long a read may take; `None` on the command line.
    limit: Option<Duration>,
    /// Ends the reads that are under way when the database is lost.
    cut: Notify,
    /// The writer's session of before: when it is stuck, it is ended by the next one.
    last: Mutex<Option<Backend>>,
    pulse: Arc<Pulse>,
    /// Where the pulse beats, whatever the writer is busy with.
    runtime: Handle,
}

/// A session as the server knows it; the number alone would come again.
#[derive(Clone, Copy)]
struct Backend {
    pid: i64,
    begun: i64,
}

impl Store {
    /// Connects once, to know that it works; to serve, that connection holds the lock.
    pub(super) async fn open(url: &str, mode: Mode, limit: Option<Duration>) -> Result<(Store, Session), DbError> {
        let (mut config, tls) = configure(url)?;
        let mut session = Session::connect(&config, &tls).await;
        if session.is_err() && config.get_ssl_mode() == SslMode::Prefer {
            // "prefer" asks for no promise: a certificate we cannot check is no reason to stay away.
            config.ssl_mode(SslMode::Disable);
            session = session.or(Session::connect(&config, &tls).await);
            // On this machine nobody listens in between.
            if session.is_ok() && !connect::nearby(&config) {
                tracing::warn!("talking to PostgreSQL without TLS; with sslmode=require it would be refused");
            }
        }
        let session = session?;
        if mode == Mode::Serve {
            session.lock().await?;
        }
        let store = Store {
            pool: pool(&config, &tls, limit)?,
            config,
            tls,
            turns: Turns::new(SCANS),
            limit,
            cut: Notify::new(),
            last: Mutex::new(None),
            pulse: Arc::default(),
            runtime: Handle::current(),
        };
        Ok((store, session))
    }

    /// A short read. When the asker goes away, it ends.
    pub(super) async fn query(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, DbError> {
        let mut client = InFlight { client: Some(self.pool.get().await.map_err(pool_error)?), store: self };
        let Some(connection) = &client.client else { return Ok(Vec::new()) };
        let answer = tokio::select! {
            biased;
            answer = query(connection, sql, values) => answer,
            () = self.cut.notified() => return Err(DbError::Unavailable("it was lost".to_owned())),
            () = over(self.limit) => return Err(DbError::Unavailable("it does not answer".to_owned())),
        };
        // It is at rest: back into the pool.
        client.client = None;
        answer
    }

    /// A long read, in its turn.
    pub(super) async fn scan(&self, asker: u64, sql: &str, values: &[Value]) -> Result<Vec<Row>, DbError> {
        let _turn = self.turns.take(asker).await;
        self.query(sql, values).await
    }

    /// A connection of its own in a transaction that sees one moment, and can only read.
    pub(super) async fn snapshot(&self) -> Result<Session, DbError> {
        let mut session = Session::connect(&self.config, &self.tls).await?;
        session.script(&format!("{UNHURRIED}; BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")).await?;
        Ok(session)
    }

    /// The writer's connection, with the lock, and a pulse beside it.
    pub(super) async fn claim(&self) -> Result<Session, DbError> {
        let mut session = Session::connect(&self.config, &self.tls).await?;
        let before = self.last.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(before) = before {
            // To us it is lost; if it still holds the lock, it must not stand in our way.
            session.end(before).await?;
        }
        session.lock().await?;
        let backend = session.backend().await?;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(backend);
        session.lost = pulse::start(&self.runtime, &self.pulse, &self.config, &self.tls, backend, session.lost).await?;
        Ok(session)
    }

    /// Whether the database has said lately that the lock is ours.
    pub(super) fn beating(&self) -> bool {
        self.pulse.beating()
    }

    /// The database is lost: nobody waits for it any more, and no connection of before is used again.
    pub(super) fn cut(&self) {
        self.cut.notify_waiters();
        self.pool.retain(|_, _| false);
    }
}

/// Connections that can only read.
fn pool(config: &Config, tls: &MakeRustlsConnect, limit: Option<Duration>) -> Result<Pool, DbError> {
    let manager = Manager::from_config(
        config.clone(),
        tls.clone(),
        // A connection that broke is found out by using it, not by asking before every use.
        ManagerConfig { recycling_method: RecyclingMethod::Fast },
    );
    // A read that writes fails here as it does on SQLite.
    let mut settings = "SET default_transaction_read_only = on".to_owned();
    if let Some(limit) = limit {
        settings.push_str(&format!("; SET statement_timeout = {}", limit.as_millis()));
    }
    Pool::builder(manager)
        .max_size(CONNECTIONS)
        .wait_timeout(Some(PATIENCE))
        .create_timeout(Some(PATIENCE))
        .runtime(Runtime::Tokio1)
        .post_create(Hook::async_fn(move |client, _| {
            let settings = settings.clone();
            Box::pin(async move { client.batch_execute(&settings).await.map_err(HookError::Backend) })
        }))
        .build()
        .map_err(|error| DbError::Other(error.to_string()))
}

/// Returns when a statement has had its time and more.
async fn over(limit: Option<Duration>) {
    match limit {
        Some(limit) => tokio::time::sleep(limit + GRACE).await,
        None => std::future::pending().await,
    }
}

/// A connection that is at work. Dropped at work, it does not go back into the pool, and the database is told to stop.
struct InFlight<'a> {
    client: Option<Object>,
    store: &'a Store,
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        let (Some(client), Ok(runtime)) = (self.client.take(), Handle::try_current()) else { return };
        let (client, tls) = (Object::take(client), self.store.tls.clone());
        runtime.spawn(async move {
            // Whether it arrives or not: with the connection gone, nobody gets the answer.
            let _ = tokio::time::timeout(PATIENCE, client.cancel_token().cancel_query(tls)).await;
        });
    }
}

/// For what reads or writes everything, however long that takes.
const UNHURRIED: &str = "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0";
/// How much of a table is sent at a time.
const COPY_BYTES: usize = 1 << 20;

/// A connection of our own, outside the pool.
pub(super) struct Session {
    client: ClientWrapper,
    /// Turns true when the connection has ended, or the pulse beside it.
    lost: watch::Receiver<bool>,
    due: Option<Due>,
    limit: Option<Duration>,
}

/// A step that goes out with the next statement.
#[derive(Clone, Copy)]
enum Due {
    Begin,
    Next,
}

impl Session {
    async fn connect(config: &Config, tls: &MakeRustlsConnect) -> Result<Session, DbError> {
        let silent = |_| DbError::Unavailable("it does not answer".to_owned());
        tokio::time::timeout(PATIENCE, Session::connect_patiently(config, tls)).await.map_err(silent)?
    }

    async fn connect_patiently(config: &Config, tls: &MakeRustlsConnect) -> Result<Session, DbError> {
        let (client, connection) = config.connect(tls.clone()).await.map_err(connect_error)?;
        let (gone, lost) = watch::channel(false);
        let task = tokio::spawn(async move {
            // Why it ended, the next statement says.
            let _ = connection.await;
            gone.send_replace(true);
        });
        let client = ClientWrapper::new(client, task);
        // The server's side notices a dead client too, or the lock would outlive us for hours.
        let keepalives = "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3";
        client.batch_execute(keepalives).await?;
        Ok(Session { client, lost, due: None, limit: None })
    }

    /// What this session is called on the server.
    async fn backend(&self) -> Result<Backend, DbError> {
        let sql = "SELECT CAST(pid AS BIGINT), CAST(extract(epoch FROM backend_start) * 1000000 AS BIGINT)
                   FROM pg_stat_activity WHERE pid = pg_backend_pid()";
        let rows = self.answered(query(&self.client, sql, &[])).await?;
        let row = rows.first().ok_or_else(|| DbError::Other("the session does not know itself".to_owned()))?;
        Ok(Backend { pid: row.int(0)?, begun: row.int(1)? })
    }

    /// Ends a session of ours that was lost, if it is still there.
    async fn end(&self, backend: Backend) -> Result<(), DbError> {
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE pid = $1 AND CAST(extract(epoch FROM backend_start) * 1000000 AS BIGINT) = $2";
        let values = [Value::Int(backend.pid), Value::Int(backend.begun)];
        self.answered(query(&self.client, sql, &values)).await.map(drop)
    }

    /// From now on a statement that takes longer is ended.
    pub(super) async fn limit(&mut self, limit: Duration) -> Result<(), DbError> {
        self.script(&format!("SET statement_timeout = {}", limit.as_millis())).await?;
        self.limit = Some(limit);
        Ok(())
    }

    /// Waits for an answer, but not for one that cannot come.
    async fn answered<T>(&self, answer: impl Future<Output = Result<T, DbError>>) -> Result<T, DbError> {
        let mut lost = self.lost.clone();
        tokio::select! {
            biased;
            answer = answer => answer,
            _ = lost.wait_for(|lost| *lost) => Err(DbError::Unavailable("the connection was lost".to_owned())),
            () = over(self.limit) => Err(DbError::Unavailable("it does not answer".to_owned())),
        }
    }

    async fn lock(&self) -> Result<(), DbError> {
        for attempt in 1..=LOCK_TRIES {
            let sql = "SELECT pg_try_advisory_lock($1)";
            let rows = self.answered(query(&self.client, sql, &[Value::Int(LOCK)])).await?;
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

    pub(super) async fn each(
        &mut self,
        sql: &str,
        values: &[Value],
        take: impl FnMut(Row) -> Result<(), DbError>,
    ) -> Result<(), DbError> {
        self.after_step(async |client| each(client, sql, values, take).await).await
    }

    /// Opens a transaction that may take as long as it needs.
    pub(super) async fn begin_long(&mut self) -> Result<(), DbError> {
        self.script(&format!("{UNHURRIED}; BEGIN")).await
    }

    /// Writes rows into a table, many at a time; `next` fills a buffer with lines of COPY's text format, and
    /// nothing more when there are none left. Says how many rows there were.
    pub(super) async fn copy_in(
        &mut self,
        into: &str,
        mut next: impl FnMut(&mut Vec<u8>, usize) -> Result<(), DbError>,
    ) -> Result<u64, DbError> {
        let mut sink = pin!(self.client.copy_in(&format!("COPY {into} FROM STDIN")).await?);
        loop {
            let mut lines = Vec::with_capacity(COPY_BYTES + COPY_BYTES / 8);
            next(&mut lines, COPY_BYTES)?;
            if lines.is_empty() {
                break;
            }
            sink.send(Cursor::new(lines)).await?;
        }
        Ok(sink.finish().await?)
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
            None => return self.answered(statement(&self.client)).await,
            Some(Due::Begin) => "BEGIN; SAVEPOINT operation",
            Some(Due::Next) => "RELEASE SAVEPOINT operation; SAVEPOINT operation",
        };
        self.answered(async {
            let (step, answer) = tokio::join!(biased; self.client.batch_execute(step), statement(&self.client));
            step?;
            answer
        })
        .await
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
        self.answered(async { Ok(self.client.batch_execute(sql).await?) }).await
    }

    /// Makes sure that the open transaction, if there still is one, is undone. That the server answers at all says
    /// that this is its newest word: a commit of before is not under way any more.
    pub(super) async fn undo(&mut self) -> Result<(), DbError> {
        if let Some(Due::Begin) = self.due.take() {
            return Ok(());
        }
        self.script("ROLLBACK").await
    }

    pub(super) async fn lost(&mut self) {
        // An error means that nobody is left who could tell, which is as good as lost.
        let _ = self.lost.wait_for(|lost| *lost).await;
    }

    /// Lets go of the lock first, so that the next server need not wait for the connection to end.
    pub(super) async fn close(mut self) -> Result<(), DbError> {
        // The pulse stops before that: it would tell of a lock that was lost.
        let (_open, lost) = watch::channel(false);
        self.lost = lost;
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
    let mut answer = Vec::new();
    each(client, sql, values, |row| {
        answer.push(row);
        Ok(())
    })
    .await?;
    Ok(answer)
}

/// Hands over one row after the other as they arrive; the server waits while they are being taken.
async fn each(
    client: &ClientWrapper,
    sql: &str,
    values: &[Value],
    mut take: impl FnMut(Row) -> Result<(), DbError>,
) -> Result<(), DbError> {
    let statement = prepare(client, sql).await?;
    let mut rows = pin!(client.query_raw(&statement, values).await?);
    let columns = statement.columns().len();
    while let Some(row) = rows.try_next().await? {
        let values = (0..columns).map(|column| row.try_get(column)).collect::<Result<_, _>>()?;
        take(Row(values))?;
    }
    Ok(())
}
