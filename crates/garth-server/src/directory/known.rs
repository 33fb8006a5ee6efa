//! What is known of resources that were asked about lately: class, author and owner, so that a check reads no row.
//!
//! Nothing stale is ever answered. The writer forgets what a commit changed before anybody is told of the commit; and
//! a row that was read before that is not put in after it, because each part counts what it has forgotten
//! (`attacks.md`, N35). Nothing here is a decision, and nothing extends its own life by being asked for.

use garth_core::ClassIx;
use hashbrown::{DefaultHashBuilder, HashMap};
use std::hash::BuildHasher;
use std::sync::{Mutex, MutexGuard, PoisonError};
use uuid::Uuid;

/// Parts that are locked one at a time.
const PARTS: usize = 64;
/// Resources that one part knows; a full one begins anew. All together some 40 MB at most.
const EACH: usize = 8_192;

/// What a decision needs of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Space, kind and policies.
    pub class: ClassIx,
    /// Who made it.
    pub author: Holder,
    /// Who owns it.
    pub owner: Holder,
}

/// Somebody that a resource names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// Nobody.
    Nobody,
    /// A user.
    User(Uuid),
    /// An API key.
    Key(Uuid),
}

impl Holder {
    /// Reads `user:<id>`, `key:<id>` or nothing; `None` for anything else.
    pub fn read(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None if text.is_empty() => Some(Self::Nobody),
            Some(("user", id)) => Uuid::try_parse(id).ok().map(Self::User),
            Some(("key", id)) => Uuid::try_parse(id).ok().map(Self::Key),
            _ => None,
        }
    }

    /// As it is written.
    pub fn text(&self) -> String {
        match self {
            Self::Nobody => String::new(),
            Self::User(id) => format!("user:{id}"),
            Self::Key(id) => format!("key:{id}"),
        }
    }
}

/// Resources that a commit changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// These.
    These(Vec<Uuid>),
    /// Any of them: the picture was loaded afresh.
    Any,
}

/// The resources that were asked about lately.
pub struct Known {
    parts: Vec<Mutex<Part>>,
    hasher: DefaultHashBuilder,
}

#[derive(Default)]
struct Part {
    rows: HashMap<Uuid, Row>,
    /// How often something of this part was forgotten.
    forgotten: u64,
}

/// A place for a row that is about to be read; good until something of its part is forgotten.
#[derive(Clone, Copy, Debug)]
pub struct Ticket {
    id: Uuid,
    forgotten: u64,
}

impl Default for Known {
    fn default() -> Self {
        Self { parts: (0..PARTS).map(|_| Mutex::default()).collect(), hasher: DefaultHashBuilder::default() }
    }
}

impl Known {
    fn part(&self, id: &Uuid) -> MutexGuard<'_, Part> {
        // The top bits: the tables themselves use the others.
        let at = (self.hasher.hash_one(id) >> 58) as usize % PARTS;
        self.parts[at].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of a resource, or a ticket to put in what is read now.
    pub fn get(&self, id: Uuid) -> Result<Row, Ticket> {
        let part = self.part(&id);
        part.rows.get(&id).copied().ok_or(Ticket { id, forgotten: part.forgotten })
    }

    /// Puts in what was read, unless something of its part was forgotten since the ticket was taken.
    pub fn put(&self, ticket: Ticket, row: Row) {
        let mut part = self.part(&ticket.id);
        if part.forgotten != ticket.forgotten {
            return;
        }
        if part.rows.len() >= EACH {
            part.rows.clear();
        }
        part.rows.insert(ticket.id, row);
    }

    /// Forgets what a commit changed; called before anybody is told of it.
    pub fn forget(&self, changed: &Changed) {
        match changed {
            Changed::These(ids) => {
                for id in ids {
                    let mut part = self.part(id);
                    part.forgotten += 1;
                    part.rows.remove(id);
                }
            }
            Changed::Any => {
                for part in &self.parts {
                    let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
                    part.forgotten += 1;
                    part.rows.clear();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(class: u32) -> Row {
        Row { class: ClassIx(class), author: Holder::Nobody, owner: Holder::Nobody }
    }

    #[test]
    fn what_was_read_before_it_changed_is_not_put_in_after() {
        let (known, id) = (Known::default(), Uuid::from_u128(7));
        let early = known.get(id).expect_err("nothing yet");
        known.forget(&Changed::These(vec![id]));
        known.put(early, row(1));
        assert!(known.get(id).is_err(), "a stale row");
        let ticket = known.get(id).expect_err("nothing yet");
        known.put(ticket, row(2));
        assert_eq!(known.get(id).expect("known"), row(2));
        known.forget(&Changed::Any);
        assert!(known.get(id).is_err());
    }

    #[test]
    fn it_never_grows_past_its_bound() {
        let known = Known::default();
        for n in 0..(PARTS * EACH * 2) as u128 {
            let ticket = known.get(Uuid::from_u128(n)).expect_err("each is new");
            known.put(ticket, row(1));
        }
        let all: usize = known.parts.iter().map(|p| p.lock().expect("a part").rows.len()).sum();
        assert!(all <= PARTS * EACH && all > 0);
    }

    #[test]
    fn holders_are_read_as_they_are_written() {
        let id = Uuid::from_u128(9);
        assert_eq!(Holder::read(&format!("user:{id}")), Some(Holder::User(id)));
        assert_eq!(Holder::read(&format!("key:{id}")), Some(Holder::Key(id)));
        assert_eq!(Holder::read(""), Some(Holder::Nobody));
        for wrong in ["user", "user:", "user:bo", "group:everyone"] {
            assert_eq!(Holder::read(wrong), None, "{wrong}");
        }
    }
}
