//! What holds however copies race with each other and with what is done to their sources and targets.

use crate::support::*;
use std::collections::BTreeSet;

/// Rounds of each race.
const ROUNDS: usize = 40;

stories! {
    two_copies_at_once_get_two_names,
    a_copy_races_with_the_end_of_its_source,
    a_copy_races_with_its_target,
    copies_race_with_moves_and_nothing_dangles,
    n43_moves_at_once_close_no_circle_and_orphan_nothing,
}

async fn spaces(g: &Garth) -> (Person, Thing, Thing) {
    let ada = g.admin().await;
    g.home().await;
    ada.kind_with("chore", json!({"references": [{"pointer": "/after", "kind": "chore", "follows": true}]})).await;
    let (here, there) = (ada.space("Here").create().await, ada.space("There").create().await);
    (ada, here, there)
}

fn good(answer: &Answer) -> bool {
    answer.status.is_success()
}

async fn two_copies_at_once_get_two_names(g: Garth) {
    let (ada, here, there) = spaces(&g).await;
    for round in 0..ROUNDS {
        let job = ada.resource("chore", &format!("Job {round}")).space(&here).create().await;
        let copy =
            |conflict: &str| ada.post(&there.url("/copies"), json!({"resources": [job.id], "on_conflict": conflict}));
        let racing = match round % 3 {
            0 => vec![copy("rename"), copy("rename"), copy("rename")],
            1 => vec![copy("skip"), copy("skip"), copy("rename")],
            _ => vec![copy("replace"), copy("replace"), copy("replace")],
        };
        let answers = race(racing).await;
        let made: BTreeSet<String> = answers.iter().flat_map(|answer| answer.clone().ok().names()).collect();
        let listed = ada.get(&format!("/api/v1/resources?space={}&q=Job {round}", there.id).replace(' ', "%20")).await;
        let names = sorted(listed.ok().names());
        let own: Vec<_> =
            names.iter().filter(|n| **n == format!("Job {round}") || n.starts_with(&format!("Job {round} "))).collect();
        let distinct: BTreeSet<_> = own.iter().collect();
        assert_eq!(distinct.len(), own.len(), "round {round}: a name is there twice: {own:?}");
        assert_eq!(own.len(), made.len(), "round {round}: {made:?}");
        let expected = [3, 2, 1][round % 3];
        assert!(own.len() <= expected && !own.is_empty(), "round {round}: {own:?}");
    }
}

async fn a_copy_races_with_the_end_of_its_source(g: Garth) {
    let (ada, here, there) = spaces(&g).await;
    let (mut copied, mut refused) = (0, 0);
    for round in 0..ROUNDS {
        let first = ada.resource("chore", &format!("First {round}")).space(&here).create().await;
        let job = ada.resource("chore", &format!("Job {round}")).space(&here).body(json!({"after": first.id}));
        let job = job.create().await;
        let order = json!({"resources": [job.id], "default_reference": "copy"});
        let end = match round % 2 {
            0 => ada.delete(&job.url("")),
            _ => ada.delete(&first.url("")),
        };
        let mut racing = vec![ada.post(&there.url("/copies"), order), end];
        if round % 4 < 2 {
            racing.reverse();
        }
        let mut answers = race(racing).await;
        if round % 4 < 2 {
            answers.reverse();
        }
        assert!(good(&answers[1]), "{}", answers[1]);
        // All of it, or nothing: never a copy whose reference leads nowhere.
        let all = ada.all_pages(&format!("/api/v1/resources?space={}", there.id), 100).await;
        let of_round = |item: &Value| item["name"].as_str().is_some_and(|name| name.ends_with(&format!(" {round}")));
        let mine: Vec<Value> = all.into_iter().filter(of_round).collect();
        if good(&answers[0]) {
            copied += 1;
            assert_eq!(mine.len(), 2, "{mine:?}");
            let of = |name: &str| mine.iter().find(|i| i["name"] == format!("{name} {round}")).expect("a copy").clone();
            assert_eq!(of("Job")["body"]["after"], of("First")["id"]);
        } else {
            refused += 1;
            assert!(matches!(answers[0].status.as_u16(), 409 | 422), "{}", answers[0]);
            assert!(mine.is_empty(), "{mine:?}");
        }
    }
    assert_eq!(copied + refused, ROUNDS);
}

async fn a_copy_races_with_its_target(g: Garth) {
    let (ada, here, _) = spaces(&g).await;
    let job = ada.resource("chore", "Nightly").space(&here).create().await;
    for round in 0..ROUNDS {
        let target = ada.space(&format!("Target {round}")).create().await;
        let copy = ada.post(&target.url("/copies"), json!({"resources": [job.id]}));
        if round % 2 == 0 {
            // Archived: either the copy came first and is there, or it is refused and nothing is.
            let answers = race(vec![copy, ada.post(&target.url("/archive"), json!({}))]).await;
            assert!(good(&answers[1]), "{}", answers[1]);
            let inside = ada.get(&format!("/api/v1/resources?space={}", target.id)).await.ok().items().len();
            assert_eq!(inside, usize::from(good(&answers[0])), "{}", answers[0]);
            if !good(&answers[0]) {
                answers[0].clone().refused(409, "archived");
            }
        } else {
            // Deleted: the copy goes with it, or finds nothing.
            ada.post(&target.url("/archive"), json!({})).await.ok();
            let racing = vec![
                ada.post(&target.url("/activate"), json!({})),
                copy,
                ada.delete(&target.url(&format!("?confirm=Target%20{round}"))),
            ];
            let answers = race(racing).await;
            assert!(matches!(answers[1].status.as_u16(), 200 | 404 | 409), "{}", answers[1]);
            let left = ada.get(&format!("/api/v1/resources?space={}", target.id)).await.ok().items().len();
            let there = ada.get(&target.url("")).await.status == 200;
            assert_eq!(there, !good(&answers[2]), "{}", answers[2]);
            assert_eq!(left, usize::from(there && good(&answers[1])), "{}", answers[1]);
        }
    }
}

async fn copies_race_with_moves_and_nothing_dangles(g: Garth) {
    let (ada, here, there) = spaces(&g).await;
    let third = ada.space("Third").create().await;
    let leader = ada.resource("chore", "Leader").space(&here).create().await;
    let follower = ada.resource("chore", "Follower").space(&here).body(json!({"after": leader.id})).create().await;
    let places = [&here, &there, &third];
    for round in 0..ROUNDS {
        let to = places[round % 3];
        let order = json!({"resources": [follower.id], "default_reference": "copy", "on_conflict": "replace"});
        let answers = race(vec![
            ada.post(&leader.url("/move"), json!({"space": to.id})),
            ada.post(&third.url("/copies"), order),
            ada.post("/api/v1/resources/batch-move", json!({"resources": [follower.id, leader.id], "space": here.id})),
        ])
        .await;
        assert!(good(&answers[0]) && good(&answers[2]), "{} {}", answers[0], answers[2]);
        let mut lie = BTreeSet::new();
        for thing in [&leader, &follower] {
            lie.insert(ada.get(&thing.url("")).await.ok()["space"].as_str().expect("a space").to_owned());
        }
        assert_eq!(lie.len(), 1, "round {round}: whoever follows is where its leader is");
        let all = ada.all_pages("/api/v1/resources?kind=chore", 100).await;
        for job in &all {
            let Some(after) = job["body"]["after"].as_str() else { continue };
            let other = all.iter().find(|one| one["id"] == after).expect("what is referred to is there");
            assert_eq!(other["space"], job["space"], "round {round}: a reference leads out of its space");
        }
    }
}

/// Whole branches change places at once, and what they go under is deleted meanwhile.
async fn n43_moves_at_once_close_no_circle_and_orphan_nothing(g: Garth) {
    let ada = g.admin().await;
    g.home().await;
    let [one, two, end] =
        [ada.space("One").create().await, ada.space("Two").create().await, ada.space("End").create().await];
    let low = [ada.space("Low one").under(&one).create().await, ada.space("Low two").under(&two).create().await];
    ada.post(&end.url("/archive"), json!({})).await.ok();
    let under = |space: &Thing, parent: Value| ada.patch(&space.url(""), json!({"parent": parent}));
    for round in 0..ROUNDS {
        let answers = race(vec![
            under(&one, json!(low[1].id)),
            under(&two, json!(low[0].id)),
            under(&low[round % 2], json!(end.id)),
        ])
        .await;
        assert!(answers[..2].iter().filter(|answer| good(answer)).count() < 2, "round {round}: a circle");
        for space in [&one, &two, &low[0], &low[1]] {
            let mut at = space.id.clone();
            let mut steps = 0;
            while let Some(parent) = ada.get(&format!("/api/v1/spaces/{at}")).await.ok()["parent"].as_str() {
                at = parent.to_owned();
                steps += 1;
                assert!(steps < 5, "round {round}: the way up from {} does not end", space["name"]);
            }
        }
        for (space, parent) in [(&one, Value::Null), (&two, Value::Null)] {
            under(space, parent).await.ok();
        }
        for (space, parent) in [(&low[0], &one), (&low[1], &two)] {
            under(space, json!(parent.id)).await.ok();
        }
    }
    // A parent is deleted while something goes under it: it has no child then, or is there still.
    for round in 0..ROUNDS / 2 {
        let parent = ada.space("Parent").create().await;
        let child = ada.space(&format!("Child {round}")).create().await;
        let answers = race(vec![
            under(&child, json!(parent.id)),
            ada.post(&parent.url("/archive"), json!({})),
            ada.delete(&parent.url("?confirm=Parent")),
        ])
        .await;
        let shown = ada.get(&child.url("")).await.ok();
        if good(&answers[2]) {
            assert_eq!(shown["parent"], Value::Null, "round {round}: an orphan");
        } else {
            ada.get(&parent.url("")).await.ok();
        }
    }
}
