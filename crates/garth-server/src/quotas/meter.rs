//! Meters: how they are called, and over what they count. Pure: the time comes from outside.

use crate::access::DAY;
use crate::base::error::{Error, Result};
use crate::directory::{API_DAILY, Directory, RESOURCES, Window};
use garth_core::{KindIx, Micros};

/// Longest name of a meter, in bytes.
pub const METER_BYTES: usize = 63;
/// Longest rolling window, in seconds: 366 days.
pub const ROLLING_SECONDS: i64 = 366 * 24 * 60 * 60;
/// A rolling window is counted in so many steps; what was taken comes back at most one step late, and never early.
const STEPS: i64 = 600;

/// So many days are kept of a meter that counts by the day.
const KEPT_DAYS: i64 = 40;

/// What a meter counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meter {
    /// Calls with the space's keys.
    Calls,
    /// Resources of the space; of one kind, if it is named.
    Resources(Option<KindIx>),
    /// What an application says.
    Own,
}

impl Meter {
    /// The meter of that name.
    ///
    /// # Errors
    /// 422 at `/meter` for a name that none can have.
    pub fn read(dir: &Directory, name: &str) -> Result<Self> {
        let wrong = |why: &str| Err(Error::field("/meter", why));
        if name == API_DAILY {
            return Ok(Self::Calls);
        }
        if name == RESOURCES {
            return Ok(Self::Resources(None));
        }
        if let Some(kind) = name.strip_prefix(RESOURCES).and_then(|rest| rest.strip_prefix('.')) {
            return match dir.kinds.by_name(kind) {
                Some(kind) => Ok(Self::Resources(Some(kind))),
                None => wrong("names no kind after its dot"),
            };
        }
        if name.starts_with("api.") {
            return wrong("must not begin with api. but for api.daily: the server counts those");
        }
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
        let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
        if !begins || name.len() > METER_BYTES || !name.chars().all(fits) {
            return wrong("must be 1 to 63 of a-z, 0-9, dot, hyphen and underscore, a letter first");
        }
        Ok(Self::Own)
    }

    /// Is that a window it can have?
    ///
    /// # Errors
    /// 422 at `/window`.
    pub fn fits(&self, window: Window) -> Result<()> {
        let wrong = |why: String| Err(Error::field("/window", why));
        match (self, window) {
            (Self::Calls, Window::Daily) | (Self::Resources(_), Window::Stored) => Ok(()),
            (Self::Calls, _) => wrong("must be daily for this meter".to_owned()),
            (Self::Resources(_), _) => wrong("must be stored for this meter".to_owned()),
            (Self::Own, Window::RollingSeconds(seconds)) if !(1..=ROLLING_SECONDS).contains(&seconds) => {
                wrong(format!("must roll over 1 to {ROLLING_SECONDS} seconds"))
            }
            (Self::Own, _) => Ok(()),
        }
    }
}

/// A window of a meter at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// The slot in which what is taken now is counted.
    pub slot: i64,
    /// The first slot that still counts.
    pub first: i64,
    /// The last one that does.
    pub last: i64,
}

impl Now {
    /// The first slot that is kept: what counts no more counts again where the clock is set back. One window, and of days
    /// forty.
    pub fn kept(&self) -> i64 {
        self.first - (self.slot - self.first).max(KEPT_DAYS)
    }
}

/// How long a step of a rolling window is, in microseconds.
fn step(seconds: i64) -> Micros {
    (seconds * 1_000_000 / STEPS).max(1)
}

/// The slots of a window that count at that time.
pub fn slots(window: Window, now: Micros) -> Now {
    match window {
        Window::Stored => Now { slot: 0, first: 0, last: 0 },
        Window::Daily => {
            let day = now.div_euclid(DAY);
            Now { slot: day, first: day, last: day }
        }
        Window::RollingSeconds(seconds) => {
            let step = step(seconds);
            let first = (now - seconds * 1_000_000).div_euclid(step);
            // What a faster clock counted ahead of this one counts, too.
            Now { slot: now.div_euclid(step), first, last: i64::MAX }
        }
    }
}

/// When what was counted in a slot comes back; never by itself in a stored window.
pub fn back_at(window: Window, slot: i64) -> Option<Micros> {
    match window {
        Window::Stored => None,
        Window::Daily => Some((slot + 1) * DAY),
        Window::RollingSeconds(seconds) => Some((slot + 1) * step(seconds) + seconds * 1_000_000),
    }
}

/// How long a window is in seconds, where it comes back by itself.
pub fn length(window: Window) -> Option<i64> {
    match window {
        Window::Stored => None,
        Window::Daily => Some(DAY / 1_000_000),
        Window::RollingSeconds(seconds) => Some(seconds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_comes_back_never_early_and_one_step_late_at_most() {
        for seconds in [1, 7, 60, 3_600, 86_400, ROLLING_SECONDS] {
            let window = Window::RollingSeconds(seconds);
            let step = step(seconds);
            for at in [0, 1, step - 1, step, 1_999_999, 1_936_000_000_123_456] {
                let Now { slot, .. } = slots(window, at);
                let counts = |now: Micros| {
                    let Now { first, last, .. } = slots(window, now);
                    (first..=last).contains(&slot)
                };
                let back = back_at(window, slot).expect("it rolls");
                assert!(counts(at) && counts(at + seconds * 1_000_000 - 1), "{seconds} s, taken at {at}");
                assert!(counts(back - 1) && !counts(back), "{seconds} s, taken at {at}, back at {back}");
                assert!(back - at >= seconds * 1_000_000 && back - at <= seconds * 1_000_000 + step);
            }
        }
    }

    #[test]
    fn a_day_ends_at_midnight_utc() {
        let noon = 20_000 * DAY + DAY / 2;
        let Now { slot, first, last } = slots(Window::Daily, noon);
        assert_eq!((slot, first, last), (20_000, 20_000, 20_000));
        assert_eq!(back_at(Window::Daily, slot), Some(20_001 * DAY));
        assert_eq!(slots(Window::Daily, 20_001 * DAY - 1).slot, 20_000);
        assert_eq!(slots(Window::Daily, 20_001 * DAY).slot, 20_001);
    }
}
