//! Who may do something, and where each of them has it from: a question for the command line,
//! because the answer names people whom hardly anybody may see.

use crate::access::{self, Ctx, Viewer};
use crate::base::error::{Error, Result};
use crate::directory::{Directory, UserInfo};
use garth_core::{Action, By, Caller, ClassIx, Decision, Flow, Micros, Permission, Principal, SpaceIx, Target, UserIx};
use std::sync::Arc;
use uuid::Uuid;

/// What is asked about, with the people it names itself.
#[derive(Clone, Debug)]
pub enum About {
    /// A space.
    Space(SpaceIx),
    /// A resource.
    Resource {
        /// Space, kind and policies.
        class: ClassIx,
        /// Who made it, as a principal.
        author: String,
        /// Who owns it, as a principal; empty for nobody.
        owner: String,
        /// Who follows it, as principals.
        subscribers: Vec<String>,
    },
}

/// Somebody who may.
#[derive(Clone, Debug)]
pub struct Allowed {
    /// Who.
    pub user: Arc<UserInfo>,
    /// What let them through, in a few words.
    pub because: String,
    /// The roles that carried it, and where each comes from; empty where no role was needed.
    pub sources: Vec<RoleSource>,
}

/// Where a role comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleSource {
    /// The role's name.
    pub role: String,
    /// `here`, `above` or `below`.
    pub from: &'static str,
    /// The space it was granted in; for `below` the one that inherits.
    pub space: Uuid,
    /// The path of that space.
    pub path: String,
    /// The group it was granted to, or `everyone`.
    pub group: Option<String>,
}

impl About {
    /// The space it is, or lies in.
    pub fn space(&self, dir: &Directory) -> Option<SpaceIx> {
        match self {
            Self::Space(space) => Some(*space),
            Self::Resource { class, .. } => dir.world.class(*class).map(|c| c.space),
        }
    }

    /// What that caller asks about: to them.
    pub fn target(&self, dir: &Directory, caller: &Caller) -> Target {
        match self {
            Self::Space(space) => Target::Space(*space),
            Self::Resource { class, author, owner, subscribers } => {
                let follows = access::identity(dir, caller).is_some_and(|me| subscribers.contains(&me));
                Target::Resource(*class, access::facts(dir, caller, author, owner, follows))
            }
        }
    }
}

/// Everybody who may do that, by username.
///
/// # Errors
/// 401 or 403 for all but the command line.
pub fn who(ctx: &Ctx, about: &About, action: Action) -> Result<Vec<Allowed>> {
    let (dir, now) = (ctx.directory(), ctx.now());
    let reader = ctx.somebody(&dir)?;
    if !reader.system {
        return Err(Error::Forbidden("this is asked on the server".to_owned()));
    }
    let viewer = Viewer::new(&dir, &reader, now);
    let mut allowed: Vec<Allowed> =
        dir.users.iter::<UserIx>().filter_map(|(ix, user)| one(&dir, &viewer, ix, user, about, action, now)).collect();
    allowed.sort_by_cached_key(|one| one.user.username.to_lowercase());
    Ok(allowed)
}

fn one(
    dir: &Directory,
    viewer: &Viewer<'_>,
    ix: UserIx,
    user: &Arc<UserInfo>,
    about: &About,
    action: Action,
    now: Micros,
) -> Option<Allowed> {
    let caller = Caller::user(&dir.world, ix)?;
    let target = about.target(dir, &caller);
    let decision = dir.world.decide(&caller, target, action, now);
    if !decision.allowed() {
        return None;
    }
    let last = if action == Action::Read { decision.view } else { decision.action };
    let needed = if let By::Permission(permission) = last.by { Some(permission) } else { None };
    let sources = match last.by {
        By::Permission(_) | By::Policy | By::KindPolicy | By::SpaceEdit | By::Gate => {
            sources(dir, viewer, &caller, about.space(dir)?, needed, now)
        }
        By::Exception | By::System | By::Unasked => Vec::new(),
    };
    Some(Allowed { user: Arc::clone(user), because: words(dir, &decision, last.by, target), sources })
}

/// What let somebody through.
fn words(dir: &Directory, decision: &Decision, by: By, target: Target) -> String {
    match by {
        By::Permission(permission) => format!("holds {}", dir.words().permission(permission)),
        By::Policy => "the resource's own policy".to_owned(),
        By::KindPolicy => "the default policy of its kind".to_owned(),
        By::SpaceEdit => "the space's edit policy".to_owned(),
        By::Gate if decision.standing.roles.is_empty() => "the space's view policy; no role there".to_owned(),
        By::Gate => "the space's view policy".to_owned(),
        By::Exception => match target {
            Target::Resource(_, facts) => {
                let are =
                    [(facts.owner, "its owner"), (facts.author, "its author"), (facts.subscriber, "a subscriber")];
                let named: Vec<&str> = are.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
                format!("an exception of its kind: {}", named.join(", "))
            }
            Target::Space(_) => String::new(),
        },
        By::System | By::Unasked => String::new(),
    }
}

/// Where the roles come from; of those, only the ones with the permission, where one was needed.
fn sources(
    dir: &Directory,
    viewer: &Viewer<'_>,
    caller: &Caller,
    space: SpaceIx,
    needed: Option<Permission>,
    now: Micros,
) -> Vec<RoleSource> {
    let mut found: Vec<RoleSource> = Vec::new();
    for source in dir.world.sources(caller, space, now) {
        let carries = |permission| dir.world.role(source.role).is_some_and(|role| role.allows(permission));
        if !needed.is_none_or(carries) {
            continue;
        }
        let group = match source.principal {
            Some(Principal::Everyone) => Some("everyone".to_owned()),
            Some(Principal::Group(group)) => dir.groups.info(group).map(|g| g.name.clone()),
            _ => None,
        };
        let from = match source.flow {
            Flow::Here => "here",
            Flow::Above => "above",
            Flow::Below => "below",
        };
        let source = RoleSource {
            role: dir.role_name(source.role).to_owned(),
            from,
            space: dir.space_id(source.space).unwrap_or_default(),
            path: access::path(dir, viewer, source.space),
            group,
        };
        if !found.contains(&source) {
            found.push(source);
        }
    }
    found
}
