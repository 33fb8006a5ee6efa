//! HTTP that knows no noun: strict JSON bodies, query parameters, pages, ETags, and the
//! outermost layer that gives every answer an id and every error its document.

use crate::base::clock;
use crate::base::error::{Error, FieldError, Problem, Result, Why};
use crate::base::metrics::Figures;
use crate::base::{ids, text};
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use garth_core::Micros;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Serialize;
use serde::de::{DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use utoipa::ToSchema;

/// Largest request body, in bytes (`API.md`, ground rules).
pub const REQUEST_BYTES: usize = 1024 * 1024;
/// Largest body of a batch, in bytes.
pub const BATCH_BYTES: usize = 16 * 1024 * 1024;
/// Largest body of what is sent to get in, in bytes: it comes from anybody.
pub const CREDENTIAL_BYTES: usize = 16 * 1024;
/// Deepest nesting of a JSON document.
pub const JSON_DEPTH: usize = 64;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request: the caller's `X-Request-ID` if it is short and plain, else a new one.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// What the outermost layer knows of its server.
#[derive(Clone)]
pub struct Outermost {
    /// Counts and times every request.
    pub figures: Arc<Figures>,
    /// Clients reach the server over TLS.
    pub https: bool,
}

/// The outermost layer: request id in and out, panics and errors as problems, nothing cacheable; every request is
/// measured, and logged at DEBUG.
pub async fn finish<F: Future<Output = Response>>(
    server: &Outermost,
    mut request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Response {
    let began = clock::monotonic();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    let given = request
        .headers()
        .get(&REQUEST_ID)
        .and_then(|v| v.to_str().ok())
        .filter(|id| (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic()));
    let id = given.map_or_else(ids::new_request_id, str::to_owned);
    request.extensions_mut().insert(RequestId(id.clone()));
    let known = request.headers().get(header::IF_NONE_MATCH).filter(|_| request.method().is_safe()).cloned();
    let mut response = if request.uri().path().contains("%00") {
        // Nothing is called so, and PostgreSQL would not look for it.
        Error::NotFound.into_response()
    } else {
        let answered = AssertUnwindSafe(answer(request)).catch_unwind().await;
        answered.unwrap_or_else(|_| Error::internal("the handler panicked").into_response())
    };
    if let Some(mut problem) = response.extensions_mut().remove::<Problem>().or_else(|| plain_problem(&response)) {
        problem.request_id.clone_from(&id);
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        *response.body_mut() = Body::from(body);
        if problem.code == "malformed" {
            *response.status_mut() = StatusCode::BAD_REQUEST;
        }
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_LENGTH);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if problem.status == StatusCode::UNAUTHORIZED.as_u16() {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
    }
    if known.is_some_and(|known| is_known(&known, &response)) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
        response.headers_mut().remove(header::CONTENT_LENGTH);
        response.headers_mut().remove(header::CONTENT_TYPE);
    }
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    protect(headers, server.https);
    let (route, status, took) = (route.as_ref().map(MatchedPath::as_str), response.status().as_u16(), began.elapsed());
    server.figures.request(route, method.as_str(), status, took);
    if let Some(Why(why)) = response.extensions_mut().remove() {
        tracing::error!(request_id = id, route, %why, "a request failed by a fault of ours");
    }
    // The pattern of the route and never the address: there may be names in it, and a query.
    tracing::debug!(request_id = id, %method, route, status, milliseconds = took.as_secs_f64() * 1e3, "request");
    response
}

/// Has the caller the version already that is being answered (`If-None-Match`)?
fn is_known(known: &HeaderValue, response: &Response) -> bool {
    let (StatusCode::OK, Some(tag)) = (response.status(), response.headers().get(header::ETAG)) else { return false };
    let (Ok(known), Ok(tag)) = (known.to_str(), tag.to_str()) else { return false };
    known.split(',').map(|one| one.trim().trim_start_matches("W/")).any(|one| one == "*" || one == tag)
}

/// The headers of every answer: it is nobody else's, it is not a page, and nothing in it is to be run, framed or kept.
/// A page that needs more says so itself.
fn protect(headers: &mut HeaderMap, https: bool) {
    const OF_ALL: [(HeaderName, HeaderValue); 7] = [
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
        (
            HeaderName::from_static("permissions-policy"),
            HeaderValue::from_static("camera=(), geolocation=(), microphone=()"),
        ),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::VARY, HeaderValue::from_static("Authorization, Cookie")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    headers.reserve(OF_ALL.len() + 1);
    for (name, value) in OF_ALL {
        headers.entry(name).or_insert(value);
    }
    if https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
}

/// The problem of an error that the router or an extractor answered in plain text.
fn plain_problem(response: &Response) -> Option<Problem> {
    let plain =
        response.headers().get(header::CONTENT_TYPE).is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    let error = match response.status() {
        _ if !plain => return None,
        StatusCode::NOT_FOUND => Error::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => Error::MethodNotAllowed,
        StatusCode::PAYLOAD_TOO_LARGE => Error::TooLarge(REQUEST_BYTES),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Error::UnsupportedMediaType,
        status if status.is_client_error() => Error::Malformed("the request cannot be read".to_owned()),
        _ => return None,
    };
    Some(error.problem())
}

/// A JSON answer.
pub struct Json<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
            Err(e) => Error::internal(format!("an answer could not be written: {e}")).into_response(),
        }
    }
}

/// A JSON body: declared as such, within the limit, without duplicate keys, and of the
/// right shape; unknown fields are refused where the type says `deny_unknown_fields`.
pub struct Input<T, const LIMIT: usize = REQUEST_BYTES>(pub T);

impl<S: Send + Sync, T: DeserializeOwned, const LIMIT: usize> FromRequest<S> for Input<T, LIMIT> {
    type Rejection = Error;

    async fn from_request(request: Request, _state: &S) -> Result<Self> {
        match read_json(request, LIMIT).await? {
            value @ Value::Object(_) => from_value(value).map(Input),
            _ => Err(Error::field("", "the body must be a JSON object")),
        }
    }
}

/// Reads a request's JSON body strictly.
///
/// # Errors
/// 415 without a JSON content type, 413 over the limit, 400 when it is not I-JSON.
pub async fn read_json(request: Request, limit: usize) -> Result<Value> {
    if !declares_json(request.headers()) {
        return Err(Error::UnsupportedMediaType);
    }
    let body = Limited::new(request.into_body(), limit).collect().await;
    let bytes: Bytes = match body {
        Ok(body) => body.to_bytes(),
        Err(e) if e.downcast_ref::<LengthLimitError>().is_some() => return Err(Error::TooLarge(limit)),
        Err(_) => return Err(Error::Malformed("the body ended early".to_owned())),
    };
    parse_json(&bytes)
}

fn declares_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()) else { return false };
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence == "application/merge-patch+json"
}

/// Parses I-JSON (RFC 7493): no duplicate keys, bounded depth.
///
/// # Errors
/// 400 with what is wrong and where.
pub fn parse_json(bytes: &[u8]) -> Result<Value> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: 0 }.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    value.map_err(|e| Error::Malformed(format!("the body is not acceptable JSON: {e}")))
}

/// Turns a parsed body into its type.
///
/// # Errors
/// 422 with the pointer of what does not fit.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T> {
    serde_path_to_error::deserialize(value).map_err(|e| {
        let mut at = String::new();
        let message = e.inner().to_string();
        for segment in e.path().iter() {
            use serde_path_to_error::Segment;
            match segment {
                Segment::Seq { index } => at = format!("{at}/{index}"),
                Segment::Map { key } => at = text::pointer(&at, key),
                Segment::Enum { .. } | Segment::Unknown => {}
            }
        }
        // A field that is missing or unknown is named in the message only.
        let named = ["missing field `", "unknown field `"].iter().find_map(|start| message.strip_prefix(start));
        if let Some((field, _)) = named.and_then(|rest| rest.split_once('`')) {
            let field = text::pointer("", field);
            at = if at.ends_with(&field) { at } else { format!("{at}{field}") };
        }
        Error::field(at, message)
    })
}

/// Builds a [`Value`] and refuses duplicate keys and bottomless nesting on the way.
struct Strict {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let depth = self.deeper()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Strict { depth })? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let depth = self.deeper()?;
        let mut object = serde_json::Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(Strict { depth })?;
            if object.insert(key, value).is_some() {
                return Err(serde::de::Error::custom("the same key stands twice in one object"));
            }
        }
        Ok(Value::Object(object))
    }
}

impl Strict {
    fn deeper<E: serde::de::Error>(&self) -> Result<usize, E> {
        if self.depth == JSON_DEPTH {
            return Err(E::custom(format!("nested deeper than {JSON_DEPTH}")));
        }
        Ok(self.depth + 1)
    }
}

/// The query of a request, read parameter by parameter; what nobody asked for is refused.
pub struct Query {
    given: Vec<(String, String)>,
    wrong: Vec<FieldError>,
}

impl Query {
    /// Reads the query of a URI.
    ///
    /// # Errors
    /// 422 when it is not a form-encoded query.
    pub fn new(uri: &Uri) -> Result<Self> {
        let given = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|_| Error::field("?", "the query is not form-encoded"))?
            .0;
        let mut query = Self { given, wrong: Vec::new() };
        // No text of ours holds a NUL, and PostgreSQL would not take one.
        let nul = query.given.iter().find(|(_, value)| value.contains('\0')).map(|(name, _)| name.clone());
        if let Some(name) = nul {
            query.refuse(&name, "must not contain NUL");
        }
        Ok(query)
    }

    /// Every value of a repeatable parameter.
    pub fn many(&mut self, name: &str) -> Vec<String> {
        let (found, rest) = std::mem::take(&mut self.given).into_iter().partition(|(key, _)| key == name);
        self.given = rest;
        let found: Vec<(String, String)> = found;
        found.into_iter().map(|(_, value)| value).collect()
    }

    /// The value of a parameter that may stand once.
    pub fn one(&mut self, name: &str) -> Option<String> {
        let mut values = self.many(name);
        if values.len() > 1 {
            self.refuse(name, "may be given once only");
        }
        values.pop()
    }

    /// A parameter that is `true` or `false`; false when it is not given.
    pub fn flag(&mut self, name: &str) -> bool {
        match self.one(name).as_deref() {
            None | Some("false") => false,
            Some("true" | "") => true,
            Some(_) => {
                self.refuse(name, "must be true or false");
                false
            }
        }
    }

    /// A parameter that is `true` or `false`, where it is given.
    pub fn either(&mut self, name: &str) -> Option<bool> {
        match self.one(name)?.as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => {
                self.refuse(name, "must be true or false");
                None
            }
        }
    }

    /// A parameter that is a time in RFC 3339.
    pub fn time(&mut self, name: &str) -> Option<Micros> {
        let at = clock::from_text(&self.one(name)?);
        if at.is_none() {
            self.refuse(name, "must be a time in RFC 3339");
        }
        at
    }

    /// The page: `limit` (1–100, 50 when not given) and `cursor`.
    pub fn page(&mut self) -> PageRequest {
        let limit = match self.one("limit") {
            None => text::PAGE_DEFAULT,
            Some(given) => match given.parse::<usize>() {
                Ok(limit) if (1..=text::PAGE_MAX).contains(&limit) && limit.to_string() == given => limit,
                _ => {
                    self.refuse("limit", format!("must be a number from 1 to {}", text::PAGE_MAX));
                    text::PAGE_DEFAULT
                }
            },
        };
        PageRequest { limit, cursor: self.one("cursor") }
    }

    /// Notes a wrong parameter.
    pub fn refuse(&mut self, name: &str, message: impl Into<String>) {
        self.wrong.push(FieldError { pointer: format!("?{name}"), message: message.into() });
    }

    /// For addresses that others add parameters to: what was read is as it should be.
    ///
    /// # Errors
    /// 422 naming every wrong parameter.
    pub fn sound(self) -> Result<()> {
        if self.wrong.is_empty() { Ok(()) } else { Err(Error::Invalid(self.wrong)) }
    }

    /// Nothing may be left over.
    ///
    /// # Errors
    /// 422 naming every unknown or wrong parameter.
    pub fn done(mut self) -> Result<()> {
        for (name, _) in std::mem::take(&mut self.given) {
            self.refuse(&name, "is not a parameter of this call");
        }
        if self.wrong.is_empty() { Ok(()) } else { Err(Error::Invalid(self.wrong)) }
    }
}

/// Which page of a list is wanted.
#[derive(Clone, Debug)]
pub struct PageRequest {
    /// Items at most.
    pub limit: usize,
    /// Where the page before ended, as the caller got it.
    pub cursor: Option<String>,
}

impl PageRequest {
    /// The first page, of that many items at most.
    pub fn first(limit: usize) -> Self {
        Self { limit, cursor: None }
    }
}

/// A page of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// At most `limit` items.
    pub items: Vec<T>,
    /// Where the next page begins; null at the end.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// The same page of something else.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(change).collect(), next: self.next }
    }
}

/// The version an `If-Match` header asks for, if there is one.
///
/// # Errors
/// 422 when the header is not an entity tag of ours.
pub fn if_match(headers: &HeaderMap) -> Result<Option<i64>> {
    let mut all = headers.get_all(header::IF_MATCH).iter();
    let given = match (all.next(), all.next()) {
        (None, _) => return Ok(None),
        (Some(given), None) => given.to_str().unwrap_or_default().trim(),
        // Two of them are no tag of ours, either.
        (Some(_), Some(_)) => "",
    };
    if given == "*" {
        return Ok(None);
    }
    let tag = given.strip_prefix("W/").unwrap_or(given);
    let version = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).and_then(|tag| tag.parse::<i64>().ok());
    // A tag is compared, not calculated with: only what we would write ourselves is one.
    version
        .filter(|version| *tag == entity_tag(*version))
        .map(Some)
        .ok_or_else(|| Error::field("If-Match", "must be the ETag of the thing"))
}

/// The `ETag` of a version.
fn entity_tag(version: i64) -> String {
    format!("\"{version}\"")
}

/// For a field of a patch that may be left out but not be null.
///
/// # Errors
/// Those of the field's own type.
pub fn some<'de, T: serde::Deserialize<'de>, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// What a field is that is true where it is not given.
pub fn yes() -> bool {
    true
}

/// For a field of a patch that may be null: absent stays `None`, null becomes `Some(None)`.
///
/// # Errors
/// Those of the field's own type.
pub fn given<'de, T: serde::Deserialize<'de>, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    <Option<T> as serde::Deserialize>::deserialize(deserializer).map(Some)
}

/// A JSON answer with the `ETag` of a version.
pub fn tagged<T: Serialize>(status: StatusCode, version: i64, body: T) -> Response {
    let mut response = (status, Json(body)).into_response();
    if let Ok(tag) = HeaderValue::from_str(&entity_tag(version)) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_read_strictly() {
        assert!(parse_json(br#"{"a": [1, -2, 2.5, null, true, "x"]}"#).is_ok());
        let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(parse_json(deep(JSON_DEPTH).as_bytes()).is_ok());
        for wrong in
            ["", "{", "[1] 2", r#"{"a":1,"a":2}"#, r#""\ud800""#, "1e999", "NaN", &deep(JSON_DEPTH + 1), &deep(100_000)]
        {
            assert!(matches!(parse_json(wrong.as_bytes()), Err(Error::Malformed(_))), "{wrong:.20}");
        }
        assert!(matches!(parse_json(b"\"\xff\""), Err(Error::Malformed(_))));
    }

    #[tokio::test]
    async fn a_panic_is_a_problem_with_the_requests_id() {
        use tower::ServiceExt;
        async fn panics() -> &'static str {
            panic!("on purpose")
        }
        let server = Outermost { figures: Arc::new(Figures::new(None)), https: false };
        let router = axum::Router::new().route("/", axum::routing::get(panics)).layer(axum::middleware::from_fn(
            move |request: Request, next: axum::middleware::Next| {
                let server = server.clone();
                async move { finish(&server, request, |request| next.run(request)).await }
            },
        ));
        let request = Request::builder().uri("/").header("x-request-id", "abc").body(Body::empty()).expect("request");
        let response = router.oneshot(request).await.expect("an answer");
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        let problem: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!((&problem["code"], &problem["request_id"]), (&Value::from("internal"), &Value::from("abc")));
        assert!(!problem.to_string().contains("on purpose"));
    }

    #[test]
    fn only_over_tls_a_browser_is_told_to_stay_there() {
        let (mut plain, mut secure) = (HeaderMap::new(), HeaderMap::new());
        protect(&mut plain, false);
        protect(&mut secure, true);
        assert!(!plain.contains_key(header::STRICT_TRANSPORT_SECURITY));
        assert_eq!(secure.len(), plain.len() + 1);
    }

    #[test]
    fn a_query_is_read_whole() {
        let mut query = Query::new(&Uri::from_static("/x?a=1&a=2&b=c&limit=7")).expect("query");
        assert_eq!(query.many("a"), ["1", "2"]);
        assert_eq!(query.one("b").as_deref(), Some("c"));
        assert_eq!(query.page().limit, 7);
        assert!(query.done().is_ok());
        let query = Query::new(&Uri::from_static("/x?colour=red")).expect("query");
        assert!(matches!(query.done(), Err(Error::Invalid(_))));
        for wrong in
            ["/x?limit=0", "/x?limit=101", "/x?limit=-1", "/x?limit=99999999999999999999", "/x?limit=5&limit=6"]
        {
            let mut query = Query::new(&wrong.parse().expect("uri")).expect("query");
            query.page();
            assert!(query.done().is_err(), "{wrong}");
        }
    }

    #[test]
    fn entity_tags_are_versions() {
        let with = |v: &'static str| HeaderMap::from_iter([(header::IF_MATCH, HeaderValue::from_static(v))]);
        assert_eq!(if_match(&HeaderMap::new()).expect("none"), None);
        assert_eq!(if_match(&with("\"4\"")).expect("tag"), Some(4));
        assert_eq!(if_match(&with("W/\"4\"")).expect("weak"), Some(4));
        assert_eq!(if_match(&with("*")).expect("any"), None);
        for wrong in ["\"four\"", "4", "\"\"4\"\"", "\"+4\"", "\"04\"", "\"4", "W/4", "\"4\", \"5\"", ""] {
            assert!(if_match(&with(wrong)).is_err(), "{wrong}");
        }
    }
}
