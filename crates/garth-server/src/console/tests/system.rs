//! Stories about the pages of the installation: what their forms do, what they refuse, and whom they are for.

use super::look::{between, has, html, lacks};
use super::{signed_in, text};
use crate::support::*;

stories! {
    the_pages_of_the_installation_are_for_those_who_run_it,
    a_kind_is_made_by_the_form_that_it_makes,
    roles_are_a_table,
    a_login_policy_is_tried_before_it_is_kept,
    a_named_policy_says_where_it_is_used,
    the_registry_shows_who_is_in_charge_and_nothing_else,
    settings_and_providers_are_forms,
    a_record_is_a_file,
}

async fn sent(browser: &Browser, path: &str, fields: &[(&str, &str)], status: u16) -> String {
    text(&browser.submit(path, fields).await.expect_status(status))
}

async fn the_pages_of_the_installation_are_for_those_who_run_it(g: Garth) {
    let ada = g.admin().await;
    g.closed_home().await;
    ada.kind("task").await;
    let kim = g.person("kim").await;
    let atlas = ada.space("Atlas").admin(&kim).create().await;
    ada.post("/api/v1/policies", json!({"name": "office", "policy": {"users": [ada.principal()]}})).await.created();
    let (own, other) = (signed_in(&g, "ada").await, signed_in(&g, "kim").await);
    g.unchanged(async || {
        for path in [
            "/system/kinds",
            "/system/roles",
            "/system/policies",
            "/system/login-policies",
            "/system/identity-providers",
            "/system/registry",
            &format!("/system/registry/{}", atlas.id),
            "/system/settings",
            "/system/audit",
            "/system/audit/export?format=csv",
            "/system/backup",
            "/system/health",
            "/system/kinds/new",
            "/system/roles/new",
            "/system/login-policies/new",
            "/system/policies/new",
            "/system/identity-providers/new",
        ] {
            let page = own.visit(path).await.ok();
            let html = text(&page);
            lacks(&html, &["style=", "<style", " onclick", "javascript:"]);
            if !path.contains("export") {
                lacks(page.header("content-security-policy"), &["unsafe", "*"]);
                has(&html, &["<main id=\"main\"", "<h1>", "aria-current=\"page\""]);
            }
            // Kinds, roles and the names of policies are for everybody; the rest is refused, on a page.
            let open = ["/system/kinds", "/system/roles", "/system/policies"].contains(&path);
            let told = other.visit(path).await.expect_status(if open { 200 } else { 403 });
            lacks(&text(&told), &["New kind", "New role", "New policy", "Atlas</a>"]);
            if !open {
                has(&text(&told), &["Not allowed"]);
                kim.get(path).await.refused(403, "forbidden");
            }
        }
        let page = html(&other, "/system/kinds/task").await;
        has(&page, &["fieldset class=\"bare\" disabled"]);
        lacks(&page, &["Save the kind", "Delete the kind"]);
        let named = html(&own, "/system/policies").await;
        let id = between(&named, "href=\"/system/policies/0", "\"").to_owned();
        let closed = html(&other, &format!("/system/policies/0{id}")).await;
        has(&closed, &["Its text is for its editors"]);
        lacks(&closed, &[&ada.principal(), "Delete"]);
        for path in ["kinds/nothing", "roles/nothing", "policies/nothing", "registry/nothing"] {
            own.visit(&format!("/system/{path}")).await.expect_status(404);
        }
    })
    .await;
    // The forms are refused likewise, on record.
    for (path, fields) in [
        ("/system/kinds/new", vec![("name", "note"), ("prefix", "N"), ("schema", "{}")]),
        ("/system/kinds/new", vec![("schema", "{"), ("show", "1")]),
        ("/system/kinds/task/delete", vec![]),
        ("/system/roles/new", vec![("name", "x"), ("permission", "task:read")]),
        ("/system/login-policies/new", vec![("name", "x"), ("rego", "package garth"), ("version", "v1")]),
        ("/system/login-policies/new", vec![("rego", "x"), ("do", "try"), ("username", "ada")]),
        ("/system/settings", vec![("create_spaces", "x")]),
    ] {
        let refused = sent(&other, path, &fields, 403).await;
        has(&refused, &["Not allowed"]);
    }
    let health = html(&own, "/system/health").await;
    has(&health, &["<dt>Database</dt>", "answers", "<dt>Writer</dt>", "Requests since the start"]);
}

const SCHEMA: &str = "{\"type\": \"object\", \"properties\": {\n  \"when\": {\"type\": \"string\", \"title\": \"When it runs\"},\n  \
                      \"token\": {\"type\": \"string\"},\n  \"on\": {\"type\": \"boolean\"}}}";

async fn a_kind_is_made_by_the_form_that_it_makes(g: Garth) {
    let ada = g.admin().await;
    let atlas = ada.space("Atlas").create().await;
    let browser = signed_in(&g, "ada").await;
    let new = "/system/kinds/new";
    let fields = |schema: &'static str| {
        vec![
            ("name", "chore"),
            ("prefix", "CH"),
            ("plural", "jobs"),
            ("schema", schema),
            ("secret_fields", "/token\r\n"),
        ]
    };
    g.unchanged(async || {
        // The form that would come out, without making anything.
        let shown = [fields(SCHEMA), vec![("show", "1")]].concat();
        let page = sent(&browser, new, &shown, 200).await;
        let preview = between(&page, "id=\"preview\"", "</section>");
        has(preview, &["When it runs", "type=\"password\"", "type=\"checkbox\"", "tag\">secret"]);
        // What is no JSON is told at its line, and so is what is no schema, at its pointer.
        let page = sent(&browser, new, &fields("{\r\n  \"type\": object\r\n}"), 422).await;
        has(&page, &["data-line=\"2\"", "Line 2", "is not JSON", "class=\"here\"", "value=\"chore\""]);
        let wrong = "{\n\"type\": \"object\",\n\"properties\": {\n\"a\": {\"type\": 7}}}";
        let page = sent(&browser, new, &fields(wrong), 422).await;
        has(&page, &["data-line=\"4\"", "/properties/a/type"]);
        let fields = [("name", "Job"), ("prefix", "j"), ("schema", "{}"), ("secret_fields", "token\r\n/x")];
        let page = sent(&browser, new, &fields, 422).await;
        has(&page, &["id=\"name.wrong\"", "id=\"prefix.wrong\"", "Token must be a JSON Pointer"]);
    })
    .await;
    let made = browser.submit(new, &fields(SCHEMA)).await.expect_status(303);
    assert_eq!(made.header("location"), "/system/kinds/chore");
    let kind = ada.get("/api/v1/kinds/chore").await.ok();
    assert_eq!((&kind["secret_fields"], &kind["plural"]), (&json!(["/token"]), &json!("jobs")));
    has(&html(&browser, "/system/kinds").await, &["Jobs", "<code>CH-…</code>", "1 secret", "chore is made."]);
    // A change leaves alone what nobody touched.
    let patch = json!({"default_view": "users", "exceptions": {"owner": ["view"]}});
    ada.patch("/api/v1/kinds/chore", patch).await.ok();
    let page = html(&browser, "/system/kinds/chore").await;
    has(&page, &["&#34;users&#34;", "name=\"owner.view\" value=\"true\" checked", "No resource, reference, role"]);
    let fields = [
        ("plural", "<i>runs"),
        ("schema", SCHEMA),
        ("secret_fields", "/token"),
        ("shareable", "true"),
        ("default_view", "\"users\""),
        ("owner.view", "true"),
        ("reference.0.pointer", "/when"),
        ("reference.0.kind", "chore"),
        ("reference.1.pointer", ""),
        ("reference.1.kind", "chore"),
    ];
    browser.submit("/system/kinds/chore", &fields).await.expect_status(303);
    let kind = ada.get("/api/v1/kinds/chore").await.ok();
    assert_eq!(
        (&kind["plural"], &kind["shareable"], &kind["default_view"]),
        (&json!("<i>runs"), &json!(true), &json!("users"))
    );
    assert_eq!((&kind["references"][0]["pointer"], &kind["references"][1]), (&json!("/when"), &Value::Null));
    let page = html(&browser, "/system/kinds").await;
    has(&page, &["&#60;i&#62;runs"]);
    lacks(&page, &["<i>runs"]);
    ada.resource("chore", "Weekly").space(&atlas).create().await;
    let page = html(&browser, "/system/kinds/chore").await;
    has(&page, &["It cannot be deleted as yet", "in use by resources"]);
    g.unchanged(async || {
        browser.submit("/system/kinds/chore/delete", &[]).await.expect_status(303);
        has(&html(&browser, "/system/kinds/chore").await, &["Not done: the kind is in use by resources."]);
    })
    .await;
    ada.kind("spare").await;
    browser.submit("/system/kinds/spare/delete", &[]).await.expect_status(303);
    lacks(&html(&browser, "/system/kinds").await, &["/system/kinds/spare"]);
}

async fn roles_are_a_table(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.kind("task").await;
    let atlas = ada.space("Atlas").create().await;
    let browser = signed_in(&g, "ada").await;
    let fields = [("name", "mover"), ("permission", "task:read"), ("permission", "task:share"), ("others", "*:write")];
    browser.submit("/system/roles/new", &fields).await.expect_status(303);
    let page = html(&browser, "/system/roles").await;
    has(&page, &["chip reader", "chip admin", "The role mover", "<th scope=\"rowgroup\"", "scope=\"row\""]);
    let row = between(&page, "<span class=\"unseen\">task: </span>share</th>", "</tr>");
    assert_eq!((row.matches(">yes<").count(), row.matches(">no<").count()), (2, 2), "admin and mover share: {row}");
    g.unchanged(async || {
        let fields = [("name", "other"), ("permission", "task:read"), ("others", "task:fly\r\n")];
        let page = sent(&browser, "/system/roles/new", &fields, 422).await;
        has(&page, &["ask:fly is not a known permission", "value=\"task:read\" checked", "task:fly</textarea>"]);
        let page = sent(&browser, "/system/roles/new", &[("name", "reader")], 409).await;
        has(&page, &["role=\"alert\"", "exists already"]);
    })
    .await;
    let id = ada.get("/api/v1/roles/mover").await.ok().text("id");
    let own = format!("/system/roles/{id}");
    has(&html(&browser, &own).await, &["Nobody holds it.", "value=\"*:write\" checked", "Delete the role"]);
    ada.grant(&atlas, &lin, &id).await;
    has(&html(&browser, &own).await, &["It is given once.", "It cannot be deleted as yet", "in use by a grant"]);
    browser.submit(&own, &[("name", "mover"), ("permission", "task:read")]).await.expect_status(303);
    assert_eq!(ada.get(&format!("/api/v1/roles/{id}")).await.ok()["permissions"], json!(["task:read"]));
    let built_in = html(&browser, "/system/roles/reader").await;
    has(&built_in, &["nobody can change it"]);
    lacks(&built_in, &["Save the role", "Delete the role"]);
    g.unchanged(async || {
        has(
            &sent(&browser, "/system/roles/reader", &[("name", "x")], 409).await,
            &["Built-in roles cannot be changed"],
        );
        browser.submit(&format!("{own}/delete"), &[]).await.expect_status(303);
    })
    .await;
}

async fn a_login_policy_is_tried_before_it_is_kept(g: Garth) {
    let ada = g.admin().await;
    g.closed_home().await;
    let lin = g.person("lin").await;
    ada.space("Atlas").with("labels", json!(["team:crew"])).create().await;
    let group = ada.post("/api/v1/groups", json!({"name": "crew"})).await.created().text("id");
    ada.post(&format!("/api/v1/groups/{group}/members"), json!({"member": lin.principal()})).await.done();
    let browser = signed_in(&g, "ada").await;
    let list = "/system/login-policies";
    has(&html(&browser, list).await, &["No login policy", "Everybody with an account comes in"]);
    let new = "/system/login-policies/new";
    let rego = "package garth\n\nallow if input.session.member\n\nsample := true\n\nspace_write contains space.id if {\n\t\
                some space in input.spaces\n\tsome team in input.session.teams\n\tsprintf(\"team:%s\", [team]) in space.labels\n}\n";
    g.unchanged(async || {
        // What cannot be read is told at its line.
        let wrong = [("name", "teams"), ("rego", "package garth\r\n\r\nallow := := true\r\n"), ("version", "v1")];
        let page = sent(&browser, new, &wrong, 422).await;
        has(&page, &["class=\"fault\"", "data-line=\"3\"", "id=\"rego.wrong\"", "value=\"teams\""]);
        // Whoever is asked about comes in, with roles in spaces by their names.
        let fields = [("name", "teams"), ("rego", rego), ("version", "v1"), ("do", "try"), ("username", "lin")];
        let page = sent(&browser, new, &fields, 200).await;
        let outcome = between(&page, "id=\"outcome\"", "</main>");
        has(outcome, &["lin comes in", "lets in (allow)", "<dt>Atlas</dt><dd>writer</dd>"]);
        let input = "{\"session\": {\"login\": \"eve\", \"member\": false, \"teams\": []}, \"spaces\": []}";
        let fields = [("rego", rego), ("version", "v1"), ("do", "try"), ("input", input)];
        has(&sent(&browser, new, &fields, 200).await, &["eve is refused", "Neither allow nor admin holds"]);
        let fields = [("rego", rego), ("version", "v1"), ("do", "try"), ("input", "{\n")];
        has(&sent(&browser, new, &fields, 422).await, &["id=\"input.wrong\"", "Is not JSON"]);
        let fields = [("rego", rego), ("version", "v1"), ("do", "try"), ("username", "nobody")];
        has(&sent(&browser, new, &fields, 422).await, &["Is nobody&#39;s username", "id=\"username.wrong\""]);
    })
    .await;
    let fields = [("name", "teams"), ("rego", rego), ("version", "v1"), ("enabled", "true")];
    browser.submit(new, &fields).await.expect_status(303);
    let page = html(&browser, list).await;
    has(&page, &["teams is kept. Every session but yours has ended.", "asked", "None. A policy whose rule"]);
    lin.get("/api/v1/me").await.not_signed_in();
    let id = between(&page, "href=\"/system/login-policies/0", "\"").to_owned();
    let own = format!("{list}/0{id}");
    signed_in(&g, "lin").await;
    let page = html(&browser, list).await;
    let sample = between(&page, "/system/login-policies/samples/", "\"").to_owned();
    let page = html(&browser, &format!("{list}/samples/{sample}")).await;
    has(&page, &["lin comes in", "lets in (allow)", "<dt>Atlas</dt><dd>writer</dd>"]);
    g.unchanged(async || {
        let stricter = "package garth\ndeny := true\n";
        let fields = [("name", "teams"), ("rego", stricter), ("version", "v1"), ("do", "replay")];
        let page = sent(&browser, &own, &fields, 200).await;
        has(&page, &["comes in</td><td>is refused", "differs"]);
        let fields = [("name", "teams"), ("rego", rego), ("version", "v1"), ("do", "replay")];
        lacks(&sent(&browser, &own, &fields, 200).await, &["differs"]);
    })
    .await;
    browser.submit(&format!("{own}/disable"), &[]).await.expect_status(303);
    has(&html(&browser, list).await, &["not asked", "None of them is asked"]);
    browser.submit(&format!("{own}/enable"), &[]).await.expect_status(303);
    browser.submit(&format!("{own}/delete"), &[]).await.expect_status(303);
    has(&html(&browser, list).await, &["teams is gone", "No login policy"]);
}

async fn a_named_policy_says_where_it_is_used(g: Garth) {
    let ada = g.admin().await;
    g.closed_home().await;
    let lin = g.person("lin").await;
    let browser = signed_in(&g, "ada").await;
    g.unchanged(async || {
        let page =
            sent(&browser, "/system/policies/new", &[("name", "office"), ("policy", "{\r\n\"users\" []}")], 422).await;
        has(&page, &["data-line=\"2\"", "value=\"office\""]);
        let wrong = "{\n\"users\": [\n\"user:@nobody\"]}";
        let page = sent(&browser, "/system/policies/new", &[("name", "office"), ("policy", wrong)], 422).await;
        has(&page, &["data-line=\"3\""]);
    })
    .await;
    let fields = [("name", "office"), ("policy", "{\"users\": [\"user:@ada\", \"user:@lin\"]}"), ("edit", "")];
    browser.submit("/system/policies/new", &fields).await.expect_status(303);
    let page = html(&browser, "/system/policies").await;
    let own = format!("/system/policies/0{}", between(&page, "href=\"/system/policies/0", "\""));
    has(&html(&browser, &own).await, &["Nowhere, as far as you can see", "Delete office"]);
    let atlas = ada.space("Atlas").create().await;
    ada.patch(&atlas.url(""), json!({"view": {"named": "@office"}})).await.ok();
    let page = html(&browser, &own).await;
    has(&page, &["Who sees the space", &format!("\"/s/{}\"", atlas.id), "cannot be deleted as yet"]);
    lin.get(&atlas.url("")).await.ok();
    g.unchanged(async || {
        let only =
            [("name", "office"), ("policy", "{\"users\": [\"user:@ada\"]}"), ("edit", "\"admins\""), ("do", "preview")];
        let page = sent(&browser, &own, &only, 200).await;
        has(between(&page, "If you save this", "</section>"), &["lin", "Atlas", "read"]);
        browser.submit(&format!("{own}/delete"), &[]).await.expect_status(303);
    })
    .await;
    has(&html(&browser, &own).await, &["Not done: the policy is in use."]);
    let fields = [("name", "office"), ("policy", "{\"users\": [\"user:@ada\"]}"), ("edit", "\"admins\"")];
    browser.submit(&own, &fields).await.expect_status(303);
    lin.get(&atlas.url("")).await.refused(404, "not_found");
}

async fn the_registry_shows_who_is_in_charge_and_nothing_else(g: Garth) {
    let ada = g.admin().await;
    g.closed_home().await;
    ada.kind("task").await;
    let lin = g.person("lin").await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    let vault = ada.space("Vault").sealed().admin(&lin).create().await;
    lin.resource("task", "Zqsecret").space(&atlas).create().await;
    let browser = signed_in(&g, "ada").await;
    let page = html(&browser, "/system/registry").await;
    has(&page, &["Atlas", "an administrator of its own", "role=\"search\""]);
    lacks(&page, &["Vault", &vault.id]);
    has(&html(&browser, "/system/registry?q=atl*").await, &["Atlas", "Clear"]);
    has(&html(&browser, "/system/registry?q=nowhere").await, &["Nothing fits these filters"]);
    // What else stands in a space's own words is inside it.
    lin.patch(&atlas.url(""), json!({"labels": ["zqlabel"], "description": "Zqwords"})).await.ok();
    has(&html(&browser, "/system/registry?q=zqlabel").await, &["Nothing fits these filters"]);
    assert!(ada.get("/api/v1/registry/spaces?q=zqlabel").await.ok().items().is_empty());
    browser.visit("/system/registry?in_charge=x").await.expect_status(422);
    let own = format!("/system/registry/{}", atlas.id);
    g.unchanged(async || {
        let page = html(&browser, &own).await;
        has(&page, &["<span class=\"name\">lin", "chip admin", "Give the role", "api.daily", "unlimited"]);
        lacks(&page, &["Zqsecret", "zqlabel", "Zqwords", "Nobody is in charge"]);
        browser.visit(&format!("/system/registry/{}", vault.id)).await.expect_status(404);
        let wrong = sent(&browser, &format!("{own}/grants"), &[("to", "nobody"), ("role", "admin")], 422).await;
        has(&wrong, &["id=\"to.wrong\"", "value=\"nobody\""]);
        let wrong =
            sent(&browser, &format!("{own}/quotas"), &[("meter", "llm"), ("limit", "x"), ("window", "daily")], 422)
                .await;
        has(&wrong, &["id=\"limit.wrong\"", "value=\"llm\""]);
    })
    .await;
    let bo = g.person("bo").await;
    browser.submit(&format!("{own}/grants"), &[("to", "bo"), ("role", "admin")]).await.expect_status(303);
    bo.get(&atlas.url("")).await.ok();
    has(&html(&browser, &own).await, &["bo is admin in Atlas now; its audit says so."]);
    let fields = [("meter", "llm"), ("limit", "1,000"), ("window", "rolling"), ("seconds", "60")];
    browser.submit(&format!("{own}/quotas"), &fields).await.expect_status(303);
    has(&html(&browser, &own).await, &["<code>llm</code>", "1,000", "in 60 s"]);
    browser.submit(&format!("{own}/quotas/end"), &[("meter", "llm")]).await.expect_status(303);
    lacks(&html(&browser, &own).await, &["<code>llm</code>"]);
    let page = html(&browser, &own).await;
    let bos = page.split("/revoke\"").find(|part| part.contains("Take away: bo,")).expect("a grant of bo's");
    let grant = bos.rsplit_once("/grants/").expect("its id").1.to_owned();
    browser.submit(&format!("{own}/grants/{grant}/revoke"), &[]).await.expect_status(303);
    bo.get(&atlas.url("")).await.refused(404, "not_found");
}

async fn settings_and_providers_are_forms(g: Garth) {
    let ada = g.admin().await;
    let browser = signed_in(&g, "ada").await;
    let settings = "/system/settings";
    has(&html(&browser, settings).await, &["30 to 36500", "system administrators"]);
    g.unchanged(async || {
        let fields = [
            ("create_spaces", "users"),
            ("audit_days", "3"),
            ("quota.0.meter", "llm"),
            ("quota.0.limit", "5"),
            ("quota.0.window", "daily"),
        ];
        let page = sent(&browser, settings, &fields, 422).await;
        has(&page, &["id=\"audit_days.wrong\"", "value=\"llm\"", "<option value=\"users\" selected>"]);
        let fields = [
            ("create_spaces", "users"),
            ("quota.0.meter", "llm"),
            ("quota.0.limit", "many"),
            ("quota.0.window", "daily"),
        ];
        has(&sent(&browser, settings, &fields, 422).await, &["Llm needs a number as limit"]);
    })
    .await;
    let fields = [
        ("create_spaces", "users"),
        ("public_access", "true"),
        ("audit_days", "90"),
        ("quota.0.meter", "llm"),
        ("quota.0.limit", "5"),
        ("quota.0.window", "rolling"),
        ("quota.0.seconds", "60"),
        ("quota.1.meter", ""),
        ("quota.1.window", "stored"),
    ];
    browser.submit(settings, &fields).await.expect_status(303);
    let is = ada.get("/api/v1/settings").await.ok();
    assert_eq!(
        (&is["create_spaces"], &is["public_access"], &is["audit_days"]),
        (&json!("users"), &json!(true), &json!(90))
    );
    assert_eq!(is["default_quotas"], json!([{"meter": "llm", "limit": 5, "window": {"rolling_seconds": 60}}]));
    has(&html(&browser, settings).await, &["The settings are saved", "value=\"90\"", "value=\"60\""]);

    let providers = "/system/identity-providers";
    has(&html(&browser, providers).await, &["No identity provider"]);
    g.unchanged(async || {
        let fields =
            [("name", "Corp"), ("slug", "Corp"), ("issuer", "x"), ("client_id", "garth"), ("client_secret", "hush")];
        let page = sent(&browser, &format!("{providers}/new"), &fields, 422).await;
        has(&page, &["id=\"slug.wrong\"", "id=\"issuer.wrong\"", "id=\"scopes.wrong\"", "value=\"garth\""]);
        lacks(&page, &["hush"]);
    })
    .await;
    let fields = [
        ("name", "Corp"),
        ("slug", "corp"),
        ("issuer", "https://127.0.0.1:1/corp"),
        ("client_id", "garth"),
        ("client_secret", "hush"),
        ("scopes", "openid email"),
        ("groups_allowed", "crew\r\nteam-*\r\n"),
    ];
    let made = browser.submit(&format!("{providers}/new"), &fields).await.expect_status(303);
    let own = made.header("location").to_owned();
    let page = html(&browser, &own).await;
    has(
        &page,
        &["Corp is made. But it does not answer", "It is set, and never shown", "/auth/oidc/corp/callback", "team-*"],
    );
    lacks(&page, &["hush"]);
    let one = ada.get(&own.replace("/system/", "/api/v1/")).await.ok();
    assert_eq!((&one["enabled"], &one["groups_allowed"]), (&json!(false), &json!(["crew", "team-*"])));
    browser.submit(&format!("{own}/test"), &[]).await.expect_status(303);
    let fields = [("name", "Corporation"), ("client_id", "garth"), ("scopes", "openid"), ("any_group", "true")];
    browser.submit(&own, &fields).await.expect_status(303);
    let one = ada.get(&own.replace("/system/", "/api/v1/")).await.ok();
    assert_eq!((&one["client_secret"], &one["groups_allowed"]), (&json!({"secret": true}), &Value::Null));
    browser.submit(&format!("{own}/enable"), &[]).await.expect_status(303);
    browser.submit(&format!("{own}/disable"), &[]).await.expect_status(303);
    has(&html(&browser, providers).await, &["at rest", "Nobody signs in by Corporation any more"]);
    browser.submit(&format!("{own}/delete"), &[]).await.expect_status(303);
    has(&html(&browser, providers).await, &["Corporation is gone", "No identity provider"]);
    has(&html(&browser, "/system/backup").await, &["garth backup --data", "cannot say when the last was made"]);
}

async fn a_record_is_a_file(g: Garth) {
    let ada = g.admin().await;
    g.closed_home().await;
    ada.kind("task").await;
    let (lin, bo) = (g.person("lin").await, g.person("bo").await);
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    ada.grant_by_registry(&atlas, &bo, "reader").await;
    let task = lin.resource("task", "=cmd|' /C calc'!A0").space(&atlas).create().await;
    lin.patch(&task.url(""), json!({"name": "Mend the \"lift\""})).await.ok();
    let browser = signed_in(&g, "lin").await;
    let page = html(&browser, &format!("/s/{}/audit?action=resource.update", atlas.id)).await;
    let address = format!("/s/{}/audit/export?action=resource.update&format=csv", atlas.id);
    has(&page, &[&format!("href=\"{}\"", address.replace('&', "&#38;")), "What fits the filters"]);
    let file = browser.visit(&address).await.ok();
    assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"garth-audit-2031-05-04.csv\"");
    assert_eq!(file.header("cache-control"), "no-store");
    let lines = text(&file);
    assert_eq!(lines.lines().count(), 2, "{lines}");
    has(&lines, &["at,actor,credential", "\"resource.update\"", "=cmd|' /C calc'!A0", "Mend the \\\"\"lift\\\"\""]);
    lacks(&lines, &["resource.create", ",\"=", ",="]);
    let file = browser.visit(&address.replace("csv", "json")).await.ok();
    assert_eq!((&file["complete"], &file["items"][0]["after"]["name"]), (&json!(true), &json!("Mend the \"lift\"")));
    assert_eq!(file["items"][1], Value::Null);
    let all = browser.visit(&format!("/s/{}/audit/export?format=json", atlas.id)).await.ok();
    assert_eq!(all["items"].as_array().map(Vec::len), Some(lin.all_pages(&atlas.url("/audit"), 100).await.len()));
    browser.visit(&address.replace("csv", "xlsx")).await.expect_status(422);
    // It is for those who may read the record, and hidden where the space is.
    signed_in(&g, "bo").await.visit(&address).await.expect_status(403);
    g.person("out").await;
    signed_in(&g, "out").await.visit(&address).await.expect_status(404);
    let own = signed_in(&g, "ada").await;
    let page = html(&own, "/system/audit").await;
    has(&page, &["made the account", "made the kind", "/system/audit/export?format=csv"]);
    let file = own.visit("/system/audit/export?format=json&action=kind.create").await.ok();
    assert_eq!(file["items"][0]["target"]["type"], "kind");
    own.visit(&address).await.expect_status(404);
}
