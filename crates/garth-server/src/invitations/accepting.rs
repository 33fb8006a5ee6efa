//! How people come in: as somebody who has an account, or as somebody new.

use super::{Stored, is_token, leads, paged, recorded, state, store};
use crate::access::{self, Ctx, Permit, Write, archived, write};
use crate::base::error::{Error, Result};
use crate::base::http::{Page, PageRequest};
use crate::base::{ids, text};
use crate::directory::{Directory, UserInfo};
use crate::{grants, users};
use garth_core::{Micros, Principal, UserIx};
use serde_json::json;
use std::sync::Arc;
use uuid::Uuid;

/// An invitation as whoever it is addressed to sees it.
#[derive(Clone, Debug)]
pub struct Mine {
    /// Its id, by which they accept it.
    pub id: String,
    /// The space's id.
    pub space: Uuid,
    /// What the space is called: its administrator wanted them to know.
    pub space_name: String,
    /// The name of the role.
    pub role: String,
    /// What its inviter is called; nothing for an application.
    pub invited_by: Option<String>,
    /// When it was made.
    pub created_at: Micros,
    /// When it ends by itself.
    pub expires_at: Micros,
}

/// The invitations that the caller can accept without a link, oldest first: those to their username, and to the address
/// that they have proved to read.
///
/// # Errors
/// 401, 403 for an API key, 422 for a cursor that is not good.
pub async fn mine(ctx: &Ctx, page: &PageRequest) -> Result<Page<Mine>> {
    let dir = ctx.directory();
    let me = Arc::clone(dir.users.info(ctx.user(&dir)?).ok_or(Error::Unauthenticated)?);
    let caller = ctx.caller(&dir)?;
    let query = "my invitations";
    let (at, after) = match &page.cursor {
        Some(cursor) => access::read_cursor(&dir, &caller, query, cursor)?,
        None => (i64::MIN.to_string(), String::new()),
    };
    let after = (at.parse().unwrap_or(i64::MIN), after.as_str());
    // No address is empty.
    let address = me.verified_email.as_deref().unwrap_or_default();
    let items = store::to_user(&ctx.db(), &me.id.to_string(), address, ctx.now(), after, page.limit + 1).await?;
    let dir = ctx.directory();
    let caller = ctx.caller(&dir)?;
    let found = paged(&dir, &caller, query, page, items)?;
    let items = found.items.iter().filter_map(|invitation| promise(&dir, invitation, ctx.now())).collect();
    Ok(Page { items, next: found.next })
}

/// What an invitation tells whoever it is addressed to, while it is good.
fn promise(dir: &Directory, invitation: &Stored, now: Micros) -> Option<Mine> {
    let (space, role) = leads(dir, invitation, now)?;
    let info = dir.spaces.info(space)?;
    Some(Mine {
        id: invitation.id.clone(),
        space: info.id,
        space_name: info.name.clone(),
        role: dir.role_name(role).to_owned(),
        invited_by: inviter_name(dir, invitation),
        created_at: invitation.created_at,
        expires_at: invitation.expires_at,
    })
}

/// What people call the inviter; an application has no name for strangers.
pub(super) fn inviter_name(dir: &Directory, invitation: &Stored) -> Option<String> {
    match dir.principal(&invitation.invited_by)? {
        Principal::User(user) => dir.users.info(user).map(|info| info.name.clone()),
        _ => None,
    }
}

/// Where somebody came in.
#[derive(Clone, Debug)]
pub struct Joined {
    /// The space.
    pub space: Uuid,
    /// What it is called.
    pub space_name: String,
    /// The name of the role they hold there now.
    pub role: String,
}

/// Accepts an invitation as somebody who has an account: by its token, or by its id from the caller's own list.
///
/// # Errors
/// 401, 403 for an API key; 404 for one that is unknown, used, over, revoked, addressed to somebody else, or whose
/// inviter could not give it any more; 409 `archived`.
pub async fn accept(ctx: &Ctx, named: String) -> Result<Joined> {
    write(ctx, "invitation.accept", async move |w: &mut Write<'_>| {
        let (permit, ix) = w.own()?;
        let (now, by_token) = (w.now, is_token(&named));
        let found = match by_token {
            true => store::with_token_in(w.tx(), &ids::token_hash(&named), now).await?,
            false if ids::read_id(&named).is_some() => store::with_id(w.tx(), &named, now).await?,
            false => None,
        };
        let me = Arc::clone(w.dir().users.info(ix).ok_or(Error::Unauthenticated)?);
        let invitation = found.filter(|invitation| addressed(invitation, &me, by_token)).ok_or(Error::NotFound)?;
        let joined = join(w, &permit, &invitation, ix).await?;
        if by_token && proves(&invitation) {
            users::verify_email(w, &permit, me.id, &invitation.to).await?;
        }
        Ok(joined)
    })
    .await
}

/// Is it this account's? An address needs its link as well, unless the account has proved to read it.
fn addressed(invitation: &Stored, me: &UserInfo, by_token: bool) -> bool {
    if !invitation.by_address {
        return invitation.user.as_ref().is_some_and(|user| *user == me.id.to_string());
    }
    let is = |name: &str| text::folded(name) == invitation.handle;
    let known = is(&me.username) || me.email.as_deref().is_some_and(is);
    me.verified_email.as_ref() == Some(&invitation.handle) || (by_token && known)
}

/// Does bringing its link prove that somebody reads the address?
fn proves(invitation: &Stored) -> bool {
    invitation.by_address && invitation.mailed
}

/// Uses an invitation up: its role is theirs, in its inviter's name.
async fn join(w: &mut Write<'_>, permit: &Permit, invitation: &Stored, user: UserIx) -> Result<Joined> {
    let now = w.now;
    let (space, role) = leads(w.dir(), invitation, now).ok_or(Error::NotFound)?;
    if archived(&w.dir().world, space) {
        return Err(Error::conflict("archived", "the space is archived: nobody comes in there now"));
    }
    if !store::end(w.tx(), permit, &invitation.id, now).await? {
        return Err(Error::NotFound);
    }
    let principal = Principal::User(user);
    grants::put_for_good_by(w, permit, space, principal, role, invitation.invited_by.clone()).await?;
    let (before, after) = (state(w.dir(), invitation), json!({ "accepted_by": w.dir().principal_text(principal) }));
    recorded(w, space, invitation, before, after).await?;
    let info = w.dir().spaces.info(space).ok_or(Error::NotFound)?;
    Ok(Joined { space: info.id, space_name: info.name.clone(), role: w.dir().role_name(role).to_owned() })
}

/// Who may join as somebody new.
#[derive(Clone, Debug)]
pub struct Expected {
    /// The address that was invited.
    pub address: String,
    /// Has whoever brings the token proved that they read it?
    pub verified: bool,
}

/// Whom the token of an invitation lets in as somebody new: only an address does, for a username is an account's.
///
/// # Errors
/// When the store fails.
pub async fn expected(ctx: &Ctx, token: &str) -> Result<Option<Expected>> {
    let found = store::with_token(&ctx.app.db, &ids::token_hash(token), ctx.now()).await?;
    let dir = ctx.directory();
    let open = found.filter(|invitation| invitation.by_address && leads(&dir, invitation, ctx.now()).is_some());
    Ok(open.map(|invitation| Expected { verified: proves(&invitation), address: invitation.to }))
}

/// Requires that a token still lets somebody new in, before anything is made of it.
///
/// # Errors
/// 404.
pub async fn require_open(w: &mut Write<'_>, token: &str) -> Result<()> {
    let now = w.now;
    let found = store::with_token_in(w.tx(), &ids::token_hash(token), now).await?;
    found.filter(|invitation| invitation.by_address).map(drop).ok_or(Error::NotFound)
}

/// Lets a new account in by the token; answers where. What the token proves is noted with the account.
///
/// # Errors
/// 404 when the invitation is not good any more, 409 `archived`.
pub async fn welcome(w: &mut Write<'_>, permit: &Permit, token: &str, user: Uuid) -> Result<Joined> {
    let now = w.now;
    let found = store::with_token_in(w.tx(), &ids::token_hash(token), now).await?;
    let invitation = found.filter(|invitation| invitation.by_address).ok_or(Error::NotFound)?;
    let ix = w.dir().users.by_id::<UserIx>(&user).ok_or(Error::NotFound)?;
    let joined = join(w, permit, &invitation, ix).await?;
    if proves(&invitation) {
        users::verify_email(w, permit, user, &invitation.to).await?;
    }
    Ok(joined)
}
