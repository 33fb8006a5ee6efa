//! Every setting, in one list: what can be written into `garth.toml`, given as `GARTH_*` or typed as a flag, what
//! `garth config` prints and what `docs/operating.md` shows. [`sources`] reads them.
//!
//! A setting is called alike everywhere: `request_seconds`, `GARTH_REQUEST_SECONDS`, `--request-seconds`. An empty
//! value means that none is given.

mod sources;

pub use sources::Typed;

use garth_server::Limits;
use garth_server::backup::KEEP_MAX;
use garth_server::base::mail::{self, Incoming, Security, Smtp};
use garth_server::base::schedule::Schedule;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// What a setting is, for people and for every reader of settings.
pub struct Setting {
    /// Its name in the file.
    pub key: &'static str,
    /// What it is, its unit, and what holds without it.
    pub what: &'static str,
    /// What stands for its value in the help.
    pub value: &'static str,
    /// What holds when nobody says otherwise; empty for nothing.
    pub default: &'static str,
    /// Is a text acceptable? The complaint never repeats the text.
    pub check: fn(&str) -> Result<(), String>,
}

impl Setting {
    /// Its environment variable.
    pub fn variable(&self) -> String {
        format!("GARTH_{}", self.key.to_uppercase())
    }

    /// Its flag, without the dashes.
    pub fn flag(&self) -> String {
        self.key.replace('_', "-")
    }
}

macro_rules! settings {
    ($( $key:ident: $type:ty = $default:literal, $value:literal, $parse:path, $what:literal; )*) => {
        /// What holds, after the file, the environment and the flags.
        pub struct Settings {
            $( #[doc = $what] pub $key: $type, )*
        }

        /// Every setting there is.
        pub const SETTINGS: &[Setting] = &[
            $( Setting {
                key: stringify!($key),
                what: $what,
                value: $value,
                default: $default,
                check: |text| {
                    let _: $type = $parse(text)?;
                    Ok(())
                },
            }, )*
        ];

        impl Settings {
            /// Reads every setting from its text; a complaint comes with the key of its setting.
            fn read(text: impl Fn(&'static str) -> String) -> Result<Self, (&'static str, String)> {
                Ok(Self {
                    $( $key: $parse(&text(stringify!($key))).map_err(|why| (stringify!($key), why))?, )*
                })
            }
        }
    };
}

settings! {
    listen: SocketAddr = "127.0.0.1:7400", "ADDRESS", address,
        "The address and port to listen on";
    public_url: Option<String> = "", "URL", web_url,
        "How clients reach this server, for links and discovery; without it http:// or https:// and the address listened on";
    authzen_capabilities: Vec<String> = "", "URNS", urns,
        "What discovery lists as capabilities, as a list of URNs or with commas between";
    data: Option<PathBuf> = "", "DIR", path,
        "The folder of the embedded database and of the installation's key; without it garth-data";
    database: Option<String> = "", "URL", database,
        "A PostgreSQL database instead of the embedded one, as postgres://…";
    tls_cert: Option<PathBuf> = "", "FILE", path,
        "The certificate and its chain, as PEM, to speak HTTPS with; read again on SIGHUP";
    tls_key: Option<PathBuf> = "", "FILE", path,
        "The private key of the certificate, as PEM";
    metrics_listen: Option<SocketAddr> = "", "ADDRESS", optional_address,
        "An address of its own where /metrics is answered over HTTP without a credential; without it only system administrators get it";
    log_format: LogFormat = "text", "FORMAT", log_format,
        "How the log is written: text for people, json for one JSON object a line";
    log_filter: String = "info", "FILTER", log_filter,
        "What is logged: error, warn, info, debug, or a filter as of the crate tracing-subscriber";
    otlp_endpoint: Option<String> = "", "URL", otlp_endpoint,
        "Where traces are sent over OTLP/HTTP, such as http://127.0.0.1:4318; needs a program built with the feature otlp";
    request_seconds: u64 = "30", "SECONDS", seconds,
        "The longest a request may take, in seconds; then 503 timeout";
    in_flight: usize = "1024", "COUNT", count,
        "Requests at a time; more get 503 overloaded";
    in_flight_each: usize = "256", "COUNT", count,
        "Requests at a time of one caller; more get 429 rate_limited";
    anonymous_per_second: u32 = "100", "COUNT", count,
        "Requests a second of one address without a credential; more get 429 rate_limited";
    connections: usize = "4096", "COUNT", count,
        "Open connections; more are closed at once";
    trusted_proxies: Vec<IpNet> = "", "NETWORKS", networks,
        "Networks of proxies whose Forwarded and X-Forwarded-For headers are believed, as a list or with commas between";
    allow_private_targets: bool = "false", "BOOL", flag,
        "May this server ask others at private addresses and over plain HTTP: identity providers that are set up so, whatever deliveries and AI providers name";
    delivery_folders: Vec<PathBuf> = "", "FOLDERS", folders,
        "Folders of this machine below which deliveries may write, as a list or with commas between; whoever may set deliveries up may write there";
    smtp_host: Option<String> = "", "HOST", host,
        "The mail server that invitations are sent by; without it their links are shown to the inviter";
    smtp_port: Option<u16> = "", "PORT", port,
        "Its port; without it 587 for starttls, 465 for tls, 25 for none";
    smtp_security: Security = "starttls", "SECURITY", security,
        "How the connection to it is kept from being read: starttls, tls from the first byte, or none";
    smtp_username: Option<String> = "", "NAME", plain,
        "The username that it wants";
    smtp_password: Option<String> = "", "PASSWORD", plain,
        "The password that it wants; let it stand in the file or the environment, where no list of processes shows it";
    smtp_from: Option<String> = "", "ADDRESS", sender,
        "Who mail is from: garth@example.org, or Garth <garth@example.org>";
    smtp_ca: Option<PathBuf> = "", "FILE", path,
        "A certificate authority of your own, as PEM, believed for the mail server beside the public ones";
    smtp: Option<SocketAddr> = "", "ADDRESS", optional_address,
        "An address of its own where mail servers hand over letters to addresses of spaces, such as 127.0.0.1:2525; over STARTTLS where there is a certificate";
    smtp_domain: Option<String> = "", "DOMAIN", mail_domain,
        "The mail domain of these addresses, such as in.example.org";
    smtp_relays: Vec<IpNet> = "", "NETWORKS", networks,
        "Networks of the mail servers that are listened to, as a list or with commas between; nobody else is";
    smtp_authserv: Option<String> = "", "NAME", mail_domain,
        "The name that these write in front of their Authentication-Results, whose word on DMARC counts; without it the mail domain";
    backup_folder: Option<PathBuf> = "", "DIR", path,
        "A folder that the server makes backups in by itself, when backup_schedule says; it must be there";
    backup_schedule: Option<String> = "", "SCHEDULE", schedule,
        "When it does so: five fields of cron, such as 30 2 * * *, or @daily, or every 6 hours";
    backup_time_zone: String = "UTC", "ZONE", time_zone,
        "The time zone of that schedule, such as Europe/Berlin";
    backup_keep: usize = "14", "COUNT", kept,
        "How many of these backups are kept; older ones go once a newer one is there";
    backup_passphrase_file: Option<PathBuf> = "", "FILE", path,
        "A file with the passphrase, in its first line, that these backups are sealed under; without it they are not sealed, and do not carry the installation's key";
}

/// Settings that are never shown.
pub const SECRETS: [&str; 1] = ["smtp_password"];

impl Settings {
    /// What the server takes on at a time.
    pub fn limits(&self) -> Limits {
        Limits {
            request: Duration::from_secs(self.request_seconds),
            in_flight: self.in_flight,
            in_flight_each: self.in_flight_each,
            anonymous_per_second: self.anonymous_per_second,
            trusted_proxies: self.trusted_proxies.clone(),
            allow_private_targets: self.allow_private_targets,
            delivery_folders: self.delivery_folders.clone(),
        }
    }
}

impl Settings {
    /// What of the backups does not go together, in one sentence.
    pub fn backup_trouble(&self) -> Option<&'static str> {
        if self.backup_folder.is_some() != self.backup_schedule.is_some() {
            return Some(
                "A folder for backups and their schedule belong together: set backup_folder and backup_schedule.",
            );
        }
        if self.backup_passphrase_file.is_some() && self.backup_folder.is_none() {
            return Some("A passphrase for backups is of use with backup_folder and backup_schedule only.");
        }
        None
    }

    /// The mail server, if there is to be one.
    ///
    /// # Errors
    /// One sentence, when its certificate authority cannot be read.
    pub fn smtp(&self) -> Result<Option<Smtp>, String> {
        let (Some(host), Some(from)) = (self.smtp_host.clone(), self.smtp_from.clone()) else { return Ok(None) };
        let read = |file: &PathBuf| {
            std::fs::read(file).map_err(|e| format!("The file of smtp_ca, {}, cannot be read: {e}.", file.display()))
        };
        let ca = self.smtp_ca.as_ref().map(read).transpose()?;
        let credentials = self.smtp_username.clone().zip(self.smtp_password.clone());
        let (port, security) = (self.smtp_port, self.smtp_security);
        let smtp = Smtp { host, port, security, credentials, from, ca };
        smtp.check()?;
        Ok(Some(smtp))
    }

    /// How letters come in, if they do.
    pub fn incoming(&self) -> Option<Incoming> {
        let (Some(_), Some(domain)) = (self.smtp, self.smtp_domain.clone()) else { return None };
        let authserv = self.smtp_authserv.clone().unwrap_or_else(|| domain.clone());
        Some(Incoming { domain, relays: self.smtp_relays.clone(), authserv })
    }

    /// What of the mail server does not go together, in one sentence.
    pub fn smtp_trouble(&self) -> Option<&'static str> {
        let parts = [self.smtp.is_some(), self.smtp_domain.is_some(), !self.smtp_relays.is_empty()];
        if parts.contains(&true) && parts.contains(&false) {
            return Some(
                "To take letters in, set all of smtp (where), smtp_domain (for which domain) and smtp_relays (from whom).",
            );
        }
        if self.smtp_host.is_some() != self.smtp_from.is_some() {
            return Some("A mail server and a sender belong together: set smtp_host and smtp_from.");
        }
        if self.smtp_username.is_some() != self.smtp_password.is_some() {
            return Some("A username and a password belong together: set smtp_username and smtp_password.");
        }
        let here = |host: &str| host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        let far = self.smtp_host.as_deref().is_some_and(|host| !here(host));
        if self.smtp_password.is_some() && self.smtp_security == Security::None && far {
            return Some(
                "A password is not sent over a connection that anybody can read: set smtp_security to starttls or tls.",
            );
        }
        None
    }
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// An address and a port; a name such as `localhost` is looked up.
fn address(text: &str) -> Result<SocketAddr, String> {
    let found =
        text.to_socket_addrs().map_err(|_| "must be an address and a port, such as 127.0.0.1:7400".to_owned())?;
    // 127.0.0.1 before ::1, as the default is.
    let mut found: Vec<SocketAddr> = found.collect();
    found.sort_by_key(SocketAddr::is_ipv6);
    found.first().copied().ok_or_else(|| "is not the name of any machine".to_owned())
}

fn optional_address(text: &str) -> Result<Option<SocketAddr>, String> {
    given(text).map(address).transpose()
}

fn web_url(text: &str) -> Result<Option<String>, String> {
    let url = |text: &str| match text.split_once("://") {
        // Whoever reads the discovery document would get a password that stands in it.
        Some((_, rest)) if rest.contains(['@', '?', '#']) => Err("must be an address without a password or a query"),
        Some(("http" | "https", rest)) if !rest.is_empty() && !rest.contains(char::is_whitespace) => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err("must begin with http:// or https://"),
    };
    given(text).map(url).transpose().map_err(str::to_owned)
}

fn otlp_endpoint(text: &str) -> Result<Option<String>, String> {
    let url = web_url(text)?;
    if url.is_some() && !cfg!(feature = "otlp") {
        return Err("needs a program that was built with --features otlp".to_owned());
    }
    Ok(url)
}

fn path(text: &str) -> Result<Option<PathBuf>, String> {
    Ok(given(text).map(PathBuf::from))
}

fn database(text: &str) -> Result<Option<String>, String> {
    match given(text) {
        Some(url) if !url.starts_with("postgres://") && !url.starts_with("postgresql://") => {
            Err("must begin with postgres://".to_owned())
        }
        url => Ok(url.map(str::to_owned)),
    }
}

fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("must be text or json".to_owned()),
    }
}

fn log_filter(text: &str) -> Result<String, String> {
    let fits = given(text).is_some() && EnvFilter::builder().parse(text).is_ok();
    if fits { Ok(text.to_owned()) } else { Err("must be a level such as info, or target=level,…".to_owned()) }
}

fn seconds(text: &str) -> Result<u64, String> {
    let seconds = text.parse().ok().filter(|seconds| (1..=3_600).contains(seconds));
    seconds.ok_or_else(|| "must be a whole number of seconds from 1 to 3600".to_owned())
}

fn count<T: TryFrom<u32>>(text: &str) -> Result<T, String> {
    let count = text.parse().ok().filter(|count| (1..=1_000_000).contains(count));
    count.and_then(|count| T::try_from(count).ok()).ok_or_else(|| "must be a whole number from 1 to 1000000".to_owned())
}

fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    let one = |text: &str| {
        let network = text.parse().or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from));
        network.map_err(|_| "must be networks such as 10.0.0.0/8 or addresses, with commas between".to_owned())
    };
    text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(one).collect()
}

fn folders(text: &str) -> Result<Vec<PathBuf>, String> {
    let one = |text: &str| match PathBuf::from(text) {
        folder if folder.is_absolute() => Ok(folder),
        _ => Err("must be folders from the root, such as /srv/reports, with commas between".to_owned()),
    };
    text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(one).collect()
}

fn flag(text: &str) -> Result<bool, String> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err("must be true or false".to_owned()),
    }
}

fn plain(text: &str) -> Result<Option<String>, String> {
    Ok(given(text).map(str::to_owned))
}

fn host(text: &str) -> Result<Option<String>, String> {
    let name = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    match given(text) {
        Some(host) if !name(host) && host.parse::<IpAddr>().is_err() => {
            Err("must be a name or an address without a port, such as mail.example.org".to_owned())
        }
        host => Ok(host.map(str::to_owned)),
    }
}

fn mail_domain(text: &str) -> Result<Option<String>, String> {
    let part = |part: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (1..=63).contains(&part.len()) && part.bytes().all(plain)
    };
    match given(text) {
        Some(domain) if domain.len() > 189 || !domain.contains('.') || !domain.split('.').all(part) => {
            Err("must be a domain, such as in.example.org".to_owned())
        }
        domain => Ok(domain.map(str::to_ascii_lowercase)),
    }
}

fn port(text: &str) -> Result<Option<u16>, String> {
    let port = |text: &str| text.parse().ok().filter(|port| *port > 0);
    match given(text) {
        None => Ok(None),
        Some(text) => port(text).map(Some).ok_or_else(|| "must be a port, 1 to 65535".to_owned()),
    }
}

fn security(text: &str) -> Result<Security, String> {
    match text {
        "starttls" => Ok(Security::StartTls),
        "tls" => Ok(Security::Tls),
        "none" => Ok(Security::None),
        _ => Err("must be starttls, tls or none".to_owned()),
    }
}

fn sender(text: &str) -> Result<Option<String>, String> {
    let checked = |text: &str| mail::sender(text).map(|_| text.to_owned());
    given(text).map(checked).transpose()
}

fn urns(text: &str) -> Result<Vec<String>, String> {
    let one = |text: &str| {
        let fits = text.starts_with("urn:") && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(text.to_owned()) } else { Err("must be URNs, urn:…, with commas between".to_owned()) }
    };
    text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(one).collect()
}

fn schedule(text: &str) -> Result<Option<String>, String> {
    given(text).map(|text| Schedule::read(text, "UTC").map(|_| text.to_owned())).transpose()
}

fn time_zone(text: &str) -> Result<String, String> {
    Schedule::read("@daily", text).map(|_| text.to_owned())
}

fn kept(text: &str) -> Result<usize, String> {
    let kept = text.parse().ok().filter(|kept| (1..=KEEP_MAX).contains(kept));
    kept.ok_or_else(|| format!("must be a whole number from 1 to {KEEP_MAX}"))
}

fn given(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_acceptable_and_every_setting_says_what_it_is() {
        for setting in SETTINGS {
            assert_eq!((setting.check)(setting.default), Ok(()), "{}", setting.key);
            assert!(setting.what.len() > 10 && !setting.what.ends_with('.'), "{}", setting.key);
        }
        let limits = Settings::read(default).map_err(|(key, why)| format!("{key} {why}")).unwrap().limits();
        assert_eq!(format!("{limits:?}"), format!("{:?}", Limits::default()), "one set of defaults");
    }

    fn default(key: &str) -> String {
        SETTINGS.iter().find(|setting| setting.key == key).map(|setting| setting.default.to_owned()).unwrap_or_default()
    }

    #[test]
    fn the_manual_lists_every_setting() {
        let manual = include_str!("../../../docs/operating.md");
        let table = manual.lines().skip_while(|line| !line.starts_with("| Setting |")).skip(2);
        let shown: Vec<&str> = table.take_while(|line| line.starts_with('|')).collect();
        let list: Vec<String> = SETTINGS
            .iter()
            .map(|s| {
                let default = if s.default.is_empty() { String::new() } else { format!("`{}`", s.default) };
                format!("| `{}` | {} | {default} |", s.key, s.what)
            })
            .collect();
        assert_eq!(shown, list, "docs/operating.md shows this:\n{}", list.join("\n"));
    }

    #[test]
    fn what_a_setting_cannot_be_is_refused_without_repeating_it() {
        for (key, wrong) in [
            ("listen", "here"),
            ("public_url", "garth.example"),
            ("public_url", "https://me:secret@garth.example"),
            ("database", "mysql://me:secret@there/it"),
            ("request_seconds", "0"),
            ("request_seconds", "3601"),
            ("in_flight", "-1"),
            ("connections", "1000001"),
            ("trusted_proxies", "10.0.0.0/8, nobody"),
            ("log_format", "xml"),
            ("allow_private_targets", "perhaps"),
            ("delivery_folders", "reports"),
            ("authzen_capabilities", "batch"),
            ("log_filter", "garth=loud"),
            ("smtp_host", "mail.example.org:25"),
            ("smtp_host", "smtp://me:secret@mail.example.org"),
            ("smtp", "2525"),
            ("smtp_domain", "localhost"),
            ("smtp_domain", "in..example.org"),
            ("smtp_relays", "mail.example.org"),
            ("smtp_port", "0"),
            ("smtp_port", "65536"),
            ("smtp_security", "ssl"),
            ("smtp_from", "garth"),
            ("backup_schedule", "0 0 30 2 *"),
            ("backup_schedule", "now and then"),
            ("backup_time_zone", "Berlin"),
            ("backup_keep", "0"),
            ("backup_keep", "1001"),
        ] {
            let setting = SETTINGS.iter().find(|setting| setting.key == key).expect("a setting");
            let why = (setting.check)(wrong).expect_err(wrong);
            assert!(why.starts_with("must ") && !why.contains("secret"), "{why}");
        }
        assert_eq!(networks("10.0.0.0/8, ::1").map(|all| all.len()), Ok(2));
    }
}
