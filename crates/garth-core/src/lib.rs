//! Who may do what: Garth's decisions, pure.
//!
//! This crate knows spaces, groups, roles, grants, policies and kinds, and answers
//! four questions over a [`World`]: what may this caller do here
//! ([`World::decide`]), what can they see ([`World::reach`]), among whom are those
//! who may ([`World::candidates`]), and where do somebody's roles come from
//! ([`World::sources`]). It does no input or output, reads no clock
//! and no randomness: the same world, caller and time give the same answer.
//!
//! Everything is addressed by small indices ([`ids`]); the server turns ids and
//! names into them once, at its edge.

pub mod caller;
pub mod candidates;
pub mod decide;
pub mod given;
pub mod ids;
pub mod permission;
pub mod policy;
pub mod reach;
pub mod shelf;
pub mod standing;
pub mod when;
pub mod world;

pub use caller::{Brought, Caller};
pub use candidates::{Candidates, Named};
pub use decide::{Action, Answer, By, Decision, Facts, Outcome, Target};
pub use given::{Asked, Fact, Given, Part};
pub use ids::{ClassIx, GroupIx, KeyIx, KindIx, PolicyIx, Principal, ResourceIx, RoleIx, SpaceIx, UserIx, Word};
pub use permission::{Pattern, Permission, Role, RoleKind, Words};
pub use policy::{Effect, Place, Policy, Rule, Who};
pub use reach::Reach;
pub use shelf::Shelf;
pub use standing::{Flow, Roles, Sight, Source, Standing};
pub use when::{Moon, When};
pub use world::{Class, Differences, Exceptions, Grant, Group, Kind, Space, SpaceDifference, User, World};

/// Deepest tree of spaces, a root being 1 (`API.md`, ground rules).
pub const MAX_SPACE_DEPTH: usize = 32;
/// Most links from a group to a group that contains it (`API.md`, ground rules).
pub const MAX_GROUP_DEPTH: usize = 16;
/// Deepest nesting of policies, named ones included (`API.md`, ground rules).
pub const MAX_POLICY_DEPTH: usize = 16;
/// Most policies that one policy may consist of, itself and every named one it leads to
/// counted each time: named policies that name each other twice a level would otherwise
/// double the work with every level.
pub const MAX_POLICY_PARTS: usize = 1_024;

/// A moment, in microseconds since 1970-01-01 UTC.
pub type Micros = i64;
