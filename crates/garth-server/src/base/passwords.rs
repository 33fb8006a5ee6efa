//! Password hashing and the strength of new passwords, on two threads of their own.
//!
//! A hash takes 19 MiB and about 40 ms. Each thread has one piece of memory of that size, which it
//! uses again for every hash: memory that is asked for and given back each time stays with the allocator.

use crate::base::error::{Error, Result};
use crate::base::ids;
use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::sync::{mpsc, oneshot};
use zxcvbn::{Score, zxcvbn};

/// Shortest password, in characters.
pub const PASSWORD_MIN: usize = 8;
/// Longest password, in bytes: hashing more would be work for nothing.
pub const PASSWORD_MAX_BYTES: usize = 1_024;
/// What a new password must reach on zxcvbn's scale of 0 to 4: more than 10⁸ guesses.
const STRENGTH: Score = Score::Three;
/// Characters of a password whose strength is worked out; the time for it grows with their square.
const JUDGED: usize = 64;
/// Words that a password is compared with, and their length in characters.
const HINTS: usize = 16;
const HINT: usize = 64;

/// Hashes at a time.
const THREADS: usize = 2;
/// Hashes that may wait, a few seconds' worth; more are turned away with 503.
const WAITING: usize = 128;
/// Random bytes that make one hash differ from another of the same password.
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// What a thread hashes in.
type Memory = Vec<Block>;
type Job = Box<dyn FnOnce(&mut Memory) + Send>;

/// Hashes and verifies, never more than two at once.
#[derive(Clone)]
pub struct Passwords {
    /// The threads end when the last sender is gone; they begin with the first job.
    jobs: Arc<OnceLock<mpsc::Sender<Job>>>,
    /// What an unknown name is verified against, so that it costs the same as a known one.
    decoy: Arc<str>,
    hashed: Arc<AtomicU64>,
}

impl Passwords {
    /// Ready to hash.
    ///
    /// # Errors
    /// When the machine cannot hash at all.
    pub fn new() -> Result<Self> {
        let decoy = written(&params()?, &ids::random::<SALT_BYTES>(), &ids::random::<HASH_BYTES>())?;
        Ok(Self { jobs: Arc::default(), decoy: decoy.into(), hashed: Arc::default() })
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

    /// Checks the form of a new password, and that it is hard to guess, also for those who know the hints: the
    /// person's username, name and e-mail address.
    ///
    /// # Errors
    /// 422 at the pointer, with a sentence that says what is weak about it; 503 when too many hashes wait.
    pub async fn require_strong(&self, pointer: &str, password: &str, hints: &[&str]) -> Result<()> {
        Self::check(pointer, password)?;
        let judged: String = password.chars().take(JUDGED).collect();
        let hints = words(hints);
        // What cannot be judged is not taken.
        let judge = move || catch_unwind(|| weakness(&judged, &hints)).unwrap_or(Some("cannot be judged".to_owned()));
        let weakness = self.off_thread(move |_| Ok(judge())).await?;
        weakness.map_or(Ok(()), |why| Err(Error::field(pointer, why)))
    }

    /// What is stored of a password.
    ///
    /// # Errors
    /// When hashing fails; 503 when too many hashes wait.
    pub async fn hash(&self, password: String) -> Result<String> {
        let hashed = Arc::clone(&self.hashed);
        self.off_thread(move |memory| {
            hashed.fetch_add(1, Ordering::Relaxed);
            let (params, salt) = (params()?, ids::random::<SALT_BYTES>());
            let mut out = [0; HASH_BYTES];
            fill(Algorithm::Argon2id, Version::V0x13, &params, &password, &salt, &mut out, memory)?;
            written(&params, &salt, &out)
        })
        .await
    }

    /// Is it the password of that hash? Without a hash (an unknown name) it takes as long and answers no.
    ///
    /// # Errors
    /// When the machine cannot hash; 503 when too many hashes wait.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool> {
        if password.len() > PASSWORD_MAX_BYTES {
            return Ok(false);
        }
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.decoy.to_string());
        let hashed = Arc::clone(&self.hashed);
        let fits = self.off_thread(move |memory| {
            hashed.fetch_add(1, Ordering::Relaxed);
            fits(&password, &hash, memory)
        });
        Ok(fits.await? && known)
    }

    /// How often a password was hashed since the start: what "costs the same" is counted by.
    pub fn hashed(&self) -> u64 {
        self.hashed.load(Ordering::Relaxed)
    }

    async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        // Whoever asked may have gone away; then nobody wants the answer.
        let job = move |memory: &mut Memory| drop(answer.send(work(memory)));
        self.jobs.get_or_init(start_threads).try_send(Box::new(job)).map_err(|_| Error::Overloaded)?;
        answered.await.map_err(|e| Error::internal(format!("passwords: {e}")))?
    }
}

fn start_threads() -> mpsc::Sender<Job> {
    let (jobs, queue) = mpsc::channel::<Job>(WAITING);
    let queue = Arc::new(Mutex::new(queue));
    for _ in 0..THREADS {
        let queue = Arc::clone(&queue);
        std::thread::spawn(move || {
            let mut memory = Memory::new();
            loop {
                // The lock is held while waiting: one thread waits for the next job, the other for its turn.
                let job = queue.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
                let Some(job) = job else { break };
                // A hash that panics is answered as a failure by its dropped sender; the thread goes on.
                let _ = catch_unwind(AssertUnwindSafe(|| job(&mut memory)));
            }
        });
    }
    jobs
}

/// 19 MiB, two passes, one lane: OWASP's advice for argon2id.
fn params() -> Result<Params> {
    Params::new(19 * 1024, 2, 1, Some(HASH_BYTES)).map_err(fault)
}

fn fill(
    algorithm: Algorithm,
    version: Version,
    params: &Params,
    password: &str,
    salt: &[u8],
    out: &mut [u8],
    memory: &mut Memory,
) -> Result<()> {
    if memory.len() < params.block_count() {
        memory.resize(params.block_count(), Block::new());
    }
    let blocks = memory.get_mut(..params.block_count()).unwrap_or_default();
    Argon2::new(algorithm, version, params.clone())
        .hash_password_into_with_memory(password.as_bytes(), salt, out, blocks)
        .map_err(fault)
}

/// A hash as it is stored, in PHC's form: `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>`.
fn written(params: &Params, salt: &[u8], out: &[u8]) -> Result<String> {
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).map_err(fault)?,
        salt: Some(Salt::new(salt).map_err(fault)?),
        hash: Some(Output::new(out).map_err(fault)?),
    };
    Ok(hash.to_string())
}

/// Verifies with what the stored hash says of itself, so that hashes of other parameters stay good.
fn fits(password: &str, hash: &str, memory: &mut Memory) -> Result<bool> {
    let stored = PasswordHash::new(hash).map_err(fault)?;
    let (Some(salt), Some(expected)) = (&stored.salt, &stored.hash) else { return Ok(false) };
    let algorithm = Algorithm::try_from(stored.algorithm.as_str()).map_err(fault)?;
    let version = stored.version.map_or(Ok(Version::V0x13), |v| Version::try_from(v).map_err(fault))?;
    let params = Params::try_from(&stored).map_err(fault)?;
    let mut out = vec![0; expected.len()];
    fill(algorithm, version, &params, password, salt, &mut out, memory)?;
    // Compares in constant time.
    Ok(Output::new(&out).map_err(fault)? == *expected)
}

/// The hints, the parts they are made of, and those parts in one.
fn words(hints: &[&str]) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for hint in hints {
        let apart = |c: char| !c.is_alphanumeric();
        let together = hint.replace(apart, "");
        for word in [*hint, together.as_str()].into_iter().chain(hint.split(apart)) {
            let word: String = word.chars().take(HINT).collect();
            if word.chars().count() > 2 && words.len() < HINTS && !words.contains(&word) {
                words.push(word);
            }
        }
    }
    words
}

/// What makes a password easy to guess, as the end of a sentence; nothing when it is hard.
fn weakness(password: &str, hints: &[String]) -> Option<String> {
    let hints: Vec<&str> = hints.iter().map(String::as_str).collect();
    let judged = zxcvbn(password, &hints);
    if judged.score() >= STRENGTH {
        return None;
    }
    let feedback = judged.feedback();
    let why = feedback.and_then(|f| f.warning()).map(|w| w.to_string());
    let why = why.or_else(|| feedback.and_then(|f| f.suggestions().first()).map(ToString::to_string));
    let why = why.unwrap_or_else(|| "Add another word or two.".to_owned());
    let mut letters = why.trim_end_matches('.').chars();
    let first = letters.next().map(|c| c.to_lowercase().to_string()).unwrap_or_default();
    Some(format!("is too easy to guess: {first}{}", letters.as_str().replace(". ", "; ")))
}

fn fault(error: impl std::fmt::Display) -> Error {
    Error::internal(format!("argon2: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::{PasswordHasher, PasswordVerifier};

    #[test]
    fn a_hash_is_what_argon2_itself_makes_and_reads() {
        let mut memory = Memory::new();
        let other = Argon2::new(Algorithm::Argon2id, Version::V0x13, params().expect("parameters"));
        let theirs = other.hash_password(b"correct horse").expect("a hash").to_string();
        assert!(fits("correct horse", &theirs, &mut memory).expect("read"));
        assert!(!fits("correct horsf", &theirs, &mut memory).expect("read"));
        // The memory still holds what was hashed before; it must not matter.
        let (params, salt, mut out) = (params().expect("parameters"), [7; SALT_BYTES], [0; HASH_BYTES]);
        fill(Algorithm::Argon2id, Version::V0x13, &params, "secret", &salt, &mut out, &mut memory).expect("hashed");
        let ours = PasswordHash::new(&written(&params, &salt, &out).expect("written")).expect("read");
        assert!(other.verify_password(b"secret", &ours).is_ok());
        assert!(other.verify_password(b"Secret", &ours).is_err());
    }

    #[test]
    fn what_is_easy_to_guess_is_told() {
        let weak = |password: &str, hints: &[&str]| weakness(password, &words(hints));
        assert_eq!(weak("password", &[]).as_deref(), Some("is too easy to guess: this is a top-10 common password"));
        assert!(weak("aaaaaaaaaaaa", &[]).is_some());
        assert!(weak("AdaOkonkwo1", &["ada", "Ada Okonkwo"]).is_some());
        assert!(weak("lin.chen@atlas.example", &["lin", "Lin Chen", "lin.chen@atlas.example"]).is_some());
        assert_eq!(weak("correct horse battery staple", &["lin"]), None);
        assert_eq!(weak("correct horse battery lin", &["lin"]), None);
    }
}
