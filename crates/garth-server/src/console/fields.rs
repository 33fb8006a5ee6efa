//! What a form sends of which the fields are not known before.

use crate::base::error::Error;
use axum::Form;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};

/// Most fields of one form. Each page looks for its own among them, so that many would be much work.
const MOST: usize = 2_000;

/// Names and values, in their order.
pub type Fields = Vec<(String, String)>;

/// A form of any fields.
pub struct AnyForm(pub Fields);

impl<S: Send + Sync> FromRequest<S> for AnyForm {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let Form(fields) = Form::<Fields>::from_request(request, state).await.map_err(IntoResponse::into_response)?;
        if fields.len() > MOST {
            return Err(Error::field("/", format!("at most {MOST} fields at once")).into_response());
        }
        Ok(Self(fields))
    }
}

/// Words as people type them into a search: the last one is a beginning, unless they say how they mean it.
pub fn begun(q: &str) -> String {
    let q = q.trim();
    let word = q.chars().next_back().is_some_and(char::is_alphanumeric);
    if word && !q.contains(['*', '"', '“', '”', '„']) { format!("{q}*") } else { q.to_owned() }
}

/// The value of a field that stands once; nothing where it does not stand.
pub fn one<'f>(fields: &'f [(String, String)], name: &str) -> &'f str {
    fields.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value.as_str())
}

/// The values of one that stands many times.
pub fn many(fields: &[(String, String)], name: &str) -> Vec<String> {
    fields.iter().filter(|(own, _)| own == name).map(|(_, value)| value.clone()).collect()
}

/// Was the box ticked, or the button pressed?
pub fn has(fields: &[(String, String)], name: &str) -> bool {
    fields.iter().any(|(own, _)| own == name)
}
