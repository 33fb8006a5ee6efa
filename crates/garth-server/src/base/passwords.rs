//! Password hashing: argon2id, on two threads of its own.
//!
//! A hash takes 19 MiB and about 40 ms. On the runtime's pool every one of its many threads would
//! come to keep such a piece of memory; two threads keep two.

use crate::base::error::{Error, Result};
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::sync::{mpsc, oneshot};

/// Shortest password, in characters.
pub const PASSWORD_MIN: usize = 8;
/// Longest password, in bytes: hashing more would be work for nothing.
pub const PASSWORD_MAX_BYTES: usize = 1_024;

/// Hashes at a time.
const THREADS: usize = 2;
/// Hashes that may wait, a few seconds' worth; more are turned away with 503.
const WAITING: usize = 128;

type Job = Box<dyn FnOnce() + Send>;

/// Hashes and verifies, never more than two at once.
#[derive(Clone)]
pub struct Passwords {
    /// The threads end when the last sender is gone; they begin with the first job.
    jobs: Arc<OnceLock<mpsc::Sender<Job>>>,
    /// What an unknown name is verified against, so that it costs the same as a known one. Made with the first
    /// verification, whoever's: a command that only asks a question does not wait for it.
    decoy: Arc<OnceLock<String>>,
}

fn hasher() -> Result<Argon2<'static>> {
    let params = Params::new(19 * 1024, 2, 1, None).map_err(|e| Error::internal(format!("argon2: {e}")))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash_now(password: &str) -> Result<String> {
    hasher()?
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|e| Error::internal(format!("argon2: {e}")))
}

impl Passwords {
    /// Ready to hash.
    ///
    /// # Errors
    /// When the machine cannot hash at all.
    pub fn new() -> Result<Self> {
        hasher()?;
        Ok(Self { jobs: Arc::default(), decoy: Arc::default() })
    }

    /// Checks the form of a new password.
    ///
    /// # Errors
    /// 422 at the pointer.
    pub fn check(pointer: &str, password: &str) -> Result<()> {
        if password.chars().count() < PASSWORD_MIN {
            return Err(Error::field(pointer, format!("must be at least {PASSWORD_MIN} characters long")));
        }
        if password.len() > PASSWORD_MAX_BYTES {
            return Err(Error::field(pointer, format!("must be at most {PASSWORD_MAX_BYTES} bytes long")));
        }
        Ok(())
    }

    /// What is stored of a password.
    ///
    /// # Errors
    /// When hashing fails.
    pub async fn hash(&self, password: String) -> Result<String> {
        self.off_thread(move || hash_now(&password)).await
    }

    /// Is it the password of that hash? Without a hash (an unknown name) it takes as long and answers no.
    ///
    /// # Errors
    /// When the machine cannot hash.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool> {
        if password.len() > PASSWORD_MAX_BYTES {
            return Ok(false);
        }
        let known = hash.is_some();
        let decoy = Arc::clone(&self.decoy);
        let fits = self
            .off_thread(move || {
                if decoy.get().is_none() {
                    // Another verification may have been faster; its decoy is as good.
                    let _ = decoy.set(hash_now("nobody has this password")?);
                }
                let hash = hash.or_else(|| decoy.get().cloned()).unwrap_or_default();
                let parsed = argon2::PasswordHash::new(&hash).map_err(|e| Error::internal(format!("argon2: {e}")))?;
                Ok(hasher()?.verify_password(password.as_bytes(), &parsed).is_ok())
            })
            .await?;
        Ok(fits && known)
    }

    async fn off_thread<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        // Whoever asked may have gone away; then nobody wants the answer.
        let job = move || drop(answer.send(work()));
        self.jobs.get_or_init(start_threads).try_send(Box::new(job)).map_err(|_| Error::Unavailable)?;
        answered.await.map_err(|e| Error::internal(format!("passwords: {e}")))?
    }
}

fn start_threads() -> mpsc::Sender<Job> {
    let (jobs, queue) = mpsc::channel::<Job>(WAITING);
    let queue = Arc::new(Mutex::new(queue));
    for _ in 0..THREADS {
        let queue = Arc::clone(&queue);
        std::thread::spawn(move || {
            loop {
                // The lock is held while waiting: one thread waits for the next job, the other for its turn.
                let job = queue.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
                let Some(job) = job else { break };
                // A hash that panics is answered as a failure by its dropped sender; the thread goes on.
                let _ = catch_unwind(AssertUnwindSafe(job));
            }
        });
    }
    jobs
}
