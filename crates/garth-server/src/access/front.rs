//! What every request passes before its handler: its address and pace, its place and time, whether its key's space has a
//! call left, and whether it was carried out before. One layer for all of it: each layer of the router costs every request.

use crate::access::{App, arrival, bounds, calls};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// Lets a request in, and answers it.
pub async fn front(app: Arc<App>, mut request: Request, next: Next) -> Response {
    let admitted = match arrival::admit(&app, &mut request) {
        Ok(admitted) => admitted,
        Err(error) => return error.into_response(),
    };
    let response = if bounds::exempt(&request) {
        next.run(request).await
    } else {
        let time = bounds::time(&app, &request);
        bounds::bounded(&app, time, calls::count(&app, request, next)).await
    };
    admitted.settle(&app, response)
}
