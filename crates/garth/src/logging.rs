//! The log: on the error output, for people or as JSON, filtered by level.
//!
//! Levels say who must act. ERROR: wake somebody. WARN: look today. INFO: what happened. DEBUG: why.

use crate::settings::{LogFormat, Settings};
use std::io::IsTerminal;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// Starts the log of this program.
pub fn start(settings: &Settings) {
    let written = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && settings.log_format == LogFormat::Text);
    let written = match settings.log_format {
        LogFormat::Text => written.with_target(false).boxed(),
        LogFormat::Json => written.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(written.with_filter(EnvFilter::new(&settings.log_filter))).init();
    std::panic::set_hook(Box::new(|panic| {
        // A text that was put together may hold what nobody should read; one that stands in the source does not.
        let what = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("(not told)");
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, what, "a panic: a fault of the program");
    }));
}
