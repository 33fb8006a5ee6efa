//! The audit digest: what was changed and refused in a space in the last days, by whom and when.

use super::access_review::whole;
use super::content::{Bar, Chart, Content, Shown, Table, day, time};
use super::names::Names;
use super::spec::ROWS;
use crate::access::Ctx;
use crate::audit::{self, Filter};
use crate::base::clock;
use crate::base::error::Result;
use crate::base::http::PageRequest;
use garth_core::Micros;
use hashbrown::HashMap;
use serde_json::{Value, json};

/// Entries of a page, while all are read.
const PAGE: usize = 25;
/// A day, as the clock counts.
const DAY: Micros = 24 * 60 * 60 * 1_000_000;
/// Most bars of a chart of actions or people.
const BARS: usize = 10;
/// Most fields that are named of one change.
const FIELDS: usize = 12;

/// What is told of an entry. What was in the things before and after is not kept: of many, that is gigabytes.
struct Entry {
    at: Micros,
    actor: String,
    action: String,
    outcome: String,
    target_type: String,
    target_id: String,
    /// What is left of the thing's state: what it is called by.
    called: Value,
    fields: Vec<String>,
}

impl Entry {
    fn of(entry: audit::Entry) -> Self {
        let state = |text: &str| serde_json::from_str::<Value>(text).unwrap_or(Value::Null);
        let (before, after) = (state(&entry.before), state(&entry.after));
        let state = if after.is_object() { &after } else { &before };
        let called = ["name", "username", "to", "principal", "role"];
        Self {
            at: entry.at,
            actor: entry.actor,
            action: entry.action,
            outcome: entry.outcome,
            target_type: entry.target_type,
            target_id: entry.target_id,
            called: called.into_iter().map(|field| (field.to_owned(), state[field].clone())).collect(),
            fields: changed(&before, &after),
        }
    }
}

/// Makes it: of so many days, up to now.
///
/// # Errors
/// When whoever asks does not administer the space.
pub async fn make(ctx: &Ctx, space: &str, days: i64) -> Result<(Content, Value)> {
    let mut content = Content::begin(ctx, "audit_digest", "Audit digest", space)?;
    let now = ctx.now();
    let from = now - days * DAY;
    let filter = Filter { from: Some(from), to: Some(now), ..Filter::default() };
    let (entries, all) =
        whole!(page => audit::of_space(ctx, space, filter.clone(), &page).await.map(|page| page.map(Entry::of)));
    let dir = ctx.directory();
    let caller = ctx.caller(&dir)?;
    let names = Names::new(&dir, &caller, now);

    let refused = entries.iter().filter(|entry| entry.outcome == "refused").count();
    let mut people: HashMap<String, i64> = HashMap::new();
    let mut actions: HashMap<String, i64> = HashMap::new();
    for entry in &entries {
        *people.entry(names.of(&entry.actor)).or_default() += 1;
        *actions.entry(entry.action.clone()).or_default() += 1;
    }
    let more = if all { "" } else { " and more" };
    content.fact("Days", days.to_string());
    content.fact("Changes", format!("{}{more}", entries.len() - refused));
    content.fact("Refusals", format!("{refused}{more}"));
    content.fact("Actors", people.len().to_string());
    let written = |at| super::content::moment(&clock::to_text(at));
    content.note(format!("From {} to {}.", written(from), written(now)));
    if !all {
        content
            .note(format!("There were more than {ROWS} entries: these are the latest, and the charts show no others."));
    }
    content.note("What was in the things that changed is not told here, only which of their fields did.");
    content.charts.push(Chart { title: "Entries a day".to_owned(), upright: true, bars: by_day(&entries, from, days) });
    content.charts.push(Chart::bars("What was done", most(actions)));
    content.charts.push(Chart::bars("Who did it", most(people)));
    content.tables.push(table(&names, &entries, !all));
    Ok((content, json!({ "at": content_at(now) })))
}

fn content_at(now: Micros) -> String {
    clock::to_text(now)
}

/// A bar for each day that the time touches, the first to the last.
fn by_day(entries: &[Entry], from: Micros, days: i64) -> Vec<Bar> {
    let first = from.div_euclid(DAY);
    let mut counts = vec![0_i64; usize::try_from(days + 1).unwrap_or(1)];
    for entry in entries {
        let at = usize::try_from(entry.at.div_euclid(DAY) - first).ok();
        if let Some(count) = at.and_then(|at| counts.get_mut(at)) {
            *count += 1;
        }
    }
    let label = |at: usize| {
        let at = (first + i64::try_from(at).unwrap_or_default()) * DAY;
        day(&clock::to_text(at)).unwrap_or_default()
    };
    counts.into_iter().enumerate().map(|(at, value)| Bar { label: label(at), value, of: None }).collect()
}

/// The highest counts; the rest is one bar.
fn most(counts: HashMap<String, i64>) -> Vec<Bar> {
    let mut bars: Vec<Bar> = counts.into_iter().map(|(label, value)| Bar { label, value, of: None }).collect();
    bars.sort_by(|one, other| (other.value, &one.label).cmp(&(one.value, &other.label)));
    if bars.len() > BARS {
        let rest: i64 = bars.split_off(BARS - 1).iter().map(|bar| bar.value).sum();
        bars.push(Bar { label: "all others".to_owned(), value: rest, of: None });
    }
    bars
}

fn table(names: &Names<'_>, entries: &[Entry], truncated: bool) -> Table {
    let columns = [
        ("at", "When", Shown::Time),
        ("actor", "Who", Shown::Text),
        ("action", "What", Shown::Text),
        ("outcome", "Outcome", Shown::State),
        ("target_type", "Of what", Shown::Text),
        ("target", "Which", Shown::Text),
        ("fields", "Fields that changed", Shown::Text),
        ("target_id", "Id", Shown::Text),
    ];
    let mut table = Table::new("entries", "Entries", &columns, "Nothing was changed and nothing was refused.");
    table.truncated = truncated;
    for entry in entries {
        table.rows.push(vec![
            time(Some(entry.at)),
            json!(names.of(&entry.actor)),
            json!(entry.action),
            json!(entry.outcome),
            json!(entry.target_type),
            target(names, entry),
            json!(entry.fields),
            json!(entry.target_id),
        ]);
    }
    table
}

/// What an entry was about, of what was written down of it.
fn target(names: &Names<'_>, entry: &Entry) -> Value {
    let text = |field: &str| entry.called[field].as_str();
    let name = text("name").or(text("username")).or(text("to")).map(str::to_owned);
    let name = name.or_else(|| text("principal").map(|principal| names.of(principal)));
    match (name, text("role")) {
        (Some(name), Some(role)) => json!(format!("{name}, {role}")),
        (Some(name), None) => json!(name),
        (None, _) if entry.target_type == "meter" => json!(entry.target_id),
        (None, _) => Value::Null,
    }
}

/// The names of the fields that are different afterwards; none of something that was made or is gone.
fn changed(before: &Value, after: &Value) -> Vec<String> {
    let (Some(was), Some(is)) = (before.as_object(), after.as_object()) else { return Vec::new() };
    let mut fields: Vec<String> = Vec::new();
    for (name, value) in is {
        match (was.get(name), value) {
            (Some(then), _) if then == value => {}
            (Some(Value::Object(then)), Value::Object(now)) => {
                let inner = now.keys().chain(then.keys()).filter(|field| then.get(*field) != now.get(*field));
                fields.extend(inner.map(|field| format!("{name}.{field}")));
            }
            _ => fields.push(name.clone()),
        }
    }
    fields.extend(was.keys().filter(|name| !is.contains_key(*name)).cloned());
    fields.sort();
    fields.dedup();
    if fields.len() > FIELDS {
        fields.truncate(FIELDS - 1);
        fields.push("and others".to_owned());
    }
    fields
}
