//! Which stored policies name something, and whether they still fit after a named policy changed.
//!
//! It is asked of the JSON as stored, not of what was compiled: a policy that could not be
//! read denies, and still names what it names.

use crate::base::error::{Error, Result};
use crate::directory::Directory;
use garth_core::{Caller, Class, ClassIx, GroupIx, KindIx, MAX_POLICY_DEPTH, Policy, PolicyIx, Principal, SpaceIx};
use hashbrown::HashSet;
use serde_json::Value;

/// Where a policy is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// The view policy of a space.
    SpaceView(SpaceIx),
    /// The edit policy of a space.
    SpaceEdit(SpaceIx),
    /// A named policy.
    Named(PolicyIx),
    /// Who may change a named policy.
    Editors(PolicyIx),
    /// A default policy of a kind.
    Kind(KindIx),
    /// A policy of an access class's own.
    Class(ClassIx),
}

/// Where that text stands as a whole string: a principal, a permission, the id of a named policy.
pub fn uses(dir: &Directory, needle: &str) -> Vec<Holder> {
    let spaces = dir
        .spaces
        .iter::<SpaceIx>()
        .flat_map(|(ix, info)| [(Holder::SpaceView(ix), &info.view), (Holder::SpaceEdit(ix), &info.edit)]);
    let named = dir
        .policies
        .iter::<PolicyIx>()
        .flat_map(|(ix, info)| [(Holder::Named(ix), &info.policy), (Holder::Editors(ix), &info.edit)]);
    let kinds = dir.kinds.iter::<KindIx>().flat_map(|(ix, info)| {
        let defaults = info.definition.default_view.iter().chain(&info.definition.default_edit);
        defaults.map(move |value| (Holder::Kind(ix), value))
    });
    // A kind that is gone leaves classes that nothing has.
    let alive = |kind: KindIx| dir.world.kind(kind).is_some();
    let classes =
        dir.world.classes().filter(|(_, c)| alive(c.kind)).filter_map(|(ix, _)| Some((ix, dir.class_info(ix)?)));
    let classes =
        classes.flat_map(|(ix, info)| info.view.iter().chain(&info.edit).map(move |value| (Holder::Class(ix), value)));
    let all = spaces.chain(named).chain(kinds).chain(classes);
    let mut found: Vec<Holder> = all.filter(|(_, value)| mentions(value, needle)).map(|(holder, _)| holder).collect();
    found.dedup();
    found
}

/// Does any stored policy name that principal (`group:<id>`), permission, or named policy (by its id)?
pub fn names(dir: &Directory, needle: &str) -> bool {
    !uses(dir, needle).is_empty()
}

fn mentions(value: &Value, needle: &str) -> bool {
    match value {
        Value::String(text) => text == needle,
        Value::Array(items) => items.iter().any(|item| mentions(item, needle)),
        Value::Object(fields) => fields.values().any(|field| mentions(field, needle)),
        _ => false,
    }
}

/// The spaces in which a policy decides that names that principal, also through named policies.
pub fn spaces_naming(dir: &Directory, principal: &str) -> Vec<SpaceIx> {
    let holders = uses(dir, principal);
    let named = holders.iter().filter_map(|h| if let Holder::Named(policy) = h { Some(*policy) } else { None });
    let through = through(dir, named.collect());
    spaces_of(dir, &[holders, through].concat())
}

/// The spaces in which those groups, or groups that contain them, hold a grant or are named by a policy.
pub fn reached(dir: &Directory, groups: &[GroupIx]) -> Vec<SpaceIx> {
    let callers = groups.iter().filter_map(|group| Caller::group(&dir.world, *group));
    let all: HashSet<GroupIx> = callers.flat_map(|caller| caller.groups.into_iter()).collect();
    let mut spaces: Vec<SpaceIx> = Vec::new();
    for group in all {
        spaces.extend_from_slice(dir.world.granted(Principal::Group(group)));
        spaces.extend(spaces_naming(dir, &dir.principal_text(Principal::Group(group))));
    }
    spaces.sort_unstable();
    spaces.dedup();
    spaces
}

/// Everything that names the policy, also through other named policies.
pub fn holders(dir: &Directory, policy: PolicyIx) -> Vec<Holder> {
    through(dir, vec![policy])
}

/// Everything that names one of the policies, also through other named policies.
fn through(dir: &Directory, mut met: Vec<PolicyIx>) -> Vec<Holder> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(ix) = met.get(at).copied() {
        at += 1;
        let holders = dir.policies.info(ix).map(|info| uses(dir, &info.id.to_string())).unwrap_or_default();
        for holder in &holders {
            if let Holder::Named(other) = holder
                && !met.contains(other)
            {
                met.push(*other);
            }
        }
        found.extend(holders);
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// The space that resources of a class lie in, and those they are shared to.
pub fn decides_in(class: &Class) -> impl Iterator<Item = SpaceIx> {
    std::iter::once(class.space).chain(class.windows.iter().copied())
}

/// The spaces in which those policies decide.
pub(super) fn spaces_of(dir: &Directory, holders: &[Holder]) -> Vec<SpaceIx> {
    let mut spaces: Vec<SpaceIx> = Vec::new();
    for holder in holders {
        match holder {
            Holder::SpaceView(space) | Holder::SpaceEdit(space) => spaces.push(*space),
            Holder::Class(class) => spaces.extend(dir.world.class(*class).into_iter().flat_map(decides_in)),
            Holder::Kind(kind) => {
                let of_kind = dir.world.classes().filter(|(_, c)| c.kind == *kind);
                spaces.extend(of_kind.flat_map(|(_, class)| decides_in(class)));
            }
            Holder::Named(_) | Holder::Editors(_) => {}
        }
    }
    spaces.sort_unstable();
    spaces.dedup();
    spaces
}

/// Requires that a policy that changed does not name itself, and that everything that names it can still be judged.
pub(super) fn still_fit(dir: &Directory, policy: PolicyIx, holders: &[Holder]) -> Result<()> {
    if dir.world.policy(policy).is_some_and(|p| p.depth(&dir.world) > MAX_POLICY_DEPTH) {
        let message = format!("names itself, or nests deeper than {MAX_POLICY_DEPTH}, named policies included");
        return Err(Error::field("/policy", message));
    }
    let deep = |p: &Policy| p.depth(&dir.world) > MAX_POLICY_DEPTH;
    for holder in holders {
        let held = held(dir, *holder);
        if held.iter().any(|p| deep(p)) {
            let detail = format!("something that uses the policy would nest deeper than {MAX_POLICY_DEPTH}");
            return Err(Error::conflict("conflict", detail));
        }
        let passing = |p: &&Policy| p.mentions_time(&dir.world) || p.mentions_given(&dir.world);
        let windows = matches!(holder, Holder::SpaceView(_)) && held.iter().any(passing);
        let about_spaces = matches!(holder, Holder::SpaceView(_) | Holder::SpaceEdit(_) | Holder::Editors(_));
        if windows || (about_spaces && held.iter().any(|p| p.mentions_facts(&dir.world))) {
            let detail = "a space or an edit policy uses this policy, so it cannot name author, owner, subscribers or, \
                          for a space's gate, time windows or properties of the question";
            return Err(Error::conflict("conflict", detail));
        }
    }
    Ok(())
}

/// What is compiled there.
fn held(dir: &Directory, holder: Holder) -> Vec<&Policy> {
    let world = &dir.world;
    match holder {
        Holder::SpaceView(space) => world.space(space).map(|s| &*s.view).into_iter().collect(),
        Holder::SpaceEdit(space) => world.space(space).map(|s| &*s.edit).into_iter().collect(),
        Holder::Named(policy) => world.policy(policy).into_iter().collect(),
        Holder::Editors(policy) => dir.policies.info(policy).map(|info| &info.editors).into_iter().collect(),
        Holder::Kind(kind) => world
            .kind(kind)
            .map_or_else(Vec::new, |kind| kind.default_view.iter().chain(&kind.default_edit).map(|p| &**p).collect()),
        Holder::Class(class) => world
            .class(class)
            .map_or_else(Vec::new, |class| class.view.iter().chain(&class.edit).map(|p| &**p).collect()),
    }
}
