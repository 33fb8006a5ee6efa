//! Secrets that belong to where they are sent: of Garth's own kinds, a password is for the server that it was given for.

use super::is_marker;
use crate::base::error::{Error, FieldError, Result};
use crate::directory::KindInfo;
use serde_json::Value;

/// Requires that a secret is given anew where a change leads it elsewhere. `was` and `is` are the bodies as they are shown.
///
/// # Errors
/// 422 at each secret that would go along.
pub(super) fn require_given(kind: &KindInfo, was: &Value, is: &Value) -> Result<()> {
    let Some(built_in) = kind.built_in() else { return Ok(()) };
    let kept = |secret: &str| is.pointer(secret).is_some_and(is_marker);
    let moved = |fields: &[&str]| fields.iter().any(|field| was.pointer(field) != is.pointer(field));
    let bound = built_in.bound_secrets().iter().filter(|(secret, fields)| kept(secret) && moved(fields));
    let wrong: Vec<FieldError> = bound
        .map(|(secret, fields)| FieldError {
            pointer: format!("/body{secret}"),
            message: format!("must be given anew: it was for another {}", fields.first().map_or("", |f| &f[1..])),
        })
        .collect();
    if wrong.is_empty() { Ok(()) } else { Err(Error::Invalid(wrong)) }
}
