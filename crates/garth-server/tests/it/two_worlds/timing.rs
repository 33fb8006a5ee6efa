//! How long hidden and missing take: a report, not a test. [docs/isolation.md](../../../../../docs/isolation.md) has the
//! figures.
//!
//! `TIMING=100000 cargo test -p garth-server --test it -- --ignored --nocapture timing` asks that many pairs of each
//! question, each in random order, on SQLite, and on PostgreSQL where `TEST_DATABASE` is set; it prints medians and
//! Welch's t of the difference. With `--release` it is the program that people run.

use super::dice::Dice;
use super::twins::{World, world};
use crate::support::*;
use std::time::Instant;

/// One question in two forms: about something hidden, or about something that never was.
struct Question {
    what: &'static str,
    /// Asks about the hidden one if true; the number tells which of them.
    ask: fn(&World, bool, u64) -> Call,
    /// Of the pairs asked for, one of so many: what is slow by intention is asked less often.
    one_of: usize,
}

/// The token of a hidden thing, or of one that never was.
fn token(hidden: bool, noun: &str, at: u64) -> String {
    if hidden { format!("«h.{noun}.{at}»") } else { format!("«r.{noun}.{at}»") }
}

fn kim(w: &World) -> &Person {
    &w.people["kim"]
}

fn get(w: &World, hidden: bool, noun: &str, at: u64, before: &str, after: &str) -> Call {
    kim(w).get(&w.book.fill(&format!("{before}{}{after}", token(hidden, noun, at))))
}

fn question(w: &World, route: &str, kind: &str, id: &str, action: &str) -> Call {
    kim(w).post(route, kim(w).question(action, kind, &w.book.fill(id)))
}

fn told(w: &World, method: &str, path: &str, body: Value) -> Call {
    let body = w.book.fill(&body.to_string());
    kim(w).call(method.parse().expect("a method"), &w.book.fill(path)).raw("application/json", body)
}

fn questions() -> Vec<Question> {
    let each = |what, ask| Question { what, ask, one_of: 1 };
    vec![
        each("GET /resources/{id}", |w, h, n| get(w, h, "resource", n % 5, "/api/v1/resources/", "")),
        each("GET /resources/{code}", |w, h, n| get(w, h, "code", n % 5, "/api/v1/resources/", "")),
        each("GET /resources/{id}, hidden in a space one sees", |w, h, n| {
            get(w, h, "resource", 5 + n % 5, "/api/v1/resources/", "")
        }),
        each("GET /spaces/{id}", |w, h, n| get(w, h, "space", n % 8, "/api/v1/spaces/", "")),
        each("GET /spaces/{id}/members", |w, h, n| get(w, h, "space", n % 8, "/api/v1/spaces/", "/members")),
        each("GET /users/{id}", |w, h, n| get(w, h, "user", n % 4, "/api/v1/users/", "")),
        each("GET /resources?space=", |w, h, n| get(w, h, "space", n % 8, "/api/v1/resources?space=", "")),
        each("GET /resources?owner=", |w, h, n| get(w, h, "user", n % 4, "/api/v1/resources?owner=user:", "")),
        each("evaluation of a resource", |w, h, n| {
            question(w, "/access/v1/evaluation", "task", &token(h, "resource", n % 5), "read")
        }),
        each("evaluation of a space", |w, h, n| {
            question(w, "/access/v1/evaluation", "space", &token(h, "space", n % 8), "read")
        }),
        each("explain", |w, h, n| question(w, "/api/v1/explain", "task", &token(h, "resource", n % 5), "write")),
        each("PATCH /resources/{id}", |w, h, n| {
            let path = format!("/api/v1/resources/{}", token(h, "resource", n % 5));
            told(w, "PATCH", &path, json!({"name": "x"}))
        }),
        each("POST /resources, into a space", |w, h, n| {
            told(
                w,
                "POST",
                "/api/v1/resources",
                json!({"kind": "task", "name": "x", "space": token(h, "space", n % 8)}),
            )
        }),
        each("POST /resources/{id}/move, into a space", |w, h, n| {
            let path = "/api/v1/resources/«v.resource.2»/move";
            told(w, "POST", path, json!({"space": token(h, "space", n % 8)}))
        }),
        each("POST /spaces/{id}/grants, to somebody", |w, h, n| {
            let to = format!("user:{}", token(h, "user", n % 4));
            told(w, "POST", "/api/v1/spaces/«v.space.1»/grants", json!({"principal": to, "role": "reader"}))
        }),
        each("POST /spaces/{id}/invitations, to a username", |w, h, _| {
            let to = if h { "mia" } else { "nobody-at-all" };
            told(w, "POST", "/api/v1/spaces/«v.space.1»/invitations?dry_run=true", json!({"to": to, "role": "reader"}))
        }),
        Question {
            what: "POST /login, a wrong password",
            one_of: 100,
            ask: |w, h, n| {
                // Each from an address of its own: ten wrong ones of an account from one address are enough.
                let [.., b, c, d] = (n as u32).to_be_bytes();
                let username = if h { "mia" } else { "nobody-at-all" };
                let body = json!({"username": username, "password": "guess"});
                w.people["nobody"].post("/api/v1/login", body).from(&format!("10.{b}.{c}.{d}"))
            },
        },
    ]
}

/// Figures of one sample, in µs.
struct Sample(Vec<f64>);

impl Sample {
    fn median(&mut self) -> f64 {
        self.0.sort_by(f64::total_cmp);
        self.0[self.0.len() / 2]
    }

    /// The mean, and the variance of it.
    fn mean(&self, below: f64) -> (f64, f64) {
        let kept: Vec<f64> = self.0.iter().copied().filter(|t| *t <= below).collect();
        let count = kept.len() as f64;
        let mean = kept.iter().sum::<f64>() / count;
        let variance = kept.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / (count - 1.0);
        (mean, variance / count)
    }
}

/// Welch's t of two samples, of what is not above that.
fn welch(one: &Sample, other: &Sample, below: f64) -> f64 {
    let ((one, one_of_it), (other, other_of_it)) = (one.mean(below), other.mean(below));
    (one - other) / (one_of_it + other_of_it).sqrt()
}

async fn report(g: Garth) {
    let pairs: usize = std::env::var("TIMING").ok().and_then(|text| text.parse().ok()).unwrap_or(2_000);
    let w = world(g.another().await, true, 7).await;
    let mut dice = Dice::new(7);
    println!("{:<50} {:>8} {:>9} {:>9} {:>8} {:>8}", "", "pairs", "hidden", "missing", "t", "t 95 %");
    for question in questions() {
        let pairs = (pairs / question.one_of).max(10);
        let (mut hidden, mut missing) = (Sample(Vec::with_capacity(pairs)), Sample(Vec::with_capacity(pairs)));
        // The first ones warm up and do not count.
        for at in 0..pairs + pairs / 20 {
            let roll = dice.roll() >> 8;
            let first = dice.chance(50);
            for of_hidden in [first, !first] {
                let call = (question.ask)(&w, of_hidden, roll);
                let began = Instant::now();
                let answer = call.await;
                let took = began.elapsed().as_secs_f64() * 1e6;
                assert!(answer.status != 429 && answer.status != 403, "{answer}");
                if at >= pairs / 20 {
                    (if of_hidden { &mut hidden } else { &mut missing }).0.push(took);
                }
            }
        }
        let mut both = Sample(hidden.0.iter().chain(&missing.0).copied().collect());
        both.0.sort_by(f64::total_cmp);
        let most = both.0[both.0.len() * 95 / 100];
        let (all, cropped) = (welch(&hidden, &missing, f64::INFINITY), welch(&hidden, &missing, most));
        let (one, other) = (hidden.median(), missing.median());
        println!("{:<50} {pairs:>8} {one:>9.1} {other:>9.1} {all:>8.2} {cropped:>8.2}", question.what);
    }
}

#[test]
#[ignore = "a report, not a test: docs/isolation.md"]
fn timing_of_hidden_and_missing() {
    for (engine, name) in [(Engine::Sqlite, "SQLite"), (Engine::Postgres, "PostgreSQL")] {
        println!("\n{name}, in µs:");
        tell(engine, "timing", report);
    }
}
