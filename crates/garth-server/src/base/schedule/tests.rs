//! Schedules on plain days, on days when clocks are changed, and what is no schedule.

use super::*;
use crate::base::clock::{from_text, to_text};

/// The next times after one, without the fractions.
fn next(schedule: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
    let schedule = Schedule::read(schedule, zone).unwrap_or_else(|wrong| panic!("{schedule}: {wrong}"));
    let mut at = from_text(after).expect("a time");
    (0..count)
        .map(|_| {
            let due = schedule.next_after(at).expect("it comes again");
            assert!(due > at, "it goes on");
            at = due;
            to_text(due).replace(".000000Z", "Z")
        })
        .collect()
}

#[test]
fn a_schedule_comes_when_it_says() {
    for (schedule, zone, after, due) in [
        ("30 7 * * *", "UTC", "2031-05-04T07:29:59.999999Z", ["2031-05-04T07:30:00Z", "2031-05-05T07:30:00Z"]),
        ("30 7 * * *", "UTC", "2031-05-04T07:30:00Z", ["2031-05-05T07:30:00Z", "2031-05-06T07:30:00Z"]),
        ("30 7 * * *", "Europe/Berlin", "2031-05-04T07:30:00Z", ["2031-05-05T05:30:00Z", "2031-05-06T05:30:00Z"]),
        ("30 7 * * *", "europe/berlin", "2031-01-04T07:30:00Z", ["2031-01-05T06:30:00Z", "2031-01-06T06:30:00Z"]),
        ("0 9 * * MON-FRI", "UTC", "2031-05-02T10:00:00Z", ["2031-05-05T09:00:00Z", "2031-05-06T09:00:00Z"]),
        ("0 9 * * 7", "UTC", "2031-05-02T10:00:00Z", ["2031-05-04T09:00:00Z", "2031-05-11T09:00:00Z"]),
        ("0 0 L * *", "UTC", "2032-02-01T00:00:00Z", ["2032-02-29T00:00:00Z", "2032-03-31T00:00:00Z"]),
        ("0 0 * * FRI#2", "UTC", "2031-05-01T00:00:00Z", ["2031-05-09T00:00:00Z", "2031-06-13T00:00:00Z"]),
        ("0 0 29 2 *", "UTC", "2031-05-01T00:00:00Z", ["2032-02-29T00:00:00Z", "2036-02-29T00:00:00Z"]),
        ("* * * * *", "UTC", "2031-05-01T00:00:00.5Z", ["2031-05-01T00:01:00Z", "2031-05-01T00:02:00Z"]),
        ("@hourly", "Asia/Kolkata", "2031-05-01T00:00:00Z", ["2031-05-01T00:30:00Z", "2031-05-01T01:30:00Z"]),
        ("@daily", "Asia/Kolkata", "2031-05-01T00:00:00Z", ["2031-05-01T18:30:00Z", "2031-05-02T18:30:00Z"]),
        ("@Weekly", "UTC", "2031-05-04T00:00:00Z", ["2031-05-05T00:00:00Z", "2031-05-12T00:00:00Z"]),
        ("@monthly", "UTC", "2031-05-04T00:00:00Z", ["2031-06-01T00:00:00Z", "2031-07-01T00:00:00Z"]),
        ("@yearly", "UTC", "2031-05-04T00:00:00Z", ["2032-01-01T00:00:00Z", "2033-01-01T00:00:00Z"]),
        ("every minute", "UTC", "2031-05-04T00:00:00Z", ["2031-05-04T00:01:00Z", "2031-05-04T00:02:00Z"]),
        ("every 15 minutes", "UTC", "2031-05-04T00:01:00Z", ["2031-05-04T00:15:00Z", "2031-05-04T00:30:00Z"]),
        ("Every 6  hours", "UTC", "2031-05-04T00:00:00Z", ["2031-05-04T06:00:00Z", "2031-05-04T12:00:00Z"]),
        ("every day", "UTC", "2031-05-04T00:00:00Z", ["2031-05-05T00:00:00Z", "2031-05-06T00:00:00Z"]),
        ("every 2 days", "UTC", "1970-01-01T00:00:00Z", ["1970-01-03T00:00:00Z", "1970-01-05T00:00:00Z"]),
        ("every 3 days", "UTC", "1970-01-02T05:00:00Z", ["1970-01-04T00:00:00Z", "1970-01-07T00:00:00Z"]),
        ("every 2 days", "UTC", "1969-12-29T05:00:00Z", ["1969-12-30T00:00:00Z", "1970-01-01T00:00:00Z"]),
    ] {
        assert_eq!(next(schedule, zone, after, 2), due, "{schedule} in {zone} after {after}");
    }
}

#[test]
fn none_is_lost_and_none_comes_twice_when_clocks_are_changed() {
    for (schedule, zone, after, due) in [
        // Berlin leaps from 02:00 to 03:00 at 01:00 UTC on 2027-03-28, and back from 03:00 to 02:00 on 2026-10-25.
        ("30 2 * * *", "Europe/Berlin", "2027-03-27T12:00:00Z", "2027-03-28T01:00:00Z 2027-03-29T00:30:00Z"),
        ("30 1,2 * * *", "Europe/Berlin", "2027-03-27T12:00:00Z", "2027-03-28T00:30:00Z 2027-03-28T01:00:00Z"),
        ("0 2,3 * * *", "Europe/Berlin", "2027-03-27T12:00:00Z", "2027-03-28T01:00:00Z 2027-03-29T00:00:00Z"),
        ("*/20 2 * * *", "Europe/Berlin", "2027-03-27T12:00:00Z", "2027-03-28T01:00:00Z 2027-03-29T00:00:00Z"),
        ("0 */2 * * *", "Europe/Berlin", "2027-03-27T23:00:00Z", "2027-03-28T01:00:00Z 2027-03-28T02:00:00Z"),
        ("30 * * * *", "Europe/Berlin", "2027-03-28T00:00:00Z", "2027-03-28T00:30:00Z 2027-03-28T01:30:00Z"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z 2026-10-26T01:30:00Z"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", "2026-10-26T01:30:00Z 2026-10-27T01:30:00Z"),
        ("30 1,2 * * *", "Europe/Berlin", "2026-10-24T23:30:00Z", "2026-10-25T00:30:00Z 2026-10-26T00:30:00Z"),
        ("*/30 2 * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z 2026-10-26T01:00:00Z"),
        ("*/30 * * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z 2026-10-25T01:00:00Z"),
        ("*/30 * * * *", "Europe/Berlin", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z 2026-10-25T02:00:00Z"),
        // New York, at other hours.
        ("30 2 * * SUN", "America/New_York", "2027-03-10T00:00:00Z", "2027-03-14T07:00:00Z 2027-03-21T06:30:00Z"),
        ("30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", "2026-11-01T05:30:00Z 2026-11-02T06:30:00Z"),
        // Midnight is left out in Beirut, and a whole day was in Apia.
        ("@daily", "Asia/Beirut", "2027-03-27T12:00:00Z", "2027-03-27T22:00:00Z 2027-03-28T21:00:00Z"),
        ("every day", "Asia/Beirut", "2027-03-27T12:00:00Z", "2027-03-27T22:00:00Z 2027-03-28T21:00:00Z"),
        ("0 9 * * *", "Pacific/Apia", "2011-12-29T20:00:00Z", "2011-12-30T10:00:00Z 2011-12-30T19:00:00Z"),
        // Half an hour in Lord Howe.
        ("15 2 * * *", "Australia/Lord_Howe", "2027-10-02T00:00:00Z", "2027-10-02T15:30:00Z 2027-10-03T15:15:00Z"),
        ("45 1 * * *", "Australia/Lord_Howe", "2027-04-03T00:00:00Z", "2027-04-03T14:45:00Z 2027-04-04T15:15:00Z"),
    ] {
        assert_eq!(next(schedule, zone, after, 2).join(" "), due, "{schedule} in {zone} after {after}");
    }
}

/// Each time of day that is named comes once a day, in any zone, whatever is done to its clocks.
#[test]
fn a_year_of_days_has_a_time_for_each() {
    for zone in ["UTC", "Europe/Berlin", "America/New_York", "Asia/Beirut", "Australia/Lord_Howe", "Africa/Casablanca"]
    {
        for hour in 0..24 {
            let due = next(&format!("30 {hour} * * *"), zone, "2026-12-31T12:00:00Z", 365);
            let mut days: Vec<_> = due.iter().filter_map(|at| at.parse::<Timestamp>().ok()).collect();
            days.dedup_by_key(|at| at.to_zoned(TimeZone::get(zone).expect("a zone")).date());
            assert_eq!(days.len(), 365, "{hour} in {zone}");
        }
        let quarters = next("*/15 * * * *", zone, "2026-12-31T12:00:00Z", 4 * 24 * 365);
        assert_eq!(
            quarters.last().map(String::as_str),
            Some("2031-12-31T12:00:00Z").map(|_| "2027-12-31T12:00:00Z"),
            "{zone}"
        );
    }
}

#[test]
fn what_is_no_schedule_is_refused_in_words() {
    for (schedule, why) in [
        ("", "must not be empty"),
        ("   ", "must not be empty"),
        ("0 0 30 2 *", "there is no such day"),
        ("0 0 31 4,6,9,11 *", "there is no such day"),
        ("* * * *", "five fields"),
        ("0 * * * * *", "not 6"),
        ("0 0 1 1 * 2031", "not 6"),
        ("60 * * * *", "a minute that there is, not `60`"),
        ("0 24 * * *", "a hour that there is"),
        ("0 0 0 * *", "a day of the month that there is"),
        ("0 0 * 13 *", "a month that there is"),
        ("0 0 * * 8", "a day of the week that there is"),
        ("*/0 * * * *", "a minute"),
        ("@never", "@hourly, @daily"),
        ("every 7 minutes", "an hour can be divided by"),
        ("every 0 minutes", "an hour can be divided by"),
        ("every 5 hours", "a day can be divided by"),
        ("every 0 days", "1 to 366 days"),
        ("every 400 days", "1 to 366 days"),
        ("every", "five fields"),
        ("every now and then", "of the form"),
        ("every -5 minutes", "of the form"),
        ("every 3 moons", "of the form"),
        ("½ * * * *", "plain characters"),
        ("0 0 * * *\n", "comes"),
        ("0\u{0}0 * * *", "plain characters"),
    ] {
        match Schedule::read(schedule, "UTC") {
            Ok(_) => assert_eq!(why, "comes", "{schedule:?} was read"),
            Err(wrong) => assert!(wrong.contains(why), "{schedule:?}: {wrong}"),
        }
    }
    assert!(Schedule::read(&"1,".repeat(80), "UTC").is_err());
    for zone in ["", "Berlin", "+02:00", "Etc/Unknown", "../UTC", "Europe/Berlin\0", &"x".repeat(400)] {
        assert!(Schedule::read("@daily", zone).is_err(), "{zone}");
    }
}

#[test]
fn a_schedule_is_said_in_plain_words() {
    for (schedule, words) in [
        ("30 7 * * *", "every day at 07:30"),
        ("30 7 * * MON-FRI", "at 07:30, on Monday to Friday"),
        ("*/15 * * * *", "every 15 minutes"),
        ("every 2 days", "every 2 days at 00:00"),
        ("every 6 hours", "every 6 hours"),
        ("@hourly", "every hour"),
        ("30 * * * *", "every hour at minute 30"),
        ("0 9,17 * * *", "every day at 09:00 and 17:00"),
        ("@weekly", "at 00:00, on Monday"),
        ("@monthly", "at 00:00, on day 1"),
        ("0 8 L * *", "at 08:00, on the last day of the month"),
        ("0 8 * * FRI#2", "at 08:00, on the 2nd Friday of the month"),
        ("0 8 1 1,7 *", "at 08:00, on day 1, in January and July"),
        ("* * * * *", "every minute"),
    ] {
        let read = Schedule::read(schedule, "Europe/Berlin").expect("a schedule");
        assert_eq!(read.words(), format!("{words}, Europe/Berlin"), "{schedule}");
    }
}

proptest::proptest! {
    /// Whatever is written there, reading it ends, and what was read goes on.
    #[test]
    fn nothing_that_is_written_there_upsets_it(text in "[0-9A-Za-z*,/?#+@ -]{0,30}", fields in proptest::collection::vec("[0-9*,/LW?#+-]{1,5}", 5)) {
        for text in [text, fields.join(" ")] {
            if let Ok(schedule) = Schedule::read(&text, "Europe/Berlin") {
                let at = from_text("2031-05-04T00:00:00Z").expect("a time");
                proptest::prop_assert!(schedule.next_after(at).is_none_or(|due| due > at));
                proptest::prop_assert!(!schedule.words().is_empty());
            }
        }
    }
}
