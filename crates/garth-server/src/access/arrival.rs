//! Before anything of a request is looked at: where it comes from, and whether that address asks too often
//! without a credential.

use crate::access::{App, Busy, Share, cookie, observer_secret};
use crate::base::address::{self, Origin};
use crate::base::error::{Error, Result};
use axum::extract::{ConnectInfo, Request};
use axum::http::{StatusCode, header};
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

/// A request that was let in; what it holds of its address's part is let go with this.
pub(super) struct Admitted {
    origin: Origin,
    /// It came with a token, good or not, or with the cookie of a session. The key of an observer is none.
    credential: bool,
    _busy: Option<Arc<Busy>>,
}

/// Works out the client's address, and turns away with 429 `rate_limited` who asks too often without a
/// credential, or has too many such requests going on (`MODEL.md`, "Words for errors"; `attacks.md`, N80).
///
/// # Errors
/// 429.
pub(super) fn admit(app: &App, request: &mut Request) -> Result<Admitted> {
    let socket = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|socket| socket.0.ip());
    let address = socket.map(|socket| address::client(socket, request.headers(), &app.limits.trusted_proxies));
    let origin = Origin::of(address);
    request.extensions_mut().insert(Arrival { address });
    // The key of an observer is nobody's: whoever guesses at one is held to the pace and the part of their address, and so is
    // whoever has one.
    let watches = observer_secret(request.headers()).is_some();
    let brought = request.headers().contains_key(header::AUTHORIZATION) || cookie::signed_in(app, request.headers());
    let credential = brought && !watches;
    if credential || EXEMPT.contains(&request.uri().path()) {
        return Ok(Admitted { origin, credential, _busy: None });
    }
    app.pace.take(origin)?;
    // Held until the answer is made: slow senders of one address cannot take every place there is.
    let busy = app.shares.take(Share::Address(origin), app.limits.in_flight_each).ok_or(Error::RateLimited(1))?;
    let busy = Arc::new(busy);
    request.extensions_mut().insert(Arc::clone(&busy));
    Ok(Admitted { origin, credential, _busy: Some(busy) })
}

impl Admitted {
    /// A credential that is no good was refused before anything was done; it is no way around the pace.
    pub(super) fn settle(self, app: &App, response: Response) -> Response {
        if !self.credential || response.status() != StatusCode::UNAUTHORIZED {
            return response;
        }
        app.pace.take(self.origin).map_or_else(Error::into_response, |()| response)
    }
}
