//! Stories of the list of what must fail (`reference/attacks.md`) that belong to no noun alone.

use crate::support::*;
use axum::http::Method;

stories! {
    n03_no_record_list_or_search_tells_of_another_space,
    n22_what_a_question_says_has_a_type_and_ends_with_it,
    n28_a_list_never_ends_early_without_a_word,
    n35_a_read_that_began_before_a_move_leaves_nothing_stale,
    n36_a_question_that_was_given_up_leaves_nothing_behind,
    n70_a_write_that_fails_half_way_changes_nothing,
    n71_names_are_inert,
    n72_what_is_no_json_is_turned_away,
    what_one_has_already_is_not_sent_again,
}

async fn what_one_has_already_is_not_sent_again(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    g.closed_home().await;
    let atlas = ada.space("Atlas").create().await;
    let task = ada.resource("task", "Fix the lift").space(&atlas).create().await;
    let tag = ada.get(&task.url("")).await.ok().header("etag").to_owned();
    for known in [tag.as_str(), &format!("\"0\", W/{tag}"), "*"] {
        let answer = ada.get(&task.url("")).header("if-none-match", known).await.expect_status(304);
        assert!(answer.bytes.is_empty() && answer.header("etag") == tag, "{answer}");
    }
    for other in ["\"0\"", "", "nonsense"] {
        ada.get(&task.url("")).header("if-none-match", other).await.ok();
    }
    ada.patch(&task.url(""), json!({"name": "Fixed"})).await.ok();
    ada.get(&task.url("")).header("if-none-match", &tag).await.ok();
    // It opens nothing, and tells nobody what there is.
    lin.get(&task.url("")).header("if-none-match", "*").await.refused(404, "not_found");
}

async fn n03_no_record_list_or_search_tells_of_another_space(g: Garth) {
    let ada = g.admin().await;
    let (lin, bo) = (g.person("lin").await, g.person("bo").await);
    ada.kind("task").await;
    g.closed_home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    let seen = async || {
        let mut all = Vec::new();
        for path in [
            "/api/v1/me",
            "/api/v1/spaces?archived=true",
            "/api/v1/spaces?q=a",
            "/api/v1/resources?archived=true",
            "/api/v1/resources?q=hush",
            "/api/v1/resources?limit=2&order=name",
            "/api/v1/users",
            "/api/v1/groups",
            "/api/v1/kinds",
            "/api/v1/roles",
            "/api/v1/policies",
        ] {
            all.push(lin.get(path).await.ok().json.to_string());
        }
        for tail in ["", "/members", "/grants", "/audit"] {
            all.push(lin.get(&atlas.url(tail)).await.ok().json.to_string());
        }
        all
    };
    for number in 0..3 {
        lin.resource("task", &format!("Task {number}")).space(&atlas).create().await;
    }
    // A cursor is sealed with a nonce of its own: two of the same place differ.
    let without_cursors = |answers: Vec<String>| -> Vec<String> {
        answers.into_iter().map(|a| a.split("\"next\"").next().unwrap_or_default().to_owned()).collect()
    };
    let before = without_cursors(seen().await);
    let other = ada.space("Hush").admin(&bo).create().await;
    let crew = ada.group("hush-crew", &[&bo]).await;
    bo.grant(&other, &bo, "reader").await;
    ada.grant_by_registry(&other, &crew, "writer").await;
    for number in 0..5 {
        let task = bo.resource("task", &format!("hush {number}")).space(&other).create().await;
        bo.patch(&task.url(""), json!({"labels": ["hush"]})).await.ok();
    }
    bo.get(&atlas.url("/audit")).await.refused(404, "not_found");
    assert_eq!(without_cursors(seen().await), before, "nothing of Hush moves a byte of what Lin is told");
}

async fn n35_a_read_that_began_before_a_move_leaves_nothing_stale(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    g.closed_home().await;
    let (open, shut) = (ada.space("Open").create().await, ada.space("Shut").create().await);
    ada.grant(&open, &lin, "reader").await;
    let task = ada.resource("task", "Fix the lift").space(&open).create().await;
    for round in 0..40 {
        let (to, seen) = if round % 2 == 0 { (&shut, false) } else { (&open, true) };
        // Questions under way while it moves may see it before or after.
        let question = lin.question("read", "task", &task.id);
        let mut calls: Vec<_> = (0..6).map(|_| lin.post("/access/v1/evaluation", question.clone())).collect();
        calls.insert(3, ada.post(&task.url("/move"), json!({"space": to.id})));
        for answer in race(calls).await {
            answer.ok();
        }
        // Once the move is answered, none of what they read is left.
        assert_eq!(lin.may("read", "task", &task.id).await, seen, "round {round}");
        assert_eq!(lin.get(&task.url("")).await.status == 200, seen, "round {round}");
    }
    ada.delete(&task.url("")).await.done();
    assert!(!ada.may("read", "task", &task.id).await);
}

async fn n36_a_question_that_was_given_up_leaves_nothing_behind(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    g.closed_home().await;
    let atlas = ada.space("Atlas").create().await;
    let task = ada.resource("task", "Fix the lift").space(&atlas).create().await;
    let question = lin.question("read", "task", &task.id);
    for _ in 0..20 {
        let call = lin.post("/access/v1/evaluation", question.clone());
        let asked = tokio::spawn(async move { call.await });
        asked.abort();
        // Given up or answered, whichever was first.
        let _ = asked.await;
    }
    // A question that failed is no answer for the next.
    lin.post("/access/v1/evaluation", json!({"subject": {"type": "user"}})).await.problem(400);
    assert!(!lin.may("read", "task", &task.id).await);
    ada.grant(&atlas, &lin, "reader").await;
    assert!(lin.may("read", "task", &task.id).await);
}

async fn n70_a_write_that_fails_half_way_changes_nothing(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    let item = |name: String| json!({"kind": "task", "name": name});
    let mut items: Vec<Value> = (0..499).map(|n| item(format!("Task {n}"))).collect();
    items.push(item(String::new()));
    g.unchanged(async || {
        let batch = json!({ "resources": items });
        ada.post("/api/v1/resources/batch", batch).await.invalid("/resources/499/name");
        items[499] = item("the last".to_owned());
        items.push(item("one too many".to_owned()));
        ada.post("/api/v1/resources/batch", json!({ "resources": items })).await.problem(422);
        let large = item("x".repeat(2 << 20));
        ada.post("/api/v1/resources", large).await.refused(413, "too_large");
    })
    .await;
    items.pop();
    ada.post("/api/v1/resources/batch", json!({ "resources": items })).await.created();
    assert_eq!(ada.all_pages("/api/v1/resources", 100).await.len(), 500);
}

async fn n71_names_are_inert(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    let evil = "<img src=x onerror=alert(1)>=cmd|' /C calc'!A0";
    let home = ada.space(evil).with("description", json!(evil)).create().await;
    let task = ada.resource("task", evil).labels(&[evil]).create().await;
    ada.post("/api/v1/groups", json!({"name": evil})).await.created();
    ada.patch("/api/v1/me", json!({"name": evil})).await.ok();
    for path in ["/api/v1/me", "/api/v1/groups", "/api/v1/audit", &home.url(""), &home.url("/audit"), &task.url("")] {
        let answer = ada.get(path).await.ok();
        assert_eq!(answer.header("content-type"), "application/json", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(answer.json.to_string().contains("onerror"), "kept as it was written: {path}");
    }
    // Nor does a refusal repeat it as anything but JSON.
    let refused = ada.get("/api/v1/<script>alert(1)</script>".replace('<', "%3C").replace('>', "%3E").as_str()).await;
    assert_eq!(refused.refused(404, "not_found").header("content-type"), "application/problem+json");
}

async fn n72_what_is_no_json_is_turned_away(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xff\xff\xff".to_vec();
    g.unchanged(async || {
        for kind in
            ["image/png", "image/svg+xml", "multipart/form-data; boundary=x", "text/html", "application/xml", ""]
        {
            for path in ["/api/v1/resources", "/api/v1/resources/batch", "/api/v1/spaces", "/api/v1/groups"] {
                let answer = ada.call(Method::POST, path).raw(kind, png.clone()).await;
                answer.refused(415, "unsupported_media_type");
            }
        }
        ada.call(Method::POST, "/api/v1/resources").raw("application/json", png).await.refused(400, "malformed");
    })
    .await;
}

async fn n22_what_a_question_says_has_a_type_and_ends_with_it(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    g.home().await;
    let policy = json!({"rules": [
        {"effect": "allow", "who": "members", "given": {"resource": {"status": {"is": "open", "otherwise": "shut"}}}},
    ], "default": "deny"});
    // Her own edit policy must let her edit, so the question is about what others may view.
    let task = ada.resource("task", "Fix the lift").create().await;
    let lin = g.person("lin").await;
    let either = json!({"rules": [
        {"effect": "allow", "who": {"users": [ada.principal()]}}, {"effect": "allow", "who": policy},
    ], "default": "deny"});
    ada.patch(&task.url(""), json!({ "view": either })).await.ok();
    let ask = async |properties: Value| {
        let mut question = lin.question("read", "task", &task.id);
        question["resource"]["properties"] = properties;
        lin.post("/access/v1/evaluation", question).await.ok()["decision"] == true
    };
    assert!(ask(json!({"status": "open"})).await);
    for other in [json!({"status": "shut"}), json!({"status": true}), json!({"status": 1}), json!({"Status": "open"})] {
        assert!(!ask(other.clone()).await, "{other}");
    }
    assert!(ask(json!({"status": "open", "more": {"deep": [1]}})).await);
    let many: serde_json::Map<String, Value> = (0..65).map(|n| (format!("p{n}"), json!(n))).collect();
    let mut crowd = lin.question("read", "task", &task.id);
    crowd["resource"]["properties"] = Value::Object(many);
    lin.post("/access/v1/evaluation", crowd).await.refused(400, "malformed");
    // What one question said is unknown to the next, and to Garth itself.
    assert!(!lin.may("read", "task", &task.id).await);
    lin.get(&task.url("")).await.refused(404, "not_found");
    assert!(lin.get("/api/v1/resources").await.ok().items().is_empty());
}

async fn n28_a_list_never_ends_early_without_a_word(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    g.closed_home().await;
    let (kept, lost) = (ada.space("Kept").create().await, ada.space("Lost").create().await);
    ada.grant(&kept, &lin, "reader").await;
    let grant = ada.grant(&lost, &lin, "reader").await;
    for number in 0..30 {
        let space = if number % 3 == 0 { &kept } else { &lost };
        ada.resource("task", &format!("Task {number:02}")).space(space).create().await;
    }
    let path = "/api/v1/resources?order=name&limit=5";
    let first = lin.get(path).await.ok();
    assert_eq!(first.items().len(), 5);
    ada.revoke(&lost, &grant).await;
    let mut names: Vec<String> = first.names();
    let mut next = first["next"].as_str().map(str::to_owned);
    while let Some(cursor) = next {
        let page = lin.get(&format!("{path}&cursor={}", percent(&cursor))).await.ok();
        assert!(page.items().iter().all(|item| item["space"] == kept.id), "{page}");
        names.extend(page.names());
        next = page["next"].as_str().map(str::to_owned);
    }
    let all: Vec<String> = (0..30).filter(|n| n % 3 == 0).map(|n| format!("Task {n:02}")).collect();
    assert!(all.iter().all(|name| names.contains(name)), "none of what she may see is skipped: {names:?}");
}
