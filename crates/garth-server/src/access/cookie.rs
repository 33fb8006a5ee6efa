//! The cookie that a browser's session lives in, and where a request of a browser comes from.
//!
//! A cookie goes along with whatever any page makes a browser send. So one counts for reading only, unless the request
//! comes from a page of this server: browsers say so in `Sec-Fetch-Site` and `Origin`, which no page can forge.

use crate::access::App;
use crate::base::error::{Error, Result};
use crate::base::ids;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A cookie of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cookie {
    /// The token of a session.
    Session,
    /// What binds a sign-in that is under way to the browser that began it.
    SignIn,
    /// Light or dark, where somebody chose.
    Theme,
    /// The spaces that were looked at last; what they open is asked anew each time.
    Recent,
    /// What the next page says of what was just done.
    Notice,
}

impl Cookie {
    /// Its name. `__Host-`, which no other host and no plain connection can set, is for HTTPS only.
    fn name(self, app: &App) -> &'static str {
        match (self, secure(app)) {
            (Self::Session, true) => "__Host-garth",
            (Self::Session, false) => "garth",
            (Self::SignIn, true) => "__Host-garth-sign-in",
            (Self::SignIn, false) => "garth-sign-in",
            (Self::Theme, true) => "__Host-garth-theme",
            (Self::Theme, false) => "garth-theme",
            (Self::Recent, true) => "__Host-garth-recent",
            (Self::Recent, false) => "garth-recent",
            (Self::Notice, true) => "__Host-garth-notice",
            (Self::Notice, false) => "garth-notice",
        }
    }

    /// Its value in a request, if it came.
    ///
    /// # Errors
    /// 401 when two of them came: which one counts would be anybody's guess.
    pub fn read<'h>(self, app: &App, headers: &'h HeaderMap) -> Result<Option<&'h str>> {
        let name = self.name(app);
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut found = pairs.filter(|(own, _)| *own == name).map(|(_, value)| value);
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(Error::Unauthenticated),
            (value, None) => Ok(value.filter(|value| !value.is_empty())),
        }
    }

    /// The header that sets it, for so many seconds; 0 takes it away. Scripts never read it, and other sites' requests
    /// carry it only when somebody follows a link.
    pub fn set(self, app: &App, value: &str, seconds: i64) -> HeaderValue {
        let secure = if secure(app) { "; Secure" } else { "" };
        let text = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}", self.name(app));
        // Tokens of ours are letters and digits, and the rest is encoded.
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
    }
}

/// Do browsers reach this server over HTTPS?
fn secure(app: &App) -> bool {
    app.public_url.starts_with("https://")
}

/// Did it come with the cookie of a session that is good?
pub(super) fn signed_in(app: &App, headers: &HeaderMap) -> bool {
    let token = Cookie::Session.read(app, headers).ok().flatten();
    token.is_some_and(|token| app.directory().session(&ids::token_hash(token), app.clock.now()).is_some())
}

/// Requires that a request which changes something comes from a page of this server.
///
/// # Errors
/// 403 when a browser says otherwise, or nothing says so.
pub(super) fn same_origin(app: &App, parts: &Parts) -> Result<()> {
    if parts.method.is_safe() {
        return Ok(());
    }
    let all = |name: &HeaderName| {
        let values = parts.headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default());
        values.collect::<Vec<_>>()
    };
    let (sites, origins) = (all(&SEC_FETCH_SITE), all(&header::ORIGIN));
    let told = !sites.is_empty() || !origins.is_empty();
    let sites_fit = sites.iter().all(|site| *site == "same-origin");
    if told && sites_fit && origins.iter().all(|origin| own(app, parts, origin)) {
        return Ok(());
    }
    Err(Error::Forbidden(
        "this was sent by a page of another site; go to this server's own page and try again".to_owned(),
    ))
}

/// Is it this server's own: as it is configured, or as the browser addresses it?
fn own(app: &App, parts: &Parts, origin: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let configured = app.public_url.split('/').take(3).collect::<Vec<_>>().join("/");
    let host = parts
        .headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .or(parts.uri.authority().map(|a| a.as_str()));
    let addressed = host.is_some_and(|host| host.eq_ignore_ascii_case(authority));
    origin.eq_ignore_ascii_case(&configured) || (addressed && (scheme == "https" || !secure(app)))
}
