//! How the jobs and delivery interfaces of all spaces are, as far as somebody may know.

use super::colours::{Colour, Tally};
use crate::access::{App, Ctx};
use crate::backup::{self, Made};
use crate::base::error::{Error, Result};
use crate::base::http::PageRequest;
use crate::directory::{Directory, PublicHealth};
use crate::jobs::{self, Lately, State};
use crate::resources::{self, Filter, ResourceView};
use garth_core::{KindIx, Micros};
use hashbrown::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Mutex;

/// Most jobs, and most delivery interfaces, that one look lists; the worst come first.
pub const LISTED: usize = 500;
/// Resources of one kind that are looked at, at most.
const LOOKED_AT: usize = 20_000;
/// Resources that are read at a time.
const PAGE: usize = 500;
/// So long a look is good for those who see no names: strangers do not make the store count as often as they like.
const FRESH: Micros = 10 * 1_000_000;

/// The kind of jobs.
const JOB: &str = "job";

/// What somebody may know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// What the settings tell everybody.
    Everybody,
    /// Names, schedules, runs and counts: with an observer key.
    Observer,
    /// What failed as well: a system administrator.
    Administrator,
}

/// A job or a delivery interface.
#[derive(Clone, Debug)]
pub struct Watched {
    /// Its id.
    pub resource: String,
    /// Its name.
    pub name: String,
    /// The id of its space.
    pub space: String,
    /// The name of its space.
    pub space_name: String,
    /// How it is.
    pub colour: Colour,
    /// What the last runs came to, the latest first.
    pub last: Vec<State>,
    /// When the last one ended.
    pub at: Option<Micros>,
    /// What the last failure said; for system administrators.
    pub error: Option<String>,
    /// When a job runs, and in which time zone; `None` for one without a schedule, and for delivery interfaces.
    pub schedule: Option<(String, String)>,
    /// Is a job switched on?
    pub enabled: Option<bool>,
    /// Why a budget paused a job.
    pub paused: Option<String>,
    /// How a delivery interface delivers: `smtp`, `webhook`, `s3`, `folder`.
    pub way: Option<String>,
}

/// How the backups are that the server makes by itself.
#[derive(Clone, Debug)]
pub struct BackedUp {
    /// The colour of the last five.
    pub colour: Colour,
    /// When the last one ended.
    pub at: Option<Micros>,
    /// When the next one is due.
    pub next_at: Option<Micros>,
    /// What the last one said where it failed or was missed; for system administrators.
    pub error: Option<String>,
}

impl BackedUp {
    /// `None` where none are made, and none were.
    pub(super) async fn look(app: &Arc<App>) -> Result<Option<Self>> {
        let known = backup::lately(app).await?;
        if known.next.is_none() && known.last.is_empty() {
            return Ok(None);
        }
        let state = |made: &Made| match made.state.as_str() {
            "succeeded" => State::Succeeded,
            // One that was missed is one that nobody has.
            "failed" | "skipped" => State::Failed,
            _ => State::Running,
        };
        let states: Vec<State> = known.last.iter().map(state).collect();
        let last = known.last.iter().find(|made| made.finished_at.is_some());
        let error = last.filter(|made| made.state != "succeeded").map(|made| made.error.clone());
        let (at, next_at) = (last.and_then(|made| made.finished_at), known.next.map(|next| next.due_at));
        Ok(Some(Self { colour: Colour::of(&states), at, next_at, error }))
    }
}

/// How it all is.
#[derive(Clone, Debug)]
pub struct Overview {
    /// One colour for all of it.
    pub colour: Colour,
    /// How many jobs, and how many delivery interfaces, have which colour; where that may be known.
    pub counts: Option<(Tally, Tally)>,
    /// Jobs, and delivery interfaces, the worst first; where names may be known.
    pub listed: Option<(Vec<Watched>, Vec<Watched>)>,
    /// Are there more than are listed?
    pub more: bool,
    /// The backups that the server makes by itself, where there are any and names may be known.
    pub backup: Option<BackedUp>,
}

/// What the caller may know.
///
/// # Errors
/// 401 and 403 where the settings tell nobody.
pub async fn look(ctx: &Ctx) -> Result<Overview> {
    let sight = sight_of(ctx)?;
    let found = overview(&ctx.app, sight).await?;
    // Looking takes a while: who may know less by now is told nothing of it.
    match sight {
        Sight::Administrator => ctx.system_admin(&ctx.directory()).map(drop)?,
        Sight::Observer | Sight::Everybody => sight_of(ctx).map(drop)?,
    }
    Ok(found)
}

/// How much the caller may know at this moment.
fn sight_of(ctx: &Ctx) -> Result<Sight> {
    let dir = ctx.directory();
    let caller = ctx.caller(&dir)?;
    if caller.system || caller.system_admin {
        return Ok(Sight::Administrator);
    }
    if dir.settings.public_health == PublicHealth::Nothing {
        ctx.somebody(&dir)?;
        return Err(Error::Forbidden("this needs an observer key, or a system administrator".to_owned()));
    }
    Ok(Sight::Everybody)
}

/// How it all is, for that sight.
///
/// # Errors
/// When the store fails.
pub async fn overview(app: &Arc<App>, sight: Sight) -> Result<Overview> {
    match sight {
        Sight::Everybody => {
            let [jobs, deliveries, backup] = counted(app).await?;
            let counts = (app.directory().settings.public_health == PublicHealth::Counts).then_some((jobs, deliveries));
            let colour = Tally::worst(&[jobs, deliveries, backup]);
            Ok(Overview { colour, counts, listed: None, more: false, backup: None })
        }
        Sight::Observer => shared(app).await,
        Sight::Administrator => listed(app, sight).await,
    }
}

/// The same with names.
async fn listed(app: &Arc<App>, sight: Sight) -> Result<Overview> {
    let (mut jobs, mut deliveries) = watched(app).await?;
    let counts = (tally(&jobs), tally(&deliveries));
    let more = jobs.len() > LISTED || deliveries.len() > LISTED;
    for list in [&mut jobs, &mut deliveries] {
        list.sort_by(|one, other| {
            let order = one.colour.cmp(&other.colour).then_with(|| one.name.cmp(&other.name));
            order.then_with(|| one.resource.cmp(&other.resource))
        });
        list.truncate(LISTED);
        if sight != Sight::Administrator {
            list.iter_mut().for_each(|one| one.error = None);
            // That it is, and not by what.
            list.iter_mut().filter_map(|one| one.paused.as_mut()).for_each(String::clear);
        }
    }
    let mut backup = BackedUp::look(app).await?;
    let colour = Tally::worst(&[counts.0, counts.1, tally_of(backup.as_ref())]);
    if sight != Sight::Administrator {
        backup.iter_mut().for_each(|backup| backup.error = None);
    }
    Ok(Overview { colour, counts: Some(counts), listed: Some((jobs, deliveries)), more, backup })
}

fn tally(list: &[Watched]) -> Tally {
    Tally::of(list.iter().map(|one| one.colour))
}

fn tally_of(backup: Option<&BackedUp>) -> Tally {
    Tally::of(backup.map(|backup| backup.colour).into_iter())
}

/// The last look, for those who see no names: jobs, delivery interfaces, and backups.
#[derive(Default)]
struct Kept(Mutex<Option<(Micros, [Tally; 3])>>);

/// Held while somebody looks, so that one looks and the others wait for what they find.
async fn counted(app: &Arc<App>) -> Result<[Tally; 3]> {
    let kept = app.memory.of::<Kept>();
    let mut last = kept.0.lock().await;
    let now = app.clock.now();
    if let Some((_, counted)) = last.filter(|(at, _)| (0..FRESH).contains(&(now - at))) {
        return Ok(counted);
    }
    let (jobs, deliveries) = watched(app).await?;
    let counted = [tally(&jobs), tally(&deliveries), tally_of(BackedUp::look(app).await?.as_ref())];
    *last = Some((now, counted));
    Ok(counted)
}

/// How many looks of observers were begun, and the last of them: which one it was, and what it found.
#[derive(Default)]
struct Looks {
    begun: AtomicU64,
    last: Mutex<Option<(u64, Overview)>>,
}

/// What observers see: one looks at a time. A look that was begun after somebody asked answers them as well as their own
/// would, so nobody is told what held before they asked.
async fn shared(app: &Arc<App>) -> Result<Overview> {
    let looks = app.memory.of::<Looks>();
    let before = looks.begun.load(Ordering::SeqCst);
    let mut last = looks.last.lock().await;
    if let Some((_, found)) = last.as_ref().filter(|(look, _)| *look > before) {
        return Ok(found.clone());
    }
    let look = looks.begun.fetch_add(1, Ordering::SeqCst) + 1;
    let found = listed(app, Sight::Observer).await?;
    *last = Some((look, found.clone()));
    Ok(found)
}

/// Every job, and every delivery interface, of the spaces that are not sealed and not archived.
pub(super) async fn watched(app: &Arc<App>) -> Result<(Vec<Watched>, Vec<Watched>)> {
    let (jobs, deliveries) = jobs::lately(app).await?;
    let mut paused: HashMap<String, String> = jobs::paused(app).await?.into_iter().collect();
    let mut jobs = of_kind(app, JOB, jobs).await?;
    jobs.iter_mut().for_each(|job| job.paused = paused.remove(&job.resource));
    Ok((jobs, of_kind(app, "delivery", deliveries).await?))
}

async fn of_kind(app: &Arc<App>, kind: &str, lately: Vec<Lately>) -> Result<Vec<Watched>> {
    let mut lately: HashMap<String, Lately> = lately.into_iter().map(|one| (one.resource.clone(), one)).collect();
    // A kind of that name that somebody made before there were jobs is theirs, and no job's.
    let dir = app.directory();
    let ours = dir
        .kinds
        .by_name::<KindIx>(kind)
        .and_then(|ix| dir.kinds.info(ix))
        .is_some_and(|info| info.built_in().is_some());
    if !ours {
        return Ok(Vec::new());
    }
    let ctx = Ctx::system(Arc::clone(app));
    let filter = Filter { kinds: vec![kind.to_owned()], ..Filter::default() };
    let mut page = PageRequest { limit: PAGE, cursor: None };
    let mut found = Vec::new();
    while found.len() < LOOKED_AT {
        let read = resources::list(&ctx, &filter, &page).await?;
        let dir = app.directory();
        let views = read.items.into_iter().filter_map(|view| {
            let last = lately.remove(&view.row.id);
            watch(&dir, kind == JOB, view, last)
        });
        found.extend(views);
        match read.next {
            Some(next) => page.cursor = Some(next),
            None => break,
        }
    }
    Ok(found)
}

fn watch(dir: &Directory, job: bool, view: ResourceView, lately: Option<Lately>) -> Option<Watched> {
    let ix = dir.world.class(view.row.class)?.space;
    let space = dir.world.space(ix)?;
    // Nobody but its members knows what is in it.
    if space.sealed || view.row.archived {
        return None;
    }
    let info = dir.spaces.info(ix)?;
    let text = |field: &str| view.body[field].as_str().map(str::to_owned);
    let zone = || text("time_zone").unwrap_or_else(|| "UTC".to_owned());
    let schedule = text("schedule").filter(|_| job).map(|schedule| (schedule, zone()));
    let way = text("type").filter(|_| !job);
    // On, where nobody said otherwise.
    let enabled = job.then(|| view.body["enabled"] != false);
    let last = lately.as_ref().map(|lately| lately.last.clone()).unwrap_or_default();
    Some(Watched {
        resource: view.row.id,
        name: view.row.name,
        space: info.id.to_string(),
        space_name: info.name.clone(),
        colour: Colour::of(&last),
        last,
        at: lately.as_ref().and_then(|lately| lately.at),
        error: lately.and_then(|lately| lately.error),
        schedule,
        enabled,
        paused: None,
        way,
    })
}
