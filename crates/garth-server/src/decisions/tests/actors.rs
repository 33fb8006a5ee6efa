//! Stories about resources as subjects: asked about by applications, which is on record, explained, searched for, and
//! asked about on the command line.

use crate::grants::actors::{Yard, acts, asks};
use crate::support::*;
use garth_server::Ctx;
use garth_server::questions::{self, Question};

stories! {
    a_hidden_subject_is_a_missing_one,
    only_applications_ask_about_resources,
    a_batch_answers_for_resources_as_single_questions_do,
    searches_find_resources_as_subjects,
    an_explanation_of_a_resource_is_for_those_who_may_view_it,
    what_a_resource_asks_is_on_record_with_its_roles,
    the_same_question_again_is_counted,
    whoever_may_not_view_a_resource_reads_no_name_of_it_on_record,
    searches_of_a_resource_are_on_record,
    public_things_are_open_to_resources_that_hold_something,
    the_command_line_asks_about_resources,
}

async fn a_hidden_subject_is_a_missing_one(g: Garth) {
    let y = Yard::make(&g).await;
    y.lin.grant(&y.plant, &y.job, "writer").await;
    y.ada.role("asker", &["decision:ask"]).await;
    // Keys that may ask: one that sees no jobs, one for which the shop is missing.
    for (space, role) in [(&y.top, "asker"), (&y.plant, "runner")] {
        let key = y.ada.key(space, role, role).await;
        let code = y.job["code"].as_str().expect("a code").to_owned();
        for (id, never) in [(y.job.id.clone(), strange(&y.job.id)), (code.clone(), strange(&code))] {
            for (action, kind, target) in
                [("read", "task", &y.task.id), ("read", "space", &y.plant.id), ("write", "task", &strange(&y.task.id))]
            {
                let ask = |id: &str| key.post("/access/v1/evaluation", asks(id, action, kind, target));
                let (hidden, missing) = (ask(&id).await.ok(), ask(&never).await.ok());
                assert_eq!(hidden["decision"], false);
                assert_same(&hidden, &missing);
            }
            let search = |id: &str| {
                let body = json!({"subject": {"type": "resource", "id": id}, "action": {"name": "read"}, "resource": {"type": "task"}});
                key.post("/access/v1/search/resource", body)
            };
            assert_same(&search(&id).await.ok(), &search(&never).await.ok());
        }
    }
    // A resource that holds nothing is nobody.
    let idle = y.lin.resource("chore", "Idle").space(&y.shop).create().await;
    assert!(!acts(&y.runner, &idle.id, "read", "task", &y.task.id).await);
    assert!(acts(&y.runner, &y.job.id, "read", "task", &y.task.id).await);
    assert!(acts(&y.runner, y.job["code"].as_str().expect("a code"), "read", "task", &y.task.id).await, "by code");
}

async fn only_applications_ask_about_resources(g: Garth) {
    let y = Yard::make(&g).await;
    y.lin.grant(&y.plant, &y.job, "writer").await;
    let never = strange(&y.job.id);
    for by in [&y.lin, &y.kim, &y.ada] {
        let ask = |id: &str| by.post("/access/v1/evaluation", asks(id, "read", "task", &y.task.id));
        let refused = ask(&y.job.id).await.refused(403, "forbidden");
        assert_same(&refused, &ask(&never).await);
    }
    // Outside its own space and below, an application asks in vain.
    let far = y.ada.space("Far").admin(&y.lin).create().await;
    let note = y.lin.resource("task", "Far away").space(&far).create().await;
    y.lin.grant(&far, &y.job, "writer").await;
    assert!(!acts(&y.runner, &y.job.id, "read", "task", &note.id).await);
    let reader = y.ada.key(&y.top, "reads", "reader").await;
    let body = asks(&y.job.id, "read", "task", &y.task.id);
    reader.post("/access/v1/evaluation", body).await.refused(403, "forbidden");
}

async fn a_batch_answers_for_resources_as_single_questions_do(g: Garth) {
    let y = Yard::make(&g).await;
    y.lin.grant(&y.plant, &y.job, "reader").await;
    let other = y.lin.resource("chore", "Hourly").space(&y.shop).create().await;
    y.lin.grant(&y.plant, &other, "writer").await;
    let mut items = Vec::new();
    for actor in [&y.job.id, &other.id, &strange(&y.job.id)] {
        for (action, kind, id) in [
            ("read", "task", &y.task.id),
            ("write", "task", &y.task.id),
            ("read", "space", &y.plant.id),
            ("read", "chore", actor),
        ] {
            items.push(asks(actor, action, kind, id));
        }
    }
    let batch = y.runner.post("/access/v1/evaluations", json!({"evaluations": items})).await.ok();
    let together = batch["evaluations"].as_array().expect("answers");
    let mut yes = 0;
    for (item, answer) in items.iter().zip(together) {
        let alone = y.runner.post("/access/v1/evaluation", item.clone()).await.ok();
        assert_eq!(&alone.json, answer, "{item}");
        yes += usize::from(answer["decision"] == true);
    }
    assert_eq!(yes, 5);
    assert_eq!(together.len(), items.len());
}

async fn searches_find_resources_as_subjects(g: Garth) {
    let y = Yard::make(&g).await;
    let mut jobs = Vec::new();
    for number in 0..5 {
        let job = y.lin.resource("chore", &format!("Job {number}")).space(&y.shop).create().await;
        y.lin.grant(&y.plant, &job, if number % 2 == 0 { "writer" } else { "reader" }).await;
        jobs.push(job);
    }
    let hidden = y.ada.space("Cave").under(&y.top).with("view", json!({"users": [y.ada.principal()]})).create().await;
    let secret = y.ada.resource("chore", "Secret").space(&hidden).create().await;
    y.ada.grant(&y.plant, &secret, "writer").await;
    let found = async |by: &Person, action: &str, limit: usize| {
        let (mut ids, mut token) = (Vec::new(), None::<String>);
        loop {
            let mut body = json!({"subject": {"type": "resource"}, "action": {"name": action}, "resource": {"type": "task", "id": y.task.id}, "page": {"limit": limit}});
            if let Some(token) = token.take() {
                body["page"]["token"] = json!(token);
            }
            let page = by.post("/access/v1/search/subject", body).await.ok();
            let results = page["results"].as_array().expect("results").clone();
            assert!(results.iter().all(|one| one["type"] == "resource"), "{page}");
            ids.extend(results.iter().map(|one| one["id"].as_str().expect("an id").to_owned()));
            match page["page"]["next_token"].as_str() {
                Some(next) if !next.is_empty() => token = Some(next.to_owned()),
                _ => return ids,
            }
        }
    };
    let ids = |every: usize| sorted(jobs.iter().step_by(every).map(|job| job.id.clone()).collect());
    for limit in [1, 2, 3, 100] {
        assert_eq!(found(&y.runner, "read", limit).await, ids(1), "in order, and without what is hidden");
        assert_eq!(found(&y.runner, "write", limit).await, ids(2));
    }
    let blind = y.ada.key(&y.plant, "blind", "runner").await;
    assert!(found(&blind, "read", 100).await.is_empty(), "it views none of them");
    assert!(found(&y.lin, "read", 100).await.is_empty(), "people find themselves only");
    // What may this one do, and to what?
    let subject = json!({"type": "resource", "id": jobs[1].id});
    let body = json!({"subject": subject, "action": {"name": "read"}, "resource": {"type": "task"}});
    let tasks = y.runner.post("/access/v1/search/resource", body).await.ok();
    assert_eq!(tasks["results"], json!([{"type": "task", "id": y.task.id}]));
    let body = json!({"subject": subject, "action": {"name": "read"}, "resource": {"type": "space"}});
    let spaces = y.runner.post("/access/v1/search/resource", body).await.ok();
    assert_eq!(spaces["results"], json!([{"type": "space", "id": y.plant.id}]));
    let body = json!({"subject": subject, "resource": {"type": "task", "id": y.task.id}});
    let actions = y.runner.post("/access/v1/search/action", body).await.ok();
    assert_eq!(actions["results"], json!([{"name": "read"}]));
}

async fn an_explanation_of_a_resource_is_for_those_who_may_view_it(g: Garth) {
    let y = Yard::make(&g).await;
    y.lin.grant(&y.plant, &y.job, "reader").await;
    let ask = |by: &Person, id: &str, action: &str| by.post("/api/v1/explain", asks(id, action, "task", &y.task.id));
    let why = ask(&y.lin, &y.job.id, "read").await.ok();
    assert_eq!(why["decision"], true);
    assert!(why["steps"].to_string().contains("reader here"), "{why}");
    let why = ask(&y.lin, &y.job.id, "write").await.ok();
    assert!(why["decision"] == false && why["steps"].to_string().contains("no role holds task:write"), "{why}");
    let refused = ask(&y.kim, &y.job.id, "read").await.refused(403, "forbidden");
    assert_same(&refused, &ask(&y.kim, &strange(&y.job.id), "read").await);
}

/// What the record of the plant tells of a resource, newest first.
async fn told(y: &Yard, by: &Person, query: &str) -> Vec<Value> {
    by.get(&y.plant.url(&format!("/audit?{query}"))).await.ok().items()
}

async fn what_a_resource_asks_is_on_record_with_its_roles(g: Garth) {
    let y = Yard::make(&g).await;
    y.ada.role("Line-Keeper", &["task:read"]).await;
    y.lin.grant(&y.plant, &y.job, "Line-Keeper").await;
    let ask = y.runner.post("/access/v1/evaluation", asks(&y.job.id, "read", "task", &y.task.id));
    ask.header("x-request-id", "run-42").await.ok();
    y.may("write", "task", &y.task.id).await;
    y.may("read", "space", &y.plant.id).await;
    let actor = format!("actor={}", y.job.principal());
    let record = told(&y, &y.lin, &actor).await;
    assert_eq!(record.len(), 3, "{record:#?}");
    let [space, write, read] = <[Value; 3]>::try_from(record).expect("three");
    assert_eq!(read["actor"], y.job.principal());
    assert_eq!(read["credential"], y.runner.principal());
    assert_eq!((&read["action"], &read["outcome"]), (&json!("decision.evaluate"), &json!("done")));
    assert_eq!(read["target"], json!({"type": "task", "id": y.task.id}));
    assert_eq!(read["request_id"], "run-42");
    assert_eq!(read["after"], json!({"action": "read", "decision": true, "roles": ["line-keeper"], "times": 1}));
    assert_eq!((&write["outcome"], &write["after"]["decision"]), (&json!("refused"), &json!(false)));
    assert_eq!(space["target"], json!({"type": "space", "id": y.plant.id}));
    // In a batch by code, too; nothing is told of what nobody may ask, or of a subject that is none.
    let code = y.task["code"].as_str().expect("a code");
    let items = json!([
        asks(&y.job.id, "delete", "task", code),
        asks(&strange(&y.job.id), "read", "task", &y.task.id),
        asks(&y.job.id, "read", "task", &strange(&y.task.id)),
        asks(&y.job.id, "fly", "task", &y.task.id)
    ]);
    y.runner.post("/access/v1/evaluations", json!({"evaluations": items})).await.ok();
    let record = told(&y, &y.lin, &actor).await;
    assert_eq!(record.len(), 4);
    assert_eq!((&record[0]["after"]["action"], &record[0]["target"]["id"]), (&json!("delete"), &json!(y.task.id)));
    // What a person or a key asks about itself is on no record, and the system's has nothing of this.
    y.lin.may("read", "task", &y.task.id).await;
    assert!(told(&y, &y.lin, &format!("actor={}&action=decision.evaluate", y.lin.principal())).await.is_empty());
    let system = json!(y.ada.all_pages("/api/v1/audit", 100).await).to_string();
    assert!(!system.contains("decision.") && !system.contains(&y.job.id));
    g.restart().await;
    assert_eq!(told(&y, &y.lin, &actor).await, record);
}

async fn the_same_question_again_is_counted(g: Garth) {
    let y = Yard::make(&g).await;
    let grant = y.lin.grant(&y.plant, &y.job, "writer").await;
    let actor = format!("actor={}", y.job.principal());
    let times = async || {
        let record = told(&y, &y.lin, &actor).await;
        record.iter().map(|entry| entry["after"]["times"].as_u64().expect("a number")).collect::<Vec<_>>()
    };
    for _ in 0..7 {
        y.may("read", "task", &y.task.id).await;
    }
    assert_eq!(times().await, [1]);
    g.pass(59 * SECOND);
    y.may("read", "task", &y.task.id).await;
    assert_eq!(times().await, [1]);
    g.pass(SECOND);
    assert_eq!(times().await, [7, 1], "the minute is over: it was asked seven times more");
    y.may("read", "task", &y.task.id).await;
    y.may("read", "task", &y.task.id).await;
    assert_eq!(times().await, [1, 7, 1]);
    // Another answer is another entry.
    y.lin.revoke(&y.plant, &grant).await;
    y.lin.grant(&y.plant, &y.job, "reader").await;
    y.may("read", "task", &y.task.id).await;
    assert_eq!(times().await, [1, 1, 7, 1]);
    // What was counted when the server stops is not lost.
    g.restart().await;
    assert_eq!(times().await, [1, 1, 1, 7, 1]);
}

async fn whoever_may_not_view_a_resource_reads_no_name_of_it_on_record(g: Garth) {
    let y = Yard::make(&g).await;
    y.lin.grant(&y.plant, &y.job, "writer").await;
    y.may("read", "task", &y.task.id).await;
    let record = told(&y, &y.kim, "action=decision.evaluate").await;
    assert_eq!((record.len(), &record[0]["actor"]), (1, &json!("resource")));
    assert_eq!(record[0]["after"]["roles"], json!(["writer"]));
    assert!(!json!(record).to_string().contains(&y.job.id));
    // Nor can it be asked for.
    let by = |id: &str| y.kim.get(&y.plant.url(&format!("/audit?actor=resource:{id}")));
    let (hidden, missing) = (by(&y.job.id).await.ok(), by(&strange(&y.job.id)).await.ok());
    assert!(hidden.items().is_empty());
    assert_same(&hidden, &missing);
    y.ada.grant(&y.shop, &y.kim, "reader").await;
    assert_eq!(told(&y, &y.kim, "action=decision.evaluate").await[0]["actor"], y.job.principal());
}

async fn searches_of_a_resource_are_on_record(g: Garth) {
    let y = Yard::make(&g).await;
    y.lin.grant(&y.plant, &y.job, "writer").await;
    let subject = json!({"type": "resource", "id": y.job.id});
    let body = json!({"subject": subject, "action": {"name": "write"}, "resource": {"type": "task"}});
    y.runner.post("/access/v1/search/resource", body).await.ok();
    let body = json!({"subject": subject, "resource": {"type": "task", "id": y.task.id}});
    y.runner.post("/access/v1/search/action", body).await.ok();
    let record = told(&y, &y.lin, "action=decision.search_action").await;
    assert_eq!((record.len(), &record[0]["actor"]), (1, &json!(y.job.principal())));
    assert_eq!(record[0]["after"], json!({"action": null, "decision": null, "roles": ["writer"], "times": 1}));
    // Where it could work is asked in the application's own space.
    let record = y.ada.get(&y.top.url("/audit?action=decision.search_resource")).await.ok().items();
    assert_eq!((record.len(), &record[0]["after"]["action"]), (1, &json!("write")));
    assert_eq!(record[0]["target"], json!({"type": "task", "id": ""}));
}

async fn public_things_are_open_to_resources_that_hold_something(g: Garth) {
    let y = Yard::make(&g).await;
    let square = y.ada.space("Square").under(&y.top).with("view", json!("public")).create().await;
    let hall = y.ada.space("Hall").under(&y.top).with("view", json!("users")).create().await;
    y.lin.grant(&y.plant, &y.job, "reader").await;
    assert!(!y.may("read", "space", &square.id).await && !y.may("read", "space", &hall.id).await);
    y.ada.patch("/api/v1/settings", json!({"public_access": true})).await.ok();
    assert!(y.may("read", "space", &square.id).await, "public is anybody");
    assert!(!y.may("read", "space", &hall.id).await, "a resource is not somebody who is signed in");
}

async fn the_command_line_asks_about_resources(g: Garth) {
    let y = Yard::make(&g).await;
    let ctx = Ctx::system(g.app());
    let code = y.job["code"].as_str().expect("a code").to_owned();
    let question = |action: &str| Question {
        subject: format!("resource:{code}"),
        action: action.to_owned(),
        target: format!("task:{}", y.task.id),
    };
    assert!(!questions::check(&ctx, &question("read")).await.expect("an answer"), "it holds nothing");
    let (_, why) = questions::why(&ctx, &question("read")).await.expect("an answer");
    assert!(why.steps.iter().any(|step| step.because.contains("holds no role")));
    y.lin.grant(&y.plant, &y.job, "reader").await;
    assert!(questions::check(&ctx, &question("read")).await.expect("an answer"));
    assert!(!questions::check(&ctx, &question("write")).await.expect("an answer"));
    let (_, why) = questions::why(&ctx, &question("read")).await.expect("an answer");
    assert!(why.decision && why.steps.iter().any(|step| step.because.contains("reader here")));
    let who = questions::who(&ctx, "read", &format!("task:{}", y.task.id)).await.expect("an answer");
    let named: Vec<_> = who.resources.iter().map(|(named, one)| (named.code.clone(), one.sources.len())).collect();
    assert_eq!(named, [(Some(code.clone()), 1)]);
    assert!(!who.people.is_empty());
    let nobody = Question { subject: "resource:J-0000-0000".to_owned(), ..question("read") };
    assert!(questions::check(&ctx, &nobody).await.is_err());
}
