//! `garth serve`: opens the installation, listens, says how to sign in, and stops tidily when told to.

use crate::options::{DATA, DEMO_DATA, LogFormat, Serve};
use crate::output::{self, Failure};
use crate::store;
use axum::serve::ListenerExt;
use garth_server::{App, Config, scenarios};
use std::io::{ErrorKind, IsTerminal};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// How long open requests get to finish after the signal to stop.
const GRACE: Duration = Duration::from_secs(10);
/// How often refusals that wait are written.
const FLUSH: Duration = Duration::from_secs(1);

/// Serves until the process is told to stop.
pub async fn run(options: Serve) -> Result<ExitCode, Failure> {
    log(options.log_format);
    if options.demo && !options.listen.ip().is_loopback() {
        return Err(Failure(
            "Everybody knows the demo's password: --demo listens on a loopback address only, such as 127.0.0.1:7400."
                .to_owned(),
        ));
    }
    // First the address: without it nothing is opened, and nothing made.
    let (listener, address) = listen(options.listen).await?;
    let fallback = if options.demo { DEMO_DATA } else { DATA };
    let url = options.public_url.unwrap_or_else(|| format!("http://{address}"));
    let config = store::config(&options.place, fallback, url);
    let app = App::open(config.clone()).await.map_err(store::failure)?;
    let served = fill_and_serve(&app, &config, listener, address, options.demo).await;
    app.shutdown().await;
    served.map(|()| ExitCode::SUCCESS)
}

async fn fill_and_serve(
    app: &Arc<App>,
    config: &Config,
    listener: TcpListener,
    address: SocketAddr,
    demo: bool,
) -> Result<(), Failure> {
    let mut signals = Signals::new()?;
    let fresh = demo && app.needs_setup();
    if fresh {
        output::print("Filling the demo, which takes a few seconds …\n");
        scenarios::load_demo(app).await?;
    }
    output::print(&greeting(app, config, address, demo, fresh));
    serve(app, listener, &mut signals).await
}

async fn listen(wanted: SocketAddr) -> Result<(TcpListener, SocketAddr), Failure> {
    let trouble = |e: std::io::Error| {
        Failure(match e.kind() {
            ErrorKind::AddrInUse => {
                format!(
                    "The address {wanted} is in use by another program; stop that one, or choose another address with --listen."
                )
            }
            _ => format!("The address {wanted} cannot be listened on: {e}."),
        })
    };
    let listener = TcpListener::bind(wanted).await.map_err(trouble)?;
    let address = listener.local_addr().map_err(trouble)?;
    Ok((listener, address))
}

/// Answers requests until a signal comes, then lets the open ones finish.
async fn serve(app: &Arc<App>, listener: TcpListener, signals: &mut Signals) -> Result<(), Failure> {
    let (stop, mut stopped) = tokio::sync::watch::channel(false);
    let router = garth_server::router(Arc::clone(app)).into_make_service_with_connect_info::<SocketAddr>();
    // An answer is one write; it need not wait for more to send along.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    let server = axum::serve(listener, router).with_graceful_shutdown(async move {
        // An error means that nobody can tell us any more, which is a reason to stop as well.
        let _ = stopped.wait_for(|stop| *stop).await;
    });
    let mut server = tokio::spawn(async move { server.await });
    let flusher = tokio::spawn(flush(Arc::clone(app)));
    let ended = tokio::select! {
        ended = &mut server => Some(ended),
        () = signals.next() => None,
    };
    let outcome = match ended {
        Some(ended) => Err(Failure(format!("The server ended by itself: {ended:?}."))),
        None => {
            tracing::info!("stopping; open requests have {} s to finish", GRACE.as_secs());
            stop.send_replace(true);
            tokio::select! {
                _ = &mut server => {}
                () = tokio::time::sleep(GRACE) => tracing::warn!("requests that took too long were cut off"),
                () = signals.next() => tracing::warn!("told to stop again: open requests were cut off"),
            }
            Ok(())
        }
    };
    server.abort();
    flusher.abort();
    outcome
}

/// Writes refusals to the audit, many at a time.
async fn flush(app: Arc<App>) {
    let mut every = tokio::time::interval(FLUSH);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        if let Err(e) = app.flush_refusals().await {
            tracing::warn!(error = %e, "refusals could not be written; they are kept");
        }
    }
}

/// The two signals that mean "stop".
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        let of = |kind| signal(kind).map_err(|e| Failure(format!("Signals cannot be listened to: {e}.")));
        Ok(Self { interrupt: of(SignalKind::interrupt())?, terminate: of(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

fn log(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match format {
        LogFormat::Text => log.with_target(false).init(),
        LogFormat::Json => log.json().init(),
    }
}

/// What somebody in front of the terminal needs to know.
fn greeting(app: &App, config: &Config, address: SocketAddr, demo: bool, fresh: bool) -> String {
    let mut text = format!("Garth is listening on http://{address}\n");
    let folder = config.data_dir.as_deref().map(|dir| dir.display().to_string()).unwrap_or_default();
    if let Some(token) = app.setup_token() {
        text.push_str(&format!(
            "\nNobody can sign in yet. Make the first system administrator, with a name and a password of your choice:\n\n\
             \x20 curl http://{address}/api/v1/setup -H 'content-type: application/json' \\\n\
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
            "\nEverybody's password is {password}. Some of the people:\n\n{}\n  curl http://{address}/api/v1/login \
             -H 'content-type: application/json' \\\n    -d '{{\"username\": \"{first}\", \"password\": \"{password}\"}}'\n",
            output::table(&rows)
        ));
    }
    text
}
