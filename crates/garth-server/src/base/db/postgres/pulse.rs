//! The pulse: asks again and again, on a connection of its own, whether the writer's session still holds the lock.
//!
//! A connection can be dead for minutes before anybody notices, and a server that has lost the lock unawares would go
//! on answering while another one revokes. So the claim is believed only for [`BELIEVED`] after the database last
//! confirmed it. That is shorter than the time after which the database lets a silent session go.

use std::sync::Mutex;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_postgres::Config;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{Backend, DbError, LOCK, Session, Value, query};
use crate::base::clock;

/// Between two beats.
const BEAT: Duration = Duration::from_secs(2);
/// A beat that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(4);
/// How long the claim is believed after it was confirmed.
const BELIEVED: Duration = Duration::from_secs(10);

/// When the database was last asked with success; never, while nothing is claimed.
#[derive(Default)]
pub(super) struct Pulse(Mutex<Option<Instant>>);

impl Pulse {
    pub(super) fn beating(&self) -> bool {
        let confirmed = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        confirmed.is_none_or(|confirmed| clock::monotonic().duration_since(confirmed) < BELIEVED)
    }

    fn confirm(&self, asked: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(asked);
    }
}

/// Begins to watch over a session; what is returned turns true when the session is lost or the pulse is.
pub(super) async fn start(
    runtime: &Handle,
    pulse: &Arc<Pulse>,
    config: &Config,
    tls: &MakeRustlsConnect,
    backend: Backend,
    ended: watch::Receiver<bool>,
) -> Result<watch::Receiver<bool>, DbError> {
    let (pulse, config, tls) = (Arc::clone(pulse), config.clone(), tls.clone());
    let (gone, lost) = watch::channel(false);
    let (started, starting) = tokio::sync::oneshot::channel();
    runtime.spawn(async move {
        let session = match Session::connect(&config, &tls).await {
            Ok(session) => session,
            Err(error) => return drop(started.send(Err(error))),
        };
        pulse.confirm(clock::monotonic());
        let _ = started.send(Ok(()));
        let mut ended = ended;
        tokio::select! {
            biased;
            _ = ended.wait_for(|ended| *ended) => {}
            () = gone.closed() => {}
            why = beat(&session, &pulse, backend) => tracing::warn!(%why, "the database's pulse was lost"),
        }
        gone.send_replace(true);
    });
    starting.await.unwrap_or_else(|_| Err(DbError::Unavailable("the server is stopping".to_owned())))?;
    Ok(lost)
}

/// Beats until it fails.
async fn beat(session: &Session, pulse: &Pulse, backend: Backend) -> DbError {
    // A lock of 64 bits is listed as its two halves.
    let sql = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = $1 AND objsubid = 1
               AND CAST(classid AS BIGINT) = $2 AND CAST(objid AS BIGINT) = $3";
    let values = [Value::Int(backend.pid), Value::Int(LOCK >> 32), Value::Int(LOCK & 0xffff_ffff)];
    loop {
        tokio::time::sleep(BEAT).await;
        let asked = clock::monotonic();
        match tokio::time::timeout(PATIENCE, query(&session.client, sql, &values)).await {
            Ok(Ok(rows)) if !rows.is_empty() => pulse.confirm(asked),
            Ok(Ok(_)) => return DbError::Unavailable("the lock is not ours any more".to_owned()),
            Ok(Err(error)) => return error,
            Err(_) => return DbError::Unavailable("it does not answer".to_owned()),
        }
    }
}
