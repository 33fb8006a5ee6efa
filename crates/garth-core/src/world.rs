//! The world that decisions are made in: spaces, people, roles, kinds, classes.
//!
//! A world is cheap to clone and cheap to change in the clone ([`Shelf`]); the server
//! keeps an immutable one behind a pointer and makes the next from it (`world/change.rs`).

mod change;
mod differences;

pub use differences::{Differences, SpaceDifference};

use crate::Micros;
use crate::ids::{ClassIx, GroupIx, KeyIx, KindIx, Mark, PolicyIx, Principal, RoleIx, SpaceIx, UserIx, Word};
use crate::permission::{Permission, Role, RoleKind, Words};
use crate::policy::Policy;
use crate::shelf::Shelf;
use crate::standing::Roles;
use smallvec::SmallVec;
use std::sync::Arc;

/// A space as decisions see it.
#[derive(Clone, Debug)]
pub struct Space {
    /// The space it lies under; `None` for a root.
    pub parent: Option<SpaceIx>,
    /// May use its parent's shareable resources, and makes its people readers there.
    pub inherits: bool,
    /// Takes no role from any other space, and direct grants to users and keys only.
    pub sealed: bool,
    /// Left out of lists; changes no right.
    pub archived: bool,
    /// The gate.
    pub view: Arc<Policy>,
    /// Who may change the space itself.
    pub edit: Arc<Policy>,
    grants: Arc<[Grant]>,
    /// Of whom each of the grants names: a check reads these, and of the grants those that hit.
    marks: SmallVec<[Mark; 24]>,
    children: Arc<Vec<SpaceIx>>,
    /// Those of the children that inherit: a check need not look at thousands of others.
    heirs: Arc<Vec<SpaceIx>>,
    classes: Arc<Vec<ClassIx>>,
    shared: Arc<Vec<ClassIx>>,
}

impl Space {
    /// A space without grants, children or resources.
    pub fn new(parent: Option<SpaceIx>, view: Policy, edit: Policy) -> Self {
        Self {
            parent,
            inherits: false,
            sealed: false,
            archived: false,
            view: Arc::new(view),
            edit: Arc::new(edit),
            grants: Arc::from([]),
            marks: SmallVec::new(),
            children: Arc::default(),
            heirs: Arc::default(),
            classes: Arc::default(),
            shared: Arc::default(),
        }
    }

    /// Grants made in this very space, sorted by principal.
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// The mark of whom each of the grants names, in their order.
    #[inline]
    pub(crate) fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// The spaces directly below.
    pub fn children(&self) -> &[SpaceIx] {
        &self.children
    }

    /// The spaces directly below that inherit from this one.
    pub fn heirs(&self) -> &[SpaceIx] {
        &self.heirs
    }

    /// The access classes of the resources that lie here.
    pub fn classes(&self) -> &[ClassIx] {
        &self.classes
    }

    /// The access classes of resources that lie elsewhere and are shared to this space.
    pub fn shared(&self) -> &[ClassIx] {
        &self.shared
    }
}

/// What is asked of a space most often. These lie apart, so small that those of ten thousand
/// spaces stay in the processor's cache.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    pub parent: Option<SpaceIx>,
    pub inherits: bool,
    /// Nobody passes the gate without a role.
    pub shut: bool,
    /// Whoever holds a role passes it.
    pub for_members: bool,
    /// Some space inherits from this one.
    pub has_heirs: bool,
}

/// (principal, role, optional expiry) in the space that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// Who holds the role.
    pub principal: Principal,
    /// What they hold.
    pub role: RoleIx,
    /// From this moment on the grant is as if it were not there.
    pub expires_at: Option<Micros>,
}

impl Grant {
    /// Does the grant still count?
    #[inline]
    pub fn holds(&self, now: Micros) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

/// A user as decisions see one.
#[derive(Clone, Debug, Default)]
pub struct User {
    /// Neither disabled nor deleted.
    pub enabled: bool,
    /// Manages the installation; sees no contents by that.
    pub system_admin: bool,
    /// The groups that name this user directly.
    pub groups: SmallVec<[GroupIx; 4]>,
    granted: Arc<Vec<SpaceIx>>,
}

/// A group as decisions see one.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// The groups that name this group directly.
    pub parents: SmallVec<[GroupIx; 4]>,
    children: Arc<Vec<GroupIx>>,
    members: Arc<Vec<UserIx>>,
    granted: Arc<Vec<SpaceIx>>,
}

impl Group {
    /// The enabled users that the group names directly, in no order.
    pub fn members(&self) -> &[UserIx] {
        &self.members
    }
}

/// What author, owner and subscribers may always do once the gate is passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exceptions {
    /// (view, edit) for the author.
    pub author: (bool, bool),
    /// (view, edit) for the owner.
    pub owner: (bool, bool),
    /// (view, edit) for the subscribers.
    pub subscribers: (bool, bool),
}

/// A type of resource as decisions see one.
#[derive(Clone, Debug)]
pub struct Kind {
    /// The noun of its permissions.
    pub noun: Word,
    /// View policy of resources that have none of their own; `None`: holders of `<kind>:read`.
    pub default_view: Option<Arc<Policy>>,
    /// The same for editing; `None`: holders of `<kind>:write`.
    pub default_edit: Option<Arc<Policy>>,
    /// Who passes whatever the policies say, the gate excepted.
    pub exceptions: Exceptions,
    /// May its resources be used, and so be shared, outside the space they lie in?
    pub shareable: bool,
}

/// What all resources of one access class have in common.
#[derive(Clone, Debug)]
pub struct Class {
    /// Where they lie.
    pub space: SpaceIx,
    /// What they are.
    pub kind: KindIx,
    /// Their own view policy; `None`: the kind's.
    pub view: Option<Arc<Policy>>,
    /// Their own edit policy; `None`: the kind's.
    pub edit: Option<Arc<Policy>>,
    /// The other spaces they are shared to, sorted, each once: windows through which they are seen. They are open
    /// while the kind is shareable.
    pub windows: Arc<[SpaceIx]>,
}

/// Everything a decision needs but the resource's own row.
#[derive(Clone, Debug)]
pub struct World {
    /// The words permissions are spelled in.
    pub words: Words,
    /// Does `public` include callers who are not signed in?
    pub public_access: bool,
    spaces: Shelf<Arc<Space>>,
    /// One for each space.
    links: Shelf<Link>,
    users: Shelf<Arc<User>>,
    groups: Shelf<Arc<Group>>,
    roles: Shelf<Role>,
    kinds: Shelf<Arc<Kind>>,
    policies: Shelf<Arc<Policy>>,
    classes: Shelf<Class>,
    keys: Shelf<SpaceIx>,
    resources: Shelf<Arc<Vec<SpaceIx>>>,
    everyone: Arc<Vec<SpaceIx>>,
    roots: Arc<Vec<SpaceIx>>,
    /// The spaces whose gate lets somebody pass without a role.
    open: Arc<Vec<SpaceIx>>,
    enabled_users: u32,
    system_admins: Arc<Vec<UserIx>>,
}

impl World {
    /// The built-in role that sees.
    pub const READER: RoleIx = RoleIx(0);
    /// The built-in role that works.
    pub const WRITER: RoleIx = RoleIx(1);
    /// The built-in role that administers.
    pub const ADMIN: RoleIx = RoleIx(2);

    /// A world with the built-in roles and nothing else.
    pub fn new() -> Self {
        let mut roles = Shelf::default();
        roles.set(Self::READER.slot(), Role::built_in(RoleKind::Reader));
        roles.set(Self::WRITER.slot(), Role::built_in(RoleKind::Writer));
        roles.set(Self::ADMIN.slot(), Role::built_in(RoleKind::Admin));
        Self {
            words: Words::default(),
            public_access: false,
            spaces: Shelf::default(),
            links: Shelf::default(),
            users: Shelf::default(),
            groups: Shelf::default(),
            roles,
            kinds: Shelf::default(),
            policies: Shelf::default(),
            classes: Shelf::default(),
            keys: Shelf::default(),
            resources: Shelf::default(),
            everyone: Arc::default(),
            roots: Arc::default(),
            open: Arc::default(),
            enabled_users: 0,
            system_admins: Arc::default(),
        }
    }

    /// A space.
    #[inline]
    pub fn space(&self, ix: SpaceIx) -> Option<&Space> {
        self.spaces.get(ix.slot()).map(|s| &**s)
    }

    /// Where a space hangs.
    #[inline]
    pub(crate) fn link(&self, ix: SpaceIx) -> Option<&Link> {
        self.links.get(ix.slot())
    }

    /// The spaces whose gate lets somebody pass without a role.
    pub(crate) fn open(&self) -> &[SpaceIx] {
        &self.open
    }

    /// Every space.
    pub fn spaces(&self) -> impl Iterator<Item = (SpaceIx, &Space)> {
        self.spaces.iter().map(|(slot, s)| (SpaceIx(slot as u32), &**s))
    }

    /// Slots for spaces, empty ones included.
    pub fn space_slots(&self) -> usize {
        self.spaces.len()
    }

    /// The spaces that lie under no other.
    pub fn roots(&self) -> &[SpaceIx] {
        &self.roots
    }

    /// A user.
    #[inline]
    pub fn user(&self, ix: UserIx) -> Option<&User> {
        self.users.get(ix.slot()).map(|u| &**u)
    }

    /// Every user.
    pub fn users(&self) -> impl Iterator<Item = (UserIx, &User)> {
        self.users.iter().map(|(slot, u)| (UserIx(slot as u32), &**u))
    }

    /// A group.
    #[inline]
    pub fn group(&self, ix: GroupIx) -> Option<&Group> {
        self.groups.get(ix.slot()).map(|g| &**g)
    }

    /// A role.
    #[inline]
    pub fn role(&self, ix: RoleIx) -> Option<&Role> {
        self.roles.get(ix.slot())
    }

    /// A kind.
    #[inline]
    pub fn kind(&self, ix: KindIx) -> Option<&Kind> {
        self.kinds.get(ix.slot()).map(|k| &**k)
    }

    /// A named policy.
    #[inline]
    pub fn policy(&self, ix: PolicyIx) -> Option<&Policy> {
        self.policies.get(ix.slot()).map(|p| &**p)
    }

    /// An access class.
    #[inline]
    pub fn class(&self, ix: ClassIx) -> Option<&Class> {
        self.classes.get(ix.slot())
    }

    /// Every access class.
    pub fn classes(&self) -> impl Iterator<Item = (ClassIx, &Class)> {
        self.classes.iter().map(|(slot, c)| (ClassIx(slot as u32), c))
    }

    /// The space an API key belongs to.
    pub fn key_home(&self, ix: KeyIx) -> Option<SpaceIx> {
        self.keys.get(ix.slot()).copied()
    }

    /// The enabled system administrators, in no order.
    pub fn system_admins(&self) -> &[UserIx] {
        &self.system_admins
    }

    /// The spaces in which a principal is named by a grant (expired ones included).
    pub fn granted(&self, principal: Principal) -> &[SpaceIx] {
        match principal {
            Principal::Everyone => &self.everyone,
            Principal::User(ix) => self.user(ix).map_or(&[], |u| &u.granted),
            Principal::Group(ix) => self.group(ix).map_or(&[], |g| &g.granted),
            Principal::Key(ix) => self.keys.get(ix.slot()).map_or(&[], std::slice::from_ref),
            Principal::Resource(ix) => self.resources.get(ix.slot()).map_or(&[], |spaces| spaces),
        }
    }

    /// Is there such a principal? Resources are not kept here and always pass.
    pub fn knows(&self, principal: Principal) -> bool {
        match principal {
            Principal::Everyone | Principal::Resource(_) => true,
            Principal::User(ix) => self.user(ix).is_some(),
            Principal::Group(ix) => self.group(ix).is_some(),
            Principal::Key(ix) => self.key_home(ix).is_some(),
        }
    }

    /// Does one of the roles hold the permission?
    #[inline]
    pub fn roles_allow(&self, roles: &Roles, permission: Permission) -> bool {
        roles.iter().any(|r| self.role(*r).is_some_and(|r| r.allows(permission)))
    }

    /// The space and what it lies under, from the space to its root. Ends after
    /// [`crate::MAX_SPACE_DEPTH`] steps whatever the data says.
    pub fn ancestry(&self, space: SpaceIx) -> SmallVec<[SpaceIx; 12]> {
        let mut chain = SmallVec::new();
        let mut next = Some(space);
        while let Some(ix) = next {
            let Some(link) = self.link(ix) else { break };
            if chain.len() == crate::MAX_SPACE_DEPTH {
                break;
            }
            chain.push(ix);
            next = link.parent;
        }
        chain
    }

    /// The same, but `None` where the way to the root cannot be told: there is no such
    /// space, a parent is missing, or the tree is too deep or goes in a circle. Whatever
    /// lies there is missing to everybody.
    pub fn lineage(&self, space: SpaceIx) -> Option<SmallVec<[SpaceIx; 12]>> {
        let chain = self.ancestry(space);
        let root = self.link(*chain.last()?)?;
        root.parent.is_none().then_some(chain)
    }

    /// The spaces whose resources one can use: itself first, then those above it along unbroken inheriting links.
    pub fn reached(&self, space: SpaceIx) -> SmallVec<[SpaceIx; 12]> {
        let mut chain = self.ancestry(space);
        let links = chain.iter().take_while(|ix| self.link(**ix).is_some_and(|link| link.inherits)).count();
        chain.truncate(links + 1);
        chain
    }

    /// May what lies in `space` use the resources of that class? What lies there as well, and what is shareable and
    /// lies in, or is shared to, a space that is [`World::reached`]. Who may look at them is another question.
    pub fn may_use(&self, space: SpaceIx, class: ClassIx) -> bool {
        let Some(class) = self.class(class) else { return false };
        let shareable = || self.kind(class.kind).is_some_and(|kind| kind.shareable);
        let at = |ix: &SpaceIx| class.space == *ix || class.windows.contains(ix);
        class.space == space || (shareable() && self.reached(space).iter().any(at))
    }

    /// The spaces that the resources of a class are seen through besides their own.
    pub(crate) fn windows<'a>(&self, class: &'a Class) -> &'a [SpaceIx] {
        let open = !class.windows.is_empty() && self.kind(class.kind).is_some_and(|kind| kind.shareable);
        if open { &class.windows } else { &[] }
    }

    /// Does `space` lie in `top`, or is it `top`?
    pub fn within(&self, space: SpaceIx, top: SpaceIx) -> bool {
        self.ancestry(space).contains(&top)
    }

    /// Has the space an administrator of its own: a grant without expiry, of a role
    /// that holds `space:admin`, to somebody enabled? (`MODEL.md`, law 6.)
    pub fn has_admin(&self, space: SpaceIx) -> bool {
        let Some(space) = self.space(space) else { return false };
        space.grants.iter().any(|grant| {
            grant.expires_at.is_none()
                && self.role(grant.role).is_some_and(|r| r.allows(Permission::SPACE_ADMIN))
                && match grant.principal {
                    Principal::Everyone => !space.sealed && self.enabled_users > 0,
                    Principal::User(user) => self.user(user).is_some_and(|u| u.enabled),
                    Principal::Group(group) => !space.sealed && self.has_enabled_member(group),
                    Principal::Key(_) | Principal::Resource(_) => false,
                }
        })
    }

    fn has_enabled_member(&self, group: GroupIx) -> bool {
        let mut seen: SmallVec<[GroupIx; 24]> = SmallVec::new();
        let mut next: SmallVec<[GroupIx; 24]> = SmallVec::from_slice(&[group]);
        while let Some(ix) = next.pop() {
            if seen.contains(&ix) {
                continue;
            }
            seen.push(ix);
            if let Some(group) = self.group(ix) {
                if !group.members.is_empty() {
                    return true;
                }
                next.extend_from_slice(&group.children);
            }
        }
        false
    }

    /// The group and every group it contains, nested ones included.
    pub fn group_and_below(&self, group: GroupIx) -> Vec<GroupIx> {
        let mut seen = vec![group];
        let mut at = 0;
        while let Some(ix) = seen.get(at).copied() {
            at += 1;
            if let Some(group) = self.group(ix) {
                for child in group.children.iter() {
                    if !seen.contains(child) {
                        seen.push(*child);
                    }
                }
            }
        }
        seen
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}
