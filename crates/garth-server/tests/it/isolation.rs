//! What must fail between people and spaces that share nothing (`reference/attacks.md`, N06 to N10 and N46 to N50).
//! `sweep` and `two_worlds` look at every route; here each attack is told as its own story.

use crate::support::*;

stories! {
    n06_what_is_made_again_under_an_old_name_inherits_nothing,
    n07_neither_an_id_nor_a_code_tells_of_anything_else,
    n07_trying_tells_nothing_of_what_others_make,
    n08_a_name_that_is_taken_out_of_sight_is_free,
    n08_who_may_not_make_accounts_learns_no_names,
    n09_people_see_whom_they_share_a_space_with_and_nobody_else,
    n10_nothing_goes_where_its_maker_cannot_see,
    n46_what_is_inherited_is_used_and_not_changed,
    n47_the_deepest_tree_is_served_and_no_deeper_one_is_made,
    n48_an_administrator_of_a_space_gives_no_more_than_they_hold,
    n49_the_last_administrator_stays_by_every_way,
    n50_what_is_nobodys_is_claimed_by_nobody,
}

fn resource(id: &str) -> String {
    format!("/api/v1/resources/{id}")
}

fn user(person: &Person) -> String {
    format!("/api/v1/users/{}", person.id)
}

async fn n06_what_is_made_again_under_an_old_name_inherits_nothing(g: Garth) {
    let ada = g.admin().await;
    let (lin, bo) = (g.person("lin").await, g.person("bo").await);
    ada.kind("task").await;
    g.closed_home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    let crew = ada.group("crew", &[&bo]).await;
    let way_in = ada.grant_by_registry(&atlas, &crew, "reader").await;
    let only_crew = json!({"groups_any": [format!("group:{}", crew.id)]});
    let room = ada.space("Room").admin(&lin).create().await;
    let task = lin.resource("task", "Fix the lift").space(&room).create().await;
    let key = lin.key(&room, "nightly", "writer").await;
    bo.get(&atlas.url("")).await.ok();

    // A group: its grant goes first, then it goes, and another of its name is nobody in Atlas.
    ada.delete(&format!("/api/v1/registry/spaces/{}/grants/{}", atlas.id, way_in.id)).await.done();
    ada.delete(&crew.url("")).await.done();
    let again = ada.group("crew", &[&bo]).await;
    assert_ne!(again.id, crew.id);
    bo.get(&atlas.url("")).await.refused(404, "not_found");
    lin.patch(&atlas.url(""), json!({"view": only_crew})).await.invalid("/view/groups_any/0");

    // A space: members, key and contents of the old one are nothing in the new one.
    lin.post(&room.url("/archive"), json!({})).await.ok();
    lin.delete(&room.url("?confirm=Room")).await.done();
    let other = ada.space("Room").admin(&bo).create().await;
    assert_ne!(other.id, room.id);
    lin.get(&other.url("")).await.refused(404, "not_found");
    lin.get(&room.url("")).await.refused(404, "not_found");
    key.get("/api/v1/resources").await.not_signed_in();
    assert!(bo.get(&format!("/api/v1/resources?space={}&archived=true", other.id)).await.ok().items().is_empty());
    let new = bo.resource("task", "Fix the lift").space(&other).create().await;
    assert_ne!(new["code"], task["code"]);
    bo.get(&resource(task["code"].as_str().expect("a code"))).await.refused(404, "not_found");

    // A role: whoever held the old one does not hold the new one.
    let role = ada.role("helper", &["task:read"]).await;
    let held = ada.grant_by_registry(&atlas, &bo, "helper").await;
    ada.delete(&role.url("")).await.refused(409, "conflict");
    ada.delete(&format!("/api/v1/registry/spaces/{}/grants/{}", atlas.id, held.id)).await.done();
    ada.delete(&role.url("")).await.done();
    ada.role("helper", &["space:admin"]).await;
    bo.get(&atlas.url("")).await.refused(404, "not_found");

    // A person: see also `users::a_name_used_again_inherits_nothing`.
    ada.grant_by_registry(&atlas, &bo, "reader").await;
    ada.delete(&user(&bo)).await.refused(409, "last_admin");
    ada.grant_by_registry(&other, &lin, "admin").await;
    ada.delete(&user(&bo)).await.done();
    let second = g.person("bo").await;
    for url in [atlas.url(""), other.url(""), new.url("")] {
        second.get(&url).await.refused(404, "not_found");
    }
    bo.get("/api/v1/me").await.not_signed_in();
}

async fn n07_neither_an_id_nor_a_code_tells_of_anything_else(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    let home = g.home().await;
    let mut made = Vec::new();
    // The clock stands still: all are made in the same millisecond.
    for at in 0..40 {
        made.push(ada.resource("task", &format!("Task {at}")).space(&home).create().await);
    }
    // After the time, the version and the variant, every bit is chance: no two begin alike, and they follow no order.
    let tails: Vec<String> = made.iter().map(|task| task.id[15..].replace('-', "")[1..].to_owned()).collect();
    let mut heads: Vec<&str> = tails.iter().map(|tail| &tail[2..8]).collect();
    assert!(!heads.is_sorted(), "{heads:?}");
    heads.sort_unstable();
    heads.dedup();
    assert_eq!(heads.len(), made.len());
    let codes: Vec<&str> = made.iter().map(|task| task["code"].as_str().expect("a code")).collect();
    assert!(!codes.is_sorted());
    let near = codes.windows(2).filter(|two| two[0][..6] == two[1][..6]).count();
    assert!(near < 4, "codes that follow one another look alike: {codes:?}");
}

/// The code of something that was only tried was once the code of what would be made next: two tries told whether anybody
/// had made anything, anywhere, in between.
async fn n07_trying_tells_nothing_of_what_others_make(g: Garth) {
    let ada = g.admin().await;
    let (lin, mia) = (g.person("lin").await, g.person("mia").await);
    ada.kind("task").await;
    g.closed_home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    let vault = ada.space("Vault").sealed().admin(&mia).create().await;
    let body = json!({"kind": "task", "name": "x", "space": atlas.id});
    let tried = async || lin.post("/api/v1/resources?dry_run=true", body.clone()).await.created().text("code");
    let (one, other) = (tried().await, tried().await);
    mia.resource("task", "Secret").space(&vault).create().await;
    let third = tried().await;
    assert!(one != other && other != third && one != third, "{one} {other} {third}");
    let made = lin.resource("task", "x").space(&atlas).create().await;
    assert!([&one, &other, &third].iter().all(|code| made["code"] != ***code), "{made}", made = made.json);
    let batch = json!({"resources": [body, body]});
    let batch = lin.post("/api/v1/resources/batch?dry_run=true", batch).await.created().each("code");
    assert_ne!(batch[0], batch[1]);
}

async fn n08_a_name_that_is_taken_out_of_sight_is_free(g: Garth) {
    let ada = g.admin().await;
    let (lin, mia) = (g.person("lin").await, g.person("mia").await);
    ada.kind("task").await;
    g.closed_home().await;
    ada.patch("/api/v1/settings", json!({"create_spaces": "users"})).await.ok();
    let atlas = lin.space("Atlas").create().await;
    let vault = mia.space("Vault").create().await;
    mia.space("Attic").under(&vault).create().await;
    mia.resource("task", "Fix the lift").space(&vault).labels(&["lift"]).create().await;
    mia.key(&vault, "nightly", "reader").await;
    // Everything that a member names: nothing of it is taken by anybody out of sight.
    let named = lin.space("Vault").create().await;
    lin.space("Attic").under(&named).create().await;
    lin.patch(&atlas.url(""), json!({"name": "Vault"})).await.ok();
    lin.resource("task", "Fix the lift").space(&atlas).labels(&["lift"]).create().await;
    lin.key(&atlas, "nightly", "reader").await;
    lin.patch("/api/v1/me", json!({"name": "mia"})).await.ok();
    let found = lin.get("/api/v1/spaces?path=Vault").await.ok();
    assert_eq!(sorted(found.each("id")), sorted(vec![atlas.id.clone(), named.id.clone()]));
}

/// What is unique in the whole installation (accounts, groups, roles, kinds and their prefixes, named policies) is named
/// by system administrators, who see all of it. Everybody else is turned away before a name is looked at.
async fn n08_who_may_not_make_accounts_learns_no_names(g: Garth) {
    let ada = g.admin().await;
    let (lin, mia) = (g.person("lin").await, g.person("mia").await);
    ada.kind("task").await;
    g.closed_home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    ada.group("ghosts", &[&mia]).await;
    let key = lin.key(&atlas, "boss", "admin").await;
    g.unchanged(async || {
        for by in [&lin, &key] {
            for (path, taken, free) in [
                ("/api/v1/users", json!({"username": "mia"}), json!({"username": "zzz"})),
                ("/api/v1/users", json!({"username": "MIA"}), json!({"username": "ZZZ"})),
                ("/api/v1/groups", json!({"name": "ghosts"}), json!({"name": "zzzzzz"})),
                (
                    "/api/v1/roles",
                    json!({"name": "reader", "permissions": []}),
                    json!({"name": "rrrrrr", "permissions": []}),
                ),
                ("/api/v1/kinds", kind_body("task", json!({})), kind_body("zzzz", json!({}))),
            ] {
                let one = by.post(path, taken).await.refused(403, "forbidden");
                assert_same(&one, &by.post(path, free).await);
            }
        }
        // Nor does signing in, or a lost password, tell whom there is.
        for (taken, free) in [("mia", "zzz"), ("lin", "zzz")] {
            let sign_in =
                |name: &str| g.anonymous().post("/api/v1/login", json!({"username": name, "password": "guess"}));
            assert_same(&sign_in(taken).await.refused_somehow(), &sign_in(free).await);
            let code = "00000-00000-00000-00000";
            let recover = |name: &str| {
                let body = json!({"username": name, "recovery_code": code, "new_password": "another correct horse"});
                g.anonymous().post("/api/v1/recover", body)
            };
            assert_same(&recover(taken).await.refused_somehow(), &recover(free).await);
        }
    })
    .await;
}

async fn n09_people_see_whom_they_share_a_space_with_and_nobody_else(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo, mia, gus] =
        [g.person("lin").await, g.person("bo").await, g.person("mia").await, g.person("gus").await];
    ada.kind("task").await;
    g.closed_home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    let vault = ada.space("Vault").admin(&mia).create().await;
    ada.grant_by_registry(&atlas, &bo, "reader").await;
    // In both: he sees everybody, and shows nobody to the others.
    for space in [&atlas, &vault] {
        ada.grant_by_registry(space, &gus, "writer").await;
    }
    let choir = ada.group("choir", &[&lin, &mia]).await;
    let names = async |by: &Person| sorted(by.get("/api/v1/users").await.ok().each("username"));
    assert_eq!(names(&lin).await, ["bo", "gus", "lin"]);
    assert_eq!(names(&mia).await, ["gus", "mia"]);
    assert_eq!(names(&gus).await, ["bo", "gus", "lin", "mia"]);
    let nobody = strange(&mia.id);
    g.unchanged(async || {
        for (one, other) in [(mia.id.as_str(), nobody.as_str()), ("@mia", "@zzz")] {
            let hidden = lin.get(&format!("/api/v1/users/{one}")).await.refused(404, "not_found");
            assert_same(&hidden, &lin.get(&format!("/api/v1/users/{other}")).await);
        }
        for q in ["mia", "mi"] {
            assert!(lin.get(&format!("/api/v1/users?q={q}")).await.ok().items().is_empty());
        }
        // Not by a group that both sing in, and not as a member of anything.
        assert_eq!(lin.get(&choir.url("/members")).await.ok().items().len(), 1);
        assert_eq!(sorted(lin.get(&atlas.url("/members")).await.ok().each("username")), ["bo", "gus", "lin"]);
        for field in ["owner", "author"] {
            let filter = |id: &str| lin.get(&format!("/api/v1/resources?{field}=user:{id}"));
            assert_same(&filter(&mia.id).await.ok(), &filter(&nobody).await);
        }
    })
    .await;
    // What gus made in both spaces shows lin nothing of whom he works with elsewhere.
    let shared = gus.resource("task", "Both").space(&atlas).view(json!({"users": [mia.principal(), lin.principal()]}));
    shared.send().await.refused(409, "lockout");
    let people = json!({"users": [mia.principal(), lin.principal(), gus.principal()]});
    let shared = gus.resource("task", "Both").space(&atlas).view(people).edit(json!({"users": [gus.principal()]}));
    let seen = lin.get(&shared.owner(&mia).create().await.url("")).await.ok();
    assert!(!seen.json["view"].to_string().contains(&mia.id), "{seen}");
    // The day they share a space, they see each other; the day they do not, they do not.
    let grant = ada.grant_by_registry(&vault, &lin, "reader").await;
    lin.get(&user(&mia)).await.ok();
    ada.delete(&format!("/api/v1/registry/spaces/{}/grants/{}", vault.id, grant.id)).await.done();
    lin.get(&user(&mia)).await.refused(404, "not_found");
}

async fn n10_nothing_goes_where_its_maker_cannot_see(g: Garth) {
    let ada = g.admin().await;
    let (lin, out) = (g.person("lin").await, g.person("out").await);
    ada.kind("task").await;
    let home = g.closed_home().await;
    let vault = ada.space("Vault").create().await;
    let later = ada.space("Later").admin(&lin).create().await;
    g.pass(SECOND);
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    // The default space and Vault are older, and hidden.
    let where_to = async || lin.resource("task", "x").create().await["space"].as_str().expect("a space").to_owned();
    assert_eq!(where_to().await, later.id);
    lin.patch("/api/v1/me", json!({"default_space": atlas.id})).await.ok();
    assert_eq!(where_to().await, atlas.id);
    lin.patch("/api/v1/me", json!({"default_space": home.id})).await.invalid("/default_space");
    // One's own default that was taken away, or put away, is passed over, and is not told.
    let grant = ada.grant_by_registry(&vault, &lin, "writer").await;
    lin.patch("/api/v1/me", json!({"default_space": vault.id})).await.ok();
    assert_eq!(where_to().await, vault.id);
    ada.delete(&format!("/api/v1/registry/spaces/{}/grants/{}", vault.id, grant.id)).await.done();
    assert_eq!(where_to().await, later.id);
    assert_eq!(lin.get("/api/v1/me").await.ok()["default_space"], Value::Null);
    lin.post(&later.url("/archive"), json!({})).await.ok();
    assert_eq!(where_to().await, atlas.id);
    // Who sees no space at all makes nothing.
    g.unchanged(async || out.resource("task", "x").send().await.invalid("/space")).await;
    assert!(ada.get(&format!("/api/v1/resources?space={}", home.id)).await.ok().items().is_empty());
}

async fn n46_what_is_inherited_is_used_and_not_changed(g: Garth) {
    let ada = g.admin().await;
    let [lin, kid, sis] = [g.person("lin").await, g.person("kid").await, g.person("sis").await];
    ada.kind_with("pool", json!({"shareable": true, "prefix": "PO"})).await;
    ada.kind("task").await;
    ada.kind_with("stack", json!({"prefix": "ST", "references": [{"pointer": "/pool", "kind": "pool"}]})).await;
    g.closed_home().await;
    let top = ada.space("Top").admin(&lin).create().await;
    ada.patch("/api/v1/settings", json!({"create_spaces": "space_admins"})).await.ok();
    let child = lin.space("Child").under(&top).inherits().create().await;
    let sister = lin.space("Sister").under(&top).create().await;
    ada.grant_by_registry(&child, &kid, "admin").await;
    ada.grant_by_registry(&sister, &sis, "admin").await;
    let pool = lin.resource("pool", "Workers").space(&top).create().await;
    let own = json!({"users": [lin.principal()]});
    let private = lin.resource("pool", "Private").space(&top).view(own.clone()).create().await;
    let below = lin.resource("task", "Of the sister").space(&sister).create().await;

    let uses = |by: &Person, space: &Thing, pool: &Thing| {
        by.resource("stack", "Stack").space(space).body(json!({"pool": pool.id})).send()
    };
    uses(&kid, &child, &pool).await.created();
    g.unchanged(async || {
        kid.patch(&pool.url(""), json!({"name": "Mine"})).await.refused(403, "forbidden");
        kid.delete(&pool.url("")).await.refused(403, "forbidden");
        kid.post(&pool.url("/move"), json!({"space": child.id})).await.refused(403, "forbidden");
        kid.resource("pool", "New").space(&top).send().await.refused(403, "forbidden");
        // What has a policy of its own stays hidden, as a thing and as a reference; and so does the sister.
        kid.get(&private.url("")).await.refused(404, "not_found");
        uses(&kid, &child, &private).await.invalid("/body/pool");
        kid.get(&below.url("")).await.refused(404, "not_found");
        kid.get(&sister.url("")).await.refused(404, "not_found");
        // Who does not inherit has nothing of it.
        sis.get(&pool.url("")).await.refused(404, "not_found");
        uses(&sis, &sister, &pool).await.invalid("/body/pool");
    })
    .await;
    // A gate that names people stays shut to those below.
    lin.patch(&top.url(""), json!({"view": {"users": [lin.principal()]}})).await.ok();
    kid.get(&pool.url("")).await.refused(404, "not_found");
    kid.get(&top.url("")).await.refused(404, "not_found");
    lin.patch(&top.url(""), json!({"view": "members"})).await.ok();
    kid.get(&pool.url("")).await.ok();
    // Turned off, it counts in the next answer.
    lin.patch(&child.url(""), json!({"inherits": false})).await.ok();
    kid.get(&pool.url("")).await.refused(404, "not_found");
    assert!(kid.get("/api/v1/resources?kind=pool").await.ok().items().is_empty());
    g.unchanged(async || uses(&kid, &child, &pool).await.invalid("/body/pool")).await;
}

async fn n47_the_deepest_tree_is_served_and_no_deeper_one_is_made(g: Garth) {
    let ada = g.admin().await;
    let bo = g.person("bo").await;
    ada.kind("task").await;
    g.closed_home().await;
    let mut chain = vec![ada.space("S1").create().await];
    for depth in 2..=32 {
        chain.push(ada.space(&format!("S{depth}")).under(&chain[depth - 2]).create().await);
    }
    let (top, last) = (&chain[0], &chain[31]);
    ada.grant(top, &bo, "writer").await;
    let other = ada.space("Other").create().await;
    g.unchanged(async || {
        ada.space("S33").under(last).send().await.invalid("/parent");
        ada.patch(&top.url(""), json!({"parent": other.id})).await.invalid("/parent");
        ada.patch(&chain[1].url(""), json!({"parent": last.id})).await.refused_somehow();
        ada.patch(&other.url(""), json!({"parent": last.id})).await.invalid("/parent");
    })
    .await;
    // From the top down to the end, everything is answered.
    let deep = bo.resource("task", "Deep down").space(last).create().await;
    assert!(bo.may("write", "task", &deep.id).await);
    assert_eq!(bo.get(&last.url("")).await.ok()["path"].as_str().map(|path| path.split('/').count()), Some(32));
    assert_eq!(bo.all_pages("/api/v1/spaces", 7).await.len(), 32);
    bo.get(&last.url("/members")).await.ok();
    bo.post("/api/v1/explain", bo.question("write", "task", &deep.id)).await.ok();
    ada.post(&top.url("/archive"), json!({})).await.ok();
    assert!(bo.get("/api/v1/resources").await.ok().items().is_empty());
    ada.post(&top.url("/activate"), json!({})).await.ok();
    assert_eq!(bo.get("/api/v1/resources").await.ok().items().len(), 1);
    // And a broad one.
    for at in 0..120 {
        ada.space(&format!("Leaf {at}")).under(&other).create().await;
    }
    assert_eq!(ada.all_pages(&format!("/api/v1/spaces?parent={}", other.id), 100).await.len(), 120);
    let too_many: Vec<Value> = (0..501).map(|_| json!({"kind": "no such kind"})).collect();
    g.unchanged(async || {
        ada.post("/api/v1/resources/batch", json!({"resources": too_many})).await.refused(422, "invalid")
    })
    .await;
}

async fn n48_an_administrator_of_a_space_gives_no_more_than_they_hold(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo] = [g.person("lin").await, g.person("bo").await];
    ada.kind("task").await;
    g.closed_home().await;
    ada.patch("/api/v1/settings", json!({"create_spaces": "space_admins"})).await.ok();
    let top = ada.space("Top").create().await;
    let atlas = ada.space("Atlas").under(&top).create().await;
    ada.role("steward", &["space:admin", "task:read"]).await;
    let held = ada.grant(&atlas, &lin, "steward").await;
    ada.grant(&atlas, &bo, "reader").await;
    let crew = ada.group("crew", &[&lin]).await;
    ada.grant(&top, &crew, "reader").await;
    let rule = json!({"name": "rule", "policy": {"groups_any": ["group:@crew"]}, "edit": "admins"});
    let rule = ada.post("/api/v1/policies", rule).await.created();
    let steward = lin.key(&atlas, "steward", "steward").await;
    g.unchanged(async || {
        for by in [&lin, &steward] {
            // To others, to themselves, by a grant that is there, by a key, and by a child that inherits.
            for principal in [bo.principal(), lin.principal(), "group:everyone".to_owned()] {
                for role in ["writer", "admin"] {
                    let body = json!({"principal": principal, "role": role});
                    by.post(&atlas.url("/grants"), body).await.refused(403, "forbidden");
                }
            }
            // The key does not see the group, which holds its grant above; lin is in it.
            let to_crew = json!({"principal": format!("group:{}", crew.id), "role": "writer"});
            by.post(&atlas.url("/grants"), to_crew).await.refused_somehow();
            by.patch(&atlas.url(&format!("/grants/{}", held.id)), json!({"role": "admin"}))
                .await
                .refused(403, "forbidden");
            let key = json!({"name": "more", "role": "writer"});
            by.post(&atlas.url("/api-keys"), key).await.refused(403, "forbidden");
            // Not the space above, nor who is in it.
            for (path, body) in [
                (top.url("/grants"), json!({"principal": lin.principal(), "role": "reader"})),
                (top.url("/api-keys"), json!({"name": "more", "role": "reader"})),
            ] {
                by.post(&path, body).await.refused_somehow();
            }
            by.patch(&top.url(""), json!({"name": "Mine"})).await.refused_somehow();
            by.space("Child").under(&top).send().await.refused_somehow();
            by.patch(&atlas.url(""), json!({"inherits": true})).await.refused_somehow();
            // Nor by what belongs to the installation: groups, roles, policies, the registry, settings, accounts.
            let me = json!({"member": lin.principal()});
            by.post(&format!("/api/v1/groups/{}/members", crew.id), me).await.refused(403, "forbidden");
            by.patch("/api/v1/roles/steward", json!({"permissions": ["*:*"]})).await.refused(403, "forbidden");
            by.patch(&format!("/api/v1/policies/{}", rule.id()), json!({"policy": "users"}))
                .await
                .refused(403, "forbidden");
            let grant = json!({"principal": lin.principal(), "role": "admin"});
            let registry = format!("/api/v1/registry/spaces/{}/grants", top.id);
            by.post(&registry, grant).await.refused(403, "forbidden");
            by.patch("/api/v1/settings", json!({"create_spaces": "users"})).await.refused(403, "forbidden");
            by.patch(&user(&lin), json!({"system_admin": true})).await.refused(403, "forbidden");
        }
    })
    .await;
    // What they hold they may give.
    lin.post(&atlas.url("/grants"), json!({"principal": bo.principal(), "role": "steward"})).await.created();
}

async fn n49_the_last_administrator_stays_by_every_way(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo] = [g.person("lin").await, g.person("bo").await];
    g.closed_home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    let own = lin.get(&atlas.url("/grants")).await.ok().each("id").remove(0);
    let grant = atlas.url(&format!("/grants/{own}"));
    let registry = format!("/api/v1/registry/spaces/{}/grants/{own}", atlas.id);
    let one_way = async |sole: &Person| {
        g.unchanged(async || {
            sole.post(&atlas.url("/leave"), json!({})).await.refused_somehow();
            ada.patch(&user(&lin), json!({"disabled": true})).await.refused(409, "last_admin");
            ada.delete(&user(&lin)).await.refused(409, "last_admin");
        })
        .await;
    };
    one_way(&lin).await;
    g.unchanged(async || {
        lin.post(&atlas.url("/leave"), json!({})).await.refused(409, "last_admin");
        for (by, path) in [(&lin, &grant), (&ada, &registry)] {
            by.delete(path).await.refused(409, "last_admin");
            by.patch(path, json!({"role": "writer"})).await.refused(409, "last_admin");
            by.patch(path, json!({"expires_at": g.time_in(3600 * SECOND)})).await.refused(409, "last_admin");
        }
    })
    .await;
    // In charge by a group alone: neither the group's end, nor its members', nor its grant's.
    let crew = ada.group("crew", &[&lin]).await;
    let by_crew = ada.grant_by_registry(&atlas, &crew, "admin").await;
    lin.delete(&grant).await.done();
    one_way(&lin).await;
    g.unchanged(async || {
        let member = crew.url(&format!("/members/{}", lin.principal()));
        ada.delete(&member).await.refused(409, "last_admin");
        ada.delete(&crew.url("")).await.refused(409, "conflict");
        lin.delete(&atlas.url(&format!("/grants/{}", by_crew.id))).await.refused(409, "last_admin");
    })
    .await;
    // Two who are, at once, by different ways: one of the two requests is refused.
    for round in 0..8 {
        let second = ada.grant_by_registry(&atlas, &bo, "admin").await;
        let leaves = bo.post(&atlas.url("/leave"), json!({}));
        let out = match round % 3 {
            0 => ada.delete(&crew.url(&format!("/members/{}", lin.principal()))),
            1 => ada.delete(&format!("/api/v1/registry/spaces/{}/grants/{}", atlas.id, by_crew.id)),
            _ => ada.patch(&user(&lin), json!({"disabled": true})),
        };
        let answers = race(vec![leaves, out]).await;
        let done = answers.iter().filter(|answer| answer.status.is_success()).count();
        assert_eq!(done, 1, "round {round}: {} {}", answers[0], answers[1]);
        if answers[0].status.is_success() {
            continue;
        }
        // Lin is out, and comes back before bo goes.
        match round % 3 {
            0 => ada.post(&crew.url("/members"), json!({"member": lin.principal()})).await.done(),
            1 => break,
            _ => ada.patch(&user(&lin), json!({"disabled": false})).await.done(),
        };
        ada.delete(&format!("/api/v1/registry/spaces/{}/grants/{}", atlas.id, second.id)).await.done();
    }
    // And the installation keeps its own.
    g.unchanged(async || {
        for body in [json!({"system_admin": false}), json!({"disabled": true})] {
            ada.patch(&user(&ada), body).await.refused(409, "last_admin");
        }
        ada.delete(&user(&ada)).await.refused(409, "last_admin");
    })
    .await;
}

async fn n50_what_is_nobodys_is_claimed_by_nobody(g: Garth) {
    let ada = g.admin().await;
    let [lin, bo] = [g.person("lin").await, g.person("bo").await];
    ada.kind_with("task", json!({"exceptions": {"owner": ["view", "edit"]}})).await;
    ada.patch("/api/v1/settings", json!({"create_spaces": "users"})).await.ok();
    // The default space that nobody has named yet is the installation's, and everything is in it.
    let unnamed = bo.get("/api/v1/me").await.ok()["spaces"][0]["id"].as_str().map(str::to_owned);
    g.unchanged(async || {
        bo.space("Mine").send().await.refused(403, "forbidden");
        if let Some(id) = &unnamed {
            let own = json!({"principal": bo.principal(), "role": "admin"});
            bo.post(&format!("/api/v1/spaces/{id}/grants"), own).await.refused(403, "forbidden");
            bo.patch(&format!("/api/v1/spaces/{id}"), json!({"name": "Mine"})).await.refused(403, "forbidden");
        }
    })
    .await;
    g.closed_home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    ada.grant_by_registry(&atlas, &bo, "reader").await;
    // A thing without an owner: who may not edit it does not become its owner.
    let task = lin.resource("task", "Nobody's").space(&atlas).create().await;
    assert_eq!(task["owner"], Value::Null);
    let vault = ada.space("Vault").create().await;
    let hidden = ada.resource("task", "Nobody's").space(&vault).create().await;
    g.unchanged(async || {
        for field in
            [json!({"owner": bo.principal()}), json!({"edit": "users"}), json!({"subscribers": [bo.principal()]})]
        {
            bo.patch(&task.url(""), field.clone()).await.refused(403, "forbidden");
            bo.patch(&hidden.url(""), field).await.refused(404, "not_found");
        }
        bo.patch(&task.url(""), json!({"author": bo.principal()})).await.invalid("/author");
        let body = json!({"kind": "task", "name": "x", "space": atlas.id, "author": lin.principal()});
        lin.post("/api/v1/resources", body).await.invalid("/author");
    })
    .await;
    // A thing whose owner's account is gone.
    let orphan = lin.resource("task", "Left").space(&atlas).owner(&lin).create().await;
    ada.grant_by_registry(&atlas, &*ada.principal(), "admin").await;
    ada.delete(&user(&lin)).await.done();
    g.unchanged(async || bo.patch(&orphan.url(""), json!({"owner": bo.principal()})).await.refused(403, "forbidden"))
        .await;
    // A space whose last members are gone or whose time is over is not taken by those who may create spaces.
    let room = bo.space("Room").create().await;
    ada.grant_by_registry(&room, &*ada.principal(), "admin").await;
    let own = bo.get(&room.url("/grants")).await.ok().items();
    let own = own.iter().find(|grant| grant["principal"] == bo.principal()).expect("a grant")["id"].clone();
    bo.delete(&room.url(&format!("/grants/{}", own.as_str().expect("an id")))).await.done();
    g.unchanged(async || {
        bo.patch(&room.url(""), json!({"name": "Mine"})).await.refused(404, "not_found");
        bo.space("Below").under(&room).send().await.invalid("/parent");
        bo.post(&room.url("/grants"), json!({"principal": bo.principal(), "role": "admin"}))
            .await
            .refused(404, "not_found");
    })
    .await;
}
