//! Attachments that a change could break. They are looked at in the transaction of the change, as everything is after
//! it: a link that held before and holds no more refuses the change, and names itself to whoever sees both its ends.

use crate::access::store::links::{self as store, LinkEnd, Of, Pair};
use crate::access::{Write, barred, facts, identity};
use crate::base::error::{ERRORS, Error, Result};
use crate::directory::Directory;
use garth_core::{Action, ClassIx, Facts, KindIx, SpaceIx, Target};
use hashbrown::HashMap;
use serde_json::{Value, json};
use uuid::Uuid;

/// Links that are read at a time, to find those that can be named.
const STEP: usize = 500;
/// Steps between two classes; what the caller sees of more is not named.
const STEPS: usize = 20;
/// Pairs of classes that are looked at.
const PAIRS: usize = 1_000;

/// Which links a change could have broken.
pub enum Ends<'a> {
    /// Those of these resources, at either end: they lie elsewhere now, or are not shared as they were.
    Resources(&'a [String]),
    /// Those of what lies in that space or below it, to whatever they use: its way up is another one now.
    Below(SpaceIx),
    /// Those to resources of that kind, which is not shareable any more.
    Kind(KindIx),
}

/// Refuses a change after which an attachment would not hold any more.
///
/// # Errors
/// 409 `attached`, naming those that the caller may see.
pub async fn keep_links(w: &mut Write<'_>, ends: Ends<'_>) -> Result<()> {
    let (mut pairs, of, was) = match ends {
        Ends::Resources(ids) => {
            let of = Of::Either(json!(ids).to_string());
            // Which class each of them had is not known here: after a move all of their links hold.
            (store::of_resources(w.tx(), &of).await?, of, false)
        }
        Ends::Below(space) => {
            let classes = classes_below(w.dir(), space);
            (store::of_classes(w.tx(), true, &classes).await?, Of::All, true)
        }
        Ends::Kind(kind) => {
            let classes: Vec<ClassIx> =
                w.dir().world.classes().filter(|(_, class)| class.kind == kind).map(|(ix, _)| ix).collect();
            (store::of_classes(w.tx(), false, &classes).await?, Of::All, true)
        }
    };
    pairs.retain(|pair| !holds(w.dir(), *pair) && (!was || holds(w.before(), *pair)));
    refuse(w, &pairs, &of, "an attachment would break").await
}

/// Refuses to take a space out of use, with everything below it, while something outside is attached to something inside.
///
/// # Errors
/// 409 `attached`, naming those links that the caller may see.
pub async fn unused_outside(w: &mut Write<'_>, space: SpaceIx) -> Result<()> {
    let classes = classes_below(w.dir(), space);
    let mut pairs = store::of_classes(w.tx(), false, &classes).await?;
    let world = &w.dir().world;
    pairs.retain(|(consumer, _)| world.class(*consumer).is_none_or(|class| !world.within(class.space, space)));
    refuse(w, &pairs, &Of::All, "something outside is attached to something here").await
}

/// Refuses to take a resource out of use while something is attached to it.
///
/// # Errors
/// 409 `attached`, naming those links that the caller may see.
pub async fn unused(w: &mut Write<'_>, id: &str) -> Result<()> {
    let of = Of::Providers(json!([id]).to_string());
    let pairs = store::of_resources(w.tx(), &of).await?;
    refuse(w, &pairs, &of, "something is attached to it").await
}

fn holds(dir: &Directory, (consumer, provider): Pair) -> bool {
    dir.world.class(consumer).is_some_and(|class| dir.world.may_use(class.space, provider))
}

fn classes_below(dir: &Directory, top: SpaceIx) -> Vec<ClassIx> {
    let (mut classes, mut next) = (Vec::new(), vec![top]);
    while let Some(ix) = next.pop() {
        let Some(space) = dir.world.space(ix) else { continue };
        classes.extend_from_slice(space.classes());
        next.extend_from_slice(space.children());
    }
    classes
}

async fn refuse(w: &mut Write<'_>, pairs: &[Pair], of: &Of, why: &str) -> Result<()> {
    if pairs.is_empty() {
        return Ok(());
    }
    let named = named(w, pairs, of).await?;
    Err(if named.is_empty() {
        Error::Attached(format!("{why}: one that you may not see"), Value::Null)
    } else {
        Error::Attached(format!("{why}: see the items"), Value::Array(named))
    })
}

/// The links that the caller may see both ends of, as many as an answer lists.
async fn named(w: &mut Write<'_>, pairs: &[Pair], of: &Of) -> Result<Vec<Value>> {
    let me = identity(w.dir(), &w.caller).unwrap_or_default();
    let mut named = Vec::new();
    let mut pairs: Vec<Pair> =
        pairs.iter().copied().filter(|pair| glimpsed(w, pair.0) && glimpsed(w, pair.1)).collect();
    // In an order that does not follow from what is hidden, as the numbers of classes do.
    pairs.sort_by_cached_key(|pair| (known_by(w, pair.0), known_by(w, pair.1)));
    for pair in pairs.into_iter().take(PAIRS) {
        let mut after = (String::new(), String::new());
        for _ in 0..STEPS {
            if named.len() >= ERRORS {
                break;
            }
            let links = store::links(w.tx(), pair, of, (&after.0, &after.1), &me, STEP).await?;
            let Some(last) = links.last() else { break };
            after = (last.0.id.clone(), last.1.id.clone());
            let requires = [pair.0, pair.1].into_iter().any(|class| w.dir().class_requires(class));
            let needed = if requires {
                let ids: Vec<&str> = links.iter().flat_map(|(c, p)| [c.id.as_str(), p.id.as_str()]).collect();
                store::needed(w.tx(), &json!(ids).to_string(), &me).await?
            } else {
                HashMap::new()
            };
            let seen = |end: &LinkEnd, class: ClassIx| {
                let dir = pictured(w, class);
                let of = facts(dir, &w.caller, &end.author, &end.owner, end.subscriber);
                let needed = needed.get(&end.id).map_or(&[][..], Vec::as_slice);
                let barred = barred(dir, &w.caller, &end.id, needed, w.now);
                let target = Target::Resource(class, Facts { barred, ..of });
                dir.world.decide(&w.caller, target, Action::Read, w.now).allowed()
            };
            let both = links.iter().filter(|(consumer, provider)| seen(consumer, pair.0) && seen(provider, pair.1));
            named.extend(
                both.map(
                    |(consumer, provider)| json!({ "consumer": written(consumer), "provider": written(provider) }),
                ),
            );
        }
    }
    named.truncate(ERRORS);
    named.sort_by_cached_key(|link| (link["consumer"]["id"].to_string(), link["provider"]["id"].to_string()));
    Ok(named)
}

/// What a class is, without its number: the space it lies in, the kind and the policies.
fn known_by(w: &Write<'_>, class: ClassIx) -> (Option<Uuid>, Option<Uuid>, String) {
    let dir = pictured(w, class);
    let of = dir.world.class(class);
    let policies = dir.class_info(class).map(|info| json!([info.view, info.edit]).to_string());
    (
        of.and_then(|class| dir.space_id(class.space)),
        of.and_then(|class| dir.kinds.info(class.kind)).map(|kind| kind.id),
        policies.unwrap_or_default(),
    )
}

/// The picture in which it is asked whether the caller sees something: the one before the change, which is refused. Only a
/// class that the change made is not in it.
fn pictured<'w>(w: &'w Write<'_>, class: ClassIx) -> &'w Directory {
    if w.before().world.class(class).is_some() { w.before() } else { w.dir() }
}

/// Could the caller see anything of that class at all? Where not, its links are not even read.
fn glimpsed(w: &Write<'_>, class: ClassIx) -> bool {
    let dir = pictured(w, class);
    (0..8).any(|bits| {
        let target = Target::Resource(class, Facts::from_bits(bits));
        dir.world.decide(&w.caller, target, Action::Read, w.now).allowed()
    })
}

fn written(end: &LinkEnd) -> Value {
    json!({ "id": end.id, "code": end.code, "name": end.name })
}
