//! From settings to an opened installation.

use crate::options::{DATA, Place};
use crate::output::Failure;
use crate::settings::Settings;
use garth_server::base::clock::Clock;
use garth_server::base::db::{DbError, Target};
use garth_server::{App, Config};
use std::path::PathBuf;
use std::sync::Arc;

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
    }
}

/// Opens the installation for looking only, beside a server that may be running.
pub async fn look(place: &Place) -> Result<Arc<App>, Failure> {
    let config = config(&place.effective()?.settings, DATA, String::new());
    if let Target::Sqlite(file) = &config.target
        && !file.exists()
    {
        return Err(Failure(format!(
            "There is no Garth data in {}; say with --data where it lies.",
            file.parent().unwrap_or(file).display()
        )));
    }
    App::open_read_only(config).await.map_err(failure)
}

/// Why the store could not be opened, in one sentence.
pub fn failure(error: DbError) -> Failure {
    Failure(match error {
        DbError::NewerSchema { .. } | DbError::AlreadyRunning => error.to_string(),
        DbError::Unavailable(why) => format!("The database cannot be reached: {why}."),
        other => format!("The database cannot be opened: {other}."),
    })
}
