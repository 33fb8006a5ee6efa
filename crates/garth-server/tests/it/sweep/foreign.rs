//! Ids of things that the caller may not know of, in paths and in bodies: the answers are those for ids that never were.

use super::private;
use super::routes::{Route, routes};
use super::world::{Ids, World};
use crate::support::*;

stories! {
    n01_an_id_of_another_space_is_an_id_that_never_was,
    n02_nor_does_a_nested_id_tell_anything,
    n04_foreign_ids_in_bodies_and_queries_are_unknown_ones,
    n76_whoever_has_no_sight_of_a_space_is_never_told_what_they_may_not_do_there,
}

/// What everybody who is signed in knows, or the caller manages: nothing is hidden there.
fn known(route: &Route, caller: &str) -> bool {
    let path = ["/api/v1/", "/system/"].iter().find_map(|prefix| route.path.strip_prefix(prefix)).unwrap_or_default();
    let starts = |noun: &&str| path.strip_prefix(*noun).is_some_and(|rest| rest.starts_with('/'));
    let everybody = route.path.starts_with("/assets/") || ["roles", "kinds", "policies"].iter().any(&starts);
    let manages = ["users", "groups", "identity-providers", "login-policies", "observer-keys", "health/observers"]
        .iter()
        .any(starts);
    everybody || (caller == "system administrator" && manages)
}

async fn compared(g: &Garth, w: &World, pairs: impl Fn(&Route) -> Vec<(Ids, Ids)>) {
    g.unchanged(async || {
        for route in routes().into_iter().filter(|route| route.path.contains('{')) {
            for (there, nowhere) in pairs(&route) {
                for (name, caller) in w.callers().into_iter().filter(|(name, _)| !known(&route, name)) {
                    let hidden = route.call(w, &caller, &there.fill(route.path)).await.refused_somehow();
                    let missing = route.call(w, &caller, &nowhere.fill(route.path)).await.refused_somehow();
                    let alike = hidden.visible() == missing.visible();
                    assert!(alike, "{name} can tell hidden from missing:\n{hidden}\n{missing}");
                    private(&hidden);
                }
            }
        }
    })
    .await;
}

async fn n01_an_id_of_another_space_is_an_id_that_never_was(g: Garth) {
    let w = World::make(&g).await;
    compared(&g, &w, |_| vec![(w.hidden.clone(), w.hidden.strange())]).await;
}

async fn n02_nor_does_a_nested_id_tell_anything(g: Garth) {
    let w = World::make(&g).await;
    let nested =
        |route: &Route| ["{grant}", "{key}", "{user}", "{invitation}"].iter().any(|name| route.path.contains(name));
    compared(&g, &w, |route| {
        if !nested(route) {
            return Vec::new();
        }
        let strange = w.hidden.strange();
        let under = |space: &str, ids: &Ids| Ids { space: space.to_owned(), ..ids.clone() };
        vec![
            // What belongs to the hidden space, under the caller's own; and the caller's own, under the hidden one.
            (under(&w.ids.space, &w.hidden), under(&w.ids.space, &strange)),
            (under(&w.hidden.space, &w.ids), under(&strange.space, &w.ids)),
            // A thing of one's own second space, under the path of the first.
            (under(&w.beta.id, &w.ids), under(&w.beta.id, &w.ids.strange())),
        ]
    })
    .await;
}

async fn n04_foreign_ids_in_bodies_and_queries_are_unknown_ones(g: Garth) {
    let w = World::make(&g).await;
    let nowhere = w.hidden.strange();
    let atlas = &w.atlas;
    let task = format!("/api/v1/resources/{}", w.ids.resource);
    type Asks = fn(&World, &Ids) -> Value;
    let writes: Vec<(&str, String, Asks)> = vec![
        ("POST", "/api/v1/resources".to_owned(), |_, ids| json!({"kind": "task", "name": "x", "space": ids.space})),
        (
            "POST",
            "/api/v1/resources".to_owned(),
            |w, ids| json!({"kind": "task", "name": "x", "space": w.atlas.id, "owner": format!("user:{}", ids.user)}),
        ),
        ("POST", "/api/v1/resources".to_owned(), |w, ids| {
            let people = [format!("user:{}", ids.user)];
            json!({"kind": "task", "name": "x", "space": w.atlas.id, "subscribers": people})
        }),
        ("POST", "/api/v1/resources".to_owned(), |w, ids| {
            let view = json!({"users": [format!("user:{}", ids.user)]});
            json!({"kind": "task", "name": "x", "space": w.atlas.id, "view": view})
        }),
        ("POST", "/api/v1/resources/batch".to_owned(), |w, ids| {
            let one = |space: &str| json!({"kind": "task", "name": "x", "space": space});
            json!({"resources": [one(&w.atlas.id), one(&ids.space)]})
        }),
        ("POST", format!("{task}/move"), |_, ids| json!({"space": ids.space})),
        ("PATCH", task.clone(), |_, ids| json!({"space": ids.space})),
        ("PATCH", task.clone(), |_, ids| json!({"edit": {"groups_any": [format!("group:{}", ids.group)]}})),
        ("PATCH", atlas.url(""), |_, ids| json!({"parent": ids.space})),
        ("PATCH", atlas.url(""), |_, ids| json!({"view": {"groups_all": [format!("group:{}", ids.group)]}})),
        ("POST", atlas.url("/grants"), |_, ids| json!({"principal": format!("user:{}", ids.user), "role": "reader"})),
        ("POST", atlas.url("/grants"), |_, ids| json!({"principal": format!("group:{}", ids.group), "role": "reader"})),
        ("POST", atlas.url("/grants"), |_, ids| json!({"principal": format!("key:{}", ids.key), "role": "reader"})),
        (
            "POST",
            atlas.url("/grants"),
            |_, ids| json!({"principal": format!("resource:{}", ids.resource), "role": "reader"}),
        ),
        ("PATCH", "/api/v1/me".to_owned(), |_, ids| json!({"default_space": ids.space})),
        (
            "POST",
            "/api/v1/resources/batch-move".to_owned(),
            |w, ids| json!({"resources": [w.ids.resource, ids.resource], "space": w.beta.id}),
        ),
        (
            "POST",
            "/api/v1/resources/batch-move".to_owned(),
            |w, ids| json!({"resources": [w.ids.resource], "space": ids.space}),
        ),
        ("POST", format!("{task}/attachments"), |_, ids| json!({"resource": ids.pool})),
        ("POST", atlas.url("/copies"), |w, ids| json!({"resources": [w.beyond.id, ids.resource]})),
        ("POST", atlas.url("/copies"), |w, ids| {
            let stand_in = json!({w.ids.resource.as_str(): {"use": ids.resource}});
            json!({"resources": [w.beyond.id], "references": stand_in})
        }),
    ];
    let boss = w.lin.key(atlas, "boss", "admin").await;
    g.unchanged(async || {
        for caller in [&w.asker, &boss] {
            let about = |ids: &Ids| {
                let question = json!({"subject": {"type": "resource", "id": ids.resource}, "action": {"name": "read"},
                    "resource": {"type": "space", "id": w.atlas.id}});
                caller.post("/access/v1/evaluation", question)
            };
            assert_same(&about(&w.hidden).await.ok(), &about(&nowhere).await);
        }
        for caller in [&w.lin, &w.wes, &w.bo, &w.out, &w.key, &boss, &w.foreign] {
            for (method, path, body) in &writes {
                let ask = |ids: &Ids| caller.call(method.parse().expect("a method"), path).json(body(&w, ids));
                let (hidden, missing) = (ask(&w.hidden).await.refused_somehow(), ask(&nowhere).await);
                assert_same(&hidden, &missing);
            }
            type IdOf = fn(&Ids) -> &String;
            let questions: [(&str, IdOf); 2] = [("task", |ids| &ids.resource), ("space", |ids| &ids.space)];
            for (kind, id) in questions {
                let action = "read";
                for route in ["/access/v1/evaluation", "/api/v1/explain"] {
                    let ask = |ids: &Ids| caller.post(route, caller.question(action, kind, id(ids)));
                    assert_same(&ask(&w.hidden).await, &ask(&nowhere).await);
                }
            }
            let queries: [fn(&Ids) -> String; 6] = [
                |ids| format!("/api/v1/resources?space={}", ids.space),
                |ids| format!("/api/v1/resources?owner=user:{}", ids.user),
                |ids| format!("/api/v1/resources?author=user:{}", ids.user),
                |ids| format!("/api/v1/resources?author=key:{}", ids.key),
                |ids| format!("/api/v1/spaces?parent={}", ids.space),
                |ids| format!("/api/v1/resources?q={}", ids.resource),
            ];
            for query in queries {
                let (hidden, missing) = (caller.get(&query(&w.hidden)).await.ok(), caller.get(&query(&nowhere)).await);
                assert_same(&hidden, &missing);
                assert!(hidden.items().is_empty(), "{hidden}");
            }
        }
    })
    .await;
}

/// Not 403, not 409, not 422 of something that is in it: 404, with the same headers, at every route of the space.
async fn n76_whoever_has_no_sight_of_a_space_is_never_told_what_they_may_not_do_there(g: Garth) {
    let w = World::make(&g).await;
    g.unchanged(async || {
        let of_space =
            |route: &Route| ["/api/v1/spaces/{", "/api/v1/resources/{"].iter().any(|p| route.path.starts_with(p));
        for caller in [&w.out, &w.foreign, &w.ada] {
            let unknown =
                caller.get(&format!("/api/v1/spaces/{}", strange(&w.atlas.id))).await.refused(404, "not_found");
            let (_, headers, _) = unknown.visible();
            for route in routes().into_iter().filter(of_space) {
                let registry = route.path.contains("/quotas") && !route.path.ends_with("/consume");
                if registry && caller.principal() == w.ada.principal() {
                    // What limits a space is a part of its registry, like its grants.
                    continue;
                }
                let answer = route.call(&w, caller, &w.ids.fill(route.path)).await;
                if route.path.ends_with("/leave") && caller.principal().starts_with("key:") {
                    answer.refused(403, "forbidden");
                    continue;
                }
                let answer = answer.refused(404, "not_found");
                assert_eq!(answer.visible().1, headers, "{answer}");
            }
        }
    })
    .await;
}
