//! What pages answer, as the API document tells it.

use crate::base::error::Problem;
use std::collections::BTreeMap;
use utoipa::openapi::schema::{Object, Type};
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder, Schema};
use utoipa::{IntoResponses, ToSchema};

/// A page.
pub struct Shown;

/// What a form leads to: another page, or one that is shown once.
pub struct Sent;

impl IntoResponses for Shown {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        answers("A page")
    }
}

impl IntoResponses for Sent {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut all = answers("A page that is shown this once");
        all.insert("303".to_owned(), ResponseBuilder::new().description("Done").into());
        all
    }
}

fn answers(shown: &str) -> BTreeMap<String, RefOr<Response>> {
    let text = || Content::new(Some(Schema::Object(Object::with_type(Type::String))));
    let problem = Content::new(Some(Ref::from_schema_name(Problem::name())));
    let page = |what: &str| ResponseBuilder::new().description(what).content("text/html", text());
    let other = page("A problem; a page for who wants one").content("application/problem+json", problem);
    BTreeMap::from([("200".to_owned(), page(shown).into()), ("default".to_owned(), other.into())])
}
