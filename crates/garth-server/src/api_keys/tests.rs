//! Stories about API keys: what one opens and what is missing to it, how it is made, rotated and revoked, and that
//! nothing of its secret is kept.

use crate::support::*;

#[path = "tests/bounds.rs"]
mod bounds;
#[path = "tests/grown.rs"]
mod grown;

stories! {
    an_application_works_with_its_key,
    n52_the_secret_is_shown_once_and_stored_hashed,
    keys_are_listed_with_what_tells_them_apart,
    only_administrators_manage_keys,
    nobody_makes_a_key_stronger_than_themselves,
    a_key_manages_keys_only_as_an_administrator,
    a_key_cannot_outlive_the_key_that_makes_it,
    a_rotated_secret_dies_at_once,
    a_rotated_secret_lives_for_its_grace,
    n48_a_secret_in_its_grace_makes_nothing_that_outlives_it,
    n34_a_revoked_key_is_refused_at_once,
    n37_a_revoked_key_stays_revoked_after_a_restart,
    n54_only_the_exact_secret_is_a_credential,
    an_expired_key_is_refused,
    a_key_stops_while_its_space_is_archived,
    a_key_goes_with_its_space,
    a_key_stays_when_its_maker_goes,
    a_role_that_a_key_carries_is_in_use,
    the_role_of_a_key_is_not_revoked_as_a_grant,
    what_is_no_key_is_refused,
    a_key_is_on_record_as_actor_and_credential,
    the_last_use_is_noted_without_a_write_each,
}

/// Lin administers Atlas, in which a task lies.
pub struct World {
    pub ada: Person,
    pub lin: Person,
    pub atlas: Thing,
    pub task: Thing,
}

pub async fn world(g: &Garth) -> World {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    g.closed_home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    let task = lin.resource("task", "Fix the lift").space(&atlas).create().await;
    World { ada, lin, atlas, task }
}

pub fn url(space: &Thing, key: &Person, tail: &str) -> String {
    space.url(&format!("/api-keys/{}{tail}", key.id))
}

async fn an_application_works_with_its_key(g: Garth) {
    let World { lin, atlas, task, .. } = world(&g).await;
    let app = lin.key(&atlas, "nightly", "writer").await;
    assert_eq!(app.get(&atlas.url("")).await.ok()["access"]["role"], "writer");
    assert_eq!(app.get("/api/v1/spaces").await.ok().names(), ["Atlas"]);
    assert_eq!(app.get("/api/v1/resources").await.ok().names(), ["Fix the lift"]);
    app.patch(&task.url(""), json!({"name": "Fixed"})).await.ok();
    // Where nobody says which space, it is the key's own; and the key is the author.
    let made = app.resource("task", "Oil the lift").create().await;
    assert_eq!((&made["space"], &made["author"]), (&json!(atlas.id), &json!(app.principal())));
    let by_key = lin.get(&format!("/api/v1/resources?author={}", app.principal())).await.ok();
    assert_eq!(by_key.names(), ["Oil the lift"]);
    assert!(app.may("write", "task", &made.id).await);
    g.restart().await;
    assert_eq!(app.get(&made.url("")).await.ok()["author"], app.principal());
    app.patch(&made.url(""), json!({"name": "Oiled"})).await.ok();
    // Several of a space, each with its own role.
    let reader = lin.key(&atlas, "nightly", "reader").await;
    reader.get(&made.url("")).await.ok();
    reader.patch(&made.url(""), json!({"name": "x"})).await.refused(403, "forbidden");
}

async fn n52_the_secret_is_shown_once_and_stored_hashed(g: Garth) {
    let World { lin, atlas, .. } = world(&g).await;
    let made = lin.post(&atlas.url("/api-keys"), json!({"name": "ci", "role": "reader"})).await.created();
    let secret = made.text("secret");
    assert!(secret.starts_with("gk_") && secret.len() == 3 + 52, "{secret}");
    assert!(secret.starts_with(&made.text("prefix")) && made.text("prefix").len() == 9);
    let one = lin.get(&atlas.url(&format!("/api-keys/{}", made.id()))).await.ok();
    let list = lin.get(&atlas.url("/api-keys")).await.ok();
    let audit = lin.get(&atlas.url("/audit")).await.ok();
    for answer in [&one, &list, &audit] {
        assert!(!String::from_utf8_lossy(&answer.bytes).contains(&secret[9..]), "{answer}");
    }
    assert_eq!(one["secret"], Value::Null);
    let rotated = lin.post(&atlas.url(&format!("/api-keys/{}/rotate", made.id())), json!({})).await.ok();
    for table in ["api_keys", "grants", "changes"] {
        for row in g.rows(table).await {
            assert!(!row.contains(&secret[9..]) && !row.contains(&rotated.text("secret")[9..]), "{table}: {row}");
        }
    }
    assert_ne!(rotated.text("secret"), secret);
}

async fn keys_are_listed_with_what_tells_them_apart(g: Garth) {
    let World { ada, lin, atlas, .. } = world(&g).await;
    ada.role("asker", &["decision:ask"]).await;
    let end = g.time_in(3_600 * SECOND);
    let body = json!({"name": "ci", "role": "reader", "expires_at": end});
    let made = lin.post(&atlas.url("/api-keys"), body).await.created();
    g.pass(SECOND);
    let asker = lin.key(&atlas, "app", "asker").await;
    asker.get("/api/v1/spaces").await.ok();
    let list = lin.get(&atlas.url("/api-keys")).await.ok();
    assert_eq!(list.names(), ["ci", "app"]);
    assert_eq!(list.each("role"), ["reader", "asker"]);
    let [ci, app] = &list.items()[..] else { panic!("{list}") };
    assert_eq!((&ci["expires_at"], &ci["last_used_at"]), (&json!(end), &Value::Null));
    assert_eq!((&ci["created_by"], &ci["prefix"]), (&json!(lin.principal()), &made["prefix"]));
    assert_eq!((&app["expires_at"], &app["last_used_at"]), (&Value::Null, &json!(g.time_in(0))));
    assert_eq!(&lin.get(&url(&atlas, &asker, "")).await.ok().json, app);
    for limit in [1, 2, 100] {
        assert_eq!(lin.all_pages(&atlas.url("/api-keys"), limit).await.len(), 2);
    }
    // The role is a grant, and said to be a key's.
    let grants = lin.get(&atlas.url("/grants")).await.ok().items();
    let own = grants.iter().find(|grant| grant["principal"] == asker.principal()).expect("a grant");
    assert_eq!((&own["role"], &own["source"]), (&json!("asker"), &json!("key")));
    assert!(lin.get(&atlas.url("/members")).await.ok().items().iter().all(|m| m["username"] != "app"));
}

async fn only_administrators_manage_keys(g: Garth) {
    let World { ada, lin, atlas, .. } = world(&g).await;
    let (wes, eve) = (g.person("wes").await, g.person("eve").await);
    ada.grant_by_registry(&atlas, &wes, "writer").await;
    let app = lin.key(&atlas, "ci", "reader").await;
    let new = json!({"name": "mine", "role": "reader"});
    g.unchanged(async || {
        for (who, status, code) in [
            (wes, 403, "forbidden"),
            (app.clone(), 403, "forbidden"),
            (eve, 404, "not_found"),
            (ada, 404, "not_found"),
            (g.anonymous(), 401, "unauthenticated"),
        ] {
            who.get(&atlas.url("/api-keys")).await.refused(status, code);
            who.get(&url(&atlas, &app, "")).await.refused(status, code);
            who.post(&atlas.url("/api-keys"), new.clone()).await.refused(status, code);
            who.post(&url(&atlas, &app, "/rotate"), json!({})).await.refused(status, code);
            who.delete(&url(&atlas, &app, "")).await.refused(status, code);
        }
    })
    .await;
    app.get(&atlas.url("")).await.ok();
}

async fn nobody_makes_a_key_stronger_than_themselves(g: Garth) {
    let World { ada, lin, atlas, .. } = world(&g).await;
    let kim = g.person("kim").await;
    ada.role("keeper", &["space:admin", "task:read"]).await;
    ada.grant_by_registry(&atlas, &kim, "keeper").await;
    let strong = lin.key(&atlas, "strong", "writer").await;
    let same = kim.key(&atlas, "same", "keeper").await;
    g.unchanged(async || {
        for role in ["writer", "admin", "reader"] {
            let body = json!({"name": "x", "role": role});
            kim.post(&atlas.url("/api-keys"), body.clone()).await.refused(403, "forbidden");
            same.post(&atlas.url("/api-keys"), body).await.refused(403, "forbidden");
        }
        // Nor do they get hold of one: whoever rotates gets the secret.
        kim.post(&url(&atlas, &strong, "/rotate"), json!({})).await.refused(403, "forbidden");
        same.post(&url(&atlas, &strong, "/rotate"), json!({})).await.refused(403, "forbidden");
    })
    .await;
    kim.post(&url(&atlas, &same, "/rotate"), json!({})).await.ok();
    // Ending it gives nobody anything.
    kim.delete(&url(&atlas, &strong, "")).await.done();

    // What a key was granted below counts, too: Vault lets lin not in, and the key is at home there.
    ada.grant_by_registry(&atlas, &ada, "admin").await;
    let vault = ada.space("Vault").under(&atlas).sealed().create().await;
    let both = lin.key(&atlas, "both", "writer").await;
    ada.post(&vault.url("/grants"), json!({"principal": both.principal(), "role": "reader"})).await.created();
    both.get(&vault.url("")).await.ok();
    g.unchanged(async || lin.post(&url(&atlas, &both, "/rotate"), json!({})).await.refused(403, "forbidden")).await;
    ada.post(&url(&atlas, &both, "/rotate"), json!({})).await.ok();
}

async fn a_key_manages_keys_only_as_an_administrator(g: Garth) {
    let World { lin, atlas, .. } = world(&g).await;
    let boss = lin.key(&atlas, "boss", "admin").await;
    g.pass(SECOND);
    let made = boss.key(&atlas, "made", "writer").await;
    let listed = boss.get(&atlas.url("/api-keys")).await.ok();
    assert_eq!(listed.names(), ["boss", "made"]);
    assert_eq!(listed.each("created_by"), [lin.principal(), boss.principal()]);
    boss.post(&url(&atlas, &made, "/rotate"), json!({})).await.ok();
    made.get(&atlas.url("")).await.not_signed_in();
    boss.delete(&url(&atlas, &made, "")).await.done();
    let own = boss.post(&url(&atlas, &boss, "/rotate"), json!({})).await.ok();
    boss.get(&atlas.url("")).await.not_signed_in();
    boss.with_token(&own.text("secret")).get(&atlas.url("")).await.ok();
}

async fn a_key_cannot_outlive_the_key_that_makes_it(g: Garth) {
    let World { lin, atlas, .. } = world(&g).await;
    let end = g.time_in(100 * SECOND);
    let body = json!({"name": "boss", "role": "admin", "expires_at": end});
    let made = lin.post(&atlas.url("/api-keys"), body).await.created();
    let boss = Person { id: made.id(), ..lin.with_token(&made.text("secret")) };
    let other = lin.key(&atlas, "other", "reader").await;
    g.unchanged(async || {
        for later in [Value::Null, json!(g.time_in(101 * SECOND))] {
            let body = json!({"name": "x", "role": "reader", "expires_at": later});
            boss.post(&atlas.url("/api-keys"), body).await.invalid("/expires_at");
        }
        boss.post(&url(&atlas, &other, "/rotate"), json!({})).await.refused(403, "forbidden");
    })
    .await;
    let body = json!({"name": "x", "role": "reader", "expires_at": end});
    boss.post(&atlas.url("/api-keys"), body).await.created();
    boss.post(&url(&atlas, &boss, "/rotate"), json!({})).await.ok();
}

async fn a_rotated_secret_dies_at_once(g: Garth) {
    let World { lin, atlas, .. } = world(&g).await;
    let app = lin.key(&atlas, "ci", "reader").await;
    let new = lin.post(&url(&atlas, &app, "/rotate"), json!({})).await.ok();
    assert_eq!((new.id(), &new["old_secret_until"]), (app.id.clone(), &Value::Null));
    app.get(&atlas.url("")).await.not_signed_in();
    let app = app.with_token(&new.text("secret"));
    app.get(&atlas.url("")).await.ok();
    g.restart().await;
    app.get(&atlas.url("")).await.ok();
}

async fn a_rotated_secret_lives_for_its_grace(g: Garth) {
    let World { lin, atlas, .. } = world(&g).await;
    let first = lin.key(&atlas, "ci", "reader").await;
    let rotate = url(&atlas, &first, "/rotate");
    g.unchanged(async || {
        for wrong in [-1, 604_801, i64::MAX] {
            lin.post(&rotate, json!({"grace_seconds": wrong})).await.invalid("/grace_seconds");
        }
        lin.post(&rotate, json!({"grace_seconds": "1"})).await.invalid("/grace_seconds");
        lin.post(&rotate, json!({"grace": 1})).await.invalid("/grace");
    })
    .await;
    let new = lin.post(&rotate, json!({"grace_seconds": 604_800})).await.ok();
    assert_eq!(new["old_secret_until"], g.time_in(604_800 * SECOND));
    let second = first.with_token(&new.text("secret"));
    g.restart().await;
    g.pass(604_800 * SECOND - 1);
    first.get(&atlas.url("")).await.ok();
    second.get(&atlas.url("")).await.ok();
    g.pass(1);
    first.get(&atlas.url("")).await.not_signed_in();
    second.get(&atlas.url("")).await.ok();
    // Of three secrets two live at most.
    let lin = lin.sign_in("lin").await;
    let third = lin.post(&rotate, json!({"grace_seconds": 60})).await.ok();
    let fourth = lin.post(&rotate, json!({"grace_seconds": 60})).await.ok();
    second.get(&atlas.url("")).await.not_signed_in();
    for live in [third, fourth] {
        first.with_token(&live.text("secret")).get(&atlas.url("")).await.ok();
    }
}

async fn n48_a_secret_in_its_grace_makes_nothing_that_outlives_it(g: Garth) {
    let World { lin, atlas, .. } = world(&g).await;
    let (old, other) = (lin.key(&atlas, "ci", "admin").await, lin.key(&atlas, "other", "reader").await);
    let new = lin.post(&url(&atlas, &old, "/rotate"), json!({"grace_seconds": 600})).await.ok();
    let new = old.with_token(&new.text("secret"));
    let keys = atlas.url("/api-keys");
    let wanted = |end: Option<String>| json!({"name": "next", "role": "reader", "expires_at": end});
    g.unchanged(async || {
        old.post(&url(&atlas, &old, "/rotate"), json!({})).await.refused(403, "forbidden");
        old.post(&url(&atlas, &other, "/rotate"), json!({})).await.refused(403, "forbidden");
        old.post(&keys, wanted(None)).await.invalid("/expires_at");
        old.post(&keys, wanted(Some(g.time_in(600 * SECOND + 1)))).await.invalid("/expires_at");
    })
    .await;
    old.post(&keys, wanted(Some(g.time_in(600 * SECOND)))).await.created();
    new.post(&keys, wanted(None)).await.created();
    new.post(&url(&atlas, &old, "/rotate"), json!({})).await.ok();
}

async fn n34_a_revoked_key_is_refused_at_once(g: Garth) {
    let World { lin, atlas, task, .. } = world(&g).await;
    for round in 0..5 {
        let app = lin.key(&atlas, &format!("ci {round}"), "writer").await;
        app.get(&task.url("")).await.ok();
        lin.delete(&url(&atlas, &app, "")).await.done();
        let question = app.question("read", "task", &task.id);
        for answer in [
            app.get(&task.url("")).await,
            app.get("/api/v1/resources").await,
            app.get("/api/v1/setup").await,
            app.get("/.well-known/authzen-configuration").await,
            app.post("/access/v1/evaluation", question.clone()).await,
            app.post("/access/v1/evaluations", question.clone()).await,
            app.post("/api/v1/explain", question).await,
            app.patch(&task.url(""), json!({"name": "x"})).await,
        ] {
            if answer.path != "/.well-known/authzen-configuration" {
                answer.not_signed_in();
            }
        }
        lin.delete(&url(&atlas, &app, "")).await.refused(404, "not_found");
        lin.get(&url(&atlas, &app, "")).await.refused(404, "not_found");
    }
    assert!(g.rows("api_keys").await.is_empty());
    let left = lin.get(&atlas.url("/grants")).await.ok();
    assert!(left.each("principal").iter().all(|who| who.starts_with("user:")), "{left}");
}

async fn n37_a_revoked_key_stays_revoked_after_a_restart(g: Garth) {
    let World { lin, atlas, .. } = world(&g).await;
    let (gone, stays) = (lin.key(&atlas, "gone", "reader").await, lin.key(&atlas, "stays", "reader").await);
    lin.delete(&url(&atlas, &gone, "")).await.done();
    g.restart().await;
    gone.get(&atlas.url("")).await.not_signed_in();
    stays.get(&atlas.url("")).await.ok();
}

async fn n54_only_the_exact_secret_is_a_credential(g: Garth) {
    let World { lin, atlas, .. } = world(&g).await;
    let app = lin.key(&atlas, "ci", "reader").await;
    let secret = app.token.clone().expect("a secret");
    let session = lin.token.clone().expect("a token");
    for wrong in [
        secret[..secret.len() - 1].to_owned(),
        format!("{secret}0"),
        format!("{secret} "),
        format!(" {secret}"),
        format!("{secret}, {secret}"),
        secret.to_uppercase(),
        secret.replacen("gk_", "GK_", 1),
        secret.replacen("gk_", "gs_", 1),
        secret.replacen("gk_", "", 1),
        session.replacen("gs_", "gk_", 1),
        secret.replacen('_', "%5f", 1),
        secret[..9].to_owned(),
        app.id.clone(),
        app.principal(),
        "gk_".to_owned(),
    ] {
        app.with_token(&wrong).get(&atlas.url("")).await.not_signed_in();
    }
    let query = format!("/api/v1/spaces?access_token={secret}");
    g.anonymous().get(&query).await.not_signed_in();
    for scheme in ["Basic", "Token", "Bearer:", "ApiKey"] {
        let call = g.anonymous().get(&atlas.url("")).header("authorization", &format!("{scheme} {secret}"));
        call.await.not_signed_in();
    }
    g.anonymous().get(&atlas.url("")).header("authorization", &format!("bearer {secret}")).await.ok();
}

async fn an_expired_key_is_refused(g: Garth) {
    let World { lin, atlas, .. } = world(&g).await;
    g.unchanged(async || {
        for past in [g.time_in(0), g.time_in(-SECOND), "soon".to_owned()] {
            let body = json!({"name": "x", "role": "reader", "expires_at": past});
            lin.post(&atlas.url("/api-keys"), body).await.invalid("/expires_at");
        }
    })
    .await;
    let body = json!({"name": "ci", "role": "reader", "expires_at": g.time_in(60 * SECOND)});
    let made = lin.post(&atlas.url("/api-keys"), body).await.created();
    let app = Person { id: made.id(), ..lin.with_token(&made.text("secret")) };
    g.pass(60 * SECOND - 1);
    app.get(&atlas.url("")).await.ok();
    g.pass(1);
    app.get(&atlas.url("")).await.not_signed_in();
    app.get("/api/v1/setup").await.not_signed_in();
    lin.post(&url(&atlas, &app, "/rotate"), json!({})).await.refused(409, "conflict");
    lin.delete(&url(&atlas, &app, "")).await.done();
}

async fn a_key_stops_while_its_space_is_archived(g: Garth) {
    let World { ada, lin, atlas, .. } = world(&g).await;
    ada.grant_by_registry(&atlas, &ada, "admin").await;
    let below = ada.space("Below").under(&atlas).admin(&lin).create().await;
    let (top, low) = (lin.key(&atlas, "top", "reader").await, lin.key(&below, "low", "reader").await);
    top.get(&below.url("")).await.ok();
    lin.post(&below.url("/archive"), json!({})).await.ok();
    low.get(&below.url("")).await.not_signed_in();
    top.get(&below.url("")).await.ok();
    let new = json!({"name": "x", "role": "reader"});
    g.unchanged(async || lin.post(&below.url("/api-keys"), new).await.refused(409, "archived")).await;
    lin.post(&below.url("/activate"), json!({})).await.ok();
    low.get(&below.url("")).await.ok();
    lin.post(&atlas.url("/archive"), json!({})).await.ok();
    for key in [&top, &low] {
        key.get("/api/v1/spaces").await.not_signed_in();
    }
    lin.post(&atlas.url("/activate"), json!({})).await.ok();
    low.get(&below.url("")).await.ok();
}

async fn a_key_goes_with_its_space(g: Garth) {
    let World { ada, lin, atlas, task } = world(&g).await;
    ada.grant_by_registry(&atlas, &ada, "admin").await;
    let below = ada.space("Below").under(&atlas).admin(&lin).admin(&ada).create().await;
    let app = lin.key(&atlas, "ci", "reader").await;
    lin.grant(&below, &app, "writer").await;
    // Below moves out of reach, with a grant to the key that counts for nothing there.
    ada.patch(&below.url(""), json!({"parent": null})).await.ok();
    app.get(&below.url("")).await.refused(404, "not_found");
    lin.post(&atlas.url("/archive"), json!({})).await.ok();
    lin.delete(&atlas.url("?confirm=Atlas")).await.done();
    app.get(&task.url("")).await.not_signed_in();
    assert!(g.rows("api_keys").await.is_empty() && g.rows("api_key_last_used").await.is_empty());
    assert!(g.rows("grants").await.iter().all(|row| !row.contains(&app.principal())));
    g.restart().await;
    app.get(&task.url("")).await.not_signed_in();
}

async fn a_key_stays_when_its_maker_goes(g: Garth) {
    let World { ada, lin, atlas, .. } = world(&g).await;
    let kim = g.person("kim").await;
    lin.post(&atlas.url("/grants"), json!({"principal": "user:@kim", "role": "admin"})).await.refused(422, "invalid");
    ada.grant_by_registry(&atlas, &kim, "admin").await;
    let app = kim.key(&atlas, "ci", "writer").await;
    ada.delete(&format!("/api/v1/users/{}", kim.id)).await.done();
    app.get(&atlas.url("")).await.ok();
    assert_eq!(lin.get(&url(&atlas, &app, "")).await.ok()["created_by"], kim.principal());
    g.restart().await;
    app.get(&atlas.url("")).await.ok();
}

async fn a_role_that_a_key_carries_is_in_use(g: Garth) {
    let World { ada, lin, atlas, .. } = world(&g).await;
    let role = ada.role("triage", &["task:read"]).await;
    let app = lin.key(&atlas, "ci", "triage").await;
    g.unchanged(async || ada.delete(&role.url("")).await.refused(409, "conflict")).await;
    // What the role becomes counts for the key at once.
    ada.patch(&role.url(""), json!({"permissions": ["task:read", "task:write"]})).await.ok();
    app.resource("task", "New").create().await;
    lin.delete(&url(&atlas, &app, "")).await.done();
    ada.delete(&role.url("")).await.done();
}

async fn the_role_of_a_key_is_not_revoked_as_a_grant(g: Garth) {
    let World { ada, lin, atlas, .. } = world(&g).await;
    let app = lin.key(&atlas, "ci", "writer").await;
    let grants = lin.get(&atlas.url("/grants")).await.ok().items();
    let own = grants.iter().find(|grant| grant["principal"] == app.principal()).expect("a grant");
    let id = own["id"].as_str().expect("an id");
    g.unchanged(async || {
        for door in [atlas.url("/grants"), format!("/api/v1/registry/spaces/{}/grants", atlas.id)] {
            let by = if door.contains("registry") { &ada } else { &lin };
            by.delete(&format!("{door}/{id}")).await.refused(409, "conflict");
            by.patch(&format!("{door}/{id}"), json!({"role": "admin"})).await.refused(409, "conflict");
            by.patch(&format!("{door}/{id}"), json!({"expires_at": null})).await.refused(409, "conflict");
        }
    })
    .await;
    // A further grant is a grant like any other.
    let more = lin.grant(&atlas, &app, "admin").await;
    app.get(&atlas.url("/api-keys")).await.ok();
    lin.revoke(&atlas, &more).await;
    app.get(&atlas.url("/api-keys")).await.refused(403, "forbidden");
}

async fn what_is_no_key_is_refused(g: Garth) {
    let World { lin, atlas, .. } = world(&g).await;
    g.unchanged(async || {
        for (body, pointer) in [
            (json!({"role": "reader"}), "/name"),
            (json!({"name": "", "role": "reader"}), "/name"),
            (json!({"name": "x".repeat(256), "role": "reader"}), "/name"),
            (json!({"name": "x"}), "/role"),
            (json!({"name": "x", "role": "king"}), "/role"),
            (json!({"name": "x", "role": "reader", "secret": "gk_mine"}), "/secret"),
        ] {
            lin.post(&atlas.url("/api-keys"), body).await.invalid(pointer);
        }
        let none = atlas.url(&format!("/api-keys/{}", strange(&atlas.id)));
        lin.get(&none).await.refused(404, "not_found");
        lin.delete(&none).await.refused(404, "not_found");
        lin.post(&format!("{none}/rotate"), json!({})).await.refused(404, "not_found");
    })
    .await;
}

async fn a_key_is_on_record_as_actor_and_credential(g: Garth) {
    let World { lin, atlas, task, .. } = world(&g).await;
    let app = lin.key(&atlas, "ci", "writer").await;
    g.pass(SECOND);
    app.patch(&task.url(""), json!({"name": "Fixed"})).await.ok();
    g.pass(SECOND);
    app.post(&atlas.url("/api-keys"), json!({"name": "x", "role": "reader"})).await.refused(403, "forbidden");
    let end = g.time_in(60 * SECOND);
    lin.post(&url(&atlas, &app, "/rotate"), json!({"grace_seconds": 60})).await.ok();
    g.pass(SECOND);
    lin.delete(&url(&atlas, &app, "")).await.done();
    let record = lin.get(&atlas.url(&format!("/audit?actor={}", app.principal()))).await.ok();
    assert_eq!(record.each("action"), ["key.create", "resource.update"]);
    assert_eq!(record.each("outcome"), ["refused", "done"]);
    assert!(record.each("credential").iter().all(|credential| *credential == app.principal()), "{record}");
    let life = lin.get(&atlas.url(&format!("/audit?target={}", app.id))).await.ok();
    assert_eq!(life.each("action"), ["key.delete", "key.rotate", "key.create"]);
    assert!(life.items().iter().all(|entry| entry["target"]["type"] == "key"), "{life}");
    let rotated = &life.items()[1];
    assert_eq!(rotated["after"]["old_secret_until"], end, "{rotated}");
    assert_ne!(rotated["before"]["prefix"], rotated["after"]["prefix"]);
}

async fn the_last_use_is_noted_without_a_write_each(g: Garth) {
    let World { lin, atlas, .. } = world(&g).await;
    let app = lin.key(&atlas, "ci", "reader").await;
    let gone = lin.key(&atlas, "gone", "reader").await;
    let used = json!(g.time_in(0));
    // To a minute: what comes soon after is not noted, and costs nothing.
    for _ in 0..3 {
        app.get(&atlas.url("")).await.ok();
        gone.get(&atlas.url("")).await.ok();
        g.pass(20 * SECOND - 1);
    }
    assert!(g.rows("api_key_last_used").await.is_empty(), "nothing is written while a request is answered");
    assert_eq!(lin.get(&url(&atlas, &app, "")).await.ok()["last_used_at"], used);
    // A key that is gone when its last use is written down is no obstacle.
    lin.delete(&url(&atlas, &gone, "")).await.done();
    g.restart().await;
    assert_eq!(g.rows("api_key_last_used").await.len(), 1);
    assert_eq!(lin.get(&url(&atlas, &app, "")).await.ok()["last_used_at"], used);
    app.get(&atlas.url("")).await.ok();
    assert_eq!(lin.get(&url(&atlas, &app, "")).await.ok()["last_used_at"], used);
    g.pass(3);
    app.get(&atlas.url("")).await.ok();
    let again = json!(g.time_in(0));
    g.app().flush_uses().await.expect("written");
    g.restart().await;
    assert_eq!(lin.get(&url(&atlas, &app, "")).await.ok()["last_used_at"], again);
}
