//! `garth check`: may they? The exit code says it as well.

use crate::options::Question;
use crate::output::{self, Failure};
use crate::store;
use garth_server::access::Ctx;
use garth_server::questions;
use std::process::ExitCode;

/// Answers one question.
pub async fn run(typed: Question) -> Result<ExitCode, Failure> {
    let ctx = Ctx::system(store::look(&typed.place).await?);
    let question = questions::Question { subject: typed.subject, action: typed.action, target: typed.target };
    let allowed = questions::check(&ctx, &question).await?;
    if typed.json {
        output::print_json(&serde_json::json!({ "decision": allowed }));
    } else {
        output::print(if allowed { "allowed\n" } else { "denied\n" });
    }
    Ok(ExitCode::from(u8::from(!allowed)))
}
