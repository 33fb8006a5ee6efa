//! A mail server on loopback that keeps what it is handed, and behaves as it is told.

use super::Garth;
use garth_server::base::mail::{Security, Smtp};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

/// A letter as it was handed over.
#[derive(Clone, Debug)]
pub struct Got {
    pub from: String,
    pub to: Vec<String>,
    /// The headers, as they came.
    pub head: String,
    /// The text, decoded.
    pub text: String,
}

impl Got {
    /// The link in it.
    pub fn link(&self) -> String {
        let word = |word: &&str| word.starts_with("https://");
        self.text.split_whitespace().find(word).unwrap_or_else(|| panic!("no link: {self:?}")).to_owned()
    }

    /// The token at the end of the link.
    pub fn token(&self) -> String {
        self.link().split_once('#').expect("a token").1.to_owned()
    }
}

/// How it behaves.
#[derive(Clone, Debug, Default)]
pub struct Manners {
    /// What it answers to a recipient, instead of yes.
    pub recipient: Option<&'static str>,
    /// It says no to recipients with this in their address.
    pub refused: Option<&'static str>,
    /// It says nothing at all.
    pub silent: bool,
    /// It says no to the first so many connections.
    pub busy: usize,
    /// The TLS that it speaks.
    pub tls: Option<Security>,
}

pub struct MailServer {
    port: u16,
    manners: Arc<Mutex<Manners>>,
    letters: tokio::sync::Mutex<mpsc::UnboundedReceiver<Got>>,
    said: Arc<Mutex<Vec<String>>>,
    certificate: Vec<u8>,
}

impl MailServer {
    pub async fn start() -> MailServer {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (sender, letters) = mpsc::unbounded_channel();
        let (manners, said): (Arc<Mutex<Manners>>, Arc<Mutex<Vec<String>>>) = Default::default();
        let (of_all, heard) = (Arc::clone(&manners), Arc::clone(&said));
        let (tls, certificate) = certified();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let now = {
                    let mut manners = of_all.lock().unwrap();
                    let now = manners.clone();
                    manners.busy = manners.busy.saturating_sub(1);
                    now
                };
                let (letters, said, tls) = (sender.clone(), Arc::clone(&heard), tls.clone());
                tokio::spawn(Talk { manners: now, letters, said, tls }.serve(stream));
            }
        });
        MailServer { port, manners, letters: tokio::sync::Mutex::new(letters), said, certificate }
    }

    /// How it behaves from now on.
    pub fn behave(&self, manners: Manners) {
        *self.manners.lock().unwrap() = manners;
    }

    /// As a server is told of it.
    pub fn settings(&self) -> Smtp {
        Smtp {
            host: "127.0.0.1".to_owned(),
            port: Some(self.port),
            security: Security::None,
            credentials: None,
            from: "Garth <garth@garth.example>".to_owned(),
            ca: None,
        }
    }

    /// The same over TLS, signed in, believing its certificate.
    pub fn settings_over(&self, security: Security) -> Smtp {
        let credentials = Some(("garth".to_owned(), "hush-hush-hush".to_owned()));
        Smtp { security, credentials, ca: Some(self.certificate.clone()), ..self.settings() }
    }

    /// The next letter.
    pub async fn letter(&self) -> Got {
        let mut letters = self.letters.lock().await;
        let next = tokio::time::timeout(Duration::from_secs(20), letters.recv()).await;
        next.expect("a letter in time").expect("a mail server")
    }

    /// Has nothing been handed over that nobody has looked at?
    pub async fn quiet(&self) -> bool {
        self.letters.lock().await.try_recv().is_err()
    }

    /// Every line that it was told.
    pub fn heard(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }
}

/// An installation that sends letters by that server.
pub async fn with_mail(g: &Garth, server: &MailServer) {
    g.restart_with(|config| config.mail = Some(server.settings())).await;
}

/// What one conversation is about.
struct Talk {
    manners: Manners,
    letters: mpsc::UnboundedSender<Got>,
    said: Arc<Mutex<Vec<String>>>,
    tls: TlsAcceptor,
}

impl Talk {
    async fn serve(self, stream: TcpStream) -> Option<()> {
        if self.manners.silent {
            // Until the other one has had enough.
            let mut lines = BufReader::new(stream).lines();
            while let Ok(Some(_)) = lines.next_line().await {}
            return None;
        }
        if self.manners.tls == Some(Security::Tls) {
            let stream = self.tls.accept(stream).await.ok()?;
            self.converse(stream, true, true).await.map(drop)
        } else {
            let plain = self.converse(stream, false, true).await?;
            let stream = self.tls.accept(plain).await.ok()?;
            self.converse(stream, true, false).await.map(drop)
        }
    }

    /// Up to the end, or to where TLS begins: then with the connection.
    async fn converse<S>(&self, stream: S, secret: bool, greet: bool) -> Option<S>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut stream = BufReader::new(stream);
        if greet && self.manners.busy > 0 {
            stream.get_mut().write_all(b"421 busy\r\n").await.ok()?;
            return None;
        }
        if greet {
            stream.get_mut().write_all(b"220 mail.example ESMTP\r\n").await.ok()?;
        }
        let (mut from, mut to) = (String::new(), Vec::new());
        loop {
            let line = read_line(&mut stream).await?;
            self.said.lock().unwrap().push(if secret { format!("(tls) {line}") } else { line.clone() });
            let address = || line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
            let answer = match line.to_ascii_uppercase().split([' ', ':']).next().unwrap_or_default() {
                "EHLO" => match (secret, self.manners.tls) {
                    (true, _) => "250-mail.example\r\n250-AUTH PLAIN\r\n250 SMTPUTF8".to_owned(),
                    (false, Some(_)) => "250-mail.example\r\n250 STARTTLS".to_owned(),
                    (false, None) => "250-mail.example\r\n250-8BITMIME\r\n250 SMTPUTF8".to_owned(),
                },
                "STARTTLS" if self.manners.tls.is_some() && !secret => {
                    stream.get_mut().write_all(b"220 go on\r\n").await.ok()?;
                    return Some(stream.into_inner());
                }
                "AUTH" if secret => "235 fine".to_owned(),
                "MAIL" => {
                    from = address();
                    "250 fine".to_owned()
                }
                "RCPT" => {
                    let refused = self.manners.refused.is_some_and(|part| address().contains(part));
                    let usual = if refused { "550 nobody of that name" } else { "250 fine" };
                    to.push(address());
                    self.manners.recipient.unwrap_or(usual).to_owned()
                }
                "DATA" => {
                    stream.get_mut().write_all(b"354 go on\r\n").await.ok()?;
                    let (head, text) = read_letter(&mut stream).await?;
                    let got = Got { from: from.clone(), to: std::mem::take(&mut to), head, text };
                    // When the story has ended nobody reads it any more, and it is kept all the same.
                    let _ = self.letters.send(got);
                    "250 kept".to_owned()
                }
                "QUIT" => {
                    stream.get_mut().write_all(b"221 bye\r\n").await.ok()?;
                    return None;
                }
                _ => "502 what".to_owned(),
            };
            stream.get_mut().write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
        }
    }
}

async fn read_line<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> Option<String> {
    let mut line = String::new();
    let read = stream.read_line(&mut line).await.ok()?;
    (read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Head and text of a letter, up to the dot.
async fn read_letter<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> Option<(String, String)> {
    let mut data = String::new();
    loop {
        let line = read_line(stream).await?;
        if line == "." {
            break;
        }
        data.push_str(line.strip_prefix('.').unwrap_or(&line));
        data.push('\n');
    }
    let (head, body) = data.split_once("\n\n").unwrap_or((&data, ""));
    Some((head.to_owned(), decoded(head, body)))
}

/// TLS of a server, under a certificate of its own.
pub fn server_tls() -> Arc<ServerConfig> {
    configured().0
}

/// TLS under a certificate of its own, and that certificate as PEM.
fn certified() -> (TlsAcceptor, Vec<u8>) {
    let (config, pem) = configured();
    (TlsAcceptor::from(config), pem)
}

fn configured() -> (Arc<ServerConfig>, Vec<u8>) {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let config = config.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key);
    (Arc::new(config.expect("a certificate and its key")), made.cert.pem().into_bytes())
}

/// A body as it was meant.
fn decoded(head: &str, body: &str) -> String {
    use base64::Engine;
    let head = head.to_ascii_lowercase();
    if head.contains("content-transfer-encoding: base64") {
        let plain: String = body.split_whitespace().collect();
        let bytes = base64::engine::general_purpose::STANDARD.decode(plain).expect("base64");
        return String::from_utf8(bytes).expect("a text");
    }
    if !head.contains("content-transfer-encoding: quoted-printable") {
        return body.to_owned();
    }
    let mut bytes = Vec::new();
    let joined = body.replace("=\n", "");
    let mut rest = joined.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let digits = tail.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match digits.filter(|_| *first == b'=').and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).expect("a text")
}
