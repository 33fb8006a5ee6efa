//! Reading a planned change, and trying it: each is the body of the call that makes it, and goes to the same operation.

use crate::access::Ctx;
use crate::base::error::{Error, FieldError, Result};
use crate::base::http::from_value;
use crate::base::text;
use crate::grants::api::{GrantChange, GrantInput};
use crate::grants::{self, Door};
use crate::kinds::api::KindChanges;
use crate::policies::api::PolicyChanges;
use crate::resources::api::ResourceChange;
use crate::resources::shares::api::SharesInput;
use crate::spaces::api::SpaceChange;
use crate::{groups, kinds, policies, resources, spaces};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The changes that can be previewed.
const TYPES: &str = "grant, grant_changed, grant_removed, space, archive, activate, resource, move, shares, policy, \
                     kind, group_member, group_member_removed";

/// Tries a change.
///
/// # Errors
/// Whatever the operation answers, its pointers below `/change`; 422 where that is 404.
pub async fn attempt(ctx: &Ctx, change: Map<String, Value>) -> Result<()> {
    tried(ctx, Fields(change)).await.map_err(|error| match error {
        Error::Invalid(fields) => {
            let below = |f: FieldError| FieldError { pointer: format!("/change{}", f.pointer), message: f.message };
            Error::Invalid(fields.into_iter().map(below).collect())
        }
        Error::NotFound => Error::field("/change", "names something that is not there, or not for you"),
        other => other,
    })
}

async fn tried(ctx: &Ctx, mut fields: Fields) -> Result<()> {
    match fields.text("type")?.as_str() {
        "grant" => {
            let (door, space) = (fields.door()?, fields.text("space")?);
            let new = fields.rest::<GrantInput>()?.read()?;
            grants::grant(ctx, door, space, new).await.map(drop)
        }
        "grant_changed" => {
            let (door, space, grant) = (fields.door()?, fields.text("space")?, fields.text("grant")?);
            let patch = fields.rest::<GrantChange>()?.read()?;
            grants::update(ctx, door, space, grant, patch).await.map(drop)
        }
        "grant_removed" => {
            let (door, space, grant) = (fields.door()?, fields.text("space")?, fields.text("grant")?);
            fields.done()?;
            grants::revoke(ctx, door, space, grant).await
        }
        "space" => {
            let space = fields.text("space")?;
            let patch = fields.rest::<SpaceChange>()?.read();
            spaces::update(ctx, space, patch, None).await.map(drop)
        }
        direction @ ("archive" | "activate") => {
            let space = fields.text("space")?;
            fields.done()?;
            spaces::archive(ctx, space, direction == "archive").await.map(drop)
        }
        "resource" => {
            let resource = fields.text("resource")?;
            let patch = fields.rest::<ResourceChange>()?.read();
            resources::update(ctx, resource, patch, None).await.map(drop)
        }
        "move" => {
            let (resource, space) = (fields.text("resource")?, fields.text("space")?);
            fields.done()?;
            resources::move_to(ctx, resource, space, None).await.map(drop)
        }
        "shares" => {
            let resource = fields.text("resource")?;
            let spaces = fields.rest::<SharesInput>()?.read();
            resources::shares::replace(ctx, resource, spaces).await.map(drop)
        }
        "policy" => {
            let policy = fields.text("id")?;
            let changes = fields.rest::<PolicyChanges>()?.read();
            policies::update(ctx, policy, changes).await.map(drop)
        }
        "kind" => {
            let kind = fields.text("kind")?;
            let changes = fields.rest::<KindChanges>()?.read();
            kinds::update(ctx, kind, changes).await.map(drop)
        }
        put @ ("group_member" | "group_member_removed") => {
            let (group, member) = (fields.text("group")?, fields.text("member")?);
            fields.done()?;
            match put {
                "group_member" => groups::add_member(ctx, group, member).await,
                _ => groups::remove_member(ctx, group, member).await,
            }
        }
        _ => Err(Error::field("/type", format!("must be one of {TYPES}"))),
    }
}

/// The fields of a change that were not read yet.
struct Fields(Map<String, Value>);

impl Fields {
    fn text(&mut self, name: &str) -> Result<String> {
        match self.0.remove(name) {
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err(Error::field(text::pointer("", name), "must be a string")),
            None => Err(Error::field(text::pointer("", name), format!("missing field `{name}`"))),
        }
    }

    /// By the registry, as a system administrator, if `registry` says so.
    fn door(&mut self) -> Result<Door> {
        match self.0.remove("registry") {
            None | Some(Value::Bool(false)) => Ok(Door::Space),
            Some(Value::Bool(true)) => Ok(Door::Registry),
            Some(_) => Err(Error::field("/registry", "must be true or false")),
        }
    }

    /// The fields that are left, as the call takes them.
    fn rest<T: DeserializeOwned>(self) -> Result<T> {
        from_value(Value::Object(self.0))
    }

    /// Requires that nothing is left.
    fn done(self) -> Result<()> {
        match self.0.keys().next() {
            Some(name) => Err(Error::field(text::pointer("", name), format!("unknown field `{name}`"))),
            None => Ok(()),
        }
    }
}
