//! Stories about the pages of spaces themselves: the tree, the forms, roles that are given, and who sees what.

use super::look::{between, has, html, lacks, same_page};
use super::{signed_in, text};
use crate::support::*;

stories! {
    the_tree_is_what_somebody_sees,
    a_space_is_made_on_the_page,
    a_space_is_changed_moved_and_ended_on_its_pages,
    somebody_leaves_and_chooses_where_they_begin,
    roles_are_given_on_the_page,
    administrators_learn_who_sees_what_and_why,
    others_learn_about_themselves,
}

/// The part of the tree that is below a space.
fn below<'t>(page: &'t str, space: &Thing) -> &'t str {
    let (_, rest) =
        page.split_once(&format!("id=\"space:{}\"", space.id)).unwrap_or_else(|| panic!("no branch: {page}"));
    let mut depth = 1;
    for (at, _) in rest.match_indices("li") {
        match (rest[..at].ends_with('<'), rest[..at].ends_with("</")) {
            (true, _) => depth += 1,
            (_, true) => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &rest[..at];
        }
    }
    rest
}

async fn the_tree_is_what_somebody_sees(g: Garth) {
    let ada = g.admin().await;
    g.closed_home().await;
    let lin = g.person("lin").await;
    let above = ada.space("Zqabove").create().await;
    let atlas = ada.space("Atlas").under(&above).admin(&lin).create().await;
    let attic = lin_space(&ada, &lin, "Attic <&>", &atlas, true).await;
    let beta = lin_space(&ada, &lin, "Beta", &atlas, false).await;
    let hidden = ada.space("Zqhidden").under(&atlas).with("view", json!({"users": [ada.principal()]})).create().await;
    let browser = signed_in(&g, "lin").await;
    let page = html(&browser, "/tree").await;
    has(&page, &["You see 3 spaces.", "<h1>Tree of spaces</h1>", "data-forest", "chip admin", "href=\"/spaces\""]);
    // What lies above and out of sight is not there, and nothing tells of it.
    lacks(&page, &["Zqabove", "Zqhidden", &above.id, &hidden.id, "New space", "<script>", "Attic <&>"]);
    let branch = below(&page, &atlas);
    has(
        branch,
        &["class=\"branch inherits\"", "Attic &#60;&#38;&#62;", "Beta", "uses what Atlas shares", "the 2 below Atlas"],
    );
    assert_eq!(branch.matches("class=\"vine\"").count(), 2, "{branch}");
    assert!(!below(&page, &attic).contains("Beta"), "{page}");
    // Shut, open, looked at from one on, and searched; all in the address.
    let shut = between(branch, "class=\"fold\" href=\"", "#").replace("&#38;", "&");
    let page = html(&browser, &shut).await;
    has(&page, &["Show the 2 below Atlas"]);
    lacks(between(&page, "data-forest>", "</main>"), &["Beta"]);
    let page = html(&browser, &format!("/tree?root={}", beta.id)).await;
    has(&page, &["<h1>Beta</h1>", "aria-label=\"Way to here\"", ">Atlas</a>"]);
    let found = html(&browser, "/tree?q=att*").await;
    has(&found, &["One space found.", "leaf found", "Atlas"]);
    lacks(between(&found, "data-forest>", "</main>"), &["Beta"]);
    has(&html(&browser, "/tree?q=nothing").await, &["No space found", "Show the tree"]);
    let wrong = text(&browser.visit("/tree?q=*").await.expect_status(422));
    has(&wrong, &["id=\"q.wrong\"", "value=\"*\""]);
    let nowhere = strange(&above.id);
    let gone = browser.visit(&format!("/tree?root={}", above.id)).await.expect_status(404);
    let never = browser.visit(&format!("/tree?root={nowhere}")).await.expect_status(404);
    same_page(&gone, &above.id, &never, &nowhere);
    // Named as open, or as where to go on, it changes nothing.
    for part in ["open", "shut", "after"] {
        let page = |id: &str| format!("/tree?{part}={id}");
        let (one, other) = (html(&browser, &page(&hidden.id)).await, html(&browser, &page(&nowhere)).await);
        assert_eq!(one.replace(&hidden.id, "x"), other.replace(&nowhere, "x"), "{part}");
    }
    // Of many beside each other, some at a time.
    for number in 0..26 {
        ada.space(&format!("Room {number:02}")).create().await;
    }
    let browser = signed_in(&g, "ada").await;
    let page = html(&browser, "/tree").await;
    let next = between(&page, "<p class=\"pages\"><a class=\"button\" href=\"", "\"").replace("&#38;", "&");
    lacks(between(&page, "data-forest>", "</main>"), &["Room 25"]);
    has(&html(&browser, &next).await, &["Room 25", "From the beginning"]);
    assert!(page.len() < 100_000, "{}", page.len());
}

/// A space below another, with an administrator who could not make it.
async fn lin_space(ada: &Person, lin: &Person, name: &str, parent: &Thing, inherits: bool) -> Thing {
    let space = ada.space(name).under(parent).admin(lin).create().await;
    if inherits {
        lin.patch(&space.url(""), json!({"inherits": true})).await.ok();
    }
    space
}

async fn a_space_is_made_on_the_page(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let (first, browser) = (signed_in(&g, "ada").await, signed_in(&g, "lin").await);
    has(&html(&first, "/spaces/new").await, &["The first space", "Everything that is here already"]);
    g.closed_home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    let beta = ada.space("Beta").create().await;
    // Who may not is told so, and offered nothing.
    g.unchanged(async || {
        let closed = text(&browser.visit("/spaces/new").await.expect_status(403));
        has(&closed, &["This is not for you to do", "for system administrators here"]);
        lacks(&closed, &["name=\"inherits\""]);
        lacks(&html(&browser, "/spaces").await, &["/spaces/new"]);
        browser.submit("/spaces/new", &[("name", "Mine")]).await.expect_status(403);
    })
    .await;
    ada.patch("/api/v1/settings", json!({"create_spaces": "space_admins"})).await.ok();
    has(&html(&browser, "/spaces").await, &["href=\"/spaces/new\""]);
    let form = html(&browser, &format!("/spaces/new?parent={}", atlas.id)).await;
    has(&form, &["selected>below Atlas", "It uses what the space above shares"]);
    lacks(&form, &["at the top, below no other", "Beta"]);
    g.unchanged(async || {
        for (parent, name) in [(beta.id.clone(), "Mine"), (strange(&beta.id), "Mine")] {
            let wrong = browser.submit("/spaces/new", &[("name", name), ("parent", &parent)]).await.expect_status(422);
            has(&text(&wrong), &["id=\"parent.wrong\"", "Is not a space you can see.", "value=\"Mine\""]);
        }
        let wrong = browser.submit("/spaces/new", &[("name", ""), ("parent", &atlas.id)]).await.expect_status(422);
        has(&text(&wrong), &["id=\"name.wrong\""]);
    })
    .await;
    let fields = [
        ("name", "Cellar"),
        ("parent", &atlas.id),
        ("labels", "cool, dark"),
        ("description", "Wine"),
        ("view", "users"),
        ("inherits", "true"),
    ];
    let made = browser.submit("/spaces/new", &fields).await.expect_status(303);
    let own = made.header("location").to_owned();
    has(&html(&browser, &own).await, &["Cellar is made, and you administer it.", "Wine"]);
    let view = lin.get(&format!("/api/v1/spaces/{}", &own[3..])).await.ok();
    assert_eq!(
        (&view["parent"], &view["view"], &view["inherits"], &view["labels"]),
        (&json!(atlas.id), &json!("users"), &json!(true), &json!(["cool", "dark"]))
    );
}

async fn a_space_is_changed_moved_and_ended_on_its_pages(g: Garth) {
    let ada = g.admin().await;
    g.closed_home().await;
    ada.kind("task").await;
    let (lin, bo) = (g.person("lin").await, g.person("bo").await);
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    let beta = ada.space("Beta").admin(&lin).create().await;
    let hidden = ada.space("Zqhidden").create().await;
    ada.grant_by_registry(&beta, &bo, "reader").await;
    lin.resource("task", "Fix the lift").space(&atlas).create().await;
    let browser = signed_in(&g, "lin").await;
    let own = format!("/s/{}/settings", atlas.id);
    has(
        &html(&browser, &own).await,
        &["Who gets in", "At the top.", "members: people who hold a role in it", "Leave Atlas"],
    );
    // The name; somebody else was faster.
    let fields = [("name", "Atlas II"), ("description", "Maps"), ("labels", "old"), ("version", "1")];
    browser.submit(&own, &fields).await.expect_status(303);
    has(&html(&browser, &own).await, &["Atlas II is saved.", "Maps", "value=\"old\""]);
    g.unchanged(async || {
        let late = text(&browser.submit(&own, &fields).await.expect_status(409));
        has(&late, &["has changed since", "value=\"Atlas II\""]);
    })
    .await;
    // The gate: tried first.
    let gate = format!("{own}/gate");
    let only = json!({"users": [lin.principal(), bo.principal()]}).to_string();
    let fields = |view: &'static str, then: &'static str| {
        [("view", view), ("edit", "administrators"), ("view_other", &*only), ("then", then)]
    };
    g.unchanged(async || {
        let told = text(&browser.submit(&gate, &fields("other", "look")).await.ok());
        has(
            &told,
            &[
                "1 person gains something, and nobody loses anything.",
                "Atlas II: seeing it",
                "other: as written below</option>",
            ],
        );
        let wrong = text(&browser.submit(&gate, &fields("nobody", "do")).await.expect_status(409));
        has(&wrong, &["You would no longer be able to see and edit this space."]);
        let wrong = browser.submit(&gate, &[("view", "other"), ("view_other", "{"), ("edit", "members")]).await;
        has(&text(&wrong.expect_status(422)), &["id=\"view.wrong\"", "Is not a policy as JSON.", ">\n{</textarea>"]);
    })
    .await;
    browser.submit(&gate, &fields("members", "do")).await.expect_status(303);
    // The place: tried first, and a hidden one is a missing one.
    let to = format!("{own}/move");
    has(&html(&browser, &to).await, &["It lies at the top now.", ">below Beta</option>"]);
    has(&html(&browser, &format!("{to}?q=bet")).await, &["Search where to", ">below Beta</option>"]);
    for none in ["gamma", "zqhid"] {
        lacks(&html(&browser, &format!("{to}?q={none}")).await, &[">below "]);
    }
    let wrong = text(&browser.visit(&format!("{to}?q=%22bet")).await.expect_status(422));
    has(&wrong, &["id=\"q.wrong\"", ">below Beta</option>"]);
    g.unchanged(async || {
        let told = html(&browser, &format!("{to}?parent={}", beta.id)).await;
        has(&told, &["1 person gains something", "bo", "Atlas II: seeing it", "Move Atlas II below Beta"]);
        let nowhere = strange(&hidden.id);
        let page = async |id: &str| {
            let page = text(&browser.visit(&format!("{to}?parent={id}")).await.expect_status(422));
            has(&page, &["id=\"parent.wrong\"", "Is not a space you can see."]);
            page.replace(id, "x")
        };
        assert_eq!(page(&hidden.id).await, page(&nowhere).await);
        browser.submit(&to, &[("parent", &hidden.id)]).await.expect_status(422);
    })
    .await;
    browser.submit(&to, &[("parent", &beta.id), ("inherits", "true")]).await.expect_status(303);
    has(&html(&browser, &own).await, &["Atlas II lies at Beta/Atlas II now.", "It uses what Beta shares."]);
    // The end: archived first, then by its name.
    let reader = signed_in(&g, "bo").await;
    has(&html(&browser, &format!("{own}/delete")).await, &["Not yet", "Archive the space first."]);
    browser.submit(&format!("/s/{}/archive", atlas.id), &[]).await.expect_status(303);
    has(&html(&browser, &own).await, &["Atlas II is archived.", "Take Atlas II back", "/settings/delete\""]);
    browser.submit(&format!("/s/{}/activate", atlas.id), &[]).await.expect_status(303);
    browser.submit(&format!("/s/{}/archive", atlas.id), &[]).await.expect_status(303);
    g.unchanged(async || {
        has(
            &html(&browser, &format!("{own}/delete")).await,
            &["1 task", "1 role that somebody holds here", "Type <b>Atlas II</b>"],
        );
        let wrong = text(&browser.submit(&format!("{own}/delete"), &[("name", "Atlas")]).await.expect_status(422));
        has(&wrong, &["id=\"name.wrong\"", "Must be the name of the space."]);
        reader.visit(&format!("/s/{}/settings/delete", beta.id)).await.expect_status(403);
        let page = html(&reader, &format!("/s/{}/settings", beta.id)).await;
        has(&page, &["Make this my default", "Leave Beta", "people who hold a role in it"]);
        lacks(&page, &["name=\"name\"", "/archive", "Move or inherit"]);
        for path in ["settings", "settings/gate", "settings/move", "settings/delete", "archive"] {
            let fields = [("name", "Beta"), ("view", "users"), ("edit", "members"), ("parent", "")];
            let fields = match path {
                "settings/gate" => &fields[1..3],
                "settings/move" => &fields[3..],
                "archive" => &[],
                _ => &fields[..1],
            };
            reader.submit(&format!("/s/{}/{path}", beta.id), fields).await.expect_status(403);
        }
    })
    .await;
    let there = browser.submit(&format!("{own}/delete"), &[("name", "Atlas II")]).await.expect_status(303);
    has(&html(&browser, there.header("location")).await, &["Atlas II is deleted, and with it 1 task"]);
    browser.visit(&own).await.expect_status(404);
}

async fn somebody_leaves_and_chooses_where_they_begin(g: Garth) {
    let ada = g.admin().await;
    g.closed_home().await;
    let (lin, bo) = (g.person("lin").await, g.person("bo").await);
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    let beta = ada.space("Beta").admin(&lin).create().await;
    for space in [&atlas, &beta] {
        ada.grant_by_registry(space, &bo, "reader").await;
    }
    let browser = signed_in(&g, "bo").await;
    let own = |tail: &str| format!("/s/{}/{tail}", beta.id);
    browser.submit(&own("default"), &[("default", "true")]).await.expect_status(303);
    has(&html(&browser, &own("settings")).await, &["Beta is where you begin now", "Begin where the installation says"]);
    assert_eq!(bo.get("/api/v1/me").await.ok()["default_space"], json!(beta.id));
    browser.submit(&own("default"), &[("default", "false")]).await.expect_status(303);
    assert_eq!(bo.get("/api/v1/me").await.ok()["default_space"], Value::Null);
    let there = browser.submit(&own("leave"), &[]).await.expect_status(303);
    has(&html(&browser, there.header("location")).await, &["You have left Beta."]);
    browser.visit(&own("settings")).await.expect_status(404);
    let owner = signed_in(&g, "lin").await;
    g.unchanged(async || {
        browser.submit(&own("default"), &[("default", "true")]).await.expect_status(404);
        browser.submit(&own("leave"), &[]).await.expect_status(404);
        let last = text(&owner.submit(&own("leave"), &[]).await.expect_status(409));
        has(&last, &["role=\"alert\"", "last administrator"]);
    })
    .await;
}

async fn roles_are_given_on_the_page(g: Garth) {
    let ada = g.admin().await;
    g.closed_home().await;
    let (lin, bo) = (g.person("lin").await, g.person("bo").await);
    g.person("quinn").await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    let beta = ada.space("Beta").admin(&lin).create().await;
    ada.grant_by_registry(&beta, &bo, "reader").await;
    let crew = ada.group("crew", &[&bo]).await;
    ada.group("ghosts", &[]).await;
    ada.grant_by_registry(&beta, &crew, "reader").await;
    lin.key(&atlas, "app", "reader").await;
    let browser = signed_in(&g, "lin").await;
    let own = format!("/s/{}/members/grants", atlas.id);
    let page = html(&browser, &own).await;
    // Offered are those whom she can see, and nobody else; the role of a key is the key's.
    has(
        &page,
        &[
            "Roles given here",
            "<option value=\"bo\">",
            "value=\"group:crew\"",
            "value=\"everyone\"",
            "API key",
            "/keys\"",
        ],
    );
    lacks(&page, &["quinn", "ghosts"]);
    g.unchanged(async || {
        let give = async |who: &str, role: &str, expires: &str| {
            let fields = [("principal", who), ("role", role), ("expires", expires)];
            text(&browser.submit(&own, &fields).await.expect_status(422))
        };
        let hidden = give("quinn", "reader", "").await;
        has(&hidden, &["id=\"principal.wrong\"", "value=\"quinn\""]);
        assert_eq!(hidden.replace("quinn", "x"), give("zoe", "reader", "").await.replace("zoe", "x"));
        has(&give("group:ghosts", "reader", "").await, &["id=\"principal.wrong\""]);
        has(&give("bo", "reader", "2001-01-01").await, &["id=\"expires.wrong\"", "Must lie in the future."]);
        has(&give("bo", "no-role", "").await, &["id=\"role.wrong\""]);
    })
    .await;
    browser
        .submit(&own, &[("principal", "group:crew"), ("role", "writer"), ("expires", "2031-06-01")])
        .await
        .expect_status(303);
    let page = html(&browser, &own).await;
    has(&page, &["Crew is writer here now.", "value=\"2031-06-01\"", "chip writer", "by lin"]);
    browser.submit(&own, &[("principal", "everyone"), ("role", "reader")]).await.expect_status(303);
    let page = html(&browser, &own).await;
    has(&page, &["Everyone is reader here now.", "Everyone who is signed in"]);
    let id = |page: &str, name: &str| {
        let rows = between(page, "<tbody>", "</tbody>");
        let (_, rest) = rows.split_once(name).unwrap_or_else(|| panic!("no {name}: {page}"));
        between(rest, "/members/grants/", "\"").to_owned()
    };
    let grant = id(&page, "Everyone who is signed in");
    browser
        .submit(&format!("{own}/{grant}"), &[("role", "writer"), ("expires", "2031-07-01")])
        .await
        .expect_status(303);
    has(&html(&browser, &own).await, &["value=\"2031-07-01\""]);
    browser.submit(&format!("{own}/{grant}/revoke"), &[]).await.expect_status(303);
    let page = html(&browser, &own).await;
    has(&page, &["The role is taken away."]);
    lacks(between(&page, "<tbody>", "</tbody>"), &["Everyone"]);
    // What a shut page refuses: the last administrator, a grant of elsewhere, a writer.
    let of_lin = id(&page, "<span class=\"name\">lin</span>");
    let writer = signed_in(&g, "bo").await;
    g.unchanged(async || {
        let last = text(&browser.submit(&format!("{own}/{of_lin}/revoke"), &[]).await.expect_status(409));
        has(&last, &["role=\"alert\"", "last administrator"]);
        browser.submit(&format!("{own}/{}/revoke", strange(&of_lin)), &[]).await.expect_status(404);
        has(&text(&writer.visit(&own).await.expect_status(403)), &["This is not for you to see"]);
        writer.submit(&own, &[("principal", "bo"), ("role", "admin")]).await.expect_status(403);
        writer.submit(&format!("{own}/{of_lin}/revoke"), &[]).await.expect_status(403);
    })
    .await;
}

async fn administrators_learn_who_sees_what_and_why(g: Garth) {
    let ada = g.admin().await;
    g.closed_home().await;
    ada.kind("task").await;
    let (lin, bo, wes) = (g.person("lin").await, g.person("bo").await, g.person("wes").await);
    g.person("quinn").await;
    let above = ada.space("Above").create().await;
    let atlas = ada.space("Atlas").under(&above).admin(&lin).create().await;
    let beta = ada.space("Beta").admin(&lin).create().await;
    let crew = ada.group("crew", &[&bo]).await;
    ada.grant_by_registry(&atlas, &crew, "reader").await;
    ada.grant_by_registry(&above, &wes, "writer").await;
    let lift = lin.resource("task", "Fix the lift").space(&atlas).create().await;
    let only = json!({"users": [lin.principal()]});
    let plan = lin.resource("task", "The plan").space(&atlas).view(only.clone()).create().await;
    let elsewhere = lin.resource("task", "Elsewhere").space(&beta).create().await;
    let secret = ada.patch(&above.url(""), json!({})).await.ok();
    assert_eq!(secret["name"], "Above");
    let code = |thing: &Thing| thing["code"].as_str().expect("a code").to_owned();
    let browser = signed_in(&g, "lin").await;
    let own = format!("/s/{}/access", atlas.id);
    let ask = async |query: &str| html(&browser, &format!("{own}?{query}")).await;
    g.unchanged(async || {
        // Who: by where they have it from, as far as she may see that.
        let page = html(&browser, &own).await;
        has(
            &page,
            &[
                "Who may see Atlas",
                "Admin, given to them",
                "Reader, by the group crew",
                "Writer, from a space above",
                "wes",
            ],
        );
        lacks(&page, &["Above", "quinn"]);
        let page = ask(&format!("what={}&action=write", code(&lift))).await;
        has(&page, &["Who may change Fix the lift", "Writer, from a space above"]);
        lacks(between(&page, "id=\"who-may\"", "</main>"), &[">bo<"]);
        has(&ask(&format!("what={}", code(&plan))).await, &["By the resource&#39;s own policy"]);
        // What.
        let page = ask("who=bo").await;
        has(&page, &["What bo may see here", "reader, by the group crew", "Fix the lift", "The plan", "tag bad\">no"]);
        lacks(between(&page, "id=\"sees\"", "</main>"), &["Elsewhere"]);
        // Why not: the gate that is shut says it, and who could open it.
        let page = ask(&format!("who=bo&what={}&action=write", code(&lift))).await;
        has(
            &page,
            &[
                "bo may not change Fix the lift.",
                "gate open",
                "gate shut decided",
                "No role holds task:write.",
                "Who may change it",
            ],
        );
        let page = ask(&format!("who=bo&what={}", code(&plan))).await;
        has(&page, &["bo may not see The plan.", "The resource&#39;s own policy does not allow it.", "gate unasked"]);
        has(
            &ask(&format!("who=wes&what={}&action=write", code(&lift))).await,
            &["wes may change Fix the lift.", "gate open decided"],
        );
        // Whom she does not see is nobody, and what lies elsewhere is nothing.
        let answer = async |query: &str| text(&browser.visit(&format!("{own}?{query}")).await.expect_status(422));
        let (hidden, never) = (answer("who=quinn").await, answer("who=zoe").await);
        has(&hidden, &["id=\"who.wrong\"", "Is nobody you can see."]);
        assert_eq!(hidden.replace("quinn", "x"), never.replace("zoe", "x"));
        for what in [code(&elsewhere), "T-0000-0000".to_owned()] {
            has(&answer(&format!("what={what}")).await, &["id=\"what.wrong\"", "Is nothing here that you can see."]);
        }
        has(&answer("what=space&action=fly").await, &["id=\"action.wrong\""]);
        // Somebody who is not let in, whom she knows from elsewhere.
        ask("who=lin&what=space").await;
    })
    .await;
    ada.grant_by_registry(&beta, &g.person("kim").await, "reader").await;
    let page = ask("who=kim&what=space").await;
    has(
        &page,
        &[
            "kim may not see Atlas.",
            "gate shut decided",
            "lets members in, and nothing else opens it.",
            "Give them a role",
        ],
    );
    let give = between(&page, "/members/grants?principal=", "\"");
    assert_eq!(give, "kim#add");
    has(&ask("who=kim").await, &["the gate of Atlas is closed to them"]);
    // The same is told to programs: `explain` says as much.
    let question = json!({"subject": {"type": "user", "id": "@bo"}, "action": {"name": "read"}, "resource": {"type": "task", "id": plan.id}});
    let told = lin.post("/api/v1/explain", question).await.ok();
    assert_eq!((&told["decision"], &told["steps"][2]["outcome"]), (&json!(false), &json!("refused")), "{told}");
}

async fn others_learn_about_themselves(g: Garth) {
    let ada = g.admin().await;
    g.closed_home().await;
    ada.kind("task").await;
    let (lin, bo) = (g.person("lin").await, g.person("bo").await);
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    ada.grant_by_registry(&atlas, &bo, "reader").await;
    let lift = lin.resource("task", "Fix the lift").space(&atlas).create().await;
    let plan = lin.resource("task", "The plan").space(&atlas).view(json!({"users": [lin.principal()]})).create().await;
    let browser = signed_in(&g, "bo").await;
    let own = format!("/s/{}/access", atlas.id);
    g.unchanged(async || {
        let page = html(&browser, &own).await;
        has(&page, &["What bo may see here", "Fix the lift", "its administrators ask"]);
        lacks(&page, &["The plan", "name=\"who\"", "<option value=\"lin\">"]);
        let code = lift["code"].as_str().expect("a code");
        let page = html(&browser, &format!("{own}?what={code}&action=write")).await;
        has(&page, &["You may not change Fix the lift.", "gate shut decided", "Whom to ask"]);
        // About others he may not ask, whether they are there or not; nor about what is hidden.
        for who in ["lin", "zoe"] {
            let closed = text(&browser.visit(&format!("{own}?who={who}")).await.expect_status(403));
            has(&closed, &["Only administrators of the space may ask about others."]);
        }
        let hidden = plan["code"].as_str().expect("a code");
        let ask = async |what: &str| {
            let page = text(&browser.visit(&format!("{own}?what={what}")).await.expect_status(422));
            page.replace(what, "x")
        };
        assert_eq!(ask(hidden).await, ask("T-0000-0000").await);
    })
    .await;
    let out = signed_in(&g, "ada").await;
    out.visit(&own).await.expect_status(404);
}
