//! What a caller holds in a space, and whether they pass its gate.
//!
//! Two passes, as `MODEL.md` has them ("Who can do what", step 3). From the roots
//! down, each space has its own grants and those of every ancestor whose gate passed.
//! Then from the leaves up, whoever holds any role in an inheriting child is a reader
//! of its parent, and the parent's gate is asked again with that. Nothing else feeds
//! back: what the second pass opens sends nothing down.
//!
//! [`World::standing`] answers for one space and looks at its ancestors only, and below
//! it no further than needed; [`Sight`] answers for all spaces at once. The oracle in
//! `tests/` judges both.

use crate::Micros;
use crate::caller::Caller;
use crate::ids::{Principal, RoleIx, SpaceIx};
use crate::permission::RoleKind;
use crate::policy::{Circumstances, Policy};
use crate::world::{Space, World};
use hashbrown::HashSet;
use smallvec::SmallVec;

/// A set of roles: few, in the order they were met.
pub type Roles = SmallVec<[RoleIx; 4]>;

/// What a caller is in one space.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Does the caller pass the space's view policy?
    pub gate: bool,
    /// The roles they hold there.
    pub roles: Roles,
}

/// The way a role came to its holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Granted in this very space.
    Here,
    /// Granted in a space above.
    Above,
    /// Reader, by holding a role in an inheriting child.
    Below,
}

/// One reason why somebody holds a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// What they hold.
    pub role: RoleIx,
    /// The way it came.
    pub flow: Flow,
    /// Where it was granted (for [`Flow::Below`], the child).
    pub space: SpaceIx,
    /// Whom the grant names; `None` for [`Flow::Below`].
    pub principal: Option<Principal>,
}

/// After the first pass at one space.
struct Arrival {
    standing: Standing,
    /// What goes on to the children.
    flow: Roles,
}

/// A space whose children are asked what rises from them.
#[derive(Clone, Copy)]
struct Top<'a> {
    ix: SpaceIx,
    space: &'a Space,
    /// What goes on to the children.
    flow: &'a Roles,
    /// A root's is 1.
    depth: usize,
}

/// So many heirs are looked at without asking whether there is a shorter way.
const FEW: usize = 16;

impl World {
    /// What the caller is in that space; a missing space has no gate and no roles.
    pub fn standing(&self, caller: &Caller, space: SpaceIx, now: Micros) -> Standing {
        let Some((chain, depth)) = self.way_to(caller, space) else { return Standing::default() };
        let mut flow = Roles::new();
        let mut here = Standing::default();
        for ix in chain.iter().rev() {
            let Some(at) = self.space(*ix) else { return Standing::default() };
            let arrival = self.arrive(caller, *ix, at, &flow, now);
            flow = arrival.flow;
            here = arrival.standing;
        }
        match self.space(space) {
            Some(at) => self.settle(caller, Top { ix: space, space: at, flow: &flow, depth }, here, now),
            None => Standing::default(),
        }
    }

    /// The spaces whose grants count for the caller on the way to that one, itself first
    /// (a key starts at its home), and the depth it lies at. `None` when it is missing.
    fn way_to(&self, caller: &Caller, space: SpaceIx) -> Option<(SmallVec<[SpaceIx; 12]>, usize)> {
        let mut chain = self.lineage(space)?;
        let depth = chain.len();
        if let Some(home) = caller.home {
            chain.truncate(chain.iter().position(|ix| *ix == home)? + 1);
        }
        Some((chain, depth))
    }

    /// The second pass at one space: the upward reader, looked for only where it could
    /// change anything.
    fn settle(&self, caller: &Caller, top: Top<'_>, mut here: Standing, now: Micros) -> Standing {
        if self.has_built_in(&here.roles) || !self.may_rise(caller, top.space) {
            return here;
        }
        // Without a role that flows down, only what was granted below can rise; it is
        // looked for from whichever end there is less to look at.
        let upwards = top.flow.is_empty() && !self.fewer_heirs(top.space, caller);
        let below = upwards.then(|| self.granted_below(caller, top.ix));
        if self.rises(caller, top, below.as_ref(), now) {
            here.roles.push(Self::READER);
            here.gate = self.gate(caller, top.ix, top.space, &here.roles, now);
        }
        here
    }

    /// Could anything rise into the space at all? Nothing enters a sealed one, and an
    /// api key is what it is in its own space and below.
    fn may_rise(&self, caller: &Caller, space: &Space) -> bool {
        caller.home.is_none() && !space.sealed && !space.heirs().is_empty()
    }

    /// Do fewer spaces inherit from that one, over any number of links, than the caller
    /// is granted something in? A few are looked at in any case: counting costs as much.
    fn fewer_heirs(&self, top: &Space, caller: &Caller) -> bool {
        let mut granted = None;
        let mut met = 0;
        let mut next: SmallVec<[&Space; 12]> = SmallVec::from_slice(&[top]);
        while let Some(space) = next.pop() {
            met += space.heirs().len();
            let counted = || caller.principals().map(|p| self.granted(p).len()).sum::<usize>();
            if met > FEW && met > *granted.get_or_insert_with(counted) {
                return false;
            }
            next.extend(space.heirs().iter().filter_map(|ix| self.space(*ix)));
        }
        true
    }

    /// The spaces on an unbroken chain of inheriting links from something granted to the
    /// caller up to `top`, itself left out.
    fn granted_below(&self, caller: &Caller, top: SpaceIx) -> HashSet<SpaceIx> {
        let mut marked = HashSet::new();
        for principal in caller.principals() {
            for start in self.granted(principal) {
                let mut chain: SmallVec<[SpaceIx; 12]> = SmallVec::new();
                let mut next = *start;
                while next != top && chain.len() < crate::MAX_SPACE_DEPTH {
                    match self.space(next) {
                        Some(Space { parent: Some(parent), inherits: true, .. }) => {
                            chain.push(next);
                            next = *parent;
                        }
                        _ => break,
                    }
                }
                if next == top {
                    marked.extend(chain);
                }
            }
        }
        marked
    }

    /// Does an inheriting child make the caller a reader of a space? `only` limits the
    /// children that need to be looked at.
    fn rises(&self, caller: &Caller, top: Top<'_>, only: Option<&HashSet<SpaceIx>>, now: Micros) -> bool {
        let heirs = top.space.heirs();
        let rises = |ix: &SpaceIx| self.child_rises(caller, top, *ix, only, now);
        match only {
            _ if top.depth >= crate::MAX_SPACE_DEPTH => false,
            None => heirs.iter().any(rises),
            Some(marked) if marked.len() < heirs.len() => {
                let below = |ix: &&SpaceIx| self.space(**ix).is_some_and(|s| s.parent == Some(top.ix));
                marked.iter().filter(below).any(rises)
            }
            Some(marked) => heirs.iter().filter(|ix| marked.contains(*ix)).any(rises),
        }
    }

    fn child_rises(
        &self,
        caller: &Caller,
        top: Top<'_>,
        ix: SpaceIx,
        only: Option<&HashSet<SpaceIx>>,
        now: Micros,
    ) -> bool {
        let Some(space) = self.space(ix).filter(|c| c.inherits) else { return false };
        let Arrival { mut standing, flow } = self.arrive(caller, ix, space, top.flow, now);
        // Rules may close when a role is added; every other form only opens.
        let only_opens = !matches!(*space.view, Policy::Rules(..) | Policy::Named(_));
        let settled = self.has_built_in(&standing.roles) || (only_opens && !standing.roles.is_empty() && standing.gate);
        // What flows on from here makes holders below that no grant there tells of.
        let only = only.filter(|_| flow.is_empty());
        let child = Top { ix, space, flow: &flow, depth: top.depth + 1 };
        if !settled && self.may_rise(caller, space) && self.rises(caller, child, only, now) {
            standing.roles.push(Self::READER);
            standing.gate = self.gate(caller, ix, space, &standing.roles, now);
        }
        standing.gate && !standing.roles.is_empty()
    }

    /// The first pass at one space, given what flows into it.
    fn arrive(&self, caller: &Caller, ix: SpaceIx, space: &Space, inflow: &Roles, now: Micros) -> Arrival {
        let own = self.own_roles(caller, space, now);
        self.arrive_with(caller, ix, space, inflow, own, now)
    }

    /// The same when the space's own roles are known.
    fn arrive_with(
        &self,
        caller: &Caller,
        ix: SpaceIx,
        space: &Space,
        inflow: &Roles,
        own: Roles,
        now: Micros,
    ) -> Arrival {
        let mut roles = if space.sealed { Roles::new() } else { inflow.clone() };
        let mut flow = roles.clone();
        add_all(&mut roles, &own);
        let gate = self.gate(caller, ix, space, &roles, now);
        if gate {
            add_all(&mut flow, &own);
        }
        Arrival { standing: Standing { gate, roles }, flow }
    }

    fn gate(&self, caller: &Caller, ix: SpaceIx, space: &Space, roles: &Roles, now: Micros) -> bool {
        caller.home == Some(ix)
            || space.view.passes(&Circumstances { world: self, caller, roles, facts: None, viewing: true, now })
    }

    /// The roles that this very space grants the caller.
    fn own_roles(&self, caller: &Caller, space: &Space, now: Micros) -> Roles {
        let mut own = Roles::new();
        let grants = space.grants();
        let counts = |p: Principal| !space.sealed || matches!(p, Principal::User(_) | Principal::Key(_));
        let mut take = |grant: &crate::world::Grant| {
            if grant.holds(now)
                && !own.contains(&grant.role)
                && counts(grant.principal)
                && self.role(grant.role).is_some()
            {
                own.push(grant.role);
            }
        };
        if grants.len() <= 64 {
            grants.iter().filter(|g| caller.is(g.principal)).for_each(&mut take);
        } else {
            for principal in caller.principals() {
                let from = grants.partition_point(|g| g.principal < principal);
                grants.iter().skip(from).take_while(|g| g.principal == principal).for_each(&mut take);
            }
        }
        own
    }

    /// A built-in role contains reader, so that the upward reader adds nothing to it.
    fn has_built_in(&self, roles: &Roles) -> bool {
        roles.iter().any(|r| self.role(*r).is_some_and(|r| r.kind != RoleKind::Custom))
    }

    /// Where the caller's roles in a space come from.
    pub fn sources(&self, caller: &Caller, space: SpaceIx, now: Micros) -> Vec<Source> {
        let Some((chain, _)) = self.way_to(caller, space) else { return Vec::new() };
        let mut sources = Vec::new();
        let mut flow = Roles::new();
        for ix in chain.iter().rev() {
            let Some(at) = self.space(*ix) else { return sources };
            if at.sealed {
                sources.clear();
            }
            let arrival = self.arrive(caller, *ix, at, &flow, now);
            flow = arrival.flow;
            if *ix != space && !arrival.standing.gate {
                continue;
            }
            for grant in at.grants().iter().filter(|g| g.holds(now) && caller.is(g.principal)) {
                let known = self.role(grant.role).is_some();
                if known && (!at.sealed || matches!(grant.principal, Principal::User(_) | Principal::Key(_))) {
                    sources.push(Source {
                        role: grant.role,
                        flow: if *ix == space { Flow::Here } else { Flow::Above },
                        space: *ix,
                        principal: Some(grant.principal),
                    });
                }
            }
        }
        if let Some(at) = self.space(space)
            && self.may_rise(caller, at)
        {
            for child in at.heirs() {
                let standing = self.standing(caller, *child, now);
                if standing.gate && !standing.roles.is_empty() {
                    sources.push(Source { role: Self::READER, flow: Flow::Below, space: *child, principal: None });
                }
            }
        }
        sources
    }
}

fn add_all(roles: &mut Roles, more: &Roles) {
    for role in more {
        if !roles.contains(role) {
            roles.push(*role);
        }
    }
}

/// What a caller is in every space at once.
pub struct Sight {
    by_slot: Vec<Standing>,
    /// A bit for each slot: is something granted to the caller there?
    granted: Vec<u64>,
}

impl Sight {
    /// Looks at every space once: O(spaces), whatever the caller holds.
    pub fn new(world: &World, caller: &Caller, now: Micros) -> Self {
        let slots = world.space_slots();
        let mut sight = Self { by_slot: vec![Standing::default(); slots], granted: vec![0; slots.div_ceil(64)] };
        if caller.home.is_some() {
            // A key sees little, and `granted` tells of its home only.
            sight.granted.fill(u64::MAX);
        }
        for space in caller.principals().flat_map(|p| world.granted(p)) {
            if let Some(word) = sight.granted.get_mut(space.slot() / 64) {
                *word |= 1 << (space.slot() % 64);
            }
        }
        match caller.home {
            Some(home) => {
                if let Some(way) = world.lineage(home) {
                    sight.visit(world, caller, home, &Roles::new(), now, way.len());
                }
            }
            None => {
                for root in world.roots() {
                    sight.visit(world, caller, *root, &Roles::new(), now, 1);
                }
            }
        }
        sight
    }

    /// What the caller is in that space.
    pub fn get(&self, space: SpaceIx) -> Option<&Standing> {
        self.by_slot.get(space.slot())
    }

    /// The spaces whose gate the caller passes.
    pub fn visible(&self) -> impl Iterator<Item = (SpaceIx, &Standing)> {
        self.by_slot.iter().enumerate().filter(|(_, s)| s.gate).map(|(slot, s)| (SpaceIx(slot as u32), s))
    }

    /// Answers whether the space makes the caller a reader of its parent.
    fn visit(
        &mut self,
        world: &World,
        caller: &Caller,
        ix: SpaceIx,
        inflow: &Roles,
        now: Micros,
        depth: usize,
    ) -> bool {
        let Some(space) = world.space(ix).filter(|_| depth <= crate::MAX_SPACE_DEPTH) else { return false };
        let word = self.granted.get(ix.slot() / 64).copied().unwrap_or_default();
        let granted = word & 1 << (ix.slot() % 64) != 0;
        let own = if granted { world.own_roles(caller, space, now) } else { Roles::new() };
        let Arrival { mut standing, flow } = world.arrive_with(caller, ix, space, inflow, own, now);
        let mut risen = false;
        for child in space.children() {
            risen |= self.visit(world, caller, *child, &flow, now, depth + 1);
        }
        if risen && world.may_rise(caller, space) && !world.has_built_in(&standing.roles) {
            standing.roles.push(World::READER);
            standing.gate = world.gate(caller, ix, space, &standing.roles, now);
        }
        let rises = space.inherits && standing.gate && !standing.roles.is_empty();
        if let Some(place) = self.by_slot.get_mut(ix.slot()) {
            *place = standing;
        }
        rises
    }
}
