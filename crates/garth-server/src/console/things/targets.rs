//! The spaces that something can be put into: those where it is allowed, without the one it lies in.

use super::super::fields::begun;
use super::super::look::{Chip, Face, above, named};
use super::super::seat::{Seat, Wrong};
use crate::base::error::Result;
use crate::spaces;
use uuid::Uuid;

/// Most spaces that are shown at once.
const SHOWN: usize = 40;
/// From so many on they are searched.
const SEARCHED: usize = 8;

/// A space to choose.
pub struct Target {
    pub id: Uuid,
    pub name: String,
    pub above: Option<String>,
    pub face: Face,
    pub chip: Option<Chip>,
}

/// The spaces to choose from.
pub struct Targets {
    pub rows: Vec<Target>,
    /// Are there so many that they are searched?
    pub search: bool,
    pub all: usize,
    pub more: bool,
    pub q: String,
    pub wrong: Wrong,
}

impl Targets {
    /// Those where the caller holds all of these permissions, but for that one.
    ///
    /// # Errors
    /// 401 when the session has ended.
    pub fn find(seat: &Seat, permissions: &[String], but: Uuid, q: &str) -> Result<Self> {
        let words = Some(begun(q)).filter(|q| !q.is_empty());
        let (open, wrong) = match spaces::open(&seat.ctx, permissions, but, words.as_deref(), SHOWN) {
            Ok(open) => (open, Wrong::default()),
            Err(error) => (spaces::open(&seat.ctx, permissions, but, None, SHOWN)?, seat.refused(error, &["?q"])?),
        };
        let row = |space: spaces::Beside| {
            let name = named(&space.info.name);
            Target {
                id: space.info.id,
                above: above(&space.path, &space.info.name),
                face: Face::new(&name, &space.info.id),
                chip: space.role.as_deref().map(Chip::new),
                name,
            }
        };
        let rows = open.some.into_iter().map(row).collect();
        Ok(Self { rows, search: open.all >= SEARCHED, all: open.all, more: open.more, q: q.to_owned(), wrong })
    }
}

/// May the caller put things there by one of these permissions at least?
pub fn open(seat: &Seat, space: &str, permissions: &[String]) -> bool {
    spaces::get(&seat.ctx, space).is_ok_and(|view| permissions.iter().any(|one| view.permissions.contains(one)))
}

/// What a space that the caller sees is called; one that is hidden has no name.
pub fn name_of(seat: &Seat, space: &str) -> Option<(Uuid, String)> {
    let view = spaces::get(&seat.ctx, space).ok()?;
    Some((view.info.id, named(&view.info.name)))
}
