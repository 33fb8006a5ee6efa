//! Letters that this server sends, over SMTP and beside whatever it answers.
//!
//! A place in the queue is taken before the change that a letter tells of, and filled after its commit: what cannot be
//! sent is not promised, and nothing is sent of what was refused or only tried. The queue is small and lies in memory.
//! Each letter has a bounded time; one that cannot be sent is dropped, and the log says why, never to whom or what.
//!
//! Other mail servers than the installation's are asked by [`super::relay`].

use crate::base::clock::Clock;
use crate::base::error::{Error, Result};
use crate::base::ids;
use ipnet::IpNet;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MessageBuilder};
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use std::error::Error as StdError;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

/// Letters that wait to be sent; with more, what would send one is turned away with 503 `overloaded`.
pub const QUEUE: usize = 256;
/// Letters that are sent at a time.
const AT_ONCE: usize = 4;
/// The longest that one try may take, from looking the mail server up to its last word.
pub(crate) const TIME: Duration = Duration::from_secs(30);
/// The longest of it that connecting may take.
pub(super) const CONNECT: Duration = Duration::from_secs(15);
/// A letter that cannot be sent is tried again after each of these.
pub(crate) const AGAIN: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(10)];
/// So long the end of the server waits for letters that are being sent.
const END: Duration = Duration::from_secs(5);

/// How the connection to a mail server is kept from being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Not at all: for one on the same machine.
    None,
    /// It begins in the clear and must turn to TLS before anything is said.
    StartTls,
    /// TLS from the first byte.
    Tls,
}

/// The mail server that letters are handed to.
#[derive(Clone)]
pub struct Smtp {
    /// Its name or address.
    pub host: String,
    /// Its port; without one 587 for STARTTLS, 465 for TLS, 25 without either.
    pub port: Option<u16>,
    /// How the connection is kept from being read.
    pub security: Security,
    /// Username and password, where it wants them.
    pub credentials: Option<(String, String)>,
    /// Who letters are from: an address, or `Garth <garth@example.org>`.
    pub from: String,
    /// A certificate authority of one's own, as PEM, believed beside the public ones.
    pub ca: Option<Vec<u8>>,
}

impl Smtp {
    /// Requires that letters can be sent with these settings, as far as one can tell without sending one.
    ///
    /// # Errors
    /// One sentence about what cannot be used.
    pub fn check(&self) -> Result<(), String> {
        transport(self, &sender(&self.from)?).map(drop)
    }
}

/// How letters come in: for which domain, and who is believed about whom they are from.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// What stands behind the `@` of every address of a space, in lower case.
    pub domain: String,
    /// Mail servers of one's own: nobody else is listened to.
    pub relays: Vec<IpNet>,
    /// What these write in front of their `Authentication-Results` (RFC 8601).
    pub authserv: String,
}

/// A letter in plain text.
#[derive(Clone)]
pub struct Letter {
    /// The address it goes to.
    pub to: String,
    /// What it is about; no line breaks.
    pub subject: String,
    /// What it says.
    pub text: String,
}

/// Sends letters for as long as the server runs.
pub struct Mailer {
    post: Post,
    queue: Mutex<Option<mpsc::Sender<Option<Letter>>>>,
    worker: Mutex<Option<JoinHandle<()>>>,
}

/// A place in the queue.
pub struct Place(mpsc::OwnedPermit<Option<Letter>>);

impl Place {
    /// Lets the letter go; without one the place costs the same and nothing is sent.
    pub fn send(self, letter: Option<Letter>) {
        self.0.send(letter);
    }
}

impl Mailer {
    /// Begins to send; must be called on the runtime.
    ///
    /// # Errors
    /// One sentence about what cannot be used.
    pub fn start(smtp: &Smtp, clock: Clock) -> Result<Self, String> {
        let from = sender(&smtp.from)?;
        let post = Post { transport: transport(smtp, &from)?, from, clock };
        let (queue, waiting) = mpsc::channel(QUEUE);
        let worker = tokio::spawn(work(post.clone(), waiting));
        Ok(Self { post, queue: Mutex::new(Some(queue)), worker: Mutex::new(Some(worker)) })
    }

    /// Takes a place in the queue.
    ///
    /// # Errors
    /// 503 `overloaded` when there is none.
    pub fn place(&self) -> Result<Place> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let place = queue.and_then(|queue| queue.try_reserve_owned().ok());
        place.map(Place).ok_or(Error::Overloaded)
    }

    /// Hands a letter over beside the queue, once, and answers when the mail server has taken it: within half a minute.
    ///
    /// # Errors
    /// When it was not taken, as far as one knows: what took too long may have been.
    pub async fn hand_over(&self, letter: &Letter) -> Result<(), NotTaken> {
        let message = self.post.message(letter).ok_or_else(NotTaken::unwritten)?;
        self.post.hand_over(message).await
    }

    /// Sends what waits, as far as that goes quickly, and stops.
    pub async fn shutdown(&self) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut worker) = worker else { return };
        if tokio::time::timeout(END, &mut worker).await.is_err() {
            worker.abort();
            tracing::warn!("letters could not be sent before the end; they are lost");
        }
    }
}

/// Is that an address that a letter can go to? Its domain must have a dot, as those on the public network have.
pub fn deliverable(address: &str) -> bool {
    let dotted = |address: &Address| {
        let domain = address.domain();
        !domain.starts_with('[') && domain.split('.').count() > 1 && domain.split('.').all(|part| !part.is_empty())
    };
    address.parse::<Address>().is_ok_and(|address| dotted(&address))
}

/// Reads who letters are from.
///
/// # Errors
/// What is wrong with it.
pub fn sender(text: &str) -> Result<Mailbox, String> {
    text.parse().map_err(|_| "must be an e-mail address, or a name with one: Garth <garth@example.org>".to_owned())
}

/// Why a letter was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotTaken {
    /// In a few words, none of them the mail server's own.
    pub why: &'static str,
    /// The code that it said no with.
    pub code: Option<u16>,
    /// May it help to try again later?
    pub again: bool,
    /// Is it this recipient only, so that others may be taken?
    pub recipient: bool,
    /// Was it perhaps taken all the same?
    pub perhaps: bool,
}

impl NotTaken {
    pub(super) fn lasting(why: &'static str) -> Self {
        Self { why, code: None, again: false, recipient: false, perhaps: false }
    }

    /// It may be other the next time.
    pub fn now(why: &'static str) -> Self {
        Self { again: true, ..Self::lasting(why) }
    }

    /// Nobody knows what became of it.
    pub(crate) fn elapsed() -> Self {
        Self { perhaps: true, ..Self::now("it took too long") }
    }

    pub(super) fn unwritten() -> Self {
        Self { recipient: true, ..Self::lasting("the letter cannot be written") }
    }

    pub(super) fn of(error: &smtp::Error) -> Self {
        let code = code(error);
        Self {
            why: why(error),
            code,
            // Settings that do not fit, and a no that is meant to last, are not mended by waiting.
            again: !(error.is_client() || tls_failed(error) || code.is_some_and(|code| code >= 500)),
            recipient: code.is_some_and(|code| (450..=452).contains(&code) || (550..=554).contains(&code)),
            perhaps: false,
        }
    }
}

type Transport = AsyncSmtpTransport<Tokio1Executor>;

impl Smtp {
    /// The port it listens at.
    pub(super) fn port(&self) -> u16 {
        self.port.unwrap_or(match self.security {
            Security::None => 25,
            Security::StartTls => 587,
            Security::Tls => 465,
        })
    }

    /// What TLS to it needs; its certificate must be good for its name.
    pub(super) fn tls(&self) -> Result<TlsParameters, String> {
        let mut tls = TlsParameters::builder(self.host.clone());
        if let Some(pem) = &self.ca {
            let read = Certificate::from_pem(pem).map_err(|_| "The mail server's certificate authority is not PEM.")?;
            tls = tls.add_root_certificate(read);
        }
        tls.build().map_err(|_| "TLS to the mail server cannot be set up with that certificate authority.".to_owned())
    }
}

fn transport(smtp: &Smtp, from: &Mailbox) -> Result<Transport, String> {
    let tls = match smtp.security {
        Security::None => Tls::None,
        Security::StartTls => Tls::Required(smtp.tls()?),
        Security::Tls => Tls::Wrapper(smtp.tls()?),
    };
    let builder = Transport::builder_dangerous(&smtp.host).port(smtp.port()).tls(tls);
    let builder = builder.hello_name(hello(from)).timeout(Some(CONNECT));
    Ok(match &smtp.credentials {
        Some((name, password)) => builder.credentials(Credentials::new(name.clone(), password.clone())),
        None => builder,
    }
    .build())
}

/// What this server calls itself to a mail server.
pub(super) fn hello(from: &Mailbox) -> ClientId {
    ClientId::Domain(from.email.domain().to_owned())
}

/// What every letter is sent with.
#[derive(Clone)]
struct Post {
    transport: Transport,
    from: Mailbox,
    clock: Clock,
}

async fn work(post: Post, mut waiting: mpsc::Receiver<Option<Letter>>) {
    let mut going = JoinSet::new();
    while let Some(letter) = waiting.recv().await {
        let Some(letter) = letter else { continue };
        while going.len() >= AT_ONCE {
            going.join_next().await;
        }
        let post = post.clone();
        going.spawn(async move { post.deliver(letter).await });
    }
    while going.join_next().await.is_some() {}
}

impl Post {
    async fn deliver(self, letter: Letter) {
        let Some(message) = self.message(&letter) else {
            tracing::info!("a letter was not sent: its address cannot be written");
            return;
        };
        let mut pauses = AGAIN.into_iter();
        loop {
            let Err(no) = self.hand_over(message.clone()).await else { return };
            let NotTaken { why, code, .. } = no;
            // Nobody of that name, or no room: that is for whoever wrote the address.
            if code.is_some_and(|code| (550..=553).contains(&code)) {
                tracing::info!(code, "the mail server refused the recipient of a letter");
                return;
            }
            // A no that is meant to last stays one.
            let Some(pause) = pauses.next().filter(|_| no.again) else {
                tracing::warn!(why, code, "a letter could not be handed to the mail server; it is lost");
                return;
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// One try.
    async fn hand_over(&self, message: Message) -> Result<(), NotTaken> {
        match tokio::time::timeout(TIME, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(NotTaken::of(&error)),
            Err(_) => Err(NotTaken::elapsed()),
        }
    }

    fn message(&self, letter: &Letter) -> Option<Message> {
        let message = begin(&self.from, &self.clock, &letter.to, &letter.subject, &ids::new_token(""))?;
        message.header(ContentType::TEXT_PLAIN).body(letter.text.clone()).ok()
    }
}

/// The head of a letter; `id` is the part of its own before the `@`.
pub(super) fn begin(from: &Mailbox, clock: &Clock, to: &str, subject: &str, id: &str) -> Option<MessageBuilder> {
    let to: Address = to.parse().ok()?;
    let micros = u64::try_from(clock.now()).unwrap_or_default();
    let id = format!("<{id}@{}>", from.email.domain());
    let message = Message::builder().from(from.clone()).to(Mailbox::new(None, to)).subject(subject);
    let message = message.date(SystemTime::UNIX_EPOCH + Duration::from_micros(micros)).message_id(Some(id));
    Some(message.header(AutoSubmitted))
}

/// The code that a mail server said no with.
fn code(error: &smtp::Error) -> Option<u16> {
    error.status().and_then(|code| code.to_string().parse().ok())
}

/// Was it TLS? The library tells a handshake that failed as a connection that did, with the reason further down.
fn tls_failed(error: &smtp::Error) -> bool {
    let mut next = error.source();
    while let Some(reason) = next {
        if reason.downcast_ref::<std::io::Error>().is_some_and(of_tls) {
            return true;
        }
        next = reason.source();
    }
    error.is_tls()
}

/// Was it TLS?
pub(super) fn of_tls(error: &std::io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>())
}

/// What went wrong, without a word that the mail server said: it may have repeated the address.
fn why(error: &smtp::Error) -> &'static str {
    if error.is_timeout() {
        "it took too long"
    } else if tls_failed(error) {
        "its TLS certificate is not good"
    } else if error.is_permanent() || error.is_transient() {
        "it refused"
    } else if error.is_client() {
        "it does not offer what the settings ask for"
    } else {
        "it cannot be reached"
    }
}

/// Nobody wrote it by hand, so no machine need answer (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn StdError + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_letters_go_to_has_a_public_domain() {
        for good in ["lin@example.org", "lin.chen+x@mail.example.org", "l@xn--bcher-kva.example"] {
            assert!(deliverable(good), "{good}");
        }
        for bad in ["lin", "lin@", "@example.org", "lin@corp", "lin@[127.0.0.1]", "a@b@c.d", "lin@a..b", "x y@a.b", ""]
        {
            assert!(!deliverable(bad), "{bad}");
        }
    }

    #[test]
    fn who_letters_are_from_is_an_address_with_or_without_a_name() {
        assert!(sender("garth@example.org").is_ok());
        assert!(sender("Garth <garth@example.org>").is_ok());
        for bad in ["", "garth", "Garth <>", "a@b, c@d"] {
            assert!(sender(bad).is_err(), "{bad}");
        }
    }
}
