//! What may differ between two installations is replaced by the order in which it appears: ids, codes, tokens,
//! cursors and the numbers of requests. Times stay: both installations have the same clock.

use std::collections::HashMap;

/// The random words one installation has shown so far, each with its number.
#[derive(Default)]
pub struct Veil {
    seen: HashMap<String, usize>,
}

impl Veil {
    /// The text with its random words veiled.
    pub fn over(&mut self, text: &str) -> String {
        let part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let mut veiled = String::with_capacity(text.len());
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find(|c| !part(c)).unwrap_or(rest.len());
            let (mut word, tail) = rest.split_at(end);
            // In an address, what follows `%` and two digits begins anew: `user%3A0197…`.
            if let Some((digits, own)) = word.split_at_checked(2).filter(|_| veiled.ends_with('%')) {
                veiled.push_str(digits);
                word = own;
            }
            match sort(word) {
                // Drawn from an id, and as random as that.
                None if word.strip_prefix("hue-").is_some_and(|hue| hue.parse::<u8>().is_ok()) => {
                    veiled.push_str("(hue)")
                }
                Some(sort) => {
                    let next = self.seen.len();
                    let number = *self.seen.entry(word.to_owned()).or_insert(next);
                    // As long as it was: a length would tell something, too.
                    veiled.push_str(&format!("({sort} {number}, {} long)", word.len()));
                }
                None => veiled.push_str(word),
            }
            let end = tail.find(part).unwrap_or(tail.len());
            veiled.push_str(&tail[..end]);
            rest = &tail[end..];
        }
        veiled
    }
}

/// What sort of random word this is; `None` for words that mean something.
fn sort(word: &str) -> Option<&'static str> {
    let small = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let digits = || word.bytes().any(|b| b.is_ascii_digit());
    let groups: Vec<usize> = word.split('-').map(str::len).collect();
    let hex = || word.bytes().all(|b| b == b'-' || b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let mixed = || word.bytes().any(|b| b.is_ascii_lowercase()) && word.bytes().any(|b| b.is_ascii_uppercase());
    let after = |prefix: &str, length: usize| word.strip_prefix(prefix).is_some_and(|t| t.len() == length && small(t));
    match word.len() {
        36 if groups == [8, 4, 4, 4, 12] && hex() => Some("id"),
        55.. if ["gs_", "gk_", "pk_", "signup_", "reset_", "invite_", "garth_obs_"]
            .iter()
            .any(|prefix| after(prefix, 52)) =>
        {
            Some("token")
        }
        9 if after("gk_", 6) => Some("prefix"),
        16 if after("garth_obs_", 6) => Some("prefix"),
        // The local part of an inbound address.
        34.. if word
            .rsplit_once('-')
            .is_some_and(|(_, t)| t.len() == 32 && t.bytes().all(|b| b.is_ascii_hexdigit())) =>
        {
            Some("address")
        }
        23 if groups == [5, 5, 5, 5] => Some("recovery code"),
        26 if small(word) => Some("request"),
        11..=18 if groups.len() == 3 && groups[1..] == [4, 4] && !word.bytes().any(|b| b.is_ascii_lowercase()) => {
            Some("code")
        }
        // A challenge, and an id as an authenticator is told it.
        43 | 22 if mixed() => Some("for an authenticator"),
        60.. if digits() => Some("sealed"),
        _ => None,
    }
}

#[test]
fn random_words_are_veiled_and_others_are_not() {
    let mut veil = Veil::default();
    let id = "0197a0c0-0000-7000-8000-00000000abcd";
    let other = "0197a0c0-0000-7000-8000-00000000abce";
    let text =
        format!(r#"{{"id":"{id}","owner":"user:{other}","code":"T-7KQ2-M9XD","at":"2031-05-04T08:00:00Z"}} {id}"#);
    let veiled = r#"{"id":"(id 0, 36 long)","owner":"user:(id 1, 36 long)","code":"(code 2, 11 long)","at":"2031-05-04T08:00:00Z"} (id 0, 36 long)"#;
    assert_eq!(veil.over(&text), veiled);
    assert_eq!(veil.over(&format!("?actor=user%3A{id}")), "?actor=user%3A(id 0, 36 long)");
    assert_eq!(veil.over(&format!("?owner=user%3A{id}&q=100%")), "?owner=user%3A(id 0, 36 long)&q=100%");
    assert_eq!(veil.over("application/problem+json no-store"), "application/problem+json no-store");
}
