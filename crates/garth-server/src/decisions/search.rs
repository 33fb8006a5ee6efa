//! Searches: who may do that to this, what may they do that to, what may they do to it.
//!
//! A search answers what evaluating each one would answer, without evaluating each one: subjects come from whom
//! grants, policies and exceptions name, resources from reach, in the query. Archived things are answered for as
//! before: archiving changes no right.

use super::asking::{Asking, Spaces, space_of};
use super::subjects::{self, Subjects, caller_of};
use super::{Entity, action, with};
use crate::access::{self, About, Ctx, Sought};
use crate::base::error::Result;
use crate::directory::Directory;
use crate::resources;
use garth_core::{Action, Caller, Given, KindIx, Micros, Outcome, Principal, Sight, SpaceIx, Target};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use uuid::Uuid;

/// What was found, in an order that stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Ids, or names of actions.
    pub items: Vec<String>,
    /// Where to go on, if there may be more: key and id of what was looked at last.
    pub next: Option<(String, String)>,
}

/// Which part of the results is wanted.
#[derive(Clone, Debug)]
pub struct Part {
    /// Behind this one, as [`Found::next`] said.
    pub after: Option<(String, String)>,
    /// At most so many.
    pub limit: usize,
}

impl Part {
    fn after_id(&self) -> Option<Uuid> {
        self.after.as_ref().and_then(|(_, id)| Uuid::try_parse(id).ok())
    }
}

impl Found {
    fn nothing() -> Self {
        Self { items: Vec::new(), next: None }
    }

    /// The first `limit` of things that come in the order of their keys.
    fn first<K: ToString, T>(
        mut found: impl Iterator<Item = (K, T)>,
        limit: usize,
        text: impl Fn(T) -> String,
    ) -> Self {
        let (mut items, mut last) = (Vec::new(), None);
        for (key, item) in found.by_ref().take(limit) {
            last = Some(key.to_string());
            items.push(text(item));
        }
        let next = last.filter(|_| found.next().is_some()).map(|id| (String::new(), id));
        Self { items, next }
    }
}

/// What a question is about, with the people it names; `None` for unknown things.
async fn about(ctx: &Ctx, resource: &Entity<'_>) -> Result<Option<About>> {
    if resource.kind == "space" {
        return Ok(ctx.directory().space_ref(resource.id).map(About::Space));
    }
    let found = resources::about(ctx, resource.id).await?;
    let dir = ctx.directory();
    let wanted = dir.kinds.by_name::<KindIx>(resource.kind);
    let of_kind = |about: &About| match about {
        About::Resource { class, .. } => dir.world.class(*class).is_some_and(|class| Some(class.kind) == wanted),
        About::Space(_) => false,
    };
    Ok(found.filter(of_kind))
}

/// The subjects of that type who may do that to this: ids, in their order. Whoever may ask about itself only finds
/// at most itself.
///
/// # Errors
/// When the store fails.
pub async fn subjects(
    ctx: &Ctx,
    kind: &str,
    named: &str,
    resource: &Entity<'_>,
    given: &Given,
    part: &Part,
) -> Result<Found> {
    let about = about(ctx, resource).await?;
    let dir = ctx.directory();
    let asking = Asking::of(ctx, &dir)?;
    let (Some(about), Some(action)) = (about, action(&dir, resource.kind, named)) else { return Ok(Found::nothing()) };
    let sought = match kind {
        "user" => Some(Sought::Users),
        "group" => Some(Sought::Groups),
        "key" => Some(Sought::Keys),
        "resource" => Some(Sought::Actors),
        _ => None,
    };
    if !about.space(&dir).is_some_and(|space| asking.there(&dir, space)) {
        let me = with(asking.caller().clone(), given);
        return Ok(itself(&dir, &me, kind, &about, action, part, ctx.now()));
    }
    let Some(sought) = sought else { return Ok(Found::nothing()) };
    let (found, next) = access::subjects(ctx, &about, sought, action, given, part.after_id(), part.limit).await?;
    // Asked again now that they are found: who may not ask any more, or not about where it lies now, is told nothing.
    let again = self::about(ctx, resource).await?;
    let dir = ctx.directory();
    let asking = Asking::of(ctx, &dir)?;
    if !again.and_then(|about| about.space(&dir)).is_some_and(|space| asking.there(&dir, space)) {
        return Ok(Found::nothing());
    }
    let id = |principal: Principal| id_of(&dir, principal);
    Ok(Found { items: found.into_iter().map(id).collect(), next: next.map(|id| (String::new(), id.to_string())) })
}

/// The id of a principal without its type.
fn id_of(dir: &Directory, principal: Principal) -> String {
    let text = dir.principal_text(principal);
    text.split_once(':').map_or_else(String::new, |(_, id)| id.to_owned())
}

/// Whoever asks, if it is of that type and may.
fn itself(
    dir: &Directory,
    caller: &Caller,
    kind: &str,
    about: &About,
    action: Action,
    part: &Part,
    now: Micros,
) -> Found {
    let me = caller.who.filter(|_| part.after.is_none() && part.limit > 0);
    let me = me.filter(|me| dir.principal_text(*me).split_once(':').is_some_and(|(of, _)| of == kind));
    let may = |_: &Principal| dir.world.decide(caller, about.target(dir, caller, now), action, now).allowed();
    Found { items: me.filter(may).map(|me| id_of(dir, me)).into_iter().collect(), next: None }
}

/// The resources of that type, or the spaces, that the subject may do that to: ids, oldest first.
///
/// # Errors
/// 403 when the caller may not ask about that subject; when the store fails.
pub async fn resources(
    ctx: &Ctx,
    subject: &Entity<'_>,
    named: &str,
    kind: &str,
    given: &Given,
    part: &Part,
) -> Result<Found> {
    let subjects = Subjects::read(ctx, &[*subject]).await?;
    let (dir, now) = (ctx.directory(), ctx.now());
    let asking = Asking::of(ctx, &dir)?;
    let who = subjects.principal(ctx, &dir, subject);
    let inside = asking.spaces(&dir, who)?;
    let caller = caller_of(ctx, &dir, who).map(|caller| with(caller, given));
    let (Some(caller), Some(action)) = (caller, action(&dir, kind, named)) else { return Ok(Found::nothing()) };
    if let Some(home) = asking.caller().home {
        note(ctx, &dir, &asking, who, home, ("decision.search_resource", kind, String::new(), named));
    }
    if kind == "space" {
        return Ok(spaces(&dir, &inside, &caller, action, part, now));
    }
    let Some(kind) = dir.kinds.by_name::<KindIx>(kind) else { return Ok(Found::nothing()) };
    let reach = dir.world.reach_through(&caller, action, now, |class, via| {
        let holds = |space| inside.hold(&dir, space);
        class.kind == kind && holds(class.space) && (via == class.space || holds(via))
    });
    let (mut rows, next) = resources::search(ctx, &dir, &caller, &reach, part.after.clone(), part.limit).await?;
    let newest = ctx.directory();
    if !Arc::ptr_eq(&dir, &newest) {
        // Something changed meanwhile: nothing that was revoked appears after the revoke was answered.
        let asking = Asking::of(ctx, &newest)?;
        let who = subjects.principal(ctx, &newest, subject);
        let caller = caller_of(ctx, &newest, who).map(|caller| with(caller, given));
        let inside = asking.spaces(&newest, who)?;
        rows.retain(|row| {
            caller.as_ref().is_some_and(|caller| {
                let target = resources::target_of(&newest, caller, row, now);
                newest.world.decide(caller, target, action, now).allowed()
                    && space_of(&newest, target).is_some_and(|space| inside.hold(&newest, space))
            })
        });
    }
    Ok(Found { items: rows.into_iter().map(|row| row.id).collect(), next })
}

fn spaces(dir: &Directory, inside: &Spaces, caller: &Caller, action: Action, part: &Part, now: Micros) -> Found {
    let sight = Sight::new(&dir.world, caller, now);
    let after = part.after_id();
    let seen = sight.visible().map(|(space, _)| space).filter(|space| inside.hold(dir, *space));
    let ids = seen.filter_map(|space| Some((dir.space_id(space)?, space)));
    let may = |space: SpaceIx| {
        let standing = sight.get(space).cloned().unwrap_or_default();
        dir.world.decide_with(caller, standing, Target::Space(space), action, now).allowed()
    };
    let mut ordered: BinaryHeap<Reverse<(Uuid, SpaceIx)>> =
        ids.filter(|(id, _)| after.is_none_or(|after| *id > after)).map(Reverse).collect();
    let found = std::iter::from_fn(|| ordered.pop()).map(|Reverse(one)| one).filter(|(_, space)| may(*space));
    Found::first(found.map(|(id, _)| (id, id)), part.limit, |id| id.to_string())
}

/// What the subject may do to the resource: names of actions, in their order.
///
/// # Errors
/// 403 when the caller may not ask about that subject; when the store fails.
pub async fn actions(
    ctx: &Ctx,
    subject: &Entity<'_>,
    resource: &Entity<'_>,
    given: &Given,
    part: &Part,
) -> Result<Found> {
    let subjects = Subjects::read(ctx, &[*subject]).await?;
    let about = about(ctx, resource).await?;
    let (dir, now) = (ctx.directory(), ctx.now());
    let asking = Asking::of(ctx, &dir)?;
    let who = subjects.principal(ctx, &dir, subject);
    let caller = caller_of(ctx, &dir, who).map(|caller| with(caller, given));
    let there = || about.as_ref().and_then(|about| about.space(&dir)).is_some_and(|space| asking.there(&dir, space));
    let may_ask = asking.about(who, there)?;
    let (Some(caller), Some(about), true) = (caller, about.as_ref(), may_ask) else { return Ok(Found::nothing()) };
    let target = about.target(&dir, &caller, now);
    if let Some(space) = about.space(&dir) {
        let id = match about {
            About::Space(space) => dir.space_id(*space).map(|id| id.to_string()).unwrap_or_default(),
            About::Resource { id, .. } => id.clone(),
        };
        note(ctx, &dir, &asking, who, space, ("decision.search_action", resource.kind, id, ""));
    }
    let after = part.after.as_ref().map(|(_, name)| name.as_str());
    let may = |name: &String| {
        action(&dir, resource.kind, name).is_some_and(|action| {
            let decision = dir.world.decide(&caller, target, action, now);
            asking.outcome(&dir, who, &decision) == Outcome::Allowed
        })
    };
    let names = names(&dir, resource.kind).into_iter().filter(|name| after.is_none_or(|after| name.as_str() > after));
    Ok(Found::first(names.filter(may).map(|name| (name.clone(), name)), part.limit, |name| name))
}

/// Puts a search on record, if an application made it on behalf of a resource: how, what type, which thing, what for.
fn note(
    ctx: &Ctx,
    dir: &Directory,
    asking: &Asking,
    who: Option<Principal>,
    space: SpaceIx,
    (action, kind, id, asked): (&'static str, &str, String, &str),
) {
    let Some(subject) = who.filter(|who| matches!(who, Principal::Resource(_))) else { return };
    let standing = access::caller_of(dir, subject, ctx.now()).map(|c| dir.world.standing(&c, space, ctx.now()));
    let roles = standing.unwrap_or_default().roles;
    let about = subjects::About { action, space, target: (kind, id), asked, roles: &roles, decision: None };
    subjects::note(ctx, dir, asking.caller(), who, about);
}

/// The names of everything that can be done to a type, in their order.
pub fn names(dir: &Directory, kind: &str) -> Vec<String> {
    let mut names = match kind {
        "space" => dir.permissions(),
        kind => {
            let own = dir.verbs(kind).into_iter().filter(|verb| verb != "read" && verb != "write");
            own.map(|verb| format!("{kind}:{verb}")).collect()
        }
    };
    if kind != "space" && !names.contains(&format!("{kind}:delete")) {
        names.push("delete".to_owned());
    }
    names.extend(["read", "write"].map(str::to_owned));
    names.sort();
    names
}
