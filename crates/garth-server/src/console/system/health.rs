//! How the server is, told in words, with what its figures say of requests; how the jobs and delivery interfaces of its
//! spaces are; whom it writes to when something turns red; and the keys of programs that watch it.

use super::{first, lines, refused};
use crate::base::error::{Error, FieldError, Result};
use crate::console::fields::{Fields, one};
use crate::console::jobs::look::Marks;
use crate::console::look::{Choice, Moment, named, number};
use crate::console::names::Names;
use crate::console::seat::{Seat, Wrong};
use crate::console::shell::Shell;
use crate::directory::{Alerts, PublicHealth, Settings};
use crate::health::observers::{self, Stored};
use crate::health::{self, Colour, Tally, Vitals, Watched, alerts};
use crate::settings::{self, Changes};
use askama::Template;
use axum::response::Response;
use std::collections::BTreeMap;

const HERE: &str = "/system/health";
/// Changes that wait from which on it is worth a look.
const MANY: usize = 100;
/// Most jobs and interfaces that are told.
const TOLD: usize = 100;
/// The fields of the forms.
const FIELDS: [&str; 5] =
    ["/alerts/recipients", "/alerts/check_minutes", "/alerts/gap_minutes", "/public_health", "/name"];
/// What everybody may be told.
const TELLS: [(&str, &str); 3] = [
    ("nothing", "Nothing"),
    ("colour", "One colour for all of it"),
    ("counts", "The colour, and how many jobs and interfaces have which"),
];
/// The figure of requests.
const REQUESTS: &str = "garth_http_request_duration_seconds";

#[derive(Template)]
#[template(path = "system/health.html")]
struct Page {
    frame: Shell,
    /// Is everything as it should be?
    well: bool,
    signs: Vec<Sign>,
    requests: Vec<Requests>,
    figures: Vec<(&'static str, String)>,
    /// How jobs, and delivery interfaces, are.
    counts: Vec<Count>,
    /// Those of them that are not well.
    ailing: Vec<Ailing>,
    /// Are there more than are told?
    more: bool,
    recipients: String,
    check: String,
    gap: String,
    tells: Vec<Choice>,
    mail: bool,
    /// Has somebody to write to been saved?
    writes: bool,
    observers: Vec<Observer>,
    /// A key's name and its secret, shown this once.
    secret: Option<(String, String)>,
    /// What came of a test.
    tested: Option<(bool, String)>,
    wrong: Wrong,
}

/// How many of something have which colour.
struct Count {
    what: &'static str,
    all: usize,
    good: usize,
    near: usize,
    bad: usize,
    none: usize,
}

impl Count {
    fn of(what: &'static str, tally: Tally) -> Self {
        let many = |colour| tally.many(colour);
        let (good, near) = (many(Colour::Green), many(Colour::Yellow));
        let (bad, none) = (many(Colour::Red), many(Colour::Gray));
        Self { what, all: good + near + bad + none, good, near, bad, none }
    }
}

/// A job or an interface that is not well.
struct Ailing {
    name: String,
    space: String,
    what: &'static str,
    marks: Marks,
    at: Option<Moment>,
    error: String,
}

/// A key of a program that watches.
struct Observer {
    id: String,
    name: String,
    prefix: String,
    by: String,
    made: Moment,
    used: Option<Moment>,
}

/// What a page begins with besides.
#[derive(Default)]
struct Begun {
    /// What was typed of alerts: to whom, how often looked, how often written, and what everybody is told.
    typed: Option<[String; 4]>,
    secret: Option<(String, String)>,
    tested: Option<(bool, String)>,
    wrong: Wrong,
}

/// One thing that can be well or not.
struct Sign {
    what: &'static str,
    said: String,
    /// `good`, `near` or `bad`.
    tone: &'static str,
    icon: &'static str,
    href: Option<&'static str>,
}

impl Sign {
    fn new(what: &'static str, tone: &'static str, said: String) -> Self {
        let icon = match tone {
            "good" => "done",
            "near" => "warning",
            _ => "alert",
        };
        Self { what, said, tone, icon, href: None }
    }
}

/// Requests that ended alike.
struct Requests {
    what: &'static str,
    count: String,
    mean: String,
}

/// The page.
pub async fn show(seat: &Seat) -> Result<Response> {
    shown(seat, Begun::default()).await
}

async fn shown(seat: &Seat, begun: Begun) -> Result<Response> {
    let ctx = &seat.ctx;
    let vitals = health::vitals(ctx).await?;
    let overview = health::look(ctx).await?;
    let keys = observers::list(ctx, &first()).await?;
    let saved = settings::get(ctx)?;
    let dir = ctx.directory();
    let caller = ctx.caller(&dir)?;
    let names = Names::new(&dir, &caller, ctx.now());
    let signs = signs(&vitals);
    let [recipients, check, gap, tells] = begun.typed.unwrap_or_else(|| typed(&saved));
    let mut ailing: Vec<Ailing> = Vec::new();
    let mut more = overview.more;
    if let Some((jobs, deliveries)) = overview.listed {
        let all = jobs.into_iter().map(|one| ("Job", one));
        let all = all.chain(deliveries.into_iter().map(|one| ("Delivery interface", one)));
        let mut found: Vec<(&'static str, Watched)> = all.collect();
        found.sort_by_key(|(_, one)| one.colour);
        more = more || found.len() > TOLD;
        ailing = found.into_iter().take(TOLD).map(|(what, one)| ail(what, one, ctx.now())).collect();
    }
    let observer = |key: Stored| Observer {
        by: names.of(&key.created_by),
        made: Moment::new(key.created_at, ctx.now()),
        used: key.last_used_at.map(|at| Moment::new(at, ctx.now())),
        id: key.id,
        name: key.name,
        prefix: key.prefix,
    };
    let counts = overview.counts;
    let counts = counts.map(|(jobs, ways)| vec![Count::of("Jobs", jobs), Count::of("Delivery interfaces", ways)]);
    let page = Page {
        frame: Shell::outside(seat, HERE)?,
        well: signs.iter().all(|sign| sign.tone == "good") && overview.colour != Colour::Red,
        requests: requests(&vitals.figures),
        figures: figures(&vitals),
        signs,
        counts: counts.unwrap_or_default(),
        ailing,
        more,
        recipients,
        check,
        gap,
        tells: TELLS.iter().map(|(word, label)| Choice::new(word, label, &tells)).collect(),
        mail: vitals.mail,
        writes: !saved.alerts.recipients.is_empty(),
        observers: keys.items.into_iter().map(observer).collect(),
        secret: begun.secret,
        tested: begun.tested,
        wrong: begun.wrong,
    };
    Ok(seat.page_as(page.wrong.status, &page))
}

fn ail(what: &'static str, one: Watched, now: i64) -> Ailing {
    Ailing {
        name: one.name,
        space: named(&one.space_name),
        what,
        marks: Marks::of(&one.last),
        at: one.at.filter(|_| one.error.is_some()).map(|at| Moment::new(at, now)),
        error: one.error.unwrap_or_default(),
    }
}

/// What is saved of alerts, as the form has it.
fn typed(settings: &Settings) -> [String; 4] {
    let alerts = &settings.alerts;
    let tells = match settings.public_health {
        PublicHealth::Nothing => "nothing",
        PublicHealth::Colour => "colour",
        PublicHealth::Counts => "counts",
    };
    [alerts.recipients.join("\n"), alerts.check_minutes.to_string(), alerts.gap_minutes.to_string(), tells.to_owned()]
}

fn changes([recipients, check, gap, tells]: &[String; 4]) -> Result<Changes> {
    let mut wrong = Vec::new();
    let mut minutes = |pointer: &str, text: &str| {
        text.trim().parse::<u32>().unwrap_or_else(|_| {
            wrong.push(FieldError { pointer: pointer.to_owned(), message: "must be a number of minutes".to_owned() });
            0
        })
    };
    let alerts = Alerts {
        recipients: lines(recipients),
        check_minutes: minutes("/alerts/check_minutes", check),
        gap_minutes: minutes("/alerts/gap_minutes", gap),
    };
    let public_health = match tells.as_str() {
        "nothing" => PublicHealth::Nothing,
        "colour" => PublicHealth::Colour,
        "counts" => PublicHealth::Counts,
        _ => return Err(Error::field("/public_health", "must be one of these")),
    };
    if !wrong.is_empty() {
        return Err(Error::Invalid(wrong));
    }
    Ok(Changes { alerts: Some(alerts), public_health: Some(public_health), ..Changes::default() })
}

/// Changes whom it writes to, and what it tells everybody.
pub async fn update(seat: &Seat, sent: Fields) -> Result<Response> {
    seat.ctx.system_admin(&seat.ctx.directory())?;
    let typed = ["recipients", "check_minutes", "gap_minutes", "public_health"].map(|name| one(&sent, name).to_owned());
    let saved = match changes(&typed) {
        Ok(changes) => settings::update(&seat.ctx, changes).await.map(drop),
        Err(error) => Err(error),
    };
    match saved {
        Ok(()) => Ok(seat.done(HERE, "Alerts are saved, and count from now on.")),
        Err(error) => {
            let wrong = refused(seat, error, &FIELDS)?;
            shown(seat, Begun { typed: Some(typed), wrong, ..Begun::default() }).await
        }
    }
}

/// Writes to whom alerts go, and says beside the button what came of it.
pub async fn test(seat: &Seat) -> Result<Response> {
    let tested = alerts::test(&seat.ctx).await?;
    let said = crate::console::look::sentence(&tested.detail);
    shown(seat, Begun { tested: Some((tested.sent, said)), ..Begun::default() }).await
}

/// Makes a key for a program that watches; the page shows its secret this once.
pub async fn observe(seat: &Seat, sent: Fields) -> Result<Response> {
    match observers::create(&seat.ctx, one(&sent, "name").trim().to_owned()).await {
        Ok((key, secret)) => shown(seat, Begun { secret: Some((key.name, secret)), ..Begun::default() }).await,
        Err(error) => {
            let wrong = refused(seat, error, &FIELDS)?;
            shown(seat, Begun { wrong, ..Begun::default() }).await
        }
    }
}

/// Revokes one.
pub async fn revoke(seat: &Seat, id: String) -> Result<Response> {
    observers::revoke(&seat.ctx, id).await?;
    Ok(seat.done(HERE, "The key opens nothing any more."))
}

fn signs(vitals: &Vitals) -> Vec<Sign> {
    let engine = if vitals.engine == "sqlite" { "SQLite" } else { "PostgreSQL" };
    let database = match vitals.ready {
        true => Sign::new("Database", "good", format!("{engine} answers")),
        false => Sign::new("Database", "bad", format!("{engine} is lost; the server tries to get it back")),
    };
    let waiting = format!("{} changes wait, of {} that may", number_of(vitals.waiting), number_of(vitals.most));
    let tone = match vitals.waiting {
        few if few < MANY => "good",
        some if some < vitals.most => "near",
        _ => "bad",
    };
    let adrift = match vitals.adrift {
        0 => Sign::new("Spaces", "good", "Each has somebody in charge".to_owned()),
        some => Sign {
            href: Some("/system/registry?in_charge=nobody"),
            ..Sign::new("Spaces", "near", format!("{} that nobody is in charge of", number_of(some)))
        },
    };
    vec![
        database,
        Sign::new("Schema", "good", format!("Version {}, the one that this program knows", vitals.schema)),
        Sign::new("Writer", tone, waiting),
        adrift,
    ]
}

fn number_of(count: usize) -> String {
    number(i64::try_from(count).unwrap_or(i64::MAX))
}

fn figures(vitals: &Vitals) -> Vec<(&'static str, String)> {
    let mut all = vec![("Program", format!("Garth {}", vitals.program))];
    if let Some(since) = vitals.since_change {
        all.push(("Last change, or start", ago(since.as_secs())));
    }
    let memory = vitals.figures.lines().find_map(|line| line.strip_prefix("garth_resident_memory_bytes "));
    if let Some(bytes) = memory.and_then(|bytes| bytes.trim().parse::<i64>().ok()) {
        all.push(("Memory", format!("{} MiB", number(bytes / 1_048_576))));
    }
    let mail = if vitals.mail { "a mail server is configured" } else { "no mail server: links are passed on by hand" };
    all.push(("Letters", mail.to_owned()));
    all
}

fn ago(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s ago"),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..86_400 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} d ago", seconds / 86_400),
    }
}

/// How many requests there were since the start, by how they ended, and how long one took.
fn requests(figures: &str) -> Vec<Requests> {
    let mut sums: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for line in figures.lines() {
        let Some(rest) = line.strip_prefix(REQUESTS) else { continue };
        let Some((labels, value)) = rest.rsplit_once(' ') else { continue };
        let status = labels.split_once("status=\"").and_then(|(_, rest)| rest.split_once('"'));
        let (Some((status, _)), Ok(value)) = (status, value.parse::<f64>()) else { continue };
        let sum = sums.entry(status).or_default();
        if labels.starts_with("_count") {
            sum.0 += value;
        } else if labels.starts_with("_sum") {
            sum.1 += value;
        }
    }
    let told = [("2xx", "answered"), ("3xx", "led elsewhere"), ("4xx", "refused"), ("5xx", "failed")];
    let one = |(status, what): (&str, &'static str)| {
        let (count, seconds) = sums.get(status).copied().unwrap_or_default();
        let mean = if count > 0.0 { format!("{:.1} ms", seconds / count * 1_000.0) } else { "–".to_owned() };
        // A count is a whole number, however it is written.
        Requests { what, count: format!("{count:.0}"), mean }
    };
    told.map(one).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_summed_by_how_they_ended() {
        let text = "# HELP x\ngarth_http_request_duration_seconds_sum{route=\"/a\",method=\"GET\",status=\"2xx\"} 0.5\n\
                    garth_http_request_duration_seconds_count{route=\"/a\",method=\"GET\",status=\"2xx\"} 10\n\
                    garth_http_request_duration_seconds_count{route=\"/b\",method=\"GET\",status=\"2xx\"} 40\n\
                    garth_http_request_duration_seconds_bucket{route=\"/b\",method=\"GET\",status=\"2xx\",le=\"1\"} 9\n";
        let all = requests(text);
        assert_eq!((all[0].count.as_str(), all[0].mean.as_str()), ("50", "10.0 ms"));
        assert_eq!((all[3].count.as_str(), all[3].mean.as_str()), ("0", "–"));
    }
}
