//! Export and import over HTTP.

use crate::access::{App, Ctx, IMPORT_BYTES, Lane, visible_space};
use crate::base::error::{Error, Problem, Result};
use crate::base::http::{Json, Query};
use crate::base::told;
use crate::transfers::wire::File;
use crate::transfers::{self, Imported};
use axum::body::Body;
use axum::extract::{Path, Request};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, Limited};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// What an export is.
const NDJSON: &str = "application/x-ndjson";
/// Secrets left out that one answer lists.
pub const LEFT_OUT: usize = 1_000;

/// What an import made.
#[derive(Serialize, ToSchema)]
pub struct ImportResult {
    /// Resources that were made.
    resources: usize,
    /// Grants that are new.
    grants: usize,
    /// Secrets that the file marks only, and which are not there.
    secrets_left_out: usize,
    /// Where those stand; the first thousand.
    secrets: Vec<LeftOut>,
}

/// A secret that has to be written anew.
#[derive(Serialize, ToSchema)]
pub struct LeftOut {
    /// The line, counted from 1.
    line: usize,
    /// The field, by JSON Pointer into the line.
    pointer: String,
}

impl ImportResult {
    fn of(Imported { made, grants }: Imported) -> Self {
        let secrets_left_out = made.left_out.len();
        let first = made.left_out.into_iter().take(LEFT_OUT);
        let secrets = first.map(|(line, pointer)| LeftOut { line, pointer }).collect();
        Self { resources: made.resources, grants, secrets_left_out, secrets }
    }
}

/// The routes of exports and imports.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(export)).routes(routes!(import))
}

/// Everything in a space that the caller may see, as NDJSON; whole if its last line is of type `end`
#[utoipa::path(get, path = "/api/v1/spaces/{id}/export", tag = "transfers", params(("id" = String, Path, description = "The space's id")),
    responses((status = 200, description = "One JSON object a line", body = String, content_type = "application/x-ndjson"), (status = "default", description = "A problem", body = Problem)))]
async fn export(ctx: Ctx, Path(id): Path<String>, uri: axum::http::Uri) -> Result<Response> {
    Query::new(&uri)?.done()?;
    let body = transfers::body(&ctx, &id).await?;
    Ok(([(header::CONTENT_TYPE, NDJSON)], body).into_response())
}

/// Make everything of an export anew in a space, all of it or nothing
#[utoipa::path(post, path = "/api/v1/spaces/{id}/import", tag = "transfers",
    params(("id" = String, Path, description = "The space's id"), ("settings" = Option<bool>, Query, description = "Description, labels, policies and grants of the space, too"), ("dry_run" = Option<bool>, Query, description = "Say what would happen, and change nothing")),
    request_body(content = String, content_type = "application/x-ndjson", description = "What an export wrote"),
    responses((status = 200, description = "What was made", body = ImportResult), (status = "default", description = "A problem", body = Problem)))]
async fn import(ctx: Ctx, Path(id): Path<String>, request: Request) -> Result<Json<ImportResult>> {
    let settings = {
        let mut query = Query::new(request.uri())?;
        query.flag("settings")
    };
    {
        let dir = ctx.directory();
        visible_space(&dir, &ctx.caller(&dir)?, &id, ctx.now())?;
    }
    let lane = match request.extensions().get::<Arc<Lane>>() {
        Some(lane) => Arc::clone(lane),
        None => Arc::new(ctx.import_lane()?),
    };
    if !declares_ndjson(request.headers()) {
        return Err(Error::UnsupportedMediaType);
    }
    let bytes = read(request.into_body(), ctx.app.limits.request).await?;
    // Off the serving threads: it may be long.
    let file = tokio::task::spawn_blocking(move || File::read(bytes)).await;
    let file = file.map_err(|_| Error::internal("an import was not read to its end"))??;
    let imported = transfers::import(&ctx, id, file, settings, told::nobody()).await?;
    drop(lane);
    Ok(Json(ImportResult::of(imported)))
}

fn declares_ndjson(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    [NDJSON, "application/ndjson", "application/jsonl"].contains(&essence.as_str())
}

/// The whole body; whoever sends nothing for that long is given up.
async fn read(body: Body, patience: std::time::Duration) -> Result<Vec<u8>> {
    let mut body = Limited::new(body, IMPORT_BYTES);
    let mut bytes = Vec::new();
    loop {
        let frame = tokio::time::timeout(patience, body.frame()).await.map_err(|_| Error::TimedOut)?;
        match frame {
            None => return Ok(bytes),
            Some(Ok(frame)) => bytes.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data)),
            Some(Err(e)) if e.downcast_ref::<http_body_util::LengthLimitError>().is_some() => {
                return Err(Error::TooLarge(IMPORT_BYTES));
            }
            Some(Err(_)) => return Err(Error::Malformed("the body ended early".to_owned())),
        }
    }
}
