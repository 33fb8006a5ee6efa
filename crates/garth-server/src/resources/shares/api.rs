//! Shares, and what may be used in a space, over HTTP.

use super::{Share, Usable};
use crate::access::{Anyone, App, Ctx, Reader};
use crate::base::error::{Problem, Result};
use crate::base::http::{Input, Json, Page, Query};
use crate::resources::api::Resource;
use crate::resources::{Filter, shares};
use axum::extract::Path;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// A space that a resource is shared to.
#[derive(Serialize, ToSchema)]
pub struct ShareItem {
    /// Its id.
    space: String,
    name: String,
}

impl ShareItem {
    fn of(share: Share) -> Self {
        Self { space: share.space.to_string(), name: share.name }
    }
}

/// Another space to share a resource to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShareInput {
    space: String,
}

/// All spaces that a resource is to be shared to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SharesInput {
    /// Up to 64 ids. Those of spaces that the caller cannot see stay whatever is said here.
    spaces: Vec<String>,
}

impl SharesInput {
    /// What it asks for.
    pub fn read(self) -> Vec<String> {
        self.spaces
    }
}

/// The spaces that a resource is shared to, as far as the caller may know of them.
#[derive(Serialize, ToSchema)]
pub struct Shares {
    items: Vec<ShareItem>,
}

/// A resource that may be used in a space.
#[derive(Serialize, ToSchema)]
pub struct UsableResource {
    #[serde(flatten)]
    resource: Resource,
    /// `own`: it lies there. `inherited`: it lies above. `shared`: it lies elsewhere. `space` says where, if the caller
    /// may know.
    #[schema(value_type = String)]
    origin: &'static str,
}

impl UsableResource {
    fn of(usable: Usable) -> Self {
        Self { origin: usable.origin.word(), resource: Resource::of(usable.resource) }
    }
}

/// The routes of shares.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list_shares, share, replace_shares))
        .routes(routes!(unshare))
        .routes(routes!(usable))
}

/// The spaces that a resource is shared to, as far as the caller may know of them
#[utoipa::path(get, path = "/api/v1/resources/{id}/shares", tag = "resources",
    params(
        ("id" = String, Path, description = "Its id or code"),
        ("limit" = Option<u32>, Query, description = "1 to 100"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "A page of spaces, by name", body = Page<ShareItem>), (status = "default", description = "A problem", body = Problem)))]
async fn list_shares(Anyone(ctx): Anyone, Path(id): Path<String>, uri: Uri) -> Result<Json<Page<ShareItem>>> {
    let mut query = Query::new(&uri)?;
    let page = query.page();
    query.done()?;
    Ok(Json(shares::list(&ctx, &id, &page).await?.map(ShareItem::of)))
}

/// Share a resource to another space: there it can be seen and used, and nothing else
#[utoipa::path(post, path = "/api/v1/resources/{id}/shares", tag = "resources",
    params(("id" = String, Path, description = "Its id or code")), request_body = ShareInput,
    responses(
        (status = 201, description = "Shared", body = ShareItem),
        (status = 200, description = "It was already", body = ShareItem),
        (status = "default", description = "A problem", body = Problem)))]
async fn share(ctx: Ctx, Path(id): Path<String>, Input(body): Input<ShareInput>) -> Result<Response> {
    let (share, fresh) = shares::share(&ctx, id, body.space).await?;
    let status = if fresh { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(ShareItem::of(share))).into_response())
}

/// Share a resource to just these other spaces; all of them or nothing
#[utoipa::path(put, path = "/api/v1/resources/{id}/shares", tag = "resources",
    params(("id" = String, Path, description = "Its id or code")), request_body = SharesInput,
    responses((status = 200, description = "The spaces, by name", body = Shares), (status = "default", description = "A problem", body = Problem)))]
async fn replace_shares(ctx: Ctx, Path(id): Path<String>, Input(body): Input<SharesInput>) -> Result<Json<Shares>> {
    let shares = shares::replace(&ctx, id, body.read()).await?;
    Ok(Json(Shares { items: shares.into_iter().map(ShareItem::of).collect() }))
}

/// Share a resource to that space no more
#[utoipa::path(delete, path = "/api/v1/resources/{id}/shares/{space}", tag = "resources",
    params(("id" = String, Path, description = "Its id or code"), ("space" = String, Path, description = "The id of the space it is shared to")),
    responses((status = 204, description = "Shared there no more"), (status = "default", description = "A problem", body = Problem)))]
async fn unshare(ctx: Ctx, Path((id, space)): Path<(String, String)>) -> Result<StatusCode> {
    shares::unshare(&ctx, id, space).await.map(|()| StatusCode::NO_CONTENT)
}

/// What may be used in a space, of what the caller may see: its own resources, inherited ones and shared ones
#[utoipa::path(get, path = "/api/v1/spaces/{id}/usable", tag = "resources",
    params(
        ("id" = String, Path, description = "The space's id"),
        ("kind" = Option<Vec<String>>, Query, description = "Repeated: of one of these kinds"),
        ("q" = Option<String>, Query, description = "With all of these words, as in the list of resources"),
        ("order" = Option<String>, Query, description = "`updated` (newest first), `created` (newest first) or `name`; a leading `-` turns it round"),
        ("limit" = Option<u32>, Query, description = "1 to 100"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "A page of resources", body = Page<UsableResource>), (status = "default", description = "A problem", body = Problem)))]
async fn usable(Reader(ctx): Reader, Path(id): Path<String>, uri: Uri) -> Result<Json<Page<UsableResource>>> {
    let mut query = Query::new(&uri)?;
    let filter =
        Filter { kinds: query.many("kind"), q: query.one("q"), order: query.one("order"), ..Filter::default() };
    let page = query.page();
    query.done()?;
    Ok(Json(shares::usable(&ctx, &id, &filter, &page).await?.map(UsableResource::of)))
}
