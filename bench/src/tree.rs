//! Deep trees: 100,000 spaces, at most 12 deep, with 1,000,000 grants.

use crate::engine;
use crate::fill::{SPACE, id};
use crate::measure::{Table, Times, timed, us};
use crate::server::Server;
use crate::workload::{ADA, EMPTY, Size, VERA, VERAS, WAREHOUSE, Who, Workload};
use garth_core::{Caller, SpaceIx, UserIx};
use serde_json::{Value, json};
use std::path::PathBuf;

/// So many spaces Vera sees.
const SEEN: usize = 200;
/// So large is the subtree that is moved, as near as there is one.
const MOVED: usize = 10_000;

pub async fn run() {
    let mut table = Table::default();
    let mut load = Workload::new(Size::TREE);
    // What lies below nothing makes her see nothing else.
    let parents: std::collections::HashSet<u32> = load.spaces.iter().filter_map(|space| space.parent).collect();
    let leaves = (VERAS.end..load.size.spaces as u32).filter(|ix| !parents.contains(ix));
    let leaves: Vec<u32> = leaves.filter(|ix| !load.spaces[*ix as usize].inherits).step_by(97).collect();
    for leaf in leaves.into_iter().take(SEEN - VERAS.len()) {
        load.grants[leaf as usize].push((Who::User(VERA), 0));
    }
    let (top, below) = subtree(&load);
    for space in [top, EMPTY] {
        if !load.grants[space as usize].contains(&(Who::User(ADA), 2)) {
            load.grants[space as usize].push((Who::User(ADA), 2));
        }
    }
    in_process(&load, &mut table);

    let folder = std::env::var_os("BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = folder.join(format!("garth-bench-{}", std::process::id()));
    let own = folder.join("tree");
    let old = load.spaces[top as usize].parent;
    Server::fill(&own, None, load, vec![ADA]).await;
    let server = Server::open(&own, None).await;
    if let Some(old) = old {
        let grants = format!("/api/v1/registry/spaces/{}/grants", id(SPACE, old));
        let admin = json!({"principal": format!("user:{}", id(crate::fill::USER, ADA)), "role": "admin"});
        server.done("POST", &grants, ADA, Some(admin)).await;
    }
    let path = format!("/api/v1/spaces/{}", id(SPACE, top));
    let mut nanos = Vec::new();
    for round in 0..40 {
        let parent = if round % 2 == 0 { EMPTY } else { WAREHOUSE };
        let start = std::time::Instant::now();
        server.done("PATCH", &path, ADA, Some(json!({"parent": id(SPACE, parent)}))).await;
        nanos.push(start.elapsed().as_nanos() as u64);
    }
    let moved: Value = server.done("GET", &path, ADA, None).await;
    assert_eq!(moved["parent"], id(SPACE, WAREHOUSE));
    let times = Times::new(nanos);
    let ours = format!("{} (p99 {})", us(times.median()), us(times.p99()));
    let met = Some(times.p99() < 200_000.0);
    table.add(format!("moving a subtree of {below} spaces, durably"), ours, "", None, "< 200 ms", met);
    server.app.shutdown().await;
    table.print();
    let _ = std::fs::remove_dir_all(&folder);
}

/// The space whose subtree is nearest to what is to be moved, and how many lie in it.
fn subtree(load: &Workload) -> (u32, usize) {
    // Parents come before their children.
    let mut size = vec![1_usize; load.spaces.len()];
    for (ix, space) in load.spaces.iter().enumerate().rev() {
        if let Some(parent) = space.parent {
            size[parent as usize] += size[ix];
        }
    }
    let found = (0..load.spaces.len()).min_by_key(|ix| size[*ix].abs_diff(MOVED)).unwrap_or(0);
    (found as u32, size[found])
}

fn in_process(load: &Workload, table: &mut Table) {
    let world = engine::world(load);
    let callers: Vec<Caller> =
        load.some_users(500).into_iter().map(|u| Caller::user(&world, UserIx(u)).expect("a user")).collect();
    let mut dice = crate::workload::Dice::new(5);
    let standing = (0..100_000).map(|_| {
        let (caller, space) = (&callers[dice.roll(callers.len())], SpaceIx(dice.roll(load.size.spaces) as u32));
        timed(|| world.standing(caller, space, 0))
    });
    let times = Times::new(standing.collect());
    let (median, p99) = (times.median(), times.p99());
    let ours = format!("{} (p99 {})", us(median), us(p99));
    table.add("effective roles of a caller in any space", ours, "", None, "< 2 µs", Some(median < 2.0));
    let vera = Caller::user(&world, UserIx(VERA)).expect("a user");
    let seen = garth_core::Sight::new(&world, &vera, 0).visible().count();
    let times = (0..2_000).map(|_| timed(|| garth_core::Sight::new(&world, &vera, 0).visible().count()));
    let times = Times::new(times.collect());
    let ours = format!("{} (p99 {})", us(times.median()), us(times.p99()));
    let met = Some(times.median() < 100.0);
    table.add(format!("visible spaces of a caller with {seen}"), ours, "", None, "< 100 µs", met);
}
