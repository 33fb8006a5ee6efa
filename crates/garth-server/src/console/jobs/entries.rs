//! Who gets a job's report, as its form asks: an interface a row, with whom it goes to and in which formats.

use crate::console::fields::{many, one};
use crate::console::look::Choice;
use crate::reports::Format;
use serde_json::{Map, Value, json};

/// Most rows that a form has.
pub const MOST: usize = crate::directory::JOB_DELIVERIES;

/// A row, as it is typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    pub delivery: String,
    /// Each gets a letter of its own, and can put it off or do without it.
    pub each: String,
    /// Lists and groups: nobody in one decides for the others.
    pub together: String,
    pub formats: Vec<String>,
}

impl Entry {
    /// Of what was saved.
    pub fn read(saved: &Value) -> Self {
        let (mut each, mut together) = (Vec::new(), Vec::new());
        for recipient in saved["recipients"].as_array().into_iter().flatten() {
            let Some(address) = recipient.as_str().or_else(|| recipient["address"].as_str()) else { continue };
            let alone = recipient["individual"].as_bool().unwrap_or(true);
            if alone { each.push(address) } else { together.push(address) }
        }
        let formats = saved["formats"].as_array().into_iter().flatten().filter_map(Value::as_str);
        Self {
            delivery: saved["delivery"].as_str().unwrap_or_default().to_owned(),
            each: each.join("\n"),
            together: together.join("\n"),
            formats: formats.map(str::to_owned).collect(),
        }
    }

    /// The rows that a form sent, without those that name no interface.
    pub fn sent(fields: &[(String, String)]) -> Vec<Self> {
        let row = |at: usize| Self {
            delivery: one(fields, &format!("d.{at}.delivery")).trim().to_owned(),
            each: one(fields, &format!("d.{at}.each")).replace('\r', ""),
            together: one(fields, &format!("d.{at}.together")).replace('\r', ""),
            formats: many(fields, &format!("d.{at}.formats")),
        };
        (0..MOST).map(row).filter(|row| !row.delivery.is_empty()).collect()
    }

    /// As it is saved.
    pub fn body(&self) -> Value {
        let mut body = Map::new();
        body.insert("delivery".to_owned(), json!(self.delivery));
        let lines = |text: &str| {
            text.split(['\n', ','])
                .map(str::trim)
                .filter(|line| !line.is_empty())
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let alone = lines(&self.each).into_iter().map(|address| json!({"address": address, "individual": true}));
        let others = lines(&self.together).into_iter().map(|address| json!({"address": address, "individual": false}));
        let recipients: Vec<Value> = alone.chain(others).collect();
        if !recipients.is_empty() {
            body.insert("recipients".to_owned(), Value::Array(recipients));
        }
        if !self.formats.is_empty() {
            body.insert("formats".to_owned(), json!(self.formats));
        }
        Value::Object(body)
    }

    /// The formats, to be ticked.
    pub fn choices(&self) -> Vec<Choice> {
        let all = Format::ALL.into_iter().map(Format::name);
        let choice = |name: &str| Choice {
            value: name.to_owned(),
            label: name.to_uppercase(),
            picked: self.formats.iter().any(|own| own == name),
        };
        all.map(choice).collect()
    }

    /// The interfaces, to be chosen from. One that is not listed, or that the reader does not see, stays as it is.
    pub fn interfaces(&self, all: &[(String, String)]) -> Vec<Choice> {
        let mut choices: Vec<Choice> = all.iter().map(|(id, label)| Choice::new(id, label, &self.delivery)).collect();
        if !self.delivery.is_empty() && choices.iter().all(|choice| !choice.picked) {
            choices.push(Choice::new(&self.delivery, &self.delivery, &self.delivery));
        }
        choices
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_comes_back_as_it_was() {
        let saved = json!({"delivery": "x", "formats": ["pdf"], "recipients": [
            {"address": "lin@example.org", "individual": true}, {"address": "all@example.org", "individual": false}]});
        assert_eq!(Entry::read(&saved).body(), saved);
        let plain = Entry::read(&json!({"delivery": "x", "recipients": ["lin@example.org"]}));
        assert_eq!((plain.each.as_str(), plain.together.as_str()), ("lin@example.org", ""));
        assert_eq!(Entry::read(&json!({"delivery": "x"})).body(), json!({"delivery": "x"}));
    }

    #[test]
    fn rows_without_an_interface_count_for_nothing() {
        let sent: Vec<(String, String)> =
            [("d.0.delivery", ""), ("d.1.delivery", "x"), ("d.1.each", "a@b.example, c@d.example\r\ne@f.example")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into();
        let rows = Entry::sent(&sent);
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].body()["recipients"].as_array().map(Vec::len), Some(3));
        // One that the reader does not see is kept.
        assert!(rows[0].interfaces(&[]).iter().any(|choice| choice.picked && choice.value == "x"));
    }
}
