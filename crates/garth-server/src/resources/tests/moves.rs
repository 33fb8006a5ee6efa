//! Stories about moving: what follows, many at once, and that rights are asked at both ends by every way.

use crate::support::*;

stories! {
    what_follows_goes_along,
    who_follows_and_may_not_go_holds_the_move,
    a_hidden_follower_is_no_follower,
    many_move_at_once_or_none,
    what_refers_to_each_other_moves_together,
    a_move_and_other_changes_are_one,
    a_moved_secret_is_sealed_anew,
    n41_a_move_needs_rights_at_both_ends,
    n42_a_move_by_any_other_name_is_checked_as_one,
    n44_after_a_move_nothing_of_the_old_place_remains,
    n50_nobody_claims_what_has_no_owner,
}

const BATCH_MOVE: &str = "/api/v1/resources/batch-move";

/// Projects, and milestones that follow them; Lin writes in both spaces.
struct Plan {
    ada: Person,
    lin: Person,
    here: Thing,
    there: Thing,
}

impl Plan {
    async fn make(g: &Garth) -> Plan {
        let ada = g.admin().await;
        let lin = g.person("lin").await;
        g.closed_home().await;
        ada.kind("project").await;
        let follows = json!([
            {"pointer": "/project", "kind": "project", "follows": true},
            {"pointer": "/before", "kind": "milestone", "follows": true},
            {"pointer": "/beside", "kind": "milestone"},
        ]);
        ada.kind_with("milestone", json!({"references": follows})).await;
        let here = ada.space("Here").create().await;
        let there = ada.space("There").create().await;
        for space in [&here, &there] {
            ada.grant_by_registry(space, &lin, "writer").await;
        }
        Plan { ada, lin, here, there }
    }

    async fn project(&self, name: &str) -> Thing {
        self.lin.resource("project", name).space(&self.here).create().await
    }

    async fn milestone(&self, name: &str, body: Value) -> Thing {
        self.lin.resource("milestone", name).space(&self.here).body(body).create().await
    }

    async fn lies_in(&self, thing: &Thing, space: &Thing) {
        let shown = self.ada.get(&thing.url("")).await.ok();
        assert_eq!(shown["space"], space.id, "{shown}");
    }
}

async fn what_follows_goes_along(g: Garth) {
    let p = Plan::make(&g).await;
    let project = p.project("Lift").await;
    let first = p.milestone("First", json!({"project": project.id})).await;
    let second = p.milestone("Second", json!({"before": first.id})).await;
    let loose = p.milestone("Loose", json!({})).await;
    let was = p.milestone("Was", json!({"project": project.id})).await;
    p.lin.patch(&was.url(""), json!({"body": {"project": null}})).await.ok();

    // A follower cannot be elsewhere than whom it follows.
    g.unchanged(async || {
        p.lin.post(&first.url("/move"), json!({"space": p.there.id})).await.invalid("/body/project");
    })
    .await;
    g.pass(SECOND);
    let told = g.unchanged(async || {
        let order = json!({"resources": [project.id], "space": p.there.id});
        p.lin.post(&format!("{BATCH_MOVE}?dry_run=true"), order).await.ok()
    });
    let told = told.await;
    let names: Vec<_> = told["followed"].as_array().expect("who follows").iter().map(|f| f["name"].clone()).collect();
    assert_eq!((told.names(), names), (vec!["Lift".to_owned()], vec![json!("First"), json!("Second")]));

    p.lin.post(&project.url("/move"), json!({"space": p.there.id})).await.ok();
    for gone in [&project, &first, &second] {
        let shown = p.ada.get(&gone.url("")).await.ok();
        assert_eq!((&shown["space"], &shown["version"]), (&json!(p.there.id), &json!(2)));
        for same in ["id", "code", "body", "author", "created_at"] {
            assert_eq!(shown[same], gone[same], "{same}");
        }
        for (space, field) in [(&p.here, "before"), (&p.there, "after")] {
            let path = space.url(&format!("/audit?action=resource.move&target={}", gone.id));
            let record = p.ada.get(&path).await.ok().items();
            assert_eq!(record.len(), 1, "{record:?}");
            assert_eq!(record[0][field]["name"], gone["name"]);
        }
    }
    for stayed in [&loose, &was] {
        p.lies_in(stayed, &p.here).await;
    }
    g.restart().await;
    // By a PATCH with other changes as well; and a deleted one is followed by nobody.
    let patch = json!({"space": p.here.id, "name": "Lift II"});
    p.lin.patch(&project.url(""), patch).await.ok();
    p.lies_in(&second, &p.here).await;
    p.lin.delete(&project.url("")).await.done();
    p.lin.patch(&first.url(""), json!({"body": {"project": null}})).await.ok();
    p.lin.post(&first.url("/move"), json!({"space": p.there.id})).await.ok();
    p.lies_in(&second, &p.there).await;
    // Two that follow each other.
    p.lin.patch(&first.url(""), json!({"body": {"before": second.id}})).await.ok();
    p.lin.post(&second.url("/move"), json!({"space": p.here.id})).await.ok();
    p.lies_in(&first, &p.here).await;
    assert_eq!(g.rows("resource_followers").await.len(), 2);
}

async fn who_follows_and_may_not_go_holds_the_move(g: Garth) {
    let p = Plan::make(&g).await;
    let move_it = |thing: &Thing| p.lin.post(&thing.url("/move"), json!({"space": p.there.id}));
    // Its edit policy keeps Lin out.
    let project = p.project("Lift").await;
    let only_ada = json!({"users": [p.ada.principal()]});
    let body = json!({"project": project.id});
    let kept = p.ada.resource("milestone", "Kept").space(&p.here).edit(only_ada).body(body).create().await;
    g.unchanged(async || {
        let refused = move_it(&project).await.refused(403, "forbidden");
        assert!(refused.text("detail").contains(kept["code"].as_str().expect("a code")), "{refused}");
    })
    .await;
    // It refers to something that stays here.
    let other = p.project("Stairs").await;
    let beside = p.milestone("Beside", json!({})).await;
    let tied = p.milestone("Tied", json!({"project": other.id, "beside": beside.id})).await;
    g.unchanged(async || {
        let refused = move_it(&other).await.refused(409, "conflict");
        assert!(refused.text("detail").contains(tied["code"].as_str().expect("a code")), "{refused}");
    })
    .await;
    let both = json!({"resources": [beside.id, other.id], "space": p.there.id});
    assert_eq!(p.lin.post(BATCH_MOVE, both).await.ok()["followed"][0]["id"], tied.id);
    // The kind of what follows may not be written there.
    let pia = g.person("pia").await;
    p.ada.role("projects", &["project:*", "milestone:read"]).await;
    p.ada.grant_by_registry(&p.here, &pia, "writer").await;
    p.ada.grant_by_registry(&p.there, &pia, "projects").await;
    let (third, alone) = (p.project("Ramp").await, p.project("Alone").await);
    let body = json!({"project": third.id});
    p.milestone("Bound", body).await;
    let move_it = |thing: &Thing| pia.post(&thing.url("/move"), json!({"space": p.there.id}));
    g.unchanged(async || {
        let refused = move_it(&third).await.refused(403, "forbidden");
        assert!(refused.text("detail").contains("milestone:write"), "{refused}");
    })
    .await;
    move_it(&alone).await.ok();
}

async fn a_hidden_follower_is_no_follower(g: Garth) {
    let p = Plan::make(&g).await;
    let (project, twin) = (p.project("Lift").await, p.project("Lift").await);
    let only_ada = json!({"users": [p.ada.principal()]});
    let body = json!({"project": project.id});
    let shy = p.ada.resource("milestone", "Shy").space(&p.here).view(only_ada).body(body).create().await;
    let ask = |thing: &Thing, dry: &str| {
        p.lin.post(&format!("{BATCH_MOVE}{dry}"), json!({"resources": [thing.id], "space": p.there.id}))
    };
    for dry in ["?dry_run=true", ""] {
        let (with, without) = (ask(&project, dry).await.ok(), ask(&twin, dry).await.ok());
        let text = |answer: &Answer, thing: &Thing| {
            let code = thing["code"].as_str().expect("a code");
            answer.json.to_string().replace(&thing.id, "(id)").replace(code, "(code)")
        };
        assert_eq!(text(&with, &project), text(&without, &twin));
    }
    // It stays where it is: Lin could not have seen it go, and there it might have been seen.
    p.lies_in(&shy, &p.here).await;
    p.lies_in(&project, &p.there).await;
}

async fn many_move_at_once_or_none(g: Garth) {
    let p = Plan::make(&g).await;
    let only_ada = json!({"users": [p.ada.principal()]});
    let (one, two) = (p.project("One").await, p.project("Two").await);
    let there = p.lin.resource("project", "There already").space(&p.there).create().await;
    let kept = p.ada.resource("project", "Kept").space(&p.here).edit(only_ada.clone()).create().await;
    let hidden = p.ada.resource("project", "Hidden").space(&p.here).view(only_ada).create().await;
    let narrow = p.ada.space("Narrow").create().await;
    p.ada.grant_by_registry(&narrow, &p.lin, "reader").await;
    let vault = p.ada.space("Vault").create().await;
    let ask = |ids: Value, space: &str| p.lin.post(BATCH_MOVE, json!({"resources": ids, "space": space}));
    let never = strange(&hidden.id);
    g.unchanged(async || {
        let refused = ask(json!([one.id, hidden.id, "nonsense", two.id, one["code"]]), &p.there.id).await;
        for pointer in ["/resources/1", "/resources/2", "/resources/4"] {
            refused.clone().invalid(pointer);
        }
        let of = |id: &str| ask(json!([one.id, id]), &p.there.id);
        assert_missing(&of(&hidden.id).await, &hidden.id, &of(&never).await, &never);
        let refused = ask(json!([one.id, kept.id]), &p.there.id).await.refused(403, "forbidden");
        assert!(refused.text("detail").contains("/resources/1"), "{refused}");
        ask(json!([one.id, two.id]), &narrow.id).await.refused(403, "forbidden");
        let nowhere = strange(&vault.id);
        let refused = ask(json!([one.id]), &vault.id).await.invalid("/space");
        assert_missing(&refused, &vault.id, &ask(json!([one.id]), &nowhere).await, &nowhere);
        ask(json!([]), &p.there.id).await.invalid("/resources");
        ask(json!([7]), &p.there.id).await.invalid("/resources/0");
        p.lin.post(BATCH_MOVE, json!({"resources": [one.id]})).await.invalid("/space");
        p.lin.post(BATCH_MOVE, json!({"resources": [one.id], "space": p.there.id, "to": 1})).await.invalid("/to");
        g.anonymous().post(BATCH_MOVE, json!({"resources": [one.id], "space": p.there.id})).await.not_signed_in();
    })
    .await;
    p.ada.post(&narrow.url("/archive"), json!({})).await.ok();
    let made = ask(json!([two["code"], there.id, one.id]), &p.there.id).await.ok();
    assert_eq!(made.names(), ["Two", "There already", "One"], "in the order they were named");
    assert_eq!(made["items"][1]["version"], 1, "what lies there already is not changed");
    assert!(made.each("space").iter().all(|space| *space == p.there.id));
    g.unchanged(async || ask(json!([one.id, two.id]), &p.there.id).await.ok()).await;
}

async fn what_refers_to_each_other_moves_together(g: Garth) {
    let p = Plan::make(&g).await;
    let one = p.milestone("One", json!({})).await;
    let two = p.milestone("Two", json!({"beside": one.id})).await;
    p.lin.patch(&one.url(""), json!({"body": {"beside": two.id}})).await.ok();
    g.unchanged(async || {
        for alone in [&one, &two] {
            p.lin.post(&alone.url("/move"), json!({"space": p.there.id})).await.invalid("/body/beside");
        }
        let order = json!({"resources": [two.id], "space": p.there.id});
        p.lin.post(BATCH_MOVE, order).await.invalid("/resources/0");
    })
    .await;
    let order = json!({"resources": [two.id, one.id], "space": p.there.id});
    assert_eq!(p.lin.post(BATCH_MOVE, order).await.ok().names(), ["Two", "One"]);
    // One that refers to itself is no trouble either.
    let own = p.milestone("Own", json!({})).await;
    p.lin.patch(&own.url(""), json!({"body": {"beside": own.id}})).await.ok();
    p.lin.post(&own.url("/move"), json!({"space": p.there.id})).await.ok();
}

async fn a_move_and_other_changes_are_one(g: Garth) {
    let p = Plan::make(&g).await;
    let project = p.project("Lift").await;
    let first = p.milestone("First", json!({"project": project.id})).await;
    let url = project.url("");
    g.unchanged(async || {
        for wrong in [
            json!({"space": p.there.id, "name": ""}),
            json!({"space": p.there.id, "labels": [""]}),
            json!({"space": p.there.id, "owner": "user:@nobody"}),
            json!({"space": p.there.id, "view": "whoever"}),
            json!({"space": strange(&p.there.id), "name": "Fine"}),
        ] {
            p.lin.patch(&url, wrong).await.refused(422, "invalid");
        }
        p.lin.patch(&url, json!({"space": p.there.id, "view": "nobody"})).await.refused(409, "lockout");
        let stale = p.lin.patch(&url, json!({"space": p.there.id})).header("if-match", "\"7\"");
        stale.await.refused(409, "version_mismatch");
        let tried = p.lin.patch(&format!("{url}?dry_run=true"), json!({"space": p.there.id, "name": "Tried"}));
        assert_eq!(tried.await.ok()["space"], p.there.id);
    })
    .await;
    let patch = json!({"space": p.there.id, "name": "Lift II", "labels": ["new"], "view": "members"});
    let moved = p.lin.patch(&url, patch).await.ok();
    assert_eq!(
        (&moved["space"], &moved["name"], &moved["version"]),
        (&json!(p.there.id), &json!("Lift II"), &json!(2))
    );
    assert_eq!(moved["view"], "members");
    p.lies_in(&first, &p.there).await;
}

async fn a_moved_secret_is_sealed_anew(g: Garth) {
    let p = Plan::make(&g).await;
    let schema = json!({"type": "object", "properties": {"key": {"const": "s3cr3t"}}});
    p.ada.kind_with("safe", json!({"secret_fields": ["/key"], "schema": schema})).await;
    let safe = p.lin.resource("safe", "Safe").space(&p.here).body(json!({"key": "s3cr3t"})).create().await;
    let order = json!({"resources": [safe.id], "space": p.there.id});
    let moved = p.lin.post(BATCH_MOVE, order).await.ok();
    assert_eq!(moved["items"][0]["body"], json!({"key": {"secret": true}}));
    p.ada.post(&p.here.url("/archive"), json!({})).await.ok();
    p.ada.delete(&p.here.url("?confirm=Here")).await.done();
    g.restart().await;
    // Its old key is gone; the schema wants the very secret, so it is opened.
    p.lin.patch(&safe.url(""), json!({"body": {"door": "blue"}})).await.ok();
}

async fn n41_a_move_needs_rights_at_both_ends(g: Garth) {
    let p = Plan::make(&g).await;
    let [rea, out, key] = [g.person("rea").await, g.person("out").await, p.ada.key(&p.here, "app", "writer").await];
    for space in [&p.here, &p.there] {
        p.ada.grant_by_registry(space, &rea, if space.id == p.here.id { "reader" } else { "admin" }).await;
    }
    p.ada.grant_by_registry(&p.there, &out, "admin").await;
    let below = p.ada.space("Below").under(&p.there).create().await;
    p.ada.post(&p.there.url("/archive"), json!({})).await.ok();
    let project = p.project("Lift").await;
    let ways = |by: &Person, space: &str| {
        vec![
            by.post(&project.url("/move"), json!({"space": space})),
            by.patch(&project.url(""), json!({"space": space})),
            by.post(BATCH_MOVE, json!({"resources": [project.id], "space": space})),
        ]
    };
    g.unchanged(async || {
        for target in [&p.there, &below] {
            for way in ways(&p.lin, &target.id) {
                way.await.refused(409, "archived");
            }
        }
    })
    .await;
    p.ada.post(&p.there.url("/activate"), json!({})).await.ok();
    let nowhere = strange(&p.there.id);
    g.unchanged(async || {
        for way in ways(&rea, &p.there.id) {
            way.await.refused(403, "forbidden");
        }
        // Who cannot see it is told of nothing; a key knows no space but its own; and no space is no space.
        for (at, way) in ways(&out, &p.there.id).into_iter().enumerate() {
            if at < 2 {
                way.await.refused(404, "not_found")
            } else {
                way.await.invalid("/resources/0")
            };
        }
        for (hidden, missing) in ways(&key, &p.there.id).into_iter().zip(ways(&key, &nowhere)) {
            assert_missing(&hidden.await.invalid("/space"), &p.there.id, &missing.await, &nowhere);
        }
        for space in ["", "nonsense", &project.id] {
            for way in ways(&p.lin, space) {
                way.await.invalid("/space");
            }
        }
    })
    .await;
    // Spaces: both ends, no descendant of its own, no archived parent, another root only where one may create.
    let mine = p.ada.space("Mine").admin(&p.lin).create().await;
    let inner = p.ada.space("Inner").under(&mine).create().await;
    let to = |parent: Value| p.lin.patch(&mine.url(""), json!({"parent": parent}));
    p.ada.grant_by_registry(&inner, &p.lin, "admin").await;
    g.unchanged(async || {
        to(json!(p.there.id)).await.refused(403, "forbidden");
        to(json!(inner.id)).await.refused(409, "conflict");
        to(json!(mine.id)).await.refused(409, "conflict");
        to(json!(nowhere)).await.invalid("/parent");
        p.lin.patch(&inner.url(""), json!({"parent": null})).await.refused(403, "forbidden");
    })
    .await;
    p.ada.grant_by_registry(&p.there, &p.lin, "admin").await;
    p.ada.post(&p.there.url("/archive"), json!({})).await.ok();
    g.unchanged(async || to(json!(p.there.id)).await.refused(409, "archived")).await;
}

async fn n42_a_move_by_any_other_name_is_checked_as_one(g: Garth) {
    let p = Plan::make(&g).await;
    let narrow = p.ada.space("Narrow").create().await;
    p.ada.grant_by_registry(&narrow, &p.lin, "reader").await;
    let project = p.project("Lift").await;
    let there = p.lin.resource("project", "Lift").space(&p.there).create().await;
    g.unchanged(async || {
        // Another name, or what another space holds of that name, takes nobody anywhere.
        for body in [
            json!({"space": narrow.id}),
            json!({"space": narrow.id, "name": "Lift II"}),
            json!({"space": narrow.id, "body": {"project": 1}}),
            json!({"space": narrow.id, "owner": p.lin.principal(), "view": "members", "edit": "members"}),
        ] {
            p.lin.patch(&project.url(""), body).await.refused(403, "forbidden");
        }
        for body in [json!({"space": null}), json!({"parent": narrow.id}), json!({"id": there.id}), json!({"class": 1})]
        {
            p.lin.patch(&project.url(""), body).await.refused(422, "invalid");
        }
        let copy = json!({"resources": [project.id], "on_conflict": "replace"});
        p.lin.post(&narrow.url("/copies"), copy).await.refused(409, "conflict");
        let make = json!({"kind": "project", "name": "Lift", "space": narrow.id});
        p.lin.post("/api/v1/resources", make.clone()).await.refused(403, "forbidden");
        p.lin.post("/api/v1/resources/batch", json!({"resources": [make]})).await.refused(403, "forbidden");
    })
    .await;
    // A space under another parent by PATCH is asked like a move, whatever else it changes.
    let mine = p.ada.space("Mine").admin(&p.lin).create().await;
    g.unchanged(async || {
        for body in [
            json!({"parent": narrow.id}),
            json!({"parent": narrow.id, "name": "Renamed", "inherits": true}),
            json!({"parent": narrow.id, "view": "users", "edit": "members"}),
        ] {
            p.lin.patch(&mine.url(""), body).await.refused(403, "forbidden");
        }
    })
    .await;
}

async fn n44_after_a_move_nothing_of_the_old_place_remains(g: Garth) {
    let p = Plan::make(&g).await;
    let [old, new] = [g.person("old").await, g.person("new").await];
    let above = p.ada.space("Above").create().await;
    p.ada.patch(&p.here.url(""), json!({"parent": above.id})).await.ok();
    p.ada.grant_by_registry(&above, &old, "writer").await;
    p.ada.grant_by_registry(&p.there, &new, "writer").await;
    let old_key = p.ada.key(&above, "old", "writer").await;
    let new_key = p.ada.key(&p.there, "new", "writer").await;
    let project = p.project("Lift").await;
    let first = p.milestone("First", json!({"project": project.id})).await;
    let sees = async |by: &Person, thing: &Thing| {
        let kind = thing["kind"].as_str().expect("a kind");
        let shown = by.get(&thing.url("")).await.status == 200;
        let listed = by.all_pages("/api/v1/resources?q=", 100).await.iter().any(|item| item["id"] == thing.id);
        let (reads, writes) = (by.may("read", kind, &thing.id).await, by.may("write", kind, &thing.id).await);
        assert!([listed, reads, writes].iter().all(|one| *one == shown), "{} of {}", by.username, thing["name"]);
        shown
    };
    let check = async |old_sees: bool| {
        for thing in [&project, &first] {
            for by in [&old, &old_key] {
                assert_eq!(sees(by, thing).await, old_sees, "{}", by.username);
            }
            for by in [&new, &new_key] {
                assert_eq!(sees(by, thing).await, !old_sees, "{}", by.username);
            }
        }
    };
    check(true).await;
    p.lin.post(&project.url("/move"), json!({"space": p.there.id})).await.ok();
    check(false).await;
    g.restart().await;
    check(false).await;
    p.lin.post(&project.url("/move"), json!({"space": p.here.id})).await.ok();
    check(true).await;
    // A space moves: the same, with all that lies in it.
    p.ada.patch(&p.here.url(""), json!({"parent": p.there.id})).await.ok();
    check(false).await;
    let path = format!("/api/v1/resources?space={}", above.id);
    assert!(old.get(&path).await.ok().items().is_empty());
}

async fn n50_nobody_claims_what_has_no_owner(g: Garth) {
    let p = Plan::make(&g).await;
    p.ada.kind_with("task", json!({"exceptions": {"owner": ["view", "edit"], "author": ["view"]}})).await;
    let rea = g.person("rea").await;
    p.ada.grant_by_registry(&p.here, &rea, "reader").await;
    let only_ada = json!({"users": [p.ada.principal()]});
    let open = p.ada.resource("task", "Open").space(&p.here).create().await;
    let shut = p.ada.resource("task", "Shut").space(&p.here).view(only_ada).create().await;
    assert_eq!(open["owner"], Value::Null);
    let claims = [json!({"owner": rea.principal()}), json!({"owner": "user:@rea"}), json!({"owner": null})];
    g.unchanged(async || {
        for claim in &claims {
            rea.patch(&open.url(""), claim.clone()).await.refused(403, "forbidden");
            rea.patch(&shut.url(""), claim.clone()).await.refused(404, "not_found");
        }
        rea.patch(&open.url(""), json!({"author": rea.principal()})).await.refused_somehow();
    })
    .await;
    // Nor by an account that follows a deleted one, nor by a copy: that has no owner, and another author.
    let gone = g.person("gone").await;
    p.ada.grant_by_registry(&p.here, &gone, "writer").await;
    let theirs = p.ada.resource("task", "Theirs").space(&p.here).owner(&gone).create().await;
    p.ada.delete(&format!("/api/v1/users/{}", gone.id)).await.done();
    let heir = g.person("gone").await;
    g.unchanged(async || {
        heir.get(&theirs.url("")).await.refused(404, "not_found");
        heir.patch(&theirs.url(""), json!({"owner": heir.principal()})).await.refused(404, "not_found");
    })
    .await;
    p.ada.grant_by_registry(&p.here, &heir, "reader").await;
    g.unchanged(async || heir.patch(&theirs.url(""), json!({"name": "Mine"})).await.refused(403, "forbidden")).await;
    p.ada.post(&p.there.url("/copies"), json!({"resources": [theirs.id]})).await.ok();
    let copy = p.ada.get(&format!("/api/v1/resources?space={}", p.there.id)).await.ok();
    assert_eq!((&copy.items()[0]["owner"], &copy.items()[0]["author"]), (&Value::Null, &json!(p.ada.principal())));
}
