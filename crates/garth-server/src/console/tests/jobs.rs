//! Stories about the pages of jobs, of delivery interfaces and of providers; of mail that comes in, and of what watches.

use super::look::{between, has, html, lacks, same_page};
use super::{signed_in, text};
use crate::support::*;
use garth_server::jobs::work_once;

stories! {
    a_jobs_form_speaks_of_days_and_times,
    what_a_job_reports_and_to_whom_comes_back_to_its_form,
    what_is_wrong_with_a_job_is_told_at_its_field,
    an_interface_is_made_by_the_way_it_delivers,
    without_a_provider_the_form_says_why,
    a_job_runs_by_a_button_and_tells_of_its_runs,
    a_job_is_switched_off_and_on,
    what_is_hidden_of_jobs_is_missing,
    a_test_says_what_came_of_it,
    the_home_of_a_space_says_how_its_jobs_are,
    a_space_takes_mail_by_addresses_of_its_settings,
    whoever_runs_the_server_says_who_is_told_and_who_watches,
}

/// A space that Lin administers, and her browser.
async fn atlas(g: &Garth) -> (Person, Thing, Browser) {
    let ada = g.admin().await;
    g.closed_home().await;
    let lin = g.person("lin").await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    let browser = signed_in(g, "lin").await;
    (lin, atlas, browser)
}

/// What a form of a job sends, with some of it said otherwise.
fn job_form<'f>(changes: &[(&'f str, &'f str)]) -> Vec<(&'f str, &'f str)> {
    let mut all = vec![
        ("kind", "job"),
        ("name", "Weekly review"),
        ("when", "weekly"),
        ("when.weekday", "1"),
        ("when.at", "08:30"),
        ("time_zone", "Europe/Berlin"),
        ("report", "access_review"),
        ("/enabled", "true"),
        ("labels", ""),
        ("owner", ""),
    ];
    all.retain(|(name, _)| changes.iter().all(|(other, _)| other != name));
    all.extend(changes);
    all
}

async fn only(person: &Person, space: &Thing, kind: &str) -> Value {
    let found = person.get(&format!("/api/v1/resources?space={}&kind={kind}", space.id)).await.ok().items();
    assert_eq!(found.len(), 1, "one {kind}");
    found[0].clone()
}

async fn a_jobs_form_speaks_of_days_and_times(g: Garth) {
    let (lin, atlas, browser) = atlas(&g).await;
    let new = format!("/s/{}/new", atlas.id);
    let page = html(&browser, &format!("{new}?kind=job")).await;
    has(
        &page,
        &[
            "Only when somebody runs it",
            "From Monday to Friday",
            "Access review",
            "<datalist",
            "Europe/Berlin",
            "name=\"owner\" value=\"lin\"",
        ],
    );
    // What a schedule comes to is looked at, and nothing is made.
    let looked = g.unchanged(async || browser.submit(&new, &job_form(&[("then", "look")])).await.ok()).await;
    has(&text(&looked), &["Next: Mon ", "08:30", "value=\"Weekly review\""]);
    let made = browser.submit(&new, &job_form(&[])).await.expect_status(303);
    assert!(made.header("location").contains("/resources/"), "{made}");
    let job = only(&lin, &atlas, "job").await;
    assert_eq!((&job["body"]["schedule"], &job["body"]["time_zone"]), (&json!("30 8 * * 1"), &json!("Europe/Berlin")));
    let edit = format!("/s/{}/resources/{}/edit", atlas.id, job["code"].as_str().expect("a code"));
    let page = html(&browser, &edit).await;
    has(&page, &["<option value=\"weekly\" selected>", "type=\"time\" value=\"08:30\"", "Next: Mon "]);
    // By hand alone: the schedule goes.
    let version = job["version"].to_string();
    let by_hand = job_form(&[("when", "never"), ("version", version.as_str())]);
    browser.submit(&edit, &by_hand).await.expect_status(303);
    let job = only(&lin, &atlas, "job").await;
    assert!(job["body"].get("schedule").is_none_or(Value::is_null), "{job}");
    has(&html(&browser, &edit).await, &["<option value=\"never\" selected>"]);
}

async fn what_a_job_reports_and_to_whom_comes_back_to_its_form(g: Garth) {
    let (lin, atlas, browser) = atlas(&g).await;
    let smtp = json!({"type": "smtp", "host": "mail.example.org", "port": 587, "security": "starttls", "from": "garth@example.org"});
    let mail = lin.resource("delivery", "Mail <b>gateway</b>").space(&atlas).body(smtp).create().await;
    let new = format!("/s/{}/new", atlas.id);
    let fields = job_form(&[
        ("report", "search"),
        ("report.q", "lift"),
        ("report.more", "order=name"),
        ("d.0.delivery", mail.id.as_str()),
        ("d.0.each", "bo@example.org\r\nlin@example.org"),
        ("d.0.together", "all@example.org"),
        ("d.0.formats", "pdf"),
        ("d.0.formats", "csv"),
        ("d.1.delivery", ""),
    ]);
    // One row more is a row more.
    let mut more = fields.clone();
    more.push(("then", "more"));
    let page = text(&g.unchanged(async || browser.submit(&new, &more).await.ok()).await);
    has(&page, &["name=\"d.1.delivery\"", "bo@example.org\nlin@example.org", "Mail &#60;b&#62;gateway"]);
    browser.submit(&new, &fields).await.expect_status(303);
    let job = only(&lin, &atlas, "job").await;
    assert_eq!(job["body"]["report"], json!({"type": "search", "query": {"q": "lift", "order": "name"}}));
    let recipients = json!([{"address": "bo@example.org", "individual": true},
        {"address": "lin@example.org", "individual": true}, {"address": "all@example.org", "individual": false}]);
    let entry = json!({"delivery": mail.id, "recipients": recipients, "formats": ["pdf", "csv"]});
    assert_eq!(job["body"]["deliveries"], json!([entry]));
    let edit = format!("/s/{}/resources/{}/edit", atlas.id, job["code"].as_str().expect("a code"));
    has(&html(&browser, &edit).await, &["value=\"lift\"", "order=name", "all@example.org", "letters, D-"]);
    // What it was before does not stay beside what it is.
    let version = job["version"].to_string();
    browser.submit(&edit, &job_form(&[("report", "usage"), ("version", version.as_str())])).await.expect_status(303);
    let job = only(&lin, &atlas, "job").await;
    assert_eq!((&job["body"]["report"], &job["body"]["deliveries"]), (&json!({"type": "usage"}), &json!([])));
}

async fn what_is_wrong_with_a_job_is_told_at_its_field(g: Garth) {
    let (lin, atlas, browser) = atlas(&g).await;
    let new = format!("/s/{}/new", atlas.id);
    g.unchanged(async || {
        for (changes, id) in [
            (&[("when", "daily"), ("when.at", "25:00")][..], "when"),
            (&[("when", "cron"), ("when.text", "0 0 31 2 *")][..], "when"),
            (&[("when", "cron"), ("when.text", "")][..], "when"),
            (&[("time_zone", "Nowhere/Atall")][..], "time_zone"),
            (&[("report", "audit_digest"), ("report.days", "many")][..], "report.days"),
            (&[("report", "search"), ("report.more", "nonsense")][..], "report.more"),
            (&[("report", "page"), ("report.url", "")][..], "report.url"),
            (&[("d.0.delivery", "0198c000-0000-7000-8000-000000000000")][..], "d.0"),
        ] {
            let page = text(&browser.submit(&new, &job_form(changes)).await.expect_status(422));
            let told = format!("id=\"{id}.wrong\"");
            assert!(page.contains(&told) && page.contains("Weekly review"), "{changes:?}: no {told} in {page}");
        }
    })
    .await;
    assert!(lin.get(&format!("/api/v1/resources?space={}&kind=job", atlas.id)).await.ok().items().is_empty());
}

async fn an_interface_is_made_by_the_way_it_delivers(g: Garth) {
    let (lin, atlas, browser) = atlas(&g).await;
    let wes = g.person("wes").await;
    g.admin().await.grant_by_registry(&atlas, &wes, "writer").await;
    let new = format!("/s/{}/new", atlas.id);
    let ways = html(&browser, &format!("{new}?kind=delivery")).await;
    has(&ways, &["type=smtp", "type=webhook", "type=s3", "type=folder", "Letters by a mail server"]);
    let form = html(&browser, &format!("{new}?kind=delivery&type=smtp")).await;
    has(&form, &["name=\"/host\"", "name=\"/password\"", "type=\"password\"", "name=\"type\" value=\"smtp\""]);
    lacks(&form, &["name=\"/url\"", "name=\"/bucket\"", "name=\"/secret\""]);
    // A certificate has lines.
    has(&form, &["<textarea id=\"f7\" name=\"/ca\""]);
    let fields = [
        ("kind", "delivery"),
        ("type", "smtp"),
        ("name", "Gateway"),
        ("/host", "mail.example.org"),
        ("/port", "587"),
        ("/security", "starttls"),
        ("/username", "garth"),
        ("/password", "zq-very-secret"),
        ("/from", "garth@example.org"),
    ];
    let made = browser.submit(&new, &fields).await.expect_status(303);
    let interface = only(&lin, &atlas, "delivery").await;
    assert_eq!((&interface["body"]["type"], &interface["body"]["port"]), (&json!("smtp"), &json!(587)));
    // Its secret is written and never shown; left empty, it stays.
    let own = made.header("location").to_owned();
    has(&html(&browser, &own).await, &["Mail server", "mail.example.org", "/test"]);
    let edit = html(&browser, &format!("{own}/edit")).await;
    has(&edit, &["It is set; leave this empty to keep it."]);
    for page in [html(&browser, &own).await, edit] {
        lacks(&page, &["zq-very-secret"]);
    }
    let version = interface["version"].to_string();
    let mut changed = fields.to_vec();
    changed.retain(|(name, _)| *name != "/password" && *name != "/host");
    changed.retain(|(name, _)| *name != "/from");
    changed.extend([("version", version.as_str()), ("/host", "mail.example.org")]);
    let mut stays = changed.clone();
    stays.extend([("/password", ""), ("/from", "reports@example.org")]);
    browser.submit(&format!("{own}/edit"), &stays).await.expect_status(303);
    let interface = only(&lin, &atlas, "delivery").await;
    assert_eq!(interface["body"]["password"], json!({"secret": true}));
    assert_eq!(interface["body"]["from"], "reports@example.org");
    // It is for that server: another one is not told it because somebody typed another name.
    let version = interface["version"].to_string();
    let mut moved = fields.to_vec();
    moved.retain(|(name, _)| *name != "/password" && *name != "/host");
    moved.extend([("version", version.as_str()), ("/host", "mx.example.org")]);
    let without: Vec<_> = moved.iter().copied().chain([("/password", "")]).collect();
    g.unchanged(async || {
        let refused = browser.submit(&format!("{own}/edit"), &without).await.expect_status(422);
        has(&text(&refused), &["Must be given anew: it was for another host"]);
    })
    .await;
    moved.push(("/password", "zq-another-secret"));
    browser.submit(&format!("{own}/edit"), &moved).await.expect_status(303);
    let interface = only(&lin, &atlas, "delivery").await;
    assert_eq!(interface["body"]["host"], "mx.example.org");
    // Whoever only writes there is not offered what carries credentials, and does not make it.
    let writer = signed_in(&g, "wes").await;
    lacks(&html(&writer, &format!("/s/{}", atlas.id)).await, &["New delivery interface"]);
    g.unchanged(async || {
        let closed = writer.visit(&format!("{new}?kind=delivery")).await.expect_status(403);
        has(&text(&closed), &["Administrators of the space make delivery interfaces."]);
        writer.submit(&new, &fields).await.expect_status(403);
    })
    .await;
}

async fn without_a_provider_the_form_says_why(g: Garth) {
    let (lin, atlas, browser) = atlas(&g).await;
    let wes = g.person("wes").await;
    g.admin().await.grant_by_registry(&atlas, &wes, "writer").await;
    let page = format!("/s/{}/new?kind=job", atlas.id);
    has(&html(&browser, &page).await, &["There is no AI provider that Atlas may use", "Name one"]);
    has(&html(&signed_in(&g, "wes").await, &page).await, &["Administrators of the space can name one."]);
    let body = json!({"endpoint": "https://ai.example.org/v1", "model": "small", "api_key": "zq-key"});
    let provider = lin.resource("ai_provider", "House model").space(&atlas).body(body).create().await;
    let form = html(&browser, &page).await;
    has(&form, &["name=\"summary.provider\"", "House model"]);
    lacks(&form, &["There is no AI provider", "zq-key"]);
    let new = format!("/s/{}/new", atlas.id);
    let fields = job_form(&[("summary.provider", provider.id.as_str()), ("summary.instructions", "Be short.")]);
    browser.submit(&new, &fields).await.expect_status(303);
    let job = only(&lin, &atlas, "job").await;
    assert_eq!(job["body"]["summary"], json!({"provider": provider.id, "instructions": "Be short."}));
    lacks(
        &html(&browser, &format!("/s/{}/resources/{}", atlas.id, provider["code"].as_str().expect("a code"))).await,
        &["zq-key"],
    );
}

/// A job that runs by hand, and its page.
async fn by_hand(lin: &Person, atlas: &Thing) -> (Thing, String) {
    let body = json!({"report": {"type": "usage"}, "enabled": true});
    let job = lin.resource("job", "Usage by hand").space(atlas).body(body).owner(lin).create().await;
    let page = format!("/s/{}/resources/{}", atlas.id, job["code"].as_str().expect("a code"));
    (job, page)
}

async fn a_job_runs_by_a_button_and_tells_of_its_runs(g: Garth) {
    let (lin, atlas, browser) = atlas(&g).await;
    let (_, own) = by_hand(&lin, &atlas).await;
    let page = html(&browser, &own).await;
    has(&page, &["No run yet", "Run now", "only when somebody runs it", "Usage: quotas"]);
    let done = browser.submit(&format!("{own}/run"), &[]).await.expect_status(303);
    has(&html(&browser, done.header("location")).await, &["Usage by hand runs."]);
    work_once(&g.app()).await.expect("the work is done");
    let page = html(&browser, &own).await;
    has(&page, &["succeeded", "run by hand", "/report.html\"", "/report.pdf\"", "Read the report"]);
    let run = between(&page, "/api/v1/runs/", "/report.html").to_owned();
    assert!(text(&browser.visit(&format!("/api/v1/runs/{run}/report.html")).await.ok()).contains("Usage by hand"));
    has(&html(&browser, &format!("{own}/runs")).await, &["succeeded", "Runs"]);
    // In the list, with words beside the marks.
    let list = html(&browser, &format!("/s/{}/resources?kind=job", atlas.id)).await;
    has(&list, &["class=\"dot good\"", "The last runs, the latest first: succeeded", "by hand"]);
    has(&list, &["aria-label=\"Run Usage by hand now\"", "aria-label=\"Switch Usage by hand off\""]);
    // A run of another job is not taken away by way of this one.
    let (_, other) = {
        let body = json!({"report": {"type": "usage"}});
        let job = lin.resource("job", "Other").space(&atlas).body(body).create().await;
        (job.id.clone(), format!("/s/{}/resources/{}", atlas.id, job["code"].as_str().expect("a code")))
    };
    g.unchanged(async || browser.submit(&format!("{other}/runs/{run}/delete"), &[]).await.expect_status(404)).await;
    let done = browser.submit(&format!("{own}/runs/{run}/delete"), &[]).await.expect_status(303);
    has(&html(&browser, done.header("location")).await, &["The run is gone, and its report.", "No run yet"]);
}

async fn a_job_is_switched_off_and_on(g: Garth) {
    let (lin, atlas, browser) = atlas(&g).await;
    let body = json!({"schedule": "0 8 * * *", "time_zone": "UTC", "report": {"type": "usage"}, "enabled": true});
    let job = lin.resource("job", "Nightly").space(&atlas).body(body).create().await;
    let own = format!("/s/{}/resources/{}", atlas.id, job["code"].as_str().expect("a code"));
    has(&html(&browser, &own).await, &["Switch off", "0 8 * * *", "Next "]);
    browser.submit(&format!("{own}/disable"), &[]).await.expect_status(303);
    assert_eq!(lin.get(&job.url("")).await.ok()["body"]["enabled"], false);
    has(&html(&browser, &own).await, &["Switched off", "Switch on"]);
    has(&html(&browser, &format!("/s/{}/resources?kind=job", atlas.id)).await, &["<span class=\"tag\">off</span>"]);
    browser.submit(&format!("{own}/enable"), &[]).await.expect_status(303);
    assert_eq!(lin.get(&job.url("")).await.ok()["body"]["enabled"], true);
    // Nothing paused it, so nothing is to be resumed.
    g.unchanged(async || browser.submit(&format!("{own}/resume"), &[]).await.expect_status(409)).await;
    // Whoever only reads is offered none of it.
    let bo = g.person("bo").await;
    g.admin().await.grant_by_registry(&atlas, &bo, "reader").await;
    let reader = signed_in(&g, "bo").await;
    lacks(&html(&reader, &own).await, &["Switch off", "Run now"]);
    g.unchanged(async || {
        for deed in ["run", "disable", "resume"] {
            reader.submit(&format!("{own}/{deed}"), &[]).await.expect_status(403);
        }
    })
    .await;
}

async fn what_is_hidden_of_jobs_is_missing(g: Garth) {
    let (lin, atlas, _) = atlas(&g).await;
    let (job, _) = by_hand(&lin, &atlas).await;
    let bo = g.person("bo").await;
    let beta = g.admin().await.space("Beta").admin(&bo).create().await;
    let stranger = signed_in(&g, "bo").await;
    let never = strange(&job.id);
    let task = {
        g.admin().await.kind("task").await;
        bo.resource("task", "No job").space(&beta).create().await
    };
    g.unchanged(async || {
        let hidden = stranger.visit(&format!("/s/{}/resources/{}/runs", beta.id, job.id)).await;
        let missing = stranger.visit(&format!("/s/{}/resources/{never}/runs", beta.id)).await;
        same_page(&hidden, &job.id, &missing, &never);
        for deed in ["run", "enable", "disable", "resume", "test", "runs/x/delete"] {
            let hidden = stranger.submit(&format!("/s/{}/resources/{}/{deed}", beta.id, job.id), &[]).await;
            let missing = stranger.submit(&format!("/s/{}/resources/{never}/{deed}", beta.id), &[]).await;
            same_page(&hidden.expect_status(404), &job.id, &missing, &never);
            // What is no job has none of it, either.
            stranger.submit(&format!("/s/{}/resources/{}/{deed}", beta.id, task.id), &[]).await.expect_status(404);
        }
    })
    .await;
}

async fn a_test_says_what_came_of_it(g: Garth) {
    // Nobody listens there, and that is known at once.
    g.limit(garth_server::Limits { allow_private_targets: true, ..g.limits() }).await;
    let (lin, atlas, browser) = atlas(&g).await;
    let body = json!({"type": "webhook", "url": "https://127.0.0.1:1/hook", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"});
    let hook = lin.resource("delivery", "Hook").space(&atlas).body(body).create().await;
    let own = format!("/s/{}/resources/{}", atlas.id, hook["code"].as_str().expect("a code"));
    let page = text(&browser.submit(&format!("{own}/test"), &[]).await.ok());
    has(&page, &["The test failed.", "id=\"tried\""]);
    lacks(&page, &["whsec_"]);
    let bo = g.person("bo").await;
    g.admin().await.grant_by_registry(&atlas, &bo, "reader").await;
    let reader = signed_in(&g, "bo").await;
    lacks(&html(&reader, &own).await, &["/test"]);
    g.unchanged(async || reader.submit(&format!("{own}/test"), &[]).await.expect_status(403)).await;
}

async fn the_home_of_a_space_says_how_its_jobs_are(g: Garth) {
    let (lin, atlas, browser) = atlas(&g).await;
    let home = format!("/s/{}", atlas.id);
    lacks(&html(&browser, &home).await, &["id=\"jobs\""]);
    by_hand(&lin, &atlas).await;
    has(&html(&browser, &home).await, &["id=\"jobs\"", "The job here has not failed lately."]);
    // Only of those that the reader sees.
    let bo = g.person("bo").await;
    g.admin().await.grant_by_registry(&atlas, &bo, "reader").await;
    let only_lin = json!({"users": [lin.principal()]});
    let body = json!({"report": {"type": "usage"}});
    lin.resource("job", "Zqhidden").space(&atlas).body(body).view(only_lin).create().await;
    has(&html(&browser, &home).await, &["None of the 2 jobs here failed lately."]);
    has(&html(&signed_in(&g, "bo").await, &home).await, &["The job here has not failed lately."]);
}

async fn a_space_takes_mail_by_addresses_of_its_settings(g: Garth) {
    let (lin, atlas, browser) = atlas(&g).await;
    let settings = format!("/s/{}/settings", atlas.id);
    let schema = json!({"type": "object", "properties": {"text": {"type": "string"}, "from": {"type": "string"}}});
    g.admin().await.kind_with("ticket", json!({"schema": schema})).await;
    let page = html(&browser, &settings).await;
    has(&page, &["Mail that comes in", "<option value=\"ticket\">", "settings/mail\""]);
    lacks(&page, &["<option value=\"delivery\">"]);
    let done = browser.submit(&format!("{settings}/mail"), &[("prefix", "support"), ("kind", "ticket")]).await;
    let page = html(&browser, done.expect_status(303).header("location")).await;
    has(&page, &["Letters to support-", "Becomes: ticket."]);
    let all = lin.get(&format!("/api/v1/spaces/{}/inbound-addresses", atlas.id)).await.ok().items();
    assert_eq!(all.len(), 1);
    let id = all[0]["id"].as_str().expect("an id");
    g.unchanged(async || {
        let wrong = browser.submit(&format!("{settings}/mail"), &[("prefix", "No Good"), ("kind", "ticket")]).await;
        has(&text(&wrong.expect_status(422)), &["id=\"prefix.wrong\""]);
    })
    .await;
    // For administrators alone.
    let bo = g.person("bo").await;
    g.admin().await.grant_by_registry(&atlas, &bo, "reader").await;
    let reader = signed_in(&g, "bo").await;
    lacks(&html(&reader, &settings).await, &["Mail that comes in", "support-"]);
    g.unchanged(async || reader.submit(&format!("{settings}/mail/{id}/delete"), &[]).await.expect_status(403)).await;
    browser.submit(&format!("{settings}/mail/{id}/delete"), &[]).await.expect_status(303);
    lacks(&html(&browser, &settings).await, &["Becomes: ticket."]);
}

async fn whoever_runs_the_server_says_who_is_told_and_who_watches(g: Garth) {
    g.admin().await;
    g.person("lin").await;
    let browser = signed_in(&g, "ada").await;
    let page = html(&browser, "/system/health").await;
    has(&page, &["Jobs and deliveries", "Alerts", "Observer keys", "What <code>/api/v1/health</code> tells everybody"]);
    lacks(&page, &["alerts/test"]);
    let alerts = |to, check, gap| {
        [("recipients", to), ("check_minutes", check), ("gap_minutes", gap), ("public_health", "nothing")]
    };
    g.unchanged(async || {
        let wrong = browser.submit("/system/health/alerts", &alerts("ops@example.org", "often", "60")).await;
        has(&text(&wrong.expect_status(422)), &["check_minutes.wrong", "ops@example.org"]);
        let wrong = browser.submit("/system/health/alerts", &alerts("nobody", "5", "60")).await;
        has(&text(&wrong.expect_status(422)), &["recipients.wrong"]);
    })
    .await;
    browser.submit("/system/health/alerts", &alerts("ops@example.org", "5", "60")).await.expect_status(303);
    has(&html(&browser, "/system/health").await, &["ops@example.org", "alerts/test", "value=\"nothing\" selected"]);
    let tried = text(&browser.submit("/system/health/alerts/test", &[]).await.ok());
    has(&tried, &["This server has no mail server to send letters by."]);
    // A key's secret is shown once, opens health alone, and is revoked.
    let made = text(&browser.submit("/system/health/observers", &[("name", "Wall")]).await.ok());
    let secret = between(&made, "<code id=\"secret\">", "</code>").to_owned();
    assert!(secret.starts_with("garth_obs_"), "{secret}");
    let watches = g.anonymous().with_token(&secret);
    watches.get("/api/v1/health").await.ok();
    let page = html(&browser, "/system/health").await;
    has(&page, &["Wall"]);
    lacks(&page, &[&secret]);
    let id = between(&page, "/system/health/observers/", "/revoke").to_owned();
    let lin = signed_in(&g, "lin").await;
    g.unchanged(async || {
        lin.visit("/system/health").await.expect_status(403);
        lin.submit("/system/health/observers", &[("name", "Mine")]).await.expect_status(403);
        lin.submit("/system/health/alerts", &alerts("lin@example.org", "5", "60")).await.expect_status(403);
        lin.submit("/system/health/alerts/test", &[]).await.expect_status(403);
        lin.submit(&format!("/system/health/observers/{id}/revoke"), &[]).await.expect_status(403);
    })
    .await;
    browser.submit(&format!("/system/health/observers/{id}/revoke"), &[]).await.expect_status(303);
    watches.get("/api/v1/health").await.not_signed_in();
    lacks(&html(&browser, "/system/health").await, &["Wall"]);
}
