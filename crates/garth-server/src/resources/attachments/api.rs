//! Attachments over HTTP.

use super::{Attached, Consumer, Mode};
use crate::access::{Anyone, App, Ctx};
use crate::base::error::{Problem, Result};
use crate::base::http::{Input, Json, Page, Query};
use crate::resources::attachments;
use axum::extract::Path;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Something that is attached to a resource.
#[derive(Serialize, ToSchema)]
pub struct Attachment {
    /// The id of what is attached.
    resource: String,
    code: String,
    kind: String,
    name: String,
    /// `explicit`: somebody attached it. `automatic`: one of its labels does.
    #[schema(value_type = String)]
    mode: &'static str,
    /// `own`: it lies in the same space. `inherited`: it lies above. `shared`: it lies elsewhere.
    #[schema(value_type = String)]
    origin: &'static str,
}

impl Attachment {
    fn of(attached: Attached) -> Self {
        let mode = match attached.mode {
            Mode::Explicit => "explicit",
            Mode::Automatic => "automatic",
        };
        let origin = attached.origin.word();
        let row = attached.resource;
        Self { resource: row.id, code: row.code, kind: attached.kind, name: row.name, mode, origin }
    }
}

/// A resource that uses another one.
#[derive(Serialize, ToSchema)]
pub struct ConsumerItem {
    /// Its id.
    resource: String,
    code: String,
    kind: String,
    name: String,
}

impl ConsumerItem {
    fn of(consumer: Consumer) -> Self {
        let row = consumer.resource;
        Self { resource: row.id, code: row.code, kind: consumer.kind, name: row.name }
    }
}

/// What is to be attached.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AttachmentInput {
    /// An id or code.
    resource: String,
}

/// The routes of attachments.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list_attachments, attach))
        .routes(routes!(detach))
        .routes(routes!(list_consumers))
}

/// What is attached to a resource: explicitly first, then by labels
#[utoipa::path(get, path = "/api/v1/resources/{id}/attachments", tag = "resources",
    params(
        ("id" = String, Path, description = "The consumer's id or code"),
        ("limit" = Option<u32>, Query, description = "1 to 100"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "A page of attachments", body = Page<Attachment>), (status = "default", description = "A problem", body = Problem)))]
async fn list_attachments(Anyone(ctx): Anyone, Path(id): Path<String>, uri: Uri) -> Result<Json<Page<Attachment>>> {
    let mut query = Query::new(&uri)?;
    let page = query.page();
    query.done()?;
    Ok(Json(attachments::list(&ctx, &id, &page).await?.map(Attachment::of)))
}

/// Attach a resource to this one, which then uses it
#[utoipa::path(post, path = "/api/v1/resources/{id}/attachments", tag = "resources",
    params(("id" = String, Path, description = "The consumer's id or code")), request_body = AttachmentInput,
    responses((status = 201, description = "Attached", body = Attachment), (status = "default", description = "A problem", body = Problem)))]
async fn attach(ctx: Ctx, Path(id): Path<String>, Input(body): Input<AttachmentInput>) -> Result<Response> {
    let attached = attachments::attach(&ctx, id, body.resource).await?;
    Ok((StatusCode::CREATED, Json(Attachment::of(attached))).into_response())
}

/// Take an explicit attachment away
#[utoipa::path(delete, path = "/api/v1/resources/{id}/attachments/{resource}", tag = "resources",
    params(
        ("id" = String, Path, description = "The consumer's id or code"),
        ("resource" = String, Path, description = "The id or code of what is attached")),
    responses((status = 204, description = "Attached no more"), (status = "default", description = "A problem", body = Problem)))]
async fn detach(ctx: Ctx, Path((id, resource)): Path<(String, String)>) -> Result<StatusCode> {
    attachments::detach(&ctx, id, resource).await.map(|()| StatusCode::NO_CONTENT)
}

/// What a resource is attached to explicitly: what has to let go of it before it can go
#[utoipa::path(get, path = "/api/v1/resources/{id}/consumers", tag = "resources",
    params(
        ("id" = String, Path, description = "The provider's id or code"),
        ("limit" = Option<u32>, Query, description = "1 to 100"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "A page of resources", body = Page<ConsumerItem>), (status = "default", description = "A problem", body = Problem)))]
async fn list_consumers(Anyone(ctx): Anyone, Path(id): Path<String>, uri: Uri) -> Result<Json<Page<ConsumerItem>>> {
    let mut query = Query::new(&uri)?;
    let page = query.page();
    query.done()?;
    Ok(Json(attachments::consumers(&ctx, &id, &page).await?.map(ConsumerItem::of)))
}
