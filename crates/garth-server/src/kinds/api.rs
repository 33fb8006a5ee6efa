//! Kinds over HTTP.

use crate::access::{App, Ctx};
use crate::base::clock;
use crate::base::error::{Problem, Result};
use crate::base::http::{Input, Json, Page, Query, given, some};
use crate::directory::policy::Written;
use crate::directory::{Definition, KindInfo, Reference};
use crate::kinds;
use axum::extract::Path;
use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// A kind.
#[derive(Serialize, ToSchema)]
pub struct Kind {
    id: String,
    /// The noun of its permissions.
    name: String,
    plural: Option<String>,
    /// What its codes begin with.
    prefix: String,
    /// The JSON Schema of its bodies.
    #[schema(value_type = Object)]
    schema: Value,
    shareable: bool,
    /// Fields that are written and never read back, by JSON Pointer.
    secret_fields: Vec<String>,
    /// Fields whose words its resources are found by, as by name and labels, by JSON Pointer.
    search_fields: Vec<String>,
    /// For system administrators: are all its resources found by these fields, or are some still to be cut into words?
    #[serde(skip_serializing_if = "Option::is_none")]
    search_ready: Option<bool>,
    references: Vec<Reference>,
    /// Null: holders of `<kind>:read`.
    #[schema(value_type = Option<Written>)]
    default_view: Option<Value>,
    /// Null: holders of `<kind>:write`.
    #[schema(value_type = Option<Written>)]
    default_edit: Option<Value>,
    /// What `author`, `owner` and `subscribers` may always do, the gate passed.
    exceptions: BTreeMap<String, Vec<String>>,
    permissions: Vec<String>,
    /// One of Garth's own, which nobody changes or deletes.
    built_in: bool,
    created_at: String,
}

impl Kind {
    fn of(info: &KindInfo) -> Self {
        Self::defined(info, info.definition.clone(), Some(info.search_ready))
    }

    fn shown(kind: kinds::Shown) -> Self {
        Self::defined(&kind.info, kind.definition, kind.search_ready)
    }

    fn defined(info: &KindInfo, definition: Definition, search_ready: Option<bool>) -> Self {
        Self {
            id: info.id.to_string(),
            name: definition.name,
            plural: definition.plural,
            prefix: definition.prefix,
            schema: definition.schema,
            shareable: definition.shareable,
            secret_fields: definition.secret_fields,
            search_fields: definition.search_fields,
            search_ready,
            references: definition.references,
            default_view: definition.default_view,
            default_edit: definition.default_edit,
            exceptions: definition.exceptions,
            permissions: definition.permissions,
            built_in: info.built_in().is_some(),
            created_at: clock::to_text(info.created_at),
        }
    }
}

/// What to change; what is not given stays. Name and prefix cannot be changed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KindChanges {
    #[serde(default, deserialize_with = "some")]
    name: Option<String>,
    #[serde(default, deserialize_with = "some")]
    prefix: Option<String>,
    #[serde(default, deserialize_with = "some")]
    plural: Option<String>,
    #[schema(value_type = Object)]
    #[serde(default, deserialize_with = "some")]
    schema: Option<Value>,
    #[serde(default, deserialize_with = "some")]
    shareable: Option<bool>,
    #[serde(default, deserialize_with = "some")]
    secret_fields: Option<Vec<String>>,
    /// Resources that are there already are cut anew one after the other; until then they are found by name and labels.
    #[serde(default, deserialize_with = "some")]
    search_fields: Option<Vec<String>>,
    #[serde(default, deserialize_with = "some")]
    references: Option<Vec<Reference>>,
    /// Null goes back to holders of `<kind>:read`.
    #[schema(value_type = Option<Written>)]
    #[serde(default, deserialize_with = "given")]
    default_view: Option<Option<Value>>,
    /// Null goes back to holders of `<kind>:write`.
    #[schema(value_type = Option<Written>)]
    #[serde(default, deserialize_with = "given")]
    default_edit: Option<Option<Value>>,
    #[serde(default, deserialize_with = "some")]
    exceptions: Option<BTreeMap<String, Vec<String>>>,
    #[serde(default, deserialize_with = "some")]
    permissions: Option<Vec<String>>,
}

impl KindChanges {
    /// What it asks for.
    pub fn read(self) -> kinds::Changes {
        kinds::Changes {
            name: self.name,
            prefix: self.prefix,
            plural: self.plural,
            schema: self.schema,
            shareable: self.shareable,
            secret_fields: self.secret_fields,
            search_fields: self.search_fields,
            references: self.references,
            default_view: self.default_view,
            default_edit: self.default_edit,
            exceptions: self.exceptions,
            permissions: self.permissions,
        }
    }
}

/// The routes of kinds.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, update, delete))
}

/// All kinds
#[utoipa::path(get, path = "/api/v1/kinds", tag = "kinds",
    params(("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "A page of kinds", body = Page<Kind>), (status = "default", description = "A problem", body = Problem)))]
async fn list(ctx: Ctx, uri: Uri) -> Result<Json<Page<Kind>>> {
    let mut query = Query::new(&uri)?;
    let page = query.page();
    query.done()?;
    Ok(Json(kinds::list(&ctx, &page)?.map(Kind::shown)))
}

/// Define a kind
#[utoipa::path(post, path = "/api/v1/kinds", tag = "kinds", request_body = Definition,
    responses((status = 201, description = "The kind", body = Kind), (status = "default", description = "A problem", body = Problem)))]
async fn create(ctx: Ctx, Input(body): Input<Definition>) -> Result<impl IntoResponse> {
    Ok((StatusCode::CREATED, Json(Kind::of(&*kinds::create(&ctx, body).await?))))
}

/// One kind
#[utoipa::path(get, path = "/api/v1/kinds/{id}", tag = "kinds", params(("id" = String, Path, description = "The kind's id or name")),
    responses((status = 200, description = "The kind", body = Kind), (status = "default", description = "A problem", body = Problem)))]
async fn get(ctx: Ctx, Path(id): Path<String>) -> Result<Json<Kind>> {
    Ok(Json(Kind::shown(kinds::get(&ctx, &id)?)))
}

/// Change a kind
#[utoipa::path(patch, path = "/api/v1/kinds/{id}", tag = "kinds", params(("id" = String, Path, description = "The kind's id or name")), request_body = KindChanges,
    responses((status = 200, description = "The kind", body = Kind), (status = "default", description = "A problem", body = Problem)))]
async fn update(ctx: Ctx, Path(id): Path<String>, Input(body): Input<KindChanges>) -> Result<Json<Kind>> {
    Ok(Json(Kind::of(&*kinds::update(&ctx, id, body.read()).await?)))
}

/// Delete a kind that nothing uses
#[utoipa::path(delete, path = "/api/v1/kinds/{id}", tag = "kinds", params(("id" = String, Path, description = "The kind's id or name")),
    responses((status = 204, description = "Deleted"), (status = "default", description = "A problem", body = Problem)))]
async fn delete(ctx: Ctx, Path(id): Path<String>) -> Result<StatusCode> {
    kinds::delete(&ctx, id).await.map(|()| StatusCode::NO_CONTENT)
}
