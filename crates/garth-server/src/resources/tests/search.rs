//! Stories about searching: which words find what, that nothing hidden is told by it, and that the words stay those of
//! the resource whatever becomes of it.

use super::RESOURCES;
use crate::support::*;
use garth_server::resources;

stories! {
    words_find_what_holds_them,
    every_script_is_searched_alike,
    what_is_no_search_is_refused_with_the_reason,
    signs_of_other_languages_mean_nothing,
    filters_narrow_a_search,
    chosen_fields_of_the_body_are_searched,
    secrets_are_never_found,
    a_change_of_the_fields_cuts_the_resources_anew,
    words_follow_whatever_becomes_of_a_resource,
    what_was_there_before_words_is_cut_once,
    n25_a_search_is_what_a_check_allows_at_every_page_size,
    a_word_is_found_alike_where_it_is_rare_and_where_it_is_common,
    n03_a_search_tells_nothing_of_what_is_hidden,
    a_search_among_changes_finds_each_thing_once,
    deleting_a_space_takes_its_words_along,
}

async fn found(by: &Person, query: &str) -> Vec<String> {
    sorted(by.get(&format!("{RESOURCES}?{query}")).await.ok().names())
}

fn q(text: &str) -> String {
    format!("q={}", percent(text))
}

async fn words_find_what_holds_them(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    g.home().await;
    ada.resource("task", "Fix the lift").labels(&["Urgent", "north wing"]).create().await;
    ada.resource("task", "Lift the fix_price of work").create().await;
    let third = ada.resource("task", "Workers' e-mail").labels(&["urgent-ish"]).create().await;
    let (fix, price, mail) = ("Fix the lift", "Lift the fix_price of work", "Workers' e-mail");
    for (text, names) in [
        ("fix", vec![fix, price]),
        ("FIX LIFT", vec![fix, price]),
        ("lift fix", vec![fix, price]),
        ("\"fix the\"", vec![fix]),
        ("\"the fix\"", vec![price]),
        ("\"lift fix\"", vec![]),
        ("fix-the", vec![fix]),
        ("li", vec![]),
        ("li*", vec![fix, price]),
        ("wor*", vec![price, mail]),
        ("work", vec![price]),
        ("\"fix pr\"*", vec![price]),
        ("urgent", vec![fix, mail]),
        ("\"north wing\" lift", vec![fix]),
        ("\"urgent north\"", vec![]),
        ("\"lift urgent\"", vec![]),
        ("email", vec![]),
        ("e-mail", vec![mail]),
        ("mail workers", vec![mail]),
        ("", vec![fix, price, mail]),
        ("  ", vec![fix, price, mail]),
        ("lift & fix", vec![fix, price]),
        ("nothing", vec![]),
        ("nothing fix", vec![]),
    ] {
        assert_eq!(found(&ada, &q(text)).await, sorted(names.into_iter().map(str::to_owned).collect()), "{text}");
    }
    let code = third["code"].as_str().expect("a code");
    assert_eq!(found(&ada, &q(code)).await, [mail]);
    assert_eq!(found(&ada, &q(&code.to_lowercase())).await, [mail]);
    // Spaces are searched by the same words.
    ada.post("/api/v1/spaces", json!({"name": "North Wing", "labels": ["secure-site"]})).await.created();
    let spaces = async |text: &str| ada.get(&format!("/api/v1/spaces?{}", q(text))).await.ok().names();
    for (text, there) in
        [("north", true), ("nor*", true), ("\"wing north\"", false), ("site secure", true), ("nort", false)]
    {
        assert_eq!(spaces(text).await.contains(&"North Wing".to_owned()), there, "{text}");
    }
    assert_eq!(spaces("").await.len(), 2);
}

async fn every_script_is_searched_alike(g: Garth) {
    let ada = g.admin().await;
    ada.kind("note").await;
    g.home().await;
    let names = [
        "L’École de Zürich",
        "Straßenbahn",
        "ΟΔΥΣΣΕΥΣ",
        "İstanbul",
        "東京都の図書館",
        "京都の東",
        "ｶﾀｶﾅ辞典",
        "한국어 사전",
        "Ёлка",
        "हिन्दी शब्द",
        "שָׁלוֹם",
        "مُحَمَّد",
        "ภาษาไทย",
    ];
    for name in names {
        ada.resource("note", name).create().await;
    }
    for (text, name) in [
        ("ecole", names[0]),
        ("ZURICH", names[0]),
        ("l'ecole", names[0]),
        ("e\u{301}cole", names[0]),
        ("STRASSENBAHN", names[1]),
        ("οδυσσεύς", names[2]),
        ("istanbul", names[3]),
        ("ISTANBUL", names[3]),
        ("東京", names[4]),
        ("図書館", names[4]),
        ("京都の", names[5]),
        ("カタカナ", names[6]),
        ("사전", names[7]),
        ("елка", names[8]),
        ("हिन्दी", names[9]),
        ("שלום", names[10]),
        ("محمد", names[11]),
        ("ไทย", names[12]),
    ] {
        let all = found(&ada, &q(text)).await;
        assert!(all.contains(&name.to_owned()), "{text} finds {all:?} and not {name}");
        assert_eq!(all.len(), usize::from(text == "京都の") + 1, "{text}: {all:?}");
    }
    assert!(found(&ada, &q("京東")).await.is_empty(), "next to one another, in that order");
}

async fn what_is_no_search_is_refused_with_the_reason(g: Garth) {
    let ada = g.admin().await;
    g.home().await;
    let many = vec!["w"; 17].join(" ");
    let long = "w".repeat(256);
    for (text, why) in [
        ("\"fix the", "not closed"),
        ("fix\"", "not closed"),
        ("*", "right after"),
        ("fix *", "right after"),
        ("f*x", "right after"),
        ("*fix", "right after"),
        ("fi**", "right after"),
        ("c++*", "right after"),
        ("%", "no word"),
        ("_ - !", "no word"),
        ("\"\"", "no word"),
        (&many, "at most 16"),
        (&long, "at most 255"),
    ] {
        for list in ["resources", "spaces"] {
            let refused = ada.get(&format!("/api/v1/{list}?{}", q(text))).await.invalid("?q");
            assert!(refused.to_string().contains(why), "{text}: {refused}");
        }
    }
    for time in ["created_from", "created_to", "updated_from", "updated_to"] {
        ada.get(&format!("{RESOURCES}?{time}=yesterday")).await.invalid(&format!("?{time}"));
    }
}

async fn signs_of_other_languages_mean_nothing(g: Garth) {
    let ada = g.admin().await;
    ada.kind("note").await;
    g.home().await;
    ada.resource("note", "a b").create().await;
    ada.resource("note", "axb").create().await;
    for text in ["a%b", "a_b", "a\\b", "a' OR '1'='1", "b%*", "a%*", "a b\\", "');--a"] {
        let answer = ada.get(&format!("{RESOURCES}?{}", q(text))).await;
        if answer.status == 422 {
            answer.invalid("?q");
        } else {
            assert!(!answer.ok().names().contains(&"axb".to_owned()), "{text}");
        }
    }
    assert_eq!(found(&ada, &q("a_b")).await, ["a b"], "two words, next to one another");
}

async fn filters_narrow_a_search(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    ada.kind("report").await;
    let home = g.home().await;
    let atlas = ada.space("Atlas").create().await;
    let old = ada.space("Old").create().await;
    let begin = g.time_in(0);
    let first = ada.resource("task", "Lift north").labels(&["bug"]).owner(&lin).create().await;
    g.pass(10 * SECOND);
    lin.resource("report", "Lift report").space(&home).create().await;
    ada.resource("task", "Lift south").space(&atlas).create().await;
    ada.resource("task", "Lift of old").space(&old).create().await;
    let kept = ada.resource("task", "Lift put away").create().await;
    ada.post(&kept.url("/archive"), json!({})).await.ok();
    ada.post(&old.url("/archive"), json!({})).await.ok();
    g.pass(10 * SECOND);
    ada.patch(&first.url(""), json!({"body": {"seen": true}})).await.ok();
    let time = |seconds: i64| percent(&g.time_in((seconds - 20) * SECOND));
    let (zero, begin) = (time(0), percent(&begin));
    assert_eq!(zero, begin);
    for (query, names) in [
        (String::new(), vec!["Lift north", "Lift report", "Lift south"]),
        ("&kind=report".to_owned(), vec!["Lift report"]),
        ("&label=bug".to_owned(), vec!["Lift north"]),
        (format!("&owner={}", lin.principal()), vec!["Lift north"]),
        (format!("&author={}", lin.principal()), vec!["Lift report"]),
        (format!("&space={}", atlas.id), vec!["Lift south"]),
        (format!("&space={}&space={}", atlas.id, old.id), vec!["Lift of old", "Lift south"]),
        ("&archived=true".to_owned(), vec!["Lift north", "Lift of old", "Lift put away", "Lift report", "Lift south"]),
        (format!("&created_from={}", time(10)), vec!["Lift report", "Lift south"]),
        (format!("&created_from={zero}&created_to={}", time(10)), vec!["Lift north"]),
        (format!("&created_to={zero}"), vec![]),
        (format!("&updated_from={}", time(20)), vec!["Lift north"]),
        (format!("&updated_from={}&updated_to={}", time(10), time(20)), vec!["Lift report", "Lift south"]),
        (format!("&updated_from={}", time(21)), vec![]),
        (format!("&created_from={}&created_to={}", time(20), time(10)), vec![]),
    ] {
        assert_eq!(found(&ada, &format!("q=lift{query}")).await, names, "{query}");
        assert_eq!(found(&ada, &query).await, names, "without a word: {query}");
    }
}

async fn chosen_fields_of_the_body_are_searched(g: Garth) {
    let ada = g.admin().await;
    let fields = json!({"search_fields": ["/text", "/tags", "/deep/er", "/size"]});
    let kind = ada.kind_with("note", fields.clone()).await;
    assert_eq!(kind["search_fields"], fields["search_fields"]);
    assert_eq!(kind["search_ready"], true);
    let lin = g.person("lin").await;
    let shown = lin.get(&kind.url("")).await.ok();
    assert_eq!(shown["search_fields"], fields["search_fields"]);
    assert_eq!(shown["search_ready"], Value::Null, "how long it takes is not everybody's business");
    g.home().await;
    let body = json!({
        "text": "Mend the garden gate", "tags": ["oak wood", 7, {"no": "never"}, ["never"]], "deep": {"er": "below"},
        "size": 12.5, "other": "elsewhere", "flag": true,
    });
    let note = ada.resource("note", "First").body(body).create().await;
    ada.resource("note", "Second").body(json!({"text": ["gate", "garden"], "other": "gate"})).create().await;
    for (text, names) in [
        ("gate", vec!["First", "Second"]),
        ("\"garden gate\"", vec!["First"]),
        ("\"gate garden\"", vec![]),
        ("first oak", vec!["First"]),
        ("\"oak wood\"", vec!["First"]),
        ("wood*", vec!["First"]),
        ("7", vec!["First"]),
        ("12.5", vec!["First"]),
        ("below", vec!["First"]),
        ("elsewhere", vec![]),
        ("never", vec![]),
        ("true", vec![]),
        ("\"first mend\"", vec![]),
    ] {
        assert_eq!(found(&ada, &q(text)).await, names, "{text}");
    }
    ada.patch(&note.url(""), json!({"body": {"text": "Paint", "deep": null}})).await.ok();
    assert_eq!(found(&ada, "q=gate").await, ["Second"]);
    assert_eq!(found(&ada, "q=paint%20wood").await, ["First"]);
    assert!(found(&ada, "q=below").await.is_empty());
    g.unchanged(async || {
        for (wrong, at) in [
            (json!(["text"]), "/search_fields/0"),
            (json!(["/text", "/text"]), "/search_fields/1"),
            (json!(["/a~2"]), "/search_fields/0"),
            (json!((0..65).map(|n| format!("/f{n}")).collect::<Vec<_>>()), "/search_fields"),
        ] {
            ada.patch(&kind.url(""), json!({ "search_fields": wrong })).await.invalid(at);
        }
    })
    .await;
    let most: Vec<String> = (0..64).map(|n| format!("/f{n}")).collect();
    ada.patch(&kind.url(""), json!({ "search_fields": most })).await.ok();
}

async fn secrets_are_never_found(g: Garth) {
    let ada = g.admin().await;
    let fields = json!({"secret_fields": ["/login/password"], "search_fields": ["/host"]});
    let kind = ada.kind_with("bridge", fields).await;
    g.home().await;
    let body = json!({"host": "mail", "login": {"password": "hunter2hunter2"}, "token": "opensesame"});
    let bridge = ada.resource("bridge", "Mail").body(body).create().await;
    g.unchanged(async || {
        for inside in ["/login/password", "/login", "/login/password/x"] {
            ada.patch(&kind.url(""), json!({"search_fields": ["/host", inside]})).await.invalid("/search_fields/1");
        }
        let body = json!({"name": "lock", "prefix": "LK", "secret_fields": ["/a"], "search_fields": ["/a"]});
        ada.post("/api/v1/kinds", body).await.invalid("/search_fields/0");
        ada.patch(&kind.url(""), json!({"secret_fields": ["/host"]})).await.invalid("/search_fields/0");
    })
    .await;
    // A field that people were found by becomes secret: from that answer on nobody finds it by what it held.
    ada.patch(&kind.url(""), json!({"search_fields": ["/token", "/host"]})).await.ok();
    resources::cut_waiting(&g.app()).await.expect("cut");
    assert_eq!(found(&ada, "q=opensesame").await, ["Mail"]);
    ada.patch(&kind.url(""), json!({"search_fields": ["/host"], "secret_fields": ["/token"]})).await.ok();
    for text in ["opensesame", "\"opensesame\"", "opens*"] {
        assert!(found(&ada, &q(text)).await.is_empty(), "{text}");
    }
    resources::cut_waiting(&g.app()).await.expect("cut");
    assert!(found(&ada, "q=opensesame").await.is_empty());
    assert_eq!(found(&ada, "q=mail").await, ["Mail"]);
    ada.patch(&bridge.url(""), json!({"body": {"token": "another", "host": "post"}})).await.ok();
    assert!(found(&ada, "q=another").await.is_empty());
    assert_eq!(found(&ada, "q=post").await, ["Mail"]);
    let stored = [g.rows("resource_words").await, g.rows("resource_terms").await].concat().join(" ");
    for secret in ["hunter2", "opensesame", "another"] {
        assert!(!stored.contains(secret), "{secret} is among the words");
    }
}

async fn a_change_of_the_fields_cuts_the_resources_anew(g: Garth) {
    let ada = g.admin().await;
    let kind = ada.kind_with("note", json!({"search_fields": ["/text"]})).await;
    ada.kind("task").await;
    g.home().await;
    // More than are cut at a time, with others between them.
    let notes = |from: usize| -> Vec<Value> {
        let each = (from..from + 150).flat_map(|n| {
            let body = json!({"text": format!("old{n}"), "more": format!("new{n} fresh")});
            [json!({"kind": "note", "name": format!("Note {n}"), "body": body}), json!({"kind": "task", "name": "T"})]
        });
        each.collect()
    };
    ada.post("/api/v1/resources/batch", json!({"resources": notes(0)})).await.created();
    assert_eq!(found(&ada, "q=old7").await, ["Note 7"]);
    let ready = async || ada.get(&kind.url("")).await.ok()["search_ready"].clone();
    g.unchanged(async || {
        ada.patch(&kind.url("?dry_run=true"), json!({"search_fields": ["/more"]})).await.ok();
    })
    .await;
    assert_eq!(ready().await, true);
    let changed = ada.patch(&kind.url(""), json!({"search_fields": ["/more"]})).await.ok();
    assert_eq!(changed["search_ready"], false);
    // Until it is cut anew, a resource is found by its name; what is written meanwhile is cut as it counts.
    assert!(found(&ada, "q=old7").await.is_empty());
    assert!(found(&ada, "q=new7").await.is_empty());
    assert_eq!(found(&ada, &q("\"note 7\"")).await, ["Note 7"]);
    let one = ada.get(&format!("{RESOURCES}?{}", q("\"note 7\""))).await.ok().items().remove(0);
    let url = format!("{RESOURCES}/{}", one["id"].as_str().expect("an id"));
    ada.patch(&url, json!({"name": "Note seven"})).await.ok();
    assert_eq!(found(&ada, "q=new7").await, ["Note seven"]);
    // A restart in the middle loses nothing.
    g.restart().await;
    assert_eq!(ready().await, false);
    assert_eq!(resources::cut_waiting(&g.app()).await.expect("cut"), 150);
    assert_eq!(ready().await, true);
    assert_eq!(ada.all_pages(&format!("{RESOURCES}?q=fresh"), 100).await.len(), 150);
    assert!(found(&ada, "q=old9").await.is_empty());
    assert_eq!(resources::cut_waiting(&g.app()).await.expect("cut"), 0);
    // The same again changes nothing.
    assert_eq!(ada.patch(&kind.url(""), json!({"search_fields": ["/more"]})).await.ok()["search_ready"], true);
    // Changed while it is being changed: the last word counts.
    ada.patch(&kind.url(""), json!({"search_fields": ["/text"]})).await.ok();
    ada.patch(&kind.url(""), json!({"search_fields": ["/text", "/more"]})).await.ok();
    resources::cut_waiting(&g.app()).await.expect("cut");
    assert_eq!(found(&ada, &q("old9 new9")).await, ["Note 9"]);
}

async fn words_follow_whatever_becomes_of_a_resource(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    g.home().await;
    let (atlas, dark) = (ada.space("Atlas").create().await, ada.space("Dark").create().await);
    ada.grant(&atlas, &lin, "reader").await;
    let task = ada.resource("task", "Fix the lift").space(&atlas).labels(&["north"]).create().await;
    assert_eq!(found(&lin, "q=lift").await, ["Fix the lift"]);
    ada.patch(&task.url(""), json!({"name": "Mend the lift"})).await.ok();
    assert!(found(&lin, "q=fix").await.is_empty());
    assert_eq!(found(&lin, "q=mend").await, ["Mend the lift"]);
    ada.patch(&task.url(""), json!({"labels": ["south", "lift"]})).await.ok();
    assert!(found(&lin, "q=north").await.is_empty());
    assert_eq!(found(&lin, &q("south lift")).await, ["Mend the lift"]);
    // Out of sight and back.
    ada.post(&task.url("/move"), json!({"space": dark.id})).await.ok();
    assert!(found(&lin, "q=lift").await.is_empty());
    assert_eq!(found(&ada, "q=lift").await, ["Mend the lift"]);
    ada.patch(&task.url(""), json!({"space": atlas.id, "name": "Back again"})).await.ok();
    assert_eq!(found(&lin, &q("again lift")).await, ["Back again"]);
    ada.patch(&task.url(""), json!({"view": {"users": [ada.principal()]}})).await.ok();
    assert!(found(&lin, "q=again").await.is_empty());
    ada.patch(&task.url(""), json!({"view": null, "owner": lin.principal()})).await.ok();
    assert_eq!(found(&lin, "q=again").await, ["Back again"]);
    ada.post(&task.url("/archive"), json!({})).await.ok();
    assert!(found(&lin, "q=again").await.is_empty());
    assert_eq!(found(&lin, "q=again&archived=true").await, ["Back again"]);
    ada.post(&task.url("/activate"), json!({})).await.ok();
    assert_eq!(found(&lin, "q=again").await, ["Back again"]);
    // What is refused changes no word either.
    g.unchanged(async || {
        ada.patch(&task.url(""), json!({"name": "Never", "labels": [""]})).await.refused(422, "invalid");
        lin.patch(&task.url(""), json!({"name": "Never"})).await.refused_somehow();
        ada.patch(&task.url("?dry_run=true"), json!({"name": "Never"})).await.ok();
    })
    .await;
    ada.delete(&task.url("")).await.done();
    assert!(found(&ada, "q=again&archived=true").await.is_empty());
    assert!(g.rows("resource_words").await.is_empty() && g.rows("resource_terms").await.is_empty());
}

/// A database of before leaves its resources without words and each kind waiting (see the migration).
async fn what_was_there_before_words_is_cut_once(g: Garth) {
    let ada = g.admin().await;
    ada.kind_with("note", json!({"search_fields": ["/text"]})).await;
    ada.kind("task").await;
    g.home().await;
    for n in 0..5 {
        ada.resource("note", &format!("Note {n}")).body(json!({"text": "gate"})).labels(&["green"]).create().await;
        ada.resource("task", &format!("Task {n}")).labels(&["green"]).create().await;
    }
    let before = (sorted(g.rows("resource_words").await), sorted(g.rows("resource_terms").await));
    g.meddle("DELETE FROM resource_terms; DELETE FROM resource_words; UPDATE kinds SET search_next = 0;").await;
    g.restart().await;
    assert!(found(&ada, "q=green").await.is_empty());
    assert_eq!(found(&ada, "").await.len(), 10, "without words, all are there");
    // One that is changed meanwhile is found from then on.
    let first = ada.get(&format!("{RESOURCES}?order=created&limit=1")).await.ok().items().remove(0);
    let url = format!("{RESOURCES}/{}", first["id"].as_str().expect("an id"));
    ada.patch(&url, json!({"labels": ["green", "x"]})).await.ok();
    ada.patch(&url, json!({"labels": ["green"]})).await.ok();
    assert_eq!(found(&ada, "q=green").await.len(), 1);
    assert_eq!(resources::cut_waiting(&g.app()).await.expect("cut"), 10);
    assert_eq!(found(&ada, "q=green").await.len(), 10);
    assert_eq!(found(&ada, "q=gate").await.len(), 5);
    let after = (sorted(g.rows("resource_words").await), sorted(g.rows("resource_terms").await));
    assert_eq!(before, after, "as if they had been cut when they were made");
}

/// People see different parts of a world of many words; whatever they search for, they get what the list without it
/// has and what holds the words, in its order.
async fn n25_a_search_is_what_a_check_allows_at_every_page_size(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo] = [g.person("lin").await, g.person("bo").await];
    ada.kind_with("task", json!({"exceptions": {"owner": ["view"]}, "search_fields": ["/text"]})).await;
    ada.kind("report").await;
    let home = g.home().await;
    let atlas = ada.space("Atlas").create().await;
    let dark = ada.space("Dark").create().await;
    ada.role("tasker", &["task:read"]).await;
    ada.grant(&atlas, &lin, "tasker").await;
    // Bo passes the gate of Dark by a role that reads reports: of tasks he sees what he owns.
    ada.role("guest", &["report:read"]).await;
    ada.grant(&dark, &bo, "guest").await;
    let subscribers = json!({"rules": [
        {"effect": "allow", "who": {"users": [ada.principal()]}}, {"effect": "allow", "who": "subscribers"},
        {"effect": "allow", "who": "owner"}], "default": "deny"});
    let words = ["lift", "gate", "oak", "paint", "north wing", "東京"];
    let spaces = [&home, &atlas, &dark];
    let mut list = Vec::new();
    for n in 0..120_usize {
        let mut resource = json!({
            "kind": if n % 5 == 0 { "report" } else { "task" },
            "name": format!("{} {}", words[n % 6], words[(n / 6) % 6]),
            "space": spaces[n % 3].id,
            "labels": if n % 4 == 0 { json!([words[n % 5]]) } else { json!([]) },
            "body": {"text": words[(n / 7) % 6]},
            "owner": if n % 3 == 0 { json!(bo.principal()) } else { Value::Null },
            "subscribers": if n % 2 == 0 { json!([lin.principal()]) } else { json!([bo.principal()]) },
        });
        if n % 8 == 0 {
            resource["view"] = subscribers.clone();
        }
        list.push(resource);
    }
    ada.post("/api/v1/resources/batch", json!({"resources": list})).await.created();
    let holds = |item: &Value, wanted: &str| {
        let texts = [item["name"].as_str(), item["labels"][0].as_str()];
        let body = item["body"]["text"].as_str().filter(|_| item["kind"] == "task");
        texts.into_iter().chain([body]).flatten().any(|text| text.contains(wanted))
    };
    for person in [&ada, &lin, &bo] {
        for order in ["updated", "-created", "name"] {
            let seen = person.all_pages(&format!("{RESOURCES}?order={order}"), 100).await;
            for (text, parts) in [
                ("lift", vec!["lift"]),
                ("gate oak", vec!["gate", "oak"]),
                ("\"north wing\"", vec!["north wing"]),
                ("pai*", vec!["paint"]),
                ("東京", vec!["東京"]),
                ("lift \"wing\"", vec!["lift", "wing"]),
            ] {
                let right: Vec<&Value> =
                    seen.iter().filter(|item| parts.iter().all(|part| holds(item, part))).collect();
                for limit in [1, 2, 5, 16, 53, 54, 100] {
                    if limit < 5 && order != "updated" {
                        continue;
                    }
                    let path = format!("{RESOURCES}?order={order}&{}", q(text));
                    let listed = person.all_pages(&path, limit).await;
                    assert!(
                        listed.iter().eq(right.iter().copied()),
                        "{} searches {text} by {order}, pages of {limit}",
                        person.username
                    );
                }
            }
        }
    }
}

/// More than are read one by one, so that the search goes through the order instead.
async fn a_word_is_found_alike_where_it_is_rare_and_where_it_is_common(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    g.home().await;
    for batch in 0..11 {
        let list: Vec<Value> = (0..500)
            .map(|n| {
                let number = batch * 500 + n;
                let rare = if number % 1_000 == 7 { " rare" } else { "" };
                json!({"kind": "task", "name": format!("common {number}{rare}")})
            })
            .collect();
        ada.post("/api/v1/resources/batch", json!({ "resources": list })).await.created();
    }
    let rare = ada.all_pages(&format!("{RESOURCES}?q=rare&order=name"), 4).await;
    for text in ["common rare", "com* rare", "rare \"common\""] {
        assert_eq!(ada.all_pages(&format!("{RESOURCES}?order=name&{}", q(text)), 5).await, rare, "{text}");
    }
    assert_eq!(rare.len(), 6);
    let all = ada.get(&format!("{RESOURCES}?order=name&limit=100")).await.ok().items();
    for text in ["common", "com*", "\"common\" c*"] {
        let first = ada.get(&format!("{RESOURCES}?order=name&limit=100&{}", q(text))).await.ok();
        assert_eq!(first.items(), all, "{text}");
        let next = format!("{RESOURCES}?order=name&limit=100&{}&cursor={}", q(text), percent(&first.text("next")));
        assert_eq!(ada.get(&next).await.ok().items().len(), 100);
    }
    assert!(found(&ada, &q("common nothing")).await.is_empty());
}

async fn n03_a_search_tells_nothing_of_what_is_hidden(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind_with("task", json!({"search_fields": ["/text"]})).await;
    g.closed_home().await;
    let (open, dark) = (ada.space("Open").create().await, ada.space("Dark").create().await);
    ada.grant(&open, &lin, "reader").await;
    for n in 0..7 {
        ada.resource("task", &format!("Lift {n}")).space(&open).body(json!({"text": "shared word"})).create().await;
        g.pass(SECOND);
    }
    let queries = [
        q("lift"),
        q("word"),
        q("secretive"),
        q("secr*"),
        q("\"shared word\""),
        q("l*"),
        format!("{}&order=name", q("lift")),
        format!("{}&space={}", q("lift"), dark.id),
        format!("{}&order=-updated", q("shared lift")),
    ];
    let mut before = Vec::new();
    for query in &queries {
        before.push(lin.all_pages(&format!("{RESOURCES}?{query}"), 2).await);
    }
    let hidden: Vec<Value> = (0..300)
        .map(|n| {
            let body = json!({"text": "shared word secretive"});
            json!({"kind": "task", "name": format!("Lift {n} secretive"), "space": dark.id, "labels": ["lift"], "body": body})
        })
        .collect();
    ada.post("/api/v1/resources/batch", json!({ "resources": hidden })).await.created();
    for (query, before) in queries.iter().zip(before) {
        assert_eq!(lin.all_pages(&format!("{RESOURCES}?{query}"), 2).await, before, "{query}");
        let whole = lin.get(&format!("{RESOURCES}?{query}&limit=100")).await.ok();
        assert!(whole["next"].is_null(), "nothing more is hinted at: {query}");
    }
    let code = ada.get(&format!("{RESOURCES}?q=secretive&limit=1")).await.ok().items()[0]["code"].clone();
    assert!(found(&lin, &q(code.as_str().expect("a code"))).await.is_empty());
}

async fn a_search_among_changes_finds_each_thing_once(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    g.home().await;
    let mut tasks = Vec::new();
    for n in 0..10 {
        tasks.push(ada.resource("task", &format!("Lift {n}")).create().await);
    }
    for round in 0..20 {
        let task = &tasks[round % 10];
        let answers = race(vec![
            ada.patch(&task.url(""), json!({"name": format!("Lift again {round}")})),
            ada.patch(&task.url(""), json!({"labels": [format!("round {round}")]})),
            ada.get(&format!("{RESOURCES}?q=lift")),
            ada.get(&format!("{RESOURCES}?{}", q("li* lift"))),
        ])
        .await;
        for answer in answers.into_iter().skip(2) {
            let mut ids: Vec<String> =
                answer.ok().items().iter().map(|item| item["id"].as_str().expect("an id").to_owned()).collect();
            ids.sort();
            ids.dedup();
            assert_eq!(ids.len(), 10, "round {round}");
        }
        let now = ada.get(&task.url("")).await.ok();
        for text in [format!("\"again {round}\""), format!("\"round {round}\"")] {
            assert_eq!(found(&ada, &q(&text)).await, [now["name"].as_str().expect("a name")], "{text}");
        }
    }
}

async fn deleting_a_space_takes_its_words_along(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    g.home().await;
    let atlas = ada.space("Atlas").create().await;
    ada.resource("task", "Stays").create().await;
    ada.resource("task", "Goes with it").space(&atlas).create().await;
    ada.post(&atlas.url("/archive"), json!({})).await.ok();
    assert_eq!(found(&ada, "q=goes&archived=true").await, ["Goes with it"]);
    ada.delete(&atlas.url("?confirm=Atlas")).await.done();
    assert!(found(&ada, "q=goes&archived=true").await.is_empty());
    assert_eq!(g.rows("resource_words").await.len(), 1);
    assert_eq!(g.rows("resource_terms").await.len(), 1);
}
