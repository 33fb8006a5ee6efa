//! Changing a world: one setter per thing, each keeping the reverse links (children,
//! granted spaces, classes of a space and those shared to it, members of a group) true.

use crate::ids::{ClassIx, GroupIx, KeyIx, KindIx, PolicyIx, Principal, RoleIx, SpaceIx, UserIx};
use crate::permission::Role;
use crate::policy::Policy;
use crate::world::{Class, Grant, Kind, Link, Space, User, World};
use smallvec::SmallVec;
use std::sync::Arc;

impl World {
    /// Puts a space in place, keeping its grants, children, classes and what is shared to it if it was there.
    /// The space it lies under must be set before it.
    pub fn set_space(&mut self, ix: SpaceIx, mut space: Space) {
        let old = self.spaces.get(ix.slot()).cloned();
        if let Some(old) = &old {
            space.grants = Arc::clone(&old.grants);
            space.marks = old.marks.clone();
            space.children = Arc::clone(&old.children);
            space.heirs = Arc::clone(&old.heirs);
            space.classes = Arc::clone(&old.classes);
            space.shared = Arc::clone(&old.shared);
        }
        let before = old.map(|s| (s.parent, s.inherits));
        let after = (space.parent, space.inherits);
        let link = Link {
            parent: space.parent,
            inherits: space.inherits,
            shut: space.view.needs_a_role(),
            for_members: matches!(*space.view, Policy::Members),
            has_heirs: !space.heirs.is_empty(),
        };
        let was_open = self.link(ix).is_some_and(|link| !link.shut);
        match (was_open, !link.shut) {
            (false, true) => add(&mut self.open, ix),
            (true, false) => drop_from(&mut self.open, ix),
            _ => {}
        }
        self.links.set(ix.slot(), link);
        self.spaces.set(ix.slot(), Arc::new(space));
        if before != Some(after) {
            if let Some(before) = before {
                self.link_child(before, ix, false);
            }
            self.link_child(after, ix, true);
        }
    }

    /// Tells a parent of a child, or the world of a root; or that it is one no more.
    fn link_child(&mut self, (parent, inherits): (Option<SpaceIx>, bool), child: SpaceIx, linked: bool) {
        let change = |list: &mut Arc<Vec<SpaceIx>>| if linked { add(list, child) } else { drop_from(list, child) };
        match parent {
            None => change(&mut self.roots),
            Some(parent) => {
                if let (Some(space), Some(link)) =
                    (self.spaces.get_mut(parent.slot()), self.links.get_mut(parent.slot()))
                {
                    let space = Arc::make_mut(space);
                    change(&mut space.children);
                    if inherits {
                        change(&mut space.heirs);
                    }
                    link.has_heirs = !space.heirs.is_empty();
                }
            }
        }
    }

    /// Takes a space away, its grants and classes with it. What is shared to it stays so, and nobody gets there.
    pub fn remove_space(&mut self, ix: SpaceIx) {
        self.set_grants(ix, Vec::new());
        if self.links.take(ix.slot()).is_some_and(|link| !link.shut) {
            drop_from(&mut self.open, ix);
        }
        if let Some(space) = self.spaces.take(ix.slot()) {
            self.link_child((space.parent, space.inherits), ix, false);
            for class in space.classes.iter() {
                if let Some(gone) = self.classes.take(class.slot()) {
                    self.link_windows(*class, &gone.windows, false);
                }
            }
        }
    }

    /// Replaces all grants of a space. The users and groups they name must be set before.
    pub fn set_grants(&mut self, ix: SpaceIx, mut grants: Vec<Grant>) {
        grants.sort_unstable();
        let Some(space) = self.spaces.get_mut(ix.slot()) else { return };
        let space = Arc::make_mut(space);
        space.marks = grants.iter().map(|g| g.principal.mark()).collect();
        let before = std::mem::replace(&mut space.grants, Arc::from(grants));
        let after = Arc::clone(&space.grants);
        let names = |list: &[Grant], p: Principal| list.iter().any(|g| g.principal == p);
        for grant in before.iter().filter(|g| !names(&after, g.principal)) {
            self.link_granted(grant.principal, ix, false);
        }
        for grant in after.iter().filter(|g| !names(&before, g.principal)) {
            self.link_granted(grant.principal, ix, true);
        }
    }

    fn link_granted(&mut self, principal: Principal, space: SpaceIx, granted: bool) {
        let change = |list: &mut Arc<Vec<SpaceIx>>| if granted { add(list, space) } else { drop_from(list, space) };
        match principal {
            Principal::Everyone => change(&mut self.everyone),
            Principal::User(ix) => {
                if let Some(user) = self.users.get_mut(ix.slot()) {
                    change(&mut Arc::make_mut(user).granted);
                }
            }
            Principal::Group(ix) => {
                if let Some(group) = self.groups.get_mut(ix.slot()) {
                    change(&mut Arc::make_mut(group).granted);
                }
            }
            // A key's grants lie in its home, which `set_key` tells.
            Principal::Key(_) => {}
            Principal::Resource(ix) => {
                let mut list = self.resources.get(ix.slot()).cloned().unwrap_or_default();
                change(&mut list);
                self.resources.set(ix.slot(), list);
            }
        }
    }

    /// Puts a user in place, with the groups that name them directly.
    pub fn set_user(&mut self, ix: UserIx, enabled: bool, system_admin: bool, groups: &[GroupIx]) {
        let groups = &each_once(groups);
        let old = self.users.get(ix.slot()).cloned();
        let was = old.as_deref().filter(|u| u.enabled);
        let counts = |on: bool| u32::from(on);
        self.enabled_users = self.enabled_users + counts(enabled) - counts(was.is_some());
        match (was.is_some_and(|u| u.system_admin), enabled && system_admin) {
            (false, true) => add(&mut self.system_admins, ix),
            (true, false) => drop_from(&mut self.system_admins, ix),
            _ => {}
        }
        let was_in: SmallVec<[GroupIx; 4]> = was.map(|u| u.groups.clone()).unwrap_or_default();
        let is_in: &[GroupIx] = if enabled { groups } else { &[] };
        for group in was_in.iter().filter(|g| !is_in.contains(g)) {
            self.link_member(*group, ix, false);
        }
        for group in is_in.iter().filter(|g| !was_in.contains(g)) {
            self.link_member(*group, ix, true);
        }
        let granted = old.map(|u| Arc::clone(&u.granted)).unwrap_or_default();
        let groups = groups.clone();
        self.users.set(ix.slot(), Arc::new(User { enabled, system_admin, groups, granted }));
    }

    fn link_member(&mut self, group: GroupIx, user: UserIx, member: bool) {
        if let Some(group) = self.groups.get_mut(group.slot()) {
            let list = &mut Arc::make_mut(group).members;
            if member { add(list, user) } else { drop_from(list, user) }
        }
    }

    /// Puts a group in place, with the groups that name it directly. A group must be
    /// set before the users in it are.
    pub fn set_group(&mut self, ix: GroupIx, parents: &[GroupIx]) {
        let parents = &each_once(parents);
        let mut group = self.groups.get(ix.slot()).map(|g| (**g).clone()).unwrap_or_default();
        let before = std::mem::replace(&mut group.parents, parents.clone());
        self.groups.set(ix.slot(), Arc::new(group));
        for parent in before.iter().filter(|p| !parents.contains(p)) {
            if let Some(parent) = self.groups.get_mut(parent.slot()) {
                drop_from(&mut Arc::make_mut(parent).children, ix);
            }
        }
        for parent in parents.iter().filter(|p| !before.contains(p)) {
            if let Some(parent) = self.groups.get_mut(parent.slot()) {
                add(&mut Arc::make_mut(parent).children, ix);
            }
        }
    }

    /// Takes a group away.
    pub fn remove_group(&mut self, ix: GroupIx) {
        self.set_group(ix, &[]);
        self.groups.take(ix.slot());
    }

    /// Puts a role in place.
    pub fn set_role(&mut self, ix: RoleIx, role: Role) {
        self.roles.set(ix.slot(), role);
    }

    /// Takes a custom role away.
    pub fn remove_role(&mut self, ix: RoleIx) {
        self.roles.take(ix.slot());
    }

    /// Puts a kind in place.
    pub fn set_kind(&mut self, ix: KindIx, kind: Kind) {
        self.kinds.set(ix.slot(), Arc::new(kind));
    }

    /// Takes a kind away.
    pub fn remove_kind(&mut self, ix: KindIx) {
        self.kinds.take(ix.slot());
    }

    /// Puts a named policy in place.
    pub fn set_policy(&mut self, ix: PolicyIx, policy: Policy) {
        self.policies.set(ix.slot(), Arc::new(policy));
    }

    /// Takes a named policy away; whatever still refers to it denies.
    pub fn remove_policy(&mut self, ix: PolicyIx) {
        self.policies.take(ix.slot());
    }

    /// Puts an access class in place; its space, and those it is shared to, must be set before.
    pub fn set_class(&mut self, ix: ClassIx, class: Class) {
        let after = class.space;
        let (windows, were) = (Arc::clone(&class.windows), self.class(ix).map(|c| Arc::clone(&c.windows)));
        let before = self.class(ix).map(|c| c.space);
        self.classes.set(ix.slot(), class);
        if were.as_deref().unwrap_or_default() != &*windows {
            self.link_windows(ix, were.as_deref().unwrap_or_default(), false);
            self.link_windows(ix, &windows, true);
        }
        if before == Some(after) {
            return;
        }
        if let Some(space) = before.and_then(|s| self.spaces.get_mut(s.slot())) {
            drop_from(&mut Arc::make_mut(space).classes, ix);
        }
        if let Some(space) = self.spaces.get_mut(after.slot()) {
            add(&mut Arc::make_mut(space).classes, ix);
        }
    }

    /// Tells spaces that resources of a class are shared to them, or no more.
    fn link_windows(&mut self, class: ClassIx, windows: &[SpaceIx], linked: bool) {
        for window in windows {
            if let Some(space) = self.spaces.get_mut(window.slot()) {
                let list = &mut Arc::make_mut(space).shared;
                if linked { add(list, class) } else { drop_from(list, class) }
            }
        }
    }

    /// Puts an API key in place, or takes it away.
    pub fn set_key(&mut self, ix: KeyIx, home: Option<SpaceIx>) {
        match home {
            Some(home) => self.keys.set(ix.slot(), home),
            None => drop(self.keys.take(ix.slot())),
        }
    }
}

fn each_once(groups: &[GroupIx]) -> SmallVec<[GroupIx; 4]> {
    let mut groups = SmallVec::from_slice(groups);
    groups.sort_unstable();
    groups.dedup();
    groups
}

/// Adds what is known not to be there yet.
fn add<T: Clone>(list: &mut Arc<Vec<T>>, item: T) {
    Arc::make_mut(list).push(item);
}

fn drop_from<T: Clone + PartialEq>(list: &mut Arc<Vec<T>>, item: T) {
    Arc::make_mut(list).retain(|i| *i != item);
}
