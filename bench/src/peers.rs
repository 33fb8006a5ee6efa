//! Cedar and casbin, each in the form that suits it best, on the same world and asked the same.

use crate::engine::{Question, questions};
use crate::measure::{Times, timed};
use crate::workload::{Who, Workload, space_of};
use casbin::prelude::*;
use cedar_policy::RestrictedExpression as Value;
use cedar_policy::{Authorizer, Context, Decision, Entities, Entity, EntityUid, PolicySet, Request};
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

fn uid(kind: &str, name: impl std::fmt::Display) -> EntityUid {
    format!("{kind}::\"{name}\"").parse().expect("a well-formed id")
}

/// Who may read and who may write in a space are entities; whoever may is an ancestor away, which Cedar looks up in a
/// set that it has worked out at load. Members of a space's `down` may read in it and below, those of its `write` write,
/// those of its `any` hold any role and so read.
const CEDAR: &str = r#"
permit(principal, action == Action::"read", resource) when { principal in resource.readers };
permit(principal, action == Action::"write", resource) when { principal in resource.writers };
"#;

pub struct Cedar {
    pub load: Duration,
    pub times: Times,
    /// What it answered, to be compared.
    pub answers: Vec<(Question, bool)>,
}

pub fn cedar(load: &Workload) -> Cedar {
    let asked = questions(load, 20_000);
    let start = Instant::now();
    let mut entities: Vec<Entity> = Vec::new();
    let part = |space: usize, part: &str| uid("Role", format_args!("{space}/{part}"));
    let mut children = vec![Vec::new(); load.spaces.len()];
    for (ix, space) in load.spaces.iter().enumerate() {
        if let Some(parent) = space.parent {
            children[parent as usize].push(ix);
        }
    }
    let none = HashMap::new;
    let add = |entities: &mut Vec<Entity>, id: EntityUid, parents: HashSet<EntityUid>| {
        entities.push(Entity::new(id, none(), parents).expect("an entity"));
    };
    for (ix, space) in load.spaces.iter().enumerate() {
        let down = |what: &'static str| children[ix].iter().map(move |c| part(*c, what));
        add(&mut entities, part(ix, "write"), down("write").chain([part(ix, "down")]).collect());
        add(&mut entities, part(ix, "down"), down("down").chain([part(ix, "any")]).collect());
        let up = space.parent.filter(|_| space.inherits).map(|p| part(p as usize, "any"));
        add(&mut entities, part(ix, "any"), up.into_iter().collect());
    }
    let mut held: HashMap<Who, HashSet<EntityUid>> = HashMap::new();
    for (space, grants) in load.grants.iter().enumerate() {
        for (who, role) in grants {
            held.entry(*who).or_default().insert(part(space, if *role == 0 { "down" } else { "write" }));
        }
    }
    for group in 0..load.size.groups as u32 {
        add(&mut entities, uid("Group", group), held.remove(&Who::Group(group)).unwrap_or_default());
    }
    for (user, groups) in load.groups_of.iter().enumerate() {
        let mut parents = held.remove(&Who::User(user as u32)).unwrap_or_default();
        parents.extend(groups.iter().map(|g| uid("Group", g)));
        add(&mut entities, uid("User", user), parents);
    }
    for class in asked.iter().map(|q| q.1).collect::<HashSet<_>>() {
        let space = space_of(class) as usize;
        let values = HashMap::from([
            ("readers".to_owned(), Value::new_entity_uid(part(space, "any"))),
            ("writers".to_owned(), Value::new_entity_uid(part(space, "write"))),
        ]);
        entities.push(Entity::new(uid("Resource", class), values, HashSet::new()).expect("a resource"));
    }
    let entities = Entities::from_entities(entities, None).expect("the entities");
    let load = start.elapsed();
    let policies: PolicySet = CEDAR.parse().expect("the policies");
    let authorizer = Authorizer::new();
    let mut answers = Vec::new();
    let mut times = Vec::new();
    for question in asked {
        let (user, class, writes) = question;
        let action = uid("Action", if writes { "write" } else { "read" });
        let request = Request::new(uid("User", user), action, uid("Resource", class), Context::empty(), None);
        let request = request.expect("a request");
        let mut decision = Decision::Deny;
        times.push(timed(|| decision = authorizer.is_authorized(&request, &policies, &entities).decision()));
        answers.push((question, decision == Decision::Allow));
    }
    Cedar { load, times: Times::new(times), answers }
}

const CASBIN: &str = "
[request_definition]
r = sub, space, act
[policy_definition]
p = sub, space, act
[role_definition]
g = _, _
g2 = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.act == p.act && g2(r.space, p.space) && g(r.sub, p.sub)
";

/// Without what rises from inheriting children: that would make it slower still.
pub async fn casbin(load: &Workload) -> Times {
    let model = DefaultModel::from_str(CASBIN).await.expect("the model");
    let mut enforcer = Enforcer::new(model, MemoryAdapter::default()).await.expect("the enforcer");
    let mut rules = Vec::new();
    for (space, grants) in load.grants.iter().enumerate() {
        for (who, role) in grants {
            let sub = match who {
                Who::User(ix) => format!("u{ix}"),
                Who::Group(ix) => format!("g{ix}"),
            };
            for act in ["read", "write"].iter().take(if *role == 0 { 1 } else { 2 }) {
                rules.push(vec![sub.clone(), format!("s{space}"), (*act).to_owned()]);
            }
        }
    }
    rules.sort_unstable();
    rules.dedup();
    enforcer.add_policies(rules).await.expect("the policies");
    let members = load.groups_of.iter().enumerate();
    let members =
        members.flat_map(|(user, groups)| groups.iter().map(move |g| vec![format!("u{user}"), format!("g{g}")]));
    enforcer.add_grouping_policies(members.collect()).await.expect("the members");
    let tree = load.spaces.iter().enumerate();
    let tree = tree.filter_map(|(ix, s)| Some(vec![format!("s{ix}"), format!("s{}", s.parent?)]));
    enforcer.add_named_grouping_policies("g2", tree.collect()).await.expect("the tree");
    let mut times = Vec::new();
    for (user, class, writes) in questions(load, 300) {
        let asked = (format!("u{user}"), format!("s{}", space_of(class)), if writes { "write" } else { "read" });
        times.push(timed(|| enforcer.enforce(asked).expect("an answer")));
    }
    Times::new(times)
}
