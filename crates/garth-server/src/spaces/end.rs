//! The end of a space: what goes with it, and what stands in the way.

use super::{state, store};
use crate::access::{
    ACTOR, Ctx, Permit, Record, Viewer, Write, archived, identity, unused_outside, visible_space, write,
};
use crate::api_keys;
use crate::base::error::{Error, Result};
use crate::directory::Change;
use crate::grants;
use garth_core::{Action, ClassIx, Facts, Permission, Principal, ResourceIx, SpaceIx, Target};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// Most spaces below that a refusal names.
const NAMED: usize = 10;

/// What goes with a space.
#[derive(Clone, Debug, Default)]
pub struct Gone {
    /// How many resources that the caller may see, by the name of their kind.
    pub resources: BTreeMap<String, u64>,
    /// How many grants, but those that are the roles of its keys.
    pub grants: usize,
    /// How many API keys.
    pub api_keys: usize,
}

/// Deletes a space with everything in it: never the default one, archived first, childless, by its typed name. Its
/// key goes with it, and so whatever was sealed under it. Answers what goes.
///
/// # Errors
/// 404, 403, 409 `conflict` or `attached`, 422 when the name does not fit.
pub async fn delete(ctx: &Ctx, id: String, confirm: Option<String>) -> Result<Gone> {
    write(ctx, "space.delete", async move |w: &mut Write<'_>| {
        let ix = visible_space(w.dir(), &w.caller, &id, w.now)?;
        let permit = w.may(Target::Space(ix), Action::Use(Permission::SPACE_ADMIN))?;
        let info = Arc::clone(w.dir().spaces.info(ix).ok_or(Error::NotFound)?);
        if info.default {
            return Err(Error::conflict("conflict", "the default space cannot be deleted"));
        }
        if !archived(&w.dir().world, ix) {
            return Err(Error::conflict("conflict", "archive the space first"));
        }
        expect_childless(w, ix)?;
        if confirm.as_deref() != Some(&info.name) {
            return Err(Error::field("?confirm", "must be the name of the space"));
        }
        if store::required_elsewhere(w.tx(), info.id).await? {
            let detail = "something in another space requires something in this one";
            return Err(Error::conflict("conflict", detail));
        }
        unused_outside(w, ix).await?;
        let sealed = w.dir().world.space(ix).is_some_and(|space| space.sealed);
        let mut gone = what_goes(w, ix).await?;
        let (before, target_id) = (state(w.dir(), ix), info.id.to_string());
        gone.api_keys = api_keys::end_all(w, &permit, ix).await?;
        end_actors(w, &permit, info.id).await?;
        w.resources_gone();
        store::delete(w.tx(), &permit, info.id).await?;
        w.keep_count().await?;
        w.changed(Change::Space(info.id)).await?;
        w.app.leaves_remains();
        if !sealed {
            // The registry showed its name, and no more of it.
            let (target_id, before) = (target_id.clone(), json!({ "name": before["name"] }));
            w.record(Record { space: None, target_type: "space", target_id, before, after: Value::Null }).await?;
        }
        w.record(Record { space: Some(ix), target_type: "space", target_id, before, after: Value::Null }).await?;
        Ok(gone)
    })
    .await
}

/// What resources of the space hold, here and elsewhere, goes with them.
async fn end_actors(w: &mut Write<'_>, permit: &Permit, space: Uuid) -> Result<()> {
    let ids: Vec<String> = w.dir().actors.iter::<ResourceIx>().map(|(_, actor)| actor.id.to_string()).collect();
    if ids.is_empty() {
        return Ok(());
    }
    for id in store::inside(w.tx(), space, &json!(ids).to_string()).await? {
        if let Some(actor) = w.dir().principal(&format!("{ACTOR}{id}")) {
            grants::take_all(w, permit, actor).await?;
        }
    }
    Ok(())
}

/// Spaces below go first; those that the caller can see are named.
fn expect_childless(w: &Write<'_>, ix: SpaceIx) -> Result<()> {
    let children = w.dir().world.space(ix).map_or(&[][..], |space| space.children());
    if children.is_empty() {
        return Ok(());
    }
    let viewer = Viewer::new(w.dir(), &w.caller, w.now);
    let seen = children.iter().filter(|child| viewer.space(**child));
    let mut names: Vec<&str> = seen.filter_map(|c| w.dir().spaces.info(*c)).map(|info| info.name.as_str()).collect();
    names.sort_unstable();
    let more = if names.len() > NAMED { " and others" } else { "" };
    names.truncate(NAMED);
    let named = if names.is_empty() { String::new() } else { format!(": {}{more}", names.join(", ")) };
    Err(Error::conflict("conflict", format!("there are spaces below this one{named}")))
}

async fn what_goes(w: &mut Write<'_>, ix: SpaceIx) -> Result<Gone> {
    let id = w.dir().space_id(ix).ok_or(Error::NotFound)?;
    let me = identity(w.dir(), &w.caller).unwrap_or_else(|| "nobody".to_owned());
    let mut gone = Gone::default();
    for alike in store::contents(w.tx(), id, &me).await? {
        let class = ClassIx(u32::try_from(alike.class).unwrap_or(u32::MAX));
        let facts = Facts { author: alike.author, owner: alike.owner, subscriber: alike.subscriber, barred: false };
        let seen = w.dir().world.decide(&w.caller, Target::Resource(class, facts), Action::Read, w.now).allowed();
        let kind = w.dir().world.class(class).and_then(|class| w.dir().kinds.info(class.kind));
        if let Some(kind) = kind.filter(|_| seen) {
            *gone.resources.entry(kind.definition.name.clone()).or_default() += alike.count.unsigned_abs();
        }
    }
    let world = &w.dir().world;
    let of_its_key = |principal| matches!(principal, Principal::Key(key) if world.key_home(key) == Some(ix));
    let grants = world.space(ix).map_or(&[][..], |space| space.grants());
    gone.grants = grants.iter().filter(|grant| !of_its_key(grant.principal)).count();
    Ok(gone)
}
