//! What a report tells, as it is kept with its run and as all renderers read it: figures, charts, tables, notes.

use crate::access::{Ctx, identity};
use crate::base::clock;
use crate::base::error::{Error, Result};
use crate::directory::Directory;
use crate::spaces;
use garth_core::{Caller, Micros, Principal};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// A report's content.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Content {
    /// `access_review`, `audit_digest`, `usage`, `search` or `page`.
    pub r#type: String,
    /// What kind of report it is, in words.
    pub called: String,
    /// When it was made, as times are written.
    pub made_at: String,
    /// What it tells of.
    pub space: Place,
    /// With whose rights it was made.
    pub rights: String,
    /// The figures that stand above everything else.
    pub facts: Vec<Fact>,
    /// What is to be known of it, a sentence each.
    pub notes: Vec<String>,
    /// Its charts.
    pub charts: Vec<Chart>,
    /// Its tables; the first is what the CSV has.
    pub tables: Vec<Table>,
}

/// A space, as it is named.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Place {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// A figure with its name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fact {
    /// What it is of.
    pub label: String,
    /// How much, or what.
    pub value: String,
}

/// A chart.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// Do its bars stand beside each other, as days do? Else they lie under each other.
    pub upright: bool,
    /// Its bars.
    pub bars: Vec<Bar>,
}

/// A bar of a chart.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bar {
    /// What it is of.
    pub label: String,
    /// How long it is.
    pub value: i64,
    /// Of how much, where there is a limit.
    pub of: Option<i64>,
}

impl Bar {
    /// Its value in words.
    pub fn told(&self) -> String {
        match self.of {
            Some(of) => format!("{} of {}", number(self.value), number(of)),
            None => number(self.value),
        }
    }

    /// How much of the longest bar (or of its own limit) it is, from 0 to 1.
    pub fn part(&self, longest: i64) -> f64 {
        let whole = self.of.unwrap_or(longest).max(1);
        (self.value.max(0) as f64 / whole as f64).clamp(0.0, 1.0)
    }

    /// Is it near its limit, or at it?
    pub fn tone(&self) -> Tone {
        match self.of {
            Some(of) if self.value >= of => Tone::Bad,
            Some(of) if self.value.saturating_mul(5) >= of.saturating_mul(4) => Tone::Near,
            _ => Tone::Plain,
        }
    }
}

impl Chart {
    /// A chart of bars under each other.
    pub fn bars(title: &str, bars: Vec<Bar>) -> Self {
        Self { title: title.to_owned(), upright: false, bars }
    }

    /// The longest bar.
    pub fn longest(&self) -> i64 {
        self.bars.iter().map(|bar| bar.value).max().unwrap_or_default().max(1)
    }

    /// What an upright chart shows, in one sentence, for those who do not see it.
    pub fn told(&self) -> String {
        let total = self.bars.iter().fold(0_i64, |total, bar| total.saturating_add(bar.value));
        let most = self.bars.iter().max_by_key(|bar| bar.value);
        match (self.bars.first(), self.bars.last(), most) {
            (Some(first), Some(last), Some(most)) => format!(
                "{}: {} from {} to {}, most of them ({}) on {}.",
                self.title,
                number(total),
                first.label,
                last.label,
                number(most.value),
                most.label
            ),
            _ => format!("{}: nothing.", self.title),
        }
    }
}

/// A table.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Table {
    /// What machines call it.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows, a cell for each column: a text, a number, a list of texts, or null.
    pub rows: Vec<Vec<Value>>,
    /// There were more rows than a report holds.
    pub truncated: bool,
    /// What stands there when there is no row.
    pub empty: String,
}

/// A column.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Column {
    /// What machines call it.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// How its cells are shown.
    pub shown: Shown,
}

/// How cells are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// As they are.
    Text,
    /// Numbers, to the right.
    Number,
    /// Moments: in CSV and JSON as times are written, else for people.
    Time,
    /// Words that say how something is, each in its colour.
    State,
}

/// What a word or a bar is coloured like. The colour says nothing that is not said in words as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As everything.
    Plain,
    /// Good, or new.
    Good,
    /// To be looked at.
    Near,
    /// Bad, or gone.
    Bad,
}

impl Tone {
    /// That of a word of a [`Shown::State`] column.
    pub fn of(word: &str) -> Self {
        match word {
            "joined" | "new" => Self::Good,
            "role changed" | "nearly full" | "changed" => Self::Near,
            "left" | "full" | "refused" | "gone" => Self::Bad,
            _ => Self::Plain,
        }
    }

    /// What stylesheets call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Good => "good",
            Self::Near => "near",
            Self::Bad => "bad",
        }
    }
}

impl Table {
    /// An empty table with these columns.
    pub fn new(name: &str, title: &str, columns: &[(&str, &str, Shown)], empty: &str) -> Self {
        let column = |(name, title, shown): &(&str, &str, Shown)| Column {
            name: (*name).to_owned(),
            title: (*title).to_owned(),
            shown: *shown,
        };
        Self {
            name: name.to_owned(),
            title: title.to_owned(),
            columns: columns.iter().map(column).collect(),
            empty: empty.to_owned(),
            ..Self::default()
        }
    }

    /// The cells of a row beside their columns.
    pub fn cells<'a>(&'a self, row: &'a [Value]) -> impl Iterator<Item = (&'a Column, &'a Value)> {
        self.columns.iter().zip(row)
    }
}

impl Content {
    /// The beginning of every report: what kind it is, of which space, made when and with whose rights.
    ///
    /// # Errors
    /// When whoever asks cannot see the space.
    pub fn begin(ctx: &Ctx, r#type: &str, called: &str, space: &str) -> Result<Self> {
        let view = spaces::get(ctx, space)?;
        let dir = ctx.directory();
        let caller = ctx.caller(&dir)?;
        Ok(Self {
            r#type: r#type.to_owned(),
            called: called.to_owned(),
            made_at: clock::to_text(ctx.now()),
            space: Place { id: view.info.id.to_string(), name: named(&view.info.name) },
            rights: rights(&dir, &caller),
            ..Self::default()
        })
    }

    /// Adds a figure.
    pub fn fact(&mut self, label: &str, value: impl Into<String>) {
        self.facts.push(Fact { label: label.to_owned(), value: value.into() });
    }

    /// Adds what is to be known.
    pub fn note(&mut self, sentence: impl Into<String>) {
        self.notes.push(sentence.into());
    }

    /// As it is kept.
    ///
    /// # Errors
    /// When it cannot be written, which is a fault of ours.
    pub fn kept(&self) -> Result<Value> {
        serde_json::to_value(self).map_err(|e| Error::internal(format!("a report could not be kept: {e}")))
    }

    /// When it was made, and of what, in one line.
    pub fn line(&self) -> String {
        format!("{} of {}, made on {}", self.called, self.space.name, moment(&self.made_at))
    }
}

/// What a space is called: the first one has no name until somebody gives it one.
pub fn named(name: &str) -> String {
    if name.is_empty() { "Default space".to_owned() } else { name.to_owned() }
}

/// With whose rights a report is made, in words.
fn rights(dir: &Directory, caller: &Caller) -> String {
    match caller.who {
        Some(Principal::User(user)) => {
            let user = dir.users.info(user);
            user.map_or_else(|| "somebody".to_owned(), |user| user.username.clone())
        }
        Some(Principal::Resource(_)) => "the job itself, by its own roles".to_owned(),
        Some(Principal::Key(_)) => "an API key".to_owned(),
        _ if caller.system => "the command line".to_owned(),
        _ => "somebody".to_owned(),
    }
}

/// By whose eyes a report was made: another's is not compared with it, so that what the one saw is not told to the other.
pub fn eyes(dir: &Directory, caller: &Caller) -> String {
    match caller.who {
        Some(who) => dir.principal_text(who),
        None => identity(dir, caller).unwrap_or_default(),
    }
}

/// A number as people read it: `12,345`.
pub fn number(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut told = String::new();
    if number < 0 {
        told.push('-');
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            told.push(',');
        }
        told.push(digit);
    }
    told
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A moment as people read it, of how it is written: `4 May 2031, 08:00 UTC`.
pub fn moment(text: &str) -> String {
    match (day(text), text.get(11..16)) {
        (Some(day), Some(time)) => format!("{day}, {time} UTC"),
        _ => text.to_owned(),
    }
}

/// The day of a moment: `4 May 2031`.
pub fn day(text: &str) -> Option<String> {
    let (year, month, day) = (text.get(..4)?, text.get(5..7)?, text.get(8..10)?);
    let month = MONTHS.get(month.parse::<usize>().ok()?.checked_sub(1)?)?;
    Some(format!("{} {month} {year}", day.trim_start_matches('0')))
}

/// A moment as a cell has it.
pub fn time(at: Option<Micros>) -> Value {
    at.map_or(Value::Null, |at| clock::to_text(at).into())
}

/// What a cell says to people, a line each.
pub fn lines<'a>(column: &Column, cell: &'a Value) -> Vec<Cow<'a, str>> {
    match cell {
        Value::Null => Vec::new(),
        Value::String(text) if column.shown == Shown::Time => vec![moment(text).into()],
        Value::String(text) => vec![text.as_str().into()],
        Value::Number(n) => vec![n.as_i64().map_or_else(|| n.to_string(), number).into()],
        Value::Bool(true) => vec!["yes".into()],
        Value::Bool(false) => vec!["no".into()],
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(Cow::from).collect(),
        Value::Object(_) => vec![cell.to_string().into()],
    }
}

/// The report as machines read it.
pub fn for_machines(title: &str, content: &Content, summary: Option<&str>) -> Value {
    let table = |table: &Table| {
        let row = |row: &Vec<Value>| -> Value {
            table.cells(row).map(|(column, cell)| (column.name.clone(), cell.clone())).collect::<Map<_, _>>().into()
        };
        let columns = table.columns.iter().map(|c| serde_json::json!({ "name": c.name, "title": c.title }));
        serde_json::json!({
            "name": table.name,
            "title": table.title,
            "columns": columns.collect::<Vec<_>>(),
            "rows": table.rows.iter().map(row).collect::<Vec<_>>(),
            "truncated": table.truncated,
        })
    };
    let chart = |chart: &Chart| serde_json::json!({ "title": chart.title, "bars": chart.bars });
    serde_json::json!({
        "title": title,
        "type": content.r#type,
        "made_at": content.made_at,
        "space": content.space,
        "made_with_the_rights_of": content.rights,
        "summary": summary,
        "facts": content.facts,
        "notes": content.notes,
        "charts": content.charts.iter().map(chart).collect::<Vec<_>>(),
        "tables": content.tables.iter().map(table).collect::<Vec<_>>(),
    })
}

/// The report in plain words, at most so many bytes of it.
pub fn words(title: &str, content: &Content, summary: Option<&str>, most: usize) -> String {
    let mut out = Bounded { text: String::new(), most, full: false };
    out.line(title);
    out.line(&content.line());
    if let Some(summary) = summary {
        out.line("");
        out.line("Summary, by an AI provider:");
        summary.lines().for_each(|line| out.line(line));
    }
    if !content.facts.is_empty() {
        out.line("");
        content.facts.iter().for_each(|fact| out.line(&format!("{}: {}", fact.label, fact.value)));
    }
    for note in &content.notes {
        out.line("");
        out.line(note);
    }
    for chart in content.charts.iter().filter(|chart| !chart.bars.is_empty()) {
        out.line("");
        if chart.upright {
            out.line(&chart.told());
        } else {
            out.line(&format!("{}:", chart.title));
            chart.bars.iter().for_each(|bar| out.line(&format!("- {}: {}", bar.label, bar.told())));
        }
    }
    for table in &content.tables {
        out.line("");
        out.line(&format!("{}:", table.title));
        if table.rows.is_empty() {
            out.line(&table.empty);
        }
        for row in &table.rows {
            if out.full {
                break;
            }
            let cell = |(column, cell): (&Column, &Value)| {
                let said = lines(column, cell).join("; ");
                (!said.is_empty()).then(|| format!("{}: {said}", column.title))
            };
            let said: Vec<String> = table.cells(row).filter_map(cell).collect();
            out.line(&format!("- {}", said.join(" · ")));
        }
        if table.truncated {
            out.line("There are more, which are not in this report.");
        }
    }
    out.text
}

/// A text that grows to a limit and not past it.
struct Bounded {
    text: String,
    most: usize,
    full: bool,
}

/// What stands at the end of a text that was cut.
const CUT: &str = "…";

impl Bounded {
    fn line(&mut self, line: &str) {
        if self.full {
            return;
        }
        // Room stays for the mark of what is cut.
        if self.text.len() + line.len() + 1 + CUT.len() <= self.most {
            self.text.push_str(line);
            self.text.push('\n');
            return;
        }
        self.full = true;
        let room = self.most.saturating_sub(self.text.len() + CUT.len());
        let cut = (0..=room.min(line.len())).rev().find(|at| line.is_char_boundary(*at)).unwrap_or_default();
        self.text.push_str(&line[..cut]);
        if self.text.len() + CUT.len() <= self.most {
            self.text.push_str(CUT);
        }
    }
}
