//! The chain of the audit: every entry is bound to the one before it by an HMAC whose key lies outside
//! the database, so that nobody who owns the database can change, take out, add or cut off an entry
//! without `garth verify` telling (`MODEL.md`, law 10).
//!
//! Each space has a chain, and the system has one. Where a chain begins and ends is kept beside it under
//! an HMAC of its own. What cannot be told from inside is that the whole database was put back to an
//! earlier state: for that, the end that `garth verify` prints is kept elsewhere.

use crate::access::store::{self, AuditEntry};
use crate::base::db::{Db, DbError, Tx};
use crate::base::ids::hex;
use crate::base::secrets::{Vault, mac};
use crate::directory::{ChainEnd, Directory};
use std::sync::Arc;

type Result<T> = std::result::Result<T, DbError>;

/// Entries that are read at a time.
const STEP: usize = 500;

/// A key of all chains of an installation. When the installation's key is exchanged there is another one, for what is
/// written from then on; each entry is bound under the key of its time, and the ends under the newest: whoever knows an
/// earlier key can still change nothing of what was bound after it.
pub type ChainKey = [u8; 32];

/// Writes an entry at the end of its chain.
///
/// # Errors
/// When the store fails.
pub(super) async fn append(tx: &mut Tx, dir: &mut Directory, entry: &AuditEntry) -> Result<()> {
    let vault = dir.vault.clone();
    let key = newest(vault.audit_keys())?;
    let end = end(tx, dir, key, &entry.space).await?;
    let next = follow(key, &end, entry);
    store::insert_audit(tx, entry, next.last_seq, &next.last_mac).await?;
    put(tx, dir, key, &entry.space, next).await
}

/// Writes many entries of one space at the end of its chain, with far fewer statements than one by one.
///
/// # Errors
/// When the store fails.
pub(super) async fn append_all(tx: &mut Tx, dir: &mut Directory, space: &str, entries: &[AuditEntry]) -> Result<()> {
    let vault = dir.vault.clone();
    let key = newest(vault.audit_keys())?;
    let mut end = ChainEnd::clone(&*end(tx, dir, key, space).await?);
    let mut rows = Vec::with_capacity(entries.len());
    for entry in entries {
        end = follow(key, &end, entry);
        rows.push((end.last_seq, end.last_mac.clone()));
    }
    store::insert_audits(tx, entries, &rows).await?;
    put(tx, dir, key, space, end).await
}

/// The key that new entries are bound under.
fn newest(keys: &[ChainKey]) -> Result<&ChainKey> {
    keys.last().ok_or_else(|| DbError::Other("there is no key for the audit".to_owned()))
}

/// Seals the beginning and end of every chain under the newest key of another vault. One that was not as this server
/// had left it stays so.
///
/// # Errors
/// When the store fails.
pub(super) async fn reseal(tx: &mut Tx, now: &Vault, next: &Vault) -> Result<()> {
    let (before, after) = (newest(now.audit_keys())?, newest(next.audit_keys())?);
    let mut last: Option<String> = None;
    loop {
        let chains = store::chains_after(tx, last.as_deref(), STEP).await?;
        for (space, end, seal) in &chains {
            if *seal == seal_of(before, space, end) {
                store::put_chain(tx, space, end, &seal_of(after, space, end)).await?;
            }
        }
        match chains.last() {
            Some((space, _, _)) if chains.len() == STEP => last = Some(space.clone()),
            _ => return Ok(()),
        }
    }
}

/// Where a chain goes on. One whose beginning and end are not as this server left them is never sealed again, so that
/// `garth verify` goes on telling, whatever is written after it.
async fn end(tx: &mut Tx, dir: &Directory, key: &ChainKey, space: &str) -> Result<Arc<ChainEnd>> {
    if let Some(end) = dir.chains.get(space) {
        return Ok(Arc::clone(end));
    }
    Ok(Arc::new(match store::chain(tx, space).await? {
        Some((end, seal)) => ChainEnd { whole: seal == seal_of(key, space, &end), ..end },
        None => begin(key, space),
    }))
}

async fn put(tx: &mut Tx, dir: &mut Directory, key: &ChainKey, space: &str, next: ChainEnd) -> Result<()> {
    let seal = if next.whole { seal_of(key, space, &next) } else { String::new() };
    store::put_chain(tx, space, &next, &seal).await?;
    dir.chains.insert(space.to_owned(), Arc::new(next));
    Ok(())
}

/// Takes entries before that time out of the beginning of a chain, a bounded number; answers how many went. What
/// was changed stays: nothing is taken away that the chain does not bear out.
///
/// # Errors
/// When the store fails.
pub(super) async fn prune(tx: &mut Tx, dir: &mut Directory, space: &str, before: garth_core::Micros) -> Result<u64> {
    let vault = dir.vault.clone();
    let (keys, key) = (vault.audit_keys(), newest(vault.audit_keys())?);
    let end = end(tx, dir, key, space).await?;
    let mut at = ChainEnd { last_seq: end.first_seq - 1, last_mac: end.first_mac.clone(), ..ChainEnd::clone(&end) };
    let mut from = 0;
    for (seq, mac, entry) in store::first_entries(tx, space, end.first_seq, STEP).await? {
        let next = followed(keys, &mut from, &at, &entry, &mac);
        if entry.at >= before || seq != next.last_seq || mac != next.last_mac {
            break;
        }
        at = next;
    }
    if at.last_seq < end.first_seq || !end.whole {
        return Ok(0);
    }
    let next = ChainEnd { first_seq: at.last_seq + 1, first_mac: at.last_mac, ..ChainEnd::clone(&end) };
    let gone = store::delete_to(tx, space, at.last_seq).await?;
    put(tx, dir, key, space, next).await?;
    Ok(gone)
}

/// The end of a chain that has no entry yet.
fn begin(key: &ChainKey, space: &str) -> ChainEnd {
    let mac = hex(&mac(key, &[b"begin", space.as_bytes()]));
    ChainEnd { first_seq: 1, first_mac: mac.clone(), last_seq: 0, last_mac: mac, whole: true }
}

/// The end of the chain with one more entry.
fn follow(key: &ChainKey, end: &ChainEnd, e: &AuditEntry) -> ChainEnd {
    let seq = end.last_seq + 1;
    let parts: [&[u8]; 15] = [
        b"entry",
        end.last_mac.as_bytes(),
        &seq.to_be_bytes(),
        e.id.as_bytes(),
        &e.at.to_be_bytes(),
        e.space.as_bytes(),
        e.actor.as_bytes(),
        e.credential.as_bytes(),
        e.action.as_bytes(),
        e.target_type.as_bytes(),
        e.target_id.as_bytes(),
        e.outcome.as_bytes(),
        e.before.as_bytes(),
        e.after.as_bytes(),
        e.request_id.as_bytes(),
    ];
    ChainEnd { last_seq: seq, last_mac: hex(&mac(key, &parts)), ..end.clone() }
}

/// The end of the chain with one more entry, under the key by which it has that HMAC: the one of the entry before, or a
/// later one, never an earlier.
fn followed(keys: &[ChainKey], from: &mut usize, end: &ChainEnd, e: &AuditEntry, stored: &str) -> ChainEnd {
    let mut first = None;
    for (at, key) in keys.iter().enumerate().skip(*from) {
        let next = follow(key, end, e);
        if next.last_mac == stored {
            *from = at;
            return next;
        }
        first.get_or_insert(next);
    }
    first.unwrap_or_else(|| end.clone())
}

/// What shows that beginning and end are as this server wrote them.
fn seal_of(key: &ChainKey, space: &str, end: &ChainEnd) -> String {
    let parts: [&[u8]; 6] = [
        b"end",
        space.as_bytes(),
        &end.first_seq.to_be_bytes(),
        end.first_mac.as_bytes(),
        &end.last_seq.to_be_bytes(),
        end.last_mac.as_bytes(),
    ];
    hex(&mac(key, &parts))
}

/// What was found of one chain.
#[derive(Clone, Debug)]
pub struct ChainReport {
    /// The space it is the record of; empty for the system's.
    pub space: String,
    /// Entries that are there.
    pub entries: u64,
    /// The number of the last one, and what binds everything before it: kept elsewhere, it shows later
    /// that nothing was put back.
    pub end: (i64, String),
    /// What is wrong, in one sentence each; empty when all is well.
    pub wrong: Vec<String>,
}

/// The spaces that have a chain, the system's (`""`) among them.
///
/// # Errors
/// When the store fails.
pub async fn chains(db: &Db) -> Result<Vec<String>> {
    store::chained(db).await
}

/// Checks one chain from its beginning to its end, beside a server that may be writing.
///
/// # Errors
/// When the store fails; what is wrong with the chain is in the report.
pub async fn check_chain(db: &Db, keys: &[ChainKey], space: &str) -> Result<ChainReport> {
    // Read twice where the chain moved meanwhile: retention takes from its beginning.
    let mut report = check_once(db, keys, space).await?;
    if !report.wrong.is_empty() {
        report = check_once(db, keys, space).await?;
    }
    Ok(report)
}

async fn check_once(db: &Db, keys: &[ChainKey], space: &str) -> Result<ChainReport> {
    let (key, mut from) = (newest(keys)?, 0);
    let mut report = ChainReport { space: space.to_owned(), entries: 0, end: (0, String::new()), wrong: Vec::new() };
    let Some((end, sealed)) = store::chain_end(db, space).await? else {
        report.wrong.push("nothing tells where this chain begins and ends".to_owned());
        return Ok(report);
    };
    report.end = (end.last_seq, end.last_mac.clone());
    if sealed != seal_of(key, space, &end) {
        report.wrong.push("its beginning and end were not written by this installation".to_owned());
    }
    let mut at = ChainEnd { last_seq: end.first_seq - 1, last_mac: end.first_mac.clone(), ..end.clone() };
    loop {
        let entries = store::chain_part(db, space, at.last_seq, STEP).await?;
        let Some((last, _, _)) = entries.last() else { break };
        let last = *last;
        for (seq, stored, entry) in entries {
            // What was written since the end was read is for the next check.
            if seq > end.last_seq {
                continue;
            }
            let next = followed(keys, &mut from, &at, &entry, &stored);
            report.entries += 1;
            if seq != next.last_seq {
                report.wrong.push(format!("entry {} is missing", next.last_seq));
            } else if stored != next.last_mac {
                report.wrong.push(format!("entry {seq} ({}) was changed", entry.id));
            }
            // From here on by what is stored, so that one wrong entry is told once.
            at = ChainEnd { last_seq: seq, last_mac: stored, ..end.clone() };
        }
        if last >= end.last_seq {
            break;
        }
    }
    if at.last_seq != end.last_seq || at.last_mac != end.last_mac {
        report.wrong.push(format!("it ends at entry {}, and should end at {}", at.last_seq, end.last_seq));
    }
    let (lowest, highest) = store::extent(db, space).await?;
    if lowest.is_some_and(|seq| seq < end.first_seq) {
        report.wrong.push("entries stand before its beginning".to_owned());
    }
    // The end once more, after the entries: what was written meanwhile moved it.
    let newest = store::chain_end(db, space).await?.map_or(0, |(end, _)| end.last_seq);
    if highest.is_some_and(|seq| seq > newest) {
        report.wrong.push("entries stand behind its end".to_owned());
    }
    Ok(report)
}
