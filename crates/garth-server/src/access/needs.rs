//! What must be seen before something else: resources that another requires.

use crate::access::{facts, identity};
use crate::directory::Directory;
use garth_core::{Caller, ClassIx, Micros};

/// A resource that must be seen before another, as decisions ask about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needed {
    /// Its id.
    pub id: String,
    /// Space, kind and policies; `None` where there is no such resource any more.
    pub class: Option<ClassIx>,
    /// Who made it, as a principal.
    pub author: String,
    /// Who owns it, as a principal; empty for nobody.
    pub owner: String,
    /// Who follows it, as principals; perhaps only those who were asked about.
    pub subscribers: Vec<String>,
}

/// Is one of them hidden from the caller? What is not there hides as well, and so does a circle: the resource of that
/// id among what it requires itself.
pub fn barred(dir: &Directory, caller: &Caller, id: &str, needed: &[Needed], now: Micros) -> bool {
    if needed.is_empty() || caller.system {
        return false;
    }
    let me = identity(dir, caller);
    let each = needed.iter().map(|one| {
        let class = one.class.filter(|_| one.id != id)?;
        let follows = me.as_ref().is_some_and(|me| one.subscribers.contains(me));
        Some((class, facts(dir, caller, &one.author, &one.owner, follows)))
    });
    !dir.world.sees_all(caller, each, now)
}
