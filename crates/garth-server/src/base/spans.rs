//! What the server does by itself, told to whoever traces it: a job's run, a letter that comes in. Requests are traced
//! where they come in. Without a listener it costs a look.

use crate::base::clock::{self, Clock};
use garth_core::Micros;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Something that was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// What, of few names: never of whom.
    pub name: &'static str,
    /// How it ended, of few words.
    pub outcome: &'static str,
    /// When it began.
    pub started_at: Micros,
    /// How long it took.
    pub took: Duration,
}

type Listener = Box<dyn Fn(&Span) + Send + Sync>;

/// Where it is told.
#[derive(Default)]
pub struct Spans(OnceLock<Listener>);

impl Spans {
    /// Tells everything from now on; only the first listener is told.
    pub fn listen(&self, listener: impl Fn(&Span) + Send + Sync + 'static) {
        let _ = self.0.set(Box::new(listener));
    }

    /// Something begins.
    pub fn begin(&self, clock: &Clock, name: &'static str) -> Begun<'_> {
        Begun { spans: self, name, started_at: clock.now(), began: clock::monotonic() }
    }
}

/// Something that has begun; it is told when it ends.
pub struct Begun<'a> {
    spans: &'a Spans,
    name: &'static str,
    started_at: Micros,
    began: Instant,
}

impl Begun<'_> {
    /// It ended so.
    pub fn ends(self, outcome: &'static str) {
        if let Some(listener) = self.spans.0.get() {
            let (name, started_at, took) = (self.name, self.started_at, self.began.elapsed());
            listener(&Span { name, outcome, started_at, took });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[test]
    fn what_ends_is_told_to_whoever_listens() {
        let (spans, clock) = (Spans::default(), Clock::standing(7));
        spans.begin(&clock, "letter").ends("accepted");
        let heard: Arc<Mutex<Vec<Span>>> = Arc::default();
        let kept = Arc::clone(&heard);
        spans.listen(move |span| kept.lock().expect("a list").push(*span));
        spans.begin(&clock, "letter").ends("refused");
        let heard = heard.lock().expect("a list");
        let [span] = heard.as_slice() else { panic!("one: {heard:?}") };
        assert_eq!((span.name, span.outcome, span.started_at), ("letter", "refused", 7));
    }
}
