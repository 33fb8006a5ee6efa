//! The only place that reads a clock. Everything else is told the time.

use garth_core::Micros;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Tells the time: the machine's, or one that a test sets.
#[derive(Clone, Debug)]
pub struct Clock {
    set: Option<Arc<AtomicI64>>,
    began: Instant,
}

impl Default for Clock {
    fn default() -> Self {
        Self { set: None, began: Instant::now() }
    }
}

impl Clock {
    /// A clock that stands still until it is set (for tests).
    pub fn standing(at: Micros) -> Self {
        Self { set: Some(Arc::new(AtomicI64::new(at))), ..Self::default() }
    }

    /// Puts a standing clock forward; a running one does not listen.
    pub fn advance(&self, by: Micros) {
        if let Some(set) = &self.set {
            set.fetch_add(by, Ordering::SeqCst);
        }
    }

    /// Microseconds since 1970-01-01 UTC.
    pub fn now(&self) -> Micros {
        match &self.set {
            Some(set) => set.load(Ordering::SeqCst),
            None => SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .map_or(0, |since| Micros::try_from(since.as_micros()).unwrap_or(Micros::MAX)),
        }
    }

    /// How long this clock has been running: never goes back, whatever is done to the machine's time. For
    /// counting how much happened in a while.
    pub fn running(&self) -> Duration {
        match &self.set {
            Some(set) => Duration::from_micros(u64::try_from(set.load(Ordering::SeqCst)).unwrap_or(0)),
            None => self.began.elapsed(),
        }
    }
}

/// For measuring how long something takes: it never goes back, and no decision depends on it.
pub fn monotonic() -> Instant {
    Instant::now()
}

/// RFC 3339, UTC, with microseconds.
pub fn to_text(at: Micros) -> String {
    jiff::Timestamp::from_microsecond(at).map_or_else(|_| String::new(), |t| format!("{t:.6}"))
}

/// Reads RFC 3339 with any offset: nothing else, and no time that could not be written again.
pub fn from_text(text: &str) -> Option<Micros> {
    let at = text.parse::<jiff::Timestamp>().ok().filter(|_| rfc_3339(text))?.as_microsecond();
    Some(at).filter(|at| rfc_3339(&to_text(*at)))
}

/// `2031-05-04T08:00:00Z`, with a fraction or an offset: the library reads other notations, too.
fn rfc_3339(text: &str) -> bool {
    let shape = |text: &str, shape: &str| {
        text.len() == shape.len()
            && text
                .bytes()
                .zip(shape.bytes())
                .all(|(b, s)| if s == b'0' { b.is_ascii_digit() } else { b.eq_ignore_ascii_case(&s) })
    };
    let Some((moment, rest)) = text.split_at_checked("0000-00-00T00:00:00".len()) else { return false };
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => rest,
    };
    let fraction = rest.len() - zone.len() != 1;
    shape(moment, "0000-00-00T00:00:00") && fraction && ["Z", "+00:00", "-00:00"].iter().any(|form| shape(zone, form))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_rfc_3339_and_is_written_again() {
        let noon = from_text("2031-05-04T12:00:00Z");
        assert!(noon.is_some());
        for same in [
            "2031-05-04t12:00:00z",
            "2031-05-04T12:00:00.000Z",
            "2031-05-04T14:00:00+02:00",
            "2031-05-04T11:30:00-00:30",
        ] {
            assert_eq!(from_text(same), noon, "{same}");
        }
        for wrong in [
            "",
            "2031-05-04",
            "2031-05-04T12:00Z",
            "2031-05-04 12:00:00Z",
            "20310504T120000Z",
            "2031-05-04T12:00:00",
            "2031-05-04T12:00:00.Z",
            "2031-05-04T12:00:00+02",
            "2031-05-04T14:00:00+02:00[Europe/Berlin]",
            "-002031-05-04T12:00:00Z",
            "2031-05-04T12:00:00,5Z",
            "9999-12-30T22:00:00.999999Z",
            "2031-05-04T12:00:00Zé",
            "é031-05-04T12:00:00Z",
            "0000-01-01T00:00:00+01:00",
        ] {
            assert_eq!(from_text(wrong), None, "{wrong}");
        }
        let last = "9999-12-30T21:59:59.999999Z";
        assert_eq!(from_text(last).map(to_text).as_deref(), Some(last));
    }
}
