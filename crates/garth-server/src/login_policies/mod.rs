//! Login policies: Rego that says who may sign in, and with what. Installation-wide, for system administrators.
//!
//! A policy is read before it is kept, and whatever is changed of any of them ends every session but the editor's.
//! [`judge`] asks them about somebody who is about to sign in; [`simulate`] asks a draft about anything.

pub mod api;
mod input;
mod judge;
mod outputs;
mod samples;
mod simulate;
mod store;

pub use input::teams_of;
pub use judge::{Judged, asked, judge};
pub use outputs::{CONTRACT, Decision, Outputs, combine};
pub use samples::{REFUSED_A_MINUTE, SAMPLES, SAMPLES_REFUSED, Sample, keep as keep_sample, list as samples};
pub use simulate::{Draft, REPLAYED, Replayed, Simulated, replay, simulate, told};

use crate::access::{Ctx, Record, Write, page_of, write};
use crate::base::error::{Error, Result};
use crate::base::http::{Page, PageRequest};
use crate::base::rego::{self, Version};
use crate::base::{ids, text};
use crate::directory::{Change, Directory, LoginPolicyInfo};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// Most login policies of an installation.
pub const POLICIES: usize = 50;
/// The time of one evaluation.
pub const TIME: Duration = Duration::from_secs(1);
/// The time of all evaluations of one sign-in.
pub const TIME_OF_ALL: Duration = Duration::from_secs(5);

/// A policy to keep.
#[derive(Clone, Debug)]
pub struct NewPolicy {
    /// Its unique name.
    pub name: String,
    /// Its text.
    pub rego: String,
    /// The version of the language.
    pub version: Version,
    /// Is it asked?
    pub enabled: bool,
}

/// What to change; what is not given stays.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Its unique name.
    pub name: Option<String>,
    /// Its text.
    pub rego: Option<String>,
    /// The version of the language.
    pub version: Option<Version>,
    /// Is it asked?
    pub enabled: Option<bool>,
}

/// Keeps a policy.
///
/// # Errors
/// 403 for all but system administrators; 409 when the name is taken or there are [`POLICIES`] already; 422 at
/// `/rego` for a text that cannot be a login policy.
pub async fn create(ctx: &Ctx, new: NewPolicy) -> Result<Arc<LoginPolicyInfo>> {
    // Who may not is refused below, on record.
    if ctx.system_admin(&ctx.directory()).is_ok() {
        readable(ctx, &new.rego, new.version).await?;
    }
    write(ctx, "login_policy.create", async move |w: &mut Write<'_>| {
        let permit = w.system_admin()?;
        let name = free_name(w.dir(), &new.name, None)?;
        if w.dir().login_policies.len() >= POLICIES {
            return Err(Error::conflict("conflict", format!("there are {POLICIES} login policies already")));
        }
        let (now, id) = (w.now, ids::new_id(w.now));
        let row = store::Row { id, name: &name, rego: &new.rego, version: new.version, enabled: new.enabled };
        store::insert(w.tx(), &permit, &row, now).await?;
        changed(w, id, Value::Null).await
    })
    .await?
    .ok_or(Error::NotFound)
}

/// One login policy.
///
/// # Errors
/// 401, 403 for all but system administrators, 404.
pub fn get(ctx: &Ctx, id: &str) -> Result<Arc<LoginPolicyInfo>> {
    let dir = ctx.directory();
    ctx.system_admin(&dir)?;
    known(&dir, id).cloned()
}

/// All login policies, by name.
///
/// # Errors
/// 401, 403 for all but system administrators, 422 for a cursor that is not good.
pub fn list(ctx: &Ctx, page: &PageRequest) -> Result<Page<Arc<LoginPolicyInfo>>> {
    let dir = ctx.directory();
    let caller = ctx.system_admin(&dir)?;
    let all = dir.login_policies.iter().cloned();
    page_of(&dir, &caller, "login policies", page, all, |info| (info.name.clone(), info.id))
}

/// Changes a login policy.
///
/// # Errors
/// As for [`create`], and 404.
pub async fn update(ctx: &Ctx, id: String, changes: Changes) -> Result<Arc<LoginPolicyInfo>> {
    let dir = ctx.directory();
    let mut read = None;
    // Who may not is refused below, on record.
    if ctx.system_admin(&dir).is_ok() && (changes.rego.is_some() || changes.version.is_some()) {
        let before = known(&dir, &id)?;
        let rego = changes.rego.as_ref().unwrap_or(&before.rego).clone();
        let version = changes.version.unwrap_or(before.version);
        readable(ctx, &rego, version).await?;
        read = Some((rego, version));
    }
    write(ctx, "login_policy.update", async move |w: &mut Write<'_>| {
        let permit = w.system_admin()?;
        let before = Arc::clone(known(w.dir(), &id)?);
        let name = match &changes.name {
            Some(name) => free_name(w.dir(), name, Some(before.id))?,
            None => before.name.clone(),
        };
        let rego = changes.rego.as_ref().unwrap_or(&before.rego).clone();
        let version = changes.version.unwrap_or(before.version);
        if read.is_some_and(|read| read != (rego.clone(), version)) {
            return Err(Error::conflict("conflict", "the policy was changed meanwhile; read it again"));
        }
        let enabled = changes.enabled.unwrap_or(before.enabled);
        if (&name, &rego, version, enabled) == (&before.name, &before.rego, before.version, before.enabled) {
            return Ok(Some(before));
        }
        let now = w.now;
        let row = store::Row { id: before.id, name: &name, rego: &rego, version, enabled };
        store::update(w.tx(), &permit, &row, now).await?;
        changed(w, before.id, state(&before)).await
    })
    .await?
    .ok_or(Error::NotFound)
}

/// Deletes a login policy.
///
/// # Errors
/// 401, 403 for all but system administrators, 404.
pub async fn delete(ctx: &Ctx, id: String) -> Result<()> {
    write(ctx, "login_policy.delete", async move |w: &mut Write<'_>| {
        let permit = w.system_admin()?;
        let before = Arc::clone(known(w.dir(), &id)?);
        store::delete(w.tx(), &permit, before.id).await?;
        changed(w, before.id, state(&before)).await.map(drop)
    })
    .await
}

/// After every change: the picture, the end of every session but the editor's, and the record.
async fn changed(w: &mut Write<'_>, id: Uuid, before: Value) -> Result<Option<Arc<LoginPolicyInfo>>> {
    let permit = w.system_admin()?;
    w.changed(Change::LoginPolicies).await?;
    let keep = w.session;
    let sessions_ended = store::end_sessions(w.tx(), &permit, keep).await?;
    w.changed(Change::Sessions).await?;
    let info = w.dir().login_policies.iter().find(|policy| policy.id == id).cloned();
    let mut after = info.as_deref().map_or_else(|| json!({}), state);
    after["sessions_ended"] = json!(sessions_ended);
    w.record(Record { space: None, target_type: "login_policy", target_id: id.to_string(), before, after }).await?;
    Ok(info)
}

fn state(info: &LoginPolicyInfo) -> Value {
    json!({ "name": info.name, "rego": info.rego, "version": info.version.as_str(), "enabled": info.enabled })
}

/// Requires that a text can be a login policy. It is read on a thread of its own: what somebody wrote must not hold
/// up anything else.
async fn readable(ctx: &Ctx, rego: &str, version: Version) -> Result<()> {
    let text = rego.to_owned();
    let read = move || rego::Policy::read(&text, version, &CONTRACT).map(drop);
    ctx.app
        .rego
        .trying
        .run(TIME_OF_ALL, read)
        .await
        .map_err(stopped)?
        .map_err(|fault| Error::field("/rego", fault.to_string()))
}

/// Why something on a thread of its own did not come to its end.
fn stopped(halt: rego::Halt) -> Error {
    match halt {
        rego::Halt::Full => Error::Overloaded,
        rego::Halt::TooLong => Error::field("/rego", "takes too long to read"),
        rego::Halt::Failed => Error::field("/rego", "cannot be read"),
    }
}

/// The policies that are asked and cannot be read, each with what is wrong: nobody comes in by them.
pub async fn unreadable(dir: &Directory) -> Vec<(Uuid, String)> {
    let policies: Vec<Arc<LoginPolicyInfo>> = asked(dir).cloned().collect();
    let threads = rego::Threads::new(1, TIME_OF_ALL);
    let mut wrong = Vec::new();
    for policy in policies {
        let (text, version) = (policy.rego.clone(), policy.version);
        let read = move || rego::Policy::read(&text, version, &CONTRACT).map(drop);
        match threads.run(TIME_OF_ALL, read).await {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => wrong.push((policy.id, fault.to_string())),
            Err(_) => wrong.push((policy.id, "takes too long to read".to_owned())),
        }
    }
    wrong
}

fn free_name(dir: &Directory, name: &str, own: Option<Uuid>) -> Result<String> {
    let name = text::name("/name", &text::composed(name))?;
    if dir.login_policies.iter().any(|other| other.name == name && Some(other.id) != own) {
        return Err(Error::conflict("conflict", "a login policy of that name exists already"));
    }
    Ok(name)
}

fn known<'a>(dir: &'a Directory, id: &str) -> Result<&'a Arc<LoginPolicyInfo>> {
    let id = ids::read_id(id).ok_or(Error::NotFound)?;
    dir.login_policies.iter().find(|policy| policy.id == id).ok_or(Error::NotFound)
}
