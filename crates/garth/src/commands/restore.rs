//! `garth restore`: a backup into an empty place.

use crate::commands::backup::first_line;
use crate::options::{DATA, Restore};
use crate::output::{self, Failure, Progress};
use crate::store;
use garth_server::backup;
use garth_server::base::clock;
use std::process::ExitCode;

/// Restores it.
pub async fn run(typed: Restore) -> Result<ExitCode, Failure> {
    let config = store::config(&typed.place.effective()?.settings, DATA, String::new());
    let data_dir = config.data_dir.unwrap_or_default();
    let wanted = backup::Restore {
        file: typed.file.clone(),
        target: config.target,
        data_dir: data_dir.clone(),
        passphrase: typed.passphrase_file.as_deref().map(first_line).transpose()?,
        master_key: typed.master_key.as_deref().map(first_line).transpose()?,
        keep_keys: typed.keep_keys,
        clock: config.clock,
    };
    let mut progress = Progress::new();
    let mut stages = |stage: &'static str, done, all| progress.show(stage, done, all);
    let restored = backup::restore(wanted, &mut stages).await;
    progress.end();
    let restored = restored?;
    let header = restored.header;
    if typed.json {
        output::print_json(&serde_json::json!({
            "made_at": clock::to_text(header.made_at),
            "engine": header.engine,
            "rows": header.rows,
            "sessions_ended": restored.sessions_ended,
            "api_keys_disabled": restored.keys_disabled,
            "api_keys_kept": typed.keep_keys,
        }));
        return Ok(ExitCode::SUCCESS);
    }
    let keys = match (typed.keep_keys, restored.keys_disabled) {
        (true, _) => "API keys go on working, those too that were revoked after the backup was made.".to_owned(),
        (false, 0) => "There was no API key to disable.".to_owned(),
        (false, keys) => format!("{keys} API keys are disabled until somebody rotates them."),
    };
    output::print(&format!(
        "Restored {} rows from {}, as they were at {}.\n{} sessions have ended; everybody signs in anew. {keys}\n\
         Now look with garth verify, and start the server.\n",
        header.all_rows(),
        typed.file.display(),
        clock::to_text(header.made_at),
        restored.sessions_ended,
    ));
    Ok(ExitCode::SUCCESS)
}
