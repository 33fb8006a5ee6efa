//! What can be typed to keep an installation: backups, checks, and help in need.

use super::Place;
use clap::{Args, Subcommand, ValueHint};
use std::path::PathBuf;

const BACKUP: &str = "\
The file holds everything but the installation's key, which lies in DIR/master-key or in GARTH_MASTER_KEY: keep that
elsewhere, and know that whoever reads the file reads everything but secrets. With a passphrase all of the file is sealed
under it, and it carries the key: nothing else is needed to restore it.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage.";

#[derive(Args)]
#[command(after_help = BACKUP)]
pub struct Backup {
    /// The file to make; one that is there is not overwritten
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// Seal the whole backup, with the installation's key in it, under the passphrase in the first line of this file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    pub place: Place,
    /// Answer as JSON
    #[arg(long)]
    pub json: bool,
}

const RESTORE: &str = "\
Ends every session, disables every API key until it is rotated, and makes sign-up and reset links worth nothing:
what was revoked after the backup was made must not come back to life. Runs of jobs that were under way are cancelled.
The installation's key is taken from --passphrase-file or --master-key, else from GARTH_MASTER_KEY or DIR/master-key.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage.";

#[derive(Args)]
#[command(after_help = RESTORE)]
pub struct Restore {
    /// The backup
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// The file with the passphrase that the backup is sealed under
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "master_key")]
    pub passphrase_file: Option<PathBuf>,
    /// The file of the installation's key
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub master_key: Option<PathBuf>,
    /// Let API keys go on working, those too that were revoked after the backup was made
    #[arg(long)]
    pub keep_keys: bool,
    /// Do everything but the last step, say what would be restored, and write nothing where the data would be
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub place: Place,
    /// Answer as JSON
    #[arg(long)]
    pub json: bool,
}

const VERIFY: &str = "\
Looks at the schema, the engine's own checks, everything that names something else, every policy, every sealed secret,
and the chains of the audit. Nothing is changed, and a running server is not disturbed.
With a FILE it looks at that backup instead: is it whole, and did this installation make it?

Exit codes: 0 all is well, 1 something is wrong or could not be looked at, 2 wrong usage.";

#[derive(Args)]
#[command(after_help = VERIFY)]
pub struct Verify {
    /// A backup to look at, instead of the installation
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,
    /// The file with the passphrase that the backup is sealed under
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "master_key", requires = "file")]
    pub passphrase_file: Option<PathBuf>,
    /// The file of the installation's key
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "file")]
    pub master_key: Option<PathBuf>,
    #[command(flatten)]
    pub place: Place,
    /// Answer as JSON
    #[arg(long)]
    pub json: bool,
}

const UNLOCK: &str = "\
For a space that nobody can get into any more, a sealed one too. It stands in the audit of the space and of the system.
While the server runs, it does this itself, asked over DIR/garth.sock.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage.";

#[derive(Args)]
#[command(after_help = UNLOCK)]
pub struct Unlock {
    /// The space, by its id or path, such as Atlas/Security
    #[arg(long, value_name = "SPACE")]
    pub space: String,
    /// Who is to be its administrator, as @username
    #[arg(long, value_name = "USER")]
    pub user: String,
    /// Set the gate of the space to members where it would keep them out
    #[arg(long)]
    pub open_gate: bool,
    /// Do not ask whether it is meant
    #[arg(long)]
    pub yes: bool,
    #[command(flatten)]
    pub place: Place,
    /// Answer as JSON
    #[arg(long)]
    pub json: bool,
}

const ADMIN: &str = "\
While the server runs, it does this itself, asked over DIR/garth.sock. Nobody sets another's password: the link is passed
on, and its owner chooses one.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage.";

#[derive(Args)]
#[command(after_help = ADMIN, disable_help_subcommand = true)]
pub struct Admin {
    #[command(subcommand)]
    pub command: AdminCommand,
}

#[derive(Subcommand)]
pub enum AdminCommand {
    /// Make a system administrator, who signs up with a link that is good for a week
    #[command(after_help = ADMIN)]
    Create {
        /// The name they will sign in with
        username: String,
        /// What people call them
        #[arg(long)]
        name: Option<String>,
        /// Where to write to them
        #[arg(long)]
        email: Option<String>,
        #[command(flatten)]
        place: Place,
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a link, good for a day, by which somebody sets a new password
    #[command(after_help = ADMIN)]
    ResetLink {
        /// Whose account
        username: String,
        #[command(flatten)]
        place: Place,
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
}

const KEYS: &str = "\
Exchanges the installation's key for a new one, in one transaction: every space's key is wrapped by it. Whenever the machine
stops meanwhile, the next start finds the key that fits. With --space it is the key of that space instead, and its secrets
are sealed anew, some hundreds at a time; a command that was cut off goes on when it is typed again.
While the server runs, it does this itself, asked over DIR/garth.sock. Backups stay under the key of their time: keep that
as long as you keep them.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage.";

#[derive(Args)]
#[command(after_help = KEYS, disable_help_subcommand = true)]
pub struct Keys {
    #[command(subcommand)]
    pub command: KeysCommand,
}

#[derive(Subcommand)]
pub enum KeysCommand {
    /// Exchange the installation's key, or that of one space
    #[command(after_help = KEYS)]
    Rotate {
        /// The space whose key is exchanged, by its id or path, such as Atlas/Security
        #[arg(long, value_name = "SPACE", conflicts_with = "new_key")]
        space: Option<String>,
        /// A file with the new key, 32 random bytes in base64 on its first line; without it one is made
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        new_key: Option<PathBuf>,
        #[command(flatten)]
        place: Place,
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
}

const SPACE: &str = "\
One JSON object a line: the space, its grants, its resources with their policies; no secrets, and no keys. It is no backup.
An import makes the resources anew, all of them or none. Kinds, people, groups and named policies are found by name.
While the server runs, it reads the file itself, asked over DIR/garth.sock: it must be allowed to.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage.";

#[derive(Args)]
#[command(after_help = SPACE, disable_help_subcommand = true)]
pub struct Space {
    #[command(subcommand)]
    pub command: SpaceCommand,
}

#[derive(Subcommand)]
pub enum SpaceCommand {
    /// Write everything in a space but its secrets into a file, also while the server runs
    #[command(after_help = SPACE)]
    Export {
        /// The space, by its id or path, such as Atlas/Security
        space: String,
        /// The file to make; one that is there is not overwritten
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        #[command(flatten)]
        place: Place,
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Make everything in such a file anew in a space
    #[command(after_help = SPACE)]
    Import {
        /// The space, by its id or path, such as Atlas/Security
        space: String,
        /// The file
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Take over description, labels, policies and grants of the space, too
        #[arg(long)]
        settings: bool,
        /// Say what would happen, and change nothing
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        place: Place,
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
}
