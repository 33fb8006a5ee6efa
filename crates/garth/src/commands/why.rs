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
        let answer =
            serde_json::to_value(&explanation).map_err(|e| Failure(format!("The answer cannot be written: {e}.")))?;
        output::print_json(&answer);
    } else {
        let answer = if explanation.decision { "allowed" } else { "denied" };
        let mut rows = Vec::new();
        for step in &explanation.steps {
            let outcome = step.outcome.replace('_', " ");
            rows.push(vec![format!("  {}", step.step), outcome, step.because.clone()]);
        }
        let about = output::about(&named);
        output::print(&format!("{answer}: {} {} {about}\n\n{}", typed.subject, typed.action, output::table(&rows)));
    }
    Ok(ExitCode::from(u8::from(!explanation.decision)))
}
