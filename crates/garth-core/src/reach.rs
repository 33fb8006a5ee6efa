//! What a caller can see, or do anything else to: the access classes of resources, and for
//! each which combinations of author, owner and subscriber let it through.

use crate::Micros;
use crate::caller::Caller;
use crate::decide::{Action, Facts};
use crate::ids::{ClassIx, SpaceIx};
use crate::policy::Policy;
use crate::standing::{Sight, Standing};
use crate::world::{Class, World};

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

impl World {
    /// The classes the caller may see among those of which `wanted` says yes.
    pub fn reach(&self, caller: &Caller, now: Micros, wanted: impl Fn(&Class) -> bool) -> Reach {
        self.reach_for(caller, Action::Read, now, wanted)
    }

    /// The classes whose resources the caller may do that to: a search is what a decision on each would say.
    pub fn reach_for(&self, caller: &Caller, action: Action, now: Micros, wanted: impl Fn(&Class) -> bool) -> Reach {
        let mut reach = Reach::default();
        if caller.system {
            reach.full = self.classes().filter(|(_, c)| wanted(c)).map(|(ix, _)| ix).collect();
            return reach;
        }
        let sight = Sight::new(self, caller, now);
        for (ix, standing) in sight.visible() {
            let classes = self.space(ix).map_or(&[][..], |s| s.classes());
            self.reach_into(caller, action, classes, Some(standing), now, &wanted, &mut reach);
        }
        reach
    }

    /// The same for a few named spaces, without looking at the others.
    pub fn reach_in(&self, caller: &Caller, spaces: &[SpaceIx], now: Micros, wanted: impl Fn(&Class) -> bool) -> Reach {
        let mut reach = Reach::default();
        for ix in spaces {
            let Some(space) = self.space(*ix) else { continue };
            let standing = if caller.system { None } else { Some(self.standing(caller, *ix, now)) };
            if standing.as_ref().is_none_or(|s| s.gate) {
                self.reach_into(caller, Action::Read, space.classes(), standing.as_ref(), now, &wanted, &mut reach);
            }
        }
        reach
    }

    #[allow(clippy::too_many_arguments)] // the circumstances of each class, once
    fn reach_into(
        &self,
        caller: &Caller,
        action: Action,
        classes: &[ClassIx],
        standing: Option<&Standing>,
        now: Micros,
        wanted: &impl Fn(&Class) -> bool,
        reach: &mut Reach,
    ) {
        for ix in classes {
            let Some(class) = self.class(*ix).filter(|c| wanted(c)) else { continue };
            match standing.map_or(ALL, |standing| self.mask(caller, action, class, standing, now)) {
                0 => {}
                ALL => reach.full.push(*ix),
                mask => reach.partial.push((*ix, mask)),
            }
        }
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
