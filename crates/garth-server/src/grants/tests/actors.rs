//! Stories about role attachments: resources that hold roles, for what acts on their behalf.

use crate::support::*;

stories! {
    a_resource_holds_a_role_where_it_is_granted_and_below,
    it_takes_edit_on_the_resource_and_admin_on_the_space,
    nobody_gives_a_resource_what_they_lack,
    a_resource_is_named_to_those_who_may_view_it,
    another_role_is_another_attachment,
    it_survives_moves_of_the_resource,
    it_dies_with_the_resource,
    it_dies_with_the_space_that_the_resource_lies_in,
    copies_and_exports_carry_none,
    a_sealed_space_takes_none,
    a_resource_is_nobody_in_charge,
    a_preview_names_resources_to_those_who_may_view_them,
}

/// A job in the shop that is to work in the plant; Lin administers both, Kim the plant only, Bo reads the shop.
pub struct Yard {
    pub ada: Person,
    pub lin: Person,
    pub kim: Person,
    pub bo: Person,
    pub top: Thing,
    pub shop: Thing,
    pub plant: Thing,
    pub job: Thing,
    pub task: Thing,
    /// A key of what lies above both: it may ask, and views jobs.
    pub runner: Person,
}

impl Yard {
    pub async fn make(g: &Garth) -> Yard {
        let ada = g.admin().await;
        let [lin, kim, bo] = [g.person("lin").await, g.person("kim").await, g.person("bo").await];
        ada.kind_with("chore", json!({"permissions": ["chore:trigger"]})).await;
        ada.kind("task").await;
        ada.role("runner", &["decision:ask", "chore:read"]).await;
        g.closed_home().await;
        let top = ada.space("Top").create().await;
        let shop = ada.space("Shop").under(&top).create().await;
        let plant = ada.space("Plant").under(&top).create().await;
        for (space, who, role) in
            [(&shop, &lin, "admin"), (&plant, &lin, "admin"), (&plant, &kim, "admin"), (&shop, &bo, "reader")]
        {
            ada.grant(space, who, role).await;
        }
        let job = lin.resource("chore", "Nightly").space(&shop).create().await;
        let task = lin.resource("task", "Mend the press").space(&plant).create().await;
        let runner = ada.key(&top, "runner", "runner").await;
        Yard { ada, lin, kim, bo, top, shop, plant, job, task, runner }
    }

    /// Asks as the application: may the job do that?
    pub async fn may(&self, action: &str, kind: &str, id: &str) -> bool {
        acts(&self.runner, &self.job.id, action, kind, id).await
    }

    /// The principals of the plant's grants, as somebody is told of them.
    async fn told(&self, by: &Person) -> Vec<String> {
        by.get(&self.plant.url("/grants")).await.ok().each("principal")
    }
}

/// Asks whether what acts on behalf of a resource may do that.
pub async fn acts(by: &Person, actor: &str, action: &str, kind: &str, id: &str) -> bool {
    let body = asks(actor, action, kind, id);
    by.post("/access/v1/evaluation", body).await.ok()["decision"].as_bool().expect("a decision")
}

/// A question about a resource as the subject.
pub fn asks(actor: &str, action: &str, kind: &str, id: &str) -> Value {
    json!({"subject": {"type": "resource", "id": actor}, "action": {"name": action}, "resource": {"type": kind, "id": id}})
}

async fn a_resource_holds_a_role_where_it_is_granted_and_below(g: Garth) {
    let y = Yard::make(&g).await;
    let line = y.ada.space("Line").under(&y.plant).create().await;
    let below = y.lin.resource("task", "Oil the belt").space(&line).create().await;
    assert!(!y.may("read", "task", &y.task.id).await, "it holds nothing yet");
    let grant = y.lin.grant(&y.plant, &y.job, "writer").await;
    assert_eq!(grant["principal"], y.job.principal());
    // The same by its code is the same grant.
    let body = json!({"principal": format!("resource:{}", y.job["code"].as_str().expect("a code")), "role": "writer"});
    assert_eq!(y.lin.post(&y.plant.url("/grants"), body).await.ok().id(), grant.id);
    let decisions = async || {
        let mut found = Vec::new();
        for (action, kind, id) in [
            ("read", "space", &y.plant.id),
            ("read", "task", &y.task.id),
            ("write", "task", &y.task.id),
            ("write", "task", &below.id),
            ("space:admin", "space", &y.plant.id),
            ("read", "space", &y.top.id),
            ("read", "space", &y.shop.id),
            ("read", "chore", &y.job.id),
        ] {
            found.push(y.may(action, kind, id).await);
        }
        found
    };
    let expected = [true, true, true, true, false, false, false, false];
    assert_eq!(decisions().await, expected, "in the plant and below, and not where it lies itself");
    g.restart().await;
    assert_eq!(decisions().await, expected);
    // Several are united; a grant that ends is over.
    let body = json!({"principal": y.job.principal(), "role": "admin", "expires_at": g.time_in(SECOND)});
    y.lin.post(&y.plant.url("/grants"), body).await.created();
    assert!(y.may("space:admin", "space", &y.plant.id).await);
    g.pass(SECOND);
    assert!(!y.may("space:admin", "space", &y.plant.id).await);
    assert!(y.may("write", "task", &y.task.id).await);
    y.lin.revoke(&y.plant, &grant).await;
    assert!(!y.may("read", "task", &y.task.id).await, "revoked is revoked");
}

async fn it_takes_edit_on_the_resource_and_admin_on_the_space(g: Garth) {
    let y = Yard::make(&g).await;
    y.ada.grant(&y.plant, &y.bo, "admin").await;
    let to = |by: &Person, space: &Thing, principal: &str| {
        by.post(&space.url("/grants"), json!({"principal": principal, "role": "reader"}))
    };
    let unknown = strange(&y.job.id);
    g.unchanged(async || {
        // Bo views the job and may not edit it.
        let refused = to(&y.bo, &y.plant, &y.job.principal()).await.refused(403, "forbidden");
        assert!(refused.text("detail").contains("chore:write"), "{refused}");
        // To Kim it is as if there were none.
        let hidden = to(&y.kim, &y.plant, &y.job.principal()).await.invalid("/principal");
        let missing = to(&y.kim, &y.plant, &format!("resource:{unknown}")).await.invalid("/principal");
        assert_missing(&hidden, &y.job.id, &missing, &unknown);
        let code = format!("resource:{}", y.job["code"].as_str().expect("a code"));
        to(&y.kim, &y.plant, &code).await.invalid("/principal");
        for odd in ["resource:", "resource:x", "resource:@chore", "resource:everyone", "resources:1"] {
            to(&y.lin, &y.plant, odd).await.invalid("/principal");
        }
        // Who may edit it and does not administer the space.
        to(&y.lin, &y.top, &y.job.principal()).await.refused(404, "not_found");
        y.lin
            .post(&y.plant.url("/grants?dry_run=true"), json!({"principal": y.job.principal(), "role": "reader"}))
            .await
            .created();
    })
    .await;
    let writer = g.person("wes").await;
    y.ada.grant(&y.shop, &writer, "writer").await;
    y.ada.grant(&y.plant, &writer, "writer").await;
    g.unchanged(async || to(&writer, &y.plant, &y.job.principal()).await.refused(403, "forbidden")).await;
    // At the registry the same is asked of the resource: contents are no business of a system administrator.
    let registry = format!("/api/v1/registry/spaces/{}/grants", y.plant.id);
    let eve = g.person("eve").await;
    y.ada.patch(&format!("/api/v1/users/{}", eve.id), json!({"system_admin": true})).await.ok();
    g.unchanged(async || {
        let body = json!({"principal": y.job.principal(), "role": "reader"});
        eve.post(&registry, body).await.invalid("/principal");
    })
    .await;
    // Nor is a resource among a new space's administrators, or in a group, or in a policy.
    let crew = y.ada.group("crew", &[]).await;
    y.lin.grant(&y.plant, &y.job, "reader").await;
    g.unchanged(async || {
        y.ada.space("New").with("admins", json!([y.job.principal()])).send().await.invalid("/admins/0");
        y.ada.post(&crew.url("/members"), json!({"member": y.job.principal()})).await.invalid("/member");
        y.ada
            .space("New")
            .with("view", json!({"users": [y.ada.principal(), y.job.principal()]}))
            .send()
            .await
            .problem(422);
    })
    .await;
}

async fn nobody_gives_a_resource_what_they_lack(g: Garth) {
    let y = Yard::make(&g).await;
    let steward = g.person("stew").await;
    y.ada.role("steward", &["space:admin", "task:read"]).await;
    y.ada.role("looker", &["task:read"]).await;
    y.ada.grant(&y.plant, &steward, "steward").await;
    y.ada.grant(&y.shop, &steward, "writer").await;
    g.unchanged(async || {
        for role in ["admin", "writer", "reader"] {
            let body = json!({"principal": y.job.principal(), "role": role});
            steward.post(&y.plant.url("/grants"), body).await.refused(403, "forbidden");
        }
    })
    .await;
    let grant = steward.grant(&y.plant, &y.job, "looker").await;
    g.unchanged(async || {
        steward
            .patch(&y.plant.url(&format!("/grants/{}", grant.id)), json!({"role": "writer"}))
            .await
            .refused(403, "forbidden")
    })
    .await;
}

async fn a_resource_is_named_to_those_who_may_view_it(g: Garth) {
    let y = Yard::make(&g).await;
    let grant = y.lin.grant(&y.plant, &y.job, "writer").await;
    assert!(y.told(&y.lin).await.contains(&y.job.principal()));
    // Kim administers the plant: the grant is there, with its id, and whose it is is not told.
    let told = y.kim.get(&y.plant.url("/grants")).await.ok();
    let own = told.items().into_iter().find(|one| one["id"] == grant.id.as_str()).expect("the grant");
    assert_eq!((&own["principal"], &own["role"]), (&Value::Null, &json!("writer")));
    let by_registry = y.ada.get(&format!("/api/v1/registry/spaces/{}/grants", y.plant.id)).await.ok();
    assert!(by_registry.each("principal").contains(&y.job.principal()), "Ada views the job");
    let code = y.job["code"].as_str().expect("a code");
    let everywhere = [
        told,
        y.kim.get(&y.plant.url("/members")).await.ok(),
        y.kim.get(&y.plant.url("/audit")).await.ok(),
        y.kim.get(&y.plant.url("/export")).await.ok(),
    ];
    for answer in &everywhere {
        let text = String::from_utf8_lossy(&answer.bytes);
        assert!(!text.contains(&y.job.id) && !text.contains(code), "{answer}");
    }
    let made = everywhere[2].items().into_iter().find(|e| e["target"]["id"] == grant.id.as_str()).expect("an entry");
    assert_eq!((&made["after"]["principal"], &made["after"]["role"]), (&Value::Null, &json!("writer")));
    let seen = y.lin.get(&y.plant.url(&format!("/audit?target={}", grant.id))).await.ok().items();
    assert_eq!(seen[0]["after"]["principal"], y.job.principal());
    // Its members are people.
    let members = y.lin.get(&y.plant.url("/members")).await.ok();
    assert!(members.each("principal").iter().all(|one| one.starts_with("user:")), "{members}");
    // They can take it back all the same.
    y.kim.revoke(&y.plant, &grant).await;
    assert!(!y.may("read", "task", &y.task.id).await);
}

async fn another_role_is_another_attachment(g: Garth) {
    let y = Yard::make(&g).await;
    y.ada.grant(&y.plant, &y.bo, "admin").await;
    let grant = y.lin.grant(&y.plant, &y.job, "reader").await;
    let url = y.plant.url(&format!("/grants/{}", grant.id));
    g.unchanged(async || {
        for by in [&y.kim, &y.bo] {
            by.patch(&url, json!({"role": "writer"})).await.refused(403, "forbidden");
            by.patch(&url, json!({"expires_at": g.time_in(SECOND)})).await.refused(403, "forbidden");
        }
        let unseen = y.kim.patch(&url, json!({"role": "writer"})).await;
        assert!(!unseen.to_string().contains(&y.job.id) && !unseen.to_string().contains("chore:"), "{unseen}");
    })
    .await;
    assert_eq!(y.lin.patch(&url, json!({"role": "writer"})).await.ok()["role"], "writer");
    assert!(y.may("write", "task", &y.task.id).await);
}

async fn it_survives_moves_of_the_resource(g: Garth) {
    let y = Yard::make(&g).await;
    let grant = y.lin.grant(&y.plant, &y.job, "writer").await;
    let other = y.ada.space("Other").under(&y.top).create().await;
    y.ada.post(&y.job.url("/move"), json!({"space": other.id})).await.ok();
    assert!(y.may("write", "task", &y.task.id).await, "the role is in the plant, wherever the job lies");
    // Where the application cannot see it, the job is none to it, and to Lin neither.
    let cave = y.ada.space("Cave").create().await;
    y.ada.post(&y.job.url("/move"), json!({"space": cave.id})).await.ok();
    assert!(!y.may("write", "task", &y.task.id).await);
    assert!(!y.told(&y.lin).await.contains(&y.job.principal()));
    assert!(y.told(&y.ada).await.contains(&y.job.principal()));
    g.unchanged(async || {
        let body = json!({"principal": y.job.principal(), "role": "writer"});
        y.lin.post(&y.plant.url("/grants"), body).await.invalid("/principal")
    })
    .await;
    g.restart().await;
    y.ada.post(&y.job.url("/move"), json!({"space": y.shop.id})).await.ok();
    assert!(y.may("write", "task", &y.task.id).await, "it was there all the time");
    assert_eq!(
        y.lin.get(&y.plant.url("/grants")).await.ok().each("id").iter().filter(|id| **id == grant.id).count(),
        1
    );
    // Archiving changes no right.
    y.lin.post(&y.job.url("/archive"), json!({})).await.ok();
    assert!(y.may("write", "task", &y.task.id).await);
}

async fn it_dies_with_the_resource(g: Garth) {
    let y = Yard::make(&g).await;
    let held = [y.lin.grant(&y.plant, &y.job, "writer").await, y.lin.grant(&y.shop, &y.job, "reader").await];
    g.unchanged(async || y.bo.delete(&y.job.url("")).await.refused(403, "forbidden")).await;
    y.lin.delete(&y.job.url("")).await.done();
    let left = g.rows("grants").await;
    assert!(!left.iter().any(|row| row.contains("resource:")), "{left:#?}");
    assert!(!y.may("read", "task", &y.task.id).await);
    for (space, grant) in [(&y.plant, &held[0]), (&y.shop, &held[1])] {
        y.lin.delete(&space.url(&format!("/grants/{}", grant.id))).await.refused(404, "not_found");
        let record = y.lin.get(&space.url(&format!("/audit?target={}", grant.id))).await.ok().items();
        assert_eq!(record.len(), 2, "made and gone: {record:#?}");
        assert_eq!((&record[0]["action"], &record[0]["actor"]), (&json!("resource.delete"), &json!(y.lin.principal())));
        assert_eq!((&record[0]["before"]["role"].is_string(), &record[0]["after"]), (&true, &Value::Null));
    }
    // What is made afterwards holds nothing of it.
    let next = y.lin.resource("chore", "Daily").space(&y.shop).create().await;
    assert!(!acts(&y.runner, &next.id, "read", "task", &y.task.id).await);
    g.restart().await;
    assert!(!acts(&y.runner, &next.id, "read", "task", &y.task.id).await);
}

async fn it_dies_with_the_space_that_the_resource_lies_in(g: Garth) {
    let y = Yard::make(&g).await;
    let attic = y.ada.space("Attic").under(&y.top).admin(&y.lin).create().await;
    let old = y.lin.resource("chore", "Old").space(&attic).create().await;
    let grant = y.lin.grant(&y.plant, &old, "writer").await;
    y.lin.grant(&attic, &y.job, "writer").await;
    y.lin.grant(&y.plant, &y.job, "reader").await;
    assert!(acts(&y.runner, &old.id, "write", "task", &y.task.id).await);
    y.lin.post(&attic.url("/archive"), json!({})).await.ok();
    y.lin.delete(&attic.url("?confirm=Attic")).await.ok();
    assert!(!acts(&y.runner, &old.id, "read", "task", &y.task.id).await);
    y.lin.delete(&y.plant.url(&format!("/grants/{}", grant.id))).await.refused(404, "not_found");
    let left: Vec<String> = g.rows("grants").await.into_iter().filter(|row| row.contains("resource:")).collect();
    assert_eq!(left.len(), 1, "what the other job holds in the plant: {left:#?}");
    assert!(y.may("read", "task", &y.task.id).await);
    let record = y.lin.get(&y.plant.url(&format!("/audit?target={}&action=space.delete", grant.id))).await.ok().items();
    assert_eq!(record.len(), 1);
}

async fn copies_and_exports_carry_none(g: Garth) {
    let y = Yard::make(&g).await;
    y.lin.grant(&y.plant, &y.job, "writer").await;
    let copies = y.lin.post(&y.plant.url("/copies"), json!({"resources": [y.job.id]})).await.done();
    let copy = copies.items()[0]["copy"].as_str().expect("a copy").to_owned();
    assert!(!acts(&y.runner, &copy, "read", "task", &y.task.id).await, "what was copied holds nothing");
    assert!(!g.rows("grants").await.iter().any(|row| row.contains(&copy)));
    let export = y.lin.get(&y.plant.url("/export")).await.ok();
    let first = String::from_utf8_lossy(&export.bytes).lines().next().expect("a line").to_owned();
    assert!(first.contains("\"grants\"") && !first.contains("resource:"), "{first}");
}

async fn a_sealed_space_takes_none(g: Garth) {
    let y = Yard::make(&g).await;
    let vault = y.ada.space("Vault").sealed().admin(&y.lin).create().await;
    g.unchanged(async || {
        let body = json!({"principal": y.job.principal(), "role": "reader"});
        y.lin.post(&vault.url("/grants"), body).await.invalid("/principal");
    })
    .await;
    // Nor is a space sealed in which one holds something.
    y.lin.grant(&y.plant, &y.job, "reader").await;
    g.unchanged(async || y.lin.patch(&y.plant.url(""), json!({"sealed": true})).await.refused(409, "conflict")).await;
}

async fn a_resource_is_nobody_in_charge(g: Garth) {
    let y = Yard::make(&g).await;
    let yard = y.ada.space("Yard").admin(&y.lin).create().await;
    y.lin.grant(&yard, &y.job, "admin").await;
    let own = y.lin.get(&yard.url("/grants")).await.ok().items();
    let own = own.iter().find(|grant| grant["principal"] == y.lin.principal()).expect("Lin's");
    let url = yard.url(&format!("/grants/{}", own["id"].as_str().expect("an id")));
    g.unchanged(async || {
        y.lin.delete(&url).await.refused(409, "last_admin");
        y.lin.patch(&url, json!({"role": "reader"})).await.refused(409, "last_admin");
        y.lin.post(&yard.url("/leave"), json!({})).await.refused(409, "last_admin");
    })
    .await;
}

async fn a_preview_names_resources_to_those_who_may_view_them(g: Garth) {
    let reads = json!(["ai_provider:read", "chore:read", "delivery:read", "job:read", "read", "task:read"]);
    let y = Yard::make(&g).await;
    let told = async |by: &Person, change: Value| {
        let answer = by.post("/api/v1/preview", json!({"change": change})).await.ok();
        assert_eq!(answer["complete"], true, "{answer}");
        answer.items()
    };
    let grant = json!({"type": "grant", "space": y.plant.id, "principal": y.job.principal(), "role": "reader"});
    let items = told(&y.lin, grant).await;
    assert_eq!((items.len(), &items[0]["principal"]), (1, &json!(y.job.principal())), "{items:#?}");
    assert_eq!(items[0]["gains"], reads);
    let held = y.lin.grant(&y.plant, &y.job, "reader").await;
    let removed = json!({"type": "grant_removed", "space": y.plant.id, "grant": held.id});
    let items = told(&y.lin, removed.clone()).await;
    assert_eq!((items.len(), &items[0]["loses"]), (1, &reads));
    assert!(told(&y.kim, removed).await.is_empty(), "Kim cannot view it");
    // A gate that shuts it out.
    let shut = json!({"type": "space", "space": y.plant.id, "view": {"users": [y.lin.principal(), y.kim.principal()]}});
    let about_job =
        async |by: &Person| told(by, shut.clone()).await.iter().any(|i| i["principal"] == y.job.principal());
    assert!(about_job(&y.lin).await && !about_job(&y.kim).await);
}
