//! Time windows of a rule: between two moments, on weekdays, between hours, under a moon.
//!
//! All in UTC. The moon is there because Phabricator had it; it is computed from the
//! mean synodic month, good to about half a day.

use crate::Micros;

const DAY: i64 = 86_400_000_000;
const MINUTE: i64 = 60_000_000;

/// A phase of the moon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moon {
    /// Within a sixteenth of a month of the new moon.
    New,
    /// From new to full.
    Waxing,
    /// Within a sixteenth of a month of the full moon.
    Full,
    /// From full to new.
    Waning,
}

/// When a rule applies. Every part that is given must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct When {
    /// Not before this moment.
    pub from: Option<Micros>,
    /// Before this moment.
    pub until: Option<Micros>,
    /// Bit 0 is Monday; 0 means any day.
    pub weekdays: u8,
    /// Minutes of the day, `[start, end)`; a start after its end runs past midnight.
    pub hours: Option<(u16, u16)>,
    /// Under this moon.
    pub moon: Option<Moon>,
}

impl When {
    /// Does the rule apply at that moment?
    pub fn holds(&self, now: Micros) -> bool {
        let day = now.div_euclid(DAY);
        let minute = now.rem_euclid(DAY) / MINUTE;
        // 1970-01-01 was a Thursday, the fourth day.
        let weekday = (day + 3).rem_euclid(7);
        self.from.is_none_or(|from| now >= from)
            && self.until.is_none_or(|until| now < until)
            && (self.weekdays == 0 || self.weekdays & (1 << weekday) != 0)
            && self.hours.is_none_or(|(start, end)| {
                let (start, end) = (i64::from(start), i64::from(end));
                if start <= end { minute >= start && minute < end } else { minute >= start || minute < end }
            })
            && self.moon.is_none_or(|moon| moon.shines(now))
    }
}

impl Moon {
    fn shines(self, now: Micros) -> bool {
        // The new moon of 2000-01-06 18:14 UTC, and the mean synodic month.
        const NEW_MOON: i64 = 947_182_440_000_000;
        const MONTH: i64 = 2_551_442_876_899;
        let age = (now.saturating_sub(NEW_MOON)).rem_euclid(MONTH);
        match self {
            Moon::Waxing => age < MONTH / 2,
            Moon::Waning => age >= MONTH / 2,
            Moon::New => !(MONTH / 16..=MONTH - MONTH / 16).contains(&age),
            Moon::Full => (age - MONTH / 2).abs() < MONTH / 16,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SATURDAY_NOON: Micros = 1_795_262_400_000_000; // 2026-11-21 12:00 UTC

    #[test]
    fn windows_hold_inside_and_not_at_their_end() {
        let when = When { from: Some(10), until: Some(20), ..When::default() };
        assert_eq!([9, 10, 19, 20].map(|t| when.holds(t)), [false, true, true, false]);
    }

    #[test]
    fn weekdays_and_hours_are_utc() {
        assert!(When { weekdays: 1 << 5, ..When::default() }.holds(SATURDAY_NOON));
        assert!(!When { weekdays: 0b1_1111, ..When::default() }.holds(SATURDAY_NOON));
        assert!(When { hours: Some((12 * 60, 13 * 60)), ..When::default() }.holds(SATURDAY_NOON));
        assert!(!When { hours: Some((22 * 60, 6 * 60)), ..When::default() }.holds(SATURDAY_NOON));
        assert!(When { hours: Some((22 * 60, 12 * 60 + 1)), ..When::default() }.holds(SATURDAY_NOON));
    }

    #[test]
    fn the_moon_of_november_2026_is_full_on_the_24th() {
        let full = When { moon: Some(Moon::Full), ..When::default() };
        assert!(full.holds(SATURDAY_NOON + 3 * DAY));
        assert!(!full.holds(SATURDAY_NOON - 7 * DAY));
        assert!(When { moon: Some(Moon::Waxing), ..When::default() }.holds(SATURDAY_NOON));
    }
}
