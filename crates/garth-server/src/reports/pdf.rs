//! A report as a document: A4, tagged, with the heads of its tables on every page.

mod letters;
mod paper;
mod table;

use super::colours::{ACCENT, FAINT, GROUND, LINE, TEXT, TRACK, bar as bar_colour};
use super::content::{Chart, Content, Fact, moment};
use crate::base::error::Result;
use krilla::geom::Rect;
use letters::{Set, Setter};
use paper::{About, BOTTOM, Paper, Part, SIDE, TOP};

/// With more columns than this, pages lie on their side.
const COLUMNS: usize = 5;
/// Figures of one row.
const FACTS: usize = 6;
/// Most lines of a title, of a paragraph, of a label.
const TITLE_LINES: usize = 4;
const PARAGRAPH_LINES: usize = 60;

const BIG: Set = Set { size: 21.0, bold: true };
const HEADING: Set = Set { size: 12.0, bold: true };
const BODY: Set = Set { size: 9.5, bold: false };
const SMALL: Set = Set { size: 8.5, bold: false };
const STRONG: Set = Set { size: 9.5, bold: true };
const FIGURE: Set = Set { size: 16.0, bold: true };

/// Writes it: as archives ask for it, and where a text in it forbids that (a script may need what its font lacks), as it is.
///
/// # Errors
/// When it cannot be written, which is a fault of ours.
pub fn write(title: &str, content: &Content, summary: Option<&str>) -> Result<Vec<u8>> {
    // A document has a title, and one without characters that nobody sees.
    let title = letters::told(title);
    let title = if title.trim().is_empty() { "Report" } else { title.trim() };
    written(title, content, summary, true).or_else(|_| written(title, content, summary, false))
}

fn written(title: &str, content: &Content, summary: Option<&str>, strict: bool) -> Result<Vec<u8>> {
    let wide = content.tables.iter().any(|table| table.columns.len() > COLUMNS);
    let mut sheet = Sheet::new(wide);
    sheet.head(title, content);
    sheet.facts(&content.facts);
    if let Some(summary) = summary {
        sheet.summary(summary);
    }
    for chart in content.charts.iter().filter(|chart| !chart.bars.is_empty()) {
        if chart.upright { sheet.days(chart) } else { sheet.bars(chart) }
    }
    for table in &content.tables {
        table::lay(&mut sheet, table);
    }
    sheet.notes(content);
    let line = letters::told(&format!("{} of {}", content.called, content.space.name));
    let about = About { title, line: &line, made_at: &content.made_at, strict };
    let Sheet { paper, mut setter, .. } = sheet;
    paper.write(&about, &mut setter)
}

/// Paper, and how far down it is written on.
pub(super) struct Sheet {
    paper: Paper,
    setter: Setter,
    y: f32,
}

impl Sheet {
    fn new(wide: bool) -> Self {
        Self { paper: Paper::new(wide), setter: Setter::default(), y: TOP }
    }

    /// How wide what is written can be.
    fn width(&self) -> f32 {
        self.paper.width - 2.0 * SIDE
    }

    /// How much room there is below on this page.
    fn left(&self) -> f32 {
        self.paper.height - BOTTOM - self.y
    }

    /// Turns the page where there is less room than that. Says whether it did.
    fn room(&mut self, height: f32) -> bool {
        let turns = height > self.left() && self.y > TOP;
        if turns {
            self.paper.turn();
            self.y = TOP;
        }
        turns
    }

    fn paragraph(&mut self, text: &str, set: Set, colour: super::colours::Colour, indent: f32) {
        let width = self.width() - 2.0 * indent;
        let part = self.paper.begin(Part::Paragraph, None);
        for line in self.setter.lines(text, set, width, PARAGRAPH_LINES) {
            self.room(set.leading());
            self.paper.text(Some(part), (SIDE + indent, self.y), colour, line);
            self.y += set.leading();
        }
    }

    /// A heading that is not left alone at the end of a page.
    fn heading(&mut self, text: &str, with: f32) {
        self.y += 20.0;
        self.room(HEADING.leading() + with);
        let part = self.paper.begin(Part::Heading(text.to_owned()), None);
        self.paper.mark_heading(text, self.y);
        for line in self.setter.lines(text, HEADING, self.width(), 2) {
            self.paper.text(Some(part), (SIDE, self.y), TEXT, line);
            self.y += HEADING.leading();
        }
        self.y += 5.0;
    }

    fn head(&mut self, title: &str, content: &Content) {
        self.paragraph(&content.called, STRONG, ACCENT, 0.0);
        self.y += 1.0;
        let part = self.paper.begin(Part::Title(title.to_owned()), None);
        self.paper.mark_heading(title, self.y);
        for line in self.setter.lines(title, BIG, self.width(), TITLE_LINES) {
            self.paper.text(Some(part), (SIDE, self.y), TEXT, line);
            self.y += BIG.leading();
        }
        self.y += 1.0;
        let made = moment(&content.made_at);
        let line = format!("{} · {made} · made with the rights of {}", content.space.name, content.rights);
        self.paragraph(&line, BODY, FAINT, 0.0);
        self.y += 8.0;
        self.paper.area(None, (SIDE, self.y, self.width(), 2.2), 0.0, ACCENT);
        self.y += 18.0;
    }

    fn facts(&mut self, facts: &[Fact]) {
        let room = 14.0;
        for row in facts.chunks(FACTS) {
            let each = self.width() / row.len().clamp(4, FACTS) as f32;
            let set = row
                .iter()
                .map(|fact| (self.setter.lines(&fact.value, FIGURE, each - room - 6.0, 3), fact))
                .collect::<Vec<_>>();
            let lines = set.iter().map(|(lines, _)| lines.len()).max().unwrap_or(1);
            let height = lines as f32 * FIGURE.leading() + SMALL.leading() * 2.0;
            self.room(height);
            let (mut x, top) = (SIDE, self.y);
            for (lines, fact) in set {
                self.paper.area(None, (x, top + 2.0, 1.6, FIGURE.leading() + SMALL.leading() - 2.0), 0.0, LINE);
                let part = self.paper.begin(Part::Paragraph, None);
                let mut y = top;
                for line in lines {
                    self.paper.text(Some(part), (x + 10.0, y), TEXT, line);
                    y += FIGURE.leading();
                }
                for line in self.setter.lines(&fact.label, SMALL, each - room - 6.0, 2) {
                    self.paper.text(Some(part), (x + 10.0, y), FAINT, line);
                    y += SMALL.leading();
                }
                x += each;
            }
            self.y += height;
        }
    }

    fn summary(&mut self, summary: &str) {
        let note = "Written by an AI provider of what this report says. The report counts.";
        self.heading("Summary", BODY.leading() * 4.0);
        let top = self.y;
        let width = self.width() - 24.0;
        let texts: Vec<&str> = summary.lines().filter(|line| !line.trim().is_empty()).collect();
        let lines: usize = texts.iter().map(|text| self.setter.lines(text, BODY, width, PARAGRAPH_LINES).len()).sum();
        let height = lines as f32 * BODY.leading() + texts.len() as f32 * 4.0 + SMALL.leading() + 18.0;
        // A ground behind it where it fits on the page.
        if height <= self.left() {
            self.paper.area(None, (SIDE, top, self.width(), height), 5.0, GROUND);
        }
        self.y += 9.0;
        for text in texts {
            self.paragraph(text, BODY, TEXT, 12.0);
            self.y += 4.0;
        }
        self.paragraph(note, SMALL, FAINT, 12.0);
        self.y += 9.0;
    }

    /// Bars under each other: to those who do not see them, a table of labels and numbers.
    fn bars(&mut self, chart: &Chart) {
        let labels = chart.bars.iter().map(|bar| bar.label.as_str()).collect::<Vec<_>>();
        let widest = labels.iter().map(|label| self.setter.width(label, BODY)).fold(0.0, f32::max);
        let (label, step) = (widest.clamp(40.0, 190.0), BODY.leading() + 3.5);
        let long = (self.width() - label - 110.0).clamp(80.0, 280.0);
        self.heading(&chart.title, step * 3.0);
        let longest = chart.longest();
        let table = self.paper.begin(Part::Table, None);
        let body = self.paper.begin(Part::Body, Some(table));
        for bar in &chart.bars {
            self.room(step);
            let row = self.paper.begin(Part::Row, Some(body));
            let head = self.paper.begin(Part::RowHead, Some(row));
            for line in self.setter.lines(&bar.label, BODY, label, 1) {
                self.paper.text(Some(head), (SIDE, self.y), TEXT, line);
            }
            let (x, y) = (SIDE + label + 12.0, self.y + BODY.leading() / 2.0 - 4.0);
            let length = bar.part(longest) as f32 * long;
            self.paper.area(None, (x, y, long, 8.0), 2.0, TRACK);
            if bar.value > 0 {
                self.paper.area(None, (x, y, length.max(2.0), 8.0), 2.0, bar_colour(bar.tone()));
            }
            let cell = self.paper.begin(Part::Cell, Some(row));
            let line = self.setter.line(&bar.told(), BODY);
            self.paper.text(Some(cell), (x + long + 10.0, self.y), FAINT, line);
            self.y += step;
        }
    }

    /// Bars beside each other: a picture, and what it shows in a sentence.
    fn days(&mut self, chart: &Chart) {
        let high = 72.0;
        self.heading(&chart.title, high + 40.0);
        let told = chart.told();
        let picture = self.paper.begin(Part::Picture(told.clone()), None);
        let step = self.width() / chart.bars.len().max(1) as f32;
        let (thick, base, longest) = ((step * 0.72).min(34.0), self.y + high, chart.longest());
        for (at, bar) in chart.bars.iter().enumerate().filter(|(_, bar)| bar.value > 0) {
            let height = (bar.part(longest) as f32 * high).max(1.5);
            let x = SIDE + at as f32 * step + (step - thick) / 2.0;
            self.paper.area(Some(picture), (x, base - height, thick, height), 1.2, ACCENT);
        }
        self.paper.area(Some(picture), (SIDE, base, self.width(), 0.8), 0.0, LINE);
        if let Some(rect) = Rect::from_xywh(SIDE, self.y, self.width(), high + 1.0) {
            self.paper.bound(picture, rect);
        }
        self.y = base + 3.0;
        if let (Some(first), Some(last)) = (chart.bars.first(), chart.bars.last()) {
            let (first, last) = (self.setter.line(&first.label, SMALL), self.setter.line(&last.label, SMALL));
            let x = SIDE + self.width() - last.width();
            // They are in the sentence below.
            self.paper.text(None, (SIDE, self.y), FAINT, first);
            self.paper.text(None, (x, self.y), FAINT, last);
        }
        self.y += SMALL.leading() + 2.0;
        self.paragraph(&told, SMALL, FAINT, 0.0);
    }

    fn notes(&mut self, content: &Content) {
        if content.notes.is_empty() {
            return;
        }
        self.heading("To be known", SMALL.leading() * 3.0);
        for note in &content.notes {
            self.paragraph(note, SMALL, FAINT, 0.0);
            self.y += 2.5;
        }
        self.paragraph(&format!("Times are in UTC. Space {}.", content.space.id), SMALL, FAINT, 0.0);
    }
}
