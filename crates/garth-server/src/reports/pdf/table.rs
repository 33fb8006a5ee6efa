//! Tables in documents: as wide as their words ask for, with their heads again on every page.

use super::letters::{Line, Set};
use super::paper::{Part, SIDE};
use super::{SMALL, Sheet};
use crate::reports::colours::{self, FAINT, LINE, TEXT};
use crate::reports::content::{Column, Shown, Table, Tone, lines};
use serde_json::Value;

const CELL: Set = Set { size: 8.0, bold: false };
const HEAD: Set = Set { size: 8.0, bold: true };
/// Between two columns.
const GAP: f32 = 10.0;
/// Above and below the words of a row.
const AIR: f32 = 3.6;
/// Most lines of a cell, and of a line of it.
const LINES: usize = 32;
/// So many rows tell how wide columns ask to be.
const LOOKED_AT: usize = 300;
/// No column asks for more than this, nor for more than that for one word.
const WIDEST: f32 = 240.0;
const WORD: f32 = 84.0;

/// Lays a table out.
pub(super) fn lay(sheet: &mut Sheet, table: &Table) {
    sheet.heading(&table.title, 60.0);
    if table.rows.is_empty() {
        sheet.paragraph(&table.empty, SMALL, FAINT, 0.0);
        return;
    }
    let widths = widths(sheet, table);
    let part = sheet.paper.begin(Part::Table, None);
    let group = sheet.paper.begin(Part::Heads, Some(part));
    let row = sheet.paper.begin(Part::Row, Some(group));
    heads(sheet, table, &widths, Some(row));
    let body = sheet.paper.begin(Part::Body, Some(part));
    for cells in &table.rows {
        lay_row(sheet, table, &widths, cells, body);
    }
    if table.truncated {
        sheet.y += 4.0;
        sheet.paragraph("There are more, which are not in this report.", SMALL, FAINT, 0.0);
    }
}

/// The heads of the columns; again on another page, they are only there to be looked at.
fn heads(sheet: &mut Sheet, table: &Table, widths: &[f32], row: Option<usize>) {
    let set: Vec<Vec<Line>> = table
        .columns
        .iter()
        .zip(widths)
        .map(|(column, width)| sheet.setter.lines(&column.title, HEAD, *width, 3))
        .collect();
    let high = set.iter().map(Vec::len).max().unwrap_or(1);
    let mut x = SIDE;
    for ((lines, column), width) in set.into_iter().zip(&table.columns).zip(widths) {
        let part = row.map(|row| sheet.paper.begin(Part::ColumnHead, Some(row)));
        // They stand on the line below them.
        let mut y = sheet.y + (high - lines.len()) as f32 * HEAD.leading();
        for line in lines {
            let at = if column.shown == Shown::Number { x + width - line.width() } else { x };
            sheet.paper.text(part, (at, y), FAINT, line);
            y += HEAD.leading();
        }
        x += width + GAP;
    }
    sheet.y += high as f32 * HEAD.leading() + 3.0;
    sheet.paper.area(None, (SIDE, sheet.y, sheet.width(), 1.2), 0.0, LINE);
    sheet.y += 1.2;
}

fn lay_row(sheet: &mut Sheet, table: &Table, widths: &[f32], cells: &[Value], body: usize) {
    let mut set: Vec<Vec<Line>> = Vec::with_capacity(widths.len());
    for ((column, cell), width) in table.cells(cells).zip(widths) {
        let mut said: Vec<Line> = Vec::new();
        for text in lines(column, cell) {
            if said.len() < LINES {
                said.extend(sheet.setter.lines(&text, CELL, *width, LINES - said.len()));
            }
        }
        set.push(said);
    }
    let high = set.iter().map(Vec::len).max().unwrap_or(1).max(1);
    let height = high as f32 * CELL.leading() + 2.0 * AIR;
    if sheet.room(height) {
        heads(sheet, table, widths, None);
    }
    let row = sheet.paper.begin(Part::Row, Some(body));
    let mut x = SIDE;
    for ((said, (column, cell)), width) in set.into_iter().zip(table.cells(cells)).zip(widths) {
        let part = sheet.paper.begin(Part::Cell, Some(row));
        lay_cell(sheet, part, column, cell, said, (x, *width));
        x += width + GAP;
    }
    sheet.y += height;
    sheet.paper.area(None, (SIDE, sheet.y, sheet.width(), 0.5), 0.0, LINE);
}

fn lay_cell(sheet: &mut Sheet, part: usize, column: &Column, cell: &Value, said: Vec<Line>, (x, width): (f32, f32)) {
    let mut y = sheet.y + AIR;
    if said.is_empty() {
        // Every row has all its cells, for those who listen as well.
        let nothing = sheet.setter.line("–", CELL);
        let at = if column.shown == Shown::Number { x + width - nothing.width() } else { x };
        sheet.paper.text(Some(part), (at, y), LINE, nothing);
        return;
    }
    let tone = match (column.shown, cell) {
        (Shown::State, Value::String(word)) => Tone::of(word),
        _ => Tone::Plain,
    };
    let (ink, ground) = colours::of(tone);
    for line in said {
        let at = if column.shown == Shown::Number { x + width - line.width() } else { x };
        if tone != Tone::Plain {
            let chip = (at - 3.5, y - 0.3, line.width() + 7.0, CELL.leading() + 0.2);
            sheet.paper.area(None, chip, 5.0, ground);
        }
        sheet.paper.text(Some(part), (at, y), if tone == Tone::Plain { TEXT } else { ink }, line);
        y += CELL.leading();
    }
}

/// How wide each column is: what its words ask for, as far as there is room.
fn widths(sheet: &mut Sheet, table: &Table) -> Vec<f32> {
    let room = sheet.width() - GAP * table.columns.len().saturating_sub(1) as f32;
    let (mut asked, mut least) = (Vec::new(), Vec::new());
    for (at, column) in table.columns.iter().enumerate() {
        let head = sheet.setter.width(&column.title, HEAD);
        let word = column.title.split(' ').map(|word| sheet.setter.width(word, HEAD)).fold(0.0, f32::max);
        let (mut wide, mut narrow) = (head.min(WORD), word);
        for row in table.rows.iter().take(LOOKED_AT) {
            for text in row.get(at).map(|cell| lines(column, cell)).into_iter().flatten() {
                // Longer ones are broken anyway.
                let text: String = text.chars().take(80).collect();
                wide = wide.max(sheet.setter.width(&text, CELL));
                let longest = text.split(char::is_whitespace).max_by_key(|word| word.len()).unwrap_or_default();
                narrow = narrow.max(sheet.setter.width(longest, CELL).min(WORD));
            }
        }
        let whole = matches!(column.shown, Shown::Number | Shown::State);
        asked.push(if whole { wide } else { wide.min(WIDEST) } + 1.0);
        least.push(if whole { wide.min(WORD) } else { narrow } + 1.0);
    }
    shared(&asked, &least, room)
}

/// Shares room among columns.
fn shared(asked: &[f32], least: &[f32], room: f32) -> Vec<f32> {
    let (wish, need): (f32, f32) = (asked.iter().sum(), least.iter().sum());
    if wish <= room {
        // What is left over goes to all as they are wide.
        return asked.iter().map(|width| width * room / wish.max(1.0)).collect();
    }
    if need >= room {
        return least.iter().map(|width| width * room / need).collect();
    }
    let part = (room - need) / (wish - need);
    asked.iter().zip(least).map(|(asked, least)| least + (asked - least) * part).collect()
}

#[cfg(test)]
mod tests {
    use super::shared;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn columns_fill_the_page_and_no_more(columns in prop::collection::vec((1.0_f32..300.0, 1.0_f32..90.0), 1..10), room in 200.0_f32..800.0) {
            let (asked, least): (Vec<f32>, Vec<f32>) = columns.into_iter().map(|(a, l)| (a.max(l), l)).unzip();
            let widths = shared(&asked, &least, room);
            let sum: f32 = widths.iter().sum();
            prop_assert!((sum - room).abs() < 1.0, "{widths:?} in {room}");
            prop_assert!(widths.iter().all(|width| *width > 0.0));
        }
    }
}
