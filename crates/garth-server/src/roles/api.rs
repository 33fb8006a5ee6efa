//! Roles over HTTP.

use crate::access::{App, Ctx};
use crate::base::clock;
use crate::base::error::{Problem, Result};
use crate::base::http::{Input, Json, Page, Query, some};
use crate::roles::{self, Shown};
use axum::extract::Path;
use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// A role.
#[derive(Serialize, ToSchema)]
pub struct Role {
    id: String,
    name: String,
    /// `task:write`, or patterns such as `task:*` and `*:read`.
    permissions: Vec<String>,
    /// `reader`, `writer` and `admin` cannot be changed.
    built_in: bool,
    created_at: String,
}

impl Role {
    fn of(shown: Shown) -> Self {
        Self {
            id: shown.info.id.to_string(),
            name: shown.info.name.clone(),
            permissions: shown.permissions,
            built_in: shown.built_in,
            created_at: clock::to_text(shown.info.created_at),
        }
    }
}

/// A role to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRole {
    name: String,
    permissions: Vec<String>,
}

/// What to change; what is not given stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleChanges {
    #[serde(default, deserialize_with = "some")]
    name: Option<String>,
    #[serde(default, deserialize_with = "some")]
    permissions: Option<Vec<String>>,
}

/// The routes of roles.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, update, delete))
}

/// All roles
#[utoipa::path(get, path = "/api/v1/roles", tag = "roles",
    params(("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "A page of roles", body = Page<Role>), (status = "default", description = "A problem", body = Problem)))]
async fn list(ctx: Ctx, uri: Uri) -> Result<Json<Page<Role>>> {
    let mut query = Query::new(&uri)?;
    let page = query.page();
    query.done()?;
    Ok(Json(roles::list(&ctx, &page)?.map(Role::of)))
}

/// Make a role
#[utoipa::path(post, path = "/api/v1/roles", tag = "roles", request_body = NewRole,
    responses((status = 201, description = "The role", body = Role), (status = "default", description = "A problem", body = Problem)))]
async fn create(ctx: Ctx, Input(body): Input<NewRole>) -> Result<impl IntoResponse> {
    let role = roles::create(&ctx, body.name, body.permissions).await?;
    Ok((StatusCode::CREATED, Json(Role::of(role))))
}

/// One role
#[utoipa::path(get, path = "/api/v1/roles/{id}", tag = "roles", params(("id" = String, Path, description = "The role's id or name")),
    responses((status = 200, description = "The role", body = Role), (status = "default", description = "A problem", body = Problem)))]
async fn get(ctx: Ctx, Path(id): Path<String>) -> Result<Json<Role>> {
    Ok(Json(Role::of(roles::get(&ctx, &id)?)))
}

/// Change a custom role
#[utoipa::path(patch, path = "/api/v1/roles/{id}", tag = "roles", params(("id" = String, Path, description = "The role's id or name")), request_body = RoleChanges,
    responses((status = 200, description = "The role", body = Role), (status = "default", description = "A problem", body = Problem)))]
async fn update(ctx: Ctx, Path(id): Path<String>, Input(body): Input<RoleChanges>) -> Result<Json<Role>> {
    Ok(Json(Role::of(roles::update(&ctx, id, body.name, body.permissions).await?)))
}

/// Delete a custom role that is granted nowhere
#[utoipa::path(delete, path = "/api/v1/roles/{id}", tag = "roles", params(("id" = String, Path, description = "The role's id or name")),
    responses((status = 204, description = "Deleted"), (status = "default", description = "A problem", body = Problem)))]
async fn delete(ctx: Ctx, Path(id): Path<String>) -> Result<StatusCode> {
    roles::delete(&ctx, id).await.map(|()| StatusCode::NO_CONTENT)
}
