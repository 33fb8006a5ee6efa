//! Stories about the pages of spaces: who sees what, what forms do, and what is said when they may not.

use super::look::{between, has, html, lacks, same_page};
use super::{signed_in, text};
use crate::support::*;

stories! {
    a_page_inside_is_for_those_who_see_the_space,
    whoever_is_not_signed_in_is_brought_back,
    the_pages_inside_run_our_script_alone,
    the_switcher_is_for_those_with_two_spaces_or_more,
    many_spaces_are_searched,
    a_space_begins_with_what_is_there,
    members_and_why_they_are,
    somebody_is_invited_on_the_page,
    roles_are_changed_on_the_page,
    the_last_administrator_is_explained,
    a_key_is_shown_once_on_the_page,
    quotas_are_bars,
    the_audit_tells_before_and_after,
    resources_are_found_on_the_page,
    a_resource_is_made_and_changed_by_a_form,
    a_resource_leads_to_where_it_lies,
    what_people_write_is_text_inside_too,
    pages_look_as_somebody_chose,
    a_form_of_another_site_changes_nothing,
}

/// Every page below a space, with a resource of it.
fn pages(space: &Thing, task: &Thing) -> Vec<String> {
    let one = format!("/resources/{}", task["code"].as_str().expect("a code"));
    let tails = ["", "/members", "/keys", "/quotas", "/audit", "/resources", "/resources?kind=task", "/new?kind=task"];
    let tails = tails.into_iter().map(str::to_owned).chain([one.clone(), format!("{one}/edit")]);
    tails.map(|tail| format!("/s/{}{tail}", space.id)).collect()
}

async fn a_page_inside_is_for_those_who_see_the_space(g: Garth) {
    let ada = g.admin().await;
    g.closed_home().await;
    ada.kind("task").await;
    let (lin, out) = (g.person("lin").await, g.person("out").await);
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    let task = lin.resource("task", "Fix the lift").space(&atlas).create().await;
    let beta = ada.space("Beta").admin(&out).create().await;
    let (inside, outside) = (signed_in(&g, "lin").await, signed_in(&g, "out").await);
    let nowhere = strange(&atlas.id);
    g.unchanged(async || {
        for path in pages(&atlas, &task) {
            has(&html(&inside, &path).await, &["<main id=\"main\"", "Atlas"]);
            // To everybody else it is one that never was: the same bytes, for people and for programs.
            let hidden = outside.visit(&path).await.expect_status(404);
            let missing = outside.visit(&path.replace(&atlas.id, &nowhere)).await.expect_status(404);
            same_page(&hidden, &atlas.id, &missing, &nowhere);
            has(&text(&hidden), &["Not found", "href=\"/\""]);
            lacks(&text(&hidden), &["Atlas", "Fix the lift"]);
            out.get(&path).await.refused(404, "not_found");
        }
        // Nor does one's own space show what lies in another, or is hidden there.
        let code = task["code"].as_str().expect("a code");
        for tail in ["", "/edit"] {
            let hidden = outside.visit(&format!("/s/{}/resources/{code}{tail}", beta.id)).await.expect_status(404);
            let missing =
                outside.visit(&format!("/s/{}/resources/T-0000-0000{tail}", beta.id)).await.expect_status(404);
            same_page(&hidden, code, &missing, "T-0000-0000");
        }
    })
    .await;
    // An application has no pages.
    let key = lin.key(&atlas, "app", "admin").await;
    key.get(&format!("/s/{}", atlas.id)).await.refused(403, "forbidden");
}

async fn whoever_is_not_signed_in_is_brought_back(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    let atlas = ada.space("Atlas").create().await;
    let browser = Browser::new(&g);
    for id in [atlas.id.clone(), strange(&atlas.id)] {
        let there = browser.visit(&format!("/s/{id}/resources?kind=task&q=a")).await.expect_status(303);
        let back = format!("/sign-in?return=%2Fs%2F{id}%2Fresources%3Fkind%3Dtask%26q%3Da");
        assert_eq!(there.header("location"), back);
        let sent = browser.submit(&format!("/s/{id}/members/invite"), &[("to", "x"), ("role", "reader")]).await;
        assert_eq!(sent.expect_status(303).header("location"), format!("/sign-in?return=%2Fs%2F{id}"));
        g.anonymous().get(&format!("/s/{id}")).await.not_signed_in();
    }
    let page = html(&browser, &format!("/sign-in?return=%2Fs%2F{}", atlas.id)).await;
    has(&page, &[&format!("name=\"return\" value=\"/s/{}\"", atlas.id)]);
}

async fn the_pages_inside_run_our_script_alone(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    let atlas = ada.space("Atlas").create().await;
    ada.space("Beta").create().await;
    let task = ada.resource("task", "Fix the lift").space(&atlas).create().await;
    let browser = signed_in(&g, "ada").await;
    for path in pages(&atlas, &task).into_iter().chain(["/spaces".to_owned()]) {
        let page = browser.visit(&path).await.ok();
        let policy = page.header("content-security-policy");
        has(policy, &["default-src 'none'", "style-src 'self'", "form-action 'self'", "frame-ancestors 'none'"]);
        lacks(policy, &["unsafe", "*", "data:"]);
        assert_eq!(page.header("cache-control"), "no-store");
        let html = text(&page);
        lacks(&html, &["style=", "<style", " onclick", " onload", "javascript:", "http://", "https://"]);
        assert_eq!((html.matches("<script").count(), html.matches("<script src=\"/assets/garth-").count()), (1, 1));
        // Every icon that is used is there, every label names a field, and no id stands twice.
        let ids: Vec<&str> = html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        for (what, mark) in [("an icon", "href=\"#i-"), ("a field", " for=\"")] {
            for name in html.split(mark).skip(1).filter_map(|rest| rest.split('"').next()) {
                let id = if what == "an icon" { format!("i-{name}") } else { name.to_owned() };
                assert!(ids.contains(&id.as_str()), "{path}: no {what} {id}");
            }
        }
        let mut sorted = ids.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), ids.len(), "{path}: an id stands twice: {ids:?}");
        has(&html, &["<h1", "lang=\"en\"", "name=\"viewport\""]);
    }
}

async fn the_switcher_is_for_those_with_two_spaces_or_more(g: Garth) {
    let ada = g.admin().await;
    g.closed_home().await;
    let lin = g.person("lin").await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    let browser = signed_in(&g, "lin").await;
    let alone = html(&browser, &format!("/s/{}", atlas.id)).await;
    lacks(&alone, &["Switch space", "href=\"/spaces"]);
    has(&alone, &["Atlas", "admin"]);
    let beta = ada.space("Beta").create().await;
    ada.grant(&beta, &lin, "reader").await;
    let hidden = ada.space("Zqhidden").create().await;
    let page = html(&browser, &format!("/s/{}/members", atlas.id)).await;
    let switcher = between(&page, "data-spaces>", "</ul>");
    // The section is kept, the one that is looked at is marked, and who one is stands with each.
    has(switcher, &[&format!("href=\"/s/{}/members\"", beta.id), "aria-current=\"true\"", "chip reader", "chip admin"]);
    lacks(&page, &["Zqhidden", &hidden.id, "Search 2 spaces"]);
    // A section for administrators leads others home.
    let keys = html(&browser, &format!("/s/{}/keys", atlas.id)).await;
    let switcher = between(&keys, "data-spaces>", "</ul>");
    has(switcher, &[&format!("href=\"/s/{}\"", beta.id), &format!("href=\"/s/{}/keys\"", atlas.id)]);
    let list = html(&browser, "/spaces?section=members").await;
    has(&list, &[&format!("href=\"/s/{}/members\"", beta.id), "Atlas", "Beta"]);
    lacks(&list, &["Zqhidden"]);
}

async fn many_spaces_are_searched(g: Garth) {
    let ada = g.admin().await;
    g.home().await;
    let mut spaces = Vec::new();
    for number in 0..9 {
        spaces.push(ada.space(&format!("Room {number}")).create().await);
    }
    let browser = signed_in(&g, "ada").await;
    let first = html(&browser, &format!("/s/{}", spaces[8].id)).await;
    has(&first, &["Search 10 spaces", "All 10 spaces"]);
    assert_eq!(between(&first, "data-spaces>", "</ul>").matches("<li>").count(), 8);
    // What was looked at last stands first.
    html(&browser, &format!("/s/{}", spaces[7].id)).await;
    let page = html(&browser, &format!("/s/{}", spaces[7].id)).await;
    let names: Vec<&str> =
        between(&page, "data-spaces>", "</ul>").split("class=\"name\">").skip(1).map(|rest| &rest[..6]).collect();
    assert_eq!(names[..3], ["Room 7", "Room 8", "Home</"]);
    let found = html(&browser, "/spaces?q=room+3").await;
    let list = between(&found, "<main", "</main>");
    has(list, &["Room 3"]);
    lacks(list, &["Room 4"]);
    has(&html(&browser, "/spaces?q=nothing").await, &["No space found"]);
    has(&text(&browser.visit("/spaces?q=*").await.expect_status(422)), &["role=\"alert\""]);
}

async fn a_space_begins_with_what_is_there(g: Garth) {
    let ada = g.admin().await;
    g.closed_home().await;
    ada.kind("task").await;
    let (lin, wes) = (g.person("lin").await, g.person("wes").await);
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    ada.grant_by_registry(&atlas, &wes, "reader").await;
    ada.quota(&atlas, "resources.task", json!(4), json!("stored")).await.ok();
    for name in ["One", "Two", "Three"] {
        lin.resource("task", name).space(&atlas).create().await;
    }
    let only_me = json!({"users": [lin.principal()]});
    lin.resource("task", "Secret plan").space(&atlas).view(only_me).create().await;
    let home = html(&signed_in(&g, "lin").await, &format!("/s/{}", atlas.id)).await;
    has(
        &home,
        &["<span class=\"big\">4</span>", "Tasks", "Recent changes", "made", "Secret plan", "4 of 4", "at its limit"],
    );
    has(&home, &["Who is here", "chip admin", "chip reader", "href=\"/s/", "API keys"]);
    has(&home, &["Health", "is at its limit.", "lin alone is in charge here."]);
    let reader = html(&signed_in(&g, "wes").await, &format!("/s/{}", atlas.id)).await;
    // A reader is told of what they see, and reads no audit.
    has(&reader, &["<span class=\"big\">3</span>", "3 of 4", "Who is here"]);
    lacks(&reader, &["Secret plan", "Recent changes", "API keys", "New task", "Health"]);
    let ends = json!({"name": "nightly", "role": "reader", "expires_at": "2031-05-10T00:00:00Z"});
    lin.post(&atlas.url("/api-keys"), ends).await.created();
    has(&html(&signed_in(&g, "lin").await, &format!("/s/{}", atlas.id)).await, &["The key nightly ends in 5 d"]);
    let empty = ada.space("Empty").admin(&lin).create().await;
    let page = html(&signed_in(&g, "lin").await, &format!("/s/{}", empty.id)).await;
    has(&page, &["Nothing lies here yet", "Choose what to make first", ">New task</a>", "?kind=task\">"]);
    // Of many kinds the sidebar has those of which something is here, and the one that is looked at.
    for kind in ["bill", "car", "dish", "egg", "fig", "gem"] {
        ada.kind(kind).await;
    }
    let pages = |html: &str| between(html, "data-pages", "</ul>").to_owned();
    let browser = signed_in(&g, "lin").await;
    let home = html(&browser, &format!("/s/{}", atlas.id)).await;
    has(&pages(&home), &["?kind=task\"", "?kind=egg\""]);
    ada.kind("hat").await;
    let home = html(&browser, &format!("/s/{}", atlas.id)).await;
    has(&pages(&home), &["?kind=task\"", "Everything here"]);
    lacks(&pages(&home), &["?kind=egg\""]);
    let eggs = html(&browser, &format!("/s/{}/resources?kind=egg", atlas.id)).await;
    has(&pages(&eggs), &["?kind=egg\""]);
    let all = html(&browser, &format!("/s/{}/resources", atlas.id)).await;
    has(between(&all, "<main", "</main>"), &[">New egg</a>", ">New hat</a>"]);
}

async fn members_and_why_they_are(g: Garth) {
    let ada = g.admin().await;
    g.closed_home().await;
    let (lin, wes, gus) = (g.person("lin").await, g.person("wes").await, g.person("gus").await);
    let top = ada.space("Top").admin(&gus).create().await;
    let atlas = ada.space("Atlas").under(&top).admin(&lin).create().await;
    let crew = ada.group("crew", &[&wes]).await;
    ada.grant_by_registry(&atlas, &crew, "writer").await;
    let browser = signed_in(&g, "lin").await;
    let page = html(&browser, &format!("/s/{}/members", atlas.id)).await;
    has(&page, &["admin, given to them", "writer, by the group crew", "admin, from a space above", "(you)"]);
    // What comes from elsewhere is changed there.
    has(&page, &["has no role of their own here: writer, by the group crew", "Invite somebody"]);
    let reader = html(&signed_in(&g, "wes").await, &format!("/s/{}/members", atlas.id)).await;
    has(&reader, &["writer, by the group crew"]);
    lacks(&reader, &["Invite somebody", "<form class=\"pad\"", "Why?"]);
    let browser = signed_in(&g, "wes").await;
    g.unchanged(async || {
        let fields = [("to", "x@example.org"), ("role", "reader")];
        let refused = browser.submit(&format!("/s/{}/members/invite", atlas.id), &fields).await.expect_status(403);
        has(&text(&refused), &["This needs space:admin.", "role=\"alert\""]);
    })
    .await;
}

async fn somebody_is_invited_on_the_page(g: Garth) {
    let ada = g.admin().await;
    let bo = g.person("bo").await;
    g.closed_home().await;
    let atlas = ada.space("Atlas").create().await;
    let browser = signed_in(&g, "ada").await;
    let invite = format!("/s/{}/members/invite", atlas.id);
    g.unchanged(async || {
        let wrong =
            text(&browser.submit(&invite, &[("to", "a b@x.example"), ("role", "owner")]).await.expect_status(422));
        has(
            &wrong,
            &["value=\"a b@x.example\"", "aria-invalid=\"true\"", "role=\"alert\" id=\"to.wrong\"", "autofocus"],
        );
    })
    .await;
    let page = text(&browser.submit(&invite, &[("to", "bo"), ("role", "writer")]).await.ok());
    has(&page, &["The invitation for bo", "It is shown this once", "/invitation#invite_", "Invited, not here yet"]);
    let token = between(&page, "/invitation#", "</code>").to_owned();
    // Not shown again; and taken back, it is good no more.
    let page = html(&browser, &format!("/s/{}/members", atlas.id)).await;
    lacks(&page, &[&token]);
    let id = between(&page, &format!("/s/{}/invitations/", atlas.id), "/revoke");
    let done = browser.submit(&format!("/s/{}/invitations/{id}/revoke", atlas.id), &[]).await.expect_status(303);
    assert_eq!(done.header("location"), format!("/s/{}/members", atlas.id));
    let page = html(&browser, &format!("/s/{}/members", atlas.id)).await;
    has(&page, &["role=\"status\"", "The invitation is taken back"]);
    lacks(&page, &["Invited, not here yet"]);
    lacks(&html(&browser, &format!("/s/{}/members", atlas.id)).await, &["role=\"status\""]);
    bo.post(&format!("/api/v1/invitations/{token}/accept"), json!({})).await.refused(404, "not_found");
}

async fn roles_are_changed_on_the_page(g: Garth) {
    let ada = g.admin().await;
    g.closed_home().await;
    let bo = g.person("bo").await;
    let atlas = ada.space("Atlas").create().await;
    ada.grant(&atlas, &bo, "reader").await;
    let browser = signed_in(&g, "ada").await;
    let id = bo.principal().replace("user:", "");
    let at = |tail: &str| format!("/s/{}/members/{id}/{tail}", atlas.id);
    let done = browser.submit(&at("role"), &[("role", "writer")]).await.expect_status(303);
    assert_eq!(done.header("location"), format!("/s/{}/members", atlas.id));
    has(&html(&browser, &format!("/s/{}/members", atlas.id)).await, &["is writer now.", "writer, given to them"]);
    browser.submit(&at("remove"), &[]).await.expect_status(303);
    bo.get(&atlas.url("")).await.refused(404, "not_found");
    g.unchanged(async || {
        // Somebody who is no member is a page that never was, as is somebody who never was.
        let gone = browser.submit(&at("role"), &[("role", "writer")]).await.expect_status(404);
        let nobody = format!("/s/{}/members/{}/role", atlas.id, strange(&id));
        let never = browser.submit(&nobody, &[("role", "writer")]).await.expect_status(404);
        same_page(&gone, &id, &never, &strange(&id));
    })
    .await;
    // Whoever takes out themselves has nothing to come back to.
    let cy = g.person("cy").await;
    ada.grant_by_registry(&atlas, &cy, "admin").await;
    let (own, id) = (signed_in(&g, "cy").await, cy.principal().replace("user:", ""));
    let done = own.submit(&format!("/s/{}/members/{id}/remove", atlas.id), &[]).await.expect_status(303);
    assert_eq!(done.header("location"), "/");
}

async fn the_last_administrator_is_explained(g: Garth) {
    let ada = g.admin().await;
    g.closed_home().await;
    let (lin, bo) = (g.person("lin").await, g.person("bo").await);
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    ada.grant_by_registry(&atlas, &bo, "reader").await;
    let browser = signed_in(&g, "lin").await;
    let members = format!("/s/{}/members", atlas.id);
    let page = g.unchanged(async || html(&browser, &members).await).await;
    has(&page, &["is the last administrator of Atlas", "Why?"]);
    let id = lin.principal().replace("user:", "");
    lacks(&page, &[&format!("/members/{id}/remove")]);
    g.unchanged(async || {
        let refused = browser.submit(&format!("{members}/{id}/remove"), &[]).await.expect_status(409);
        has(&text(&refused), &["role=\"alert\"", "last admin"]);
    })
    .await;
    ada.grant_by_registry(&atlas, &bo, "admin").await;
    let page = html(&browser, &members).await;
    has(&page, &[&format!("/members/{id}/remove")]);
    lacks(&page, &["is the last administrator"]);
}

async fn a_key_is_shown_once_on_the_page(g: Garth) {
    let ada = g.admin().await;
    g.closed_home().await;
    let wes = g.person("wes").await;
    let atlas = ada.space("Atlas").create().await;
    ada.grant(&atlas, &wes, "writer").await;
    let browser = signed_in(&g, "ada").await;
    let keys = format!("/s/{}/keys", atlas.id);
    has(&html(&browser, &keys).await, &["No key yet", "New key"]);
    g.unchanged(async || {
        let fields = [("name", ""), ("role", "writer"), ("expires", "2031-01-01")];
        let wrong = text(&browser.submit(&keys, &fields).await.expect_status(422));
        has(&wrong, &["id=\"name.wrong\"", "<option value=\"writer\" selected>"]);
        let fields = [("name", "app"), ("role", "writer"), ("expires", "soon")];
        let wrong = text(&browser.submit(&keys, &fields).await.expect_status(422));
        has(&wrong, &["id=\"expires.wrong\"", "value=\"app\""]);
    })
    .await;
    let fields = [("name", "app"), ("role", "reader"), ("expires", "2031-06-01")];
    let page = text(&browser.submit(&keys, &fields).await.ok());
    let secret = between(&page, "<code id=\"secret\">", "<").to_owned();
    has(
        &page,
        &["shown this once", "curl -H", "Authorization: Bearer", &format!("/api/v1/resources?space={}", atlas.id)],
    );
    g.anonymous().with_token(&secret).get(&atlas.url("")).await.ok();
    let list = html(&browser, &keys).await;
    has(&list, &["app", &secret[..9], "chip reader", "just now"]);
    lacks(&list, &[&secret]);
    let id = between(&list, &format!("{keys}/"), "/rotate").to_owned();
    let page = text(&browser.submit(&format!("{keys}/{id}/rotate"), &[("grace", "3600")]).await.ok());
    has(&page, &["Its new secret", "The old secret works until"]);
    let newer = between(&page, "<code id=\"secret\">", "<").to_owned();
    assert_ne!(newer, secret);
    g.anonymous().with_token(&secret).get(&atlas.url("")).await.ok();
    browser.submit(&format!("{keys}/{id}/revoke"), &[]).await.expect_status(303);
    has(&html(&browser, &keys).await, &["The key is revoked", "No key yet"]);
    g.anonymous().with_token(&newer).get(&atlas.url("")).await.not_signed_in();
    // A writer is told that it is not for them, on a page of the space.
    let closed = text(&signed_in(&g, "wes").await.visit(&keys).await.expect_status(403));
    has(
        &closed,
        &["This is not for you to see", "This needs space:admin.", "You are writer in Atlas", "Ask one of its"],
    );
}

async fn quotas_are_bars(g: Garth) {
    let ada = g.admin().await;
    g.closed_home().await;
    let lin = g.person("lin").await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    ada.quota(&atlas, "llm", json!(1_000), json!("daily")).await.ok();
    lin.consume(&atlas, "llm", 800).await.ok();
    let page = html(&signed_in(&g, "lin").await, &format!("/s/{}/quotas", atlas.id)).await;
    has(
        &page,
        &["800 of 1,000", "nearly full", "class=\"meter near\" max=\"1000\" value=\"800\"", "data-local", "unlimited"],
    );
    has(&page, &["2031-05-05 00:00:00 UTC", "in 16 h"]);
}

async fn the_audit_tells_before_and_after(g: Garth) {
    let ada = g.admin().await;
    g.closed_home().await;
    ada.kind("task").await;
    let (lin, bo) = (g.person("lin").await, g.person("bo").await);
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    let task = lin.resource("task", "Fix the lift").space(&atlas).create().await;
    lin.patch(&task.url(""), json!({"name": "Mend the lift"})).await.ok();
    ada.grant_by_registry(&atlas, &bo, "reader").await;
    bo.patch(&task.url(""), json!({"name": "Break it"})).await.refused(403, "forbidden");
    let browser = signed_in(&g, "lin").await;
    let audit = format!("/s/{}/audit", atlas.id);
    let page = html(&browser, &audit).await;
    has(&page, &["Fix the lift", "Mend the lift", "gave a role to", "2031-05-04 08:00:00 UTC", "refused"]);
    let changed = html(&browser, &format!("{audit}?action=resource.update&outcome=done")).await;
    has(
        &changed,
        &["<td>Fix the lift</td><td>Mend the lift</td>", "<option value=\"resource.update\" selected>", "Clear"],
    );
    lacks(&changed, &["gave a role to <"]);
    let by_bo = html(&browser, &format!("{audit}?actor=bo")).await;
    has(&by_bo, &["refused", "value=\"bo\""]);
    lacks(&by_bo, &["Mend the lift</td>"]);
    // A name finds nobody whom one does not see, though they did something here.
    let zoe = g.person("zoe").await;
    ada.patch(&format!("/api/v1/users/{}", zoe.id), json!({"system_admin": true})).await.ok();
    zoe.grant_by_registry(&atlas, &g.person("wes").await, "reader").await;
    lin.get(&format!("/api/v1/users/{}", zoe.id)).await.refused(404, "not_found");
    has(&html(&browser, &format!("{audit}?actor=user:{}", zoe.id)).await, &["gave a role to"]);
    has(&html(&browser, &format!("{audit}?actor=zoe")).await, &["Nothing on record"]);
    has(&html(&browser, &format!("{audit}?from=2031-05-05")).await, &["Nothing on record", "Clear the filters"]);
    has(&html(&browser, &format!("{audit}?from=2031-05-04&to=2031-05-04")).await, &["Mend the lift"]);
    browser.visit(&format!("{audit}?from=yesterday")).await.expect_status(422);
    let closed = signed_in(&g, "bo").await.visit(&audit).await.expect_status(403);
    has(&text(&closed), &["This is not for you to see"]);
}

async fn resources_are_found_on_the_page(g: Garth) {
    let ada = g.admin().await;
    g.closed_home().await;
    ada.kind("task").await;
    ada.kind("note").await;
    let (lin, wes) = (g.person("lin").await, g.person("wes").await);
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    ada.grant_by_registry(&atlas, &wes, "reader").await;
    lin.resource("task", "Fix the lift").space(&atlas).labels(&["urgent"]).owner(&wes).create().await;
    lin.resource("task", "Paint the door").space(&atlas).create().await;
    let old = lin.resource("task", "Old stairs").space(&atlas).create().await;
    lin.post(&old.url("/archive"), json!({})).await.ok();
    lin.resource("note", "A note").space(&atlas).create().await;
    let only_me = json!({"users": [lin.principal()]});
    lin.resource("task", "Secret plan").space(&atlas).view(only_me).create().await;
    let browser = signed_in(&g, "wes").await;
    let list = |query: &str| format!("/s/{}/resources?kind=task{query}", atlas.id);
    let all = html(&browser, &list("")).await;
    has(&all, &["Fix the lift", "Paint the door", "<h1>Tasks</h1>", "urgent"]);
    lacks(&all, &["Old stairs", "A note", "Secret plan", "New task", "Clear"]);
    for (query, found) in [("&q=lift", true), ("&label=urgent", true), ("&owner=wes", true), ("&q=door", false)] {
        let page = html(&browser, &list(query)).await;
        assert_eq!((page.contains("Fix the lift"), page.contains("Paint the door")), (found, !found), "{query}");
        has(&page, &["Clear"]);
    }
    has(&html(&browser, &list("&archived=true")).await, &["Old stairs", "archived"]);
    has(&html(&browser, &list("&q=nothing")).await, &["Nothing found", "Clear the filters"]);
    has(&html(&browser, &format!("/s/{}/resources", atlas.id)).await, &["A note", "Everything here"]);
    // Page by page, with what was asked for kept.
    let first = html(&browser, &list("&limit=1&order=name")).await;
    let next = between(&first, "<p class=\"pages\"><a class=\"button\" href=\"", "\"").replace("&#38;", "&");
    has(&html(&browser, &next).await, &["Paint the door"]);
    let wrong = browser.visit(&list("&q=*")).await.expect_status(422);
    has(&text(&wrong), &["role=\"alert\"", "value=\"*\""]);
    has(&html(&signed_in(&g, "lin").await, &list("")).await, &["New task", "Secret plan"]);
}

async fn a_resource_is_made_and_changed_by_a_form(g: Garth) {
    let ada = g.admin().await;
    g.closed_home().await;
    let schema = json!({"type": "object", "required": ["schedule"], "additionalProperties": false, "properties": {
        "schedule": {"type": "string", "title": "When", "pattern": "^[0-9*]"}, "retries": {"type": "integer", "maximum": 5},
        "enabled": {"type": "boolean"}, "token": {"type": "string"}, "tags": {"type": "array", "items": {"type": "string"}},
        "task": {"type": "string"}}});
    ada.kind("task").await;
    let fields =
        json!({"schema": schema, "secret_fields": ["/token"], "references": [{"pointer": "/task", "kind": "task"}]});
    ada.kind_with("chore", fields).await;
    let (lin, wes) = (g.person("lin").await, g.person("wes").await);
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    ada.grant_by_registry(&atlas, &wes, "reader").await;
    let task = lin.resource("task", "Fix the lift").space(&atlas).create().await;
    let browser = signed_in(&g, "lin").await;
    let new = format!("/s/{}/new", atlas.id);
    let form = html(&browser, &format!("{new}?kind=chore")).await;
    has(&form, &["New chore", ">When<", "type=\"checkbox\"", "<textarea", "type=\"password\"", "Fix the lift ("]);
    let mut fields = vec![
        ("kind", "chore"),
        ("name", "Weekly KPIs"),
        ("labels", "weekly, kpi"),
        ("/schedule", "daily"),
        ("/retries", "9"),
        ("/enabled", "true"),
        ("/token", "hush"),
        ("/tags", "one\r\ntwo"),
        ("/task", &task.id),
    ];
    let reader = signed_in(&g, "wes").await;
    g.unchanged(async || {
        let wrong = text(&browser.submit(&new, &fields).await.expect_status(422));
        has(&wrong, &["value=\"Weekly KPIs\"", "value=\"daily\"", "value=\"9\"", "value=\"weekly, kpi\"", ".wrong\">"]);
        assert_eq!(wrong.matches("aria-invalid").count(), 2, "{wrong}");
        lacks(&wrong, &["hush"]);
        fields[4].1 = "many";
        has(&text(&browser.submit(&new, &fields).await.expect_status(422)), &["Must be a whole number."]);
        let closed = text(&reader.submit(&new, &fields).await.expect_status(403));
        has(&closed, &["This is not for you to see", "chore:write"]);
    })
    .await;
    (fields[3].1, fields[4].1) = ("0 8 * * 1", "3");
    let made = browser.submit(&new, &fields).await.expect_status(303);
    let own = made.header("location").to_owned();
    let page = html(&browser, &own).await;
    has(&page, &["Weekly KPIs is made.", "0 8 * * 1", "set, and shown to nobody", "kpi", "one\ntwo", "Edit"]);
    lacks(&page, &["hush"]);
    let code = own.rsplit('/').next().expect("a code");
    let view = lin.get(&format!("/api/v1/resources/{code}")).await.ok();
    let body = json!({"schedule": "0 8 * * 1", "retries": 3, "enabled": true, "token": {"secret": true}, "tags": ["one", "two"],
        "task": task.id});
    assert_eq!((&view["body"], &view["labels"]), (&body, &json!(["kpi", "weekly"])));
    let form = html(&browser, &format!("{own}/edit")).await;
    has(
        &form,
        &[
            "It is set; leave this empty to keep it.",
            "name=\"version\" value=\"1\"",
            " checked",
            " selected>Fix the lift",
        ],
    );
    let mut fields = vec![
        ("version", "1"),
        ("name", "Weekly KPIs"),
        ("labels", ""),
        ("/schedule", "0 9 * * 1"),
        ("/retries", ""),
        ("/token", ""),
        ("/tags", ""),
        ("/task", &task.id),
    ];
    browser.submit(&format!("{own}/edit"), &fields).await.expect_status(303);
    let view = lin.get(&format!("/api/v1/resources/{code}")).await.ok();
    let body = json!({"schedule": "0 9 * * 1", "enabled": false, "token": {"secret": true}, "task": task.id});
    assert_eq!((&view["body"], &view["labels"]), (&body, &json!([])));
    g.unchanged(async || {
        // Somebody else was faster.
        let late = text(&browser.submit(&format!("{own}/edit"), &fields).await.expect_status(409));
        has(&late, &["has changed since", "value=\"0 9 * * 1\""]);
        fields[0].1 = "2";
        fields[1].1 = "";
        has(&text(&browser.submit(&format!("{own}/edit"), &fields).await.expect_status(422)), &["id=\"name.wrong\""]);
    })
    .await;
    // A reader sees it, and is offered nothing.
    has(&text(&reader.visit(&format!("{own}/edit")).await.expect_status(403)), &["This is not for you to see"]);
    lacks(&html(&reader, &own).await, &["/edit\"", "/delete\""]);
    browser.submit(&format!("{own}/archive"), &[]).await.expect_status(303);
    has(&html(&browser, &own).await, &["Weekly KPIs is archived", "Take it back"]);
    browser.submit(&format!("{own}/activate"), &[]).await.expect_status(303);
    let there = browser.submit(&format!("{own}/delete"), &[]).await.expect_status(303);
    assert_eq!(there.header("location"), format!("/s/{}/resources?kind=chore", atlas.id));
    browser.visit(&own).await.expect_status(404);
}

async fn a_resource_leads_to_where_it_lies(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    let (atlas, beta) = (ada.space("Atlas").create().await, ada.space("Beta").create().await);
    let task = ada.resource("task", "Fix the lift").space(&atlas).create().await;
    let code = task["code"].as_str().expect("a code");
    let browser = signed_in(&g, "ada").await;
    let there = browser.visit(&format!("/s/{}/resources/{code}", beta.id)).await.expect_status(303);
    assert_eq!(there.header("location"), format!("/s/{}/resources/{code}", atlas.id));
}

async fn what_people_write_is_text_inside_too(g: Garth) {
    let ada = g.admin().await;
    let odd = "<script>alert(1)</script>\"'&";
    ada.kind_with("task", json!({"schema": {"type": "object", "properties": {odd: {"type": "string", "title": odd}}}}))
        .await;
    ada.patch("/api/v1/me", json!({"name": odd})).await.ok();
    let atlas = ada.space(odd).create().await;
    ada.space("Beta").create().await;
    let task = ada.resource("task", odd).space(&atlas).labels(&[odd]).body(json!({odd: odd})).create().await;
    ada.key(&atlas, odd, "reader").await;
    let browser = signed_in(&g, "ada").await;
    let searched = format!("/s/{}/resources?kind=task&label={}&owner={}", atlas.id, percent(odd), percent(odd));
    for path in pages(&atlas, &task).into_iter().chain(["/spaces".to_owned(), searched]) {
        let html = html(&browser, &path).await;
        lacks(&html, &["<script>", "alert(1)</script>"]);
        has(&html, &["&#60;script&#62;"]);
    }
    // The sentence of the page before is no markup, either.
    let done =
        browser.submit(&format!("/s/{}/new", atlas.id), &[("kind", "task"), ("name", odd)]).await.expect_status(303);
    let page = html(&browser, done.header("location")).await;
    has(between(&page, "role=\"status\">", "</p>"), &["&#60;script&#62;"]);
}

async fn pages_look_as_somebody_chose(g: Garth) {
    let ada = g.admin().await;
    let atlas = ada.space("Atlas").create().await;
    let browser = signed_in(&g, "ada").await;
    let home = format!("/s/{}", atlas.id);
    lacks(&html(&browser, &home).await, &["data-theme"]);
    let there = browser.submit("/theme", &[("theme", "dark"), ("return", &home)]).await.expect_status(303);
    assert_eq!(there.header("location"), home);
    has(
        &html(&browser, &home).await,
        &["<html lang=\"en\" data-theme=\"dark\">", "value=\"dark\" aria-pressed=\"true\""],
    );
    has(&html(&browser, "/spaces").await, &["data-theme=\"dark\""]);
    for (theme, back) in [("system", "https://evil.example"), ("system", "//evil.example")] {
        let there = browser.submit("/theme", &[("theme", theme), ("return", back)]).await.expect_status(303);
        assert_eq!(there.header("location"), "/");
    }
    lacks(&html(&browser, &home).await, &["data-theme"]);
    browser.submit("/theme", &[("theme", "pink")]).await.expect_status(422);
    // Whoever brings a token is no browser, and is given no cookie.
    assert_eq!(ada.get(&home).await.ok().header("set-cookie"), "");
}

async fn a_form_of_another_site_changes_nothing(g: Garth) {
    let ada = g.admin().await;
    let atlas = ada.space("Atlas").create().await;
    let browser = signed_in(&g, "ada").await;
    g.unchanged(async || {
        let form = |fields: &[(&str, &str)]| browser::form(fields);
        for (path, body) in [
            (format!("/s/{}/members/invite", atlas.id), form(&[("to", "eve"), ("role", "admin")])),
            (format!("/s/{}/keys", atlas.id), form(&[("name", "x"), ("role", "admin")])),
            ("/theme".to_owned(), form(&[("theme", "dark")])),
        ] {
            for origin in ["https://evil.example", "null"] {
                let call = browser.bare(axum::http::Method::POST, &path).header("origin", origin);
                let answer =
                    call.raw("application/x-www-form-urlencoded", body.clone()).await.refused(403, "forbidden");
                assert_eq!(answer.header("set-cookie"), "");
            }
            let call = browser.bare(axum::http::Method::POST, &path);
            call.raw("application/x-www-form-urlencoded", body).await.refused(403, "forbidden");
        }
    })
    .await;
}
