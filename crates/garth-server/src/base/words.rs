//! Words: how a text is cut into them, and what somebody looks for (`docs/search.md`).
//!
//! They are cut here and nowhere else, so that both engines find the same. A text is brought into one form first: no
//! difference of case, of accents, of width, of what nobody sees. Then it is cut as Unicode says (UAX 29), and further
//! at everything that is neither letter, digit nor mark. Where a script writes no spaces, each character is a word.

use crate::base::error::{Error, Result};
use crate::base::text::{self, unseen};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_segmentation::UnicodeSegmentation;

/// What a word is told apart by, in bytes; what comes after does not count.
pub const WORD_BYTES: usize = 64;
/// Words of one thing that it is found by; the further ones are not found.
pub const WORDS: usize = 512;
/// Text of one thing that is cut into words, in bytes.
pub const TEXT_BYTES: usize = 32 * 1024;
/// Words and phrases that one search may ask for.
pub const PARTS: usize = 16;

/// The words of a text, in their order, in the form in which they are compared.
pub fn cut(text: &str) -> Vec<String> {
    let folded = folded(text);
    // A word ends at white space whatever stands beside it, so that a part of a text is cut as the text is.
    let pieces = folded.split_whitespace().flat_map(UnicodeSegmentation::unicode_words);
    let words = pieces.flat_map(|piece| piece.split(|c| !in_word(c)));
    let words = words.map(|word| word.trim_start_matches(is_combining_mark)).filter(|word| !word.is_empty());
    words.map(|word| word[..word.floor_char_boundary(WORD_BYTES)].to_owned()).collect()
}

fn in_word(c: char) -> bool {
    c.is_alphanumeric() || is_combining_mark(c)
}

/// One form for what differs in case, accents, width or composition only.
fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let bare = text.nfkd().filter(|c| !(accent(*c) || (unseen(*c) && *c != '\u{200B}')));
    // There and back: ß is ss, and ς is σ.
    let lower = bare.flat_map(char::to_lowercase).flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    lower.nfc().collect()
}

/// What may be left out in writing: accents of Latin, Greek and Cyrillic, points of Hebrew, vowel signs of Arabic and
/// its stroke. The marks of other scripts make other words.
fn accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36F}' | '\u{591}'..='\u{5BD}' | '\u{5BF}' | '\u{5C1}' | '\u{5C2}' | '\u{5C4}'
        | '\u{5C5}' | '\u{5C7}' | '\u{640}' | '\u{64B}'..='\u{65F}' | '\u{670}')
}

/// Cuts the fields of one thing, as far as its bounds allow.
pub struct Cutter {
    words: usize,
    bytes: usize,
}

impl Default for Cutter {
    fn default() -> Self {
        Self { words: WORDS, bytes: TEXT_BYTES }
    }
}

impl Cutter {
    /// A part for each field that has a word: ` fix the lift |`. A phrase stands in one of them, never across two.
    pub fn lines<'a>(&mut self, fields: impl Iterator<Item = &'a str>) -> String {
        let mut lines = String::new();
        for field in fields {
            let text = &field[..field.floor_char_boundary(self.bytes)];
            let mut words = cut(text);
            if text.len() < field.len() {
                // The last one may be half a word.
                words.pop();
                self.bytes = text.len();
            }
            self.bytes -= text.len();
            let words = &words[..words.len().min(self.words)];
            self.words -= words.len();
            if !words.is_empty() {
                lines.push_str(&format!(" {} |", words.join(" ")));
            }
            if self.words == 0 {
                break;
            }
        }
        lines
    }
}

/// The words of such lines, each once, in order.
pub fn terms(lines: &[&str]) -> Vec<String> {
    let mut terms: Vec<String> =
        lines.iter().flat_map(|l| l.split([' ', '|'])).filter(|word| !word.is_empty()).map(str::to_owned).collect();
    terms.sort_unstable();
    terms.dedup();
    terms
}

/// Something that must stand there: words one after the other, the last of them perhaps by its beginning only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// One or more.
    pub words: Vec<String>,
    /// Is the last one a beginning?
    pub begins: bool,
}

impl Part {
    /// Does it stand in these lines?
    pub fn stands_in(&self, lines: &str) -> bool {
        lines.contains(&self.text())
    }

    /// The same as a pattern for `LIKE` with `\` as escape.
    pub fn pattern(&self) -> String {
        // No word holds what LIKE takes for something else; it is made sure of all the same.
        let text = self.text().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        format!("%{text}%")
    }

    /// The word that fewest things may have, as far as one can tell without looking: the longest whole one. And whether
    /// it is a beginning.
    pub fn rarest(&self) -> (&str, bool) {
        let whole = &self.words[..self.words.len() - usize::from(self.begins && self.words.len() > 1)];
        let longest = whole.iter().max_by_key(|word| word.len()).map_or("", String::as_str);
        (longest, self.begins && self.words.len() == 1)
    }

    fn text(&self) -> String {
        format!(" {}{}", self.words.join(" "), if self.begins { "" } else { " " })
    }
}

/// What a `q` asks for; nothing when it is blank. White space separates; `"` stands around a phrase; a `*` right after a
/// word makes a beginning of it. What is cut into several words (`e-mail`, `東京`) is a phrase.
///
/// # Errors
/// 422 at `?q` when it is too long, a quotation mark is left open, a `*` stands elsewhere, or there is no word in it.
pub fn sought(q: &str) -> Result<Vec<Part>> {
    let refuse = |why: String| Err(Error::field("?q", why));
    if q.len() > text::NAME_BYTES {
        return refuse(format!("must be at most {} bytes long", text::NAME_BYTES));
    }
    let mut parts = Vec::new();
    let mut rest = q.trim_start();
    while let Some(first) = rest.chars().next() {
        let (piece, begins) = if quotes(first) {
            let inside = &rest[first.len_utf8()..];
            let Some((phrase, after)) = inside.split_once(quotes) else {
                return refuse("has a quotation mark that is not closed".to_owned());
            };
            rest = after.strip_prefix('*').unwrap_or(after);
            (phrase, after.starts_with('*'))
        } else {
            let (piece, after) =
                rest.split_at(rest.find(|c: char| c.is_whitespace() || quotes(c)).unwrap_or(rest.len()));
            rest = after;
            (piece.strip_suffix('*').unwrap_or(piece), piece.ends_with('*'))
        };
        let words = cut(piece);
        if (begins && (words.is_empty() || !piece.ends_with(in_word))) || (!quotes(first) && piece.contains('*')) {
            return refuse("must have a * right after the beginning of a word only, as in wor*".to_owned());
        }
        if !words.is_empty() {
            parts.push(Part { words, begins });
        }
        rest = rest.trim_start();
    }
    match parts.len() {
        0 if !q.trim().is_empty() => refuse("holds no word to look for".to_owned()),
        0..=PARTS => Ok(parts),
        _ => refuse(format!("must be at most {PARTS} words and phrases")),
    }
}

fn quotes(c: char) -> bool {
    matches!(c, '"' | '“' | '”' | '„')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(words: &[&str], begins: bool) -> Part {
        Part { words: words.iter().map(|w| (*w).to_owned()).collect(), begins }
    }

    #[test]
    fn words_are_cut_alike_in_every_script() {
        for (text, words) in [
            ("Fix the lift!", &["fix", "the", "lift"][..]),
            ("job_nightly-report v1.2", &["job", "nightly", "report", "v1", "2"]),
            ("L’école can't", &["l", "ecole", "can", "t"]),
            ("Straße STRASSE ẞ", &["strasse", "strasse", "ss"]),
            ("Ὀδυσσεύς ΟΔΥΣΣΕΥΣ", &["οδυσσευσ", "οδυσσευσ"]),
            ("İstanbul ISTANBUL ıstanbul", &["istanbul", "istanbul", "istanbul"]),
            ("Ёлка ёлка елка", &["елка", "елка", "елка"]),
            ("東京都庁", &["東", "京", "都", "庁"]),
            ("カタカナ ｶﾀｶﾅ がか", &["カタカナ", "カタカナ", "が", "か"]),
            ("한국어 사전", &["한국어", "사전"]),
            ("שָׁלוֹם שלום", &["שלום", "שלום"]),
            ("مُحَمَّد محمد", &["محمد", "محمد"]),
            ("हिन्दी", &["हिन्दी"]),
            ("ﬁne Ｗｉｄｅ x²", &["fine", "wide", "x2"]),
            ("co\u{AD}op e\u{301}te\u{301} été", &["coop", "ete", "ete"]),
            ("% _ \" * \\ ' 🙂 —", &[]),
            ("lin@garth.example", &["lin", "garth", "example"]),
        ] {
            assert_eq!(cut(text), words, "{text}");
        }
        assert_eq!(cut(&"é".repeat(100)), ["e".repeat(64)]);
        assert_eq!(cut(&"語".repeat(3)).len(), 3);
    }

    #[test]
    fn a_search_is_read_in_one_way() {
        for (q, parts) in [
            ("", vec![]),
            ("  ", vec![]),
            ("Fix  LIFT", vec![part(&["fix"], false), part(&["lift"], false)]),
            ("\"fix the\" li*", vec![part(&["fix", "the"], false), part(&["li"], true)]),
            ("“fix the”*", vec![part(&["fix", "the"], true)]),
            ("e-mail", vec![part(&["e", "mail"], false)]),
            ("東京", vec![part(&["東", "京"], false)]),
            ("fish & chips", vec![part(&["fish"], false), part(&["chips"], false)]),
            ("a\"b c\"d", vec![part(&["a"], false), part(&["b", "c"], false), part(&["d"], false)]),
            ("\"\" x", vec![part(&["x"], false)]),
            ("\"2 * 3\"", vec![part(&["2", "3"], false)]),
        ] {
            assert_eq!(sought(q).expect(q), parts, "{q}");
        }
        let many = |n: usize| vec!["w"; n].join(" ");
        sought(&many(PARTS)).expect("as many as there may be");
        sought(&"q".repeat(255)).expect("as long as it may be");
        let (over, long) = (many(PARTS + 1), "q".repeat(256));
        for q in [
            "\"fix",
            "fix\"",
            "\"a\" \"b",
            "*",
            "li*t",
            "*li",
            "li**",
            "li *",
            "c++*",
            "%",
            "_",
            "'",
            "\"\"",
            &over,
            &long,
        ] {
            assert!(sought(q).is_err(), "{q}");
        }
    }

    #[test]
    fn a_phrase_stands_in_one_line() {
        let lines = Cutter::default().lines(["Fix the lift", "—", "Green paint"].into_iter());
        assert_eq!(lines, " fix the lift | green paint |");
        for (q, stands) in [
            ("lift", true),
            ("lif", false),
            ("lif*", true),
            ("\"the lift\"", true),
            ("\"fix lift\"", false),
            ("\"lift green\"", false),
            ("\"the li\"*", true),
            ("FIX-THE", true),
        ] {
            assert_eq!(sought(q).expect(q).iter().all(|part| part.stands_in(&lines)), stands, "{q}");
        }
        assert_eq!(sought("wor*").expect("a beginning")[0].rarest(), ("wor", true));
        assert_eq!(sought("\"a longest b\"*").expect("a phrase")[0].rarest(), ("longest", false));
    }

    #[test]
    fn a_thing_has_only_so_many_words() {
        let many = vec!["word"; 400].join(" ");
        let lines = Cutter::default().lines([many.as_str(), many.as_str(), "last"].into_iter());
        assert_eq!(lines.split([' ', '|']).filter(|word| !word.is_empty()).count(), WORDS);
        let long = "-".repeat(TEXT_BYTES - 1);
        assert_eq!(Cutter::default().lines([long.as_str(), "é", "last"].into_iter()), "", "no half characters");
        assert_eq!(Cutter::default().lines([long.as_str(), "e", "last"].into_iter()), " e |");
        assert_eq!(terms(&[" b a b |", " a | c |"]), ["a", "b", "c"]);
    }
}
