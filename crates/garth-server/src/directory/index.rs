//! Everything of one noun: from ids and names to slots, and from slots to what is known.

use super::map::Map;
use garth_core::{ClassIx, GroupIx, KeyIx, KindIx, PolicyIx, ResourceIx, RoleIx, Shelf, SpaceIx, UserIx};
use std::sync::Arc;
use uuid::Uuid;

/// Everything of one noun: ids and names to slots, slots to what is known.
pub struct Index<T> {
    by_id: Map<Uuid, u32>,
    by_name: Map<String, u32>,
    infos: Shelf<Arc<T>>,
    next: u32,
}

impl<T> Clone for Index<T> {
    fn clone(&self) -> Self {
        Self { by_id: self.by_id.clone(), by_name: self.by_name.clone(), infos: self.infos.clone(), next: self.next }
    }
}

impl<T> Default for Index<T> {
    fn default() -> Self {
        Self { by_id: Map::default(), by_name: Map::default(), infos: Shelf::default(), next: 0 }
    }
}

/// An index of the core, made of a slot.
pub trait Slot: Copy {
    /// The index of that slot.
    fn of(slot: u32) -> Self;
    /// The slot of that index.
    fn slot(self) -> u32;
}

macro_rules! slots {
    ($($name:ident),+) => {$(
        impl Slot for $name {
            fn of(slot: u32) -> Self {
                $name(slot)
            }

            fn slot(self) -> u32 {
                self.0
            }
        }
    )+};
}
slots!(SpaceIx, UserIx, GroupIx, RoleIx, KindIx, PolicyIx, ClassIx, KeyIx, ResourceIx);

impl<T> Index<T> {
    /// The slot of an id.
    pub fn by_id<Ix: Slot>(&self, id: &Uuid) -> Option<Ix> {
        self.by_id.get(id).map(|slot| Ix::of(*slot))
    }

    /// The slot of a name.
    pub fn by_name<Ix: Slot>(&self, name: &str) -> Option<Ix> {
        self.by_name.get(name).map(|slot| Ix::of(*slot))
    }

    /// What is known of a slot.
    pub fn info(&self, ix: impl Slot) -> Option<&Arc<T>> {
        self.infos.get(ix.slot() as usize)
    }

    /// Everything that is known.
    pub fn iter<Ix: Slot>(&self) -> impl Iterator<Item = (Ix, &Arc<T>)> {
        self.infos.iter().map(|(slot, info)| (Ix::of(slot as u32), info))
    }

    /// The slot of an id, a new one when it was never met.
    pub(super) fn place<Ix: Slot>(&mut self, id: Uuid) -> Ix {
        if let Some(slot) = self.by_id.get(&id) {
            return Ix::of(*slot);
        }
        let slot = self.next;
        self.next += 1;
        self.by_id.insert(id, slot);
        Ix::of(slot)
    }

    /// Gives an id of something built in its fixed slot. Slots below `reserved` are never handed out.
    pub(super) fn seat(&mut self, id: Uuid, slot: u32, reserved: u32) {
        self.by_id.insert(id, slot);
        self.next = self.next.max(reserved);
    }

    pub(super) fn set(&mut self, ix: impl Slot, info: T) {
        self.infos.set(ix.slot() as usize, Arc::new(info));
    }

    pub(super) fn name(&mut self, name: &str, ix: impl Slot) {
        self.by_name.insert(name.to_owned(), ix.slot());
    }

    pub(super) fn unname(&mut self, name: &str, ix: impl Slot) {
        if self.by_name.get(name) == Some(&ix.slot()) {
            self.by_name.remove(name);
        }
    }

    /// Forgets an id for good; its slot is never used again.
    pub(super) fn forget(&mut self, id: &Uuid, ix: impl Slot) -> Option<Arc<T>> {
        self.by_id.remove(id);
        self.infos.take(ix.slot() as usize)
    }
}
