//! Where a change could have moved a decision, and for whom: nobody else is compared.

use super::SPACES;
use crate::access::{About, Ctx, Pictures};
use crate::base::error::Result;
use crate::directory::Directory;
use crate::policies::{self, Holder};
use garth_core::{
    Action, Caller, Candidates, Class, ClassIx, Differences, Exceptions, GroupIx, KindIx, Named, Principal, Reach,
    SpaceIx, Target, World,
};
use std::collections::BTreeSet;

/// Whom a change could concern.
#[derive(Clone, Debug)]
pub enum People {
    /// Whoever there is.
    Anybody,
    /// These users, keys and resources.
    These(BTreeSet<Principal>),
}

impl People {
    fn nobody() -> Self {
        Self::These(BTreeSet::new())
    }

    fn and(&mut self, more: People) {
        match (&mut *self, more) {
            (Self::These(some), Self::These(more)) => some.extend(more),
            (_, Self::Anybody) => *self = Self::Anybody,
            (Self::Anybody, _) => {}
        }
    }

    /// Those, with the members of what are groups, in either picture.
    fn of(pictures: &Pictures, principals: impl IntoIterator<Item = Principal>) -> Self {
        let mut people = BTreeSet::new();
        for principal in principals {
            match principal {
                Principal::Everyone => return Self::Anybody,
                Principal::User(_) | Principal::Key(_) | Principal::Resource(_) => drop(people.insert(principal)),
                Principal::Group(group) => {
                    let (was, is) = (&pictures.before.world, &pictures.after.world);
                    people.extend(was.members(group).chain(is.members(group)).map(Principal::User));
                }
            }
        }
        Self::These(people)
    }

    /// Whoever may be among those who see that, in either picture.
    pub fn who_may(pictures: &Pictures, was: Target, is: Target, named: &[Named; 2], now: i64) -> Self {
        let mut people = Self::nobody();
        let [before, after] = named;
        for (dir, target, named) in [(&pictures.before, was, before), (&pictures.after, is, after)] {
            people.and(match dir.world.candidates(target, named, Action::Read, now) {
                Candidates::Anybody => Self::Anybody,
                Candidates::Among(list) => Self::of(pictures, list),
            });
        }
        people
    }
}

/// What is compared.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The spaces in which decisions could move, in order.
    pub spaces: Vec<SpaceIx>,
    /// For whom in these spaces.
    pub people: People,
    /// Could it move for others, where resources have policies of their own?
    pub others: bool,
    /// What the caller sees of the resources whose decisions the rights in a space do not tell.
    pub reach: Reach,
    /// Are these all?
    pub complete: bool,
}

impl Scope {
    /// Where those pictures could decide otherwise.
    ///
    /// # Errors
    /// 401 when the caller's credential is no longer good.
    pub fn of(ctx: &Ctx, pictures: &Pictures) -> Result<Self> {
        let (before, after, now) = (&pictures.before, &pictures.after, ctx.now());
        let caller = ctx.caller(before)?;
        let differences = after.world.differences(&before.world);
        let touched = Touched::by(pictures, &differences);
        let (spaces, mut complete) = area(pictures, touched.around.iter().chain(&touched.wide));
        let mut people = touched.people;
        if !touched.archived.is_empty() {
            let (below, all) = area(pictures, &touched.archived);
            complete &= all;
            people.and(People::These(keys(before, &below)));
        }
        if !touched.wide.is_empty() {
            let (wide, _) = area(pictures, &touched.wide);
            for space in &wide {
                let target = Target::Space(*space);
                people.and(People::who_may(pictures, target, target, &Default::default(), now));
                if let People::Anybody = people {
                    break;
                }
            }
        }
        let inside: BTreeSet<SpaceIx> = spaces.iter().copied().collect();
        let requiring = !(differences == Differences::default() && pictures.rows.is_empty());
        let looked_at = |class: &Class| {
            let requires = requiring && before.requires(class.kind);
            let own = bears(&before.world, class) || bears(&after.world, class);
            let here = inside.contains(&class.space) || class.windows.iter().any(|window| inside.contains(window));
            requires || touched.kinds.contains(&class.kind) || (own && here)
        };
        let mut reach = before.world.reach(&caller, now, looked_at);
        let named = &touched.classes;
        if !named.is_empty() {
            // A class is told by its slot, and that comes with the answer only.
            let places: BTreeSet<SpaceIx> =
                named.iter().filter_map(|ix| before.world.class(*ix)).map(|class| class.space).collect();
            let more = before.world.reach(&caller, now, |class| places.contains(&class.space));
            reach.full.extend(more.full.into_iter().filter(|class| named.contains(class)));
            reach.partial.extend(more.partial.into_iter().filter(|(class, _)| named.contains(class)));
            reach.full.sort_unstable();
            reach.full.dedup();
            reach.partial.sort_unstable();
            reach.partial.dedup();
        }
        let others =
            !(touched.wide.is_empty() && touched.kinds.is_empty() && named.is_empty() && pictures.rows.is_empty());
        Ok(Self { spaces, people, others, reach, complete })
    }
}

/// Do the rights in a space not tell what may be done to resources of that class?
fn bears(world: &World, class: &Class) -> bool {
    let of_kind = world.kind(class.kind).is_some_and(|kind| {
        kind.default_view.is_some() || kind.default_edit.is_some() || kind.exceptions != Exceptions::default()
    });
    // What is shared is seen through the rights in other spaces as well.
    class.view.is_some() || class.edit.is_some() || of_kind || !class.windows.is_empty()
}

/// What a change touches itself.
struct Touched {
    /// Spaces where somebody known holds other roles.
    around: BTreeSet<SpaceIx>,
    /// Spaces whose policies or places are others.
    wide: BTreeSet<SpaceIx>,
    /// Spaces that are archived, or no more.
    archived: BTreeSet<SpaceIx>,
    /// Kinds whose policies or exceptions are others.
    kinds: BTreeSet<KindIx>,
    /// Classes whose own policies ask another named policy now.
    classes: BTreeSet<ClassIx>,
    /// Who is named.
    people: People,
}

impl Touched {
    fn by(pictures: &Pictures, differences: &Differences) -> Self {
        let mut touched = Self {
            around: BTreeSet::new(),
            wide: BTreeSet::new(),
            archived: BTreeSet::new(),
            kinds: differences.kinds.iter().copied().collect(),
            classes: BTreeSet::new(),
            people: People::nobody(),
        };
        for difference in &differences.spaces {
            if difference.itself {
                touched.wide.insert(difference.space);
            }
            if difference.archived {
                touched.around.insert(difference.space);
                touched.archived.insert(difference.space);
            }
            if !difference.granted.is_empty() {
                touched.around.insert(difference.space);
                touched.people.and(People::of(pictures, difference.granted.iter().copied()));
            }
        }
        touched.members(pictures, differences);
        for policy in &differences.policies {
            for dir in [&pictures.before, &pictures.after] {
                for holder in policies::holders(dir, *policy) {
                    match holder {
                        Holder::SpaceView(space) | Holder::SpaceEdit(space) => drop(touched.wide.insert(space)),
                        Holder::Class(class) => drop(touched.classes.insert(class)),
                        Holder::Kind(kind) => drop(touched.kinds.insert(kind)),
                        Holder::Named(_) | Holder::Editors(_) => {}
                    }
                }
            }
        }
        touched
    }

    /// Who is in other groups, and where these groups count.
    fn members(&mut self, pictures: &Pictures, differences: &Differences) {
        let (before, after) = (&pictures.before, &pictures.after);
        let mut groups: BTreeSet<GroupIx> = BTreeSet::new();
        let mut apart = |was: Option<Caller>, is: Option<Caller>| {
            let of = |caller: Option<Caller>| caller.map(|c| c.groups.iter().copied().collect()).unwrap_or_default();
            let (was, is): (BTreeSet<GroupIx>, BTreeSet<GroupIx>) = (of(was), of(is));
            groups.extend(was.symmetric_difference(&is));
        };
        for user in &differences.users {
            apart(Caller::user(&before.world, *user), Caller::user(&after.world, *user));
        }
        for group in &differences.groups {
            apart(Caller::group(&before.world, *group), Caller::group(&after.world, *group));
        }
        let users = differences.users.iter().copied().map(Principal::User);
        let members = differences.groups.iter().copied().map(Principal::Group);
        self.people.and(People::of(pictures, users.chain(members)));
        let groups: Vec<GroupIx> = groups.into_iter().collect();
        for dir in [before, after] {
            self.around.extend(policies::reached(dir, &groups));
        }
    }
}

/// Those spaces, what lies below them and what they lie under, in either picture; and whether these are all.
fn area<'a>(pictures: &Pictures, roots: impl IntoIterator<Item = &'a SpaceIx>) -> (Vec<SpaceIx>, bool) {
    let worlds = [&pictures.before.world, &pictures.after.world];
    let roots: Vec<SpaceIx> = roots.into_iter().copied().collect();
    let mut met: BTreeSet<SpaceIx> = BTreeSet::new();
    let mut next = roots.clone();
    while let Some(space) = next.pop() {
        if met.contains(&space) {
            continue;
        }
        if met.len() == SPACES {
            return (met.into_iter().collect(), false);
        }
        met.insert(space);
        for world in worlds {
            next.extend_from_slice(world.space(space).map_or(&[], |space| space.children()));
        }
    }
    for above in roots.iter().flat_map(|root| worlds.map(|world| world.ancestry(*root))).flatten() {
        if !met.contains(&above) && met.len() == SPACES {
            return (met.into_iter().collect(), false);
        }
        met.insert(above);
    }
    (met.into_iter().collect(), true)
}

/// The api keys of those spaces.
fn keys(dir: &Directory, spaces: &[SpaceIx]) -> BTreeSet<Principal> {
    let grants = spaces.iter().filter_map(|ix| dir.world.space(*ix)).flat_map(|space| space.grants());
    grants.map(|grant| grant.principal).filter(|principal| matches!(principal, Principal::Key(_))).collect()
}

/// Whom a resource names itself.
pub fn named(dir: &Directory, about: &About) -> Named {
    let About::Resource { author, owner, subscribers, .. } = about else { return Named::default() };
    let subscribers = subscribers.iter().filter_map(|one| dir.principal(one)).collect();
    Named { author: dir.principal(author), owner: dir.principal(owner), subscribers }
}
