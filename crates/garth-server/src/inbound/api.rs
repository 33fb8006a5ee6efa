//! Addresses of spaces over HTTP.

use crate::access::{App, Ctx};
use crate::base::clock;
use crate::base::error::{Problem, Result};
use crate::base::http::{Input, Json, Page, Query};
use crate::inbound;
use axum::extract::Path;
use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// An address of a space, as its administrators see it.
#[derive(Serialize, ToSchema)]
pub struct InboundAddress {
    id: String,
    /// Where to write to.
    address: String,
    prefix: String,
    /// The kind of what a letter to it becomes.
    kind: String,
    created_at: String,
}

impl InboundAddress {
    fn of(address: inbound::Inbound) -> Self {
        Self {
            id: address.id,
            address: address.address,
            prefix: address.prefix,
            kind: address.kind,
            created_at: clock::to_text(address.created_at),
        }
    }
}

/// What an address is to begin with, and what letters to it become.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InboundAddressInput {
    /// 1 to 24 lower-case letters, digits and hyphens; the server adds a random part.
    prefix: String,
    /// A kind's name.
    kind: String,
}

/// The routes of addresses.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(remove))
}

/// The addresses of a space (its administrators)
#[utoipa::path(get, path = "/api/v1/spaces/{id}/inbound-addresses", tag = "inbound",
    params(("id" = String, Path, description = "The space's id"), ("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "A page of addresses", body = Page<InboundAddress>), (status = "default", description = "A problem", body = Problem)))]
async fn list(ctx: Ctx, Path(id): Path<String>, uri: Uri) -> Result<Json<Page<InboundAddress>>> {
    let mut query = Query::new(&uri)?;
    let page = query.page();
    query.done()?;
    Ok(Json(inbound::list(&ctx, &id, &page).await?.map(InboundAddress::of)))
}

/// Make an address of a space
///
/// A letter to it becomes a resource of the kind there, if its sender may create one.
#[utoipa::path(post, path = "/api/v1/spaces/{id}/inbound-addresses", tag = "inbound", params(("id" = String, Path, description = "The space's id")), request_body = InboundAddressInput,
    responses((status = 201, description = "The address", body = InboundAddress), (status = "default", description = "A problem", body = Problem)))]
async fn create(
    ctx: Ctx,
    Path(id): Path<String>,
    Input(body): Input<InboundAddressInput>,
) -> Result<impl IntoResponse> {
    let made = inbound::create(&ctx, id, body.prefix, body.kind).await?;
    Ok((StatusCode::CREATED, Json(InboundAddress::of(made))))
}

/// Take an address away: letters to it are turned away from now on
#[utoipa::path(delete, path = "/api/v1/spaces/{id}/inbound-addresses/{address}", tag = "inbound",
    params(("id" = String, Path, description = "The space's id"), ("address" = String, Path, description = "The address' id")),
    responses((status = 204, description = "Gone"), (status = "default", description = "A problem", body = Problem)))]
async fn remove(ctx: Ctx, Path((space, id)): Path<(String, String)>) -> Result<StatusCode> {
    inbound::delete(&ctx, space, id).await.map(|()| StatusCode::NO_CONTENT)
}
