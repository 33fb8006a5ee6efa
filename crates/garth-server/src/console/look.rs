//! What pages show things as: faces, chips, moments, bars, choices.

use super::pages::{hue, letters};
use crate::base::clock;
use crate::base::fetch::encoded;
use crate::quotas::{Shown, State};
use garth_core::Micros;
use uuid::Uuid;

/// Two letters on a hue, drawn from a name and an id.
pub struct Face {
    pub letters: String,
    pub hue: String,
}

impl Face {
    pub fn new(name: &str, id: &Uuid) -> Self {
        Self { letters: letters(name), hue: hue(id) }
    }
}

/// A role, in the shape of its level.
pub struct Chip {
    pub name: String,
    pub level: &'static str,
}

impl Chip {
    pub fn new(role: &str) -> Self {
        let level = match role {
            "reader" => "reader",
            "writer" => "writer",
            "admin" => "admin",
            _ => "custom",
        };
        Self { name: role.to_owned(), level }
    }
}

/// What a space is called: the first one has no name until somebody gives it one.
pub fn named(name: &str) -> String {
    if name.is_empty() { "Default space".to_owned() } else { name.to_owned() }
}

/// The names above a space, of the path to it.
pub fn above(path: &str, name: &str) -> Option<String> {
    path.strip_suffix(name).and_then(|above| above.strip_suffix('/')).map(str::to_owned)
}

/// A moment: how long ago, and exactly.
pub struct Moment {
    pub ago: String,
    pub exact: String,
    pub stamp: String,
}

impl Moment {
    pub fn new(at: Micros, now: Micros) -> Self {
        let stamp = clock::to_text(at);
        let exact = match (stamp.get(..10), stamp.get(11..19)) {
            (Some(day), Some(time)) => format!("{day} {time} UTC"),
            _ => stamp.clone(),
        };
        Self { ago: ago(at, now), exact, stamp }
    }
}

/// The time between two moments, in the largest unit that fits.
fn ago(at: Micros, now: Micros) -> String {
    let seconds = (now - at).unsigned_abs() / 1_000_000;
    let units = [(365 * 86_400, "y"), (30 * 86_400, "mo"), (86_400, "d"), (3_600, "h"), (60, "min")];
    let Some((unit, word)) = units.into_iter().find(|(unit, _)| seconds >= *unit) else {
        return if at > now { "in a moment" } else { "just now" }.to_owned();
    };
    let number = seconds / unit;
    if at > now { format!("in {number} {word}") } else { format!("{number} {word} ago") }
}

/// The first moment of a day that is written `2031-05-04`, so many days later.
pub fn day(text: &str, later: i64) -> Option<Micros> {
    let fits = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let at = clock::from_text(&format!("{text}T00:00:00Z")).filter(|_| fits)?;
    at.checked_add(later * 86_400 * 1_000_000)
}

/// How much of something is used.
pub struct Bar {
    pub name: String,
    pub told: String,
    pub used: i64,
    pub limit: Option<i64>,
    /// The colour of the bar.
    pub state: &'static str,
    /// What the colour means, in words.
    pub word: Option<&'static str>,
    /// The colour of the words.
    pub tone: &'static str,
    pub resets: Option<Moment>,
    pub roles: Option<String>,
}

impl Bar {
    pub fn new(meter: Shown, now: Micros) -> Self {
        let used = meter.used.unwrap_or_default();
        let (state, word, tone) = match meter.state {
            Some(State::Full) => ("full", Some("at its limit"), "bad"),
            Some(State::Near) => ("near", Some("nearly full"), "near"),
            _ => ("", None, ""),
        };
        let told = match meter.limit {
            Some(limit) => format!("{} of {}", number(used), number(limit)),
            None => format!("{}, unlimited", number(used)),
        };
        Self {
            name: meter.meter,
            told,
            used,
            // A bar of nothing would not be one.
            limit: meter.limit.map(|limit| limit.max(1)),
            state,
            word,
            tone,
            resets: meter.resets_at.map(|at| Moment::new(at, now)),
            roles: meter.roles.map(|roles| roles.join(", ")),
        }
    }
}

/// A number with thin gaps, as people read it.
pub fn number(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if number < 0 { format!("-{out}") } else { out }
}

/// One of several to choose from.
pub struct Choice {
    pub value: String,
    pub label: String,
    pub picked: bool,
}

impl Choice {
    pub fn new(value: &str, label: &str, picked: &str) -> Self {
        Self { value: value.to_owned(), label: label.to_owned(), picked: value == picked }
    }
}

/// An address with those parameters that have a value.
pub fn address(path: &str, pairs: &[(&str, &str)]) -> String {
    let given = pairs.iter().filter(|(_, value)| !value.is_empty());
    let query: Vec<String> = given.map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

/// What one of a kind is called.
pub fn noun(kind: &str) -> String {
    match kind {
        "ai_provider" => "AI provider".to_owned(),
        "delivery" => "delivery interface".to_owned(),
        other => other.replace('_', " "),
    }
}

/// The icon of a kind.
pub fn kind_icon(kind: &str) -> &'static str {
    match kind {
        "job" => "clock",
        "delivery" => "send",
        "ai_provider" => "sparkles",
        _ => "box",
    }
}

/// With a capital letter first.
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}", letters.as_str())
}

/// A sentence as it stands on a page: with a capital letter and a full stop.
pub fn sentence(text: &str) -> String {
    format!("{}.", capital(text.trim_end_matches('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_told_in_the_largest_unit_that_fits() {
        let second = 1_000_000;
        let now = 2_000_000_000 * second;
        for (seconds, is) in [
            (0, "just now"),
            (59, "just now"),
            (60, "1 min ago"),
            (7_200, "2 h ago"),
            (86_400, "1 d ago"),
            (40 * 86_400, "1 mo ago"),
            (800 * 86_400, "2 y ago"),
            (-5, "in a moment"),
            (-7_300, "in 2 h"),
        ] {
            assert_eq!(ago(now - seconds * second, now), is);
        }
        assert_eq!(Moment::new(0, now).exact, "1970-01-01 00:00:00 UTC");
    }

    #[test]
    fn a_day_is_a_day() {
        assert_eq!(day("1970-01-02", 0), Some(86_400_000_000));
        assert_eq!(day("1970-01-01", 1), Some(86_400_000_000));
        for wrong in ["", "1970-1-1", "1970-13-01", "1970-01-01T00:00:00Z", "x"] {
            assert_eq!(day(wrong, 0), None, "{wrong}");
        }
    }

    #[test]
    fn numbers_are_cut_in_threes() {
        assert_eq!([0, 999, 1_000, 1_234_567, -12_345].map(number), ["0", "999", "1,000", "1,234,567", "-12,345"]);
    }
}
