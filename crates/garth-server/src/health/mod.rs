//! Health: is the process alive, can it answer.

pub mod api;
