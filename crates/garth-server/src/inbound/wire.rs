//! What comes over the wire, a line or a letter at a time. Pure: bytes in, bytes out.
//!
//! A line ends with CR LF, and so does the end of a letter: CR LF, a dot, CR LF. Where others take a bare LF for the end
//! of a line, what one server reads as one letter another reads as two, the second of whoever is written in the first.
//! So a bare CR or LF ends nothing here, and a command with one in it is none.

/// Longest command, its end included.
pub const LINE_BYTES: usize = 2_048;
/// Largest letter.
pub const LETTER_BYTES: usize = 10 * 1024 * 1024;

/// A line, or why it is none.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// Without its end.
    Good(Vec<u8>),
    /// It holds a bare CR or LF, or a NUL.
    Odd,
    /// It is longer than a command may be.
    Long,
}

/// Takes the first line off what was read; `None` while it has not ended.
pub fn line(read: &mut Vec<u8>) -> Option<Line> {
    let end = read.windows(2).position(|two| two == b"\r\n");
    let Some(end) = end else { return (read.len() > LINE_BYTES).then_some(Line::Long) };
    let rest = read.split_off(end + 2);
    let mut line = std::mem::replace(read, rest);
    line.truncate(end);
    let odd = |byte: &u8| matches!(byte, b'\r' | b'\n' | 0);
    Some(match line {
        line if line.len() + 2 > LINE_BYTES => Line::Long,
        line if line.iter().any(odd) => Line::Odd,
        line => Line::Good(line),
    })
}

/// Where in a letter one is.
#[derive(Clone, Copy, Debug)]
enum At {
    /// Behind CR LF, or at its beginning.
    Start,
    /// Behind a dot at the start of a line.
    Dot,
    /// Behind such a dot and a CR.
    DotCr,
    /// Behind a CR.
    Cr,
    /// Anywhere else.
    Within,
}

/// A letter that is being read.
#[derive(Debug)]
pub struct Letter {
    at: At,
    kept: Vec<u8>,
    most: usize,
    over: bool,
}

impl Letter {
    /// A letter of at most so many bytes; of a larger one the end is still found.
    pub fn new(most: usize) -> Self {
        Self { at: At::Start, kept: Vec::new(), most, over: false }
    }

    /// Reads on; how many bytes belong to the letter once its end is there.
    pub fn take(&mut self, bytes: &[u8]) -> Option<usize> {
        for (place, byte) in bytes.iter().enumerate() {
            self.at = match (self.at, byte) {
                (At::Start, b'.') => At::Dot,
                (At::Dot, b'\r') => At::DotCr,
                (At::DotCr, b'\n') => return Some(place + 1),
                (At::DotCr, _) => {
                    // The dot was put there for the sake of the way, the CR was meant.
                    self.keep(b'\r');
                    self.keep(*byte);
                    if *byte == b'\r' { At::Cr } else { At::Within }
                }
                (At::Cr, b'\n') => {
                    self.keep(b'\n');
                    At::Start
                }
                (_, b'\r') => {
                    self.keep(b'\r');
                    At::Cr
                }
                _ => {
                    self.keep(*byte);
                    At::Within
                }
            };
        }
        None
    }

    fn keep(&mut self, byte: u8) {
        if self.kept.len() < self.most {
            self.kept.push(byte);
        } else {
            self.over = true;
            // Nobody will read it.
            self.kept = Vec::new();
            self.most = 0;
        }
    }

    /// The letter; `None` when it was too large.
    pub fn done(self) -> Option<Vec<u8>> {
        Some(self.kept).filter(|_| !self.over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, cut: usize) -> (Option<String>, String) {
        let mut letter = Letter::new(LETTER_BYTES);
        let mut taken = 0;
        for part in text.as_bytes().chunks(cut) {
            if let Some(end) = letter.take(part) {
                let rest = &text[taken + end..];
                return (letter.done().map(|bytes| String::from_utf8(bytes).expect("text")), rest.to_owned());
            }
            taken += part.len();
        }
        (None, String::new())
    }

    #[test]
    fn a_letter_ends_with_a_dot_on_a_line_of_its_own_however_it_arrives() {
        for (text, letter, rest) in [
            (".\r\nQUIT\r\n", "", "QUIT\r\n"),
            ("hi\r\n.\r\n", "hi\r\n", ""),
            ("..\r\n.a\r\n\r\n.\r\nNOOP", ".\r\na\r\n\r\n", "NOOP"),
            ("a\r.\r\n\r\n.\r\n", "a\r.\r\n\r\n", ""),
            (".\r.\r\n\r\n.\r\n", "\r.\r\n\r\n", ""),
        ] {
            for cut in 1..=text.len() {
                assert_eq!(read(text, cut), (Some(letter.to_owned()), rest.to_owned()), "{text:?} by {cut}");
            }
        }
    }

    #[test]
    fn a_bare_line_feed_ends_no_letter() {
        for end in ["\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n", "\n.\r", "\r\n.\r\r\n"] {
            let text = format!("one{end}MAIL FROM:<ada@example.org>\r\n.\r\n");
            let (letter, rest) = read(&text, 3);
            assert!(letter.is_some_and(|letter| letter.contains("MAIL FROM")), "{end:?}");
            assert_eq!(rest, "");
        }
    }

    #[test]
    fn a_letter_that_is_too_large_ends_where_it_ends() {
        let mut letter = Letter::new(4);
        assert_eq!(letter.take(b"12345\r\n.\r\nQUIT"), Some(10));
        assert_eq!(letter.done(), None);
        let mut letter = Letter::new(4);
        assert_eq!(letter.take(b"12\r\n.\r\n"), Some(7));
        assert_eq!(letter.done().as_deref(), Some(&b"12\r\n"[..]));
    }

    #[test]
    fn lines_end_with_both_characters() {
        let mut read = b"EHLO a\r\nNO\nOP\r\nNO\rOP\r\nQU".to_vec();
        assert_eq!(line(&mut read), Some(Line::Good(b"EHLO a".to_vec())));
        assert_eq!(line(&mut read), Some(Line::Odd));
        assert_eq!(line(&mut read), Some(Line::Odd));
        assert_eq!(line(&mut read), None);
        read.extend_from_slice(b"IT\r\n");
        assert_eq!(line(&mut read), Some(Line::Good(b"QUIT".to_vec())));
        assert!(read.is_empty());
        let mut endless = vec![b'a'; LINE_BYTES + 1];
        assert_eq!(line(&mut endless), Some(Line::Long));
    }
}
