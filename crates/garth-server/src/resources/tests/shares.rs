//! Stories about shares: windows that a space opens on single resources of its own, for another space.

use crate::support::*;

stories! {
    a_share_shows_one_thing_and_nothing_around_it,
    a_share_ends_at_once,
    passing_a_gate_grants_nothing_through_a_share_either,
    what_is_shared_is_used_and_not_changed,
    sharing_is_agreed_at_both_ends,
    shares_are_replaced_as_a_list,
    who_may_know_where_something_is_shared_to,
    either_end_takes_a_share_back,
    a_move_takes_shares_along_and_a_copy_does_not,
    a_mover_who_administers_nothing_leaves_shares_behind,
    who_is_in_the_receiving_space_is_not_told_at_the_source,
    what_requires_something_shared_is_seen_through_both,
    an_archived_space_hides_what_is_seen_through_it,
    a_deleted_space_takes_its_windows_along,
    a_kind_that_is_shareable_no_more_shows_nothing,
    a_sealed_space_is_shared_to_from_inside,
    keys_see_what_is_shared_to_their_home,
    a_share_is_on_record_at_both_ends,
    a_preview_tells_who_would_see_what_is_shared,
    a_resource_is_shared_to_so_many_spaces,
}

const RESOURCES: &str = "/api/v1/resources";

/// Source with a pool in it, administered by Lin, who may share to Target as well; Bo reads in Target, Wes in Source.
pub(super) struct Yard {
    ada: Person,
    lin: Person,
    mia: Person,
    bo: Person,
    wes: Person,
    source: Thing,
    target: Thing,
    pool: Thing,
}

impl Yard {
    async fn make(g: &Garth) -> Yard {
        let ada = g.admin().await;
        let [lin, mia] = [g.person("lin").await, g.person("mia").await];
        let [bo, wes] = [g.person("bo").await, g.person("wes").await];
        g.closed_home().await;
        ada.kind_with("pool", json!({"shareable": true, "exceptions": {"owner": ["view"]}})).await;
        ada.kind_with("stack", json!({"references": [{"pointer": "/pool", "kind": "pool"}]})).await;
        ada.role("sharer", &["pool:share"]).await;
        let source = ada.space("Source").admin(&lin).create().await;
        let target = ada.space("Target").admin(&mia).create().await;
        ada.grant_by_registry(&target, &lin, "sharer").await;
        ada.grant_by_registry(&target, &bo, "reader").await;
        ada.grant_by_registry(&source, &wes, "reader").await;
        let pool = lin.resource("pool", "Pool").space(&source).labels(&["big"]).create().await;
        Yard { ada, lin, mia, bo, wes, source, target, pool }
    }

    async fn shared(g: &Garth) -> Yard {
        let yard = Yard::make(g).await;
        share(&yard.lin, &yard.pool, &yard.target).await.created();
        yard
    }
}

async fn share(by: &Person, thing: &Thing, space: &Thing) -> Answer {
    by.post(&thing.url("/shares"), json!({"space": space.id})).await
}

/// Whether somebody sees it, by every way of asking.
pub(super) async fn sees(person: &Person, kind: &str, thing: &Thing) -> bool {
    let got = person.get(&thing.url("")).await.status == 200;
    let listed = person.all_pages(RESOURCES, 2).await.iter().any(|one| one["id"] == thing.id);
    let question = person.question("read", kind, &thing.id);
    let may = person.post("/access/v1/evaluation", question.clone()).await.ok()["decision"] == true;
    let batch = json!({"evaluations": [question, person.question("read", kind, &strange(&thing.id))]});
    let batch = person.post("/access/v1/evaluations", batch).await.ok();
    let explained = person.post("/api/v1/explain", question.clone()).await.ok()["decision"] == true;
    let search = json!({"subject": question["subject"], "action": {"name": "read"}, "resource": {"type": kind}});
    let found = person.post("/access/v1/search/resource", search).await.ok();
    let found = found["results"].as_array().expect("results").iter().any(|one| one["id"] == thing.id);
    let actions = json!({"subject": question["subject"], "resource": question["resource"]});
    let actions = person.post("/access/v1/search/action", actions).await.ok();
    let actions = actions["results"].as_array().expect("results").iter().any(|one| one["name"] == "read");
    let all = [got, listed, may, batch["evaluations"][0]["decision"] == true, explained, found, actions];
    assert!(all.iter().all(|one| *one == got), "{} does not get one answer: {all:?}", person.username);
    got
}

/// The answer to somebody for whom it is not there.
async fn is_missing(person: &Person, thing: &Thing) {
    let never = strange(&thing.id);
    let missing = person.get(&format!("{RESOURCES}/{never}")).await;
    assert_missing(&person.get(&thing.url("")).await, &thing.id, &missing, &never);
}

async fn a_share_shows_one_thing_and_nothing_around_it(g: Garth) {
    let yard = Yard::make(&g).await;
    let Yard { lin, mia, bo, wes, source, target, pool, .. } = &yard;
    let other = lin.resource("pool", "Other pool").space(source).create().await;
    // Wes is known in Source only; Lin, who made it, is a member of Target as well.
    let people = json!({"owner": wes.principal(), "subscribers": [wes.principal(), lin.principal()]});
    let before = lin.patch(&pool.url(""), people).await.ok();
    is_missing(bo, pool).await;
    let made = share(lin, pool, target).await.created();
    assert_eq!(made.json, json!({"space": target.id, "name": "Target"}));
    for person in [lin, mia, bo, wes] {
        assert!(sees(person, "pool", pool).await, "{}", person.username);
    }
    g.restart().await;
    // Through the share: the thing itself, not where it lies nor who is there.
    for person in [bo, mia] {
        let shown = person.get(&pool.url("")).await.ok();
        assert_eq!(shown["space"], Value::Null, "{shown}");
        assert_eq!((&shown["owner"], &shown["subscribers"]), (&Value::Null, &json!([lin.principal()])), "{shown}");
        assert_eq!((&shown["author"], &shown["name"]), (&json!(lin.principal()), &json!("Pool")));
        let listed = person.get(RESOURCES).await.ok();
        assert_eq!(listed.each("id"), [pool.id.as_str()]);
        assert_eq!(listed.items()[0]["space"], Value::Null);
        let why = person.post("/api/v1/explain", person.question("read", "pool", &pool.id)).await.ok();
        let text = why.to_string();
        assert!(text.contains("“Target”") && !text.contains("Source"), "{text}");
        // Its space and what else lies there is what never was.
        assert_eq!(person.get(&format!("{RESOURCES}?space={}", source.id)).await.ok().items(), Vec::<Value>::new());
        let unknown = person.get(&format!("/api/v1/spaces/{}", strange(&source.id))).await;
        assert_missing(&person.get(&source.url("")).await, &source.id, &unknown, &strange(&source.id));
        is_missing(person, &other).await;
    }
    // A list of what lies in a space is not a list of what is shared to it, and neither is its file.
    assert_eq!(bo.get(&format!("{RESOURCES}?space={}", target.id)).await.ok().items(), Vec::<Value>::new());
    assert_eq!(lin.get(&format!("{RESOURCES}?space={}&q=pool", source.id)).await.ok().items().len(), 2);
    let file = mia.get(&target.url("/export")).await.ok();
    assert!(!String::from_utf8_lossy(&file.bytes).contains("Pool"), "{file}");
    // In its own space it is what it was, its version and its time of change too.
    let shown = lin.get(&pool.url("")).await.ok();
    assert_eq!((&shown["space"], &shown["owner"]), (&json!(source.id), &json!(wes.principal())));
    assert_eq!((&shown["version"], &shown["updated_at"]), (&before["version"], &before["updated_at"]));
    // Words find it, and only it.
    assert_eq!(bo.get(&format!("{RESOURCES}?q=pool")).await.ok().each("id"), [pool.id.as_str()]);
    assert_eq!(bo.get(&format!("{RESOURCES}?q=other")).await.ok().items(), Vec::<Value>::new());
    assert_eq!(bo.get(&format!("{RESOURCES}?label=big&kind=pool")).await.ok().each("id"), [pool.id.as_str()]);
}

async fn a_share_ends_at_once(g: Garth) {
    let Yard { lin, bo, wes, target, pool, .. } = &Yard::shared(&g).await;
    assert!(sees(bo, "pool", pool).await);
    lin.delete(&pool.url(&format!("/shares/{}", target.id))).await.expect_status(204);
    assert!(!sees(bo, "pool", pool).await && sees(wes, "pool", pool).await);
    is_missing(bo, pool).await;
    lin.delete(&pool.url(&format!("/shares/{}", target.id))).await.refused(404, "not_found");
    // It comes back as it was, and ends as well where the other side loses its reader.
    share(lin, pool, target).await.created();
    assert!(sees(bo, "pool", pool).await);
    let grants = lin.g.admin().await.get(&format!("/api/v1/registry/spaces/{}/grants", target.id)).await.ok().items();
    let grant = grants.iter().find(|grant| grant["principal"] == bo.principal()).expect("bo's grant");
    let url = format!("/api/v1/registry/spaces/{}/grants/{}", target.id, grant["id"].as_str().expect("an id"));
    lin.g.admin().await.delete(&url).await.done();
    assert!(!sees(bo, "pool", pool).await);
}

async fn passing_a_gate_grants_nothing_through_a_share_either(g: Garth) {
    let Yard { ada, lin, mia, bo, target, pool, .. } = &Yard::shared(&g).await;
    let eve = g.person("eve").await;
    mia.patch(&target.url(""), json!({"view": "users"})).await.ok();
    // Eve passes the gate and holds nothing there; Lin's role there reads no pools, and he sees it where it lies.
    assert!(!sees(&eve, "pool", pool).await && sees(lin, "pool", pool).await);
    // Its own policy is asked with what somebody is in the receiving space.
    lin.patch(&pool.url(""), json!({"view": "members"})).await.ok();
    assert!(!sees(&eve, "pool", pool).await && sees(bo, "pool", pool).await);
    lin.patch(&pool.url(""), json!({"view": "users"})).await.ok();
    assert!(sees(&eve, "pool", pool).await && sees(bo, "pool", pool).await);
    let shown = eve.get(&pool.url("")).await.ok();
    assert_eq!((&shown["space"], &shown["view"]), (&Value::Null, &json!("users")));
    // Whom it names is told to those who know them.
    lin.patch(&pool.url(""), json!({"view": {"users": [lin.principal(), bo.principal()]}})).await.ok();
    assert!(!sees(&eve, "pool", pool).await && sees(bo, "pool", pool).await && !sees(mia, "pool", pool).await);
    // An exception counts behind the gate, and not without it. Ada, who runs all of it, has no way in.
    lin.patch(&pool.url(""), json!({"view": {"users": [lin.principal()]}, "owner": bo.principal()})).await.ok();
    assert!(sees(bo, "pool", pool).await && !sees(ada, "pool", pool).await);
    mia.patch(&target.url(""), json!({"view": {"users": [mia.principal(), lin.principal()]}})).await.ok();
    assert!(!sees(bo, "pool", pool).await);
}

async fn what_is_shared_is_used_and_not_changed(g: Garth) {
    let Yard { lin, mia, bo, source, target, pool, .. } = &Yard::make(&g).await;
    let stack = |name: &str| mia.resource("stack", name).space(target).body(json!({"pool": pool.id}));
    let unknown = mia.resource("stack", "x").space(target).body(json!({"pool": strange(&pool.id)})).send().await;
    let refused = stack("x").send().await;
    assert_missing(&refused, &pool.id, &unknown.invalid("/body/pool"), &strange(&pool.id));
    share(lin, pool, target).await.created();
    let uses = stack("Nightly").create().await;
    assert_eq!(bo.get(&uses.url("")).await.ok()["body"]["pool"], pool.id);
    // Where it lies somebody may do something, at the other end nobody may: not an administrator, not its code either.
    g.unchanged(async || {
        for url in [pool.url(""), format!("{RESOURCES}/{}", pool["code"].as_str().expect("a code"))] {
            mia.patch(&url, json!({"name": "Mine"})).await.refused(403, "forbidden");
            mia.delete(&url).await.refused(403, "forbidden");
            mia.post(&format!("{url}/move"), json!({"space": target.id})).await.refused(403, "forbidden");
            mia.post(&format!("{url}/archive"), json!({})).await.refused(403, "forbidden");
            share(mia, pool, target).await.refused(403, "forbidden");
            mia.call("PUT".parse().expect("a method"), &format!("{url}/shares"))
                .json(json!({"spaces": []}))
                .await
                .refused(403, "forbidden");
        }
        let copies = json!({"resources": [pool.id]});
        let refused = mia.post(&target.url("/copies"), copies).await.refused(409, "conflict");
        assert_eq!(refused["items"][0]["outcome"], "not_allowed", "{refused}");
    })
    .await;
    for action in ["write", "delete", "pool:share"] {
        assert!(!mia.may(action, "pool", &pool.id).await, "{action}");
    }
    lin.patch(&pool.url(""), json!({"name": "Better pool"})).await.ok();
    assert_eq!(bo.get(&pool.url("")).await.ok()["name"], "Better pool");
    // Stacks of its own space use it, too.
    lin.resource("stack", "Own").space(source).body(json!({"pool": pool.id})).create().await;
}

async fn sharing_is_agreed_at_both_ends(g: Garth) {
    let Yard { ada, lin, mia, bo, wes, source, target, pool } = &Yard::make(&g).await;
    let [eve, zoe] = [g.person("eve").await, g.person("zoe").await];
    let hidden = ada.space("Hidden").admin(&eve).create().await;
    let attic = ada.space("Attic").admin(lin).create().await;
    let plain = ada.space("Plain").admin(&zoe).create().await;
    ada.grant_by_registry(&plain, lin, "writer").await;
    let stack = lin.resource("stack", "Stack").space(source).create().await;
    lin.post(&attic.url("/archive"), json!({})).await.ok();
    g.unchanged(async || {
        // The source: administrators only. Who does not see it is told that there is nothing.
        let refused = share(wes, pool, target).await.refused(403, "forbidden");
        assert!(refused.text("detail").contains("space:admin"), "{refused}");
        for stranger in [mia, bo, ada, &eve] {
            let never = strange(&pool.id);
            let missing = stranger.post(&format!("{RESOURCES}/{never}/shares"), json!({"space": target.id})).await;
            assert_missing(&share(stranger, pool, target).await, &pool.id, &missing, &never);
        }
        g.anonymous().post(&pool.url("/shares"), json!({"space": target.id})).await.not_signed_in();
        // The target: whoever may share things of that kind there; a writer may not. Hidden and unknown are alike.
        let refused = share(lin, pool, &plain).await.refused(403, "forbidden");
        assert!(refused.text("detail").contains("pool:share"), "{refused}");
        let (url, never) = (pool.url("/shares"), strange(&hidden.id));
        let unknown = lin.post(&url, json!({"space": never})).await.invalid("/space");
        assert_missing(&share(lin, pool, &hidden).await.invalid("/space"), &hidden.id, &unknown, &never);
        share(lin, pool, source).await.invalid("/space");
        share(lin, &stack, target).await.invalid("/space");
        share(lin, pool, &attic).await.refused(409, "archived");
        lin.post(&url, json!({})).await.refused(422, "invalid");
        lin.post(&url, json!({"space": target.id, "until": "tomorrow"})).await.refused(422, "invalid");
        // What is only tried changes nothing.
        lin.post(&format!("{url}?dry_run=true"), json!({"space": target.id})).await.created();
    })
    .await;
    assert!(!sees(bo, "pool", pool).await);
    share(lin, pool, target).await.created();
    // Again it is the same, whatever the sharer may do there by now, and archived or not.
    let grants = mia.get(&target.url("/grants")).await.ok().items();
    let grant = grants.iter().find(|grant| grant["principal"] == lin.principal()).expect("a grant").clone();
    let grant = format!("/grants/{}", grant["id"].as_str().expect("an id"));
    mia.patch(&target.url(&grant), json!({"role": "reader"})).await.ok();
    mia.post(&target.url("/archive"), json!({})).await.ok();
    g.unchanged(async || assert_eq!(share(lin, pool, target).await.ok()["space"], target.id)).await;
}

async fn shares_are_replaced_as_a_list(g: Garth) {
    let Yard { ada, lin, mia, bo, wes, target, pool, .. } = &Yard::make(&g).await;
    let put = |by: &Person, spaces: Value| {
        by.call("PUT".parse().expect("a method"), &pool.url("/shares")).json(json!({"spaces": spaces}))
    };
    let [red, blue] = [ada.space("Red").admin(lin).create().await, ada.space("Blue").admin(lin).create().await];
    let names = |answer: Answer| answer.ok().names();
    assert_eq!(names(put(lin, json!([target.id, red.id])).await), ["Red", "Target"]);
    assert!(sees(bo, "pool", pool).await);
    // All or nothing: whatever is wrong is told, and nothing changes.
    g.unchanged(async || {
        let never = strange(&red.id);
        let wrong = put(lin, json!([blue.id, never, blue.id])).await.invalid("/spaces/1");
        assert_eq!(wrong["errors"][1]["pointer"], "/spaces/2", "{wrong}");
        put(lin, json!([blue.id, pool["space"]])).await.invalid("/spaces/1");
        put(lin, json!("all")).await.invalid("/spaces");
        put(mia, json!([])).await.refused(403, "forbidden");
    })
    .await;
    assert_eq!(names(put(lin, json!([blue.id])).await), ["Blue"]);
    assert!(!sees(bo, "pool", pool).await);
    // One that Lin cannot see any more is not told; the list says who has it from then on, and that is nobody else.
    assert_eq!(names(put(lin, json!([target.id, red.id])).await), ["Red", "Target"]);
    mia.patch(&target.url(""), json!({"view": {"users": [mia.principal(), bo.principal()]}})).await.ok();
    assert_eq!(names(lin.get(&pool.url("/shares")).await), ["Red"]);
    g.unchanged(async || {
        put(lin, json!([target.id])).await.invalid("/spaces/0");
        wes.delete(&pool.url(&format!("/shares/{}", target.id))).await.refused(404, "not_found");
        // Whoever administers the source is not told whether there was one.
        lin.delete(&pool.url(&format!("/shares/{}", strange(&red.id)))).await.done();
    })
    .await;
    assert!(sees(bo, "pool", pool).await);
    assert_eq!(names(put(lin, json!([])).await), Vec::<String>::new());
    assert!(!sees(bo, "pool", pool).await, "no window stays that the source's administrators cannot shut");
    mia.patch(&target.url(""), json!({"view": "members"})).await.ok();
    assert_eq!(names(put(lin, json!([target.id])).await), ["Target"]);
    mia.patch(&target.url(""), json!({"view": {"users": [mia.principal(), bo.principal()]}})).await.ok();
    lin.delete(&pool.url(&format!("/shares/{}", target.id))).await.done();
    assert!(!sees(bo, "pool", pool).await);
    mia.patch(&target.url(""), json!({"view": "members"})).await.ok();
    g.unchanged(async || assert_eq!(names(put(lin, json!([])).await), Vec::<String>::new())).await;
    assert_eq!(names(put(lin, json!([])).await), Vec::<String>::new());
    assert!(!sees(bo, "pool", pool).await);
}

async fn who_may_know_where_something_is_shared_to(g: Garth) {
    let Yard { ada, lin, mia, bo, wes, target, pool, .. } = &Yard::shared(&g).await;
    let red = ada.space("Red").admin(lin).create().await;
    let blue = ada.space("Blue").admin(lin).create().await;
    for space in [&red, &blue] {
        share(lin, pool, space).await.created();
    }
    ada.grant_by_registry(&red, bo, "reader").await;
    // Bo sees Blue, and the pool is not to be seen there by who reads nothing.
    lin.patch(&blue.url(""), json!({"view": "users"})).await.ok();
    let shares = async |by: &Person| by.get(&pool.url("/shares")).await.ok().names();
    assert_eq!(shares(lin).await, ["Blue", "Red", "Target"]);
    assert_eq!(lin.all_pages(&pool.url("/shares"), 1).await.len(), 3);
    assert_eq!(shares(wes).await, ["Blue"], "where it lies, those of spaces that one sees");
    assert_eq!(shares(bo).await, ["Red", "Target"], "elsewhere, those that one sees it through");
    assert_eq!(shares(mia).await, ["Target"]);
    let eve = g.person("eve").await;
    let never = strange(&pool.id);
    let missing = eve.get(&format!("{RESOURCES}/{never}/shares")).await;
    assert_missing(&eve.get(&pool.url("/shares")).await, &pool.id, &missing, &never);
    g.anonymous().get(&pool.url("/shares")).await.not_signed_in();
    mia.get(&format!("{}?colour=red", pool.url("/shares"))).await.refused(422, "invalid");
    assert!(sees(mia, "pool", pool).await && target["name"] == "Target");
}

async fn either_end_takes_a_share_back(g: Garth) {
    let Yard { ada, lin, mia, bo, wes, target, pool, .. } = &Yard::shared(&g).await;
    let red = ada.space("Red").admin(lin).create().await;
    share(lin, pool, &red).await.created();
    let away = |by: &Person, space: &Thing| by.delete(&pool.url(&format!("/shares/{}", space.id)));
    g.unchanged(async || {
        away(bo, target).await.refused(403, "forbidden");
        away(wes, target).await.refused(404, "not_found");
        // Mia does not know that it is shared to Red as well.
        away(mia, &red).await.refused(404, "not_found");
        mia.delete(&pool.url(&format!("/shares/{}", strange(&red.id)))).await.refused(404, "not_found");
        g.anonymous().delete(&pool.url(&format!("/shares/{}", target.id))).await.not_signed_in();
    })
    .await;
    away(mia, target).await.expect_status(204);
    assert!(!sees(bo, "pool", pool).await && !sees(mia, "pool", pool).await);
    assert_eq!(lin.get(&pool.url("/shares")).await.ok().names(), ["Red"]);
}

async fn a_move_takes_shares_along_and_a_copy_does_not(g: Garth) {
    let Yard { ada, lin, bo, mia, source, target, pool, .. } = &Yard::shared(&g).await;
    let red = ada.space("Red").admin(lin).create().await;
    share(lin, pool, &red).await.created();
    let copies = lin.post(&red.url("/copies"), json!({"resources": [pool.id]})).await.ok();
    let copy = Thing::at("resources", copies["items"][0]["copy"].as_str().expect("a copy"));
    assert!(!sees(bo, "pool", &copy).await);
    assert_eq!(lin.get(&copy.url("/shares")).await.ok().items(), Vec::<Value>::new());
    // Another policy keeps the shares, and so does another space; one to that very space is none any more.
    lin.patch(&pool.url(""), json!({"view": "members", "labels": ["other"]})).await.ok();
    assert_eq!(lin.get(&pool.url("/shares")).await.ok().names(), ["Red", "Target"]);
    lin.post(&pool.url("/move"), json!({"space": red.id})).await.ok();
    assert_eq!(lin.get(&pool.url("/shares")).await.ok().names(), ["Target"]);
    assert!(sees(bo, "pool", pool).await);
    // Into the space that it was shared to: there it is like anything else.
    let pools = ada.grant_by_registry(target, lin, "writer").await;
    lin.post(&pool.url("/move"), json!({"space": target.id})).await.ok();
    assert_eq!(bo.get(&pool.url("")).await.ok()["space"], target.id);
    assert_eq!(mia.get(&pool.url("/shares")).await.ok().items(), Vec::<Value>::new());
    assert!(!pools.id.is_empty() && lin.get(&source.url("")).await.status == 200);
    // Deleted, it is gone everywhere.
    share(mia, pool, target).await.invalid("/space");
    mia.delete(&pool.url("")).await.done();
    assert!(!sees(bo, "pool", pool).await);
}

async fn a_mover_who_administers_nothing_leaves_shares_behind(g: Garth) {
    let Yard { ada, lin, bo, wes, source, pool, .. } = &Yard::shared(&g).await;
    let blue = ada.space("Blue").admin(lin).create().await;
    for space in [source, &blue] {
        ada.grant_by_registry(space, wes, "writer").await;
    }
    assert!(sees(bo, "pool", pool).await);
    // A window is opened by who administers the space, and a writer's move opens none.
    wes.post(&pool.url("/move"), json!({"space": blue.id})).await.ok();
    assert_eq!(lin.get(&pool.url("/shares")).await.ok().items(), Vec::<Value>::new());
    assert!(!sees(bo, "pool", pool).await && sees(wes, "pool", pool).await);
}

async fn who_is_in_the_receiving_space_is_not_told_at_the_source(g: Garth) {
    let Yard { ada, lin, bo, wes, source, pool, .. } = &Yard::shared(&g).await;
    ada.role("asker", &["decision:ask", "pool:read"]).await;
    let asker = lin.key(source, "application", "asker").await;
    let who =
        json!({"subject": {"type": "user"}, "action": {"name": "read"}, "resource": {"type": "pool", "id": pool.id}});
    let found = asker.post("/access/v1/search/subject", who).await.ok();
    let ids: Vec<&str> =
        found["results"].as_array().expect("results").iter().filter_map(|r| r["id"].as_str()).collect();
    assert!(ids.contains(&&*lin.id) && ids.contains(&&*wes.id) && !ids.contains(&&*bo.id), "{found}");
    let may = async |of: &Person| {
        let asked = json!({"subject": {"type": "user", "id": of.id}, "action": {"name": "read"},
                           "resource": {"type": "pool", "id": pool.id}});
        let one = asker.post("/access/v1/evaluation", asked.clone()).await.ok()["decision"].clone();
        let many = asker.post("/access/v1/evaluations", json!({"evaluations": [asked]})).await.ok();
        assert_eq!(many["evaluations"][0]["decision"], one);
        one
    };
    assert_eq!((may(wes).await, may(bo).await), (json!(true), json!(false)));
    assert!(sees(bo, "pool", pool).await, "who asks about oneself is told");
}

async fn what_requires_something_shared_is_seen_through_both(g: Garth) {
    let Yard { ada, lin, bo, source, target, pool, .. } = &Yard::make(&g).await;
    let requires = json!([{"pointer": "/pool", "kind": "pool", "requires": "view"}]);
    ada.kind_with("run", json!({"shareable": true, "references": requires})).await;
    ada.role("runner", &["run:share"]).await;
    ada.grant_by_registry(target, lin, "runner").await;
    let run = lin.resource("run", "Run").space(source).body(json!({"pool": pool.id})).create().await;
    share(lin, &run, target).await.created();
    assert!(!sees(bo, "run", &run).await, "what it requires is hidden");
    share(lin, pool, target).await.created();
    assert!(sees(bo, "run", &run).await);
    lin.delete(&pool.url(&format!("/shares/{}", target.id))).await.done();
    assert!(!sees(bo, "run", &run).await && sees(lin, "run", &run).await);
}

async fn an_archived_space_hides_what_is_seen_through_it(g: Garth) {
    let Yard { ada, lin, mia, bo, source, target, pool, .. } = &Yard::shared(&g).await;
    let listed = async |by: &Person, query: &str| !by.get(&format!("{RESOURCES}{query}")).await.ok().items().is_empty();
    mia.post(&target.url("/archive"), json!({})).await.ok();
    // It changes no right; lists leave it out, unless archived things are asked for, or it is seen another way.
    assert!(bo.may("read", "pool", &pool.id).await && bo.get(&pool.url("")).await.status == 200);
    assert!(!listed(bo, "").await && listed(bo, "?archived=true").await && listed(lin, "").await);
    let red = ada.space("Red").admin(lin).create().await;
    ada.grant_by_registry(&red, bo, "reader").await;
    share(lin, pool, &red).await.created();
    assert!(listed(bo, "").await);
    // So does archiving the space that it lies in.
    lin.post(&source.url("/archive"), json!({})).await.ok();
    assert!(!listed(bo, "").await && listed(bo, "?archived=true").await && bo.get(&pool.url("")).await.status == 200);
    lin.post(&source.url("/activate"), json!({})).await.ok();
    lin.post(&pool.url("/archive"), json!({})).await.ok();
    assert!(!listed(bo, "").await && listed(bo, "?archived=true").await);
}

async fn a_deleted_space_takes_its_windows_along(g: Garth) {
    let Yard { ada, lin, mia, bo, source, target, pool, .. } = &Yard::shared(&g).await;
    mia.post(&target.url("/archive"), json!({})).await.ok();
    mia.delete(&target.url("?confirm=Target")).await.done();
    assert!(!sees(bo, "pool", pool).await && sees(lin, "pool", pool).await);
    assert_eq!(lin.get(&pool.url("/shares")).await.ok().items(), Vec::<Value>::new());
    g.restart().await;
    assert_eq!(lin.get(&pool.url("/shares")).await.ok().items(), Vec::<Value>::new());
    // What was shared there goes on: it changes, moves, and is shared anew.
    lin.patch(&pool.url(""), json!({"view": "members"})).await.ok();
    let red = ada.space("Red").admin(lin).create().await;
    ada.grant_by_registry(&red, bo, "reader").await;
    share(lin, pool, &red).await.created();
    assert!(sees(bo, "pool", pool).await);
    // And what a deleted space had shared is gone with it.
    lin.post(&source.url("/archive"), json!({})).await.ok();
    lin.delete(&source.url("?confirm=Source")).await.done();
    assert!(!sees(bo, "pool", pool).await);
    g.restart().await;
    is_missing(bo, pool).await;
}

async fn a_kind_that_is_shareable_no_more_shows_nothing(g: Garth) {
    let Yard { ada, lin, bo, target, pool, .. } = &Yard::shared(&g).await;
    ada.patch("/api/v1/kinds/pool", json!({"shareable": false})).await.ok();
    assert!(!sees(bo, "pool", pool).await && sees(lin, "pool", pool).await);
    ada.patch("/api/v1/kinds/pool", json!({"shareable": true})).await.ok();
    assert!(sees(bo, "pool", pool).await);
    ada.patch("/api/v1/kinds/pool", json!({"shareable": false})).await.ok();
    // What is shut is known where it lies, and taken away there.
    assert_eq!(lin.get(&pool.url("/shares")).await.ok().names(), ["Target"]);
    lin.delete(&pool.url(&format!("/shares/{}", target.id))).await.done();
    share(lin, pool, target).await.invalid("/space");
}

async fn a_sealed_space_is_shared_to_from_inside(g: Garth) {
    let Yard { ada, lin, bo, pool, .. } = &Yard::make(&g).await;
    let eve = g.person("eve").await;
    let vault = ada.space("Vault").sealed().admin(&eve).create().await;
    // Nobody who does not belong there can share anything to it, nor learn whether it is there.
    let (url, never) = (pool.url("/shares"), strange(&vault.id));
    let unknown = lin.post(&url, json!({"space": never})).await.invalid("/space");
    assert_missing(&share(lin, pool, &vault).await, &vault.id, &unknown, &never);
    eve.post(&vault.url("/grants"), json!({"principal": "user:@lin", "role": "admin"})).await.refused_somehow();
    // What is shared out of it is shared by its administrator, and seen as everything else is.
    let secret = eve.resource("pool", "Secret").space(&vault).create().await;
    let den = ada.space("Den").admin(&eve).create().await;
    ada.grant_by_registry(&den, bo, "reader").await;
    assert!(!sees(bo, "pool", &secret).await);
    share(&eve, &secret, &den).await.created();
    assert!(sees(bo, "pool", &secret).await && !sees(ada, "pool", &secret).await);
    assert_eq!(bo.get(&secret.url("")).await.ok()["space"], Value::Null);
    // And into it, what its people share from elsewhere.
    let tool = eve.resource("pool", "Tool").space(&den).create().await;
    share(&eve, &tool, &vault).await.created();
    let shares = bo.get(&tool.url("/shares")).await.ok();
    assert_eq!(shares.items(), Vec::<Value>::new(), "nobody else learns of the vault by it");
}

async fn keys_see_what_is_shared_to_their_home(g: Garth) {
    let Yard { ada, lin, mia, source, target, pool, .. } = &Yard::shared(&g).await;
    let eve = g.person("eve").await;
    let elsewhere = ada.space("Elsewhere").admin(&eve).create().await;
    let key = mia.key(target, "application", "reader").await;
    let foreign = eve.key(&elsewhere, "foreign", "admin").await;
    let own = lin.key(source, "own", "reader").await;
    assert!(sees(&key, "pool", pool).await && sees(&own, "pool", pool).await);
    assert!(!sees(&foreign, "pool", pool).await);
    assert_eq!(key.get(&pool.url("")).await.ok()["space"], Value::Null);
    // An application of the receiving space asks about others where its space is, and what is shared lies elsewhere.
    ada.role("asker", &["decision:ask", "pool:read"]).await;
    let asker = mia.key(target, "asker", "asker").await;
    let about = json!({"subject": {"type": "user", "id": lin.id}, "action": {"name": "read"},
        "resource": {"type": "pool", "id": pool.id}});
    assert_eq!(asker.post("/access/v1/evaluation", about).await.ok()["decision"], false);
    lin.delete(&pool.url(&format!("/shares/{}", target.id))).await.done();
    assert!(!sees(&key, "pool", pool).await);
}

async fn a_share_is_on_record_at_both_ends(g: Garth) {
    let Yard { ada, lin, mia, source, target, pool, .. } = &Yard::shared(&g).await;
    let zoe = g.person("zoe").await;
    ada.grant_by_registry(source, &zoe, "admin").await;
    let entry = async |by: &Person, space: &Thing, action: &str| {
        let found = by.get(&space.url(&format!("/audit?action={action}"))).await.ok().items();
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].clone()
    };
    let told = entry(lin, source, "resource.share").await;
    assert_eq!((&told["actor"], &told["target"]["id"]), (&json!(lin.principal()), &json!(pool.id)), "{told}");
    assert_eq!(told["after"]["shares"], json!([target.id]), "{told}");
    assert_eq!(told["before"]["shares"], Value::Null, "{told}");
    // Another administrator of the source, who does not see the target, is not told which it was.
    let veiled = entry(&zoe, source, "resource.share").await;
    assert_eq!(veiled["after"]["shares"], json!([]), "{veiled}");
    assert!(!veiled.to_string().contains(&target.id), "{veiled}");
    // The other end: who shared what, and not from where.
    let there = entry(mia, target, "resource.share").await;
    assert_eq!((&there["target"]["id"], &there["after"]), (&json!(pool.id), &json!({"shared": true})), "{there}");
    assert!(!there.to_string().contains(&source.id), "{there}");
    // What happens to it meanwhile is told where it lies.
    lin.patch(&pool.url(""), json!({"view": "members"})).await.ok();
    assert_eq!(entry(lin, source, "resource.update").await["after"]["view"], "members");
    mia.delete(&pool.url(&format!("/shares/{}", target.id))).await.done();
    assert_eq!(entry(lin, source, "resource.unshare").await["before"]["shares"], json!([target.id]));
    assert_eq!(entry(mia, target, "resource.unshare").await["before"], json!({"shared": true}));
    // Who tried in vain is on record where they tried.
    mia.delete(&pool.url("")).await.refused(404, "not_found");
    share(&zoe, pool, source).await.invalid("/space");
}

async fn a_preview_tells_who_would_see_what_is_shared(g: Garth) {
    let Yard { ada, lin, bo, mia, source, target, pool, .. } = &Yard::make(&g).await;
    // Whom Lin knows of he is told of: those of Target.
    let change = |spaces: Value| json!({"change": {"type": "shares", "resource": pool.id, "spaces": spaces}});
    let gains = async |by: &Person, change: Value, way: &str| {
        let told = by.post("/api/v1/preview", change).await.ok();
        assert_eq!(told["complete"], true, "{told}");
        let of_pool = told.items().into_iter().filter(|item| item["target"]["id"] == pool.id);
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let mut found: Vec<(String, Value)> =
            of_pool.map(|item| (text(&item["principal"]), item[way].clone())).collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found
    };
    let mut expected = vec![(bo.principal(), json!(["read"])), (mia.principal(), json!(["read"]))];
    expected.sort_by(|a, b| a.0.cmp(&b.0));
    g.unchanged(async || {
        assert_eq!(gains(lin, change(json!([target.id])), "gains").await, expected);
        lin.post("/api/v1/preview", change(json!([strange(&target.id)]))).await.invalid("/change/spaces/0");
        lin.post("/api/v1/preview", change(json!([source.id]))).await.invalid("/change/spaces/0");
    })
    .await;
    share(lin, pool, target).await.created();
    assert_eq!(gains(lin, change(json!([])), "loses").await, expected);
    // A role in the receiving space shows it, too.
    let eve = g.person("eve").await;
    let grant = json!({"change": {"type": "grant", "space": target.id, "principal": eve.principal(), "role": "reader",
        "registry": true}});
    let told = gains(ada, grant, "gains").await;
    assert_eq!(told, Vec::new(), "Ada does not see the pool");
    ada.grant_by_registry(target, ada, "admin").await;
    let grant = json!({"change": {"type": "grant", "space": target.id, "principal": eve.principal(), "role": "reader",
        "registry": true}});
    assert_eq!(gains(ada, grant, "gains").await, [(eve.principal(), json!(["read"]))]);
}

async fn a_resource_is_shared_to_so_many_spaces(g: Garth) {
    let Yard { ada, pool: _, .. } = &Yard::make(&g).await;
    let source = ada.space("Own").create().await;
    let pool = ada.resource("pool", "Many").space(&source).create().await;
    let mut spaces = Vec::new();
    for number in 0..65 {
        spaces.push(ada.space(&format!("Space {number}")).create().await);
    }
    let ids: Vec<&str> = spaces.iter().map(|space| space.id.as_str()).collect();
    let put =
        |ids: &[&str]| ada.call("PUT".parse().expect("a method"), &pool.url("/shares")).json(json!({"spaces": ids}));
    g.unchanged(async || put(&ids).await.invalid("/spaces")).await;
    assert_eq!(put(&ids[..64]).await.ok().items().len(), 64);
    g.unchanged(async || share(ada, &pool, &spaces[64]).await.invalid("/space")).await;
    put(&ids[1..]).await.ok();
    assert_eq!(ada.all_pages(&pool.url("/shares"), 53).await.len(), 64);
}
