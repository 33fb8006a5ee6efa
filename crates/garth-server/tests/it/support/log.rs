//! What the server logs while a story is told. A WARN or an ERROR is for somebody to look at, so one that the story did
//! not expect fails it; and a story can read everything that is logged, to look for what must not be there.
//!
//! There is one log in a process. nextest tells each story in a process of its own; under plain `cargo test` stories
//! share it, and what one expects, all may log.

use std::fmt::{Debug, Write};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Metadata, Subscriber, span};

static LOG: Mutex<Log> = Mutex::new(Log { expected: Vec::new(), troubles: Vec::new(), everything: None });

struct Log {
    expected: Vec<String>,
    troubles: Vec<String>,
    everything: Option<String>,
}

fn log() -> MutexGuard<'static, Log> {
    LOG.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Listens from now on; asking again changes nothing.
pub fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing::subscriber::set_global_default(Listener).expect("nobody else listens"));
}

/// A WARN or an ERROR with this in it is what a story wants to see.
pub fn expect(part: &str) {
    log().expected.push(part.to_owned());
}

/// The troubles that nobody expected.
pub fn unexpected() -> Vec<String> {
    let mut log = log();
    let troubles = std::mem::take(&mut log.troubles);
    troubles.into_iter().filter(|trouble| !log.expected.iter().any(|part| trouble.contains(part))).collect()
}

/// Keeps everything from now on, of every level and every library.
pub fn record() {
    log().everything.get_or_insert_default();
}

/// What was kept.
pub fn recorded() -> String {
    log().everything.clone().expect("a story that records")
}

struct Listener;

impl Subscriber for Listener {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::TRACE)
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        let mut log = log();
        if let Some(everything) = &mut log.everything {
            let mut line = Line(span.metadata().name().to_owned());
            span.record(&mut line);
            let _ = writeln!(everything, "{}", line.0);
        }
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        let mut log = log();
        if let Some(everything) = &mut log.everything {
            let mut line = Line(String::new());
            values.record(&mut line);
            let _ = writeln!(everything, "{}", line.0);
        }
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let trouble = *event.metadata().level() <= Level::WARN;
        let mut log = log();
        if !trouble && log.everything.is_none() {
            return;
        }
        let mut line = Line(format!("{} {}", event.metadata().level(), event.metadata().target()));
        event.record(&mut line);
        if let Some(everything) = &mut log.everything {
            let _ = writeln!(everything, "{}", line.0);
        }
        if trouble {
            log.troubles.push(line.0);
        }
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }
}
