//! Samples: what some sign-ins were judged by, to try a changed policy on.

use super::{Decision, Outputs, api::Said, store};
use crate::access::{Ctx, Permit, Write};
use crate::base::error::{Error, Result};
use crate::base::ids;
use crate::directory::LoginPolicyInfo;
use garth_core::Micros;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use uuid::Uuid;

/// Most samples that are kept.
pub const SAMPLES: i64 = 100;
/// Most of refused sign-ins among them.
pub const SAMPLES_REFUSED: i64 = 50;
/// Samples of refused sign-ins that are kept in a minute: of one name one.
pub const REFUSED_A_MINUTE: usize = 10;
/// How long they are kept, in microseconds.
const KEPT: Micros = 7 * 24 * 60 * 60 * 1_000_000;
/// Longest input that is kept whole, in bytes; of a longer one the spaces are left out.
const INPUT_BYTES: usize = 256 * 1024;

/// A sign-in as it was judged.
#[derive(Clone, Debug)]
pub struct Sample {
    /// A random id.
    pub id: Uuid,
    /// When.
    pub at: Micros,
    /// Who; nobody for somebody who was refused at their first sign-in by a provider, and so has no account.
    pub user: Option<Uuid>,
    /// Were they refused?
    pub refused: bool,
    /// What the policies were told.
    pub input: Value,
    /// Each policy that was asked: name, version, text, outputs.
    pub policies: Value,
    /// What came of it: outputs and decision.
    pub result: Value,
}

/// The refused sign-ins of the last minute of which a sample is kept.
#[derive(Default)]
struct Refusals(Mutex<(Micros, Vec<String>)>);

/// May a sample be kept of a sign-in of that name that is refused? Whoever is refused can come again as often as they
/// like, and each sample is a write of its own.
pub(super) fn paced(ctx: &Ctx, login: &str) -> bool {
    let refusals = ctx.app.memory.of::<Refusals>();
    let mut refusals = refusals.0.lock().unwrap_or_else(PoisonError::into_inner);
    let minute = ctx.now().div_euclid(60 * 1_000_000);
    if refusals.0 != minute {
        *refusals = (minute, Vec::new());
    }
    let free = refusals.1.len() < REFUSED_A_MINUTE && !refusals.1.iter().any(|other| other == login);
    if free {
        refusals.1.push(login.to_owned());
    }
    free
}

/// Makes a sample of a sign-in.
pub(super) fn sample(
    at: Micros,
    user: Uuid,
    mut input: Value,
    policies: &[Arc<LoginPolicyInfo>],
    answers: &[Outputs],
    decision: Decision,
) -> Sample {
    let told = |(policy, outputs): (&Arc<LoginPolicyInfo>, &Outputs)| {
        json!({ "name": policy.name, "version": policy.version.as_str(), "rego": policy.rego,
                "outputs": Said::of(outputs) })
    };
    let policies = policies.iter().zip(answers).map(told).collect();
    let all = super::combine(answers.iter().cloned());
    if input.to_string().len() > INPUT_BYTES {
        input["spaces"] = json!([]);
        input["spaces_left_out"] = json!(true);
    }
    let result = json!({ "outputs": Said::of(&all), "decision": decision.as_str() });
    let refused = decision == Decision::Refused;
    Sample { id: ids::new_id(at), at, user: Some(user), refused, input, policies, result }
}

/// Keeps a sample; the oldest beyond [`SAMPLES`], or beyond [`SAMPLES_REFUSED`], and those of more than seven days go.
///
/// # Errors
/// When the store fails.
pub async fn keep(w: &mut Write<'_>, permit: &Permit, sample: &Sample) -> Result<()> {
    let since = w.now - KEPT;
    Ok(store::insert_sample(w.tx(), permit, sample, since, (SAMPLES, SAMPLES_REFUSED)).await?)
}

/// The samples of the last seven days, the last first.
///
/// # Errors
/// 401, 403 for all but system administrators.
pub async fn list(ctx: &Ctx) -> Result<Vec<Sample>> {
    ctx.system_admin(&ctx.directory())?;
    let rows = store::samples(&ctx.db(), ctx.now() - KEPT, SAMPLES).await?;
    let read = |text: &str| serde_json::from_str::<Value>(text).map_err(|e| Error::internal(e.to_string()));
    let one = |[id, at, user, refused, input, policies, result]: [String; 7]| {
        Ok(Sample {
            id: Uuid::try_parse(&id).unwrap_or_default(),
            at: at.parse().unwrap_or_default(),
            user: Uuid::try_parse(&user).ok(),
            refused: refused == "1",
            input: read(&input)?,
            policies: read(&policies)?,
            result: read(&result)?,
        })
    };
    rows.into_iter().map(one).collect()
}
