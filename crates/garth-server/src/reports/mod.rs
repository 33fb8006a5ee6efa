//! Reports: what a job makes, and how it is written down.
//!
//! Each is made with the rights of whoever the job runs as, and tells of the job's own space; what they cannot see is not in
//! it. What was found is the same for all formats ([`content`]): figures, charts and tables, which are then written as a page,
//! a document, rows, or for machines. How they look and what is in them is told in `docs/reports.md`.

mod access_review;
mod audit_digest;
mod colours;
pub mod content;
mod csv;
mod html;
mod names;
mod page;
mod pdf;
mod plain;
#[cfg(test)]
mod samples;
mod search;
mod spec;
mod usage;

pub use html::content_security_policy;
pub use page::{LINE_BYTES, LINES};
pub use spec::{DAYS, ROWS, VALUES};

use crate::access::{App, Ctx};
use crate::base::error::{Error, FieldError, Result};
use content::Content;
use serde_json::Value;
use spec::Spec;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Reports that are written down at a time, as a processor is busy with each; the others wait for their turn.
const PENS: usize = 2;

/// What they take turns by.
struct Pens(Arc<Semaphore>);

impl Default for Pens {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(PENS)))
    }
}

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
pub fn check(spec: &Value) -> std::result::Result<(), Vec<FieldError>> {
    spec::read(spec).map(drop)
}

/// Makes a report of a space, with the rights of whoever `ctx` is: what they cannot see is not in it.
/// `title` is the job's name, `space` its space's id, `before` the state of the last report.
///
/// # Errors
/// One sentence for whoever looks after the job.
pub async fn make(ctx: &Ctx, title: &str, space: &str, spec: &Value, before: Option<&Value>) -> Result<Report> {
    let spec = spec::read(spec).map_err(Error::Invalid)?;
    // A job that was moved has nothing to compare with: what was found elsewhere is not told here.
    let before = before.filter(|before| before["space"].as_str() == Some(space));
    let made = match spec {
        Spec::AccessReview => access_review::make(ctx, space, before).await,
        Spec::AuditDigest { days } => audit_digest::make(ctx, space, days).await,
        Spec::Usage => usage::make(ctx, space, before).await,
        Spec::Search { filter, rows } => search::make(ctx, space, *filter, rows, before).await,
        Spec::Page { url } => page::make(ctx, space, &url, before).await,
    };
    let (content, mut state) = made.map_err(|error| match error {
        Error::NotFound => Error::Forbidden("whoever the job runs as cannot see its space".to_owned()),
        other => other,
    })?;
    if let Some(state) = state.as_object_mut() {
        state.insert("space".to_owned(), Value::from(space));
    }
    Ok(Report { title: title.to_owned(), content: content.kept()?, state, summary: None })
}

/// Somebody's turn to write a report down; it is over when this is dropped.
pub struct Pen {
    _turn: OwnedSemaphorePermit,
}

/// Waits for a turn. Take it before the report is read: many that wait with theirs in their hands fill the memory.
///
/// # Errors
/// None that is known: the turns go on for as long as the server does.
pub async fn pen(app: &App) -> Result<Pen> {
    let pens = Arc::clone(&app.memory.of::<Pens>().0);
    pens.acquire_owned().await.map(|turn| Pen { _turn: turn }).map_err(|_| Error::Overloaded)
}

/// Writes a report down in several formats, on a thread that nobody else waits for.
///
/// # Errors
/// When it cannot be written in one of them.
pub async fn written(pen: Pen, report: Arc<Report>, formats: Vec<Format>) -> Result<Vec<Vec<u8>>> {
    let writing = tokio::task::spawn_blocking(move || {
        // Held to the end, also where nobody waits for it any more.
        let _pen = pen;
        formats.into_iter().map(|format| report.render(format)).collect()
    });
    writing.await.map_err(|_| Error::internal("writing a report down did not end"))?
}

impl Report {
    /// Writes it down. A long report as a document is a second's work: others than tests use [`written`].
    ///
    /// # Errors
    /// When it cannot be written in that format.
    pub fn render(&self, format: Format) -> Result<Vec<u8>> {
        let content = self.read()?;
        let summary = self.summary.as_deref();
        match format {
            Format::Html => html::write(&self.title, &content, summary),
            Format::Pdf => pdf::write(&self.title, &content, summary),
            Format::Csv => Ok(csv::write(&content)),
            Format::Json => serde_json::to_vec_pretty(&content::for_machines(&self.title, &content, summary))
                .map_err(|e| Error::internal(format!("a report could not be written: {e}"))),
        }
    }

    /// In plain words, at most so many bytes: what a letter says, what an AI provider is given.
    pub fn words(&self, most_bytes: usize) -> String {
        match self.read() {
            Ok(content) => content::words(&self.title, &content, self.summary.as_deref(), most_bytes),
            Err(_) => String::new(),
        }
    }

    fn read(&self) -> Result<Content> {
        serde::Deserialize::deserialize(&self.content)
            .map_err(|e| Error::internal(format!("a kept report cannot be read: {e}")))
    }
}
