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

/// Reads RFC 3339 with any offset.
pub fn from_text(text: &str) -> Option<Micros> {
    text.parse::<jiff::Timestamp>().ok().map(|t| t.as_microsecond())
}
