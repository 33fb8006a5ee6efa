//! Stories about attachments: what a resource may use, what attaches itself, and that nothing breaks a link.

use crate::support::*;

stories! {
    a_resource_uses_what_is_attached_to_it,
    what_cannot_be_attached_is_refused,
    parents_and_siblings_share_nothing,
    no_move_of_a_resource_breaks_a_link,
    no_change_of_the_tree_breaks_a_link,
    the_safe_order_moves_everything,
    what_is_used_is_neither_archived_nor_deleted,
    what_is_used_from_outside_keeps_its_space,
    a_kind_stays_shareable_while_it_is_used_elsewhere,
    a_hidden_link_refuses_and_is_not_named,
    labels_attach_by_themselves,
    what_attaches_itself_is_seen_by_who_may_see_it,
    attachments_come_in_pages,
    however_they_race_no_link_is_broken,
    attachments_of_one_resource_are_limited,
}

/// Root, with Platform below it that inherits, and Team below that one; and Apart, which inherits nothing.
struct Forest {
    ada: Person,
    root: Thing,
    platform: Thing,
    team: Thing,
    apart: Thing,
}

impl Forest {
    async fn grow(g: &Garth) -> Forest {
        let ada = g.admin().await;
        g.closed_home().await;
        ada.kind_with("pool", json!({"shareable": true})).await;
        ada.kind("stack").await;
        let root = ada.space("Root").create().await;
        let platform = ada.space("Platform").under(&root).inherits().create().await;
        let team = ada.space("Team").under(&platform).inherits().create().await;
        let apart = ada.space("Apart").under(&root).create().await;
        Forest { ada, root, platform, team, apart }
    }

    async fn pool(&self, name: &str, space: &Thing) -> Thing {
        self.ada.resource("pool", name).space(space).create().await
    }

    async fn stack(&self, name: &str, space: &Thing) -> Thing {
        self.ada.resource("stack", name).space(space).create().await
    }

    fn attach(&self, consumer: &Thing, provider: &Thing) -> Call {
        attach(&self.ada, consumer, provider)
    }

    async fn attached(&self, consumer: &Thing) -> Vec<String> {
        attached(&self.ada, consumer).await
    }

    fn move_to(&self, thing: &Thing, space: &Thing) -> Call {
        self.ada.post(&thing.url("/move"), json!({"space": space.id}))
    }
}

fn attach(by: &Person, consumer: &Thing, provider: &Thing) -> Call {
    by.post(&consumer.url("/attachments"), json!({"resource": provider.id}))
}

fn detach(by: &Person, consumer: &Thing, provider: &Thing) -> Call {
    by.delete(&consumer.url(&format!("/attachments/{}", provider.id)))
}

/// Everything that is attached, as "Pool explicit own"; the explicit ones by name, because all of them are of one moment.
async fn attached(by: &Person, consumer: &Thing) -> Vec<String> {
    let items = by.get(&consumer.url("/attachments")).await.ok().items();
    let text = |item: &Value, field: &str| item[field].as_str().expect("a text").to_owned();
    let lines = items.iter().map(|i| format!("{} {} {}", text(i, "name"), text(i, "mode"), text(i, "origin")));
    let (mut explicit, automatic): (Vec<String>, Vec<String>) = lines.partition(|line| line.contains(" explicit "));
    explicit.sort();
    explicit.into_iter().chain(automatic).collect()
}

/// A refusal that names just these links, as consumer and provider.
#[track_caller]
fn names(answer: Answer, links: &[(&Thing, &Thing)]) {
    let answer = answer.refused(409, "attached");
    let items = answer["items"].as_array().cloned().unwrap_or_default();
    let end = |end: &Value| {
        assert!(["id", "code", "name"].iter().all(|field| end[*field].is_string()), "{end}");
        end["id"].as_str().expect("an id").to_owned()
    };
    let named: Vec<(String, String)> = items.iter().map(|i| (end(&i["consumer"]), end(&i["provider"]))).collect();
    let mut wanted: Vec<(String, String)> = links.iter().map(|(c, p)| (c.id.clone(), p.id.clone())).collect();
    wanted.sort();
    let mut sorted = named.clone();
    sorted.sort();
    assert_eq!(sorted, wanted, "{answer}");
}

async fn a_resource_uses_what_is_attached_to_it(g: Garth) {
    let f = Forest::grow(&g).await;
    let lin = g.person("lin").await;
    f.ada.grant(&f.team, &lin, "writer").await;
    let (near, far) = (f.pool("Near", &f.team).await, f.pool("Far", &f.root).await);
    let stack = f.stack("Stack", &f.team).await;

    // A writer of the consumer's space, who reads the root because the spaces between inherit.
    let tried = format!("{}?dry_run=true", stack.url("/attachments"));
    g.unchanged(async || lin.post(&tried, json!({"resource": far.id})).await.created()).await;
    let made = attach(&lin, &stack, &far).await.created();
    let is = json!({"resource": far.id, "code": far["code"], "kind": "pool", "name": "Far", "mode": "explicit",
                    "origin": "inherited"});
    assert_eq!(made.json, is);
    let near_code = near["code"].as_str().expect("a code");
    let by_code = stack.url("/attachments").replace(&stack.id, stack["code"].as_str().expect("a code"));
    lin.post(&by_code, json!({"resource": near_code})).await.created();
    g.restart().await;
    assert_eq!(attached(&lin, &stack).await, ["Far explicit inherited", "Near explicit own"]);
    assert_eq!(f.ada.get(&far.url("/consumers")).await.ok().each("resource"), [stack.id.as_str()]);
    // Who uses it is told only to whom may see that one.
    let bo = g.person("bo").await;
    f.ada.grant(&f.apart, &bo, "reader").await;
    let rooted = g.person("rooted").await;
    let only_root = json!({"users": [f.ada.principal(), lin.principal()]});
    f.ada.grant(&f.root, &rooted, "reader").await;
    f.ada.patch(&f.team.url(""), json!({"view": only_root})).await.ok();
    assert!(rooted.get(&far.url("/consumers")).await.ok().items().is_empty());
    bo.get(&far.url("/consumers")).await.refused(404, "not_found");
    // On record where the consumer lies; the provider's space sees that there is something.
    let record = f.ada.get(&f.team.url("/audit?action=attachment.create")).await.ok().items();
    assert_eq!(record.len(), 2);
    assert_eq!(record[1]["after"]["attached"], json!(far.id));
    assert_eq!((&record[1]["target"]["id"], &record[1]["actor"]), (&json!(stack.id), &record[0]["actor"]));
    let record = f.ada.get(&f.root.url("/audit?action=attachment.create")).await.ok().items();
    assert_eq!(record.len(), 1);
    assert!(!record[0].to_string().contains(&stack.id), "{record:?}");

    lin.delete(&stack.url(&format!("/attachments/{near_code}"))).await.done();
    g.unchanged(async || detach(&lin, &stack, &near).await.refused(404, "not_found")).await;
    assert_eq!(attached(&lin, &stack).await, ["Far explicit inherited"]);
    // Readers look, and change nothing.
    let ro = g.person("ro").await;
    f.ada.patch(&f.team.url(""), json!({"view": "members"})).await.ok();
    f.ada.grant(&f.team, &ro, "reader").await;
    assert_eq!(attached(&ro, &stack).await, ["Far explicit inherited"]);
    g.unchanged(async || {
        attach(&ro, &stack, &near).await.refused(403, "forbidden");
        detach(&ro, &stack, &far).await.refused(403, "forbidden");
        attach(&bo, &stack, &near).await.refused(404, "not_found");
        g.anonymous().get(&stack.url("/attachments")).await.not_signed_in();
    })
    .await;
    // A consumer that goes takes its links along.
    lin.delete(&stack.url("")).await.done();
    assert!(g.rows("attachments").await.is_empty());
}

async fn what_cannot_be_attached_is_refused(g: Garth) {
    let f = Forest::grow(&g).await;
    let lin = g.person("lin").await;
    f.ada.grant(&f.team, &lin, "writer").await;
    let (pool, other) = (f.pool("Pool", &f.team).await, f.stack("Other", &f.team).await);
    let stack = f.stack("Stack", &f.team).await;
    let only_ada = json!({"users": [f.ada.principal()]});
    let secret = f.ada.resource("pool", "Secret").space(&f.team).view(only_ada).create().await;
    let old = f.pool("Old", &f.team).await;
    f.ada.post(&old.url("/archive"), json!({})).await.ok();
    attach(&lin, &stack, &pool).await.created();
    g.unchanged(async || {
        // Hidden and unknown are told alike.
        let hidden = attach(&lin, &stack, &secret).await.invalid("/resource");
        let nowhere = strange(&secret.id);
        let unknown = lin.post(&stack.url("/attachments"), json!({"resource": nowhere})).await;
        assert_missing(&hidden, &secret.id, &unknown, &nowhere);
        let hidden = detach(&lin, &stack, &secret).await.refused(404, "not_found");
        let unknown = lin.delete(&stack.url(&format!("/attachments/{nowhere}"))).await;
        assert_missing(&hidden, &secret.id, &unknown, &nowhere);
        lin.post(&stack.url("/attachments"), json!({"resource": "no id"})).await.invalid("/resource");
        // Not shareable; itself; twice; archived.
        attach(&lin, &stack, &other).await.invalid("/resource");
        attach(&lin, &pool, &pool).await.invalid("/resource");
        attach(&lin, &stack, &pool).await.refused(409, "conflict");
        attach(&lin, &stack, &old).await.refused(409, "archived");
        attach(&lin, &old, &pool).await.refused(409, "archived");
    })
    .await;
    // A link to what one cannot see is as if it were not there.
    f.attach(&stack, &secret).await.created();
    g.unchanged(async || {
        detach(&lin, &stack, &secret).await.refused(404, "not_found");
        attach(&lin, &stack, &secret).await.invalid("/resource");
    })
    .await;
    assert_eq!(attached(&lin, &stack).await, ["Pool explicit own"]);
    assert_eq!(f.attached(&stack).await, ["Pool explicit own", "Secret explicit own"]);
    let far = f.pool("Far", &f.root).await;
    f.ada.post(&f.platform.url("/archive"), json!({})).await.ok();
    g.unchanged(async || f.attach(&stack, &far).await.refused(409, "archived")).await;
    f.ada.post(&f.platform.url("/activate"), json!({})).await.ok();
    f.attach(&stack, &far).await.created();
}

async fn parents_and_siblings_share_nothing(g: Garth) {
    let f = Forest::grow(&g).await;
    let beside = f.ada.space("Beside").under(&f.platform).inherits().create().await;
    let below_apart = f.ada.space("Below").under(&f.apart).inherits().create().await;
    let spaces = [&f.root, &f.platform, &f.team, &f.apart, &beside, &below_apart];
    let (mut pools, mut stacks) = (Vec::new(), Vec::new());
    for space in spaces {
        pools.push(f.pool("Pool", space).await);
        stacks.push(f.stack("Stack", space).await);
    }
    // For each consumer's space, which providers' spaces it reaches.
    let reached = [
        [true, false, false, false, false, false],
        [true, true, false, false, false, false],
        [true, true, true, false, false, false],
        [false, false, false, true, false, false],
        [true, true, false, false, true, false],
        [false, false, false, true, false, true],
    ];
    for (stack, row) in stacks.iter().zip(reached) {
        for (pool, may) in pools.iter().zip(row) {
            if may {
                f.attach(stack, pool).await.created();
            } else {
                g.unchanged(async || f.attach(stack, pool).await.invalid("/resource")).await;
            }
        }
    }
}

async fn no_move_of_a_resource_breaks_a_link(g: Garth) {
    let f = Forest::grow(&g).await;
    let follows = json!([{"pointer": "/stack", "kind": "stack", "follows": true}]);
    f.ada.kind_with("plan", json!({"references": follows})).await;
    let (pool, own) = (f.pool("Pool", &f.platform).await, f.pool("Own", &f.team).await);
    let stack = f.stack("Stack", &f.team).await;
    f.attach(&stack, &pool).await.created();
    f.attach(&stack, &own).await.created();
    g.unchanged(async || {
        // The consumer to where nothing reaches, by each door.
        let both = [(&stack, &pool), (&stack, &own)];
        names(f.move_to(&stack, &f.apart).await, &both);
        names(f.ada.patch(&stack.url(""), json!({"space": f.root.id, "name": "x"})).await, &both);
        names(f.move_to(&stack, &f.platform).await, &[(&stack, &own)]);
        let batch = json!({"resources": [stack.id], "space": f.apart.id});
        names(f.ada.post("/api/v1/resources/batch-move", batch).await, &both);
        // The provider away from its consumer.
        names(f.move_to(&pool, &f.apart).await, &[(&stack, &pool)]);
        names(
            f.ada.post(&format!("{}?dry_run=true", own.url("/move")), json!({"space": f.apart.id})).await,
            &[(&stack, &own)],
        );
    })
    .await;
    // Up is well; both together are well; what follows is looked at as what was named.
    f.move_to(&own, &f.root).await.ok();
    f.move_to(&pool, &f.team).await.ok();
    f.move_to(&own, &f.team).await.ok();
    let plan = f.ada.resource("plan", "Plan").space(&f.team).body(json!({"stack": stack.id})).create().await;
    f.attach(&plan, &own).await.created();
    g.unchanged(async || {
        let batch = json!({"resources": [stack.id, pool.id], "space": f.apart.id});
        names(f.ada.post("/api/v1/resources/batch-move", batch).await, &[(&stack, &own), (&plan, &own)]);
    })
    .await;
    let batch = json!({"resources": [stack.id, pool.id, own.id], "space": f.apart.id});
    f.ada.post("/api/v1/resources/batch-move", batch).await.ok();
    assert_eq!(f.attached(&stack).await, ["Own explicit own", "Pool explicit own"]);
    assert_eq!(f.attached(&plan).await, ["Own explicit own"]);
    // A policy of its own changes the class, and nothing of the links.
    f.ada.patch(&pool.url(""), json!({"view": "members"})).await.ok();
    g.unchanged(async || names(f.move_to(&pool, &f.root).await, &[(&stack, &pool)])).await;
    // Moved and changed at once, all or nothing; detached, it goes.
    detach(&f.ada, &stack, &pool).await.done();
    f.move_to(&pool, &f.root).await.ok();
}

async fn no_change_of_the_tree_breaks_a_link(g: Garth) {
    let f = Forest::grow(&g).await;
    let inner = f.ada.space("Inner").under(&f.team).inherits().create().await;
    let (high, mid, low) =
        (f.pool("High", &f.root).await, f.pool("Mid", &f.platform).await, f.pool("Low", &f.team).await);
    let (stack, deep) = (f.stack("Stack", &f.team).await, f.stack("Deep", &inner).await);
    // Links inside Team and below go along wherever it goes.
    f.attach(&stack, &low).await.created();
    f.attach(&deep, &low).await.created();
    let parent = |space: &Thing, to: Value| f.ada.patch(&space.url(""), json!({"parent": to}));
    let inherits = |space: &Thing, on: bool| f.ada.patch(&space.url(""), json!({"inherits": on}));
    parent(&f.team, json!(f.apart.id)).await.ok();
    inherits(&f.team, false).await.ok();
    parent(&f.team, Value::Null).await.ok();
    parent(&f.team, json!(f.platform.id)).await.ok();
    inherits(&f.team, true).await.ok();
    assert_eq!(f.attached(&deep).await, ["Low explicit inherited"]);

    f.attach(&deep, &high).await.created();
    f.attach(&stack, &mid).await.created();
    g.unchanged(async || {
        // Every link across the border, and none inside.
        let across = [(&deep, &high), (&stack, &mid)];
        names(inherits(&f.team, false).await, &across);
        names(parent(&f.team, json!(f.apart.id)).await, &across);
        names(parent(&f.team, Value::Null).await, &across);
        names(parent(&f.team, json!(f.root.id)).await, &[(&stack, &mid)]);
        names(inherits(&f.platform, false).await, &[(&deep, &high)]);
        names(parent(&f.platform, json!(f.apart.id)).await, &[(&deep, &high)]);
        names(inherits(&inner, false).await, &[(&deep, &low), (&deep, &high)]);
        let preview = json!({"change": {"type": "space", "space": f.team.id, "inherits": false}});
        names(f.ada.post("/api/v1/preview", preview).await, &across);
    })
    .await;
    // What was broken already (here by somebody who went past the server) stands in the way of nothing else.
    let (odd, foreign) = (f.stack("Odd", &f.team).await, f.pool("Foreign", &f.apart).await);
    g.meddle(&link(&odd, &foreign)).await;
    g.restart().await;
    detach(&f.ada, &deep, &high).await.done();
    detach(&f.ada, &stack, &mid).await.done();
    inherits(&f.team, false).await.ok();
    parent(&f.team, Value::Null).await.ok();
}

/// A link that is written past the server.
fn link(consumer: &Thing, provider: &Thing) -> String {
    format!(
        "INSERT INTO attachments (consumer_id, provider_id, consumer_class, provider_class, created_by, created_at) \
         SELECT c.id, p.id, c.class_id, p.class_id, '', 1 FROM resources c, resources p \
         WHERE c.id = '{}' AND p.id = '{}'",
        consumer.id, provider.id
    )
}

/// The order that the guide to Spacelift gives for leaving its legacy space: one by one, nothing breaks on the way.
async fn the_safe_order_moves_everything(g: Garth) {
    let f = Forest::grow(&g).await;
    let legacy = f.ada.space("Legacy").under(&f.root).inherits().create().await;
    let (pool, policy) = (f.pool("Pool", &legacy).await, f.pool("Policy", &legacy).await);
    let stacks = [f.stack("One", &legacy).await, f.stack("Two", &legacy).await];
    for stack in &stacks {
        f.attach(stack, &pool).await.created();
        f.attach(stack, &policy).await.created();
    }
    let new = f.ada.space("New").under(&f.root).inherits().create().await;
    g.unchanged(async || {
        f.move_to(&stacks[0], &new).await.refused(409, "attached");
        f.move_to(&pool, &new).await.refused(409, "attached");
    })
    .await;
    for pool in [&pool, &policy] {
        f.move_to(pool, &f.root).await.ok();
    }
    for stack in &stacks {
        f.move_to(stack, &new).await.ok();
    }
    for pool in [&pool, &policy] {
        f.move_to(pool, &new).await.ok();
    }
    for stack in &stacks {
        assert_eq!(f.attached(stack).await, ["Policy explicit own", "Pool explicit own"]);
    }
}

async fn what_is_used_is_neither_archived_nor_deleted(g: Garth) {
    let f = Forest::grow(&g).await;
    let (pool, stack) = (f.pool("Pool", &f.team).await, f.stack("Stack", &f.team).await);
    f.attach(&stack, &pool).await.created();
    g.unchanged(async || {
        names(f.ada.post(&pool.url("/archive"), json!({})).await, &[(&stack, &pool)]);
        names(f.ada.delete(&pool.url("")).await, &[(&stack, &pool)]);
    })
    .await;
    // The consumer may be archived, and its link stays.
    f.ada.post(&stack.url("/archive"), json!({})).await.ok();
    g.unchanged(async || names(f.ada.delete(&pool.url("")).await, &[(&stack, &pool)])).await;
    f.ada.post(&stack.url("/activate"), json!({})).await.ok();
    // A space goes with what lies in it, links included.
    f.attach(&stack, &f.pool("High", &f.root).await).await.created();
    f.ada.post(&f.team.url("/archive"), json!({})).await.ok();
    f.ada.delete(&f.team.url("?confirm=Team")).await.done();
    assert!(g.rows("attachments").await.is_empty());
}

/// Only a share lets something outside use what lies inside; here such a link is written past the server.
async fn what_is_used_from_outside_keeps_its_space(g: Garth) {
    let f = Forest::grow(&g).await;
    let inner = f.ada.space("Inner").under(&f.team).create().await;
    let (pool, stack, near) =
        (f.pool("Pool", &inner).await, f.stack("Stack", &f.apart).await, f.stack("Near", &inner).await);
    f.attach(&near, &pool).await.created();
    f.ada.post(&f.team.url("/archive"), json!({})).await.ok();
    f.ada.post(&f.team.url("/activate"), json!({})).await.ok();
    g.meddle(&link(&stack, &pool)).await;
    g.restart().await;
    g.unchanged(async || {
        for space in [&inner, &f.team, &f.platform] {
            names(f.ada.post(&space.url("/archive"), json!({})).await, &[(&stack, &pool)]);
        }
    })
    .await;
    f.ada.post(&f.root.url("/archive"), json!({})).await.ok();
    g.unchanged(async || names(f.ada.delete(&inner.url("?confirm=Inner")).await, &[(&stack, &pool)])).await;
    detach(&f.ada, &stack, &pool).await.done();
    f.ada.delete(&inner.url("?confirm=Inner")).await.done();
}

async fn a_kind_stays_shareable_while_it_is_used_elsewhere(g: Garth) {
    let f = Forest::grow(&g).await;
    let (pool, far, stack) =
        (f.pool("Pool", &f.team).await, f.pool("Far", &f.root).await, f.stack("Stack", &f.team).await);
    f.attach(&stack, &pool).await.created();
    f.attach(&stack, &far).await.created();
    let kind = |on: bool| f.ada.patch("/api/v1/kinds/pool", json!({"shareable": on}));
    g.unchanged(async || names(kind(false).await, &[(&stack, &far)])).await;
    detach(&f.ada, &stack, &far).await.done();
    kind(false).await.ok();
    assert_eq!(f.attached(&stack).await, ["Pool explicit own"]);
    g.unchanged(async || f.attach(&stack, &far).await.invalid("/resource")).await;
}

async fn a_hidden_link_refuses_and_is_not_named(g: Garth) {
    let f = Forest::grow(&g).await;
    let lin = g.person("lin").await;
    f.ada.grant(&f.root, &lin, "admin").await;
    f.ada.grant(&f.platform, &lin, "admin").await;
    let only_ada = json!({"users": [f.ada.principal()]});
    let pool = f.pool("Pool", &f.root).await;
    let hidden = f.ada.resource("stack", "Hidden").space(&f.platform).view(only_ada).create().await;
    f.attach(&hidden, &pool).await.created();
    let tell = |answer: Answer| {
        let answer = answer.refused(409, "attached");
        assert!(answer.json.get("items").is_none(), "{answer}");
        let text = String::from_utf8_lossy(&answer.bytes).into_owned();
        assert!(!text.contains(&hidden.id) && !text.contains("Hidden"), "{answer}");
    };
    g.unchanged(async || {
        tell(lin.patch(&f.platform.url(""), json!({"inherits": false})).await);
        tell(lin.post(&pool.url("/move"), json!({"space": f.apart.id})).await);
        tell(lin.post(&pool.url("/archive"), json!({})).await);
        tell(lin.delete(&pool.url("")).await);
    })
    .await;
    assert!(lin.get(&pool.url("/consumers")).await.ok().items().is_empty());
    // Beside it, one that Lin sees is named; what is seen by its owner only is seen by its owner.
    let seen = f.stack("Seen", &f.platform).await;
    f.attach(&seen, &pool).await.created();
    let rules = json!({"rules": [{"effect": "allow", "who": "owner"}], "default": "deny"});
    let own = lin.resource("stack", "Own").space(&f.platform).owner(&lin).view(rules.clone()).create().await;
    attach(&lin, &own, &pool).await.created();
    let ada = &f.ada;
    let other = ada.resource("stack", "Other").space(&f.platform).owner(ada).view(rules).create().await;
    f.attach(&other, &pool).await.created();
    g.unchanged(async || names(lin.delete(&pool.url("")).await, &[(&seen, &pool), (&own, &pool)])).await;
    let told = lin.get(&pool.url("/consumers")).await.ok();
    assert_eq!(sorted(told.names()), ["Own", "Seen"]);
    // Nor is one named that requires something hidden.
    let requires = json!([{"pointer": "/pool", "kind": "pool", "requires": "view"}]);
    f.ada.kind_with("run", json!({"references": requires})).await;
    let only_ada = json!({"users": [f.ada.principal()]});
    let secret = f.ada.resource("pool", "Secret").space(&f.platform).view(only_ada).create().await;
    let run = |name: &str, of: &Thing| f.ada.resource("run", name).space(&f.platform).body(json!({"pool": of.id}));
    let (barred, open) = (run("Barred", &secret).create().await, run("Open", &pool).create().await);
    f.attach(&barred, &pool).await.created();
    f.attach(&open, &pool).await.created();
    g.unchanged(async || {
        names(lin.post(&pool.url("/archive"), json!({})).await, &[(&seen, &pool), (&own, &pool), (&open, &pool)]);
    })
    .await;
    assert_eq!(sorted(lin.get(&pool.url("/consumers")).await.ok().names()), ["Open", "Own", "Seen"]);
}

async fn labels_attach_by_themselves(g: Garth) {
    let f = Forest::grow(&g).await;
    let pool = |name: &str, space: &Thing, labels: &[&str]| f.ada.resource("pool", name).space(space).labels(labels);
    let all = pool("All", &f.root, &["autoattach:*"]).create().await;
    let red = pool("Red", &f.platform, &["autoattach:red", "autoattach:blue"]).create().await;
    pool("Below", &f.team, &["autoattach:*"]).create().await;
    pool("Elsewhere", &f.apart, &["autoattach:*"]).create().await;
    pool("Nothing", &f.root, &["autoattach", "autoattach:", "red"]).create().await;
    f.ada.resource("stack", "No pool").space(&f.root).labels(&["autoattach:*"]).create().await;
    let stack = |name: &str, space: &Thing, labels: &[&str]| f.ada.resource("stack", name).space(space).labels(labels);
    let (all_here, red_here) = ("All automatic own", "Red automatic own");
    let (all_above, red_above) = ("All automatic inherited", "Red automatic inherited");
    let cases: [(&Thing, &[&str], Vec<&str>); 8] = [
        (&f.root, &[], vec![all_here]),
        (&f.root, &["red"], vec![all_here]),
        (&f.platform, &[], vec![all_above]),
        (&f.platform, &["red", "green"], vec![all_above, red_here]),
        (&f.platform, &["Red"], vec![all_above]),
        (&f.team, &["blue"], vec![all_above, "Below automatic own", red_above]),
        (&f.team, &["red", "blue"], vec![all_above, "Below automatic own", red_above]),
        (&f.apart, &["red"], vec!["Elsewhere automatic own"]),
    ];
    for (space, labels, wanted) in cases {
        let made = stack("Stack", space, labels).create().await;
        assert_eq!(f.attached(&made).await, wanted, "{} {labels:?}", space["name"]);
    }
    // Never to itself; any kind consumes.
    assert!(f.attached(&all).await.is_empty());
    assert_eq!(f.attached(&red).await, [all_above]);

    // It follows every change: labels, archive states, inheritance, moves, the kind.
    let one = stack("One", &f.team, &["red"]).create().await;
    g.unchanged(async || f.attach(&one, &red).await.refused(409, "conflict")).await;
    g.unchanged(async || detach(&f.ada, &one, &red).await.refused(409, "conflict")).await;
    f.ada.patch(&one.url(""), json!({"labels": ["green"]})).await.ok();
    f.attach(&one, &red).await.created();
    f.ada.patch(&one.url(""), json!({"labels": ["red"]})).await.ok();
    let both = ["Red explicit inherited", all_above, "Below automatic own"];
    assert_eq!(f.attached(&one).await, both, "an explicit one is not told twice");
    detach(&f.ada, &one, &red).await.done();
    assert_eq!(f.attached(&one).await, [all_above, "Below automatic own", red_above]);
    f.ada.post(&red.url("/archive"), json!({})).await.ok();
    assert_eq!(f.attached(&one).await, [all_above, "Below automatic own"]);
    f.ada.post(&red.url("/activate"), json!({})).await.ok();
    f.ada.patch(&f.platform.url(""), json!({"inherits": false})).await.ok();
    assert_eq!(f.attached(&one).await, ["Below automatic own", red_above]);
    f.ada.patch(&f.platform.url(""), json!({"inherits": true})).await.ok();
    f.move_to(&red, &f.apart).await.ok();
    assert_eq!(f.attached(&one).await, [all_above, "Below automatic own"]);
    f.move_to(&red, &f.team).await.ok();
    f.ada.patch(&red.url(""), json!({"labels": ["autoattach:*"], "view": "members"})).await.ok();
    g.restart().await;
    assert_eq!(f.attached(&one).await, [all_above, "Below automatic own", red_here]);
    f.ada.patch("/api/v1/kinds/pool", json!({"shareable": false})).await.ok();
    assert!(f.attached(&one).await.is_empty());
    f.ada.patch("/api/v1/kinds/pool", json!({"shareable": true})).await.ok();
    f.ada.delete(&red.url("")).await.done();
    assert_eq!(f.attached(&one).await, [all_above, "Below automatic own"]);
    assert!(g.rows("attachments").await.is_empty(), "it is computed, never stored");
    assert_eq!(g.rows("resource_offers").await.len(), 4);
}

async fn what_attaches_itself_is_seen_by_who_may_see_it(g: Garth) {
    let f = Forest::grow(&g).await;
    let lin = g.person("lin").await;
    f.ada.grant(&f.team, &lin, "reader").await;
    let stack = f.stack("Stack", &f.team).await;
    let pool = |name: &str| f.ada.resource("pool", name).space(&f.platform).labels(&["autoattach:*"]);
    let rules = json!({"rules": [{"effect": "allow", "who": "owner"}], "default": "deny"});
    pool("Open").create().await;
    pool("Hers")
        .owner(&lin)
        .view(json!({"rules": [{"effect": "allow", "who": "owner"},
        {"effect": "allow", "who": {"users": [f.ada.principal()]}}], "default": "deny"}))
        .create()
        .await;
    pool("Ada's").owner(&f.ada).view(rules).create().await;
    pool("Secret").view(json!({"users": [f.ada.principal()]})).create().await;
    let names = |list: Vec<String>| sorted(list).join(", ");
    assert_eq!(names(attached(&lin, &stack).await), "Hers automatic inherited, Open automatic inherited");
    assert_eq!(attached(&f.ada, &stack).await.len(), 4);
    // A gate that shuts hides what lies behind it; the link that a colleague made still holds.
    let far = f.pool("Far", &f.root).await;
    f.attach(&stack, &far).await.created();
    assert_eq!(attached(&lin, &stack).await.len(), 3);
    f.ada.patch(&f.platform.url(""), json!({"view": {"users": [f.ada.principal()]}})).await.ok();
    assert!(attached(&lin, &stack).await.is_empty());
    assert_eq!(attached(&f.ada, &stack).await.len(), 5);
}

async fn attachments_come_in_pages(g: Garth) {
    let f = Forest::grow(&g).await;
    let stack = f.stack("Stack", &f.team).await;
    for name in ["Zoe", "Yan", "Xia"] {
        f.attach(&stack, &f.pool(name, &f.root).await).await.created();
        g.pass(SECOND);
    }
    for name in ["b", "c", "a", "b"] {
        f.ada.resource("pool", name).space(&f.platform).labels(&["autoattach:*"]).create().await;
    }
    let path = stack.url("/attachments");
    for limit in 1..=8 {
        let all = f.ada.all_pages(&path, limit).await;
        let names: Vec<&str> = all.iter().filter_map(|item| item["name"].as_str()).collect();
        assert_eq!(names, ["Zoe", "Yan", "Xia", "a", "b", "b", "c"], "pages of {limit}");
    }
    let cursor = f.ada.get(&format!("{path}?limit=2")).await.ok()["next"].as_str().expect("a cursor").to_owned();
    let other = f.stack("Other", &f.team).await;
    for wrong in [other.url("/attachments"), stack.url("/consumers")] {
        f.ada.get(&format!("{wrong}?cursor={}", percent(&cursor))).await.invalid("?cursor");
    }
    let pool = f.pool("Used", &f.root).await;
    for at in 0..5 {
        f.attach(&f.stack(&format!("Stack {at}"), &f.team).await, &pool).await.created();
    }
    for limit in 1..=6 {
        assert_eq!(f.ada.all_pages(&pool.url("/consumers"), limit).await.len(), 5, "pages of {limit}");
    }
    f.ada.get(&format!("{path}?colour=red")).await.invalid("?colour");
}

async fn however_they_race_no_link_is_broken(g: Garth) {
    let f = Forest::grow(&g).await;
    let (pool, stack) = (f.pool("Pool", &f.platform).await, f.stack("Stack", &f.team).await);
    for round in 0..100 {
        // Attaching races with each thing that would break it: one of the two is refused.
        let team = |body: Value| f.ada.patch(&f.team.url(""), body);
        let (other, back) = match round % 4 {
            0 => (f.move_to(&pool, &f.apart), f.move_to(&pool, &f.platform)),
            1 => (f.move_to(&stack, &f.apart), f.move_to(&stack, &f.team)),
            2 => (team(json!({"inherits": false})), team(json!({"inherits": true}))),
            _ => (team(json!({"parent": f.apart.id})), team(json!({"parent": f.platform.id, "inherits": true}))),
        };
        let calls =
            if round % 2 == 0 { vec![f.attach(&stack, &pool), other] } else { vec![other, f.attach(&stack, &pool)] };
        let answers = race(calls).await;
        let done = answers.iter().filter(|answer| answer.status.is_success()).count();
        assert_eq!(done, 1, "round {round}: {} {}", answers[0], answers[1]);
        let attached = g.rows("attachments").await.len();
        if attached == 1 {
            assert_eq!(f.attached(&stack).await, ["Pool explicit inherited"], "round {round}");
            detach(&f.ada, &stack, &pool).await.done();
        } else {
            back.await.ok();
        }
    }
    assert!(g.rows("attachments").await.is_empty());
}

async fn attachments_of_one_resource_are_limited(g: Garth) {
    let f = Forest::grow(&g).await;
    let stack = f.stack("Stack", &f.root).await;
    let many: Vec<Value> =
        (0..501).map(|at| json!({"kind": "pool", "name": format!("{at}"), "space": f.root.id})).collect();
    let mut pools = f.ada.post("/api/v1/resources/batch", json!({"resources": many[..500]})).await.created().items();
    let last = pools.pop().expect("a pool");
    let more = f.ada.post("/api/v1/resources", many[500].clone()).await.created().json;
    pools.push(more);
    let attach = |pool: &Value| f.ada.post(&stack.url("/attachments"), json!({"resource": pool["id"]}));
    for pool in &pools {
        attach(pool).await.created();
    }
    g.unchanged(async || attach(&last).await.refused(409, "conflict")).await;
}
