//! What everything stands on: no noun is known here.

pub mod address;
pub mod attempts;
pub mod clock;
pub mod db;
pub mod error;
pub mod fetch;
pub mod html;
pub mod http;
pub mod ids;
pub mod mail;
pub mod memory;
pub mod metrics;
pub mod passwords;
pub mod rate;
pub mod rego;
pub mod relay;
pub mod schedule;
pub mod secrets;
pub mod spans;
pub mod text;
pub mod told;
pub mod tries;
pub mod words;
