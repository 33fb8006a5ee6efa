//! A seat at the console: who looks at a page, what their browser keeps, and how pages answer.
//!
//! A page calls what the API calls. What that refuses is shown as a page to people, and stays a problem for programs.
//! Forms redirect when they are done; the sentence that the next page says travels in a cookie of its own.

use super::look::{address, sentence};
use crate::access::{App, AtPage, Cookie, Ctx, Who};
use crate::base::error::{Error, FieldError, Result};
use crate::base::fetch::encoded;
use crate::base::html;
use crate::identity_providers::browser::{to, with_cookie};
use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use uuid::Uuid;

/// So many spaces are remembered as looked at lately.
pub const RECENT: usize = 8;
/// How long a browser keeps what was chosen and looked at, in seconds: a year.
pub const KEPT_SECONDS: i64 = 365 * 24 * 60 * 60;
/// Longest sentence that travels to the next page, in bytes.
const NOTICE_BYTES: usize = 1_024;

/// Somebody at a page.
pub struct Seat {
    /// Who asks.
    pub ctx: Ctx,
    /// What for.
    pub uri: Uri,
    method: Method,
    headers: HeaderMap,
}

impl FromRequestParts<Arc<App>> for Seat {
    type Rejection = Response;

    /// Who is no person that is signed in is told so before anything is looked at: what is there and what is not are alike
    /// to them.
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let AtPage(ctx) = AtPage::from_request_parts(parts, app).await.map_err(IntoResponse::into_response)?;
        let seat = Self { ctx, uri: parts.uri.clone(), method: parts.method.clone(), headers: parts.headers.clone() };
        match seat.ctx.user(&seat.ctx.directory()) {
            Ok(_) => Ok(seat),
            Err(error) => Err(seat.failed(error)),
        }
    }
}

impl Seat {
    /// Whoever looks at that address, signed in or not.
    pub fn looking(ctx: Ctx, uri: Uri, headers: HeaderMap) -> Self {
        Self { ctx, uri, method: Method::GET, headers }
    }

    /// The page, or what came in its place.
    pub async fn answer(&self, page: impl Future<Output = Result<Response>>) -> Response {
        page.await.unwrap_or_else(|error| self.failed(error))
    }

    /// What went wrong, as a page for people.
    fn failed(&self, error: Error) -> Response {
        if !html::wanted(&self.headers) {
            return error.into_response();
        }
        if matches!(error, Error::Unauthenticated) && self.ctx.who == Who::Anonymous {
            return to(&address("/sign-in", &[("return", &self.come_back())]));
        }
        html::problem_to(error, &self.headers, &self.ctx.request_id, ("/", "Go to your spaces"))
    }

    /// Where somebody goes once they have signed in, or looks otherwise at: here, or where the form is that they sent.
    pub fn come_back(&self) -> String {
        let path = self.uri.path();
        if self.looks() {
            return self.uri.path_and_query().map_or(path, |whole| whole.as_str()).to_owned();
        }
        let steps = match path.split('/').nth(1) {
            Some("s" | "system") => 3,
            Some("theme") => return "/".to_owned(),
            _ => 2,
        };
        path.split('/').take(steps).collect::<Vec<_>>().join("/")
    }

    /// Is something looked at, and nothing sent?
    pub fn looks(&self) -> bool {
        self.method.is_safe()
    }

    /// A page, with that status.
    pub fn page_as(&self, status: StatusCode, template: &impl Template) -> Response {
        self.page_to(status, template, &[])
    }

    /// The same where its forms lead to those origins in the end, too.
    pub fn page_to(&self, status: StatusCode, template: &impl Template, forms: &[String]) -> Response {
        let response = html::page_with_script(status, template, forms);
        // What was said is not said again.
        match self.notice() {
            Some(_) => self.keep(response, Cookie::Notice, "", 0),
            None => response,
        }
    }

    /// It is done: the page at that address says so.
    pub fn done(&self, address: &str, notice: &str) -> Response {
        self.said(address, notice.to_owned())
    }

    /// The same, with the address that a form is sent to, to take it back.
    pub fn done_but(&self, address: &str, notice: &str, back: &str) -> Response {
        self.said(address, format!("{notice}\n{back}"))
    }

    fn said(&self, address: &str, notice: String) -> Response {
        let notice = if self.ctx.dry_run { "That was only tried: nothing is changed.".to_owned() } else { notice };
        let value = encoded(&notice);
        let value = if value.len() <= NOTICE_BYTES { value } else { encoded("Done.") };
        self.keep(to(address), Cookie::Notice, &value, 60)
    }

    /// The same answer with a cookie. Whoever brings a token is no browser, and keeps none.
    pub fn keep(&self, response: Response, cookie: Cookie, value: &str, seconds: i64) -> Response {
        if self.headers.contains_key(header::AUTHORIZATION) {
            return response;
        }
        with_cookie(response, cookie.set(&self.ctx.app, value, seconds))
    }

    fn kept(&self, cookie: Cookie) -> Option<&str> {
        cookie.read(&self.ctx.app, &self.headers).ok().flatten()
    }

    /// What the page before has to say, and how it is taken back.
    pub fn notice(&self) -> Option<Notice> {
        self.kept(Cookie::Notice).and_then(decoded).map(|text| Notice::read(&text))
    }

    /// Light or dark; `None` as the system is.
    pub fn theme(&self) -> Option<&'static str> {
        match self.kept(Cookie::Theme) {
            Some("light") => Some("light"),
            Some("dark") => Some("dark"),
            _ => None,
        }
    }

    /// The spaces that were looked at last, the last one first.
    pub fn recent(&self) -> Vec<Uuid> {
        let kept = self.kept(Cookie::Recent).unwrap_or_default();
        kept.split('.').take(RECENT).filter_map(|id| Uuid::try_parse(id).ok()).collect()
    }

    /// A page of that space, which was looked at last from now on.
    pub fn visited(&self, response: Response, space: Uuid) -> Response {
        let recent = self.recent();
        if recent.first() == Some(&space) {
            return response;
        }
        let others = recent.into_iter().filter(|id| *id != space).take(RECENT - 1);
        let list: Vec<String> = std::iter::once(space).chain(others).map(|id| id.to_string()).collect();
        self.keep(response, Cookie::Recent, &list.join("."), KEPT_SECONDS)
    }

    /// What a form was refused for, to be shown with it. What no form can mend, and what programs are told, stays an error.
    ///
    /// # Errors
    /// That.
    pub fn refused(&self, error: Error, fields: &[&str]) -> Result<Wrong> {
        let told = matches!(
            error,
            Error::Invalid(_)
                | Error::Forbidden(_)
                | Error::WrongCredentials(_)
                | Error::LoginRefused
                | Error::Overloaded
                | Error::Conflict(..)
                | Error::ConflictAt(..)
                | Error::Attached(..)
                | Error::QuotaExceeded(_)
                | Error::QuotaSpent(_)
                | Error::RateLimited(_)
        );
        if !told || !html::wanted(&self.headers) {
            return Err(error);
        }
        let status = StatusCode::from_u16(error.problem().status).unwrap_or(StatusCode::BAD_REQUEST);
        let Error::Invalid(list) = error else {
            return Ok(Wrong { status, page: Some(sentence(&error.to_string())), ..Wrong::default() });
        };
        // What lies below a field is told with it; what fits none, above the form.
        let home = |pointer: &str| {
            let fits =
                |field: &&&str| pointer == **field || pointer.strip_prefix(**field).is_some_and(|r| r.starts_with('/'));
            fields.iter().filter(fits).max_by_key(|field| field.len()).map(|field| (*field).to_owned())
        };
        let mut wrong = Wrong { status, ..Wrong::default() };
        let mut rest = Vec::new();
        for FieldError { pointer, message } in list {
            match home(&pointer) {
                Some(field) if wrong.at(&field).is_none() => wrong.fields.push((field, sentence(&message))),
                Some(_) => {}
                None => rest.push(sentence(&format!("{} {message}", pointer.trim_start_matches(['/', '?'])))),
            }
        }
        wrong.page = Some(rest.join(" ")).filter(|text| !text.is_empty());
        // Focus goes to the first field on the page that is wrong.
        wrong.first = fields.iter().find(|field| wrong.at(field).is_some()).map(|field| (*field).to_owned());
        Ok(wrong)
    }
}

/// What was done.
pub struct Notice {
    pub text: String,
    /// Where a form is sent to take it back.
    pub back: Option<String>,
}

impl Notice {
    /// Reads what travelled. It came from a browser: nothing is taken back but by archiving and by its opposite.
    fn read(text: &str) -> Self {
        let (text, back) = text.split_once('\n').unwrap_or((text, ""));
        let safe = back.starts_with("/s/") && (back.ends_with("/activate") || back.ends_with("/archive"));
        let safe = safe && back.chars().all(|c| c.is_ascii_alphanumeric() || "/-".contains(c));
        Self { text: text.to_owned(), back: safe.then(|| back.to_owned()) }
    }
}

/// What was wrong with a form.
#[derive(Default)]
pub struct Wrong {
    /// With what it asks for as a whole.
    pub page: Option<String>,
    /// With which status the form is shown once more.
    pub status: StatusCode,
    fields: Vec<(String, String)>,
    first: Option<String>,
}

impl Wrong {
    /// Something that is wrong with the whole.
    pub fn whole(status: StatusCode, why: String) -> Self {
        Self { page: Some(why), status, ..Self::default() }
    }

    /// What is wrong with the field of that pointer.
    pub fn at(&self, pointer: impl AsRef<str>) -> Option<&str> {
        let pointer = pointer.as_ref();
        self.fields.iter().find(|(field, _)| field == pointer).map(|(_, why)| why.as_str())
    }

    /// The first field that is wrong.
    pub fn first(&self) -> Option<&str> {
        self.first.as_deref()
    }

    /// The attributes of a field that is wrong, and whose sentence has the id `<id>.wrong`; ids are ours.
    pub fn marks(&self, id: impl AsRef<str>, pointer: impl AsRef<str>) -> String {
        let (id, pointer) = (id.as_ref(), pointer.as_ref());
        if self.at(pointer).is_none() {
            return String::new();
        }
        let focus = if self.first.as_deref() == Some(pointer) { " autofocus" } else { "" };
        format!(" aria-invalid=\"true\" aria-describedby=\"{id}.wrong\"{focus}")
    }
}

/// What was encoded for a cookie.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_harms_nothing_is_taken_back() {
        let read = |text: &str| Notice::read(text).back;
        assert_eq!(
            read("x is archived.\n/s/1-2/resources/T-1/activate").as_deref(),
            Some("/s/1-2/resources/T-1/activate")
        );
        for other in [
            "x is archived.",
            "x\n/s/1/resources/T-1/delete",
            "x\n//evil.example/s/activate",
            "x\n/s/../theme?/activate",
            "x\n/system/archive",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn what_a_cookie_carries_comes_out_as_it_went_in() {
        for text in ["Bo can no longer see “Märketing”.", "", "100 %; a=b", "\u{1F600}"] {
            assert_eq!(decoded(&encoded(text)).as_deref(), Some(text));
        }
        for wrong in ["%", "%4", "%zz", "%ff"] {
            assert_eq!(decoded(wrong), None, "{wrong}");
        }
    }
}
