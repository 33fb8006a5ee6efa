//! Stories about lists of resources: filters, orders, pages, and that a list is exactly what a check allows.

use super::RESOURCES;
use crate::support::*;

stories! {
    filters_find_what_they_name,
    lists_come_in_the_order_asked_for,
    a_list_is_what_a_check_allows_at_every_page_size,
    cursors_are_bound_to_caller_and_query,
    what_changes_between_pages_is_neither_shown_twice_nor_leaked,
}

async fn filters_find_what_they_name(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    ada.kind("report").await;
    let home = g.home().await;
    let atlas = ada.space("Atlas").create().await;
    let hidden = ada.space("Hidden").create().await;
    ada.grant(&atlas, &lin, "writer").await;
    lin.resource("task", "Lift north").labels(&["bug", "lift"]).owner(&ada).create().await;
    ada.resource("task", "Lift south").labels(&["lift"]).owner(&lin).create().await;
    lin.resource("report", "March").space(&atlas).labels(&["bug"]).create().await;
    ada.resource("task", "Hidden lift").space(&hidden).labels(&["bug", "lift"]).owner(&lin).create().await;

    let list = async |query: &str| sorted(lin.get(&format!("{RESOURCES}?{query}")).await.ok().names());
    assert_eq!(list("").await, ["Lift north", "Lift south", "March"]);
    assert_eq!(list("kind=task").await, ["Lift north", "Lift south"]);
    assert_eq!(list("kind=report").await, ["March"]);
    assert_eq!(list(&format!("space={}", atlas.id)).await, ["March"]);
    assert_eq!(list(&format!("space={}&space={}", atlas.id, home.id)).await.len(), 3);
    assert!(list(&format!("space={}", hidden.id)).await.is_empty());
    assert_eq!(list(&format!("space={}&space={}", hidden.id, atlas.id)).await, ["March"]);
    assert_eq!(list("label=bug").await, ["Lift north", "March"]);
    assert_eq!(list("label=bug&label=lift").await, ["Lift north"]);
    assert_eq!(list(&format!("owner={}", lin.principal())).await, ["Lift south"]);
    assert_eq!(list("owner=user:@ada").await, ["Lift north"]);
    assert_eq!(list(&format!("author={}", lin.principal())).await, ["Lift north", "March"]);
    assert_eq!(list("q=south").await, ["Lift south"]);
    assert!(list("q=Hidden").await.is_empty());
    assert_eq!(list(&format!("kind=task&label=lift&author={}&q=Lift", ada.principal())).await, ["Lift south"]);
    for odd in ["label=%25", "label=_", "label=%27", "label=%5C"] {
        assert!(list(odd).await.is_empty(), "{odd} means itself");
    }
    // A hidden and an unknown space give the same empty list, to the byte.
    let of = |space: &str| lin.get(&format!("{RESOURCES}?space={space}"));
    let nowhere = strange(&hidden.id);
    assert_missing(&of(&hidden.id).await.ok(), &hidden.id, &of(&nowhere).await, &nowhere);
}

async fn lists_come_in_the_order_asked_for(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    let mut made = Vec::new();
    for name in ["delta", "Alpha", "charlie", "bravo"] {
        made.push(ada.resource("task", name).create().await);
        g.pass(SECOND);
    }
    ada.patch(&made[1].url(""), json!({"labels": ["touched"]})).await.ok();
    g.pass(SECOND);
    // Two of the same name and time: the order must still be one order.
    ada.resource("task", "echo").create().await;
    ada.resource("task", "echo").create().await;

    for (order, expected) in [
        ("created", ["echo", "echo", "bravo", "charlie", "Alpha", "delta"]),
        ("-created", ["delta", "Alpha", "charlie", "bravo", "echo", "echo"]),
        ("updated", ["echo", "echo", "Alpha", "bravo", "charlie", "delta"]),
        ("-updated", ["delta", "charlie", "bravo", "Alpha", "echo", "echo"]),
    ] {
        let path = format!("{RESOURCES}?order={order}");
        assert_eq!(ada.get(&path).await.ok().names(), expected, "{order}");
        let whole = ada.get(&path).await.ok().items();
        for limit in [1, 2, 3, 6] {
            assert_eq!(ada.all_pages(&path, limit).await, whole, "{order} by {limit}");
        }
    }
    let plain = ada.get(RESOURCES).await.ok();
    assert_eq!(plain.names(), ada.get(&format!("{RESOURCES}?order=updated")).await.ok().names());
    let up = ada.get(&format!("{RESOURCES}?order=name")).await.ok();
    let mut down = ada.get(&format!("{RESOURCES}?order=-name")).await.ok().names();
    down.reverse();
    assert_eq!(up.names(), down);
    let mut lower: Vec<_> = up.names().into_iter().filter(|name| name != "Alpha").collect();
    lower.dedup();
    assert_eq!(lower, ["bravo", "charlie", "delta", "echo"]);
}

/// Lin and others in a world where the gate, roles, policies, owners and subscribers all have their say.
async fn a_list_is_what_a_check_allows_at_every_page_size(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo] = [g.person("lin").await, g.person("bo").await];
    ada.kind_with("task", json!({"exceptions": {"owner": ["view", "edit"]}})).await;
    ada.kind("report").await;
    let home = g.home().await;
    let atlas = ada.space("Atlas").create().await;
    let child = ada.space("Child").under(&atlas).inherits().create().await;
    let dark = ada.space("Dark").create().await;
    let crew = ada.group("crew", &[&bo]).await;
    ada.role("tasker", &["task:read"]).await;
    ada.grant(&atlas, &lin, "tasker").await;
    ada.grant(&child, &crew, "writer").await;

    let spaces = [&home, &atlas, &child, &dark];
    let by_subscription = json!({"rules": [
        {"effect": "allow", "who": {"users": [ada.principal()]}}, {"effect": "allow", "who": "subscribers"},
    ], "default": "deny"});
    let views = [None, Some(json!({"users": [ada.principal(), lin.principal()]})), Some(by_subscription), None];
    let mut resources = Vec::new();
    for number in 0..132 {
        let mut resource = json!({
            "kind": if number % 5 == 0 { "report" } else { "task" },
            "name": format!("Number {:03}", (number * 7) % 132),
            "space": spaces[number % 4].id,
            "owner": if number % 3 == 0 { json!(bo.principal()) } else { Value::Null },
            "subscribers": if number % 2 == 0 { json!([lin.principal()]) } else { json!([bo.principal()]) },
        });
        if let Some(view) = &views[(number / 4) % 4] {
            resource["view"] = view.clone();
        }
        resources.push(resource);
    }
    let made = ada.post("/api/v1/resources/batch", json!({"resources": resources})).await.done().items();
    assert_eq!(made.len(), 132);

    for person in [&ada, &lin, &bo] {
        let allowed = allowed(person, &made).await;
        for order in ["updated", "-created", "name"] {
            for limit in [1, 2, 5, 16, 53, 54, 100] {
                let listed = person.all_pages(&format!("{RESOURCES}?order={order}"), limit).await;
                let ids = listed.iter().map(|item| item["id"].as_str().expect("an id").to_owned()).collect();
                assert_eq!(sorted(ids), allowed, "{} by {order}, pages of {limit}", person.username);
            }
        }
        for item in &made {
            let id = item["id"].as_str().expect("an id");
            let readable = person.get(&format!("{RESOURCES}/{id}")).await.status == 200;
            assert_eq!(readable, allowed.iter().any(|one| one == id), "{} gets {item}", person.username);
        }
    }
}

async fn cursors_are_bound_to_caller_and_query(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    g.home().await;
    for number in 0..6 {
        ada.resource("task", &number.to_string()).create().await;
    }
    let cursor = ada.get(&format!("{RESOURCES}?kind=task&limit=2")).await.ok().text("next");
    let with =
        |by: &Person, query: &str, cursor: &str| by.get(&format!("{RESOURCES}?{query}&cursor={}", percent(cursor)));
    with(&ada, "kind=task&limit=2", &cursor).await.ok();
    with(&lin, "kind=task&limit=2", &cursor).await.invalid("?cursor");
    with(&ada, "limit=2", &cursor).await.invalid("?cursor");
    with(&ada, "kind=task&limit=2&order=name", &cursor).await.invalid("?cursor");
    let half = &cursor[..cursor.len() / 2];
    for bad in [half, &cursor[1..], &format!("{cursor}A"), &cursor.to_uppercase(), "", "|", "x|y", "\u{0}", "é"] {
        if bad != cursor {
            with(&ada, "kind=task&limit=2", bad).await.invalid("?cursor");
        }
    }
}

async fn what_changes_between_pages_is_neither_shown_twice_nor_leaked(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    g.home().await;
    let atlas = ada.space("Atlas").create().await;
    let grant = ada.grant(&atlas, &lin, "reader").await;
    let mut made = Vec::new();
    for number in 0..10 {
        made.push(ada.resource("task", &format!("Task {number}")).space(&atlas).create().await);
        g.pass(SECOND);
    }
    let page = |cursor: Option<String>| {
        let cursor = cursor.map(|cursor| format!("&cursor={}", percent(&cursor))).unwrap_or_default();
        lin.get(&format!("{RESOURCES}?order=-created&limit=4{cursor}"))
    };
    let first = page(None).await.ok();
    assert_eq!(first.names(), ["Task 0", "Task 1", "Task 2", "Task 3"]);
    ada.delete(&made[1].url("")).await.done();
    ada.delete(&made[4].url("")).await.done();
    ada.patch(&made[5].url(""), json!({"view": {"users": [ada.principal()]}})).await.ok();
    ada.resource("task", "Task 10").space(&atlas).create().await;
    let second = page(Some(first.text("next"))).await.ok();
    assert_eq!(second.names(), ["Task 6", "Task 7", "Task 8", "Task 9"]);
    ada.revoke(&atlas, &grant).await;
    let third = page(Some(second.text("next"))).await.ok();
    assert!(third.items().is_empty(), "{third}");
    assert_eq!(third["next"], Value::Null);
}

/// The ids a person may read, one decision each, asked in one batch.
async fn allowed(person: &Person, made: &[Value]) -> Vec<String> {
    let questions: Vec<Value> =
        made.iter().map(|item| json!({"resource": {"type": item["kind"], "id": item["id"]}})).collect();
    let mut body = person.question("read", "task", "each");
    body["evaluations"] = json!(questions);
    let answer = person.post("/access/v1/evaluations", body).await.ok();
    let decisions = answer["evaluations"].as_array().expect("decisions");
    assert_eq!(decisions.len(), made.len());
    let allowed = made.iter().zip(decisions).filter(|(_, decision)| decision["decision"] == true);
    sorted(allowed.map(|(item, _)| item["id"].as_str().expect("an id").to_owned()).collect())
}
