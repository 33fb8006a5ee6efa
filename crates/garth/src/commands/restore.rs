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
        dry_run: typed.dry_run,
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
            "observer_keys_removed": restored.observers_removed,
            "runs_cancelled": restored.runs_cancelled,
            "dry_run": typed.dry_run,
        }));
        return Ok(ExitCode::SUCCESS);
    }
    let (rows, made_at) = (header.all_rows(), clock::to_text(header.made_at));
    let file = typed.file.display();
    if typed.dry_run {
        output::print(&format!(
            "This would restore {rows} rows from {file}, as they were at {made_at}:\n{}\n\
             {} sessions would end, {} API keys be disabled, {} keys of observers be removed, and {} runs of jobs be cancelled.\n\
             Nothing was written.\n",
            output::table(
                &header
                    .rows
                    .iter()
                    .map(|(table, rows)| vec![format!("  {table}"), rows.to_string()])
                    .collect::<Vec<_>>()
            ),
            restored.sessions_ended,
            restored.keys_disabled,
            restored.observers_removed,
            restored.runs_cancelled,
        ));
        return Ok(ExitCode::SUCCESS);
    }
    let keys = match (typed.keep_keys, restored.keys_disabled) {
        (true, _) => "API keys go on working, those too that were revoked after the backup was made.".to_owned(),
        (false, 0) => "There was no API key to disable.".to_owned(),
        (false, keys) => format!("{keys} API keys are disabled until somebody rotates them."),
    };
    let runs = match restored.runs_cancelled {
        0 => String::new(),
        runs => format!("{runs} runs of jobs that were under way are cancelled.\n"),
    };
    output::print(&format!(
        "Restored {rows} rows from {file}, as they were at {made_at}.\n{} sessions have ended; everybody signs in anew. \
         {keys}\n{runs}Now look with garth verify, and start the server.\n",
        restored.sessions_ended,
    ));
    Ok(ExitCode::SUCCESS)
}
