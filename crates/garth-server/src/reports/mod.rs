//! Reports: what a job makes, and how it is written down.

use crate::access::Ctx;
use crate::base::error::{Error, FieldError, Result};
use serde_json::Value;

/// How a report can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A page that stands alone.
    Html,
    /// A document.
    Pdf,
    /// Rows.
    Csv,
    /// For machines.
    Json,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Html, Self::Pdf, Self::Csv, Self::Json];

    /// `html`, `pdf`, `csv`, `json`: as files end.
    pub fn name(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Pdf => "pdf",
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }

    /// The format of that name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Pdf => "application/pdf",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json => "application/json",
        }
    }
}

/// What was found out. It is kept as JSON with its run.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Report {
    /// What it is called: the job's name.
    pub title: String,
    /// What it tells, as the renderers read it.
    pub content: Value,
    /// What the next run of the same job compares with.
    pub state: Value,
    /// What an AI provider made of it.
    pub summary: Option<String>,
}

/// Is that how a report is asked for? `/body/report` is in front of every pointer.
///
/// # Errors
/// What is wrong, each with its place.
pub fn check(_spec: &Value) -> std::result::Result<(), Vec<FieldError>> {
    Ok(())
}

/// Makes a report of a space, with the rights of whoever `ctx` is: what they cannot see is not in it.
/// `title` is the job's name, `space` its space's id, `before` the state of the last report.
///
/// # Errors
/// One sentence for whoever looks after the job.
pub async fn make(_ctx: &Ctx, _title: &str, _space: &str, _spec: &Value, _before: Option<&Value>) -> Result<Report> {
    Err(Error::internal("not built"))
}

impl Report {
    /// Writes it down.
    ///
    /// # Errors
    /// When it cannot be written in that format.
    pub fn render(&self, _format: Format) -> Result<Vec<u8>> {
        Err(Error::internal("not built"))
    }

    /// In plain words, at most so many bytes: what a letter says, what an AI provider is given.
    pub fn words(&self, _most_bytes: usize) -> String {
        String::new()
    }
}
