//! Which people and groups somebody can see.
//!
//! Members of a space see each other; outside shared spaces people do not see one another
//! (`MODEL.md`, "People in a space"). A group is seen by its members and where it holds a grant.

use crate::access::{People, near};
use crate::directory::Directory;
use crate::directory::policy::Sees;
use garth_core::{Caller, GroupIx, KeyIx, Micros, Permission, PolicyIx, Principal, Sight, SpaceIx, Standing, UserIx};
use std::cell::{Cell, OnceCell};

/// So many spaces are looked at one by one, before all of them are looked at at once.
const ONE_BY_ONE: u32 = 32;

/// Somebody looking at people, groups and spaces.
pub struct Viewer<'a> {
    dir: &'a Directory,
    caller: &'a Caller,
    now: Micros,
    sight: OnceCell<Sight>,
    /// Spaces that were looked at one by one.
    looked: Cell<u32>,
}

impl<'a> Viewer<'a> {
    /// That caller, in that picture, at that time.
    pub fn new(dir: &'a Directory, caller: &'a Caller, now: Micros) -> Self {
        Self { dir, caller, now, sight: OnceCell::new(), looked: Cell::new(0) }
    }

    fn sight(&self) -> &Sight {
        self.sight.get_or_init(|| Sight::new(&self.dir.world, self.caller, self.now))
    }

    fn sees_all_people(&self) -> bool {
        self.caller.system || self.caller.system_admin
    }

    /// Does the caller pass the space's gate?
    pub fn space(&self, space: SpaceIx) -> bool {
        if self.caller.system {
            return true;
        }
        // A page asks about a few spaces, and of 10,000 others nothing.
        if self.sight.get().is_none() && self.looked.get() < ONE_BY_ONE {
            self.looked.set(self.looked.get() + 1);
            return self.dir.world.standing(self.caller, space, self.now).gate;
        }
        self.sight().get(space).is_some_and(|s| s.gate)
    }

    /// What the caller is in that space.
    pub fn standing(&self, space: SpaceIx) -> Option<&Standing> {
        self.sight().get(space)
    }

    /// The spaces the caller is a member of.
    fn own_spaces(&self) -> impl Iterator<Item = SpaceIx> + '_ {
        self.sight().visible().filter(|(_, s)| !s.roles.is_empty()).map(|(ix, _)| ix)
    }

    /// May the caller know of that user?
    pub fn user(&self, user: UserIx) -> bool {
        if self.sees_all_people() || self.caller.who == Some(Principal::User(user)) {
            return self.dir.users.info(user).is_some_and(|u| !u.deleted);
        }
        match self.dir.as_seen(user, self.now) {
            Some(other) => self.own_spaces().any(|space| self.holds(&other, space)),
            None => self.nobody(),
        }
    }

    fn holds(&self, other: &Caller, space: SpaceIx) -> bool {
        let standing = self.dir.world.standing(other, space, self.now);
        standing.gate && !standing.roles.is_empty()
    }

    /// What [`Viewer::user`] answers of somebody who is not there, after looking as long as for somebody who is hidden.
    pub fn nobody(&self) -> bool {
        if !self.sees_all_people() {
            let stranger = Caller::everyone();
            let met = self.own_spaces().filter(|space| self.holds(&stranger, *space)).count();
            std::hint::black_box(met);
        }
        false
    }

    /// Among whom those are that the caller may know of; [`Viewer::user`] says of each.
    pub fn people(&self) -> People {
        if self.sees_all_people() {
            return People::Everybody;
        }
        match (near(self.dir, self.own_spaces(), self.now), self.caller.who) {
            (People::These(mut people), Some(Principal::User(me))) => {
                people.insert(me);
                People::These(people)
            }
            (people, _) => people,
        }
    }

    /// May the caller know of that group?
    pub fn group(&self, group: GroupIx) -> bool {
        self.dir.world.group(group).is_some()
            && (self.sees_all_people()
                || self.caller.groups.contains(&group)
                || self.dir.world.granted(Principal::Group(group)).iter().any(|space| self.space(*space)))
    }
}

impl Viewer<'_> {
    /// May the caller know of that API key? Administrators of its space do, and the key of itself.
    fn key(&self, key: KeyIx) -> bool {
        let Some(home) = self.dir.world.key_home(key) else { return false };
        let administers =
            |standing: &Standing| standing.gate && self.dir.world.roles_allow(&standing.roles, Permission::SPACE_ADMIN);
        self.caller.system
            || self.caller.who == Some(Principal::Key(key))
            || self.standing(home).is_some_and(administers)
    }
}

impl Sees for Viewer<'_> {
    fn principal(&self, principal: Principal) -> bool {
        match principal {
            Principal::Everyone => true,
            Principal::User(user) => self.user(user),
            Principal::Group(group) => self.group(group),
            Principal::Key(key) => self.key(key),
            Principal::Resource(_) => self.caller.system,
        }
    }

    /// A named policy's name is seen by everyone signed in.
    fn policy(&self, policy: PolicyIx) -> bool {
        self.dir.world.policy(policy).is_some() && (self.caller.system || self.caller.signed_in())
    }
}
