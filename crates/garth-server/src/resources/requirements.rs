//! What must be seen before a resource: the references of its body that its kind marks `requires: "view"`, and what
//! those require in turn. It is written down whole with every change, so that a check and a list ask one flat question.

use super::references::ids_at;
use super::store::requirements as store;
use super::store::{Stored, requirements_of};
use crate::access::{Permit, Write};
use crate::base::error::{Error, Result};
use crate::directory::KindInfo;
use hashbrown::{HashMap, HashSet};
use serde_json::Value;

/// Most resources that one requires, those counted that it requires by way of others.
pub const REQUIRED: usize = 32;
/// Most resources that may require one whose own requirements change.
pub const REQUIRING: usize = 500;
/// Steps along requirements that are followed when they are written down; a circle ends sooner.
const STEPS: usize = 64;

/// The ids that a body requires, its references being ids already; sorted, each once.
pub fn of(kind: &KindInfo, body: &Value) -> Vec<String> {
    let required = kind.definition.references.iter().filter(|reference| reference.requires.is_some());
    let mut ids: Vec<String> = required.flat_map(|reference| ids_at(body, &reference.pointer)).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Writes down what a resource requires that was just written, for itself and for what requires it, and reads all that
/// must be seen before it.
///
/// # Errors
/// 422 for more than [`REQUIRED`]; 409 `conflict` where more than [`REQUIRING`] would have to follow, or would require
/// too much by it.
pub async fn keep(w: &mut Write<'_>, permit: &Permit, row: &mut Stored) -> Result<()> {
    store::put_direct(w.tx(), permit, &row.id, &row.requires).await?;
    let mut following = store::dependents(w.tx(), &row.id, REQUIRING + 1).await?;
    if following.len() > REQUIRING {
        let detail = format!("more than {REQUIRING} resources require this one, so what it requires cannot change");
        return Err(Error::conflict("conflict", detail));
    }
    following.push(row.id.clone());
    let edges = edges(w, &following).await?;
    for id in &following {
        let all = reached(&edges, id);
        if all.len() > REQUIRED {
            return Err(if *id == row.id {
                Error::field("/body", format!("requires more than {REQUIRED} resources, those of others counted"))
            } else {
                let detail = format!("something that requires this one would require more than {REQUIRED} resources");
                Error::conflict("conflict", detail)
            });
        }
        let direct = edges.get(id).map_or(&[][..], Vec::as_slice);
        let indirect: Vec<String> = all.into_iter().filter(|other| !direct.contains(other)).collect();
        store::put_indirect(w.tx(), permit, id, &indirect).await?;
    }
    row.needed = requirements_of(w.tx(), &row.id).await?;
    Ok(())
}

/// Refuses to take something away that another resource requires: nobody could see that one any more.
///
/// # Errors
/// 409 `conflict`.
pub async fn not_required(w: &mut Write<'_>, id: &str) -> Result<()> {
    if store::dependents(w.tx(), id, 1).await?.is_empty() {
        return Ok(());
    }
    Err(Error::conflict("conflict", "something else requires this one and could not be seen without it"))
}

/// What these resources' bodies require, and those of all that they lead to.
async fn edges(w: &mut Write<'_>, from: &[String]) -> Result<HashMap<String, Vec<String>>> {
    let mut edges: HashMap<String, Vec<String>> = HashMap::new();
    let mut next: Vec<String> = from.to_vec();
    for _ in 0..STEPS {
        next.retain(|id| !edges.contains_key(id));
        if next.is_empty() {
            break;
        }
        let list = serde_json::json!(next).to_string();
        edges.extend(next.drain(..).map(|id| (id, Vec::new())));
        for (id, required) in store::direct(w.tx(), &list).await? {
            next.push(required.clone());
            edges.entry(id).or_default().push(required);
        }
        next.sort_unstable();
        next.dedup();
    }
    Ok(edges)
}

/// Everything that a resource leads to, sorted; itself where it leads back.
pub fn reached(edges: &HashMap<String, Vec<String>>, from: &str) -> Vec<String> {
    let mut met: HashSet<&str> = HashSet::new();
    let mut next: Vec<&str> = vec![from];
    while let Some(id) = next.pop() {
        for required in edges.get(id).into_iter().flatten() {
            if met.insert(required) {
                next.push(required);
            }
        }
    }
    let mut all: Vec<String> = met.into_iter().map(str::to_owned).collect();
    all.sort_unstable();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_reaches_itself_and_a_chain_does_not() {
        let edge = |from: &str, to: &[&str]| (from.to_owned(), to.iter().map(|t| (*t).to_owned()).collect());
        let edges: HashMap<String, Vec<String>> = [edge("a", &["b"]), edge("b", &["c", "d"]), edge("d", &["b"])].into();
        assert_eq!(reached(&edges, "a"), ["b", "c", "d"]);
        assert_eq!(reached(&edges, "b"), ["b", "c", "d"]);
        assert!(reached(&edges, "c").is_empty());
    }
}
