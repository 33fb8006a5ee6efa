//! Paper: what is drawn on which page, and what it is to those who do not see it; written as a document at the end.

use super::letters::{Line, Set, Setter};
use crate::base::error::{Error, Result};
use crate::reports::colours::{Colour, FAINT, LINE};
use krilla::Document;
use krilla::SerializeSettings;
use krilla::color::rgb;
use krilla::configure::validate::{Accessibility, Archival};
use krilla::configure::{Configuration, ConfigurationBuilder};
use krilla::destination::XyzDestination;
use krilla::geom::{Path, PathBuilder, Point, Rect};
use krilla::metadata::{DateTime, Metadata};
use krilla::num::NormalizedF32;
use krilla::outline::{Outline, OutlineNode};
use krilla::page::PageSettings;
use krilla::paint::{Fill, FillRule};
use krilla::surface::Surface;
use krilla::tagging::{
    Artifact, ArtifactType, BBox, ContentTag, Identifier, Node, SpanTag, TableHeaderScope, Tag, TagGroup, TagKind,
    TagTree,
};
use std::num::NonZeroU16;

/// From the edge of the paper to what stands on it, at the sides.
pub const SIDE: f32 = 44.0;
/// From its upper edge.
pub const TOP: f32 = 46.0;
/// From its lower edge, where the footer stands.
pub const BOTTOM: f32 = 58.0;
/// A4, in points.
const SHORT: f32 = 595.28;
const LONG: f32 = 841.89;
/// How a quarter of a circle is drawn as a curve.
const ROUND: f32 = 0.5523;

/// What a part of the document is.
pub enum Part {
    /// Its title.
    Title(String),
    /// A heading.
    Heading(String),
    /// A paragraph.
    Paragraph,
    /// A table, and what it is made of.
    Table,
    /// The rows of its heads.
    Heads,
    /// Its other rows.
    Body,
    /// A row.
    Row,
    /// The head of a column.
    ColumnHead,
    /// The head of a row.
    RowHead,
    /// A cell.
    Cell,
    /// A picture, in words.
    Picture(String),
}

struct PartOf {
    part: Part,
    children: Vec<usize>,
    drawn: Vec<Identifier>,
    bounds: Option<(usize, Rect)>,
}

enum Ink {
    Text { x: f32, y: f32, colour: Colour, line: Line },
    Area { rect: Rect, round: f32, colour: Colour },
}

struct Mark {
    /// The part that it belongs to; without one it is only there to be looked at.
    part: Option<usize>,
    ink: Ink,
}

/// The pages of a document that is being laid out.
pub struct Paper {
    /// How wide a page is.
    pub width: f32,
    /// How high.
    pub height: f32,
    pages: Vec<Vec<Mark>>,
    parts: Vec<PartOf>,
    roots: Vec<usize>,
    outline: Vec<(String, usize, f32)>,
}

/// What the document says of itself.
pub struct About<'a> {
    /// Its title.
    pub title: &'a str,
    /// What it is, in one line.
    pub line: &'a str,
    /// When it was made, as times are written.
    pub made_at: &'a str,
    /// Must it be all that archives and those who listen ask for?
    pub strict: bool,
}

impl Paper {
    /// Empty paper.
    pub fn new(landscape: bool) -> Self {
        let (width, height) = if landscape { (LONG, SHORT) } else { (SHORT, LONG) };
        Self { width, height, pages: vec![Vec::new()], parts: Vec::new(), roots: Vec::new(), outline: Vec::new() }
    }

    /// The number of the last page, from 0.
    pub fn page(&self) -> usize {
        self.pages.len() - 1
    }

    /// Begins another page.
    pub fn turn(&mut self) {
        self.pages.push(Vec::new());
    }

    /// Begins a part, inside of another or by itself.
    pub fn begin(&mut self, part: Part, inside: Option<usize>) -> usize {
        let at = self.parts.len();
        self.parts.push(PartOf { part, children: Vec::new(), drawn: Vec::new(), bounds: None });
        match inside.and_then(|inside| self.parts.get_mut(inside)) {
            Some(parent) => parent.children.push(at),
            None => self.roots.push(at),
        }
        at
    }

    /// A heading stands here: it is in the outline.
    pub fn mark_heading(&mut self, text: &str, y: f32) {
        self.outline.push((text.to_owned(), self.page(), y));
    }

    /// Says where a picture stands.
    pub fn bound(&mut self, part: usize, rect: Rect) {
        let page = self.page();
        if let Some(part) = self.parts.get_mut(part) {
            part.bounds = Some((page, rect));
        }
    }

    fn ink(&mut self, part: Option<usize>, ink: Ink) {
        if let Some(page) = self.pages.last_mut() {
            page.push(Mark { part, ink });
        }
    }

    /// Writes a line whose upper edge is there.
    pub fn text(&mut self, part: Option<usize>, (x, top): (f32, f32), colour: Colour, line: Line) {
        let y = top + line.set.leading() / 2.0 + line.set.size * 0.36;
        if !line.runs.is_empty() {
            self.ink(part, Ink::Text { x, y, colour, line });
        }
    }

    /// Fills an area.
    pub fn area(
        &mut self,
        part: Option<usize>,
        (x, y, width, height): (f32, f32, f32, f32),
        round: f32,
        colour: Colour,
    ) {
        if let Some(rect) = Rect::from_xywh(x, y, width, height) {
            self.ink(part, Ink::Area { rect, round, colour });
        }
    }

    /// The document, as bytes.
    ///
    /// # Errors
    /// When it cannot be written, which is a fault of ours.
    pub fn write(mut self, about: &About<'_>, setter: &mut Setter) -> Result<Vec<u8>> {
        let failed = |why: String| Error::internal(format!("a document could not be written: {why}"));
        let settings = SerializeSettings {
            configuration: if about.strict { configuration().map_err(failed)? } else { Configuration::default() },
            enable_tagging: true,
            ..SerializeSettings::default()
        };
        let mut document = Document::new_with(settings);
        let pages = std::mem::take(&mut self.pages);
        let total = pages.len();
        for (at, marks) in pages.into_iter().enumerate() {
            let size = PageSettings::from_wh(self.width, self.height);
            let mut page = document.start_page_with(size.ok_or_else(|| failed("no page".to_owned()))?);
            let mut surface = page.surface();
            self.draw(&mut surface, marks);
            self.foot(&mut surface, about, setter, (at + 1, total));
            surface.finish();
            page.finish();
        }
        let mut outline = Outline::new();
        for (text, page, y) in std::mem::take(&mut self.outline) {
            let place = XyzDestination::new(page, Point::from_xy(SIDE, (y - 8.0).max(0.0)));
            outline.push_child(OutlineNode::new(text, place));
        }
        document.set_outline(outline);
        document.set_metadata(metadata(about));
        let mut tree = TagTree::new().with_lang(Some("en".to_owned()));
        for root in std::mem::take(&mut self.roots) {
            tree.push(self.group(root));
        }
        document.set_tag_tree(tree);
        document.finish().map_err(|why| failed(format!("{why:?}")))
    }

    fn draw(&mut self, surface: &mut Surface<'_>, marks: Vec<Mark>) {
        let mut marks = marks.into_iter().peekable();
        while let Some(mark) = marks.next() {
            let really = match &mark.ink {
                Ink::Text { line, .. } => line.really.clone(),
                Ink::Area { .. } => None,
            };
            let text = matches!(mark.ink, Ink::Text { .. });
            let tag = match (mark.part, text) {
                (None, _) => ContentTag::Artifact(Artifact::with_kind(ArtifactType::Layout)),
                (Some(_), true) => ContentTag::Span(SpanTag::empty().with_actual_text(really.as_deref())),
                (Some(_), false) => ContentTag::Other,
            };
            let drawn = surface.start_tagged(tag);
            let part = mark.part;
            put(surface, &mark.ink);
            // What is alike goes along.
            let alike = |next: &Mark| next.part == part && !text && matches!(next.ink, Ink::Area { .. });
            while let Some(next) = marks.next_if(alike) {
                put(surface, &next.ink);
            }
            surface.end_tagged();
            if let Some(part) = part.and_then(|part| self.parts.get_mut(part)) {
                part.drawn.push(drawn);
            }
        }
    }

    /// What stands below every page.
    fn foot(&self, surface: &mut Surface<'_>, about: &About<'_>, setter: &mut Setter, (page, total): (usize, usize)) {
        let set = Set { size: 7.5, bold: false };
        let top = self.height - BOTTOM + 22.0;
        let number = setter.line(&format!("Page {page} of {total}"), set);
        let room = self.width - 2.0 * SIDE - number.width() - 24.0;
        let said = setter.lines(&format!("{} · {}", about.title, about.line), set, room, 1);
        surface.start_tagged(ContentTag::Artifact(Artifact::with_kind(ArtifactType::Footer)));
        if let Some(rect) = Rect::from_xywh(SIDE, top - 8.0, self.width - 2.0 * SIDE, 0.6) {
            put(surface, &Ink::Area { rect, round: 0.0, colour: LINE });
        }
        let x = self.width - SIDE - number.width();
        put(surface, &Ink::Text { x, y: top + 6.0, colour: FAINT, line: number });
        for line in said {
            put(surface, &Ink::Text { x: SIDE, y: top + 6.0, colour: FAINT, line });
        }
        surface.end_tagged();
    }

    /// A part with everything in it, as readers are told.
    fn group(&mut self, at: usize) -> TagGroup {
        let Some(part) = self.parts.get_mut(at) else { return TagGroup::new(Tag::P) };
        let level = |level: u16| NonZeroU16::new(level).unwrap_or(NonZeroU16::MIN);
        let bounds = part.bounds;
        let tag: TagKind = match &part.part {
            Part::Title(text) => Tag::Hn(level(1), Some(text.clone())).into(),
            Part::Heading(text) => Tag::Hn(level(2), Some(text.clone())).into(),
            Part::Paragraph => Tag::P.into(),
            Part::Table => Tag::Table.into(),
            Part::Heads => Tag::THead.into(),
            Part::Body => Tag::TBody.into(),
            Part::Row => Tag::TR.into(),
            Part::ColumnHead => Tag::TH(TableHeaderScope::Column).into(),
            Part::RowHead => Tag::TH(TableHeaderScope::Row).into(),
            Part::Cell => Tag::TD.into(),
            Part::Picture(told) => {
                Tag::Figure(Some(told.clone())).with_bbox(bounds.map(|(page, rect)| BBox::new(page, rect))).into()
            }
        };
        let (drawn, children) = (std::mem::take(&mut part.drawn), std::mem::take(&mut part.children));
        let mut nodes: Vec<Node> = drawn.into_iter().map(Node::from).collect();
        nodes.extend(children.into_iter().map(|child| Node::Group(self.group(child))));
        TagGroup::with_children(tag, nodes)
    }
}

/// For archives (PDF/A-2a), and for those who listen (PDF/UA-1).
fn configuration() -> std::result::Result<Configuration, String> {
    ConfigurationBuilder::new()
        .with_archival_validator(Archival::A2_A)
        .with_accessibility_validator(Accessibility::UA1)
        .finish()
        .map_err(|why| format!("{why:?}"))
}

fn metadata(about: &About<'_>) -> Metadata {
    let number = |from: usize, to: usize| about.made_at.get(from..to).and_then(|text| text.parse::<u8>().ok());
    let year = about.made_at.get(..4).and_then(|text| text.parse().ok()).unwrap_or(1970);
    let date = DateTime::new(year)
        .month(number(5, 7).unwrap_or(1))
        .day(number(8, 10).unwrap_or(1))
        .hour(number(11, 13).unwrap_or_default())
        .minute(number(14, 16).unwrap_or_default())
        .second(number(17, 19).unwrap_or_default())
        .utc_offset_hour(0)
        .utc_offset_minute(0);
    Metadata::new()
        .title(about.title.to_owned())
        .description(about.line.to_owned())
        .language("en".to_owned())
        .creator("Garth".to_owned())
        .producer("Garth".to_owned())
        .creation_date(date)
}

fn put(surface: &mut Surface<'_>, ink: &Ink) {
    match ink {
        Ink::Area { rect, round, colour } => {
            if let Some(path) = rounded(rect, *round) {
                surface.set_fill(Some(fill(*colour)));
                surface.draw_path(&path);
            }
        }
        Ink::Text { x, y, colour, line } => {
            surface.set_fill(Some(fill(*colour)));
            let mut x = *x;
            for run in &line.runs {
                if let Some(font) = run.font() {
                    surface.draw_glyphs(Point::from_xy(x, *y), &run.glyphs, font, &run.text, line.set.size, false);
                }
                x += run.width(line.set);
            }
        }
    }
}

fn fill((red, green, blue): Colour) -> Fill {
    Fill { paint: rgb::Color::new(red, green, blue).into(), opacity: NormalizedF32::ONE, rule: FillRule::default() }
}

fn rounded(rect: &Rect, round: f32) -> Option<Path> {
    let mut path = PathBuilder::new();
    let (left, top, right, bottom) = (rect.left(), rect.top(), rect.right(), rect.bottom());
    let round = round.min(rect.width() / 2.0).min(rect.height() / 2.0);
    if round <= 0.0 {
        path.push_rect(*rect);
        return path.finish();
    }
    let rest = round * (1.0 - ROUND);
    path.move_to(left + round, top);
    path.line_to(right - round, top);
    path.cubic_to(right - rest, top, right, top + rest, right, top + round);
    path.line_to(right, bottom - round);
    path.cubic_to(right, bottom - rest, right - rest, bottom, right - round, bottom);
    path.line_to(left + round, bottom);
    path.cubic_to(left + rest, bottom, left, bottom - rest, left, bottom - round);
    path.line_to(left, top + round);
    path.cubic_to(left, top + rest, left + rest, top, left + round, top);
    path.close();
    path.finish()
}
