//! Login policies over HTTP.

use crate::access::{App, Ctx};
use crate::base::clock;
use crate::base::error::{Problem, Result};
use crate::base::http::{Input, Json, Page, Query, some, yes};
use crate::base::rego::Version;
use crate::directory::LoginPolicyInfo;
use crate::login_policies::{self, Outputs, Simulated};
use axum::extract::Path;
use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The version of the language that a policy is written in.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RegoVersion {
    /// Rules without `if`: what older policies of Spacelift are.
    V0,
    /// Rules with `if` and `contains`.
    V1,
}

impl RegoVersion {
    fn read(self) -> Version {
        match self {
            Self::V0 => Version::V0,
            Self::V1 => Version::V1,
        }
    }

    fn of(version: Version) -> Self {
        match version {
            Version::V0 => Self::V0,
            Version::V1 => Self::V1,
        }
    }
}

/// A login policy.
#[derive(Serialize, ToSchema)]
pub struct LoginPolicy {
    id: String,
    name: String,
    rego: String,
    version: RegoVersion,
    enabled: bool,
    created_at: String,
    updated_at: String,
}

impl LoginPolicy {
    fn of(info: &LoginPolicyInfo) -> Self {
        Self {
            id: info.id.to_string(),
            name: info.name.clone(),
            rego: info.rego.clone(),
            version: RegoVersion::of(info.version),
            enabled: info.enabled,
            created_at: clock::to_text(info.created_at),
            updated_at: clock::to_text(info.updated_at),
        }
    }
}

/// A login policy to keep.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLoginPolicy {
    name: String,
    /// In the package `garth` or `spacelift`.
    rego: String,
    version: RegoVersion,
    /// Is it asked? Yes if not said.
    #[serde(default = "yes")]
    enabled: bool,
}

/// What to change; what is not given stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginPolicyChanges {
    #[serde(default, deserialize_with = "some")]
    name: Option<String>,
    #[serde(default, deserialize_with = "some")]
    rego: Option<String>,
    #[serde(default, deserialize_with = "some")]
    version: Option<RegoVersion>,
    #[serde(default, deserialize_with = "some")]
    enabled: Option<bool>,
}

/// A draft and what it is to be told.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    rego: String,
    version: RegoVersion,
    /// `request`, `session`, `spaces`, `roles`, as a sign-in would tell them; whatever is left out is not there.
    #[schema(value_type = Object)]
    input: Value,
}

/// What the rules of a policy came to.
#[derive(Serialize, ToSchema)]
pub struct Said {
    allow: bool,
    admin: bool,
    deny: bool,
    deny_admin: bool,
    /// Ids of spaces, sorted; so the next two.
    space_read: BTreeSet<String>,
    space_write: BTreeSet<String>,
    space_admin: BTreeSet<String>,
    /// Names or slugs of roles by the id of the space; none is empty.
    roles: BTreeMap<String, BTreeSet<String>>,
    team: BTreeSet<String>,
    sample: bool,
}

impl Said {
    /// As it is written.
    pub fn of(outputs: &Outputs) -> Self {
        let Outputs { allow, deny, admin, deny_admin, sample, .. } = *outputs;
        let Outputs { space_read, space_write, space_admin, roles, team, .. } = outputs.clone();
        Self { allow, admin, deny, deny_admin, space_read, space_write, space_admin, roles, team, sample }
    }
}

/// Where in a text.
#[derive(Serialize, ToSchema)]
pub struct At {
    line: usize,
    column: usize,
}

/// What would come of a draft.
#[derive(Serialize, ToSchema)]
pub struct Simulation {
    outputs: Said,
    /// `refused`, `admin` or `member`.
    #[schema(value_type = String)]
    decision: &'static str,
    /// What is wrong with the draft, or went wrong in it; null when nothing did.
    error: Option<String>,
    /// Where that is in its text, if it is known.
    error_at: Option<At>,
    /// What it gives that the input does not know: a sign-in would ignore it.
    ignored: Vec<String>,
}

impl Simulation {
    fn of(simulated: Simulated) -> Self {
        let at = simulated.error.as_ref().and_then(|fault| fault.at);
        Self {
            outputs: Said::of(&simulated.outputs),
            decision: simulated.decision.as_str(),
            error: simulated.error.map(|fault| fault.to_string()),
            error_at: at.map(|(line, column)| At { line, column }),
            ignored: simulated.ignored,
        }
    }
}

/// A sign-in as it was judged.
#[derive(Serialize, ToSchema)]
pub struct LoginSample {
    id: String,
    at: String,
    /// Nobody where an account would only have been made, had it not been refused.
    user: Option<String>,
    /// What the policies were told.
    #[schema(value_type = Object)]
    input: Value,
    /// Each that was asked: name, version, text, outputs.
    #[schema(value_type = Vec<Object>)]
    policies: Value,
    /// What came of it: outputs and decision.
    #[schema(value_type = Object)]
    result: Value,
}

/// The last sign-ins that a policy wanted to be kept.
#[derive(Serialize, ToSchema)]
pub struct LoginSamples {
    items: Vec<LoginSample>,
    next: Option<String>,
}

/// The routes of login policies.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(simulate))
        .routes(routes!(samples))
        .routes(routes!(get, update, delete))
}

/// All login policies
#[utoipa::path(get, path = "/api/v1/login-policies", tag = "login_policies",
    params(("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "A page of login policies", body = Page<LoginPolicy>), (status = "default", description = "A problem", body = Problem)))]
async fn list(ctx: Ctx, uri: Uri) -> Result<Json<Page<LoginPolicy>>> {
    let mut query = Query::new(&uri)?;
    let page = query.page();
    query.done()?;
    Ok(Json(login_policies::list(&ctx, &page)?.map(|p| LoginPolicy::of(&p))))
}

/// Keep a login policy; every session but the caller's ends
#[utoipa::path(post, path = "/api/v1/login-policies", tag = "login_policies", request_body = NewLoginPolicy,
    responses((status = 201, description = "The login policy", body = LoginPolicy), (status = "default", description = "A problem", body = Problem)))]
async fn create(ctx: Ctx, Input(body): Input<NewLoginPolicy>) -> Result<impl IntoResponse> {
    let NewLoginPolicy { name, rego, version, enabled } = body;
    let new = login_policies::NewPolicy { name, rego, version: version.read(), enabled };
    Ok((StatusCode::CREATED, Json(LoginPolicy::of(&*login_policies::create(&ctx, new).await?))))
}

/// One login policy
#[utoipa::path(get, path = "/api/v1/login-policies/{id}", tag = "login_policies", params(("id" = String, Path, description = "The login policy's id")),
    responses((status = 200, description = "The login policy", body = LoginPolicy), (status = "default", description = "A problem", body = Problem)))]
async fn get(ctx: Ctx, Path(id): Path<String>) -> Result<Json<LoginPolicy>> {
    Ok(Json(LoginPolicy::of(&*login_policies::get(&ctx, &id)?)))
}

/// Change a login policy; every session but the caller's ends
#[utoipa::path(patch, path = "/api/v1/login-policies/{id}", tag = "login_policies", params(("id" = String, Path, description = "The login policy's id")), request_body = LoginPolicyChanges,
    responses((status = 200, description = "The login policy", body = LoginPolicy), (status = "default", description = "A problem", body = Problem)))]
async fn update(ctx: Ctx, Path(id): Path<String>, Input(body): Input<LoginPolicyChanges>) -> Result<Json<LoginPolicy>> {
    let LoginPolicyChanges { name, rego, version, enabled } = body;
    let changes = login_policies::Changes { name, rego, version: version.map(RegoVersion::read), enabled };
    Ok(Json(LoginPolicy::of(&*login_policies::update(&ctx, id, changes).await?)))
}

/// Delete a login policy; every session but the caller's ends
#[utoipa::path(delete, path = "/api/v1/login-policies/{id}", tag = "login_policies", params(("id" = String, Path, description = "The login policy's id")),
    responses((status = 204, description = "Deleted"), (status = "default", description = "A problem", body = Problem)))]
async fn delete(ctx: Ctx, Path(id): Path<String>) -> Result<StatusCode> {
    login_policies::delete(&ctx, id).await.map(|()| StatusCode::NO_CONTENT)
}

/// Ask a draft what would come of it; nothing is kept
#[utoipa::path(post, path = "/api/v1/login-policies/simulate", tag = "login_policies", request_body = Draft,
    responses((status = 200, description = "What would come of it", body = Simulation), (status = "default", description = "A problem", body = Problem)))]
async fn simulate(ctx: Ctx, Input(body): Input<Draft>) -> Result<Json<Simulation>> {
    let draft = login_policies::Draft { rego: body.rego, version: body.version.read(), input: body.input };
    Ok(Json(Simulation::of(login_policies::simulate(&ctx, draft).await?)))
}

/// The last sign-ins that a policy wanted to be kept, the last first
#[utoipa::path(get, path = "/api/v1/login-policies/samples", tag = "login_policies",
    responses((status = 200, description = "At most 100, of seven days", body = LoginSamples), (status = "default", description = "A problem", body = Problem)))]
async fn samples(ctx: Ctx) -> Result<Json<LoginSamples>> {
    let one = |sample: login_policies::Sample| LoginSample {
        id: sample.id.to_string(),
        at: clock::to_text(sample.at),
        user: sample.user.map(|user| user.to_string()),
        input: sample.input,
        policies: sample.policies,
        result: sample.result,
    };
    Ok(Json(LoginSamples { items: login_policies::samples(&ctx).await?.into_iter().map(one).collect(), next: None }))
}
