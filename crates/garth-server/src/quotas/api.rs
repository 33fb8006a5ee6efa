//! Quotas over HTTP.

use crate::access::{App, Ctx};
use crate::base::error::{Error, Problem, Result};
use crate::base::http::{Input, Json, Page, Query};
use crate::directory::{Window, said};
use crate::quotas::{self, Consumed, NewQuota, Shown, State, time};
use axum::extract::Path;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// A meter of a space.
#[derive(Serialize, ToSchema)]
pub struct Meter {
    /// `api.daily`, `resources`, `resources.<kind>`, or an application's own.
    meter: String,
    /// How much there may be; null is unlimited.
    limit: Option<i64>,
    /// How much there is, of resources those that you see; null without a way into the space.
    used: Option<i64>,
    window: Window,
    /// When all of it (daily) or the first of it (rolling) comes back.
    resets_at: Option<String>,
    /// The roles that may take of it; null is whoever holds `meter:consume`.
    roles: Option<Vec<String>>,
    /// `open`, `near` (80 % of the limit) or `full`; null without a way into the space.
    #[schema(value_type = Option<String>)]
    state: Option<&'static str>,
}

impl Meter {
    fn of(shown: Shown) -> Self {
        let state = shown.state.map(|state| match state {
            State::Open => "open",
            State::Near => "near",
            State::Full => "full",
        });
        Self {
            meter: shown.meter,
            limit: shown.limit,
            used: shown.used,
            window: shown.window,
            resets_at: time(shown.resets_at),
            roles: shown.roles,
            state,
        }
    }
}

/// What a quota is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuotaInput {
    /// How much there may be, 0 to 999,999,999,999,999; null is unlimited.
    #[serde(deserialize_with = "said")]
    #[schema(required = true)]
    limit: Option<i64>,
    /// `stored`, `daily`, or `{"rolling_seconds": n}` with 1 to 31,622,400.
    window: Window,
    /// Names or ids of the roles that may take of it, 1 to 100; null is whoever holds `meter:consume`.
    #[serde(default)]
    roles: Option<Vec<String>>,
}

/// How much is taken.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Units {
    /// 1 to 1,000,000,000; of a stored meter also less than none, to give some back.
    units: i64,
}

/// What was taken.
#[derive(Serialize, ToSchema)]
pub struct Taken {
    meter: String,
    /// How much there may be; null is unlimited.
    limit: Option<i64>,
    /// How much there is now.
    used: i64,
    /// How much is left; null is unlimited.
    remaining: Option<i64>,
    /// When all of it (daily) or the first of it (rolling) comes back.
    resets_at: Option<String>,
}

/// The routes of quotas.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(put, delete)).routes(routes!(consume))
}

/// The meters of a space and their limits (its members, and system administrators)
#[utoipa::path(get, path = "/api/v1/spaces/{id}/quotas", tag = "quotas",
    params(("id" = String, Path, description = "The space's id"), ("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "A page of meters", body = Page<Meter>), (status = "default", description = "A problem", body = Problem)))]
async fn list(ctx: Ctx, Path(id): Path<String>, uri: Uri) -> Result<Json<Page<Meter>>> {
    let mut query = Query::new(&uri)?;
    let page = query.page();
    query.done()?;
    Ok(Json(quotas::list(&ctx, &id, &page).await?.map(Meter::of)))
}

/// Set a quota (system administrators)
#[utoipa::path(put, path = "/api/v1/spaces/{id}/quotas/{meter}", tag = "quotas",
    params(("id" = String, Path, description = "The space's id"), ("meter" = String, Path, description = "The meter's name")), request_body = QuotaInput,
    responses((status = 200, description = "The meter as it is now", body = Meter), (status = "default", description = "A problem", body = Problem)))]
async fn put(
    ctx: Ctx,
    Path((space, meter)): Path<(String, String)>,
    Input(body): Input<QuotaInput>,
) -> Result<Json<Meter>> {
    let new = NewQuota { limit: body.limit, window: body.window, roles: body.roles };
    Ok(Json(Meter::of(quotas::put(&ctx, space, meter, new).await?)))
}

/// Delete a quota: the meter is unlimited then, and an application's own is gone (system administrators)
#[utoipa::path(delete, path = "/api/v1/spaces/{id}/quotas/{meter}", tag = "quotas",
    params(("id" = String, Path, description = "The space's id"), ("meter" = String, Path, description = "The meter's name")),
    responses((status = 204, description = "Deleted"), (status = "default", description = "A problem", body = Problem)))]
async fn delete(ctx: Ctx, Path((space, meter)): Path<(String, String)>) -> Result<StatusCode> {
    quotas::delete(&ctx, space, meter).await.map(|()| StatusCode::NO_CONTENT)
}

/// Take units of an application's meter, all that are asked for or none
#[utoipa::path(post, path = "/api/v1/spaces/{id}/quotas/{meter}/consume", tag = "quotas",
    params(("id" = String, Path, description = "The space's id"), ("meter" = String, Path, description = "The meter's name")), request_body = Units,
    responses((status = 200, description = "They are taken", body = Taken), (status = "default", description = "A problem", body = Problem)))]
async fn consume(
    ctx: Ctx,
    Path((space, meter)): Path<(String, String)>,
    Input(body): Input<Units>,
) -> Result<Response> {
    let (rate, mut response) = match quotas::consume(&ctx, space, meter, body.units).await {
        Ok(Consumed { meter, limit, used, resets_at, rate }) => {
            let remaining = limit.map(|limit| (limit - used).max(0));
            let taken = Taken { meter, limit, used, remaining, resets_at: time(resets_at) };
            (rate, Json(taken).into_response())
        }
        Err(Error::QuotaSpent(rate)) => (Some((*rate).clone()), Error::QuotaSpent(rate).into_response()),
        Err(other) => return Err(other),
    };
    if let Some(rate) = rate.filter(|_| ctx.directory().tells_rates()) {
        rate.tell(response.headers_mut());
    }
    Ok(response)
}
