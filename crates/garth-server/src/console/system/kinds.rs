//! Kinds: what resources can be, with the form that comes out of each.

use super::texts::{Fault, json, placed, plain, pretty};
use super::{by_line, ended, lines, refused, stuck, wanted};
use crate::base::error::{Error, Result};
use crate::console::fields::{Fields, has, one};
use crate::console::form::{self, Field, Named};
use crate::console::frame::plural;
use crate::console::jobs::one::built_in;
use crate::console::look::address;
use crate::console::seat::{Seat, Wrong};
use crate::console::shell::Shell;
use crate::directory::{Definition, Reference};
use crate::kinds::{self, Changes, Shown};
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json as made};
use std::collections::BTreeMap;

const HERE: &str = "/system/kinds";
/// Rows of references that a form has beyond those that are there.
const ROWS: usize = 2;
/// Whom exceptions are for.
const EXCEPTIONS: [&str; 3] = ["author", "owner", "subscribers"];
const FIELDS: [&str; 11] = [
    "/name",
    "/plural",
    "/prefix",
    "/schema",
    "/secret_fields",
    "/references",
    "/search_fields",
    "/default_view",
    "/default_edit",
    "/exceptions",
    "/permissions",
];

#[derive(Template)]
#[template(path = "system/kinds.html")]
struct Kinds {
    frame: Shell,
    rows: Vec<Row>,
    next: Option<String>,
}

/// A kind in the list.
struct Row {
    name: String,
    plural: String,
    prefix: String,
    fields: usize,
    secrets: usize,
    shareable: bool,
    /// Is it one of Garth's own?
    own: bool,
}

#[derive(Template)]
#[template(path = "system/kind.html")]
struct Kind {
    frame: Shell,
    heading: String,
    /// Is it there already?
    there: bool,
    /// Is it one of Garth's own, or are its readers no system administrators?
    fixed: bool,
    own: bool,
    action: String,
    draft: Draft,
    /// All kinds, for references.
    kinds: Vec<String>,
    fields: Option<Vec<Field>>,
    faults: Vec<Fault>,
    /// Why it cannot be deleted.
    stuck: Option<String>,
    wrong: Wrong,
}

/// A kind as a form has it.
#[derive(Clone, Default, PartialEq)]
struct Draft {
    name: String,
    plural: String,
    prefix: String,
    schema: String,
    shareable: bool,
    secrets: String,
    searched: String,
    references: Vec<Refers>,
    view: String,
    edit: String,
    exceptions: Vec<Exception>,
    permissions: String,
}

/// A reference as a form has it.
#[derive(Clone, Default, PartialEq)]
struct Refers {
    pointer: String,
    kind: String,
    requires: bool,
    follows: bool,
}

/// What somebody may always do.
#[derive(Clone, PartialEq)]
struct Exception {
    who: &'static str,
    view: bool,
    edit: bool,
}

impl Draft {
    /// A new one.
    fn new() -> Self {
        let schema = made!({
            "type": "object",
            "required": ["title"],
            "properties": { "title": { "type": "string", "title": "Title", "description": "What it is about." } }
        });
        Self { schema: pretty(&schema), ..Self::default() }.with_rows()
    }

    fn of(definition: &Definition) -> Self {
        let policy = |policy: &Option<Value>| policy.as_ref().map(pretty).unwrap_or_default();
        let row = |r: &Reference| Refers {
            pointer: r.pointer.clone(),
            kind: r.kind.clone(),
            requires: r.requires.is_some(),
            follows: r.follows,
        };
        let may = |who: &str, what: &str| {
            definition.exceptions.get(who).is_some_and(|all| all.iter().any(|verb| verb == what))
        };
        Self {
            name: definition.name.clone(),
            plural: definition.plural.clone().unwrap_or_default(),
            prefix: definition.prefix.clone(),
            schema: pretty(&definition.schema),
            shareable: definition.shareable,
            secrets: definition.secret_fields.join("\n"),
            searched: definition.search_fields.join("\n"),
            references: definition.references.iter().map(row).collect(),
            view: policy(&definition.default_view),
            edit: policy(&definition.default_edit),
            exceptions: EXCEPTIONS
                .map(|who| Exception { who, view: may(who, "view"), edit: may(who, "edit") })
                .to_vec(),
            permissions: definition.permissions.join("\n"),
        }
    }

    fn sent(sent: &Fields) -> Self {
        let text = |name: &str| plain(one(sent, name));
        let rows = sent.iter().filter_map(|(name, _)| name.strip_prefix("reference.")?.strip_suffix(".pointer"));
        let row = |number: &str| {
            let own = |field: &str| format!("reference.{number}.{field}");
            Refers {
                pointer: one(sent, &own("pointer")).trim().to_owned(),
                kind: one(sent, &own("kind")).to_owned(),
                requires: has(sent, &own("requires")),
                follows: has(sent, &own("follows")),
            }
        };
        let may = |who: &str, what: &str| has(sent, &format!("{who}.{what}"));
        Self {
            name: one(sent, "name").trim().to_owned(),
            plural: one(sent, "plural").trim().to_owned(),
            prefix: one(sent, "prefix").trim().to_owned(),
            schema: text("schema"),
            shareable: has(sent, "shareable"),
            secrets: text("secret_fields"),
            searched: text("search_fields"),
            references: rows.map(row).filter(|row| !row.pointer.is_empty()).collect(),
            view: text("default_view").trim().to_owned(),
            edit: text("default_edit").trim().to_owned(),
            exceptions: EXCEPTIONS
                .map(|who| Exception { who, view: may(who, "view"), edit: may(who, "edit") })
                .to_vec(),
            permissions: text("permissions"),
        }
    }

    /// With rows for more references.
    fn with_rows(mut self) -> Self {
        self.references.extend(std::iter::repeat_n(Refers::default(), ROWS));
        if self.exceptions.is_empty() {
            self.exceptions = EXCEPTIONS.map(|who| Exception { who, view: false, edit: false }).to_vec();
        }
        self
    }

    /// What it defines; what cannot be read is a fault of the schema, or an error at its field.
    fn read(&self, faults: &mut Vec<Fault>) -> Result<Definition> {
        let policy = |pointer: &str, text: &str| match text {
            "" => Ok(None),
            text => json(text).map(Some).map_err(|fault| at_line(pointer, &fault)),
        };
        let schema = json(&self.schema).map_err(|fault| {
            let error = at_line("/schema", &fault);
            faults.push(fault);
            error
        });
        let reference = |row: &Refers| Reference {
            pointer: row.pointer.clone(),
            kind: row.kind.clone(),
            requires: row.requires.then(|| "view".to_owned()),
            follows: row.follows,
        };
        Ok(Definition {
            name: self.name.clone(),
            plural: Some(self.plural.clone()).filter(|plural| !plural.is_empty()),
            prefix: self.prefix.clone(),
            schema: schema?,
            shareable: self.shareable,
            secret_fields: lines(&self.secrets),
            search_fields: lines(&self.searched),
            references: self.references.iter().map(reference).collect(),
            default_view: policy("/default_view", &self.view)?,
            default_edit: policy("/default_edit", &self.edit)?,
            exceptions: self.exceptions.iter().filter_map(Exception::read).collect::<BTreeMap<_, _>>(),
            permissions: lines(&self.permissions),
        })
    }

    /// What is another in it than in what is there: what nobody touched stays as it is.
    fn changes(&self, was: &Self, is: Definition) -> Changes {
        fn other<T>(differs: bool, value: T) -> Option<T> {
            differs.then_some(value)
        }
        Changes {
            name: None,
            prefix: None,
            plural: is.plural.filter(|_| self.plural != was.plural),
            schema: other(self.schema.trim() != was.schema.trim(), is.schema),
            shareable: other(self.shareable != was.shareable, is.shareable),
            secret_fields: other(lines(&self.secrets) != lines(&was.secrets), is.secret_fields),
            search_fields: other(lines(&self.searched) != lines(&was.searched), is.search_fields),
            references: other(self.references != was.references, is.references),
            default_view: other(self.view != was.view, is.default_view),
            default_edit: other(self.edit != was.edit, is.default_edit),
            exceptions: other(self.exceptions != was.exceptions, is.exceptions),
            permissions: other(lines(&self.permissions) != lines(&was.permissions), is.permissions),
        }
    }

    /// The form that would come out of it, as far as it can be read.
    fn form(&self) -> Option<Vec<Field>> {
        let schema = json(&self.schema).ok().filter(Value::is_object)?;
        let written = made!({ "name": self.name, "prefix": self.prefix, "schema": schema,
                              "secret_fields": lines(&self.secrets) });
        let kind: Definition = serde_json::from_value(written).ok()?;
        let one = |row: &Refers| Named {
            pointer: row.pointer.clone(),
            more: false,
            choices: vec![(String::new(), format!("one of {}", row.kind.replace('_', " ")))],
        };
        let others: Vec<Named> = self.references.iter().filter(|row| !row.pointer.is_empty()).map(one).collect();
        let mut fields = form::fields(&kind, &made!({}), &others, None);
        for field in &mut fields {
            field.id = format!("shown-{}", field.id);
        }
        Some(fields)
    }
}

impl Exception {
    fn read(&self) -> Option<(String, Vec<String>)> {
        let verbs = [("view", self.view), ("edit", self.edit)].into_iter().filter(|(_, may)| *may);
        let verbs: Vec<String> = verbs.map(|(verb, _)| verb.to_owned()).collect();
        (!verbs.is_empty()).then(|| (self.who.to_owned(), verbs))
    }
}

/// Something wrong at a line of a field.
fn at_line(pointer: &str, fault: &Fault) -> Error {
    let line = fault.line.map(|line| format!(" (line {line})")).unwrap_or_default();
    Error::field(pointer, format!("{}{line}", fault.message))
}

/// All kinds.
pub fn list(seat: &Seat) -> Result<Response> {
    let found = kinds::list(&seat.ctx, &wanted(seat)?)?;
    let frame = Shell::outside(seat, HERE)?;
    let next = found.next.map(|cursor| address(HERE, &[("cursor", &cursor)]));
    let row = |kind: Shown| Row {
        plural: plural(&kind.definition),
        fields: kind.definition.schema["properties"].as_object().map_or(0, serde_json::Map::len),
        secrets: kind.definition.secret_fields.len(),
        shareable: kind.definition.shareable,
        own: built_in(&seat.ctx, &kind.definition.name),
        name: kind.definition.name,
        prefix: kind.definition.prefix,
    };
    let rows = found.items.into_iter().map(row).collect();
    Ok(seat.page_as(StatusCode::OK, &Kinds { frame, rows, next }))
}

fn names(seat: &Seat) -> Result<Vec<String>> {
    let found = kinds::list(&seat.ctx, &super::first())?;
    Ok(found.items.into_iter().map(|kind| kind.definition.name).collect())
}

/// The form of a new one.
pub fn new(seat: &Seat) -> Result<Response> {
    seat.ctx.system_admin(&seat.ctx.directory())?;
    shown(seat, None, Draft::new(), Vec::new(), Wrong::default())
}

fn shown(
    seat: &Seat,
    there: Option<(String, Option<String>)>,
    draft: Draft,
    faults: Vec<Fault>,
    mut wrong: Wrong,
) -> Result<Response> {
    let frame = Shell::outside(seat, HERE)?;
    let fields = draft.form();
    let (name, stuck) = there.clone().unwrap_or_default();
    if wrong.status == StatusCode::OK && wrong.page.is_none() && !faults.is_empty() {
        wrong.page = Some("The schema is not good yet.".to_owned());
    }
    let own = there.is_some() && built_in(&seat.ctx, &name);
    let page = Kind {
        fixed: own || !frame.system,
        own,
        heading: if there.is_some() { name.clone() } else { "New kind".to_owned() },
        action: if there.is_some() { format!("{HERE}/{name}") } else { format!("{HERE}/new") },
        there: there.is_some(),
        kinds: names(seat)?,
        draft: draft.with_rows(),
        frame,
        fields,
        faults,
        stuck,
        wrong,
    };
    Ok(seat.page_as(page.wrong.status, &page))
}

/// Makes one, or shows the form that would come out of it.
pub async fn create(seat: &Seat, sent: Fields) -> Result<Response> {
    seat.ctx.system_admin(&seat.ctx.directory())?;
    let (draft, show) = (Draft::sent(&sent), has(&sent, "show"));
    let mut faults = Vec::new();
    let tried = match draft.read(&mut faults) {
        Ok(definition) if show => kinds::create(&seat.ctx.trying().0, definition).await,
        Ok(definition) => kinds::create(&seat.ctx, definition).await,
        Err(error) => Err(error),
    };
    match tried {
        Ok(info) if !show => {
            Ok(seat.done(&format!("{HERE}/{}", info.definition.name), &format!("{} is made.", info.definition.name)))
        }
        tried => again(seat, None, draft, faults, tried.map(drop), show),
    }
}

/// The form once more: with what would come out of it, or with what was refused.
fn again(
    seat: &Seat,
    there: Option<(String, Option<String>)>,
    draft: Draft,
    mut faults: Vec<Fault>,
    tried: Result<()>,
    show: bool,
) -> Result<Response> {
    let mut wrong = Wrong::default();
    if let Err(error) = tried {
        let (error, found) = match faults.is_empty() {
            true => placed(error, "/schema", &draft.schema),
            false => (error, Vec::new()),
        };
        faults.extend(found);
        let error = by_line(error, "/secret_fields", &lines(&draft.secrets));
        let error = by_line(error, "/search_fields", &lines(&draft.searched));
        let error = by_line(error, "/permissions", &lines(&draft.permissions));
        let rows: Vec<String> = draft.references.iter().map(|row| row.pointer.clone()).collect();
        wrong = refused(seat, by_line(error, "/references", &rows), &FIELDS)?;
    }
    if show {
        // It was asked for, and nothing was refused.
        wrong.status = StatusCode::OK;
    }
    shown(seat, there, draft, faults, wrong)
}

/// One of them.
pub async fn show(seat: &Seat, id: &str) -> Result<Response> {
    let kind = kinds::get(&seat.ctx, id)?;
    let there = there(seat, &kind).await;
    shown(seat, Some(there), Draft::of(&kind.definition), Vec::new(), Wrong::default())
}

/// What it is called, and why it cannot be deleted, for whoever might.
async fn there(seat: &Seat, kind: &Shown) -> (String, Option<String>) {
    let name = kind.definition.name.clone();
    let may = seat.ctx.system_admin(&seat.ctx.directory()).is_ok();
    let stuck = if may { stuck(kinds::delete(&seat.ctx.trying().0, name.clone()).await) } else { None };
    (name, stuck)
}

/// Changes one, or shows the form that would come out of the change.
pub async fn update(seat: &Seat, id: &str, sent: Fields) -> Result<Response> {
    let kind = kinds::get(&seat.ctx, id)?;
    seat.ctx.system_admin(&seat.ctx.directory())?;
    let (was, show) = (Draft::of(&kind.definition), has(&sent, "show"));
    let draft = Draft { name: was.name.clone(), prefix: was.prefix.clone(), ..Draft::sent(&sent) };
    let mut faults = Vec::new();
    let tried = match draft.read(&mut faults) {
        Ok(is) => {
            let changes = draft.changes(&was, is);
            let ctx = if show { seat.ctx.trying().0 } else { seat.ctx.clone() };
            kinds::update(&ctx, kind.info.id.to_string(), changes).await.map(drop)
        }
        Err(error) => Err(error),
    };
    match tried {
        Ok(()) if !show => {
            let name = kind.definition.name;
            Ok(seat.done(&format!("{HERE}/{name}"), &format!("{name} is saved.")))
        }
        tried => {
            let there = there(seat, &kind).await;
            again(seat, Some(there), draft, faults, tried, show)
        }
    }
}

/// Deletes one that nothing uses.
pub async fn delete(seat: &Seat, id: &str) -> Result<Response> {
    let name = kinds::get(&seat.ctx, id)?.definition.name;
    let done = kinds::delete(&seat.ctx, name.clone()).await;
    ended(seat, done, HERE, &format!("The kind {name} is gone."), &format!("{HERE}/{name}"))
}
