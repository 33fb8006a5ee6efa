//! `garth verify`: is everything as it should be, in the installation or in a backup?

use crate::commands::backup::first_line;
use crate::options::{DATA, Verify};
use crate::output::{self, Failure, Progress};
use crate::store;
use garth_server::backup;
use garth_server::base::clock;
use garth_server::verify::{self, Finding, LogEnd, Report};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

/// Looks and tells; the exit code says it as well.
pub async fn run(typed: Verify) -> Result<ExitCode, Failure> {
    if let Some(file) = typed.file.clone() {
        return look(typed, file).await;
    }
    let config = store::found(&typed.place)?;
    let mut progress = Progress::new();
    let mut stages = |stage: &'static str, done, all| progress.show(stage, done, all);
    let report = verify::verify(&config, &mut stages).await;
    progress.end();
    let report = report.map_err(store::failure)?;
    if typed.json {
        output::print_json(&as_json(&report));
    } else {
        output::print(&as_text(&report));
    }
    Ok(ExitCode::from(u8::from(!report.findings.is_empty())))
}

/// Looks at a backup.
async fn look(typed: Verify, file: PathBuf) -> Result<ExitCode, Failure> {
    let config = store::config(&typed.place.effective()?.settings, DATA, String::new());
    let wanted = backup::Look {
        file: file.clone(),
        passphrase: typed.passphrase_file.as_deref().map(first_line).transpose()?,
        master_key: typed.master_key.as_deref().map(first_line).transpose()?,
        data_dir: config.data_dir.unwrap_or_default(),
    };
    let mut progress = Progress::new();
    let mut stages = |stage: &'static str, done, all| progress.show(stage, done, all);
    let checked = backup::look(wanted, &mut stages).await;
    progress.end();
    let checked = checked?;
    let header = checked.header;
    if typed.json {
        output::print_json(&json!({
            "sound": true,
            "made_at": clock::to_text(header.made_at),
            "engine": header.engine,
            "schema": header.schema,
            "program": header.program,
            "sealed": checked.sealed,
            "carries_key": header.key.is_some(),
            "made_here": checked.made_here,
            "rows": header.rows,
        }));
        return Ok(ExitCode::SUCCESS);
    }
    let maker = match checked.made_here {
        true => "It was made by the installation of the key that is at hand.",
        false => "Who made it is not known without the installation's key.",
    };
    let (rows, made_at) = (header.all_rows(), clock::to_text(header.made_at));
    output::print(&format!("{} is whole: {rows} rows, as they were at {made_at}.\n{maker}\n", file.display()));
    Ok(ExitCode::SUCCESS)
}

fn as_json(report: &Report) -> Value {
    let finding = |f: &Finding| json!({ "check": f.check, "where": f.place, "problem": f.problem, "remedy": f.remedy });
    let log = |l: &LogEnd| json!({ "space": l.space, "entries": l.entries, "last": l.last, "mac": l.mac });
    json!({
        "sound": report.findings.is_empty(),
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
        "checked": report.checked,
        "logs": report.logs.iter().map(log).collect::<Vec<_>>(),
    })
}

fn as_text(report: &Report) -> String {
    let mut text = String::new();
    for Finding { check, place, problem, remedy } in &report.findings {
        text.push_str(&format!("{check}: {place}: {problem}; {remedy}.\n"));
    }
    let checked: Vec<String> = report.checked.iter().map(|(what, count)| format!("{count} {what}")).collect();
    match report.findings.len() {
        0 => text.push_str("All is well.\n"),
        1 => text.push_str("\n1 finding.\n"),
        many => text.push_str(&format!("\n{many} findings.\n")),
    }
    text.push_str(&format!("Looked at {}.\n", checked.join(", ")));
    if let Some(log) = report.logs.iter().find(|log| log.space.is_empty()) {
        text.push_str(&format!("The system's log ends at entry {}, {}.\n", log.last, log.mac));
    }
    text
}
