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
    /// What policies and machines call it: made of the first name, and kept when that changes.
    slug: String,
    /// `task:write`, or patterns such as `task:*` and `*:read`.
    permissions: Vec<String>,
    /// `reader`, `writer` and `admin` cannot be changed.
    built_in: bool,
    created_at: String,
    /// How many grants give it, in spaces that are not sealed; counted up to 10,000. Only for system administrators, and
    /// only where one role is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    grants: Option<u64>,
}

impl Role {
    fn of(shown: Shown) -> Self {
        Self {
            id: shown.info.id.to_string(),
            name: shown.info.name.clone(),
            slug: shown.info.slug.clone(),
            permissions: shown.permissions,
            built_in: shown.built_in,
            created_at: clock::to_text(shown.info.created_at),
            grants: shown.grants,
        }
    }
}

/// A permission.
#[derive(Serialize, ToSchema)]
pub struct Permission {
    /// As it is written in roles: a kind, or `space`, `meter` or `decision`, and what may be done.
    name: String,
    /// The built-in roles that hold it.
    built_in: Vec<String>,
}

impl Permission {
    fn of(permission: roles::Permission) -> Self {
        Self { name: permission.name, built_in: permission.built_in }
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
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, update, delete)).routes(routes!(permissions))
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
    Ok(Json(Role::of(roles::get(&ctx, &id).await?)))
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

/// Every permission that a role can hold
#[utoipa::path(get, path = "/api/v1/permissions", tag = "roles",
    params(("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "A page of permissions, by name", body = Page<Permission>), (status = "default", description = "A problem", body = Problem)))]
async fn permissions(ctx: Ctx, uri: Uri) -> Result<Json<Page<Permission>>> {
    let mut query = Query::new(&uri)?;
    let page = query.page();
    query.done()?;
    Ok(Json(roles::permissions(&ctx, &page)?.map(Permission::of)))
}
