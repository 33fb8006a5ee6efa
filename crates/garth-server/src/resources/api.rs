//! Resources over HTTP.

use crate::access::{Anyone, App, Ctx, Reader};
use crate::base::clock;
use crate::base::error::{Error, Problem, Result};
use crate::base::http::{BATCH_BYTES, Input, Json, Page, Query, from_value, given, if_match, some, tagged};
use crate::directory::policy::Written;
use crate::resources::{self, Filter, NewResource, ResourcePatch, ResourceView};
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// A resource.
#[derive(Serialize, ToSchema)]
pub struct Resource {
    id: String,
    /// Short, for people; never changes.
    code: String,
    kind: String,
    /// Null where it is seen through a share and the space it lies in is hidden.
    space: Option<String>,
    name: String,
    /// Secret fields are shown as `{"secret": true}`.
    #[schema(value_type = Object)]
    body: Value,
    labels: Vec<String>,
    /// Null: the kind's default.
    #[schema(value_type = Option<Written>)]
    view: Option<Value>,
    /// Null: the kind's default.
    #[schema(value_type = Option<Written>)]
    edit: Option<Value>,
    author: Option<String>,
    owner: Option<String>,
    subscribers: Vec<String>,
    archived: bool,
    version: i64,
    created_at: String,
    updated_at: String,
}

impl Resource {
    /// As it is answered.
    pub fn of(view: ResourceView) -> Self {
        let row = view.row;
        let somebody = |text: String| if text.is_empty() { None } else { Some(text) };
        Self {
            id: row.id,
            code: row.code,
            kind: view.kind,
            space: view.space.map(|s| s.to_string()),
            name: row.name,
            body: view.body,
            labels: row.labels,
            view: view.view,
            edit: view.edit,
            author: somebody(row.author),
            owner: somebody(row.owner),
            subscribers: row.subscribers,
            archived: row.archived,
            version: row.version,
            created_at: clock::to_text(row.created_at),
            updated_at: clock::to_text(row.updated_at),
        }
    }
}

/// A new resource.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResourceInput {
    kind: String,
    /// The caller's default if not given.
    space: Option<String>,
    name: String,
    #[schema(value_type = Object)]
    body: Option<Value>,
    #[serde(default)]
    labels: Vec<String>,
    #[schema(value_type = Option<Written>)]
    view: Option<Value>,
    #[schema(value_type = Option<Written>)]
    edit: Option<Value>,
    owner: Option<String>,
    #[serde(default)]
    subscribers: Vec<String>,
}

impl ResourceInput {
    fn into_new(self) -> NewResource {
        NewResource {
            kind: self.kind,
            space: self.space,
            name: self.name,
            body: self.body,
            labels: self.labels,
            view: self.view,
            edit: self.edit,
            owner: self.owner,
            subscribers: self.subscribers,
            author: None,
        }
    }
}

/// Up to 500 new resources.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    #[schema(value_type = Vec<ResourceInput>)]
    resources: Vec<Value>,
}

/// The resources of a batch, in its order.
#[derive(Serialize, ToSchema)]
pub struct Made {
    items: Vec<Resource>,
}

/// What is to change of a resource.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResourceChange {
    #[serde(default, deserialize_with = "some")]
    name: Option<String>,
    /// A merge patch (RFC 7396); a secret sent back as `{"secret": true}` is unchanged.
    #[schema(value_type = Object)]
    #[serde(default, deserialize_with = "some")]
    body: Option<Value>,
    #[serde(default, deserialize_with = "some")]
    labels: Option<Vec<String>>,
    /// Null: the kind's default.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Written>)]
    view: Option<Option<Value>>,
    /// Null: the kind's default.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Written>)]
    edit: Option<Option<Value>>,
    /// Null: nobody.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    owner: Option<Option<String>>,
    #[serde(default, deserialize_with = "some")]
    subscribers: Option<Vec<String>>,
    #[serde(default, deserialize_with = "some")]
    space: Option<String>,
}

impl ResourceChange {
    /// What it asks for.
    pub fn read(self) -> ResourcePatch {
        ResourcePatch {
            name: self.name,
            body: self.body,
            labels: self.labels,
            view: self.view,
            edit: self.edit,
            owner: self.owner,
            subscribers: self.subscribers,
            space: self.space,
        }
    }
}

/// Where to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Move {
    space: String,
}

/// Which ones, and where to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveAll {
    /// 1 to 500 ids or codes.
    resources: Vec<String>,
    space: String,
}

/// What was moved.
#[derive(Serialize, ToSchema)]
pub struct MovedAll {
    /// In the order in which they were named.
    items: Vec<Resource>,
    /// What went along because it follows one of them.
    followed: Vec<Resource>,
}

/// The routes of resources.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(batch))
        .routes(routes!(get, update, delete))
        .routes(routes!(move_to))
        .routes(routes!(move_all))
        .routes(routes!(archive))
        .routes(routes!(activate))
}

fn object(value: Value) -> Result<Value> {
    if value.is_object() { Ok(value) } else { Err(Error::field("", "must be an object")) }
}

fn answer(status: StatusCode, view: ResourceView) -> Response {
    tagged(status, view.row.version, Resource::of(view))
}

/// Resources the caller may see
#[utoipa::path(get, path = "/api/v1/resources", tag = "resources",
    params(
        ("kind" = Option<Vec<String>>, Query, description = "Repeated: of one of these kinds"),
        ("space" = Option<Vec<String>>, Query, description = "Repeated: in one of these spaces, archived ones included"),
        ("label" = Option<Vec<String>>, Query, description = "Repeated: with all of them"),
        ("owner" = Option<Vec<String>>, Query, description = "Repeated: owned by one of these principals"),
        ("author" = Option<Vec<String>>, Query, description = "Repeated: made by one of these principals"),
        ("q" = Option<String>, Query, description = "With all of these words in name, labels or what the kind names in `search_fields`: `fix lift`, a phrase `\"fix the\"`, a beginning `li*`; or the code"),
        ("created_from" = Option<String>, Query, description = "Made not before that time"),
        ("created_to" = Option<String>, Query, description = "Made before that time"),
        ("updated_from" = Option<String>, Query, description = "Changed last not before that time"),
        ("updated_to" = Option<String>, Query, description = "Changed last before that time"),
        ("order" = Option<String>, Query, description = "`updated` (newest first), `created` (newest first) or `name`; a leading `-` turns it round"),
        ("archived" = Option<bool>, Query, description = "Archived things, too"),
        ("limit" = Option<u32>, Query, description = "1 to 100"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "A page of resources", body = Page<Resource>), (status = "default", description = "A problem", body = Problem)))]
async fn list(Reader(ctx): Reader, uri: Uri) -> Result<Json<Page<Resource>>> {
    let mut query = Query::new(&uri)?;
    let filter = Filter {
        kinds: query.many("kind"),
        spaces: query.many("space"),
        labels: query.many("label"),
        owners: query.many("owner"),
        authors: query.many("author"),
        q: query.one("q"),
        created_from: query.time("created_from"),
        created_to: query.time("created_to"),
        updated_from: query.time("updated_from"),
        updated_to: query.time("updated_to"),
        order: query.one("order"),
        archived: query.flag("archived"),
    };
    let page = query.page();
    query.done()?;
    Ok(Json(resources::list(&ctx, &filter, &page).await?.map(Resource::of)))
}

/// Make a resource
#[utoipa::path(post, path = "/api/v1/resources", tag = "resources", request_body = ResourceInput,
    responses((status = 201, description = "The resource", body = Resource), (status = "default", description = "A problem", body = Problem)))]
async fn create(ctx: Ctx, Input(body): Input<ResourceInput>) -> Result<Response> {
    Ok(answer(StatusCode::CREATED, resources::create(&ctx, body.into_new()).await?))
}

/// Make up to 500 resources, all of them or none
#[utoipa::path(post, path = "/api/v1/resources/batch", tag = "resources", request_body = Batch,
    responses((status = 201, description = "The resources, in order", body = Made), (status = "default", description = "A problem", body = Problem)))]
async fn batch(ctx: Ctx, Input(body): Input<Batch, BATCH_BYTES>) -> Result<Response> {
    let read = |(at, value): (usize, Value)| {
        resources::within(&format!("/resources/{at}"), object(value).and_then(from_value::<ResourceInput>))
    };
    let list = body.resources.into_iter().enumerate().map(read).map(|item| item.map(ResourceInput::into_new));
    let list = list.collect::<Result<Vec<_>>>()?;
    let items = resources::create_all(&ctx, list).await?.into_iter().map(Resource::of).collect();
    Ok((StatusCode::CREATED, Json(Made { items })).into_response())
}

/// One resource, by id or code
#[utoipa::path(get, path = "/api/v1/resources/{id}", tag = "resources", params(("id" = String, Path, description = "Its id or code")),
    responses((status = 200, description = "The resource", body = Resource), (status = "default", description = "A problem", body = Problem)))]
async fn get(Anyone(ctx): Anyone, Path(id): Path<String>) -> Result<Response> {
    Ok(answer(StatusCode::OK, resources::get(&ctx, &id).await?))
}

/// Change a resource, its space included
#[utoipa::path(patch, path = "/api/v1/resources/{id}", tag = "resources",
    params(("id" = String, Path, description = "Its id or code"), ("If-Match" = Option<String>, Header, description = "The ETag it was read with")),
    request_body = ResourceChange,
    responses((status = 200, description = "The resource", body = Resource), (status = "default", description = "A problem", body = Problem)))]
async fn update(
    ctx: Ctx,
    Path(id): Path<String>,
    headers: HeaderMap,
    Input(body): Input<ResourceChange>,
) -> Result<Response> {
    Ok(answer(StatusCode::OK, resources::update(&ctx, id, body.read(), if_match(&headers)?).await?))
}

/// Delete a resource
#[utoipa::path(delete, path = "/api/v1/resources/{id}", tag = "resources",
    params(("id" = String, Path, description = "Its id or code"), ("If-Match" = Option<String>, Header, description = "The ETag it was read with")),
    responses((status = 204, description = "Deleted"), (status = "default", description = "A problem", body = Problem)))]
async fn delete(ctx: Ctx, Path(id): Path<String>, headers: HeaderMap) -> Result<StatusCode> {
    resources::delete(&ctx, id, if_match(&headers)?).await.map(|()| StatusCode::NO_CONTENT)
}

/// Move a resource to another space, with what follows it; ids and codes stay
#[utoipa::path(post, path = "/api/v1/resources/{id}/move", tag = "resources",
    params(("id" = String, Path, description = "Its id or code"), ("If-Match" = Option<String>, Header, description = "The ETag it was read with")),
    request_body = Move,
    responses((status = 200, description = "The resource", body = Resource), (status = "default", description = "A problem", body = Problem)))]
async fn move_to(ctx: Ctx, Path(id): Path<String>, headers: HeaderMap, Input(body): Input<Move>) -> Result<Response> {
    Ok(answer(StatusCode::OK, resources::move_to(&ctx, id, body.space, if_match(&headers)?).await?))
}

/// Move up to 500 resources to another space, with what follows them; all of them or none
#[utoipa::path(post, path = "/api/v1/resources/batch-move", tag = "resources", request_body = MoveAll,
    responses((status = 200, description = "The resources", body = MovedAll), (status = "default", description = "A problem", body = Problem)))]
async fn move_all(ctx: Ctx, Input(body): Input<MoveAll>) -> Result<Json<MovedAll>> {
    let moved = resources::move_all(&ctx, body.resources, body.space).await?;
    let all = |views: Vec<ResourceView>| views.into_iter().map(Resource::of).collect();
    Ok(Json(MovedAll { items: all(moved.items), followed: all(moved.followed) }))
}

/// Archive a resource: it leaves the lists that do not ask for it
#[utoipa::path(post, path = "/api/v1/resources/{id}/archive", tag = "resources", params(("id" = String, Path, description = "Its id or code")),
    responses((status = 200, description = "The resource", body = Resource), (status = "default", description = "A problem", body = Problem)))]
async fn archive(ctx: Ctx, Path(id): Path<String>) -> Result<Response> {
    Ok(answer(StatusCode::OK, resources::archive(&ctx, id, true).await?))
}

/// Take an archived resource back
#[utoipa::path(post, path = "/api/v1/resources/{id}/activate", tag = "resources", params(("id" = String, Path, description = "Its id or code")),
    responses((status = 200, description = "The resource", body = Resource), (status = "default", description = "A problem", body = Problem)))]
async fn activate(ctx: Ctx, Path(id): Path<String>) -> Result<Response> {
    Ok(answer(StatusCode::OK, resources::archive(&ctx, id, false).await?))
}
