//! Two installations with the same visible content, of which one holds much more that nobody who asks can see; and
//! what goes on unseen in it while they ask.

use super::dice::Dice;
use super::requests::Ask;
use super::veil::Veil;
use crate::support::*;
use std::collections::{BTreeMap, HashMap};

/// What passes between two things that are made: ids are ordered by the millisecond.
pub const STEP: i64 = 1_100;

/// The ids of one installation by token. What is not in it never was there: it gets an id that looks like one.
#[derive(Default)]
pub struct Book(HashMap<String, String>);

impl Book {
    fn put(&mut self, token: &str, value: &str) {
        self.0.insert(token.to_owned(), value.to_owned());
    }

    fn thing(&mut self, noun: &str, at: usize, thing: &Value) {
        self.put(&format!("{noun}.{at}"), thing["id"].as_str().expect("an id"));
        if let Some(code) = thing["code"].as_str() {
            self.put(&format!("{}.{at}", noun.replace("resource", "code")), code);
        }
    }

    /// The text with ids in the places of tokens.
    pub fn fill(&self, text: &str) -> String {
        let mut parts = text.split('«');
        let mut filled = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (token, rest) = part.split_once('»').expect("a token ends");
            filled.push_str(&self.0.get(token).cloned().unwrap_or_else(|| never(token)));
            filled.push_str(rest);
        }
        filled
    }

    /// The same book without what is hidden: there it never was.
    pub fn without_hidden(&self) -> Book {
        Book(self.0.iter().filter(|(token, _)| !token.starts_with("h.")).map(|(t, v)| (t.clone(), v.clone())).collect())
    }

    /// What an answer tells that later requests can name.
    pub fn learn(&mut self, ask: &Ask, answer: &Answer) {
        if let Some(next) = answer.json["next"].as_str() {
            self.put(&format!("c.cursor.{}", ask.number), next);
        }
        if let Some(next) = answer.json["page"]["next_token"].as_str() {
            self.put(&format!("c.token.{}", ask.number), next);
        }
        if answer.status == 201 && ask.earnest() {
            let made = if answer.json["items"].is_array() { &answer.json["items"][0] } else { &answer.json };
            for noun in ask.makes {
                let value = if *noun == "code" { &made["code"] } else { &made["id"] };
                if let Some(value) = value.as_str() {
                    self.put(&format!("m.{noun}.{}", ask.number), value);
                }
            }
        }
    }
}

/// An id or a code that nothing has, the same for the same token.
fn never(token: &str) -> String {
    let hash = token.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01B3));
    if token.contains(".code.") {
        let digit = |n: u64| char::from(b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"[(hash >> (n * 5) & 31) as usize]);
        let digits = |from: u64| (from..from + 4).map(digit).collect::<String>();
        return format!("TK-{}-{}", digits(0), digits(4));
    }
    format!("0196972e-7a00-7{:03x}-8{:03x}-{:012x}", hash >> 52, hash >> 40 & 0xFFF, hash & 0xFFFF_FFFF_FFFF)
}

/// One installation, who asks it, and how its answers are veiled.
pub struct World {
    pub g: Garth,
    pub people: BTreeMap<&'static str, Person>,
    pub book: Book,
    pub veil: Veil,
    unseen: Option<Unseen>,
}

/// Who acts unseen, and where.
struct Unseen {
    ada: Person,
    /// A stranger to all who ask.
    mia: Person,
    /// Known to them: he writes in Atlas, too.
    gus: Person,
    zeta: Thing,
    atlas: Thing,
    beta: Thing,
    choir: Thing,
    made: Vec<Thing>,
}

impl World {
    /// Sends a request and gives what can be seen of the answer.
    pub async fn ask(&mut self, ask: &Ask) -> (Answer, String) {
        let answer = self.send(ask, &self.book).await;
        self.book.learn(ask, &answer);
        // What was named is seen first, in the order in which it was named.
        self.veil.over(&self.book.fill(&ask.text()));
        let seen = seen(&mut self.veil, &answer);
        (answer, seen)
    }

    /// Sends a request with the ids of that book.
    pub fn send(&self, ask: &Ask, book: &Book) -> Call {
        let by = &self.people[ask.by];
        let mut call = by.call(ask.method().parse().expect("a method"), &book.fill(&ask.path)).from(&ask.address);
        if let Some(body) = &ask.body {
            let body = book.fill(body);
            // The pages inside are sent as their forms are.
            let form = ["/s/", "/spaces/", "/theme"].iter().any(|start| ask.path.starts_with(start));
            call = match form {
                true => call.raw("application/x-www-form-urlencoded", form_of(&body)),
                false => call.raw("application/json", body),
            };
        }
        for (name, value) in &ask.headers {
            call = call.header(name, value);
        }
        call
    }
}

/// An object of texts, as a form sends it.
fn form_of(body: &str) -> String {
    let fields: BTreeMap<String, String> = serde_json::from_str(body).expect("texts");
    let pairs: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    browser::form(&pairs)
}

/// The status, the names and values of the headers, and the body, veiled.
pub fn seen(veil: &mut Veil, answer: &Answer) -> String {
    let mut headers: Vec<_> = answer
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
        .collect();
    headers.sort();
    let whole = format!("{}\n{}\n\n{}", answer.status, headers.join("\n"), String::from_utf8_lossy(&answer.bytes));
    veil.over(&whole)
}

/// Lets time pass between two things that are made.
fn tick(g: &Garth) {
    g.pass(STEP);
}

/// The twins: the first without anything hidden.
pub async fn twins(g: &Garth, seed: u64) -> (World, World) {
    let (one, other) = tokio::join!(g.another(), g.another());
    tokio::join!(world(one, false, seed), world(other, true, seed))
}

/// An installation with the visible things, and the hidden ones if it is to have them.
pub async fn world(g: Garth, full: bool, seed: u64) -> World {
    let mut book = Book::default();
    let ada = g.admin().await;
    tick(&g);
    let mut people = BTreeMap::new();
    for name in ["lin", "kim", "bo", "out", "gus"] {
        people.insert(name, g.person(name).await);
        tick(&g);
    }
    let [lin, kim, bo, gus] = ["lin", "kim", "bo", "gus"].map(|name| people[name].clone());
    kinds(&g, &ada, &mut book).await;
    let home = g.closed_home().await;
    tick(&g);
    ada.patch("/api/v1/settings", json!({"create_spaces": "users", "public_access": true})).await.ok();
    // Some of what is hidden is older than everything that is seen.
    let early = if full { Some(early(&g, &ada).await) } else { None };
    tick(&g);

    let crew = ada.group("crew", &[&kim, &bo]).await;
    tick(&g);
    let ops = ada.group("ops", &[&gus]).await;
    tick(&g);
    let choir = ada.group("choir", &[&kim]).await;
    tick(&g);
    let insiders = json!({"name": "insiders", "policy": {"groups_any": ["group:@crew"]},
                          "edit": {"users": [kim.principal()]}});
    let insiders = ada.post("/api/v1/policies", insiders).await.created();
    tick(&g);

    let mut spaces = Vec::new();
    let made = [
        lin.space("Atlas"),
        kim.space("Beta"),
        kim.space("Gamma"),
        lin.space("Plaza").with("view", json!("public")),
        kim.space("Club").with("view", json!({"named": insiders.id()})),
    ];
    for new in made {
        spaces.push(new.create().await);
        tick(&g);
    }
    let (atlas, beta) = (spaces[0].clone(), spaces[1].clone());
    spaces.push(lin.space("Delta").under(&atlas).inherits().create().await);
    tick(&g);
    spaces.push(kim.space("Attic").under(&beta).create().await);
    tick(&g);
    kim.post(&spaces[6].url("/archive"), json!({})).await.ok();
    tick(&g);
    let mut grants = Vec::new();
    let given: [(&Person, &Thing, &str, &str); 6] = [
        (&ada, &atlas, &kim.principal(), "writer"),
        (&ada, &atlas, &bo.principal(), "reader"),
        (&ada, &atlas, &gus.principal(), "writer"),
        (&ada, &atlas, &format!("group:{}", ops.id), "reader"),
        (&kim, &beta, &bo.principal(), "reader"),
        (&kim, &beta, &gus.principal(), "writer"),
    ];
    for (by, space, principal, role) in given {
        grants.push(match by.username.as_str() {
            "ada" => by.grant_by_registry(space, principal, role).await,
            _ => by.grant(space, principal, role).await,
        });
        tick(&g);
    }
    // Half of what is hidden lies between what is seen.
    let unseen = match early {
        Some(early) => Some(late(&g, early, (&ada, &gus, &kim), (&atlas, &beta, &choir), &mut book, seed).await),
        None => None,
    };
    let resources = visible_resources(&g, &people, &spaces).await;
    let mut keys = Vec::new();
    for (by, space, name, role) in
        [(&lin, &atlas, "application", "writer"), (&lin, &atlas, "asker", "asker"), (&kim, &beta, "nightly", "reader")]
    {
        keys.push(by.key(space, name, role).await);
        tick(&g);
    }
    for (space, window) in [(&atlas, json!("daily")), (&beta, json!({"rolling_seconds": 60}))] {
        ada.quota(space, "llm", json!(1_000_000), window).await.ok();
        ada.quota(space, "resources.task", json!(1_000_000), json!("stored")).await.ok();
    }
    let sessions = kim.sign_in("kim").await.get("/api/v1/me/sessions").await.ok().items();
    let other = sessions.iter().find(|session| session["current"] == false).expect("another session");
    book.put("v.session.0", other["id"].as_str().expect("an id"));

    let all = [("space", &spaces), ("resource", &resources), ("grant", &grants), ("group", &vec![crew, ops, choir])];
    for (noun, things) in all {
        for (at, thing) in things.iter().enumerate() {
            book.thing(&format!("v.{noun}"), at, &thing.json);
        }
    }
    for (at, person) in [&kim, &bo, &gus, &lin].into_iter().enumerate() {
        book.put(&format!("v.user.{at}"), &person.id);
    }
    for (at, key) in keys.iter().enumerate() {
        book.put(&format!("v.key.{at}"), &key.id);
    }
    book.put("v.policy.0", &insiders.id());
    book.put("home", &home.id);
    people.insert("key", keys[0].clone());
    people.insert("asker", keys[1].clone());
    people.insert("nobody", g.anonymous());
    World { g, people, book, veil: Veil::default(), unseen }
}

async fn kinds(g: &Garth, ada: &Person, book: &mut Book) {
    let kinds = [
        kind_body("task", json!({"permissions": ["task:triage"], "exceptions": {"owner": ["view", "edit"]}})),
        kind_body("note", json!({"references": [{"pointer": "/task", "kind": "task"}]})),
        kind_body("login", json!({"secret_fields": ["/secret"]})),
        kind_body("pool", json!({"shareable": true})),
    ];
    for (at, body) in kinds.into_iter().enumerate() {
        let kind = ada.post("/api/v1/kinds", body).await.created();
        book.thing("v.kind", at, &kind.json);
        tick(g);
    }
    for (at, (name, permissions)) in
        [("triager", ["task:read", "task:triage"]), ("asker", ["decision:ask", "task:read"])].into_iter().enumerate()
    {
        book.put(&format!("v.role.{at}"), &ada.role(name, &permissions).await.id);
        tick(g);
    }
}

async fn visible_resources(g: &Garth, people: &BTreeMap<&str, Person>, spaces: &[Thing]) -> Vec<Thing> {
    let [lin, kim, gus] = ["lin", "kim", "gus"].map(|name| people[name].clone());
    let [atlas, beta, plaza, delta] = [0, 1, 3, 5].map(|at| &spaces[at]);
    let first = lin.resource("task", "Fix the lift").space(atlas).labels(&["lift", "urgent"]).owner(&kim);
    let first = first.create().await;
    tick(g);
    let refers = json!({"task": first.id});
    let new = [
        gus.resource("task", "Paint the door").space(atlas).labels(&["door"]).owner(&gus),
        kim.resource("task", "Atlas").space(atlas),
        kim.resource("note", "a").space(atlas).body(refers),
        gus.resource("task", "Über alles").space(atlas).view(json!("members")).owner(&people["bo"]),
        lin.resource("pool", "Pool").space(atlas).labels(&["autoattach:lift"]),
        kim.resource("task", "Fix the lift").space(beta).labels(&["lift"]),
        kim.resource("login", "Beta").space(beta).body(json!({"secret": "hush"})),
        gus.resource("task", "zz top").space(beta).edit(json!({"users": [gus.principal()]})),
        lin.resource("task", "Secret plan").space(plaza).view(json!("public")),
        lin.resource("task", "Attic").space(delta),
        kim.resource("task", "old").space(atlas),
        lin.resource("pool", "Open pool").space(atlas).view(json!("users")),
    ];
    let mut made = vec![first];
    for one in new {
        made.push(one.create().await);
        tick(g);
    }
    kim.post(&made[11].url("/archive"), json!({})).await.ok();
    tick(g);
    for (at, space) in [(5, plaza), (12, plaza), (12, delta)] {
        lin.post(&made[at].url("/shares"), json!({"space": space.id})).await.created();
        tick(g);
    }
    made
}

/// What is hidden and older than what is seen. No time passes: the clocks of the twins agree.
struct Early {
    mia: Person,
    zeta: Thing,
    spaces: Vec<Thing>,
}

async fn early(g: &Garth, ada: &Person) -> Early {
    let mia = g.person("mia").await;
    for name in ["aaron", "kimberly", "zack", "lina", "bob"] {
        // As the visible ones are called.
        ada.post("/api/v1/users", json!({"username": name, "name": "Kim"})).await.created();
    }
    let zeta = ada.space("Zeta").admin(&mia).create().await;
    let mut spaces = Vec::new();
    for name in ["Atlas", "Beta", "Home", "Fix the lift"] {
        spaces.push(ada.space(name).admin(&mia).with("labels", json!(["lift"])).create().await);
    }
    spaces.push(ada.space("Vault").sealed().admin(&mia).create().await);
    Early { mia, zeta, spaces }
}

/// What is hidden among what is seen.
async fn late(
    g: &Garth,
    early: Early,
    (ada, gus, kim): (&Person, &Person, &Person),
    (atlas, beta, choir): (&Thing, &Thing, &Thing),
    book: &mut Book,
    seed: u64,
) -> Unseen {
    let Early { mia, zeta, mut spaces } = early;
    let only_mia = json!({"users": [mia.principal()]});
    // Hidden children of visible spaces, and one of those deep down.
    for (parent, name) in [(beta, "Attic"), (atlas, "Ghost")] {
        spaces.push(ada.space(name).under(parent).admin(&mia).with("view", only_mia.clone()).create().await);
    }
    let deep = mia.space("Deep").under(&zeta).inherits().create().await;
    mia.post(&spaces[0].url("/archive"), json!({})).await.ok();
    spaces.push(deep);
    spaces.swap(0, 7);
    for (at, space) in spaces.iter().enumerate() {
        book.thing("h.space", at, &space.json);
    }
    // Whom they know is somebody there, by himself and by a group that they know.
    let by_gus = ada.grant_by_registry(&zeta, gus, "writer").await;
    let ops = ada.get("/api/v1/groups/@ops").await.ok();
    let by_ops = ada.grant_by_registry(&zeta, &*format!("group:{}", ops.id()), "reader").await;
    for (at, grant) in [by_gus, by_ops].iter().enumerate() {
        book.thing("h.grant", at, &grant.json);
    }
    for (at, name) in ["ghosts", "night shift", "crew 2"].iter().enumerate() {
        let group = ada.group(name, &[&mia, gus]).await;
        book.thing("h.group", at, &group.json);
    }
    for (at, name) in ["mia", "aaron", "kimberly", "zack"].iter().enumerate() {
        let user = ada.get(&format!("/api/v1/users/@{name}")).await.ok();
        book.put(&format!("h.user.{at}"), &user.id());
        // They sing with kim, and share no space with her.
        ada.post(&choir.url("/members"), json!({"member": format!("user:{}", user.id())})).await.done();
    }
    for at in 0..2 {
        let key = mia.key(&zeta, "application", "writer").await;
        book.put(&format!("h.key.{at}"), &key.id);
    }
    let sessions = mia.get("/api/v1/me/sessions").await.ok().items();
    book.put("h.session.0", sessions[0]["id"].as_str().expect("an id"));
    // What limits a hidden space is as hidden, and nearly spent.
    ada.quota(&zeta, "llm", json!(1), json!("stored")).await.ok();
    mia.consume(&zeta, "llm", 1).await.ok();
    ada.quota(&zeta, "resources", json!(1_000), json!("stored")).await.ok();
    // The named policy that they know opens hidden things, too.
    let named = json!({"named": "@insiders"});
    mia.patch(&spaces[1].url(""), json!({"edit": {"rules": [{"effect": "allow", "who": named}], "default": "allow"}}))
        .await
        .ok();

    let mut dice = Dice::new(seed);
    let names = super::dice::NAMES;
    let hidden: Vec<Value> = (0..60)
        .map(|_| {
            json!({"kind": dice.one(&["task", "note"]), "name": dice.one(&names), "space": zeta.id,
                        "labels": [dice.one(&super::dice::LABELS)], "view": "public", "owner": kim.principal()})
        })
        .collect();
    // She is somebody to gus, who knows her from Atlas.
    let mut made = gus.post("/api/v1/resources/batch", json!({"resources": hidden})).await.created().items();
    // And what gus keeps to himself in Atlas: it is everybody's space, and nobody else's business.
    let own: Vec<Value> = (0..60)
        .map(|_| {
            let kind = dice.one(&["note", "pool"]);
            let owner = if dice.chance(50) { kim } else { gus };
            json!({"kind": kind, "name": dice.one(&names), "space": atlas.id, "labels": [dice.one(&super::dice::LABELS)],
                   "view": {"users": [gus.principal()]}, "owner": owner.principal(), "subscribers": [kim.principal()]})
        })
        .collect();
    let own = gus.post("/api/v1/resources/batch", json!({"resources": own})).await.created().items();
    made.truncate(5);
    made.extend(own.into_iter().take(5));
    for (at, one) in made.iter().enumerate() {
        book.thing("h.resource", at, one);
    }
    let at = made.iter().map(|one| Thing::of("resources", one.clone())).collect();
    let _ = g;
    Unseen {
        ada: ada.clone(),
        mia,
        gus: gus.clone(),
        zeta,
        atlas: atlas.clone(),
        beta: beta.clone(),
        choir: choir.clone(),
        made: at,
    }
}

impl World {
    /// Something that nobody who asks can see, if there is anybody here to do it. It may fail, by what was asked before.
    pub async fn unseen(&self, roll: u64) {
        let Some(unseen) = &self.unseen else { return };
        let Unseen { ada, mia, gus, zeta, atlas, beta, choir, made } = unseen;
        let thing = &made[(roll / 16) as usize % made.len()];
        let name = super::dice::NAMES[(roll / 256) as usize % super::dice::NAMES.len()];
        let only_gus = json!({"users": [gus.principal()]});
        let _ = match roll % 14 {
            0 => gus.resource("task", name).space(zeta).send().await,
            1 => gus.resource("note", name).space(atlas).view(only_gus).labels(&["lift"]).send().await,
            2 => gus.patch(&thing.url(""), json!({"name": name})).await,
            3 => gus.post(&thing.url("/archive"), json!({})).await,
            4 => gus.post(&thing.url("/activate"), json!({})).await,
            5 => mia.post(&zeta.url("/archive"), json!({})).await,
            6 => mia.post(&zeta.url("/activate"), json!({})).await,
            7 => mia.patch(&zeta.url(""), json!({"name": name, "view": "members"})).await,
            8 => {
                let only_mia = json!({"users": [mia.principal()]});
                ada.space(name).under(beta).admin(mia).with("view", only_mia).send().await
            }
            9 => ada.post("/api/v1/groups", json!({"name": format!("{name} {roll}")})).await,
            10 => {
                let user = json!({"username": format!("ghost-{roll}"), "name": "Kim"});
                let user = ada.post("/api/v1/users", user).await.created();
                ada.post(&choir.url("/members"), json!({"member": format!("user:{}", user.id())})).await
            }
            11 => mia.post(&zeta.url("/api-keys"), json!({"name": name, "role": "reader"})).await,
            12 => mia.post(&thing.url("/move"), json!({"space": zeta.id})).await,
            _ => mia.post("/api/v1/spaces", json!({"name": name, "view": "members"})).await,
        };
    }
}
