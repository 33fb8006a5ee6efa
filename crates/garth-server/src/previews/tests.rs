//! Stories about previews: who would gain and lose what, told before a change is made; and that making it moves exactly
//! that. On random worlds this is told in `tests/it/agreement.rs`.

use crate::support::*;

stories! {
    a_grant_tells_who_gains_what,
    a_removed_grant_and_a_changed_one_tell_who_loses_what,
    a_gate_tells_everybody_it_shuts_out,
    a_place_in_the_tree_tells_what_flows,
    a_group_tells_what_its_members_gain,
    a_named_policy_and_a_kinds_default_tell_what_they_move,
    a_resource_that_moves_takes_what_requires_it_along,
    an_archived_space_stops_its_keys_and_moves_no_right,
    a_preview_is_refused_as_the_change_is,
    a_preview_names_nothing_the_caller_may_not_see,
    what_no_change_is_is_refused,
    a_preview_does_not_tell_whose_account_would_end,
    a_preview_says_when_it_is_not_all,
}

const PREVIEW: &str = "/api/v1/preview";

async fn preview(by: &Person, change: Value) -> Answer {
    by.post(PREVIEW, json!({"change": change})).await.ok()
}

/// What a list names, but for permissions of the kinds that are there from the start: these come with every role.
fn own(value: &Value) -> Vec<&str> {
    let names = value.as_array().expect("a list").iter().map(|name| name.as_str().expect("a name"));
    names.filter(|name| !["job:", "delivery:", "ai_provider:"].iter().any(|kind| name.starts_with(kind))).collect()
}

/// Each line in short: who, on what, gaining and losing what.
fn lines(answer: &Answer) -> Vec<String> {
    let list = |value: &Value, sign: &str| own(value).iter().map(|name| format!(" {sign}{name}")).collect::<String>();
    let items = answer["items"].as_array().expect("items").iter();
    sorted(
        items
            .map(|item| {
                let (who, what) = (item["username"].as_str().unwrap_or("key"), &item["target"]["name"]);
                let (gains, loses) = (list(&item["gains"], "+"), list(&item["loses"], "-"));
                format!("{who} {}{gains}{loses}", what.as_str().expect("a name"))
            })
            .collect(),
    )
}

async fn a_grant_tells_who_gains_what(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind_with("task", json!({"permissions": ["task:triage"]})).await;
    g.home().await;
    let atlas = ada.space("Atlas").create().await;
    let deep = ada.space("Deep").under(&atlas).create().await;
    let grant = |role: &str| json!({"type": "grant", "space": atlas.id, "principal": "user:@lin", "role": role});
    g.unchanged(async || {
        let told = preview(&ada, grant("reader")).await;
        assert_eq!(lines(&told), ["lin Atlas +read +task:read", "lin Deep +read +task:read"]);
        assert_eq!(told["complete"], true);
        let first = &told.items()[0];
        assert_eq!(
            (first["principal"].as_str(), first["target"]["type"].as_str()),
            (Some(&*lin.principal()), Some("space"))
        );
        let told = preview(&ada, grant("writer")).await;
        let gains = "+meter:consume +read +task:read +task:triage +task:write";
        assert_eq!(lines(&told), [format!("lin Atlas {gains}"), format!("lin Deep {gains}")]);
    })
    .await;
    ada.grant(&deep, &lin, "reader").await;
    // What one has already is not gained.
    assert_eq!(lines(&preview(&ada, grant("reader")).await), ["lin Atlas +read +task:read"]);
    ada.grant(&atlas, &lin, "reader").await;
    assert!(lines(&preview(&ada, grant("reader")).await).is_empty());
    let holds = json!(["ai_provider:read", "delivery:read", "job:read", "task:read"]);
    assert_eq!(lin.get(&atlas.url("")).await.ok()["access"]["permissions"], holds);
}

async fn a_removed_grant_and_a_changed_one_tell_who_loses_what(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    g.home().await;
    let atlas = ada.space("Atlas").create().await;
    let grant = ada.grant(&atlas, &lin, "writer").await;
    let change = |kind: &str| json!({"type": kind, "space": atlas.id, "grant": grant.id});
    let gone = preview(&ada, change("grant_removed")).await;
    assert_eq!(lines(&gone), ["lin Atlas -meter:consume -read -task:read -task:write"]);
    let mut weaker = change("grant_changed");
    weaker["role"] = json!("reader");
    assert_eq!(lines(&preview(&ada, weaker).await), ["lin Atlas -meter:consume -task:write"]);
    // Of somebody who keeps it by another way nothing goes.
    let crew = ada.group("crew", &[&lin]).await;
    ada.grant(&atlas, &crew, "writer").await;
    assert!(lines(&preview(&ada, change("grant_removed")).await).is_empty());
    ada.revoke(&atlas, &grant).await;
    lin.get(&atlas.url("")).await.ok();
}

async fn a_gate_tells_everybody_it_shuts_out(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo] = [g.person("lin").await, g.person("bo").await];
    ada.kind("task").await;
    g.home().await;
    let open = ada.space("Open").with("view", json!("users")).create().await;
    ada.grant(&open, &lin, "reader").await;
    let below = ada.space("Below").under(&open).create().await;
    let own = json!({"users": [ada.principal(), bo.principal()]});
    let task = ada.resource("task", "For bo").space(&open).view(own).create().await;
    let gate = |view: Value| json!({"type": "space", "space": open.id, "view": view});
    let told = preview(&ada, gate(json!("members"))).await;
    assert_eq!(lines(&told), ["bo For bo -read", "bo Open -read"]);
    // What flows through the gate goes with it.
    let told = preview(&ada, gate(json!({"users": [ada.principal(), bo.principal()]}))).await;
    assert_eq!(lines(&told), ["lin Below -read -task:read", "lin Open -read -task:read"]);
    ada.patch(&open.url(""), json!({"view": "members"})).await.ok();
    bo.get(&task.url("")).await.refused(404, "not_found");
    lin.get(&below.url("")).await.ok();
    // Who may edit it is told as well.
    let edit = json!({"type": "space", "space": open.id, "edit": "members"});
    assert_eq!(lines(&preview(&ada, edit).await), ["lin Open +write"]);
}

async fn a_place_in_the_tree_tells_what_flows(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo] = [g.person("lin").await, g.person("bo").await];
    ada.kind("task").await;
    g.home().await;
    let top = ada.space("Top").create().await;
    let team = ada.space("Team").create().await;
    ada.grant(&top, &lin, "reader").await;
    ada.grant(&team, &bo, "reader").await;
    let under = |inherits: bool| json!({"type": "space", "space": team.id, "parent": top.id, "inherits": inherits});
    assert_eq!(lines(&preview(&ada, under(false)).await), ["lin Team +read +task:read"]);
    let both = ["bo Top +read +task:read", "lin Team +read +task:read"];
    assert_eq!(lines(&preview(&ada, under(true)).await), both, "people of an inheriting child read the parent");
    ada.patch(&team.url(""), json!({"parent": top.id, "inherits": true})).await.ok();
    bo.get(&top.url("")).await.ok();
    let apart = json!({"type": "space", "space": team.id, "parent": null});
    let gone = ["bo Top -read -task:read", "lin Team -read -task:read"];
    assert_eq!(lines(&preview(&ada, apart).await), gone);
}

async fn a_group_tells_what_its_members_gain(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo] = [g.person("lin").await, g.person("bo").await];
    ada.kind("task").await;
    g.home().await;
    let inner = ada.group("inner", &[&bo]).await;
    let crew = ada.group("crew", &[]).await;
    let atlas = ada.space("Atlas").create().await;
    ada.grant(&atlas, &crew, "reader").await;
    let club = json!({"groups_any": [format!("group:{}", crew.id)]});
    let club = ada.space("Club").admin(&lin).with("view", club).create().await;
    ada.grant_by_registry(&club, &bo, "reader").await;
    let member = |kind: &str, who: String| json!({"type": kind, "group": "@crew", "member": who});
    let told = preview(&ada, member("group_member", lin.principal())).await;
    let admin = lines(&told).iter().any(|line| line.starts_with("lin Club +") && line.contains("+space:admin"));
    assert!(admin && lines(&told).contains(&"lin Atlas +read +task:read".to_owned()), "{told}");
    let told = preview(&ada, member("group_member", format!("group:{}", inner.id))).await;
    assert_eq!(lines(&told), ["bo Atlas +read +task:read", "bo Club +read +task:read"], "nested ones, too");
    ada.post(&crew.url("/members"), json!({"member": format!("group:{}", inner.id)})).await.done();
    bo.get(&club.url("")).await.ok();
    let told = preview(&ada, member("group_member_removed", format!("group:{}", inner.id))).await;
    assert_eq!(lines(&told), ["bo Atlas -read -task:read", "bo Club -read -task:read"]);
    g.unchanged(async || {
        lin.post(PREVIEW, json!({"change": member("group_member", lin.principal())})).await.refused(403, "forbidden");
    })
    .await;
}

async fn a_named_policy_and_a_kinds_default_tell_what_they_move(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo] = [g.person("lin").await, g.person("bo").await];
    ada.kind("task").await;
    let home = g.home().await;
    let policy = json!({"users": [ada.principal(), lin.principal()]});
    let id = ada.post("/api/v1/policies", json!({"name": "insiders", "policy": policy})).await.created().id();
    let club = ada.space("Club").with("view", json!({"named": id})).create().await;
    let task = ada.resource("task", "Guarded").space(&home).view(json!({"named": id})).create().await;
    let only = |people: Value| json!({"type": "policy", "id": "@insiders", "policy": {"users": people}});
    let told = preview(&ada, only(json!([ada.principal(), bo.principal()]))).await;
    let (guarded, opened) = ("lin Guarded -delete -read -write", "bo Guarded +delete +read +write");
    assert_eq!(lines(&told), ["bo Club +read", opened, "lin Club -read", guarded]);
    ada.patch("/api/v1/policies/@insiders", json!({"policy": {"users": [ada.principal(), bo.principal()]}})).await.ok();
    bo.get(&club.url("")).await.ok();
    lin.get(&task.url("")).await.refused(404, "not_found");

    let note = ada.resource("task", "Note").space(&home).owner(&lin).create().await;
    let kind = |fields: Value| {
        let mut change = json!({"type": "kind", "kind": "task"});
        change.as_object_mut().expect("an object").extend(fields.as_object().expect("fields").clone());
        change
    };
    let told = preview(&ada, kind(json!({"default_edit": "admins"}))).await;
    assert_eq!(lines(&told), ["bo Guarded -delete -write", "bo Note -delete -write", "lin Note -delete -write"]);
    let told = preview(&ada, kind(json!({"default_edit": "admins", "exceptions": {"owner": ["edit"]}}))).await;
    assert_eq!(lines(&told), ["bo Guarded -delete -write", "bo Note -delete -write"]);
    ada.patch("/api/v1/kinds/task", json!({"default_edit": "admins", "exceptions": {"owner": ["edit"]}})).await.ok();
    lin.patch(&note.url(""), json!({"labels": ["mine"]})).await.ok();
    bo.patch(&note.url(""), json!({"labels": ["his"]})).await.refused(403, "forbidden");
}

async fn a_resource_that_moves_takes_what_requires_it_along(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind_with("repository", json!({"shareable": true})).await;
    let requires = json!([{"pointer": "/repository", "kind": "repository", "requires": "view"}]);
    ada.kind_with("revision", json!({"references": requires})).await;
    let home = g.home().await;
    let vault = ada.space("Vault").create().await;
    let code = ada.resource("repository", "Code").space(&home).create().await;
    let fix = ada.resource("revision", "Fix").space(&home).body(json!({"repository": code.id})).create().await;
    let told = preview(&ada, json!({"type": "move", "resource": code["code"], "space": vault.id})).await;
    let gone = ["lin Code -delete -read -write", "lin Fix -delete -read -write"];
    assert_eq!(lines(&told), gone);
    let view = json!({"type": "resource", "resource": code.id, "view": {"users": [ada.principal()]}});
    assert_eq!(lines(&preview(&ada, view).await), gone);
    ada.post(&code.url("/move"), json!({"space": vault.id})).await.ok();
    lin.get(&fix.url("")).await.refused(404, "not_found");
    let grant = json!({"type": "grant", "space": vault.id, "principal": "user:@lin", "role": "reader"});
    let told = preview(&ada, grant).await;
    assert_eq!(lines(&told), ["lin Fix +delete +read +write", "lin Vault +read +repository:read +revision:read"]);
}

async fn an_archived_space_stops_its_keys_and_moves_no_right(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    g.home().await;
    let atlas = ada.space("Atlas").create().await;
    ada.grant(&atlas, &lin, "writer").await;
    let told = preview(&ada, json!({"type": "archive", "space": atlas.id})).await;
    assert!(lines(&told).is_empty() && told["complete"] == true, "{told}");
    let key = ada.key(&atlas, "reads", "reader").await;
    let told = preview(&ada, json!({"type": "archive", "space": atlas.id})).await;
    assert_eq!(lines(&told), ["key Atlas -read -task:read"]);
    assert_eq!(told.items()[0]["principal"], key.principal());
    ada.call(axum::http::Method::POST, &atlas.url("/archive")).await.ok();
    key.get(&atlas.url("")).await.not_signed_in();
    lin.get(&atlas.url("")).await.ok();
    let told = preview(&ada, json!({"type": "activate", "space": atlas.id})).await;
    assert_eq!(lines(&told), ["key Atlas +read +task:read"]);
}

async fn a_preview_is_refused_as_the_change_is(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo] = [g.person("lin").await, g.person("bo").await];
    ada.kind("task").await;
    g.home().await;
    let atlas = ada.space("Atlas").create().await;
    ada.grant(&atlas, &lin, "writer").await;
    let task = ada.resource("task", "Theirs").space(&atlas).edit(json!({"users": [ada.principal()]})).create().await;
    let asked = |by: &Person, change: Value| by.post(PREVIEW, json!({"change": change}));
    g.unchanged(async || {
        let grant = json!({"type": "grant", "space": atlas.id, "principal": "user:@lin", "role": "admin"});
        asked(&lin, grant.clone()).await.refused(403, "forbidden");
        asked(&lin, json!({"type": "space", "space": atlas.id, "view": "users"})).await.refused(403, "forbidden");
        asked(&lin, json!({"type": "resource", "resource": task.id, "view": "users"})).await.refused(403, "forbidden");
        asked(&lin, json!({"type": "policy", "id": "@x", "policy": "users"})).await.invalid("/change");
        asked(&lin, json!({"type": "kind", "kind": "task", "default_view": "users"})).await.refused(403, "forbidden");
        let shut = json!({"type": "space", "space": atlas.id, "view": {"users": [bo.principal()]}});
        asked(&ada, shut).await.refused(409, "lockout");
        let odd = json!({"type": "grant", "space": atlas.id, "principal": "user:@lin", "role": "emperor"});
        asked(&ada, odd).await.invalid("/change/role");
        asked(&ada, json!({"type": "space", "space": atlas.id, "colour": "red"})).await.invalid("/change/colour");
        let by_registry =
            json!({"type": "grant", "space": atlas.id, "principal": "user:@lin", "role": "reader", "registry": true});
        asked(&lin, by_registry).await.refused(403, "forbidden");
        g.anonymous().post(PREVIEW, json!({"change": grant})).await.not_signed_in();
    })
    .await;
}

async fn a_preview_names_nothing_the_caller_may_not_see(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo, kim] = [g.person("lin").await, g.person("bo").await, g.person("kim").await];
    ada.kind("task").await;
    g.closed_home().await;
    let crew = ada.group("crew", &[&bo]).await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    ada.grant_by_registry(&atlas, &crew, "reader").await;
    let wide = ada.group("wide", &[&kim]).await;
    ada.grant_by_registry(&atlas, &ada, "admin").await;
    // Below lies a space that Lin cannot see, and something that only Ada may.
    let cave = json!({"users": [ada.principal(), kim.principal()]});
    let hidden = ada.space("Cave").under(&atlas).with("view", cave).create().await;
    let mine = json!({"users": [ada.principal(), bo.principal()]});
    let secret = ada.resource("task", "Secret").space(&atlas).view(mine).create().await;
    let gate = |view: Value| json!({"type": "space", "space": atlas.id, "view": view});
    let told = preview(&lin, gate(json!({"users": [lin.principal(), ada.principal()]}))).await;
    assert_eq!(lines(&told), ["bo Atlas -read -task:read"], "of Bo, whom Lin shares the space with");
    let text = String::from_utf8_lossy(&told.bytes).into_owned();
    for name in [&secret.id, &hidden.id, &kim.id, &wide.id] {
        assert!(!text.contains(name.as_str()), "{name} is named: {told}");
    }
    let told = preview(&ada, gate(json!({"users": [lin.principal(), ada.principal()]}))).await;
    assert!(lines(&told).iter().any(|line| line.starts_with("bo Secret")), "Ada sees it: {told}");
    // A hidden space is a missing one.
    let never = strange(&hidden.id);
    for change in [
        json!({"type": "space", "space": "ID", "view": "users"}),
        json!({"type": "archive", "space": "ID"}),
        json!({"type": "grant", "space": "ID", "principal": "user:@lin", "role": "reader"}),
        json!({"type": "move", "resource": "ID", "space": atlas.id}),
        json!({"type": "space", "space": atlas.id, "parent": "ID"}),
    ] {
        let with = |id: &str| serde_json::from_str::<Value>(&change.to_string().replace("ID", id)).expect("JSON");
        let (there, not) =
            if change["type"] == "move" { (&secret.id, strange(&secret.id)) } else { (&hidden.id, never.clone()) };
        g.unchanged(async || {
            let answer = lin.post(PREVIEW, json!({"change": with(there)})).await.refused(422, "invalid");
            let missing = lin.post(PREVIEW, json!({"change": with(&not)})).await;
            assert_missing(&answer, there, &missing, &not);
        })
        .await;
    }
}

async fn what_no_change_is_is_refused(g: Garth) {
    let ada = g.admin().await;
    g.unchanged(async || {
        for (body, pointer) in [
            (json!({}), "/change"),
            (json!({"change": []}), "/change"),
            (json!({"change": {}}), "/change/type"),
            (json!({"change": {"type": 1}}), "/change/type"),
            (json!({"change": {"type": "revolution"}}), "/change/type"),
            (json!({"change": {"type": "archive"}}), "/change/space"),
            (json!({"change": {"type": "archive", "space": "x", "also": 1}}), "/change/also"),
            (
                json!({"change": {"type": "grant_removed", "space": "x", "grant": "y", "registry": "yes"}}),
                "/change/registry",
            ),
            (json!({"change": {"type": "archive", "space": "x"}, "deep": true}), "/deep"),
        ] {
            ada.post(PREVIEW, body).await.invalid(pointer);
        }
    })
    .await;
}

async fn a_preview_does_not_tell_whose_account_would_end(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo, kim] = [g.person("lin").await, g.person("bo").await, g.person("kim").await];
    ada.patch("/api/v1/settings", json!({"delete_with_last_membership": true})).await.ok();
    g.closed_home().await;
    let [atlas, beta] = [ada.space("Atlas").admin(&lin).create().await, ada.space("Beta").create().await];
    ada.grant_by_registry(&beta, &kim, "reader").await;
    let told = async |person: &Person| {
        let grant = ada.grant_by_registry(&atlas, person, "reader").await;
        lin.patch(&atlas.url(""), json!({"view": "users"})).await.ok();
        let told = preview(&lin, json!({"type": "grant_removed", "space": atlas.id, "grant": grant.id})).await;
        lines(&told).join(", ").replace(&person.username, "they")
    };
    assert_eq!(told(&bo).await, told(&kim).await);
}

async fn a_preview_says_when_it_is_not_all(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    let home = g.home().await;
    let own = json!({"users": [ada.principal(), lin.principal()]});
    let made = |from: usize, to: usize| {
        let one = |n| json!({"kind": "task", "space": home.id, "name": format!("Task {n}"), "view": own});
        json!({"resources": (from..to).map(one).collect::<Vec<_>>()})
    };
    ada.post("/api/v1/resources/batch", made(0, 100)).await.created();
    let shut = json!({"type": "space", "space": home.id, "view": {"users": [ada.principal()]}});
    let told = preview(&ada, shut.clone()).await;
    assert_eq!((told.items().len(), &told["complete"]), (101, &json!(true)));
    ada.post("/api/v1/resources/batch", made(100, 101)).await.created();
    let told = preview(&ada, shut).await;
    assert_eq!((told.items().len(), &told["complete"]), (101, &json!(false)));
    // 199 spaces below one are looked at, 200 are not all.
    let top = ada.space("Top").create().await;
    for n in 0..199 {
        ada.space(&format!("Space {n}")).under(&top).create().await;
    }
    let grant = json!({"type": "grant", "space": top.id, "principal": "user:@lin", "role": "reader"});
    let told = preview(&ada, grant.clone()).await;
    assert_eq!((told.items().len(), &told["complete"]), (200, &json!(true)));
    // Five people in a hundred of them are 500 lines.
    let crew = ada.group("crew", &[]).await;
    let half = ada.space("Half").create().await;
    for n in 0..99 {
        ada.space(&format!("Place {n}")).under(&half).create().await;
    }
    let join = async |n: usize, group: &Thing| {
        let user = ada.post("/api/v1/users", json!({"username": format!("user{n}")})).await.created().id();
        ada.post(&group.url("/members"), json!({"member": format!("user:{user}")})).await.done();
    };
    for n in 0..5 {
        join(n, &crew).await;
    }
    let to_crew =
        |space: &Thing| json!({"type": "grant", "space": space.id, "principal": "group:@crew", "role": "reader"});
    let told = preview(&ada, to_crew(&half)).await;
    assert_eq!((told.items().len(), &told["complete"]), (500, &json!(true)));
    join(5, &crew).await;
    let told = preview(&ada, to_crew(&half)).await;
    assert_eq!((told.items().len(), &told["complete"]), (500, &json!(false)));
    // A hundred people in 200 spaces are 20,000 comparisons, whatever they find.
    ada.grant(&top, &crew, "reader").await;
    let many = ada.group("many", &[&crew]).await;
    for n in 6..100 {
        join(n, &crew).await;
    }
    let again = json!({"type": "grant", "space": top.id, "principal": "group:@many", "role": "reader"});
    let told = preview(&ada, again.clone()).await;
    assert_eq!((told.items().len(), &told["complete"]), (0, &json!(true)));
    join(100, &many).await;
    let told = preview(&ada, again).await;
    assert_eq!(told["complete"], false);
    ada.space("One more").under(&top).create().await;
    let told = preview(&ada, grant).await;
    assert_eq!((told.items().len(), &told["complete"]), (200, &json!(false)));
}
