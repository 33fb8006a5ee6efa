//! Identity providers over HTTP: managing them, and who one is there.

use super::{Changes, Check, Choices, GroupsFrom, Identity, NewProvider, Provider, flow};
use crate::access::{Anyone, App, Ctx};
use crate::base::clock;
use crate::base::error::{Problem, Result};
use crate::base::fetch::encoded;
use crate::base::http::{Input, Json, Page, Query, given, some, yes};
use crate::{identity_providers, passkeys};
use axum::extract::Path;
use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// An identity provider.
#[derive(Serialize, ToSchema)]
pub struct IdentityProvider {
    id: String,
    name: String,
    /// Its name in addresses.
    slug: String,
    issuer: String,
    client_id: String,
    /// `{"secret": true}` where there is one; it is never shown.
    #[schema(value_type = Option<Object>)]
    client_secret: Option<Value>,
    scopes: Vec<String>,
    groups_claim: Option<String>,
    groups_from: GroupsFrom,
    /// The groups that it may fill, by name or, with `*` at the end, by how that begins; null: any.
    groups_allowed: Option<Vec<String>>,
    create_users: bool,
    allow_private: bool,
    enabled: bool,
    /// To be registered at the provider.
    redirect_uri: String,
    /// To be registered at the provider, so that it can end sessions.
    backchannel_logout_uri: String,
    /// Whether it could be asked, where it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    check: Option<Check>,
    created_at: String,
    updated_at: String,
}

impl IdentityProvider {
    fn of(ctx: &Ctx, provider: &Provider, check: Option<Check>) -> Self {
        let choices = provider.choices.clone();
        Self {
            id: provider.id.to_string(),
            name: provider.name.clone(),
            slug: provider.slug.clone(),
            issuer: provider.issuer.clone(),
            client_id: provider.client_id.clone(),
            client_secret: provider.has_secret().then(|| json!({ "secret": true })),
            scopes: choices.scopes,
            groups_claim: choices.groups_claim,
            groups_from: choices.groups_from,
            groups_allowed: choices.groups_allowed,
            create_users: choices.create_users,
            allow_private: choices.allow_private,
            enabled: provider.enabled,
            redirect_uri: flow::redirect_uri(ctx, provider),
            backchannel_logout_uri: format!("{}/auth/oidc/{}/backchannel-logout", ctx.app.public_url, provider.slug),
            check,
            created_at: clock::to_text(provider.created_at),
            updated_at: clock::to_text(provider.updated_at),
        }
    }
}

/// An identity provider to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewIdentityProvider {
    name: String,
    /// Its name in addresses; never changed.
    slug: String,
    /// As it stands in its discovery document, to the letter; never changed.
    issuer: String,
    client_id: String,
    /// A public client has none.
    #[serde(default)]
    client_secret: Option<String>,
    /// `openid profile email` if not given.
    #[serde(default)]
    scopes: Option<Vec<String>>,
    /// The claim that names groups, with dots down into objects: `groups`, `realm_access.roles`.
    #[serde(default)]
    groups_claim: Option<String>,
    /// Where it is read.
    #[serde(default)]
    groups_from: GroupsFrom,
    /// The groups that it may fill, by name or, with `*` at the end, by how that begins; any without a list.
    #[serde(default)]
    groups_allowed: Option<Vec<String>>,
    /// Does whoever signs in for the first time get an account?
    #[serde(default)]
    create_users: bool,
    /// May it be at a private address, where the server's configuration allows that?
    #[serde(default)]
    allow_private: bool,
    #[serde(default = "yes")]
    enabled: bool,
}

/// What to change; what is not given stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentityProviderChanges {
    #[serde(default, deserialize_with = "some")]
    name: Option<String>,
    #[serde(default, deserialize_with = "some")]
    client_id: Option<String>,
    /// A new one; null takes it away; `{"secret": true}` leaves it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    client_secret: Option<Option<Secret>>,
    #[serde(default, deserialize_with = "some")]
    scopes: Option<Vec<String>>,
    /// Null: no groups are read.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    groups_claim: Option<Option<String>>,
    #[serde(default, deserialize_with = "some")]
    groups_from: Option<GroupsFrom>,
    /// Null: any group. What it made in groups that are not allowed any more ends.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Vec<String>>)]
    groups_allowed: Option<Option<Vec<String>>>,
    #[serde(default, deserialize_with = "some")]
    create_users: Option<bool>,
    #[serde(default, deserialize_with = "some")]
    allow_private: Option<bool>,
    #[serde(default, deserialize_with = "some")]
    enabled: Option<bool>,
}

/// A secret, or that it is to stay.
#[derive(Deserialize)]
#[serde(untagged)]
enum Secret {
    New(String),
    Kept(Kept),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    #[allow(dead_code, reason = "that it is named says all")]
    secret: True,
}

/// Only `true`.
struct True;

impl<'de> Deserialize<'de> for True {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        match bool::deserialize(deserializer)? {
            true => Ok(Self),
            false => Err(serde::de::Error::custom("must be true")),
        }
    }
}

impl IdentityProviderChanges {
    fn read(self) -> Changes {
        let client_secret = match self.client_secret {
            None | Some(Some(Secret::Kept(_))) => None,
            Some(None) => Some(None),
            Some(Some(Secret::New(secret))) => Some(Some(secret)),
        };
        Changes {
            name: self.name,
            client_id: self.client_id,
            client_secret,
            scopes: self.scopes,
            groups_claim: self.groups_claim,
            groups_from: self.groups_from,
            groups_allowed: self.groups_allowed,
            create_users: self.create_users,
            allow_private: self.allow_private,
            enabled: self.enabled,
        }
    }
}

/// A way to sign in by a provider.
#[derive(Serialize, ToSchema)]
pub struct SignInOption {
    name: String,
    slug: String,
    /// Where a browser begins.
    url: String,
}

/// How somebody can sign in.
#[derive(Serialize, ToSchema)]
pub struct SignInOptions {
    /// By username and password.
    password: bool,
    /// By a passkey.
    passkey: bool,
    providers: Vec<SignInOption>,
}

/// The provider of an identity.
#[derive(Serialize, ToSchema)]
pub struct ProviderName {
    name: String,
    slug: String,
}

/// Who one is at a provider.
#[derive(Serialize, ToSchema)]
pub struct MyIdentity {
    id: String,
    provider: ProviderName,
    /// What one is told apart by there.
    subject: String,
    /// The address that the provider had verified.
    email: Option<String>,
    created_at: String,
}

impl MyIdentity {
    fn of(identity: Identity) -> Self {
        Self {
            id: identity.id.to_string(),
            provider: ProviderName { name: identity.provider_name, slug: identity.slug },
            subject: identity.subject,
            email: identity.email,
            created_at: clock::to_text(identity.created_at),
        }
    }
}

/// Who one is at providers.
#[derive(Serialize, ToSchema)]
pub struct MyIdentities {
    items: Vec<MyIdentity>,
    next: Option<String>,
}

/// The routes of identity providers.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, delete))
        .routes(routes!(test))
        .routes(routes!(sign_in_options))
        .routes(routes!(my_identities))
        .routes(routes!(unlink))
}

/// All identity providers
#[utoipa::path(get, path = "/api/v1/identity-providers", tag = "identity providers",
    params(("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "A page of identity providers", body = Page<IdentityProvider>), (status = "default", description = "A problem", body = Problem)))]
async fn list(ctx: Ctx, uri: Uri) -> Result<Json<Page<IdentityProvider>>> {
    let mut query = Query::new(&uri)?;
    let page = query.page();
    query.done()?;
    let page = identity_providers::list(&ctx, &page).await?;
    Ok(Json(page.map(|provider| IdentityProvider::of(&ctx, &provider, None))))
}

/// Set an identity provider up; whether it can be reached is told
#[utoipa::path(post, path = "/api/v1/identity-providers", tag = "identity providers", request_body = NewIdentityProvider,
    responses((status = 201, description = "The identity provider", body = IdentityProvider), (status = "default", description = "A problem", body = Problem)))]
async fn create(ctx: Ctx, Input(body): Input<NewIdentityProvider>) -> Result<impl IntoResponse> {
    let scopes = body.scopes.unwrap_or_else(|| ["openid", "profile", "email"].map(str::to_owned).to_vec());
    let new = NewProvider {
        name: body.name,
        slug: body.slug,
        issuer: body.issuer,
        client_id: body.client_id,
        client_secret: body.client_secret,
        choices: Choices {
            scopes,
            groups_claim: body.groups_claim,
            groups_from: body.groups_from,
            groups_allowed: body.groups_allowed,
            create_users: body.create_users,
            allow_private: body.allow_private,
        },
        enabled: body.enabled,
    };
    let (provider, check) = identity_providers::create(&ctx, new).await?;
    Ok((StatusCode::CREATED, Json(IdentityProvider::of(&ctx, &provider, check))))
}

/// One identity provider
#[utoipa::path(get, path = "/api/v1/identity-providers/{id}", tag = "identity providers", params(("id" = String, Path, description = "The provider's id")),
    responses((status = 200, description = "The identity provider", body = IdentityProvider), (status = "default", description = "A problem", body = Problem)))]
async fn get(ctx: Ctx, Path(id): Path<String>) -> Result<Json<IdentityProvider>> {
    let provider = identity_providers::get(&ctx, &id).await?;
    Ok(Json(IdentityProvider::of(&ctx, &provider, None)))
}

/// Change an identity provider; one that is disabled ends its sessions
#[utoipa::path(patch, path = "/api/v1/identity-providers/{id}", tag = "identity providers", params(("id" = String, Path, description = "The provider's id")), request_body = IdentityProviderChanges,
    responses((status = 200, description = "The identity provider", body = IdentityProvider), (status = "default", description = "A problem", body = Problem)))]
async fn update(
    ctx: Ctx,
    Path(id): Path<String>,
    Input(body): Input<IdentityProviderChanges>,
) -> Result<Json<IdentityProvider>> {
    let (provider, check) = identity_providers::update(&ctx, &id, body.read()).await?;
    Ok(Json(IdentityProvider::of(&ctx, &provider, check)))
}

/// Delete an identity provider: its sessions and memberships end, accounts stay
#[utoipa::path(delete, path = "/api/v1/identity-providers/{id}", tag = "identity providers", params(("id" = String, Path, description = "The provider's id")),
    responses((status = 204, description = "Deleted"), (status = "default", description = "A problem", body = Problem)))]
async fn delete(ctx: Ctx, Path(id): Path<String>) -> Result<StatusCode> {
    identity_providers::delete(&ctx, &id).await.map(|()| StatusCode::NO_CONTENT)
}

/// Ask an identity provider what it is, now
#[utoipa::path(post, path = "/api/v1/identity-providers/{id}/test", tag = "identity providers", params(("id" = String, Path, description = "The provider's id")),
    responses((status = 200, description = "Whether it answers as it should", body = Check), (status = "default", description = "A problem", body = Problem)))]
async fn test(ctx: Ctx, Path(id): Path<String>) -> Result<Json<Check>> {
    identity_providers::test(&ctx, &id).await.map(Json)
}

/// How somebody can sign in
#[utoipa::path(get, path = "/api/v1/sign-in-options", tag = "identity providers", security(()),
    responses((status = 200, description = "The ways to sign in", body = SignInOptions), (status = "default", description = "A problem", body = Problem)))]
async fn sign_in_options(Anyone(ctx): Anyone) -> Result<Json<SignInOptions>> {
    let one = |provider: Provider| SignInOption {
        url: format!("{}/auth/oidc/{}/start", ctx.app.public_url, encoded(&provider.slug)),
        name: provider.name,
        slug: provider.slug,
    };
    let providers = identity_providers::offered(&ctx).await?.into_iter().map(one).collect();
    Ok(Json(SignInOptions { password: true, passkey: passkeys::available(&ctx), providers }))
}

/// Who one is at providers
#[utoipa::path(get, path = "/api/v1/me/identities", tag = "identity providers",
    responses((status = 200, description = "The identities", body = MyIdentities), (status = "default", description = "A problem", body = Problem)))]
async fn my_identities(ctx: Ctx) -> Result<Json<MyIdentities>> {
    let items = identity_providers::identities(&ctx).await?.into_iter().map(MyIdentity::of).collect();
    Ok(Json(MyIdentities { items, next: None }))
}

/// Be known by a provider no more
#[utoipa::path(delete, path = "/api/v1/me/identities/{id}", tag = "identity providers", params(("id" = String, Path, description = "The identity's id")),
    responses((status = 204, description = "Unlinked"), (status = "default", description = "A problem", body = Problem)))]
async fn unlink(ctx: Ctx, Path(id): Path<String>) -> Result<StatusCode> {
    identity_providers::unlink(&ctx, &id).await.map(|()| StatusCode::NO_CONTENT)
}
