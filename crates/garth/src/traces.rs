//! Traces over OTLP, in a program built with the feature `otlp`: one span a request, with the trace of the caller as its
//! parent, and one for what the server does by itself.
//!
//! Names follow OpenTelemetry's conventions for HTTP. Of the address only the pattern of the route is told: there may be
//! names in an address, and in its query whatever a client mistook for a place to put it.

#[cfg(feature = "otlp")]
mod export;

use crate::output::Failure;
use axum::Router;
use garth_server::base::spans::Spans;

/// The router with a span around each request, and what sends the spans, where an endpoint is given.
///
/// # Errors
/// When the endpoint cannot be used.
#[cfg(feature = "otlp")]
pub fn traced(
    router: Router,
    spans: &Spans,
    endpoint: Option<&str>,
) -> Result<(Router, Option<export::Traces>), Failure> {
    let Some(endpoint) = endpoint else { return Ok((router, None)) };
    let (router, traces) = export::start(router, endpoint)?;
    traces.tell(spans);
    Ok((router, Some(traces)))
}

/// This program was built without them, and its settings take no endpoint.
#[cfg(not(feature = "otlp"))]
pub fn traced(router: Router, _: &Spans, _: Option<&str>) -> Result<(Router, Option<()>), Failure> {
    Ok((router, None))
}
