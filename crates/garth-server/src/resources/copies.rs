//! Copies: resources made anew in another space, with what they refer to or without it, all of them or none.
//!
//! [`plan`] works out what would become of each, changing nothing; a preview is that and no more. A copy is
//! independent of its source afterwards: it has an id, a code and an author of its own, and no owner or subscribers.

pub mod api;
mod body;
mod choices;
mod names;
mod plan;

use super::store::{self, Stored};
use super::{record, references, requirements, state};
use crate::access::{Ctx, Record, Write, archived, visible_space, write};
use crate::base::error::{Error, Result};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Most resources of one copy, what comes along by references included.
pub const COPIES: usize = 500;
/// Most bytes that their bodies hold together.
pub const COPY_BYTES: usize = 16 * 1024 * 1024;
/// Most things that they refer to.
pub const REFERENCES: usize = 2_000;
/// Most references that a request says something about.
pub const CHOICES: usize = 500;

/// What to do with what a copied resource refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Copy it as well, and what it refers to.
    Copy,
    /// Leave the reference out.
    Exclude,
    /// Refer to that resource, by id or code.
    Use(String),
}

/// What to do where the target has a resource of that kind and name, which the caller may view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnConflict {
    /// Give the copy another name.
    #[default]
    Rename,
    /// Copy nothing, and let references name what is there.
    Skip,
    /// Put the source's contents into what is there.
    Replace,
}

/// What is to be copied.
#[derive(Clone, Debug)]
pub struct Order {
    /// Ids or codes.
    pub resources: Vec<String>,
    /// What to do with single things that they refer to, by id or code.
    pub references: BTreeMap<String, Choice>,
    /// What to do with all others.
    pub default_reference: Choice,
    /// What to do about conflicts.
    pub on_conflict: OnConflict,
}

/// What becomes of one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has a copy.
    Copied,
    /// It has a copy of another name.
    Renamed,
    /// Its contents are in what was there.
    Replaced,
    /// Something of its name is there, or it is there itself.
    Skipped,
    /// It cannot be without a reference that it would lose.
    MissingReference,
    /// The caller may not copy it, or not to there.
    NotAllowed,
}

/// One resource that was to be copied.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its id.
    pub source: String,
    /// What becomes of it.
    pub outcome: Outcome,
    /// The id of what is in the target for it.
    pub copy: Option<String>,
    /// The name of that.
    pub name: Option<String>,
    /// Why it became of it.
    pub reason: Option<String>,
}

/// Copies resources into a space, or answers what would become of each.
///
/// # Errors
/// 404 for a space that is hidden or missing, 409 `archived`, 422 with pointers; and 409 `conflict` with the outcomes
/// when one of them is `not_allowed` or `missing_reference`, unless it was only asked what would happen.
pub async fn copy(ctx: &Ctx, space: String, order: Order) -> Result<Vec<Item>> {
    if order.resources.is_empty() || order.resources.len() > COPIES {
        return Err(Error::field("/resources", format!("must be 1 to {COPIES} resources")));
    }
    if order.references.len() > CHOICES {
        return Err(Error::field("/references", format!("must be at most {CHOICES}")));
    }
    let preview = ctx.dry_run;
    write(ctx, "resource.copy", async move |w: &mut Write<'_>| {
        let space = visible_space(w.dir(), &w.caller, &space, w.now)?;
        if archived(&w.dir().world, space) {
            return Err(Error::conflict("archived", "the space is archived: nothing can be put there"));
        }
        let copies = plan::make(w, space, order).await?;
        let items = plan::items(&copies);
        if copies.iter().any(plan::Copy::stands_in_the_way) {
            let items = items.into_iter().map(without_copy).collect::<Vec<_>>();
            if preview {
                return Ok(items);
            }
            let why = "not all of it can be copied, so nothing was: see the items";
            return Err(Error::ConflictAt(why.to_owned(), api::written(items)));
        }
        carry_out(w, &copies).await?;
        Ok(items)
    })
    .await
}

/// Where nothing is copied, no copy has an id.
fn without_copy(item: Item) -> Item {
    let copy = item.copy.filter(|_| matches!(item.outcome, Outcome::Skipped | Outcome::Replaced));
    Item { copy, ..item }
}

/// Makes what was planned.
async fn carry_out(w: &mut Write<'_>, copies: &[plan::Copy]) -> Result<()> {
    for copy in copies {
        let Some(made) = &copy.made else { continue };
        let (before, row) = match &made.instead_of {
            Some(there) => {
                store::update(w, &made.permit, there, &made.row).await?;
                (state(w.dir(), there), made.row.clone())
            }
            None => {
                let number = w.next_number();
                let code = w.dir().codes.code(&copy.kind.definition.prefix, number)?;
                let row = Stored { code, ..made.row.clone() };
                store::insert(w, &made.permit, &row, number).await?;
                (Value::Null, row)
            }
        };
        let after = state(w.dir(), &row);
        record(w, copy.to, &copy.kind, &row, before, after).await?;
        // The space it was taken from sees that it was, but not where to.
        let (target_type, target_id) = (copy.kind.definition.name.as_str(), copy.source.id.clone());
        let after = json!({ "copied": "to another space" });
        w.record(Record { space: Some(copy.from), target_type, target_id, before: Value::Null, after }).await?;
    }
    // Only now is everything there that one of them follows or requires.
    for copy in copies {
        let Some(made) = &copy.made else { continue };
        references::follow(w, &made.permit, &made.row.id, &made.leaders).await?;
        let before = made.instead_of.as_ref().map_or(&[][..], |there| &there.requires);
        if made.row.requires != before {
            requirements::keep(w, &made.permit, &mut made.row.clone()).await?;
        }
    }
    Ok(())
}
