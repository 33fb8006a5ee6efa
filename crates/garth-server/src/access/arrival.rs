//! Before anything of a request is looked at: where it comes from, and whether that address asks too often
//! without a credential.

use crate::access::App;
use crate::access::Share;
use crate::base::address::{self, Origin};
use crate::base::error::Error;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Asked by machines that must always get an answer.
const EXEMPT: [&str; 2] = ["/healthz", "/readyz"];

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// The client's address; none where no socket of the network was used.
    pub address: Option<IpAddr>,
}

/// Works out the client's address, and turns away with 429 `rate_limited` who asks too often without a
/// credential, or has too many such requests going on (`MODEL.md`, "Words for errors"; `attacks.md`, N80).
pub async fn arrive(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let socket = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|socket| socket.0.ip());
    let address = socket.map(|socket| address::client(socket, request.headers(), &app.limits.trusted_proxies));
    let origin = Origin::of(address);
    request.extensions_mut().insert(Arrival { address });
    if EXEMPT.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    if request.headers().contains_key(header::AUTHORIZATION) {
        let response = next.run(request).await;
        // A credential that is no good was refused before anything was done; it is no way around the pace.
        let refused = response.status() == StatusCode::UNAUTHORIZED;
        return if refused { app.pace.take(origin).map_or_else(Error::into_response, |()| response) } else { response };
    }
    if let Err(error) = app.pace.take(origin) {
        return error.into_response();
    }
    // Held until the answer is made: slow senders of one address cannot take every place there is.
    let Some(busy) = app.shares.take(Share::Address(origin), app.limits.in_flight_each) else {
        return Error::RateLimited(1).into_response();
    };
    let busy = Arc::new(busy);
    request.extensions_mut().insert(Arc::clone(&busy));
    let response = next.run(request).await;
    drop(busy);
    response
}
