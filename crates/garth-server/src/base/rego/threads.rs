//! Threads for what somebody wrote: a few, each with a deep stack, and under a clock outside of them.
//!
//! An evaluation looks at its time between its steps and ends by itself. Should one not (a single step that goes on),
//! whoever waits is answered all the same when the outer clock strikes; the thread then runs on to its end and holds
//! its place until then. So there are never more of them than places, and the rest of the server goes on; while all
//! places are held, [`Halt::Full`] says so at once.

use super::MEMORY;
use regorus::{LimitError, check_global_memory_limit, set_global_memory_limit};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// Evaluations of sign-ins at a time.
pub const ASKING: usize = 4;
/// Drafts that are read or asked at a time.
pub const TRYING: usize = 2;
/// Parts of what is read are nested, and each level takes of the stack. It is not taken before it is used.
const STACK: usize = 256 * 1024 * 1024;

/// The places of a server.
pub struct Rego {
    /// For sign-ins.
    pub asking: Threads,
    /// For drafts, so that none of them keeps anybody from signing in.
    pub trying: Threads,
}

impl Default for Rego {
    fn default() -> Self {
        Self { asking: Threads::new(ASKING, Duration::from_secs(1)), trying: Threads::new(TRYING, Duration::ZERO) }
    }
}

/// Why something did not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halt {
    /// Every place is held.
    Full,
    /// The time was over.
    TooLong,
    /// It panicked, or there was no thread to be had.
    Failed,
}

/// Places for threads.
pub struct Threads {
    places: Arc<Semaphore>,
    patience: Duration,
}

impl Threads {
    /// So many places; whoever finds none waits that long for one.
    pub fn new(places: usize, patience: Duration) -> Self {
        Self { places: Arc::new(Semaphore::new(places)), patience }
    }

    /// Places that are free.
    pub fn free(&self) -> usize {
        self.places.available_permits()
    }

    /// Runs something on a thread of its own, and waits for it that long.
    ///
    /// # Errors
    /// When it does not come to its end in time, or at all.
    pub async fn run<T: Send + 'static>(
        &self,
        time: Duration,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Halt> {
        let place = self.place().await?;
        let (tell, told) = oneshot::channel();
        let job = move || {
            let memory = Memory::begin();
            let done = catch_unwind(AssertUnwindSafe(work));
            drop((memory, place));
            // Nobody waits any more when the time was over.
            let _ = tell.send(done.map_err(|_| Halt::Failed));
        };
        let started = std::thread::Builder::new().name("rego".to_owned()).stack_size(STACK).spawn(job);
        if started.is_err() {
            return Err(Halt::Failed);
        }
        match tokio::time::timeout(time, told).await {
            Ok(Ok(done)) => done,
            Ok(Err(_)) => Err(Halt::Failed),
            Err(_) => {
                tracing::warn!(free = self.free(), "an evaluation of a policy took too long and runs on in its place");
                Err(Halt::TooLong)
            }
        }
    }

    async fn place(&self) -> Result<OwnedSemaphorePermit, Halt> {
        if self.patience.is_zero() {
            return Arc::clone(&self.places).try_acquire_owned().map_err(|_| Halt::Full);
        }
        let waited = tokio::time::timeout(self.patience, Arc::clone(&self.places).acquire_owned()).await;
        waited.ok().and_then(Result::ok).ok_or(Halt::Full)
    }
}

/// How many run. The library knows one limit of memory for the whole program, which nobody but it looks at: while
/// something runs it is what the program had when the first began, and [`MEMORY`].
static RUNNING: Mutex<usize> = Mutex::new(0);

/// One that runs.
struct Memory;

impl Memory {
    fn begin() -> Self {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        if *running == 0 {
            // How much there is, the library tells only who has too much of it.
            set_global_memory_limit(Some(0));
            let now = match check_global_memory_limit() {
                Err(LimitError::MemoryLimitExceeded { usage, .. }) => usage,
                _ => 0,
            };
            set_global_memory_limit(Some(now.saturating_add(MEMORY)));
        }
        *running += 1;
        Self
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        *running = running.saturating_sub(1);
        if *running == 0 {
            set_global_memory_limit(None);
        }
    }
}
