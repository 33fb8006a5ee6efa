//! `garth serve`: opens the installation, listens, says how to sign in, and stops tidily when told to.

use crate::commands::backup::first_line;
use crate::options::{DATA, DEMO_DATA, Serve};
use crate::output::{self, Failure};
use crate::serving::{self, Certificate, Doors, Signals};
use crate::settings::Settings;
use crate::{logging, store, traces};
use garth_server::base::schedule::Schedule;
use garth_server::health::alerts;
use garth_server::local::Door;
use garth_server::{App, Config, backup, inbound, jobs, resources, scenarios};
use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;

/// Connections to the listener of metrics.
const COLLECTORS: usize = 32;

/// Serves until the process is told to stop.
pub async fn run(options: Serve) -> Result<ExitCode, Failure> {
    let settings = options.settings.effective()?.settings;
    logging::start(&settings);
    if options.demo && !settings.listen.ip().is_loopback() {
        return Err(Failure(
            "Everybody knows the demo's password: --demo listens on a loopback address only, such as 127.0.0.1:7400."
                .to_owned(),
        ));
    }
    // First what it serves on: without that nothing is opened, and nothing made.
    let certificate = Certificate::read(&settings).await?;
    let listener = serving::listen(settings.listen, "--listen")?;
    let address = listener.local_addr().map_err(|e| Failure(format!("The address is not known: {e}.")))?;
    let metrics = settings.metrics_listen.map(|wanted| serving::listen(wanted, "--metrics-listen")).transpose()?;
    let letters = settings.smtp.map(|wanted| serving::listen(wanted, "--smtp")).transpose()?;
    let scheme = if certificate.is_some() { "https" } else { "http" };
    let here = format!("{scheme}://{address}");
    let fallback = if options.demo { DEMO_DATA } else { DATA };
    let config = store::config(&settings, fallback, settings.public_url.clone().unwrap_or_else(|| here.clone()));
    let config = Config { mail: settings.smtp().map_err(Failure)?, incoming: settings.incoming(), ..config };
    let backups = backups(&settings, &config)?;
    let app = App::open(config.clone()).await.map_err(store::failure)?;
    let front = Front { settings, listener, metrics, letters, certificate, here };
    let served = match backup::begin(&app, backups.as_ref()).await {
        Ok(()) => fill_and_serve(&app, &config, front, options.demo, backups).await,
        Err(trouble) => Err(trouble.into()),
    };
    app.shutdown().await;
    served.map(|()| ExitCode::SUCCESS)
}

/// What the world sees of the server.
struct Front {
    settings: Settings,
    listener: TcpListener,
    metrics: Option<TcpListener>,
    letters: Option<TcpListener>,
    certificate: Option<Certificate>,
    /// The address, as one writes it into a browser on this machine.
    here: String,
}

/// What the server backs up by itself, if that is wanted.
fn backups(settings: &Settings, config: &Config) -> Result<Option<backup::Plan>, Failure> {
    let (Some(folder), Some(schedule)) = (settings.backup_folder.clone(), &settings.backup_schedule) else {
        return Ok(None);
    };
    let schedule = Schedule::read(schedule, &settings.backup_time_zone)
        .map_err(|why| Failure(format!("The setting backup_schedule {why}.")))?;
    backup::expect_folder(&folder)?;
    let passphrase = settings.backup_passphrase_file.as_deref().map(first_line).transpose()?;
    if passphrase.as_ref().is_some_and(|passphrase| passphrase.chars().count() < backup::PASSPHRASE_MIN) {
        let least = backup::PASSPHRASE_MIN;
        return Err(Failure(format!(
            "The passphrase of backup_passphrase_file must be at least {least} characters long."
        )));
    }
    Ok(Some(backup::Plan { config: config.clone(), folder, schedule, keep: settings.backup_keep, passphrase }))
}

async fn fill_and_serve(
    app: &Arc<App>,
    config: &Config,
    front: Front,
    demo: bool,
    backups: Option<backup::Plan>,
) -> Result<(), Failure> {
    let mut signals = Signals::new()?;
    let fresh = demo && app.needs_setup();
    if fresh {
        output::print("Filling the demo, which takes a few seconds …\n");
        scenarios::load_demo(app).await?;
    }
    let local = local_door(app, config).await;
    output::print(&greeting(app, config, &front.here, demo, fresh));
    let mut doors = Doors::default();
    let router = garth_server::router(Arc::clone(app));
    // Held until the end: what is left is sent then.
    let (router, _traces) = traces::traced(router, &app.spans, front.settings.otlp_endpoint.as_deref())?;
    // Held until the end: who is there is let go then.
    let _letters = front.letters.map(|listener| letters(app, listener, front.certificate.as_ref())).transpose()?;
    doors.open(front.listener, router, front.settings.connections, front.certificate)?;
    if let Some(listener) = front.metrics {
        doors.open(listener, garth_server::metrics_router(Arc::clone(app)), COLLECTORS, None)?;
    }
    let housekeeping = tokio::spawn(Arc::clone(app).keep_house());
    let cutting = tokio::spawn(resources::keep_words(Arc::clone(app)));
    let watching = tokio::spawn(alerts::watch(Arc::clone(app)));
    let working = tokio::spawn(jobs::work(Arc::clone(app)));
    let backing_up = backups.map(|plan| tokio::spawn(backup::work(Arc::clone(app), plan)));
    let served = doors.until_told(&mut signals).await;
    drop(local);
    housekeeping.abort();
    cutting.abort();
    watching.abort();
    working.abort();
    if let Some(backing_up) = backing_up {
        backing_up.abort();
    }
    served
}

/// The door for letters.
fn letters(app: &Arc<App>, listener: TcpListener, certificate: Option<&Certificate>) -> Result<inbound::Door, Failure> {
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, tls = certificate.is_some(), "letters to addresses of spaces are taken here");
    }
    let listener = tokio::net::TcpListener::from_std(listener);
    let listener = listener.map_err(|e| Failure(format!("The door for letters cannot be opened: {e}.")))?;
    Ok(inbound::Door::open(Arc::clone(app), listener, certificate.map(Certificate::for_letters)))
}

/// The door for commands on this machine. Without it the server serves all the same.
async fn local_door(app: &Arc<App>, config: &Config) -> Option<Door> {
    let folder = config.data_dir.as_deref()?;
    match Door::open(Arc::clone(app), folder, &config.target).await {
        Ok(door) => Some(door),
        Err(error) => {
            let folder = folder.display();
            tracing::warn!(%error, %folder, "there is no local door: garth unlock and garth admin do not reach this server");
            None
        }
    }
}

/// What somebody in front of the terminal needs to know.
fn greeting(app: &App, config: &Config, here: &str, demo: bool, fresh: bool) -> String {
    let mut text = format!("Garth is listening on {here}\n");
    let folder = config.data_dir.as_deref().map(|dir| dir.display().to_string()).unwrap_or_default();
    if let Some(token) = app.setup_token() {
        text.push_str(&format!(
            "\nNobody can sign in yet. Make the first system administrator, with a name and a password of your choice: open\n\
             {here}/setup and bring the token {token}, or\n\n\
             \x20 curl {here}/api/v1/setup -H 'content-type: application/json' \\\n\
             \x20   -d '{{\"token\": \"{token}\", \"username\": \"…\", \"password\": \"…\"}}'\n\n\
             The token lies in {folder}/setup-token, too, until it is used.\n"
        ));
    }
    if demo && !fresh {
        text.push_str(&format!(
            "\nThe data in {folder} was there already and is served as it is; the demo is filled in only once.\n"
        ));
    }
    if demo {
        let rows: Vec<Vec<String>> =
            scenarios::DEMO_PEOPLE.iter().map(|(who, shows)| vec![format!("  {who}"), (*shows).to_owned()]).collect();
        let (first, password) = (scenarios::DEMO_PEOPLE[0].0, scenarios::DEMO_PASSWORD);
        text.push_str(&format!(
            "\nEverybody's password is {password}. Some of the people:\n\n{}\n  curl {here}/api/v1/login \
             -H 'content-type: application/json' \\\n    -d '{{\"username\": \"{first}\", \"password\": \"{password}\"}}'\n",
            output::table(&rows)
        ));
    }
    text
}
