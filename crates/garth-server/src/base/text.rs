//! What names, labels and pages may look like, once for every noun.

use crate::base::error::{Error, FieldError, Result};
use std::borrow::Cow;
use unicode_normalization::UnicodeNormalization;

/// Longest name, in bytes, after trimming (`API.md`, ground rules).
pub const NAME_BYTES: usize = 255;
/// Most labels of one thing.
pub const LABELS: usize = 64;
/// Longest label, in bytes.
pub const LABEL_BYTES: usize = 128;
/// Longest description, in bytes.
pub const DESCRIPTION_BYTES: usize = 16 * 1024;
/// Largest page of a list.
pub const PAGE_MAX: usize = 100;
/// Page of a list when the caller does not say.
pub const PAGE_DEFAULT: usize = 50;

/// A name: trimmed, 1–255 bytes, no control characters.
///
/// # Errors
/// 422 at the pointer.
pub fn name(pointer: &str, text: &str) -> Result<String> {
    let text = text.trim();
    if text.is_empty() || text.len() > NAME_BYTES {
        return Err(Error::field(pointer, format!("must be 1 to {NAME_BYTES} bytes long")));
    }
    plain(pointer, text)?;
    Ok(text.to_owned())
}

/// A description: any text without control characters but line breaks and tabs.
///
/// # Errors
/// 422 at the pointer.
pub fn description(pointer: &str, text: &str) -> Result<String> {
    if text.len() > DESCRIPTION_BYTES {
        return Err(Error::field(pointer, format!("must be at most {DESCRIPTION_BYTES} bytes long")));
    }
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(Error::field(pointer, "must not contain control characters"));
    }
    Ok(text.to_owned())
}

/// A name that stands in references: no white space, no `:` and no leading `@`, 1–255 bytes.
///
/// # Errors
/// 422 at the pointer.
pub fn handle(pointer: &str, text: &str) -> Result<String> {
    let text = name(pointer, &composed(text))?;
    if text.starts_with('@') || text.contains([':', '/', '|']) || text.chars().any(char::is_whitespace) {
        return Err(Error::field(pointer, "must not contain spaces, ':', '/' or '|', nor begin with '@'"));
    }
    if text.chars().any(unseen) {
        return Err(Error::field(pointer, "must not contain characters that nobody sees"));
    }
    Ok(text)
}

/// Longest slug that is made of a name, in characters; a number may follow.
pub const SLUG_CHARACTERS: usize = 63;

/// A name as machines write it: letters and digits in lower case, a hyphen for whatever stands between them.
pub fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in folded(name).chars() {
        if c.is_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let cut: String = slug.chars().take(SLUG_CHARACTERS).collect();
    let cut = cut.trim_end_matches('-');
    if cut.is_empty() { "role".to_owned() } else { cut.to_owned() }
}

/// The same, with a number behind it where that slug is taken.
pub fn free_slug(name: &str, taken: impl Fn(&str) -> bool) -> String {
    let slug = slug(name);
    let numbered = (2u32..).map(|number| format!("{slug}-{number}"));
    std::iter::once(slug.clone()).chain(numbered).find(|slug| !taken(slug)).unwrap_or_default()
}

/// A name as it is compared: characters that can be written in several ways are one (Unicode's NFC).
pub fn composed(name: &str) -> Cow<'_, str> {
    if name.is_ascii() { Cow::Borrowed(name) } else { Cow::Owned(name.nfc().collect()) }
}

/// A name as it is compared where the case of letters does not matter either: composed, in lower case.
pub fn folded(name: &str) -> String {
    composed(&composed(name).to_lowercase()).into_owned()
}

/// Labels: at most 64 of 1–128 bytes, sorted, each once.
///
/// # Errors
/// 422 at the first wrong one.
pub fn labels(pointer: &str, labels: &[String]) -> Result<Vec<String>> {
    if labels.len() > LABELS {
        return Err(Error::field(pointer, format!("must be at most {LABELS} labels")));
    }
    let mut wrong = Vec::new();
    for (at, label) in labels.iter().enumerate() {
        let pointer = format!("{pointer}/{at}");
        if label.is_empty() || label.len() > LABEL_BYTES {
            wrong.push(FieldError { pointer, message: format!("must be 1 to {LABEL_BYTES} bytes long") });
        } else if label.chars().any(char::is_control) {
            wrong.push(FieldError { pointer, message: "must not contain control characters".to_owned() });
        }
    }
    if !wrong.is_empty() {
        return Err(Error::Invalid(wrong));
    }
    let mut labels = labels.to_vec();
    labels.sort();
    labels.dedup();
    Ok(labels)
}

/// An e-mail address, as far as one can tell without sending to it.
///
/// # Errors
/// 422 at the pointer.
pub fn email(pointer: &str, text: &str) -> Result<String> {
    let text = name(pointer, text)?;
    let fits = text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains('@') && !text.contains(char::is_whitespace)
    });
    if fits { Ok(text) } else { Err(Error::field(pointer, "must be an e-mail address")) }
}

/// Takes up no room when written: one handle would look like another. (Unicode, `Default_Ignorable_Code_Point`.)
pub(super) fn unseen(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFF8}' | '\u{1BCA0}'..='\u{1BCA3}'
        | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Is it there to be read, and moves nothing around it?
pub fn seen(c: char) -> bool {
    !c.is_control() && !unseen(c)
}

fn plain(pointer: &str, text: &str) -> Result<()> {
    // Direction marks are refused with the control characters: they make one name look like another.
    let hidden = |c: char| {
        c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}')
    };
    if text.chars().any(hidden) {
        return Err(Error::field(pointer, "must not contain control characters"));
    }
    Ok(())
}

/// A JSON Pointer's next step, escaped.
pub fn pointer(base: &str, step: &str) -> String {
    format!("{base}/{}", step.replace('~', "~0").replace('/', "~1"))
}
