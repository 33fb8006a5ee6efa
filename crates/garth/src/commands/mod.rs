//! One file per command.

pub mod admin;
pub mod backup;
pub mod check;
pub mod completions;
pub mod config;
pub mod health;
pub mod keys;
pub mod restore;
pub mod serve;
pub mod space;
pub mod unlock;
pub mod verify;
pub mod who;
pub mod why;
