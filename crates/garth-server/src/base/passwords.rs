//! Password hashing: argon2id, off the async threads, two at a time.

use crate::base::error::{Error, Result};
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use std::sync::{Arc, OnceLock};
use tokio::sync::Semaphore;

/// Shortest password, in characters.
pub const PASSWORD_MIN: usize = 8;
/// Longest password, in bytes: hashing more would be work for nothing.
pub const PASSWORD_MAX_BYTES: usize = 1_024;

/// Hashes and verifies, never more than two at once (19 MiB and about 40 ms each).
#[derive(Clone)]
pub struct Passwords {
    turns: Arc<Semaphore>,
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
        Ok(Self { turns: Arc::new(Semaphore::new(2)), decoy: Arc::default() })
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
        let _turn = self.turns.acquire().await.map_err(|e| Error::internal(format!("passwords: {e}")))?;
        tokio::task::spawn_blocking(work).await.map_err(|e| Error::internal(format!("passwords: {e}")))?
    }
}
