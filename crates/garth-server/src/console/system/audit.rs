//! The record of the installation, and records as files: as much of one as fits the filter, and as a file may hold.

use crate::audit::api::AuditEntry;
use crate::audit::{self, Entry, Filter};
use crate::base::clock;
use crate::base::error::{Error, Result};
use crate::base::http::{Page, PageRequest, Query};
use crate::console::audit::{List, Wanted};
use crate::console::names::OF_SYSTEM;
use crate::console::seat::Seat;
use crate::console::shell::Shell;
use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use garth_core::Micros;

const HERE: &str = "/system/audit";
/// Most entries of one file.
const ENTRIES: usize = 10_000;
/// Most bytes of one file; it ends with the entry by which it has as many.
const BYTES: usize = 16 * 1024 * 1024;
/// Entries that are read at a time: each may be long.
const PAGE: usize = 25;
/// The first line of a CSV file.
const COLUMNS: &str = "at,actor,credential,action,target_type,target_id,outcome,before,after,request_id\r\n";

#[derive(Template)]
#[template(path = "system/audit.html")]
struct Audit {
    frame: Shell,
    list: List,
}

/// The page.
pub async fn show(seat: &Seat) -> Result<Response> {
    let mut query = Query::new(&seat.uri)?;
    let wanted = Wanted::read(seat, &mut query)?;
    let page = query.page();
    query.done()?;
    let found = audit::of_system(&seat.ctx, wanted.filter.clone(), &page).await?;
    let list = List::new(seat, HERE, wanted, found, OF_SYSTEM.into_iter())?;
    Ok(seat.page_as(StatusCode::OK, &Audit { frame: Shell::outside(seat, HERE)?, list }))
}

/// A file being written.
enum File {
    Csv(String),
    Json(String),
}

impl File {
    fn new(format: &str) -> Option<Self> {
        match format {
            "csv" => Some(Self::Csv(COLUMNS.to_owned())),
            "json" => Some(Self::Json("{\"items\":[".to_owned())),
            _ => None,
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Csv(text) | Self::Json(text) => text.len(),
        }
    }

    fn add(&mut self, entry: Entry) -> Result<()> {
        match self {
            Self::Csv(text) => line(text, &entry),
            Self::Json(text) => {
                let written = serde_json::to_string(&AuditEntry::of(entry));
                let written = written.map_err(|e| Error::internal(format!("an entry cannot be written: {e}")))?;
                if !text.ends_with('[') {
                    text.push(',');
                }
                text.push_str(&written);
            }
        }
        Ok(())
    }

    /// The whole file; where there is more than it holds, it says so.
    fn ended(self, complete: bool) -> (&'static str, &'static str, String) {
        match self {
            Self::Csv(mut text) => {
                if !complete {
                    text.push_str("\"There are older entries: filter by day to get them.\"\r\n");
                }
                ("text/csv; charset=utf-8", "csv", text)
            }
            Self::Json(text) => ("application/json", "json", format!("{text}],\"complete\":{complete}}}\n")),
        }
    }
}

/// One line of CSV.
fn line(text: &mut String, entry: &Entry) {
    let at = clock::to_text(entry.at);
    let cells = [
        at.as_str(),
        &entry.actor,
        &entry.credential,
        &entry.action,
        &entry.target_type,
        &entry.target_id,
        &entry.outcome,
        &entry.before,
        &entry.after,
        &entry.request_id,
    ];
    for (number, cell) in cells.into_iter().enumerate() {
        if number > 0 {
            text.push(',');
        }
        text.push_str(&quoted(cell));
    }
    text.push_str("\r\n");
}

/// A cell between quotes; what a spreadsheet would take for a formula is made a text.
fn quoted(cell: &str) -> String {
    let formula = cell.trim_start().starts_with(['=', '+', '-', '@']) || cell.starts_with(['\t', '\r', '\n']);
    format!("\"{}{}\"", if formula { "'" } else { "" }, cell.replace('"', "\"\""))
}

/// The record of a space, or that of the installation, as a file.
pub async fn export(seat: &Seat, space: Option<&str>) -> Result<Response> {
    let mut query = Query::new(&seat.uri)?;
    let wanted = Wanted::read(seat, &mut query)?;
    let file = File::new(&query.one("format").unwrap_or_else(|| "csv".to_owned()));
    if file.is_none() {
        query.refuse("format", "must be csv or json");
    }
    query.done()?;
    // What is hidden is missing, and what one may not is said, before anything takes a place.
    page(seat, space, &wanted.filter, PageRequest::first(1)).await?;
    let lane = seat.ctx.export_lane()?;
    let mut file = file.ok_or(Error::NotFound)?;
    let (mut written, mut cursor) = (0, None);
    let complete = 'file: loop {
        let found = page(seat, space, &wanted.filter, PageRequest { limit: PAGE, cursor }).await?;
        for entry in found.items {
            if written >= ENTRIES || file.len() >= BYTES {
                break 'file false;
            }
            file.add(entry)?;
            written += 1;
        }
        cursor = found.next;
        if cursor.is_none() {
            break true;
        }
    };
    drop(lane);
    let (media, ending, text) = file.ended(complete);
    let name = format!("attachment; filename=\"garth-audit-{}.{ending}\"", day(seat.ctx.now()));
    Ok(([(header::CONTENT_TYPE, media.to_owned()), (header::CONTENT_DISPOSITION, name)], text).into_response())
}

async fn page(seat: &Seat, space: Option<&str>, filter: &Filter, request: PageRequest) -> Result<Page<Entry>> {
    match space {
        Some(space) => audit::of_space(&seat.ctx, space, filter.clone(), &request).await,
        None => audit::of_system(&seat.ctx, filter.clone(), &request).await,
    }
}

fn day(now: Micros) -> String {
    clock::to_text(now).chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for (cell, is) in [
            ("plain", "\"plain\""),
            ("", "\"\""),
            ("say \"hi\", you", "\"say \"\"hi\"\", you\""),
            ("=1+1", "\"'=1+1\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            (" =1", "\"' =1\""),
            ("\tx", "\"'\tx\""),
            ("a=1", "\"a=1\""),
            ("{\"name\":\"=x\"}", "\"{\"\"name\"\":\"\"=x\"\"}\""),
        ] {
            assert_eq!(quoted(cell), is);
        }
    }

    #[test]
    fn a_file_says_whether_it_is_whole() {
        let text = str::to_owned;
        let entry = Entry {
            id: text("x"),
            at: 0,
            space: String::new(),
            actor: text("system"),
            credential: text("system"),
            action: text("role.create"),
            target_type: text("role"),
            target_id: text("y"),
            outcome: text("done"),
            before: text("{\"a\":1}"),
            after: String::new(),
            request_id: text("z"),
        };
        let mut json = File::new("json").expect("a format");
        json.add(entry.clone()).expect("an entry");
        json.add(entry.clone()).expect("an entry");
        let (_, _, text) = json.ended(false);
        let read: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!((read["items"].as_array().map(Vec::len), &read["complete"]), (Some(2), &serde_json::json!(false)));
        assert_eq!(read["items"][1]["before"]["a"], 1);
        let mut csv = File::new("csv").expect("a format");
        csv.add(entry).expect("an entry");
        let (_, _, text) = csv.ended(false);
        assert_eq!(text.lines().count(), 3);
        assert!(text.contains("\"{\"\"a\"\":1}\"") && text.contains("There are older entries"), "{text}");
        assert!(File::new("xlsx").is_none());
    }
}
