//! What travels: the bodies of AuthZEN's questions and answers.
//!
//! The standard wants unknown fields ignored and everything malformed answered with 400, in a batch item
//! by item; so questions are read by hand from JSON, and the types here describe them.

use super::{Entity, Question};
use crate::base::error::{Error, Result};
use crate::base::http::{REQUEST_BYTES, read_json};
use crate::directory::policy;
use axum::extract::{FromRequest, Request};
use garth_core::{Given, Outcome};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Properties of one subject, resource or action that a question may say.
pub const PROPERTIES: usize = 64;

/// A JSON object; everything wrong with it is 400.
pub struct Asked(pub Map<String, Value>);

impl<S: Send + Sync> FromRequest<S> for Asked {
    type Rejection = Error;

    async fn from_request(request: Request, _state: &S) -> Result<Self> {
        match read_json(request, REQUEST_BYTES).await? {
            Value::Object(object) => Ok(Self(object)),
            _ => Err(malformed("the body must be a JSON object")),
        }
    }
}

pub(super) fn malformed(message: impl Into<String>) -> Error {
    Error::Malformed(message.into())
}

/// Who it is about.
#[derive(ToSchema)]
pub struct AuthzenSubject {
    /// `user`, `group`, `key` or `resource` (one that holds roles).
    pub r#type: String,
    /// Its id; users and groups also as `@name`, resources also by code.
    pub id: String,
    /// What the asker says of it, for policies that ask for it (`given`).
    #[schema(value_type = Option<Object>)]
    pub properties: Option<Value>,
}

/// What is to be done.
#[derive(ToSchema)]
pub struct AuthzenAction {
    /// `read`, `write`, or a permission of the kind such as `task:triage`.
    pub name: String,
    /// What the asker says of it, for policies that ask for it (`given`).
    #[schema(value_type = Option<Object>)]
    pub properties: Option<Value>,
}

/// What it is to be done to.
#[derive(ToSchema)]
pub struct AuthzenResource {
    /// A kind's name, or `space`.
    pub r#type: String,
    /// Its id; resources also by code.
    pub id: String,
    /// What the asker says of it, for policies that ask for it (`given`).
    #[schema(value_type = Option<Object>)]
    pub properties: Option<Value>,
}

/// One question.
#[derive(ToSchema)]
pub struct AuthzenEvaluation {
    /// Who.
    pub subject: AuthzenSubject,
    /// What is to be done.
    pub action: AuthzenAction,
    /// To what.
    pub resource: AuthzenResource,
    /// Circumstances that the asker knows; nothing asks for them.
    #[schema(value_type = Option<Object>)]
    pub context: Option<Value>,
}

/// Many questions. What stands beside `evaluations` holds for each of them that does not say it itself.
#[derive(ToSchema)]
pub struct AuthzenEvaluations {
    /// Who.
    pub subject: Option<AuthzenSubject>,
    /// What is to be done.
    pub action: Option<AuthzenAction>,
    /// To what.
    pub resource: Option<AuthzenResource>,
    /// Circumstances that the asker knows; nothing asks for them.
    #[schema(value_type = Option<Object>)]
    pub context: Option<Value>,
    /// At most 1,000; without any, this is one question.
    #[schema(max_items = 1000)]
    pub evaluations: Option<Vec<AuthzenItem>>,
    /// How they are answered.
    pub options: Option<AuthzenOptions>,
}

/// One of many questions.
#[derive(ToSchema)]
pub struct AuthzenItem {
    /// Who.
    pub subject: Option<AuthzenSubject>,
    /// What is to be done.
    pub action: Option<AuthzenAction>,
    /// To what.
    pub resource: Option<AuthzenResource>,
    /// Circumstances that the asker knows; nothing asks for them.
    #[schema(value_type = Option<Object>)]
    pub context: Option<Value>,
}

/// How many questions are answered.
#[derive(ToSchema)]
pub struct AuthzenOptions {
    /// All, when nothing is said.
    pub evaluations_semantic: Option<AuthzenSemantic>,
}

/// Which answers of a batch come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum AuthzenSemantic {
    /// All; when nothing is said.
    ExecuteAll,
    /// Up to and with the first no.
    DenyOnFirstDeny,
    /// Up to and with the first yes.
    PermitOnFirstPermit,
}

impl AuthzenSemantic {
    /// The decision that ends the answers.
    pub(super) fn stop(self) -> Option<bool> {
        match self {
            Self::ExecuteAll => None,
            Self::DenyOnFirstDeny => Some(false),
            Self::PermitOnFirstPermit => Some(true),
        }
    }
}

/// The answer to one question.
#[derive(Serialize, ToSchema)]
pub struct AuthzenDecision {
    /// May they?
    pub decision: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<AuthzenContext>,
}

/// Why not: one of the two.
#[derive(Serialize, ToSchema)]
pub struct AuthzenContext {
    /// `not_found` (hidden or missing), or `forbidden`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub reason: Option<&'static str>,
    /// What is wrong with this question of a batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<AuthzenError>,
}

/// What is wrong with one question of a batch.
#[derive(Serialize, ToSchema)]
pub struct AuthzenError {
    /// As an HTTP status: 400 or 403.
    pub status: u16,
    /// What is wrong.
    pub message: String,
}

/// The answers to many questions, in their order.
#[derive(Serialize, ToSchema)]
pub struct AuthzenDecisions {
    /// The answers, in the order of the questions.
    pub evaluations: Vec<AuthzenDecision>,
}

/// One decision, or as many as were asked for.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum AuthzenAnswer {
    /// To one question.
    One(AuthzenDecision),
    /// To many.
    Many(AuthzenDecisions),
}

impl AuthzenDecision {
    pub(super) fn of(outcome: Outcome) -> Self {
        let reason = match outcome {
            Outcome::Allowed => return Self { decision: true, context: None },
            Outcome::Missing => "not_found",
            Outcome::Forbidden(_) => "forbidden",
        };
        Self { decision: false, context: Some(AuthzenContext { reason: Some(reason), error: None }) }
    }

    /// What is wrong with one question is its own answer; what is wrong with the server is not.
    pub(super) fn failed(error: Error) -> Result<Self> {
        let status = match error {
            Error::Malformed(_) => 400,
            Error::Forbidden(_) => 403,
            other => return Err(other),
        };
        let error = AuthzenError { status, message: error.to_string() };
        Ok(Self { decision: false, context: Some(AuthzenContext { reason: None, error: Some(error) }) })
    }
}

/// What is searched for: only its type counts.
#[derive(ToSchema)]
pub struct AuthzenSought {
    /// As in a question.
    pub r#type: String,
    /// Means nothing here.
    pub id: Option<String>,
    /// What the asker says of it, for policies that ask for it (`given`).
    #[schema(value_type = Option<Object>)]
    pub properties: Option<Value>,
}

/// Who may do that to this?
#[derive(ToSchema)]
pub struct AuthzenSubjectSearch {
    /// Who.
    pub subject: AuthzenSought,
    /// What is to be done.
    pub action: AuthzenAction,
    /// To what.
    pub resource: AuthzenResource,
    /// Circumstances that the asker knows; nothing asks for them.
    #[schema(value_type = Option<Object>)]
    pub context: Option<Value>,
    /// Which part of the results is wanted.
    pub page: Option<AuthzenPageRequest>,
}

/// What may they do that to?
#[derive(ToSchema)]
pub struct AuthzenResourceSearch {
    /// Who.
    pub subject: AuthzenSubject,
    /// What is to be done.
    pub action: AuthzenAction,
    /// To what.
    pub resource: AuthzenSought,
    /// Circumstances that the asker knows; nothing asks for them.
    #[schema(value_type = Option<Object>)]
    pub context: Option<Value>,
    /// Which part of the results is wanted.
    pub page: Option<AuthzenPageRequest>,
}

/// What may they do to it?
#[derive(ToSchema)]
pub struct AuthzenActionSearch {
    /// Who.
    pub subject: AuthzenSubject,
    /// To what.
    pub resource: AuthzenResource,
    /// Circumstances that the asker knows; nothing asks for them.
    #[schema(value_type = Option<Object>)]
    pub context: Option<Value>,
    /// Which part of the results is wanted.
    pub page: Option<AuthzenPageRequest>,
}

/// Which part of the results is wanted.
#[derive(ToSchema)]
pub struct AuthzenPageRequest {
    /// As `next_token` said; everything else must be as it was when the search began.
    pub token: Option<String>,
    /// Results at most: 100 if nothing is said, and never more than 1,000. May be left out beside a token.
    #[schema(minimum = 0)]
    pub limit: Option<u64>,
    /// Means nothing here.
    #[schema(value_type = Option<Object>)]
    pub properties: Option<Value>,
}

/// Which part of the results this is.
#[derive(Serialize, ToSchema)]
pub struct AuthzenPage {
    /// Goes on with the search; empty at its end.
    pub next_token: String,
    /// How many results stand here.
    pub count: usize,
}

/// A subject or a resource that was found.
#[derive(Serialize, ToSchema)]
pub struct AuthzenEntity {
    /// As it was searched for.
    pub r#type: String,
    /// Its id.
    pub id: String,
}

/// The subjects or resources that were found.
#[derive(Serialize, ToSchema)]
pub struct AuthzenEntities {
    /// Not there when this is all and pages were not spoken of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<AuthzenPage>,
    /// What was found.
    pub results: Vec<AuthzenEntity>,
}

/// An action that was found.
#[derive(Serialize, ToSchema)]
pub struct AuthzenName {
    /// Its name.
    pub name: String,
}

/// The actions that were found.
#[derive(Serialize, ToSchema)]
pub struct AuthzenActions {
    /// Not there when this is all and pages were not spoken of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<AuthzenPage>,
    /// What was found.
    pub results: Vec<AuthzenName>,
}

/// The parts of a question: each its own, else the default of the batch. A part is replaced whole.
#[derive(Clone, Copy)]
pub struct Parts<'a> {
    own: &'a Map<String, Value>,
    defaults: Option<&'a Map<String, Value>>,
}

impl<'a> Parts<'a> {
    /// Those of a body.
    pub fn of(body: &'a Map<String, Value>) -> Self {
        Self { own: body, defaults: None }
    }

    /// Those of an item of a batch.
    ///
    /// # Errors
    /// 400 when it is no object.
    pub fn of_item(item: &'a Value, body: &'a Map<String, Value>) -> Result<Self> {
        let own = item.as_object().ok_or_else(|| malformed("an evaluation must be an object"))?;
        Ok(Self { own, defaults: Some(body) })
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.own.get(name).or_else(|| self.defaults?.get(name))
    }

    /// The object of that name, if it is there.
    ///
    /// # Errors
    /// 400 when it, or its properties, is no object.
    pub fn object(&self, name: &str) -> Result<Option<&'a Map<String, Value>>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let object = value.as_object().ok_or_else(|| malformed(format!("{name} must be an object")))?;
        if object.get("properties").is_some_and(|properties| !properties.is_object()) && name != "context" {
            return Err(malformed(format!("{name}.properties must be an object")));
        }
        Ok(Some(object))
    }

    /// A text of the object of that name.
    ///
    /// # Errors
    /// 400 when either is missing or of another type.
    pub fn text(&self, name: &str, field: &str) -> Result<&'a str> {
        match self.object(name)?.ok_or_else(|| malformed(format!("{name} is missing")))?.get(field) {
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err(malformed(format!("{name}.{field} must be a string"))),
            None => Err(malformed(format!("{name}.{field} is missing"))),
        }
    }

    /// An entity: subject or resource.
    ///
    /// # Errors
    /// 400 when it is not whole.
    pub fn entity(&self, name: &str) -> Result<Entity<'a>> {
        Ok(Entity { kind: self.text(name, "type")?, id: self.text(name, "id")? })
    }

    /// What is said of subject, action and resource.
    ///
    /// # Errors
    /// 400 when one of them, or its properties, is no object.
    pub fn given(&self) -> Result<Given> {
        let of = |name: &str| -> Result<&'a Value> {
            let given = self.object(name)?.and_then(|object| object.get("properties")).unwrap_or(&Value::Null);
            match given.as_object() {
                Some(properties) if properties.len() > PROPERTIES => {
                    Err(malformed(format!("{name}.properties must be at most {PROPERTIES}")))
                }
                _ => Ok(given),
            }
        };
        Ok(policy::given(of("subject")?, of("resource")?, of("action")?))
    }

    /// The whole question.
    ///
    /// # Errors
    /// 400 when it is not whole.
    pub fn question(&self) -> Result<Question<'a>> {
        self.object("context")?;
        Ok(Question {
            subject: self.entity("subject")?,
            action: self.text("action", "name")?,
            resource: self.entity("resource")?,
            given: self.given()?,
        })
    }
}

/// How a batch is to be answered.
///
/// # Errors
/// 400 for what is not known.
pub fn semantic(body: &Map<String, Value>) -> Result<AuthzenSemantic> {
    let options = match body.get("options") {
        None => return Ok(AuthzenSemantic::ExecuteAll),
        Some(options) => options.as_object().ok_or_else(|| malformed("options must be an object"))?,
    };
    match options.get("evaluations_semantic") {
        None => Ok(AuthzenSemantic::ExecuteAll),
        Some(Value::String(text)) => match text.as_str() {
            "execute_all" => Ok(AuthzenSemantic::ExecuteAll),
            "deny_on_first_deny" => Ok(AuthzenSemantic::DenyOnFirstDeny),
            "permit_on_first_permit" => Ok(AuthzenSemantic::PermitOnFirstPermit),
            _ => Err(malformed("options.evaluations_semantic is not known")),
        },
        Some(_) => Err(malformed("options.evaluations_semantic must be a string")),
    }
}
