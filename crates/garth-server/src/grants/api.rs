//! Grants and members over HTTP.

use crate::access::{App, Ctx};
use crate::base::clock;
use crate::base::error::{Error, Problem, Result};
use crate::base::http::{Input, Json, Page, Query, given, some};
use crate::directory::Directory;
use crate::grants::{self, Door, GrantPatch, Member as MemberView, NewGrant, Stored};
use axum::extract::Path;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use garth_core::Micros;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// A grant.
#[derive(Serialize, ToSchema)]
pub struct Grant {
    id: String,
    /// Null for a resource that you cannot view.
    principal: Option<String>,
    role: String,
    expires_at: Option<String>,
    source: String,
    granted_by: String,
    created_at: String,
}

impl Grant {
    fn of(dir: &Directory, grant: &Stored) -> Self {
        Self {
            id: grant.id.clone(),
            principal: Some(grant.principal.clone()).filter(|principal| !principal.is_empty()),
            role: dir.role_ref(&grant.role).map(|r| dir.role_name(r).to_owned()).unwrap_or_default(),
            expires_at: grant.expires_at.map(clock::to_text),
            source: grant.source.clone(),
            granted_by: grant.granted_by.clone(),
            created_at: clock::to_text(grant.created_at),
        }
    }
}

/// A new grant.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantInput {
    /// `user:<id>`, `user:@username`, `group:<id>`, `group:@name`, `group:everyone`, `key:<id>`, or `resource:<id or
    /// code>` for what acts on behalf of a resource that you may edit.
    principal: String,
    /// A role's name or id.
    role: String,
    expires_at: Option<String>,
}

impl GrantInput {
    /// What it asks for.
    ///
    /// # Errors
    /// 422 for an end that is no time.
    pub fn read(self) -> Result<NewGrant> {
        let expires_at = self.expires_at.as_deref().map(|t| time("/expires_at", t)).transpose()?;
        Ok(NewGrant { principal: self.principal, role: self.role, expires_at })
    }
}

/// What is to change of a grant.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantChange {
    #[serde(default, deserialize_with = "some")]
    role: Option<String>,
    /// Null is never.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    expires_at: Option<Option<String>>,
}

impl GrantChange {
    /// What it asks for.
    ///
    /// # Errors
    /// 422 for an end that is no time.
    pub fn read(self) -> Result<GrantPatch> {
        let expires_at = match self.expires_at {
            Some(Some(text)) => Some(Some(time("/expires_at", &text)?)),
            Some(None) => Some(None),
            None => None,
        };
        Ok(GrantPatch { role: self.role, expires_at })
    }
}

/// What a member is to hold by a grant of their own.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberChange {
    /// A role's name or id.
    role: String,
    /// Null is never; if it is not said, it stays as it was.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    expires_at: Option<Option<String>>,
}

/// What became of whoever left a space.
#[derive(Serialize, ToSchema)]
pub struct Left {
    /// It was their last membership, and the account ended with it, as the installation has it.
    account_deleted: bool,
}

/// Where a role comes from.
#[derive(Serialize, ToSchema)]
pub struct Source {
    role: String,
    /// `direct`, `group`, `ancestor`, `everyone`, `inherits` or `login_policy`.
    #[schema(value_type = String)]
    from: &'static str,
    /// Null where the reader cannot see it.
    space: Option<String>,
    group: Option<String>,
}

/// Somebody who holds a role in a space.
#[derive(Serialize, ToSchema)]
pub struct Member {
    principal: String,
    username: String,
    name: String,
    role: Option<String>,
    roles: Vec<String>,
    sources: Vec<Source>,
}

impl Member {
    fn of(member: MemberView) -> Self {
        let source = |s: grants::MemberSource| Source {
            role: s.role,
            from: s.from,
            space: s.space.map(|id| id.to_string()),
            group: s.group.map(|id| id.to_string()),
        };
        Self {
            principal: format!("user:{}", member.user.id),
            username: member.user.username.clone(),
            name: member.user.name.clone(),
            role: member.role,
            roles: member.roles,
            sources: member.sources.into_iter().map(source).collect(),
        }
    }
}

/// The routes of grants and members.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(update, revoke))
        .routes(routes!(registry_list, registry_create))
        .routes(routes!(registry_update, registry_revoke))
        .routes(routes!(leave))
        .routes(routes!(members))
        .routes(routes!(update_member, remove_member))
}

fn time(pointer: &str, text: &str) -> Result<Micros> {
    clock::from_text(text).ok_or_else(|| Error::field(pointer, "must be a time in RFC 3339"))
}

async fn listed(ctx: &Ctx, door: Door, id: &str, uri: &Uri) -> Result<Json<Page<Grant>>> {
    let mut query = Query::new(uri)?;
    let page = query.page();
    query.done()?;
    let page = grants::list(ctx, door, id, &page).await?;
    let dir = ctx.directory();
    Ok(Json(page.map(|g| Grant::of(&dir, &g))))
}

async fn created(ctx: &Ctx, door: Door, id: String, body: GrantInput) -> Result<Response> {
    let (grant, new) = grants::grant(ctx, door, id, body.read()?).await?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(Grant::of(&ctx.directory(), &grant))).into_response())
}

async fn updated(ctx: &Ctx, door: Door, space: String, id: String, body: GrantChange) -> Result<Json<Grant>> {
    let grant = grants::update(ctx, door, space, id, body.read()?).await?;
    Ok(Json(Grant::of(&ctx.directory(), &grant)))
}

/// The grants made in a space (its administrators)
#[utoipa::path(get, path = "/api/v1/spaces/{id}/grants", tag = "grants",
    params(("id" = String, Path, description = "The space's id"), ("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "A page of grants", body = Page<Grant>), (status = "default", description = "A problem", body = Problem)))]
async fn list(ctx: Ctx, Path(id): Path<String>, uri: Uri) -> Result<Json<Page<Grant>>> {
    listed(&ctx, Door::Space, &id, &uri).await
}

/// Grant a role in a space
#[utoipa::path(post, path = "/api/v1/spaces/{id}/grants", tag = "grants", params(("id" = String, Path, description = "The space's id")), request_body = GrantInput,
    responses((status = 201, description = "The grant", body = Grant), (status = 200, description = "It was there already", body = Grant), (status = "default", description = "A problem", body = Problem)))]
async fn create(ctx: Ctx, Path(id): Path<String>, Input(body): Input<GrantInput>) -> Result<Response> {
    created(&ctx, Door::Space, id, body).await
}

/// Change a grant's role or end
#[utoipa::path(patch, path = "/api/v1/spaces/{id}/grants/{grant}", tag = "grants",
    params(("id" = String, Path, description = "The space's id"), ("grant" = String, Path, description = "The grant's id")), request_body = GrantChange,
    responses((status = 200, description = "The grant", body = Grant), (status = "default", description = "A problem", body = Problem)))]
async fn update(
    ctx: Ctx,
    Path((space, id)): Path<(String, String)>,
    Input(body): Input<GrantChange>,
) -> Result<Json<Grant>> {
    updated(&ctx, Door::Space, space, id, body).await
}

/// Revoke a grant
#[utoipa::path(delete, path = "/api/v1/spaces/{id}/grants/{grant}", tag = "grants",
    params(("id" = String, Path, description = "The space's id"), ("grant" = String, Path, description = "The grant's id")),
    responses((status = 204, description = "Revoked"), (status = "default", description = "A problem", body = Problem)))]
async fn revoke(ctx: Ctx, Path((space, id)): Path<(String, String)>) -> Result<StatusCode> {
    grants::revoke(&ctx, Door::Space, space, id).await.map(|()| StatusCode::NO_CONTENT)
}

/// The grants made in a space (system administrators)
#[utoipa::path(get, path = "/api/v1/registry/spaces/{id}/grants", tag = "registry",
    params(("id" = String, Path, description = "The space's id"), ("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "A page of grants", body = Page<Grant>), (status = "default", description = "A problem", body = Problem)))]
async fn registry_list(ctx: Ctx, Path(id): Path<String>, uri: Uri) -> Result<Json<Page<Grant>>> {
    listed(&ctx, Door::Registry, &id, &uri).await
}

/// Grant a role in a space (system administrators); its own audit shows it
#[utoipa::path(post, path = "/api/v1/registry/spaces/{id}/grants", tag = "registry", params(("id" = String, Path, description = "The space's id")), request_body = GrantInput,
    responses((status = 201, description = "The grant", body = Grant), (status = 200, description = "It was there already", body = Grant), (status = "default", description = "A problem", body = Problem)))]
async fn registry_create(ctx: Ctx, Path(id): Path<String>, Input(body): Input<GrantInput>) -> Result<Response> {
    created(&ctx, Door::Registry, id, body).await
}

/// Change a grant's role or end (system administrators)
#[utoipa::path(patch, path = "/api/v1/registry/spaces/{id}/grants/{grant}", tag = "registry",
    params(("id" = String, Path, description = "The space's id"), ("grant" = String, Path, description = "The grant's id")), request_body = GrantChange,
    responses((status = 200, description = "The grant", body = Grant), (status = "default", description = "A problem", body = Problem)))]
async fn registry_update(
    ctx: Ctx,
    Path((space, id)): Path<(String, String)>,
    Input(body): Input<GrantChange>,
) -> Result<Json<Grant>> {
    updated(&ctx, Door::Registry, space, id, body).await
}

/// Revoke a grant (system administrators)
#[utoipa::path(delete, path = "/api/v1/registry/spaces/{id}/grants/{grant}", tag = "registry",
    params(("id" = String, Path, description = "The space's id"), ("grant" = String, Path, description = "The grant's id")),
    responses((status = 204, description = "Revoked"), (status = "default", description = "A problem", body = Problem)))]
async fn registry_revoke(ctx: Ctx, Path((space, id)): Path<(String, String)>) -> Result<StatusCode> {
    grants::revoke(&ctx, Door::Registry, space, id).await.map(|()| StatusCode::NO_CONTENT)
}

/// Drop one's own direct grants in a space
#[utoipa::path(post, path = "/api/v1/spaces/{id}/leave", tag = "grants", params(("id" = String, Path, description = "The space's id")),
    responses((status = 200, description = "Left", body = Left), (status = "default", description = "A problem", body = Problem)))]
async fn leave(ctx: Ctx, Path(id): Path<String>) -> Result<Json<Left>> {
    grants::leave(&ctx, id).await.map(|account_deleted| Json(Left { account_deleted }))
}

/// Let a member hold just this role
///
/// The person's own grants in the space become one; what groups and spaces above give stays.
#[utoipa::path(patch, path = "/api/v1/spaces/{id}/members/{user}", tag = "grants",
    params(("id" = String, Path, description = "The space's id"), ("user" = String, Path, description = "The user's id, or `@username`")), request_body = MemberChange,
    responses((status = 200, description = "The grant", body = Grant), (status = "default", description = "A problem", body = Problem)))]
async fn update_member(
    ctx: Ctx,
    Path((space, user)): Path<(String, String)>,
    Input(body): Input<MemberChange>,
) -> Result<Json<Grant>> {
    let patch = GrantChange { role: Some(body.role), expires_at: body.expires_at }.read()?;
    let grant = grants::set_role(&ctx, space, user, patch).await?;
    Ok(Json(Grant::of(&ctx.directory(), &grant)))
}

/// Take a person out of a space: all grants of their own there go
#[utoipa::path(delete, path = "/api/v1/spaces/{id}/members/{user}", tag = "grants",
    params(("id" = String, Path, description = "The space's id"), ("user" = String, Path, description = "The user's id, or `@username`")),
    responses((status = 204, description = "Taken out"), (status = "default", description = "A problem", body = Problem)))]
async fn remove_member(ctx: Ctx, Path((space, user)): Path<(String, String)>) -> Result<StatusCode> {
    grants::remove(&ctx, space, user).await.map(|()| StatusCode::NO_CONTENT)
}

/// Everybody who holds a role in a space, and where from
#[utoipa::path(get, path = "/api/v1/spaces/{id}/members", tag = "grants",
    params(("id" = String, Path, description = "The space's id"), ("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "A page of members", body = Page<Member>), (status = "default", description = "A problem", body = Problem)))]
async fn members(ctx: Ctx, Path(id): Path<String>, uri: Uri) -> Result<Json<Page<Member>>> {
    let mut query = Query::new(&uri)?;
    let page = query.page();
    query.done()?;
    Ok(Json(grants::members(&ctx, &id, &page)?.map(Member::of)))
}
