//! AuthZEN over HTTP: evaluation and evaluations here, searches and discovery beside; and explain.

mod discovery;
mod search;

pub use discovery::beside;

use super::wire::{
    Asked, AuthzenAnswer, AuthzenDecision, AuthzenDecisions, AuthzenEvaluation, AuthzenEvaluations, Parts, malformed,
    semantic,
};
use crate::access::{App, Ctx, Explanation};
use crate::base::clock;
use crate::base::error::{Problem, Result};
use crate::base::http::Json;
use crate::base::metrics::Decided;
use crate::decisions;
use garth_core::Outcome;
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Most questions of one batch (`API.md`, ground rules).
const BATCH: usize = 1_000;

/// The routes of decisions.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(evaluation))
        .routes(routes!(evaluations))
        .routes(routes!(explain))
        .merge(search::routes())
        .merge(discovery::routes())
}

/// May this subject do this to that? (AuthZEN 1.0)
#[utoipa::path(post, path = "/access/v1/evaluation", tag = "decisions", request_body = AuthzenEvaluation,
    responses((status = 200, description = "The decision", body = AuthzenDecision), (status = "default", description = "A problem", body = Problem)))]
async fn evaluation(ctx: Ctx, Asked(body): Asked) -> Result<Json<AuthzenDecision>> {
    let question = Parts::of(&body).question()?;
    let outcome = timed(&ctx, "evaluation", decisions::evaluate(&ctx, &question), decided).await?;
    Ok(Json(AuthzenDecision::of(outcome)))
}

/// Many questions at once (AuthZEN 1.0)
#[utoipa::path(post, path = "/access/v1/evaluations", tag = "decisions", request_body = AuthzenEvaluations,
    responses((status = 200, description = "The decisions in the order of the questions; one decision where there was no list", body = AuthzenAnswer), (status = "default", description = "A problem", body = Problem)))]
async fn evaluations(ctx: Ctx, Asked(body): Asked) -> Result<Json<AuthzenAnswer>> {
    let list = match body.get("evaluations") {
        None => &[],
        Some(Value::Array(list)) => list.as_slice(),
        Some(_) => return Err(malformed("evaluations must be a list")),
    };
    let stop = semantic(&body)?.stop();
    let defaults = Parts::of(&body);
    if list.is_empty() {
        let question = defaults.question()?;
        let outcome = timed(&ctx, "evaluations", decisions::evaluate(&ctx, &question), decided).await?;
        return Ok(Json(AuthzenAnswer::One(AuthzenDecision::of(outcome))));
    }
    if list.len() > BATCH {
        return Err(malformed(format!("evaluations must be at most {BATCH}")));
    }
    // A default may lack something that every item says itself; it may not be of another type.
    for name in ["subject", "action", "resource", "context"] {
        defaults.object(name)?;
    }
    let items: Vec<_> = list.iter().map(|item| Parts::of_item(item, &body)?.question()).collect();
    let questions: Vec<_> = items.iter().filter_map(|item| item.as_ref().ok().cloned()).collect();
    let outcomes = timed(&ctx, "evaluations", decisions::evaluate_each(&ctx, &questions), |_| Decided::Many).await?;
    let mut outcomes = outcomes.into_iter();
    let mut answers = Vec::with_capacity(items.len());
    for item in items {
        let outcome = item.and_then(|_| outcomes.next().unwrap_or(Ok(Outcome::Missing)));
        let answer = outcome.map_or_else(AuthzenDecision::failed, |outcome| Ok(AuthzenDecision::of(outcome)))?;
        let decision = answer.decision;
        answers.push(answer);
        if stop == Some(decision) {
            break;
        }
    }
    Ok(Json(AuthzenAnswer::Many(AuthzenDecisions { evaluations: answers })))
}

/// A decision with its steps.
#[derive(Serialize, ToSchema)]
pub struct Explained {
    decision: bool,
    steps: Vec<Step>,
}

/// One step of a decision.
#[derive(Serialize, ToSchema)]
pub struct Step {
    /// `gate`, `roles`, `view` or `action`.
    #[schema(value_type = String)]
    step: &'static str,
    /// `passed`, `refused` or `not_asked`.
    #[schema(value_type = String)]
    outcome: &'static str,
    because: String,
}

impl Explained {
    fn of(explanation: Explanation) -> Self {
        let step = |s: crate::access::Step| Step { step: s.step, outcome: s.outcome, because: s.because };
        Self { decision: explanation.decision, steps: explanation.steps.into_iter().map(step).collect() }
    }
}

/// Why somebody may or may not, step by step
#[utoipa::path(post, path = "/api/v1/explain", tag = "decisions", request_body = AuthzenEvaluation,
    responses((status = 200, description = "The decision and its steps", body = Explained), (status = "default", description = "A problem", body = Problem)))]
async fn explain(ctx: Ctx, Asked(body): Asked) -> Result<Json<Explained>> {
    let question = Parts::of(&body).question()?;
    let explained = timed(&ctx, "explain", decisions::explain(&ctx, &question), |one| one.decision.into()).await?;
    Ok(Json(Explained::of(explained)))
}

/// Measures what answers a question: from the question as it was read to the answer as it will be written.
async fn timed<T>(
    ctx: &Ctx,
    endpoint: &str,
    answering: impl Future<Output = Result<T>>,
    decided: impl FnOnce(&T) -> Decided,
) -> Result<T> {
    let began = clock::monotonic();
    let answer = answering.await;
    let outcome = answer.as_ref().map_or(Decided::Failed, decided);
    ctx.app.figures.decision(endpoint, outcome, began.elapsed());
    answer
}

fn decided(outcome: &Outcome) -> Decided {
    matches!(outcome, Outcome::Allowed).into()
}
