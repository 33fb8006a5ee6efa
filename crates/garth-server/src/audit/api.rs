//! The audit over HTTP.

use crate::access::{App, Ctx};
use crate::audit::{self, Entry as Stored, Filter};
use crate::base::clock;
use crate::base::error::{Problem, Result};
use crate::base::http::{Json, Page, PageRequest, Query};
use axum::extract::Path;
use axum::http::Uri;
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// What a change was made to.
#[derive(Serialize, ToSchema)]
pub struct AuditTarget {
    r#type: String,
    id: String,
}

/// One change or refusal.
#[derive(Serialize, ToSchema)]
pub struct AuditEntry {
    id: String,
    at: String,
    /// A principal, `system` (the command line) or `anonymous`; a resource that you cannot view is `resource`.
    actor: String,
    credential: String,
    action: String,
    target: AuditTarget,
    /// `done` or `refused`.
    outcome: String,
    /// Null if there was nothing.
    before: Value,
    /// Null if there is nothing.
    after: Value,
    request_id: String,
}

impl AuditEntry {
    /// As it is answered.
    pub fn of(entry: Stored) -> Self {
        let state = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
        Self {
            at: clock::to_text(entry.at),
            before: state(&entry.before),
            after: state(&entry.after),
            id: entry.id,
            actor: entry.actor,
            credential: entry.credential,
            action: entry.action,
            target: AuditTarget { r#type: entry.target_type, id: entry.target_id },
            outcome: entry.outcome,
            request_id: entry.request_id,
        }
    }
}

/// The routes of the audit.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(of_space)).routes(routes!(of_system))
}

fn wanted(uri: &Uri) -> Result<(Filter, PageRequest)> {
    let mut query = Query::new(uri)?;
    let (from, to) = (query.time("from"), query.time("to"));
    let filter = Filter {
        actor: query.one("actor"),
        action: query.one("action"),
        target: query.one("target"),
        outcome: query.one("outcome"),
        from,
        to,
    };
    if filter.outcome.as_deref().is_some_and(|o| !matches!(o, "done" | "refused")) {
        query.refuse("outcome", "must be done or refused");
    }
    let page = query.page();
    query.done()?;
    Ok((filter, page))
}

/// What was changed and refused in a space, newest first (its administrators)
#[utoipa::path(get, path = "/api/v1/spaces/{id}/audit", tag = "audit",
    params(
        ("id" = String, Path, description = "The space's id"),
        ("actor" = Option<String>, Query, description = "By that principal"),
        ("action" = Option<String>, Query, description = "Of that action, `grant.create`"),
        ("target" = Option<String>, Query, description = "Of the thing of that id"),
        ("outcome" = Option<String>, Query, description = "`done` or `refused`"),
        ("from" = Option<String>, Query, description = "Not before that time"),
        ("to" = Option<String>, Query, description = "Before that time"),
        ("limit" = Option<u32>, Query, description = "1 to 100"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "A page of entries", body = Page<AuditEntry>), (status = "default", description = "A problem", body = Problem)))]
async fn of_space(ctx: Ctx, Path(id): Path<String>, uri: Uri) -> Result<Json<Page<AuditEntry>>> {
    let (filter, page) = wanted(&uri)?;
    Ok(Json(audit::of_space(&ctx, &id, filter, &page).await?.map(AuditEntry::of)))
}

/// What was changed and refused in the system, newest first (system administrators)
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit",
    params(
        ("actor" = Option<String>, Query, description = "By that principal"),
        ("action" = Option<String>, Query, description = "Of that action, `user.create`"),
        ("target" = Option<String>, Query, description = "Of the thing of that id"),
        ("outcome" = Option<String>, Query, description = "`done` or `refused`"),
        ("from" = Option<String>, Query, description = "Not before that time"),
        ("to" = Option<String>, Query, description = "Before that time"),
        ("limit" = Option<u32>, Query, description = "1 to 100"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "A page of entries", body = Page<AuditEntry>), (status = "default", description = "A problem", body = Problem)))]
async fn of_system(ctx: Ctx, uri: Uri) -> Result<Json<Page<AuditEntry>>> {
    let (filter, page) = wanted(&uri)?;
    Ok(Json(audit::of_system(&ctx, filter, &page).await?.map(AuditEntry::of)))
}
