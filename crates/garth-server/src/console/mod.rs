//! The console: pages for people. So far how they sign in, and who they are.

pub mod api;
mod pages;
