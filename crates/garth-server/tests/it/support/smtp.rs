//! A mail server on loopback that keeps what it is handed, and behaves as it is told.

use super::Garth;
use garth_server::base::mail::{Security, Smtp};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

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
    /// It says nothing at all.
    pub silent: bool,
    /// It says no to the first so many connections.
    pub busy: usize,
}

pub struct MailServer {
    port: u16,
    manners: Arc<Mutex<Manners>>,
    letters: tokio::sync::Mutex<mpsc::UnboundedReceiver<Got>>,
    said: Arc<Mutex<Vec<String>>>,
}

impl MailServer {
    pub async fn start() -> MailServer {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (sender, letters) = mpsc::unbounded_channel();
        let (manners, said): (Arc<Mutex<Manners>>, Arc<Mutex<Vec<String>>>) = Default::default();
        let (of_all, heard) = (Arc::clone(&manners), Arc::clone(&said));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let now = {
                    let mut manners = of_all.lock().unwrap();
                    let now = manners.clone();
                    manners.busy = manners.busy.saturating_sub(1);
                    now
                };
                tokio::spawn(serve(stream, now, sender.clone(), Arc::clone(&heard)));
            }
        });
        MailServer { port, manners, letters: tokio::sync::Mutex::new(letters), said }
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

async fn serve(
    stream: TcpStream,
    manners: Manners,
    letters: mpsc::UnboundedSender<Got>,
    said: Arc<Mutex<Vec<String>>>,
) -> Option<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    if manners.silent {
        // Until the other one has had enough.
        while let Ok(Some(_)) = lines.next_line().await {}
        return None;
    }
    if manners.busy > 0 {
        write.write_all(b"421 busy\r\n").await.ok()?;
        return None;
    }
    write.write_all(b"220 mail.example ESMTP\r\n").await.ok()?;
    let (mut from, mut to) = (String::new(), Vec::new());
    loop {
        let line = lines.next_line().await.ok()??;
        said.lock().unwrap().push(line.clone());
        let upper = line.to_ascii_uppercase();
        let address = || line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        let answer = match upper.split([' ', ':']).next().unwrap_or_default() {
            "EHLO" => "250-mail.example\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n".to_owned(),
            "MAIL" => {
                from = address();
                "250 fine\r\n".to_owned()
            }
            "RCPT" => {
                to.push(address());
                format!("{}\r\n", manners.recipient.unwrap_or("250 fine"))
            }
            "DATA" => {
                write.write_all(b"354 go on\r\n").await.ok()?;
                let mut data = String::new();
                loop {
                    let line = lines.next_line().await.ok()??;
                    if line == "." {
                        break;
                    }
                    data.push_str(line.strip_prefix('.').unwrap_or(&line));
                    data.push('\n');
                }
                let (head, body) = data.split_once("\n\n").unwrap_or((&data, ""));
                let text = decoded(head, body);
                let got = Got { from: from.clone(), to: std::mem::take(&mut to), head: head.to_owned(), text };
                letters.send(got).ok()?;
                "250 kept\r\n".to_owned()
            }
            "QUIT" => {
                write.write_all(b"221 bye\r\n").await.ok()?;
                return None;
            }
            _ => "502 what\r\n".to_owned(),
        };
        write.write_all(answer.as_bytes()).await.ok()?;
    }
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
