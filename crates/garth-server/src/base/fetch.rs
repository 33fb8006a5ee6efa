//! Our own requests to other servers: short, bounded, and only to addresses that may be asked.
//!
//! A URL may come from somebody who would like this server to ask for them what they cannot reach (`attacks.md`, N79). So
//! a name is looked up once, every address it has must be a public one, and the connection goes to an address that was
//! looked at: a name that means something else a moment later changes nothing. Redirects are answers like any other and
//! are not followed. Each request has a connection, a time limit and a largest answer of its own. What is sent to other
//! servers by other protocols (mail) goes to addresses that [`addresses`] looked at.

use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

/// Largest answer, in bytes.
pub const ANSWER_BYTES: usize = 512 * 1024;
/// The longest that one request may take unless it says otherwise, from looking the name up to the last byte.
pub const TIME: Duration = Duration::from_secs(10);
/// Longest URL, in bytes.
pub const URL_BYTES: usize = 2_048;

/// Why a request came to nothing; a sentence for administrators, without anything of the answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    /// The URL is none that is asked.
    #[error("{0}")]
    Refused(&'static str),
    /// The name means nothing, nobody listens there, or what answers does not speak HTTP.
    #[error("the server cannot be reached")]
    Unreachable,
    /// Its certificate is not good for its name.
    #[error("its TLS certificate is not good, or it does not speak TLS")]
    Tls,
    /// The connection ended after it was asked: it may have done what was asked for.
    #[error("the server broke off")]
    BrokeOff,
    /// It took too long.
    #[error("the server took too long")]
    TimedOut,
    /// The answer is larger than is read.
    #[error("its answer is larger than 512 KiB")]
    TooLarge,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// Its status.
    pub status: StatusCode,
    /// Its content type without parameters, in lower case; empty when it says none.
    pub content_type: String,
    /// What it says of when to come again, as it says it.
    pub retry_after: Option<String>,
    /// Its body.
    pub body: Bytes,
}

/// A URL that is asked, or that a browser is sent to: what it is made of, and nothing that could hide in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    uri: Uri,
    https: bool,
    host: String,
    port: u16,
}

impl Url {
    /// Reads a URL: `https`, or `http` where private targets are allowed; a host, no user, no fragment.
    ///
    /// # Errors
    /// With what is wrong.
    pub fn read(text: &str, private: bool) -> Result<Self, Failed> {
        let odd = |b: u8| !b.is_ascii_graphic() || b"\\\"<>^`{|}#".contains(&b);
        if text.len() > URL_BYTES || text.bytes().any(odd) {
            return Err(Failed::Refused("must be a URL of at most 2,048 plain characters, without a fragment"));
        }
        let uri: Uri = text.parse().map_err(|_| Failed::Refused("must be a URL"))?;
        let https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") if private => false,
            _ => return Err(Failed::Refused("must begin with https://")),
        };
        let authority = uri.authority().ok_or(Failed::Refused("must name a host"))?;
        if authority.as_str().contains('@') {
            return Err(Failed::Refused("must not hold a user or a password"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        if host.is_empty() || host.contains('%') {
            return Err(Failed::Refused("must name a host"));
        }
        let port = match authority.port() {
            Some(port) => port.as_str().parse().map_err(|_| Failed::Refused("must name a port that there is"))?,
            // A number that is no port, or a colon without one.
            None if authority.as_str() != authority.host() => {
                return Err(Failed::Refused("must name a port that there is"));
            }
            None if https => 443,
            None => 80,
        };
        Ok(Self { https, host, port, uri })
    }

    /// Scheme, host and port, as browsers compare them.
    pub fn origin(&self) -> String {
        let scheme = if self.https { "https" } else { "http" };
        format!("{scheme}://{}", self.authority())
    }

    /// Host and port, as the `Host` header says them.
    pub fn authority(&self) -> &str {
        self.uri.authority().map_or("", |authority| authority.as_str())
    }

    /// Its path; `/` where it says none.
    pub fn path(&self) -> &str {
        self.uri.path()
    }

    /// What stands behind its question mark.
    pub fn query(&self) -> Option<&str> {
        self.uri.query()
    }
}

/// What is asked of another server.
pub struct Ask<'a> {
    url: &'a Url,
    /// May the address be a private one?
    private: bool,
    method: Method,
    headers: Vec<(HeaderName, String)>,
    body: Bytes,
    time: Duration,
    /// Is what it answers nobody's to read?
    unread: bool,
}

impl<'a> Ask<'a> {
    /// A plain GET.
    pub fn get(url: &'a Url, private: bool) -> Self {
        Self { url, private, method: Method::GET, headers: Vec::new(), body: Bytes::new(), time: TIME, unread: false }
    }

    /// A POST of a form.
    pub fn form(url: &'a Url, form: String, private: bool) -> Self {
        Self::send_body(Method::POST, url, "application/x-www-form-urlencoded", Bytes::from(form), private)
    }

    /// A request with a body.
    pub fn send_body(method: Method, url: &'a Url, media_type: &str, body: Bytes, private: bool) -> Self {
        let ask = Self { method, body, ..Self::get(url, private) };
        ask.with(header::CONTENT_TYPE, media_type.to_owned())
    }

    /// With the `Authorization` header, if there is one.
    pub fn authorized(self, authorization: Option<String>) -> Self {
        match authorization {
            Some(value) => self.with(header::AUTHORIZATION, value),
            None => self,
        }
    }

    /// With another header; the later of two of one name counts.
    pub fn with(mut self, name: HeaderName, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Only the status counts: the body of the answer is not read, however long it is.
    pub fn unread(mut self) -> Self {
        self.unread = true;
        self
    }

    /// It may take so long.
    pub fn within(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }

    /// Asks.
    ///
    /// # Errors
    /// When nothing may be asked there, or nothing comes back that can be read in time.
    pub async fn send(self) -> Result<Fetched, Failed> {
        tokio::time::timeout(self.time, self.talk()).await.unwrap_or(Err(Failed::TimedOut))
    }

    async fn talk(self) -> Result<Fetched, Failed> {
        let stream = connect(&self.url.host, self.url.port, self.private).await?;
        if !self.url.https {
            return self.over(stream).await;
        }
        let name = ServerName::try_from(self.url.host.clone()).map_err(|_| Failed::Tls)?;
        let stream = TlsConnector::from(Arc::clone(&TLS)).connect(name, stream).await.map_err(|_| Failed::Tls)?;
        self.over(stream).await
    }

    async fn over<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(self, stream: S) -> Result<Fetched, Failed> {
        let unreachable = |_| Failed::Unreachable;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(unreachable)?;
        // It ends with this, and so with the time limit: by itself, it would wait for a peer that reads nothing.
        let mut going = JoinSet::new();
        going.spawn(connection);
        let unread = self.unread;
        let answer = sender.send_request(self.request()?).await.map_err(|_| Failed::BrokeOff)?;
        let (head, body) = answer.into_parts();
        let read = match unread {
            true => Ok(Bytes::new()),
            false => Limited::new(body, ANSWER_BYTES).collect().await.map(|read| read.to_bytes()),
        };
        drop(going);
        let body = read.map_err(|e| match e.downcast_ref::<LengthLimitError>() {
            Some(_) => Failed::TooLarge,
            None => Failed::BrokeOff,
        })?;
        let text = |name| head.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let content_type = text(header::CONTENT_TYPE).unwrap_or_default().split(';').next().unwrap_or_default().trim();
        let retry_after = text(header::RETRY_AFTER).map(str::to_owned);
        let content_type = content_type.to_ascii_lowercase();
        Ok(Fetched { status: head.status, content_type, retry_after, body })
    }

    fn request(self) -> Result<Request<Full<Bytes>>, Failed> {
        let path = self.url.uri.path_and_query().map_or("/", |path| path.as_str());
        let request = Request::builder()
            .method(self.method)
            .uri(path)
            .header(header::HOST, self.url.authority())
            .header(header::ACCEPT, "application/json")
            .header(header::USER_AGENT, "garth")
            .header(header::CONNECTION, "close");
        let mut request = request.body(Full::new(self.body)).map_err(|_| Failed::Refused("must be a URL"))?;
        for (name, value) in self.headers {
            let value =
                HeaderValue::from_str(&value).map_err(|_| Failed::Refused("has a header that cannot be sent"))?;
            request.headers_mut().insert(name, value);
        }
        Ok(request)
    }
}

static TLS: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    // These versions are what the provider is made for, so this does not fail.
    match ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions() {
        Ok(config) => Arc::new(config.with_root_certificates(roots).with_no_client_auth()),
        Err(_) => Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()),
    }
});

/// The addresses of a host, all of which may be asked. Whoever connects must use one of them, and not the name again.
///
/// # Errors
/// When the name means nothing, or one of them is a private one and `private` is not said.
pub async fn addresses(host: &str, port: u16, private: bool) -> Result<Vec<SocketAddr>, Failed> {
    let found: Vec<SocketAddr> = match host.parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, port)],
        Err(_) => tokio::net::lookup_host((host, port)).await.map_err(|_| Failed::Unreachable)?.collect(),
    };
    // One address that may not be asked among others is a trick, or a mistake.
    if !private && found.iter().any(|address| !public(address.ip())) {
        return Err(Failed::Refused(
            "is at a private address, which this server does not ask: see allow_private_targets in the manual",
        ));
    }
    Ok(found)
}

/// A connection to an address of that host which may be asked.
async fn connect(host: &str, port: u16, private: bool) -> Result<TcpStream, Failed> {
    for address in addresses(host, port, private).await? {
        if let Ok(stream) = TcpStream::connect(address).await {
            return Ok(stream);
        }
    }
    Err(Failed::Unreachable)
}

/// Is it an address of the public network: of no machine here, of no network within, of no cloud's own services?
pub fn public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => public_v4(v4),
        IpAddr::V6(v6) => public_v6(v6),
    }
}

fn public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    let odd = v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_multicast()
        || v4.is_documentation()
        || a == 0
        || a >= 240
        // What Azure's machines ask.
        || v4.octets() == [168, 63, 129, 16]
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b));
    !odd
}

fn public_v6(v6: Ipv6Addr) -> bool {
    let segments = v6.segments();
    // An IPv4 address is carried in the last bits (NAT64) or in the first (6to4): that one counts.
    if segments[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
        return public_v4(Ipv4Addr::from_bits((u32::from(segments[6]) << 16) | u32::from(segments[7])));
    }
    if segments[0] == 0x2002 {
        return public_v4(Ipv4Addr::from_bits((u32::from(segments[1]) << 16) | u32::from(segments[2])));
    }
    // Everything else that is routed lies in 2000::/3; within it, Teredo, benchmarks and documentation are not.
    let global = segments[0] & 0xe000 == 0x2000;
    let special = match segments[0] {
        0x2001 => segments[1] < 0x200 || segments[1] == 0xdb8,
        0x3fff => segments[1] < 0x1000,
        _ => false,
    };
    global && !special
}

/// One value of a form or a query, encoded.
pub fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Pairs of a form or a query, encoded.
pub fn form(pairs: &[(&str, &str)]) -> String {
    let each: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    each.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n79_only_public_addresses_are_asked() {
        for private in [
            "127.0.0.1",
            "127.8.9.1",
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "192.0.0.192",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "203.0.113.7",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "2001:db8::1",
            "2001::1",
            "::127.0.0.1",
        ] {
            assert!(!public(private.parse().expect(private)), "{private}");
        }
        for open in
            ["1.1.1.1", "8.8.8.8", "100.63.0.1", "172.32.0.1", "2606:4700::1111", "64:ff9b::808:808", "2a00:1450::1"]
        {
            assert!(public(open.parse().expect(open)), "{open}");
        }
    }

    #[test]
    fn n79_a_url_hides_nothing() {
        for wrong in [
            "",
            "idp.example",
            "http://idp.example/",
            "ftp://idp.example/",
            "https://",
            "https:///path",
            "//idp.example",
            "https://me@idp.example/",
            "https://me:pw@idp.example/",
            "https://idp.example@127.0.0.1/",
            "https://idp.example/#x",
            "https://idp.example\\@127.0.0.1/",
            "https://idp.example/a b",
            "https://idp.example/\n",
            "file:///etc/passwd",
            "https://[fe80::1%25eth0]/",
            "https://idp.example:99999/",
            "https://idp.exämple/",
        ] {
            assert!(Url::read(wrong, false).is_err(), "{wrong}");
        }
        assert!(Url::read(&format!("https://idp.example/{}", "x".repeat(URL_BYTES)), true).is_err());
        assert!(Url::read("http://127.0.0.1:4000/x?y=z", true).is_ok());
        let url = Url::read("https://IDP.example:8443/realms/a", false).expect("a URL");
        assert_eq!((url.host.as_str(), url.port, url.https), ("idp.example", 8443, true));
    }

    #[tokio::test]
    async fn n79_private_addresses_are_refused_before_a_connection() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"] {
            let url = Url::read(&format!("https://{host}:{port}/"), false).expect("a URL");
            assert!(matches!(Ask::get(&url, false).send().await, Err(Failed::Refused(_))), "{host}");
            assert!(matches!(addresses(host.trim_matches(['[', ']']), port, false).await, Err(Failed::Refused(_))));
        }
        let nobody = tokio::time::timeout(Duration::from_millis(20), listener.accept()).await;
        assert!(nobody.is_err(), "somebody connected");
    }

    #[test]
    fn forms_are_encoded() {
        assert_eq!(form(&[("a", "b c&d"), ("e", "ü/?")]), "a=b%20c%26d&e=%C3%BC%2F%3F");
    }
}
