//! API keys over HTTP.

use crate::access::{App, Ctx};
use crate::api_keys::{self, Issued, NewKey, Shown};
use crate::base::clock;
use crate::base::error::{Error, Problem, Result};
use crate::base::http::{Input, Json, Page, Query};
use axum::extract::Path;
use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// An API key, without its secret.
#[derive(Serialize, ToSchema)]
pub struct ApiKey {
    id: String,
    name: String,
    /// The first characters of its secret.
    prefix: String,
    role: String,
    expires_at: Option<String>,
    /// Until then the secret before the last rotation works as well.
    old_secret_until: Option<String>,
    /// True after a restore, until it is rotated.
    disabled: bool,
    created_by: String,
    created_at: String,
    /// Written down within a second or so of the use.
    last_used_at: Option<String>,
}

impl ApiKey {
    fn of(shown: Shown) -> Self {
        let Shown { key, role, last_used_at } = shown;
        Self {
            id: key.id,
            name: key.name,
            prefix: key.prefix,
            role,
            expires_at: key.expires_at.map(clock::to_text),
            old_secret_until: key.old_until.map(clock::to_text),
            disabled: key.disabled,
            created_by: key.created_by,
            created_at: clock::to_text(key.created_at),
            last_used_at: last_used_at.map(clock::to_text),
        }
    }
}

/// An API key with its new secret.
#[derive(Serialize, ToSchema)]
pub struct IssuedKey {
    #[serde(flatten)]
    key: ApiKey,
    /// For `Authorization: Bearer`; shown this once.
    secret: String,
}

impl IssuedKey {
    fn of(issued: Issued) -> Self {
        Self { key: ApiKey::of(issued.key), secret: issued.secret }
    }
}

/// A new API key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyInput {
    name: String,
    /// A role's name or id.
    role: String,
    expires_at: Option<String>,
}

/// How the old secret ends.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// So long the old secret works on, at most 604,800 (7 days); not at all without.
    #[serde(default)]
    grace_seconds: Option<i64>,
}

/// The routes of API keys.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, revoke)).routes(routes!(rotate))
}

/// The API keys of a space (its administrators)
#[utoipa::path(get, path = "/api/v1/spaces/{id}/api-keys", tag = "api_keys",
    params(("id" = String, Path, description = "The space's id"), ("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "A page of keys", body = Page<ApiKey>), (status = "default", description = "A problem", body = Problem)))]
async fn list(ctx: Ctx, Path(id): Path<String>, uri: Uri) -> Result<Json<Page<ApiKey>>> {
    let mut query = Query::new(&uri)?;
    let page = query.page();
    query.done()?;
    Ok(Json(api_keys::list(&ctx, &id, &page).await?.map(ApiKey::of)))
}

/// Make an API key; the answer shows its secret this once
#[utoipa::path(post, path = "/api/v1/spaces/{id}/api-keys", tag = "api_keys", params(("id" = String, Path, description = "The space's id")), request_body = ApiKeyInput,
    responses((status = 201, description = "The key and its secret", body = IssuedKey), (status = "default", description = "A problem", body = Problem)))]
async fn create(ctx: Ctx, Path(id): Path<String>, Input(body): Input<ApiKeyInput>) -> Result<impl IntoResponse> {
    let time =
        |text: &str| clock::from_text(text).ok_or_else(|| Error::field("/expires_at", "must be a time in RFC 3339"));
    let expires_at = body.expires_at.as_deref().map(time).transpose()?;
    let new = NewKey { name: body.name, role: body.role, expires_at };
    Ok((StatusCode::CREATED, Json(IssuedKey::of(api_keys::create(&ctx, id, new).await?))))
}

/// One API key (the administrators of its space)
#[utoipa::path(get, path = "/api/v1/spaces/{id}/api-keys/{key}", tag = "api_keys",
    params(("id" = String, Path, description = "The space's id"), ("key" = String, Path, description = "The key's id")),
    responses((status = 200, description = "The key", body = ApiKey), (status = "default", description = "A problem", body = Problem)))]
async fn get(ctx: Ctx, Path((space, id)): Path<(String, String)>) -> Result<Json<ApiKey>> {
    Ok(Json(ApiKey::of(api_keys::get(&ctx, &space, &id).await?)))
}

/// Exchange an API key's secret; the answer shows the new one this once
#[utoipa::path(post, path = "/api/v1/spaces/{id}/api-keys/{key}/rotate", tag = "api_keys",
    params(("id" = String, Path, description = "The space's id"), ("key" = String, Path, description = "The key's id")), request_body = Rotation,
    responses((status = 200, description = "The key and its new secret", body = IssuedKey), (status = "default", description = "A problem", body = Problem)))]
async fn rotate(
    ctx: Ctx,
    Path((space, id)): Path<(String, String)>,
    Input(body): Input<Rotation>,
) -> Result<Json<IssuedKey>> {
    Ok(Json(IssuedKey::of(api_keys::rotate(&ctx, space, id, body.grace_seconds.unwrap_or_default()).await?)))
}

/// Revoke an API key
#[utoipa::path(delete, path = "/api/v1/spaces/{id}/api-keys/{key}", tag = "api_keys",
    params(("id" = String, Path, description = "The space's id"), ("key" = String, Path, description = "The key's id")),
    responses((status = 204, description = "Revoked"), (status = "default", description = "A problem", body = Problem)))]
async fn revoke(ctx: Ctx, Path((space, id)): Path<(String, String)>) -> Result<StatusCode> {
    api_keys::revoke(&ctx, space, id).await.map(|()| StatusCode::NO_CONTENT)
}
