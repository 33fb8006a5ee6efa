//! Who of certain people would see a resource, and who sees it now, by the two pictures of a change that is tried.

use super::{Preview, pictures, told};
use crate::access::{About, Ctx, Pictures, Viewer, caller_of};
use crate::base::error::{Error, Result};
use crate::directory::Directory;
use crate::directory::policy::Sees;
use crate::resources::{self, ResourceView};
use garth_core::{Action, Micros, Principal, UserIx};
use serde_json::{Map, Value};
use uuid::Uuid;

/// What somebody may do to a resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// May they see it?
    pub read: bool,
    /// May they edit it?
    pub write: bool,
}

/// Somebody, with what they may do as it is, and as it would be.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The user's id.
    pub user: Uuid,
    /// As it is.
    pub now: Sight,
    /// As it would be.
    pub then: Sight,
}

/// What a change to one resource would move, and who of these people, as far as the caller can see them, would see the
/// resource and who sees it now. The change is tried once for both.
///
/// # Errors
/// Whatever the change itself would be refused with, with pointers below `/change`.
pub async fn sight(
    ctx: &Ctx,
    view: &ResourceView,
    change: Map<String, Value>,
    people: &[Uuid],
) -> Result<(Preview, Vec<Seen>)> {
    let about = resources::about(ctx, &view.row.id).await?.ok_or(Error::NotFound)?;
    let pictures = pictures(ctx, change).await?;
    let seen = judged(ctx, &pictures, view, &about, people)?;
    Ok((told(ctx, &pictures).await?, seen))
}

fn judged(ctx: &Ctx, pictures: &Pictures, view: &ResourceView, about: &About, people: &[Uuid]) -> Result<Vec<Seen>> {
    let named = |about: &About| matches!(about, About::Resource { id, .. } if *id == view.row.id);
    let changed = pictures.rows.iter().find(|row| named(&row.before));
    let (before, after) = changed.map_or((about, about), |row| (&row.before, &row.after));
    let now = ctx.now();
    let newest = ctx.directory();
    let caller = ctx.caller(&newest)?;
    let viewer = Viewer::new(&newest, &caller, now);
    let known = |id: &Uuid| newest.users.by_id::<UserIx>(id).filter(|user| viewer.principal(Principal::User(*user)));
    let seen = people.iter().filter_map(|id| {
        let user = known(id)?;
        let (now, then) = (of(&pictures.before, user, before, now), of(&pictures.after, user, after, now));
        Some(Seen { user: *id, now, then })
    });
    Ok(seen.collect())
}

fn of(dir: &Directory, user: UserIx, about: &About, now: Micros) -> Sight {
    let Some(caller) = caller_of(dir, Principal::User(user), now) else { return Sight::default() };
    let may = |action| dir.world.decide(&caller, about.target(dir, &caller, now), action, now).allowed();
    Sight { read: may(Action::Read), write: may(Action::Write) }
}
