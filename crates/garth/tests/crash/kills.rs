//! `kill -9` at any instant, again and again, on the same data.

use super::journal::{Client, Counts, World};
use super::judge::judge;
use super::random::Random;
use super::rights::Rights;
use super::server::{Api, Place, Server, set_up};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Clients with resources of their own; one more gives and takes rights.
const CLIENTS: usize = 6;
/// A server is killed after at most so many answered writes, or that time.
const ANSWERS: usize = 40;
const LIFE: Duration = Duration::from_millis(600);

#[test]
fn answered_writes_survive_two_hundred_kills_on_sqlite() {
    tell("SQLite", &Place::sqlite());
}

#[test]
fn answered_writes_survive_two_hundred_kills_on_postgres() {
    if let Some(place) = Place::postgres() {
        tell("PostgreSQL", &place);
    }
}

/// `CHAOS_KILLS` says how many, if not 200.
fn kills() -> usize {
    std::env::var("CHAOS_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(200)
}

fn tell(engine: &str, place: &Place) {
    let began = Instant::now();
    let mut random = Random::seeded(engine);
    let server = Server::start(place);
    let ada = set_up(place, &server);
    let mut api = server.api(&ada);
    let world = World { spaces: furnish(&mut api), ada };
    let mut clients: Vec<Client> =
        (0..CLIENTS).map(|number| Client::new(number, random.fork(), world.clone())).collect();
    let mut rights = Rights::new(&mut api, random.fork(), world.clone());

    let (mut server, mut kill, mut starts) = (server, 0, Duration::ZERO);
    let kills = kills();
    loop {
        load_and_kill(server, &mut random, &world, &mut clients, &mut rights);
        kill += 1;
        // Now and then it is killed again before it has come up: while it mends the log, or loads.
        while kill < kills && random.below(8) == 0 {
            kill_at_start(place, Duration::from_millis(random.below(120) as u64));
            kill += 1;
        }
        let starting = Instant::now();
        server = Server::start(place);
        starts += starting.elapsed();
        let mut api = server.api(&world.ada);
        clients.iter_mut().for_each(|client| client.settle(&mut api));
        rights.settle(&mut api, kill >= kills);
        if kill >= kills {
            break;
        }
    }
    server.kill();
    judge(place, &clients, &rights);
    nothing_went_wrong_inside(place);

    let mut counts = Counts::default();
    clients.iter().for_each(|client| counts.add(client.counts));
    counts.add(rights.counts);
    eprintln!(
        "{engine}: {kills} kills in {} s (a start takes {} ms): {} writes answered, {} refused, {} unanswered (of which {} \
         were done and {} never were), {} credentials ended for good; lost = 0, in part = 0, come back = 0",
        began.elapsed().as_secs(),
        starts.as_millis() / u128::try_from(kills).unwrap_or(1),
        counts.answered,
        counts.refused,
        counts.done_unanswered + counts.never,
        counts.done_unanswered,
        counts.never,
        rights.dead(),
    );
    assert!(counts.answered > kills as u64, "there was hardly any load");
}

/// Two spaces and a kind.
pub fn furnish(api: &mut Api) -> [String; 2] {
    let mut make = |path: &str, body: Value| api.post(path, body).expect("an answer").expect(&[201]);
    let spaces = ["Alpha", "Beta"].map(|name| make("/api/v1/spaces", json!({"name": name})).text("id"));
    make("/api/v1/kinds", json!({"name": "task", "plural": "tasks", "prefix": "T", "schema": {"type": "object"}}));
    spaces
}

/// Everybody writes until the server is gone: some moments after a number of answers that nobody foresees.
fn load_and_kill(server: Server, random: &mut Random, world: &World, clients: &mut [Client], rights: &mut Rights) {
    let answers = Arc::new(AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for client in clients {
            let mut api = server.api(&world.ada).that_counts(&answers);
            scope.spawn(move || client.work(&mut api));
        }
        let mut api = server.api(&world.ada).that_counts(&answers);
        scope.spawn(move || rights.work(&mut api));
        let (began, enough) = (Instant::now(), random.below(ANSWERS));
        while answers.load(Ordering::Relaxed) < enough && began.elapsed() < LIFE {
            std::thread::sleep(Duration::from_micros(200));
        }
        std::thread::sleep(Duration::from_micros(random.below(8_000) as u64));
        server.kill();
    });
}

fn kill_at_start(place: &Place, after: Duration) {
    let mut child = Server::spawn(place, None, &[]);
    std::thread::sleep(after);
    child.kill().expect("it is killed");
    child.wait().expect("it is gone");
}

/// The server's log: nothing that somebody would have to act on.
fn nothing_went_wrong_inside(place: &Place) {
    let log = std::fs::read_to_string(place.log()).expect("a log");
    let bad: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("ERROR") || line.contains("panicked") || line.contains("WARN"))
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
}
