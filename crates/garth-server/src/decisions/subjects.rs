//! Who the subject of a question is. Resources that hold roles are subjects too, named to those who may view them: so
//! their rows are read before the picture is taken that judges who may. What an application asks on their behalf is on
//! record.

use super::Entity;
use crate::access::{self, Actors, Ask, Ctx};
use crate::base::error::Result;
use crate::directory::Directory;
use garth_core::{Caller, Principal, RoleIx, SpaceIx};

/// The subjects of a request, as far as whoever asks may know of them.
pub(super) struct Subjects {
    actors: Actors,
}

impl Subjects {
    /// Reads those that are resources.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn read(ctx: &Ctx, entities: &[Entity<'_>]) -> Result<Self> {
        let named = entities.iter().filter(|entity| entity.kind == "resource");
        let names: Vec<&str> = named.map(|entity| entity.id).collect();
        Ok(Self { actors: Actors::read(ctx, names).await? })
    }

    /// Who a subject is; `None` when there is no such subject, or none that the caller may know of.
    pub(super) fn principal(&self, ctx: &Ctx, dir: &Directory, entity: &Entity<'_>) -> Option<Principal> {
        match entity.kind {
            "user" => dir.user_ref(entity.id).map(Principal::User),
            "group" if entity.id == "everyone" => Some(Principal::Everyone),
            "group" => dir.group_ref(entity.id).map(Principal::Group),
            "key" => dir.principal(&format!("key:{}", entity.id)),
            "resource" => self.actors.principal(dir, &ctx.caller(dir).ok()?, entity.id, ctx.now()),
            _ => None,
        }
    }

    /// The same as decisions know it.
    pub(super) fn caller(&self, ctx: &Ctx, dir: &Directory, entity: &Entity<'_>) -> Option<Caller> {
        caller_of(ctx, dir, self.principal(ctx, dir, entity))
    }
}

/// A subject as decisions know it; `None` when there is none. Who asks about themselves asks with what their session
/// brings; of others only what is stored is known.
pub(super) fn caller_of(ctx: &Ctx, dir: &Directory, who: Option<Principal>) -> Option<Caller> {
    match ctx.caller(dir) {
        Ok(caller) if who.is_some() && caller.who == who => Some(caller),
        _ => access::caller_of(dir, who?, ctx.now()),
    }
}

/// What a question was about, for the record.
pub(super) struct About<'a> {
    /// How it was asked.
    pub action: &'static str,
    /// The space that it was about.
    pub space: SpaceIx,
    /// The type and the id of what it was about.
    pub target: (&'a str, String),
    /// What was to be done.
    pub asked: &'a str,
    /// The roles that the subject holds in that space.
    pub roles: &'a [RoleIx],
    /// The decision, where there was one.
    pub decision: Option<bool>,
}

/// Puts on record that an application asked with a resource as the subject; of others' questions nothing is kept.
pub(super) fn note(ctx: &Ctx, dir: &Directory, asker: &Caller, subject: Option<Principal>, about: About<'_>) {
    let (Some(actor @ Principal::Resource(_)), Some(key @ Principal::Key(_))) = (subject, asker.who) else { return };
    let Some(space) = dir.space_id(about.space) else { return };
    let mut roles: Vec<String> =
        about.roles.iter().filter_map(|role| dir.roles.info(*role)).map(|role| role.slug.clone()).collect();
    roles.sort_unstable();
    let (target_type, target_id) = about.target;
    ctx.note_ask(Ask {
        space: space.to_string(),
        actor: dir.principal_text(actor),
        credential: dir.principal_text(key),
        action: about.action,
        target_type: target_type.to_owned(),
        target_id,
        asked: about.asked.to_owned(),
        roles,
        decision: about.decision,
    });
}
