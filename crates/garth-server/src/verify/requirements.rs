//! Is what must be seen before a resource written down as bodies say it? Decisions and lists ask what is written.

use super::{Report, store};
use crate::base::db::{DbError, Tx, params};
use crate::directory::Directory;
use crate::resources::requirements::{of, reached};
use garth_core::KindIx;
use hashbrown::HashMap;
use serde_json::Value;

type Result<T> = std::result::Result<T, DbError>;

/// What helps: a body that is saved writes it down anew.
const SAVE: &str = "save its body again, and those of what requires it";

/// Checks all of it against the kinds of the same moment.
pub(super) async fn check(tx: &mut Tx, dir: &Directory, report: &mut Report) -> Result<()> {
    let (mut direct, mut written): (Links, Links) = Default::default();
    let mut rows = 0;
    tx.each(store::REQUIREMENTS, &[], |row| {
        rows += 1;
        let (id, required) = (row.text(0)?, row.text(1)?.to_owned());
        if row.bool(2)? {
            direct.entry(id.to_owned()).or_default().push(required.clone());
        }
        written.entry(id.to_owned()).or_default().push(required);
        Ok(())
    })
    .await?;
    report.count("requirements", rows);
    let mut other = Vec::new();
    for (_, kind) in dir.kinds.iter::<KindIx>() {
        if kind.definition.references.iter().all(|reference| reference.requires.is_none()) {
            continue;
        }
        tx.each(store::OF_KIND, &params![kind.id.to_string()], |row| {
            let body: Value = serde_json::from_str(row.text(1)?).unwrap_or_default();
            if direct.get(row.text(0)?).map_or(&[][..], Vec::as_slice) != of(kind, &body) {
                other.push(row.text(0)?.to_owned());
            }
            Ok(())
        })
        .await?;
    }
    let whole = |id: &String, all: &Vec<String>| reached(&direct, id) == *all;
    other.extend(written.iter().filter(|(id, all)| !whole(id, all)).map(|(id, _)| id.clone()));
    other.sort_unstable();
    other.dedup();
    for id in other {
        report.found("references", format!("resources {id}"), "is not held back by what its body requires", SAVE);
    }
    Ok(())
}

/// Ids by the id that leads to them, sorted.
type Links = HashMap<String, Vec<String>>;
