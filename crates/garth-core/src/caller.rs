//! Who is asking, as far as decisions care.

use crate::given::Given;
use crate::ids::{GroupIx, KeyIx, Mark, Marks, Principal, ResourceIx, RoleIx, SpaceIx, UserIx};
use crate::world::World;
use smallvec::SmallVec;
use std::sync::Arc;

/// What a session brings besides what is stored of its user: roles in spaces, and the system
/// administrator's flag. It dies with the session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Brought {
    /// Makes the caller a system administrator for that session.
    pub system_admin: bool,
    /// Sorted, each once.
    roles: Vec<(SpaceIx, RoleIx)>,
    /// The spaces of `roles`, each once.
    spaces: Vec<SpaceIx>,
    /// Whoever made this knows it again by that: two sessions with the same mark bring the same.
    pub mark: [u8; 32],
}

impl Brought {
    /// Roles in spaces, in any order.
    pub fn new(system_admin: bool, mut roles: Vec<(SpaceIx, RoleIx)>, mark: [u8; 32]) -> Self {
        roles.sort_unstable();
        roles.dedup();
        let mut spaces: Vec<SpaceIx> = roles.iter().map(|(space, _)| *space).collect();
        spaces.dedup();
        Self { system_admin, roles, spaces, mark }
    }

    /// What several sessions of one user bring together: for what others may know of that user.
    pub fn all_of<'a>(several: impl Iterator<Item = &'a Brought>) -> Self {
        let (mut system_admin, mut roles) = (false, Vec::new());
        for one in several {
            system_admin |= one.system_admin;
            roles.extend_from_slice(&one.roles);
        }
        Self::new(system_admin, roles, [0; 32])
    }

    /// The spaces it brings a role in, each once, in their order.
    pub fn spaces(&self) -> &[SpaceIx] {
        &self.spaces
    }

    /// The roles it brings in that space.
    pub fn roles_in(&self, space: SpaceIx) -> impl Iterator<Item = RoleIx> + '_ {
        let from = self.roles.partition_point(|(there, _)| *there < space);
        self.roles.iter().skip(from).take_while(move |(there, _)| *there == space).map(|(_, role)| *role)
    }
}

/// A caller with everything that follows from who they are: groups (nested ones
/// included), the system administrator's flag, a key's home, what a session brings.
///
/// Made from a [`World`] and good for that world only: a later one may know of other
/// memberships.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The principal the caller is; `None` for anonymous callers and the system. To be read only:
    /// a caller is made by the functions below.
    pub who: Option<Principal>,
    /// The command line: the only caller that sees all.
    pub system: bool,
    /// Holds the system administrator's flag.
    pub system_admin: bool,
    /// Sorted; the caller's groups and the groups that contain those.
    pub groups: SmallVec<[GroupIx; 24]>,
    /// The space an API key belongs to: everything outside and above it is missing.
    pub home: Option<SpaceIx>,
    /// What the caller's session brings; nothing for who does not ask by a session.
    pub brought: Option<Arc<Brought>>,
    /// The properties that came with the question; none unless somebody asks a decision with some.
    pub given: Given,
    /// Of all [`Caller::principals`].
    marks: Marks,
}

impl Caller {
    fn nobody() -> Self {
        Self {
            who: None,
            system: false,
            system_admin: false,
            groups: SmallVec::new(),
            home: None,
            brought: None,
            given: Given::default(),
            marks: Marks::default(),
        }
    }

    fn somebody(who: Principal, groups: SmallVec<[GroupIx; 24]>) -> Self {
        let mut caller = Self { who: Some(who), groups, ..Self::nobody() };
        let mut marks = Marks::default();
        caller.principals().for_each(|p| marks.set(p.mark()));
        caller.marks = marks;
        caller
    }

    /// Somebody without a credential.
    pub fn anonymous() -> Self {
        Self::nobody()
    }

    /// The command line, which sees all.
    pub fn system() -> Self {
        Self { system: true, ..Self::nobody() }
    }

    /// A user; `None` when there is no such user or they are disabled.
    pub fn user(world: &World, user: UserIx) -> Option<Self> {
        let facts = world.user(user).filter(|u| u.enabled)?;
        let caller = Self::somebody(Principal::User(user), closure(world, &facts.groups));
        Some(Self { system_admin: facts.system_admin, ..caller })
    }

    /// The same user with what their session brings.
    pub fn with(self, brought: Option<&Arc<Brought>>) -> Self {
        let system_admin = self.system_admin || brought.is_some_and(|b| b.system_admin);
        Self { system_admin, brought: brought.cloned(), ..self }
    }

    /// The spaces that the caller's session brings a role in.
    pub(crate) fn brought_spaces(&self) -> &[SpaceIx] {
        self.brought.as_ref().map_or(&[], |b| b.spaces())
    }

    /// What any member of a group may do by that membership alone.
    pub fn group(world: &World, group: GroupIx) -> Option<Self> {
        world.group(group)?;
        Some(Self::somebody(Principal::Group(group), closure(world, &[group])))
    }

    /// What any signed-in user may do by that alone.
    pub fn everyone() -> Self {
        Self::somebody(Principal::Everyone, SmallVec::new())
    }

    /// An API key; `None` when there is no such key.
    pub fn key(world: &World, key: KeyIx) -> Option<Self> {
        let home = world.key_home(key)?;
        Some(Self { home: Some(home), ..Self::somebody(Principal::Key(key), SmallVec::new()) })
    }

    /// A resource acting for itself, with the roles attached to it.
    pub fn resource(resource: ResourceIx) -> Self {
        Self::somebody(Principal::Resource(resource), SmallVec::new())
    }

    /// The same caller without the properties of a question.
    pub fn plain(&self) -> Self {
        let mut plain = self.clone();
        plain.given = Given::default();
        plain
    }

    /// Counts as "anyone signed in": users, and keys in their own space and below.
    pub fn signed_in(&self) -> bool {
        matches!(self.who, Some(Principal::User(_) | Principal::Group(_) | Principal::Everyone | Principal::Key(_)))
    }

    /// Is the caller that principal, or one of its members?
    #[inline]
    pub fn is(&self, principal: Principal) -> bool {
        match principal {
            Principal::Everyone => {
                matches!(self.who, Some(Principal::User(_) | Principal::Group(_) | Principal::Everyone))
            }
            Principal::Group(group) => {
                self.marks.may_have(principal.mark()) && self.groups.binary_search(&group).is_ok()
            }
            other => self.who == Some(other),
        }
    }

    /// No: the caller is not the principal of that mark. Yes: perhaps; then [`Caller::is`] tells.
    #[inline]
    pub(crate) fn may_be(&self, mark: Mark) -> bool {
        self.marks.may_have(mark)
    }

    /// Every principal the caller is: itself, its groups, and `everyone`.
    pub fn principals(&self) -> impl Iterator<Item = Principal> + '_ {
        let own = self.who.filter(|w| !matches!(w, Principal::Group(_) | Principal::Everyone));
        let everyone = self.is(Principal::Everyone).then_some(Principal::Everyone);
        own.into_iter().chain(everyone).chain(self.groups.iter().map(|g| Principal::Group(*g)))
    }
}

/// The groups and all that contain them, sorted; a cycle ends where it closes.
fn closure(world: &World, direct: &[GroupIx]) -> SmallVec<[GroupIx; 24]> {
    let mut all: SmallVec<[GroupIx; 24]> = SmallVec::new();
    let mut next: SmallVec<[GroupIx; 24]> = SmallVec::new();
    // The direct ones are sorted, and few of them lie in others.
    for group in direct {
        if let Some(facts) = world.group(*group) {
            all.push(*group);
            next.extend_from_slice(&facts.parents);
        }
    }
    while let Some(group) = next.pop() {
        if let Err(place) = all.binary_search(&group)
            && let Some(facts) = world.group(group)
        {
            all.insert(place, group);
            next.extend_from_slice(&facts.parents);
        }
    }
    all
}
