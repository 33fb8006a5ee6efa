//! What can be typed to keep an installation: backups, checks, and help in need.

use super::Place;
use clap::{Args, ValueHint};
use std::path::PathBuf;

const BACKUP: &str = "\
The file holds everything but the installation's key, which lies in DIR/master-key or in GARTH_MASTER_KEY: keep that
elsewhere, or let the backup carry it under a passphrase. Whoever reads the file reads everything but secrets.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage.";

#[derive(Args)]
#[command(after_help = BACKUP)]
pub struct Backup {
    /// The file to make; one that is there is not overwritten
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// Let the backup carry the installation's key, sealed under the passphrase in the first line of this file
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
what was revoked after the backup was made must not come back to life. The installation's key is taken from
--passphrase-file or --master-key, else from GARTH_MASTER_KEY or DIR/master-key.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage.";

#[derive(Args)]
#[command(after_help = RESTORE)]
pub struct Restore {
    /// The backup
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// The file with the passphrase of the key that the backup carries
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "master_key")]
    pub passphrase_file: Option<PathBuf>,
    /// The file of the installation's key
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub master_key: Option<PathBuf>,
    /// Let API keys go on working, those too that were revoked after the backup was made
    #[arg(long)]
    pub keep_keys: bool,
    #[command(flatten)]
    pub place: Place,
    /// Answer as JSON
    #[arg(long)]
    pub json: bool,
}
