//! Stories about the record: every change and every refusal is on it, and only those in charge read it.

use crate::support::*;

#[path = "tests/chain.rs"]
mod chain;

stories! {
    every_change_is_on_record_with_before_and_after,
    refusals_are_on_record,
    only_admins_read_a_spaces_record,
    only_system_administrators_read_the_systems_record,
    a_record_is_filtered_and_paged,
    nothing_secret_is_on_record,
    a_change_that_failed_is_not_on_record_as_done,
}

async fn every_change_is_on_record_with_before_and_after(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let bo = g.person("bo").await;
    ada.kind("task").await;
    g.home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    g.pass(SECOND);
    let task = lin.resource("task", "Fix the lift").space(&atlas).create().await;
    g.pass(SECOND);
    let changed = lin.patch(&task.url(""), json!({"name": "Fixed"})).header("x-request-id", "story-42").await.ok();
    assert_eq!(changed.header("x-request-id"), "story-42");
    g.pass(SECOND);
    let grant = lin.grant(&atlas, &bo, "reader").await;
    lin.revoke(&atlas, &grant).await;
    lin.delete(&task.url("")).await.done();

    let record = lin.all_pages(&atlas.url("/audit"), 3).await;
    let about = |id: &str| record.iter().filter(|entry| entry["target"]["id"] == id).collect::<Vec<_>>();
    let of_space = about(&atlas.id);
    assert!(of_space.iter().any(|e| e["action"] == "space.create" && e["actor"] == ada.principal()), "{of_space:?}");
    let of_task = about(&task.id);
    let find = |action: &str| {
        let found = of_task.iter().find(|entry| entry["action"] == action);
        found.unwrap_or_else(|| panic!("no {action} on record: {of_task:#?}"))
    };
    assert_eq!(find("resource.create")["before"], Value::Null);
    assert_eq!(find("resource.create")["after"]["name"], "Fix the lift");
    let update = find("resource.update");
    assert_eq!(update["before"]["name"], "Fix the lift");
    assert_eq!(update["after"]["name"], "Fixed");
    assert_eq!(update["actor"], lin.principal());
    assert_eq!(update["outcome"], "done");
    assert_eq!(update["request_id"], "story-42");
    assert_eq!(update["target"]["type"], "task");
    assert!(update["at"].as_str().is_some_and(|at| at.starts_with("2031-05-04T08:00:02")), "{update}");
    assert_eq!(find("resource.delete")["after"], Value::Null);
    assert_eq!(about(&grant.id).len(), 2, "a grant and its revoke: {:#?}", about(&grant.id));
    let ids: std::collections::BTreeSet<_> = record.iter().map(|entry| entry["id"].to_string()).collect();
    assert_eq!(ids.len(), record.len());
    g.restart().await;
    assert_eq!(lin.all_pages(&atlas.url("/audit"), 100).await, record);
}

async fn refusals_are_on_record(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    g.home().await;
    let atlas = ada.space("Atlas").create().await;
    ada.grant(&atlas, &lin, "reader").await;
    let task = ada.resource("task", "Fix the lift").space(&atlas).create().await;
    lin.patch(&task.url(""), json!({"name": "Mine"})).await.refused(403, "forbidden");
    lin.patch(&atlas.url(""), json!({"name": "Mine"})).await.refused(403, "forbidden");
    let refused = atlas.url(&format!("/audit?outcome=refused&actor={}", lin.principal()));
    eventually("the refusals are on record", async || {
        let targets: Vec<_> =
            ada.get(&refused).await.ok().items().iter().map(|entry| entry["target"]["id"].clone()).collect();
        targets.contains(&json!(task.id)) && targets.contains(&json!(atlas.id))
    })
    .await;
    lin.get("/api/v1/settings").await.refused(403, "forbidden");
    lin.post("/api/v1/users", json!({"username": "eve"})).await.refused(403, "forbidden");
    eventually("the system's refusals are on record", async || {
        let query = format!("/api/v1/audit?outcome=refused&actor={}", lin.principal());
        !ada.get(&query).await.ok().items().is_empty()
    })
    .await;
}

async fn only_admins_read_a_spaces_record(g: Garth) {
    let ada = g.admin().await;
    let [lin, writer, kim] = [g.person("lin").await, g.person("wri").await, g.person("kim").await];
    g.home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    lin.grant(&atlas, &writer, "writer").await;
    lin.get(&atlas.url("/audit")).await.ok();
    writer.get(&atlas.url("/audit")).await.refused(403, "forbidden");
    kim.get(&atlas.url("/audit")).await.refused(404, "not_found");
    ada.get(&atlas.url("/audit")).await.refused(404, "not_found");
    g.anonymous().get(&atlas.url("/audit")).await.not_signed_in();
}

async fn only_system_administrators_read_the_systems_record(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    g.home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    let task = lin.resource("task", "Hush, a task").space(&atlas).create().await;
    lin.patch(&atlas.url(""), json!({"description": "Hush, a plan"})).await.ok();

    lin.get("/api/v1/audit").await.refused(403, "forbidden");
    g.anonymous().get("/api/v1/audit").await.not_signed_in();
    let record = ada.all_pages("/api/v1/audit", 20).await;
    assert!(record.iter().any(|entry| entry["target"]["id"] == lin.id), "accounts are on the system's record");
    let text = json!(record).to_string();
    assert!(!text.contains("Hush") && !text.contains(&task.id), "no contents of a space: {text}");
}

async fn a_record_is_filtered_and_paged(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    g.home().await;
    let atlas = ada.space("Atlas").create().await;
    ada.grant(&atlas, &lin, "writer").await;
    g.pass(SECOND);
    let noon = g.time_in(0);
    let mut made = Vec::new();
    for number in 0..5 {
        g.pass(SECOND);
        made.push(lin.resource("task", &number.to_string()).space(&atlas).create().await);
    }
    let query = async |query: String| ada.all_pages(&atlas.url(&format!("/audit?{query}")), 2).await;
    let by_lin = query(format!("actor={}", lin.principal())).await;
    assert_eq!(by_lin.len(), 5);
    let targets: Vec<_> = by_lin.iter().map(|entry| entry["target"]["id"].clone()).collect();
    let newest_first: Vec<_> = made.iter().rev().map(|task| json!(task.id)).collect();
    assert_eq!(targets, newest_first, "the newest entry comes first");
    assert_eq!(query("action=resource.create".to_owned()).await.len(), 5);
    assert_eq!(query(format!("target={}", made[2].id)).await.len(), 1);
    assert_eq!(query(format!("from={noon}")).await.len(), 5);
    assert!(query(format!("to={noon}")).await.len() >= 2, "the space and its grant");
    assert!(query(format!("to={noon}")).await.iter().all(|entry| entry["actor"] == ada.principal()));
    assert!(query(format!("actor=user:{}", strange(&lin.id))).await.is_empty());
    for bad in ["from=yesterday", "to=x", "limit=0", "limit=101", "outcome=maybe"] {
        ada.get(&atlas.url(&format!("/audit?{bad}"))).await.refused(422, "invalid");
    }
    let cursor = ada.get(&atlas.url("/audit?limit=2")).await.ok().text("next");
    let other = ada.space("Other").create().await;
    ada.get(&other.url(&format!("/audit?limit=2&cursor={}", percent(&cursor)))).await.invalid("?cursor");
}

async fn nothing_secret_is_on_record(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind_with("bridge", json!({"secret_fields": ["/token"]})).await;
    let home = g.home().await;
    let bridge = ada.resource("bridge", "Mail").body(json!({"token": "s3cr3t-t0ken"})).create().await;
    ada.patch(&bridge.url(""), json!({"body": {"token": "an0ther-t0ken"}})).await.ok();
    let user = ada.post("/api/v1/users", json!({"username": "nils"})).await.created();
    let records = [
        json!(ada.all_pages("/api/v1/audit", 100).await).to_string(),
        json!(ada.all_pages(&home.url("/audit"), 100).await).to_string(),
    ];
    let token = lin.token.expect("a token");
    for secret in [password("ada"), password("lin"), token, user.text("signup_token")] {
        assert!(!records.iter().any(|record| record.contains(&secret)));
    }
    assert!(!records.iter().any(|record| record.contains("t0ken")));
}

async fn a_change_that_failed_is_not_on_record_as_done(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    let home = g.home().await;
    let done = async || ada.all_pages(&home.url("/audit?outcome=done"), 100).await.len();
    let before = done().await;
    ada.resource("task", "").send().await.invalid("/name");
    ada.patch(&home.url(""), json!({"view": "nobody"})).await.refused(409, "lockout");
    let one = json!({"kind": "task", "name": "Good"});
    let bad = json!({"kind": "task", "name": ""});
    ada.post("/api/v1/resources/batch", json!({"resources": [one, bad]})).await.invalid("/resources/1/name");
    assert_eq!(done().await, before);
}
