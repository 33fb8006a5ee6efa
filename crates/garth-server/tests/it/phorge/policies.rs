//! What policies do in Phorge, row by row of `reference/phorge.md`, and what they do here.

use crate::support::*;

stories! {
    p1_32_every_form_is_known_and_no_other,
    p1_33_the_first_matching_rule_decides_and_what_is_unknown_denies,
    p1_34_empty_lists_match_nobody,
    p1_35_a_rule_about_owners_does_not_fit_a_space,
    p1_36_membership_is_looked_up_as_the_system,
    p1_38_invisible_and_missing_are_the_same_everywhere,
    p1_40_a_change_counts_at_the_next_request,
    p1_42_names_are_bounded_and_need_not_be_unique,
}

const RESOURCES: &str = "/api/v1/resources";

async fn p1_32_every_form_is_known_and_no_other(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    let home = g.home().await;
    let crew = ada.group("crew", &[&ada]).await;
    let named = ada.post("/api/v1/policies", json!({"name": "all", "policy": "users"})).await.created().id();
    let groups = json!([format!("group:{}", crew.id)]);
    let forms = [
        json!("public"),
        json!("users"),
        json!("members"),
        json!("admins"),
        json!({"permission": "space:admin"}),
        json!({"users": [ada.principal()]}),
        json!({"groups_any": groups}),
        json!({"groups_all": groups}),
        json!({"named": named}),
        json!({"rules": [{"effect": "allow", "who": "users"}], "default": "deny"}),
    ];
    for form in &forms {
        for field in ["view", "edit"] {
            assert_eq!(ada.patch(&home.url(""), json!({field: form})).await.ok()[field], *form);
            let task = ada.resource("task", "Task").with(field, form.clone()).create().await;
            assert_eq!(task[field], *form);
        }
        ada.patch("/api/v1/kinds/task", json!({"default_view": form, "default_edit": form})).await.ok();
    }
    g.unchanged(async || {
        for odd in [json!(""), json!("no-one"), json!(null), json!(7), json!([]), json!({})] {
            ada.patch(&home.url(""), json!({"view": odd})).await.invalid("/view");
        }
        for odd in [
            json!({"users": "all"}),
            json!({"owners": []}),
            json!({"permission": "task:fly"}),
            json!({"users": [], "groups_any": []}),
        ] {
            ada.patch(&home.url(""), json!({"view": odd})).await.refused(422, "invalid");
        }
    })
    .await;
    // One that stands in the store all the same denies everybody, administrators too.
    let sql = format!("UPDATE spaces SET view_policy = '\"no-one\"' WHERE id = '{}'", home.id);
    g.meddle(&sql).await;
    g.restart().await;
    ada.get(&home.url("")).await.refused(404, "not_found");
}

async fn p1_33_the_first_matching_rule_decides_and_what_is_unknown_denies(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo] = [g.person("lin").await, g.person("bo").await];
    ada.kind("task").await;
    g.home().await;
    let rule = |effect: &str, who: Value| json!({"effect": effect, "who": who});
    let these = |people: &[&Person]| json!({"users": people.iter().map(|p| p.principal()).collect::<Vec<_>>()});
    let policy = |rules: Vec<Value>, default: &str| json!({"rules": rules, "default": default});
    let me = rule("allow", these(&[&ada]));
    for (policy, sees) in [
        (policy(vec![me.clone(), rule("deny", these(&[&bo])), rule("allow", json!("users"))], "deny"), [true, false]),
        (policy(vec![me.clone(), rule("allow", json!("users")), rule("deny", these(&[&bo]))], "deny"), [true, true]),
        (policy(vec![me.clone(), rule("deny", these(&[&bo]))], "allow"), [true, false]),
        (policy(vec![me.clone()], "deny"), [false, false]),
        (policy(vec![], "allow"), [true, true]),
    ] {
        let task = ada.resource("task", "By rules").view(policy.clone()).create().await;
        for (person, sees) in [&lin, &bo].into_iter().zip(sees) {
            assert_eq!(person.get(&task.url("")).await.status == 200, sees, "{} under {policy}", person.username);
        }
    }
    g.unchanged(async || {
        let create = |view: Value| ada.resource("task", "Odd").view(view).send();
        create(policy(vec![json!({"effect": "perhaps", "who": "users"})], "allow")).await.refused(422, "invalid");
        create(policy(vec![rule("deny", json!("everybody"))], "allow")).await.refused(422, "invalid");
        create(json!({"rules": []})).await.refused(422, "invalid");
        create(policy(vec![json!({"effect": "deny", "who": "users", "where": "home"})], "allow"))
            .await
            .refused(422, "invalid");
    })
    .await;
    // Met in the store, an unknown rule denies everybody though the default allows.
    let task = ada.resource("task", "Damaged").view(policy(vec![], "allow")).create().await;
    let odd = r#"{"rules":[{"effect":"deny","who":"everybody"}],"default":"allow"}"#;
    let sql = format!(
        "UPDATE access_classes SET view_policy = '{odd}' WHERE id = (SELECT class_id FROM resources WHERE id = '{}')",
        task.id
    );
    g.meddle(&sql).await;
    g.restart().await;
    for person in [&ada, &lin] {
        person.get(&task.url("")).await.refused(404, "not_found");
    }
}

async fn p1_34_empty_lists_match_nobody(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    g.home().await;
    for form in [json!({"groups_all": []}), json!({"groups_any": []}), json!({"users": []})] {
        let rules = json!([{"effect": "allow", "who": form}, {"effect": "allow", "who": {"users": [ada.principal()]}}]);
        let task = ada.resource("task", "Task").view(json!({"rules": rules, "default": "deny"})).create().await;
        lin.get(&task.url("")).await.refused(404, "not_found");
        g.unchanged(async || ada.resource("task", "Task").view(form).send().await.refused(409, "lockout")).await;
    }
}

async fn p1_35_a_rule_about_owners_does_not_fit_a_space(g: Garth) {
    let ada = g.admin().await;
    let home = g.home().await;
    g.unchanged(async || {
        for who in ["author", "owner", "subscribers"] {
            let rules = json!({"rules": [{"effect": "allow", "who": who}], "default": "allow"});
            for field in ["view", "edit"] {
                let pointer = format!("/{field}/rules/0/who");
                ada.patch(&home.url(""), json!({field: rules})).await.invalid(&pointer);
            }
        }
    })
    .await;
}

async fn p1_36_membership_is_looked_up_as_the_system(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo, kim] = [g.person("lin").await, g.person("bo").await, g.person("kim").await];
    ada.kind("task").await;
    g.closed_home().await;
    // Bo is in the inner group, which nobody shows him the outer one by.
    let inner = ada.group("inner", &[&bo]).await;
    let outer = ada.group("outer", &[&inner, &ada]).await;
    let club = json!({"groups_any": [format!("group:{}", outer.id)]});
    let atlas = ada.space("Atlas").with("view", club.clone()).create().await;
    ada.grant(&atlas, &bo, "reader").await;
    let task = ada.resource("task", "Inside").space(&atlas).view(club.clone()).create().await;
    bo.get(&task.url("")).await.ok();
    kim.get(&task.url("")).await.refused(404, "not_found");
    // Whoever may not see the group is not told its name, and cannot write a policy with it.
    ada.grant(&atlas, &lin, "admin").await;
    ada.patch(&atlas.url(""), json!({"view": "members"})).await.ok();
    ada.patch(
        &task.url(""),
        json!({"view": {"rules": [
        {"effect": "allow", "who": {"groups_any": [format!("group:{}", outer.id)]}},
        {"effect": "allow", "who": "members"}], "default": "deny"}, "edit": {"users": [ada.principal()]}}),
    )
    .await
    .ok();
    let shown = lin.get(&task.url("")).await.ok();
    assert!(!shown.to_string().contains(&outer.id) && !shown.to_string().contains("outer"), "{shown}");
    let never = strange(&outer.id);
    let with = |id: &str| json!({"groups_any": [format!("group:{id}")]});
    g.unchanged(async || {
        let refused = lin.patch(&atlas.url(""), json!({"view": with(&outer.id)})).await.invalid("/view/groups_any/0");
        let missing = lin.patch(&atlas.url(""), json!({"view": with(&never)})).await;
        assert_missing(&refused, &outer.id, &missing, &never);
    })
    .await;
}

async fn p1_38_invisible_and_missing_are_the_same_everywhere(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind_with("task", json!({"references": [{"pointer": "/blocks", "kind": "task"}]})).await;
    let home = g.home().await;
    let vault = ada.space("Vault").create().await;
    let by_space = ada.resource("task", "Behind a gate").space(&vault).create().await;
    let by_policy =
        ada.resource("task", "By its policy").space(&home).view(json!({"users": [ada.principal()]})).create().await;
    for hidden in [&by_space, &by_policy] {
        let never = strange(&hidden.id);
        for (method, path, body) in [
            ("GET", "/api/v1/resources/ID", None),
            ("PATCH", "/api/v1/resources/ID", Some(json!({"name": "x"}))),
            ("DELETE", "/api/v1/resources/ID", None),
            ("POST", "/api/v1/resources/ID/move", Some(json!({"space": home.id}))),
            ("POST", "/api/v1/resources", Some(json!({"kind": "task", "name": "x", "body": {"blocks": "ID"}}))),
            ("POST", "/api/v1/explain", Some(lin.question("read", "task", "ID"))),
            ("POST", "/access/v1/evaluation", Some(lin.question("read", "task", "ID"))),
            ("POST", "/api/v1/preview", Some(json!({"change": {"type": "move", "resource": "ID", "space": home.id}}))),
        ] {
            let call = |id: &str| {
                let call = lin.call(method.parse().expect("a method"), &path.replace("ID", id));
                match &body {
                    Some(body) => call.json(serde_json::from_str(&body.to_string().replace("ID", id)).expect("JSON")),
                    None => call,
                }
            };
            g.unchanged(async || assert_missing(&call(&hidden.id).await, &hidden.id, &call(&never).await, &never))
                .await;
        }
        assert!(!lin.get(RESOURCES).await.ok().each("id").contains(&hidden.id));
    }
}

async fn p1_40_a_change_counts_at_the_next_request(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    g.home().await;
    let crew = ada.group("crew", &[]).await;
    let view = json!({"groups_any": [format!("group:{}", crew.id), "group:everyone"]});
    let atlas = ada.space("Atlas").with("view", view).create().await;
    let task = ada.resource("task", "Task").space(&atlas).view(json!("users")).create().await;
    let seen = async || lin.get(&task.url("")).await.status == 200;
    assert!(seen().await);
    let club = json!({"rules": [{"effect": "allow", "who": {"groups_any": [format!("group:{}", crew.id)]}},
        {"effect": "allow", "who": "members"}], "default": "deny"});
    ada.patch(&atlas.url(""), json!({"view": club})).await.ok();
    assert!(!seen().await, "the policy");
    ada.post(&crew.url("/members"), json!({"member": lin.principal()})).await.done();
    assert!(seen().await, "the membership");
    ada.delete(&crew.url(&format!("/members/{}", lin.principal()))).await.done();
    assert!(!seen().await, "and its end");
}

async fn p1_42_names_are_bounded_and_need_not_be_unique(g: Garth) {
    let ada = g.admin().await;
    g.home().await;
    let one = ada.space("Twin").create().await;
    let other = ada.space("Twin").create().await;
    assert_ne!(one.id, other.id);
    ada.space(&"n".repeat(255)).create().await;
    g.unchanged(async || {
        ada.space(&"n".repeat(256)).send().await.invalid("/name");
        ada.space("  ").send().await.invalid("/name");
    })
    .await;
    // An id tells neither how many there are nor which came next.
    let close = one.id.split('-').zip(other.id.split('-')).filter(|(a, b)| a == b).count();
    assert!(close <= 3, "{} and {}", one.id, other.id);
}
