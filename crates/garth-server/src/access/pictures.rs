//! Two pictures of a change that is only tried: as everything is, and as it would be.
//!
//! Whoever asks for them runs the very operation that would make the change; when it is undone, the two pictures it
//! was judged by are handed over. What is compared in them is compared outside the writer, which waits for nobody.

use crate::access::About;
use crate::directory::Directory;
use std::sync::{Arc, Mutex, PoisonError};

/// What an operation was judged by, and what it would have made of it.
pub struct Pictures {
    /// Everything as it is.
    pub before: Directory,
    /// Everything as it would be.
    pub after: Directory,
    /// The resources whose rows it would change.
    pub rows: Vec<ChangedRow>,
}

/// A resource whose row would be another.
#[derive(Clone, Debug)]
pub struct ChangedRow {
    /// What it is called as yet.
    pub name: String,
    /// What decisions ask about it as it is.
    pub before: About,
    /// The same as it would be.
    pub after: About,
}

/// Where the pictures of a change will be, once it was tried.
#[derive(Clone, Default)]
pub struct Tried(Arc<Mutex<Option<Pictures>>>);

impl Tried {
    /// The pictures, if an operation got as far as to be undone.
    pub fn take(&self) -> Option<Pictures> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn keep(&self, pictures: Pictures) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(pictures);
    }
}
