//! The text of a page that others wrote: what a reader would see of it, without anything that could be run or followed.

use std::borrow::Cow;

/// Most characters of a page that are looked at after decoding; more than a fetch brings.
const CHARS: usize = 1024 * 1024;
/// Longest name of a character, `&thetasym;`.
const ENTITY: usize = 32;

/// A page as text.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// Its title, where it says one.
    pub title: Option<String>,
    /// Its lines; none is empty.
    pub lines: Vec<String>,
}

/// Bytes as text: UTF-8, or else one byte a character, as pages without it mostly are.
pub fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text.trim_start_matches('\u{feff}')),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect::<String>().into(),
    }
}

/// At most so many bytes of a line.
pub fn cut(line: &str, most: usize) -> &str {
    let end = (0..=most.min(line.len())).rev().find(|at| line.is_char_boundary(*at)).unwrap_or_default();
    &line[..end]
}

/// The lines of a plain text.
pub fn of_text(text: &str) -> Text {
    let mut out = Writer::default();
    for line in text.lines() {
        out.text(line);
        out.end_line();
    }
    out.done()
}

/// The text of HTML. It is read as browsers skim it, not as a standard: nothing in it can fail.
pub fn of_html(html: &str) -> Text {
    let mut out = Writer::default();
    let mut rest = cut(html, CHARS);
    while let Some(at) = rest.find('<') {
        out.text(&unescaped(&rest[..at]));
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("<!--") {
            rest = after.find("-->").map_or("", |end| &after[end + 3..]);
            continue;
        }
        let named = rest[1..].strip_prefix('/').unwrap_or(&rest[1..]);
        if !named.starts_with(|c: char| c.is_ascii_alphabetic() || c == '!' || c == '?') {
            // A sign and no tag.
            out.text("<");
            rest = &rest[1..];
            continue;
        }
        let closing = rest.starts_with("</");
        let name: String =
            named.chars().take_while(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        rest = &rest[tag_end(rest)..];
        if closing {
            out.leave(&name);
            continue;
        }
        match name.as_str() {
            // What stands in these is no text of the page; they end with their own tag only.
            "script" | "style" | "template" | "noscript" | "svg" | "textarea" | "iframe" | "object" => {
                rest = behind(rest, &name);
            }
            "title" => {
                let end = closing_tag(rest, "title").unwrap_or(rest.len());
                out.titled(&unescaped(&rest[..end]));
                rest = behind(&rest[end..], "title");
            }
            _ => out.enter(&name),
        }
    }
    out.text(&unescaped(rest));
    out.done()
}

/// Where a tag ends that the text begins with: quoted values may hold anything.
fn tag_end(text: &str) -> usize {
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return at + 1,
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    text.len()
}

/// Where the closing tag of that name begins.
fn closing_tag(text: &str, name: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(found) = text[from..].find("</") {
        let at = from + found;
        let here = text.as_bytes().get(at + 2..at + 2 + name.len());
        if here.is_some_and(|here| here.eq_ignore_ascii_case(name.as_bytes())) {
            return Some(at);
        }
        from = at + 2;
    }
    None
}

/// What follows the closing tag of that name.
fn behind<'a>(text: &'a str, name: &str) -> &'a str {
    match closing_tag(text, name) {
        Some(at) => &text[at + tag_end(&text[at..])..],
        None => "",
    }
}

/// Text with its entities read.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.bytes().take(ENTITY).position(|byte| byte == b';');
        match end.and_then(|end| Some((entity(rest.get(1..end)?)?, end))) {
            Some((character, end)) => {
                out.push(character);
                rest = &rest[end + 1..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out.into()
}

fn entity(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code);
    }
    NAMED.iter().find(|(known, _)| *known == name).map(|(_, character)| *character)
}

/// The names that pages use in text.
const NAMED: [(&str, char); 38] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", ' '),
    ("shy", '\u{ad}'),
    ("copy", '©'),
    ("reg", '®'),
    ("trade", '™'),
    ("hellip", '…'),
    ("ndash", '–'),
    ("mdash", '—'),
    ("lsquo", '‘'),
    ("rsquo", '’'),
    ("ldquo", '“'),
    ("rdquo", '”'),
    ("laquo", '«'),
    ("raquo", '»'),
    ("bull", '•'),
    ("middot", '·'),
    ("times", '×'),
    ("deg", '°'),
    ("euro", '€'),
    ("pound", '£'),
    ("sect", '§'),
    ("para", '¶'),
    ("auml", 'ä'),
    ("ouml", 'ö'),
    ("uuml", 'ü'),
    ("Auml", 'Ä'),
    ("Ouml", 'Ö'),
    ("Uuml", 'Ü'),
    ("szlig", 'ß'),
    ("eacute", 'é'),
    ("egrave", 'è'),
    ("agrave", 'à'),
    ("ccedil", 'ç'),
];

/// Text as it is laid into lines.
#[derive(Default)]
struct Writer {
    text: Text,
    line: String,
    gap: bool,
}

impl Writer {
    /// Words: white space is one space, what nobody sees is nothing.
    fn text(&mut self, text: &str) {
        for c in text.chars() {
            if c.is_whitespace() {
                self.gap = true;
            } else if !c.is_control()
                && !matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
            {
                if self.gap && !self.line.is_empty() {
                    self.line.push(' ');
                }
                self.gap = false;
                self.line.push(c);
            }
        }
    }

    fn end_line(&mut self) {
        self.gap = false;
        if !self.line.is_empty() {
            self.text.lines.push(std::mem::take(&mut self.line));
        }
    }

    fn titled(&mut self, title: &str) {
        let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
        if self.text.title.is_none() && !title.is_empty() {
            self.text.title = Some(cut(&title, crate::base::text::NAME_BYTES).to_owned());
        }
    }

    fn enter(&mut self, name: &str) {
        match name {
            "li" => {
                self.end_line();
                self.line.push_str("- ");
            }
            "td" | "th" if !self.line.is_empty() => self.line.push_str(" · "),
            name if block(name) => self.end_line(),
            _ => {}
        }
    }

    fn leave(&mut self, name: &str) {
        if block(name) || name == "li" {
            self.end_line();
        }
    }

    fn done(mut self) -> Text {
        self.end_line();
        // A bullet without a word.
        self.text.lines.retain(|line| line.trim() != "-");
        self.text
    }
}

/// Does it begin a line of its own?
fn block(name: &str) -> bool {
    matches!(
        name,
        "address"
            | "article"
            | "aside"
            | "blockquote"
            | "body"
            | "br"
            | "caption"
            | "dd"
            | "div"
            | "dl"
            | "dt"
            | "fieldset"
            | "figcaption"
            | "figure"
            | "footer"
            | "form"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "head"
            | "header"
            | "hr"
            | "html"
            | "main"
            | "nav"
            | "ol"
            | "option"
            | "p"
            | "pre"
            | "section"
            | "table"
            | "tbody"
            | "tfoot"
            | "thead"
            | "tr"
            | "ul"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(html: &str) -> Vec<String> {
        of_html(html).lines
    }

    #[test]
    fn a_page_is_read_as_people_see_it() {
        let page = of_html(
            "<!doctype html><html><head><title>The  &amp; lift</title><style>p{}</style>\
             <script>if (a < b) document.write('<p>no</p>')</script></head><body><!-- not <p>this</p> -->\
             <h1>Status</h1><p>All&nbsp;is <b>well</b>, 3 &lt; 4 &#8212; &#x20ac;5</p>\
             <ul><li>one<li>two</ul><table><tr><th>a<td title=\"x > y\">b</table> the end",
        );
        assert_eq!(page.title.as_deref(), Some("The & lift"));
        assert_eq!(page.lines, ["Status", "All is well, 3 < 4 — €5", "- one", "- two", "a · b", "the end"]);
    }

    #[test]
    fn what_is_broken_is_still_read() {
        assert_eq!(lines("a < b & c"), ["a < b & c"]);
        assert_eq!(lines("<p>open <b>bold"), ["open bold"]);
        assert_eq!(lines("<script>for ever"), Vec::<String>::new());
        assert_eq!(lines("&#xd800; &#99999999; &nothing; &"), ["&#xd800; &#99999999; &nothing; &"]);
        assert_eq!(lines("text<"), ["text<"]);
        assert_eq!(lines("<p title='"), Vec::<String>::new());
        assert_eq!(lines("right\u{202e}to left\u{200b}"), ["rightto left"]);
        assert_eq!(decoded(b"gr\xfc\xdfe"), "grüße");
    }

    proptest! {
        #[test]
        fn anything_is_a_page(html in ".{0,200}") {
            let page = of_html(&html);
            prop_assert!(page.lines.iter().all(|line| !line.is_empty() && !line.contains('\n')));
        }

        #[test]
        fn tags_are_never_text(inside in "[a-z ]{0,20}", quoted in "[^\"]{0,20}") {
            let html = format!("<p title=\"{quoted}\">{inside}</p>");
            let said = of_html(&html).lines.join(" ");
            prop_assert_eq!(said, inside.split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }
}
