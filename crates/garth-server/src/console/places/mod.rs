//! Spaces themselves: the tree of them, making, changing, moving and ending one; who holds what, and who sees what.

mod access;
mod create;
mod ending;
mod gate;
mod grants;
mod moving;
pub mod persons;
mod preview;
pub mod routes;
mod settings;
mod tree;
