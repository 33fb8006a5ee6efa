//! How often somebody may try something that others feel: so many times a minute, counted by what is tried.

use crate::base::clock::Clock;
use crate::base::error::{Error, Result};
use hashbrown::HashMap;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Tries of one thing within [`WINDOW`]; more are turned away with 429 `rate_limited`.
pub const TRIES: usize = 6;
/// So long a try counts.
pub const WINDOW: Duration = Duration::from_secs(60);

/// Counts tries of things.
#[derive(Default)]
pub struct Tries(Mutex<HashMap<String, VecDeque<Duration>>>);

impl Tries {
    /// Counts a try of that.
    ///
    /// # Errors
    /// 429 when there were too many lately.
    pub fn take(&self, what: &str, clock: &Clock) -> Result<()> {
        let now = clock.running();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, times| {
            times.retain(|at| now.saturating_sub(*at) < WINDOW);
            !times.is_empty()
        });
        let times = all.entry(what.to_owned()).or_default();
        match times.front().filter(|_| times.len() >= TRIES) {
            Some(first) => {
                let wait = WINDOW.saturating_sub(now.saturating_sub(*first));
                Err(Error::RateLimited(wait.as_secs().max(1)))
            }
            None => {
                times.push_back(now);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_tries_a_minute_and_no_more() {
        let (clock, tries) = (Clock::standing(0), Tries::default());
        for _ in 0..TRIES {
            assert!(tries.take("one", &clock).is_ok());
        }
        assert!(matches!(tries.take("one", &clock), Err(Error::RateLimited(60))));
        assert!(tries.take("another", &clock).is_ok());
        clock.advance(60_000_000);
        assert!(tries.take("one", &clock).is_ok());
    }
}
