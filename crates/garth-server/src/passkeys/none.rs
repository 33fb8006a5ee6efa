//! What stands in for passkeys in a program that was built without them: nothing can be asked for, nothing is believed.

use super::unavailable;
use crate::base::error::Result;
use serde_json::Value;
use uuid::Uuid;

/// There is none.
#[derive(Clone)]
pub(super) enum Registering {}
/// There is none.
#[derive(Clone)]
pub(super) enum Asking {}
/// There is none.
pub(super) enum Relying {}
/// There is none.
pub(super) enum Answer {}

/// A passkey that was made.
pub(super) struct Made {
    pub credential_id: String,
    pub credential: String,
}

/// Why a passkey is not believed.
#[allow(dead_code, reason = "nothing is ever disbelieved where nothing can be asked")]
pub(super) enum Disbelieved {
    Copied,
    Wrong,
}

impl Relying {
    pub(super) fn of(_: &str) -> Option<Self> {
        None
    }

    pub(super) fn register(&self, _: Uuid, _: &str, _: &str, _: &[String]) -> Result<(Value, Registering)> {
        match *self {}
    }

    pub(super) fn made(&self, _: Value, _: &Registering) -> Result<Made> {
        match *self {}
    }

    pub(super) fn ask(&self, _: Option<&[String]>) -> Result<(Value, Asking)> {
        match *self {}
    }

    pub(super) fn proved(&self, _: &Answer, _: Asking, _: &str) -> Result<String, Disbelieved> {
        match *self {}
    }
}

impl Answer {
    pub(super) fn read(_: Value) -> Result<Self> {
        Err(unavailable())
    }

    pub(super) fn credential_id(&self) -> String {
        match *self {}
    }

    pub(super) fn user(&self) -> Option<Uuid> {
        match *self {}
    }

    pub(super) fn says_whose(&self) -> bool {
        match *self {}
    }
}

pub(super) fn relying(_: &str) -> Result<Relying> {
    Err(unavailable())
}
