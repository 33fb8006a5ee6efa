//! Spaces over HTTP, and their registry.

use crate::access::{Anyone, App, Ctx, InCharge, Reader};
use crate::base::clock;
use crate::base::error::{Error, Problem, Result};
use crate::base::http::{Input, Json, Page, Query, given, if_match, some, tagged};
use crate::directory::policy::Written;
use crate::spaces::{self, Entry, Filter, Gone, NewSpace, SpacePatch, SpaceView};
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// What the caller holds in a space.
#[derive(Serialize, ToSchema)]
pub struct Access {
    /// The strongest built-in role held, else the first custom one.
    role: Option<String>,
    roles: Vec<String>,
    permissions: Vec<String>,
}

/// A space.
#[derive(Serialize, ToSchema)]
pub struct Space {
    id: String,
    name: String,
    /// The visible names from the root, joined by `/`.
    path: String,
    /// Null for a root, and where the parent is hidden from the caller.
    parent: Option<String>,
    description: String,
    #[schema(value_type = Written)]
    view: Value,
    #[schema(value_type = Written)]
    edit: Value,
    inherits: bool,
    labels: Vec<String>,
    archived: bool,
    default: bool,
    sealed: bool,
    version: i64,
    created_at: String,
    updated_at: String,
    access: Access,
    /// What the creator should know; only in the answer to a creation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

impl Space {
    fn of(view: SpaceView) -> Self {
        let info = view.info;
        Self {
            id: info.id.to_string(),
            name: info.name.clone(),
            path: view.path,
            parent: view.parent.map(|p| p.to_string()),
            description: info.description.clone(),
            view: view.view,
            edit: view.edit,
            inherits: view.inherits,
            labels: info.labels.clone(),
            archived: view.archived,
            default: info.default,
            sealed: view.sealed,
            version: info.version,
            created_at: clock::to_text(info.created_at),
            updated_at: clock::to_text(info.updated_at),
            access: Access { role: view.role, roles: view.roles, permissions: view.permissions },
            warnings: Vec::new(),
        }
    }
}

/// A page of spaces.
#[derive(Serialize, ToSchema)]
pub struct SpacePage {
    /// At most `limit` of them.
    items: Vec<Space>,
    /// Where the next page begins; null at the end.
    next: Option<String>,
    /// That several spaces lie at the path that was asked for; not there otherwise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// A new space.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SpaceInput {
    name: String,
    parent: Option<String>,
    #[serde(default)]
    description: String,
    #[schema(value_type = Option<Written>)]
    view: Option<Value>,
    #[schema(value_type = Option<Written>)]
    edit: Option<Value>,
    #[serde(default)]
    inherits: bool,
    #[serde(default)]
    labels: Vec<String>,
    #[serde(default)]
    sealed: bool,
    /// Principals; the creator if not given.
    admins: Option<Vec<String>>,
}

/// What is to change of a space.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SpaceChange {
    #[serde(default, deserialize_with = "some")]
    name: Option<String>,
    /// Null makes it a root.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    parent: Option<Option<String>>,
    #[serde(default, deserialize_with = "some")]
    description: Option<String>,
    #[schema(value_type = Option<Written>)]
    #[serde(default, deserialize_with = "some")]
    view: Option<Value>,
    #[schema(value_type = Option<Written>)]
    #[serde(default, deserialize_with = "some")]
    edit: Option<Value>,
    #[serde(default, deserialize_with = "some")]
    inherits: Option<bool>,
    #[serde(default, deserialize_with = "some")]
    labels: Option<Vec<String>>,
    #[serde(default, deserialize_with = "some")]
    sealed: Option<bool>,
}

/// What goes with a space.
#[derive(Serialize, ToSchema)]
pub struct GoneWithIt {
    /// By kind, how many resources that you may see; those that require others are not counted.
    resources: BTreeMap<String, u64>,
    grants: usize,
    api_keys: usize,
}

impl GoneWithIt {
    fn of(gone: Gone) -> Self {
        Self { resources: gone.resources, grants: gone.grants, api_keys: gone.api_keys }
    }
}

impl SpaceChange {
    /// What it asks for.
    pub fn read(self) -> SpacePatch {
        SpacePatch {
            name: self.name,
            description: self.description,
            parent: self.parent,
            view: self.view,
            edit: self.edit,
            inherits: self.inherits,
            labels: self.labels,
            sealed: self.sealed,
        }
    }
}

/// A space as system administrators see it in the registry: never its contents.
#[derive(Serialize, ToSchema)]
pub struct RegistryEntry {
    id: String,
    name: String,
    path: String,
    parent: Option<String>,
    default: bool,
    archived: bool,
    /// `own`: an administrator of its own, whom it cannot lose; `above`: nobody of its own, and one of a space above it;
    /// `nobody`.
    #[schema(value_type = String)]
    in_charge: &'static str,
    created_at: String,
}

impl RegistryEntry {
    fn of(entry: Entry) -> Self {
        Self {
            id: entry.info.id.to_string(),
            name: entry.info.name.clone(),
            path: entry.path,
            parent: entry.parent.map(|p| p.to_string()),
            default: entry.info.default,
            archived: entry.archived,
            in_charge: entry.in_charge.text(),
            created_at: clock::to_text(entry.info.created_at),
        }
    }
}

/// The routes of spaces.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, delete))
        .routes(routes!(archive))
        .routes(routes!(activate))
        .routes(routes!(registry))
        .routes(routes!(registry_entry))
}

/// Spaces the caller can see
#[utoipa::path(get, path = "/api/v1/spaces", tag = "spaces",
    params(
        ("archived" = Option<bool>, Query, description = "Archived ones, too"),
        ("parent" = Option<String>, Query, description = "Directly below that space"),
        ("label" = Option<Vec<String>>, Query, description = "Repeated: with all of them"),
        ("path" = Option<String>, Query, description = "At that path, `a/b`: the names that you see, from a root of yours on; without a slash before it"),
        ("q" = Option<String>, Query, description = "With these words in name or labels: `fix lift`, a phrase `\"fix the\"`, a beginning `li*`"),
        ("limit" = Option<u32>, Query, description = "1 to 100"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "A page of spaces", body = SpacePage), (status = "default", description = "A problem", body = Problem)))]
async fn list(Reader(ctx): Reader, uri: Uri) -> Result<Json<SpacePage>> {
    let mut query = Query::new(&uri)?;
    let filter = Filter {
        archived: query.flag("archived"),
        parent: query.one("parent"),
        labels: query.many("label"),
        path: query.one("path"),
        q: query.one("q"),
    };
    let page = query.page();
    query.done()?;
    if filter.path.as_deref().is_some_and(|path| path.starts_with('/')) {
        return Err(Error::field("?path", "begins with the name of a space, not with a slash: `a/b`"));
    }
    let found = spaces::list(&ctx, &filter, &page)?.map(Space::of);
    let several = filter.path.is_some() && (found.items.len() > 1 || found.next.is_some() || page.cursor.is_some());
    let warnings = Vec::from_iter(several.then(|| "several spaces lie at this path: name one by its id".to_owned()));
    Ok(Json(SpacePage { items: found.items, next: found.next, warnings }))
}

/// Make a space; the first one names the default space, which everything is in
#[utoipa::path(post, path = "/api/v1/spaces", tag = "spaces", request_body = SpaceInput,
    responses((status = 201, description = "The space", body = Space), (status = "default", description = "A problem", body = Problem)))]
async fn create(ctx: Ctx, Input(body): Input<SpaceInput>) -> Result<Response> {
    let new = NewSpace {
        name: body.name,
        parent: body.parent,
        description: body.description,
        view: body.view,
        edit: body.edit,
        inherits: body.inherits,
        labels: body.labels,
        sealed: body.sealed,
        admins: body.admins,
    };
    let (view, warnings) = spaces::create(&ctx, new).await?;
    Ok(tagged(StatusCode::CREATED, view.info.version, Space { warnings, ..Space::of(view.clone()) }))
}

/// One space
#[utoipa::path(get, path = "/api/v1/spaces/{id}", tag = "spaces", params(("id" = String, Path, description = "The space's id")),
    responses((status = 200, description = "The space", body = Space), (status = "default", description = "A problem", body = Problem)))]
async fn get(Anyone(ctx): Anyone, Path(id): Path<String>) -> Result<Response> {
    let view = spaces::get(&ctx, &id)?;
    Ok(tagged(StatusCode::OK, view.info.version, Space::of(view)))
}

/// Change a space, its place in the tree included
#[utoipa::path(patch, path = "/api/v1/spaces/{id}", tag = "spaces",
    params(("id" = String, Path, description = "The space's id"), ("If-Match" = Option<String>, Header, description = "The ETag it was read with")),
    request_body = SpaceChange,
    responses((status = 200, description = "The space", body = Space), (status = "default", description = "A problem", body = Problem)))]
async fn update(
    ctx: Ctx,
    Path(id): Path<String>,
    headers: HeaderMap,
    Input(body): Input<SpaceChange>,
) -> Result<Response> {
    let view = spaces::update(&ctx, id, body.read(), if_match(&headers)?).await?;
    Ok(tagged(StatusCode::OK, view.info.version, Space::of(view)))
}

/// Delete a space that is archived and childless, with everything in it; try it with `dry_run=true` to see what goes
#[utoipa::path(delete, path = "/api/v1/spaces/{id}", tag = "spaces",
    params(("id" = String, Path, description = "The space's id"), ("confirm" = String, Query, description = "The name of the space")),
    responses((status = 200, description = "What went", body = GoneWithIt), (status = "default", description = "A problem", body = Problem)))]
async fn delete(ctx: Ctx, Path(id): Path<String>, uri: Uri) -> Result<Json<GoneWithIt>> {
    let mut query = Query::new(&uri)?;
    let confirm = query.one("confirm");
    query.flag("dry_run");
    query.done()?;
    spaces::delete(&ctx, id, confirm).await.map(GoneWithIt::of).map(Json)
}

/// Archive a space and what lies below it
#[utoipa::path(post, path = "/api/v1/spaces/{id}/archive", tag = "spaces", params(("id" = String, Path, description = "The space's id")),
    responses((status = 200, description = "The space", body = Space), (status = "default", description = "A problem", body = Problem)))]
async fn archive(ctx: Ctx, Path(id): Path<String>) -> Result<Response> {
    let view = spaces::archive(&ctx, id, true).await?;
    Ok(tagged(StatusCode::OK, view.info.version, Space::of(view)))
}

/// Take an archived space back
#[utoipa::path(post, path = "/api/v1/spaces/{id}/activate", tag = "spaces", params(("id" = String, Path, description = "The space's id")),
    responses((status = 200, description = "The space", body = Space), (status = "default", description = "A problem", body = Problem)))]
async fn activate(ctx: Ctx, Path(id): Path<String>) -> Result<Response> {
    let view = spaces::archive(&ctx, id, false).await?;
    Ok(tagged(StatusCode::OK, view.info.version, Space::of(view)))
}

/// Every space that is not sealed, without contents (system administrators)
#[utoipa::path(get, path = "/api/v1/registry/spaces", tag = "registry",
    params(
        ("in_charge" = Option<String>, Query, description = "`own`, `above` or `nobody`: those only of which that is in charge"),
        ("q" = Option<String>, Query, description = "With these words in the name"),
        ("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "A page of entries", body = Page<RegistryEntry>), (status = "default", description = "A problem", body = Problem)))]
async fn registry(ctx: Ctx, uri: Uri) -> Result<Json<Page<RegistryEntry>>> {
    let mut query = Query::new(&uri)?;
    let page = query.page();
    let (wanted, q) = (query.one("in_charge"), query.one("q"));
    query.done()?;
    let read = |text: &str| [InCharge::Own, InCharge::Above, InCharge::Nobody].into_iter().find(|c| c.text() == text);
    let wanted = wanted
        .as_deref()
        .map(|text| read(text).ok_or_else(|| Error::field("?in_charge", "must be own, above or nobody")));
    Ok(Json(spaces::registry(&ctx, &page, wanted.transpose()?, q.as_deref())?.map(RegistryEntry::of)))
}

/// One entry of the registry (system administrators)
#[utoipa::path(get, path = "/api/v1/registry/spaces/{id}", tag = "registry", params(("id" = String, Path, description = "The space's id")),
    responses((status = 200, description = "The entry", body = RegistryEntry), (status = "default", description = "A problem", body = Problem)))]
async fn registry_entry(ctx: Ctx, Path(id): Path<String>) -> Result<Json<RegistryEntry>> {
    Ok(Json(RegistryEntry::of(spaces::registry_entry(&ctx, &id)?)))
}
