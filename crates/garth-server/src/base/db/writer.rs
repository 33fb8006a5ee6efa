//! The one writer: a thread that takes queued operations and commits them together.
//!
//! Each operation works in a savepoint, on the open transaction and on the pending picture `S`, which already
//! holds what the operations before it decided. One commit makes all of them durable; only then is the picture
//! published and everybody answered.

use std::fs::File;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use tokio::sync::{mpsc, oneshot};

use crate::base::clock;
use crate::base::metrics::WriterFigures;

use super::{Db, DbError, Step, Tx};

/// Operations that may wait; more are refused.
pub const QUEUE: usize = 4096;
/// Operations that share a commit.
const BATCH: usize = 256;
/// The wait after the first attempt to reconnect that failed; it doubles up to the second.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Sends operations to the writing thread. It stops when this is dropped, or by [`Writer::shutdown`].
pub struct Writer<S> {
    queue: mpsc::Sender<Message<S>>,
    db: Db,
    figures: Arc<WriterFigures>,
}

/// Who waits until the database has let go of what was taken away.
type Settling = Vec<oneshot::Sender<Result<bool, DbError>>>;

enum Message<S> {
    Run(Box<dyn Job<S>>),
    Settle(oneshot::Sender<Result<bool, DbError>>),
    Stop(oneshot::Sender<()>),
}

impl<S: Clone + Send + 'static> Writer<S> {
    /// Starts the thread and returns once `load` has read the picture, which is returned as well. `load` runs again
    /// whenever the picture may differ from the database: after a failed commit or a lost connection.
    /// `publish` is called with each new picture once it is committed, on the writing thread and before anybody is
    /// answered; it may take out of it what was for this commit only.
    pub async fn start<L, P>(db: Db, load: L, publish: P) -> Result<(Writer<S>, S), DbError>
    where
        L: AsyncFn(&mut Tx) -> Result<S, DbError> + Send + 'static,
        P: Fn(&mut S) + Send + 'static,
    {
        let claim = db.take_claim().await?;
        let (queue, messages) = mpsc::channel(QUEUE);
        let (started, starting) = oneshot::channel();
        let of_thread = db.clone();
        let figures = WriterFigures::new();
        let measured = Arc::clone(&figures);
        let thread = move || write(of_thread, claim, load, publish, messages, started, measured);
        let trouble = |error: std::io::Error| DbError::Unavailable(error.to_string());
        std::thread::Builder::new().name("garth-writer".to_owned()).spawn(thread).map_err(trouble)?;
        let state = starting.await.unwrap_or_else(|_| Err(stopped()))?;
        Ok((Writer { queue, db, figures }, state))
    }

    /// Runs an operation and answers when it is committed, or rolled back. An operation awaits nothing but its `Tx`:
    /// everybody else waits for it.
    pub async fn run<T, E, F>(&self, operation: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Tx, &mut S) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        self.db.expect_ready()?;
        let (answer, answered) = oneshot::channel();
        let job = Operation { operation: Some(operation), outcome: None, answer };
        self.queue.try_send(Message::Run(Box::new(job))).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => DbError::Unavailable("too many writes are waiting".to_owned()),
            mpsc::error::TrySendError::Closed(_) => stopped(),
        })?;
        answered.await.unwrap_or_else(|_| Err(stopped().into()))
    }

    /// Lets go of what was taken away, and is still held by the database for the way back; true when it is gone.
    pub async fn settle(&self) -> Result<bool, DbError> {
        let (answer, answered) = oneshot::channel();
        self.queue.send(Message::Settle(answer)).await.map_err(|_| stopped())?;
        answered.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// Operations that wait.
    pub fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// How the thread does.
    pub fn figures(&self) -> &WriterFigures {
        &self.figures
    }

    /// Finishes what is queued, closes the database for writing and lets another server have it.
    pub async fn shutdown(&self) {
        let (stop, stopped) = oneshot::channel();
        if self.queue.send(Message::Stop(stop)).await.is_ok() {
            // Answered by being dropped, when the thread is done.
            let _ = stopped.await;
        }
    }
}

fn stopped() -> DbError {
    DbError::Unavailable("the server is stopping".to_owned())
}

/// An operation whose types are known to its caller alone.
trait Job<S>: Send {
    /// Runs it; true when it wants to be committed.
    fn run<'a>(&'a mut self, tx: &'a mut Tx, state: &'a mut S) -> LocalBoxFuture<'a, bool>;
    /// Answers its caller: with its own error if it had one, else with what went wrong around it, else with its result.
    fn answer(self: Box<Self>, trouble: Option<DbError>);
}

struct Operation<T, E, F> {
    operation: Option<F>,
    outcome: Option<Result<T, E>>,
    answer: oneshot::Sender<Result<T, E>>,
}

impl<S, T, E, F> Job<S> for Operation<T, E, F>
where
    F: AsyncFnOnce(&mut Tx, &mut S) -> Result<T, E> + Send,
    T: Send,
    E: From<DbError> + Send,
{
    fn run<'a>(&'a mut self, tx: &'a mut Tx, state: &'a mut S) -> LocalBoxFuture<'a, bool> {
        Box::pin(async move {
            // Whoever went away before it began wants nothing changed any more.
            if let Some(operation) = self.operation.take().filter(|_| !self.answer.is_closed()) {
                self.outcome = Some(operation(tx, state).await);
            }
            matches!(self.outcome, Some(Ok(_)))
        })
    }

    fn answer(self: Box<Self>, trouble: Option<DbError>) {
        let answer = match (self.outcome, trouble) {
            (Some(Err(error)), _) => Err(error),
            (_, Some(trouble)) => Err(trouble.into()),
            (Some(Ok(result)), None) => Ok(result),
            (None, None) => Err(stopped().into()),
        };
        // A caller that has gone away needs no answer.
        let _ = self.answer.send(answer);
    }
}

/// The writing thread, from start to end.
fn write<S, L, P>(
    db: Db,
    claim: Option<File>,
    load: L,
    publish: P,
    messages: mpsc::Receiver<Message<S>>,
    started: oneshot::Sender<Result<S, DbError>>,
    figures: Arc<WriterFigures>,
) where
    S: Clone,
    L: AsyncFn(&mut Tx) -> Result<S, DbError>,
    P: Fn(&mut S),
{
    // Whatever ends this thread, even a panic: without a writer, what is in memory may not be the truth.
    let _unready = Unready(db.clone());
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = started.send(Err(DbError::Unavailable(error.to_string())));
            return;
        }
    };
    runtime.block_on(async {
        let (tx, state) = match open(&db, &load).await {
            Ok(opened) => opened,
            Err(error) => {
                let _ = started.send(Err(error));
                return;
            }
        };
        if started.send(Ok(state.clone())).is_ok() {
            let stopping = Vec::new();
            let writing =
                Writing { db: db.clone(), load, publish, messages, state, refusing: false, stopping, figures };
            let stopping = writing.work(tx).await;
            // Only now: who asked for the end may open the database again at once.
            drop(claim);
            drop(stopping);
        }
    });
}

struct Unready(Db);

impl Drop for Unready {
    fn drop(&mut self) {
        self.0.set_ready(false);
    }
}

/// Connects, shows that the disk takes commits, and reads the picture: what a commit of before has come to is seen by
/// reading.
async fn open_again<S>(db: &Db, load: &impl AsyncFn(&mut Tx) -> Result<S, DbError>) -> Result<(Tx, S), DbError> {
    let mut tx = db.writing().await?;
    tx.prove().await?;
    picture(db, tx, load).await
}

/// Connects and reads the picture.
async fn open<S>(db: &Db, load: &impl AsyncFn(&mut Tx) -> Result<S, DbError>) -> Result<(Tx, S), DbError> {
    let tx = db.writing().await?;
    picture(db, tx, load).await
}

/// Reads the picture in one transaction; what the reading had to make first is kept.
async fn picture<S>(
    db: &Db,
    mut tx: Tx,
    load: &impl AsyncFn(&mut Tx) -> Result<S, DbError>,
) -> Result<(Tx, S), DbError> {
    tx.step(Step::Begin).await?;
    let state = load(&mut tx).await?;
    tx.step(Step::Commit).await?;
    tx.limit(db.inner.patience.write).await?;
    Ok((tx, state))
}

struct Writing<S, L, P> {
    db: Db,
    load: L,
    publish: P,
    messages: mpsc::Receiver<Message<S>>,
    /// The picture with everything that is committed.
    state: S,
    /// Whether the last commit was refused by the database: told once, not with every request.
    refusing: bool,
    stopping: Vec<oneshot::Sender<()>>,
    figures: Arc<WriterFigures>,
}

impl<S, L, P> Writing<S, L, P>
where
    S: Clone,
    L: AsyncFn(&mut Tx) -> Result<S, DbError>,
    P: Fn(&mut S),
{
    /// Works until nobody can ask any more; returns who is waiting for the end.
    async fn work(mut self, mut tx: Tx) -> Vec<oneshot::Sender<()>> {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let trouble = tokio::select! {
                taken = self.messages.recv_many(&mut batch, BATCH) => {
                    if taken == 0 {
                        break;
                    }
                    let (jobs, settling) = self.sort_out(&mut batch);
                    let trouble = self.commit_together(&mut tx, jobs).await.err();
                    if trouble.is_none() && !settling.is_empty() {
                        let settled = tx.settle().await;
                        // Who asked may have gone away.
                        settling.into_iter().for_each(|asked| drop(asked.send(settled.clone())));
                    }
                    trouble
                }
                () = tx.lost() => Some(DbError::Unavailable("the connection was lost".to_owned())),
            };
            if let Some(trouble) = trouble {
                tracing::error!(%trouble, "the database failed; nothing is answered until it is back");
                self.db.set_ready(false);
                drop(tx);
                match self.recover().await {
                    Some(recovered) => tx = recovered,
                    None => return self.stopping,
                }
            }
        }
        self.db.set_ready(false);
        if let Err(error) = tx.close().await {
            tracing::warn!(%error, "the database was not closed properly; nothing is lost");
        }
        self.stopping
    }

    fn sort_out(&mut self, batch: &mut Vec<Message<S>>) -> (Vec<Box<dyn Job<S>>>, Settling) {
        let (mut jobs, mut settling) = (Vec::with_capacity(batch.len()), Vec::new());
        for message in batch.drain(..) {
            match message {
                Message::Run(job) => jobs.push(job),
                Message::Settle(asked) => settling.push(asked),
                Message::Stop(stop) => self.stop(stop),
            }
        }
        (jobs, settling)
    }

    /// Takes no more operations; those that are queued are still done.
    fn stop(&mut self, stop: oneshot::Sender<()>) {
        self.messages.close();
        self.stopping.push(stop);
    }

    /// Runs operations in one transaction and answers all of them.
    ///
    /// When the database refuses the commit and is known to hold what it held before (a full disk, say), so does the
    /// picture: reads go on, and the next write tries again. An error means that nobody can tell what the database
    /// holds, and that the connection cannot be used any more.
    async fn commit_together(&mut self, tx: &mut Tx, jobs: Vec<Box<dyn Job<S>>>) -> Result<(), DbError> {
        let mut jobs = jobs.into_iter();
        let mut waiting = Vec::new();
        let before = self.state.clone();
        let Err(error) = self.run_all(tx, &mut jobs, &mut waiting).await else {
            if !waiting.is_empty() {
                if std::mem::take(&mut self.refusing) {
                    tracing::info!("the database takes changes again");
                }
                (self.publish)(&mut self.state);
                self.figures.applied();
                self.figures.group.add(waiting.len() as u64);
                waiting.into_iter().for_each(|job| job.answer(None));
            }
            return Ok(());
        };
        self.state = before;
        let undone = match &error {
            DbError::InDoubt(_) => Err(error.clone()),
            _ => tx.undo().await,
        };
        match &undone {
            Ok(()) if !std::mem::replace(&mut self.refusing, true) => {
                tracing::error!(%error, "the database refuses changes; what it holds is still answered");
            }
            Ok(()) => {}
            // First this: who is told of the failure must not be given an older truth by a read.
            Err(_) => self.db.set_ready(false),
        }
        let trouble = DbError::Unavailable(format!("the commit failed: {error}"));
        waiting.into_iter().chain(jobs).for_each(|job| job.answer(Some(trouble.clone())));
        undone
    }

    /// `waiting` receives the operations that get their answer from the commit.
    async fn run_all(
        &mut self,
        tx: &mut Tx,
        jobs: &mut impl Iterator<Item = Box<dyn Job<S>>>,
        waiting: &mut Vec<Box<dyn Job<S>>>,
    ) -> Result<(), DbError> {
        let mut before = Some(Step::Begin);
        for mut job in jobs {
            if let Some(step) = before.take()
                && let Err(error) = tx.step(step).await
            {
                waiting.push(job);
                return Err(error);
            }
            let undo = self.state.clone();
            let ran = AssertUnwindSafe(job.run(tx, &mut self.state)).catch_unwind().await;
            let trouble = match ran {
                Ok(true) if !tx.failed => {
                    waiting.push(job);
                    before = Some(Step::Next);
                    continue;
                }
                Ok(true) => Some(DbError::Other("the operation went on after a statement had failed".to_owned())),
                Ok(false) => None,
                Err(_) => Some(DbError::Other("the operation panicked".to_owned())),
            };
            self.state = undo;
            // The savepoint stays and serves the next operation.
            if let Err(error) = tx.step(Step::Undo).await {
                waiting.push(job);
                return Err(error);
            }
            job.answer(trouble);
        }
        match (before, waiting.is_empty()) {
            // Nothing was begun.
            (Some(Step::Begin), _) => Ok(()),
            (_, true) => tx.step(Step::Abandon).await,
            (_, false) => {
                let began = clock::monotonic();
                tx.step(Step::Commit).await?;
                self.figures.commit.took(began.elapsed());
                Ok(())
            }
        }
    }

    /// Opens the database again and reads the picture afresh; `None` when the server is stopping.
    async fn recover(&mut self) -> Option<Tx> {
        let mut pause = FIRST_PAUSE;
        loop {
            self.turn_away(Duration::ZERO).await?;
            match open_again(&self.db, &self.load).await {
                Ok((tx, state)) => {
                    self.state = state;
                    (self.publish)(&mut self.state);
                    self.db.set_ready(true);
                    tracing::info!("the database is back");
                    return Some(tx);
                }
                Err(error) => tracing::warn!(%error, "the database is still not available"),
            }
            self.turn_away(pause).await?;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Refuses every operation for a while; `None` when the server is stopping.
    async fn turn_away(&mut self, pause: Duration) -> Option<()> {
        let over = tokio::time::sleep(pause);
        tokio::pin!(over);
        loop {
            tokio::select! {
                biased;
                message = self.messages.recv() => match message? {
                    Message::Run(job) => job.answer(Some(DbError::Unavailable("it was lost".to_owned()))),
                    // Answered by being dropped.
                    Message::Settle(_) => {}
                    Message::Stop(stop) => self.stop(stop),
                },
                () = &mut over => return Some(()),
            }
        }
    }
}
