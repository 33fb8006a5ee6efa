//! The part of a job's form that a schema alone would make badly: when it runs, what it reports, who gets it, and who
//! writes a summary. The rest of its fields are those of its schema, as for every kind.

use super::entries::{Entry, MOST};
use super::when::{Told, When, zones};
use super::{DELIVERY, PROVIDER};
use crate::base::error::{Error, FieldError, Result};
use crate::base::http::PageRequest;
use crate::base::text::PAGE_MAX;
use crate::console::fields::one;
use crate::console::frame::Frame;
use crate::console::look::{Choice, address};
use crate::console::seat::Seat;
use crate::resources::{Filter, ResourceView, shares};
use serde_json::{Map, Value, json};

/// The fields of the body that this part of the form has.
pub const OWN: [&str; 5] = ["/schedule", "/time_zone", "/report", "/deliveries", "/summary"];
/// The time zone of a new job.
const ZONE: &str = "UTC";
/// What a job can report.
pub const REPORTS: [(&str, &str); 5] = [
    ("access_review", "Access review: who may do what here, why, and what changed"),
    ("audit_digest", "Audit digest: what was done here in the last days"),
    ("usage", "Usage: quotas, and how much of them is used"),
    ("search", "Search: the things that fit"),
    ("page", "Page: what a web address says"),
];
/// Parameters of a search that have fields of their own.
const SEARCHED: [&str; 3] = ["q", "kind", "label"];

/// What was saved or typed.
pub struct Typed {
    when: When,
    zone: String,
    report: String,
    days: String,
    url: String,
    query: [String; 3],
    more: String,
    entries: Vec<Entry>,
    provider: String,
    instructions: String,
}

impl Typed {
    /// Of a body; of a new job without any.
    pub fn read(body: &Value) -> Self {
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        let new = body.as_object().is_none_or(Map::is_empty);
        let schedule = if new { Some("0 8 * * 1") } else { body["schedule"].as_str() };
        let report = &body["report"];
        let query = &report["query"];
        Self {
            when: When::read(schedule),
            zone: body["time_zone"].as_str().unwrap_or(ZONE).to_owned(),
            report: report["type"].as_str().unwrap_or("access_review").to_owned(),
            days: if report["days"].is_null() { "7".to_owned() } else { text(&report["days"]) },
            url: text(&report["url"]),
            query: SEARCHED.map(|name| if query[name].is_array() { String::new() } else { text(&query[name]) }),
            more: more(query),
            entries: body["deliveries"].as_array().into_iter().flatten().map(Entry::read).collect(),
            provider: text(&body["summary"]["provider"]),
            instructions: text(&body["summary"]["instructions"]),
        }
    }

    /// Of what a form sent.
    pub fn sent(fields: &[(String, String)]) -> Self {
        let field = |name: &str| one(fields, name).trim().replace('\r', "");
        Self {
            when: When::sent(fields),
            zone: field("time_zone"),
            report: field("report"),
            days: field("report.days"),
            url: field("report.url"),
            query: SEARCHED.map(|name| field(&format!("report.{name}"))),
            more: field("report.more"),
            entries: Entry::sent(fields),
            provider: field("summary.provider"),
            instructions: field("summary.instructions"),
        }
    }

    /// How many rows name an interface.
    pub fn rows(&self) -> usize {
        self.entries.len()
    }

    /// The part of the body.
    ///
    /// # Errors
    /// 422 at the fields that cannot be read.
    pub fn body(&self) -> Result<Map<String, Value>> {
        let mut wrong = Vec::new();
        let mut tell = |pointer: &str, message: String| wrong.push(FieldError { pointer: pointer.to_owned(), message });
        let mut body = Map::new();
        match self.when.schedule() {
            Ok(Some(schedule)) => drop(body.insert("schedule".to_owned(), json!(schedule))),
            Ok(None) => {}
            Err(why) => tell("/body/schedule", why),
        }
        body.insert("time_zone".to_owned(), json!(self.zone));
        let mut report = json!({ "type": self.report });
        match self.report.as_str() {
            "audit_digest" => match self.days.parse::<u32>() {
                Ok(days) => report["days"] = json!(days),
                Err(_) => tell("/body/report/days", "must be a number of days".to_owned()),
            },
            "search" => match self.query() {
                Ok(query) => report["query"] = Value::Object(query),
                Err(why) => tell("/body/report/query", why),
            },
            "page" => report["url"] = json!(self.url),
            _ => {}
        }
        body.insert("report".to_owned(), report);
        body.insert("deliveries".to_owned(), self.entries.iter().map(Entry::body).collect());
        if !self.provider.is_empty() {
            let mut summary = json!({ "provider": self.provider });
            if !self.instructions.is_empty() {
                summary["instructions"] = json!(self.instructions);
            }
            body.insert("summary".to_owned(), summary);
        }
        if wrong.is_empty() { Ok(body) } else { Err(Error::Invalid(wrong)) }
    }

    /// What a search asks for.
    fn query(&self) -> Result<Map<String, Value>, String> {
        let mut query = Map::new();
        let own = SEARCHED.into_iter().zip(&self.query).filter(|(_, value)| !value.is_empty());
        for (name, value) in own {
            query.insert(name.to_owned(), json!(value));
        }
        for line in self.more.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let Some((name, value)) = line.split_once('=') else {
                return Err(format!("{line} must be written as name=value"));
            };
            let (name, value) = (name.trim().to_owned(), json!(value.trim()));
            match query.get_mut(&name) {
                None => drop(query.insert(name, value)),
                Some(Value::Array(all)) => all.push(value),
                Some(first) => *first = json!([first.clone(), value]),
            }
        }
        Ok(query)
    }
}

/// The parameters without a field of their own, a line each.
fn more(query: &Value) -> String {
    let mut lines = Vec::new();
    for (name, value) in query.as_object().into_iter().flatten() {
        match value {
            Value::Array(all) => {
                lines.extend(
                    all.iter()
                        .map(|one| format!("{name}={}", one.as_str().map_or_else(|| one.to_string(), str::to_owned))),
                );
            }
            _ if SEARCHED.contains(&name.as_str()) => {}
            Value::String(text) => lines.push(format!("{name}={text}")),
            other => lines.push(format!("{name}={other}")),
        }
    }
    lines.join("\n")
}

/// A change that makes `after` of `before`: what is not there any more is taken out by `null`, at every depth.
pub fn change(before: &Value, after: Value) -> Value {
    let (Value::Object(before), Value::Object(mut after)) = (before, after.clone()) else { return after };
    for (name, value) in before {
        let changed = match after.remove(name) {
            Some(new) => change(value, new),
            None => Value::Null,
        };
        after.insert(name.clone(), changed);
    }
    Value::Object(after)
}

/// A row of the form.
pub struct Row {
    pub at: usize,
    pub entry: Entry,
    pub interfaces: Vec<Choice>,
    pub formats: Vec<Choice>,
}

/// This part of the form.
pub struct JobForm {
    pub when: When,
    pub often: Vec<Choice>,
    pub units: Vec<Choice>,
    pub weekdays: Vec<Choice>,
    pub zone: String,
    pub zones: Vec<String>,
    /// What the schedule comes to.
    pub told: Option<Told>,
    pub reports: Vec<Choice>,
    pub days: String,
    pub url: String,
    pub q: String,
    pub kind: String,
    pub label: String,
    pub more: String,
    pub rows: Vec<Row>,
    /// Is there any interface to deliver by?
    pub delivers: bool,
    /// Where one is made, for those who may.
    pub new_delivery: Option<String>,
    pub providers: Vec<Choice>,
    pub new_provider: Option<String>,
    pub instructions: String,
}

/// What may be used in the space, of one of those kinds: its id, and what it is called.
async fn usable(seat: &Seat, space: &str, kind: &str) -> Result<Vec<(String, String)>> {
    let filter = Filter { kinds: vec![kind.to_owned()], order: Some("name".to_owned()), ..Filter::default() };
    let page = PageRequest { limit: PAGE_MAX, cursor: None };
    let found = shares::usable(&seat.ctx, space, &filter, &page).await?;
    let label = |view: ResourceView| {
        let how = super::interface::called(view.body["type"].as_str().unwrap_or_default());
        let told = if how.is_empty() { view.row.code } else { format!("{how}, {}", view.row.code) };
        (view.row.id, format!("{} ({told})", view.row.name))
    };
    Ok(found.items.into_iter().map(|usable| label(usable.resource)).collect())
}

impl JobForm {
    /// The form in that space, with what is typed in it and a row more where one more is asked for.
    ///
    /// # Errors
    /// 404 when the space is hidden by now.
    pub async fn new(seat: &Seat, frame: &Frame, typed: Typed, more: bool) -> Result<Self> {
        let space = frame.space.id.to_string();
        let interfaces = usable(seat, &space, DELIVERY).await?;
        let providers = usable(seat, &space, PROVIDER).await?;
        let mut entries = typed.entries;
        if (entries.is_empty() || more) && entries.len() < MOST {
            entries.push(Entry::default());
        }
        let row = |(at, entry): (usize, Entry)| Row {
            at,
            interfaces: entry.interfaces(&interfaces),
            formats: entry.choices(),
            entry,
        };
        let make = |kind: &str| {
            let way = address(&frame.at("/new"), &[("kind", kind)]);
            frame.makes.iter().any(|make| make.href == way).then_some(way)
        };
        let mut writers: Vec<Choice> =
            providers.iter().map(|(id, label)| Choice::new(id, label, &typed.provider)).collect();
        if !typed.provider.is_empty() && writers.iter().all(|choice| !choice.picked) {
            writers.push(Choice::new(&typed.provider, &typed.provider, &typed.provider));
        }
        let schedule = typed.when.schedule().ok().flatten();
        let [q, kind, label] = typed.query;
        Ok(Self {
            often: typed.when.choices(),
            units: typed.when.units(),
            weekdays: typed.when.weekdays(),
            told: schedule.and_then(|schedule| Told::of(&schedule, &typed.zone, seat.ctx.now())),
            when: typed.when,
            zones: zones(),
            zone: typed.zone,
            reports: REPORTS.iter().map(|(word, label)| Choice::new(word, label, &typed.report)).collect(),
            days: typed.days,
            url: typed.url,
            q,
            kind,
            label,
            more: typed.more,
            delivers: !interfaces.is_empty() || entries.iter().any(|entry| !entry.delivery.is_empty()),
            rows: entries.into_iter().enumerate().map(row).collect(),
            new_delivery: make(DELIVERY),
            providers: writers,
            new_provider: make(PROVIDER),
            instructions: typed.instructions,
        })
    }

    /// Where something can be told on it.
    pub fn places(rows: usize) -> Vec<String> {
        let mut all: Vec<String> = ["schedule", "time_zone", "report/days", "report/query", "report/url", "report"]
            .map(|place| format!("/body/{place}"))
            .into();
        for at in 0..rows {
            all.extend(
                ["/delivery", "/recipients", "/formats", ""].map(|place| format!("/body/deliveries/{at}{place}")),
            );
        }
        all.extend(
            ["deliveries", "summary/provider", "summary/instructions", "summary"].map(|place| format!("/body/{place}")),
        );
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_comes_back_as_it_was() {
        for body in [
            json!({"schedule": "0 8 * * 1", "time_zone": "Europe/Berlin", "report": {"type": "access_review"}, "deliveries": []}),
            json!({"time_zone": "UTC", "report": {"type": "audit_digest", "days": 30}, "deliveries": [{"delivery": "x", "formats": ["pdf", "csv"]}],
                "summary": {"provider": "y", "instructions": "Be short."}}),
            json!({"schedule": "@daily", "time_zone": "UTC", "deliveries": [],
                "report": {"type": "search", "query": {"q": "lift", "kind": "task", "label": ["a", "b"], "archived": "true"}}}),
            json!({"schedule": "every 2 hours", "time_zone": "UTC", "deliveries": [], "report": {"type": "page", "url": "https://example.org/"}}),
        ] {
            let again = Typed::read(&body).body().expect("a body");
            assert_eq!(Value::Object(again), body);
        }
    }

    #[test]
    fn a_change_takes_out_what_is_not_there_any_more() {
        let before = json!({"schedule": "@daily", "report": {"type": "search", "query": {"q": "x"}}, "retries": 3});
        let after = json!({"report": {"type": "usage"}, "retries": 3});
        let change = change(&before, after.clone());
        assert_eq!(change, json!({"schedule": null, "report": {"type": "usage", "query": null}, "retries": 3}));
    }

    #[test]
    fn what_cannot_be_read_is_told_at_its_field() {
        let mut typed = Typed::read(&json!({}));
        typed.report = "search".to_owned();
        typed.more = "nonsense".to_owned();
        typed.when.at = "x".to_owned();
        let Err(Error::Invalid(wrong)) = typed.body() else { panic!("that is no body") };
        let at: Vec<&str> = wrong.iter().map(|wrong| wrong.pointer.as_str()).collect();
        assert_eq!(at, ["/body/schedule", "/body/report/query"]);
    }
}
