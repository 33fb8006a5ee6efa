//! The console: pages for people. How they sign in, who they are, and what is in their spaces.
//!
//! A page has a file of its own, and calls the operations that the API calls. It decides nothing: what somebody may do is
//! offered by what they hold, and asked when it is done.

pub mod answers;
pub mod api;
mod audit;
mod edit;
mod fields;
mod form;
mod frame;
mod health;
mod home;
pub mod jobs;
mod keys;
pub mod links;
mod look;
mod members;
mod names;
mod pages;
pub mod people;
pub mod places;
mod quotas;
mod resources;
mod roles;
pub mod routes;
mod seat;
mod shell;
mod switcher;
pub mod system;
pub mod things;
