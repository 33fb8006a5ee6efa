//! When a job runs, as its form asks: how often, at what time and on which day; or as cron writes it.

use crate::base::schedule::Schedule;
use crate::console::fields::one;
use crate::console::look::Choice;
use garth_core::Micros;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// How often.
const OFTEN: [(&str, &str); 7] = [
    ("never", "Only when somebody runs it"),
    ("every", "Every so many minutes or hours"),
    ("daily", "Every day"),
    ("working", "From Monday to Friday"),
    ("weekly", "Every week"),
    ("monthly", "Every month"),
    ("cron", "Otherwise, as cron writes it"),
];
const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const UNITS: [&str; 2] = ["minutes", "hours"];
/// Firings that a form tells.
const NEXT: usize = 3;

/// The fields, as they are typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct When {
    pub often: String,
    pub every: String,
    pub unit: String,
    /// `08:00`.
    pub at: String,
    /// 0 is Sunday.
    pub weekday: String,
    pub day: String,
    pub text: String,
}

impl When {
    /// Of a schedule that was saved.
    pub fn read(schedule: Option<&str>) -> Self {
        let mut when = Self {
            often: "cron".to_owned(),
            every: "15".to_owned(),
            unit: "minutes".to_owned(),
            at: "08:00".to_owned(),
            weekday: "1".to_owned(),
            day: "1".to_owned(),
            text: String::new(),
        };
        let Some(text) = schedule else { return Self { often: "never".to_owned(), ..when } };
        text.clone_into(&mut when.text);
        let words: Vec<&str> = text.split_whitespace().collect();
        if let ["every", number, unit] = words.as_slice()
            && number.parse::<u32>().is_ok()
            && UNITS.contains(unit)
        {
            return Self { often: "every".to_owned(), every: (*number).to_owned(), unit: (*unit).to_owned(), ..when };
        }
        let &[minute, hour, day, "*", weekday] = words.as_slice() else { return when };
        let number = |text: &str, most: u32| text.parse::<u32>().ok().filter(|number| *number <= most);
        let (Some(minute), Some(hour)) = (number(minute, 59), number(hour, 23)) else { return when };
        let (day_number, weekday_number) = (number(day, 31), number(weekday, 7));
        when.often = match (day, weekday) {
            ("*", "*") => "daily",
            ("*", "1-5" | "MON-FRI") => "working",
            ("*", _) if weekday_number.is_some() => "weekly",
            (_, "*") if day_number.is_some() => "monthly",
            _ => return when,
        }
        .to_owned();
        when.at = format!("{hour:02}:{minute:02}");
        if let Some(weekday) = weekday_number {
            when.weekday = (weekday % 7).to_string();
        }
        if let Some(day) = day_number {
            when.day = day.to_string();
        }
        when
    }

    /// Of what a form sent.
    pub fn sent(fields: &[(String, String)]) -> Self {
        let field = |name: &str| one(fields, name).trim().to_owned();
        Self {
            often: field("when"),
            every: field("when.every"),
            unit: field("when.unit"),
            at: field("when.at"),
            weekday: field("when.weekday"),
            day: field("when.day"),
            text: field("when.text"),
        }
    }

    /// The schedule; `None` where it runs by hand alone.
    ///
    /// # Errors
    /// What is wrong with what was typed.
    pub fn schedule(&self) -> Result<Option<String>, String> {
        let time = || {
            let (hour, minute) = self.at.split_once(':')?;
            let number = |text: &str, most: u32| text.parse::<u32>().ok().filter(|number| *number <= most);
            Some((number(hour, 23)?, number(minute.get(..2)?, 59)?))
        };
        let time = || time().ok_or_else(|| "needs a time of day, such as 08:00".to_owned());
        let among = |text: &str, least: u32, most: u32, what: &str| match text.parse::<u32>() {
            Ok(number) if (least..=most).contains(&number) => Ok(number),
            _ => Err(format!("needs {what} from {least} to {most}")),
        };
        Ok(Some(match self.often.as_str() {
            "never" => return Ok(None),
            "every" => {
                let unit = UNITS.iter().find(|unit| **unit == self.unit).ok_or("needs minutes or hours")?;
                format!("every {} {unit}", among(&self.every, 1, 10_000, "a number")?)
            }
            "daily" => time().map(|(hour, minute)| format!("{minute} {hour} * * *"))?,
            "working" => time().map(|(hour, minute)| format!("{minute} {hour} * * 1-5"))?,
            "weekly" => {
                let weekday = among(&self.weekday, 0, 6, "a day of the week")?;
                time().map(|(hour, minute)| format!("{minute} {hour} * * {weekday}"))?
            }
            "monthly" => {
                let day = among(&self.day, 1, 31, "a day of the month")?;
                time().map(|(hour, minute)| format!("{minute} {hour} {day} * *"))?
            }
            _ if self.text.is_empty() => return Err("must say when".to_owned()),
            _ => self.text.clone(),
        }))
    }

    pub fn choices(&self) -> Vec<Choice> {
        OFTEN.iter().map(|(word, label)| Choice::new(word, label, &self.often)).collect()
    }

    pub fn weekdays(&self) -> Vec<Choice> {
        let day = |(at, name): (usize, &&str)| Choice::new(&at.to_string(), name, &self.weekday);
        // A week begins on Monday.
        let mut days: Vec<Choice> = WEEKDAYS.iter().enumerate().map(day).collect();
        days.rotate_left(1);
        days
    }

    pub fn units(&self) -> Vec<Choice> {
        UNITS.iter().map(|unit| Choice::new(unit, unit, &self.unit)).collect()
    }
}

/// A schedule in words, and when it is due next.
pub struct Told {
    pub words: String,
    pub next: Vec<String>,
}

impl Told {
    /// Of a schedule that can be read; nothing of another.
    pub fn of(schedule: &str, zone: &str, now: Micros) -> Option<Self> {
        let schedule_read = Schedule::read(schedule, zone).ok()?;
        let zone = TimeZone::get(zone).ok()?;
        let (mut after, mut next) = (now, Vec::new());
        for _ in 0..NEXT {
            let Some(at) = schedule_read.next_after(after) else { break };
            next.push(local(at, &zone));
            after = at;
        }
        Some(Self { words: schedule_read.words(), next })
    }
}

/// A moment as it is told in a time zone: `Mon 24 Nov 2031, 08:00`.
fn local(at: Micros, zone: &TimeZone) -> String {
    let Ok(stamp) = Timestamp::from_microsecond(at) else { return String::new() };
    stamp.to_zoned(zone.clone()).strftime("%a %-d %b %Y, %H:%M").to_string()
}

/// The names of time zones, to choose from.
pub fn zones() -> Vec<String> {
    let mut names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
    names.retain(|name| name == "UTC" || name.contains('/') && !name.starts_with("Etc/"));
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_form_can_say_comes_back_as_it_was() {
        for (schedule, often) in [
            (None, "never"),
            (Some("every 15 minutes"), "every"),
            (Some("every 2 hours"), "every"),
            (Some("5 0 * * *"), "daily"),
            (Some("0 8 * * 1-5"), "working"),
            (Some("30 16 * * 5"), "weekly"),
            (Some("0 8 1 * *"), "monthly"),
            (Some("0 8 1 1 *"), "cron"),
            (Some("*/5 8-17 * * *"), "cron"),
            (Some("@hourly"), "cron"),
            (Some("0 8 1 * 1"), "cron"),
        ] {
            let when = When::read(schedule);
            assert_eq!(when.often, often, "{schedule:?}");
            assert_eq!(when.schedule().expect("a schedule").as_deref(), schedule);
        }
        assert_eq!(When::read(Some("0 8 * * 7")).weekday, "0");
    }

    #[test]
    fn what_makes_no_schedule_is_told() {
        let daily = When::read(Some("0 8 * * *"));
        for wrong in [
            When { at: "25:00".to_owned(), ..daily.clone() },
            When { at: String::new(), ..daily.clone() },
            When { often: "weekly".to_owned(), weekday: "9".to_owned(), ..daily.clone() },
            When { often: "monthly".to_owned(), day: "0".to_owned(), ..daily.clone() },
            When { often: "every".to_owned(), every: "x".to_owned(), ..daily.clone() },
            When { often: "every".to_owned(), unit: "years".to_owned(), ..daily.clone() },
            When { often: "cron".to_owned(), text: String::new(), ..daily.clone() },
        ] {
            assert!(wrong.schedule().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_schedule_is_told_with_what_comes_next() {
        let told = Told::of("0 8 * * *", "Europe/Berlin", 0).expect("a schedule");
        assert!(!told.words.is_empty());
        assert_eq!(told.next, ["Thu 1 Jan 1970, 08:00", "Fri 2 Jan 1970, 08:00", "Sat 3 Jan 1970, 08:00"]);
        assert!(Told::of("0 8 31 2 *", "Europe/Berlin", 0).is_none_or(|told| told.next.is_empty()));
        assert!(Told::of("0 8 * * *", "Nowhere/Atall", 0).is_none());
        assert!(zones().iter().any(|zone| zone == "Europe/Berlin"));
    }
}
