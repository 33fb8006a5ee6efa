//! Secrets at rest: each space has a key, wrapped by the installation's; a secret field is
//! sealed under its space's key and opens only for the resource and field it was sealed for.
//!
//! XChaCha20-Poly1305 with random nonces; the place is the associated data, so that a sealed
//! value copied to another row does not open. Where the installation's key lies is the matter of [`file`].
//!
//! While a space's key is being exchanged, two are stored with the space, the newer one first, with a dot between:
//! everything is sealed under the newer one, and opens with either.

pub mod file;
pub mod stream;

use crate::base::error::{Error, Result};
use crate::base::ids;
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

type HmacSha256 = Hmac<sha2::Sha256>;

const KEY: usize = 32;
const NONCE: usize = 24;
/// What a passphrase costs whoever tries one: 64 MiB and three passes, about a fifth of a second.
const PASSPHRASE_KIB: u32 = 64 * 1024;
const PASSPHRASE_ROUNDS: u32 = 3;

/// The place that a proof of the installation's key is sealed for.
const PROOF: &str = "installation/proof";
/// The place that the keys of [`Ring`] are sealed for.
const RING: &str = "installation/ring";
/// What stands between two keys of a space.
const BETWEEN: char = '.';

/// The installation's key, and what lies under it.
#[derive(Clone)]
pub struct Vault {
    master: Arc<[u8; KEY]>,
    ring: Arc<Ring>,
}

/// Keys that outlive the installation's: what was written under them is still read when that one is another.
struct Ring {
    /// Of the chains of the audit, the oldest first; new entries are bound under the last.
    audit: Vec<[u8; KEY]>,
    /// Of kept answers, the newest first; answers last a day, so two are enough.
    answers: Vec<[u8; KEY]>,
}

/// A [`Ring`] as it is stored: each key in base64.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredRing {
    audit: Vec<String>,
    answers: Vec<String>,
}

impl Ring {
    /// That of an installation whose key was never exchanged: made of the key.
    fn of(master: &[u8; KEY]) -> Self {
        Self { audit: vec![mac(master, &[b"audit"])], answers: vec![mac(master, &[b"idempotency"])] }
    }

    fn read(stored: &[u8]) -> Option<Self> {
        let stored: StoredRing = serde_json::from_slice(stored).ok()?;
        let keys = |texts: &[String]| -> Option<Vec<[u8; KEY]>> { texts.iter().map(|text| unbase(text)).collect() };
        let ring = Self { audit: keys(&stored.audit)?, answers: keys(&stored.answers)? };
        (!ring.audit.is_empty() && !ring.answers.is_empty()).then_some(ring)
    }

    fn write(&self) -> String {
        let texts = |keys: &[[u8; KEY]]| keys.iter().map(|key| BASE64.encode(key)).collect();
        let stored = StoredRing { audit: texts(&self.audit), answers: texts(&self.answers) };
        serde_json::to_string(&stored).unwrap_or_default()
    }
}

/// 32 bytes in base64, as they are written in files and variables.
fn unbase(text: &str) -> Option<[u8; KEY]> {
    let text = text.trim().trim_end_matches('=').replace('+', "-").replace('/', "_");
    BASE64.decode(text).ok()?.try_into().ok()
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
    fn of(master: [u8; KEY]) -> Self {
        Self { ring: Arc::new(Ring::of(&master)), master: Arc::new(master) }
    }

    /// A key that nobody has had yet.
    pub fn fresh() -> Self {
        Self::of(ids::random())
    }

    /// The key as it is written in a file or a variable: 32 bytes in base64.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn read(text: &str) -> Result<Self> {
        let master = unbase(text).ok_or_else(|| Error::internal("the installation's key is not 32 bytes in base64"))?;
        Ok(Self::of(master))
    }

    /// The key as [`Vault::read`] reads it.
    fn written(&self) -> String {
        BASE64.encode(*self.master)
    }

    /// With the keys that were taken over from earlier ones, as they are stored; without any, those made of this key.
    ///
    /// # Errors
    /// When they were sealed under another key.
    pub fn with_ring(self, stored: Option<&str>) -> Result<Self> {
        let Some(stored) = stored else { return Ok(self) };
        let ring = open(&self.master, RING, stored).ok().and_then(|bytes| Ring::read(&bytes));
        let ring = ring.ok_or_else(|| Error::internal("the keys under the installation's do not open"))?;
        Ok(Self { ring: Arc::new(ring), ..self })
    }

    /// Another key of the installation in the place of this one: with the keys that it takes over, and new ones for what
    /// is written from now on. Answers it, and those keys as they are stored.
    ///
    /// # Errors
    /// When sealing fails.
    pub fn followed_by(&self, next: &Vault) -> Result<(Vault, String)> {
        let mut audit = self.ring.audit.clone();
        audit.push(ids::random());
        let newest = self.ring.answers.first().copied();
        let answers = std::iter::once(ids::random()).chain(newest).collect();
        let ring = Ring { audit, answers };
        let stored = seal(&next.master, RING, ring.write().as_bytes())?;
        Ok((Vault { master: Arc::clone(&next.master), ring: Arc::new(ring) }, stored))
    }

    /// Is it the same key?
    pub fn same(&self, other: &Vault) -> bool {
        self.master == other.master
    }

    /// What the key is called where it must not be shown: the same for the same key, and telling nothing of it.
    pub fn fingerprint(&self) -> String {
        ids::hex(&mac(&self.master, &[b"fingerprint"])[..8])
    }

    /// The keys of the audit's chains, the oldest first; the last one binds new entries.
    pub fn audit_keys(&self) -> &[[u8; KEY]] {
        &self.ring.audit
    }

    /// A text with proof that this installation wrote it for that purpose: for links that are handed out. It can be read by
    /// anybody, and is known again after the installation's key was exchanged.
    pub fn signed(&self, purpose: &str, text: &[u8]) -> String {
        let key = self.ring.audit.last().copied().unwrap_or_default();
        format!("{}.{}", BASE64.encode(text), BASE64.encode(signature(&key, purpose, text)))
    }

    /// The text that [`Vault::signed`] wrote for that purpose; `None` for anything else.
    pub fn read_signed(&self, purpose: &str, signed: &str) -> Option<Vec<u8>> {
        let (text, proof) = signed.split_once('.')?;
        let (text, proof) = (BASE64.decode(text).ok()?, BASE64.decode(proof).ok()?);
        // Both are hashed once more under a key of the moment, so that comparing them tells nothing of how far they are alike.
        let once: [u8; KEY] = ids::random();
        let given = mac(&once, &[&proof]);
        let fits = |key: &[u8; KEY]| mac(&once, &[&signature(key, purpose, &text)]) == given;
        self.ring.audit.iter().any(fits).then_some(text)
    }

    /// Seals an answer that is kept for a repeated request.
    ///
    /// # Errors
    /// When sealing fails.
    pub fn seal_answer(&self, scope: &str, answer: &[u8]) -> Result<String> {
        let newest = self.ring.answers.first().ok_or_else(|| Error::internal("there is no key for answers"))?;
        seal(newest, scope, answer)
    }

    /// Opens what [`Vault::seal_answer`] sealed, before the installation's key was exchanged last, too.
    ///
    /// # Errors
    /// When it was sealed for another scope or under another key.
    pub fn open_answer(&self, scope: &str, sealed: &str) -> Result<Vec<u8>> {
        let opened = self.ring.answers.iter().find_map(|key| open(key, scope, sealed).ok());
        opened.ok_or_else(|| Error::internal("a kept answer does not open"))
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
        Ok(opened.map(Self::of))
    }

    /// For a program that only looks: it seals nothing and opens nothing, so it neither needs nor makes the key.
    pub fn unused() -> Self {
        Self::fresh()
    }

    /// A new key for a space, wrapped: what is stored with the space.
    ///
    /// # Errors
    /// When sealing fails.
    pub fn new_space_key(&self, space: &str) -> Result<String> {
        seal(&self.master, &wraps(space), &ids::random::<KEY>())
    }

    /// Seals a secret of that place under a space's key.
    ///
    /// # Errors
    /// When the space's key does not open.
    pub fn seal(&self, space: &str, wrapped: &str, place: &str, secret: &[u8]) -> Result<String> {
        let newest = wrapped.split(BETWEEN).next().unwrap_or_default();
        seal(&self.space_key(space, newest)?, place, secret)
    }

    /// Opens what [`Vault::seal`] sealed for that place.
    ///
    /// # Errors
    /// When it was sealed for another place or under another key.
    pub fn open_sealed(&self, space: &str, wrapped: &str, place: &str, sealed: &str) -> Result<Vec<u8>> {
        let mut last = Error::internal("a sealed secret does not open");
        for wrapped in wrapped.split(BETWEEN) {
            match self.space_key(space, wrapped).and_then(|key| open(&key, place, sealed)) {
                Ok(plain) => return Ok(plain),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// A newer key of a space before the one it has, wrapped; a space that has two already keeps them.
    ///
    /// # Errors
    /// When sealing fails.
    pub fn exchange_space_key(&self, space: &str, wrapped: &str) -> Result<String> {
        match wrapped.contains(BETWEEN) || wrapped.is_empty() {
            true => Ok(wrapped.to_owned()),
            false => Ok(format!("{}{BETWEEN}{wrapped}", self.new_space_key(space)?)),
        }
    }

    /// Is a newer key taking the place of the one before?
    pub fn exchanging(wrapped: &str) -> bool {
        wrapped.contains(BETWEEN)
    }

    /// The newest key of a space alone, wrapped.
    pub fn newest_alone(wrapped: &str) -> &str {
        wrapped.split(BETWEEN).next().unwrap_or_default()
    }

    /// Is it sealed under the newest key of the space?
    pub fn under_newest(&self, space: &str, wrapped: &str, place: &str, sealed: &str) -> bool {
        self.open_sealed(space, Self::newest_alone(wrapped), place, sealed).is_ok()
    }

    /// The keys of a space wrapped by another key of the installation.
    ///
    /// # Errors
    /// When one does not open.
    pub fn rewrapped(&self, next: &Vault, space: &str, wrapped: &str) -> Result<String> {
        let each = wrapped.split(BETWEEN).map(|one| seal(&next.master, &wraps(space), &self.space_key(space, one)?));
        Ok(each.collect::<Result<Vec<_>>>()?.join(&BETWEEN.to_string()))
    }

    /// Seals a secret of the installation's own, for that place.
    ///
    /// # Errors
    /// When sealing fails.
    pub fn seal_own(&self, place: &str, secret: &[u8]) -> Result<String> {
        seal(&self.master, place, secret)
    }

    /// Opens what [`Vault::seal_own`] sealed for that place.
    ///
    /// # Errors
    /// When it was sealed for another place or under another key.
    pub fn open_own(&self, place: &str, sealed: &str) -> Result<Vec<u8>> {
        open(&self.master, place, sealed)
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

    /// Do the wrapped keys of that space open?
    pub fn opens_space(&self, space: &str, wrapped: &str) -> bool {
        wrapped.split(BETWEEN).all(|one| self.space_key(space, one).is_ok())
    }

    fn space_key(&self, space: &str, wrapped: &str) -> Result<[u8; KEY]> {
        let bytes = open(&self.master, &wraps(space), wrapped)?;
        bytes.try_into().map_err(|_| Error::internal("a space's key has the wrong length"))
    }
}

/// The place that a space's key is sealed for.
fn wraps(space: &str) -> String {
    format!("space/{space}/key")
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

/// What proves a text, under a key that is used for nothing else.
fn signature(key: &[u8; KEY], purpose: &str, text: &[u8]) -> [u8; KEY] {
    mac(&mac(key, &[b"signed"]), &[purpose.as_bytes(), text])
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_in_its_place_only() {
        let vault = Vault::of([1; KEY]);
        let key = vault.new_space_key("s1").expect("key");
        let sealed = vault.seal("s1", &key, "resource/r1/password", b"hunter2").expect("sealed");
        assert_eq!(vault.open_sealed("s1", &key, "resource/r1/password", &sealed).expect("opens"), b"hunter2");
        assert!(vault.open_sealed("s1", &key, "resource/r2/password", &sealed).is_err());
        assert!(vault.open_sealed("s2", &key, "resource/r1/password", &sealed).is_err());
        assert!(!sealed.contains("hunter2"));
        let other = Vault::of([2; KEY]);
        assert!(other.open_sealed("s1", &key, "resource/r1/password", &sealed).is_err());
        let proof = vault.proof().expect("proof");
        assert!(vault.knows(&proof) && !other.knows(&proof));
    }

    #[test]
    fn what_was_signed_is_known_again_and_nothing_else_is() {
        let (first, other) = (Vault::of([1; KEY]), Vault::of([2; KEY]));
        let link = first.signed("links", b"a text");
        assert_eq!(first.read_signed("links", &link).as_deref(), Some(&b"a text"[..]));
        assert!(first.read_signed("others", &link).is_none() && other.read_signed("links", &link).is_none());
        let (text, proof) = link.split_once('.').expect("two parts");
        for wrong in [text.to_owned(), format!("{text}."), format!("{text}.{}", &proof[1..]), format!("{proof}.{text}")]
        {
            assert!(first.read_signed("links", &wrong).is_none(), "{wrong}");
        }
        let (later, _) = first.followed_by(&other).expect("another key");
        assert_eq!(later.read_signed("links", &link).as_deref(), Some(&b"a text"[..]));
    }

    #[test]
    fn a_space_with_two_keys_opens_with_both_and_seals_with_the_newer() {
        let vault = Vault::of([1; KEY]);
        let first = vault.new_space_key("s1").expect("key");
        let before = vault.seal("s1", &first, "p", b"old").expect("sealed");
        let both = vault.exchange_space_key("s1", &first).expect("two");
        assert!(Vault::exchanging(&both) && vault.opens_space("s1", &both));
        assert_eq!(vault.exchange_space_key("s1", &both).expect("the same"), both, "begun is begun");
        let after = vault.seal("s1", &both, "p", b"new").expect("sealed");
        assert_eq!(vault.open_sealed("s1", &both, "p", &before).expect("opens"), b"old");
        assert!(vault.under_newest("s1", &both, "p", &after) && !vault.under_newest("s1", &both, "p", &before));
        let alone = Vault::newest_alone(&both);
        assert!(vault.open_sealed("s1", alone, "p", &after).is_ok());
        assert!(vault.open_sealed("s1", alone, "p", &before).is_err());
        // And wrapped by another key of the installation.
        let next = Vault::of([2; KEY]);
        let wrapped = vault.rewrapped(&next, "s1", &both).expect("wrapped anew");
        assert_eq!(next.open_sealed("s1", &wrapped, "p", &before).expect("opens"), b"old");
        assert_eq!(next.open_sealed("s1", &wrapped, "p", &after).expect("opens"), b"new");
        assert!(vault.open_sealed("s1", &wrapped, "p", &after).is_err());
    }

    #[test]
    fn what_was_written_under_the_key_before_is_still_read() {
        let (first, second) = (Vault::of([1; KEY]), Vault::of([2; KEY]));
        let answer = first.seal_answer("scope", b"answer").expect("sealed");
        let (then, ring) = first.followed_by(&second).expect("a ring");
        assert_eq!(then.open_answer("scope", &answer).expect("opens"), b"answer");
        assert_eq!(then.audit_keys()[..1], *first.audit_keys());
        assert_eq!(then.audit_keys().len(), 2);
        let read = Vault::of([2; KEY]).with_ring(Some(&ring)).expect("opens");
        assert_eq!(read.audit_keys(), then.audit_keys());
        assert!(Vault::of([1; KEY]).with_ring(Some(&ring)).is_err(), "under the newer key only");
        let later = then.seal_answer("scope", b"later").expect("sealed");
        assert!(first.open_answer("scope", &later).is_err(), "whoever has the old key only reads nothing new");
        assert_ne!(first.fingerprint(), second.fingerprint());
    }
}
