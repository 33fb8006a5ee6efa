//! Health: is the process alive, can it answer, how is it, and how are the jobs and delivery interfaces of its spaces.
//!
//! What jobs come to is watched from outside: as a colour by everybody, by name with an observer key, with what failed by
//! system administrators, who are also written to when something turns red ([`alerts`]). Sealed spaces are in none of it.

pub mod alerts;
pub mod api;
mod colours;
pub mod observers;
mod overview;
mod store;

pub use colours::{Colour, Tally};
pub use overview::{BackedUp, LISTED, Overview, Sight, Watched, look, overview};

use crate::access::Ctx;
use crate::base::db::{QUEUE, known_schema};
use crate::base::error::{Error, Result};
use std::time::Duration;

/// How a server is at a moment.
#[derive(Clone, Debug)]
pub struct Vitals {
    /// Can its database be used?
    pub ready: bool,
    /// `sqlite` or `postgres`.
    pub engine: &'static str,
    /// The schema, which is the one that this program knows.
    pub schema: i64,
    /// The program's version.
    pub program: &'static str,
    /// Changes that wait for the writer.
    pub waiting: usize,
    /// Most that may.
    pub most: usize,
    /// How long ago the last change was applied; at first, how long it runs.
    pub since_change: Option<Duration>,
    /// Spaces that nobody is in charge of, those that are not sealed.
    pub adrift: usize,
    /// Can letters be sent?
    pub mail: bool,
    /// Every figure, as a collector gets it.
    pub figures: String,
}

/// How this server is.
///
/// # Errors
/// 401, 403 for all but system administrators.
pub async fn vitals(ctx: &Ctx) -> Result<Vitals> {
    ctx.system_admin(&ctx.directory())?;
    let app = ctx.app.clone();
    // On a thread of its own: every space is looked at.
    let looked = tokio::task::spawn_blocking(move || Vitals {
        ready: app.ready(),
        engine: app.db.engine(),
        schema: known_schema(),
        program: env!("CARGO_PKG_VERSION"),
        waiting: app.waiting(),
        most: QUEUE,
        since_change: app.since_change(),
        adrift: app.adrift(),
        mail: app.mail.is_some(),
        figures: app.metrics(),
    });
    looked.await.map_err(|_| Error::internal("nobody could tell how the server is"))
}
