//! Clients that write as fast as they are answered, each with a journal of what it was told.
//!
//! After a kill, a client settles: the one request that got no answer may have been carried out or not, but wholly,
//! and everything that was answered must be there exactly as it was answered.

use super::random::Random;
use super::server::{Api, Lost, Reply};
use serde_json::{Value, json};

/// Things a client keeps; beyond it deletes, so that the store stays small.
const THINGS: usize = 40;
/// Things looked at again after every kill; all of them are at the end.
const SAMPLE: usize = 6;

/// What the story is told with.
#[derive(Clone)]
pub struct World {
    /// Two spaces to move between.
    pub spaces: [String; 2],
    /// The administrator's session.
    pub ada: String,
}

/// What became of the requests.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Writes that were answered with success.
    pub answered: u64,
    /// Writes that were refused.
    pub refused: u64,
    /// Writes that got no answer, and turned out to be done.
    pub done_unanswered: u64,
    /// Writes that got no answer, and turned out never to have happened.
    pub never: u64,
}

impl Counts {
    pub fn add(&mut self, other: Counts) {
        self.answered += other.answered;
        self.refused += other.refused;
        self.done_unanswered += other.done_unanswered;
        self.never += other.never;
    }

    fn unanswered(&mut self, done: bool) {
        if done { self.done_unanswered += 1 } else { self.never += 1 }
    }
}

/// A resource as the client was told it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Thing {
    pub id: String,
    pub code: String,
    pub name: String,
    pub space: String,
    pub version: i64,
    pub body: Value,
}

impl Thing {
    pub fn of(resource: &Value) -> Thing {
        let text =
            |field: &str| resource[field].as_str().unwrap_or_else(|| panic!("no {field}: {resource}")).to_owned();
        Thing {
            id: text("id"),
            code: text("code"),
            name: text("name"),
            space: text("space"),
            version: resource["version"].as_i64().expect("a version"),
            body: resource["body"].clone(),
        }
    }

    fn url(&self) -> String {
        format!("/api/v1/resources/{}", self.id)
    }

    fn changed(&self, client: usize, serial: u64) -> Thing {
        let version = self.version + 1;
        Thing { name: format!("t{client}-{serial}-changed"), version, body: json!({"v": version}), ..self.clone() }
    }

    fn moved(&self, to: &str) -> Thing {
        Thing { space: to.to_owned(), version: self.version + 1, ..self.clone() }
    }
}

/// The request that is under way.
enum Doubt {
    /// So many resources whose names begin like that; of a broken batch none.
    Creates(String, usize),
    /// The thing at that place is now this, or as before.
    Changes(usize, Thing),
    Deletes(usize),
}

/// A client with resources of its own.
pub struct Client {
    number: usize,
    random: Random,
    world: World,
    serial: u64,
    doubt: Option<Doubt>,
    pub things: Vec<Thing>,
    /// Deleted for good.
    pub gone: Vec<Thing>,
    pub counts: Counts,
}

impl Client {
    pub fn new(number: usize, random: Random, world: World) -> Client {
        let (things, gone) = (Vec::new(), Vec::new());
        Client { number, random, world, serial: 0, doubt: None, things, gone, counts: Counts::default() }
    }

    /// One request after the other until the server is gone.
    pub fn work(&mut self, api: &mut Api) {
        while self.step(api).is_ok() {}
    }

    fn step(&mut self, api: &mut Api) -> Result<(), Lost> {
        self.serial += 1;
        let many = self.things.len();
        match self.random.below(100) {
            _ if many >= THINGS => self.delete(api),
            0..30 => self.create(api, 1, false),
            30..42 => {
                let count = 2 + self.random.below(7);
                self.create(api, count, false)
            }
            42..47 => self.create(api, 3, true),
            _ if many == 0 => self.create(api, 1, false),
            47..65 => self.change(api),
            65..70 => self.change_with_old_version(api),
            70..85 => self.move_to(api),
            85..92 => self.delete(api),
            _ => self.look(api),
        }
    }

    fn pick(&mut self) -> usize {
        self.random.below(self.things.len())
    }

    /// One resource, or a batch; a broken one has a name that is refused at its end.
    fn create(&mut self, api: &mut Api, count: usize, broken: bool) -> Result<(), Lost> {
        let start = format!("t{}-{}-", self.number, self.serial);
        let space = self.world.spaces[self.random.below(2)].clone();
        let mut list: Vec<Value> = (0..count)
            .map(|at| json!({"kind": "task", "space": space, "name": format!("{start}{at}"), "body": {"v": 1}}))
            .collect();
        self.doubt = Some(Doubt::Creates(start, if broken { 0 } else { count }));
        if broken {
            list.push(json!({"kind": "task", "space": space, "name": ""}));
            let refused = api.post("/api/v1/resources/batch", json!({"resources": list}))?.expect(&[422]);
            assert!(refused.body["errors"][0]["pointer"].as_str().is_some_and(|p| p.contains("/3")), "{refused:?}");
            self.counts.refused += 1;
            // It must have left nothing: that is looked at with everything else, at the end.
            self.doubt = None;
            return Ok(());
        }
        let made = match (count, list.pop()) {
            (1, Some(only)) => vec![api.post("/api/v1/resources", only)?.expect(&[201]).body],
            (_, last) => {
                list.extend(last);
                let reply = api.post("/api/v1/resources/batch", json!({"resources": list}))?.expect(&[201]);
                reply.body["items"].as_array().expect("items").clone()
            }
        };
        assert_eq!(made.len(), count);
        self.things.extend(made.iter().map(Thing::of));
        self.answered()
    }

    fn answered(&mut self) -> Result<(), Lost> {
        self.counts.answered += 1;
        self.doubt = None;
        Ok(())
    }

    fn change(&mut self, api: &mut Api) -> Result<(), Lost> {
        let at = self.pick();
        let thing = self.things[at].clone();
        let next = thing.changed(self.number, self.serial);
        self.doubt = Some(Doubt::Changes(at, next.clone()));
        let body = json!({"name": next.name, "body": next.body});
        let reply = api.patch(&thing.url(), thing.version, body)?.expect(&[200]);
        assert_eq!(Thing::of(&reply.body), next);
        self.things[at] = next;
        self.answered()
    }

    fn change_with_old_version(&mut self, api: &mut Api) -> Result<(), Lost> {
        let at = self.pick();
        let thing = self.things[at].clone();
        let reply = api.patch(&thing.url(), thing.version + 7, json!({"name": "never"}))?.expect(&[409]);
        assert_eq!(reply.text("code"), "version_mismatch");
        self.counts.refused += 1;
        Ok(())
    }

    fn move_to(&mut self, api: &mut Api) -> Result<(), Lost> {
        let at = self.pick();
        let thing = self.things[at].clone();
        let to = self.world.spaces.iter().find(|space| **space != thing.space).expect("another space").clone();
        let next = thing.moved(&to);
        self.doubt = Some(Doubt::Changes(at, next.clone()));
        let reply = api.post(&format!("{}/move", thing.url()), json!({"space": to}))?.expect(&[200]);
        assert_eq!(Thing::of(&reply.body), next);
        self.things[at] = next;
        self.answered()
    }

    fn delete(&mut self, api: &mut Api) -> Result<(), Lost> {
        let at = self.pick();
        self.doubt = Some(Doubt::Deletes(at));
        api.delete(&self.things[at].url())?.expect(&[204, 200]);
        let gone = self.things.swap_remove(at);
        self.gone.push(gone);
        self.answered()
    }

    fn look(&mut self, api: &mut Api) -> Result<(), Lost> {
        let at = self.pick();
        let reply = api.get(&self.things[at].url())?.expect(&[200]);
        assert_eq!(Thing::of(&reply.body), self.things[at]);
        Ok(())
    }

    /// After a restart: finds out what became of the request without an answer, and looks at some of the rest.
    pub fn settle(&mut self, api: &mut Api) {
        match self.doubt.take() {
            None => {}
            Some(Doubt::Creates(start, count)) => {
                let found = get(api, &format!("/api/v1/resources?q={start}&limit=100"));
                let items = found.body["items"].as_array().expect("items").clone();
                assert!(
                    items.is_empty() || items.len() == count,
                    "{} of {count} are there: a batch in part",
                    items.len()
                );
                self.counts.unanswered(!items.is_empty());
                self.things.extend(items.iter().map(Thing::of));
            }
            Some(Doubt::Changes(at, next)) => {
                let there = Thing::of(&get(api, &self.things[at].url()).expect(&[200]).body);
                assert!(there == next || there == self.things[at], "half changed: {there:?}, not {next:?}");
                self.counts.unanswered(there == next);
                self.things[at] = there;
            }
            Some(Doubt::Deletes(at)) => {
                let gone = get(api, &self.things[at].url()).expect(&[200, 404]).status == 404;
                self.counts.unanswered(gone);
                if gone {
                    let thing = self.things.swap_remove(at);
                    self.gone.push(thing);
                }
            }
        }
        for _ in 0..SAMPLE.min(self.things.len()) {
            self.look(api).expect("an answer");
        }
        if !self.gone.is_empty() {
            let gone = self.random.below(self.gone.len());
            get(api, &self.gone[gone].url()).expect(&[404]);
        }
    }
}

fn get(api: &mut Api, path: &str) -> Reply {
    api.get(path).expect("an answer")
}
