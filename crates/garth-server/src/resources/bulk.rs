//! Many resources made at once in one space, naming each other by the ids they had where they come from. All of them or
//! none; everything wrong is told, with the line it stands on.

use super::references::{self, Beside, resolve_among};
use super::requirements;
use super::store::{self, Stored};
use super::{NewResource, SUBSCRIBERS, belongs, body, keep_access, may_put, own_policy, person, state, target_of};
use crate::access::{Permit, Record, Write, identity};
use crate::base::error::{ERRORS, Error, FieldError, Result};
use crate::base::told::Told;
use crate::base::{ids, text};
use crate::directory::KindInfo;
use garth_core::{Action, ClassIx, KindIx, Permission, SpaceIx, Target};
use hashbrown::HashMap;
use serde_json::{Value, json};
use std::sync::Arc;

/// Rows that are written together.
const STEP: usize = 256;

/// One of them, as it was read.
pub struct Draft {
    /// The id it had.
    pub source: Option<String>,
    /// What it is to be; its space counts for nothing.
    pub new: NewResource,
    /// Archived from the start.
    pub archived: bool,
    /// Pointers at which a mark stands in the place of a secret.
    pub marked: Vec<String>,
}

/// Where the drafts come from: each is read twice, so that never all of them are in memory.
pub trait Drafts {
    /// How many there are.
    fn count(&self) -> usize;
    /// The line of one, counted from 1.
    fn line(&self, at: usize) -> usize;
    /// Reads one.
    ///
    /// # Errors
    /// 422 with pointers into it.
    fn read(&self, at: usize) -> Result<Draft>;
}

/// What was made.
#[derive(Debug, Default)]
pub struct Made {
    /// How many.
    pub resources: usize,
    /// Secrets that were marks only, and are not there: line and pointer.
    pub left_out: Vec<(usize, String)>,
}

/// One of them, as far as it is known before its body is looked at.
struct Plan {
    id: String,
    kind: KindIx,
    class: ClassIx,
    name: String,
    labels: Vec<String>,
    author: String,
    owner: String,
    subscribers: Vec<String>,
    guarded: bool,
}

/// What was looked up already: many name the same people, policies and kinds.
#[derive(Default)]
struct Met {
    kinds: HashMap<String, (KindIx, Permit)>,
    people: HashMap<String, String>,
    policies: HashMap<String, String>,
}

/// Everything wrong that was found so far.
#[derive(Default)]
struct Wrong(Vec<FieldError>);

impl Wrong {
    /// Takes what is wrong with a line; anything that is not about its fields ends the whole.
    fn took<T>(&mut self, line: usize, result: Result<T>) -> Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(Error::Invalid(fields)) => {
                let at = |f: FieldError| FieldError { pointer: format!("/lines/{line}{}", f.pointer), ..f };
                self.0.extend(fields.into_iter().map(at));
                if self.0.len() < ERRORS { Ok(None) } else { Err(Error::Invalid(std::mem::take(&mut self.0))) }
            }
            Err(Error::Malformed(why)) => {
                let invalid = Error::field("", why);
                self.took(line, Err(invalid))
            }
            Err(Error::Conflict(code, why)) => Err(Error::Conflict(code, format!("line {line}: {why}"))),
            Err(other) => Err(other),
        }
    }

    fn none(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::Invalid(self.0)) }
    }
}

/// Makes them. Authors are kept for administrators of the space, as far as they can see them; for everybody else the author
/// is the caller. `told` hears how far it is.
///
/// # Errors
/// 403 without `<kind>:write` there, 409 `archived` or `lockout`, 422 with everything that is wrong.
pub async fn put_all(w: &mut Write<'_>, space: SpaceIx, drafts: &impl Drafts, told: &Told) -> Result<Made> {
    let (mut met, mut wrong) = (Met::default(), Wrong::default());
    let (mut plans, mut beside, mut lines) = (Vec::new(), HashMap::new(), HashMap::new());
    let administers = Action::Use(Permission::SPACE_ADMIN);
    let keep_authors = w.dir().world.decide(&w.caller, Target::Space(space), administers, w.now).allowed();
    for at in 0..drafts.count() {
        tell(told, "Checking", at, drafts.count());
        let line = drafts.line(at);
        let planned = match drafts.read(at) {
            Ok(draft) => plan(w, space, &mut met, keep_authors, &draft).await.map(|plan| (draft.source, plan)),
            Err(error) => Err(error),
        };
        let Some((source, plan)) = wrong.took(line, planned)? else { continue };
        if let Some(source) = source {
            if let Some(first) = lines.insert(source.clone(), line) {
                wrong.took::<()>(line, Err(Error::field("/id", format!("stands on line {first} already"))))?;
            }
            let target = target_of(w.dir(), &w.caller, &row_of(&plan, w.now), w.now);
            beside.insert(source, Beside { id: plan.id.clone(), target, kind: plan.kind });
        }
        plans.push((at, plan));
    }
    wrong.none()?;
    write_all(w, space, drafts, plans, &Around { beside: &beside, met: &met, told }).await
}

/// What is known of all of them when they are written, and who hears of it.
struct Around<'a> {
    beside: &'a HashMap<String, Beside>,
    met: &'a Met,
    told: &'a Told,
}

/// Tells how far it is, once for every step.
fn tell(told: &Told, stage: &str, done: usize, all: usize) {
    if done.is_multiple_of(STEP) {
        told(stage, done as u64, all as u64);
    }
}

async fn write_all(
    w: &mut Write<'_>,
    space: SpaceIx,
    drafts: &impl Drafts,
    plans: Vec<(usize, Plan)>,
    Around { beside, met, told }: &Around<'_>,
) -> Result<Made> {
    let (mut made, mut wrong, mut rows) = (Made::default(), Wrong::default(), Vec::with_capacity(STEP));
    let mut bound = Vec::new();
    let count = plans.len();
    for (number, (at, plan)) in plans.into_iter().enumerate() {
        tell(told, "Writing", number, count);
        let line = drafts.line(at);
        let kind = Arc::clone(w.dir().kinds.info(plan.kind).ok_or(Error::NotFound)?);
        let permit = met.kinds.get(&kind.definition.name).map(|(_, permit)| *permit).ok_or(Error::NotFound)?;
        let draft = drafts.read(at)?;
        let mut given = draft.new.body.unwrap_or_else(|| json!({}));
        // Made one after the other, so that they stay in their order.
        let made_at = w.now - i64::try_from(count - 1 - number).unwrap_or(0);
        made.left_out.extend(unmark(&kind, &mut given, &draft.marked).into_iter().map(|pointer| (line, pointer)));
        let row = Stored { archived: draft.archived, ..row_of(&plan, made_at) };
        let row = filled(w, &permit, &kind, space, row, given, beside).await;
        let Some((row, leaders)) = wrong.took(line, row)? else { continue };
        if plan.guarded {
            wrong.took(line, keep_access(w, &row))?;
        }
        if !wrong.0.is_empty() {
            continue;
        }
        let number = w.next_number();
        let code = w.dir().codes.code(&kind.definition.prefix, number)?;
        let row = Stored { code, ..row };
        if !leaders.is_empty() || !row.requires.is_empty() {
            let bare = Stored { body: String::new(), secrets: String::new(), ..row.clone() };
            bound.push((line, permit, bare, leaders));
        }
        rows.push((number, kind, row));
        made.resources += 1;
        if rows.len() == STEP {
            flush(w, &permit, space, &mut rows).await?;
        }
    }
    if !wrong.0.is_empty() {
        return Err(Error::Invalid(wrong.0));
    }
    if let Some((_, permit)) = met.kinds.values().next() {
        flush(w, permit, space, &mut rows).await?;
    }
    // Only now is everything there that one of them follows or requires.
    for (line, permit, mut row, leaders) in bound {
        references::follow(w, &permit, &row.id, &leaders).await?;
        if !row.requires.is_empty() {
            wrong.took(line, requirements::keep(w, &permit, &mut row).await)?;
            wrong.took(line, keep_access(w, &row))?;
        }
    }
    wrong.none()?;
    Ok(made)
}

async fn flush(
    w: &mut Write<'_>,
    permit: &Permit,
    space: SpaceIx,
    rows: &mut Vec<(i64, Arc<KindInfo>, Stored)>,
) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    store::insert_all(w, permit, rows.iter().map(|(number, _, row)| (*number, row))).await?;
    let record = |(_, kind, row): &'_ (i64, Arc<KindInfo>, Stored), after: Value| {
        (kind.definition.name.clone(), row.id.clone(), after)
    };
    let entries: Vec<(String, String, Value)> =
        rows.iter().map(|entry| record(entry, state(w.dir(), &entry.2))).collect();
    let records = entries.iter().map(|(kind, id, after)| Record {
        space: Some(space),
        target_type: kind,
        target_id: id.clone(),
        before: Value::Null,
        after: after.clone(),
    });
    w.record_all(space, records.collect()).await?;
    rows.clear();
    Ok(())
}

async fn plan(w: &mut Write<'_>, space: SpaceIx, met: &mut Met, keep_authors: bool, draft: &Draft) -> Result<Plan> {
    let new = &draft.new;
    let kind = match met.kinds.get(&new.kind) {
        Some((kind, _)) => *kind,
        None => {
            let unknown = || Error::field("/kind", "is not a known kind");
            let kind = w.dir().kinds.by_name::<KindIx>(&new.kind).ok_or_else(unknown)?;
            met.kinds.insert(new.kind.clone(), (kind, may_put(w, kind, space)?));
            kind
        }
    };
    let name = text::name("/name", &new.name)?;
    let labels = text::labels("/labels", &new.labels)?;
    let owner = match &new.owner {
        Some(owner) => known(w, met, "/owner", owner)?,
        None => String::new(),
    };
    let owner = match w.dir().kinds.info(kind) {
        Some(info) => belongs::brought(w, info, owner),
        None => owner,
    };
    if new.subscribers.len() > SUBSCRIBERS {
        return Err(Error::field("/subscribers", format!("must be at most {SUBSCRIBERS}")));
    }
    let each = new.subscribers.iter().enumerate();
    let each = each.map(|(at, text)| known(w, met, &format!("/subscribers/{at}"), text));
    let mut subscribers = each.collect::<Result<Vec<_>>>()?;
    subscribers.sort();
    subscribers.dedup();
    let kept = match &new.author {
        Some(author) if keep_authors => known(w, met, "/author", author).ok(),
        _ => None,
    };
    let author = kept.unwrap_or_else(|| identity(w.dir(), &w.caller).unwrap_or_default());
    let view = new.view.as_ref().map(|p| policy(w, met, p, "/view")).transpose()?.unwrap_or_default();
    let edit = new.edit.as_ref().map(|p| policy(w, met, p, "/edit")).transpose()?.unwrap_or_default();
    let guarded = !(view.is_empty() && edit.is_empty());
    let class = w.class((space, kind, view, edit, String::new())).await?;
    let id = ids::new_id(w.now).to_string();
    Ok(Plan { id, kind, class, name, labels, author, owner, subscribers, guarded })
}

fn known(w: &Write<'_>, met: &mut Met, pointer: &str, text: &str) -> Result<String> {
    if let Some(found) = met.people.get(text) {
        return Ok(found.clone());
    }
    let found = person(w, pointer, text)?;
    met.people.insert(text.to_owned(), found.clone());
    Ok(found)
}

fn policy(w: &Write<'_>, met: &mut Met, value: &Value, pointer: &str) -> Result<String> {
    let written = value.to_string();
    if let Some(found) = met.policies.get(&written) {
        return Ok(found.clone());
    }
    let found = own_policy(w, value, pointer)?;
    met.policies.insert(written, found.clone());
    Ok(found)
}

/// The row without its body and its code.
fn row_of(plan: &Plan, made_at: garth_core::Micros) -> Stored {
    Stored {
        id: plan.id.clone(),
        code: String::new(),
        class: plan.class,
        name: plan.name.clone(),
        body: String::new(),
        secrets: String::new(),
        author: plan.author.clone(),
        owner: plan.owner.clone(),
        archived: false,
        version: 1,
        created_at: made_at,
        updated_at: made_at,
        labels: plan.labels.clone(),
        subscribers: plan.subscribers.clone(),
        requires: Vec::new(),
        needed: Vec::new(),
    }
}

/// The row with its body, references resolved, checked, secrets sealed; and whom it follows.
async fn filled(
    w: &mut Write<'_>,
    permit: &Permit,
    kind: &KindInfo,
    space: SpaceIx,
    row: Stored,
    mut given: Value,
    beside: &HashMap<String, Beside>,
) -> Result<(Stored, Vec<String>)> {
    resolve_among(w, kind, space, &mut given, beside).await?;
    let (leaders, requires) = (references::leaders(kind, &given), requirements::of(kind, &given));
    let stored = body::prepare(w, permit, kind, &row.id, space, given, None).await?;
    Ok((Stored { body: stored.open, secrets: stored.sealed, requires, ..row }, leaders))
}

/// Takes marks out that stand in the place of secrets; answers where they stood.
fn unmark(kind: &KindInfo, given: &mut Value, marked: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for pointer in kind.definition.secret_fields.iter().chain(marked) {
        if given.pointer(pointer).is_some_and(body::is_marker) {
            body::take(given, pointer);
            found.push(format!("/body{pointer}"));
        }
    }
    found
}
