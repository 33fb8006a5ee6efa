//! The doors of the running program: TLS with a certificate that changes, connections that idle, and the end.

use super::{Folder, Server, complaint, run};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Writes a certificate for `localhost` and its key.
fn certify(folder: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    std::fs::write(folder.join("cert.pem"), made.cert.pem()).expect("a file");
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).expect("a file");
    made.cert.der().clone()
}

/// One request over TLS, trusting this certificate alone; the whole answer, or why there is none.
fn ask(server: &Server, trusted: &CertificateDer<'static>) -> Result<String, std::io::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let name = ServerName::try_from("localhost").expect("a name");
    let client = ClientConnection::new(Arc::new(config), name).expect("a client");
    let stream = TcpStream::connect(server.address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let mut stream = StreamOwned::new(client, stream);
    stream.write_all(b"GET /.well-known/authzen-configuration HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn a_certificate_makes_it_https_and_a_new_one_is_taken_over() {
    let folder = Folder::new();
    let first = certify(&folder.0);
    let (cert, key) = (folder.0.join("cert.pem"), folder.0.join("key.pem"));
    let tls = ["--tls-cert", cert.to_str().expect("a path"), "--tls-key", key.to_str().expect("a path")];
    let server = Server::start(&folder.data(), &tls);
    assert!(server.greeting.contains("https://127.0.0.1:"), "{}", server.greeting);
    let answer = ask(&server, &first).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"https://127.0.0.1:"), "{answer}");
    assert!(!plainly(&server).starts_with("HTTP/1.1 200"), "nothing is told in the clear");
    let at = server.address.to_string();
    let health = ["health", "--listen", &at];
    assert_eq!(run(&[&health[..], &tls].concat()).status.code(), Some(0));
    assert!(complaint(&run(&health)).contains("not ready"), "without the certificate there is no answer");

    // One that is no good changes nothing but the log; a good one is used by the next connection.
    std::fs::write(&cert, "no certificate").expect("a file");
    server.signal("HUP");
    eventually(|| std::fs::read_to_string(&server.log).is_ok_and(|log| log.contains("could not be read again")));
    let log = std::fs::read_to_string(&server.log).expect("a log");
    assert!(log.contains("WARN"), "{log}");
    assert!(ask(&server, &first).is_ok());
    let second = certify(&folder.0);
    server.signal("HUP");
    eventually(|| ask(&server, &second).is_ok());
    assert!(ask(&server, &first).is_err(), "the one before is not used any more");
    // Whoever else listens there with a certificate of his own is not us.
    certify(&folder.0);
    assert!(complaint(&run(&[&health[..], &tls].concat())).contains("not ready"));
    assert_eq!(server.stop(), Some(0));
}

/// The same address without TLS.
fn plainly(server: &Server) -> String {
    plain_get(&server.address.to_string(), "/healthz")
}

fn plain_get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    let mut answer = Vec::new();
    let _ = write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[track_caller]
fn eventually(mut question: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !question() {
        assert!(Instant::now() < until, "waited in vain");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_certificate_that_is_no_good_is_said_before_anything_is_made() {
    let folder = Folder::new();
    certify(&folder.0);
    let key_of_another = Folder::new();
    certify(&key_of_another.0);
    let data = folder.data();
    let path = |folder: &Folder, name: &str| folder.0.join(name).to_str().expect("a path").to_owned();
    for (cert, key) in [
        (path(&folder, "cert.pem"), path(&key_of_another, "key.pem")),
        (path(&folder, "key.pem"), path(&folder, "key.pem")),
        (path(&folder, "cert.pem"), path(&folder, "cert.pem")),
        (path(&folder, "nothing.pem"), path(&folder, "key.pem")),
    ] {
        let data = data.to_str().expect("a path");
        let at = ["serve", "--listen", "127.0.0.1:0", "--data", data];
        let said = complaint(&run(&[&at[..], &["--tls-cert", &cert, "--tls-key", &key]].concat()));
        assert!(said.contains("cannot be used"), "{said}");
    }
    assert!(!data.exists());
}

#[test]
fn metrics_have_a_door_of_their_own() {
    let folder = Folder::new();
    let at = free_address();
    let server = Server::start(&folder.data(), &["--metrics-listen", &at]);
    let figures = plain_get(&at, "/metrics");
    assert!(figures.starts_with("HTTP/1.1 200") && figures.contains("garth_build_info"), "{figures}");
    assert!(plain_get(&at, "/api/v1/openapi.json").starts_with("HTTP/1.1 404"), "nothing else is there");
    assert!(plain_get(&at, "/healthz").starts_with("HTTP/1.1 404"), "nothing else is there");
    let here = server.address.to_string();
    assert!(plain_get(&here, "/metrics").starts_with("HTTP/1.1 401"));
    server.signal("HUP");
    let health = run(&["health", "--json", "--listen", &here]);
    assert_eq!(super::stdout(&health), "{\"ready\":true}\n");
    assert!(complaint(&run(&["health", "--listen", &free_address()])).contains("not ready"));
    assert_eq!(server.stop(), Some(0));
}

/// An address that was free a moment ago.
fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("an address");
    listener.local_addr().expect("an address").to_string()
}

#[test]
fn connections_that_idle_do_not_hold_up_the_end() {
    let folder = Folder::new();
    let server = Server::start(&folder.data(), &["--connections", "3"]);
    let seated = || {
        let mut stream = TcpStream::connect(server.address).expect("a connection");
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").expect("a request");
        let mut answer = [0; 4096];
        let length = stream.read(&mut answer).expect("an answer");
        assert!(answer[..length].starts_with(b"HTTP/1.1 200"));
        stream
    };
    let _kept = seated();
    let mut half = seated();
    half.write_all(b"GET /heal").expect("half a request");
    // All seats are taken: one more is closed at once, and none of the others is harmed. Connections that come together
    // are seated in any order, so silent ones come until one sits.
    let mut silent = Vec::new();
    eventually(|| {
        silent.push(TcpStream::connect(server.address).expect("a connection"));
        plainly(&server).is_empty()
    });
    half.write_all(b"thz HTTP/1.1\r\nhost: x\r\n\r\n").expect("the rest");
    let mut some = [0; 12];
    half.read_exact(&mut some).expect("an answer");
    assert_eq!(&some, b"HTTP/1.1 200");
    let began = Instant::now();
    assert_eq!(server.stop(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(8), "the grace is for requests");
}
