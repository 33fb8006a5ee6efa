//! Stories about what is done with things on pages: selecting, moving, copying, labelling, deleting; policies, attachments
//! and shares.

use super::look::{between, has, html, lacks};
use super::{signed_in, text};
use crate::support::*;

stories! {
    what_is_selected_moves_with_what_follows,
    a_copy_is_what_its_preview_said,
    what_is_selected_is_labelled_archived_and_deleted,
    who_may_see_a_thing_is_said_in_words,
    a_thing_tells_what_is_around_it,
    what_is_hidden_is_not_selected,
}

fn code(thing: &Thing) -> &str {
    thing["code"].as_str().expect("a code")
}

/// The page that a form leads to.
async fn follow(browser: &Browser, path: &str, fields: &[(&str, &str)]) -> String {
    let done = browser.submit(path, fields).await.expect_status(303);
    html(browser, done.header("location")).await
}

/// Kinds: a pool can be attached, a job refers to a task and follows it, and names a pool.
async fn kinds(ada: &Person) {
    ada.kind("task").await;
    ada.kind_with("pool", json!({"shareable": true})).await;
    let schema = json!({"type": "object", "properties": {"task": {"type": "string"}, "pool": {"type": "string"},
        "token": {"type": "string"}}});
    let references =
        json!([{"pointer": "/task", "kind": "task", "follows": true}, {"pointer": "/pool", "kind": "pool"}]);
    ada.kind_with("chore", json!({"schema": schema, "references": references})).await;
}

async fn what_is_selected_moves_with_what_follows(g: Garth) {
    let ada = g.admin().await;
    g.closed_home().await;
    kinds(&ada).await;
    let (lin, wes, bo) = (g.person("lin").await, g.person("wes").await, g.person("bo").await);
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    ada.grant_by_registry(&atlas, &wes, "reader").await;
    let task = lin.resource("task", "Fix <b>the</b> lift").space(&atlas).create().await;
    let pump = lin.resource("task", "Mend the pump").space(&atlas).create().await;
    let job = lin.resource("chore", "Nightly").space(&atlas).body(json!({"task": task.id})).create().await;
    let list = format!("/s/{}/resources?kind=task", atlas.id);
    let browser = signed_in(&g, "lin").await;
    // Whoever may write selects; whoever sees one space is not offered another.
    has(&html(&browser, &list).await, &["data-picks", "name=\"r\"", "selected/labels\"", "Select Mend the pump"]);
    lacks(&html(&browser, &list).await, &["selected/move", "selected/copy"]);
    lacks(&html(&signed_in(&g, "wes").await, &list).await, &["data-picks", "name=\"r\""]);
    let page = format!("/s/{}/selected/move?r={}&r={}", atlas.id, code(&task), code(&pump));
    has(&html(&browser, &page).await, &["No other space is open to you", "Move 2 tasks"]);
    let beta = ada.space("Beta").admin(&lin).create().await;
    let gamma = ada.space("Gamma").create().await;
    ada.grant_by_registry(&gamma, &lin, "reader").await;
    ada.grant_by_registry(&beta, &bo, "reader").await;
    has(&html(&browser, &list).await, &["selected/move", "selected/copy"]);
    let choose = html(&browser, &page).await;
    has(&choose, &["value=\"", &beta.id, "Fix &#60;b&#62;the&#60;/b&#62; lift"]);
    let targets = between(&choose, "<ul class=\"list targets\">", "</ul>");
    lacks(targets, &[&gamma.id, &atlas.id]);
    // Nothing is done by looking.
    let preview = g.unchanged(async || html(&browser, &format!("{page}&space={}", beta.id)).await).await;
    has(&preview, &["Move 2 tasks to Beta", "Goes along", "Nightly", "wes can no longer see", "bo will see"]);
    let action = format!("/s/{}/selected/move", atlas.id);
    let fields = [("r", code(&task)), ("r", code(&pump)), ("space", beta.id.as_str())];
    let hidden = ada.space("Zqhidden").create().await;
    // Where one may only look, nothing is put; and a hidden space is one that never was.
    g.unchanged(async || {
        let to_gamma = [fields[0], fields[1], ("space", gamma.id.as_str())];
        let refused = browser.submit(&action, &to_gamma).await.expect_status(403);
        has(&text(&refused), &["role=\"alert\"", "This needs task:write", "Move 2 tasks"]);
        for space in [hidden.id.clone(), strange(&hidden.id), gamma.id.clone()] {
            let page = html_of(&browser, &format!("{page}&space={space}"), 422).await;
            has(&page, &["That space is not there, or not for you to move things to."]);
            lacks(&page, &["Zqhidden"]);
        }
    })
    .await;
    let done = follow(&browser, &action, &fields).await;
    has(
        &done,
        &["2 tasks moved to Beta.", "Now in Beta", "Nightly", "went along", "moved", &format!("/s/{}/", beta.id)],
    );
    assert_eq!(lin.get(&job.url("")).await.ok()["space"], beta.id);
    // What is not there any more is said to be so.
    let gone = browser.visit(&page).await.expect_status(303);
    has(&html(&browser, gone.header("location")).await, &["What was selected is not here any more."]);
    let none = browser.visit(&action).await.expect_status(303);
    has(&html(&browser, none.header("location")).await, &["Nothing is selected yet."]);
    // Of several, it is told which one holds the others back.
    let stays = lin.resource("chore", "Stays").space(&beta).body(json!({"task": task.id})).create().await;
    let goes = lin.resource("task", "Goes").space(&beta).create().await;
    let page = format!("/s/{}/selected/move?r={}&r={}&space={}", beta.id, code(&stays), code(&goes), atlas.id);
    has(&html(&browser, &page).await, &["Stays", "Can move", "Only the 1 that can move"]);
}

async fn html_of(browser: &Browser, path: &str, status: u16) -> String {
    text(&browser.visit(path).await.expect_status(status))
}

async fn a_copy_is_what_its_preview_said(g: Garth) {
    let ada = g.admin().await;
    g.closed_home().await;
    kinds(&ada).await;
    let (lin, bo) = (g.person("lin").await, g.person("bo").await);
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    let beta = ada.space("Beta").admin(&lin).create().await;
    ada.grant_by_registry(&atlas, &bo, "writer").await;
    let task = lin.resource("task", "Fix the lift").space(&atlas).create().await;
    let other = lin.resource("task", "Other lift").space(&beta).create().await;
    let only_lin = json!({"users": [lin.principal()]});
    let pool = lin.resource("pool", "Zqpool").space(&atlas).view(only_lin).create().await;
    let body = json!({"task": task.id, "pool": pool.id});
    let job = lin.resource("chore", "Nightly").space(&atlas).body(body).create().await;
    lin.resource("chore", "Nightly").space(&beta).create().await;
    let browser = signed_in(&g, "lin").await;
    let page = format!("/s/{}/selected/copy?r={}&space={}", atlas.id, code(&job), beta.id);
    let preview = g.unchanged(async || html(&browser, &page).await).await;
    has(&preview, &["What they refer to", "Fix the lift", "Zqpool", "Copy it, too", "Use Other lift"]);
    has(&preview, &["Renamed", "Nightly (copy)", "Copy 3 things", "1 renamed", "2 new"]);
    // A reference may be left out, or stand for what is there.
    let (left, mapped) = (format!("{}:leave", pool.id), format!("{}:use:{}", task.id, other.id));
    let chosen = html(&browser, &format!("{page}&ref={left}&ref={mapped}&conflict=rename")).await;
    has(&chosen, &["Copy 1 thing"]);
    lacks(&chosen, &["2 new"]);
    // Where the name is taken and nothing is to be copied, nothing is offered.
    let skipped = html(&browser, &format!("{page}&ref={left}&ref={mapped}&conflict=skip")).await;
    has(&skipped, &["Skipped", "Nothing is copied"]);
    lacks(&skipped, &["method=\"post\" action=\"/s/"]);
    let action = format!("/s/{}/selected/copy", atlas.id);
    let space = ("space", beta.id.as_str());
    let done =
        follow(&browser, &action, &[("r", code(&job)), space, ("ref", left.as_str()), ("ref", mapped.as_str())]).await;
    has(&done, &["1 thing is copied to Beta.", "Nightly (copy)", "copied under another name"]);
    let copies = lin.get(&format!("/api/v1/resources?space={}&kind=chore&order=name", beta.id)).await.ok().items();
    let copy = copies.iter().find(|copy| copy["name"] == "Nightly (copy)").expect("the copy");
    assert_eq!((&copy["body"]["task"], copy["body"].get("pool")), (&json!(other.id), None));
    // To whoever cannot see it, what it refers to is not there; and without a right at the target nothing goes.
    let reader = signed_in(&g, "bo").await;
    ada.grant_by_registry(&beta, &bo, "reader").await;
    g.unchanged(async || {
        let seen = html_of(&reader, &page, 422).await;
        has(&seen, &["That space is not there, or not for you to copy things to.", "Nightly"]);
        lacks(&seen, &["Zqpool", code(&pool)]);
        let refused = reader.submit(&action, &[("r", code(&job)), space]).await.expect_status(422);
        has(&text(&refused), &["role=\"alert\"", "not for you to copy things to"]);
    })
    .await;
}

async fn what_is_selected_is_labelled_archived_and_deleted(g: Garth) {
    let ada = g.admin().await;
    g.closed_home().await;
    kinds(&ada).await;
    let (lin, wes) = (g.person("lin").await, g.person("wes").await);
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    ada.grant_by_registry(&atlas, &wes, "writer").await;
    let one = lin.resource("task", "One").space(&atlas).labels(&["old", "keep"]).create().await;
    let only_lin = json!({"users": [lin.principal()]});
    let two = lin.resource("task", "Two").space(&atlas).edit(only_lin).create().await;
    let browser = signed_in(&g, "wes").await;
    let at = |tail: &str| format!("/s/{}/selected/{tail}", atlas.id);
    let picked = format!("?r={}&r={}", code(&one), code(&two));
    let page = html(&browser, &format!("{}{picked}", at("labels"))).await;
    has(&page, &["Labels of 2 tasks", "value=\"old\"", "You may not change 1 of them"]);
    let (r1, r2) = (("r", code(&one)), ("r", code(&two)));
    // Each is its own change: what is refused holds up no other, and both are told.
    let done = text(&browser.submit(&at("labels"), &[r1, r2, ("add", "new, keep"), ("take", "old")]).await.ok());
    has(&done, &["1 of 2 are done; 1 could not be.", ">done<", ">refused<", "Two"]);
    assert_eq!(lin.get(&one.url("")).await.ok()["labels"], json!(["keep", "new"]));
    has(&html(&browser, &format!("{}{picked}", at("archive"))).await, &["Archive 2 tasks", "can be taken back"]);
    g.unchanged(async || {
        let refused = browser.submit(&at("archive"), &[r2]).await.expect_status(409);
        has(&text(&refused), &["It was refused, and nothing was changed."]);
        // The number is typed, so that nothing goes by mistake.
        let wrong = browser.submit(&at("delete"), &[r1, r2, ("count", "1")]).await.expect_status(422);
        has(&text(&wrong), &["Type 2", "id=\"count.wrong\"", "autofocus"]);
        // Nor are more labels typed than a thing bears, nor more fields sent than a page looks through.
        let long: Vec<String> = (0..65).map(|at| format!("l{at}")).collect();
        let wrong = browser.submit(&at("labels"), &[r1, ("add", &long.join(","))]).await.expect_status(422);
        has(&text(&wrong), &["id=\"add.wrong\"", "Must be at most 64 labels"]);
        let fields = vec![("take", "x"); 2_001];
        browser.submit(&at("labels"), &fields).await.expect_status(422);
        // What is only tried is told to be so.
        let tried = browser.submit(&format!("{}?dry_run=true", at("archive")), &[r1]).await.expect_status(303);
        assert_eq!(tried.header("location"), format!("/s/{}/resources?kind=task", atlas.id));
    })
    .await;
    let archived = follow(&browser, &at("archive"), &[r1]).await;
    has(&archived, &["1 task is archived"]);
    let owner = signed_in(&g, "lin").await;
    let deleted = follow(&owner, &at("delete"), &[r1, r2, ("count", "2")]).await;
    has(&deleted, &["2 tasks are deleted.", "Nothing here yet"]);
    lin.get(&one.url("")).await.refused(404, "not_found");
    // Not more at once than a page of a list holds.
    let many: String = (0..101).map(|_| format!("&r={}", code(&one))).collect();
    let many = many.replace(code(&one), "T-0000-0000");
    let distinct: String = (0..101).map(|at| format!("&r=x{at}")).collect();
    html_of(&owner, &format!("{}?{}", at("labels"), &distinct[1..]), 422).await;
    owner.visit(&format!("{}?{}", at("labels"), &many[1..])).await.expect_status(303);
}

async fn who_may_see_a_thing_is_said_in_words(g: Garth) {
    let ada = g.admin().await;
    g.closed_home().await;
    kinds(&ada).await;
    let (lin, wes, bo) = (g.person("lin").await, g.person("wes").await, g.person("bo").await);
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    let crew = ada.group("crew", &[&bo]).await;
    ada.grant_by_registry(&atlas, &wes, "reader").await;
    ada.grant_by_registry(&atlas, &crew, "writer").await;
    let task = lin.resource("task", "Plan").space(&atlas).create().await;
    let own = format!("/s/{}/resources/{}", atlas.id, code(&task));
    let policies = format!("{own}/policies");
    let browser = signed_in(&g, "lin").await;
    has(&html(&browser, &own).await, &["Whoever may see tasks here", "Whoever may edit tasks here"]);
    let page = html(&browser, &policies).await;
    has(&page, &["Who sees it now", "By the group crew", "By a role of their own here", "may edit"]);
    // A preview changes nothing, and says who loses; a rule more is a row more.
    let people = [("view.form", "people"), ("view.people", "lin"), ("edit.form", "kind")];
    g.unchanged(async || {
        let shown = text(&browser.submit(&policies, &[people[0], people[1], people[2], ("do", "preview")]).await.ok());
        has(&shown, &["Who would see it", "Can no longer see it", "can no longer see Plan.", "lin</textarea>"]);
        let more = text(&browser.submit(&policies, &[("do", "add.view")]).await.ok());
        has(&more, &["value=\"custom\" checked", "Rule 1: whom"]);
        // Whoever would shut themselves out is refused, as is nobody in particular.
        let out = [("view.form", "people"), ("view.people", "wes"), ("edit.form", "kind"), ("do", "save")];
        has(&text(&browser.submit(&policies, &out).await.expect_status(409)), &["You would no longer be able to see"]);
        let nobody = [("view.form", "people"), ("view.people", "nobody-at-all"), ("do", "save")];
        let wrong = text(&browser.submit(&policies, &nobody).await.expect_status(422));
        has(&wrong, &["id=\"view.wrong\"", "Is not a user you can see.", "nobody-at-all</textarea>"]);
        let json = [("view.form", "json"), ("view.json", "{"), ("do", "save")];
        has(&text(&browser.submit(&policies, &json).await.expect_status(422)), &["Must be JSON."]);
    })
    .await;
    let rules = [
        ("view.form", "custom"),
        ("view.rule.effect", "deny"),
        ("view.rule.who", "user"),
        ("view.rule.what", "wes"),
        ("view.rule.effect", "allow"),
        ("view.rule.who", "members"),
        ("view.rule.what", ""),
        ("view.rest", "deny"),
        ("edit.form", "admins"),
        ("do", "save"),
    ];
    let saved = follow(&browser, &policies, &rules).await;
    has(&saved, &["Who may see and edit Plan is saved.", "Whom its own rules let", "Only administrators of the space"]);
    wes.get(&task.url("")).await.refused(404, "not_found");
    bo.get(&task.url("")).await.ok();
    has(&html(&browser, &policies).await, &["value=\"custom\" checked", "value=\"wes\"", "value=\"admins\" checked"]);
    // Somebody else's editing is not lost.
    let stale = [("view.form", "kind"), ("edit.form", "kind"), ("version", "1"), ("do", "save")];
    has(&text(&browser.submit(&policies, &stale).await.expect_status(409)), &["has changed since you read it"]);
    // A policy that is longer than the form says is JSON.
    for (number, form) in [(40, "custom"), (41, "json")] {
        let rules = vec![json!({"effect": "allow", "who": "owner"}); number];
        lin.patch(&task.url(""), json!({"view": {"default": "allow", "rules": rules}})).await.ok();
        has(&html(&browser, &policies).await, &[&format!("name=\"view.form\" value=\"{form}\" checked")]);
    }
    lin.patch(&task.url(""), json!({"view": {"users": [lin.principal()]}, "edit": null})).await.ok();
    // Whoever may only look is told so; to others there is no such thing.
    html_of(&signed_in(&g, "bo").await, &policies, 404).await;
    lin.patch(&task.url(""), json!({"view": "members"})).await.ok();
    html_of(&signed_in(&g, "wes").await, &policies, 403).await;
}

async fn a_thing_tells_what_is_around_it(g: Garth) {
    let ada = g.admin().await;
    g.closed_home().await;
    kinds(&ada).await;
    let (lin, wes) = (g.person("lin").await, g.person("wes").await);
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    let beta = ada.space("Beta").admin(&lin).create().await;
    ada.grant_by_registry(&atlas, &wes, "reader").await;
    let task = lin.resource("task", "Fix the lift").space(&atlas).create().await;
    let pool = lin.resource("pool", "Big <pool>").space(&atlas).create().await;
    let only_lin = json!({"users": [lin.principal()]});
    let body = json!({"task": task.id});
    let job = lin.resource("chore", "Nightly").space(&atlas).body(body).view(only_lin).create().await;
    lin.patch(&job.url(""), json!({"name": "Weekly"})).await.ok();
    let at = |thing: &Thing, tail: &str| format!("/s/{}/resources/{}{tail}", atlas.id, code(thing));
    let browser = signed_in(&g, "lin").await;
    let page = html(&browser, &at(&job, "")).await;
    // What it refers to is a link, and what is on record stands below.
    has(&page, &[&format!("{}\">Fix the lift</a>", at(&task, "")), "<h2 id=\"history\">History</h2>"]);
    has(&page, &["<td>Nightly</td><td>Weekly</td>", "Big &#60;pool&#62; · pool", "Only lin"]);
    has(&html(&browser, &at(&task, "")).await, &["Used by", "Weekly", "refers to it"]);
    // Whoever cannot see the job is told of nothing there.
    let reader = signed_in(&g, "wes").await;
    lacks(
        &html(&reader, &at(&task, "")).await,
        &["Used by", "Weekly", "History", "Change who", "Who sees it, and why"],
    );
    let attached = follow(&browser, &at(&job, "/attach"), &[("resource", pool.id.as_str())]).await;
    has(&attached, &["Weekly uses Big &#60;pool&#62; now.", "aria-label=\"Detach Big &#60;pool&#62;\""]);
    has(&html(&browser, &at(&pool, "")).await, &["Used by", "attached", "Shared to", "No other space"]);
    g.unchanged(async || {
        let again = browser.submit(&at(&job, "/attach"), &[("resource", pool.id.as_str())]).await.expect_status(409);
        has(&text(&again), &["It is attached already."]);
        for space in [strange(&beta.id), "x".to_owned()] {
            browser.submit(&at(&pool, "/share"), &[("space", space.as_str())]).await.expect_status(422);
        }
        reader.submit(&at(&pool, "/share"), &[("space", beta.id.as_str())]).await.expect_status(403);
        reader.submit(&at(&job, "/attach"), &[("resource", pool.id.as_str())]).await.expect_status(404);
    })
    .await;
    let shared = follow(&browser, &at(&pool, "/share"), &[("space", beta.id.as_str())]).await;
    has(&shared, &["Beta can see and use Big &#60;pool&#62; now.", "Take back from Beta"]);
    let back = follow(&browser, &at(&pool, "/unshare"), &[("space", beta.id.as_str())]).await;
    has(&back, &["Beta can no longer see Big &#60;pool&#62;.", "No other space"]);
    // What is attached somewhere goes nowhere that would break it.
    let page = format!("/s/{}/selected/move?r={}&space={}", atlas.id, code(&pool), beta.id);
    has(&html(&browser, &page).await, &["An attachment would break: Weekly uses Big &#60;pool&#62;.", "Stays"]);
    let detached = follow(&browser, &at(&job, "/detach"), &[("resource", pool.id.as_str())]).await;
    has(&detached, &["Weekly does not use it any more."]);
    // Somebody owns it from now on, by their username; whoever is unknown does not.
    let edited = follow(&browser, &at(&task, "/edit"), &[("name", "Fix the lift"), ("owner", "wes")]).await;
    has(&edited, &["Fix the lift is saved.", "<dd>wes</dd>"]);
    has(&html(&browser, &at(&task, "/edit")).await, &["name=\"owner\" value=\"wes\""]);
    let unknown = browser.submit(&at(&task, "/edit"), &[("name", "Fix the lift"), ("owner", "nobody-at-all")]).await;
    has(&text(&unknown.expect_status(422)), &["id=\"owner.wrong\"", "value=\"nobody-at-all\""]);
}

async fn what_is_hidden_is_not_selected(g: Garth) {
    let ada = g.admin().await;
    g.closed_home().await;
    kinds(&ada).await;
    let (lin, out) = (g.person("lin").await, g.person("out").await);
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    let beta = ada.space("Beta").admin(&out).create().await;
    let task = lin.resource("task", "Zqsecret").space(&atlas).create().await;
    let own = out.resource("task", "Mine").space(&beta).create().await;
    let browser = signed_in(&g, "out").await;
    let nowhere = strange(&atlas.id);
    let plain = |answer: &Answer, name: &str| {
        let id = answer.header("x-request-id").to_owned();
        (answer.status, text(answer).replace(&id, "(id)").replace(name, "(name)"))
    };
    g.unchanged(async || {
        for tail in ["move", "copy", "labels", "archive", "delete", "done"] {
            let path = |space: &str| format!("/s/{space}/selected/{tail}");
            let (hidden, missing) = (browser.visit(&path(&atlas.id)).await, browser.visit(&path(&nowhere)).await);
            assert_eq!(hidden.status, 404);
            assert_eq!(plain(&hidden, &atlas.id), plain(&missing, &nowhere));
            // Beside one's own, a hidden thing is one that never was.
            let with = |other: &str| format!("{}?r={}&r={other}", path(&beta.id), code(&own));
            if tail != "done" {
                let (hidden, missing) =
                    (browser.visit(&with(code(&task))).await, browser.visit(&with("T-0000-0000")).await);
                assert_eq!(plain(&hidden, code(&task)), plain(&missing, "T-0000-0000"));
                has(&text(&hidden), &["Mine", "One more that was selected is not here any more."]);
            }
        }
        let done =
            html(&browser, &format!("/s/{}/selected/done?item={}:moved&space={}", beta.id, task.id, atlas.id)).await;
        has(&done, &["Nothing to show"]);
        lacks(&done, &["Zqsecret", "Atlas"]);
        for tail in ["policies", "attach", "detach", "share", "unshare"] {
            let path = |code: &str| format!("/s/{}/resources/{code}/{tail}", beta.id);
            let fields: &[(&str, &str)] = match tail {
                "policies" => &[("do", "save")],
                "attach" | "detach" => &[("resource", "x")],
                _ => &[("space", "x")],
            };
            let hidden = browser.submit(&path(code(&task)), fields).await.expect_status(404);
            let missing = browser.submit(&path("T-0000-0000"), fields).await.expect_status(404);
            assert_eq!(plain(&hidden, code(&task)), plain(&missing, "T-0000-0000"));
        }
    })
    .await;
}
