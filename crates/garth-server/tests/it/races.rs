//! What must hold however requests race: a thousand rounds of each invariant, and what was revoked never works again.

use crate::support::*;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Racing rounds of each invariant (`QUALITY.md`, "Trust").
const ROUNDS: usize = 1_000;
const SECOND: i64 = 1_000_000;

stories! {
    a_space_keeps_an_admin_in_a_thousand_races,
    n49_two_ways_at_once_leave_one_administrator,
    n49_an_account_that_ends_races_with_who_leaves,
    an_installation_keeps_an_administrator_however_they_race,
    a_thousand_races_make_no_circle_of_spaces,
    racing_moves_pass_no_limit_of_depth,
    a_space_that_moves_while_its_parent_ends_lies_somewhere,
    a_thousand_races_give_no_code_and_no_name_twice,
    n23_a_policy_edited_while_it_is_asked_is_never_a_mix,
    n34_revoked_is_revoked_in_the_next_answer_of_every_sort,
    n35_whoever_keeps_asking_keeps_nothing,
    n37_what_was_revoked_stays_so_after_a_restart,
    n39_a_grant_ends_at_its_microsecond_and_another_path_holds_on,
    n69_numbers_at_their_limits_neither_overflow_nor_wrap,
}

fn successes(answers: &[Answer]) -> usize {
    answers.iter().filter(|answer| answer.status.is_success()).count()
}

async fn grants_of(person: &Person, space: &Thing) -> Vec<(String, String)> {
    let items = person.get(&space.url("/grants")).await.ok().items();
    let text = |item: &Value, field: &str| item[field].as_str().expect("a text").to_owned();
    items.iter().map(|item| (text(item, "principal"), space.url(&format!("/grants/{}", text(item, "id"))))).collect()
}

async fn a_space_keeps_an_admin_in_a_thousand_races(g: Garth) {
    let ada = g.admin().await;
    let people = [g.person("lin").await, g.person("bo").await];
    g.home().await;
    let atlas = ada.space("Atlas").admin(&people[0]).admin(&people[1]).create().await;
    let held = grants_of(&people[0], &atlas).await;
    let mut grants = people
        .each_ref()
        .map(|person| held.iter().find(|(principal, _)| *principal == person.principal()).expect("a grant").1.clone());
    for round in 0..ROUNDS {
        // Each removes the other; demotes the other; leaves; one removes the other, who leaves; as people or by grants;
        // or each says when the other's time is over.
        let [lin, bo] = &people;
        let url = |person: &Person| atlas.url(&format!("/members/{}", person.id));
        let demoted = json!({"role": "reader"});
        let over = json!({"expires_at": g.time_in(3600 * SECOND)});
        let racing = match round % 7 {
            0 => vec![lin.delete(&grants[1]), bo.delete(&grants[0])],
            1 => vec![lin.patch(&grants[1], demoted.clone()), bo.patch(&grants[0], demoted)],
            2 => vec![lin.post(&atlas.url("/leave"), json!({})), bo.post(&atlas.url("/leave"), json!({}))],
            3 => vec![lin.delete(&grants[1]), lin.post(&atlas.url("/leave"), json!({}))],
            4 => vec![lin.delete(&url(bo)), bo.delete(&url(lin))],
            5 => vec![lin.patch(&url(bo), demoted.clone()), bo.patch(&url(lin), demoted)],
            _ => vec![lin.patch(&grants[1], over.clone()), bo.patch(&grants[0], over)],
        };
        let answers = race(racing).await;
        assert_eq!(successes(&answers), 1, "round {round}: {} {}", answers[0], answers[1]);
        // Whoever stayed takes the other in again.
        let gone = match round % 7 {
            2 => usize::from(!answers[0].status.is_success()),
            _ => usize::from(answers[0].status.is_success()),
        };
        let stayed = &people[gone ^ 1];
        match round % 7 {
            1 | 5 => drop(stayed.patch(&grants[gone], json!({"role": "admin"})).await.ok()),
            6 => drop(stayed.patch(&grants[gone], json!({"expires_at": null})).await.ok()),
            _ => {
                let grant = stayed.grant(&atlas, &people[gone], "admin").await;
                grants[gone] = atlas.url(&format!("/grants/{}", grant.id));
            }
        }
    }
}

/// One is in charge by a group in a group, the other by a role that somebody made: whatever takes the one away races with
/// whatever takes the other.
async fn n49_two_ways_at_once_leave_one_administrator(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo] = [g.person("lin").await, g.person("bo").await];
    ada.kind("task").await;
    g.closed_home().await;
    let atlas = ada.space("Atlas").create().await;
    let own = grants_of(&ada, &atlas).await;
    let keeper = ada.role("keeper", &["space:admin", "task:read"]).await;
    let crew = ada.group("crew", &[&lin]).await;
    let leads = ada.group("leads", &[&crew]).await;
    let mut by_group = ada.grant_by_registry(&atlas, &leads, "admin").await;
    let mut by_role = ada.grant_by_registry(&atlas, &bo, "keeper").await;
    ada.delete(&own[0].1).await.done();
    let registry = |grant: &Thing| format!("/api/v1/registry/spaces/{}/grants/{}", atlas.id, grant.id);
    let (in_crew, in_leads) =
        (crew.url(&format!("/members/{}", lin.principal())), leads.url(&format!("/members/{}", crew.principal())));
    for round in 0..ROUNDS / 10 {
        let of_lin = match round % 5 {
            0 => ada.delete(&in_crew),
            1 => ada.delete(&in_leads),
            2 => ada.delete(&registry(&by_group)),
            3 => ada.patch(&registry(&by_group), json!({"role": "reader"})),
            _ => ada.patch(&registry(&by_group), json!({"expires_at": g.time_in(3600 * SECOND)})),
        };
        let of_bo = match round % 4 {
            0 => bo.post(&atlas.url("/leave"), json!({})),
            1 => ada.delete(&registry(&by_role)),
            2 => ada.patch(&keeper.url(""), json!({"permissions": ["task:read"]})),
            _ => lin.delete(&atlas.url(&format!("/members/{}", bo.id))),
        };
        let answers = race(vec![of_lin, of_bo]).await;
        assert_eq!(successes(&answers), 1, "round {round}: {} {}", answers[0], answers[1]);
        match (answers[0].status.is_success(), round % 5, round % 4) {
            (true, 0, _) => drop(ada.post(&crew.url("/members"), json!({"member": lin.principal()})).await.done()),
            (true, 1, _) => drop(ada.post(&leads.url("/members"), json!({"member": crew.principal()})).await.done()),
            (true, 2, _) => by_group = ada.grant_by_registry(&atlas, &leads, "admin").await,
            (true, _, _) => {
                let back = json!({"role": "admin", "expires_at": null});
                drop(ada.patch(&registry(&by_group), back).await.ok());
            }
            (false, _, 2) => {
                drop(ada.patch(&keeper.url(""), json!({"permissions": ["space:admin", "task:read"]})).await.ok());
            }
            (false, _, _) => by_role = ada.grant_by_registry(&atlas, &bo, "keeper").await,
        }
    }
}

/// One leaves while the account of the other is deleted or disabled.
async fn n49_an_account_that_ends_races_with_who_leaves(g: Garth) {
    let ada = g.admin().await;
    let bo = g.person("bo").await;
    g.closed_home().await;
    let atlas = ada.space("Atlas").admin(&bo).create().await;
    for round in 0..ROUNDS / 10 {
        let other = ada.post("/api/v1/users", json!({"username": format!("other{round}")})).await.created();
        ada.grant_by_registry(&atlas, format!("user:{}", other.id()).as_str(), "admin").await;
        let other = format!("/api/v1/users/{}", other.id());
        let ending = match round % 2 {
            0 => ada.delete(&other),
            _ => ada.patch(&other, json!({"disabled": true})),
        };
        let answers = race(vec![ending, bo.post(&atlas.url("/leave"), json!({}))]).await;
        assert_eq!(successes(&answers), 1, "round {round}: {} {}", answers[0], answers[1]);
        if answers[1].status.is_success() {
            ada.grant_by_registry(&atlas, &bo, "admin").await;
            ada.delete(&other).await.done();
        }
    }
}

async fn an_installation_keeps_an_administrator_however_they_race(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let url = |person: &Person| format!("/api/v1/users/{}", person.id);
    ada.patch(&url(&lin), json!({"system_admin": true})).await.ok();
    for round in 0..=ROUNDS / 4 {
        // The last time the loser is out altogether.
        let body = if round < ROUNDS / 4 { json!({"system_admin": false}) } else { json!({"disabled": true}) };
        let answers = race(vec![ada.patch(&url(&lin), body.clone()), lin.patch(&url(&ada), body)]).await;
        assert_eq!(successes(&answers), 1, "round {round}: {} {}", answers[0], answers[1]);
        let (stayed, gone) = if answers[0].status.is_success() { (&ada, &lin) } else { (&lin, &ada) };
        stayed.patch(&url(gone), json!({"system_admin": true, "disabled": false})).await.ok();
    }
}

async fn a_thousand_races_make_no_circle_of_spaces(g: Garth) {
    let ada = g.admin().await;
    g.home().await;
    let spaces = [ada.space("A").create().await, ada.space("B").create().await, ada.space("C").create().await];
    for round in 0..ROUNDS {
        // Each of two or three goes under the next one.
        let many = 2 + round % 2;
        let racing = (0..many).map(|at| ada.patch(&spaces[at].url(""), json!({"parent": spaces[(at + 1) % many].id})));
        let answers = race(racing.collect()).await;
        assert_eq!(successes(&answers), many - 1, "round {round}: all but one of them fit");
        // From every one of them, the way up ends.
        let mut parents = Vec::new();
        for space in &spaces {
            parents.push(ada.get(&space.url("")).await.ok()["parent"].as_str().map(str::to_owned));
        }
        assert!(parents[..many].iter().any(Option::is_none), "round {round}: a circle of {many}: {parents:?}");
        for space in &spaces[..many] {
            ada.patch(&space.url(""), json!({"parent": null})).await.ok();
        }
    }
}

/// A chain of so many spaces, from the top down.
async fn chain(ada: &Person, name: &str, length: usize) -> Vec<Thing> {
    let mut spaces = vec![ada.space(&format!("{name} 1")).create().await];
    for depth in 2..=length {
        let next = ada.space(&format!("{name} {depth}")).under(spaces.last().expect("a space")).create().await;
        spaces.push(next);
    }
    spaces
}

async fn racing_moves_pass_no_limit_of_depth(g: Garth) {
    let ada = g.admin().await;
    g.home().await;
    // Any two of them fit on top of each other, all three are 33 deep.
    let [p, q, r] = [chain(&ada, "P", 17).await, chain(&ada, "Q", 9).await, chain(&ada, "R", 7).await];
    let under = |below: &[Thing], above: &[Thing]| {
        ada.patch(&below[0].url(""), json!({"parent": above.last().expect("a space").id}))
    };
    for round in 0..ROUNDS / 4 {
        let answers = race(vec![under(&q, &p), under(&r, &q)]).await;
        assert_eq!(successes(&answers), 1, "round {round}: {} {}", answers[0], answers[1]);
        for top in [&q[0], &r[0]] {
            ada.patch(&top.url(""), json!({"parent": null})).await.ok();
        }
    }
}

async fn a_space_that_moves_while_its_parent_ends_lies_somewhere(g: Garth) {
    let ada = g.admin().await;
    g.home().await;
    let safe = ada.space("Safe").create().await;
    for round in 0..ROUNDS / 10 {
        let end = ada.space("End").create().await;
        let moving = if round % 2 == 0 {
            ada.space("Moving").under(&end).create().await
        } else {
            ada.space("Moving").under(&safe).create().await
        };
        ada.post(&end.url("/archive"), json!({})).await.ok();
        // Out of what is deleted, or into it the moment that it is activated.
        let ends = ada.delete(&end.url("?confirm=End"));
        let racing = match round % 2 {
            0 => vec![ada.patch(&moving.url(""), json!({"parent": safe.id})), ends],
            _ => vec![
                ada.post(&end.url("/activate"), json!({})),
                ada.patch(&moving.url(""), json!({"parent": end.id})),
                ends,
            ],
        };
        let answers = race(racing).await;
        let place = ada.get(&moving.url("")).await.ok();
        let parent = place["parent"].as_str().expect("a parent").to_owned();
        let there = ada.get(&format!("/api/v1/spaces/{parent}")).await;
        assert_eq!(there.status, 200, "round {round}: it lies under what is gone");
        let deleted = answers.last().expect("an answer").status.is_success();
        assert_eq!(ada.get(&end.url("")).await.status, if deleted { 404 } else { 200 }, "round {round}");
        assert!(!(deleted && parent == end.id), "round {round}");
        ada.post(&moving.url("/archive"), json!({})).await.ok();
        ada.delete(&moving.url("?confirm=Moving")).await.ok();
    }
}

async fn a_thousand_races_give_no_code_and_no_name_twice(g: Garth) {
    let ada = g.admin().await;
    let home = g.home().await;
    ada.kind("task").await;
    let mut codes = BTreeSet::new();
    let mut last = None;
    for round in 0..ROUNDS {
        let name = format!("crew {round}");
        let mut racing: Vec<_> = (0..2).map(|_| ada.post("/api/v1/groups", json!({"name": name}))).collect();
        racing.extend((0..2).map(|at| ada.resource("task", &format!("{round} {at}")).space(&home).send()));
        // The newest is deleted meanwhile: its number must not come again.
        racing.extend(last.take().map(|id: String| ada.delete(&format!("/api/v1/resources/{id}"))));
        let answers = race(racing).await;
        assert_eq!(successes(&answers[..2]), 1, "round {round}: one group of that name");
        for made in &answers[2..4] {
            assert!(codes.insert(made.text("code")), "round {round}: {} was given twice", made.text("code"));
        }
        last = Some(answers[3].id());
    }
    assert_eq!(codes.len(), 2 * ROUNDS);
}

async fn n23_a_policy_edited_while_it_is_asked_is_never_a_mix(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let home = g.home().await;
    ada.kind("task").await;
    let task = ada.resource("task", "Fix the lift").space(&home).create().await;
    // A named policy: whatever it says at a time, Lin passes; what a mix of two would say, Lin does not.
    let me = json!({"users": [lin.principal()]});
    let forms = [
        json!({"rules": [{"effect": "allow", "who": me}], "default": "deny"}),
        json!({"rules": [{"effect": "deny", "who": {"users": [ada.principal()]}}], "default": "allow"}),
    ];
    let body = json!({"name": "watch", "policy": forms[0], "edit": "admins"});
    let policy = ada.post("/api/v1/policies", body).await.created().id();
    let either = json!({"rules": [
        {"effect": "allow", "who": {"users": [ada.principal()]}}, {"effect": "allow", "who": {"named": policy}},
    ], "default": "deny"});
    ada.patch(&task.url(""), json!({"view": either})).await.ok();
    let done = Arc::new(AtomicBool::new(false));
    let asking: Vec<_> = (0..4)
        .map(|_| {
            let (lin, task, done) = (lin.clone(), task.id.clone(), Arc::clone(&done));
            tokio::spawn(async move {
                let mut asked = 0;
                while !done.load(Ordering::SeqCst) {
                    assert!(lin.may("read", "task", &task).await, "an answer that neither policy gives");
                    lin.get(&format!("/api/v1/resources/{task}")).await.ok();
                    asked += 1;
                    // A question may be answered without ever waiting; the others are to have their turn.
                    tokio::task::yield_now().await;
                }
                asked
            })
        })
        .collect();
    for round in 0..200 {
        ada.patch(&format!("/api/v1/policies/{policy}"), json!({"policy": forms[round % 2]})).await.ok();
    }
    done.store(true, Ordering::SeqCst);
    let mut asked = 0;
    for asker in asking {
        asked += asker.await.expect("always the same answer");
    }
    assert!(asked > 0);
}

/// Every way to learn of a task in a space.
fn ways(person: &Person, space: &Thing, task: &Thing) -> Vec<Call> {
    let question = person.question("read", "task", &task.id);
    vec![
        person.get(&space.url("")),
        person.get(&task.url("")),
        person.get(&format!("/api/v1/resources?space={}", space.id)),
        person.get("/api/v1/spaces"),
        person.post("/access/v1/evaluation", question.clone()),
        person.post("/access/v1/evaluations", json!({"evaluations": [question, question]})),
        person.post("/api/v1/explain", question),
    ]
}

#[track_caller]
fn tells_nothing(answer: &Answer, space: &Thing, task: &Thing) {
    let text = String::from_utf8_lossy(&answer.bytes).into_owned();
    let allowed = text.contains("\"decision\":true") || text.contains("\"name\":\"Atlas\"");
    let asked = answer.path.contains(&space.id) || answer.path.contains(&task.id);
    let named = answer.status.is_success() && !asked && (text.contains(&space.id) || text.contains(&task.id));
    let told = asked && answer.status == 200 && text.contains(&task.id);
    assert!(!(allowed || named || told), "{answer}");
}

async fn n34_revoked_is_revoked_in_the_next_answer_of_every_sort(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    g.closed_home().await;
    ada.kind("task").await;
    let atlas = ada.space("Atlas").create().await;
    let task = ada.resource("task", "Fix the lift").space(&atlas).create().await;
    for round in 0..60 {
        let grant = ada.grant(&atlas, &lin, "reader").await;
        lin.get(&task.url("")).await.ok();
        // The revoke runs among questions; what is asked after its answer is refused, whatever those did.
        let mut racing = ways(&lin, &atlas, &task);
        racing.insert(round % 7, ada.delete(&atlas.url(&format!("/grants/{}", grant.id))));
        race(racing).await.remove(round % 7).done();
        for answer in race(ways(&lin, &atlas, &task)).await {
            tells_nothing(&answer, &atlas, &task);
        }
    }
    // A use and its revoke: whichever comes first, the space's record has them in that order.
    for round in 0..60 {
        let grant = ada.grant(&atlas, &lin, "writer").await;
        let name = format!("Used {round}");
        let answers = race(vec![
            lin.resource("task", &name).space(&atlas).send(),
            ada.delete(&atlas.url(&format!("/grants/{}", grant.id))),
        ])
        .await;
        assert!([201, 422, 403].contains(&answers[0].status.as_u16()), "{}", answers[0]);
        lin.resource("task", &name).space(&atlas).send().await.refused_somehow();
        let record = ada.get(&atlas.url("/audit?limit=3")).await.ok().items();
        let actions: Vec<&str> = record.iter().filter_map(|entry| entry["action"].as_str()).collect();
        let made_first = actions.starts_with(&["grant.delete", "resource.create"]);
        assert_eq!(answers[0].status == 201, made_first, "round {round}: {actions:?}");
    }
}

async fn n35_whoever_keeps_asking_keeps_nothing(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    g.closed_home().await;
    ada.kind("task").await;
    let atlas = ada.space("Atlas").create().await;
    let task = ada.resource("task", "Fix the lift").space(&atlas).create().await;
    // Odd while no grant holds: a question that begins and ends in the same odd number must be refused.
    let (time, done) = (Arc::new(AtomicU64::new(1)), Arc::new(AtomicBool::new(false)));
    let refused = Arc::new(AtomicU64::new(0));
    let asking: Vec<_> = (0..4)
        .map(|_| {
            let (lin, task) = (lin.clone(), task.id.clone());
            let (time, done, refused) = (Arc::clone(&time), Arc::clone(&done), Arc::clone(&refused));
            tokio::spawn(async move {
                while !done.load(Ordering::SeqCst) {
                    let before = time.load(Ordering::SeqCst);
                    let allowed = lin.may("read", "task", &task).await;
                    if before % 2 == 1 && time.load(Ordering::SeqCst) == before {
                        assert!(!allowed, "allowed after the revoke was answered");
                        refused.fetch_add(1, Ordering::SeqCst);
                    }
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for _ in 0..150 {
        let grant = ada.post(&atlas.url("/grants"), json!({"principal": lin.principal(), "role": "reader"}));
        time.fetch_add(1, Ordering::SeqCst);
        let grant = grant.await.created().id();
        ada.delete(&atlas.url(&format!("/grants/{grant}"))).await.done();
        time.fetch_add(1, Ordering::SeqCst);
        // Not before somebody asked in between, however busy the machine is.
        let asked = refused.load(Ordering::SeqCst);
        while refused.load(Ordering::SeqCst) == asked && asking.iter().any(|asker| !asker.is_finished()) {
            lin.get("/api/v1/me").await.ok();
            tokio::task::yield_now().await;
        }
    }
    done.store(true, Ordering::SeqCst);
    for asker in asking {
        asker.await.expect("never a stale answer");
    }
}

async fn n37_what_was_revoked_stays_so_after_a_restart(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    g.closed_home().await;
    let atlas = ada.space("Atlas").create().await;
    let grant = ada.grant(&atlas, &lin, "reader").await;
    let (ended, kept) = (lin.sign_in("lin").await, lin.sign_in("lin").await);
    ended.post("/api/v1/logout", json!({})).await.done();
    ada.revoke(&atlas, &grant).await;
    for _ in 0..2 {
        ended.get("/api/v1/me").await.not_signed_in();
        kept.get("/api/v1/me").await.ok();
        kept.get(&atlas.url("")).await.refused(404, "not_found");
        g.restart().await;
    }
    let url = format!("/api/v1/users/{}", lin.id);
    ada.patch(&url, json!({"disabled": true})).await.ok();
    kept.get("/api/v1/me").await.not_signed_in();
    g.restart().await;
    kept.get("/api/v1/me").await.not_signed_in();
}

async fn n39_a_grant_ends_at_its_microsecond_and_another_path_holds_on(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    g.closed_home().await;
    let atlas = ada.space("Atlas").create().await;
    let crew = ada.group("crew", &[&lin]).await;
    let until = |seconds: i64| g.time_in(seconds * SECOND);
    for (principal, seconds) in [(lin.principal(), 10), (format!("group:{}", crew.id), 20)] {
        let body = json!({"principal": principal, "role": "reader", "expires_at": until(seconds)});
        ada.post(&atlas.url("/grants"), body).await.created();
    }
    // One tick before, exactly at, and one tick after the first: the group's still holds.
    for pass in [10 * SECOND - 1, 1, 1] {
        g.pass(pass);
        lin.get(&atlas.url("")).await.ok();
        assert!(lin.may("read", "space", &atlas.id).await);
    }
    g.pass(10 * SECOND - 2);
    lin.get(&atlas.url("")).await.ok();
    for pass in [1, 1] {
        g.pass(pass);
        lin.get(&atlas.url("")).await.refused(404, "not_found");
        assert!(!lin.may("read", "space", &atlas.id).await);
    }
    // A restart does not bring it back, and neither does the other grant's being taken away.
    g.restart().await;
    lin.get(&atlas.url("")).await.refused(404, "not_found");
}

async fn n69_numbers_at_their_limits_neither_overflow_nor_wrap(g: Garth) {
    let ada = g.admin().await;
    let home = g.home().await;
    ada.kind("task").await;
    let task = ada.resource("task", "Fix the lift").space(&home).create().await;
    for limit in ["0", "101", "-1", "2147483648", "4294967296", "9223372036854775808", "18446744073709551617", "1e2"] {
        ada.get(&format!("/api/v1/resources?limit={limit}")).await.problem(422);
    }
    for limit in [1, 100] {
        ada.get(&format!("/api/v1/resources?limit={limit}")).await.ok();
    }
    g.unchanged(async || {
        for version in ["0", "-1", "4294967297", "9223372036854775807", "9223372036854775808", "18446744073709551617"] {
            let patch = ada.patch(&task.url(""), json!({"name": "never"}));
            patch.header("if-match", &format!("\"{version}\"")).await.refused_somehow();
        }
        let question = ada.question("read", "task", &task.id);
        for size in [2_u64, u64::from(u32::MAX) + 1, u64::MAX] {
            // A number where the standard knows none is ignored, not computed with.
            let mut asked = question.clone();
            asked["context"] = json!({"size": size});
            let answer = ada.post("/access/v1/evaluation", asked).await;
            assert!(answer.status == 200 || answer.status == 400, "{answer}");
        }
    })
    .await;
    // The body is the application's: numbers come back as they were sent, or are refused; never another number.
    for number in ["9223372036854775807", "-9223372036854775808", "18446744073709551615", "0.5", "1e400"] {
        let body = format!(r#"{{"kind": "task", "space": "{}", "name": "n", "body": {{"n": {number}}}}}"#, home.id);
        let answer = ada.post("/api/v1/resources", json!({})).raw("application/json", body).await;
        if answer.status == 201 {
            let there = ada.get(&format!("/api/v1/resources/{}", answer.id())).await.ok();
            let sent: Value = serde_json::from_str(number).expect("a number");
            assert_eq!(there["body"]["n"], sent, "{there}");
        } else {
            answer.refused_somehow();
        }
    }
    for time in
        ["9999-12-31T23:59:59.999999Z", "+292278-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "-009999-01-01T00:00:00Z"]
    {
        let body = json!({"principal": "group:everyone", "role": "reader", "expires_at": time});
        let answer = ada.post(&home.url("/grants"), body).await;
        assert!(answer.status.is_success() || answer.status == 422, "{answer}");
        if answer.status.is_success() {
            assert!(answer.text("expires_at").starts_with(&time[..10]), "{answer}");
        }
    }
}
