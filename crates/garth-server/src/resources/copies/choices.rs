//! What a request says about references: which of what is referred to is copied, left out, or stands for another.

use super::super::store::{self, Stored};
use super::super::{name_of, target_of};
use super::Choice;
use crate::access::Write;
use crate::base::error::{Error, FieldError, Result};
use crate::base::text;
use garth_core::{Action, KindIx, SpaceIx};
use hashbrown::{HashMap, HashSet};
use std::collections::BTreeMap;

/// What is to be done with one thing that is referred to.
#[derive(Clone)]
pub(super) enum Way {
    Copy,
    Exclude,
    /// Another resource stands for it, of that id and kind.
    Use(String, KindIx),
}

/// What is to be done with everything that is referred to.
pub(super) struct Choices {
    said: HashMap<String, (Way, String)>,
    /// Said about something that nobody can see: good only if something refers to it.
    unseen: HashMap<String, String>,
    default: Way,
}

impl Choices {
    /// Reads them. A resource that stands for another must be one that the caller may view and the target may use.
    ///
    /// # Errors
    /// 422 at each that is hidden, unknown, unusable or named twice.
    pub(super) async fn read(
        w: &mut Write<'_>,
        space: SpaceIx,
        said: BTreeMap<String, Choice>,
        default: &Choice,
    ) -> Result<Self> {
        let default = if *default == Choice::Copy { Way::Copy } else { Way::Exclude };
        let mut choices = Self { said: HashMap::new(), unseen: HashMap::new(), default };
        let mut wrong = Vec::new();
        for (key, choice) in said {
            let pointer = text::pointer("/references", &key);
            let way = match choice {
                Choice::Copy => Way::Copy,
                Choice::Exclude => Way::Exclude,
                Choice::Use(other) => match usable_there(w, space, &other).await? {
                    Some((id, kind)) => Way::Use(id, kind),
                    None => {
                        wrong.push(unusable(&pointer));
                        continue;
                    }
                },
            };
            let id = match seen(w, &key).await? {
                Some(row) => row.id,
                None => {
                    choices.unseen.insert(key.clone(), pointer.clone());
                    key
                }
            };
            if choices.said.insert(id, (way, pointer.clone())).is_some() {
                wrong.push(FieldError { pointer, message: "is given twice".to_owned() });
            }
        }
        if wrong.is_empty() { Ok(choices) } else { Err(Error::Invalid(wrong)) }
    }

    /// What is to be done with that, which is itself among what is copied or not.
    pub(super) fn of(&self, id: &str, copied: bool) -> &Way {
        match self.said.get(id) {
            Some((way, _)) => way,
            None if copied => &Way::Copy,
            None => &self.default,
        }
    }

    /// What stands for that is not of the kind that a reference wants.
    pub(super) fn unfit(&self, id: &str) -> Error {
        let pointer = self.said.get(id).map_or("/references", |(_, pointer)| pointer);
        Error::Invalid(vec![unusable(pointer)])
    }

    /// Requires that everything they speak of is there, or is referred to.
    ///
    /// # Errors
    /// 422 at each that is neither: it would have been misspelt.
    pub(super) fn require_met(&self, met: &HashSet<String>) -> Result<()> {
        let idle = self.unseen.iter().filter(|(id, _)| !met.contains(*id));
        let mut wrong: Vec<FieldError> = idle
            .map(|(_, pointer)| FieldError {
                pointer: pointer.clone(),
                message: "is not a resource you can see, and nothing that is copied refers to it".to_owned(),
            })
            .collect();
        wrong.sort_by(|one, other| one.pointer.cmp(&other.pointer));
        if wrong.is_empty() { Ok(()) } else { Err(Error::Invalid(wrong)) }
    }
}

fn unusable(pointer: &str) -> FieldError {
    let message = "is not a resource that could be used in its place there".to_owned();
    FieldError { pointer: format!("{pointer}/use"), message }
}

/// The resource of that id or code, if the caller may see it.
pub(super) async fn seen(w: &mut Write<'_>, text: &str) -> Result<Option<Stored>> {
    let mut code = String::new();
    let Some(name) = name_of(text, &mut code) else { return Ok(None) };
    let Some(row) = store::get_in(w.tx(), &name).await? else { return Ok(None) };
    let target = target_of(w.dir(), &w.caller, &row, w.now);
    Ok(w.dir().world.decide(&w.caller, target, Action::Read, w.now).allowed().then_some(row))
}

async fn usable_there(w: &mut Write<'_>, space: SpaceIx, text: &str) -> Result<Option<(String, KindIx)>> {
    let Some(row) = seen(w, text).await? else { return Ok(None) };
    let Some(class) = w.dir().world.class(row.class) else { return Ok(None) };
    let fits = w.dir().world.may_use(space, row.class);
    Ok(fits.then_some((row.id, class.kind)))
}
