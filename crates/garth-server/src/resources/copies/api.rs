//! Copies over HTTP.

use super::{Choice, Item, OnConflict, Order, Outcome};
use crate::access::{App, Ctx};
use crate::base::error::{Problem, Result};
use crate::base::http::{Input, Json};
use crate::resources;
use axum::extract::Path;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// What to copy, and what to do with what it refers to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CopiesInput {
    /// 1 to 500 ids or codes.
    resources: Vec<String>,
    /// By the id or code of what is referred to.
    #[serde(default)]
    references: BTreeMap<String, ReferenceInput>,
    /// For everything else that is referred to.
    #[serde(default)]
    default_reference: DefaultReference,
    #[serde(default)]
    on_conflict: Conflict,
}

/// What to do with one thing that is referred to.
#[derive(Deserialize, ToSchema)]
#[serde(untagged, expecting = "must be copy, exclude, or an object with use")]
pub enum ReferenceInput {
    /// Copy it, or leave the reference out.
    Word(DefaultReference),
    /// Refer to another one.
    Use(UseInput),
}

/// What stands for it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UseInput {
    /// An id or code.
    r#use: String,
}

/// What to do with what is referred to.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DefaultReference {
    /// Copy it too, and what it refers to.
    Copy,
    /// Leave the reference out.
    #[default]
    Exclude,
}

impl DefaultReference {
    fn choice(self) -> Choice {
        match self {
            Self::Copy => Choice::Copy,
            Self::Exclude => Choice::Exclude,
        }
    }
}

/// What to do where something of that kind and name is there.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Conflict {
    /// "Name (copy)", "Name (copy 2)" and so on.
    #[default]
    Rename,
    /// Copy nothing; what refers to it will refer to what is there.
    Skip,
    /// Put body and labels into what is there, whose id, code, policies and people stay.
    Replace,
}

/// What became of each resource, or would.
#[derive(Serialize, ToSchema)]
pub struct Copies {
    /// First those that were named, then what came along.
    items: Vec<CopyItem>,
}

/// What became of one resource, or would.
#[derive(Serialize, ToSchema)]
pub struct CopyItem {
    /// The id of the resource.
    source: String,
    #[schema(value_type = String)]
    outcome: &'static str,
    /// The id of what is in the target for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    copy: Option<String>,
    /// The name of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl CopyItem {
    fn of(item: Item) -> Self {
        let outcome = match item.outcome {
            Outcome::Copied => "copied",
            Outcome::Renamed => "renamed",
            Outcome::Replaced => "replaced",
            Outcome::Skipped => "skipped",
            Outcome::MissingReference => "missing_reference",
            Outcome::NotAllowed => "not_allowed",
        };
        Self { source: item.source, outcome, copy: item.copy, name: item.name, reason: item.reason }
    }
}

/// Outcomes as they are answered in a refusal.
pub(super) fn written(items: Vec<Item>) -> Value {
    serde_json::to_value(items.into_iter().map(CopyItem::of).collect::<Vec<_>>()).unwrap_or_default()
}

/// The routes of copies.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(copy))
}

/// Copy resources into this space, with what they refer to or without it; all of them or none
#[utoipa::path(post, path = "/api/v1/spaces/{id}/copies", tag = "resources",
    params(("id" = String, Path, description = "The id of the space they go to")), request_body = CopiesInput,
    responses(
        (status = 200, description = "What became of each; with `dry_run=true` what would", body = Copies),
        (status = 409, description = "Not all of it can be copied: `items` say what would become of each", body = Problem),
        (status = "default", description = "A problem", body = Problem)))]
async fn copy(ctx: Ctx, Path(id): Path<String>, Input(body): Input<CopiesInput>) -> Result<Json<Copies>> {
    let choice = |given: ReferenceInput| match given {
        ReferenceInput::Word(word) => word.choice(),
        ReferenceInput::Use(other) => Choice::Use(other.r#use),
    };
    let order = Order {
        resources: body.resources,
        references: body.references.into_iter().map(|(id, given)| (id, choice(given))).collect(),
        default_reference: body.default_reference.choice(),
        on_conflict: match body.on_conflict {
            Conflict::Rename => OnConflict::Rename,
            Conflict::Skip => OnConflict::Skip,
            Conflict::Replace => OnConflict::Replace,
        },
    };
    let items = resources::copies::copy(&ctx, id, order).await?;
    Ok(Json(Copies { items: items.into_iter().map(CopyItem::of).collect() }))
}
