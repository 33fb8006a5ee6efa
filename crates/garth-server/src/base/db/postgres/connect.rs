//! How to reach a PostgreSQL server: what its URL says, and the TLS it is spoken to with.

use std::error::Error as _;
use std::net::IpAddr;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio_postgres::Config;
use tokio_postgres::config::Host;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{DbError, PATIENCE, SILENCE};

/// Reads the URL; what it leaves open about dead connections is set to seconds instead of hours.
pub(super) fn configure(url: &str) -> Result<(Config, MakeRustlsConnect), DbError> {
    let (url, root_certificates) = split_root_certificates(url);
    let mut config: Config = url.parse().map_err(|error: tokio_postgres::Error| {
        let reason = error.source().map(ToString::to_string).unwrap_or_default();
        DbError::Other(format!("the URL of the PostgreSQL database cannot be read: {reason}"))
    })?;
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(PATIENCE);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(SILENCE);
    }
    config.keepalives_idle(SILENCE / 2).keepalives_interval(SILENCE / 4).keepalives_retries(2);
    if config.get_application_name().is_none() {
        config.application_name("garth");
    }
    Ok((config, tls(root_certificates.as_deref())?))
}

/// Does the server run on this machine?
pub(super) fn nearby(config: &Config) -> bool {
    let local = |address: &IpAddr| address.is_loopback();
    let addresses = config.get_hostaddrs();
    let hosts = config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|address| local(&address)),
        Host::Unix(_) => true,
    });
    // Addresses count before names where both are given.
    if addresses.is_empty() { hosts } else { addresses.iter().all(local) }
}

/// Takes `sslrootcert=FILE` out of the URL, which the driver does not know.
fn split_root_certificates(url: &str) -> (String, Option<String>) {
    let Some((base, query)) = url.split_once('?') else {
        return (url.to_owned(), None);
    };
    let mut file = None;
    let mut rest = Vec::new();
    for pair in query.split('&') {
        match pair.strip_prefix("sslrootcert=") {
            Some(path) => file = Some(path.to_owned()),
            None => rest.push(pair),
        }
    }
    (format!("{base}?{}", rest.join("&")), file)
}

/// TLS that checks the server's certificate against the given file, or else against the public authorities.
fn tls(root_certificates: Option<&str>) -> Result<MakeRustlsConnect, DbError> {
    let mut roots = rustls::RootCertStore::empty();
    match root_certificates {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(file) => {
            let unreadable = |error: &dyn std::fmt::Display| DbError::Other(format!("sslrootcert={file}: {error}"));
            for certificate in CertificateDer::pem_file_iter(file).map_err(|error| unreadable(&error))? {
                let certificate = certificate.map_err(|error| unreadable(&error))?;
                roots.add(certificate).map_err(|error| unreadable(&error))?;
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| DbError::Other(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}
