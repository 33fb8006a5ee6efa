//! References: fields of a body that name other resources, and who follows whom by them.

use super::moving::FOLLOWERS;
use super::store::{self, followers};
use super::{ResourceView, asked, name_of, target_of};
use crate::access::{Ctx, Permit, Write, identity};
use crate::base::error::{Error, Result};
use crate::directory::KindInfo;
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
    let ids: HashSet<&str> = named.iter().map(|(_, _, id)| id.as_str()).collect();
    let seen = seen(ctx, &ids).await?;
    // From behind, so that what is taken out of a list moves nothing that is still looked at.
    for (at, pointer, id) in named.iter().rev().filter(|(_, _, id)| !seen.contains(id)) {
        if let Some(view) = views.get_mut(*at) {
            remove(&mut view.body, pointer, id);
        }
    }
    Ok(())
}

/// Which of these resources the caller can see, by id.
async fn seen(ctx: &Ctx, ids: &HashSet<&str>) -> Result<HashSet<String>> {
    let dir = ctx.directory();
    let rows = asked::rows(ctx, ids.iter().copied()).await?;
    let me: HashSet<String> = identity(&dir, &ctx.caller(&dir)?).into_iter().collect();
    let follows = asked::follows(ctx, ids, &me).await?;
    let requiring = ids.iter().filter_map(|id| rows.get(id)).filter(|row| dir.class_requires(row.class));
    let requiring: HashSet<&str> = requiring.map(|row| row.id.as_str()).collect();
    let needing =
        if requiring.is_empty() { HashMap::new() } else { asked::needing(ctx, &requiring, Some(&me)).await? };
    // The rows first and the picture second.
    let dir = ctx.directory();
    let caller = ctx.caller(&dir)?;
    let me = identity(&dir, &caller).unwrap_or_default();
    let sees = |id: &&&str| {
        let row =
            rows.get(id).and_then(|row| if dir.class_requires(row.class) { needing.get(&row.id) } else { Some(row) });
        row.is_some_and(|row| {
            let target = row.target(&dir, &caller, follows.contains(&(row.id.clone(), me.clone())), ctx.now());
            dir.world.decide(&caller, target, Action::Read, ctx.now()).allowed()
        })
    };
    Ok(ids.iter().filter(sees).map(|id| (*id).to_owned()).collect())
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
    let target = target_of(w.dir(), &w.caller, &row, w.now);
    let viewable = w.dir().world.decide(&w.caller, target, Action::Read, w.now).allowed();
    let of_kind = w.dir().world.class(row.class).is_some_and(|c| w.dir().kinds.by_name::<KindIx>(kind) == Some(c.kind));
    let usable = w.dir().world.may_use(space, row.class);
    Ok((viewable && of_kind && usable).then_some(row.id))
}

/// A reference of a resource, and what it names, if the caller can see that.
pub struct Outward {
    /// Where in the body.
    pub place: String,
    /// Of what kind the other is.
    pub kind: String,
    /// What it names.
    pub id: String,
    /// That, as it is shown.
    pub to: Option<ResourceView>,
}

/// What a resource refers to, at most so many references of its body.
///
/// # Errors
/// 401 when the credential is no good any more; when the store fails.
pub async fn outward(ctx: &Ctx, view: &ResourceView, most: usize) -> Result<Vec<Outward>> {
    let dir = ctx.directory();
    let kind = dir.world.class(view.row.class).and_then(|class| dir.kinds.info(class.kind)).cloned();
    let Some(kind) = kind else { return Ok(Vec::new()) };
    let (mut all, mut met) = (Vec::new(), HashMap::new());
    for Named { place, kind, id } in named(&kind, &view.body).into_iter().take(most) {
        if !met.contains_key(&id) {
            met.insert(id.clone(), if_seen(super::get(ctx, &id).await)?);
        }
        let to = met.get(&id).cloned().flatten().filter(|to: &ResourceView| to.kind == kind);
        all.push(Outward { place, kind, id, to });
    }
    Ok(all)
}

/// What follows a resource or requires it, as far as the caller can see those: so many at most.
///
/// # Errors
/// 401 when the credential is no good any more; when the store fails.
pub async fn inward(ctx: &Ctx, view: &ResourceView, most: usize) -> Result<Vec<ResourceView>> {
    let near = followers::near(&ctx.db(), &view.row.id, FOLLOWERS).await?;
    let seen = seen(ctx, &near.iter().map(String::as_str).collect()).await?;
    let mut all = Vec::new();
    for id in near.iter().filter(|id| seen.contains(*id)).take(most) {
        all.extend(if_seen(super::get(ctx, id).await)?);
    }
    all.sort_by(|one, other| (&one.row.name, &one.row.id).cmp(&(&other.row.name, &other.row.id)));
    Ok(all)
}

/// A resource that is hidden is as one that is not there.
fn if_seen(found: Result<ResourceView>) -> Result<Option<ResourceView>> {
    match found {
        Ok(view) => Ok(Some(view)),
        Err(Error::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A reference as it stands in a body.
pub struct Named {
    /// Where in the body.
    pub place: String,
    /// Of what kind it has to be.
    pub kind: String,
    /// What it names.
    pub id: String,
}

/// Every reference of a body.
pub fn named(kind: &KindInfo, body: &Value) -> Vec<Named> {
    let mut found = Vec::new();
    for reference in &kind.definition.references {
        for place in places(body, &reference.pointer) {
            if let Some(id) = body.pointer(&place).and_then(Value::as_str) {
                let (kind, id) = (reference.kind.clone(), id.to_owned());
                found.push(Named { place, kind, id });
            }
        }
    }
    found
}

/// Whom a resource with that body follows, each once.
pub(super) fn leaders(kind: &KindInfo, body: &Value) -> Vec<String> {
    let follows = kind.definition.references.iter().filter(|reference| reference.follows);
    let mut ids: Vec<String> = follows.flat_map(|reference| ids_at(body, &reference.pointer)).collect();
    ids.sort();
    ids.dedup();
    ids
}

/// Keeps whom a resource follows, after its body was saved.
///
/// # Errors
/// When the store fails.
pub(super) async fn follow(w: &mut Write<'_>, permit: &Permit, id: &str, leaders: &[String]) -> Result<()> {
    followers::forget(w.tx(), permit, id).await?;
    Ok(followers::put(w.tx(), permit, id, leaders).await?)
}

/// Takes references out of a body: the field goes, or the item of a list that holds it. In a list that holds a
/// secret every item keeps its place, because that secret is known by it.
pub(super) fn leave_out(body: &mut Value, out: &[String], secrets: &[&str]) {
    let mut items: Vec<(String, usize)> = Vec::new();
    for place in out {
        let item = item_of(body, place).filter(|(list, _)| {
            !secrets.iter().any(|s| s.strip_prefix(list.as_str()).is_some_and(|rest| rest.starts_with('/')))
        });
        match item {
            Some(item) => items.push(item),
            None => super::body::take(body, place),
        }
    }
    items.sort();
    items.dedup();
    // What comes later in a list goes first, and so does what lies deeper: no place that is still wanted moves.
    items.sort_by_key(|(list, at)| std::cmp::Reverse(in_order(list, *at)));
    for (list, at) in items {
        if let Some(Value::Array(list)) = body.pointer_mut(&list)
            && at < list.len()
        {
            list.remove(at);
        }
    }
}

/// The innermost list on the way to a place, and which of its items leads there.
fn item_of(body: &Value, place: &str) -> Option<(String, usize)> {
    let ends = place.match_indices('/').map(|(at, _)| at).collect::<Vec<_>>();
    ends.into_iter().rev().find_map(|at| {
        body.pointer(&place[..at])?.as_array()?;
        let step = place[at + 1..].split('/').next()?;
        Some((place[..at].to_owned(), step.parse().ok()?))
    })
}

/// How places in lists come one after another: by the numbers in them.
fn in_order(list: &str, at: usize) -> Vec<(usize, String)> {
    let step = |step: &str| step.parse().map_or_else(|_| (0, step.to_owned()), |number| (number, String::new()));
    list.split('/').map(step).chain(std::iter::once((at, String::new()))).collect()
}

/// What a pointer names in a body whose references are ids.
pub(super) fn ids_at(body: &Value, pointer: &str) -> Vec<String> {
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
    fn what_is_left_out_takes_its_item_along() {
        let body = json!({"pool": "a", "runs": [{"on": "b", "n": 1}, {"n": 2}, {"on": "c"}], "uses": ["d", "e", "f"],
            "deep": [{"in": ["g", "h"]}, {"in": ["i"]}]});
        let left = |out: &[&str], secrets: &[&str]| {
            let mut body = body.clone();
            leave_out(&mut body, &out.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>(), secrets);
            body
        };
        let all =
            left(&["/pool", "/runs/0/on", "/runs/2/on", "/uses/0", "/uses/2", "/deep/0/in/1", "/deep/1/in/0"], &[]);
        assert_eq!(all, json!({"runs": [{"n": 2}], "uses": ["e"], "deep": [{"in": ["g"]}, {"in": []}]}));
        // A list that holds a secret by its place keeps every place.
        let kept = left(&["/runs/0/on", "/uses/0"], &["/runs/1/key", "/uses/2"]);
        assert_eq!(kept["runs"], json!([{"n": 1}, {"n": 2}, {"on": "c"}]));
        assert_eq!(kept["uses"], json!([null, "e", "f"]));
    }

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
