//! The forest of spaces, as much of it as somebody sees and looks at: from their roots down, branch by branch.
//!
//! A space whose parent is hidden stands as a root, and nothing tells that there is a parent.

use super::SpaceView;
use crate::access::{Ctx, Viewer, archived, role_names, usual_space, visible_space};
use crate::base::error::{Error, Result};
use crate::base::words;
use crate::directory::{CreateSpaces, Directory, SpaceInfo};
use garth_core::{Action, Caller, MAX_SPACE_DEPTH, Micros, Permission, Sight, SpaceIx, Target};
use hashbrown::{HashMap, HashSet};
use std::collections::VecDeque;
use std::sync::Arc;
use uuid::Uuid;

/// Spaces of which a picture is made without asking for more.
const AT_ONCE: usize = 60;
/// Spaces beside each other that a picture has at once.
pub const SIBLINGS: usize = 24;
/// Most branches that are opened, and shut, by name.
pub const NAMED: usize = 32;
/// Most spaces of one picture.
pub const MOST: usize = 400;
/// Most spaces that a search finds at once.
const FOUND: usize = 40;

/// Which part of the forest is wanted.
#[derive(Clone, Debug, Default)]
pub struct Glade {
    /// From that space down; from all roots without.
    pub root: Option<String>,
    /// Of those at the top (of a root that is named: of those directly below it), the ones after that one.
    pub after: Option<String>,
    /// Branches that are open, beside those that there is room for.
    pub open: Vec<String>,
    /// Branches that are shut, although there is room for them.
    pub shut: Vec<String>,
    /// Only spaces with these words in name or labels, and the way to them.
    pub q: Option<String>,
}

/// A part of the forest.
pub struct Forest {
    /// The visible spaces above the root that was named, the uppermost first.
    pub above: Vec<Arc<SpaceInfo>>,
    /// What stands at the top.
    pub top: Vec<Branch>,
    /// How many stand at the top beside these.
    pub more: usize,
    /// The first of them comes after this one.
    pub last: Option<Uuid>,
    /// How many spaces the caller sees at all.
    pub seen: usize,
    /// How many of them a search found.
    pub found: usize,
}

/// A space, and what is shown below it.
pub struct Branch {
    /// What is known of it.
    pub info: Arc<SpaceInfo>,
    /// The strongest built-in role held, else the first custom one.
    pub role: Option<String>,
    /// May the caller do everything in it?
    pub administers: bool,
    /// Does it use its parent's shareable resources?
    pub inherits: bool,
    /// Is it, or something above it, archived?
    pub archived: bool,
    /// Is it where the caller begins?
    pub usual: bool,
    /// Did the search find it?
    pub found: bool,
    /// How many spaces lie directly below it, of those that the caller sees.
    pub below: usize,
    /// Those of them that are shown; none while it is shut.
    pub branches: Vec<Branch>,
}

/// What somebody sees, and who lies below whom of that.
struct Seen<'a> {
    dir: &'a Directory,
    sight: Sight,
    below: HashMap<SpaceIx, Vec<SpaceIx>>,
    roots: Vec<SpaceIx>,
    count: usize,
}

impl<'a> Seen<'a> {
    fn new(dir: &'a Directory, caller: &Caller, now: Micros) -> Self {
        let sight = Sight::new(&dir.world, caller, now);
        let (mut below, mut roots, mut count): (HashMap<SpaceIx, Vec<SpaceIx>>, _, _) = (HashMap::new(), Vec::new(), 0);
        for (ix, _) in sight.visible() {
            count += 1;
            let parent = dir.world.space(ix).and_then(|space| space.parent);
            match parent.filter(|parent| sight.get(*parent).is_some_and(|standing| standing.gate)) {
                Some(parent) => below.entry(parent).or_default().push(ix),
                None => roots.push(ix),
            }
        }
        Self { dir, sight, below, roots, count }
    }

    fn below(&self, space: SpaceIx) -> &[SpaceIx] {
        self.below.get(&space).map_or(&[], Vec::as_slice)
    }

    fn sees(&self, space: SpaceIx) -> bool {
        self.sight.get(space).is_some_and(|standing| standing.gate)
    }

    fn order(&self, space: SpaceIx) -> (&str, Uuid) {
        self.dir.spaces.info(space).map_or(("", Uuid::nil()), |info| (info.name.as_str(), info.id))
    }

    /// The first of some spaces by name, after one of them; and how many come after these.
    fn first(&self, spaces: &[SpaceIx], after: Option<SpaceIx>) -> (Vec<SpaceIx>, usize) {
        let after = after.map(|ix| self.order(ix));
        let behind = |ix: &SpaceIx| after.is_none_or(|after| self.order(*ix) > after);
        let mut some: Vec<SpaceIx> = spaces.iter().copied().filter(behind).collect();
        let more = some.len().saturating_sub(SIBLINGS);
        // Of thousands a few are wanted: the others need no order.
        if more > 0 {
            some.select_nth_unstable_by(SIBLINGS, |one, other| self.order(*one).cmp(&self.order(*other)));
            some.truncate(SIBLINGS);
        }
        some.sort_unstable_by(|one, other| self.order(*one).cmp(&self.order(*other)));
        (some, more)
    }

    fn named(&self, names: &[String]) -> HashSet<SpaceIx> {
        names.iter().take(NAMED).filter_map(|id| self.dir.space_ref(id)).filter(|ix| self.sees(*ix)).collect()
    }
}

/// A part of the forest that the caller sees.
///
/// # Errors
/// 401; 404 for a root that is hidden or missing; 422 for words that nothing is searched by.
pub fn forest(ctx: &Ctx, glade: &Glade) -> Result<Forest> {
    let (dir, now) = (ctx.directory(), ctx.now());
    let caller = ctx.somebody(&dir)?;
    let sought = glade.q.as_deref().map(words::sought).transpose()?;
    let root = glade.root.as_deref().map(|id| visible_space(&dir, &caller, id, now)).transpose()?;
    let seen = Seen::new(&dir, &caller, now);
    let found: Option<HashSet<SpaceIx>> = sought.map(|sought| {
        let fits = |ix: &SpaceIx| {
            dir.spaces.info(*ix).is_some_and(|info| sought.iter().all(|part| part.stands_in(info.words())))
        };
        seen.sight.visible().map(|(ix, _)| ix).filter(fits).collect()
    });
    let after = glade.after.as_deref().and_then(|id| dir.space_ref(id)).filter(|ix| seen.sees(*ix));
    let (open, shut) = (seen.named(&glade.open), seen.named(&glade.shut));
    let number = found.as_ref().map_or(0, HashSet::len);
    let mut growing = Growing { seen: &seen, shown: Vec::new(), found: found.unwrap_or_default() };
    let (tops, more) = match (&glade.q, root) {
        (Some(_), _) => (growing.ways(), number.saturating_sub(FOUND)),
        (None, Some(root)) => (vec![root], 0),
        (None, None) => seen.first(&seen.roots, after),
    };
    let last = tops.last().and_then(|ix| dir.space_id(*ix));
    growing.plant(&tops);
    let mut under = 0;
    if glade.q.is_none() {
        if let Some(root) = root {
            under = growing.open_root(root, after);
        }
        growing.grow(&open, &shut);
    }
    let last = match growing.shown.first().filter(|_| root.is_some()) {
        Some(first) => first.below.last().and_then(|at| growing.shown.get(*at)).and_then(|b| dir.space_id(b.space)),
        None => last,
    };
    let viewer = Viewer::new(&dir, &caller, now);
    let usual = usual_space(&dir, &viewer, &caller);
    let top = (0..tops.len()).filter_map(|at| growing.branch(at, usual)).collect();
    let above = root.map(|root| dir.world.ancestry(root)).unwrap_or_default();
    let mut above: Vec<Arc<SpaceInfo>> = above
        .iter()
        .skip(1)
        .take_while(|ix| seen.sees(**ix))
        .filter_map(|ix| dir.spaces.info(*ix).map(Arc::clone))
        .collect();
    above.reverse();
    Ok(Forest { above, top, more: more + under, last, seen: seen.count, found: number })
}

/// A picture while it is made: level by level, so that what is near the top has room first.
struct Growing<'a> {
    seen: &'a Seen<'a>,
    shown: Vec<Bud>,
    found: HashSet<SpaceIx>,
}

/// A space in the picture.
struct Bud {
    space: SpaceIx,
    below: Vec<usize>,
}

impl Growing<'_> {
    fn plant(&mut self, spaces: &[SpaceIx]) {
        if self.shown.is_empty() {
            self.shown.extend(spaces.iter().map(|space| Bud { space: *space, below: Vec::new() }));
        }
    }

    fn sprout(&mut self, at: usize, spaces: &[SpaceIx]) {
        let first = self.shown.len();
        self.shown.extend(spaces.iter().map(|space| Bud { space: *space, below: Vec::new() }));
        let all = (first..self.shown.len()).collect();
        if let Some(bud) = self.shown.get_mut(at) {
            bud.below = all;
        }
    }

    /// Opens the root that was asked for, from one of those below it on; answers how many come after those shown.
    fn open_root(&mut self, root: SpaceIx, after: Option<SpaceIx>) -> usize {
        let (some, more) = self.seen.first(self.seen.below(root), after);
        self.sprout(0, &some);
        more
    }

    fn grow(&mut self, open: &HashSet<SpaceIx>, shut: &HashSet<SpaceIx>) {
        let mut next: VecDeque<usize> = (0..self.shown.len()).collect();
        while let Some(at) = next.pop_front() {
            let Some(bud) = self.shown.get(at) else { continue };
            let (space, grown) = (bud.space, !bud.below.is_empty());
            let below = self.seen.below(space);
            if grown || below.is_empty() || shut.contains(&space) {
                continue;
            }
            let size = self.shown.len() + below.len().min(SIBLINGS);
            if size <= AT_ONCE || (open.contains(&space) && size <= MOST) {
                let (some, _) = self.seen.first(below, None);
                let first = self.shown.len();
                self.sprout(at, &some);
                next.extend(first..self.shown.len());
            }
        }
    }

    /// The ways from the roots to what was found, and nothing beside them; answers the roots.
    fn ways(&mut self) -> Vec<SpaceIx> {
        let mut all: Vec<SpaceIx> = self.found.iter().copied().collect();
        all.sort_unstable_by(|one, other| self.seen.order(*one).cmp(&self.seen.order(*other)));
        all.truncate(FOUND);
        let (mut kept, mut tops): (HashSet<SpaceIx>, Vec<SpaceIx>) = (HashSet::new(), Vec::new());
        for space in all {
            let chain = self.seen.dir.world.ancestry(space);
            let mut way = chain.iter().take_while(|ix| self.seen.sees(**ix)).peekable();
            while let Some(ix) = way.next() {
                let last = way.peek().is_none();
                if !kept.insert(*ix) {
                    break;
                }
                if last {
                    tops.push(*ix);
                }
            }
        }
        tops.sort_unstable_by(|one, other| self.seen.order(*one).cmp(&self.seen.order(*other)));
        self.plant(&tops);
        let mut at = 0;
        while let Some(bud) = self.shown.get(at) {
            let mut some: Vec<SpaceIx> =
                self.seen.below(bud.space).iter().copied().filter(|ix| kept.contains(ix)).collect();
            some.sort_unstable_by(|one, other| self.seen.order(*one).cmp(&self.seen.order(*other)));
            self.sprout(at, &some);
            at += 1;
        }
        tops
    }

    /// What is shown of a space; no deeper than spaces are.
    fn branch(&self, at: usize, usual: Option<SpaceIx>) -> Option<Branch> {
        let Bud { space, below } = self.shown.get(at)?;
        let (dir, standing) = (self.seen.dir, self.seen.sight.get(*space));
        let roles = standing.map(|standing| &standing.roles);
        Some(Branch {
            info: Arc::clone(dir.spaces.info(*space)?),
            role: roles.and_then(|roles| role_names(dir, roles).0),
            administers: roles.is_some_and(|roles| dir.world.roles_allow(roles, Permission::SPACE_ADMIN)),
            inherits: dir.world.space(*space).is_some_and(|space| space.inherits),
            archived: archived(&dir.world, *space),
            usual: usual == Some(*space),
            found: self.found.contains(space),
            below: self.seen.below(*space).len(),
            branches: below.iter().filter_map(|at| self.branch(*at, usual)).collect(),
        })
    }
}

/// Where the caller may put spaces.
#[derive(Clone, Debug, Default)]
pub struct Ground {
    /// Beside the roots?
    pub roots: bool,
    /// Below these, by path: the first of them.
    pub below: Vec<(Uuid, String)>,
    /// Are there more?
    pub more: bool,
    /// Is it the first space, which everything is in?
    pub first: bool,
}

impl Ground {
    /// Is there none?
    pub fn none(&self) -> bool {
        !self.roots && self.below.is_empty()
    }
}

/// May the caller make a space anywhere, as far as what they hold says it?
///
/// # Errors
/// 401.
pub fn may_make(ctx: &Ctx) -> Result<bool> {
    let dir = ctx.directory();
    let caller = ctx.somebody(&dir)?;
    if caller.system_admin {
        return Ok(true);
    }
    Ok(match dir.settings.create_spaces {
        _ if dir.implicit() => false,
        CreateSpaces::SystemAdmins => false,
        CreateSpaces::SpaceAdmins => {
            let sight = Sight::new(&dir.world, &caller, ctx.now());
            sight.visible().any(|(ix, _)| administers(&dir, &sight, ix))
        }
        CreateSpaces::Users => true,
    })
}

/// Where the caller may make a space, as far as what they hold says it; whether they may is asked when it is made.
///
/// # Errors
/// 401.
pub fn ground(ctx: &Ctx, most: usize) -> Result<Ground> {
    let dir = ctx.directory();
    let caller = ctx.somebody(&dir)?;
    if dir.implicit() {
        return Ok(Ground { roots: caller.system_admin, first: true, ..Ground::default() });
    }
    let (roots, below) = match dir.settings.create_spaces {
        _ if caller.system_admin => (true, Some(true)),
        CreateSpaces::SystemAdmins => (false, None),
        CreateSpaces::SpaceAdmins => (false, Some(false)),
        CreateSpaces::Users => (true, Some(false)),
    };
    let Some(all) = below else { return Ok(Ground { roots, ..Ground::default() }) };
    let fits = |ix: SpaceIx, sight: &Sight| all || administers(&dir, sight, ix);
    Ok(Ground { roots, ..places(ctx, &dir, &caller, most, fits) })
}

/// Where the caller may move a space, as far as what they hold says it; with `q` only to spaces that are called so.
///
/// # Errors
/// 401; 404 for a space that is hidden or missing; 422 for words that nothing is searched by.
pub fn ground_for(ctx: &Ctx, space: &SpaceView, q: Option<&str>, most: usize) -> Result<Ground> {
    let sought = q.map(words::sought).transpose()?.unwrap_or_default();
    let dir = ctx.directory();
    let caller = ctx.somebody(&dir)?;
    let top = dir.spaces.by_id::<SpaceIx>(&space.info.id).ok_or(Error::NotFound)?;
    let roots = caller.system_admin || dir.settings.create_spaces == CreateSpaces::Users;
    let called = |ix: SpaceIx| {
        sought.is_empty()
            || dir.spaces.info(ix).is_some_and(|info| sought.iter().all(|part| part.stands_in(info.words())))
    };
    let fits = |ix: SpaceIx, sight: &Sight| called(ix) && !dir.world.within(ix, top) && administers(&dir, sight, ix);
    Ok(Ground { roots, ..places(ctx, &dir, &caller, most, fits) })
}

fn administers(dir: &Directory, sight: &Sight, space: SpaceIx) -> bool {
    sight.get(space).is_some_and(|standing| dir.world.roles_allow(&standing.roles, Permission::SPACE_ADMIN))
}

fn places(ctx: &Ctx, dir: &Directory, caller: &Caller, most: usize, fits: impl Fn(SpaceIx, &Sight) -> bool) -> Ground {
    let viewer = Viewer::new(dir, caller, ctx.now());
    let sight = Sight::new(&dir.world, caller, ctx.now());
    let room = |ix: SpaceIx| !archived(&dir.world, ix) && dir.world.ancestry(ix).len() < MAX_SPACE_DEPTH;
    let all = sight.visible().map(|(ix, _)| ix).filter(|ix| fits(*ix, &sight) && room(*ix));
    let mut all: Vec<(&SpaceInfo, SpaceIx)> = all.filter_map(|ix| Some((dir.spaces.info(ix)?.as_ref(), ix))).collect();
    let order = |one: &(&SpaceInfo, SpaceIx), other: &(&SpaceInfo, SpaceIx)| {
        (&one.0.name, one.0.id).cmp(&(&other.0.name, other.0.id))
    };
    let more = all.len() > most;
    if more {
        all.select_nth_unstable_by(most, order);
        all.truncate(most);
    }
    let path = |ix| crate::access::path(dir, &viewer, ix);
    let mut below: Vec<(Uuid, String)> = all.into_iter().map(|(info, ix)| (info.id, path(ix))).collect();
    below.sort_unstable_by(|one, other| (&one.1, one.0).cmp(&(&other.1, other.0)));
    Ground { below, more, ..Ground::default() }
}

/// May the caller change the space itself, by its edit policy?
///
/// # Errors
/// 401; 404 for a space that is hidden or missing.
pub fn may_change(ctx: &Ctx, id: &str) -> Result<bool> {
    let (dir, now) = (ctx.directory(), ctx.now());
    let caller = ctx.somebody(&dir)?;
    let ix = visible_space(&dir, &caller, id, now)?;
    Ok(dir.world.decide(&caller, Target::Space(ix), Action::Write, now).allowed())
}
