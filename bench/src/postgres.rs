//! The peer PostgreSQL: the same world in tables of its own (schema `peer`), asked by joins and by row-level security.

use crate::engine::{Question, questions};
use crate::fill::{Rows, copy};
use crate::measure::{Times, us};
use crate::workload::{Who, Workload, space_of};
use std::fmt::Write;
use std::time::Instant;
use tokio_postgres::Client;

const SCHEMA: &str = "
DROP SCHEMA IF EXISTS peer CASCADE;
CREATE SCHEMA peer;
CREATE TABLE peer.members (member INT, grp INT, PRIMARY KEY (member, grp));
CREATE TABLE peer.grants (space INT, principal INT, writes BOOLEAN);
-- A role held in `source` counts in `space`: from above it does as it is, from below as a reader's.
CREATE TABLE peer.closure (space INT, source INT, below BOOLEAN);
CREATE TABLE peer.resources (id INT PRIMARY KEY, space INT NOT NULL, updated_at BIGINT NOT NULL);
";
const INDEXES: &str = "
CREATE INDEX ON peer.grants (principal, space);
CREATE INDEX ON peer.grants (space);
CREATE INDEX ON peer.members (grp);
CREATE INDEX ON peer.closure (source);
CREATE INDEX ON peer.closure (space);
CREATE INDEX ON peer.resources (updated_at);
CREATE INDEX ON peer.resources (space, updated_at);
ANALYZE peer.members; ANALYZE peer.grants; ANALYZE peer.closure; ANALYZE peer.resources;
CREATE VIEW peer.me AS SELECT current_setting('peer.me')::INT AS principal
  UNION ALL SELECT -1 - grp FROM peer.members WHERE member = current_setting('peer.me')::INT;
CREATE VIEW peer.mine AS SELECT DISTINCT c.space FROM peer.me JOIN peer.grants g USING (principal) JOIN peer.closure c ON c.source = g.space;
ALTER TABLE peer.resources ENABLE ROW LEVEL SECURITY;
";
const BEST: &str = "USING (space = ANY (ARRAY(SELECT space FROM peer.mine)))";
const USUAL: &str = "USING (EXISTS (SELECT 1 FROM peer.closure c JOIN peer.grants g ON g.space = c.source
  WHERE c.space = resources.space AND g.principal IN (SELECT principal FROM peer.me)))";
const CHECK: &str = "
SELECT EXISTS (SELECT 1 FROM peer.resources r JOIN peer.closure c ON c.space = r.space JOIN peer.grants g ON g.space = c.source
  WHERE r.id = $1 AND (NOT $3 OR (g.writes AND NOT c.below))
    AND (g.principal = $2 OR g.principal IN (SELECT -1 - grp FROM peer.members WHERE member = $2)))";
const BATCH: &str = "
SELECT r.id, EXISTS (SELECT 1 FROM peer.closure c JOIN peer.grants g ON g.space = c.source
  WHERE c.space = r.space AND (g.principal = $2 OR g.principal IN (SELECT -1 - grp FROM peer.members WHERE member = $2)))
FROM peer.resources r WHERE r.id = ANY ($1)";
const WHO: &str = "
SELECT DISTINCT u FROM (
  SELECT g.principal AS u FROM peer.closure c JOIN peer.grants g ON g.space = c.source WHERE c.space = $1 AND g.principal >= 0
  UNION ALL
  SELECT m.member FROM peer.closure c JOIN peer.grants g ON g.space = c.source JOIN peer.members m ON m.grp = -1 - g.principal
  WHERE c.space = $1 AND g.principal < 0) x";
const PAGE: &str = "SELECT id FROM peer.resources ORDER BY updated_at DESC LIMIT 50";

/// A resource in an ordinary space: neither the warehouse nor one of Vera's.
pub const ORDINARY: u32 = 2_001;

fn rows(table: &'static str, columns: &'static str, list: Vec<String>) -> Rows {
    let mut list = list.into_iter();
    let next = move |line: &mut String| list.next().map(|row| line.write_str(&row)).is_some();
    Rows { table, columns, next: Box::new(next) }
}

pub struct Answers {
    pub check: Times,
    /// What it answered, to be compared.
    pub checked: Vec<(Question, bool)>,
    pub batch: Times,
    pub who: Times,
    pub best: Times,
    pub usual: Times,
}

pub async fn run(db: &Client, load: &Workload, users: &[u32]) -> Answers {
    fill(db, load).await;
    let (check, checked) = checks(db, load).await;
    let asked: Vec<i32> = (5..105).collect();
    let batch = db.prepare(BATCH).await.unwrap();
    let batch = times(50, async || drop(db.query(&batch, &[&asked, &1]).await.unwrap())).await;
    let space = space_of(load.resources[ORDINARY as usize]) as i32;
    let who = db.prepare(WHO).await.unwrap();
    let who = times(50, async || drop(db.query(&who, &[&space]).await.unwrap())).await;
    let best = pages(db, users, BEST).await;
    let usual = pages(db, &users[..3], USUAL).await;
    db.batch_execute("DROP SCHEMA peer CASCADE; DROP ROLE peer_reader").await.unwrap();
    eprintln!("  PostgreSQL: one decision {}", us(check.median()));
    Answers { check, checked, batch, who, best, usual }
}

async fn times(how_many: usize, work: impl AsyncFn()) -> Times {
    let mut nanos = Vec::new();
    for _ in 0..how_many {
        let start = Instant::now();
        work().await;
        nanos.push(start.elapsed().as_nanos() as u64);
    }
    Times::new(nanos)
}

async fn fill(db: &Client, load: &Workload) {
    db.batch_execute(SCHEMA).await.unwrap();
    let members = load.groups_of.iter().enumerate();
    let members = members.flat_map(|(user, groups)| groups.iter().map(move |g| format!("{user}\t{g}"))).collect();
    copy(db, rows("peer.members", "member, grp", members)).await;
    let grants = load.grants.iter().enumerate().flat_map(|(space, list)| {
        list.iter().map(move |(who, role)| {
            let principal = match who {
                Who::User(ix) => i64::from(*ix),
                Who::Group(ix) => -1 - i64::from(*ix),
            };
            format!("{space}\t{principal}\t{}", *role > 0)
        })
    });
    copy(db, rows("peer.grants", "space, principal, writes", grants.collect())).await;
    let mut closure = Vec::new();
    for (ix, space) in load.spaces.iter().enumerate() {
        closure.push(format!("{ix}\t{ix}\tf"));
        let (mut next, mut inherits) = (space.parent, space.inherits);
        while let Some(above) = next {
            closure.push(format!("{ix}\t{above}\tf"));
            if inherits {
                closure.push(format!("{above}\t{ix}\tt"));
            }
            inherits &= load.spaces[above as usize].inherits;
            next = load.spaces[above as usize].parent;
        }
    }
    copy(db, rows("peer.closure", "space, source, below", closure)).await;
    let resources = load.resources.iter().enumerate();
    let resources = resources
        .map(|(ix, class)| format!("{ix}\t{}\t{}", space_of(*class), ix as u64 * 2_654_435_761 % 10_000_000_000));
    copy(db, rows("peer.resources", "id, space, updated_at", resources.collect())).await;
    db.batch_execute(INDEXES).await.unwrap();
    let role = "DROP ROLE IF EXISTS peer_reader; CREATE ROLE peer_reader; GRANT USAGE ON SCHEMA peer TO peer_reader; \
                GRANT SELECT ON ALL TABLES IN SCHEMA peer TO peer_reader";
    db.batch_execute(role).await.unwrap();
}

async fn checks(db: &Client, load: &Workload) -> (Times, Vec<(Question, bool)>) {
    // The first resource of a class stands for it.
    let mut first = std::collections::HashMap::new();
    for (ix, class) in load.resources.iter().enumerate() {
        first.entry(*class).or_insert(ix as i32);
    }
    let statement = db.prepare(CHECK).await.unwrap();
    let (mut nanos, mut answers) = (Vec::new(), Vec::new());
    for question in questions(load, 2_000) {
        let (user, class, writes) = question;
        let Some(resource) = first.get(&class) else { continue };
        let start = Instant::now();
        let row = db.query_one(&statement, &[resource, &(user as i32), &writes]).await.unwrap();
        nanos.push(start.elapsed().as_nanos() as u64);
        answers.push((question, row.get(0)));
    }
    (Times::new(nanos), answers)
}

/// The first page under that policy, read by somebody whom it binds.
async fn pages(db: &Client, users: &[u32], policy: &str) -> Times {
    db.batch_execute(&format!("CREATE POLICY page ON peer.resources {policy}; SET ROLE peer_reader")).await.unwrap();
    let mut nanos = Vec::new();
    for user in users {
        db.batch_execute(&format!("SET peer.me = '{user}'")).await.unwrap();
        for _ in 0..3 {
            let start = Instant::now();
            db.query(PAGE, &[]).await.unwrap();
            nanos.push(start.elapsed().as_nanos() as u64);
        }
    }
    db.batch_execute("RESET ROLE; DROP POLICY page ON peer.resources").await.unwrap();
    Times::new(nanos)
}
