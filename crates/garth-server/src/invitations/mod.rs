//! Invitations: the way into a space for people whom its administrators cannot see, or who have no account yet.
//!
//! Somebody is invited by a username or by an e-mail address, and every answer and every change is the same whether there
//! is such a person or not. A username is an account's, as it was when it was invited: a later account of that name gets
//! nothing. An address is whoever's who reads it. Where letters can be sent, the link goes there and is shown to nobody;
//! whoever brings it has proved that they read the address. Where none can be, the link is shown to the inviter, and proves
//! nothing. An invitation is good once, for its space and for whom it is addressed to, for a week, and only while its
//! inviter could still give that role.

mod accepting;
pub mod api;
mod letter;
mod store;

pub use accepting::{Expected, Joined, Mine, accept, expected, mine, require_open, welcome};
pub use letter::link;
pub use store::Stored;

use crate::access::{self, Ctx, DAY, Permit, Record, Write, archived, identity, visible_space, works, write};
use crate::base::error::{Error, Result};
use crate::base::http::{Page, PageRequest};
use crate::base::mail::{self, Mailer};
use crate::base::{clock, ids};
use crate::directory::{Directory, UserInfo};
use crate::{grants, users};
use garth_core::{Action, Caller, Micros, Permission, Principal, RoleIx, SpaceIx, Target, UserIx};
use serde_json::{Value, json};
use std::sync::Arc;

/// How long an invitation is good for.
pub const INVITATION_SECONDS: i64 = 7 * 24 * 60 * 60;
/// Most open invitations of one space.
pub const PENDING: i64 = 500;
/// Invitations that one person, or all keys of a space, may send in [`DAY`].
pub const SENT: i64 = 200;
/// Letters in [`DAY`] to one username or address, whoever sends them.
pub const LETTERS: i64 = 20;
/// A day, in microseconds.
/// What tokens of invitations begin with.
const TOKEN_PREFIX: &str = "invite_";

/// Is that the token of an invitation, rather than of an account?
pub fn is_token(token: &str) -> bool {
    token.starts_with(TOKEN_PREFIX)
}

/// Whom to invite, and to what.
#[derive(Clone, Debug)]
pub struct NewInvitation {
    /// A username or an e-mail address.
    pub to: String,
    /// The name or id of the role.
    pub role: String,
}

/// An invitation as the administrators of its space see it.
#[derive(Clone, Debug)]
pub struct Shown {
    /// What is stored, but for the token.
    pub invitation: Stored,
    /// The name of its role.
    pub role: String,
    /// Could its inviter still give that role? Nobody accepts it while they could not.
    pub good: bool,
}

/// An invitation that was just made.
#[derive(Clone, Debug)]
pub struct Invited {
    /// The invitation.
    pub shown: Shown,
    /// Its token, shown this once; none where it was mailed.
    pub token: Option<String>,
}

/// Whom an invitation is addressed to.
struct Addressee {
    /// As it was written.
    to: String,
    /// As it is compared.
    handle: String,
    by_address: bool,
}

impl Addressee {
    /// Reads a username or an address by its form alone, whoever exists. What has an `@` and a dot behind it is an address.
    fn read(given: &str) -> Result<Self> {
        let given = given.trim();
        let given = given.strip_prefix('@').filter(|name| !name.contains('@')).unwrap_or(given);
        let (to, handle) = users::username("/to", given)?;
        let dotted = to.rsplit_once('@').is_some_and(|(_, domain)| domain.contains('.'));
        if dotted && !mail::deliverable(&to) {
            return Err(Error::field("/to", "must be a username or an e-mail address"));
        }
        Ok(Self { to, handle, by_address: dotted })
    }
}

/// Invites somebody. The answer is the same whoever exists, and so is what is done.
///
/// # Errors
/// 404; 403 for all but administrators of the space, for a role with permissions the inviter lacks, and for somebody
/// whose own right came with their session; 409 `archived`, or `conflict` when the space has [`PENDING`] open ones; 422;
/// 429 after [`SENT`] in a day, and after [`LETTERS`] to the same; 503 `overloaded` while too many letters wait.
pub async fn create(ctx: &Ctx, space: String, new: NewInvitation) -> Result<Invited> {
    // A place for the letter first: what cannot be sent is not promised.
    let place = ctx.app.mail.as_ref().map(Mailer::place).transpose()?;
    let mailed = place.is_some();
    let (invited, letter) = write(ctx, "invitation.create", async move |w: &mut Write<'_>| {
        let (permit, ix) = manage(w, &space)?;
        let whom = Addressee::read(&new.to)?;
        let role = w.dir().role_ref(&new.role).ok_or_else(|| Error::field("/role", "is not a known role"))?;
        grants::may_give(w, ix, role)?;
        // Whoever accepts is a user; which one makes no difference.
        grants::may_hold(w.dir(), ix, Principal::User(UserIx(0)), role)?;
        let invited_by = identity(w.dir(), &w.caller).ok_or(Error::Unauthenticated)?;
        if !may_invite(w.dir(), &invited_by, ix, role, w.now) {
            w.refused_in(ix, "space", space.clone());
            return Err(Error::Forbidden(PASSING.to_owned()));
        }
        if archived(&w.dir().world, ix) {
            return Err(Error::conflict("archived", "the space is archived: nobody is invited into it"));
        }
        let (id, token, now) = (ids::new_id(w.now), ids::new_token(TOKEN_PREFIX), w.now);
        let space = w.dir().space_id(ix).ok_or(Error::NotFound)?.to_string();
        let user = if whom.by_address { None } else { named(w.dir(), &whom.handle) };
        let counted_to = counted_to(w.dir(), &w.caller, &invited_by);
        store::forget(w.tx(), &permit, now).await?;
        end_earlier(w, &permit, ix, (&space, &whom.handle)).await?;
        bounded(w, (&space, &whom.handle), &counted_to, mailed).await?;
        let invitation = Stored {
            id: id.to_string(),
            space,
            role: w.dir().roles.info(role).ok_or(Error::NotFound)?.id.to_string(),
            invited_by,
            to: whom.to,
            handle: whom.handle,
            by_address: whom.by_address,
            user: user.as_ref().map(|info| info.id.to_string()),
            mailed,
            created_at: now,
            expires_at: now + INVITATION_SECONDS * 1_000_000,
        };
        store::insert(w.tx(), &permit, &invitation, &ids::token_hash(&token), &counted_to).await?;
        recorded(w, ix, &invitation, Value::Null, state(w.dir(), &invitation)).await?;
        let letter = letter::write(w, ix, &invitation, user.as_deref(), &token);
        let token = Some(token).filter(|_| !mailed);
        Ok((Invited { shown: shown(w.dir(), invitation, now), token }, letter))
    })
    .await?;
    if let Some(place) = place.filter(|_| !ctx.dry_run) {
        place.send(letter);
    }
    Ok(invited)
}

/// What the audit calls the end of an invitation, also as a part of another change.
const REVOKE: &str = "invitation.delete";
const PASSING: &str = "your role here ends with your session, and an invitation would outlive it: let somebody invite who holds it for good";

/// Among whose invitations one counts: a key could be made for each, so those of a space count together.
fn counted_to(dir: &Directory, caller: &Caller, inviter: &str) -> String {
    let home = caller.home.and_then(|home| dir.space_id(home));
    home.map_or_else(|| inviter.to_owned(), |space| format!("space:{space}"))
}

/// Takes back what was sent to the same before.
async fn end_earlier(w: &mut Write<'_>, permit: &Permit, ix: SpaceIx, (space, handle): (&str, &str)) -> Result<()> {
    let now = w.now;
    for earlier in store::earlier(w.tx(), space, handle, now).await? {
        end(w, permit, ix, &earlier).await?;
    }
    Ok(())
}

async fn end(w: &mut Write<'_>, permit: &Permit, space: SpaceIx, invitation: &Stored) -> Result<()> {
    let now = w.now;
    store::end(w.tx(), permit, &invitation.id, now).await?;
    let (target_id, before) = (invitation.id.clone(), state(w.dir(), invitation));
    let record = Record { space: Some(space), target_type: "invitation", target_id, before, after: Value::Null };
    w.record_as(REVOKE, record).await
}

/// Requires that there is room: of the inviter's, in the post of whom it goes to, and in the space.
async fn bounded(w: &mut Write<'_>, (space, handle): (&str, &str), counted_to: &str, mailed: bool) -> Result<()> {
    let (now, since) = (w.now, w.now - DAY);
    if let Some(sent) = store::sent(w.tx(), counted_to, since, SENT - 1).await? {
        let left = u64::try_from((sent + DAY - now) / 1_000_000).unwrap_or_default();
        return Err(Error::RateLimited(left.max(1)));
    }
    if mailed && store::mailed(w.tx(), handle, since).await? >= LETTERS {
        // When the first of them was sent is nothing that others need to know.
        return Err(Error::RateLimited(DAY as u64 / 1_000_000));
    }
    if store::pending(w.tx(), space, now).await? >= PENDING {
        return Err(Error::conflict("conflict", format!("the space has {PENDING} open invitations; revoke one first")));
    }
    Ok(())
}

/// The account of a username, if there is one.
fn named(dir: &Directory, handle: &str) -> Option<Arc<UserInfo>> {
    let ix = dir.users.by_name::<UserIx>(handle)?;
    dir.users.info(ix).filter(|info| !info.deleted).map(Arc::clone)
}

/// The space, if the caller may manage its invitations.
fn manage(w: &mut Write<'_>, space: &str) -> Result<(Permit, SpaceIx)> {
    let ix = visible_space(w.dir(), &w.caller, space, w.now)?;
    Ok((w.may(Target::Space(ix), Action::Use(Permission::SPACE_ADMIN))?, ix))
}

/// Could that principal give that role there, by what they hold for good? Nobody gives a role with permissions they lack.
fn may_invite(dir: &Directory, principal: &str, space: SpaceIx, role: RoleIx, now: Micros) -> bool {
    let caller = match dir.principal(principal) {
        Some(Principal::User(user)) => Caller::user(&dir.world, user),
        Some(Principal::Key(key)) if dir.keys.info(key).is_some_and(|info| works(dir, info, now)) => {
            Caller::key(&dir.world, key)
        }
        _ => None,
    };
    caller.is_some_and(|caller| {
        let action = Action::Use(Permission::SPACE_ADMIN);
        dir.world.decide(&caller, Target::Space(space), action, now).allowed()
            && grants::holds_all_of(dir, &caller, space, role, now)
    })
}

/// Where an invitation leads, while its inviter could still give what it promises.
fn leads(dir: &Directory, invitation: &Stored, now: Micros) -> Option<(SpaceIx, RoleIx)> {
    let (space, role) = (dir.space_ref(&invitation.space)?, dir.role_ref(&invitation.role)?);
    let holds = grants::may_hold(dir, space, Principal::User(UserIx(0)), role).is_ok();
    (holds && may_invite(dir, &invitation.invited_by, space, role, now)).then_some((space, role))
}

/// The open invitations of a space, oldest first (its administrators).
///
/// # Errors
/// 404, 403, 422 for a cursor that is not good.
pub async fn list(ctx: &Ctx, space: &str, page: &PageRequest) -> Result<Page<Shown>> {
    let dir = ctx.directory();
    let (caller, id) = reads(ctx, &dir, space)?;
    let query = format!("invitations of {id}");
    let (at, after) = match &page.cursor {
        Some(cursor) => access::read_cursor(&dir, &caller, &query, cursor)?,
        None => (i64::MIN.to_string(), String::new()),
    };
    let after = (at.parse().unwrap_or(i64::MIN), after.as_str());
    let items = store::of_space(&ctx.db(), &id, ctx.now(), after, page.limit + 1).await?;
    // Asked again now that they are read: whoever may no more meanwhile is shown none.
    let dir = ctx.directory();
    let (caller, _) = reads(ctx, &dir, space)?;
    let found = paged(&dir, &caller, &query, page, items)?;
    Ok(found.map(|invitation| shown(&dir, invitation, ctx.now())))
}

fn paged(
    dir: &Directory,
    caller: &Caller,
    query: &str,
    page: &PageRequest,
    mut items: Vec<Stored>,
) -> Result<Page<Stored>> {
    let more = items.len() > page.limit;
    items.truncate(page.limit);
    let next = items.last().filter(|_| more);
    let next = next.map(|i| access::cursor(dir, caller, query, &i.created_at.to_string(), &i.id)).transpose()?;
    Ok(Page { items, next })
}

/// The caller and the id of the space, if they may read of its invitations.
fn reads(ctx: &Ctx, dir: &Directory, space: &str) -> Result<(Caller, String)> {
    let caller = ctx.somebody(dir)?;
    let ix = visible_space(dir, &caller, space, ctx.now())?;
    access::check(dir, &caller, Target::Space(ix), Action::Use(Permission::SPACE_ADMIN), ctx.now())?;
    let id = dir.space_id(ix).ok_or(Error::NotFound)?.to_string();
    Ok((caller, id))
}

/// Takes an invitation back.
///
/// # Errors
/// 404, 403.
pub async fn revoke(ctx: &Ctx, space: String, id: String) -> Result<()> {
    write(ctx, REVOKE, async move |w: &mut Write<'_>| {
        let (permit, ix) = manage(w, &space)?;
        let (now, space) = (w.now, w.dir().space_id(ix).ok_or(Error::NotFound)?.to_string());
        let found = match ids::read_id(&id) {
            Some(_) => store::with_id(w.tx(), &id, now).await?,
            None => None,
        };
        let invitation = found.filter(|invitation| invitation.space == space).ok_or(Error::NotFound)?;
        end(w, &permit, ix, &invitation).await
    })
    .await
}

fn shown(dir: &Directory, invitation: Stored, now: Micros) -> Shown {
    let role = dir.role_ref(&invitation.role).map(|role| dir.role_name(role).to_owned()).unwrap_or_default();
    Shown { role, good: leads(dir, &invitation, now).is_some(), invitation }
}

/// What the audit keeps of an invitation: never its token.
fn state(dir: &Directory, invitation: &Stored) -> Value {
    json!({
        "to": invitation.to,
        "role": dir.role_ref(&invitation.role).map(|role| dir.role_name(role).to_owned()),
        "expires_at": clock::to_text(invitation.expires_at),
    })
}

async fn recorded(w: &mut Write<'_>, space: SpaceIx, of: &Stored, before: Value, after: Value) -> Result<()> {
    let target_id = of.id.clone();
    w.record(Record { space: Some(space), target_type: "invitation", target_id, before, after }).await
}
