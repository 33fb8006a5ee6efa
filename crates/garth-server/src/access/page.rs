//! Cursors, and pages of lists that lie in memory.
//!
//! A cursor holds where a page ended, and a mark that makes it good for one caller and one
//! query only (`API.md`, ground rules); a changed or foreign one is 422, never a restart.

use crate::access::identity;
use crate::base::error::{Error, Result};
use crate::base::http::{Page, PageRequest};
use crate::directory::Directory;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use garth_core::Caller;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Bytes of the mark: enough that none is guessed.
const MARK: usize = 16;
/// Longest cursor that is looked at.
const CURSOR_BYTES: usize = 2_048;

fn mark(dir: &Directory, caller: &Caller, query: &str, place: &str) -> [u8; MARK] {
    let who = identity(dir, caller).unwrap_or_default();
    let mut hash = Sha256::new();
    // The key goes first and last, and each part with its length, so that none can be shifted or extended.
    hash.update(*dir.cursor_key);
    for part in [who.as_str(), query, place] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.update(*dir.cursor_key);
    let mut mark = [0; MARK];
    mark.copy_from_slice(&hash.finalize()[..MARK]);
    mark
}

/// A cursor for the place where a page ended.
pub fn cursor(dir: &Directory, caller: &Caller, query: &str, key: &str, id: &str) -> String {
    let place = serde_json::json!([key, id]).to_string();
    let mark = mark(dir, caller, query, &place);
    BASE64.encode([&mark[..], place.as_bytes()].concat())
}

/// The place of a cursor that this caller got for this query.
///
/// # Errors
/// 422 for every other cursor.
pub fn read_cursor(dir: &Directory, caller: &Caller, query: &str, cursor: &str) -> Result<(String, String)> {
    let wrong = || Error::field("?cursor", "is not a cursor of this list");
    let bytes = BASE64.decode(cursor).ok().filter(|_| cursor.len() <= CURSOR_BYTES).ok_or_else(wrong)?;
    let (given, place) = bytes.split_at_checked(MARK).ok_or_else(wrong)?;
    let place = std::str::from_utf8(place).map_err(|_| wrong())?;
    if given != mark(dir, caller, query, place) {
        return Err(wrong());
    }
    serde_json::from_str(place).map_err(|_| wrong())
}

/// A page of things that lie in memory and are seen already, in the order of their key.
///
/// # Errors
/// 422 for a cursor that is not good.
pub fn page_of<T>(
    dir: &Directory,
    caller: &Caller,
    query: &str,
    page: &PageRequest,
    seen: impl Iterator<Item = T>,
    key: impl Fn(&T) -> (String, Uuid),
) -> Result<Page<T>> {
    let after = match &page.cursor {
        Some(text) => {
            let (name, id) = read_cursor(dir, caller, query, text)?;
            Some((name, Uuid::try_parse(&id).unwrap_or_default()))
        }
        None => None,
    };
    let mut rest: Vec<((String, Uuid), T)> =
        seen.map(|item| (key(&item), item)).filter(|(k, _)| after.as_ref().is_none_or(|a| k > a)).collect();
    rest.sort_by(|a, b| a.0.cmp(&b.0));
    let more = rest.len() > page.limit;
    rest.truncate(page.limit);
    let next = rest.last().filter(|_| more).map(|((name, id), _)| cursor(dir, caller, query, name, &id.to_string()));
    Ok(Page { items: rest.into_iter().map(|(_, item)| item).collect(), next })
}
