//! Stories about required resources: what must be seen before something else (`requires: "view"`).

use crate::support::*;

stories! {
    what_is_required_must_be_seen_first,
    what_is_required_is_required_through_others_too,
    a_circle_of_requirements_is_refused_and_denies,
    what_others_require_is_not_deleted,
    required_things_are_limited,
    a_kind_with_resources_keeps_what_it_requires,
}

const RESOURCES: &str = "/api/v1/resources";

/// Repositories, and revisions before which their repositories must be seen.
async fn kinds(ada: &Person) {
    ada.kind_with("repository", json!({"shareable": true, "exceptions": {"subscribers": ["view"]}})).await;
    let requires = json!([{"pointer": "/repository", "kind": "repository", "requires": "view"},
        {"pointer": "/parents", "kind": "revision", "requires": "view"}]);
    ada.kind_with("revision", json!({"references": requires, "shareable": true})).await;
}

/// Whether somebody sees it, by every way of asking.
async fn sees(person: &Person, thing: &Thing) -> bool {
    let got = person.get(&thing.url("")).await.status == 200;
    let listed = person.all_pages(RESOURCES, 2).await.iter().any(|one| one["id"] == thing.id);
    let question = person.question("read", "revision", &thing.id);
    let may = person.post("/access/v1/evaluation", question.clone()).await.ok()["decision"] == true;
    let batch = json!({"evaluations": [question, person.question("read", "revision", &strange(&thing.id))]});
    let batch = person.post("/access/v1/evaluations", batch).await.ok();
    let explained = person.post("/api/v1/explain", question).await.ok()["decision"] == true;
    let subject = json!({"type": "user", "id": person.id});
    let search = json!({"subject": subject, "action": {"name": "read"}, "resource": {"type": "revision"}});
    let found = person.post("/access/v1/search/resource", search).await.ok();
    let found = found["results"].as_array().expect("results").iter().any(|one| one["id"] == thing.id);
    let all = [got, listed, may, batch["evaluations"][0]["decision"] == true, explained, found];
    assert!(all.iter().all(|one| *one == got), "{} does not get one answer: {all:?}", person.username);
    got
}

async fn what_is_required_must_be_seen_first(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo] = [g.person("lin").await, g.person("bo").await];
    kinds(&ada).await;
    let home = g.home().await;
    let code = ada.resource("repository", "Code").space(&home).create().await;
    let fix = lin.resource("revision", "Fix").space(&home).body(json!({"repository": code["code"]})).create().await;
    assert_eq!(fix["body"]["repository"], code.id);
    assert!(sees(&lin, &fix).await && sees(&bo, &fix).await);

    // The repository's own policy hides what requires it: from the author as well, and for every action.
    ada.patch(&code.url(""), json!({"view": {"users": [ada.principal()]}})).await.ok();
    assert!(!sees(&lin, &fix).await && !sees(&bo, &fix).await && sees(&ada, &fix).await);
    assert!(!lin.may("write", "revision", &fix.id).await);
    let never = strange(&fix.id);
    let missing = lin.get(&format!("{RESOURCES}/{never}")).await;
    assert_missing(&lin.get(&fix.url("")).await, &fix.id, &missing, &never);
    let missing = lin.patch(&format!("{RESOURCES}/{never}"), json!({"name": "x"})).await;
    assert_missing(&lin.patch(&fix.url(""), json!({"name": "x"})).await, &fix.id, &missing, &never);
    // An exception of the repository's kind counts for it, and so for what requires it.
    let policy = json!({"view": {"users": [ada.principal()]}, "subscribers": [bo.principal()]});
    ada.patch(&code.url(""), policy).await.ok();
    assert!(sees(&bo, &fix).await && !sees(&lin, &fix).await);
    // So does the gate of the space that the repository lies in.
    ada.patch(&code.url(""), json!({"view": null})).await.ok();
    let vault = ada.space("Vault").create().await;
    ada.post(&code.url("/move"), json!({"space": vault.id})).await.ok();
    assert!(!sees(&lin, &fix).await && !sees(&bo, &fix).await && sees(&ada, &fix).await);
    ada.grant(&vault, &lin, "reader").await;
    assert!(sees(&lin, &fix).await);
    g.restart().await;
    assert!(sees(&lin, &fix).await && !sees(&bo, &fix).await);
}

async fn what_is_required_is_required_through_others_too(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    kinds(&ada).await;
    let home = g.home().await;
    let code = ada.resource("repository", "Code").space(&home).create().await;
    let revision = |name: &str, body: Value| ada.resource("revision", name).space(&home).body(body);
    let first = revision("First", json!({"parents": []})).create().await;
    let second = revision("Second", json!({"parents": [first.id]})).create().await;
    let third = revision("Third", json!({"parents": [second.id]})).create().await;
    assert!(sees(&lin, &third).await);
    // What the first of them requires afterwards, the last requires as well.
    ada.patch(&first.url(""), json!({"body": {"repository": code.id}})).await.ok();
    ada.patch(&code.url(""), json!({"view": {"users": [ada.principal()]}})).await.ok();
    for hidden in [&first, &second, &third] {
        assert!(!sees(&lin, hidden).await && sees(&ada, hidden).await);
    }
    // And no longer when it does not.
    ada.patch(&second.url(""), json!({"body": {"parents": []}})).await.ok();
    assert!(!sees(&lin, &first).await && sees(&lin, &second).await && sees(&lin, &third).await);
}

async fn a_circle_of_requirements_is_refused_and_denies(g: Garth) {
    let ada = g.admin().await;
    kinds(&ada).await;
    let home = g.home().await;
    let revision = |name: &str, body: Value| ada.resource("revision", name).space(&home).body(body);
    let first = revision("First", json!({})).create().await;
    let second = revision("Second", json!({"parents": [first.id]})).create().await;
    g.unchanged(async || {
        for parents in [json!([second.id]), json!([first.id])] {
            ada.patch(&first.url(""), json!({"body": {"parents": parents}})).await.refused(409, "lockout");
        }
    })
    .await;
    // One that stands in the store all the same hides all of it.
    let sql = format!(
        "INSERT INTO resource_requirements (resource_id, required_id, direct) VALUES ('{0}', '{0}', 0)",
        first.id
    );
    g.meddle(&sql).await;
    assert!(!sees(&ada, &first).await);
}

async fn what_others_require_is_not_deleted(g: Garth) {
    let ada = g.admin().await;
    kinds(&ada).await;
    let home = g.home().await;
    let code = ada.resource("repository", "Code").space(&home).create().await;
    let body = json!({"repository": code.id});
    let fix = ada.resource("revision", "Fix").space(&home).body(body).create().await;
    let vault = ada.space("Vault").create().await;
    ada.post(&code.url("/move"), json!({"space": vault.id})).await.ok();
    ada.call(axum::http::Method::POST, &vault.url("/archive")).await.ok();
    g.unchanged(async || {
        ada.delete(&code.url("")).await.refused(409, "conflict");
        ada.delete(&vault.url("?confirm=Vault")).await.refused(409, "conflict");
    })
    .await;
    ada.delete(&fix.url("")).await.done();
    ada.delete(&vault.url("?confirm=Vault")).await.done();
}

async fn required_things_are_limited(g: Garth) {
    let ada = g.admin().await;
    kinds(&ada).await;
    let home = g.home().await;
    let revision = |name: String, body: Value| ada.resource("revision", &name).space(&home).body(body);
    let mut made = Vec::new();
    for n in 0..33 {
        made.push(revision(format!("Revision {n}"), json!({})).create().await.id);
    }
    let top = revision("Top".to_owned(), json!({"parents": made[..32].to_vec()})).create().await;
    g.unchanged(async || {
        revision("Over".to_owned(), json!({"parents": made})).send().await.invalid("/body");
        ada.patch(&top.url(""), json!({"body": {"parents": made}})).await.invalid("/body");
        // Nor by way of another: the top would require one more.
        ada.patch(&format!("{RESOURCES}/{}", made[0]), json!({"body": {"parents": [made[32]]}}))
            .await
            .refused(409, "conflict");
    })
    .await;
    // What 500 others require may still change, what more require no longer.
    let one = revision("One".to_owned(), json!({})).create().await;
    let batch = |count: usize| {
        let body = json!({"parents": [one.id]});
        let one = |n| json!({"kind": "revision", "space": home.id, "name": format!("Follower {n}"), "body": body});
        json!({"resources": (0..count).map(one).collect::<Vec<_>>()})
    };
    ada.post("/api/v1/resources/batch", batch(500)).await.created();
    ada.patch(&one.url(""), json!({"body": {"parents": [made[0]]}})).await.ok();
    ada.post("/api/v1/resources/batch", batch(1)).await.created();
    g.unchanged(async || {
        ada.patch(&one.url(""), json!({"body": {"parents": [made[1]]}})).await.refused(409, "conflict");
    })
    .await;
}

async fn a_kind_with_resources_keeps_what_it_requires(g: Garth) {
    let ada = g.admin().await;
    kinds(&ada).await;
    let home = g.home().await;
    let plain = json!({"references": [{"pointer": "/repository", "kind": "repository"}]});
    let fix = ada.resource("revision", "Fix").space(&home).create().await;
    g.unchanged(async || {
        ada.patch("/api/v1/kinds/revision", plain.clone()).await.refused(409, "conflict");
        let odd = json!({"references": [{"pointer": "/a", "kind": "repository", "requires": "edit"}]});
        ada.post("/api/v1/kinds", kind_body("odd", odd)).await.invalid("/references/0/requires");
    })
    .await;
    ada.delete(&fix.url("")).await.done();
    ada.patch("/api/v1/kinds/revision", plain).await.ok();
}
