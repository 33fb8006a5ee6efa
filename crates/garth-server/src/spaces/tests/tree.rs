//! Stories about the tree of spaces: what flows along it, and moving a space to another place in it.

use crate::support::*;

stories! {
    a_parent_out_of_sight_makes_a_root,
    roles_flow_down_and_readers_up,
    a_space_moves_under_another_parent,
    a_space_is_never_its_own_ancestor,
    two_moves_at_once_cannot_close_a_circle,
    the_tree_has_a_limit,
    inheriting_is_agreed_at_both_ends,
    a_warning_says_that_everyone_holds_a_role_above,
}

async fn a_parent_out_of_sight_makes_a_root(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    g.home().await;
    let atlas = ada.space("Atlas").create().await;
    let security = ada.space("Security").under(&atlas).create().await;
    assert_eq!(security["path"], "Atlas/Security");
    ada.grant(&security, &lin, "writer").await;

    let seen = lin.get(&security.url("")).await.ok();
    assert_eq!(seen["parent"], Value::Null);
    assert_eq!(seen["path"], "Security");
    lin.get(&atlas.url("")).await.refused(404, "not_found");
    let me = lin.get("/api/v1/me").await.ok();
    let spaces = me["spaces"].as_array().expect("spaces");
    assert!(spaces.iter().any(|space| space["path"] == "Security"), "{me}");

    ada.grant(&atlas, &lin, "reader").await;
    let seen = lin.get(&security.url("")).await.ok();
    assert_eq!(seen["parent"], atlas.id);
    assert_eq!(seen["path"], "Atlas/Security");
}

async fn roles_flow_down_and_readers_up(g: Garth) {
    let ada = g.admin().await;
    let [above, below, beside] = [g.person("above").await, g.person("below").await, g.person("beside").await];
    ada.kind("task").await;
    g.home().await;
    let root = ada.space("Root").create().await;
    let child = ada.space("Child").under(&root).inherits().create().await;
    let sibling = ada.space("Sibling").under(&root).inherits().create().await;
    let apart = ada.space("Apart").under(&root).create().await;
    ada.grant(&root, &above, "writer").await;
    ada.grant(&child, &below, "admin").await;
    ada.grant(&apart, &beside, "admin").await;
    let mut tasks = Vec::new();
    for space in [&root, &child, &sibling, &apart] {
        tasks.push(ada.resource("task", space["name"].as_str().expect("a name")).space(space).create().await);
    }
    // Who reads, and who writes, in: root, child, sibling, apart.
    for (person, reads, writes) in [
        (&above, [true; 4], [true; 4]),
        (&below, [true, true, false, false], [false, true, false, false]),
        (&beside, [false, false, false, true], [false, false, false, true]),
    ] {
        let (mut read, mut written) = (Vec::new(), Vec::new());
        for task in &tasks {
            read.push(person.may("read", "task", &task.id).await);
            written.push(person.may("write", "task", &task.id).await);
        }
        assert_eq!(read, reads, "{} reads", person.username);
        assert_eq!(written, writes, "{} writes", person.username);
    }
    // A gate that names people stays shut to those who come up from below, and gives nothing further.
    ada.patch(&root.url(""), json!({"view": {"users": [ada.principal()]}})).await.ok();
    below.get(&root.url("")).await.refused(404, "not_found");
    below.get(&tasks[0].url("")).await.refused(404, "not_found");
    below.get(&tasks[1].url("")).await.ok();
    above.get(&tasks[1].url("")).await.refused(404, "not_found");
}

async fn a_space_moves_under_another_parent(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let boss = g.person("boss").await;
    g.home().await;
    let old = ada.space("Old").create().await;
    let new = ada.space("New").create().await;
    let team = ada.space("Team").under(&old).create().await;
    let inner = ada.space("Inner").under(&team).create().await;
    ada.grant(&old, &boss, "reader").await;
    ada.grant(&team, &lin, "admin").await;
    boss.get(&inner.url("")).await.ok();
    let move_to = |by: &Person, parent: Value| by.patch(&team.url(""), json!({"parent": parent}));

    g.unchanged(async || {
        let hidden = move_to(&lin, json!(new.id)).await.invalid("/parent");
        let nowhere = strange(&new.id);
        assert_missing(&hidden, &new.id, &move_to(&lin, json!(nowhere)).await, &nowhere);
    })
    .await;
    ada.grant(&new, &lin, "writer").await;
    g.unchanged(async || {
        move_to(&lin, json!(new.id)).await.refused(403, "forbidden");
    })
    .await;
    ada.grant(&old, &lin, "reader").await;
    g.unchanged(async || {
        // To a root moves a space who may create spaces.
        move_to(&lin, Value::Null).await.refused(403, "forbidden");
    })
    .await;
    ada.grant(&new, &lin, "admin").await;
    let moved = move_to(&lin, json!(new.id)).await.ok();
    assert_eq!(moved["path"], "New/Team");
    // Nothing of the old ancestors remains, everything of the new ones applies.
    boss.get(&inner.url("")).await.refused(404, "not_found");
    ada.grant(&new, &boss, "reader").await;
    assert_eq!(boss.get(&inner.url("")).await.ok()["path"], "New/Team/Inner");
    g.restart().await;
    assert_eq!(boss.get(&inner.url("")).await.ok()["path"], "New/Team/Inner");
    assert_eq!(move_to(&ada, Value::Null).await.ok()["path"], "Team");
}

async fn a_space_is_never_its_own_ancestor(g: Garth) {
    let ada = g.admin().await;
    g.home().await;
    let top = ada.space("Top").create().await;
    let middle = ada.space("Middle").under(&top).create().await;
    let bottom = ada.space("Bottom").under(&middle).create().await;
    g.unchanged(async || {
        for parent in [&top, &middle, &bottom] {
            ada.patch(&top.url(""), json!({"parent": parent.id})).await.refused_somehow();
        }
        ada.patch(&middle.url(""), json!({"parent": bottom.id, "name": "Circle"})).await.refused_somehow();
    })
    .await;
}

async fn two_moves_at_once_cannot_close_a_circle(g: Garth) {
    let ada = g.admin().await;
    g.home().await;
    let one = ada.space("One").create().await;
    let two = ada.space("Two").create().await;
    for _ in 0..5 {
        let answers = race(vec![
            ada.patch(&one.url(""), json!({"parent": two.id})),
            ada.patch(&two.url(""), json!({"parent": one.id})),
        ])
        .await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
        ada.patch(&one.url(""), json!({"parent": null})).await.ok();
        ada.patch(&two.url(""), json!({"parent": null})).await.ok();
    }
}

async fn the_tree_has_a_limit(g: Garth) {
    let ada = g.admin().await;
    g.home().await;
    let mut deepest = ada.space("1").create().await;
    let second = ada.space("2").under(&deepest).create().await;
    deepest = second.clone();
    for depth in 3..=32 {
        deepest = ada.space(&depth.to_string()).under(&deepest).create().await;
    }
    let other = ada.space("Other").create().await;
    let below = ada.space("Below").under(&other).create().await;
    g.unchanged(async || {
        ada.space("33").under(&deepest).send().await.refused_somehow();
        ada.patch(&other.url(""), json!({"parent": deepest.id})).await.refused_somehow();
        // The whole subtree counts: thirty-one levels fit under a root and not one level deeper.
        ada.patch(&second.url(""), json!({"parent": below.id})).await.refused_somehow();
    })
    .await;
    ada.patch(&second.url(""), json!({"parent": other.id})).await.ok();
}

async fn inheriting_is_agreed_at_both_ends(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    g.home().await;
    let root = ada.space("Root").create().await;
    let child = ada.space("Child").under(&root).create().await;
    ada.grant(&child, &lin, "admin").await;
    let inherit = |by: &Person, on: bool| by.patch(&child.url(""), json!({"inherits": on}));
    // A parent out of sight: the answer is that of a space without a parent.
    let alone = ada.space("Alone").admin(&lin).create().await;
    g.unchanged(async || {
        let hidden = inherit(&lin, true).await.refused_somehow();
        let none = lin.patch(&alone.url(""), json!({"inherits": true})).await;
        assert_missing(&hidden, &child.id, &none, &alone.id);
    })
    .await;
    let reader = ada.grant(&root, &lin, "reader").await;
    g.unchanged(async || inherit(&lin, true).await.refused(403, "forbidden")).await;
    ada.revoke(&root, &reader).await;

    lin.get(&root.url("")).await.refused(404, "not_found");
    assert_eq!(inherit(&ada, true).await.ok()["inherits"], true);
    assert_eq!(lin.get(&root.url("")).await.ok()["access"]["role"], "reader");
    // Turning it off needs the child's admin alone, and counts at once.
    inherit(&lin, false).await.ok();
    lin.get(&root.url("")).await.refused(404, "not_found");
}

async fn a_warning_says_that_everyone_holds_a_role_above(g: Garth) {
    let ada = g.admin().await;
    let home = g.home().await;
    let open = ada.space("Under the open home").under(&home).create().await;
    assert!(open["warnings"].as_array().is_some_and(|warnings| !warnings.is_empty()), "{}", open.json);
    let closed = ada.space("A root").create().await;
    assert!(closed["warnings"].as_array().is_none_or(Vec::is_empty), "{}", closed.json);
}
