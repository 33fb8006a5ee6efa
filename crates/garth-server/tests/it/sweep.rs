//! The sweep: every route, called by everybody (`reference/attacks.md`, part A and B).
//!
//! `snapshots/sweep.txt` is the golden file: whom each route is for, and what each caller gets. It is made with
//! `SWEEP=write cargo nextest run -p garth-server -E 'test(golden_file)'`, and read before it is committed. A new route needs
//! a line in `sweep/routes.rs`: without one [`n12_every_route_states_whom_it_is_for`] fails.

use crate::support::*;
use axum::http::{Method, Uri};
use routes::{Class, Route, routes};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use world::World;

#[path = "sweep/foreign.rs"]
mod foreign;
#[path = "sweep/paths.rs"]
mod paths;
#[path = "sweep/routes.rs"]
pub mod routes;
#[path = "sweep/world.rs"]
pub mod world;

stories! {
    n12_every_route_states_whom_it_is_for,
    every_caller_gets_what_the_golden_file_says,
    a_dry_run_answers_as_the_change_would,
}

/// The document's routes, as `GET /api/v1/spaces/{id}`.
pub async fn documented(g: &Garth) -> BTreeSet<String> {
    let document = g.anonymous().get("/api/v1/openapi.json").await.ok();
    let mut found = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            if operation["responses"].is_object() {
                found.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    found
}

/// The table, the document and the router know the same routes; nothing answers beside them.
async fn n12_every_route_states_whom_it_is_for(g: Garth) {
    let documented = documented(&g).await;
    let all = routes();
    let swept: BTreeSet<String> = all.iter().map(Route::name).collect();
    assert_eq!(swept.len(), all.len(), "a route stands twice in the table of the sweep");
    let missing: Vec<_> = documented.difference(&swept).collect();
    assert!(missing.is_empty(), "routes without a line in tests/it/sweep/routes.rs: {missing:#?}");
    let gone: Vec<_> = swept.difference(&documented).collect();
    assert!(gone.is_empty(), "the sweep calls what is not described: {gone:#?}");

    // Axum tells its paths when it is printed; a path that was added past the document would be among them.
    let router = format!("{:?}", garth_server::router(g.app()));
    let (_, printed) = router.split_once("paths: {").expect("the router prints its paths");
    let mut paths = BTreeSet::new();
    // Between quotes there is a path; the first brace that is not ends the list.
    for (at, text) in printed.split('"').enumerate() {
        match at % 2 {
            1 => drop(paths.insert(text)),
            _ if text.contains('}') => break,
            _ => {}
        }
    }
    let known: BTreeSet<&str> = documented.iter().filter_map(|route| Some(route.split_once(' ')?.1)).collect();
    assert_eq!(paths, known, "the router's paths, and those that are described");

    // Nor does a described path take another method.
    let ada = g.admin().await;
    g.unchanged(async || {
        for path in &known {
            let ids = path.split('{').count() - 1;
            let url = (0..ids).fold((*path).to_owned(), |url, _| {
                let (start, end) = (url.find('{').expect("a name"), url.find('}').expect("its end"));
                format!("{}01890a5d-ac96-774b-bcce-b302099a8057{}", &url[..start], &url[end + 1..])
            });
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"] {
                if !documented.contains(&format!("{method} {path}")) {
                    let method = Method::from_bytes(method.as_bytes()).expect("a method");
                    ada.call(method, &url).json(json!({})).await.refused(405, "method_not_allowed");
                }
            }
        }
    })
    .await;
}

/// What no answer may lack: nothing is kept by a proxy for somebody else (N16).
pub fn private(answer: &Answer) {
    // A file that pages are shown with is the same for everybody, under a name that changes with it.
    let asset = answer.path.contains("/assets/") && answer.status.is_success();
    assert!(asset || answer.header("cache-control") == "no-store", "{answer}\n{:?}", answer.headers);
    let vary = answer.header("vary").to_ascii_lowercase();
    assert!(vary.split(',').any(|name| name.trim() == "authorization"), "no Vary: Authorization: {answer}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{answer}");
    for header in ["set-cookie", "access-control-allow-origin", "location", "etag"] {
        let fits = match header {
            "etag" => answer.status.is_success(),
            "location" => answer.status.is_redirection(),
            _ => false,
        };
        assert!(fits || answer.header(header).is_empty(), "{header}: {answer}");
    }
}

/// All routes by all callers, first dry, and what was refused once more in earnest: it changes nothing either way.
async fn every_caller_gets_what_the_golden_file_says(g: Garth) {
    let w = World::make(&g).await;
    let mut table: BTreeMap<String, String> = BTreeMap::new();
    g.unchanged(async || {
        for route in routes() {
            let mut answers: BTreeMap<String, Vec<&str>> = BTreeMap::new();
            for (name, caller) in w.callers() {
                let dry = route.call(&w, &caller, &route.dry(&w)).await;
                private(&dry);
                let code = dry["code"].as_str().filter(|_| !dry.status.is_success()).unwrap_or_default();
                let said = format!("{} {code}", dry.status.as_u16());
                fits(&route, name, &dry);
                answers.entry(said.trim_end().to_owned()).or_default().push(name);
                // Signing in is not tried out; asked in earnest it would be done.
                let untried = dry["errors"][0]["pointer"] == "?dry_run";
                if dry.status.is_client_error() && route.changes() && !untried {
                    let earnest = route.call(&w, &caller, &route.url(&w)).await;
                    assert_same(&earnest, &dry);
                }
            }
            let path = route.path;
            let mut text = format!("{:<6} {:<52} for {}\n", route.method.to_uppercase(), path, route.class.words());
            for (said, names) in answers {
                writeln!(text, "         {said:<20} {}", names.join(", ")).expect("a line");
            }
            // By path, and for one path as it is written here.
            table.insert(format!("{path} {}", route.method), text);
        }
    })
    .await;
    compare(&table.into_values().collect::<Vec<_>>().join("\n"));
}

/// What the class of a route means for those it is not for.
fn fits(route: &Route, caller: &str, answer: &Answer) {
    let refused = answer.status == 401;
    match (caller, route.class) {
        ("nobody", Class::Public) => assert!(answer.status.is_success(), "{answer}"),
        ("nobody", Class::Secret) => assert!(answer["code"] != "unauthenticated", "{answer}"),
        (_, Class::Browser) => {}
        ("nobody", _) => assert!(refused, "{answer}"),
        ("bad token", Class::Public) => {}
        ("bad token", _) => assert!(refused, "{answer}"),
        ("key" | "key of elsewhere", Class::People) => assert!(answer.status == 403, "{answer}"),
        ("system administrator", _) | (_, Class::Public | Class::Secret) => {}
        (_, Class::System) => assert!(answer.status == 403, "{answer}"),
        (_, _) => assert!(!refused, "{answer}"),
    }
}

const HEAD: &str = "\
Every route: whom it is for, and what each caller gets for a request that is well made.

Atlas is the space that the paths name. A reader, a writer, a key (which writes) and an admin belong to it; a reader and
a key (which administers) belong to another space. The system administrator holds no role in either. What would change
something is asked for with dry_run=true; what is refused is refused alike in earnest, and changes nothing.

";

/// The golden file holds just that; `SWEEP=write` writes it.
fn compare(table: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/snapshots/sweep.txt");
    let made = format!("{HEAD}{table}");
    if std::env::var("SWEEP").is_ok_and(|word| word == "write") {
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        std::fs::write(&file, &made).expect("the golden file");
        return;
    }
    let golden = std::fs::read_to_string(&file).unwrap_or_default();
    if made == golden {
        return;
    }
    let of = |text: &str| text.split("\n\n").map(str::to_owned).collect::<BTreeSet<_>>();
    let (was, is) = (of(&golden), of(&made));
    let gone: Vec<_> = was.difference(&is).map(String::as_str).collect();
    let come: Vec<_> = is.difference(&was).map(String::as_str).collect();
    panic!(
        "the sweep differs from {}:\n--- there\n{}\n--- now\n{}\nIf that is meant, write it anew: SWEEP=write",
        file.display(),
        gone.join("\n"),
        come.join("\n")
    );
}

/// Each change, asked for and then made, by somebody who may: the same kind of answer.
async fn a_dry_run_answers_as_the_change_would(g: Garth) {
    let w = World::make(&g).await;
    let untried = |route: &Route| {
        route.path.starts_with("/api/v1/login") || route.path == "/api/v1/recover" || route.class == Class::Browser
    };
    let changes: Vec<Route> = routes().into_iter().filter(|r| r.changes() && !untried(r)).collect();
    let mut dry = Vec::new();
    g.unchanged(async || {
        for route in &changes {
            dry.push(route.call(&w, route.caller(&w), &route.dry(&w)).await);
        }
    })
    .await;
    for (route, dry) in changes.iter().zip(dry) {
        let earnest = route.call(&w, route.caller(&w), &route.url(&w)).await;
        let alike = |answer: &Answer| (answer.status, shape(&answer.json));
        assert_eq!(alike(&earnest), alike(&dry), "{}:\n{earnest}\n{dry}", route.name());
        // Nothing paused the job.
        let not_now = route.path == "/api/v1/setup" || route.path.ends_with("/resume");
        let may = earnest.status.is_success() || not_now;
        assert!(may, "nobody in the story may do that: {earnest}");
    }
}

/// The names of an answer's fields, without what they hold.
fn shape(json: &Value) -> Value {
    match json {
        Value::Object(object) => object.iter().map(|(name, value)| (name.clone(), shape(value))).collect(),
        Value::Array(list) => list.first().map(shape).into_iter().collect(),
        _ => Value::Null,
    }
}

/// An address that can be called at all.
pub fn callable(path: &str) -> bool {
    path.parse::<Uri>().is_ok()
}
