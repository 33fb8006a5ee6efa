//! Usage and quotas: the meters of a space, how full they are, and how that is different from the last time.

use super::access_review::whole;
use super::content::{Bar, Chart, Content, Shown, Table, eyes, moment, time};
use super::spec::ROWS;
use crate::access::Ctx;
use crate::base::error::{Error, Result};
use crate::base::http::PageRequest;
use crate::directory::{RESOURCES, Window};
use crate::grants;
use crate::quotas::{self, State};
use serde_json::{Map, Value, json};

/// Meters of a page, while all are read.
const PAGE: usize = 1_000;
/// Most bars of a chart.
const BARS: usize = 20;

/// Makes it.
///
/// # Errors
/// When whoever asks holds no role in the space.
pub async fn make(ctx: &Ctx, space: &str, before: Option<&Value>) -> Result<(Content, Value)> {
    let mut content = Content::begin(ctx, "usage", "Usage and quotas", space)?;
    let (meters, all) = whole!(page => quotas::list(ctx, space, &page).await);
    let members = members(ctx, space)?;
    let dir = ctx.directory();
    let eyes = eyes(&dir, &ctx.caller(&dir)?);
    let before = before.filter(|before| before["eyes"] == json!(eyes));

    let used = |name: &str| meters.iter().find(|meter| meter.meter == name).and_then(|meter| meter.used);
    content.fact("Resources", used(RESOURCES).map_or_else(|| "not told".to_owned(), super::content::number));
    content.fact("Members", members);
    let full = meters.iter().filter(|meter| meter.state == Some(State::Full)).count();
    let near = meters.iter().filter(|meter| meter.state == Some(State::Near)).count();
    content.fact("Limits", meters.iter().filter(|meter| meter.limit.is_some()).count().to_string());
    content.fact("Full or nearly so", (full + near).to_string());
    match before.and_then(|before| before["at"].as_str()) {
        Some(at) => content.note(format!("Changes are those since the report of {}.", moment(at))),
        None => content.note("There is no report before this one to compare with."),
    }
    content.note("Resources are counted that are not archived and that whoever the report was made for may see.");

    let limited: Vec<Bar> = meters
        .iter()
        .filter_map(|meter| Some(Bar { label: meter.meter.clone(), value: meter.used?, of: Some(meter.limit?) }))
        .take(BARS)
        .collect();
    if !limited.is_empty() {
        content.charts.push(Chart::bars("How full", limited));
    }
    let mut kinds: Vec<Bar> = meters
        .iter()
        .filter_map(|meter| {
            let kind = meter.meter.strip_prefix(RESOURCES)?.strip_prefix('.')?;
            Some(Bar { label: kind.to_owned(), value: meter.used?, of: None })
        })
        .collect();
    kinds.sort_by(|one, other| (other.value, &one.label).cmp(&(one.value, &other.label)));
    kinds.truncate(BARS);
    if !kinds.is_empty() {
        content.charts.push(Chart::bars("Resources by kind", kinds));
    }
    content.tables.push(table(&meters, !all, before));
    let numbers: Map<String, Value> =
        meters.iter().filter_map(|meter| Some((meter.meter.clone(), json!(meter.used?)))).collect();
    let state = json!({ "at": content.made_at, "eyes": eyes, "used": numbers });
    Ok((content, state))
}

/// How many members there are, for whoever may know.
fn members(ctx: &Ctx, space: &str) -> Result<String> {
    let count = || {
        let (members, all) = whole!(page => grants::members(ctx, space, &page));
        Ok((members.len(), all))
    };
    match count() {
        Ok((number, true)) => Ok(number.to_string()),
        Ok((number, false)) => Ok(format!("more than {number}")),
        Err(Error::Forbidden(_)) => Ok("not told".to_owned()),
        Err(other) => Err(other),
    }
}

fn window(window: Window) -> String {
    match json!(window) {
        Value::String(word) => word,
        other => other.to_string(),
    }
}

fn table(meters: &[quotas::Shown], truncated: bool, before: Option<&Value>) -> Table {
    let mut columns = vec![
        ("meter", "Meter", Shown::Text),
        ("used", "Used", Shown::Number),
        ("limit", "Limit", Shown::Number),
        ("percent", "Percent", Shown::Number),
        ("state", "State", Shown::State),
        ("window", "Window", Shown::Text),
        ("resets_at", "Resets", Shown::Time),
    ];
    if before.is_some() {
        columns.push(("used_before", "Used before", Shown::Number));
    }
    let mut table = Table::new("meters", "Meters", &columns, "The space has no meter.");
    table.truncated = truncated;
    for meter in meters {
        let percent = match (meter.used, meter.limit) {
            (Some(used), Some(limit)) if limit > 0 => json!(used.saturating_mul(100) / limit),
            _ => Value::Null,
        };
        let state = match meter.state {
            Some(State::Full) => json!("full"),
            Some(State::Near) => json!("nearly full"),
            Some(State::Open) if meter.limit.is_some() => json!("open"),
            _ => json!("unlimited"),
        };
        let mut row = vec![
            json!(meter.meter),
            json!(meter.used),
            json!(meter.limit),
            percent,
            state,
            json!(window(meter.window)),
            time(meter.resets_at),
        ];
        if let Some(before) = before {
            row.push(before["used"][&meter.meter].clone());
        }
        table.rows.push(row);
    }
    table
}
