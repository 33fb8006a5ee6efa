//! What is answered is kept: the built server under `kill -9`, failing disks and lost databases.
//!
//! Each story prints a closing line with what it measured; `docs/reliability.md` has the figures.

mod calls;
mod disk;
mod jobs;
mod journal;
mod judge;
mod kills;
mod lost;
mod proxy;
mod random;
mod rights;
mod server;
