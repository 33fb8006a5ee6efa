//! A scenario that was put into an installation: where its things are, and what the core
//! answers to its questions.

use crate::access::{About, Ctx};
use crate::base::error::{Error, Result};
use crate::base::http::PageRequest;
use crate::base::text::PAGE_MAX;
use crate::decisions;
use crate::resources::{self, Filter, ResourceView};
use crate::scenarios::expect::{Asks, Expectation, What};
use crate::scenarios::file::Scenario;
use crate::spaces;
use garth_core::{Caller, SpaceIx, UserIx};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// What was answered, in the form of an expectation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// May they?
    May(bool),
    /// What they see.
    Lists(BTreeSet<String>),
}

/// A resource of a scenario, found again.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its id.
    pub id: String,
    /// Its code.
    pub code: String,
    about: About,
}

/// Where the things of a scenario are.
pub struct Installed {
    spaces: BTreeMap<String, String>,
    resources: BTreeMap<(String, String), Found>,
}

impl Expectation {
    /// What must be answered.
    pub fn answer(&self) -> Answer {
        match &self.asks {
            Asks::May { allowed, .. } => Answer::May(*allowed),
            Asks::Lists { names, .. } => Answer::Lists(names.clone()),
        }
    }
}

impl Installed {
    /// Finds the things of a scenario by their names; the caller must see all.
    ///
    /// # Errors
    /// When something of it is not there.
    pub async fn find(ctx: &Ctx, scenario: &Scenario) -> Result<Self> {
        let mut places = BTreeMap::new();
        for (path, _) in scenario.space.paths() {
            let filter = spaces::Filter { path: Some(path.clone()), ..spaces::Filter::default() };
            let page = spaces::list(ctx, &filter, &PageRequest { limit: PAGE_MAX, cursor: None })?;
            let space = page.items.first().ok_or_else(|| missing(&path))?;
            places.insert(path, space.info.id.to_string());
        }
        let mut installed = Self { resources: BTreeMap::new(), spaces: places };
        let kinds: BTreeSet<&String> = scenario.resources.iter().map(|resource| &resource.kind).collect();
        for kind in kinds {
            let filter = Filter { kinds: vec![kind.clone()], ..Filter::default() };
            for view in all_of(ctx, &filter).await? {
                installed.resources.insert((kind.clone(), view.row.name.clone()), found(view));
            }
        }
        for resource in &scenario.resources {
            installed.resource(&resource.kind, &resource.name)?;
        }
        Ok(installed)
    }

    /// The id of the space at that path.
    ///
    /// # Errors
    /// When it is not of this scenario.
    pub fn space(&self, path: &str) -> Result<&str> {
        self.spaces.get(path).map(String::as_str).ok_or_else(|| missing(path))
    }

    /// The resource of that kind and name.
    ///
    /// # Errors
    /// When it is not of this scenario.
    pub fn resource(&self, kind: &str, name: &str) -> Result<&Found> {
        self.resources.get(&(kind.to_owned(), name.to_owned())).ok_or_else(|| missing(name))
    }

    /// What the core answers to an expectation's question.
    ///
    /// # Errors
    /// When the question names something that is not there.
    pub fn ask(&self, ctx: &Ctx, expectation: &Expectation) -> Result<Answer> {
        let (dir, now) = (ctx.directory(), ctx.now());
        let caller = match expectation.username() {
            None => Some(Caller::anonymous()),
            Some(name) => {
                let user: UserIx = dir.user_ref(&format!("@{name}")).ok_or_else(|| missing(name))?;
                Caller::user(&dir.world, user)
            }
        };
        match &expectation.asks {
            Asks::May { action, what, .. } => {
                let (on, about) = match what {
                    What::Space(path) => ("space", About::Space(self.space_ix(ctx, path)?)),
                    What::Resource { kind, name } => (kind.as_str(), self.resource(kind, name)?.about.clone()),
                };
                let action = decisions::action(&dir, on, action).ok_or_else(|| missing(action))?;
                // The disabled are nobody, and nobody may do anything.
                let may =
                    |caller: Caller| dir.world.decide(&caller, about.target(&dir, &caller, now), action, now).allowed();
                Ok(Answer::May(caller.is_some_and(may)))
            }
            Asks::Lists { kind, space, .. } => {
                let inside = space.as_ref().map(|path| self.space_ix(ctx, path)).transpose()?;
                let kind_ix = dir.kind_ref(kind).ok_or_else(|| missing(kind))?;
                let wanted = |class: &garth_core::Class| {
                    class.kind == kind_ix && inside.is_none_or(|space| class.space == space)
                };
                let Some(caller) = caller else { return Ok(Answer::Lists(BTreeSet::new())) };
                let reach = dir.world.reach(&caller, now, wanted);
                let seen = |found: &&Found| match found.about.target(&dir, &caller, now) {
                    garth_core::Target::Resource(class, facts) => {
                        let some = |(of, mask): &(_, u8)| *of == class && mask >> facts.bits() & 1 == 1;
                        !facts.barred && (reach.full.contains(&class) || reach.partial.iter().any(some))
                    }
                    garth_core::Target::Space(_) => false,
                };
                let of_kind = self.resources.iter().filter(|((k, _), _)| k == kind);
                let names = of_kind.filter(|(_, found)| seen(found)).map(|((_, name), _)| name.clone());
                Ok(Answer::Lists(names.collect()))
            }
        }
    }

    fn space_ix(&self, ctx: &Ctx, path: &str) -> Result<SpaceIx> {
        let id = Uuid::try_parse(self.space(path)?).unwrap_or_default();
        ctx.directory().spaces.by_id(&id).ok_or_else(|| missing(path))
    }
}

fn missing(name: &str) -> Error {
    Error::Malformed(format!("{name} is not in this installation"))
}

fn found(view: ResourceView) -> Found {
    Found { id: view.row.id.clone(), code: view.row.code.clone(), about: view.about() }
}

async fn all_of(ctx: &Ctx, filter: &Filter) -> Result<Vec<ResourceView>> {
    let mut request = PageRequest { limit: PAGE_MAX, cursor: None };
    let mut all = Vec::new();
    loop {
        let page = resources::list(ctx, filter, &request).await?;
        all.extend(page.items);
        match page.next {
            Some(next) => request.cursor = Some(next),
            None => return Ok(all),
        }
    }
}
