//! A report as a page that stands alone: its style is inside, charts are SVG, nothing is fetched and nothing runs.
//!
//! The style stands in one `<style>` whose hash the content security policy names, so that the page can be served without
//! `unsafe-inline`; what a chart's bars measure are attributes of SVG and no styles. Mail programs that drop SVG leave the
//! labels and the numbers of the bars.

use super::colours;
use super::content::{Bar, Chart, Column, Content, Shown, Table, Tone, lines, moment};
use crate::base::error::{Error, Result};
use askama::Template;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// What stands in the page's `<style>`, to the byte.
const STYLE: &str = include_str!("../../templates/reports/report.css");

static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = BASE64_STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
});

/// The content security policy that the page is served with: its own style, by its hash, and nothing else.
pub fn content_security_policy() -> &'static str {
    &POLICY
}

#[derive(Template)]
#[template(path = "reports/report.html")]
struct Page<'a> {
    style: &'static str,
    title: &'a str,
    content: &'a Content,
    made: String,
    summary: Vec<&'a str>,
    charts: Vec<Picture<'a>>,
    tables: Vec<Grid<'a>>,
}

/// A chart as it is drawn.
struct Picture<'a> {
    title: &'a str,
    told: String,
    upright: bool,
    bars: Vec<Stick<'a>>,
    first: &'a str,
    last: &'a str,
    width: usize,
}

/// A bar as it is drawn.
struct Stick<'a> {
    label: &'a str,
    told: String,
    x: usize,
    y: String,
    length: String,
    colour: String,
}

struct Grid<'a> {
    title: &'a str,
    heads: Vec<Head<'a>>,
    rows: Vec<Vec<Cell>>,
    truncated: bool,
    empty: &'a str,
}

struct Head<'a> {
    title: &'a str,
    number: bool,
}

struct Cell {
    lines: Vec<String>,
    number: bool,
    /// The class of a word that says how something is.
    tone: Option<&'static str>,
}

/// How long a full bar is, in units of the drawing.
const LONG: f64 = 200.0;
/// How high the highest of upright bars is.
const HIGH: f64 = 80.0;
/// How wide each of them is, with the room beside it.
const STEP: usize = 10;

/// Writes it.
///
/// # Errors
/// When the template fails, which is a fault of ours.
pub fn write(title: &str, content: &Content, summary: Option<&str>) -> Result<Vec<u8>> {
    let page = Page {
        style: STYLE,
        title,
        content,
        made: moment(&content.made_at),
        summary: summary.into_iter().flat_map(str::lines).filter(|line| !line.trim().is_empty()).collect(),
        charts: content.charts.iter().filter(|chart| !chart.bars.is_empty()).map(picture).collect(),
        tables: content.tables.iter().map(grid).collect(),
    };
    let html = page.render().map_err(|e| Error::internal(format!("a report could not be written: {e}")))?;
    Ok(html.into_bytes())
}

fn picture(chart: &Chart) -> Picture<'_> {
    let longest = chart.longest();
    Picture {
        title: &chart.title,
        told: chart.told(),
        upright: chart.upright,
        bars: chart.bars.iter().enumerate().map(|(at, bar)| stick(chart, bar, at, longest)).collect(),
        first: chart.bars.first().map_or("", |bar| bar.label.as_str()),
        last: chart.bars.last().map_or("", |bar| bar.label.as_str()),
        width: chart.bars.len() * STEP,
    }
}

fn stick<'a>(chart: &Chart, bar: &'a Bar, at: usize, longest: i64) -> Stick<'a> {
    let whole = if chart.upright { HIGH } else { LONG };
    let length = bar.part(longest) * whole;
    // What is there at all is seen.
    let length = if bar.value > 0 { length.max(2.0) } else { 0.0 };
    Stick {
        label: &bar.label,
        told: bar.told(),
        x: at * STEP + 1,
        y: format!("{:.1}", HIGH - length),
        length: format!("{length:.1}"),
        colour: colours::hex(colours::bar(bar.tone())),
    }
}

fn grid(table: &Table) -> Grid<'_> {
    Grid {
        title: &table.title,
        heads: table.columns.iter().map(|c| Head { title: &c.title, number: c.shown == Shown::Number }).collect(),
        rows: table.rows.iter().map(|row| table.cells(row).map(cell).collect()).collect(),
        truncated: table.truncated,
        empty: &table.empty,
    }
}

fn cell((column, value): (&Column, &Value)) -> Cell {
    let lines: Vec<String> = lines(column, value).into_iter().map(std::borrow::Cow::into_owned).collect();
    let tone = match column.shown {
        Shown::State => lines.first().map(|word| Tone::of(word).name()),
        _ => None,
    };
    Cell { lines, number: column.shown == Shown::Number, tone }
}
