//! API keys over HTTP.

use crate::access::{App, Ctx};
use crate::api_keys::{self, Changes, Issued, NewKey, Shown};
use crate::base::clock;
use crate::base::error::{Error, Problem, Result};
use crate::base::http::{Input, Json, Page, Query, given, some};
use axum::extract::Path;
use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse;
use garth_core::Micros;
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
    /// The first characters of that one.
    old_prefix: Option<String>,
    /// True after a restore, until it is rotated.
    disabled: bool,
    created_by: String,
    /// What that one is in the space by now: `administrator`, `member`, or `gone`. The key stays as it is.
    #[schema(value_type = String)]
    creator: &'static str,
    created_at: String,
    /// To a minute: uses within a minute of that one are not noted.
    last_used_at: Option<String>,
}

impl ApiKey {
    fn of(shown: Shown) -> Self {
        let Shown { key, role, last_used_at, creator } = shown;
        Self {
            id: key.id,
            name: key.name,
            prefix: key.prefix,
            role,
            expires_at: key.expires_at.map(clock::to_text),
            old_secret_until: key.old_until.map(clock::to_text),
            old_prefix: key.old_prefix,
            disabled: key.disabled,
            created_by: key.created_by,
            creator: creator.as_str(),
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

/// What to change of a key; what is not given stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyChanges {
    #[serde(default, deserialize_with = "some")]
    name: Option<String>,
    /// Null: never.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    expires_at: Option<Option<String>>,
    /// Null: the secret before the last rotation dies at once. Any time must be earlier than it is.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    old_secret_until: Option<Option<String>>,
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
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, update, revoke)).routes(routes!(rotate))
}

/// A time of a body.
fn time(pointer: &str, text: &str) -> Result<Micros> {
    clock::from_text(text).ok_or_else(|| Error::field(pointer, "must be a time in RFC 3339"))
}

/// The API keys of a space (its administrators)
#[utoipa::path(get, path = "/api/v1/spaces/{id}/api-keys", tag = "api_keys",
    params(("id" = String, Path, description = "The space's id"), ("prefix" = Option<String>, Query, description = "Those whose secret begins so; never a whole secret"), ("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "A page of keys", body = Page<ApiKey>), (status = "default", description = "A problem", body = Problem)))]
async fn list(ctx: Ctx, Path(id): Path<String>, uri: Uri) -> Result<Json<Page<ApiKey>>> {
    let mut query = Query::new(&uri)?;
    let page = query.page();
    let begins = query.one("prefix");
    query.done()?;
    Ok(Json(api_keys::list(&ctx, &id, begins.as_deref(), &page).await?.map(ApiKey::of)))
}

/// Make an API key; the answer shows its secret this once
#[utoipa::path(post, path = "/api/v1/spaces/{id}/api-keys", tag = "api_keys", params(("id" = String, Path, description = "The space's id")), request_body = ApiKeyInput,
    responses((status = 201, description = "The key and its secret", body = IssuedKey), (status = "default", description = "A problem", body = Problem)))]
async fn create(ctx: Ctx, Path(id): Path<String>, Input(body): Input<ApiKeyInput>) -> Result<impl IntoResponse> {
    let expires_at = body.expires_at.as_deref().map(|text| time("/expires_at", text)).transpose()?;
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

/// Change what an API key is called and when it ends, without another secret
#[utoipa::path(patch, path = "/api/v1/spaces/{id}/api-keys/{key}", tag = "api_keys",
    params(("id" = String, Path, description = "The space's id"), ("key" = String, Path, description = "The key's id")), request_body = ApiKeyChanges,
    responses((status = 200, description = "The key", body = ApiKey), (status = "default", description = "A problem", body = Problem)))]
async fn update(
    ctx: Ctx,
    Path((space, id)): Path<(String, String)>,
    Input(body): Input<ApiKeyChanges>,
) -> Result<Json<ApiKey>> {
    let at = |pointer: &str, given: Option<Option<String>>| {
        given.map(|text| text.map(|text| time(pointer, &text)).transpose()).transpose()
    };
    let changes = Changes {
        name: body.name,
        expires_at: at("/expires_at", body.expires_at)?,
        old_until: at("/old_secret_until", body.old_secret_until)?,
    };
    Ok(Json(ApiKey::of(api_keys::update(&ctx, space, id, changes).await?)))
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
