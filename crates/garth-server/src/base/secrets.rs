//! Secrets at rest: each space has a key, wrapped by the installation's; a secret field is
//! sealed under its space's key and opens only for the resource and field it was sealed for.
//!
//! XChaCha20-Poly1305 with random nonces; the place is the associated data, so that a sealed
//! value copied to another row does not open.

use crate::base::error::{Error, Result};
use crate::base::ids;
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;

type HmacSha256 = Hmac<sha2::Sha256>;

const KEY: usize = 32;
const NONCE: usize = 24;
/// The environment variable that holds the installation's key, instead of a file.
const VARIABLE: &str = "GARTH_MASTER_KEY";

/// The file of the installation's key, in the data folder.
const FILE: &str = "master-key";

/// What a passphrase costs whoever tries one: 64 MiB and three passes, about a fifth of a second.
const PASSPHRASE_KIB: u32 = 64 * 1024;
const PASSPHRASE_ROUNDS: u32 = 3;

/// The place that a proof of the installation's key is sealed for.
const PROOF: &str = "installation/proof";

/// The installation's key.
#[derive(Clone)]
pub struct Vault {
    master: Arc<[u8; KEY]>,
}

/// The installation's key, sealed under a key that argon2id makes of a passphrase.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UnderPassphrase {
    /// Random, in base64.
    salt: String,
    /// Memory that the making takes, in KiB.
    kib: u32,
    /// Passes over it.
    rounds: u32,
    /// What was sealed.
    sealed: String,
}

fn derived(passphrase: &str, salt: &str, kib: u32, rounds: u32) -> Result<[u8; KEY]> {
    let fault = |e: argon2::Error| Error::internal(format!("argon2: {e}"));
    let params = Params::new(kib, rounds, 1, Some(KEY)).map_err(fault)?;
    let mut key = [0; KEY];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt.as_bytes(), &mut key)
        .map_err(fault)?;
    Ok(key)
}

impl Vault {
    /// The key from `GARTH_MASTER_KEY`, else from `DIR/master-key`, which is made (0600) for an
    /// installation that never had one. `proof` is what an earlier start kept of the key.
    ///
    /// # Errors
    /// When the key cannot be read or written, is not 32 bytes in base64, or is not the one the
    /// installation was sealed with.
    pub fn open(data_dir: Option<&Path>, proof: Option<&str>) -> Result<Self> {
        let given = std::env::var(VARIABLE).ok();
        let file = data_dir.map(|dir| dir.join(FILE));
        let text = match (given, &file) {
            (Some(text), _) => text,
            (None, Some(file)) if file.exists() => std::fs::read_to_string(file)
                .map_err(|e| Error::internal(format!("{} cannot be read: {e}", file.display())))?,
            (None, Some(file)) if proof.is_some() => {
                return Err(Error::internal(format!(
                    "The installation's key is missing: put {} back, or set {VARIABLE}. Without it no secret opens.",
                    file.display()
                )));
            }
            (None, Some(file)) => {
                let text = BASE64.encode(ids::random::<KEY>());
                write_private(file, &text)
                    .map_err(|e| Error::internal(format!("{} cannot be written: {e}", file.display())))?;
                text
            }
            (None, None) => return Err(Error::internal(format!("give a data folder or set {VARIABLE}"))),
        };
        let vault = Self::read(&text)?;
        if proof.is_some_and(|proof| !vault.knows(proof)) {
            return Err(Error::internal(format!(
                "This is not the installation's key: what was sealed before would not open. Put the right one into \
                 the data folder's master-key, or into {VARIABLE}."
            )));
        }
        Ok(vault)
    }

    /// The key as it is written in a file or a variable: 32 bytes in base64.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn read(text: &str) -> Result<Self> {
        let bytes =
            BASE64.decode(text.trim().trim_end_matches('=').replace('+', "-").replace('/', "_")).unwrap_or_default();
        let master =
            bytes.try_into().map_err(|_| Error::internal("the installation's key is not 32 bytes in base64"))?;
        Ok(Self { master: Arc::new(master) })
    }

    /// The key that is in use there: from `GARTH_MASTER_KEY`, else from `DIR/master-key`; nothing is made.
    ///
    /// # Errors
    /// When the file cannot be read, or what is found is no key.
    pub fn find(data_dir: &Path) -> Result<Option<Self>> {
        if let Some(vault) = Self::of_environment()? {
            return Ok(Some(vault));
        }
        let file = data_dir.join(FILE);
        match std::fs::read_to_string(&file) {
            Ok(text) => Self::read(&text).map(Some),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::internal(format!("{} cannot be read: {e}", file.display()))),
        }
    }

    /// The key of `GARTH_MASTER_KEY`, if it is set.
    ///
    /// # Errors
    /// When it is no key.
    pub fn of_environment() -> Result<Option<Self>> {
        std::env::var(VARIABLE).ok().map(|text| Self::read(&text)).transpose()
    }

    /// Writes the key into a data folder, for its owner only.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn keep(&self, data_dir: &Path) -> std::io::Result<()> {
        write_private(&data_dir.join(FILE), &BASE64.encode(*self.master))
    }

    /// The key sealed under a passphrase, for that place only.
    ///
    /// # Errors
    /// When the machine cannot hash.
    pub fn under_passphrase(&self, passphrase: &str, place: &str) -> Result<UnderPassphrase> {
        let salt = BASE64.encode(ids::random::<16>());
        let key = derived(passphrase, &salt, PASSPHRASE_KIB, PASSPHRASE_ROUNDS)?;
        let sealed = seal(&key, place, self.master.as_slice())?;
        Ok(UnderPassphrase { salt, kib: PASSPHRASE_KIB, rounds: PASSPHRASE_ROUNDS, sealed })
    }

    /// Opens what [`Vault::under_passphrase`] sealed for that place; `None` when it is not the passphrase.
    ///
    /// # Errors
    /// When the machine cannot hash, or is asked for more work than we ever ask.
    pub fn from_passphrase(passphrase: &str, place: &str, kept: &UnderPassphrase) -> Result<Option<Self>> {
        if kept.kib > PASSPHRASE_KIB || kept.rounds > PASSPHRASE_ROUNDS {
            return Err(Error::internal("the passphrase asks for more work than this program does"));
        }
        let key = derived(passphrase, &kept.salt, kept.kib, kept.rounds)?;
        let opened = open(&key, place, &kept.sealed).ok().and_then(|bytes| bytes.try_into().ok());
        Ok(opened.map(|master| Self { master: Arc::new(master) }))
    }

    /// For a program that only looks: it seals nothing and opens nothing, so it neither needs nor makes the key.
    pub fn unused() -> Self {
        Self { master: Arc::new(ids::random()) }
    }

    /// A new key for a space, wrapped: what is stored with the space.
    ///
    /// # Errors
    /// When sealing fails.
    pub fn new_space_key(&self, space: &str) -> Result<String> {
        seal(&self.master, &format!("space/{space}/key"), &ids::random::<KEY>())
    }

    /// Seals a secret of that place under a space's key.
    ///
    /// # Errors
    /// When the space's key does not open.
    pub fn seal(&self, space: &str, wrapped: &str, place: &str, secret: &[u8]) -> Result<String> {
        seal(&self.space_key(space, wrapped)?, place, secret)
    }

    /// Opens what [`Vault::seal`] sealed for that place.
    ///
    /// # Errors
    /// When it was sealed for another place or under another key.
    pub fn open_sealed(&self, space: &str, wrapped: &str, place: &str, sealed: &str) -> Result<Vec<u8>> {
        open(&self.space_key(space, wrapped)?, place, sealed)
    }

    /// A key for one purpose, made of the installation's: the same at every start, and telling nothing of it.
    pub fn key_for(&self, purpose: &str) -> [u8; KEY] {
        mac(&self.master, &[purpose.as_bytes()])
    }

    /// What is kept in the store to know this key again.
    ///
    /// # Errors
    /// When sealing fails.
    pub fn proof(&self) -> Result<String> {
        seal(&self.master, PROOF, b"garth")
    }

    /// Is this the key that made that proof?
    pub fn knows(&self, proof: &str) -> bool {
        open(&self.master, PROOF, proof).is_ok()
    }

    /// Does the wrapped key of that space open?
    pub fn opens_space(&self, space: &str, wrapped: &str) -> bool {
        self.space_key(space, wrapped).is_ok()
    }

    fn space_key(&self, space: &str, wrapped: &str) -> Result<[u8; KEY]> {
        let bytes = open(&self.master, &format!("space/{space}/key"), wrapped)?;
        bytes.try_into().map_err(|_| Error::internal("a space's key has the wrong length"))
    }
}

/// HMAC-SHA-256 over several parts, each with its length, so that none can be shifted into the next.
pub fn mac(key: &[u8; KEY], parts: &[&[u8]]) -> [u8; KEY] {
    // A block is twice as long; HMAC fills a shorter key up with zeros.
    let mut block = [0; 2 * KEY];
    block[..KEY].copy_from_slice(key);
    let mut mac = HmacSha256::new(&block.into());
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn cipher(key: &[u8; KEY]) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&(*key).into())
}

/// Seals something under a key; it opens for that place only.
///
/// # Errors
/// When the cipher fails, which it does not for anything of ours.
pub fn seal(key: &[u8; KEY], place: &str, plain: &[u8]) -> Result<String> {
    let nonce: [u8; NONCE] = ids::random();
    let payload = Payload { msg: plain, aad: place.as_bytes() };
    let sealed = cipher(key)
        .encrypt(&XNonce::from(nonce), payload)
        .map_err(|_| Error::internal("a secret could not be sealed"))?;
    Ok(BASE64.encode([&nonce[..], &sealed].concat()))
}

/// Opens what [`seal`] sealed for that place.
///
/// # Errors
/// When it was sealed for another place or under another key, or changed since.
pub fn open(key: &[u8; KEY], place: &str, sealed: &str) -> Result<Vec<u8>> {
    let fault = || Error::internal("a sealed secret does not open");
    let bytes = BASE64.decode(sealed).map_err(|_| fault())?;
    let (nonce, sealed) = bytes.split_at_checked(NONCE).ok_or_else(fault)?;
    let nonce: [u8; NONCE] = nonce.try_into().map_err(|_| fault())?;
    let payload = Payload { msg: sealed, aad: place.as_bytes() };
    cipher(key).decrypt(&XNonce::from(nonce), payload).map_err(|_| fault())
}

/// Writes a file that only its owner reads.
pub(crate) fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    // One that was there keeps the mode it had.
    file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_in_its_place_only() {
        let vault = Vault { master: Arc::new([1; KEY]) };
        let key = vault.new_space_key("s1").expect("key");
        let sealed = vault.seal("s1", &key, "resource/r1/password", b"hunter2").expect("sealed");
        assert_eq!(vault.open_sealed("s1", &key, "resource/r1/password", &sealed).expect("opens"), b"hunter2");
        assert!(vault.open_sealed("s1", &key, "resource/r2/password", &sealed).is_err());
        assert!(vault.open_sealed("s2", &key, "resource/r1/password", &sealed).is_err());
        assert!(!sealed.contains("hunter2"));
        let other = Vault { master: Arc::new([2; KEY]) };
        assert!(other.open_sealed("s1", &key, "resource/r1/password", &sealed).is_err());
        let proof = vault.proof().expect("proof");
        assert!(vault.knows(&proof) && !other.knows(&proof));
    }
}
