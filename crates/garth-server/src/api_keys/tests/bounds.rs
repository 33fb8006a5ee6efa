//! Stories about what is missing to a key: everything outside its space and what lies below, in every list and answer.

use super::{World, url, world};
use crate::support::*;
use axum::http::Method;

stories! {
    outside_its_space_everything_is_missing_to_a_key,
    a_key_reaches_what_lies_below,
    n02_a_key_of_another_space_is_a_missing_one,
    n53_a_key_of_one_space_does_nothing_in_another,
    keys_are_not_people,
    what_a_key_knows_of_people_and_groups,
    cursors_are_bound_to_their_key,
    grants_to_a_key_stay_in_its_space_and_below,
    a_strangers_key_is_refused_like_an_unknown_one,
    a_sealed_space_has_keys_with_built_in_roles,
    a_key_makes_spaces_below_its_own_only,
    an_application_asks_about_others_in_its_space,
    what_an_application_may_not_ask_about_is_as_if_it_were_not_there,
    a_key_asks_about_itself,
}

async fn outside_its_space_everything_is_missing_to_a_key(g: Garth) {
    let World { ada, lin, atlas, task } = world(&g).await;
    ada.patch("/api/v1/settings", json!({"public_access": true})).await.ok();
    // Open to everybody, and yet not there for a key of Atlas: beside it, above it.
    let open = ada.space("Open").with("view", json!("public")).create().await;
    ada.grant(&open, "group:everyone", "writer").await;
    let poster = ada.resource("task", "Poster").space(&open).view(json!("public")).create().await;
    let above = ada.space("Above").with("view", json!("public")).create().await;
    ada.grant_by_registry(&atlas, &ada, "admin").await;
    ada.grant_by_registry(&above, &lin, "admin").await;
    ada.patch(&atlas.url(""), json!({"parent": above.id, "inherits": true})).await.ok();
    let app = lin.key(&atlas, "ci", "admin").await;

    let own = app.get(&atlas.url("")).await.ok();
    assert_eq!((&own["parent"], &own["path"]), (&Value::Null, &json!("Atlas")));
    assert_eq!(app.get("/api/v1/spaces?archived=true").await.ok().names(), ["Atlas"]);
    assert!(app.get(&format!("/api/v1/spaces?parent={}", above.id)).await.ok().items().is_empty());
    for list in ["/api/v1/resources", "/api/v1/resources?kind=task&order=name"] {
        assert_eq!(app.get(list).await.ok().names(), ["Fix the lift"]);
    }
    let q = format!("/api/v1/resources?q={}", poster["code"].as_str().expect("a code"));
    assert!(app.get(&q).await.ok().items().is_empty());
    assert!(app.get(&format!("/api/v1/resources?space={}", open.id)).await.ok().items().is_empty());
    for (there, id) in [
        (open.url(""), &open.id),
        (above.url(""), &above.id),
        (open.url("/members"), &open.id),
        (open.url("/grants"), &open.id),
        (above.url("/audit"), &above.id),
        (above.url("/api-keys"), &above.id),
        (poster.url(""), &poster.id),
    ] {
        let nowhere = strange(id);
        let missing = app.get(&there.replace(id.as_str(), &nowhere)).await.refused(404, "not_found");
        assert_missing(&app.get(&there).await, id, &missing, &nowhere);
    }
    g.unchanged(async || {
        for space in [&open, &above] {
            let nowhere = strange(&space.id);
            let body = |id: &str| json!({"kind": "task", "name": "x", "space": id});
            let missing = app.post("/api/v1/resources", body(&nowhere)).await.invalid("/space");
            assert_same(&app.post("/api/v1/resources", body(&space.id)).await, &missing);
            let to = |id: &str| json!({"space": id});
            let missing = app.post(&task.url("/move"), to(&nowhere)).await.invalid("/space");
            assert_same(&app.post(&task.url("/move"), to(&space.id)).await, &missing);
            let under = |id: &str| json!({"parent": id});
            let missing = app.patch(&atlas.url(""), under(&nowhere)).await.invalid("/parent");
            assert_same(&app.patch(&atlas.url(""), under(&space.id)).await, &missing);
        }
    })
    .await;
    // The installation's words are known to everybody who is signed in; what administrators keep is not.
    assert_eq!(app.get("/api/v1/kinds").await.ok().names(), ["ai_provider", "delivery", "job", "task"]);
    assert_eq!(app.get("/api/v1/roles").await.ok().names(), ["admin", "reader", "writer"]);
    for closed in ["/api/v1/settings", "/api/v1/audit", "/api/v1/registry/spaces"] {
        app.get(closed).await.refused(403, "forbidden");
    }
    app.get(&format!("/api/v1/registry/spaces/{}/grants", atlas.id)).await.refused(403, "forbidden");
    // A named policy lies in no space: its text is for people, whatever its edit policy says.
    let named = json!({"name": "all", "policy": "users", "edit": "users"});
    let policy = ada.post("/api/v1/policies", named).await.created();
    let shown = app.get(&format!("/api/v1/policies/{}", policy.id())).await.ok();
    assert_eq!(shown["policy"], Value::Null, "{shown}");
}

async fn a_key_reaches_what_lies_below(g: Garth) {
    let World { ada, lin, atlas, .. } = world(&g).await;
    ada.grant_by_registry(&atlas, &ada, "admin").await;
    let below = ada.space("Below").under(&atlas).create().await;
    let closed = ada.space("Closed").under(&atlas).with("view", json!({"users": [ada.principal()]})).create().await;
    ada.resource("task", "Deep").space(&below).create().await;
    ada.resource("task", "Hidden").space(&closed).create().await;
    let app = lin.key(&atlas, "ci", "writer").await;
    assert_eq!(app.get("/api/v1/spaces").await.ok().names(), ["Atlas", "Below"]);
    assert_eq!(app.get(&below.url("")).await.ok()["path"], "Atlas/Below");
    assert_eq!(app.get("/api/v1/resources?order=name").await.ok().names(), ["Deep", "Fix the lift"]);
    app.resource("task", "Deeper").space(&below).create().await;
    // Gates are asked there, and only its own lets a key in by itself.
    app.get(&closed.url("")).await.refused(404, "not_found");
    lin.patch(&atlas.url(""), json!({"view": {"users": [lin.principal()]}})).await.ok();
    app.get(&atlas.url("")).await.ok();
    // A key of the space below knows nothing of what is above.
    let low = lin.key(&below, "low", "admin").await;
    assert_eq!(low.get("/api/v1/spaces").await.ok().names(), ["Below"]);
    low.get(&atlas.url("")).await.refused(404, "not_found");
}

async fn n02_a_key_of_another_space_is_a_missing_one(g: Garth) {
    let World { ada, lin, atlas, .. } = world(&g).await;
    let zoo = ada.space("Zoo").create().await;
    let foreign = ada.key(&zoo, "zoo", "reader").await;
    let own = lin.key(&atlas, "ci", "reader").await;
    g.unchanged(async || {
        for id in [&foreign.id, &own.id] {
            // The one under a path where it does not belong, the other under the path of a hidden space.
            let space = if *id == foreign.id { &atlas } else { &zoo };
            for (method, tail) in [(Method::GET, ""), (Method::DELETE, ""), (Method::POST, "/rotate")] {
                let nowhere = strange(id);
                let path = |id: &str| space.url(&format!("/api-keys/{id}{tail}"));
                let missing = lin.call(method.clone(), &path(&nowhere)).json(json!({})).await.refused(404, "not_found");
                let there = lin.call(method.clone(), &path(id)).json(json!({})).await;
                assert_missing(&there, id, &missing, &nowhere);
            }
        }
    })
    .await;
    foreign.get(&zoo.url("")).await.ok();
}

async fn n53_a_key_of_one_space_does_nothing_in_another(g: Garth) {
    let World { ada, lin, atlas, task } = world(&g).await;
    let zoo = ada.space("Zoo").create().await;
    let foreign = ada.key(&zoo, "zoo", "admin").await;
    let app = lin.key(&atlas, "ci", "reader").await;
    g.unchanged(async || {
        foreign.get(&task.url("")).await.refused(404, "not_found");
        foreign.patch(&task.url(""), json!({"name": "x"})).await.refused(404, "not_found");
        foreign.delete(&task.url("")).await.refused(404, "not_found");
        foreign.get(&atlas.url("/api-keys")).await.refused(404, "not_found");
        foreign.post(&url(&atlas, &app, "/rotate"), json!({})).await.refused(404, "not_found");
        foreign.delete(&url(&atlas, &app, "")).await.refused(404, "not_found");
        // An id is no secret.
        foreign.with_token(&foreign.id).get(&zoo.url("")).await.not_signed_in();
    })
    .await;
    assert!(!foreign.may("read", "task", &task.id).await);
}

async fn keys_are_not_people(g: Garth) {
    let World { lin, atlas, .. } = world(&g).await;
    let app = lin.key(&atlas, "ci", "admin").await;
    g.unchanged(async || {
        for (method, path, body) in [
            (Method::GET, "/api/v1/me", json!({})),
            (Method::PATCH, "/api/v1/me", json!({"name": "App"})),
            (Method::PUT, "/api/v1/me/password", json!({"current": "x", "new": "correct horse battery"})),
            (Method::GET, "/api/v1/me/sessions", json!({})),
            (Method::DELETE, "/api/v1/me/sessions", json!({})),
            (Method::POST, "/api/v1/logout", json!({})),
            (Method::POST, &atlas.url("/leave"), json!({})),
        ] {
            let answer = app.call(method, path).json(body).await.refused(403, "forbidden");
            assert!(answer.text("detail").contains("not a person"), "{answer}");
        }
    })
    .await;
    app.get(&atlas.url("")).await.ok();
}

async fn what_a_key_knows_of_people_and_groups(g: Garth) {
    let World { ada, lin, atlas, .. } = world(&g).await;
    let zoo = ada.space("Zoo").create().await;
    let eve = g.person("eve").await;
    ada.grant(&zoo, &eve, "reader").await;
    let crew = ada.group("crew", &[&lin]).await;
    let guests = ada.group("guests", &[&eve]).await;
    ada.grant_by_registry(&atlas, &crew, "writer").await;
    ada.grant(&zoo, &guests, "reader").await;
    let app = lin.key(&atlas, "ci", "admin").await;
    assert_eq!(app.get("/api/v1/users").await.ok().each("username"), ["lin"]);
    assert_eq!(app.get("/api/v1/groups").await.ok().names(), ["crew"]);
    assert_eq!(app.get(&atlas.url("/members")).await.ok().each("username"), ["lin"]);
    assert_eq!(app.get(&format!("/api/v1/users/{}", lin.id)).await.ok()["email"], Value::Null);
    assert_eq!(app.get(&crew.url("/members")).await.ok().each("member"), [lin.principal()]);
    for (path, id) in [(format!("/api/v1/users/{}", eve.id), &eve.id), (guests.url(""), &guests.id)] {
        let nowhere = strange(id);
        let missing = app.get(&path.replace(id.as_str(), &nowhere)).await.refused(404, "not_found");
        assert_missing(&app.get(&path).await, id, &missing, &nowhere);
    }
    g.unchanged(async || {
        let unknown = json!({"principal": format!("user:{}", strange(&eve.id)), "role": "reader"});
        let unknown = app.post(&atlas.url("/grants"), unknown).await.invalid("/principal");
        let hidden = json!({"principal": eve.principal(), "role": "reader"});
        assert_same(&app.post(&atlas.url("/grants"), hidden).await, &unknown);
    })
    .await;
}

async fn cursors_are_bound_to_their_key(g: Garth) {
    let World { lin, atlas, .. } = world(&g).await;
    lin.resource("task", "Oil the lift").space(&atlas).create().await;
    let (one, two) = (lin.key(&atlas, "one", "reader").await, lin.key(&atlas, "two", "reader").await);
    let list = "/api/v1/resources?limit=1";
    let cursor = one.get(list).await.ok().text("next");
    let next = format!("{list}&cursor={}", percent(&cursor));
    one.get(&next).await.ok();
    two.get(&next).await.invalid("?cursor");
    lin.get(&next).await.invalid("?cursor");
    let by_lin = lin.get(list).await.ok().text("next");
    one.get(&format!("{list}&cursor={}", percent(&by_lin))).await.invalid("?cursor");
    assert_eq!(one.all_pages("/api/v1/resources", 1).await.len(), 2);
}

async fn grants_to_a_key_stay_in_its_space_and_below(g: Garth) {
    let World { ada, lin, atlas, .. } = world(&g).await;
    ada.grant_by_registry(&atlas, &ada, "admin").await;
    let below = ada.space("Below").under(&atlas).with("view", json!({"permission": "task:write"})).create().await;
    let zoo = ada.space("Zoo").create().await;
    let app = lin.key(&atlas, "ci", "reader").await;
    app.get(&below.url("")).await.refused(404, "not_found");
    lin.grant(&below, &app, "writer").await;
    app.get(&below.url("")).await.ok();
    g.restart().await;
    app.get(&below.url("")).await.ok();

    let key_of_below = lin.key(&below, "low", "reader").await;
    g.unchanged(async || {
        for (space, key) in [(&zoo, &app), (&atlas, &key_of_below)] {
            for door in [space.url("/grants"), format!("/api/v1/registry/spaces/{}/grants", space.id)] {
                let grant = |id: String| json!({"principal": format!("key:{id}"), "role": "reader"});
                let unknown = ada.post(&door, grant(strange(&key.id))).await.invalid("/principal");
                assert_same(&ada.post(&door, grant(key.id.clone())).await, &unknown);
            }
        }
        ada.space("New").admin(&app).send().await.invalid("/admins/0");
        // A policy names people and groups, not keys; nor is a key put into a group or made an owner.
        let view = json!({"view": {"users": [app.principal()]}});
        lin.patch(&atlas.url(""), view).await.invalid("/view/users/0");
        lin.resource("task", "x").space(&atlas).with("owner", json!(app.principal())).send().await.invalid("/owner");
    })
    .await;
    let crew = ada.group("crew", &[]).await;
    ada.post(&crew.url("/members"), json!({"member": app.principal()})).await.invalid("/member");
    ada.space("Deep").under(&atlas).admin(&app).admin(&lin).create().await;
}

async fn a_strangers_key_is_refused_like_an_unknown_one(g: Garth) {
    let World { ada, lin, atlas, .. } = world(&g).await;
    ada.grant_by_registry(&atlas, &ada, "admin").await;
    let below = ada.space("Below").under(&atlas).create().await;
    let bo = g.person("bo").await;
    ada.grant_by_registry(&below, &bo, "admin").await;
    let app = lin.key(&atlas, "ci", "reader").await;
    // Bo administers Below and does not see Atlas, whose key it is.
    g.unchanged(async || {
        let grant = |id: String| json!({"principal": format!("key:{id}"), "role": "reader"});
        let unknown = bo.post(&below.url("/grants"), grant(strange(&app.id))).await.invalid("/principal");
        assert_same(&bo.post(&below.url("/grants"), grant(app.id.clone())).await, &unknown);
        let list = |id: &str| format!("/api/v1/resources?author=key:{id}");
        assert_same(&bo.get(&list(&app.id)).await.ok(), &bo.get(&list(&strange(&app.id))).await);
    })
    .await;
}

async fn a_sealed_space_has_keys_with_built_in_roles(g: Garth) {
    let World { ada, lin, .. } = world(&g).await;
    ada.role("triage", &["task:read"]).await;
    let vault = ada.space("Vault").sealed().admin(&lin).create().await;
    let app = lin.key(&vault, "ci", "writer").await;
    app.resource("task", "Secret").create().await;
    g.unchanged(async || {
        lin.post(&vault.url("/api-keys"), json!({"name": "x", "role": "triage"})).await.invalid("/role");
    })
    .await;
    // No key is an administrator to rely on.
    let boss = lin.key(&vault, "boss", "admin").await;
    g.unchanged(async || {
        lin.post(&vault.url("/leave"), json!({})).await.refused(409, "last_admin");
        let grants = boss.get(&vault.url("/grants")).await.ok().items();
        let own = grants.iter().find(|grant| grant["principal"] == lin.principal()).expect("lin's");
        let path = vault.url(&format!("/grants/{}", own["id"].as_str().expect("an id")));
        boss.delete(&path).await.refused(409, "last_admin");
    })
    .await;
}

async fn a_key_makes_spaces_below_its_own_only(g: Garth) {
    let World { ada, lin, atlas, .. } = world(&g).await;
    let zoo = ada.space("Zoo").create().await;
    let app = lin.key(&atlas, "ci", "admin").await;
    g.unchanged(async || app.space("x").under(&atlas).send().await.refused(403, "forbidden")).await;
    ada.patch("/api/v1/settings", json!({"create_spaces": "users"})).await.ok();
    g.unchanged(async || {
        app.space("Root").send().await.refused(403, "forbidden");
        let unknown = app.space("x").with("parent", json!(strange(&zoo.id))).send().await.invalid("/parent");
        assert_same(&app.space("x").under(&zoo).send().await, &unknown);
        app.patch(&atlas.url(""), json!({"parent": zoo.id})).await.invalid("/parent");
    })
    .await;
    let below = app.space("Below").under(&atlas).create().await;
    assert_eq!(below["access"]["role"], "admin");
    lin.get(&below.url("")).await.ok();
}

/// An application whose key holds `decision:ask` in Atlas, and nothing else.
async fn application(g: &Garth) -> (World, Person) {
    let world = world(g).await;
    world.ada.role("asker", &["decision:ask"]).await;
    let app = world.lin.key(&world.atlas, "app", "asker").await;
    (world, app)
}

fn ask(subject: &str, id: &str, action: &str, kind: &str, of: &str) -> Value {
    json!({"subject": {"type": subject, "id": id}, "action": {"name": action}, "resource": {"type": kind, "id": of}})
}

const EVALUATION: &str = "/access/v1/evaluation";

async fn an_application_asks_about_others_in_its_space(g: Garth) {
    let (World { ada, lin, atlas, task }, app) = application(&g).await;
    let bo = g.person("bo").await;
    ada.grant_by_registry(&atlas, &bo, "reader").await;
    ada.grant_by_registry(&atlas, &ada, "admin").await;
    let below = ada.space("Below").under(&atlas).create().await;
    let deep = ada.resource("task", "Deep").space(&below).create().await;
    let crew = ada.group("crew", &[&bo]).await;
    for (question, decision) in [
        (ask("user", &lin.id, "write", "task", &task.id), true),
        (ask("user", "@lin", "write", "task", &task.id), true),
        (ask("user", &bo.id, "read", "task", &task.id), true),
        (ask("user", &bo.id, "write", "task", &task.id), false),
        (ask("user", &bo.id, "read", "task", &deep.id), true),
        (ask("user", &bo.id, "space:admin", "space", &atlas.id), false),
        (ask("user", &lin.id, "space:admin", "space", &below.id), true),
        (ask("user", &strange(&lin.id), "read", "task", &task.id), false),
        (ask("group", &crew.id, "read", "task", &task.id), false),
        (ask("key", &app.id, "read", "task", &task.id), false),
    ] {
        let answer = app.post(EVALUATION, question.clone()).await.ok();
        assert_eq!(answer["decision"], decision, "{question}: {answer}");
    }
    // People do not ask about others, administrators neither; nor does a key without the permission.
    let question = ask("user", &bo.id, "read", "task", &task.id);
    let writer = lin.key(&atlas, "ci", "writer").await;
    for who in [&lin, &ada, &writer] {
        who.post(EVALUATION, question.clone()).await.refused(403, "forbidden");
    }
    // One that may ask below only gets no answer about what lies above.
    let low = lin.key(&atlas, "low", "reader").await;
    lin.grant(&below, &low, "asker").await;
    assert_eq!(low.post(EVALUATION, ask("user", &bo.id, "read", "task", &deep.id)).await.ok()["decision"], true);
    low.post(EVALUATION, question).await.refused(403, "forbidden");
}

async fn what_an_application_may_not_ask_about_is_as_if_it_were_not_there(g: Garth) {
    let (World { ada, lin, atlas, task }, app) = application(&g).await;
    let zoo = ada.space("Zoo").create().await;
    let lion = ada.resource("task", "Feed the lion").space(&zoo).create().await;
    ada.grant_by_registry(&zoo, &lin, "admin").await;
    for (kind, id) in [("task", &lion.id), ("space", &zoo.id)] {
        let there = app.post(EVALUATION, ask("user", &lin.id, "read", kind, id)).await.ok();
        assert_eq!(there["decision"], false);
        let nowhere = app.post(EVALUATION, ask("user", &lin.id, "read", kind, &strange(id))).await.ok();
        assert_same(&there, &nowhere);
        let question = ask("user", &lin.id, "read", kind, id);
        let missing = ask("user", &lin.id, "read", kind, &strange(id));
        let known = ask("user", &lin.id, "read", "task", &task.id);
        let batch = json!({"evaluations": [question, missing, known]});
        let batch = app.post("/access/v1/evaluations", batch).await.ok();
        let answers = batch["evaluations"].as_array().expect("answers");
        assert_eq!((&answers[0], &answers[2]["decision"]), (&answers[1], &json!(true)), "{batch}");
    }
    // With its space archived the key is worth nothing, and a key that does not work may nothing.
    let other = lin.key(&atlas, "other", "reader").await;
    let about = ask("key", &other.id, "read", "task", &task.id);
    assert_eq!(app.post(EVALUATION, about.clone()).await.ok()["decision"], true);
    lin.delete(&url(&atlas, &other, "")).await.done();
    assert_eq!(app.post(EVALUATION, about.clone()).await.ok()["decision"], false);
    lin.post(&atlas.url("/archive"), json!({})).await.ok();
    app.post(EVALUATION, about).await.not_signed_in();
}

async fn a_key_asks_about_itself(g: Garth) {
    let World { lin, atlas, task, .. } = world(&g).await;
    let app = lin.key(&atlas, "ci", "writer").await;
    assert!(app.may("write", "task", &task.id).await);
    assert!(!app.may("space:admin", "space", &atlas.id).await);
    let why = app.post("/api/v1/explain", app.question("write", "task", &task.id)).await.ok();
    assert_eq!(why["decision"], true, "{why}");
    let other = lin.key(&atlas, "other", "reader").await;
    app.post(EVALUATION, other.question("read", "task", &task.id)).await.refused(403, "forbidden");
}
