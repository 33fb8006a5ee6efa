//! Signing in and one's own account over HTTP.

use crate::access::{Anyone, App, Ctx};
use crate::base::error::{Problem, Result};
use crate::base::http::{CREDENTIAL_BYTES, Input, Json, given, some};
use crate::base::{clock, text};
use crate::directory::UserInfo;
use crate::sessions::{self, KeptPasskey as Passkey, Link, MePatch, Setup, SignedIn};
use crate::users::NewUser;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Is the installation without its first administrator?
#[derive(Serialize, ToSchema)]
pub struct SetupState {
    needed: bool,
}

/// The first system administrator.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetupInput {
    /// Printed at the first start, and in `DIR/setup-token`.
    token: String,
    username: String,
    password: String,
    name: Option<String>,
    email: Option<String>,
    /// Names the default space from the start.
    space: Option<String>,
}

/// A one-time token, of an account or of an invitation, and the password to begin with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignUp {
    token: String,
    password: String,
    name: Option<String>,
}

/// A username and its password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    username: String,
    password: String,
}

/// One of one's recovery codes, as it was shown or copied, and the password from now on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Recovery {
    username: String,
    /// In any case, with or without spaces and dashes.
    recovery_code: String,
    new_password: String,
}

/// The current password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Current {
    current: String,
}

/// New recovery codes; the old ones are worth nothing from now on.
#[derive(Serialize, ToSchema)]
pub struct RecoveryCodes {
    /// Shown this once; each is good once.
    recovery_codes: Vec<String>,
}

/// The signed-in user.
#[derive(Serialize, ToSchema)]
pub struct MyUser {
    id: String,
    username: String,
    name: String,
    email: Option<String>,
    /// Has one proved to read the address, by a link that was mailed there?
    email_verified: bool,
    system_admin: bool,
}

impl MyUser {
    fn of(user: &UserInfo, system_admin: bool) -> Self {
        Self {
            id: user.id.to_string(),
            username: user.username.clone(),
            name: user.name.clone(),
            email: user.email.clone(),
            email_verified: user.email.as_deref().map(text::folded).is_some_and(|e| user.verified_email == Some(e)),
            system_admin,
        }
    }
}

/// A session that has begun.
#[derive(Serialize, ToSchema)]
pub struct Begun {
    /// For `Authorization: Bearer`; shown this once.
    token: String,
    user: MyUser,
    expires_at: String,
    /// Shown this once, when they were made.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    recovery_codes: Vec<String>,
    /// The links with identity providers that the account keeps, where a password was set anew: end those that you did
    /// not make.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    identities: Vec<KeptIdentity>,
    /// The passkeys that the account keeps, where a password was set anew: each signs in alone. Remove those that you did
    /// not make.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    passkeys: Vec<KeptPasskey>,
}

/// A passkey that outlives a new password.
#[derive(Serialize, ToSchema)]
pub struct KeptPasskey {
    /// For `DELETE /api/v1/me/passkeys/{id}`.
    id: String,
    name: String,
    created_at: String,
}

impl KeptPasskey {
    fn of(passkey: Passkey) -> Self {
        Self { id: passkey.id, name: passkey.name, created_at: clock::to_text(passkey.created_at) }
    }
}

/// A link with an identity provider that outlives a new password.
#[derive(Serialize, ToSchema)]
pub struct KeptIdentity {
    /// For `DELETE /api/v1/me/identities/{id}`.
    id: String,
    provider: KeptProvider,
    /// What one is told apart by there.
    subject: String,
    /// The address that the provider had verified.
    email: Option<String>,
    created_at: String,
}

/// The provider of such a link.
#[derive(Serialize, ToSchema)]
pub struct KeptProvider {
    name: String,
    slug: String,
    /// Can somebody sign in by it at the moment?
    enabled: bool,
}

impl KeptIdentity {
    fn of(link: Link) -> Self {
        Self {
            id: link.id,
            provider: KeptProvider { name: link.provider, slug: link.slug, enabled: link.enabled },
            subject: link.subject,
            email: link.email,
            created_at: clock::to_text(link.created_at),
        }
    }
}

impl Begun {
    /// As it is told.
    pub fn of(signed_in: SignedIn) -> Self {
        Self {
            user: MyUser::of(&signed_in.user, signed_in.system_admin),
            token: signed_in.token,
            expires_at: clock::to_text(signed_in.expires_at),
            recovery_codes: signed_in.recovery_codes,
            identities: signed_in.kept.identities.into_iter().map(KeptIdentity::of).collect(),
            passkeys: signed_in.kept.passkeys.into_iter().map(KeptPasskey::of).collect(),
        }
    }
}

/// A space of one's own list.
#[derive(Serialize, ToSchema)]
pub struct MySpace {
    id: String,
    name: String,
    path: String,
    role: Option<String>,
    archived: bool,
    default: bool,
}

/// Who is signed in, and where they are at home.
#[derive(Serialize, ToSchema)]
pub struct Me {
    user: MyUser,
    /// The one that they chose themselves; null while it is hidden from them.
    default_space: Option<String>,
    /// Where they begin: their own default, else the installation's, else the oldest that they can see; active ones only.
    usual_space: Option<String>,
    spaces: Vec<MySpace>,
    /// Two spaces or more are visible.
    controls: bool,
    /// An explanation for somebody who can see no space, else null.
    #[schema(value_type = Option<String>)]
    notice: Option<&'static str>,
}

impl Me {
    fn of(me: sessions::Me) -> Self {
        let space = |s: &sessions::MySpace| MySpace {
            id: s.info.id.to_string(),
            name: s.info.name.clone(),
            path: s.path.clone(),
            role: s.role.clone(),
            archived: s.archived,
            default: s.info.default,
        };
        Self {
            user: MyUser::of(&me.user, me.system_admin),
            default_space: me.default_space.map(|id| id.to_string()),
            usual_space: me.usual_space.map(|id| id.to_string()),
            spaces: me.spaces.iter().map(space).collect(),
            controls: me.controls,
            notice: me.notice,
        }
    }
}

/// What is to change of one's own account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MyChange {
    #[serde(default, deserialize_with = "some")]
    name: Option<String>,
    /// Null: the installation's.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    default_space: Option<Option<String>>,
}

/// The current password and the new one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    current: String,
    new: String,
}

/// One of one's own sessions.
#[derive(Serialize, ToSchema)]
pub struct MySession {
    id: String,
    created_at: String,
    expires_at: String,
    /// To the minute. A session that nobody uses for a week ends.
    last_used_at: String,
    device: String,
    current: bool,
    /// One's teams in it, where a login policy or an identity provider said which, else null.
    teams: Option<Vec<String>>,
}

/// One's own sessions.
#[derive(Serialize, ToSchema)]
pub struct MySessions {
    items: Vec<MySession>,
    next: Option<String>,
}

/// The routes of signing in and of one's own account.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(setup_state, set_up))
        .routes(routes!(sign_up))
        .routes(routes!(login))
        .routes(routes!(recover))
        .routes(routes!(logout))
        .routes(routes!(me, update_me))
        .routes(routes!(set_password))
        .routes(routes!(renew_recovery_codes))
        .routes(routes!(my_sessions, end_others))
        .routes(routes!(end_session))
}

/// Is the installation without its first administrator?
#[utoipa::path(get, path = "/api/v1/setup", tag = "sessions", security(()),
    responses((status = 200, description = "Whether the setup is needed", body = SetupState)))]
async fn setup_state(Anyone(ctx): Anyone) -> Json<SetupState> {
    Json(SetupState { needed: ctx.app.needs_setup() })
}

/// Make the first system administrator
#[utoipa::path(post, path = "/api/v1/setup", tag = "sessions", security(()), request_body = SetupInput,
    responses((status = 201, description = "A session of theirs", body = Begun), (status = "default", description = "A problem", body = Problem)))]
async fn set_up(Anyone(ctx): Anyone, Input(body): Input<SetupInput, CREDENTIAL_BYTES>) -> Result<impl IntoResponse> {
    let user = NewUser { username: body.username, name: body.name, email: body.email };
    let setup = Setup { token: body.token, user, password: body.password, space: body.space };
    Ok((StatusCode::CREATED, Json(Begun::of(sessions::set_up(&ctx, setup).await?))))
}

/// Begin an account with its one-time token, or join by an invitation as somebody new
#[utoipa::path(post, path = "/api/v1/signup", tag = "sessions", security(()), request_body = SignUp,
    responses((status = 201, description = "A session, and recovery codes", body = Begun), (status = "default", description = "A problem", body = Problem)))]
async fn sign_up(Anyone(ctx): Anyone, Input(body): Input<SignUp, CREDENTIAL_BYTES>) -> Result<impl IntoResponse> {
    Ok((StatusCode::CREATED, Json(Begun::of(sessions::sign_up(&ctx, body.token, body.password, body.name).await?))))
}

/// Sign in
#[utoipa::path(post, path = "/api/v1/login", tag = "sessions", security(()), request_body = Login,
    responses((status = 200, description = "A session", body = Begun), (status = "default", description = "A problem", body = Problem)))]
async fn login(
    Anyone(ctx): Anyone,
    headers: HeaderMap,
    Input(body): Input<Login, CREDENTIAL_BYTES>,
) -> Result<Json<Begun>> {
    Ok(Json(Begun::of(sessions::sign_in(&ctx, &body.username, body.password, device(&headers)).await?)))
}

/// Set a new password with a recovery code; every session ends, and a new one begins
#[utoipa::path(post, path = "/api/v1/recover", tag = "sessions", security(()), request_body = Recovery,
    responses((status = 200, description = "A session", body = Begun), (status = "default", description = "A problem", body = Problem)))]
async fn recover(
    Anyone(ctx): Anyone,
    headers: HeaderMap,
    Input(body): Input<Recovery, CREDENTIAL_BYTES>,
) -> Result<Json<Begun>> {
    let Recovery { username, recovery_code, new_password } = body;
    Ok(Json(Begun::of(sessions::recover(&ctx, &username, &recovery_code, new_password, device(&headers)).await?)))
}

/// What a client calls itself.
pub fn device(headers: &HeaderMap) -> &str {
    headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or_default()
}

/// Sign out: the token is worth nothing from now on
#[utoipa::path(post, path = "/api/v1/logout", tag = "sessions",
    responses((status = 204, description = "Signed out"), (status = "default", description = "A problem", body = Problem)))]
async fn logout(ctx: Ctx) -> Result<StatusCode> {
    sessions::sign_out(&ctx).await.map(|()| StatusCode::NO_CONTENT)
}

/// Who is signed in, and the spaces they can see
#[utoipa::path(get, path = "/api/v1/me", tag = "sessions",
    responses((status = 200, description = "The caller", body = Me), (status = "default", description = "A problem", body = Problem)))]
async fn me(ctx: Ctx) -> Result<Json<Me>> {
    Ok(Json(Me::of(sessions::me(&ctx)?)))
}

/// Change one's own name or default space
#[utoipa::path(patch, path = "/api/v1/me", tag = "sessions", request_body = MyChange,
    responses((status = 200, description = "The caller", body = Me), (status = "default", description = "A problem", body = Problem)))]
async fn update_me(ctx: Ctx, Input(body): Input<MyChange>) -> Result<Json<Me>> {
    let patch = MePatch { name: body.name, default_space: body.default_space };
    Ok(Json(Me::of(sessions::update_me(&ctx, patch).await?)))
}

/// Change one's own password; every other session ends
#[utoipa::path(put, path = "/api/v1/me/password", tag = "sessions", request_body = PasswordChange,
    responses((status = 204, description = "Changed"), (status = "default", description = "A problem", body = Problem)))]
async fn set_password(ctx: Ctx, Input(body): Input<PasswordChange>) -> Result<StatusCode> {
    sessions::set_password(&ctx, body.current, body.new).await.map(|()| StatusCode::NO_CONTENT)
}

/// Five new recovery codes; the old ones are worth nothing from now on
#[utoipa::path(post, path = "/api/v1/me/recovery-codes", tag = "sessions", request_body = Current,
    responses((status = 200, description = "The codes", body = RecoveryCodes), (status = "default", description = "A problem", body = Problem)))]
async fn renew_recovery_codes(ctx: Ctx, Input(body): Input<Current>) -> Result<Json<RecoveryCodes>> {
    Ok(Json(RecoveryCodes { recovery_codes: sessions::renew(&ctx, body.current).await? }))
}

/// One's own sessions, newest first
#[utoipa::path(get, path = "/api/v1/me/sessions", tag = "sessions",
    responses((status = 200, description = "The sessions", body = MySessions), (status = "default", description = "A problem", body = Problem)))]
async fn my_sessions(ctx: Ctx) -> Result<Json<MySessions>> {
    let one = |s: sessions::Session| MySession {
        id: s.id,
        created_at: clock::to_text(s.created_at),
        expires_at: clock::to_text(s.expires_at),
        last_used_at: clock::to_text(s.last_used_at),
        device: s.device,
        current: s.current,
        teams: s.teams,
    };
    Ok(Json(MySessions { items: sessions::list(&ctx).await?.into_iter().map(one).collect(), next: None }))
}

/// End every session of one's own but this one
#[utoipa::path(delete, path = "/api/v1/me/sessions", tag = "sessions",
    responses((status = 204, description = "Ended"), (status = "default", description = "A problem", body = Problem)))]
async fn end_others(ctx: Ctx) -> Result<StatusCode> {
    sessions::end(&ctx, None).await.map(|()| StatusCode::NO_CONTENT)
}

/// End one session of one's own
#[utoipa::path(delete, path = "/api/v1/me/sessions/{id}", tag = "sessions", params(("id" = String, Path, description = "The session's id")),
    responses((status = 204, description = "Ended"), (status = "default", description = "A problem", body = Problem)))]
async fn end_session(ctx: Ctx, Path(id): Path<String>) -> Result<StatusCode> {
    sessions::end(&ctx, Some(id)).await.map(|()| StatusCode::NO_CONTENT)
}
