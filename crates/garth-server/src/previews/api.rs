//! Previews over HTTP.

use crate::access::{App, Ctx};
use crate::base::error::{Problem, Result};
use crate::base::http::{Input, Json};
use crate::directory::Reference;
use crate::directory::policy::Written;
use crate::previews;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// A change that is planned: the body of the call that makes it, with its type and what it is made to.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum PlannedChange {
    /// As `POST /spaces/{space}/grants`, or that of the registry.
    Grant {
        /// The space's id.
        space: String,
        /// As in a grant.
        principal: String,
        /// A role's name or id.
        role: String,
        /// Never ends without.
        expires_at: Option<String>,
        /// By the registry, as a system administrator.
        registry: Option<bool>,
    },
    /// As `PATCH /spaces/{space}/grants/{grant}`.
    GrantChanged {
        /// The space's id.
        space: String,
        /// The grant's id.
        grant: String,
        /// Another role's name or id.
        role: Option<String>,
        /// Another end.
        expires_at: Option<String>,
        /// By the registry, as a system administrator.
        registry: Option<bool>,
    },
    /// As `DELETE /spaces/{space}/grants/{grant}`.
    GrantRemoved {
        /// The space's id.
        space: String,
        /// The grant's id.
        grant: String,
        /// By the registry, as a system administrator.
        registry: Option<bool>,
    },
    /// As `PATCH /spaces/{space}`.
    Space {
        /// The space's id.
        space: String,
        /// Another name.
        name: Option<String>,
        /// Another parent; null makes it a root.
        parent: Option<String>,
        /// Another description.
        description: Option<String>,
        /// Another gate.
        #[schema(value_type = Option<Written>)]
        view: Option<Value>,
        /// Another edit policy.
        #[schema(value_type = Option<Written>)]
        edit: Option<Value>,
        /// Whether it uses its parent's shareable resources.
        inherits: Option<bool>,
        /// Other labels.
        labels: Option<Vec<String>>,
        /// Whether it keeps system administrators out.
        sealed: Option<bool>,
    },
    /// As `POST /spaces/{space}/archive`.
    Archive {
        /// The space's id.
        space: String,
    },
    /// As `POST /spaces/{space}/activate`.
    Activate {
        /// The space's id.
        space: String,
    },
    /// As `PATCH /resources/{resource}`.
    Resource {
        /// The resource's id or code.
        resource: String,
        /// Another name.
        name: Option<String>,
        /// A merge patch (RFC 7396).
        #[schema(value_type = Option<Object>)]
        body: Option<Value>,
        /// Other labels.
        labels: Option<Vec<String>>,
        /// Another view policy; null is the kind's.
        #[schema(value_type = Option<Written>)]
        view: Option<Value>,
        /// Another edit policy; null is the kind's.
        #[schema(value_type = Option<Written>)]
        edit: Option<Value>,
        /// Another owner; null is nobody.
        owner: Option<String>,
        /// Other subscribers.
        subscribers: Option<Vec<String>>,
        /// Another space.
        space: Option<String>,
    },
    /// As `POST /resources/{resource}/move`.
    Move {
        /// The resource's id or code.
        resource: String,
        /// Where to.
        space: String,
    },
    /// As `PUT /resources/{resource}/shares`.
    Shares {
        /// The resource's id or code.
        resource: String,
        /// All spaces that it is to be shared to.
        spaces: Vec<String>,
    },
    /// As `PATCH /policies/{id}`.
    Policy {
        /// The policy's id, or `@name`.
        id: String,
        /// Another name.
        name: Option<String>,
        /// Who passes.
        #[schema(value_type = Option<Written>)]
        policy: Option<Value>,
        /// Who may change it.
        #[schema(value_type = Option<Written>)]
        edit: Option<Value>,
    },
    /// As `PATCH /kinds/{kind}`; what its policies and exceptions move is told.
    Kind {
        /// The kind's id or name.
        kind: String,
        /// What several of them are called.
        plural: Option<String>,
        /// The JSON Schema of its bodies.
        #[schema(value_type = Option<Object>)]
        schema: Option<Value>,
        /// May its resources be attached to others and shared?
        shareable: Option<bool>,
        /// Fields that are never read back.
        secret_fields: Option<Vec<String>>,
        /// Fields that name other resources.
        references: Option<Vec<Reference>>,
        /// Null goes back to holders of `<kind>:read`.
        #[schema(value_type = Option<Written>)]
        default_view: Option<Value>,
        /// Null goes back to holders of `<kind>:write`.
        #[schema(value_type = Option<Written>)]
        default_edit: Option<Value>,
        /// What `author`, `owner` and `subscribers` may always do.
        exceptions: Option<BTreeMap<String, Vec<String>>>,
        /// Permissions of its own.
        permissions: Option<Vec<String>>,
    },
    /// As `POST /groups/{group}/members`.
    GroupMember {
        /// The group's id, or `@name`.
        group: String,
        /// A user or a group, as a principal.
        member: String,
    },
    /// As `DELETE /groups/{group}/members/{member}`.
    GroupMemberRemoved {
        /// The group's id, or `@name`.
        group: String,
        /// A user or a group, as a principal.
        member: String,
    },
}

/// What is to be previewed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewInput {
    /// The planned change.
    #[schema(value_type = PlannedChange)]
    change: Map<String, Value>,
}

/// A space or a resource that somebody's rights to would move.
#[derive(Serialize, ToSchema)]
pub struct PreviewTarget {
    /// `space`, or a kind.
    r#type: String,
    id: String,
    /// Empty for the default space while nobody has named it.
    name: String,
}

/// Somebody who would gain or lose something.
#[derive(Serialize, ToSchema)]
pub struct PreviewItem {
    /// `user:<id>`, `key:<id>` or `resource:<id>`.
    principal: String,
    /// Null for an API key and a resource.
    username: Option<String>,
    target: PreviewTarget,
    /// What they may do to it then and not now, as decisions are asked for it: `read`, `write`, permissions.
    gains: Vec<String>,
    /// What they may do to it now and not then.
    loses: Vec<String>,
}

/// Who would gain and who would lose what.
#[derive(Serialize, ToSchema)]
pub struct Preview {
    /// At most 500, by principal; of each the spaces first.
    #[schema(max_items = 500)]
    items: Vec<PreviewItem>,
    /// Is that everything of what the caller can see? False where the work came to a limit: 200 spaces, 100
    /// resources with policies of their own, 20,000 comparisons, 500 items.
    complete: bool,
}

impl Preview {
    fn of(preview: previews::Preview) -> Self {
        let item = |item: previews::Item| PreviewItem {
            principal: item.principal,
            username: item.username,
            target: PreviewTarget { r#type: item.thing.kind, id: item.thing.id, name: item.thing.name },
            gains: item.gains,
            loses: item.loses,
        };
        Self { items: preview.items.into_iter().map(item).collect(), complete: preview.complete }
    }
}

/// The routes of previews.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(preview))
}

/// Who would gain and who would lose what by a change, before it is made
///
/// It needs the rights that the change needs, is refused as the change would be, and names people and things that the
/// caller can see. What may be done to resources without policies of their own is told by the permissions in their
/// space.
#[utoipa::path(post, path = "/api/v1/preview", tag = "decisions", request_body = PreviewInput,
    responses((status = 200, description = "Who gains and who loses what", body = Preview), (status = "default", description = "A problem", body = Problem)))]
async fn preview(ctx: Ctx, Input(body): Input<PreviewInput>) -> Result<Json<Preview>> {
    Ok(Json(Preview::of(previews::preview(&ctx, body.change).await?)))
}
