//! Stories about kinds: what a body may hold, which verbs there are, and what a kind excepts.

use crate::support::*;

stories! {
    a_kind_is_answered_as_it_was_made,
    a_body_is_held_to_its_kinds_schema,
    secret_fields_never_come_back,
    verbs_are_permissions_of_their_own,
    an_exception_for_the_owner_counts_behind_the_gate_only,
    a_kind_says_who_views_and_edits_by_default,
    references_name_what_the_caller_may_view,
    only_system_administrators_change_kinds,
    what_makes_no_sense_is_refused,
    a_kind_in_use_is_not_deleted,
    garths_own_kinds_are_there_and_stay_as_they_are,
    delivery_interfaces_are_the_administrators,
}

async fn a_kind_is_answered_as_it_was_made(g: Garth) {
    let ada = g.admin().await;
    let fields = json!({
        "plural": "stacks",
        "schema": {"type": "object", "properties": {"token": {"type": "string"}}},
        "secret_fields": ["/token"],
        "shareable": true,
        "permissions": ["stack:trigger"],
        "exceptions": {"owner": ["view", "edit"]},
    });
    let stack = ada.kind_with("stack", fields.clone()).await;
    let lin = g.person("lin").await;
    let shown = lin.get(&stack.url("")).await.ok();
    for (field, value) in fields.as_object().expect("fields") {
        assert_eq!(&shown[field.as_str()], value, "{field}");
    }
    assert_eq!(shown["prefix"], "SK");
    assert!(lin.get("/api/v1/kinds").await.ok().names().contains(&"stack".to_owned()));
    ada.patch(&stack.url(""), json!({"plural": "stax"})).await.ok();
    assert_eq!(lin.get(&stack.url("")).await.ok()["plural"], "stax");
}

async fn a_body_is_held_to_its_kinds_schema(g: Garth) {
    let ada = g.admin().await;
    let schema = json!({
        "type": "object",
        "properties": {
            "priority": {"enum": ["high", "low"]},
            "steps": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["priority"],
        "additionalProperties": false,
    });
    ada.kind_with("task", json!({"schema": schema})).await;
    let task = ada.resource("task", "Fix the lift").body(json!({"priority": "high"})).create().await;
    g.unchanged(async || {
        let with = |body: Value| ada.resource("task", "Fix the lift").body(body).send();
        with(json!({"priority": "urgent"})).await.invalid("/body/priority");
        with(json!({"priority": "low", "steps": ["one", 2]})).await.invalid("/body/steps/1");
        with(json!({})).await.refused(422, "invalid");
        with(json!({"priority": "low", "colour": "red"})).await.refused(422, "invalid");
        with(json!("low")).await.invalid("/body");
        ada.resource("task", "No body at all").send().await.refused(422, "invalid");
        ada.patch(&task.url(""), json!({"body": {"priority": null}})).await.refused(422, "invalid");
        ada.patch(&task.url(""), json!({"body": {"priority": "urgent"}})).await.invalid("/body/priority");
    })
    .await;
}

async fn secret_fields_never_come_back(g: Garth) {
    let ada = g.admin().await;
    let fields = json!({"secret_fields": ["/login/password", "/token"]});
    ada.kind_with("bridge", fields).await;
    let body = json!({"host": "smtp.example", "login": {"password": "hunter2hunter2"}, "token": "s3cr3t-t0ken"});
    let sent = ada.resource("bridge", "Mail").body(body).send().await.created();
    let secret = json!({"secret": true});
    let shown = json!({"host": "smtp.example", "login": {"password": secret}, "token": secret});
    assert_eq!(sent["body"], shown);

    let url = format!("/api/v1/resources/{}", sent.id());
    let kept = json!({"body": {"host": "mail.example", "token": {"secret": true}}});
    for answer in [
        ada.patch(&url, kept).await.ok(),
        ada.get(&url).await.ok(),
        ada.get("/api/v1/resources?kind=bridge").await.ok(),
        ada.get("/api/v1/resources?q=hunter2hunter2").await.ok(),
        ada.get("/api/v1/audit").await.ok(),
    ] {
        let text = String::from_utf8_lossy(&answer.bytes).into_owned();
        assert!(!text.contains("hunter2hunter2") && !text.contains("s3cr3t-t0ken"), "a secret came back: {answer}");
    }
    assert_eq!(ada.get(&url).await.ok()["body"]["token"], json!({"secret": true}));
    assert!(ada.get("/api/v1/resources?q=hunter2hunter2").await.ok().items().is_empty());
}

async fn verbs_are_permissions_of_their_own(g: Garth) {
    let ada = g.admin().await;
    let reader = g.person("rea").await;
    let writer = g.person("wri").await;
    ada.kind_with("stack", json!({"permissions": ["stack:trigger"], "shareable": true})).await;
    g.home().await;
    let infra = ada.space("Infra").create().await;
    ada.grant(&infra, &reader, "reader").await;
    ada.grant(&infra, &writer, "writer").await;
    let stack = ada.resource("stack", "network").space(&infra).create().await;
    for (person, action, allowed) in [
        (&reader, "read", true),
        (&reader, "write", false),
        (&reader, "stack:trigger", false),
        (&writer, "write", true),
        (&writer, "stack:trigger", true),
        (&writer, "stack:share", false),
        (&ada, "stack:trigger", true),
        (&ada, "stack:share", true),
        (&ada, "stack:unheard_of", false),
        (&ada, "task:read", false),
    ] {
        let answered = person.may(action, "stack", &stack.id).await;
        assert_eq!(answered, allowed, "{} {action}", person.username);
    }
}

async fn an_exception_for_the_owner_counts_behind_the_gate_only(g: Garth) {
    let ada = g.admin().await;
    let owner = g.person("owen").await;
    let author = g.person("audra").await;
    ada.kind_with("task", json!({"exceptions": {"owner": ["view", "edit"]}})).await;
    g.home().await;
    let atlas = ada.space("Atlas").create().await;
    let owned = ada.grant(&atlas, &owner, "reader").await;
    ada.grant(&atlas, &author, "writer").await;
    let closed = json!({"rules": [{"effect": "allow", "who": {"users": [ada.principal()]}}], "default": "deny"});

    let task = author.resource("task", "Rotate the key").space(&atlas).owner(&owner).create().await;
    ada.patch(&task.url(""), json!({"view": closed, "edit": closed})).await.ok();
    author.get(&task.url("")).await.refused(404, "not_found");
    owner.patch(&task.url(""), json!({"labels": ["mine"]})).await.ok();
    assert!(owner.may("write", "task", &task.id).await);

    ada.revoke(&atlas, &owned).await;
    owner.get(&task.url("")).await.refused(404, "not_found");
    assert!(!owner.may("read", "task", &task.id).await);
    let mine = format!("/api/v1/resources?owner={}", owner.principal());
    assert!(owner.get(&mine).await.ok().items().is_empty());
}

async fn a_kind_says_who_views_and_edits_by_default(g: Garth) {
    let ada = g.admin().await;
    let reader = g.person("rea").await;
    let writer = g.person("wri").await;
    let by_admins = json!({"permission": "space:admin"});
    let fields = json!({"default_view": "members", "default_edit": by_admins, "permissions": ["memo:sign"]});
    let kind = ada.kind_with("memo", fields).await;
    ada.role("signer", &["memo:sign"]).await;
    g.home().await;
    let atlas = ada.space("Atlas").create().await;
    ada.grant(&atlas, &reader, "signer").await;
    ada.grant(&atlas, &writer, "writer").await;
    let memo = ada.resource("memo", "To all").space(&atlas).create().await;
    reader.get(&memo.url("")).await.ok();
    writer.patch(&memo.url(""), json!({"name": "To some"})).await.refused(403, "forbidden");
    ada.patch(&memo.url(""), json!({"name": "To some"})).await.ok();
    assert_eq!(ada.get(&kind.url("")).await.ok()["default_edit"], by_admins);
}

async fn references_name_what_the_caller_may_view(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("team").await;
    let references = json!([{"pointer": "/team", "kind": "team"}]);
    ada.kind_with("task", json!({"references": references})).await;
    ada.kind("report").await;
    g.home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    let hidden = ada.space("Hidden").create().await;
    let ours = lin.resource("team", "Lifts").space(&atlas).create().await;
    let theirs = ada.resource("team", "Secret lifts").space(&hidden).create().await;
    let report = lin.resource("report", "Not a team").space(&atlas).create().await;

    let with = |id: &str| lin.resource("task", "Fix it").space(&atlas).body(json!({"team": id})).send();
    let task = with(&ours.id).await.created();
    g.unchanged(async || {
        let to_hidden = with(&theirs.id).await.invalid("/body/team");
        let missing = strange(&theirs.id);
        assert_missing(&to_hidden, &theirs.id, &with(&missing).await, &missing);
        with(&report.id).await.invalid("/body/team");
        with("").await.invalid("/body/team");
        let patch = json!({"body": {"team": theirs.id}});
        lin.patch(&format!("/api/v1/resources/{}", task.id()), patch).await.invalid("/body/team");
    })
    .await;
}

async fn only_system_administrators_change_kinds(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let task = ada.kind("task").await;
    g.unchanged(async || {
        lin.post("/api/v1/kinds", kind_body("memo", json!({}))).await.refused(403, "forbidden");
        lin.patch(&task.url(""), json!({"plural": "tasx"})).await.refused(403, "forbidden");
        lin.delete(&task.url("")).await.refused(403, "forbidden");
        g.anonymous().get("/api/v1/kinds").await.not_signed_in();
        g.anonymous().get(&task.url("")).await.not_signed_in();
    })
    .await;
}

async fn what_makes_no_sense_is_refused(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    g.unchanged(async || {
        let with = |fields: Value| ada.post("/api/v1/kinds", kind_body("memo", fields));
        with(json!({"name": "task"})).await.refused(409, "conflict");
        with(json!({"prefix": "TK"})).await.refused(409, "conflict");
        with(json!({"name": "space"})).await.refused_somehow();
        for bad in ["", "*", "a b", "a:b", "a/b", "a\u{0}b", &"x".repeat(256)] {
            with(json!({"name": bad})).await.invalid("/name");
        }
        for bad in ["", "t-k", "a b", "A\u{0}", &"X".repeat(64)] {
            with(json!({"prefix": bad})).await.invalid("/prefix");
        }
        with(json!({"schema": {"type": "no such type"}})).await.refused(422, "invalid");
        with(json!({"schema": []})).await.refused(422, "invalid");
        with(json!({"secret_fields": ["token"]})).await.refused(422, "invalid");
        with(json!({"references": [{"pointer": "/task", "kind": "no such kind"}]})).await.refused(422, "invalid");
        with(json!({"permissions": ["task:triage"]})).await.refused(422, "invalid");
        with(json!({"permissions": ["memo:"]})).await.refused(422, "invalid");
        with(json!({"exceptions": {"stranger": ["view"]}})).await.refused(422, "invalid");
        with(json!({"exceptions": {"owner": ["fly"]}})).await.refused(422, "invalid");
        with(json!({"default_view": "whoever"})).await.refused(422, "invalid");
        with(json!({"colour": "red"})).await.invalid("/colour");
        // A schema may not reach out: neither to the network nor to a file.
        with(json!({"schema": {"$ref": "http://127.0.0.1:1/schema.json"}})).await.refused(422, "invalid");
        with(json!({"schema": {"$ref": "file:///etc/passwd"}})).await.refused(422, "invalid");
    })
    .await;
}

async fn a_kind_in_use_is_not_deleted(g: Garth) {
    let ada = g.admin().await;
    let task = ada.kind("task").await;
    let resource = ada.resource("task", "Fix the lift").create().await;
    g.unchanged(async || ada.delete(&task.url("")).await.refused(409, "conflict")).await;
    ada.delete(&resource.url("")).await.done();
    ada.delete(&task.url("")).await.done();
    ada.get(&task.url("")).await.refused(404, "not_found");
    ada.resource("task", "No such kind now").send().await.invalid("/kind");
}

async fn garths_own_kinds_are_there_and_stay_as_they_are(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let own = lin.get("/api/v1/kinds").await.ok();
    assert_eq!(own.names(), ["ai_provider", "delivery", "job"]);
    for (name, prefix) in [("job", "J"), ("delivery", "D"), ("ai_provider", "AI")] {
        let kind = lin.get(&format!("/api/v1/kinds/{name}")).await.ok();
        assert_eq!((&kind["prefix"], &kind["built_in"]), (&json!(prefix), &json!(true)));
        let url = format!("/api/v1/kinds/{name}");
        g.unchanged(async || {
            ada.patch(&url, json!({"plural": "others"})).await.refused(409, "conflict");
            ada.delete(&url).await.refused(409, "conflict");
            ada.post("/api/v1/kinds", kind_body(name, json!({"prefix": "OTHER"}))).await.refused(409, "conflict");
            ada.post("/api/v1/kinds", kind_body("other", json!({"prefix": prefix}))).await.refused(409, "conflict");
        })
        .await;
    }
    let other = ada.kind("task").await;
    assert_eq!(lin.get(&other.url("")).await.ok()["built_in"], false);
    // They are made once.
    let before = lin.get("/api/v1/kinds/job").await.ok()["id"].clone();
    g.restart().await;
    assert_eq!(lin.get("/api/v1/kinds/job").await.ok()["id"], before);
}

async fn delivery_interfaces_are_the_administrators(g: Garth) {
    let ada = g.admin().await;
    let (lin, wes) = (g.person("lin").await, g.person("wes").await);
    g.closed_home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    ada.grant_by_registry(&atlas, &wes, "writer").await;
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let body = json!({"type": "webhook", "url": "https://hooks.example/in", "secret": secret});
    let hook = lin.resource("delivery", "Hook").space(&atlas).body(body.clone()).create().await;
    assert_eq!(hook["body"]["secret"], json!({"secret": true}));
    wes.get(&hook.url("")).await.ok();
    g.unchanged(async || {
        wes.patch(&hook.url(""), json!({"name": "Mine"})).await.refused(403, "forbidden");
        wes.resource("delivery", "Mine").space(&atlas).body(body.clone()).send().await.refused(403, "forbidden");
        ada.get(&hook.url("")).await.refused(404, "not_found");
    })
    .await;
    // A writer uses it, by its id or its code.
    let job = json!({"report": {"type": "usage"}, "deliveries": [{"delivery": hook["code"]}]});
    let job = wes.resource("job", "Weekly").space(&atlas).body(job).create().await;
    assert_eq!(job["body"]["deliveries"][0]["delivery"], hook.id);
}
