//! A report as rows: its first table, for spreadsheets and for whoever reads them by machine (RFC 4180).

use super::content::Content;
use serde_json::Value;

/// What stands between the texts of one cell.
const BETWEEN: &str = "; ";

/// Writes it.
pub fn write(content: &Content) -> Vec<u8> {
    let mut out = String::new();
    let Some(table) = content.tables.first() else { return out.into_bytes() };
    let heads: Vec<String> = table.columns.iter().map(|column| cell(&Value::String(column.name.clone()))).collect();
    line(&mut out, &heads);
    for row in &table.rows {
        let cells: Vec<String> = table.cells(row).map(|(_, value)| cell(value)).collect();
        line(&mut out, &cells);
    }
    out.into_bytes()
}

fn line(out: &mut String, cells: &[String]) {
    out.push_str(&cells.join(","));
    out.push_str("\r\n");
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => quoted(&harmless(text)),
        Value::Array(list) => {
            let texts: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
            quoted(&harmless(&texts.join(BETWEEN)))
        }
        // A number is one, below nothing as well: nobody wrote it as a text.
        other => quoted(&other.to_string()),
    }
}

/// A text that no spreadsheet takes for a formula: a quote stands before the signs that they begin with, as
/// spreadsheets themselves write it.
fn harmless(text: &str) -> String {
    let first = text.trim_start_matches([' ', '\u{a0}', '\u{feff}', '"', '\'']).chars().next().or(text.chars().next());
    let formula = |c| matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '|' | '%' | '＝' | '＋' | '－' | '＠');
    if first.is_some_and(formula) || text.starts_with(['\t', '\r', '\n']) {
        return format!("'{text}");
    }
    text.to_owned()
}

fn quoted(text: &str) -> String {
    if text.contains(['"', ',', '\r', '\n', ';', '\t']) || text.starts_with(' ') || text.ends_with(' ') {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reports::content::{Shown, Table};
    use proptest::prelude::*;
    use serde_json::json;

    fn written(rows: Vec<Vec<Value>>) -> String {
        let columns = [("a", "A", Shown::Text), ("b", "B", Shown::Number)];
        let mut table = Table::new("t", "T", &columns, "");
        table.rows = rows;
        let content = Content { tables: vec![table], ..Content::default() };
        String::from_utf8(write(&content)).expect("text")
    }

    /// The cells of a document, as RFC 4180 reads them.
    fn read(text: &str) -> Vec<Vec<String>> {
        let (mut rows, mut row, mut cell, mut inside) = (Vec::new(), Vec::new(), String::new(), false);
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match (inside, c) {
                (true, '"') if chars.peek() == Some(&'"') => {
                    chars.next();
                    cell.push('"');
                }
                (true, '"') => inside = false,
                (true, c) => cell.push(c),
                (false, '"') => inside = true,
                (false, ',') => row.push(std::mem::take(&mut cell)),
                (false, '\r') => {}
                (false, '\n') => {
                    row.push(std::mem::take(&mut cell));
                    rows.push(std::mem::take(&mut row));
                }
                (false, c) => cell.push(c),
            }
        }
        rows
    }

    #[test]
    fn rows_are_as_the_standard_says() {
        let text = written(vec![
            vec![json!("plain"), json!(-5)],
            vec![json!("with, comma and \"quotes\""), json!(null)],
            vec![json!(["admin: given", "reader: by the group ops"]), json!(1_000)],
        ]);
        assert_eq!(
            text,
            "a,b\r\nplain,-5\r\n\"with, comma and \"\"quotes\"\"\",\r\n\
             \"admin: given; reader: by the group ops\",1000\r\n"
        );
    }

    #[test]
    fn no_cell_is_a_formula() {
        for evil in ["=1+1", "+1", "-1", "@sum", "\t=1", "\r=1", " =1", "\"=1", "'=1", "\u{a0}=1", "＝1", "|calc", "%0"]
        {
            let cells = read(&written(vec![vec![json!(evil), json!(0)]]));
            assert_eq!(cells[1][0], format!("'{evil}"), "{evil:?}");
        }
        for plain in ["a=b", "1-2", "ada@example.org", "'quoted'", ""] {
            let cells = read(&written(vec![vec![json!(plain), json!(0)]]));
            assert_eq!(cells[1][0], plain);
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_again(text in "\\PC{0,40}", other in any::<i64>()) {
            let cells = read(&written(vec![vec![json!(text), json!(other)]]));
            prop_assert_eq!(cells.len(), 2);
            prop_assert!(cells[1][0] == text || cells[1][0].strip_prefix('\'') == Some(text.as_str()), "{:?}", cells[1][0]);
            prop_assert_eq!(&cells[1][1], &other.to_string());
        }

        #[test]
        fn no_cell_begins_like_a_formula(text in "[ \"'=+@|%\t\r\n-]{1,6}[a-z0-9]{0,3}") {
            let cells = read(&written(vec![vec![json!(text.replace(['\r', '\n'], " ")), json!(0)]]));
            let first = cells[1][0].trim_start_matches([' ', '"', '\u{a0}']).chars().next();
            prop_assert!(!matches!(first, Some('=' | '+' | '-' | '@' | '\t' | '|' | '%')), "{:?}", cells[1][0]);
        }
    }
}
