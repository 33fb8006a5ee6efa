//! Among whom the members of spaces are: everybody whom a grant, or what a session brings, could reach there.
//!
//! It costs what is granted near those spaces, not how many people the installation has. Who holds a role after all,
//! the standing says: a gate on the way may be shut.

use crate::directory::Directory;
use garth_core::{Micros, Principal, SpaceIx, UserIx};
use hashbrown::HashSet;

/// Among whom the members of some spaces are.
#[derive(Clone, Debug)]
pub enum People {
    /// Something is granted to everyone.
    Everybody,
    /// These, and nobody else.
    These(HashSet<UserIx>),
}

/// Among whom the members of those spaces are: whom grants name here, above, and below along inheriting links.
pub fn near(dir: &Directory, spaces: impl IntoIterator<Item = SpaceIx>, now: Micros) -> People {
    let world = &dir.world;
    let (mut met, mut walked, mut next) = (HashSet::new(), HashSet::new(), Vec::new());
    for space in spaces {
        met.extend(world.ancestry(space));
        next.push(space);
    }
    while let Some(space) = next.pop() {
        if walked.insert(space) {
            let heirs = world.space(space).map_or(&[][..], |s| s.heirs());
            met.extend(heirs.iter().copied());
            next.extend_from_slice(heirs);
        }
    }
    let (mut users, mut groups) = (HashSet::new(), HashSet::new());
    for space in met.iter().filter_map(|ix| world.space(*ix)) {
        for grant in space.grants().iter().filter(|grant| grant.holds(now)) {
            match grant.principal {
                Principal::User(user) => drop(users.insert(user)),
                // A sealed space takes none of these.
                _ if space.sealed => {}
                Principal::Everyone => return People::Everybody,
                Principal::Group(group) => drop(groups.insert(group)),
                Principal::Key(_) | Principal::Resource(_) => {}
            }
        }
    }
    let inside: HashSet<_> = groups.into_iter().flat_map(|group| world.group_and_below(group)).collect();
    users.extend(inside.into_iter().filter_map(|group| world.group(group)).flat_map(|group| group.members()));
    let brings = dir.all_brought(now).filter(|(_, brought)| brought.spaces().iter().any(|space| met.contains(space)));
    users.extend(brings.map(|(user, _)| user));
    People::These(users)
}
