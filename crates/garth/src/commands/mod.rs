//! One file per command.

pub mod backup;
pub mod check;
pub mod completions;
pub mod config;
pub mod restore;
pub mod serve;
pub mod who;
pub mod why;
