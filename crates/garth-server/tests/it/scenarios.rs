//! Every answer that a scenario file expects, asked through the core and over HTTP, as the person it is about.

use crate::support::*;
use garth_server::access::Ctx;
use garth_server::base::clock;
use garth_server::scenarios::{
    self, Answer as Answered, Asks, DEMO, DEMO_PASSWORD, Expectation, Installed, Scenario, What,
};
use std::collections::{BTreeMap, BTreeSet};

stories! {
    every_expectation_follows_through_the_core_and_over_http,
    a_mistake_in_a_scenario_is_named,
}

/// When the files were written: before every end that lies in their future.
const WRITTEN: &str = "2026-11-21T12:00:00Z";

async fn every_expectation_follows_through_the_core_and_over_http(g: Garth) {
    let back = g.time_in(0);
    g.pass(clock::from_text(WRITTEN).expect("a time") - clock::from_text(&back).expect("a time"));
    scenarios::load_demo(&g.app()).await.expect("the demo loads");
    assert_eq!(g.setup_token(), None, "the demo has an administrator");
    let ctx = Ctx::system(g.app());
    let mut wrong = Vec::new();
    let mut people = BTreeMap::new();
    for (file, text) in DEMO {
        let scenario = scenarios::read(file, text).expect("a scenario");
        let installed = Installed::find(&ctx, &scenario).await.expect("everything is there");
        for expectation in &scenario.expect {
            let core = installed.ask(&ctx, expectation).expect("an answer of the core");
            let asker = sign_in(&g, &mut people, expectation.username()).await;
            let http = over_http(asker, &scenario, &installed, expectation).await;
            for (by, answer) in [("the core", core), ("HTTP", http)] {
                if answer != expectation.answer() {
                    wrong.push(format!("{file}, {expectation}\n    {by} answered {answer:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} answers differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// Somebody of the demo: signed in, nobody, or somebody whom the server does not let in.
enum Asker {
    In(Person),
    Anonymous(Person),
    Refused,
}

async fn sign_in<'a>(g: &Garth, people: &'a mut BTreeMap<String, Asker>, username: Option<&str>) -> &'a Asker {
    let key = username.unwrap_or_default();
    if !people.contains_key(key) {
        let asker = match username {
            None => Asker::Anonymous(g.anonymous()),
            Some(username) => {
                let body = json!({"username": username, "password": DEMO_PASSWORD});
                let session = g.anonymous().post("/api/v1/login", body).await;
                match session.status.as_u16() {
                    200 => {
                        let id = session["user"]["id"].as_str().expect("a user").to_owned();
                        let token = Some(session.text("token"));
                        Asker::In(Person { g: g.clone(), id, username: username.to_owned(), token })
                    }
                    _ => {
                        session.problem(401);
                        Asker::Refused
                    }
                }
            }
        };
        people.insert(key.to_owned(), asker);
    }
    &people[key]
}

async fn over_http(asker: &Asker, scenario: &Scenario, installed: &Installed, expectation: &Expectation) -> Answered {
    match (asker, &expectation.asks) {
        (Asker::Refused, Asks::May { .. }) => Answered::May(false),
        (Asker::Refused, Asks::Lists { .. }) => Answered::Lists(BTreeSet::new()),
        (Asker::Anonymous(nobody), Asks::May { what, .. }) => {
            let path = match what {
                What::Space(path) => format!("/api/v1/spaces/{}", installed.space(path).expect("a space")),
                What::Resource { kind, name } => {
                    format!("/api/v1/resources/{}", installed.resource(kind, name).expect("a resource").id)
                }
            };
            Answered::May(nobody.get(&path).await.status == 200)
        }
        (Asker::In(person), Asks::May { action, what, .. }) => {
            let (kind, id) = match what {
                What::Space(path) => ("space", installed.space(path).expect("a space")),
                What::Resource { kind, name } => {
                    (kind.as_str(), installed.resource(kind, name).expect("a resource").id.as_str())
                }
            };
            let decision = person.may(action, kind, id).await;
            if action == "read" {
                reading_agrees(person, kind, id, decision, expectation).await;
            }
            Answered::May(decision)
        }
        (Asker::In(person) | Asker::Anonymous(person), Asks::Lists { kind, space, .. }) => {
            let inside = space.as_ref().map(|path| format!("&space={}", installed.space(path).expect("a space")));
            let inside = inside.unwrap_or_default();
            let items = person.all_pages(&format!("/api/v1/resources?kind={kind}{inside}"), 7).await;
            let names = items.iter().filter_map(|item| item["name"].as_str().map(str::to_owned));
            // Kinds belong to one file each, so that nothing of another one can be among them.
            assert!(scenario.resources.iter().any(|resource| resource.kind == *kind));
            Answered::Lists(names.collect())
        }
    }
}

/// Who may read gets it, and who may not is told that it is not there.
async fn reading_agrees(person: &Person, kind: &str, id: &str, decision: bool, expectation: &Expectation) {
    let noun = if kind == "space" { "spaces" } else { "resources" };
    let status = person.get(&format!("/api/v1/{noun}/{id}")).await.status.as_u16();
    assert_eq!(status, if decision { 200 } else { 404 }, "{expectation}: the check and the thing itself disagree");
}

async fn a_mistake_in_a_scenario_is_named(g: Garth) {
    let text = "name: Atlas\npeople:\n  - {username: maya, name: Maya}\nspaces:\n  - name: Atlas\n    grants:\n      - {principal: \"user:@bo\", role: reader}\n";
    let scenario = scenarios::read("atlas.yaml", text).expect("it reads");
    let refused = scenarios::load(&g.app(), &scenario, DEMO_PASSWORD).await.expect_err("nobody is called bo");
    let said = refused.to_string();
    assert!(said.contains("grant Atlas: user:@bo as reader") && said.contains("/principal"), "{said}");
}
