//! Jobs over HTTP: what is done with them and their runs. The jobs themselves are resources.

use super::{Attempt, Handed, Run, Status};
use crate::access::{App, Ctx};
use crate::base::clock;
use crate::base::error::{Error, Problem, Result};
use crate::base::http::{Json, Page, Query};
use crate::jobs;
use crate::reports::Format;
use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// A run of a job.
#[derive(Serialize, ToSchema)]
pub struct JobRun {
    id: String,
    /// The job's id.
    job: String,
    /// `schedule` or `manual`.
    #[schema(value_type = String)]
    trigger: &'static str,
    /// `queued`, `running`, `succeeded`, `partly_delivered`, `failed`, `skipped` or `cancelled`. While a retry waits, how
    /// the attempt before it ended.
    #[schema(value_type = String)]
    state: &'static str,
    /// One sentence on that; empty while it waits or goes on.
    detail: String,
    /// When it was due, or asked for.
    created_at: String,
    started_at: Option<String>,
    /// Null while it goes on, and while retries wait.
    finished_at: Option<String>,
    next_attempt_at: Option<String>,
    attempts: Vec<RunAttempt>,
    deliveries: Vec<RunDelivery>,
    /// The formats in which its report can be had: none without a report.
    #[schema(value_type = Vec<String>)]
    formats: Vec<&'static str>,
}

/// An attempt of a run.
#[derive(Serialize, ToSchema)]
pub struct RunAttempt {
    number: u32,
    started_at: String,
    finished_at: Option<String>,
    /// As of a run.
    #[schema(value_type = String)]
    state: &'static str,
    detail: String,
}

/// What became of a delivery of a run.
#[derive(Serialize, ToSchema)]
pub struct RunDelivery {
    /// The delivery interface's id.
    delivery: String,
    /// `delivered`, `failed`, or `withheld`: by the job's throttle, or because everybody it was for has silenced it.
    #[schema(value_type = String)]
    state: &'static str,
    detail: String,
}

impl JobRun {
    fn of(run: Run) -> Self {
        let attempt = |attempt: Attempt| RunAttempt {
            number: attempt.number,
            started_at: clock::to_text(attempt.started_at),
            finished_at: attempt.finished_at.map(clock::to_text),
            state: attempt.state.name(),
            detail: attempt.detail,
        };
        let handed =
            |handed: Handed| RunDelivery { delivery: handed.delivery, state: handed.state, detail: handed.detail };
        Self {
            id: run.id,
            job: run.job,
            trigger: run.trigger,
            state: run.state.name(),
            detail: run.detail,
            created_at: clock::to_text(run.created_at),
            started_at: run.started_at.map(clock::to_text),
            finished_at: run.finished_at.map(clock::to_text),
            next_attempt_at: run.next_attempt_at.map(clock::to_text),
            attempts: run.attempts.into_iter().map(attempt).collect(),
            deliveries: run.deliveries.into_iter().map(handed).collect(),
            formats: run.formats,
        }
    }
}

/// How a job stands.
#[derive(Serialize, ToSchema)]
pub struct JobStatus {
    /// The job's id.
    job: String,
    enabled: bool,
    /// Its schedule in plain words.
    schedule: Option<String>,
    /// The next times it is due, three at most; none while it is off, paused, archived, or without a schedule.
    next: Vec<String>,
    /// Why a budget paused it; only `resume` lets it go on.
    paused: Option<Paused>,
}

/// Why and since when a job is paused.
#[derive(Serialize, ToSchema)]
pub struct Paused {
    reason: String,
    at: String,
}

impl JobStatus {
    fn of(status: Status) -> Self {
        Self {
            job: status.job,
            enabled: status.enabled,
            schedule: status.schedule,
            next: status.next.into_iter().map(clock::to_text).collect(),
            paused: status.paused.map(|(reason, at)| Paused { reason, at: clock::to_text(at) }),
        }
    }
}

/// The routes of jobs and runs.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(status))
        .routes(routes!(run))
        .routes(routes!(runs))
        .routes(routes!(resume))
        .routes(routes!(enable))
        .routes(routes!(disable))
        .routes(routes!(get, delete))
        .routes(routes!(report))
}

/// How a job stands: when it is due next, and why it is paused
#[utoipa::path(get, path = "/api/v1/jobs/{id}", tag = "jobs", params(("id" = String, Path, description = "The job's id or code")),
    responses((status = 200, description = "How it stands", body = JobStatus), (status = "default", description = "A problem", body = Problem)))]
async fn status(ctx: Ctx, Path(id): Path<String>) -> Result<Json<JobStatus>> {
    Ok(Json(JobStatus::of(jobs::status(&ctx, &id).await?)))
}

/// Run a job now; its throttle does not hold it back
#[utoipa::path(post, path = "/api/v1/jobs/{id}/run", tag = "jobs", params(("id" = String, Path, description = "The job's id or code")),
    responses((status = 202, description = "The run, which waits for its turn", body = JobRun), (status = "default", description = "A problem", body = Problem)))]
async fn run(ctx: Ctx, Path(id): Path<String>) -> Result<impl IntoResponse> {
    Ok((StatusCode::ACCEPTED, Json(JobRun::of(jobs::run(&ctx, &id).await?))))
}

/// The runs of a job, the latest first
#[utoipa::path(get, path = "/api/v1/jobs/{id}/runs", tag = "jobs",
    params(("id" = String, Path, description = "The job's id or code"), ("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "A page of runs", body = Page<JobRun>), (status = "default", description = "A problem", body = Problem)))]
async fn runs(ctx: Ctx, Path(id): Path<String>, uri: Uri) -> Result<Json<Page<JobRun>>> {
    let mut query = Query::new(&uri)?;
    let page = query.page();
    query.done()?;
    Ok(Json(jobs::runs(&ctx, &id, &page).await?.map(JobRun::of)))
}

/// Let a job go on that a budget paused
#[utoipa::path(post, path = "/api/v1/jobs/{id}/resume", tag = "jobs", params(("id" = String, Path, description = "The job's id or code")),
    responses((status = 204, description = "It goes on"), (status = "default", description = "A problem", body = Problem)))]
async fn resume(ctx: Ctx, Path(id): Path<String>) -> Result<StatusCode> {
    jobs::resume(&ctx, &id).await.map(|()| StatusCode::NO_CONTENT)
}

/// Switch a job on
#[utoipa::path(post, path = "/api/v1/jobs/{id}/enable", tag = "jobs", params(("id" = String, Path, description = "The job's id or code")),
    responses((status = 204, description = "It is on"), (status = "default", description = "A problem", body = Problem)))]
async fn enable(ctx: Ctx, Path(id): Path<String>) -> Result<StatusCode> {
    jobs::enable(&ctx, &id, true).await.map(|()| StatusCode::NO_CONTENT)
}

/// Switch a job off
#[utoipa::path(post, path = "/api/v1/jobs/{id}/disable", tag = "jobs", params(("id" = String, Path, description = "The job's id or code")),
    responses((status = 204, description = "It is off"), (status = "default", description = "A problem", body = Problem)))]
async fn disable(ctx: Ctx, Path(id): Path<String>) -> Result<StatusCode> {
    jobs::enable(&ctx, &id, false).await.map(|()| StatusCode::NO_CONTENT)
}

/// One run
#[utoipa::path(get, path = "/api/v1/runs/{id}", tag = "jobs", params(("id" = String, Path, description = "The run's id")),
    responses((status = 200, description = "The run", body = JobRun), (status = "default", description = "A problem", body = Problem)))]
async fn get(ctx: Ctx, Path(id): Path<String>) -> Result<Json<JobRun>> {
    Ok(Json(JobRun::of(jobs::get(&ctx, &id).await?)))
}

/// Take a run away with its report; one that goes on or waits is cancelled by it
#[utoipa::path(delete, path = "/api/v1/runs/{id}", tag = "jobs", params(("id" = String, Path, description = "The run's id")),
    responses((status = 204, description = "Gone"), (status = "default", description = "A problem", body = Problem)))]
async fn delete(ctx: Ctx, Path(id): Path<String>) -> Result<StatusCode> {
    jobs::delete(&ctx, &id).await.map(|()| StatusCode::NO_CONTENT)
}

/// The report of a run
#[utoipa::path(get, path = "/api/v1/runs/{id}/{file}", tag = "jobs",
    params(("id" = String, Path, description = "The run's id"), ("file" = String, Path, description = "`report.html`, `report.pdf`, `report.csv` or `report.json`")),
    responses((status = 200, description = "The report", content_type = "application/octet-stream"), (status = "default", description = "A problem", body = Problem)))]
async fn report(ctx: Ctx, Path((id, file)): Path<(String, String)>) -> Result<Response> {
    let format = file.strip_prefix("report.").and_then(Format::of).ok_or(Error::NotFound)?;
    let (name, bytes) = jobs::report(&ctx, &id, format).await?;
    let policy = policy(format, &bytes);
    let how = if matches!(format, Format::Html | Format::Pdf) { "inline" } else { "attachment" };
    let mut response = ([(header::CONTENT_TYPE, format.media_type())], bytes).into_response();
    let headers = response.headers_mut();
    if let Ok(disposition) = HeaderValue::from_str(&format!("{how}; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}

/// A report's page stands alone: it runs nothing and fetches nothing, and of styles it has those that it holds itself, each
/// named by its hash.
fn policy(format: Format, bytes: &[u8]) -> String {
    let text = if format == Format::Html { String::from_utf8_lossy(bytes) } else { "".into() };
    let sheets = text.split("<style>").skip(1).filter_map(|rest| rest.split_once("</style>"));
    let hashes: String = sheets
        .take(4)
        .map(|(sheet, _)| format!(" 'sha256-{}'", STANDARD.encode(Sha256::digest(sheet.as_bytes()))))
        .collect();
    let styles = if hashes.is_empty() { " 'none'".to_owned() } else { hashes };
    format!(
        "default-src 'none'; style-src{styles}; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"
    )
}
