//! Indices: what the server's string ids become at its edge.
//!
//! An index names one slot of one [`crate::World`] and is never used again for
//! another thing, so that a deleted id hands nothing to a later one.

macro_rules! index {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u32);

        impl $name {
            /// The slot this index names.
            #[inline]
            pub fn slot(self) -> usize {
                self.0 as usize
            }
        }
    )+};
}

index! {
    /// A space.
    SpaceIx,
    /// A user, enabled, disabled or deleted.
    UserIx,
    /// A group; `everyone` is not one of them, it is [`Principal::Everyone`].
    GroupIx,
    /// A role, built in or custom.
    RoleIx,
    /// A kind of resource.
    KindIx,
    /// A named policy.
    PolicyIx,
    /// An access class: (space, kind, view policy, edit policy, spaces it is shared to).
    ClassIx,
    /// An API key.
    KeyIx,
    /// A resource that holds roles of its own (a role attachment).
    ResourceIx,
    /// An interned word: the noun or the verb of a permission.
    Word,
}

/// Whom a grant can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Principal {
    /// All signed-in users.
    Everyone,
    /// One user.
    User(UserIx),
    /// The members of a group, nested ones included.
    Group(GroupIx),
    /// One API key.
    Key(KeyIx),
    /// One resource, acting for itself.
    Resource(ResourceIx),
}

impl Principal {
    /// Two numbers below 512 in one: the bits that a principal sets in a caller's marks.
    /// Different principals may have the same.
    pub(crate) fn mark(self) -> Mark {
        let code = match self {
            Principal::Everyone => 0,
            Principal::User(ix) => ix.0.wrapping_mul(4).wrapping_add(1),
            Principal::Group(ix) => ix.0.wrapping_mul(4).wrapping_add(2),
            Principal::Key(ix) => ix.0.wrapping_mul(4).wrapping_add(3),
            Principal::Resource(ix) => ix.0.wrapping_mul(4),
        };
        Mark(code.wrapping_mul(0x9E37_79B9) >> 14)
    }
}

/// See [`Principal::mark`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark(u32);

/// The marks of some principals: most others are told apart from them by one look.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Marks([u64; 8]);

impl Marks {
    pub(crate) fn set(&mut self, mark: Mark) {
        for bit in [mark.0, mark.0 >> 9] {
            if let Some(word) = self.0.get_mut(bit as usize / 64 % 8) {
                *word |= 1 << (bit % 64);
            }
        }
    }

    /// No: it is none of them. Yes: it could be one.
    #[inline]
    pub(crate) fn may_have(&self, mark: Mark) -> bool {
        let at = |bit: u32| self.0.get(bit as usize / 64 % 8).is_some_and(|word| word >> (bit % 64) & 1 != 0);
        at(mark.0) & at(mark.0 >> 9)
    }
}
