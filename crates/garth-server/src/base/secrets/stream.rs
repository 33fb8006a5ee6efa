//! A file sealed under a passphrase, of any length, a piece at a time.
//!
//! | Bytes | |
//! |---|---|
//! | 8 | `GARTHSL1` |
//! | 4 | how long the head is, the highest byte first |
//! | as many | the head, as JSON: `salt`, `kib`, `rounds`, `prefix`, `check` |
//! | the rest | pieces of 65,536 bytes, each sealed with XChaCha20-Poly1305, 16 bytes longer by that; the last one is shorter, or empty |
//!
//! The key is argon2id of the passphrase and the salt (`kib` of memory, `rounds` passes, one lane, 32 bytes). The nonce of a
//! piece is the prefix (19 bytes), its number from 0 (4 bytes, the highest first), and 1 for the last piece or 0: so pieces
//! can be neither exchanged, nor left out, nor cut off. What is authenticated besides is everything before the pieces.
//! `check` is nothing, sealed for the place `passphrase`: it tells a wrong passphrase from a damaged file.

use super::{BASE64, KEY, PASSPHRASE_KIB, PASSPHRASE_ROUNDS, cipher, derived, open, seal};
use crate::base::ids;
use base64::Engine;
use chacha20poly1305::XNonce;
use chacha20poly1305::aead::{Aead, Payload};
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};

/// What every sealed file begins with.
pub const MAGIC: &[u8; 8] = b"GARTHSL1";
/// How much is sealed at a time.
const PIECE: usize = 64 * 1024;
/// What sealing adds to a piece.
const TAG: usize = 16;
/// Longest head, in bytes.
const HEAD: usize = 1_024;
/// The part of the nonces that is the same.
const PREFIX: usize = 19;
/// The place that `check` is sealed for.
const CHECK: &str = "passphrase";

/// Why a sealed file does not open.
#[derive(Debug, thiserror::Error)]
pub enum Sealed {
    /// It is another passphrase.
    #[error("the passphrase is wrong")]
    Passphrase,
    /// It is not as it was sealed.
    #[error("the file is damaged or cut off")]
    Damaged,
    /// The machine cannot hash, or is asked for more work than we ever ask.
    #[error("the passphrase cannot be tried on this machine")]
    Work,
    /// It cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

#[derive(Serialize, Deserialize)]
struct Head {
    salt: String,
    kib: u32,
    rounds: u32,
    prefix: String,
    check: String,
}

/// Is it a sealed file, going by its first bytes?
pub fn is_sealed(first: &[u8]) -> bool {
    first.starts_with(MAGIC)
}

/// Seals everything that can be read under a passphrase; says how many bytes of it are done.
///
/// # Errors
/// When the machine cannot hash, or anything cannot be read or written.
pub fn seal_stream(
    passphrase: &str,
    from: &mut impl Read,
    to: &mut impl Write,
    told: &mut dyn FnMut(u64),
) -> Result<(), Sealed> {
    let (salt, prefix) = (BASE64.encode(ids::random::<16>()), ids::random::<PREFIX>());
    let key = derived(passphrase, &salt, PASSPHRASE_KIB, PASSPHRASE_ROUNDS).map_err(|_| Sealed::Work)?;
    let check = seal(&key, CHECK, b"").map_err(|_| Sealed::Work)?;
    let head = Head { salt, kib: PASSPHRASE_KIB, rounds: PASSPHRASE_ROUNDS, prefix: BASE64.encode(prefix), check };
    let head = serde_json::to_vec(&head).map_err(|_| Sealed::Work)?;
    let length = u32::try_from(head.len()).map_err(|_| Sealed::Work)?;
    let front = [&MAGIC[..], &length.to_be_bytes(), &head].concat();
    to.write_all(&front)?;
    let (mut number, mut done) = (0, 0);
    loop {
        let piece = read_piece(from, PIECE)?;
        let last = piece.len() < PIECE;
        let payload = Payload { msg: &piece, aad: &front };
        to.write_all(&cipher(&key).encrypt(&nonce(&prefix, number, last), payload).map_err(|_| Sealed::Damaged)?)?;
        done += piece.len() as u64;
        told(done);
        if last {
            return Ok(());
        }
        number = number.checked_add(1).ok_or(Sealed::Work)?;
    }
}

/// Opens what [`seal_stream`] sealed. What was written before an error is not to be used.
///
/// # Errors
/// When it is another passphrase, the file is damaged or cut off or goes on behind its end, or anything cannot be read
/// or written.
pub fn open_stream(
    passphrase: &str,
    from: &mut impl Read,
    to: &mut impl Write,
    told: &mut dyn FnMut(u64),
) -> Result<(), Sealed> {
    let mut start = [0; MAGIC.len() + 4];
    exactly(from, &mut start)?;
    let (magic, length) = start.split_at(MAGIC.len());
    let length = length.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
    if magic != MAGIC || length > HEAD {
        return Err(Sealed::Damaged);
    }
    let mut bytes = vec![0; length];
    exactly(from, &mut bytes)?;
    let front = [&start[..], &bytes].concat();
    let head: Head = serde_json::from_slice(&bytes).map_err(|_| Sealed::Damaged)?;
    let prefix: [u8; PREFIX] =
        BASE64.decode(&head.prefix).ok().and_then(|prefix| prefix.try_into().ok()).ok_or(Sealed::Damaged)?;
    let key = key(passphrase, &head)?;
    let (mut number, mut done) = (0, 0);
    loop {
        let piece = read_piece(from, PIECE + TAG)?;
        let last = piece.len() < PIECE + TAG;
        let payload = Payload { msg: &piece, aad: &front };
        let plain = cipher(&key).decrypt(&nonce(&prefix, number, last), payload).map_err(|_| Sealed::Damaged)?;
        to.write_all(&plain)?;
        done += plain.len() as u64;
        told(done);
        if last {
            return Ok(());
        }
        number = number.checked_add(1).ok_or(Sealed::Damaged)?;
    }
}

fn key(passphrase: &str, head: &Head) -> Result<[u8; KEY], Sealed> {
    if head.kib > PASSPHRASE_KIB || head.rounds > PASSPHRASE_ROUNDS {
        return Err(Sealed::Work);
    }
    let key = derived(passphrase, &head.salt, head.kib, head.rounds).map_err(|_| Sealed::Damaged)?;
    open(&key, CHECK, &head.check).map_err(|_| Sealed::Passphrase)?;
    Ok(key)
}

fn nonce(prefix: &[u8; PREFIX], number: u32, last: bool) -> XNonce {
    let mut nonce = [0; PREFIX + 5];
    nonce[..PREFIX].copy_from_slice(prefix);
    nonce[PREFIX..PREFIX + 4].copy_from_slice(&number.to_be_bytes());
    nonce[PREFIX + 4] = u8::from(last);
    XNonce::from(nonce)
}

/// As many bytes, or fewer where there are no more.
fn read_piece(from: &mut impl Read, most: usize) -> io::Result<Vec<u8>> {
    let mut piece = Vec::with_capacity(most);
    from.take(most as u64).read_to_end(&mut piece)?;
    Ok(piece)
}

fn exactly(from: &mut impl Read, bytes: &mut [u8]) -> Result<(), Sealed> {
    from.read_exact(bytes).map_err(|e| match e.kind() {
        io::ErrorKind::UnexpectedEof => Sealed::Damaged,
        _ => Sealed::Io(e),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSPHRASE: &str = "mind the gap and the step";

    fn sealed(plain: &[u8]) -> Vec<u8> {
        let mut to = Vec::new();
        seal_stream(PASSPHRASE, &mut &plain[..], &mut to, &mut |_| {}).expect("sealed");
        to
    }

    fn opened(passphrase: &str, sealed: &[u8]) -> Result<Vec<u8>, Sealed> {
        let mut to = Vec::new();
        open_stream(passphrase, &mut &sealed[..], &mut to, &mut |_| {})?;
        Ok(to)
    }

    #[test]
    fn what_was_sealed_opens_whatever_its_length() {
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE] {
            let plain: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let sealed = sealed(&plain);
            assert!(is_sealed(&sealed) && !sealed.windows(8).any(|part| part == [1, 2, 3, 4, 5, 6, 7, 8]));
            assert_eq!(opened(PASSPHRASE, &sealed).expect("it opens"), plain, "{length}");
        }
    }

    #[test]
    fn what_was_changed_does_not_open() {
        let whole = sealed(&vec![7; 2 * PIECE + 100]);
        assert!(matches!(opened("mind the gap and the stairs", &whole), Err(Sealed::Passphrase)));
        let front = whole.len() - (2 * PIECE + 100 + 3 * TAG);
        for cut in [0, 4, 11, 40, front, front + 10, front + PIECE + TAG, front + 2 * (PIECE + TAG), whole.len() - 1] {
            assert!(matches!(opened(PASSPHRASE, &whole[..cut]), Err(Sealed::Damaged)), "cut off at {cut}");
        }
        let mut exchanged = whole[..front].to_vec();
        exchanged.extend(&whole[front + PIECE + TAG..front + 2 * (PIECE + TAG)]);
        exchanged.extend(&whole[front..front + PIECE + TAG]);
        exchanged.extend(&whole[front + 2 * (PIECE + TAG)..]);
        assert!(matches!(opened(PASSPHRASE, &exchanged), Err(Sealed::Damaged)), "pieces exchanged");
        for at in [3, 9, front, front + PIECE, whole.len() - 1] {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            assert!(opened(PASSPHRASE, &changed).is_err(), "changed at {at}");
        }
        let longer = [whole, vec![0]].concat();
        assert!(matches!(opened(PASSPHRASE, &longer), Err(Sealed::Damaged)), "something behind the end");
    }
}
