//! What everything stands on: no noun is known here.

pub mod address;
pub mod attempts;
pub mod clock;
pub mod db;
pub mod error;
pub mod http;
pub mod ids;
pub mod metrics;
pub mod passwords;
pub mod rego;
pub mod secrets;
pub mod text;
pub mod words;
