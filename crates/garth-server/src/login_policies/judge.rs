//! Asking the login policies about somebody who is about to sign in.

use super::input::{input, input_json, role_named};
use super::{CONTRACT, Decision, Outputs, Sample, TIME, TIME_OF_ALL, combine, samples};
use crate::access::Ctx;
use crate::base::error::{Error, Result};
use crate::base::rego::{Halt, Input, Policy};
use crate::directory::{Directory, LoginPolicyInfo};
use garth_core::{RoleIx, SpaceIx, UserIx};
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

/// Most roles in spaces that a session brings; a policy that gives more has failed.
pub const BROUGHT: usize = 1_000;

/// What the policies said of somebody.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Do they come in, and as what?
    pub decision: Decision,
    /// The roles their session brings: space and role, each pair once, in order.
    pub roles: Vec<(Uuid, Uuid)>,
    /// The teams from then on, where a policy said which.
    pub team: Option<Vec<String>>,
    /// Why they were refused: for the record, never for them.
    pub why: Value,
    /// What is to be kept of it, where a policy asked for that.
    pub sample: Option<Sample>,
}

/// The policies that are asked.
pub fn asked(dir: &Directory) -> impl Iterator<Item = &Arc<LoginPolicyInfo>> {
    dir.login_policies.iter().filter(|policy| policy.enabled)
}

/// Asks every policy about a user, each on its own, on a thread with budgets and under an outer clock.
///
/// # Errors
/// 503 `overloaded` while as many evaluations as there may be run already.
pub async fn judge(ctx: &Ctx, dir: &Directory, user: UserIx, teams: &[String]) -> Result<Judged> {
    let policies: Vec<Arc<LoginPolicyInfo>> = asked(dir).cloned().collect();
    let (told, asking) = (input(ctx, dir, user, teams), policies.clone());
    let answers = match ctx.app.rego.asking.run(TIME_OF_ALL, move || ask_all(&asking, &told)).await {
        Ok(answers) => answers,
        Err(Halt::Full) => return Err(Error::Overloaded),
        Err(Halt::TooLong) => Err("the policies took too long".to_owned()),
        Err(Halt::Failed) => Err("the policies could not be asked".to_owned()),
    };
    let answers = match answers {
        Ok(answers) => answers,
        Err(fault) => {
            tracing::info!(%fault, "a login policy failed, so nobody whom it was asked about comes in");
            let why = json!({ "error": fault });
            return Ok(Judged { decision: Decision::Refused, roles: Vec::new(), team: None, why, sample: None });
        }
    };
    let denied: Vec<&str> =
        policies.iter().zip(&answers).filter(|(_, o)| o.deny).map(|(policy, _)| policy.name.as_str()).collect();
    let denied = json!(denied);
    let all = combine(answers.iter().cloned());
    let roles = resolved(dir, &all);
    if roles.len() > BROUGHT {
        let why = json!({ "error": format!("the policies give more than {BROUGHT} roles in spaces") });
        return Ok(Judged { decision: Decision::Refused, roles: Vec::new(), team: None, why, sample: None });
    }
    let decision = Decision::of(&all, !roles.is_empty());
    let why = match decision {
        Decision::Refused if all.deny => json!({ "denied_by": denied }),
        Decision::Refused => json!({ "allowed_by": [] }),
        _ => Value::Null,
    };
    let (id, login) = dir.users.info(user).map(|info| (info.id, info.username.as_str())).unwrap_or_default();
    let refused = decision == Decision::Refused;
    // What is only tried is not kept, and takes nobody's turn.
    let kept = all.sample && (!refused || (!ctx.dry_run && samples::paced(ctx, login)));
    let sample =
        kept.then(|| samples::sample(ctx.now(), id, input_json(ctx, dir, user, teams), &policies, &answers, decision));
    let team = Some(all.team).filter(|team| !team.is_empty()).map(|team| team.into_iter().collect());
    let roles = if decision == Decision::Refused { Vec::new() } else { roles };
    Ok(Judged { decision, roles, team, why, sample })
}

/// Each policy on its own, until one fails: that refuses whatever the others say.
fn ask_all(policies: &[Arc<LoginPolicyInfo>], told: &Input) -> std::result::Result<Vec<Outputs>, String> {
    let one = |policy: &Arc<LoginPolicyInfo>| {
        let fault = |fault| format!("the policy “{}” failed: {fault}", policy.name);
        let ready = match policy.ready.get() {
            Some(ready) => Arc::clone(ready),
            None => {
                let read = Policy::read(&policy.rego, policy.version, &CONTRACT).map_err(fault)?;
                Arc::clone(policy.ready.get_or_init(|| Arc::new(read)))
            }
        };
        ready.ask(told, TIME).map(Outputs::of).map_err(fault)
    };
    policies.iter().map(one).collect()
}

/// The roles that are given in spaces, as there are: an unknown or sealed space and an unknown role give nothing.
fn resolved(dir: &Directory, outputs: &Outputs) -> Vec<(Uuid, Uuid)> {
    let open = |ix: &SpaceIx| dir.world.space(*ix).is_some_and(|space| !space.sealed);
    let pair = |(space, role): (&str, &str)| {
        let space = dir.space_ref(space).filter(open)?;
        let role: RoleIx = role_named(dir, role)?;
        Some((dir.space_id(space)?, dir.roles.info(role)?.id))
    };
    let mut roles: Vec<(Uuid, Uuid)> = outputs.granted().filter_map(pair).collect();
    roles.sort_unstable();
    roles.dedup();
    roles
}
