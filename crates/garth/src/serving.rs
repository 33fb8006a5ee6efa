//! The doors of the server: listeners, TLS, patience with slow clients, and a tidy end.

mod guarded;

use crate::output::Failure;
use crate::settings::Settings;
use axum::Router;
use axum_server::accept::{Accept, NoDelayAcceptor};
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use axum_server::{Handle, Server};
use garth_server::inbound::Tls;
use guarded::Door;
use hyper_util::rt::TokioTimer;
use std::io::{ErrorKind, IsTerminal};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;

/// How long open requests get to finish after the signal to stop.
const GRACE: Duration = Duration::from_secs(10);
/// The longest until a whole head of a request is there, and the longest that a connection lies idle between requests:
/// more than the minute after which proxies give up theirs, so that none sends a request into a closing connection.
const HEAD: Duration = Duration::from_secs(75);
/// The largest head of a request, in bytes.
const HEAD_BYTES: usize = 64 * 1024;
/// Requests that one HTTP/2 connection may have open.
const STREAMS: u32 = 128;
/// How often a silent HTTP/2 client is asked whether it is there, and how long it may take to say so.
const PING: Duration = Duration::from_secs(20);

/// A certificate with its key, read again when told to.
pub struct Certificate {
    cert: PathBuf,
    key: PathBuf,
    config: RustlsConfig,
    renewed: Signal,
}

impl Certificate {
    /// Reads the certificate that the settings name, if they name one.
    ///
    /// # Errors
    /// When the files cannot be read or do not fit one another.
    pub async fn read(settings: &Settings) -> Result<Option<Self>, Failure> {
        let (Some(cert), Some(key)) = (&settings.tls_cert, &settings.tls_key) else {
            // A supervisor that says "reload" must not end a server that has nothing to read again; a terminal that
            // is closed must.
            if !std::io::stderr().is_terminal() {
                let mut renewed = listen_to(SignalKind::hangup())?;
                tokio::spawn(async move { while renewed.recv().await.is_some() {} });
            }
            return Ok(None);
        };
        let config = RustlsConfig::from_pem_file(cert, key).await.map_err(|e| {
            Failure(format!("The certificate {} and its key {} cannot be used: {e}.", cert.display(), key.display()))
        })?;
        let renewed = listen_to(SignalKind::hangup())?;
        Ok(Some(Self { cert: cert.clone(), key: key.clone(), config, renewed }))
    }

    /// The certificate in use, for the door of letters; one that is read again counts there at once as well.
    pub fn for_letters(&self) -> Tls {
        let config = self.config.clone();
        Arc::new(move || config.get_inner())
    }

    /// Reads the files again at each SIGHUP; a certificate that is no good changes nothing.
    async fn keep_fresh(mut self) {
        while self.renewed.recv().await.is_some() {
            match self.config.reload_from_pem_file(&self.cert, &self.key).await {
                Ok(()) => tracing::info!(file = %self.cert.display(), "the certificate was read again"),
                Err(error) => tracing::warn!(
                    file = %self.cert.display(), %error,
                    "the certificate could not be read again; the one before is still used"
                ),
            }
        }
    }
}

/// Takes an address.
///
/// # Errors
/// When it is taken or not ours.
pub fn listen(wanted: SocketAddr, flag: &str) -> Result<TcpListener, Failure> {
    let trouble = |e: std::io::Error| {
        Failure(match e.kind() {
            ErrorKind::AddrInUse => format!(
                "The address {wanted} is in use by another program; stop that one, or choose another address with {flag}."
            ),
            _ => format!("The address {wanted} cannot be listened on: {e}."),
        })
    };
    let listener = TcpListener::bind(wanted).map_err(trouble)?;
    listener.set_nonblocking(true).map_err(trouble)?;
    Ok(listener)
}

/// Everything that answers, until it is told to stop.
#[derive(Default)]
pub struct Doors {
    open: Vec<(Handle<SocketAddr>, JoinHandle<std::io::Result<()>>)>,
    renewing: Option<JoinHandle<()>>,
}

impl Doors {
    /// Opens a door for everybody: over TLS where there is a certificate.
    ///
    /// # Errors
    /// When the runtime cannot take the listener.
    pub fn open(
        &mut self,
        listener: TcpListener,
        router: Router,
        connections: usize,
        certificate: Option<Certificate>,
    ) -> Result<(), Failure> {
        let server = axum_server::from_tcp(listener).map_err(|e| Failure(format!("The server cannot start: {e}.")))?;
        match certificate {
            None => self.serve(server.acceptor(Door::new(NoDelayAcceptor::new(), connections)), router),
            Some(certificate) => {
                let tls = RustlsAcceptor::new(certificate.config.clone()).acceptor(NoDelayAcceptor::new());
                self.renewing = Some(tokio::spawn(certificate.keep_fresh()));
                self.serve(server.acceptor(Door::new(tls, connections)), router);
            }
        }
        Ok(())
    }

    fn serve<A>(&mut self, mut server: Server<SocketAddr, Door<A>>, router: Router)
    where
        Door<A>: Accept<
                TcpStream,
                axum::middleware::AddExtension<Router, axum::extract::ConnectInfo<SocketAddr>>,
                Stream: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send,
                Service = axum::middleware::AddExtension<Router, axum::extract::ConnectInfo<SocketAddr>>,
                Future: Send,
            > + Clone
            + Send
            + Sync
            + 'static,
    {
        let http = server.http_builder();
        http.http1().timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(HEAD_BYTES);
        http.http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(PING)
            .keep_alive_timeout(PING)
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(HEAD_BYTES as u32);
        let handle = Handle::new();
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let serving = tokio::spawn(server.handle(handle.clone()).serve(service));
        self.open.push((handle, serving));
    }

    /// Answers requests until a signal comes, then lets the open ones finish.
    ///
    /// # Errors
    /// When a door closed by itself.
    pub async fn until_told(mut self, signals: &mut Signals) -> Result<(), Failure> {
        let by_itself = tokio::select! {
            ended = first(&mut self.open) => Some(ended),
            () = signals.next() => None,
        };
        if let Some(ended) = by_itself {
            return Err(Failure(format!("The server ended by itself: {ended}.")));
        }
        tracing::info!("stopping; open requests have {} s to finish", GRACE.as_secs());
        for (handle, _) in &self.open {
            handle.graceful_shutdown(None);
        }
        let ends = async {
            for (_, serving) in &mut self.open {
                let _ = serving.await;
            }
        };
        tokio::select! {
            () = ends => {}
            () = tokio::time::sleep(GRACE) => tracing::warn!("requests that took too long were cut off"),
            () = signals.next() => tracing::warn!("told to stop again: open requests were cut off"),
        }
        Ok(())
    }
}

/// However it ends, nothing answers any more.
impl Drop for Doors {
    fn drop(&mut self) {
        for (handle, serving) in &self.open {
            handle.shutdown();
            serving.abort();
        }
        if let Some(renewing) = &self.renewing {
            renewing.abort();
        }
    }
}

/// Why the first door closed.
async fn first(open: &mut [(Handle<SocketAddr>, JoinHandle<std::io::Result<()>>)]) -> String {
    let doors = open.iter_mut().map(|(_, serving)| serving);
    match futures_util::future::select_all(doors).await.0 {
        Ok(Ok(())) => "it was told to".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    }
}

/// The two signals that mean "stop".
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Listens to them from now on.
    ///
    /// # Errors
    /// When the system does not allow it.
    pub fn new() -> Result<Self, Failure> {
        Ok(Self { interrupt: listen_to(SignalKind::interrupt())?, terminate: listen_to(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

fn listen_to(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|e| Failure(format!("Signals cannot be listened to: {e}.")))
}
