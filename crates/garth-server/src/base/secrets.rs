//! Secrets at rest: each space has a key, wrapped by the installation's; a secret field is
//! sealed under its space's key and opens only for the resource and field it was sealed for.
//!
//! XChaCha20-Poly1305 with random nonces; the place is the associated data, so that a sealed
//! value copied to another row does not open.

use crate::base::error::{Error, Result};
use crate::base::ids;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use std::path::Path;
use std::sync::Arc;

type HmacSha256 = Hmac<sha2::Sha256>;

const KEY: usize = 32;
const NONCE: usize = 24;
/// The environment variable that holds the installation's key, instead of a file.
const VARIABLE: &str = "GARTH_MASTER_KEY";

/// The place that a proof of the installation's key is sealed for.
const PROOF: &str = "installation/proof";

/// The installation's key.
#[derive(Clone)]
pub struct Vault {
    master: Arc<[u8; KEY]>,
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
        let file = data_dir.map(|dir| dir.join("master-key"));
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
        let bytes =
            BASE64.decode(text.trim().trim_end_matches('=').replace('+', "-").replace('/', "_")).unwrap_or_default();
        let master =
            bytes.try_into().map_err(|_| Error::internal("the installation's key is not 32 bytes in base64"))?;
        let vault = Self { master: Arc::new(master) };
        if proof.is_some_and(|proof| !vault.knows(proof)) {
            return Err(Error::internal(format!(
                "This is not the installation's key: what was sealed before would not open. Put the right one into \
                 the data folder's master-key, or into {VARIABLE}."
            )));
        }
        Ok(vault)
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
    use std::os::unix::fs::OpenOptionsExt;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
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
