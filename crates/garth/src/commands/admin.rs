//! `garth admin`: accounts, when nobody can sign in to make or mend one.

use crate::options::{Admin, AdminCommand};
use crate::output::{self, Failure};
use crate::store;
use garth_server::local::Request;
use serde_json::Value;
use std::process::ExitCode;

/// Runs one of its commands.
pub async fn run(typed: Admin) -> Result<ExitCode, Failure> {
    let (request, place, json) = match typed.command {
        AdminCommand::Create { username, name, email, place, json } => {
            (Request::CreateAdmin { username, name, email }, place, json)
        }
        AdminCommand::ResetLink { username, place, json } => (Request::ResetLink { username }, place, json),
    };
    let reset = matches!(request, Request::ResetLink { .. });
    let done = store::change(&place, request).await?;
    if json {
        output::print_json(&done);
    } else {
        output::print(&as_text(&done, reset));
    }
    Ok(ExitCode::SUCCESS)
}

/// What whoever passes the link on needs to know.
fn as_text(done: &Value, reset: bool) -> String {
    let text = |field: &str| done[field].as_str().unwrap_or_default().to_owned();
    let (who, token, until) = (text("username"), text("token"), text("expires_at"));
    let what = if reset { "sets a new password" } else { "signs up as a system administrator" };
    let mut told = format!("@{who} {what} with this, once, until {until}:\n\n");
    if done["link"].is_string() {
        told.push_str(&format!("  {}\n\n", text("link")));
    }
    told.push_str(&format!(
        "  POST /api/v1/signup  {{\"token\": \"{token}\", \"password\": \"…\"}}\n\n\
         It is shown this once. Pass it on by a way that only @{who} reads.\n"
    ));
    if done["disabled"] == true {
        told.push_str(&format!("The account of @{who} is disabled: the link works when it is enabled again.\n"));
    } else if reset {
        told.push_str("Using it ends their sessions and makes new recovery codes.\n");
    }
    told
}
