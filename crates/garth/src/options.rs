//! What can be typed: one list that drives parsing, help and completions.

mod keep;

pub use keep::{Admin, AdminCommand, Backup, Keys, KeysCommand, Restore, Space, SpaceCommand, Unlock, Verify};

use crate::settings::Typed;
use clap::{Args, Parser, Subcommand};

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
    /// Ask the server of these settings, on this machine, whether it can answer
    Health(Health),
    /// Print the settings that hold, and where each came from
    Config(ShowConfig),
    /// Ask whether somebody may do something
    Check(Question),
    /// Explain, step by step, why somebody may or may not do something
    Why(Question),
    /// List the people who may do something, and where each of them has it from
    Who(WhoQuestion),
    /// Write everything of an installation into one file, also while its server runs
    Backup(Backup),
    /// Put a backup back into an empty place
    Restore(Restore),
    /// Look an installation over, also while its server runs
    Verify(Verify),
    /// Write a space into a file, or read one into a space
    Space(Space),
    /// Exchange the keys that secrets are sealed under
    Keys(Keys),
    /// Break glass: make somebody administrator of a space that nobody gets into any more
    Unlock(Unlock),
    /// Make a system administrator, or a link to a new password
    Admin(Admin),
    /// Print what a shell needs to complete these commands
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

const SETTINGS: &str = "\
Each setting can also stand in the file, as listen = \"…\", or in the environment. Flags are stronger than the
environment, and that is stronger than the file. garth config prints what holds.";

#[derive(Args)]
#[command(after_help = SETTINGS)]
pub struct Serve {
    /// Fill an empty installation with four example organisations
    #[arg(long)]
    pub demo: bool,
    #[command(flatten)]
    pub settings: Typed<true>,
}

const HEALTH: &str = "\
For container engines and supervisors. It speaks HTTPS when the settings name a certificate, and trusts that one alone.
Exit codes: 0 ready, 1 not ready or not there, 2 wrong usage.";

#[derive(Args)]
#[command(after_help = HEALTH)]
pub struct Health {
    /// Answer as JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub settings: Typed<true>,
}

#[derive(Args)]
#[command(after_help = SETTINGS)]
pub struct ShowConfig {
    /// Answer as JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub settings: Typed<true>,
}

/// Where the data lies.
pub type Place = Typed<false>;

const NAMING: &str = "\
SUBJECT is @username, user:@username, group:@name, group:everyone, anonymous,
        or resource:<code or id> for what acts on behalf of a resource.
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
