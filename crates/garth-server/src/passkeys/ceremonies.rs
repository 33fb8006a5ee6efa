//! Ceremonies under way: begun here, carried on at an authenticator, ended here.
//!
//! What was asked is kept in memory, a short while, and is good once; who began it holds its name, a secret.

use crate::access::Ctx;
use crate::base::address::Origin;
use crate::base::error::Error;
use crate::base::ids;
use garth_core::Micros;
use hashbrown::HashMap;
use std::sync::{Mutex, PoisonError};

/// How long somebody may take with their authenticator, in seconds.
pub const CEREMONY_SECONDS: i64 = 300;
/// Ceremonies of one sort under way at a time; the oldest make room.
pub const CEREMONIES: usize = 10_000;
/// Those of one address.
pub const CEREMONIES_EACH: usize = 50;
/// What their names begin with.
const PREFIX: &str = "pk_";

struct Ceremony<T> {
    of: T,
    origin: Origin,
    until: Micros,
}

/// Those of one sort under way, by the hash of their name.
pub(super) struct Ceremonies<T>(Mutex<HashMap<String, Ceremony<T>>>);

impl<T> Default for Ceremonies<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone + Send + 'static> Ceremonies<T> {
    /// Begins one and answers its name, and until when it is good.
    pub(super) fn begin(ctx: &Ctx, of: T) -> (String, Micros) {
        let (name, now) = (ids::new_token(PREFIX), ctx.now());
        let until = now + CEREMONY_SECONDS * 1_000_000;
        // What is only tried is not kept.
        if !ctx.dry_run {
            let ceremony = Ceremony { of, origin: Origin::of(ctx.address), until };
            ctx.app.memory.of::<Self>().put(ids::token_hash(&name), ceremony, now);
        }
        (name, until)
    }

    /// Ends the one of that name, if it is of who asks; another's stays as it is. What is only tried does not end it.
    ///
    /// # Errors
    /// 409 `sign_in_over` where there is none.
    pub(super) fn end(ctx: &Ctx, name: &str, own: impl FnOnce(&T) -> bool) -> Result<T, Error> {
        let found = ctx.app.memory.of::<Self>().take(&ids::token_hash(name), ctx.now(), ctx.dry_run, own);
        found.ok_or_else(|| {
            Error::conflict("sign_in_over", "this took too long, was ended already, or was begun elsewhere; try again")
        })
    }

    fn put(&self, name: String, ceremony: Ceremony<T>, now: Micros) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, other| now < other.until);
        let crowded = all.values().filter(|other| other.origin == ceremony.origin).count() >= CEREMONIES_EACH;
        if crowded || all.len() >= CEREMONIES {
            let among = all.iter().filter(|(_, other)| !crowded || other.origin == ceremony.origin);
            if let Some(oldest) = among.min_by_key(|(_, other)| other.until).map(|(name, _)| name.clone()) {
                all.remove(&oldest);
            }
        }
        all.insert(name, ceremony);
    }

    fn take(&self, name: &str, now: Micros, keep: bool, own: impl FnOnce(&T) -> bool) -> Option<T> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = all.get(name).filter(|ceremony| now < ceremony.until && own(&ceremony.of))?;
        let of = found.of.clone();
        if !keep {
            all.remove(name);
        }
        Some(of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ceremonies_under_way_are_bounded() {
        let (all, now) = (Ceremonies::<u32>::default(), 1_000);
        let one = |place: u32, until: Micros| Ceremony {
            of: place,
            origin: Origin::of(Some(std::net::IpAddr::from(place.to_be_bytes()))),
            until,
        };
        for n in 0..2 * CEREMONIES_EACH {
            all.put(format!("own {n}"), one(1, now + 1 + n as Micros), now);
        }
        assert_eq!(all.0.lock().expect("ceremonies").len(), CEREMONIES_EACH);
        assert!(all.take("own 0", now, false, |_| true).is_none(), "the oldest made room");
        for n in 0..CEREMONIES {
            all.put(format!("other {n}"), one(2 + n as u32, now + 1_000 + n as Micros), now);
        }
        assert_eq!(all.0.lock().expect("ceremonies").len(), CEREMONIES);
        let last = format!("other {}", CEREMONIES - 1);
        assert!(all.take(&last, now, false, |_| false).is_none(), "another's");
        assert!(all.take(&last, now, true, |_| true).is_some(), "only tried");
        assert!(all.take(&last, now, false, |_| true).is_some());
        assert!(all.take(&last, now, false, |_| true).is_none(), "twice");
        assert!(all.take("other 7", Micros::MAX, false, |_| true).is_none(), "too late");
    }
}
