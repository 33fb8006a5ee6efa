//! Stories about spaces: the one that is always there, making and finding them, the gate, and that nobody locks
//! themselves out. The tree has a file of its own.

use crate::support::*;

#[path = "tests/archive.rs"]
mod archive;
#[path = "tests/tree.rs"]
mod tree;

stories! {
    one_space_is_always_there_and_shows_no_controls,
    the_first_space_names_the_default_one,
    who_may_create_spaces_is_a_setting,
    a_space_is_answered_as_it_was_made,
    names_are_bounded_and_need_not_be_unique,
    the_gate_is_absolute,
    a_hidden_space_is_a_missing_one,
    lists_find_what_they_are_asked_for,
    lists_of_spaces_come_page_by_page,
    a_change_needs_the_edit_policy,
    a_stale_version_is_refused,
    of_two_changes_at_once_one_is_stale,
    nobody_locks_themselves_out,
    policies_that_mean_nothing_are_refused,
    a_change_to_a_space_rewrites_none_of_its_resources,
}

async fn one_space_is_always_there_and_shows_no_controls(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    let task = lin.resource("task", "Fix the lift").create().await;
    assert!(task["space"].is_string());
    let bo = g.person("bo").await;
    bo.patch(&task.url(""), json!({"labels": ["seen"]})).await.ok();
    for person in [&ada, &lin, &bo] {
        assert_eq!(person.get("/api/v1/me").await.ok()["controls"], false);
    }
}

async fn the_first_space_names_the_default_one(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    let before = lin.resource("task", "Older than any space").create().await;
    ada.patch("/api/v1/settings", json!({"create_spaces": "users"})).await.ok();
    g.unchanged(async || lin.space("Mine").send().await.refused(403, "forbidden")).await;

    let home = ada.space("Home").with("description", json!("Where it all began")).create().await;
    assert_eq!(home["default"], true);
    assert_eq!(home["access"]["role"], "admin");
    assert_eq!(home.id, before["space"], "the first space is the one everything lies in already");
    let after = lin.get(&before.url("")).await.ok();
    assert_eq!(after["version"], before["version"], "no resource was rewritten");
    assert_eq!(after["updated_at"], before["updated_at"]);
    assert_eq!(lin.get(&home.url("")).await.ok()["access"]["role"], "writer", "everyone stays a writer");

    let second = ada.space("Second").create().await;
    assert_eq!(second["default"], false);
    let me = lin.get("/api/v1/me").await.ok();
    assert_eq!(me["controls"], false, "who sees one space meets no controls");
    assert_eq!(ada.get("/api/v1/me").await.ok()["controls"], true);
}

async fn who_may_create_spaces_is_a_setting(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let bo = g.person("bo").await;
    g.home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    lin.grant(&atlas, &bo, "writer").await;
    let let_create = |who: &str| ada.patch("/api/v1/settings", json!({"create_spaces": who}));
    g.unchanged(async || {
        lin.space("Mine").send().await.refused(403, "forbidden");
        lin.space("Ours").under(&atlas).send().await.refused(403, "forbidden");
    })
    .await;

    let_create("space_admins").await.ok();
    let child = lin.space("Security").under(&atlas).create().await;
    assert_eq!(child["parent"], atlas.id);
    assert_eq!(child["access"]["role"], "admin");
    g.unchanged(async || {
        bo.space("Mine").send().await.refused(403, "forbidden");
        bo.space("Ours").under(&atlas).send().await.refused(403, "forbidden");
    })
    .await;

    let_create("users").await.ok();
    let own = bo.space("Bo's own").create().await;
    assert_eq!(own["access"]["role"], "admin");
    lin.get(&own.url("")).await.refused(404, "not_found");
    g.unchanged(async || bo.space("Under yours").under(&atlas).send().await.refused(403, "forbidden")).await;
    g.anonymous().space("Nobody's").send().await.not_signed_in();
}

async fn a_space_is_answered_as_it_was_made(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    g.home().await;
    let view = json!({"rules": [{"effect": "deny", "who": {"users": [lin.principal()]}}], "default": "allow"});
    let space = ada
        .space("  Atlas ")
        .with("description", json!("Maps"))
        .with("view", view.clone())
        .with("labels", json!(["maps", "north"]))
        .create()
        .await;
    assert_eq!(space["name"], "Atlas");
    assert_eq!(space["path"], "Atlas");
    assert_eq!(space["description"], "Maps");
    assert_eq!(space["view"], view);
    assert_eq!(space["labels"], json!(["maps", "north"]));
    assert_eq!(space["parent"], Value::Null);
    for (field, value) in [("inherits", false), ("archived", false), ("default", false), ("sealed", false)] {
        assert_eq!(space[field], value, "{field}");
    }
    assert_eq!(space["created_at"], g.time_in(0));
    assert_eq!(space["access"]["role"], "admin");
    let permissions = space["access"]["permissions"].as_array().expect("permissions");
    assert!(permissions.contains(&json!("space:admin")), "{permissions:?}");

    let shown = ada.get(&space.url("")).await.ok();
    for (field, value) in shown.json.as_object().expect("a space") {
        assert_eq!(&space[field.as_str()], value, "what was answered is what is there: {field}");
    }
    lin.get(&space.url("")).await.refused(404, "not_found");
    g.restart().await;
    assert_eq!(ada.get(&space.url("")).await.ok().json, shown.json);
}

async fn names_are_bounded_and_need_not_be_unique(g: Garth) {
    let ada = g.admin().await;
    g.home().await;
    let one = ada.space("Twin").create().await;
    let other = ada.space("Twin").create().await;
    assert_ne!(one.id, other.id);
    ada.space(&"é".repeat(127)).create().await;
    g.unchanged(async || {
        for bad in ["", "   ", &"x".repeat(256), &"é".repeat(128), "a\u{0}b", "a\u{1b}b"] {
            ada.space(bad).send().await.invalid("/name");
            ada.patch(&one.url(""), json!({"name": bad})).await.invalid("/name");
        }
        ada.post("/api/v1/spaces", json!({"description": "no name"})).await.invalid("/name");
        ada.space("x").with("labels", json!([""])).send().await.invalid("/labels/0");
        ada.space("x").with("labels", json!(["ok", "y".repeat(129)])).send().await.invalid("/labels/1");
        let many: Vec<String> = (0..65).map(|label| label.to_string()).collect();
        ada.space("x").with("labels", json!(many)).send().await.invalid("/labels");
        ada.space("x").with("colour", json!("red")).send().await.invalid("/colour");
        ada.space("x").with("parent", json!(7)).send().await.invalid("/parent");
        ada.space("x").with("archived", json!(true)).send().await.invalid("/archived");
        ada.space("x").with("admins", json!(["user:@nobody"])).send().await.invalid("/admins/0");
    })
    .await;
}

async fn the_gate_is_absolute(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let bo = g.person("bo").await;
    ada.kind_with("task", json!({"exceptions": {"owner": ["view", "edit"]}})).await;
    g.home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    lin.grant(&atlas, &bo, "admin").await;
    let open = json!({"users": [lin.principal(), bo.principal()]});
    let task = bo
        .resource("task", "Bo's own")
        .space(&atlas)
        .view(open.clone())
        .edit(open)
        .owner(&bo)
        .with("subscribers", json!([bo.principal()]))
        .create()
        .await;
    bo.get(&task.url("")).await.ok();

    lin.patch(&atlas.url(""), json!({"view": {"users": [lin.principal()]}})).await.ok();
    bo.get(&atlas.url("")).await.refused(404, "not_found");
    bo.get(&task.url("")).await.refused(404, "not_found");
    bo.patch(&task.url(""), json!({"name": "Still mine"})).await.refused(404, "not_found");
    bo.delete(&task.url("")).await.refused(404, "not_found");
    assert!(!bo.may("read", "task", &task.id).await);
    assert!(!bo.may("read", "space", &atlas.id).await);
    for list in ["?kind=task", &format!("?owner={}", bo.principal()), &format!("?space={}", atlas.id)] {
        assert!(bo.get(&format!("/api/v1/resources{list}")).await.ok().items().is_empty(), "{list}");
    }
    assert!(!bo.get("/api/v1/spaces").await.ok().names().contains(&"Atlas".to_owned()));
    let me = bo.get("/api/v1/me").await.ok();
    assert_eq!(me["spaces"].as_array().expect("spaces").len(), 1);

    // A system administrator has no way in either.
    ada.get(&atlas.url("")).await.refused(404, "not_found");
    ada.get(&task.url("")).await.refused(404, "not_found");
    assert!(ada.get("/api/v1/resources").await.ok().items().is_empty());
}

async fn a_hidden_space_is_a_missing_one(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    g.closed_home().await;
    let hidden = ada.space("Hidden").create().await;
    let nowhere = strange(&hidden.id);
    let url = |id: &str, tail: &str| format!("/api/v1/spaces/{id}{tail}");
    g.unchanged(async || {
        for (tail, body) in [
            ("", None),
            ("/grants", None),
            ("/members", None),
            ("/audit", None),
            ("/grants", Some(json!({"principal": lin.principal(), "role": "admin"}))),
        ] {
            let ask = |by: &Person, id: &str| match &body {
                None => by.get(&url(id, tail)),
                Some(body) => by.post(&url(id, tail), body.clone()),
            };
            let answer = ask(&lin, &hidden.id).await.refused(404, "not_found");
            assert_missing(&answer, &hidden.id, &ask(&lin, &nowhere).await, &nowhere);
            let answer = ask(&g.anonymous(), &hidden.id).await.not_signed_in();
            assert_missing(&answer, &hidden.id, &ask(&g.anonymous(), &nowhere).await, &nowhere);
        }
        let patch = |id: &str| lin.patch(&url(id, ""), json!({"name": "Found"})).header("if-match", "\"7\"");
        let answer = patch(&hidden.id).await.refused(404, "not_found");
        assert_missing(&answer, &hidden.id, &patch(&nowhere).await, &nowhere);
        let list = |id: &str| lin.get(&format!("/api/v1/spaces?parent={id}"));
        assert_missing(&list(&hidden.id).await.ok(), &hidden.id, &list(&nowhere).await, &nowhere);
    })
    .await;
    for bad in ["x", "..", "%2e%2e", "%00", &"9".repeat(2000), "' OR 1=1 --", "%F0%9F%94%91"] {
        lin.get(&url(&percent(bad), "")).await.refused(404, "not_found");
    }
}

async fn lists_find_what_they_are_asked_for(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    g.closed_home().await;
    let atlas = ada.space("Atlas").with("labels", json!(["maps", "north"])).create().await;
    let security = ada.space("Security").under(&atlas).with("labels", json!(["maps"])).create().await;
    let hidden = ada.space("Hidden").under(&atlas).with("labels", json!(["maps"])).create().await;
    ada.grant(&atlas, &lin, "reader").await;
    ada.patch(&hidden.url(""), json!({"view": {"users": [ada.principal()]}})).await.ok();

    let list = async |query: &str| sorted(lin.get(&format!("/api/v1/spaces{query}")).await.ok().names());
    assert_eq!(list("").await, ["Atlas", "Security"]);
    assert_eq!(list("?label=maps").await, ["Atlas", "Security"]);
    assert_eq!(list("?label=maps&label=north").await, ["Atlas"]);
    assert!(list("?label=south").await.is_empty());
    assert_eq!(list(&format!("?parent={}", atlas.id)).await, ["Security"]);
    assert!(list(&format!("?parent={}", security.id)).await.is_empty());
    assert_eq!(list("?path=Atlas/Security").await, ["Security"]);
    assert!(list("?path=Atlas/Hidden").await.is_empty());
    assert_eq!(list("?q=Secur*").await, ["Security"]);
    assert!(list("?q=Hidden").await.is_empty());
}

async fn lists_of_spaces_come_page_by_page(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    g.closed_home().await;
    let mut visible = Vec::new();
    for number in 0..12 {
        let space = ada.space(&format!("Space {number:02}")).create().await;
        if number % 2 == 0 {
            ada.grant(&space, &lin, "reader").await;
            visible.push(space.id);
        }
    }
    for limit in [1, 2, 5, 100] {
        let listed = lin.all_pages("/api/v1/spaces", limit).await;
        let ids = listed.iter().map(|space| space["id"].as_str().expect("an id").to_owned()).collect();
        assert_eq!(sorted(ids), sorted(visible.clone()), "pages of {limit}");
    }
    for bad in ["?limit=0", "?limit=101", "?limit=-1", "?limit=x", "?limit=99999999999999999999"] {
        lin.get(&format!("/api/v1/spaces{bad}")).await.invalid("?limit");
    }
    lin.get("/api/v1/spaces?cursor=nonsense").await.invalid("?cursor");
    let cursor = lin.get("/api/v1/spaces?limit=2").await.ok().text("next");
    ada.get(&format!("/api/v1/spaces?limit=2&cursor={}", percent(&cursor))).await.invalid("?cursor");
    lin.get(&format!("/api/v1/spaces?limit=2&q=Space&cursor={}", percent(&cursor))).await.invalid("?cursor");
}

async fn a_change_needs_the_edit_policy(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let bo = g.person("bo").await;
    g.home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    lin.grant(&atlas, &bo, "writer").await;
    g.unchanged(async || {
        let denied = bo.patch(&atlas.url(""), json!({"name": "Bo's"})).await.refused(403, "forbidden");
        assert!(denied.text("detail").contains("space:admin"), "the lacking permission is named: {denied}");
        bo.patch(&atlas.url(""), json!({"colour": "red"})).await.refused_somehow();
        lin.patch(&atlas.url(""), json!({"colour": "red"})).await.invalid("/colour");
        lin.patch(&atlas.url(""), json!({"id": bo.id})).await.invalid("/id");
        lin.patch(&atlas.url(""), json!({"default": true})).await.invalid("/default");
        lin.patch(&atlas.url(""), json!({"version": 9})).await.invalid("/version");
    })
    .await;
    let changed =
        lin.patch(&atlas.url(""), json!({"name": "Atlas II", "labels": ["x"], "description": "d"})).await.ok();
    assert_eq!(
        (&changed["name"], &changed["labels"], &changed["description"]),
        (&json!("Atlas II"), &json!(["x"]), &json!("d"))
    );
    // An edit policy of its own lets others change the space, and that alone.
    lin.patch(&atlas.url(""), json!({"edit": "members"})).await.ok();
    bo.patch(&atlas.url(""), json!({"description": "by Bo"})).await.ok();
    let body = json!({"principal": bo.principal(), "role": "admin"});
    g.unchanged(async || bo.post(&atlas.url("/grants"), body).await.refused(403, "forbidden")).await;
}

async fn a_stale_version_is_refused(g: Garth) {
    let ada = g.admin().await;
    let home = g.home().await;
    let first = ada.get(&home.url("")).await.ok();
    let etag = first.header("etag").to_owned();
    assert!(!etag.is_empty(), "a space carries an ETag");
    let patch = |name: &str| ada.patch(&home.url(""), json!({"name": name}));
    let changed = patch("Home II").header("if-match", &etag).await.ok();
    assert_eq!(changed["version"].as_i64(), first["version"].as_i64().map(|version| version + 1));
    assert_ne!(changed.header("etag"), etag);
    g.unchanged(async || patch("Home III").header("if-match", &etag).await.refused(409, "version_mismatch")).await;
    patch("Home III").header("if-match", changed.header("etag")).await.ok();
    patch("Home IV").header("if-match", "*").await.ok();
}

async fn of_two_changes_at_once_one_is_stale(g: Garth) {
    let ada = g.admin().await;
    let home = g.home().await;
    let etag = ada.get(&home.url("")).await.ok().header("etag").to_owned();
    let patches = (0..8)
        .map(|number| ada.patch(&home.url(""), json!({"name": format!("Home {number}")})).header("if-match", &etag));
    let answers = race(patches.collect()).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    for answer in answers.into_iter().filter(|answer| answer.status != 200) {
        answer.refused(409, "version_mismatch");
    }
}

async fn nobody_locks_themselves_out(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let bo = g.person("bo").await;
    g.home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    let only_bo = json!({"users": [bo.principal()]});
    g.unchanged(async || {
        for (field, policy) in [
            ("view", &only_bo),
            ("view", &json!("nobody")),
            ("view", &json!({"groups_any": []})),
            ("edit", &only_bo),
            ("edit", &json!({"rules": [{"effect": "deny", "who": "users"}], "default": "allow"})),
        ] {
            lin.patch(&atlas.url(""), json!({field: policy})).await.refused(409, "lockout");
        }
        ada.space("Not for me").with("view", only_bo.clone()).send().await.refused(409, "lockout");
        let both = json!({"name": "Renamed as well", "view": only_bo});
        lin.patch(&atlas.url(""), both).await.refused(409, "lockout");
    })
    .await;
    // Somebody else in charge may be given a space that its creator cannot see.
    ada.space("For Bo").admin(&bo).with("view", only_bo).create().await;
    // Judged after the whole request: two changes that only together leave the actor in.
    let me = json!({"users": [lin.principal()]});
    lin.patch(&atlas.url(""), json!({"view": me, "edit": me})).await.ok();
}

async fn policies_that_mean_nothing_are_refused(g: Garth) {
    let ada = g.admin().await;
    let home = g.home().await;
    let nobody = strange(&ada.id);
    let mut deep = json!("members");
    for _ in 0..17 {
        deep = json!({"rules": [{"effect": "allow", "who": deep}], "default": "deny"});
    }
    let mut abyss = "[".repeat(20_000);
    abyss.push_str(&"]".repeat(20_000));
    g.unchanged(async || {
        for policy in [
            json!("whoever"),
            json!(""),
            json!(7),
            json!([]),
            json!({}),
            json!({"users": "user:@ada"}),
            json!({"users": [format!("user:{nobody}")]}),
            json!({"users": ["group:everyone"]}),
            json!({"groups_any": [format!("group:{nobody}")]}),
            json!({"named": nobody}),
            json!({"permission": "nothing:read"}),
            json!({"permission": "x"}),
            json!({"users": [ada.principal()], "groups_any": []}),
            json!({"rules": [{"effect": "maybe", "who": "users"}], "default": "allow"}),
            json!({"rules": [{"effect": "allow", "who": "strangers"}], "default": "allow"}),
            json!({"rules": [{"effect": "allow", "who": "author"}], "default": "allow"}),
            json!({"rules": [{"effect": "allow", "who": "users", "why": "so"}], "default": "allow"}),
            deep,
        ] {
            let refused = ada.patch(&home.url(""), json!({"view": policy.clone()})).await.refused(422, "invalid");
            let pointed = refused["errors"].as_array().is_some_and(|errors| {
                errors.iter().all(|error| error["pointer"].as_str().is_some_and(|at| at.starts_with("/view")))
            });
            assert!(pointed, "{policy}: {refused}");
        }
        let body = format!("{{\"view\": {abyss}}}");
        ada.call(axum::http::Method::PATCH, &home.url("")).raw("application/json", body).await.refused_somehow();
    })
    .await;
}

async fn a_change_to_a_space_rewrites_none_of_its_resources(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    let (atlas, other) = (ada.space("Atlas").create().await, ada.space("Other").create().await);
    let task = ada.resource("task", "Fix the lift").space(&atlas).labels(&["lift"]).create().await;
    let tables = ["resources", "resource_labels", "resource_subscribers", "access_classes"];
    let mut before = Vec::new();
    for table in tables {
        before.push(g.rows(table).await);
    }
    ada.grant(&atlas, &lin, "writer").await;
    ada.patch(&atlas.url(""), json!({"view": {"users": [ada.principal()]}, "parent": other.id})).await.ok();
    lin.get(&task.url("")).await.refused(404, "not_found");
    ada.post(&atlas.url("/archive"), json!({})).await.ok();
    for (table, rows) in tables.iter().zip(before) {
        assert_eq!(g.rows(table).await, rows, "{table}");
    }
}
