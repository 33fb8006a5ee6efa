//! Letters: the fonts that documents are set in, and text as lines of their glyphs.
//!
//! Noto Sans has Latin, Greek and Cyrillic; beside it stand the scripts of `fonts/`. What none of them has is drawn as a
//! replacement character, with what it really is behind it for whoever copies or listens. Texts of one direction are set
//! right; in one that mixes both, the parts stand in the order in which they were written.

use krilla::text::{Font, GlyphId, KrillaGlyph};
use rustybuzz::UnicodeBuffer;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Most widths of words that are remembered at a time.
const REMEMBERED: usize = 50_000;
/// What stands for a character that no font has.
const UNKNOWN: char = '\u{fffd}';
/// What stands at the end of what was cut.
const CUT: &str = "…";

struct Face {
    shaper: rustybuzz::Face<'static>,
    font: Font,
    units: f32,
}

/// Regular, bold, and then the other scripts.
static FACES: LazyLock<Vec<Face>> = LazyLock::new(|| {
    const FILES: [&[u8]; 8] = [
        include_bytes!("../../../fonts/NotoSans-Regular.ttf"),
        include_bytes!("../../../fonts/NotoSans-Bold.ttf"),
        include_bytes!("../../../fonts/NotoSansHebrew-Regular.ttf"),
        include_bytes!("../../../fonts/NotoSansArabic-Regular.ttf"),
        include_bytes!("../../../fonts/NotoSansArmenian-Regular.ttf"),
        include_bytes!("../../../fonts/NotoSansGeorgian-Regular.ttf"),
        include_bytes!("../../../fonts/NotoSansThai-Regular.ttf"),
        include_bytes!("../../../fonts/NotoSansDevanagari-Regular.ttf"),
    ];
    let face = |bytes: &'static [u8]| {
        let (shaper, font) = (rustybuzz::Face::from_slice(bytes, 0)?, Font::new(bytes.into(), 0)?);
        Some(Face { shaper, units: font.units_per_em(), font })
    };
    FILES.into_iter().filter_map(face).collect()
});

/// How a text is set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Set {
    /// How large, in points.
    pub size: f32,
    /// In bold letters?
    pub bold: bool,
}

impl Set {
    /// From one line to the next.
    pub fn leading(self) -> f32 {
        self.size * 1.42
    }
}

/// Glyphs of one font.
pub struct Run {
    face: usize,
    /// What they say.
    pub text: String,
    /// The glyphs; everything of them in parts of the size.
    pub glyphs: Vec<KrillaGlyph>,
    width: f32,
}

impl Run {
    /// Their font.
    pub fn font(&self) -> Option<Font> {
        FACES.get(self.face).map(|face| face.font.clone())
    }

    /// How wide they are.
    pub fn width(&self, set: Set) -> f32 {
        self.width * set.size
    }
}

/// A line of text.
pub struct Line {
    /// Its parts.
    pub runs: Vec<Run>,
    /// What it really says, where not every character could be drawn.
    pub really: Option<String>,
    /// How it is set.
    pub set: Set,
}

impl Line {
    /// How wide it is.
    pub fn width(&self) -> f32 {
        self.runs.iter().map(|run| run.width(self.set)).sum()
    }
}

/// Sets text; knows how wide words are.
#[derive(Default)]
pub struct Setter {
    widths: HashMap<(bool, String), f32>,
}

/// A word as it is drawn, and as it was written.
#[derive(Clone)]
struct Word {
    drawn: String,
    written: String,
    width: f32,
}

impl Setter {
    /// How wide a text is on one line.
    pub fn width(&mut self, text: &str, set: Set) -> f32 {
        let (drawn, _) = drawable(text);
        self.width_of(&drawn, set.bold) * set.size
    }

    fn width_of(&mut self, drawn: &str, bold: bool) -> f32 {
        let key = (bold, drawn.to_owned());
        if let Some(width) = self.widths.get(&key) {
            return *width;
        }
        let width = shaped(drawn, bold).iter().map(|run| run.width).sum();
        if self.widths.len() >= REMEMBERED {
            self.widths.clear();
        }
        self.widths.insert(key, width);
        width
    }

    /// One line, however long.
    pub fn line(&mut self, text: &str, set: Set) -> Line {
        let (drawn, whole) = drawable(text);
        Line { runs: shaped(&drawn, set.bold), really: (!whole).then(|| told(text)), set }
    }

    /// Lines of at most that width, and at most so many; what does not fit is cut, and says so. There is always one.
    pub fn lines(&mut self, text: &str, set: Set, width: f32, most: usize) -> Vec<Line> {
        let width = width / set.size;
        let space = self.width_of(" ", set.bold);
        let mut lines: Vec<(Vec<Word>, f32)> = vec![(Vec::new(), 0.0)];
        for word in text.split(char::is_whitespace).filter(|word| !word.is_empty()) {
            for piece in self.pieces(word, set.bold, width) {
                if lines.len() > most {
                    break;
                }
                let Some((words, used)) = lines.last_mut() else { break };
                let gap = if words.is_empty() { 0.0 } else { space };
                if words.is_empty() || *used + gap + piece.width <= width {
                    *used += gap + piece.width;
                    words.push(piece);
                } else {
                    lines.push((vec![piece.clone()], piece.width));
                }
            }
        }
        let cut = lines.len() > most;
        lines.truncate(most.max(1));
        let last = lines.len() - 1;
        lines
            .into_iter()
            .enumerate()
            .map(|(at, (words, _))| self.set_line(words, set, width, cut && at == last))
            .collect()
    }

    fn set_line(&mut self, words: Vec<Word>, set: Set, width: f32, cut: bool) -> Line {
        let join = |part: fn(&Word) -> &str| words.iter().map(part).collect::<Vec<_>>().join(" ");
        let (mut drawn, written) = (join(|word| &word.drawn), join(|word| &word.written));
        if cut {
            while !drawn.is_empty() && self.width_of(&format!("{drawn}{CUT}"), set.bold) > width {
                drawn.pop();
            }
            drawn.push_str(CUT);
        }
        let really = (drawn.contains(UNKNOWN) && !cut).then(|| told(&written));
        Line { runs: shaped(&drawn, set.bold), really, set }
    }

    /// A word, or its parts where it is wider than a line: ids, addresses, and scripts without spaces.
    fn pieces(&mut self, written: &str, bold: bool, width: f32) -> Vec<Word> {
        let (drawn, _) = drawable(written);
        if drawn.is_empty() {
            return Vec::new();
        }
        let whole = self.width_of(&drawn, bold);
        if whole <= width {
            return vec![Word { drawn, written: written.to_owned(), width: whole }];
        }
        let mut pieces = Vec::new();
        let mut piece = Word { drawn: String::new(), written: String::new(), width: 0.0 };
        for c in drawn.chars() {
            let wide = self.width_of(c.encode_utf8(&mut [0; 4]), bold);
            if !piece.drawn.is_empty() && piece.width + wide > width {
                piece.written.clone_from(&piece.drawn);
                pieces.push(std::mem::replace(
                    &mut piece,
                    Word { drawn: String::new(), written: String::new(), width: 0.0 },
                ));
            }
            piece.drawn.push(c);
            piece.width += wide;
        }
        piece.written.clone_from(&piece.drawn);
        pieces.push(piece);
        pieces
    }
}

/// Nobody sees it, or it turns round what others see.
fn unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}')
}

/// No font may stand for these, whatever glyph it has.
fn private(c: char) -> bool {
    matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}')
}

fn has(face: &Face, c: char) -> bool {
    face.shaper.glyph_index(c).is_some_and(|glyph| glyph.0 != 0)
}

/// A text with characters that some font has, and whether those are all of it.
fn drawable(text: &str) -> (String, bool) {
    let mut whole = true;
    let drawn = text.chars().filter_map(|c| match c {
        c if c.is_whitespace() => Some(' '),
        c if unseen(c) => None,
        c if c.is_ascii() => Some(c),
        c if !private(c) && FACES.iter().any(|face| has(face, c)) => Some(c),
        _ => {
            whole = false;
            Some(UNKNOWN)
        }
    });
    let drawn = drawn.collect();
    (drawn, whole)
}

/// What a text says, for those who do not see it.
pub fn told(text: &str) -> String {
    let one = |c: char| match c {
        c if unseen(c) => None,
        c if private(c) => Some(UNKNOWN),
        c => Some(c),
    };
    text.chars().filter_map(one).collect()
}

/// The face that a character is drawn with: the text's own, or the first other one that has it.
fn face_of(c: char, bold: bool) -> usize {
    let own = usize::from(bold);
    match FACES.get(own) {
        Some(face) if c.is_ascii() || has(face, c) => own,
        _ => FACES.iter().enumerate().skip(2).find(|(_, face)| has(face, c)).map_or(own, |(at, _)| at),
    }
}

/// A drawable text as glyphs, a run for each font.
fn shaped(drawn: &str, bold: bool) -> Vec<Run> {
    let own = usize::from(bold);
    let mut parts: Vec<(usize, String)> = Vec::new();
    let mut spaces = String::new();
    for c in drawn.chars() {
        if c == ' ' {
            spaces.push(c);
            continue;
        }
        let face = face_of(c, bold);
        match parts.last_mut() {
            // A space inside of a script belongs to it; one between two does not.
            Some((last, text)) if *last == face => {
                text.push_str(&std::mem::take(&mut spaces));
                text.push(c);
            }
            _ => {
                if !spaces.is_empty() {
                    parts.push((own, std::mem::take(&mut spaces)));
                }
                match parts.last_mut() {
                    Some((last, text)) if *last == face => text.push(c),
                    _ => parts.push((face, c.to_string())),
                }
            }
        }
    }
    if !spaces.is_empty() {
        parts.push((own, spaces));
    }
    parts.into_iter().filter_map(|(face, text)| run(face, text)).collect()
}

fn run(at: usize, text: String) -> Option<Run> {
    let face = FACES.get(at)?;
    let mut buffer = UnicodeBuffer::new();
    buffer.push_str(&text);
    buffer.guess_segment_properties();
    let shaped = rustybuzz::shape(&face.shaper, &[], buffer);
    let mut starts: Vec<usize> = shaped.glyph_infos().iter().map(|info| info.cluster as usize).collect();
    starts.sort_unstable();
    starts.dedup();
    let end = |start: usize| {
        let next = starts.partition_point(|other| *other <= start);
        starts.get(next).copied().unwrap_or(text.len())
    };
    let glyph = |(info, position): (&rustybuzz::GlyphInfo, &rustybuzz::GlyphPosition)| {
        let start = info.cluster as usize;
        let part = |number: i32| number as f32 / face.units;
        KrillaGlyph::new(
            GlyphId::new(info.glyph_id),
            part(position.x_advance),
            part(position.x_offset),
            part(position.y_offset),
            part(position.y_advance),
            start..end(start),
            None,
        )
    };
    let glyphs: Vec<KrillaGlyph> = shaped.glyph_infos().iter().zip(shaped.glyph_positions()).map(glyph).collect();
    let width = glyphs.iter().map(|glyph| glyph.x_advance).sum();
    Some(Run { face: at, text, glyphs, width })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PLAIN: Set = Set { size: 10.0, bold: false };

    fn said(lines: &[Line]) -> Vec<String> {
        lines.iter().map(|line| line.runs.iter().map(|run| run.text.as_str()).collect()).collect()
    }

    #[test]
    fn every_font_of_the_folder_is_there() {
        assert_eq!(FACES.len(), 8);
        for text in ["Grüße, Ελλάδα, Привет", "שלום", "مرحبا", "Բարև", "გამარჯობა", "สวัสดี", "नमस्ते"]
        {
            assert!(drawable(text).1, "{text}");
        }
        assert!(!drawable("漢字").1);
    }

    #[test]
    fn lines_are_no_wider_than_they_may_be() {
        let mut setter = Setter::default();
        let text = "a short text and then 0198f3c2-7b7e-7d0e-9a53-2f1de2a6d3b1, which is longer than a line is wide";
        let lines = setter.lines(text, PLAIN, 80.0, 100);
        assert!(lines.len() > 5);
        assert!(lines.iter().all(|line| line.width() <= 80.5), "{:?}", said(&lines));
        let joined: String = said(&lines).concat();
        assert_eq!(joined.replace(' ', ""), text.replace(' ', ""));
        let cut = setter.lines(text, PLAIN, 80.0, 2);
        assert_eq!(cut.len(), 2);
        assert!(said(&cut)[1].ends_with('…'));
        assert!(cut[1].width() <= 80.5);
        assert_eq!(setter.lines("", PLAIN, 80.0, 5).len(), 1);
    }

    #[test]
    fn what_cannot_be_drawn_is_still_said() {
        let mut setter = Setter::default();
        let lines = setter.lines("to 東京 and \u{202e}back\u{e000}", PLAIN, 500.0, 5);
        assert_eq!(said(&lines), ["to \u{fffd}\u{fffd} and back\u{fffd}"]);
        assert_eq!(lines[0].really.as_deref(), Some("to 東京 and back\u{fffd}"));
        assert_eq!(setter.line("plain", PLAIN).really, None);
    }

    proptest! {
        #[test]
        fn any_text_is_set(text in ".{0,80}", width in 5.0_f32..300.0) {
            let mut setter = Setter::default();
            for line in setter.lines(&text, PLAIN, width, 50) {
                for run in &line.runs {
                    for glyph in &run.glyphs {
                        prop_assert!(glyph.text_range.end <= run.text.len());
                        prop_assert!(run.text.get(glyph.text_range.clone()).is_some_and(|text| !text.is_empty()));
                    }
                }
            }
        }
    }
}
