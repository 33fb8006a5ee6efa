//! `kill -9` while keys call and units are taken: never does more come through than the limit, and what was answered is
//! counted.

use super::kills::furnish;
use super::random::Random;
use super::server::{Api, Place, Server, set_up};
use serde_json::json;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

const LIMIT: i64 = 2_000;
const KILLS: usize = 10;
const CALLERS: usize = 4;

#[test]
fn kills_let_no_call_more_through_on_sqlite() {
    tell("SQLite", &Place::sqlite());
}

#[test]
fn kills_let_no_call_more_through_on_postgres() {
    if let Some(place) = Place::postgres() {
        tell("PostgreSQL", &place);
    }
}

fn tell(engine: &str, place: &Place) {
    let mut random = Random::seeded(engine);
    let mut server = Server::start(place);
    let ada = set_up(place, &server);
    let mut api = server.api(&ada);
    let [_, space] = furnish(&mut api);
    let space = format!("/api/v1/spaces/{space}");
    let key = api.post(&format!("{space}/api-keys"), json!({"name": "caller", "role": "reader"})).expect("an answer");
    let key = key.expect(&[201]).text("secret");
    for (meter, limit) in [("api.daily", LIMIT), ("llm", LIMIT)] {
        let quota = json!({"limit": limit, "window": "daily"});
        api.put(&format!("{space}/quotas/{meter}"), quota).expect("an answer").expect(&[200]);
    }
    let (passed, taken) = (AtomicI64::new(0), AtomicI64::new(0));
    for _ in 0..KILLS {
        let at = space.as_str();
        std::thread::scope(|scope| {
            for _ in 0..CALLERS {
                let (mut api, passed) = (server.api(&key), &passed);
                scope.spawn(move || while calls(&mut api, at, passed) {});
                let (mut api, taken) = (server.api(&ada), &taken);
                scope.spawn(move || while takes(&mut api, at, taken) {});
            }
            std::thread::sleep(Duration::from_millis(20 + random.below(120) as u64));
            server.kill();
        });
        server = Server::start(place);
        // What was answered is there; what was not may be there as well.
        let counted = used(&mut server.api(&ada), &space, "llm");
        assert!((taken.load(Ordering::Relaxed)..=LIMIT).contains(&counted), "{counted} units are counted");
    }
    let mut api = server.api(&key);
    let mut left = 0;
    while api.get(&space).expect("an answer").expect(&[200, 429]).status == 200 {
        left += 1;
    }
    let passed = passed.load(Ordering::Relaxed) + left;
    assert!(passed <= LIMIT, "{passed} calls came through, and {LIMIT} may");
    assert!(passed > LIMIT / 4, "blocks are small enough not to waste the day: {passed}");
    assert_eq!(used(&mut server.api(&ada), &space, "api.daily"), LIMIT);
    eprintln!(
        "{engine}: {KILLS} kills, {passed} of {LIMIT} calls answered, {} units taken",
        taken.load(Ordering::Relaxed)
    );
}

/// One call; false when the server is gone, or nothing is left.
fn calls(api: &mut Api, space: &str, passed: &AtomicI64) -> bool {
    let Ok(reply) = api.get(space) else { return false };
    passed.fetch_add(i64::from(reply.status == 200), Ordering::Relaxed);
    reply.status == 200
}

fn takes(api: &mut Api, space: &str, taken: &AtomicI64) -> bool {
    let Ok(reply) = api.post(&format!("{space}/quotas/llm/consume"), json!({"units": 1})) else { return false };
    taken.fetch_add(i64::from(reply.status == 200), Ordering::Relaxed);
    reply.status == 200
}

fn used(api: &mut Api, space: &str, meter: &str) -> i64 {
    let meters = api.get(&format!("{space}/quotas")).expect("an answer").expect(&[200]);
    let items = meters.body["items"].as_array().expect("items");
    let found = items.iter().find(|item| item["meter"] == meter).expect("the meter");
    found["used"].as_i64().expect("a number")
}
