//! Are the words that resources are found by those of their names, labels and bodies?

use super::{Report, store};
use crate::base::db::{DbError, Row, Tx, params};
use crate::directory::{Directory, load};
use crate::resources::Words;
use garth_core::{KindIx, Micros};
use std::collections::HashMap;
use uuid::Uuid;

type Result<T> = std::result::Result<T, DbError>;

/// What helps: each change of a name cuts the words anew.
const RENAME: &str = "give it another name and then its own again: its words are cut anew";

/// Checks all of it against the kinds of the same moment. What still waits for being cut is no fault.
pub(super) async fn check(
    tx: &mut Tx,
    now: Micros,
    report: &mut Report,
    stages: &mut dyn FnMut(&'static str, u64, u64),
) -> Result<()> {
    let dir = load::read_in(tx, now).await?;
    let mut after = 0;
    loop {
        let rows = tx.query(store::FOUND_BY, &params![after]).await?;
        let Some(last) = rows.last().map(|row| row.int(0)).transpose()? else { break };
        let labels =
            by_number(&tx.query(store::LABELS, &params![after, last]).await?, |row| row.text(1).map(str::to_owned))?;
        let terms = by_number(&tx.query(store::TERMS, &params![after, last]).await?, |row| {
            Ok((row.text(1)?.to_owned(), row.int(2)?))
        })?;
        for row in &rows {
            let number = row.int(0)?;
            let none = (Vec::new(), Vec::new());
            resource(&dir, row, labels.get(&number).unwrap_or(&none.0), terms.get(&number).unwrap_or(&none.1), report)?;
        }
        stages("Words", last.unsigned_abs(), dir.next_number.unsigned_abs());
        after = last;
    }
    for row in tx.query(store::LEFT_TERMS, &[]).await? {
        let place = format!("resource_terms {}", row.int(0)?);
        report.found("words", place, "belong to no resource", "delete these rows; nobody finds anything by them");
    }
    Ok(())
}

fn by_number<T>(rows: &[Row], read: impl Fn(&Row) -> Result<T>) -> Result<HashMap<i64, Vec<T>>> {
    let mut found: HashMap<i64, Vec<T>> = HashMap::new();
    for row in rows {
        found.entry(row.int(0)?).or_default().push(read(row)?);
    }
    Ok(found)
}

fn resource(dir: &Directory, row: &Row, labels: &[String], terms: &[(String, i64)], report: &mut Report) -> Result<()> {
    let kind = Uuid::try_parse(row.text(5)?).ok().and_then(|id| dir.kinds.by_id::<KindIx>(&id));
    let kind = kind.and_then(|ix| dir.kinds.info(ix));
    let cut = row.opt_int(6)?;
    if kind.is_some_and(|kind| !kind.search_ready && cut != Some(kind.search_cut)) {
        return Ok(());
    }
    report.count("words", terms.len() as u64);
    let right = Words::of(kind.map(|kind| &**kind), row.text(3)?, labels, row.text(4)?);
    let place = format!("resources {}", row.text(1)?);
    let there = Words {
        head: row.opt_text(7)?.unwrap_or_default().to_owned(),
        body: row.opt_text(8)?.unwrap_or_default().to_owned(),
        cut: cut.unwrap_or(-1),
    };
    let mut list: Vec<&String> = terms.iter().map(|(term, _)| term).collect();
    list.sort_unstable();
    if there != right || !list.into_iter().eq(&right.terms()) {
        report.found("words", &place, "is not found by the words that it holds", RENAME);
    }
    let class = row.int(2)?;
    if terms.iter().any(|(_, of)| *of != class) {
        report.found("words", &place, "is found where it does not lie", RENAME);
    }
    Ok(())
}
