//! AI providers over HTTP: their test, and how their budgets stand.

use super::{Budget, Tested, test, usage};
use crate::access::{App, Ctx};
use crate::base::clock;
use crate::base::error::{Problem, Result};
use crate::base::http::Json;
use axum::extract::Path;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// What became of a test.
#[derive(Serialize, ToSchema)]
pub struct AiProviderTest {
    /// `answered`, `failed`, or `withheld` in a dry run.
    #[schema(value_type = String)]
    state: &'static str,
    /// One sentence.
    detail: String,
}

/// How the budgets of a provider stand.
#[derive(Serialize, ToSchema)]
pub struct AiUsage {
    items: Vec<AiBudget>,
}

/// How one of them stands.
#[derive(Serialize, ToSchema)]
pub struct AiBudget {
    /// `daily` or `weekly`: the last 24 hours, the last 7 days.
    #[schema(value_type = String)]
    window: &'static str,
    /// Tokens that there may be; null: unlimited.
    limit: Option<i64>,
    /// Tokens that were used, with those that calls under way may use.
    used: i64,
    /// When the first of them count no more.
    resets_at: Option<String>,
}

impl From<Budget> for AiBudget {
    fn from(budget: Budget) -> Self {
        let Budget { window, limit, used, resets_at } = budget;
        Self { window, limit, used, resets_at: resets_at.map(clock::to_text) }
    }
}

/// The routes of AI providers.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(test_provider)).routes(routes!(usage_of))
}

/// Ask an AI provider for a word, within its budget
#[utoipa::path(post, path = "/api/v1/ai-providers/{id}/test", tag = "ai_providers", params(("id" = String, Path, description = "The provider's id or code")),
    responses((status = 200, description = "What became of it", body = AiProviderTest), (status = "default", description = "A problem", body = Problem)))]
async fn test_provider(ctx: Ctx, Path(id): Path<String>) -> Result<Json<AiProviderTest>> {
    let Tested { state, detail } = test(&ctx, &id).await?;
    Ok(Json(AiProviderTest { state, detail }))
}

/// How the budgets of an AI provider stand (whoever may see it)
#[utoipa::path(get, path = "/api/v1/ai-providers/{id}/usage", tag = "ai_providers", params(("id" = String, Path, description = "The provider's id or code")),
    responses((status = 200, description = "Each window", body = AiUsage), (status = "default", description = "A problem", body = Problem)))]
async fn usage_of(ctx: Ctx, Path(id): Path<String>) -> Result<Json<AiUsage>> {
    Ok(Json(AiUsage { items: usage(&ctx, &id).await?.into_iter().map(AiBudget::from).collect() }))
}
