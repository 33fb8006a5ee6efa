//! Stories about the directory of people: who finds whom, and that nobody else leaves a trace in it.

use crate::support::*;

stories! {
    n09_the_directory_is_the_people_one_shares_a_space_with,
    a_search_finds_whom_one_may_see_and_nobody_else,
    whoever_is_out_is_found_no_more,
    where_everyone_is_a_member_everybody_finds_everybody,
    a_shut_gate_hides_whoever_does_not_pass_it,
    system_administrators_find_everybody,
}

async fn found(by: &Person, query: &str) -> Vec<String> {
    by.get(&format!("/api/v1/users{query}")).await.ok().each("username")
}

/// What is listed is just what can be asked for one by one, in the order of names, at every size of a page.
async fn complete(by: &Person, people: &[&Person]) {
    let mut one_by_one = Vec::new();
    for person in people {
        let answer = by.get(&format!("/api/v1/users/{}", person.id)).await;
        if answer.status.is_success() {
            one_by_one.push(person.username.clone());
        } else {
            answer.refused(404, "not_found");
        }
    }
    one_by_one.sort();
    for limit in [1, 2, 3, 100] {
        let listed = by.all_pages("/api/v1/users", limit).await;
        let names: Vec<&str> = listed.iter().map(|user| user["username"].as_str().expect("a name")).collect();
        assert_eq!(names, one_by_one, "{} in pages of {limit}", by.username);
    }
}

async fn n09_the_directory_is_the_people_one_shares_a_space_with(g: Garth) {
    let ada = g.admin().await;
    let mut people = Vec::new();
    for name in ["ann", "ben", "cem", "dan", "eva", "fay", "gil"] {
        people.push(g.person(name).await);
    }
    let all: Vec<&Person> = people.iter().chain([&ada]).collect();
    let [ann, ben, cem, dan, eva, fay, gil] = &people[..] else { panic!("seven people") };
    g.closed_home().await;
    let top = ada.space("Top").admin(ann).create().await;
    let mid = ada.space("Mid").under(&top).admin(ben).create().await;
    let leaf = ada.space("Leaf").under(&mid).admin(cem).create().await;
    let side = ada.space("Side").under(&top).admin(dan).create().await;
    ada.space("Vault").under(&top).sealed().admin(eva).create().await;
    // By a group in a group; for a time; and by the child that inherits.
    let inner = ada.group("inner", &[fay]).await;
    let outer = ada.group("outer", &[&inner]).await;
    ada.grant_by_registry(&side, &outer, "reader").await;
    let until = json!({"principal": gil.principal(), "role": "reader", "expires_at": g.time_in(60 * SECOND)});
    ada.post(&format!("/api/v1/registry/spaces/{}/grants", leaf.id), until).await.created();
    ada.grant_by_registry(&mid, ann, "admin").await;
    ann.patch(&leaf.url(""), json!({"inherits": true})).await.ok();
    for person in &people {
        complete(person, &all).await;
    }
    // Ann's role flows down from the top: she shares each space below with its people, but not the sealed one.
    assert_eq!(found(ann, "").await, ["ann", "ben", "cem", "dan", "fay", "gil"]);
    // Whoever is in the leaf is a reader of what it inherits from.
    assert_eq!(found(ben, "").await, ["ann", "ben", "cem", "gil"]);
    assert_eq!(found(cem, "").await, ["ann", "ben", "cem", "gil"]);
    assert_eq!(found(dan, "").await, ["ann", "dan", "fay"]);
    assert_eq!(found(eva, "").await, ["eva"]);
    let key = cem.key(&leaf, "nightly", "reader").await;
    assert_eq!(found(&key, "").await, ["ann", "ben", "cem", "gil"]);
    g.pass(61 * SECOND);
    assert_eq!(found(cem, "").await, ["ann", "ben", "cem"]);
    assert_eq!(found(gil, "").await, ["gil"]);
    for person in &people {
        complete(person, &all).await;
    }
}

async fn a_search_finds_whom_one_may_see_and_nobody_else(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo] = [g.person("lin").await, g.person("lindsey").await];
    for (username, name) in [("linus", "Linus"), ("hidden", "Lin Hidden"), ("zoe", "Zoe")] {
        let body = json!({"username": username, "name": name, "email": "lin@atlas.example"});
        ada.post("/api/v1/users", body).await.created();
    }
    g.closed_home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    ada.grant_by_registry(&atlas, &bo, "reader").await;
    let before = lin.get("/api/v1/users?q=lin&limit=1").await.ok();
    let cursor = before["next"].as_str().expect("there is bo").to_owned();
    assert_eq!(before.each("username"), ["lin"]);
    let rest = lin.get(&format!("/api/v1/users?q=lin&limit=1&cursor={}", percent(&cursor))).await.ok();
    assert_eq!((rest.each("username"), &rest["next"]), (vec!["lindsey".to_owned()], &Value::Null));
    g.unchanged(async || {
        for q in ["linus", "hidden", "Zoe", "atlas.example", "%", "_"] {
            let nobody = lin.get(&format!("/api/v1/users?q={}", percent(q))).await.ok();
            assert!(nobody.items().is_empty() && nobody["next"].is_null(), "{q}: {nobody}");
        }
        // A cursor is good for its own search and its own reader.
        for (by, q) in [(&lin, "li"), (&lin, ""), (&bo, "lin")] {
            let path = format!("/api/v1/users?q={q}&cursor={}", percent(&cursor));
            by.get(&path).await.invalid("?cursor");
        }
        lin.get("/api/v1/users?everybody=true").await.problem(422);
    })
    .await;
    assert_eq!(found(&lin, "?q=LINDS").await, ["lindsey"]);
    assert_eq!(found(&ada, "?q=lin").await, ["hidden", "lin", "lindsey", "linus"]);
    assert_eq!(found(&ada, "?system_admin=true").await, ["ada"]);
    assert_eq!(found(&lin, "?system_admin=false&disabled=false").await, ["lin", "lindsey"]);
    assert!(found(&lin, "?disabled=true").await.is_empty() && found(&ada, "?q=lin&disabled=true").await.is_empty());
    ada.get("/api/v1/users?disabled=maybe").await.invalid("?disabled");
    // More of them elsewhere: not a byte changes.
    let same = lin.get("/api/v1/users?q=lin").await.ok();
    for number in 0..5 {
        ada.post("/api/v1/users", json!({"username": format!("lin{number}")})).await.created();
    }
    assert_same(&same, &lin.get("/api/v1/users?q=lin").await.ok());
    // What is private of those who are found is not told.
    for user in same.items().iter().filter(|user| user["username"] != "lin") {
        assert_eq!(user["email"], Value::Null);
    }
}

async fn whoever_is_out_is_found_no_more(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo, kim] = [g.person("lin").await, g.person("bo").await, g.person("kim").await];
    g.closed_home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    ada.grant_by_registry(&atlas, &bo, "reader").await;
    let crew = ada.group("crew", &[&kim]).await;
    ada.grant_by_registry(&atlas, &crew, "reader").await;
    assert_eq!(found(&lin, "").await, ["bo", "kim", "lin"]);
    ada.patch(&format!("/api/v1/users/{}", bo.id), json!({"disabled": true})).await.ok();
    assert_eq!(found(&lin, "").await, ["kim", "lin"]);
    ada.patch(&format!("/api/v1/users/{}", bo.id), json!({"disabled": false})).await.ok();
    ada.delete(&crew.url(&format!("/members/{}", kim.principal()))).await.done();
    assert_eq!(found(&lin, "").await, ["bo", "lin"]);
    assert_eq!(found(&kim, "").await, ["kim"]);
    lin.delete(&atlas.url(&format!("/members/{}", bo.id))).await.done();
    assert_eq!(found(&lin, "").await, ["lin"]);
    ada.delete(&format!("/api/v1/users/{}", bo.id)).await.done();
    assert_eq!(found(&lin, "").await, ["lin"]);
}

async fn where_everyone_is_a_member_everybody_finds_everybody(g: Garth) {
    let ada = g.admin().await;
    let people = [g.person("ann").await, g.person("ben").await, g.person("cem").await];
    for number in 0..230 {
        ada.post("/api/v1/users", json!({"username": format!("person{number:03}")})).await.created();
    }
    // The default space, which nobody has named yet, is everybody's.
    let [ann, ben, _] = &people;
    assert_eq!(ann.all_pages("/api/v1/users", 100).await.len(), 234);
    assert_eq!(found(ann, "?q=person22").await.len(), 10);
    ada.patch(&format!("/api/v1/users/{}", ben.id), json!({"disabled": true})).await.ok();
    ada.delete("/api/v1/users/@person007").await.done();
    let listed = ann.all_pages("/api/v1/users", 7).await;
    assert_eq!(listed.len(), 232);
    assert!(listed.iter().all(|user| user["username"] != "ben" && user["username"] != "person007"));
    assert_eq!(ada.all_pages("/api/v1/users", 100).await.len(), 233, "she sees who is disabled");
}

async fn a_shut_gate_hides_whoever_does_not_pass_it(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo] = [g.person("lin").await, g.person("bo").await];
    for number in 0..5 {
        g.person(&format!("other{number}")).await;
    }
    g.closed_home().await;
    let gate = json!({"users": [lin.principal(), bo.principal()]});
    let atlas = ada.space("Atlas").admin(&lin).with("view", gate).create().await;
    ada.grant_by_registry(&atlas, "group:everyone", "reader").await;
    // Everyone holds a role there, and only who passes the gate is a member.
    for limit in [1, 2, 100] {
        let listed = lin.all_pages("/api/v1/users", limit).await;
        let names: Vec<&str> = listed.iter().map(|user| user["username"].as_str().expect("a name")).collect();
        assert_eq!(names, ["bo", "lin"]);
    }
    assert!(found(&lin, "?q=other").await.is_empty());
    assert_eq!(lin.get(&atlas.url("/members")).await.ok().each("username"), ["bo", "lin"]);
}

async fn system_administrators_find_everybody(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    g.closed_home().await;
    ada.space("Vault").sealed().admin(&lin).create().await;
    assert_eq!(found(&ada, "").await, ["ada", "lin"]);
    assert_eq!(found(&ada, "?q=LIN").await, ["lin"]);
    ada.get(&format!("/api/v1/users/{}", lin.id)).await.ok();
    // One more of them, and one less: what they find follows at once.
    ada.patch(&format!("/api/v1/users/{}", lin.id), json!({"system_admin": true})).await.ok();
    assert_eq!(found(&lin, "").await, ["ada", "lin"]);
    ada.patch(&format!("/api/v1/users/{}", lin.id), json!({"system_admin": false})).await.ok();
    assert_eq!(found(&lin, "").await, ["lin"]);
}
