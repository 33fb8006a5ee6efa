//! The engine on trial: a slow model judges it on random worlds, golden tables show it
//! to people, and the cases of the reference are named one by one.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod attacks;
mod named_cases;
mod office;
mod oracle;
mod properties;
mod roles_table;
mod worlds;
