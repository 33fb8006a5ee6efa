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
use crate::world::{Grant, Space, World};
use hashbrown::{HashMap, HashSet};
use smallvec::SmallVec;
use std::sync::OnceLock;

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
    /// Whom the grant names; `None` for [`Flow::Below`], and for what a session brought.
    pub principal: Option<Principal>,
    /// The caller's session brought it: no grant is stored.
    pub session: bool,
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
const FEW: usize = 4;
/// Looking at a heir takes as long as looking whether so many granted spaces lie below.
const GRANTED_A_HEIR: usize = 16;
/// More grants than that are searched, fewer are read.
const MANY: usize = 256;

impl World {
    /// What the caller is in that space; a missing space has no gate and no roles.
    pub fn standing(&self, caller: &Caller, space: SpaceIx, now: Micros) -> Standing {
        let Some((chain, depth)) = self.way_to(caller, space) else { return Standing::default() };
        let Some(at) = self.space(space) else { return Standing::default() };
        // Nothing enters a sealed space, so what lies above one need not be looked at.
        let mut above: SmallVec<[(SpaceIx, &Space); 8]> = SmallVec::new();
        let mut sealed = at.sealed;
        for ix in chain.iter().skip(1) {
            if sealed {
                break;
            }
            let Some(space) = self.space(*ix) else { return Standing::default() };
            sealed = space.sealed;
            above.push((*ix, space));
        }
        let mut flow = Roles::new();
        for (ix, space) in above.into_iter().rev() {
            flow = self.flow_on(caller, ix, space, flow, now);
        }
        let Arrival { standing, flow } = self.arrive(caller, space, at, &flow, now);
        self.settle(caller, Top { ix: space, space: at, flow: &flow, depth }, standing, now)
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
        if self.has_built_in(&here.roles) || !self.may_rise(caller, top.ix, top.space) {
            return here;
        }
        // Without a role that flows down, only what was granted below can rise; it is
        // looked for from whichever end there is less to look at.
        let risen = match self.granted_instead_of_heirs(caller, top) {
            Some(granted) => self.granted_below_rises(caller, top, &granted, now),
            None => self.rises(caller, top, None, now),
        };
        if risen {
            here.roles.push(Self::READER);
            here.gate = self.gate(caller, top.ix, top.space, &here.roles, now);
        }
        here
    }

    /// Could anything rise into the space at all? Nothing enters a sealed one, and an
    /// api key is what it is in its own space and below.
    fn may_rise(&self, caller: &Caller, ix: SpaceIx, space: &Space) -> bool {
        caller.home.is_none() && !space.sealed && self.link(ix).is_some_and(|link| link.has_heirs)
    }

    /// The spaces in which each of the caller's principals is granted something, where these
    /// tell sooner what rises than the heirs of that space do.
    fn granted_instead_of_heirs<'a>(
        &'a self,
        caller: &'a Caller,
        top: Top<'_>,
    ) -> Option<SmallVec<[&'a [SpaceIx]; 24]>> {
        if !top.flow.is_empty() || !self.has_more_heirs(top.space, FEW) {
            return None;
        }
        let brought = std::iter::once(caller.brought_spaces());
        let granted: SmallVec<[&'a [SpaceIx]; 24]> =
            caller.principals().map(|p| self.granted(p)).chain(brought).filter(|spaces| !spaces.is_empty()).collect();
        let all: usize = granted.iter().map(|spaces| spaces.len()).sum();
        self.has_more_heirs(top.space, all / GRANTED_A_HEIR).then_some(granted)
    }

    /// Do more spaces than that inherit from this one, over any number of links?
    fn has_more_heirs(&self, top: &Space, than: usize) -> bool {
        let mut met = 0;
        let mut next: SmallVec<[&Space; 12]> = SmallVec::from_slice(&[top]);
        while let Some(space) = next.pop() {
            met += space.heirs().len();
            if met > than {
                return true;
            }
            let fertile = space.heirs().iter().filter(|ix| self.link(**ix).is_some_and(|link| link.has_heirs));
            next.extend(fertile.filter_map(|ix| self.space(*ix)));
        }
        false
    }

    /// Does something granted to the caller below `top` rise to it? `top` sends nothing down.
    fn granted_below_rises(&self, caller: &Caller, top: Top<'_>, granted: &[&[SpaceIx]], now: Micros) -> bool {
        let mut marked = HashSet::new();
        let mut unsure = false;
        for start in granted.iter().copied().flatten() {
            let Some(chain) = self.heirs_between(*start, top.ix) else { continue };
            match self.climbs(caller, top, &chain, now) {
                Some(true) => return true,
                Some(false) => {}
                None => unsure = true,
            }
            marked.extend(chain);
        }
        unsure && self.rises(caller, top, Some(&marked), now)
    }

    /// The unbroken chain of inheriting links from `start` up to `top`, itself left out;
    /// `None` when there is none.
    fn heirs_between(&self, start: SpaceIx, top: SpaceIx) -> Option<SmallVec<[SpaceIx; 12]>> {
        let mut chain = SmallVec::new();
        let mut next = start;
        while next != top {
            let link = self.link(next).filter(|link| link.inherits && chain.len() < crate::MAX_SPACE_DEPTH)?;
            chain.push(next);
            next = link.parent?;
        }
        (!chain.is_empty()).then_some(chain)
    }

    /// Does what the caller holds at the start of a chain rise to its end? `top`, above that
    /// end, sends nothing down. `None` where the start has to look at what rises into it.
    fn climbs(&self, caller: &Caller, top: Top<'_>, chain: &[SpaceIx], now: Micros) -> Option<bool> {
        let mut arrivals: SmallVec<[(SpaceIx, &Space, Standing); 6]> = SmallVec::new();
        let mut flow = Roles::new();
        for (ix, depth) in chain.iter().rev().zip(top.depth + 1..) {
            let Some(space) = self.space(*ix).filter(|_| depth <= crate::MAX_SPACE_DEPTH) else { return Some(false) };
            let arrival = self.arrive(caller, *ix, space, &flow, now);
            flow = arrival.flow;
            arrivals.push((*ix, space, arrival.standing));
        }
        let mut risen = false;
        for (ix, space, mut standing) in arrivals.into_iter().rev() {
            if !self.has_built_in(&standing.roles) && self.may_rise(caller, ix, space) {
                if !risen {
                    return None;
                }
                standing.roles.push(Self::READER);
                standing.gate = self.gate(caller, ix, space, &standing.roles, now);
            }
            risen = standing.gate && !standing.roles.is_empty();
            if !risen {
                return Some(false);
            }
        }
        Some(true)
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
        if !settled && self.may_rise(caller, ix, space) && self.rises(caller, child, only, now) {
            standing.roles.push(Self::READER);
            standing.gate = self.gate(caller, ix, space, &standing.roles, now);
        }
        standing.gate && !standing.roles.is_empty()
    }

    /// What flows on from a space, given what flows into it. Where nothing is granted to the
    /// caller its gate changes nothing and is not asked.
    fn flow_on(&self, caller: &Caller, ix: SpaceIx, space: &Space, inflow: Roles, now: Micros) -> Roles {
        let inflow = if space.sealed { Roles::new() } else { inflow };
        let own = self.own_roles(caller, ix, space, now);
        if own.is_empty() {
            return inflow;
        }
        let mut roles = inflow.clone();
        add_all(&mut roles, &own);
        if self.gate(caller, ix, space, &roles, now) { roles } else { inflow }
    }

    /// The first pass at one space, given what flows into it.
    fn arrive(&self, caller: &Caller, ix: SpaceIx, space: &Space, inflow: &Roles, now: Micros) -> Arrival {
        let own = self.own_roles(caller, ix, space, now);
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
        let link = self.link(ix);
        let shut = roles.is_empty() && link.is_some_and(|link| link.shut);
        // Most gates are for members: their policies need not be fetched.
        let known = !roles.is_empty() && link.is_some_and(|link| link.for_members);
        caller.home == Some(ix)
            || known
            || !shut
                && space.view.passes(&Circumstances { world: self, caller, roles, facts: None, viewing: true, now })
    }

    /// The roles that this very space grants the caller, and those that their session brings here. A sealed
    /// space takes grants to users and keys only.
    fn own_roles(&self, caller: &Caller, ix: SpaceIx, space: &Space, now: Micros) -> Roles {
        let mut own = Roles::new();
        let grants = space.grants();
        let counts = |p: Principal| !space.sealed || matches!(p, Principal::User(_) | Principal::Key(_));
        let mut take = |grant: &Grant| {
            if grant.holds(now)
                && !own.contains(&grant.role)
                && counts(grant.principal)
                && self.role(grant.role).is_some()
            {
                own.push(grant.role);
            }
        };
        if grants.len() <= MANY {
            for at in space.marks().iter().enumerate().filter(|(_, mark)| caller.may_be(**mark)).map(|(at, _)| at) {
                grants.get(at).filter(|g| caller.is(g.principal)).map(&mut take);
            }
        } else {
            for principal in caller.principals() {
                let from = grants.partition_point(|g| g.principal < principal);
                grants.iter().skip(from).take_while(|g| g.principal == principal).for_each(&mut take);
            }
        }
        add_all(&mut own, &self.brought_roles(caller, ix, space));
        own
    }

    /// The roles that the caller's session brings in that space, of those there still are.
    fn brought_roles(&self, caller: &Caller, ix: SpaceIx, space: &Space) -> Roles {
        match caller.brought.as_deref().filter(|_| !space.sealed) {
            Some(brought) => brought.roles_in(ix).filter(|role| self.role(*role).is_some()).collect(),
            None => Roles::new(),
        }
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
                        session: false,
                    });
                }
            }
            let flow = if *ix == space { Flow::Here } else { Flow::Above };
            let brought = self.brought_roles(caller, *ix, at);
            sources.extend(brought.into_iter().map(|role| Source {
                role,
                flow,
                space: *ix,
                principal: None,
                session: true,
            }));
        }
        if let Some(at) = self.space(space)
            && self.may_rise(caller, space, at)
        {
            for child in at.heirs() {
                let standing = self.standing(caller, *child, now);
                if standing.gate && !standing.roles.is_empty() {
                    let (role, flow) = (Self::READER, Flow::Below);
                    sources.push(Source { role, flow, space: *child, principal: None, session: false });
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

/// A bit for each slot of the spaces.
struct Bits(Vec<u64>);

impl Bits {
    fn has(&self, ix: SpaceIx) -> bool {
        self.0.get(ix.slot() / 64).is_some_and(|word| word & 1 << (ix.slot() % 64) != 0)
    }

    /// Answers whether the mark is new.
    fn set(&mut self, ix: SpaceIx) -> bool {
        let Some(word) = self.0.get_mut(ix.slot() / 64) else { return false };
        let before = std::mem::replace(word, *word | 1 << (ix.slot() % 64));
        before != *word
    }

    /// Marks the space and what it lies under.
    fn set_up(&mut self, world: &World, space: SpaceIx) {
        let mut next = Some(space);
        while let Some(ix) = next.filter(|ix| self.set(*ix)) {
            next = world.link(ix).and_then(|link| link.parent);
        }
    }
}

/// What a caller is in every space at once.
pub struct Sight {
    found: Found,
    /// Where in `found` each space is; made when somebody asks for one.
    places: OnceLock<HashMap<SpaceIx, u32>>,
}

/// What somebody is, where they are anything.
type Found = Vec<(SpaceIx, Standing)>;

impl Sight {
    /// Looks at every space in which the caller could be anything, once.
    pub fn new(world: &World, caller: &Caller, now: Micros) -> Self {
        let none = || Bits(vec![0; world.space_slots().div_ceil(64)]);
        let mut found = Found::new();
        match caller.home {
            // A key sees little, and what is known to be granted to it is its home only.
            Some(home) => {
                if let Some(way) = world.lineage(home) {
                    let look = Look { world, caller, now, granted: None, ways: None };
                    look.visit(&mut found, home, &Roles::new(), way.len());
                }
            }
            None => {
                let (mut granted, mut near) = (none(), none());
                for space in caller.principals().flat_map(|p| world.granted(p)).chain(caller.brought_spaces()) {
                    granted.set(*space);
                    near.set_up(world, *space);
                }
                for space in world.open() {
                    near.set_up(world, *space);
                }
                let ways = Ways::new(world, &near);
                let look = Look { world, caller, now, granted: Some(&granted), ways: Some(&ways) };
                for root in &ways.roots {
                    look.visit(&mut found, *root, &Roles::new(), 1);
                }
            }
        }
        Self { found, places: OnceLock::new() }
    }

    /// What the caller is in that space; `None` when nothing.
    pub fn get(&self, space: SpaceIx) -> Option<&Standing> {
        let places = self.places.get_or_init(|| {
            let places = self.found.iter().zip(0..);
            places.map(|((ix, _), at)| (*ix, at)).collect()
        });
        self.found.get(*places.get(&space)? as usize).map(|(_, standing)| standing)
    }

    /// The spaces whose gate the caller passes.
    pub fn visible(&self) -> impl Iterator<Item = (SpaceIx, &Standing)> {
        self.found.iter().filter(|(_, s)| s.gate).map(|(ix, s)| (*ix, s))
    }
}

/// The marked spaces, from the roots down: whoever looks for them need not touch those beside them.
struct Ways<'a> {
    near: &'a Bits,
    /// How many are marked in the words before each.
    before: Vec<u32>,
    /// In the order of their slots.
    marked: Vec<Way>,
    roots: Vec<SpaceIx>,
}

/// A marked space; others are named by their place among the marked, which [`NONE`] has.
struct Way {
    space: SpaceIx,
    /// The last of those below it.
    below: u32,
    /// The one before it below the same space.
    beside: u32,
}

const NONE: u32 = u32::MAX;

impl<'a> Ways<'a> {
    /// `near` holds, with each space, what that lies under.
    fn new(world: &World, near: &'a Bits) -> Self {
        let mut marked = Vec::new();
        let mut before = Vec::with_capacity(near.0.len());
        for (word, at) in near.0.iter().zip(0..) {
            before.push(marked.len() as u32);
            let mut left = *word;
            while left != 0 {
                marked.push(Way { space: SpaceIx(at * 64 + left.trailing_zeros()), below: NONE, beside: NONE });
                left &= left - 1;
            }
        }
        let mut ways = Self { near, before, marked, roots: Vec::new() };
        for at in 0..ways.marked.len() {
            let Some(space) = ways.marked.get(at).map(|way| way.space) else { continue };
            let Some(link) = world.link(space) else { continue };
            let Some(parent) = link.parent else {
                ways.roots.push(space);
                continue;
            };
            let place = ways.place(parent);
            let beside = place.and_then(|place| ways.marked.get_mut(place));
            let beside = beside.map_or(NONE, |parent| std::mem::replace(&mut parent.below, at as u32));
            if let Some(way) = ways.marked.get_mut(at) {
                way.beside = beside;
            }
        }
        ways
    }

    /// Where a space stands among the marked.
    fn place(&self, space: SpaceIx) -> Option<usize> {
        let at = space.slot() / 64;
        let lower = self.near.0.get(at)? & ((1 << (space.slot() % 64)) - 1);
        self.near.has(space).then_some(*self.before.get(at)? as usize + lower.count_ones() as usize)
    }

    /// The marked ones below a space.
    fn below(&self, space: SpaceIx) -> impl Iterator<Item = SpaceIx> {
        let first = self.place(space).and_then(|place| self.marked.get(place)).map_or(NONE, |way| way.below);
        let next = |at: u32| self.marked.get(at as usize);
        std::iter::successors(next(first), move |way| next(way.beside)).map(|way| way.space)
    }
}

/// Somebody looks around.
struct Look<'a> {
    world: &'a World,
    caller: &'a Caller,
    now: Micros,
    /// Where something is granted to them; anywhere if not known.
    granted: Option<&'a Bits>,
    /// The ways to where something is granted to them, or where a gate opens to somebody without a role. Elsewhere, where
    /// nothing flows in, they are nothing, and so everywhere below. All ways if not known.
    ways: Option<&'a Ways<'a>>,
}

impl Look<'_> {
    /// Answers whether the space makes the caller a reader of its parent.
    fn visit(&self, found: &mut Found, ix: SpaceIx, inflow: &Roles, depth: usize) -> bool {
        let Self { world, caller, now, .. } = *self;
        let Some(link) = world.link(ix).filter(|_| depth <= crate::MAX_SPACE_DEPTH) else { return false };
        let granted = self.granted.is_none_or(|granted| granted.has(ix));
        let (mut standing, flow) = if !granted && inflow.is_empty() && link.shut {
            // Most spaces that are looked at only lie on the way to others.
            (Standing::default(), Roles::new())
        } else {
            let Some(space) = world.space(ix) else { return false };
            let own = if granted { world.own_roles(caller, ix, space, now) } else { Roles::new() };
            let arrival = world.arrive_with(caller, ix, space, inflow, own, now);
            (arrival.standing, arrival.flow)
        };
        let risen = self.visit_below(found, ix, &flow, depth);
        if risen
            && !world.has_built_in(&standing.roles)
            && let Some(space) = world.space(ix).filter(|space| world.may_rise(caller, ix, space))
        {
            standing.roles.push(World::READER);
            standing.gate = world.gate(caller, ix, space, &standing.roles, now);
        }
        let rises = link.inherits && standing.gate && !standing.roles.is_empty();
        if standing != Standing::default() {
            found.push((ix, standing));
        }
        rises
    }

    /// Answers whether one below makes the caller a reader of that space.
    fn visit_below(&self, found: &mut Found, ix: SpaceIx, flow: &Roles, depth: usize) -> bool {
        let mut risen = false;
        let visit = |child: SpaceIx| risen |= self.visit(found, child, flow, depth + 1);
        match self.ways.filter(|_| flow.is_empty()) {
            Some(ways) => ways.below(ix).for_each(visit),
            None => self.world.space(ix).into_iter().flat_map(Space::children).copied().for_each(visit),
        }
        risen
    }
}
