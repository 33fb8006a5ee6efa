//! References: fields of a body that name other resources.

use super::store;
use super::{ResourceView, asked, name_of, target_of};
use crate::access::{Ctx, Write, identity};
use crate::base::error::{Error, Result};
use crate::directory::{Directory, KindInfo};
use garth_core::{Action, KindIx, SpaceIx, Target};
use hashbrown::{HashMap, HashSet};
use serde_json::Value;

/// Turns every reference of a body into an id, after looking that the caller may view what it
/// names and that the resource's space may use it.
///
/// # Errors
/// 422 at the reference, the same for hidden, unusable and unknown ones.
pub async fn resolve(w: &mut Write<'_>, kind: &KindInfo, space: SpaceIx, body: &mut Value) -> Result<()> {
    resolve_among(w, kind, space, body, &HashMap::new()).await
}

/// A resource that is being made with others: they may name it by the id that it has in the same request.
pub struct Beside {
    /// The id it gets.
    pub id: String,
    /// What decisions ask about it, for the caller.
    pub target: Target,
    /// Its kind.
    pub kind: KindIx,
}

/// The same, where some are made in the same space by the same request.
///
/// # Errors
/// As [`resolve`].
pub async fn resolve_among(
    w: &mut Write<'_>,
    kind: &KindInfo,
    space: SpaceIx,
    body: &mut Value,
    beside: &HashMap<String, Beside>,
) -> Result<()> {
    for reference in &kind.definition.references {
        for pointer in places(body, &reference.pointer) {
            let unknown = || Error::field(format!("/body{pointer}"), "is not a resource that this one could use");
            let Some(given) = body.pointer(&pointer).filter(|v| !v.is_null()) else { continue };
            let text = given.as_str().ok_or_else(unknown)?.to_owned();
            let id = match beside.get(&text) {
                Some(other) => {
                    let viewable = w.dir().world.decide(&w.caller, other.target, Action::Read, w.now).allowed();
                    let of_kind = w.dir().kinds.by_name::<KindIx>(&reference.kind) == Some(other.kind);
                    (viewable && of_kind).then(|| other.id.clone())
                }
                None => found(w, &reference.kind, space, &text).await?,
            };
            let id = id.ok_or_else(unknown)?;
            if let Some(place) = body.pointer_mut(&pointer) {
                *place = Value::String(id);
            }
        }
    }
    Ok(())
}

/// Takes references out of bodies that name what the caller may not see: as if they were not there.
///
/// # Errors
/// When the store fails, or the credential is no good any more.
pub async fn hide(ctx: &Ctx, views: &mut [ResourceView]) -> Result<()> {
    let dir = ctx.directory();
    let mut named: Vec<(usize, String, String)> = Vec::new();
    for (at, view) in views.iter().enumerate() {
        let Some(kind) = dir.world.class(view.row.class).and_then(|class| dir.kinds.info(class.kind)) else { continue };
        for pointer in kind.definition.references.iter().flat_map(|r| places(&view.body, &r.pointer)) {
            if let Some(id) = view.body.pointer(&pointer).and_then(Value::as_str) {
                named.push((at, pointer, id.to_owned()));
            }
        }
    }
    if named.is_empty() {
        return Ok(());
    }
    let rows = asked::rows(ctx, named.iter().map(|(_, _, id)| id.as_str())).await?;
    let me = identity(&dir, &ctx.caller(&dir)?);
    let ids: HashSet<&str> = named.iter().map(|(_, _, id)| id.as_str()).collect();
    let follows = asked::follows(ctx, &ids, &me.into_iter().collect()).await?;
    // The rows first and the picture second.
    let dir = ctx.directory();
    let caller = ctx.caller(&dir)?;
    let me = identity(&dir, &caller).unwrap_or_default();
    let seen = |id: &String| {
        rows.get(id).is_some_and(|row| {
            let target = row.target(&dir, &caller, follows.contains(&(row.id.clone(), me.clone())));
            dir.world.decide(&caller, target, Action::Read, ctx.now()).allowed()
        })
    };
    // From behind, so that what is taken out of a list moves nothing that is still looked at.
    for (at, pointer, id) in named.iter().rev().filter(|(_, _, id)| !seen(id)) {
        if let Some(view) = views.get_mut(*at) {
            remove(&mut view.body, pointer, id);
        }
    }
    Ok(())
}

/// Takes the value at a pointer out: a field with its name, an item so that those behind it move up.
fn remove(body: &mut Value, pointer: &str, id: &str) {
    let Some((parent, step)) = pointer.rsplit_once('/') else { return };
    match body.pointer_mut(parent) {
        Some(Value::Array(items)) => {
            if let Ok(at) = step.parse::<usize>()
                && items.get(at).and_then(Value::as_str) == Some(id)
            {
                items.remove(at);
            }
        }
        Some(Value::Object(_)) => super::body::take(body, pointer),
        _ => {}
    }
}

async fn found(w: &mut Write<'_>, kind: &str, space: SpaceIx, text: &str) -> Result<Option<String>> {
    let mut code = String::new();
    let Some(name) = name_of(text, &mut code) else { return Ok(None) };
    let Some(row) = store::get_in(w.tx(), &name).await? else { return Ok(None) };
    let target = target_of(w.dir(), &w.caller, &row);
    let viewable = w.dir().world.decide(&w.caller, target, Action::Read, w.now).allowed();
    let of_kind = w.dir().world.class(row.class).is_some_and(|c| w.dir().kinds.by_name::<KindIx>(kind) == Some(c.kind));
    let usable = w.dir().world.class(row.class).is_some_and(|c| usable(w.dir(), space, c.space, c.kind));
    Ok((viewable && of_kind && usable).then_some(row.id))
}

/// May what lies in `space` use what lies in `other`? What is here, and shareable things above
/// along unbroken inheriting links.
fn usable(dir: &Directory, space: SpaceIx, other: SpaceIx, kind: KindIx) -> bool {
    if space == other {
        return true;
    }
    let shareable = dir.kinds.info(kind).is_some_and(|k| k.definition.shareable);
    let chain = dir.world.ancestry(space);
    let up = chain.iter().take_while(|ix| **ix != other);
    shareable && chain.contains(&other) && up.copied().all(|ix| dir.world.space(ix).is_some_and(|s| s.inherits))
}

/// The places a pointer names in a body; `*` stands for every item of a list, and a list of
/// names at the end for each of them.
fn places(body: &Value, pointer: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    for step in pointer.split('/').skip(1) {
        found = found
            .into_iter()
            .flat_map(|at| match (step, body.pointer(&at)) {
                ("*", Some(Value::Array(list))) => (0..list.len()).map(|n| format!("{at}/{n}")).collect(),
                ("*", _) => Vec::new(),
                _ => vec![format!("{at}/{step}")],
            })
            .collect();
    }
    found
        .into_iter()
        .flat_map(|at| match body.pointer(&at) {
            Some(Value::Array(list)) => (0..list.len()).map(|n| format!("{at}/{n}")).collect(),
            Some(_) => vec![at],
            None => Vec::new(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pointer_finds_every_place() {
        let body = json!({"pool": "a", "deliveries": [{"delivery": "b"}, {"other": 1}, {"delivery": "c"}], "uses": ["d", "e"]});
        assert_eq!(places(&body, "/pool"), ["/pool"]);
        assert_eq!(places(&body, "/deliveries/*/delivery"), ["/deliveries/0/delivery", "/deliveries/2/delivery"]);
        assert_eq!(places(&body, "/uses"), ["/uses/0", "/uses/1"]);
        assert!(places(&body, "/absent").is_empty());
        assert!(places(&body, "/pool/*").is_empty());
    }
}
