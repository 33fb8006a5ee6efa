//! Stories about the tree of spaces: what flows along it, and moving a space to another place in it.

use crate::support::*;

stories! {
    a_parent_out_of_sight_makes_a_root,
    roles_flow_down_and_readers_up,
    the_official_picture_of_role_propagation,
    a_space_moves_under_another_parent,
    after_a_move_nothing_of_the_old_ancestors_remains,
    a_path_names_a_space_or_says_what_is_wrong,
    what_lies_between_may_be_out_of_sight,
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

/// Spacelift's own picture (`reference/spacelift.md`, 1.4), over HTTP.
async fn the_official_picture_of_role_propagation(g: Garth) {
    let (ada, lin) = (g.admin().await, g.person("lin").await);
    g.closed_home().await;
    let root = ada.space("root").create().await;
    let up = ada.space("access propagates up").under(&root).inherits().create().await;
    let write = ada.space("write access space").under(&up).inherits().create().await;
    let admin = ada.space("admin access space").under(&root).inherits().create().await;
    let down = ada.space("access propagates down").under(&admin).create().await;
    let legacy = ada.space("legacy").under(&root).inherits().create().await;
    let read = ada.space("read access space").under(&legacy).create().await;
    for (space, role) in [(&write, "writer"), (&admin, "admin"), (&read, "reader")] {
        ada.grant(space, &lin, role).await;
    }
    let expected = [
        (&root, Some("reader")),
        (&up, Some("reader")),
        (&write, Some("writer")),
        (&admin, Some("admin")),
        (&down, Some("admin")),
        (&legacy, None),
        (&read, Some("reader")),
    ];
    for (space, role) in expected {
        let seen = lin.get(&space.url("")).await;
        match role {
            Some(role) => assert_eq!(seen.ok()["access"]["role"], role, "{}", space["name"]),
            None => drop(seen.refused(404, "not_found")),
        }
    }
    let listed = lin.get("/api/v1/spaces").await.ok();
    assert_eq!(listed.items().len(), 6);
    let orphan = listed.items().into_iter().find(|space| space["id"] == read.id.as_str()).expect("listed");
    assert_eq!((&orphan["parent"], &orphan["path"]), (&Value::Null, &json!("read access space")));
}

async fn after_a_move_nothing_of_the_old_ancestors_remains(g: Garth) {
    let ada = g.admin().await;
    let [old_boss, new_boss, team_lead] = [g.person("old").await, g.person("new").await, g.person("lead").await];
    ada.kind("task").await;
    g.closed_home().await;
    let top = ada.space("Top").create().await;
    let old = ada.space("Old").under(&top).create().await;
    let new = ada.space("New").under(&top).create().await;
    let team = ada.space("Team").under(&old).inherits().create().await;
    let inner = ada.space("Inner").under(&team).create().await;
    ada.grant(&old, &old_boss, "writer").await;
    ada.grant(&new, &new_boss, "writer").await;
    ada.grant(&team, &team_lead, "admin").await;
    let task = ada.resource("task", "Fix the lift").space(&inner).create().await;
    let job = ada.resource("task", "A job").space(&top).create().await;
    ada.grant(&old, &job, "writer").await;
    ada.role("runner", &["decision:ask", "task:read"]).await;
    let runner = ada.key(&top, "runner", "runner").await;
    let (old_key, new_key) = (ada.key(&old, "old", "writer").await, ada.key(&new, "new", "writer").await);
    // Everything by which one could tell that the task is there: each session and key as it was before the move.
    let reaches = async |by: &Person| {
        let listed = by.all_pages("/api/v1/resources", 2).await.iter().any(|one| one["id"] == task.id.as_str());
        let search = json!({"subject": by.question("read", "task", &task.id)["subject"], "action": {"name": "read"}, "resource": {"type": "task"}});
        let found = by.post("/access/v1/search/resource", search).await.ok()["results"].to_string().contains(&task.id);
        let spaces = by.all_pages("/api/v1/spaces", 2).await;
        let ways = [
            by.get(&task.url("")).await.status == 200,
            by.get(&inner.url("")).await.status == 200,
            by.may("write", "task", &task.id).await,
            listed,
            found,
            spaces.iter().any(|space| space["id"] == inner.id.as_str()),
            by.patch(&format!("{}?dry_run=true", task.url("")), json!({"labels": ["seen"]})).await.status == 200,
        ];
        assert!(ways.iter().all(|way| *way == ways[0]), "{}: {ways:?}", by.username);
        ways[0]
    };
    let acts = async || crate::grants::actors::acts(&runner, &job.id, "write", "task", &task.id).await;
    let reads = async |by: &Person, space: &Thing| by.get(&space.url("")).await.status == 200;
    assert!(reaches(&old_boss).await && reaches(&old_key).await && acts().await);
    assert!(!reaches(&new_boss).await && !reaches(&new_key).await);
    assert!(reads(&team_lead, &old).await && !reads(&team_lead, &new).await, "a reader of the parent by inheriting");
    let members = async || sorted(ada.get(&inner.url("/members")).await.ok().each("username"));
    assert_eq!(members().await, ["ada", "lead", "old"]);

    let moved = ada.patch(&team.url(""), json!({"parent": new.id})).await.ok();
    assert_eq!((&moved["path"], &moved["inherits"]), (&json!("Top/New/Team"), &json!(true)));
    assert!(!reaches(&old_boss).await && !reaches(&old_key).await && !acts().await);
    assert!(reaches(&new_boss).await && reaches(&new_key).await);
    assert!(!reads(&team_lead, &old).await && reads(&team_lead, &new).await);
    assert_eq!(members().await, ["ada", "lead", "new"]);
    let me = old_boss.get("/api/v1/me").await.ok();
    assert!(!me["spaces"].to_string().contains(&team.id), "{me}");
    g.restart().await;
    assert!(!reaches(&old_boss).await && reaches(&new_boss).await && !acts().await);
    // As a root it has nothing from anybody above.
    ada.patch(&team.url(""), json!({"parent": null})).await.ok();
    assert!(!reaches(&new_boss).await && !reaches(&new_key).await && reaches(&ada).await);
    assert!(!reads(&team_lead, &new).await);
}

async fn a_path_names_a_space_or_says_what_is_wrong(g: Garth) {
    let (ada, lin) = (g.admin().await, g.person("lin").await);
    g.closed_home().await;
    let atlas = ada.space("Atlas").create().await;
    let team = ada.space("Team").under(&atlas).create().await;
    let inner = ada.space("Inner").under(&team).create().await;
    let at = |by: &Person, path: &str| by.get(&format!("/api/v1/spaces?path={}", percent(path)));
    let one = at(&ada, "Atlas/Team/Inner").await.ok();
    assert_eq!((one.each("id"), one.json.get("warnings")), (vec![inner.id.clone()], None));
    for unknown in ["Atlas/Team/", "Team", "Inner", "atlas", "Atlas/Inner", "Atlas//Team", "Nowhere", "*"] {
        let none = at(&ada, unknown).await.ok();
        assert!(none.items().is_empty() && none.json.get("warnings").is_none(), "{unknown}: {none}");
    }
    for slash in ["/", "/Atlas", "/Atlas/Team"] {
        at(&ada, slash).await.invalid("?path");
    }
    // Two of one name: both are told, and that there are two.
    let twin = ada.space("Team").under(&atlas).create().await;
    let both = at(&ada, "Atlas/Team").await.ok();
    assert_eq!(sorted(both.each("id")), sorted(vec![team.id.clone(), twin.id.clone()]));
    assert_eq!(both["warnings"].as_array().map(Vec::len), Some(1), "{both}");
    let first = ada.get("/api/v1/spaces?path=Atlas/Team&limit=1").await.ok();
    assert_eq!(first["warnings"].as_array().map(Vec::len), Some(1), "{first}");
    // The path is that of the one who looks: from what they see on, and what is hidden is no second one.
    ada.grant(&team, &lin, "reader").await;
    let seen = at(&lin, "Team").await.ok();
    assert_eq!((seen.each("id"), seen.json.get("warnings")), (vec![team.id.clone()], None));
    assert_eq!(at(&lin, "Team/Inner").await.ok().each("id"), std::slice::from_ref(&inner.id));
    assert!(at(&lin, "Atlas/Team").await.ok().items().is_empty());
    // An archived one is found by its path, as by its id.
    ada.post(&inner.url("/archive"), json!({})).await.ok();
    assert_eq!(at(&lin, "Team/Inner").await.ok().each("id"), std::slice::from_ref(&inner.id));
}

async fn what_lies_between_may_be_out_of_sight(g: Garth) {
    let (ada, lin) = (g.admin().await, g.person("lin").await);
    g.closed_home().await;
    let top = ada.space("Top").create().await;
    let middle = ada.space("Middle").under(&top).with("view", json!({"users": [ada.principal()]})).create().await;
    let leaf = ada.space("Leaf").under(&middle).create().await;
    ada.grant(&top, &lin, "reader").await;
    let seen = lin.get(&leaf.url("")).await.ok();
    assert_eq!(
        (&seen["path"], &seen["parent"], &seen["access"]["role"]),
        (&json!("Leaf"), &Value::Null, &json!("reader"))
    );
    lin.get(&middle.url("")).await.refused(404, "not_found");
    assert!(lin.get(&format!("/api/v1/spaces?parent={}", top.id)).await.ok().items().is_empty());
    assert_eq!(lin.get("/api/v1/spaces?path=Leaf").await.ok().each("id"), std::slice::from_ref(&leaf.id));
    assert!(lin.get("/api/v1/spaces?path=Top/Leaf").await.ok().items().is_empty());
    assert!(lin.get("/api/v1/spaces?path=Top/Middle/Leaf").await.ok().items().is_empty());
}
