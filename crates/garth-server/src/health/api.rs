//! Health over HTTP, open to everybody and telling nothing else; figures, for those who run the server.

use super::colours::Tally;
use super::overview::{self, BackedUp, Overview, Sight, Watched};
use super::{alerts, observers};
use crate::access::{Anyone, App, Ctx, observer_secret};
use crate::base::clock;
use crate::base::error::{Error, Problem, Result};
use crate::base::http::{Input, Json, Page, Query};
use crate::base::metrics::MEDIA_TYPE;
use crate::jobs;
use axum::Router;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// How it is.
#[derive(Serialize, ToSchema)]
pub struct Health {
    #[schema(value_type = String)]
    status: &'static str,
}

/// How many have which colour.
#[derive(Serialize, ToSchema)]
pub struct Colours {
    red: usize,
    yellow: usize,
    gray: usize,
    green: usize,
}

impl Colours {
    fn of(tally: Tally) -> Self {
        Self { red: tally.red, yellow: tally.yellow, gray: tally.gray, green: tally.green }
    }
}

/// How many jobs, and how many delivery interfaces, have which colour.
#[derive(Serialize, ToSchema)]
pub struct HealthCounts {
    jobs: Colours,
    deliveries: Colours,
}

/// A job or a delivery interface, as who watches sees it.
#[derive(Serialize, ToSchema)]
pub struct WatchedThing {
    id: String,
    name: String,
    space: String,
    space_name: String,
    /// `green`: the last five runs succeeded; `red`: they failed; `yellow`: some did; `gray`: there was none.
    #[schema(value_type = String)]
    status: &'static str,
    /// What the last runs came to, the latest first.
    #[schema(value_type = Vec<String>)]
    last: Vec<&'static str>,
    /// When the last one ended.
    at: Option<String>,
    /// A job's schedule.
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule: Option<String>,
    /// Its time zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    time_zone: Option<String>,
    /// Is a job switched on?
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
    /// Did a budget pause a job?
    #[serde(skip_serializing_if = "Option::is_none")]
    paused: Option<bool>,
    /// Why; for system administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    paused_because: Option<String>,
    /// How a delivery interface delivers: `smtp`, `webhook`, `s3` or `folder`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    way: Option<String>,
    /// What the last failure said; for system administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl WatchedThing {
    fn of(one: Watched) -> Self {
        let (schedule, time_zone) = one.schedule.unzip();
        Self {
            id: one.resource,
            name: one.name,
            space: one.space,
            space_name: one.space_name,
            status: one.colour.name(),
            last: one.last.into_iter().map(word).collect(),
            at: one.at.map(clock::to_text),
            schedule,
            time_zone,
            enabled: one.enabled,
            paused: one.enabled.map(|_| one.paused.is_some()),
            paused_because: one.paused.filter(|why| !why.is_empty()),
            way: one.way,
            error: one.error,
        }
    }
}

/// How a run ended, as it is written.
fn word(state: jobs::State) -> &'static str {
    match state {
        jobs::State::Queued => "queued",
        jobs::State::Running => "running",
        jobs::State::Succeeded => "succeeded",
        jobs::State::PartlyDelivered => "partly_delivered",
        jobs::State::Failed => "failed",
        jobs::State::Skipped => "skipped",
        jobs::State::Cancelled => "cancelled",
    }
}

/// How the backups are that the server makes by itself.
#[derive(Serialize, ToSchema)]
pub struct HealthBackup {
    /// The colour of the last five.
    #[schema(value_type = String)]
    status: &'static str,
    /// When the last one ended.
    at: Option<String>,
    /// When the next one is due.
    next_at: Option<String>,
    /// What the last one said where it failed or was missed; for system administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl HealthBackup {
    fn of(backup: BackedUp) -> Self {
        Self {
            status: backup.colour.name(),
            at: backup.at.map(clock::to_text),
            next_at: backup.next_at.map(clock::to_text),
            error: backup.error,
        }
    }
}

/// How the jobs and delivery interfaces of the installation are, as far as the caller may know.
#[derive(Serialize, ToSchema)]
pub struct HealthOverview {
    /// One colour for all of it: `green`, `yellow`, `red`, or `gray` where nothing ran yet.
    #[schema(value_type = String)]
    status: &'static str,
    /// Where the settings tell everybody, and for observer keys and system administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    counts: Option<HealthCounts>,
    /// For observer keys and system administrators, the worst first.
    #[serde(skip_serializing_if = "Option::is_none")]
    jobs: Option<Vec<WatchedThing>>,
    /// The same of delivery interfaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    deliveries: Option<Vec<WatchedThing>>,
    /// The backups that the server makes by itself, where there are any; for observer keys and system administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    backup: Option<HealthBackup>,
    /// There are more than the 500 of each that are listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    more: Option<bool>,
}

impl HealthOverview {
    fn of(overview: Overview) -> Self {
        let listed = overview.listed.is_some();
        let things = |list: Vec<Watched>| list.into_iter().map(WatchedThing::of).collect();
        let (jobs, deliveries) = overview.listed.map(|(jobs, others)| (things(jobs), things(others))).unzip();
        let counts = |(jobs, deliveries)| HealthCounts { jobs: Colours::of(jobs), deliveries: Colours::of(deliveries) };
        Self {
            status: overview.colour.name(),
            counts: overview.counts.map(counts),
            jobs,
            deliveries,
            backup: overview.backup.map(HealthBackup::of),
            more: listed.then_some(overview.more),
        }
    }
}

/// An observer key, as system administrators see it.
#[derive(Serialize, ToSchema)]
pub struct ObserverKey {
    id: String,
    name: String,
    /// The first characters of its secret.
    prefix: String,
    created_by: String,
    created_at: String,
    /// To a minute.
    last_used_at: Option<String>,
}

impl ObserverKey {
    fn of(key: observers::Stored) -> Self {
        Self {
            id: key.id,
            name: key.name,
            prefix: key.prefix,
            created_by: key.created_by,
            created_at: clock::to_text(key.created_at),
            last_used_at: key.last_used_at.map(clock::to_text),
        }
    }
}

/// An observer key that was just made.
#[derive(Serialize, ToSchema)]
pub struct NewObserverKey {
    #[serde(flatten)]
    key: ObserverKey,
    /// Shown this once.
    secret: String,
}

/// What an observer key is to be called.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ObserverKeyInput {
    name: String,
}

/// What became of a test.
#[derive(Serialize, ToSchema)]
pub struct AlertTest {
    /// `sent` to the mail server, or `failed`.
    #[schema(value_type = String)]
    state: &'static str,
    /// One sentence.
    detail: String,
}

/// Who asks how the jobs are.
pub enum Watcher {
    /// Somebody with an observer key, by the hash of its secret.
    Key(Arc<App>, String),
    /// Anybody else.
    Anybody(Box<Ctx>),
}

impl FromRequestParts<Arc<App>> for Watcher {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self> {
        match observer_secret(&parts.headers) {
            Some(secret) if app.ready() => Ok(Self::Key(Arc::clone(app), observers::admit(app, secret).await?)),
            _ => {
                let Anyone(ctx) = Anyone::from_request_parts(parts, app).await?;
                Ok(Self::Anybody(Box::new(ctx)))
            }
        }
    }
}

/// The routes of health.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
        .routes(routes!(watched))
        .routes(routes!(observer_keys, make_observer_key))
        .routes(routes!(revoke_observer_key))
        .routes(routes!(test_alerts))
}

/// The routes of a listener that only the collector of metrics reaches.
pub fn open_routes() -> Router<Arc<App>> {
    Router::new().route("/metrics", axum::routing::get(async |State(app): State<Arc<App>>| figures(app).await))
}

/// Is the process alive?
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, description = "Alive", body = Health)))]
async fn healthz() -> Json<Health> {
    Json(Health { status: "alive" })
}

/// Can it answer?
#[utoipa::path(get, path = "/readyz", tag = "health",
    responses((status = 200, description = "Ready", body = Health), (status = 503, description = "It has lost its store", body = Problem)))]
async fn readyz(State(app): State<Arc<App>>) -> Result<Json<Health>> {
    if app.ready() { Ok(Json(Health { status: "ready" })) } else { Err(Error::Unavailable) }
}

/// Figures in OpenMetrics' format, for system administrators
#[utoipa::path(get, path = "/metrics", tag = "health",
    responses((status = 200, description = "Every figure", body = String, content_type = "application/openmetrics-text"), (status = "default", description = "A problem", body = Problem)))]
async fn metrics(ctx: Ctx) -> Result<Response> {
    ctx.system_admin(&ctx.directory())?;
    figures(ctx.app).await
}

/// On a thread of its own: a million grants may have to be looked at.
async fn figures(app: Arc<App>) -> Result<Response> {
    let text = tokio::task::spawn_blocking(move || app.metrics()).await;
    let text = text.map_err(|_| Error::internal("the figures could not be told"))?;
    Ok(([(header::CONTENT_TYPE, MEDIA_TYPE)], text).into_response())
}

/// How the jobs and delivery interfaces of the installation are
///
/// Everybody gets what the setting `public_health` tells; with an observer key names, schedules and runs come along; for
/// system administrators what failed as well. Sealed spaces are in none of it.
#[utoipa::path(get, path = "/api/v1/health", tag = "health",
    responses((status = 200, description = "How it is", body = HealthOverview), (status = "default", description = "A problem", body = Problem)))]
async fn watched(watcher: Watcher, uri: Uri) -> Result<Json<HealthOverview>> {
    Query::new(&uri)?.done()?;
    let overview = match watcher {
        Watcher::Anybody(ctx) => overview::look(&ctx).await?,
        Watcher::Key(app, hash) => {
            let overview = overview::overview(&app, Sight::Observer).await?;
            // Looking takes a while: a key that was revoked meanwhile is told nothing of it.
            observers::still(&app, &hash).await?;
            overview
        }
    };
    Ok(Json(HealthOverview::of(overview)))
}

/// The observer keys
#[utoipa::path(get, path = "/api/v1/observer-keys", tag = "health",
    params(("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "A page of keys", body = Page<ObserverKey>), (status = "default", description = "A problem", body = Problem)))]
async fn observer_keys(ctx: Ctx, uri: Uri) -> Result<Json<Page<ObserverKey>>> {
    let mut query = Query::new(&uri)?;
    let page = query.page();
    query.done()?;
    Ok(Json(observers::list(&ctx, &page).await?.map(ObserverKey::of)))
}

/// Make an observer key
///
/// It opens `/api/v1/health` and no other door.
#[utoipa::path(post, path = "/api/v1/observer-keys", tag = "health", request_body = ObserverKeyInput,
    responses((status = 201, description = "The key, with its secret", body = NewObserverKey), (status = "default", description = "A problem", body = Problem)))]
async fn make_observer_key(ctx: Ctx, Input(body): Input<ObserverKeyInput>) -> Result<impl IntoResponse> {
    let (key, secret) = observers::create(&ctx, body.name).await?;
    Ok((StatusCode::CREATED, Json(NewObserverKey { key: ObserverKey::of(key), secret })))
}

/// Revoke an observer key
#[utoipa::path(delete, path = "/api/v1/observer-keys/{id}", tag = "health", params(("id" = String, Path, description = "The key's id")),
    responses((status = 204, description = "Revoked"), (status = "default", description = "A problem", body = Problem)))]
async fn revoke_observer_key(ctx: Ctx, Path(id): Path<String>) -> Result<StatusCode> {
    observers::revoke(&ctx, id).await.map(|()| StatusCode::NO_CONTENT)
}

/// Send a letter to whoever gets alerts, to see that it arrives
#[utoipa::path(post, path = "/api/v1/alerts/test", tag = "health",
    responses((status = 200, description = "Whether it was handed to the mail server", body = AlertTest), (status = "default", description = "A problem", body = Problem)))]
async fn test_alerts(ctx: Ctx) -> Result<Json<AlertTest>> {
    let tested = alerts::test(&ctx).await?;
    Ok(Json(AlertTest { state: if tested.sent { "sent" } else { "failed" }, detail: tested.detail }))
}
