//! What can be typed: one list that drives parsing, help and completions.

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

/// Where the data lies when nobody says.
pub const DATA: &str = "garth-data";
/// Where the demo's data lies when nobody says.
pub const DEMO_DATA: &str = "garth-demo-data";

const EXIT_CODES: &str = "\
Exit codes: 0 done or allowed, 1 refused or failed, 2 wrong usage.";

/// Gives any product its spaces: who belongs where, and who may do what to which resource.
#[derive(Parser)]
#[command(name = "garth", version, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub struct Options {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Run the server
    Serve(Serve),
    /// Ask whether somebody may do something
    Check(Question),
    /// Explain, step by step, why somebody may or may not do something
    Why(Question),
    /// List the people who may do something, and where each of them has it from
    Who(WhoQuestion),
    /// Print what a shell needs to complete these commands
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Args)]
pub struct Serve {
    /// Fill an empty installation with four example organisations
    #[arg(long)]
    pub demo: bool,
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS", env = "GARTH_LISTEN", default_value = "127.0.0.1:7400", value_parser = address)]
    pub listen: SocketAddr,
    /// How clients reach this server, for links and discovery [default: http://ADDRESS]
    #[arg(long, value_name = "URL", env = "GARTH_PUBLIC_URL", value_parser = web_url)]
    pub public_url: Option<String>,
    /// How the log is written
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    #[command(flatten)]
    pub place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

/// Where the data lies.
#[derive(Args)]
pub struct Place {
    /// The folder of the embedded database and of the installation's key [default: garth-data]
    #[arg(long, value_name = "DIR", env = "GARTH_DATA", value_hint = ValueHint::DirPath)]
    pub data: Option<PathBuf>,
    /// A PostgreSQL database instead of the embedded one, as postgres://…
    #[arg(long, value_name = "URL", env = "GARTH_DATABASE", hide_env_values = true)]
    pub database: Option<String>,
}

const NAMING: &str = "\
SUBJECT is @username, user:@username, group:@name, group:everyone or anonymous.
ACTION  is read, write, or a permission such as task:triage.
TARGET  is a resource by its code (T-7KQ2-M9XD) or as task:<code or id>,
        or a space as space:<id> or space:<path>, such as space:Atlas/Security.

The store is only read, also beside a running server.
Exit codes: 0 allowed, 1 not allowed or failed, 2 wrong usage.";

#[derive(Args)]
#[command(after_help = NAMING)]
pub struct Question {
    /// Who asks
    pub subject: String,
    /// What they want to do
    pub action: String,
    /// What they want to do it to
    pub target: String,
    #[command(flatten)]
    pub place: Place,
    /// Answer as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
#[command(after_help = NAMING)]
pub struct WhoQuestion {
    /// What they want to do
    pub action: String,
    /// What they want to do it to
    pub target: String,
    #[command(flatten)]
    pub place: Place,
    /// Answer as JSON
    #[arg(long)]
    pub json: bool,
}

/// An address and a port; a name such as `localhost` is looked up.
fn address(text: &str) -> Result<SocketAddr, String> {
    let found =
        text.to_socket_addrs().map_err(|_| "must be an address and a port, such as 127.0.0.1:7400".to_owned())?;
    // 127.0.0.1 before ::1, as the default is.
    let mut found: Vec<SocketAddr> = found.collect();
    found.sort_by_key(SocketAddr::is_ipv6);
    found.first().copied().ok_or_else(|| "is not the name of any machine".to_owned())
}

fn web_url(text: &str) -> Result<String, String> {
    match text.split_once("://") {
        Some(("http" | "https", rest)) if !rest.is_empty() => Ok(text.to_owned()),
        _ => Err("must begin with http:// or https://".to_owned()),
    }
}
