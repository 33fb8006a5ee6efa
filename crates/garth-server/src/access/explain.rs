//! Why somebody may or may not: the decision's own steps, in words that name nothing the reader may not see.

use crate::access::Viewer;
use crate::directory::Directory;
use garth_core::{Action, Answer, By, Caller, Decision, Flow, Micros, Outcome, Principal, SpaceIx, Target};

/// A decision with its steps.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// May they?
    pub decision: bool,
    /// What each step said; the steps after the one that refused are not asked.
    pub steps: Vec<Step>,
}

/// One step of a decision.
#[derive(Clone, Debug)]
pub struct Step {
    /// `gate`, `roles`, `view` or `action`.
    pub step: &'static str,
    /// `passed`, `refused`, or `not_asked`.
    pub outcome: &'static str,
    /// Why, in a sentence.
    pub because: String,
}

/// Explains to `reader` what was decided for `subject`. Where the target is missing to the subject, the explanation is
/// that of something missing, unless the reader is `told` more: who sees the target and manages its space.
pub fn explain(
    dir: &Directory,
    (reader, told): (&Caller, bool),
    subject: &Caller,
    target: Option<Target>,
    action: Action,
    now: Micros,
) -> Explanation {
    let decision = target.map(|target| (target, dir.world.decide(subject, target, action, now)));
    let told = told || reader.system;
    let Some((target, decision)) = decision.filter(|(_, d)| d.outcome != Outcome::Missing || told) else {
        return missing();
    };
    let Some(space) = space_of(dir, target) else { return missing() };
    let viewer = Viewer::new(dir, reader, now);
    let (gate, roles) = match decision.window {
        // What goes on in a space that the reader cannot see is not told.
        Some(window) if !viewer.space(window) => elsewhere(),
        window => {
            let there = window.unwrap_or(space);
            let gate = gate_step(dir, &decision, there);
            (gate, roles_step(dir, &viewer, subject, &decision, there, now))
        }
    };
    let view = answer_step(dir, "view", decision.view, &decision);
    let action = match action {
        Action::Read => {
            let because = if view.outcome == "passed" { "seeing is all that was asked for" } else { "" };
            Step { step: "action", outcome: view.outcome, because: because.to_owned() }
        }
        _ => answer_step(dir, "action", decision.action, &decision),
    };
    Explanation { decision: decision.allowed(), steps: vec![gate, roles, view, action] }
}

/// What is hidden is explained as what does not exist.
fn missing() -> Explanation {
    let step = |step, outcome, because: &str| Step { step, outcome, because: because.to_owned() };
    Explanation {
        decision: false,
        steps: vec![
            step("gate", "refused", "there is no such thing, or not for you"),
            step("roles", "not_asked", ""),
            step("view", "not_asked", ""),
            step("action", "not_asked", ""),
        ],
    }
}

/// Seen through a space that the reader cannot see.
fn elsewhere() -> (Step, Step) {
    let because = "it is shared to another space, whose view policy lets them in".to_owned();
    let roles = Step { step: "roles", outcome: "passed", because: "what they are there".to_owned() };
    (Step { step: "gate", outcome: "passed", because }, roles)
}

fn space_of(dir: &Directory, target: Target) -> Option<SpaceIx> {
    match target {
        Target::Space(space) => Some(space),
        Target::Resource(class, _) => dir.world.class(class).map(|c| c.space),
    }
}

fn gate_step(dir: &Directory, decision: &Decision, space: SpaceIx) -> Step {
    let view = dir.spaces.info(space).map(|s| words(&s.view)).unwrap_or_default();
    let passed = decision.standing.gate;
    Step {
        step: "gate",
        outcome: outcome(passed),
        because: if decision.window.is_some() {
            let name = dir.spaces.info(space).map(|s| s.name.as_str()).unwrap_or_default();
            format!("it is shared to the space “{name}”, whose view policy lets {view} in")
        } else if passed {
            format!("the space's view policy lets {view} in")
        } else {
            format!("the space's view policy lets {view} in, and nothing else opens it")
        },
    }
}

/// A policy in a few words, naming nobody.
fn words(policy: &serde_json::Value) -> String {
    match policy {
        serde_json::Value::String(word) => word.clone(),
        serde_json::Value::Object(form) if form.contains_key("rules") => "whom its rules allow".to_owned(),
        serde_json::Value::Object(form) => match form.iter().next() {
            Some((form, serde_json::Value::String(name))) if form == "permission" => format!("holders of {name}"),
            Some((form, _)) if form == "users" => "certain users".to_owned(),
            Some((form, _)) if form == "named" => "whom a named policy allows".to_owned(),
            Some(_) => "members of certain groups".to_owned(),
            None => "nobody".to_owned(),
        },
        _ => "nobody".to_owned(),
    }
}

fn roles_step(
    dir: &Directory,
    viewer: &Viewer<'_>,
    subject: &Caller,
    decision: &Decision,
    space: SpaceIx,
    now: Micros,
) -> Step {
    if subject.system {
        return Step { step: "roles", outcome: "passed", because: "the command line sees all".to_owned() };
    }
    if !decision.standing.gate {
        return Step { step: "roles", outcome: "not_asked", because: String::new() };
    }
    let mut reasons: Vec<String> = Vec::new();
    for source in dir.world.sources(subject, space, now) {
        let role = dir.role_name(source.role);
        let place = match dir.spaces.info(source.space) {
            Some(info) if viewer.space(source.space) && !info.name.is_empty() => format!("“{}”", info.name),
            _ => "another space".to_owned(),
        };
        let via = match source.principal {
            Some(Principal::Everyone) => " as everyone".to_owned(),
            Some(Principal::Group(group)) => match dir.groups.info(group) {
                Some(info) if viewer.group(group) => format!(" through the group {}", info.name),
                _ => " through a group".to_owned(),
            },
            _ if source.session => " by a login policy".to_owned(),
            _ => String::new(),
        };
        reasons.push(match source.flow {
            Flow::Here => format!("{role} here{via}"),
            Flow::Above => format!("{role} from {place} above{via}"),
            Flow::Below => format!("{role} by holding a role in {place} below, which inherits"),
        });
    }
    let because = if reasons.is_empty() { "no role in this space".to_owned() } else { reasons.join("; ") };
    Step { step: "roles", outcome: if decision.standing.roles.is_empty() { "refused" } else { "passed" }, because }
}

fn answer_step(dir: &Directory, step: &'static str, answer: Answer, decision: &Decision) -> Step {
    let verb = if answer.allowed { "allows it" } else { "does not allow it" };
    let because = match answer.by {
        By::Unasked => String::new(),
        By::System => "the command line sees all".to_owned(),
        By::Gate => "passing the gate is seeing the space".to_owned(),
        By::SpaceEdit => format!("the space's edit policy {verb}"),
        By::Policy => format!("the resource's own policy {verb}"),
        By::KindPolicy => format!("the default policy of its kind {verb}"),
        By::Exception => "an exception of its kind for author, owner or subscribers allows it".to_owned(),
        By::Required => "something that it requires is hidden from them".to_owned(),
        By::Window => "what is seen through a share can be looked at and used, and nothing else".to_owned(),
        By::Permission(permission) => {
            let permission = dir.words().permission(permission);
            if answer.allowed { format!("a role holds {permission}") } else { format!("no role holds {permission}") }
        }
    };
    let outcome = match answer.by {
        By::Unasked if decision.outcome == Outcome::Missing => "not_asked",
        _ => outcome(answer.allowed),
    };
    Step { step, outcome, because }
}

fn outcome(passed: bool) -> &'static str {
    if passed { "passed" } else { "refused" }
}
