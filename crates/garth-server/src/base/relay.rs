//! Other mail servers than the installation's, named by somebody who may not be trusted with the network of this machine.
//!
//! Its name is looked up once, and the connection goes to an address that was looked at. What it is handed is waited for,
//! because whoever hands it over keeps book of it. It is heard out only so far: a mail server says little.

use super::mail::{CONNECT, NotTaken, Security, Smtp, begin, hello, of_tls, sender};
use crate::base::clock::Clock;
use crate::base::fetch::{Failed, addresses};
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, Message, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// The longest that handing one letter with files over may take.
const HAND_OVER: Duration = Duration::from_secs(120);
/// So long its answer to a goodbye is waited for.
const GOODBYE: Duration = Duration::from_secs(5);
/// Most that a mail server may say in one conversation, in bytes, TLS apart.
const SAID: usize = 256 * 1024;

/// A letter with all that one can have.
pub struct Mailing {
    /// The address it goes to.
    pub to: String,
    /// What it is about; no line breaks.
    pub subject: String,
    /// What it says, in plain words.
    pub text: String,
    /// The same as HTML.
    pub html: Option<String>,
    /// Files: name, media type, bytes.
    pub files: Vec<(String, &'static str, Arc<Vec<u8>>)>,
    /// The same whenever the same is sent again: letters and digits.
    pub id: String,
    /// Where a program unsubscribes its reader with one request (RFC 8058).
    pub unsubscribe: Option<String>,
}

/// Another mail server than the installation's, at addresses that were looked at.
pub struct Relay {
    smtp: Smtp,
    at: Vec<SocketAddr>,
    from: Mailbox,
    clock: Clock,
}

impl Relay {
    /// Looks a mail server up; `private` says whether it may be at a private address.
    ///
    /// # Errors
    /// When its name means nothing, its address may not be asked, or the settings cannot be used.
    pub async fn find(smtp: Smtp, private: bool, clock: Clock) -> Result<Self, NotTaken> {
        let from = sender(&smtp.from).map_err(|_| NotTaken::lasting("its sender is no address"))?;
        let found = timeout(CONNECT, addresses(&smtp.host, smtp.port(), private)).await;
        let at = match found.unwrap_or(Err(Failed::Unreachable)) {
            Ok(found) => found,
            Err(Failed::Refused(_)) => {
                return Err(NotTaken::lasting("it is at a private address, where this server sends nothing"));
            }
            Err(_) => return Err(NotTaken::now("it cannot be reached")),
        };
        Ok(Self { smtp, at, from, clock })
    }

    /// Hands a letter over, and answers when the mail server has taken it.
    ///
    /// # Errors
    /// When it was not taken, as far as one knows: what took too long may have been.
    pub async fn hand_over(&self, mailing: &Mailing) -> Result<(), NotTaken> {
        let letter = self.letter(mailing).ok_or_else(NotTaken::unwritten)?;
        let handed = async {
            let mut connection = self.connect().await?;
            let sent = connection.send(letter.envelope(), &letter.formatted()).await;
            Ok((connection, sent))
        };
        let (mut connection, sent) = timeout(HAND_OVER, handed).await.unwrap_or(Err(NotTaken::elapsed()))?;
        // What it says to a goodbye changes nothing.
        let _ = timeout(GOODBYE, connection.abort()).await;
        sent.map(drop).map_err(|error| NotTaken::of(&error))
    }

    /// A connection to the first of its addresses that answers.
    async fn reach(&self) -> Result<TcpStream, NotTaken> {
        for at in &self.at {
            if let Ok(Ok(stream)) = timeout(CONNECT, TcpStream::connect(at)).await {
                return Ok(stream);
            }
        }
        Err(NotTaken::now("it cannot be reached"))
    }

    /// A connection over which letters can be sent.
    async fn connect(&self) -> Result<AsyncSmtpConnection, NotTaken> {
        let stream = self.reach().await?;
        let peer = stream.peer_addr().map_err(|_| NotTaken::now("it cannot be reached"))?;
        let stream: Box<dyn AsyncTokioStream> = match self.smtp.security {
            Security::None | Security::StartTls => Box::new(Heard { stream, left: SAID, peer }),
            Security::Tls => Box::new(Heard { stream: self.sealed(stream).await?, left: SAID, peer }),
        };
        let said = |error| NotTaken::of(&error);
        let hello = hello(&self.from);
        let mut connection = AsyncSmtpConnection::connect_with_transport(stream, &hello).await.map_err(said)?;
        if self.smtp.security == Security::StartTls {
            let tls = self.smtp.tls().map_err(|_| NotTaken::lasting("TLS to it cannot be set up"))?;
            connection.starttls(tls, &hello).await.map_err(said)?;
        }
        if let Some((name, password)) = &self.smtp.credentials {
            let credentials = Credentials::new(name.clone(), password.clone());
            connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await.map_err(said)?;
        }
        Ok(connection)
    }

    /// TLS from the first byte.
    async fn sealed(&self, stream: TcpStream) -> Result<tokio_rustls::client::TlsStream<TcpStream>, NotTaken> {
        let (config, name) = self.tls().ok_or_else(|| NotTaken::lasting("TLS to it cannot be set up"))?;
        let sealed = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        sealed.map_err(|error| match of_tls(&error) {
            true => NotTaken::lasting("its TLS certificate is not good"),
            false => NotTaken::now("it cannot be reached"),
        })
    }

    fn tls(&self) -> Option<(ClientConfig, ServerName<'static>)> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for own in CertificateDer::pem_slice_iter(self.smtp.ca.as_deref().unwrap_or_default()) {
            roots.add(own.ok()?).ok()?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().ok()?;
        let name = ServerName::try_from(self.smtp.host.clone()).ok()?;
        Some((config.with_root_certificates(roots).with_no_client_auth(), name))
    }

    fn letter(&self, mailing: &Mailing) -> Option<Message> {
        let message = begin(&self.from, &self.clock, &mailing.to, &mailing.subject, &mailing.id)?;
        let words = match &mailing.html {
            Some(html) => MultiPart::alternative_plain_html(mailing.text.clone(), html.clone()),
            None => MultiPart::mixed().singlepart(SinglePart::plain(mailing.text.clone())),
        };
        let mut parts = MultiPart::mixed().multipart(words);
        for (name, media_type, bytes) in &mailing.files {
            let media_type = ContentType::parse(media_type).ok()?;
            parts = parts.singlepart(Attachment::new(name.clone()).body(bytes.to_vec(), media_type));
        }
        let mut message = message.multipart(parts).ok()?;
        if let Some(link) = &mailing.unsubscribe {
            let list = HeaderName::new_from_ascii_str("List-Unsubscribe");
            let post = HeaderName::new_from_ascii_str("List-Unsubscribe-Post");
            // A link is plain ASCII, and must not be folded.
            let link = format!("<{link}>");
            message.headers_mut().insert_raw(HeaderValue::dangerous_new_pre_encoded(list, link.clone(), link));
            message.headers_mut().insert_raw(HeaderValue::new(post, "List-Unsubscribe=One-Click".to_owned()));
        }
        Some(message)
    }
}

/// A connection that ends where the other side says too much: the library reads a line to its end before it counts.
#[derive(Debug)]
struct Heard<S> {
    stream: S,
    left: usize,
    peer: SocketAddr,
}

impl<S: AsyncRead + Unpin> AsyncRead for Heard<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let Some(left) = self.left.checked_sub(buffer.filled().len() - before) else {
            return Poll::Ready(Err(io::Error::other("it says too much")));
        };
        self.left = left;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Heard<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin + std::fmt::Debug> AsyncTokioStream for Heard<S> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// A mail server may send one line without an end: what it says is not kept.
    #[tokio::test]
    async fn a_mail_server_is_heard_out_only_so_far() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let talking = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a visitor");
            let mut said = 0;
            stream.write_all(b"220 ").await.expect("a greeting");
            // Whoever listens goes before a hundredth of it.
            while said < 100 * SAID && stream.write_all(&[b'x'; 16 * 1024]).await.is_ok() {
                said += 16 * 1024;
            }
            said
        });
        let smtp = Smtp {
            host: "127.0.0.1".to_owned(),
            port: Some(port),
            security: Security::None,
            credentials: None,
            from: "garth@example.org".to_owned(),
            ca: None,
        };
        let relay = Relay::find(smtp, true, Clock::default()).await.expect("it is there");
        let not = relay.connect().await.map(drop).expect_err("it never ends");
        assert_eq!((not.why, not.again), ("it cannot be reached", true));
        assert!(talking.await.expect("it talked") < 100 * SAID);
    }

    #[tokio::test]
    async fn what_is_within_the_bound_is_heard() {
        let (mut speaker, stream) = tokio::io::duplex(64);
        let peer = SocketAddr::from(([127, 0, 0, 1], 25));
        let mut heard = Heard { stream, left: 4, peer };
        speaker.write_all(b"220 ").await.expect("room");
        let mut said = [0; 4];
        heard.read_exact(&mut said).await.expect("four bytes");
        speaker.write_all(b"x").await.expect("room");
        assert!(heard.read_exact(&mut said[..1]).await.is_err());
    }
}
