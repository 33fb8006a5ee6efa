//! A conversation with a mail server (RFC 5321), as far as this server speaks: letters for its own addresses.
//!
//! What an address leads to is never said before the whole letter is there, and then there are two answers: it is kept, or
//! it is not accepted.

use super::receive::receive;
use super::wire::{LETTER_BYTES, LINE_BYTES, Letter, Line, line};
use crate::access::App;
use crate::base::mail::Incoming;
use crate::base::metrics::Received;
use smtp_proto::{Error as Wrong, Request};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Semaphore;

/// The longest that the other side may be silent, and that an answer may take to be read.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest that one letter may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(180);
/// Most recipients of one letter.
pub const RECIPIENTS: usize = 10;
/// Most letters of one conversation.
const LETTERS_EACH: usize = 100;
/// Most commands of one conversation that are none.
const MISTAKES: usize = 10;

/// What is said of every letter that is not kept, whatever the reason.
const REFUSED: &str = "550 5.7.1 This letter is not accepted.";

/// How a conversation ended.
pub(super) enum Ended {
    /// It is over.
    Over,
    /// It is to go on over TLS.
    StartTls,
}

/// What a conversation knows from its beginning.
pub(super) struct Conversation {
    pub(super) app: Arc<App>,
    pub(super) incoming: Incoming,
    pub(super) letters: Arc<Semaphore>,
    /// Is there a certificate?
    pub(super) offers: bool,
    /// Must the conversation turn to TLS before a letter?
    pub(super) required: bool,
}

/// How far a letter has come.
#[derive(Default)]
struct Envelope {
    /// Somebody said from whom; an empty path is a machine's answer to a letter, and no letter for us.
    from: Option<bool>,
    to: Vec<String>,
}

/// What is to be said next.
enum Next {
    Say(String),
    /// The letter is to be read.
    Data,
    StartTls,
    Bye(&'static str),
}

impl Next {
    fn say(words: &str) -> Self {
        Self::Say(words.to_owned())
    }
}

impl Conversation {
    /// Greets, and listens in the clear.
    pub(super) async fn begin<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> (Ended, S) {
        let mut wire = Wire { stream, read: Vec::new() };
        if !self.app.ready() {
            let _ = wire.say("421 4.3.0 Come again later.").await;
            return (Ended::Over, wire.stream);
        }
        let ended = match wire.say(&format!("220 {} ESMTP Garth", self.incoming.domain)).await {
            Some(()) => self.talk(&mut wire, false).await.unwrap_or(Ended::Over),
            None => Ended::Over,
        };
        (ended, wire.stream)
    }

    /// Listens over TLS, from the beginning: what was said before it counts for nothing.
    pub(super) async fn go_on<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) {
        let mut wire = Wire { stream, read: Vec::new() };
        let _ = self.talk(&mut wire, true).await;
    }

    /// Until it is over; `None` when the other side is gone.
    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(&self, wire: &mut Wire<S>, secure: bool) -> Option<Ended> {
        let (mut greeted, mut envelope, mut mistakes, mut letters) = (false, Envelope::default(), 0, 0);
        loop {
            let line = wire.line().await?;
            let next = match line {
                Line::Long => Next::Bye("500 5.5.2 A command is shorter than that."),
                Line::Odd => Next::say("500 5.5.2 A line ends with both CR and LF."),
                Line::Good(line) => self.answer(&line, secure, &mut greeted, &mut envelope),
            };
            match next {
                Next::Say(words) => {
                    if words.starts_with('5') {
                        mistakes += 1;
                    }
                    wire.say(&words).await?;
                    if mistakes >= MISTAKES {
                        wire.say("421 4.7.0 Too many mistakes.").await?;
                        return Some(Ended::Over);
                    }
                }
                Next::Data => {
                    letters += 1;
                    if letters > LETTERS_EACH {
                        wire.say("421 4.7.0 Enough for one visit; come again.").await?;
                        return Some(Ended::Over);
                    }
                    let words = self.letter(wire, std::mem::take(&mut envelope)).await?;
                    wire.say(words).await?;
                }
                Next::StartTls => {
                    // Whoever says more before TLS begins, or somebody on the way for them, is not listened to.
                    if !wire.read.is_empty() {
                        return Some(Ended::Over);
                    }
                    wire.say("220 2.0.0 Go on.").await?;
                    return Some(Ended::StartTls);
                }
                Next::Bye(words) => {
                    wire.say(words).await?;
                    return Some(Ended::Over);
                }
            }
        }
    }

    /// What a command is answered.
    fn answer(&self, line: &[u8], secure: bool, greeted: &mut bool, envelope: &mut Envelope) -> Next {
        let whole = [line, b"\r\n"].concat();
        let request = match Request::parse(&mut whole.iter()) {
            Ok(request) => request,
            Err(Wrong::InvalidSenderAddress | Wrong::InvalidRecipientAddress) => {
                return Next::say("501 5.1.3 That is no address.");
            }
            Err(Wrong::UnsupportedParameter { .. }) => return Next::say("555 5.5.4 That parameter is not known."),
            Err(Wrong::SyntaxError { .. } | Wrong::InvalidParameter { .. }) => {
                return Next::say("501 5.5.4 That is not how it is said.");
            }
            Err(_) => return Next::say("500 5.5.1 That command is not known."),
        };
        match request {
            Request::Ehlo { .. } => {
                (*greeted, *envelope) = (true, Envelope::default());
                Next::Say(self.offers(secure))
            }
            Request::Helo { .. } => {
                (*greeted, *envelope) = (true, Envelope::default());
                Next::Say(format!("250 {}", self.incoming.domain))
            }
            Request::StartTls if self.offers && !secure => Next::StartTls,
            Request::StartTls => Next::say("502 5.5.1 TLS is not to be had."),
            Request::Mail { .. } if !*greeted => Next::say("503 5.5.1 Say EHLO first."),
            Request::Mail { .. } if self.required && !secure => Next::say("530 5.7.0 Say STARTTLS first."),
            Request::Mail { .. } if envelope.from.is_some() => Next::say("503 5.5.1 That was said already."),
            Request::Mail { from } if from.size > LETTER_BYTES => Next::say("552 5.3.4 The letter is too large."),
            Request::Mail { from } => {
                envelope.from = Some(!from.address.trim().is_empty());
                Next::say("250 2.1.0 Go on.")
            }
            Request::Rcpt { .. } if envelope.from.is_none() => Next::say("503 5.5.1 Say MAIL first."),
            Request::Rcpt { .. } if envelope.to.len() >= RECIPIENTS => Next::say("452 4.5.3 Too many recipients."),
            Request::Rcpt { to } => match to.address.rsplit_once('@') {
                Some((local, domain)) if domain.eq_ignore_ascii_case(&self.incoming.domain) => {
                    let local = local.to_ascii_lowercase();
                    if !envelope.to.contains(&local) {
                        envelope.to.push(local);
                    }
                    Next::say("250 2.1.5 Go on.")
                }
                _ => Next::say("550 5.7.1 This server takes letters for its own domain only."),
            },
            Request::Data if envelope.to.is_empty() => Next::say("503 5.5.1 Say RCPT first."),
            Request::Data => Next::Data,
            Request::Rset => {
                *envelope = Envelope::default();
                Next::say("250 2.0.0 Forgotten.")
            }
            Request::Noop { .. } => Next::say("250 2.0.0 Here."),
            // Nobody learns by asking who is here.
            Request::Vrfy { .. } => Next::say("252 2.1.5 Write, and see."),
            Request::Help { .. } => Next::say("214 2.0.0 Letters for addresses of this server's domain."),
            Request::Quit => Next::Bye("221 2.0.0 Bye."),
            _ => Next::say("502 5.5.1 That is not done here."),
        }
    }

    fn offers(&self, secure: bool) -> String {
        let (domain, tls) = (&self.incoming.domain, if self.offers && !secure { "250-STARTTLS\r\n" } else { "" });
        format!(
            "250-{domain}\r\n250-SIZE {LETTER_BYTES}\r\n250-8BITMIME\r\n250-PIPELINING\r\n{tls}\
             250-ENHANCEDSTATUSCODES\r\n250 SMTPUTF8"
        )
    }

    /// Reads a letter and says what became of it; `None` when it did not arrive.
    async fn letter<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        wire: &mut Wire<S>,
        envelope: Envelope,
    ) -> Option<&'static str> {
        let Ok(place) = Arc::clone(&self.letters).try_acquire_owned() else {
            return Some("451 4.3.2 Too much to read; send it again.");
        };
        wire.say("354 Go on; end with a dot on a line of its own.").await?;
        let Some(bytes) = tokio::time::timeout(ARRIVAL, wire.letter()).await.ok()?? else {
            return Some("552 5.3.4 The letter is too large.");
        };
        if envelope.from != Some(true) {
            self.app.figures.letter(Received::Refused);
            return Some(REFUSED);
        }
        Some(match receive(&self.app, bytes, envelope.to, place).await {
            Received::Accepted => "250 2.0.0 Kept.",
            Received::Refused => REFUSED,
            Received::Deferred => "451 4.3.0 Not now; send it again.",
        })
    }
}

/// A connection, and what was read of it that nobody has looked at.
struct Wire<S> {
    stream: S,
    read: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    async fn say(&mut self, words: &str) -> Option<()> {
        let said = async {
            self.stream.write_all(words.as_bytes()).await?;
            self.stream.write_all(b"\r\n").await?;
            self.stream.flush().await
        };
        tokio::time::timeout(PATIENCE, said).await.ok()?.ok()
    }

    /// Reads on; `None` when the other side is gone, or silent for too long.
    async fn more(&mut self) -> Option<()> {
        let mut chunk = [0; 8 * 1024];
        let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut chunk)).await.ok()?.ok()?;
        self.read.extend_from_slice(chunk.get(..read)?);
        (read > 0).then_some(())
    }

    async fn line(&mut self) -> Option<Line> {
        loop {
            if let Some(line) = line(&mut self.read) {
                return Some(line);
            }
            debug_assert!(self.read.len() <= LINE_BYTES, "more than a line would be one");
            self.more().await?;
        }
    }

    /// A letter up to its end; `Some(None)` when it was too large.
    async fn letter(&mut self) -> Option<Option<Vec<u8>>> {
        let mut letter = Letter::new(LETTER_BYTES);
        loop {
            let bytes = std::mem::take(&mut self.read);
            if let Some(end) = letter.take(&bytes) {
                self.read = bytes.get(end..).unwrap_or_default().to_vec();
                return Some(letter.done());
            }
            self.more().await?;
        }
    }
}
