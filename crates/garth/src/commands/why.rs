//! `garth why`: the decision step by step.

use crate::options::Question;
use crate::output::{self, Failure};
use crate::store;
use garth_server::access::Ctx;
use garth_server::questions;
use serde_json::{Value, json};
use std::process::ExitCode;

/// Explains one answer; the exit code is that of `garth check`.
pub async fn run(typed: Question) -> Result<ExitCode, Failure> {
    let ctx = Ctx::system(store::look(&typed.place).await?);
    let question =
        questions::Question { subject: typed.subject.clone(), action: typed.action.clone(), target: typed.target };
    let (named, explanation) = questions::why(&ctx, &question).await?;
    if typed.json {
        let steps: Vec<Value> = explanation
            .steps
            .iter()
            .map(|step| json!({ "step": step.step, "outcome": step.outcome, "because": step.because }))
            .collect();
        output::print_json(&json!({ "decision": explanation.decision, "steps": steps }));
    } else {
        let answer = if explanation.decision { "allowed" } else { "denied" };
        let mut rows = Vec::new();
        for step in &explanation.steps {
            let outcome = step.outcome.replace('_', " ");
            let mut reasons = step.because.split("; ").map(str::to_owned);
            rows.push(vec![format!("  {}", step.step), outcome, reasons.next().unwrap_or_default()]);
            // A second reason stands below the first.
            rows.extend(reasons.map(|more| vec![String::new(), String::new(), more]));
        }
        let about = output::about(&named);
        output::print(&format!("{answer}: {} {} {about}\n\n{}", typed.subject, typed.action, output::table(&rows)));
    }
    Ok(ExitCode::from(u8::from(!explanation.decision)))
}
