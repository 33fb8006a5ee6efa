//! Jobs on pages, the interfaces by which their reports leave, and the providers that write their summaries: what is due,
//! what became of it, and the forms that say how it is to be.

mod act;
mod entries;
pub(super) mod form;
pub(super) mod interface;
pub(super) mod look;
pub(super) mod one;
pub mod routes;
mod runs;
mod when;

/// The kinds that come with the program.
pub const JOB: &str = "job";
/// How reports leave.
pub const DELIVERY: &str = "delivery";
/// Who writes summaries.
pub const PROVIDER: &str = "ai_provider";
