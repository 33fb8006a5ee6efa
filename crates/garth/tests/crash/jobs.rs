//! `kill -9` in the middle of a thousand runs: each report arrives, and what was acknowledged and written down is not sent
//! again. What was on its way when the server died may come once more, under the same id.

use super::random::Random;
use super::server::{Api, Place, Server, set_up};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const JOBS: usize = 100;
const RUNS_EACH: usize = 10;
const KILLS: usize = 8;
/// Runs at a time: so many may have been on their way at a kill.
const ON_THEIR_WAY: usize = 4;
const PATIENCE: Duration = Duration::from_secs(600);

#[test]
fn kills_repeat_and_lose_no_delivery_on_sqlite() {
    tell("SQLite", &Place::sqlite());
}

#[test]
fn kills_repeat_and_lose_no_delivery_on_postgres() {
    if let Some(place) = Place::postgres() {
        tell("PostgreSQL", &place);
    }
}

/// What arrived: for each id the lives of the server in which it did.
#[derive(Default)]
struct Arrived {
    ids: Mutex<HashMap<String, Vec<usize>>>,
    life: AtomicUsize,
}

fn tell(engine: &str, place: &Place) {
    let mut random = Random::seeded(engine);
    let arrived: Arc<Arrived> = Arc::default();
    let receiver = TcpListener::bind("127.0.0.1:0").expect("an address");
    let port = receiver.local_addr().expect("an address").port();
    let told = Arc::clone(&arrived);
    std::thread::spawn(move || {
        for stream in receiver.incoming().flatten() {
            let told = Arc::clone(&told);
            std::thread::spawn(move || take(stream, &told));
        }
    });
    let start = || Server::start_with(place, None, &[("GARTH_ALLOW_PRIVATE_TARGETS", "1")]);
    let mut server = start();
    let ada = set_up(place, &server);
    let jobs = furnish(&mut server.api(&ada), port);
    for life in 1..=KILLS {
        std::thread::sleep(Duration::from_millis(200 + random.below(1_500) as u64));
        server.kill();
        arrived.life.store(life, Ordering::SeqCst);
        server = start();
    }
    let mut api = server.api(&ada);
    let began = Instant::now();
    let mut runs: Vec<Value> = Vec::new();
    for job in &jobs {
        loop {
            let page = api.get(&format!("/api/v1/jobs/{job}/runs")).expect("an answer").expect(&[200]);
            let items = page.body["items"].as_array().expect("items").clone();
            if items.iter().all(|run| run["finished_at"].is_string()) {
                runs.extend(items);
                break;
            }
            assert!(began.elapsed() < PATIENCE, "runs do not end: {items:#?}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }
    assert_eq!(runs.len(), JOBS * RUNS_EACH);
    let arrived = arrived.ids.lock().expect("what arrived").clone();
    for run in &runs {
        assert_eq!(run["state"], "succeeded", "{run:#}");
        let id = run["id"].as_str().expect("an id");
        assert!(arrived.keys().any(|parcel| parcel.contains(id)), "the report of {id} was lost");
    }
    assert_eq!(arrived.len(), runs.len(), "each under one id");
    let mut again = HashMap::new();
    for (id, lives) in &arrived {
        let mut each = lives.clone();
        each.dedup();
        assert_eq!(&each, lives, "{id} was sent twice by one server");
        for life in lives.iter().skip(1) {
            *again.entry(*life).or_insert(0) += 1;
        }
    }
    let most = again.values().max().copied().unwrap_or(0);
    assert!(most <= ON_THEIR_WAY, "after one kill {most} came again: more than were on their way");
    eprintln!("{engine}: {KILLS} kills in {} runs, {} reports came again", runs.len(), again.values().sum::<usize>());
}

/// Takes what is posted, acknowledges it, and remembers in which life of the server it came.
fn take(stream: TcpStream, arrived: &Arrived) {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut id, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("webhook-id:") {
                id = value.trim().to_owned();
            }
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        if stream.read_exact(&mut body).is_err() {
            return;
        }
        let life = arrived.life.load(Ordering::SeqCst);
        arrived.ids.lock().expect("what arrived").entry(id).or_default().push(life);
        if stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").is_err() {
            return;
        }
    }
}

/// Two spaces with an interface each, jobs in both, and runs of them that wait.
fn furnish(api: &mut Api, port: u16) -> Vec<String> {
    let me = api.get("/api/v1/me").expect("an answer").expect(&[200]);
    let owner = format!("user:{}", me.body["user"]["id"].as_str().expect("an id"));
    let mut jobs = Vec::new();
    let mut places = Vec::new();
    for name in ["Home", "Other"] {
        let space = api.post("/api/v1/spaces", json!({"name": name})).expect("an answer").expect(&[201]).text("id");
        let url = format!("http://127.0.0.1:{port}/in");
        let body = json!({"type": "webhook", "url": url, "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"});
        let hook = json!({"kind": "delivery", "space": space, "name": "Hook", "body": body});
        let hook = api.post("/api/v1/resources", hook).expect("an answer").expect(&[201]).text("id");
        places.push((space, hook));
    }
    for number in 0..JOBS {
        let (space, hook) = &places[number % places.len()];
        let deliveries = json!([{"delivery": hook, "formats": ["json"]}]);
        let body = json!({"report": {"type": "usage"}, "deliveries": deliveries});
        let name = format!("Job {number}");
        let job = json!({"kind": "job", "space": space, "name": name, "owner": owner, "body": body});
        jobs.push(api.post("/api/v1/resources", job).expect("an answer").expect(&[201]).text("id"));
    }
    // Those that ran meanwhile make room for others: a job has ten that wait at most.
    for job in &jobs {
        for _ in 0..RUNS_EACH {
            api.post(&format!("/api/v1/jobs/{job}/run"), json!({})).expect("an answer").expect(&[202]);
        }
    }
    jobs
}
