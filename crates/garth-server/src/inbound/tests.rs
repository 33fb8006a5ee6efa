//! Stories about letters that come in. Letters are sent by Python's smtplib, by swaks where it is there, and byte by byte.

use crate::support::*;
use garth_server::inbound::{Door, LETTER_BYTES, Tls};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

stories! {
    a_letter_becomes_a_thing_in_the_space,
    whatever_else_is_sent_is_turned_away_in_the_same_words,
    a_letter_to_several_is_kept_by_all_or_by_none,
    letters_come_over_starttls_and_what_is_said_before_it_counts_for_nothing,
    one_letter_is_not_two,
    commands_have_their_order,
    letters_have_limits,
    strangers_are_not_listened_to,
    addresses_are_for_the_administrators_of_their_space,
    addresses_have_limits,
    an_address_is_for_a_kind_that_letters_fit,
    without_a_mail_domain_there_are_no_addresses,
}

const REFUSED: &str = "550 5.7.1 This letter is not accepted.";

/// Python's own mail library, as a mail server of one's own would use it.
const SMTPLIB: &str = "
import smtplib, ssl, sys
port, tls, sender, *to = sys.argv[1:]
server = smtplib.SMTP('127.0.0.1', int(port), local_hostname='mx.garth.example', timeout=20)
try:
    if tls == 'tls':
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        server.starttls(context=trusting)
    print(250, server.sendmail(sender, to, sys.stdin.buffer.read()))
except smtplib.SMTPResponseException as no:
    print(no.smtp_code, no.smtp_error.decode())
server.quit()
";

/// Lin is in charge of Atlas, Bo reads there; both have proved to read their addresses. Gil has, too, and is disabled.
struct World {
    ada: Person,
    lin: Person,
    bo: Person,
    atlas: Thing,
    address: String,
}

async fn world(g: &Garth) -> World {
    let ada = g.admin().await;
    g.closed_home().await;
    let (lin, bo, gil) = (g.person("lin").await, g.person("bo").await, g.person("gil").await);
    let schema = json!({
        "type": "object", "additionalProperties": false, "required": ["text"],
        "properties": {
            "text": {"type": "string"}, "from": {"type": "string"}, "received_at": {"type": "string"},
            "attachments": {"type": "array", "items": {"type": "object", "required": ["name", "size_bytes"]}},
        },
    });
    ada.kind_with("ticket", json!({ "schema": schema })).await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    ada.grant_by_registry(&atlas, &bo, "reader").await;
    ada.grant_by_registry(&atlas, &gil, "writer").await;
    g.person("may").await;
    ada.patch(&format!("/api/v1/users/{}", gil.id), json!({"disabled": true})).await.ok();
    for name in ["lin", "bo", "gil"] {
        let address = format!("{name}@example.org");
        let set = format!("email = '{address}', verified_email = '{address}'");
        g.meddle(&format!("UPDATE users SET {set} WHERE handle = '{name}'")).await;
    }
    g.meddle("UPDATE users SET email = 'may@example.org' WHERE handle = 'may'").await;
    g.restart().await;
    let address = made(&lin, &atlas, "lifts").await.text("address");
    World { ada, lin, bo, atlas, address }
}

async fn made(by: &Person, space: &Thing, prefix: &str) -> Answer {
    by.post(&space.url("/inbound-addresses"), json!({"prefix": prefix, "kind": "ticket"})).await.created()
}

/// A door for letters, and its port.
async fn door(g: &Garth, tls: Option<Tls>) -> (Door, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    (Door::open(g.app(), listener, tls), port)
}

/// A letter for whose sender one's own mail server vouches.
fn letter(from: &str, subject: &str, text: &str) -> String {
    let domain = from.rsplit_once('@').map_or("", |(_, domain)| domain);
    format!(
        "Authentication-Results: mx.garth.example; dmarc=pass header.from={domain}\r\nFrom: {from}\r\n\
         Subject: {subject}\r\n\r\n{text}\r\n"
    )
}

/// Runs a program and gives it a letter.
async fn run(program: &'static str, arguments: Vec<String>, letter: String) -> Option<String> {
    let ran = tokio::task::spawn_blocking(move || {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .ok()?;
        std::io::Write::write_all(&mut child.stdin.take().expect("a way in"), letter.as_bytes()).expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        Some(String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
    });
    ran.await.expect("it ran")
}

async fn by_smtplib(port: u16, tls: &str, from: &str, to: &[&str], letter: String) -> String {
    let first = ["-c", SMTPLIB, &port.to_string(), tls, from].map(str::to_owned);
    let arguments = first.into_iter().chain(to.iter().map(|to| (*to).to_owned())).collect();
    run("python3", arguments, letter).await.expect("python3 is there")
}

/// A conversation, a line at a time.
struct Talk(TcpStream);

impl Talk {
    async fn begin(port: u16) -> Talk {
        let mut talk = Talk(TcpStream::connect(("127.0.0.1", port)).await.expect("the door is open"));
        assert!(talk.hear().await.starts_with("220 in.garth.example "));
        talk
    }

    /// What the server says next; nothing when it has gone.
    async fn hear(&mut self) -> String {
        let mut heard = Vec::new();
        let whole = |heard: &[u8]| {
            let text = String::from_utf8_lossy(heard).into_owned();
            let last = text.strip_suffix("\r\n").and_then(|text| text.rsplit("\r\n").next().map(str::to_owned));
            last.is_some_and(|last| last.as_bytes().get(3) == Some(&b' '))
        };
        while !whole(&heard) {
            let mut byte = [0];
            let read = tokio::time::timeout(Duration::from_secs(20), self.0.read(&mut byte)).await.expect("an answer");
            match read {
                Ok(1) => heard.push(byte[0]),
                _ => return String::new(),
            }
        }
        String::from_utf8(heard).expect("text").trim_end().to_owned()
    }

    async fn send(&mut self, bytes: &str) -> String {
        // It may have gone already.
        let _ = self.0.write_all(bytes.as_bytes()).await;
        self.hear().await
    }

    async fn say(&mut self, line: &str) -> String {
        self.send(&format!("{line}\r\n")).await
    }

    async fn expect(&mut self, line: &str, code: &str) -> String {
        let answer = self.say(line).await;
        assert!(answer.starts_with(code), "{line}: {answer}");
        answer
    }

    /// What a whole letter is answered.
    async fn letter(&mut self, from: &str, to: &[&str], letter: &str) -> String {
        self.expect(&format!("MAIL FROM:<{from}>"), "250").await;
        for to in to {
            self.expect(&format!("RCPT TO:<{to}>"), "250").await;
        }
        self.expect("DATA", "354").await;
        self.send(&format!("{letter}.\r\n")).await
    }
}

async fn greeted(port: u16) -> Talk {
    let mut talk = Talk::begin(port).await;
    talk.expect("EHLO mx.garth.example", "250").await;
    talk
}

/// The tickets that somebody sees.
async fn tickets(by: &Person) -> Vec<Value> {
    by.get("/api/v1/resources?kind=ticket").await.ok().items()
}

async fn a_letter_becomes_a_thing_in_the_space(g: Garth) {
    let w = world(&g).await;
    let (_door, port) = door(&g, None).await;
    let text = letter("lin@example.org", "The lift is stuck", "Since this morning.");
    let text = text.replace("From: lin@example.org", "From: Lin <Lin@Example.org>");
    let answer = by_smtplib(port, "plain", "bounces@example.org", &[&w.address.to_uppercase()], text).await;
    assert!(answer.starts_with("250"), "{answer}");
    let found = tickets(&w.lin).await;
    let [ticket] = found.as_slice() else { panic!("one ticket: {found:?}") };
    assert_eq!(ticket["name"], "The lift is stuck");
    assert_eq!(ticket["space"], json!(w.atlas.id));
    assert_eq!(ticket["author"], json!(w.lin.principal()));
    let whole = w.lin.get(&format!("/api/v1/resources/{}", ticket["id"].as_str().expect("an id"))).await.ok();
    assert_eq!(whole["body"]["text"], "Since this morning.");
    assert_eq!(whole["body"]["from"], "Lin@Example.org");
    assert_eq!(whole["body"]["received_at"], json!(g.time_in(0)));
    let entries = w.lin.get(&w.atlas.url("/audit?limit=100")).await.ok().items();
    let mailed = |entry: &&Value| entry["credential"] == "mail" && entry["action"] == "resource.create";
    let entry = entries.iter().find(mailed).unwrap_or_else(|| panic!("no entry: {entries:?}"));
    assert_eq!(entry["actor"], json!(w.lin.principal()));

    // With what came along, by another program where it is there.
    let file = g.folder().join("plan.txt");
    std::fs::write(&file, "first the doors").expect("a file");
    let header = "Authentication-Results: mx.garth.example; dmarc=pass header.from=example.org";
    let (server, subject) = (format!("127.0.0.1:{port}"), "Subject: A plan");
    let arguments = [
        "--server",
        &server,
        "--from",
        "lin@example.org",
        "--to",
        &w.address,
        "--header",
        subject,
        "--add-header",
        header,
        "--body",
        "As attached.",
        "--attach-type",
        "text/x-plan",
        "--attach-name",
        "plan.txt",
        "--attach",
        &format!("@{}", file.display()),
    ];
    let arguments = arguments.into_iter().map(str::to_owned).collect();
    let Some(said) = run("swaks", arguments, String::new()).await else { return };
    let found = w.lin.get("/api/v1/resources?kind=ticket&q=plan").await.ok().items();
    assert_eq!(found.len(), 1, "{said}");
    let whole = w.lin.get(&format!("/api/v1/resources/{}", found[0]["id"].as_str().expect("an id"))).await.ok();
    let attached = &whole["body"]["attachments"][0];
    assert_eq!((&attached["name"], &attached["media_type"]), (&json!("plan.txt"), &json!("text/x-plan")), "{whole}");
    assert_eq!(attached["content_base64"], "Zmlyc3QgdGhlIGRvb3Jz");
    assert_eq!(whole["body"]["text"], "As attached.");
}

async fn whatever_else_is_sent_is_turned_away_in_the_same_words(g: Garth) {
    let w = world(&g).await;
    let old = w.ada.space("Old").admin(&w.lin).create().await;
    let vault = w.ada.space("Vault").sealed().admin(&w.bo).create().await;
    let archived = made(&w.lin, &old, "old").await.text("address");
    let hidden = made(&w.bo, &vault, "vault").await.text("address");
    w.lin.post(&old.url("/archive"), json!({})).await.ok();
    let gone = made(&w.lin, &w.atlas, "gone").await;
    w.lin.delete(&w.atlas.url(&format!("/inbound-addresses/{}", gone.id()))).await.done();
    w.ada.kind("note").await;
    let note = json!({"prefix": "notes", "kind": "note"});
    let noted = w.lin.post(&w.atlas.url("/inbound-addresses"), note).await.created().text("address");
    w.ada.delete("/api/v1/kinds/note").await.done();
    let (_door, port) = door(&g, None).await;
    let unknown = format!("lifts-{}@in.garth.example", "0".repeat(32));
    let good = letter("lin@example.org", "Hi", "Hi");
    let by = |name: &str| letter(&format!("{name}@example.org"), "Hi", "Hi");
    let results = "Authentication-Results: mx.garth.example; dmarc=pass header.from=example.org\r\n";
    let cases = [
        ("an unknown address", unknown.as_str(), good.clone()),
        ("an address in a hidden space", hidden.as_str(), good.clone()),
        ("an address in an archived space", archived.as_str(), good.clone()),
        ("an address that is gone", &gone.text("address"), good.clone()),
        ("an address of a kind that is gone", noted.as_str(), good.clone()),
        ("no address of ours at all", "postmaster@in.garth.example", good.clone()),
        ("a reader", w.address.as_str(), by("bo")),
        ("somebody who is disabled", w.address.as_str(), by("gil")),
        ("an address that nobody has proved to read", w.address.as_str(), by("may")),
        ("nobody we know", w.address.as_str(), by("eve")),
        ("DMARC did not pass", w.address.as_str(), good.replace("dmarc=pass", "dmarc=fail")),
        ("another server's word", w.address.as_str(), good.replace("mx.garth.example", "mx.evil.example")),
        ("nobody's word", w.address.as_str(), good.replace("Authentication-Results", "X-Results")),
        (
            "another domain's pass",
            w.address.as_str(),
            good.replace("header.from=example.org", "header.from=evil.example"),
        ),
        ("two senders", w.address.as_str(), good.replace("From: ", "From: bo@example.org\r\nFrom: ")),
        ("nothing", w.address.as_str(), String::new()),
        ("no head", w.address.as_str(), "Hi\r\n".to_owned()),
        ("not text", w.address.as_str(), format!("{results}From: \u{0}\u{1}\r\n\r\n\u{0}\r\n")),
    ];
    g.unchanged(async || {
        for (what, to, text) in &cases {
            let answer = greeted(port).await.letter("lin@example.org", &[to], text).await;
            assert_eq!(answer, REFUSED, "{what}");
        }
        // A machine's answer to a letter is none.
        assert_eq!(greeted(port).await.letter("", &[&w.address], &good).await, REFUSED);
    })
    .await;
    // And the one that is right, to be sure that the others were turned away for what they are.
    assert!(greeted(port).await.letter("x@y.example", &[&w.address], &good).await.starts_with("250"));
    // Rights count as they are when a letter comes.
    g.unchanged(async || {
        assert_eq!(greeted(port).await.letter("bo@example.org", &[&w.address], &by("bo")).await, REFUSED);
    })
    .await;
    w.ada.grant_by_registry(&w.atlas, &w.bo, "writer").await;
    assert!(greeted(port).await.letter("bo@example.org", &[&w.address], &by("bo")).await.starts_with("250"));
    // What a kind's schema does not take is turned away like the rest.
    let strict = json!({"schema": {"type": "object", "properties": {"text": {"maxLength": 3}}}});
    w.ada.patch("/api/v1/kinds/ticket", strict).await.ok();
    g.unchanged(async || {
        let long = letter("lin@example.org", "Hi", "Hello");
        assert_eq!(greeted(port).await.letter("lin@example.org", &[&w.address], &long).await, REFUSED);
    })
    .await;
}

async fn a_letter_to_several_is_kept_by_all_or_by_none(g: Garth) {
    let w = world(&g).await;
    let other = made(&w.lin, &w.atlas, "stairs").await.text("address");
    let unknown = format!("lifts-{}@in.garth.example", "f".repeat(32));
    let (_door, port) = door(&g, None).await;
    let good = letter("lin@example.org", "Both", "Hi");
    g.unchanged(async || {
        let answer = greeted(port).await.letter("a@b.example", &[&w.address, &unknown], &good).await;
        assert_eq!(answer, REFUSED);
    })
    .await;
    let answer = by_smtplib(port, "plain", "a@b.example", &[&w.address, &other, &other], good).await;
    assert!(answer.starts_with("250"), "{answer}");
    assert_eq!(tickets(&w.lin).await.len(), 2);
}

async fn letters_come_over_starttls_and_what_is_said_before_it_counts_for_nothing(g: Garth) {
    let w = world(&g).await;
    let config = smtp::server_tls();
    let (_door, port) = door(&g, Some(Arc::new(move || Arc::clone(&config)))).await;
    let good = letter("lin@example.org", "Over TLS", "Hi");
    let answer = by_smtplib(port, "tls", "a@b.example", &[&w.address], good.clone()).await;
    assert!(answer.starts_with("250"), "{answer}");
    assert_eq!(tickets(&w.lin).await.len(), 1);
    g.unchanged(async || {
        let mut talk = greeted(port).await;
        talk.expect("MAIL FROM:<a@b.example>", "250").await;
        // What somebody on the way adds is not carried over: there is nobody to hear it any more.
        let heard = talk.send("STARTTLS\r\nNOOP\r\n").await;
        assert_eq!(heard, "");
    })
    .await;
    let mut talk = Talk::begin(port).await;
    assert!(talk.expect("EHLO a.example", "250").await.contains("STARTTLS"));
    let (_other, without) = door(&g, None).await;
    let mut talk = Talk::begin(without).await;
    assert!(!talk.expect("EHLO a.example", "250").await.contains("STARTTLS"));
    talk.expect("STARTTLS", "502").await;
}

async fn one_letter_is_not_two(g: Garth) {
    let w = world(&g).await;
    let (_door, port) = door(&g, None).await;
    let inner = letter("lin@example.org", "The second", "Hi");
    let envelope = format!("MAIL FROM:<lin@example.org>\r\nRCPT TO:<{}>\r\nDATA\r\n", w.address);
    for end in ["\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r\n", "\r\n.\r\r\n"] {
        let text = format!("{}{end}{envelope}{inner}", letter("lin@example.org", "The first", "Hi").trim_end());
        let mut talk = greeted(port).await;
        assert!(talk.letter("a@b.example", &[&w.address], &text).await.starts_with("250"), "{end:?}");
        talk.expect("NOOP", "250").await;
    }
    let names: Vec<Value> = tickets(&w.lin).await.iter().map(|ticket| ticket["name"].clone()).collect();
    assert_eq!(names, vec![json!("The first"); 5]);
    // Nor does a bare line feed end a command.
    let mut talk = greeted(port).await;
    assert!(talk.send("NOOP\nMAIL FROM:<a@b.example>\r\n").await.starts_with("500"));
    talk.expect(&format!("RCPT TO:<{}>", w.address), "503").await;
    // What is sent ahead is answered in its order.
    let mut talk = greeted(port).await;
    let whole = format!("{envelope}{inner}.\r\nQUIT\r\n");
    assert!(talk.send(&whole).await.starts_with("250"));
    for code in ["250", "354", "250", "221"] {
        let answer = talk.hear().await;
        assert!(answer.starts_with(code), "{code}: {answer}");
    }
}

async fn commands_have_their_order(g: Garth) {
    let w = world(&g).await;
    let (_door, port) = door(&g, None).await;
    let to = format!("RCPT TO:<{}>", w.address);
    g.unchanged(async || {
        let mut talk = Talk::begin(port).await;
        talk.expect("MAIL FROM:<a@b.example>", "503").await;
        talk.expect("HELO a.example", "250").await;
        talk.expect(&to, "503").await;
        talk.expect("DATA", "503").await;
        talk.expect("MAIL FROM:<a@b.example>", "250").await;
        talk.expect("MAIL FROM:<a@b.example>", "503").await;
        talk.expect("RCPT TO:<a@elsewhere.example>", "550").await;
        talk.expect(&to, "250").await;
        talk.expect("RSET", "250").await;
        talk.expect("DATA", "503").await;
        talk.expect("VRFY lin", "252").await;
        talk.expect("NOOP", "250").await;
        talk.expect("QUIT", "221").await;
        assert_eq!(talk.hear().await, "");

        // Not for long does it listen to what is nothing.
        let mut talk = greeted(port).await;
        for _ in 0..9 {
            assert!(talk.say("FLY away").await.starts_with('5'));
        }
        assert!(talk.say("FLY away").await.starts_with('5'));
        assert!(talk.hear().await.starts_with("421"));
        assert_eq!(talk.hear().await, "");

        // Whoever goes in the middle has said nothing.
        let mut talk = greeted(port).await;
        talk.expect("MAIL FROM:<a@b.example>", "250").await;
        talk.expect(&to, "250").await;
        talk.expect("DATA", "354").await;
        let _ = talk.0.write_all(letter("lin@example.org", "Half", "Hi").as_bytes()).await;
    })
    .await;
}

async fn letters_have_limits(g: Garth) {
    let w = world(&g).await;
    let (_door, port) = door(&g, None).await;
    g.unchanged(async || {
        let mut talk = greeted(port).await;
        let size = |bytes: usize| format!("MAIL FROM:<a@b.example> SIZE={bytes}");
        talk.expect(&size(LETTER_BYTES + 1), "552").await;
        talk.expect(&size(LETTER_BYTES), "250").await;
        talk.expect("RSET", "250").await;
        talk.expect("MAIL FROM:<a@b.example>", "250").await;
        for n in 0..10 {
            talk.expect(&format!("RCPT TO:<a{n}@in.garth.example>"), "250").await;
        }
        talk.expect("RCPT TO:<b@in.garth.example>", "452").await;
        // A larger letter is read to its end, and not kept.
        let mut talk = greeted(port).await;
        let large = letter("lin@example.org", "Large", &"x".repeat(LETTER_BYTES));
        assert!(talk.letter("a@b.example", &[&w.address], &large).await.starts_with("552"));
        talk.expect("NOOP", "250").await;
        let mut talk = greeted(port).await;
        assert!(talk.say(&"x".repeat(2_100)).await.starts_with("500"));
        assert_eq!(talk.hear().await, "");
    })
    .await;
    // Of a text there is room for, all is kept; of a longer one it says so.
    let long = letter("lin@example.org", &"Long ".repeat(100), &"y".repeat(64 * 1024 + 10));
    assert!(greeted(port).await.letter("a@b.example", &[&w.address], &long).await.starts_with("250"));
    let ticket = &tickets(&w.lin).await[0];
    assert!(ticket["name"].as_str().is_some_and(|name| name.len() <= 255), "{ticket}");
    let whole = w.lin.get(&format!("/api/v1/resources/{}", ticket["id"].as_str().expect("an id"))).await.ok();
    assert!(whole["body"]["text"].as_str().is_some_and(|text| text.ends_with("[10 more bytes were left out.]")));
}

async fn strangers_are_not_listened_to(g: Garth) {
    g.admin().await;
    g.restart_with(|config| {
        let incoming = config.incoming.as_mut().expect("mail comes in");
        incoming.relays = vec!["192.0.2.0/24".parse().expect("a network")];
    })
    .await;
    let (_door, port) = door(&g, None).await;
    let mut talk = Talk(TcpStream::connect(("127.0.0.1", port)).await.expect("the door is open"));
    assert!(talk.hear().await.starts_with("554"));
    assert_eq!(talk.hear().await, "");
}

async fn addresses_are_for_the_administrators_of_their_space(g: Garth) {
    let w = world(&g).await;
    let mia = g.person("mia").await;
    let addresses = w.atlas.url("/inbound-addresses");
    let found = w.lin.all_pages(&addresses, 1).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["address"], json!(w.address));
    let local = w.address.strip_suffix("@in.garth.example").and_then(|local| local.strip_prefix("lifts-"));
    assert!(local.is_some_and(|random| random.len() == 32), "{}", w.address);
    let one = w.atlas.url(&format!("/inbound-addresses/{}", found[0]["id"].as_str().expect("an id")));
    let new = json!({"prefix": "lifts", "kind": "ticket"});
    g.unchanged(async || {
        w.bo.get(&addresses).await.refused(403, "forbidden");
        w.bo.post(&addresses, new.clone()).await.refused(403, "forbidden");
        w.bo.delete(&one).await.refused(403, "forbidden");
        for stranger in [&mia, &w.ada] {
            stranger.get(&addresses).await.refused(404, "not_found");
            stranger.post(&addresses, new.clone()).await.refused(404, "not_found");
            stranger.delete(&one).await.refused(404, "not_found");
        }
        g.anonymous().get(&addresses).await.not_signed_in();
        w.lin.delete(&w.atlas.url(&format!("/inbound-addresses/{}", mia.id))).await.refused(404, "not_found");
    })
    .await;
    let entries = w.lin.get(&w.atlas.url("/audit?limit=100")).await.ok().items();
    let entry =
        entries.iter().find(|e| e["action"] == "inbound_address.create" && e["outcome"] == "done").expect("an entry");
    assert_eq!(entry["after"]["address"], json!(w.address), "{entry}");
    // An address of another space is none of this one.
    let beta = w.ada.space("Beta").admin(&w.lin).create().await;
    let elsewhere = made(&w.lin, &beta, "beta").await.id();
    w.lin.delete(&w.atlas.url(&format!("/inbound-addresses/{elsewhere}"))).await.refused(404, "not_found");
    for n in 0..4 {
        g.pass(SECOND);
        made(&w.lin, &w.atlas, &format!("more-{n}")).await;
    }
    assert_eq!(w.lin.all_pages(&addresses, 2).await.len(), 5);
    w.lin.delete(&one).await.done();
    assert_eq!(w.lin.all_pages(&addresses, 2).await.len(), 4);
    // They go with their space; nothing is added while it is archived.
    w.lin.post(&beta.url("/archive"), json!({})).await.ok();
    w.lin.post(&beta.url("/inbound-addresses"), new).await.refused(409, "archived");
    w.lin.delete(&beta.url("?confirm=Beta")).await.done();
    assert_eq!(g.rows("inbound_addresses").await.len(), 4);
}

async fn addresses_have_limits(g: Garth) {
    let w = world(&g).await;
    let addresses = w.atlas.url("/inbound-addresses");
    let new = |prefix: &str| w.lin.post(&addresses, json!({"prefix": prefix, "kind": "ticket"}));
    new(&"p".repeat(24)).await.created();
    g.unchanged(async || {
        for wrong in ["", "-a", "a-", "A", "ä", "a b", "a@b", "a.b", &"p".repeat(25)] {
            new(wrong).await.invalid("/prefix");
        }
        w.lin.post(&addresses, json!({"prefix": "a"})).await.invalid("/kind");
        w.lin.post(&addresses, json!({"prefix": "a", "kind": "ticket", "address": "a@b"})).await.invalid("/address");
    })
    .await;
    for n in 0..98 {
        new(&format!("n{n}")).await.created();
    }
    g.unchanged(async || new("over").await.refused(409, "conflict")).await;
}

async fn an_address_is_for_a_kind_that_letters_fit(g: Garth) {
    let w = world(&g).await;
    let strict = json!({"schema": {"type": "object", "required": ["floor"]}});
    w.ada.kind_with("lift", strict).await;
    let addresses = w.atlas.url("/inbound-addresses");
    g.unchanged(async || {
        for kind in ["lift", "nothing", "", "space"] {
            w.lin.post(&addresses, json!({"prefix": "lifts", "kind": kind})).await.invalid("/kind");
        }
    })
    .await;
}

async fn without_a_mail_domain_there_are_no_addresses(g: Garth) {
    let w = world(&g).await;
    g.restart_with(|config| config.incoming = None).await;
    let new = json!({"prefix": "lifts", "kind": "ticket"});
    g.unchanged(async || w.lin.post(&w.atlas.url("/inbound-addresses"), new).await.refused(409, "conflict")).await;
}
