//! Login policies: who comes in and with what; writing one, trying it, and asking it about kept sign-ins.

use super::texts::{Fault, json, plain};
use super::{refused, wanted};
use crate::base::error::{Error, FieldError, Result};
use crate::base::rego::Version;
use crate::console::fields::{Fields, has, one};
use crate::console::look::{Moment, address};
use crate::console::seat::{Seat, Wrong};
use crate::console::shell::Shell;
use crate::directory::LoginPolicyInfo;
use crate::login_policies::{self, Changes, Decision, Draft, NewPolicy, Outputs, REPLAYED, Simulated};
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;
use std::collections::BTreeMap;

pub(super) const HERE: &str = "/system/login-policies";
const FIELDS: [&str; 5] = ["/name", "/rego", "/version", "/username", "/input"];
/// Spaces that an outcome names; of more, the number is told.
const SPACES: usize = 50;
/// What a new one begins with.
const BEGINNING: &str = "package garth\n\n# Everybody with an account comes in.\nallow if input.session.member\n";

#[derive(Template)]
#[template(path = "system/login_policies.html")]
struct LoginPolicies {
    frame: Shell,
    rows: Vec<Row>,
    next: Option<String>,
    /// Is any of them asked?
    asked: bool,
    samples: Vec<super::login_samples::Row>,
}

/// A policy in the list.
struct Row {
    id: String,
    name: String,
    version: &'static str,
    enabled: bool,
    changed: Moment,
}

#[derive(Template)]
#[template(path = "system/login_policy.html")]
struct LoginPolicy {
    frame: Shell,
    heading: String,
    there: bool,
    action: String,
    draft: Typed,
    faults: Vec<Fault>,
    outcome: Option<Outcome>,
    replayed: Option<Vec<Replayed>>,
    most: usize,
    wrong: Wrong,
}

/// What was typed.
struct Typed {
    name: String,
    rego: String,
    old: bool,
    enabled: bool,
    username: String,
    input: String,
}

/// What would come of a draft.
pub(super) struct Outcome {
    pub who: String,
    pub word: &'static str,
    pub refused: bool,
    pub why: Option<String>,
    pub says: Vec<&'static str>,
    pub roles: Vec<(String, String)>,
    pub more: usize,
    pub teams: String,
    pub ignored: Vec<String>,
}

/// A kept sign-in, and what would come of it.
struct Replayed {
    id: String,
    who: String,
    at: Moment,
    was: &'static str,
    is: &'static str,
    differs: bool,
}

/// A decision in words.
pub(super) fn word(decision: &str) -> &'static str {
    match decision {
        "admin" => "comes in as system administrator",
        "member" => "comes in",
        _ => "is refused",
    }
}

/// What rules came to, in words.
pub(super) fn says(outputs: &Outputs) -> Vec<&'static str> {
    let all = [
        (outputs.allow, "lets in (allow)"),
        (outputs.deny, "keeps out, whatever else is said (deny)"),
        (outputs.admin, "makes a system administrator (admin)"),
        (outputs.deny_admin, "makes no system administrator (deny_admin)"),
        (outputs.sample, "keeps the sign-in as a sample (sample)"),
    ];
    all.into_iter().filter(|(said, _)| *said).map(|(_, words)| words).collect()
}

/// The roles that outputs give, by the name of the space.
pub(super) fn given(outputs: &Outputs, input: &Value) -> Vec<(String, String)> {
    let spaces = input["spaces"].as_array();
    let name = |id: &str| {
        let space = spaces.into_iter().flatten().find(|space| space["id"] == id);
        let name = space.and_then(|space| space["name"].as_str()).filter(|name| !name.is_empty());
        name.map_or_else(|| id.to_owned(), str::to_owned)
    };
    let mut by_space: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (space, role) in outputs.granted() {
        by_space.entry(name(space)).or_default().push(role.to_owned());
    }
    by_space.into_iter().map(|(space, roles)| (space, roles.join(", "))).collect()
}

impl Outcome {
    pub(super) fn new(who: String, simulated: &Simulated, input: &Value) -> Self {
        let mut roles = given(&simulated.outputs, input);
        let more = roles.len().saturating_sub(SPACES);
        roles.truncate(SPACES);
        let outputs = &simulated.outputs;
        let refused = simulated.decision == Decision::Refused;
        let why = match (&simulated.error, outputs.deny) {
            (Some(_), _) => Some("An error in a policy keeps everybody out."),
            (None, true) => Some("deny holds, and beats everything else."),
            (None, false) if refused => Some("Neither allow nor admin holds, and no role in a space is given."),
            _ => None,
        };
        Self {
            who,
            word: word(simulated.decision.as_str()),
            refused,
            why: why.map(str::to_owned),
            says: says(outputs),
            roles,
            more,
            teams: outputs.team.iter().cloned().collect::<Vec<_>>().join(", "),
            ignored: simulated.ignored.clone(),
        }
    }
}

/// All login policies, and the sign-ins that were kept.
pub async fn list(seat: &Seat) -> Result<Response> {
    let found = login_policies::list(&seat.ctx, &wanted(seat)?)?;
    let samples = super::login_samples::rows(seat).await?;
    let asked = login_policies::asked(&seat.ctx.directory()).next().is_some();
    let frame = Shell::outside(seat, HERE)?;
    let next = found.next.map(|cursor| address(HERE, &[("cursor", &cursor)]));
    let row = |info: std::sync::Arc<LoginPolicyInfo>| Row {
        id: info.id.to_string(),
        name: info.name.clone(),
        version: info.version.as_str(),
        enabled: info.enabled,
        changed: Moment::new(info.updated_at, seat.ctx.now()),
    };
    let rows = found.items.into_iter().map(row).collect();
    Ok(seat.page_as(StatusCode::OK, &LoginPolicies { frame, rows, next, asked, samples }))
}

impl Typed {
    fn new() -> Self {
        let (name, username, input) = (String::new(), String::new(), String::new());
        Self { name, rego: BEGINNING.to_owned(), old: false, enabled: false, username, input }
    }

    fn of(info: &LoginPolicyInfo) -> Self {
        let old = info.version == Version::V0;
        Self { name: info.name.clone(), rego: info.rego.clone(), old, enabled: info.enabled, ..Self::new() }
    }

    fn sent(sent: &Fields) -> Self {
        Self {
            name: one(sent, "name").trim().to_owned(),
            rego: plain(one(sent, "rego")),
            old: one(sent, "version") == "v0",
            enabled: has(sent, "enabled"),
            username: one(sent, "username").trim().to_owned(),
            input: plain(one(sent, "input")).trim().to_owned(),
        }
    }

    fn version(&self) -> Version {
        if self.old { Version::V0 } else { Version::V1 }
    }
}

/// The form of a new one.
pub fn new(seat: &Seat) -> Result<Response> {
    seat.ctx.system_admin(&seat.ctx.directory())?;
    Page::default().shown(seat, None, Typed::new())
}

/// One of them.
pub fn show(seat: &Seat, id: &str) -> Result<Response> {
    let info = login_policies::get(&seat.ctx, id)?;
    Page::default().shown(seat, Some((info.id.to_string(), info.name.clone())), Typed::of(&info))
}

/// What a page shows besides what was typed.
#[derive(Default)]
struct Page {
    faults: Vec<Fault>,
    outcome: Option<Outcome>,
    replayed: Option<Vec<Replayed>>,
    wrong: Wrong,
}

impl Page {
    fn shown(self, seat: &Seat, there: Option<(String, String)>, draft: Typed) -> Result<Response> {
        let frame = Shell::outside(seat, HERE)?;
        let Self { faults, outcome, replayed, wrong } = self;
        let page = LoginPolicy {
            heading: there.as_ref().map_or_else(|| "New login policy".to_owned(), |(_, name)| name.clone()),
            action: there.as_ref().map_or_else(|| format!("{HERE}/new"), |(id, _)| format!("{HERE}/{id}")),
            there: there.is_some(),
            most: REPLAYED,
            frame,
            draft,
            faults,
            outcome,
            replayed,
            wrong,
        };
        Ok(seat.page_as(page.wrong.status, &page))
    }

    /// Something is wrong: with the text at its line, or with a field.
    fn wrong(seat: &Seat, error: Error, draft: &Typed) -> Result<Self> {
        let mut faults = Vec::new();
        if let Error::Invalid(fields) = &error {
            let of_text = fields.iter().filter(|field| field.pointer == "/rego");
            faults = of_text.map(|field| fault(&draft.rego, &field.message)).collect();
        }
        let wrong = refused(seat, error, &FIELDS)?;
        Ok(Self { faults, wrong, ..Self::default() })
    }
}

/// What is wrong with a text, of a sentence that begins with its line.
fn fault(text: &str, said: &str) -> Fault {
    let place = said.strip_prefix("line ").and_then(|rest| {
        let (line, rest) = rest.split_once(',')?;
        Some((line.parse().ok()?, rest.split_once(": ").map_or(rest, |(_, message)| message)))
    });
    match place {
        Some((line, message)) => Fault::new(text, Some(line), message.to_owned()),
        None => Fault::new(text, None, said.to_owned()),
    }
}

/// Makes one, or tries it.
pub async fn create(seat: &Seat, sent: Fields) -> Result<Response> {
    let draft = Typed::sent(&sent);
    if let Some(page) = tried(seat, &draft, &sent).await? {
        return page.shown(seat, None, draft);
    }
    let new = NewPolicy {
        name: draft.name.clone(),
        rego: draft.rego.clone(),
        version: draft.version(),
        enabled: draft.enabled,
    };
    match login_policies::create(&seat.ctx, new).await {
        Ok(info) => Ok(seat.done(HERE, &format!("{} is kept. Every session but yours has ended.", info.name))),
        Err(error) => Page::wrong(seat, error, &draft)?.shown(seat, None, draft),
    }
}

/// Changes one, or tries the change.
pub async fn update(seat: &Seat, id: &str, sent: Fields) -> Result<Response> {
    let info = login_policies::get(&seat.ctx, id)?;
    let (there, draft) = ((info.id.to_string(), info.name.clone()), Typed::sent(&sent));
    if let Some(page) = tried(seat, &draft, &sent).await? {
        return page.shown(seat, Some(there), draft);
    }
    let changes = Changes {
        name: Some(draft.name.clone()),
        rego: Some(draft.rego.clone()),
        version: Some(draft.version()),
        enabled: Some(draft.enabled),
    };
    match login_policies::update(&seat.ctx, id.to_owned(), changes).await {
        Ok(info) => Ok(seat.done(HERE, &format!("{} is saved. Every session but yours has ended.", info.name))),
        Err(error) => Page::wrong(seat, error, &draft)?.shown(seat, Some(there), draft),
    }
}

/// Asks a draft, where that is what was wanted.
async fn tried(seat: &Seat, draft: &Typed, sent: &Fields) -> Result<Option<Page>> {
    let asked = async {
        match one(sent, "do") {
            "" => return Ok(None),
            _ => drop(seat.ctx.system_admin(&seat.ctx.directory())?),
        }
        match one(sent, "do") {
            "try" => simulated(seat, draft).await.map(Some),
            "replay" => replayed(seat, draft).await.map(Some),
            _ => Ok(None),
        }
    };
    match asked.await {
        Ok(page) => Ok(page),
        Err(error) => Page::wrong(seat, error, draft).map(Some),
    }
}

async fn simulated(seat: &Seat, draft: &Typed) -> Result<Page> {
    let (input, who) = match draft.input.as_str() {
        "" if draft.username.is_empty() => {
            let message = "say whose sign-in is to be tried, or write the input".to_owned();
            return Err(Error::Invalid(vec![FieldError { pointer: "/username".to_owned(), message }]));
        }
        "" => (login_policies::told(&seat.ctx, &draft.username)?, draft.username.clone()),
        text => {
            let input = json(text).map_err(|fault| {
                let line = fault.line.map(|line| format!(", line {line}")).unwrap_or_default();
                Error::field("/input", format!("{}{line}", fault.message))
            })?;
            let who = input["session"]["login"].as_str().unwrap_or("somebody").to_owned();
            (input, who)
        }
    };
    let asked = Draft { rego: draft.rego.clone(), version: draft.version(), input: input.clone() };
    let simulated = login_policies::simulate(&seat.ctx, asked).await?;
    let faults = simulated.error.iter().map(|fault_of| fault(&draft.rego, &fault_of.to_string())).collect();
    let outcome = Some(Outcome::new(who, &simulated, &input));
    Ok(Page { faults, outcome, ..Page::default() })
}

async fn replayed(seat: &Seat, draft: &Typed) -> Result<Page> {
    let found = login_policies::replay(&seat.ctx, &draft.name, &draft.rego, draft.version()).await?;
    let failed = found.iter().filter_map(|one| one.draft.error.as_ref());
    let faults = failed.map(|fault_of| fault(&draft.rego, &fault_of.to_string())).collect();
    let one = |replayed: login_policies::Replayed| {
        let was = word(replayed.sample.result["decision"].as_str().unwrap_or_default());
        let is = word(replayed.together.decision.as_str());
        let roles = Outputs::written(&replayed.sample.result["outputs"]);
        let given: Vec<(&str, &str)> = roles.granted().collect();
        Replayed {
            id: replayed.sample.id.to_string(),
            who: replayed.sample.input["session"]["login"].as_str().unwrap_or("somebody").to_owned(),
            at: Moment::new(replayed.sample.at, seat.ctx.now()),
            differs: was != is || given != replayed.together.outputs.granted().collect::<Vec<_>>(),
            was,
            is,
        }
    };
    Ok(Page { faults, replayed: Some(found.into_iter().map(one).collect()), ..Page::default() })
}

/// From now on it is asked, or not.
pub async fn turn(seat: &Seat, id: &str, enabled: bool) -> Result<Response> {
    let changes = Changes { enabled: Some(enabled), ..Changes::default() };
    let info = login_policies::update(&seat.ctx, id.to_owned(), changes).await?;
    let said = if enabled { "is asked from now on" } else { "is not asked any more" };
    Ok(seat.done(HERE, &format!("{} {said}. Every session but yours has ended.", info.name)))
}

/// Deletes one.
pub async fn delete(seat: &Seat, id: &str) -> Result<Response> {
    let name = login_policies::get(&seat.ctx, id)?.name.clone();
    login_policies::delete(&seat.ctx, id.to_owned()).await?;
    Ok(seat.done(HERE, &format!("{name} is gone. Every session but yours has ended.")))
}
