//! A saved search: the resources that it finds, and which of them are new or changed since the last time.

use super::content::{Bar, Chart, Content, Shown, Table, eyes, moment, time};
use super::names::Names;
use crate::access::Ctx;
use crate::base::error::{Error, Result};
use crate::base::http::PageRequest;
use crate::resources::{self, Filter, ResourceView};
use garth_core::Principal;
use hashbrown::HashMap;
use serde_json::{Map, Value, json};

/// Resources of a page, while all are read: as many bodies are in memory whole.
const PAGE: usize = 50;
/// Fields of one body that can be columns.
const FIELDS_EACH: usize = 64;
/// What is kept of all bodies, in bytes; a search that finds more is cut there.
pub const BODIES: usize = 32 * 1024 * 1024;
/// Most fields of the body that are columns, where all that is found is of one kind.
const FIELDS: usize = 4;
/// Longest text of the body that is shown, in characters.
const TEXT: usize = 200;

/// Makes it: at most so many rows.
///
/// # Errors
/// When the search asks for what it must not, or cannot be done.
pub async fn make(
    ctx: &Ctx,
    space: &str,
    mut filter: Filter,
    rows: usize,
    before: Option<&Value>,
) -> Result<(Content, Value)> {
    let mut content = Content::begin(ctx, "search", "Saved search", space)?;
    within(ctx, &content.space.id, &mut filter)?;
    let (mut found, mut cursor, mut all, mut bytes) = (Vec::new(), None, true, 0_usize);
    loop {
        let page = PageRequest { limit: PAGE.min(rows - found.len()), cursor };
        let page = resources::list(ctx, &filter, &page).await?;
        for mut view in page.items {
            slim(&mut view);
            bytes += view.body.to_string().len();
            found.push(view);
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
        if found.len() >= rows || bytes > BODIES {
            all = false;
            break;
        }
    }
    let dir = ctx.directory();
    let caller = ctx.caller(&dir)?;
    let names = Names::new(&dir, &caller, ctx.now());
    let eyes = eyes(&dir, &caller);
    let before = before.filter(|before| before["eyes"] == json!(eyes) && before["whole"] == true && all);

    let versions: Map<String, Value> =
        found.iter().map(|view| (view.row.id.clone(), json!(view.row.version))).collect();
    let change = |view: &ResourceView| -> Value {
        match before.map(|before| &before["rows"][&view.row.id]) {
            None => Value::Null,
            Some(Value::Null) => json!("new"),
            Some(version) if *version != json!(view.row.version) => json!("changed"),
            Some(_) => Value::Null,
        }
    };
    let mut table = table(&names, &found, change);
    table.truncated = !all;
    content.fact("Found", if all { found.len().to_string() } else { format!("more than {}", found.len()) });
    if let Some(before) = before {
        let number = |word: &str| {
            let at = table.columns.iter().position(|column| column.name == "change");
            table.rows.iter().filter(|row| at.and_then(|at| row.get(at)) == Some(&json!(word))).count()
        };
        let (new, changed) = (number("new"), number("changed"));
        let gone =
            before["rows"].as_object().map_or(0, |was| was.keys().filter(|id| !versions.contains_key(*id)).count());
        content.fact("New", new.to_string());
        content.fact("Changed", changed.to_string());
        content.fact("Gone", gone.to_string());
    } else {
        table.columns.retain(|column| column.name != "change");
        table.rows.iter_mut().for_each(|row| drop(row.pop()));
    }
    match before.and_then(|before| before["at"].as_str()) {
        Some(at) => content.note(format!("Changes are those since the report of {}.", moment(at))),
        None => content.note("There is no report before this one to compare with."),
    }
    if !all {
        content.note(format!("The search finds more than the {} resources that are here.", found.len()));
    }
    let kinds = by_kind(&found);
    if kinds.len() > 1 {
        content.charts.push(Chart::bars("By kind", kinds));
    }
    content.tables.push(table);
    let state = json!({ "at": content.made_at, "eyes": eyes, "whole": all, "rows": versions });
    Ok((content, state))
}

/// A report tells of the space that its job lies in: whoever may change the job could read elsewhere with its owner's eyes
/// otherwise. A job with roles of its own was given them by administrators of the spaces they are in, and may look there.
fn within(ctx: &Ctx, space: &str, filter: &mut Filter) -> Result<()> {
    if filter.spaces.is_empty() {
        filter.spaces.push(space.to_owned());
        return Ok(());
    }
    let dir = ctx.directory();
    let own_roles = matches!(ctx.caller(&dir)?.who, Some(Principal::Resource(_)));
    if own_roles || filter.spaces.iter().all(|named| named == space) {
        return Ok(());
    }
    Err(Error::field("/body/report/query/space", "must be the job's own space, unless the job holds roles of its own"))
}

fn by_kind(found: &[ResourceView]) -> Vec<Bar> {
    let mut counts: HashMap<&str, i64> = HashMap::new();
    found.iter().for_each(|view| *counts.entry(view.kind.as_str()).or_default() += 1);
    let mut bars: Vec<Bar> =
        counts.into_iter().map(|(label, value)| Bar { label: label.to_owned(), value, of: None }).collect();
    bars.sort_by(|one, other| (other.value, &one.label).cmp(&(one.value, &other.label)));
    bars
}

/// The simple fields that the bodies of all have in common, by name; secrets are none.
fn fields(found: &[ResourceView]) -> Vec<String> {
    let Some(first) = found.first() else { return Vec::new() };
    if found.iter().any(|view| view.kind != first.kind) {
        return Vec::new();
    }
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for (name, value) in found.iter().filter_map(|view| view.body.as_object()).flatten() {
        if !(value.is_object() || value.is_array() || value.is_null()) {
            *counts.entry(name.as_str()).or_default() += 1;
        }
    }
    let mut names: Vec<(&str, usize)> = counts.into_iter().collect();
    names.sort_by(|one, other| (other.1, one.0).cmp(&(one.1, other.0)));
    let mut names: Vec<String> = names.into_iter().take(FIELDS).map(|(name, _)| name.to_owned()).collect();
    names.sort();
    names
}

fn table(names: &Names<'_>, found: &[ResourceView], change: impl Fn(&ResourceView) -> Value) -> Table {
    let mut columns = vec![
        ("code", "Code", Shown::Text),
        ("name", "Name", Shown::Text),
        ("kind", "Kind", Shown::Text),
        ("owner", "Owner", Shown::Text),
        ("labels", "Labels", Shown::Text),
        ("updated_at", "Changed last", Shown::Time),
    ];
    let fields = fields(found);
    let keys: Vec<String> = fields.iter().map(|field| format!("body.{field}")).collect();
    columns.extend(keys.iter().zip(&fields).map(|(key, field)| (key.as_str(), field.as_str(), Shown::Text)));
    columns.push(("change", "Change", Shown::State));
    let mut table = Table::new("resources", "Resources", &columns, "The search finds nothing.");
    for view in found {
        let row = &view.row;
        let owner = if row.owner.is_empty() { Value::Null } else { json!(names.of(&row.owner)) };
        let mut cells = vec![
            json!(row.code),
            json!(row.name),
            json!(view.kind),
            owner,
            json!(row.labels),
            time(Some(row.updated_at)),
        ];
        cells.extend(fields.iter().map(|field| shortened(&view.body[field])));
        cells.push(change(view));
        table.rows.push(cells);
    }
    table
}

/// Lets go of what no column shows, so that thousands of large bodies are not in memory at once.
fn slim(view: &mut ResourceView) {
    drop((std::mem::take(&mut view.row.body), std::mem::take(&mut view.row.secrets)));
    if let Value::Object(body) = &mut view.body {
        let all = std::mem::take(body).into_iter();
        let shown = all.filter(|(_, value)| !(value.is_object() || value.is_array() || value.is_null()));
        *body = shown.take(FIELDS_EACH).map(|(name, value)| (name, shortened(&value))).collect();
    }
}

fn shortened(value: &Value) -> Value {
    match value {
        Value::String(text) if text.chars().count() > TEXT => {
            json!(format!("{}…", text.chars().take(TEXT).collect::<String>()))
        }
        Value::Object(_) | Value::Array(_) => Value::Null,
        other => other.clone(),
    }
}
