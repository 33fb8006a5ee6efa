//! Stories about what may be used in a space: its own things, those it inherits, and those that are shared to it
//! (Spacelift's picture of `reach`).

use crate::support::*;

stories! {
    resources_reach_down_unbroken_links_only,
    what_is_used_must_be_seen,
    what_may_be_used_is_paged_and_narrowed,
    references_may_name_what_may_be_used,
}

/// Root, platform, R&D Team, dev and prod, as in Spacelift's guide; legacy beside them, and elsewhere. Lin administers
/// them; each has a pool of its own and a note, which is not shareable.
struct Picture {
    lin: Person,
    spaces: Vec<Thing>,
    pools: Vec<Thing>,
}

const TREE: [(&str, Option<usize>, bool); 7] = [
    ("root", None, false),
    ("platform", Some(0), true),
    ("team", Some(1), true),
    ("dev", Some(2), true),
    ("prod", Some(2), false),
    ("legacy", Some(0), true),
    ("elsewhere", None, false),
];

impl Picture {
    async fn make(g: &Garth) -> Picture {
        let ada = g.admin().await;
        let lin = g.person("lin").await;
        g.closed_home().await;
        ada.kind_with("pool", json!({"shareable": true})).await;
        ada.kind_with("note", json!({"references": [{"pointer": "/pool", "kind": "pool"}]})).await;
        ada.patch("/api/v1/settings", json!({"create_spaces": "users"})).await.ok();
        let (mut spaces, mut pools): (Vec<Thing>, Vec<Thing>) = (Vec::new(), Vec::new());
        for (name, parent, inherits) in TREE {
            let mut new = lin.space(name);
            if let Some(parent) = parent {
                new = new.under(&spaces[parent]);
            }
            let space = if inherits { new.inherits() } else { new }.create().await;
            pools.push(lin.resource("pool", &format!("{name} pool")).space(&space).create().await);
            lin.resource("note", &format!("{name} note")).space(&space).create().await;
            spaces.push(space);
        }
        Picture { lin, spaces, pools }
    }

    fn space(&self, name: &str) -> &Thing {
        let at = TREE.iter().position(|(space, ..)| *space == name).expect("a space of that name");
        &self.spaces[at]
    }

    fn pool(&self, name: &str) -> &Thing {
        let at = TREE.iter().position(|(space, ..)| *space == name).expect("a space of that name");
        &self.pools[at]
    }

    /// The pools that may be used there, by name, each with where from.
    async fn usable(&self, by: &Person, space: &str) -> Vec<String> {
        let found = by.get(&self.space(space).url("/usable?kind=pool&order=name")).await.ok().items();
        let text = |item: &Value| {
            let name = item["name"].as_str().expect("a name").trim_end_matches(" pool").to_owned();
            let origin = item["origin"].as_str().expect("an origin");
            let place = if item["space"].is_null() { " (hidden)" } else { "" };
            format!("{name} {origin}{place}")
        };
        found.iter().map(text).collect()
    }

    async fn share(&self, pool: &str, space: &str) {
        let body = json!({"space": self.space(space).id});
        self.lin.post(&self.pool(pool).url("/shares"), body).await.created();
    }
}

async fn resources_reach_down_unbroken_links_only(g: Garth) {
    let picture = Picture::make(&g).await;
    let lin = &picture.lin;
    let table: [(&str, &[&str]); 7] = [
        ("root", &["root own"]),
        ("platform", &["platform own", "root inherited"]),
        ("team", &["platform inherited", "root inherited", "team own"]),
        ("dev", &["dev own", "platform inherited", "root inherited", "team inherited"]),
        ("prod", &["prod own"]),
        ("legacy", &["legacy own", "root inherited"]),
        ("elsewhere", &["elsewhere own"]),
    ];
    for (space, expected) in table {
        assert_eq!(picture.usable(lin, space).await, expected, "{space}");
    }
    // A share reaches the space it is made to and those that inherit from it; a parent never uses what is below.
    picture.share("elsewhere", "team").await;
    picture.share("prod", "team").await;
    let shared: [(&str, &[&str]); 4] = [
        ("root", &["root own"]),
        ("team", &["elsewhere shared", "platform inherited", "prod shared", "root inherited", "team own"]),
        (
            "dev",
            &["dev own", "elsewhere shared", "platform inherited", "prod shared", "root inherited", "team inherited"],
        ),
        ("prod", &["prod own"]),
    ];
    for (space, expected) in shared {
        assert_eq!(picture.usable(lin, space).await, expected, "{space}");
    }
    // Turning inheritance off takes effect at once, for all below; so does an end of a share.
    lin.patch(&picture.space("team").url(""), json!({"inherits": false})).await.ok();
    let dev = ["dev own", "elsewhere shared", "prod shared", "team inherited"];
    assert_eq!(picture.usable(lin, "dev").await, dev);
    let shares = format!("/shares/{}", picture.space("team").id);
    lin.delete(&picture.pool("elsewhere").url(&shares)).await.done();
    assert_eq!(picture.usable(lin, "dev").await, ["dev own", "prod shared", "team inherited"]);
    // What moves is used where it lies; another parent, and nothing of the old one remains.
    lin.post(&picture.pool("team").url("/move"), json!({"space": picture.space("legacy").id})).await.ok();
    lin.patch(&picture.space("dev").url(""), json!({"parent": picture.space("legacy").id})).await.ok();
    assert_eq!(picture.usable(lin, "dev").await, ["dev own", "legacy inherited", "root inherited", "team inherited"]);
    g.restart().await;
    assert_eq!(picture.usable(lin, "dev").await, ["dev own", "legacy inherited", "root inherited", "team inherited"]);
}

async fn what_is_used_must_be_seen(g: Garth) {
    let picture = Picture::make(&g).await;
    let (ada, lin, bo) = (g.admin().await, &picture.lin, g.person("bo").await);
    ada.grant_by_registry(picture.space("dev"), &bo, "reader").await;
    picture.share("elsewhere", "platform").await;
    // Reader above by inheritance, and through the share, which does not say where it lies.
    let all = ["dev own", "elsewhere shared (hidden)", "platform inherited", "root inherited", "team inherited"];
    assert_eq!(picture.usable(&bo, "dev").await, all);
    let above = ["elsewhere shared (hidden)", "platform own", "root inherited"];
    assert_eq!(picture.usable(&bo, "platform").await, above);
    // A gate that names people stays shut to all others, and nothing rises through it.
    lin.patch(&picture.space("platform").url(""), json!({"view": {"users": [lin.principal()]}})).await.ok();
    assert_eq!(picture.usable(&bo, "dev").await, ["dev own", "team inherited"]);
    assert_eq!(picture.usable(lin, "dev").await.len(), 5);
    lin.patch(&picture.pool("team").url(""), json!({"view": {"users": [lin.principal()]}})).await.ok();
    assert_eq!(picture.usable(&bo, "dev").await, ["dev own"]);
    // A hidden space is a missing one.
    let (hidden, never) = (picture.space("platform"), strange(&picture.space("platform").id));
    let missing = bo.get(&format!("/api/v1/spaces/{never}/usable")).await;
    assert_missing(&bo.get(&hidden.url("/usable")).await, &hidden.id, &missing, &never);
    ada.get(&hidden.url("/usable")).await.refused(404, "not_found");
    g.anonymous().get(&hidden.url("/usable")).await.not_signed_in();
}

async fn what_may_be_used_is_paged_and_narrowed(g: Garth) {
    let picture = Picture::make(&g).await;
    let lin = &picture.lin;
    picture.share("elsewhere", "team").await;
    let url = picture.space("dev").url("/usable");
    let names = |items: Vec<Value>| -> Vec<String> {
        items.iter().map(|item| item["name"].as_str().expect("a name").to_owned()).collect()
    };
    let all = names(lin.get(&format!("{url}?order=name")).await.ok().items());
    // What is not shareable is used where it lies.
    let expected = ["dev note", "dev pool", "elsewhere pool", "platform pool", "root pool", "team pool"];
    assert_eq!(all, expected);
    for size in [1, 2, 5, 100] {
        assert_eq!(names(lin.all_pages(&format!("{url}?order=name"), size).await), expected, "{size}");
    }
    assert_eq!(names(lin.all_pages(&url, 2).await).len(), 6);
    assert_eq!(lin.get(&format!("{url}?kind=note")).await.ok().names(), ["dev note"]);
    assert_eq!(lin.get(&format!("{url}?kind=note&kind=pool&limit=100")).await.ok().items().len(), 6);
    assert_eq!(lin.get(&format!("{url}?kind=ghost")).await.ok().items(), Vec::<Value>::new());
    assert_eq!(lin.get(&format!("{url}?q=platf*")).await.ok().names(), ["platform pool"]);
    lin.get(&format!("{url}?order=rank")).await.invalid("?order");
    lin.get(&format!("{url}?space=x")).await.refused(422, "invalid");
    lin.get(&format!("{url}?cursor=x")).await.invalid("?cursor");
    let first = lin.get(&format!("{url}?limit=1")).await.ok();
    let cursor = percent(&first.text("next"));
    lin.get(&format!("{}?cursor={cursor}&limit=1", picture.space("team").url("/usable"))).await.invalid("?cursor");
    // What is archived is left out, and what lies in an archived space elsewhere.
    lin.post(&picture.pool("root").url("/archive"), json!({})).await.ok();
    lin.post(&picture.space("elsewhere").url("/archive"), json!({})).await.ok();
    let expected = ["dev note", "dev pool", "platform pool", "team pool"];
    assert_eq!(names(lin.get(&format!("{url}?order=name")).await.ok().items()), expected);
}

async fn references_may_name_what_may_be_used(g: Garth) {
    let picture = Picture::make(&g).await;
    let lin = &picture.lin;
    picture.share("elsewhere", "team").await;
    for (from, expected) in [
        ("root", vec!["root"]),
        ("dev", vec!["root", "platform", "team", "dev", "elsewhere"]),
        ("prod", vec!["prod"]),
        ("legacy", vec!["root", "legacy"]),
    ] {
        for (to, ..) in TREE {
            let body = json!({"pool": picture.pool(to).id});
            let made = lin.resource("note", "Refers").space(picture.space(from)).body(body).send().await;
            match expected.contains(&to) {
                true => drop(made.created()),
                false => drop(made.invalid("/body/pool")),
            }
        }
    }
}
