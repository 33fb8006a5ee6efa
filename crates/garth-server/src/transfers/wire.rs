//! The file of a space: one JSON object a line, each with a `type`.
//!
//! First a line `space`, at last a line `end` with the number of resources: without it the file is cut off. Between them a
//! line for every resource, and before the first that needs it one for each kind and named policy, for people to read: an
//! import takes those of its own installation, by their names. A line `error` says why an export did not come to its end.

use crate::base::error::{ERRORS, Error, FieldError, Result};
use crate::base::http::{from_value, parse_json};
use crate::resources::{Draft, Drafts, NewResource};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::ops::Range;

/// The form of the file; another number is another form.
pub const FORMAT: u64 = 1;
/// Most lines of an import.
pub const LINES: usize = 10_000;
/// Longest line of an import, in bytes.
pub const LINE_BYTES: usize = 4 * 1024 * 1024;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The form of the file.
    pub format: u64,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exported_at: Option<String>,
    /// The space itself.
    pub space: SpaceLine,
    /// Who holds what role there; only an administrator's export has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grants: Option<Vec<GrantLine>>,
}

/// A space in its file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpaceLine {
    /// Its id where it comes from.
    #[serde(default)]
    pub id: Option<String>,
    /// Its name; an import leaves the target its own.
    #[serde(default)]
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Free words.
    #[serde(default)]
    pub labels: Vec<String>,
    /// The gate.
    #[serde(default)]
    pub view: Option<Value>,
    /// Who may change it.
    #[serde(default)]
    pub edit: Option<Value>,
    /// Is it, or something above it, archived?
    #[serde(default)]
    pub archived: bool,
}

/// A grant in the file of its space.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantLine {
    /// Who: a user or a group by name.
    pub principal: String,
    /// The role's name.
    pub role: String,
    /// When it ends.
    #[serde(default)]
    pub expires_at: Option<String>,
}

/// A resource in the file of its space.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Its id where it comes from: others name it by that.
    #[serde(default)]
    pub id: Option<String>,
    /// Its code where it comes from; an import gives it a new one.
    #[serde(default)]
    pub code: Option<String>,
    /// The kind's name.
    pub kind: String,
    /// What it is called.
    pub name: String,
    /// `{"secret": true}` where a secret is.
    #[serde(default = "empty")]
    pub body: Value,
    /// Where those stand, by pointer.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// Free words.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Its own view policy; null is the kind's.
    #[serde(default)]
    pub view: Option<Value>,
    /// Its own edit policy; null is the kind's.
    #[serde(default)]
    pub edit: Option<Value>,
    /// Who made it, by name.
    #[serde(default)]
    pub author: Option<String>,
    /// Who owns it, by name.
    #[serde(default)]
    pub owner: Option<String>,
    /// Who wants to know of it, by name.
    #[serde(default)]
    pub subscribers: Vec<String>,
    /// Left out of lists.
    #[serde(default)]
    pub archived: bool,
    /// When it was made where it comes from.
    #[serde(default)]
    pub created_at: Option<String>,
    /// When it was changed last where it comes from.
    #[serde(default)]
    pub updated_at: Option<String>,
}

fn empty() -> Value {
    Value::Object(serde_json::Map::new())
}

/// The last line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// How many lines are resources.
    pub resources: u64,
}

/// What a line is.
#[derive(Debug)]
pub enum Line {
    /// The first.
    Space(Box<Header>),
    /// A resource.
    Resource(Box<Item>),
    /// A kind or a named policy: for people to read.
    Told,
    /// The last.
    End(End),
    /// The export did not come to its end.
    Error,
}

/// Reads a line.
///
/// # Errors
/// 400 when it is not JSON as this server takes it, 422 with pointers into it.
pub fn read(line: &[u8]) -> Result<Line> {
    if line.len() > LINE_BYTES {
        return Err(Error::field("", format!("is longer than {LINE_BYTES} bytes")));
    }
    let mut value = parse_json(line).map_err(|error| match error {
        Error::Malformed(why) => Error::Malformed(why.replace("the body is", "it is")),
        other => other,
    })?;
    let Some(fields) = value.as_object_mut() else { return Err(Error::field("", "must be a JSON object")) };
    let what = fields.remove("type");
    match what.as_ref().and_then(Value::as_str) {
        Some("space") => from_value(value).map(|header| Line::Space(Box::new(header))),
        Some("resource") => from_value(value).map(|item| Line::Resource(Box::new(item))),
        Some("kind" | "policy") => Ok(Line::Told),
        Some("end") => from_value(value).map(Line::End),
        Some("error") => Ok(Line::Error),
        _ => Err(Error::field("/type", "must be space, kind, policy, resource or end")),
    }
}

/// A line as it is written.
///
/// # Errors
/// When it cannot be, which does not happen.
pub fn write(what: &str, rest: &impl Serialize, into: &mut Vec<u8>) -> Result<()> {
    #[derive(Serialize)]
    struct Tagged<'a, T> {
        r#type: &'a str,
        #[serde(flatten)]
        rest: &'a T,
    }
    let failed = |e: serde_json::Error| Error::internal(format!("a line could not be written: {e}"));
    serde_json::to_writer(&mut *into, &Tagged { r#type: what, rest }).map_err(failed)?;
    into.push(b'\n');
    Ok(())
}

/// A file whose lines are each in order by themselves.
pub struct File<B> {
    bytes: B,
    /// The first line.
    pub header: Header,
    items: Vec<(usize, Range<usize>)>,
}

impl<B: AsRef<[u8]>> File<B> {
    /// Reads every line once; of the resources only where they stand is kept.
    ///
    /// # Errors
    /// 422 with everything that is wrong, each at `/lines/<number>`, counted from 1.
    pub fn read(bytes: B) -> Result<Self> {
        let (mut header, mut items, mut ended, mut wrong) = (None, Vec::new(), false, Vec::new());
        let (mut at, mut number) = (0, 0);
        for line in bytes.as_ref().split_inclusive(|byte| *byte == b'\n') {
            number += 1;
            let range = at..at + line.len();
            at = range.end;
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            if number > LINES {
                wrong.push(fault(number, "", format!("an import has at most {LINES} lines")));
                break;
            }
            match read(line) {
                _ if ended => wrong.push(fault(number, "", "stands behind the end")),
                Ok(Line::Space(_)) if header.is_some() => wrong.push(fault(number, "/type", "may stand first only")),
                Ok(Line::Space(first)) if first.format != FORMAT => {
                    wrong.push(fault(number, "/format", format!("is not {FORMAT}: another Garth made this file")));
                    break;
                }
                Ok(Line::Space(first)) => header = Some(*first),
                Ok(_) if header.is_none() => {
                    wrong.push(fault(number, "/type", "must be space: that is how a file begins"));
                    break;
                }
                Ok(Line::Resource(_)) => items.push((number, range)),
                Ok(Line::Told) => {}
                Ok(Line::End(End { resources })) => {
                    ended = true;
                    if resources != items.len() as u64 {
                        let found = format!("is {resources}, and there are {} lines of resources", items.len());
                        wrong.push(fault(number, "/resources", found));
                    }
                }
                Ok(Line::Error) => wrong.push(fault(number, "", "the export did not come to its end")),
                Err(Error::Invalid(fields)) => {
                    wrong.extend(fields.into_iter().map(|f| fault(number, &f.pointer, f.message)));
                }
                Err(error) => wrong.push(fault(number, "", error.to_string())),
            }
            if wrong.len() >= ERRORS {
                break;
            }
        }
        if wrong.is_empty() && !ended {
            wrong.push(fault(number + 1, "", "is missing: the file is cut off, it ends with a line of type end"));
        }
        match header {
            Some(header) if wrong.is_empty() => Ok(Self { bytes, header, items }),
            _ => Err(Error::Invalid(wrong)),
        }
    }
}

fn fault(line: usize, pointer: &str, message: impl Into<String>) -> FieldError {
    FieldError { pointer: format!("/lines/{line}{pointer}"), message: message.into() }
}

impl<B: AsRef<[u8]>> Drafts for File<B> {
    fn count(&self) -> usize {
        self.items.len()
    }

    fn line(&self, at: usize) -> usize {
        self.items.get(at).map_or(0, |(line, _)| *line)
    }

    fn read(&self, at: usize) -> Result<Draft> {
        let gone = || Error::internal("a line of an import is gone");
        let (_, range) = self.items.get(at).ok_or_else(gone)?;
        let line = self.bytes.as_ref().get(range.clone()).ok_or_else(gone)?;
        let Line::Resource(item) = read(line)? else { return Err(gone()) };
        let new = NewResource {
            kind: item.kind,
            space: None,
            name: item.name,
            body: Some(item.body),
            labels: item.labels,
            view: item.view,
            edit: item.edit,
            owner: item.owner,
            subscribers: item.subscribers,
            author: item.author,
        };
        Ok(Draft { source: item.id, new, archived: item.archived, marked: item.secrets })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = r#"{"type":"space","format":1,"space":{}}"#;

    fn faults(text: String) -> Vec<String> {
        match File::read(text) {
            Ok(_) => Vec::new(),
            Err(Error::Invalid(fields)) => fields.into_iter().map(|f| f.pointer).collect(),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn lines_have_limits() {
        let told = "{\"type\":\"kind\"}\n";
        let of = |lines: usize| format!("{HEAD}\n{}{{\"type\":\"end\",\"resources\":0}}", told.repeat(lines - 2));
        assert_eq!(faults(of(LINES)), Vec::<String>::new());
        assert_eq!(faults(of(LINES + 1)), [format!("/lines/{}", LINES + 1)]);
        let long = |bytes: usize| {
            let frame = "{\"type\":\"kind\",\"x\":\"\"}\n".len();
            let line = format!("{{\"type\":\"kind\",\"x\":\"{}\"}}\n", "x".repeat(bytes - frame));
            format!("{HEAD}\n{line}{{\"type\":\"end\",\"resources\":0}}")
        };
        assert_eq!(faults(long(LINE_BYTES)), Vec::<String>::new());
        assert_eq!(faults(long(LINE_BYTES + 1)), ["/lines/2"]);
    }
}
