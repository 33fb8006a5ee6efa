//! One person in a space: another role, taken out, left.
//!
//! A person may hold several grants there. These calls see to all that name the person; what comes by a group, from a
//! space above, from everyone or by a login policy is not theirs to change.

use super::members::holds;
use super::{Door, ends_later, manage, may_give, may_hold, recorded, state, store, take};
use super::{GrantPatch, Stored};
use crate::access::{Ctx, Permit, Write, visible_space, write};
use crate::base::error::{Error, Result};
use crate::users;
use garth_core::{Principal, SpaceIx, UserIx};

/// Makes a member hold just one role by a grant of their own: it is changed, and others of theirs there go. A grant of
/// that role which is there already stays; `expires_at` stays as it was if it is not said.
///
/// # Errors
/// 404 for whoever is no member, hidden and missing people alike; 403; 409 `last_admin`, and 409 `conflict` for a member
/// without a grant of their own; 422.
pub async fn set_role(ctx: &Ctx, space: String, user: String, patch: GrantPatch) -> Result<Stored> {
    write(ctx, "member.update", async move |w: &mut Write<'_>| {
        let (permit, ix) = manage(w, Door::Space, &space)?;
        let (user, grants) = own_grants(w, ix, &user).await?;
        let wanted = patch.role.as_deref().unwrap_or_default();
        let role = w.dir().role_ref(wanted).ok_or_else(|| Error::field("/role", "is not a known role"))?;
        may_give(w, ix, role)?;
        may_hold(w.dir(), ix, Principal::User(user), role)?;
        let role = w.dir().roles.info(role).ok_or(Error::NotFound)?.id.to_string();
        let now = w.now;
        let live = |grant: &&Stored| grant.expires_at.is_none_or(|end| now < end);
        let there = grants.iter().filter(live).find(|grant| grant.role == role);
        let there = there.or_else(|| grants.iter().find(live)).or_else(|| grants.first()).ok_or(Error::NotFound)?;
        let expires_at = match patch.expires_at {
            Some(end) => end,
            None if live(&there) => there.expires_at,
            None => return Err(Error::field("/expires_at", "what they hold here is over: say when this is to end")),
        };
        ends_later("/expires_at", expires_at, now)?;
        for other in grants.iter().filter(|grant| grant.id != there.id) {
            take(w, &permit, ix, other).await?;
        }
        let after = Stored { role, expires_at, ..there.clone() };
        if after.role != there.role || after.expires_at != there.expires_at {
            store::update(w.tx(), &permit, &after.id, &after.role, after.expires_at).await?;
            let (was, is) = (state(w.dir(), there), state(w.dir(), &after));
            recorded(w, ix, &after, was, is).await?;
        }
        Ok(after)
    })
    .await
}

/// Takes a person out of a space: all grants of their own there go. Their account may end with it, which the answer does
/// not tell: it would say that they are in no other space.
///
/// # Errors
/// 404 for whoever is no member, hidden and missing people alike; 403; 409 `last_admin`, and 409 `conflict` for a member
/// without a grant of their own.
pub async fn remove(ctx: &Ctx, space: String, user: String) -> Result<()> {
    write(ctx, "member.remove", async move |w: &mut Write<'_>| {
        let (permit, ix) = manage(w, Door::Space, &space)?;
        let (user, grants) = own_grants(w, ix, &user).await?;
        take_out(w, &permit, ix, user, &grants).await.map(drop)
    })
    .await
}

/// Drops the caller's direct grants in a space; answers whether their account ended with it.
///
/// # Errors
/// 404, 409 `last_admin`, and 409 `conflict` when they hold none there.
pub async fn leave(ctx: &Ctx, space: String) -> Result<bool> {
    write(ctx, "space.leave", async move |w: &mut Write<'_>| {
        let (permit, user) = w.own()?;
        let ix = visible_space(w.dir(), &w.caller, &space, w.now)?;
        let id = w.dir().space_id(ix).ok_or(Error::NotFound)?.to_string();
        let me = w.dir().principal_text(Principal::User(user));
        let grants = store::of_principal(w.tx(), &id, &me).await?;
        if grants.is_empty() {
            return Err(Error::conflict(
                "conflict",
                "you hold no grant of your own here; a group or a space above gives you what you have",
            ));
        }
        take_out(w, &permit, ix, user, &grants).await
    })
    .await
}

async fn take_out(w: &mut Write<'_>, permit: &Permit, ix: SpaceIx, user: UserIx, grants: &[Stored]) -> Result<bool> {
    for grant in grants {
        take(w, permit, ix, grant).await?;
    }
    users::end_with_last_membership(w, permit, user).await
}

/// Somebody with grants of their own in the space, and these, oldest first.
async fn own_grants(w: &mut Write<'_>, ix: SpaceIx, user: &str) -> Result<(UserIx, Vec<Stored>)> {
    let space = w.dir().space_id(ix).ok_or(Error::NotFound)?.to_string();
    let user = w.dir().user_ref(user);
    // Of nobody there are none: looked for all the same.
    let holder = user.map_or_else(|| "user:".to_owned(), |user| w.dir().principal_text(Principal::User(user)));
    let grants = store::of_principal(w.tx(), &space, &holder).await?;
    match user {
        Some(user) if !grants.is_empty() => Ok((user, grants)),
        Some(user) if holds(w.dir(), user, ix, w.now) => Err(Error::conflict(
            "conflict",
            "they hold no grant of their own here; a group, a space above or a login policy gives them what they have",
        )),
        _ => Err(Error::NotFound),
    }
}
