//! Are the resources of each space counted as they lie there? Quotas are judged by the counts. And do quotas name what is
//! there?

use super::{Report, store};
use crate::base::db::{DbError, Tx};
use crate::directory::{Directory, RESOURCES};
use garth_core::KindIx;
use std::collections::BTreeMap;
use uuid::Uuid;

type Result<T> = std::result::Result<T, DbError>;

const REPORT: &str = "report this: it is a fault of Garth's, or somebody changed the database by hand";
const SET: &str = "set the quota again, or delete it";

/// Checks all of it against the picture of the same moment.
pub(super) async fn check(tx: &mut Tx, dir: &Directory, report: &mut Report) -> Result<()> {
    let (there, counted) = (numbers(tx, store::THERE).await?, numbers(tx, store::COUNTED).await?);
    report.count("counts", counted.len() as u64);
    for (space, kind) in there.keys().chain(counted.keys().filter(|of| !there.contains_key(*of))) {
        let of = (space.clone(), kind.clone());
        let (lie, says) = (there.get(&of).unwrap_or(&0), counted.get(&of).unwrap_or(&0));
        if lie != says {
            let problem = format!("says {says} resources of the kind {kind}, and there are {lie}");
            report.found("counts", format!("resource_counts {space}"), problem, REPORT);
        }
    }
    for row in tx.query(store::QUOTAS, &[]).await? {
        let (space, meter) = (row.text(0)?, row.text(1)?);
        let place = format!("quotas {space} {meter}");
        report.count("quotas", 1);
        let kind = meter.strip_prefix(RESOURCES).and_then(|rest| rest.strip_prefix('.'));
        if kind.is_some_and(|kind| dir.kinds.by_name::<KindIx>(kind).is_none()) {
            report.found("references", &place, "counts resources of a kind that is not there", SET);
        }
        let roles: Option<Vec<Uuid>> = row.opt_text(2)?.map(|roles| serde_json::from_str(roles).unwrap_or_default());
        let gone = |id: &Uuid| dir.roles.by_id::<garth_core::RoleIx>(id).is_none();
        if roles.is_some_and(|roles| roles.is_empty() || roles.iter().any(gone)) {
            report.found("references", &place, "is for roles that are not there", SET);
        }
    }
    Ok(())
}

/// Space, kind, and how many.
async fn numbers(tx: &mut Tx, sql: &str) -> Result<BTreeMap<(String, String), i64>> {
    let mut numbers = BTreeMap::new();
    tx.each(sql, &[], |row| {
        numbers.insert((row.text(0)?.to_owned(), row.text(1)?.to_owned()), row.int(2)?);
        Ok(())
    })
    .await?;
    Ok(numbers)
}
