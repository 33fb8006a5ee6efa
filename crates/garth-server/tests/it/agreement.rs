//! On random worlds, on both engines: a list, a check, an explanation and a search give one answer; and a preview says
//! exactly what making the change moves.
//!
//! Every story grows a world by random requests of random people, of which many are refused. The seed is in the name of
//! the failure; the same seed grows the same world.

use crate::support::*;
use garth_core::{Action, Given};
use garth_server::access::{Sought, subjects};
use garth_server::{Ctx, resources};
use std::collections::{BTreeMap, BTreeSet};

stories! {
    list_check_explain_and_search_agree_on_random_worlds,
    making_a_change_moves_what_its_preview_said,
}

/// A small generator: the same numbers for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % end as u64).expect("small")
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    fn some<T: Clone>(&mut self, of: &[T]) -> Vec<T> {
        of.iter().filter(|_| self.below(2) == 0).cloned().collect()
    }

    fn chance(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }
}

const KINDS: [&str; 4] = ["note", "task", "page", "part"];
const RESOURCES: &str = "/api/v1/resources";

/// A world that grows.
struct World {
    g: Garth,
    ada: Person,
    people: Vec<Person>,
    groups: Vec<Thing>,
    spaces: Vec<Thing>,
    policies: Vec<String>,
    dice: Dice,
}

impl World {
    /// Four people and Ada, groups in groups, a tree of spaces, kinds of every sort, named policies.
    async fn begin(g: &Garth, seed: u64) -> World {
        let ada = g.admin().await;
        let mut people = vec![ada.clone()];
        for name in ["lin", "bo", "kim", "wes"] {
            people.push(g.person(name).await);
        }
        let inner = ada.group("inner", &[&people[1]]).await;
        let outer = ada.group("outer", &[&people[2], &inner]).await;
        ada.kind_with("note", json!({"shareable": true})).await;
        ada.kind_with(
            "task",
            json!({"exceptions": {"owner": ["view", "edit"], "subscribers": ["view"]}, "permissions": ["task:triage"]}),
        )
        .await;
        let own = json!({"rules": [{"effect": "deny", "who": {"users": [people[3].principal()]}},
            {"effect": "allow", "who": "author"}, {"effect": "allow", "who": "members"}], "default": "deny"});
        ada.kind_with("page", json!({"default_view": own, "shareable": true, "prefix": "PG"})).await;
        let requires = json!([{"pointer": "/notes", "kind": "note", "requires": "view"},
            {"pointer": "/pages", "kind": "page", "requires": "view"},
            {"pointer": "/parts", "kind": "part", "requires": "view"}]);
        ada.kind_with("part", json!({"references": requires, "shareable": true, "prefix": "PT"})).await;
        let home = g.closed_home().await;
        let top = ada.space("Top").create().await;
        let middle = ada.space("Middle").under(&top).inherits().create().await;
        let deep = ada.space("Deep").under(&middle).inherits().create().await;
        let side = ada.space("Side").under(&top).create().await;
        let mut policies = Vec::new();
        for name in ["one", "two"] {
            policies.push(ada.post("/api/v1/policies", json!({"name": name, "policy": "users"})).await.created().id());
        }
        let (groups, spaces) = (vec![inner, outer], vec![home, top, middle, deep, side]);
        World { g: g.clone(), ada, people, groups, spaces, policies, dice: Dice(seed) }
    }

    fn groups_somehow(&mut self) -> Vec<String> {
        let all: Vec<String> = self.groups.iter().map(|group| format!("group:{}", group.id)).collect();
        self.dice.some(&all)
    }

    /// Any form of a policy; `owned` where author, owner and subscribers fit.
    fn policy(&mut self, owned: bool, depth: usize) -> Value {
        let people: Vec<String> = self.people.iter().map(Person::principal).collect();
        match self.dice.below(if depth > 1 { 9 } else { 11 }) {
            0 => json!("users"),
            1 | 2 => json!("members"),
            3 => json!("public"),
            4 => json!({"permission": *self.dice.one(&["note:read", "task:write", "space:admin"])}),
            5 => json!({"users": self.dice.some(&people)}),
            6 => json!({"groups_any": self.groups_somehow()}),
            7 => json!({"groups_all": self.groups_somehow()}),
            8 => json!({"named": self.dice.one(&self.policies.clone())}),
            _ => {
                let mut rules = Vec::new();
                for _ in 0..=self.dice.below(2) {
                    let who = match self.dice.below(if owned { 6 } else { 3 }) {
                        3 => json!("author"),
                        4 => json!("owner"),
                        5 => json!("subscribers"),
                        _ => self.policy(owned, depth + 1),
                    };
                    rules.push(json!({"effect": *self.dice.one(&["allow", "allow", "deny"]), "who": who}));
                }
                // Ada stays in most of the time, so that the world stays one that can change.
                rules.insert(0, json!({"effect": "allow", "who": {"users": [self.ada.principal()]}}));
                json!({"rules": rules, "default": *self.dice.one(&["allow", "deny"])})
            }
        }
    }

    async fn all_resources(&self) -> Vec<(String, String)> {
        let ctx = Ctx::system(self.g.app());
        let filter = resources::Filter { archived: true, ..resources::Filter::default() };
        let page = garth_server::base::http::PageRequest { limit: 100, cursor: None };
        let all = resources::list(&ctx, &filter, &page).await.expect("the system lists all");
        all.items.into_iter().map(|view| (view.kind, view.row.id)).collect()
    }

    async fn space_of(&self, id: &str) -> String {
        let view = resources::get(&Ctx::system(self.g.app()), id).await.expect("a resource");
        view.space.expect("a space").to_string()
    }

    /// A random request of a random person; most of them are refused one way or another.
    async fn step(&mut self) -> Answer {
        let by = if self.dice.chance(2) { self.ada.clone() } else { self.dice.one(&self.people.clone()).clone() };
        let space = self.dice.one(&self.spaces.clone()).id.clone();
        let all = self.all_resources().await;
        if all.is_empty() || (all.len() < 40 && self.dice.chance(2)) {
            let kind = *self.dice.one(&KINDS);
            let mut body = json!({"kind": kind, "space": space, "name": format!("{kind} {}", all.len())});
            if kind == "part" {
                for (field, kind) in [("notes", "note"), ("pages", "page"), ("parts", "part")] {
                    let of_kind: Vec<&(String, String)> = all.iter().filter(|(of, _)| of == kind).collect();
                    if !of_kind.is_empty() && self.dice.chance(3) {
                        body["body"][field] = json!([self.dice.one(&of_kind).1]);
                    }
                }
            }
            for field in ["view", "edit"] {
                if self.dice.chance(4) {
                    body[field] = self.policy(true, 0);
                }
            }
            if self.dice.chance(3) {
                body["owner"] = json!(self.dice.one(&self.people.clone()).principal());
            }
            if self.dice.chance(3) {
                body["subscribers"] = json!([self.dice.one(&self.people.clone()).principal()]);
            }
            return by.post(RESOURCES, body).await;
        }
        let change = self.change(&all);
        self.make(&by, &change).await
    }

    /// A change as a preview takes it.
    fn change(&mut self, all: &[(String, String)]) -> Value {
        let space = self.dice.one(&self.spaces.clone()).id.clone();
        let person = self.dice.one(&self.people.clone()).principal();
        let group = self.dice.one(&self.groups.clone()).id.clone();
        let resource = self.dice.one(all).1.clone();
        match self.dice.below(14) {
            0 | 1 => {
                let holders = [person, format!("group:{group}"), "group:everyone".to_owned()];
                let (role, principal) =
                    (*self.dice.one(&["reader", "writer", "admin"]), self.dice.one(&holders).clone());
                json!({"type": "grant", "space": space, "principal": principal, "role": role})
            }
            2 => json!({"type": "grant_removed", "space": space, "grant": ""}),
            3 => json!({"type": "space", "space": space, "view": self.policy(false, 0)}),
            4 => json!({"type": "space", "space": space, "edit": self.policy(false, 0)}),
            5 => {
                let parent = self.dice.one(&self.spaces.clone()).id.clone();
                json!({"type": "space", "space": space, "parent": parent, "inherits": self.dice.chance(2)})
            }
            6 => json!({"type": "policy", "id": *self.dice.one(&["@one", "@two"]), "policy": self.policy(false, 1)}),
            7 => json!({"type": "resource", "resource": resource, "view": self.policy(true, 0)}),
            8 => json!({"type": "resource", "resource": resource, "owner": person, "edit": self.policy(true, 0)}),
            9 => json!({"type": "move", "resource": resource, "space": space}),
            10 => {
                let kind = *self.dice.one(&["group_member", "group_member_removed"]);
                json!({"type": kind, "group": group, "member": person})
            }
            11 | 12 => {
                let spaces: Vec<String> = self.spaces.iter().map(|space| space.id.clone()).collect();
                json!({"type": "shares", "resource": resource, "spaces": self.dice.some(&spaces)})
            }
            _ => {
                let exceptions = if self.dice.chance(2) { json!({"author": ["view"]}) } else { json!({}) };
                let view = if self.dice.chance(2) { self.policy(true, 0) } else { Value::Null };
                json!({"type": "kind", "kind": *self.dice.one(&KINDS), "default_view": view, "exceptions": exceptions})
            }
        }
    }

    /// Fills in what is only known when it is asked for: a grant of that space.
    async fn with_grant(&mut self, mut change: Value) -> Value {
        if change["type"] == "grant_removed" && change["grant"] == "" {
            let space = change["space"].as_str().expect("a space").to_owned();
            let grants = self.ada.get(&format!("/api/v1/spaces/{space}/grants")).await;
            let ids: Vec<String> =
                grants.json["items"].as_array().into_iter().flatten().map(|g| g["id"].to_string()).collect();
            if !ids.is_empty() {
                change["grant"] = json!(self.dice.one(&ids).trim_matches('"'));
            }
        }
        change
    }

    /// Makes a change by the call that its preview describes.
    async fn make(&mut self, by: &Person, change: &Value) -> Answer {
        let change = self.with_grant(change.clone()).await;
        let text = |field: &str| change[field].as_str().unwrap_or_default().to_owned();
        let without = |names: &[&str]| {
            let mut body = change.clone();
            let fields = body.as_object_mut().expect("an object");
            fields.remove("type");
            names.iter().for_each(|name| drop(fields.remove(*name)));
            body
        };
        match text("type").as_str() {
            "grant" => by.post(&format!("/api/v1/spaces/{}/grants", text("space")), without(&["space"])).await,
            "grant_removed" => by.delete(&format!("/api/v1/spaces/{}/grants/{}", text("space"), text("grant"))).await,
            "space" => by.patch(&format!("/api/v1/spaces/{}", text("space")), without(&["space"])).await,
            "shares" => {
                let put = "PUT".parse().expect("a method");
                let url = format!("{RESOURCES}/{}/shares", text("resource"));
                by.call(put, &url).json(without(&["resource"])).await
            }
            "policy" => by.patch(&format!("/api/v1/policies/{}", text("id")), without(&["id"])).await,
            "resource" => by.patch(&format!("{RESOURCES}/{}", text("resource")), without(&["resource"])).await,
            "move" => by.post(&format!("{RESOURCES}/{}/move", text("resource")), without(&["resource"])).await,
            "group_member" => by.post(&format!("/api/v1/groups/{}/members", text("group")), without(&["group"])).await,
            "group_member_removed" => {
                by.delete(&format!("/api/v1/groups/{}/members/{}", text("group"), text("member"))).await
            }
            "kind" => by.patch(&format!("/api/v1/kinds/{}", text("kind")), without(&["kind"])).await,
            other => panic!("no such change: {other}"),
        }
    }

    /// What everybody may do to everything: by person, type and id.
    async fn decisions(&self) -> BTreeMap<(String, String, String), BTreeSet<String>> {
        let mut things: Vec<(String, String)> =
            self.spaces.iter().map(|space| ("space".to_owned(), space.id.clone())).collect();
        things.extend(self.all_resources().await);
        let mut found = BTreeMap::new();
        for person in &self.people {
            for (kind, id) in &things {
                let search =
                    json!({"subject": {"type": "user", "id": person.id}, "resource": {"type": kind, "id": id}});
                let answer = person.post("/access/v1/search/action", search).await.ok();
                let names = answer["results"].as_array().expect("results").iter();
                let names = names.map(|one| one["name"].as_str().expect("a name").to_owned()).collect();
                found.insert((person.principal(), kind.clone(), id.clone()), names);
            }
        }
        found
    }
}

/// What somebody may do to a resource without policies of its own, as their rights in its space tell it.
fn told_by(there: &BTreeSet<String>, kind: &str) -> BTreeSet<String> {
    let holds = |verb: &str| there.contains(&format!("{kind}:{verb}"));
    if !there.contains("read") || !holds("read") {
        return BTreeSet::new();
    }
    let verbs = there.iter().filter(|name| name.split_once(':').is_some_and(|(noun, _)| noun == kind));
    let mut names: BTreeSet<String> =
        verbs.filter(|name| !name.ends_with(":read") && !name.ends_with(":write")).cloned().collect();
    names.insert("read".to_owned());
    if holds("write") {
        names.extend(["write", "delete"].map(str::to_owned));
    }
    names
}

async fn list_check_explain_and_search_agree_on_random_worlds(g: Garth) {
    let seed = 20_311;
    let mut world = World::begin(&g, seed).await;
    let (mut seen, mut hidden) = (0, 0);
    for round in 0..4 {
        for _ in 0..60 {
            world.step().await;
        }
        let all = world.all_resources().await;
        let ctx = Ctx::system(g.app());
        let mut may_read: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for (kind, id) in &all {
            let about = resources::about(&ctx, id).await.expect("an answer").expect("a resource");
            let (users, next) = subjects(&ctx, &about, Sought::Users, Action::Read, &Given::default(), None, 100)
                .await
                .expect("subjects");
            assert!(next.is_none(), "all of them fit");
            let dir = g.app().directory();
            may_read.insert(id, users.into_iter().map(|user| dir.principal_text(user)).collect());
            assert!(KINDS.contains(&kind.as_str()));
        }
        for person in &world.people {
            let what = |id: &str| format!("seed {seed}, round {round}: {} and {id}", person.username);
            let listed: BTreeSet<String> = person
                .all_pages("/api/v1/resources?archived=true", *[1, 5, 16, 53].get(round).expect("a size"))
                .await
                .iter()
                .map(|one| one["id"].as_str().expect("an id").to_owned())
                .collect();
            for kind in KINDS {
                let subject = json!({"type": "user", "id": person.id});
                let search = json!({"subject": subject, "action": {"name": "read"}, "resource": {"type": kind}});
                let found = person.post("/access/v1/search/resource", search).await.ok();
                let found: BTreeSet<&str> =
                    found["results"].as_array().expect("results").iter().filter_map(|one| one["id"].as_str()).collect();
                let of_kind = all.iter().filter(|(of, id)| of == kind && listed.contains(id));
                assert_eq!(found, of_kind.map(|(_, id)| id.as_str()).collect(), "{}", what(kind));
            }
            for (kind, id) in &all {
                let got = person.get(&format!("{RESOURCES}/{id}")).await.status == 200;
                *if got { &mut seen } else { &mut hidden } += 1;
                assert_eq!(listed.contains(id), got, "listed: {}", what(id));
                assert_eq!(may_read[id.as_str()].contains(&person.principal()), got, "by subject: {}", what(id));
                for action in ["read", "write"] {
                    let may = person.may(action, kind, id).await;
                    let why = person.post("/api/v1/explain", person.question(action, kind, id)).await.ok();
                    assert_eq!(why["decision"], may, "explained {action}: {} {why}", what(id));
                    assert!(action == "write" || may == got, "checked: {}", what(id));
                    assert!(!may || got, "who may write sees: {}", what(id));
                }
            }
        }
    }
    assert!(seen > 100 && hidden > 40, "the worlds must be worth the trouble: {seen} {hidden}");
}

async fn making_a_change_moves_what_its_preview_said(g: Garth) {
    let seed = 4_711;
    let mut world = World::begin(&g, seed).await;
    for _ in 0..50 {
        world.step().await;
    }
    let (mut made, mut moved) = (0, 0);
    for number in 0..40 {
        let all = world.all_resources().await;
        let change = world.change(&all);
        let change = world.with_grant(change).await;
        let by = world.ada.clone();
        let what = format!("seed {seed}, change {number}: {change}");
        let visible_spaces: BTreeSet<String> = world.spaces.iter().map(|space| space.id.clone()).collect();
        let visible: BTreeSet<String> = by
            .all_pages("/api/v1/resources?archived=true", 100)
            .await
            .iter()
            .map(|one| one["id"].as_str().expect("an id").to_owned())
            .collect();
        let told = by.post("/api/v1/preview", json!({"change": change})).await;
        let before = world.decisions().await;
        let done = if change["grant"] == "" { continue } else { world.make(&by, &change).await };
        if !done.status.is_success() {
            let expected = if done.status == 404 { 422 } else { done.status.as_u16() };
            assert_eq!(told.status.as_u16(), expected, "{what}\n{told}\n{done}");
            continue;
        }
        made += 1;
        let told = told.ok();
        assert_eq!(told["complete"], true, "{what}");
        let after = world.decisions().await;
        type Moved = (BTreeSet<String>, BTreeSet<String>);
        let mut items: BTreeMap<(String, String, String), Moved> = BTreeMap::new();
        for item in told.items() {
            let text = |value: &Value| value.as_str().expect("a text").to_owned();
            let names = |value: &Value| value.as_array().expect("a list").iter().map(text).collect();
            let key = (text(&item["principal"]), text(&item["target"]["type"]), text(&item["target"]["id"]));
            assert!(
                items.insert(key, (names(&item["gains"]), names(&item["loses"]))).is_none(),
                "twice: {what} {told}"
            );
        }
        for (key, then) in &before {
            let now = &after[key];
            let gained: BTreeSet<String> = now.difference(then).cloned().collect();
            let lost: BTreeSet<String> = then.difference(now).cloned().collect();
            let (_, kind, id) = key;
            let named = if kind == "space" { visible_spaces.contains(id) } else { visible.contains(id) };
            let differs = !(gained.is_empty() && lost.is_empty());
            moved += usize::from(differs);
            match items.remove(key) {
                Some(item) => assert_eq!(item, (gained, lost), "{what}: {key:?}"),
                // What is not named is told by the rights in its space.
                None if differs && named && kind != "space" => {
                    let place = world.space_of(id).await;
                    for (rights, names) in [(&before, then), (&after, now)] {
                        let there = &rights[&(key.0.clone(), "space".to_owned(), place.clone())];
                        assert_eq!(&told_by(there, kind), names, "{what}: {key:?}\n{told}");
                    }
                }
                None => assert!(!(differs && named), "{what}: {key:?} gained {gained:?}, lost {lost:?}\n{told}"),
            }
        }
        assert!(items.is_empty(), "{what}: told, and did not happen: {items:?}");
    }
    assert!(made > 8 && moved > 40, "the changes must be worth the trouble: {made} made, {moved} moved");
}
