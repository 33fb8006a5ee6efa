//! Changing a space: its fields, its place in the tree, its archive state.

use super::{Plan, SpaceView, fits_sealed, keep_access, may_create_roots, read_policy, shown, state, store};
use crate::access::{
    self, Ctx, Ends, Permit, Record, Viewer, Write, archived, keep_links, unused_outside, visible_space, write,
};
use crate::base::error::{Error, Result};
use crate::base::text;
use crate::directory::policy::Place;
use crate::directory::{Change, Directory};
use crate::grants;
use garth_core::{Action, MAX_SPACE_DEPTH, Permission, Principal, RoleKind, SpaceIx, Target, World};
use serde_json::{Value, json};
use std::sync::Arc;

/// What is to change; `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct SpacePatch {
    /// A new name.
    pub name: Option<String>,
    /// A new description.
    pub description: Option<String>,
    /// Another parent; `Some(None)` makes it a root.
    pub parent: Option<Option<String>>,
    /// Another gate.
    pub view: Option<Value>,
    /// Another edit policy.
    pub edit: Option<Value>,
    /// Whether it uses its parent's shareable resources.
    pub inherits: Option<bool>,
    /// Other labels.
    pub labels: Option<Vec<String>>,
    /// Whether it keeps system administrators out.
    pub sealed: Option<bool>,
}

/// Changes a space, all of it or nothing.
///
/// # Errors
/// 404, 403, 409 `version_mismatch`, `lockout`, `last_admin`, `archived`, `attached` or `conflict`, 422.
pub async fn update(ctx: &Ctx, id: String, patch: SpacePatch, version: Option<i64>) -> Result<SpaceView> {
    write(ctx, "space.update", async move |w: &mut Write<'_>| update_in(w, id, patch, version).await).await
}

/// The same as a part of another change.
///
/// # Errors
/// As [`update`].
pub async fn update_in(w: &mut Write<'_>, id: String, patch: SpacePatch, version: Option<i64>) -> Result<SpaceView> {
    let ix = visible_space(w.dir(), &w.caller, &id, w.now)?;
    let permit = w.may(Target::Space(ix), Action::Write)?;
    let missing = || Error::NotFound;
    let info = Arc::clone(w.dir().spaces.info(ix).ok_or_else(missing)?);
    let space = w.dir().world.space(ix).ok_or_else(missing)?.clone();
    if version.is_some_and(|v| v != info.version) {
        return Err(Error::conflict("version_mismatch", "the space has changed since you read it"));
    }
    let before = state(w.dir(), ix);
    let sealed = patch.sealed.unwrap_or(space.sealed);
    if patch.sealed.is_some() {
        w.may(Target::Space(ix), Action::Use(Permission::SPACE_ADMIN))?;
    }
    if sealed && !space.sealed {
        may_seal(w.dir(), ix)?;
    }
    let parent = new_parent(w, ix, space.parent, &patch)?;
    // Roles flow in from above, all of them: only who could give every role here lets them.
    if parent.is_some() && parent != space.parent {
        grants::may_give(w, ix, World::ADMIN)?;
    }
    let inherits = new_inherits(w, ix, space.inherits, space.parent, parent, &patch)?;
    let policy = |given: &Option<Value>, was: &Value, pointer: &str, place| match given {
        Some(given) => read_policy(w, given, pointer, place, sealed),
        None => Ok(was.clone()),
    };
    let plan = Plan {
        name: patch.name.as_ref().map_or_else(|| Ok(info.name.clone()), |n| text::name("/name", n))?,
        description: patch
            .description
            .as_ref()
            .map_or_else(|| Ok(info.description.clone()), |d| text::description("/description", d))?,
        labels: patch.labels.as_ref().map_or_else(|| Ok(info.labels.clone()), |l| text::labels("/labels", l))?,
        view: policy(&patch.view, &info.view, "/view", Place::Gate)?,
        edit: policy(&patch.edit, &info.edit, "/edit", Place::SpaceEdit)?,
    };
    let row =
        store::Row { parent: parent.and_then(|p| w.dir().space_id(p)), inherits, sealed, ..plan.row(info.id, w.now) };
    store::update(w.tx(), &permit, &row).await?;
    w.changed(Change::Space(info.id)).await?;
    keep_access(w, ix)?;
    let after = state(w.dir(), ix);
    w.record(Record { space: Some(ix), target_type: "space", target_id: info.id.to_string(), before, after }).await?;
    let (was, is) = (space.parent.filter(|_| space.inherits), parent.filter(|_| inherits));
    if was != is {
        keep_links(w, Ends::Below(ix)).await?;
        record_heir(w, ix, was, false).await?;
        record_heir(w, ix, is, true).await?;
    }
    shown(w, ix)
}

/// An inheriting child makes its people readers of the parent: the parent's administrators see
/// that it does so from now on, or no longer.
pub(super) async fn record_heir(
    w: &mut Write<'_>,
    child: SpaceIx,
    parent: Option<SpaceIx>,
    inherits: bool,
) -> Result<()> {
    if parent.is_none() {
        return Ok(());
    }
    let target_id = w.dir().space_id(child).ok_or(Error::NotFound)?.to_string();
    let (before, after) = (json!({ "inherits": !inherits }), json!({ "inherits": inherits }));
    w.record(Record { space: parent, target_type: "space", target_id, before, after }).await
}

/// Sealing asks that nothing a system administrator could edit opens the space already.
fn may_seal(dir: &Directory, ix: SpaceIx) -> Result<()> {
    let Some(space) = dir.world.space(ix) else { return Ok(()) };
    if dir.default_space == ix {
        return Err(Error::field("/sealed", "the default space cannot be sealed"));
    }
    if space.grants().iter().any(|g| !matches!(g.principal, Principal::User(_) | Principal::Key(_))) {
        return Err(Error::conflict(
            "conflict",
            "a sealed space takes grants to users and keys only; revoke the others first",
        ));
    }
    let custom = |role| dir.world.role(role).is_none_or(|r| r.kind == RoleKind::Custom);
    if space.grants().iter().any(|g| custom(g.role)) {
        return Err(Error::conflict(
            "conflict",
            "a sealed space takes built-in roles only; revoke the grants of others first",
        ));
    }
    if !fits_sealed(&space.view) || !fits_sealed(&space.edit) {
        return Err(Error::conflict(
            "conflict",
            "the space's policies let in whom a system administrator could change",
        ));
    }
    Ok(())
}

/// The parent after the change: both ends are asked, no circle, no deeper than allowed.
fn new_parent(w: &mut Write<'_>, ix: SpaceIx, was: Option<SpaceIx>, patch: &SpacePatch) -> Result<Option<SpaceIx>> {
    let Some(wanted) = &patch.parent else { return Ok(was) };
    let parent = match wanted {
        Some(id) => Some(access::named_space(w.dir(), &w.caller, "/parent", id, w.now)?),
        None => None,
    };
    // A space under a parent out of sight is a root to the caller, and stays where it is.
    let shown = was.filter(|p| Viewer::new(w.dir(), &w.caller, w.now).space(*p));
    if parent == shown {
        return Ok(was);
    }
    w.may(Target::Space(ix), Action::Use(Permission::SPACE_ADMIN))?;
    let Some(parent) = parent else {
        may_create_roots(w)?;
        return Ok(None);
    };
    w.may(Target::Space(parent), Action::Use(Permission::SPACE_ADMIN))?;
    let world = &w.dir().world;
    if world.within(parent, ix) {
        return Err(Error::conflict("conflict", "a space cannot lie under itself"));
    }
    if archived(world, parent) {
        return Err(Error::conflict("archived", "the new parent is archived"));
    }
    if world.ancestry(parent).len() + height(w.dir(), ix) > MAX_SPACE_DEPTH {
        return Err(Error::field("/parent", format!("spaces may be {MAX_SPACE_DEPTH} deep, a root being 1")));
    }
    Ok(Some(parent))
}

/// How many levels the space and what lies below it take.
fn height(dir: &Directory, ix: SpaceIx) -> usize {
    let children = dir.world.space(ix).map_or(&[][..], |s| s.children());
    1 + children.iter().map(|c| height(dir, *c)).max().unwrap_or(0)
}

/// Inheriting is agreed at both ends: turning it on asks for admin of the space and of its parent.
fn new_inherits(
    w: &mut Write<'_>,
    ix: SpaceIx,
    was: bool,
    before: Option<SpaceIx>,
    parent: Option<SpaceIx>,
    patch: &SpacePatch,
) -> Result<bool> {
    let inherits = patch.inherits.unwrap_or(was);
    let moved = patch.parent.is_some() && parent != before;
    // A parent that the caller cannot see is as good as none.
    let seen = parent.filter(|p| Viewer::new(w.dir(), &w.caller, w.now).space(*p));
    if patch.inherits == Some(true) && !was && seen.is_none() {
        return Err(Error::field("/inherits", "there is no parent you can see to inherit from"));
    }
    let Some(parent) = parent else { return Ok(false) };
    if (inherits && (!was || moved)) || inherits != was {
        w.may(Target::Space(ix), Action::Use(Permission::SPACE_ADMIN))?;
    }
    if inherits && (!was || moved) {
        w.may(Target::Space(parent), Action::Use(Permission::SPACE_ADMIN))?;
        // It makes readers of the parent.
        grants::may_give(w, parent, World::READER)?;
    }
    Ok(inherits)
}

/// Archives a space, or takes it back; what lies below follows. The state it is in already is no change.
///
/// # Errors
/// 404, 403, and 409: `archived` when it would be activated under an archived parent, `attached` when it would be
/// archived while something outside is attached to something inside.
pub async fn archive(ctx: &Ctx, id: String, archive: bool) -> Result<SpaceView> {
    let action = if archive { "space.archive" } else { "space.activate" };
    write(ctx, action, async move |w: &mut Write<'_>| {
        let ix = visible_space(w.dir(), &w.caller, &id, w.now)?;
        let permit = w.may(Target::Space(ix), Action::Write)?;
        let Some(space) = w.dir().world.space(ix) else { return Err(Error::NotFound) };
        let was = space.archived;
        if !archive && space.parent.is_some_and(|p| archived(&w.dir().world, p)) {
            return Err(Error::conflict("archived", "something above the space is archived; activate that first"));
        }
        if was != archive {
            if archive {
                unused_outside(w, ix).await?;
            }
            let (id, now) = (w.dir().space_id(ix).ok_or(Error::NotFound)?, w.now);
            store::set_archived(w.tx(), &permit, id, archive, now).await?;
            w.changed(Change::Space(id)).await?;
            let (before, after) = (json!({ "archived": was }), json!({ "archived": archive }));
            w.record(Record { space: Some(ix), target_type: "space", target_id: id.to_string(), before, after })
                .await?;
        }
        shown(w, ix)
    })
    .await
}

/// The wrapped key that secrets of a space are sealed under, made when it has none.
///
/// # Errors
/// When the store fails.
pub async fn secret_key(w: &mut Write<'_>, permit: &Permit, ix: SpaceIx) -> Result<String> {
    let info = Arc::clone(w.dir().spaces.info(ix).ok_or(Error::NotFound)?);
    if !info.secret_key.is_empty() {
        return Ok(info.secret_key.clone());
    }
    let key = w.dir().vault.new_space_key(&info.id.to_string())?;
    store::set_secret_key(w.tx(), permit, info.id, &key).await?;
    w.changed(Change::Space(info.id)).await?;
    Ok(key)
}
