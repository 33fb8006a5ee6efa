//! Lists of resources: reach first, then one query over it.

use super::store::Stored;
use super::store::list::{self, Key, Needs, Text, Wanted, page};
use super::{ResourceView, references, seen_by, target_of};
use crate::access::{self, About, Ctx, Viewer, archived, identity};
use crate::base::db::Value;
use crate::base::error::{Error, Result};
use crate::base::http::{Page, PageRequest};
use crate::base::{ids, text, words};
use crate::directory::Directory;
use crate::directory::policy::Sees;
use garth_core::{Action, Caller, Class, ClassIx, KindIx, Micros, Principal, Reach, SpaceIx};
use hashbrown::{HashMap, HashSet};
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// How often a search begins anew because a kind came to be found by other fields, or a count because its caller came to
/// see something else; then it is given up.
const CUTS: usize = 8;

/// Which resources are wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of one of these kinds.
    pub kinds: Vec<String>,
    /// In one of these spaces; archived ones count when they are named.
    pub spaces: Vec<String>,
    /// With all of these labels.
    pub labels: Vec<String>,
    /// Owned by one of these.
    pub owners: Vec<String>,
    /// Made by one of these.
    pub authors: Vec<String>,
    /// With these words in name, labels or what the kind names of the body (`docs/search.md`); or of that code.
    pub q: Option<String>,
    /// Made not before that time.
    pub created_from: Option<Micros>,
    /// Made before that time.
    pub created_to: Option<Micros>,
    /// Changed last not before that time.
    pub updated_from: Option<Micros>,
    /// Changed last before that time.
    pub updated_to: Option<Micros>,
    /// `updated`, `created` or `name`, turned round by a leading `-`.
    pub order: Option<String>,
    /// Archived things, too.
    pub archived: bool,
}

/// A page of the resources that the caller may see.
///
/// # Errors
/// 401, 422 for an unknown order and for a cursor that is not good.
pub async fn list(ctx: &Ctx, filter: &Filter, request: &PageRequest) -> Result<Page<ResourceView>> {
    let (dir, now) = (ctx.directory(), ctx.now());
    let caller = ctx.reader(&dir)?;
    let query = format!("resources {filter:?}");
    let reach = reach(&dir, &caller, filter, now);
    let (rows, next) = found(ctx, &dir, &caller, filter, &query, request, reach).await?;
    Ok(Page { items: still_seen(ctx, rows)?, next })
}

/// A page of what is wanted among the classes of that reach, and the cursor of the next. Whether the caller still sees
/// these rows is to be asked once more.
///
/// # Errors
/// 422 for an unknown order and for a cursor that is not good.
pub(super) async fn found(
    ctx: &Ctx,
    dir: &Directory,
    caller: &Caller,
    filter: &Filter,
    query: &str,
    request: &PageRequest,
    reach: Reach,
) -> Result<(Vec<Stored>, Option<String>)> {
    let now = ctx.now();
    let mut wanted = wanted(dir, caller, filter, now)?;
    wanted.limit = request.limit;
    if let Some(cursor) = &request.cursor {
        let (key, id) = access::read_cursor(dir, caller, query, cursor)?;
        let key = match wanted.key {
            Key::Name => Value::Text(key),
            Key::Updated | Key::Created => Value::Int(key.parse().unwrap_or_default()),
        };
        wanted.after = Some((key, id));
    }
    wanted.needs = needs(dir, caller, &reach, now);
    let me = identity(dir, caller);
    let mut left = CUTS;
    let (rows, end) = loop {
        let found = page(&ctx.db(), &reach, me.as_deref(), &wanted).await?;
        // While it was looked, a field may have become secret: what was found by it must not be answered any more.
        let Some(text) = &mut wanted.text else { break found };
        let cuts = cuts(&ctx.directory());
        if text.cuts == cuts {
            break found;
        }
        text.cuts = cuts;
        left -= 1;
        if left == 0 {
            return Err(Error::Unavailable);
        }
    };
    let next = end.map(|(key, id)| access::cursor(dir, caller, query, &key, &id)).transpose()?;
    Ok((rows, next))
}

/// What that caller sees of the things that must be seen before others; `None` where nothing in a reach requires any.
pub(super) fn needs(dir: &Directory, caller: &Caller, reach: &Reach, now: Micros) -> Option<Needs> {
    let kinds = dir.required_kinds();
    let requires = |class: &ClassIx| dir.class_requires(*class);
    let partial = || reach.partial.iter().any(|(class, _)| requires(class));
    if caller.system || kinds.is_empty() || !(reach.full.iter().any(requires) || partial()) {
        return None;
    }
    // What it requires is asked for without the properties of a question about something else.
    let reach = dir.world.reach(&caller.plain(), now, |class| kinds.contains(&class.kind));
    Some(Needs { reach, me: identity(dir, caller) })
}

/// A page of the resources in the caller's reach, archived ones too, oldest first, each without its body; and where to go
/// on, as key and id.
///
/// # Errors
/// When the store fails.
pub async fn search(
    ctx: &Ctx,
    dir: &Directory,
    caller: &Caller,
    reach: &Reach,
    after: Option<(String, String)>,
    limit: usize,
) -> Result<(Vec<Stored>, Option<(String, String)>)> {
    all_of(ctx, dir, caller, reach, after, limit, false).await
}

/// The same, with their bodies or without.
async fn all_of(
    ctx: &Ctx,
    dir: &Directory,
    caller: &Caller,
    reach: &Reach,
    after: Option<(String, String)>,
    limit: usize,
    bodies: bool,
) -> Result<(Vec<Stored>, Option<(String, String)>)> {
    let wanted = Wanted {
        key: Key::Created,
        descending: false,
        after: after.map(|(key, id)| (Value::Int(key.parse().unwrap_or_default()), id)),
        limit,
        bodies,
        archived: true,
        labels: Vec::new(),
        owners: Vec::new(),
        authors: Vec::new(),
        classes: dir.next_class() as usize,
        times: Vec::new(),
        text: None,
        needs: needs(dir, caller, reach, ctx.now()),
    };
    Ok(page(&ctx.db(), reach, identity(dir, caller).as_deref(), &wanted).await?)
}

/// Some of the resources in the caller's reach, oldest first: each one's name and what decisions ask about it, whoever
/// asks; and whether these are all.
///
/// # Errors
/// When the store fails.
pub async fn some(
    ctx: &Ctx,
    dir: &Directory,
    caller: &Caller,
    reach: &Reach,
    limit: usize,
) -> Result<(Vec<(String, About)>, bool)> {
    let (rows, next) = search(ctx, dir, caller, reach, None, limit).await?;
    let found = for_all(ctx, dir, rows).await?;
    Ok((found.into_iter().map(|row| (row.name.clone(), row.about())).collect(), next.is_none()))
}

/// The same rows with what decisions about others than the caller need: of what they require, all followers count.
async fn for_all(ctx: &Ctx, dir: &Directory, rows: Vec<Stored>) -> Result<Vec<Stored>> {
    let requires = |row: &Stored| dir.class_requires(row.class);
    let mut needing = {
        let ids: HashSet<&str> = rows.iter().filter(|row| requires(row)).map(|row| row.id.as_str()).collect();
        if ids.is_empty() { HashMap::new() } else { super::needing(ctx, &ids, None).await? }
    };
    let mut found = Vec::with_capacity(rows.len());
    for mut row in rows {
        if requires(&row) {
            let Some(asked) = needing.remove(&row.id) else { continue };
            (row.class, row.author, row.owner, row.needed) = (asked.class, asked.author, asked.owner, asked.needed);
        }
        found.push(row);
    }
    Ok(found)
}

/// What decisions about others than the caller ask about these resources, each with its id.
///
/// # Errors
/// When the store fails.
pub async fn abouts(ctx: &Ctx, views: &[ResourceView]) -> Result<HashMap<String, About>> {
    let dir = ctx.directory();
    let rows = for_all(ctx, &dir, views.iter().map(|view| view.row.clone()).collect()).await?;
    Ok(rows.into_iter().map(|row| (row.id.clone(), row.about())).collect())
}

/// A page of everything in a space that the caller may see, archived resources too, oldest first; and where to go on, as
/// key and id. References to what they may not see are left out.
///
/// # Errors
/// 404 when the space is hidden or missing, 401 when the credential is no good any more.
pub async fn everything(
    ctx: &Ctx,
    space: &str,
    after: Option<(String, String)>,
    limit: usize,
) -> Result<(Vec<ResourceView>, Option<(String, String)>)> {
    let (dir, now) = (ctx.directory(), ctx.now());
    let caller = ctx.caller(&dir)?;
    let ix = access::visible_space(&dir, &caller, space, now)?;
    let reach = dir.world.reach_in(&caller, &[ix], now, |_| true);
    let (rows, end) = all_of(ctx, &dir, &caller, &reach, after, limit, true).await?;
    // Moved away while it was read, it is in another space's export.
    let here = |row: &Stored| dir.world.class(row.class).is_some_and(|class| class.space == ix);
    let mut views = still_seen(ctx, rows.into_iter().filter(here).collect())?;
    references::hide(ctx, &mut views).await?;
    Ok((views, end))
}

/// How many resources of each kind lie in a space, of those that the caller may see, without the archived ones; of each at
/// most `most`, so that the work does not grow with the space.
///
/// # Errors
/// 401 when the credential is no good any more, 503 when what they may see does not stay the same while it is counted.
pub async fn numbers(ctx: &Ctx, space: SpaceIx, most: i64) -> Result<BTreeMap<KindIx, i64>> {
    let eyes = || -> Result<(Arc<Directory>, Needs, Option<Needs>)> {
        let (dir, now) = (ctx.directory(), ctx.now());
        let caller = ctx.caller(&dir)?;
        let reach = dir.world.reach_in(&caller, &[space], now, |class| class.space == space);
        let needs = needs(&dir, &caller, &reach, now);
        let me = identity(&dir, &caller);
        Ok((dir, Needs { reach, me }, needs))
    };
    let (mut dir, mut seen, mut needs) = eyes()?;
    for _ in 0..CUTS {
        // Whoever sees all of them needs no counting.
        let all = dir.world.space(space).is_some_and(|space| space.classes().len() == seen.reach.full.len());
        let found: BTreeMap<KindIx, i64> = match dir.space_id(space).filter(|_| all && needs.is_none()) {
            Some(id) => {
                let counts = list::counts(&ctx.db(), &id.to_string()).await?;
                let kind = |id: String| Uuid::try_parse(&id).ok().and_then(|id| dir.kinds.by_id(&id));
                counts.into_iter().filter_map(|(id, number)| Some((kind(id)?, number.min(most)))).collect()
            }
            None => counted(ctx, &dir, &seen, needs.as_ref(), most).await?,
        };
        let now = eyes()?;
        if (&now.1, &now.2) == (&seen, &needs) {
            return Ok(found);
        }
        (dir, seen, needs) = now;
    }
    Err(Error::Unavailable)
}

/// The same, counted: a kind at a time.
async fn counted(
    ctx: &Ctx,
    dir: &Directory,
    seen: &Needs,
    needs: Option<&Needs>,
    most: i64,
) -> Result<BTreeMap<KindIx, i64>> {
    let mut kinds: BTreeMap<KindIx, Reach> = BTreeMap::new();
    let kind = |class: ClassIx| dir.world.class(class).map(|class| class.kind);
    for class in &seen.reach.full {
        if let Some(kind) = kind(*class) {
            kinds.entry(kind).or_default().full.push(*class);
        }
    }
    for (class, mask) in &seen.reach.partial {
        if let Some(kind) = kind(*class) {
            kinds.entry(kind).or_default().partial.push((*class, *mask));
        }
    }
    let (kinds, reaches): (Vec<KindIx>, Vec<Reach>) = kinds.into_iter().unzip();
    let eyes =
        |(kind, reach): (&KindIx, Reach)| (Needs { reach, me: seen.me.clone() }, needs.filter(|_| dir.requires(*kind)));
    let reaches: Vec<(Needs, Option<&Needs>)> = kinds.iter().zip(reaches).map(eyes).collect();
    let numbers = list::numbers(&ctx.db(), &reaches, most).await?;
    Ok(numbers.into_iter().filter_map(|(at, number)| Some((*kinds.get(at)?, number))).filter(|(_, n)| *n > 0).collect())
}

/// Access, or a row itself, may have changed while the rows were read: each is asked about again, so that
/// nothing that was revoked appears after the revoke was answered.
pub(super) fn still_seen(ctx: &Ctx, rows: Vec<Stored>) -> Result<Vec<ResourceView>> {
    let (dir, now) = (ctx.directory(), ctx.now());
    let caller = ctx.caller(&dir)?;
    let viewer = Viewer::new(&dir, &caller, now);
    let seen =
        |row: &Stored| dir.world.decide(&caller, target_of(&dir, &caller, row, now), Action::Read, now).allowed();
    rows.into_iter().filter(seen).map(|row| seen_by(&dir, &caller, &viewer, row, now)).collect()
}

fn reach(dir: &Directory, caller: &Caller, filter: &Filter, now: Micros) -> Reach {
    let kinds: Vec<_> = filter.kinds.iter().filter_map(|k| dir.kind_ref(k)).collect();
    let of_kind = |class: &Class| filter.kinds.is_empty() || kinds.contains(&class.kind);
    if filter.spaces.is_empty() {
        let active = |space: SpaceIx| filter.archived || !archived(&dir.world, space);
        // What is seen through an archived space only is left out, like what lies in one.
        let wanted = |class: &Class, through| of_kind(class) && active(class.space) && active(through);
        return dir.world.reach_through(caller, Action::Read, now, wanted);
    }
    let mut spaces: Vec<SpaceIx> = filter.spaces.iter().filter_map(|id| dir.space_ref(id)).collect();
    spaces.sort_unstable();
    spaces.dedup();
    dir.world.reach_in(caller, &spaces, now, of_kind)
}

fn wanted(dir: &Directory, caller: &Caller, filter: &Filter, now: Micros) -> Result<Wanted> {
    let order = filter.order.as_deref().unwrap_or("updated");
    let (turned, name) = order.strip_prefix('-').map_or((false, order), |name| (true, name));
    let (key, newest_first) = match name {
        "updated" => (Key::Updated, true),
        "created" => (Key::Created, true),
        "name" => (Key::Name, false),
        _ => return Err(Error::field("?order", "must be updated, created or name, or one of them after a -")),
    };
    let mut labels = filter.labels.clone();
    labels.sort();
    labels.dedup();
    if labels.len() > text::LABELS {
        return Err(Error::field("?label", format!("must be at most {} labels", text::LABELS)));
    }
    let parts = filter.q.as_deref().map(words::sought).transpose()?.unwrap_or_default();
    let code = filter.q.as_deref().and_then(ids::read_code).unwrap_or_default();
    let viewer = Viewer::new(dir, caller, now);
    let people = |texts: &[String]| texts.iter().map(|text| person(dir, &viewer, text)).collect();
    Ok(Wanted {
        key,
        descending: newest_first != turned,
        after: None,
        limit: 0,
        bodies: true,
        archived: filter.archived,
        labels,
        owners: people(&filter.owners),
        authors: people(&filter.authors),
        classes: dir.next_class() as usize,
        times: [
            (Key::Created, false, filter.created_from),
            (Key::Created, true, filter.created_to),
            (Key::Updated, false, filter.updated_from),
            (Key::Updated, true, filter.updated_to),
        ]
        .into_iter()
        .filter_map(|(key, before, at)| Some((key, before, at?)))
        .collect(),
        text: (!parts.is_empty()).then(|| Text { parts, code, cuts: cuts(dir) }),
        needs: None,
    })
}

/// The cuts of words that count, one of each kind.
fn cuts(dir: &Directory) -> Vec<i64> {
    let mut cuts: Vec<i64> = dir.kinds.iter::<KindIx>().map(|(_, info)| info.search_cut).collect();
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}

/// A person of a filter as rows name them; somebody the caller cannot see matches nothing, like somebody unknown.
fn person(dir: &Directory, viewer: &Viewer<'_>, text: &str) -> String {
    match dir.principal(text) {
        Some(who @ (Principal::User(_) | Principal::Key(_))) if viewer.principal(who) => dir.principal_text(who),
        _ => "nobody".to_owned(),
    }
}
