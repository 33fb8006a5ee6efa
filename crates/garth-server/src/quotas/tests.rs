//! Stories about quotas: what counts, that no more comes than may, whoever asks at once, and who is told what.

use crate::support::*;
use axum::http::Method;

#[path = "tests/calls.rs"]
mod calls;
#[path = "tests/takers.rs"]
mod takers;

stories! {
    resources_are_limited_whatever_brings_them,
    a_limit_is_judged_on_the_state_after_the_whole_request,
    n84_delete_move_and_archive_give_back_exactly_what_they_took,
    a_space_that_moves_or_is_archived_keeps_its_counts,
    everybody_is_told_the_number_of_what_they_see,
    n48_quotas_are_set_by_system_administrators_and_read_by_members,
    n53_a_meter_of_a_hidden_space_is_a_missing_one,
    limits_and_coming_near_them_are_on_record,
    what_a_quota_names_stays,
    new_spaces_begin_with_the_installations_quotas,
    quotas_have_limits,
    quotas_are_paged_by_name,
}

/// An office whose space Lin administers, in which Bo reads.
pub struct Office {
    pub ada: Person,
    pub lin: Person,
    pub bo: Person,
    pub atlas: Thing,
}

impl Office {
    pub async fn make(g: &Garth) -> Office {
        let ada = g.admin().await;
        let (lin, bo) = (g.person("lin").await, g.person("bo").await);
        ada.kind("task").await;
        ada.kind("note").await;
        g.home().await;
        let atlas = ada.space("Atlas").admin(&lin).create().await;
        lin.grant(&atlas, &bo, "reader").await;
        Office { ada, lin, bo, atlas }
    }

    /// A limit on what is stored.
    async fn stored(&self, meter: &str, limit: i64) {
        self.ada.quota(&self.atlas, meter, json!(limit), json!("stored")).await.ok();
    }

    fn task(&self, name: &str) -> Call {
        self.lin.post("/api/v1/resources", json!({"kind": "task", "name": name, "space": self.atlas.id}))
    }

    async fn used(&self, meter: &str) -> i64 {
        self.lin.meter(&self.atlas, meter).await["used"].as_i64().expect("a number")
    }
}

async fn resources_are_limited_whatever_brings_them(g: Garth) {
    let o = Office::make(&g).await;
    let elsewhere = o.ada.space("Elsewhere").admin(&o.lin).create().await;
    let other = o.lin.resource("task", "Other").space(&elsewhere).create().await;
    let second = o.lin.resource("task", "Second").space(&elsewhere).create().await;
    o.stored("resources.task", 2).await;
    let first = Thing::of("resources", o.task("First").await.created().json);
    let kept = Thing::of("resources", o.task("Kept").await.created().json);
    let note = json!({"kind": "note", "name": "A note", "space": o.atlas.id});
    o.lin.post("/api/v1/resources", note.clone()).await.created();
    o.lin.post(&first.url("/archive"), json!({})).await.ok();
    let another = Thing::of("resources", o.task("Another").await.created().json);

    let task = |name: &str| json!({"kind": "task", "name": name, "space": o.atlas.id});
    let lines = [
        json!({"type": "space", "format": 1, "space": {}}),
        json!({"type": "resource", "kind": "task", "name": "Imported"}),
        json!({"type": "end", "resources": 1}),
    ];
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    g.unchanged(async || {
        let full = async |call: Call| {
            let refused = call.await.refused(403, "quota_exceeded");
            let detail = refused.text("detail");
            assert!(detail.contains("no more than 2 resources of the kind task"), "{detail}");
            assert!(!refused.headers.contains_key("retry-after"), "waiting brings nothing: {refused}");
        };
        full(o.task("Too many")).await;
        full(o.lin.post("/api/v1/resources/batch", json!({"resources": [note, task("In a batch")]}))).await;
        full(o.lin.post(&other.url("/move"), json!({"space": o.atlas.id}))).await;
        full(o.lin.patch(&other.url(""), json!({"space": o.atlas.id, "name": "Moved"}))).await;
        let both = json!({"resources": [other.id, second.id], "space": o.atlas.id});
        full(o.lin.post("/api/v1/resources/batch-move", both)).await;
        full(o.lin.post(&first.url("/activate"), json!({}))).await;
        full(o.lin.post(&o.atlas.url("/copies"), json!({"resources": [other.id]}))).await;
        let import = o.lin.call(Method::POST, &o.atlas.url("/import")).raw("application/x-ndjson", text.clone());
        full(import).await;
        // Trying it says so, too.
        full(o.lin.post("/api/v1/resources?dry_run=true", task("Tried"))).await;
    })
    .await;
    // What brings nothing is not refused.
    o.lin.patch(&kept.url(""), json!({"name": "Renamed", "view": "members"})).await.ok();
    o.lin.patch(&first.url(""), json!({"name": "Archived, renamed"})).await.ok();
    o.lin.post(&another.url("/move"), json!({"space": elsewhere.id})).await.ok();
    o.lin.post(&other.url("/move"), json!({"space": o.atlas.id})).await.ok();
    assert_eq!(o.used("resources.task").await, 2);
    // All of them together, too.
    o.stored("resources", 3).await;
    o.stored("resources.task", 100).await;
    let refused = o.task("One too many").await.refused(403, "quota_exceeded");
    assert!(refused.text("detail").contains("no more than 3 resources"), "{refused}");
    o.ada.delete(&o.atlas.url("/quotas/resources")).await.done();
    o.task("There is room").await.created();
}

async fn a_limit_is_judged_on_the_state_after_the_whole_request(g: Garth) {
    let o = Office::make(&g).await;
    let elsewhere = o.ada.space("Elsewhere").admin(&o.lin).create().await;
    let mut tasks = Vec::new();
    for name in ["One", "Two", "Three"] {
        tasks.push(Thing::of("resources", o.task(name).await.created().json));
    }
    // Lower than what is there: nothing goes, and nothing comes.
    o.stored("resources.task", 1).await;
    o.lin.patch(&tasks[0].url(""), json!({"name": "Still edited"})).await.ok();
    o.task("No more").await.refused(403, "quota_exceeded");
    o.lin.delete(&tasks[0].url("")).await.done();
    // Room for one: of two that would come none does.
    o.lin.post(&tasks[1].url("/move"), json!({"space": elsewhere.id})).await.ok();
    o.lin.post(&tasks[2].url("/move"), json!({"space": elsewhere.id})).await.ok();
    let both = json!({"resources": [tasks[1].id, tasks[2].id], "space": o.atlas.id});
    g.unchanged(async || o.lin.post("/api/v1/resources/batch-move", both).await.refused(403, "quota_exceeded")).await;
    // Put into the place of one that is there, a copy is none more.
    o.lin.post(&tasks[1].url("/move"), json!({"space": o.atlas.id})).await.ok();
    o.lin.patch(&tasks[2].url(""), json!({"name": "Two"})).await.ok();
    let order = json!({"resources": [tasks[2].id], "on_conflict": "replace"});
    let copied = o.lin.post(&o.atlas.url("/copies"), order).await.ok();
    assert_eq!(copied.each("outcome"), ["replaced"]);
    assert_eq!(o.used("resources.task").await, 1);
}

async fn n84_delete_move_and_archive_give_back_exactly_what_they_took(g: Garth) {
    let o = Office::make(&g).await;
    let elsewhere = o.ada.space("Elsewhere").admin(&o.lin).create().await;
    o.stored("resources", 4).await;
    let mut tasks = Vec::new();
    for name in ["One", "Two", "Three", "Four"] {
        tasks.push(Thing::of("resources", o.task(name).await.created().json));
    }
    let full = async || drop(o.task("Too many").await.refused(403, "quota_exceeded"));
    full().await;
    let (one, two, three, four) = (&tasks[0], &tasks[1], &tasks[2], &tasks[3]);
    // Each of these twice: the second time it is no change, and gives nothing.
    for _ in 0..2 {
        o.lin.post(&one.url("/archive"), json!({})).await.ok();
    }
    assert_eq!(o.used("resources").await, 3);
    o.lin.delete(&one.url("")).await.done();
    assert_eq!(o.used("resources").await, 3, "what was archived gave back already");
    for _ in 0..2 {
        o.lin.post(&two.url("/move"), json!({"space": elsewhere.id})).await.ok();
    }
    assert_eq!(o.used("resources").await, 2);
    o.lin.delete(&three.url("")).await.done();
    o.lin.delete(&three.url("")).await.refused(404, "not_found");
    assert_eq!(o.used("resources").await, 1);
    o.lin.post(&four.url("/archive"), json!({})).await.ok();
    o.lin.post(&four.url("/move"), json!({"space": elsewhere.id})).await.ok();
    assert_eq!((o.used("resources").await, o.lin.meter(&elsewhere, "resources").await["used"].as_i64()), (0, Some(1)));
    o.lin.post(&four.url("/activate"), json!({})).await.ok();
    assert_eq!(o.lin.meter(&elsewhere, "resources").await["used"], 2);
    for name in ["Five", "Six", "Seven", "Eight"] {
        o.task(name).await.created();
    }
    full().await;
    g.restart().await;
    full().await;
}

async fn a_space_that_moves_or_is_archived_keeps_its_counts(g: Garth) {
    let o = Office::make(&g).await;
    let top = o.ada.space("Top").admin(&o.lin).create().await;
    let below = o.ada.space("Below").under(&o.atlas).admin(&o.lin).create().await;
    o.ada.quota(&top, "resources", json!(1), json!("stored")).await.ok();
    o.stored("resources", 2).await;
    o.ada.quota(&below, "resources", json!(1), json!("stored")).await.ok();
    let made = o.lin.resource("task", "Below").space(&below).create().await;
    o.task("One").await.created();
    // Each space has its own: what lies below counts there.
    o.task("Two").await.created();
    let mut counted = Vec::new();
    let mut look = async || {
        counted.push((o.used("resources").await, o.lin.meter(&below, "resources").await["used"].as_i64()));
    };
    look().await;
    o.ada.grant_by_registry(&top, &o.ada, "admin").await;
    o.ada.grant_by_registry(&o.atlas, &o.ada, "admin").await;
    // Renamed, moved with all that lies below it, archived and activated: nothing comes of it, and nothing goes.
    o.ada.patch(&o.atlas.url(""), json!({"parent": top.id, "name": "Atlas the Second"})).await.ok();
    look().await;
    o.lin.post(&o.atlas.url("/archive"), json!({})).await.ok();
    look().await;
    o.lin.post(&o.atlas.url("/activate"), json!({})).await.ok();
    look().await;
    assert_eq!(counted, [(2, Some(1)); 4]);
    o.task("Three").await.refused(403, "quota_exceeded");
    let more = json!({"kind": "task", "name": "More", "space": below.id});
    o.lin.post("/api/v1/resources", more.clone()).await.refused(403, "quota_exceeded");
    o.lin.delete(&made.url("")).await.done();
    o.lin.post("/api/v1/resources", more).await.created();
    assert_eq!(o.lin.meter(&top, "resources").await["used"], 0, "what lies below counts nowhere else");
    // With a space go its quotas and what was counted.
    o.ada.quota(&below, "llm", json!(5), json!("daily")).await.ok();
    o.lin.consume(&below, "llm", 3).await.ok();
    o.lin.post(&below.url("/archive"), json!({})).await.ok();
    o.lin.delete(&below.url("?confirm=Below")).await.done();
    for table in ["quotas", "meter_units", "resource_counts"] {
        let left = g.rows(table).await.iter().filter(|row| row.contains(&below.id)).count();
        assert_eq!(left, 0, "{table}");
    }
}

async fn everybody_is_told_the_number_of_what_they_see(g: Garth) {
    let o = Office::make(&g).await;
    let gus = g.person("gus").await;
    o.lin.grant(&o.atlas, &gus, "writer").await;
    o.task("For all").await.created();
    let own = json!({"users": [gus.principal()]});
    gus.resource("task", "Mine").space(&o.atlas).view(own.clone()).create().await;
    let note = gus.resource("note", "Mine, too").space(&o.atlas).view(own).create().await;
    o.stored("resources.task", 2).await;
    let told = async |person: &Person| {
        let of = async |meter: &str| person.meter(&o.atlas, meter).await["used"].as_i64();
        (of("resources").await, of("resources.task").await, of("resources.note").await)
    };
    assert_eq!(told(&gus).await, (Some(3), Some(2), Some(1)));
    // Of kinds that Lin sees nothing of she is told nothing.
    assert_eq!(told(&o.lin).await, (Some(1), Some(1), None));
    assert_eq!(told(&o.bo).await, (Some(1), Some(1), None));
    assert_eq!(o.lin.meter(&o.atlas, "resources.task").await["state"], "open");
    assert_eq!(gus.meter(&o.atlas, "resources.task").await["state"], "full");
    // The limit is on all of them: that one bit she may learn.
    o.task("One more").await.refused(403, "quota_exceeded");
    gus.post(&note.url("/archive"), json!({})).await.ok();
    assert_eq!(told(&gus).await, (Some(2), Some(2), None));
    // What must be seen before another hides that one in numbers, too.
    let body = json!({"references": [{"pointer": "/task", "kind": "task", "requires": "view"}]});
    o.ada.kind_with("step", body).await;
    let mine = gus.get("/api/v1/resources?kind=task").await.ok().items();
    let mine = mine.iter().find(|task| task["name"] == "Mine").expect("it")["id"].clone();
    gus.resource("step", "Barred").space(&o.atlas).body(json!({ "task": mine })).create().await;
    assert_eq!(gus.meter(&o.atlas, "resources.step").await["used"], 1);
    assert_eq!(o.lin.meter(&o.atlas, "resources.step").await, Value::Null);
}

async fn n48_quotas_are_set_by_system_administrators_and_read_by_members(g: Garth) {
    let o = Office::make(&g).await;
    let key = o.lin.key(&o.atlas, "application", "admin").await;
    let set = o.ada.quota(&o.atlas, "llm", json!(10), json!("daily")).await.ok();
    assert_eq!((&set["limit"], &set["used"], &set["state"]), (&json!(10), &Value::Null, &Value::Null), "{set}");
    o.lin.consume(&o.atlas, "llm", 3).await.ok();
    for member in [&o.lin, &o.bo, &key] {
        let meter = member.meter(&o.atlas, "llm").await;
        assert_eq!((&meter["limit"], &meter["used"], &meter["window"]), (&json!(10), &json!(3), &json!("daily")));
        assert_eq!(
            (&meter["roles"], &meter["resets_at"]),
            (&Value::Null, &json!("2031-05-05T00:00:00.000000Z")),
            "{meter}"
        );
        for built_in in ["api.daily", "resources"] {
            assert_eq!(member.meter(&o.atlas, built_in).await["limit"], Value::Null, "unlimited, and told");
        }
    }
    // Ada has no way in: she is told the limits and not how much there is.
    let told = o.ada.get(&o.atlas.url("/quotas")).await.ok();
    assert_eq!(told.each("meter"), ["api.daily", "llm", "resources"]);
    assert!(told.items().iter().all(|item| item["used"].is_null() && item["state"].is_null()), "{told}");
    o.ada.consume(&o.atlas, "llm", 1).await.refused(404, "not_found");

    let plaza = o.ada.space("Plaza").with("view", json!("users")).admin(&o.lin).create().await;
    let gus = g.person("gus").await;
    let sealed = o.ada.space("Vault").sealed().admin(&o.lin).create().await;
    g.unchanged(async || {
        for member in [&o.lin, &o.bo, &key] {
            member.quota(&o.atlas, "llm", Value::Null, json!("daily")).await.refused(403, "forbidden");
            member.quota(&o.atlas, "own", json!(5), json!("daily")).await.refused(403, "forbidden");
            member.delete(&o.atlas.url("/quotas/llm")).await.refused(403, "forbidden");
        }
        gus.get(&plaza.url("/quotas")).await.refused(403, "forbidden");
        o.bo.consume(&o.atlas, "llm", 1).await.refused(403, "forbidden");
        // A sealed space is in no registry.
        o.ada.get(&sealed.url("/quotas")).await.refused(404, "not_found");
        o.ada.quota(&sealed, "llm", json!(5), json!("daily")).await.refused(404, "not_found");
        g.anonymous().get(&plaza.url("/quotas")).await.not_signed_in();
    })
    .await;
}

async fn n53_a_meter_of_a_hidden_space_is_a_missing_one(g: Garth) {
    let o = Office::make(&g).await;
    let gus = g.person("gus").await;
    let zoo = o.ada.space("Zoo").admin(&gus).create().await;
    let foreign = gus.key(&zoo, "foreign", "admin").await;
    o.ada.quota(&o.atlas, "llm", json!(10), json!("daily")).await.ok();
    let never = Thing::at("spaces", &strange(&o.atlas.id));
    g.unchanged(async || {
        for caller in [&gus, &foreign] {
            let pairs = [
                (caller.get(&o.atlas.url("/quotas")), caller.get(&never.url("/quotas"))),
                (caller.consume(&o.atlas, "llm", 1), caller.consume(&never, "llm", 1)),
                (caller.consume(&o.atlas, "llm", -1), caller.consume(&never, "llm", -1)),
                (
                    caller.quota(&o.atlas, "llm", json!(1), json!("daily")),
                    caller.quota(&never, "llm", json!(1), json!("daily")),
                ),
                (caller.delete(&o.atlas.url("/quotas/llm")), caller.delete(&never.url("/quotas/llm"))),
            ];
            for (hidden, missing) in pairs {
                let hidden = hidden.await.refused(404, "not_found");
                assert_missing(&hidden, &o.atlas.id, &missing.await, &never.id);
            }
        }
    })
    .await;
}

async fn limits_and_coming_near_them_are_on_record(g: Garth) {
    let o = Office::make(&g).await;
    o.stored("resources.task", 5).await;
    o.stored("resources.task", 5).await;
    o.stored("resources.task", 10).await;
    o.ada.quota(&o.atlas, "llm", json!(10), json!("daily")).await.ok();
    o.ada.delete(&o.atlas.url("/quotas/llm")).await.done();
    o.ada.quota(&o.atlas, "llm", json!(5), json!("stored")).await.ok();
    let of = async |who: &Person, url: &str, action: &str| {
        let entries = who.get(&format!("{url}?action={action}&limit=100")).await.ok().items();
        entries.into_iter().filter(|entry| entry["outcome"] == "done").collect::<Vec<Value>>()
    };
    let (space, system) = (o.atlas.url("/audit"), "/api/v1/audit");
    let set = of(&o.lin, &space, "quota.set").await;
    assert_eq!(set.len(), 4, "the same again is no change: {set:#?}");
    let raised = set.iter().find(|entry| entry["after"]["limit"] == 10 && entry["before"]["limit"] == 5);
    let raised = raised.expect("the limit before and after");
    assert_eq!((&raised["target"]["type"], &raised["target"]["id"]), (&json!("meter"), &json!("resources.task")));
    assert_eq!(raised["actor"], o.ada.principal());
    assert_eq!(of(&o.lin, &space, "quota.delete").await.len(), 1);
    let of_system = of(&o.ada, system, "quota.set").await;
    assert_eq!(of_system.len(), 4);
    assert!(of_system.iter().all(|entry| entry["after"]["space"] == o.atlas.id), "{of_system:#?}");

    // Coming to 80 %, once each time.
    let mut tasks = Vec::new();
    for number in 0..7 {
        tasks.push(Thing::of("resources", o.task(&number.to_string()).await.created().json));
    }
    assert!(of(&o.lin, &space, "quota.near").await.is_empty());
    tasks.push(Thing::of("resources", o.task("eight").await.created().json));
    o.task("nine").await.created();
    assert_eq!(of(&o.lin, &space, "quota.near").await.len(), 1);
    assert_eq!(o.lin.meter(&o.atlas, "resources.task").await["state"], "near");
    for task in &tasks[..2] {
        o.lin.delete(&task.url("")).await.done();
    }
    o.task("eight again").await.created();
    o.lin.consume(&o.atlas, "llm", 3).await.ok();
    o.lin.consume(&o.atlas, "llm", 1).await.ok();
    let near = of(&o.lin, &space, "quota.near").await;
    assert_eq!(near.len(), 3, "{near:#?}");
    assert_eq!((&near[0]["target"]["id"], &near[0]["after"]["limit"]), (&json!("llm"), &json!(5)));
    // Taking units is counted, and not on record each time; what was refused is.
    assert!(of(&o.lin, &space, "meter.consume").await.is_empty());
    o.lin.consume(&o.atlas, "llm", 2).await.refused(403, "quota_exceeded");
    let refused = o.lin.get(&format!("{space}?action=meter.consume")).await.ok().items();
    assert_eq!((&refused[0]["outcome"], &refused[0]["target"]["id"]), (&json!("refused"), &json!("llm")));
}

async fn what_a_quota_names_stays(g: Garth) {
    let o = Office::make(&g).await;
    let role = o.ada.role("dreamer", &["meter:consume"]).await;
    let kind = o.ada.kind("dream").await;
    let put = |roles: Value| {
        let call = o.ada.call(Method::PUT, &o.atlas.url("/quotas/llm"));
        call.json(json!({"limit": 10, "window": "daily", "roles": roles}))
    };
    put(json!(["dreamer"])).await.ok();
    o.stored("resources.dream", 3).await;
    g.unchanged(async || {
        o.ada.delete(&role.url("")).await.refused(409, "conflict");
        o.ada.delete(&kind.url("")).await.refused(409, "conflict");
    })
    .await;
    assert_eq!(o.lin.meter(&o.atlas, "llm").await["roles"], json!(["dreamer"]));
    // Only who holds one of them takes of it, whatever else they hold.
    let gus = g.person("gus").await;
    o.ada.grant_by_registry(&o.atlas, &gus, "dreamer").await;
    o.ada.grant_by_registry(&o.atlas, &gus, "reader").await;
    gus.consume(&o.atlas, "llm", 1).await.ok();
    g.unchanged(async || o.lin.consume(&o.atlas, "llm", 1).await.refused(403, "forbidden")).await;
    put(json!(["writer", "dreamer"])).await.ok();
    o.lin.consume(&o.atlas, "llm", 1).await.refused(403, "forbidden");
    put(Value::Null).await.ok();
    assert_eq!(o.lin.consume(&o.atlas, "llm", 1).await.ok()["used"], 2);
    o.ada.delete(&o.atlas.url("/quotas/resources.dream")).await.done();
    o.ada.delete(&kind.url("")).await.done();
    for grant in o.ada.get(&format!("/api/v1/registry/spaces/{}/grants", o.atlas.id)).await.ok().items() {
        if grant["role"] == "dreamer" {
            let id = grant["id"].as_str().expect("an id");
            o.ada.delete(&format!("/api/v1/registry/spaces/{}/grants/{id}", o.atlas.id)).await.done();
        }
    }
    o.ada.delete(&role.url("")).await.done();
}

async fn new_spaces_begin_with_the_installations_quotas(g: Garth) {
    let o = Office::make(&g).await;
    let set = |quotas: Value| o.ada.patch("/api/v1/settings", json!({ "default_quotas": quotas }));
    let api = json!({"meter": "api.daily", "limit": 100, "window": "daily"});
    let tasks = json!({"meter": "resources.task", "limit": 1, "window": "stored"});
    assert_eq!(set(json!([api, tasks])).await.ok()["default_quotas"], json!([api, tasks]));
    o.ada.patch("/api/v1/settings", json!({"create_spaces": "users"})).await.ok();
    g.unchanged(async || {
        for wrong in [
            json!([{"meter": "resources.nothing", "limit": 1, "window": "stored"}]),
            json!([{"meter": "llm", "limit": -1, "window": "stored"}]),
            json!([{"meter": "llm", "window": "stored"}]),
            json!([api, api]),
            json!(vec![api.clone(); 101]),
        ] {
            set(wrong).await.problem(422);
        }
        set(json!([api, {"meter": "Llm", "limit": 1, "window": "stored"}])).await.invalid("/default_quotas/1/meter");
    })
    .await;
    // What is there is not touched; whoever makes a space cannot say otherwise.
    assert_eq!(o.lin.meter(&o.atlas, "api.daily").await["limit"], Value::Null);
    let own = o.lin.space("Own").create().await;
    assert_eq!(o.lin.meter(&own, "api.daily").await["limit"], 100);
    assert_eq!(o.lin.meter(&own, "resources").await["limit"], Value::Null);
    let first = json!({"kind": "task", "name": "First", "space": own.id});
    o.lin.post("/api/v1/resources", first.clone()).await.created();
    o.lin.post("/api/v1/resources", first).await.refused(403, "quota_exceeded");
    let record = o.lin.get(&own.url("/audit?action=space.create")).await.ok().items();
    let of_meter = |entry: &&Value| entry["target"]["type"] == "meter";
    assert_eq!(record.iter().filter(of_meter).count(), 2, "{record:#?}");
    // Ada may raise them.
    o.ada.quota(&own, "resources.task", json!(5), json!("stored")).await.ok();
    let dream = o.ada.kind("dream").await;
    set(json!([{"meter": "resources.dream", "limit": 1, "window": "stored"}])).await.ok();
    g.unchanged(async || o.ada.delete(&dream.url("")).await.refused(409, "conflict")).await;
    set(json!([])).await.ok();
    o.ada.delete(&dream.url("")).await.done();
    let free = o.lin.space("Free").create().await;
    assert_eq!(o.lin.meter(&free, "api.daily").await["limit"], Value::Null);
}

async fn quotas_have_limits(g: Garth) {
    let o = Office::make(&g).await;
    let set = |meter: &str, limit: Value, window: Value| o.ada.quota(&o.atlas, meter, limit, window);
    let roles = |roles: Value| {
        let call = o.ada.call(Method::PUT, &o.atlas.url("/quotas/llm"));
        call.json(json!({"limit": 10, "window": "daily", "roles": roles}))
    };
    let longest = "m".repeat(63);
    set(&longest, json!(999_999_999_999_999_i64), json!({"rolling_seconds": 31_622_400})).await.ok();
    set("m-1_x.y", json!(0), json!({"rolling_seconds": 1})).await.ok();
    g.unchanged(async || {
        for wrong in ["m".repeat(64), "Llm".to_owned(), "1m".to_owned(), "l%20m".to_owned(), "é".to_owned()] {
            set(&percent_path(&wrong), json!(1), json!("daily")).await.invalid("/meter");
        }
        for wrong in ["api.hourly", "resources.nothing", "resources."] {
            set(wrong, json!(1), json!("stored")).await.invalid("/meter");
        }
        for wrong in [json!(-1), json!(1_000_000_000_000_000_i64)] {
            set("llm", wrong, json!("daily")).await.invalid("/limit");
        }
        for wrong in [json!("5"), json!(1.5), json!(1e30)] {
            set("llm", wrong, json!("daily")).await.problem(422);
        }
        for wrong in [json!({"rolling_seconds": 0}), json!({"rolling_seconds": 31_622_401})] {
            set("llm", json!(1), wrong).await.invalid("/window");
        }
        for wrong in [json!("weekly"), json!(null), json!({"rolling_seconds": "x"})] {
            set("llm", json!(1), wrong).await.problem(422);
        }
        set("api.daily", json!(1), json!("stored")).await.invalid("/window");
        set("resources", json!(1), json!("daily")).await.invalid("/window");
        set("resources.task", json!(1), json!({"rolling_seconds": 5})).await.invalid("/window");
        // Whoever forgets the limit has not said "unlimited".
        let url = o.atlas.url("/quotas/llm");
        o.ada.call(Method::PUT, &url).json(json!({"window": "daily"})).await.invalid("/limit");
        o.ada.call(Method::PUT, &url).json(json!({"limit": 1})).await.invalid("/window");
        roles(json!([])).await.invalid("/roles");
        roles(json!(["writer", "nobody's"])).await.invalid("/roles/1");
        roles(json!(vec!["writer"; 101])).await.invalid("/roles");
        let built_in = o.ada.call(Method::PUT, &o.atlas.url("/quotas/resources"));
        built_in.json(json!({"limit": 1, "window": "stored", "roles": ["writer"]})).await.invalid("/roles");
        o.ada.delete(&o.atlas.url("/quotas/unknown")).await.refused(404, "not_found");
        o.ada.delete(&o.atlas.url("/quotas/resources")).await.refused(404, "not_found");
    })
    .await;
    set("llm", json!(null), json!("stored")).await.ok();
    o.lin.consume(&o.atlas, "llm", 1_000_000_000).await.ok();
    o.lin.consume(&o.atlas, "llm", -1_000_000_000).await.ok();
    set("daily", json!(null), json!("daily")).await.ok();
    g.unchanged(async || {
        for wrong in [0, 1_000_000_001, -1_000_000_001, i64::MAX, i64::MIN] {
            o.lin.consume(&o.atlas, "llm", wrong).await.invalid("/units");
        }
        o.lin.consume(&o.atlas, "llm", -1).await.invalid("/units");
        o.lin.consume(&o.atlas, "daily", -1).await.invalid("/units");
        o.lin.consume(&o.atlas, "unknown", 1).await.refused(404, "not_found");
        for built_in in ["api.daily", "resources", "resources.task"] {
            o.lin.consume(&o.atlas, built_in, 1).await.refused(409, "conflict");
        }
    })
    .await;
    for number in 4..100 {
        set(&format!("meter-{number}"), json!(1), json!("daily")).await.ok();
    }
    let one_more = g.unchanged(async || set("one-more", json!(1), json!("daily")).await).await;
    one_more.refused(409, "conflict");
    set("meter-50", json!(2), json!("daily")).await.ok();
}

/// As a path may hold it.
fn percent_path(text: &str) -> String {
    if text.is_ascii() { text.to_owned() } else { percent(text) }
}

async fn quotas_are_paged_by_name(g: Garth) {
    let o = Office::make(&g).await;
    for meter in ["zebra", "llm", "aardvark"] {
        o.ada.quota(&o.atlas, meter, json!(1), json!("daily")).await.ok();
    }
    o.task("One").await.created();
    let expected = ["aardvark", "api.daily", "llm", "resources", "resources.task", "zebra"];
    for limit in [1, 2, 5, 100] {
        let pages = o.bo.all_pages(&o.atlas.url("/quotas"), limit).await;
        let names: Vec<&str> = pages.iter().filter_map(|item| item["meter"].as_str()).collect();
        assert_eq!(names, expected);
    }
    let first = o.bo.get(&o.atlas.url("/quotas?limit=1")).await.ok();
    let cursor = percent(first["next"].as_str().expect("more"));
    o.lin.get(&o.atlas.url(&format!("/quotas?cursor={cursor}"))).await.invalid("?cursor");
    o.bo.get(&o.atlas.url("/quotas?meter=llm")).await.invalid("?meter");
}
