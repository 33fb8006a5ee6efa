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
}
