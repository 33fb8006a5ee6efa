//! A growable array that is cheap to copy and cheap to change in the copy.
//!
//! The directory is an immutable snapshot; a write makes the next one. A shelf
//! copies only the leaf of `LEAF` slots that a write touches and shares the rest,
//! so a change costs the same in a world of ten spaces and in one of a million.

use std::sync::Arc;

/// Slots a leaf holds: small enough to copy in about a microsecond, large enough
/// that the list of leaves stays short.
const LEAF: usize = 128;

/// A persistent array of `T`, addressed by slot. Slots that were never filled are empty.
#[derive(Debug)]
pub struct Shelf<T> {
    leaves: Arc<Vec<Arc<[Option<T>]>>>,
    len: usize,
}

impl<T> Clone for Shelf<T> {
    fn clone(&self) -> Self {
        Self { leaves: Arc::clone(&self.leaves), len: self.len }
    }
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { leaves: Arc::default(), len: 0 }
    }
}

impl<T: Clone> Shelf<T> {
    /// How many slots there are, empty ones included.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True when no slot was ever filled.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What lies in a slot, if anything.
    #[inline]
    pub fn get(&self, slot: usize) -> Option<&T> {
        self.leaves.get(slot / LEAF)?.get(slot % LEAF)?.as_ref()
    }

    /// What lies in a slot, to be changed in this copy only.
    pub fn get_mut(&mut self, slot: usize) -> Option<&mut T> {
        if slot >= self.len {
            return None;
        }
        let leaf = Arc::make_mut(&mut self.leaves).get_mut(slot / LEAF)?;
        Arc::make_mut(leaf).get_mut(slot % LEAF)?.as_mut()
    }

    /// Puts a value into a slot, growing the shelf as far as needed.
    pub fn set(&mut self, slot: usize, value: T) {
        let leaves = Arc::make_mut(&mut self.leaves);
        while leaves.len() <= slot / LEAF {
            leaves.push(std::iter::repeat_with(|| None).take(LEAF).collect());
        }
        if let Some(place) = leaves.get_mut(slot / LEAF).and_then(|leaf| Arc::make_mut(leaf).get_mut(slot % LEAF)) {
            *place = Some(value);
        }
        self.len = self.len.max(slot + 1);
    }

    /// Empties a slot and answers what lay there.
    pub fn take(&mut self, slot: usize) -> Option<T> {
        self.get(slot)?;
        let leaf = Arc::make_mut(&mut self.leaves).get_mut(slot / LEAF)?;
        Arc::make_mut(leaf).get_mut(slot % LEAF)?.take()
    }

    /// Every filled slot in order.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        self.leaves.iter().enumerate().flat_map(|(l, leaf)| {
            leaf.iter().enumerate().filter_map(move |(i, value)| value.as_ref().map(|v| (l * LEAF + i, v)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_keeps_what_it_saw() {
        let mut now: Shelf<u32> = Shelf::default();
        for slot in 0..1_000 {
            now.set(slot, slot as u32);
        }
        let before = now.clone();
        now.set(500, 7);
        now.take(501);
        assert_eq!((before.get(500), before.get(501)), (Some(&500), Some(&501)));
        assert_eq!((now.get(500), now.get(501)), (Some(&7), None));
        assert_eq!((now.iter().count(), before.iter().count()), (999, 1_000));
    }

    #[test]
    fn slots_may_be_filled_in_any_order() {
        let mut shelf: Shelf<&str> = Shelf::default();
        shelf.set(300, "late");
        assert_eq!((shelf.get(299), shelf.get(300), shelf.get(301), shelf.len()), (None, Some(&"late"), None, 301));
    }
}
