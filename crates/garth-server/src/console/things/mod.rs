//! Things: what is done with resources of a space, one or several. A selection is moved, copied, labelled, archived or
//! deleted; one resource has policies, attachments and shares.
//!
//! What would happen is asked of the operation that does it, as a dry run; no page works it out for itself.

mod bulk;
mod copying;
mod done;
pub(super) mod links;
mod moving;
pub(super) mod picked;
mod policies;
pub mod routes;
pub(super) mod rules;
mod sight;
mod targets;
mod told;
