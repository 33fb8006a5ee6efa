//! The access explorer: what somebody sees in a space, and who sees something of it.
//!
//! For whom [`super::explain`] is: everybody asks about themselves; a space's administrators about the people whom they
//! can see, and about what they see there themselves. Each answer is what explaining the same would say.

use super::subjects::caller_of;
use super::{Entity, action, asking};
use crate::access::{self, About, Ctx, Viewer};
use crate::base::error::{Error, Result};
use crate::base::http::{Page, PageRequest};
use crate::base::text;
use crate::directory::policy::Sees;
use crate::directory::{Directory, UserInfo};
use crate::grants::{self, MemberSource};
use crate::resources::{self, ResourceView};
use asking::space_of;
use garth_core::{Action, By, Caller, Decision, KindIx, Micros, Permission, Principal, SpaceIx, Target, UserIx};
use std::sync::Arc;
use uuid::Uuid;

/// Most people that are looked at for one page; then it ends, and says that there may be more.
const LOOKED_AT: usize = 10_000;

/// What somebody is in a space.
pub struct Held {
    /// Who.
    pub user: Arc<UserInfo>,
    /// Are they the one who asks?
    pub itself: bool,
    /// Do they pass the space's gate?
    pub gate: bool,
    /// The strongest built-in role they hold, else the first custom one.
    pub role: Option<String>,
    /// Every role, and where it comes from.
    pub sources: Vec<MemberSource>,
}

/// A resource, and what somebody may do to it.
pub struct Told {
    /// The resource, as the caller sees it.
    pub view: ResourceView,
    /// May they see it?
    pub reads: bool,
    /// May they change it?
    pub writes: bool,
}

/// Somebody who may.
pub struct Somebody {
    /// Who.
    pub user: Arc<UserInfo>,
    /// What lets them.
    pub by: Way,
    /// The roles that carry it, and where each comes from; none where no role is needed.
    pub sources: Vec<MemberSource>,
}

/// What lets somebody through, last of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// A role.
    Role,
    /// The space's view policy, whatever they hold.
    Gate,
    /// The space's edit policy.
    SpaceEdit,
    /// The resource's own policy.
    Policy,
    /// The default policy of its kind.
    KindPolicy,
    /// An exception of its kind for author, owner or subscribers.
    Exception,
    /// It is shared to another space.
    Elsewhere,
}

/// A caller who asks about a space.
struct Asker {
    dir: Arc<Directory>,
    caller: Caller,
    space: SpaceIx,
    manages: bool,
    now: Micros,
}

impl Asker {
    fn new(ctx: &Ctx, space: &str) -> Result<Self> {
        let (dir, now) = (ctx.directory(), ctx.now());
        let caller = ctx.somebody(&dir)?;
        let space = access::visible_space(&dir, &caller, space, now)?;
        let admin = Action::Use(Permission::SPACE_ADMIN);
        let manages = caller.system || dir.world.decide(&caller, Target::Space(space), admin, now).allowed();
        Ok(Self { dir, caller, space, manages, now })
    }

    /// The person of a name, if the caller may ask about them.
    fn person(&self, who: &str) -> Result<UserIx> {
        let user = self.dir.user_ref(who);
        if user.is_some() && user.map(Principal::User) == self.caller.who {
            return user.ok_or(Error::NotFound);
        }
        if !self.manages {
            return Err(not_others());
        }
        let viewer = Viewer::new(&self.dir, &self.caller, self.now);
        let seen = match user {
            Some(user) => viewer.user(user),
            None => viewer.nobody(),
        };
        user.filter(|_| seen).ok_or_else(|| Error::field("?who", "is nobody you can see"))
    }

    fn may(&self, target: Target, action: Action) -> bool {
        self.dir.world.decide(&self.caller, target, action, self.now).allowed()
    }
}

fn not_others() -> Error {
    Error::Forbidden("only administrators of the space may ask about others".to_owned())
}

/// What somebody is in a space; `who` as an id or `@username`.
///
/// # Errors
/// 404 for a space that is hidden or missing; 403 about others for all but its administrators; 422 for nobody they see.
pub fn held(ctx: &Ctx, space: &str, who: &str) -> Result<Held> {
    let asker = Asker::new(ctx, space)?;
    let (dir, now) = (&asker.dir, asker.now);
    let ix = asker.person(who)?;
    let user = Arc::clone(dir.users.info(ix).ok_or(Error::NotFound)?);
    let itself = asker.caller.who == Some(Principal::User(ix));
    let viewer = Viewer::new(dir, &asker.caller, now);
    let subject = if itself { Some(asker.caller.clone()) } else { dir.as_seen(ix, now) };
    let standing = subject.as_ref().map(|subject| dir.world.standing(subject, asker.space, now)).unwrap_or_default();
    let sources = subject.filter(|_| standing.gate);
    let sources = sources.map(|subject| grants::sources(dir, &viewer, &subject, asker.space, now)).unwrap_or_default();
    let role = Some(&standing).filter(|standing| standing.gate);
    let role = role.and_then(|standing| access::role_names(dir, &standing.roles).0);
    Ok(Held { user, itself, gate: standing.gate, role, sources })
}

/// What somebody may do to resources of a space, which the caller sees; those that lie elsewhere are left out.
///
/// # Errors
/// As [`held`].
pub async fn told(ctx: &Ctx, space: &str, who: &str, views: Vec<ResourceView>) -> Result<Vec<Told>> {
    Asker::new(ctx, space)?.person(who)?;
    let abouts = resources::abouts(ctx, &views).await?;
    // The rows first and the picture second: what was revoked before the answer is not told as allowed.
    let asker = Asker::new(ctx, space)?;
    let (dir, now) = (&asker.dir, asker.now);
    let subject = caller_of(ctx, dir, Some(Principal::User(asker.person(who)?))).unwrap_or_else(Caller::anonymous);
    let one = |view: ResourceView| {
        let about = abouts.get(&view.row.id).filter(|about| about.space(dir) == Some(asker.space))?;
        let seen = asker.may(about.target(dir, &asker.caller, now), Action::Read);
        let target = about.target(dir, &subject, now);
        let may = |action| dir.world.decide(&subject, target, action, now).allowed();
        seen.then(|| Told { reads: may(Action::Read), writes: may(Action::Write), view })
    };
    Ok(views.into_iter().filter_map(one).collect())
}

/// What a question about somebody else is about, in that space.
async fn about(ctx: &Ctx, thing: &Entity<'_>) -> Result<Option<About>> {
    if thing.kind == "space" {
        return Ok(ctx.directory().space_ref(thing.id).map(About::Space));
    }
    let found = resources::about(ctx, thing.id).await?;
    let dir = ctx.directory();
    let kind = dir.kinds.by_name::<KindIx>(thing.kind);
    let fits = |about: &About| match about {
        About::Resource { class, .. } => dir.world.class(*class).map(|class| class.kind) == kind,
        About::Space(_) => false,
    };
    Ok(found.filter(fits))
}

/// A page of the people who may do that to a space, or to a resource in it, by username: of those the caller can see.
///
/// # Errors
/// 404 for a space that is hidden or missing; 403 for all but its administrators; 422 for a thing or an action that is
/// not there, and for a cursor that is not good.
pub async fn people(
    ctx: &Ctx,
    space: &str,
    thing: &Entity<'_>,
    named: &str,
    page: &PageRequest,
) -> Result<Page<Somebody>> {
    if !Asker::new(ctx, space)?.manages {
        return Err(not_others());
    }
    let about = about(ctx, thing).await?;
    let asker = Asker::new(ctx, space)?;
    if !asker.manages {
        return Err(not_others());
    }
    let (dir, now) = (&asker.dir, asker.now);
    let seen = about.filter(|about| {
        let target = about.target(dir, &asker.caller, now);
        space_of(dir, target) == Some(asker.space) && asker.may(target, Action::Read)
    });
    let about = seen.ok_or_else(|| Error::field("?what", "is nothing here that you can see"))?;
    let action =
        action(dir, thing.kind, named).ok_or_else(|| Error::field("?action", "is nothing to be done to it"))?;
    let query = format!("people of {} {} {named}", thing.kind, thing.id);
    let after = match &page.cursor {
        Some(cursor) => access::read_cursor(dir, &asker.caller, &query, cursor)?.0,
        None => String::new(),
    };
    let viewer = Viewer::new(dir, &asker.caller, now);
    let among = match (access::candidates(dir, &about, action, now), viewer.people()) {
        (Some(list), _) => list,
        (None, access::People::These(people)) => people.into_iter().collect(),
        (None, access::People::Everybody) => dir.users.iter::<UserIx>().map(|(ix, _)| ix).collect(),
    };
    let known = |ix: UserIx| Some((ix, Arc::clone(dir.users.info(ix).filter(|user| !user.deleted)?)));
    let mut among: Vec<(String, Uuid, UserIx, Arc<UserInfo>)> = among
        .into_iter()
        .filter_map(known)
        .map(|(ix, user)| (text::folded(&user.username), user.id, ix, user))
        .filter(|(handle, ..)| *handle > after)
        .collect();
    among.sort_unstable_by(|one, other| (&one.0, one.1).cmp(&(&other.0, other.1)));
    among.dedup_by_key(|one| one.1);
    let (mut items, mut before, mut next) = (Vec::new(), None, None);
    for (looked_at, (handle, id, ix, user)) in among.into_iter().enumerate() {
        if looked_at == LOOKED_AT {
            next = before;
            break;
        }
        if let Some((by, sources)) = way(&asker, &viewer, &about, action, ix) {
            if items.len() == page.limit {
                next = before;
                break;
            }
            items.push(Somebody { user, by, sources });
        }
        before = Some((handle, id));
    }
    let next = next.map(|(handle, id)| access::cursor(dir, &asker.caller, &query, &handle, &id.to_string()));
    Ok(Page { items, next: next.transpose()? })
}

/// What lets somebody do that, if anything does and the caller may know of them.
fn way(
    asker: &Asker,
    viewer: &Viewer<'_>,
    about: &About,
    action: Action,
    who: UserIx,
) -> Option<(Way, Vec<MemberSource>)> {
    let (dir, now) = (&*asker.dir, asker.now);
    let subject = access::caller_of(dir, Principal::User(who), now)?;
    let decision = dir.world.decide(&subject, about.target(dir, &subject, now), action, now);
    if !decision.allowed() || !(asker.met(&decision) || viewer.principal(Principal::User(who))) {
        return None;
    }
    let last = if action == Action::Read { decision.view.by } else { decision.action.by };
    let by = match last {
        _ if decision.window.is_some_and(|window| !viewer.space(window)) => return Some((Way::Elsewhere, Vec::new())),
        By::Permission(_) => Way::Role,
        By::SpaceEdit => Way::SpaceEdit,
        By::Policy => Way::Policy,
        By::KindPolicy => Way::KindPolicy,
        By::Exception => Way::Exception,
        By::Window => Way::Elsewhere,
        By::Gate | By::Unasked | By::System | By::Required => Way::Gate,
    };
    let there = decision.window.unwrap_or(asker.space);
    let mut sources = grants::sources(dir, viewer, &subject, there, now);
    match last {
        By::Permission(permission) => {
            let carries = |name: &str| {
                dir.role_ref(name).and_then(|role| dir.world.role(role)).is_some_and(|role| role.allows(permission))
            };
            sources.retain(|source| carries(&source.role));
        }
        By::Exception => sources.clear(),
        _ => {}
    }
    Some((by, sources))
}

impl Asker {
    /// Do they meet in the space, so that they see each other?
    fn met(&self, decision: &Decision) -> bool {
        let standing = self.dir.world.standing(&self.caller, self.space, self.now);
        decision.window.is_none() && !standing.roles.is_empty() && !decision.standing.roles.is_empty()
    }
}
