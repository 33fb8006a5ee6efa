//! Stories about people who try: ways past a law that were open once, kept shut from then on.

use crate::support::*;

stories! {
    the_systems_record_tells_nothing_of_what_is_in_spaces,
    a_secret_in_a_list_is_a_secret,
    a_field_that_becomes_secret_is_shown_no_more,
    a_long_policy_is_kept_on_either_engine,
    a_query_as_long_as_an_address_is_answered_or_refused,
    roles_do_not_flow_in_where_one_could_not_give_them,
    nobody_becomes_a_reader_by_a_child_that_inherits,
    a_parent_out_of_sight_is_not_found_out,
    a_setup_that_is_refused_changes_nothing,
    nobody_asks_why_about_what_they_cannot_see,
    a_spaces_record_shows_no_contents_its_reader_may_not_view,
    a_groups_members_are_on_record_where_a_policy_names_it,
    a_parameter_nobody_knows_stops_a_write,
    a_space_always_has_somebody_in_charge_at_first,
    a_code_is_never_used_again,
    a_deleted_person_is_named_nowhere,
    groups_may_be_nested_in_every_way_at_once,
    a_username_holds_no_character_that_nobody_sees,
    a_kind_names_nobody_to_strangers,
    a_schema_that_refers_to_itself_stops_nobody,
    a_sealed_space_is_opened_by_nothing_a_system_administrator_edits,
    what_moves_while_it_is_read_is_shown_whole_or_not_at_all,
}

async fn the_systems_record_tells_nothing_of_what_is_in_spaces(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    g.home().await;
    ada.patch("/api/v1/settings", json!({"create_spaces": "users"})).await.ok();
    let vault = lin.space("Hush-vault").sealed().with("description", json!("Hush-plan")).create().await;
    let open = lin.space("Open").with("description", json!("Hush-plan")).with("labels", json!(["hush-label"]));
    let open = open.create().await;
    lin.patch("/api/v1/me", json!({"default_space": vault.id})).await.ok();
    for space in [&vault, &open] {
        lin.post(&space.url("/archive"), json!({})).await.ok();
        let name = space["name"].as_str().expect("a name");
        lin.delete(&space.url(&format!("?confirm={name}"))).await.done();
    }
    let record = json!(ada.all_pages("/api/v1/audit", 100).await).to_string();
    for secret in ["Hush-vault", "Hush-plan", "hush-label", vault.id.as_str()] {
        assert!(!record.contains(secret), "{secret} is on the system's record: {record}");
    }
    assert!(record.contains(&open.id), "a space that the registry showed is");
}

async fn a_secret_in_a_list_is_a_secret(g: Garth) {
    let ada = g.admin().await;
    g.home().await;
    ada.kind_with("bridge", json!({"secret_fields": ["/tokens/0", "/keys/1/key"]})).await;
    let body = json!({"tokens": ["s3cr3t-a", "plain"], "keys": [{"key": "seen"}, {"key": "s3cr3t-b", "id": 7}]});
    let made = ada.resource("bridge", "Mail").body(body).create().await;
    let hidden =
        json!({"tokens": [{"secret": true}, "plain"], "keys": [{"key": "seen"}, {"key": {"secret": true}, "id": 7}]});
    assert_eq!(made["body"], hidden);
    assert_eq!(ada.get(&made.url("")).await.ok()["body"], hidden);
    // Sent back as it came, it is unchanged.
    let again = ada.patch(&made.url(""), json!({"name": "Post", "body": made["body"]})).await.ok();
    assert_eq!(again["body"], hidden);
    let lists = json!([ada.get("/api/v1/resources").await.ok().items(), ada.all_pages("/api/v1/audit", 100).await]);
    assert!(!lists.to_string().contains("s3cr3t"));
    // A star stands for nothing in a secret's pointer, so it would keep nothing secret.
    let star = kind_body("other", json!({"secret_fields": ["/keys/*/key"]}));
    ada.post("/api/v1/kinds", star).await.invalid("/secret_fields/0");
}

async fn a_field_that_becomes_secret_is_shown_no_more(g: Garth) {
    let ada = g.admin().await;
    g.home().await;
    let kind = ada.kind_with("bridge", json!({"secret_fields": ["/old"]})).await;
    let made = ada.resource("bridge", "Mail").body(json!({"old": "s3cr3t-a", "new": "s3cr3t-b"})).create().await;
    ada.patch(&kind.url(""), json!({"secret_fields": ["/new"]})).await.ok();
    let hidden = json!({"old": {"secret": true}, "new": {"secret": true}});
    assert_eq!(ada.get(&made.url("")).await.ok()["body"], hidden);
    // Sent back as it came, it is unchanged, and sealed from then on.
    let again = ada.patch(&made.url(""), json!({"body": {"new": {"secret": true}, "host": "mail"}})).await.ok();
    assert_eq!(again["body"], json!({"old": {"secret": true}, "new": {"secret": true}, "host": "mail"}));
    ada.patch(&kind.url(""), json!({"secret_fields": []})).await.ok();
    assert_eq!(ada.get(&made.url("")).await.ok()["body"], again["body"], "what was sealed stays sealed");
    ada.patch(&made.url(""), json!({"body": {"host": "post"}})).await.ok();
    assert_eq!(ada.get(&made.url("")).await.ok()["body"]["old"], json!({"secret": true}));
    ada.patch(&kind.url(""), json!({"secret_fields": ["/old"]})).await.ok();
    // It is still there: a body that keeps it is accepted.
    ada.patch(&made.url(""), json!({"body": {"old": {"secret": true}}})).await.ok();
}

async fn a_long_policy_is_kept_on_either_engine(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    g.home().await;
    let rule = |n: usize| {
        let at = format!(
            "20{:02}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
            n * 37 % 90 + 10,
            n * 7 % 12 + 1,
            n * 11 % 28 + 1,
            n * 13 % 24,
            n * 17 % 60,
            n * 29 % 60
        );
        json!({"effect": "deny", "who": {"users": []}, "when": {"until": at}})
    };
    let rules: Vec<Value> = (0..500).map(rule).collect();
    let policy = json!({"rules": rules, "default": "allow"});
    let task = ada.resource("task", "Fix the lift").view(policy.clone()).create().await;
    assert_eq!(ada.get(&task.url("")).await.ok()["view"]["rules"].as_array().map(Vec::len), Some(500));
}

async fn a_query_as_long_as_an_address_is_answered_or_refused(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    g.home().await;
    ada.resource("task", "Fix the lift").labels(&["a"]).create().await;
    let labels: Vec<String> = (0..2_000).map(|n| format!("label={n}")).collect();
    ada.get(&format!("/api/v1/resources?{}", labels.join("&"))).await.refused(422, "invalid");
    let both = ada.resource("task", "Both").labels(&["a", "b"]).create().await;
    assert_eq!(ada.get("/api/v1/resources?label=b&label=a").await.ok().each("id"), vec![both.id.clone()]);
    ada.delete(&both.url("")).await.done();
    let most: Vec<String> = (0..64).map(|n| format!("label={n}")).collect();
    assert!(ada.get(&format!("/api/v1/resources?{}", most.join("&"))).await.ok().items().is_empty());
    let same = vec!["label=a"; 5_000].join("&");
    assert_eq!(ada.get(&format!("/api/v1/resources?{same}")).await.ok().items().len(), 1);
    for long in ["x".repeat(60_000), "_".repeat(30_000)] {
        ada.get(&format!("/api/v1/resources?q={long}")).await.invalid("?q");
    }
    for (name, count) in [("kind", 5_000), ("space", 5_000), ("owner", 5_000), ("author", 5_000)] {
        let many: Vec<String> = (0..count).map(|n| format!("{name}={n}")).collect();
        let answer = ada.get(&format!("/api/v1/resources?{}", many.join("&"))).await.ok();
        assert!(answer.items().is_empty(), "{answer}");
    }
}

async fn roles_do_not_flow_in_where_one_could_not_give_them(g: Garth) {
    let ada = g.admin().await;
    let [lin, mal] = [g.person("lin").await, g.person("mal").await];
    ada.kind("task").await;
    ada.role("doorkeeper", &["space:admin"]).await;
    g.home().await;
    ada.patch("/api/v1/settings", json!({"create_spaces": "users"})).await.ok();
    let atlas = lin.space("Atlas").create().await;
    let task = lin.resource("task", "Hush").space(&atlas).create().await;
    lin.grant(&atlas, &mal, "doorkeeper").await;
    let own = mal.space("Own").create().await;
    mal.get(&task.url("")).await.refused(404, "not_found");
    // Under a space where all is allowed to them, everything here would be, too.
    g.unchanged(async || {
        mal.patch(&atlas.url(""), json!({"parent": own.id})).await.refused(403, "forbidden");
    })
    .await;
    mal.get(&task.url("")).await.refused(404, "not_found");
}

async fn nobody_becomes_a_reader_by_a_child_that_inherits(g: Garth) {
    let ada = g.admin().await;
    let [lin, mal] = [g.person("lin").await, g.person("mal").await];
    ada.kind("task").await;
    ada.role("doorkeeper", &["space:admin"]).await;
    g.home().await;
    ada.patch("/api/v1/settings", json!({"create_spaces": "space_admins"})).await.ok();
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    let task = lin.resource("task", "Hush").space(&atlas).create().await;
    lin.grant(&atlas, &mal, "doorkeeper").await;
    mal.space("Child").under(&atlas).inherits().send().await.refused(403, "forbidden");
    let child = mal.space("Child").under(&atlas).create().await;
    mal.patch(&child.url(""), json!({"inherits": true})).await.refused(403, "forbidden");
    mal.get(&task.url("")).await.refused(404, "not_found");
    lin.patch(&child.url(""), json!({"inherits": true})).await.ok();
}

async fn a_parent_out_of_sight_is_not_found_out(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    g.home().await;
    let above = ada.space("Above").create().await;
    let child = ada.space("Child").under(&above).create().await;
    let root = ada.space("Root").create().await;
    for space in [&child, &root] {
        ada.grant(space, &lin, "admin").await;
    }
    let of_child = lin.patch(&child.url(""), json!({"parent": null})).await.ok();
    let of_root = lin.patch(&root.url(""), json!({"parent": null})).await.ok();
    assert_eq!((of_child["parent"].clone(), of_root["parent"].clone()), (Value::Null, Value::Null));
    assert_eq!(ada.get(&child.url("")).await.ok()["parent"], above.id, "it stays where it is");
}

async fn a_setup_that_is_refused_changes_nothing(g: Garth) {
    let body =
        |space: &str| json!({"token": g.setup_token(), "username": "ada", "password": password("ada"), "space": space});
    g.unchanged(async || g.anonymous().post("/api/v1/setup", body(" ")).await.invalid("/space")).await;
    assert_eq!(g.anonymous().get("/api/v1/setup").await.ok()["needed"], true);
    g.anonymous().post("/api/v1/setup", body("Office")).await.created();
    let ada = g.anonymous().sign_in("ada").await;
    assert_eq!(ada.get("/api/v1/spaces").await.ok().names(), ["Office"]);
    let office = ada.get("/api/v1/spaces").await.ok().each("id");
    let grants = ada.get(&format!("/api/v1/spaces/{}/grants", office[0])).await.ok();
    assert!(grants.items().iter().any(|grant| grant["principal"] == ada.principal() && grant["role"] == "admin"));
}

async fn nobody_asks_why_about_what_they_cannot_see(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo] = [g.person("lin").await, g.person("bo").await];
    ada.kind("task").await;
    g.home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    lin.grant(&atlas, &bo, "writer").await;
    let own = bo.resource("task", "Own").space(&atlas).view(json!({"users": [bo.principal()]})).create().await;
    let open = bo.resource("task", "Open").space(&atlas).create().await;
    lin.get(&own.url("")).await.refused(404, "not_found");
    for action in ["read", "write"] {
        let ask = |id: &str| lin.post("/api/v1/explain", bo.question(action, "task", id));
        assert_eq!(ask(&open.id).await.ok()["decision"], true);
        let never = strange(&own.id);
        assert_missing(&ask(&own.id).await, &own.id, &ask(&never).await, &never);
    }
}

async fn a_spaces_record_shows_no_contents_its_reader_may_not_view(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo] = [g.person("lin").await, g.person("bo").await];
    ada.kind_with("task", json!({"exceptions": {"owner": ["view"]}})).await;
    g.home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    lin.grant(&atlas, &bo, "writer").await;
    let only_bo = json!({"users": [bo.principal()]});
    let own = bo.resource("task", "Hush-one").space(&atlas).view(only_bo.clone()).create().await;
    bo.patch(&own.url(""), json!({"name": "Hush-two"})).await.ok();
    bo.delete(&own.url("")).await.done();
    let shut = bo.resource("task", "Known").space(&atlas).create().await;
    bo.patch(&shut.url(""), json!({"view": only_bo})).await.ok();
    bo.patch(&shut.url(""), json!({"name": "Hush-three"})).await.ok();
    let of_lin = bo.resource("task", "Of Lin").space(&atlas).view(only_bo).owner(&lin).create().await;

    let record = lin.all_pages(&atlas.url("/audit"), 100).await;
    let text = json!(record).to_string();
    assert!(!text.contains("Hush"), "contents of what is hidden from its reader: {text}");
    let of = |id: &str| record.iter().filter(|entry| entry["target"]["id"] == id).count();
    assert_eq!((of(&own.id), of(&shut.id), of(&of_lin.id)), (3, 3, 1), "that something was done is on record");
    assert!(text.contains("Known") && text.contains("Of Lin"), "what its reader might see is told: {text}");
    lin.grant(&atlas, &bo, "admin").await;
    let text = json!(bo.all_pages(&atlas.url("/audit"), 100).await).to_string();
    assert!(text.contains("Hush-one") && text.contains("Hush-three"), "{text}");
}

async fn a_groups_members_are_on_record_where_a_policy_names_it(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo] = [g.person("lin").await, g.person("bo").await];
    g.home().await;
    let inner = ada.group("inner", &[]).await;
    let outer = ada.group("outer", &[&inner]).await;
    let gate = json!({"groups_any": [format!("group:{}", outer.id)]});
    let named = ada.post("/api/v1/policies", json!({"name": "crew", "policy": gate})).await.created();
    let rules = |who: Value| json!({"rules": [{"effect": "allow", "who": "members"}, {"effect": "allow", "who": who}], "default": "deny"});
    let direct = ada.space("Direct").admin(&lin).with("view", rules(gate)).create().await;
    let through = ada.space("Through").admin(&lin).with("view", rules(json!({"named": named.id()}))).create().await;
    bo.get(&direct.url("")).await.refused(404, "not_found");
    ada.post(&inner.url("/members"), json!({"member": bo.principal()})).await.done();
    for space in [&direct, &through] {
        bo.get(&space.url("")).await.ok();
        let record = lin.get(&space.url("/audit?action=group.member.add")).await.ok();
        assert!(record.items().iter().any(|e| e["after"]["member"] == bo.principal()), "{record}");
    }
}

async fn a_parameter_nobody_knows_stops_a_write(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    g.home().await;
    let atlas = ada.space("Atlas").create().await;
    let task = ada.resource("task", "Fix the lift").create().await;
    g.unchanged(async || {
        let body = json!({"kind": "task", "name": "Another"});
        ada.post("/api/v1/resources?colour=red", body).await.invalid("?colour");
        ada.patch(&task.url("?colour=red"), json!({"name": "Other"})).await.invalid("?colour");
        ada.delete(&task.url("?colour=red")).await.invalid("?colour");
        ada.post(&task.url("/archive?colour=red"), json!({})).await.invalid("?colour");
        ada.post(&atlas.url("/archive?colour=red"), json!({})).await.invalid("?colour");
        g.anonymous().delete(&task.url("?colour=red")).await.not_signed_in();
        g.anonymous().get("/api/v1/spaces?colour=red").await.not_signed_in();
    })
    .await;
}

async fn a_space_always_has_somebody_in_charge_at_first(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    g.home().await;
    ada.patch("/api/v1/settings", json!({"create_spaces": "users"})).await.ok();
    for person in [&ada, &lin] {
        g.unchanged(async || {
            person.space("Nobody's").with("admins", json!([])).send().await.refused(409, "lockout");
            person.space("Nobody's").sealed().with("admins", json!([])).send().await.refused(409, "lockout");
        })
        .await;
    }
}

async fn a_code_is_never_used_again(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    g.home().await;
    let first = ada.resource("task", "First").create().await;
    let second = ada.resource("task", "Second").create().await;
    ada.delete(&second.url("")).await.done();
    g.restart().await;
    let third = ada.resource("task", "Third").create().await;
    assert_ne!(third["code"], second["code"]);
    let atlas = ada.space("Atlas").create().await;
    let fourth = ada.resource("task", "Fourth").space(&atlas).create().await;
    ada.post(&atlas.url("/archive"), json!({})).await.ok();
    ada.delete(&atlas.url("?confirm=Atlas")).await.done();
    g.restart().await;
    let fifth = ada.resource("task", "Fifth").create().await;
    let codes = [&first, &second, &third, &fourth, &fifth].map(|t| t["code"].as_str().expect("a code").to_owned());
    assert_eq!(std::collections::BTreeSet::from(codes).len(), 5);
}

async fn a_deleted_person_is_named_nowhere(g: Garth) {
    let ada = g.admin().await;
    let bo = g.person("bo").await;
    ada.kind("task").await;
    let home = g.home().await;
    let crew = ada.group("crew", &[]).await;
    ada.delete(&format!("/api/v1/users/{}", bo.id)).await.done();
    g.unchanged(async || {
        ada.post(&crew.url("/members"), json!({"member": bo.principal()})).await.invalid("/member");
        ada.resource("task", "T").view(json!({"users": [bo.principal()]})).send().await.invalid("/view/users/0");
        ada.resource("task", "T").with("owner", json!(bo.principal())).send().await.invalid("/owner");
        let grant = json!({"principal": bo.principal(), "role": "reader"});
        ada.post(&home.url("/grants"), grant.clone()).await.invalid("/principal");
        ada.post(&format!("/api/v1/registry/spaces/{}/grants", home.id), grant).await.invalid("/principal");
    })
    .await;
}

async fn groups_may_be_nested_in_every_way_at_once(g: Garth) {
    let ada = g.admin().await;
    let mut below: Vec<Thing> = Vec::new();
    for level in 0..9 {
        let mut here = Vec::new();
        for number in 0..5 {
            let group = ada.group(&format!("g{level}-{number}"), &[]).await;
            for member in &below {
                ada.post(&group.url("/members"), json!({"member": format!("group:{}", member.id)})).await.done();
            }
            here.push(group);
        }
        below = here;
    }
}

async fn a_username_holds_no_character_that_nobody_sees(g: Garth) {
    let ada = g.admin().await;
    for hidden in ["a\u{200b}da", "ada\u{200d}", "\u{feff}ada", "a\u{ad}da", "ada\u{2060}", "a\u{34f}da", "ada\u{3164}"]
    {
        ada.post("/api/v1/users", json!({"username": hidden})).await.invalid("/username");
    }
    ada.post("/api/v1/users", json!({"username": "žofie-李"})).await.created();
}

async fn a_kind_names_nobody_to_strangers(g: Garth) {
    let ada = g.admin().await;
    let [lin, spy] = [g.person("lin").await, g.person("spy").await];
    g.closed_home().await;
    let crew = ada.group("crew", &[&spy]).await;
    let who = |who: Value| json!({"effect": "allow", "who": who});
    let users = who(json!({"users": [spy.principal()]}));
    let groups = who(json!({"groups_any": [format!("group:{}", crew.id)]}));
    let policy = json!({"rules": [users, groups, who(json!("members"))], "default": "deny"});
    let kind = ada.kind_with("task", json!({"default_view": policy, "default_edit": policy})).await;
    for path in [kind.url(""), "/api/v1/kinds".to_owned()] {
        let text = String::from_utf8_lossy(&lin.get(&path).await.ok().bytes).into_owned();
        assert!(!text.contains(&spy.id) && !text.contains(&crew.id), "{text}");
        let text = String::from_utf8_lossy(&ada.get(&path).await.ok().bytes).into_owned();
        assert!(text.contains(&spy.id) && text.contains(&crew.id), "{text}");
    }
}

async fn a_schema_that_refers_to_itself_stops_nobody(g: Garth) {
    let ada = g.admin().await;
    g.home().await;
    for (number, schema) in [
        json!({"$ref": "#"}),
        json!({"allOf": [{"$ref": "#"}]}),
        json!({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}),
        json!({"type": "object", "properties": {"n": {"multipleOf": 1e-308}, "m": {"$ref": "#"}}}),
        json!({"type": "object", "properties": {"n": {"pattern": "^(?=(a+)+$)(a+)+\\1$"}}}),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("k{}{number}", char::from(b'a' + u8::try_from(number).expect("few")));
        let body = kind_body(&name, json!({"schema": schema, "prefix": format!("K{number}")}));
        let made = ada.post("/api/v1/kinds", body).await;
        if made.status == 201 {
            for n in [json!(1e308), json!("a".repeat(64) + "b"), json!({"m": {"m": {}}})] {
                let _ = ada.resource(&name, "Thing").body(json!({"n": n, "m": {"n": n}})).send().await;
            }
        }
    }
    ada.get("/api/v1/me").await.ok();
}

async fn a_sealed_space_is_opened_by_nothing_a_system_administrator_edits(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo] = [g.person("lin").await, g.person("bo").await];
    let kind = ada.kind("task").await;
    let role = ada.role("helper", &["task:read"]).await;
    g.home().await;
    let above = ada.space("Above").create().await;
    ada.grant(&above, &bo, "admin").await;
    let vault = ada.space("Vault").under(&above).sealed().admin(&lin).create().await;
    let crew = ada.group("crew", &[]).await;
    let kim = g.person("kim").await;
    // Who edits a role could put its holders in charge, so none that can be edited is held here.
    let helper = json!({"principal": kim.principal(), "role": "helper"});
    lin.post(&vault.url("/grants"), helper.clone()).await.invalid("/role");
    let reader = lin.grant(&vault, &kim, "reader").await;
    lin.patch(&vault.url(&format!("/grants/{}", reader.id)), json!({"role": "helper"})).await.invalid("/role");
    let open = ada.space("Open").admin(&lin).create().await;
    lin.post(&open.url("/grants"), helper).await.created();
    lin.patch(&open.url(""), json!({"sealed": true})).await.refused(409, "conflict");
    let task = lin.resource("task", "Hush").space(&vault).create().await;

    // The tree, groups, roles, kinds, settings, named policies, and whoever comes back under a name.
    ada.post(&crew.url("/members"), json!({"member": ada.principal()})).await.done();
    ada.grant_by_registry(&above, &crew, "admin").await;
    ada.patch(&role.url(""), json!({"permissions": ["*:*"]})).await.ok();
    let everybody = json!({"default_view": "users", "default_edit": "users", "exceptions": {"subscribers": ["view"]}});
    ada.patch(&kind.url(""), everybody).await.ok();
    ada.patch("/api/v1/settings", json!({"public_access": true, "create_spaces": "users"})).await.ok();
    ada.patch(&above.url(""), json!({"view": "public"})).await.ok();
    for (method, path, body) in [
        ("POST", "/grants", json!({"principal": ada.principal(), "role": "admin"})),
        ("PATCH", "", json!({"view": "public"})),
        ("PATCH", "", json!({"sealed": false})),
        ("POST", "/archive", json!({})),
    ] {
        let method = method.parse().expect("a method");
        ada.call(method, &vault.url(path)).json(body).await.refused(404, "not_found");
    }
    ada.space("Child").under(&vault).send().await.invalid("/parent");
    ada.patch(&above.url(""), json!({"parent": vault.id})).await.invalid("/parent");
    for path in [vault.url(""), task.url(""), format!("/api/v1/registry/spaces/{}", vault.id)] {
        for person in [&ada, &bo] {
            assert!([403, 404].contains(&person.get(&path).await.refused_somehow().status.as_u16()));
        }
        g.anonymous().get(&path).await.not_signed_in();
    }
    for person in [&ada, &bo] {
        assert!(person.get("/api/v1/resources").await.ok().items().is_empty());
        assert!(!person.get("/api/v1/spaces").await.ok().each("id").contains(&vault.id));
    }
    // What is left to them: to take away. Lin is the last one in charge, and stays.
    ada.patch(&format!("/api/v1/users/{}", lin.id), json!({"disabled": true})).await.refused(409, "last_admin");
    ada.delete(&format!("/api/v1/users/{}", lin.id)).await.refused(409, "last_admin");
}

async fn what_moves_while_it_is_read_is_shown_whole_or_not_at_all(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    g.home().await;
    let open = ada.space("Open").create().await;
    ada.grant(&open, &lin, "reader").await;
    let dark = ada.space("Dark").create().await;
    let task = ada.resource("task", "Seen").space(&open).labels(&["seen"]).create().await;
    let (path, by) = (task.url(""), ada.clone());
    let moving = tokio::spawn(async move {
        for _ in 0..60 {
            for (space, word) in [(&dark, "hush"), (&open, "seen")] {
                let change = json!({"space": space.id, "labels": [word], "name": word, "subscribers": []});
                by.patch(&path, change).await.ok();
            }
        }
    });
    while !moving.is_finished() {
        let one = lin.get(&task.url("")).await;
        let list = lin.get("/api/v1/resources?order=name").await.ok();
        for answer in [&one, &list] {
            assert!(!String::from_utf8_lossy(&answer.bytes).contains("hush"), "{answer}");
        }
    }
    moving.await.expect("moved");
}
