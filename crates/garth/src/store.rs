//! From settings to an opened installation.

use crate::options::{DATA, Place};
use crate::output::{Failure, Progress};
use crate::settings::Settings;
use garth_server::access::Ctx;
use garth_server::base::clock::Clock;
use garth_server::base::db::{Db, DbError, Mode, Target};
use garth_server::base::told::{self, Told};
use garth_server::local::{self, Answer, Request};
use garth_server::{App, Config};
use serde_json::Value;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// The file of the embedded database, in the data folder.
const FILE: &str = "garth.db";

/// How to open the installation of these settings; `fallback` is its folder when none is given.
pub fn config(settings: &Settings, fallback: &str, public_url: String) -> Config {
    let folder = settings.data.clone().unwrap_or_else(|| PathBuf::from(fallback));
    let target = match &settings.database {
        Some(url) => Target::Postgres(url.clone()),
        None => Target::Sqlite(folder.join(FILE)),
    };
    let capabilities = settings.authzen_capabilities.clone();
    Config {
        target,
        data_dir: Some(folder),
        public_url,
        capabilities,
        clock: Clock::default(),
        limits: settings.limits(),
        // Only who serves sends letters.
        mail: None,
        incoming: None,
        body_check: garth_server::body_check,
    }
}

/// The configuration of an installation that must be there, as far as that can be known without opening it: nothing is
/// made by looking.
pub fn found(place: &Place) -> Result<Config, Failure> {
    let settings = place.effective()?.settings;
    let url = settings.public_url.clone().unwrap_or_default();
    let config = config(&settings, DATA, url);
    match &config.target {
        Target::Sqlite(file) if !file.exists() => Err(Failure(format!(
            "There is no Garth data in {}; say with --data where it lies.",
            file.parent().unwrap_or(file).display()
        ))),
        _ => Ok(config),
    }
}

/// Opens the installation for looking only, beside a server that may be running.
pub async fn look(place: &Place) -> Result<Arc<App>, Failure> {
    App::open_read_only(found(place)?).await.map_err(failure)
}

/// Changes something: by the running server, asked through its local door, or else by opening the installation.
pub async fn change(place: &Place, request: Request) -> Result<Value, Failure> {
    change_telling(place, request, told::nobody()).await
}

/// The same for what takes long, with a bar that shows how far it is.
pub async fn change_shown(place: &Place, request: Request) -> Result<Value, Failure> {
    let progress = Arc::new(Mutex::new(Progress::new()));
    let shown = Arc::clone(&progress);
    let told: Told = Arc::new(move |stage: &str, done, all| {
        shown.lock().unwrap_or_else(PoisonError::into_inner).show(stage, done, all);
    });
    let done = change_telling(place, request, told).await;
    progress.lock().unwrap_or_else(PoisonError::into_inner).end();
    done
}

async fn change_telling(place: &Place, request: Request, told: Told) -> Result<Value, Failure> {
    let config = found(place)?;
    let folder = config.data_dir.clone().unwrap_or_default();
    if let Some(answer) = local::ask(&folder, &config.target, &request, &told).await? {
        return match answer {
            Answer::Done(done) => Ok(done),
            Answer::Refused(sentence) => Err(Failure::said(&sentence)),
        };
    }
    // An installation that is not there is not made by a command.
    Db::open(&config.target, Mode::ReadOnly).await.map_err(failure)?;
    let app = App::open(config).await.map_err(|error| match error {
        DbError::AlreadyRunning => Failure(format!(
            "A server runs on this database, but not from {}: name its data folder with --data.",
            folder.display()
        )),
        other => failure(other),
    })?;
    let done = local::carry_out(&Ctx::system(Arc::clone(&app)), request, told).await;
    app.shutdown().await;
    Ok(done?)
}

/// Why the store could not be opened, in one sentence.
pub fn failure(error: DbError) -> Failure {
    Failure(match error {
        DbError::NewerSchema { .. } | DbError::AlreadyRunning => error.to_string(),
        DbError::Unavailable(why) => format!("The database cannot be reached: {why}."),
        other => format!("The database cannot be opened: {}.", other.to_string().trim_end_matches('.')),
    })
}
