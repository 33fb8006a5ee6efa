//! How often secrets were guessed wrong lately, and how often an address asks at all.
//!
//! Both are kept in memory and bounded. A restart forgets them, which gives nobody more than the
//! limit once again.

use crate::base::address::Origin;
use crate::base::clock::Clock;
use crate::base::error::{Error, Result};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use hashbrown::HashMap;
use sha2::{Digest, Sha256};
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Wrong guesses of one account's secrets from one address, in [`WINDOW`].
pub const ACCOUNT_GUESSES: usize = 10;
/// Wrong guesses of any secrets from one address, in [`WINDOW`].
pub const ADDRESS_GUESSES: usize = 100;
/// How long a wrong guess counts.
pub const WINDOW: Duration = Duration::from_secs(15 * 60);
/// Accounts with an address, and addresses, of which guesses are counted at a time.
const COUNTED: usize = 65_536;
/// Addresses of which requests without a credential are counted at a time.
const PACED: usize = 65_536;
/// After so many such requests it is looked which addresses need not be counted any more.
const SWEEP: u32 = 1_024;

/// Counts wrong guesses: of passwords, recovery codes and one-time tokens.
///
/// A guess is counted *before* it is verified, so that many at once are no way around the limit, and given
/// back when it was right. Names that do not exist are counted as those that do.
pub struct Guesses {
    accounts: Counter<([u8; 16], Origin)>,
    addresses: Counter<Origin>,
}

impl Default for Guesses {
    fn default() -> Self {
        Self { accounts: Counter::new(ACCOUNT_GUESSES), addresses: Counter::new(ADDRESS_GUESSES) }
    }
}

/// A guess that is counted. Whoever lets it go without a word leaves it counted as a wrong one.
#[must_use = "a guess stays counted until it is said to be right"]
pub struct Guess<'a> {
    of: &'a Guesses,
    account: Option<[u8; 16]>,
    origin: Origin,
    at: Second,
}

/// A second of the clock: small, because there may be many of them.
type Second = u32;

impl Guesses {
    /// Counts a guess of an account's secret, or of a one-time token, which belongs to nobody yet.
    ///
    /// # Errors
    /// 429 `rate_limited` at the limit; then it is not counted.
    pub fn begin(&self, account: Option<&str>, origin: Origin, clock: &Clock) -> Result<Guess<'_>> {
        let at = Second::try_from(clock.running().as_secs()).unwrap_or(Second::MAX);
        let account = account.map(name_hash);
        let of_address = self.addresses.take(origin, at)?;
        let of_account = match account.map(|account| self.accounts.take((account, origin), at)) {
            Some(Err(full)) => {
                self.addresses.give_back(&origin, at);
                return Err(full);
            }
            Some(Ok(count)) => count,
            None => 0,
        };
        if of_address == ADDRESS_GUESSES || of_account == ACCOUNT_GUESSES {
            // Once when it is reached, not at every guess that is refused then; and never whose name it was.
            tracing::info!(%origin, of_account, of_address, "an address has used up its guesses of passwords and codes");
        }
        Ok(Guess { of: self, account, origin, at })
    }
}

impl Guess<'_> {
    /// It was right: it does not count, and the account's count at this address begins anew.
    pub fn right(self) {
        self.of.addresses.give_back(&self.origin, self.at);
        if let Some(account) = self.account {
            self.of.accounts.forget(&(account, self.origin));
        }
    }

    /// Goes on with what verifying it came to; an error says that it was not verified, and so not counted.
    ///
    /// # Errors
    /// That error.
    pub fn verified<T>(self, outcome: Result<T>) -> Result<(Self, T)> {
        match outcome {
            Ok(found) => Ok((self, found)),
            Err(error) => {
                self.undone();
                Err(error)
            }
        }
    }

    /// Ends with what it came to: right, wrong, or neither where something else went wrong.
    ///
    /// # Errors
    /// Those of the outcome.
    pub fn judged<T>(self, outcome: Result<T>) -> Result<T> {
        match &outcome {
            Ok(_) => self.right(),
            Err(Error::WrongCredentials(_)) => {}
            Err(_) => self.undone(),
        }
        outcome
    }

    /// It was never verified: as if it had not been made.
    pub fn undone(self) {
        self.of.addresses.give_back(&self.origin, self.at);
        if let Some(account) = self.account {
            self.of.accounts.give_back(&(account, self.origin), self.at);
        }
    }
}

/// Names are kept as hashes: people type passwords where a name belongs.
fn name_hash(name: &str) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&Sha256::digest(name.as_bytes())[..16]);
    short
}

/// When something happened lately, by key, oldest first.
struct Counter<K> {
    limit: usize,
    lately: Mutex<HashMap<K, Vec<Second>>>,
}

impl<K: Hash + Eq + Clone> Counter<K> {
    fn new(limit: usize) -> Self {
        Self { limit, lately: Mutex::default() }
    }

    /// Counts one more and answers how many there are now.
    fn take(&self, key: K, now: Second) -> Result<usize> {
        let mut lately = self.lately.lock().unwrap_or_else(PoisonError::into_inner);
        if lately.len() >= COUNTED && !lately.contains_key(&key) {
            make_room(&mut lately, now);
        }
        let times = lately.entry(key).or_default();
        times.retain(|at| counts(*at, now));
        if times.len() >= self.limit {
            let oldest = times.first().copied().unwrap_or_default();
            return Err(Error::RateLimited((u64::from(oldest) + WINDOW.as_secs()).saturating_sub(now.into()).max(1)));
        }
        times.push(now);
        Ok(times.len())
    }

    fn give_back(&self, key: &K, at: Second) {
        let mut lately = self.lately.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(times) = lately.get_mut(key) else { return };
        if let Some(place) = times.iter().rposition(|time| *time == at) {
            times.remove(place);
        }
        if times.is_empty() {
            lately.remove(key);
        }
    }

    fn forget(&self, key: &K) {
        self.lately.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

/// Whoever has the fewest counted makes room, the longest ago first: those at their limit stay refused through
/// any flood, and nobody is refused because others are counted.
fn make_room<K: Hash + Eq + Clone>(lately: &mut HashMap<K, Vec<Second>>, now: Second) {
    lately.retain(|_, times| times.last().is_some_and(|at| counts(*at, now)));
    let kept = COUNTED - COUNTED / 16;
    if lately.len() <= kept {
        return;
    }
    let mut least: Vec<_> =
        lately.iter().map(|(key, times)| (times.len(), times.last().copied(), key.clone())).collect();
    let surplus = least.len() - kept;
    least.select_nth_unstable_by_key(surplus - 1, |(count, last, _)| (*count, *last));
    for (_, _, key) in least.drain(..surplus) {
        lately.remove(&key);
    }
}

fn counts(at: Second, now: Second) -> bool {
    u64::from(now) < u64::from(at) + WINDOW.as_secs()
}

/// Whole seconds until it is worth trying again.
fn seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// Holds every address to so many requests a second; a burst may be as many.
pub struct Pace {
    limiter: RateLimiter<Origin, DashMapStateStore<Origin>, Running, NoOpMiddleware<Duration>>,
    clock: Clock,
    requests: AtomicU32,
    crowded: AtomicBool,
}

impl Pace {
    /// At least one request a second.
    pub fn new(per_second: u32, clock: Clock) -> Self {
        let quota = Quota::per_second(NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MIN));
        Self {
            limiter: RateLimiter::dashmap_with_clock(quota, Running(clock.clone())),
            clock,
            requests: AtomicU32::new(0),
            crowded: AtomicBool::new(false),
        }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// 429 `rate_limited` when there were too many.
    pub fn take(&self, origin: Origin) -> Result<()> {
        if self.requests.fetch_add(1, Ordering::Relaxed).is_multiple_of(SWEEP) {
            self.sweep();
        }
        // More places ask than can be told apart: whole networks share one count, so that a flood is held back where
        // it comes from, and others are not.
        let origin = if self.crowded.load(Ordering::Relaxed) { origin.network() } else { origin };
        self.limiter
            .check_key(&origin)
            .map_err(|until| Error::RateLimited(seconds(until.wait_time_from(self.clock.running()))))
    }

    fn sweep(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
        self.crowded.store(self.limiter.len() >= PACED, Ordering::Relaxed);
    }
}

/// Our clock as the limiter reads it.
#[derive(Clone)]
struct Running(Clock);

impl governor::clock::Clock for Running {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.running()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};

    const SECOND: i64 = 1_000_000;

    fn place(number: u32) -> Origin {
        Origin::of(Some(IpAddr::V4(Ipv4Addr::from_bits(number))))
    }

    fn clock() -> Clock {
        Clock::standing(1_000_000 * SECOND)
    }

    #[test]
    fn ten_wrong_guesses_are_the_end_of_it_for_a_while() {
        let (guesses, clock) = (Guesses::default(), clock());
        let guess = |name| guesses.begin(Some(name), place(1), &clock);
        for _ in 0..ACCOUNT_GUESSES {
            assert!(guess("ada").is_ok());
            clock.advance(SECOND);
        }
        let Err(Error::RateLimited(wait)) = guess("ada") else { panic!("one too many") };
        assert_eq!(wait, WINDOW.as_secs() - 10);
        assert!(guess("bo").is_ok(), "another account");
        assert!(guesses.begin(Some("ada"), place(2), &clock).is_ok(), "another address");
        clock.advance((wait as i64 - 1) * SECOND);
        assert!(guess("ada").is_err());
        clock.advance(SECOND);
        assert!(guess("ada").is_ok(), "the first of the ten is forgotten");
        assert!(guess("ada").is_err(), "the second is not");
    }

    #[test]
    fn a_right_guess_counts_nothing_and_clears_its_account_only() {
        let (guesses, clock) = (Guesses::default(), clock());
        let guess = |name| guesses.begin(Some(name), place(1), &clock);
        for turn in 0..ADDRESS_GUESSES / 9 {
            for _ in 0..9 {
                assert!(guess("ada").is_ok(), "{turn}");
            }
            guess("ada").expect("the tenth").right();
        }
        // Ninety-nine wrong ones of one address: being right in between does not clear them.
        guess("bo").expect("the hundredth").undone();
        assert!(guess("bo").is_ok());
        assert!(guess("cleo").is_err());
        assert!(guesses.begin(None, place(1), &clock).is_err());
        assert!(guesses.begin(None, place(2), &clock).is_ok());
    }

    #[test]
    fn a_flood_makes_room_and_frees_nobody() {
        let (guesses, clock) = (Guesses::default(), clock());
        for _ in 0..ACCOUNT_GUESSES {
            let _wrong = guesses.begin(Some("ada"), place(0), &clock);
        }
        clock.advance(SECOND);
        for number in 1..2 * COUNTED as u32 {
            assert!(guesses.begin(Some("ada"), place(number), &clock).is_ok(), "{number}");
        }
        assert!(guesses.accounts.lately.lock().expect("a map").len() <= COUNTED);
        assert!(guesses.addresses.lately.lock().expect("a map").len() <= COUNTED);
        assert!(guesses.begin(Some("ada"), place(0), &clock).is_err(), "who was at the limit still is");
    }

    #[test]
    fn an_address_has_its_pace() {
        let clock = clock();
        let pace = Pace::new(5, clock.clone());
        let taken = (0..20).filter(|_| pace.take(place(1)).is_ok()).count();
        assert_eq!(taken, 5);
        assert!(pace.take(place(2)).is_ok());
        assert!(matches!(pace.take(place(1)), Err(Error::RateLimited(1))));
        clock.advance(SECOND / 5);
        assert!(pace.take(place(1)).is_ok());
        assert!(pace.take(place(1)).is_err());
    }

    #[test]
    fn a_flood_from_everywhere_is_counted_by_network() {
        let clock = clock();
        let pace = Pace::new(5, clock.clone());
        let (flood, elsewhere) = (0x0a00_0000, 0x0b00_0001);
        for number in 0..3 * PACED as u32 {
            let _ = pace.take(place(flood + number));
        }
        assert!(pace.limiter.len() <= PACED + 2 * SWEEP as usize, "{}", pace.limiter.len());
        assert!(pace.take(place(flood + 3 * PACED as u32 - 1)).is_err());
        assert!(pace.take(place(elsewhere)).is_ok());
        clock.advance(2 * SECOND);
        for _ in 0..SWEEP {
            let _ = pace.take(place(elsewhere));
        }
        assert!(pace.limiter.len() < 10, "{}", pace.limiter.len());
    }
}
