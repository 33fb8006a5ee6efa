//! Stories about keys that have been there for a while: found, renamed, ended sooner or later, used now and then, and
//! left behind by whoever made them.

use super::{World, url, world};
use crate::support::*;

stories! {
    keys_are_found_by_how_their_secret_begins,
    a_key_is_renamed_and_ends_at_another_time,
    n48_nobody_makes_a_key_last_longer_who_could_not_make_it,
    the_grace_of_an_old_secret_is_cut_short,
    n52_a_key_stays_as_it_is_when_its_maker_goes_and_the_list_says_so,
    who_made_a_key_is_told_as_the_members_are,
    a_last_use_that_cannot_be_written_worries_nobody,
}

async fn keys_are_found_by_how_their_secret_begins(g: Garth) {
    let World { lin, atlas, .. } = world(&g).await;
    let ci = lin.key(&atlas, "ci", "reader").await;
    g.pass(SECOND);
    let app = lin.key(&atlas, "app", "reader").await;
    let keys = atlas.url("/api-keys");
    let named = async |begins: &str| lin.get(&format!("{keys}?prefix={begins}")).await.ok().names();
    let begins = |key: &Person| key.token.as_ref().expect("a secret")[..9].to_owned();
    assert_eq!(named(&begins(&ci)).await, ["ci"]);
    assert_eq!(named(&begins(&app)).await, ["app"]);
    assert_eq!(named("gk_").await, ["ci", "app"]);
    assert_eq!(named("").await, ["ci", "app"]);
    // What stands for anything elsewhere stands for itself, and a letter is not its other case.
    for other in ["gk%25", "%25", "gkx", "GK_", "gk_%25", "k_"] {
        assert_eq!(named(other).await, [""; 0], "{other}");
    }
    assert_eq!(lin.all_pages(&format!("{keys}?prefix=gk_"), 1).await.len(), 2);
    let next = lin.get(&format!("{keys}?prefix=gk_&limit=1")).await.ok().text("next");
    lin.get(&format!("{keys}?prefix=gk&limit=1&cursor={}", percent(&next))).await.invalid("?cursor");
    // A secret is not for an address: as much as is kept of it finds it.
    let whole = lin.get(&format!("{keys}?prefix={}", ci.token.as_ref().expect("a secret"))).await.invalid("?prefix");
    assert!(!String::from_utf8_lossy(&whole.bytes).contains(&begins(&ci)), "{whole}");
    lin.get(&format!("{keys}?prefix={}x", begins(&ci))).await.invalid("?prefix");
    // The one that still works after a rotation is found as well.
    let rotated = lin.post(&url(&atlas, &ci, "/rotate"), json!({"grace_seconds": 60})).await.ok();
    assert_eq!(rotated["old_prefix"], begins(&ci));
    for begins in [begins(&ci), rotated.text("prefix")] {
        assert_eq!(named(&begins).await, ["ci"]);
    }
    lin.post(&url(&atlas, &ci, "/rotate"), json!({})).await.ok();
    assert_eq!(named(&begins(&ci)).await, [""; 0]);
    // Others learn nothing by it.
    let eve = g.person("eve").await;
    eve.get(&format!("{keys}?prefix=gk_")).await.refused(404, "not_found");
    app.get(&format!("{keys}?prefix=gk_")).await.refused(403, "forbidden");
}

async fn a_key_is_renamed_and_ends_at_another_time(g: Garth) {
    let World { lin, atlas, .. } = world(&g).await;
    let app = lin.key(&atlas, "ci", "writer").await;
    let key = url(&atlas, &app, "");
    let same = lin.patch(&key, json!({})).await.ok();
    assert_eq!((&same["name"], &same["expires_at"], &same["secret"]), (&json!("ci"), &Value::Null, &Value::Null));
    assert_eq!(lin.patch(&key, json!({"name": " nightly "})).await.ok()["name"], "nightly");
    let (soon, later) = (g.time_in(60 * SECOND), g.time_in(120 * SECOND));
    g.unchanged(async || {
        lin.patch(&format!("{key}?dry_run=true"), json!({"expires_at": soon})).await.ok();
        for (body, pointer) in [
            (json!({"name": ""}), "/name"),
            (json!({"name": null}), "/name"),
            (json!({"name": "x".repeat(256)}), "/name"),
            (json!({"expires_at": g.time_in(0)}), "/expires_at"),
            (json!({"expires_at": "soon"}), "/expires_at"),
            (json!({"old_secret_until": soon}), "/old_secret_until"),
            (json!({"old_secret_until": "soon"}), "/old_secret_until"),
            (json!({"role": "admin"}), "/role"),
            (json!({"secret": "gk_mine"}), "/secret"),
        ] {
            lin.patch(&key, body).await.invalid(pointer);
        }
        lin.patch(&strange(&key), json!({"name": "x"})).await.refused(404, "not_found");
        app.patch(&key, json!({"name": "x"})).await.refused(403, "forbidden");
        g.anonymous().patch(&key, json!({"name": "x"})).await.not_signed_in();
    })
    .await;
    assert_eq!(lin.patch(&key, json!({"expires_at": soon})).await.ok()["expires_at"], soon);
    // Its role ends with it, in the list of grants too.
    let grants = lin.get(&atlas.url("/grants")).await.ok().items();
    let own = grants.iter().find(|grant| grant["principal"] == app.principal()).expect("a grant");
    assert_eq!(own["expires_at"], soon);
    g.restart().await;
    g.pass(60 * SECOND - 1);
    app.get(&atlas.url("")).await.ok();
    assert_eq!(lin.patch(&key, json!({"expires_at": later})).await.ok()["expires_at"], later);
    g.pass(1);
    app.get(&atlas.url("")).await.ok();
    app.resource("task", "New").create().await;
    g.pass(60 * SECOND);
    app.get(&atlas.url("")).await.not_signed_in();
    // What has ended stays ended; it can still be told apart.
    g.unchanged(async || {
        for end in [Value::Null, json!(g.time_in(SECOND))] {
            lin.patch(&key, json!({"expires_at": end})).await.refused(409, "conflict");
        }
    })
    .await;
    lin.patch(&key, json!({"name": "was nightly"})).await.ok();
    let record = lin.get(&atlas.url("/audit?action=key.update")).await.ok().items();
    let ends: Vec<_> = record.iter().filter(|entry| entry["target"]["type"] == "key").collect();
    assert_eq!(ends.len(), 4, "{record:?}");
    assert_eq!((&ends[1]["before"]["expires_at"], &ends[1]["after"]["expires_at"]), (&json!(soon), &json!(later)));
}

async fn n48_nobody_makes_a_key_last_longer_who_could_not_make_it(g: Garth) {
    let World { ada, lin, atlas, .. } = world(&g).await;
    let kim = g.person("kim").await;
    ada.role("keeper", &["space:admin", "task:read"]).await;
    ada.grant_by_registry(&atlas, &kim, "keeper").await;
    let strong = lin.key(&atlas, "strong", "writer").await;
    let key = url(&atlas, &strong, "");
    // Sooner is for whoever manages keys.
    let (end, sooner, later) = (g.time_in(100 * SECOND), g.time_in(50 * SECOND), g.time_in(101 * SECOND));
    kim.patch(&key, json!({"expires_at": end, "name": "strong, not for long"})).await.ok();
    let boss = json!({"name": "boss", "role": "admin", "expires_at": end});
    let made = lin.post(&atlas.url("/api-keys"), boss).await.created();
    let boss = Person { id: made.id(), ..lin.with_token(&made.text("secret")) };
    g.unchanged(async || {
        for longer in [Value::Null, json!(later)] {
            kim.patch(&key, json!({"expires_at": longer})).await.refused(403, "forbidden");
            // Nor does a key put its own end off, or another's beyond it.
            boss.patch(&key, json!({"expires_at": longer})).await.invalid("/expires_at");
            boss.patch(&url(&atlas, &boss, ""), json!({"expires_at": longer})).await.invalid("/expires_at");
        }
    })
    .await;
    boss.patch(&key, json!({"expires_at": sooner})).await.ok();
    boss.patch(&key, json!({"expires_at": end})).await.ok();
    lin.patch(&key, json!({"expires_at": null})).await.ok();
    kim.patch(&key, json!({"expires_at": end})).await.ok();
    // A key of another space is missing, whatever is to change.
    let plain = ada.space("Foo").admin(&lin).create().await;
    g.unchanged(async || {
        lin.patch(&url(&plain, &strong, ""), json!({"name": "x"})).await.refused(404, "not_found");
    })
    .await;
}

async fn the_grace_of_an_old_secret_is_cut_short(g: Garth) {
    let World { lin, atlas, .. } = world(&g).await;
    let old = lin.key(&atlas, "ci", "reader").await;
    let key = url(&atlas, &old, "");
    let rotated = lin.post(&url(&atlas, &old, "/rotate"), json!({"grace_seconds": 600})).await.ok();
    let new = old.with_token(&rotated.text("secret"));
    g.unchanged(async || {
        for wrong in [g.time_in(601 * SECOND), g.time_in(0)] {
            lin.patch(&key, json!({"old_secret_until": wrong})).await.invalid("/old_secret_until");
        }
    })
    .await;
    let soon = g.time_in(60 * SECOND);
    assert_eq!(lin.patch(&key, json!({"old_secret_until": soon})).await.ok()["old_secret_until"], soon);
    g.pass(60 * SECOND - 1);
    old.get(&atlas.url("")).await.ok();
    let ended = lin.patch(&key, json!({"old_secret_until": null})).await.ok();
    assert_eq!((&ended["old_secret_until"], &ended["old_prefix"]), (&Value::Null, &Value::Null));
    old.get(&atlas.url("")).await.not_signed_in();
    new.get(&atlas.url("")).await.ok();
    g.restart().await;
    old.get(&atlas.url("")).await.not_signed_in();
    new.get(&atlas.url("")).await.ok();
}

/// What the list says of whoever made that key.
async fn creator(by: &Person, space: &Thing, key: &Person) -> String {
    by.get(&url(space, key, "")).await.ok().text("creator")
}

async fn n52_a_key_stays_as_it_is_when_its_maker_goes_and_the_list_says_so(g: Garth) {
    let World { ada, lin, atlas, task } = world(&g).await;
    let (kim, bo, mia) = (g.person("kim").await, g.person("bo").await, g.person("mia").await);
    let mut made = Vec::new();
    for who in [&kim, &bo, &mia] {
        ada.grant_by_registry(&atlas, who, "admin").await;
        made.push(who.key(&atlas, &who.username, "reader").await);
    }
    let [of_kim, of_bo, of_mia] = &made[..] else { panic!("three keys") };
    // It never had what its maker has, and gets none of it when they go.
    let unmoved = async |app: &Person| {
        app.get(&task.url("")).await.ok();
        app.patch(&task.url(""), json!({"name": "x"})).await.refused(403, "forbidden");
        app.get(&atlas.url("/api-keys")).await.refused(403, "forbidden");
    };
    for app in &made {
        assert_eq!(creator(&lin, &atlas, app).await, "administrator");
        unmoved(app).await;
    }
    // Kim manages keys no more, then leaves; Bo is disabled; Mia is deleted.
    let grants = lin.get(&atlas.url("/grants")).await.ok().items();
    let own = grants.iter().find(|grant| grant["principal"] == kim.principal()).expect("a grant");
    let own = atlas.url(&format!("/grants/{}", own["id"].as_str().expect("an id")));
    lin.patch(&own, json!({"role": "reader"})).await.ok();
    assert_eq!(creator(&lin, &atlas, of_kim).await, "member");
    kim.post(&atlas.url("/leave"), json!({})).await.done();
    ada.patch(&format!("/api/v1/users/{}", bo.id), json!({"disabled": true})).await.ok();
    ada.delete(&format!("/api/v1/users/{}", mia.id)).await.done();
    g.restart().await;
    for app in &made {
        assert_eq!(creator(&lin, &atlas, app).await, "gone");
        unmoved(app).await;
    }
    // Whose account it was makes no difference that an administrator of the space could see.
    let told: Vec<Value> = lin.get(&atlas.url("/api-keys")).await.ok().items();
    assert!(told.iter().all(|key| key["creator"] == "gone" && key["disabled"] == false), "{told:?}");
    ada.patch(&format!("/api/v1/users/{}", bo.id), json!({"disabled": false})).await.ok();
    assert_eq!(creator(&lin, &atlas, of_bo).await, "administrator");
    lin.delete(&url(&atlas, of_mia, "")).await.done();
    of_mia.get(&task.url("")).await.not_signed_in();
}

async fn who_made_a_key_is_told_as_the_members_are(g: Garth) {
    let World { ada, lin, atlas, .. } = world(&g).await;
    // By a key: as long as that one works and manages keys.
    let boss = lin.key(&atlas, "boss", "admin").await;
    let made = boss.key(&atlas, "made", "reader").await;
    assert_eq!(creator(&lin, &atlas, &made).await, "administrator");
    lin.delete(&url(&atlas, &boss, "")).await.done();
    assert_eq!(creator(&lin, &atlas, &made).await, "gone");
    made.get(&atlas.url("")).await.ok();
    // By a group, and by a grant that ends.
    let (bo, kim) = (g.person("bo").await, g.person("kim").await);
    let crew = ada.group("crew", &[&bo]).await;
    ada.grant_by_registry(&atlas, &crew, "admin").await;
    let of_bo = bo.key(&atlas, "bo's", "reader").await;
    let grant = json!({"principal": kim.principal(), "role": "admin", "expires_at": g.time_in(60 * SECOND)});
    ada.post(&format!("/api/v1/registry/spaces/{}/grants", atlas.id), grant).await.created();
    let of_kim = kim.key(&atlas, "kim's", "reader").await;
    assert_eq!(creator(&lin, &atlas, &of_kim).await, "administrator");
    g.pass(60 * SECOND);
    assert_eq!(creator(&lin, &atlas, &of_kim).await, "gone");
    of_kim.get(&atlas.url("")).await.ok();
    assert_eq!(creator(&lin, &atlas, &of_bo).await, "administrator");
    ada.delete(&crew.url(&format!("/members/{}", bo.principal()))).await.done();
    assert_eq!(creator(&lin, &atlas, &of_bo).await, "gone");
}

async fn a_last_use_that_cannot_be_written_worries_nobody(g: Garth) {
    let World { lin, atlas, .. } = world(&g).await;
    let app = lin.key(&atlas, "ci", "reader").await;
    app.get(&atlas.url("")).await.ok();
    let used = json!(g.time_in(0));
    app.post(&atlas.url("/api-keys"), json!({"name": "x", "role": "reader"})).await.refused(403, "forbidden");
    g.meddle("ALTER TABLE api_key_last_used RENAME TO lost_for_a_while").await;
    // No WARN: the story would fail by one. What else waits is written all the same, and requests are answered.
    g.app().flush_uses().await.expect_err("there is no such table");
    g.app().flush_refusals().await.expect("written");
    app.get(&atlas.url("")).await.ok();
    let refused = lin.get(&atlas.url("/audit?outcome=refused")).await.ok();
    assert_eq!(refused.each("action"), ["key.create"]);
    assert_eq!(lin.get(&url(&atlas, &app, "")).await.ok()["last_used_at"], used);
    g.meddle("ALTER TABLE lost_for_a_while RENAME TO api_key_last_used").await;
    // It was kept, and is tried again.
    g.app().flush_uses().await.expect("written");
    assert_eq!(g.rows("api_key_last_used").await.len(), 1);
    g.app().flush_uses().await.expect("nothing to write");
    g.restart().await;
    assert_eq!(lin.get(&url(&atlas, &app, "")).await.ok()["last_used_at"], used);
}
