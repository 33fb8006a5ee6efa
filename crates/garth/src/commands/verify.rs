//! `garth verify`: is everything as it should be?

use crate::options::Verify;
use crate::output::{self, Failure, Progress};
use crate::store;
use garth_server::verify::{self, Finding, LogEnd, Report};
use serde_json::{Value, json};
use std::process::ExitCode;

/// Looks and tells; the exit code says it as well.
pub async fn run(typed: Verify) -> Result<ExitCode, Failure> {
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
