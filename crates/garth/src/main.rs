//! Garth's command line: reads what was typed, runs one command, ends with its exit code.

mod commands;
mod logging;
mod options;
mod output;
mod serving;
mod settings;
mod store;
mod traces;

use clap::Parser;
use options::{Command, Options};
use output::Failure;
use std::process::ExitCode;
use std::time::Duration;

/// So long a server that ended waits for what goes on beside it.
const PATIENCE: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let options = Options::parse();
    match run(options.command) {
        Ok(code) => code,
        Err(Failure(sentence)) => {
            output::complain(&sentence);
            ExitCode::from(1)
        }
    }
}

fn run(command: Command) -> Result<ExitCode, Failure> {
    // Before anything speaks TLS; it can only fail when a provider is there already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match command {
        Command::Serve(options) => {
            let runtime = runtime(true)?;
            let ended = runtime.block_on(commands::serve::run(options));
            // A backup that is being made keeps nobody waiting: the next server says that it failed, and clears it away.
            runtime.shutdown_timeout(PATIENCE);
            ended
        }
        Command::Health(options) => commands::health::run(options),
        Command::Config(options) => commands::config::run(options),
        Command::Check(question) => runtime(false)?.block_on(commands::check::run(question)),
        Command::Why(question) => runtime(false)?.block_on(commands::why::run(question)),
        Command::Who(question) => runtime(false)?.block_on(commands::who::run(question)),
        Command::Backup(options) => runtime(false)?.block_on(commands::backup::run(options)),
        Command::Restore(options) => runtime(false)?.block_on(commands::restore::run(options)),
        Command::Verify(options) => runtime(false)?.block_on(commands::verify::run(options)),
        Command::Space(options) => runtime(false)?.block_on(commands::space::run(options)),
        Command::Keys(options) => runtime(false)?.block_on(commands::keys::run(options)),
        Command::Unlock(options) => runtime(false)?.block_on(commands::unlock::run(options)),
        Command::Admin(options) => runtime(false)?.block_on(commands::admin::run(options)),
        Command::Completions { shell } => commands::completions::run(shell),
    }
}

/// A server takes every processor; a question takes one.
fn runtime(many: bool) -> Result<tokio::runtime::Runtime, Failure> {
    let mut builder = match many {
        true => tokio::runtime::Builder::new_multi_thread(),
        false => tokio::runtime::Builder::new_current_thread(),
    };
    builder.enable_all().build().map_err(|e| Failure(format!("The program cannot start: {e}.")))
}
