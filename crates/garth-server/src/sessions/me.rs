//! One's own account: what one sees, one's name, default space, password and sessions.

use super::{Kept, end_one, end_sessions, require_strong, store};
use crate::access::{Ctx, Record, Viewer, Write, archived, named_space, path, role_names, usual_space, write};
use crate::base::attempts::Guess;
use crate::base::error::{Error, Result};
use crate::base::text;
use crate::directory::{Change, Directory, SpaceInfo, UserInfo};
use garth_core::{Caller, Micros, SpaceIx, UserIx};
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

/// The signed-in user and the spaces they can see.
pub struct Me {
    /// Who.
    pub user: Arc<UserInfo>,
    /// Do they manage the installation?
    pub system_admin: bool,
    /// Their own default space, unless it is hidden from them.
    pub default_space: Option<Uuid>,
    /// Where something new of theirs goes when they do not say: their own default, or what takes its place while that is
    /// hidden or archived.
    pub usual_space: Option<Uuid>,
    /// Every space they can see, archived ones too, oldest first.
    pub spaces: Vec<MySpace>,
    /// Do they see two spaces or more, so that controls for them make sense?
    pub controls: bool,
    /// What to tell somebody who is in no space.
    pub notice: Option<&'static str>,
}

/// What somebody who can see no space is told; it is the same for all of them.
const NO_SPACE: &str = "You can see no space yet. Ask an administrator for a role in one. Until then there is nothing \
                        here for you but your own account, and you can sign out.";

/// A space as it stands in one's own list.
pub struct MySpace {
    /// What is known of it.
    pub info: Arc<SpaceInfo>,
    /// The visible names from its root to it, joined by `/`.
    pub path: String,
    /// The strongest built-in role held, else the first custom one.
    pub role: Option<String>,
    /// Is it, or something above it, archived?
    pub archived: bool,
}

/// Who is signed in.
///
/// # Errors
/// 401 for anybody who is not a user.
pub fn me(ctx: &Ctx) -> Result<Me> {
    let dir = ctx.directory();
    me_in(&dir, &ctx.caller(&dir)?, ctx.user(&dir)?, ctx.now())
}

fn me_in(dir: &Directory, caller: &Caller, ix: UserIx, now: Micros) -> Result<Me> {
    let user = Arc::clone(dir.users.info(ix).ok_or(Error::Unauthenticated)?);
    let viewer = Viewer::new(dir, caller, now);
    let seen = dir.spaces.iter::<SpaceIx>().filter(|(ix, _)| viewer.space(*ix));
    let mut spaces: Vec<MySpace> = seen
        .map(|(ix, info)| MySpace {
            info: Arc::clone(info),
            path: path(dir, &viewer, ix),
            role: viewer.standing(ix).and_then(|s| role_names(dir, &s.roles).0),
            archived: archived(&dir.world, ix),
        })
        .collect();
    spaces.sort_by_key(|s| (s.info.created_at, s.info.id));
    let default_space = user.default_space.filter(|id| dir.spaces.by_id(id).is_some_and(|ix| viewer.space(ix)));
    let usual_space = usual_space(dir, &viewer, caller).and_then(|ix| dir.space_id(ix));
    let notice = Some(NO_SPACE).filter(|_| spaces.is_empty());
    let (system_admin, controls) = (caller.system_admin, spaces.len() > 1);
    Ok(Me { system_admin, default_space, usual_space, controls, notice, spaces, user })
}

/// What is to change; `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct MePatch {
    /// Another name.
    pub name: Option<String>,
    /// Another default space; `Some(None)` is the installation's.
    pub default_space: Option<Option<String>>,
}

/// Changes one's own name or default space.
///
/// # Errors
/// 401, 422.
pub async fn update_me(ctx: &Ctx, patch: MePatch) -> Result<Me> {
    write(ctx, "me.update", async move |w: &mut Write<'_>| {
        let (permit, ix) = w.own()?;
        let before = Arc::clone(w.dir().users.info(ix).ok_or(Error::Unauthenticated)?);
        let name = patch.name.as_deref().map_or(Ok(before.name.clone()), |n| text::name("/name", n))?;
        let default_space = match &patch.default_space {
            Some(Some(id)) => {
                let space = named_space(w.dir(), &w.caller, "/default_space", id, w.now)?;
                w.dir().space_id(space)
            }
            Some(None) => None,
            None => before.default_space,
        };
        store::update_me(w.tx(), &permit, before.id, &name, default_space).await?;
        w.changed(Change::User(before.id)).await?;
        // Which space it is is no business of the system's: it may be one that the registry does not show.
        let chosen = |space: Option<Uuid>| if space.is_some() { "own" } else { "the installation's" };
        let was = json!({ "name": before.name, "default_space": chosen(before.default_space) });
        let after = json!({ "name": name, "default_space": chosen(default_space) });
        let target_id = before.id.to_string();
        w.record(Record { space: None, target_type: "user", target_id, before: was, after }).await?;
        me_in(w.dir(), &w.caller, ix, w.now)
    })
    .await
}

/// Changes one's own password, with the current one; every other session ends.
///
/// # Errors
/// 401, 403 when the current one is wrong, 422 for a new one that will not do, 429.
pub async fn set_password(ctx: &Ctx, current: String, new: String) -> Result<()> {
    let (keep, user) = myself(ctx)?;
    let _turn = ctx.hashing()?;
    require_strong(ctx, user, "/new", &new, None).await?;
    let (guess, user, before) = verify_current(ctx, current).await?;
    let (guess, new) = guess.verified(ctx.app.passwords.hash(new).await)?;
    write(ctx, "me.password", async move |w: &mut Write<'_>| {
        let (permit, _) = w.own()?;
        still_current(w, user, &before).await?;
        store::set_password(w.tx(), &permit, user, &new).await?;
        store::forget_signups(w.tx(), &permit, user).await?;
        let ended = end_sessions(w, &permit, user, Some(keep)).await?;
        let (target_id, mut after) = (user.to_string(), json!({ "sessions_ended": ended }));
        Kept::of(w, user).await?.tell(&mut after);
        w.record(Record { space: None, target_type: "user", target_id, before: Value::Null, after }).await
    })
    .await?;
    guess.right();
    Ok(())
}

/// Verifies the caller's current password, as a guess like any other: whoever found an open session must not
/// learn the password by it. Answers the guess, which is still counted, the user, and the password's hash.
pub(super) async fn verify_current(ctx: &Ctx, current: String) -> Result<(Guess<'_>, Uuid, Option<String>)> {
    let dir = ctx.directory();
    let (_, user) = myself(ctx)?;
    let ix = ctx.user(&dir)?;
    let handle = text::folded(&dir.users.info(ix).ok_or(Error::Unauthenticated)?.username);
    let guess = ctx.guess(Some(&handle))?;
    let (guess, found) = guess.verified(store::login(&ctx.app.db, &handle).await.map_err(Error::from))?;
    let hash = found.and_then(|found| found.hash);
    let (guess, fits) = guess.verified(ctx.app.passwords.verify(current, hash.clone()).await)?;
    if fits { Ok((guess, user, hash)) } else { Err(wrong_current()) }
}

/// Requires that the password is the one that was verified: it may have been changed meanwhile.
pub(super) async fn still_current(w: &mut Write<'_>, user: Uuid, hash: &Option<String>) -> Result<()> {
    if store::password_in(w.tx(), user).await? == *hash { Ok(()) } else { Err(wrong_current()) }
}

fn wrong_current() -> Error {
    Error::Forbidden("the current password is wrong".to_owned())
}

/// The caller's session and id.
pub(super) fn myself(ctx: &Ctx) -> Result<(Uuid, Uuid)> {
    let dir = ctx.directory();
    let session = ctx.session(&dir)?;
    Ok((session.id, dir.users.info(session.user).ok_or(Error::Unauthenticated)?.id))
}

/// One of the caller's own sessions.
pub struct Session {
    /// Its id.
    pub id: String,
    /// When it began.
    pub created_at: Micros,
    /// When it ends.
    pub expires_at: Micros,
    /// When it was used last, to the minute; after a week without it ends as well.
    pub last_used_at: Micros,
    /// What they signed in with, as it calls itself.
    pub device: String,
    /// Is it the one that asks?
    pub current: bool,
    /// Their teams in it, where a login policy or an identity provider said which.
    pub teams: Option<Vec<String>>,
}

/// The caller's own sessions, newest first.
///
/// # Errors
/// 401 for anybody who is not a user.
pub async fn list(ctx: &Ctx) -> Result<Vec<Session>> {
    let (current, user) = myself(ctx)?;
    let current = current.to_string();
    let rows = store::list(&ctx.app.db, user, ctx.now()).await?;
    let dir = ctx.directory();
    let one = |(id, created_at, expires_at, device): (String, Micros, Micros, String)| {
        // One that was ended since, or left alone for too long, is none.
        let session = dir.session_with(&id).filter(|session| session.good(ctx.now()))?;
        Some(Session {
            current: id == current,
            teams: session.teams.clone(),
            last_used_at: session.used.at().unwrap_or(created_at),
            id,
            created_at,
            expires_at,
            device,
        })
    };
    Ok(rows.into_iter().filter_map(one).collect())
}

/// Ends one of the caller's own sessions, or all of them but the one that asks.
///
/// # Errors
/// 401; 404 for a session that is not theirs.
pub async fn end(ctx: &Ctx, id: Option<String>) -> Result<()> {
    let current = ctx.session(&ctx.directory())?.id;
    write(ctx, "session.end", async move |w: &mut Write<'_>| {
        let (permit, ix) = w.own()?;
        let user = w.dir().users.info(ix).ok_or(Error::Unauthenticated)?.id;
        let now = w.now;
        let own = store::of_user(w.tx(), user, now).await?;
        let ending: Vec<Uuid> = match &id {
            Some(id) => own.into_iter().filter(|s| s.to_string() == *id).collect(),
            None => own.into_iter().filter(|s| *s != current).collect(),
        };
        if id.is_some() && ending.is_empty() {
            return Err(Error::NotFound);
        }
        for session in ending {
            end_one(w, &permit, session).await?;
            let before = json!({ "session": session });
            let target_id = user.to_string();
            w.record(Record { space: None, target_type: "user", target_id, before, after: Value::Null }).await?;
        }
        Ok(())
    })
    .await
}
