//! Comparing what people may do in two pictures.

use super::scope::{People, Scope, named};
use super::{COMPARISONS, ITEMS, Preview, RESOURCES};
use crate::access::{About, ChangedRow, Ctx, Pictures, Viewer, caller_of, registered};
use crate::base::error::Result;
use crate::decisions::{self, search};
use crate::directory::Directory;
use crate::directory::policy::Sees;
use garth_core::{Action, Caller, Facts, Micros, Principal, ResourceIx, RoleIx, SpaceIx, Target, UserIx};
use std::cell::OnceCell;
use std::collections::BTreeSet;

/// Somebody who would gain or lose something.
#[derive(Clone, Debug)]
pub struct Item {
    /// Who.
    pub who: Principal,
    /// As grants write them.
    pub principal: String,
    /// The username, of a user.
    pub username: Option<String>,
    /// To what.
    pub thing: Thing,
    /// What they may do to it then and not now: actions as a decision is asked for them, in order.
    pub gains: Vec<String>,
    /// What they may do to it now and not then.
    pub loses: Vec<String>,
}

/// A space or a resource.
#[derive(Clone, Debug)]
pub struct Thing {
    /// `space`, or a kind.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// As decisions ask about it now.
    pub about: About,
}

/// What somebody who looks may be told of.
pub struct Eyes<'a> {
    dir: &'a Directory,
    caller: &'a Caller,
    viewer: Viewer<'a>,
    now: Micros,
}

impl<'a> Eyes<'a> {
    /// That caller, in that picture.
    pub fn new(dir: &'a Directory, caller: &'a Caller, now: Micros) -> Self {
        Self { dir, caller, viewer: Viewer::new(dir, caller, now), now }
    }

    /// May they know of that person or key? Of resources, the caller of this asks, which have to be read for that.
    pub fn person(&self, who: Principal) -> bool {
        matches!(who, Principal::Resource(_)) || self.viewer.principal(who)
    }

    /// May they know of what an item is about?
    pub fn thing(&self, item: &Item) -> bool {
        match &item.thing.about {
            About::Space(space) => self.space(*space),
            about => self.sees(about),
        }
    }

    fn space(&self, space: SpaceIx) -> bool {
        let administers = self.caller.system || self.caller.system_admin;
        self.viewer.space(space) || (administers && registered(self.dir, self.caller, space))
    }

    fn sees(&self, about: &About) -> bool {
        let target = about.target(self.dir, self.caller, self.now);
        self.dir.world.decide(self.caller, target, Action::Read, self.now).allowed()
    }
}

/// Compares everything in the scope, and the resources whose own rows change. Resources that hold roles are among those
/// compared, whether the caller may know of them or not, and the list is not cut: see [`cut`].
///
/// # Errors
/// 401 when the caller's credential is no longer good.
pub fn compare(ctx: &Ctx, pictures: &Pictures, scope: &Scope, rows: Vec<(String, About)>) -> Result<Preview> {
    let now = ctx.now();
    let caller = ctx.caller(&pictures.before)?;
    let eyes = Eyes::new(&pictures.before, &caller, now);
    let mut comparing =
        Comparing { pictures, eyes, now, left: COMPARISONS, items: Vec::new(), told: 0, complete: scope.complete };
    comparing.spaces(scope);
    let changed: BTreeSet<&str> = pictures.rows.iter().filter_map(|row| id_of(&row.before)).collect();
    for row in pictures.rows.iter().take(RESOURCES) {
        comparing.resource(row, None);
    }
    comparing.complete &= pictures.rows.len() <= RESOURCES;
    for (name, about) in rows {
        if id_of(&about).is_some_and(|id| !changed.contains(id)) {
            let row = ChangedRow { name, after: after(pictures, &about), before: about };
            comparing.resource(&row, Some(&scope.people).filter(|_| !scope.others));
        }
    }
    Ok(Preview { items: comparing.items, complete: comparing.complete })
}

/// Puts what is told in order, no more of it than an answer holds.
pub fn cut(Preview { mut items, mut complete }: Preview) -> Preview {
    items.sort_by(|a, b| a.principal.cmp(&b.principal).then_with(|| place(a).cmp(&place(b))));
    complete &= items.len() <= ITEMS;
    items.truncate(ITEMS);
    Preview { items, complete }
}

/// Spaces before resources, each by id.
fn place(item: &Item) -> (bool, &str) {
    (item.thing.kind != "space", &item.thing.id)
}

fn id_of(about: &About) -> Option<&str> {
    match about {
        About::Resource { id, .. } => Some(id),
        About::Space(_) => None,
    }
}

/// A resource as it would be whose own row stays: what it requires may have changed.
fn after(pictures: &Pictures, about: &About) -> About {
    let mut about = about.clone();
    if let About::Resource { needed, .. } = &mut about {
        for one in needed {
            let row = pictures.rows.iter().find(|row| id_of(&row.after) == Some(one.id.as_str()));
            if let Some(About::Resource { class, author, owner, subscribers, .. }) = row.map(|row| &row.after) {
                one.class = Some(*class);
                (one.author, one.owner, one.subscribers) = (author.clone(), owner.clone(), subscribers.clone());
            }
        }
    }
    about
}

struct Comparing<'a> {
    pictures: &'a Pictures,
    eyes: Eyes<'a>,
    now: Micros,
    /// How many comparisons may still be made.
    left: usize,
    items: Vec<Item>,
    /// How many of these are about people and keys: what is hidden must not count.
    told: usize,
    complete: bool,
}

impl Comparing<'_> {
    fn spaces(&mut self, scope: &Scope) {
        let spaces: Vec<SpaceIx> = scope.spaces.iter().copied().filter(|ix| self.eyes.space(*ix)).collect();
        if spaces.is_empty() {
            return;
        }
        for who in self.people(&scope.people) {
            let (was, is) = self.callers(who);
            let known = OnceCell::new();
            for space in &spaces {
                if !self.another() {
                    return;
                }
                let (then, now) = (self.in_space(Side::Before, &was, *space), self.in_space(Side::After, &is, *space));
                if then.same(&now) || !*known.get_or_init(|| self.eyes.person(who)) {
                    continue;
                }
                let then = self.names_in_space(Side::Before, then);
                let now = self.names_in_space(Side::After, now);
                let info = self.pictures.before.spaces.info(*space);
                let thing = Thing {
                    kind: "space".to_owned(),
                    id: info.map(|info| info.id.to_string()).unwrap_or_default(),
                    name: info.map(|info| info.name.clone()).unwrap_or_default(),
                    about: About::Space(*space),
                };
                self.put(who, thing, &then, &now);
            }
        }
    }

    /// Compares a resource for those people, or for whoever could see it.
    fn resource(&mut self, row: &ChangedRow, people: Option<&People>) {
        if !self.eyes.sees(&row.before) {
            return;
        }
        let (before, after) = (&self.pictures.before, &self.pictures.after);
        let (About::Resource { class: was, id, .. }, About::Resource { class: is, .. }) = (&row.before, &row.after)
        else {
            return;
        };
        let Some(kind) = before.world.class(*was).and_then(|class| before.kinds.info(class.kind)) else { return };
        let kind = kind.definition.name.clone();
        let people = match people {
            Some(people) => self.people(people),
            None => {
                let target = |class| Target::Resource(class, Facts::default());
                let named = [named(before, &row.before), named(after, &row.after)];
                let people = People::who_may(self.pictures, target(*was), target(*is), &named, self.now);
                self.people(&people)
            }
        };
        for who in people {
            if !self.another() {
                return;
            }
            let (was, is) = self.callers(who);
            let then = self.names_of(before, was.as_ref(), &row.before, &kind);
            let now = self.names_of(after, is.as_ref(), &row.after, &kind);
            if then != now && self.eyes.person(who) {
                let thing =
                    Thing { kind: kind.clone(), id: id.clone(), name: row.name.clone(), about: row.before.clone() };
                self.put(who, thing, &then, &now);
            }
        }
    }

    /// Everybody who is meant, in order; of anybody, no more than are compared at all.
    fn people(&self, people: &People) -> Vec<Principal> {
        match people {
            People::These(some) => some.iter().copied().collect(),
            People::Anybody => {
                let (before, after) = (&self.pictures.before, &self.pictures.after);
                let users = before.users.iter::<UserIx>().map(|(ix, _)| Principal::User(ix));
                let of = |dir: &Directory| dir.actors.iter().map(|(ix, _)| ix).collect::<BTreeSet<ResourceIx>>();
                let actors = of(before).union(&of(after)).map(|ix| Principal::Resource(*ix)).collect::<Vec<_>>();
                users.chain(actors).take(self.left.saturating_add(1)).collect()
            }
        }
    }

    fn callers(&self, who: Principal) -> (Option<Caller>, Option<Caller>) {
        (caller_of(&self.pictures.before, who, self.now), caller_of(&self.pictures.after, who, self.now))
    }

    /// Is one more comparison to be made?
    fn another(&mut self) -> bool {
        if self.left == 0 || self.told > ITEMS {
            self.complete = false;
            return false;
        }
        self.left -= 1;
        true
    }

    fn dir(&self, side: Side) -> &Directory {
        match side {
            Side::Before => &self.pictures.before,
            Side::After => &self.pictures.after,
        }
    }

    fn in_space(&self, side: Side, caller: &Option<Caller>, space: SpaceIx) -> InSpace {
        let Some(caller) = caller else { return InSpace::default() };
        let world = &self.dir(side).world;
        let standing = world.standing(caller, space, self.now);
        if !standing.gate {
            return InSpace::default();
        }
        let mut roles: Vec<RoleIx> = standing.roles.to_vec();
        roles.sort_unstable();
        let target = Target::Space(space);
        let edits = world.decide_with(caller, standing, target, Action::Write, self.now).allowed();
        InSpace { sees: true, edits, roles }
    }

    /// Everything somebody may do in a space, as decisions are asked for it.
    fn names_in_space(&self, side: Side, there: InSpace) -> BTreeSet<String> {
        let dir = self.dir(side);
        let roles = there.roles.into_iter().collect();
        let held = |name: &String| dir.permission(name).is_some_and(|p| dir.world.roles_allow(&roles, p));
        let mut names: BTreeSet<String> = BTreeSet::new();
        if there.sees {
            names.extend(dir.permissions().into_iter().filter(held));
            names.insert("read".to_owned());
        }
        if there.edits {
            names.insert("write".to_owned());
        }
        names
    }

    /// Everything somebody may do to a resource.
    fn names_of(&self, dir: &Directory, caller: Option<&Caller>, about: &About, kind: &str) -> BTreeSet<String> {
        let Some(caller) = caller else { return BTreeSet::new() };
        let target = about.target(dir, caller, self.now);
        if !dir.world.decide(caller, target, Action::Read, self.now).allowed() {
            return BTreeSet::new();
        }
        let may = |name: &String| {
            decisions::action(dir, kind, name)
                .is_some_and(|action| dir.world.decide(caller, target, action, self.now).allowed())
        };
        search::names(dir, kind).into_iter().filter(may).collect()
    }

    fn put(&mut self, who: Principal, thing: Thing, then: &BTreeSet<String>, now: &BTreeSet<String>) {
        if then == now {
            return;
        }
        let dir = &self.pictures.before;
        let user = if let Principal::User(user) = who { dir.users.info(user) } else { None };
        // A resource may hold nothing yet, or nothing any more.
        let named = match who {
            Principal::Resource(actor) if dir.actors.info(actor).is_none() => &self.pictures.after,
            _ => dir,
        };
        self.told += usize::from(!matches!(who, Principal::Resource(_)));
        self.items.push(Item {
            who,
            principal: named.principal_text(who),
            username: user.map(|user| user.username.clone()),
            thing,
            gains: now.difference(then).cloned().collect(),
            loses: then.difference(now).cloned().collect(),
        });
    }
}

#[derive(Clone, Copy)]
enum Side {
    Before,
    After,
}

/// What somebody is in a space.
#[derive(Default)]
struct InSpace {
    sees: bool,
    edits: bool,
    roles: Vec<RoleIx>,
}

impl InSpace {
    fn same(&self, other: &InSpace) -> bool {
        self.sees == other.sees && self.edits == other.edits && self.roles == other.roles
    }
}
