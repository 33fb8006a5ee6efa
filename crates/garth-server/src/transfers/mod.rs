//! A space as a file, one JSON object a line: written for whoever may see it, read back into a space where the reader may
//! write.

pub mod api;
mod export;
mod import;
pub mod wire;

pub use export::{Sink, body, export};
pub use import::{Imported, import, import_file};
