//! Who a letter is from, as a trusted mail server found out: its `Authentication-Results` (RFC 8601).
//!
//! Anybody can write anything behind `From`. What counts is that DMARC passed for the very domain that stands there, said by
//! a server of one's own under its own name. It takes away what others wrote under that name before it writes its own on
//! top; of several of its own the topmost that speaks of DMARC counts. One that cannot be read may be its own: nothing below
//! it counts.

/// The domain for which DMARC passed, in lower case, as the server of that name says; `headers` are the values of all
/// `Authentication-Results`, the topmost first.
pub fn passed<'a>(headers: impl Iterator<Item = &'a str>, authserv: &str) -> Option<String> {
    headers.filter_map(|header| dmarc(header, authserv)).next()?
}

/// What one header says of DMARC: `None` where it is another server's or says nothing of it, `Some(None)` where it did not
/// pass or cannot be read.
fn dmarc(header: &str, authserv: &str) -> Option<Option<String>> {
    // Whose word it is nobody knows; it may be the one that says no.
    let Some(parts) = parts(header) else { return Some(None) };
    let (name, results) = parts.split_first()?;
    if !name.first().is_some_and(|name| name.eq_ignore_ascii_case(authserv)) {
        return None;
    }
    let verdict =
        |part: &&Vec<String>| part.first().is_some_and(|word| word.to_ascii_lowercase().starts_with("dmarc="));
    let mut found = results.iter().filter(verdict);
    let (first, second) = (found.next()?, found.next());
    let pass = first.first().is_some_and(|word| word.eq_ignore_ascii_case("dmarc=pass")) && second.is_none();
    let domain = |word: &String| {
        let (name, value) = word.split_once('=')?;
        name.eq_ignore_ascii_case("header.from").then(|| value.to_ascii_lowercase())
    };
    let mut domains = first.iter().filter_map(domain);
    let only = domains.next().filter(|_| domains.next().is_none());
    Some(only.filter(|domain| pass && !domain.is_empty()))
}

/// The words of each part between semicolons: comments left out, quotes taken off, nothing around a `=`.
fn parts(header: &str) -> Option<Vec<Vec<String>>> {
    let mut parts = vec![Vec::new()];
    let (mut word, mut depth, mut quoted, mut glued) = (String::new(), 0_usize, false, false);
    let mut characters = header.chars();
    let end = |word: &mut String, parts: &mut Vec<Vec<String>>| {
        if !word.is_empty() {
            parts.last_mut().into_iter().for_each(|part| part.push(std::mem::take(word)));
        }
    };
    while let Some(c) = characters.next() {
        match c {
            '\\' if depth > 0 || quoted => {
                let next = characters.next()?;
                if depth == 0 {
                    word.push(next);
                }
            }
            '"' if depth == 0 => quoted = !quoted,
            _ if quoted => word.push(c),
            '(' => {
                // A comment stands between words, as a space does.
                if depth == 0 && !glued {
                    end(&mut word, &mut parts);
                }
                depth += 1;
            }
            ')' if depth > 0 => depth -= 1,
            ')' => return None,
            _ if depth > 0 => {}
            ';' => {
                end(&mut word, &mut parts);
                parts.push(Vec::new());
                glued = false;
            }
            '=' => {
                // A `=` may stand alone between its two sides.
                if word.is_empty() {
                    word = parts.last_mut().and_then(Vec::pop)?;
                }
                word.push('=');
                glued = true;
                continue;
            }
            _ if c.is_whitespace() => {
                if glued {
                    continue;
                }
                end(&mut word, &mut parts);
            }
            _ => word.push(c),
        }
        if !c.is_whitespace() && depth == 0 && c != ')' {
            glued = false;
        }
    }
    if depth > 0 || quoted {
        return None;
    }
    end(&mut word, &mut parts);
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(headers: &[&str]) -> Option<String> {
        passed(headers.iter().copied(), "mx.example")
    }

    #[test]
    fn dmarc_passes_for_one_domain_by_the_word_of_ones_own_server() {
        for good in [
            "mx.example; dmarc=pass header.from=Corp.Example",
            "mx.example; dmarc(a)=(b)pass(c)header.from=corp.example",
            " MX.example 1; spf=pass smtp.mailfrom=x.example; dmarc=pass (p=none dis=none) header.from=corp.example",
            "mx.example;\r\n\tdkim=fail (bad; dmarc=fail) header.d=x;\r\n\tDMARC = pass header.from = \"corp.example\"",
            "\"mx.example\"; dmarc=pass (\"a\\)\" (b)) policy.dmarc=none header.from=corp.example",
        ] {
            assert_eq!(of(&[good]).as_deref(), Some("corp.example"), "{good}");
        }
    }

    #[test]
    fn whatever_else_is_said_is_no_pass() {
        for bad in [
            "",
            ";",
            "mx.example",
            "mx.example; none",
            "mx.example; dmarc=fail header.from=corp.example",
            "mx.example; dm(a)arc=pass header.from=corp.example",
            "mx.example; dmarc=passed header.from=corp.example",
            "mx.example; dmarc=pass",
            "mx.example; dmarc=pass header.from=",
            "mx.example; dmarc=pass header.from=a.example header.from=b.example",
            "mx.example; dmarc=pass header.from=corp.example; dmarc=fail header.from=corp.example",
            "mx.example; spf=pass header.from=corp.example",
            "mx.example; (dmarc=pass header.from=corp.example)",
            "mx.example; \"dmarc=pass header.from=corp.example",
            "mx.example; dmarc=pass header.from=corp.example (open",
            "evil.example; dmarc=pass header.from=corp.example",
            "xmx.example; dmarc=pass header.from=corp.example",
            "(mx.example) evil.example; dmarc=pass header.from=corp.example",
            "= dmarc=pass",
        ] {
            assert_eq!(of(&[bad]), None, "{bad}");
        }
    }

    #[test]
    fn the_topmost_word_of_ones_own_server_counts() {
        let (fail, pass) =
            ("mx.example; dmarc=fail header.from=corp.example", "mx.example; dmarc=pass header.from=corp.example");
        assert_eq!(of(&[fail, pass]), None);
        assert_eq!(of(&[pass, fail]).as_deref(), Some("corp.example"));
        assert_eq!(of(&["evil.example; dmarc=fail", "mx.example; spf=pass", pass]).as_deref(), Some("corp.example"));
        for unread in ["mx.example; dmarc=fail (open", "mx.example; \"dmarc=fail", "mx.example) dmarc=fail", "= x"] {
            assert_eq!(of(&[unread, pass]), None, "{unread}");
            assert_eq!(of(&[pass, unread]).as_deref(), Some("corp.example"), "{unread}");
        }
    }
}
