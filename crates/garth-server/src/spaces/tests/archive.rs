//! Stories about the archive: what leaves the lists and takes nothing in, what stays as it was, and the end of a space.

use crate::support::*;

stories! {
    n24_an_archived_space_takes_nothing_in_by_any_way,
    an_archived_space_leaves_lists_and_changes_no_right,
    what_lies_below_follows_and_keeps_its_own_state,
    a_new_resource_never_lies_in_an_archived_default,
    who_may_archive_is_who_may_edit,
    a_space_says_what_goes_with_it,
    a_space_with_spaces_below_stays,
    a_deleted_space_takes_its_key_along,
}

async fn n24_an_archived_space_takes_nothing_in_by_any_way(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    g.home().await;
    ada.patch("/api/v1/settings", json!({"create_spaces": "users"})).await.ok();
    let atlas = lin.space("Atlas").create().await;
    let below = lin.space("Below").under(&atlas).create().await;
    let other = lin.space("Other").create().await;
    let inside = lin.resource("task", "Inside").space(&atlas).create().await;
    let outside = lin.resource("task", "Outside").space(&other).create().await;
    let (key, low) = (lin.key(&atlas, "app", "admin").await, lin.key(&below, "low", "admin").await);
    let tired = lin.resource("task", "Tired").space(&atlas).create().await;
    lin.post(&tired.url("/archive"), json!({})).await.ok();
    lin.post(&atlas.url("/archive"), json!({})).await.ok();
    g.unchanged(async || {
        for space in [&atlas, &below] {
            let new = json!({"kind": "task", "name": "New", "space": space.id});
            lin.post("/api/v1/resources", new.clone()).await.refused(409, "archived");
            lin.post("/api/v1/resources/batch", json!({"resources": [new]})).await.refused(409, "archived");
            lin.post(&outside.url("/move"), json!({"space": space.id})).await.refused(409, "archived");
            lin.patch(&outside.url(""), json!({"space": space.id, "name": "In"})).await.refused(409, "archived");
            let many = json!({"resources": [outside.id], "space": space.id});
            lin.post("/api/v1/resources/batch-move", many).await.refused(409, "archived");
            lin.post(&space.url("/copies"), json!({"resources": [outside.id]})).await.refused(409, "archived");
            lin.post(&space.url("/copies?dry_run=true"), json!({"resources": [outside.id]}))
                .await
                .refused(409, "archived");
            lin.post(&space.url("/api-keys"), json!({"name": "x", "role": "reader"})).await.refused(409, "archived");
            lin.space("Child").under(space).send().await.refused(409, "archived");
            lin.patch(&other.url(""), json!({"parent": space.id})).await.refused(409, "archived");
            // A key of the space, too: it opens nothing at all.
            for app in [&key, &low] {
                app.post("/api/v1/resources", json!({"kind": "task", "name": "New"})).await.not_signed_in();
            }
        }
        lin.post(&tired.url("/activate"), json!({})).await.refused(409, "archived");
    })
    .await;
    // In place and out of it, all goes on.
    lin.patch(&inside.url(""), json!({"name": "Edited", "space": atlas.id})).await.ok();
    lin.post(&inside.url("/move"), json!({"space": atlas.id})).await.ok();
    lin.post(&other.url("/copies"), json!({"resources": [inside.id]})).await.ok();
    lin.post(&inside.url("/move"), json!({"space": other.id})).await.ok();
    lin.patch(&below.url(""), json!({"parent": other.id})).await.ok();
    low.get(&below.url("")).await.ok();
    lin.post(&atlas.url("/activate"), json!({})).await.ok();
    key.resource("task", "New").create().await;
}

async fn an_archived_space_leaves_lists_and_changes_no_right(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    g.closed_home().await;
    let (atlas, other) = (ada.space("Atlas").create().await, ada.space("Other").create().await);
    for space in [&atlas, &other] {
        ada.grant(space, &lin, "writer").await;
    }
    let task = lin.resource("task", "In Atlas").space(&atlas).create().await;
    lin.resource("task", "In Other").space(&other).create().await;
    let questions = async || {
        let search = json!({"subject": {"type": "user", "id": lin.id}, "action": {"name": "read"}, "resource": {"type": "task"}});
        let found = lin.post("/access/v1/search/resource", search).await.ok();
        (
            lin.may("read", "task", &task.id).await,
            lin.may("write", "task", &task.id).await,
            found.json["results"].clone(),
        )
    };
    let before = questions().await;
    let controls = lin.get("/api/v1/me").await.ok()["controls"].clone();
    ada.post(&atlas.url("/archive"), json!({})).await.ok();
    assert_eq!(questions().await, before, "decisions and searches answer as before");
    assert_eq!(lin.get("/api/v1/me").await.ok()["controls"], controls, "an archived space counts among those one sees");
    let names = async |query: &str| sorted(lin.get(&format!("/api/v1/resources{query}")).await.ok().names());
    assert_eq!(names("").await, ["In Other"]);
    assert_eq!(names("?kind=task&q=In").await, ["In Other"]);
    assert_eq!(names("?archived=true").await, ["In Atlas", "In Other"]);
    assert_eq!(names(&format!("?space={}", atlas.id)).await, ["In Atlas"]);
    let mixed = format!("?space={}&space={}", atlas.id, other.id);
    assert_eq!(names(&mixed).await, ["In Atlas", "In Other"], "archived and active ones may be named together");
    let spaces = async |query: &str| sorted(lin.get(&format!("/api/v1/spaces{query}")).await.ok().names());
    assert_eq!(spaces("").await, ["Other"]);
    assert_eq!(spaces("?archived=true").await, ["Atlas", "Other"]);
    lin.get(&task.url("")).await.ok();
    lin.patch(&task.url(""), json!({"name": "Edited in place"})).await.ok();
    assert_eq!(lin.get(&atlas.url("")).await.ok()["archived"], true);
    g.restart().await;
    assert_eq!(names("").await, ["In Other"]);
    ada.post(&atlas.url("/activate"), json!({})).await.ok();
    assert_eq!(names("").await, ["Edited in place", "In Other"]);
}

async fn what_lies_below_follows_and_keeps_its_own_state(g: Garth) {
    let ada = g.admin().await;
    g.home().await;
    let top = ada.space("Top").create().await;
    let middle = ada.space("Middle").under(&top).create().await;
    let low = ada.space("Low").under(&middle).create().await;
    let state = async || {
        let mut states = Vec::new();
        for space in [&top, &middle, &low] {
            states.push(ada.get(&space.url("")).await.ok()["archived"] == true);
        }
        states
    };
    let set = |space: &Thing, what: &str| ada.post(&space.url(&format!("/{what}")), json!({}));
    set(&middle, "archive").await.ok();
    assert_eq!(state().await, [false, true, true]);
    set(&top, "archive").await.ok();
    assert_eq!(state().await, [true, true, true]);
    g.unchanged(async || {
        // The same again is no change; nothing is activated under what is archived.
        set(&top, "archive").await.ok();
        for space in [&middle, &low] {
            set(space, "activate").await.refused(409, "archived");
        }
    })
    .await;
    set(&top, "activate").await.ok();
    assert_eq!(state().await, [false, true, true], "archived on its own, it stays archived");
    g.unchanged(async || set(&low, "activate").await.refused(409, "archived")).await;
    set(&middle, "activate").await.ok();
    assert_eq!(state().await, [false, false, false]);
    g.unchanged(async || set(&low, "activate").await.ok()).await;
    // Moved out from under it, a space that was not archived itself is active again.
    set(&top, "archive").await.ok();
    ada.patch(&low.url(""), json!({"parent": null})).await.ok();
    assert_eq!(state().await, [true, true, false]);
    let record = ada.get(&top.url("/audit?action=space.archive")).await.ok().items();
    assert_eq!((record.len(), &record[0]["after"]["archived"]), (2, &json!(true)));
}

async fn a_new_resource_never_lies_in_an_archived_default(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo] = [g.person("lin").await, g.person("bo").await];
    ada.kind("task").await;
    let home = g.home().await;
    g.pass(SECOND);
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    let own = ada.space("Own").admin(&lin).create().await;
    lin.patch("/api/v1/me", json!({"default_space": own.id})).await.ok();
    let lands = async |by: &Person| by.resource("task", "New").create().await["space"].clone();
    assert_eq!(lands(&lin).await, own.id);
    assert_eq!(lands(&bo).await, home.id);
    // One's own default is archived: the installation's. That is archived: the oldest one sees. None: refused.
    lin.post(&own.url("/archive"), json!({})).await.ok();
    assert_eq!(lands(&lin).await, home.id);
    assert_eq!(lin.get("/api/v1/me").await.ok()["default_space"], own.id, "it is passed over, not forgotten");
    ada.post(&home.url("/archive"), json!({})).await.ok();
    assert_eq!(lands(&lin).await, atlas.id);
    g.unchanged(async || bo.resource("task", "Nowhere").send().await.invalid("/space")).await;
    lin.post(&own.url("/activate"), json!({})).await.ok();
    assert_eq!(lands(&lin).await, own.id);
    ada.post(&home.url("/activate"), json!({})).await.ok();
    assert_eq!(lands(&bo).await, home.id);
}

async fn who_may_archive_is_who_may_edit(g: Garth) {
    let ada = g.admin().await;
    let [lin, wes, out] = [g.person("lin").await, g.person("wes").await, g.person("out").await];
    g.closed_home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    ada.grant_by_registry(&atlas, &wes, "writer").await;
    g.unchanged(async || {
        for what in ["archive", "activate"] {
            let url = |id: &str| format!("/api/v1/spaces/{id}/{what}");
            let ask = |by: &Person, id: &str| by.post(&url(id), json!({}));
            ask(&wes, &atlas.id).await.refused(403, "forbidden");
            let nowhere = strange(&atlas.id);
            for by in [&out, &ada, &g.anonymous()] {
                assert_missing(&ask(by, &atlas.id).await, &atlas.id, &ask(by, &nowhere).await, &nowhere);
            }
        }
        lin.post(&atlas.url("/archive?dry_run=true"), json!({})).await.ok();
    })
    .await;
    lin.post(&atlas.url("/archive"), json!({})).await.ok();
    lin.post(&atlas.url("/activate"), json!({})).await.ok();
}

async fn a_space_says_what_goes_with_it(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo] = [g.person("lin").await, g.person("bo").await];
    ada.kind("task").await;
    ada.kind_with("note", json!({"exceptions": {"owner": ["view"]}})).await;
    let home = g.closed_home().await;
    let atlas = ada.space("Atlas").admin(&lin).admin(&ada).create().await;
    lin.grant(&atlas, "group:everyone", "reader").await;
    lin.key(&atlas, "app", "writer").await;
    for name in ["One", "Two"] {
        lin.resource("task", name).space(&atlas).create().await;
    }
    let only_ada = json!({"users": [ada.principal()]});
    ada.resource("task", "Ada's").space(&atlas).view(only_ada.clone()).create().await;
    ada.resource("note", "Owned").space(&atlas).view(only_ada.clone()).owner(&lin).create().await;
    ada.resource("note", "Hidden").space(&atlas).view(only_ada).create().await;
    let end = |tail: &str| lin.delete(&atlas.url(tail));
    g.unchanged(async || {
        end("?confirm=Atlas&dry_run=true").await.refused(409, "conflict");
    })
    .await;
    lin.post(&atlas.url("/archive"), json!({})).await.ok();
    let expected = json!({"resources": {"note": 1, "task": 2}, "grants": 3, "api_keys": 1});
    g.unchanged(async || {
        for wrong in ["", "?confirm=", "?confirm=atlas", "?confirm=Atlas%20", "?dry_run=true"] {
            end(wrong).await.invalid("?confirm");
        }
        bo.delete(&atlas.url("?confirm=Atlas")).await.refused(403, "forbidden");
        // What the administrator cannot see goes as well, and is not counted.
        assert_eq!(end("?confirm=Atlas&dry_run=true").await.ok().json, expected);
    })
    .await;
    ada.post(&home.url("/archive"), json!({})).await.ok();
    g.unchanged(async || ada.delete(&home.url("?confirm=Home")).await.refused(409, "conflict")).await;
    assert_eq!(end("?confirm=Atlas").await.ok().json, expected);
    end("?confirm=Atlas").await.refused(404, "not_found");
    for table in ["resources", "resource_labels", "resource_followers", "api_keys", "access_classes"] {
        assert!(g.rows(table).await.is_empty(), "{table}");
    }
}

async fn a_space_with_spaces_below_stays(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    g.closed_home().await;
    let atlas = ada.space("Atlas").admin(&lin).admin(&ada).create().await;
    let twin = ada.space("Twin").admin(&lin).admin(&ada).create().await;
    let north = ada.space("North").under(&atlas).admin(&ada).create().await;
    ada.space("South").under(&atlas).create().await;
    let only_ada = json!({"users": [ada.principal()]});
    for parent in [&atlas, &twin] {
        ada.space("Hidden").under(parent).with("view", only_ada.clone()).create().await;
        lin.post(&parent.url("/archive"), json!({})).await.ok();
    }
    g.unchanged(async || {
        let refused = lin.delete(&atlas.url("?confirm=Atlas")).await.refused(409, "conflict");
        assert!(refused.text("detail").ends_with("below this one: North, South"), "{refused}");
        let refused = lin.delete(&twin.url("?confirm=Twin")).await.refused(409, "conflict");
        assert!(refused.text("detail").ends_with("below this one"), "that something is there, and no more: {refused}");
    })
    .await;
    // A child of an archived space is archived: it can go first.
    lin.delete(&north.url("?confirm=North")).await.ok();
}

async fn a_deleted_space_takes_its_key_along(g: Garth) {
    let ada = g.admin().await;
    ada.kind_with("safe", json!({"secret_fields": ["/key"]})).await;
    g.home().await;
    let atlas = ada.space("Atlas").create().await;
    ada.resource("safe", "Safe").space(&atlas).body(json!({"key": "s3cr3t"})).create().await;
    let (spaces, safes) = (g.rows("spaces").await, g.rows("resources").await);
    let row = spaces.iter().find(|row| row.contains(&atlas.id)).expect("a row").clone();
    assert!(safes.len() == 1 && !safes[0].contains("s3cr3t"));
    ada.post(&atlas.url("/archive"), json!({})).await.ok();
    ada.delete(&atlas.url("?confirm=Atlas")).await.ok();
    let after = json!([g.rows("spaces").await, g.rows("resources").await, g.rows("audit").await]).to_string();
    let key = row.split('"').max_by_key(|part| part.len()).expect("the wrapped key");
    assert!(!after.contains(key), "the wrapped key is nowhere any more");
}
