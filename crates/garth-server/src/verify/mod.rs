//! Looks an installation over: its schema, the engine's own checks, everything that names something else, every policy,
//! every sealed secret, the picture that decisions are made on, and the chains of the audit.
//!
//! It reads one moment, beside a server that may be running, and changes nothing. Each finding says what is wrong, where,
//! and what to do.

mod counts;
mod references;
mod requirements;
mod store;
mod words;

use crate::access::{Config, chains, check_chain};
use crate::base::db::{Db, DbError, Mode, Shape, Tx};
use crate::base::secrets::Vault;
use crate::base::secrets::file::find as find_key;
use crate::directory::{Directory, load};
use crate::login_policies;
use garth_core::{Action, Caller, SpaceIx, Target};
use std::collections::BTreeMap;

/// Findings of one check that are listed; of more, the number is told.
const LISTED: usize = 50;

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The check that found it: `schema`, `engine`, `references`, `policies`, `tree`, `codes`, `secrets`, `words`, `counts`,
    /// `picture`, `audit`.
    pub check: &'static str,
    /// Where, as a table and an id.
    pub place: String,
    /// What is wrong there.
    pub problem: String,
    /// What to do about it.
    pub remedy: &'static str,
}

/// Where a log ends; kept elsewhere, it shows later that nothing was put back.
#[derive(Clone, Debug)]
pub struct LogEnd {
    /// The space whose log it is; empty for the system's.
    pub space: String,
    /// Entries that are there.
    pub entries: u64,
    /// The number of the last one.
    pub last: i64,
    /// What binds everything up to it.
    pub mac: String,
}

/// What came out.
#[derive(Debug, Default)]
pub struct Report {
    /// What is wrong; nothing is good news.
    pub findings: Vec<Finding>,
    /// How much was looked at, by what it is.
    pub checked: BTreeMap<&'static str, u64>,
    /// The ends of the logs.
    pub logs: Vec<LogEnd>,
    more: BTreeMap<&'static str, u64>,
}

impl Report {
    fn found(
        &mut self,
        check: &'static str,
        place: impl Into<String>,
        problem: impl Into<String>,
        remedy: &'static str,
    ) {
        let listed = self.findings.iter().filter(|finding| finding.check == check).count();
        if listed < LISTED {
            self.findings.push(Finding { check, place: place.into(), problem: problem.into(), remedy });
        } else {
            *self.more.entry(check).or_default() += 1;
        }
    }

    fn count(&mut self, what: &'static str, number: u64) {
        *self.checked.entry(what).or_default() += number;
    }

    /// Takes the answer of a check; one that failed is a finding itself.
    fn took<T>(&mut self, check: &'static str, what: &str, answer: Result<T, DbError>) -> Option<T> {
        match answer {
            Ok(answer) => Some(answer),
            Err(error) => {
                self.found(
                    check,
                    what,
                    format!("cannot be read: {error}"),
                    "mend what else is listed, or restore a backup",
                );
                None
            }
        }
    }
}

/// Looks everything over. `stages` is told what is being done, how much is done, and of how much.
///
/// # Errors
/// When the database cannot be opened at all, or its schema is another version's.
pub async fn verify(config: &Config, stages: &mut dyn FnMut(&'static str, u64, u64)) -> Result<Report, DbError> {
    let mut report = Report::default();
    let db = Db::open(&config.target, Mode::ReadOnly).await?;
    let mut tx = db.snapshot().await?;
    stages("Schema", 0, 1);
    let expected = Shape::expected().await?;
    schema(&mut tx, &expected, &mut report).await?;
    stages("Engine", 0, 1);
    let complaints = tx.complaints().await;
    for complaint in report.took("engine", "database", complaints).unwrap_or_default() {
        report.found("engine", "database", complaint, "stop the server and restore a backup; the disk may be failing");
    }
    // After an error PostgreSQL answers nothing more in that moment: what follows looks at another one.
    let mut tx = db.snapshot().await?;
    enforced(&mut tx, &expected, &mut report).await;
    let vault = key(config, &mut db.snapshot().await?, &mut report).await;
    let mut tx = db.snapshot().await?;
    let picture = load::read_in(&mut tx, config.clock.now()).await;
    if let Some(dir) = report.took("picture", "directory", picture) {
        decides(&dir, config.clock.now(), &mut report);
        for (policy, problem) in login_policies::unreadable(&dir).await {
            let place = format!("login policies {policy}");
            report.found(
                "references",
                place,
                problem,
                "save it anew; as it is nobody but local administrators comes in",
            );
        }
        let looked = references::check(&mut tx, &dir, vault.as_ref(), &mut report, stages).await;
        report.took("references", "database", looked);
        let looked = requirements::check(&mut tx, &dir, &mut report).await;
        report.took("references", "database", looked);
        let looked = counts::check(&mut tx, &dir, &mut report).await;
        report.took("counts", "database", looked);
        let looked = words::check(&mut db.snapshot().await?, config.clock.now(), &mut report, stages).await;
        report.took("words", "database", looked);
    }
    if let Some(vault) = &vault {
        let looked = audit(&db, vault, &mut report, stages).await;
        report.took("audit", "audit", looked);
    }
    for (check, more) in std::mem::take(&mut report.more) {
        let problem = format!("{more} more findings of this kind");
        report.findings.push(Finding {
            check,
            place: "database".to_owned(),
            problem,
            remedy: "mend those and look again",
        });
    }
    Ok(report)
}

async fn schema(tx: &mut Tx, expected: &Shape, report: &mut Report) -> Result<(), DbError> {
    let found = Shape::of(tx).await?;
    report.count("tables", expected.tables.len() as u64);
    for (place, problem) in found.lacks(expected) {
        report.found("schema", place, problem, "restore a backup; nothing but Garth may change its schema");
    }
    Ok(())
}

/// The references that the schema itself enforces; an engine that was told to look away has not.
async fn enforced(tx: &mut Tx, expected: &Shape, report: &mut Report) {
    for (table, shape) in &expected.tables {
        for (column, to, key) in &shape.references {
            let rows = store::dangling(tx, table, column, to, key, LISTED).await;
            let Some(rows) = report.took("references", table, rows) else { return };
            for (row, names) in rows {
                let problem = format!("{column} names {names}, which is not in {to}");
                report.found(
                    "references",
                    format!("{table} {row}"),
                    problem,
                    "restore a backup from before the damage",
                );
            }
        }
    }
}

/// The installation's key, if it is at hand and the right one.
async fn key(config: &Config, tx: &mut Tx, report: &mut Report) -> Option<Vault> {
    const PUT_BACK: &str = "put the right key into DIR/master-key, or into GARTH_MASTER_KEY, and look again";
    let proof = store::key_proof(tx).await;
    let proof = report.took("secrets", "installation's key", proof)?;
    let find = |dir| find_key(dir, proof.as_deref());
    let found = config.data_dir.as_deref().map(find).transpose().map_err(|e| DbError::Other(e.to_string()));
    let vault = report.took("secrets", "installation's key", found)?.flatten();
    match (vault, proof) {
        (Some(vault), Some(proof)) if vault.knows(&proof) => {
            let ring = store::key_ring(tx).await;
            let ring = report.took("secrets", "installation's key", ring)?;
            let ringed = vault.with_ring(ring.as_deref()).map_err(|e| DbError::Other(e.to_string()));
            report.took("secrets", "keys under the installation's", ringed)
        }
        (Some(_), Some(_)) => {
            report.found("secrets", "installation's key", "is not the one that everything was sealed with", PUT_BACK);
            None
        }
        (None, Some(_)) => {
            report.found(
                "secrets",
                "installation's key",
                "is missing: neither secrets nor the audit could be checked",
                PUT_BACK,
            );
            None
        }
        (_, None) => {
            report.found(
                "secrets",
                "installation's key",
                "was never written down",
                "start the server once, and look again",
            );
            None
        }
    }
}

/// A picture loaded afresh decides: whoever may see everything sees every space.
fn decides(dir: &Directory, now: garth_core::Micros, report: &mut Report) {
    let mut spaces = 0;
    for (ix, info) in dir.spaces.iter::<SpaceIx>() {
        spaces += 1;
        if !dir.world.decide(&Caller::system(), Target::Space(ix), Action::Read, now).allowed() {
            let place = format!("spaces {}", info.id);
            report.found("picture", place, "is not decided on", "report this: it is a fault of Garth's");
        }
    }
    report.count("spaces", spaces);
}

async fn audit(
    db: &Db,
    vault: &Vault,
    report: &mut Report,
    stages: &mut dyn FnMut(&'static str, u64, u64),
) -> Result<(), DbError> {
    const KEEP: &str = "somebody changed the database by hand: find out who, and compare with a backup";
    let called = |space: &str| match space {
        "" => "audit of the system".to_owned(),
        space => format!("audit of the space {space}"),
    };
    for row in db.scan(store::UNCHAINED, Vec::new()).await? {
        report.found("audit", called(row.text(0)?), "nothing tells where it begins and ends", KEEP);
    }
    let spaces = chains(db).await?;
    for (at, space) in spaces.iter().enumerate() {
        stages("Audit", at as u64, spaces.len() as u64);
        let chain = check_chain(db, vault.audit_keys(), space).await?;
        report.count("audit entries", chain.entries);
        for problem in &chain.wrong {
            report.found("audit", called(space), problem, KEEP);
        }
        let (last, mac) = chain.end;
        report.logs.push(LogEnd { space: space.clone(), entries: chain.entries, last, mac });
    }
    Ok(())
}
