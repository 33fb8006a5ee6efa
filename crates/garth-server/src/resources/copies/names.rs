//! Names in the target: what bears one already, and which is free.

use super::super::store::names::{self, Named};
use super::super::store::requirements_of;
use crate::access::{Write, identity};
use crate::base::error::Result;
use crate::base::text::NAME_BYTES;
use garth_core::{Action, KindIx, SpaceIx};
use hashbrown::HashSet;
use serde_json::json;

/// Highest number in the name of a copy.
pub const NUMBERS: usize = 500;
/// Names that one statement looks for.
const EACH: usize = 50;
/// Most resources of these names that are looked at.
const LOOKED_AT: usize = 1_000;

/// The classes of that kind in the space of which the caller may see anything, as a JSON list.
pub(super) fn classes(w: &Write<'_>, space: SpaceIx, kind: KindIx) -> String {
    let reach = w.dir().world.reach_in(&w.caller, &[space], w.now, |class| class.kind == kind);
    let classes = reach.full.iter().chain(reach.partial.iter().map(|(class, _)| class));
    json!(classes.map(|class| class.0).collect::<Vec<_>>()).to_string()
}

/// The resources of these classes that bear one of these names and that the caller may see, oldest first.
pub(super) async fn there(w: &mut Write<'_>, classes: &str, names: &[String]) -> Result<Vec<Named>> {
    let me = identity(w.dir(), &w.caller).unwrap_or_else(|| "nobody".to_owned());
    let found = names::of(w.tx(), classes.to_owned(), json!(names).to_string(), &me, LOOKED_AT).await?;
    let mut seen = Vec::with_capacity(found.len());
    for mut named in found {
        if w.dir().class_requires(named.asked.class) {
            named.asked.needed = requirements_of(w.tx(), &named.asked.id).await?;
        }
        let target = named.asked.target(w.dir(), &w.caller, named.subscriber, w.now);
        if w.dir().world.decide(&w.caller, target, Action::Read, w.now).allowed() {
            seen.push(named);
        }
    }
    Ok(seen)
}

/// The first of "Name (copy)", "Name (copy 2)" and so on that nothing bears which the caller may see there, nor
/// anything that is copied at once; `None` when all are taken.
pub(super) async fn free(
    w: &mut Write<'_>,
    classes: &str,
    kind: KindIx,
    name: &str,
    taken: &HashSet<(KindIx, String)>,
) -> Result<Option<String>> {
    let base = bare(name);
    for first in (1..=NUMBERS).step_by(EACH) {
        let wanted: Vec<String> = (first..first + EACH).map(|number| numbered(base, number)).collect();
        let there: HashSet<String> = there(w, classes, &wanted).await?.into_iter().map(|named| named.name).collect();
        let free = |name: &String| !there.contains(name) && !taken.contains(&(kind, name.clone()));
        if let Some(name) = wanted.into_iter().find(free) {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// A name without what an earlier copying added to it.
fn bare(name: &str) -> &str {
    let Some((base, number)) = name.strip_suffix(')').and_then(|name| name.rsplit_once(" (copy")) else { return name };
    let number = number.strip_prefix(' ').unwrap_or(if number.is_empty() { "1" } else { "" });
    let counted = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
    if counted && !base.trim().is_empty() { base } else { name }
}

/// The name of a copy of that number, cut where it would be too long.
fn numbered(base: &str, number: usize) -> String {
    let end = if number == 1 { " (copy)".to_owned() } else { format!(" (copy {number})") };
    let mut cut = base.len().min(NAME_BYTES - end.len());
    while !base.is_char_boundary(cut) {
        cut -= 1;
    }
    format!("{}{end}", base[..cut].trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_counted_in_their_names() {
        for (name, base) in [
            ("Nightly", "Nightly"),
            ("Nightly (copy)", "Nightly"),
            ("Nightly (copy 12)", "Nightly"),
            ("Nightly (copy 2) (copy)", "Nightly (copy 2)"),
            ("Nightly (copy x)", "Nightly (copy x)"),
            ("Nightly (copy )", "Nightly (copy )"),
            ("Nightly (copyright)", "Nightly (copyright)"),
            (" (copy)", " (copy)"),
            ("Nightly (copy", "Nightly (copy"),
        ] {
            assert_eq!(bare(name), base, "{name}");
        }
        assert_eq!(numbered("Nightly", 1), "Nightly (copy)");
        assert_eq!(numbered("Nightly", 2), "Nightly (copy 2)");
        let long = "é".repeat(127);
        assert_eq!(numbered(&long, 1), format!("{} (copy)", "é".repeat(124)));
        assert!(numbered(&long, 500).len() <= NAME_BYTES);
    }
}
