//! Resources as principals: who of them holds roles, and which of them somebody may know of.
//!
//! What acts on behalf of a resource (a run of a job, say) has the roles that are granted to it. Such a resource is named
//! to those who may view it and to nobody else; to all others it is not there, as everywhere. Only its own row tells who
//! may: it is read first, and judged by a picture that is taken afterwards.

use crate::access::{About, Ctx, Write, store};
use crate::base::error::{Error, Result};
use crate::base::ids;
use crate::directory::Directory;
use garth_core::{Action, Caller, Micros, Principal};
use hashbrown::HashMap;
use uuid::Uuid;

/// What stands before the id of a resource where principals are written.
pub const ACTOR: &str = "resource:";

/// Resources as they were read, by the ids and codes that they were asked for.
#[derive(Default)]
pub struct Actors {
    found: HashMap<String, About>,
    ids: HashMap<String, String>,
}

impl Actors {
    /// Reads the resources of these ids and codes, by one statement; by none where none of them could be one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn read<'a>(ctx: &Ctx, names: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let mut wanted: Vec<String> = names.into_iter().filter_map(clean).collect();
        wanted.sort_unstable();
        wanted.dedup();
        if wanted.is_empty() {
            return Ok(Self::default());
        }
        Ok(Self::of(store::actors(&ctx.app.db, &serde_json::json!(wanted).to_string()).await?))
    }

    fn of(read: Vec<(String, About)>) -> Self {
        let mut actors = Self::default();
        for (code, about) in read {
            if let About::Resource { id, .. } = &about {
                actors.ids.insert(code, id.clone());
                actors.found.insert(id.clone(), about);
            }
        }
        actors
    }

    fn get(&self, name: &str) -> Option<(&str, &About)> {
        let name = clean(name)?;
        let id = self.ids.get(&name).unwrap_or(&name);
        self.found.get_key_value(id).map(|(id, about)| (id.as_str(), about))
    }

    /// The resource of that id or code, if there is one that the caller may view.
    pub fn seen(&self, dir: &Directory, caller: &Caller, name: &str, now: Micros) -> Option<Uuid> {
        let (id, about) = self.get(name)?;
        let target = about.target(dir, caller, now);
        dir.world.decide(caller, target, Action::Read, now).allowed().then(|| Uuid::try_parse(id).ok()).flatten()
    }

    /// The same as a principal; a resource that holds no grant is none.
    pub fn principal(&self, dir: &Directory, caller: &Caller, name: &str, now: Micros) -> Option<Principal> {
        dir.actors.by_id(&self.seen(dir, caller, name, now)?).map(Principal::Resource)
    }
}

/// An id or a code as it is stored; `None` for what is neither.
fn clean(name: &str) -> Option<String> {
    if ids::read_id(name).is_some() { Some(name.to_owned()) } else { ids::read_code(name) }
}

/// The resource of that id or code as somebody who is to hold a role, if the caller may edit it: what it holds, whoever
/// lets act on its behalf can use. `None` where there is none that they may view.
///
/// # Errors
/// 403 when they may view it and not edit it; when the store fails.
pub async fn actor(w: &mut Write<'_>, name: &str) -> Result<Option<Principal>> {
    let Some(name) = clean(name) else { return Ok(None) };
    let read = store::actors_in(w.tx(), &serde_json::json!([name]).to_string()).await?;
    let Some((_, about)) = read.into_iter().next() else { return Ok(None) };
    let target = about.target(w.dir(), &w.caller, w.now);
    match w.may(target, Action::Write) {
        Ok(_) => {}
        Err(Error::NotFound | Error::Unauthenticated) => return Ok(None),
        Err(error) => {
            if let (About::Resource { id, class, .. }, Some(space)) = (&about, about.space(w.dir())) {
                let kind = w.dir().world.class(*class).and_then(|class| w.dir().kinds.info(class.kind));
                let kind = kind.map(|kind| kind.definition.name.clone()).unwrap_or_default();
                w.refused_in(space, &kind, id.clone());
            }
            return Err(error);
        }
    }
    let About::Resource { id, .. } = &about else { return Ok(None) };
    Ok(Uuid::try_parse(id).ok().map(|id| w.place_actor(id)))
}
