//! Break glass: on the server, somebody is made administrator of a space that nobody can get into any more.

use super::{Plan, state, store};
use crate::access::{Ctx, Permit, Record, Write, write};
use crate::base::error::{Error, Result};
use crate::directory::{Change, UserInfo};
use crate::grants;
use garth_core::{Action, Caller, Permission, Principal, SpaceIx, Target, UserIx, World};
use serde_json::json;
use std::sync::Arc;

/// What was done.
#[derive(Clone, Debug)]
pub struct Unlocked {
    /// For whom.
    pub user: Arc<UserInfo>,
    /// Were they made administrator, or was it made to last? False when they were one already.
    pub granted: bool,
    /// Was the gate set to `members`?
    pub gate_opened: bool,
}

/// Gives somebody the role admin in a space, a sealed one too. Where the gate would keep even an administrator out, it
/// is refused unless `open_gate` says that the gate may be set to `members`. On record in the space and in the system's
/// log.
///
/// # Errors
/// For all but the command line; when the space or the person is not there, the person is disabled, or the gate is in
/// the way.
pub async fn unlock(ctx: &Ctx, space: String, user: String, open_gate: bool) -> Result<Unlocked> {
    write(ctx, "space.unlock", async move |w: &mut Write<'_>| {
        let permit = w.system()?;
        let ix = w.dir().space_ref(&space).ok_or(Error::NotFound)?;
        let (person, info) = whom(w, &user)?;
        let granted = grants::put_for_good(w, &permit, ix, Principal::User(person), World::ADMIN).await?;
        let mut gate_opened = false;
        if !administers(w, person, ix)? {
            if !open_gate {
                return Err(Error::conflict(
                    "conflict",
                    format!(
                        "the gate of this space keeps @{} out even as its administrator; with --open-gate it is set to \
                         members",
                        info.username
                    ),
                ));
            }
            set_gate(w, &permit, ix).await?;
            gate_opened = true;
            if !administers(w, person, ix)? {
                return Err(Error::conflict("conflict", "nothing opens this space; look with garth verify"));
            }
        }
        // Which space it is, the system's log does not tell of a sealed one: its readers may not know it.
        let sealed = w.dir().world.space(ix).is_some_and(|space| space.sealed);
        let named = w.dir().space_id(ix).filter(|_| !sealed);
        let target_id = named.map(|id| id.to_string()).unwrap_or_default();
        let after = json!({
            "user": format!("user:{}", info.id), "role": "admin", "granted": granted, "gate_opened": gate_opened,
            "sealed": sealed,
        });
        let before = serde_json::Value::Null;
        w.record(Record { space: None, target_type: "space", target_id, before, after }).await?;
        Ok(Unlocked { user: info, granted, gate_opened })
    })
    .await
}

/// Somebody who can sign in.
fn whom(w: &Write<'_>, user: &str) -> Result<(UserIx, Arc<UserInfo>)> {
    let unknown = || Error::Malformed(format!("there is nobody called {user}: write @username or an id"));
    let person = w.dir().user_ref(user).ok_or_else(unknown)?;
    let info = w.dir().users.info(person).filter(|info| !info.deleted).ok_or_else(unknown)?;
    if info.disabled {
        return Err(Error::Malformed(format!("{user} is disabled; enable the account first")));
    }
    Ok((person, Arc::clone(info)))
}

fn administers(w: &Write<'_>, person: UserIx, space: SpaceIx) -> Result<bool> {
    let caller = Caller::user(&w.dir().world, person).ok_or(Error::NotFound)?;
    let action = Action::Use(Permission::SPACE_ADMIN);
    Ok(w.dir().world.decide(&caller, Target::Space(space), action, w.now).allowed())
}

async fn set_gate(w: &mut Write<'_>, permit: &Permit, ix: SpaceIx) -> Result<()> {
    let before = state(w.dir(), ix);
    let info = Arc::clone(w.dir().spaces.info(ix).ok_or(Error::NotFound)?);
    let space = w.dir().world.space(ix).ok_or(Error::NotFound)?.clone();
    let plan = Plan {
        name: info.name.clone(),
        description: info.description.clone(),
        labels: info.labels.clone(),
        view: json!("members"),
        edit: info.edit.clone(),
    };
    let parent = space.parent.and_then(|parent| w.dir().space_id(parent));
    let row = store::Row { parent, inherits: space.inherits, sealed: space.sealed, ..plan.row(info.id, w.now) };
    store::update(w.tx(), permit, &row).await?;
    w.changed(Change::Space(info.id)).await?;
    let after = state(w.dir(), ix);
    w.record(Record { space: Some(ix), target_type: "space", target_id: info.id.to_string(), before, after }).await
}
