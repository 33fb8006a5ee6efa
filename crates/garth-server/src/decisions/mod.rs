//! Decisions as others ask for them: OpenID AuthZEN Authorization API 1.0, and why.
//!
//! Whose questions a caller may ask is said in [`asking`]; a space's administrators may ask why about the
//! people they can see there. Answers hold the decision and its reason only: the same question gets the same bytes.

pub mod api;
mod asking;
pub mod explore;
pub mod search;
mod subjects;
pub mod wire;

use crate::access::{self, Ctx, Explanation, Viewer};
use crate::base::error::{Error, Result};
use crate::directory::Directory;
use crate::directory::policy::Sees;
use crate::resources::{self, Rows};
use asking::{Asking, space_of};
use garth_core::{
    Action, Caller, Decision, Given, KindIx, Micros, Outcome, Permission, Principal, SpaceIx, Standing, Target,
};
use hashbrown::{HashMap, HashSet};
use std::sync::Arc;
use subjects::{Subjects, caller_of};

/// How often a batch is begun anew because the picture changed under it; then it is 503.
const ROUNDS: usize = 16;

/// An entity of a question: a type and an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Entity<'a> {
    /// `user`, `group`, `key`, `resource`, `space`, or a kind.
    pub kind: &'a str,
    /// Its id; users and groups also as `@name`, resources also by code.
    pub id: &'a str,
}

/// May this subject do this to that?
#[derive(Clone, Debug, PartialEq)]
pub struct Question<'a> {
    /// Who.
    pub subject: Entity<'a>,
    /// `read`, `write`, or a permission.
    pub action: &'a str,
    /// To what.
    pub resource: Entity<'a>,
    /// What the asker says of subject, action and resource.
    pub given: Given,
}

/// The action of a name on a resource type, if that type knows it.
pub fn action(dir: &Directory, resource_type: &str, name: &str) -> Option<Action> {
    let space = resource_type == "space";
    let own = name.strip_prefix(resource_type).and_then(|rest| rest.strip_prefix(':'));
    match own.filter(|_| !space).unwrap_or(name) {
        "read" => Some(Action::Read),
        "write" => Some(Action::Write),
        // To delete is to write, unless the kind tells the two apart.
        "delete" if !space && dir.permission(&format!("{resource_type}:delete")).is_none() => Some(Action::Write),
        // On a space, any permission may be asked for: may they do that there?
        permission if space => dir.permission(permission).map(Action::Use),
        verb if !verb.contains(':') => dir.permission(&format!("{resource_type}:{verb}")).map(Action::Use),
        _ => None,
    }
}

/// What a question is about, once found, and whether its row was known without reading; unknown things are `None`,
/// like hidden ones later.
async fn found(
    ctx: &Ctx,
    resource: &Entity<'_>,
    subject: impl Fn(&Directory) -> Option<Caller>,
) -> Result<(Option<Found>, bool)> {
    if resource.kind == "space" {
        return Ok((ctx.directory().space_ref(resource.id).map(Found::Space), false));
    }
    let (found, known) = resources::target(ctx, subject, resource.id).await?;
    let dir = ctx.directory();
    let kind = dir.kinds.by_name::<KindIx>(resource.kind);
    Ok((found.filter(|found| kind == Some(found.kind)).map(Found::Resource), known))
}

/// What a question is about, found for one subject; what that comes to, a picture says.
enum Found {
    Space(SpaceIx),
    Resource(resources::Found),
}

impl Found {
    fn id(&self, dir: &Directory) -> String {
        match self {
            Self::Space(space) => dir.space_id(*space).map(|id| id.to_string()).unwrap_or_default(),
            Self::Resource(found) => found.id().to_owned(),
        }
    }

    fn target(&self, dir: &Directory, subject: &Caller, now: Micros) -> Target {
        match self {
            Self::Space(space) => Target::Space(*space),
            Self::Resource(found) => found.target(dir, subject, now),
        }
    }
}

/// The same for explaining, which is asked rarely and always reads.
async fn found_afresh(
    ctx: &Ctx,
    resource: &Entity<'_>,
    subject: impl Fn(&Directory) -> Option<Caller>,
) -> Result<Option<Found>> {
    let (found, known) = found(ctx, resource, subject).await?;
    if known {
        resources::look_in_vain(ctx, &[resource.id]).await?;
    }
    Ok(found)
}

/// How a question ends.
///
/// # Errors
/// 403 when the caller may not ask about that subject; when the store fails.
pub async fn evaluate(ctx: &Ctx, question: &Question<'_>) -> Result<Outcome> {
    let subjects = Subjects::read(ctx, &[question.subject]).await?;
    // Also for subjects that nobody knows: whether one may ask is told without them.
    let asked = |dir: &Directory| Some(subjects.caller(ctx, dir, &question.subject).unwrap_or_else(Caller::anonymous));
    let (target, known) = found(ctx, &question.resource, asked).await?;
    let ended = decide(ctx, question, &subjects, target);
    // Whoever is told nothing pays for a look, whether there is something or not.
    if known && !matches!(ended, Ok(Outcome::Allowed | Outcome::Forbidden(_))) {
        resources::look_in_vain(ctx, &[question.resource.id]).await?;
    }
    ended
}

fn decide(ctx: &Ctx, question: &Question<'_>, subjects: &Subjects, found: Option<Found>) -> Result<Outcome> {
    // The row first and the picture second: what was revoked before the answer is not allowed.
    let dir = ctx.directory();
    let asking = Asking::of(ctx, &dir)?;
    let who = subjects.principal(ctx, &dir, &question.subject);
    let subject = caller_of(ctx, &dir, who);
    let nobody = Caller::anonymous();
    let target = found.as_ref().map(|found| found.target(&dir, subject.as_ref().unwrap_or(&nobody), ctx.now()));
    let target = asking.target(&dir, who, target)?;
    let action = action(&dir, question.resource.kind, question.action);
    Ok(match (subject, found, target, action) {
        (Some(subject), Some(found), Some(target), Some(action)) => {
            let subject = with(subject, &question.given);
            let decision = dir.world.decide(&subject, target, action, ctx.now());
            note(ctx, &dir, (asking.caller(), who), (question, found.id(&dir), target), &decision);
            asking.outcome(&dir, who, &decision)
        }
        _ => Outcome::Missing,
    })
}

/// Puts a question on record, if an application asked it on behalf of a resource.
fn note(
    ctx: &Ctx,
    dir: &Directory,
    (asker, who): (&Caller, Option<Principal>),
    (question, id, target): (&Question<'_>, String, Target),
    decision: &Decision,
) {
    let Some(space) = space_of(dir, target) else { return };
    // Through a window it was judged by what the subject holds elsewhere.
    let there = match (decision.window, who) {
        (Some(_), Some(Principal::Resource(ix))) => dir.world.standing(&Caller::resource(ix), space, ctx.now()),
        _ => decision.standing.clone(),
    };
    let about = subjects::About {
        action: "decision.evaluate",
        space,
        target: (question.resource.kind, id),
        asked: question.action,
        roles: &there.roles,
        decision: Some(decision.allowed()),
    };
    subjects::note(ctx, dir, asker, who, about);
}

/// The subject of a question with what the question says.
fn with(mut subject: Caller, given: &Given) -> Caller {
    subject.given = given.clone();
    subject
}

/// How each of many questions ends, or why it may not be asked. Every subject is worked out once, and all
/// resources are read at once.
///
/// # Errors
/// When the store fails.
pub async fn evaluate_each(ctx: &Ctx, questions: &[Question<'_>]) -> Result<Vec<Result<Outcome>>> {
    let resources = questions.iter().map(|q| q.resource).filter(|resource| resource.kind != "space");
    let rows = resources::rows(ctx, resources.map(|resource| resource.id)).await?;
    let subjects = Subjects::read(ctx, &questions.iter().map(|question| question.subject).collect::<Vec<_>>()).await?;
    // Bounded: somebody may be writing without pause.
    for _ in 0..ROUNDS {
        let dir = ctx.directory();
        let many = Many::new(ctx, &dir, questions, &subjects)?;
        let follows = many.follows(ctx, questions, &rows).await?;
        let needs = many.needs(ctx, questions, &rows).await?;
        // Who follows what, and what requires what, was read for this picture; another one may ask for more.
        if (follows.is_none() && needs.is_none()) || Arc::ptr_eq(&dir, &ctx.directory()) {
            let read = Read { rows: &rows, follows: follows.unwrap_or_default(), needs: needs.unwrap_or_default() };
            let mut known = Known::default();
            let ends: Vec<Result<Outcome>> =
                questions.iter().map(|question| many.one(ctx, question, &read, &mut known)).collect();
            // As in [`evaluate`]: what is hidden and known costs as much as what is not there.
            let hidden = questions.iter().zip(&ends).filter(|(question, end)| {
                !matches!(end, Ok(Outcome::Allowed | Outcome::Forbidden(_))) && rows.known(question.resource.id)
            });
            resources::look_in_vain(ctx, &hidden.map(|(question, _)| question.resource.id).collect::<Vec<_>>()).await?;
            return Ok(ends);
        }
    }
    Err(Error::Unavailable)
}

/// Everything that many questions have in common, worked out once.
struct Many<'a> {
    dir: &'a Directory,
    asking: Asking,
    subjects: HashMap<Entity<'a>, (Option<Principal>, Option<Caller>)>,
    actions: HashMap<(&'a str, &'a str), Option<Action>>,
}

/// What was found out while answering: where the caller may ask about others, and what subjects are in spaces.
#[derive(Default)]
struct Known<'a> {
    there: HashMap<SpaceIx, bool>,
    standings: HashMap<(Entity<'a>, SpaceIx), Standing>,
}

/// Who follows what, as pairs of the resource's id and a principal.
type Follows = HashSet<(String, String)>;

/// What was read for many questions.
struct Read<'a> {
    rows: &'a Rows,
    follows: Follows,
    /// Those before which others must be seen, by id, read together with these.
    needs: HashMap<String, resources::Asked>,
}

impl<'a> Many<'a> {
    fn new(ctx: &Ctx, dir: &'a Directory, questions: &[Question<'a>], subjects: &Subjects) -> Result<Self> {
        let asking = Asking::of(ctx, dir)?;
        let mut many = Self { dir, asking, subjects: HashMap::new(), actions: HashMap::new() };
        for question in questions {
            many.subjects.entry(question.subject).or_insert_with(|| {
                let who = subjects.principal(ctx, dir, &question.subject);
                (who, caller_of(ctx, dir, who))
            });
            let kind = question.resource.kind;
            many.actions.entry((kind, question.action)).or_insert_with(|| action(dir, kind, question.action));
        }
        Ok(many)
    }

    /// Who of the subjects follows what of the resources, where that could matter; `None` where it cannot.
    async fn follows(&self, ctx: &Ctx, questions: &[Question<'_>], rows: &Rows) -> Result<Option<Follows>> {
        let (mut ids, mut people) = (HashSet::new(), HashSet::new());
        for question in questions {
            let Some(row) = rows.get(question.resource.id).filter(|row| row.asks_subscribers(self.dir)) else {
                continue;
            };
            if let Some((_, Some(subject))) = self.subjects.get(&question.subject)
                && let Some(me) = access::identity(self.dir, subject)
            {
                ids.insert(row.id.as_str());
                people.insert(me);
            }
        }
        if ids.is_empty() {
            return Ok(None);
        }
        resources::follows(ctx, &ids, &people).await.map(Some)
    }

    /// What of the resources others must be seen before, read together with these; `None` where nothing requires any.
    async fn needs(
        &self,
        ctx: &Ctx,
        questions: &[Question<'_>],
        rows: &Rows,
    ) -> Result<Option<HashMap<String, resources::Asked>>> {
        let asked = questions.iter().filter_map(|question| rows.get(question.resource.id));
        let ids: HashSet<&str> = asked.filter(|row| self.requires(row)).map(|row| row.id.as_str()).collect();
        if ids.is_empty() {
            return Ok(None);
        }
        let subjects = self.subjects.values().filter_map(|(_, subject)| subject.as_ref());
        let people = subjects.filter_map(|subject| access::identity(self.dir, subject)).collect();
        resources::needing(ctx, &ids, Some(&people)).await.map(Some)
    }

    fn requires(&self, row: &resources::Asked) -> bool {
        self.dir.class_requires(row.class)
    }

    fn one(&self, ctx: &Ctx, question: &Question<'a>, read: &Read<'_>, known: &mut Known<'a>) -> Result<Outcome> {
        let (dir, now) = (self.dir, ctx.now());
        let (who, subject) = self.subjects.get(&question.subject).map_or((None, None), |(who, s)| (*who, s.as_ref()));
        // Also for subjects that nobody knows: whether one may ask is told without them.
        let target = match subject {
            Some(subject) => self.target(&question.resource, subject, read, now),
            None => self.target(&question.resource, &Caller::anonymous(), read, now),
        };
        let place = target.and_then(|target| space_of(dir, target));
        let there =
            || place.is_some_and(|space| *known.there.entry(space).or_insert_with(|| self.asking.there(dir, space)));
        let may_ask = self.asking.about(who, there)?;
        let action = self.actions.get(&(question.resource.kind, question.action)).copied().flatten();
        let (Some(subject), Some(target), Some(space), Some(action), true) = (subject, target, place, action, may_ask)
        else {
            return Ok(Outcome::Missing);
        };
        let standing = known.standings.entry((question.subject, space));
        let standing = standing.or_insert_with(|| dir.world.standing(subject, space, now)).clone();
        let decision = if question.given == Given::default() {
            dir.world.decide_with(subject, standing, target, action, now)
        } else {
            dir.world.decide_with(&with(subject.clone(), &question.given), standing, target, action, now)
        };
        if let Some(Principal::Resource(_)) = who {
            let row = read.rows.get(question.resource.id);
            let id = row.map_or_else(|| question.resource.id.to_owned(), |row| row.id.clone());
            note(ctx, dir, (self.asking.caller(), who), (question, id, target), &decision);
        }
        Ok(self.asking.outcome(dir, who, &decision))
    }

    fn target(&self, resource: &Entity<'_>, subject: &Caller, read: &Read<'_>, now: Micros) -> Option<Target> {
        let dir = self.dir;
        if resource.kind == "space" {
            return dir.space_ref(resource.id).map(Target::Space);
        }
        let mut row = read.rows.get(resource.id)?;
        if self.requires(row) {
            row = read.needs.get(&row.id)?;
        }
        let kind = dir.world.class(row.class)?.kind;
        let follows = !read.follows.is_empty()
            && access::identity(dir, subject).is_some_and(|me| read.follows.contains(&(row.id.clone(), me)));
        (dir.kinds.by_name(resource.kind) == Some(kind)).then(|| row.target(dir, subject, follows, now))
    }
}

/// Why somebody may or may not: to themselves, to the administrators of the space about people
/// they can see, and to the command line.
///
/// # Errors
/// 403 for everybody else, whether the things named exist or not.
pub async fn explain(ctx: &Ctx, question: &Question<'_>) -> Result<Explanation> {
    let subjects = Subjects::read(ctx, &[question.subject]).await?;
    let found = found_afresh(ctx, &question.resource, |dir| subjects.caller(ctx, dir, &question.subject)).await?;
    // What it is to the one who asks: they must see it themselves.
    let seen = found_afresh(ctx, &question.resource, |dir| ctx.caller(dir).ok()).await?;
    let (dir, now) = (ctx.directory(), ctx.now());
    let asking = Asking::of(ctx, &dir)?;
    let caller = asking.caller();
    let who = subjects.principal(ctx, &dir, &question.subject);
    let of_others = !caller.system && !asking.itself(who);
    if of_others {
        let seen = seen.map(|seen| seen.target(&dir, caller, now));
        let seen = seen.filter(|seen| dir.world.decide(caller, *seen, Action::Read, now).allowed());
        may_explain(&dir, caller, who, seen, now)?;
    }
    let action = action(&dir, question.resource.kind, question.action);
    let subject = caller_of(ctx, &dir, who).unwrap_or_else(Caller::anonymous);
    let subject = with(subject, &question.given);
    let target = found.map(|found| found.target(&dir, &subject, now));
    // An action that the type does not know is explained like a target that is not there.
    let target = target.filter(|_| action.is_some());
    Ok(access::explain(&dir, (caller, of_others), &subject, target, action.unwrap_or(Action::Read), now))
}

fn may_explain(
    dir: &Directory,
    caller: &Caller,
    subject: Option<Principal>,
    target: Option<Target>,
    now: Micros,
) -> Result<()> {
    let refused = || Error::Forbidden("only administrators of the space may ask why about others".to_owned());
    let space = target.and_then(|target| space_of(dir, target)).ok_or_else(refused)?;
    let admin = dir.world.decide(caller, Target::Space(space), Action::Use(Permission::SPACE_ADMIN), now);
    let seen = match subject {
        // Of resources, only those that they may view are subjects to them.
        Some(Principal::Resource(_)) => true,
        subject => subject.is_some_and(|p| Viewer::new(dir, caller, now).principal(p)),
    };
    if admin.allowed() && seen { Ok(()) } else { Err(refused()) }
}
