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
    /// An access class: (space, kind, view policy, edit policy).
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
