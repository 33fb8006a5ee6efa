//! Stories about copies: what goes along, what a preview says, names that are taken, rights at both ends, secrets.

use crate::support::*;

stories! {
    a_copy_is_made_anew_and_stands_alone,
    references_are_copied_left_out_or_mapped,
    what_refers_to_each_other_does_so_among_the_copies,
    a_preview_is_what_happens,
    a_name_that_is_taken_is_changed,
    what_is_there_may_be_kept_or_replaced,
    a_copy_is_all_or_nothing,
    a_copy_without_what_it_needs_is_not_made,
    nothing_is_copied_to_where_it_lies,
    n41_a_copy_needs_rights_at_both_ends,
    n45_a_copy_carries_nothing_its_maker_may_not_see,
    secrets_are_sealed_anew_and_never_shown,
    a_hidden_reference_is_a_missing_one,
    policies_go_along_and_lock_nobody_out,
    a_request_that_makes_no_sense_is_refused,
}

/// An office with jobs that deliver and run in pools, and two spaces that Lin administers.
struct Office {
    ada: Person,
    lin: Person,
    here: Thing,
    there: Thing,
}

impl Office {
    async fn make(g: &Garth) -> Office {
        let ada = g.admin().await;
        let lin = g.person("lin").await;
        g.closed_home().await;
        let schema = json!({"type": "object", "properties": {"password": {"type": "string", "const": "s3cr3t"}}});
        ada.kind_with("channel", json!({"secret_fields": ["/password"], "schema": schema})).await;
        ada.kind_with("pool", json!({"shareable": true})).await;
        let deliveries = json!({"type": "array", "items": {"type": "object", "required": ["delivery"]}});
        let job = json!({
            "schema": {"type": "object", "properties": {"deliveries": deliveries}},
            "references": [
                {"pointer": "/deliveries/*/delivery", "kind": "channel"},
                {"pointer": "/pool", "kind": "pool"},
                {"pointer": "/after", "kind": "chore"},
            ],
        });
        ada.kind_with("chore", job).await;
        let here = ada.space("Here").admin(&lin).admin(&ada).create().await;
        let there = ada.space("There").admin(&lin).admin(&ada).create().await;
        Office { ada, lin, here, there }
    }

    async fn delivery(&self, name: &str) -> Thing {
        let body = json!({"host": "mail", "password": "s3cr3t"});
        self.lin.resource("channel", name).space(&self.here).body(body).create().await
    }

    async fn job(&self, name: &str, body: Value) -> Thing {
        self.lin.resource("chore", name).space(&self.here).body(body).create().await
    }

    fn copy(&self, by: &Person, order: Value) -> Call {
        by.post(&self.there.url("/copies"), order)
    }

    fn preview(&self, by: &Person, order: Value) -> Call {
        by.post(&self.there.url("/copies?dry_run=true"), order)
    }
}

fn outcomes(answer: &Answer) -> Vec<String> {
    answer.each("outcome")
}

fn copy_of(answer: &Answer, source: &Thing) -> String {
    let items = answer.items();
    let item = items.iter().find(|item| item["source"] == source.id).unwrap_or_else(|| panic!("no item: {answer}"));
    item["copy"].as_str().unwrap_or_else(|| panic!("no copy: {answer}")).to_owned()
}

async fn shown(by: &Person, id: &str) -> Answer {
    by.get(&format!("/api/v1/resources/{id}")).await.ok()
}

async fn a_copy_is_made_anew_and_stands_alone(g: Garth) {
    let o = Office::make(&g).await;
    let bo = g.person("bo").await;
    o.ada.grant_by_registry(&o.here, &bo, "reader").await;
    let source = o
        .ada
        .resource("pool", "Big machines")
        .space(&o.here)
        .body(json!({"size": 3}))
        .labels(&["big", "red"])
        .owner(&o.ada)
        .with("subscribers", json!([bo.principal(), o.ada.principal()]))
        .create()
        .await;
    o.ada.post(&source.url("/archive"), json!({})).await.ok();
    g.pass(SECOND);
    let before = o.ada.get(&source.url("")).await.ok();
    let made = o.copy(&o.lin, json!({"resources": [source["code"]]})).await.ok();
    assert_eq!(outcomes(&made), ["copied"]);
    assert_eq!(made.names(), ["Big machines"]);
    assert_eq!(made.items()[0]["source"], source.id);
    let copy = shown(&o.lin, &copy_of(&made, &source)).await;
    for same in ["kind", "name", "body", "labels"] {
        assert_eq!(copy[same], source[same], "{same}");
    }
    assert_eq!(copy["space"], o.there.id);
    assert_eq!(copy["author"], o.lin.principal());
    assert_eq!((&copy["owner"], &copy["subscribers"]), (&Value::Null, &json!([])));
    assert_eq!((&copy["archived"], &copy["version"]), (&json!(false), &json!(1)));
    assert_eq!(copy["created_at"], g.time_in(0));
    assert_ne!(copy["code"], source["code"]);
    assert!(copy.text("code").starts_with("PL-"));
    // Neither hears of the other afterwards.
    o.lin.patch(&format!("/api/v1/resources/{}", copy.id()), json!({"name": "Ours", "body": {"size": 5}})).await.ok();
    assert_eq!(o.ada.get(&source.url("")).await.ok().json, before.json);
    o.ada.delete(&source.url("")).await.done();
    assert_eq!(shown(&o.lin, &copy.id()).await["name"], "Ours");
    // On record where it went, with what it is, and where it was taken, without where to.
    let record = o.lin.get(&o.there.url("/audit?action=resource.copy")).await.ok().items();
    assert_eq!((record.len(), &record[0]["target"]["id"]), (1, &json!(copy.id())));
    assert_eq!(record[0]["after"]["name"], "Big machines");
    let record = o.lin.get(&o.here.url("/audit?action=resource.copy")).await.ok().items();
    assert_eq!((record.len(), &record[0]["target"]["id"]), (1, &json!(source.id)));
    assert!(!json!(record).to_string().contains(&o.there.id));
}

async fn references_are_copied_left_out_or_mapped(g: Garth) {
    let o = Office::make(&g).await;
    let (mail, chat, spare) = (o.delivery("Mail").await, o.delivery("Chat").await, o.delivery("Spare").await);
    let pool = o.lin.resource("pool", "Big").space(&o.here).create().await;
    let body = json!({
        "deliveries": [{"delivery": mail.id, "to": "a"}, {"delivery": chat.id, "to": "b"}, {"delivery": spare.id}],
        "pool": pool.id, "cron": "@daily",
    });
    let first = o.job("First", json!({"cron": "@hourly"})).await;
    let job = o
        .job("Nightly", {
            let mut b = body.clone();
            b["after"] = json!(first.id);
            b
        })
        .await;
    let own = o.lin.resource("pool", "Own").space(&o.there).create().await;

    // Nothing is said: references are left out, and a list's entry with its reference.
    let made = o.copy(&o.lin, json!({"resources": [job.id]})).await.ok();
    let copy = shown(&o.lin, &copy_of(&made, &job)).await;
    assert_eq!(copy["body"], json!({"deliveries": [], "cron": "@daily"}));
    o.lin.delete(&format!("/api/v1/resources/{}", copy.id())).await.done();

    // One left out, one mapped, all others copied.
    let order = json!({
        "resources": [job.id],
        "references": {chat.id.as_str(): "exclude", pool["code"].as_str().expect("a code"): {"use": own["code"]}},
        "default_reference": "copy",
    });
    let made = o.copy(&o.lin, order).await.ok();
    assert_eq!(made.each("source"), [&job.id, &mail.id, &spare.id, &first.id].map(Clone::clone));
    assert_eq!(outcomes(&made), ["copied"; 4]);
    let copy = shown(&o.lin, &copy_of(&made, &job)).await;
    let expected = json!({
        "deliveries": [{"delivery": copy_of(&made, &mail), "to": "a"}, {"delivery": copy_of(&made, &spare)}],
        "pool": own.id, "cron": "@daily", "after": copy_of(&made, &first),
    });
    assert_eq!(copy["body"], expected);
    // What was named refers to the copies of what was named with it, unless something else is said.
    let again = o.copy(&o.lin, json!({"resources": [job.id, first.id]})).await.ok();
    assert_eq!(outcomes(&again), ["renamed", "renamed"]);
    let copy = shown(&o.lin, &copy_of(&again, &job)).await;
    assert_eq!(copy["body"]["after"], copy_of(&again, &first));
    let apart = json!({"resources": [job.id, first.id], "references": {first.id.as_str(): "exclude"}});
    let apart = o.copy(&o.lin, apart).await.ok();
    assert_eq!(shown(&o.lin, &copy_of(&apart, &job)).await["body"].get("after"), None);
}

async fn what_refers_to_each_other_does_so_among_the_copies(g: Garth) {
    let o = Office::make(&g).await;
    let (one, two) = (o.job("One", json!({})).await, o.job("Two", json!({})).await);
    o.lin.patch(&one.url(""), json!({"body": {"after": two.id}})).await.ok();
    o.lin.patch(&two.url(""), json!({"body": {"after": one.id}})).await.ok();
    let own = o.job("Own tail", json!({})).await;
    o.lin.patch(&own.url(""), json!({"body": {"after": own.id}})).await.ok();
    let made = o.copy(&o.lin, json!({"resources": [one.id, own.id], "default_reference": "copy"})).await.ok();
    assert_eq!(made.names(), ["One", "Own tail", "Two"]);
    for (from, to) in [(&one, &two), (&two, &one), (&own, &own)] {
        assert_eq!(shown(&o.lin, &copy_of(&made, from)).await["body"]["after"], copy_of(&made, to));
    }
    // Each of them alone: its reference names nothing that is copied, and is left out.
    let alone = o.copy(&o.lin, json!({"resources": [two.id]})).await.ok();
    assert_eq!(shown(&o.lin, &copy_of(&alone, &two)).await["body"], json!({}));
}

/// The items without the ids of what is made, which a preview can only invent.
fn alike(answer: &Answer) -> Vec<Value> {
    let mut items = answer.items();
    for item in &mut items {
        if matches!(item["outcome"].as_str(), Some("copied" | "renamed")) && item.get("copy").is_some() {
            item["copy"] = json!("(made)");
        }
    }
    items
}

async fn a_preview_is_what_happens(g: Garth) {
    let o = Office::make(&g).await;
    let (mail, chat) = (o.delivery("Mail").await, o.delivery("Chat").await);
    let job = o.job("Nightly", json!({"deliveries": [{"delivery": mail.id}, {"delivery": chat.id}]})).await;
    o.lin.resource("chore", "Nightly").space(&o.there).create().await;
    o.lin.resource("channel", "Chat").space(&o.there).create().await;
    for (conflict, expected) in
        [("rename", ["renamed", "copied", "renamed"]), ("skip", ["skipped", "", ""]), ("replace", ["replaced", "", ""])]
    {
        let order = json!({"resources": [job.id], "default_reference": "copy", "on_conflict": conflict});
        let told = g.unchanged(async || o.preview(&o.lin, order.clone()).await.ok()).await;
        let made = o.copy(&o.lin, order).await.ok();
        assert_eq!(alike(&told), alike(&made), "{conflict}");
        assert_eq!(outcomes(&made)[0], expected[0], "{conflict}");
        if conflict == "rename" {
            assert_eq!(outcomes(&made), expected);
            assert_eq!(made.names(), ["Nightly (copy)", "Mail", "Chat (copy)"]);
        }
    }
}

async fn a_name_that_is_taken_is_changed(g: Garth) {
    let o = Office::make(&g).await;
    let long = "ü".repeat(127);
    let task = o.job("Nightly", json!({})).await;
    let wide = o.job(&long, json!({})).await;
    let mut names = Vec::new();
    for _ in 0..4 {
        names.extend(o.copy(&o.lin, json!({"resources": [task.id]})).await.ok().names());
    }
    assert_eq!(names, ["Nightly", "Nightly (copy)", "Nightly (copy 2)", "Nightly (copy 3)"]);
    // A copy of a copy is counted on; a gap is filled.
    let listed = o.lin.get(&format!("/api/v1/resources?space={}&order=name", o.there.id)).await.ok();
    let second = listed.items().iter().find(|item| item["name"] == "Nightly (copy)").expect("a copy").clone();
    let id = second["id"].as_str().expect("an id");
    o.lin.post(&format!("/api/v1/resources/{id}/move"), json!({"space": o.here.id})).await.ok();
    assert_eq!(o.copy(&o.lin, json!({"resources": [task.id]})).await.ok().names(), ["Nightly (copy)"]);
    assert_eq!(o.copy(&o.lin, json!({"resources": [id]})).await.ok().names(), ["Nightly (copy 4)"]);
    // Cut where it would be too long, between characters.
    for expected in [long.clone(), format!("{} (copy)", "ü".repeat(124)), format!("{} (copy 2)", "ü".repeat(123))] {
        assert_eq!(o.copy(&o.lin, json!({"resources": [wide.id]})).await.ok().names(), [expected]);
    }
    // Two of one name at once are no conflict with what was there: the second is renamed, whatever is asked for.
    let twin = o.job("Twin", json!({})).await;
    let other = o.job("Twin", json!({})).await;
    for conflict in ["rename", "skip", "replace"] {
        let order = json!({"resources": [twin.id, other.id], "on_conflict": conflict});
        let made = g.unchanged(async || o.preview(&o.lin, order).await.ok()).await;
        assert_eq!(made.names(), ["Twin", "Twin (copy)"], "{conflict}");
    }
    // Another kind, another space, other letters: no conflict. What the copier cannot see is none, either.
    o.lin.resource("pool", "Twin").space(&o.there).create().await;
    o.lin.resource("chore", "twin").space(&o.there).create().await;
    let only_ada = json!({"users": [o.ada.principal()]});
    o.ada.resource("chore", "Twin").space(&o.there).view(only_ada).create().await;
    assert_eq!(outcomes(&o.copy(&o.lin, json!({"resources": [twin.id]})).await.ok()), ["copied"]);
}

async fn what_is_there_may_be_kept_or_replaced(g: Garth) {
    let o = Office::make(&g).await;
    let mail = o.delivery("Mail").await;
    let job = o.job("Nightly", json!({"deliveries": [{"delivery": mail.id}], "cron": "@daily"})).await;
    let body = json!({"host": "theirs", "port": 25});
    let there =
        o.ada.resource("channel", "Mail").space(&o.there).body(body).labels(&["old"]).owner(&o.ada).create().await;
    let order = |conflict: &str| json!({"resources": [job.id], "default_reference": "copy", "on_conflict": conflict});

    // Kept: what refers to the source refers to what is there.
    let made = o.copy(&o.lin, order("skip")).await.ok();
    assert_eq!(outcomes(&made), ["copied", "skipped"]);
    assert_eq!(copy_of(&made, &mail), there.id);
    let copy = shown(&o.lin, &copy_of(&made, &job)).await;
    assert_eq!(copy["body"]["deliveries"][0]["delivery"], there.id);
    assert_eq!(o.ada.get(&there.url("")).await.ok().json, there.json);

    // Replaced: contents go into it, and all that is its own stays.
    g.pass(SECOND);
    let made = o.copy(&o.lin, order("replace")).await.ok();
    assert_eq!(outcomes(&made), ["replaced", "replaced"]);
    assert_eq!((copy_of(&made, &job), copy_of(&made, &mail)), (copy.id(), there.id.clone()));
    let now = shown(&o.lin, &there.id).await;
    assert_eq!(now["body"], json!({"host": "mail", "password": {"secret": true}}));
    assert_eq!(now["labels"], json!([]));
    for same in ["code", "author", "owner", "created_at", "space", "name"] {
        assert_eq!(now[same], there[same], "{same}");
    }
    assert_eq!((&now["version"], &now["updated_at"]), (&json!(2), &json!(g.time_in(0))));

    // Not where one may not write it, nor where it is not clear which.
    let only_ada = json!({"users": [o.ada.principal()]});
    o.ada.patch(&there.url(""), json!({"edit": only_ada})).await.ok();
    o.lin.resource("chore", "Nightly").space(&o.there).create().await;
    g.unchanged(async || {
        let refused = o.copy(&o.lin, order("replace")).await.refused(409, "conflict");
        assert_eq!(outcomes(&refused), ["not_allowed"]);
        let refused =
            o.copy(&o.lin, json!({"resources": [mail.id], "on_conflict": "replace"})).await.refused(409, "conflict");
        assert_eq!(outcomes(&refused), ["not_allowed"]);
    })
    .await;
}

async fn a_copy_is_all_or_nothing(g: Garth) {
    let o = Office::make(&g).await;
    let wes = g.person("wes").await;
    o.ada.grant_by_registry(&o.here, &wes, "writer").await;
    o.ada.grant_by_registry(&o.there, &wes, "writer").await;
    let mail = o.delivery("Mail").await;
    let job = o.job("Nightly", json!({"deliveries": [{"delivery": mail.id}]})).await;
    let order = json!({"resources": [job.id], "default_reference": "copy"});
    let refused = g.unchanged(async || o.copy(&wes, order.clone()).await.refused(409, "conflict")).await;
    assert_eq!(outcomes(&refused), ["copied", "not_allowed"]);
    assert!(refused.items().iter().all(|item| item.get("copy").is_none()), "{refused}");
    assert!(refused.items()[1]["reason"].as_str().is_some_and(|why| why.contains("space:admin")), "{refused}");
    let told = g.unchanged(async || o.preview(&wes, order).await.ok()).await;
    assert_eq!(told.items(), refused.items(), "a preview says the same, and is no refusal");
    // Without it, it works.
    let made = o.copy(&wes, json!({"resources": [job.id]})).await.ok();
    assert_eq!(shown(&wes, &copy_of(&made, &job)).await["body"], json!({"deliveries": []}));
}

async fn a_copy_without_what_it_needs_is_not_made(g: Garth) {
    let o = Office::make(&g).await;
    let needs = json!({
        "schema": {"type": "object", "required": ["pool"]},
        "references": [{"pointer": "/pool", "kind": "pool"}],
    });
    o.ada.kind_with("run", needs).await;
    let pool = o.lin.resource("pool", "Big").space(&o.here).create().await;
    let run = o.lin.resource("run", "Tonight").space(&o.here).body(json!({"pool": pool.id})).create().await;
    let order = |default: &str| json!({"resources": [run.id], "default_reference": default});
    g.unchanged(async || {
        let refused = o.copy(&o.lin, order("exclude")).await.refused(409, "conflict");
        assert_eq!(outcomes(&refused), ["missing_reference"]);
        assert_eq!(o.preview(&o.lin, order("exclude")).await.ok().items(), refused.items());
    })
    .await;
    assert_eq!(outcomes(&g.unchanged(async || o.preview(&o.lin, order("copy")).await.ok()).await), ["copied"; 2]);
    // Gone meanwhile: there is nothing to copy along.
    o.lin.delete(&pool.url("")).await.done();
    g.unchanged(async || {
        for default in ["copy", "exclude"] {
            let refused = o.copy(&o.lin, order(default)).await.refused(409, "conflict");
            assert_eq!(outcomes(&refused), ["missing_reference"], "{default}");
        }
    })
    .await;
    let own = o.lin.resource("pool", "Own").space(&o.there).create().await;
    let mapped = json!({"resources": [run.id], "references": {pool.id.as_str(): {"use": own.id}}});
    let made = o.copy(&o.lin, mapped).await.ok();
    assert_eq!(shown(&o.lin, &copy_of(&made, &run)).await["body"], json!({"pool": own.id}));
}

async fn nothing_is_copied_to_where_it_lies(g: Garth) {
    let o = Office::make(&g).await;
    let job = o.job("Nightly", json!({})).await;
    let own = o.lin.resource("chore", "Own").space(&o.there).create().await;
    g.unchanged(async || {
        let refused = o.copy(&o.lin, json!({"resources": [job.id, own.id]})).await.refused(409, "conflict");
        assert_eq!(outcomes(&refused), ["copied", "not_allowed"]);
        assert!(refused.items()[1]["reason"].as_str().is_some_and(|why| why.contains("this space")), "{refused}");
    })
    .await;
    // What is referred to and lies there already is referred to as it is.
    let below = o.ada.space("Below").under(&o.there).inherits().admin(&o.lin).admin(&o.ada).create().await;
    let pool = o.lin.resource("pool", "Shared").space(&o.there).create().await;
    let low = o.lin.resource("chore", "Low").space(&below).body(json!({"pool": pool.id})).create().await;
    let made = o.copy(&o.lin, json!({"resources": [low.id], "default_reference": "copy"})).await.ok();
    assert_eq!(outcomes(&made), ["copied", "skipped"]);
    assert_eq!(shown(&o.lin, &copy_of(&made, &low)).await["body"], json!({"pool": pool.id}));
    // What the target could use from above may stand for it, what it could not may not.
    let beside = o.lin.resource("chore", "Beside").space(&o.here).create().await;
    let far = o.lin.resource("pool", "Far").space(&o.here).create().await;
    o.lin.patch(&beside.url(""), json!({"body": {"pool": far.id}})).await.ok();
    let order = |other: &str| json!({"resources": [beside.id], "references": {far.id.as_str(): {"use": other}}});
    o.lin.post(&below.url("/copies"), order(&pool.id)).await.ok();
    let pointer = format!("/references/{}/use", far.id);
    g.unchanged(async || {
        o.lin.post(&below.url("/copies"), order(&far.id)).await.invalid(&pointer);
        o.lin.post(&below.url("/copies"), order(&low.id)).await.invalid(&pointer);
    })
    .await;
}

async fn n41_a_copy_needs_rights_at_both_ends(g: Garth) {
    let o = Office::make(&g).await;
    let [wes, rea, key] = [g.person("wes").await, g.person("rea").await, o.lin.key(&o.here, "app", "writer").await];
    o.ada.grant_by_registry(&o.here, &wes, "writer").await;
    o.ada.grant_by_registry(&o.here, &rea, "reader").await;
    o.ada.grant_by_registry(&o.there, &rea, "writer").await;
    let job = o.job("Nightly", json!({})).await;
    let mail = o.delivery("Mail").await;
    let order = json!({"resources": [job.id]});
    g.unchanged(async || {
        // The target is hidden: missing, to the byte; whatever the order says.
        for by in [&wes, &key] {
            let hidden = o.copy(by, order.clone()).await.refused(404, "not_found");
            let nowhere = strange(&o.there.id);
            let missing = by.post(&format!("/api/v1/spaces/{nowhere}/copies"), order.clone()).await;
            assert_missing(&hidden, &o.there.id, &missing, &nowhere);
        }
        // Reading at the source is not enough.
        let refused = o.copy(&rea, order.clone()).await.refused(409, "conflict");
        assert_eq!(outcomes(&refused), ["not_allowed"]);
        assert!(refused.items()[0]["reason"].as_str().is_some_and(|why| why.contains("chore:write")), "{refused}");
        o.copy(&g.anonymous(), order.clone()).await.not_signed_in();
    })
    .await;
    let reads = o.ada.grant_by_registry(&o.there, &wes, "reader").await;
    g.unchanged(async || {
        let refused = o.copy(&wes, order.clone()).await.refused(409, "conflict");
        assert_eq!(outcomes(&refused), ["not_allowed"]);
        assert!(refused.items()[0]["reason"].as_str().is_some_and(|why| why.starts_with("in the target")), "{refused}");
    })
    .await;
    o.lin.patch(&o.there.url(&format!("/grants/{}", reads.id)), json!({"role": "writer"})).await.ok();
    o.copy(&wes, order.clone()).await.ok();
    // Credentials go with administrators of where they lie.
    g.unchanged(async || o.copy(&wes, json!({"resources": [mail.id]})).await.refused(409, "conflict")).await;
    o.copy(&o.lin, json!({"resources": [mail.id]})).await.ok();
    // An archived target takes nothing, also when a space above it is archived; an archived source gives.
    let below = o.ada.space("Below").under(&o.there).admin(&o.lin).create().await;
    o.lin.post(&o.there.url("/archive"), json!({})).await.ok();
    g.unchanged(async || {
        for target in [&o.there, &below] {
            for dry in ["", "?dry_run=true"] {
                o.lin.post(&target.url(&format!("/copies{dry}")), order.clone()).await.refused(409, "archived");
            }
        }
    })
    .await;
    o.lin.post(&o.there.url("/activate"), json!({})).await.ok();
    o.lin.post(&o.here.url("/archive"), json!({})).await.ok();
    o.copy(&o.lin, order).await.ok();
}

async fn n45_a_copy_carries_nothing_its_maker_may_not_see(g: Garth) {
    let o = Office::make(&g).await;
    let [mia, bo] = [g.person("mia").await, g.person("bo").await];
    // What Lin sees of Ada's policy leaves Mia out; the copy would show Lin all of it.
    let crew = o.ada.group("crew", &[&mia]).await;
    let rules = json!({"rules": [
        {"effect": "deny", "who": {"groups_any": [format!("group:{}", crew.id)]}},
        {"effect": "allow", "who": "members"},
    ], "default": "deny"});
    let shy = o.ada.resource("chore", "Shy").space(&o.here).view(rules.clone()).create().await;
    let only_ada = json!({"rules": [{"effect": "allow", "who": {"users": [o.ada.principal(), mia.principal()]}}], "default": "deny"});
    let kept = o.ada.resource("chore", "Kept").space(&o.here).edit(only_ada).create().await;
    g.unchanged(async || {
        for job in [&shy, &kept] {
            let refused = o.copy(&o.lin, json!({"resources": [job.id]})).await.refused(409, "conflict");
            assert_eq!(outcomes(&refused), ["not_allowed"]);
            assert!(!refused.json.to_string().contains(&crew.id) && !refused.json.to_string().contains(&mia.id));
        }
    })
    .await;
    // Grants, keys and the record stay where they are.
    let mail = o.delivery("Mail").await;
    o.ada.grant_by_registry(&o.here, &bo, "reader").await;
    o.lin.key(&o.here, "app", "reader").await;
    let (grants, keys) = (g.rows("grants").await, g.rows("api_keys").await);
    let made = o.copy(&o.lin, json!({"resources": [mail.id]})).await.ok();
    assert_eq!((g.rows("grants").await, g.rows("api_keys").await), (grants, keys));
    bo.get(&format!("/api/v1/resources/{}", copy_of(&made, &mail))).await.refused(404, "not_found");
    let record = json!(o.lin.all_pages(&o.there.url("/audit"), 100).await).to_string();
    assert!(!record.contains(&mail.id) && !record.contains("s3cr3t"), "{record}");
}

async fn secrets_are_sealed_anew_and_never_shown(g: Garth) {
    let o = Office::make(&g).await;
    let mail = o.delivery("Mail").await;
    let made = o.copy(&o.lin, json!({"resources": [mail.id]})).await.ok();
    let id = copy_of(&made, &mail);
    let url = format!("/api/v1/resources/{id}");
    let copy = shown(&o.lin, &id).await;
    assert_eq!(copy["body"], json!({"host": "mail", "password": {"secret": true}}));
    assert!(!made.json.to_string().contains("s3cr3t"));
    assert!(!g.rows("resources").await.join(" ").contains("s3cr3t"));
    // Under the target's own key: with the source and its space gone, it opens.
    o.lin.post(&o.here.url("/archive"), json!({})).await.ok();
    o.lin.delete(&o.here.url("?confirm=Here")).await.done();
    g.restart().await;
    // The schema wants the very secret: it is opened to be checked.
    o.lin.patch(&url, json!({"body": {"host": "post"}})).await.ok();
    o.lin.patch(&url, json!({"body": {"password": "another"}})).await.invalid("/body/password");
    // Stored in the open before its field became secret: sealed in the copy.
    let kind = o.ada.kind_with("bridge", json!({})).await;
    let old = o.lin.resource("bridge", "Old").space(&o.there).body(json!({"token": "t0k3n"})).create().await;
    o.ada.patch(&kind.url(""), json!({"secret_fields": ["/token"]})).await.ok();
    let new = o.ada.space("New").admin(&o.lin).create().await;
    let made = o.lin.post(&new.url("/copies"), json!({"resources": [old.id]})).await.ok();
    let copy = copy_of(&made, &old);
    assert_eq!(shown(&o.lin, &copy).await["body"], json!({"token": {"secret": true}}));
    let rows = g.rows("resources").await;
    assert!(!rows.iter().any(|row| row.contains(&copy) && row.contains("t0k3n")), "{rows:?}");
}

async fn a_hidden_reference_is_a_missing_one(g: Garth) {
    let o = Office::make(&g).await;
    let only_ada = json!({"users": [o.ada.principal()]});
    let shy = o.ada.resource("pool", "Shy").space(&o.here).view(only_ada).create().await;
    let gone = o.ada.resource("pool", "Gone").space(&o.here).create().await;
    let one = o.ada.resource("chore", "Nightly").space(&o.here).body(json!({"pool": shy.id})).create().await;
    let two = o.ada.resource("chore", "Nightly").space(&o.here).body(json!({"pool": gone.id})).create().await;
    o.ada.delete(&gone.url("")).await.done();
    let never = strange(&shy.id);
    g.unchanged(async || {
        for default in ["copy", "exclude"] {
            let ask = |job: &Thing| o.preview(&o.lin, json!({"resources": [job.id], "default_reference": default}));
            let (hidden, missing) = (ask(&one).await.ok(), ask(&two).await.ok());
            let text = |answer: &Answer, job: &Thing| json!(alike(answer)).to_string().replace(&job.id, "(job)");
            assert_eq!(text(&hidden, &one), text(&missing, &two));
        }
        // Named in the order: like an id that never was, unless what is copied says it itself.
        let ask = |id: &str| o.copy(&o.lin, json!({"resources": [id]}));
        assert_missing(&ask(&shy.id).await.invalid("/resources/0"), &shy.id, &ask(&never).await, &never);
        let ask = |id: &str| o.preview(&o.lin, json!({"resources": [two.id], "references": {id: "exclude"}}));
        let refused = ask(&shy.id).await.invalid(&format!("/references/{}", shy.id));
        assert_missing(&refused, &shy.id, &ask(&never).await, &never);
        ask(&gone.id).await.ok();
        let ask =
            |id: &str| o.copy(&o.lin, json!({"resources": [two.id], "references": {gone.id.as_str(): {"use": id}}}));
        let refused = ask(&shy.id).await.invalid(&format!("/references/{}/use", gone.id));
        assert_missing(&refused, &shy.id, &ask(&never).await, &never);
    })
    .await;
}

async fn policies_go_along_and_lock_nobody_out(g: Garth) {
    let o = Office::make(&g).await;
    let wes = g.person("wes").await;
    for space in [&o.here, &o.there] {
        o.ada.grant_by_registry(space, &wes, "writer").await;
    }
    let two = json!({"users": [o.lin.principal(), wes.principal()]});
    let job = o.lin.resource("chore", "Ours").space(&o.here).view(two.clone()).create().await;
    let made = o.copy(&wes, json!({"resources": [job.id]})).await.ok();
    let copy = shown(&wes, &copy_of(&made, &job)).await;
    assert_eq!((&copy["view"], &copy["edit"]), (&two, &Value::Null));
    o.ada.get(&format!("/api/v1/resources/{}", copy.id())).await.refused(404, "not_found");
    let mine = json!({"users": [o.lin.principal()]});
    let locked = o.lin.resource("chore", "Mine to change").space(&o.here).edit(mine).create().await;
    g.unchanged(async || {
        let refused = o.copy(&wes, json!({"resources": [locked.id]})).await.refused(409, "conflict");
        assert_eq!(outcomes(&refused), ["not_allowed"]);
    })
    .await;
    // What its owner alone may see has no owner as a copy: its maker could not see it.
    let owners = json!({"rules": [{"effect": "allow", "who": "owner"}], "default": "deny"});
    let owned = o.lin.resource("chore", "Owned").space(&o.here).view(owners).owner(&o.lin).create().await;
    g.unchanged(async || o.copy(&o.lin, json!({"resources": [owned.id]})).await.refused(409, "conflict")).await;
}

async fn a_request_that_makes_no_sense_is_refused(g: Garth) {
    let o = Office::make(&g).await;
    let job = o.job("Nightly", json!({})).await;
    let with = |field: &str, value: Value| {
        let mut order = json!({"resources": [job.id]});
        order[field] = value;
        o.copy(&o.lin, order)
    };
    g.unchanged(async || {
        with("resources", json!([])).await.invalid("/resources");
        with("resources", json!([7])).await.invalid("/resources/0");
        with("resources", json!([job.id, job["code"]])).await.invalid("/resources/1");
        with("resources", json!(["nonsense", job.id, ""])).await.invalid("/resources/2");
        with("default_reference", json!("share")).await.problem(422);
        with("default_reference", json!({"use": job.id})).await.problem(422);
        with("on_conflict", json!("overwrite")).await.problem(422);
        with("references", json!([])).await.problem(422);
        with("references", json!({"nonsense": "copy"})).await.invalid("/references/nonsense");
        with("references", json!({job.id.as_str(): "share"})).await.problem(422);
        with("references", json!({job.id.as_str(): {"use": job.id, "or": 1}})).await.problem(422);
        let twice = json!({job.id.as_str(): "copy", job["code"].as_str().expect("a code"): "exclude"});
        with("references", twice).await.problem(422);
        with("space", json!(o.here.id)).await.invalid("/space");
        o.copy(&o.lin, json!({})).await.invalid("/resources");
        o.lin.post(&o.there.url("/copies?preview=true"), json!({"resources": [job.id]})).await.problem(422);
    })
    .await;
}
