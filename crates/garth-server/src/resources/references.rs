//! References: fields of a body that name other resources.

use super::store;
use super::{name_of, target_of};
use crate::access::Write;
use crate::base::error::{Error, Result};
use crate::directory::{Directory, KindInfo};
use garth_core::{Action, KindIx, SpaceIx};
use serde_json::Value;

/// Turns every reference of a body into an id, after looking that the caller may view what it
/// names and that the resource's space may use it.
///
/// # Errors
/// 422 at the reference, the same for hidden, unusable and unknown ones.
pub async fn resolve(w: &mut Write<'_>, kind: &KindInfo, space: SpaceIx, body: &mut Value) -> Result<()> {
    for reference in &kind.definition.references {
        for pointer in places(body, &reference.pointer) {
            let unknown = || Error::field(format!("/body{pointer}"), "is not a resource that this one could use");
            let Some(given) = body.pointer(&pointer).filter(|v| !v.is_null()) else { continue };
            let text = given.as_str().ok_or_else(unknown)?.to_owned();
            let id = found(w, &reference.kind, space, &text).await?.ok_or_else(unknown)?;
            if let Some(place) = body.pointer_mut(&pointer) {
                *place = Value::String(id);
            }
        }
    }
    Ok(())
}

async fn found(w: &mut Write<'_>, kind: &str, space: SpaceIx, text: &str) -> Result<Option<String>> {
    let mut code = String::new();
    let Some(name) = name_of(text, &mut code) else { return Ok(None) };
    let Some(row) = store::get_in(w.tx(), &name).await? else { return Ok(None) };
    let target = target_of(w.dir(), &w.caller, &row, w.now);
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

/// What a pointer names in a body whose references are ids.
pub fn named(body: &Value, pointer: &str) -> Vec<String> {
    let texts = places(body, pointer).into_iter().filter_map(|at| body.pointer(&at)?.as_str().map(str::to_owned));
    texts.collect()
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
