//! `garth space`: a space as a file, written and read back.

use crate::options::{Place, Space, SpaceCommand};
use crate::output::{self, Failure, Progress};
use crate::store;
use garth_server::access::Ctx;
use garth_server::base::error::{Error, Result};
use garth_server::local::Request;
use garth_server::{questions, transfers};
use serde_json::{Value, json};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Runs one of its commands.
pub async fn run(typed: Space) -> std::result::Result<ExitCode, Failure> {
    let (done, as_json) = match typed.command {
        SpaceCommand::Export { space, file, place, json } => (export(&place, &space, &file).await?, json),
        SpaceCommand::Import { space, file, settings, dry_run, place, json } => {
            // The server may run in another folder than this command.
            let file = file.canonicalize().map_err(|e| unreadable(&file, &e))?;
            (store::change_shown(&place, Request::Import { space, file, settings, dry_run }).await?, json)
        }
    };
    match as_json {
        true => output::print_json(&done),
        false => output::print(&as_text(&done)),
    }
    Ok(ExitCode::SUCCESS)
}

fn unreadable(file: &Path, error: &std::io::Error) -> Failure {
    Failure(format!("{} cannot be read: {}.", file.display(), output::reason(error)))
}

async fn export(place: &Place, space: &str, path: &Path) -> std::result::Result<Value, Failure> {
    let ctx = Ctx::system(store::look(place).await?);
    let named = questions::find(&ctx, &format!("space:{space}")).await?;
    // Whoever reads it reads the space.
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|e| match e.kind() {
        ErrorKind::AlreadyExists => Failure(format!("{} is there already; nothing is overwritten.", path.display())),
        _ => Failure(format!("{} cannot be written: {}.", path.display(), output::reason(&e))),
    })?;
    let mut sink = Sink { file, path: path.to_owned(), progress: Progress::new() };
    let written = transfers::export(&ctx, &named.id, &mut sink).await;
    sink.progress.end();
    let written = written.and_then(|resources| sink.file.sync_all().map(|()| resources).map_err(|e| sink.failed(&e)));
    match written {
        Ok(resources) => Ok(
            json!({"space": named.id, "path": named.name, "file": path.display().to_string(), "resources": resources}),
        ),
        Err(error) => {
            // Half a file is none.
            let _ = std::fs::remove_file(path);
            Err(error.into())
        }
    }
}

/// The file, and who watches it grow.
struct Sink {
    file: File,
    path: PathBuf,
    progress: Progress,
}

impl Sink {
    fn failed(&self, error: &std::io::Error) -> Error {
        Error::Malformed(format!("{} cannot be written: {}", self.path.display(), output::reason(error)))
    }
}

impl transfers::Sink for Sink {
    async fn take(&mut self, lines: Vec<u8>, resources: u64) -> Result<()> {
        self.file.write_all(&lines).map_err(|e| self.failed(&e))?;
        self.progress.count("Exporting", resources);
        Ok(())
    }
}

fn as_text(done: &Value) -> String {
    let (path, resources) = (done["path"].as_str().unwrap_or_default(), &done["resources"]);
    if let Some(file) = done["file"].as_str() {
        return format!("Wrote {path} with {resources} resources into {file}.\n");
    }
    let grants = done["grants"].as_u64().unwrap_or_default();
    let grants = if grants > 0 { format!(" and {grants} grants") } else { String::new() };
    let mut text = match done["dry_run"] == true {
        true => format!("Nothing was changed. It would make {resources} resources{grants} in {path}.\n"),
        false => format!("Made {resources} resources{grants} in {path}.\n"),
    };
    match done["secrets_left_out"].as_u64().unwrap_or_default() {
        0 => {}
        left_out => text.push_str(&format!("{left_out} secrets are not in such a file: write them anew.\n")),
    }
    text
}
