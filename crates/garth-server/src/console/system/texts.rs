//! Texts that people write in a form, JSON and others: where in them something is wrong.

use crate::base::error::{Error, FieldError};
use crate::base::http::parse_json;
use serde_json::Value;

/// Lines that are shown before and after the one that is wrong.
const AROUND: usize = 2;

/// A line of a text, as a page shows it.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    pub number: usize,
    pub text: String,
    /// Is it the one that is wrong?
    pub wrong: bool,
}

/// Where something is wrong in a text, and what.
pub struct Fault {
    /// From 1, where it is known.
    pub line: Option<usize>,
    pub message: String,
    pub lines: Vec<Line>,
}

impl Fault {
    pub fn new(text: &str, line: Option<usize>, message: String) -> Self {
        let lines = line.map(|line| around(text, line)).unwrap_or_default();
        Self { line: line.filter(|_| !lines.is_empty()), message, lines }
    }
}

/// A line with those around it.
fn around(text: &str, line: usize) -> Vec<Line> {
    let first = line.saturating_sub(AROUND).max(1);
    let shown = |(at, text): (usize, &str)| Line {
        number: at + 1,
        text: text.chars().take(200).collect(),
        wrong: at + 1 == line,
    };
    let all = text.lines().enumerate().skip(first - 1).take_while(|(at, _)| *at < line + AROUND);
    let lines: Vec<Line> = all.map(shown).collect();
    if lines.iter().any(|line| line.wrong) { lines } else { Vec::new() }
}

/// Browsers send lines with a carriage return.
pub fn plain(text: &str) -> String {
    text.replace("\r\n", "\n")
}

/// JSON as somebody reads it.
pub fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// Reads JSON that was written in a field.
///
/// # Errors
/// What is wrong, with its line.
pub fn json(text: &str) -> Result<Value, Fault> {
    parse_json(text.as_bytes()).map_err(|error| {
        let said = error.to_string();
        let said = said.rsplit_once("JSON: ").map_or(said.as_str(), |(_, said)| said);
        let (message, place) = said.rsplit_once(" at line ").map_or((said, ""), |(message, place)| (message, place));
        let line = place.split(' ').next().and_then(|line| line.parse().ok());
        Fault::new(text, line, format!("is not JSON: {message}"))
    })
}

/// What is wrong below a pointer that a text of JSON stands at, each with its line; the rest of the error stays.
pub fn placed(error: Error, pointer: &str, text: &str) -> (Error, Vec<Fault>) {
    let Error::Invalid(fields) = error else { return (error, Vec::new()) };
    let (mut faults, mut rest) = (Vec::new(), Vec::new());
    for field in fields {
        let Some(below) = field.pointer.strip_prefix(pointer).filter(|below| is_below(below)) else {
            rest.push(field);
            continue;
        };
        let message = if below.is_empty() { field.message.clone() } else { format!("{below} {}", field.message) };
        faults.push(Fault::new(text, Some(line_of(text, below)), message.clone()));
        rest.push(FieldError { pointer: pointer.to_owned(), message });
    }
    (Error::Invalid(rest), faults)
}

fn is_below(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('/')
}

/// The line on which the value of a pointer begins in a text of JSON; of one that is not there, what would hold it.
pub fn line_of(text: &str, pointer: &str) -> usize {
    let steps: Vec<String> =
        pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect();
    let mut scan = Scan { text, at: 0, found: 0 };
    scan.value(&steps);
    1 + text.get(..scan.found).unwrap_or_default().matches('\n').count()
}

/// Goes through a text of JSON as far as it has to; what is no JSON ends it.
struct Scan<'t> {
    text: &'t str,
    at: usize,
    found: usize,
}

impl Scan<'_> {
    fn next(&mut self) -> Option<u8> {
        let rest = self.text.as_bytes().get(self.at..)?;
        self.at += rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.text.as_bytes().get(self.at).copied()
    }

    /// Goes down to where the steps lead.
    fn value(&mut self, steps: &[String]) -> Option<()> {
        let first = self.next()?;
        let (step, below) = steps.split_first()?;
        let (mut number, object) = (0_usize, first == b'{');
        if !object && first != b'[' {
            return None;
        }
        self.at += 1;
        loop {
            let start = match self.next()? {
                b'}' | b']' => return None,
                b',' => {
                    self.at += 1;
                    continue;
                }
                _ => self.at,
            };
            let here = if object {
                let key = self.string()?;
                if self.next()? != b':' {
                    return None;
                }
                self.at += 1;
                self.next()?;
                key == *step
            } else {
                number.to_string() == *step
            };
            number += 1;
            if here {
                self.found = start;
                return self.value(below);
            }
            self.pass()?;
        }
    }

    fn string(&mut self) -> Option<String> {
        let start = self.at;
        let mut escaped = false;
        for (at, byte) in self.text.bytes().enumerate().skip(start + 1) {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => {
                    self.at = at + 1;
                    return serde_json::from_str(self.text.get(start..self.at)?).ok();
                }
                _ => {}
            }
        }
        None
    }

    /// Passes over a value.
    fn pass(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.next()? {
                b'"' => {
                    self.string()?;
                }
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                    continue;
                }
                b'}' | b']' if depth == 0 => return Some(()),
                b'}' | b']' => {
                    depth -= 1;
                    self.at += 1;
                }
                b',' if depth == 0 => return Some(()),
                _ => self.at += 1,
            }
            if depth == 0 && matches!(self.next()?, b',' | b'}' | b']') {
                return Some(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "{\n  \"type\": \"object\",\n  \"a/b\": [1, {\"x\": \"}\\\"\"},\n    {\n      \"deep\": true}],\n  \"z\": 7\n}";

    #[test]
    fn a_pointer_has_its_line() {
        for (pointer, line) in
            [("", 1), ("/type", 2), ("/a~1b", 3), ("/a~1b/1/x", 3), ("/a~1b/2", 4), ("/a~1b/2/deep", 5), ("/z", 6)]
        {
            assert_eq!(line_of(TEXT, pointer), line, "{pointer}");
        }
        // What is not there lies where it would be, and what is no JSON leads nowhere.
        assert_eq!((line_of(TEXT, "/a~1b/9"), line_of(TEXT, "/nothing")), (3, 1));
        for text in ["", "{", "{\"a", "[1,", "{\"a\":}", "x", "\u{1F600}", "{\"é\\"] {
            assert_eq!(line_of(text, "/a/0/b"), 1, "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_told_by_its_line() {
        let fault = json("{\n  \"a\": 1,\n  \"b\" 2\n}").expect_err("no JSON");
        assert_eq!(fault.line, Some(3));
        assert!(fault.message.starts_with("is not JSON: expected"), "{}", fault.message);
        let shown: Vec<(usize, bool)> = fault.lines.iter().map(|line| (line.number, line.wrong)).collect();
        assert_eq!(shown, [(1, false), (2, false), (3, true), (4, false)]);
        assert!(json("{\"a\": 1, \"a\": 2}").is_err(), "a name twice");
    }
}
