//! How much one caller may have going on at a time, so that none can take the whole server.
//!
//! All sessions of a user share one part, all keys of a space another, and so does an address without a
//! credential (`attacks.md`, N81).

use crate::base::address::Origin;
use garth_core::{SpaceIx, UserIx};
use hashbrown::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Whose requests are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Share {
    /// A user's, whatever session they come with.
    User(UserIx),
    /// Those of all keys of a space.
    Keys(SpaceIx),
    /// Those without a credential, by where they come from.
    Address(Origin),
    /// What waits for the hashing threads, by where it comes from.
    Hashing(Origin),
}

/// Requests that are being answered, by caller.
#[derive(Default)]
pub struct Shares(Mutex<HashMap<Share, usize>>);

/// One request's part; it ends when this is dropped.
pub struct Busy {
    shares: Arc<Shares>,
    share: Share,
}

impl Shares {
    /// A part for one more request of that caller; `None` when they have `most` of them already.
    pub fn take(self: &Arc<Self>, share: Share, most: usize) -> Option<Busy> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(share).or_insert(0);
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Busy { shares: Arc::clone(self), share })
    }
}

impl Busy {
    /// Whose it is.
    pub fn share(&self) -> Share {
        self.share
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut taken = self.shares.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.share) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.share);
            }
        }
    }
}
