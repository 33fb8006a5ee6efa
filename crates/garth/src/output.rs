//! What people and programs read: answers on the standard output, complaints on the error output.

use garth_server::base::error::Error;
use garth_server::questions::Named;
use std::io::Write;

/// Why a command ends with exit code 1, in one sentence.
#[derive(Debug)]
pub struct Failure(pub String);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let mut sentence = match &error {
            Error::Invalid(fields) => {
                let named: Vec<String> = fields.iter().map(|f| format!("{} {}", f.pointer, f.message)).collect();
                named.join("; ")
            }
            other => other.to_string(),
        };
        if !sentence.ends_with('.') {
            sentence.push('.');
        }
        Self(capital(&sentence))
    }
}

/// The server's words begin in lower case; a name or a path at the beginning keeps its spelling.
fn capital(sentence: &str) -> String {
    let word = sentence.split(' ').next().unwrap_or_default();
    match sentence.chars().next() {
        Some(first) if word.chars().all(|c| c.is_ascii_lowercase()) => {
            format!("{}{}", first.to_ascii_uppercase(), &sentence[1..])
        }
        _ => sentence.to_owned(),
    }
}

/// Prints an answer. Whoever stopped reading (`| head`) is not told off.
pub fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Prints a JSON answer on one line.
pub fn print_json(answer: &serde_json::Value) {
    print(&format!("{answer}\n"));
}

/// Says on the error output what went wrong.
pub fn complain(sentence: &str) {
    let _ = writeln!(std::io::stderr().lock(), "garth: {sentence}");
}

/// Rows with their columns aligned, two spaces apart.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |at: usize| rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width + 2 - cell.chars().count()));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// What a question was about, for the first line of an answer.
pub fn about(named: &Named) -> String {
    match &named.code {
        Some(code) => format!("{} {code} “{}”", named.kind, named.name),
        None => format!("{} {}", named.kind, named.name),
    }
}
