//! A PostgreSQL that is cut off, falls silent, or ends our sessions, under load: 503 in time, never a hang, never an
//! old answer, and everything well again without a restart.

use super::journal::{Client, Counts, World};
use super::judge::judge;
use super::kills::furnish;
use super::proxy::Proxy;
use super::random::Random;
use super::rights::Rights;
use super::server::{Api, Place, Server, admin, set_up};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Every request is answered within that, whatever the database does: the time limit of a request and a little.
const LONGEST: Duration = Duration::from_secs(32);
/// From falling silent until the server says that it is not ready: a beat, its patience, and a little.
const NOTICED: Duration = Duration::from_secs(9);
/// Until it is ready again once the database is back: the longest pause and an attempt.
const BACK: Duration = Duration::from_secs(20);

struct Story {
    place: Place,
    proxy: Proxy,
    server: Server,
    world: World,
    clients: Vec<Client>,
    rights: Rights,
    longest: Duration,
}

impl Story {
    fn begin(name: &str) -> Option<Story> {
        let place = Place::postgres()?;
        let (url, _) = place.database.clone()?;
        let (proxy, through) = Proxy::before(&url);
        let server = Server::start_with(&place, Some(&through), &[]);
        let ada = set_up(&place, &server);
        let mut api = server.api(&ada);
        let world = World { spaces: furnish(&mut api), ada };
        let mut random = Random::seeded(name);
        let clients = (0..4).map(|number| Client::new(number, random.fork(), world.clone())).collect();
        let rights = Rights::new(&mut api, random.fork(), world.clone());
        Some(Story { place, proxy, server, world, clients, rights, longest: Duration::ZERO })
    }

    fn status(&self, path: &str) -> u16 {
        self.server.api("").get(path).expect("an answer").status
    }

    /// Asks until it is so.
    fn until(&self, path: &str, status: u16, limit: Duration) -> Duration {
        let began = Instant::now();
        while self.status(path) != status {
            assert!(began.elapsed() < limit, "{path} does not come to {status}");
            assert_eq!(self.status("/healthz"), 200, "the process is alive all the while");
            std::thread::sleep(Duration::from_millis(20));
        }
        began.elapsed()
    }

    /// Load for a while, then the harm, then waiting until everybody has been told 503, or for so long; then the database
    /// is back.
    fn round(&mut self, load: Duration, harm: impl FnOnce(&Proxy), after: Option<Duration>, back: impl FnOnce(&Proxy)) {
        let (harmed, stop) = (AtomicBool::new(false), Arc::new(AtomicBool::new(false)));
        let (world, server) = (&self.world, &self.server);
        let longest = std::thread::scope(|scope| {
            let mut working = Vec::new();
            for client in &mut self.clients {
                let (mut api, harmed) = (server.api(&world.ada).that_stops(&stop), &harmed);
                working.push(scope.spawn(move || {
                    client.work(&mut api);
                    assert!(harmed.load(Ordering::SeqCst), "503 out of nowhere");
                    api.last_took
                }));
            }
            let (mut api, rights) = (server.api(&world.ada).that_stops(&stop), &mut self.rights);
            working.push(scope.spawn(move || {
                rights.work(&mut api);
                api.last_took
            }));
            std::thread::sleep(load);
            harmed.store(true, Ordering::SeqCst);
            harm(&self.proxy);
            if let Some(after) = after {
                std::thread::sleep(after);
                stop.store(true, Ordering::SeqCst);
            }
            working.into_iter().map(|work| work.join().expect("a client")).max().unwrap_or_default()
        });
        assert!(longest < LONGEST, "somebody waited {longest:?}");
        self.longest = self.longest.max(longest);
        back(&self.proxy);
        self.until("/readyz", 200, BACK);
        let mut api = self.server.api(&self.world.ada);
        self.clients.iter_mut().for_each(|client| client.settle(&mut api));
        self.rights.settle(&mut api, false);
    }

    fn end(mut self, name: &str, rounds: usize) {
        let mut api = self.server.api(&self.world.ada);
        self.rights.settle(&mut api, true);
        self.server.kill();
        judge(&self.place, &self.clients, &self.rights);
        let mut counts = Counts::default();
        self.clients.iter().for_each(|client| counts.add(client.counts));
        counts.add(self.rights.counts);
        eprintln!(
            "{name}: {rounds} times, {} writes answered, {} not (of which {} were done); the longest wait {} ms; lost = 0",
            counts.answered,
            counts.done_unanswered + counts.never,
            counts.done_unanswered,
            self.longest.as_millis()
        );
    }
}

#[test]
fn a_connection_that_is_cut_is_503_and_comes_back() {
    let Some(mut story) = Story::begin("cut") else { return };
    for round in 0..8 {
        story.round(Duration::from_millis(100 + 40 * round), Proxy::cut, None, |proxy| {
            std::thread::sleep(Duration::from_millis(300));
            proxy.pass();
        });
    }
    story.end("cut", 8);
}

#[test]
fn sessions_that_the_database_ends_are_made_anew() {
    let Some(mut story) = Story::begin("ended") else { return };
    let (_, name) = story.place.database.clone().expect("a database");
    for round in 0..8 {
        let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
        story.round(Duration::from_millis(100 + 30 * round), |_| admin(&end), Some(Duration::from_millis(700)), |_| {});
    }
    story.end("ended", 8);
}

#[test]
fn a_database_that_falls_silent_is_noticed_in_seconds() {
    let Some(mut story) = Story::begin("silent") else { return };
    for round in 0..2 {
        story.round(Duration::from_millis(150 + 100 * round), Proxy::fall_silent, None, |proxy| {
            std::thread::sleep(Duration::from_millis(500));
            proxy.pass();
        });
    }
    // With nobody asking anything: it is noticed all the same, and what is asked then is refused at once.
    story.proxy.fall_silent();
    let noticed = story.until("/readyz", 503, NOTICED);
    let asked = Instant::now();
    let refused = story.server.api(&story.world.ada).get("/api/v1/resources").expect("an answer").expect(&[503]);
    assert_eq!((refused.text("code").as_str(), refused.header("retry-after")), ("unavailable", Some("1")));
    assert!(asked.elapsed() < Duration::from_secs(1));
    story.proxy.pass();
    let back = story.until("/readyz", 200, BACK);
    eprintln!("silent: noticed after {} ms, back after {} ms", noticed.as_millis(), back.as_millis());
    story.end("silent", 3);
}

/// Another server takes the claim while the first one is cut off: the first gives no answer of before, neither while it
/// hears nothing nor when it hears again; and when the other stops, it knows what the other did.
#[test]
fn a_second_server_cannot_take_over_unnoticed() {
    let Some(story) = Story::begin("taken over") else { return };
    let (url, name) = story.place.database.clone().expect("a database");
    let mut api = story.server.api(&story.world.ada);
    let space = format!("/api/v1/spaces/{}", story.world.spaces[1]);
    let made = api.post("/api/v1/users", json!({"username": "noor"})).expect("an answer").expect(&[201]);
    let sign_up = json!({"token": made.text("signup_token"), "password": super::server::PASSWORD});
    let noor = api.post("/api/v1/signup", sign_up).expect("an answer").expect(&[200, 201]).text("token");
    let grant = json!({"principal": format!("user:{}", made.text("id")), "role": "reader"});
    let grant = api.post(&format!("{space}/grants"), grant).expect("an answer").expect(&[201]).text("id");
    let mut at_first: Api = story.server.api(&noor);
    at_first.get(&space).expect("an answer").expect(&[200]);

    let second = || Server::start_with(&story.place, Some(&url), &[]);
    let refused = Server::spawn(&story.place, Some(&url), &[]).wait().expect("it ends");
    assert_eq!(refused.code(), Some(1), "one server at a time");

    story.proxy.fall_silent();
    story.until("/readyz", 503, NOTICED);
    admin(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"));
    let other = second();
    other.api(&story.world.ada).delete(&format!("{space}/grants/{grant}")).expect("an answer").expect(&[200, 204]);
    at_first.get(&space).expect("an answer").expect(&[503]);
    story.proxy.pass();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(3) {
        at_first.get(&space).expect("an answer").expect(&[503]);
        std::thread::sleep(Duration::from_millis(20));
    }
    other.kill();
    story.until("/readyz", 200, BACK);
    at_first.get(&space).expect("an answer").expect(&[404]);
}
