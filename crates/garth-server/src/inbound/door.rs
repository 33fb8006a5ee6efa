//! Where mail servers knock.

use super::conversation::{Conversation, Ended};
use crate::access::App;
use rustls::ServerConfig;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// Mail servers that are listened to at a time; to more it is said that they come again.
pub const CONNECTIONS: usize = 64;
/// Letters that are read at a time; of more it is said that they be sent again.
pub const LETTERS: usize = 8;
/// The longest that somebody stays.
const STAY: Duration = Duration::from_secs(600);
/// The longest that the beginning of TLS may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// The certificate in use: asked for with each connection, so that one which is read again counts at once.
pub type Tls = Arc<dyn Fn() -> Arc<ServerConfig> + Send + Sync>;

/// An open door; it is shut when this is dropped.
pub struct Door(JoinHandle<()>);

impl Drop for Door {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Door {
    /// Listens to the mail servers that the configuration names, over TLS where there is a certificate.
    pub fn open(app: Arc<App>, listener: TcpListener, tls: Option<Tls>) -> Self {
        Self(tokio::spawn(async move {
            let (places, letters) = (Arc::new(Semaphore::new(CONNECTIONS)), Arc::new(Semaphore::new(LETTERS)));
            // Those who are there go with the door.
            let mut inside = tokio::task::JoinSet::new();
            loop {
                while inside.try_join_next().is_some() {}
                match listener.accept().await {
                    Ok((stream, peer)) => {
                        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                            inside.spawn(turn_away(stream, "421 4.3.2 Too many are here; come again later.\r\n"));
                            continue;
                        };
                        let visit =
                            Visit { app: Arc::clone(&app), peer, letters: Arc::clone(&letters), tls: tls.clone() };
                        inside.spawn(async move {
                            let _ = tokio::time::timeout(STAY, visit.serve(stream)).await;
                            drop(place);
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the door for mail does not open");
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                }
            }
        }))
    }
}

/// One mail server's visit.
struct Visit {
    app: Arc<App>,
    peer: SocketAddr,
    letters: Arc<Semaphore>,
    tls: Option<Tls>,
}

impl Visit {
    async fn serve(self, stream: TcpStream) {
        let Some(incoming) = self.app.incoming.clone() else { return };
        let address = self.peer.ip().to_canonical();
        if !incoming.relays.iter().any(|network| network.contains(&address)) {
            return turn_away(stream, "554 5.7.1 This server listens to mail servers of its own only.\r\n").await;
        }
        let _ = stream.set_nodelay(true);
        let offered = self.tls.as_ref().map(|tls| tls());
        // On the same machine nobody listens on the way.
        let required = offered.is_some() && !address.is_loopback();
        let talk = Conversation { app: self.app, incoming, letters: self.letters, offers: offered.is_some(), required };
        let (ended, stream) = talk.begin(stream).await;
        let (Ended::StartTls, Some(config)) = (ended, offered) else { return };
        let secured = tokio::time::timeout(HANDSHAKE, TlsAcceptor::from(config).accept(stream)).await;
        if let Ok(Ok(stream)) = secured {
            talk.go_on(stream).await;
        }
    }
}

async fn turn_away(mut stream: TcpStream, words: &'static str) {
    let told = async {
        let _ = stream.write_all(words.as_bytes()).await;
        let _ = stream.shutdown().await;
    };
    let _ = tokio::time::timeout(HANDSHAKE, told).await;
}
