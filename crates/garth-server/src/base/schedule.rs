//! Schedules: when something that is done again and again is due next.
//!
//! A schedule is a cron expression of five fields, or one of the simple forms (`@daily`, `every 15 minutes`), read in a
//! time zone. On the two days of a year when clocks are changed it keeps two promises (`docs/jobs.md`):
//!
//! - Where hours are named (`30 2 * * *`, `0 9-17 * * *`, `0 */2 * * *`), each time of day comes **once** a day: one that
//!   is left out comes in the first moment after, one that is there twice counts the first time.
//! - Where every hour is meant (`*/15 * * * *`), time **flows**: the distances stay as they are.
//!
//! Nothing here reads a clock. The zones are those that the program brings along.

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use garth_core::Micros;
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};

/// Longest schedule, in bytes.
pub const TEXT_BYTES: usize = 100;
/// Longest name of a time zone, in bytes.
pub const ZONE_BYTES: usize = 64;
/// Most days between two times of `every N days`.
pub const DAYS: u16 = 366;

const FIELDS: [&str; 5] = ["minute", "hour", "day of the month", "month", "day of the week"];

/// When something is due, again and again.
#[derive(Clone, Debug)]
pub struct Schedule {
    how: How,
    zone: TimeZone,
}

#[derive(Clone, Debug)]
enum How {
    /// At times of day that are named.
    Named(Box<Cron>),
    /// In every hour, as time flows.
    Flowing(Box<Cron>),
    /// Each so many days, at midnight, counted from 1970-01-01.
    Days(u16),
}

impl Schedule {
    /// Reads a schedule and the name of its time zone (`Europe/Berlin`, `UTC`).
    ///
    /// # Errors
    /// What is wrong with it, as a sentence that goes on after the field's name ("must be …").
    pub fn read(text: &str, zone: &str) -> Result<Self, String> {
        let zone = read_zone(zone)?;
        let text = text.trim();
        if text.is_empty() {
            return Err("must not be empty".to_owned());
        }
        let plain = |b: u8| b.is_ascii_alphanumeric() || b" *,-/?#+@".contains(&b);
        if text.len() > TEXT_BYTES || !text.bytes().all(plain) {
            return Err(format!(
                "must be a schedule of at most {TEXT_BYTES} plain characters, such as `30 7 * * MON-FRI`"
            ));
        }
        let lower = text.to_ascii_lowercase();
        let how = if let Some(rest) = lower.strip_prefix("every ") {
            every(rest)?
        } else if let Some(name) = lower.strip_prefix('@') {
            cron(nickname(name)?)?
        } else {
            cron(text)?
        };
        let schedule = Self { how, zone };
        // Of what comes at all, the rarest comes within 400 years: they repeat themselves.
        if schedule.next_civil(Date::constant(1999, 12, 31).at(23, 59, 59, 0)).is_none() {
            return Err("must be a schedule that comes: there is no such day in any year".to_owned());
        }
        Ok(schedule)
    }

    /// When it is due next after that time; `None` where no calendar reaches.
    pub fn next_after(&self, after: Micros) -> Option<Micros> {
        let after = Timestamp::from_microsecond(after).ok()?;
        let here = after.to_zoned(self.zone.clone());
        if let How::Flowing(cron) = &self.how {
            return Some(cron.find_next_occurrence(&here, false).ok()?.timestamp().as_microsecond());
        }
        // The hands of a clock are put back at times, so what they show next may be over: then it is passed by.
        let mut civil = here.datetime();
        loop {
            civil = self.next_civil(civil)?;
            let at = self.moment(civil)?;
            if at > after {
                return Some(at.as_microsecond());
            }
        }
    }

    /// What it means, in plain words: `every day at 07:30, Europe/Berlin`.
    pub fn words(&self) -> String {
        let zone = self.zone.iana_name().unwrap_or("UTC");
        let words = match &self.how {
            How::Days(1) => "every day at 00:00".to_owned(),
            How::Days(days) => format!("every {days} days at 00:00"),
            How::Named(cron) | How::Flowing(cron) => words(cron),
        };
        format!("{words}, {zone}")
    }

    /// What the hands of a clock show when it is due next, were there no changes of clocks.
    fn next_civil(&self, after: DateTime) -> Option<DateTime> {
        match &self.how {
            How::Named(cron) | How::Flowing(cron) => cron.find_next_occurrence(&after, false).ok(),
            How::Days(days) => {
                let day = after.date().tomorrow().ok()?;
                let since = Date::constant(1970, 1, 1).until(day).ok()?.get_days().rem_euclid(i32::from(*days));
                let wait = (i32::from(*days) - since) % i32::from(*days);
                Some(day.checked_add(wait.days()).ok()?.at(0, 0, 0, 0))
            }
        }
    }

    /// The moment at which clocks show that, for the first time; where they never do, the moment that they leap on.
    fn moment(&self, civil: DateTime) -> Option<Timestamp> {
        let ambiguous = self.zone.to_ambiguous_timestamp(civil);
        match ambiguous.offset() {
            // An hour before the leap, at what clocks show then: the next change from there is the leap.
            AmbiguousOffset::Gap { .. } => {
                let before = ambiguous.earlier().ok()?;
                Some(self.zone.following(before).next()?.timestamp())
            }
            _ => ambiguous.earlier().ok(),
        }
    }
}

fn read_zone(name: &str) -> Result<TimeZone, String> {
    let zone = (name.len() <= ZONE_BYTES).then(|| TimeZone::get(name).ok()).flatten();
    zone.filter(|zone| !zone.is_unknown())
        .ok_or_else(|| "must be the name of a time zone, such as `Europe/Berlin` or `UTC`".to_owned())
}

fn nickname(name: &str) -> Result<&'static str, String> {
    Ok(match name {
        "hourly" => "0 * * * *",
        "daily" => "0 0 * * *",
        "weekly" => "0 0 * * MON",
        "monthly" => "0 0 1 * *",
        "yearly" => "0 0 1 1 *",
        _ => return Err("must be one of @hourly, @daily, @weekly, @monthly and @yearly".to_owned()),
    })
}

/// What stands behind `every`.
fn every(rest: &str) -> Result<How, String> {
    let form = || "must be of the form `every 15 minutes`, `every 6 hours` or `every 2 days`".to_owned();
    let words: Vec<&str> = rest.split_ascii_whitespace().collect();
    let (number, unit) = match words[..] {
        [unit] => (1, unit),
        [number, unit] => (number.parse::<u16>().map_err(|_| form())?, unit),
        _ => return Err(form()),
    };
    let divides = |whole: u16| number > 0 && number < whole && whole.is_multiple_of(number);
    match unit {
        "minute" | "minutes" if divides(60) => cron(&format!("*/{number} * * * *")),
        "minute" | "minutes" => {
            Err("must have minutes that an hour can be divided by, such as 5, 10, 15 or 30".to_owned())
        }
        "hour" | "hours" if number == 1 => cron("0 * * * *"),
        "hour" | "hours" if divides(24) => cron(&format!("0 */{number} * * *")),
        "hour" | "hours" => Err("must have hours that a day can be divided by: 1, 2, 3, 4, 6, 8 or 12".to_owned()),
        "day" | "days" if (1..=DAYS).contains(&number) => Ok(How::Days(number)),
        "day" | "days" => Err(format!("must have 1 to {DAYS} days")),
        _ => Err(form()),
    }
}

fn cron(text: &str) -> Result<How, String> {
    let fields: Vec<&str> = text.split_ascii_whitespace().collect();
    let [_, hour, _, _, _] = fields[..] else {
        return Err(format!("must have five fields ({}), not {}", FIELDS.join(", "), fields.len()));
    };
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    let named = hour != "*";
    match parser.parse(text) {
        Ok(cron) if named => Ok(How::Named(Box::new(cron))),
        Ok(cron) => Ok(How::Flowing(Box::new(cron))),
        // The library's sentences are for programmers; which field it is says more.
        Err(_) => {
            let alone = |at: usize| (0..5).map(|i| if i == at { fields[i] } else { "*" }).collect::<Vec<_>>().join(" ");
            Err(match (0..5).find(|at| parser.parse(&alone(*at)).is_err()) {
                Some(at) => format!("must have a {} that there is, not `{}`", FIELDS[at], fields[at]),
                None => "must be a cron expression".to_owned(),
            })
        }
    }
}

/// A cron expression in plain words: its times, and its days where they are not all.
fn words(cron: &Cron) -> String {
    let text = cron.pattern.to_string();
    let fields: Vec<&str> = text.split_ascii_whitespace().collect();
    let [minute, hour, days @ ..] = &fields[..] else { return text };
    let Some(times) = times(minute, hour) else { return sentence(cron) };
    // The library says the days well; what it says of midnight is cut off.
    let Ok(How::Named(midnight)) = self::cron(&format!("0 0 {}", days.join(" "))) else { return sentence(cron) };
    let said = sentence(&midnight);
    let days = said.strip_prefix("at 00:00").unwrap_or_default().trim_start_matches(", ");
    let days = days.replace("Monday, Tuesday, Wednesday, Thursday, and Friday", "Monday to Friday");
    match (days.is_empty(), times.starts_with("at ")) {
        (true, true) => format!("every day {times}"),
        (true, false) => times,
        (false, _) => format!("{times}, {days}"),
    }
}

/// The times of a day in plain words, where they are few or regular.
fn times(minute: &str, hour: &str) -> Option<String> {
    let list = |text: &str| text.split(',').map(|one| one.parse::<u8>().ok()).collect::<Option<Vec<u8>>>();
    match (minute, hour, minute.strip_prefix("*/"), hour.strip_prefix("*/")) {
        ("*", "*", ..) => Some("every minute".to_owned()),
        ("0", "*", ..) => Some("every hour".to_owned()),
        ("0", _, _, Some(hours)) => Some(format!("every {hours} hours")),
        (_, "*", Some(minutes), _) => Some(format!("every {minutes} minutes")),
        (_, "*", ..) => list(minute).filter(|list| list.len() == 1).map(|_| format!("every hour at minute {minute}")),
        _ => {
            let (minutes, hours) = (list(minute)?, list(hour)?);
            let all = hours.iter().flat_map(|hour| minutes.iter().map(move |minute| format!("{hour:02}:{minute:02}")));
            let all: Vec<String> = all.collect();
            match &all[..] {
                [rest @ .., last] if !rest.is_empty() && rest.len() < 6 => {
                    Some(format!("at {} and {last}", rest.join(", ")))
                }
                [one] => Some(format!("at {one}")),
                _ => None,
            }
        }
    }
}

/// What the library says, in small letters.
fn sentence(cron: &Cron) -> String {
    let said = cron.describe();
    let mut letters = said.strip_suffix('.').unwrap_or(&said).chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

#[cfg(test)]
#[path = "schedule/tests.rs"]
mod tests;
