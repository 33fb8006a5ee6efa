//! Groups over HTTP.

use crate::access::{App, Ctx};
use crate::base::clock;
use crate::base::error::{Problem, Result};
use crate::base::http::{Input, Json, Page, Query};
use crate::directory::GroupInfo;
use crate::groups;
use axum::extract::Path;
use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// A group.
#[derive(Serialize, ToSchema)]
pub struct Group {
    id: String,
    name: String,
    created_at: String,
}

impl Group {
    fn of(info: &GroupInfo) -> Self {
        Self { id: info.id.to_string(), name: info.name.clone(), created_at: clock::to_text(info.created_at) }
    }
}

/// A group's name.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupName {
    name: String,
}

/// A user or a group, as a principal.
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = GroupMember)]
#[serde(deny_unknown_fields)]
pub struct Member {
    member: String,
}

/// The routes of groups.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, delete))
        .routes(routes!(members, add_member))
        .routes(routes!(remove_member))
}

/// Groups the caller can see
#[utoipa::path(get, path = "/api/v1/groups", tag = "groups",
    params(("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "A page of groups", body = Page<Group>), (status = "default", description = "A problem", body = Problem)))]
async fn list(ctx: Ctx, uri: Uri) -> Result<Json<Page<Group>>> {
    let mut query = Query::new(&uri)?;
    let page = query.page();
    query.done()?;
    Ok(Json(groups::list(&ctx, &page)?.map(|g| Group::of(&g))))
}

/// Make a group
#[utoipa::path(post, path = "/api/v1/groups", tag = "groups", request_body = GroupName,
    responses((status = 201, description = "The group", body = Group), (status = "default", description = "A problem", body = Problem)))]
async fn create(ctx: Ctx, Input(body): Input<GroupName>) -> Result<impl IntoResponse> {
    Ok((StatusCode::CREATED, Json(Group::of(&*groups::create(&ctx, body.name).await?))))
}

/// One group
#[utoipa::path(get, path = "/api/v1/groups/{id}", tag = "groups", params(("id" = String, Path, description = "The group's id")),
    responses((status = 200, description = "The group", body = Group), (status = "default", description = "A problem", body = Problem)))]
async fn get(ctx: Ctx, Path(id): Path<String>) -> Result<Json<Group>> {
    Ok(Json(Group::of(&*groups::get(&ctx, &id)?)))
}

/// Rename a group
#[utoipa::path(patch, path = "/api/v1/groups/{id}", tag = "groups", params(("id" = String, Path, description = "The group's id")), request_body = GroupName,
    responses((status = 200, description = "The group", body = Group), (status = "default", description = "A problem", body = Problem)))]
async fn update(ctx: Ctx, Path(id): Path<String>, Input(body): Input<GroupName>) -> Result<Json<Group>> {
    Ok(Json(Group::of(&*groups::rename(&ctx, id, body.name).await?)))
}

/// Delete a group that nothing uses
#[utoipa::path(delete, path = "/api/v1/groups/{id}", tag = "groups", params(("id" = String, Path, description = "The group's id")),
    responses((status = 204, description = "Deleted"), (status = "default", description = "A problem", body = Problem)))]
async fn delete(ctx: Ctx, Path(id): Path<String>) -> Result<StatusCode> {
    groups::delete(&ctx, id).await.map(|()| StatusCode::NO_CONTENT)
}

/// Who a group names directly
#[utoipa::path(get, path = "/api/v1/groups/{id}/members", tag = "groups",
    params(("id" = String, Path, description = "The group's id"), ("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "A page of members", body = Page<Member>), (status = "default", description = "A problem", body = Problem)))]
async fn members(ctx: Ctx, Path(id): Path<String>, uri: Uri) -> Result<Json<Page<Member>>> {
    let mut query = Query::new(&uri)?;
    let page = query.page();
    query.done()?;
    Ok(Json(groups::members(&ctx, &id, &page).await?.map(|member| Member { member })))
}

/// Put a user or a group into a group
#[utoipa::path(post, path = "/api/v1/groups/{id}/members", tag = "groups", params(("id" = String, Path, description = "The group's id")), request_body = Member,
    responses((status = 204, description = "It is a member"), (status = "default", description = "A problem", body = Problem)))]
async fn add_member(ctx: Ctx, Path(id): Path<String>, Input(body): Input<Member>) -> Result<StatusCode> {
    groups::add_member(&ctx, id, body.member).await.map(|()| StatusCode::NO_CONTENT)
}

/// Take a user or a group out of a group
#[utoipa::path(delete, path = "/api/v1/groups/{id}/members/{principal}", tag = "groups",
    params(("id" = String, Path, description = "The group's id"), ("principal" = String, Path, description = "`user:<id>` or `group:<id>`")),
    responses((status = 204, description = "It is no member"), (status = "default", description = "A problem", body = Problem)))]
async fn remove_member(ctx: Ctx, Path((id, principal)): Path<(String, String)>) -> Result<StatusCode> {
    groups::remove_member(&ctx, id, principal).await.map(|()| StatusCode::NO_CONTENT)
}
