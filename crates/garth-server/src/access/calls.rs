//! The meter `api.daily`: calls with the keys of a space, since midnight UTC.
//!
//! A limit is kept exactly and costs no commit a call. A server takes a block of calls from the database, durably, and
//! spends it in memory: what was not committed is not spent, so that neither a crash nor another server lets more through
//! than the limit; what a crash leaves unspent is lost until midnight. The first block of a day is one call, each after
//! it at most twice as large, none larger than a sixteenth of what is left: near the limit, blocks are single calls.
//!
//! Where nothing limits them, calls are counted in memory and written with other bookkeeping.

use super::store::{AuditEntry, calls};
use super::{App, Ctx, KEY_PREFIX, chain, once};
use crate::access::counts::{NEAR, nearly};
use crate::base::db::{DbError, Tx};
use crate::base::error::{Error, Result};
use crate::base::ids;
use crate::base::rate::Rate;
use crate::directory::{API_DAILY, Directory};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use garth_core::{Micros, SpaceIx};
use hashbrown::HashMap;
use serde_json::json;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use uuid::Uuid;

/// A day, as the clock counts.
pub const DAY: Micros = 24 * 60 * 60 * 1_000_000;
/// Most calls of one block.
const BLOCK: i64 = 1_024;
/// Of what is left, a block is one part of so many.
const SHARE: i64 = 16;
/// So long it is believed that nothing is left: another server may give back what it did not spend.
const BELIEVED: Micros = 1_000_000;

/// The calls of a space on a day.
type Of = (Uuid, i64);

/// What this server knows of the calls of each space.
#[derive(Default)]
pub(super) struct Calls {
    parts: Mutex<HashMap<Of, Part>>,
    /// Of these some were counted that are not written.
    waiting: Mutex<Vec<Of>>,
}

/// What it knows of one.
#[derive(Default)]
struct Part {
    /// The limit under which the last block was taken.
    limit: Option<i64>,
    /// Taken and not spent.
    left: i64,
    /// All that were taken by then, by any server.
    taken: i64,
    /// How large the last block was.
    block: i64,
    /// When it was asked for.
    asked_at: Micros,
    /// Made, but not written: nothing limited them.
    uncounted: i64,
    /// Who takes the next block.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// What becomes of one call.
enum Spent {
    /// It is let through; so many are left.
    Yes(i64),
    /// There is none left.
    No,
    /// A block is to be taken first.
    Block(Arc<tokio::sync::Mutex<()>>),
}

/// A block that was taken; an empty one says that nothing is left.
struct Block {
    limit: i64,
    taken: i64,
    size: i64,
}

/// Calls of a block, when the last block had so many and so many are left in all.
fn size(last: i64, left: i64) -> i64 {
    (last * 2).min(left / SHARE).clamp(1, BLOCK).min(left.max(0))
}

impl Calls {
    fn parts(&self) -> MutexGuard<'_, HashMap<Of, Part>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spend(&self, of: Of, limit: i64, now: Micros) -> Spent {
        let mut parts = self.parts();
        let part = parts.entry(of).or_default();
        if part.limit != Some(limit) {
            return Spent::Block(Arc::clone(&part.turn));
        }
        if part.left > 0 {
            part.left -= 1;
            return Spent::Yes(limit - part.taken + part.left);
        }
        let believed = (part.asked_at..part.asked_at + BELIEVED).contains(&now);
        if part.taken >= limit && believed { Spent::No } else { Spent::Block(Arc::clone(&part.turn)) }
    }

    fn note(&self, of: Of) {
        let mut parts = self.parts();
        let part = parts.entry(of).or_default();
        part.uncounted += 1;
        // What is left of a block from before is settled when there is a limit again.
        part.limit = None;
        if part.uncounted == 1 {
            self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(of);
        }
    }

    /// Takes out what is to be settled with the database: calls that it does not know of, and those of the last block that
    /// were not spent; and how large that was.
    fn take(&self, of: Of, unspent: bool) -> (i64, i64, i64) {
        let mut parts = self.parts();
        let Some(part) = parts.get_mut(&of) else { return (0, 0, 0) };
        let left = if unspent { std::mem::take(&mut part.left) } else { 0 };
        (std::mem::take(&mut part.uncounted), left, part.block)
    }

    /// Puts calls back that could not be written.
    fn keep(&self, of: Of, uncounted: i64) {
        let mut parts = self.parts();
        let part = parts.entry(of).or_default();
        part.uncounted += uncounted;
        if part.uncounted > 0 {
            self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(of);
        }
    }

    fn put(&self, of: Of, block: &Block, now: Micros) {
        let mut parts = self.parts();
        let part = parts.entry(of).or_default();
        part.limit = Some(block.limit);
        part.left += block.size;
        part.taken = block.taken;
        part.block = block.size;
        part.asked_at = now;
    }

    /// What the database does not know of the calls of a space: those that were made and not written, less those that were
    /// taken and not made.
    fn unsettled(&self, of: Of) -> i64 {
        self.parts().get(&of).map_or(0, |part| part.uncounted - part.left)
    }

    /// Forgets days that are over and written.
    fn forget_before(&self, day: i64) {
        self.parts().retain(|(_, of), part| *of >= day || part.uncounted > 0);
    }
}

/// Carries a request out; one with an API key if the key's space has a call left.
pub(super) async fn count(app: &Arc<App>, request: Request, next: Next) -> Response {
    if !bears_key(request.headers()) {
        return once::once(app, request, next).await;
    }
    Box::pin(counted(app, request, next)).await
}

async fn counted(app: &Arc<App>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let (rate, mut response) = match app.count_call(&parts).await {
        Ok(rate) => (rate, once::once(app, Request::from_parts(parts, body), next).await),
        Err(Error::QuotaSpent(rate)) => (Some((*rate).clone()), Error::QuotaSpent(rate).into_response()),
        Err(other) => (None, other.into_response()),
    };
    if let Some(rate) = rate.filter(|_| app.directory().tells_rates()) {
        rate.tell(response.headers_mut());
    }
    response
}

fn bears_key(headers: &HeaderMap) -> bool {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    given.and_then(|text| text.split_once(' ')).is_some_and(|(_, token)| token.starts_with(KEY_PREFIX))
}

impl App {
    /// Counts a call with an API key; of one that is no good, the handler says so.
    async fn count_call(self: &Arc<Self>, parts: &Parts) -> Result<Option<Rate>> {
        let Ok(ctx) = Ctx::of(parts, self) else { return Ok(None) };
        let mut turn = None;
        loop {
            let (dir, now) = (ctx.directory(), ctx.now());
            let Ok(space) = ctx.key(&dir).map(|key| key.space) else { return Ok(None) };
            let of = (dir.space_id(space).ok_or(Error::NotFound)?, now.div_euclid(DAY));
            let Some(limit) = dir.quota(space, API_DAILY).and_then(|quota| quota.limit) else {
                self.calls.note(of);
                return Ok(None);
            };
            match self.calls.spend(of, limit, now) {
                Spent::Yes(left) => return Ok(Some(rate(limit, left, now))),
                Spent::No => return Err(Error::QuotaSpent(Box::new(rate(limit, 0, now)))),
                // Looked again once it is there: whoever had it before may have taken a block for all who wait.
                Spent::Block(next) if turn.is_none() => turn = Some(next.lock_owned().await),
                Spent::Block(_) => {
                    let (app, held) = (Arc::clone(self), turn.take());
                    // A task of its own: a block that is taken is put where it is spent, also when the caller has gone away.
                    let taking = tokio::spawn(async move {
                        let taken = app.take_block(of, space, now).await;
                        drop(held);
                        taken
                    });
                    let taken = taking.await;
                    let taken = taken.map_err(|_| Error::internal("a block of calls was not taken to its end"))??;
                    if let Some(block) = taken.filter(|block| block.size == 0) {
                        return Err(Error::QuotaSpent(Box::new(rate(block.limit, 0, now))));
                    }
                }
            }
        }
    }

    /// Takes a block from the database, where there is a limit.
    async fn take_block(&self, of: Of, space: SpaceIx, now: Micros) -> Result<Option<Block>> {
        let writer = self.writer.as_ref().ok_or_else(|| Error::internal("the store is open for reading only"))?;
        let (calls, uncounted) = (Arc::clone(&self.calls), Arc::new(Mutex::new(0)));
        let noted = Arc::clone(&uncounted);
        let taken: Result<Option<Block>, DbError> = writer
            .run(async move |tx: &mut Tx, dir: &mut Directory| {
                // On the writer, one after the other: what is settled here is in no other's sum.
                let (made, left, last) = calls.take(of, true);
                *noted.lock().unwrap_or_else(PoisonError::into_inner) = made;
                block(tx, dir, of, space, (made - left, last), now).await
            })
            .await;
        match taken {
            Ok(block) => {
                block.iter().for_each(|block| self.calls.put(of, block, now));
                Ok(block)
            }
            Err(error) => {
                self.calls.keep(of, *uncounted.lock().unwrap_or_else(PoisonError::into_inner));
                Err(error.into())
            }
        }
    }

    /// Writes the calls that nothing limits; at the end also gives back what was taken and not made.
    ///
    /// # Errors
    /// When the store is not available; they are kept for the next time.
    pub(super) async fn flush_calls(&self, end: bool) -> Result<()> {
        let day = self.clock.now().div_euclid(DAY);
        let mut all = std::mem::take(&mut *self.calls.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        if end {
            all.extend(self.calls.parts().keys().filter(|of| of.1 == day));
        }
        let Some(writer) = self.writer.as_ref().filter(|_| !all.is_empty()) else { return Ok(()) };
        let (calls, taken) = (Arc::clone(&self.calls), Arc::new(Mutex::new(HashMap::new())));
        let (noted, asked) = (Arc::clone(&taken), all.clone());
        let written: Result<(), DbError> = writer
            .run(async move |tx: &mut Tx, _: &mut Directory| {
                for of in all {
                    let (made, left, _) = calls.take(of, end);
                    *noted.lock().unwrap_or_else(PoisonError::into_inner).entry(of).or_default() += made;
                    if made != left {
                        calls_of(tx, of, made - left).await?;
                    }
                }
                Ok(())
            })
            .await;
        if written.is_err() {
            let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
            asked.into_iter().for_each(|of| self.calls.keep(of, taken.remove(&of).unwrap_or_default()));
        }
        self.calls.forget_before(day);
        Ok(written?)
    }
}

/// How many calls were made today with the keys of a space.
///
/// # Errors
/// When the store fails.
pub async fn calls_today(ctx: &Ctx, space: Uuid) -> Result<i64> {
    let of = (space, ctx.now().div_euclid(DAY));
    // What this server knows first: what it writes meanwhile would be counted twice, and not left out.
    let unsettled = ctx.app.calls.unsettled(of);
    Ok((calls::taken(&ctx.db(), &space.to_string(), of.1).await? + unsettled).max(0))
}

async fn calls_of(tx: &mut Tx, of: Of, by: i64) -> Result<i64, DbError> {
    calls::add(tx, &of.0.to_string(), of.1, by).await
}

/// Settles what there is to settle and takes a block, if there is a limit.
async fn block(
    tx: &mut Tx,
    dir: &mut Directory,
    of: Of,
    space: SpaceIx,
    (unsettled, last): (i64, i64),
    now: Micros,
) -> Result<Option<Block>, DbError> {
    if unsettled != 0 {
        calls_of(tx, of, unsettled).await?;
    }
    let Some(limit) = dir.quota(space, API_DAILY).and_then(|quota| quota.limit) else { return Ok(None) };
    let before = calls::taken_in(tx, &of.0.to_string(), of.1).await?;
    let size = size(last, limit - before);
    let taken = if size > 0 { calls_of(tx, of, size).await? } else { before };
    // Of those that were made while nothing limited them, nothing was told.
    if nearly(taken, limit) && !nearly(before - unsettled.max(0), limit) {
        chain::append(tx, dir, &coming_near(of.0, limit, now)).await?;
    }
    Ok(Some(Block { limit, taken, size }))
}

/// What the audit of the space says when its calls come near their limit.
fn coming_near(space: Uuid, limit: i64, now: Micros) -> AuditEntry {
    AuditEntry {
        id: ids::new_id(now).to_string(),
        at: now,
        space: space.to_string(),
        actor: "system".to_owned(),
        credential: "none".to_owned(),
        action: NEAR.to_owned(),
        target_type: "meter".to_owned(),
        target_id: API_DAILY.to_owned(),
        outcome: "done".to_owned(),
        before: String::new(),
        after: json!({ "limit": limit }).to_string(),
        request_id: String::new(),
    }
}

/// What is left, until midnight.
fn rate(limit: i64, left: i64, now: Micros) -> Rate {
    let reset = (DAY - now.rem_euclid(DAY) + 999_999) / 1_000_000;
    Rate { meter: API_DAILY.to_owned(), limit, left, window: DAY / 1_000_000, reset }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Servers that share a database and nothing else, of which one is killed now and then.
    #[test]
    fn servers_that_share_a_limit_never_pass_it() {
        let of = (Uuid::nil(), 1);
        for limit in [0, 1, 2, 17, 1_000, 20_000] {
            let mut servers: Vec<Calls> = (0..3).map(|_| Calls::default()).collect();
            let (mut taken, mut passed, mut wasted, mut chance) = (0, 0, 0, 7_u64);
            for step in 0..100_000 {
                chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let server = &mut servers[(chance >> 33) as usize % 3];
                if (chance >> 40).is_multiple_of(2_000) {
                    wasted += -server.unsettled(of);
                    *server = Calls::default();
                }
                match server.spend(of, limit, step) {
                    Spent::Yes(_) => passed += 1,
                    Spent::No => {}
                    Spent::Block(_) => {
                        let (made, left, last) = server.take(of, true);
                        taken += made - left;
                        let size = size(last, limit - taken);
                        taken += size;
                        server.put(of, &Block { limit, taken, size }, step);
                    }
                }
            }
            assert_eq!((taken, passed), (limit, limit - wasted), "of {limit}, {wasted} were lost with their servers");
        }
    }

    /// Another limit may have been set, and taken away again, and set again: whatever was made meanwhile counts.
    #[test]
    fn what_is_left_of_a_block_is_settled_when_nothing_limited_calls_meanwhile() {
        let (of, calls) = ((Uuid::nil(), 1), Calls::default());
        calls.put(of, &Block { limit: 1_000, taken: 100, size: 50 }, 0);
        assert!(matches!(calls.spend(of, 1_000, 0), Spent::Yes(_)));
        calls.note(of);
        assert!(matches!(calls.spend(of, 1_000, 0), Spent::Block(_)));
        assert_eq!(calls.take(of, true), (1, 49, 50));
    }

    #[test]
    fn what_cannot_be_written_waits() {
        let (of, calls) = ((Uuid::nil(), 1), Calls::default());
        calls.note(of);
        let waiting = || std::mem::take(&mut *calls.waiting.lock().unwrap());
        assert_eq!(waiting(), [of]);
        calls.keep(of, 0);
        assert_eq!(waiting(), [of], "it was not even asked for");
        let (made, ..) = calls.take(of, false);
        calls.keep(of, made);
        assert_eq!(waiting(), [of]);
        calls.take(of, false);
        calls.keep(of, 0);
        assert!(waiting().is_empty());
    }

    #[test]
    fn blocks_grow_with_use_and_shrink_near_the_limit() {
        assert_eq!([size(0, 1_000_000), size(1, 1_000_000), size(600, 1_000_000)], [1, 2, BLOCK]);
        assert_eq!([size(100, 160), size(100, 31), size(100, 1), size(100, 0), size(100, -5)], [10, 1, 1, 0, 0]);
    }
}
