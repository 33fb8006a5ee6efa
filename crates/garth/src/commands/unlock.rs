//! `garth unlock`: break glass.

use crate::options::Unlock;
use crate::output::{self, Failure};
use crate::store;
use garth_server::access::Ctx;
use garth_server::local::Request;
use garth_server::questions;
use std::io::{BufRead, IsTerminal, Write};
use std::process::ExitCode;

/// Makes somebody administrator of a space.
pub async fn run(typed: Unlock) -> Result<ExitCode, Failure> {
    let ctx = Ctx::system(store::look(&typed.place).await?);
    // Named by its id from here on, so that what was confirmed is what is done.
    let named = questions::find(&ctx, &format!("space:{}", typed.space)).await?;
    if !typed.yes && !confirmed(&typed, &named.name)? {
        return Err(Failure("Nothing was changed.".to_owned()));
    }
    let request = Request::Unlock { space: named.id, user: typed.user, open_gate: typed.open_gate };
    let done = store::change(&typed.place, request).await?;
    if typed.json {
        output::print_json(&done);
        return Ok(ExitCode::SUCCESS);
    }
    let (who, path) = (done["username"].as_str().unwrap_or_default(), done["path"].as_str().unwrap_or_default());
    let mut text = match done["granted"].as_bool() {
        Some(true) => format!("@{who} is now administrator of {path}.\n"),
        _ => format!("@{who} was administrator of {path} already.\n"),
    };
    if done["gate_opened"] == true {
        text.push_str("Its gate is now members.\n");
    }
    text.push_str("It stands in the audit of the space and of the system.\n");
    output::print(&text);
    Ok(ExitCode::SUCCESS)
}

/// Asks at the terminal; without one nobody can be asked.
fn confirmed(typed: &Unlock, path: &str) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure("Nobody can be asked whether this is meant: say --yes.".to_owned()));
    }
    let gate = if typed.open_gate { ", and may set its gate to members" } else { "" };
    let _ = write!(
        std::io::stderr().lock(),
        "This makes {} administrator of {path}{gate}. It will stand in the audit. Go on? [y/N] ",
        typed.user
    );
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    Ok(read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
