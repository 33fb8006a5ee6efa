//! How a report is asked for, read strictly: what is no part of it is refused, with its place.

use crate::base::clock;
use crate::base::error::{Error, FieldError};
use crate::base::fetch::Url;
use crate::base::{text, words};
use crate::directory::DIGEST_DAYS;
use crate::resources::Filter;
use garth_core::Micros;
use serde_json::{Map, Value};

/// Most rows of one table of a report (`docs/limits.md`).
pub const ROWS: usize = 10_000;
/// Most days that an audit digest looks back.
pub const DAYS: i64 = DIGEST_DAYS;
/// Days that it looks back when nobody says.
const DAYS_DEFAULT: i64 = 7;
/// Most values of one parameter of a search.
pub const VALUES: usize = 100;

/// What is asked for.
#[derive(Debug)]
pub enum Spec {
    /// Everybody who holds something, and why.
    AccessReview,
    /// What was done in the last days.
    AuditDigest {
        /// How many.
        days: i64,
    },
    /// Meters, and how full they are.
    Usage,
    /// The resources that a search finds.
    Search {
        /// Which.
        filter: Box<Filter>,
        /// At most so many.
        rows: usize,
    },
    /// The text of a page.
    Page {
        /// Where it is.
        url: String,
    },
}

/// What was found wrong.
struct Wrong(Vec<FieldError>);

impl Wrong {
    fn add(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.0.push(FieldError { pointer: pointer.into(), message: message.into() });
    }
}

const AT: &str = "/body/report";

/// Reads how a report is asked for.
///
/// # Errors
/// What is wrong, each with its place.
pub fn read(spec: &Value) -> Result<Spec, Vec<FieldError>> {
    let mut wrong = Wrong(Vec::new());
    let Value::Object(fields) = spec else {
        wrong.add(AT, "must be an object with a type");
        return Err(wrong.0);
    };
    let found = match fields.get("type").and_then(Value::as_str) {
        Some("access_review") => only(fields, &[], &mut wrong).map(|()| Spec::AccessReview),
        Some("usage") => only(fields, &[], &mut wrong).map(|()| Spec::Usage),
        Some("audit_digest") => digest(fields, &mut wrong),
        Some("search") => search(fields, &mut wrong),
        Some("page") => page(fields, &mut wrong),
        _ => {
            wrong.add(format!("{AT}/type"), "must be access_review, audit_digest, usage, search or page");
            None
        }
    };
    found.filter(|_| wrong.0.is_empty()).ok_or(wrong.0)
}

/// Refuses fields that are none of this report's.
fn only(fields: &Map<String, Value>, known: &[&str], wrong: &mut Wrong) -> Option<()> {
    for name in fields.keys().filter(|name| *name != "type" && !known.contains(&name.as_str())) {
        wrong.add(text::pointer(AT, name), "is not known for a report of this type");
    }
    Some(())
}

fn digest(fields: &Map<String, Value>, wrong: &mut Wrong) -> Option<Spec> {
    only(fields, &["days"], wrong)?;
    let days = match fields.get("days") {
        None | Some(Value::Null) => DAYS_DEFAULT,
        Some(given) => match given.as_i64().filter(|days| (1..=DAYS).contains(days)) {
            Some(days) => days,
            None => {
                wrong.add(format!("{AT}/days"), format!("must be a number of days from 1 to {DAYS}"));
                return None;
            }
        },
    };
    Some(Spec::AuditDigest { days })
}

fn page(fields: &Map<String, Value>, wrong: &mut Wrong) -> Option<Spec> {
    only(fields, &["url"], wrong)?;
    let at = format!("{AT}/url");
    let Some(url) = fields.get("url").and_then(Value::as_str) else {
        wrong.add(at, "must be a URL");
        return None;
    };
    // Whether plain HTTP and private addresses are asked, the server's settings say when it runs.
    match Url::read(url, true) {
        Ok(_) => Some(Spec::Page { url: url.to_owned() }),
        Err(failed) => {
            wrong.add(at, failed.to_string());
            None
        }
    }
}

fn search(fields: &Map<String, Value>, wrong: &mut Wrong) -> Option<Spec> {
    only(fields, &["query"], wrong)?;
    let mut parameters = Parameters { wrong, fields: Map::new() };
    match fields.get("query") {
        None | Some(Value::Null) => {}
        Some(Value::Object(query)) => parameters.fields = query.clone(),
        Some(_) => parameters.wrong.add(format!("{AT}/query"), "must be an object of parameters"),
    }
    let filter = Filter {
        kinds: parameters.many("kind"),
        spaces: parameters.many("space"),
        labels: parameters.many("label"),
        owners: parameters.many("owner"),
        authors: parameters.many("author"),
        q: parameters.text("q"),
        created_from: parameters.time("created_from"),
        created_to: parameters.time("created_to"),
        updated_from: parameters.time("updated_from"),
        updated_to: parameters.time("updated_to"),
        order: parameters.text("order"),
        archived: parameters.flag("archived"),
    };
    let rows = parameters.rows();
    if filter.labels.len() > text::LABELS {
        parameters.refuse("label", format!("must be at most {} labels", text::LABELS));
    }
    let order = filter.order.as_deref().map(|order| order.strip_prefix('-').unwrap_or(order));
    if order.is_some_and(|order| !matches!(order, "updated" | "created" | "name")) {
        parameters.refuse("order", "must be updated, created or name, or one of them after a -");
    }
    if let Some(Err(Error::Invalid(errors))) = filter.q.as_deref().map(words::sought) {
        errors.into_iter().for_each(|error| parameters.refuse("q", error.message));
    }
    parameters.done();
    Some(Spec::Search { filter: Box::new(filter), rows })
}

/// The parameters of a search, taken one by one; what is left is not known.
struct Parameters<'a> {
    wrong: &'a mut Wrong,
    fields: Map<String, Value>,
}

impl Parameters<'_> {
    fn refuse(&mut self, name: &str, message: impl Into<String>) {
        self.wrong.add(text::pointer(&format!("{AT}/query"), name), message);
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.fields.remove(name).filter(|value| !value.is_null())
    }

    /// One text, or a list of them.
    fn many(&mut self, name: &str) -> Vec<String> {
        match self.take(name) {
            None => Vec::new(),
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(list)) if list.len() <= VALUES && list.iter().all(Value::is_string) => {
                list.into_iter().filter_map(|one| one.as_str().map(str::to_owned)).collect()
            }
            Some(_) => {
                self.refuse(name, format!("must be a text or a list of at most {VALUES} texts"));
                Vec::new()
            }
        }
    }

    fn text(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            Value::String(text) => Some(text),
            _ => {
                self.refuse(name, "must be a text");
                None
            }
        }
    }

    fn time(&mut self, name: &str) -> Option<Micros> {
        let text = self.text(name)?;
        let time = clock::from_text(&text);
        if time.is_none() {
            self.refuse(name, "must be a time as in RFC 3339: 2031-05-04T08:00:00Z");
        }
        time
    }

    fn flag(&mut self, name: &str) -> bool {
        match self.take(name) {
            None => false,
            Some(Value::Bool(flag)) => flag,
            // As the list of resources takes it.
            Some(Value::String(text)) if text == "true" || text == "false" => text == "true",
            Some(_) => {
                self.refuse(name, "must be true or false");
                false
            }
        }
    }

    fn rows(&mut self) -> usize {
        let Some(given) = self.take("limit") else { return ROWS };
        match given.as_u64().and_then(|rows| usize::try_from(rows).ok()).filter(|rows| (1..=ROWS).contains(rows)) {
            Some(rows) => rows,
            None => {
                self.refuse("limit", format!("must be a number from 1 to {ROWS}"));
                ROWS
            }
        }
    }

    fn done(&mut self) {
        let left: Vec<String> = std::mem::take(&mut self.fields).into_iter().map(|(name, _)| name).collect();
        left.iter().for_each(|name| self.refuse(name, "is no parameter of the list of resources"));
    }
}
