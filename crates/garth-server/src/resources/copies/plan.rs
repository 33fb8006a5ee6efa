//! What would become of each resource: who comes along, what bears its name in the target, and whether the caller may.

use super::super::references;
use super::super::store::{self, Name, Stored};
use super::super::{may_put, target_of};
use super::choices::{Choices, Way, seen};
use super::names;
use super::{COPIES, COPY_BYTES, Item, OnConflict, Order, Outcome, REFERENCES, body};
use crate::access::{self, Permit, Write};
use crate::base::error::{Error, FieldError, Result};
use crate::base::ids;
use crate::directory::KindInfo;
use garth_core::{Action, KindIx, Permission, SpaceIx, Target};
use hashbrown::{HashMap, HashSet};
use std::collections::VecDeque;
use std::sync::Arc;

/// One resource that is to be copied, and what becomes of it.
pub(super) struct Copy {
    pub source: Stored,
    pub kind: Arc<KindInfo>,
    pub kind_ix: KindIx,
    pub from: SpaceIx,
    pub to: SpaceIx,
    pub outcome: Outcome,
    /// The id of what is in the target for it.
    pub id: String,
    /// The name of that.
    pub name: String,
    pub reason: Option<String>,
    /// For writing it, where it is written.
    pub permit: Option<Permit>,
    /// What it replaces.
    pub instead_of: Option<Stored>,
    /// What is written, once that is known.
    pub made: Option<Made>,
}

/// What is written for a resource.
pub(super) struct Made {
    pub row: Stored,
    pub instead_of: Option<Stored>,
    pub leaders: Vec<String>,
    pub permit: Permit,
}

impl Copy {
    /// May nothing be copied because of it?
    pub(super) fn stands_in_the_way(&self) -> bool {
        matches!(self.outcome, Outcome::MissingReference | Outcome::NotAllowed)
    }

    /// Is something written for it?
    pub(super) fn goes(&self) -> bool {
        matches!(self.outcome, Outcome::Copied | Outcome::Renamed | Outcome::Replaced)
    }

    pub(super) fn ends(mut self, outcome: Outcome, reason: impl Into<String>) -> Self {
        self.outcome = outcome;
        self.reason = Some(reason.into());
        self
    }
}

/// The plan as it is answered.
pub(super) fn items(copies: &[Copy]) -> Vec<Item> {
    let item = |copy: &Copy| Item {
        source: copy.source.id.clone(),
        outcome: copy.outcome,
        copy: (!copy.stands_in_the_way()).then(|| copy.id.clone()),
        name: (!copy.stands_in_the_way()).then(|| copy.name.clone()),
        reason: copy.reason.clone(),
    };
    copies.iter().map(item).collect()
}

/// Works out what would become of everything that is named and of what comes along: first those that were named, in
/// their order, then what they refer to.
///
/// # Errors
/// 422 with pointers: what is hidden or unknown, named twice, or too much.
pub(super) async fn make(w: &mut Write<'_>, to: SpaceIx, order: Order) -> Result<Vec<Copy>> {
    let mut waiting = named(w, &order.resources).await?;
    let choices = Choices::read(w, to, order.references, &order.default_reference).await?;
    let asked_for: HashSet<String> = waiting.iter().map(|row| row.id.clone()).collect();
    let mut looked_up = asked_for.clone();
    let mut planner = Planner { to, on_conflict: order.on_conflict, taken: HashSet::new(), classes: HashMap::new() };
    let (mut copies, mut met, mut bytes) = (Vec::new(), HashSet::new(), 0);
    while let Some(row) = waiting.pop_front() {
        bytes += row.body.len() + row.secrets.len();
        if copies.len() == COPIES || bytes > COPY_BYTES {
            let most = format!("with what comes along, must be at most {COPIES} resources and {COPY_BYTES} bytes");
            return Err(Error::field("/resources", most));
        }
        let named = asked_for.contains(&row.id);
        let copy = planner.consider(w, row, named).await?;
        let (open, _) = super::super::body::read(&copy.source.body, &copy.source.secrets)?;
        for reference in references::named(&copy.kind, &open) {
            met.insert(reference.id.clone());
            if met.len() > REFERENCES {
                return Err(Error::field("/resources", format!("must refer to at most {REFERENCES} things")));
            }
            let wanted = matches!(choices.of(&reference.id, asked_for.contains(&reference.id)), Way::Copy);
            if copy.goes() && wanted && looked_up.insert(reference.id.clone()) {
                let found = seen(w, &reference.id).await?.filter(|row| row.id == reference.id);
                waiting.extend(found.filter(|row| kind_of(w, row).as_deref() == Some(&reference.kind)));
            }
        }
        copies.push(copy);
    }
    choices.require_met(&met)?;
    body::compose(w, &mut copies, &choices, &asked_for).await?;
    Ok(copies)
}

fn kind_of(w: &Write<'_>, row: &Stored) -> Option<String> {
    let class = w.dir().world.class(row.class)?;
    w.dir().kinds.info(class.kind).map(|kind| kind.definition.name.clone())
}

/// The resources that were named.
async fn named(w: &mut Write<'_>, texts: &[String]) -> Result<VecDeque<Stored>> {
    let (mut rows, mut wrong, mut met) = (VecDeque::new(), Vec::new(), HashSet::new());
    for (at, text) in texts.iter().enumerate() {
        let mut refuse =
            |message: &str| wrong.push(FieldError { pointer: format!("/resources/{at}"), message: message.to_owned() });
        match seen(w, text).await? {
            Some(row) if met.insert(row.id.clone()) => rows.push_back(row),
            Some(_) => refuse("is given twice"),
            None => refuse("is not a resource you can see"),
        }
    }
    if wrong.is_empty() { Ok(rows) } else { Err(Error::Invalid(wrong)) }
}

struct Planner {
    to: SpaceIx,
    on_conflict: OnConflict,
    /// Names that something else of this request bears in the target.
    taken: HashSet<(KindIx, String)>,
    /// The classes in the target that the caller may see, by kind.
    classes: HashMap<KindIx, String>,
}

impl Planner {
    async fn consider(&mut self, w: &mut Write<'_>, row: Stored, named: bool) -> Result<Copy> {
        let gone = || Error::internal("a resource of a class that is gone");
        let class = w.dir().world.class(row.class).ok_or_else(gone)?.clone();
        let kind = Arc::clone(w.dir().kinds.info(class.kind).ok_or_else(gone)?);
        let mut copy = Copy {
            id: row.id.clone(),
            name: row.name.clone(),
            source: row,
            kind,
            kind_ix: class.kind,
            from: class.space,
            to: self.to,
            outcome: Outcome::Copied,
            reason: None,
            permit: None,
            instead_of: None,
            made: None,
        };
        if copy.from == self.to {
            return Ok(match named {
                true => copy.ends(Outcome::NotAllowed, "it lies in this space already"),
                false => copy.ends(Outcome::Skipped, "it lies in this space already, and is referred to as it is"),
            });
        }
        match may_take(w, &copy) {
            Err(Error::Forbidden(why)) => return Ok(copy.ends(Outcome::NotAllowed, format!("where it lies, {why}"))),
            may => may?,
        }
        match may_put(w, copy.kind_ix, self.to) {
            Err(Error::Forbidden(why)) => return Ok(copy.ends(Outcome::NotAllowed, format!("in the target, {why}"))),
            permit => copy.permit = Some(permit?),
        }
        self.settle_name(w, copy).await
    }

    /// What a conflict makes of it: the same kind and name in the target, where the caller may see it.
    async fn settle_name(&mut self, w: &mut Write<'_>, mut copy: Copy) -> Result<Copy> {
        let key = (copy.kind_ix, copy.name.clone());
        let classes = self.classes.entry(copy.kind_ix).or_insert_with(|| names::classes(w, self.to, copy.kind_ix));
        let there = names::there(w, classes, std::slice::from_ref(&copy.name)).await?;
        let earlier = self.taken.contains(&key);
        match (self.on_conflict, there.as_slice()) {
            (_, []) if !earlier => copy.id = ids::new_id(w.now).to_string(),
            (OnConflict::Skip, [first, ..]) => {
                copy.id.clone_from(&first.asked.id);
                return Ok(copy.ends(Outcome::Skipped, "a resource of its kind and name is there"));
            }
            (OnConflict::Replace, [only]) if !earlier => {
                let id = only.asked.id.clone();
                copy = replace(w, copy, id).await?;
            }
            (OnConflict::Replace, [_, _, ..]) if !earlier => {
                let why = "several resources of its kind and name are there, and it is not clear which to replace";
                return Ok(copy.ends(Outcome::NotAllowed, why));
            }
            _ => match names::free(w, classes, copy.kind_ix, &copy.name, &self.taken).await? {
                Some(name) => {
                    copy.id = ids::new_id(w.now).to_string();
                    copy.name = name;
                    copy = copy.ends(Outcome::Renamed, "a resource of its kind and name is there, or copied with it");
                }
                None => return Ok(copy.ends(Outcome::NotAllowed, "there are too many copies of that name")),
            },
        }
        self.taken.insert((copy.kind_ix, copy.name.clone()));
        Ok(copy)
    }
}

/// Contents go into what is there; its id, code, policies and people stay, so that nothing else has to change.
async fn replace(w: &mut Write<'_>, mut copy: Copy, id: String) -> Result<Copy> {
    let there = store::get_in(w.tx(), &Name::Id(&id)).await?.ok_or_else(|| Error::internal("a resource went away"))?;
    let target = target_of(w.dir(), &w.caller, &there, w.now);
    match w.may(target, Action::Write) {
        Err(Error::Forbidden(why)) => {
            Ok(copy.ends(Outcome::NotAllowed, format!("what bears its name there may not be replaced: {why}")))
        }
        permit => {
            copy.permit = Some(permit?);
            copy.id = id;
            copy.instead_of = Some(there);
            Ok(copy.ends(Outcome::Replaced, "a resource of its kind and name is there"))
        }
    }
}

/// May the caller take a copy away from where the resource lies? Credentials go with the administrators only.
fn may_take(w: &Write<'_>, copy: &Copy) -> Result<()> {
    let noun = w.dir().world.kind(copy.kind_ix).ok_or(Error::NotFound)?.noun;
    let target = target_of(w.dir(), &w.caller, &copy.source, w.now);
    access::check(w.dir(), &w.caller, target, Action::Use(Permission::write(noun)), w.now)?;
    if !copy.kind.definition.secret_fields.is_empty() || copy.source.secrets != "{}" {
        let admin = Action::Use(Permission::SPACE_ADMIN);
        access::check(w.dir(), &w.caller, Target::Space(copy.from), admin, w.now)?;
    }
    Ok(())
}
