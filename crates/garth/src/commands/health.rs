//! `garth health`: is the server of these settings there, and can it answer? For images that have no `curl`.

use crate::options::Health;
use crate::output::{self, Failure};
use crate::settings::Settings;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};
use serde_json::json;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// How long connecting, asking and answering may take each.
const PATIENCE: Duration = Duration::from_secs(4);
/// What of the answer is read, in bytes.
const ANSWER_BYTES: u64 = 4096;

/// Asks `/readyz`.
pub fn run(typed: Health) -> Result<ExitCode, Failure> {
    let settings = typed.settings.effective()?.settings;
    let answer = ask(&settings);
    let ready = answer.as_ref().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200 "));
    if typed.json {
        output::print_json(&json!({ "ready": ready }));
    } else if ready {
        output::print("ready\n");
    } else {
        let why = match answer {
            Err(error) => error.to_string(),
            Ok(answer) if answer.starts_with("HTTP/") => answer.lines().next().unwrap_or_default().to_owned(),
            Ok(_) => "what answers there does not speak HTTP".to_owned(),
        };
        return Err(Failure(format!("The server at {} is not ready: {why}.", settings.listen)));
    }
    Ok(ExitCode::from(u8::from(!ready)))
}

fn ask(settings: &Settings) -> std::io::Result<String> {
    let stream = TcpStream::connect_timeout(&reachable(settings.listen), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    match &settings.tls_cert {
        None => exchange(stream),
        Some(file) => exchange(StreamOwned::new(client(file).map_err(std::io::Error::other)?, stream)),
    }
}

/// An address that means "every address" is reached at home.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

fn exchange(mut stream: impl Read + Write) -> std::io::Result<String> {
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn client(file: &Path) -> Result<ClientConnection, Box<dyn std::error::Error + Send + Sync>> {
    let provider = Arc::new(ring::default_provider());
    let only = OnlyThis { certificate: CertificateDer::from_pem_file(file)?, provider: Arc::clone(&provider) };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(only))
        .with_no_client_auth();
    Ok(ClientConnection::new(Arc::new(config), ServerName::try_from("localhost")?)?)
}

/// Trusts one certificate, whatever name is in it and whoever signed it: that of the settings.
#[derive(Debug)]
struct OnlyThis {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for OnlyThis {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match *shown == self.certificate {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(rustls::Error::General("it shows another certificate than the settings name".to_owned())),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
