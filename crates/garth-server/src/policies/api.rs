//! Named policies over HTTP.

use crate::access::{App, Ctx};
use crate::base::clock;
use crate::base::error::{Problem, Result};
use crate::base::http::{Input, Json, Page, Query, some};
use crate::directory::policy::Written;
use crate::policies::{self, Shown};
use axum::extract::Path;
use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// A named policy.
#[derive(Serialize, ToSchema)]
pub struct NamedPolicy {
    id: String,
    name: String,
    /// Who passes; for its editors and system administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Written>)]
    policy: Option<Value>,
    /// Who may change it; for its editors and system administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Written>)]
    edit: Option<Value>,
    created_at: String,
}

impl NamedPolicy {
    fn of(shown: &Shown) -> Self {
        let info = &shown.info;
        Self {
            id: info.id.to_string(),
            name: info.name.clone(),
            policy: shown.text.then(|| info.policy.clone()),
            edit: shown.text.then(|| info.edit.clone()),
            created_at: clock::to_text(info.created_at),
        }
    }
}

/// A policy to keep under a name.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPolicy {
    name: String,
    /// Who passes.
    #[schema(value_type = Written)]
    policy: Value,
    /// Who may change it; `admins` if not given.
    #[serde(default)]
    #[schema(value_type = Option<Written>)]
    edit: Option<Value>,
}

/// What to change; what is not given stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyChanges {
    #[serde(default, deserialize_with = "some")]
    name: Option<String>,
    #[schema(value_type = Option<Written>)]
    #[serde(default, deserialize_with = "some")]
    policy: Option<Value>,
    #[schema(value_type = Option<Written>)]
    #[serde(default, deserialize_with = "some")]
    edit: Option<Value>,
}

impl PolicyChanges {
    /// What it asks for.
    pub fn read(self) -> policies::Changes {
        policies::Changes { name: self.name, policy: self.policy, edit: self.edit }
    }
}

/// The routes of named policies.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, update, delete))
}

/// All named policies
#[utoipa::path(get, path = "/api/v1/policies", tag = "policies",
    params(("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "A page of policies", body = Page<NamedPolicy>), (status = "default", description = "A problem", body = Problem)))]
async fn list(ctx: Ctx, uri: Uri) -> Result<Json<Page<NamedPolicy>>> {
    let mut query = Query::new(&uri)?;
    let page = query.page();
    query.done()?;
    Ok(Json(policies::list(&ctx, &page)?.map(|p| NamedPolicy::of(&p))))
}

/// Keep a policy under a name
#[utoipa::path(post, path = "/api/v1/policies", tag = "policies", request_body = NewPolicy,
    responses((status = 201, description = "The policy", body = NamedPolicy), (status = "default", description = "A problem", body = Problem)))]
async fn create(ctx: Ctx, Input(body): Input<NewPolicy>) -> Result<impl IntoResponse> {
    let new = policies::NewPolicy { name: body.name, policy: body.policy, edit: body.edit };
    Ok((StatusCode::CREATED, Json(NamedPolicy::of(&policies::create(&ctx, new).await?))))
}

/// One named policy
#[utoipa::path(get, path = "/api/v1/policies/{id}", tag = "policies", params(("id" = String, Path, description = "The policy's id, or `@name`")),
    responses((status = 200, description = "The policy", body = NamedPolicy), (status = "default", description = "A problem", body = Problem)))]
async fn get(ctx: Ctx, Path(id): Path<String>) -> Result<Json<NamedPolicy>> {
    Ok(Json(NamedPolicy::of(&policies::get(&ctx, &id)?)))
}

/// Change a named policy, and with it everything that uses it
#[utoipa::path(patch, path = "/api/v1/policies/{id}", tag = "policies", params(("id" = String, Path, description = "The policy's id, or `@name`")), request_body = PolicyChanges,
    responses((status = 200, description = "The policy", body = NamedPolicy), (status = "default", description = "A problem", body = Problem)))]
async fn update(ctx: Ctx, Path(id): Path<String>, Input(body): Input<PolicyChanges>) -> Result<Json<NamedPolicy>> {
    Ok(Json(NamedPolicy::of(&policies::update(&ctx, id, body.read()).await?)))
}

/// Delete a named policy that nothing uses
#[utoipa::path(delete, path = "/api/v1/policies/{id}", tag = "policies", params(("id" = String, Path, description = "The policy's id, or `@name`")),
    responses((status = 204, description = "Deleted"), (status = "default", description = "A problem", body = Problem)))]
async fn delete(ctx: Ctx, Path(id): Path<String>) -> Result<StatusCode> {
    policies::delete(&ctx, id).await.map(|()| StatusCode::NO_CONTENT)
}
