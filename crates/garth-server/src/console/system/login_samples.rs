//! Sign-ins that a login policy wanted to be kept: who, what was said of them, and what came of it.

use super::login_policies::{HERE, given, says, word};
use super::texts::pretty;
use crate::base::error::{Error, Result};
use crate::console::look::Moment;
use crate::console::seat::Seat;
use crate::console::shell::Shell;
use crate::login_policies::{self, Outputs, Sample};
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

/// Roles in spaces that a page names.
const ROLES: usize = 50;

/// A sign-in in the list.
pub struct Row {
    pub id: String,
    pub who: String,
    pub at: Moment,
    pub word: &'static str,
    pub refused: bool,
}

#[derive(Template)]
#[template(path = "system/login_sample.html")]
struct Page {
    frame: Shell,
    row: Row,
    /// Who and from where, as it was told.
    told: String,
    spaces: usize,
    policies: Vec<Asked>,
}

/// A policy that was asked.
struct Asked {
    name: String,
    says: Vec<&'static str>,
    roles: Vec<(String, String)>,
    rego: String,
}

fn row(seat: &Seat, sample: &Sample) -> Row {
    Row {
        id: sample.id.to_string(),
        who: sample.input["session"]["login"].as_str().unwrap_or("somebody").to_owned(),
        at: Moment::new(sample.at, seat.ctx.now()),
        word: word(sample.result["decision"].as_str().unwrap_or_default()),
        refused: sample.refused,
    }
}

/// The last ones.
pub async fn rows(seat: &Seat) -> Result<Vec<Row>> {
    Ok(login_policies::samples(&seat.ctx).await?.iter().map(|sample| row(seat, sample)).collect())
}

/// One of them.
pub async fn show(seat: &Seat, id: &str) -> Result<Response> {
    let found = login_policies::samples(&seat.ctx).await?.into_iter().find(|sample| sample.id.to_string() == id);
    let sample = found.ok_or(Error::NotFound)?;
    let asked = |policy: &serde_json::Value| {
        let outputs = Outputs::written(&policy["outputs"]);
        let mut roles = given(&outputs, &sample.input);
        roles.truncate(ROLES);
        Asked {
            name: policy["name"].as_str().unwrap_or_default().to_owned(),
            says: says(&outputs),
            roles,
            rego: policy["rego"].as_str().unwrap_or_default().to_owned(),
        }
    };
    let page = Page {
        row: row(seat, &sample),
        told: pretty(&json!({ "request": sample.input["request"], "session": sample.input["session"] })),
        spaces: sample.input["spaces"].as_array().map_or(0, Vec::len),
        policies: sample.policies.as_array().into_iter().flatten().map(asked).collect(),
        frame: Shell::outside(seat, HERE)?,
    };
    Ok(seat.page_as(StatusCode::OK, &page))
}
