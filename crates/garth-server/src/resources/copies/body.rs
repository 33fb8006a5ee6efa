//! What a copy holds: the source's body with its references turned, its secrets sealed for the target, its policies.

use super::super::body::{self, Before};
use super::super::references::{self, leave_out};
use super::super::store::Stored;
use super::super::{belongs, own_policy, requirements, target_of};
use super::Outcome;
use super::choices::{Choices, Way};
use super::plan::{Copy, Made};
use crate::access::{Permit, Write, identity};
use crate::base::error::{Error, Result};
use garth_core::{Action, ClassIx, KindIx};
use hashbrown::{HashMap, HashSet};
use serde_json::Value;

/// Why something cannot be copied after all.
type Hindered = (Outcome, String);

/// Works out what is written for each; what cannot be is told as its outcome.
///
/// # Errors
/// 422 at a choice that does not fit a reference; when the store fails.
pub(super) async fn compose(
    w: &mut Write<'_>,
    copies: &mut [Copy],
    choices: &Choices,
    asked_for: &HashSet<String>,
) -> Result<()> {
    let stand_ins = copies.iter().map(|copy| (copy.source.id.clone(), (copy.id.clone(), copy.kind_ix))).collect();
    let turns = Turns { stand_ins, choices, asked_for };
    for copy in copies.iter_mut().filter(|copy| copy.goes()) {
        let Some(permit) = copy.permit else { continue };
        match one(w, copy, permit, &turns).await? {
            Ok(made) => copy.made = Some(made),
            Err((outcome, reason)) => {
                copy.outcome = outcome;
                copy.reason = Some(reason);
            }
        }
    }
    Ok(())
}

/// What references of a copy name instead of what the source's do.
struct Turns<'a> {
    /// By the id of the source.
    stand_ins: HashMap<String, (String, KindIx)>,
    choices: &'a Choices,
    asked_for: &'a HashSet<String>,
}

impl Turns<'_> {
    /// Turns every reference of a body. Answers which are to be left out.
    fn turn(&self, w: &Write<'_>, copy: &Copy, body: &mut Value) -> Result<Result<Vec<String>, Hindered>> {
        let mut out = Vec::new();
        for reference in references::named(&copy.kind, body) {
            let wanted = w.dir().kinds.by_name::<KindIx>(&reference.kind);
            let other = match self.choices.of(&reference.id, self.asked_for.contains(&reference.id)) {
                Way::Exclude => {
                    out.push(reference.place);
                    continue;
                }
                Way::Use(id, kind) if Some(*kind) == wanted => id,
                Way::Use(..) => return Err(self.choices.unfit(&reference.id)),
                Way::Copy => match self.stand_ins.get(&reference.id) {
                    Some((id, kind)) if Some(*kind) == wanted => id,
                    _ => {
                        let why = format!("/body{} names nothing that you could copy", reference.place);
                        return Ok(Err((Outcome::MissingReference, why)));
                    }
                },
            };
            if let Some(place) = body.pointer_mut(&reference.place) {
                *place = Value::String(other.clone());
            }
        }
        Ok(Ok(out))
    }
}

async fn one(w: &mut Write<'_>, copy: &Copy, permit: Permit, turns: &Turns<'_>) -> Result<Result<Made, Hindered>> {
    let source = &copy.source;
    let (mut whole, sealed) = body::read(&source.body, &source.secrets)?;
    let bare = body::mark_all(&mut whole, Some(&copy.kind), &sealed);
    body::unmark(&mut whole, bare);
    let out = match turns.turn(w, copy, &mut whole)? {
        Ok(out) => out,
        Err(hindered) => return Ok(Err(hindered)),
    };
    let secrets: Vec<&str> =
        copy.kind.definition.secret_fields.iter().chain(sealed.keys()).map(String::as_str).collect();
    leave_out(&mut whole, &out, &secrets);
    let leaders = references::leaders(&copy.kind, &whole);
    let requires = requirements::of(&copy.kind, &whole);
    let kept = Some(Before { resource: &source.id, space: copy.from, sealed: &sealed });
    let stored = match body::prepare(w, &permit, &copy.kind, &copy.id, copy.to, whole, kept).await {
        Err(Error::Invalid(fields)) => {
            let why: Vec<String> = fields.iter().map(|f| format!("{} {}", f.pointer, f.message)).collect();
            let why = why.join("; ");
            return Ok(Err(match out.is_empty() {
                true => (Outcome::NotAllowed, format!("its body does not fit its kind any more: {why}")),
                false => (Outcome::MissingReference, format!("without a reference that is left out, {why}")),
            }));
        }
        stored => stored?,
    };
    let (labels, (body, secrets)) = (source.labels.clone(), (stored.open, stored.sealed));
    if let Some(there) = &copy.instead_of {
        let version = there.version + 1;
        let owner = belongs::brought(w, &copy.kind, there.owner.clone());
        let row = Stored { labels, body, secrets, requires, version, owner, updated_at: w.now, ..there.clone() };
        return Ok(Ok(Made { row, instead_of: Some(there.clone()), leaders, permit }));
    }
    let class = match class_of(w, copy).await? {
        Ok(class) => class,
        Err(hindered) => return Ok(Err(hindered)),
    };
    let row = Stored {
        id: copy.id.clone(),
        // Its number is taken when it is made.
        code: String::new(),
        class,
        name: copy.name.clone(),
        body,
        secrets,
        author: identity(w.dir(), &w.caller).unwrap_or_default(),
        owner: belongs::brought(w, &copy.kind, String::new()),
        archived: false,
        version: 1,
        created_at: w.now,
        updated_at: w.now,
        labels,
        subscribers: Vec::new(),
        requires,
        needed: Vec::new(),
    };
    let target = target_of(w.dir(), &w.caller, &row, w.now);
    if !w.dir().world.decide(&w.caller, target, Action::Write, w.now).allowed() {
        return Ok(Err((Outcome::NotAllowed, "you would not be able to see and edit the copy".to_owned())));
    }
    Ok(Ok(Made { row, instead_of: None, leaders, permit }))
}

/// The copy's class: policies of its own go along, if the caller could have written them. Shares stay behind.
async fn class_of(w: &mut Write<'_>, copy: &Copy) -> Result<Result<ClassIx, Hindered>> {
    let gone = || Error::internal("a resource of a class that is gone");
    let info = w.dir().class_info(copy.source.class).ok_or_else(gone)?.clone();
    let mut policies = [String::new(), String::new()];
    for (policy, (own, what)) in policies.iter_mut().zip([(&info.view, "view"), (&info.edit, "edit")]) {
        let Some(own) = own else { continue };
        match own_policy(w, own, "") {
            Ok(text) => *policy = text,
            Err(Error::Invalid(_)) => {
                let why = format!("its {what} policy names somebody or something that you cannot see");
                return Ok(Err((Outcome::NotAllowed, why)));
            }
            Err(other) => return Err(other),
        }
    }
    let [view, edit] = policies;
    w.class((copy.to, copy.kind_ix, view, edit, String::new())).await.map(Ok)
}
