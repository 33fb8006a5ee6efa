//! Passkeys over HTTP: one's own, and signing in with them.

use crate::access::{Anyone, App, Ctx};
use crate::base::clock;
use crate::base::error::{Error, Problem, Result};
use crate::base::http::{CREDENTIAL_BYTES, Input, Json};
use crate::passkeys;
use crate::sessions::api::{Begun, device};
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// One of one's own passkeys.
#[derive(Serialize, ToSchema)]
pub struct Passkey {
    id: String,
    name: String,
    created_at: String,
    /// Null: never.
    last_used_at: Option<String>,
}

impl Passkey {
    fn of(passkey: passkeys::Passkey) -> Self {
        Self {
            id: passkey.id.to_string(),
            name: passkey.name,
            created_at: clock::to_text(passkey.created_at),
            last_used_at: passkey.last_used_at.map(clock::to_text),
        }
    }
}

/// One's own passkeys.
#[derive(Serialize, ToSchema)]
pub struct MyPasskeys {
    items: Vec<Passkey>,
    next: Option<String>,
    /// Does the account ask for one after the password?
    required: bool,
    /// The way back in when every passkey is lost.
    recovery_codes_left: i64,
}

/// Begins to make a passkey.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPasskey {
    /// The current password; without it, within ten minutes of signing in.
    #[serde(default)]
    current: Option<String>,
}

/// A ceremony that has begun.
#[derive(Serialize, ToSchema)]
pub struct Ceremony {
    /// Its name, which ends it. Good once.
    ceremony: String,
    expires_at: String,
    /// For `navigator.credentials`: the `publicKey` of its options, as JSON with base64url
    /// (`PublicKeyCredential.parseCreationOptionsFromJSON`, `parseRequestOptionsFromJSON`).
    #[schema(value_type = Object)]
    options: Value,
}

impl Ceremony {
    fn of(began: passkeys::Began) -> Self {
        Self { ceremony: began.ceremony, expires_at: clock::to_text(began.expires_at), options: began.options }
    }
}

/// The passkey that was made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MadePasskey {
    ceremony: String,
    /// What its owner calls it.
    name: String,
    /// What `navigator.credentials.create` gave, as JSON with base64url.
    #[schema(value_type = Object)]
    credential: Value,
}

/// Another name.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyName {
    name: String,
}

/// What it takes to sign in with the password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecondFactor {
    /// Is a passkey asked for after the password?
    required: bool,
    /// The current password; without it, within ten minutes of signing in.
    #[serde(default)]
    current: Option<String>,
}

/// Asks for a passkey: of whoever has that username and password, or any.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyLogin {
    /// With the password; neither of them to sign in with a passkey alone.
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    password: Option<String>,
}

/// What the passkey signed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyAnswer {
    ceremony: String,
    /// What `navigator.credentials.get` gave, as JSON with base64url.
    #[schema(value_type = Object)]
    credential: Value,
}

/// The routes of passkeys.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(begin))
        .routes(routes!(finish))
        .routes(routes!(rename, remove))
        .routes(routes!(set_second_factor))
        .routes(routes!(begin_sign_in))
        .routes(routes!(finish_sign_in))
}

/// One's own passkeys, oldest first
#[utoipa::path(get, path = "/api/v1/me/passkeys", tag = "passkeys",
    responses((status = 200, description = "The passkeys", body = MyPasskeys), (status = "default", description = "A problem", body = Problem)))]
async fn list(ctx: Ctx) -> Result<Json<MyPasskeys>> {
    let own = passkeys::list(&ctx).await?;
    let items = own.passkeys.into_iter().map(Passkey::of).collect();
    let (required, recovery_codes_left) = (own.required, own.recovery_codes_left);
    Ok(Json(MyPasskeys { items, next: None, required, recovery_codes_left }))
}

/// Begin to make a passkey
#[utoipa::path(post, path = "/api/v1/me/passkeys/begin", tag = "passkeys", request_body = NewPasskey,
    responses((status = 200, description = "What the authenticator is asked", body = Ceremony), (status = "default", description = "A problem", body = Problem)))]
async fn begin(ctx: Ctx, Input(body): Input<NewPasskey, CREDENTIAL_BYTES>) -> Result<Json<Ceremony>> {
    Ok(Json(Ceremony::of(passkeys::begin(&ctx, body.current).await?)))
}

/// Keep the passkey that was made
#[utoipa::path(post, path = "/api/v1/me/passkeys/finish", tag = "passkeys", request_body = MadePasskey,
    responses((status = 201, description = "The passkey", body = Passkey), (status = "default", description = "A problem", body = Problem)))]
async fn finish(ctx: Ctx, Input(body): Input<MadePasskey, CREDENTIAL_BYTES>) -> Result<impl IntoResponse> {
    let made = passkeys::finish(&ctx, &body.ceremony, &body.name, body.credential).await?;
    Ok((StatusCode::CREATED, Json(Passkey::of(made))))
}

/// Call a passkey of one's own otherwise
#[utoipa::path(patch, path = "/api/v1/me/passkeys/{id}", tag = "passkeys", params(("id" = String, Path, description = "The passkey's id")), request_body = PasskeyName,
    responses((status = 200, description = "The passkey", body = Passkey), (status = "default", description = "A problem", body = Problem)))]
async fn rename(ctx: Ctx, Path(id): Path<String>, Input(body): Input<PasskeyName>) -> Result<Json<Passkey>> {
    Ok(Json(Passkey::of(passkeys::rename(&ctx, &id, &body.name).await?)))
}

/// Remove a passkey of one's own; the sessions that began with it end, but for this one
#[utoipa::path(delete, path = "/api/v1/me/passkeys/{id}", tag = "passkeys", params(("id" = String, Path, description = "The passkey's id")),
    responses((status = 204, description = "Removed"), (status = "default", description = "A problem", body = Problem)))]
async fn remove(ctx: Ctx, Path(id): Path<String>) -> Result<StatusCode> {
    passkeys::remove(&ctx, &id).await.map(|()| StatusCode::NO_CONTENT)
}

/// Ask for a passkey after one's own password, or no more
#[utoipa::path(put, path = "/api/v1/me/second-factor", tag = "passkeys", request_body = SecondFactor,
    responses((status = 204, description = "So it is"), (status = "default", description = "A problem", body = Problem)))]
async fn set_second_factor(ctx: Ctx, Input(body): Input<SecondFactor>) -> Result<StatusCode> {
    passkeys::require(&ctx, body.required, body.current).await.map(|()| StatusCode::NO_CONTENT)
}

/// Begin to sign in with a passkey, alone or after the password
#[utoipa::path(post, path = "/api/v1/login/passkey/begin", tag = "passkeys", security(()), request_body = PasskeyLogin,
    responses((status = 200, description = "What the authenticator is asked", body = Ceremony), (status = "default", description = "A problem", body = Problem)))]
async fn begin_sign_in(
    Anyone(ctx): Anyone,
    Input(body): Input<PasskeyLogin, CREDENTIAL_BYTES>,
) -> Result<Json<Ceremony>> {
    let by = match (&body.username, body.password) {
        (None, None) => None,
        (Some(username), Some(password)) => Some((username.as_str(), password)),
        (Some(_), None) => return Err(Error::field("/password", "goes with the username")),
        (None, Some(_)) => return Err(Error::field("/username", "goes with the password")),
    };
    Ok(Json(Ceremony::of(passkeys::begin_sign_in(&ctx, by).await?)))
}

/// Sign in with what the passkey signed
#[utoipa::path(post, path = "/api/v1/login/passkey/finish", tag = "passkeys", security(()), request_body = PasskeyAnswer,
    responses((status = 200, description = "A session", body = Begun), (status = "default", description = "A problem", body = Problem)))]
async fn finish_sign_in(
    Anyone(ctx): Anyone,
    headers: HeaderMap,
    Input(body): Input<PasskeyAnswer, CREDENTIAL_BYTES>,
) -> Result<Json<Begun>> {
    let signed_in = passkeys::finish_sign_in(&ctx, &body.ceremony, body.credential, device(&headers)).await?;
    Ok(Json(Begun::of(signed_in)))
}
