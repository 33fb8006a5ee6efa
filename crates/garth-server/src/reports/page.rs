//! A fetched page: its text, and which lines of it are new since the last time.

use super::content::{Content, Shown, Table, moment};
use super::plain;
use crate::access::Ctx;
use crate::base::error::{Error, Result};
use crate::base::fetch::{Ask, Url};
use crate::base::ids;
use axum::http::header;
use hashbrown::HashMap;
use serde_json::{Value, json};

/// Most lines of a page that are kept.
pub const LINES: usize = 2_000;
/// Longest line of it, in bytes.
pub const LINE_BYTES: usize = 1_000;
/// So much of a line's hash tells it from others, in hexadecimal digits.
const MARK: usize = 12;

/// Makes it. Private addresses, redirects, and whatever else is no page that was asked for, are failures.
///
/// # Errors
/// When the page cannot be had.
pub async fn make(ctx: &Ctx, space: &str, url: &str, before: Option<&Value>) -> Result<(Content, Value)> {
    let mut content = Content::begin(ctx, "page", "Fetched page", space)?;
    let private = ctx.app.limits.allow_private_targets;
    let failed = |why: String| Error::Forbidden(format!("the page could not be fetched: {why}"));
    let read = Url::read(url, private).map_err(|why| failed(why.to_string()))?;
    let asked = Ask::get(&read, private).with(header::ACCEPT, "text/html, text/*;q=0.9, */*;q=0.5".to_owned());
    let fetched = asked.send().await.map_err(|why| failed(why.to_string()))?;
    if fetched.status.is_redirection() {
        return Err(failed("it leads to another address, and redirects are not followed".to_owned()));
    }
    if !fetched.status.is_success() {
        return Err(failed(format!("the server answers with status {}", fetched.status.as_u16())));
    }
    let text = plain::decoded(&fetched.body);
    let page = match fetched.content_type.as_str() {
        "text/html" | "application/xhtml+xml" => plain::of_html(&text),
        kind if kind.starts_with("text/") || kind.ends_with("json") || kind.ends_with("xml") => plain::of_text(&text),
        "" => plain::of_text(&text),
        _ => return Err(failed("it is no text that could be read".to_owned())),
    };
    let all = page.lines.len() <= LINES;
    let lines: Vec<&str> = page.lines.iter().take(LINES).map(|line| plain::cut(line, LINE_BYTES)).collect();

    // What stands after the path is left out: there may be secrets in it.
    let shown = url.split(['?', '#']).next().unwrap_or_default();
    content.fact("Address", shown);
    if let Some(title) = &page.title {
        content.fact("Title", title.as_str());
    }
    content.fact("Lines", lines.len().to_string());
    let address = ids::token_hash(url);
    let marks: Vec<String> = lines.iter().map(|line| mark(line)).collect();
    let was = before.filter(|before| before["address"] == json!(address)).and_then(|before| before["lines"].as_array());
    let mut known: HashMap<&str, usize> = HashMap::new();
    for mark in was.into_iter().flatten().filter_map(Value::as_str) {
        *known.entry(mark).or_default() += 1;
    }
    let columns = [("line", "Line", Shown::Number), ("text", "Text", Shown::Text), ("change", "Change", Shown::State)];
    let mut table = Table::new("lines", "Text of the page", &columns, "There is no text on the page.");
    table.truncated = !all;
    let mut new = 0;
    for (at, (line, mark)) in lines.iter().zip(&marks).enumerate() {
        let there = match known.get_mut(mark.as_str()) {
            Some(left) if *left > 0 => {
                *left -= 1;
                true
            }
            _ => was.is_none(),
        };
        new += usize::from(!there);
        table.rows.push(vec![json!(at + 1), json!(line), if there { Value::Null } else { json!("new") }]);
    }
    match (was, before.and_then(|before| before["at"].as_str())) {
        (Some(_), Some(at)) => {
            content.fact("New lines", new.to_string());
            content.fact("Lines that are gone", known.values().sum::<usize>().to_string());
            content.note(format!("Changes are those since the report of {}.", moment(at)));
        }
        _ => content.note("There is no report of this page before this one to compare with."),
    }
    content.tables.push(table);
    let state = json!({ "at": content.made_at, "address": address, "lines": marks });
    Ok((content, state))
}

fn mark(line: &str) -> String {
    ids::token_hash(line).chars().take(MARK).collect()
}
