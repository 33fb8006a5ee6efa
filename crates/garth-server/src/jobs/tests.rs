//! Stories about jobs: when they run and for whom, what becomes of a run, and who sees it.

use crate::support::receiver::{Receiver, Says};
use crate::support::*;
use garth_server::{Limits, jobs};

stories! {
    a_job_is_run_by_hand_and_its_report_read,
    each_firing_runs_once,
    what_is_missed_is_recorded_and_not_run_late,
    a_schedule_that_makes_no_sense_is_refused,
    a_run_has_the_rights_of_its_owner_when_it_runs,
    a_role_attachment_is_who_a_job_runs_as,
    a_delivery_that_fails_is_tried_again_on_the_ladder,
    who_has_a_report_is_not_sent_it_again_and_the_others_are,
    a_budget_pauses_a_job_until_somebody_lets_it_go_on,
    a_job_uses_only_what_its_owner_sees,
    runs_are_seen_with_their_job,
    a_cancelled_run_is_gone,
    what_a_stopped_server_left_is_done_by_the_next,
    archived_spaces_have_no_schedules,
    runs_go_when_they_are_old,
    a_copy_is_scheduled_at_once,
}

const MINUTE: i64 = 60 * 1_000_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// Lin administers Atlas, where jobs lie.
async fn atlas(g: &Garth) -> (Person, Person, Thing) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    g.closed_home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    (ada, lin, atlas)
}

async fn work(g: &Garth) -> usize {
    jobs::work_once(&g.app()).await.expect("what is due is done")
}

/// A job of Lin's that tells how Atlas uses its quotas.
async fn job(lin: &Person, atlas: &Thing, name: &str, more: Value) -> Thing {
    let mut body = json!({"report": {"type": "usage"}, "time_zone": "UTC", "enabled": true});
    for (field, value) in more.as_object().expect("fields") {
        body[field] = value.clone();
    }
    lin.resource("job", name).space(atlas).owner(lin).body(body).create().await
}

fn of(thing: &Thing, what: &str) -> String {
    format!("/api/v1/jobs/{}{what}", thing.id)
}

async fn run_now(by: &Person, job: &Thing) -> String {
    let run = by.post(&of(job, "/run"), json!({})).await.expect_status(202);
    run["id"].as_str().expect("an id").to_owned()
}

async fn states(by: &Person, job: &Thing) -> Vec<String> {
    let runs = by.get(&of(job, "/runs")).await.ok().items();
    runs.iter().map(|run| run["state"].as_str().expect("a state").to_owned()).collect()
}

async fn a_job_is_run_by_hand_and_its_report_read(g: Garth) {
    let (_, lin, atlas) = atlas(&g).await;
    let weekly = job(&lin, &atlas, "Weekly usage", json!({})).await;
    let run = run_now(&lin, &weekly).await;
    let waiting = lin.get(&format!("/api/v1/runs/{run}")).await.ok();
    assert_eq!((&waiting["state"], &waiting["trigger"]), (&json!("queued"), &json!("manual")));
    assert_eq!(work(&g).await, 1);
    let done = lin.get(&format!("/api/v1/runs/{run}")).await.ok();
    assert_eq!(done["state"], "succeeded", "{done}");
    assert_eq!((&done["attempts"][0]["number"], &done["attempts"][0]["state"]), (&json!(1), &json!("succeeded")));
    assert_eq!(done["formats"], json!(["html", "pdf", "csv", "json"]));
    for (format, media_type) in
        [("html", "text/html"), ("pdf", "application/pdf"), ("csv", "text/csv"), ("json", "application/json")]
    {
        let report = lin.get(&format!("/api/v1/runs/{run}/report.{format}")).await;
        assert_eq!(report.status, 200, "{format}");
        assert!(report.header("content-type").starts_with(media_type), "{format}");
        let policy = report.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    }
    lin.get(&format!("/api/v1/runs/{run}/report.exe")).await.refused(404, "not_found");
    // What a run did is on record with its job as the one that acted.
    let entries = lin.get(&atlas.url("/audit?action=job.finish")).await.ok().items();
    assert_eq!(entries[0]["actor"], format!("resource:{}", weekly.id), "{entries:#?}");
}

async fn each_firing_runs_once(g: Garth) {
    let (_, lin, atlas) = atlas(&g).await;
    let hourly = job(&lin, &atlas, "Hourly", json!({"schedule": "@hourly"})).await;
    assert_eq!(work(&g).await, 0, "it is not due yet");
    let next = lin.get(&of(&hourly, "")).await.ok();
    assert_eq!((next["next"].as_array().expect("times").len(), &next["paused"]), (3, &Value::Null));
    g.pass(60 * MINUTE);
    assert_eq!(work(&g).await, 1);
    assert_eq!(work(&g).await, 0, "and not once more");
    g.restart().await;
    assert_eq!(work(&g).await, 0, "nor by another server");
    assert_eq!(states(&lin, &hourly).await, ["succeeded"]);
    // Two at once find it once, too.
    g.pass(60 * MINUTE);
    let app = g.app();
    let (one, other) = tokio::join!(jobs::work_once(&app), jobs::work_once(&app));
    assert_eq!(one.expect("done") + other.expect("done"), 1);
    assert_eq!(states(&lin, &hourly).await.len(), 2);
    // Switched off, it is not due; switched on, it is due again, and nothing is caught up.
    lin.post(&of(&hourly, "/disable"), json!({})).await.done();
    assert_eq!(lin.get(&of(&hourly, "")).await.ok()["next"], json!([]));
    g.pass(180 * MINUTE);
    assert_eq!(work(&g).await, 0);
    lin.post(&of(&hourly, "/enable"), json!({})).await.done();
    assert_eq!(work(&g).await, 0);
    g.pass(60 * MINUTE);
    assert_eq!(work(&g).await, 1);
}

async fn what_is_missed_is_recorded_and_not_run_late(g: Garth) {
    let (_, lin, atlas) = atlas(&g).await;
    let hourly = job(&lin, &atlas, "Hourly", json!({"schedule": "@hourly"})).await;
    work(&g).await;
    g.pass(5 * 60 * MINUTE + 30 * MINUTE);
    assert_eq!(work(&g).await, 0, "nothing is run late");
    let runs = lin.get(&of(&hourly, "/runs")).await.ok().items();
    assert_eq!(runs.len(), 1, "{runs:#?}");
    assert_eq!(runs[0]["state"], "skipped");
    assert!(runs[0]["detail"].as_str().expect("a sentence").contains("4 more times"), "{}", runs[0]["detail"]);
}

async fn a_schedule_that_makes_no_sense_is_refused(g: Garth) {
    let (_, lin, atlas) = atlas(&g).await;
    let body = |more: Value| {
        let mut body = json!({"report": {"type": "usage"}});
        for (field, value) in more.as_object().expect("fields") {
            body[field] = value.clone();
        }
        lin.resource("job", "Odd").space(&atlas).body(body).send()
    };
    g.unchanged(async || {
        for schedule in ["", "at noon", "0 0 30 2 *", "* * * * * *", "61 * * * *", "every 0 minutes"] {
            body(json!({"schedule": schedule})).await.invalid("/body/schedule");
        }
        body(json!({"time_zone": "Mars/Olympus"})).await.invalid("/body/time_zone");
        body(json!({"retries": 11})).await.invalid("/body/retries");
        body(json!({"report": {"type": "gossip"}})).await.invalid("/body/report/type");
        body(json!({"deliveries": vec![json!({"delivery": atlas.id}); 21]})).await.refused(422, "invalid");
        body(json!({"deliveries": [{"delivery": "nobody"}]})).await.invalid("/body/deliveries/0/delivery");
    })
    .await;
}

async fn a_run_has_the_rights_of_its_owner_when_it_runs(g: Garth) {
    let (ada, lin, atlas) = atlas(&g).await;
    let wes = g.person("wes").await;
    ada.grant_by_registry(&atlas, &wes, "writer").await;
    let owned = wes.resource("job", "Of Wes").space(&atlas).owner(&wes).body(json!({"report": {"type": "usage"}}));
    let owned = owned.create().await;
    let orphan =
        lin.resource("job", "Nobody's").space(&atlas).body(json!({"report": {"type": "usage"}})).create().await;
    lin.patch(&orphan.url(""), json!({"owner": null})).await.ok();
    run_now(&lin, &owned).await;
    run_now(&lin, &orphan).await;
    work(&g).await;
    assert_eq!(states(&lin, &owned).await, ["succeeded"]);
    let failed = lin.get(&of(&orphan, "/runs")).await.ok().items();
    assert_eq!((&failed[0]["state"], &failed[0]["next_attempt_at"]), (&json!("failed"), &Value::Null));
    assert!(
        failed[0]["detail"].as_str().expect("a sentence").contains("nobody whose rights"),
        "{}",
        failed[0]["detail"]
    );
    // Judged when it runs: who is disabled by then lends it nothing.
    g.pass(MINUTE);
    run_now(&lin, &owned).await;
    ada.patch(&format!("/api/v1/users/{}", wes.id), json!({"disabled": true})).await.ok();
    work(&g).await;
    assert_eq!(states(&lin, &owned).await, ["failed", "succeeded"]);
}

async fn a_role_attachment_is_who_a_job_runs_as(g: Garth) {
    let (_, lin, atlas) = atlas(&g).await;
    let orphan =
        lin.resource("job", "Nobody's").space(&atlas).body(json!({"report": {"type": "usage"}})).create().await;
    lin.grant(&atlas, &orphan, "reader").await;
    run_now(&lin, &orphan).await;
    work(&g).await;
    assert_eq!(states(&lin, &orphan).await, ["succeeded"]);
}

/// An interface that nobody answers at.
async fn nowhere(lin: &Person, atlas: &Thing) -> Thing {
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let body = json!({"type": "webhook", "url": "https://127.0.0.1:9/in", "secret": secret});
    lin.resource("delivery", "Nowhere").space(atlas).body(body).create().await
}

async fn a_delivery_that_fails_is_tried_again_on_the_ladder(g: Garth) {
    let (_, lin, atlas) = atlas(&g).await;
    g.limit(Limits { allow_private_targets: true, ..g.limits() }).await;
    let hook = nowhere(&lin, &atlas).await;
    let deliveries = json!({"deliveries": [{"delivery": hook.id}], "retries": 2});
    let failing = job(&lin, &atlas, "Failing", deliveries).await;
    let run = run_now(&lin, &failing).await;
    work(&g).await;
    let once = lin.get(&format!("/api/v1/runs/{run}")).await.ok();
    assert_eq!((&once["state"], &once["finished_at"]), (&json!("failed"), &Value::Null), "{once}");
    assert_eq!(once["deliveries"][0]["state"], "failed");
    for (wait, attempts) in [(5, 2), (10, 3)] {
        assert_eq!(work(&g).await, 0, "it waits");
        g.pass(wait * MINUTE);
        assert_eq!(work(&g).await, 1);
        let run = lin.get(&format!("/api/v1/runs/{run}")).await.ok();
        assert_eq!(run["attempts"].as_array().expect("attempts").len(), attempts);
    }
    let over = lin.get(&format!("/api/v1/runs/{run}")).await.ok();
    assert!(over["finished_at"].is_string() && over["next_attempt_at"].is_null(), "{over}");
    let (jobs, deliveries) = jobs::lately(&g.app()).await.expect("told");
    assert_eq!(jobs.iter().map(|job| job.last.len()).sum::<usize>(), 1);
    assert_eq!(deliveries[0].last.len(), 3);
}

/// A webhook of that receiver's.
async fn hook(lin: &Person, atlas: &Thing, receiver: &Receiver, name: &str) -> Thing {
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let body = json!({"type": "webhook", "url": receiver.url("/in"), "secret": secret});
    lin.resource("delivery", name).space(atlas).body(body).create().await
}

async fn who_has_a_report_is_not_sent_it_again_and_the_others_are(g: Garth) {
    let (_, lin, atlas) = atlas(&g).await;
    g.limit(Limits { allow_private_targets: true, ..g.limits() }).await;
    let (one, other) = (Receiver::start().await, Receiver::start().await);
    other.next(Says::status(500));
    let (first, second) = (hook(&lin, &atlas, &one, "First").await, hook(&lin, &atlas, &other, "Second").await);
    let deliveries = json!([{"delivery": first.id}, {"delivery": second.id}]);
    let body = json!({"schedule": "@hourly", "throttle_seconds": 2 * 3_600, "deliveries": deliveries});
    let hourly = job(&lin, &atlas, "Hourly", body).await;
    work(&g).await;
    g.pass(60 * MINUTE);
    assert_eq!(work(&g).await, 1);
    assert_eq!(states(&lin, &hourly).await, ["partly_delivered"]);
    // The throttle is about other reports than this one.
    g.pass(5 * MINUTE);
    assert_eq!(work(&g).await, 1);
    assert_eq!((one.came().len(), other.came().len()), (1, 2));
    let run = lin.get(&of(&hourly, "/runs")).await.ok().items().remove(0);
    assert_eq!(run["state"], "succeeded", "{run}");
    for delivery in run["deliveries"].as_array().expect("deliveries") {
        assert_eq!(delivery["state"], "delivered", "{run}");
    }
    // The next one comes too soon, and the one after that does not.
    g.pass(60 * MINUTE);
    assert_eq!(work(&g).await, 1);
    assert_eq!((one.came().len(), other.came().len()), (0, 0));
    assert_eq!(states(&lin, &hourly).await, ["skipped", "succeeded"]);
    g.pass(60 * MINUTE);
    assert_eq!(work(&g).await, 1);
    assert_eq!((one.came().len(), other.came().len()), (1, 1));
}

async fn a_budget_pauses_a_job_until_somebody_lets_it_go_on(g: Garth) {
    let (_, lin, atlas) = atlas(&g).await;
    g.limit(Limits { allow_private_targets: true, ..g.limits() }).await;
    let receiver = Receiver::start().await;
    receiver.always(Says::words("Nothing was used up.", Some(40)));
    let provider = json!({"endpoint": receiver.url("/v1"), "model": "small", "api_key": "sk-deep", "daily_tokens": 1});
    let provider = lin.resource("ai_provider", "Writer").space(&atlas).body(provider).create().await;
    let body = json!({"schedule": "@hourly", "summary": {"provider": provider.id}});
    let hourly = job(&lin, &atlas, "Hourly", body).await;
    work(&g).await;
    g.pass(60 * MINUTE);
    assert_eq!(work(&g).await, 1);
    let run = lin.get(&of(&hourly, "/runs")).await.ok().items().remove(0);
    assert_eq!(run["state"], "skipped");
    assert!(run["detail"].as_str().expect("a sentence").contains("daily budget of 1 token"), "{run}");
    let paused = lin.get(&of(&hourly, "")).await.ok();
    assert!(paused["paused"]["reason"].as_str().expect("why").contains("daily budget"), "{paused}");
    assert_eq!(paused["next"], json!([]));
    g.unchanged(async || drop(lin.post(&of(&hourly, "/run"), json!({})).await.refused(409, "conflict"))).await;
    assert_eq!(receiver.came().len(), 0, "who is over the budget is not asked");
    // Room in the budget does not do; somebody lets it go on.
    lin.patch(&provider.url(""), json!({"body": {"daily_tokens": 100_000}})).await.ok();
    g.pass(60 * MINUTE);
    assert_eq!(work(&g).await, 0);
    lin.post(&of(&hourly, "/resume"), json!({})).await.done();
    assert_eq!(work(&g).await, 0, "nothing is caught up");
    g.pass(60 * MINUTE);
    assert_eq!(work(&g).await, 1);
    assert_eq!(states(&lin, &hourly).await, ["succeeded", "skipped"]);
    let run = lin.get(&of(&hourly, "/runs")).await.ok().items().remove(0);
    let report = lin.get(&format!("/api/v1/runs/{}/report.json", run["id"].as_str().expect("an id"))).await.ok();
    assert!(report.json.to_string().contains("Nothing was used up."), "{}", report.json);
    assert_eq!(receiver.came().len(), 1);
}

async fn a_job_uses_only_what_its_owner_sees(g: Garth) {
    let (ada, lin, atlas) = atlas(&g).await;
    let wes = g.person("wes").await;
    ada.grant_by_registry(&atlas, &wes, "writer").await;
    let hook = nowhere(&lin, &atlas).await;
    let body = json!({"report": {"type": "usage"}, "deliveries": [{"delivery": hook.id}], "retries": 0});
    let owned = wes.resource("job", "Of Wes").space(&atlas).owner(&wes).body(body).create().await;
    // After it was saved the interface is hidden from Wes: the job may use it no more.
    lin.patch(&hook.url(""), json!({"view": {"users": [lin.principal()]}})).await.ok();
    let run = run_now(&wes, &owned).await;
    work(&g).await;
    let done = wes.get(&format!("/api/v1/runs/{run}")).await.ok();
    assert_eq!(done["state"], "failed");
    let detail = done["deliveries"][0]["detail"].as_str().expect("a sentence");
    assert!(detail.contains("not there for whoever the job runs for"), "{detail}");
}

async fn runs_are_seen_with_their_job(g: Garth) {
    let (ada, lin, atlas) = atlas(&g).await;
    let (wes, mia) = (g.person("wes").await, g.person("mia").await);
    ada.grant_by_registry(&atlas, &wes, "reader").await;
    let weekly = job(&lin, &atlas, "Weekly", json!({})).await;
    let run = run_now(&lin, &weekly).await;
    work(&g).await;
    let url = format!("/api/v1/runs/{run}");
    wes.get(&url).await.ok();
    assert_eq!(wes.get(&format!("{url}/report.json")).await.status, 200);
    g.unchanged(async || {
        wes.post(&of(&weekly, "/run"), json!({})).await.refused(403, "forbidden");
        wes.delete(&url).await.refused(403, "forbidden");
        wes.post(&of(&weekly, "/disable"), json!({})).await.refused(403, "forbidden");
        lin.post(&of(&weekly, "/resume"), json!({})).await.refused(409, "conflict");
        for who in [&mia, &ada] {
            let missing = who.get(&format!("/api/v1/runs/{}", atlas.id)).await.refused(404, "not_found");
            assert_same(&who.get(&url).await, &missing);
            who.get(&format!("{url}/report.pdf")).await.refused(404, "not_found");
            who.get(&of(&weekly, "/runs")).await.refused(404, "not_found");
            who.post(&of(&weekly, "/run"), json!({})).await.refused(404, "not_found");
            who.delete(&url).await.refused(404, "not_found");
        }
        g.anonymous().get(&url).await.not_signed_in();
        // Another kind's resource is no job.
        let hook = format!("/api/v1/jobs/{}", atlas.id);
        lin.get(&hook).await.refused(404, "not_found");
    })
    .await;
    // Pages hold all of them, each once.
    for _ in 0..4 {
        g.pass(MINUTE);
        run_now(&lin, &weekly).await;
        work(&g).await;
    }
    assert_eq!(lin.all_pages(&of(&weekly, "/runs"), 2).await.len(), 5);
}

async fn a_cancelled_run_is_gone(g: Garth) {
    let (_, lin, atlas) = atlas(&g).await;
    let weekly = job(&lin, &atlas, "Weekly", json!({})).await;
    let run = run_now(&lin, &weekly).await;
    lin.delete(&format!("/api/v1/runs/{run}")).await.done();
    assert_eq!(work(&g).await, 0);
    for _ in 0..10 {
        run_now(&lin, &weekly).await;
    }
    lin.post(&of(&weekly, "/run"), json!({})).await.refused(409, "conflict");
    // A job's end takes its runs along.
    lin.delete(&weekly.url("")).await.done();
    assert_eq!(work(&g).await, 0);
    assert!(g.rows("job_runs").await.is_empty());
}

async fn what_a_stopped_server_left_is_done_by_the_next(g: Garth) {
    let (_, lin, atlas) = atlas(&g).await;
    let weekly = job(&lin, &atlas, "Weekly", json!({})).await;
    let run = run_now(&lin, &weekly).await;
    // As if a server had been killed in the middle of it.
    g.meddle(
        "UPDATE job_runs SET state = 'running', next_attempt_at = NULL, leased_by = 'another', leased_until = 9000000000000000, \
         attempts = 1, started_at = due_at; \
         INSERT INTO job_attempts (run_id, number, started_at, state, detail) SELECT id, 1, due_at, 'running', '' FROM job_runs",
    )
    .await;
    assert_eq!(work(&g).await, 1);
    let done = lin.get(&format!("/api/v1/runs/{run}")).await.ok();
    assert_eq!(done["state"], "succeeded", "{done}");
    assert_eq!(done["attempts"][0]["detail"], "the server stopped in the middle of it");
    assert_eq!(done["attempts"][1]["state"], "succeeded");
}

async fn archived_spaces_have_no_schedules(g: Garth) {
    let (_, lin, atlas) = atlas(&g).await;
    let hourly = job(&lin, &atlas, "Hourly", json!({"schedule": "@hourly"})).await;
    work(&g).await;
    lin.post(&atlas.url("/archive"), json!({})).await.ok();
    g.pass(60 * MINUTE);
    assert_eq!(work(&g).await, 0);
    lin.post(&of(&hourly, "/run"), json!({})).await.refused(409, "archived");
    lin.post(&atlas.url("/activate"), json!({})).await.ok();
    assert_eq!(states(&lin, &hourly).await, Vec::<String>::new());
    g.pass(60 * MINUTE);
    assert_eq!(work(&g).await, 1);
}

async fn runs_go_when_they_are_old(g: Garth) {
    let (_, lin, atlas) = atlas(&g).await;
    let short = job(&lin, &atlas, "Short", json!({"keep_days": 2})).await;
    let long = job(&lin, &atlas, "Long", json!({"keep_days": 0})).await;
    let usual = job(&lin, &atlas, "Usual", json!({})).await;
    run_now(&lin, &short).await;
    run_now(&lin, &long).await;
    run_now(&lin, &usual).await;
    work(&g).await;
    let kept = async || {
        let lin = g.admin().await.sign_in("lin").await;
        work(&g).await;
        let each = [&short, &usual, &long].map(|job| states(&lin, job));
        futures_util::future::join_all(each).await.iter().map(Vec::len).collect::<Vec<_>>()
    };
    g.pass(3 * DAY);
    assert_eq!(kept().await, [0, 1, 1]);
    g.pass(181 * DAY);
    assert_eq!(kept().await, [0, 0, 1]);
}

async fn a_copy_is_scheduled_at_once(g: Garth) {
    let (ada, lin, atlas) = atlas(&g).await;
    let beta = ada.space("Beta").admin(&lin).create().await;
    let hook = nowhere(&lin, &atlas).await;
    let body = json!({"schedule": "@hourly", "deliveries": [{"delivery": hook.id}]});
    let hourly = job(&lin, &atlas, "Hourly", body).await;
    run_now(&lin, &hourly).await;
    let order = json!({"resources": [hourly.id], "default_reference": "copy"});
    let made = lin.post(&beta.url("/copies"), order).await.ok();
    let copy =
        made["items"].as_array().expect("items").iter().find(|item| item["source"] == hourly.id).expect("copied");
    let copy = copy["copy"].as_str().expect("an id").to_owned();
    let there = lin.get(&format!("/api/v1/resources/{copy}")).await.ok();
    assert_ne!(there["body"]["deliveries"][0]["delivery"], hook.id, "it has an interface of its own");
    assert_eq!(lin.get(&format!("/api/v1/jobs/{copy}")).await.ok()["next"].as_array().expect("times").len(), 3);
    let runs = lin.get(&format!("/api/v1/jobs/{copy}/runs")).await.ok().items();
    assert!(runs.is_empty(), "runs are not copied");
}
