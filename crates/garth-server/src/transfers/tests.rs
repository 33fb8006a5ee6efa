//! Stories about exports and imports: what is in the file, what is not, and that an import is all or nothing.

use crate::support::*;
use axum::http::Method;
use std::collections::BTreeMap;

#[path = "tests/bounds.rs"]
mod bounds;

stories! {
    an_export_holds_everything_but_secrets,
    an_export_is_what_its_reader_may_see,
    n03_an_export_tells_nothing_of_other_spaces,
    n45_an_export_carries_no_secret_and_nothing_hidden,
    an_export_imported_and_exported_is_the_same,
    a_file_says_the_same_on_every_engine,
    references_follow_or_must_be_seen,
    bad_lines_are_named_and_nothing_is_done,
    a_file_that_is_not_whole_is_refused,
    n42_an_import_is_checked_as_creating_is,
    n24_nothing_is_imported_into_an_archived_space,
    the_settings_of_a_space_are_taken_over_by_who_may,
    n48_an_import_gives_no_more_than_its_maker_holds,
    secrets_that_stay_behind_are_told,
    an_import_is_carried_out_once,
    a_dry_import_changes_nothing,
}

/// An export as its lines.
pub async fn export(by: &Person, space: &Thing) -> Vec<Value> {
    let answer = by.get(&space.url("/export")).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/x-ndjson"), "{answer}");
    let text = String::from_utf8(answer.bytes.clone()).expect("text");
    assert!(text.ends_with('\n'), "{text}");
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

/// Sends lines as an import.
pub fn import(by: &Person, space: &Thing, query: &str, lines: &[Value]) -> Call {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    by.call(Method::POST, &space.url(&format!("/import{query}"))).raw("application/x-ndjson", text)
}

fn of_type<'a>(lines: &'a [Value], what: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["type"] == what).collect()
}

/// The first line, some resources, and the last.
pub fn file(resources: &[Value]) -> Vec<Value> {
    let mut lines = vec![json!({"type": "space", "format": 1, "space": {}})];
    lines.extend(resources.iter().map(|resource| {
        let mut line = resource.clone();
        line["type"] = json!("resource");
        line
    }));
    lines.push(json!({"type": "end", "resources": resources.len()}));
    lines
}

/// The same but for ids, codes and times: names stand in the place of ids.
fn normalised(lines: &[Value]) -> Vec<Value> {
    let named: BTreeMap<String, String> = of_type(lines, "resource")
        .iter()
        .map(|line| {
            // As it stands within a JSON text.
            let name = line["name"].to_string();
            (line["id"].as_str().expect("an id").to_owned(), format!("({})", &name[1..name.len() - 1]))
        })
        .collect();
    let each = |line: &Value| {
        let mut text = line.to_string();
        for (id, name) in &named {
            text = text.replace(id.as_str(), name);
        }
        let mut line: Value = serde_json::from_str(&text).expect("JSON");
        if let Some(fields) = line.as_object_mut() {
            for name in ["code", "created_at", "updated_at", "exported_at"] {
                fields.remove(name);
            }
        }
        if line["type"] == "space" {
            line["space"]["id"].take();
            line["space"]["name"].take();
        }
        line
    };
    lines.iter().map(each).collect()
}

/// Atlas with everything that a space can hold: who made what is lin's, and bo reads.
struct Yard {
    ada: Person,
    lin: Person,
    bo: Person,
    atlas: Thing,
    beta: Thing,
}

impl Yard {
    /// The clock of a story stands: what is made after this is made later.
    fn later(&self) {
        self.ada.g.pass(SECOND);
    }
}

const CODE: &str = "swordfish-4711";

async fn yard(g: &Garth) -> Yard {
    let ada = g.admin().await;
    g.closed_home().await;
    let (lin, bo) = (g.person("lin").await, g.person("bo").await);
    ada.kind("task").await;
    let bridge = json!({
        "secret_fields": ["/code", "/deep/key"],
        "references": [{"pointer": "/task", "kind": "task"}, {"pointer": "/uses", "kind": "bridge"}],
    });
    ada.kind_with("bridge", bridge).await;
    let crew = ada.group("crew", &[&lin]).await;
    ada.post("/api/v1/policies", json!({"name": "crew only", "policy": {"groups_any": [crew.principal_text()]}}))
        .await
        .created();
    let atlas = ada
        .space("Atlas")
        .admin(&lin)
        .with("description", json!("Lifts – ☃"))
        .with("labels", json!(["lift"]))
        .create()
        .await;
    let beta = ada.space("Beta").admin(&lin).create().await;
    ada.grant_by_registry(&atlas, &bo, "reader").await;
    ada.grant_by_registry(&beta, &bo, "reader").await;
    let eve = g.person("eve").await;
    ada.grant_by_registry(&atlas, &eve, "reader").await;
    ada.grant_by_registry(&beta, &eve, "reader").await;
    Yard { ada, lin, bo, atlas, beta }
}

trait Text {
    fn principal_text(&self) -> String;
}

impl Text for Thing {
    fn principal_text(&self) -> String {
        format!("group:{}", self.id)
    }
}

/// Tasks and bridges that name each other, with people, policies, labels, secrets and an archived one.
async fn fill(y: &Yard) -> BTreeMap<&'static str, Thing> {
    let (lin, atlas) = (&y.lin, &y.atlas);
    let mut made = BTreeMap::new();
    let first = lin
        .resource("task", "First – ü \"quoted\"")
        .space(atlas)
        .body(json!({"steps": [1, 2.5, null, {"deep": "ü\n"}]}))
        .labels(&["b", "a"])
        .owner(&y.bo)
        .with("subscribers", json!([y.lin.principal(), y.bo.principal()]))
        .create()
        .await;
    y.later();
    let gate = lin
        .resource("bridge", "Gate")
        .space(atlas)
        .body(json!({"code": CODE, "deep": {"key": [CODE], "open": 1}, "task": first.id}))
        .with("view", json!({"rules": [{"effect": "deny", "who": {"users": ["user:@eve"]}}, {"effect": "allow", "who": {"named": "@crew only"}}], "default": "allow"}))
        .create()
        .await;
    y.later();
    let pier = lin.resource("bridge", "Pier").space(atlas).body(json!({"uses": [gate.id]})).create().await;
    // A circle, which is closed by a change.
    lin.patch(&gate.url(""), json!({"body": {"uses": [pier.id, gate.id]}})).await.ok();
    y.later();
    let old =
        lin.resource("task", "Old").space(atlas).with("edit", json!({"users": [y.lin.principal()]})).create().await;
    lin.post(&old.url("/archive"), json!({})).await.ok();
    made.insert("first", first);
    made.insert("gate", gate);
    made.insert("pier", pier);
    made.insert("old", old);
    made
}

async fn an_export_holds_everything_but_secrets(g: Garth) {
    let y = yard(&g).await;
    let made = fill(&y).await;
    let lines = export(&y.lin, &y.atlas).await;
    let head = &lines[0];
    assert_eq!((&head["type"], &head["format"]), (&json!("space"), &json!(1)), "{head}");
    assert_eq!(head["space"]["name"], "Atlas");
    assert_eq!(head["space"]["description"], "Lifts – ☃");
    assert_eq!(head["space"]["view"], "members");
    let grants = head["grants"].as_array().expect("an administrator's");
    assert!(grants.contains(&json!({"principal": "user:@bo", "role": "reader", "expires_at": null})), "{head}");
    assert_eq!(lines.last(), Some(&json!({"type": "end", "resources": 4})));
    let resources = of_type(&lines, "resource");
    let names: Vec<_> = resources.iter().map(|line| line["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["First – ü \"quoted\"", "Gate", "Pier", "Old"], "in the order in which they were made");
    assert_eq!(resources[0]["owner"], "user:@bo");
    assert_eq!(resources[0]["author"], "user:@lin");
    assert_eq!(resources[0]["subscribers"].as_array().map(Vec::len), Some(2));
    assert_eq!(resources[1]["body"]["code"], json!({"secret": true}));
    assert_eq!(resources[1]["body"]["deep"], json!({"key": {"secret": true}, "open": 1}));
    assert_eq!(resources[1]["secrets"], json!(["/code", "/deep/key"]));
    assert_eq!(resources[1]["body"]["task"], made["first"].id);
    assert_eq!(resources[1]["view"]["rules"][0]["who"], json!({"users": ["user:@eve"]}));
    assert_eq!(resources[1]["view"]["rules"][1]["who"], json!({"named": "@crew only"}));
    assert_eq!(resources[3]["archived"], true);
    // What people need to read it, before it is needed; once.
    let at = |what: &str, name: &str| lines.iter().position(|l| l["type"] == what && l["name"] == name).expect(name);
    assert!(at("kind", "task") < at("resource", "First – ü \"quoted\""));
    assert!(at("policy", "crew only") < at("resource", "Gate") && at("kind", "bridge") < at("resource", "Gate"));
    assert_eq!((of_type(&lines, "kind").len(), of_type(&lines, "policy").len()), (2, 1));
    assert_eq!(lines[at("policy", "crew only")]["policy"], Value::Null, "its text is for its editors");
    let own = export(&y.ada, &y.ada.space("Ada's").create().await).await;
    assert_eq!(own.len(), 2, "{own:?}");
}

async fn an_export_is_what_its_reader_may_see(g: Garth) {
    let y = yard(&g).await;
    fill(&y).await;
    let all = export(&y.lin, &y.atlas).await;
    let seen = export(&y.bo, &y.atlas).await;
    assert!(seen[0]["grants"].is_null(), "grants are for administrators: {}", seen[0]);
    let ids = |lines: &[Value]| of_type(lines, "resource").iter().map(|l| l["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&all), ids(&seen), "bo may see them all");
    y.lin.resource("task", "Hush").space(&y.atlas).with("view", json!({"users": [y.lin.principal()]})).create().await;
    assert_eq!(export(&y.lin, &y.atlas).await.last(), Some(&json!({"type": "end", "resources": 5})));
    assert_eq!(export(&y.bo, &y.atlas).await, seen, "nothing tells that there is more");
    // Page by page it is what a list is.
    for n in 0..120 {
        y.later();
        let policy = if n % 3 == 0 { json!({"users": [y.lin.principal()]}) } else { json!("members") };
        y.lin.resource("task", &format!("{n}")).space(&y.atlas).with("view", policy).create().await;
    }
    for by in [&y.lin, &y.bo] {
        let lines = export(by, &y.atlas).await;
        let listed =
            by.all_pages(&format!("/api/v1/resources?space={}&order=-created&archived=true", y.atlas.id), 100).await;
        assert_eq!(ids(&lines), listed.iter().map(|item| item["id"].clone()).collect::<Vec<_>>());
        assert_eq!(lines.last().expect("an end")["resources"], listed.len());
    }
    let app = y.lin.key(&y.atlas, "ci", "reader").await;
    assert_eq!(export(&app, &y.atlas).await.last().expect("an end")["resources"], 84);
}

async fn n03_an_export_tells_nothing_of_other_spaces(g: Garth) {
    let y = yard(&g).await;
    fill(&y).await;
    let nowhere = strange(&y.atlas.id);
    let kim = g.person("kim").await;
    for by in [&y.ada, &kim] {
        let hidden = by.get(&y.atlas.url("/export")).await.refused(404, "not_found");
        let missing = by.get(&format!("/api/v1/spaces/{nowhere}/export")).await.refused(404, "not_found");
        assert_missing(&hidden, &y.atlas.id, &missing, &nowhere);
    }
    g.anonymous().get(&y.atlas.url("/export")).await.not_signed_in();
    y.lin.get(&y.atlas.url("/export?archived=true")).await.invalid("?archived");
    let alone = export(&y.lin, &y.beta).await;
    for n in 0..3 {
        y.lin.resource("task", &format!("of Atlas {n}")).space(&y.atlas).create().await;
    }
    assert_eq!(export(&y.lin, &y.beta).await, alone);
}

async fn n45_an_export_carries_no_secret_and_nothing_hidden(g: Garth) {
    let y = yard(&g).await;
    let made = fill(&y).await;
    // What bo may not see is not named either, nor are people who are strangers to bo.
    let kim = g.person("kim").await;
    y.ada.grant_by_registry(&y.beta, &kim, "writer").await;
    y.ada.grant_by_registry(&y.atlas, &kim, "writer").await;
    let hush = json!({"users": [y.lin.principal()]});
    y.lin.patch(&made["first"].url(""), json!({"view": hush})).await.ok();
    let far = y.lin.resource("bridge", "Far").space(&y.beta).body(json!({"uses": []})).create().await;
    y.lin.post(&made["pier"].url("/move"), json!({"space": y.beta.id})).await.refused_somehow();
    let text = |lines: Vec<Value>| lines.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
    let seen = text(export(&y.bo, &y.atlas).await);
    for hidden in [made["first"].id.as_str(), far.id.as_str(), CODE, "First"] {
        assert!(!seen.contains(hidden), "{hidden}: {seen}");
    }
    assert!(seen.contains(&made["pier"].id), "what bo sees is named: {seen}");
    assert!(!text(export(&y.lin, &y.atlas).await).contains(CODE));
    // In a list, what is left moves up.
    y.lin.patch(&made["pier"].url(""), json!({"view": hush})).await.ok();
    let lines = export(&y.bo, &y.atlas).await;
    let gate = of_type(&lines, "resource").into_iter().find(|l| l["name"] == "Gate").expect("Gate").clone();
    assert_eq!(gate["body"]["uses"], json!([made["gate"].id]), "{gate}");
    assert!(gate["body"].get("task").is_none(), "{gate}");
}

async fn an_export_imported_and_exported_is_the_same(g: Garth) {
    let y = yard(&g).await;
    fill(&y).await;
    let lines = export(&y.lin, &y.atlas).await;
    let done = import(&y.lin, &y.beta, "?settings=true", &lines).await.ok();
    assert_eq!(done["resources"], 4);
    assert_eq!(done["secrets_left_out"], 2);
    assert_eq!(done["secrets"][0]["pointer"], "/body/code");
    let at = done["secrets"][0]["line"].as_u64().expect("a line") as usize;
    assert_eq!(lines[at - 1]["name"], "Gate");
    let again = export(&y.lin, &y.beta).await;
    // But for the secrets, which stayed behind.
    let without = |lines: &[Value]| {
        let mut lines = normalised(lines);
        for line in &mut lines {
            line["secrets"].take();
            if let Some(body) =
                line["body"].as_object_mut().filter(|body| body.contains_key("code") || body.contains_key("deep"))
            {
                body.remove("code");
                if let Some(deep) = body.get_mut("deep").and_then(Value::as_object_mut) {
                    deep.remove("key");
                }
            }
            if let Some(grants) = line["grants"].as_array_mut() {
                grants.sort_by_key(Value::to_string);
            }
        }
        lines
    };
    assert_eq!(without(&again), without(&lines));
    assert_ne!(of_type(&again, "resource")[0]["id"], of_type(&lines, "resource")[0]["id"]);
    assert_ne!(of_type(&again, "resource")[0]["code"], of_type(&lines, "resource")[0]["code"]);
    // Each of them is on record, and found, and the secrets can be written anew.
    let log = y.lin.get(&y.beta.url("/audit?action=space.import")).await.ok();
    assert!(log.items().len() >= 5, "{log}");
    let gate = of_type(&again, "resource").into_iter().find(|l| l["name"] == "Gate").expect("Gate")["id"].clone();
    let gate = format!("/api/v1/resources/{}", gate.as_str().expect("an id"));
    y.lin.patch(&gate, json!({"body": {"code": CODE}})).await.ok();
    assert_eq!(y.lin.get(&gate).await.ok()["body"]["code"], json!({"secret": true}));
    g.restart().await;
    assert_eq!(export(&y.lin, &y.beta).await.len(), again.len());
}

/// What one engine wrote, the other reads: both make the same of the same file.
async fn a_file_says_the_same_on_every_engine(g: Garth) {
    let y = yard(&g).await;
    let a = "0197a0c0-0000-7000-8000-00000000000a";
    let b = "0197a0c0-0000-7000-8000-00000000000b";
    let resource = |id: &str, kind: &str, name: &str, body: Value, view: Value| {
        json!({
            "type": "resource", "id": id, "kind": kind, "name": name, "body": body, "secrets": [], "labels": ["x", "ÿ"],
            "view": view, "edit": null, "author": "user:@lin", "owner": "user:@bo", "subscribers": ["user:@bo"],
            "archived": false,
        })
    };
    let policy = json!({"rules": [{"effect": "allow", "who": {"groups_any": ["group:@crew"]}}], "default": "allow"});
    let lines = file(&[
        resource(a, "bridge", "Before", json!({"uses": [b, a], "n": 1e300, "s": "\u{1F600}"}), Value::Null),
        resource(b, "bridge", "After", json!({"uses": [a]}), policy),
    ]);
    import(&y.lin, &y.atlas, "", &lines).await.ok();
    let out = export(&y.lin, &y.atlas).await;
    let resources = |lines: &[Value]| normalised(&of_type(lines, "resource").into_iter().cloned().collect::<Vec<_>>());
    assert_eq!(resources(&out), resources(&lines));
}

async fn references_follow_or_must_be_seen(g: Garth) {
    let y = yard(&g).await;
    let made = fill(&y).await;
    let kim = g.person("kim").await;
    y.ada.grant_by_registry(&y.beta, &kim, "writer").await;
    let line = |reference: &str| file(&[json!({"kind": "bridge", "name": "x", "body": {"task": reference}})]);
    g.unchanged(async || {
        // Hidden and unknown are refused alike; so is what lies where the target cannot use it.
        let nowhere = strange(&made["first"].id);
        let hidden = import(&kim, &y.beta, "", &line(&made["first"].id)).await.invalid("/lines/2/body/task");
        let missing = import(&kim, &y.beta, "", &line(&nowhere)).await.invalid("/lines/2/body/task");
        assert_missing(&hidden, &made["first"].id, &missing, &nowhere);
        import(&y.lin, &y.beta, "", &line(&made["first"].id)).await.invalid("/lines/2/body/task");
        // Of another kind than the field wants, inside the file.
        let pair = file(&[
            json!({"id": "a", "kind": "bridge", "name": "x", "body": {"task": "b"}}),
            json!({"id": "b", "kind": "bridge", "name": "y"}),
        ]);
        import(&y.lin, &y.beta, "", &pair).await.invalid("/lines/2/body/task");
    })
    .await;
    // Beside it, in the same space.
    import(&y.lin, &y.atlas, "", &line(&made["first"].id)).await.ok();
    // The ids of a file are its own: one that is somebody's elsewhere names the file's.
    let own = file(&[
        json!({"id": made["first"].id, "kind": "task", "name": "Own"}),
        json!({"kind": "bridge", "name": "names it", "body": {"task": made["first"].id}}),
    ]);
    import(&kim, &y.beta, "", &own).await.ok();
    let lines = export(&kim, &y.beta).await;
    let (own, names) = (of_type(&lines, "resource")[0], of_type(&lines, "resource")[1]);
    assert_eq!(names["body"]["task"], own["id"]);
    assert_ne!(own["id"], json!(made["first"].id));
}

async fn bad_lines_are_named_and_nothing_is_done(g: Garth) {
    let y = yard(&g).await;
    let good = json!({"kind": "task", "name": "Good"});
    g.unchanged(async || {
        let lines = file(&[
            good.clone(),
            json!({"kind": "task", "name": ""}),
            json!({"kind": "nothing", "name": "x"}),
            json!({"kind": "task", "name": "x", "labels": [""]}),
            json!({"kind": "task", "name": "x", "owner": "user:@nobody"}),
            json!({"kind": "task", "name": "x", "view": {"users": ["user:@nobody"]}}),
        ]);
        let answer = import(&y.lin, &y.atlas, "", &lines).await.invalid("/lines/3/name");
        let pointers: Vec<_> =
            answer["errors"].as_array().expect("errors").iter().map(|e| e["pointer"].clone()).collect();
        assert_eq!(
            json!(pointers),
            json!(["/lines/3/name", "/lines/4/kind", "/lines/5/labels/0", "/lines/6/owner", "/lines/7/view/users/0"])
        );
        let twice =
            file(&[json!({"id": "a", "kind": "task", "name": "x"}), json!({"id": "a", "kind": "task", "name": "y"})]);
        import(&y.lin, &y.atlas, "", &twice).await.invalid("/lines/3/id");
        let body = file(&[good.clone(), json!({"kind": "task", "name": "x", "body": 7})]);
        import(&y.lin, &y.atlas, "", &body).await.invalid("/lines/3/body");
        let shut = file(&[json!({"kind": "task", "name": "x", "view": "nobody"})]);
        let answer = import(&y.lin, &y.atlas, "", &shut).await.refused(409, "lockout");
        assert!(answer.text("detail").starts_with("line 2: "), "{answer}");
        // Of thousands of mistakes, the first hundred.
        let many = file(&vec![json!({"kind": "task", "name": ""}); 300]);
        let answer = import(&y.lin, &y.atlas, "", &many).await.invalid("/lines/2/name");
        assert_eq!(answer["errors"].as_array().map(Vec::len), Some(100));
    })
    .await;
}

async fn a_file_that_is_not_whole_is_refused(g: Garth) {
    let y = yard(&g).await;
    let whole = file(&[json!({"kind": "task", "name": "x"})]);
    let (head, task, end) = (&whole[0], &whole[1], &whole[2]);
    let send = |lines: &[&Value]| {
        let lines: Vec<Value> = lines.iter().map(|line| (*line).clone()).collect();
        import(&y.lin, &y.atlas, "", &lines)
    };
    let raw =
        |text: &str| y.lin.call(Method::POST, &y.atlas.url("/import")).raw("application/x-ndjson", text.to_owned());
    g.unchanged(async || {
        send(&[head, task]).await.invalid("/lines/3");
        send(&[]).await.invalid("/lines/1");
        send(&[task, end]).await.invalid("/lines/1/type");
        send(&[head, head, task, end]).await.invalid("/lines/2/type");
        send(&[head, task, task, end]).await.invalid("/lines/4/resources");
        send(&[head, end, task]).await.invalid("/lines/3");
        send(&[head, task, &json!({"type": "error", "code": "not_found"})]).await.invalid("/lines/3");
        send(&[&json!({"type": "space", "format": 2, "space": {}}), end]).await.invalid("/lines/1/format");
        send(&[head, &json!({"type": "resource", "kind": "task", "name": "x", "colour": 1}), end])
            .await
            .invalid("/lines/2/colour");
        send(&[head, &json!({"type": "thing"}), end]).await.invalid("/lines/2/type");
        send(&[head, &json!([]), end]).await.invalid("/lines/2");
        for broken in ["{", "{\"type\":\"resource\",\"type\":\"end\"}", "\u{0}", "\"\\ud800\""] {
            raw(&format!("{head}\n{broken}\n{end}")).await.invalid("/lines/2");
        }
        raw("").await.invalid("/lines/1");
        let text = format!("{head}\n{task}\n{end}\n");
        for kind in ["application/json", "text/plain", ""] {
            let call = y.lin.call(Method::POST, &y.atlas.url("/import")).raw(kind, text.clone());
            call.await.refused(415, "unsupported_media_type");
        }
        y.lin
            .call(Method::POST, &y.atlas.url("/import?archived=true"))
            .raw("application/x-ndjson", text)
            .await
            .invalid("?archived");
    })
    .await;
    // Other ends of lines, empty lines, and none after the last are as good.
    raw(&format!("{head}\r\n\r\n{task}\r\n{end}")).await.ok();
}

async fn n42_an_import_is_checked_as_creating_is(g: Garth) {
    let y = yard(&g).await;
    let lines = file(&[json!({"kind": "task", "name": "x"})]);
    let kim = g.person("kim").await;
    let nowhere = Thing::at("spaces", &strange(&y.atlas.id));
    let reader = y.lin.key(&y.atlas, "reader", "reader").await;
    g.unchanged(async || {
        import(&y.bo, &y.atlas, "", &lines).await.refused(403, "forbidden");
        import(&reader, &y.atlas, "", &lines).await.refused(403, "forbidden");
        for by in [&kim, &y.ada] {
            let hidden = import(by, &y.atlas, "", &lines).await.refused(404, "not_found");
            let missing = import(by, &nowhere, "", &lines).await.refused(404, "not_found");
            assert_missing(&hidden, &y.atlas.id, &missing, &nowhere.id);
        }
        import(&reader, &y.beta, "", &lines).await.refused(404, "not_found");
        import(&g.anonymous(), &y.atlas, "", &lines).await.not_signed_in();
    })
    .await;
    // Only an administrator keeps who made a thing; for all others it is they themselves.
    let by_bo = file(&[json!({"kind": "task", "name": "By bo", "author": "user:@bo"})]);
    y.ada.grant_by_registry(&y.atlas, &kim, "writer").await;
    for (by, author) in [(&y.lin, "user:@bo"), (&kim, "user:@kim")] {
        y.later();
        import(by, &y.atlas, "", &by_bo).await.ok();
        let lines = export(by, &y.atlas).await;
        assert_eq!(of_type(&lines, "resource").last().expect("one")["author"], author);
    }
    let writer = y.lin.key(&y.atlas, "writer", "writer").await;
    import(&writer, &y.atlas, "", &lines).await.ok();
    let log = y.lin.get(&y.atlas.url("/audit?action=space.import")).await.ok();
    let done = |entry: &Value| entry["actor"] == writer.principal() && entry["outcome"] == "done";
    assert!(log.items().iter().any(done), "{log}");
}

async fn n24_nothing_is_imported_into_an_archived_space(g: Garth) {
    let y = yard(&g).await;
    let below = y.lin.space("Below").under(&y.atlas).send().await;
    assert!(below.status.is_client_error(), "only system administrators make spaces here");
    let below = y.ada.space("Below").under(&y.atlas).admin(&y.lin).send().await;
    let lines = file(&[json!({"kind": "task", "name": "x"})]);
    import(&y.lin, &y.atlas, "", &lines).await.ok();
    y.lin.post(&y.atlas.url("/archive"), json!({})).await.ok();
    g.unchanged(async || {
        import(&y.lin, &y.atlas, "", &lines).await.refused(409, "archived");
        import(&y.lin, &y.atlas, "?settings=true", &file(&[])).await.refused(409, "archived");
        if below.status.is_success() {
            let below = Thing::at("spaces", &below.id());
            import(&y.lin, &below, "", &lines).await.refused(409, "archived");
        }
    })
    .await;
    // Archiving hides from lists, and from nobody's export.
    assert_eq!(export(&y.bo, &y.atlas).await.last(), Some(&json!({"type": "end", "resources": 1})));
    y.lin.post(&y.atlas.url("/activate"), json!({})).await.ok();
    import(&y.lin, &y.atlas, "", &lines).await.ok();
}

async fn the_settings_of_a_space_are_taken_over_by_who_may(g: Garth) {
    let y = yard(&g).await;
    y.lin
        .patch(&y.atlas.url(""), json!({"view": {"groups_any": ["group:@crew"]}, "labels": ["lift", "old"]}))
        .await
        .ok();
    let lines = export(&y.lin, &y.atlas).await;
    import(&y.lin, &y.beta, "", &lines).await.ok();
    assert_eq!(y.lin.get(&y.beta.url("")).await.ok()["view"], "members", "nothing that was not asked for");
    let kim = g.person("kim").await;
    y.ada.grant_by_registry(&y.beta, &kim, "writer").await;
    g.unchanged(async || {
        import(&kim, &y.beta, "?settings=true", &lines).await.refused_somehow();
    })
    .await;
    let done = import(&y.lin, &y.beta, "?settings=true", &lines).await.ok();
    assert_eq!(done["grants"], 0, "they are there already");
    let beta = y.lin.get(&y.beta.url("")).await.ok();
    assert_eq!(beta["name"], "Beta", "its name stays");
    assert_eq!(beta["labels"], json!(["lift", "old"]));
    assert_eq!(beta["view"]["groups_any"].as_array().map(Vec::len), Some(1));
    y.bo.get(&y.beta.url("")).await.refused(404, "not_found");
    // One that shuts its importer out is refused.
    let mut shut = lines.clone();
    shut[0]["space"]["view"] = json!({"users": ["user:@ada"]});
    g.unchanged(async || {
        import(&y.lin, &y.beta, "?settings=true", &shut).await.refused_somehow();
        shut[0]["grants"] = json!([]);
        shut[0]["space"]["view"] = json!({"users": ["user:@nobody"]});
        import(&y.lin, &y.beta, "?settings=true", &shut).await.invalid("/lines/1/space/view/users/0");
        shut[0]["grants"] = json!([{"principal": "user:@nobody", "role": "reader"}]);
        import(&y.lin, &y.beta, "?settings=true", &shut).await.invalid("/lines/1/grants/0/principal");
    })
    .await;
}

async fn n48_an_import_gives_no_more_than_its_maker_holds(g: Garth) {
    let y = yard(&g).await;
    let porter = y.ada.role("porter", &["space:admin", "task:write", "task:read"]).await;
    let kim = g.person("kim").await;
    y.lin.get(&y.atlas.url("")).await.ok();
    y.ada.grant_by_registry(&y.atlas, &kim, "porter").await;
    let with = |role: &str| {
        let mut lines = file(&[json!({"kind": "task", "name": "x"})]);
        lines[0]["grants"] = json!([{"principal": "user:@kim", "role": role}]);
        lines
    };
    g.unchanged(async || {
        import(&kim, &y.atlas, "?settings=true", &with("admin")).await.refused(403, "forbidden");
        import(&kim, &y.atlas, "?settings=true", &with("writer")).await.refused(403, "forbidden");
    })
    .await;
    // What they hold, they may give; without being asked for, nothing of it counts.
    import(&kim, &y.atlas, "?settings=true", &with(porter["name"].as_str().expect("a name"))).await.ok();
    import(&kim, &y.atlas, "", &with("admin")).await.ok();
    let me = kim.get("/api/v1/me").await.ok();
    assert!(!me.to_string().contains("\"admin\""), "{me}");
}

async fn secrets_that_stay_behind_are_told(g: Garth) {
    let y = yard(&g).await;
    let safe = json!({
        "schema": {"type": "object", "required": ["pin"], "properties": {"pin": {"type": "string", "maxLength": 20}}},
        "secret_fields": ["/pin"],
    });
    y.ada.kind_with("safe", safe).await;
    y.lin.resource("safe", "Safe").space(&y.atlas).body(json!({"pin": CODE})).create().await;
    let mut lines = export(&y.lin, &y.atlas).await;
    let at = lines.iter().position(|line| line["type"] == "resource").expect("a resource");
    g.unchanged(async || {
        // It cannot be without, so somebody has to write it into the file.
        import(&y.lin, &y.beta, "", &lines).await.invalid(&format!("/lines/{}/body", at + 1));
        lines[at]["body"]["pin"] = json!(format!("{CODE}, and far too long for it"));
        let answer = import(&y.lin, &y.beta, "", &lines).await.invalid(&format!("/lines/{}/body/pin", at + 1));
        assert!(!answer.to_string().contains(CODE), "{answer}");
    })
    .await;
    lines[at]["body"]["pin"] = json!(CODE);
    let done = import(&y.lin, &y.beta, "", &lines).await.ok();
    assert_eq!((&done["resources"], &done["secrets_left_out"]), (&json!(1), &json!(0)));
    assert!(!done.to_string().contains(CODE));
    for rows in ["resources", "audit"] {
        assert!(g.rows(rows).await.iter().all(|row| !row.contains(CODE)), "sealed, and not on record");
    }
    // A field that is no secret in this installation does not become the mark itself.
    y.later();
    let plain = file(&[json!({"kind": "task", "name": "x", "body": {"pin": {"secret": true}}, "secrets": ["/pin"]})]);
    let done = import(&y.lin, &y.beta, "", &plain).await.ok();
    assert_eq!(done["secrets"], json!([{"line": 2, "pointer": "/body/pin"}]));
    let lines = export(&y.lin, &y.beta).await;
    assert_eq!(of_type(&lines, "resource").last().expect("one")["body"], json!({}));
}

async fn an_import_is_carried_out_once(g: Garth) {
    let y = yard(&g).await;
    let lines = file(&[json!({"kind": "task", "name": "x"})]);
    let first = import(&y.lin, &y.atlas, "", &lines).header("idempotency-key", "import-1").await.ok();
    let again = import(&y.lin, &y.atlas, "", &lines).header("idempotency-key", "import-1").await.ok();
    assert_eq!(first.bytes, again.bytes);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(export(&y.lin, &y.atlas).await.last(), Some(&json!({"type": "end", "resources": 1})));
}

async fn a_dry_import_changes_nothing(g: Garth) {
    let y = yard(&g).await;
    let lines = file(&[json!({"kind": "task", "name": "x"})]);
    let dry = g.unchanged(async || import(&y.lin, &y.atlas, "?dry_run=true&settings=true", &lines).await.ok()).await;
    let done = import(&y.lin, &y.atlas, "?settings=true", &lines).await.ok();
    assert_same(&dry, &done);
    g.unchanged(async || {
        let wrong = file(&[json!({"kind": "task", "name": ""})]);
        import(&y.lin, &y.atlas, "?dry_run=true", &wrong).await.invalid("/lines/2/name");
    })
    .await;
}
