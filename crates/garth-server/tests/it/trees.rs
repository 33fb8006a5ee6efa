//! Random trees agree with a naive evaluator, on both engines: the three formulas of `reference/spacelift.md` (section 0)
//! with the gates of `MODEL.md`, written as they stand there. The server is asked in every way that tells of roles: lists,
//! `/me`, decisions about spaces and what lies in them, for people and for resources that hold roles.

use crate::support::*;
use garth_core::{Given, Outcome};
use garth_server::Ctx;
use garth_server::decisions::{Entity, Question, evaluate_each};
use std::collections::{BTreeMap, BTreeSet};

stories! {
    random_trees_agree_with_the_three_formulas,
}

/// What is compared of a role.
const PERMISSIONS: [&str; 5] = ["space:admin", "task:read", "task:share", "task:triage", "task:write"];

/// Who a grant names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Everyone,
    User(usize),
    Group(usize),
    Actor(usize),
}

/// Whom a space lets in.
#[derive(Clone, Debug)]
enum Gate {
    Members,
    Users,
    These(BTreeSet<usize>),
}

#[derive(Clone, Debug)]
struct Space {
    parent: Option<usize>,
    inherits: bool,
    gate: Gate,
    grants: BTreeSet<(Who, &'static str)>,
}

/// A forest as the evaluator knows it.
#[derive(Default)]
struct Forest {
    spaces: Vec<Space>,
    /// The groups that each user is in, nested ones included.
    groups: Vec<BTreeSet<usize>>,
}

type Roles = BTreeSet<&'static str>;

impl Forest {
    fn is(&self, asker: Who, named: Who) -> bool {
        match (asker, named) {
            (Who::User(_), Who::Everyone) => true,
            (Who::User(user), Who::Group(group)) => self.groups[user].contains(&group),
            (asker, named) => asker == named,
        }
    }

    fn own(&self, asker: Who, space: usize) -> Roles {
        let grants = self.spaces[space].grants.iter();
        grants.filter(|(who, _)| self.is(asker, *who)).map(|(_, role)| *role).collect()
    }

    fn passes(&self, asker: Who, space: usize, roles: &Roles) -> bool {
        match (&self.spaces[space].gate, asker) {
            (Gate::Members, _) => !roles.is_empty(),
            (Gate::Users, Who::User(_)) => true,
            (Gate::These(users), Who::User(user)) => users.contains(&user),
            _ => false,
        }
    }

    /// `grant(A, S)`: what A is given in S and on every ancestor of S, without regard to `inherits`; of an ancestor only
    /// where A passes its gate with that.
    fn grant(&self, asker: Who, space: usize) -> Roles {
        let mut roles = self.own(asker, space);
        roles.extend(self.passed_down(asker, space));
        roles
    }

    fn passed_down(&self, asker: Who, space: usize) -> Roles {
        let Some(parent) = self.spaces[space].parent else { return Roles::new() };
        let there = self.grant(asker, parent);
        if self.passes(asker, parent, &there) { there } else { self.passed_down(asker, parent) }
    }

    /// `access(A, S)`: that, and reading where A holds anything below, every space on the way inheriting.
    fn access(&self, asker: Who, space: usize) -> Roles {
        let mut roles = self.grant(asker, space);
        let below = (0..self.spaces.len()).filter(|ix| self.spaces[*ix].parent == Some(space));
        let rises = |child: usize| {
            let there = self.access(asker, child);
            self.spaces[child].inherits && !there.is_empty() && self.passes(asker, child, &there)
        };
        if below.into_iter().any(rises) {
            roles.insert("reader");
        }
        roles
    }

    /// What A may do in S, if A sees it.
    fn may(&self, asker: Who, space: usize) -> Option<BTreeSet<&'static str>> {
        let roles = self.access(asker, space);
        let held = PERMISSIONS.into_iter().filter(|permission| roles.iter().any(|role| gives(role, permission)));
        self.passes(asker, space, &roles).then(|| held.collect())
    }

    fn lies_under(&self, space: usize, top: usize) -> bool {
        space == top || self.spaces[space].parent.is_some_and(|parent| self.lies_under(parent, top))
    }
}

fn gives(role: &str, permission: &str) -> bool {
    match role {
        "admin" => true,
        "writer" => ["task:read", "task:write", "task:triage"].contains(&permission),
        "reader" | "looker" => permission == "task:read",
        "triager" => permission == "task:triage",
        _ => permission.starts_with("task:"),
    }
}

/// Custom ones: `looker` reads tasks, `triager` triages and sees none, `tasker` does all with tasks.
const ROLES: [&str; 6] = ["reader", "writer", "admin", "looker", "triager", "tasker"];

/// The same numbers for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % end as u64).expect("small")
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

/// An installation beside its forest.
struct Grove {
    g: Garth,
    ada: Person,
    people: Vec<Person>,
    groups: Vec<Thing>,
    actors: Vec<Thing>,
    spaces: Vec<Thing>,
    tasks: Vec<Thing>,
    forest: Forest,
    dice: Dice,
}

impl Grove {
    async fn plant(g: &Garth, seed: u64) -> Grove {
        let ada = g.admin().await;
        let mut people = vec![ada.clone()];
        for name in ["lin", "bo", "kim"] {
            people.push(g.person(name).await);
        }
        let inner = ada.group("inner", &[&people[1]]).await;
        let outer = ada.group("outer", &[&people[2], &inner]).await;
        ada.kind_with("task", json!({"permissions": ["task:triage"]})).await;
        for (name, permissions) in [("looker", "task:read"), ("triager", "task:triage"), ("tasker", "task:*")] {
            ada.role(name, &[permissions]).await;
        }
        g.closed_home().await;
        let mut actors = Vec::new();
        for name in ["One job", "Another"] {
            actors.push(ada.resource("task", name).create().await);
        }
        let groups = vec![[].into(), [0, 1].into(), [1].into(), [].into()];
        let mut grove = Grove {
            g: g.clone(),
            ada,
            people,
            groups: vec![inner, outer],
            actors,
            spaces: Vec::new(),
            tasks: Vec::new(),
            forest: Forest { spaces: Vec::new(), groups },
            dice: Dice(seed),
        };
        for number in 0..12 {
            grove.grow(number).await;
        }
        grove
    }

    /// Another space somewhere, with a task in it. Ada administers each, so that all of it can be changed.
    async fn grow(&mut self, number: usize) {
        let parent = if number > 1 && self.dice.below(5) > 0 { Some(self.dice.below(number)) } else { None };
        let inherits = parent.is_some() && self.dice.below(2) == 0;
        let mut new = self.ada.space(&format!("Space {number}"));
        if let Some(parent) = parent {
            new = new.under(&self.spaces[parent]).with("inherits", json!(inherits));
        }
        let space = new.create().await;
        self.tasks.push(self.ada.resource("task", &format!("Task {number}")).space(&space).create().await);
        self.spaces.push(space);
        let grants = [(Who::User(0), "admin")].into();
        self.forest.spaces.push(Space { parent, inherits, gate: Gate::Members, grants });
    }

    fn principal(&self, who: Who) -> String {
        match who {
            Who::Everyone => "group:everyone".to_owned(),
            Who::User(user) => self.people[user].principal(),
            Who::Group(group) => format!("group:{}", self.groups[group].id),
            Who::Actor(actor) => format!("resource:{}", self.actors[actor].id),
        }
    }

    fn anybody(&mut self) -> Who {
        match self.dice.below(12) {
            0 => Who::Everyone,
            1..6 => Who::User(1 + self.dice.below(3)),
            6..9 => Who::Group(self.dice.below(2)),
            _ => Who::Actor(self.dice.below(2)),
        }
    }

    /// A change, made on both sides; what the server refuses changes neither.
    async fn step(&mut self) {
        let at = self.dice.below(self.spaces.len());
        let url = self.spaces[at].url("");
        match self.dice.below(8) {
            0..3 => {
                let (who, role) = (self.anybody(), self.dice.one(&ROLES));
                let body = json!({"principal": self.principal(who), "role": role});
                self.ada.post(&format!("{url}/grants"), body).await.done();
                self.forest.spaces[at].grants.insert((who, role));
            }
            3 => {
                let revocable: Vec<_> =
                    self.forest.spaces[at].grants.iter().copied().filter(|(who, _)| *who != Who::User(0)).collect();
                if revocable.is_empty() {
                    return;
                }
                let (who, role) = self.dice.one(&revocable);
                let principal = self.principal(who);
                let grants = self.ada.all_pages(&format!("{url}/grants"), 100).await;
                let grant = grants.iter().find(|g| g["principal"] == principal.as_str() && g["role"] == role);
                let id = grant.expect("as the forest has it")["id"].as_str().expect("an id").to_owned();
                self.ada.delete(&format!("{url}/grants/{id}")).await.done();
                self.forest.spaces[at].grants.remove(&(who, role));
            }
            4 | 5 => {
                let parent = if self.dice.below(6) == 0 { None } else { Some(self.dice.below(self.spaces.len())) };
                let id = parent.map(|parent| self.spaces[parent].id.clone());
                let answer = self.ada.patch(&url, json!({"parent": id})).await;
                let circle = parent.is_some_and(|parent| self.forest.lies_under(parent, at));
                assert_eq!(answer.status, if circle { 409 } else { 200 }, "{answer}");
                if !circle {
                    let inherits = self.forest.spaces[at].inherits && parent.is_some();
                    self.forest.spaces[at].parent = parent;
                    self.forest.spaces[at].inherits = inherits;
                    assert_eq!(answer["inherits"], inherits, "{answer}");
                }
            }
            6 => {
                let inherits = !self.forest.spaces[at].inherits;
                let answer = self.ada.patch(&url, json!({"inherits": inherits})).await;
                if self.forest.spaces[at].parent.is_some() {
                    answer.ok();
                    self.forest.spaces[at].inherits = inherits;
                } else {
                    answer.invalid("/inherits");
                }
            }
            _ => {
                let some: BTreeSet<usize> = [0, self.dice.below(4)].into();
                let gate = match self.dice.below(4) {
                    0 => Gate::Users,
                    1 => Gate::These(some),
                    _ => Gate::Members,
                };
                let view = match &gate {
                    Gate::Members => json!("members"),
                    Gate::Users => json!("users"),
                    Gate::These(users) => {
                        json!({"users": users.iter().map(|user| self.people[*user].principal()).collect::<Vec<_>>()})
                    }
                };
                self.ada.patch(&url, json!({"view": view})).await.ok();
                self.forest.spaces[at].gate = gate;
            }
        }
    }

    /// Asks the server everything, and compares.
    async fn agree(&self, what: &str) -> (usize, usize) {
        let (mut seen, mut hidden) = (0, 0);
        for (user, person) in self.people.iter().enumerate() {
            let what = format!("{what}, {}: {:#?}", person.username, self.forest.spaces);
            let listed: BTreeMap<String, BTreeSet<String>> = person
                .all_pages("/api/v1/spaces?archived=true", 5)
                .await
                .iter()
                .map(|space| {
                    let held = space["access"]["permissions"].as_array().expect("permissions").iter();
                    let held = held.filter_map(Value::as_str).filter(|p| PERMISSIONS.contains(p)).map(str::to_owned);
                    (space["id"].as_str().expect("an id").to_owned(), held.collect())
                })
                .collect();
            let me = person.get("/api/v1/me").await.ok();
            let mine: BTreeSet<&str> =
                me["spaces"].as_array().expect("spaces").iter().filter_map(|space| space["id"].as_str()).collect();
            assert_eq!(mine, listed.keys().map(String::as_str).collect(), "{what}");
            let tasks: BTreeSet<String> = person
                .all_pages("/api/v1/resources?kind=task", 7)
                .await
                .iter()
                .map(|task| task["id"].as_str().expect("an id").to_owned())
                .collect();
            for (at, space) in self.spaces.iter().enumerate() {
                let may = self.forest.may(Who::User(user), at);
                *if may.is_some() { &mut seen } else { &mut hidden } += 1;
                let told = listed.get(&space.id).map(|held| held.iter().map(String::as_str).collect());
                assert_eq!(told, may, "space {at}: {what}");
                let reads = may.is_some_and(|held| held.contains("task:read"));
                assert_eq!(tasks.contains(&self.tasks[at].id), reads, "the task of space {at}: {what}");
            }
            self.decide(Who::User(user), ("user", &person.id), &what).await;
        }
        for (actor, resource) in self.actors.iter().enumerate() {
            let what = format!("{what}, actor {actor}: {:#?}", self.forest.spaces);
            self.decide(Who::Actor(actor), ("resource", &resource.id), &what).await;
        }
        (seen, hidden)
    }

    /// Asks for decisions, as the command line.
    async fn decide(&self, asker: Who, (kind, id): (&str, &str), what: &str) {
        let (mut questions, mut expected) = (Vec::new(), Vec::new());
        for (at, (space, task)) in self.spaces.iter().zip(&self.tasks).enumerate() {
            let may = self.forest.may(asker, at);
            let holds = |permission: &str| may.as_ref().is_some_and(|held| held.contains(permission));
            let mut ask = |action: &'static str, kind: &'static str, id: &'static str, yes: bool| {
                questions.push((action, kind, id));
                expected.push(yes);
            };
            let (space, task) = (&*space.id.clone().leak(), &*task.id.clone().leak());
            ask("read", "space", space, may.is_some());
            for permission in PERMISSIONS {
                ask(permission, "space", space, holds(permission));
            }
            let reads = holds("task:read");
            ask("read", "task", task, reads);
            for (action, permission) in [("write", "task:write"), ("triage", "task:triage"), ("share", "task:share")] {
                ask(action, "task", task, reads && holds(permission));
            }
        }
        let asked: Vec<Question<'_>> = questions
            .iter()
            .map(|(action, of, target)| Question {
                subject: Entity { kind, id },
                action,
                resource: Entity { kind: of, id: target },
                given: Given::default(),
            })
            .collect();
        let answers = evaluate_each(&Ctx::system(self.g.app()), &asked).await.expect("answers");
        for ((question, yes), answer) in asked.iter().zip(expected).zip(answers) {
            assert_eq!(matches!(answer, Ok(Outcome::Allowed)), yes, "{question:?}: {what}");
        }
    }
}

async fn random_trees_agree_with_the_three_formulas(g: Garth) {
    let seed = 1_848;
    let mut grove = Grove::plant(&g, seed).await;
    let (mut seen, mut hidden) = (0, 0);
    for round in 0..8 {
        for _ in 0..12 {
            grove.step().await;
        }
        if round % 4 == 3 {
            // A picture that is loaded afresh is the one that was kept up.
            g.restart().await;
        }
        let (more_seen, more_hidden) = grove.agree(&format!("seed {seed}, round {round}")).await;
        seen += more_seen;
        hidden += more_hidden;
    }
    assert!(seen > 100 && hidden > 60, "the trees must be worth the trouble: {seen} {hidden}");
}
