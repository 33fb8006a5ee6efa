//! A draft asked about anything, before it is saved: nothing is kept, and nobody comes in by it.

use super::{CONTRACT, Decision, Outputs, Sample, TIME, TIME_OF_ALL, combine, input, samples};
use crate::access::Ctx;
use crate::base::error::{Error, Result};
use crate::base::rego::{Fault, Halt, Input, Policy, Version};
use serde_json::Value;
use std::collections::BTreeSet;

/// Samples that a draft is asked about at a time, the last ones.
pub const REPLAYED: usize = 20;

/// A kept sign-in, and what would come of it now.
pub struct Replayed {
    /// The sign-in.
    pub sample: Sample,
    /// What the draft says of it, alone.
    pub draft: Simulated,
    /// What all policies that were asked then would come to, with the draft in the place of the one of its name.
    pub together: Simulated,
}

/// What a sign-in of that person would tell policies now, from where the caller is.
///
/// # Errors
/// 401, 403 for all but system administrators; 422 for nobody.
pub fn told(ctx: &Ctx, username: &str) -> Result<Value> {
    let dir = ctx.directory();
    ctx.system_admin(&dir)?;
    let user = dir.user_ref(&format!("@{}", username.trim().trim_start_matches('@')));
    let user = user.ok_or_else(|| Error::field("/username", "is nobody's username"))?;
    let teams = input::teams_of(&dir, user, &[]);
    Ok(input::input_json(ctx, &dir, user, &teams))
}

/// Asks a draft about the last samples: a policy of that name, or one beside all others. It ends at an error, or when all
/// of it has taken as long as a sign-in may.
///
/// # Errors
/// As [`simulate`].
pub async fn replay(ctx: &Ctx, name: &str, rego: &str, version: Version) -> Result<Vec<Replayed>> {
    let begun = ctx.now();
    let mut replayed = Vec::new();
    for sample in samples::list(ctx).await?.into_iter().take(REPLAYED) {
        if u128::from((ctx.now() - begun).unsigned_abs()) > TIME_OF_ALL.as_micros() {
            break;
        }
        let draft = Draft { rego: rego.to_owned(), version, input: sample.input.clone() };
        let draft = simulate(ctx, draft).await?;
        let failed = draft.error.is_some();
        let others = sample.policies.as_array().into_iter().flatten().filter(|other| other["name"] != name);
        let others = others.map(|other| Outputs::written(&other["outputs"]));
        let together = match failed {
            true => draft.clone(),
            false => judged(combine(others.chain([draft.outputs.clone()])), &sample.input),
        };
        replayed.push(Replayed { sample, draft, together });
        if failed {
            break;
        }
    }
    Ok(replayed)
}

/// A policy and what it is to be told.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The text.
    pub rego: String,
    /// The version of the language.
    pub version: Version,
    /// What it is told, as a sign-in would tell it.
    pub input: Value,
}

/// What would come of it.
#[derive(Clone, Debug)]
pub struct Simulated {
    /// What the rules came to; all false and empty after an error.
    pub outputs: Outputs,
    /// Would they come in, by this policy alone?
    pub decision: Decision,
    /// What is wrong with the policy, or went wrong in it.
    pub error: Option<Fault>,
    /// What was given in spaces, or as roles, that the input does not know: a sign-in would ignore it.
    pub ignored: Vec<String>,
}

/// Asks a draft, under the budgets of a sign-in.
///
/// # Errors
/// 401, 403 for all but system administrators; 429 while as many drafts as there may be are being asked.
pub async fn simulate(ctx: &Ctx, draft: Draft) -> Result<Simulated> {
    ctx.system_admin(&ctx.directory())?;
    let input = draft.input.clone();
    let work = move || {
        let policy = Policy::read(&draft.rego, draft.version, &CONTRACT)?;
        policy.ask(&Input::of(&draft.input), TIME)
    };
    let answers = match ctx.app.rego.trying.run(TIME_OF_ALL, work).await {
        Ok(answers) => answers,
        Err(Halt::Full) => return Err(Error::RateLimited(1)),
        Err(Halt::TooLong) => Err(Fault::of("the policy took too long")),
        Err(Halt::Failed) => Err(Fault::of("the policy could not be asked")),
    };
    Ok(match answers {
        Ok(answers) => judged(Outputs::of(answers), &input),
        Err(fault) => Simulated {
            outputs: Outputs::default(),
            decision: Decision::Refused,
            error: Some(fault),
            ignored: Vec::new(),
        },
    })
}

/// What the input knows decides what is known: it stands for an installation.
fn judged(outputs: Outputs, input: &Value) -> Simulated {
    let spaces = listed(&input["spaces"], &["id"]);
    let roles = listed(&input["roles"], &["name", "slug"]);
    let built_in = ["reader", "writer", "admin", "space-reader", "space-writer", "space-admin"];
    let mut ignored = BTreeSet::new();
    let mut granted = false;
    for (space, role) in outputs.granted() {
        let space_known = spaces.as_ref().is_none_or(|known| known.contains(space));
        let role_known = built_in.contains(&role) || roles.as_ref().is_none_or(|known| known.contains(role));
        granted |= space_known && role_known;
        if !space_known {
            ignored.insert(format!("the input has no space {space}"));
        }
        if !role_known {
            ignored.insert(format!("the input has no role {role}"));
        }
    }
    let decision = Decision::of(&outputs, granted);
    Simulated { outputs, decision, error: None, ignored: ignored.into_iter().collect() }
}

/// The values of some fields of a list; `None` where there is no list.
fn listed(list: &Value, fields: &[&str]) -> Option<BTreeSet<String>> {
    let values = list.as_array()?.iter().flat_map(|item| fields.iter().filter_map(|field| item[*field].as_str()));
    Some(values.map(str::to_owned).collect())
}
