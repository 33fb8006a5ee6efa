//! The console: pages for people. So far how they come in and sign in, and who they are.

pub mod api;
pub mod links;
mod pages;
