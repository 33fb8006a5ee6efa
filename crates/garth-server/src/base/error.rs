//! Errors as callers see them: `problem+json` with a stable code.
//!
//! The codes are a contract (`MODEL.md`, "Words for errors"). What went wrong inside is
//! logged where it is turned into a response and never told to a client.

use crate::base::db::DbError;
use crate::base::rate::Rate;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// A result of this server.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Most wrong fields that are listed in one answer.
pub const ERRORS: usize = 100;

/// One wrong field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Where, as a JSON Pointer into the body, or `?name` for a query parameter.
    pub pointer: String,
    /// What is wrong with it.
    pub message: String,
}

/// Why a request was refused or failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// No credential, or one that is unknown, expired or revoked.
    #[error("sign in first")]
    Unauthenticated,
    /// Wrong username or secret ("username or password"); the two are not told apart.
    #[error("{0} is wrong")]
    WrongCredentials(&'static str),
    /// The password was right, and the account asks for a passkey as well.
    #[error("this account asks for a passkey as well")]
    PasskeyRequired,
    /// The caller can see the thing and may not do that.
    #[error("{0}")]
    Forbidden(String),
    /// The login policies do not let this person in; by what, is not told.
    #[error("the login policies do not let you in")]
    LoginRefused,
    /// Hidden or missing, never told apart.
    #[error("not found")]
    NotFound,
    /// The request contradicts what is there: code and sentence.
    #[error("{1}")]
    Conflict(&'static str, String),
    /// The same of many things at once: the sentence, and what would become of each.
    #[error("{0}")]
    ConflictAt(String, serde_json::Value),
    /// Attachments would break: the sentence, and those that the caller may see; null for none.
    #[error("{0}")]
    Attached(String, serde_json::Value),
    /// The body or the query has wrong fields.
    #[error("the request has fields that cannot be accepted")]
    Invalid(Vec<FieldError>),
    /// The body is not JSON at all, or breaks I-JSON.
    #[error("{0}")]
    Malformed(String),
    /// The path exists, the method does not.
    #[error("this path does not take that method")]
    MethodNotAllowed,
    /// The body is larger than allowed.
    #[error("the request is larger than {0} bytes")]
    TooLarge(usize),
    /// The body is not declared as what this call takes.
    #[error("send the body as application/json, an import as application/x-ndjson")]
    UnsupportedMediaType,
    /// More would be there than a quota allows, and some of it has to go first.
    #[error("{0}")]
    QuotaExceeded(String),
    /// A meter has come to its limit; what was taken comes back with time.
    #[error("the meter {} has come to its limit of {}; try again in {} s", .0.meter, .0.limit, .0.retry_after())]
    QuotaSpent(Box<Rate>),
    /// Too many of these lately; seconds until it is worth trying again.
    #[error("too many attempts; try again in {0} s")]
    RateLimited(u64),
    /// More is being asked than this server can answer at once.
    #[error("the server has too much to do at the moment; try again")]
    Overloaded,
    /// It took longer than a request may.
    #[error("the request took too long and was given up; look first whether a change was made")]
    TimedOut,
    /// The store cannot answer now.
    #[error("the store cannot answer at the moment; try again, and look first whether a change was made")]
    Unavailable,
    /// A fault of ours; the text is for the log.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    /// A fault of ours.
    pub fn internal(why: impl Into<String>) -> Self {
        Self::Internal(why.into())
    }

    /// The same without a word in front of its pointers: what was asked for inside of something else, told by itself.
    pub fn without(self, front: &str) -> Self {
        let Self::Invalid(mut fields) = self else { return self };
        for field in &mut fields {
            if let Some(rest) = field.pointer.strip_prefix(front) {
                field.pointer = rest.to_owned();
            }
        }
        Self::Invalid(fields)
    }

    /// One wrong field.
    pub fn field(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError { pointer: pointer.into(), message: message.into() }])
    }

    /// The request contradicts what is there.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Conflict(code, detail.into())
    }

    /// Status, code and title.
    fn parts(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Unauthenticated => (StatusCode::UNAUTHORIZED, "unauthenticated", "Not signed in"),
            Self::WrongCredentials(_) => (StatusCode::UNAUTHORIZED, "wrong_credentials", "Not signed in"),
            Self::PasskeyRequired => (StatusCode::UNAUTHORIZED, "passkey_required", "Not signed in"),
            Self::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden", "Not allowed"),
            Self::LoginRefused => (StatusCode::FORBIDDEN, "login_refused", "Not let in"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found", "Not found"),
            Self::Conflict(code, _) => (StatusCode::CONFLICT, code, "Conflict"),
            Self::ConflictAt(..) => (StatusCode::CONFLICT, "conflict", "Conflict"),
            Self::Attached(..) => (StatusCode::CONFLICT, "attached", "Conflict"),
            Self::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid", "Invalid request"),
            Self::Malformed(_) => (StatusCode::BAD_REQUEST, "malformed", "Malformed request"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed"),
            Self::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "too_large", "Too large"),
            Self::UnsupportedMediaType => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "Unsupported media type")
            }
            Self::QuotaExceeded(_) => (StatusCode::FORBIDDEN, "quota_exceeded", "Quota exceeded"),
            Self::QuotaSpent(_) => (StatusCode::TOO_MANY_REQUESTS, "quota_exceeded", "Quota exceeded"),
            Self::RateLimited(_) => (StatusCode::TOO_MANY_REQUESTS, "rate_limited", "Too many requests"),
            Self::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, "overloaded", "Overloaded"),
            Self::TimedOut => (StatusCode::SERVICE_UNAVAILABLE, "timeout", "Took too long"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Unavailable"),
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error"),
        }
    }

    /// Seconds after which it is worth trying again, for the `Retry-After` header.
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::RateLimited(seconds) => Some(*seconds),
            Self::QuotaSpent(rate) => Some(rate.retry_after()),
            Self::Overloaded | Self::TimedOut | Self::Unavailable => Some(1),
            _ => None,
        }
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.parts().1
    }

    /// The document a client gets; the request's id is filled in on the way out.
    pub fn problem(&self) -> Problem {
        let (status, code, title) = self.parts();
        let (detail, errors) = match self {
            Self::Internal(_) => ("something went wrong on the server; nothing was changed".to_owned(), None),
            Self::Invalid(errors) => (self.to_string(), Some(errors.iter().take(ERRORS).cloned().collect())),
            other => (other.to_string(), None),
        };
        Problem {
            r#type: format!("urn:garth:error:{code}"),
            title,
            status: status.as_u16(),
            code,
            detail,
            errors,
            items: match self {
                Self::ConflictAt(_, items) => Some(items.clone()),
                Self::Attached(_, links) if !links.is_null() => Some(links.clone()),
                _ => None,
            },
            request_id: String::new(),
        }
    }
}

impl From<DbError> for Error {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Unavailable(why) | DbError::InDoubt(why) => {
                tracing::warn!(%why, "the store is not available");
                Self::Unavailable
            }
            DbError::TimedOut => {
                tracing::warn!("a statement took too long and was ended");
                Self::TimedOut
            }
            DbError::Unique => Self::conflict("conflict", "something of that name exists already"),
            other => Self::Internal(other.to_string()),
        }
    }
}

/// The document of RFC 9457, with our code and the fields.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// A URN made of the code.
    pub r#type: String,
    /// The code in words.
    #[schema(value_type = String)]
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// Stable; branch on this.
    #[schema(value_type = String)]
    pub code: &'static str,
    /// One sentence for the caller.
    pub detail: String,
    /// The wrong fields, for `invalid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<Vec<FieldError>>,
    /// What would become of each thing, where the request named many and not all of it can be done; for `attached`, the
    /// attachments that would break and that the caller may see, each with `consumer` and `provider`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    pub items: Option<serde_json::Value>,
    /// The id of the request, as in the `X-Request-ID` header.
    pub request_id: String,
}

/// What went wrong inside: for the log, with the request's id; never for a client.
#[derive(Clone)]
pub struct Why(pub String);

/// The problem travels as an extension; [`crate::base::http::finish`] writes it with the request's id.
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = self.parts().0.into_response();
        if let Some(seconds) = self.retry_after() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self.problem());
        if let Self::Internal(why) = self {
            response.extensions_mut().insert(Why(why));
        }
        response
    }
}
