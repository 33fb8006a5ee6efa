//! AuthZEN over HTTP: evaluation, evaluations, discovery; and explain.
//!
//! The standard wants unknown fields ignored and malformed questions answered with 400.

use super::{Entity, Question};
use crate::access::{App, Ctx, Explanation};
use crate::base::error::{Error, Problem, Result};
use crate::base::http::{Json, REQUEST_BYTES, read_json};
use crate::decisions;
use axum::extract::{FromRequest, Request, State};
use garth_core::Outcome;
use serde::Serialize;
use serde_json::{Map, Value, json};
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
        .routes(routes!(configuration))
        .routes(routes!(explain))
}

/// A JSON object whose unknown fields are ignored; everything wrong with it is 400.
struct Asked(Map<String, Value>);

impl<S: Send + Sync> FromRequest<S> for Asked {
    type Rejection = Error;

    async fn from_request(request: Request, _state: &S) -> Result<Self> {
        match read_json(request, REQUEST_BYTES).await? {
            Value::Object(object) => Ok(Self(object)),
            _ => Err(Error::Malformed("the body must be a JSON object".to_owned())),
        }
    }
}

fn text(object: Option<&Value>, name: &str, field: &str) -> Result<String> {
    let object = object.ok_or_else(|| Error::Malformed(format!("{name} is missing")))?;
    let object = object.as_object().ok_or_else(|| Error::Malformed(format!("{name} must be an object")))?;
    match object.get(field) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(Error::Malformed(format!("{name}.{field} must be a string"))),
        None => Err(Error::Malformed(format!("{name}.{field} is missing"))),
    }
}

fn question(parts: &Map<String, Value>) -> Result<Question> {
    let entity = |name: &str| -> Result<Entity> {
        Ok(Entity { kind: text(parts.get(name), name, "type")?, id: text(parts.get(name), name, "id")? })
    };
    if parts.get("context").is_some_and(|c| !c.is_object()) {
        return Err(Error::Malformed("context must be an object".to_owned()));
    }
    Ok(Question {
        subject: entity("subject")?,
        action: text(parts.get("action"), "action", "name")?,
        resource: entity("resource")?,
    })
}

/// The answer to one question: a decision, and a reason where it is no.
fn answer(outcome: Outcome) -> Value {
    match outcome {
        Outcome::Allowed => json!({ "decision": true }),
        Outcome::Missing => json!({ "decision": false, "context": { "reason": "not_found" } }),
        Outcome::Forbidden(_) => json!({ "decision": false, "context": { "reason": "forbidden" } }),
    }
}

/// May this subject do this to that? (AuthZEN 1.0)
#[utoipa::path(post, path = "/access/v1/evaluation", tag = "decisions", request_body(content = Object, description = "`subject {type, id}`, `action {name}`, `resource {type, id}`, `context`"),
    responses((status = 200, description = "`{decision, context}`", body = Object), (status = "default", description = "A problem", body = Problem)))]
async fn evaluation(ctx: Ctx, Asked(body): Asked) -> Result<Json<Value>> {
    Ok(Json(answer(decisions::evaluate(&ctx, &question(&body)?).await?)))
}

/// Many questions at once (AuthZEN 1.0)
#[utoipa::path(post, path = "/access/v1/evaluations", tag = "decisions", request_body(content = Object, description = "Defaults as for one question, `evaluations [...]`, `options {evaluations_semantic}`"),
    responses((status = 200, description = "`{evaluations: [{decision, context}]}`", body = Object), (status = "default", description = "A problem", body = Problem)))]
async fn evaluations(ctx: Ctx, Asked(body): Asked) -> Result<Json<Value>> {
    let list = match body.get("evaluations") {
        None => &[][..],
        Some(Value::Array(list)) => list,
        Some(_) => return Err(Error::Malformed("evaluations must be a list".to_owned())),
    };
    let stop = stops_at(&body)?;
    if list.is_empty() {
        return Ok(Json(answer(decisions::evaluate(&ctx, &question(&body)?).await?)));
    }
    if list.len() > BATCH {
        return Err(Error::Malformed(format!("at most {BATCH} evaluations")));
    }
    let mut answers = Vec::with_capacity(list.len());
    for item in list {
        let answer = one_of_many(&ctx, &body, item).await?;
        let decision = answer["decision"] == json!(true);
        answers.push(answer);
        if stop == Some(decision) {
            break;
        }
    }
    Ok(Json(json!({ "evaluations": answers })))
}

/// The decision after which the rest is not asked.
fn stops_at(body: &Map<String, Value>) -> Result<Option<bool>> {
    let options = match body.get("options") {
        None => return Ok(None),
        Some(Value::Object(options)) => options,
        Some(_) => return Err(Error::Malformed("options must be an object".to_owned())),
    };
    match options.get("evaluations_semantic") {
        None => Ok(None),
        Some(Value::String(text)) => match text.as_str() {
            "execute_all" => Ok(None),
            "deny_on_first_deny" => Ok(Some(false)),
            "permit_on_first_permit" => Ok(Some(true)),
            _ => Err(Error::Malformed("evaluations_semantic is not known".to_owned())),
        },
        Some(_) => Err(Error::Malformed("evaluations_semantic must be a string".to_owned())),
    }
}

/// One item: its own keys replace the defaults whole. What is wrong with it is its own answer.
async fn one_of_many(ctx: &Ctx, defaults: &Map<String, Value>, item: &Value) -> Result<Value> {
    let failed = |status: u16, message: String| json!({ "decision": false, "context": { "error": { "status": status, "message": message } } });
    let Some(item) = item.as_object() else { return Ok(failed(400, "an evaluation must be an object".to_owned())) };
    let mut parts = Map::new();
    for key in ["subject", "action", "resource", "context"] {
        if let Some(value) = item.get(key).or_else(|| defaults.get(key)) {
            parts.insert(key.to_owned(), value.clone());
        }
    }
    let outcome = match question(&parts) {
        Ok(question) => decisions::evaluate(ctx, &question).await,
        Err(error) => Err(error),
    };
    match outcome {
        Ok(outcome) => Ok(answer(outcome)),
        Err(error @ Error::Malformed(_)) => Ok(failed(400, error.to_string())),
        Err(error @ Error::Forbidden(_)) => Ok(failed(403, error.to_string())),
        Err(error) => Err(error),
    }
}

/// What this decision point is called and where it answers (AuthZEN 1.0)
#[utoipa::path(get, path = "/.well-known/authzen-configuration", tag = "decisions", security(()),
    responses((status = 200, description = "The metadata", body = Object)))]
async fn configuration(State(app): State<Arc<App>>) -> Json<Value> {
    let url = &app.public_url;
    Json(json!({
        "policy_decision_point": url,
        "access_evaluation_endpoint": format!("{url}/access/v1/evaluation"),
        "access_evaluations_endpoint": format!("{url}/access/v1/evaluations"),
    }))
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
#[utoipa::path(post, path = "/api/v1/explain", tag = "decisions", request_body(content = Object, description = "As for an evaluation"),
    responses((status = 200, description = "The decision and its steps", body = Explained), (status = "default", description = "A problem", body = Problem)))]
async fn explain(ctx: Ctx, Asked(body): Asked) -> Result<Json<Explained>> {
    Ok(Json(Explained::of(decisions::explain(&ctx, &question(&body)?).await?)))
}
