//! The lines of the table that need a running server.

use crate::fill::{GROUP, RESOURCE, SPACE, USER, id};
use crate::measure::{Table, Times, us};
use crate::server::{BARE, NOTHING, Server, disk, rate, wire};
use crate::workload::{ADA, EMPTY, VERA, VERAS, WAREHOUSE, Workload, space_of};
use axum::http::StatusCode;
use serde_json::{Value, json};
use std::time::Instant;

const SECONDS: f64 = 2.0;
/// The resource with this number lies in one of Vera's spaces.
const VERAS_RESOURCE: u32 = 5;

fn question(user: u32, resource: u32, load: &Workload, action: &str) -> Value {
    let kind = (load.resources[resource as usize] - 1) % crate::workload::KINDS as u32;
    json!({
        "subject": {"type": "user", "id": id(USER, user)},
        "action": {"name": action},
        "resource": {"type": format!("kind{kind}"), "id": id(RESOURCE, resource)},
    })
}

/// One decision over HTTP beside a handler that does nothing, in the same stack and the same run.
pub async fn http(server: &Server, load: &Workload, table: &mut Table) {
    let asked = question(VERA, VERAS_RESOURCE, load, "read");
    assert_eq!(server.done("POST", "/access/v1/evaluation", VERA, Some(asked.clone())).await["decision"], true);
    let alone = server.alone("POST", ASK, VERA, Some(&asked), 20_000).await;
    let nothing = server.alone("POST", NOTHING, VERA, Some(&asked), 20_000).await;
    let beside = format!("no-op handler of our stack {}", us(nothing.median()));
    let ratio = alone.median() / nothing.median();
    table.add("one decision, server alone", us(alone.median()), beside, Some(ratio), "", None);
    let address = server.listen().await;
    let request = |path| wire("POST", path, VERA, &asked.to_string());
    let requests = [ASK, NOTHING, BARE].map(request);
    for connections in [1, 8, 32] {
        rate(address, &requests[0], connections, 0.3).await;
        // In turns, so that none has the quiet half of the machine's time.
        let mut rates = [0.0; 3];
        for _ in 0..6 {
            for (request, sum) in requests.iter().zip(&mut rates) {
                *sum += rate(address, request, connections, SECONDS / 6.0).await / 6.0;
            }
        }
        let [ours, nothing, bare] = rates;
        let ratio = ours / nothing;
        let what = format!("one decision over HTTP, {connections} connections");
        let beside = format!("no-op handler of our stack {nothing:.0}/s");
        table.add(what, format!("{ours:.0}/s"), beside, Some(ratio), "≥ 0.8", Some(ratio >= 0.8));
        let beside = format!("no-op handler of the HTTP library alone {bare:.0}/s");
        table.add("the same", format!("{ours:.0}/s"), beside, Some(ours / bare), "", None);
    }
}

const ASK: &str = "/access/v1/evaluation";

/// A hundred decisions in one request.
pub async fn batch(server: &Server, load: &Workload, table: &mut Table, beside: Option<Times>) {
    let about: Vec<Value> =
        (0..100).map(|n| json!({"resource": question(VERA, VERAS_RESOURCE + n, load, "read")["resource"]})).collect();
    let asked = question(VERA, VERAS_RESOURCE, load, "read");
    let asked = json!({"subject": asked["subject"], "action": asked["action"], "evaluations": about});
    let answer = server.done("POST", "/access/v1/evaluations", VERA, Some(asked.clone())).await;
    assert_eq!(answer["evaluations"].as_array().unwrap().len(), 100);
    let times = server.alone("POST", "/access/v1/evaluations", VERA, Some(&asked), 1_000).await;
    let (text, ratio) = against(beside, &times, "one statement");
    table.add(
        "batch of 100 decisions, server alone",
        us(times.median()),
        text,
        ratio,
        "< 200 µs",
        Some(times.median() < 200.0),
    );
}

/// A peer's times, and how many times slower it is.
fn against(beside: Option<Times>, ours: &Times, form: &str) -> (String, Option<f64>) {
    let text = beside.as_ref().map_or(String::new(), |t| format!("PostgreSQL, {form}: {}", us(t.median())));
    (text, beside.map(|t| t.median() / ours.median()))
}

const PAGE: &str = "/api/v1/resources?limit=50";

/// The first page of what a caller may see: ordinary users of this world, and Vera, who sees the same in a world a
/// tenth as large, in spaces, classes and what is hidden from her.
pub async fn pages(
    large: &Server,
    small: &Server,
    users: &[u32],
    table: &mut Table,
    best: Option<Times>,
    usual: Option<Times>,
) {
    for (what, path) in [("", PAGE.to_owned()), (" of one kind", format!("{PAGE}&kind=kind3"))] {
        let mut nanos = Vec::new();
        for _ in 0..10 {
            for user in users {
                let start = Instant::now();
                large.done("GET", &path, *user, None).await;
                nanos.push(start.elapsed().as_nanos() as u64);
            }
        }
        let times = Times::new(nanos);
        let ours = format!("{} (p99 {})", us(times.median()), us(times.p99()));
        let beside = if what.is_empty() { best.as_ref().map(|t| (t, usual.as_ref())) } else { None };
        let text = beside.map_or(String::new(), |(best, usual)| {
            let usual = usual.map_or(String::new(), |t| format!(", usual form {}", us(t.median())));
            format!("row-level security, best form {}{usual}", us(best.median()))
        });
        let ratio = beside.map(|(best, _)| best.median() / times.median());
        table.add(format!("first page of 50{what}"), ours, text, ratio, "< 2 ms", Some(times.median() < 2_000.0));
    }
    let mut both = [Vec::new(), Vec::new()];
    for _ in 0..300 {
        for (server, nanos) in [large, small].iter().zip(&mut both) {
            let start = Instant::now();
            let page = server.done("GET", PAGE, VERA, None).await;
            nanos.push(start.elapsed().as_nanos() as u64);
            assert_eq!(page["items"].as_array().unwrap().len(), 50);
        }
    }
    let [large, small] = both.map(Times::new);
    let ratio = large.median() / small.median();
    let (ours, beside) = (us(large.median()), format!("the same page in a tenth of the world {}", us(small.median())));
    table.add(
        "flat in what is hidden, spaces and classes (10 ×)",
        ours,
        beside,
        Some(ratio),
        "≤ 1.1",
        Some(ratio <= 1.1),
    );
}

/// Who may see a resource: one in an ordinary space, asked with a key of that space.
pub async fn who(server: &Server, load: &Workload, resource: u32, table: &mut Table, beside: Option<Times>) {
    let space = id(SPACE, space_of(load.resources[resource as usize]));
    let grants = format!("/api/v1/registry/spaces/{space}/grants");
    let admin = json!({"principal": format!("user:{}", id(USER, ADA)), "role": "admin"});
    server.done("POST", &grants, ADA, Some(admin)).await;
    let key = json!({"name": "bench", "role": "admin"});
    let key = server.done("POST", &format!("/api/v1/spaces/{space}/api-keys"), ADA, Some(key)).await;
    let key = key["secret"].as_str().expect("a key's secret").to_owned();
    let mut asked = question(ADA, resource, load, "read");
    asked["subject"] = json!({"type": "user"});
    let path = "/access/v1/search/subject";
    let (status, answer) = server.raw("POST", path, &key, Some(asked.to_string())).await;
    assert!(status.is_success(), "{status} {}", String::from_utf8_lossy(&answer));
    let answer: Value = serde_json::from_slice(&answer).expect("JSON");
    let found = answer["results"].as_array().map_or(0, Vec::len);
    let times = server.alone_as("POST", path, &key, Some(&asked), 200).await;
    let (text, ratio) = against(beside, &times, "all of them in one statement");
    let what = format!("who may see a resource ({found} on the first page)");
    table.add(what, us(times.median()), text, ratio, "< 1 ms", Some(times.median() < 1_000.0));
}

/// A call with a key whose space has a daily limit, beside the same call without one.
pub async fn calls(server: &Server, table: &mut Table) {
    let space = format!("/api/v1/spaces/{}", id(SPACE, EMPTY));
    let key = json!({"name": "calls", "role": "reader"});
    let key = server.done("POST", &format!("{space}/api-keys"), ADA, Some(key)).await;
    let key = key["secret"].as_str().expect("a key's secret").to_owned();
    let without = server.alone_as("GET", &space, &key, None, 10_000).await;
    let quota = json!({"limit": 1_000_000_000, "window": "daily"});
    server.done("PUT", &format!("{space}/quotas/api.daily"), ADA, Some(quota)).await;
    let limited = server.alone_as("GET", &space, &key, None, 10_000).await;
    let ratio = limited.median() / without.median();
    let beside = format!("without a limit {}; p99 {}", us(without.median()), us(limited.p99()));
    let what = "one call with a key under a daily limit, server alone";
    table.add(what, us(limited.median()), beside, Some(ratio), "≤ 1.1", Some(ratio <= 1.1));
}

/// Gives and takes a role, over and over.
async fn grants(server: &Server, group: u32, times: usize) -> Vec<u64> {
    let path = format!("/api/v1/spaces/{}/grants", id(SPACE, EMPTY));
    let mut nanos = Vec::new();
    for _ in 0..times {
        let start = Instant::now();
        let body = json!({"principal": format!("group:{}", id(GROUP, group)), "role": "reader"});
        let made = server.done("POST", &path, ADA, Some(body)).await;
        nanos.push(start.elapsed().as_nanos() as u64);
        let start = Instant::now();
        server.done("DELETE", &format!("{path}/{}", made["id"].as_str().unwrap()), ADA, None).await;
        nanos.push(start.elapsed().as_nanos() as u64);
    }
    nanos
}

/// One durable change beside one bare durable commit, and 32 writers beside one.
pub async fn durable(server: &Server, table: &mut Table, commit: impl AsyncFn() -> Times) {
    grants(server, 0, 20).await;
    let bare = commit().await;
    let ours = Times::new(grants(server, 0, 200).await);
    let again = commit().await;
    let bare = (bare.median() + again.median()) / 2.0;
    let ratio = ours.median() / bare;
    let sync = disk(&server.folder, 300);
    let beside = format!("a bare commit of one row {} (one fdatasync {})", us(bare), us(sync.median()));
    table.add("one durable change (a grant)", us(ours.median()), beside, Some(ratio), "≤ 1.5", Some(ratio <= 1.5));
    let start = Instant::now();
    let one = grants(server, 0, 200).await.len() as f64 / start.elapsed().as_secs_f64();
    let start = Instant::now();
    let many = futures_util::future::join_all((1..=32).map(|group| {
        let server = Server { app: server.app.clone(), routes: server.routes.clone(), folder: server.folder.clone() };
        async move { tokio::spawn(async move { grants(&server, group, 60).await.len() }).await.unwrap() }
    }))
    .await;
    let many = many.iter().sum::<usize>() as f64 / start.elapsed().as_secs_f64();
    let ratio = many / one;
    table.add(
        "32 writers",
        format!("{many:.0} changes/s"),
        format!("one writer {one:.0} changes/s"),
        Some(ratio),
        "≥ 20",
        Some(ratio >= 20.0),
    );
}

/// The same change to the space in which half of all resources lie and to an empty one.
pub async fn spaces(server: &Server, load: &Workload, table: &mut Table) {
    let path = |space: u32| format!("/api/v1/spaces/{}", id(SPACE, space));
    let group = format!("group:{}", id(GROUP, 1));
    let parent = id(SPACE, EMPTY + 1);
    server
        .done(
            "POST",
            &format!("/api/v1/registry/spaces/{parent}/grants"),
            ADA,
            Some(json!({"principal": format!("user:{}", id(USER, ADA)), "role": "admin"})),
        )
        .await;
    let full = load.resources.iter().filter(|c| space_of(**c) == WAREHOUSE).count();
    for what in ["policy", "members", "archive state", "parent"] {
        let mut both = [Vec::new(), Vec::new()];
        for round in 0..60 {
            for (space, nanos) in [WAREHOUSE, EMPTY].into_iter().zip(&mut both) {
                let at = path(space);
                let mut calls: Vec<(&str, String, Option<Value>)> = Vec::new();
                match what {
                    "policy" => {
                        let view = if round % 2 == 0 { json!("users") } else { json!("members") };
                        calls.push(("PATCH", at, Some(json!({"view": view}))));
                    }
                    "members" => calls.push((
                        "POST",
                        format!("{at}/grants"),
                        Some(json!({"principal": group, "role": "reader"})),
                    )),
                    "archive state" => {
                        calls.push(("POST", format!("{at}/archive"), None));
                        calls.push(("POST", format!("{at}/activate"), None));
                    }
                    _ => {
                        let parent = if round % 2 == 0 { json!(parent) } else { Value::Null };
                        calls.push(("PATCH", at, Some(json!({"parent": parent}))));
                    }
                }
                for (method, path, body) in calls {
                    let start = Instant::now();
                    let made = server.done(method, &path, ADA, body).await;
                    nanos.push(start.elapsed().as_nanos() as u64);
                    if what == "members" {
                        server.done("DELETE", &format!("{path}/{}", made["id"].as_str().unwrap()), ADA, None).await;
                    }
                }
            }
        }
        let [full_times, empty] = both.map(Times::new);
        let ratio = full_times.median() / empty.median();
        let beside = format!("an empty space {}", us(empty.median()));
        table.add(
            format!("{what} of a space with {full} resources"),
            us(full_times.median()),
            beside,
            Some(ratio),
            "≤ 1.2",
            Some(ratio <= 1.2),
        );
    }
}

/// What attaches itself to a resource in the space with the longest way up along inheriting links.
pub async fn attachments(server: &Server, load: &Workload, table: &mut Table) {
    let way = |space: u32| {
        let up = |at: &u32| load.spaces[*at as usize].parent.filter(|_| load.spaces[*at as usize].inherits);
        std::iter::successors(Some(space), up).collect::<Vec<u32>>()
    };
    let number = |at: &usize| way(space_of(load.resources[*at])).len();
    let consumer = (0..load.resources.len()).max_by_key(number).expect("a resource");
    let way = way(space_of(load.resources[consumer]));
    for space in &way {
        let grants = format!("/api/v1/registry/spaces/{}/grants", id(SPACE, *space));
        let writer = json!({"principal": format!("user:{}", id(USER, ADA)), "role": "writer"});
        server.done("POST", &grants, ADA, Some(writer)).await;
    }
    // Whatever of the first ten there may be edited offers itself; a page of a hundred costs its hundred rows.
    let there = (0..load.resources.len()).filter(|at| *at != consumer && way.contains(&space_of(load.resources[*at])));
    for at in there.take(10) {
        let offer = json!({"labels": ["autoattach:*"]});
        server.ask("PATCH", &format!("/api/v1/resources/{}", id(RESOURCE, at as u32)), ADA, Some(offer)).await;
    }
    let path = format!("/api/v1/resources/{}/attachments?limit=100", id(RESOURCE, consumer as u32));
    let found = server.done("GET", &path, ADA, None).await["items"].as_array().map_or(0, Vec::len);
    let times = server.alone("GET", &path, ADA, None, 1_000).await;
    let what = format!("what attaches itself to a resource ({found}, from {} spaces)", way.len());
    let beside = format!("p99 {}", us(times.p99()));
    table.add(what, us(times.median()), beside, None, "< 1 ms", Some(times.median() < 1_000.0));
}

/// A role is taken, and as soon as that is answered the question is asked.
pub async fn revoke(server: &Server, load: &Workload, table: &mut Table) {
    let space = VERAS.start + VERAS_RESOURCE % VERAS.len() as u32;
    let path = format!("/api/v1/registry/spaces/{}/grants", id(SPACE, space));
    // A principal without any other role there: an ordinary user.
    let user = 2;
    let asked = question(user, VERAS_RESOURCE, load, "read");
    let (mut late, mut nanos) = (0, Vec::new());
    for _ in 0..100 {
        let body = json!({"principal": format!("user:{}", id(USER, user)), "role": "reader"});
        let made = server.done("POST", &path, ADA, Some(body)).await;
        let before = server.done("POST", "/access/v1/evaluation", user, Some(asked.clone())).await;
        assert_eq!(before["decision"], true);
        server.done("DELETE", &format!("{path}/{}", made["id"].as_str().unwrap()), ADA, None).await;
        let start = Instant::now();
        let after = server.done("POST", "/access/v1/evaluation", user, Some(asked.clone())).await;
        nanos.push(start.elapsed().as_nanos() as u64);
        late += usize::from(after["decision"] != false);
    }
    let ours = format!("refused in the next answer, {} after the revoke's", us(Times::new(nanos).median()));
    table.add("revoked, until refused (100 times)", ours, format!("{late} late"), None, "0 late", Some(late == 0));
}

/// Is the kind of the first resources what [`question`] says? A mistake there would measure refusals.
pub async fn sound(server: &Server, load: &Workload) {
    let (status, found) =
        server.ask("GET", &format!("/api/v1/resources/{}", id(RESOURCE, VERAS_RESOURCE)), VERA, None).await;
    assert_eq!(status, StatusCode::OK, "{found}");
    let kind = (load.resources[VERAS_RESOURCE as usize] - 1) % crate::workload::KINDS as u32;
    assert_eq!(found["kind"], format!("kind{kind}"));
}

/// What the login policies of a sign-in take, the password aside: three of them, told of every space.
pub async fn logins(server: &Server, load: &Workload, table: &mut Table) {
    let labels = "space_write contains space.id if {\n some space in input.spaces\n some team in input.session.teams\n \
                  sprintf(\"team:%s\", [lower(team)]) in space.labels\n}";
    let policies = [
        "allow if input.session.member".to_owned(),
        labels.to_owned(),
        "deny if not net.cidr_contains(\"0.0.0.0/0\", \"192.0.2.7\")".to_owned(),
    ];
    for (at, rules) in policies.iter().enumerate() {
        let policy = json!({"name": format!("policy {at}"), "rego": format!("package garth\n{rules}"), "version": "v1"});
        server.done("POST", "/api/v1/login-policies", ADA, Some(policy)).await;
    }
    let ctx = garth_server::Ctx::system(std::sync::Arc::clone(&server.app));
    let user = id(USER, VERA).parse().expect("an id");
    let mut nanos = Vec::new();
    for _ in 0..200 {
        let start = Instant::now();
        garth_server::sessions::admit(&ctx, user, garth_server::sessions::Teams::Unasked).await.expect("Vera comes in");
        nanos.push(start.elapsed().as_nanos() as u64);
    }
    let times = Times::new(nanos);
    let what = format!("a sign-in judged by three policies, told of {} spaces", load.size.spaces);
    let met = (load.size.spaces <= 1_000).then_some(times.median() < 5_000.0);
    table.add(what, us(times.median()), format!("p99 {}", us(times.p99())), None, "< 5 ms at 1,000 spaces", met);
}
