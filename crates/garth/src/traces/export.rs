//! Makes spans of requests and sends them, on a thread of their own with a queue that drops what does not fit: whatever
//! the collector does, no request waits for it.

use crate::output::Failure;
use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::HeaderValue;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use garth_server::base::spans::Spans;
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{Span, SpanContext, SpanKind, Status, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{Bytes, HeaderExtractor, HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

/// How long the collector may take for one batch, and for the last one at the end.
const PATIENCE: Duration = Duration::from_secs(5);
/// The largest answer of a collector that is read, in bytes.
const ANSWER_BYTES: usize = 64 * 1024;

/// Sends spans until it is dropped; then it sends what it still has.
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Makes a span of whatever the server does by itself.
    pub fn tell(&self, spans: &Spans) {
        let tracer = self.0.tracer("garth");
        spans.listen(move |done| {
            let began =
                SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(done.started_at).unwrap_or_default());
            let outcome = KeyValue::new("garth.outcome", done.outcome);
            let builder = tracer.span_builder(done.name).with_kind(SpanKind::Internal).with_start_time(began);
            let mut span = builder.with_attributes([outcome]).start(&tracer);
            if done.outcome == "failed" {
                span.set_status(Status::error(""));
            }
            span.end_with_timestamp(began + done.took);
        });
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown_with_timeout(PATIENCE) {
            tracing::debug!(%error, "the last traces were not sent");
        }
    }
}

/// Puts a span around each request and sends it to that endpoint, which is the collector's address or that of its
/// traces (`…/v1/traces`).
pub fn start(router: Router, endpoint: &str) -> Result<(Router, Traces), Failure> {
    let endpoint = match endpoint.ends_with("/v1/traces") {
        true => endpoint.to_owned(),
        false => format!("{endpoint}/v1/traces"),
    };
    let unusable = |e: &dyn std::fmt::Display| Failure(format!("Traces cannot be sent to {endpoint}: {e}."));
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Sender::new())
        .with_endpoint(&endpoint)
        .with_timeout(PATIENCE)
        .build()
        .map_err(|e| unusable(&e))?;
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let resource = Resource::builder().with_service_name("garth").with_attribute(version).build();
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
    let router = router.layer(from_fn_with_state(Arc::new(provider.tracer("garth")), around));
    Ok((router, Traces(provider)))
}

/// One request, in a span.
async fn around(State(tracer): State<Arc<SdkTracer>>, request: Request, next: Next) -> Response {
    let parent =
        TraceContextPropagator::new().extract_with_context(&Context::new(), &HeaderExtractor(request.headers()));
    let route = request.extensions().get::<MatchedPath>().map(|route| route.as_str().to_owned());
    let method = known(request.method().as_str());
    let name = route.as_ref().map_or(method.to_owned(), |route| format!("{method} {route}"));
    let mut attributes = vec![KeyValue::new("http.request.method", method)];
    attributes.extend(route.map(|route| KeyValue::new("http.route", route)));
    let mut span = tracer
        .span_builder(name)
        .with_kind(SpanKind::Server)
        .with_attributes(attributes)
        .start_with_context(&*tracer, &parent);
    let mut response = next.run(request).await;
    let status = response.status();
    span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status.as_u16())));
    if status.is_server_error() {
        span.set_attribute(KeyValue::new("error.type", status.as_str().to_owned()));
        span.set_status(Status::error(""));
    }
    if let Ok(value) = HeaderValue::from_str(&traceparent(span.span_context())) {
        response.headers_mut().insert("traceresponse", value);
    }
    span.end();
    response
}

/// Methods that nobody knows are one (the conventions call it `_OTHER`), so that spans have few names.
fn known(method: &str) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
    KNOWN.iter().find(|known| **known == method).copied().unwrap_or("_OTHER")
}

/// As the W3C's Trace Context writes it.
fn traceparent(span: &SpanContext) -> String {
    format!("00-{}-{}-{:02x}", span.trace_id(), span.span_id(), span.trace_flags().to_u8())
}

/// Speaks to the collector on the server's runtime, whatever thread asks.
#[derive(Clone, Debug)]
struct Sender {
    client: Client<hyper_rustls::HttpsConnector<HttpConnector>, Full<Bytes>>,
    runtime: tokio::runtime::Handle,
    /// Whether the last batch was lost: told once, not with every batch.
    failing: Arc<AtomicBool>,
}

impl Sender {
    fn new() -> Self {
        let connector = HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Self { client, runtime: tokio::runtime::Handle::current(), failing: Arc::default() }
    }

    async fn send(self, request: axum::http::Request<Bytes>) -> Result<axum::http::Response<Bytes>, HttpError> {
        let sent = tokio::time::timeout(PATIENCE, async {
            let (parts, body) = self.client.request(request.map(Full::new)).await?.into_parts();
            let body = Limited::new(body, ANSWER_BYTES).collect().await?.to_bytes();
            Ok::<_, HttpError>(axum::http::Response::from_parts(parts, body))
        });
        let answer = sent.await.unwrap_or_else(|_| Err("it does not answer".into()));
        let trouble = match &answer {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(format!("it answers {}", response.status())),
            Err(error) => Some(error.to_string()),
        };
        match trouble {
            None => self.failing.store(false, Ordering::Relaxed),
            Some(why) => {
                if !self.failing.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%why, "the collector takes no traces; they are lost until it does");
                }
            }
        }
        answer
    }
}

impl HttpClient for Sender {
    fn send_bytes<'a, 'b>(
        &'a self,
        request: axum::http::Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<axum::http::Response<Bytes>, HttpError>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        let sending = self.runtime.spawn(self.clone().send(request));
        Box::pin(async move { sending.await.unwrap_or_else(|e| Err(e.into())) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::{get, post};
    use tokio::sync::mpsc;
    use tower::ServiceExt;

    /// A collector of our own: whatever it is sent, as text that can be searched.
    async fn collector() -> (String, mpsc::UnboundedReceiver<String>) {
        let (send, received) = mpsc::unbounded_channel();
        let keep =
            move |body: axum::body::Bytes| async move { drop(send.send(String::from_utf8_lossy(&body).into_owned())) };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("an address");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/v1/traces", post(keep))).await });
        (format!("http://{address}"), received)
    }

    async fn ask(router: &Router, path: &str, parent: &str) -> Response {
        let request = Request::builder().uri(path).header("traceparent", parent);
        let request = request.body(axum::body::Body::empty()).expect("a request");
        router.clone().oneshot(request).await.expect("an answer")
    }

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[tokio::test(flavor = "multi_thread")]
    async fn a_request_is_a_span_of_its_callers_trace() {
        let (endpoint, mut received) = collector().await;
        let (router, traces) =
            start(Router::new().route("/spaces/{id}", get(async || "x")), &endpoint).map_err(|e| e.0).expect("a start");
        let answer = ask(&router, "/spaces/secret-space?token=secret", PARENT).await;
        let of = answer.headers()["traceresponse"].to_str().expect("text").to_owned();
        assert!(of.starts_with("00-0af7651916cd43dd8448eb211c80319c-") && !of.contains("b7ad6b7169203331"), "{of}");
        tokio::task::spawn_blocking(move || drop(traces)).await.expect("the end");
        let sent = received.recv().await.expect("a batch");
        for part in ["GET /spaces/{id}", "http.route", "http.response.status_code", "service.name", "garth"] {
            assert!(sent.contains(part), "{part} in {sent:?}");
        }
        assert!(!sent.contains("secret"), "{sent:?}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_the_server_does_by_itself_is_a_span_as_well() {
        let (endpoint, mut received) = collector().await;
        let (_, traces) = start(Router::new(), &endpoint).map_err(|e| e.0).expect("a start");
        let spans = Spans::default();
        traces.tell(&spans);
        spans.begin(&garth_server::base::clock::Clock::default(), "letter").ends("accepted");
        tokio::task::spawn_blocking(move || drop(traces)).await.expect("the end");
        let sent = received.recv().await.expect("a batch");
        for part in ["letter", "garth.outcome", "accepted"] {
            assert!(sent.contains(part), "{part} in {sent:?}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_collector_that_is_not_there_costs_nobody_time() {
        // Nothing listens there, and nothing answers at the second: a documentation address.
        for endpoint in ["http://127.0.0.1:1", "http://192.0.2.1:4318/v1/traces"] {
            let (router, traces) =
                start(Router::new().route("/", get(async || "x")), endpoint).map_err(|e| e.0).expect("a start");
            let answers = async {
                for _ in 0..5_000 {
                    assert!(ask(&router, "/", PARENT).await.status().is_success());
                }
            };
            tokio::time::timeout(Duration::from_secs(20), answers).await.expect("no request waits");
            tokio::task::spawn_blocking(move || drop(traces)).await.expect("the end");
        }
    }
}
