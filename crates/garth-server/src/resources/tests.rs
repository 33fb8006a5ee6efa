//! Stories about resources: making, finding, changing, moving and deleting them, and who sees one. Lists, moves
//! and copies have files of their own.

use crate::support::*;

#[path = "tests/attachments.rs"]
mod attachments;
#[path = "tests/belongs.rs"]
mod belongs;
#[path = "tests/copies.rs"]
mod copies;
#[path = "tests/copy_races.rs"]
mod copy_races;
#[path = "tests/lists.rs"]
mod lists;
#[path = "tests/movement_limits.rs"]
mod movement_limits;
#[path = "tests/moves.rs"]
mod moves;
#[path = "tests/requirements.rs"]
mod requirements;
#[path = "tests/search.rs"]
mod search;
#[path = "tests/shares.rs"]
mod shares;
#[path = "tests/usable.rs"]
mod usable;

stories! {
    a_resource_is_answered_as_it_was_made,
    a_resource_is_found_by_id_and_by_code,
    codes_tell_nothing,
    a_new_resource_lies_where_the_rules_say,
    creating_needs_the_kinds_write_there,
    what_makes_no_sense_is_refused,
    limits_are_kept,
    a_patch_merges_the_body,
    a_change_is_all_or_nothing,
    a_stale_version_is_refused,
    of_two_changes_at_once_one_is_stale,
    a_deleted_resource_is_gone,
    a_batch_is_all_or_nothing,
    many_at_once_are_all_answered,
    a_move_keeps_id_and_code,
    a_move_needs_rights_at_both_ends,
    a_patch_may_carry_a_move,
    a_hidden_resource_is_a_missing_one,
    policies_of_a_resource_are_asked_behind_the_gate,
    n21_a_property_that_nobody_told_denies,
    nobody_locks_themselves_out,
}

const RESOURCES: &str = "/api/v1/resources";

async fn a_resource_is_answered_as_it_was_made(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    let home = g.home().await;
    let task = lin
        .resource("task", "  Fix the lift ")
        .space(&home)
        .body(json!({"priority": "high", "steps": [1, 2.5, null, {"deep": "ü"}]}))
        .labels(&["bug", "lift"])
        .owner(&ada)
        .with("subscribers", json!(["user:@ada", lin.principal()]))
        .create()
        .await;
    assert_eq!(task["name"], "Fix the lift");
    assert_eq!(task["kind"], "task");
    assert_eq!(task["space"], home.id);
    assert_eq!(task["body"], json!({"priority": "high", "steps": [1, 2.5, null, {"deep": "ü"}]}));
    assert_eq!(task["labels"], json!(["bug", "lift"]));
    assert_eq!(task["author"], lin.principal());
    assert_eq!(task["owner"], ada.principal());
    let mut subscribers: Vec<_> =
        task["subscribers"].as_array().expect("subscribers").iter().map(Value::to_string).collect();
    subscribers.sort();
    let mut expected = vec![json!(ada.principal()).to_string(), json!(lin.principal()).to_string()];
    expected.sort();
    assert_eq!(subscribers, expected);
    assert_eq!(task["created_at"], g.time_in(0));
    assert_eq!(task["updated_at"], g.time_in(0));
    assert!(task["version"].is_i64());
    let shown = ada.get(&task.url("")).await.ok();
    assert_eq!(shown.json, task.json);
    g.restart().await;
    assert_eq!(ada.get(&task.url("")).await.ok().json, task.json);
    let bare = lin.resource("task", "Bare").create().await;
    assert_eq!(bare["owner"], Value::Null, "an omitted owner is nobody");
    assert_eq!(bare["body"], json!({}));
    assert_eq!(bare["labels"], json!([]));
    assert_eq!(bare["subscribers"], json!([]));
}

async fn a_resource_is_found_by_id_and_by_code(g: Garth) {
    let ada = g.admin().await;
    ada.kind_with("task", json!({"prefix": "T"})).await;
    let task = ada.resource("task", "Fix the lift").create().await;
    let code = task["code"].as_str().expect("a code");
    let shape: String = code.chars().map(|c| if c == '-' { '-' } else { 'x' }).collect();
    assert!(code.starts_with("T-") && shape == "x-xxxx-xxxx", "{code}");
    let by_code = format!("{RESOURCES}/{code}");
    assert_eq!(ada.get(&by_code).await.ok()["id"], task.id);
    assert_eq!(ada.patch(&by_code, json!({"name": "Fixed"})).await.ok()["name"], "Fixed");
    ada.delete(&by_code).await.done();
    ada.get(&by_code).await.refused(404, "not_found");
}

async fn codes_tell_nothing(g: Garth) {
    let ada = g.admin().await;
    ada.kind_with("task", json!({"prefix": "T"})).await;
    let mut codes = Vec::new();
    for number in 0..30 {
        let task = ada.resource("task", &number.to_string()).create().await;
        codes.push(task["code"].as_str().expect("a code").to_owned());
    }
    let mut in_order = codes.clone();
    in_order.sort();
    in_order.dedup();
    assert_eq!(in_order.len(), 30, "codes are unique");
    assert_ne!(in_order, codes, "codes do not rise");
    let starts: std::collections::BTreeSet<_> = codes.iter().map(|code| &code[..4]).collect();
    assert!(starts.len() > 15, "codes do not share their beginning: {codes:?}");
}

async fn a_new_resource_lies_where_the_rules_say(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let kim = g.person("kim").await;
    ada.kind("task").await;
    let home = g.closed_home().await;
    g.pass(SECOND);
    let older = ada.space("Older").admin(&lin).create().await;
    g.pass(SECOND);
    let newer = ada.space("Newer").admin(&lin).create().await;

    let by_ada = ada.resource("task", "In the installation's default").create().await;
    assert_eq!(by_ada["space"], home.id);
    // Lin cannot see the installation's default: the oldest visible one is taken, never a hidden one.
    let by_lin = lin.resource("task", "In the oldest I see").create().await;
    assert_eq!(by_lin["space"], older.id);
    lin.patch("/api/v1/me", json!({"default_space": newer.id})).await.ok();
    let by_lin = lin.resource("task", "In my own default").create().await;
    assert_eq!(by_lin["space"], newer.id);
    g.unchanged(async || kim.resource("task", "Nowhere to put it").send().await.refused_somehow()).await;
}

async fn creating_needs_the_kinds_write_there(g: Garth) {
    let ada = g.admin().await;
    let [reader, writer, stranger] = [g.person("rea").await, g.person("wri").await, g.person("stra").await];
    ada.kind("task").await;
    g.home().await;
    let atlas = ada.space("Atlas").create().await;
    ada.grant(&atlas, &reader, "reader").await;
    ada.grant(&atlas, &writer, "writer").await;
    writer.resource("task", "Allowed").space(&atlas).create().await;
    let create = |by: &Person, space: &str| by.post(RESOURCES, json!({"kind": "task", "name": "Mine", "space": space}));
    g.unchanged(async || {
        let denied = create(&reader, &atlas.id).await.refused(403, "forbidden");
        assert!(denied.text("detail").contains("task:write"), "{denied}");
        let hidden = create(&stranger, &atlas.id).await.invalid("/space");
        let nowhere = strange(&atlas.id);
        assert_missing(&hidden, &atlas.id, &create(&stranger, &nowhere).await, &nowhere);
        create(&g.anonymous(), &atlas.id).await.not_signed_in();
    })
    .await;
}

async fn what_makes_no_sense_is_refused(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    let nobody = strange(&ada.id);
    let with = |field: &str, value: Value| ada.resource("task", "Odd").with(field, value).send();
    g.unchanged(async || {
        with("kind", json!("unheard-of")).await.invalid("/kind");
        with("kind", json!(7)).await.invalid("/kind");
        with("name", json!("")).await.invalid("/name");
        with("name", json!("a\u{0}b")).await.invalid("/name");
        with("name", json!(null)).await.invalid("/name");
        with("space", json!("")).await.invalid("/space");
        with("body", json!(7)).await.refused(422, "invalid");
        with("labels", json!("bug")).await.invalid("/labels");
        with("labels", json!([7])).await.invalid("/labels/0");
        with("labels", json!([""])).await.invalid("/labels/0");
        with("owner", json!(format!("user:{nobody}"))).await.invalid("/owner");
        with("owner", json!("user:@nobody")).await.invalid("/owner");
        with("owner", json!("group:everyone")).await.invalid("/owner");
        with("subscribers", json!([format!("user:{nobody}")])).await.invalid("/subscribers/0");
        with("view", json!("whoever")).await.invalid("/view");
        with("edit", json!({"named": nobody})).await.refused(422, "invalid");
        with("author", json!(ada.principal())).await.invalid("/author");
        with("id", json!(nobody)).await.invalid("/id");
        with("code", json!("T-0000-0000")).await.invalid("/code");
        with("version", json!(7)).await.invalid("/version");
        ada.post(RESOURCES, json!({"name": "No kind"})).await.invalid("/kind");
        ada.post(RESOURCES, json!({"kind": "task"})).await.invalid("/name");
    })
    .await;
}

async fn limits_are_kept(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    ada.resource("task", &"n".repeat(255)).create().await;
    let labels: Vec<String> = (0..64).map(|label| format!("{label:0>128}")).collect();
    ada.resource("task", "Well labelled").with("labels", json!(labels)).create().await;
    ada.resource("task", "Well filled").body(json!({"text": "x".repeat(255 * 1024)})).create().await;
    g.unchanged(async || {
        ada.resource("task", &"n".repeat(256)).send().await.invalid("/name");
        let many: Vec<String> = (0..65).map(|label| label.to_string()).collect();
        ada.resource("task", "Too many").with("labels", json!(many)).send().await.invalid("/labels");
        ada.resource("task", "Long").with("labels", json!(["l".repeat(129)])).send().await.invalid("/labels/0");
        let big = json!({"text": "x".repeat(256 * 1024)});
        ada.resource("task", "Too full").body(big).send().await.refused_somehow();
        ada.resource("task", "A request too large").body(json!("x".repeat(1100 * 1024))).send().await.problem(413);
    })
    .await;
    for limit in ["0", "101", "-1", "x", "", "1.5", "99999999999999999999"] {
        ada.get(&format!("{RESOURCES}?limit={limit}")).await.invalid("?limit");
    }
    ada.get(&format!("{RESOURCES}?order=size")).await.invalid("?order");
    ada.get(&format!("{RESOURCES}?archived=maybe")).await.invalid("?archived");
}

async fn a_patch_merges_the_body(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    let body = json!({"priority": "high", "place": {"floor": 3, "side": "north"}, "steps": ["a", "b"]});
    let task = ada.resource("task", "Fix the lift").body(body).labels(&["bug"]).create().await;
    g.pass(SECOND);
    let patch = json!({"body": {"priority": null, "place": {"floor": 4}, "steps": ["c"], "new": true}});
    let patched = ada.patch(&task.url(""), patch).await.ok();
    let expected = json!({"place": {"floor": 4, "side": "north"}, "steps": ["c"], "new": true});
    assert_eq!(patched["body"], expected);
    assert_eq!(patched["labels"], json!(["bug"]), "what was not named stays");
    assert_eq!(patched["name"], "Fix the lift");
    assert_eq!(patched["created_at"], task["created_at"]);
    assert_eq!(patched["updated_at"], g.time_in(0));
    assert_eq!(patched["version"].as_i64(), task["version"].as_i64().map(|version| version + 1));
    let owner = ada.patch(&task.url(""), json!({"owner": "user:@ada"})).await.ok();
    assert_eq!(owner["owner"], ada.principal());
    let nobody = ada.patch(&task.url(""), json!({"owner": null})).await.ok();
    assert_eq!(nobody["owner"], Value::Null);
    assert_eq!(ada.get(&task.url("")).await.ok()["body"], expected);
}

async fn a_change_is_all_or_nothing(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    let task = ada.resource("task", "Fix the lift").create().await;
    g.unchanged(async || {
        let patch = |body: Value| ada.patch(&task.url(""), body);
        patch(json!({"name": "Fixed", "labels": [""]})).await.invalid("/labels/0");
        patch(json!({"name": "Fixed", "owner": "user:@nobody"})).await.invalid("/owner");
        patch(json!({"name": "Fixed", "view": "nobody"})).await.refused(409, "lockout");
        patch(json!({"name": "Fixed", "kind": "task"})).await.invalid("/kind");
        patch(json!({"name": "Fixed", "author": "user:@ada"})).await.invalid("/author");
        patch(json!({"name": null})).await.invalid("/name");
        patch(json!({"name": "Fixed", "colour": "red"})).await.invalid("/colour");
        patch(json!([])).await.refused_somehow();
    })
    .await;
}

async fn a_stale_version_is_refused(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    let task = ada.resource("task", "Fix the lift").create().await;
    let etag = ada.get(&task.url("")).await.ok().header("etag").to_owned();
    assert!(!etag.is_empty(), "a resource carries an ETag");
    let patch = |name: &str| ada.patch(&task.url(""), json!({"name": name}));
    let changed = patch("Fixed").header("if-match", &etag).await.ok();
    assert_ne!(changed.header("etag"), etag);
    g.unchanged(async || {
        patch("Broken").header("if-match", &etag).await.refused(409, "version_mismatch");
        patch("Broken").header("if-match", "\"nonsense\"").await.refused_somehow();
        ada.delete(&task.url("")).header("if-match", &etag).await.refused(409, "version_mismatch");
    })
    .await;
    ada.delete(&task.url("")).header("if-match", changed.header("etag")).await.done();
}

async fn of_two_changes_at_once_one_is_stale(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    let task = ada.resource("task", "Fix the lift").create().await;
    let etag = ada.get(&task.url("")).await.ok().header("etag").to_owned();
    let patches =
        (0..8).map(|number| ada.patch(&task.url(""), json!({"name": number.to_string()})).header("if-match", &etag));
    let answers = race(patches.collect()).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    for answer in answers.into_iter().filter(|answer| answer.status != 200) {
        answer.refused(409, "version_mismatch");
    }
}

async fn a_deleted_resource_is_gone(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    g.home().await;
    let atlas = ada.space("Atlas").create().await;
    ada.grant(&atlas, &lin, "reader").await;
    let task = ada.resource("task", "Fix the lift").space(&atlas).create().await;
    g.unchanged(async || lin.delete(&task.url("")).await.refused(403, "forbidden")).await;
    ada.delete(&task.url("")).await.done();
    let gone = ada.get(&task.url("")).await.refused(404, "not_found");
    let never = strange(&task.id);
    assert_missing(&gone, &task.id, &ada.get(&format!("{RESOURCES}/{never}")).await, &never);
    ada.get(&format!("{RESOURCES}/{}", task["code"].as_str().expect("a code"))).await.refused(404, "not_found");
    ada.delete(&task.url("")).await.refused(404, "not_found");
    assert!(ada.get(RESOURCES).await.ok().items().is_empty());
    assert!(!ada.may("read", "task", &task.id).await);
    let next = ada.resource("task", "Fix the lift").space(&atlas).create().await;
    assert_ne!(next["code"], task["code"], "a code is never given twice");
}

async fn a_batch_is_all_or_nothing(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    let home = g.home().await;
    let atlas = ada.space("Atlas").create().await;
    let one = |name: &str| json!({"kind": "task", "name": name, "space": home.id});
    let batch = |by: &Person, resources: Value| by.post("/api/v1/resources/batch", json!({"resources": resources}));
    g.unchanged(async || {
        let bad = json!([one("Good"), one("")]);
        batch(&ada, bad).await.invalid("/resources/1/name");
        let hidden = json!([one("Good"), {"kind": "task", "name": "Elsewhere", "space": atlas.id}]);
        batch(&lin, hidden).await.invalid("/resources/1/space");
        let many: Vec<Value> = (0..501).map(|number| one(&number.to_string())).collect();
        batch(&ada, json!(many)).await.invalid("/resources");
        batch(&ada, json!({})).await.invalid("/resources");
        batch(&ada, json!([7])).await.refused(422, "invalid");
    })
    .await;
    ada.grant(&atlas, &lin, "reader").await;
    g.unchanged(async || {
        let forbidden = json!([one("Good"), {"kind": "task", "name": "Not there", "space": atlas.id}]);
        batch(&lin, forbidden).await.refused(403, "forbidden");
    })
    .await;
    let many: Vec<Value> = (0..500).map(|number| one(&format!("{number:03}"))).collect();
    let made = batch(&ada, json!(many)).await.created();
    let expected: Vec<String> = (0..500).map(|number| format!("{number:03}")).collect();
    assert_eq!(made.names(), expected, "in the order they were sent");
    assert_eq!(ada.all_pages(RESOURCES, 100).await.len(), 500);
}

/// More at once than there are connections or threads: nobody waits for ever, and each write is there afterwards.
async fn many_at_once_are_all_answered(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    g.home().await;
    let mut calls = Vec::new();
    for number in 0..60 {
        calls.push(ada.resource("task", &format!("Task {number}")).send());
        calls.push(ada.resource("task", "").send());
        calls.push(ada.get(RESOURCES));
        calls.push(ada.get("/api/v1/audit"));
    }
    let mut codes = Vec::new();
    for (number, answer) in race(calls).await.into_iter().enumerate() {
        match number % 4 {
            0 => codes.push(answer.created().text("code")),
            1 => drop(answer.invalid("/name")),
            _ => drop(answer.ok()),
        }
    }
    let stored = ada.all_pages(RESOURCES, 7).await;
    let stored = stored.iter().map(|item| item["code"].as_str().expect("a code").to_owned()).collect();
    assert_eq!(sorted(stored), sorted(codes));
}

async fn a_move_keeps_id_and_code(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    g.home().await;
    let here = ada.space("Here").create().await;
    let there = ada.space("There").create().await;
    ada.grant(&here, &lin, "reader").await;
    let task = ada.resource("task", "Fix the lift").space(&here).labels(&["bug"]).create().await;
    lin.get(&task.url("")).await.ok();

    let moved = ada.post(&task.url("/move"), json!({"space": there.id})).await.ok();
    assert_eq!(moved["space"], there.id);
    for same in ["id", "code", "name", "labels", "body", "author", "created_at"] {
        assert_eq!(moved[same], task[same], "{same}");
    }
    lin.get(&task.url("")).await.refused(404, "not_found");
    assert!(lin.get(RESOURCES).await.ok().items().is_empty());
    ada.grant(&there, &lin, "reader").await;
    lin.get(&task.url("")).await.ok();

    g.pass(SECOND);
    g.unchanged(async || {
        let again = ada.post(&task.url("/move"), json!({"space": there.id})).await.ok();
        assert_eq!(again["version"], moved["version"], "the same space is a no-op");
    })
    .await;
}

async fn a_move_needs_rights_at_both_ends(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    g.home().await;
    let here = ada.space("Here").create().await;
    let there = ada.space("There").create().await;
    let task = ada.resource("task", "Fix the lift").space(&here).create().await;
    let move_to = |space: &str| lin.post(&task.url("/move"), json!({"space": space}));

    g.unchanged(async || move_to(&there.id).await.refused(404, "not_found")).await;
    let reads = ada.grant(&here, &lin, "reader").await;
    ada.grant(&there, &lin, "writer").await;
    g.unchanged(async || move_to(&there.id).await.refused(403, "forbidden")).await;
    ada.revoke(&here, &reads).await;

    ada.grant(&here, &lin, "writer").await;
    let narrow = ada.space("Narrow").create().await;
    let hidden = ada.space("Hidden").create().await;
    ada.grant(&narrow, &lin, "reader").await;
    g.unchanged(async || {
        move_to(&narrow.id).await.refused(403, "forbidden");
        let refused = move_to(&hidden.id).await.invalid("/space");
        let nowhere = strange(&hidden.id);
        assert_missing(&refused, &hidden.id, &move_to(&nowhere).await, &nowhere);
        move_to("").await.invalid("/space");
        lin.post(&task.url("/move"), json!({})).await.invalid("/space");
        lin.post(&task.url("/move"), json!({"space": there.id, "name": "x"})).await.invalid("/name");
    })
    .await;
    move_to(&there.id).await.ok();
}

async fn a_patch_may_carry_a_move(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    g.home().await;
    let here = ada.space("Here").create().await;
    let there = ada.space("There").create().await;
    let hidden = ada.space("Hidden").create().await;
    ada.grant(&here, &lin, "writer").await;
    let task = lin.resource("task", "Fix the lift").space(&here).create().await;
    g.unchanged(async || {
        let patch = |space: &str| lin.patch(&task.url(""), json!({"name": "Fixed", "space": space}));
        let refused = patch(&hidden.id).await.invalid("/space");
        let nowhere = strange(&hidden.id);
        assert_missing(&refused, &hidden.id, &patch(&nowhere).await, &nowhere);
    })
    .await;
    ada.grant(&there, &lin, "writer").await;
    let patched = lin.patch(&task.url(""), json!({"name": "Fixed", "space": there.id})).await.ok();
    assert_eq!((&patched["name"], &patched["space"]), (&json!("Fixed"), &json!(there.id)));
    assert_eq!(patched["version"].as_i64(), task["version"].as_i64().map(|version| version + 1));
}

async fn a_hidden_resource_is_a_missing_one(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind_with("task", json!({"prefix": "T", "permissions": ["task:triage"]})).await;
    g.home().await;
    let atlas = ada.space("Atlas").create().await;
    let visible = ada.space("Visible").create().await;
    ada.grant(&visible, &lin, "admin").await;
    let by_gate = ada.resource("task", "Behind the gate").space(&atlas).create().await;
    let only_ada = json!({"users": [ada.principal()]});
    let by_policy = ada.resource("task", "Behind a policy").space(&visible).view(only_ada).create().await;
    for hidden in [&by_gate, &by_policy] {
        let code = hidden["code"].as_str().expect("a code").to_owned();
        let no_code = if code.ends_with('0') { format!("{}1", &code[..10]) } else { format!("{}0", &code[..10]) };
        for (name, nothing) in [(hidden.id.clone(), strange(&hidden.id)), (code, no_code)] {
            for person in [&lin, &g.anonymous()] {
                let url = |id: &str| format!("{RESOURCES}/{id}");
                let calls = |id: &str| {
                    vec![
                        person.get(&url(id)),
                        person.patch(&url(id), json!({"name": "Found"})),
                        person.patch(&url(id), json!({"name": "Found"})).header("if-match", "\"1\""),
                        person.patch(&url(id), json!({"colour": "red"})),
                        person.delete(&url(id)),
                        person.post(&format!("{}/move", url(id)), json!({"space": visible.id})),
                        person.post("/access/v1/evaluation", person.question("read", "task", id)),
                        person.post("/access/v1/evaluation", person.question("task:triage", "task", id)),
                        person.post("/api/v1/explain", person.question("read", "task", id)),
                        person.call(axum::http::Method::HEAD, &url(id)),
                    ]
                };
                g.unchanged(async || {
                    for (of_hidden, of_nothing) in calls(&name).into_iter().zip(calls(&nothing)) {
                        assert_missing(&of_hidden.await, &name, &of_nothing.await, &nothing);
                    }
                })
                .await;
            }
        }
    }
}

async fn policies_of_a_resource_are_asked_behind_the_gate(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo, kim] = [g.person("lin").await, g.person("bo").await, g.person("kim").await];
    ada.kind("task").await;
    g.home().await;
    let atlas = ada.space("Atlas").create().await;
    for person in [&lin, &bo] {
        ada.grant(&atlas, person, "writer").await;
    }
    let crew = ada.group("crew", &[&bo, &ada]).await;
    let watch = ada.group("watch", &[&lin, &ada]).await;
    ada.grant(&atlas, &crew, "reader").await;
    let id = |group: &Thing| format!("group:{}", group.id);
    let by_author = json!({"rules": [
        {"effect": "deny", "who": {"groups_any": [id(&crew)]}},
        {"effect": "allow", "who": "subscribers"},
        {"effect": "allow", "who": "author"},
    ], "default": "deny"});
    let closed = json!({"users": [ada.principal(), lin.principal()]});
    // The view policy of a resource, and whether Lin, Bo and Kim (who is outside) see it.
    for (view, sees) in [
        (json!("members"), [true, true, false]),
        (json!("users"), [true, true, false]),
        (json!("public"), [true, true, false]),
        (json!("admins"), [false, false, false]),
        (json!({"permission": "task:read"}), [true, true, false]),
        (closed, [true, false, false]),
        (json!({"groups_any": [id(&crew), id(&watch)]}), [true, true, false]),
        (json!({"groups_all": [id(&crew), id(&watch)]}), [false, false, false]),
        (json!({"groups_all": [id(&watch)]}), [true, false, false]),
    ] {
        let task = ada.resource("task", "Fix the lift").space(&atlas).view(view.clone()).create().await;
        for (person, sees) in [&lin, &bo, &kim].into_iter().zip(sees) {
            let answer = person.get(&task.url("")).await;
            assert_eq!(answer.status == 200, sees, "{} under {view}: {answer}", person.username);
            assert_eq!(person.may("read", "task", &task.id).await, sees, "{} under {view}", person.username);
            let listed = person.get(RESOURCES).await.ok().each("id").contains(&task.id);
            assert_eq!(listed, sees, "{} lists under {view}", person.username);
            let changed = person.patch(&task.url(""), json!({"labels": [person.username]})).await;
            assert_eq!(changed.status == 200, sees, "{} edits under {view}: {changed}", person.username);
        }
    }
    // Rules: the first match decides. Bo is in the crew, so being a subscriber comes too late.
    let task = lin
        .resource("task", "By rules")
        .space(&atlas)
        .view(by_author)
        .with("subscribers", json!([bo.principal(), kim.principal()]))
        .create()
        .await;
    lin.get(&task.url("")).await.ok();
    for person in [&bo, &kim, &ada] {
        person.get(&task.url("")).await.refused(404, "not_found");
    }
}

/// What Garth does itself asks without properties: what a rule assumes counts, and where it assumes nothing nobody passes.
async fn n21_a_property_that_nobody_told_denies(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    g.home().await;
    let edit = |asked: Value| {
        json!({"rules": [
            {"effect": "deny", "who": "users", "given": {"resource": {"status": asked}}},
            {"effect": "allow", "who": "members"},
        ], "default": "deny"})
    };
    let with = |field: &str, policy: Value| ada.resource("task", "Fix").with(field, policy).send();
    let assumed = edit(json!({"is": "archived", "otherwise": "active"}));
    let task = with("edit", assumed.clone()).await.created();
    assert_eq!(task["edit"], assumed);
    g.unchanged(async || {
        with("edit", edit(json!("archived"))).await.refused(409, "lockout");
        with("edit", edit(json!({"is": "archived", "otherwise": "archived"}))).await.refused(409, "lockout");
        for odd in [
            json!(null),
            json!(1.5),
            json!([]),
            json!({}),
            json!({"is": "a", "otherwise": 1}),
            json!({"is": "a", "or": "b"}),
        ] {
            with("edit", edit(odd)).await.invalid("/edit/rules/0/given/resource/status");
        }
        let asks =
            |given: Value| json!({"rules": [{"effect": "deny", "who": "users", "given": given}], "default": "allow"});
        with("edit", asks(json!({}))).await.invalid("/edit/rules/0/given");
        with("edit", asks(json!({"weather": {"wet": true}}))).await.invalid("/edit/rules/0/given/weather");
        with("edit", asks(json!({"action": {}}))).await.invalid("/edit/rules/0/given/action");
        let many: Value = (0..17)
            .map(|n| (format!("p{n}"), json!({"is": true, "otherwise": false})))
            .collect::<serde_json::Map<_, _>>()
            .into();
        with("edit", asks(json!({"subject": many}))).await.invalid("/edit/rules/0/given");
        let gate = asks(json!({"action": {"soft": {"is": true, "otherwise": false}}}));
        ada.space("Gated").with("view", gate).send().await.invalid("/view/rules/0/given");
    })
    .await;
}

async fn nobody_locks_themselves_out(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind_with("task", json!({"exceptions": {"owner": ["view", "edit"]}})).await;
    g.home().await;
    let only_ada = json!({"users": [ada.principal()]});
    let task = lin.resource("task", "Mine").owner(&lin).create().await;
    let own = lin.patch(&task.url(""), json!({"view": only_ada, "edit": only_ada})).await.ok();
    assert_eq!(own["owner"], lin.principal(), "the owner stays in by the kind's exception");
    let plain = lin.resource("task", "Ours").create().await;
    g.unchanged(async || {
        lin.patch(&task.url(""), json!({"owner": null})).await.refused(409, "lockout");
        lin.patch(&task.url(""), json!({"owner": ada.principal()})).await.refused(409, "lockout");
        for (field, policy) in [("view", &only_ada), ("edit", &only_ada), ("view", &json!("nobody"))] {
            lin.patch(&plain.url(""), json!({field: policy})).await.refused(409, "lockout");
            lin.resource("task", "From the start").with(field, policy.clone()).send().await.refused(409, "lockout");
        }
    })
    .await;
    // After the whole request: the policies shut Lin out, but being the owner lets them in again.
    lin.patch(&plain.url(""), json!({"view": only_ada, "edit": only_ada, "owner": "user:@lin"})).await.ok();
}
