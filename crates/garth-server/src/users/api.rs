//! Users over HTTP.

use crate::access::{App, Ctx};
use crate::base::clock;
use crate::base::error::{Problem, Result};
use crate::base::http::{Input, Json, Page, Query, given, some};
use crate::users::{self, Account};
use axum::extract::Path;
use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// A user.
#[derive(Serialize, ToSchema)]
pub struct User {
    id: String,
    username: String,
    name: String,
    /// For system administrators and for oneself; null for others.
    email: Option<String>,
    system_admin: bool,
    disabled: bool,
    created_at: String,
}

impl User {
    fn of(account: &Account) -> Self {
        let info = &account.info;
        Self {
            id: info.id.to_string(),
            username: info.username.clone(),
            name: info.name.clone(),
            email: account.email.clone(),
            system_admin: account.system_admin,
            disabled: info.disabled,
            created_at: clock::to_text(info.created_at),
        }
    }
}

/// A new account, with what its person signs up with.
#[derive(Serialize, ToSchema)]
pub struct NewAccount {
    id: String,
    username: String,
    name: String,
    email: Option<String>,
    system_admin: bool,
    disabled: bool,
    created_at: String,
    /// Good for a week; shown this once.
    signup_token: String,
    /// Where to bring it.
    signup_link: String,
}

/// A person to make an account for. Nobody sets another's password: they choose it when they sign up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    username: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    email: Option<String>,
}

/// What to change; what is not given stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserChanges {
    #[serde(default, deserialize_with = "some")]
    name: Option<String>,
    /// Null forgets it.
    #[schema(value_type = Option<String>)]
    #[serde(default, deserialize_with = "given")]
    email: Option<Option<String>>,
    #[serde(default, deserialize_with = "some")]
    system_admin: Option<bool>,
    #[serde(default, deserialize_with = "some")]
    disabled: Option<bool>,
}

/// The routes of users.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, delete))
        .routes(routes!(end_sessions))
}

/// Users the caller can see
///
/// System administrators see all; others the people they share a space with.
#[utoipa::path(get, path = "/api/v1/users", tag = "users",
    params(("q" = Option<String>, Query, description = "A part of the username or the name"),
        ("disabled" = Option<bool>, Query, description = "Disabled ones only, or the others only"),
        ("system_admin" = Option<bool>, Query, description = "System administrators only, or the others only"), ("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "A page of users", body = Page<User>), (status = "default", description = "A problem", body = Problem)))]
async fn list(ctx: Ctx, uri: Uri) -> Result<Json<Page<User>>> {
    let mut query = Query::new(&uri)?;
    let page = query.page();
    let filter = users::Filter {
        q: query.one("q"),
        disabled: query.either("disabled"),
        system_admin: query.either("system_admin"),
    };
    query.done()?;
    Ok(Json(users::list(&ctx, &page, &filter).await?.map(|account| User::of(&account))))
}

/// Make an account
#[utoipa::path(post, path = "/api/v1/users", tag = "users", request_body = NewUser,
    responses((status = 201, description = "The account, with its sign-up token", body = NewAccount), (status = "default", description = "A problem", body = Problem)))]
async fn create(ctx: Ctx, Input(body): Input<NewUser>) -> Result<impl IntoResponse> {
    let new = users::NewUser { username: body.username, name: body.name, email: body.email };
    let (info, token) = users::create(&ctx, new).await?;
    let account = NewAccount {
        id: info.id.to_string(),
        username: info.username.clone(),
        name: info.name.clone(),
        email: info.email.clone(),
        system_admin: false,
        disabled: info.disabled,
        created_at: clock::to_text(info.created_at),
        signup_link: format!("{}/signup#{token}", ctx.app.public_url),
        signup_token: token,
    };
    Ok((StatusCode::CREATED, Json(account)))
}

/// One user
#[utoipa::path(get, path = "/api/v1/users/{id}", tag = "users", params(("id" = String, Path, description = "The user's id, or `@username`")),
    responses((status = 200, description = "The user", body = User), (status = "default", description = "A problem", body = Problem)))]
async fn get(ctx: Ctx, Path(id): Path<String>) -> Result<Json<User>> {
    Ok(Json(User::of(&users::get(&ctx, &id)?)))
}

/// Change an account
///
/// A disabled one loses its sessions at once.
#[utoipa::path(patch, path = "/api/v1/users/{id}", tag = "users", params(("id" = String, Path, description = "The user's id, or `@username`")), request_body = UserChanges,
    responses((status = 200, description = "The user", body = User), (status = "default", description = "A problem", body = Problem)))]
async fn update(ctx: Ctx, Path(id): Path<String>, Input(body): Input<UserChanges>) -> Result<Json<User>> {
    let changes =
        users::Changes { name: body.name, email: body.email, system_admin: body.system_admin, disabled: body.disabled };
    Ok(Json(User::of(&users::update(&ctx, id, changes).await?)))
}

/// Delete an account
#[utoipa::path(delete, path = "/api/v1/users/{id}", tag = "users", params(("id" = String, Path, description = "The user's id, or `@username`")),
    responses((status = 204, description = "Deleted"), (status = "default", description = "A problem", body = Problem)))]
async fn delete(ctx: Ctx, Path(id): Path<String>) -> Result<StatusCode> {
    users::delete(&ctx, id).await.map(|()| StatusCode::NO_CONTENT)
}

/// End every session of an account
#[utoipa::path(delete, path = "/api/v1/users/{id}/sessions", tag = "users", params(("id" = String, Path, description = "The user's id, or `@username`")),
    responses((status = 204, description = "Ended"), (status = "default", description = "A problem", body = Problem)))]
async fn end_sessions(ctx: Ctx, Path(id): Path<String>) -> Result<StatusCode> {
    users::end_all_sessions(&ctx, id).await.map(|()| StatusCode::NO_CONTENT)
}
