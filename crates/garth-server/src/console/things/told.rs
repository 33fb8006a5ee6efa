//! What an operation was refused for, of one thing among many, in a sentence for people.

use super::super::look::sentence;
use super::super::seat::{Seat, Wrong};
use crate::base::error::{Error, Result};
use serde_json::Value;

/// Where an operation on several things says what is wrong.
const FIELDS: [&str; 3] = ["/resources/0", "/resources", "/space"];

/// The sentence, of one that may have gone meanwhile; what no page can tell stays an error.
///
/// # Errors
/// That.
pub fn told(seat: &Seat, error: Error) -> Result<String> {
    match error {
        Error::NotFound => Ok("It is not there any more.".to_owned()),
        error => Ok(refused(seat, error)?.page.unwrap_or_default()),
    }
}

/// The same for the page as a whole, with its status.
///
/// # Errors
/// What no page can tell.
pub fn refused(seat: &Seat, error: Error) -> Result<Wrong> {
    let links = match &error {
        Error::Attached(why, links) => Some(attached(why, links)),
        _ => None,
    };
    let wrong = seat.refused(error, &FIELDS)?;
    let at = FIELDS.into_iter().find_map(|field| wrong.at(field)).map(str::to_owned);
    let text = links.or(at).or(wrong.page).unwrap_or_default();
    Ok(Wrong::whole(wrong.status, sentence(&in_words(plain(&text)))))
}

/// Without the place in the list that it stands at.
fn plain(text: &str) -> &str {
    let Some(rest) = text.strip_prefix("/resources/") else { return text };
    rest.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start_matches([':', ' '])
}

/// Fields of a body by their name, and what is wrong with a reference as people say it.
pub fn in_words(text: &str) -> String {
    let text = text.replace("/body/", "its ").replace("Body/", "Its ");
    let text = text.replace("is not a resource that this one could use", "could not be used from there");
    text.replace(": see the items", "")
}

/// Attachments that would break, by the names of both ends.
fn attached(why: &str, links: &Value) -> String {
    let end = |link: &Value, end: &str| link[end]["name"].as_str().unwrap_or("something").to_owned();
    let why = in_words(why);
    let each = links.as_array().into_iter().flatten();
    let each: Vec<String> =
        each.map(|link| format!("{} uses {}", end(link, "consumer"), end(link, "provider"))).collect();
    if each.is_empty() { sentence(&why) } else { sentence(&format!("{why}: {}", each.join(", "))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_place_in_a_list_is_not_told() {
        assert_eq!(plain("/resources/12: this needs job:write"), "this needs job:write");
        assert_eq!(plain("Is given twice."), "Is given twice.");
        let why = in_words("/body/pool is not a resource that this one could use");
        assert_eq!(why, "its pool could not be used from there");
    }

    #[test]
    fn attachments_are_told_by_name() {
        let links = json!([{"consumer": {"name": "KPIs"}, "provider": {"name": "Mail"}}]);
        assert_eq!(attached("an attachment would break", &links), "An attachment would break: KPIs uses Mail.");
        assert_eq!(attached("an attachment would break", &Value::Null), "An attachment would break.");
    }
}
