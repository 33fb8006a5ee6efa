//! Stories about secrets and the keys they lie under: what nobody is ever told, and keys that are exchanged.

use crate::support::*;
use garth_server::access::{Ctx, chains, check_chain};
use garth_server::base::secrets::Vault;
use garth_server::base::told;
use garth_server::rotation;
use std::sync::Arc;

stories! {
    n74_a_secret_is_in_no_answer,
    what_a_schema_says_of_a_secret_tells_nothing_of_it,
    what_became_secret_is_hidden_in_the_record,
    a_deleted_space_leaves_no_key,
    the_installations_key_is_exchanged_beside_everything_else,
    an_exchange_that_was_cut_off_is_brought_to_its_end_or_taken_back,
    whoever_has_the_former_key_cannot_write_the_record,
    the_key_of_a_space_is_exchanged_in_parts,
    an_exchange_of_a_spaces_key_goes_on_where_it_stopped,
    only_the_command_line_exchanges_keys,
}

const SECRET: &str = "swordfish-4711";

/// Atlas and Beta of lin's, and a kind with a secret.
async fn office(g: &Garth) -> (Person, Person, Thing, Thing) {
    let ada = g.admin().await;
    g.closed_home().await;
    let lin = g.person("lin").await;
    let schema = json!({"type": "object", "properties": {"code": {"type": "string", "maxLength": 40}}});
    ada.kind_with("door", json!({"secret_fields": ["/code"], "schema": schema})).await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    let beta = ada.space("Beta").admin(&lin).create().await;
    (ada, lin, atlas, beta)
}

/// The secret opens: it is sealed anew for another space, and for this one again.
async fn opens(lin: &Person, door: &Thing, here: &Thing, there: &Thing) {
    lin.post(&door.url("/move"), json!({"space": there.id})).await.ok();
    lin.post(&door.url("/move"), json!({"space": here.id})).await.ok();
}

async fn wrong(g: &Garth) -> Vec<String> {
    let app = g.app();
    let mut wrong = Vec::new();
    for space in chains(&app.db).await.expect("the chains") {
        let report = check_chain(&app.db, app.directory().vault.audit_keys(), &space).await.expect("a report");
        wrong.extend(report.wrong);
    }
    wrong
}

async fn n74_a_secret_is_in_no_answer(g: Garth) {
    let (ada, lin, atlas, beta) = office(&g).await;
    let body = json!({"kind": "door", "name": "Back", "space": atlas.id, "body": {"code": SECRET, "note": "x"}});
    let resources = "/api/v1/resources";
    let mut answers = vec![
        lin.post(&format!("{resources}?dry_run=true"), body.clone()).await,
        lin.post(resources, body.clone()).header("idempotency-key", "one").await,
        lin.post(resources, body.clone()).header("idempotency-key", "one").await,
        lin.post(&format!("{resources}/batch"), json!({"resources": [body]})).await,
    ];
    let door = format!("{resources}/{}", answers[1].id());
    let long = SECRET.repeat(9);
    answers.extend([
        lin.get(&door).await,
        lin.get(&format!("{resources}?space={}&q=Back", atlas.id)).await,
        lin.get(&format!("{resources}?q={SECRET}")).await,
        lin.patch(&door, json!({"name": "Front"})).await,
        lin.patch(&door, json!({"body": {"code": format!("{SECRET}, again")}})).await,
        lin.patch(&door, json!({"body": {"code": {"secret": true}, "note": "y"}})).await,
        lin.patch(&door, json!({"body": {"code": long}})).await,
        lin.patch(&door, json!({"body": {"code": [SECRET]}})).await,
        lin.patch(&door, json!({"body": {"code": {SECRET: SECRET}}})).await,
        lin.post(&format!("{door}/move"), json!({"space": beta.id})).await,
        lin.post(&format!("{door}/move"), json!({"space": atlas.id})).await,
        lin.post(&format!("{door}/archive"), json!({})).await,
        lin.post("/api/v1/explain", lin.question("read", "door", door.rsplit('/').next().expect("an id"))).await,
        lin.get(&atlas.url("/audit")).await,
        lin.get(&beta.url("/audit")).await,
        ada.get("/api/v1/audit").await,
        lin.get(&atlas.url("/export")).await,
    ]);
    for answer in &answers {
        assert!(!String::from_utf8_lossy(&answer.bytes).contains(SECRET), "{answer}");
        assert!(answer.headers.values().all(|value| !String::from_utf8_lossy(value.as_bytes()).contains(SECRET)));
    }
    assert_eq!(answers.iter().filter(|answer| answer.status.is_client_error()).count(), 3);
    // Nor in the clear anywhere that lasts.
    for table in ["resources", "audit", "idempotency_keys", "spaces", "changes"] {
        assert!(g.rows(table).await.iter().all(|row| !row.contains(SECRET)), "{table}");
    }
}

async fn what_a_schema_says_of_a_secret_tells_nothing_of_it(g: Garth) {
    let (ada, lin, atlas, _) = office(&g).await;
    let kind = ada.kind_with("safe", json!({"secret_fields": ["/box"]})).await;
    let safe =
        lin.resource("safe", "Safe").space(&atlas).body(json!({"box": {SECRET: {"x": SECRET}, "b": 1}})).create().await;
    let deny = json!({"properties": {"box": {"additionalProperties": {"type": "boolean"}, "propertyNames": {"maxLength": 0}}}});
    ada.patch(&kind.url(""), json!({"schema": deny})).await.ok();
    g.unchanged(async || {
        // It does not fit any more; what is in it, and how much, is not told.
        let answer =
            lin.patch(&safe.url(""), json!({"body": {"box": {"secret": true}, "n": 1}})).await.invalid("/body/box");
        assert_eq!(answer["errors"].as_array().map(Vec::len), Some(1), "{answer}");
        assert!(!String::from_utf8_lossy(&answer.bytes).contains(SECRET), "{answer}");
        let other =
            lin.resource("safe", "Other").space(&atlas).body(json!({"box": {"a": 1, "b": 2, "c": 3}})).send().await;
        assert_eq!(other.invalid("/body/box")["errors"], answer["errors"]);
    })
    .await;
}

async fn what_became_secret_is_hidden_in_the_record(g: Garth) {
    let (ada, lin, atlas, _) = office(&g).await;
    let kind = ada.kind("safe").await;
    let safe = lin.resource("safe", "Safe").space(&atlas).body(json!({"pin": SECRET, "note": "seen"})).create().await;
    assert!(lin.get(&atlas.url("/audit")).await.ok().to_string().contains(SECRET));
    ada.patch(&kind.url(""), json!({"secret_fields": ["/pin"]})).await.ok();
    for url in [atlas.url("/audit"), safe.url(""), atlas.url("/export")] {
        let text = lin.get(&url).await.to_string();
        assert!(!text.contains(SECRET) && text.contains("seen"), "{text}");
    }
    assert_eq!(wrong(&g).await, Vec::<String>::new(), "hidden from readers; the record is as it was");
}

async fn a_deleted_space_leaves_no_key(g: Garth) {
    let (_, lin, atlas, _) = office(&g).await;
    lin.resource("door", "Back").space(&atlas).body(json!({"code": SECRET})).create().await;
    let app = g.app();
    let dir = app.directory();
    let wrapped = dir.spaces.info(dir.space_ref(&atlas.id).expect("there")).expect("known").secret_key.clone();
    assert!(!wrapped.is_empty());
    let held = || {
        ["garth.db", "garth.db-wal"].iter().any(|name| {
            let bytes = std::fs::read(g.folder().join(name)).unwrap_or_default();
            bytes.windows(wrapped.len()).any(|part| part == wrapped.as_bytes())
        })
    };
    lin.post(&atlas.url("/archive"), json!({})).await.ok();
    lin.delete(&atlas.url("?confirm=Atlas")).await.done();
    app.settle().await;
    for table in ["spaces", "audit", "changes", "idempotency_keys"] {
        assert!(g.rows(table).await.iter().all(|row| !row.contains(&wrapped)), "{table}");
    }
    // On SQLite the file itself is looked at, and the log beside it.
    eventually("the remains are gone", async || {
        app.leaves_remains();
        app.settle().await;
        !held()
    })
    .await;
}

async fn the_installations_key_is_exchanged_beside_everything_else(g: Garth) {
    let (ada, lin, atlas, beta) = office(&g).await;
    let body = json!({"kind": "door", "name": "Back", "space": atlas.id, "body": {"code": SECRET}});
    let made = lin.post("/api/v1/resources", body.clone()).header("idempotency-key", "one").await.created();
    let door = Thing::at("resources", &made.id());
    let page = lin.get("/api/v1/spaces?limit=1").await.ok();
    let key = || std::fs::read_to_string(g.folder().join("master-key")).expect("the key");
    let (former, before) = (key(), g.app().directory().vault.fingerprint());
    let wrapped = g.rows("spaces").await;

    let done = rotation::installation(&Ctx::system(g.app()), None, told::nobody()).await.expect("rotated");
    assert!(done.spaces >= 2, "{done:?}");
    assert_ne!(key(), former);
    assert_eq!(g.app().directory().vault.fingerprint(), done.key);
    assert!(!g.folder().join("master-key.next").exists());
    assert!(g.rows("spaces").await.iter().all(|row| !wrapped.contains(row)), "each is wrapped anew");
    // Everything that was given out before is as good as it was.
    opens(&lin, &door, &atlas, &beta).await;
    let again = lin.post("/api/v1/resources", body.clone()).header("idempotency-key", "one").await.created();
    assert_eq!((again.bytes.clone(), again.header("idempotency-replayed")), (made.bytes.clone(), "true"));
    let cursor = percent(page["next"].as_str().expect("more"));
    lin.get(&format!("/api/v1/spaces?limit=1&cursor={cursor}")).await.ok();
    assert_eq!(wrong(&g).await, Vec::<String>::new());
    let log = ada.get("/api/v1/audit?action=installation.rotate_key").await.ok();
    let entry = log.items()[0].clone();
    assert_eq!((&entry["actor"], &entry["before"]["key"]), (&json!("system"), &json!(before)), "{entry}");
    assert!(!log.to_string().contains(&key()) && !log.to_string().contains(&former));

    // Once more; then with the former key nothing starts, and with its own everything does.
    rotation::installation(&Ctx::system(g.app()), None, told::nobody()).await.expect("rotated");
    assert!(g.start_with_key(Some(&former)).await.is_err());
    opens(&lin, &door, &atlas, &beta).await;
    assert_eq!(wrong(&g).await, Vec::<String>::new());
    lin.resource("door", "Front").space(&atlas).body(json!({"code": SECRET})).create().await;
    // An answer of two keys ago is not known any more, and nothing is done twice.
    g.unchanged(async || {
        lin.post("/api/v1/resources", body).header("idempotency-key", "one").await.refused(409, "conflict");
    })
    .await;
    // The same key again is none.
    let same = Vault::read(&key()).expect("a key");
    g.unchanged(async || {
        assert!(rotation::installation(&Ctx::system(g.app()), Some(same), told::nobody()).await.is_err());
    })
    .await;
}

async fn an_exchange_that_was_cut_off_is_brought_to_its_end_or_taken_back(g: Garth) {
    let (_, lin, atlas, beta) = office(&g).await;
    let door = lin.resource("door", "Back").space(&atlas).body(json!({"code": SECRET})).create().await;
    let (file, next) = (g.folder().join("master-key"), g.folder().join("master-key.next"));
    let former = std::fs::read(&file).expect("the key");
    rotation::installation(&Ctx::system(g.app()), None, told::nobody()).await.expect("rotated");
    let newer = std::fs::read(&file).expect("the key");
    // As if the power had gone between the commit and the renaming.
    std::fs::write(&file, &former).expect("written");
    std::fs::write(&next, &newer).expect("written");
    g.restart().await;
    assert_eq!(std::fs::read(&file).expect("the key"), newer);
    assert!(!next.exists());
    opens(&lin, &door, &atlas, &beta).await;
    // And before the commit: nothing was sealed with the next one.
    std::fs::write(&next, &former).expect("written");
    g.restart().await;
    assert_eq!(std::fs::read(&file).expect("the key"), newer);
    assert!(!next.exists());
    opens(&lin, &door, &atlas, &beta).await;
    // A file that could not be renamed while the server ran on.
    std::fs::write(&file, &former).expect("written");
    std::fs::write(&next, &newer).expect("written");
    rotation::installation(&Ctx::system(g.app()), None, told::nobody()).await.expect("rotated");
    g.restart().await;
    opens(&lin, &door, &atlas, &beta).await;
    assert_eq!(wrong(&g).await, Vec::<String>::new());
}

async fn whoever_has_the_former_key_cannot_write_the_record(g: Garth) {
    let (_, lin, atlas, _) = office(&g).await;
    for name in ["One", "Two", "Three"] {
        lin.resource("door", name).space(&atlas).create().await;
    }
    let here = format!("space_id = '{}'", atlas.id);
    g.meddle(&format!("CREATE TABLE kept AS SELECT * FROM audit_chains WHERE {here}")).await;
    g.meddle(&format!("CREATE TABLE entries AS SELECT * FROM audit WHERE {here}")).await;
    rotation::installation(&Ctx::system(g.app()), None, told::nobody()).await.expect("rotated");
    lin.resource("door", "Four").space(&atlas).create().await;
    assert_eq!(wrong(&g).await, Vec::<String>::new());
    // The record as it was, whole under the former key: everything since then is cut off.
    g.meddle(&format!("DELETE FROM audit WHERE {here}; INSERT INTO audit SELECT * FROM entries")).await;
    assert_ne!(wrong(&g).await, Vec::<String>::new());
    g.meddle(&format!("DELETE FROM audit_chains WHERE {here}; INSERT INTO audit_chains SELECT * FROM kept")).await;
    let found = wrong(&g).await;
    assert!(found.iter().any(|wrong| wrong.contains("not written by this installation")), "{found:?}");
    g.meddle("DROP TABLE kept; DROP TABLE entries").await;
}

async fn the_key_of_a_space_is_exchanged_in_parts(g: Garth) {
    let (_, lin, atlas, beta) = office(&g).await;
    let body = json!({"kind": "door", "name": "x", "space": atlas.id, "body": {"code": SECRET}});
    for _ in 0..2 {
        lin.post("/api/v1/resources/batch", json!({"resources": vec![body.clone(); 250]})).await.created();
    }
    let own = json!({"users": [lin.principal()]});
    let door = lin.resource("door", "Own").space(&atlas).body(json!({"code": SECRET})).with("view", own).create().await;
    let far = lin.resource("door", "Far").space(&beta).body(json!({"code": SECRET})).create().await;
    let rows = g.rows("resources").await;
    let version = lin.get(&door.url("")).await.ok()["version"].clone();
    let running = tokio::spawn({
        let (ctx, id) = (Ctx::system(g.app()), atlas.id.clone());
        async move { rotation::space(&ctx, id, told::nobody()).await }
    });
    // Everybody goes on working meanwhile.
    for n in 0..20 {
        let fresh = lin.resource("door", &format!("{n}")).space(&atlas).body(json!({"code": SECRET})).create().await;
        lin.patch(&fresh.url(""), json!({"view": if n % 2 == 0 { json!("members") } else { json!("users") }}))
            .await
            .ok();
        lin.post(&fresh.url("/move"), json!({"space": beta.id})).await.ok();
    }
    let done = running.await.expect("it ends").expect("done");
    assert!(done >= 501, "{done}");
    let after = g.rows("resources").await;
    let kept = rows.iter().filter(|row| after.contains(row)).count();
    assert_eq!(kept, 1, "the one in Beta; all others are sealed anew");
    assert_eq!(lin.get(&door.url("")).await.ok()["version"], version, "for everybody nothing has changed");
    let app = g.app();
    let dir = app.directory();
    let key = &dir.spaces.info(dir.space_ref(&atlas.id).expect("there")).expect("known").secret_key;
    assert!(!Vault::exchanging(key), "the former one is gone");
    g.restart().await;
    opens(&lin, &door, &atlas, &beta).await;
    opens(&lin, &far, &beta, &atlas).await;
    let log = lin.get(&atlas.url("/audit?action=space.rotate_key")).await.ok();
    assert_eq!(log.items().len(), 2, "when it began, and when it had come to its end: {log}");
    // Of a space without secrets there is nothing to exchange, and of none it is told that there is none.
    assert_eq!(
        rotation::space(&Ctx::system(g.app()), strange(&atlas.id), told::nobody()).await.map_err(|e| e.to_string()),
        Err("not found".to_owned())
    );
    assert_eq!(wrong(&g).await, Vec::<String>::new());
}

async fn an_exchange_of_a_spaces_key_goes_on_where_it_stopped(g: Garth) {
    let (_, lin, atlas, beta) = office(&g).await;
    let body = json!({"kind": "door", "name": "x", "space": atlas.id, "body": {"code": SECRET}});
    lin.post("/api/v1/resources/batch", json!({"resources": vec![body; 450]})).await.created();
    let door = lin.resource("door", "Last").space(&atlas).body(json!({"code": SECRET})).create().await;
    // It ends with whoever asked, after the first part.
    let (sender, mut first) = tokio::sync::mpsc::unbounded_channel();
    let told: told::Told = Arc::new(move |_, _, _| {
        // Nobody listens any more when it goes on.
        let _ = sender.send(());
    });
    let running = tokio::spawn({
        let (ctx, id) = (Ctx::system(g.app()), atlas.id.clone());
        async move { rotation::space(&ctx, id, told).await }
    });
    first.recv().await.expect("it began");
    running.abort();
    let _ = running.await;
    g.restart().await;
    opens(&lin, &door, &atlas, &beta).await;
    // The installation's key may be exchanged in between.
    rotation::installation(&Ctx::system(g.app()), None, told::nobody()).await.expect("rotated");
    opens(&lin, &door, &atlas, &beta).await;
    rotation::space(&Ctx::system(g.app()), atlas.id.clone(), told::nobody()).await.expect("done");
    let app = g.app();
    let dir = app.directory();
    assert!(!Vault::exchanging(&dir.spaces.info(dir.space_ref(&atlas.id).expect("there")).expect("known").secret_key));
    opens(&lin, &door, &atlas, &beta).await;
}

async fn only_the_command_line_exchanges_keys(g: Garth) {
    let (ada, lin, atlas, _) = office(&g).await;
    lin.resource("door", "Back").space(&atlas).body(json!({"code": SECRET})).create().await;
    g.unchanged(async || {
        for by in [&ada, &lin] {
            let who = garth_server::access::Who::Session(garth_server::base::ids::token_hash(
                by.token.as_ref().expect("a token"),
            ));
            let ctx = Ctx::system(g.app()).with_credential(who);
            assert!(rotation::installation(&ctx, None, told::nobody()).await.is_err());
            assert!(rotation::space(&ctx, atlas.id.clone(), told::nobody()).await.is_err());
        }
        assert!(!g.folder().join("master-key.next").exists());
    })
    .await;
    for path in ["/api/v1/keys/rotate", "/api/v1/rotation"] {
        ada.post(path, json!({})).await.refused(404, "not_found");
    }
}
