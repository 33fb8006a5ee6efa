//! `garth keys`: exchanging what secrets are sealed under.

use crate::commands::backup::first_line;
use crate::options::{Keys, KeysCommand};
use crate::output::{self, Failure};
use crate::store;
use garth_server::local::{Hidden, Request};
use serde_json::Value;
use std::process::ExitCode;

/// Runs one of its commands.
pub async fn run(typed: Keys) -> Result<ExitCode, Failure> {
    let KeysCommand::Rotate { space, new_key, place, json } = typed.command;
    let request = match space {
        Some(space) => Request::RotateSpaceKey { space },
        None => Request::RotateKey { new_key: new_key.as_deref().map(first_line).transpose()?.map(Hidden) },
    };
    let done = store::change_shown(&place, request).await?;
    if json {
        output::print_json(&done);
    } else {
        output::print(&as_text(&done));
    }
    Ok(ExitCode::SUCCESS)
}

/// What whoever keeps the installation needs to know.
fn as_text(done: &Value) -> String {
    if let Some(path) = done["path"].as_str() {
        return format!(
            "{path} has another key; {} of its resources had secrets, which lie under it now.\n",
            done["resources"]
        );
    }
    let (key, spaces) = (done["key"].as_str().unwrap_or_default(), &done["spaces"]);
    let mut text = format!("The installation has another key, {key}; it wraps the keys of {spaces} spaces.\n");
    if done["from_environment"] == true {
        text.push_str(
            "Put it into GARTH_MASTER_KEY before the next start: with the former one the server does not start.\n",
        );
    }
    text.push_str("Backups that were made before open with the former key only. Make a new one now.\n");
    text
}
