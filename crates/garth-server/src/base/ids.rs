//! Ids, tokens and codes: what clients see of identity.
//!
//! Ids are UUIDs of version 7 whose every bit but the milliseconds is random: a library's
//! monotonic counter would tell one caller how many things another made in the same
//! millisecond (`MODEL.md`, law 3). Codes are a keyed permutation (FF1) of a counter.

use crate::base::error::{Error, Result};
use aes::Aes256;
use fpe::ff1::{FF1, FlexibleNumeralString};
use garth_core::Micros;
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::sync::Arc;
use uuid::Uuid;

/// A new random id.
pub fn new_id(now: Micros) -> Uuid {
    let millis = u64::try_from(now / 1_000).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random()).into_uuid()
}

/// The id a text says, in the one form in which ids are written: others are other ids, that nothing has.
pub fn read_id(text: &str) -> Option<Uuid> {
    let canonical = text.len() == 36 && !text.bytes().any(|b| b.is_ascii_uppercase());
    if canonical { Uuid::try_parse(text).ok() } else { None }
}

/// Random bytes from the operating system.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // Without randomness nothing here is safe to do; the process stops.
    getrandom::fill(&mut bytes).unwrap_or_else(|e| {
        tracing::error!(error = %e, "the operating system gives no randomness");
        std::process::abort()
    });
    bytes
}

/// The id of a request: 128 random bits. Requests are many, so the operating system is asked for many of them at once.
pub fn new_request_id() -> String {
    const BYTES: usize = 16;
    thread_local! {
        static POOL: RefCell<([u8; 64 * BYTES], usize)> = const { RefCell::new(([0; 64 * BYTES], 0)) };
    }
    POOL.with_borrow_mut(|(pool, left)| {
        if *left == 0 {
            (*pool, *left) = (random(), pool.len());
        }
        *left -= BYTES;
        let mut id = String::with_capacity(26);
        base32(&pool[*left..*left + BYTES], &mut id);
        id
    })
}

/// A secret token: a prefix that says what it is, and 256 random bits.
pub fn new_token(prefix: &str) -> String {
    let bytes: [u8; 32] = random();
    let mut token = String::with_capacity(prefix.len() + 52);
    token.push_str(prefix);
    base32(&bytes, &mut token);
    token
}

/// What is stored of a token.
pub fn token_hash(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

/// A hash of several parts, each with its length, so that none can be shifted into the next.
pub fn hash_of(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        hex.push(char::from(HEX[usize::from(byte >> 4)]));
        hex.push(char::from(HEX[usize::from(byte & 15)]));
    }
    hex
}

const HEX: &[u8; 16] = b"0123456789abcdef";
/// Crockford's alphabet: no I, L, O, U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

fn base32(bytes: &[u8], out: &mut String) {
    let (mut buffer, mut bits) = (0u32, 0);
    for byte in bytes {
        buffer = buffer << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            out.push(char::from(ALPHABET[(buffer >> bits & 31) as usize].to_ascii_lowercase()));
        }
    }
    if bits > 0 {
        out.push(char::from(ALPHABET[(buffer << (5 - bits) & 31) as usize].to_ascii_lowercase()));
    }
}

/// Digits in a code: 32⁸ codes, over a million million.
const DIGITS: usize = 8;

/// The upper half of the numbers that make codes is left to what is only tried: no counter comes that far.
const TRIED: u64 = 1 << 39;

/// A random number for the code of something that is only tried.
pub fn number_of_no_resource() -> i64 {
    i64::try_from(TRIED + u64::from_le_bytes(random()) % TRIED).unwrap_or(i64::MAX)
}

/// Makes the short names of resources: unique, not guessable, telling nothing of how many there are.
#[derive(Clone)]
pub struct Codes {
    permutation: Arc<FF1<Aes256>>,
}

impl Codes {
    /// Codes under the installation's key.
    ///
    /// # Errors
    /// When the key has the wrong length, which a fresh installation never writes.
    pub fn new(key: &[u8; 32]) -> Result<Self> {
        let permutation = FF1::new(key, 32).map_err(|e| Error::internal(format!("code key: {e}")))?;
        Ok(Self { permutation: Arc::new(permutation) })
    }

    /// The code of the counter's `number` for a kind, `T-7KQ2-M9XD`.
    ///
    /// # Errors
    /// When the counter has run past 32⁸.
    pub fn code(&self, prefix: &str, number: i64) -> Result<String> {
        let mut rest = u64::try_from(number).unwrap_or(u64::MAX);
        let mut digits = vec![0u16; DIGITS];
        for digit in digits.iter_mut().rev() {
            *digit = (rest % 32) as u16;
            rest /= 32;
        }
        if rest > 0 {
            return Err(Error::internal("the counter of codes has run out"));
        }
        let mixed = self
            .permutation
            .encrypt(&[], &FlexibleNumeralString::from(digits))
            .map_err(|e| Error::internal(format!("code: {e}")))?;
        let mixed: Vec<u16> = mixed.into();
        let mut code = format!("{prefix}-");
        for (at, digit) in mixed.into_iter().enumerate() {
            if at == DIGITS / 2 {
                code.push('-');
            }
            code.push(char::from(ALPHABET[usize::from(digit & 31)]));
        }
        Ok(code)
    }
}

/// Reads a code as people type it: any case, `O` for 0, `I` and `L` for 1. `None` when it is none.
pub fn read_code(text: &str) -> Option<String> {
    let (prefix, digits) = text.split_once('-')?;
    let clean = |c: char| match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    let digits: Vec<char> = digits.chars().filter(|c| *c != '-').map(clean).collect();
    let fits = digits.len() == DIGITS && digits.iter().all(|c| c.is_ascii() && ALPHABET.contains(&(*c as u8)));
    let named = (1..=8).contains(&prefix.len()) && prefix.bytes().all(|b| b.is_ascii_alphanumeric());
    (fits && named).then(|| {
        let (left, right) = digits.split_at(DIGITS / 2);
        format!("{}-{}-{}", prefix.to_ascii_uppercase(), String::from_iter(left), String::from_iter(right))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_look_unordered_and_read_back() {
        let codes = Codes::new(&[7; 32]).expect("key");
        let made: Vec<String> = (1..=2_000).map(|n| codes.code("T", n).expect("code")).collect();
        let mut sorted = made.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(sorted.len(), 2_000);
        assert_ne!(sorted, made);
        assert!(made.iter().all(|c| c.len() == "T-7KQ2-M9XD".len() && read_code(c).as_ref() == Some(c)));
        assert!(codes.code("T", 1 << 40).is_err());
        assert!((0..1_000).all(|_| codes.code("T", number_of_no_resource()).is_ok()));
    }

    #[test]
    fn a_code_is_read_as_people_type_it() {
        assert_eq!(read_code("t-7kq2m9xd").as_deref(), Some("T-7KQ2-M9XD"));
        assert_eq!(read_code("T-OIL2-M9XD").as_deref(), Some("T-0112-M9XD"));
        for wrong in ["", "T", "T-", "T-7KQ2", "T-7KQ2-M9XU", "-7KQ2-M9XD", "T-7KQ2-M9XD-0", "é-7KQ2-M9XD"] {
            assert_eq!(read_code(wrong), None, "{wrong}");
        }
    }

    /// N32: what a cache or a kept answer is found by.
    #[test]
    fn n32_parts_cannot_be_shifted_into_one_another() {
        let of = |parts: &[&str]| hash_of(&parts.iter().map(|p| p.as_bytes()).collect::<Vec<_>>());
        let all = [
            of(&["a|b", "c"]),
            of(&["a", "b|c"]),
            of(&["a", "b", "c"]),
            of(&["abc"]),
            of(&["ab", "c"]),
            of(&["", "abc"]),
            of(&["abc", ""]),
            of(&["a", "bc"]),
            of(&["A", "bc"]),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(!all[at + 1..].contains(one), "{at}");
        }
        assert_eq!(of(&["a", "b"]), of(&["a", "b"]));
    }

    #[test]
    fn an_id_has_one_spelling() {
        let id = "0197a0c0-0000-7000-8000-00000000abcd";
        assert_eq!(read_id(id).map(|id| id.to_string()).as_deref(), Some(id));
        for other in
            [&id.to_uppercase(), &id.replace('-', ""), &format!("{{{id}}}"), &format!("urn:uuid:{id}"), "", "x"]
        {
            assert_eq!(read_id(other), None, "{other}");
        }
    }

    #[test]
    fn tokens_and_ids_do_not_repeat() {
        assert_ne!(new_token("gs_"), new_token("gs_"));
        assert_eq!(new_token("gs_").len(), 3 + 52);
        assert_ne!(new_id(1), new_id(1));
        let mut requests: Vec<String> = (0..1_000).map(|_| new_request_id()).collect();
        assert!(requests.iter().all(|id| id.len() == 26));
        requests.sort();
        requests.dedup();
        assert_eq!(requests.len(), 1_000);
        assert_eq!(token_hash("a").len(), 64);
    }
}
