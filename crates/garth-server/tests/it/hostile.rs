//! Stories about hostile input: nesting bombs, odd texts, cursors that were tampered with, numbers at their limits.
//! Each is refused with a whole problem and has changed nothing, or is taken literally.

use crate::support::*;
use axum::http::Method;
use std::time::{Duration, Instant};

stories! {
    n65_a_nesting_bomb_is_refused_wherever_a_body_is_read,
    n65_a_policy_is_no_deeper_than_it_may_be,
    n65_a_named_policy_does_not_multiply_the_work,
    n65_a_schema_that_leads_to_itself_is_refused,
    n65_a_thousand_mistakes_make_a_short_answer,
    n66_many_keys_and_double_keys_are_refused,
    n66_numbers_beyond_all_bounds_are_refused_or_kept,
    n66_texts_that_are_none_are_refused,
    n66_separators_in_an_id_name_nobody,
    n67_an_id_has_one_spelling,
    n67_a_name_composed_otherwise_is_the_same_name,
    n68_a_cursor_that_is_not_whole_is_refused_by_every_list,
    n69_numbers_at_their_limits_neither_wrap_nor_overflow,
}

/// Longer than any refusal of nonsense takes, on the slowest machine.
const SOON: Duration = Duration::from_secs(5);

/// Every route that takes a body, with an id that names nothing.
async fn routes_with_bodies(g: &Garth) -> Vec<(Method, String)> {
    let document = g.anonymous().get("/api/v1/openapi.json").await.ok();
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            // An import takes lines, not one document: its stories lie beside it.
            if operation["requestBody"]["content"]["application/json"].is_object() {
                routes.push((method.to_uppercase().parse().expect("a method"), placed(path)));
            }
        }
    }
    assert!(routes.len() > 20, "{routes:?}");
    routes
}

/// A path of the document with an id that names nothing in every place.
fn placed(path: &str) -> String {
    let mut parts = path.split('{');
    let mut url = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        url.push_str("0197a0c0-0000-7000-8000-000000000000");
        url.push_str(part.split_once('}').map_or("", |(_, rest)| rest));
    }
    url
}

/// Nested so often: `{"rules":[{"effect":"allow","who":…}],"default":"deny"}`.
fn nested(times: usize) -> Value {
    let wrap = |inner| json!({"rules": [{"effect": "allow", "who": inner}], "default": "deny"});
    (0..times).fold(json!("members"), |inner, _| wrap(inner))
}

async fn n65_a_nesting_bomb_is_refused_wherever_a_body_is_read(g: Garth) {
    let ada = g.admin().await;
    let home = g.home().await;
    ada.kind("task").await;
    let task = ada.resource("task", "One").create().await;
    let deep = |open: &str, close: &str, times: usize| format!("{}1{}", open.repeat(times), close.repeat(times));
    let bombs = [
        deep("[", "]", 100_000),
        deep("{\"a\":", "}", 100_000),
        "[".repeat(500_000),
        "{\"a\":[".repeat(100_000),
        format!("{{\"a\": {}}}", deep("[", "]", 64)),
        format!("{{\"body\": {}}}", deep("{\"a\":[", "]}", 40)),
    ];
    let mut routes = routes_with_bodies(&g).await;
    routes.push((Method::PATCH, task.url("")));
    routes.push((Method::PATCH, home.url("")));
    g.unchanged(async || {
        for (method, url) in &routes {
            for bomb in &bombs {
                let began = Instant::now();
                let answer = ada.call(method.clone(), url).raw("application/json", bomb.as_bytes()).await;
                // What anybody may send is held to a size of its own.
                let large = answer.status == 413;
                answer.refused(if large { 413 } else { 400 }, if large { "too_large" } else { "malformed" });
                assert!(began.elapsed() < SOON, "{method} {url} took {:?}", began.elapsed());
            }
        }
    })
    .await;
}

async fn n65_a_policy_is_no_deeper_than_it_may_be(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    ada.space("Deep").with("view", nested(15)).create().await;
    let home = g.admin().await.space("Home").create().await;
    let task = ada.resource("task", "Deep").view(nested(15)).create().await;
    g.unchanged(async || {
        let problem = |answer: Answer, at: &str| {
            let answer = answer.refused(422, "invalid");
            let errors = answer["errors"].as_array().expect("errors");
            assert!(errors.iter().all(|e| e["pointer"].as_str().is_some_and(|p| p.starts_with(at))), "{answer}");
        };
        for deeper in [nested(16), nested(17), nested(20)] {
            problem(ada.space("Deep").with("view", deeper.clone()).send().await, "/view");
            problem(ada.patch(&home.url(""), json!({"edit": deeper})).await, "/edit");
            problem(ada.resource("task", "x").view(deeper.clone()).send().await, "/view");
            problem(ada.patch(&task.url(""), json!({"edit": deeper})).await, "/edit");
            problem(ada.post("/api/v1/policies", json!({"name": "x", "policy": deeper})).await, "/policy");
            problem(
                ada.post("/api/v1/kinds", kind_body("page", json!({"default_view": deeper}))).await,
                "/default_view",
            );
        }
    })
    .await;
}

async fn n65_a_named_policy_does_not_multiply_the_work(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    ada.post("/api/v1/policies", json!({"name": "p0", "policy": "members"})).await.created();
    let mut refused = None;
    for level in 1..16 {
        let below = json!({"named": format!("@p{}", level - 1)});
        let rule = json!({"effect": "allow", "who": below});
        let policy = json!({"rules": [rule, rule, rule], "default": "deny"});
        let began = Instant::now();
        let answer = ada.post("/api/v1/policies", json!({"name": format!("p{level}"), "policy": policy})).await;
        assert!(began.elapsed() < SOON);
        if answer.status == 422 {
            refused = Some(level);
            break;
        }
        answer.created();
    }
    // Each level has three times the parts of the one below, and four more: 727 at the fifth, 2,185 at the sixth.
    assert_eq!(refused, Some(6));
}

async fn n65_a_schema_that_leads_to_itself_is_refused(g: Garth) {
    let ada = g.admin().await;
    let endless = [
        json!({"$ref": "#"}),
        json!({"allOf": [{"$ref": "#"}]}),
        json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}),
        json!({"$defs": {"a": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/a"}]}}, "not": {"$ref": "#/$defs/a"}}),
        json!({"if": {"$ref": "#"}, "then": true}),
    ];
    g.unchanged(async || {
        for schema in endless {
            let answer = ada.post("/api/v1/kinds", kind_body("page", json!({"schema": schema}))).await;
            answer.refused(422, "invalid");
        }
    })
    .await;
    // A tree may well lead to itself, one level down.
    let tree = json!({"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#"}}}});
    ada.kind_with("tree", json!({"schema": tree})).await;
    let body = json!({"children": [{"children": []}, {}]});
    ada.resource("tree", "Oak").body(body).create().await;
    ada.resource("tree", "Ash").body(json!({"children": [{"children": [7]}]})).send().await.refused(422, "invalid");
    // Each part twice what is below: as long as the schema, and twice the work with every part.
    let mut parts = serde_json::Map::new();
    for level in 0..40 {
        let below = json!({"$ref": format!("#/$defs/p{}", level + 1)});
        parts.insert(format!("p{level}"), json!({"allOf": [below, below]}));
    }
    parts.insert("p40".to_owned(), json!({"type": "object"}));
    let began = Instant::now();
    let schema = json!({"$ref": "#/$defs/p0", "$defs": parts});
    let answer = ada.post("/api/v1/kinds", kind_body("page", json!({"schema": schema}))).await;
    if answer.status == 201 {
        ada.resource("page", "One").body(json!({})).send().await;
    }
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
}

async fn n65_a_thousand_mistakes_make_a_short_answer(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    let list: Vec<u8> = vec![1; 500];
    let rule = json!({"effect": "allow", "who": {"users": list}});
    let rules = vec![rule; 450];
    let many = json!({"rules": rules, "default": "deny"});
    let labels = vec!["\u{7}"; 64];
    let resources: Vec<Value> = (0..500).map(|_| json!({"kind": "task", "name": "x", "labels": labels})).collect();
    g.unchanged(async || {
        for call in [
            ada.post("/api/v1/resources", json!({"kind": "task", "name": "x", "view": many})),
            ada.post("/api/v1/resources/batch", json!({"resources": resources})),
            ada.get(&format!("/api/v1/resources?{}", "a=&".repeat(5_000))),
        ] {
            let answer = call.await.refused(422, "invalid");
            let errors = answer["errors"].as_array().expect("errors").len();
            assert!((1..=100).contains(&errors), "{errors} errors, {} bytes", answer.bytes.len());
        }
    })
    .await;
}

async fn n66_many_keys_and_double_keys_are_refused(g: Garth) {
    let ada = g.admin().await;
    let keys: Vec<String> = (0..60_000).map(|n| format!("\"k{n}\":1")).collect();
    let many = format!("{{{}}}", keys.join(","));
    let routes = routes_with_bodies(&g).await;
    g.unchanged(async || {
        for (method, url) in &routes {
            let began = Instant::now();
            let answer = ada.call(method.clone(), url).raw("application/json", many.as_bytes()).await.refused_somehow();
            assert!(answer.bytes.len() < 64 * 1024, "{} bytes are answered", answer.bytes.len());
            assert!(began.elapsed() < SOON, "{method} {url} took {:?}", began.elapsed());
            for double in
                [r#"{"name": "a", "name": "a"}"#, r#"{"x": [{"a": {"b": 1, "b": 1}}]}"#, r#"{"a": 1, "\u0061": 2}"#]
            {
                ada.call(method.clone(), url).raw("application/json", double).await.refused(400, "malformed");
            }
        }
    })
    .await;
}

async fn n66_numbers_beyond_all_bounds_are_refused_or_kept(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    g.unchanged(async || {
        for beyond in
            ["1e309", "-1e309", "1e999999999", &format!("1{}", "0".repeat(400)), "NaN", "Infinity", "0x10", "01", "+1"]
        {
            let body = format!(r#"{{"kind": "task", "name": "x", "body": {{"n": {beyond}}}}}"#);
            ada.call(Method::POST, "/api/v1/resources").raw("application/json", body).await.refused(400, "malformed");
        }
    })
    .await;
    // Every number that a reader of JSON holds comes back as it was.
    let kept = [
        "0",
        "-1",
        "9223372036854775807",
        "-9223372036854775808",
        "18446744073709551615",
        "0.1",
        "1e308",
        "5e-324",
        "1.7976931348623157e308",
        "2.2250738585072014e-308",
        "123456789.01234567",
        "1.0715660391465e-75",
        "3.0e-12",
        "0.30000000000000004",
        "9007199254740993",
        "7.2057594037927933e16",
    ];
    let numbers: Vec<f64> = kept.iter().map(|text| text.parse().expect("a number")).collect();
    let body = format!(r#"{{"kind": "task", "name": "Numbers", "body": {{"n": [{}]}}}}"#, kept.join(","));
    let made = ada.call(Method::POST, "/api/v1/resources").raw("application/json", body).await.created();
    let read = ada.get(&format!("/api/v1/resources/{}", made.id())).await.ok();
    for (number, answer) in [(&made, "made"), (&read, "read")].map(|(answer, what)| (answer["body"]["n"].clone(), what))
    {
        let back: Vec<f64> =
            number.as_array().expect("numbers").iter().map(|n| n.as_f64().expect("a number")).collect();
        assert_eq!(back, numbers, "{answer}");
    }
    assert_eq!(read["body"]["n"][4], json!(u64::MAX));
}

async fn n66_texts_that_are_none_are_refused(g: Garth) {
    let ada = g.admin().await;
    let home = g.home().await;
    ada.kind("task").await;
    let routes = routes_with_bodies(&g).await;
    g.unchanged(async || {
        // Half a character, in a value and in a key; bytes that are no UTF-8; bare control characters.
        let broken: [&[u8]; 7] = [
            br#"{"name": "\ud800"}"#,
            br#"{"name": "\udc00\ud800"}"#,
            br#"{"\ud800": 1}"#,
            b"{\"name\": \"\xff\"}",
            b"{\"name\": \"\xed\xa0\x80\"}",
            b"{\"name\": \"\xc0\xaf\"}",
            b"{\"name\": \"a\x00b\x1f\"}",
        ];
        for (method, url) in &routes {
            for body in broken {
                ada.call(method.clone(), url).raw("application/json", body).await.refused(400, "malformed");
            }
        }
        // Marks that turn the reading direction, and control characters, are no part of a name.
        for mark in ["\u{0}", "\u{7}", "\u{1b}[31m", "\u{202e}", "\u{2066}", "\u{200f}", "\u{85}", "\r\n"] {
            let name = format!("a{mark}b");
            ada.space(&name).send().await.invalid("/name");
            ada.patch(&home.url(""), json!({"name": name})).await.invalid("/name");
            ada.resource("task", &name).send().await.invalid("/name");
            ada.post("/api/v1/groups", json!({"name": name})).await.invalid("/name");
            ada.post("/api/v1/roles", json!({"name": name, "permissions": ["task:read"]})).await.invalid("/name");
            ada.post("/api/v1/policies", json!({"name": name, "policy": "users"})).await.invalid("/name");
            ada.post("/api/v1/users", json!({"username": name})).await.invalid("/username");
        }
        for label in ["\u{0}", "\u{7}", "a\nb", ""] {
            ada.resource("task", "x").labels(&["fine", label]).send().await.invalid("/labels/1");
        }
    })
    .await;
}

async fn n66_separators_in_an_id_name_nobody(g: Garth) {
    let ada = g.admin().await;
    let home = g.home().await;
    let (kind, task) = (ada.kind("task").await, ada.resource("task", "One").create().await);
    let (space, id) = (&home.id, &task.id);
    g.unchanged(async || {
        for odd in [
            "|",
            ":",
            "a|b",
            "user:x",
            "..",
            "%2e%2e",
            "%2F",
            "%5C",
            "*",
            "'",
            "%22",
            "%00",
            "%0d%0a",
            "%e2%80%ae",
            "-",
            "@",
        ] {
            for url in [
                format!("/api/v1/spaces/{odd}"),
                format!("/api/v1/spaces/{space}{}", odd.replace('*', "%2A")),
                format!("/api/v1/resources/{odd}"),
                format!("/api/v1/resources/{id}%7C{odd}"),
                format!("/api/v1/kinds/{odd}"),
                format!("/api/v1/groups/{odd}"),
                format!("/api/v1/users/{odd}"),
            ] {
                ada.get(&url).await.refused(404, "not_found");
            }
        }
        let odd = [
            format!("user:{}|x", ada.id),
            format!("user:{}:x", ada.id),
            format!("user:user:{}", ada.id),
            format!("|user:{}", ada.id),
            format!("user: {}", ada.id),
            format!("User:{}", ada.id),
            format!("user:{}\u{0}", ada.id),
            "user:".to_owned(),
            ":".to_owned(),
            "|".to_owned(),
            "group:everyone|x".to_owned(),
            "user:@".to_owned(),
            "user:@ada|lin".to_owned(),
            "group:@@everyone".to_owned(),
            "everyone".to_owned(),
        ];
        for principal in &odd {
            ada.post(&home.url("/grants"), json!({"principal": principal, "role": "reader"}))
                .await
                .invalid("/principal");
            let owned = ada.resource("task", "x").with("owner", json!(principal)).send().await;
            owned.invalid("/owner");
            let view = json!({"users": [principal]});
            ada.resource("task", "x").view(view).send().await.invalid("/view/users/0");
            for kind in ["task", "task|space", "task:read", &format!("{}|", kind.id)] {
                let resource = format!("{id}|{principal}");
                assert!(!ada.may("read", kind, &resource).await, "{kind} {resource}");
            }
        }
    })
    .await;
    // A label is free text: what separates elsewhere is a letter there.
    let odd = ada.resource("task", "Odd").labels(&["a|b", "a:b", "a,b", "%", "_", "\""]).create().await;
    for label in ["a|b", "a:b", "a,b", "%", "_", "\""] {
        let found = ada.get(&format!("/api/v1/resources?label={}", percent(label))).await.ok();
        assert_eq!(found.each("id"), std::slice::from_ref(&odd.id), "{label}");
    }
    for part in ["a|", "a:c", "%25%25", "b"] {
        assert!(ada.get(&format!("/api/v1/resources?label={}", percent(part))).await.ok().items().is_empty(), "{part}");
    }
}

async fn n67_an_id_has_one_spelling(g: Garth) {
    let ada = g.admin().await;
    let home = g.home().await;
    let kind = ada.kind("task").await;
    let task = ada.resource("task", "One").create().await;
    let group = ada.group("crew", &[]).await;
    let spellings = |id: &str| {
        [id.to_uppercase(), id.replace('-', ""), format!("{{{id}}}"), format!("urn:uuid:{id}"), format!(" {id}")]
    };
    g.unchanged(async || {
        for thing in [&home, &task, &kind, &group] {
            let url = thing.url("");
            for other in spellings(&thing.id) {
                let url = url.replace(&thing.id, &percent(&other));
                ada.get(&url).await.refused(404, "not_found");
                let body = if url.contains("/groups/") { json!({"name": "taken"}) } else { json!({}) };
                ada.patch(&url, body).await.refused(404, "not_found");
            }
        }
        for other in spellings(&home.id) {
            assert!(ada.get(&format!("/api/v1/resources?space={}", percent(&other))).await.ok().items().is_empty());
            ada.resource("task", "x").with("space", json!(other)).send().await.invalid("/space");
        }
        for other in spellings(&ada.id) {
            let principal = format!("user:{other}");
            ada.post(&home.url("/grants"), json!({"principal": principal, "role": "reader"}))
                .await
                .invalid("/principal");
            ada.get(&format!("/api/v1/users/{}", percent(&other))).await.refused(404, "not_found");
        }
    })
    .await;
    // A code is for people to type: any case, O for 0, I and L for 1.
    let code = task["code"].as_str().expect("a code").to_lowercase();
    assert_eq!(ada.get(&format!("/api/v1/resources/{code}")).await.ok().id(), task.id);
}

async fn n67_a_name_composed_otherwise_is_the_same_name(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    // One rule on both engines: unique names are compared composed, usernames in lower case as well.
    let (composed, decomposed) = ("caf\u{e9}", "cafe\u{301}");
    for name in [composed, "CAF\u{c9}", "cafe"] {
        ada.group(name, &[]).await;
    }
    for taken in [composed, decomposed, "CAFE\u{301}"] {
        ada.post("/api/v1/groups", json!({"name": taken})).await.refused(409, "conflict");
    }
    let listed = ada.get("/api/v1/groups").await.ok().names();
    let listed: Vec<_> = listed.iter().filter(|name| name.to_lowercase().starts_with("caf")).collect();
    assert_eq!(listed, ["CAF\u{c9}", "cafe", composed]);
    // What need not be unique is kept as it came, and ordered byte by byte.
    for name in [composed, decomposed, "CAF\u{c9}", "cafe", "Zebra", "\u{e4}pfel", "\u{1f511}"] {
        ada.resource("task", name).create().await;
    }
    let bytewise = ["CAF\u{c9}", "Zebra", "cafe", decomposed, composed, "\u{e4}pfel", "\u{1f511}"];
    assert_eq!(ada.get("/api/v1/resources?order=name").await.ok().names(), bytewise);
    let paged = ada.all_pages("/api/v1/resources?order=name", 2).await;
    assert_eq!(paged.iter().map(|item| item["name"].as_str().expect("a name")).collect::<Vec<_>>(), bytewise);
    for (username, again) in
        [("Stra\u{df}e", "STRA\u{df}E"), ("\u{130}stanbul", "i\u{307}stanbul"), ("\u{3a3}\u{3a3}", "\u{3c3}\u{3c2}")]
    {
        ada.post("/api/v1/users", json!({"username": username})).await.created();
        ada.post("/api/v1/users", json!({"username": again})).await.refused(409, "conflict");
    }
    ada.post("/api/v1/users", json!({"username": composed})).await.created();
    ada.post("/api/v1/users", json!({"username": decomposed})).await.refused(409, "conflict");
}

async fn n68_a_cursor_that_is_not_whole_is_refused_by_every_list(g: Garth) {
    let ada = g.admin().await;
    let home = g.home().await;
    ada.kind("task").await;
    for name in ["one", "two", "three"] {
        ada.resource("task", name).create().await;
        ada.group(name, &[]).await;
    }
    let (group, task) = (ada.group("four", &[]).await, ada.resource("task", "four").create().await);
    let job = ada.resource("job", "Usage").body(json!({"report": {"type": "usage"}})).create().await;
    let cursor = ada.get("/api/v1/resources?limit=1&order=created").await.ok().text("next");
    let other = ada.get("/api/v1/groups?limit=1").await.ok().text("next");
    let cuts = [1, cursor.len() / 4, cursor.len() / 2, cursor.len() - 4, cursor.len() - 1];
    let mut wrong: Vec<String> = cuts.iter().map(|at| cursor[..*at].to_owned()).collect();
    wrong.extend([
        String::new(),
        "x".to_owned(),
        "\u{0}".to_owned(),
        " ".to_owned(),
        "null".to_owned(),
        "0".to_owned(),
        "-1".to_owned(),
        "=".to_owned(),
        "AAAA".repeat(20),
        "A".repeat(3_000),
        other.clone(),
        format!("{cursor}A"),
        format!("{cursor}="),
        format!("{cursor} "),
        format!(" {cursor}"),
        cursor.replace(&cursor[8..9], "!"),
        cursor.to_lowercase(),
        cursor.chars().rev().collect(),
    ]);
    let document = g.anonymous().get("/api/v1/openapi.json").await.ok();
    let mut lists = 0;
    for (path, methods) in document["paths"].as_object().expect("paths") {
        let parameters = methods["get"]["parameters"].as_array().cloned().unwrap_or_default();
        if !parameters.iter().any(|parameter| parameter["name"] == "cursor") {
            continue;
        }
        lists += 1;
        let of = [("/groups/", &group.id), ("/users/", &ada.id), ("/resources/", &task.id), ("/jobs/", &job.id)];
        // In front of a page's address stands a space.
        let id = of.iter().find(|(noun, _)| path.contains(noun) && !path.starts_with("/s/"));
        let id = id.map_or(&home.id, |(_, id)| *id);
        let url = path.replace("{id}", id).replace("{space}", id).replace("{group}", id);
        let url = url.replace("{resource}", &job.id);
        assert!(!url.contains('{'), "whose list is it? {url}");
        for cursor in &wrong {
            // The page of groups is that list, too.
            if path.ends_with("/groups") && *cursor == other {
                continue;
            }
            let answer = ada.get(&format!("{url}?limit=1&cursor={}", percent(cursor))).await;
            answer.invalid("?cursor");
        }
        ada.get(&format!("{url}?cursor={0}&cursor={0}", percent(&other))).await.refused(422, "invalid");
    }
    assert!(lists >= 8, "{lists} lists");
    // Whole, it goes on where it ended.
    let next = ada.get(&format!("/api/v1/resources?limit=1&order=created&cursor={}", percent(&cursor))).await.ok();
    assert_eq!(next.items().len(), 1);
}

async fn n69_numbers_at_their_limits_neither_wrap_nor_overflow(g: Garth) {
    let ada = g.admin().await;
    let home = g.home().await;
    ada.kind("task").await;
    let task = ada.resource("task", "One").create().await;
    g.unchanged(async || {
        for list in ["/api/v1/resources", "/api/v1/spaces", "/api/v1/users", "/api/v1/audit"] {
            for limit in [
                "0",
                "101",
                "-1",
                "-0",
                "1.0",
                "1e1",
                "%2B5",
                "%205",
                "",
                "007",
                "0x10",
                "4294967297",
                "18446744073709551617",
                "99999999999999999999999",
                "\u{664}",
            ] {
                ada.get(&format!("{list}?limit={}", limit.replace('\u{664}', "%D9%A4"))).await.invalid("?limit");
            }
        }
        for tag in ["\"0\"", "\"9223372036854775807\"", "\"-9223372036854775808\"", "\"-1\""] {
            ada.patch(&task.url(""), json!({"name": "x"}))
                .header("if-match", tag)
                .await
                .refused(409, "version_mismatch");
            ada.patch(&home.url(""), json!({"name": "x"}))
                .header("if-match", tag)
                .await
                .refused(409, "version_mismatch");
        }
        for tag in
            ["\"9223372036854775808\"", "\"18446744073709551617\"", "\"1e0\"", "\"+1\"", "\"01\"", "1", "\"1\", \"2\""]
        {
            ada.patch(&task.url(""), json!({"name": "x"})).header("if-match", tag).await.invalid("If-Match");
        }
        for time in [
            "0000-01-01T00:00:00Z",
            "-009999-01-02T00:00:00Z",
            "1970-01-01T00:00:00Z",
            "9999-12-31T23:59:60Z",
            "10000-01-01T00:00:00Z",
            "2262-04-12T00:00:00",
            "2262-04-12 00:00:00Z",
            "22620412T000000Z",
            "9999-12-30T22:00:00.999999Z",
            "2031-02-30T00:00:00Z",
            "2031-05-04T25:00:00Z",
            "99999999999999999999",
            "",
        ] {
            let grant = json!({"principal": ada.principal(), "role": "reader", "expires_at": time});
            ada.post(&home.url("/grants"), grant).await.invalid("/expires_at");
        }
        for number in [json!(9_223_372_036_854_775_807_i64), json!(u64::MAX), json!(-1), json!(1e300), json!(0.5)] {
            ada.post("/api/v1/spaces", json!({"name": number})).await.invalid("/name");
            let grant = json!({"principal": ada.principal(), "role": "reader", "expires_at": number});
            ada.post(&home.url("/grants"), grant).await.invalid("/expires_at");
            ada.patch("/api/v1/settings", json!({"audit_days": number})).await.invalid("/audit_days");
        }
    })
    .await;
    // The last moment that can be written is a good end of a grant.
    let lin = g.person("lin").await;
    let grant = json!({"principal": lin.principal(), "role": "reader", "expires_at": "9999-12-30T21:59:59.999999Z"});
    let made = ada.post(&home.url("/grants"), grant).await.created();
    assert_eq!(made["expires_at"], "9999-12-30T21:59:59.999999Z");
}
