//! Making a space: a root, or one below another.

use super::routes::NewSpaceForm;
use crate::base::error::{Error, Result};
use crate::base::http::Query;
use crate::console::edit::labels;
use crate::console::look::{Choice, sentence};
use crate::console::seat::{Seat, Wrong};
use crate::console::shell::Shell;
use crate::spaces::{self, Ground, NewSpace};
use askama::Template;
use axum::response::Response;
use serde_json::json;

/// Parents that a page offers.
pub const PARENTS: usize = 100;
/// The fields of the form.
const FIELDS: [&str; 6] = ["/name", "/parent", "/inherits", "/view", "/description", "/labels"];

/// Who sees a space, in words.
pub const GATES: [(&str, &str); 3] = [
    ("members", "people who hold a role in it"),
    ("users", "everybody who is signed in"),
    ("public", "anybody, where public access is on"),
];

#[derive(Template)]
#[template(path = "space_new.html")]
struct Page {
    frame: Shell,
    ground: Ground,
    parents: Vec<Choice>,
    gates: Vec<Choice>,
    tried: NewSpaceForm,
    wrong: Wrong,
}

/// The form.
pub async fn show(seat: &Seat) -> Result<Response> {
    let mut query = Query::new(&seat.uri)?;
    let parent = query.one("parent").unwrap_or_default();
    query.done()?;
    form(seat, NewSpaceForm { parent, ..NewSpaceForm::default() }, Wrong::default())
}

fn form(seat: &Seat, tried: NewSpaceForm, mut wrong: Wrong) -> Result<Response> {
    let frame = Shell::outside(seat, "/spaces")?;
    let ground = spaces::ground(&seat.ctx, PARENTS)?;
    if ground.none() {
        let why = "making spaces is for system administrators here";
        wrong = seat.refused(Error::Forbidden(why.to_owned()), &[])?;
    }
    let parents = choices(seat, &ground, &tried.parent);
    let gate = if tried.view.is_empty() { "members" } else { &tried.view };
    let gates = GATES.iter().map(|(word, told)| Choice::new(word, &format!("{word}: {told}"), gate)).collect();
    let page = Page { frame, ground, parents, gates, tried, wrong };
    Ok(seat.page_as(page.wrong.status, &page))
}

/// Places for a space to choose from; one that was named and is seen is among them.
pub fn choices(seat: &Seat, ground: &Ground, named: &str) -> Vec<Choice> {
    let mut all: Vec<Choice> =
        ground.below.iter().map(|(id, path)| Choice::new(&id.to_string(), path, named)).collect();
    if !named.is_empty()
        && !all.iter().any(|choice| choice.picked)
        && let Ok(space) = spaces::get(&seat.ctx, named)
    {
        all.insert(0, Choice::new(&space.info.id.to_string(), &space.path, named));
    }
    all
}

/// Makes it.
pub async fn create(seat: &Seat, tried: NewSpaceForm) -> Result<Response> {
    let new = NewSpace {
        name: tried.name.clone(),
        parent: Some(tried.parent.clone()).filter(|parent| !parent.is_empty()),
        description: tried.description.clone(),
        view: Some(&tried.view).filter(|view| !view.is_empty()).map(|view| json!(view)),
        inherits: tried.inherits == "true",
        labels: labels(&tried.labels),
        ..NewSpace::default()
    };
    match spaces::create(&seat.ctx, new).await {
        Ok((space, warnings)) => {
            let mut said = format!("{} is made, and you administer it.", space.info.name);
            for warning in warnings {
                said.push_str(&format!(" Mind: {}", sentence(&warning)));
            }
            Ok(seat.done(&format!("/s/{}", space.info.id), &said))
        }
        Err(error) => {
            let wrong = seat.refused(error, &FIELDS)?;
            form(seat, tried, wrong)
        }
    }
}
