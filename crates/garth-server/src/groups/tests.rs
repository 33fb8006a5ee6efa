//! Stories about groups: nesting, membership that counts at once, and what may not be deleted.

use crate::support::*;
use axum::http::Method;

stories! {
    groups_are_made_renamed_and_deleted,
    only_system_administrators_change_groups,
    membership_counts_at_once_through_every_level,
    a_group_never_contains_itself,
    two_at_once_cannot_close_a_circle,
    nesting_has_a_limit,
    a_group_in_use_is_not_deleted,
    everyone_is_built_in,
    the_last_admin_does_not_leave_by_a_group,
    members_are_people_or_groups_that_exist,
}

async fn groups_are_made_renamed_and_deleted(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let triage = ada.group("triage", &[&lin]).await;
    assert_eq!(triage["name"], "triage");
    assert_eq!(ada.get(&triage.url("")).await.ok()["name"], "triage");
    assert_eq!(ada.get(&triage.url("/members")).await.ok().each("member"), [lin.principal()]);
    ada.post("/api/v1/groups", json!({"name": "triage"})).await.refused(409, "conflict");
    assert_eq!(ada.patch(&triage.url(""), json!({"name": "helpers"})).await.ok()["name"], "helpers");
    assert!(ada.get("/api/v1/groups").await.ok().names().contains(&"helpers".to_owned()));
    ada.delete(&triage.url("")).await.done();
    ada.get(&triage.url("")).await.refused(404, "not_found");
}

async fn only_system_administrators_change_groups(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let triage = ada.group("triage", &[]).await;
    g.unchanged(async || {
        for by in [&lin, &g.anonymous()] {
            for answer in [
                by.post("/api/v1/groups", json!({"name": "mine"})).await,
                by.post(&triage.url("/members"), json!({"member": lin.principal()})).await,
                by.patch(&triage.url(""), json!({"name": "mine"})).await,
                by.delete(&triage.url("")).await,
                by.delete(&triage.url(&format!("/members/{}", lin.principal()))).await,
            ] {
                match by.token {
                    Some(_) => answer.refused(403, "forbidden"),
                    None => answer.not_signed_in(),
                };
            }
        }
    })
    .await;
}

async fn membership_counts_at_once_through_every_level(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    g.home().await;
    let atlas = ada.space("Atlas").create().await;
    let task = ada.resource("task", "Fix the lift").space(&atlas).create().await;
    let inner = ada.group("inner", &[]).await;
    let middle = ada.group("middle", &[&inner]).await;
    let outer = ada.group("outer", &[&middle]).await;
    ada.grant(&atlas, &outer, "reader").await;
    lin.get(&task.url("")).await.refused(404, "not_found");

    ada.post(&inner.url("/members"), json!({"member": "user:@lin"})).await.done();
    lin.get(&task.url("")).await.ok();
    assert!(lin.may("read", "task", &task.id).await);

    ada.delete(&outer.url(&format!("/members/group:{}", middle.id))).await.done();
    lin.get(&task.url("")).await.refused(404, "not_found");
    assert!(!lin.may("read", "task", &task.id).await);
    assert!(lin.get("/api/v1/resources?kind=task").await.ok().items().is_empty());

    ada.post(&outer.url("/members"), json!({"member": "group:@inner"})).await.done();
    lin.get(&task.url("")).await.ok();
    ada.delete(&inner.url(&format!("/members/{}", lin.principal()))).await.done();
    lin.get(&task.url("")).await.refused(404, "not_found");
    g.restart().await;
    lin.get(&task.url("")).await.refused(404, "not_found");
}

async fn a_group_never_contains_itself(g: Garth) {
    let ada = g.admin().await;
    let one = ada.group("one", &[]).await;
    let two = ada.group("two", &[&one]).await;
    let three = ada.group("three", &[&two]).await;
    let member =
        |group: &Thing, of: &Thing| ada.post(&of.url("/members"), json!({"member": format!("group:{}", group.id)}));
    g.unchanged(async || {
        member(&one, &one).await.refused_somehow();
        member(&three, &one).await.refused_somehow();
        member(&two, &one).await.refused_somehow();
        member(&three, &two).await.refused_somehow();
    })
    .await;
}

async fn two_at_once_cannot_close_a_circle(g: Garth) {
    let ada = g.admin().await;
    let one = ada.group("one", &[]).await;
    let two = ada.group("two", &[]).await;
    for _ in 0..5 {
        let answers = race(vec![
            ada.post(&one.url("/members"), json!({"member": "group:@two"})),
            ada.post(&two.url("/members"), json!({"member": "group:@one"})),
        ])
        .await;
        assert_eq!(answers.iter().filter(|answer| answer.status.is_success()).count(), 1);
        let (outer, inner) = if answers[0].status.is_success() { (&one, &two) } else { (&two, &one) };
        ada.delete(&outer.url(&format!("/members/group:{}", inner.id))).await.done();
    }
}

async fn nesting_has_a_limit(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let mut inner = ada.group("level0", &[&lin]).await;
    for level in 1..=16 {
        let outer = ada.group(&format!("level{level}"), &[]).await;
        ada.post(&outer.url("/members"), json!({"member": format!("group:{}", inner.id)})).await.done();
        inner = outer;
    }
    let top = ada.group("top", &[]).await;
    g.unchanged(async || {
        let body = json!({"member": format!("group:{}", inner.id)});
        ada.post(&top.url("/members"), body).await.refused_somehow();
    })
    .await;
    // Sixteen links are still followed.
    g.home().await;
    let atlas = ada.space("Atlas").create().await;
    ada.grant(&atlas, &inner, "reader").await;
    lin.get(&atlas.url("")).await.ok();
}

async fn a_group_in_use_is_not_deleted(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    g.home().await;
    let atlas = ada.space("Atlas").create().await;
    let triage = ada.group("triage", &[&lin, &ada]).await;
    let grant = ada.grant(&atlas, &triage, "reader").await;
    g.unchanged(async || ada.delete(&triage.url("")).await.refused(409, "conflict")).await;
    let policy = json!({"groups_any": [format!("group:{}", triage.id)]});
    ada.patch(&atlas.url(""), json!({"view": policy})).await.ok();
    ada.revoke(&atlas, &grant).await;
    g.unchanged(async || ada.delete(&triage.url("")).await.refused(409, "conflict")).await;
    ada.patch(&atlas.url(""), json!({"view": "members"})).await.ok();
    ada.delete(&triage.url("")).await.done();

    let watch = ada.group("watch", &[&ada]).await;
    let policy = json!({"groups_all": [format!("group:{}", watch.id)]});
    ada.resource("task", "Only for the watch").view(policy).create().await;
    g.unchanged(async || ada.delete(&watch.url("")).await.refused(409, "conflict")).await;
}

async fn everyone_is_built_in(g: Garth) {
    let ada = g.admin().await;
    g.unchanged(async || {
        ada.post("/api/v1/groups", json!({"name": "everyone"})).await.refused_somehow();
        let member = json!({"member": ada.principal()});
        ada.post("/api/v1/groups/everyone/members", member).await.refused_somehow();
        ada.patch("/api/v1/groups/everyone", json!({"name": "all"})).await.refused_somehow();
        ada.call(Method::DELETE, "/api/v1/groups/everyone").await.refused_somehow();
        for bad in ["", " ", "a\u{0}b", &"x".repeat(256)] {
            ada.post("/api/v1/groups", json!({"name": bad})).await.invalid("/name");
        }
    })
    .await;
}

async fn the_last_admin_does_not_leave_by_a_group(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let bo = g.person("bo").await;
    g.home().await;
    let leads = ada.group("leads", &[&lin]).await;
    let atlas = ada.space("Atlas").admin(&leads).create().await;
    lin.patch(&atlas.url(""), json!({"description": "Lin is in charge"})).await.ok();
    let lin_out = leads.url(&format!("/members/{}", lin.principal()));
    g.unchanged(async || {
        ada.delete(&lin_out).await.refused(409, "last_admin");
        ada.patch(&format!("/api/v1/users/{}", lin.id), json!({"disabled": true})).await.refused(409, "last_admin");
        ada.delete(&leads.url("")).await.refused_somehow();
    })
    .await;
    ada.post(&leads.url("/members"), json!({"member": bo.principal()})).await.done();
    ada.delete(&lin_out).await.done();
    lin.get(&atlas.url("")).await.refused(404, "not_found");
}

async fn members_are_people_or_groups_that_exist(g: Garth) {
    let ada = g.admin().await;
    let triage = ada.group("triage", &[]).await;
    let missing = strange(&ada.id);
    g.unchanged(async || {
        for bad in [
            "user:@nobody",
            &format!("user:{missing}"),
            &format!("group:{missing}"),
            &format!("key:{missing}"),
            "group:everyone",
            "group:@nothing",
            "ada",
            "",
            "user:",
            "user:a|b",
        ] {
            ada.post(&triage.url("/members"), json!({"member": bad})).await.invalid("/member");
        }
        ada.delete(&triage.url(&format!("/members/user:{missing}"))).await.refused(404, "not_found");
        ada.get(&format!("/api/v1/groups/{}", strange(&triage.id))).await.refused(404, "not_found");
    })
    .await;
}
