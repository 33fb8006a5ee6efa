//! AI providers: whoever writes a summary, and how much of their work a space may use.

use crate::access::App;
use crate::base::error::FieldError;
use serde_json::Value;
use std::sync::Arc;

/// Why there is no summary.
#[derive(Clone, Debug)]
pub enum Refused {
    /// The space has used up what it may; the job is to pause. The sentence says which limit, and when there is room again.
    Budget(String),
    /// It did not work out this time.
    Failed(String),
}

/// Is that the body of a provider? Beyond what the kind's schema says.
///
/// # Errors
/// What is wrong, each with its place, `/body` in front.
pub fn check(_app: &App, _body: &Value) -> std::result::Result<(), Vec<FieldError>> {
    Ok(())
}

/// Asks a provider for a summary of a text. `provider` is the resource's id, `space` the space whose budget it is (the
/// provider's), `body` the provider's, with its key opened. What it used is on record before this returns.
///
/// # Errors
/// Why there is none.
pub async fn summarise(
    _app: &Arc<App>,
    _provider: &str,
    _space: &str,
    _body: &Value,
    _instructions: &str,
    _text: &str,
) -> Result<String, Refused> {
    Err(Refused::Failed("not built".to_owned()))
}
