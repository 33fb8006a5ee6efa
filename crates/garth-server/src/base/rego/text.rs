//! What is looked at in the text of a policy before anybody parses it: its size and its nesting. The parser's work
//! doubles with each level of `[` and `{`, so that a line of them would keep it busy for ever.

use super::Fault;

/// Longest text of a policy, in bytes.
pub const TEXT_BYTES: usize = 64 * 1024;
/// Deepest nesting of `[`, `{` and `(`.
pub const NESTING: usize = 10;
/// Most signs between values (`+ - * / % & | = < > !`), and most brackets that follow a closed one: each may be one
/// level more of what the parser makes.
pub const SIGNS: usize = 1_000;
/// Longest number, its exponent counted as so many digits.
pub const DIGITS: usize = 400;
/// Most names between dots.
pub const DOTS: usize = 32;

/// A part of a text that is neither white space nor a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// A name, with the dots and names after it: `input.session.login`.
    Name(&'a str),
    /// A text between quotes or backticks, with them.
    Text(&'a str),
    /// A number as it is written.
    Number(&'a str),
    /// Anything else, one character of it.
    Sign(char),
}

/// A part with where it begins, in bytes.
pub type Placed<'a> = (usize, Part<'a>);

/// Requires that a text is worth parsing.
///
/// # Errors
/// Where it is too long or nests too deep.
pub fn check(text: &str) -> Result<(), Fault> {
    if text.len() > TEXT_BYTES {
        return Err(Fault::of(format!("is longer than {TEXT_BYTES} bytes")));
    }
    if let Some(at) = text.find('\0') {
        return Err(Fault::at(text, at, "holds a NUL"));
    }
    let (mut depth, mut signs, mut closed) = (0_usize, 0_usize, false);
    for (at, part) in parts(text) {
        let follows = std::mem::replace(&mut closed, matches!(part, Part::Sign(']' | ')')));
        let sign = matches!(part, Part::Sign('+' | '-' | '*' | '/' | '%' | '&' | '|' | '=' | '<' | '>' | '!'));
        if sign
            || (follows && matches!(part, Part::Sign('[' | '.')))
            || matches!(part, Part::Name("in" | "not" | "else"))
        {
            signs += 1;
            if signs > SIGNS {
                return Err(Fault::at(text, at, format!("has more than {SIGNS} signs between values")));
            }
        }
        match part {
            Part::Name(name) if name.matches('.').count() > DOTS => {
                return Err(Fault::at(text, at, format!("has a name of more than {DOTS} parts")));
            }
            Part::Number(number) if !short(number) => {
                return Err(Fault::at(text, at, format!("has a number of more than {DIGITS} digits")));
            }
            Part::Sign('[' | '{' | '(') => {
                depth += 1;
                if depth > NESTING {
                    return Err(Fault::at(text, at, format!("nests deeper than {NESTING} levels")));
                }
            }
            Part::Sign(']' | '}' | ')') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

/// The parts of a text. What is between quotes and in comments is never taken for anything else; a quote that is not
/// closed before the end of its line ends there.
pub fn parts(text: &str) -> impl Iterator<Item = Placed<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = text.get(at..)?;
            let first = rest.chars().next()?;
            let start = at;
            if first == '#' {
                at += rest.find('\n').unwrap_or(rest.len());
            } else if first.is_whitespace() {
                at += first.len_utf8();
            } else {
                let (length, part) = part(rest, first);
                at += length;
                return Some((start, part));
            }
        }
    })
}

fn part(rest: &str, first: char) -> (usize, Part<'_>) {
    let length = match first {
        '"' => quoted(rest),
        '`' => rest[1..].find('`').map_or(rest.len(), |end| end + 2),
        c if c.is_alphabetic() || c == '_' => named(rest),
        c if c.is_ascii_digit() => numbered(rest),
        c => return (c.len_utf8(), Part::Sign(c)),
    };
    let text = rest.get(..length).unwrap_or(rest);
    let part = match first {
        '"' | '`' => Part::Text(text),
        c if c.is_ascii_digit() => Part::Number(text),
        _ => Part::Name(text),
    };
    (length, part)
}

/// The length of a text between quotes; a backslash keeps the next character from ending it.
fn quoted(rest: &str) -> usize {
    let mut kept = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            '\n' => return at,
            _ if kept => kept = false,
            '\\' => kept = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The length of a number, with fraction and exponent.
fn numbered(rest: &str) -> usize {
    let mut before = ' ';
    let inside = |(_, c): &(usize, char)| {
        let signed = matches!(c, '+' | '-') && matches!(before, 'e' | 'E');
        before = *c;
        c.is_ascii_alphanumeric() || *c == '.' || signed
    };
    rest.char_indices().take_while(inside).last().map_or(1, |(at, c)| at + c.len_utf8())
}

/// Has a number no more digits than it may, if its exponent were written out?
pub fn short(number: &str) -> bool {
    let (digits, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let exponent = exponent.trim_start_matches(['+', '-']).parse::<usize>().unwrap_or(usize::MAX);
    digits.len() <= DIGITS && exponent <= DIGITS
}

/// The length of a name with those that follow it after dots.
fn named(rest: &str) -> usize {
    let inside = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    rest.find(|c: char| !inside(c)).unwrap_or(rest.len())
}

/// Line and column of a place, both counted from 1, columns in characters.
pub fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (line, before[start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_or_a_comment_does_not_nest() {
        for calm in [
            "package garth\nallow if input.x == \"[[[[[[[[[[[[[[[[\"",
            "package garth # [[[[[[[[[[[[[[[[[[[[[[[[[[\nallow if true",
            "x := `{{{{{{{{{{{{{{\n{{{{{{{{{{{`",
            r#"x := "\"[[[[[[[[[[[[[[[[[""#,
            "x := [[[[[[[[[[1]]]]]]]]]]",
            "# \"\nx := [1]",
        ] {
            assert_eq!(check(calm), Ok(()), "{calm}");
        }
        for (deep, at) in [
            ("x := [[[[[[[[[[[1]]]]]]]]]]]", (1, 16)),
            ("x := 1\ny := {[({[({[({[1", (2, 16)),
            // A quote that is not closed hides nothing after its line.
            ("x := \"\ny := [[[[[[[[[[[[", (2, 16)),
            ("x := \"\\\n[[[[[[[[[[[[", (2, 11)),
        ] {
            assert_eq!(check(deep).unwrap_err().at, Some(at), "{deep}");
        }
        assert!(check(&"a".repeat(TEXT_BYTES)).is_ok());
        assert!(check(&"a".repeat(TEXT_BYTES + 1)).is_err());
        assert!(check("x\0").is_err());
        for (number, short) in [("1e400", true), ("1.5e-3", true), ("1e401", false), ("1E+999999999", false)] {
            assert_eq!(check(&format!("x := {number}")).is_ok(), short, "{number}");
        }
        assert!(check(&format!("x := 1{}", "+1".repeat(SIGNS - 2))).is_ok());
        assert!(check(&format!("x := 1{}", "+1".repeat(SIGNS))).is_err());
        assert!(check(&format!("x := a{}", "[0]".repeat(SIGNS + 2))).is_err());
        assert!(check(&format!("x := a{}", ".b".repeat(DOTS + 1))).is_err());
    }

    #[test]
    fn names_come_with_what_follows_them() {
        let found: Vec<_> = parts("deny if time.now_ns() > 5 # x\n`a`").map(|(_, part)| part).collect();
        use Part::{Name, Number, Sign, Text};
        let expected =
            [Name("deny"), Name("if"), Name("time.now_ns"), Sign('('), Sign(')'), Sign('>'), Number("5"), Text("`a`")];
        assert_eq!(found, expected);
    }
}
