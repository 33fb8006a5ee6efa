//! Who may do something: for searches, page by page; and, with where each of them has it from, for the command line,
//! because that answer names people whom hardly anybody may see.

use crate::access::actors::Actors;
use crate::access::{self, Ctx, Needed, Viewer, store, works};
use crate::base::error::{Error, Result};
use crate::directory::{Directory, UserInfo};
use garth_core::{
    Action, By, Caller, Candidates, ClassIx, Decision, Facts, Flow, Given, GroupIx, Micros, Named, Permission,
};
use garth_core::{Principal, ResourceIx, SpaceIx, Target, UserIx};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use uuid::Uuid;

/// What is asked about, with the people it names itself.
#[derive(Clone, Debug)]
pub enum About {
    /// A space.
    Space(SpaceIx),
    /// A resource.
    Resource {
        /// Its id.
        id: String,
        /// Space, kind and policies.
        class: ClassIx,
        /// Who made it, as a principal.
        author: String,
        /// Who owns it, as a principal; empty for nobody.
        owner: String,
        /// Who follows it, as principals.
        subscribers: Vec<String>,
        /// What must be seen before it.
        needed: Vec<Needed>,
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

/// A resource on whose behalf somebody may.
#[derive(Clone, Debug)]
pub struct AllowedActor {
    /// Its id.
    pub id: Uuid,
    /// What let it through, in a few words.
    pub because: String,
    /// As [`Allowed::sources`].
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
    pub fn target(&self, dir: &Directory, caller: &Caller, now: Micros) -> Target {
        match self {
            Self::Space(space) => Target::Space(*space),
            Self::Resource { id, class, author, owner, subscribers, needed } => {
                let follows = access::identity(dir, caller).is_some_and(|me| subscribers.contains(&me));
                let barred = access::barred(dir, caller, id, needed, now);
                Target::Resource(*class, Facts { barred, ..access::facts(dir, caller, author, owner, follows) })
            }
        }
    }
}

/// A question to be asked on behalf of many.
struct Asked<'a> {
    dir: &'a Directory,
    about: &'a About,
    named: Named,
    action: Action,
    given: Given,
    now: Micros,
    /// Who asks, where not everything may be told: what others see through a share counts where the asker may ask.
    asker: Option<Caller>,
}

impl<'a> Asked<'a> {
    fn new(dir: &'a Directory, about: &'a About, action: Action, given: &Given, now: Micros) -> Self {
        let mut named = Named::default();
        if let About::Resource { author, owner, subscribers, .. } = about {
            (named.author, named.owner) = (dir.principal(author), dir.principal(owner));
            named.subscribers = subscribers.iter().filter_map(|one| dir.principal(one)).collect();
            named.subscribers.sort_unstable();
        }
        Self { dir, about, named, action, given: given.clone(), now, asker: None }
    }

    /// To that caller; as [`About::target`], without spelling anybody.
    fn target(&self, caller: &Caller) -> Target {
        match self.about {
            About::Space(space) => Target::Space(*space),
            About::Resource { id, class, needed, .. } => {
                let me = caller.who.filter(|who| matches!(who, Principal::User(_) | Principal::Key(_)));
                let is = |one: Option<Principal>| me.is_some() && one == me;
                let subscriber = me.is_some_and(|me| self.named.subscribers.binary_search(&me).is_ok());
                let barred = access::barred(self.dir, caller, id, needed, self.now);
                let facts = Facts { author: is(self.named.author), owner: is(self.named.owner), subscriber, barred };
                Target::Resource(*class, facts)
            }
        }
    }

    fn caller(&self, principal: Principal) -> Option<Caller> {
        let mut caller = caller_of(self.dir, principal, self.now)?;
        caller.given = self.given.clone();
        Some(caller)
    }

    fn may(&self, caller: &Caller) -> bool {
        let decision = self.dir.world.decide(caller, self.target(caller), self.action, self.now);
        let asks = |asker: &Caller, space| {
            let ask = Action::Use(Permission::DECISION_ASK);
            self.dir.world.decide(asker, Target::Space(space), ask, self.now).allowed()
        };
        let told = |window| self.asker.as_ref().is_none_or(|asker| asks(asker, window));
        decision.allowed() && decision.window.is_none_or(told)
    }

    /// The same, as one who may ask is told.
    fn told_to(mut self, asker: Caller) -> Self {
        self.asker = Some(asker).filter(|asker| !asker.system);
        self
    }

    /// Among whom everybody is who may.
    fn candidates(&self) -> Candidates {
        let target = match self.about {
            About::Space(space) => Target::Space(*space),
            About::Resource { class, .. } => Target::Resource(*class, Facts::default()),
        };
        self.dir.world.candidates(target, &self.named, self.action, self.now)
    }

    /// The users who could be among those who may, some twice; `None` where it could be anybody.
    fn users(&self) -> Option<Vec<UserIx>> {
        let Candidates::Among(list) = self.candidates() else { return None };
        let mut users = Vec::with_capacity(list.len());
        for principal in list {
            match principal {
                Principal::User(user) => users.push(user),
                Principal::Group(group) => users.extend(self.dir.world.members(group)),
                Principal::Everyone | Principal::Key(_) | Principal::Resource(_) => {}
            }
        }
        Some(users)
    }

    /// The groups that could be among those which may, some twice.
    fn groups(&self) -> Vec<Principal> {
        match self.candidates() {
            Candidates::Anybody => {
                let all = self.dir.groups.iter::<GroupIx>().map(|(ix, _)| Principal::Group(ix));
                all.chain([Principal::Everyone]).collect()
            }
            Candidates::Among(list) => {
                let groups =
                    list.into_iter().filter_map(|p| if let Principal::Group(ix) = p { Some(ix) } else { None });
                groups.flat_map(|ix| self.dir.world.group_and_below(ix)).map(Principal::Group).collect()
            }
        }
    }

    /// The resources with roles of their own that could be among those which may.
    fn actors(&self) -> Vec<Principal> {
        match self.candidates() {
            Candidates::Anybody => self.dir.actors.iter().map(|(ix, _)| Principal::Resource(ix)).collect(),
            Candidates::Among(list) => list.into_iter().filter(|p| matches!(p, Principal::Resource(_))).collect(),
        }
    }

    /// The api keys that could be among those which may: each holds a grant in its own space, here or above; or where
    /// it is shared to, or above that.
    fn keys(&self) -> Vec<Principal> {
        let world = &self.dir.world;
        let windows = match self.about {
            About::Resource { class, .. } => world.class(*class).map_or(&[][..], |class| &class.windows),
            About::Space(_) => &[],
        };
        let spaces = self.about.space(self.dir).into_iter().chain(windows.iter().copied());
        let mut places: Vec<SpaceIx> = spaces.flat_map(|space| world.ancestry(space)).collect();
        places.sort_unstable();
        places.dedup();
        let grants = places.iter().filter_map(|ix| world.space(*ix)).flat_map(|space| space.grants());
        grants.map(|grant| grant.principal).filter(|p| matches!(p, Principal::Key(_))).collect()
    }
}

/// What type of subject is searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sought {
    /// Users.
    Users,
    /// Groups: what any member may do by that alone; `everyone` comes last.
    Groups,
    /// Api keys.
    Keys,
    /// Resources that hold roles, of those that the caller may view.
    Actors,
}

/// Most subjects that are looked at for one page; then it ends, and says that there may be more.
const LOOKED_AT: usize = 10_000;
/// So many users are read at a time where anybody may be one.
const CHUNK: usize = 500;
/// `everyone` has no id and comes after whatever has one.
const LAST: Uuid = Uuid::max();

/// The subjects of that type who may, in the order of their ids: at most `limit` after that id; and, where there may
/// be more, the id to go on after. Only those whom grants, policies and exceptions name are looked at, everybody only
/// where these say so, and then no more than the page needs.
///
/// # Errors
/// When the store fails.
pub async fn subjects(
    ctx: &Ctx,
    about: &About,
    sought: Sought,
    action: Action,
    given: &Given,
    after: Option<Uuid>,
    limit: usize,
) -> Result<(Vec<Principal>, Option<Uuid>)> {
    let (dir, now) = (ctx.directory(), ctx.now());
    let asked = Asked::new(&dir, about, action, given, now).told_to(ctx.somebody(&dir)?);
    let (mut found, next) = page_of(ctx, &asked, sought, after, limit).await?;
    let newest = ctx.directory();
    if !Arc::ptr_eq(&dir, &newest) {
        // Something changed meanwhile: nobody appears whose access was revoked before the answer.
        let asked = Asked::new(&newest, about, action, given, now).told_to(ctx.somebody(&newest)?);
        found.retain(|principal| asked.caller(*principal).is_some_and(|caller| asked.may(&caller)));
    }
    if sought == Sought::Actors {
        let names = found.iter().filter_map(|p| id_of(&newest, *p)).map(|id| id.to_string()).collect::<Vec<_>>();
        let actors = Actors::read(ctx, names.iter().map(String::as_str)).await?;
        let dir = ctx.directory();
        let reader = ctx.caller(&dir)?;
        found.retain(|one| {
            id_of(&dir, *one).is_some_and(|id| actors.seen(&dir, &reader, &id.to_string(), now).is_some())
        });
    }
    Ok((found, next))
}

/// The page of the resources among those, which are in order, that the caller may view.
async fn actors(
    ctx: &Ctx,
    mut page: PageOf<'_>,
    ordered: Vec<(Uuid, Principal)>,
) -> Result<(Vec<Principal>, Option<Uuid>)> {
    for some in ordered.chunks(CHUNK) {
        let names: Vec<String> = some.iter().map(|(id, _)| id.to_string()).collect();
        let actors = Actors::read(ctx, names.iter().map(String::as_str)).await?;
        let dir = ctx.directory();
        let reader = ctx.caller(&dir)?;
        for ((id, principal), name) in some.iter().zip(&names) {
            // Who is hidden is passed over as if there were nothing, and counts for nothing.
            if actors.seen(&dir, &reader, name, page.asked.now).is_some() && !page.take(*id, *principal) {
                return Ok((page.found, page.last));
            }
        }
    }
    Ok((page.found, None))
}

async fn page_of(
    ctx: &Ctx,
    asked: &Asked<'_>,
    sought: Sought,
    after: Option<Uuid>,
    limit: usize,
) -> Result<(Vec<Principal>, Option<Uuid>)> {
    let dir = asked.dir;
    let mut page = PageOf { asked, found: Vec::new(), last: None, looked_at: 0, limit };
    let behind = |id: &Uuid| after.is_none_or(|after| *id > after);
    let candidates: Vec<(Uuid, Principal)> = match sought {
        Sought::Users => match asked.users() {
            Some(users) => {
                let with_id = users.into_iter().filter_map(|ix| Some((dir.users.info(ix)?.id, Principal::User(ix))));
                with_id.filter(|(id, _)| behind(id)).collect()
            }
            None => return anybody(ctx, page, after).await,
        },
        Sought::Actors => {
            let with_id = asked.actors().into_iter().filter_map(|p| Some((id_of(dir, p)?, p)));
            let mut ordered: Vec<(Uuid, Principal)> = with_id.filter(|(id, _)| behind(id)).collect();
            ordered.sort_unstable();
            return actors(ctx, page, ordered).await;
        }
        Sought::Groups | Sought::Keys => {
            let list = if sought == Sought::Groups { asked.groups() } else { asked.keys() };
            list.into_iter().filter_map(|p| Some((id_of(dir, p)?, p))).filter(|(id, _)| behind(id)).collect()
        }
    };
    // In order only as far as the page goes.
    let mut ordered: BinaryHeap<Reverse<(Uuid, Principal)>> = candidates.into_iter().map(Reverse).collect();
    while let Some(Reverse((id, principal))) = ordered.pop() {
        if !page.take(id, principal) {
            return Ok((page.found, page.last));
        }
    }
    Ok((page.found, None))
}

/// The page where anybody may be among those who may.
async fn anybody(ctx: &Ctx, mut page: PageOf<'_>, after: Option<Uuid>) -> Result<(Vec<Principal>, Option<Uuid>)> {
    let mut after = after.map(|id| id.to_string()).unwrap_or_default();
    let mut chunk = CHUNK.min(page.limit + 1);
    loop {
        let ids = store::users_after(&ctx.db(), &after, std::mem::replace(&mut chunk, CHUNK)).await?;
        let Some(last) = ids.last().cloned() else { return Ok((page.found, None)) };
        for id in ids.iter().filter_map(|id| Uuid::try_parse(id).ok()) {
            // Whoever came after this picture was made is not in it yet.
            if let Some(user) = page.asked.dir.users.by_id::<UserIx>(&id)
                && !page.take(id, Principal::User(user))
            {
                return Ok((page.found, page.last));
            }
        }
        after = last;
    }
}

fn id_of(dir: &Directory, principal: Principal) -> Option<Uuid> {
    match principal {
        Principal::Everyone => Some(LAST),
        Principal::User(user) => dir.users.info(user).map(|user| user.id),
        Principal::Group(group) => dir.groups.info(group).map(|group| group.id),
        Principal::Key(key) => dir.keys.info(key).map(|key| key.id),
        Principal::Resource(actor) => dir.actors.info(actor).map(|actor| actor.id),
    }
}

/// A page while it is filled.
struct PageOf<'a> {
    asked: &'a Asked<'a>,
    found: Vec<Principal>,
    /// Who was looked at last.
    last: Option<Uuid>,
    looked_at: usize,
    limit: usize,
}

impl PageOf<'_> {
    /// Looks at the next one. Answers whether the page wants more; if not, that one is left for the page after it.
    fn take(&mut self, id: Uuid, principal: Principal) -> bool {
        if self.last == Some(id) {
            return true;
        }
        if self.looked_at == LOOKED_AT {
            return false;
        }
        if self.asked.caller(principal).is_some_and(|caller| self.asked.may(&caller)) {
            if self.found.len() == self.limit {
                return false;
            }
            self.found.push(principal);
        }
        self.last = Some(id);
        self.looked_at += 1;
        true
    }
}

/// A principal as decisions know it; `None` when it is gone, disabled or good for nothing any more.
pub fn caller_of(dir: &Directory, principal: Principal, now: Micros) -> Option<Caller> {
    let world = &dir.world;
    match principal {
        Principal::User(user) => Caller::user(world, user),
        Principal::Group(group) => Caller::group(world, group),
        Principal::Everyone => Some(Caller::everyone()),
        Principal::Key(key) => {
            let works = dir.keys.info(key).is_some_and(|key| works(dir, key, now));
            Caller::key(world, key).filter(|_| works)
        }
        Principal::Resource(actor) => dir.actors.info(actor).map(|_| Caller::resource(actor)),
    }
}

/// Among which people everybody is who may do that; `None` where it could be anybody.
pub fn candidates(dir: &Directory, about: &About, action: Action, now: Micros) -> Option<Vec<UserIx>> {
    Asked::new(dir, about, action, &Given::default(), now).users()
}

/// Everybody who may do that, by username.
///
/// # Errors
/// 401 or 403 for all but the command line.
pub fn who(ctx: &Ctx, about: &About, action: Action) -> Result<Vec<Allowed>> {
    let (dir, now) = (ctx.directory(), ctx.now());
    let reader = on_the_server(ctx, &dir)?;
    let viewer = Viewer::new(&dir, &reader, now);
    let asked = Asked::new(&dir, about, action, &Given::default(), now);
    let mut users = asked.users().unwrap_or_else(|| dir.users.iter::<UserIx>().map(|(ix, _)| ix).collect());
    users.sort_unstable();
    users.dedup();
    let mut allowed: Vec<Allowed> = users.into_iter().filter_map(|ix| one(&asked, &viewer, ix)).collect();
    allowed.sort_by_cached_key(|one| one.user.username.to_lowercase());
    Ok(allowed)
}

/// Every resource on whose behalf somebody may do that, by id.
///
/// # Errors
/// As [`who`].
pub fn who_acts(ctx: &Ctx, about: &About, action: Action) -> Result<Vec<AllowedActor>> {
    let (dir, now) = (ctx.directory(), ctx.now());
    let reader = on_the_server(ctx, &dir)?;
    let viewer = Viewer::new(&dir, &reader, now);
    let asked = Asked::new(&dir, about, action, &Given::default(), now);
    let one = |ix: ResourceIx| {
        let id = dir.actors.info(ix)?.id;
        let (because, sources) = reasons(&asked, &viewer, &Caller::resource(ix))?;
        Some(AllowedActor { id, because, sources })
    };
    let actors =
        asked.actors().into_iter().filter_map(|p| if let Principal::Resource(ix) = p { one(ix) } else { None });
    let mut allowed: Vec<AllowedActor> = actors.collect();
    allowed.sort_by_key(|one| one.id);
    Ok(allowed)
}

fn on_the_server(ctx: &Ctx, dir: &Directory) -> Result<Caller> {
    let reader = ctx.somebody(dir)?;
    if reader.system { Ok(reader) } else { Err(Error::Forbidden("this is asked on the server".to_owned())) }
}

fn one(asked: &Asked<'_>, viewer: &Viewer<'_>, ix: UserIx) -> Option<Allowed> {
    let (because, sources) = reasons(asked, viewer, &Caller::user(&asked.dir.world, ix)?)?;
    Some(Allowed { user: Arc::clone(asked.dir.users.info(ix)?), because, sources })
}

/// What lets that caller through, and the roles that carried it; `None` where nothing does.
fn reasons(asked: &Asked<'_>, viewer: &Viewer<'_>, caller: &Caller) -> Option<(String, Vec<RoleSource>)> {
    let Asked { dir, about, action, now, .. } = asked;
    let target = asked.target(caller);
    let decision = dir.world.decide(caller, target, *action, *now);
    if !decision.allowed() {
        return None;
    }
    let last = if *action == Action::Read { decision.view } else { decision.action };
    let needed = if let By::Permission(permission) = last.by { Some(permission) } else { None };
    let sources = match last.by {
        By::Permission(_) | By::Policy | By::KindPolicy | By::SpaceEdit | By::Gate => {
            let there = decision.window.or_else(|| about.space(dir))?;
            sources(dir, viewer, caller, there, needed, *now)
        }
        By::Exception | By::Required | By::System | By::Unasked | By::Window => Vec::new(),
    };
    let mut because = words(dir, &decision, last.by, target);
    if let Some(window) = decision.window.and_then(|window| dir.spaces.info(window)) {
        because.push_str(&format!(", in {}, which it is shared to", window.name));
    }
    Some((because, sources))
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
        By::System | By::Unasked | By::Required | By::Window => String::new(),
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
