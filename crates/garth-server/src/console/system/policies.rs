//! Named policies: kept in one place, used in many; with what uses each, and who would gain and lose by a change.

use super::texts::{Fault, json, placed, plain, pretty};
use super::{ended, refused, stuck, wanted};
use crate::base::error::{Error, Result};
use crate::console::fields::{Fields, one};
use crate::console::look::{Choice, Moment, address, named};
use crate::console::names::Names;
use crate::console::seat::{Seat, Wrong};
use crate::console::shell::Shell;
use crate::policies::{self, Changes, NewPolicy, Shown, Use};
use crate::previews::{self, Item};
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json as made};

const HERE: &str = "/system/policies";
const FIELDS: [&str; 3] = ["/name", "/policy", "/edit"];
/// What a policy can be begun with.
const BEGINNINGS: [(&str, &str); 6] = [
    ("\"members\"", "Holders of any role in the space"),
    ("\"users\"", "Everybody who is signed in"),
    ("\"admins\"", "System administrators"),
    ("{\"permission\": \"space:admin\"}", "Holders of a permission"),
    ("{\"users\": [\"user:@ada\"]}", "These people"),
    ("{\"groups_any\": [\"group:@crew\"]}", "Members of a group"),
];

#[derive(Template)]
#[template(path = "system/policies.html")]
struct Policies {
    frame: Shell,
    rows: Vec<Row>,
    next: Option<String>,
}

/// A policy in the list.
struct Row {
    id: String,
    name: String,
    text: Option<String>,
    made: Moment,
}

#[derive(Template)]
#[template(path = "system/policy.html")]
struct Policy {
    frame: Shell,
    heading: String,
    action: String,
    there: bool,
    /// May the caller read its text and change it?
    text: bool,
    name: String,
    policy: String,
    edit: String,
    beginnings: Vec<Choice>,
    uses: Vec<Used>,
    /// Why it cannot be deleted, if it cannot.
    stuck: Option<String>,
    preview: Option<Preview>,
    faults: Vec<Fault>,
    wrong: Wrong,
}

/// Where it is used.
struct Used {
    what: &'static str,
    name: String,
    href: Option<String>,
}

impl Used {
    fn new(one: Use) -> Self {
        let space = Some(format!("/s/{}", one.id));
        let (what, href) = match one.what {
            "view of a space" => ("Who sees the space", space),
            "edit of a space" => ("Who may change the space", space),
            "kind" => ("The kind", Some(format!("/system/kinds/{}", one.name))),
            "editors" => ("Who may change the policy", Some(format!("{HERE}/{}", one.id))),
            _ => ("The policy", Some(format!("{HERE}/{}", one.id))),
        };
        Self { what, name: named(&one.name), href }
    }
}

/// Who would gain and lose what.
struct Preview {
    lines: Vec<Line>,
    complete: bool,
}

/// What somebody would gain or lose.
struct Line {
    who: String,
    thing: String,
    gains: String,
    loses: String,
}

/// What was typed.
struct Typed {
    name: String,
    policy: String,
    edit: String,
}

impl Typed {
    fn sent(sent: &Fields) -> Self {
        let text = |name: &str| plain(one(sent, name)).trim().to_owned();
        Self { name: text("name"), policy: text("policy"), edit: text("edit") }
    }

    /// Its two policies; the second may be left out.
    fn read(&self, faults: &mut Vec<Fault>) -> Result<(Value, Option<Value>)> {
        let policy = json(&self.policy).map_err(|fault| {
            let error = Error::field("/policy", fault.message.clone());
            faults.push(fault);
            error
        })?;
        let edit = match self.edit.as_str() {
            "" => None,
            text => Some(json(text).map_err(|fault| Error::field("/edit", fault.message))?),
        };
        Ok((policy, edit))
    }
}

/// All of them.
pub fn list(seat: &Seat) -> Result<Response> {
    let found = policies::list(&seat.ctx, &wanted(seat)?)?;
    let frame = Shell::outside(seat, HERE)?;
    let next = found.next.map(|cursor| address(HERE, &[("cursor", &cursor)]));
    let row = |shown: Shown| Row {
        id: shown.info.id.to_string(),
        name: shown.info.name.clone(),
        text: shown.text.then(|| shown.info.policy.to_string().chars().take(120).collect()),
        made: Moment::new(shown.info.created_at, seat.ctx.now()),
    };
    let rows = found.items.into_iter().map(row).collect();
    Ok(seat.page_as(StatusCode::OK, &Policies { frame, rows, next }))
}

/// The form of a new one.
pub async fn new(seat: &Seat) -> Result<Response> {
    seat.ctx.system_admin(&seat.ctx.directory())?;
    let typed = Typed { name: String::new(), policy: "\"members\"".to_owned(), edit: "\"admins\"".to_owned() };
    shown(seat, None, typed, Vec::new(), None, Wrong::default()).await
}

async fn shown(
    seat: &Seat,
    there: Option<Shown>,
    typed: Typed,
    faults: Vec<Fault>,
    preview: Option<Preview>,
    wrong: Wrong,
) -> Result<Response> {
    let frame = Shell::outside(seat, HERE)?;
    let text = there.as_ref().is_none_or(|shown| shown.text);
    let uses = match &there {
        Some(shown) if shown.text => policies::used(&seat.ctx, &shown.info.id.to_string())?,
        _ => Vec::new(),
    };
    let stuck = match &there {
        Some(shown) if shown.text => stuck(policies::delete(&seat.ctx.trying().0, shown.info.id.to_string()).await),
        _ => None,
    };
    let info = there.as_ref().map(|shown| &shown.info);
    let page = Policy {
        heading: info.map_or_else(|| "New policy".to_owned(), |info| info.name.clone()),
        action: info.map_or_else(|| format!("{HERE}/new"), |info| format!("{HERE}/{}", info.id)),
        there: info.is_some(),
        beginnings: BEGINNINGS.map(|(value, label)| Choice::new(value, label, "")).into_iter().collect(),
        uses: uses.into_iter().map(Used::new).collect(),
        name: typed.name,
        policy: typed.policy,
        edit: typed.edit,
        frame,
        stuck,
        text,
        preview,
        faults,
        wrong,
    };
    Ok(seat.page_as(page.wrong.status, &page))
}

/// One of them; its text for its editors.
pub async fn show(seat: &Seat, id: &str) -> Result<Response> {
    let there = policies::get(&seat.ctx, id)?;
    let text = |policy: &Value| if there.text { pretty(policy) } else { String::new() };
    let (policy, edit) = (text(&there.info.policy), text(&there.info.edit));
    let typed = Typed { name: there.info.name.clone(), policy, edit };
    shown(seat, Some(there), typed, Vec::new(), None, Wrong::default()).await
}

/// The form once more, with what was refused.
async fn again(
    seat: &Seat,
    there: Option<Shown>,
    typed: Typed,
    mut faults: Vec<Fault>,
    error: Error,
) -> Result<Response> {
    let error = match faults.is_empty() {
        true => {
            let (error, found) = placed(error, "/policy", &typed.policy);
            faults = found;
            error
        }
        false => error,
    };
    let wrong = refused(seat, error, &FIELDS)?;
    shown(seat, there, typed, faults, None, wrong).await
}

/// Keeps one.
pub async fn create(seat: &Seat, sent: Fields) -> Result<Response> {
    let typed = Typed::sent(&sent);
    let mut faults = Vec::new();
    let made = match typed.read(&mut faults) {
        Ok((policy, edit)) => policies::create(&seat.ctx, NewPolicy { name: typed.name.clone(), policy, edit }).await,
        Err(error) => seat.ctx.system_admin(&seat.ctx.directory()).and(Err(error)),
    };
    match made {
        Ok(shown) => {
            Ok(seat.done(HERE, &format!("{} is kept. Policies name it @{}.", shown.info.name, shown.info.name)))
        }
        Err(error) => again(seat, None, typed, faults, error).await,
    }
}

/// Changes one, or shows who would gain and lose by that.
pub async fn update(seat: &Seat, id: &str, sent: Fields) -> Result<Response> {
    let there = policies::get(&seat.ctx, id)?;
    let typed = Typed::sent(&sent);
    let mut faults = Vec::new();
    let try_it = one(&sent, "do") == "preview";
    let read = match typed.read(&mut faults) {
        // Who may not change it is told so, whatever they wrote.
        Err(_) if !there.text => policies::used(&seat.ctx, id).map(|_| (Value::Null, None)),
        other => other,
    };
    let done = match read {
        Ok((policy, edit)) if try_it => {
            let mut change = made!({ "type": "policy", "id": id, "name": typed.name, "policy": policy });
            if let Some(edit) = edit {
                change["edit"] = edit;
            }
            previewed(seat, change).await.map(Some)
        }
        Ok((policy, edit)) => {
            let changes = Changes { name: Some(typed.name.clone()), policy: Some(policy), edit };
            policies::update(&seat.ctx, id.to_owned(), changes).await.map(|_| None)
        }
        Err(error) => Err(error),
    };
    match done {
        Ok(None) => Ok(seat.done(HERE, &format!("{} is saved, and counts at once wherever it is used.", typed.name))),
        Ok(preview) => shown(seat, Some(there), typed, faults, preview, Wrong::default()).await,
        Err(error) => again(seat, Some(there), typed, faults, error).await,
    }
}

/// What a change would move.
async fn previewed(seat: &Seat, change: Value) -> Result<Preview> {
    let Value::Object(change) = change else { return Err(Error::internal("a change is an object")) };
    let found = previews::preview(&seat.ctx, change).await.map_err(|error| error.without("/change"))?;
    let dir = seat.ctx.directory();
    let caller = seat.ctx.caller(&dir)?;
    let names = Names::new(&dir, &caller, seat.ctx.now());
    let line = |item: Item| Line {
        who: names.of(&item.principal),
        thing: if item.thing.kind == "space" { named(&item.thing.name) } else { item.thing.name },
        gains: item.gains.join(", "),
        loses: item.loses.join(", "),
    };
    Ok(Preview { lines: found.items.into_iter().map(line).collect(), complete: found.complete })
}

/// Deletes one that nothing uses.
pub async fn delete(seat: &Seat, id: &str) -> Result<Response> {
    let name = policies::get(&seat.ctx, id)?.info.name.clone();
    let done = policies::delete(&seat.ctx, id.to_owned()).await;
    ended(seat, done, HERE, &format!("The policy {name} is gone."), &format!("{HERE}/{id}"))
}
