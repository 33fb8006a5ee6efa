//! Stories about custom roles, row by row as `reference/spacelift.md` 1.7 has them, and what each permission alone gives.

use crate::support::*;

stories! {
    a_role_of_one_verb_passes_the_gate_and_sees_nothing,
    a_role_that_only_reads_reads_its_kind,
    a_role_that_only_writes_sees_nothing_to_write,
    a_role_that_only_shares_sees_nothing_to_share,
    a_role_of_every_verb_of_a_kind_covers_later_ones,
    roles_add_up_whatever_they_come_through,
    a_slug_stays_when_the_name_changes,
    slugs_are_unique_and_the_built_in_ones_kept_free,
    roles_from_before_there_were_slugs_get_theirs,
    a_binding_is_one_role_one_space_and_one_principal,
    whoever_administers_the_space_binds,
    a_binding_that_is_gone_is_not_found,
    system_administrators_are_told_how_often_a_role_is_given,
    unknown_permissions_are_answered_with_known_ones,
    the_catalogue_of_permissions_is_there_for_everyone,
    a_role_is_in_use_while_anybody_holds_it,
}

/// Lin holds a role of these permissions in Atlas, where a job and a task lie.
async fn holder_of(g: &Garth, permissions: &[&str]) -> (Person, Person, Thing, Thing, Thing) {
    let (ada, lin) = (g.admin().await, g.person("lin").await);
    ada.kind_with("chore", json!({"permissions": ["chore:trigger", "chore:stop"], "shareable": true})).await;
    ada.kind("task").await;
    g.closed_home().await;
    let atlas = ada.space("Atlas").create().await;
    ada.role("special", permissions).await;
    ada.grant(&atlas, &lin, "special").await;
    let job = ada.resource("chore", "Nightly").space(&atlas).create().await;
    let task = ada.resource("task", "Fix the lift").space(&atlas).create().await;
    (ada, lin, atlas, job, task)
}

/// Which of these can be done to the job.
async fn jobs(lin: &Person, job: &Thing) -> Vec<&'static str> {
    let mut may = Vec::new();
    for action in ["read", "write", "chore:share", "chore:trigger", "chore:stop"] {
        if lin.may(action, "chore", &job.id).await {
            may.push(action);
        }
    }
    may
}

/// Whoever holds a role passes a gate for members; what they see there is another question.
async fn sees_no_job(lin: &Person, atlas: &Thing, job: &Thing, permission: &str) {
    let space = lin.get(&atlas.url("")).await.ok();
    assert_eq!(space["access"]["permissions"], json!([permission]));
    assert!(jobs(lin, job).await.is_empty(), "{permission} alone");
    assert!(lin.may(permission, "space", &atlas.id).await, "it is held all the same");
    assert!(lin.get("/api/v1/resources").await.ok().items().is_empty());
    let hidden = lin.get(&job.url("")).await.refused(404, "not_found");
    assert_same(&hidden, &lin.get(&format!("/api/v1/resources/{}", strange(&job.id))).await);
    lin.patch(&job.url(""), json!({"name": "Mine"})).await.refused(404, "not_found");
}

async fn a_role_of_one_verb_passes_the_gate_and_sees_nothing(g: Garth) {
    let (ada, lin, atlas, job, _) = holder_of(&g, &["chore:trigger"]).await;
    sees_no_job(&lin, &atlas, &job, "chore:trigger").await;
    // Together with reading it is what it says.
    ada.role("looker", &["chore:read"]).await;
    ada.grant(&atlas, &lin, "looker").await;
    assert_eq!(jobs(&lin, &job).await, ["read", "chore:trigger"]);
}

async fn a_role_that_only_reads_reads_its_kind(g: Garth) {
    let (_, lin, atlas, job, task) = holder_of(&g, &["chore:read"]).await;
    assert_eq!(jobs(&lin, &job).await, ["read"]);
    lin.get(&job.url("")).await.ok();
    lin.get(&task.url("")).await.refused(404, "not_found");
    assert_eq!(lin.get("/api/v1/resources").await.ok().each("id"), std::slice::from_ref(&job.id));
    let refused = lin.patch(&job.url(""), json!({"name": "Mine"})).await.refused(403, "forbidden");
    assert!(refused.text("detail").contains("chore:write"), "{refused}");
    lin.patch(&atlas.url(""), json!({"name": "Mine"})).await.refused(403, "forbidden");
}

async fn a_role_that_only_writes_sees_nothing_to_write(g: Garth) {
    let (_, lin, atlas, job, _) = holder_of(&g, &["chore:write"]).await;
    sees_no_job(&lin, &atlas, &job, "chore:write").await;
}

async fn a_role_that_only_shares_sees_nothing_to_share(g: Garth) {
    let (_, lin, atlas, job, _) = holder_of(&g, &["chore:share"]).await;
    sees_no_job(&lin, &atlas, &job, "chore:share").await;
}

async fn a_role_of_every_verb_of_a_kind_covers_later_ones(g: Garth) {
    let (ada, lin, _, job, task) = holder_of(&g, &["chore:*", "*:read"]).await;
    assert_eq!(jobs(&lin, &job).await, ["read", "write", "chore:share", "chore:trigger", "chore:stop"]);
    assert!(lin.may("read", "task", &task.id).await && !lin.may("write", "task", &task.id).await);
    let verbs = json!({"permissions": ["chore:trigger", "chore:stop", "chore:retry"]});
    ada.patch("/api/v1/kinds/chore", verbs).await.ok();
    assert!(lin.may("chore:retry", "chore", &job.id).await, "patterns cover what comes later");
    ada.patch("/api/v1/roles/special", json!({"permissions": ["chore:read", "chore:trigger"]})).await.ok();
    assert_eq!(jobs(&lin, &job).await, ["read", "chore:trigger"], "a changed role counts at once");
}

async fn roles_add_up_whatever_they_come_through(g: Garth) {
    let (ada, lin, atlas, job, _) = holder_of(&g, &["chore:read"]).await;
    let below = ada.space("Below").under(&atlas).create().await;
    let deep = ada.resource("chore", "Deep").space(&below).create().await;
    ada.role("trigger", &["chore:trigger"]).await;
    ada.role("stop", &["chore:stop"]).await;
    let crew = ada.group("crew", &[&lin]).await;
    ada.grant(&atlas, &crew, "trigger").await;
    ada.grant(&below, &lin, "stop").await;
    assert_eq!(jobs(&lin, &job).await, ["read", "chore:trigger"], "direct and by a group");
    assert_eq!(jobs(&lin, &deep).await, ["read", "chore:trigger", "chore:stop"], "and from above");
    let held = lin.get(&below.url("")).await.ok();
    assert_eq!(held["access"]["roles"], json!(["special", "stop", "trigger"]));
    // A lower role beside a higher one takes nothing away.
    ada.grant(&below, &lin, "writer").await;
    assert!(jobs(&lin, &deep).await.contains(&"write"));
}

async fn a_slug_stays_when_the_name_changes(g: Garth) {
    let ada = g.admin().await;
    let role = ada.role("Senior-Dev", &[]).await;
    assert_eq!(role["slug"], "senior-dev");
    let renamed = ada.patch(&role.url(""), json!({"name": "Principal-Dev"})).await.ok();
    assert_eq!((&renamed["name"], &renamed["slug"]), (&json!("Principal-Dev"), &json!("senior-dev")));
    // The old name is free again; its slug is not.
    assert_eq!(ada.role("Senior-Dev", &[]).await["slug"], "senior-dev-2");
    g.restart().await;
    assert_eq!(ada.get(&role.url("")).await.ok()["slug"], "senior-dev");
    g.unchanged(async || {
        ada.patch(&role.url(""), json!({"slug": "boss"})).await.invalid("/slug");
        ada.post("/api/v1/roles", json!({"name": "x", "permissions": [], "slug": "y"})).await.invalid("/slug");
    })
    .await;
}

async fn slugs_are_unique_and_the_built_in_ones_kept_free(g: Garth) {
    let ada = g.admin().await;
    let roles = ada.get("/api/v1/roles").await.ok().items();
    for name in ["reader", "writer", "admin"] {
        assert_eq!(roles.iter().find(|role| role["name"] == name).expect("built in")["slug"], name);
    }
    for (name, slug) in [
        ("Reader", "reader-2"),
        ("space-admin", "space-admin-2"),
        ("Space_Admin", "space-admin-3"),
        ("Büro!", "büro"),
        ("büro", "büro-2"),
        ("--", "role"),
        ("!!", "role-2"),
        (&"x".repeat(200), &"x".repeat(63)),
    ] {
        assert_eq!(ada.role(name, &[]).await["slug"], slug, "{name}");
    }
}

async fn roles_from_before_there_were_slugs_get_theirs(g: Garth) {
    let ada = g.admin().await;
    for name in ["Ops", "ops", "Night-Shift"] {
        ada.role(name, &[]).await;
        // The oldest gets its slug first.
        g.pass(SECOND);
    }
    g.meddle("UPDATE roles SET slug = NULL").await;
    g.restart().await;
    let slugs: Vec<_> =
        ada.get("/api/v1/roles").await.ok().items().iter().map(|r| (r["name"].clone(), r["slug"].clone())).collect();
    for (name, slug) in
        [("reader", "reader"), ("admin", "admin"), ("Ops", "ops"), ("ops", "ops-2"), ("Night-Shift", "night-shift")]
    {
        assert!(slugs.contains(&(json!(name), json!(slug))), "{name} {slug}: {slugs:?}");
    }
}

async fn a_binding_is_one_role_one_space_and_one_principal(g: Garth) {
    let (ada, lin, atlas, job, _) = holder_of(&g, &["chore:read"]).await;
    g.unchanged(async || {
        // Again the same is the same one.
        let again = json!({"principal": lin.principal(), "role": "special"});
        ada.post(&atlas.url("/grants"), again).await.ok();
        for (wrong, pointer) in [
            (json!({"principal": [lin.principal(), ada.principal()], "role": "special"}), "/principal"),
            (json!({"principal": lin.principal(), "role": ["special", "reader"]}), "/role"),
            (json!({"principal": lin.principal(), "roles": ["special"]}), "/roles"),
            (json!({"principal": lin.principal(), "role": "special", "space": atlas.id}), "/space"),
            (json!({"principal": lin.principal(), "role": "nobody-knows"}), "/role"),
        ] {
            ada.post(&atlas.url("/grants"), wrong).await.invalid(pointer);
        }
    })
    .await;
    // Each sort of holder: a user, a group, a key and a resource.
    let crew = ada.group("crew", &[]).await;
    ada.grant(&atlas, &crew, "special").await;
    ada.grant(&atlas, &job, "special").await;
    let key = ada.key(&atlas, "ci", "special").await;
    assert!(key.may("read", "chore", &job.id).await);
    let holders = ada.get(&atlas.url("/grants")).await.ok().each("principal");
    for holder in [lin.principal(), format!("group:{}", crew.id), key.principal(), format!("resource:{}", job.id)] {
        assert!(holders.contains(&holder), "{holder}");
    }
}

async fn whoever_administers_the_space_binds(g: Garth) {
    let (ada, lin, atlas, _, _) = holder_of(&g, &["chore:read"]).await;
    let bo = g.person("bo").await;
    ada.grant(&atlas, &bo, "reader").await;
    let below = ada.space("Below").under(&atlas).create().await;
    let bind = |by: &Person, space: &Thing| {
        by.post(&space.url("/grants"), json!({"principal": bo.principal(), "role": "special"}))
    };
    g.unchanged(async || bind(&lin, &atlas).await.refused(403, "forbidden")).await;
    ada.grant(&below, &lin, "admin").await;
    bind(&lin, &below).await.created();
    g.unchanged(async || {
        bind(&lin, &atlas).await.refused(403, "forbidden");
        // Roles themselves are for system administrators.
        lin.post("/api/v1/roles", json!({"name": "mine", "permissions": ["chore:read"]}))
            .await
            .refused(403, "forbidden");
        lin.patch("/api/v1/roles/special", json!({"permissions": ["chore:*"]})).await.refused(403, "forbidden");
        lin.delete("/api/v1/roles/special").await.refused(403, "forbidden");
    })
    .await;
}

async fn a_binding_that_is_gone_is_not_found(g: Garth) {
    let (ada, lin, atlas, job, _) = holder_of(&g, &["chore:read"]).await;
    let grants = ada.get(&atlas.url("/grants")).await.ok().items();
    let grant = grants.iter().find(|grant| grant["principal"] == lin.principal()).expect("a grant");
    let url = atlas.url(&format!("/grants/{}", grant["id"].as_str().expect("an id")));
    ada.delete(&url).await.done();
    ada.delete(&url).await.refused(404, "not_found");
    assert!(jobs(&lin, &job).await.is_empty(), "at once, without signing in again");
}

async fn system_administrators_are_told_how_often_a_role_is_given(g: Garth) {
    let (ada, lin, atlas, job, _) = holder_of(&g, &["chore:read"]).await;
    let role = async |by: &Person, name: &str| by.get(&format!("/api/v1/roles/{name}")).await.ok()["grants"].clone();
    assert_eq!(role(&ada, "special").await, 1);
    ada.grant(&atlas, &job, "special").await;
    ada.key(&atlas, "ci", "special").await;
    assert_eq!(role(&ada, "special").await, 3);
    // Of sealed spaces nothing is told, not how many there are.
    let before = role(&ada, "admin").await;
    ada.space("Vault").sealed().admin(&lin).create().await;
    assert_eq!(role(&ada, "admin").await, before);
    ada.space("Open").admin(&lin).create().await;
    assert_eq!(role(&ada, "admin").await.as_u64(), before.as_u64().map(|count| count + 1));
    assert_eq!(role(&lin, "special").await, Value::Null, "for system administrators");
    assert!(ada.get("/api/v1/roles").await.ok().items().iter().all(|role| role.get("grants").is_none()));
}

async fn unknown_permissions_are_answered_with_known_ones(g: Garth) {
    let ada = g.admin().await;
    ada.kind_with("chore", json!({"permissions": ["chore:trigger"]})).await;
    let many: Vec<String> = (0..100).map(|n| format!("widget:verb-number-{n}")).collect();
    ada.kind_with("widget", json!({"permissions": many, "prefix": "WI"})).await;
    g.unchanged(async || {
        let wrong = json!({"name": "odd", "permissions": ["chore:triger", "jbo:read", "widget:fly", "chore:read", "RUN_TRIGGER", "*:fly", "nobody:*"]});
        let answer = ada.post("/api/v1/roles", wrong).await.invalid("/permissions/0");
        let errors = answer["errors"].as_array().expect("errors").clone();
        let told = |at: usize| errors[at]["message"].as_str().expect("a message").to_owned();
        let pointers: Vec<_> = errors.iter().map(|error| error["pointer"].as_str().expect("a pointer")).collect();
        assert_eq!(pointers, ["/permissions/0", "/permissions/1", "/permissions/2", "/permissions/4", "/permissions/5", "/permissions/6"]);
        assert!(told(0).contains("chore:read, chore:write, chore:share, chore:trigger,"), "of its noun: {}", told(0));
        assert!(told(1).contains("decision:ask") && told(1).contains("/api/v1/permissions"), "{}", told(1));
        assert!(told(2).contains("widget:read") && told(2).contains(" more ("), "{}", told(2));
        assert!((0..errors.len()).all(|at| told(at).len() < 1_300), "none of them is long");
    })
    .await;
}

async fn the_catalogue_of_permissions_is_there_for_everyone(g: Garth) {
    let (ada, lin, _, _, _) = holder_of(&g, &[]).await;
    let all = lin.all_pages("/api/v1/permissions", 3).await;
    let names: Vec<_> = all.iter().map(|one| one["name"].as_str().expect("a name")).collect();
    let expected = [
        "ai_provider:read",
        "ai_provider:share",
        "ai_provider:test",
        "ai_provider:write",
        "chore:read",
        "chore:share",
        "chore:stop",
        "chore:trigger",
        "chore:write",
        "decision:ask",
        "delivery:read",
        "delivery:share",
        "delivery:test",
        "delivery:write",
        "job:read",
        "job:run",
        "job:share",
        "job:write",
        "meter:consume",
        "space:admin",
        "task:read",
        "task:share",
        "task:write",
    ];
    assert_eq!(names, expected);
    let built_in = |name: &str| all.iter().find(|one| one["name"] == name).expect("listed")["built_in"].clone();
    assert_eq!(built_in("chore:read"), json!(["reader", "writer", "admin"]));
    assert_eq!(built_in("chore:trigger"), json!(["writer", "admin"]));
    assert_eq!((built_in("chore:share"), built_in("space:admin")), (json!(["admin"]), json!(["admin"])));
    // Each can be put into a role, and nothing else.
    ada.role("everything", &names).await;
    g.anonymous().get("/api/v1/permissions").await.not_signed_in();
    lin.get("/api/v1/permissions?q=chore").await.invalid("?q");
}

async fn a_role_is_in_use_while_anybody_holds_it(g: Garth) {
    let (ada, lin, atlas, job, _) = holder_of(&g, &["chore:read"]).await;
    // While a grant, a key or a resource holds it, it stays.
    let role = "/api/v1/roles/special";
    g.unchanged(async || ada.delete(role).await.refused(409, "conflict")).await;
    for grant in ada.get(&atlas.url("/grants")).await.ok().items() {
        if grant["principal"] == lin.principal() {
            ada.delete(&atlas.url(&format!("/grants/{}", grant["id"].as_str().expect("an id")))).await.done();
        }
    }
    let held = ada.grant(&atlas, &job, "special").await;
    g.unchanged(async || ada.delete(role).await.refused(409, "conflict")).await;
    ada.revoke(&atlas, &held).await;
    ada.delete(role).await.done();
    ada.get(role).await.refused(404, "not_found");
}
