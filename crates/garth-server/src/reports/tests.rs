//! Stories about reports: whom they tell what, how they are compared with the last one, and what they refuse. They ask the
//! front door, as jobs do; jobs over HTTP have stories of their own.

use crate::support::*;
use garth_server::Limits;
use garth_server::access::{Ctx, Who};
use garth_server::base::ids;
use garth_server::reports::{self, Format, Report};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

stories! {
    an_access_review_tells_who_may_do_what_and_why,
    a_review_tells_what_is_different_from_the_last_one,
    a_review_tells_no_more_than_its_maker_sees,
    an_audit_digest_is_for_administrators,
    usage_tells_how_full_it_is,
    a_search_finds_what_its_maker_sees_in_its_space,
    a_search_has_so_many_rows,
    a_page_is_fetched_and_compared,
    a_page_that_leads_elsewhere_or_lies_within_is_not_fetched,
    a_hidden_space_has_no_reports,
    how_a_report_is_asked_for_has_limits,
}

/// Somebody's rights, as a job that runs as them has.
fn rights_of(g: &Garth, person: &Person) -> Ctx {
    let token = person.token.as_deref().expect("somebody who is signed in");
    let hash = ids::token_hash(token);
    let who = if token.starts_with("gk_") { Who::Key(hash) } else { Who::Session(hash) };
    Ctx::system(g.app()).with_credential(who)
}

async fn tried(
    g: &Garth,
    person: &Person,
    space: &str,
    spec: Value,
    before: Option<&Report>,
) -> Result<Report, String> {
    let before = before.map(|report| &report.state);
    let made = reports::make(&rights_of(g, person), "Monthly", space, &spec, before).await;
    made.map_err(|error| error.to_string())
}

async fn made(g: &Garth, person: &Person, space: &Thing, spec: Value, before: Option<&Report>) -> Report {
    let report = tried(g, person, &space.id, spec, before).await.expect("a report");
    // Whatever is in it can be written down.
    for format in Format::ALL {
        assert!(!report.render(format).expect("a format").is_empty());
    }
    report
}

fn read(report: &Report) -> Value {
    serde_json::from_slice(&report.render(Format::Json).expect("JSON")).expect("JSON")
}

fn rows(report: &Report, table: &str) -> Vec<Value> {
    let all = read(report);
    let tables = all["tables"].as_array().expect("tables");
    let found = tables.iter().find(|one| one["name"] == table);
    found.and_then(|table| table["rows"].as_array()).cloned().unwrap_or_default()
}

fn row<'a>(rows: &'a [Value], field: &str, value: &str) -> &'a Value {
    rows.iter().find(|row| row[field] == value).unwrap_or_else(|| panic!("no {field} {value} in {rows:#?}"))
}

fn fact(report: &Report, label: &str) -> String {
    let all = read(report);
    let facts = all["facts"].as_array().expect("facts");
    let found = facts.iter().find(|fact| fact["label"] == label);
    found.and_then(|fact| fact["value"].as_str()).unwrap_or_else(|| panic!("no {label} in {facts:#?}")).to_owned()
}

fn each(rows: &[Value], field: &str) -> Vec<String> {
    sorted(rows.iter().map(|row| row[field].as_str().unwrap_or_default().to_owned()).collect())
}

struct Office {
    ada: Person,
    lin: Person,
    bo: Person,
    cy: Person,
    above: Thing,
    atlas: Thing,
    group: Thing,
}

impl Office {
    /// A space under another, with an administrator of its own, a writer by a group, and a reader of the space above.
    async fn make(g: &Garth) -> Self {
        let ada = g.admin().await;
        let (lin, bo, cy) = (g.person("lin").await, g.person("bo").await, g.person("cy").await);
        g.closed_home().await;
        ada.kind("task").await;
        let above = ada.space("Finance").create().await;
        let atlas = ada.space("Atlas").under(&above).admin(&lin).create().await;
        let group = ada.group("accounting", &[&bo]).await;
        ada.grant_by_registry(&atlas, &group, "writer").await;
        ada.grant_by_registry(&above, &cy, "reader").await;
        Self { ada, lin, bo, cy, above, atlas, group }
    }
}

async fn an_access_review_tells_who_may_do_what_and_why(g: Garth) {
    let o = Office::make(&g).await;
    o.ada.role("auditor", &["task:read", "task:write"]).await;
    let dee = g.person("dee").await;
    let end = g.time_in(40 * 86_400 * SECOND);
    let grant = json!({"principal": dee.principal(), "role": "auditor", "expires_at": end});
    o.ada.post(&format!("/api/v1/registry/spaces/{}/grants", o.atlas.id), grant).await.created();
    o.lin.key(&o.atlas, "deploy", "reader").await;
    let task = o.lin.resource("task", "=Robot").space(&o.atlas).create().await;
    let robot = json!({"principal": format!("resource:{}", task.id), "role": "reader"});
    o.lin.post(&o.atlas.url("/grants"), robot).await.created();

    let report = made(&g, &o.lin, &o.atlas, json!({"type": "access_review"}), None).await;
    let members = rows(&report, "members");
    assert_eq!(each(&members, "username"), ["ada", "bo", "cy", "dee", "lin"]);
    assert_eq!(row(&members, "username", "lin")["may"], json!(["everything in the space"]));
    assert_eq!(row(&members, "username", "bo")["roles"], json!(["writer"]));
    assert_eq!(row(&members, "username", "bo")["why"], json!(["writer: by the group accounting"]));
    let why = row(&members, "username", "cy")["why"].to_string();
    assert!(why.contains("reader: from a space above"), "{why}");
    let dee = row(&members, "username", "dee");
    assert_eq!(dee["may"], json!(["task:read, task:write"]));
    let why = dee["why"][0].as_str().expect("a sentence");
    assert!(why.starts_with("auditor: given by ") && why.contains("on 4 May 2031, until 13 Jun 2031"), "{why}");
    let others = rows(&report, "keys_and_resources");
    assert_eq!(row(&others, "name", "deploy")["what"], "API key");
    assert!(others.iter().any(|other| other["name"].as_str().is_some_and(|name| name.ends_with("=Robot"))));
    assert_eq!(fact(&report, "Members"), "5");
    assert_eq!(rows(&report, "visitors"), Vec::<Value>::new());

    // Who sees the space without a role is told apart.
    o.lin.patch(&o.atlas.url(""), json!({"view": "users"})).await.ok();
    let report = made(&g, &o.lin, &o.atlas, json!({"type": "access_review"}), None).await;
    let words = report.words(100_000);
    assert!(words.contains("The space is seen by anybody who is signed in"), "{words}");
    let csv = String::from_utf8(report.render(Format::Csv).expect("rows")).expect("text");
    assert_eq!(csv.lines().count(), 6);
    assert!(csv.starts_with("username,name,roles,may,why,edits_space\r\n"), "{csv}");
}

async fn a_review_tells_what_is_different_from_the_last_one(g: Garth) {
    let o = Office::make(&g).await;
    let spec = json!({"type": "access_review"});
    let first = made(&g, &o.lin, &o.atlas, spec.clone(), None).await;
    assert!(rows(&first, "members").iter().all(|row| row.get("change").is_none()));
    g.pass(86_400 * SECOND);
    let second = made(&g, &o.lin, &o.atlas, spec.clone(), Some(&first)).await;
    assert!(rows(&second, "members").iter().all(|row| row["change"].is_null()));
    assert_eq!((fact(&second, "Joined"), fact(&second, "Left")), ("0".to_owned(), "0".to_owned()));

    // Bo leaves with the group, Eve comes, Cy is a writer here as well.
    let eve = g.person("eve").await;
    o.ada.delete(&format!("/api/v1/groups/{}/members/user:{}", o.group.id, o.bo.id)).await.done();
    o.ada.grant_by_registry(&o.atlas, &eve, "reader").await;
    o.ada.grant_by_registry(&o.atlas, &o.cy, "writer").await;
    let key = o.lin.key(&o.atlas, "new", "reader").await;
    let third = made(&g, &o.lin, &o.atlas, spec.clone(), Some(&second)).await;
    let members = rows(&third, "members");
    assert_eq!(row(&members, "username", "eve")["change"], "joined");
    assert_eq!(row(&members, "username", "bo")["change"], "left");
    assert_eq!(row(&members, "username", "bo")["roles_before"], "writer");
    assert_eq!(row(&members, "username", "cy")["change"], "role changed");
    assert_eq!(row(&members, "username", "cy")["roles_before"], "reader");
    assert!(row(&members, "username", "lin")["change"].is_null());
    let told = ["Joined", "Left", "Role changed"].map(|label| fact(&third, label));
    assert_eq!(told, ["1", "1", "1"]);
    assert_eq!(row(&rows(&third, "keys_and_resources"), "name", "new")["change"], "new");
    o.lin.delete(&o.atlas.url(&format!("/api-keys/{}", key.id))).await.done();
    let fourth = made(&g, &o.lin, &o.atlas, spec.clone(), Some(&third)).await;
    let gone = rows(&fourth, "keys_and_resources");
    assert_eq!(
        (&row(&gone, "name", "new")["change"], &row(&gone, "name", "new")["role"]),
        (&json!("gone"), &json!("reader"))
    );

    // With other eyes nothing is compared: who left was not theirs to see.
    let by_ada = made(&g, &o.ada, &o.atlas, spec.clone(), Some(&second)).await;
    assert!(!each(&rows(&by_ada, "members"), "username").contains(&"bo".to_owned()));
    assert!(by_ada.words(100_000).contains("Changes are not told"));
    // Nor with something that is no state of a report.
    for odd in [json!(null), json!([]), json!({"members": 5, "whole": true}), json!({"lines": []})] {
        let before = Report { state: odd, ..second.clone() };
        made(&g, &o.lin, &o.atlas, spec.clone(), Some(&before)).await;
    }
}

async fn a_review_tells_no_more_than_its_maker_sees(g: Garth) {
    let o = Office::make(&g).await;
    o.lin.key(&o.atlas, "deploy", "reader").await;
    // Bo is a member and no administrator: members see each other, and nothing of keys.
    let report = made(&g, &o.bo, &o.atlas, json!({"type": "access_review"}), None).await;
    assert_eq!(each(&rows(&report, "members"), "username"), ["ada", "bo", "cy", "lin"]);
    assert!(rows(&report, "keys_and_resources").is_empty());
    assert!(report.words(100_000).contains("that needs space:admin"));
    // The space above is hidden from Bo, and so is its name.
    let json = read(&report).to_string();
    assert!(!json.contains("Finance") && !json.contains(&o.above.id) && !json.contains("deploy"), "{json}");
    // By an API key of the space likewise.
    let key = o.lin.key(&o.atlas, "reviewer", "reader").await;
    let report = made(&g, &key, &o.atlas, json!({"type": "access_review"}), None).await;
    assert!(rows(&report, "keys_and_resources").is_empty());
    // A revoked session makes nothing any more.
    let gone = o.cy.clone();
    o.cy.post("/api/v1/logout", json!({})).await.done();
    tried(&g, &gone, &o.atlas.id, json!({"type": "access_review"}), None).await.expect_err("nobody's rights");
}

async fn an_audit_digest_is_for_administrators(g: Garth) {
    let o = Office::make(&g).await;
    let kind = json!({"schema": {"type": "object", "properties": {"state": {"type": "string"}, "token": {"type": "string"}}},
        "secret_fields": ["/token"]});
    o.ada.kind_with("credential", kind).await;
    g.pass(4 * 86_400 * SECOND);
    let body = json!({"state": "open", "token": "very-secret-indeed"});
    let thing = o.lin.resource("credential", "Deploy token").space(&o.atlas).body(body).create().await;
    o.lin.patch(&thing.url(""), json!({"body": {"state": "closed"}})).await.ok();
    o.cy.patch(&o.atlas.url(""), json!({"name": "Mine"})).await.refused(403, "forbidden");
    // A digest ends before the moment that it is made at.
    g.pass(SECOND);

    let spec = |days: i64| json!({"type": "audit_digest", "days": days});
    let report = made(&g, &o.lin, &o.atlas, spec(3), None).await;
    let entries = rows(&report, "entries");
    let change = row(&entries, "action", "resource.update");
    assert_eq!((&change["actor"], &change["target"]), (&json!("lin"), &json!("Deploy token")));
    assert!(change["fields"].to_string().contains("body.state"), "{change}");
    assert!(entries.iter().any(|entry| entry["outcome"] == "refused" && entry["actor"] == "cy"), "{entries:#?}");
    assert!(!entries.iter().any(|entry| entry["action"] == "space.create"), "older than three days");
    for format in Format::ALL {
        let bytes = report.render(format).expect("a format");
        assert!(!String::from_utf8_lossy(&bytes).contains("very-secret"));
    }
    let longer = made(&g, &o.lin, &o.atlas, spec(30), None).await;
    assert!(rows(&longer, "entries").iter().any(|entry| entry["action"] == "space.create"));
    let why = tried(&g, &o.bo, &o.atlas.id, spec(3), None).await.expect_err("no administrator");
    assert_eq!(why, "this needs space:admin");
}

async fn usage_tells_how_full_it_is(g: Garth) {
    let o = Office::make(&g).await;
    o.ada.quota(&o.atlas, "resources.task", json!(4), json!("stored")).await.ok();
    let task = |name: &'static str| o.lin.resource("task", name).space(&o.atlas).create();
    task("one").await;
    let spec = json!({"type": "usage"});
    let first = made(&g, &o.bo, &o.atlas, spec.clone(), None).await;
    let meters = rows(&first, "meters");
    let tasks = row(&meters, "meter", "resources.task");
    assert_eq!((&tasks["used"], &tasks["limit"], &tasks["percent"]), (&json!(1), &json!(4), &json!(25)));
    assert_eq!((&tasks["state"], &row(&meters, "meter", "api.daily")["state"]), (&json!("open"), &json!("unlimited")));
    for name in ["two", "three", "four"] {
        o.lin.resource("task", name).space(&o.atlas).create().await;
    }
    let second = made(&g, &o.bo, &o.atlas, spec.clone(), Some(&first)).await;
    let meters = rows(&second, "meters");
    let tasks = row(&meters, "meter", "resources.task");
    assert_eq!((&tasks["state"], &tasks["used_before"]), (&json!("full"), &json!(1)));
    assert_eq!(fact(&second, "Full or nearly so"), "1");
    assert_eq!(fact(&second, "Resources"), "4");
    // Lin's report is not compared with Bo's.
    let third = made(&g, &o.lin, &o.atlas, spec, Some(&first)).await;
    assert!(rows(&third, "meters").iter().all(|meter| meter.get("used_before").is_none()));
}

async fn a_search_finds_what_its_maker_sees_in_its_space(g: Garth) {
    let o = Office::make(&g).await;
    o.lin.resource("task", "Fix the lift").space(&o.atlas).labels(&["urgent"]).create().await;
    let other = o.lin.resource("task", "=cmd()").space(&o.atlas).labels(&["urgent"]).create().await;
    let admins = json!({"permission": "space:admin"});
    o.lin.resource("task", "Secret plans").space(&o.atlas).labels(&["urgent"]).view(admins).create().await;
    o.ada.resource("task", "Elsewhere").space(&o.above).labels(&["urgent"]).create().await;

    let spec = json!({"type": "search", "query": {"kind": "task", "label": ["urgent"], "order": "name"}});
    let first = made(&g, &o.bo, &o.atlas, spec.clone(), None).await;
    assert_eq!(each(&rows(&first, "resources"), "name"), ["=cmd()", "Fix the lift"]);
    let csv = String::from_utf8(first.render(Format::Csv).expect("rows")).expect("text");
    assert!(csv.contains(",'=cmd(),"), "{csv}");
    // Ada sees both spaces, and the report tells of its own.
    let by_ada = made(&g, &o.ada, &o.above, spec.clone(), None).await;
    assert_eq!(each(&rows(&by_ada, "resources"), "name"), ["Elsewhere"]);
    let elsewhere = json!({"type": "search", "query": {"space": o.above.id}});
    let hidden = tried(&g, &o.bo, &o.atlas.id, elsewhere.clone(), None).await.expect_err("another space");
    let missing = json!({"type": "search", "query": {"space": strange(&o.above.id)}});
    let missing = tried(&g, &o.bo, &o.atlas.id, missing, None).await.expect_err("no space");
    assert_eq!(hidden, missing);
    tried(&g, &o.ada, &o.atlas.id, elsewhere, None).await.expect_err("another space, which Ada sees");

    o.lin.patch(&other.url(""), json!({"name": "Renamed"})).await.ok();
    o.lin.resource("task", "New one").space(&o.atlas).labels(&["urgent"]).create().await;
    let second = made(&g, &o.bo, &o.atlas, spec, Some(&first)).await;
    let found = rows(&second, "resources");
    assert_eq!(row(&found, "name", "Renamed")["change"], "changed");
    assert_eq!(row(&found, "name", "New one")["change"], "new");
    assert!(row(&found, "name", "Fix the lift")["change"].is_null());
    assert_eq!(["New", "Changed", "Gone"].map(|label| fact(&second, label)), ["1", "1", "0"]);
}

async fn a_search_has_so_many_rows(g: Garth) {
    let o = Office::make(&g).await;
    for batch in 0..3 {
        let one = |n: usize| json!({"kind": "task", "name": format!("{batch}-{n}"), "space": o.atlas.id});
        let all: Vec<Value> = (0..200).map(one).collect();
        o.lin.post("/api/v1/resources/batch", json!({ "resources": all })).await.created();
    }
    let report = made(&g, &o.lin, &o.atlas, json!({"type": "search"}), None).await;
    assert_eq!(rows(&report, "resources").len(), 600);
    assert_eq!(read(&report)["tables"][0]["truncated"], false);
    let spec = json!({"type": "search", "query": {"limit": 599}});
    let report = made(&g, &o.lin, &o.atlas, spec.clone(), None).await;
    assert_eq!(rows(&report, "resources").len(), 599);
    assert_eq!(read(&report)["tables"][0]["truncated"], true);
    assert_eq!(fact(&report, "Found"), "more than 599");
    // What is not whole is not compared.
    let again = made(&g, &o.lin, &o.atlas, spec, Some(&report)).await;
    assert!(rows(&again, "resources").iter().all(|row| row.get("change").is_none()));
}

/// A server of one page, which says whatever it is told to.
#[derive(Clone, Default)]
struct Site(Arc<Mutex<String>>);

impl Site {
    async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/status?token=hush", listener.local_addr().expect("an address"));
        let answer = Arc::clone(&self.0);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let answer = answer.lock().unwrap().clone();
                tokio::spawn(async move {
                    let mut asked = [0; 4_096];
                    let _ = stream.read(&mut asked).await;
                    let _ = stream.write_all(answer.as_bytes()).await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        url
    }

    fn says(&self, head: &str, body: &str) {
        let length = body.len();
        *self.0.lock().unwrap() =
            format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    }

    fn page(&self, body: &str) {
        self.says("200 OK\r\nContent-Type: text/html; charset=utf-8", body);
    }
}

async fn a_page_is_fetched_and_compared(g: Garth) {
    let o = Office::make(&g).await;
    g.limit(Limits { allow_private_targets: true, ..g.limits() }).await;
    let site = Site::default();
    let url = site.start().await;
    let spec = json!({"type": "page", "url": url});
    site.page("<title>Status &amp; more</title><script>bad()</script><h1>All well</h1><p>Lift: <b>runs</b>");
    let first = made(&g, &o.bo, &o.atlas, spec.clone(), None).await;
    assert_eq!(each(&rows(&first, "lines"), "text"), ["All well", "Lift: runs"]);
    assert_eq!(fact(&first, "Title"), "Status & more");
    for format in Format::ALL {
        let bytes = first.render(format).expect("a format");
        let said = String::from_utf8_lossy(&bytes);
        assert!(!said.contains("hush") && !said.contains("bad()"));
    }
    site.page("<h1>All well</h1><p>Lift: stands still<p>All well");
    let second = made(&g, &o.bo, &o.atlas, spec.clone(), Some(&first)).await;
    let lines = rows(&second, "lines");
    assert_eq!(row(&lines, "text", "Lift: stands still")["change"], "new");
    assert_eq!(lines.iter().filter(|line| line["change"] == "new").count(), 2);
    assert_eq!(["New lines", "Lines that are gone"].map(|label| fact(&second, label)), ["2", "1"]);
    // A long page is cut, and says so.
    let long: String = (0..reports::LINES + 5).map(|n| format!("<p>{n} {}", "x".repeat(200))).collect();
    site.page(&long);
    let third = tried(&g, &o.bo, &o.atlas.id, spec, Some(&second)).await.expect("a report");
    assert_eq!(rows(&third, "lines").len(), reports::LINES);
    assert_eq!(read(&third)["tables"][0]["truncated"], true);
}

async fn a_page_that_leads_elsewhere_or_lies_within_is_not_fetched(g: Garth) {
    let o = Office::make(&g).await;
    let site = Site::default();
    let url = site.start().await;
    site.page("<p>inside");
    let spec = json!({"type": "page", "url": url});
    let refused = async |spec: &Value| tried(&g, &o.bo, &o.atlas.id, spec.clone(), None).await.expect_err("no report");
    let why = refused(&spec).await;
    assert_eq!(why, "the page could not be fetched: must begin with https://");
    let within = json!({"type": "page", "url": url.replace("http://", "https://")});
    assert!(refused(&within).await.contains("private address"));
    g.limit(Limits { allow_private_targets: true, ..g.limits() }).await;
    site.says("302 Found\r\nLocation: https://example.org/", "");
    assert!(refused(&spec).await.contains("redirects are not followed"));
    site.says("500 Oops\r\nContent-Type: text/html", "a secret of that server");
    assert_eq!(refused(&spec).await, "the page could not be fetched: the server answers with status 500");
    site.says("200 OK\r\nContent-Type: image/png", "png");
    assert!(refused(&spec).await.contains("no text"));
    site.page(&"x".repeat(600 * 1024));
    assert!(refused(&spec).await.contains("larger than"));
}

async fn a_hidden_space_has_no_reports(g: Garth) {
    let o = Office::make(&g).await;
    let stranger = g.person("stranger").await;
    for spec in [
        json!({"type": "access_review"}),
        json!({"type": "audit_digest"}),
        json!({"type": "usage"}),
        json!({"type": "search"}),
        json!({"type": "page", "url": "https://example.org/"}),
    ] {
        let hidden = tried(&g, &stranger, &o.atlas.id, spec.clone(), None).await.expect_err("a hidden space");
        let missing = tried(&g, &stranger, &strange(&o.atlas.id), spec, None).await.expect_err("no space");
        assert_eq!(hidden, missing);
        assert_eq!(hidden, "whoever the job runs as cannot see its space");
    }
}

async fn how_a_report_is_asked_for_has_limits(_: Garth) {
    let wrong = |spec: Value| -> Vec<String> {
        reports::check(&spec).err().unwrap_or_default().into_iter().map(|error| error.pointer).collect()
    };
    for good in [
        json!({"type": "access_review"}),
        json!({"type": "usage"}),
        json!({"type": "audit_digest"}),
        json!({"type": "audit_digest", "days": 1}),
        json!({"type": "audit_digest", "days": reports::DAYS}),
        json!({"type": "search"}),
        json!({"type": "search", "query": {"kind": ["task", "note"], "q": "lift \"the day\" be*", "archived": true,
            "created_from": "2031-05-04T08:00:00Z", "order": "-name", "limit": reports::ROWS}}),
        json!({"type": "search", "query": {"label": vec!["l"; 64], "owner": vec!["user:@lin"; reports::VALUES]}}),
        json!({"type": "page", "url": "https://example.org/status"}),
    ] {
        assert_eq!(wrong(good.clone()), Vec::<String>::new(), "{good}");
    }
    for (spec, pointer) in [
        (json!(null), "/body/report"),
        (json!([]), "/body/report"),
        (json!({}), "/body/report/type"),
        (json!({"type": "everything"}), "/body/report/type"),
        (json!({"type": "access_review", "days": 3}), "/body/report/days"),
        (json!({"type": "audit_digest", "days": 0}), "/body/report/days"),
        (json!({"type": "audit_digest", "days": reports::DAYS + 1}), "/body/report/days"),
        (json!({"type": "audit_digest", "days": 1.5}), "/body/report/days"),
        (json!({"type": "audit_digest", "days": "7"}), "/body/report/days"),
        (json!({"type": "search", "query": []}), "/body/report/query"),
        (json!({"type": "search", "query": {"kind": 5}}), "/body/report/query/kind"),
        (json!({"type": "search", "query": {"owner": vec!["x"; reports::VALUES + 1]}}), "/body/report/query/owner"),
        (json!({"type": "search", "query": {"label": vec!["x"; 65]}}), "/body/report/query/label"),
        (json!({"type": "search", "query": {"q": "\"open"}}), "/body/report/query/q"),
        (json!({"type": "search", "query": {"q": "x".repeat(256)}}), "/body/report/query/q"),
        (json!({"type": "search", "query": {"order": "size"}}), "/body/report/query/order"),
        (json!({"type": "search", "query": {"created_to": "yesterday"}}), "/body/report/query/created_to"),
        (json!({"type": "search", "query": {"archived": "maybe"}}), "/body/report/query/archived"),
        (json!({"type": "search", "query": {"limit": 0}}), "/body/report/query/limit"),
        (json!({"type": "search", "query": {"limit": reports::ROWS + 1}}), "/body/report/query/limit"),
        (json!({"type": "search", "query": {"cursor": "x"}}), "/body/report/query/cursor"),
        (json!({"type": "page"}), "/body/report/url"),
        (json!({"type": "page", "url": "ftp://example.org/"}), "/body/report/url"),
        (json!({"type": "page", "url": "https://me:pw@example.org/"}), "/body/report/url"),
        (json!({"type": "page", "url": format!("https://example.org/{}", "x".repeat(2_048))}), "/body/report/url"),
    ] {
        assert_eq!(wrong(spec.clone()), [pointer], "{spec}");
    }
}
