//! What people and programs read: answers on the standard output, complaints on the error output.

use crate::store;
use garth_server::backup::Trouble;
use garth_server::base::error::Error;
use garth_server::questions::Named;
use std::io::{IsTerminal, Write};

/// Why a command ends with exit code 1, in one sentence.
#[derive(Debug)]
pub struct Failure(pub String);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let sentence = match &error {
            Error::Invalid(fields) => {
                let named: Vec<String> = fields.iter().map(|f| format!("{} {}", f.pointer, f.message)).collect();
                named.join("; ")
            }
            other => other.to_string(),
        };
        Self::said(&sentence)
    }
}

impl Failure {
    /// The server's words as a sentence.
    pub fn said(words: &str) -> Self {
        Self(capital(&format!("{}.", words.trim_end_matches('.'))))
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Refused(sentence) => Self(capital(&sentence)),
            Trouble::Db(error) => store::failure(error),
        }
    }
}

/// Why a file could not be used, in the system's words and without its number.
pub fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

/// How far a long command is, on the error output where that is a terminal; nothing of it stays.
pub struct Progress {
    shown: Option<String>,
    terminal: bool,
}

impl Progress {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { shown: None, terminal: std::io::stderr().is_terminal() }
    }

    /// What is being done, how much of it is done, and of how much.
    pub fn show(&mut self, stage: &str, done: u64, all: u64) {
        const WIDTH: u64 = 30;
        let (done, all) = (u128::from(done.min(all)), u128::from(all.max(1)));
        let percent = done * 100 / all;
        let full = usize::try_from(done * u128::from(WIDTH) / all).unwrap_or(0);
        self.line(format!("{stage:<9} [{:<30}] {percent:>3} %", "#".repeat(full)));
    }

    /// What is being done, and how much of it is done, where nobody knows of how much.
    pub fn count(&mut self, stage: &str, done: u64) {
        self.line(format!("{stage:<9} {done:>10}"));
    }

    fn line(&mut self, line: String) {
        if self.terminal && self.shown.as_ref() != Some(&line) {
            // Whoever does not see it misses nothing.
            let _ = write!(std::io::stderr().lock(), "\r{line}");
            self.shown = Some(line);
        }
    }

    /// Takes the bar away.
    pub fn end(&mut self) {
        if let Some(line) = self.shown.take() {
            let _ = write!(std::io::stderr().lock(), "\r{:width$}\r", "", width = line.chars().count());
        }
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
