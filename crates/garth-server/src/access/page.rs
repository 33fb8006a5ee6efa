//! Cursors, and pages of lists that lie in memory.
//!
//! A cursor holds where a page ended, sealed so that it is good for one caller and one query
//! only and tells nothing (`API.md`, ground rules); a changed or foreign one is 422, never a restart.

use crate::access::seen_as;
use crate::base::error::{Error, Result};
use crate::base::http::{Page, PageRequest};
use crate::base::secrets::{open, seal};
use crate::directory::Directory;
use garth_core::Caller;
use uuid::Uuid;

/// Longest cursor that is looked at.
const CURSOR_BYTES: usize = 2_048;

/// What a cursor is good for: one caller, with what their session brings, and one query.
fn place(dir: &Directory, caller: &Caller, query: &str) -> String {
    let who = seen_as(dir, caller);
    // Each part with its length, so that none can be shifted into the other.
    format!("cursor {} {who} {} {query}", who.len(), query.len())
}

/// A cursor for the place where a page ended. It is sealed: it may name a row that its holder
/// has just lost sight of.
///
/// # Errors
/// When sealing fails.
pub fn cursor(dir: &Directory, caller: &Caller, query: &str, key: &str, id: &str) -> Result<String> {
    let end = serde_json::json!([key, id]).to_string();
    seal(&dir.cursor_key, &place(dir, caller, query), end.as_bytes())
}

/// The place of a cursor that this caller got for this query.
///
/// # Errors
/// 422 for every other cursor.
pub fn read_cursor(dir: &Directory, caller: &Caller, query: &str, cursor: &str) -> Result<(String, String)> {
    let wrong = || Error::field("?cursor", "is not a cursor of this list");
    if cursor.len() > CURSOR_BYTES {
        return Err(wrong());
    }
    let end = open(&dir.cursor_key, &place(dir, caller, query), cursor).map_err(|_| wrong())?;
    serde_json::from_slice(&end).map_err(|_| wrong())
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
    let next = rest.last().filter(|_| more);
    let next = next.map(|((name, id), _)| cursor(dir, caller, query, name, &id.to_string())).transpose()?;
    Ok(Page { items: rest.into_iter().map(|(_, item)| item).collect(), next })
}
