//! The pages of jobs over HTTP, and what their buttons send.

use super::act::{self, Deed};
use super::runs;
use crate::access::App;
use crate::base::http::REQUEST_BYTES;
use crate::console::answers::{Sent, Shown};
use crate::console::seat::Seat;
use axum::extract::{DefaultBodyLimit, Path};
use axum::response::Response;
use std::sync::Arc;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of these pages.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(job_runs))
        .routes(routes!(run_job))
        .routes(routes!(enable_job))
        .routes(routes!(disable_job))
        .routes(routes!(resume_job))
        .routes(routes!(delete_run))
        .routes(routes!(test_thing))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES))
}

/// All runs of a job
#[utoipa::path(get, path = "/s/{id}/resources/{resource}/runs", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("resource" = String, Path, description = "The job's id or code"),
        ("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "Where the page before ended")),
    responses(Shown))]
async fn job_runs(seat: Seat, Path((id, resource)): Path<(String, String)>) -> Response {
    seat.answer(runs::show(&seat, &id, &resource)).await
}

/// Run a job now
#[utoipa::path(post, path = "/s/{id}/resources/{resource}/run", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("resource" = String, Path, description = "The job's id or code")),
    responses(Sent))]
async fn run_job(seat: Seat, Path((id, resource)): Path<(String, String)>) -> Response {
    seat.answer(act::act(&seat, &id, &resource, Deed::Run)).await
}

/// Let a job run by its schedule
#[utoipa::path(post, path = "/s/{id}/resources/{resource}/enable", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("resource" = String, Path, description = "The job's id or code")),
    responses(Sent))]
async fn enable_job(seat: Seat, Path((id, resource)): Path<(String, String)>) -> Response {
    seat.answer(act::act(&seat, &id, &resource, Deed::Enable)).await
}

/// Let a job run no more by its schedule
#[utoipa::path(post, path = "/s/{id}/resources/{resource}/disable", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("resource" = String, Path, description = "The job's id or code")),
    responses(Sent))]
async fn disable_job(seat: Seat, Path((id, resource)): Path<(String, String)>) -> Response {
    seat.answer(act::act(&seat, &id, &resource, Deed::Disable)).await
}

/// Let a job go on that was paused
#[utoipa::path(post, path = "/s/{id}/resources/{resource}/resume", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("resource" = String, Path, description = "The job's id or code")),
    responses(Sent))]
async fn resume_job(seat: Seat, Path((id, resource)): Path<(String, String)>) -> Response {
    seat.answer(act::act(&seat, &id, &resource, Deed::Resume)).await
}

/// Take a run of a job away, with its report
#[utoipa::path(post, path = "/s/{id}/resources/{resource}/runs/{run}/delete", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("resource" = String, Path, description = "The job's id or code"),
        ("run" = String, Path, description = "The run's id")),
    responses(Sent))]
async fn delete_run(seat: Seat, Path((id, resource, run)): Path<(String, String, String)>) -> Response {
    seat.answer(act::forget(&seat, &id, &resource, &run)).await
}

/// Try a delivery interface or a provider; the page says what came of it
#[utoipa::path(post, path = "/s/{id}/resources/{resource}/test", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("resource" = String, Path, description = "The thing's id or code")),
    responses(Sent))]
async fn test_thing(seat: Seat, Path((id, resource)): Path<(String, String)>) -> Response {
    seat.answer(act::test(&seat, &id, &resource)).await
}
