//! Measures Garth beside its peers in one run and prints a table of ratios: `bench/run [S|M|L [part]]`. See README.md.

mod engine;
mod fill;
mod lines;
mod measure;
mod peers;
mod postgres;
mod server;
mod tree;
mod workload;

use garth_core::{Caller, UserIx};
use measure::{Table, Times, span, us};
use server::Server;
use std::path::{Path, PathBuf};
use std::time::Instant;
use workload::{ADA, Size, VERA, Workload};

const USAGE: &str = "usage: bench/run [S|M|L [decisions|http|batch|pages|who|durable|spaces|attachments|revoke|logins]] or bench/run tree";

#[tokio::main(worker_threads = 2)]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        // A process of its own, so that its memory is nothing but the server's.
        ["start", folder] => start(Path::new(folder), None).await,
        ["tree"] => tree::run().await,
        ["start", folder, url] => start(Path::new(folder), Some(url)).await,
        [] => run(Size::M, None).await,
        [name, ref part @ ..] if part.len() < 2 => match Size::of(name) {
            Some(size) => run(size, part.first().copied()).await,
            None => eprintln!("{USAGE}"),
        },
        _ => eprintln!("{USAGE}"),
    }
}

/// Starts a server once, and says how long that took and what it holds.
async fn start(folder: &Path, postgres: Option<&str>) {
    let begin = Instant::now();
    let server = Server::open(folder, postgres).await;
    let took = begin.elapsed();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident =
        status.lines().find_map(|l| l.strip_prefix("VmRSS:")).map_or("0", |rest| rest.trim().trim_end_matches(" kB"));
    println!("{} {resident}", took.as_secs_f64());
    server.app.shutdown().await;
}

/// Seconds and MiB of a start in a process of its own.
fn started(folder: &Path, postgres: Option<&str>) -> (f64, f64) {
    let mut command = std::process::Command::new(std::env::current_exe().expect("this program"));
    let output = command.arg("start").arg(folder).args(postgres).output().expect("a second process");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let numbers: Vec<f64> = text.split_whitespace().filter_map(|n| n.parse().ok()).collect();
    assert_eq!(numbers.len(), 2, "{text} {}", String::from_utf8_lossy(&output.stderr));
    (numbers[0], numbers[1] / 1024.0)
}

/// Databases of this run on the PostgreSQL that `BENCH_DATABASE` names; they go with the run.
struct Databases {
    base: String,
    made: Vec<String>,
}

impl Databases {
    fn url(&self, name: &str) -> String {
        let (server, _) = self.base.rsplit_once('/').expect("a postgres:// URL with a database");
        format!("{server}/{name}")
    }

    async fn make(&mut self, what: &str) -> String {
        let name = format!("garth_bench_{what}_{}", std::process::id());
        let db = server::connect(&self.base).await;
        db.batch_execute(&format!("CREATE DATABASE {name}")).await.expect("a database of its own");
        self.made.push(name.clone());
        self.url(&name)
    }

    async fn drop_all(&self) {
        let db = server::connect(&self.base).await;
        for name in &self.made {
            db.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await.expect("the database goes");
        }
    }
}

/// Everything, or only one part of it.
async fn run(size: Size, part: Option<&str>) {
    let wanted = |name: &str| part.is_none_or(|part| part == name);
    let folder = std::env::var_os("BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = folder.join(format!("garth-bench-{}", std::process::id()));
    let mut databases = std::env::var("BENCH_DATABASE").ok().map(|base| Databases { base, made: Vec::new() });
    let mut table = Table::default();
    eprintln!("== the world, size {}", size.name);
    let load = Workload::new(size);
    let users: Vec<u32> = load.some_users(20);

    if wanted("decisions") {
        eprintln!("== decisions in process");
        in_process(&load, &mut table).await;
    }

    let peer = match &mut databases {
        Some(databases) if part.is_none() => {
            eprintln!("== PostgreSQL as a peer");
            let url = databases.make("peer").await;
            Some(postgres::run(&server::connect(&url).await, &load, &users).await)
        }
        _ => None,
    };
    if let Some(peer) = &peer {
        let world = engine::world(&load);
        same_answers(&world, &peer.checked, "PostgreSQL");
        table.add("one decision: PostgreSQL, joins over a closure table", "", us(peer.check.median()), None, "", None);
    }
    let (batch, who, best, usual) = match peer {
        Some(p) => (Some(p.batch), Some(p.who), Some(p.best), Some(p.usual)),
        None => (None, None, None, None),
    };

    let mut engines: Vec<(&str, Option<String>, Option<String>)> = vec![("SQLite", None, None)];
    if let Some(databases) = &mut databases {
        engines.push(("PostgreSQL", Some(databases.make("large").await), Some(databases.make("small").await)));
    }
    let mut beside = Some((batch, who, best, usual));
    for (engine, large_url, small_url) in engines {
        eprintln!("== an installation on {engine}");
        let sessions: Vec<u32> = [ADA, VERA].into_iter().chain(2..3).chain(users.iter().copied()).collect();
        let sessions: Vec<u32> = sessions.into_iter().collect::<std::collections::BTreeSet<_>>().into_iter().collect();
        let large = folder.join(format!("{engine}-large"));
        let small = folder.join(format!("{engine}-small"));
        let took = Server::fill(&large, large_url.as_deref(), Workload::new(size), sessions.clone()).await;
        eprintln!("  {} resources written in {}", size.resources, span(took));
        Server::fill(&small, small_url.as_deref(), Workload::new(size.part(10)), vec![VERA]).await;
        if part.is_none() {
            memory(&folder, engine, &large, large_url.as_deref(), &mut table);
        }
        let server = Server::open(&large, large_url.as_deref()).await;
        let little = Server::open(&small, small_url.as_deref()).await;
        table.add(format!("**on {engine}**"), "", "", None, "", None);
        lines::sound(&server, &load).await;
        let (batch, who, best, usual) = beside.take().unwrap_or_default();
        if wanted("http") {
            lines::http(&server, &load, &mut table).await;
        }
        if wanted("batch") {
            lines::batch(&server, &load, &mut table, batch).await;
        }
        if wanted("pages") {
            lines::pages(&server, &little, &users, &mut table, best, usual).await;
        }
        if wanted("who") {
            lines::who(&server, &load, postgres::ORDINARY, &mut table, who).await;
        }
        if wanted("calls") {
            lines::calls(&server, &mut table).await;
        }
        if wanted("durable") {
            let (file, url) = (folder.join("bare.db"), large_url.clone());
            let bare = async || match &url {
                None => bare_sqlite(&file),
                Some(url) => bare_postgres(url).await,
            };
            lines::durable(&server, &mut table, bare).await;
        }
        if wanted("spaces") {
            lines::spaces(&server, &load, &mut table).await;
        }
        if wanted("attachments") {
            lines::attachments(&server, &load, &mut table).await;
        }
        if wanted("revoke") {
            lines::revoke(&server, &load, &mut table).await;
        }
        // The last, because it ends every session but one.
        if wanted("logins") {
            lines::logins(&server, &load, &mut table).await;
        }
        server.app.shutdown().await;
        little.app.shutdown().await;
    }
    table.print();
    let _ = std::fs::remove_dir_all(&folder);
    if let Some(databases) = databases {
        databases.drop_all().await;
    }
}

async fn in_process(load: &Workload, table: &mut Table) {
    let world = engine::world(load);
    let ours = engine::decisions(load, &world, table);
    // A tenth is enough for Cedar: what it does at load grows with everybody's roles, a decision does not.
    let tenth = Workload::new(load.size.part(10));
    let small = engine::world(&tenth);
    let cedar = peers::cedar(&tenth);
    same_answers(&small, &cedar.answers, "Cedar");
    let ratio = cedar.times.median() / ours.random.median();
    let beside = format!("Cedar, a tenth of the world: {} (load {})", us(cedar.times.median()), span(cedar.load));
    table.add("one decision beside Cedar", us(ours.random.median()), beside, Some(ratio), "≥ 10", Some(ratio >= 10.0));
    let ratio = cedar.times.median() / ours.with_caller.median();
    table.add(
        "the same, the caller's groups looked up first",
        us(ours.with_caller.median()),
        "Cedar, its ancestors worked out at load",
        Some(ratio),
        "",
        None,
    );
    let by = if load.size.spaces >= 10_000 { 100 } else { 10 };
    let casbin = peers::casbin(&Workload::new(load.size.part(by))).await;
    let ratio = casbin.median() / ours.random.median();
    let beside = format!("casbin, a world {by} times smaller: {}", us(casbin.median()));
    table.add("one decision beside casbin", us(ours.random.median()), beside, Some(ratio), "", None);
}

/// The peers must answer as we do, or the figures mean nothing.
fn same_answers(world: &garth_core::World, theirs: &[(engine::Question, bool)], who: &str) {
    let other = theirs.iter().filter(|(question, answer)| {
        let caller = Caller::user(world, UserIx(question.0)).expect("a user");
        engine::answer(world, &caller, *question) != *answer
    });
    let other = other.count();
    let allowed = theirs.iter().filter(|(_, answer)| *answer).count();
    assert_eq!(other, 0, "{who} answers {other} of {} questions otherwise", theirs.len());
    eprintln!("  {who} answers alike: {} questions, {allowed} allowed", theirs.len());
}

fn memory(folder: &Path, engine: &str, large: &Path, url: Option<&str>, table: &mut Table) {
    let (seconds, resident) = started(large, url);
    let ours = format!("{seconds:.2} s, {resident:.0} MiB");
    table.add(
        format!("load at start and memory, {engine}"),
        ours,
        "",
        None,
        "< 2 s, < 250 MiB",
        Some(seconds < 2.0 && resident < 250.0),
    );
    if url.is_none() {
        let empty = folder.join("empty");
        started(&empty, None);
        let (seconds, resident) = started(&empty, None);
        table.add(
            "the same, empty",
            format!("{:.0} ms, {resident:.0} MiB", seconds * 1e3),
            "",
            None,
            "< 60 MB",
            Some(resident * 1.048_576 < 60.0),
        );
    }
}

/// One row in a transaction of its own, as durable as ours.
fn bare_sqlite(file: &Path) -> Times {
    let db = rusqlite::Connection::open(file).expect("a database");
    db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE IF NOT EXISTS t (x INTEGER)")
        .unwrap();
    let mut insert = db.prepare("INSERT INTO t VALUES (1)").unwrap();
    Times::new((0..300).map(|_| measure::timed(|| insert.execute([]).unwrap())).collect())
}

async fn bare_postgres(url: &str) -> Times {
    let db = server::connect(url).await;
    db.batch_execute("CREATE TABLE IF NOT EXISTS bare (x BIGINT)").await.unwrap();
    let insert = db.prepare("INSERT INTO bare VALUES (1)").await.unwrap();
    let mut nanos = Vec::new();
    for _ in 0..300 {
        let start = Instant::now();
        db.execute(&insert, &[]).await.unwrap();
        nanos.push(start.elapsed().as_nanos() as u64);
    }
    Times::new(nanos)
}
