//! Decisions as others ask for them: OpenID AuthZEN Authorization API 1.0, and why.
//!
//! A caller asks about itself; an application's key about anybody, where its role holds `decision:ask`;
//! a space's administrators may ask why about the people they can see there. Answers hold the decision and its reason only: the same question gets the same bytes.

pub mod api;

use crate::access::{self, Ctx, Explanation, Viewer, works};
use crate::base::error::{Error, Result};
use crate::directory::Directory;
use crate::directory::policy::Sees;
use crate::resources;
use garth_core::{Action, Caller, KeyIx, KindIx, Micros, Outcome, Permission, SpaceIx, Target};
use uuid::Uuid;

/// An entity of a question: a type and an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// `user`, `group`, `key`, `space`, or a kind.
    pub kind: String,
    /// Its id; users and groups also as `@name`, resources also by code.
    pub id: String,
}

/// May this subject do this to that?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Who.
    pub subject: Entity,
    /// `read`, `write`, or a permission.
    pub action: String,
    /// To what.
    pub resource: Entity,
}

/// The subject as decisions know it; `None` when there is no such subject.
pub fn subject(dir: &Directory, entity: &Entity, now: Micros) -> Option<Caller> {
    match entity.kind.as_str() {
        "user" => Caller::user(&dir.world, dir.user_ref(&entity.id)?),
        "group" if entity.id == "everyone" => Some(Caller::everyone()),
        "group" => Caller::group(&dir.world, dir.group_ref(&entity.id)?),
        "key" => {
            let key = dir.keys.info(dir.keys.by_id::<KeyIx>(&Uuid::try_parse(&entity.id).ok()?)?)?;
            Caller::key(&dir.world, key.ix).filter(|_| works(dir, key, now))
        }
        _ => None,
    }
}

/// The action of a name on a resource type, if that type knows it.
pub fn action(dir: &Directory, resource_type: &str, name: &str) -> Option<Action> {
    let space = resource_type == "space";
    let own = name.strip_prefix(resource_type).and_then(|rest| rest.strip_prefix(':'));
    match own.filter(|_| !space).unwrap_or(name) {
        "read" => Some(Action::Read),
        "write" => Some(Action::Write),
        // On a space, any permission may be asked for: may they do that there?
        permission if space => dir.permission(permission).map(Action::Use),
        verb if !verb.contains(':') => dir.permission(&format!("{resource_type}:{verb}")).map(Action::Use),
        _ => None,
    }
}

/// What a question is about, once found; unknown things are `None`, like hidden ones later.
async fn found(ctx: &Ctx, question: &Question) -> Result<Option<Target>> {
    found_by(ctx, &question.resource, |dir| subject(dir, &question.subject, ctx.now())).await
}

async fn found_by(
    ctx: &Ctx,
    resource: &Entity,
    subject: impl Fn(&Directory) -> Option<Caller>,
) -> Result<Option<Target>> {
    if resource.kind == "space" {
        return Ok(ctx.directory().space_ref(&resource.id).map(Target::Space));
    }
    let found = resources::target(ctx, subject, &resource.id).await?;
    let dir = ctx.directory();
    Ok(found.filter(|(kind, _)| dir.kinds.by_name::<KindIx>(&resource.kind) == Some(*kind)).map(|(_, target)| target))
}

/// How a question ends.
///
/// # Errors
/// 403 when the caller may not ask about that subject; when the store fails.
pub async fn evaluate(ctx: &Ctx, question: &Question) -> Result<Outcome> {
    let bounded = may_ask(ctx, question)?;
    let target = found(ctx, question).await?;
    let dir = ctx.directory();
    // The caller anew, in the picture that decides.
    let target = if bounded { within(&dir, &ctx.caller(&dir)?, target, ctx.now())? } else { target };
    let decision = decided(&dir, question, target, ctx.now(), |subject, target, action| {
        dir.world.decide(subject, target, action, ctx.now()).outcome
    });
    Ok(decision.unwrap_or(Outcome::Missing))
}

fn decided<T>(
    dir: &Directory,
    question: &Question,
    target: Option<Target>,
    now: Micros,
    decide: impl FnOnce(&Caller, Target, Action) -> T,
) -> Option<T> {
    let subject = subject(dir, &question.subject, now)?;
    let action = action(dir, &question.resource.kind, &question.action)?;
    Some(decide(&subject, target?, action))
}

/// Only about oneself; the command line about anybody; an application's key, too, [`within`] bounds. Answers
/// whether those have to be asked.
fn may_ask(ctx: &Ctx, question: &Question) -> Result<bool> {
    let dir = ctx.directory();
    let caller = ctx.somebody(&dir)?;
    if is_self(ctx, &dir, question) || caller.system {
        return Ok(false);
    }
    if caller.home.is_some() { Ok(true) } else { Err(not_others()) }
}

/// The target, where the key's role holds `decision:ask`. Anything else is to the key as if it were not there; a
/// key that may not even ask in its own space is refused.
fn within(dir: &Directory, key: &Caller, target: Option<Target>, now: Micros) -> Result<Option<Target>> {
    let asks = |space| {
        let ask = Action::Use(Permission::DECISION_ASK);
        dir.world.decide(key, Target::Space(space), ask, now).allowed()
    };
    let space = match target {
        Some(Target::Space(space)) => Some(space),
        Some(Target::Resource(class, _)) => dir.world.class(class).map(|class| class.space),
        None => None,
    };
    if space.is_some_and(asks) {
        return Ok(target);
    }
    if key.home.is_some_and(asks) { Ok(None) } else { Err(not_others()) }
}

fn not_others() -> Error {
    Error::Forbidden("a caller may ask about itself; asking about others needs decision:ask".to_owned())
}

fn is_self(ctx: &Ctx, dir: &Directory, question: &Question) -> bool {
    let id = &question.subject.id;
    match question.subject.kind.as_str() {
        "user" => ctx.user(dir).is_ok_and(|me| dir.user_ref(id) == Some(me)),
        "key" => ctx.key(dir).is_ok_and(|me| Uuid::try_parse(id).ok() == Some(me.id)),
        _ => false,
    }
}

/// Why somebody may or may not: to themselves, to the administrators of the space about people
/// they can see, and to the command line.
///
/// # Errors
/// 403 for everybody else, whether the things named exist or not.
pub async fn explain(ctx: &Ctx, question: &Question) -> Result<Explanation> {
    let target = found(ctx, question).await?;
    // What it is to the one who asks: they must see it themselves.
    let seen = found_by(ctx, &question.resource, |dir| ctx.caller(dir).ok()).await?;
    let (dir, now) = (ctx.directory(), ctx.now());
    let caller = ctx.somebody(&dir)?;
    if !caller.system && !is_self(ctx, &dir, question) {
        let seen = seen.filter(|seen| dir.world.decide(&caller, *seen, Action::Read, now).allowed());
        may_explain(&dir, &caller, question, seen, now)?;
    }
    let action = action(&dir, &question.resource.kind, &question.action);
    let subject = subject(&dir, &question.subject, now).unwrap_or_else(Caller::anonymous);
    // An action that the type does not know is explained like a target that is not there.
    Ok(access::explain(
        &dir,
        &caller,
        &subject,
        target.filter(|_| action.is_some()),
        action.unwrap_or(Action::Read),
        now,
    ))
}

fn may_explain(
    dir: &Directory,
    caller: &Caller,
    question: &Question,
    target: Option<Target>,
    now: Micros,
) -> Result<()> {
    let refused = || Error::Forbidden("only administrators of the space may ask why about others".to_owned());
    let space: SpaceIx = match target.ok_or_else(refused)? {
        Target::Space(space) => space,
        Target::Resource(class, _) => dir.world.class(class).ok_or_else(refused)?.space,
    };
    let admin = dir.world.decide(caller, Target::Space(space), Action::Use(Permission::SPACE_ADMIN), now);
    let principal = dir.principal(&format!("{}:{}", question.subject.kind, question.subject.id));
    let seen = principal.is_some_and(|p| Viewer::new(dir, caller, now).principal(p));
    if admin.allowed() && seen { Ok(()) } else { Err(refused()) }
}
