//! One file per command.

pub mod check;
pub mod completions;
pub mod config;
pub mod health;
pub mod serve;
pub mod who;
pub mod why;
