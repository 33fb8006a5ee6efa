//! `garth backup`: everything in one file, also while the server runs.

use crate::options::Backup;
use crate::output::{self, Failure, Progress};
use crate::store;
use garth_server::backup;
use garth_server::base::clock;
use std::path::Path;
use std::process::ExitCode;

/// Makes it.
pub async fn run(typed: Backup) -> Result<ExitCode, Failure> {
    let config = store::found(&typed.place)?;
    let passphrase = typed.passphrase_file.as_deref().map(first_line).transpose()?;
    let mut progress = Progress::new();
    let mut stages = |stage: &'static str, done, all| progress.show(stage, done, all);
    let made = backup::make(&config, &typed.file, passphrase.as_deref(), &mut stages).await;
    progress.end();
    let made = made?;
    let size = std::fs::metadata(&typed.file).map_or(0, |found| found.len());
    if typed.json {
        output::print_json(&serde_json::json!({
            "file": typed.file.display().to_string(),
            "size_bytes": size,
            "made_at": clock::to_text(made.made_at),
            "engine": made.engine,
            "schema": made.schema,
            "carries_key": made.key.is_some(),
            "sealed": made.key.is_some(),
            "rows": made.rows,
        }));
        return Ok(ExitCode::SUCCESS);
    }
    let key = match made.key {
        Some(_) => "It is sealed under the passphrase, and carries the installation's key.",
        None => "It does not carry the installation's key: keep that too, in another place.",
    };
    let (rows, file) = (made.all_rows(), typed.file.display());
    output::print(&format!("Backed up {rows} rows into {file} ({size} bytes).\n{key}\n"));
    Ok(ExitCode::SUCCESS)
}

/// The first line of a file; what it holds is never shown.
pub fn first_line(file: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|e| Failure(format!("{} cannot be read: {}.", file.display(), output::reason(&e))))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
