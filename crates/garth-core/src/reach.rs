//! What a caller can see, or do anything else to: the access classes of resources, and for
//! each which combinations of author, owner and subscriber let it through.

use crate::Micros;
use crate::caller::Caller;
use crate::decide::{Action, Facts};
use crate::ids::{ClassIx, SpaceIx};
use crate::policy::Policy;
use crate::standing::{Sight, Standing};
use crate::world::{Class, World};
use hashbrown::HashMap;

/// A set of classes. A list is a scan over these and never finds anything to discard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Classes whose every resource the caller may see.
    pub full: Vec<ClassIx>,
    /// Classes of which the caller may see some: bit `n` of the mask is set when the
    /// combination [`Facts::from_bits`]`(n)` is seen.
    pub partial: Vec<(ClassIx, u8)>,
}

/// The mask of a class that is seen whatever the caller is to the resource.
const ALL: u8 = u8::MAX;

/// A reach while it is put together.
#[derive(Default)]
struct Found {
    reach: Reach,
    /// Classes that may be met more than once: through the space they lie in, and through windows.
    shared: HashMap<ClassIx, u8>,
}

impl Found {
    fn take(&mut self, ix: ClassIx, class: &Class, mask: u8) {
        if class.windows.is_empty() {
            self.reach.put(ix, mask);
        } else {
            *self.shared.entry(ix).or_default() |= mask;
        }
    }

    fn reach(mut self) -> Reach {
        let mut shared: Vec<(ClassIx, u8)> = self.shared.into_iter().collect();
        shared.sort_unstable();
        shared.into_iter().for_each(|(ix, mask)| self.reach.put(ix, mask));
        self.reach
    }
}

impl Reach {
    fn put(&mut self, ix: ClassIx, mask: u8) {
        match mask {
            0 => {}
            ALL => self.full.push(ix),
            mask => self.partial.push((ix, mask)),
        }
    }
}

impl World {
    /// The classes the caller may see among those of which `wanted` says yes.
    pub fn reach(&self, caller: &Caller, now: Micros, wanted: impl Fn(&Class) -> bool) -> Reach {
        self.reach_for(caller, Action::Read, now, wanted)
    }

    /// The classes whose resources the caller may do that to: a search is what a decision on each would say.
    pub fn reach_for(&self, caller: &Caller, action: Action, now: Micros, wanted: impl Fn(&Class) -> bool) -> Reach {
        self.reach_through(caller, action, now, |class, _| wanted(class))
    }

    /// The same where it matters through which space: the one they lie in, or one they are shared to.
    pub fn reach_through(
        &self,
        caller: &Caller,
        action: Action,
        now: Micros,
        wanted: impl Fn(&Class, SpaceIx) -> bool,
    ) -> Reach {
        let mut found = Found::default();
        if caller.system {
            self.classes().filter(|(_, c)| wanted(c, c.space)).for_each(|(ix, class)| found.take(ix, class, ALL));
            return found.reach();
        }
        let sight = Sight::new(self, caller, now);
        for (ix, standing) in sight.visible() {
            let Some(space) = self.space(ix) else { continue };
            // Through a window things are seen, and nothing else can be done to them.
            let shared = if action == Action::Read { space.shared() } else { &[] };
            for class_ix in space.classes().iter().chain(shared) {
                let Some(class) = self.class(*class_ix).filter(|class| wanted(class, ix)) else { continue };
                if class.space == ix || !self.windows(class).is_empty() {
                    found.take(*class_ix, class, self.mask(caller, action, class, standing, now));
                }
            }
        }
        found.reach()
    }

    /// The same for what lies in a few named spaces, without looking at the others. A space whose gate is shut is empty,
    /// whatever of it is seen elsewhere.
    pub fn reach_in(&self, caller: &Caller, spaces: &[SpaceIx], now: Micros, wanted: impl Fn(&Class) -> bool) -> Reach {
        let mut found = Found::default();
        for ix in spaces {
            let Some(space) = self.space(*ix) else { continue };
            let standing = if caller.system { None } else { Some(self.standing(caller, *ix, now)) };
            if standing.as_ref().is_some_and(|s| !s.gate) {
                continue;
            }
            for class_ix in space.classes() {
                let Some(class) = self.class(*class_ix).filter(|class| wanted(class)) else { continue };
                let own = |standing| self.mask(caller, Action::Read, class, standing, now);
                let mask =
                    standing.as_ref().map_or(ALL, |standing| own(standing) | self.window_mask(caller, class, now));
                found.take(*class_ix, class, mask);
            }
        }
        found.reach()
    }

    /// The same of a few named classes, by whichever way the caller sees them.
    pub fn reach_of(&self, caller: &Caller, classes: impl IntoIterator<Item = ClassIx>, now: Micros) -> Reach {
        let mut found = Found::default();
        let sight = Sight::new(self, caller, now);
        for ix in classes {
            let Some(class) = self.class(ix) else { continue };
            let spaces = std::iter::once(&class.space).chain(self.windows(class));
            let standings = spaces.filter_map(|space| sight.get(*space)).filter(|standing| standing.gate);
            let masks = standings.map(|standing| self.mask(caller, Action::Read, class, standing, now));
            found.take(ix, class, if caller.system { ALL } else { masks.fold(0, |all, mask| all | mask) });
        }
        found.reach()
    }

    /// Which combinations of author, owner and subscriber see resources of the class through the spaces they are
    /// shared to.
    fn window_mask(&self, caller: &Caller, class: &Class, now: Micros) -> u8 {
        let standings = self.windows(class).iter().map(|window| self.standing(caller, *window, now));
        let masks = standings.filter(|s| s.gate).map(|s| self.mask(caller, Action::Read, class, &s, now));
        masks.fold(0, |all, mask| all | mask)
    }

    /// Which combinations of author, owner and subscriber may do that to resources of the class.
    fn mask(&self, caller: &Caller, action: Action, class: &Class, standing: &Standing, now: Micros) -> u8 {
        let Some(kind) = self.kind(class.kind) else { return 0 };
        let may = |bits: u8| {
            let facts = Facts::from_bits(bits);
            let view = self.view_step(caller, standing, class, kind, facts, now);
            view.allowed && self.resource_action(caller, standing, class, kind, facts, action, view, now).allowed
        };
        let writing = action == Action::Write;
        let e = kind.exceptions;
        let excepted = [e.author, e.owner, e.subscribers].iter().any(|(view, edit)| *view || (*edit && writing));
        let view: Option<&Policy> = class.view.as_deref().or(kind.default_view.as_deref());
        let edit: Option<&Policy> = class.edit.as_deref().or(kind.default_edit.as_deref()).filter(|_| writing);
        if !excepted && !view.into_iter().chain(edit).any(|p| p.mentions_facts(self)) {
            return if may(0) { ALL } else { 0 };
        }
        (0..8).filter(|bits| may(*bits)).fold(0, |mask, bits| mask | 1 << bits)
    }
}
